//! How bytes travel: TCP, an encrypted and authenticated channel, and multiplexed streams.

use crate::NetworkError;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, Transport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, noise, tcp, yamux};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Most streams on one connection, both directions together: two channels, the hello and the requests of each side, and
/// streams that are closing. A peer above it loses the connection; strangers cannot occupy more than 256 KiB each.
const STREAMS: usize = 64;
/// TCP connections that wait to be accepted.
const BACKLOG: u32 = 256;

/// The encrypted, mutually authenticated channel. The only place that names it: the 国密 channel replaces this function.
fn secure(identity: &Keypair) -> Result<noise::Config, NetworkError> {
    noise::Config::new(identity).map_err(|e| NetworkError::Transport(e.to_string()))
}

/// The ed25519 identity of the channel.
pub(crate) fn identity(mut seed: [u8; 32]) -> Result<Keypair, NetworkError> {
    Keypair::ed25519_from_bytes(&mut seed).map_err(|e| NetworkError::Transport(e.to_string()))
}

/// The whole transport; a connection that is not encrypted and multiplexed within `timeout` is dropped.
pub(crate) fn build(identity: &Keypair, timeout: Duration) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    let mut multiplexer = yamux::Config::default();
    multiplexer.set_max_num_streams(STREAMS);
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true).listen_backlog(BACKLOG));
    Ok(tcp.upgrade(Version::V1).authenticate(secure(identity)?).multiplex(multiplexer).timeout(timeout).boxed())
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

    #[test]
    fn addresses_survive_libp2p() {
        for text in ["127.0.0.1:9201", "[::1]:80", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().expect("literal");
            assert_eq!(socket_address(&multiaddr(address)), Some(address));
        }
        assert_eq!(socket_address(&"/dns4/node0/tcp/1".parse().expect("literal")), None);
    }
}
