//! Rules M1 to M12 and P1 to P4: organizations, signers, parameters and types of certificates, as proposals change them.

use crate::council::{Council, administrator, joins, leaves, name, rotates, validator, writer};
use crate::scene::{CHAIN, code, credit_code, organization, outcome, sign};
use hnchain_crypto::{SecretKey, sm3};
use hnchain_ledger::membership::{PARAMETERS_KEY, governing, organization_key, signer_key};
use hnchain_types::credential::certificate_type_key;
use hnchain_types::genesis::{Organization, Registry, Role};
use hnchain_types::governance::{
    Appointment, CertificateTypeChange, Change, ParametersChange, Revocation, SignerRotation, Threshold,
    ThresholdsChange,
};
use hnchain_types::limits;
use hnchain_types::member::{
    Force, Governing, OrganizationRow, SignerRow, administrators_key, credit_code_key, history_key, row_hash,
};
use hnchain_types::proto;
use prost::Message;

/// A key that the genesis does not know.
pub(crate) fn fresh(i: usize) -> SecretKey {
    SecretKey::from_bytes(&sm3(format!("fresh {i}").as_bytes()).0).unwrap()
}

pub(crate) fn appointment(i: usize, key: &SecretKey, roles: &[Role]) -> Appointment {
    Appointment::new(CHAIN, &name(i), key, roles.to_vec())
}

fn appoint(i: usize, key: &SecretKey, roles: &[Role]) -> Change {
    Change::Appoint(appointment(i, key, roles))
}

fn revoke(key: &SecretKey) -> Change {
    Change::RevokeSigner(Revocation { public_key: key.public_key() })
}

fn turn(i: usize, old: &SecretKey, new: &SecretKey) -> Change {
    Change::RotateSigner(SignerRotation::new(CHAIN, &name(i), old.public_key(), new))
}

fn writes() -> Role {
    Role::RegistryWriter { namespace: "certificate".to_owned() }
}

fn below(id: &str, division: &str, parent: &str) -> Organization {
    Organization { parent: Some(parent.to_owned()), ..organization(id, division) }
}

fn thresholds(thresholds: ThresholdsChange) -> Change {
    Change::Parameters(ParametersChange { thresholds, ..ParametersChange::default() })
}

fn share(text: &str) -> Option<Threshold> {
    Some(text.parse().unwrap())
}

impl Council {
    /// The code with which a proposal is refused.
    fn refused(&mut self, change: impl Into<Change>) -> String {
        let tx = self.propose(0, change);
        self.one(&tx)
    }

    fn row_of(&self, key: &SecretKey) -> SignerRow {
        SignerRow::decode(&self.w.state.rows()[&signer_key(&key.public_key())]).unwrap()
    }

    fn organization_of(&self, id: &str) -> OrganizationRow {
        OrganizationRow::decode(&self.w.state.rows()[&organization_key(id)]).unwrap()
    }

    /// Whether a key may anchor a record now.
    fn anchors(&mut self, key: &SecretKey, id: &str) -> String {
        let body = self.body().anchor("certificate", id, 1, sm3(b"a"));
        self.one(&sign(key, &body))
    }
}

