//! How bytes travel: TCP, an encrypted and authenticated channel, and multiplexed streams.

use crate::NetworkError;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent};
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::transport::{Boxed, Transport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, noise, tcp, yamux};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Most streams on one connection, both directions together: two channels, the hello and the requests of each side, and
/// streams that are closing. A peer above it loses the connection; strangers cannot occupy more than 256 KiB each.
const STREAMS: usize = 64;
/// TCP connections that wait to be accepted.
const BACKLOG: u32 = 256;

/// How long a closing connection may still write what it had promised.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The encrypted, mutually authenticated channel. The only place that names it: the 国密 channel replaces this function.
fn secure(identity: &Keypair) -> Result<noise::Config, NetworkError> {
    noise::Config::new(identity).map_err(|e| NetworkError::Transport(e.to_string()))
}

/// The ed25519 identity of the channel.
pub(crate) fn identity(mut seed: [u8; 32]) -> Result<Keypair, NetworkError> {
    Keypair::ed25519_from_bytes(&mut seed).map_err(|e| NetworkError::Transport(e.to_string()))
}

/// The whole transport. A dial without a TCP connection within `connect_timeout` and a connection that is not encrypted
/// and multiplexed within `timeout` are dropped.
pub(crate) fn build(
    identity: &Keypair,
    connect_timeout: Duration,
    timeout: Duration,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    let mut multiplexer = yamux::Config::default();
    multiplexer.set_max_num_streams(STREAMS);
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true).listen_backlog(BACKLOG));
    let tcp = TransportTimeout::with_outgoing_timeout(tcp, connect_timeout);
    let secured = tcp.upgrade(Version::V1).authenticate(secure(identity)?).multiplex(multiplexer).timeout(timeout);
    let impatient = |(peer, inner), _| (peer, StreamMuxerBox::new(Impatient { inner, closing: None }));
    Ok(Transport::boxed(Transport::map(secured, impatient)))
}

/// A multiplexer that does not wait for the goodbye to be read: a peer that stopped reading would otherwise hold its
/// socket and buffers until TCP gives up, a quarter of an hour later.
struct Impatient<M> {
    inner: M,
    closing: Option<Pin<Box<Sleep>>>,
}

impl<M: StreamMuxer + Unpin> StreamMuxer for Impatient<M> {
    type Substream = M::Substream;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<M::Substream, M::Error>> {
        Pin::new(&mut self.inner).poll_inbound(cx)
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<M::Substream, M::Error>> {
        Pin::new(&mut self.inner).poll_outbound(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        let this = &mut *self;
        if let Poll::Ready(closed) = Pin::new(&mut this.inner).poll_close(cx) {
            return Poll::Ready(closed);
        }
        let patience = this.closing.get_or_insert_with(|| Box::pin(sleep(CLOSE_TIMEOUT)));
        patience.as_mut().poll(cx).map(Ok)
    }
}

/// libp2p's form of a TCP address.
pub(crate) fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// The TCP address in libp2p's form.
pub(crate) fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;
    use std::io;

    /// A connection on which nothing ever moves.
    struct Stuck;

    impl StreamMuxer for Stuck {
        type Substream = Cursor<Vec<u8>>;
        type Error = io::Error;

        fn poll_inbound(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
            Poll::Pending
        }

        fn poll_outbound(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn closing_does_not_wait_for_a_peer_that_never_reads() {
        let mut muxer = Impatient { inner: Stuck, closing: None };
        let close = std::future::poll_fn(|cx| Pin::new(&mut muxer).poll_close(cx));
        let closed = tokio::time::timeout(CLOSE_TIMEOUT * 30, close).await;
        assert!(matches!(closed, Ok(Ok(()))));
    }

    #[test]
    fn addresses_survive_libp2p() {
        for text in ["127.0.0.1:9201", "[::1]:80", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().expect("literal");
            assert_eq!(socket_address(&multiaddr(address)), Some(address));
        }
        assert_eq!(socket_address(&"/dns4/node0/tcp/1".parse().expect("literal")), None);
    }
}
