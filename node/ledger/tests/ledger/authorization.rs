//! Who may do what: every role, every operation, inside and outside the role's division.
//!
//! [`table`] is what people read and decide; the test asks the chain the same questions. `docs/authorization.md` is written
//! from it.

use crate::council::{administrator, joins, validator};
use crate::members::{appointment, fresh};
use crate::rejections::page;
use crate::scene::{World, commitment, organization, sign};
use hnchain_ledger::MemoryState;
use hnchain_ledger::membership::{Member, Permission, signer_key};
use hnchain_ledger::rejection::Failure;
use hnchain_ledger::{State, registry};
use hnchain_types::genesis::{Registry, Role};
use hnchain_types::governance::{CertificateTypeChange, Change, ParametersChange, Revocation, SignerRotation};
use hnchain_types::member::role_to_proto;
use hnchain_types::proto::{self, RoleKind};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{TxId, codes::Division};
use prost::Message;

/// The columns of the table.
const ROLES: [&str; 11] = [
    "registry_writer",
    "registrar certificate",
    "registrar realty",
    "registrar trace",
    "court",
    "provider",
    "gateway",
    "observer",
    "auditor",
    "administrator",
    "validator",
];

/// Builds an operation.
type Build = fn(BodyBuilder) -> BodyBuilder;

/// An operation, who may do it, what it needs, and how it is built where the registry's own tests do not build it.
type Line = (&'static str, &'static str, Permission<'static>, Option<Build>);

/// A county in the division of the roles that are inside.
fn here() -> Division {
    "410102".parse().unwrap()
}

const WRITE: Permission<'static> = Permission::WriteRecords { namespace: "certificate" };
const TYPE: &str = "11100000000013338W011";

fn register(registry: Registry) -> Permission<'static> {
    Permission::Register { registry, subject: TYPE, division: here() }
}

fn propose(change: Change, body: BodyBuilder) -> BodyBuilder {
    body.propose(change, "why")
}

/// `Y` may, `D` may where its division contains that of the operation or it has none, `.` may not.
#[rustfmt::skip]
fn table() -> Vec<Line> {
    let (certificate, realty, trace) = (Registry::Certificate, Registry::Realty, Registry::Trace);
    let court = Permission::Judge { division: Some(here()) };
    vec![
        //                                            writer
        //                                            |  certificate
        //                                            |  |  realty
        //                                            |  |  |  trace
        //                                            |  |  |  |  court
        //                                            |  |  |  |  |  provider
        //                                            |  |  |  |  |  |  gateway
        //                                            |  |  |  |  |  |  |  observer
        //                                            |  |  |  |  |  |  |  |  auditor
        //                                            |  |  |  |  |  |  |  |  |  administrator
        //                                            |  |  |  |  |  |  |  |  |  |  validator
        ("anchor a record",                          "Y  .  .  .  .  .  .  .  .  .  .", WRITE, Some(|b| b.anchor("certificate", "a", 1, commitment(1)))),
        ("anchor a batch of records",                "Y  .  .  .  .  .  .  .  .  .  .", WRITE, Some(|b| b.anchor_batch("certificate", "a", 1, commitment(1), 9))),
        ("revoke a record",                          "Y  .  .  .  .  .  .  .  .  .  .", WRITE, Some(|b| b.revoke("certificate", "a", 2, "why"))),
        ("propose: validators",                      ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::Validators(joins(&[20], 0)), b))),
        ("propose: an organization",                 ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::Organization(organization("new", "410100")), b))),
        ("propose: a signer's appointment",          ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::Appoint(appointment(0, &fresh(1), &[Role::Provider {}])), b))),
        ("propose: a signer's new key",              ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::RotateSigner(SignerRotation::new("henan-demo", "zhengzhou", administrator(0).public_key(), &fresh(1))), b))),
        ("propose: a signer's revocation",           ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::RevokeSigner(Revocation { public_key: validator(1).public_key() }), b))),
        ("propose: parameters",                      ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::Parameters(ParametersChange { suspend_equivocators: Some(true), ..ParametersChange::default() }), b))),
        ("propose: a type of certificate",           ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| propose(Change::CertificateType(CertificateTypeChange { code: TYPE.into(), name: "执照".into(), retired: false }), b))),
        ("approve a proposal",                       ".  .  .  .  .  .  .  .  .  Y  .", Permission::Govern, Some(|b| b.approve(TxId(commitment(1))))),
        ("submit evidence",                          ".  .  .  .  .  .  .  .  .  .  Y", Permission::Accuse, Some(|b| b.submit_evidence(&crate::council::Council::each(1).evidence(0, 0, 0, 9)))),
        // What follows is asked once an operation has read the rows that it is about; before, it needs the registry alone.
        ("电子证照: enter the registry",              ".  Y  .  .  .  .  .  .  .  .  .", Permission::Enter { registry: certificate }, None),
        ("电子证照: write a type in a division",       ".  D  .  .  .  .  .  .  .  .  .", register(certificate), None),
        ("不动产登记: enter the registry",             ".  .  Y  .  .  .  .  .  .  .  .", Permission::Enter { registry: realty }, None),
        ("不动产登记: write in a division",            ".  .  D  .  .  .  .  .  .  .  .", register(realty), None),
        ("不动产登记: act for a court",                ".  .  .  .  Y  .  .  .  .  .  .", Permission::Judge { division: None }, None),
        ("不动产登记: act for a court in a division",   ".  .  .  .  D  .  .  .  .  .  .", court, None),
        ("农产品溯源: enter the registry",             ".  .  .  Y  .  .  .  .  .  .  .", Permission::Enter { registry: trace }, None),
        ("农产品溯源: write in a division",            ".  .  .  D  .  .  .  .  .  .  .", register(trace), None),
    ]
}

