//! Executed blocks that are not final: in memory, on top of the store, forks apart.

use crate::StorageError;
use crate::commit::Step;
use crate::store::{Store, Tip};
use crate::tree::{self, Changes, Hot, Reader, TreeUpdate};
use hnchain_crypto::merkle;
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, check_finality};
use hnchain_types::certificate::Certificate;
use hnchain_types::{BlockHash, Height, ResultHash, TxId, ValidatorsHash, limits};
use std::collections::HashMap;
use std::sync::Arc;

/// One executed block.
pub(crate) struct Overlay {
    pub(crate) block: Arc<Block>,
    pub(crate) changes: Changes,
    pub(crate) receipts: Vec<Vec<u8>>,
    /// Transactions that no ancestor includes, with their index.
    pub(crate) included: HashMap<TxId, u32>,
    pub(crate) result: ExecutionResult,
    pub(crate) tree: TreeUpdate,
}

impl Overlay {
    fn height(&self) -> Height {
        self.block.header.height
    }

    fn ends_epoch(&self) -> bool {
        self.result.next_validators != self.block.header.validators
    }

    fn finalized(&self) -> FinalizedBlock {
        FinalizedBlock {
            block: Block::clone(&self.block),
            result: self.result.clone(),
            certificate: None,
            closing: Vec::new(),
            receipts: self.receipts.clone(),
        }
    }
}

/// The tree of executed blocks above the tip. The executor thread owns it and is the only writer of the store.
pub struct Overlays {
    store: Store,
    tip: Tip,
    blocks: HashMap<BlockHash, Overlay>,
    hot: Hot,
}

