//! Peers that do not keep the rules, made from the crate's own parts.
#![allow(clippy::unwrap_used)]

use crate::hello::{Hello, HelloError, Refusal, Standing, Verdict, decision, send, standing};
use crate::link::{Behaviour, Link, Purpose};
use crate::pulse::Quiet;
use crate::registry::{Candidate, Ended, Registry};
use crate::transport::{build, identity, multiaddr};
use crate::{Channel, Config, Control, Events, Limits, Network, QueueLimit, frame, start};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use hnchain_crypto::{Digest, PublicKey, SecretKey};
use hnchain_types::{GenesisDigest, wire};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{Config as SwarmConfig, Swarm, SwarmEvent};
use libp2p::{PeerId, Stream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(60);
const GENESIS: GenesisDigest = GenesisDigest(Digest([7; 32]));

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).unwrap()
}

fn peer(n: u8) -> PeerId {
    identity([n; 32]).unwrap().public().to_peer_id()
}

/// Victim and adversary, so that the victim's key is the larger one: it speaks its standing first.
fn two_keys() -> (u8, u8) {
    if key(1).public_key() > key(2).public_key() { (1, 2) } else { (2, 1) }
}

async fn victim(n: u8, limits: Limits) -> (Network, Events) {
    let allowed = (1..=9).map(|n| key(n).public_key()).collect();
    let listen = "127.0.0.1:0".parse().unwrap();
    start(Config { limits, ..Config::new(GENESIS, key(n), listen, allowed, [n; 32]) }).await.unwrap()
}

/// One connection under the adversary's control; it lasts until this is dropped.
struct Adversary {
    link: Link,
    own: PeerId,
    swarm: tokio::task::JoinHandle<()>,
    closed: Arc<Notify>,
    frozen: Arc<Notify>,
}

impl Drop for Adversary {
    fn drop(&mut self) {
        self.swarm.abort();
    }
}

impl Adversary {
    async fn connect(network: &Network, seed: u8) -> Self {
        let identity = identity([seed; 32]).unwrap();
        let own = identity.public().to_peer_id();
        let transport = build(&identity, DEADLINE, DEADLINE).unwrap();
        let mut swarm = Swarm::new(transport, Behaviour::new(9, 9), own, SwarmConfig::without_executor());
        let address = multiaddr(network.listen_address());
        swarm.dial(DialOpts::unknown_peer_id().address(address).allocate_new_port().build()).unwrap();
        let link = loop {
            match swarm.select_next_some().await {
                SwarmEvent::Behaviour(link) => break link,
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                _ => {}
            }
        };
        let (closed, frozen) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (notify, freeze) = (closed.clone(), frozen.clone());
        let swarm = tokio::spawn(async move {
            loop {
                tokio::select! {
                    event = swarm.select_next_some() => {
                        if let SwarmEvent::ConnectionClosed { .. } = event {
                            notify.notify_one();
                        }
                    }
                    () = freeze.notified() => std::future::pending().await,
                }
            }
        });
        Self { link, own, swarm, closed, frozen }
    }

    /// Stops reading and writing its socket without closing it, like a stopped process.
    fn freeze(&self) {
        self.frozen.notify_one();
    }

    async fn open(&self, purpose: Purpose) -> Stream {
        self.try_open(purpose).await.unwrap()
    }

    /// Fails when the victim hangs up first.
    async fn try_open(&self, purpose: Purpose) -> std::io::Result<Stream> {
        timeout(DEADLINE, self.link.opener.open(purpose)).await.unwrap()
    }

    /// Says a hello and reads the victim's.
    async fn hello(&self, hello: &Hello) -> Stream {
        let mut stream = self.open(Purpose::Hello).await;
        send(&mut stream, hello).await.unwrap();
        let theirs = frame::read(&mut stream, 512).await.unwrap();
        wire::decode::<Hello>("hello", &theirs).unwrap();
        stream
    }

    /// An honest hello of key `n` up to the accepted link.
    async fn authenticate(&self, n: u8) -> Stream {
        let mut stream = self.hello(&Hello::sign(GENESIS, &key(n), [n; 16], &self.own, &self.link.peer)).await;
        standing(&mut stream).await.unwrap();
        send(&mut stream, &Verdict::Accepted).await.unwrap();
        stream
    }

