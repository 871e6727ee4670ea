//! The load generator against nodes that only pretend: its counts must be theirs.

use futures::Stream;
use hnchain_benches::fixture;
use hnchain_benches::load::{self, Options};
use hnchain_benches::plan::Schedule;
use hnchain_benches::target::{Node as Place, Signer, Target};
use hnchain_crypto::{Digest, sm3};
use hnchain_types::block::{Header, HeaderFields};
use hnchain_types::proto::node_server::{Node, NodeServer};
use hnchain_types::proto::{self, *};
use hnchain_types::transaction::{Outcome, Receipt, Transaction};
use hnchain_types::{Height, View};
use prost::Message;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

/// Every so many submissions one is refused.
const REFUSE: usize = 7;
/// Every so many transactions of the chain one is rejected by a rule.
const REJECT: usize = 5;
/// Blocks after which a subscription breaks.
const BREAK: u64 = 3;

/// One chain that all pretending nodes share.
#[derive(Debug)]
struct Chain {
    queue: Mutex<Vec<Transaction>>,
    submissions: Mutex<usize>,
    ordered: Mutex<usize>,
    blocks: watch::Sender<Vec<Vec<u8>>>,
}

impl Chain {
    fn order(&self) {
        let transactions = std::mem::take(&mut *self.queue.lock().expect("no panic"));
        if transactions.is_empty() {
            return;
        }
        let height = Height(self.blocks.borrow().len() as u64 + 1);
        let mut ordered = self.ordered.lock().expect("no panic");
        let receipts = transactions.iter().zip(0u32..).map(|(tx, index)| {
            *ordered += 1;
            let rejection = proto::Rejection { code: "ANCHOR_EXISTS".into(), ..Default::default() };
            let refused = ordered.is_multiple_of(REJECT);
            let outcome = if refused { Outcome::Rejected(rejection) } else { Outcome::Accepted(Vec::new()) };
            Receipt::new(tx.id(), height, index, outcome).raw().to_vec()
        });
        let block = proto::FinalizedBlock {
            block: Some(proto::Block { header: header(height), ..Default::default() }),
            receipts: receipts.collect(),
            ..Default::default()
        };
        self.blocks.send_modify(|blocks| blocks.push(block.encode_to_vec()));
    }
}

fn header(height: Height) -> Vec<u8> {
    let genesis = fixture::genesis(1);
    let fields = HeaderFields {
        genesis: genesis.digest(),
        epoch: genesis.epoch(),
        view: View(height.0),
        height,
        parent: genesis.block_hash(),
        parent_view: View(height.0 - 1),
        time_ms: fixture::GENESIS_MS + height.0,
        payload_root: Digest::ZERO,
        skips_root: sm3(b""),
        validators: genesis.validators().hash(),
    };
    Header::new(fields).raw().to_vec()
}

struct Pretender(Arc<Chain>);

