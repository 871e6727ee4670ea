//! Real estate: what the client reads, and what a lying node cannot make it believe.

mod fake;

use fake::realty::{FLAT, TIME_MS, flat, listed, paper, rows, who};
use fake::{Fake, Script, state, took};
use hnchain_crypto::SecretKey;
use hnchain_sdk::{Client, Error, Options, Signer};
use hnchain_types::proto::{self, StatusResponse, TransactionState};
use hnchain_types::realty::{
    BurdenKind, DAY_MS, Objection, Operation, Seal, Unseal, burden_key, entry_key, holder_key, unit_key,
};
use hnchain_types::transaction::{Operation as Signed, Outcome, Receipt, Transaction};
use hnchain_types::{Height, TxId};
use std::collections::BTreeMap;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn options() -> Options {
    Options { rounds: 1, ..Options::default() }
}

fn reading(rows: BTreeMap<String, Vec<u8>>, now: u64) -> (Fake, Client) {
    let script = Script::default()
        .on_rows(move |q| Some(Ok(listed(&rows, &q))))
        .on_status(move |_| Some(Ok(StatusResponse { time_ms: now, ..StatusResponse::default() })));
    let node = Fake::start(script);
    let client = Client::new(vec![node.endpoint.clone()], options()).expect("an endpoint");
    (node, client)
}

#[tokio::test]
async fn a_unit_comes_with_its_burdens_as_of_the_newest_block() {
    let (_node, client) = reading(rows(), TIME_MS + DAY_MS);
    let answer = client.realty().unit(&flat()).await.expect("found");
    assert_eq!((answer.height, answer.view.time_ms), (Height(9), TIME_MS + DAY_MS));
    assert!(answer.view.sealed().is_some());
    assert_eq!(answer.view.of(BurdenKind::Mortgage).count(), 1);
    let (_node, client) = reading(rows(), TIME_MS + 30 * DAY_MS);
    let answer = client.realty().unit(&flat()).await.expect("found");
    assert!(answer.view.sealed().is_none(), "the seal expired by block time");
}

#[tokio::test]
async fn a_unit_that_was_never_registered_is_missing() {
    let (_node, client) = reading(BTreeMap::new(), 1);
    assert!(matches!(client.realty().unit(&flat()).await, Err(Error::Missing { .. })));
}

#[tokio::test]
async fn a_node_that_hides_or_exchanges_rows_is_not_believed() {
    let (seal, mortgage) = (burden_key(&flat(), BurdenKind::Seal, 3), burden_key(&flat(), BurdenKind::Mortgage, 2));
    let mut hidden = rows();
    hidden.remove(&seal);
    let mut exchanged = rows();
    exchanged.insert(seal.clone(), exchanged[&mortgage].clone());
    let mut damaged = rows();
    damaged.get_mut(&unit_key(&flat())).expect("there").push(0);
    for bad in [hidden, exchanged, damaged] {
        let (_node, client) = reading(bad, TIME_MS);
        let error = client.realty().unit(&flat()).await.expect_err("a lie");
        assert_eq!(error.code(), "CLIENT_BAD_RESPONSE", "{error}");
    }
}

#[tokio::test]
async fn the_chain_of_title_is_linked_and_paged() {
    let (_node, client) = reading(rows(), TIME_MS);
    let all = client.realty().title(&flat(), 0, 256).await.expect("linked");
    assert_eq!(all.entries.iter().map(|e| e.number).collect::<Vec<_>>(), [1, 2, 3]);
    let first = client.realty().title(&flat(), 0, 2).await.expect("linked");
    assert_eq!((first.entries.len(), first.more), (2, true));
    let last = client.realty().title(&flat(), 2, 2).await.expect("linked");
    assert_eq!((last.entries.len(), last.more), (1, false));
    let mut gap = rows();
    gap.remove(&entry_key(&flat(), 2));
    let (_node, client) = reading(gap, TIME_MS);
    for after in [0, 1] {
        assert!(client.realty().title(&flat(), after, 256).await.is_err(), "a gap after {after}");
    }
}