#[test]
fn every_kind_of_change_takes_effect_with_the_approvals_of_its_threshold() {
    let kinds: [(Change, usize, &str); 7] = [
        (appoint(1, &fresh(3), &[Role::Administrator {}]), 5, "signer/"),
        (Change::Organization(organization("new", "410100")), 5, "org/new"),
        (appoint(1, &fresh(1), &[writes()]), 4, "signer/"),
        (turn(1, &writer(1), &fresh(2)), 5, "signer/"),
        (revoke(&writer(2)), 4, "signer/"),
        (
            Change::Parameters(ParametersChange { suspend_equivocators: Some(true), ..ParametersChange::default() }),
            5,
            "params",
        ),
        (
            Change::CertificateType(CertificateTypeChange {
                code: "11100000000013338W011".into(),
                name: "营业执照".into(),
                retired: false,
            }),
            4,
            "certificate-type/11100000000013338W011",
        ),
    ];
    for (change, needed, what) in kinds {
        let mut c = Council::each(7);
        let done = c.enacted(change.clone());
        assert_eq!(done.approvals.len(), needed, "{change:?}");
        let enacted = done.enacted.unwrap();
        assert!(enacted.what.starts_with(what) && c.w.state.rows().contains_key(&enacted.what), "{}", enacted.what);
        assert_eq!((enacted.epoch.0, c.epoch().0), (0, 0));
        let last = c.approve(6, done.id);
        assert_eq!(c.one(&last), "PROPOSAL_ENACTED");
        // A member's row names the proposal that wrote it.
        if enacted.what.starts_with("signer/") {
            let row = SignerRow::decode(&c.w.state.rows()[&enacted.what]).unwrap();
            assert_eq!(row.origin.proposal, Some(done.id));
        }
    }
}

#[test]
fn the_event_says_whether_the_change_took_effect() {
    let mut c = Council::each(1);
    let tx = c.propose(0, revoke(&writer(0)));
    let receipts = c.w.block(&[tx]);
    let Some(proto::event::Kind::Proposal(e)) = outcome(&receipts[0]).unwrap().remove(0).kind else { panic!() };
    assert_eq!((e.approvals, e.needed, e.epoch, e.enacted), (1, 1, 0, true));
}

#[test]
fn an_organization_is_added_and_changed_and_its_older_rows_stay() {
    let mut c = Council::each(4);
    let first = c.enacted(Change::Organization(below("office", "410102", &name(0))));
    let row = c.organization_of("office");
    assert_eq!((row.parent.as_deref(), row.origin.revision), (Some(name(0).as_str()), 0));
    assert_eq!((row.origin.proposal, row.origin.previous), (Some(first.id), None));
    let old = c.w.state.rows()[&organization_key("office")].clone();
    let mut renamed = below("office", "410100", &name(0));
    renamed.credit_code = credit_code("another");
    let second = c.enacted(Change::Organization(renamed.clone()));
    let row = c.organization_of("office");
    assert_eq!((row.division.as_str(), row.origin.revision), ("410100", 1));
    assert_eq!((row.origin.proposal, row.origin.previous), (Some(second.id), Some(row_hash(&old))));
    assert_eq!(c.w.state.rows()[&history_key(&organization_key("office"), 0)], old);
    // The code that it had is free, and the one that it has is not.
    assert!(!c.w.state.rows().contains_key(&credit_code_key(&credit_code("office"))));
    let mut thief = organization("thief", "410100");
    thief.credit_code = renamed.credit_code;
    assert_eq!(c.refused(Change::Organization(thief)), "MEMBER_CREDIT_CODE");
    assert_eq!(c.refused(Change::Organization(organization("office-two", "410200"))), "");
}

#[test]
fn m2_no_two_organizations_have_one_code_also_of_the_genesis() {
    let mut c = Council::each(4);
    let mut other = organization("other", "410100");
    other.credit_code = credit_code(&name(3));
    assert_eq!(c.refused(Change::Organization(other)), "MEMBER_CREDIT_CODE");
}

#[test]
fn m3_the_tree_has_no_circle_and_is_not_too_high() {
    let mut c = Council::each(1);
    assert_eq!(c.refused(Change::Organization(below("a", "410100", "nobody"))), "MEMBER_PARENT");
    assert_eq!(c.refused(Change::Organization(below("a", "410100", "a"))), "MEMBER_PARENT");
    assert_eq!(c.decide(Change::Organization(organization("l0", "410100"))), "");
    for i in 1..limits::ORGANIZATION_DEPTH {
        let next = below(&format!("l{i}"), "410100", &format!("l{}", i - 1));
        assert_eq!(c.decide(Change::Organization(next)), "", "{i}");
    }
    let top = limits::ORGANIZATION_DEPTH;
    let high = below(&format!("l{top}"), "410100", &format!("l{}", top - 1));
    assert_eq!(c.refused(Change::Organization(high)), "MEMBER_PARENT");
    assert_eq!(c.refused(Change::Organization(below("l0", "410100", "l5"))), "MEMBER_PARENT");
}

