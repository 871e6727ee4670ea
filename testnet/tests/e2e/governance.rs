//! The validator set changes while the network runs: by governance, over real processes.

use crate::harness::{Acknowledged, Cluster, Dice, NAMESPACE, PATIENCE, wait_for};
use hnchain_sdk::Signer;
use hnchain_sdk::proof::verify;
use hnchain_testnet::Plan;
use hnchain_types::governance::{Change, Join, ValidatorsChange};
use hnchain_types::{Epoch, Height};

/// Signs as the administrator of a node's organization.
fn administrator(cluster: &Cluster, node: usize) -> Signer {
    Signer::new(cluster.network.administrator_key(node).unwrap(), &cluster.network.manifest().chain_id)
}

/// Node 0 proposes and as many others as it takes approve; returns once every running node is in the next epoch.
async fn enact(cluster: &Cluster, change: ValidatorsChange, voters: &[usize]) -> Epoch {
    let client = cluster.client_of(voters[0]);
    let epoch = client.validators(None).await.unwrap().epoch;
    let propose = administrator(cluster, voters[0]).propose(Change::Validators(change), "示例变更").unwrap();
    let proposal = client.submit_and_wait(&propose, PATIENCE).await.unwrap().transaction;
    for voter in &voters[1..] {
        if client.proposal(&proposal).await.unwrap().enacted.is_some() {
            break;
        }
        let approve = administrator(cluster, *voter).approve(proposal).unwrap();
        client.submit_and_wait(&approve, PATIENCE).await.unwrap();
    }
    let enacted = client.proposal(&proposal).await.unwrap().enacted.expect("enough have approved");
    assert_eq!(enacted.epoch, epoch.next());
    enacted.epoch
}

async fn in_epoch(cluster: &Cluster, nodes: &[usize], epoch: Epoch) {
    for node in nodes {
        let client = cluster.client_of(*node);
        let what = format!("node{node} in epoch {epoch}");
        wait_for(&what, PATIENCE, async || client.status().await.is_ok_and(|s| s.epoch >= epoch)).await;
    }
}

/// A proof from a node, verified from the genesis alone.
async fn proven(cluster: &Cluster, node: usize, a: &Acknowledged, epoch: Epoch) {
    let client = cluster.client_of(node);
    wait_for(&format!("a proof of epoch {epoch} from node{node}"), PATIENCE, async || {
        let Ok(bundle) = client.prove_with_opening(NAMESPACE, &a.id, &a.opening).await else { return false };
        let verdict = verify(&bundle, cluster.network.genesis()).unwrap();
        assert!(verdict.record.is_some());
        verdict.certified.epoch >= epoch
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifth_validator_joins_and_an_old_one_leaves() {
    let mut dice = Dice::new("governance");
    // Five nodes; the genesis knows the fifth as an observer.
    let mut cluster = Cluster::start_with(&Plan { observers: 1, ..Plan::new(5) }).await;
    let first = cluster.anchor("before.change").await;
    let chain = cluster.network.manifest().chain_id.clone();
    let newcomer = cluster.network.node_key(4).unwrap();

    let join = ValidatorsChange { join: vec![Join::new(&chain, "luoyang", &newcomer)], ..ValidatorsChange::default() };
    let epoch = enact(&cluster, join, &[0, 1, 2, 3]).await;
    in_epoch(&cluster, &[0, 1, 2, 3, 4], epoch).await;
    wait_for("the newcomer knows its place", PATIENCE, async || {
        cluster.client_of(4).status().await.is_ok_and(|s| s.validator.is_some())
    })
    .await;
    // n = 5, quorum 4: without one of the old ones the newcomer's votes are needed.
    cluster.network.stop(1).await.unwrap();
    let second = cluster.anchor("with.the.newcomer").await;
    proven(&cluster, 0, &second, epoch).await;
    cluster.network.start(1).unwrap();
    cluster.network.ready(1, PATIENCE).await.unwrap();

    let leaver = cluster.network.node_key(3).unwrap().public_key();
    let leave = ValidatorsChange { leave: vec![leaver], ..ValidatorsChange::default() };
    let epoch = enact(&cluster, leave, &[0, 1, 2, 4, 3]).await;
    in_epoch(&cluster, &[0, 1, 2, 4], epoch).await;
    let row = cluster.client_of(0).validators(None).await.unwrap();
    assert_eq!((row.epoch, row.validators.len()), (epoch, 4));
    assert!(row.validators.position(&leaver).is_none());
    cluster.network.stop(3).await.unwrap();
    let third = cluster.anchor("without.the.leaver").await;
    for node in [0, 1, 2, 4] {
        for a in [&first, &second, &third] {
            proven(&cluster, node, a, epoch).await;
        }
    }

    // All stop and come back in the later epoch; then one that slept through nothing else but its data loss.
    for node in [0, 1, 2, 4] {
        cluster.network.stop(node).await.unwrap();
    }
    for node in [0, 1, 2, 4] {
        cluster.network.start(node).unwrap();
    }
    for node in [0, 1, 2, 4] {
        cluster.network.ready(node, PATIENCE).await.unwrap();
    }
    let fourth = cluster.anchor("after.a.restart").await;
    let victim = [0, 1, 2][dice.index(3)];
    cluster.network.kill(victim).await.unwrap();
    std::fs::remove_dir_all(cluster.network.node_path(victim, "data")).unwrap();
    cluster.network.start(victim).unwrap();
    let height = fourth.receipt.height;
    cluster.reach(victim, Height(height.0)).await;
    proven(&cluster, victim, &fourth, epoch).await;
}
