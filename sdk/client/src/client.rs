//! The client: questions and submissions over a list of nodes.

use crate::error::Error;
use crate::nodes::{Failure, Nodes, Peer, left};
use crate::options::Options;
use crate::read::{self, CertifiedHeader, NodeStatus, RecordAnswer, Submitted, TransactionState};
use crate::signer::{Draft, Signer};
use crate::subscribe::Blocks;
use hnchain_crypto::Digest;
use hnchain_proof::{Bundle, Opening, Verdict};
use hnchain_types::block::{FinalizedBlock, Header};
use hnchain_types::genesis::Genesis;
use hnchain_types::transaction::{Receipt, RecordKey, Transaction};
use hnchain_types::{DecodeError, Height, TxId, proto};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How much longer than its own timeout a node may take to answer `Wait`.
const WAIT_GRACE: Duration = Duration::from_secs(2);
/// Right after finality another node, or one that saw only a descendant's certificate, may still prove the state before.
/// Asking again this often bridges that.
const PROOF_RETRIES: u32 = 10;

/// A client of a chain over a list of its nodes. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    nodes: Arc<Nodes>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes.names()).finish()
    }
}

/// A document that is anchored, and what its holder must keep.
#[derive(Clone, Debug)]
pub struct Anchored {
    /// The accepted transaction.
    pub receipt: Receipt,
    /// What was signed, with the opening to keep.
    pub draft: Draft,
}

/// An anchor that did not come to its end. Where a draft exists, its transaction may still become final: keep its opening
/// and submit the same transaction again.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct AnchorFailure {
    /// What went wrong.
    #[source]
    pub error: Error,
    /// What was signed, unless it failed before that.
    pub draft: Option<Box<Draft>>,
}

impl From<AnchorFailure> for Error {
    fn from(f: AnchorFailure) -> Self {
        f.error
    }
}

impl Client {
    /// A client of the nodes at `endpoints` (`http://host:port`). Connects at first use.
    ///
    /// # Errors
    /// No endpoint, or one that is not an http address.
    pub fn new(endpoints: Vec<String>, options: Options) -> Result<Self, Error> {
        Ok(Self { nodes: Arc::new(Nodes::new(endpoints, options)?) })
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.nodes.options.deadline
    }

    /// Hands in one transaction. Returns once a node checked and queued it, not when it is final.
    ///
    /// Submitting the same bytes again, anywhere, is safe: they are applied once.
    ///
    /// # Errors
    /// [`Error::Refused`] by a node's checks, or no node answered.
    pub async fn submit(&self, transaction: &Transaction) -> Result<Submitted, Error> {
        self.submit_until(transaction, self.deadline()).await.map(|(_, s)| s)
    }

    async fn submit_until(&self, transaction: &Transaction, deadline: Instant) -> Result<(usize, Submitted), Error> {
        const WHAT: &str = "submit";
        let id = transaction.id();
        self.nodes
            .call(WHAT, deadline, |mut peer| async move {
                let request = proto::SubmitRequest { transaction: transaction.raw().to_vec() };
                let answer = peer.client.submit(request).await.map_err(|s| peer.failed(WHAT, &s))?.into_inner();
                if answer.transaction_id != id.as_ref() {
                    return Err(peer.bad(WHAT, "the answer is about another transaction"));
                }
                let receipt = match answer.receipt.as_slice() {
                    [] => None,
                    raw => Some(read::receipt_of(&id, raw).map_err(|e| peer.bad(WHAT, &e))?),
                };
                Ok((peer.index, Submitted { id, receipt, endpoint: peer.name.to_string() }))
            })
            .await
    }

