//! Starting the network, and the handle that the node holds.

use crate::driver::{Command, Connections, Driver};
use crate::link::Behaviour;
use crate::registry::{Registry, Session};
use crate::stats::Counts;
use crate::transport::{self, multiaddr, socket_address};
use crate::{Channel, Config, Control, Events, Limits, NetworkError, PeerAddress, Request, Stats, request};
use futures::StreamExt;
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_types::GenesisDigest;
use libp2p::PeerId;
use libp2p::swarm::{Config as SwarmConfig, Swarm, SwarmEvent};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Streams of one connection whose purpose is being negotiated at the same time.
const NEGOTIATING_STREAMS: usize = 16;
/// Control events that wait for the node.
const CONTROL_EVENTS: usize = 64;
/// Strangers cause at most one warning in this time.
const WARNING_PAUSE: Duration = Duration::from_secs(1);

/// What all tasks of the network share.
pub(crate) struct Shared {
    pub(crate) genesis: GenesisDigest,
    pub(crate) key: SecretKey,
    pub(crate) own_peer: PeerId,
    pub(crate) instance: [u8; 16],
    pub(crate) limits: Limits,
    pub(crate) counts: Counts,
    pub(crate) consensus: mpsc::Sender<(PublicKey, Vec<u8>)>,
    pub(crate) transactions: mpsc::Sender<(PublicKey, Vec<u8>)>,
    pub(crate) requests: mpsc::Sender<Request>,
    /// Counts changes of the registry.
    pub(crate) changed: watch::Sender<u64>,
    registry: Mutex<Registry>,
    commands: mpsc::UnboundedSender<Command>,
    warned: Mutex<Option<Instant>>,
}

impl Shared {
    /// Locks the registry; never held across an await.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the registry and wakes those who watch it.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        let result = change(&mut self.registry());
        self.changed.send_modify(|n| *n += 1);
        result
    }

    /// Asks the driver; it is gone only at shutdown, when nothing matters any more.
    pub(crate) fn command(&self, command: Command) {
        drop(self.commands.send(command));
    }

    /// Whether a warning about strangers is due.
    pub(crate) fn may_warn(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let due = warned.is_none_or(|at| at.elapsed() >= WARNING_PAUSE);
        if due {
            *warned = Some(Instant::now());
        }
        due
    }
}

/// An unpredictable number, from the seed that the standard library takes from the operating system. For jitter and for
/// telling instances apart, not for secrets.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

fn instance() -> [u8; 16] {
    let mut bytes = [0u8; 16];
    bytes[..8].copy_from_slice(&random().to_be_bytes());
    bytes[8..].copy_from_slice(&random().to_be_bytes());
    bytes
}

/// A peer as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its key.
    pub public_key: PublicKey,
    /// The configured address, or where it connected from.
    pub address: String,
    /// Whether it is linked now.
    pub connected: bool,
}

/// The handle of a running network. Clones are cheap; when the last one is dropped the network closes.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    listen: SocketAddr,
    peers: Vec<PeerAddress>,
    stop: watch::Sender<bool>,
    done: watch::Receiver<bool>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Network({} at {})", self.public_key(), self.inner.listen)
    }
}

/// Opens the listening port and begins to dial the peers.
///
/// # Errors
/// [`NetworkError::PortInUse`], [`NetworkError::Listen`], [`NetworkError::Address`] or [`NetworkError::Transport`].
pub async fn start(config: Config) -> Result<(Network, Events), NetworkError> {
    let own = config.key.public_key();
    let peers = checked_peers(config.peers, &own)?;
    let identity = transport::identity(config.transport_seed)?;
    let own_peer = identity.public().to_peer_id();
    let transport = transport::build(&identity, config.limits.connect_timeout, config.limits.handshake_timeout)?;
    let behaviour = Behaviour::new(config.limits.unauthenticated, config.limits.unauthenticated_per_ip);
    let connections = Connections::default();
    let spawner = connections.clone();
    let swarm_config = SwarmConfig::with_executor(move |task| spawner.spawn(task))
        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS);
    let mut swarm = Swarm::new(transport, behaviour, own_peer, swarm_config);
    let listen = listen(&mut swarm, config.listen).await?;

    let (control, control_events) = mpsc::channel(CONTROL_EVENTS);
    let (consensus, consensus_events) = mpsc::channel(config.limits.consensus_events);
    let (transactions, transactions_events) = mpsc::channel(config.limits.transactions_events);
    let (requests, request_events) = mpsc::channel(config.limits.request_events);
    let (commands, driver_commands) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        genesis: config.genesis,
        key: config.key,
        own_peer,
        instance: instance(),
        registry: Mutex::new(Registry::new(own, config.limits.clone(), config.allowed)),
        limits: config.limits,
        counts: Counts::default(),
        consensus,
        transactions,
        requests,
        changed: watch::Sender::new(0),
        commands,
        warned: Mutex::new(None),
    });
    let (stop, stopped) = watch::channel(false);
    let (done_sender, done) = watch::channel(false);
    let driver =
        Driver { swarm, connections, shared: shared.clone(), commands: driver_commands, tickets: HashMap::new() };
    tokio::spawn(driver.run(peers.clone(), announce(shared.clone(), control), stopped, done_sender));
    tracing::info!(address = %listen, peer_id = %own_peer, key = %own, peers = peers.len(), "network listening");
    let events = Events {
        control: control_events,
        consensus: consensus_events,
        transactions: transactions_events,
        requests: request_events,
    };
    Ok((Network { inner: Arc::new(Inner { shared, listen, peers, stop, done }) }, events))
}

