//! Faults of every kind under load; in the end nothing that clients saw is false. No test here says how fast anything is.

use crate::harness::{Cluster, Dice, PATIENCE, serial, wait_for};
use hnchain_testnet::chaos::{self, Fault, Kind, Options, Perturbation, Report, Session, Wiring};
use hnchain_testnet::faults::Namespaces;
use hnchain_testnet::history::{Clients, NAMESPACE, Outcome, Rule, Verdict, check};
use hnchain_testnet::{Network, Plan};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const NODES: usize = 4;

fn options(directory: &Path, dice: &mut Dice, kinds: &[Kind], wiring: Wiring) -> Options {
    let (kinds, directory) = (kinds.to_vec(), directory.to_owned());
    Options { nodes: NODES, seed: dice.below(u64::MAX), kinds, rate: 60, wiring, directory }
}

/// A directory that stays when the test fails.
fn directory() -> tempfile::TempDir {
    let mut directory = tempfile::Builder::new().prefix("hnchain-chaos-").tempdir().unwrap();
    directory.disable_cleanup(true);
    println!("kept if it fails: {}", directory.path().display());
    directory
}

fn assert_good(report: &Report, directory: &mut tempfile::TempDir) {
    println!("{report}");
    assert!(report.ok, "seed {}", report.seed);
    assert!(report.verdict.acknowledged > 0 && report.verdict.answers > 0, "the load did nothing");
    directory.disable_cleanup(false);
}