    /// Waits until a transaction is final, and returns its receipt whatever became of it: see [`Receipt::accepted`].
    ///
    /// # Errors
    /// [`Error::Unsettled`] when the time passes, [`Error::Unreachable`] or [`Error::Deadline`] when no node ever answered.
    pub async fn wait(&self, id: &TxId, timeout: Duration) -> Result<Receipt, Error> {
        let deadline = Instant::now() + timeout;
        let (mut heard, mut last, mut round) = (false, None, 0u32);
        loop {
            let peer = self.nodes.peer(self.nodes.preferred());
            let index = peer.index;
            let asked = Instant::now();
            match self.wait_at(peer, id, deadline).await {
                Ok(TransactionState::Final { receipt, .. }) => return Ok(receipt),
                Ok(_) => heard = true,
                Err(Failure::Final(e)) => return Err(e),
                Err(Failure::Transient(e) | Failure::Elsewhere(e)) => last = Some(e),
            }
            self.nodes.avoid(index);
            // An answer that came at once must not become a busy loop.
            let pause = self.nodes.options.pause(round).saturating_sub(asked.elapsed());
            round = round.saturating_add(1);
            match left(deadline) {
                Some(left) if left > pause => sleep(pause).await,
                _ => break,
            }
        }
        match last {
            Some(e) if !heard => Err(e),
            last => Err(Error::Unsettled { id: *id, last: last.map(Box::new) }),
        }
    }

    /// One `Wait` at one node, for as long as patience and deadline allow.
    async fn wait_at(&self, mut peer: Peer, id: &TxId, deadline: Instant) -> Result<TransactionState, Failure> {
        const WHAT: &str = "wait";
        let chunk = left(deadline).unwrap_or_default().min(self.nodes.options.patience);
        let timeout_ms = u32::try_from(chunk.as_millis()).unwrap_or(u32::MAX).max(1);
        let name = Arc::clone(&peer.name);
        let ask = async {
            let request = proto::WaitRequest { transaction_id: id.as_ref().to_vec(), timeout_ms };
            match peer.client.wait(request).await {
                Ok(answer) => read::transaction_state(id, &answer.into_inner()).map_err(|e| peer.bad(WHAT, &e)),
                // The node's way to say that its own timeout passed.
                Err(s) if s.code() == tonic::Code::DeadlineExceeded => Ok(TransactionState::Pending(None)),
                Err(s) if s.code() == tonic::Code::NotFound => Ok(TransactionState::Unknown),
                Err(s) => Err(peer.failed(WHAT, &s)),
            }
        };
        self.nodes.once(WHAT, chunk + WAIT_GRACE, ask, &name).await
    }

    /// Hands in a transaction and waits until it is final. When the node that took it dies, forgets it or is slow, the
    /// same bytes go to the next node; the chain applies them once.
    ///
    /// # Errors
    /// [`Error::Rejected`] by the ledger (with the receipt), [`Error::Refused`] by a node before any took it (unless
    /// [`crate::Refusal::uncertain`]), [`Error::Unsettled`] when the time passes, or no node answered.
    pub async fn submit_and_wait(&self, transaction: &Transaction, timeout: Duration) -> Result<Receipt, Error> {
        let deadline = Instant::now() + timeout;
        let id = transaction.id();
        let (mut delivered, mut last, mut round) = (false, None, 0u32);
        while left(deadline).is_some() {
            let started = Instant::now();
            match self.submit_until(transaction, deadline).await {
                Ok((_, Submitted { receipt: Some(receipt), .. })) => return settled(receipt),
                Ok((index, _)) => {
                    delivered = true;
                    match self.wait_at(self.nodes.peer(index), &id, deadline).await {
                        Ok(TransactionState::Final { receipt, .. }) => return settled(receipt),
                        Ok(_) => {}
                        Err(Failure::Transient(e) | Failure::Elsewhere(e) | Failure::Final(e)) => last = Some(e),
                    }
                    self.nodes.avoid(index);
                }
                // Handed in before, by an attempt whose answer was lost or by somebody else: it is in a block.
                Err(e) if delivered || e.code() == "TX_REPLAYED" => {
                    delivered = true;
                    let until = deadline.min(Instant::now() + self.nodes.options.patience);
                    match self.wait(&id, until.saturating_duration_since(Instant::now())).await {
                        Ok(receipt) => return settled(receipt),
                        // Its time is over, and no node has it in a block.
                        Err(_not_yet) if e.code() == "TX_EXPIRED" => {
                            return Err(Error::Unsettled { id, last: Some(Box::new(e)) });
                        }
                        Err(_not_yet) => last = Some(e),
                    }
                }
                Err(e) => return Err(e),
            }
            let pause = self.nodes.options.pause(round).saturating_sub(started.elapsed());
            round = round.saturating_add(1);
            sleep(pause.min(left(deadline).unwrap_or_default())).await;
        }
        Err(Error::Unsettled { id, last: last.map(Box::new) })
    }