#[test]
fn m4_divisions_lie_in_the_parents_and_become_only_wider() {
    let mut c = Council::each(1);
    assert_eq!(c.refused(Change::Organization(below("a", "410200", &name(0)))), "MEMBER_DIVISION");
    assert_eq!(c.refused(Change::Organization(below("a", "410000", &name(0)))), "MEMBER_DIVISION");
    assert_eq!(c.decide(Change::Organization(below("a", "410102", &name(0)))), "");
    assert_eq!(c.refused(Change::Organization(below("a", "410103", &name(0)))), "MEMBER_DIVISION");
    assert_eq!(c.decide(Change::Organization(organization("a", "410000"))), "");
    assert_eq!(c.refused(Change::Organization(organization("a", "410100"))), "MEMBER_DIVISION");
}

#[test]
fn m5_p1_a_change_changes_something() {
    let mut c = Council::each(1);
    assert_eq!(c.refused(Change::Organization(organization(&name(0), "410100"))), "MEMBER_UNCHANGED");
    assert_eq!(c.refused(appoint(0, &writer(0), &[writes()])), "MEMBER_UNCHANGED");
    let same = ParametersChange { suspend_equivocators: Some(false), ..ParametersChange::default() };
    assert_eq!(c.refused(Change::Parameters(same)), "MEMBER_UNCHANGED");
    let kind = CertificateTypeChange { code: "11100000000013338W011".into(), name: "执照".into(), retired: false };
    assert_eq!(c.decide(Change::CertificateType(kind.clone())), "");
    assert_eq!(c.refused(Change::CertificateType(kind)), "MEMBER_UNCHANGED");
}

#[test]
fn an_appointed_key_acts_within_its_validity() {
    let mut c = Council::each(4);
    let key = fresh(1);
    assert_eq!(c.anchors(&key, "a"), "SIGNER_UNKNOWN");
    let mut a = appointment(2, &key, &[writes()]);
    (a.valid_from_ms, a.valid_until_ms) = (c.w.next_time() + 60_000, c.w.next_time() + 120_000);
    assert_eq!(c.decide(Change::Appoint(a)), "");
    assert_eq!(c.anchors(&key, "a"), "SIGNER_NOT_IN_FORCE");
    c.w.sleep(60_000);
    assert_eq!(c.anchors(&key, "a"), "");
    c.w.sleep(60_000);
    assert_eq!(c.anchors(&key, "b"), "SIGNER_NOT_IN_FORCE");
    // Another appointment gives it another validity and other roles.
    assert_eq!(c.decide(appoint(2, &key, &[writes(), Role::Observer {}])), "");
    assert_eq!(c.anchors(&key, "b"), "");
    let row = c.row_of(&key);
    assert_eq!((row.roles.len(), row.origin.revision), (2, 1));
}

#[test]
fn m1_m7_m8_an_appointment_is_of_an_organization_that_exists_for_the_future() {
    let mut c = Council::each(4);
    assert_eq!(c.refused(appoint(60, &fresh(1), &[writes()])), "MEMBER_ORGANIZATION");
    assert_eq!(c.refused(appoint(2, &writer(1), &[writes()])), "MEMBER_OTHER");
    let mut late = appointment(1, &fresh(1), &[writes()]);
    late.valid_until_ms = c.w.next_time() - 1;
    assert_eq!(c.refused(Change::Appoint(late.clone())), "MEMBER_VALIDITY");
    late.valid_until_ms = c.w.next_time();
    assert_eq!(c.refused(Change::Appoint(late)), "");
}

