//! A node that was away, or lost everything, comes back by itself.

use crate::harness::{Cluster, Dice, PATIENCE};
use hnchain_types::Height;
use std::time::{Duration, Instant};

/// Blocks that the absent node misses.
const MISSED: u64 = 1_500;
/// And how long making them may take here, at most.
const MAKING: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validator_that_missed_many_blocks_resyncs_and_votes() {
    let mut dice = Dice::new("long_absence");
    let mut cluster = Cluster::start(4).await;
    let early = cluster.anchor("before.absence").await;
    let absent = dice.index(4);
    cluster.network.stop(absent).await.unwrap();
    let from = cluster.height().await;
    let load = cluster.load(3);
    let started = Instant::now();
    while started.elapsed() < MAKING && cluster.height().await.0 < from.0 + MISSED {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut acknowledged = load.stop().await;
    acknowledged.push(early);
    let missed = cluster.height().await.0 - from.0;
    assert!(missed > 100, "only {missed} blocks were made");

    let returned = Instant::now();
    cluster.network.start(absent).unwrap();
    cluster.network.ready(absent, PATIENCE).await.unwrap();
    cluster.reach(absent, Height(from.0 + missed)).await;
    println!("node{absent} fetched {missed} blocks in {} ms", returned.elapsed().as_millis());

    let other = (absent + 1) % 4;
    cluster.network.stop(other).await.unwrap();
    let before = cluster.height().await;
    let late = cluster.anchor("after.absence").await;
    assert!(cluster.has_voted((absent + 2) % 4, absent, before).await);
    cluster.network.start(other).unwrap();
    cluster.network.ready(other, PATIENCE).await.unwrap();
    acknowledged.push(late);
    // Reading thousands of records one by one would measure the test.
    let kept: Vec<_> = (0..60).map(|_| acknowledged[dice.index(acknowledged.len())].clone()).collect();
    cluster.assert_kept(&kept, &mut dice).await;
    cluster.assert_agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_data_was_deleted_resyncs_from_its_peers() {
    let mut dice = Dice::new("deleted_data");
    let mut cluster = Cluster::start(4).await;
    let load = cluster.load(4);
    load.more(40).await;
    let mut acknowledged = load.stop().await;
    let victim = dice.index(4);
    cluster.network.kill(victim).await.unwrap();
    std::fs::remove_dir_all(cluster.network.node_path(victim, "data")).unwrap();
    // The others go on: the views in which the lost journal voted are behind them.
    acknowledged.push(cluster.anchor("while.away").await);
    cluster.network.start(victim).unwrap();
    cluster.network.ready(victim, PATIENCE).await.unwrap();
    cluster.assert_kept(&acknowledged, &mut dice).await;
    cluster.assert_agree().await;
}
