//! Certificates: what is signed, and what a lying node cannot make the client believe.

mod fake;

use fake::*;
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_sdk::{Client, Signer};
use hnchain_types::codes::CertificateId;
use hnchain_types::credential::{
    CertificateTypeRow, Content, Credential, HOLDER_MARK, Operation, State, certificate_type_key, credential_key,
    history_key, holder_key, row_hash,
};
use hnchain_types::proto::{ListRowsRequest, ListRowsResponse, Row};
use hnchain_types::{Height, TxId, transaction};
use std::collections::BTreeMap;

const TYPE: &str = "11100000000013338W011";

fn id(serial: u32, version: u16) -> CertificateId {
    CertificateId::from_parts(TYPE, "11410000MB7X00011A", &format!("{serial:09}"), version).expect("valid parts")
}

fn content() -> Content {
    Content {
        valid_from_ms: 1_000,
        valid_until_ms: 0,
        holder: sm3(b"holder"),
        fields_root: sm3(b"fields"),
        fields_count: 3,
    }
}

/// Rows of licence 1: issued, suspended, resumed, changed to version 002, which is revoked.
fn rows() -> BTreeMap<String, Vec<u8>> {
    let mut rows = BTreeMap::new();
    let mut row = Credential {
        id: id(1, 1),
        sequence: 1,
        state: State::Valid,
        division: "410100".parse().expect("a division"),
        content: content(),
        previous_id: None,
        next_id: None,
        reason: None,
        issuer: "zhengzhou".into(),
        organization: "zhengzhou".into(),
        height: Height(5),
        time_ms: 5_000,
        transaction: TxId(sm3(b"transaction")),
        previous_row: None,
    };
    let mut follow = |row: &mut Credential, state: State, reason: Option<&str>| {
        let raw = row.encode();
        row.previous_row = Some(row_hash(&raw));
        rows.insert(history_key(&row.id, row.sequence), raw);
        row.sequence += 1;
        (row.state, row.reason) = (state, reason.map(Into::into));
        if state == State::Superseded {
            row.next_id = Some(id(1, 2));
        }
        row.height = row.height.next();
        rows.insert(credential_key(&row.id), row.encode());
    };
    follow(&mut row, State::Suspended, Some("暂扣"));
    follow(&mut row, State::Valid, None);
    follow(&mut row, State::Superseded, None);
    let last = row_hash(&row.encode());
    let mut next = Credential {
        id: id(1, 2),
        sequence: 1,
        state: State::Valid,
        previous_id: Some(id(1, 1)),
        next_id: None,
        previous_row: Some(last),
        ..row
    };
    follow(&mut next, State::Revoked, Some("吊销"));
    for n in 1..=3 {
        rows.insert(holder_key(&sm3(b"holder"), &id(n, 1)), HOLDER_MARK.to_vec());
    }
    let kind = CertificateTypeRow { code: TYPE.into(), name: "营业执照".into(), retired_ms: 0 };
    rows.insert(certificate_type_key(TYPE), kind.encode());
    rows
}

fn node(rows: BTreeMap<String, Vec<u8>>) -> Fake {
    Fake::start(Script::default().on_rows(move |q: ListRowsRequest| {
        let mut found = rows.iter().filter(|(k, _)| k.starts_with(&q.prefix) && **k > q.after);
        let most = q.limit as usize;
        let page = found.by_ref().take(most).map(|(k, v)| Row { key: k.clone(), value: v.clone() }).collect();
        Some(Ok(ListRowsResponse { rows: page, height: 9, more: found.next().is_some() }))
    }))
}

fn client(fake: &Fake) -> Client {
    Client::new(vec![fake.endpoint.clone()], options()).expect("valid endpoint")
}

#[tokio::test]
async fn each_builder_signs_its_operation() {
    let fake = node(BTreeMap::new());
    let (client, id) = (client(&fake), id(1, 1));
    let signer = Signer::new(SecretKey::generate().expect("entropy"), "henan-test");
    let c = client.certificate();
    let division = "410100".parse().expect("a division");
    let next = id.with_version(2).expect("a version");
    let requests = [
        (c.issue(&id, division, content()), "issue"),
        (c.change(&id, &next, content()), "change"),
        (c.suspend(&id, "r"), "suspend"),
        (c.resume(&id), "resume"),
        (c.revoke(&id, "r"), "revoke"),
        (c.cancel(&id, "r"), "cancel"),
    ];
    for (request, kind) in requests {
        let signed = request.sign(&signer).expect("well formed");
        let [transaction::Operation::Credential(op)] = signed.body().operations.as_slice() else { panic!("{kind}") };
        assert_eq!(op.as_ref(), request.operation());
        assert!(op.summary(false).starts_with(kind), "{kind}");
    }
    let Operation::Change(change) = c.change(&id, &next, content()).operation().clone() else { panic!() };
    assert_eq!((change.previous, change.id), (id, next));
}

