//! What the node knows about itself and its peers at this moment: written by the driver, read by RPC and metrics.

use crate::shared::Role;
use hnchain_consensus::Position;
use hnchain_crypto::PublicKey;
use hnchain_types::certificate::Certificate;
use hnchain_types::{Height, genesis::ValidatorSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A node that is this many heights behind its peers is not ready: about the blocks of one second under load.
pub const READY_LAG: u64 = 16;

/// The board. Numbers are written one by one: a reader may see a new view with the old height, which is harmless.
#[derive(Debug, Default)]
pub struct StatusBoard {
    standing: Mutex<Standing>,
    /// Votes of the journal are of an epoch that the store has not reached: the standing says too little.
    reticent: AtomicBool,
    height: AtomicU64,
    network_height: AtomicU64,
    nullified_views: AtomicU64,
    syncing: AtomicBool,
    waking: AtomicBool,
    peers: Mutex<Vec<Peer>>,
}

/// Where consensus is, and what shows others that it came there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Epoch and view.
    pub position: Position,
    /// The certificate that brought it into the view; none where the chain begins.
    pub entry: Option<Certificate>,
    /// The node has lost its votes, or never had any, and asks its peers itself.
    pub waking: bool,
}

/// A peer as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its SM2 key.
    pub public_key: PublicKey,
    /// Where it is dialled, or where its link comes from.
    pub address: String,
    /// Whether it is linked.
    pub connected: bool,
}

/// Why a node is not ready, for people and machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// Too few validators are linked.
    Quorum {
        /// Linked validators, this one included.
        connected: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Blocks are missing here.
    Behind {
        /// Height here.
        height: u64,
        /// Height of the peers.
        network: u64,
    },
}

impl Unready {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Quorum { .. } => "NOT_CONNECTED",
            Self::Behind { .. } => "BEHIND",
        }
    }

    /// English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::Quorum { connected, needed } => format!("{connected} validators are linked, {needed} are needed"),
            Self::Behind { height, network } => format!("at height {height}, peers are at {network}"),
        }
    }

    /// Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Quorum { connected, needed } => format!("已连接 {connected} 个验证节点，至少需要 {needed} 个"),
            Self::Behind { height, network } => format!("本节点高度 {height}，其他节点高度 {network}"),
        }
    }
}

impl StatusBoard {
    /// Consensus is here.
    pub fn set_standing(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// Blocks up to here are final and stored.
    pub fn set_height(&self, height: Height) {
        self.height.fetch_max(height.0, Ordering::Relaxed);
    }

    /// Peers that are not all lying have finalized this height.
    pub fn set_network_height(&self, height: Height) {
        self.network_height.store(height.0, Ordering::Relaxed);
    }

    /// One more view was given up.
    pub fn add_nullified(&self) {
        self.nullified_views.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether missed blocks are being fetched.
    pub fn set_syncing(&self, syncing: bool) {
        self.syncing.store(syncing, Ordering::Relaxed);
    }

    /// Whether the vote journal is new and peers are asked how far the chain is.
    pub fn set_waking(&self, waking: bool) {
        self.waking.store(waking, Ordering::Relaxed);
    }

    /// The peers and whether they are linked.
    pub fn set_peers(&self, peers: Vec<Peer>) {
        *self.peers.lock().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Epoch and view of consensus, of one moment.
    #[must_use]
    pub fn position(&self) -> Position {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).position
    }

    /// What peers are told; nothing while it would be too little.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let reticent = self.reticent.load(Ordering::Relaxed);
        (!reticent).then(|| self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Whether the standing says less than what this node has signed.
    pub fn set_reticent(&self, reticent: bool) {
        self.reticent.store(reticent, Ordering::Relaxed);
    }

    /// Newest final height here.
    #[must_use]
    pub fn height(&self) -> Height {
        Height(self.height.load(Ordering::Relaxed))
    }

    /// Newest final height known of anyone.
    #[must_use]
    pub fn network_height(&self) -> Height {
        Height(self.network_height.load(Ordering::Relaxed)).max(self.height())
    }

    /// Views given up since the start.
    #[must_use]
    pub fn nullified_views(&self) -> u64 {
        self.nullified_views.load(Ordering::Relaxed)
    }

    /// Whether missed blocks are being fetched.
    #[must_use]
    pub fn syncing(&self) -> bool {
        self.syncing.load(Ordering::Relaxed)
    }

    /// Whether the vote journal is new and peers are asked how far the chain is.
    #[must_use]
    pub fn waking(&self) -> bool {
        self.waking.load(Ordering::Relaxed)
    }

    /// The peers.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the node can serve: linked to a quorum (a validator) or to more than the faulty could be (an observer), and
    /// not far behind.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self, role: Role, validators: &ValidatorSet) -> Result<(), Unready> {
        let linked: BTreeSet<PublicKey> =
            self.peers().into_iter().filter(|p| p.connected).map(|p| p.public_key).collect();
        let (own, needed) = match role {
            Role::Validator(index) => {
                (validators.key(index).map(hnchain_crypto::VerifyingKey::public_key), validators.quorum())
            }
            Role::Observer => (None, validators.faults() + 1),
        };
        let connected = validators.public_keys().filter(|k| linked.contains(k) || Some(*k) == own).count();
        if connected < needed {
            return Err(Unready::Quorum { connected, needed });
        }
        let (height, network) = (self.height().0, self.network_height().0);
        if network > height + READY_LAG {
            return Err(Unready::Behind { height, network });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_crypto::SecretKey;
    use hnchain_types::ValidatorIndex;

    fn validators(n: usize) -> (ValidatorSet, Vec<PublicKey>) {
        let keys: Vec<_> = (0..n).map(|_| SecretKey::generate().unwrap().public_key()).collect();
        (ValidatorSet::new(&keys).unwrap(), keys)
    }

    fn peer(public_key: PublicKey, connected: bool) -> Peer {
        Peer { public_key, address: "127.0.0.1:9202".to_owned(), connected }
    }

    #[test]
    fn a_single_node_is_ready_by_itself() {
        let (set, _) = validators(1);
        assert_eq!(StatusBoard::default().ready(Role::Validator(ValidatorIndex(0)), &set), Ok(()));
    }

    #[test]
    fn a_validator_needs_a_quorum_and_an_observer_one_honest_validator() {
        let (set, keys) = validators(4);
        let board = StatusBoard::default();
        let me = Role::Validator(ValidatorIndex(0));
        board.set_peers(vec![peer(keys[1], true), peer(keys[2], false)]);
        assert_eq!(board.ready(me, &set), Err(Unready::Quorum { connected: 2, needed: 3 }));
        assert_eq!(board.ready(Role::Observer, &set), Err(Unready::Quorum { connected: 1, needed: 2 }));
        board.set_peers(vec![peer(keys[1], true), peer(keys[2], true)]);
        assert_eq!(board.ready(me, &set), Ok(()));
        assert_eq!(board.ready(Role::Observer, &set), Ok(()));
    }

    #[test]
    fn a_node_far_behind_is_not_ready() {
        let (set, _) = validators(1);
        let board = StatusBoard::default();
        board.set_height(Height(10));
        board.set_network_height(Height(10 + READY_LAG));
        assert_eq!(board.ready(Role::Validator(ValidatorIndex(0)), &set), Ok(()));
        board.set_network_height(Height(11 + READY_LAG));
        let unready = board.ready(Role::Validator(ValidatorIndex(0)), &set).unwrap_err();
        assert_eq!(unready.code(), "BEHIND");
    }
}
