//! Catching up: peers' statuses, and finalized blocks that were missed.

use super::Happened;
use super::executor::{BadBlocks, Command, Executor};
use crate::shared::Shared;
use crate::status::Peer;
use hnchain_crypto::PublicKey;
use hnchain_network::{Network, Request};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::{Height, View, wire};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// How often peers are asked where they are.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How long a peer may take to say where it is.
const STATUS_WAIT: Duration = Duration::from_secs(2);
/// Bytes of blocks in one answer, unless one block alone is larger.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Blocks in one answer.
const ANSWER_BLOCKS: usize = 512;
/// Most bytes of uncertified blocks that are held while their certificate is fetched.
const HELD_BYTES: usize = 256 * 1024 * 1024;
/// How long one peer is followed before the next one has its turn: one that dawdles must not hold this node.
const TURN: Duration = Duration::from_secs(8);
/// A peer that is this far ahead is followed at once; one that is less far ahead only when this node stands still.
const AHEAD: u64 = 16;
/// Requests that are answered at the same time; others are refused.
const SERVED_AT_ONCE: usize = 16;

/// A question to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    /// Where are you?
    Status,
    /// Finalized blocks from this height on.
    Blocks(Height),
}

/// Where a peer says it is. Unverified: only a reason to ask for blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PeerStatus {
    pub(super) height: Height,
    pub(super) view: View,
}

/// A peer's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    Status(PeerStatus),
    /// Encoded finalized blocks, oldest first. Empty where there are none.
    Blocks(Vec<Vec<u8>>),
}

/// Answers peers until the network ends.
pub(super) async fn serve(shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>) {
    let room = Arc::new(tokio::sync::Semaphore::new(SERVED_AT_ONCE));
    while let Some(request) = requests.recv().await {
        let Ok(question) = wire::decode::<Question>("sync request", &request.bytes) else {
            tracing::debug!(from = %request.from, "malformed sync request");
            continue; // dropping the reply refuses the request
        };
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let answer = match question {
                Question::Status => {
                    Answer::Status(PeerStatus { height: shared.store.tip().height, view: shared.status.view() })
                }
                Question::Blocks(from) => match blocks(&shared, from) {
                    Ok(blocks) => Answer::Blocks(blocks),
                    Err(error) => {
                        tracing::error!(%error, "blocks for a peer cannot be read");
                        return;
                    }
                },
            };
            if let Ok(bytes) = wire::encode("sync answer", &answer) {
                // The peer may have gone.
                drop(request.reply.send(bytes));
            }
        });
    }
}

/// Blocks from a height on. The last need not be certified: a run of blocks that only a later certificate covers may be
/// larger than an answer.
fn blocks(shared: &Shared, from: Height) -> Result<Vec<Vec<u8>>, hnchain_storage::StorageError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let tip = shared.store.tip().height;
    let mut at = from.0.max(1);
    while at <= tip.0 && found.len() < ANSWER_BLOCKS {
        let Some(raw) = shared.store.block(Height(at))? else { break };
        bytes += raw.len();
        if bytes > ANSWER_BYTES && !found.is_empty() {
            break;
        }
        found.push(raw);
        at += 1;
    }
    Ok(found)
}

/// The parts of the follower.
pub(super) struct Follower {
    pub(super) shared: Arc<Shared>,
    pub(super) network: Network,
    pub(super) executor: Executor,
    pub(super) happened: mpsc::UnboundedSender<Happened>,
    /// View of a finalization whose block is not here.
    pub(super) behind: watch::Receiver<View>,
    pub(super) shutdown: CancellationToken,
}

/// Asks peers where they are and fetches what is missing, until shutdown.
pub(super) async fn follow(mut follower: Follower) {
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Height(0);
    let shutdown = follower.shutdown.clone();
    loop {
        let urgent = tokio::select! {
            () = shutdown.cancelled() => return,
            changed = follower.behind.changed() => {
                if changed.is_err() { return }
                true
            }
            _ = ticks.tick() => false,
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = follower.round(urgent, &mut last) => {}
        }
    }
}