#[test]
fn m9_roles_reach_no_further_than_their_organization() {
    let mut c = Council::each(1);
    assert_eq!(c.decide(Change::Organization(below("office", "410102", &name(0)))), "");
    let registrar = |d: Option<&str>| Role::Registrar {
        registry: Registry::Realty,
        subject: None,
        division: d.map(|d| d.parse().unwrap()),
    };
    let court = |d: Option<&str>| Role::Court { division: d.map(|d| d.parse().unwrap()) };
    for role in [registrar, court as fn(Option<&str>) -> Role] {
        for (division, expected) in [
            (None, "MEMBER_REACH"),
            (Some("410100"), "MEMBER_REACH"),
            (Some("410103"), "MEMBER_REACH"),
            (Some("410102"), ""),
        ] {
            let a = Appointment::new(CHAIN, "office", &fresh(1), vec![role(division)]);
            assert_eq!(c.refused(Change::Appoint(a)), expected, "{division:?}");
        }
        let root = |division| appoint(1, &fresh(9), &[role(division)]);
        let mut other = Council::each(2);
        assert_eq!(other.refused(root(None)), "");
        assert_eq!(other.refused(root(Some("410200"))), "MEMBER_REACH");
    }
}

#[test]
fn m10_operator_auditor_and_administrator_are_separate() {
    let mut c = Council::each(4);
    let (auditor, admin) = (Role::Auditor {}, Role::Administrator {});
    assert_eq!(c.refused(appoint(1, &fresh(1), &[auditor.clone(), admin.clone()])), "MEMBER_DUTIES_MIXED");
    assert_eq!(c.refused(appoint(1, &validator(1), std::slice::from_ref(&auditor))), "MEMBER_DUTIES_MIXED");
    assert_eq!(c.refused(appoint(1, &validator(1), &[admin])), "MEMBER_DUTIES_MIXED");
    assert_eq!(c.decide(appoint(1, &fresh(1), &[auditor, Role::Observer {}])), "");
    // An auditor does not become a validator.
    let mut join = joins(&[20], 1);
    join.join = vec![hnchain_types::governance::Join::new(CHAIN, &name(1), &fresh(1))];
    assert_eq!(c.refused(join), "MEMBER_DUTIES_MIXED");
    // A validator keeps its place when it gets another role beside it.
    assert_eq!(c.decide(appoint(1, &validator(1), &[writes()])), "");
    let row = c.row_of(&validator(1));
    assert!(row.validator && row.roles == [writes()] && c.is_validator(1));
}

#[test]
fn m10_a_validator_leaves_before_its_key_is_revoked_or_rotated() {
    let mut c = Council::each(5);
    assert_eq!(c.refused(revoke(&validator(4))), "MEMBER_IS_VALIDATOR");
    assert_eq!(c.refused(turn(4, &validator(4), &fresh(1))), "MEMBER_IS_VALIDATOR");
    assert_eq!(c.decide(leaves(&[4])), "");
    assert_eq!(c.decide(revoke(&validator(4))), "");
    assert_eq!(c.refused(joins(&[4], 4)), "VALIDATOR_BARRED");
}

#[test]
fn m11_every_key_signs_for_itself_this_chain_and_its_organization() {
    let mut c = Council::each(4);
    let good = appointment(1, &fresh(1), &[writes()]);
    for bad in [
        Appointment { possession: appointment(2, &fresh(1), &[]).possession, ..good.clone() },
        Appointment { possession: appointment(1, &fresh(2), &[]).possession, ..good.clone() },
        Appointment { possession: Appointment::new("henan-other", &name(1), &fresh(1), vec![]).possession, ..good },
    ] {
        assert_eq!(c.refused(Change::Appoint(bad)), "MEMBER_POSSESSION");
    }
    assert_eq!(c.refused(turn(2, &writer(1), &fresh(1))), "MEMBER_POSSESSION");
    assert_eq!(c.refused(turn(1, &writer(1), &fresh(1))), "");
}

