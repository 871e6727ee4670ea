//! Running many seeds, and saying what failed so that anybody can replay it.

use crate::checks::Label;
use crate::cluster::{Outcome, simulate};
use crate::minimize::minimize;
use crate::options::Options;
use crate::trace::Violation;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was simulated.
    pub options: Options,
    /// Which rule did not hold.
    pub violation: Violation,
    /// The smallest options that were found to fail in the same way.
    pub minimal: Options,
    /// The end of the minimal run's trace.
    pub transcript: Vec<String>,
}

/// Sums over all seeds that were run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds.
    pub seeds: u64,
    /// Views that had a certificate.
    pub views: u64,
    /// Blocks.
    pub blocks: u64,
    /// Epochs beyond the first.
    pub changes: u64,
    /// Acknowledged transactions.
    pub acknowledged: u64,
    /// Events.
    pub events: u64,
    /// Virtual time, milliseconds.
    pub lasted_ms: u64,
    /// Time to the first new block after the faults, in Δ, of each seed.
    pub first: Vec<u64>,
    /// Time to one height on all correct nodes, in Δ, of each seed.
    pub healed: Vec<u64>,
    /// Time of a new transaction, in Δ, of each seed.
    pub fresh: Vec<u64>,
    /// How often each label was looked at.
    pub marks: BTreeMap<Label, u64>,
    /// What failed.
    pub failures: Vec<Failure>,
}

impl Summary {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.views += outcome.views;
        self.blocks += outcome.height;
        self.changes += outcome.epochs.saturating_sub(1);
        self.acknowledged += outcome.acknowledged as u64;
        self.events += outcome.events;
        self.lasted_ms += outcome.lasted_ms;
        if outcome.violation.is_none() {
            self.first.push(outcome.first_deltas);
            self.healed.push(outcome.healed_deltas);
            self.fresh.push(outcome.fresh_deltas);
        }
        for (label, count) in &outcome.marks {
            *self.marks.entry(*label).or_default() += count;
        }
    }

    /// Labels that no seed looked at.
    #[must_use]
    pub fn unmarked(&self) -> Vec<Label> {
        Label::ALL.iter().filter(|l| self.marks.get(l).copied().unwrap_or(0) == 0).copied().collect()
    }
}

/// The `share`th thousandth of some numbers.
#[must_use]
pub fn quantile(numbers: &[u64], share: usize) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get((sorted.len() * share / 1_000).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// One simulation; a panic in it is a violation of its own.
#[must_use]
pub fn attempt(options: &Options, trace: bool, print: bool) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| simulate(options, trace, print))) {
        Ok(outcome) => outcome,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Outcome::panicked(text.unwrap_or("a panic"))
        }
    }
}

/// What happens to every seed besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// Threads; 0: as many as there are processors.
    pub threads: usize,
    /// Every so many seeds one is run twice (I13); 0: none.
    pub twice_every: u64,
    /// Stop after so many failures; 0: never.
    pub stop_after: u64,
    /// Whether a failing seed is made smaller.
    pub minimize: bool,
}

/// Runs seeds in parallel. `progress` hears how many are done.
pub fn run(seeds: &[Options], plan: Plan, progress: impl Fn(u64, &Summary) + Sync) -> Summary {
    let threads = match plan.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(options) = usize::try_from(at).ok().and_then(|at| seeds.get(at)) else { break };
                    let (outcome, failure) = one(options, plan, at);
                    let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
                    summary.add(&outcome);
                    summary.failures.extend(failure);
                    if plan.stop_after > 0 && summary.failures.len() as u64 >= plan.stop_after {
                        stop.store(true, Ordering::Relaxed);
                    }
                    progress(summary.seeds, &summary);
                }
            });
        }
    });
    summary.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one(options: &Options, plan: Plan, at: u64) -> (Outcome, Option<Failure>) {
    let mut outcome = attempt(options, false, false);
    if outcome.violation.is_none() && plan.twice_every > 0 && at.is_multiple_of(plan.twice_every) {
        let again = attempt(options, false, false);
        if let Some((_, mark)) = outcome.marks.iter_mut().find(|(l, _)| *l == Label::I13) {
            *mark += 1;
        }
        if again.hash != outcome.hash || again.events != outcome.events {
            let what = format!("two runs of one seed differ: {:?} and {:?}", outcome.hash, again.hash);
            outcome.violation = Some(Violation { label: Label::I13, what });
        }
    }
    let failure = outcome.violation.clone().map(|violation| {
        let minimal = if plan.minimize { minimize(options, violation.label) } else { options.clone() };
        let transcript = attempt(&minimal, true, false).transcript;
        Failure { options: options.clone(), violation, minimal, transcript }
    });
    (outcome, failure)
}
