//! What the client does when nodes die, lie, hang or fall behind, against scripted nodes.

mod fake;

use fake::*;
use hnchain_crypto::sm3;
use hnchain_sdk::{Client, Error};
use hnchain_types::proto::{RecordResponse, StatusResponse, TransactionState};
use hnchain_types::transaction::{Outcome, Receipt};
use hnchain_types::{Height, TxId};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tonic::Status;

const SOON: Duration = Duration::from_secs(5);

fn client(fakes: &[&Fake]) -> Client {
    Client::new(fakes.iter().map(|f| f.endpoint.clone()).collect(), options()).expect("valid endpoints")
}

/// Takes and finalizes every transaction, and keeps the bytes.
fn honest(seen: &Arc<Mutex<Vec<Vec<u8>>>>) -> Script {
    let seen = Arc::clone(seen);
    Script::default()
        .on_submit(move |q| {
            let t = hnchain_types::transaction::Transaction::decode(&q.transaction).expect("well formed");
            seen.lock().expect("not poisoned").push(q.transaction);
            Some(Ok(took(t.id())))
        })
        .on_wait(|q| {
            let id = TxId(q.transaction_id.as_slice().try_into().expect("32 bytes"));
            Some(Ok(state(TransactionState::Final, Some(&accepted(id)))))
        })
}

#[tokio::test]
async fn an_unreachable_node_is_passed_over_and_the_healthy_one_remembered() {
    let seen = Arc::default();
    let script = honest(&seen);
    let alive = Fake::start(script);
    let c = Client::new(vec![nobody(), alive.endpoint.clone()], options()).expect("valid");
    let t = transaction();
    let first = c.submit(&t).await.expect("the second node answers");
    assert_eq!(first.endpoint, alive.endpoint);
    let before = Instant::now();
    c.submit(&t).await.expect("the second node answers");
    assert!(before.elapsed() < Duration::from_millis(500));
    assert_eq!(seen.lock().expect("not poisoned").len(), 2);
}

#[tokio::test]
async fn when_the_node_dies_after_taking_it_the_same_bytes_go_to_the_next() {
    let t = transaction();
    let id = t.id();
    // Takes the transaction and dies before it is final.
    let (died, mut dying) = tokio::sync::mpsc::unbounded_channel();
    let first = Script::default().on_submit(move |_| Some(Ok(took(id)))).on_wait(move |_| {
        let _told = died.send(());
        None
    });
    let mut first = Fake::start(first);
    let seen = Arc::default();
    let second = Fake::start(honest(&seen));
    let c = client(&[&first, &second]);
    let task = tokio::spawn({
        let (c, t) = (c.clone(), t.clone());
        async move { c.submit_and_wait(&t, SOON).await }
    });
    dying.recv().await.expect("the first node was asked to wait");
    first.kill();
    let receipt = task.await.expect("no panic").expect("the second node finalizes");
    assert_eq!(receipt.transaction, id);
    assert_eq!(*seen.lock().expect("not poisoned"), [t.raw().to_vec()], "the same bytes");
}

