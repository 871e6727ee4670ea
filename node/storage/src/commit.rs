//! Writing final blocks: one batch, wholly or not at all.

use crate::codec::{self, META_PRUNED, StoredTip};
use crate::database::Family;
use crate::overlays::Overlay;
use crate::store::{self, Store, Tip};
use crate::{StorageError, epochs, lasting};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::{BlockHash, Height};
use rocksdb::WriteBatch;
use std::sync::{Arc, PoisonError};

/// Most versions that one finalization prunes. Normally it is one; more only after the window was made smaller, and
/// then this keeps blocks quick while the backlog shrinks.
const PRUNED_AT_ONCE: u64 = 8;

/// A block that becomes final.
pub(crate) struct Step<'a> {
    pub(crate) overlay: &'a Overlay,
    pub(crate) finalized: Arc<FinalizedBlock>,
}

impl Store {
    /// Writes a chain of blocks above `parent`, oldest first, the last one certified. Gives the new tip.
    pub(crate) fn commit(&self, parent: &BlockHash, steps: &[Step<'_>]) -> Result<Tip, StorageError> {
        let inner = &*self.inner;
        let mut pruned = inner.pruned.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.tip();
        let Some(last) = steps.last() else { return Ok(old) };
        if old.block != *parent {
            return Err(StorageError::Misuse("another writer moved the tip".into()));
        }
        let mut batch = WriteBatch::default();
        for step in steps {
            self.put_block(&mut batch, step)?;
        }
        if last.finalized.ends_epoch() {
            epochs::put(&mut batch, &inner.database, &epochs::step(&last.finalized, &last.overlay.changes)?)?;
        }
        let tip = Tip::of(&last.finalized);
        lasting::forget(&mut batch, &inner.database, tip.time_ms)?;
        let next_pruned = self.prune(&mut batch, *pruned, old.height, tip.height)?;
        store::put_tip(&mut batch, &inner.database, &StoredTip::of(&last.finalized))?;
        store::write(&inner.database, batch)?;
        *pruned = next_pruned;
        inner.tip.write().unwrap_or_else(PoisonError::into_inner).clone_from(&tip);
        Ok(tip)
    }

    fn put_block(&self, batch: &mut WriteBatch, step: &Step<'_>) -> Result<(), StorageError> {
        let family = |f| self.inner.database.family(f);
        let Step { overlay, finalized } = step;
        let header = &overlay.block.header;
        let height = codec::height_key(header.height);
        batch.put_cf(family(Family::Blocks), height, finalized.encode());
        batch.put_cf(family(Family::BlockHeights), header.hash(), height);
        for (id, index) in &overlay.included {
            let place = codec::place(header.height, *index);
            batch.put_cf(family(Family::Transactions), id, place);
            if let Some(until) = lasting::outlasts(&overlay.block, *index, self.inner.validity_ms) {
                batch.put_cf(family(Family::Lasting), codec::lasting_key(until, id), place);
            }
        }
        for (key, row) in &overlay.changes {
            match row {
                Some(row) => batch.put_cf(family(Family::Rows), key, row),
                None => batch.delete_cf(family(Family::Rows), key),
            }
        }
        for (key, node) in overlay.tree.nodes.nodes() {
            let bytes = codec::node(node).map_err(|e| StorageError::Misuse(e.to_string()))?;
            batch.put_cf(family(Family::Nodes), codec::node_key(key), bytes);
        }
        let stale: Vec<u8> = overlay.tree.stale.iter().flat_map(codec::node_key).collect();
        batch.put_cf(family(Family::Stale), height, stale);
        Ok(())
    }

    /// Deletes nodes that no version from `tip − keep_versions` on contains. Nodes that are stale since version v are
    /// needed by versions before v only. Gives the lowest version that is not yet pruned.
    fn prune(&self, batch: &mut WriteBatch, from: u64, old: Height, tip: Height) -> Result<u64, StorageError> {
        let database = &self.inner.database;
        // Rows of blocks in this very batch cannot be read yet; the next finalization prunes them.
        let last =
            tip.0.saturating_sub(self.inner.keep_versions).min(old.0).min(from.saturating_add(PRUNED_AT_ONCE - 1));
        for version in from..=last {
            let key = codec::height_key(Height(version));
            let Some(stale) = database.get(Family::Stale, &key)? else { continue };
            let nodes = codec::split_stale(&stale)
                .ok_or_else(|| database.damaged(format!("the list of stale nodes at height {version}")))?;
            for node in nodes {
                batch.delete_cf(database.family(Family::Nodes), node);
            }
            batch.delete_cf(database.family(Family::Stale), key);
        }
        let next = from.max(last + 1);
        if next != from {
            batch.put_cf(database.family(Family::Meta), META_PRUNED, codec::height_key(Height(next)));
        }
        Ok(next)
    }
}

impl Tip {
    pub(crate) fn of(last: &FinalizedBlock) -> Self {
        let header = &last.block.header;
        Self {
            height: header.height,
            view: header.view,
            epoch: header.epoch,
            time_ms: header.time_ms,
            block: header.hash(),
            result: Some(last.result.hash()),
            state_root: last.result.state_root,
            certificate: last.certificate.clone(),
            closing: last.closing.clone(),
            next_epoch: if last.ends_epoch() { header.epoch.next() } else { header.epoch },
            next_validators: last.result.next_validators,
        }
    }
}

impl StoredTip {
    pub(crate) fn of(last: &FinalizedBlock) -> Self {
        let (header, result) = (last.certified().raw().to_vec(), last.result.raw().to_vec());
        Self { tip: Tip::of(last), header, result }
    }
}
