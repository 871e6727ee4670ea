//! Lists and histories of members: what a lying node cannot make the client believe.

mod fake;

use fake::*;
use hnchain_crypto::{SecretKey, sm3};
use hnchain_sdk::{Client, Error};
use hnchain_types::governance::Thresholds;
use hnchain_types::member::{PARAMETERS_KEY, history_key, organization_key, row_hash, signer_key};
use hnchain_types::proto::{self, ListRowsRequest, ListRowsResponse, Row};
use prost::Message;
use std::collections::BTreeMap;

type Rows = BTreeMap<String, Vec<u8>>;

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).expect("in range")
}

/// Every version of an organization, the first one first; the rows of a chain that has them all.
fn organization(id: &str, names: &[&str]) -> Rows {
    let (key, mut rows, mut previous) = (organization_key(id), Rows::new(), Vec::new());
    for (revision, name) in (0u64..).zip(names) {
        let row = proto::Organization {
            id: id.into(),
            name: (*name).into(),
            credit_code: "91410000170001401D".into(),
            division: "410000".into(),
            revision,
            previous: previous.clone(),
            ..proto::Organization::default()
        };
        let raw = row.encode_to_vec();
        previous = row_hash(&raw).0.to_vec();
        let last = revision + 1 == names.len() as u64;
        rows.insert(if last { key.clone() } else { history_key(&key, revision) }, raw);
    }
    rows
}

fn signer(n: u8, organization: &str) -> (String, Vec<u8>) {
    let row = proto::Signer {
        public_key: key(n).public_key().as_bytes().to_vec(),
        organization: organization.into(),
        ..proto::Signer::default()
    };
    (signer_key(&key(n).public_key()), row.encode_to_vec())
}

fn client(rows: Rows) -> (Fake, Client) {
    let fake = Fake::start(Script::default().on_rows(move |q: ListRowsRequest| {
        let mut found = rows.iter().filter(|(k, _)| k.starts_with(&q.prefix) && **k > q.after);
        let rows = found.next().map(|(k, v)| Row { key: k.clone(), value: v.clone() }).into_iter().collect();
        Some(Ok(ListRowsResponse { rows, height: 9, more: found.next().is_some() }))
    }));
    let client = Client::new(vec![fake.endpoint.clone()], options()).expect("valid endpoint");
    (fake, client)
}

#[tokio::test]
async fn members_are_listed_by_organization() {
    let mut rows = organization("henan", &["甲"]);
    rows.extend(organization("kaifeng", &["乙"]));
    rows.extend([signer(1, "kaifeng"), signer(2, "henan")]);
    let (_fake, client) = client(rows);
    let organizations = client.members().organizations().await.expect("a list");
    assert_eq!(organizations.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["henan", "kaifeng"]);
    let signers = client.members().signers().await.expect("a list");
    assert_eq!(signers.iter().map(|s| s.organization.as_str()).collect::<Vec<_>>(), ["henan", "kaifeng"]);
    let one = client.members().signer(&key(1).public_key()).await.expect("it is there");
    assert_eq!(one, signers[1]);
    assert_eq!(client.members().organization("henan").await.expect("it is there"), organizations[0]);
    let none = client.members().organization("hen").await.expect_err("only the beginning of an id");
    assert!(matches!(none, Error::Missing { .. }), "{none}");
}

#[tokio::test]
async fn rows_under_a_false_key_are_a_false_answer() {
    let mut rows = organization("henan", &["甲"]);
    let row = rows.remove(&organization_key("henan")).expect("it is there");
    rows.insert(organization_key("other"), row);
    let (_fake, client) = client(rows);
    let e = client.members().organizations().await.expect_err("another organization's row");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
    let e = client.members().organization("other").await.expect_err("another organization's row");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn a_history_is_a_chain_of_hashes() {
    // More than ten versions: keys are not in the order of numbers. And an organization whose id begins alike.
    let names: Vec<String> = (0..12).map(|i| format!("第{i}版")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rows = organization("henan", &names);
    rows.extend(organization("henan-data", &["甲", "乙"]));
    let (_fake, honest) = client(rows.clone());
    let found = honest.members().organization_history("henan").await.expect("a history");
    assert_eq!(found.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), names);

    let older = history_key(&organization_key("henan"), 5);
    let mut lacking = rows.clone();
    lacking.remove(&older);
    let (_fake, hiding) = client(lacking);
    let e = hiding.members().organization_history("henan").await.expect_err("a version is missing");
    assert!(matches!(e, Error::Missing { .. }), "{e}");

    let mut forged = proto::Organization::decode(rows[&older].as_slice()).expect("a row");
    forged.name = "别的".into();
    rows.insert(older, forged.encode_to_vec());
    let (_fake, lying) = client(rows);
    let e = lying.members().organization_history("henan").await.expect_err("another row than was");
    assert!(matches!(e, Error::Missing { .. }), "{e}");
}

#[tokio::test]
async fn parameters_are_read() {
    let row = proto::Parameters {
        suspend_equivocators: true,
        proposal_open_ms: 3_600_000,
        thresholds: Some(Thresholds::default().to_proto()),
        ..proto::Parameters::default()
    };
    let (_fake, client) = client([(PARAMETERS_KEY.to_owned(), row.encode_to_vec())].into());
    let found = client.members().parameters().await.expect("they are there");
    assert_eq!((found.suspend_equivocators, found.thresholds), (true, Thresholds::default()));
    assert!(client.members().signer_history(&key(9).public_key()).await.is_err());
}

#[test]
fn hashes_of_rows_have_a_tag_of_their_own() {
    assert_ne!(row_hash(b"row"), sm3(b"row"));
}