fn checked_peers(peers: Vec<PeerAddress>, own: &PublicKey) -> Result<Vec<PeerAddress>, NetworkError> {
    let well_formed = |address: &str| {
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse().is_ok_and(|p: u16| p > 0))
    };
    match peers.iter().find(|p| !well_formed(&p.address)) {
        Some(wrong) => Err(NetworkError::Address(wrong.address.clone())),
        None => Ok(peers.into_iter().filter(|p| p.public_key != *own).collect()),
    }
}

/// Binds the address and waits until it is bound.
async fn listen(swarm: &mut Swarm<Behaviour>, address: SocketAddr) -> Result<SocketAddr, NetworkError> {
    let failed = |reason: String| NetworkError::Listen { address, reason };
    // libp2p sets SO_REUSEPORT, with which two nodes would silently share a port; a plain bind finds the other one.
    match TcpListener::bind(address) {
        Ok(probe) => drop(probe),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(NetworkError::PortInUse(address)),
        Err(error) => return Err(failed(error.to_string())),
    }
    swarm.listen_on(multiaddr(address)).map_err(|e| failed(e.to_string()))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address: bound, .. } => {
                let bound = socket_address(&bound).ok_or_else(|| failed(format!("bound to {bound}")))?;
                return Ok(SocketAddr::new(address.ip(), bound.port()));
            }
            SwarmEvent::ListenerError { error, .. } => return Err(failed(error.to_string())),
            SwarmEvent::ListenerClosed { reason, .. } => return Err(failed(format!("{reason:?}"))),
            _ => {}
        }
    }
}

/// Tells the node who came and went. A slow node sees the latest state, and no link ever waits for it.
async fn announce(shared: Arc<Shared>, control: mpsc::Sender<Control>) {
    let mut changed = shared.changed.subscribe();
    let mut announced = BTreeMap::new();
    loop {
        changed.borrow_and_update();
        let live: BTreeMap<_, _> = shared.registry().sessions().map(|s| (s.key, s.serial)).collect();
        let gone = announced.iter().filter(|(key, serial)| live.get(*key) != Some(*serial));
        let come = live.iter().filter(|(key, serial)| announced.get(*key) != Some(*serial));
        let events: Vec<_> = gone
            .map(|(key, _)| Control::Disconnected(*key))
            .chain(come.map(|(key, _)| Control::Connected(*key)))
            .collect();
        for event in events {
            if control.send(event).await.is_err() {
                return;
            }
        }
        announced = live;
        if changed.changed().await.is_err() {
            return;
        }
    }
}

impl Network {
    /// Own key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.inner.shared.key.public_key()
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn listen_address(&self) -> SocketAddr {
        self.inner.listen
    }

    /// Queues a message. `false`: not connected, queue full, or larger than the channel allows; it is dropped.
    #[must_use]
    pub fn send(&self, to: &PublicKey, channel: Channel, bytes: Arc<[u8]>) -> bool {
        let session = self.inner.shared.registry().live(to).cloned();
        session.is_some_and(|session| self.push(&session, channel, bytes))
    }

    /// Queues a message for every linked peer. Where a queue is full it is dropped and counted.
    #[allow(clippy::needless_pass_by_value)] // the same shape as `send`
    pub fn broadcast(&self, channel: Channel, bytes: Arc<[u8]>) {
        let sessions: Vec<_> = self.inner.shared.registry().sessions().cloned().collect();
        for session in sessions {
            self.push(&session, channel, bytes.clone());
        }
    }

    fn push(&self, session: &Session, channel: Channel, bytes: Arc<[u8]>) -> bool {
        let size = bytes.len();
        let queued = session.outbox(channel).push(bytes);
        if !queued {
            self.inner.shared.counts.channel(channel).dropped.one();
            tracing::debug!(peer = %session.key, ?channel, size, "message dropped");
        }
        queued
    }

    /// Asks a peer and waits for its reply.
    ///
    /// # Errors
    /// [`NetworkError::NotConnected`], also when the link breaks meanwhile; [`NetworkError::RequestTooLarge`],
    /// [`NetworkError::RequestRefused`], [`NetworkError::RequestTimeout`], [`NetworkError::ReplyTooLarge`].
    pub async fn request(&self, to: &PublicKey, bytes: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
        let session = self.inner.shared.registry().live(to).cloned();
        let session = session.ok_or(NetworkError::NotConnected(*to))?;
        request::ask(&self.inner.shared, &session, bytes).await
    }

    /// The configured and the linked peers, by key.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        let configured = self.inner.peers.iter().map(|p| (p.public_key, (p.address.clone(), false)));
        let mut peers: BTreeMap<_, _> = configured.collect();
        for session in self.inner.shared.registry().sessions() {
            let address = session.address.map(|a| a.to_string()).unwrap_or_default();
            peers.entry(session.key).or_insert((address, true)).1 = true;
        }
        let info = |(public_key, (address, connected))| PeerInfo { public_key, address, connected };
        peers.into_iter().map(info).collect()
    }

    /// Replaces the allow-list; links of keys that are not in it end.
    pub fn set_allowed(&self, allowed: BTreeSet<PublicKey>) {
        self.inner.shared.update(|registry| registry.set_allowed(allowed));
    }

    /// All counters now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.inner.shared.counts.snapshot();
        for session in self.inner.shared.registry().sessions() {
            stats.connected += 1;
            for (channel, counts) in
                [(Channel::Consensus, &mut stats.consensus), (Channel::Transactions, &mut stats.transactions)]
            {
                let (messages, bytes) = session.outbox(channel).depth();
                counts.queued_messages += messages;
                counts.queued_bytes += bytes;
            }
        }
        stats
    }

    /// Closes every link and the listening port, and waits until they are closed. Repeating it is harmless.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(true);
        let mut done = self.inner.done.clone();
        // The driver drops the sender only after having set it, or with the runtime.
        drop(done.wait_for(|done| *done).await);
    }
}
