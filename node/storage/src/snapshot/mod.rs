//! Snapshots: a store at its tip as one file, from which a new node begins without the blocks before.
//!
//! # File
//! 8 bytes `format::MAGIC`, then frames: kind 1 ‖ length 4, big-endian ‖ body ‖ check 32. A check is
//! SM3(check before ‖ kind ‖ length ‖ body), the first one after SM3 of the magic: so the last one is a digest of the
//! whole file, by which two operators can compare theirs.
//!
//! | section | frames | body |
//! |---|---|---|
//! | manifest | 1 | bincode of [`Manifest`] |
//! | steps | one for each change of validators | encoded `EpochStep` |
//! | blocks | one for each, from the tip downwards | encoded `FinalizedBlock` |
//! | lasting | some | bincode list: end of validity, transaction id, height, index; ascending |
//! | rows | some | bincode list: key, row; ascending |
//! | end | 1 | empty |
//!
//! The blocks reach back one longest validity of a transaction before the tip, so that the new node refuses the same
//! replays as every other; *lasting* are the transactions from before them that could still be replayed.
//!
//! # What an import trusts
//! The genesis file only. From it, the steps lead to the validators that certified the tip; the tip's result has the root
//! to which the rows must grow again; the hashes of parents lead from the tip to every other block, and the row
//! `block/<height>` names the result of each, which has the root of its receipts. Certificates of blocks are verified.
//! An operator may also name a block, as `HEIGHT:BLOCKHASH`, that must be of this chain: validators who left long ago may
//! have lost their keys since, and this is what tells a history that they forged from the true one.
//!
//! Not proven is only the list of lasting transactions. A false one cannot make the node certify or show anything false;
//! it can make it refuse a transaction that others accept, and a node whose result differs from a certified one stops.

mod export;
pub(crate) mod format;
mod import;
mod planting;
mod refusal;
mod show;

pub use export::export;
pub use import::import;
pub use refusal::{Reason, SnapshotError};
pub use show::show;

use crate::Tip;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, StateRoot, TxId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a snapshot says of itself. An import holds all of it against the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which chain.
    pub genesis: GenesisDigest,
    /// Height of the tip.
    pub height: Height,
    /// The tip.
    pub block: BlockHash,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: StateRoot,
    /// Height of the first block that is enclosed.
    pub first_height: Height,
    /// Changes of validators.
    pub steps: u64,
    /// Transactions from before the first block that could still be replayed.
    pub lasting: u64,
    /// Rows of the state.
    pub rows: u64,
}

impl Manifest {
    fn of(genesis: GenesisDigest, tip: &Tip) -> Self {
        Self {
            genesis,
            height: tip.height,
            block: tip.block,
            epoch: tip.epoch,
            time_ms: tip.time_ms,
            state_root: tip.state_root,
            first_height: tip.height,
            steps: 0,
            lasting: 0,
            rows: 0,
        }
    }

    /// Blocks, lasting transactions and rows: how far an export or import has come is told in these.
    #[must_use]
    pub const fn items(&self) -> u64 {
        let blocks = self.height.0.saturating_sub(self.first_height.0).saturating_add(1);
        blocks.saturating_add(self.lasting).saturating_add(self.rows)
    }
}

/// A snapshot that was written or taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What is in it.
    pub manifest: Manifest,
    /// Digest of the whole file.
    pub digest: hnchain_crypto::Digest,
}

/// Is told how many of the [`Manifest::items`] are done, and of how many.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// A block that an operator knows to be of the chain, written `HEIGHT:BLOCKHASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub block: BlockHash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.height, self.block)
    }
}

/// A text that is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a checkpoint is written HEIGHT:BLOCKHASH, with 64 hexadecimal digits; 检查点写作 高度:区块哈希，哈希为 64 位十六进制数"
)]
pub struct NoCheckpoint;

impl FromStr for Checkpoint {
    type Err = NoCheckpoint;

    fn from_str(s: &str) -> Result<Self, NoCheckpoint> {
        let (height, block) = s.split_once(':').ok_or(NoCheckpoint)?;
        let height = height.parse().ok().filter(|h| *h > 0).map(Height).ok_or(NoCheckpoint)?;
        Ok(Self { height, block: block.parse().map_err(|_| NoCheckpoint)? })
    }
}

/// One entry of the section of lasting transactions: end of validity, id, and the place of the first inclusion.
type Lasting = (u64, TxId, Height, u32);
