//! Batches as nodes list them: what is left out or altered is noticed.

mod fake;
mod lineage;

use fake::*;
use hnchain_crypto::{SecretKey, sm3};
use hnchain_sdk::trace::Traces;
use hnchain_sdk::{Client, Error, Signer};
use hnchain_types::Height;
use hnchain_types::trace::lineage::RecallStatus;
use hnchain_types::trace::{
    Act, Batch, Commission, EventKind, Inspect, Operation, RECALLS_KEY, Recalled, Ship, Step, recalls_row,
};
use hnchain_types::transaction::Operation as Any;
use lineage::{Rows, events, id, place, rows, script};
use std::time::Duration;

fn node(rows: Rows) -> (Fake, Client) {
    let fake = Fake::start(script(rows));
    let client = Client::new(vec![fake.endpoint.clone()], options()).expect("valid endpoint");
    (fake, client)
}

fn of(client: &Client) -> Traces<'_> {
    client.trace(Duration::from_secs(5))
}

async fn below(client: &Client, code: &str, page: u32) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut search = of(client).descendants(&id(code), page);
    while let Some(next) = search.next().await? {
        found.push(format!("{}{}", next.depth, next.batch.id.code));
    }
    Ok(found)
}

#[tokio::test]
async fn a_batch_its_history_and_its_children_are_read() {
    let (_fake, client) = node(rows());
    let answer = of(&client).batch(&id("r")).await.expect("a batch");
    assert_eq!((answer.value.id.clone(), answer.height), (id("r"), Height(9)));
    assert_eq!(of(&client).history(&answer.value).await.expect("a history"), events("r", 3));
    let page = of(&client).events(&answer.value, 1, 1).await.expect("a page");
    assert_eq!(page.iter().map(|e| e.number).collect::<Vec<_>>(), [2]);
    assert!(of(&client).events(&answer.value, 3, 9).await.expect("the end").is_empty());
    let children = of(&client).children(&answer.value, 0, 9).await.expect("children");
    assert_eq!(children.iter().map(|c| c.child.clone()).collect::<Vec<_>>(), [id("a"), id("b")]);
    assert_eq!(of(&client).recalls().await.expect("a count"), 0);
    let missing = of(&client).batch(&id("x")).await.expect_err("no such batch");
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
}

#[tokio::test]
async fn ancestors_and_descendants_are_found_once() {
    let (_fake, client) = node(rows());
    for page in [1, 2, 256] {
        assert_eq!(below(&client, "r", page).await.expect("a tree"), ["1a", "2m", "1b", "2n"]);
    }
    assert_eq!(below(&client, "b", 2).await.expect("a tree"), ["1m", "1n"]);
    let ancestry = of(&client).ancestry(&id("m")).await.expect("ancestors");
    assert_eq!(ancestry.ancestors.keys().cloned().collect::<Vec<_>>(), [id("a"), id("b"), id("r")]);
    assert_eq!(ancestry.recall, RecallStatus::Clear);
}

#[tokio::test]
async fn a_recalled_ancestor_is_named() {
    let mut all = rows();
    let mut root = Batch::decode(&all[&id("r").key()]).expect("a row");
    let (organization, reason) = ("henan".to_owned(), "农残超标".to_owned());
    root.recalled = Some(Recalled { organization, reason, height: Height(9), time_ms: 5 });
    all.insert(root.id.key(), root.encode());
    all.insert(RECALLS_KEY.to_owned(), recalls_row(1));
    let (_fake, client) = node(all);
    assert_eq!(of(&client).ancestry(&id("m")).await.expect("ancestors").recall, RecallStatus::By(id("r")));
    assert_eq!(of(&client).recalls().await.expect("a count"), 1);
}

#[tokio::test]
async fn what_a_node_leaves_out_or_alters_is_noticed() {
    for hidden in [id("r").event_key(1), id("r").event_key(2), id("r").event_key(3)] {
        let mut all = rows();
        all.remove(&hidden);
        let (_fake, client) = node(all);
        let batch = of(&client).batch(&id("r")).await.expect("a batch").value;
        assert!(of(&client).history(&batch).await.is_err(), "{hidden}");
    }
    let mut all = rows();
    let mut event = events("r", 2).remove(1);
    event.kind = EventKind::Act(Act::Inspect(Inspect { passed: false, report: sm3(b"report") }));
    all.insert(id("r").event_key(2), event.encode());
    let (_fake, client) = node(all);
    let batch = of(&client).batch(&id("r")).await.expect("a batch").value;
    assert!(of(&client).history(&batch).await.is_err());
    for hidden in [id("r").child_key(1), id("r").child_key(2), id("b").child_key(2), id("n").key()] {
        let mut all = rows();
        all.remove(&hidden);
        let (_fake, client) = node(all);
        assert!(below(&client, "r", 2).await.is_err(), "{hidden}");
    }
    let mut all = rows();
    let another = all[&id("a").key()].clone();
    all.insert(id("b").key(), another);
    let (_fake, client) = node(all);
    assert!(of(&client).batch(&id("b")).await.is_err());
}

#[test]
fn operations_are_signed_as_they_were_given_and_ill_formed_ones_are_not() {
    let signer = Signer::new(SecretKey::from_bytes(&[1; 32]).expect("in range"), "henan-test");
    let commission = Commission {
        product: "苹果".into(),
        quantity: "10 kg".parse().expect("a quantity"),
        place: place(),
        growing: false,
    };
    let ops: [Operation; 2] = [
        Step { batch: id("a"), act: Act::Commission(commission) }.into(),
        Step { batch: id("a"), act: Act::Ship(Ship { to: "zhengzhou".into() }) }.into(),
    ];
    let signed = signer.trace(&ops).expect("well-formed");
    let given: Vec<_> = ops.into_iter().map(|op| Any::Trace(Box::new(op))).collect();
    assert_eq!(signed.body().operations, given);
    let wrong = Step { batch: id("a"), act: Act::Ship(Ship { to: "Not A Name".into() }) };
    assert_eq!(signer.trace(&[wrong.into()]).expect_err("a name").code(), "DECODE_FIELD");
}
