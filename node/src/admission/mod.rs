//! The border where bytes become waiting transactions.
//!
//! In order, cheapest first: size and form; known here already; final already; the ledger's border check against the
//! newest final state; room in the mempool; signature. What passes is put into the mempool; what came from a client goes on
//! to the peers, what came from a peer does not.
//!
//! # Invariants
//! - **A1** Nothing enters the mempool unverified.
//! - **A2** A transaction that is final never stays in the mempool: after the insertion the store is asked once more, and
//!   [`FinalityHub::publish`](crate::finality::FinalityHub::publish) removes what becomes final later.
//! - **A3** The same bytes handed in again are answered as the first time: pending, or final with the receipt.
//! - **A4** Bytes under examination are bounded, for all clients together and for each peer.

mod disseminate;
mod peers;

pub use disseminate::{FRAME_TRANSACTIONS, Outlet, decode_frame, disseminate, encode_frame};
pub use peers::Peers;

use crate::ledger_state;
use crate::refusal::{Kind, Refusal};
use crate::shared::Shared;
use crate::telemetry::metric;
use crate::verify::Priority;
use hnchain_types::block::FinalizedBlock;
use hnchain_types::transaction::Transaction;
use hnchain_types::{Height, TxId, proto};
use prost::Message;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{Semaphore, mpsc};

/// Most bytes of client transactions under examination: some twenty thousand anchors, seconds of verification.
pub const CLIENT_BYTES: usize = 8 << 20;
/// Transactions of clients that wait to be sent to the peers.
const FORWARD_QUEUE: usize = 8_192;

/// Who hands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An application, over RPC.
    Client,
    /// Another node.
    Peer,
}

impl Origin {
    const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Peer => "peer",
        }
    }
}

/// What became of a transaction at the border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// In the mempool now.
    New(TxId),
    /// In the mempool before.
    Pending(TxId),
    /// In a final block; its encoded receipt.
    Final(TxId, Vec<u8>),
}

/// A transaction of the store with its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Encoded transaction.
    pub transaction: Vec<u8>,
    /// Encoded receipt.
    pub receipt: Vec<u8>,
}

/// The border. Shared by RPC and the peers' lanes.
#[derive(Debug)]
pub struct Admission {
    shared: Arc<Shared>,
    forward: mpsc::Sender<Arc<Transaction>>,
    client_bytes: Arc<Semaphore>,
}

impl Admission {
    /// A border, and the queue of client transactions for [`disseminate`].
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> (Arc<Self>, mpsc::Receiver<Arc<Transaction>>) {
        let (forward, queue) = mpsc::channel(FORWARD_QUEUE);
        let client_bytes = Arc::new(Semaphore::new(CLIENT_BYTES));
        (Arc::new(Self { shared, forward, client_bytes }), queue)
    }

    /// Bytes of client transactions under examination.
    #[must_use]
    pub fn client_bytes(&self) -> usize {
        CLIENT_BYTES - self.client_bytes.available_permits()
    }

    /// A client hands in one encoded transaction.
    ///
    /// # Errors
    /// Every refusal of the border, typed; see the module's page.
    pub async fn submit(&self, raw: &[u8]) -> Result<Admitted, Refusal> {
        let result = self.submit_checked(raw).await;
        match &result {
            Ok(Admitted::New(_)) => metrics::counter!(metric::ADMITTED, "origin" => "client").increment(1),
            Ok(_) => {}
            Err(refusal) => refused(Origin::Client, refusal),
        }
        result
    }

    async fn submit_checked(&self, raw: &[u8]) -> Result<Admitted, Refusal> {
        let size = u32::try_from(raw.len().min(CLIENT_BYTES)).expect("the bound fits");
        let _room = self.client_bytes.try_acquire_many(size).map_err(|_| busy())?;
        let tx = match self.examine(raw)? {
            Examined::Known(admitted) => return Ok(admitted),
            Examined::New(tx) => tx,
        };
        // Reserved first: once it is in the mempool, a client that goes away must not keep it from the peers.
        let forward = self.forward.reserve().await.map_err(|_| Refusal::stopping())?;
        let good = self.shared.verifier.verify(vec![Arc::clone(&tx)], Priority::Admission).await;
        if good != [true] {
            return Err(Refusal::signature());
        }
        let admitted = self.insert(&tx)?;
        if matches!(admitted, Admitted::New(_)) {
            forward.send(tx);
        }
        Ok(admitted)
    }