fn cells(line: &Line) -> Vec<char> {
    line.1.chars().filter(|c| *c != ' ').collect()
}

/// The role of a column, with a bound where the role can have one.
fn role(column: usize, division: Option<&str>) -> proto::Role {
    let division = division.map(|d| d.parse().unwrap());
    let registrar = |registry| Role::Registrar { registry, subject: None, division };
    role_to_proto(&match column {
        0 => Role::RegistryWriter { namespace: "certificate".into() },
        1 => registrar(Registry::Certificate),
        2 => registrar(Registry::Realty),
        3 => registrar(Registry::Trace),
        4 => Role::Court { division },
        5 => Role::Provider {},
        6 => Role::Gateway {},
        7 => Role::Observer {},
        8 => Role::Auditor {},
        9 => Role::Administrator {},
        _ => return proto::Role { kind: RoleKind::Validator.into(), ..proto::Role::default() },
    })
}

fn is_bounded(column: usize) -> bool {
    (1..=4).contains(&column)
}

/// A chain on which one key has one role.
struct Bench {
    w: World,
}

impl Bench {
    fn of(role: proto::Role) -> Self {
        let mut w = World::new();
        let row = proto::Signer {
            public_key: fresh(7).public_key().as_bytes().to_vec(),
            organization: "zhengzhou".into(),
            roles: vec![role],
            ..proto::Signer::default()
        };
        let mut rows = w.state.rows().clone();
        rows.insert(signer_key(&fresh(7).public_key()), row.encode_to_vec());
        w.state = MemoryState::new(rows);
        Self { w }
    }

