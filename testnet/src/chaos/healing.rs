//! How long the chain needs after a fault was lifted.

use crate::history::Clients;
use crate::{Error, Network, probe};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the nodes are looked at: also the precision of what is measured.
const POLL: Duration = Duration::from_millis(10);
/// A chain that is not back after this time is stuck.
const LIMIT: Duration = Duration::from_secs(60);

/// Times after a fault was lifted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Healing {
    /// Until a quorum of nodes says that it is linked with a quorum: processes start, links are made again.
    pub ready_ms: u64,
    /// From then until a block that is higher than any before.
    pub block_ms: u64,
    /// The same in view timeouts (3Δ): what consensus needs.
    pub views: f64,
    /// From lifting the fault until that block, in view timeouts: with processes, links and TCP's own timers.
    pub total_views: f64,
}

/// Waits for the first new block. A transaction is handed in at once, so that there is something to order.
///
/// # Errors
/// No new block within a minute.
pub(super) async fn measure(
    network: &Network,
    clients: &Arc<Clients>,
    lifted: Instant,
    round: usize,
) -> Result<Healing, Error> {
    let set = network.genesis().validators();
    let ready = loop {
        let count = ask(network, "/readyz").await.into_iter().flatten().count();
        if count >= set.quorum() {
            break Instant::now();
        }
        late(lifted, "a quorum is ready")?;
        tokio::time::sleep(POLL).await;
    };
    let before = height(network).await;
    let nudge = tokio::spawn({
        let clients = Arc::clone(clients);
        async move { clients.nudge(&format!("nudge.{round}")).await }
    });
    while height(network).await <= before {
        late(lifted, "a new block is final")?;
        tokio::time::sleep(POLL).await;
    }
    let (ready_after, block_after) = (ready - lifted, ready.elapsed());
    nudge.await.map_err(|e| Error::Fault(e.to_string()))??;
    let timeout = 3 * network.genesis().document().parameters.delta_ms;
    let milliseconds = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let views = |d: Duration| d.as_secs_f64() / Duration::from_millis(timeout).as_secs_f64();
    Ok(Healing {
        ready_ms: milliseconds(ready_after),
        block_ms: milliseconds(block_after),
        views: views(block_after),
        total_views: views(ready_after + block_after),
    })
}

fn late(lifted: Instant, what: &str) -> Result<(), Error> {
    if lifted.elapsed() > LIMIT {
        return Err(Error::Fault(format!("not within {} s after the fault was lifted: {what}", LIMIT.as_secs())));
    }
    Ok(())
}

/// Highest height that a node names.
async fn height(network: &Network) -> u64 {
    let pages = ask(network, "/status").await;
    let height = |page: String| serde_json::from_str::<serde_json::Value>(&page).ok()?["height"].as_u64();
    pages.into_iter().flatten().filter_map(height).max().unwrap_or(0)
}

/// A page of every node; absent where it is not answered with 200.
async fn ask(network: &Network, path: &'static str) -> Vec<Option<String>> {
    let mut asked = tokio::task::JoinSet::new();
    for endpoint in network.endpoints() {
        asked
            .spawn(async move { probe::get(&endpoint, path).await.ok().filter(|(code, _)| *code == 200).map(|a| a.1) });
    }
    asked.join_all().await
}
