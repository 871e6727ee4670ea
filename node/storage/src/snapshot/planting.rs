//! Growing the state tree of a snapshot's rows, some rows at a time.
//!
//! A tree is made version by version. A snapshot has one version, the tip's; so the rows are dealt out over the last
//! versions up to it, and each version's stale nodes are deleted at once. Memory holds the rows of one version.

use crate::database::{Database, Family};
use crate::{Changes, StorageError, codec, tree};
use hnchain_types::{Height, StateRoot};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use rocksdb::WriteBatch;

/// Rows of one version, where there are versions enough.
const ROWS: u64 = 20_000;
/// Most rows of one version: as many as all operations of the largest block may write, and more.
const ROWS_AT_MOST: u64 = 1_000_000;

pub(super) struct Planting<'a> {
    database: &'a Database,
    /// Rows of each version but the last.
    per_version: usize,
    next: Version,
    rows: Changes,
}

impl<'a> Planting<'a> {
    /// Prepares for a number of rows; `None` where no chain of that height has so many.
    pub(super) fn begin(database: &'a Database, height: Height, rows: u64) -> Result<Option<Self>, StorageError> {
        Self::begin_with(database, height, rows, ROWS)
    }

    fn begin_with(
        database: &'a Database,
        height: Height,
        rows: u64,
        preferred: u64,
    ) -> Result<Option<Self>, StorageError> {
        let versions = rows.div_ceil(preferred).clamp(1, height.0.max(1));
        let per_version = rows.div_ceil(versions).max(1);
        if per_version > ROWS_AT_MOST {
            return Ok(None);
        }
        let versions = rows.div_ceil(per_version).max(1);
        let next = height.0 + 1 - versions;
        // The first version grows from an empty tree.
        let mut batch = WriteBatch::default();
        put_node(&mut batch, database, &tree::root_key(next - 1), &Node::Null)?;
        write(database, batch)?;
        let per_version = usize::try_from(per_version).map_err(|e| StorageError::Misuse(e.to_string()))?;
        Ok(Some(Self { database, per_version, next, rows: Changes::new() }))
    }

    pub(super) fn add(&mut self, key: String, row: Vec<u8>) -> Result<(), StorageError> {
        // Not before there is another row: the last version is `finish`'s.
        if self.rows.len() == self.per_version {
            self.grow()?;
        }
        self.rows.insert(key, Some(row));
        Ok(())
    }

    /// Grows the last version; gives the root of the whole.
    pub(super) fn finish(mut self) -> Result<StateRoot, StorageError> {
        self.grow()
    }

    fn grow(&mut self) -> Result<StateRoot, StorageError> {
        let rows = std::mem::take(&mut self.rows);
        let update = tree::update(self, self.next, &rows).map_err(|e| tree::failed(self.database, e))?;
        let mut batch = WriteBatch::default();
        for (key, row) in rows {
            batch.put_cf(self.database.family(Family::Rows), key, row.unwrap_or_default());
        }
        for (key, node) in update.nodes.nodes() {
            put_node(&mut batch, self.database, key, node)?;
        }
        for key in &update.stale {
            batch.delete_cf(self.database.family(Family::Nodes), codec::node_key(key));
        }
        write(self.database, batch)?;
        self.next += 1;
        Ok(update.root)
    }
}

fn put_node(batch: &mut WriteBatch, database: &Database, key: &NodeKey, node: &Node) -> Result<(), StorageError> {
    let bytes = codec::node(node).map_err(|e| StorageError::Misuse(e.to_string()))?;
    batch.put_cf(database.family(Family::Nodes), codec::node_key(key), bytes);
    Ok(())
}

/// Not durable: the last batch of an import is, with all before it.
pub(super) fn write(database: &Database, batch: WriteBatch) -> Result<(), StorageError> {
    database.rocks().write(batch).map_err(|e| database.failed(&e))
}

impl TreeReader for Planting<'_> {
    fn get_node_option(&self, key: &NodeKey) -> Result<Option<Node>, anyhow::Error> {
        let Some(bytes) = self.database.get(Family::Nodes, &codec::node_key(key))? else { return Ok(None) };
        Ok(Some(codec::read_node(&bytes)?))
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> Result<Option<OwnedValue>, anyhow::Error> {
        Err(anyhow::anyhow!("updates read no rows"))
    }

    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>, anyhow::Error> {
        Err(anyhow::anyhow!("trees are not restored leaf by leaf"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rocksdb::IteratorMode;
    use std::collections::BTreeMap;

    fn rows(count: u64) -> BTreeMap<String, Vec<u8>> {
        (0..count).map(|i| (format!("anchor/trace/{i:04}"), i.to_be_bytes().to_vec())).collect()
    }

    #[test]
    fn rows_dealt_over_versions_give_the_tree_of_all_of_them() {
        for (height, count, preferred) in
            [(1, 0, 5), (1, 1, 5), (1, 300, 5), (2, 300, 5), (9, 300, 5), (100, 300, 5), (100, 300, 7), (100, 300, 1)]
        {
            let directory = tempfile::tempdir().expect("a disk");
            let database = Database::create(&directory.path().join("store"), directory.path()).expect("a database");
            let rows = rows(count);
            let planting = Planting::begin_with(&database, Height(height), count, preferred).expect("a disk");
            let mut planting = planting.expect("few rows");
            for (key, row) in &rows {
                planting.add(key.clone(), row.clone()).expect("a disk");
            }
            assert!(planting.rows.len() <= planting.per_version);
            assert_eq!(planting.next, height, "the last rows make the tip's version");
            let root = planting.finish().expect("a disk");
            assert_eq!(root, tree::genesis(&rows).expect("a tree").root, "{height} {count} {preferred}");
            let (kept, all) = (nodes(&database), tree::genesis(&rows).expect("a tree").nodes.nodes().len());
            assert_eq!(kept, all, "stale nodes are gone: {height} {count} {preferred}");
        }
    }

    fn nodes(database: &Database) -> usize {
        database.rocks().iterator_cf(database.family(Family::Nodes), IteratorMode::Start).count()
    }

    #[test]
    fn more_rows_than_a_chain_of_that_height_can_have_are_refused() {
        let directory = tempfile::tempdir().expect("a disk");
        let database = Database::create(&directory.path().join("store"), directory.path()).expect("a database");
        assert!(Planting::begin(&database, Height(3), 3 * ROWS_AT_MOST + 1).expect("a disk").is_none());
        assert!(Planting::begin(&database, Height(3), u64::MAX).expect("a disk").is_none());
        assert!(Planting::begin(&database, Height(3), 3 * ROWS_AT_MOST).expect("a disk").is_some());
    }
}
