//! Latencies and their percentiles.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// Longest latency that is told apart; anything longer counts as this much.
const LONGEST_US: u64 = 3_600_000_000;

/// Collects latencies with a precision of three digits.
#[derive(Clone, Debug)]
pub struct Recorder(Histogram<u64>);

impl Default for Recorder {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("constant bounds are valid"))
    }
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Number of latencies.
    pub count: u64,
    /// Arithmetic mean.
    pub mean_ms: f64,
    /// Half are at most this.
    pub p50_ms: f64,
    /// Nine of ten are at most this.
    pub p90_ms: f64,
    /// Ninety-nine of a hundred are at most this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Recorder {
    /// Adds a latency.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Percentiles of everything recorded; zeros where nothing was.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let at = |quantile: f64| millis(self.0.value_at_quantile(quantile));
        Summary {
            count: self.0.len(),
            mean_ms: (self.0.mean()).round() / 1000.0,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: millis(self.0.max()),
        }
    }
}

#[allow(clippy::cast_precision_loss)] // at most an hour in microseconds
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= b * 0.002
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut recorder = Recorder::default();
        // 1 to 1000 ms, in an order that is not sorted.
        (0..1000u64).for_each(|i| recorder.record(Duration::from_millis(i * 7 % 1000 + 1)));
        let summary = recorder.summary();
        assert_eq!(summary.count, 1000);
        assert!(close(summary.p50_ms, 500.0) && close(summary.p90_ms, 900.0), "{summary:?}");
        assert!(close(summary.p99_ms, 990.0) && close(summary.max_ms, 1000.0), "{summary:?}");
        assert!(close(summary.mean_ms, 500.5), "{summary:?}");
    }

    #[test]
    fn one_stall_shows_in_the_maximum_and_not_in_the_median() {
        let mut recorder = Recorder::default();
        (0..999).for_each(|_| recorder.record(Duration::from_millis(2)));
        recorder.record(Duration::from_secs(9));
        let summary = recorder.summary();
        assert!(close(summary.p50_ms, 2.0) && close(summary.p99_ms, 2.0) && close(summary.max_ms, 9000.0));
    }

    #[test]
    fn nothing_recorded_gives_zeros_and_days_do_not_overflow() {
        assert_eq!(Recorder::default().summary(), Summary::default());
        let mut recorder = Recorder::default();
        recorder.record(Duration::from_secs(1_000_000));
        assert!(recorder.summary().max_ms >= 3_599_000.0);
    }
}
