//! The state tree: how rows are placed and hashed, and the check of a path from a row to the state root.
//!
//! The tree is a Jellyfish Merkle tree (crate `jmt` 0.12): a sparse binary Merkle tree over 256-bit keys in which a
//! subtree with one leaf is that leaf and a subtree without leaves is a constant. Every hash is SM3:
//!
//! | node | hash |
//! |---|---|
//! | empty | the 32 bytes `SPARSE_MERKLE_PLACEHOLDER_HASH__` |
//! | leaf | `SM3("JMT::LeafNode" ‖ key_hash 32 ‖ value_hash 32)` |
//! | inner | `SM3("JMT::IntrnalNode" ‖ left 32 ‖ right 32)` |
//!
//! `key_hash = SM3(19 ‖ "hnchain/state-key/1" ‖ key)`, that is [`Tag::StateKey`]; `value_hash = SM3(row)`. A path goes
//! from the root by the bits of `key_hash`, the most significant bit of its first byte first: 0 left, 1 right.
//!
//! [`verify_state`] is our own code, so that an offline verifier does not depend on the database's library; tests hold
//! it against jmt's verifier on random trees.

use hnchain_crypto::{Digest, Hasher, Tag, sm3, sm3_parts};
use hnchain_types::{StateRoot, proto, wire};
use jmt::proof::SparseMerkleProof;
use jmt::storage::TreeReader;
use jmt::{JellyfishMerkleTree, KeyHash, SimpleHasher};
use serde::Deserialize;

/// Hash of a subtree without leaves.
pub const EMPTY: Digest = Digest(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");
/// Most siblings of a path: one for each bit of a key hash.
pub const SIBLINGS: usize = 256;
/// Domain separator of a leaf's hash.
const LEAF: &[u8] = b"JMT::LeafNode";
/// Domain separator of an inner node's hash, spelled as in jmt.
const INNER: &[u8] = b"JMT::IntrnalNode";

/// SM3 as the hash of jmt's trees. The storage of a node and the verifier share it.
#[derive(Clone, Debug, Default)]
pub struct Sm3Hasher(Hasher);

impl SimpleHasher for Sm3Hasher {
    fn new() -> Self {
        Self::default()
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finalize().0
    }
}

/// Place of a readable key in the tree.
#[must_use]
pub fn key_hash(key: &str) -> KeyHash {
    KeyHash(Tag::StateKey.hash(&[key.as_bytes()]).0)
}

/// Why a path was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// A hash that is not 32 bytes, or more than [`SIBLINGS`] siblings.
    #[error("a hash is not 32 bytes, or there are more than 256 siblings")]
    Shape,
    /// A value where absence is claimed.
    #[error("absence is claimed and yet there is a value")]
    ValueOfAbsent,
    /// Presence is claimed and the path does not end at the key's own leaf.
    #[error("presence is claimed and the path does not end at the key's own leaf")]
    OtherLeaf,
    /// The leaf is of another value.
    #[error("the leaf holds another value")]
    OtherValue,
    /// Absence is claimed and the path ends at the key's own leaf.
    #[error("absence is claimed and the path ends at the key's own leaf")]
    Present,
    /// The leaf at the end of the path is not where the key would be.
    #[error("the leaf at the end of the path lies elsewhere than the key would")]
    Elsewhere,
    /// The path leads to another root.
    #[error("the path leads to another state root")]
    Root,
}

