//! When each transaction is due.

use std::time::Duration;

/// Most transactions of one run: their bytes are held in memory.
pub const MOST: u64 = 5_000_000;

/// A fixed rate for a fixed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    rate: u32,
    count: u32,
}

impl Schedule {
    /// `rate` transactions a second for `duration`.
    ///
    /// # Errors
    /// No transaction at all, or more than [`MOST`].
    pub fn new(rate: u32, duration: Duration) -> anyhow::Result<Self> {
        let count = u128::from(rate) * duration.as_millis() / 1000;
        match u32::try_from(count) {
            Ok(count) if count > 0 && u64::from(count) <= MOST => Ok(Self { rate, count }),
            _ => anyhow::bail!("rate × duration is {count}; 1 to {MOST} transactions can be offered in one run"),
        }
    }

    /// Transactions a second.
    #[must_use]
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// Number of transactions.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Time from the start at which transaction `index` is due.
    #[must_use]
    pub fn due(&self, index: u32) -> Duration {
        Duration::from_nanos(u64::from(index) * 1_000_000_000 / u64::from(self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_due_at_equal_distances_and_within_the_duration() {
        for rate in [1, 3, 7, 1000, 12_345] {
            let schedule = Schedule::new(rate, Duration::from_secs(10)).expect("valid");
            assert_eq!(schedule.count(), rate * 10);
            assert_eq!(schedule.due(0), Duration::ZERO);
            assert!(schedule.due(schedule.count() - 1) < Duration::from_secs(10));
            let step = schedule.due(1).as_nanos();
            let steps = (1..schedule.count()).map(|i| (schedule.due(i) - schedule.due(i - 1)).as_nanos());
            assert!(steps.into_iter().all(|s| s.abs_diff(step) <= 1), "rate {rate}");
        }
    }

    #[test]
    fn a_run_has_at_least_one_and_a_bounded_number_of_transactions() {
        assert!(Schedule::new(0, Duration::from_secs(1)).is_err());
        assert!(Schedule::new(1, Duration::from_millis(999)).is_err());
        assert!(Schedule::new(u32::MAX, Duration::from_secs(3600)).is_err());
    }
}
