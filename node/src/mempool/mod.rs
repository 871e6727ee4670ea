//! Verified transactions that wait for a block, in the order of their arrival.
//!
//! # Invariants
//! - **M1** Everything inside passed admission and its signature was verified: a proposal that carries the same raw bytes
//!   needs no second verification.
//! - **M2** Count and bytes never exceed the limits, and no signer holds more than its share of either.
//! - **M3** Order is the order of arrival; [`Mempool::take`] removes nothing, so a nullified view loses nothing.
//! - **M4** An id is inside at most once.

use crate::refusal::{Kind, Refusal};
use hnchain_crypto::PublicKey;
use hnchain_types::{Height, TxId, transaction::Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

#[cfg(test)]
mod tests;

/// Bounds of a mempool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most transactions.
    pub transactions: usize,
    /// Largest sum of their encoded bytes.
    pub bytes: usize,
    /// Share of both that one signer may hold, percent.
    pub signer_percent: u8,
}

impl Limits {
    fn share(&self, whole: usize) -> usize {
        (whole / 100 * usize::from(self.signer_percent) + whole % 100 * usize::from(self.signer_percent) / 100).max(1)
    }
}

/// The waiting transactions; see the module's page. Shared by threads.
#[derive(Debug)]
pub struct Mempool {
    limits: Limits,
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<TxId, Entry>,
    /// Position of arrival -> transaction.
    order: BTreeMap<u64, Arc<Transaction>>,
    next: u64,
    bytes: usize,
    signers: HashMap<PublicKey, Share>,
    until_ms: BTreeSet<(u64, TxId)>,
    until_height: BTreeSet<(Height, TxId)>,
}

#[derive(Debug)]
struct Entry {
    position: u64,
    since: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    transactions: usize,
    bytes: usize,
}

