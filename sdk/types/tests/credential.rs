//! 电子证照: what operations and rows may hold, and what a row says at a time.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::codes::CertificateId;
use hnchain_types::credential::{
    CertificateTypeRow, Credential, Operation, State, Status, event_json, history_key, holder_key,
};
use hnchain_types::genesis::{CertificateType, Genesis, Registry, Role};
use hnchain_types::transaction::{self, Transaction};
use hnchain_types::{DecodeError, limits, proto};
use prost::Message;
use support::credential::{certificate_type, content, id, operations, row};

#[track_caller]
fn field<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> &'static str {
    match result.unwrap_err() {
        error @ DecodeError::Field { field, .. } => {
            assert!(!error.message_zh().is_ascii());
            field
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn operations_come_back_as_they_were_put_in() {
    let transaction = support::credential::transaction();
    let read = transaction.body().operations.iter().map(|op| match op {
        transaction::Operation::Credential(op) => op.as_ref().clone(),
        other => panic!("{other:?}"),
    });
    assert_eq!(read.collect::<Vec<_>>(), operations());
}

#[test]
fn operations_have_a_line_in_both_languages_and_a_form_for_programs() {
    for op in operations() {
        let (zh, en) = (op.summary(true), op.summary(false));
        assert!(zh.contains("证照") && en.contains("certificate"), "{zh} {en}");
        assert!(zh.contains(op.id().as_str()) && en.contains(op.id().as_str()));
    }
    let json = serde_json::to_value(&operations()[0]).unwrap();
    assert_eq!(
        (&json["kind"], &json["division"], &json["fields_count"]),
        (&"issue".into(), &"410100".into(), &9.into())
    );
    let json = serde_json::to_value(&operations()[5]).unwrap();
    assert_eq!(json, serde_json::json!({ "kind": "cancel", "id": id(2) }));
}

/// The refused field after a change of the first operation, an issue.
fn issue(change: impl FnOnce(&mut proto::IssueCredential)) -> &'static str {
    let mut body = proto::Body::decode(support::credential::body().as_slice()).unwrap();
    let Some(proto::operation::Kind::Credential(op)) = &mut body.operations[0].kind else { panic!() };
    let Some(proto::credential_operation::Kind::Issue(issue)) = &mut op.kind else { panic!() };
    change(issue);
    field(Transaction::sign(body.encode_to_vec(), &support::key(10)))
}

#[test]
fn every_field_of_an_operation_has_its_rule() {
    let content = |change: fn(&mut proto::CredentialContent)| issue(|m| change(m.content.as_mut().unwrap()));
    assert_eq!(issue(|m| m.id.push('0')), "id");
    assert_eq!(issue(|m| m.id.clear()), "id");
    assert_eq!(issue(|m| m.division = "410".into()), "division");
    assert_eq!(issue(|m| m.content = None), "content");
    assert_eq!(content(|c| c.fields_count = 0), "fields_count");
    assert_eq!(content(|c| c.fields_count = 257), "fields_count");
    assert_eq!(content(|c| c.valid_from_ms = limits::TIME_MS + 1), "valid_until_ms");
    assert_eq!(content(|c| c.valid_until_ms = u64::MAX), "valid_until_ms");
    assert_eq!(content(|c| c.holder = vec![0; 31]), "holder");
    assert_eq!(content(|c| c.fields_root.clear()), "fields_root");
}

#[test]
fn reasons_are_bounded_texts_and_an_operation_is_of_a_known_kind() {
    let with = |kind| {
        let op = proto::CredentialOperation { kind };
        let operation = proto::Operation { kind: Some(proto::operation::Kind::Credential(op)) };
        let mut body = proto::Body::decode(support::credential::body().as_slice()).unwrap();
        body.operations = vec![operation];
        Transaction::sign(body.encode_to_vec(), &support::key(10))
    };
    let suspend = |reason: &str| {
        let m = proto::SuspendCredential { id: id(1).to_string(), reason: reason.into() };
        with(Some(proto::credential_operation::Kind::Suspend(m)))
    };
    assert_eq!(field(with(None)), "credential");
    assert_eq!(field(suspend("a\u{202e}b")), "reason");
    assert_eq!(field(suspend(&"r".repeat(257))), "reason");
    assert!(suspend(&"r".repeat(256)).is_ok() && suspend("").is_ok());
}

/// The refused field after a change of a row.
fn refused(version: u16, state: State, change: impl FnOnce(&mut proto::Credential)) -> &'static str {
    let mut m = proto::Credential::decode(row(version, state).encode().as_slice()).unwrap();
    change(&mut m);
    field(Credential::decode(&m.encode_to_vec()))
}

