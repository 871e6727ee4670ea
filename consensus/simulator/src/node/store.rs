//! Final blocks and the state after the last of them, and executed blocks above: what `hnchain-storage` keeps.

use crate::env::Decoded;
use crate::world::World;
use hnchain_consensus::{Position, Root};
use hnchain_crypto::{Digest, merkle, sm3_parts};
use hnchain_ledger::{Changes, MemoryState, StateError, StateView};
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header};
use hnchain_types::certificate::Certificate;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, Height, ResultHash, StateRoot, TxId, ValidatorsHash};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A final block.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) block: Arc<Block>,
    pub(crate) executed: Rc<Executed>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) closing: Vec<Header>,
}

/// What executing a block gave.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) result: ExecutionResult,
    pub(crate) changes: Changes,
    pub(crate) receipts: Vec<Vec<u8>>,
    /// Whether each transaction was accepted.
    pub(crate) accepted: Vec<bool>,
    pub(crate) decoded: Rc<Decoded>,
    /// Epoch and validators after the block, where it is its epoch's last.
    pub(crate) next: Option<(Epoch, Arc<ValidatorSet>)>,
}

impl Executed {
    /// Puts the result together. The state root is a chain of hashes over all changes: equal histories, equal roots.
    pub(crate) fn new(
        before: StateRoot,
        changes: Changes,
        receipts: Vec<Vec<u8>>,
        accepted: Vec<bool>,
        decoded: Rc<Decoded>,
        next_validators: ValidatorsHash,
        next: Option<(Epoch, Arc<ValidatorSet>)>,
    ) -> Self {
        let result = ExecutionResult::new(root_after(before, &changes), merkle::root(&receipts), next_validators);
        Self { result, changes, receipts, accepted, decoded, next }
    }
}

fn root_after(before: StateRoot, changes: &Changes) -> StateRoot {
    let mut body = Vec::new();
    for (key, row) in changes {
        let row = row.as_deref();
        body.extend_from_slice(&(key.len() as u64).to_be_bytes());
        body.extend_from_slice(key.as_bytes());
        body.push(u8::from(row.is_some()));
        body.extend_from_slice(&(row.map_or(0, <[u8]>::len) as u64).to_be_bytes());
        body.extend_from_slice(row.unwrap_or_default());
    }
    StateRoot(sm3_parts(&[before.as_ref(), &body]))
}

impl Stored {
    /// As peers get it.
    pub(crate) fn finalized(&self) -> FinalizedBlock {
        FinalizedBlock {
            block: Block::clone(&self.block),
            result: self.executed.result.clone(),
            certificate: self.certificate.clone(),
            closing: self.closing.clone(),
            receipts: self.executed.receipts.clone(),
        }
    }
}

/// The store: what a crash leaves.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    genesis: Root,
    blocks: Vec<Rc<Stored>>,
    heights: BTreeMap<BlockHash, Height>,
    state: MemoryState,
    root: StateRoot,
    epoch: Epoch,
    validators: Arc<ValidatorSet>,
}

impl Store {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            genesis: world.root(),
            blocks: Vec::new(),
            heights: BTreeMap::new(),
            state: world.state.clone(),
            root: StateRoot(Digest::ZERO),
            epoch: Epoch(0),
            validators: Arc::new(world.genesis.validators().clone()),
        }
    }

    /// Where the machine starts.
    pub(crate) fn tip(&self) -> Root {
        self.blocks.last().map_or(self.genesis, |b| root_of(&b.block.header))
    }

    pub(crate) fn height(&self) -> Height {
        Height(self.blocks.len() as u64)
    }

    pub(crate) fn position(&self) -> Position {
        let tip = self.tip();
        Position { epoch: tip.epoch, view: tip.view }
    }

    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.blocks.last()?.certificate.as_ref()
    }

    pub(crate) fn result(&self) -> Option<ResultHash> {
        Some(self.blocks.last()?.executed.result.hash())
    }

    pub(crate) const fn state_root(&self) -> StateRoot {
        self.root
    }

    pub(crate) const fn state(&self) -> &MemoryState {
        &self.state
    }

    /// Epoch and validators after the tip.
    pub(crate) const fn epoch(&self) -> (Epoch, &Arc<ValidatorSet>) {
        (self.epoch, &self.validators)
    }

    pub(crate) fn holds(&self, block: &BlockHash) -> bool {
        self.heights.contains_key(block)
    }

    pub(crate) fn block(&self, height: Height) -> Option<&Rc<Stored>> {
        self.blocks.get(usize::try_from(height.previous()?.0).ok()?)
    }

    /// Where a transaction is, and whether it was accepted.
    pub(crate) fn receipt(&self, id: &TxId) -> Option<(Height, u32, bool)> {
        let (height, index) = self.state.included(id).ok()??;
        let accepted = self.block(height)?.executed.accepted.get(index as usize).copied()?;
        Some((height, index, accepted))
    }

    fn push(&mut self, stored: Rc<Stored>) {
        let (header, executed) = (&stored.block.header, &stored.executed);
        self.state.apply(header.height, &executed.changes, executed.decoded.transactions.iter().map(|t| t.id()));
        self.heights.insert(header.hash(), header.height);
        self.root = executed.result.state_root;
        if let Some((epoch, validators)) = &executed.next {
            (self.epoch, self.validators) = (*epoch, validators.clone());
        }
        self.blocks.push(stored);
    }
}

