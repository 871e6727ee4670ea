//! A node begins from another one's snapshot and a checkpoint, without the blocks before.

use crate::harness::{Acknowledged, Cluster, NAMESPACE, PATIENCE, wait_for};
use hnchain_sdk::Error;
use hnchain_testnet::{Plan, find_binary};
use hnchain_types::Height;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// Short, so that the first blocks are soon older than it and stay out of a snapshot.
const VALIDITY: Duration = Duration::from_secs(12);
/// The fifth node, an observer.
const NEWCOMER: usize = 4;

/// `hnchain-node snapshot ACTION --json` with options.
fn snapshot(action: &str, options: &[(&str, &Path)], checkpoint: Option<&str>) -> Output {
    let mut command = Command::new(find_binary().unwrap());
    command.args(["snapshot", action, "--json"]);
    for (option, path) in options {
        command.args(Some(*option).filter(|o| !o.is_empty())).arg(path);
    }
    command.args(checkpoint.map(|c| format!("--checkpoint={c}"))).output().unwrap()
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Refused with this code and exit code, in both languages.
fn refused(output: &Output, code: &str, exit: i32) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{text}");
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(error["error"]["code"], code, "{text}");
    assert!(!error["error"]["message_zh"].as_str().unwrap().is_ascii(), "{text}");
}

/// A running network whose fifth node was never started.
async fn four_and_a_newcomer() -> Cluster {
    let mut plan = Plan { observers: 1, ..Plan::new(5) };
    plan.parameters.validity_ms = u64::try_from(VALIDITY.as_millis()).unwrap();
    plan.parameters.heartbeat_ms = 1_000;
    let mut cluster = Cluster::create(&plan).await;
    for node in 0..NEWCOMER {
        cluster.network.start(node).unwrap();
    }
    for node in 0..NEWCOMER {
        cluster.network.ready(node, PATIENCE).await.unwrap();
    }
    cluster
}

/// Anchors with a validity that this chain allows.
async fn anchor(cluster: &Cluster, id: &str) -> Acknowledged {
    let signer = cluster.signer().with_validity(VALIDITY.mul_f32(0.8));
    let done = cluster.client_of(0).anchor_document(&signer, id.as_bytes(), NAMESPACE, id, PATIENCE).await.unwrap();
    Acknowledged { id: id.to_owned(), opening: done.draft.opening, receipt: done.receipt }
}

/// Waits until the block at a height is older than any transaction that could be replayed.
async fn wait_until_old(cluster: &Cluster, height: Height) {
    let client = cluster.client_of(0);
    let time = async |h| client.header(h).await.unwrap().header.time_ms;
    let end = time(height).await + u64::try_from(VALIDITY.as_millis()).unwrap();
    wait_for("the first blocks grow old", PATIENCE, async || time(Height(0)).await > end).await;
}

/// What an import that was refused leaves: nothing but its lock.
fn assert_empty(data: &Path) {
    let left: Vec<_> = fs::read_dir(data).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "store.lock"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_begins_from_a_snapshot_and_a_checkpoint() {
    let mut cluster = four_and_a_newcomer().await;
    let early = anchor(&cluster, "before.the.window").await;
    let next = anchor(&cluster, "where.the.window.begins").await;
    wait_until_old(&cluster, next.receipt.height).await;
    let late = anchor(&cluster, "within.the.window").await;
    let known = cluster.client_of(0).header(early.receipt.height).await.unwrap().header;

    let file = cluster.path().join("node3.hnsnapshot");
    let (donor, newcomer) = (cluster.network.node_path(3, "node.toml"), cluster.network.node_path(4, "node.toml"));
    let export = |config: &Path| snapshot("export", &[("--config", config), ("--out", &file)], None);
    cluster.reach(3, late.receipt.height).await;
    refused(&export(&donor), "STORE_LOCKED", 1);
    cluster.network.stop(3).await.unwrap();
    let exported = done(&export(&donor));
    refused(&export(&donor), "SNAPSHOT_EXISTS", 1);
    let first = Height(exported["first_height"].as_u64().unwrap());
    assert!(first > early.receipt.height && exported["height"].as_u64().unwrap() >= late.receipt.height.0);
    assert_eq!(done(&snapshot("show", &[("", &file)], None)), exported);
    let after = anchor(&cluster, "after.the.snapshot").await;
    cluster.network.start(3).unwrap();

    let data = cluster.network.node_path(NEWCOMER, "data");
    let nothing = [("--config", newcomer.as_path()), ("--out", &cluster.path().join("nothing"))];
    refused(&snapshot("export", &nothing, None), "SNAPSHOT_NOTHING", 1);
    assert!(!data.exists(), "an export makes no store");
    let import = |from: &Path, checkpoint: String| {
        snapshot("import", &[("--config", &newcomer), ("--snapshot", from)], Some(&checkpoint))
    };
    let right = format!("{}:{}", known.height, known.hash());
    let wrong = format!("{}:{}", known.height.next(), known.hash());
    refused(&import(&file, wrong), "SNAPSHOT_CHECKPOINT", 1);
    assert_empty(&data);
    let changed = cluster.path().join("changed.hnsnapshot");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&changed, bytes).unwrap();
    refused(&import(&changed, right.clone()), "SNAPSHOT_DAMAGED", 1);
    assert_empty(&data);
    refused(&snapshot("show", &[("", &changed)], None), "SNAPSHOT_DAMAGED", 1);
    refused(&import(&cluster.path().join("none"), right.clone()), "FILE_UNREADABLE", 2);
    assert_eq!(import(&file, "7".to_owned()).status.code(), Some(2), "not a checkpoint");

    assert_eq!(done(&import(&file, right.clone())), exported);
    refused(&import(&file, right), "SNAPSHOT_NOT_EMPTY", 1);
    cluster.network.start(NEWCOMER).unwrap();
    for node in [3, NEWCOMER] {
        cluster.network.ready(node, PATIENCE).await.unwrap();
    }
    serves_what_it_has(&cluster, first, &[&early, &late, &after]).await;
}

/// Records from before and after, with proofs; blocks from the first one on, and no others.
async fn serves_what_it_has(cluster: &Cluster, first: Height, acknowledged: &[&Acknowledged]) {
    let client = cluster.client_of(NEWCOMER);
    for a in acknowledged {
        cluster.reach(NEWCOMER, a.receipt.height).await;
        let record = client.record(NAMESPACE, &a.id).await.unwrap().record.unwrap();
        assert_eq!((record.transaction, record.height), (a.receipt.transaction, a.receipt.height), "{}", a.id);
        cluster.assert_proven(&client, a).await;
    }
    assert_eq!(client.block(first).await.unwrap().block.header.height, first);
    let pruned = |e: Error| {
        assert_eq!(e.code(), "BLOCK_PRUNED", "{e}");
        assert!(!e.message_zh().is_ascii() && e.to_string().contains(&first.to_string()), "{e}");
    };
    pruned(client.block(Height(first.0 - 1)).await.unwrap_err());
    pruned(client.header(Height(1)).await.unwrap_err());
    pruned(client.subscribe(Height(1)).next().await.unwrap().unwrap_err());
    // A client of several nodes finds the block elsewhere.
    assert_eq!(cluster.client().block(Height(1)).await.unwrap().block.header.height, Height(1));
    cluster.assert_agree().await;
}
