//! A cluster under test, load on it, and the checks that every fault test ends with.

use hnchain_crypto::SecretKey;
use hnchain_sdk::proof::{Opening, verify};
use hnchain_sdk::{Client, NodeStatus, Options, Signer};
use hnchain_testnet::{BINARY_VARIABLE, Lifetime, Network, Plan};
use hnchain_types::transaction::Receipt;
use hnchain_types::{Height, ValidatorIndex};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

/// Generous: a debug build on two cores that other work may share.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// Every load writes here.
pub(crate) const NAMESPACE: &str = "trace";

static SERIAL: Mutex<()> = Mutex::const_new(());

/// Held by a test while its processes run.
pub(crate) async fn serial() -> MutexGuard<'static, ()> {
    build();
    SERIAL.lock().await
}

/// Makes sure that `hnchain-node` beside this test is as new as its sources; `HNCHAIN_NODE` names another one.
fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let binary = own.parent().and_then(Path::parent).unwrap().join("hnchain-node");
        if std::env::var_os(BINARY_VARIABLE).is_some() || is_fresh(&binary) {
            return;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status =
            Command::new(cargo).args(["build", "-p", "hnchain-node", "--bin", "hnchain-node"]).status().unwrap();
        assert!(status.success(), "cargo build -p hnchain-node failed");
        assert!(binary.is_file(), "{} was not built", binary.display());
    });
}

/// Whether no source in cargo's dependency file is newer than the binary.
fn is_fresh(binary: &Path) -> bool {
    let time = |p: &Path| std::fs::metadata(p).and_then(|m| m.modified());
    let Ok(built) = time(binary) else { return false };
    let Ok(list) = std::fs::read_to_string(binary.with_extension("d")) else { return false };
    let sources = list.lines().next().and_then(|l| l.split_once(": ")).map_or("", |(_, s)| s);
    let newer = |source: &str| time(Path::new(source)).unwrap_or(SystemTime::UNIX_EPOCH) > built;
    !sources.split(' ').any(newer)
}

/// Numbers for choosing moments and victims.
pub(crate) struct Dice(hnchain_testnet::Dice);

impl Dice {
    /// Seeded by `HNCHAIN_SEED`, else by the clock; prints the seed.
    pub(crate) fn new(test: &str) -> Self {
        let seed = std::env::var("HNCHAIN_SEED").ok().map_or_else(
            || u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() % (1 << 48)).unwrap(),
            |s| s.parse().expect("HNCHAIN_SEED is a number"),
        );
        println!("{test}: HNCHAIN_SEED={seed}");
        Self(hnchain_testnet::Dice::new(seed))
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    pub(crate) fn index(&mut self, n: usize) -> usize {
        self.0.index(n)
    }

    /// A moment between two bounds, in milliseconds.
    pub(crate) fn moment(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.0.between(from, to))
    }
}

/// A record that the chain acknowledged as final.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) id: String,
    pub(crate) opening: Opening,
    pub(crate) receipt: Receipt,
}

/// Four nodes, or more or fewer, in a temporary directory.
pub(crate) struct Cluster {
    pub(crate) network: Network,
    directory: Option<tempfile::TempDir>,
    _serial: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Makes and starts a network and waits until it is ready.
    pub(crate) async fn start(nodes: usize) -> Self {
        Self::start_with(&Plan::new(nodes)).await
    }

    /// The same for any plan.
    pub(crate) async fn start_with(plan: &Plan) -> Self {
        let mut cluster = Self::create(plan).await;
        cluster.network.start_all().unwrap();
        cluster.network.ready_all(PATIENCE).await.unwrap();
        cluster
    }

    /// Makes a network without starting it.
    pub(crate) async fn create(plan: &Plan) -> Self {
        let serial = serial().await;
        let directory = tempfile::Builder::new().prefix("hnchain-e2e-").tempdir().unwrap();
        let network = Network::create(plan, directory.path(), Lifetime::Bound).unwrap();
        Self { network, directory: Some(directory), _serial: serial }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.network.directory().to_owned()
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::new(self.network.client_key(NAMESPACE).unwrap(), &self.network.manifest().chain_id)
    }

