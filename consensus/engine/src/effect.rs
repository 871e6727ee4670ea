//! What goes into the machine and what comes out.

use crate::{Evidence, Message, Position, Record, Root};
use hnchain_types::block::{Block, Header};
use hnchain_types::certificate::Certificate;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, Height, ResultHash, ValidatorIndex, View};
use std::sync::Arc;

/// Something that happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// First input after [`crate::Machine::new`].
    Start,
    /// A peer, whose identity the transport has proven, sent a message.
    Message {
        /// The peer, where it is a validator.
        from: Option<ValidatorIndex>,
        /// What it sent.
        message: Message,
    },
    /// A timer that was armed has run out.
    Timer(Timer),
    /// Whether there are transactions that no un-finalized block holds.
    Work(bool),
    /// The answer to [`Effect::Propose`].
    Proposed {
        /// The view that was asked about.
        view: View,
        /// The proposer's clock, milliseconds since the Unix epoch.
        time_ms: u64,
        /// Encoded transactions, valid and within the limits.
        transactions: Vec<Vec<u8>>,
    },
    /// The answer to [`Effect::Validate`].
    Validated {
        /// Which block.
        block: BlockHash,
        /// Whether transactions, limits and time are as the rules demand.
        valid: bool,
    },
    /// The answer to [`Effect::Execute`].
    Executed {
        /// Which block.
        block: BlockHash,
        /// What it gave.
        result: ResultHash,
        /// The validators of the next epoch, if and only if this block is the last of its own.
        next: Option<Arc<ValidatorSet>>,
    },
    /// Finalized blocks were fetched, executed and stored outside of consensus.
    Synced {
        /// The new tip.
        root: Root,
        /// Its finalization, or that of a void descendant.
        finalization: Certificate,
        /// The epoch after it.
        epoch: Epoch,
        /// Validators of that epoch.
        validators: Arc<ValidatorSet>,
    },
    /// This validator's journal is new while its chain is not: it may have voted in views up to this one and forgotten.
    Forgotten {
        /// The last position at which it must not sign; its epoch may be one that this machine has yet to reach.
        until: Position,
    },
}

/// Timers. Arming one again replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The leader of this view is late.
    Leader(Position),
    /// This view is late.
    View(Position),
    /// A notarized block waits for its finalization though there is nothing more to order.
    Idle(Position),
    /// Time to say again what others may have missed.
    Resend,
    /// Time for a block that certifies the clock.
    Heartbeat,
}

impl Timer {
    /// Which of the five clocks it is: a newer view's timer replaces an older one's.
    #[must_use]
    pub const fn slot(self) -> usize {
        match self {
            Self::Leader(_) => 0,
            Self::View(_) => 1,
            Self::Idle(_) => 2,
            Self::Resend => 3,
            Self::Heartbeat => 4,
        }
    }

    /// Number of slots.
    pub const SLOTS: usize = 5;
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Every other validator.
    All,
    /// One.
    One(ValidatorIndex),
}

/// What the driver must do. Effects of one step, and of the steps before it, are in order: every [`Effect::Persist`]
/// must be durable before a later [`Effect::Send`] leaves. The driver may gather the effects of several steps, write
/// all records, sync once, and then send.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Append to the journal and make durable before any later send.
    Persist(Record),
    /// Send a message.
    Send {
        /// To whom.
        to: To,
        /// What.
        message: Message,
    },
    /// Start a timer.
    Arm {
        /// Which.
        timer: Timer,
        /// After how many milliseconds it runs out.
        after_ms: u64,
    },
    /// Put a payload together; answer with [`Input::Proposed`].
    Propose {
        /// For this view.
        view: View,
        /// The parent's time; the block's is made later than it.
        parent_time_ms: u64,
        /// Un-finalized ancestors, newest first: their transactions are taken.
        ancestors: Vec<BlockHash>,
        /// No transactions: execution is behind.
        empty: bool,
    },
    /// Check transactions, limits and time of a block; answer with [`Input::Validated`].
    Validate(Arc<Block>),
    /// Execute a block after its parent; answer with [`Input::Executed`].
    Execute(Arc<Block>),
    /// A block and its ancestors are final. Store them; acknowledge to clients after that.
    Finalized {
        /// The block.
        block: BlockHash,
        /// Its height.
        height: Height,
        /// Its finalization, or that of the last of `closing`.
        certificate: Certificate,
        /// Where the block is its epoch's last and a void descendant was finalized: headers from the block's child up to
        /// that descendant. Empty otherwise.
        closing: Vec<Header>,
    },
    /// Another epoch begins with other validators: indices in later inputs and effects are of this set.
    Epoch {
        /// The epoch.
        epoch: Epoch,
        /// Its validators.
        validators: Arc<ValidatorSet>,
    },
    /// A finalization, or a later epoch, whose blocks are not at hand: fetch finalized blocks from peers; answer with
    /// [`Input::Synced`].
    Behind {
        /// The view, of this epoch or a later one, that peers have reached.
        view: View,
    },
    /// Something that an operator wants to know.
    Report(Report),
    /// This node computed another result than a quorum: stop, never serve from this state.
    Halt(Divergence),
}

/// Noteworthy events.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A view was entered.
    Entered(View),
    /// This validator gave up a view.
    Nullified {
        /// The view.
        view: View,
        /// Its leader.
        leader: ValidatorIndex,
        /// Why.
        reason: NullifyReason,
    },
    /// A validator signed two contradictory statements.
    Equivocation(Box<Evidence>),
    /// More than f validators lie: two certificates contradict each other.
    Fork(Box<(Certificate, Certificate)>),
    /// A peer sent something that no correct peer sends.
    Misbehaviour {
        /// The peer.
        from: Option<ValidatorIndex>,
        /// What was wrong.
        what: &'static str,
    },
}

/// Why a view was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullifyReason {
    /// No proposal came.
    LeaderLate,
    /// No notarization came.
    ViewLate,
    /// The proposal breaks a rule.
    Invalid,
    /// The leader gave up its own view.
    LeaderGaveUp,
    /// The leader has been silent since it missed its last view.
    LeaderSilent,
}

/// Own result against the certified one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block {block} at height {height}: this node computed {own}, a quorum certified {certified}")]
pub struct Divergence {
    /// The block.
    pub block: BlockHash,
    /// Its height.
    pub height: Height,
    /// What this node computed.
    pub own: ResultHash,
    /// What the quorum certified.
    pub certified: ResultHash,
}
