//! Networks that are cut without a word and heal.
#![allow(clippy::unwrap_used)]

mod nodes;

use hnchain_network::{Channel, Config, Control, PeerAddress};
use nodes::*;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long the network is cut: beyond any patience of a link.
const CUT: Duration = Duration::from_secs(3);
/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);

/// A relay that can be cut. A connection that was open in a cut stays open and carries nothing ever again, as if its
/// retransmissions had backed off without end; only connections made after the cut pass.
async fn relay(target: SocketAddr, cut: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((dialler, _)) = listener.accept().await {
            tokio::spawn(carry(dialler, target, cut.clone()));
        }
    });
    address
}

async fn carry(mut dialler: TcpStream, target: SocketAddr, mut cut: watch::Receiver<bool>) {
    if *cut.borrow() {
        std::future::pending::<()>().await;
    }
    let mut listener = TcpStream::connect(target).await.unwrap();
    let was_cut = tokio::select! {
        _ = copy_bidirectional(&mut dialler, &mut listener) => false,
        cut = cut.wait_for(|cut| *cut) => cut.is_ok(),
    };
    if was_cut {
        std::future::pending::<()>().await;
    }
}

/// Only suspicion and patience can help: no link dies of silence, no hello of its timeout.
fn patient(n: u8) -> Config {
    let mut config = config(n);
    config.limits.silence = NEVER;
    config.limits.handshake_timeout = NEVER;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_network_talks_again_although_its_old_connections_never_do() {
    let (cutter, cut) = watch::channel(false);
    let addresses: Vec<SocketAddr> =
        (0..2).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()).collect();
    let (mut one, mut two) = (patient(1), patient(2));
    (one.listen, two.listen) = (addresses[0], addresses[1]);
    one.peers =
        vec![PeerAddress { public_key: public(2), address: relay(addresses[1], cut.clone()).await.to_string() }];
    two.peers = vec![PeerAddress { public_key: public(1), address: relay(addresses[0], cut).await.to_string() }];
    let (mut a, mut b) = tokio::join!(Node::start(one), Node::start(two));
    assert_eq!(a.control().await, Control::Connected(b.key()));
    assert_eq!(b.control().await, Control::Connected(a.key()));

    for round in 0..2u8 {
        cutter.send_replace(true);
        let start = Instant::now();
        eventually("the cut is over", || start.elapsed() > CUT).await;
        assert!(a.connected(&b) && b.connected(&a), "a suspect link stays in use");
        cutter.send_replace(false);
        assert_eq!(a.control().await, Control::Disconnected(b.key()));
        assert_eq!(a.control().await, Control::Connected(b.key()));
        assert_eq!(b.control().await, Control::Disconnected(a.key()));
        assert_eq!(b.control().await, Control::Connected(a.key()));
        a.send(&b, Channel::Consensus, &[round]).await;
        b.send(&a, Channel::Consensus, &[round]).await;
        assert_eq!(b.consensus().await, (a.key(), vec![round]));
        assert_eq!(a.consensus().await, (b.key(), vec![round]));
    }
    assert!(a.network.stats().suspected >= 2 && b.network.stats().suspected >= 2);
    assert_eq!((a.network.stats().silent, b.network.stats().silent), (0, 0));
    // At most one dial in half a second each, of which all but those after the heal went nowhere.
    let dials = a.network.stats().hellos_failed.values().sum::<u64>() + a.network.stats().links;
    assert!(dials < 60, "{dials} connections to a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_busy_keeps_its_links() {
    let (mut a, b) = pair(config(1), config(2)).await;
    assert_eq!(a.control().await, Control::Connected(b.key()));
    // Neither reads a channel, so both are full; the heartbeats go on beside them.
    let message: std::sync::Arc<[u8]> = vec![0; 1 << 20].into();
    for (from, to) in [(&a, &b), (&b, &a)] {
        eventually("full", || !from.network.send(&to.key(), Channel::Consensus, message.clone())).await;
    }
    let start = Instant::now();
    eventually("some suspicions later", || start.elapsed() > CUT).await;
    assert_eq!((a.network.stats().links, b.network.stats().links), (1, 1));
}
