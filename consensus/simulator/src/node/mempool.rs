//! Transactions that wait, in the order in which they came.

use hnchain_types::TxId;
use hnchain_types::transaction::Transaction;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most transactions that wait.
pub(crate) const ROOM: usize = 5_000;

/// The mempool: gone with the process.
#[derive(Debug, Default)]
pub(crate) struct Mempool {
    waiting: BTreeMap<u64, Arc<Transaction>>,
    places: BTreeMap<TxId, u64>,
    next: u64,
}

impl Mempool {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a transaction in. False where it is known or there is no room.
    pub(crate) fn insert(&mut self, tx: Arc<Transaction>) -> bool {
        if self.waiting.len() >= ROOM || self.places.contains_key(&tx.id()) {
            return false;
        }
        self.next += 1;
        self.places.insert(tx.id(), self.next);
        self.waiting.insert(self.next, tx);
        true
    }

    pub(crate) fn remove(&mut self, id: &TxId) {
        if let Some(place) = self.places.remove(id) {
            self.waiting.remove(&place);
        }
    }

    /// Drops what is no longer valid at this time.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        let old: Vec<TxId> =
            self.waiting.values().filter(|t| t.body().valid_until_ms < now_ms).map(|t| t.id()).collect();
        old.iter().for_each(|id| self.remove(id));
    }

    /// Whether one waits that is not taken.
    pub(crate) fn has_fresh(&self, taken: impl Fn(&TxId) -> bool) -> bool {
        self.places.keys().any(|id| !taken(id))
    }

    /// The oldest that are not taken.
    pub(crate) fn take(&self, most: usize, taken: impl Fn(&Transaction) -> bool) -> Vec<Arc<Transaction>> {
        self.waiting.values().filter(|t| !taken(t)).take(most).cloned().collect()
    }
}
