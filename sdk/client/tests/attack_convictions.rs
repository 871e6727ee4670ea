//! A lying node accuses an honest organization.

mod fake;

use fake::*;
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_sdk::Client;
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

/// A conviction of validator 1 of an epoch, signed by a key, said to be of an organization.
fn conviction(signer: u8, organization: &str, epoch: u64) -> (String, Vec<u8>) {
    let vote = |block: &[u8]| {
        let statement = Statement::Notarize { block: BlockHash(sm3(block)) };
        let signature = key(signer).sign(&statement.digest(GENESIS, Epoch(epoch), View(7)));
        Vote { epoch: Epoch(epoch), view: View(7), statement, signer: ValidatorIndex(1), signature }
    };
    let offender = key(signer).public_key();
    let row = EvidenceRow {
        evidence: Evidence::new(vote(b"one"), vote(b"another")).expect("contradictory"),
        offender,
        organization: organization.into(),
        submitter: "henan".into(),
        transaction: TxId(sm3(b"transaction")),
        height: Height(9),
        time_ms: 5,
        suspended: false,
    };
    (evidence_key(Epoch(epoch), View(7), &offender), row.encode())
}

fn epoch(members: [(u8, &str); 2]) -> (String, Vec<u8>) {
    let members = members.iter().map(|(n, o)| (key(*n).public_key(), (*o).to_owned())).collect();
    let validators = ValidatorList::new(members).expect("two keys");
    (epoch_key(Epoch(0)), EpochRow { epoch: Epoch(0), first_height: Height(1), validators }.encode())
}

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

/// Validator 1 of epoch 0 is zhengzhou's (key 2); the row says kaifeng.
#[tokio::test]
async fn a_true_offence_under_another_organizations_name_is_not_verified() {
    let lying = node(vec![epoch([(1, "henan"), (2, "zhengzhou")]), conviction(2, "kaifeng", 0)]);
    let found = client(&lying).convictions(GENESIS).await.expect("a list");
    assert!(!found[0].verified, "the organization is not that of the validator");
}

/// The genesis names key 2 for zhengzhou; the node puts its own key 66 in that place and signs with it.
#[tokio::test]
async fn an_offence_of_a_key_that_the_genesis_does_not_name_is_not_verified() {
    let lying = node(vec![epoch([(1, "henan"), (66, "zhengzhou")]), conviction(66, "zhengzhou", 0)]);
    let found = client(&lying).convictions(GENESIS).await.expect("a list");
    assert!(!found[0].verified, "the set of the first epoch is that of the genesis");
}

/// An entry of an epoch that never was hides all the others.
#[tokio::test]
async fn an_entry_of_no_epoch_does_not_hide_the_others() {
    let set = epoch([(1, "henan"), (2, "zhengzhou")]);
    let lying = node(vec![set, conviction(2, "zhengzhou", 0), conviction(2, "zhengzhou", 9)]);
    let found = client(&lying).convictions(GENESIS).await.expect("a list");
    assert_eq!(found.iter().map(|c| c.verified).collect::<Vec<_>>(), [true, false]);
}
