//! Counters for operators.

use crate::Channel;
use crate::hello::Refusal;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one channel, over all peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelStats {
    /// Messages received.
    pub messages_in: u64,
    /// Messages written to the peers' streams.
    pub messages_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages written.
    pub bytes_out: u64,
    /// Messages not queued because the queue was full or the message too large.
    pub dropped: u64,
    /// Messages in the outgoing queues now.
    pub queued_messages: usize,
    /// Their bytes.
    pub queued_bytes: usize,
}

/// Counters of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestStats {
    /// Own requests that got their reply.
    pub answered: u64,
    /// Own requests that failed.
    pub failed: u64,
    /// Requests of peers that were answered.
    pub served: u64,
    /// Requests of peers that were refused, because of their number or by the node.
    pub refused: u64,
}

/// A snapshot of all counters; [`crate::Network::stats`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Consensus channel.
    pub consensus: ChannelStats,
    /// Transaction channel.
    pub transactions: ChannelStats,
    /// Requests.
    pub requests: RequestStats,
    /// Peers linked now.
    pub connected: usize,
    /// Encrypted connections now, links or not.
    pub connections: u64,
    /// Inbound connections that have not finished the hello now.
    pub unauthenticated: u64,
    /// Links since the start.
    pub links: u64,
    /// Links that ended because the peer broke the protocol.
    pub violations: u64,
    /// Times that a link fell quiet for a second and another connection was dialled beside it.
    pub suspected: u64,
    /// Links that ended because the peer fell silent.
    pub silent: u64,
    /// Inbound connections refused because too many were unauthenticated.
    pub gate_refused: u64,
    /// Inbound connections that failed before the hello: not encrypted, not in time, garbage.
    pub inbound_failed: u64,
    /// Dials that reached nobody.
    pub dials_failed: u64,
    /// Connections that did not pass the hello, by stable code (`HELLO_…`). `HELLO_DUPLICATE` is normal when two nodes
    /// dial each other at once.
    pub hellos_failed: BTreeMap<&'static str, u64>,
}

/// A counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn set(&self, n: usize) {
        self.0.store(n as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct ChannelCounts {
    pub(crate) messages_in: Count,
    pub(crate) messages_out: Count,
    pub(crate) bytes_in: Count,
    pub(crate) bytes_out: Count,
    pub(crate) dropped: Count,
}

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    channels: [ChannelCounts; 2],
    hellos: [Count; Refusal::ALL.len()],
    pub(crate) answered: Count,
    pub(crate) failed: Count,
    pub(crate) served: Count,
    pub(crate) refused: Count,
    pub(crate) connections: Count,
    pub(crate) unauthenticated: Count,
    pub(crate) links: Count,
    pub(crate) violations: Count,
    pub(crate) suspected: Count,
    pub(crate) silent: Count,
    pub(crate) gate_refused: Count,
    pub(crate) inbound_failed: Count,
    pub(crate) dials_failed: Count,
}

impl Counts {
    pub(crate) fn channel(&self, channel: Channel) -> &ChannelCounts {
        &self.channels[channel.index()]
    }

    pub(crate) fn hello(&self, refusal: Refusal) -> &Count {
        &self.hellos[refusal as usize]
    }

    /// Everything but what only the registry knows.
    pub(crate) fn snapshot(&self) -> Stats {
        let channel = |channel| {
            let counts = self.channel(channel);
            ChannelStats {
                messages_in: counts.messages_in.get(),
                messages_out: counts.messages_out.get(),
                bytes_in: counts.bytes_in.get(),
                bytes_out: counts.bytes_out.get(),
                dropped: counts.dropped.get(),
                ..ChannelStats::default()
            }
        };
        Stats {
            consensus: channel(Channel::Consensus),
            transactions: channel(Channel::Transactions),
            requests: RequestStats {
                answered: self.answered.get(),
                failed: self.failed.get(),
                served: self.served.get(),
                refused: self.refused.get(),
            },
            connected: 0,
            connections: self.connections.get(),
            unauthenticated: self.unauthenticated.get(),
            links: self.links.get(),
            violations: self.violations.get(),
            suspected: self.suspected.get(),
            silent: self.silent.get(),
            gate_refused: self.gate_refused.get(),
            inbound_failed: self.inbound_failed.get(),
            dials_failed: self.dials_failed.get(),
            hellos_failed: Refusal::ALL.iter().map(|r| (r.code(), self.hello(*r).get())).collect(),
        }
    }
}
