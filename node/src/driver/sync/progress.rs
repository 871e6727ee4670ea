//! How far catching up is, for people and metrics.

use hnchain_types::Height;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The rate is that of this last span.
const SPAN: Duration = Duration::from_secs(10);
/// Pause between two lines in the log.
const LINE: Duration = Duration::from_secs(5);

/// One time of catching up.
#[derive(Debug)]
pub(super) struct Progress {
    begun: (Instant, Height),
    /// Heights and when they were reached, oldest first.
    recent: VecDeque<(Instant, Height)>,
    told: Instant,
}

impl Progress {
    pub(super) fn new(now: Instant, height: Height) -> Self {
        Self { begun: (now, height), recent: VecDeque::from([(now, height)]), told: now }
    }

    /// Notes a height.
    pub(super) fn reached(&mut self, now: Instant, height: Height) {
        if self.recent.back().is_some_and(|(_, last)| *last == height) {
            return;
        }
        self.recent.push_back((now, height));
        while self.recent.len() > 2 && self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > SPAN) {
            self.recent.pop_front();
        }
    }

    /// Blocks a second.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        let (Some((at, from)), Some((_, to))) = (self.recent.front(), self.recent.back()) else { return 0.0 };
        rate(to.0 - from.0, now.duration_since(*at))
    }

    /// Time until this height at the present rate; none while nothing moves.
    pub(super) fn remaining(&self, now: Instant, target: Height) -> Option<Duration> {
        let height = self.recent.back().map_or(self.begun.1, |(_, h)| *h);
        let blocks = u32::try_from(target.0.saturating_sub(height.0)).unwrap_or(u32::MAX);
        let seconds = f64::from(blocks) / self.rate(now);
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Whether it is time for a line in the log.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.told) >= LINE;
        if due {
            self.told = now;
        }
        due
    }

    /// Blocks since the beginning, the time that they took, and their rate.
    pub(super) fn whole(&self, now: Instant) -> (u64, Duration, f64) {
        let height = self.recent.back().map_or(self.begun.1, |(_, h)| *h);
        let (blocks, took) = (height.0 - self.begun.1.0, now.duration_since(self.begun.0));
        (blocks, took, rate(blocks, took))
    }
}

fn rate(blocks: u64, took: Duration) -> f64 {
    let blocks = f64::from(u32::try_from(blocks).unwrap_or(u32::MAX));
    // A moment has no rate.
    if took < Duration::from_millis(1) { 0.0 } else { blocks / took.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_remaining_time_are_those_of_the_last_seconds() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut progress = Progress::new(start, Height(100));
        assert_eq!(progress.remaining(start, Height(500)), None, "nothing moves yet");
        for s in 1..=20 {
            progress.reached(at(s), Height(100 + s)); // slow
        }
        for s in 21..=40 {
            progress.reached(at(s), Height(120 + (s - 20) * 50)); // quick
        }
        assert!((progress.rate(at(40)) - 50.0).abs() < 0.1);
        assert_eq!(progress.remaining(at(40), Height(1_620)), Some(Duration::from_secs(10)));
        assert_eq!(progress.whole(at(40)).0, 1_020);
        assert!(progress.is_due(at(41)) && !progress.is_due(at(42)));
    }
}
