//! Clusters under seeded faults (tier T3): as many seeds as `HNCHAIN_SEEDS` says, and every saved scenario.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use hnchain_simulator::Options;
use hnchain_simulator::checks::Label;
use hnchain_simulator::run::{Plan, Summary, run};
use std::collections::BTreeSet;
use std::path::Path;

/// Seeds that CI takes.
const SEEDS: u64 = 2_000;

fn seeds() -> u64 {
    std::env::var("HNCHAIN_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(SEEDS)
}

fn say(summary: &Summary) -> String {
    let failures = summary.failures.iter().map(|f| {
        let replay = format!("hnchain-simulator run --calm --trace {}", f.minimal);
        format!("{}\n  seed {}, replay: {replay}\n  {}", f.violation, f.options.seed, f.transcript.join("\n  "))
    });
    failures.collect::<Vec<_>>().join("\n")
}

/// All labels hold on all seeds, the same seed gives the same trace (I13), and every label was looked at.
#[test]
fn rules_and_invariants_hold_on_every_seed() {
    let all: Vec<Options> = (0..seeds()).map(Options::draw).collect();
    let plan = Plan { threads: 0, twice_every: 50, stop_after: 3, minimize: true };
    let summary = run(&all, plan, |_, _| {});
    assert!(summary.failures.is_empty(), "{}", say(&summary));
    if all.len() >= 200 {
        assert_eq!(summary.unmarked(), [], "labels that nothing looked at");
    }
}

/// Scenarios that once broke a rule, each with what it was.
#[test]
fn saved_scenarios_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
            scenarios.push(Options::parse(line).unwrap_or_else(|why| panic!("{line}: {why}")));
        }
    }
    assert!(!scenarios.is_empty());
    let plan = Plan { threads: 0, twice_every: 1, stop_after: 1, minimize: false };
    let summary = run(&scenarios, plan, |_, _| {});
    assert!(summary.failures.is_empty(), "{}", say(&summary));
}

/// Every label of the engine's page and of the project has a checker.
#[test]
fn every_label_has_a_checker() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../engine/src/lib.rs")).unwrap();
    let mut labels: BTreeSet<String> = (1..=13).map(|i| format!("I{i}")).collect();
    for part in page.split("**").skip(1).step_by(2) {
        let name = part.split([' ', '.']).next().unwrap_or_default();
        let digits = name.strip_prefix(['R', 'I']).unwrap_or_default();
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            labels.insert(name.to_owned());
        }
    }
    assert!(labels.contains("R14"), "{labels:?}");
    let known: BTreeSet<String> = Label::ALL.iter().map(|l| format!("{l:?}")).collect();
    let without: Vec<_> = labels.difference(&known).collect();
    assert!(without.is_empty(), "labels without a checker: {without:?}");
}

/// A driver that sends before it syncs is found.
#[test]
fn votes_that_are_sent_before_they_are_durable_are_found() {
    let options = Options { bug_no_sync: 1, ..Options::calm(1) };
    let plan = Plan::default();
    let summary = run(&[options], plan, |_, _| {});
    assert_eq!(summary.failures.first().map(|f| f.violation.label), Some(Label::R13));
}
