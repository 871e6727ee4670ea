//! Clusters of real machines under seeded faults.
#![allow(clippy::unwrap_used)]

mod harness;

use harness::{Cluster, Random};

#[test]
fn four_correct_validators_finalize_without_a_timeout() {
    let mut c = Cluster::new(4, 1);
    for i in 0..20u8 {
        c.submit(&[i]);
        c.run(37);
    }
    c.run(500);
    for i in 0..20u8 {
        assert!(c.all_hold(&[i]), "transaction {i}");
        assert_eq!(c.holds(0, &[i]), 1, "exactly once");
    }
    assert!(c.nodes.iter().all(|n| n.nullified.is_empty()), "{}", c.trace.join("\n"));
}

#[test]
fn one_to_thirteen_validators_run() {
    for n in [1, 2, 3, 4, 5, 7, 10, 13] {
        let mut c = Cluster::new(n, n as u64);
        c.submit(b"a");
        c.run_while(3_000, "first transaction", |c| !c.all_hold(b"a"));
        c.submit(b"b");
        c.run_while(3_000, "second transaction", |c| !c.all_hold(b"b"));
    }
}

#[test]
fn r11_an_idle_chain_is_quiet_and_makes_heartbeats() {
    let mut c = Cluster::new(4, 2);
    c.submit(b"a");
    c.run_while(3_000, "transaction", |c| !c.all_hold(b"a"));
    c.run(1_000);
    let (height, sent) = (c.height(0), c.nodes[0].sent);
    c.run(3_000);
    assert_eq!((c.height(0), c.nodes[0].sent), (height, sent), "nothing is said while there is nothing to say");
    c.run(25_000);
    let made = c.height(0) - height;
    assert!((4..=7).contains(&made), "{made} heartbeat blocks in 25 s at one each 5 s");
    assert!(c.nodes.iter().all(|n| n.nullified.is_empty()), "{}", c.trace.join("\n"));
}

#[test]
fn r8_a_dead_leader_costs_one_timeout_and_later_one_skip() {
    let mut c = Cluster::new(4, 3);
    c.crash(2);
    for i in 0..60u8 {
        c.submit(&[i]);
        c.run(50);
    }
    c.run(2_000);
    assert!((0..60u8).all(|i| c.all_hold(&[i])));
    use hnchain_consensus::NullifyReason::{LeaderLate, LeaderSilent};
    let of = |reason| c.nodes[0].nullified.iter().filter(|(_, r)| *r == reason).count();
    assert!(of(LeaderLate) <= 2, "{:?}", c.nodes[0].nullified);
    assert!(of(LeaderSilent) >= 5, "{:?}\n{}", c.nodes[0].nullified, c.trace.join("\n"));
}

#[test]
fn r10_a_restarted_validator_catches_up_and_votes_again() {
    let mut c = Cluster::new(4, 4);
    c.submit(b"a");
    c.run_while(3_000, "a", |c| !c.all_hold(b"a"));
    c.crash(1);
    for i in 0..30u8 {
        c.submit(&[i]);
        c.run(100);
    }
    c.start(1);
    c.submit(b"z");
    c.run_while(10_000, "z on all", |c| !c.all_hold(b"z"));
    let before = c.nodes[1].votes.len();
    c.submit(b"y");
    c.run_while(10_000, "y on all", |c| !c.all_hold(b"y"));
    assert!(c.nodes[1].votes.len() > before, "it votes again");
}

#[test]
fn r13_all_crash_at_any_moment_and_nothing_is_lost() {
    for seed in 0..60 {
        let mut c = Cluster::new(4, seed);
        let mut random = Random(seed ^ 0xC0FFEE);
        for i in 0..6u8 {
            c.submit(&[i]);
            c.run(random.below(40));
        }
        c.run(random.below(60));
        let known: Vec<u8> = (0..6u8).filter(|i| (0..4).any(|n| c.holds(n, &[*i]) > 0)).collect();
        (0..4).for_each(|i| c.crash(i));
        c.run(random.below(1_000));
        (0..4).for_each(|i| {
            c.start(i);
            c.run(random.below(50));
        });
        c.submit(b"after");
        c.run_while(20_000, &format!("seed {seed}: recovery"), |c| !c.all_hold(b"after"));
        assert!(known.iter().all(|i| c.all_hold(&[*i])), "seed {seed}: a final transaction was lost");
    }
}

#[test]
fn r10_a_partition_heals() {
    let mut c = Cluster::new(4, 6);
    c.submit(b"a");
    c.run(20);
    c.groups = vec![0, 0, 1, 1];
    c.submit(b"b");
    c.run(20_000);
    let height = c.height(0).max(c.height(3));
    c.groups = vec![0; 4];
    c.run_while(15_000, "b on all after healing", |c| !c.all_hold(b"b"));
    assert!(c.height(0) >= height);
}

#[test]
fn r12_a_validator_cut_off_for_long_catches_up() {
    let mut c = Cluster::new(4, 7);
    c.groups = vec![0, 0, 0, 1];
    for i in 0..50u8 {
        c.submit(&[i]);
        c.run(60);
    }
    assert_eq!(c.height(3), 0);
    c.groups = vec![0; 4];
    c.submit(b"z");
    c.run_while(15_000, "z on all", |c| !c.all_hold(b"z"));
    assert!((0..50u8).all(|i| c.holds(3, &[i]) == 1));
}

/// Loss, duplication, delays beyond Δ, partitions, crashes and restarts; then the faults stop and it must heal.
fn storm(seed: u64) {
    let mut random = Random(seed);
    let n = [1, 2, 3, 4, 4, 4, 5, 7][usize::try_from(random.below(8)).unwrap()];
    let mut c = Cluster::new(n, random.next());
    for round in 0..12u8 {
        c.faults.max_delay = [5, 30, 200, 400][usize::try_from(random.below(4)).unwrap()];
        c.faults.loss_percent = [0, 0, 5, 30][usize::try_from(random.below(4)).unwrap()];
        c.faults.duplicate_percent = [0, 20, 50][usize::try_from(random.below(3)).unwrap()];
        c.groups = (0..n).map(|_| u8::from(random.chance(15))).collect();
        for k in 0..random.below(4) {
            c.submit(&[round, u8::try_from(k).unwrap()]);
            c.run(random.below(200));
        }
        let i = usize::try_from(random.below(n as u64)).unwrap();
        if random.chance(40) {
            if c.alive(i) { c.crash(i) } else { c.start(i) }
        }
        c.run(random.below(800));
    }
    c.faults = harness::Faults { min_delay: 1, max_delay: 10, loss_percent: 0, duplicate_percent: 0 };
    c.groups = vec![0; n];
    (0..n).for_each(|i| {
        if !c.alive(i) {
            c.start(i);
        }
    });
    c.submit(b"healed");
    c.run_while(20_000, &format!("seed {seed} (n = {n}): healing"), |c| !c.all_hold(b"healed"));
    let longest = (0..n).map(|i| c.height(i)).max().unwrap();
    c.run_while(20_000, &format!("seed {seed} (n = {n}): the same height"), |c| (0..n).any(|i| c.height(i) < longest));
}

#[test]
fn agreement_and_healing_under_seeded_faults() {
    #[allow(clippy::disallowed_methods)] // how many seeds is for whoever runs the test
    let seeds = std::env::var("HNCHAIN_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(60u64);
    for seed in 0..seeds {
        storm(seed);
    }
}
