//! The methods of `service.proto`.

use super::{Context, WAIT_MS, subscribe};
use crate::admission::{Admitted, Stored, in_block};
use crate::finality::Settled;
use crate::refusal::{Kind, Refusal};
use crate::shared::Role;
use crate::telemetry::metric;
use hnchain_crypto::Digest;
use hnchain_types::proto::{self, TransactionState, node_server::Node};
use hnchain_types::transaction::RecordKey;
use hnchain_types::{Height, TxId, limits};
use prost::Message;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Request, Response, Status};

/// Tries to read a row and its height from one state while blocks become final.
const READ_TRIES: usize = 16;

/// The service.
pub(crate) struct Service(pub(crate) Arc<Context>);

#[tonic::async_trait]
impl Node for Service {
    type SubscribeStream = subscribe::Blocks;

    async fn submit(&self, request: Request<proto::SubmitRequest>) -> Result<Response<proto::SubmitResponse>, Status> {
        observed("Submit", self.0.submit(request.into_inner())).await
    }

    async fn wait(&self, request: Request<proto::WaitRequest>) -> Result<Response<proto::TransactionResponse>, Status> {
        observed("Wait", self.0.wait(request.into_inner())).await
    }

    async fn get_transaction(
        &self,
        request: Request<proto::GetTransactionRequest>,
    ) -> Result<Response<proto::TransactionResponse>, Status> {
        observed("GetTransaction", self.0.transaction(request.into_inner())).await
    }

    async fn get_block(
        &self,
        request: Request<proto::GetBlockRequest>,
    ) -> Result<Response<proto::BlockResponse>, Status> {
        let block = async { Ok(proto::BlockResponse { block: self.0.block(request.into_inner().height).await? }) };
        observed("GetBlock", block).await
    }

    async fn get_header(
        &self,
        request: Request<proto::GetBlockRequest>,
    ) -> Result<Response<proto::HeaderResponse>, Status> {
        observed("GetHeader", self.0.header(request.into_inner().height)).await
    }

    async fn get_record(
        &self,
        request: Request<proto::GetRecordRequest>,
    ) -> Result<Response<proto::RecordResponse>, Status> {
        observed("GetRecord", self.0.record(request.into_inner())).await
    }

    async fn get_proof(
        &self,
        request: Request<proto::GetRecordRequest>,
    ) -> Result<Response<proto::ProofResponse>, Status> {
        observed("GetProof", self.0.proof(request.into_inner())).await
    }

    async fn get_row_proof(
        &self,
        request: Request<proto::GetRowProofRequest>,
    ) -> Result<Response<proto::ProofResponse>, Status> {
        observed("GetRowProof", self.0.row_proof(request.into_inner().key)).await
    }

    async fn get_status(
        &self,
        _request: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::StatusResponse>, Status> {
        observed("GetStatus", async { Ok(self.0.status()) }).await
    }

    async fn list_rows(
        &self,
        request: Request<proto::ListRowsRequest>,
    ) -> Result<Response<proto::ListRowsResponse>, Status> {
        observed("ListRows", self.0.rows(request.into_inner())).await
    }

    async fn subscribe(
        &self,
        request: Request<proto::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        observed("Subscribe", async { subscribe::open(&self.0, request.into_inner()) }).await
    }
}

/// Counts and times a call.
async fn observed<T>(
    method: &'static str,
    call: impl Future<Output = Result<T, Refusal>>,
) -> Result<Response<T>, Status> {
    let start = Instant::now();
    let result = call.await;
    let code = result.as_ref().map_or_else(|refusal| refusal.code, |_| "OK");
    metrics::counter!(metric::RPC_REQUESTS, "method" => method, "code" => code).increment(1);
    metrics::histogram!(metric::RPC_SECONDS, "method" => method).record(start.elapsed().as_secs_f64());
    result.map(Response::new).map_err(Status::from)
}

impl Context {
    async fn submit(&self, request: proto::SubmitRequest) -> Result<proto::SubmitResponse, Refusal> {
        let (id, receipt) = match self.admission.submit(&request.transaction).await? {
            Admitted::New(id) | Admitted::Pending(id) => (id, Vec::new()),
            Admitted::Final(id, receipt) => (id, receipt),
        };
        Ok(proto::SubmitResponse { transaction_id: id.as_ref().to_vec(), receipt })
    }