    /// Salts, commits to, signs, submits and waits for one document as version 1 of a record.
    ///
    /// # Errors
    /// As [`Client::submit_and_wait`]; the failure carries the draft, because its transaction may still become final.
    pub async fn anchor_document(
        &self,
        signer: &Signer,
        document: &[u8],
        namespace: &str,
        id: &str,
        timeout: Duration,
    ) -> Result<Anchored, AnchorFailure> {
        let draft = signer.draft(namespace, id, 1, document).map_err(|error| AnchorFailure { error, draft: None })?;
        match self.submit_and_wait(&draft.transaction, timeout).await {
            Ok(receipt) => Ok(Anchored { receipt, draft }),
            Err(error) => Err(AnchorFailure { error, draft: Some(Box::new(draft)) }),
        }
    }

    /// [`Client::anchor_document`] for the bytes of a file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`Client::anchor_document`].
    pub async fn anchor_file(
        &self,
        signer: &Signer,
        path: impl AsRef<Path>,
        namespace: &str,
        id: &str,
        timeout: Duration,
    ) -> Result<Anchored, AnchorFailure> {
        let path = path.as_ref();
        let document = tokio::fs::read(path).await.map_err(|e| AnchorFailure {
            error: Error::File { path: path.to_path_buf(), why: e.to_string() },
            draft: None,
        })?;
        self.anchor_document(signer, &document, namespace, id, timeout).await
    }

    /// A record as one node reports it, unproven.
    ///
    /// # Errors
    /// Names that break a format rule, or no node answered.
    pub async fn record(&self, namespace: &str, id: &str) -> Result<RecordAnswer, Error> {
        const WHAT: &str = "record";
        let key = &read::key(namespace, id)?;
        self.nodes
            .call(WHAT, self.deadline(), |mut peer| async move {
                let answer = peer.client.get_record(record_request(key)).await.map_err(|s| peer.failed(WHAT, &s))?;
                let answer = answer.into_inner();
                let record = read::record(key, &answer.record).map_err(|e| peer.bad(WHAT, &e))?;
                Ok(RecordAnswer { record, height: Height(answer.height), endpoint: peer.name.to_string() })
            })
            .await
    }

    /// Proof of a record's presence or absence in the newest certified state. It is about the record that was asked for;
    /// whether it holds says [`hnchain_proof::verify`] against a genesis, or [`Client::prove_verified`].
    ///
    /// # Errors
    /// Names that break a format rule, nothing certified yet, or no node answered.
    pub async fn prove(&self, namespace: &str, id: &str) -> Result<Bundle, Error> {
        self.prove_since(namespace, id, Height(0)).await
    }

    /// [`Client::prove`] in a state at or after a height: after `submit_and_wait`, the receipt's height makes sure that
    /// the proof is about the record just written, whichever node answers.
    ///
    /// # Errors
    /// As [`Client::prove`]; [`Error::Behind`] when no node has come that far.
    pub async fn prove_since(&self, namespace: &str, id: &str, height: Height) -> Result<Bundle, Error> {
        let key = read::key(namespace, id)?;
        self.prove_checked(&key.state_key(), height, |_| Ok(())).await
    }

    /// Proof of any row of the state by its readable key, in a state at or after a height: whether there is one, and what it
    /// says. Whether it holds says [`hnchain_proof::verify_row`] against a genesis.
    ///
    /// # Errors
    /// As [`Client::prove_since`].
    pub async fn prove_row(&self, key: &str, height: Height) -> Result<Bundle, Error> {
        self.prove_checked(key, height, |_| Ok(())).await
    }

