//! Lists of validators and convictions: what a lying node cannot make the client believe.

mod fake;

use fake::*;
use hnchain_crypto::{SecretKey, sm3};
use hnchain_sdk::{Client, Error};
use hnchain_types::certificate::Statement;
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator};
use hnchain_types::governance::{EpochRow, EvidenceRow, epoch_key, evidence_key};
use hnchain_types::proto::{ListRowsRequest, ListRowsResponse, Row};
use hnchain_types::validators::ValidatorList;
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{BlockHash, Epoch, Height, TxId, ValidatorIndex, View};
use std::collections::BTreeMap;

/// henan runs validator 0 with key 1, zhengzhou validator 1 with key 2.
fn genesis() -> Genesis {
    let organization = |(id, credit_code): (&str, &str)| Organization {
        id: id.into(),
        name: format!("示例机构 {id}"),
        credit_code: credit_code.into(),
        division: "410000".into(),
        parent: None,
    };
    Genesis::create(&Document {
        version: 1,
        chain_id: "henan-test".into(),
        name: "河南链（示例）".into(),
        time_ms: 0,
        parameters: Parameters::default(),
        organizations: [
            ("henan", "91410000170001401D"),
            ("zhengzhou", "11410100MB7H00025X"),
            ("kaifeng", "11410200MB7H00033X"),
        ]
        .map(organization)
        .to_vec(),
        certificate_types: vec![],
        signers: vec![Signer {
            public_key: key(9).public_key(),
            organization: "henan".into(),
            roles: vec![Role::Administrator {}],
            valid_from_ms: 0,
            valid_until_ms: 0,
        }],
        validators: vec![
            Validator::new("henan-test", "henan", &key(1)),
            Validator::new("henan-test", "zhengzhou", &key(2)),
        ],
    })
    .expect("a genesis")
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).expect("in range")
}

/// A conviction of validator 1 of an epoch, signed by a key, said to be of an organization.
fn conviction(signer: u8, organization: &str, epoch: u64) -> (String, Vec<u8>) {
    let vote = |block: &[u8]| {
        let statement = Statement::Notarize { block: BlockHash(sm3(block)) };
        let signature = key(signer).sign(&statement.digest(genesis().digest(), Epoch(epoch), View(7)));
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
    (evidence_key(Epoch(epoch), &offender), row.encode())
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

#[tokio::test]
async fn a_true_conviction_is_verified_and_one_that_somebody_else_signed_is_not() {
    let honest = node(vec![epoch([(1, "henan"), (2, "zhengzhou")]), conviction(2, "zhengzhou", 0)]);
    let found = client(&honest).convictions(&genesis()).await.expect("a list");
    assert!(found.len() == 1 && found[0].verified);
    let framed = node(vec![epoch([(1, "henan"), (2, "zhengzhou")]), conviction(3, "zhengzhou", 0)]);
    let found = client(&framed).convictions(&genesis()).await.expect("a list");
    assert!(found.len() == 1 && !found[0].verified);
}

/// Validator 1 of epoch 0 is zhengzhou's (key 2); the row says kaifeng.
#[tokio::test]
async fn a_true_offence_under_another_organizations_name_is_not_verified() {
    let lying = node(vec![epoch([(1, "henan"), (2, "zhengzhou")]), conviction(2, "kaifeng", 0)]);
    let found = client(&lying).convictions(&genesis()).await.expect("a list");
    assert!(!found[0].verified, "the organization is not that of the validator");
}

/// The genesis names key 2 for zhengzhou; the node puts its own key 66 in that place and signs with it.
#[tokio::test]
async fn an_offence_of_a_key_that_the_genesis_does_not_name_is_not_verified() {
    let lying = node(vec![epoch([(1, "henan"), (66, "zhengzhou")]), conviction(66, "zhengzhou", 0)]);
    let found = client(&lying).convictions(&genesis()).await.expect("a list");
    assert!(!found[0].verified, "the set of the first epoch is that of the genesis");
}

#[tokio::test]
async fn rows_under_a_false_key_are_a_false_answer() {
    let (_, row) = conviction(2, "zhengzhou", 0);
    let fake = node(vec![epoch([(1, "henan"), (2, "zhengzhou")]), ("evidence/0/8/aa".into(), row)]);
    let e = client(&fake).convictions(&genesis()).await.expect_err("another row's key");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn an_epoch_that_has_not_begun_is_missing() {
    let fake = node(vec![epoch([(1, "henan"), (2, "zhengzhou")])]);
    let row = client(&fake).validators(Some(Epoch(0))).await.expect("the first epoch");
    assert_eq!(row.validators.len(), 2);
    let e = client(&fake).validators(Some(Epoch(4))).await.expect_err("not yet");
    assert!(matches!(e, Error::Missing { .. }), "{e}");
}
