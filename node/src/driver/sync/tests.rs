//! Catching up from peers that a test plays, with real blocks, certificates, execution and stores.
#![allow(clippy::unwrap_used)]

mod chain;
mod peers;

use super::follow::{Follower, LIMITS, follow_within};
use super::plan::Limits;
use crate::driver::{Happened, executor};
use crate::shared::{Committee, Shared};
use chain::Chain;
use hnchain_types::block::FinalizedBlock;
use hnchain_types::{Height, View};
use peers::{Peer, Peers};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Longest time that a test waits for something that must happen.
const SOON: Duration = Duration::from_secs(60);
/// Small, so that short chains make many ranges.
const SMALL: Limits = Limits { range_blocks: 16, run_blocks: 8, second_ms: 300, ..LIMITS };

/// A chain of some hundred blocks: most certified, one run without, three epochs, the second ended by a void block.
struct Fixture {
    blocks: Vec<Vec<u8>>,
    void: BTreeMap<u64, Vec<u8>>,
    committee: Committee,
    chain: Chain,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let (mut chain, mut void) = (Chain::begin(), BTreeMap::new());
        (0..70).for_each(|_| chain.grow(true));
        (0..50).for_each(|_| chain.grow(false));
        (0..9).for_each(|_| chain.grow(true));
        for voids in [0, 2] {
            let committee = chain.committee();
            chain.hand_over(voids);
            let tip = chain.store.tip();
            let last = FinalizedBlock::decode(&chain.store.block(tip.height).unwrap().unwrap()).unwrap();
            void.insert(tip.height.0, peers::void_on(&last, &committee).encode());
            (0..100).for_each(|_| chain.grow(true));
        }
        Fixture { blocks: chain.blocks(), void, committee: chain.committee(), chain }
    })
}

/// A node that has nothing, and its peers.
struct Node {
    shared: Arc<Shared>,
    peers: Peers,
    happened: mpsc::UnboundedReceiver<Happened>,
    shutdown: CancellationToken,
    follower: tokio::task::JoinHandle<()>,
    executor: Option<std::thread::JoinHandle<()>>,
    _behind: watch::Sender<View>,
    _directory: tempfile::TempDir,
}

impl Node {
    fn start(kinds: &[Peer], limits: Limits) -> Self {
        let fixture = fixture();
        Self::over(Peers::new(fixture.blocks.clone(), fixture.void.clone(), kinds), limits)
    }

    fn over(peers: Peers, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let shared = chain::node(directory.path());
        let (sender, happened) = mpsc::unbounded_channel();
        let (executor, thread) = executor::start(shared.clone(), sender.clone()).unwrap();
        let (behind, behind_of) = watch::channel(View(0));
        let shutdown = CancellationToken::new();
        let follower = Follower {
            shared: shared.clone(),
            source: peers.clone(),
            executor,
            happened: sender,
            behind: behind_of,
            shutdown: shutdown.clone(),
        };
        let follower = tokio::spawn(follow_within(follower, limits));
        let executor = Some(thread);
        Self { shared, peers, happened, shutdown, follower, executor, _behind: behind, _directory: directory }
    }

    async fn reach(&self, height: Height) {
        let mut heights = self.shared.finality.heights();
        let reached = tokio::time::timeout(SOON, heights.wait_for(|h| *h >= height)).await;
        assert!(reached.is_ok(), "stuck at {} of {height}", self.shared.store.tip().height);
    }

    /// Ends everything; what the node has is that of the chain.
    async fn end(mut self) {
        let (fixture, tip) = (fixture(), self.shared.store.tip());
        assert_eq!(tip, fixture.chain.store.tip());
        assert_eq!(*self.shared.committee(), fixture.committee);
        self.shutdown.cancel();
        self.follower.await.unwrap();
        self.executor.take().unwrap().join().unwrap();
        while let Ok(event) = self.happened.try_recv() {
            assert!(!matches!(event, Happened::Fatal(_)));
        }
    }
}