impl Follower {
    async fn round(&mut self, urgent: bool, last: &mut Height) {
        let peers = self.statuses().await;
        let best = peers.iter().map(|(_, s)| s.height).max().unwrap_or_default();
        let tip = self.shared.store.tip();
        self.shared.status.set_network_height(self.vouched(&peers).max(tip.height));
        let lost = urgent || tip.view < *self.behind.borrow();
        let stands = tip.height == *last;
        *last = tip.height;
        if best <= tip.height || !(lost || stands || best.0 > tip.height.0 + AHEAD) {
            return;
        }
        self.shared.status.set_syncing(true);
        let mut candidates: Vec<_> = peers.into_iter().filter(|(_, s)| s.height > tip.height).collect();
        candidates.sort_by_key(|(_, s)| std::cmp::Reverse(s.height));
        for (peer, status) in candidates {
            if let Err(error) = self.fetch_from(&peer, status.height).await {
                tracing::warn!(%peer, error, "sync from this peer failed");
            }
        }
        self.shared.status.set_syncing(false);
        *last = self.shared.store.tip().height;
    }

    /// The height that at least one honest validator claims: all but the f largest claims could be true.
    fn vouched(&self, peers: &[(PublicKey, PeerStatus)]) -> Height {
        let validators = self.shared.genesis.validators();
        let claims = peers.iter().filter(|(p, _)| validators.index_of(p).is_some()).map(|(_, s)| s.height);
        let mut claims: Vec<Height> = claims.collect();
        claims.sort_unstable_by(|a, b| b.cmp(a));
        claims.get(validators.faults()).copied().unwrap_or_default()
    }

    async fn statuses(&self) -> Vec<(PublicKey, PeerStatus)> {
        let infos = self.network.peers();
        self.shared.status.set_peers(
            infos
                .iter()
                .map(|p| Peer { public_key: p.public_key, address: p.address.clone(), connected: p.connected })
                .collect(),
        );
        let asked = infos.into_iter().filter(|p| p.connected).map(|p| async move {
            let status = timeout(STATUS_WAIT, self.ask(&p.public_key, Question::Status)).await;
            match status {
                Ok(Ok(Answer::Status(status))) => Some((p.public_key, status)),
                _ => None,
            }
        });
        let statuses: Vec<_> = futures::future::join_all(asked).await.into_iter().flatten().collect();
        for (peer, status) in &statuses {
            if let Some(index) = self.shared.genesis.validators().index_of(peer) {
                drop(self.happened.send(Happened::PeerStatus(index, *status)));
            }
        }
        statuses
    }

    async fn ask(&self, peer: &PublicKey, question: Question) -> Result<Answer, String> {
        let bytes = wire::encode("sync request", &question).map_err(|e| e.to_string())?;
        let answer = self.network.request(peer, bytes).await.map_err(|e| e.to_string())?;
        wire::decode("sync answer", &answer).map_err(|e| e.to_string())
    }

    /// Fetches until this node is where the peer said it was, or the peer's turn is over.
    async fn fetch_from(&self, peer: &PublicKey, upto: Height) -> Result<(), String> {
        let begin = Instant::now();
        // Blocks that follow the tip and wait for a certificate.
        let (mut held, mut held_bytes) = (Vec::new(), 0);
        while begin.elapsed() < TURN {
            let tip = self.shared.store.tip().height;
            if tip >= upto {
                return Ok(());
            }
            let next = held.last().map_or(tip, |b: &FinalizedBlock| b.block.header.height).next();
            let Answer::Blocks(raw) = self.ask(peer, Question::Blocks(next)).await? else {
                return Err("an answer to another question".into());
            };
            if raw.is_empty() {
                return Ok(());
            }
            held_bytes += raw.iter().map(Vec::len).sum::<usize>();
            if held_bytes > HELD_BYTES {
                return Err("too many blocks without a certificate".into());
            }
            let decode = move || raw.iter().map(|b| FinalizedBlock::decode(b)).collect::<Result<Vec<_>, _>>();
            let blocks = tokio::task::spawn_blocking(decode).await.map_err(|e| e.to_string())?;
            held.extend(blocks.map_err(|e| e.to_string())?);
            let certified = held.iter().rposition(|b| b.certificate.is_some()).map_or(0, |last| last + 1);
            if certified == 0 {
                continue;
            }
            let rest = held.split_off(certified);
            self.hand_over(std::mem::replace(&mut held, rest)).await?;
            held_bytes = 0;
            let now = self.shared.store.tip().height;
            tracing::info!(%peer, blocks = certified, height = %now, target = %upto, "synced");
            if now == tip {
                return Ok(()); // consensus was faster, or the peer sent what is here already
            }
        }
        Ok(())
    }

    async fn hand_over(&self, blocks: Vec<FinalizedBlock>) -> Result<(), String> {
        let (reply, outcome) = oneshot::channel();
        self.executor.send(Command::Sync(blocks, reply)).map_err(|_| "the executor has ended")?;
        let outcome = outcome.await.map_err(|_| "the executor has ended")?;
        outcome.map_err(|BadBlocks(why)| why.to_owned())
    }
}
