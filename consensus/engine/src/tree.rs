//! Blocks above the finalized tip.

use crate::Root;
use hnchain_types::block::{Block, Header};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, ResultHash, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far a block's execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    Waiting,
    Running,
    Done(Executed),
}

/// What executing a block gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) result: ResultHash,
    /// The last block of the epoch: this one or an ancestor. Descendants of a last block are void (R14).
    pub(crate) last: Option<BlockHash>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) block: Arc<Block>,
    /// Validated here, or vouched for by a quorum: it may be executed.
    pub(crate) sound: bool,
    /// In the journal.
    pub(crate) journaled: bool,
    pub(crate) execution: Execution,
    /// When its body was last sent to whom, on the caller's clock.
    pub(crate) sent: BTreeMap<ValidatorIndex, u64>,
    /// The validators of the next epoch, where this is the last block of its own.
    pub(crate) next: Option<Arc<ValidatorSet>>,
}

impl Entry {
    pub(crate) const fn executed(&self) -> Option<Executed> {
        match self.execution {
            Execution::Done(executed) => Some(executed),
            Execution::Waiting | Execution::Running => None,
        }
    }
}

/// Un-finalized blocks by hash, and the newest final one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    entries: BTreeMap<BlockHash, Entry>,
    /// The root, where it became final here: peers that missed its body ask for it.
    root: Option<(BlockHash, Entry)>,
}

impl Tree {
    pub(crate) fn insert(&mut self, block: Arc<Block>) {
        let hash = block.header.hash();
        self.entries.entry(hash).or_insert(Entry {
            block,
            sound: false,
            journaled: false,
            execution: Execution::Waiting,
            sent: BTreeMap::new(),
            next: None,
        });
    }

    pub(crate) fn get(&self, hash: &BlockHash) -> Option<&Entry> {
        self.entries.get(hash)
    }

    pub(crate) fn get_mut(&mut self, hash: &BlockHash) -> Option<&mut Entry> {
        self.entries.get_mut(hash)
    }

    /// One whose body can be served: an un-finalized block or the root.
    pub(crate) fn servable(&mut self, hash: &BlockHash) -> Option<&mut Entry> {
        let root = self.root.as_mut().filter(|(root, _)| root == hash).map(|(_, entry)| entry);
        self.entries.get_mut(hash).or(root)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Blocks whose parent is this one.
    pub(crate) fn children(&self, parent: &BlockHash) -> Vec<BlockHash> {
        self.entries.iter().filter(|(_, e)| e.block.header.parent == *parent).map(|(h, _)| *h).collect()
    }

    /// The block and its ancestors above the root, newest first; `None` where one is missing.
    pub(crate) fn branch(&self, hash: BlockHash, root: &Root) -> Option<Vec<BlockHash>> {
        let mut branch = Vec::new();
        let mut at = hash;
        while at != root.block {
            let header = &self.entries.get(&at)?.block.header;
            branch.push(at);
            at = header.parent;
        }
        Some(branch)
    }

    /// Headers from a last block's child up to the block that makes it final.
    pub(crate) fn closing(&self, last: &BlockHash, upto: BlockHash) -> Vec<Header> {
        let mut headers = Vec::new();
        let mut at = upto;
        while at != *last
            && let Some(entry) = self.entries.get(&at)
        {
            headers.push(entry.block.header.clone());
            at = entry.block.header.parent;
        }
        headers.reverse();
        headers
    }

    /// Parents above the root that are not here, with their views.
    pub(crate) fn orphans(&self, root: &Root) -> impl Iterator<Item = (BlockHash, View)> {
        let parents = self.entries.values().map(|e| (e.block.header.parent, e.block.header.parent_view));
        parents.filter(move |(hash, view)| *view > root.view && !self.entries.contains_key(hash))
    }

    /// Drops everything but the new root.
    pub(crate) fn restart(&mut self, root: &Root) {
        self.root = self.entries.remove(&root.block).map(|entry| (root.block, entry));
        self.entries.clear();
    }

    /// Drops everything that is not above the new root. A block whose parent has not come yet is kept.
    pub(crate) fn prune(&mut self, root: &Root) {
        self.root = self.entries.remove(&root.block).map(|entry| (root.block, entry));
        let mut by_view: Vec<(View, BlockHash)> =
            self.entries.iter().map(|(hash, e)| (e.block.header.view, *hash)).collect();
        by_view.sort_unstable();
        let mut dropped = BTreeSet::new();
        for (view, hash) in by_view {
            let header = &self.entries[&hash].block.header;
            let below = view <= root.view || (header.parent_view <= root.view && header.parent != root.block);
            if below || dropped.contains(&header.parent) && header.parent != root.block {
                dropped.insert(hash);
            }
        }
        self.entries.retain(|hash, _| !dropped.contains(hash));
    }
}
