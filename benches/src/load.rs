//! Offers transactions at a fixed rate and reports what became of them.

use crate::latency::Summary;
use crate::outcome::{Answer, Outcomes, Totals};
use crate::plan::Schedule;
use crate::process::Usage;
use crate::sign::{self, Signed};
use crate::target::{Node, Target};
use anyhow::{Context, ensure};
use hnchain_crypto::Digest;
use hnchain_types::block::Header;
use hnchain_types::proto::node_client::NodeClient;
use hnchain_types::proto::{self, GetStatusRequest, StatusResponse, SubmitRequest, SubscribeRequest};
use hnchain_types::{Height, TxId, wire};
use indicatif::{ProgressBar, ProgressStyle};
use prost::Message;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

/// Most submissions without an answer. More than this means that the generator, not the network, is out of breath.
const IN_FLIGHT: usize = 20_000;
/// Metadata entry in which a node gives the stable code of a refusal.
const CODE: &str = "hnchain-code";
/// Longest time that a connection or one submission may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before a broken subscription is opened again.
const RESUBSCRIBE: Duration = Duration::from_millis(200);

/// What to offer.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rate and number.
    pub schedule: Schedule,
    /// Connections to each node.
    pub connections: usize,
    /// How long to wait for the last finalizations.
    pub drain: Duration,
}

/// What came out, as `hnchain-bench load` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Chain.
    pub chain_id: String,
    /// Nodes that were offered transactions.
    pub nodes: usize,
    /// Transactions a second that were offered.
    pub rate: u32,
    /// Connections to each node.
    pub connections: usize,
    /// Transactions that were due.
    pub offered: u32,
    /// Queued by a node.
    pub submitted: u64,
    /// Final and applied.
    pub finalized: u64,
    /// Final and rejected by a rule, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Refused at submission, by code.
    pub refused: BTreeMap<String, u64>,
    /// Without an answer and without finality, by reason.
    pub unanswered: BTreeMap<String, u64>,
    /// Queued but not final when the generator stopped waiting.
    pub lost: u64,
    /// In more than one block: must be 0.
    pub duplicates: u64,
    /// From the start to the last finalization, seconds.
    pub elapsed_s: f64,
    /// Finalized and applied a second, over `elapsed_s`.
    pub tps: f64,
    /// From the moment a transaction was due to its finality on the node that took it.
    pub latency: Summary,
    /// How late the generator itself was at worst, milliseconds: beyond a few, the machine is too small for both.
    pub lateness_ms: u64,
    /// Per node.
    pub per_node: Vec<NodeReport>,
    /// The generator's own processor time during the run, seconds; `None` where there is no `/proc`.
    pub generator_cpu_s: Option<f64>,
}

/// One node during the run.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Name.
    pub name: String,
    /// Processor time during the run, seconds; `None` where the process is not on this machine.
    pub cpu_s: Option<f64>,
    /// Largest resident memory since the process started, bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Height before and after.
    pub height: [u64; 2],
    /// Views it gave up since it started, before and after.
    pub nullified_views: [u64; 2],
}

impl Report {
    /// Whether everything that was offered became final.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.finalized == u64::from(self.offered) && self.duplicates == 0
    }
}

/// State that the tasks of a run share.
#[derive(Debug)]
struct Run {
    start: Instant,
    outcomes: Mutex<Outcomes>,
}

