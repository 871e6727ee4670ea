//! Making a finding small.

use crate::{Failure, Target, examine};

/// Drops parts and zeroes bytes for as long as the same fault shows.
#[must_use]
pub fn minimize(target: &Target, input: &[u8], failure: &Failure) -> Vec<u8> {
    let same = |candidate: &[u8]| examine(target, candidate).is_err_and(|f| f.is_like(failure));
    let mut best = input.to_vec();
    loop {
        let before = best.clone();
        let mut size = best.len().next_power_of_two();
        while size > 0 {
            let mut at = 0;
            while at < best.len() {
                let end = (at + size).min(best.len());
                let candidate = [&best[..at], &best[end..]].concat();
                if same(&candidate) { best = candidate } else { at += size }
            }
            size /= 2;
        }
        for at in 0..best.len() {
            let mut candidate = best.clone();
            candidate[at] = 0;
            if candidate != best && same(&candidate) {
                best = candidate;
            }
        }
        if best == before {
            return best;
        }
    }
}
