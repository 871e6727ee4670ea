//! Every metric of the node: name, kind and meaning, in one table.

use std::time::Duration;

/// Kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Distribution.
    Histogram,
}

macro_rules! metrics_table {
    ($($kind:ident $name:ident = $text:literal, $about:literal;)*) => {
        $(#[doc = $about] pub const $name: &str = $text;)*
        /// The table: kind, name, meaning.
        pub const ALL: &[(Kind, &str, &str)] = &[$((Kind::$kind, $name, $about)),*];
    };
}

metrics_table! {
    Gauge HEIGHT = "hnchain_height", "Newest finalized height stored here";
    Gauge NETWORK_HEIGHT = "hnchain_network_height", "Newest height that peers are known to have finalized";
    Gauge EPOCH = "hnchain_epoch", "Epoch of consensus";
    Gauge VIEW = "hnchain_view", "View of consensus";
    Gauge BLOCK_TIME = "hnchain_block_time_seconds", "Time of the newest finalized block, seconds since the Unix epoch";
    Gauge SYNCING = "hnchain_syncing", "1 while this node fetches blocks that it missed";
    Counter SYNC_BLOCKS = "hnchain_sync_blocks_total", "Blocks from peers that were executed to catch up";
    Gauge SYNC_RATE = "hnchain_sync_blocks_per_second", "Rate of catching up over the last seconds, 0 when not catching up";
    Gauge SYNC_REMAINING = "hnchain_sync_remaining_seconds", "Time until this node has caught up at that rate, 0 when unknown";
    Gauge SYNC_WINDOW = "hnchain_sync_window_bytes", "Bytes of blocks from peers that wait for execution or are expected";
    Gauge SYNC_QUESTIONS = "hnchain_sync_questions", "Ranges of blocks that peers are asked for now";
    Gauge SYNC_RESTING = "hnchain_sync_peers_resting", "Linked peers that are not asked for blocks for a time";
    Counter SYNC_FAULTS = "hnchain_sync_faults_total", "Answers that were wrong, late or useless, by fault";
    Gauge READY = "hnchain_ready", "1 while /readyz says ready";
    Counter NULLIFIED_VIEWS = "hnchain_nullified_views_total", "Views that this node gave up since it started";
    Histogram BLOCK_FINALITY_SECONDS = "hnchain_block_finality_seconds", "From the proposal of a block by this node to its finalization";
    Counter EQUIVOCATIONS = "hnchain_equivocations_total", "Contradictory votes of validators that this node found proof of";
    Gauge ACCUSATIONS = "hnchain_accusations_pending", "Proofs of contradictory votes that are not on the chain yet";
    Counter FINAL_TRANSACTIONS = "hnchain_final_transactions_total", "Finalized transactions by outcome: accepted, rejected";
    Counter FINAL_BLOCKS = "hnchain_final_blocks_total", "Finalized blocks stored here since it started";
    Histogram BLOCK_TRANSACTIONS = "hnchain_transactions_count_per_block", "Transactions of a finalized block";
    Histogram FINALITY_SECONDS = "hnchain_finality_seconds", "From the arrival of a transaction in this mempool to its finality";
    Gauge MEMPOOL_TRANSACTIONS = "hnchain_mempool_transactions", "Transactions that wait for a block";
    Gauge MEMPOOL_BYTES = "hnchain_mempool_bytes", "Their encoded bytes";
    Counter MEMPOOL_EXPIRED = "hnchain_mempool_expired_total", "Transactions that were dropped because their validity ended";
    Counter ADMITTED = "hnchain_admitted_total", "Transactions taken into the mempool by origin: client, peer";
    Counter REFUSED = "hnchain_refused_total", "Transactions refused at admission by origin and code";
    Gauge ADMISSION_BYTES = "hnchain_admission_bytes", "Bytes of client transactions that are being checked";
    Counter PEER_DROPPED = "hnchain_peer_transactions_dropped_total", "Bytes of peers' transactions dropped unread, by reason: backlog, muted, malformed";
    Counter PEER_FAULTS = "hnchain_peer_faults_total", "Transactions from peers that no honest node forwards, by peer";
    Gauge PEER_BACKLOG = "hnchain_peer_backlog_bytes", "Bytes of peers' transactions that wait for admission";
    Counter DISSEMINATED = "hnchain_disseminated_total", "Transactions sent to peers, by kind: first, again";
    Histogram VERIFY_SECONDS = "hnchain_verify_seconds", "Time of one signature verification, averaged over a chunk";
    Counter VERIFIED = "hnchain_signatures_verified_total", "Signatures verified by result: good, bad";
    Gauge VERIFY_QUEUE = "hnchain_verify_queue", "Admissions that wait for or run on the verification threads";
    Counter RPC_REQUESTS = "hnchain_rpc_requests_total", "Answered gRPC requests by method and result code, OK for success";
    Histogram RPC_SECONDS = "hnchain_rpc_seconds", "Time of gRPC requests by method, waiting included";
    Gauge RPC_WAITERS = "hnchain_rpc_waiters", "Calls of Wait that wait";
    Gauge RPC_SUBSCRIBERS = "hnchain_rpc_subscribers", "Open subscriptions";
    Counter RPC_SLOW_SUBSCRIBERS = "hnchain_rpc_slow_subscribers_total", "Subscriptions ended because the client did not read";
    Gauge RPC_CONNECTIONS = "hnchain_rpc_connections", "Open client connections";
    Gauge PEERS_CONNECTED = "hnchain_peers_connected", "Peers that are linked";
    Gauge PEERS_KNOWN = "hnchain_peers_known", "Peers that are configured or linked";
    Counter NETWORK_BYTES = "hnchain_network_bytes_total", "Message bytes by channel and direction";
    Counter NETWORK_MESSAGES = "hnchain_network_messages_total", "Messages by channel and direction";
    Counter NETWORK_DROPPED = "hnchain_network_dropped_total", "Messages not sent because a queue was full, by channel";
    Gauge NETWORK_QUEUED = "hnchain_network_queued_bytes", "Bytes in the outgoing queues by channel";
    Counter NETWORK_VIOLATIONS = "hnchain_network_violations_total", "Links that ended because the peer broke the protocol";
    Counter NETWORK_DIALS_FAILED = "hnchain_network_dials_failed_total", "Dials that reached nobody";
    Counter NETWORK_HELLOS_FAILED = "hnchain_network_hellos_failed_total", "Connections that did not pass the hello, by code";
    Counter NETWORK_REQUESTS = "hnchain_network_requests_total", "Sync requests by result: answered, failed, served, refused";
}

/// Tells the recorder what every metric means.
pub(crate) fn describe() {
    for (kind, name, about) in ALL {
        match kind {
            Kind::Gauge => metrics::describe_gauge!(*name, *about),
            Kind::Counter => metrics::describe_counter!(*name, *about),
            Kind::Histogram => metrics::describe_histogram!(*name, *about),
        }
    }
}

/// Sets a gauge; counts beyond 2^53 lose precision, which no gauge here reaches.
#[allow(clippy::cast_precision_loss)]
pub fn set(name: &'static str, value: u64) {
    metrics::gauge!(name).set(value as f64);
}

/// Notes a chunk of verified signatures.
pub(crate) fn verified(results: &[bool], spent: Duration) {
    let good = results.iter().filter(|ok| **ok).count() as u64;
    let bad = results.len() as u64 - good;
    metrics::counter!(VERIFIED, "result" => "good").increment(good);
    if bad > 0 {
        metrics::counter!(VERIFIED, "result" => "bad").increment(bad);
    }
    if let Ok(n) = u32::try_from(results.len())
        && n > 0
    {
        metrics::histogram!(VERIFY_SECONDS).record((spent / n).as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_follow_the_conventions() {
        let names: BTreeSet<_> = ALL.iter().map(|(_, name, _)| name).collect();
        assert_eq!(names.len(), ALL.len());
        for (kind, name, about) in ALL {
            assert!(name.starts_with("hnchain_") && !about.is_empty(), "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        }
    }
}