    /// Whether the role gives a permission.
    fn gives(&self, permission: Permission<'_>) -> bool {
        let state = State::new(&self.w.state);
        let member = Member::in_force(&state, &fresh(7).public_key(), self.w.next_time()).unwrap();
        match member.require(permission) {
            Ok(()) => true,
            Err(Failure::Rejected(r)) => {
                assert_eq!(r.code, "ROLE_MISSING");
                false
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn transaction(&mut self, build: Build) -> Transaction {
        let body = build(self.w.body());
        sign(&fresh(7), &body)
    }

    /// Whether the border lets an operation pass, which must need what the line says.
    fn admits(&mut self, build: Build, permission: Permission<'_>) -> bool {
        let tx = self.transaction(build);
        assert_eq!(registry::needs(&tx.body().operations[0]), permission);
        let in_block = crate::scene::code(&self.w.execute(std::slice::from_ref(&tx)).receipts[0]);
        match self.w.admit(&tx) {
            Ok(()) => {
                assert_ne!(in_block, "ROLE_MISSING");
                true
            }
            Err(r) => {
                assert_eq!((r.code, in_block.as_str()), ("ROLE_MISSING", "ROLE_MISSING"));
                false
            }
        }
    }

    fn may(&mut self, line: &Line) -> bool {
        let given = self.gives(line.2);
        if let Some(build) = line.3 {
            assert_eq!(self.admits(build, line.2), given, "{}", line.0);
        }
        given
    }
}

#[test]
fn every_role_may_do_what_the_table_says_and_nothing_else() {
    for line in table() {
        let cells = cells(&line);
        assert_eq!(cells.len(), ROLES.len(), "{}", line.0);
        for (column, cell) in cells.into_iter().enumerate() {
            let bounds: &[Option<&str>] = if is_bounded(column) {
                &[None, Some("410000"), Some("410100"), Some("410102"), Some("410103"), Some("410200")]
            } else {
                &[None]
            };
            for bound in bounds {
                let contains = !matches!(bound, Some("410103" | "410200"));
                let expected = match cell {
                    'Y' => true,
                    'D' => contains,
                    '.' => false,
                    other => panic!("{other}"),
                };
                let may = Bench::of(role(column, *bound)).may(&line);
                assert_eq!(may, expected, "{}: {} {bound:?}", line.0, ROLES[column]);
            }
        }
    }
}

#[test]
fn other_namespaces_and_subjects_give_nothing() {
    let writer = Role::RegistryWriter { namespace: "realty".into() };
    assert!(!Bench::of(role_to_proto(&writer)).gives(WRITE));
    for (subject, expected) in [(None, true), (Some(TYPE), true), (Some("11100000000013338W009"), false)] {
        let subject = subject.map(str::to_owned);
        let registrar = Role::Registrar { registry: Registry::Certificate, subject, division: None };
        assert_eq!(Bench::of(role_to_proto(&registrar)).gives(register(Registry::Certificate)), expected);
    }
}

#[test]
fn the_page_of_authorization_is_what_the_table_says() {
    let mut text = String::from(
        "# Who may do what\n\nEvery operation and the roles that give it. **yes**: with the role, for a registry writer in \
         its namespace. **inside**: where the role's division contains that of the operation, or the role has none; a \
         registrar that is bound to a subject (for example a type of certificate) only for that. Everything else is refused \
         with `ROLE_MISSING`.\n\nA key has at most one of the roles validator, auditor and administrator. What a role may \
         besides (only one's own records, only as custodian, …) the registries' rules say; their codes are in \
         [rejections.md](rejections.md).\n\nWritten by `HNCHAIN_BLESS=1 cargo test -p hnchain-ledger` from \
         `node/ledger/tests/ledger/authorization.rs`, which tests every cell; do not edit.\n\n",
    );
    text += &format!("| operation | {} |\n|---|{}\n", ROLES.join(" | "), "---|".repeat(ROLES.len()));
    for line in table() {
        let word = |cell: &char| match cell {
            'Y' => "yes",
            'D' => "inside",
            _ => "",
        };
        text += &format!("| {} | {} |\n", line.0, cells(&line).iter().map(word).collect::<Vec<_>>().join(" | "));
    }
    page("authorization.md", &text);
}
