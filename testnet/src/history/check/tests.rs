//! Each rule catches a history that breaks it, and a good history breaks none.

use super::super::{Applied, FinalNode};
use super::*;
use hnchain_crypto::Digest;
use std::collections::BTreeSet;
use std::time::Duration;

const R: &str = "r";

fn tx(n: u8) -> TxId {
    TxId(Digest([n; 32]))
}

fn found(version: u64, n: u8) -> Option<Found> {
    Some(Found { version, transaction: tx(n) })
}

fn event(node: usize, times: (u64, u64), action: Action) -> Event {
    let (invoked, returned) = (Duration::from_millis(times.0), Duration::from_millis(times.1));
    Event { node: Some(node), invoked, returned, action }
}

fn write(node: usize, times: (u64, u64), version: u64, n: u8, answer: Written) -> Event {
    event(node, times, Action::Write { record: R.into(), version, transaction: tx(n), answer })
}

fn read(node: usize, times: (u64, u64), height: u64, found: Option<Found>) -> Event {
    event(node, times, Action::Read { record: R.into(), since: 0, answer: Some((height, found)) })
}

fn status(node: usize, times: (u64, u64), n: u8, answer: (u64, bool)) -> Event {
    event(node, times, Action::Status { transaction: tx(n), answer: Some(answer) })
}

fn applied(version: u64, n: u8, accepted: bool) -> Applied {
    Applied { transaction: tx(n), write: Some((R.into(), version)), accepted, wrong_version: !accepted }
}

/// Two versions by transactions 1 and 3; transaction 2 asked for version 1 too and came too late. Block 3 is empty.
fn outcome() -> Outcome {
    let blocks = vec![vec![applied(1, 1, true), applied(1, 2, false)], vec![applied(2, 3, true)], vec![]];
    let records = BTreeMap::from([(R.to_owned(), Found { version: 2, transaction: tx(3) })]);
    let node = |index| FinalNode { index, height: 3, tip: "same".into(), records: records.clone() };
    Outcome { blocks, nodes: vec![node(0), node(1)] }
}

fn history() -> Vec<Event> {
    vec![
        read(1, (0, 1), 0, None),
        write(0, (0, 10), 1, 1, Written::Acknowledged(1)),
        write(1, (1, 11), 1, 2, Written::Rejected(1)),
        // Node 1 may lag behind node 0, and says so by its height.
        read(0, (12, 13), 1, found(1, 1)),
        read(1, (12, 14), 1, found(1, 1)),
        write(0, (15, 25), 2, 3, Written::Acknowledged(2)),
        read(1, (26, 27), 1, found(1, 1)),
        read(0, (26, 28), 2, found(2, 3)),
        status(1, (29, 30), 3, (2, true)),
        write(1, (31, 40), 3, 4, Written::Unknown("CLIENT_DEADLINE".into())),
        write(1, (31, 41), 3, 5, Written::Refused("MEMPOOL_FULL".into())),
    ]
}

fn rules(events: &[Event], outcome: &Outcome) -> BTreeSet<Rule> {
    check(events, outcome).violations.iter().map(|v| v.rule).collect()
}

/// Breaks exactly these rules.
fn breaks(expected: &[Rule], events: &[Event], outcome: &Outcome) {
    let verdict = check(events, outcome);
    let found: BTreeSet<Rule> = verdict.violations.iter().map(|v| v.rule).collect();
    assert_eq!(found, expected.iter().copied().collect(), "{:#?}", verdict.violations);
}

#[test]
fn a_good_history_breaks_no_rule_and_is_counted() {
    let verdict = check(&history(), &outcome());
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.acknowledged, verdict.rejected, verdict.refused, verdict.unknown), (2, 1, 1, (1, 0)));
    assert_eq!((verdict.answers, verdict.records, verdict.blocks), (6, 1, 3));
}

#[test]
fn l1_an_acknowledged_write_that_is_lost_moved_or_rejected() {
    for (height, n) in [(2, 9), (3, 3), (1, 2)] {
        let events = [write(0, (0, 1), 2, n, Written::Acknowledged(height))];
        breaks(&[Rule::L1], &events, &outcome());
    }
}

#[test]
fn l2_a_node_that_afterwards_lacks_changes_or_invents_a_record() {
    let mut lost = outcome();
    lost.nodes[1].records.clear();
    breaks(&[Rule::L2], &history(), &lost);
    let mut older = outcome();
    older.nodes[0].records.insert(R.into(), Found { version: 1, transaction: tx(1) });
    breaks(&[Rule::L2], &history(), &older);
    let mut ghost = outcome();
    ghost.nodes[0].records.insert("ghost".into(), Found { version: 1, transaction: tx(7) });
    breaks(&[Rule::L2], &history(), &ghost);
}

