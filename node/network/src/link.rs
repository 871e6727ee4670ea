//! Streams of single connections, as a libp2p behaviour.
//!
//! libp2p-stream would give streams by peer, from whichever connection, and keeps an entry for each connection that ever
//! was. Here each connection is its own [`Link`], because the hello authenticates a connection and everything after it
//! must stay on that connection; and the gate that bounds strangers sits where connections are born.

use crate::transport::socket_address;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, ConnectionHandler, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour, Stream, StreamProtocol,
    StreamUpgradeError, SubstreamProtocol, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Hello,
    Consensus,
    Transactions,
    Request,
}

impl Purpose {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hello => "/hnchain/hello/1",
            Self::Consensus => "/hnchain/consensus/1",
            Self::Transactions => "/hnchain/transactions/1",
            Self::Request => "/hnchain/request/1",
        }
    }
}

/// Every purpose, in the order of the enum.
static PURPOSES: [Purpose; 4] = [Purpose::Hello, Purpose::Consensus, Purpose::Transactions, Purpose::Request];

/// Inbound streams that wait for the owner of the link; an honest peer opens its channels and a few requests.
const WAITING_STREAMS: usize = 32;
/// Streams to open that wait for the connection's task.
const WAITING_OPENS: usize = 16;

type Opening = oneshot::Sender<io::Result<Stream>>;

/// Opens streams on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Opener(mpsc::Sender<(Purpose, Opening)>);

impl Opener {
    /// Opens a stream; fails when the connection ends or the peer does not speak this protocol.
    pub(crate) async fn open(&self, purpose: Purpose) -> io::Result<Stream> {
        let (sender, opened) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::ConnectionReset);
        self.0.send((purpose, sender)).await.map_err(|_| gone())?;
        opened.await.map_err(|_| gone())?
    }
}

/// One connection: who, how, and its streams.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: ConnectionId,
    pub(crate) peer: PeerId,
    /// This side dialled.
    pub(crate) dialled: bool,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) opener: Opener,
    /// Ends when the connection does.
    pub(crate) inbound: mpsc::Receiver<(Purpose, Stream)>,
}

/// Too many connections that have not finished the hello.
#[derive(Debug, thiserror::Error)]
#[error("too many unauthenticated connections")]
pub(crate) struct GateClosed;

/// Turns connections into [`Link`]s and bounds the inbound ones that are not authenticated yet.
#[derive(Debug)]
pub(crate) struct Behaviour {
    total: usize,
    per_ip: usize,
    strangers: HashMap<ConnectionId, Option<IpAddr>>,
    handed: HashMap<ConnectionId, Link>,
    ready: VecDeque<Link>,
}

impl Behaviour {
    pub(crate) fn new(total: usize, per_ip: usize) -> Self {
        Self { total, per_ip, strangers: HashMap::new(), handed: HashMap::new(), ready: VecDeque::new() }
    }

    /// This connection has finished the hello and does not count any more.
    pub(crate) fn authenticated(&mut self, id: ConnectionId) {
        self.strangers.remove(&id);
    }

    /// Inbound connections that have not finished the hello.
    pub(crate) fn strangers(&self) -> usize {
        self.strangers.len()
    }

    fn handler(&mut self, id: ConnectionId, peer: PeerId, address: &Multiaddr, dialled: bool) -> Handler {
        let (opener, opens) = mpsc::channel(WAITING_OPENS);
        let (sender, inbound) = mpsc::channel(WAITING_STREAMS);
        let address = socket_address(address);
        self.handed.insert(id, Link { id, peer, dialled, address, opener: Opener(opener), inbound });
        Handler { opens, inbound: sender }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Link;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let ip = socket_address(remote).map(|a| a.ip());
        let same = self.strangers.values().filter(|other| **other == ip).count();
        if self.strangers.len() >= self.total || same >= self.per_ip {
            return Err(ConnectionDenied::new(GateClosed));
        }
        self.strangers.insert(id, ip);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(id, peer, remote, false))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(id, peer, remote, true))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(e) => {
                self.ready.extend(self.handed.remove(&e.connection_id));
            }
            FromSwarm::ConnectionClosed(e) => {
                self.strangers.remove(&e.connection_id);
            }
            FromSwarm::ListenFailure(e) => {
                self.strangers.remove(&e.connection_id);
                self.handed.remove(&e.connection_id);
            }
            FromSwarm::DialFailure(e) => {
                self.handed.remove(&e.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Link, Infallible>> {
        // Links are only added by swarm events, after which the swarm polls again.
        self.ready.pop_front().map_or(Poll::Pending, |link| Poll::Ready(ToSwarm::GenerateEvent(link)))
    }
}

/// The connection's end of a [`Link`].
#[derive(Debug)]
pub(crate) struct Handler {
    opens: mpsc::Receiver<(Purpose, Opening)>,
    inbound: mpsc::Sender<(Purpose, Stream)>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opening;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer(&PURPOSES), ())
    }

    /// Only the driver closes connections (N6).
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Offer, Opening, Infallible>> {
        match self.opens.poll_recv(cx) {
            Poll::Ready(Some((purpose, opening))) => {
                let offer = Offer(std::slice::from_ref(&PURPOSES[purpose as usize]));
                let protocol = SubstreamProtocol::new(offer, opening);
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, Offer, (), Opening>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: (purpose, stream), .. }) => {
                let kept = self.inbound.try_send((purpose, stream)).is_ok();
                tracing::trace!(protocol = purpose.name(), kept, "inbound stream");
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: (_, stream), info }) => {
                drop(info.send(Ok(stream))); // whoever asked may have given up: the stream closes
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = match error {
                    StreamUpgradeError::Timeout => io::ErrorKind::TimedOut.into(),
                    StreamUpgradeError::NegotiationFailed => io::ErrorKind::Unsupported.into(),
                    StreamUpgradeError::Io(error) => error,
                    StreamUpgradeError::Apply(never) => match never {},
                };
                drop(info.send(Err(error)));
            }
            _ => {}
        }
    }
}

/// Negotiates one of these purposes by name.
#[derive(Clone, Debug)]
pub(crate) struct Offer(&'static [Purpose]);

/// A purpose as multistream-select sees it.
#[derive(Clone, Debug)]
pub(crate) struct Named(Purpose, StreamProtocol);

impl AsRef<str> for Named {
    fn as_ref(&self) -> &str {
        self.1.as_ref()
    }
}

impl UpgradeInfo for Offer {
    type Info = Named;
    type InfoIter = std::vec::IntoIter<Named>;

    fn protocol_info(&self) -> Self::InfoIter {
        let names: Vec<_> = self.0.iter().map(|p| Named(*p, StreamProtocol::new(p.name()))).collect();
        names.into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Purpose, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, named: Named) -> Self::Future {
        ready(Ok((named.0, stream)))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = (Purpose, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, named: Named) -> Self::Future {
        ready(Ok((named.0, stream)))
    }
}