    async fn closed(&self) {
        timeout(DEADLINE, self.closed.notified()).await.expect("the victim hangs up");
    }
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn next<T>(events: &mut mpsc::Receiver<T>) -> T {
    timeout(DEADLINE, events.recv()).await.expect("in time").expect("open")
}

#[tokio::test]
async fn a_replayed_hello_is_refused() {
    let (v, other) = two_keys();
    let (network, _events) = victim(v, Limits::default()).await;
    // Captured from the honest node's own channel to the victim, replayed on another channel.
    let captured = Hello::sign(GENESIS, &key(other), [0; 16], &peer(other), &peer(v));
    let thief = Adversary::connect(&network, 77).await;
    let mut stream = thief.hello(&captured).await;
    let refused = decision(&mut stream).await;
    assert!(matches!(refused, Err(HelloError::ByPeer(n)) if n == Refusal::Signature as u8), "{refused:?}");
    drop(stream);
    thief.closed().await;
    assert_eq!(network.stats().hellos_failed["HELLO_SIGNATURE"], 1);
    assert_eq!((network.stats().links, network.stats().connected), (0, 0));
}

#[tokio::test]
async fn nothing_is_served_before_the_hello() {
    let (v, other) = two_keys();
    let (network, mut events) = victim(v, Limits::default()).await;
    for purpose in [Purpose::Consensus, Purpose::Transactions, Purpose::Request] {
        let rude = Adversary::connect(&network, 77).await;
        if let Ok(mut stream) = rude.try_open(purpose).await {
            drop(frame::write(&mut stream, b"vote").await);
            drop(stream.flush().await);
        }
        rude.closed().await;
    }
    assert_eq!(network.stats().hellos_failed["HELLO_MALFORMED"], 3);

    // Streams behind a hello that then fails are not read either.
    let liar = Adversary::connect(&network, 78).await;
    let mut hello = Hello::sign(GENESIS, &key(other), [0; 16], &liar.own, &liar.link.peer);
    hello.signature.0[5] ^= 1;
    let mut control = liar.open(Purpose::Hello).await;
    let mut stream = liar.open(Purpose::Consensus).await;
    frame::write(&mut stream, b"vote").await.unwrap();
    stream.flush().await.unwrap();
    send(&mut control, &hello).await.unwrap();
    drop(control);
    liar.closed().await;
    assert!(events.consensus.try_recv().is_err() && events.requests.try_recv().is_err());
    assert_eq!(network.stats().consensus.messages_in, 0);
}

#[tokio::test]
async fn a_connection_without_a_hello_times_out() {
    let limits = Limits { handshake_timeout: Duration::from_millis(500), ..Limits::default() };
    let (network, _events) = victim(1, limits).await;
    let mute = Adversary::connect(&network, 77).await;
    mute.closed().await;
    assert_eq!(network.stats().hellos_failed["HELLO_TIMEOUT"], 1);
    eventually("forgotten", || network.stats().unauthenticated == 0).await;
}

#[tokio::test]
async fn an_oversized_frame_ends_the_link() {
    let (v, other) = two_keys();
    for (round, channel) in [Purpose::Consensus, Purpose::Transactions].into_iter().enumerate() {
        let (network, mut events) = victim(v, Limits::default()).await;
        let member = Adversary::connect(&network, 77).await;
        let _control = member.authenticate(other).await;
        assert_eq!(next(&mut events.control).await, Control::Connected(key(other).public_key()));
        let limit = [crate::CONSENSUS_FRAME_BYTES, crate::TRANSACTIONS_FRAME_BYTES][round];
        let mut stream = member.open(channel).await;
        stream.write_all(&u32::try_from(limit + 1).unwrap().to_be_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        member.closed().await;
        assert_eq!(next(&mut events.control).await, Control::Disconnected(key(other).public_key()));
        assert_eq!(network.stats().violations, 1);
    }
}

#[tokio::test]
async fn a_second_stream_of_a_channel_ends_the_link() {
    let (v, other) = two_keys();
    let (network, _events) = victim(v, Limits::default()).await;
    let member = Adversary::connect(&network, 77).await;
    let _control = member.authenticate(other).await;
    let _first = member.open(Purpose::Transactions).await;
    let _second = member.try_open(Purpose::Transactions).await;
    member.closed().await;
    assert_eq!(network.stats().violations, 1);
}

#[tokio::test]
async fn a_peer_without_heartbeats_is_dead() {
    let (v, other) = two_keys();
    let limits = Limits { silence: Duration::from_millis(500), ..Limits::default() };
    let (network, mut events) = victim(v, limits).await;
    let silent = Adversary::connect(&network, 77).await;
    let _control = silent.authenticate(other).await;
    assert_eq!(next(&mut events.control).await, Control::Connected(key(other).public_key()));
    assert_eq!(next(&mut events.control).await, Control::Disconnected(key(other).public_key()));
    assert_eq!(network.stats().silent, 1);
}

#[tokio::test]
async fn a_peer_that_never_reads_costs_no_more_than_its_queue() {
    let (v, other) = two_keys();
    let limit = QueueLimit { messages: 1000, bytes: 1 << 20 };
    let limits = Limits { consensus_queue: limit, ..Limits::default() };
    let (network, mut events) = victim(v, limits).await;
    let deaf = Adversary::connect(&network, 77).await;
    let mut control = deaf.authenticate(other).await;
    assert_eq!(next(&mut events.control).await, Control::Connected(key(other).public_key()));
    let message: Arc<[u8]> = vec![0; 100_000].into();
    let mut refused = 0;
    while refused < 500 {
        control.write_all(&[0]).await.unwrap(); // it is alive
        if !network.send(&key(other).public_key(), Channel::Consensus, message.clone()) {
            refused += 1;
        }
        assert!(network.stats().consensus.queued_bytes <= limit.bytes);
        tokio::task::yield_now().await;
    }
    assert_eq!(network.stats().consensus.dropped, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_of_a_frozen_peer_is_really_closed() {
    let (v, other) = two_keys();
    let limits = Limits { silence: Duration::from_secs(2), ..Limits::default() };
    let (network, mut events) = victim(v, limits).await;
    let frozen = Adversary::connect(&network, 77).await;
    let _control = frozen.authenticate(other).await;
    assert_eq!(next(&mut events.control).await, Control::Connected(key(other).public_key()));
    frozen.freeze();
    // Fill the socket's buffers and the queue, so that a goodbye cannot be written.
    let message: Arc<[u8]> = vec![0; 1 << 20].into();
    eventually("full", || !network.send(&key(other).public_key(), Channel::Consensus, message.clone())).await;
    assert_eq!(next(&mut events.control).await, Control::Disconnected(key(other).public_key()));
    assert_eq!(network.stats().silent, 1);
    eventually("closed", || network.stats().connections == 0).await;
}

#[tokio::test]
async fn a_request_above_the_limit_is_not_read() {
    let (v, other) = two_keys();
    let (network, mut events) = victim(v, Limits::default()).await;
    let member = Adversary::connect(&network, 77).await;
    let _control = member.authenticate(other).await;
    let mut stream = member.open(Purpose::Request).await;
    stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    let ended = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the victim ends the stream");
    assert!(ended.is_err() || answer.is_empty());
    assert!(events.requests.try_recv().is_err());
    assert_eq!(network.stats().connected, 1);
}

/// A registry of key 1 (or whichever is smaller) with the other as its only peer.
fn registry() -> (Registry, PublicKey) {
    let (large, small) = two_keys();
    let (own, other) = (key(small).public_key(), key(large).public_key());
    let registry = Registry::new(own, Limits::default(), [own, other].into());
    assert!(registry.decides(&other));
    (registry, other)
}

async fn candidate(link: &Adversary, key: PublicKey, instance: u8) -> Candidate {
    Candidate { key, instance: [instance; 16], address: None, opener: link.link.opener.clone() }
}

#[tokio::test]
async fn one_living_link_stays_and_a_dead_one_is_replaced() {
    let (network, _events) = victim(1, Limits::default()).await;
    let any = Adversary::connect(&network, 77).await;
    let (mut registry, other) = registry();
    let fresh = Standing::default();
    let first = registry.decide(candidate(&any, other, 1).await, fresh).unwrap();

    // Both dialled at once: the peer spoke before it knew of the first link, or holds it.
    for standing in [fresh, Standing { live: true, links: 1 }] {
        let refused = registry.decide(candidate(&any, other, 1).await, standing);
        assert!(matches!(refused, Err(Refusal::Duplicate)));
    }
    assert_eq!(*first.ended.borrow(), None);

    // The peer had it and lost it.
    let second = registry.decide(candidate(&any, other, 1).await, Standing { live: false, links: 1 }).unwrap();
    assert_eq!(*first.ended.borrow(), Some(Ended::Replaced));

    // The peer has restarted.
    let third = registry.decide(candidate(&any, other, 2).await, fresh).unwrap();
    assert_eq!(*second.ended.borrow(), Some(Ended::Replaced));

    // Nothing arrives on it any more, and then something does.
    assert!(!registry.wanting(&other) && registry.standing(&other).live);
    while third.pulse.count() != Quiet::Suspect {}
    assert!(registry.wanting(&other) && !registry.standing(&other).live);
    third.pulse.mark();
    let refused = registry.decide(candidate(&any, other, 2).await, Standing { live: true, links: 1 });
    assert!(matches!(refused, Err(Refusal::Duplicate)));
    while third.pulse.count() != Quiet::Suspect {}
    let fourth = registry.decide(candidate(&any, other, 2).await, Standing { live: true, links: 1 }).unwrap();
    assert_eq!(*third.ended.borrow(), Some(Ended::Replaced));

    // The end of a replaced link does not touch its successor.
    registry.release(&third);
    assert_eq!(registry.live(&other).map(|s| s.serial), Some(fourth.serial));
    registry.release(&fourth);
    assert!(registry.live(&other).is_none());
}

#[tokio::test]
async fn a_key_removed_during_its_hello_gets_no_link() {
    let (network, _events) = victim(1, Limits::default()).await;
    let any = Adversary::connect(&network, 77).await;
    let (mut registry, other) = registry();
    let live = registry.follow(candidate(&any, other, 1).await).unwrap();
    registry.set_allowed([].into());
    assert_eq!(*live.ended.borrow(), Some(Ended::NotAllowed));
    assert!(matches!(registry.follow(candidate(&any, other, 1).await), Err(Refusal::UnknownKey)));
}
