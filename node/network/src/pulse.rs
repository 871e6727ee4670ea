//! How long a link has been quiet, in beats.
//!
//! Beats are counted, not read from a clock: a process that was stopped counts one beat and not the seconds it slept, so
//! it does not take its healthy links for dead when it goes on.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What another beat makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// Heard lately, or known to be suspect.
    Harmless,
    /// Suspect from this beat on: worth a second connection.
    Suspect,
    /// Dead.
    Dead,
}

/// The pulse of one link. Whoever reads from it marks it, one task counts.
#[derive(Debug)]
pub(crate) struct Pulse {
    heard: AtomicBool,
    quiet: AtomicU32,
    suspicion: u32,
    silence: u32,
}

impl Pulse {
    /// Suspect after this long, dead after that long, at least one beat each.
    pub(crate) fn new(beat: Duration, suspicion: Duration, silence: Duration) -> Self {
        let beats = |time: Duration| {
            let beats = time.as_nanos() / beat.as_nanos().max(1);
            u32::try_from(beats).unwrap_or(u32::MAX).max(1)
        };
        Self {
            heard: AtomicBool::new(false),
            quiet: AtomicU32::new(0),
            suspicion: beats(suspicion),
            silence: beats(silence),
        }
    }

    /// Something arrived.
    pub(crate) fn mark(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Nothing arrived for so long that the link may be replaced.
    pub(crate) fn suspect(&self) -> bool {
        !self.heard.load(Ordering::Relaxed) && self.quiet.load(Ordering::Relaxed) >= self.suspicion
    }

    /// A beat has passed.
    pub(crate) fn count(&self) -> Quiet {
        if self.heard.swap(false, Ordering::Relaxed) {
            self.quiet.store(0, Ordering::Relaxed);
            return Quiet::Harmless;
        }
        let quiet = self.quiet.fetch_add(1, Ordering::Relaxed) + 1;
        if quiet >= self.silence {
            Quiet::Dead
        } else if quiet == self.suspicion {
            Quiet::Suspect
        } else {
            Quiet::Harmless
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_quiet_beats_are_suspect_once_and_thirty_two_are_death() {
        let pulse = Pulse::new(Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(8));
        for beat in 1..=32 {
            let expected = match beat {
                4 => Quiet::Suspect,
                32 => Quiet::Dead,
                _ => Quiet::Harmless,
            };
            assert_eq!(pulse.count(), expected, "beat {beat}");
            assert_eq!(pulse.suspect(), beat >= 4, "beat {beat}");
        }
    }

    #[test]
    fn one_sound_clears_the_suspicion_at_once_and_the_count_with_the_next_beat() {
        let pulse = Pulse::new(Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(8));
        assert_eq!([pulse.count(), pulse.count()], [Quiet::Harmless, Quiet::Suspect]);
        assert!(pulse.suspect());
        pulse.mark();
        assert!(!pulse.suspect());
        assert_eq!([pulse.count(), pulse.count(), pulse.count()], [Quiet::Harmless, Quiet::Harmless, Quiet::Suspect]);
    }

    #[test]
    fn a_silence_shorter_than_a_beat_is_one_beat() {
        let pulse = Pulse::new(Duration::from_secs(2), Duration::from_secs(1), Duration::from_millis(500));
        assert_eq!(pulse.count(), Quiet::Dead);
    }
}