impl Run {
    fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

type Client = NodeClient<Channel>;

/// Signs, offers, waits and reports.
///
/// # Errors
/// A node that cannot be reached or belongs to another chain; a validity that is too short for the run.
pub async fn run(target: &Target, options: Options) -> anyhow::Result<Report> {
    let clients = connect(target, options.connections).await?;
    let before = statuses(target, &clients).await?;
    let height = before.iter().map(|s| s.height).max().unwrap_or(0);
    let signed = tokio::task::block_in_place(|| sign::sign(target, options.schedule.count(), height))?;
    let run_ms = u64::try_from(options.schedule.due(options.schedule.count()).as_millis())?;
    let validity_ms = target.genesis.document().parameters.validity_ms;
    ensure!(
        run_ms + 30_000 < validity_ms,
        "a run of {run_ms} ms outlasts the validity of its transactions ({validity_ms} ms); make it shorter"
    );
    let usage_before: Vec<_> = target.nodes.iter().map(|n| n.pid.and_then(Usage::of)).collect();
    let own_before = Usage::of(std::process::id());

    let outcomes = Mutex::new(Outcomes::new(signed.iter().map(|s| s.id), target.nodes.len()));
    // The first transaction is due once every subscription had time to open.
    let run = Arc::new(Run { start: Instant::now() + Duration::from_millis(500), outcomes });
    let (stop, stopped) = watch::channel(false);
    let watchers = subscribe(&run, &clients, &before, &stopped);
    let lateness = offer(&run, &clients, signed, options.schedule).await;
    drain(&run, options.drain).await;
    stop.send_replace(true);
    for watcher in watchers {
        watcher.await.context("a subscription task failed")?;
    }

    let totals = run.outcomes().totals(&options.schedule);
    let after = statuses(target, &clients).await?;
    let own = Usage::of(std::process::id());
    let per_node = node_reports(&target.nodes, &usage_before, &before, &after);
    let generator_cpu_s = own.zip(own_before).map(|(a, b)| round(a.cpu_s - b.cpu_s));
    Ok(report(target, options, totals, lateness, per_node, generator_cpu_s))
}

/// Waits until nothing waits on any node, or until `patience` is over: what an earlier run left is not the next one's.
///
/// # Errors
/// A node that cannot be reached.
pub async fn settle(target: &Target, patience: Duration) -> anyhow::Result<()> {
    let clients = connect(target, 1).await?;
    let deadline = Instant::now() + patience;
    while statuses(target, &clients).await?.iter().any(|s| s.mempool_transactions > 0) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn connect(target: &Target, connections: usize) -> anyhow::Result<Vec<Vec<Client>>> {
    let mut clients = Vec::new();
    for node in &target.nodes {
        let endpoint = Endpoint::from_shared(node.endpoint.clone())
            .with_context(|| format!("{} is no endpoint", node.endpoint))?
            .connect_timeout(PATIENCE)
            .tcp_nodelay(true);
        let mut of_node = Vec::new();
        for _ in 0..connections.max(1) {
            let channel =
                endpoint.connect().await.with_context(|| format!("cannot reach {} at {}", node.name, node.endpoint))?;
            of_node.push(NodeClient::new(channel).max_decoding_message_size(2 * wire::WIRE_BYTES));
        }
        clients.push(of_node);
    }
    Ok(clients)
}

async fn statuses(target: &Target, clients: &[Vec<Client>]) -> anyhow::Result<Vec<StatusResponse>> {
    let mut found = Vec::new();
    for (node, clients) in target.nodes.iter().zip(clients) {
        let mut client = clients[0].clone();
        let status = client.get_status(GetStatusRequest {}).await;
        let status = status.with_context(|| format!("{} does not say its status", node.name))?.into_inner();
        ensure!(
            status.genesis == target.genesis.digest().as_ref(),
            "{} belongs to another chain than the genesis file",
            node.name
        );
        found.push(status);
    }
    Ok(found)
}

/// One task for each node that reads its finalized blocks until the run stops.
fn subscribe(
    run: &Arc<Run>,
    clients: &[Vec<Client>],
    before: &[StatusResponse],
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let of_node = |(node, (clients, status)): (usize, (&Vec<Client>, &StatusResponse))| {
        let (run, client, mut stopped) = (Arc::clone(run), clients[0].clone(), stopped.clone());
        let mut next = Height(status.height).next();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stopped.wait_for(|s| *s) => return,
                    () = read_stream(&run, client.clone(), node, &mut next) => {}
                }
                // The stream broke, for example because the node was restarted. Its blocks are read from where it broke.
                tokio::time::sleep(RESUBSCRIBE).await;
            }
        })
    };
    clients.iter().zip(before).enumerate().map(of_node).collect()
}

/// Reads blocks until the stream ends; `next` is the height that comes next.
async fn read_stream(run: &Run, mut client: Client, node: usize, next: &mut Height) {
    let Ok(stream) = client.subscribe(SubscribeRequest { from_height: next.0 }).await else { return };
    let mut stream = stream.into_inner();
    while let Ok(Some(response)) = stream.message().await {
        let at = Instant::now().saturating_duration_since(run.start);
        let Some((height, receipts)) = read_block(&response.block) else { return };
        let mut outcomes = run.outcomes();
        for (id, rejection) in &receipts {
            outcomes.streamed(node, id, at, rejection.as_deref());
        }
        *next = height.next();
    }
}

/// A transaction of a block, and the code of the rule that rejected it.
type Seen = (TxId, Option<String>);

/// Height, and for each transaction its id and the code of the rule that rejected it. The generator measures and does
/// not verify: nothing but the receipts is read, to leave the processors to the nodes.
fn read_block(raw: &[u8]) -> Option<(Height, Vec<Seen>)> {
    let block = proto::FinalizedBlock::decode(raw).ok()?;
    let height = Header::decode(&block.block?.header).ok()?.height;
    let receipts = block.receipts.iter().filter_map(|raw| {
        let receipt = proto::Receipt::decode(raw.as_slice()).ok()?;
        let id = TxId(Digest::try_from(receipt.transaction_id.as_slice()).ok()?);
        let rejection = match receipt.outcome? {
            proto::receipt::Outcome::Accepted(_) => None,
            proto::receipt::Outcome::Rejected(r) => Some(r.code),
        };
        Some((id, rejection))
    });
    Some((height, receipts.collect()))
}

