//! Nodes of a test chain.
#![allow(unreachable_pub, dead_code)] // each test binary uses its part

use hnchain_crypto::{Digest, PublicKey, SecretKey};
use hnchain_network::{Channel, Config, Control, Events, Network, PeerAddress, start};
use hnchain_types::GenesisDigest;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Far beyond what anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).unwrap()
}

pub fn public(n: u8) -> PublicKey {
    key(n).public_key()
}

pub fn keys(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<PublicKey> {
    numbers.into_iter().map(public).collect()
}

/// Node `n` of a chain whose members are 1 to 9.
pub fn config(n: u8) -> Config {
    let genesis = GenesisDigest(Digest([7; 32]));
    Config::new(genesis, key(n), "127.0.0.1:0".parse().unwrap(), keys(1..=9), [n; 32])
}

pub fn address_of(network: &Network) -> PeerAddress {
    PeerAddress { public_key: network.public_key(), address: network.listen_address().to_string() }
}

pub struct Node {
    pub network: Network,
    pub events: Events,
}

impl Node {
    pub async fn start(config: Config) -> Self {
        let (network, events) = start(config).await.unwrap();
        Self { network, events }
    }

    /// Starts node `n`, which dials the given ones.
    pub async fn dialling(mut config: Config, peers: &[&Self]) -> Self {
        config.peers = peers.iter().map(|p| address_of(&p.network)).collect();
        Self::start(config).await
    }

    pub fn key(&self) -> PublicKey {
        self.network.public_key()
    }

    pub async fn control(&mut self) -> Control {
        timeout(DEADLINE, self.events.control.recv()).await.expect("in time").expect("open")
    }

    pub async fn consensus(&mut self) -> (PublicKey, Vec<u8>) {
        timeout(DEADLINE, self.events.consensus.recv()).await.expect("in time").expect("open")
    }

    pub async fn transactions(&mut self) -> (PublicKey, Vec<u8>) {
        timeout(DEADLINE, self.events.transactions.recv()).await.expect("in time").expect("open")
    }

    pub fn connected(&self, to: &Self) -> bool {
        self.network.peers().iter().any(|p| p.public_key == to.key() && p.connected)
    }

    pub fn refusals(&self, code: &str) -> u64 {
        self.network.stats().hellos_failed[code]
    }

    /// Sends, waiting while the queue is full.
    pub async fn send(&self, to: &Self, channel: Channel, bytes: &[u8]) {
        let bytes: Arc<[u8]> = bytes.into();
        eventually("queued", || self.network.send(&to.key(), channel, bytes.clone())).await;
    }
}

pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Two connected nodes, the second dials.
pub async fn pair(first: Config, second: Config) -> (Node, Node) {
    let a = Node::start(first).await;
    let b = Node::dialling(second, &[&a]).await;
    eventually("connected", || a.connected(&b) && b.connected(&a)).await;
    (a, b)
}