    async fn wait(&self, request: proto::WaitRequest) -> Result<proto::TransactionResponse, Refusal> {
        let id = tx_id(&request.transaction_id)?;
        if request.timeout_ms > WAIT_MS {
            return Err(Refusal::new(
                "WAIT_TIMEOUT_RANGE",
                Kind::Invalid,
                format!("timeout_ms is {}, at most {WAIT_MS} is allowed", request.timeout_ms),
                format!("timeout_ms 为 {}，最多允许 {WAIT_MS}", request.timeout_ms),
            ));
        }
        // Registered before the store is asked: what becomes final in between wakes the waiter.
        let mut waiter = self.shared.finality.wait(id)?;
        if self.shared.store.transaction(&id)?.is_some() {
            return self.stored(id).await;
        }
        let timeout = Duration::from_millis(u64::from(request.timeout_ms));
        tokio::select! {
            settled = waiter.settled() => match settled {
                Some(Settled::Final(block, index)) => in_block(&block, index)
                    .map(final_response)
                    .ok_or_else(|| Refusal::storage(&"a final block has no such transaction")),
                Some(Settled::Expired) => Err(expired()),
                None => Err(Refusal::stopping()),
            },
            () = tokio::time::sleep(timeout) => Err(self.not_yet(&id)),
            () = self.stop.cancelled() => Err(Refusal::stopping()),
        }
    }

    fn not_yet(&self, id: &TxId) -> Refusal {
        let (en, zh) = if self.shared.mempool.contains(id) {
            ("still waits for a block", "仍在等待出块")
        } else {
            ("is not in this node's queue; submit it again", "不在本节点的队列中，请重新提交")
        };
        Refusal::new("WAIT_TIMEOUT", Kind::Deadline, format!("the transaction {en}"), format!("等待超时：交易{zh}"))
    }

    async fn stored(&self, id: TxId) -> Result<proto::TransactionResponse, Refusal> {
        let stored = self.read(move |_, admission| admission.stored(&id)).await?;
        stored.map(final_response).ok_or_else(|| Refusal::storage(&"a final transaction disappeared"))
    }

    async fn transaction(&self, request: proto::GetTransactionRequest) -> Result<proto::TransactionResponse, Refusal> {
        let id = tx_id(&request.transaction_id)?;
        // The mempool first: what leaves it has become final before, so that nothing falls through.
        let pending = self.shared.mempool.get(&id);
        if self.shared.store.transaction(&id)?.is_some() {
            return self.stored(id).await;
        }
        Ok(match pending {
            Some(tx) => proto::TransactionResponse {
                state: TransactionState::Pending.into(),
                transaction: tx.raw().to_vec(),
                receipt: Vec::new(),
            },
            None => proto::TransactionResponse {
                state: TransactionState::Unknown.into(),
                transaction: Vec::new(),
                receipt: Vec::new(),
            },
        })
    }

    async fn block(&self, height: u64) -> Result<Vec<u8>, Refusal> {
        self.read(move |shared, _| {
            let tip = shared.store.tip().height;
            let height = if height == 0 { tip } else { Height(height) };
            let first = shared.store.first_height();
            if height < first || height > tip {
                return Err(no_block(height, first, tip));
            }
            shared.store.block(height)?.ok_or_else(|| Refusal::storage(&format!("block {height} is missing")))
        })
        .await
    }

    async fn header(&self, height: u64) -> Result<proto::HeaderResponse, Refusal> {
        let raw = self.block(height).await?;
        let block = proto::FinalizedBlock::decode(raw.as_slice()).map_err(|e| Refusal::storage(&e))?;
        Ok(proto::HeaderResponse {
            header: block.block.map(|b| b.header).unwrap_or_default(),
            result: block.result,
            // A certificate of a void descendant is not one over this header.
            certificate: if block.closing.is_empty() { block.certificate } else { Vec::new() },
        })
    }

    async fn record(&self, request: proto::GetRecordRequest) -> Result<proto::RecordResponse, Refusal> {
        let key = RecordKey::new(&request.namespace, &request.id)?.state_key();
        self.read(move |shared, _| {
            for _ in 0..READ_TRIES {
                let height = shared.store.tip().height;
                let record = shared.store.row(&key)?.unwrap_or_default();
                if shared.store.tip().height == height {
                    return Ok(proto::RecordResponse { record, height: height.0 });
                }
            }
            Err(Refusal::contended())
        })
        .await
    }

