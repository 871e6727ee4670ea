//! What a validator must find again after a crash.

use crate::Vote;
use crate::message::block_bytes;
use hnchain_crypto::PublicKey;
use hnchain_types::block::Block;
use hnchain_types::certificate::Certificate;
use hnchain_types::wire::{self, WireError};
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, View};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A view of an epoch. Views go on from an epoch's last block, so the views that its void descendants used come again in
/// the next epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The epoch.
    pub epoch: Epoch,
    /// The view.
    pub view: View,
}

impl Position {
    /// The last position of an epoch.
    #[must_use]
    pub const fn end_of(epoch: Epoch) -> Self {
        Self { epoch, view: View(u64::MAX) }
    }
}

/// One entry of the vote journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A vote of this validator, durable before it is sent.
    Vote(Vote),
    /// The block that a following vote names. It is kept whole: a notarized block whose every holder lost power would
    /// otherwise be gone, and with it the only parent on which the chain may go on.
    Block(#[serde(with = "block_bytes")] Arc<Block>),
    /// The certificate by which a view was entered.
    Entered(Certificate),
    /// Votes up to this view were cut off the journal, because a block of it was durable. Should that block be lost with
    /// the store, this validator must not vote there again.
    Cut(Position),
    /// Whose votes these are: the first record of a journal.
    Owner {
        /// The chain.
        genesis: GenesisDigest,
        /// The validator.
        validator: PublicKey,
    },
}

impl Record {
    /// What the record is about. Once a block of this position or a later one is durable, the record is not needed.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Vote(vote) => Position { epoch: vote.epoch, view: vote.view },
            Self::Block(block) => Position { epoch: block.header.epoch, view: block.header.view },
            Self::Entered(certificate) => Position { epoch: certificate.epoch, view: certificate.view },
            Self::Cut(position) => *position,
            Self::Owner { .. } => Position::default(),
        }
    }

    /// Encodes the record for the journal.
    ///
    /// # Errors
    /// Records beyond [`wire::WIRE_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        wire::encode("journal record", self)
    }

    /// Reads a record from the journal.
    ///
    /// # Errors
    /// Anything but one whole, well-formed record.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("journal record", bytes)
    }
}

/// The newest finalized block that is durable: where the engine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Epoch of the block; where the block is its epoch's last, the machine is in the next one.
    pub epoch: Epoch,
    /// Its height; 0 is the genesis.
    pub height: Height,
    /// Its view; 0 for the genesis.
    pub view: View,
    /// Its hash.
    pub block: BlockHash,
    /// Its time, milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// What was found at start: the durable tip, its finalization, and the journal.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The durable tip.
    pub root: Root,
    /// Its finalization, or that of a void descendant; absent at the genesis.
    pub finalization: Option<Certificate>,
    /// Journal records in the order in which they were written.
    pub records: Vec<Record>,
}
