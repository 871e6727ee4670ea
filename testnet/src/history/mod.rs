//! What concurrent clients saw, and whether a correct chain can have shown it.
//!
//! Clients ([`Clients`]) write versions of shared records, read them and ask for transactions, and note when they asked,
//! when they had the answer, and what it was ([`History`]). At the end the nodes are asked for the whole chain and for
//! every record ([`Outcome`]). [`check`] compares both; each [`Rule`] has a label, and a test per label holds a history
//! that breaks it.
//!
//! Deciding whether a history is linearizable is hard in general because the order of effects is unknown. Here it is
//! known: a write takes effect at its place in the chain, a read at the height that its node names. So it is enough to
//! check that these places explain every answer (L3 to L7) and respect real time (L8).

mod check;
mod clients;
mod outcome;

pub use check::{Rule, Verdict, Violation, check};
pub use clients::{Clients, Load, NAMESPACE};
pub use outcome::{Applied, FinalNode, Outcome};

use hnchain_types::TxId;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One call of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The node that gave the answer; absent where none did.
    pub node: Option<usize>,
    /// When the client called, since the start of the history.
    pub invoked: Duration,
    /// When it had the answer, or gave up.
    pub returned: Duration,
    /// What was asked and answered.
    pub action: Action,
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Handed in a version of a record and waited for finality.
    Write {
        /// The record.
        record: String,
        /// The version.
        version: u64,
        /// The transaction.
        transaction: TxId,
        /// What came back.
        answer: Written,
    },
    /// Read a record.
    Read {
        /// The record.
        record: String,
        /// The client waited until the node was this far: the height of its own last write, or 0.
        since: u64,
        /// Height at which the node read, and what it found. Absent where no answer came.
        answer: Option<(u64, Option<Found>)>,
    },
    /// Asked for a transaction.
    Status {
        /// The transaction.
        transaction: TxId,
        /// Height and acceptance where the node said that it is final; absent for any other answer.
        answer: Option<(u64, bool)>,
    },
}

/// What a client was told of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Final and applied at this height.
    Acknowledged(u64),
    /// Final and refused by the ledger at this height.
    Rejected(u64),
    /// Refused at the door by every node that was asked: it must never appear.
    Refused(String),
    /// Nothing is known.
    Unknown(String),
}

/// A version of a record, and the transaction that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The version.
    pub version: u64,
    /// The transaction.
    pub transaction: TxId,
}

/// Events of all clients, in the order in which they returned.
#[derive(Debug)]
pub struct History {
    start: Instant,
    events: Mutex<Vec<Event>>,
    acknowledged: AtomicUsize,
}

impl Default for History {
    fn default() -> Self {
        Self { start: Instant::now(), events: Mutex::default(), acknowledged: AtomicUsize::new(0) }
    }
}

impl History {
    /// Time since its start, by a clock that never jumps.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Notes a call that returns now.
    pub fn note(&self, node: Option<usize>, invoked: Duration, action: Action) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that times of return ascend.
        let event = Event { node, invoked, returned: self.start.elapsed(), action };
        self.acknowledged.fetch_add(usize::from(event.acknowledged().is_some()), Ordering::Relaxed);
        events.push(event);
    }

    /// Number of acknowledged writes so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// All events so far, in the order of their return.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Event {
    /// Height of an acknowledged write.
    #[must_use]
    pub const fn acknowledged(&self) -> Option<u64> {
        match &self.action {
            Action::Write { answer: Written::Acknowledged(height), .. } => Some(*height),
            _ => None,
        }
    }

    /// A height that this answer proves its node to have had.
    const fn seen(&self) -> Option<u64> {
        match &self.action {
            Action::Write { answer: Written::Acknowledged(height) | Written::Rejected(height), .. }
            | Action::Read { answer: Some((height, _)), .. }
            | Action::Status { answer: Some((height, _)), .. } => Some(*height),
            _ => None,
        }
    }
}
