//! The checker: pure, so that its tests need no network.

use super::{Action, Event, Found, Outcome, Written};
use hnchain_types::TxId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

/// Most violations of one rule that are told in full.
const TOLD: usize = 20;

/// What must hold. Labels are used in reports and in docs/testing.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Rule {
    /// An acknowledged write is in the chain, once, applied, at the height that was named.
    L1,
    /// Afterwards every node has every record as the chain made it.
    L2,
    /// What a node acknowledged it also shows.
    L3,
    /// A node never shows an older state than before, or an older version.
    L4,
    /// A read shows the record as the chain had it at the height that the node named.
    L5,
    /// A write that was refused at the door is in no block; one that the ledger rejected is there and changed nothing.
    L6,
    /// Versions in the chain are 1, 2, 3 …, and a version that was due is not rejected as wrong.
    L7,
    /// Effects follow real time: a write that begins after another answer came back is later in the chain.
    L8,
    /// All nodes end at the same height, block and state root, and no transaction is in the chain twice.
    L9,
    /// A transaction that a node called final has the height and outcome that it said.
    L10,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 10] =
        [Self::L1, Self::L2, Self::L3, Self::L4, Self::L5, Self::L6, Self::L7, Self::L8, Self::L9, Self::L10];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Where and how.
    pub what: String,
}

/// What the checker found and how much it looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Broken rules; empty is good.
    pub violations: Vec<Violation>,
    /// Broken rules that are not told in full.
    pub more: usize,
    /// Acknowledged writes.
    pub acknowledged: usize,
    /// Writes that the ledger rejected, mostly because another client was first.
    pub rejected: usize,
    /// Writes that every node refused at the door.
    pub refused: usize,
    /// Writes of which the client learned nothing, and how many of them are in the chain.
    pub unknown: (usize, usize),
    /// Reads and questions that were answered.
    pub answers: usize,
    /// Records that exist at the end.
    pub records: usize,
    /// Final blocks.
    pub blocks: usize,
}

/// Checks a history against the chain and the nodes at the end. `events` are in the order of their return.
#[must_use]
pub fn check(events: &[Event], outcome: &Outcome) -> Verdict {
    let mut findings = Findings::default();
    let chain = Replay::new(outcome, &mut findings);
    findings.writes(events, &chain);
    findings.reads(events, &chain);
    findings.nodes(events);
    findings.order(events, &chain);
    findings.ends(outcome, &chain);
    let mut verdict = findings.verdict;
    verdict.records = chain.records.len();
    verdict.blocks = outcome.blocks.len();
    verdict
}

/// The chain, applied by the register's rule alone.
struct Replay {
    /// Place of each transaction, and whether it was accepted.
    places: BTreeMap<TxId, (u64, bool)>,
    /// Of each record, the heights and transactions of its versions, version 1 first.
    records: BTreeMap<String, Vec<(u64, TxId)>>,
}

impl Replay {
    fn new(outcome: &Outcome, findings: &mut Findings) -> Self {
        let mut replay = Self { places: BTreeMap::new(), records: BTreeMap::new() };
        for (height, applied) in (1..).zip(&outcome.blocks).flat_map(|(h, block)| block.iter().map(move |a| (h, a))) {
            if let Some((before, _)) = replay.places.insert(applied.transaction, (height, applied.accepted)) {
                let what = format!("transaction {} is in blocks {before} and {height}", applied.transaction);
                findings.add(Rule::L9, what);
            }
            let Some((record, version)) = &applied.write else { continue };
            let versions = replay.records.entry(record.clone()).or_default();
            let due = versions.len() as u64 + 1;
            if applied.accepted {
                if *version != due {
                    findings
                        .add(Rule::L7, format!("{record}: version {version} was applied at {height}, {due} was due"));
                }
                versions.push((height, applied.transaction));
            } else if applied.wrong_version && *version == due {
                findings.add(Rule::L7, format!("{record}: version {version} was due at {height} and was rejected"));
            }
        }
        replay.records.retain(|_, versions| !versions.is_empty());
        replay
    }

    /// The record as of the end of a block.
    fn at(&self, record: &str, height: u64) -> Option<Found> {
        let versions = self.records.get(record)?;
        let count = versions.partition_point(|(h, _)| *h <= height);
        let (_, transaction) = versions.get(count.checked_sub(1)?)?;
        Some(Found { version: count as u64, transaction: *transaction })
    }
}

#[derive(Default)]
struct Findings {
    verdict: Verdict,
    told: BTreeMap<Rule, usize>,
}

impl Findings {
    fn add(&mut self, rule: Rule, what: String) {
        let told = self.told.entry(rule).or_default();
        *told += 1;
        if *told <= TOLD {
            self.verdict.violations.push(Violation { rule, what });
        } else {
            self.verdict.more += 1;
        }
    }

    /// L1 and L6.
    fn writes(&mut self, events: &[Event], chain: &Replay) {
        for event in events {
            let Action::Write { record, version, transaction, answer } = &event.action else { continue };
            let place = chain.places.get(transaction).copied();
            match answer {
                Written::Acknowledged(height) => {
                    self.verdict.acknowledged += 1;
                    if place != Some((*height, true)) {
                        let what = format!(
                            "{record} version {version} was acknowledged at height {height} by {}; the chain has {}",
                            node(event.node),
                            told(place)
                        );
                        self.add(Rule::L1, what);
                    }
                }
                Written::Rejected(height) => {
                    self.verdict.rejected += 1;
                    if place != Some((*height, false)) {
                        let what = format!(
                            "{record} version {version} was rejected at height {height}; the chain has {}",
                            told(place)
                        );
                        self.add(Rule::L6, what);
                    }
                }
                Written::Refused(code) => {
                    self.verdict.refused += 1;
                    if place.is_some() {
                        let what = format!("{record} version {version} was refused ({code}) and is in the chain");
                        self.add(Rule::L6, what);
                    }
                }
                Written::Unknown(_) => {
                    self.verdict.unknown.0 += 1;
                    self.verdict.unknown.1 += usize::from(place.is_some());
                }
            }
        }
    }

