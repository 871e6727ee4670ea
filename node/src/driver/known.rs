//! Blocks above the store's tip whose transactions are known: what they hold is not proposed again.

use super::proposal::Decoded;
use hnchain_consensus::Position;
use hnchain_storage::{StorageError, Store};
use hnchain_types::{BlockHash, Epoch, TxId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Views behind the store whose transactions are still not proposed: one that reaches the mempool at the moment in which
/// it becomes final is taken out again, and this covers that moment.
const REMEMBERED_VIEWS: u64 = 16;

struct Known {
    position: Position,
    decoded: Arc<Decoded>,
    /// Its view was skipped: its transactions wait again.
    skipped: bool,
    /// It is final and in the store.
    stored: bool,
}

/// The blocks, by hash.
#[derive(Default)]
pub(super) struct KnownBlocks(BTreeMap<BlockHash, Known>);

impl KnownBlocks {
    pub(super) fn insert(&mut self, block: BlockHash, position: Position, decoded: Arc<Decoded>) {
        self.0.entry(block).or_insert(Known { position, decoded, skipped: false, stored: false });
    }

    pub(super) fn get(&self, block: &BlockHash) -> Option<&Arc<Decoded>> {
        self.0.get(block).map(|k| &k.decoded)
    }

    /// A view was given up.
    pub(super) fn skip(&mut self, position: Position) {
        self.0.values_mut().filter(|k| k.position == position).for_each(|k| k.skipped = true);
    }

    /// Blocks up to here are in the store. Keeps what is above, and for a while what has just become final. The
    /// transactions of blocks that were abandoned wait again.
    pub(super) fn stored(&mut self, upto: Position, store: &Store) -> Result<(), StorageError> {
        let mut abandoned = Vec::new();
        for (hash, known) in self.0.iter_mut().filter(|(_, k)| k.position <= upto && !k.stored) {
            known.stored = store.height_of(hash)?.is_some();
            if !known.stored {
                abandoned.push(*hash);
            }
        }
        let old = |k: &Known| k.position <= upto && k.position.view.0 + REMEMBERED_VIEWS <= upto.view.0;
        self.0.retain(|hash, k| !old(k) && !abandoned.contains(hash));
        Ok(())
    }

    /// Another epoch has begun above a block of this position: what the epochs before built on it is void, and its
    /// transactions wait again.
    pub(super) fn begin(&mut self, epoch: Epoch, last: Position) {
        self.0.retain(|_, k| k.position.epoch >= epoch || k.position <= last);
    }

    /// What no skipped block holds.
    pub(super) fn live(&self) -> BTreeSet<TxId> {
        let live = self.0.values().filter(|k| !k.skipped);
        live.flat_map(|k| k.decoded.ids.iter().copied()).collect()
    }

    /// What is in these blocks, or in one that may be final but is not stored yet.
    pub(super) fn taken(&self, ancestors: &[BlockHash], root: Position) -> BTreeSet<TxId> {
        let holding = self.0.iter().filter(|(h, k)| ancestors.contains(h) || k.position <= root);
        holding.flat_map(|(_, k)| k.decoded.ids.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_crypto::{SecretKey, sm3};
    use hnchain_types::View;
    use hnchain_types::transaction::{BodyBuilder, Transaction};

    fn at(epoch: u64, view: u64) -> Position {
        Position { epoch: Epoch(epoch), view: View(view) }
    }

    fn block(n: u8) -> BlockHash {
        BlockHash(sm3(&[n]))
    }

    fn holding(n: u8) -> (TxId, Arc<Decoded>) {
        let body = BodyBuilder::new("henan", 10, 10_000, [n; 16]).anchor("trace", "B1", 1, sm3(b"x")).encode();
        let tx = Transaction::sign(body, &SecretKey::from_bytes(&[7; 32]).unwrap()).unwrap();
        (tx.id(), Arc::new(Decoded::new(vec![Arc::new(tx)])))
    }

    #[test]
    fn transactions_of_void_and_of_skipped_blocks_wait_again() {
        let mut known = KnownBlocks::default();
        let ids = [1, 2, 3, 4].map(|n| {
            let (id, decoded) = holding(n);
            let position = if n == 4 { at(1, 6) } else { at(0, 4 + u64::from(n)) };
            known.insert(block(n), position, decoded);
            id
        });
        assert_eq!(known.live(), ids.into());
        known.skip(at(0, 6));
        assert_eq!(known.live(), [ids[0], ids[2], ids[3]].into());
        // The first is its epoch's last block; the next two were built on it.
        known.begin(Epoch(1), at(0, 5));
        assert_eq!(known.live(), [ids[0], ids[3]].into());
        assert_eq!(known.taken(&[], at(0, 5)), [ids[0]].into());
        assert_eq!(known.taken(&[block(4)], at(0, 5)), [ids[0], ids[3]].into());
    }
}
