//! How patient a client is.

use std::time::Duration;

/// Bounds on time and attempts. The defaults suit a network within one province.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long connecting to one node may take.
    pub connect: Duration,
    /// How long one node may take to answer one request.
    pub attempt: Duration,
    /// How long one call of the client may take over all its attempts. Waiting for finality has its own timeout.
    pub deadline: Duration,
    /// How many times the whole list of nodes is tried.
    pub rounds: u32,
    /// Pause after the first round that failed; doubles with each round, half of it is random.
    pub backoff: Duration,
    /// Longest pause.
    pub backoff_max: Duration,
    /// How long a transaction may stay pending at one node before it is handed to the next one as well.
    pub patience: Duration,
    /// A subscription that hears nothing for this long moves to the next node. Longer than the chain's heartbeat.
    pub idle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
            rounds: 4,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
            patience: Duration::from_secs(5),
            idle: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// Pause after failed round `round` (from 0): exponential, capped, the upper half random so that clients that lost
    /// the same node do not return in step.
    pub(crate) fn pause(&self, round: u32) -> Duration {
        let full = self.backoff.saturating_mul(1 << round.min(16)).min(self.backoff_max);
        let mut random = [0u8; 4];
        // Without entropy the pause is merely not spread out.
        let fraction = match getrandom::fill(&mut random) {
            Ok(()) => f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX),
            Err(_) => 1.0,
        };
        full / 2 + (full / 2).mul_f64(fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_grows_is_capped_and_at_least_half() {
        let o =
            Options { backoff: Duration::from_millis(100), backoff_max: Duration::from_secs(1), ..Options::default() };
        for (round, full) in [(0, 100), (1, 200), (3, 800), (4, 1000), (40, 1000)] {
            let p = o.pause(round);
            assert!(p >= Duration::from_millis(full / 2) && p <= Duration::from_millis(full), "{round}: {p:?}");
        }
    }
}
