//! What happened: a hash of everything, and, where asked for, lines for people.

use crate::checks::Label;
use hnchain_consensus::{Effect, Input, Message, Record, Report};
use hnchain_types::BlockHash;
use hnchain_types::certificate::Statement;

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
    /// Whether every step of every machine is a line.
    pub(crate) wordy: bool,
    lines: std::collections::VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(on: bool, print: bool) -> Self {
        Self { on, print, wordy: print, ..Self::default() }
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

/// A hash's first digits.
fn short(hash: &BlockHash) -> String {
    format!("{:.8}", hash.to_string())
}

fn brief_statement(statement: &Statement) -> String {
    match statement {
        Statement::Notarize { block } => format!("notarize {}", short(block)),
        Statement::Nullify => "nullify".to_owned(),
        Statement::Finalize { block, .. } => format!("finalize {}", short(block)),
    }
}

fn brief_message(message: &Message) -> String {
    match message {
        Message::Proposal(p) => {
            let h = &p.block.header;
            format!("proposal {}.{} {} on {} of {}", h.epoch, h.view, short(&h.hash()), short(&h.parent), h.parent_view)
        }
        Message::Vote(v) => format!("vote of {} {}.{} {}", v.signer, v.epoch, v.view, brief_statement(&v.statement)),
        Message::Certificate(c) => format!("certificate {}.{} {}", c.epoch, c.view, brief_statement(&c.statement)),
        Message::Want(want) => format!("{want:?}"),
        Message::Body(b) => format!("body {}.{} {}", b.header.epoch, b.header.view, short(&b.header.hash())),
    }
}

/// What a machine is given, in a line.
pub(crate) fn brief_input(input: &Input) -> String {
    match input {
        Input::Message { from, message } => {
            format!("from {}: {}", from.map_or_else(|| "?".to_owned(), |f| f.to_string()), brief_message(message))
        }
        Input::Proposed { view, transactions, .. } => format!("payload of {view}: {}", transactions.len()),
        Input::Validated { block, valid } => format!("judged {}: {valid}", short(block)),
        Input::Executed { block, next, .. } => format!("executed {}, last: {}", short(block), next.is_some()),
        Input::Synced { root, epoch, .. } => {
            format!("synced to height {} view {}, epoch {epoch}", root.height, root.view)
        }
        Input::Start | Input::Timer(_) | Input::Work(_) | Input::Forgotten { .. } => format!("{input:?}"),
    }
}

/// What a machine asks for, in a line.
pub(crate) fn brief_effect(effect: &Effect) -> String {
    match effect {
        Effect::Persist(Record::Vote(v)) => {
            format!("journal vote {}.{} {}", v.epoch, v.view, brief_statement(&v.statement))
        }
        Effect::Persist(Record::Block(b)) => format!("journal block {}", short(&b.header.hash())),
        Effect::Persist(Record::Entered(c)) => {
            format!("journal entered by {}.{} {}", c.epoch, c.view, brief_statement(&c.statement))
        }
        Effect::Persist(record) => format!("journal {record:?}"),
        Effect::Send { to, message } => format!("to {to:?}: {}", brief_message(message)),
        Effect::Propose { view, ancestors, empty, .. } => {
            format!("propose {view} on {}, empty {empty}", ancestors.len())
        }
        Effect::Validate(b) => format!("validate {}", short(&b.header.hash())),
        Effect::Execute(b) => format!("execute {}", short(&b.header.hash())),
        Effect::Finalized { block, height, .. } => format!("final {} at {height}", short(block)),
        Effect::Epoch { epoch, validators } => format!("epoch {epoch} of {}", validators.len()),
        Effect::Report(Report::Entered(view)) => format!("entered {view}"),
        Effect::Report(report) => format!("{report:.200?}"),
        Effect::Arm { .. } | Effect::Behind { .. } | Effect::Halt(_) => format!("{effect:?}"),
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