#[test]
fn a_rotated_signer_acts_under_its_new_key_only() {
    let mut c = Council::each(4);
    let (old, new) = (writer(1), fresh(1));
    let done = c.enacted(turn(1, &old, &new));
    let (before, after) = (c.row_of(&old), c.row_of(&new));
    let enacted = done.enacted.unwrap();
    assert_eq!((before.revoked_ms, before.successor), (enacted.time_ms, Some(new.public_key())));
    assert_eq!((after.roles, after.revoked_ms, after.origin.revision), (vec![writes()], 0, 0));
    assert_eq!(enacted.what, signer_key(&new.public_key()));
    assert_eq!(c.anchors(&old, "a"), "SIGNER_NOT_IN_FORCE");
    assert_eq!(c.anchors(&new, "a"), "");
    assert_eq!(c.refused(turn(1, &old, &fresh(2))), "MEMBER_REVOKED");
    assert_eq!(c.refused(turn(1, &new, &writer(2))), "MEMBER_KNOWN");
    assert_eq!(c.refused(turn(1, &fresh(3), &fresh(4))), "MEMBER_UNKNOWN");
    assert_eq!(c.refused(turn(1, &new, &old)), "MEMBER_KNOWN");
}

#[test]
fn m7_a_revoked_key_never_acts_again() {
    let mut c = Council::each(4);
    assert_eq!(c.refused(revoke(&fresh(1))), "MEMBER_UNKNOWN");
    let done = c.enacted(revoke(&writer(1)));
    let row = c.row_of(&writer(1));
    assert_eq!((row.revoked_ms, row.origin.revision), (done.enacted.unwrap().time_ms, 1));
    assert_eq!(row.force(row.revoked_ms - 1), Force::InForce);
    assert_eq!(row.force(row.revoked_ms), Force::Revoked);
    assert_eq!(c.anchors(&writer(1), "a"), "SIGNER_NOT_IN_FORCE");
    assert_eq!(c.refused(revoke(&writer(1))), "MEMBER_REVOKED");
    assert_eq!(c.refused(appoint(1, &writer(1), &[writes()])), "MEMBER_REVOKED");
}

#[test]
fn a_revocation_counts_for_what_follows_in_its_block() {
    let mut c = Council::each(4);
    let proposal = c.almost(revoke(&writer(1)));
    let anchor = |c: &mut Council, id: &str| {
        let body = c.body().anchor("certificate", id, 1, sm3(b"a"));
        sign(&writer(1), &body)
    };
    let txs = [anchor(&mut c, "before"), c.last(proposal), anchor(&mut c, "after")];
    let receipts = c.w.block(&txs);
    assert_eq!(receipts.iter().map(code).collect::<Vec<_>>(), ["", "", "SIGNER_NOT_IN_FORCE"]);
}

#[test]
fn m12_governance_keeps_administrators_of_enough_organizations() {
    // Four organizations run validators and three approve a change of parameters: one may be without administrator.
    let mut c = Council::each(4);
    assert_eq!(c.decide(revoke(&administrator(3))), "");
    // An organization that runs no validator may do as it likes.
    assert_eq!(c.decide(revoke(&administrator(4))), "");
    assert_eq!(c.refused(revoke(&administrator(2))), "MEMBER_LAST_ADMINISTRATOR");
    assert_eq!(c.refused(appoint(2, &administrator(2), &[writes()])), "MEMBER_LAST_ADMINISTRATOR");
    let mut later = appointment(2, &administrator(2), &[Role::Administrator {}]);
    later.valid_from_ms = c.w.next_time() + 1_000_000;
    assert_eq!(c.refused(Change::Appoint(later)), "MEMBER_LAST_ADMINISTRATOR");
    // Its administrator may change its key, and go once there is another.
    assert_eq!(c.refused(turn(2, &administrator(2), &fresh(1))), "");
    assert_eq!(c.decide(appoint(2, &fresh(2), &[Role::Administrator {}])), "");
    assert_eq!(c.decide(revoke(&administrator(2))), "");
    assert_eq!(c.refused(revoke(&fresh(2))), "MEMBER_LAST_ADMINISTRATOR");
    // A set in which fewer organizations have one is refused, and so are thresholds that nobody reaches.
    assert_eq!(c.refused(joins(&[20], 4)), "MEMBER_LAST_ADMINISTRATOR");
    let all = ThresholdsChange { parameters: share("9/10"), ..ThresholdsChange::default() };
    assert_eq!(c.refused(thresholds(all)), "MEMBER_LAST_ADMINISTRATOR");
}