    /// A client of all nodes.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.network.endpoints(), Options::default()).unwrap()
    }

    /// A client of one node only.
    pub(crate) fn client_of(&self, node: usize) -> Client {
        Client::new(vec![self.network.endpoints()[node].clone()], Options::default()).unwrap()
    }

    pub(crate) fn load(&self, workers: usize) -> Load {
        Load::start(&self.client(), &self.signer(), workers)
    }

    pub(crate) async fn status(&self, node: usize) -> NodeStatus {
        self.client_of(node).status().await.unwrap()
    }

    /// Anchors one record and waits for its finality.
    pub(crate) async fn anchor(&self, id: &str) -> Acknowledged {
        let document = format!("document of {id}");
        let done = self.client().anchor_document(&self.signer(), document.as_bytes(), NAMESPACE, id, PATIENCE).await;
        let done = done.unwrap();
        Acknowledged { id: id.to_owned(), opening: done.draft.opening, receipt: done.receipt }
    }

    /// Waits until a node stores the block of this height.
    pub(crate) async fn reach(&self, node: usize, height: Height) {
        let client = self.client_of(node);
        let what = format!("node{node} at height {height}");
        wait_for(&what, PATIENCE, async || client.status().await.is_ok_and(|s| s.height >= height)).await;
    }

    /// Highest height among running nodes.
    pub(crate) async fn height(&self) -> Height {
        let statuses = self.client().statuses().await;
        statuses.into_iter().filter_map(|(_, s)| s.ok()).map(|s| s.height).max().unwrap()
    }

    /// Every acknowledged record is readable on every node, and a sample of them is proven there with its document.
    pub(crate) async fn assert_kept(&self, acknowledged: &[Acknowledged], dice: &mut Dice) {
        let top = acknowledged.iter().map(|a| a.receipt.height).max().unwrap();
        for node in 0..self.network.len() {
            self.reach(node, top).await;
            let client = self.client_of(node);
            for a in acknowledged {
                let record = client.record(NAMESPACE, &a.id).await.unwrap().record;
                let record = record.unwrap_or_else(|| panic!("node{node} lost acknowledged record {}", a.id));
                assert_eq!(record.transaction, a.receipt.transaction, "{}", a.id);
                assert_eq!(record.height, a.receipt.height, "{}", a.id);
            }
            for _ in 0..20.min(acknowledged.len()) {
                self.assert_proven(&client, &acknowledged[dice.index(acknowledged.len())]).await;
            }
        }
    }

    pub(crate) async fn assert_proven(&self, client: &Client, a: &Acknowledged) {
        let bundle = client.prove_with_opening(NAMESPACE, &a.id, &a.opening).await.unwrap();
        let verdict = verify(&bundle, self.network.genesis()).unwrap();
        assert_eq!(verdict.record.unwrap().key.id(), a.id);
        assert!(verdict.certified.height >= a.receipt.height);
    }

    /// All nodes have the same block and state at the height that every one of them has.
    pub(crate) async fn assert_agree(&self) {
        let mut lowest = Height(u64::MAX);
        for node in 0..self.network.len() {
            lowest = lowest.min(self.status(node).await.height);
        }
        let mut seen = None;
        for node in 0..self.network.len() {
            let h = self.client_of(node).header(lowest).await.unwrap();
            let found = (h.header.hash(), h.result.state_root);
            assert_eq!(*seen.get_or_insert(found), found, "node{node} differs at height {lowest}");
        }
    }

    /// Whether the finalization of some block above `height` bears this validator's signature; `from` is asked.
    pub(crate) async fn has_voted(&self, from: usize, validator: usize, height: Height) -> bool {
        let client = self.client_of(from);
        let index = ValidatorIndex(u32::try_from(validator).unwrap());
        let top = client.status().await.unwrap().height;
        for h in (height.0 + 1..=top.0).rev() {
            let header = client.header(Height(h)).await.unwrap();
            let Some(certificate) = header.certificate else { continue };
            certificate.verify(self.network.genesis().digest(), self.network.genesis().validators()).unwrap();
            if certificate.votes.iter().any(|(i, _)| *i == index) {
                return true;
            }
        }
        false
    }

    /// After a test that failed: keep the directory and show the logs.
    fn report(&mut self) {
        for node in 0..self.network.len() {
            eprintln!("--- last log lines of node{node}\n{}", self.network.log_tail(node, 12));
        }
        if let Some(directory) = self.directory.take() {
            eprintln!("kept: {}", directory.keep().display());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.report();
        }
    }
}

/// Polls until it is so; panics at the deadline.
pub(crate) async fn wait_for(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {} s: {what}", limit.as_secs());
        tokio::time::sleep(POLL).await;
    }
}

/// Workers that anchor one record after the other until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<StdMutex<Vec<Acknowledged>>>,
    workers: JoinSet<()>,
}

static LOADS: AtomicU64 = AtomicU64::new(0);

impl Load {
    fn start(client: &Client, signer: &Signer, workers: usize) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(StdMutex::new(Vec::new())));
        let load = LOADS.fetch_add(1, Ordering::Relaxed);
        let mut set = JoinSet::new();
        for worker in 0..workers {
            let (client, signer) = (client.clone(), signer.clone());
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            set.spawn(async move {
                for n in 0u64.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let id = format!("load{load}.{worker}.{n}");
                    if let Some(a) = anchor(&client, &signer, id).await {
                        done.lock().unwrap().push(a);
                    }
                }
            });
        }
        Self { stop, done, workers: set }
    }

    /// Records acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.done.lock().unwrap().len()
    }

    /// Waits until `more` further records are acknowledged.
    pub(crate) async fn more(&self, more: usize) {
        let target = self.count() + more;
        wait_for(&format!("{more} more records under load"), PATIENCE, async || self.count() >= target).await;
    }

    /// Stops and gives everything that was acknowledged.
    pub(crate) async fn stop(mut self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(joined) = self.workers.join_next().await {
            joined.unwrap();
        }
        let done = std::mem::take(&mut *self.done.lock().unwrap());
        println!("load: {} records acknowledged", done.len());
        done
    }
}

/// Nothing is claimed about a record whose answer was lost; any other failure is a fault of the chain.
async fn anchor(client: &Client, signer: &Signer, id: String) -> Option<Acknowledged> {
    match client.anchor_document(signer, id.as_bytes(), NAMESPACE, &id, PATIENCE).await {
        Ok(done) => Some(Acknowledged { id, opening: done.draft.opening, receipt: done.receipt }),
        Err(failure) => {
            assert!(failure.error.retryable(), "{id}: {} {}", failure.error.code(), failure.error);
            None
        }
    }
}

/// A key that the chain does not know.
pub(crate) fn stranger() -> SecretKey {
    SecretKey::generate().unwrap()
}