impl Mempool {
    /// An empty mempool.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, inner: Mutex::default(), arrived: Notify::new() }
    }

    // A panic aborts the process, so a poisoned lock is only seen by tests that catch one.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a verified, admitted transaction; `false` when its id is already inside.
    ///
    /// # Errors
    /// `MEMPOOL_FULL`, `MEMPOOL_SIGNER_LIMIT`: try again later or on another node.
    pub fn insert(&self, tx: Arc<Transaction>) -> Result<bool, Refusal> {
        let mut inner = self.lock();
        if inner.by_id.contains_key(&tx.id()) {
            return Ok(false);
        }
        self.room(&inner, &tx)?;
        inner.add(tx);
        drop(inner);
        self.arrived.notify_one();
        Ok(true)
    }

    /// Whether [`Mempool::insert`] would take it now: asked before a signature is verified in vain.
    ///
    /// # Errors
    /// As [`Mempool::insert`].
    pub fn room_for(&self, tx: &Transaction) -> Result<(), Refusal> {
        self.room(&self.lock(), tx)
    }

    fn room(&self, inner: &Inner, tx: &Transaction) -> Result<(), Refusal> {
        let size = tx.raw().len();
        if inner.by_id.len() >= self.limits.transactions || inner.bytes + size > self.limits.bytes {
            return Err(Refusal::new(
                "MEMPOOL_FULL",
                Kind::Busy,
                format!("{} transactions wait here already; try again in a moment", inner.by_id.len()),
                format!("本节点已有 {} 笔交易等待出块，请稍后重试", inner.by_id.len()),
            ));
        }
        let share = inner.signers.get(&tx.public_key()).copied().unwrap_or_default();
        if share.transactions >= self.limits.share(self.limits.transactions)
            || share.bytes + size > self.limits.share(self.limits.bytes)
        {
            return Err(Refusal::new(
                "MEMPOOL_SIGNER_LIMIT",
                Kind::Busy,
                format!("{} transactions of this signer wait here already; try again in a moment", share.transactions),
                format!("该签名者已有 {} 笔交易等待出块，请稍后重试", share.transactions),
            ));
        }
        Ok(())
    }

    /// Whether an id is inside.
    #[must_use]
    pub fn contains(&self, id: &TxId) -> bool {
        self.lock().by_id.contains_key(id)
    }

    /// The transaction of an id. Its signature was verified.
    #[must_use]
    pub fn get(&self, id: &TxId) -> Option<Arc<Transaction>> {
        let inner = self.lock();
        inner.by_id.get(id).and_then(|entry| inner.order.get(&entry.position)).cloned()
    }

    /// The transactions of several ids in one turn, in the order asked.
    #[must_use]
    pub fn get_many(&self, ids: &[TxId]) -> Vec<Option<Arc<Transaction>>> {
        let inner = self.lock();
        let one = |id| inner.by_id.get(id).and_then(|e: &Entry| inner.order.get(&e.position)).cloned();
        ids.iter().map(one).collect()
    }

    /// The oldest transactions outside `excluded` that fit, oldest first. Removes nothing.
    ///
    /// Stops at the first that does not fit, so that a large one is not overtaken for ever; one that is larger than
    /// `max_bytes` alone is passed over.
    #[must_use]
    pub fn take(&self, max_count: usize, max_bytes: usize, excluded: &BTreeSet<TxId>) -> Vec<Arc<Transaction>> {
        let inner = self.lock();
        // Positions instead of ids: the walk below then compares small numbers, thousands in a fraction of a millisecond.
        let mut skipped: Vec<u64> = excluded.iter().filter_map(|id| inner.by_id.get(id)).map(|e| e.position).collect();
        skipped.sort_unstable();
        let mut skipped = skipped.into_iter().peekable();
        let mut taken = Vec::new();
        let mut bytes = 0;
        for (position, tx) in &inner.order {
            if skipped.next_if_eq(position).is_some() {
                continue;
            }
            let size = tx.raw().len();
            if size > max_bytes {
                continue;
            }
            if taken.len() >= max_count || bytes + size > max_bytes {
                break;
            }
            bytes += size;
            taken.push(Arc::clone(tx));
        }
        taken
    }

    /// Whether anything is inside that is not in `excluded`.
    #[must_use]
    pub fn has_fresh(&self, excluded: &BTreeSet<TxId>) -> bool {
        let inner = self.lock();
        inner.by_id.len() > excluded.len()
            || inner.by_id.len() > excluded.iter().filter(|id| inner.by_id.contains_key(id)).count()
    }

    /// Removes what became final; returns how long each one that was inside had waited.
    pub fn remove<'a>(&self, ids: impl IntoIterator<Item = &'a TxId>) -> Vec<Duration> {
        let mut inner = self.lock();
        ids.into_iter().filter_map(|id| inner.delete(id)).map(|since| since.elapsed()).collect()
    }

    /// Removes what no block after a final one of this time and height can include any more; returns their ids.
    pub fn expire(&self, block_time_ms: u64, height: Height) -> Vec<TxId> {
        let mut inner = self.lock();
        let late = inner.until_ms.iter().take_while(|(until, _)| *until <= block_time_ms).map(|(_, id)| *id);
        let deep = inner.until_height.iter().take_while(|(until, _)| *until <= height).map(|(_, id)| *id);
        let ids: BTreeSet<TxId> = late.chain(deep).collect();
        for id in &ids {
            inner.delete(id);
        }
        ids.into_iter().collect()
    }

    /// Number of transactions inside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Whether nothing is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sum of the encoded bytes inside.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Returns once something was inserted since the last time this returned. For one waiting task, the driver: an
    /// arrival while it is not waiting is remembered. Cancel safe.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }
}

impl Inner {
    fn add(&mut self, tx: Arc<Transaction>) {
        let (id, size) = (tx.id(), tx.raw().len());
        let share = self.signers.entry(tx.public_key()).or_default();
        share.transactions += 1;
        share.bytes += size;
        self.bytes += size;
        self.until_ms.insert((tx.body().valid_until_ms, id));
        self.until_height.insert((tx.body().valid_until_height, id));
        self.by_id.insert(id, Entry { position: self.next, since: Instant::now() });
        self.order.insert(self.next, tx);
        self.next += 1;
    }

    fn delete(&mut self, id: &TxId) -> Option<Instant> {
        let entry = self.by_id.remove(id)?;
        let tx = self.order.remove(&entry.position).expect("every entry has its place in the order");
        let size = tx.raw().len();
        self.bytes -= size;
        self.until_ms.remove(&(tx.body().valid_until_ms, *id));
        self.until_height.remove(&(tx.body().valid_until_height, *id));
        let share = self.signers.get_mut(&tx.public_key()).expect("every entry counts for its signer");
        share.transactions -= 1;
        share.bytes -= size;
        if share.transactions == 0 {
            self.signers.remove(&tx.public_key());
        }
        Some(entry.since)
    }
}