/// Sends every transaction when it is due, whether or not earlier ones were answered. Gives the worst delay of its own.
async fn offer(run: &Arc<Run>, clients: &[Vec<Client>], signed: Vec<Signed>, schedule: Schedule) -> Duration {
    let bar = ProgressBar::new(u64::from(schedule.count())).with_message("offering");
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut submissions = JoinSet::new();
    let mut lateness = Duration::ZERO;
    for (transaction, index) in signed.into_iter().zip(0u32..) {
        let due = run.start + schedule.due(index);
        tokio::time::sleep_until(due).await;
        lateness = lateness.max(due.elapsed());
        bar.inc(1);
        while submissions.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            run.outcomes().answered(index, Answer::Refused("GENERATOR_BUSY".into()));
            continue;
        };
        let of_node = &clients[index as usize % clients.len()];
        let client = of_node[index as usize / clients.len() % of_node.len()].clone();
        let run = Arc::clone(run);
        submissions.spawn(async move {
            let answer = submit(client, transaction.bytes).await;
            run.outcomes().answered(index, answer);
            drop(permit);
        });
    }
    bar.finish_and_clear();
    while submissions.join_next().await.is_some() {}
    lateness
}

async fn submit(mut client: Client, transaction: Vec<u8>) -> Answer {
    match tokio::time::timeout(PATIENCE, client.submit(SubmitRequest { transaction })).await {
        Ok(Ok(_)) => Answer::Queued,
        Ok(Err(status)) => match status.code() {
            tonic::Code::Unavailable | tonic::Code::Cancelled | tonic::Code::Unknown
                if status.metadata().get(CODE).is_none() =>
            {
                Answer::Unanswered(format!("{:?}", status.code()))
            }
            _ => Answer::Refused(refusal_code(&status)),
        },
        Err(_) => Answer::Unanswered("TIMEOUT".into()),
    }
}

fn refusal_code(status: &tonic::Status) -> String {
    let stable = status.metadata().get(CODE).and_then(|v| v.to_str().ok());
    stable.map_or_else(|| format!("{:?}", status.code()), str::to_owned)
}

async fn drain(run: &Run, patience: Duration) {
    let bar = ProgressBar::new_spinner();
    let deadline = Instant::now() + patience;
    loop {
        let open = run.outcomes().open();
        if open == 0 || Instant::now() >= deadline {
            break;
        }
        bar.set_message(format!("waiting for {open} transactions"));
        bar.tick();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bar.finish_and_clear();
}

fn node_reports(
    nodes: &[Node],
    usage: &[Option<Usage>],
    before: &[StatusResponse],
    after: &[StatusResponse],
) -> Vec<NodeReport> {
    let of_node = |(((node, usage), before), after): (((&Node, &Option<Usage>), &StatusResponse), &StatusResponse)| {
        let now = node.pid.and_then(Usage::of);
        NodeReport {
            name: node.name.clone(),
            cpu_s: now.zip(*usage).map(|(a, b)| round(a.cpu_s - b.cpu_s)),
            peak_rss_bytes: now.map(|u| u.peak_rss_bytes),
            height: [before.height, after.height],
            nullified_views: [before.nullified_views, after.nullified_views],
        }
    };
    nodes.iter().zip(usage).zip(before).zip(after).map(of_node).collect()
}

fn report(
    target: &Target,
    options: Options,
    totals: Totals,
    lateness: Duration,
    per_node: Vec<NodeReport>,
    generator_cpu_s: Option<f64>,
) -> Report {
    let elapsed_s = totals.last.as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let tps = if elapsed_s > 0.0 { totals.finalized as f64 / elapsed_s } else { 0.0 };
    Report {
        chain_id: target.genesis.document().chain_id.clone(),
        nodes: target.nodes.len(),
        rate: options.schedule.rate(),
        connections: options.connections,
        offered: options.schedule.count(),
        submitted: totals.submitted,
        finalized: totals.finalized,
        rejected: totals.rejected,
        refused: totals.refused,
        unanswered: totals.unanswered,
        lost: totals.lost,
        duplicates: totals.duplicates,
        elapsed_s: round(elapsed_s),
        tps: round(tps),
        latency: totals.latency,
        lateness_ms: u64::try_from(lateness.as_millis()).unwrap_or(u64::MAX),
        per_node,
        generator_cpu_s,
    }
}

/// Three digits after the point are enough for people.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
