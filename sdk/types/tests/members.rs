//! Changes of members and parameters, and their rows: what is read back, and what is refused.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::DecodeError;
use hnchain_types::genesis::{Registry, Role};
use hnchain_types::governance::{Change, ChangeKind};
use hnchain_types::member::{Force, Governing, OrganizationRow, SignerRow, role_from_proto, role_to_proto};
use hnchain_types::proto::{self, propose_change::Change as M};
use hnchain_types::transaction::{Operation, Transaction};
use prost::Message;
use support::key;
use support::members::{changes, members_body, members_transaction, organization_row, parameters_row, signer_row};

fn field<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> &'static str {
    match result.unwrap_err() {
        DecodeError::Field { field, .. } => field,
        other => panic!("{other}"),
    }
}

/// The field that is refused of the change at an index, with one alteration of its encoding.
fn refused(index: usize, alter: impl FnOnce(&mut M)) -> &'static str {
    let mut body = proto::Body::decode(members_body().as_slice()).unwrap();
    let Some(proto::operation::Kind::Propose(p)) = &mut body.operations[index].kind else { panic!() };
    alter(p.change.as_mut().unwrap());
    field(Transaction::sign(body.encode_to_vec(), &key(11)))
}

#[test]
fn changes_are_read_as_they_were_built() {
    let transaction = members_transaction();
    let read: Vec<_> = transaction
        .body()
        .operations
        .iter()
        .map(|o| match o {
            Operation::Propose(p) => p.change.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, changes());
    let kinds: Vec<_> = read.iter().map(Change::kind).collect();
    use ChangeKind::{CertificateTypes, Organizations, Parameters, Signers};
    // The second appointment makes nobody an administrator; another key for a signer may be one's.
    assert_eq!(kinds, [Organizations, Signers, Parameters, Signers, Parameters, CertificateTypes]);
}

#[test]
fn changes_are_written_and_read_as_json_documents() {
    for change in changes() {
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(serde_json::from_str::<Change>(&json).unwrap(), change, "{json}");
    }
    assert!(serde_json::from_str::<Change>(r#"{"revoke_signer": {"public_key": "02", "extra": 1}}"#).is_err());
}

#[test]
fn organizations_are_checked() {
    let organization = |alter: fn(&mut proto::OrganizationChange)| {
        refused(0, |m| match m {
            M::Organization(o) => alter(o),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(organization(|o| o.id = "Kaifeng".into()), "id");
    assert_eq!(organization(|o| o.name.clear()), "name");
    assert_eq!(organization(|o| o.name = "a\u{202e}".into()), "name");
    assert_eq!(organization(|o| o.credit_code = "12410000MB7H900324".into()), "credit_code");
    assert_eq!(organization(|o| o.division = "999999".into()), "division");
    assert_eq!(organization(|o| o.parent = "a b".into()), "parent");
}

#[test]
fn signers_are_checked() {
    let appoint = |alter: fn(&mut proto::AppointSigner)| {
        refused(1, |m| match m {
            M::Appoint(a) => alter(a),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(appoint(|a| a.public_key.truncate(32)), "public_key");
    assert_eq!(appoint(|a| a.organization.clear()), "organization");
    assert_eq!(appoint(|a| a.roles.clear()), "roles");
    assert_eq!(appoint(|a| a.roles.push(a.roles[0].clone())), "roles");
    assert_eq!(appoint(|a| a.roles = vec![a.roles[1].clone(); 65]), "roles");
    assert_eq!(appoint(|a| a.valid_until_ms = 1), "valid_until_ms");
    assert_eq!(appoint(|a| a.possession.truncate(63)), "possession");
    let rotate = |alter: fn(&mut proto::RotateSigner)| {
        refused(2, |m| match m {
            M::Rotate(r) => alter(r),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(rotate(|r| r.new = r.old.clone()), "new");
    assert_eq!(rotate(|r| r.old.clear()), "old");
    assert_eq!(rotate(|r| r.possession.clear()), "possession");
    let revoke = refused(3, |m| match m {
        M::Revoke(r) => r.public_key.clear(),
        other => panic!("{other:?}"),
    });
    assert_eq!(revoke, "public_key");
}

#[test]
fn parameters_and_types_are_checked() {
    let parameters = |alter: fn(&mut proto::ParametersChange)| {
        refused(4, |m| match m {
            M::Parameters(p) => alter(p),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(parameters(|p| *p = proto::ParametersChange::default()), "parameters");
    assert_eq!(parameters(|p| p.thresholds = Some(proto::Thresholds::default())), "parameters");
    assert_eq!(parameters(|p| p.proposal_open_ms = Some(0)), "proposal_open_ms");
    assert_eq!(parameters(|p| p.proposal_open_ms = Some(365 * 24 * 3_600_000 + 1)), "proposal_open_ms");
    let third = proto::Threshold { numerator: 1, denominator: 3 };
    let alter = move |p: &mut proto::ParametersChange| p.thresholds.as_mut().unwrap().signers = Some(third);
    let found = refused(4, |m| match m {
        M::Parameters(p) => alter(p),
        other => panic!("{other:?}"),
    });
    assert_eq!(found, "threshold");
    let kind = |alter: fn(&mut proto::CertificateTypeChange)| {
        refused(5, |m| match m {
            M::CertificateType(t) => alter(t),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(kind(|t| t.code.truncate(20)), "code");
    assert_eq!(kind(|t| t.code = t.code.to_lowercase()), "code");
    assert_eq!(kind(|t| t.name.clear()), "name");
}

#[test]
fn roles_are_read_as_they_were_written_and_nothing_else_is() {
    let division = Some("410100".parse().unwrap());
    let registrar = |registry, subject: Option<&str>, division| Role::Registrar {
        registry,
        subject: subject.map(str::to_owned),
        division,
    };
    for role in [
        Role::RegistryWriter { namespace: "*".into() },
        Role::RegistryWriter { namespace: "trace".into() },
        registrar(Registry::Certificate, Some("11100000000013338W011"), division),
        registrar(Registry::Realty, None, None),
        registrar(Registry::Trace, None, division),
        Role::Court { division },
        Role::Court { division: None },
        Role::Provider {},
        Role::Gateway {},
        Role::Observer {},
        Role::Auditor {},
        Role::Administrator {},
    ] {
        assert_eq!(role_from_proto(&role_to_proto(&role)), Ok(role));
    }
    let bad = |kind: proto::RoleKind, namespace: &str, division: &str, subject: &str| {
        field(role_from_proto(&proto::Role {
            kind: kind.into(),
            namespace: namespace.into(),
            division: division.into(),
            subject: subject.into(),
        }))
    };
    use proto::RoleKind as Kind;
    assert_eq!(bad(Kind::Unspecified, "", "", ""), "roles.kind");
    assert_eq!(bad(Kind::Validator, "", "", ""), "roles.kind");
    assert_eq!(bad(Kind::RegistryWriter, "", "", ""), "roles.namespace");
    assert_eq!(bad(Kind::RegistryWriter, "a", "410100", ""), "roles");
    assert_eq!(bad(Kind::Registrar, "other", "", ""), "roles.namespace");
    assert_eq!(bad(Kind::Registrar, "realty", "9", ""), "roles.division");
    assert_eq!(bad(Kind::Registrar, "realty", "", "\u{1b}"), "roles.subject");
    assert_eq!(bad(Kind::Court, "realty", "", ""), "roles");
    assert_eq!(bad(Kind::Administrator, "", "410100", ""), "roles");
    assert_eq!(field(role_from_proto(&proto::Role { kind: 99, ..proto::Role::default() })), "roles.kind");
}

#[test]
fn rows_are_checked() {
    let organization = |alter: fn(&mut proto::Organization)| {
        let mut m = organization_row();
        alter(&mut m);
        field(OrganizationRow::decode(&m.encode_to_vec()))
    };
    assert_eq!(organization(|m| m.id.clear()), "id");
    assert_eq!(organization(|m| m.division.clear()), "division");
    assert_eq!(organization(|m| m.previous.clear()), "previous");
    assert_eq!(organization(|m| m.revision = 0), "previous");
    assert_eq!(organization(|m| m.proposal.truncate(9)), "proposal");
    let signer = |alter: fn(&mut proto::Signer)| {
        let mut m = signer_row();
        alter(&mut m);
        field(SignerRow::decode(&m.encode_to_vec()))
    };
    assert_eq!(signer(|m| m.public_key.clear()), "public_key");
    assert_eq!(signer(|m| m.organization.clear()), "organization");
    assert_eq!(signer(|m| m.roles[0].kind = 0), "roles.kind");
    assert_eq!(signer(|m| m.successor.truncate(3)), "successor");
    assert_eq!(signer(|m| m.previous.truncate(3)), "previous");
    let mut parameters = parameters_row();
    parameters.thresholds.as_mut().unwrap().signers = None;
    assert_eq!(field(Governing::decode(&parameters.encode_to_vec())), "thresholds");
    parameters.thresholds = None;
    assert_eq!(field(Governing::decode(&parameters.encode_to_vec())), "thresholds");
}

#[test]
fn a_signer_is_in_force_between_its_bounds_and_until_it_is_revoked() {
    let row = |from, until, revoked| Force::at(100, from, until, revoked);
    assert_eq!(row(0, 0, 0), Force::InForce);
    assert_eq!((row(100, 100, 101), row(101, 0, 0), row(0, 99, 0)), (Force::InForce, Force::NotYet, Force::Expired));
    assert_eq!((row(0, 0, 100), row(101, 0, 99)), (Force::Revoked, Force::Revoked));
    assert_eq!(SignerRow::decode(&signer_row().encode_to_vec()).unwrap().force(8), Force::Revoked);
}
