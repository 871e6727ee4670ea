//! Finds the rate that a network keeps up with. Runs should be long enough for a growing backlog to show: ten seconds or more.

use crate::load::{self, Options, Report};
use crate::plan::Schedule;
use crate::target::Target;
use serde::Serialize;
use std::time::Duration;

/// Runs that narrow down the peak after doubling has passed it.
const NARROWING: u32 = 4;

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// First rate; it is doubled while the network keeps up.
    pub from: u32,
    /// Length of each run.
    pub duration: Duration,
    /// Connections to each node.
    pub connections: usize,
    /// How long to wait for the last finalizations of each run.
    pub drain: Duration,
    /// A network keeps up only while the 99th percentile of latency is below this, milliseconds.
    pub p99_ms: f64,
}

/// What the search found, as `hnchain-bench sweep` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Sweep {
    /// Largest rate that the network kept up with; 0 where it kept up with none.
    pub peak_rate: u32,
    /// Finalized transactions a second in that run.
    pub peak_tps: f64,
    /// A run at half of the peak.
    pub at_half: Option<Report>,
    /// All runs of the search, in their order.
    pub runs: Vec<Report>,
}

/// Doubles the rate until the network falls behind, narrows the peak down, and measures at half of it.
///
/// # Errors
/// As [`load::run`].
pub async fn sweep(target: &Target, search: Search) -> anyhow::Result<Sweep> {
    let mut bounds = Bounds::default();
    let mut runs: Vec<Report> = Vec::new();
    while let Some(rate) = bounds.next(search.from) {
        let report = measure(target, search, rate).await?;
        bounds.note(rate, keeps_up(&report, search.p99_ms));
        runs.push(report);
    }
    let best = runs.iter().find(|r| r.rate == bounds.kept);
    let peak_tps = best.map_or(0.0, |r| r.tps);
    let at_half = if bounds.kept >= 2 { Some(measure(target, search, bounds.kept / 2).await?) } else { None };
    Ok(Sweep { peak_rate: bounds.kept, peak_tps, at_half, runs })
}

async fn measure(target: &Target, search: Search, rate: u32) -> anyhow::Result<Report> {
    load::settle(target, search.drain).await?;
    eprintln!("sweep: {rate} transactions a second for {} s", search.duration.as_secs_f64());
    let schedule = Schedule::new(rate, search.duration)?;
    let options = Options { schedule, connections: search.connections, drain: search.drain };
    let report = load::run(target, options).await?;
    eprintln!("sweep: {} finalized a second, p99 {} ms", report.tps, report.latency.p99_ms);
    Ok(report)
}

/// Everything became final, and in time. Latency counts from the due time, so a backlog that grows shows in it.
fn keeps_up(report: &Report, p99_ms: f64) -> bool {
    report.complete() && report.latency.p99_ms <= p99_ms
}

/// Between a rate that was kept up with and one that was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bounds {
    kept: u32,
    failed: Option<u32>,
    narrowed: u32,
}

impl Bounds {
    /// The rate to try next; `None` when the peak is known well enough.
    fn next(&self, from: u32) -> Option<u32> {
        match self.failed {
            None if self.kept == 0 => Some(from.max(1)),
            None => self.kept.checked_mul(2),
            Some(failed) => {
                let middle = self.kept + (failed - self.kept) / 2;
                (middle > self.kept && self.narrowed < NARROWING).then_some(middle)
            }
        }
    }

    fn note(&mut self, rate: u32, kept_up: bool) {
        self.narrowed += u32::from(self.failed.is_some());
        if kept_up {
            self.kept = rate;
        } else {
            self.failed = Some(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(capacity: u32, from: u32) -> (u32, Vec<u32>) {
        let mut bounds = Bounds::default();
        let mut tried = Vec::new();
        while let Some(rate) = bounds.next(from) {
            tried.push(rate);
            bounds.note(rate, rate <= capacity);
        }
        (bounds.kept, tried)
    }

    #[test]
    fn the_peak_is_found_from_below_and_from_above() {
        assert_eq!(search(3000, 500).1, [500, 1000, 2000, 4000, 3000, 3500, 3250, 3125]);
        assert_eq!(search(3000, 500).0, 3000);
        let (kept, tried) = search(300, 5000);
        assert!(kept <= 300 && tried.len() <= 6, "{tried:?}");
        assert_eq!(search(0, 4).0, 0);
    }
}
