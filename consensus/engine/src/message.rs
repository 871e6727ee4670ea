//! What validators say to each other.

use crate::Leader;
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::vote::Vote;
use hnchain_types::wire::{self, WireError};
use hnchain_types::{BlockHash, View};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A block put forward by the leader of its view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The block, with the nullifications of the views it skips.
    #[serde(with = "block_bytes")]
    pub block: Arc<Block>,
    /// The leader's notarize vote: its signature on the block.
    pub vote: Vote,
    /// Notarization (or finalization) of the parent; absent where the parent is the genesis or an earlier epoch's last
    /// block.
    pub parent: Option<Certificate>,
}

impl Proposal {
    /// Whether block, vote and parent certificate speak of each other and the vote is the leader's.
    /// Signatures are not checked.
    #[must_use]
    pub fn coherent(&self, validators: &ValidatorSet) -> bool {
        let header = &self.block.header;
        let parent_named = self.parent.as_ref().is_none_or(|p| {
            p.statement.block() == Some(header.parent) && p.view == header.parent_view && p.epoch <= header.epoch
        });
        self.vote.statement == (Statement::Notarize { block: header.hash() })
            && self.vote.view == header.view
            && self.vote.epoch == header.epoch
            && self.vote.signer == Leader::of(header.view, validators)
            && header.validators == validators.hash()
            && parent_named
    }
}

/// What a validator asks a peer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// The body of an un-finalized block.
    Body(BlockHash),
    /// Certificates of the views in `[from, before)`, which the sender jumped over.
    Certificates {
        /// First view.
        from: View,
        /// First view that is not wanted.
        before: View,
    },
}

/// Everything that travels between validators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// From a leader to all.
    Proposal(Box<Proposal>),
    /// To all.
    Vote(Vote),
    /// To a peer that is behind, or to all after a timeout.
    Certificate(Certificate),
    /// To one peer.
    Want(Want),
    /// The answer to [`Want::Body`].
    Body(#[serde(with = "block_bytes")] Arc<Block>),
}

impl Message {
    /// Encodes the message for the wire.
    ///
    /// # Errors
    /// Messages beyond [`wire::WIRE_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        wire::encode("consensus message", self)
    }

    /// Reads a message from the wire.
    ///
    /// # Errors
    /// Anything but one whole, well-formed message.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("consensus message", bytes)
    }
}

/// Blocks travel and rest as the bytes of their public encoding.
pub(crate) mod block_bytes {
    use hnchain_types::block::Block;
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;
    use std::sync::Arc;

    pub(crate) fn serialize<S: Serializer>(block: &Arc<Block>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&block.encode())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Block>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Arc<Block>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an encoded block")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Arc<Block>, E> {
                Block::decode(bytes).map(Arc::new).map_err(E::custom)
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
