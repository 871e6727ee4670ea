//! The bytes of keys and values in the column families. Golden vectors below freeze them.
//!
//! | family | key | value |
//! |---|---|---|
//! | `blocks` | height, 8 bytes big-endian | encoded `FinalizedBlock` |
//! | `block_heights` | block hash | height, 8 bytes |
//! | `transactions` | transaction id | height, 8 bytes ‖ index, 4 bytes: the *first* inclusion |
//! | `rows` | readable key | current row |
//! | `nodes` | version, 8 bytes ‖ nibbles, 1 byte ‖ nibbles packed from the high half | bincode of jmt's `Node` |
//! | `stale` | version since which they are stale, 8 bytes | node keys one after the other |
//! | `epochs` | epoch, 8 bytes: the one that ended | encoded `EpochStep` to the next |
//! | `lasting` | end of validity, ms, 8 bytes ‖ transaction id | height ‖ index, as in `transactions` |
//! | `meta` | `format`, `identity`, `tip`, `pruned`, `first` | see [`Identity`], [`StoredTip`]; heights, 8 bytes |
//!
//! Node keys begin with the version: a block's nodes land side by side at the end of the family, which makes flushes
//! and compactions cheap, and the newest nodes are the hot ones.

use crate::store::Tip;
use hnchain_crypto::Digest;
use hnchain_types::wire::{self, WireError};
use hnchain_types::{Epoch, GenesisDigest, Height, StateRoot, TxId};
use jmt::storage::{Node, NodeKey};
use serde::{Deserialize, Serialize};

/// Format of the whole store. A change of any encoding on this page increments it.
pub(crate) const FORMAT: u32 = 2;
/// Rows of `meta`.
pub(crate) const META_FORMAT: &[u8] = b"format";
pub(crate) const META_IDENTITY: &[u8] = b"identity";
pub(crate) const META_TIP: &[u8] = b"tip";
pub(crate) const META_PRUNED: &[u8] = b"pruned";
pub(crate) const META_FIRST: &[u8] = b"first";
/// Row of `rows` and `transactions` that holds the height of the last block, so that a family that fell behind the
/// others is noticed. No readable key (UTF-8) begins with this byte and no transaction id is that short.
pub(crate) const MARK: &[u8] = b"\xfftip";

/// What the directory was made for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) genesis: GenesisDigest,
    pub(crate) genesis_rows: Digest,
    pub(crate) genesis_root: StateRoot,
}

/// The tip with what a proof shows of it, so that a proof need not decode the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredTip {
    pub(crate) tip: Tip,
    /// Encoded header and result that the tip's certificate finalizes; empty at genesis. The header is the tip's, or that
    /// of the last of its closing.
    pub(crate) header: Vec<u8>,
    pub(crate) result: Vec<u8>,
}

/// A node as the path of a proof reads it: the mirror of jmt's `Node`, whose hashes jmt keeps to itself.
#[derive(Debug, Deserialize)]
pub(crate) enum PathNode {
    Null,
    Internal {
        children: Box<[Option<PathChild>; 16]>,
        #[serde(rename = "num_children")]
        _children: u64,
        #[serde(rename = "leaf_count")]
        _leaves: u64,
    },
    Leaf {
        key: Digest,
        value: Digest,
    },
}

/// Reference to a child.
#[derive(Debug, Deserialize)]
pub(crate) struct PathChild {
    pub(crate) hash: Digest,
    pub(crate) version: u64,
    pub(crate) kind: PathKind,
}

/// Whether a child ends the path.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum PathKind {
    Leaf,
    Internal {
        #[serde(rename = "leaf_count")]
        _leaves: u64,
    },
}

pub(crate) fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub(crate) fn read_height(bytes: &[u8]) -> Option<Height> {
    bytes.try_into().ok().map(|b| Height(u64::from_be_bytes(b)))
}

pub(crate) fn epoch_key(epoch: Epoch) -> [u8; 8] {
    epoch.0.to_be_bytes()
}

pub(crate) fn lasting_key(valid_until_ms: u64, id: &TxId) -> [u8; 40] {
    let mut out = [0; 40];
    out[..8].copy_from_slice(&valid_until_ms.to_be_bytes());
    out[8..].copy_from_slice(id.as_ref());
    out
}

pub(crate) fn read_lasting_key(bytes: &[u8]) -> Option<(u64, TxId)> {
    let (until, id) = bytes.split_at_checked(8)?;
    Some((u64::from_be_bytes(until.try_into().ok()?), TxId(Digest::try_from(id).ok()?)))
}

pub(crate) fn place(height: Height, index: u32) -> [u8; 12] {
    let mut out = [0; 12];
    out[..8].copy_from_slice(&height.0.to_be_bytes());
    out[8..].copy_from_slice(&index.to_be_bytes());
    out
}

pub(crate) fn read_place(bytes: &[u8]) -> Option<(Height, u32)> {
    let (height, index) = bytes.split_at_checked(8)?;
    Some((read_height(height)?, u32::from_be_bytes(index.try_into().ok()?)))
}