/// A block as a root.
pub(crate) fn root_of(header: &Header) -> Root {
    Root {
        epoch: header.epoch,
        height: header.height,
        view: header.view,
        block: header.hash(),
        time_ms: header.time_ms,
    }
}

/// Executed blocks that are not final: gone with the process.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    blocks: BTreeMap<BlockHash, (Arc<Block>, Rc<Executed>)>,
}

impl Overlays {
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    pub(crate) fn get(&self, block: &BlockHash) -> Option<&Rc<Executed>> {
        self.blocks.get(block).map(|(_, executed)| executed)
    }

    pub(crate) fn insert(&mut self, block: Arc<Block>, executed: Rc<Executed>) {
        self.blocks.insert(block.header.hash(), (block, executed));
    }

    /// Blocks from just above the tip up to this one, oldest first; `None` where they do not reach the tip.
    fn chain(&self, store: &Store, block: &BlockHash) -> Option<Vec<&(Arc<Block>, Rc<Executed>)>> {
        let (mut chain, mut at, tip) = (Vec::new(), *block, store.tip().block);
        while at != tip {
            let entry = self.blocks.get(&at)?;
            chain.push(entry);
            at = entry.0.header.parent;
        }
        chain.reverse();
        Some(chain)
    }

    /// The state after a block.
    pub(crate) fn view<'a>(&'a self, store: &'a Store, block: &BlockHash) -> Option<Overlaid<'a>> {
        Some(Overlaid { chain: self.chain(store, block)?, store })
    }

    /// Makes a block final with its ancestors. Gives them, oldest first; none where it was final before.
    pub(crate) fn finalize(
        &mut self,
        store: &mut Store,
        block: &BlockHash,
        certificate: &Certificate,
        closing: &[Header],
    ) -> Result<Vec<Rc<Stored>>, String> {
        if store.holds(block) {
            return Ok(Vec::new());
        }
        let chain = self.chain(store, block).ok_or_else(|| format!("block {block} does not descend from the tip"))?;
        let last = chain.len().saturating_sub(1);
        let stored: Vec<_> = chain
            .into_iter()
            .enumerate()
            .map(|(i, (block, executed))| {
                Rc::new(Stored {
                    block: block.clone(),
                    executed: executed.clone(),
                    certificate: (i == last).then(|| certificate.clone()),
                    closing: if i == last { closing.to_vec() } else { Vec::new() },
                })
            })
            .collect();
        stored.iter().for_each(|s| store.push(s.clone()));
        self.drop_strangers(store);
        Ok(stored)
    }

    /// Keeps what descends from the tip.
    fn drop_strangers(&mut self, store: &Store) {
        let kin: Vec<BlockHash> = self.blocks.keys().filter(|b| self.chain(store, b).is_some()).copied().collect();
        self.blocks.retain(|hash, _| kin.contains(hash));
    }
}

/// The state after an executed block.
pub(crate) struct Overlaid<'a> {
    store: &'a Store,
    chain: Vec<&'a (Arc<Block>, Rc<Executed>)>,
}

impl Overlaid<'_> {
    pub(crate) fn root(&self) -> StateRoot {
        self.chain.last().map_or(self.store.root, |(_, e)| e.result.state_root)
    }
}

impl StateView for Overlaid<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        match self.chain.iter().rev().find_map(|(_, e)| e.changes.get(key)) {
            Some(row) => Ok(row.clone()),
            None => self.store.state.row(key),
        }
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        for (block, executed) in &self.chain {
            if executed.decoded.ids.contains(id) {
                let index = executed.decoded.transactions.iter().position(|t| t.id() == *id);
                let index = index.and_then(|i| u32::try_from(i).ok()).unwrap_or_default();
                // The first place counts: an ancestor in the store may hold it already.
                return Ok(self.store.state.included(id)?.or(Some((block.header.height, index))));
            }
        }
        self.store.state.included(id)
    }
}
