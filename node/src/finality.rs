//! Tells everyone who waits that blocks became final.
//!
//! # Invariants
//! - **F1** Whoever registers first and looks into the store afterwards misses nothing: [`FinalityHub::publish`] is called
//!   after the store has synced the blocks.
//! - **F2** Waiters are bounded in number; a waiter that is dropped leaves nothing behind.
//! - **F3** Subscribers hold a height, not a queue: they read blocks from the store at their own pace.

use crate::mempool::Mempool;
use crate::refusal::{Kind, Refusal};
use crate::telemetry::metric;
use hnchain_types::block::FinalizedBlock;
use hnchain_types::transaction::Receipt;
use hnchain_types::{Height, TxId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// The hub; clones share one state.
#[derive(Clone, Debug)]
pub struct FinalityHub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    mempool: Arc<Mempool>,
    limit: usize,
    waiters: Mutex<Waiters>,
    height: watch::Sender<Height>,
}

#[derive(Debug, Default)]
struct Waiters {
    by_id: HashMap<TxId, Vec<(u64, oneshot::Sender<Settled>)>>,
    count: usize,
    next: u64,
}

/// What became of a transaction that was waited for.
#[derive(Clone, Debug)]
pub enum Settled {
    /// In this block, at this position.
    Final(Arc<FinalizedBlock>, usize),
    /// Its validity ended; it can never become final.
    Expired,
}

/// A registered interest in one transaction.
#[derive(Debug)]
pub struct Waiter {
    inner: Arc<Inner>,
    id: TxId,
    number: u64,
    answer: oneshot::Receiver<Settled>,
}

impl FinalityHub {
    /// A hub over a mempool, for at most `waiters` waiters, at the store's height.
    #[must_use]
    pub fn new(mempool: Arc<Mempool>, waiters: usize, height: Height) -> Self {
        let inner = Inner { mempool, limit: waiters, waiters: Mutex::default(), height: watch::Sender::new(height) };
        Self { inner: Arc::new(inner) }
    }

    /// Blocks became final and are stored: oldest first, without gaps. Called by the driver only.
    ///
    /// Removes their transactions from the mempool, wakes who waits for them, then drops what has expired.
    pub fn publish(&self, blocks: &[Arc<FinalizedBlock>]) {
        let finality = metrics::histogram!(metric::FINALITY_SECONDS);
        for block in blocks {
            let ids = transaction_ids(block);
            for held in self.inner.mempool.remove(ids.iter().map(|(id, _)| id)) {
                finality.record(held.as_secs_f64());
            }
            let mut waiters = self.inner.lock();
            for (id, index) in ids {
                waiters.settle(&id, &Settled::Final(Arc::clone(block), index));
            }
        }
        let Some(last) = blocks.last() else { return };
        let header = &last.block.header;
        let expired = self.inner.mempool.expire(header.time_ms, header.height);
        if !expired.is_empty() {
            metrics::counter!(metric::MEMPOOL_EXPIRED).increment(expired.len() as u64);
            let mut waiters = self.inner.lock();
            for id in &expired {
                waiters.settle(id, &Settled::Expired);
            }
        }
        self.inner.height.send_if_modified(|height| {
            let newer = header.height > *height;
            if newer {
                *height = header.height;
            }
            newer
        });
    }

    /// Registers interest in a transaction. Look into the store afterwards, then wait.
    ///
    /// # Errors
    /// `RPC_WAITERS`: too many wait already.
    pub fn wait(&self, id: TxId) -> Result<Waiter, Refusal> {
        let mut waiters = self.inner.lock();
        if waiters.count >= self.inner.limit {
            return Err(Refusal::new(
                "RPC_WAITERS",
                Kind::Busy,
                format!("{} calls wait here already; try again or use another node", waiters.count),
                format!("本节点已有 {} 个等待请求，请稍后重试或改用其他节点", waiters.count),
            ));
        }
        let (sender, answer) = oneshot::channel();
        let number = waiters.next;
        waiters.next += 1;
        waiters.count += 1;
        waiters.by_id.entry(id).or_default().push((number, sender));
        drop(waiters);
        Ok(Waiter { inner: Arc::clone(&self.inner), id, number, answer })
    }

    /// Follows the newest final height.
    #[must_use]
    pub fn heights(&self) -> watch::Receiver<Height> {
        self.inner.height.subscribe()
    }

    /// Number of waiters.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.inner.lock().count
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiters {
    fn settle(&mut self, id: &TxId, settled: &Settled) {
        for (_, sender) in self.by_id.remove(id).unwrap_or_default() {
            self.count -= 1;
            // An error means that the waiter gave up at this very moment.
            drop(sender.send(settled.clone()));
        }
    }
}

impl Waiter {
    /// Waits. Cancel safe.
    pub async fn settled(&mut self) -> Option<Settled> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiters = self.inner.lock();
        let Some(list) = waiters.by_id.get_mut(&self.id) else { return };
        let before = list.len();
        list.retain(|(number, _)| *number != self.number);
        let gone = before - list.len();
        if list.is_empty() {
            waiters.by_id.remove(&self.id);
        }
        waiters.count -= gone;
    }
}

/// Ids and positions, from the receipts: decoding those is cheaper than hashing every body again.
fn transaction_ids(block: &FinalizedBlock) -> Vec<(TxId, usize)> {
    let mut ids = Vec::with_capacity(block.receipts.len());
    let mut accepted = 0u64;
    for (index, raw) in block.receipts.iter().enumerate() {
        match Receipt::decode(raw) {
            Ok(receipt) => {
                accepted += u64::from(receipt.accepted());
                ids.push((receipt.transaction, index));
            }
            Err(error) => {
                let height = block.block.header.height;
                tracing::error!(%height, index, %error, "a receipt of this node is malformed");
            }
        }
    }
    metrics::counter!(metric::FINAL_BLOCKS).increment(1);
    metrics::counter!(metric::FINAL_TRANSACTIONS, "outcome" => "accepted").increment(accepted);
    metrics::counter!(metric::FINAL_TRANSACTIONS, "outcome" => "rejected").increment(ids.len() as u64 - accepted);
    metrics::histogram!(metric::BLOCK_TRANSACTIONS).record(u32::try_from(ids.len()).map_or(f64::MAX, f64::from));
    ids
}
