//! Subscriptions: in order, without gaps, never buffered without bound.

use crate::fixture::{Fixture, SOON, code, limits};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::proto::{BlockResponse, SubscribeRequest};
use std::time::Duration;
use tonic::{Code, Streaming};

async fn next(stream: &mut Streaming<BlockResponse>) -> u64 {
    let block = tokio::time::timeout(SOON, stream.message()).await.unwrap().unwrap().unwrap().block;
    FinalizedBlock::decode(&block).unwrap().block.header.height.0
}

#[tokio::test]
async fn past_and_coming_blocks_arrive_in_order() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    for _ in 0..3 {
        fixture.finalize(&[]);
    }
    let mut all = client.subscribe(SubscribeRequest { from_height: 1 }).await.unwrap().into_inner();
    let mut new = client.subscribe(SubscribeRequest { from_height: 0 }).await.unwrap().into_inner();
    let mut later = client.subscribe(SubscribeRequest { from_height: 6 }).await.unwrap().into_inner();
    for want in 1..=3 {
        assert_eq!(next(&mut all).await, want);
    }
    for _ in 0..4 {
        fixture.finalize(&[]);
    }
    for want in 4..=7 {
        assert_eq!(next(&mut all).await, want);
        assert_eq!(next(&mut new).await, want);
    }
    assert_eq!(next(&mut later).await, 6);
}

#[tokio::test]
async fn subscriptions_are_bounded_and_free_their_place() {
    let fixture = Fixture::new();
    let mut client = fixture.client().await;
    let mut open = Vec::new();
    for _ in 0..limits().subscribers {
        open.push(client.subscribe(SubscribeRequest { from_height: 0 }).await.unwrap().into_inner());
    }
    let refused = client.subscribe(SubscribeRequest { from_height: 0 }).await.unwrap_err();
    assert_eq!((refused.code(), code(&refused).as_str()), (Code::ResourceExhausted, "RPC_SUBSCRIBERS"));
    open.clear();
    let deadline = tokio::time::Instant::now() + SOON;
    while let Err(refused) = client.subscribe(SubscribeRequest { from_height: 0 }).await {
        assert_eq!(code(&refused), "RPC_SUBSCRIBERS");
        assert!(tokio::time::Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_told_where_to_resume() {
    let fixture = Fixture::new();
    let one = hnchain_node::config::Rpc { subscribers: 1, ..limits() };
    let server = fixture.serve(one, Duration::from_millis(50)).await;
    // Large blocks fill the flow-control window of the client, which does not read.
    let body = |n: usize| {
        let ids: Vec<String> = (0..60).map(|i| format!("{}-{n}-{i}", "X".repeat(140))).collect();
        let builder = hnchain_types::transaction::BodyBuilder::new(
            crate::fixture::CHAIN,
            1_000,
            hnchain_node::admission::now_ms() + 60_000,
            [u8::try_from(n % 256).unwrap(); 16],
        );
        ids.iter().fold(builder, |b, id| b.anchor("certificate", id, 1, hnchain_crypto::sm3(id.as_bytes()))).encode()
    };
    let mut n = 0;
    for _ in 0..12 {
        let list: Vec<_> = (0..16)
            .map(|_| {
                n += 1;
                hnchain_types::transaction::Transaction::sign(body(n), &fixture.writer).unwrap()
            })
            .collect();
        fixture.finalize(&list);
    }
    let mut client = server.client().await;
    let mut stream = client.subscribe(SubscribeRequest { from_height: 1 }).await.unwrap().into_inner();
    // The only place is free again once the node has given up on the client that does not read.
    let deadline = tokio::time::Instant::now() + SOON;
    while let Err(refused) = client.subscribe(SubscribeRequest { from_height: 0 }).await {
        assert_eq!(code(&refused), "RPC_SUBSCRIBERS");
        assert!(tokio::time::Instant::now() < deadline);
    }
    let (read, status) = read_until_error(&mut stream).await;
    let status = status.expect("it was disconnected");
    assert_eq!((status.code(), code(&status).as_str()), (Code::ResourceExhausted, "SUBSCRIBER_TOO_SLOW"));
    assert!(status.message().ends_with(&format!("from height {}", read + 1)), "{} after {read}", status.message());
    // Nothing is lost.
    let mut again = loop {
        match client.subscribe(SubscribeRequest { from_height: read + 1 }).await {
            Ok(again) => break again.into_inner(),
            Err(refused) => assert_eq!(code(&refused), "RPC_SUBSCRIBERS"),
        }
        assert!(tokio::time::Instant::now() < deadline);
    };
    for want in read + 1..=12 {
        assert_eq!(next(&mut again).await, want);
    }
}

async fn read_until_error(stream: &mut Streaming<BlockResponse>) -> (u64, Option<tonic::Status>) {
    let mut read = 0;
    while read < 12 {
        match tokio::time::timeout(SOON, stream.message()).await.unwrap() {
            Ok(Some(_)) => read += 1,
            Ok(None) => return (read, None),
            Err(status) => return (read, Some(status)),
        }
    }
    (read, None)
}