#[test]
fn every_field_of_a_row_has_its_rule() {
    assert_eq!(refused(1, State::Valid, |m| m.id = "1.2.3".into()), "id");
    assert_eq!(refused(1, State::Valid, |m| m.sequence = 0), "sequence");
    assert_eq!(refused(1, State::Valid, |m| m.state = 0), "state");
    assert_eq!(refused(1, State::Valid, |m| m.state = 6), "state");
    assert_eq!(refused(1, State::Valid, |m| m.division = "990000".into()), "division");
    assert_eq!(refused(1, State::Valid, |m| m.content = None), "content");
    assert_eq!(refused(1, State::Valid, |m| m.reason = "r".into()), "reason");
    assert_eq!(refused(1, State::Superseded, |m| m.reason = "r".into()), "reason");
    for state in [State::Suspended, State::Revoked, State::Cancelled] {
        assert_eq!(refused(1, state, |m| m.reason.clear()), "reason");
    }
    assert_eq!(refused(1, State::Valid, |m| m.issuer = "A".into()), "issuer");
    assert_eq!(refused(1, State::Valid, |m| m.organization.clear()), "organization");
    assert_eq!(refused(1, State::Valid, |m| m.height = 0), "height");
    assert_eq!(refused(1, State::Valid, |m| m.transaction_id.clear()), "transaction_id");
}

#[test]
fn rows_follow_each_other_without_gaps() {
    assert_eq!(refused(1, State::Valid, |m| m.previous_row = vec![0; 32]), "previous_row");
    assert_eq!(refused(2, State::Valid, |m| m.previous_row.clear()), "previous_row");
    assert_eq!(refused(1, State::Suspended, |m| m.previous_row.clear()), "previous_row");
    assert_eq!(refused(1, State::Valid, |m| m.previous_id = id(1).to_string()), "previous_id");
    assert_eq!(refused(2, State::Valid, |m| m.previous_id.clear()), "previous_id");
    assert_eq!(refused(3, State::Valid, |m| m.previous_id = id(1).to_string()), "previous_id");
    assert_eq!(refused(1, State::Valid, |m| m.next_id = id(2).to_string()), "next_id");
    assert_eq!(refused(1, State::Superseded, |m| m.next_id.clear()), "next_id");
    assert_eq!(refused(1, State::Superseded, |m| m.next_id = id(3).to_string()), "next_id");
    let other = CertificateId::from_parts(id(1).type_code(), id(1).issuer(), "20240000002", 2).unwrap();
    assert_eq!(refused(1, State::Superseded, |m| m.next_id = other.to_string()), "next_id");
}

#[test]
fn a_row_says_what_it_is_at_a_time() {
    let (from, until) = (content().valid_from_ms, content().valid_until_ms);
    let at = |state, time| row(1, state).status_at(time);
    assert_eq!(at(State::Valid, from - 1), Status::NotYet);
    assert_eq!(at(State::Valid, from), Status::Valid);
    assert_eq!(at(State::Valid, until), Status::Valid);
    assert_eq!(at(State::Valid, until + 1), Status::Expired);
    assert_eq!(at(State::Suspended, until), Status::Suspended);
    assert_eq!(at(State::Suspended, from - 1), Status::Suspended);
    assert_eq!(at(State::Suspended, until + 1), Status::Expired);
    for time in [0, from, until + 1] {
        assert_eq!(at(State::Revoked, time), Status::Revoked);
        assert_eq!(at(State::Cancelled, time), Status::Cancelled);
        assert_eq!(at(State::Superseded, time), Status::Superseded);
    }
    let mut open = row(1, State::Valid);
    open.content.valid_until_ms = 0;
    assert_eq!(open.status_at(u64::MAX), Status::Valid);
}

#[test]
fn states_and_statuses_speak_both_languages() {
    for state in State::ALL {
        assert_eq!(State::read(state.to_proto().into()), Ok(state));
        assert!(state.to_string().is_ascii() && !state.name_zh().is_ascii());
    }
    assert_eq!((Status::NotYet.to_string().as_str(), Status::Expired.name_zh()), ("not yet valid", "已过期"));
    assert_eq!(State::ALL.map(State::is_final), [false, false, true, true, true]);
}

#[test]
fn events_have_rules_and_a_form_for_programs() {
    let good = proto::CredentialChanged {
        id: id(2).to_string(),
        sequence: 1,
        state: State::Valid.to_proto().into(),
        superseded: id(1).to_string(),
    };
    let decode = |m: &proto::CredentialChanged| {
        let event = proto::Event { kind: Some(proto::event::Kind::Credential(m.clone())) };
        let outcome = transaction::Outcome::Accepted(vec![event]);
        let receipt = transaction::Receipt::new(support::zero_id(), hnchain_types::Height(1), 0, outcome);
        transaction::Receipt::decode(receipt.raw())
    };
    assert!(decode(&good).is_ok());
    assert_eq!(field(decode(&proto::CredentialChanged { id: String::new(), ..good.clone() })), "id");
    assert_eq!(field(decode(&proto::CredentialChanged { sequence: 0, ..good.clone() })), "sequence");
    assert_eq!(field(decode(&proto::CredentialChanged { state: 9, ..good.clone() })), "state");
    assert_eq!(field(decode(&proto::CredentialChanged { superseded: "x".into(), ..good.clone() })), "superseded");
    let json = event_json(&good);
    assert_eq!((&json["state"], &json["superseded"]), (&"valid".into(), &id(1).to_string().into()));
}

