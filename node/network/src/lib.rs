//! Authenticated links between the nodes of one chain, over libp2p on TCP.
//!
//! # What is here
//! [`start`] opens the listening port, dials the configured peers forever and returns a [`Network`] to send with and the
//! [`Events`] that arrive. Peers are named by their SM2 chain keys; libp2p's own ed25519 identity is only the key of the
//! encrypted channel and is bound to the chain key by the hello below.
//!
//! | stream | direction | carries |
//! |---|---|---|
//! | `/hnchain/hello/1` | opened by the dialer, both ways | the hello, then heartbeats for as long as the link lives |
//! | `/hnchain/consensus/1` | one each way | [`Channel::Consensus`] frames |
//! | `/hnchain/transactions/1` | one each way | [`Channel::Transactions`] frames |
//! | `/hnchain/request/1` | one per request | a request and its reply (sync) |
//!
//! # Invariants
//! - **N1** Nothing is served before both sides proved an allowed SM2 key for this genesis and for this very channel
//!   (the signature covers genesis ‖ own PeerId ‖ remote PeerId). A peer removed by [`Network::set_allowed`] is cut off.
//! - **N2** At most one link per key carries traffic. The node with the smaller key decides which, so two nodes that dial
//!   each other at once agree without flapping, and a restarted peer replaces its dead link at once.
//! - **N3** Every queue is bounded in messages and in bytes. A full outgoing queue drops the newest message and
//!   [`Network::send`] says `false`; a slow receiver of events stops the reading of that channel's streams, never of
//!   another channel's.
//! - **N4** Within one link a channel keeps its order. Messages may be lost when a link breaks, never repeated.
//! - **N5** Connections that have not finished the hello are bounded in number, per address and in total, and in time.
//! - **N6** A peer that vanishes silently is noticed within ten seconds; an idle link is never closed.
//! - **N7** A link on which nothing arrived for four heartbeats (a second) is suspect: it stays in use, but a fresh
//!   connection is dialled beside it, and again at most every half second, and takes its place if it is still quiet then.
//!   So, however long a network was cut, it is a young connection that finds out that it is not any more, and not one
//!   whose retransmissions have backed off. A node that was stopped does not suspect its links for the time it slept.
//!
//! An idle link costs four heartbeats a second each way: with all headers and acknowledgements some 0.7 kB/s each way.
//!
//! Consensus does not wait behind bulk: it has its own stream, queue, tasks and event channel, and the multiplexer serves
//! streams in turn with 16 KiB frames, so a frame waits at most behind what is already in the socket's buffers.
//!
//! # Example
//! ```
//! use hnchain_crypto::{Digest, SecretKey};
//! use hnchain_network::{Channel, Config, Control, PeerAddress, start};
//! use hnchain_types::GenesisDigest;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let (zhengzhou, kaifeng) = (SecretKey::generate()?, SecretKey::generate()?);
//! let allowed = [zhengzhou.public_key(), kaifeng.public_key()].into();
//! let genesis = GenesisDigest(Digest::ZERO);
//! let listen = "127.0.0.1:0".parse()?;
//! let first = Config::new(genesis, zhengzhou, listen, allowed, [1; 32]);
//! let mut second = Config::new(genesis, kaifeng, listen, first.allowed.clone(), [2; 32]);
//!
//! let (a, _events_of_a) = start(first).await?;
//! second.peers = vec![PeerAddress { public_key: a.public_key(), address: a.listen_address().to_string() }];
//! let (b, mut events) = start(second).await?;
//!
//! assert_eq!(events.control.recv().await, Some(Control::Connected(a.public_key())));
//! while !a.send(&b.public_key(), Channel::Consensus, b"vote".as_slice().into()) {
//!     tokio::task::yield_now().await; // the other side may need a moment more
//! }
//! assert_eq!(events.consensus.recv().await, Some((a.public_key(), b"vote".to_vec())));
//! a.shutdown().await;
//! b.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod dial;
mod driver;
mod error;
mod frame;
mod handle;
mod hello;
mod link;
mod outbox;
#[doc(hidden)]
pub mod probe;
mod pulse;
mod registry;
mod request;
mod session;
mod stats;
mod transport;

#[cfg(test)]
mod adversary;

pub use config::{
    CONSENSUS_FRAME_BYTES, Config, Limits, PeerAddress, QueueLimit, REPLY_BYTES, REQUEST_BYTES,
    TRANSACTIONS_FRAME_BYTES,
};
pub use error::NetworkError;
pub use handle::{Network, PeerInfo, start};
pub use stats::{ChannelStats, RequestStats, Stats};

use hnchain_crypto::PublicKey;
use tokio::sync::{mpsc, oneshot};

/// The two message channels of a link. Each has its own stream and its own bounded queue per peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Consensus messages, up to [`CONSENSUS_FRAME_BYTES`].
    Consensus,
    /// Transactions on their way to the leaders, up to [`TRANSACTIONS_FRAME_BYTES`].
    Transactions,
}

impl Channel {
    /// Every channel, in the order of [`Channel::index`].
    pub(crate) const ALL: [Self; 2] = [Self::Consensus, Self::Transactions];

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Consensus => 0,
            Self::Transactions => 1,
        }
    }

    /// Largest message in bytes.
    pub(crate) const fn frame_bytes(self) -> usize {
        match self {
            Self::Consensus => CONSENSUS_FRAME_BYTES,
            Self::Transactions => TRANSACTIONS_FRAME_BYTES,
        }
    }
}

/// A peer came or went. For each peer these alternate and begin with `Connected`; a link replaced by a newer one shows
/// as `Disconnected`, `Connected`, so that the receiver can resend what may have been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Authenticated; messages may be sent.
    Connected(PublicKey),
    /// Its link ended.
    Disconnected(PublicKey),
}

/// A request of a peer that waits for its answer.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub from: PublicKey,
    /// What, at most [`REQUEST_BYTES`].
    pub bytes: Vec<u8>,
    /// Where the answer goes, at most [`REPLY_BYTES`]. Dropping it refuses the request.
    pub reply: oneshot::Sender<Vec<u8>>,
}

/// What arrives. Each receiver is bounded; one that is not read holds back only its own kind. Dropping a receiver ends
/// that service: links close when a peer uses it.
#[derive(Debug)]
pub struct Events {
    /// Peers coming and going.
    pub control: mpsc::Receiver<Control>,
    /// Consensus messages with their sender.
    pub consensus: mpsc::Receiver<(PublicKey, Vec<u8>)>,
    /// Transaction messages with their sender.
    pub transactions: mpsc::Receiver<(PublicKey, Vec<u8>)>,
    /// Requests to answer.
    pub requests: mpsc::Receiver<Request>,
}