/// Key of a node from its version and its path, one nibble an item.
pub(crate) fn path_key(version: u64, nibbles: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + nibbles.len().div_ceil(2));
    out.extend_from_slice(&version.to_be_bytes());
    #[allow(clippy::cast_possible_truncation)] // a path has at most 64 nibbles
    out.push(nibbles.len() as u8);
    out.extend(nibbles.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)));
    out
}

pub(crate) fn node_key(key: &NodeKey) -> Vec<u8> {
    let path = key.nibble_path();
    let mut nibbles = [0; 64];
    let count = path.num_nibbles();
    nibbles.iter_mut().zip(path.nibbles()).for_each(|(to, from)| *to = from.into());
    path_key(key.version(), &nibbles[..count])
}

pub(crate) fn node(node: &Node) -> Result<Vec<u8>, WireError> {
    wire::encode("tree node", node)
}

pub(crate) fn read_node(bytes: &[u8]) -> Result<Node, WireError> {
    wire::decode("tree node", bytes)
}

/// The node keys of a `stale` row.
pub(crate) fn split_stale(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut keys = Vec::new();
    while !bytes.is_empty() {
        let length = 9 + usize::from(*bytes.get(8)?).div_ceil(2);
        let (key, rest) = bytes.split_at_checked(length)?;
        keys.push(key);
        bytes = rest;
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jmt::KeyHash;
    use jmt::storage::{LeafNode, NibblePath};

    fn leaf() -> Node {
        wire::decode("node", &[&[2u8][..], &[0xaa; 32], &[0xbb; 32]].concat()).expect("a leaf")
    }

    #[test]
    fn golden_node_keys() {
        assert_eq!(path_key(258, &[]), [0, 0, 0, 0, 0, 0, 1, 2, 0]);
        assert_eq!(path_key(1, &[0xa, 0xb, 0xc]), [0, 0, 0, 0, 0, 0, 0, 1, 3, 0xab, 0xc0]);
        let path: NibblePath = [0xa_u8, 0xb, 0xc].into_iter().map(Into::into).collect();
        assert_eq!(node_key(&NodeKey::new(1, path)), path_key(1, &[0xa, 0xb, 0xc]));
    }

    #[test]
    fn golden_nodes() {
        assert_eq!(node(&Node::Null).expect("encodes"), [0]);
        let bytes = node(&leaf()).expect("encodes");
        assert_eq!(bytes, [&[2u8][..], &[0xaa; 32], &[0xbb; 32]].concat());
        let Node::Leaf(l) = read_node(&bytes).expect("decodes") else { panic!("a leaf") };
        assert_eq!(LeafNode::key_hash(&l), KeyHash([0xaa; 32]));
    }

    #[test]
    fn golden_inner_node_and_its_mirror() {
        let mut bytes = vec![1u8];
        for i in 0..16u8 {
            match i {
                3 => bytes.extend([&[1u8][..], &[0xcc; 32], &[7, 0]].concat()), // leaf of version 7
                9 => bytes.extend([&[1u8][..], &[0xdd; 32], &[8, 1, 5]].concat()), // inner with 5 leaves of version 8
                _ => bytes.push(0),
            }
        }
        bytes.extend([2, 6]);
        let read = read_node(&bytes).expect("decodes");
        assert_eq!(node(&read).expect("encodes"), bytes);
        let Node::Internal(inner) = &read else { panic!("an inner node") };
        assert_eq!(inner.leaf_count(), 6);
        let PathNode::Internal { children, .. } = wire::decode("node", &bytes).expect("the mirror agrees") else {
            panic!("an inner node")
        };
        let three = children[3].as_ref().expect("child 3");
        assert_eq!((three.hash.0, three.version, &three.kind), ([0xcc; 32], 7, &PathKind::Leaf));
        assert_eq!(children[9].as_ref().map(|c| c.version), Some(8));
        assert_eq!(children.iter().flatten().count(), 2);
    }

    #[test]
    fn stale_rows_split_into_their_keys() {
        let keys = [path_key(1, &[]), path_key(2, &[1, 2, 3]), path_key(3, &[4; 64])];
        assert_eq!(split_stale(&keys.concat()).expect("whole keys"), keys);
        assert_eq!(split_stale(&keys.concat()[..19]), None);
        assert_eq!(split_stale(&[]), Some(Vec::new()));
    }

    #[test]
    fn places_keep_height_and_index() {
        let bytes = place(Height(5), 9);
        assert_eq!(read_place(&bytes), Some((Height(5), 9)));
        assert_eq!(read_place(&bytes[..11]), None);
        assert_eq!(read_height(&height_key(Height(77))), Some(Height(77)));
        let id = TxId(Digest([7; 32]));
        let key = lasting_key(258, &id);
        assert_eq!((&key[..8], &key[8..]), (&[0, 0, 0, 0, 0, 0, 1, 2][..], &[7; 32][..]));
        assert_eq!(read_lasting_key(&key), Some((258, id)));
        assert_eq!(read_lasting_key(&key[1..]), None);
    }
}
