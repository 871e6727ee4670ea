//! Drives the consensus engine: clock, journal, network, mempool and execution around a machine that knows none of them.
//!
//! ```text
//!  consensus thread            executor thread              tasks
//!  ────────────────            ───────────────              ─────
//!  inputs → Machine            Execute → ledger, overlays   validate: decode, limits, signatures
//!  Persist → journal, sync     Finalize → store, publish    sync: statuses, missing blocks
//!  Send → network              Sync → check, execute        serve: answers peers' sync requests
//! ```
//!
//! # Invariants
//! - **D1** Effects are performed in order, and the journal is synced before the first message of a turn leaves.
//! - **D2** Clients hear of a block only after the store has synced it.
//! - **D3** A record leaves the journal only when a block of its view or a later one is durable in the store.
//! - **D4** A failure of the disk, of execution or of agreement ends the process; nothing is served from doubtful state.

mod consensus;
mod executor;
mod journal;
mod known;
mod proposal;
mod sync;
mod waking;

use crate::shared::Shared;
use crate::status::Standing;
use consensus::{Consensus, Parts};
use hnchain_consensus::{Divergence, Evidence, Input, JournalContradiction, Message, Position};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_network::{Events, Network};
use hnchain_storage::{Journal, StorageError};
use hnchain_types::wire::WireError;
use hnchain_types::{BlockHash, View, limits};
use proposal::Decoded;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why the driver ended the node.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Own result differs from the certified one.
    #[error("{0}; this node must not serve: keep its data for analysis, then resync it from peers")]
    Divergence(Divergence),
    /// The journal holds contradictory votes.
    #[error(transparent)]
    Journal(#[from] JournalContradiction),
    /// The journal of another validator or chain.
    #[error(
        "votes.journal was written by another validator or for another chain; put this validator's own journal back"
    )]
    OtherJournal,
    /// A journal record that this software cannot read.
    #[error("{0}; the journal was written by other software")]
    Record(#[from] WireError),
    /// The state could not be read during execution.
    #[error("execution: {0}")]
    Execution(String),
    /// The operating system refused a thread, or a thread ended without an answer.
    #[error("{0}")]
    Thread(String),
}

impl DriverError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Storage(e) => e.code(),
            Self::Divergence(_) => "CONSENSUS_DIVERGENCE",
            Self::Journal(_) => "JOURNAL_CONTRADICTION",
            Self::OtherJournal => "JOURNAL_OTHER",
            Self::Record(_) => "JOURNAL_FORMAT",
            Self::Execution(_) => "EXECUTION_FAILED",
            Self::Thread(_) => "NODE_THREAD",
        }
    }

    /// The message in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Storage(e) => e.message_zh(),
            Self::Divergence(d) => format!(
                "高度 {} 的区块 {} 在本节点的执行结果与多数验证节点认证的结果不一致；本节点已停止服务，请保留数据以备分析，然后从其他节点重新同步",
                d.height, d.block
            ),
            Self::Journal(e) => format!("投票日志在视图 {} 自相矛盾；请恢复本验证节点的日志，或更换新密钥", e.view),
            Self::OtherJournal => "votes.journal 属于其他验证节点或其他链；请恢复本验证节点自己的投票日志".to_owned(),
            Self::Record(e) => format!("投票日志无法读取：{e}；该日志由其他版本的软件写入"),
            Self::Execution(e) => format!("执行区块时无法读取状态：{e}"),
            Self::Thread(e) => format!("节点内部线程异常：{e}"),
        }
    }
}

/// What the other threads and tasks tell the consensus thread.
enum Happened {
    /// An answer to the machine.
    Engine(Input),
    /// A proposal of this position was judged; `None` is invalid.
    Validated(BlockHash, Position, Option<Arc<Decoded>>),
    /// Blocks up to this position are in the store.
    Durable(Position),
    /// Where a peer says that its consensus is.
    PeerStatus(PublicKey, Standing),
    /// The node cannot go on.
    Fatal(DriverError),
}

