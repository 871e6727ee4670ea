//! The gRPC methods, over a socket.

use crate::fixture::{CHAIN, Fixture, SOON, code, limits, roomy};
use hnchain_node::admission::now_ms;
use hnchain_proof::Bundle;
use hnchain_types::block::{ExecutionResult, FinalizedBlock, Header};
use hnchain_types::certificate::Certificate;
use hnchain_types::proto::{self, TransactionState};
use hnchain_types::transaction::{Receipt, Transaction};
use prost::Message;
use std::sync::Arc;
use tonic::Code;

fn wait(tx: &Transaction, timeout_ms: u32) -> proto::WaitRequest {
    proto::WaitRequest { transaction_id: tx.id().as_ref().to_vec(), timeout_ms }
}

fn submit(tx: &Transaction) -> proto::SubmitRequest {
    proto::SubmitRequest { transaction: tx.raw().to_vec() }
}

fn record(id: &str) -> proto::GetRecordRequest {
    proto::GetRecordRequest { namespace: "certificate".to_owned(), id: id.to_owned() }
}

#[tokio::test]
async fn submit_wait_and_read_back() {
    let fixture = Arc::new(Fixture::new());
    let mut client = fixture.client().await;
    let tx = fixture.anchor("C-1");
    let answer = client.submit(submit(&tx)).await.unwrap().into_inner();
    assert_eq!(answer.transaction_id, tx.id().as_ref());
    assert!(answer.receipt.is_empty());

    let pending = proto::GetTransactionRequest { transaction_id: tx.id().as_ref().to_vec() };
    let state = client.get_transaction(pending.clone()).await.unwrap().into_inner();
    assert_eq!((state.state(), state.transaction.as_slice()), (TransactionState::Pending, tx.raw()));

    let mut waiting = client.clone();
    let request = wait(&tx, 60_000);
    let waiter = tokio::spawn(async move { waiting.wait(request).await });
    crate::fixture::eventually("the waiter is registered", || fixture.shared.finality.waiters() == 1).await;
    let block = fixture.finalize(std::slice::from_ref(&tx));
    let done = tokio::time::timeout(SOON, waiter).await.unwrap().unwrap().unwrap().into_inner();
    assert_eq!(done.state(), TransactionState::Final);
    assert_eq!((done.receipt.as_slice(), done.transaction.as_slice()), (block.receipts[0].as_slice(), tx.raw()));
    assert!(Receipt::decode(&done.receipt).unwrap().accepted());
    assert_eq!(fixture.shared.finality.waiters(), 0);

    // Late, again, and by the other method: the same answer.
    assert_eq!(client.wait(wait(&tx, 0)).await.unwrap().into_inner(), done);
    assert_eq!(client.get_transaction(pending).await.unwrap().into_inner(), done);
    assert_eq!(client.submit(submit(&tx)).await.unwrap().into_inner().receipt, done.receipt);

    let answer = client.get_record(record("C-1")).await.unwrap().into_inner();
    let row = proto::Record::decode(answer.record.as_slice()).unwrap();
    assert_eq!((row.version, row.id.as_str(), answer.height), (1, "C-1", 1));
    let none = client.get_record(record("C-2")).await.unwrap().into_inner();
    assert_eq!((none.record, none.height), (Vec::new(), 1));
}

#[tokio::test]
async fn blocks_and_headers_are_served_as_stored() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let none = client.get_block(proto::GetBlockRequest { height: 0 }).await.unwrap_err();
    assert_eq!((none.code(), code(&none).as_str()), (Code::NotFound, "BLOCK_NOT_FOUND"));
    let first = fixture.finalize(&[fixture.anchor("C-1")]);
    let second = fixture.finalize(&[]);
    for (height, block) in [(1, &first), (2, &second), (0, &second)] {
        let request = proto::GetBlockRequest { height };
        let raw = client.get_block(request).await.unwrap().into_inner().block;
        assert_eq!(FinalizedBlock::decode(&raw).unwrap(), **block);
        let header = client.get_header(request).await.unwrap().into_inner();
        assert_eq!(Header::decode(&header.header).unwrap(), block.block.header);
        assert_eq!(ExecutionResult::decode(&header.result).unwrap(), block.result);
        assert_eq!(Some(Certificate::decode(&header.certificate).unwrap()), block.certificate);
    }
    let beyond = client.get_header(proto::GetBlockRequest { height: 3 }).await.unwrap_err();
    assert_eq!(code(&beyond), "BLOCK_NOT_FOUND");
}

