//! Making a failing simulation smaller: faults that are not needed go, and rounds are halved.

use crate::checks::Label;
use crate::options::Options;
use crate::run::attempt;

/// Simulations that are tried at most.
const TRIES: usize = 80;

/// The smallest options found that fail by the same label.
pub(crate) fn minimize(options: &Options, label: Label) -> Options {
    let mut tries = TRIES;
    let mut fails = |o: &Options| {
        tries = tries.saturating_sub(1);
        tries > 0 && attempt(o, false, false).violation.is_some_and(|v| v.label == label)
    };
    let mut best = options.clone();
    for name in ["rounds", "views", "nodes", "clients"] {
        while let Some(value) = best.get(name).filter(|v| *v > 1) {
            let mut smaller = best.clone();
            smaller.set(name, value / 2);
            if smaller.adversaries() > smaller.faults() || !fails(&smaller) {
                break;
            }
            best = smaller;
        }
    }
    let calm = Options::calm(options.seed);
    for name in best.differing() {
        if ["nodes", "rounds", "views", "clients"].contains(&name) {
            continue;
        }
        let mut smaller = best.clone();
        smaller.set(name, calm.get(name).unwrap_or(0));
        if fails(&smaller) {
            best = smaller;
        }
    }
    best
}