#[test]
fn l3_a_node_that_forgets_what_it_acknowledged() {
    let events = [write(0, (0, 1), 2, 3, Written::Acknowledged(2)), read(0, (2, 3), 1, found(1, 1))];
    breaks(&[Rule::L3, Rule::L4], &events, &outcome());
}

#[test]
fn l4_a_node_whose_height_or_versions_go_back() {
    let back = [read(0, (0, 1), 2, found(2, 3)), read(0, (2, 3), 1, found(1, 1))];
    breaks(&[Rule::L4], &back, &outcome());
    let absent = [read(0, (0, 1), 1, found(1, 1)), read(0, (2, 3), 0, None)];
    breaks(&[Rule::L4], &absent, &outcome());
    // Calls that overlap may be answered in any order, and nodes may differ.
    let overlapping = [read(0, (0, 2), 2, found(2, 3)), read(0, (1, 3), 1, found(1, 1)), read(1, (4, 5), 0, None)];
    breaks(&[], &overlapping, &outcome());
}

#[test]
fn l5_a_read_that_the_chain_does_not_explain() {
    // Too early, too late, of another writer, and before the height that was asked for.
    for (height, shown) in [(1, found(2, 3)), (2, found(1, 1)), (1, found(1, 2)), (1, None)] {
        breaks(&[Rule::L5], &[read(0, (0, 1), height, shown)], &outcome());
    }
    let early = event(0, (0, 1), Action::Read { record: R.into(), since: 2, answer: Some((1, found(1, 1))) });
    breaks(&[Rule::L5], &[early], &outcome());
}

#[test]
fn l6_a_refused_write_that_appears() {
    breaks(&[Rule::L6], &[write(0, (0, 1), 2, 3, Written::Refused("MEMPOOL_FULL".into()))], &outcome());
    breaks(&[Rule::L6], &[write(0, (0, 1), 2, 3, Written::Rejected(2))], &outcome());
    breaks(&[Rule::L6], &[write(0, (0, 1), 2, 8, Written::Rejected(2))], &outcome());
}

#[test]
fn l7_versions_with_gaps_repeats_or_wrongly_rejected() {
    for (version, accepted) in [(4, true), (2, true), (3, false)] {
        let mut chain = outcome();
        chain.blocks[2].push(applied(version, 9, accepted));
        assert!(rules(&[], &chain).contains(&Rule::L7), "{version} {accepted}");
    }
    let mut chain = outcome();
    chain.blocks[2].push(Applied { wrong_version: false, ..applied(3, 9, false) });
    breaks(&[], &[], &chain);
}

#[test]
fn l8_an_effect_before_its_cause() {
    // Transaction 1 is in block 1, but began after height 2 was seen: by a write, a read, or a question.
    let late = write(0, (5, 6), 1, 1, Written::Acknowledged(1));
    for before in [
        write(1, (0, 1), 2, 3, Written::Acknowledged(2)),
        read(1, (0, 1), 2, found(2, 3)),
        status(1, (0, 1), 3, (2, true)),
    ] {
        breaks(&[Rule::L8], &[before, late.clone()], &outcome());
    }
    // Also for a write whose client learned nothing.
    let unknown = write(0, (5, 6), 1, 1, Written::Unknown("CLIENT_DEADLINE".into()));
    breaks(&[Rule::L8], &[read(1, (0, 1), 2, found(2, 3)), unknown], &outcome());
}

#[test]
fn l9_nodes_that_end_apart_and_transactions_that_come_twice() {
    let mut apart = outcome();
    apart.nodes[1].tip = "other".into();
    breaks(&[Rule::L9], &history(), &apart);
    let mut behind = outcome();
    behind.nodes[1].height = 2;
    breaks(&[Rule::L9], &history(), &behind);
    let mut twice = outcome();
    twice.blocks[2].push(Applied { wrong_version: false, ..applied(1, 2, false) });
    breaks(&[Rule::L9], &[], &twice);
}

#[test]
fn l10_a_final_answer_that_was_not() {
    for (n, said) in [(3, (3, true)), (2, (1, true)), (9, (1, true))] {
        breaks(&[Rule::L10], &[status(0, (0, 1), n, said)], &outcome());
    }
}

#[test]
fn every_rule_has_a_test_by_its_name() {
    let source = include_str!("tests.rs");
    for rule in Rule::ALL {
        assert!(source.contains(&format!("fn {}_", rule.to_string().to_lowercase())), "{rule}");
    }
}

#[test]
fn a_flood_of_violations_is_counted_but_not_told_in_full() {
    let events: Vec<_> = (0..50).map(|t| read(0, (t, t), 1, None)).collect();
    let verdict = check(&events, &outcome());
    assert_eq!((verdict.violations.len(), verdict.more), (TOLD, 50 - TOLD));
}
