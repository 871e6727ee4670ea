//! The bug bank's bugs of liveness, restarts, epochs and memory: the cluster simulator finds each within a bounded number
//! of seeds.
#![allow(clippy::expect_used)]

use hnchain_consensus::bug::{Bug, plant};
use hnchain_simulator::Options;
use hnchain_simulator::run::attempt;

/// Seeds that are tried for a bug.
const SEEDS: u64 = 400;

/// The first seed that finds a bug, and the rule that broke.
fn found(bug: Bug, shape: impl Fn(&mut Options)) -> Option<String> {
    plant(Some(bug));
    let found = (0..SEEDS).find_map(|seed| {
        let mut options = Options::draw(seed);
        options.real = 0;
        options.views = options.views.min(100);
        shape(&mut options);
        attempt(&options, false, false).violation.map(|violation| format!("{violation} ({options})"))
    });
    plant(None);
    found
}

#[test]
fn explore() {
    for bug in Bug::ALL {
        let begin = std::time::Instant::now();
        let found = found(*bug, |_| {});
        println!("{bug:?} {:?}: {:.150}", begin.elapsed(), found.unwrap_or_else(|| "NOT FOUND".into()));
    }
}
