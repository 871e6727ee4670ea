//! Whole nodes over real loopback sockets.
#![allow(clippy::unwrap_used)]

mod nodes;

use hnchain_crypto::Digest;
use hnchain_network::{
    Channel, Control, Limits, NetworkError, PeerAddress, QueueLimit, REQUEST_BYTES, TRANSACTIONS_FRAME_BYTES, start,
};
use hnchain_types::GenesisDigest;
use nodes::*;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_exchange_on_both_channels_in_order() {
    let (mut a, mut b) = pair(config(1), config(2)).await;
    assert_eq!(a.control().await, Control::Connected(b.key()));
    assert_eq!(b.control().await, Control::Connected(a.key()));
    for i in 0..200u32 {
        a.send(&b, Channel::Consensus, &i.to_be_bytes()).await;
        a.send(&b, Channel::Transactions, &(i + 1000).to_be_bytes()).await;
        b.send(&a, Channel::Consensus, &(i + 2000).to_be_bytes()).await;
        if i % 50 == 49 {
            for i in i - 49..=i {
                assert_eq!(b.consensus().await, (a.key(), i.to_be_bytes().to_vec()));
                assert_eq!(b.transactions().await, (a.key(), (i + 1000).to_be_bytes().to_vec()));
                assert_eq!(a.consensus().await, (b.key(), (i + 2000).to_be_bytes().to_vec()));
            }
        }
    }
    let stats = b.network.stats();
    assert_eq!((stats.consensus.messages_in, stats.consensus.bytes_in), (200, 800));
    assert_eq!((stats.consensus.messages_out, stats.transactions.messages_in), (200, 200));
    assert_eq!((stats.connected, stats.links, stats.unauthenticated), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_and_the_empty_message_pass_and_a_larger_one_is_not_queued() {
    let (a, mut b) = pair(config(1), config(2)).await;
    let largest: Vec<u8> = (0..TRANSACTIONS_FRAME_BYTES).map(|i| u8::try_from(i % 251).unwrap()).collect();
    a.send(&b, Channel::Transactions, &largest).await;
    a.send(&b, Channel::Transactions, b"").await;
    assert!(b.transactions().await.1 == largest, "the largest message arrives whole");
    assert_eq!(b.transactions().await.1, b"");
    assert!(!a.network.send(&b.key(), Channel::Transactions, vec![0; largest.len() + 1].into()));
    assert!(a.network.send(&b.key(), Channel::Consensus, vec![0; largest.len() + 1].into()));
    assert_eq!(a.network.stats().transactions.dropped, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_nodes_that_all_dial_each_other_hear_every_broadcast_once_in_order() {
    let addresses: Vec<_> = (0..4).map(|_| free_address()).collect();
    let mut nodes = Vec::new();
    for n in 1..=4u8 {
        let mut config = config(n);
        config.listen = addresses[usize::from(n) - 1];
        config.peers = (1..=4)
            .map(|p| PeerAddress { public_key: public(p), address: addresses[usize::from(p) - 1].to_string() })
            .collect();
        nodes.push(Node::start(config).await);
    }
    eventually("mesh", || nodes.iter().all(|n| n.network.stats().connected == 3)).await;
    for i in 0..20u8 {
        for node in &nodes {
            node.network.broadcast(Channel::Consensus, Arc::from([i]));
            node.network.broadcast(Channel::Transactions, Arc::from([i]));
        }
    }
    for node in &mut nodes {
        let mut heard = [std::collections::BTreeMap::new(), std::collections::BTreeMap::new()];
        for _ in 0..60 {
            let messages = [node.consensus().await, node.transactions().await];
            for (heard, (from, bytes)) in heard.iter_mut().zip(messages) {
                let next = heard.entry(from).or_insert(0u8);
                assert_eq!(bytes, [*next]);
                *next += 1;
            }
        }
        assert!(heard.iter().all(|h| h.len() == 3 && h.values().all(|n| *n == 20)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_dial_each_other_at_once_settle_on_one_link() {
    for round in 0..8u8 {
        let (here, there) = (free_address(), free_address());
        let (mut one, mut two) = (config(1), config(2));
        (one.listen, two.listen) = (here, there);
        one.peers = vec![PeerAddress { public_key: public(2), address: there.to_string() }];
        two.peers = vec![PeerAddress { public_key: public(1), address: here.to_string() }];
        if round % 2 == 1 {
            std::mem::swap(&mut one, &mut two);
        }
        let (mut a, mut b) = tokio::join!(Node::start(one), Node::start(two));
        assert_eq!(a.control().await, Control::Connected(b.key()));
        assert_eq!(b.control().await, Control::Connected(a.key()));
        for i in 0..50u8 {
            a.send(&b, Channel::Consensus, &[i]).await;
            b.send(&a, Channel::Consensus, &[i]).await;
            assert_eq!(a.consensus().await, (b.key(), vec![i]));
            assert_eq!(b.consensus().await, (a.key(), vec![i]));
        }
        assert_eq!((a.network.stats().links, b.network.stats().links), (1, 1), "no flapping");
        tokio::join!(a.network.shutdown(), b.network.shutdown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_key_is_refused() {
    let a = Node::start(config(1)).await;
    let mut stranger = config(20);
    stranger.allowed = keys([1, 20]);
    let stranger = Node::dialling(stranger, &[&a]).await;
    eventually("refused", || a.refusals("HELLO_UNKNOWN_KEY") >= 2).await;
    eventually("told", || stranger.refusals("HELLO_REFUSED_BY_PEER") >= 2).await;
    assert!(!a.connected(&stranger) && !stranger.connected(&a));
    assert_eq!(a.network.stats().links, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_genesis_is_refused() {
    let a = Node::start(config(1)).await;
    let mut other = config(2);
    other.genesis = GenesisDigest(Digest([8; 32]));
    let b = Node::dialling(other, &[&a]).await;
    eventually("refused", || a.refusals("HELLO_GENESIS") >= 1).await;
    eventually("refused there too", || b.refusals("HELLO_GENESIS") >= 1).await;
    assert_eq!((a.network.stats().links, b.network.stats().links), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_belongs_to_another_member_is_refused() {
    let a = Node::start(config(1)).await;
    let mut config = config(2);
    config.peers = vec![PeerAddress { public_key: public(3), ..address_of(&a.network) }];
    let b = Node::start(config).await;
    eventually("refused", || b.refusals("HELLO_UNEXPECTED_KEY") >= 1).await;
    assert!(!b.connected(&a) && !a.connected(&b));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_peer_is_linked_again_and_traffic_resumes() {
    let (mut a, b) = pair(config(1), config(2)).await;
    assert_eq!(a.control().await, Control::Connected(public(2)));
    // The peer that restarts is the one that is dialled, so the other has to notice and dial again.
    let mut again = config(1);
    again.listen = a.network.listen_address();
    a.network.shutdown().await;
    eventually("noticed", || !b.network.send(&public(1), Channel::Consensus, Arc::from([0]))).await;
    a = Node::start(again).await;
    assert_eq!(a.control().await, Control::Connected(public(2)));
    eventually("again", || b.connected(&a)).await;
    b.send(&a, Channel::Consensus, b"after").await;
    assert_eq!(a.consensus().await, (public(2), b"after".to_vec()));
    a.send(&b, Channel::Transactions, b"after").await;

    // And the dialler restarts.
    b.network.shutdown().await;
    assert_eq!(a.control().await, Control::Disconnected(public(2)));
    let mut b = Node::dialling(config(2), &[&a]).await;
    assert_eq!(a.control().await, Control::Connected(public(2)));
    a.send(&b, Channel::Consensus, b"back").await;
    assert_eq!(b.consensus().await, (public(1), b"back".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_read_one_channel_gets_the_other_and_overflow_says_false() {
    let mut limited = config(1);
    let limit = QueueLimit { messages: 100, bytes: 1 << 20 };
    (limited.limits.consensus_queue, limited.limits.transactions_queue) = (limit, limit);
    let (a, mut b) = pair(limited, config(2)).await;
    let mut c = Node::dialling(config(3), &[&a]).await;
    eventually("third", || a.connected(&c)).await;

    // b does not read transactions: everything on the way fills up, then the queue refuses.
    let batch: Arc<[u8]> = vec![1u8; 256 * 1024].into();
    let mut deepest = 0;
    let mut dropped_in_a_row = 0;
    while dropped_in_a_row < 200 {
        dropped_in_a_row =
            if a.network.send(&b.key(), Channel::Transactions, batch.clone()) { 0 } else { dropped_in_a_row + 1 };
        deepest = deepest.max(a.network.stats().transactions.queued_bytes);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(deepest <= limit.bytes, "{deepest}");
    assert!(a.network.stats().transactions.dropped >= 200);

    // Consensus to the same peer, and anything to another one, still pass.
    for i in 0..50u8 {
        a.send(&b, Channel::Consensus, &[i]).await;
        assert_eq!(b.consensus().await, (a.key(), vec![i]));
        a.send(&c, Channel::Transactions, &[i]).await;
        assert_eq!(c.transactions().await, (a.key(), vec![i]));
    }
    assert_eq!(b.network.request(&c.key(), vec![]).await, Err(NetworkError::NotConnected(c.key())));

    // Once b reads, what was queued arrives.
    assert_eq!(b.transactions().await.1.len(), batch.len());
    assert_eq!(a.network.stats().links, 2, "nobody was disconnected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_consensus_does_not_hold_back_the_others() {
    let (a, b) = pair(config(1), config(2)).await;
    let mut c = Node::dialling(config(3), &[&a]).await;
    eventually("third", || a.connected(&c)).await;
    let proposal: Arc<[u8]> = vec![1u8; 1 << 20].into();
    eventually("full", || !a.network.send(&b.key(), Channel::Consensus, proposal.clone())).await;
    for i in 0..100u8 {
        a.network.broadcast(Channel::Consensus, Arc::from([i]));
        assert_eq!(c.consensus().await, (a.key(), vec![i]));
    }
    assert!(a.connected(&b), "slow is not dead");
    assert!(a.network.stats().consensus.queued_bytes <= Limits::default().consensus_queue.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_refused_or_time_out() {
    let mut hasty = config(2);
    hasty.limits.request_timeout = Duration::from_millis(500);
    let (mut a, b) = pair(config(1), hasty).await;
    let server = tokio::spawn(async move {
        while let Some(request) = a.events.requests.recv().await {
            match request.bytes.first() {
                Some(b'e') => drop(request.reply.send(request.bytes.repeat(100))),
                Some(b's') => drop(tokio::spawn(async move {
                    let mut reply = request.reply;
                    reply.closed().await; // never answers
                })),
                _ => drop(request.reply),
            }
        }
        a
    });
    let server_key = public(1);
    let ask = |bytes: Vec<u8>| b.network.request(&server_key, bytes);
    let largest = [b"e".to_vec(), vec![3; 60_000]].concat();
    assert_eq!(ask(largest.clone()).await.map(|r| r.len()), Ok(largest.len() * 100));
    assert_eq!(ask(b"refuse".to_vec()).await, Err(NetworkError::RequestRefused(public(1))));
    assert_eq!(ask(b"stall".to_vec()).await, Err(NetworkError::RequestTimeout(public(1))));
    assert_eq!(ask(vec![b'e'; REQUEST_BYTES + 1]).await, Err(NetworkError::RequestTooLarge(REQUEST_BYTES + 1)));
    assert_eq!(b.network.request(&public(3), b"e".to_vec()).await, Err(NetworkError::NotConnected(public(3))),);
    assert_eq!(b.network.stats().links, 1, "a failed request costs no link");
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_a_peer_may_have_are_refused_not_queued() {
    let mut greedy = config(2);
    greedy.limits.requests_outbound = 20;
    let (mut a, b) = pair(config(1), greedy).await;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let network = b.network.clone();
            tokio::spawn(async move { network.request(&public(1), b"wait".to_vec()).await })
        })
        .collect();
    let inbound = Limits::default().requests_inbound;
    let mut held = Vec::new();
    for _ in 0..inbound {
        held.push(timeout(DEADLINE, a.events.requests.recv()).await.unwrap().unwrap());
    }
    eventually("the rest refused", || a.network.stats().requests.refused == 20 - inbound as u64).await;
    assert!(a.events.requests.try_recv().is_err(), "no more than the limit reach the node");
    for request in held {
        request.reply.send(b"done".to_vec()).unwrap();
    }
    let mut results = Vec::new();
    for task in asked {
        results.push(task.await.unwrap());
    }
    assert_eq!(results.iter().filter(|r| **r == Ok(b"done".to_vec())).count(), inbound);
    assert_eq!(results.iter().filter(|r| **r == Err(NetworkError::RequestRefused(public(1)))).count(), 20 - inbound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_removed_from_the_allow_list_is_cut_off_until_it_is_allowed_again() {
    let (mut a, b) = pair(config(1), config(2)).await;
    assert_eq!(a.control().await, Control::Connected(public(2)));
    a.network.set_allowed(keys([1, 3]));
    assert_eq!(a.control().await, Control::Disconnected(public(2)));
    eventually("redials are refused", || a.refusals("HELLO_UNKNOWN_KEY") >= 1).await;
    assert!(!a.network.send(&public(2), Channel::Consensus, Arc::from([1])));
    a.network.set_allowed(keys([1, 2]));
    assert_eq!(a.control().await, Control::Connected(public(2)));
    eventually("both", || b.connected(&a)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_does_no_harm() {
    let (a, mut b) = pair(config(1), config(2)).await;
    let patterns: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 4096], b"\x13/multistream/1.0.0\n\xff\xff\xff", b""];
    for pattern in patterns.into_iter().cycle().take(24) {
        let mut stream = TcpStream::connect(a.network.listen_address()).await.unwrap();
        let sent = stream.write_all(pattern).await;
        let ended = stream.shutdown().await;
        // The node may have hung up already; either way it must hang up in the end.
        if sent.is_ok() && ended.is_ok() {
            let read = timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await;
            assert!(read.is_ok(), "the node hangs up");
        }
    }
    eventually("forgotten", || a.network.stats().unauthenticated == 0).await;
    a.send(&b, Channel::Consensus, b"still here").await;
    assert_eq!(b.consensus().await.1, b"still here");
    assert_eq!(a.network.stats().links, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_are_bounded_and_time_out() {
    let mut guarded = config(1);
    guarded.limits.unauthenticated = 12;
    guarded.limits.unauthenticated_per_ip = 8;
    guarded.limits.handshake_timeout = Duration::from_secs(2);
    let a = Node::start(guarded).await;
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(TcpStream::connect(a.network.listen_address()).await.unwrap());
        assert!(a.network.stats().unauthenticated <= 8);
    }
    eventually("the rest refused", || a.network.stats().gate_refused >= 40).await;
    // Those that were let in lose their place, and members get in although the others still hold on.
    let b = Node::dialling(config(2), &[&a]).await;
    eventually("a member gets in", || a.connected(&b)).await;
    eventually("forgotten", || a.network.stats().unauthenticated == 0).await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_link_lives_on() {
    let lively = |n| {
        let mut config = config(n);
        config.limits.heartbeat = Duration::from_millis(100);
        config.limits.silence = Duration::from_secs(1);
        config
    };
    let (a, b) = pair(lively(1), lively(2)).await;
    let start = Instant::now();
    eventually("some silences later", || start.elapsed() > Duration::from_secs(3)).await;
    assert_eq!((a.network.stats().links, b.network.stats().links), (1, 1));
    assert!(a.connected(&b) && b.connected(&a));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let a = Node::start(config(1)).await;
    let mut second = config(2);
    second.listen = a.network.listen_address();
    let error = start(second.clone()).await.unwrap_err();
    assert_eq!(error, NetworkError::PortInUse(second.listen));
    assert_eq!(error.code(), "NET_PORT_IN_USE");
    assert!(error.to_string().contains(&second.listen.to_string()));
    assert!(error.zh().contains(&second.listen.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_peer_address_is_refused_at_the_start() {
    for wrong in ["", "host", "host:", ":1", "host:0", "host:65536"] {
        let mut config = config(1);
        config.peers = vec![PeerAddress { public_key: public(2), address: wrong.into() }];
        assert_eq!(start(config).await.unwrap_err(), NetworkError::Address(wrong.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn host_names_are_resolved() {
    let a = Node::start(config(1)).await;
    let mut by_name = config(2);
    let address = format!("localhost:{}", a.network.listen_address().port());
    by_name.peers = vec![PeerAddress { public_key: public(1), address }];
    let b = Node::start(by_name).await;
    eventually("connected", || b.connected(&a)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_may_listen_on_every_interface() {
    let mut everywhere = config(1);
    everywhere.listen = "0.0.0.0:0".parse().unwrap();
    let a = Node::start(everywhere).await;
    let mut near = config(2);
    let address = format!("127.0.0.1:{}", a.network.listen_address().port());
    near.peers = vec![PeerAddress { public_key: public(1), address }];
    let b = Node::start(near).await;
    eventually("connected", || b.connected(&a) && a.connected(&b)).await;
    let mut second = config(3);
    second.listen = a.network.listen_address();
    assert_eq!(start(second.clone()).await.unwrap_err(), NetworkError::PortInUse(second.listen));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_frees_the_port_at_once_and_may_be_repeated() {
    let (mut a, b) = pair(config(1), config(2)).await;
    let address = a.network.listen_address();
    for _ in 0..3 {
        a.network.shutdown().await;
        a.network.shutdown().await;
        drop(TcpListener::bind(address).unwrap());
        let mut again = config(1);
        again.listen = address;
        a = Node::start(again).await;
        eventually("linked again", || a.connected(&b)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_closes_the_network() {
    let (mut a, b) = pair(config(1), config(2)).await;
    assert_eq!(a.control().await, Control::Connected(public(2)));
    drop(b);
    assert_eq!(a.control().await, Control::Disconnected(public(2)));
}
