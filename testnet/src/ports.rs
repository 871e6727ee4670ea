//! Ports of a local network.

use crate::Error;
use std::net::{Ipv4Addr, TcpListener};

/// Chosen ports lie here: above well-known services and below Linux' ephemeral range (32768…), so that no outgoing
/// connection takes the port of a node that is down for a moment.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
/// Distance between a node's RPC port and its peer-to-peer port when a base port is given.
const PEER_OFFSET: u16 = 100;

/// Ports of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// gRPC and HTTP.
    pub rpc: u16,
    /// Peer-to-peer.
    pub peer: u16,
}

/// Ports `base + 1 + i` and `base + 101 + i` when a base is given, free ones otherwise.
///
/// # Errors
/// [`Error::Port`] names the port that is in use; [`Error::Plan`] when the base leaves no room.
pub fn choose(nodes: usize, base: Option<u16>) -> Result<Vec<Ports>, Error> {
    match base {
        Some(base) => fixed(nodes, base),
        None => free(nodes),
    }
}

fn fixed(nodes: usize, base: u16) -> Result<Vec<Ports>, Error> {
    let room = || Error::Plan(format!("--base-port {base} leaves no room for {nodes} nodes"));
    let count = u16::try_from(nodes).ok().filter(|n| *n < PEER_OFFSET).ok_or_else(room)?;
    base.checked_add(PEER_OFFSET + count).ok_or_else(room)?;
    (1..=count)
        .map(|i| Ports { rpc: base + i, peer: base + PEER_OFFSET + i })
        .map(|p| match [p.rpc, p.peer].into_iter().find(|port| !is_free(*port)) {
            Some(taken) => Err(Error::Port(taken)),
            None => Ok(p),
        })
        .collect()
}

fn free(nodes: usize) -> Result<Vec<Ports>, Error> {
    let mut random = [0u8; 2];
    getrandom::fill(&mut random).map_err(|e| Error::Plan(format!("no random bytes: {e}")))?;
    let width = RANGE.end - RANGE.start;
    // A random start keeps networks that are made at the same time apart.
    let start = u16::from_le_bytes(random) % width;
    let mut found = (0..width).map(|i| RANGE.start + (start + i) % width).filter(|p| is_free(*p));
    (0..nodes)
        .map(|_| match (found.next(), found.next()) {
            (Some(rpc), Some(peer)) => Ok(Ports { rpc, peer }),
            _ => Err(Error::Plan("no free ports are left".into())),
        })
        .collect()
}

/// Whether the port can be listened on at 127.0.0.1.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn chosen_ports_are_distinct() {
        let ports = choose(7, None).expect("free ports");
        let all: BTreeSet<u16> = ports.iter().flat_map(|p| [p.rpc, p.peer]).collect();
        assert_eq!(all.len(), 14);
        assert!(all.iter().all(|p| RANGE.contains(p)));
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken = choose(1, None).expect("free ports")[0].rpc;
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).expect("free a moment ago");
        let error = choose(1, Some(taken - 1)).expect_err("taken");
        assert!(matches!(error, Error::Port(p) if p == taken), "{error}");
    }

    #[test]
    fn a_base_without_room_is_refused() {
        assert_eq!(choose(4, Some(65_500)).expect_err("too high").code(), "TESTNET_PLAN");
        assert_eq!(choose(100, Some(9_100)).expect_err("too many").code(), "TESTNET_PLAN");
    }
}
