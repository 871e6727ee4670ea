//! The one task that owns libp2p's swarm: it listens, dials and closes, and starts a task for each connection.

use crate::handle::Shared;
use crate::hello::Refusal;
use crate::link::{Behaviour, GateClosed};
use crate::transport::multiaddr;
use crate::{PeerAddress, dial, session};
use futures::StreamExt;
use hnchain_crypto::PublicKey;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{ConnectionId, ListenError, Swarm, SwarmEvent};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// What tasks ask of the driver. A few dials per configured peer (those of a handshake timeout) and two commands per
/// connection are under way, so their queue needs no bound of its own.
#[derive(Debug)]
pub(crate) enum Command {
    /// Dial an address.
    Dial {
        /// Where.
        address: SocketAddr,
        /// Whom, and who wants to know.
        ticket: Ticket,
    },
    /// This connection became a link.
    Authenticated(ConnectionId),
    /// This connection has no owner any more.
    Close(ConnectionId),
}

/// A dial under way.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The key that must answer.
    pub(crate) key: PublicKey,
    pub(crate) done: oneshot::Sender<Result<(), DialFailure>>,
}

impl Ticket {
    pub(crate) fn succeed(self) {
        drop(self.done.send(Ok(()))); // a dialler that is gone needs no answer
    }

    pub(crate) fn fail(self, failure: DialFailure) {
        drop(self.done.send(Err(failure)));
    }
}

/// Why a dial made no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialFailure {
    /// No encrypted connection.
    #[error("{0}")]
    Unreachable(String),
    /// The hello failed.
    #[error("{}", .0.code())]
    Hello(Refusal),
}

/// The tasks that move the bytes of the connections, so that shutdown can wait for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<JoinSet<()>>>);

impl Connections {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {} // forget the finished ones
        tasks.spawn(task);
    }

    async fn shutdown(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

/// The driver's state.
pub(crate) struct Driver {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) connections: Connections,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) tickets: HashMap<ConnectionId, Ticket>,
}

impl Driver {
    /// Runs until `stop` is set or its sender is gone; then everything is closed and `done` set.
    pub(crate) async fn run(
        mut self,
        peers: Vec<PeerAddress>,
        announcer: impl Future<Output = ()> + Send + 'static,
        mut stop: watch::Receiver<bool>,
        done: watch::Sender<bool>,
    ) {
        let mut standing = JoinSet::new();
        standing.spawn(announcer);
        for peer in peers {
            standing.spawn(dial::keep(self.shared.clone(), peer));
        }
        let mut links = JoinSet::new();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                event = self.swarm.select_next_some() => self.on_swarm(event, &mut links),
                Some(command) = self.commands.recv() => self.on_command(command),
                Some(ended) = links.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(code = "LINK_PANIC", %error, "the task of a connection failed");
                    }
                }
            }
            self.shared.counts.unauthenticated.set(self.swarm.behaviour().strangers());
            let established = self.swarm.network_info().connection_counters().num_established();
            self.shared.counts.connections.set(established as usize);
        }
        standing.shutdown().await;
        links.shutdown().await;
        drop(self.swarm); // the listening socket closes here
        self.connections.shutdown().await;
        tracing::info!("network closed");
        done.send_replace(true);
    }

    fn on_swarm(&mut self, event: SwarmEvent<crate::link::Link>, links: &mut JoinSet<()>) {
        let counts = &self.shared.counts;
        match event {
            SwarmEvent::Behaviour(link) => {
                let ticket = self.tickets.remove(&link.id);
                links.spawn(session::run(self.shared.clone(), link, ticket));
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => match error {
                ListenError::Denied { cause } if cause.downcast_ref::<GateClosed>().is_some() => {
                    counts.gate_refused.one();
                    if self.shared.may_warn() {
                        tracing::warn!(code = "NET_GATE", address = %send_back_addr, "too many unauthenticated connections");
                    }
                }
                error => {
                    counts.inbound_failed.one();
                    tracing::debug!(address = %send_back_addr, %error, "inbound connection failed");
                }
            },
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                counts.dials_failed.one();
                if let Some(ticket) = self.tickets.remove(&connection_id) {
                    ticket.fail(DialFailure::Unreachable(error.to_string()));
                }
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::error!(code = "NET_LISTENER", %error, "cannot accept connections");
            }
            SwarmEvent::ListenerClosed { reason, .. } => {
                tracing::error!(code = "NET_LISTENER_CLOSED", ?reason, "the listening socket closed");
            }
            _ => {}
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Dial { address, ticket } => {
                // A port of its own: reusing the listening port would let two dials meet as one TCP connection.
                let dial = DialOpts::unknown_peer_id().address(multiaddr(address)).allocate_new_port().build();
                let id = dial.connection_id();
                match self.swarm.dial(dial) {
                    Ok(()) => drop(self.tickets.insert(id, ticket)),
                    Err(error) => ticket.fail(DialFailure::Unreachable(error.to_string())),
                }
            }
            Command::Authenticated(id) => self.swarm.behaviour_mut().authenticated(id),
            Command::Close(id) => drop(self.swarm.close_connection(id)), // false: it closed by itself
        }
    }
}
