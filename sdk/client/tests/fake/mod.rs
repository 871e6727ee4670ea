//! A node whose answers the test scripts. Each fake has its own runtime, so that killing it cuts its connections as
//! SIGKILL does.

// Two test programs share this; neither uses all of it.
#![allow(dead_code, missing_docs, unreachable_pub)]

use hnchain_crypto::{Digest, SecretKey, merkle};
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::proto::node_server::{Node, NodeServer};
use hnchain_types::proto::*;
use hnchain_types::transaction::{Outcome, Receipt, Transaction};
use hnchain_types::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

pub mod realty;

/// `None` hangs for ever.
type Handler<Q, A> = Arc<dyn Fn(Q) -> Option<Result<A, Status>> + Send + Sync>;

macro_rules! script {
    ($($field:ident, $on:ident: $q:ty => $a:ty;)*) => {
        /// What a fake answers; methods without a handler are refused as unimplemented.
        #[derive(Clone, Default)]
        pub struct Script {
            $($field: Option<Handler<$q, $a>>,)*
            blocks: Option<Handler<SubscribeRequest, Stream>>,
            /// Names of the methods that were called.
            pub calls: Arc<Mutex<Vec<&'static str>>>,
        }

        impl Script {
            $(pub fn $on(mut self, f: impl Fn($q) -> Option<Result<$a, Status>> + Send + Sync + 'static) -> Self {
                self.$field = Some(Arc::new(f));
                self
            })*

            pub fn on_subscribe(mut self, f: impl Fn(SubscribeRequest) -> Stream + Send + Sync + 'static) -> Self {
                self.blocks = Some(Arc::new(move |q| Some(Ok(f(q)))));
                self
            }
        }

        #[tonic::async_trait]
        impl Node for Script {
            $(async fn $field(&self, request: Request<$q>) -> Result<Response<$a>, Status> {
                self.calls.lock().expect("not poisoned").push(stringify!($field));
                let handler = self.$field.clone().ok_or_else(|| Status::unimplemented(stringify!($field)))?;
                match handler(request.into_inner()) {
                    Some(answer) => answer.map(Response::new),
                    None => std::future::pending().await,
                }
            })*

            type SubscribeStream = ReceiverStream<Result<BlockResponse, Status>>;

            async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
                self.calls.lock().expect("not poisoned").push("subscribe");
                let handler = self.blocks.clone().ok_or_else(|| Status::unimplemented("subscribe"))?;
                let Some(Ok((answers, then_end))) = handler(request.into_inner()) else {
                    return Err(Status::unavailable("no stream"));
                };
                let (sender, receiver) = tokio::sync::mpsc::channel(8);
                tokio::spawn(async move {
                    for answer in answers {
                        if sender.send(answer).await.is_err() {
                            return;
                        }
                    }
                    if !then_end {
                        sender.closed().await;
                    }
                });
                Ok(Response::new(ReceiverStream::new(receiver)))
            }
        }
    };
}

/// Answers of a stream, and whether it ends after them.
pub type Stream = (Vec<Result<BlockResponse, Status>>, bool);

script! {
    submit, on_submit: SubmitRequest => SubmitResponse;
    wait, on_wait: WaitRequest => TransactionResponse;
    get_transaction, on_transaction: GetTransactionRequest => TransactionResponse;
    get_block, on_block: GetBlockRequest => BlockResponse;
    get_header, on_header: GetBlockRequest => HeaderResponse;
    get_record, on_record: GetRecordRequest => RecordResponse;
    get_proof, on_proof: GetRecordRequest => ProofResponse;
    get_row_proof, on_row_proof: GetRowProofRequest => ProofResponse;
    list_rows, on_rows: ListRowsRequest => ListRowsResponse;
    get_status, on_status: GetStatusRequest => StatusResponse;
}

/// A running fake.
pub struct Fake {
    pub endpoint: String,
    runtime: Option<Runtime>,
}

impl Fake {
    pub fn start(script: Script) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("socket option");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("inside a runtime");
            let incoming = TcpListenerStream::new(listener);
            tonic::transport::Server::builder().add_service(NodeServer::new(script)).serve_with_incoming(incoming).await
        });
        Self { endpoint, runtime: Some(runtime) }
    }

    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address where nobody listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

pub fn transaction() -> Transaction {
    let key = SecretKey::generate().expect("entropy");
    hnchain_sdk::Signer::new(key, "henan-test").anchor("certificate", "a", 1, Digest::ZERO).expect("valid")
}

pub fn accepted(id: TxId) -> Receipt {
    Receipt::new(id, Height(7), 0, Outcome::Accepted(Vec::new()))
}

pub fn took(id: TxId) -> SubmitResponse {
    SubmitResponse { transaction_id: id.as_ref().to_vec(), receipt: Vec::new() }
}

pub fn state(state: TransactionState, receipt: Option<&Receipt>) -> TransactionResponse {
    let receipt = receipt.map(|r| r.raw().to_vec()).unwrap_or_default();
    TransactionResponse { state: state.into(), transaction: Vec::new(), receipt }
}

/// Blocks 1..=n without transactions, each the child of the one before.
pub fn chain(n: u64) -> Vec<FinalizedBlock> {
    chain_at(n, 1_800_000_000_000)
}

/// Another chain for each start.
pub fn chain_at(n: u64, start_ms: u64) -> Vec<FinalizedBlock> {
    let mut parent = BlockHash(Digest::ZERO);
    (1..=n)
        .map(|height| {
            let header = Header::new(HeaderFields {
                genesis: GenesisDigest(Digest::ZERO),
                epoch: Epoch(0),
                view: View(height),
                height: Height(height),
                parent,
                parent_view: View(height - 1),
                time_ms: start_ms + height,
                payload_root: payload_root::<Vec<u8>>(&[]),
                skips_root: skips_root::<Vec<u8>>(&[]),
                validators: ValidatorsHash(Digest::ZERO),
            });
            parent = header.hash();
            FinalizedBlock {
                block: Block::new(header, Vec::new(), Vec::new()).expect("consistent"),
                result: ExecutionResult::new(
                    StateRoot(Digest::ZERO),
                    merkle::root::<Vec<u8>>(&[]),
                    ValidatorsHash(Digest::ZERO),
                ),
                certificate: None,
                closing: Vec::new(),
                receipts: Vec::new(),
            }
        })
        .collect()
}

pub fn sent(block: &FinalizedBlock) -> Result<BlockResponse, Status> {
    Ok(BlockResponse { block: block.encode() })
}

/// Short bounds, so that a failing test ends soon.
pub fn options() -> hnchain_sdk::Options {
    hnchain_sdk::Options {
        connect: Duration::from_secs(1),
        attempt: Duration::from_millis(700),
        deadline: Duration::from_secs(5),
        rounds: 3,
        backoff: Duration::from_millis(10),
        backoff_max: Duration::from_millis(50),
        patience: Duration::from_millis(400),
        idle: Duration::from_millis(500),
    }
}
