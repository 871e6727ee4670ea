//! Updates of the state tree over what is on disk and what is not final yet.

use crate::StorageError;
use crate::database::Database;
use crate::overlays::Overlay;
use crate::store::Store;
use hnchain_crypto::Digest;
use hnchain_proof::tree::{EMPTY, Sm3Hasher, key_hash};
use hnchain_types::StateRoot;
use jmt::storage::{LeafNode, NibblePath, Node, NodeBatch, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, Version};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// What a block changes: new rows by their readable keys, `None` deletes.
pub type Changes = BTreeMap<String, Option<Vec<u8>>>;

/// What a block does to the tree.
pub(crate) struct TreeUpdate {
    pub(crate) root: StateRoot,
    pub(crate) nodes: NodeBatch,
    /// Nodes of earlier versions that this version does not contain.
    pub(crate) stale: Vec<NodeKey>,
}

/// The tree at version 0.
pub(crate) fn genesis(rows: &BTreeMap<String, Vec<u8>>) -> Result<TreeUpdate, anyhow::Error> {
    let values = rows.iter().map(|(key, row)| (key_hash(key), Some(row.clone())));
    put(&Nothing, 0, values.collect())
}

/// The tree at `version` from the one at `version − 1`, which the reader holds.
pub(crate) fn update<R: TreeReader>(
    reader: &R,
    version: Version,
    changes: &Changes,
) -> Result<TreeUpdate, anyhow::Error> {
    let mut update = put(reader, version, changes.iter().map(|(key, row)| (key_hash(key), row.clone())).collect())?;
    // jmt copies an unchanged root to the new version and leaves the old one behind: nobody else would delete it.
    let old_root = root_key(version - 1);
    if !update.stale.contains(&old_root) {
        update.stale.push(old_root);
    }
    Ok(update)
}

fn put<R: TreeReader>(
    reader: &R,
    version: Version,
    values: Vec<(KeyHash, Option<OwnedValue>)>,
) -> Result<TreeUpdate, anyhow::Error> {
    let tree = JellyfishMerkleTree::<R, Sm3Hasher>::new(reader);
    // The batch form hashes each inner node once instead of once a row, but knows neither deletions nor empty sets.
    // A property test holds both forms to the same roots.
    let only_rows = !values.is_empty() && values.iter().all(|(_, row)| row.is_some());
    let (root, batch) = if only_rows {
        let rows = values.into_iter().filter_map(|(key, row)| Some((key, row?))).collect();
        let (roots, batch) = tree.batch_put_value_sets(vec![rows], None, version)?;
        (roots.into_iter().next().ok_or_else(|| anyhow::anyhow!("the tree gave no root"))?, batch)
    } else {
        tree.put_value_set(values, version)?
    };
    let RootHash(root) = root;
    let stale = batch.stale_node_index_batch.into_iter().map(|s| s.node_key).collect();
    Ok(TreeUpdate { root: StateRoot(Digest(root)), nodes: batch.node_batch, stale })
}

pub(crate) fn root_key(version: Version) -> NodeKey {
    NodeKey::new(version, NibblePath::from_iter([]))
}

/// Hash of a root node.
pub(crate) fn root_of(node: &Node) -> StateRoot {
    StateRoot(match node {
        Node::Null => EMPTY,
        Node::Internal(inner) => Digest(inner.hash::<Sm3Hasher>()),
        Node::Leaf(leaf) => Digest(leaf.hash::<Sm3Hasher>()),
    })
}

/// Gives the error that a reader raised inside jmt, or says that the tree does not hold together.
pub(crate) fn failed(database: &Database, e: anyhow::Error) -> StorageError {
    e.downcast::<StorageError>().unwrap_or_else(|e| database.damaged(format!("the state tree: {e:#}")))
}

/// Deepest path, in nibbles, of the nodes that [`Hot`] keeps. Every update passes the upper levels; three nibbles are at
/// most 4 369 nodes, about 6 MiB. One more would be sixteen times that.
const HOT_DEPTH: usize = 3;

/// The upper levels of the newest tree on disk. A node never changes under its key, so what is here is never wrong.
#[derive(Default)]
pub(crate) struct Hot(Mutex<HashMap<NibblePath, (Version, Node)>>);

impl Hot {
    fn get(&self, key: &NodeKey) -> Option<Node> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.get(key.nibble_path()).filter(|(version, _)| *version == key.version()).map(|(_, node)| node.clone())
    }

    fn put(&self, key: &NodeKey, node: &Node) {
        if key.nibble_path().num_nibbles() <= HOT_DEPTH {
            let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            nodes.insert(key.nibble_path().clone(), (key.version(), node.clone()));
        }
    }

    /// Follows the disk.
    pub(crate) fn written(&self, nodes: &NodeBatch, stale: &[NodeKey]) {
        {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for key in stale {
                if kept.get(key.nibble_path()).is_some_and(|(version, _)| *version == key.version()) {
                    kept.remove(key.nibble_path());
                }
            }
        }
        nodes.nodes().iter().for_each(|(key, node)| self.put(key, node));
    }
}

/// The tree after a block that is not final: nodes of its ancestors by height, older ones from the disk.
///
/// A node's version is the height of the block that made it, so on one chain of parents it can be in one place only.
/// Competing blocks are not on the chain and their nodes are out of reach.
pub(crate) struct Reader<'a> {
    /// Height of the tip.
    pub(crate) base: u64,
    /// The block at `base + 1 + i` is at position i.
    pub(crate) chain: &'a [&'a Overlay],
    pub(crate) hot: &'a Hot,
    pub(crate) store: &'a Store,
}

impl TreeReader for Reader<'_> {
    fn get_node_option(&self, key: &NodeKey) -> Result<Option<Node>, anyhow::Error> {
        if let Some(above) = key.version().checked_sub(self.base + 1) {
            let overlay = usize::try_from(above).ok().and_then(|i| self.chain.get(i));
            return Ok(overlay.and_then(|o| o.tree.nodes.get_node(key)).cloned());
        }
        if let Some(node) = self.hot.get(key) {
            return Ok(Some(node));
        }
        let node = self.store.node(&crate::codec::node_key(key))?;
        if let Some(node) = &node {
            self.hot.put(key, node);
        }
        Ok(node)
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> Result<Option<OwnedValue>, anyhow::Error> {
        Err(anyhow::anyhow!("updates read no rows"))
    }

    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>, anyhow::Error> {
        Err(anyhow::anyhow!("trees are not restored leaf by leaf"))
    }
}

/// The tree before version 0.
struct Nothing;

impl TreeReader for Nothing {
    fn get_node_option(&self, _: &NodeKey) -> Result<Option<Node>, anyhow::Error> {
        Ok(None)
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> Result<Option<OwnedValue>, anyhow::Error> {
        Ok(None)
    }

    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>, anyhow::Error> {
        Ok(None)
    }
}