#[tokio::test]
async fn units_are_found_by_their_holder() {
    let mut rows = rows();
    let other = "410202001001GB00001F00010002".parse().expect("a code");
    rows.insert(holder_key(&who(1), &other), hnchain_types::realty::Holding { entry: 4 }.encode());
    let (_node, client) = reading(rows, TIME_MS);
    let page = client.realty().held_by(&who(1), None, 1).await.expect("found");
    assert_eq!((page.units[0].unit, page.units[0].since, page.more), (flat(), 1, true));
    let page = client.realty().held_by(&who(1), Some(&flat()), 1).await.expect("found");
    assert_eq!((page.units[0].unit, page.more), (other, false));
    assert_eq!(client.realty().held_by(&who(7), None, 9).await.expect("found").units, []);
}

fn writing(outcome: Outcome) -> (Fake, Client) {
    let script = Script::default()
        .on_submit(|q| {
            let transaction = Transaction::decode(&q.transaction).expect("well formed");
            assert!(matches!(transaction.body().operations[..], [Signed::Realty(_)]));
            Some(Ok(took(transaction.id())))
        })
        .on_wait(move |q| {
            let id = TxId(q.transaction_id.as_slice().try_into().expect("32 bytes"));
            let receipt = Receipt::new(id, Height(7), 0, outcome.clone());
            Some(Ok(state(TransactionState::Final, Some(&receipt))))
        });
    let node = Fake::start(script);
    let client = Client::new(vec![node.endpoint.clone()], options()).expect("an endpoint");
    (node, client)
}

fn event(unit: &str) -> Outcome {
    let changed = proto::RealtyChanged {
        unit: unit.to_owned(),
        entry: 4,
        registration: 800,
        burden_kind: 2,
        burden: 4,
        ..Default::default()
    };
    Outcome::Accepted(vec![proto::Event { kind: Some(proto::event::Kind::Realty(changed)) }])
}

fn signer() -> Signer {
    Signer::new(SecretKey::from_bytes(&[1; 32]).expect("in range"), "henan-test")
}

#[tokio::test]
async fn a_registration_says_which_entry_and_burden_it_became() {
    let (_node, client) = writing(event(FLAT));
    let seal = Seal { unit: flat(), term_ms: 30 * DAY_MS, document: paper() };
    let done = client.realty().seal(&signer(), seal, SOON).await.expect("accepted");
    assert_eq!((done.changed.entry, done.changed.burden, done.receipt.height), (4, 4, Height(7)));
    let (_node, client) = writing(event("410202001001GB00001F00010002"));
    let unseal = Unseal { unit: flat(), burden: 3, document: paper() };
    assert_eq!(
        client.realty().unseal(&signer(), unseal, SOON).await.expect_err("another").code(),
        "CLIENT_BAD_RESPONSE"
    );
}

#[tokio::test]
async fn a_rule_that_refuses_is_named_and_what_is_ill_formed_never_leaves() {
    let rejection = proto::Rejection {
        code: "REALTY_SEALED".into(),
        message: "the unit is sealed by a court".into(),
        message_zh: "该不动产单元已被查封".into(),
        operation: 0,
    };
    let (_node, client) = writing(Outcome::Rejected(rejection));
    let certificate = "豫(2023)开封市不动产证明第0000002号".parse().expect("a number");
    let objection = Objection { unit: flat(), objector: who(9), document: paper(), certificate };
    let refused = client.realty().objection(&signer(), objection, SOON).await.expect_err("refused");
    assert_eq!(refused.code(), "REALTY_SEALED");
    let short = Operation::from(Seal { unit: flat(), term_ms: 1, document: paper() });
    let error = client.realty().submit(&signer(), short, SOON).await.expect_err("ill-formed");
    assert_eq!(error.code(), "DECODE_FIELD");
}
