//! Once a second: what is cheaper to look at than to count along.

use super::metric as m;
use crate::admission::Admission;
use crate::shared::Shared;
use crate::status::Peer;
use hnchain_network::{ChannelStats, Network};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between looks.
const PERIOD: Duration = Duration::from_secs(1);

/// What is looked at.
pub struct Sampler {
    /// Parts of the node.
    pub shared: Arc<Shared>,
    /// Border of transactions.
    pub admission: Arc<Admission>,
    /// Bytes that wait in the peers' lanes.
    pub backlog: Arc<AtomicUsize>,
    /// Links to other nodes.
    pub network: Network,
    /// Registry of metrics.
    pub metrics: PrometheusHandle,
}

impl Sampler {
    /// Looks until `stop`. Also keeps the peers on the status board current.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unready = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.peers();
            self.progress(&mut unready);
            self.queues();
            self.network();
            self.metrics.run_upkeep();
        }
    }

    fn peers(&self) {
        let peers: Vec<Peer> = self
            .network
            .peers()
            .into_iter()
            .map(|p| Peer { public_key: p.public_key, address: p.address, connected: p.connected })
            .collect();
        m::set(m::PEERS_CONNECTED, peers.iter().filter(|p| p.connected).count() as u64);
        m::set(m::PEERS_KNOWN, peers.len() as u64);
        self.shared.status.set_peers(peers);
    }

    fn progress(&self, unready: &mut Option<&'static str>) {
        let (status, tip) = (&self.shared.status, self.shared.store.tip());
        status.set_height(tip.height);
        m::set(m::HEIGHT, tip.height.0);
        m::set(m::NETWORK_HEIGHT, status.network_height().0);
        m::set(m::BLOCK_TIME, tip.time_ms / 1_000);
        let position = status.position();
        m::set(m::EPOCH, position.epoch.0);
        m::set(m::VIEW, position.view.0);
        m::set(m::SYNCING, u64::from(status.syncing()));
        metrics::counter!(m::NULLIFIED_VIEWS).absolute(status.nullified_views());
        let why = status.ready(self.shared.role(), &self.shared.committee().validators).err();
        m::set(m::READY, u64::from(why.is_none()));
        let code = why.as_ref().map(crate::status::Unready::code);
        if code != *unready {
            match &why {
                Some(why) => tracing::warn!(code = why.code(), why = %why.en(), "not ready"),
                None => tracing::info!(height = %tip.height, "ready"),
            }
            *unready = code;
        }
    }

    fn queues(&self) {
        m::set(m::MEMPOOL_TRANSACTIONS, self.shared.mempool.len() as u64);
        m::set(m::MEMPOOL_BYTES, self.shared.mempool.bytes() as u64);
        m::set(m::ADMISSION_BYTES, self.admission.client_bytes() as u64);
        m::set(m::PEER_BACKLOG, self.backlog.load(Ordering::Relaxed) as u64);
        m::set(m::VERIFY_QUEUE, self.shared.verifier.queued() as u64);
        m::set(m::RPC_WAITERS, self.shared.finality.waiters() as u64);
    }

    fn network(&self) {
        let stats = self.network.stats();
        channel("consensus", &stats.consensus);
        channel("transactions", &stats.transactions);
        metrics::counter!(m::NETWORK_VIOLATIONS).absolute(stats.violations);
        metrics::counter!(m::NETWORK_DIALS_FAILED).absolute(stats.dials_failed);
        for (code, count) in stats.hellos_failed {
            metrics::counter!(m::NETWORK_HELLOS_FAILED, "code" => code).absolute(count);
        }
        let requests = stats.requests;
        for (result, count) in [
            ("answered", requests.answered),
            ("failed", requests.failed),
            ("served", requests.served),
            ("refused", requests.refused),
        ] {
            metrics::counter!(m::NETWORK_REQUESTS, "result" => result).absolute(count);
        }
    }
}

fn channel(name: &'static str, stats: &ChannelStats) {
    for (direction, bytes, messages) in
        [("in", stats.bytes_in, stats.messages_in), ("out", stats.bytes_out, stats.messages_out)]
    {
        metrics::counter!(m::NETWORK_BYTES, "channel" => name, "direction" => direction).absolute(bytes);
        metrics::counter!(m::NETWORK_MESSAGES, "channel" => name, "direction" => direction).absolute(messages);
    }
    metrics::counter!(m::NETWORK_DROPPED, "channel" => name).absolute(stats.dropped);
    #[allow(clippy::cast_precision_loss)] // bounded by the queues' limits, far below 2^53
    metrics::gauge!(m::NETWORK_QUEUED, "channel" => name).set(stats.queued_bytes as f64);
}
