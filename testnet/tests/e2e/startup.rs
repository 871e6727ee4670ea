//! What is wrong with configuration or data ends the node at once, with a code and what to do.

use crate::harness::{Acknowledged, Cluster, NAMESPACE, PATIENCE};
use hnchain_sdk::proof::verify;
use hnchain_testnet::{Lifetime, Network, Plan};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// Starts a node that cannot run and gives what it wrote in this run.
async fn fails(cluster: &mut Cluster, node: usize) -> String {
    let log = cluster.network.node_path(node, "node.log");
    let before = fs::read(&log).map_or(0, |b| b.len());
    cluster.network.start(node).unwrap();
    let ended = cluster.network.wait_end(node, PATIENCE).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap()[before..]).into_owned();
    let code = ended.0.unwrap().code();
    assert!(code.is_some_and(|c| c != 0), "exit status {ended}, expected a failure:\n{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(!text.is_ascii(), "a message in Chinese is missing:\n{text}");
    text
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
}

/// Replaces text in a file.
fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_configuration_key_or_genesis_is_named() {
    let mut cluster = Cluster::create(&Plan::new(1)).await;
    let config = cluster.network.node_path(0, "node.toml");
    let good = fs::read_to_string(&config).unwrap();

    fs::write(&config, &good[..good.len() / 2]).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["CONFIG_SYNTAX", "node.toml"]);
    fs::write(&config, good.replace("127.0.0.1:", "localhost:")).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["CONFIG_VALUE", "rpc.listen"]);
    fs::write(&config, [0xff, 0xfe, 0x00]).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["CONFIG_", "node.toml"]);
    fs::write(&config, &good).unwrap();

    let password = cluster.network.node_path(0, "key.password");
    let right = fs::read_to_string(&password).unwrap();
    fs::write(&password, "wrong").unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["KEY_", "key.pem", "password"]);
    fs::write(&password, right).unwrap();

    let key = cluster.network.node_path(0, "key.pem");
    let pem = fs::read_to_string(&key).unwrap();
    fs::write(&key, &pem[..pem.len() / 2]).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["KEY_", "key.pem"]);
    fs::write(&key, pem).unwrap();

    let genesis = cluster.path().join("genesis.json");
    let raw = fs::read(&genesis).unwrap();
    fs::write(&genesis, &raw[..raw.len() - 9]).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["GENESIS", "genesis.json"]);
    fs::write(&genesis, raw).unwrap();

    cluster.network.start(0).unwrap();
    cluster.network.ready(0, PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named() {
    let mut cluster = Cluster::create(&Plan::new(1)).await;
    let node = cluster.network.manifest().nodes[0].clone();
    let rpc = node.endpoint.trim_start_matches("http://").to_owned();
    let taken = TcpListener::bind(&rpc).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["PORT_IN_USE", &rpc]);
    drop(taken);
    let taken = TcpListener::bind(&node.address).unwrap();
    assert_says(&fails(&mut cluster, 0).await, &["PORT_IN_USE", &node.address]);
    drop(taken);
    cluster.network.start(0).unwrap();
    cluster.network.ready(0, PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_directory_of_another_chain_or_another_process_is_refused() {
    let mut cluster = Cluster::start(1).await;
    cluster.anchor("first.chain").await;
    let directory = tempfile::tempdir().unwrap();
    let other = Network::create(&Plan::new(1), &directory.path().join("other"), Lifetime::Bound).unwrap();
    let data = cluster.network.node_path(0, "data");
    let line = format!("data_dir = {:?}", data.display().to_string());
    edit(&other.node_path(0, "node.toml"), "data_dir = \"data\"", &line);
    let mut second = ClusterOf(other);

    let text = second.fails().await;
    assert_says(&text, &["STORE_LOCKED"]);
    cluster.network.stop(0).await.unwrap();
    let text = second.fails().await;
    let (own, found) = (second.0.genesis().digest().to_string(), cluster.network.genesis().digest().to_string());
    assert_says(&text, &["STORE_OTHER_CHAIN", &own, &found]);

    cluster.network.start(0).unwrap();
    cluster.network.ready(0, PATIENCE).await.unwrap();
    assert!(cluster.client().record(NAMESPACE, "first.chain").await.unwrap().record.is_some());
}

/// A second network within one test.
struct ClusterOf(Network);

impl ClusterOf {
    async fn fails(&mut self) -> String {
        let log = self.0.node_path(0, "node.log");
        let before = fs::read(&log).map_or(0, |b| b.len());
        self.0.start(0).unwrap();
        let ended = self.0.wait_end(0, PATIENCE).await.unwrap().unwrap();
        assert!(!ended.clean());
        String::from_utf8_lossy(&fs::read(&log).unwrap()[before..]).into_owned()
    }
}

/// Files of the store with this in their name, largest first, so that damage hits content.
fn store_files(data: &Path, name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(data.join("store"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_string_lossy().contains(name))
        .collect();
    files.sort_by_key(|p| std::cmp::Reverse(fs::metadata(p).unwrap().len()));
    files
}

fn store_file(data: &Path, name: &str) -> PathBuf {
    store_files(data, name).into_iter().next().unwrap_or_else(|| panic!("no {name} in the store"))
}

/// A step that is wider than any file: one byte is changed.
const ONCE: usize = 1 << 30;

/// Does something to a data directory.
type Damage = fn(&Path);

/// Damages that are found when the store is opened.
const DAMAGES: [(&str, Damage); 5] = [
    ("a truncated manifest", |data| truncate(&store_file(data, "MANIFEST-"), 7)),
    ("a missing table", |data| fs::remove_file(store_file(data, ".sst")).unwrap()),
    ("a truncated table", |data| truncate(&store_file(data, ".sst"), half(&store_file(data, ".sst")))),
    ("tables damaged throughout", |data| store_files(data, ".sst").iter().for_each(|t| flip(t, 20, 64))),
    ("a damaged write-ahead log", |data| flip(&store_file(data, ".log"), half(&store_file(data, ".log")), ONCE)),
];

fn half(file: &Path) -> usize {
    usize::try_from(fs::metadata(file).unwrap().len() / 2).unwrap()
}

fn truncate(file: &Path, length: usize) {
    fs::File::options().write(true).open(file).and_then(|f| f.set_len(length as u64)).unwrap();
}

/// Inverts every `step`th byte from `from` on.
fn flip(file: &Path, from: usize, step: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes.iter_mut().skip(from).step_by(step).for_each(|b| *b ^= 0xff);
    fs::write(file, bytes).unwrap();
}

/// Starts a node with damage; it may refuse to start, to answer, or to go on, but it says nothing false.
async fn assert_right_or_refused(cluster: &mut Cluster, node: usize, acknowledged: &[Acknowledged]) {
    cluster.network.start(node).unwrap();
    let client = cluster.client_of(node);
    if cluster.network.ready(node, PATIENCE).await.is_ok() {
        for a in acknowledged {
            if let Ok(answer) = client.record(NAMESPACE, &a.id).await {
                assert_eq!(answer.record.unwrap().transaction, a.receipt.transaction, "{}", a.id);
            }
            if let Ok(bundle) = client.prove_with_opening(NAMESPACE, &a.id, &a.opening).await {
                verify(&bundle, cluster.network.genesis()).unwrap();
            }
        }
        return;
    }
    let log = cluster.network.log_tail(node, 20);
    assert_says(&log, &["STORE_DAMAGED"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_or_corrupted_database_is_named_with_the_way_back() {
    let mut cluster = Cluster::start(4).await;
    let load = cluster.load(4);
    load.more(60).await;
    let acknowledged = load.stop().await;
    // Opening the store again moves the write-ahead log into tables.
    cluster.network.stop(3).await.unwrap();
    cluster.network.start(3).unwrap();
    cluster.network.ready(3, PATIENCE).await.unwrap();
    cluster.anchor("in.the.log").await;
    cluster.network.stop(3).await.unwrap();
    let data = cluster.network.node_path(3, "data");
    let saved = cluster.path().join("saved");
    copy(&data, &saved);

    for (what, damage) in DAMAGES {
        copy(&saved, &data);
        damage(&data);
        println!("{what}");
        assert_says(&fails(&mut cluster, 3).await, &["STORE_DAMAGED", "votes.journal"]);
    }

    // One damaged spot in a table may be met only when it is read: then an answer is right or refused, never false.
    copy(&saved, &data);
    let table = store_file(&data, ".sst");
    flip(&table, half(&table), ONCE);
    assert_right_or_refused(&mut cluster, 3, &acknowledged).await;

    // What the message says to do: move the store away and start again.
    cluster.network.kill(3).await.unwrap();
    fs::remove_dir_all(data.join("store")).unwrap();
    cluster.network.start(3).unwrap();
    cluster.network.ready(3, PATIENCE).await.unwrap();
    let top = acknowledged.iter().map(|a| a.receipt.height).max().unwrap();
    cluster.reach(3, top).await;
    for a in &acknowledged[..5] {
        cluster.assert_proven(&cluster.client_of(3), a).await;
    }
    cluster.assert_agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_in_the_vote_journal_is_fatal_and_a_torn_tail_is_not() {
    let mut cluster = Cluster::start(4).await;
    let load = cluster.load(4);
    load.more(40).await;
    let acknowledged = load.stop().await;
    cluster.network.kill(2).await.unwrap();
    let journal = cluster.network.node_path(2, "data").join("votes.journal");
    let good = fs::read(&journal).unwrap();

    let mut torn = good.clone();
    torn.extend([0x42; 5]);
    fs::write(&journal, torn).unwrap();
    cluster.network.start(2).unwrap();
    cluster.network.ready(2, PATIENCE).await.unwrap();
    cluster.anchor("after.torn.tail").await;
    cluster.network.kill(2).await.unwrap();

    let mut holed = fs::read(&journal).unwrap();
    let early = 64.min(holed.len() / 2);
    holed[early] ^= 0xff;
    fs::write(&journal, &holed).unwrap();
    let text = fails(&mut cluster, 2).await;
    assert_says(&text, &["JOURNAL_DAMAGED", "votes.journal", "vote twice"]);
    assert_eq!(fs::read(&journal).unwrap(), holed, "the evidence is not touched");

    holed[early] ^= 0xff;
    fs::write(&journal, holed).unwrap();
    cluster.network.start(2).unwrap();
    cluster.network.ready(2, PATIENCE).await.unwrap();
    let top = acknowledged.iter().map(|a| a.receipt.height).max().unwrap();
    cluster.reach(2, top).await;
    cluster.assert_agree().await;
}

/// Makes `to` a copy of the directory `from`.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