#[tokio::test]
async fn proofs_of_presence_and_absence_verify_against_the_genesis() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let early = client.get_proof(record("C-1")).await.unwrap_err();
    assert_eq!((early.code(), code(&early).as_str()), (Code::Unavailable, "PROOF_NOT_READY"));
    fixture.finalize(&[fixture.anchor("C-1")]);
    for (id, there) in [("C-1", true), ("C-2", false)] {
        let bundle = client.get_proof(record(id)).await.unwrap().into_inner().bundle.unwrap();
        let bundle = Bundle::from_message(bundle).unwrap();
        let verdict = hnchain_proof::verify(&bundle, &fixture.shared.genesis).unwrap();
        assert_eq!((verdict.id.as_str(), verdict.record.is_some()), (id, there));
    }
    let bad = client.get_proof(proto::GetRecordRequest { namespace: "X Y".to_owned(), id: "C".to_owned() }).await;
    assert_eq!(code(&bad.unwrap_err()), "DECODE_FIELD");
}

#[tokio::test]
async fn status_tells_chain_height_and_queue() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let block = fixture.finalize(&[]);
    fixture.admission.submit(fixture.anchor("C-1").raw()).await.unwrap();
    let status = client.get_status(proto::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.chain_id.as_str(), status.height, status.network_height), (CHAIN, 1, 1));
    assert_eq!(status.genesis, fixture.shared.genesis.digest().as_ref());
    assert_eq!(status.block, block.block.header.hash().as_ref());
    assert_eq!(status.state_root, block.result.state_root.as_ref());
    assert_eq!((status.mempool_transactions, status.validator), (1, Some(0)));
}

#[tokio::test]
async fn refusals_carry_code_and_both_languages() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let malformed = client.submit(proto::SubmitRequest { transaction: vec![1, 2, 3] }).await.unwrap_err();
    assert_eq!((malformed.code(), code(&malformed).as_str()), (Code::InvalidArgument, "DECODE_MALFORMED"));
    let stranger = hnchain_crypto::SecretKey::generate().unwrap();
    let unknown = client.submit(submit(&fixture.signed_by(&stranger, "C-1"))).await.unwrap_err();
    assert_eq!((unknown.code(), code(&unknown).as_str()), (Code::PermissionDenied, "SIGNER_UNKNOWN"));
    let short = client.wait(proto::WaitRequest { transaction_id: vec![1; 31], timeout_ms: 1 }).await.unwrap_err();
    assert_eq!((short.code(), code(&short).as_str()), (Code::InvalidArgument, "TX_ID_LENGTH"));
    let long = client.wait(wait(&fixture.anchor("C-1"), 120_001)).await.unwrap_err();
    assert_eq!((long.code(), code(&long).as_str()), (Code::InvalidArgument, "WAIT_TIMEOUT_RANGE"));
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_by_the_transport() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let huge = client.submit(proto::SubmitRequest { transaction: vec![0; 1 << 20] }).await.unwrap_err();
    assert_eq!(huge.code(), Code::OutOfRange);
    assert!(fixture.shared.mempool.is_empty());
}

#[tokio::test]
async fn wait_ends_with_its_timeout_and_says_where_the_transaction_is() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let tx = fixture.anchor("C-1");
    let unknown = client.wait(wait(&tx, 1)).await.unwrap_err();
    assert_eq!((unknown.code(), code(&unknown).as_str()), (Code::DeadlineExceeded, "WAIT_TIMEOUT"));
    assert!(unknown.message().contains("submit it again"));
    client.submit(submit(&tx)).await.unwrap();
    let pending = client.wait(wait(&tx, 1)).await.unwrap_err();
    assert!(pending.message().contains("still waits"));
    assert_eq!(fixture.shared.finality.waiters(), 0);
}