    /// Everything before the signature.
    fn examine(&self, raw: &[u8]) -> Result<Examined, Refusal> {
        let tx = Transaction::decode(raw)?;
        let id = tx.id();
        if self.shared.mempool.contains(&id) {
            return Ok(Examined::Known(Admitted::Pending(id)));
        }
        if let Some(stored) = self.stored(&id)? {
            return Ok(Examined::Known(Admitted::Final(id, stored.receipt)));
        }
        let tip = self.shared.store.tip();
        let now = now_ms().max(tip.time_ms);
        let view = ledger_state::Tip(&self.shared.store);
        hnchain_ledger::admit(&view, &self.shared.chain, now, tip.height.next(), &tx)??;
        self.shared.mempool.room_for(&tx)?;
        Ok(Examined::New(Arc::new(tx)))
    }

    /// Takes a verified transaction in.
    fn insert(&self, tx: &Arc<Transaction>) -> Result<Admitted, Refusal> {
        let id = tx.id();
        if !self.shared.mempool.insert(Arc::clone(tx))? {
            return Ok(Admitted::Pending(id));
        }
        match self.stored(&id) {
            Ok(None) => Ok(Admitted::New(id)),
            Ok(Some(stored)) => {
                self.shared.mempool.remove([&id]);
                Ok(Admitted::Final(id, stored.receipt))
            }
            Err(refusal) => {
                self.shared.mempool.remove([&id]);
                Err(refusal)
            }
        }
    }

    /// A final transaction with its receipt.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn stored(&self, id: &TxId) -> Result<Option<Stored>, Refusal> {
        let Some((height, index)) = self.shared.store.transaction(id)? else { return Ok(None) };
        stored_at(&self.shared, height, index as usize).map(Some)
    }
}

/// Outcome of [`Admission::examine`].
enum Examined {
    Known(Admitted),
    New(Arc<Transaction>),
}

/// A transaction of a stored block. The block's roots were checked before it was stored and are not computed again.
fn stored_at(shared: &Shared, height: Height, index: usize) -> Result<Stored, Refusal> {
    let damaged = |why: &str| Refusal::storage(&format!("block {height}: {why}"));
    let raw = shared.store.block(height)?.ok_or_else(|| damaged("missing"))?;
    let mut block = proto::FinalizedBlock::decode(raw.as_slice()).map_err(|e| damaged(&e.to_string()))?;
    let mut transactions = block.block.take().map(|b| b.transactions).unwrap_or_default();
    if index >= transactions.len() || index >= block.receipts.len() {
        return Err(damaged("the transaction index points outside"));
    }
    Ok(Stored { transaction: transactions.swap_remove(index), receipt: block.receipts.swap_remove(index) })
}

/// A transaction of a block in memory, see [`stored_at`].
pub(crate) fn in_block(block: &FinalizedBlock, index: usize) -> Option<Stored> {
    let transaction = block.block.transactions.get(index)?.clone();
    Some(Stored { transaction, receipt: block.receipts.get(index)?.clone() })
}

fn busy() -> Refusal {
    Refusal::new(
        "ADMISSION_BUSY",
        Kind::Busy,
        "too many transactions are being checked here; try again in a moment",
        "本节点正在检查的交易过多，请稍后重试",
    )
}

fn refused(origin: Origin, refusal: &Refusal) {
    metrics::counter!(metric::REFUSED, "origin" => origin.label(), "code" => refusal.code).increment(1);
    tracing::debug!(origin = origin.label(), code = refusal.code, message = %refusal.message, "transaction refused");
}

/// Milliseconds since the Unix epoch; 0 on a machine whose clock is before it.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