#[test]
fn m12_the_list_of_administrators_follows_and_is_bounded() {
    let mut c = Council::each(1);
    let list = |c: &Council| {
        let row: Option<proto::Administrators> = c.w.row(&administrators_key(&name(0)));
        row.map_or(0, |row| row.public_keys.len())
    };
    let admin = [Role::Administrator {}];
    for i in 1..limits::ADMINISTRATORS {
        assert_eq!(c.decide(appoint(0, &fresh(i), &admin)), "");
        assert_eq!(list(&c), i + 1);
    }
    assert_eq!(c.refused(appoint(0, &fresh(99), &admin)), "MEMBER_ADMINISTRATORS");
    assert_eq!(c.decide(turn(0, &fresh(1), &fresh(50))), "");
    assert_eq!(list(&c), limits::ADMINISTRATORS);
    assert_eq!(c.decide(revoke(&fresh(50))), "");
    assert_eq!(c.decide(appoint(0, &fresh(2), &[writes()])), "");
    assert_eq!(list(&c), limits::ADMINISTRATORS - 2);
    assert!(c.w.state.rows()[&administrators_key(&name(0))].len() <= 1024);
}

#[test]
fn changes_of_validators_and_convictions_are_revisions_too() {
    let mut c = Council::strict(7);
    let old = c.w.state.rows()[&signer_key(&validator(2).public_key())].clone();
    assert_eq!(c.decide(rotates(&[(2, 22)])), "");
    let row = c.row_of(&validator(2));
    assert_eq!((row.origin.revision, row.origin.proposal, row.validator), (1, None, false));
    assert_eq!(row.origin.previous, Some(row_hash(&old)));
    assert_eq!(c.w.state.rows()[&history_key(&signer_key(&validator(2).public_key()), 0)], old);
    let evidence = c.evidence(3, 3, 0, 9);
    let tx = c.accuse(0, &evidence);
    assert_eq!(c.one(&tx), "");
    // Barred, and out of the set.
    assert_eq!(c.row_of(&validator(3)).origin.revision, 2);
}

#[test]
fn parameters_change_from_the_next_block_on() {
    let mut c = Council::each(4);
    let before = governing(&c.w.state).unwrap();
    let change = ThresholdsChange { signers: share("2/3"), ..ThresholdsChange::default() };
    let change =
        ParametersChange { suspend_equivocators: Some(true), proposal_open_ms: Some(3_600_000), thresholds: change };
    let proposal = c.almost(Change::Parameters(change));
    // In the block itself the former ones count: two approvals suffice no more, three of four are more than half.
    let tx = c.propose(0, revoke(&writer(1)));
    let txs = [c.last(proposal), tx.clone()];
    c.w.block(&txs);
    let open = c.proposal(tx.id());
    assert_eq!(open.expires_ms - open.time_ms, before.proposal_open_ms);
    let now = governing(&c.w.state).unwrap();
    assert_eq!((now.suspend_equivocators, now.proposal_open_ms), (true, 3_600_000));
    assert_eq!((now.thresholds.signers, now.thresholds.validators), (Threshold::TWO_THIRDS, Threshold::TWO_THIRDS));
    let next = c.propose(1, revoke(&writer(2)));
    assert_eq!(c.one(&next), "");
    let open = c.proposal(next.id());
    assert_eq!(open.expires_ms - open.time_ms, 3_600_000);
    // Offenders are suspended now.
    let evidence = c.evidence(3, 3, 0, 9);
    let tx = c.accuse(0, &evidence);
    c.w.block(&[tx]);
    assert_ne!(c.signer(&validator(3)).unwrap().barred_ms, 0);
    // The others are as the genesis has them.
    let row: proto::Parameters = c.w.row(PARAMETERS_KEY).unwrap();
    assert_eq!((row.delta_ms, row.validity_ms), (c.w.chain.parameters.delta_ms, c.w.chain.parameters.validity_ms));
    assert_eq!(Governing::read(row).unwrap(), now);
}