    /// L5 and L10.
    fn reads(&mut self, events: &[Event], chain: &Replay) {
        for event in events {
            match &event.action {
                Action::Read { record, since, answer: Some((height, found)) } => {
                    self.verdict.answers += 1;
                    let right = chain.at(record, *height);
                    if *found != right {
                        let what = format!(
                            "{} showed {record} at height {height} as {}; the chain had {}",
                            node(event.node),
                            shown(*found),
                            shown(right)
                        );
                        self.add(Rule::L5, what);
                    }
                    if height < since {
                        let what =
                            format!("{}: a read since height {since} was answered at {height}", node(event.node));
                        self.add(Rule::L5, what);
                    }
                }
                Action::Status { transaction, answer: Some(said) } => {
                    self.verdict.answers += 1;
                    let place = chain.places.get(transaction).copied();
                    if place != Some(*said) {
                        let what = format!(
                            "{} said that {transaction} is {}; the chain has {}",
                            node(event.node),
                            told(Some(*said)),
                            told(place)
                        );
                        self.add(Rule::L10, what);
                    }
                }
                _ => {}
            }
        }
    }

    /// L3 and L4: what one node showed before a call began, it shows in its answer. Only what returned before the call
    /// was invoked counts, because answers may overtake each other.
    fn nodes(&mut self, events: &[Event]) {
        let count = events.iter().filter_map(|e| e.node).max().map_or(0, |n| n + 1);
        for index in 0..count {
            let own: Vec<&Event> = events.iter().filter(|e| e.node == Some(index)).collect();
            let mut calls: Vec<&Event> = own.clone();
            calls.sort_by_key(|e| e.invoked);
            let mut returned = own.into_iter().peekable();
            let mut height = 0;
            let mut versions: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
            for call in calls {
                while let Some(before) = returned.next_if(|e| e.returned < call.invoked) {
                    height = height.max(before.seen().unwrap_or(0));
                    if let Some((record, version, own)) = version_of(before) {
                        let known = versions.entry(record).or_default();
                        *known = (version, own).max(*known);
                    }
                }
                let Action::Read { record, answer: Some((at, found)), .. } = &call.action else { continue };
                let shown = found.map_or(0, |f| f.version);
                let (least, own) = versions.get(record.as_str()).copied().unwrap_or_default();
                if shown < least {
                    let rule = if own { Rule::L3 } else { Rule::L4 };
                    self.add(rule, format!("node{index} showed version {least} of {record}, later version {shown}"));
                }
                if *at < height {
                    self.add(Rule::L4, format!("node{index} was seen at height {height}, later a read at {at}"));
                }
            }
        }
    }

    /// L8.
    fn order(&mut self, events: &[Event], chain: &Replay) {
        let mut writes: Vec<&Event> = events.iter().filter(|e| matches!(e.action, Action::Write { .. })).collect();
        writes.sort_by_key(|e| e.invoked);
        let mut returned = events.iter().peekable();
        let mut height = 0;
        for write in writes {
            while let Some(before) = returned.next_if(|e| e.returned < write.invoked) {
                height = height.max(before.seen().unwrap_or(0));
            }
            let Action::Write { record, version, transaction, .. } = &write.action else { continue };
            if let Some((at, _)) = chain.places.get(transaction)
                && *at <= height
            {
                let what =
                    format!("{record} version {version} is in block {at}; height {height} was seen before it began");
                self.add(Rule::L8, what);
            }
        }
    }

    /// L2 and L9.
    fn ends(&mut self, outcome: &Outcome, chain: &Replay) {
        let top = outcome.blocks.len() as u64;
        for node in &outcome.nodes {
            if node.height != top || outcome.nodes.first().is_some_and(|first| first.tip != node.tip) {
                let what = format!("node{} ends at height {} of {top}, {}", node.index, node.height, node.tip);
                self.add(Rule::L9, what);
            }
            let names = chain.records.keys().chain(node.records.keys());
            for name in names {
                let (right, found) = (chain.at(name, top), node.records.get(name).copied());
                if right != found {
                    let what = format!(
                        "node{} has {name} as {}; the chain made it {}",
                        node.index,
                        shown(found),
                        shown(right)
                    );
                    self.add(Rule::L2, what);
                }
            }
        }
    }
}

/// Record, version and whether it was acknowledged (rather than read) here.
fn version_of(event: &Event) -> Option<(&str, u64, bool)> {
    match &event.action {
        Action::Write { record, version, answer: Written::Acknowledged(_), .. } => Some((record, *version, true)),
        Action::Read { record, answer: Some((_, Some(found))), .. } => Some((record, found.version, false)),
        _ => None,
    }
}

fn node(node: Option<usize>) -> String {
    node.map_or_else(|| "nobody".to_owned(), |n| format!("node{n}"))
}

fn told(place: Option<(u64, bool)>) -> String {
    match place {
        None => "nothing of it".to_owned(),
        Some((height, accepted)) => format!("it {} at {height}", if accepted { "applied" } else { "rejected" }),
    }
}

fn shown(found: Option<Found>) -> String {
    found.map_or_else(|| "absent".to_owned(), |f| format!("version {} of {}", f.version, f.transaction))
}
