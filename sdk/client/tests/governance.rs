//! Lists of validators and convictions: what a lying node cannot make the client believe.

mod fake;

use fake::*;
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_sdk::{Client, Error};
use hnchain_types::certificate::Statement;
use hnchain_types::governance::{EpochRow, EvidenceRow, epoch_key, evidence_key};
use hnchain_types::proto::{ListRowsRequest, ListRowsResponse, Row};
use hnchain_types::validators::ValidatorList;
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, TxId, ValidatorIndex, View};
use std::collections::BTreeMap;

const GENESIS: GenesisDigest = GenesisDigest(Digest::ZERO);

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).expect("in range")
}

fn vote(signer: u8, block: &[u8]) -> Vote {
    let statement = Statement::Notarize { block: BlockHash(sm3(block)) };
    let signature = key(signer).sign(&statement.digest(GENESIS, Epoch(0), View(7)));
    Vote { epoch: Epoch(0), view: View(7), statement, signer: ValidatorIndex(1), signature }
}

/// A conviction of validator 1 whose votes somebody signed.
fn conviction(signer: u8) -> (String, Vec<u8>) {
    let offender = key(2).public_key();
    let row = EvidenceRow {
        evidence: Evidence::new(vote(signer, b"one"), vote(signer, b"another")).expect("contradictory"),
        offender,
        organization: "zhengzhou".into(),
        submitter: "henan".into(),
        transaction: TxId(sm3(b"transaction")),
        height: Height(9),
        time_ms: 5,
        suspended: false,
    };
    (evidence_key(Epoch(0), View(7), &offender), row.encode())
}

fn epoch(keys: [u8; 2]) -> (String, Vec<u8>) {
    let members = keys.iter().map(|n| (key(*n).public_key(), "henan".to_owned())).collect();
    let validators = ValidatorList::new(members).expect("two keys");
    (epoch_key(Epoch(0)), EpochRow { epoch: Epoch(0), first_height: Height(1), validators }.encode())
}

/// A node that lists these rows, one in each answer.
fn node(rows: Vec<(String, Vec<u8>)>) -> Fake {
    let rows: BTreeMap<_, _> = rows.into_iter().collect();
    Fake::start(Script::default().on_rows(move |q: ListRowsRequest| {
        let mut found = rows.iter().filter(|(k, _)| k.starts_with(&q.prefix) && **k > q.after);
        let rows = found.next().map(|(k, v)| Row { key: k.clone(), value: v.clone() }).into_iter().collect();
        Some(Ok(ListRowsResponse { rows, height: 9, more: found.next().is_some() }))
    }))
}

fn client(fake: &Fake) -> Client {
    Client::new(vec![fake.endpoint.clone()], options()).expect("valid endpoint")
}

#[tokio::test]
async fn a_true_conviction_is_verified_and_a_forged_one_is_not() {
    let honest = node(vec![epoch([1, 2]), conviction(2)]);
    let found = client(&honest).convictions(GENESIS).await.expect("a list");
    assert!(found.len() == 1 && found[0].verified);

    let framed = node(vec![epoch([1, 2]), conviction(3)]);
    let found = client(&framed).convictions(GENESIS).await.expect("a list");
    assert!(found.len() == 1 && !found[0].verified, "signed by somebody else");

    let moved = node(vec![epoch([2, 1]), conviction(2)]);
    let found = client(&moved).convictions(GENESIS).await.expect("a list");
    assert!(!found[0].verified, "another validator had that index");

    let other_chain = GenesisDigest(sm3(b"another chain"));
    let found = client(&honest).convictions(other_chain).await.expect("a list");
    assert!(!found[0].verified, "votes of another chain");
}

#[tokio::test]
async fn rows_under_a_false_key_are_a_false_answer() {
    let (_, row) = conviction(2);
    let fake = node(vec![epoch([1, 2]), ("evidence/0/8/aa".into(), row)]);
    let e = client(&fake).convictions(GENESIS).await.expect_err("another row's key");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn an_epoch_that_has_not_begun_is_missing() {
    let fake = node(vec![epoch([1, 2])]);
    let row = client(&fake).validators(Some(Epoch(0))).await.expect("the first epoch");
    assert_eq!(row.validators.len(), 2);
    let e = client(&fake).validators(Some(Epoch(4))).await.expect_err("not yet");
    assert!(matches!(e, Error::Missing { .. }), "{e}");
}
