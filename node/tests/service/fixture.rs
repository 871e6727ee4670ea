//! A chain of one validator: real genesis, store, ledger and certificates; blocks are made when the test says so.

use hnchain_crypto::{SecretKey, sm3};
use hnchain_ledger::{BlockContext, Chain, execute, genesis_rows};
use hnchain_node::admission::{Admission, now_ms};
use hnchain_node::config;
use hnchain_node::finality::FinalityHub;
use hnchain_node::ledger_state::Overlay;
use hnchain_node::mempool::{Limits, Mempool};
use hnchain_node::rpc::Rpc;
use hnchain_node::shared::{Committee, Shared};
use hnchain_node::status::StatusBoard;
use hnchain_node::verify::Verifier;
use hnchain_storage::{Overlays, Store};
use hnchain_types::block::{Block, FinalizedBlock, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{self, Document, Genesis, Organization, Parameters, Signer, Validator};
use hnchain_types::proto::node_client::NodeClient;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{ValidatorIndex, View};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub(crate) const CHAIN: &str = "henan-test";
/// Longest time that a test waits for something that must happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The chain and the node over it.
pub(crate) struct Fixture {
    pub(crate) shared: Arc<Shared>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) forward: Mutex<mpsc::Receiver<Arc<Transaction>>>,
    pub(crate) writer: SecretKey,
    pub(crate) stop: CancellationToken,
    overlays: Mutex<Overlays>,
    pub(crate) validator: SecretKey,
    salts: AtomicU64,
    _dir: tempfile::TempDir,
}

pub(crate) fn roomy() -> Limits {
    Limits { transactions: 10_000, bytes: 64 << 20, signer_percent: 100 }
}