    async fn prove_checked<C>(&self, key: &str, since: Height, check: C) -> Result<Bundle, Error>
    where
        C: Fn(&Bundle) -> Result<(), String> + Copy,
    {
        const WHAT: &str = "prove";
        self.nodes
            .call(WHAT, self.deadline(), |mut peer| async move {
                let answer = match RecordKey::of_state_key(key) {
                    Some(record) => peer.client.get_proof(record_request(&record)).await,
                    None => peer.client.get_row_proof(proto::GetRowProofRequest { key: key.to_owned() }).await,
                };
                let answer = answer.map_err(|s| peer.failed(WHAT, &s))?;
                let message = answer.into_inner().bundle.ok_or_else(|| peer.bad(WHAT, "no bundle"))?;
                let bundle = Bundle::from_message(message).map_err(|e| peer.bad(WHAT, &e))?;
                if bundle.key() != key {
                    return Err(peer.bad(WHAT, "the proof is about another row"));
                }
                let height = height(&bundle).map_err(|e| peer.bad(WHAT, &e))?;
                if height < since {
                    let endpoint = peer.name.to_string();
                    return Err(Failure::Transient(Error::Behind { endpoint, height, wanted: since }));
                }
                check(&bundle).map_err(|e| peer.bad(WHAT, &e))?;
                Ok(bundle)
            })
            .await
    }

    /// [`Client::prove`] and verify: a node whose proof does not hold under `trust` is passed over.
    ///
    /// # Errors
    /// As [`Client::prove`]; [`Error::BadResponse`] when every node's proof is false.
    pub async fn prove_verified(&self, namespace: &str, id: &str, trust: &Genesis) -> Result<(Bundle, Verdict), Error> {
        let key = read::key(namespace, id)?;
        let holds = |b: &Bundle| hnchain_proof::verify(b, trust).map(|_| ()).map_err(|e| e.to_string());
        let bundle = self.prove_checked(&key.state_key(), Height(0), holds).await?;
        let verdict = hnchain_proof::verify(&bundle, trust)?;
        Ok((bundle, verdict))
    }

    /// [`Client::prove`] with the holder's opening enclosed, so that the bundle also proves which document it is about.
    /// Bridges the short time in which the newest certified state is still the one before the record.
    ///
    /// # Errors
    /// As [`Client::prove`]; [`Error::Opening`] when it does not open the record's commitment.
    pub async fn prove_with_opening(&self, namespace: &str, id: &str, opening: &Opening) -> Result<Bundle, Error> {
        for _ in 0..PROOF_RETRIES {
            let bundle = self.prove(namespace, id).await?;
            if commitment(&bundle)?.is_some_and(|(_, c)| opening.opens(&c)) {
                return Ok(bundle.with_opening(*opening));
            }
            sleep(self.nodes.options.pause(0)).await;
        }
        let version = commitment(&self.prove(namespace, id).await?)?.map_or(0, |(version, _)| version);
        Err(Error::Opening { version })
    }

    /// Status of the node that answers first.
    ///
    /// # Errors
    /// No node answered.
    pub async fn status(&self) -> Result<NodeStatus, Error> {
        self.nodes.call("status", self.deadline(), status_of).await
    }

    /// Status of every node, in the order of the endpoints, each asked once and all at the same time.
    pub async fn statuses(&self) -> Vec<(String, Result<NodeStatus, Error>)> {
        let limit = self.nodes.options.attempt;
        let asks = (0..self.nodes.len()).map(|index| async move {
            let peer = self.nodes.peer(index);
            let name = peer.name.to_string();
            let answer = self.nodes.once("status", limit, status_of(peer), &name).await;
            (name, answer.map_err(|(Failure::Transient(e) | Failure::Elsewhere(e) | Failure::Final(e))| e))
        });
        futures::future::join_all(asks).await
    }

