//! Nodes die at any moment; what was acknowledged stays, and the chain goes on.

use crate::harness::{Cluster, Dice, PATIENCE};
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_killed_at_random_moments_catches_up_and_votes_again() {
    let mut dice = Dice::new("one_node_killed");
    let mut cluster = Cluster::start(4).await;
    let load = cluster.load(4);
    load.more(5).await;
    for _ in 0..2 {
        let victim = dice.index(4);
        tokio::time::sleep(dice.moment(50, 900)).await;
        cluster.network.kill(victim).await.unwrap();
        println!("killed node{victim} after {} records", load.count());
        load.more(20).await;
        let restarted_at = cluster.height().await;
        cluster.network.start(victim).unwrap();
        cluster.network.ready(victim, PATIENCE).await.unwrap();
        cluster.reach(victim, restarted_at).await;

        // With another node down, a quorum needs the restarted one: what becomes final bears its signature.
        let other = (victim + 1 + dice.index(3)) % 4;
        cluster.network.stop(other).await.unwrap();
        let before = cluster.height().await;
        load.more(10).await;
        let witness = (0..4).find(|n| *n != victim && *n != other).unwrap();
        assert!(cluster.has_voted(witness, victim, before).await, "node{victim} does not vote after its restart");
        cluster.network.start(other).unwrap();
        cluster.network.ready(other, PATIENCE).await.unwrap();
    }
    let acknowledged = load.stop().await;
    cluster.assert_kept(&acknowledged, &mut dice).await;
    cluster.assert_agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_killed_at_once_keep_what_was_acknowledged_and_go_on() {
    let mut dice = Dice::new("all_nodes_killed");
    let mut cluster = Cluster::start(4).await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let load = cluster.load(4);
        load.more(5).await;
        tokio::time::sleep(dice.moment(20, 600)).await;
        cluster.network.kill_all().await.unwrap();
        println!("round {round}: killed all after {} records", load.count());
        cluster.network.start_all().unwrap();
        cluster.network.ready_all(PATIENCE).await.unwrap();
        load.more(5).await;
        acknowledged.extend(load.stop().await);
    }
    cluster.assert_kept(&acknowledged, &mut dice).await;
    cluster.assert_agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_with_four_endpoints_survives_the_death_of_the_node_it_talks_to() {
    let mut dice = Dice::new("client_failover");
    let mut cluster = Cluster::start(4).await;
    let (client, signer) = (cluster.client(), cluster.signer());
    let mut running = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (client, signer) = (client.clone(), signer.clone());
        running.spawn(async move {
            let id = format!("failover.{n}");
            client.anchor_document(&signer, b"x", crate::harness::NAMESPACE, &id, PATIENCE).await.map(|_| id)
        });
    }
    // A new client asks its first endpoint first.
    tokio::time::sleep(dice.moment(0, 60)).await;
    cluster.network.kill(0).await.unwrap();
    let started = Instant::now();
    while let Some(joined) = running.join_next().await {
        let id = joined.unwrap().expect("every submit ends well although its node died");
        assert!(client.record(crate::harness::NAMESPACE, &id).await.unwrap().record.is_some());
    }
    println!("all final {} ms after the kill", started.elapsed().as_millis());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_acknowledged_and_with_it_again_everything_is() {
    let mut cluster = Cluster::start(4).await;
    let first = cluster.anchor("quorum.0").await;
    cluster.network.kill(1).await.unwrap();
    cluster.network.kill(2).await.unwrap();
    let client = cluster.client();
    let draft = cluster.signer().draft(crate::harness::NAMESPACE, "quorum.1", 1, b"x").unwrap();
    let refused = client.submit_and_wait(&draft.transaction, std::time::Duration::from_secs(2)).await;
    assert!(refused.expect_err("two of four are no quorum").retryable());
    cluster.network.start(1).unwrap();
    let receipt = client.submit_and_wait(&draft.transaction, PATIENCE).await.unwrap();
    assert!(receipt.height > first.receipt.height);
}

/// For `make soak`: kills and restarts for `HNCHAIN_SOAK_SECONDS`, default one minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long; run by make soak"]
async fn soak_random_kills_and_restarts() {
    let mut dice = Dice::new("soak");
    let seconds = std::env::var("HNCHAIN_SOAK_SECONDS").map_or(60, |s| s.parse().expect("a number of seconds"));
    let deadline = Instant::now() + std::time::Duration::from_secs(seconds);
    let mut cluster = Cluster::start(4).await;
    let load = cluster.load(4);
    while Instant::now() < deadline {
        tokio::time::sleep(dice.moment(200, 4_000)).await;
        if dice.below(4) == 0 {
            cluster.network.kill_all().await.unwrap();
        } else {
            cluster.network.kill(dice.index(4)).await.unwrap();
        }
        tokio::time::sleep(dice.moment(10, 2_000)).await;
        cluster.network.start_all().unwrap();
        cluster.network.ready_all(PATIENCE).await.unwrap();
        load.more(5).await;
    }
    let acknowledged = load.stop().await;
    cluster.assert_kept(&acknowledged, &mut dice).await;
    cluster.assert_agree().await;
}
