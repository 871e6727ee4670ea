//! What nodes ask each other, and the answers.

use crate::status::Standing;
use hnchain_types::Height;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Bytes of blocks in one answer, unless one block alone is larger.
pub(super) const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Blocks in one answer.
pub(super) const ANSWER_BLOCKS: u64 = 512;

/// A question to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::driver) enum Question {
    /// Where are you?
    Status,
    /// Finalized blocks.
    Blocks {
        /// The first.
        from: Height,
        /// How many at most.
        count: u64,
    },
}

/// Where a peer says it is. Its heights are unverified: only a reason to ask for blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::driver) struct PeerStatus {
    /// Its oldest block; one that began from a snapshot lacks those before.
    pub(in crate::driver) first: Height,
    /// Its newest final block.
    pub(in crate::driver) height: Height,
    /// Where its consensus is; nothing while it does not know itself how far it has come.
    pub(in crate::driver) standing: Option<Standing>,
}

/// A peer's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::driver) enum Answer {
    Status(PeerStatus),
    /// Encoded finalized blocks, oldest first. Empty where there are none.
    Blocks(#[serde(deserialize_with = "few")] Vec<Vec<u8>>),
}

/// Counts while it reads: an answer of empty entries would otherwise take twenty times its bytes.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Vec<u8>>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {ANSWER_BLOCKS} blocks")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(raw) = seq.next_element::<Vec<u8>>()? {
                if list.len() as u64 >= ANSWER_BLOCKS {
                    return Err(A::Error::custom("too many blocks"));
                }
                list.push(raw);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(Few)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_types::wire;

    #[test]
    fn answers_read_back_and_endless_ones_are_refused() {
        let most = usize::try_from(ANSWER_BLOCKS).unwrap();
        let full = Answer::Blocks(vec![vec![7; 3]; most]);
        let bytes = wire::encode("sync answer", &full).unwrap();
        assert_eq!(wire::decode::<Answer>("sync answer", &bytes).unwrap(), full);
        let many = wire::encode("sync answer", &Answer::Blocks(vec![Vec::new(); most + 1])).unwrap();
        assert!(wire::decode::<Answer>("sync answer", &many).is_err());
    }
}