#[tokio::test]
async fn a_certificate_is_read_with_the_height_and_one_that_is_absent_is_none() {
    let fake = node(rows());
    let client = client(&fake);
    let answer = client.certificate().get(&id(1, 2)).await.expect("an answer");
    let row = answer.certificate.expect("it exists");
    assert_eq!((row.state, row.sequence, answer.height), (State::Revoked, 2, Height(9)));
    assert_eq!(client.certificate().get(&id(4, 1)).await.expect("an answer").certificate, None);
    let types = client.certificate().types().await.expect("an answer");
    assert_eq!((types.len(), types[0].name.as_str()), (1, "营业执照"));
}

#[tokio::test]
async fn a_history_goes_back_over_versions_to_the_first_issue_in_pages() {
    let fake = node(rows());
    let client = client(&fake);
    let seen = |rows: &[Credential]| rows.iter().map(|r| (r.id.version(), r.sequence)).collect::<Vec<_>>();
    let whole = client.certificate().history(&id(1, 2), 100).await.expect("an answer");
    assert_eq!(seen(&whole.rows), [(2, 2), (2, 1), (1, 4), (1, 3), (1, 2), (1, 1)]);
    assert!(whole.complete);
    let first = client.certificate().history(&id(1, 2), 4).await.expect("an answer");
    assert_eq!((seen(&first.rows), first.complete), (seen(&whole.rows[..4]), false));
    let second = client.certificate().older(&first.rows[3], 4).await.expect("an answer");
    assert_eq!((seen(&second.rows), second.complete), (seen(&whole.rows[4..]), true));
    let e = client.certificate().history(&id(4, 1), 4).await.expect_err("no such certificate");
    assert_eq!(e.code(), "CLIENT_MISSING");
}

#[tokio::test]
async fn a_history_with_a_row_left_out_or_changed_is_a_false_answer() {
    let ask = async |rows: BTreeMap<String, Vec<u8>>| {
        let fake = node(rows);
        client(&fake).certificate().history(&id(1, 2), 100).await.expect_err("a lie").code().to_owned()
    };
    let mut left_out = rows();
    left_out.remove(&history_key(&id(1, 1), 2));
    assert_eq!(ask(left_out).await, "CLIENT_BAD_RESPONSE");
    let mut changed = rows();
    let mut row = Credential::decode(&changed[&history_key(&id(1, 1), 2)]).expect("a row");
    row.reason = Some("另一原因".into());
    changed.insert(history_key(&id(1, 1), 2), row.encode());
    assert_eq!(ask(changed).await, "CLIENT_BAD_RESPONSE");
    let mut other = rows();
    other.insert(credential_key(&id(1, 2)), other[&credential_key(&id(1, 1))].clone());
    assert_eq!(ask(other).await, "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn certificates_of_a_holder_come_in_pages() {
    let fake = node(rows());
    let client = client(&fake);
    let page = client.certificate().of_holder(&sm3(b"holder"), None, 2).await.expect("an answer");
    assert_eq!((page.ids.as_slice(), page.more, page.height), ([id(1, 1), id(2, 1)].as_slice(), true, Height(9)));
    let page = client.certificate().of_holder(&sm3(b"holder"), page.ids.last(), 2).await.expect("an answer");
    assert_eq!((page.ids.as_slice(), page.more), ([id(3, 1)].as_slice(), false));
    let nobody = client.certificate().of_holder(&Digest::ZERO, None, 2).await.expect("an answer");
    assert!(nobody.ids.is_empty() && !nobody.more);
}

#[tokio::test]
async fn rows_of_another_holder_are_a_false_answer() {
    let fake = Fake::start(Script::default().on_rows(|_| {
        let row = Row { key: holder_key(&Digest::ZERO, &id(1, 1)), value: HOLDER_MARK.to_vec() };
        Some(Ok(ListRowsResponse { rows: vec![row], height: 9, more: false }))
    }));
    let e = client(&fake).certificate().of_holder(&sm3(b"holder"), None, 2).await.expect_err("another's");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}