#[test]
fn p2_no_threshold_exceeds_that_of_parameters() {
    let mut c = Council::each(4);
    let change = |t| thresholds(t);
    let none = ThresholdsChange::default();
    assert_eq!(c.refused(change(ThresholdsChange { signers: share("3/4"), ..none })), "MEMBER_THRESHOLDS");
    assert_eq!(c.refused(change(ThresholdsChange { parameters: share("1/2"), ..none })), "MEMBER_THRESHOLDS");
    let both = ThresholdsChange { parameters: share("3/4"), validators: share("3/4"), ..none };
    assert_eq!(c.decide(change(both)), "");
    // Of four, all are needed now.
    let done = c.enacted(joins(&[20], 0));
    assert_eq!(done.approvals.len(), 4);
}

#[test]
fn p4_a_type_of_certificate_is_added_renamed_and_retired_for_good() {
    let mut c = Council::each(1);
    let kind = |name: &str, retired| {
        Change::CertificateType(CertificateTypeChange {
            code: "11100000000013338W011".into(),
            name: name.into(),
            retired,
        })
    };
    assert_eq!(c.refused(kind("营业执照", true)), "MEMBER_TYPE_UNKNOWN");
    assert_eq!(c.decide(kind("营业执照", false)), "");
    assert_eq!(c.decide(kind("营业执照（正本）", false)), "");
    let done = c.enacted(kind("营业执照（正本）", true));
    let row: proto::CertificateType = c.w.row(&certificate_type_key("11100000000013338W011")).unwrap();
    assert_eq!((row.name.as_str(), row.retired_ms), ("营业执照（正本）", done.enacted.unwrap().time_ms));
    assert_eq!(c.refused(kind("营业执照", false)), "MEMBER_TYPE_RETIRED");
}

#[test]
fn a_change_that_fitted_when_it_was_proposed_is_checked_again() {
    let mut c = Council::each(4);
    let waiting = c.almost(turn(1, &writer(1), &fresh(1)));
    assert_eq!(c.decide(revoke(&writer(1))), "");
    let last = c.last(waiting);
    assert_eq!(c.one(&last), "MEMBER_REVOKED");
    assert!(c.proposal(waiting).enacted.is_none() && c.signer(&fresh(1)).is_none());
}

#[test]
fn damaged_rows_are_no_rejection() {
    let c = Council::each(1);
    for (key, row) in [
        (PARAMETERS_KEY.to_owned(), vec![]),
        (
            PARAMETERS_KEY.to_owned(),
            proto::Parameters { validity_ms: 1, ..proto::Parameters::default() }.encode_to_vec(),
        ),
        (administrators_key(&name(0)), vec![0xff]),
    ] {
        let mut d = Council::each(1);
        let mut rows = c.w.state.rows().clone();
        rows.insert(key.clone(), row);
        d.w.state = hnchain_ledger::MemoryState::new(rows);
        let tx = d.propose(0, revoke(&administrator(0)));
        let done = hnchain_ledger::execute(&d.w.state, &d.w.chain, &d.w.context(), &[tx]);
        assert!(done.unwrap_err().0.contains(&key));
    }
}