/// Consensus messages that are decoded and wait for their turn.
const DECODED_MESSAGES: usize = 64;
/// What a message may hold besides the chain's largest payload and the skips: header, votes, framing.
const MESSAGE_MARGIN: usize = 64 * 1024;

/// Decodes what validators send, beside the consensus thread: a block of several megabytes costs tens of milliseconds.
async fn read(
    shared: Arc<Shared>,
    mut raw: mpsc::Receiver<(PublicKey, Vec<u8>)>,
    decoded: mpsc::Sender<(PublicKey, Message)>,
) {
    let payload =
        shared.chain.parameters.block_bytes as usize + shared.chain.parameters.block_transactions as usize * 8;
    while let Some((from, bytes)) = raw.recv().await {
        let validators = &shared.committee().validators;
        if validators.index_of(&from).is_none() {
            continue;
        }
        let certificate = 256 + validators.quorum() * 72;
        if bytes.len() > payload + limits::SKIPS * certificate + MESSAGE_MARGIN {
            tracing::warn!(%from, bytes = bytes.len(), "a consensus message beyond this chain's limits");
            continue;
        }
        match Message::decode(&bytes) {
            Ok(message) => {
                if decoded.send((from, message)).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%from, %error, "malformed consensus message"),
        }
    }
}

/// Starts consensus, execution and sync. The handle ends when `shutdown` is cancelled or the node cannot go on.
///
/// `journal_records` are the records that [`Journal::open`] gave. With `trust_new_journal` a validator whose journal is new
/// votes at once, without asking its peers how far the chain is. Proofs of contradictory votes go to `accusations`.
#[must_use]
#[allow(clippy::too_many_arguments)] // each is another part of the node
pub fn start(
    shared: Arc<Shared>,
    key: SecretKey,
    network: Network,
    events: Events,
    journal: Journal,
    journal_records: Vec<Vec<u8>>,
    trust_new_journal: bool,
    accusations: mpsc::Sender<Evidence>,
    shutdown: CancellationToken,
) -> JoinHandle<Result<(), DriverError>> {
    tokio::spawn(async move {
        let (happened, inbox) = mpsc::unbounded_channel();
        let (behind, behind_of) = watch::channel(View(0));
        let (executor, executor_thread) = executor::start(shared.clone(), happened.clone())?;
        // Transactions are admission's; the rest is served here.
        let Events { control, consensus, requests, transactions: _ } = events;
        let (decoded, messages) = mpsc::channel(DECODED_MESSAGES);
        let reader = tokio::spawn(read(shared.clone(), consensus, decoded));
        let follower = sync::Follower {
            shared: shared.clone(),
            source: network.clone(),
            executor: executor.clone(),
            happened: happened.clone(),
            behind: behind_of,
            shutdown: shutdown.clone(),
        };
        let parts = Parts {
            shared: shared.clone(),
            network,
            journal,
            trust_new_journal,
            executor,
            happened,
            inbox,
            control,
            messages,
            behind,
            accusations,
            shutdown: shutdown.clone(),
            runtime: tokio::runtime::Handle::current(),
        };
        let machine = Consensus::new(parts, key, journal_records)?;
        // Peers are told where this node is only now that the journal was read: it may be ahead of the store.
        let server = tokio::spawn(sync::serve(shared, requests));
        let follower = tokio::spawn(sync::follow(follower));
        let ended = consensus::spawn(machine)?;
        let result = ended.await.unwrap_or_else(|_| Err(DriverError::Thread("the consensus thread ended".into())));
        shutdown.cancel();
        server.abort();
        reader.abort();
        // The follower ends by the token; with it the last handle of the executor goes, and the executor ends.
        drop(follower.await);
        let joined = tokio::task::spawn_blocking(move || executor_thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) && result.is_ok() {
            return Err(DriverError::Thread("the executor thread panicked".into()));
        }
        result
    })
}