type Blocks = Pin<Box<dyn Stream<Item = Result<BlockResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Node for Pretender {
    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<SubmitResponse>, Status> {
        let raw = request.into_inner().transaction;
        let tx = Transaction::decode(&raw).map_err(|e| Status::invalid_argument(e.to_string()))?;
        let mut submissions = self.0.submissions.lock().expect("no panic");
        *submissions += 1;
        if submissions.is_multiple_of(REFUSE) {
            let mut status = Status::resource_exhausted("the queue is full");
            status.metadata_mut().insert("hnchain-code", "MEMPOOL_FULL".parse().expect("ASCII"));
            return Err(status);
        }
        let response = SubmitResponse { transaction_id: tx.id().0.0.to_vec(), receipt: Vec::new() };
        self.0.queue.lock().expect("no panic").push(tx);
        Ok(Response::new(response))
    }

    type SubscribeStream = Blocks;

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Blocks>, Status> {
        let from = request.into_inner().from_height;
        let blocks = self.0.blocks.subscribe();
        let stream = futures::stream::unfold((blocks, from), move |(mut blocks, next)| async move {
            if next >= from + BREAK {
                return None;
            }
            let index = usize::try_from(next - 1).ok()?;
            let block = blocks.wait_for(|b| b.len() > index).await.ok()?.get(index)?.clone();
            Some((Ok(BlockResponse { block }), (blocks, next + 1)))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let genesis = fixture::genesis(1).digest().as_ref().to_vec();
        let height = self.0.blocks.borrow().len() as u64;
        Ok(Response::new(StatusResponse { genesis, height, nullified_views: 2, ..Default::default() }))
    }

    async fn list_rows(&self, _: Request<ListRowsRequest>) -> Result<Response<ListRowsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn wait(&self, _: Request<WaitRequest>) -> Result<Response<TransactionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_transaction(
        &self,
        _: Request<GetTransactionRequest>,
    ) -> Result<Response<TransactionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_block(&self, _: Request<GetBlockRequest>) -> Result<Response<BlockResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_header(&self, _: Request<GetBlockRequest>) -> Result<Response<HeaderResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_record(&self, _: Request<GetRecordRequest>) -> Result<Response<RecordResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_proof(&self, _: Request<GetRecordRequest>) -> Result<Response<ProofResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_row_proof(&self, _: Request<GetRowProofRequest>) -> Result<Response<ProofResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Starts `n` nodes of one chain that makes a block every 20 ms.
async fn nodes(n: usize) -> Vec<Place> {
    let chain = Arc::new(Chain {
        queue: Mutex::default(),
        submissions: Mutex::default(),
        ordered: Mutex::default(),
        blocks: watch::channel(Vec::new()).0,
    });
    let mut places = Vec::new();
    for i in 0..n {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = tonic::transport::Server::builder().add_service(NodeServer::new(Pretender(Arc::clone(&chain))));
        tokio::spawn(server.serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)));
        places.push(Place { name: format!("node{i}"), endpoint: format!("http://{address}"), pid: None });
    }
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            chain.order();
        }
    });
    places
}

fn options(rate: u32) -> Options {
    let schedule = Schedule::new(rate, Duration::from_secs(1)).expect("valid");
    Options { schedule, connections: 2, drain: Duration::from_secs(20) }
}

fn target(genesis: hnchain_types::genesis::Genesis, nodes: Vec<Place>) -> Target {
    let signer = Signer { key: fixture::writer(), namespace: fixture::NAMESPACE.into() };
    Target::new(genesis, nodes, vec![signer]).expect("nodes and a signer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_offered_transaction_is_accounted_for_though_subscriptions_break() {
    let target = target(fixture::genesis(1), nodes(3).await);
    let report = load::run(&target, options(210)).await.expect("runs");
    assert_eq!(report.offered, 210);
    assert_eq!(report.refused.get("MEMPOOL_FULL"), Some(&30), "{report:?}");
    assert_eq!(report.rejected.get("ANCHOR_EXISTS"), Some(&36), "{report:?}");
    assert_eq!((report.submitted, report.finalized), (180, 144), "{report:?}");
    assert_eq!((report.lost, report.duplicates, report.unanswered.len()), (0, 0, 0), "{report:?}");
    assert_eq!(report.latency.count, 180);
    assert!(report.latency.p50_ms > 0.0 && report.latency.max_ms < 15_000.0, "{report:?}");
    assert!(report.per_node.iter().all(|n| n.nullified_views == [2, 2] && n.height[1] > n.height[0]));
    assert!(!report.complete(), "refusals make a run incomplete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_another_chain_are_not_loaded() {
    let target = target(fixture::genesis(4), nodes(1).await);
    let error = load::run(&target, options(10)).await.expect_err("another genesis");
    assert!(error.to_string().contains("another chain"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_node_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let nodes = vec![Place { name: "node9".into(), endpoint, pid: None }];
    let error = load::run(&target(fixture::genesis(1), nodes), options(10)).await.expect_err("nobody listens");
    assert!(format!("{error:#}").contains("cannot reach node9"), "{error:#}");
}