    /// A finalized block; `Height(0)` asks for the newest. Its parts belong together; signatures are not checked.
    ///
    /// # Errors
    /// No such block (`RPC_NOT_FOUND` or the node's code), or no node answered.
    pub async fn block(&self, height: Height) -> Result<FinalizedBlock, Error> {
        const WHAT: &str = "block";
        self.nodes
            .call(WHAT, self.deadline(), |mut peer| async move {
                let request = proto::GetBlockRequest { height: height.0 };
                let answer = peer.client.get_block(request).await.map_err(|s| peer.failed(WHAT, &s))?.into_inner();
                let block = FinalizedBlock::decode(&answer.block).map_err(|e| peer.bad(WHAT, &e))?;
                read::same_height(height, block.block.header.height).map_err(|e| peer.bad(WHAT, &e))?;
                Ok(block)
            })
            .await
    }

    /// A finalized header with its result; `Height(0)` asks for the newest.
    ///
    /// # Errors
    /// As [`Client::block`].
    pub async fn header(&self, height: Height) -> Result<CertifiedHeader, Error> {
        const WHAT: &str = "header";
        self.nodes
            .call(WHAT, self.deadline(), |mut peer| async move {
                let request = proto::GetBlockRequest { height: height.0 };
                let answer = peer.client.get_header(request).await.map_err(|s| peer.failed(WHAT, &s))?.into_inner();
                read::header(height, &answer).map_err(|e| peer.bad(WHAT, &e))
            })
            .await
    }

    /// What a node knows of a transaction.
    ///
    /// # Errors
    /// No node answered.
    pub async fn transaction(&self, id: &TxId) -> Result<TransactionState, Error> {
        const WHAT: &str = "transaction";
        self.nodes
            .call(WHAT, self.deadline(), |mut peer| async move {
                let request = proto::GetTransactionRequest { transaction_id: id.as_ref().to_vec() };
                match peer.client.get_transaction(request).await {
                    Ok(answer) => read::transaction_state(id, &answer.into_inner()).map_err(|e| peer.bad(WHAT, &e)),
                    Err(s) if s.code() == tonic::Code::NotFound => Ok(TransactionState::Unknown),
                    Err(s) => Err(peer.failed(WHAT, &s)),
                }
            })
            .await
    }

    /// Finalized blocks from a height on (`Height(0)`: from the next one), in order, without gaps or duplicates. When a
    /// node fails, goes silent or sends a block that does not follow, the stream resumes at another node.
    #[must_use]
    pub fn subscribe(&self, from: Height) -> Blocks {
        Blocks::new(Arc::clone(&self.nodes), from)
    }
}

/// Height that a bundle claims.
fn height(bundle: &Bundle) -> Result<Height, DecodeError> {
    Ok(Header::decode(&bundle.to_message().header)?.height)
}

/// Version and commitment of the record in a bundle.
fn commitment(bundle: &Bundle) -> Result<Option<(u64, Digest)>, Error> {
    let state = bundle.to_message().state.unwrap_or_default();
    let Some(key) = bundle.record_key().filter(|_| state.present) else { return Ok(None) };
    let bad = |why| Error::BadResponse { endpoint: "the node".to_owned(), what: "prove", why };
    let record = read::record(&key, &state.value).map_err(bad)?;
    Ok(record.map(|r| (r.version, r.commitment)))
}

async fn status_of(mut peer: Peer) -> Result<NodeStatus, Failure> {
    const WHAT: &str = "status";
    let answer = peer.client.get_status(proto::GetStatusRequest {}).await.map_err(|s| peer.failed(WHAT, &s))?;
    read::status(&peer.name, answer.into_inner()).map_err(|e| peer.bad(WHAT, &e))
}

fn record_request(key: &RecordKey) -> proto::GetRecordRequest {
    proto::GetRecordRequest { namespace: key.namespace().to_owned(), id: key.id().to_owned() }
}

fn settled(receipt: Receipt) -> Result<Receipt, Error> {
    if receipt.accepted() { Ok(receipt) } else { Err(Error::Rejected(Box::new(receipt))) }
}
