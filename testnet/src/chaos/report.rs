//! What a run found, for people and as JSON.

use super::{Fault, Growth, Healing, Kind};
use crate::history::{Event, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A fault that was caused and lifted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Since the load began.
    pub at_ms: u64,
    /// In words.
    pub what: String,
    /// Its kind.
    pub kind: Kind,
    /// The fault.
    pub fault: Fault,
    /// How long it lasted.
    pub length_ms: u64,
    /// How the chain came back.
    pub healing: Healing,
    /// From lifting it until every node was ready.
    pub all_ready_ms: u64,
    /// What a node did about it, where that is not given.
    pub note: Option<&'static str>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let h = &self.healing;
        write!(
            f,
            "{:>7.1} s  {:<44} for {:>5} ms  ready {:>5} ms  block {:>5} ms = {:.2} views ({:.2} in all)  all ready {:>5} ms",
            ms(self.at_ms) / 1000.0,
            self.what,
            self.length_ms,
            h.ready_ms,
            h.block_ms,
            h.views,
            h.total_views,
            self.all_ready_ms
        )?;
        self.note.map_or(Ok(()), |note| write!(f, "  {note}"))
    }
}

/// Of a list of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many.
    pub count: usize,
    /// Median.
    pub p50: f64,
    /// 99 of 100 are not larger.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Quantiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| values.get((values.len() * percent / 100).min(values.len().wrapping_sub(1)));
        let at = |percent| at(percent).copied().unwrap_or_default();
        Self { count: values.len(), p50: at(50), p99: at(99), max: at(100) }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.2}  p99 {:.2}  max {:.2}  ({})", self.p50, self.p99, self.max, self.count)
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// No rule is broken and no node ended by itself.
    pub ok: bool,
    /// Repeats the schedule.
    pub seed: u64,
    /// Nodes.
    pub nodes: usize,
    /// How they were connected.
    pub wires: &'static str,
    /// Calls a second that clients aimed at.
    pub rate: u32,
    /// Time under load.
    pub seconds: f64,
    /// Kinds of faults that could not be caused here, with the reason.
    pub impossible: Vec<String>,
    /// To the first new block, in view timeouts, by kind: since a quorum was ready, and since the fault was lifted.
    pub healing: BTreeMap<Kind, [Quantiles; 2]>,
    /// From handing in to finality, milliseconds: whole run, first third, last third.
    pub latency: [Quantiles; 3],
    /// Memory of the nodes.
    pub memory: Vec<Growth>,
    /// Nodes that ended by themselves.
    pub deaths: Vec<String>,
    /// Height, block and state root of each node at the end, after all of them were killed and started again.
    pub tips: Vec<(u64, String)>,
    /// What the history check found.
    pub verdict: Verdict,
    /// The faults.
    pub lines: Vec<Line>,
}

pub(super) fn healing(lines: &[Line]) -> BTreeMap<Kind, [Quantiles; 2]> {
    let mut views: BTreeMap<Kind, [Vec<f64>; 2]> = BTreeMap::new();
    for line in lines {
        let [ready, lifted] = views.entry(line.kind).or_default();
        ready.push(line.healing.views);
        lifted.push(line.healing.total_views);
    }
    views.into_iter().map(|(kind, lists)| (kind, lists.map(Quantiles::of))).collect()
}

pub(super) fn latency(events: &[Event]) -> [Quantiles; 3] {
    let writes: Vec<f64> = events
        .iter()
        .filter(|e| e.acknowledged().is_some())
        .map(|e| (e.returned - e.invoked).as_secs_f64() * 1000.0)
        .collect();
    let third = writes.len() / 3;
    let (first, last) = (writes[..third].to_vec(), writes[writes.len() - third..].to_vec());
    [Quantiles::of(writes), Quantiles::of(first), Quantiles::of(last)]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = &self.verdict;
        let verdict = if self.ok { "nothing false, nothing lost  全部通过" } else { "FAILED  未通过" };
        writeln!(f, "\n{verdict}  (seed {})", self.seed)?;
        writeln!(f, "  faults 故障           {} in {:.0} s, {}", self.lines.len(), self.seconds, self.wires)?;
        for (kind, [ready, lifted]) in &self.healing {
            let kind = format!("{kind:?}").to_lowercase();
            writeln!(f, "    {kind:<9} view timeouts to a block: since ready {ready}, since lifted {lifted}")?;
        }
        writeln!(
            f,
            "  writes 写入           {} acknowledged, {} rejected by the ledger, {} refused, {} unknown ({} of them in the chain)",
            v.acknowledged, v.rejected, v.refused, v.unknown.0, v.unknown.1
        )?;
        writeln!(f, "  reads 读取            {} answers, {} records, {} blocks", v.answers, v.records, v.blocks)?;
        for (name, q) in ["whole run", "first third", "last third"].iter().zip(&self.latency) {
            writeln!(f, "  latency 时延 ms       {name}: {q}")?;
        }
        for g in &self.memory {
            let slope = g.slope_mb_per_hour.map_or_else(|| "too short".to_owned(), |s| format!("{s:+.1} MB/h"));
            writeln!(
                f,
                "  memory 内存           node{}  {:.0} to {:.0} MB, peak {:.0} MB, {slope} over {:.0} min",
                g.node, g.first_mb, g.last_mb, g.peak_mb, g.minutes
            )?;
        }
        for (node, (height, tip)) in self.tips.iter().enumerate() {
            writeln!(f, "  end 终点              node{node}  height {height}  {tip}")?;
        }
        for violation in &v.violations {
            writeln!(f, "  BROKEN {}: {}", violation.rule, violation.what)?;
        }
        if v.more > 0 {
            writeln!(f, "  … and {} more", v.more)?;
        }
        self.deaths.iter().try_for_each(|death| writeln!(f, "  DIED {death}"))
    }
}

/// Milliseconds as a number with a fraction.
fn ms(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_and_of_many() {
        assert_eq!(Quantiles::of(vec![]), Quantiles::default());
        assert_eq!(Quantiles::of(vec![3.0]), Quantiles { count: 1, p50: 3.0, p99: 3.0, max: 3.0 });
        let many = Quantiles::of((0..100).rev().map(f64::from).collect());
        assert_eq!((many.p50, many.p99, many.max), (50.0, 99.0, 99.0));
    }
}