#[tokio::test]
async fn a_node_that_forgot_the_transaction_gets_it_again() {
    let t = transaction();
    let id = t.id();
    let times = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&times);
    let script = Script::default()
        .on_submit(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Some(Ok(took(id)))
        })
        .on_wait({
            let times = Arc::clone(&times);
            move |_| {
                Some(Ok(match times.load(Ordering::SeqCst) {
                    1 => state(TransactionState::Unknown, None),
                    _ => state(TransactionState::Final, Some(&accepted(id))),
                }))
            }
        });
    let node = Fake::start(script);
    client(&[&node]).submit_and_wait(&t, SOON).await.expect("final at last");
    assert_eq!(times.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_replay_answer_means_it_was_delivered_before() {
    let t = transaction();
    let id = t.id();
    let script = Script::default()
        .on_submit(|_| {
            let mut s = Status::failed_precondition("already in a block");
            s.metadata_mut().insert("hnchain-code", "TX_REPLAYED".parse().expect("ascii"));
            Some(Err(s))
        })
        .on_wait(move |_| Some(Ok(state(TransactionState::Final, Some(&accepted(id))))));
    let node = Fake::start(script);
    assert!(client(&[&node]).submit_and_wait(&t, SOON).await.expect("final").accepted());
}

#[tokio::test]
async fn submitting_a_final_transaction_returns_its_first_receipt() {
    let t = transaction();
    let first = accepted(t.id());
    let script = {
        let first = first.clone();
        Script::default().on_submit(move |_| {
            let mut answer = took(first.transaction);
            answer.receipt = first.raw().to_vec();
            Some(Ok(answer))
        })
    };
    let node = Fake::start(script);
    assert_eq!(client(&[&node]).submit_and_wait(&t, SOON).await.expect("final"), first);
}

#[tokio::test]
async fn a_rejection_by_the_ledger_is_an_error_with_the_ledgers_code() {
    let t = transaction();
    let id = t.id();
    let rejection = hnchain_types::proto::Rejection {
        code: "ANCHOR_EXISTS".to_owned(),
        message: "the record exists".to_owned(),
        message_zh: "记录已存在".to_owned(),
        operation: 0,
    };
    let receipt = Receipt::new(id, Height(3), 0, Outcome::Rejected(rejection));
    let script = Script::default()
        .on_submit(move |_| Some(Ok(took(id))))
        .on_wait(move |_| Some(Ok(state(TransactionState::Final, Some(&receipt)))));
    let node = Fake::start(script);
    let e = client(&[&node]).submit_and_wait(&t, SOON).await.expect_err("rejected");
    assert_eq!(e.code(), "ANCHOR_EXISTS");
    assert!(!e.retryable());
    assert!(e.to_string().contains("the record exists") && e.message_zh().contains("记录已存在"));
}

#[tokio::test]
async fn a_refusal_is_final_and_surfaces_the_nodes_code() {
    let refuse = Script::default().on_submit(|_| {
        let mut s = Status::permission_denied("the signer is not known");
        s.metadata_mut().insert("hnchain-code", "SIGNER_UNKNOWN".parse().expect("ascii"));
        s.metadata_mut().insert_bin(
            "hnchain-message-zh-bin",
            tonic::metadata::MetadataValue::from_bytes("签名者未登记".as_bytes()),
        );
        Some(Err(s))
    });
    let calls = Arc::clone(&refuse.calls);
    let node = Fake::start(refuse);
    let e = client(&[&node]).submit(&transaction()).await.expect_err("refused");
    assert_eq!(e.code(), "SIGNER_UNKNOWN");
    assert!(e.message_zh().contains("签名者未登记"));
    assert!(!e.retryable() && !e.unreachable());
    assert_eq!(calls.lock().expect("not poisoned").len(), 1, "asked once");
}

#[tokio::test]
async fn a_refusal_after_a_silent_node_is_uncertain() {
    let refuse = Fake::start(Script::default().on_submit(|_| Some(Err(Status::permission_denied("not known")))));
    let silent = Fake::start(Script::default().on_submit(|_| None));
    let uncertain = |e: Error| matches!(e, Error::Refused(r) if r.uncertain);
    let e = client(&[&silent, &refuse]).submit(&transaction()).await.expect_err("refused");
    assert!(uncertain(e), "the silent node may have taken it");
    let c = Client::new(vec![nobody(), refuse.endpoint.clone()], options()).expect("valid");
    let e = c.submit(&transaction()).await.expect_err("refused");
    assert!(!uncertain(e), "where nobody listens nothing was taken");
}

#[tokio::test]
async fn a_transaction_that_expired_everywhere_is_unsettled_before_the_timeout() {
    let t = transaction();
    let id = t.id();
    let times = AtomicU32::new(0);
    let script = Script::default()
        .on_submit(move |_| {
            if times.fetch_add(1, Ordering::SeqCst) == 0 {
                return Some(Ok(took(id)));
            }
            let mut s = Status::invalid_argument("TX_EXPIRED: too late");
            s.metadata_mut().insert("hnchain-code", "TX_EXPIRED".parse().expect("ascii"));
            Some(Err(s))
        })
        .on_wait(|_| Some(Err(Status::deadline_exceeded("not yet"))));
    let node = Fake::start(script);
    let started = Instant::now();
    let e = client(&[&node]).submit_and_wait(&t, Duration::from_secs(60)).await.expect_err("expired");
    let Error::Unsettled { last: Some(last), .. } = e else { panic!("{e}") };
    assert_eq!(last.code(), "TX_EXPIRED");
    assert!(last.to_string().ends_with("refused: too late (TX_EXPIRED)"), "the code is said once: {last}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_busy_node_is_asked_again() {
    let t = transaction();
    let id = t.id();
    let times = AtomicU32::new(0);
    let script = Script::default().on_submit(move |_| {
        Some(if times.fetch_add(1, Ordering::SeqCst) == 0 {
            Err(Status::resource_exhausted("the queue is full"))
        } else {
            Ok(took(id))
        })
    });
    let node = Fake::start(script);
    client(&[&node]).submit(&t).await.expect("taken at the second attempt");
}

#[tokio::test]
async fn no_node_at_all_is_unreachable_and_names_each() {
    let (a, b) = (nobody(), nobody());
    let c = Client::new(vec![a.clone(), b.clone()], options()).expect("valid");
    let e = c.submit(&transaction()).await.expect_err("nobody listens");
    assert_eq!(e.code(), "CLIENT_UNREACHABLE");
    assert!(e.unreachable() && e.retryable());
    assert!(e.to_string().contains(&a) && e.to_string().contains(&b));
}

#[tokio::test]
async fn a_hanging_node_meets_the_deadline() {
    let node = Fake::start(Script::default().on_status(|_| None));
    let started = Instant::now();
    let options = hnchain_sdk::Options { deadline: Duration::from_millis(900), ..options() };
    let c = Client::new(vec![node.endpoint.clone()], options).expect("valid");
    let e = c.status().await.expect_err("hangs");
    assert_eq!(e.code(), "CLIENT_DEADLINE");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_transaction_that_stays_pending_is_unsettled_at_the_timeout() {
    let t = transaction();
    let id = t.id();
    let script = Script::default()
        .on_submit(move |_| Some(Ok(took(id))))
        .on_wait(|_| Some(Ok(state(TransactionState::Pending, None))));
    let node = Fake::start(script);
    let started = Instant::now();
    let e = client(&[&node]).submit_and_wait(&t, Duration::from_millis(600)).await.expect_err("pending");
    assert!(matches!(e, Error::Unsettled { id: got, .. } if got == id), "{e}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_wrong_receipt_is_not_believed_and_the_next_node_is_asked() {
    let t = transaction();
    let id = t.id();
    let other = transaction().id();
    let liar = Script::default()
        .on_submit(move |_| Some(Ok(took(id))))
        .on_wait(move |_| Some(Ok(state(TransactionState::Final, Some(&accepted(other))))));
    let liar = Fake::start(liar);
    let e = client(&[&liar]).wait(&id, Duration::from_millis(300)).await.expect_err("a false receipt");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
    let seen = Arc::default();
    let good = Fake::start(honest(&seen));
    let receipt = client(&[&liar, &good]).wait(&id, SOON).await.expect("the honest node answers");
    assert_eq!(receipt.transaction, id);
}

#[tokio::test]
async fn an_answer_about_another_transaction_is_a_bad_response() {
    let other = transaction().id();
    let node = Fake::start(Script::default().on_submit(move |_| Some(Ok(took(other)))));
    let e = client(&[&node]).submit(&transaction()).await.expect_err("another id");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn malformed_answers_are_refused_without_a_panic() {
    let junk = vec![0xff; 40];
    let script = Script::default()
        .on_status({
            let junk = junk.clone();
            move |_| Some(Ok(StatusResponse { genesis: junk.clone(), ..StatusResponse::default() }))
        })
        .on_record({
            let junk = junk.clone();
            move |_| Some(Ok(RecordResponse { record: junk.clone(), height: 1 }))
        })
        .on_block({
            let junk = junk.clone();
            move |_| Some(Ok(hnchain_types::proto::BlockResponse { block: junk.clone() }))
        })
        .on_header({
            let junk = junk.clone();
            move |_| {
                Some(Ok(hnchain_types::proto::HeaderResponse {
                    header: junk.clone(),
                    result: junk.clone(),
                    certificate: junk.clone(),
                }))
            }
        })
        .on_proof(|_| Some(Ok(hnchain_types::proto::ProofResponse { bundle: None })))
        .on_transaction(move |_| {
            Some(Ok(hnchain_types::proto::TransactionResponse {
                state: 99,
                transaction: junk.clone(),
                receipt: junk.clone(),
            }))
        });
    let node = Fake::start(script);
    let c = client(&[&node]);
    let codes = [
        c.status().await.expect_err("junk").code().to_owned(),
        c.record("certificate", "a").await.expect_err("junk").code().to_owned(),
        c.block(Height(1)).await.expect_err("junk").code().to_owned(),
        c.header(Height(1)).await.expect_err("junk").code().to_owned(),
        c.prove("certificate", "a").await.expect_err("junk").code().to_owned(),
        c.transaction(&TxId(sm3(b"x"))).await.expect_err("junk").code().to_owned(),
    ];
    assert_eq!(codes, ["CLIENT_BAD_RESPONSE"; 6]);
}

/// An id is no proof of a signature: anybody can compute one of somebody's key and an invented body.
#[tokio::test]
async fn a_transaction_that_its_signer_did_not_sign_is_not_believed() {
    let signed = transaction();
    let mut m = <hnchain_types::proto::Transaction as prost::Message>::decode(signed.raw()).expect("canonical");
    m.signature[5] ^= 1;
    let forged = prost::Message::encode_to_vec(&m);
    let fake = Fake::start(Script::default().on_transaction(move |_| {
        let mut answer = state(TransactionState::Pending, None);
        answer.transaction.clone_from(&forged);
        Some(Ok(answer))
    }));
    let error = client(&[&fake]).transaction(&signed.id()).await.expect_err("forged");
    assert_eq!(error.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn a_block_of_another_height_is_refused() {
    let blocks = chain(3);
    let node = Fake::start(Script::default().on_block(move |_| Some(sent(&blocks[2]))));
    let e = client(&[&node]).block(Height(2)).await.expect_err("height 3 was sent");
    assert!(e.to_string().contains("block 3 was sent instead of 2"), "{e}");
}

#[tokio::test]
async fn a_lagging_node_without_the_block_is_passed_over() {
    let blocks = chain(2);
    let behind = Fake::start(Script::default().on_block(|_| Some(Err(Status::not_found("no such height")))));
    let ahead = Fake::start(Script::default().on_block(move |_| Some(sent(&blocks[1]))));
    client(&[&behind, &ahead]).block(Height(2)).await.expect("the second node has it");
    let e = client(&[&behind]).block(Height(2)).await.expect_err("nobody has it");
    assert_eq!(e.code(), "RPC_NOT_FOUND");
}

#[tokio::test]
async fn statuses_reports_every_node_in_order() {
    let node = Fake::start(Script::default().on_status(|_| Some(Err(Status::internal("broken")))));
    let gone = nobody();
    let c = Client::new(vec![gone.clone(), node.endpoint.clone()], options()).expect("valid");
    let all = c.statuses().await;
    assert_eq!(all.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>(), [gone, node.endpoint.clone()]);
    assert!(all.iter().all(|(_, answer)| answer.is_err()));
}

/// Sends blocks from the asked height on, at most `most`, then ends or stays open.
fn serve(blocks: Vec<hnchain_types::block::FinalizedBlock>, most: usize, ends: bool) -> Script {
    Script::default().on_subscribe(move |q| {
        let from = usize::try_from(q.from_height).expect("small").max(1) - 1;
        (blocks.iter().skip(from).take(most).map(sent).collect(), ends)
    })
}

async fn heights(client: &Client, from: u64, count: usize) -> Vec<u64> {
    let mut stream = client.subscribe(Height(from));
    let mut got = Vec::new();
    while got.len() < count {
        let next = tokio::time::timeout(SOON, stream.next()).await.expect("in time").expect("open");
        got.push(next.expect("a good block").block.header.height.0);
    }
    got
}

#[tokio::test]
async fn a_subscription_resumes_at_another_node_without_gaps_or_duplicates() {
    let blocks = chain(9);
    let first = Fake::start(serve(blocks.clone(), 4, true));
    let second = Fake::start(serve(blocks, 9, false));
    assert_eq!(heights(&client(&[&first, &second]), 1, 9).await, (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_subscription_survives_the_death_of_its_node() {
    let blocks = chain(6);
    let mut first = Fake::start(serve(blocks.clone(), 3, false));
    let second = Fake::start(serve(blocks, 6, false));
    let c = client(&[&first, &second]);
    let mut stream = c.subscribe(Height(1));
    for height in 1..=3 {
        assert_eq!(stream.next().await.expect("open").expect("good").block.header.height, Height(height));
    }
    first.kill();
    for height in 4..=6 {
        let next = tokio::time::timeout(SOON, stream.next()).await.expect("in time");
        assert_eq!(next.expect("open").expect("good").block.header.height, Height(height));
    }
}

#[tokio::test]
async fn a_silent_node_is_left_for_another() {
    let blocks = chain(2);
    let silent = Fake::start(serve(blocks.clone(), 1, false));
    let lively = Fake::start(serve(blocks, 2, false));
    assert_eq!(heights(&client(&[&silent, &lively]), 1, 2).await, [1, 2]);
}

#[tokio::test]
async fn a_node_that_skips_a_block_is_left_for_another() {
    let blocks = chain(4);
    let mut skipping = blocks.clone();
    skipping.remove(1);
    let skipping = Fake::start(serve(skipping, 4, false));
    let honest = Fake::start(serve(blocks, 4, false));
    assert_eq!(heights(&client(&[&skipping, &honest]), 1, 4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_fork_is_left_for_the_chain_that_was_followed() {
    let blocks = chain(4);
    let mut forked = chain_at(4, 1_900_000_000_000);
    forked.splice(..2, blocks[..2].iter().cloned());
    let forked = Fake::start(serve(forked, 4, false));
    let honest = Fake::start(serve(blocks.clone(), 4, false));
    let c = client(&[&forked, &honest]);
    let mut stream = c.subscribe(Height(1));
    for block in &blocks {
        assert_eq!(stream.next().await.expect("open").expect("good").block.header.hash(), block.block.header.hash());
    }
}

#[tokio::test]
async fn a_subscription_that_no_node_can_serve_ends_with_an_error() {
    let node = Fake::start(Script::default().on_subscribe(|_| (vec![sent(&chain(5)[4])], true)));
    let c = client(&[&node]);
    let mut stream = c.subscribe(Height(2));
    let e = tokio::time::timeout(SOON, stream.next()).await.expect("in time").expect("an item").expect_err("block 5");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
    assert!(stream.next().await.is_none(), "ends after its error");
}

#[tokio::test]
async fn a_failed_anchor_returns_the_opening() {
    let signer = hnchain_sdk::Signer::new(hnchain_crypto::SecretKey::generate().expect("entropy"), "henan-test");
    let c = Client::new(vec![nobody()], options()).expect("valid");
    let failure = c.anchor_document(&signer, b"document", "certificate", "a", SOON).await.expect_err("nobody listens");
    let draft = failure.draft.expect("it was signed");
    assert_eq!(draft.opening.commitment(), draft.commitment);
    assert!(failure.error.unreachable());
}

#[tokio::test]
async fn a_missing_file_is_named_and_nothing_is_sent() {
    let signer = hnchain_sdk::Signer::new(hnchain_crypto::SecretKey::generate().expect("entropy"), "henan-test");
    let node = Script::default();
    let calls = Arc::clone(&node.calls);
    let node = Fake::start(node);
    let failure =
        client(&[&node]).anchor_file(&signer, "no/such.json", "certificate", "a", SOON).await.expect_err("missing");
    assert_eq!(failure.error.code(), "CLIENT_FILE");
    assert!(failure.draft.is_none() && calls.lock().expect("not poisoned").is_empty());
}

#[test]
fn endpoints_are_checked_before_anything_is_sent() {
    for wrong in ["", "127.0.0.1:9101", "https://node.example", "ftp://x", "http://"] {
        let e = Client::new(vec![wrong.to_owned()], options()).expect_err(wrong);
        assert_eq!(e.code(), "CLIENT_ENDPOINT", "{wrong}");
    }
    assert_eq!(Client::new(Vec::new(), options()).expect_err("none").code(), "CLIENT_ENDPOINT");
}

/// The record of hnchain-proof's vector `active`, at height 7.
const ACTIVE: (&str, &str) = ("certificate", "1.2.156.3005.2.11100000000013338W011.001.U");

fn bundle(name: &str) -> hnchain_sdk::proof::Bundle {
    let path = format!("{}/../proof/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    hnchain_sdk::proof::Bundle::from_json(&std::fs::read(path).expect("a frozen vector")).expect("canonical")
}

fn proves(bundle: &hnchain_sdk::proof::Bundle) -> Script {
    let message = bundle.to_message();
    Script::default().on_proof(move |_| Some(Ok(hnchain_types::proto::ProofResponse { bundle: Some(message.clone()) })))
}

fn trust() -> hnchain_types::genesis::Genesis {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../proof/vectors/genesis.json");
    hnchain_types::genesis::Genesis::parse(&std::fs::read(path).expect("a frozen vector")).expect("a genesis")
}

#[tokio::test]
async fn a_proof_of_another_record_is_refused() {
    let node = Fake::start(proves(&bundle("revoked.hnproof.json")));
    let e = client(&[&node]).prove(ACTIVE.0, ACTIVE.1).await.expect_err("another record");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn a_false_proof_is_passed_over_for_one_that_holds() {
    let good = bundle("active.hnproof.json");
    let mut message = good.to_message();
    *message.certificate.last_mut().expect("not empty") ^= 1;
    let false_one = hnchain_sdk::proof::Bundle::from_message(message).expect("well formed");
    let (liar, honest) = (Fake::start(proves(&false_one)), Fake::start(proves(&good)));
    let (got, verdict) =
        client(&[&liar, &honest]).prove_verified(ACTIVE.0, ACTIVE.1, &trust()).await.expect("the honest node's");
    assert_eq!((got, verdict.certified.height), (good, Height(7)));
    let e = client(&[&liar]).prove_verified(ACTIVE.0, ACTIVE.1, &trust()).await.expect_err("false");
    assert_eq!(e.code(), "CLIENT_BAD_RESPONSE");
}

#[tokio::test]
async fn only_the_opening_of_the_commitment_is_enclosed() {
    let whole = bundle("active.hnproof.json");
    let opening = hnchain_sdk::proof::verify(&whole, &trust()).expect("holds").opening.expect("enclosed");
    let node = Fake::start(proves(&whole.clone().without_opening()));
    let c = client(&[&node]);
    assert_eq!(c.prove_with_opening(ACTIVE.0, ACTIVE.1, &opening).await.expect("opens"), whole);
    let other = hnchain_sdk::proof::Opening { salt: [0; 16], ..opening };
    let e = c.prove_with_opening(ACTIVE.0, ACTIVE.1, &other).await.expect_err("another salt");
    assert!(matches!(e, Error::Opening { version: 2 }), "{e}");
}

#[tokio::test]
async fn a_proof_of_an_earlier_state_is_not_taken() {
    let node = Fake::start(proves(&bundle("active.hnproof.json")));
    let c = client(&[&node]);
    c.prove_since(ACTIVE.0, ACTIVE.1, Height(7)).await.expect("height 7");
    let e = c.prove_since(ACTIVE.0, ACTIVE.1, Height(8)).await.expect_err("height 7");
    assert_eq!(e.code(), "CLIENT_BEHIND");
}
