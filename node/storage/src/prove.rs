//! Proofs of rows, and of their absence, in the newest certified state.

use crate::codec::{self, META_TIP, PathChild, PathKind, PathNode, StoredTip};
use crate::database::{Database, Family};
use crate::store::Store;
use crate::{StorageError, epochs};
use hnchain_crypto::{Digest, sm3, sm3_parts};
use hnchain_proof::tree::{EMPTY, key_hash, verify_state};
use hnchain_types::{Height, proto, wire};
use jmt::proof::INTERNAL_DOMAIN_SEPARATOR;
use rocksdb::{DB, DBIteratorWithThreadMode, IteratorMode, Snapshot};

/// Nibbles of a key hash: the longest path.
const NIBBLES: usize = 64;

/// What a bundle needs from the store: all of one certified block.
///
/// At the end of an epoch that block may be void: one that its epoch still built on the tip, with the tip's result. Its
/// header is then in the bundle, because its certificate is what the validators signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// Height of the tip, whose state it is.
    pub height: Height,
    /// Encoded `Header`.
    pub header: Vec<u8>,
    /// Encoded `ExecutionResult`.
    pub result: Vec<u8>,
    /// Encoded finalization `Certificate`.
    pub certificate: Vec<u8>,
    /// The row, or its absence, with its path to the state root.
    pub state: proto::StateProof,
    /// The changes of validators that lead from the genesis to the header's epoch.
    pub path: Vec<proto::EpochStep>,
}

impl Store {
    /// Proves a row, or that there is none, in the state after the tip. Everything is read from one snapshot, and the
    /// proof is verified before it is given. `None` before the first block.
    ///
    /// # Errors
    /// I/O; [`StorageError::Damaged`] where row, tree and certified root do not agree.
    pub fn prove(&self, key: &str) -> Result<Option<Proven>, StorageError> {
        let database = &self.inner.database;
        let snapshot = &database.rocks().snapshot();
        let reader = Snapshots { database, snapshot };
        let stored =
            reader.get(Family::Meta, META_TIP)?.ok_or_else(|| database.damaged("meta row `tip` is missing"))?;
        let stored: StoredTip = wire::decode("tip", &stored).map_err(|e| database.damaged(e.to_string()))?;
        let Some(certificate) = &stored.tip.certificate else { return Ok(None) };
        let row = reader.get(Family::Rows, key.as_bytes())?;
        let state = reader.path(stored.tip.height, key, row)?;
        verify_state(&state, &stored.tip.state_root)
            .map_err(|e| database.damaged(format!("row {key} at height {}: {e}", stored.tip.height)))?;
        Ok(Some(Proven {
            height: stored.tip.height,
            header: stored.header,
            result: stored.result,
            certificate: certificate.encode(),
            state,
            path: epochs::steps(database, reader.all(Family::Epochs), stored.tip.epoch)?,
        }))
    }
}

struct Snapshots<'a> {
    database: &'a Database,
    snapshot: &'a Snapshot<'a>,
}

impl Snapshots<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.snapshot.get_cf(self.database.family(family), key).map_err(|e| self.database.failed(&e))
    }

    fn all(&self, family: Family) -> DBIteratorWithThreadMode<'_, DB> {
        self.snapshot.iterator_cf(self.database.family(family), IteratorMode::Start)
    }

    fn node(&self, version: u64, path: &[u8]) -> Result<PathNode, StorageError> {
        let missing = || self.database.damaged(format!("a node of version {version} of the state tree is missing"));
        let bytes = self.get(Family::Nodes, &codec::path_key(version, path))?.ok_or_else(missing)?;
        wire::decode("tree node", &bytes).map_err(|e| self.database.damaged(e.to_string()))
    }

    /// Walks from the root to where the key is or would be and collects the siblings.
    ///
    /// Our own walk rather than jmt's `get_with_proof`: that one panics where a node is missing and reads the siblings'
    /// nodes too, of which only the hashes are needed, which their parents hold.
    fn path(&self, height: Height, key: &str, row: Option<Vec<u8>>) -> Result<proto::StateProof, StorageError> {
        let place = key_hash(key).0;
        let (mut version, mut path, mut siblings) = (height.0, Vec::with_capacity(8), Vec::with_capacity(32));
        let leaf = loop {
            match self.node(version, &path)? {
                PathNode::Null => break None,
                PathNode::Leaf { key, value } => break Some((key, value)),
                PathNode::Internal { children, .. } => {
                    let nibble = place.get(path.len() / 2).map(|b| if path.len() % 2 == 0 { b >> 4 } else { b & 15 });
                    let nibble = nibble.filter(|_| path.len() < NIBBLES);
                    let nibble = nibble.ok_or_else(|| self.database.damaged("a path of the state tree has no end"))?;
                    let Some(next) = descend(&children, nibble.into(), &mut siblings) else { break None };
                    let Some(child) = &children[next] else { break None };
                    version = child.version;
                    #[allow(clippy::cast_possible_truncation)] // below 16
                    path.push(next as u8);
                }
            }
        };
        siblings.reverse();
        let own = leaf.as_ref().is_some_and(|(k, _)| k.0 == place);
        if own != row.is_some() || (own && leaf.as_ref().map(|(_, v)| *v) != row.as_deref().map(sm3)) {
            return Err(self.database.damaged(format!("row {key} at height {height} disagrees with the state tree")));
        }
        Ok(proto::StateProof {
            key: key.to_owned(),
            present: own,
            value: row.unwrap_or_default(),
            leaf: leaf.map(|(k, v)| proto::StateLeaf { key_hash: k.0.to_vec(), value_hash: v.0.to_vec() }),
            siblings,
        })
    }
}

type Children = [Option<PathChild>; 16];

/// Goes through the four binary levels of an inner node towards a nibble: pushes the sibling of each level and gives the
/// child where the path goes on, `None` where it ends at an empty place. A leaf alone in its half stands for that half.
fn descend(children: &Children, nibble: usize, siblings: &mut Vec<Vec<u8>>) -> Option<usize> {
    for width in [8, 4, 2, 1] {
        let start = nibble & !(width - 1);
        siblings.push(hash(children, start ^ width, width).0.to_vec());
        match alone(children, start, width) {
            Half::Empty => return None,
            Half::One(child) => return Some(child),
            Half::Several => {}
        }
    }
    Some(nibble)
}

enum Half {
    Empty,
    One(usize),
    Several,
}

fn alone(children: &Children, start: usize, width: usize) -> Half {
    let mut present = (start..start + width).filter(|i| children[*i].is_some());
    match (present.next(), present.next()) {
        (None, _) => Half::Empty,
        (Some(i), None) if width == 1 || children[i].as_ref().is_some_and(|c| c.kind == PathKind::Leaf) => Half::One(i),
        _ => Half::Several,
    }
}

/// Hash of the children `start .. start + width` as a binary subtree.
fn hash(children: &Children, start: usize, width: usize) -> Digest {
    match alone(children, start, width) {
        Half::Empty => EMPTY,
        Half::One(child) => children[child].as_ref().map_or(EMPTY, |c| c.hash),
        Half::Several => {
            let half = width / 2;
            let (left, right) = (hash(children, start, half), hash(children, start + half, half));
            sm3_parts(&[INTERNAL_DOMAIN_SEPARATOR, &left.0, &right.0])
        }
    }
}