#[tokio::test]
async fn waiters_are_bounded_and_leave_nothing_behind() {
    let fixture = Fixture::with(roomy(), 2);
    let client = fixture.client().await;
    let calls: Vec<_> = (0..2)
        .map(|n| {
            let (mut client, request) = (client.clone(), wait(&fixture.anchor(&format!("C-{n}")), 60_000));
            tokio::spawn(async move { client.wait(request).await })
        })
        .collect();
    crate::fixture::eventually("both wait", || fixture.shared.finality.waiters() == 2).await;
    let third = client.clone().wait(wait(&fixture.anchor("C-9"), 60_000)).await.unwrap_err();
    assert_eq!((third.code(), code(&third).as_str()), (Code::ResourceExhausted, "RPC_WAITERS"));
    for call in calls {
        call.abort();
    }
    crate::fixture::eventually("cancelled calls leave", || fixture.shared.finality.waiters() == 0).await;
}

#[tokio::test]
async fn a_waiter_learns_that_its_transaction_expired() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let soon = now_ms() + 5_000;
    let tx = Transaction::sign(fixture.body(CHAIN, "C-1", soon), &fixture.writer).unwrap();
    client.submit(submit(&tx)).await.unwrap();
    let (mut waiting, request) = (client.clone(), wait(&tx, 60_000));
    let waiter = tokio::spawn(async move { waiting.wait(request).await });
    crate::fixture::eventually("the waiter is registered", || fixture.shared.finality.waiters() == 1).await;
    fixture.finalize_at(&[], soon);
    let expired = tokio::time::timeout(SOON, waiter).await.unwrap().unwrap().unwrap_err();
    assert_eq!((expired.code(), code(&expired).as_str()), (Code::FailedPrecondition, "TX_EXPIRED"));
    assert!(fixture.shared.mempool.is_empty());
}

#[tokio::test]
async fn a_waiter_that_comes_between_store_and_news_is_answered() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let tx = fixture.anchor("C-1");
    // Stored, and the hub not told: the store decides.
    fixture.store_block(std::slice::from_ref(&tx), now_ms());
    let done = client.wait(wait(&tx, 60_000)).await.unwrap().into_inner();
    assert_eq!(done.state(), TransactionState::Final);
}

#[tokio::test]
async fn requests_beyond_the_bound_are_refused_at_once() {
    let fixture = Fixture::new();
    let none = hnchain_node::config::Rpc { requests: 0, ..limits() };
    let mut client = fixture.serve(none, SOON).await.client().await;
    let busy = client.get_status(proto::GetStatusRequest {}).await.unwrap_err();
    assert_eq!((busy.code(), code(&busy).as_str()), (Code::ResourceExhausted, "RPC_BUSY"));
}

#[tokio::test]
async fn shutdown_ends_open_calls_and_the_service() {
    let fixture = Fixture::new();
    let server = fixture.serve(limits(), SOON).await;
    let client = server.client().await;
    let (mut waiting, request) = (client.clone(), wait(&fixture.anchor("C-1"), 60_000));
    let waiter = tokio::spawn(async move { waiting.wait(request).await });
    let mut subscription =
        client.clone().subscribe(proto::SubscribeRequest { from_height: 0 }).await.unwrap().into_inner();
    crate::fixture::eventually("the waiter is registered", || fixture.shared.finality.waiters() == 1).await;
    fixture.stop.cancel();
    let ended = tokio::time::timeout(SOON, waiter).await.unwrap().unwrap().unwrap_err();
    assert_eq!((ended.code(), code(&ended).as_str()), (Code::Unavailable, "NODE_STOPPING"));
    let ended = tokio::time::timeout(SOON, subscription.message()).await.unwrap().unwrap_err();
    assert_eq!(code(&ended), "NODE_STOPPING");
    drop((client, subscription));
    tokio::time::timeout(SOON, server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed() {
    let fixture = Fixture::new();
    let server = fixture.serve(hnchain_node::config::Rpc { connections: 1, ..limits() }, SOON).await;
    let mut first = server.client().await;
    first.get_status(proto::GetStatusRequest {}).await.unwrap();
    use tokio::io::AsyncReadExt;
    let mut second = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let closed = tokio::time::timeout(SOON, second.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    first.get_status(proto::GetStatusRequest {}).await.unwrap();
}
