//! What happened: a hash of everything, and, where asked for, lines for people.

use crate::checks::Label;

/// Lines that are kept for a transcript.
const KEPT: usize = 400;

/// FNV-1a over the events of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHash(pub u64);

impl Default for TraceHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl TraceHash {
    /// Takes in a number.
    pub const fn add(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }

    /// Takes in bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
        self.add(bytes.len() as u64);
    }
}

/// The hash, and the newest lines.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) hash: TraceHash,
    /// Whether lines are wanted.
    pub(crate) on: bool,
    /// Whether they are also printed at once.
    pub(crate) print: bool,
    lines: std::collections::VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(on: bool, print: bool) -> Self {
        Self { on, print, ..Self::default() }
    }

    /// Adds a line at a time in microseconds.
    pub(crate) fn line(&mut self, now: u64, text: &str) {
        let line = format!("{:>6}.{:03} {text}", now / 1_000, now % 1_000);
        if self.print {
            println!("{line}");
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The newest lines.
    pub(crate) fn tail(&self, lines: usize) -> Vec<String> {
        self.lines.iter().skip(self.lines.len().saturating_sub(lines)).cloned().collect()
    }
}

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub label: Label,
    /// What was seen.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.label, self.what)
    }
}

/// Adds a line if lines are wanted; formats nothing otherwise.
macro_rules! note {
    ($env:expr, $($text:tt)*) => {
        if $env.trace.on {
            let (now, text) = ($env.now, format!($($text)*));
            $env.trace.line(now, &text);
        }
    };
}
pub(crate) use note;
