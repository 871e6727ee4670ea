//! Who is allowed and who is linked: the one place where N1's allow-list and N2's choice between connections live.

use crate::Channel;
use crate::Limits;
use crate::hello::{Refusal, Standing};
use crate::link::Opener;
use crate::outbox::Outbox;
use crate::pulse::Pulse;
use hnchain_crypto::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The connection broke or the peer closed it.
    Broken,
    /// No heartbeat for too long.
    Silent,
    /// The peer broke the protocol.
    Violation,
    /// A newer connection of the same peer took over.
    Replaced,
    /// The key is not allowed any more.
    NotAllowed,
    /// The node shuts down, or dropped the receiver of these events.
    Closed,
}

impl Ended {
    /// Stable code, in logs.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Broken => "LINK_BROKEN",
            Self::Silent => "LINK_SILENT",
            Self::Violation => "LINK_VIOLATION",
            Self::Replaced => "LINK_REPLACED",
            Self::NotAllowed => "LINK_NOT_ALLOWED",
            Self::Closed => "LINK_CLOSED",
        }
    }
}

/// An authenticated link, shared by its tasks and the senders.
#[derive(Debug)]
pub(crate) struct Session {
    /// Counts the links of this node; later is larger.
    pub(crate) serial: u64,
    pub(crate) key: PublicKey,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) opener: Opener,
    pub(crate) outboxes: [Outbox; 2],
    pub(crate) pulse: Pulse,
    /// Own requests under way.
    pub(crate) requests: Semaphore,
    /// Set once, to end it.
    pub(crate) ended: watch::Sender<Option<Ended>>,
    instance: [u8; 16],
    /// What the larger key had said when this link was accepted.
    standing: Standing,
}

impl Session {
    pub(crate) fn end(&self, why: Ended) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(why);
            first
        });
    }

    pub(crate) fn outbox(&self, channel: Channel) -> &Outbox {
        &self.outboxes[channel.index()]
    }
}

/// A connection whose hello is finished but for the decision.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) key: PublicKey,
    pub(crate) instance: [u8; 16],
    pub(crate) address: Option<SocketAddr>,
    pub(crate) opener: Opener,
}

/// Allow-list and links.
#[derive(Debug)]
pub(crate) struct Registry {
    own: PublicKey,
    limits: Limits,
    allowed: BTreeSet<PublicKey>,
    peers: BTreeMap<PublicKey, Known>,
    serial: u64,
}

#[derive(Debug, Default)]
struct Known {
    live: Option<Arc<Session>>,
    /// Links with this peer since the start.
    links: u64,
}

impl Registry {
    pub(crate) fn new(own: PublicKey, limits: Limits, allowed: BTreeSet<PublicKey>) -> Self {
        Self { own, limits, allowed, peers: BTreeMap::new(), serial: 0 }
    }

    pub(crate) fn allowed(&self) -> &BTreeSet<PublicKey> {
        &self.allowed
    }

    pub(crate) fn live(&self, key: &PublicKey) -> Option<&Arc<Session>> {
        self.peers.get(key)?.live.as_ref()
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.peers.values().filter_map(|p| p.live.as_ref())
    }

    /// Whether this peer should be dialled: it is allowed, and not linked or on a suspect link only (N7).
    pub(crate) fn wanting(&self, key: &PublicKey) -> bool {
        self.allowed.contains(key) && self.live(key).is_none_or(|session| session.pulse.suspect())
    }

    /// Whether this node decides about connections with that peer.
    pub(crate) fn decides(&self, key: &PublicKey) -> bool {
        self.own < *key
    }

    /// What this node, having the larger key, tells the other. A suspect link is as good as none.
    pub(crate) fn standing(&self, key: &PublicKey) -> Standing {
        let live = self.live(key).is_some_and(|session| !session.pulse.suspect());
        Standing { live, links: self.peers.get(key).map_or(0, |p| p.links) }
    }

    /// The decision of the smaller key. A living link stays, unless it is suspect, or the peer has restarted or has lost
    /// it: it has registered a link since it spoke on the living one and yet holds none.
    pub(crate) fn decide(&mut self, candidate: Candidate, standing: Standing) -> Result<Arc<Session>, Refusal> {
        if let Some(live) = self.live(&candidate.key) {
            let restarted = live.instance != candidate.instance;
            let lost = !standing.live && standing.links > live.standing.links;
            if !restarted && !lost && !live.pulse.suspect() {
                return Err(Refusal::Duplicate);
            }
        }
        self.install(candidate, standing)
    }

    /// The larger key follows the decision.
    pub(crate) fn follow(&mut self, candidate: Candidate) -> Result<Arc<Session>, Refusal> {
        self.install(candidate, Standing::default())
    }

    fn install(&mut self, candidate: Candidate, standing: Standing) -> Result<Arc<Session>, Refusal> {
        if !self.allowed.contains(&candidate.key) {
            return Err(Refusal::UnknownKey); // removed while the hello was under way
        }
        self.serial += 1;
        let outbox = |channel: Channel| {
            let limit = match channel {
                Channel::Consensus => self.limits.consensus_queue,
                Channel::Transactions => self.limits.transactions_queue,
            };
            Outbox::new(limit, channel.frame_bytes())
        };
        let session = Arc::new(Session {
            serial: self.serial,
            key: candidate.key,
            address: candidate.address,
            opener: candidate.opener,
            outboxes: Channel::ALL.map(outbox),
            pulse: Pulse::new(self.limits.heartbeat, self.limits.suspicion, self.limits.silence),
            requests: Semaphore::new(self.limits.requests_outbound),
            ended: watch::Sender::new(None),
            instance: candidate.instance,
            standing,
        });
        let known = self.peers.entry(candidate.key).or_default();
        known.links += 1;
        if let Some(old) = known.live.replace(session.clone()) {
            old.end(Ended::Replaced);
        }
        Ok(session)
    }

    /// Forgets a link, unless a newer one took its place.
    pub(crate) fn release(&mut self, session: &Session) {
        if let Some(known) = self.peers.get_mut(&session.key)
            && known.live.as_ref().is_some_and(|live| live.serial == session.serial)
        {
            known.live = None;
        }
    }

    /// Replaces the allow-list and ends the links of keys that left it.
    pub(crate) fn set_allowed(&mut self, allowed: BTreeSet<PublicKey>) {
        self.allowed = allowed;
        self.sessions().filter(|s| !self.allowed.contains(&s.key)).for_each(|s| s.end(Ended::NotAllowed));
        self.peers.retain(|key, known| self.allowed.contains(key) || known.live.is_some());
    }
}