fn target() -> Height {
    Height(fixture().blocks.len() as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_come_from_several_peers_across_epochs_and_everything_is_as_on_theirs() {
    let node = Node::start(&[Peer::Honest; 3], SMALL);
    node.reach(target()).await;
    assert!((0..3).all(|peer| node.peers.asked(peer) > 1));
    for height in 1..=target().0 {
        let block = |store: &hnchain_storage::Store| store.block(Height(height)).unwrap().unwrap();
        assert_eq!(block(&node.shared.store), block(&fixture().chain.store), "height {height}");
    }
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_catches_up_a_node_is_not_ready_and_afterwards_it_is() {
    let node = Node::start(&[Peer::Honest; 4], SMALL);
    let status = node.shared.status.clone();
    tokio::time::timeout(SOON, async {
        while !status.syncing() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    node.reach(target()).await;
    tokio::time::timeout(SOON, async {
        while status.syncing() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(status.network_height(), target());
    // Three of the four are validators still; one has another key since.
    assert_eq!(status.ready(node.shared.role(), &node.shared.committee().validators), Ok(()));
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_liar_is_dropped_at_once_and_does_not_hold_the_node() {
    let liars = [
        Peer::Forger,
        Peer::Inventor,
        Peer::Deflector,
        Peer::Babbler,
        Peer::Flooder,
        Peer::Hollow,
        Peer::Boaster,
        Peer::Stripper,
        Peer::Voider,
        Peer::Predater,
    ];
    for liar in liars {
        let node = Node::start(&[Peer::Honest, liar, Peer::Honest], SMALL);
        node.reach(target()).await;
        // What the first two leave out or add, nobody misses; the others lie in few of their answers.
        let goes_unnoticed =
            matches!(liar, Peer::Boaster | Peer::Stripper | Peer::Voider | Peer::Inventor | Peer::Predater);
        // What was under way when it was found out.
        let most = 2 * SMALL.per_peer as u64;
        let asked = node.peers.asked(1);
        assert!(goes_unnoticed || asked <= most, "{liar:?} was asked {asked} times");
        node.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predated_block_is_its_senders_fault_and_does_not_end_this_node() {
    // Its receipts give it away: the answer that holds it is refused as a whole, and nobody else has these blocks.
    let mut node = Node::start(&[Peer::Predater], SMALL);
    node.reach(Height(64)).await;
    let fatal = tokio::time::timeout(Duration::from_secs(10), async {
        while let Some(event) = node.happened.recv().await {
            if let Happened::Fatal(error) = event {
                return Some(error);
            }
        }
        None
    });
    let fatal = fatal.await.ok().flatten();
    assert!(fatal.is_none(), "{fatal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_never_answer_or_lower_their_height_do_not_hold_the_node() {
    for kind in [Peer::Mute, Peer::Shrinker] {
        let node = Node::start(&[kind, Peer::Honest, kind], SMALL);
        node.reach(target()).await;
        node.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_honest_peer_among_liars_is_enough() {
    let node =
        Node::start(&[Peer::Forger, Peer::Inventor, Peer::Honest, Peer::Hollow, Peer::Mute, Peer::Voider], SMALL);
    node.reach(target()).await;
    node.end().await;
}

/// Blocks a second, on demand:
/// `HNCHAIN_SYNC_BLOCKS=100000 cargo test -p hnchain-node --lib sync::tests::speed -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn speed() {
    let blocks = std::env::var("HNCHAIN_SYNC_BLOCKS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let mut chain = Chain::begin();
    let begin = Instant::now();
    (0..blocks).for_each(|_| chain.grow(true));
    eprintln!("made and signed {blocks} blocks in {:.1?}", begin.elapsed());
    let encoded = chain.blocks();

    let directory = tempfile::tempdir().unwrap();
    let alone = chain::node(directory.path());
    let (sender, _happened) = mpsc::unbounded_channel();
    let (executor, thread) = executor::start(alone.clone(), sender).unwrap();
    let decoded: Vec<FinalizedBlock> = encoded.iter().map(|raw| FinalizedBlock::decode(raw).unwrap()).collect();
    let (reply, done) = tokio::sync::oneshot::channel();
    let begin = Instant::now();
    executor.send(executor::Command::Sync(decoded, reply)).unwrap();
    assert_eq!(done.await.unwrap().unwrap(), blocks);
    let took = begin.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)]
    let rate = |seconds: f64| blocks as f64 / seconds;
    eprintln!("executed alone: {:.0} blocks/s", rate(took));
    drop(executor);
    thread.join().unwrap();

    let begin = Instant::now();
    let node = Node::over(Peers::new(encoded, BTreeMap::new(), &[Peer::Honest; 3]), LIMITS);
    let mut heights = node.shared.finality.heights();
    heights.wait_for(|h| h.0 >= blocks).await.unwrap();
    eprintln!("caught up from three peers: {:.0} blocks/s", rate(begin.elapsed().as_secs_f64()));
    assert_eq!(node.shared.store.tip(), chain.store.tip());
    node.shutdown.cancel();
    node.follower.await.unwrap();
}
