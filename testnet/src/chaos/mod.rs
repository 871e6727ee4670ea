//! Networks of real nodes under load and faults, with a check of everything that clients saw.
//!
//! A run is a [`Session`]: it makes a network ([`Field`]), starts clients ([`crate::history::Clients`]), causes one
//! [`Perturbation`] after the other, measures after each how long the chain needs until its next block, and in the end
//! compares what clients were told with what every node has. [`run`] follows a schedule that a seed decides,
//! [`kill_rounds`] kills nodes as often as asked, [`soak`] goes on for hours and watches memory.
//!
//! The seed decides which faults come when, on whom and for how long; threads and packets have their own mind.

mod field;
mod healing;
mod memory;
mod report;
mod schedule;
mod session;

pub use field::{Field, Wiring};
pub use healing::Healing;
pub use memory::{Growth, Memory};
pub use report::{Line, Quantiles, Report};
pub use schedule::{Fault, Kind, Perturbation, schedule};
pub use session::Session;

use crate::{Dice, Error};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Kinds that leave processes alone, so that their memory can be watched.
pub const LASTING: [Kind; 5] = [Kind::Pause, Kind::Partition, Kind::Delay, Kind::Loss, Kind::Width];
/// Records that become final between two kills.
const BETWEEN_KILLS: usize = 5;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes.
    pub nodes: usize,
    /// Decides the schedule and what clients ask for.
    pub seed: u64,
    /// Kinds of faults; those that this machine cannot cause are left out and reported.
    pub kinds: Vec<Kind>,
    /// Calls of clients a second.
    pub rate: u32,
    /// How nodes are connected.
    pub wiring: Wiring,
    /// New or empty directory.
    pub directory: PathBuf,
}

/// Follows the schedule of the seed for `time`. `tell` gets a line for each thing that happens.
///
/// # Errors
/// The network cannot be made, a node does not come back, or the nodes do not come together. What clients saw wrongly is
/// no error but in the report.
pub async fn run(options: &Options, time: Duration, tell: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    let mut session = Session::begin(options, tell).await?;
    let kinds = session.kinds().to_vec();
    for perturbation in schedule(options.seed, options.nodes, &kinds, time) {
        session.perturb(&perturbation, tell).await?;
    }
    session.finish(tell).await
}

/// Kills one, f or all nodes with -9 under load, `rounds` times.
///
/// # Errors
/// As [`run`].
pub async fn kill_rounds(options: &Options, rounds: u32, tell: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    let options = Options { kinds: vec![Kind::Kill], ..options.clone() };
    let mut session = Session::begin(&options, tell).await?;
    let mut dice = Dice::new(options.seed);
    let f = (options.nodes.saturating_sub(1) / 3).max(1);
    for _ in 0..rounds {
        session.more(BETWEEN_KILLS, PATIENCE).await?;
        // Every second round nobody survives.
        let count = [options.nodes, 1, options.nodes, f][dice.index(4)];
        let perturbation = Perturbation {
            calm: Duration::from_millis(dice.between(0, 700)),
            fault: Fault::Crash { nodes: dice.some(count, options.nodes) },
            length: Duration::from_millis(dice.between(0, 400)),
        };
        session.perturb(&perturbation, tell).await?;
    }
    session.finish(tell).await
}

/// One perturbation of the schedule every `period` for `time`, while the memory of every node is sampled.
///
/// # Errors
/// As [`run`].
pub async fn soak(
    options: &Options,
    time: Duration,
    period: Duration,
    tell: &mut dyn FnMut(&str),
) -> Result<Report, Error> {
    let mut session = Session::begin(options, tell).await?;
    let kinds = session.kinds().to_vec();
    let end = Instant::now() + time;
    // Each entry of a schedule takes at least a second and a half of its time, so these are enough.
    let mut list = schedule(options.seed, options.nodes, &kinds, time).into_iter().cycle();
    while Instant::now() < end {
        let Some(perturbation) = list.next() else {
            // No fault can be caused here: load alone.
            tokio::time::sleep_until(end.into()).await;
            break;
        };
        let next = Instant::now() + period;
        let calm = period.saturating_sub(perturbation.length).mul_f64(0.7);
        session.perturb(&Perturbation { calm, ..perturbation }, tell).await?;
        tokio::time::sleep_until(next.min(end).into()).await;
    }
    session.finish(tell).await
}
