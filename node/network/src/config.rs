//! What a node is told about its network, and every limit.

use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_types::{GenesisDigest, wire};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Largest consensus message: whatever the codec can produce.
pub const CONSENSUS_FRAME_BYTES: usize = wire::WIRE_BYTES;
/// Largest transaction message: a batch of sixty-four transactions of the largest size.
pub const TRANSACTIONS_FRAME_BYTES: usize = 4 * 1024 * 1024;
/// Largest request: names of what is wanted, not the things themselves.
pub const REQUEST_BYTES: usize = 64 * 1024;
/// Largest reply: a few full blocks with their certificates.
pub const REPLY_BYTES: usize = 32 * 1024 * 1024;

/// A peer that is dialled until it is connected, and again whenever it is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// The SM2 key it must prove.
    pub public_key: PublicKey,
    /// `host:port`; a name is resolved at each dial.
    pub address: String,
}

/// Configuration of [`crate::start`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain; peers of another one are refused.
    pub genesis: GenesisDigest,
    /// SM2 chain identity of this node.
    pub key: SecretKey,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whom to dial. Own key among them is ignored.
    pub peers: Vec<PeerAddress>,
    /// Whose links are accepted.
    pub allowed: BTreeSet<PublicKey>,
    /// Seed of the ed25519 identity of the encrypted channel; secret, and different on every node.
    pub transport_seed: [u8; 32],
    /// Limits; [`Limits::default`] suits a chain of up to 128 validators.
    pub limits: Limits,
}

impl Config {
    /// A configuration without peers to dial and with the default limits.
    #[must_use]
    pub fn new(
        genesis: GenesisDigest,
        key: SecretKey,
        listen: SocketAddr,
        allowed: BTreeSet<PublicKey>,
        transport_seed: [u8; 32],
    ) -> Self {
        Self { genesis, key, listen, peers: Vec::new(), allowed, transport_seed, limits: Limits::default() }
    }
}

/// Bound of a queue; whichever is reached first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimit {
    /// Messages.
    pub messages: usize,
    /// Sum of their bytes.
    pub bytes: usize,
}

/// Every limit of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From a TCP connection to a finished hello. Honest peers need a few round trips and two SM2 operations.
    pub handshake_timeout: Duration,
    /// Connections from outside that have not finished the hello, in total: bounds what strangers can occupy.
    pub unauthenticated: usize,
    /// The same per IP address. Several validators may share one behind an address translator.
    pub unauthenticated_per_ip: usize,
    /// Pause between heartbeats on a link.
    pub heartbeat: Duration,
    /// A link on which nothing arrived for this long is suspect: another connection may replace it.
    pub suspicion: Duration,
    /// A link on which nothing arrived for this long is dead.
    pub silence: Duration,
    /// Outgoing consensus queue per peer: several full proposals, or the votes of many views.
    pub consensus_queue: QueueLimit,
    /// Outgoing transaction queue per peer.
    pub transactions_queue: QueueLimit,
    /// Received consensus messages that wait for the node, over all peers.
    pub consensus_events: usize,
    /// Received transaction messages that wait for the node, over all peers.
    pub transactions_events: usize,
    /// Requests that wait for the node, over all peers.
    pub request_events: usize,
    /// Requests of one peer that are answered at the same time; more are refused.
    pub requests_inbound: usize,
    /// Own requests to one peer at the same time; more wait, within their timeout.
    pub requests_outbound: usize,
    /// From [`crate::Network::request`] to the whole reply.
    pub request_timeout: Duration,
    /// From the SYN to the TCP connection. Below a second, after which a SYN would be repeated: a fresh dial is sooner.
    pub connect_timeout: Duration,
    /// How long a dial is waited for before there may be another beside it.
    pub dial_patience: Duration,
    /// From the first failed dial to the next; doubled by each further one.
    pub redial_first: Duration,
    /// The longest time between dials that reach nobody. Short, because a cut may end at any moment.
    pub redial_most: Duration,
    /// The longest time between dials that are refused, or whose links do not last. They cost both sides more.
    pub redial_refused: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            unauthenticated: 64,
            unauthenticated_per_ip: 32,
            heartbeat: Duration::from_millis(250),
            suspicion: Duration::from_secs(1),
            silence: Duration::from_secs(8),
            consensus_queue: QueueLimit { messages: 4096, bytes: 64 * 1024 * 1024 },
            transactions_queue: QueueLimit { messages: 4096, bytes: 32 * 1024 * 1024 },
            consensus_events: 64,
            transactions_events: 64,
            request_events: 32,
            requests_inbound: 8,
            requests_outbound: 8,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_millis(900),
            dial_patience: Duration::from_millis(400),
            redial_first: Duration::from_millis(50),
            redial_most: Duration::from_millis(500),
            redial_refused: Duration::from_secs(2),
        }
    }
}
