//! Measurements on loopback: `cargo test -p hnchain-network --test measure -- --ignored --nocapture --test-threads 1`
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

mod nodes;

use hnchain_network::{Channel, Events, Network};
use nodes::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn throughput_on_loopback() {
    let (a, mut b) = pair(config(1), config(2)).await;
    for (size, count) in [(200usize, 200_000usize), (2_000, 100_000), (1 << 20, 500)] {
        let sender = a.network.clone();
        let to = b.key();
        let message: Arc<[u8]> = vec![5u8; size].into();
        let start = Instant::now();
        let sending = tokio::spawn(async move {
            for _ in 0..count {
                while !sender.send(&to, Channel::Consensus, message.clone()) {
                    tokio::task::yield_now().await;
                }
            }
        });
        for _ in 0..count {
            b.consensus().await;
        }
        let seconds = start.elapsed().as_secs_f64();
        sending.await.unwrap();
        let (rate, megabytes) = (count as f64 / seconds, (count * size) as f64 / seconds / 1e6);
        println!("{size:>8} bytes: {rate:>9.0} messages/s, {megabytes:>7.1} MB/s");
    }
}

/// Consensus round trips on an idle link, then beside a flood of transactions, then beside large replies too.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn latency_of_consensus_beside_bulk() {
    let (mut a, b) = pair(config(1), config(2)).await;
    let echo = tokio::spawn(echo(b.network.clone(), b.events));
    round_trips(&mut a, "idle", 2000).await;
    let (network, to) = (a.network.clone(), b.network.public_key());
    let flood = tokio::spawn(async move {
        let batch: Arc<[u8]> = vec![1u8; 64 * 1024].into();
        loop {
            if !network.send(&to, Channel::Transactions, batch.clone()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    round_trips(&mut a, "transactions", 300).await;
    let network = a.network.clone();
    let sync = tokio::spawn(async move {
        loop {
            drop(network.request(&to, b"sync".to_vec()).await);
        }
    });
    round_trips(&mut a, "transactions and replies", 300).await;
    let stats = b.network.stats();
    println!("{} MB of transactions, {} replies", stats.transactions.bytes_in / 1_000_000, stats.requests.served);
    [echo, flood, sync].iter().for_each(tokio::task::JoinHandle::abort);
}

/// Sends consensus messages back, swallows transactions, answers requests with 16 MiB.
async fn echo(network: Network, mut events: Events) {
    let swallow = async {
        loop {
            tokio::select! {
                _ = events.transactions.recv() => {}
                Some(request) = events.requests.recv() => drop(request.reply.send(vec![1; 16 << 20])),
            }
        }
    };
    let echo = async {
        while let Some((from, bytes)) = events.consensus.recv().await {
            assert!(network.send(&from, Channel::Consensus, bytes.into()));
        }
    };
    tokio::join!(swallow, echo);
}

async fn round_trips(node: &mut Node, what: &str, rounds: usize) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        node.network.broadcast(Channel::Consensus, Arc::from([0u8; 200]));
        node.consensus().await;
        times.push(start.elapsed());
    }
    times.sort();
    let at = |percent| times[(times.len() - 1) * percent / 100];
    println!("{what}: p50 {:?}, p99 {:?}, max {:?}", at(50), at(99), at(100));
}