impl Overlays {
    /// Nothing executed yet on top of the store's tip.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { tip: store.tip(), store, blocks: HashMap::new(), hot: Hot::default() }
    }

    /// The store below.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The state after a block: the tip or an executed block above it. `None` for any other.
    #[must_use]
    pub fn view(&self, parent: &BlockHash) -> Option<View<'_>> {
        Some(View { store: &self.store, chain: self.chain(parent)? })
    }

    /// Whether a block is executed and not final.
    #[must_use]
    pub fn contains(&self, block: &BlockHash) -> bool {
        self.blocks.contains_key(block)
    }

    /// What executing a block gave, while it is not final.
    #[must_use]
    pub fn result(&self, block: &BlockHash) -> Option<ResultHash> {
        self.blocks.get(block).map(|o| o.result.hash())
    }

    /// Number of executed blocks that are not final, over all forks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether no block is waiting to become final.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Blocks from just above the tip up to `block`, oldest first; `None` where they do not reach the tip.
    fn chain(&self, block: &BlockHash) -> Option<Vec<&Overlay>> {
        let mut chain = Vec::new();
        let mut hash = *block;
        while hash != self.tip.block {
            let overlay = self.blocks.get(&hash)?;
            chain.push(overlay);
            hash = overlay.block.header.parent;
        }
        chain.reverse();
        Some(chain)
    }

    /// Takes in an executed block: computes the state root and gives the result that validators certify.
    ///
    /// `changes` are the rows that it writes, `receipts` one encoded receipt and `ids` one id for each transaction, in
    /// order. A block that is here already is not applied again; its result is given.
    ///
    /// # Errors
    /// [`StorageError::Misuse`] for a block whose parent is not here, that is not of the epoch and the validators that
    /// follow its parent (void blocks are none of the chain), or whose parts do not fit; I/O and damage.
    pub fn apply(
        &mut self,
        block: Arc<Block>,
        changes: Changes,
        receipts: Vec<Vec<u8>>,
        ids: Vec<TxId>,
        next_validators: ValidatorsHash,
    ) -> Result<ExecutionResult, StorageError> {
        let hash = block.header.hash();
        if let Some(known) = self.blocks.get(&hash) {
            return Ok(known.result.clone());
        }
        self.check_parts(&block, &receipts, ids.len())?;
        let chain = self
            .chain(&block.header.parent)
            .ok_or_else(|| StorageError::Misuse(format!("the parent of block {hash} is not the tip or above it")))?;
        let view = View { store: &self.store, chain };
        view.check_next(&self.tip, &block)?;
        let mut included = HashMap::with_capacity(ids.len());
        for (id, index) in ids.into_iter().zip(0u32..) {
            if !included.contains_key(&id) && view.included(&id)?.is_none() {
                included.insert(id, index);
            }
        }
        let reader = Reader { base: self.tip.height.0, chain: &view.chain, hot: &self.hot, store: &self.store };
        let tree = tree::update(&reader, block.header.height.0, &changes)
            .map_err(|e| tree::failed(&self.store.inner.database, e))?;
        let result = ExecutionResult::new(tree.root, merkle::root(&receipts), next_validators);
        let overlay = Overlay { block, changes, receipts, included, result: result.clone(), tree };
        self.blocks.insert(hash, overlay);
        Ok(result)
    }

    fn check_parts(&self, block: &Block, receipts: &[Vec<u8>], ids: usize) -> Result<(), StorageError> {
        if block.header.genesis != self.store.genesis() {
            return Err(StorageError::Misuse(format!("block {} is of another chain", block.header.hash())));
        }
        let transactions = block.transactions.len();
        if receipts.len() != transactions || ids != transactions {
            return Err(StorageError::Misuse(format!(
                "{transactions} transactions need as many receipts and ids, not {} and {ids}",
                receipts.len()
            )));
        }
        // Beyond this, nobody could decode the block again.
        let bytes: usize = receipts.iter().map(Vec::len).sum();
        if bytes > limits::BLOCK_BYTES {
            return Err(StorageError::Misuse(format!("{bytes} bytes of receipts in one block")));
        }
        Ok(())
    }

    /// Makes a block final, with its ancestors above the tip: writes them oldest first in one atomic synced batch, so
    /// that the tip on disk always has its own certificate, and drops every block that does not descend from it.
    ///
    /// `closing` is empty, or leads from an epoch's last block to the void block that the certificate finalizes. Gives
    /// the blocks that became final, oldest first; none if the block was final before. Only the last has the certificate.
    /// The certificate's signatures are the caller's to check. After an error nothing is changed.
    ///
    /// # Errors
    /// [`StorageError::Misuse`] for a block that is not here, a certificate of another block or result, or an ancestor
    /// that ends its epoch and should have become final before; I/O and damage.
    pub fn finalize(
        &mut self,
        block: &BlockHash,
        certificate: &Certificate,
        closing: Vec<Header>,
    ) -> Result<Vec<Arc<FinalizedBlock>>, StorageError> {
        let Some(last) = self.blocks.get(block) else {
            return match self.store.height_of(block)? {
                Some(_) => Ok(Vec::new()),
                None => Err(StorageError::Misuse(format!("block {block} was not executed"))),
            };
        };
        check_finality(&last.block.header, &last.result, certificate, &closing).map_err(|e| {
            StorageError::Misuse(format!("the certificate does not finalize block {block} with its result: {e}"))
        })?;
        let chain = self
            .chain(block)
            .ok_or_else(|| StorageError::Misuse(format!("block {block} does not descend from the tip")))?;
        let ancestors = chain.split_last().map_or(&[][..], |(_, ancestors)| ancestors);
        if ancestors.iter().any(|a| a.ends_epoch()) {
            return Err(StorageError::Misuse(format!("an ancestor of block {block} ends its epoch and is not final")));
        }
        let last = Arc::new(FinalizedBlock { certificate: Some(certificate.clone()), closing, ..last.finalized() });
        let finalized = ancestors.iter().map(|a| Arc::new(a.finalized())).chain([last]);
        let steps: Vec<Step<'_>> =
            chain.iter().zip(finalized).map(|(overlay, finalized)| Step { overlay, finalized }).collect();
        let tip = self.store.commit(&self.tip.block, &steps)?;
        for step in &steps {
            self.hot.written(&step.overlay.tree.nodes, &step.overlay.tree.stale);
        }
        let finalized = steps.into_iter().map(|s| s.finalized).collect();
        self.tip = tip;
        self.drop_strangers();
        Ok(finalized)
    }

    /// Keeps what descends from the tip.
    fn drop_strangers(&mut self) {
        let mut by_height: Vec<_> =
            self.blocks.iter().map(|(hash, o)| (o.height(), *hash, o.block.header.parent)).collect();
        by_height.sort_unstable();
        let mut kin = std::collections::BTreeSet::from([self.tip.block]);
        for (height, hash, parent) in by_height {
            if height > self.tip.height && kin.contains(&parent) {
                kin.insert(hash);
            }
        }
        kin.remove(&self.tip.block);
        self.blocks.retain(|hash, _| kin.contains(hash));
    }
}

impl std::fmt::Debug for Overlays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlays").field("tip", &self.tip.height).field("blocks", &self.blocks.len()).finish()
    }
}

/// The state after one block.
#[derive(Clone)]
pub struct View<'a> {
    store: &'a Store,
    /// Oldest first.
    chain: Vec<&'a Overlay>,
}

impl View<'_> {
    /// A row.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        match self.chain.iter().rev().find_map(|o| o.changes.get(key)) {
            Some(row) => Ok(row.clone()),
            None => self.store.row(key),
        }
    }

    /// Where the block or an ancestor first includes a transaction: height and index.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StorageError> {
        match self.chain.iter().rev().find_map(|o| o.included.get(id).map(|index| (o.height(), *index))) {
            Some(place) => Ok(Some(place)),
            None => self.store.included(id),
        }
    }

    /// The block is the next one after this state: in height, epoch and validators.
    fn check_next(&self, tip: &Tip, block: &Block) -> Result<(), StorageError> {
        let (height, epoch, validators) = self.chain.last().map_or_else(
            || (tip.height, tip.next_epoch, tip.next_validators),
            |o| {
                let epoch = o.block.header.epoch;
                (o.height(), if o.ends_epoch() { epoch.next() } else { epoch }, o.result.next_validators)
            },
        );
        let header = &block.header;
        if (header.height, header.epoch, header.validators) == (height.next(), epoch, validators) {
            return Ok(());
        }
        let (hash, next) = (header.hash(), height.next());
        Err(StorageError::Misuse(format!("block {hash} is not block {next} of epoch {epoch} with its validators")))
    }
}
