//! The service for applications: any bytes as the message of any call, over a real connection.
//!
//! An input is the number of a method and the message. Every answer is one: a message, or a refusal with a stable code.

use crate::targets::samples::Put;
use crate::targets::truth::vector;
use crate::targets::{said, truth};
use hnchain_ledger::{Chain, genesis_rows};
use hnchain_node::admission::Admission;
use hnchain_node::config;
use hnchain_node::finality::FinalityHub;
use hnchain_node::mempool::{Limits, Mempool};
use hnchain_node::rpc::Rpc;
use hnchain_node::shared::{Committee, Shared};
use hnchain_node::status::StatusBoard;
use hnchain_node::verify::Verifier;
use hnchain_storage::Store;
use hnchain_types::proto;
use metrics_exporter_prometheus::PrometheusBuilder;
use prost::Message;
use prost::bytes::{Buf, BufMut};
use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// Methods that answer at once.
const METHODS: [&str; 9] =
    ["Submit", "Wait", "GetTransaction", "GetBlock", "GetHeader", "GetRecord", "GetProof", "GetStatus", "GetRowProof"];
/// How long an answer may take. `Wait` with nothing to wait for takes as long as it was asked to.
const ANSWER: Duration = Duration::from_millis(200);

/// A node of one validator without peers, and a client of it.
struct Node {
    runtime: Runtime,
    channel: Channel,
    _folder: TempDir,
}

impl Node {
    fn start() -> Self {
        // One thread: what the service allocates counts as the input's.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder for the store");
        let channel = runtime.block_on(serve(&folder));
        Self { runtime, channel, _folder: folder }
    }
}

async fn serve(folder: &TempDir) -> Channel {
    let genesis = truth::genesis().clone();
    let store = Store::open(folder.path(), &genesis, &genesis_rows(&genesis)).expect("a new store");
    let mempool = Arc::new(Mempool::new(Limits { transactions: 1_000, bytes: 16 << 20, signer_percent: 100 }));
    let shared = Arc::new(Shared {
        chain: Chain::new(&genesis),
        key: truth::key(0).public_key(),
        committee: watch::Sender::new(Arc::new(Committee::after_tip(&store).expect("a new store").1)),
        genesis,
        store: store.clone(),
        mempool: Arc::clone(&mempool),
        verifier: Arc::new(Verifier::start(NonZeroUsize::MIN).expect("a thread")),
        finality: FinalityHub::new(mempool, 64, store.tip().height),
        status: Arc::new(StatusBoard::default()),
    });
    let (admission, forward) = Admission::new(Arc::clone(&shared));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("a port");
    let limits = config::Rpc { listen: address, connections: 4, requests: 64, waiters: 64, subscribers: 4 };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let rpc = Rpc::new(shared, admission, limits, metrics, CancellationToken::new());
    tokio::spawn(async move {
        // Kept alive: a node whose peers are gone would refuse every submission.
        let _forward = forward;
        rpc.serve(listener).await
    });
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy()
}

/// Good calls: the number of the method and the message.
pub(super) fn samples(put: Put<'_>) {
    let mut call = |name: &str, method: &str, message: Vec<u8>| {
        let number = (0u8..).zip(METHODS).find(|(_, m)| *m == method).map_or(0, |(n, _)| n);
        put("rpc", name, [&[number][..], &message].concat());
    };
    let record = proto::GetRecordRequest { namespace: "certificate".to_owned(), id: "C-1".to_owned() };
    let unknown = proto::GetTransactionRequest { transaction_id: vec![7; 32] };
    call("transaction", "GetTransaction", unknown.encode_to_vec());
    call("record", "GetRecord", record.encode_to_vec());
    call("status", "GetStatus", Vec::new());
    // Refused, as they must be: nothing is final, and the sample's validity ended long ago.
    let old = proto::SubmitRequest { transaction: vector!("transaction") };
    call("refused-submit", "Submit", old.encode_to_vec());
    let wait = proto::WaitRequest { transaction_id: vec![7; 32], timeout_ms: 1 };
    call("refused-wait", "Wait", wait.encode_to_vec());
    call("refused-block", "GetBlock", proto::GetBlockRequest { height: 1 }.encode_to_vec());
    call("refused-header", "GetHeader", proto::GetBlockRequest { height: 0 }.encode_to_vec());
    call("refused-proof", "GetProof", record.encode_to_vec());
    let row = proto::GetRowProofRequest { key: "certificate/C-1".to_owned() };
    call("refused-row-proof", "GetRowProof", row.encode_to_vec());
}

/// One call.
pub(in crate::targets) fn call(input: &[u8]) -> Result<(), String> {
    thread_local! {
        static NODE: OnceCell<Node> = const { OnceCell::new() };
    }
    let (method, message) = input.split_first().ok_or("no method")?;
    let method = METHODS[usize::from(*method) % METHODS.len()];
    NODE.with(|node| {
        let node = node.get_or_init(Node::start);
        let answer = node.runtime.block_on(async {
            let mut client = Grpc::new(node.channel.clone());
            client.ready().await.expect("the service accepts calls");
            let path = PathAndQuery::from_maybe_shared(format!("/hnchain.v1.Node/{method}")).expect("a path");
            let asked = client.unary(Request::new(message.to_vec()), path, Raw);
            tokio::time::timeout(ANSWER, asked).await
        });
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => Err(refused(method, &status)),
            Err(_) if method == "Wait" => Err("still waits".to_owned()),
            // A busy machine may be slow; the watch over time finds what never answers.
            Err(late) => Err(said(late)),
        }
    })
}

/// A refusal by the service has its code (S1); one by the framework says that the message is none.
fn refused(method: &str, status: &Status) -> String {
    let code = status.metadata().get("hnchain-code").and_then(|c| c.to_str().ok());
    let framework = matches!(status.code(), Code::Internal | Code::OutOfRange | Code::ResourceExhausted);
    assert!(code.is_some() || framework, "{method}: a refusal without a code: {status:?}");
    assert!(status.code() != Code::Unknown, "{method}: {status:?}");
    match code {
        Some(code) => {
            assert!(status.message().starts_with(&format!("{code}: ")), "{method}: {status:?}");
            format!("{method}: {code}")
        }
        None => format!("{method}: {}", status.message()),
    }
}

/// Bytes as they are.
#[derive(Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}