/// The longest identifiers, names and reason, as the largest numbers.
#[test]
fn the_largest_row_and_the_largest_receipt_fit() {
    let long = |version| CertificateId::from_parts(&"Z".repeat(21), &"Z".repeat(18), &"Z".repeat(32), version).unwrap();
    let mut r = row(2, State::Revoked);
    (r.id, r.previous_id) = (long(2), Some(long(1)));
    r.sequence = u64::MAX;
    r.reason = Some("r".repeat(limits::REASON_BYTES));
    (r.issuer, r.organization) = ("n".repeat(limits::NAME_BYTES), "n".repeat(limits::NAME_BYTES));
    (r.content.valid_from_ms, r.content.valid_until_ms) = (limits::TIME_MS, limits::TIME_MS);
    assert!(Credential::decode(&r.encode()).is_ok(), "{} bytes", r.encode().len());
    let event = proto::CredentialChanged {
        id: long(2).to_string(),
        sequence: u64::MAX,
        state: 5,
        superseded: long(1).to_string(),
    };
    assert!(event.encoded_len() <= 250, "{} bytes", event.encoded_len());
    assert!(history_key(&long(2), u64::MAX).len() < 150 && holder_key(&support::hash("h"), &long(2)).len() < 200);
}

#[test]
fn types_have_a_code_and_a_name() {
    let with = |change: fn(&mut CertificateTypeRow)| {
        let mut row = certificate_type();
        change(&mut row);
        field(CertificateTypeRow::decode(&row.encode()))
    };
    assert_eq!(with(|t| t.code = "11100000000013338w011".into()), "code");
    assert_eq!(with(|t| t.code.truncate(20)), "code");
    assert_eq!(with(|t| t.name.clear()), "name");
    let retired = certificate_type();
    assert!(!retired.retired_at(retired.retired_ms - 1) && retired.retired_at(retired.retired_ms));
    assert!(!CertificateTypeRow { retired_ms: 0, ..retired }.retired_at(u64::MAX));
}

#[test]
fn a_genesis_lists_each_type_once_by_its_code() {
    let genesis = |codes: &[&str]| {
        let mut document = support::document();
        document.certificate_types =
            codes.iter().map(|c| CertificateType { code: (*c).into(), name: "营业执照".into() }).collect();
        Genesis::create(&document)
    };
    let (a, b) = ("11100000000013338W011", "11100000000013338W009");
    assert_eq!(genesis(&[a, b]).unwrap().document().certificate_types.len(), 2);
    assert_eq!(field(genesis(&[a, b, a])), "certificate_types.code");
    assert_eq!(field(genesis(&["11100000000013338W0111"])), "certificate_types.code");
    assert_eq!(field(genesis(&["11100000000013338W01-"])), "certificate_types.code");
    let many: Vec<_> = (0..257).map(|n| format!("11100000000013338W{n:03}")).collect();
    assert_eq!(field(genesis(&many.iter().map(String::as_str).collect::<Vec<_>>())), "certificate_types");
    assert!(genesis(&many[..256].iter().map(String::as_str).collect::<Vec<_>>()).is_ok());
}

#[test]
fn a_registrar_of_certificates_is_bound_to_a_type_by_its_code() {
    let genesis = |subject: &str| {
        let mut document = support::document();
        document.signers[0].roles =
            vec![Role::Registrar { registry: Registry::Certificate, subject: Some(subject.into()), division: None }];
        Genesis::create(&document)
    };
    assert!(genesis("11100000000013338W011").is_ok());
    assert_eq!(field(genesis("licence")), "signers.roles.subject");
}

#[test]
fn versions_of_a_certificate_differ_in_version_and_check_alone() {
    assert!(id(1).same_series(&id(7)) && id(1).with_version(7) == Ok(id(7)));
    assert!(id(1).with_version(1000).is_err() && id(1).with_version(0).is_err());
    let other = |kind: &str, issuer: &str, serial: &str| CertificateId::from_parts(kind, issuer, serial, 1).unwrap();
    let (kind, issuer, serial) = (id(1).type_code().to_owned(), id(1).issuer().to_owned(), id(1).serial().to_owned());
    assert!(!id(1).same_series(&other("11100000000013338W012", &issuer, &serial)));
    assert!(!id(1).same_series(&other(&kind, "11410000MB7X00011B", &serial)));
    assert!(!id(1).same_series(&other(&kind, &issuer, "20240000002")));
    assert!(!id(1).same_series(&other(&kind, &issuer, "202400000010")));
}

/// No operation can be taken for another.
#[test]
fn the_kinds_of_operations_are_told_apart() {
    let kinds: std::collections::BTreeSet<_> =
        operations().iter().map(|op| serde_json::to_value(op).unwrap()["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.len(), operations().len());
    assert!(matches!(operations()[1], Operation::Suspend(_)));
}