/// Causes these faults one after the other.
async fn suffer(options: &Options, faults: Vec<Fault>) -> Report {
    let tell = &mut |line: &str| println!("{line}");
    let mut session = Session::begin(options, tell).await.unwrap();
    let kinds = session.kinds().to_vec();
    for fault in faults.into_iter().filter(|f| kinds.contains(&f.kind())) {
        let perturbation =
            Perturbation { calm: Duration::from_millis(300), fault, length: Duration::from_millis(1_200) };
        session.perturb(&perturbation, tell).await.unwrap();
    }
    session.finish(tell).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_fault_leaves_nothing_false_and_nothing_lost() {
    let _serial = serial().await;
    let mut dice = Dice::new("every_kind_of_fault");
    let mut directory = directory();
    let kinds = [
        Kind::Kill,
        Kind::Pause,
        Kind::Partition,
        Kind::Delay,
        Kind::Loss,
        Kind::Width,
        Kind::Clock,
        Kind::Disk,
        Kind::Port,
    ];
    let options = options(directory.path(), &mut dice, &kinds, Wiring::Relays);
    let (one, other) = (dice.index(NODES), dice.index(NODES));
    let two = vec![one, (one + 1) % NODES];
    let faults = vec![
        Fault::Split { nodes: vec![other], one_way: true },
        Fault::Split { nodes: two.clone(), one_way: false },
        Fault::SlowLinks { nodes: two, milliseconds: dice.moment(20, 400).subsec_millis().into() },
        Fault::LossyLinks { nodes: vec![one], percent: 20 },
        Fault::NarrowLinks { nodes: vec![other], kilobytes: 50 },
        Fault::Freeze { nodes: vec![one] },
        Fault::Freeze { nodes: (0..NODES).collect() },
        Fault::WrongClock { node: other, seconds: 60 },
        Fault::WrongClock { node: one, seconds: -60 },
        Fault::FullDisk { node: NODES - 1 },
        Fault::PortTheft { node: one },
        Fault::Crash { nodes: (0..NODES).collect() },
    ];
    assert_good(&suffer(&options, faults).await, &mut directory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_nodes_lose_nothing_that_was_acknowledged() {
    let _serial = serial().await;
    let mut dice = Dice::new("killed_nodes");
    let mut directory = directory();
    let options = options(directory.path(), &mut dice, &[Kind::Kill], Wiring::Relays);
    let report = chaos::kill_rounds(&options, 6, &mut |line| println!("{line}")).await.unwrap();
    assert_eq!(report.lines.len(), 6);
    assert_good(&report, &mut directory);
}

/// Load until ten more writes are acknowledged.
async fn write_some(clients: &std::sync::Arc<Clients>) {
    let target = clients.history().acknowledged() + 10;
    let load = clients.load(60, target as u64);
    wait_for("ten more writes", PATIENCE, async || clients.history().acknowledged() >= target).await;
    load.stop().await.unwrap();
}

async fn verdict(network: &mut Network, clients: &Clients) -> Verdict {
    network.start_all().unwrap();
    network.ready_all(PATIENCE).await.unwrap();
    let fresh = Clients::new(network).unwrap();
    let outcome = Outcome::collect(fresh.nodes(), NAMESPACE, &clients.names(), PATIENCE).await.unwrap();
    check(&clients.history().events(), &outcome)
}

/// What every other test here relies on: the check of a run can fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_was_put_back_to_yesterday_is_noticed() {
    let mut cluster = Cluster::start_with(&Plan::new(1)).await;
    let clients = Clients::new(&cluster.network).unwrap();
    write_some(&clients).await;
    cluster.network.stop(0).await.unwrap();
    let (data, yesterday) = (cluster.network.node_path(0, "data"), cluster.network.node_path(0, "yesterday"));
    assert!(Command::new("cp").arg("-r").args([&data, &yesterday]).status().unwrap().success());
    assert_eq!(verdict(&mut cluster.network, &clients).await.violations, []);

    write_some(&clients).await;
    cluster.network.kill(0).await.unwrap();
    assert_eq!(verdict(&mut cluster.network, &clients).await.violations, []);

    cluster.network.kill(0).await.unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&yesterday, &data).unwrap();
    let broken = verdict(&mut cluster.network, &clients).await;
    assert!(broken.violations.iter().filter(|v| v.rule == Rule::L1).count() >= 10, "{broken:#?}");
}

/// Whether this machine lets us; says so if not.
fn namespaces() -> bool {
    match Namespaces::create(1) {
        Ok(_) => true,
        Err(why) => {
            println!("NOT RUN: no network namespaces here: {why}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_packets_that_are_lost_in_namespaces_break_nothing() {
    let _serial = serial().await;
    let mut dice = Dice::new("namespaces");
    if !namespaces() {
        return;
    }
    let mut directory = directory();
    let kinds = [Kind::Kill, Kind::Partition, Kind::Loss, Kind::Delay];
    let options = options(directory.path(), &mut dice, &kinds, Wiring::Namespaces);
    let one = dice.index(NODES);
    let faults = vec![
        Fault::Split { nodes: vec![one, (one + 1) % NODES], one_way: false },
        Fault::Split { nodes: vec![one], one_way: true },
        Fault::LossyLinks { nodes: (0..NODES).collect(), percent: 15 },
        Fault::SlowLinks { nodes: vec![one], milliseconds: 100 },
        Fault::Crash { nodes: vec![one] },
    ];
    assert_good(&suffer(&options, faults).await, &mut directory);
}

/// Namespaces and mounts that look like ours.
fn left_behind() -> BTreeSet<String> {
    let spaces = Command::new("ip").args(["netns", "list"]).output().map(|o| o.stdout).unwrap_or_default();
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let spaces = String::from_utf8_lossy(&spaces).lines().map(str::to_owned).collect::<Vec<_>>();
    let mounts = mounts.lines().filter(|l| l.starts_with("hnchain-testnet ")).map(str::to_owned);
    spaces.into_iter().filter(|l| l.starts_with("hn")).chain(mounts).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_leaves_no_namespace_and_no_mount() {
    let _serial = serial().await;
    if !namespaces() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let before = left_behind();
    let mut run = Command::new(env!("CARGO_BIN_EXE_hnchain-testnet"))
        .args(["chaos", "--wires", "namespaces", "--kinds", "disk", "--dir"])
        .arg(directory.path().join("net"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // A node runs: everything is in place.
    while !directory.path().join("net/node0/node.pid").exists() {
        assert!(Instant::now() < deadline && run.try_wait().unwrap().is_none(), "it did not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(left_behind().len() >= before.len() + NODES);
    run.kill().unwrap();
    run.wait().unwrap();
    while left_behind() != before {
        assert!(Instant::now() < deadline, "left behind: {:?}", left_behind());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn soak_time() -> Duration {
    let seconds = std::env::var("HNCHAIN_SOAK_SECONDS").map_or(60, |s| s.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}

/// For `make soak`: a schedule of all kinds for `HNCHAIN_SOAK_SECONDS`, default one minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long; run by make soak"]
async fn soak_all_faults_through_relays() {
    let _serial = serial().await;
    soak("soak_relays", Wiring::Relays).await;
}

/// The same with a network namespace for each node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long; run by make soak"]
async fn soak_all_faults_in_namespaces() {
    let _serial = serial().await;
    if namespaces() {
        soak("soak_namespaces", Wiring::Namespaces).await;
    }
}

async fn soak(name: &str, wiring: Wiring) {
    use clap::ValueEnum as _;
    let mut dice = Dice::new(name);
    let mut directory = directory();
    let options = options(directory.path(), &mut dice, Kind::value_variants(), wiring);
    let report = chaos::run(&options, soak_time(), &mut |line| println!("{line}")).await.unwrap();
    assert_good(&report, &mut directory);
}
