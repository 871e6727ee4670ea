//! Bad input gets a clear code and leaves nothing behind.

use crate::harness::{Cluster, NAMESPACE, PATIENCE, stranger};
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_sdk::{Client, Error, Signer};
use hnchain_testnet::Plan;
use hnchain_types::genesis::Parameters;
use hnchain_types::limits;
use hnchain_types::proto::{SubmitRequest, node_client::NodeClient};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use std::time::SystemTime;

fn now_ms() -> u64 {
    u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// Signed by `key` for `chain`, valid for so many milliseconds from now.
fn anchor(key: &SecretKey, chain: &str, id: &str, version: u64, valid_ms: i64) -> Transaction {
    let until = now_ms().checked_add_signed(valid_ms).unwrap();
    let body = BodyBuilder::new(chain, u64::MAX, until, [7; 16]).anchor(NAMESPACE, id, version, sm3(id.as_bytes()));
    Transaction::sign(body.encode(), key).unwrap()
}

async fn refused(client: &Client, transaction: &Transaction) -> String {
    let error = client.submit_and_wait(transaction, PATIENCE).await.expect_err("must be refused");
    assert!(!error.message_zh().is_ascii() && !error.to_string().is_empty());
    error.code().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_break_a_rule_get_its_code_and_leave_no_record() {
    let cluster = Cluster::start(4).await;
    let client = cluster.client();
    let chain = cluster.network.manifest().chain_id.as_str();
    let key = cluster.network.client_key(NAMESPACE).unwrap();
    let other = cluster.network.client_key("realty").unwrap();
    cluster.anchor("taken").await;
    let longest = i64::try_from(limits::VALIDITY_MS).unwrap();
    let cases = [
        ("SIGNER_UNKNOWN", "bad.1", anchor(&stranger(), chain, "bad.1", 1, 60_000)),
        ("ROLE_MISSING", "bad.2", anchor(&other, chain, "bad.2", 1, 60_000)),
        ("TX_CHAIN", "bad.3", anchor(&key, "henan-other", "bad.3", 1, 60_000)),
        ("TX_EXPIRED", "bad.4", anchor(&key, chain, "bad.4", 1, -60_000)),
        ("TX_VALIDITY_TOO_LONG", "bad.5", anchor(&key, chain, "bad.5", 1, longest + 120_000)),
        ("ANCHOR_NOT_FOUND", "bad.6", anchor(&key, chain, "bad.6", 2, 60_000)),
    ];
    for (code, id, transaction) in &cases {
        assert_eq!(refused(&client, transaction).await, *code, "{id}");
        for node in 0..4 {
            assert!(cluster.client_of(node).record(NAMESPACE, id).await.unwrap().record.is_none(), "{id}");
        }
    }
    assert_eq!(refused(&client, &anchor(&key, chain, "taken", 1, 60_000)).await, "ANCHOR_EXISTS");
    assert_eq!(refused(&client, &anchor(&key, chain, "taken", 3, 60_000)).await, "ANCHOR_VERSION");
    // One operation of two breaks a rule: neither is applied.
    let signer = Signer::new(key, chain);
    let both = signer
        .transaction(|b| b.anchor(NAMESPACE, "bad.7", 1, Digest::ZERO).anchor(NAMESPACE, "taken", 1, Digest::ZERO));
    assert_eq!(refused(&client, &both.unwrap()).await, "ANCHOR_EXISTS");
    assert!(client.record(NAMESPACE, "bad.7").await.unwrap().record.is_none());
    let taken = client.record(NAMESPACE, "taken").await.unwrap().record.unwrap();
    assert_eq!(taken.version, 1, "the record that was there is untouched");
    cluster.assert_agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replayed_bytes_are_applied_once_and_give_the_first_receipt() {
    let cluster = Cluster::start(4).await;
    let draft = cluster.signer().draft(NAMESPACE, "replayed", 1, b"x").unwrap();
    let first = cluster.client().submit_and_wait(&draft.transaction, PATIENCE).await.unwrap();
    for node in 0..4 {
        cluster.reach(node, first.height).await;
        let client = cluster.client_of(node);
        let again = client.submit_and_wait(&draft.transaction, PATIENCE).await.unwrap();
        assert_eq!(again.raw(), first.raw(), "node{node}");
        assert_eq!(client.record(NAMESPACE, "replayed").await.unwrap().record.unwrap().version, 1);
    }
}

async fn submit_raw(endpoint: &str, transaction: Vec<u8>) -> (tonic::Code, String) {
    let mut client = NodeClient::connect(endpoint.to_owned()).await.unwrap();
    let status = client.submit(SubmitRequest { transaction }).await.expect_err("must be refused");
    let code = status.metadata().get("hnchain-code").map_or("", |c| c.to_str().unwrap());
    (status.code(), code.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_forged_and_oversized_bytes_are_refused_at_the_door() {
    let cluster = Cluster::start(4).await;
    let endpoint = cluster.network.endpoints()[0].clone();
    let good = cluster.signer().anchor(NAMESPACE, "forged", 1, Digest::ZERO).unwrap();

    let (status, code) = submit_raw(&endpoint, b"not a transaction".to_vec()).await;
    assert_eq!((status, code.as_str()), (tonic::Code::InvalidArgument, "DECODE_MALFORMED"));
    let (status, code) = submit_raw(&endpoint, Vec::new()).await;
    assert_eq!(status, tonic::Code::InvalidArgument, "{code}");
    let (status, code) = submit_raw(&endpoint, good.raw()[..good.raw().len() - 1].to_vec()).await;
    assert_eq!(status, tonic::Code::InvalidArgument, "{code}");
    let (_, code) = submit_raw(&endpoint, [good.raw(), &[0xa0, 0x06, 1]].concat()).await;
    assert_eq!(code, "DECODE_NOT_CANONICAL");
    // Any change of the body changes what was signed.
    let mut forged = good.raw().to_vec();
    let at = forged.windows(6).position(|w| w == b"forged").unwrap();
    forged[at] = b'g';
    let (_, code) = submit_raw(&endpoint, forged).await;
    assert_eq!(code, "SIGNATURE_INVALID");
    let (_, code) = submit_raw(&endpoint, vec![0; limits::TRANSACTION_BYTES + 1]).await;
    assert_eq!(code, "DECODE_TOO_LARGE");
    // Far beyond any limit: the transport may refuse it before the node reads it.
    let (status, _) = submit_raw(&endpoint, vec![0; 64 * 1024 * 1024]).await;
    assert_ne!(status, tonic::Code::Ok);

    for id in ["forged", "gorged"] {
        assert!(cluster.client().record(NAMESPACE, id).await.unwrap().record.is_none());
    }
    cluster.anchor("still.alive").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_above_the_chains_limit_is_refused_although_the_format_allows_it() {
    let parameters = Parameters { transaction_bytes: 1_024, ..Parameters::default() };
    let cluster = Cluster::start_with(&Plan { parameters, ..Plan::new(1) }).await;
    let many = |n: usize| {
        let anchored = (0..n).map(|i| format!("wide.{i}"));
        cluster.signer().transaction(|b| anchored.fold(b, |b, id| b.anchor(NAMESPACE, &id, 1, Digest::ZERO))).unwrap()
    };
    assert_eq!(refused(&cluster.client(), &many(limits::OPERATIONS)).await, "TX_TOO_LARGE");
    assert!(cluster.client().record(NAMESPACE, "wide.0").await.unwrap().record.is_none());
    cluster.client().submit_and_wait(&many(5), PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_about_what_is_not_there_get_an_answer() {
    let cluster = Cluster::start(1).await;
    cluster.anchor("there").await;
    let client = cluster.client();
    assert!(client.record(NAMESPACE, "not.there").await.unwrap().record.is_none());
    let unknown = client.block(hnchain_types::Height(1_000_000)).await;
    assert!(matches!(unknown, Err(Error::Refused(_))), "{unknown:?}");
    let bundle = client.prove(NAMESPACE, "not.there").await.unwrap();
    let verdict = hnchain_sdk::proof::verify(&bundle, cluster.network.genesis()).unwrap();
    assert!(verdict.record.is_none(), "absence is proven");
}