fn document(validator: &SecretKey, writer: &SecretKey) -> Document {
    let organization = |id: &str, name: &str, code: &str| Organization {
        id: id.to_owned(),
        name: name.to_owned(),
        credit_code: code.to_owned(),
        division: "410000".to_owned(),
        parent: None,
    };
    Document {
        version: 1,
        chain_id: CHAIN.to_owned(),
        name: "河南链 测试".to_owned(),
        time_ms: 1_700_000_000_000,
        parameters: Parameters::default(),
        organizations: vec![organization("henan", "示例省级平台", "91410000170001401D")],
        certificate_types: vec![],
        signers: vec![Signer {
            public_key: writer.public_key(),
            organization: "henan".to_owned(),
            roles: vec![genesis::Role::RegistryWriter { namespace: "certificate".to_owned() }],
            valid_from_ms: 0,
            valid_until_ms: 0,
        }],
        validators: vec![Validator::new(CHAIN, "henan", validator)],
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(roomy(), 1_000)
    }

    pub(crate) fn with(limits: Limits, waiters: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (validator, writer) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let genesis = Genesis::create(&document(&validator, &writer)).unwrap();
        let store = Store::open(dir.path(), &genesis, &genesis_rows(&genesis)).unwrap();
        let mempool = Arc::new(Mempool::new(limits));
        let shared = Arc::new(Shared {
            chain: Chain::new(&genesis),
            genesis,
            key: validator.public_key(),
            committee: tokio::sync::watch::Sender::new(Arc::new(Committee::after_tip(&store).unwrap().1)),
            store: store.clone(),
            mempool: Arc::clone(&mempool),
            verifier: Arc::new(Verifier::start(NonZeroUsize::MIN).unwrap()),
            finality: FinalityHub::new(mempool, waiters, store.tip().height),
            status: Arc::new(StatusBoard::default()),
        });
        let (admission, forward) = Admission::new(Arc::clone(&shared));
        Self {
            shared,
            admission,
            forward: Mutex::new(forward),
            writer,
            stop: CancellationToken::new(),
            overlays: Mutex::new(Overlays::new(store)),
            validator,
            salts: AtomicU64::new(1),
            _dir: dir,
        }
    }

    /// A valid transaction of the writer that anchors a new record.
    pub(crate) fn anchor(&self, id: &str) -> Transaction {
        self.signed_by(&self.writer, id)
    }

    pub(crate) fn signed_by(&self, key: &SecretKey, id: &str) -> Transaction {
        Transaction::sign(self.body(CHAIN, id, now_ms() + 60_000), key).unwrap()
    }

    pub(crate) fn body(&self, chain: &str, id: &str, until_ms: u64) -> Vec<u8> {
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.salts.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        BodyBuilder::new(chain, 1_000_000, until_ms, salt).anchor("certificate", id, 1, sm3(id.as_bytes())).encode()
    }

    /// What the driver does: order, execute, certify, store, tell.
    pub(crate) fn finalize(&self, transactions: &[Transaction]) -> Arc<FinalizedBlock> {
        self.finalize_at(transactions, now_ms())
    }

    pub(crate) fn finalize_at(&self, transactions: &[Transaction], time_ms: u64) -> Arc<FinalizedBlock> {
        let block = self.store_block(transactions, time_ms);
        self.shared.status.set_height(block.block.header.height);
        self.shared.finality.publish(std::slice::from_ref(&block));
        block
    }

    /// [`Fixture::finalize_at`] up to the store.
    pub(crate) fn store_block(&self, transactions: &[Transaction], time_ms: u64) -> Arc<FinalizedBlock> {
        let (genesis, tip) = (&self.shared.genesis, self.shared.store.tip());
        let raw: Vec<Vec<u8>> = transactions.iter().map(|t| t.raw().to_vec()).collect();
        let header = Header::new(HeaderFields {
            genesis: genesis.digest(),
            epoch: genesis.epoch(),
            view: View(tip.view.0 + 1),
            height: tip.height.next(),
            parent: tip.block,
            parent_view: tip.view,
            time_ms: time_ms.max(tip.time_ms + 1),
            payload_root: payload_root(&raw),
            skips_root: skips_root::<Vec<u8>>(&[]),
            validators: genesis.validators().hash(),
        });
        let parent = tip.result.map(|result| (tip.height, tip.block, result));
        let context = BlockContext { height: header.height, time_ms: header.time_ms, parent };
        let mut overlays = self.overlays.lock().unwrap();
        let execution =
            execute(&Overlay(overlays.view(&tip.block).unwrap()), &self.shared.chain, &context, transactions).unwrap();
        let (hash, view) = (header.hash(), header.view);
        let block = Arc::new(Block::new(header, raw, Vec::new()).unwrap());
        let receipts = execution.receipts.iter().map(|r| r.raw().to_vec()).collect();
        let ids = transactions.iter().map(Transaction::id).collect();
        let result = overlays.apply(block, execution.changes, receipts, ids, execution.next_validators).unwrap().hash();
        let statement = Statement::Finalize { block: hash, result };
        let signature = self.validator.sign(&statement.digest(genesis.digest(), genesis.epoch(), view));
        let votes = vec![(ValidatorIndex(0), signature)];
        let certificate = Certificate { epoch: genesis.epoch(), view, statement, votes };
        overlays.finalize(&hash, &certificate, Vec::new()).unwrap().remove(0)
    }

    pub(crate) fn forwarded(&self) -> Vec<Arc<Transaction>> {
        let mut queue = self.forward.lock().unwrap();
        std::iter::from_fn(|| queue.try_recv().ok()).collect()
    }

    /// Serves on a free port.
    pub(crate) async fn serve(&self, limits: config::Rpc, stall: Duration) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rpc = Rpc::new(
            Arc::clone(&self.shared),
            Arc::clone(&self.admission),
            limits,
            PrometheusBuilder::new().build_recorder().handle(),
            self.stop.clone(),
        )
        .with_stall(stall);
        Server { task: tokio::spawn(rpc.serve(listener)), address }
    }

    pub(crate) async fn client(&self) -> NodeClient<Channel> {
        let server = self.serve(limits(), SOON).await;
        server.client().await
    }
}

/// A running service.
pub(crate) struct Server {
    pub(crate) task: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    pub(crate) address: std::net::SocketAddr,
}

impl Server {
    pub(crate) async fn client(&self) -> NodeClient<Channel> {
        NodeClient::connect(format!("http://{}", self.address)).await.unwrap().max_decoding_message_size(64 << 20)
    }

    /// One plain HTTP/1.1 request; status line and body.
    pub(crate) async fn get(&self, path: &str) -> (String, String) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        tokio::time::timeout(SOON, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }
}

pub(crate) fn limits() -> config::Rpc {
    config::Rpc {
        listen: "127.0.0.1:0".parse().unwrap(),
        connections: 64,
        requests: 64,
        waiters: 1_000,
        subscribers: 4,
    }
}

/// Code in the header of a status.
pub(crate) fn code(status: &tonic::Status) -> String {
    let zh = status.metadata().get_bin("hnchain-message-zh-bin").unwrap().to_bytes().unwrap();
    assert!(!std::str::from_utf8(&zh).unwrap().is_ascii(), "a Chinese message is there");
    let code = status.metadata().get("hnchain-code").unwrap().to_str().unwrap().to_owned();
    assert!(status.message().starts_with(&format!("{code}: ")), "{}", status.message());
    code
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}