    async fn proof(&self, request: proto::GetRecordRequest) -> Result<proto::ProofResponse, Refusal> {
        self.prove(RecordKey::new(&request.namespace, &request.id)?.state_key()).await
    }

    async fn row_proof(&self, key: String) -> Result<proto::ProofResponse, Refusal> {
        if key.is_empty() || key.len() > limits::KEY_BYTES {
            return Err(Refusal::new(
                "ROW_KEY",
                Kind::Invalid,
                format!("a key has 1 to {} bytes", limits::KEY_BYTES),
                format!("键的长度须为 1 至 {} 字节", limits::KEY_BYTES),
            ));
        }
        self.prove(key).await
    }

    async fn prove(&self, key: String) -> Result<proto::ProofResponse, Refusal> {
        let proven = self.read(move |shared, _| Ok(shared.store.prove(&key)?)).await?;
        let Some(proven) = proven else {
            return Err(Refusal::new(
                "PROOF_NOT_READY",
                Kind::Unavailable,
                "no block is final yet, so nothing is certified; try again in a moment",
                "尚无最终确认的区块，暂时无法出具证明，请稍后重试",
            ));
        };
        let bundle = proto::ProofBundle {
            version: 1,
            header: proven.header,
            result: proven.result,
            certificate: proven.certificate,
            state: Some(proven.state),
            opening: None,
            path: proven.path,
        };
        Ok(proto::ProofResponse { bundle: Some(bundle) })
    }

    pub(crate) fn status(&self) -> proto::StatusResponse {
        let (shared, tip) = (&self.shared, self.shared.store.tip());
        let position = shared.status.position();
        let peers = shared.status.peers().into_iter().map(|p| proto::PeerStatus {
            public_key: p.public_key.as_bytes().to_vec(),
            address: p.address,
            connected: p.connected,
        });
        proto::StatusResponse {
            chain_id: shared.chain.chain_id.clone(),
            genesis: shared.chain.genesis.as_ref().to_vec(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: position.epoch.0,
            view: position.view.0,
            height: tip.height.0,
            block: tip.block.as_ref().to_vec(),
            time_ms: tip.time_ms,
            network_height: shared.status.network_height().max(tip.height).0,
            validator: match shared.role() {
                Role::Validator(index) => Some(index.0),
                Role::Observer => None,
            },
            peers: peers.collect(),
            mempool_transactions: shared.mempool.len() as u64,
            mempool_bytes: shared.mempool.bytes() as u64,
            state_root: tip.state_root.as_ref().to_vec(),
            nullified_views: shared.status.nullified_views(),
        }
    }
}

fn tx_id(bytes: &[u8]) -> Result<TxId, Refusal> {
    Digest::try_from(bytes).map(TxId).map_err(|_| {
        Refusal::new(
            "TX_ID_LENGTH",
            Kind::Invalid,
            format!("transaction_id has {} bytes, 32 are needed", bytes.len()),
            format!("transaction_id 为 {} 字节，应为 32 字节", bytes.len()),
        )
    })
}

fn final_response(stored: Stored) -> proto::TransactionResponse {
    proto::TransactionResponse {
        state: TransactionState::Final.into(),
        transaction: stored.transaction,
        receipt: stored.receipt,
    }
}

fn expired() -> Refusal {
    Refusal::new(
        "TX_EXPIRED",
        Kind::Conflict,
        "the transaction's validity ended before a block included it; sign it again",
        "交易在上链前已过有效期，请重新签名提交",
    )
}

/// Why a height is not here: it is yet to come, or the store began above it.
pub(crate) fn no_block(height: Height, first: Height, tip: Height) -> Refusal {
    if height >= first || first == Height(1) {
        return Refusal::new(
            "BLOCK_NOT_FOUND",
            Kind::NotFound,
            format!("there is no block {height} here yet; the newest is {tip}"),
            format!("本节点尚无高度为 {height} 的区块，最新高度为 {tip}"),
        );
    }
    Refusal::new(
        "BLOCK_PRUNED",
        Kind::NotFound,
        format!("this node began from a snapshot and has no blocks below {first}; ask another node for block {height}"),
        format!("本节点由快照建立，没有高度 {first} 以下的区块；请向其他节点查询高度为 {height} 的区块"),
    )
}