/// Checks a proof against a state root and gives the row, or `None` where the proof shows that the key has none.
///
/// # Errors
/// See [`StateProofError`]: every proof that does not lead from its own key, value and claim to `root`.
pub fn verify_state<'a>(proof: &'a proto::StateProof, root: &StateRoot) -> Result<Option<&'a [u8]>, StateProofError> {
    let place = Digest(key_hash(&proof.key).0);
    let siblings = proof.siblings.iter().map(|s| hash_of(s)).collect::<Result<Vec<_>, _>>()?;
    if siblings.len() > SIBLINGS {
        return Err(StateProofError::Shape);
    }
    let bottom = match (&proof.leaf, proof.present) {
        (Some(leaf), true) => {
            let (leaf_key, leaf_value) = (hash_of(&leaf.key_hash)?, hash_of(&leaf.value_hash)?);
            if leaf_key != place {
                return Err(StateProofError::OtherLeaf);
            }
            if leaf_value != sm3(&proof.value) {
                return Err(StateProofError::OtherValue);
            }
            leaf_hash(&leaf_key, &leaf_value)
        }
        (None, true) => return Err(StateProofError::OtherLeaf),
        (_, false) if !proof.value.is_empty() => return Err(StateProofError::ValueOfAbsent),
        // The key would split this leaf: the leaf is alone in its subtree, and the key belongs into that subtree.
        (Some(leaf), false) => {
            let (leaf_key, leaf_value) = (hash_of(&leaf.key_hash)?, hash_of(&leaf.value_hash)?);
            if leaf_key == place {
                return Err(StateProofError::Present);
            }
            if (0..siblings.len()).any(|depth| bit(&leaf_key, depth) != bit(&place, depth)) {
                return Err(StateProofError::Elsewhere);
            }
            leaf_hash(&leaf_key, &leaf_value)
        }
        // The key would fill this empty place.
        (None, false) => EMPTY,
    };
    let top = siblings.iter().zip((0..siblings.len()).rev()).fold(bottom, |hash, (sibling, depth)| {
        if bit(&place, depth) { inner_hash(sibling, &hash) } else { inner_hash(&hash, sibling) }
    });
    if top != root.0 {
        return Err(StateProofError::Root);
    }
    Ok(proof.present.then_some(proof.value.as_slice()))
}

fn hash_of(bytes: &[u8]) -> Result<Digest, StateProofError> {
    Digest::try_from(bytes).map_err(|_| StateProofError::Shape)
}

/// Bit of a key at a depth below the root.
fn bit(key: &Digest, depth: usize) -> bool {
    key.0[depth / 8] >> (7 - depth % 8) & 1 == 1
}

fn leaf_hash(key: &Digest, value: &Digest) -> Digest {
    sm3_parts(&[LEAF, &key.0, &value.0])
}

fn inner_hash(left: &Digest, right: &Digest) -> Digest {
    sm3_parts(&[INNER, &left.0, &right.0])
}

/// Reads the row of a key from a tree, with its proof, at a version that the reader still holds.
///
/// # Errors
/// What the reader met, or a version without a root.
pub fn prove<R: TreeReader>(reader: &R, version: u64, key: &str) -> Result<proto::StateProof, ProveError> {
    let (value, proof) = JellyfishMerkleTree::<_, Sm3Hasher>::new(reader)
        .get_with_proof(key_hash(key), version)
        .map_err(|e| ProveError(format!("{e:#}")))?;
    from_jmt(key, value, &proof)
}

/// A tree that could not be read or whose proof has an unknown form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no proof from the state tree: {0}")]
pub struct ProveError(pub String);

/// The public form of jmt's proof of a key's value, or of its absence.
///
/// jmt keeps the siblings of its proofs to itself; their serialized form is the public way to them.
///
/// # Errors
/// A proof that jmt serializes in another way than version 0.12 does.
pub fn from_jmt(
    key: &str,
    value: Option<Vec<u8>>,
    proof: &SparseMerkleProof<Sm3Hasher>,
) -> Result<proto::StateProof, ProveError> {
    const WHAT: &str = "jmt proof";
    let bytes = wire::encode(WHAT, proof).map_err(|e| ProveError(e.to_string()))?;
    let path: JmtProof = wire::decode(WHAT, &bytes).map_err(|e| ProveError(e.to_string()))?;
    Ok(proto::StateProof {
        key: key.to_owned(),
        present: value.is_some(),
        value: value.unwrap_or_default(),
        leaf: path.leaf.map(|l| proto::StateLeaf { key_hash: l.key.0.to_vec(), value_hash: l.value.0.to_vec() }),
        siblings: path.siblings.iter().map(|s| s.hash().0.to_vec()).collect(),
    })
}

/// Mirror of jmt's serialized `SparseMerkleProof`.
#[derive(Deserialize)]
struct JmtProof {
    leaf: Option<JmtLeaf>,
    siblings: Vec<JmtNode>,
}

#[derive(Deserialize)]
struct JmtLeaf {
    key: Digest,
    value: Digest,
}

#[derive(Deserialize)]
enum JmtNode {
    Null,
    Inner { left: Digest, right: Digest },
    Leaf(JmtLeaf),
}

impl JmtNode {
    fn hash(&self) -> Digest {
        match self {
            Self::Null => EMPTY,
            Self::Inner { left, right } => inner_hash(left, right),
            Self::Leaf(leaf) => leaf_hash(&leaf.key, &leaf.value),
        }
    }
}
