//! The demo: every sample record is anchored on a network of real nodes, then verified with the network stopped.

mod anchor;
mod console;
mod offline;
mod refusals;
mod report;
mod stories;

pub use anchor::Anchored;
pub use console::Console;
pub use offline::Verified;
pub use report::{Latency, RecordLine, RefusalLine, Report, Summary};
pub use stories::{EndingLine, StoryLine};

use crate::samples::{self, Kind, Sample};
use crate::{Error, Lifetime, Network, Plan};
use anyhow::{Context as _, ensure};
use hnchain_sdk::{Client, Options as ClientOptions, Signer};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the nodes may take to find each other, on a busy machine.
const READY: Duration = Duration::from_secs(60);
/// Chain of the demo.
const CHAIN: &str = "henan-demo";

/// What the demo does.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes of the network.
    pub nodes: usize,
    /// New or empty directory of the network and the proof bundles.
    pub directory: PathBuf,
    /// Records in flight at a time.
    pub concurrency: usize,
    /// At most this many samples of each kind.
    pub records: usize,
}

/// Runs the demo. The nodes end with it, whatever happens.
///
/// # Errors
/// A step failed, or a verdict is not what it has to be: in either case the promise of the demo is broken.
pub async fn run(options: &Options, console: &Console) -> anyhow::Result<Report> {
    let started = Instant::now();
    let samples = chosen(options.records)?;
    console.stage(&format!(
        "starting {} nodes in {}  启动 {} 个节点",
        options.nodes,
        options.directory.display(),
        options.nodes
    ));
    let plan = Plan { chain_id: CHAIN.to_owned(), ..Plan::new(options.nodes) };
    let mut network = Network::create(&plan, &options.directory, Lifetime::Bound)?;
    network.start_all()?;
    network.ready_all(READY).await?;

    let client = Client::new(network.endpoints(), ClientOptions::default())?;
    let signers = signers(&network)?;
    console.begin(&format!("anchoring {} records  存证上链", samples.len()), samples.len());
    let anchoring = Instant::now();
    let anchored = anchor::all(&client, &signers, samples, options.concurrency, console).await?;
    let anchoring = anchoring.elapsed();
    console.begin("collecting proofs  获取证明", anchored.len());
    offline::collect(&client, &network, &anchored, console).await?;
    console.stage("what the chain refuses  链上拒绝的请求");
    let mut refused = refusals::online(&client, &network, &signers, &anchored).await?;
    refused.iter().for_each(|r| console.refusal(r));
    console.stage("three stories  三个故事");
    let tales = crate::stories::all()?;
    let told = stories::tell(&client, &network, &tales, console).await?;
    stories::collect(&client, &network, &tales).await?;

    console.stage("stopping all nodes: verification needs none  停止全部节点，离线验证");
    stop(&mut network).await?;
    console.begin("verifying offline  离线验证", anchored.len());
    let verified = offline::verify_all(&network, &anchored, console)?;
    console.stage("how the stories end, offline  离线验证故事结局");
    let ended = stories::verify_all(&network, &tales, console)?;
    console.stage("what the verifier refuses  离线验证拒绝的证明");
    let offline_refused = refusals::offline(&network, &anchored)?;
    offline_refused.iter().for_each(|r| console.refusal(r));
    refused.extend(offline_refused);

    let report = Report::new(&network, &anchored, &verified, refused, anchoring, started.elapsed()).with(told, ended);
    console.summary(&report);
    ensure!(report.summary.ok, "not every record was verified, or something was not refused");
    Ok(report)
}

fn chosen(most: usize) -> anyhow::Result<Vec<Sample>> {
    let mut taken = BTreeMap::new();
    let mut samples = samples::all()?;
    samples.retain(|s| {
        let n: &mut usize = taken.entry(s.kind).or_default();
        *n += 1;
        *n <= most
    });
    Ok(samples)
}

fn signers(network: &Network) -> Result<BTreeMap<Kind, Signer>, Error> {
    let chain = &network.manifest().chain_id;
    Kind::ALL.into_iter().map(|k| Ok((k, Signer::new(network.client_key(k.namespace())?, chain)))).collect()
}

async fn stop(network: &mut Network) -> anyhow::Result<()> {
    let ends = network.stop_all().await?;
    for (node, end) in network.manifest().nodes.iter().zip(ends) {
        let end = end.with_context(|| format!("{} was not running at the end", node.name))?;
        ensure!(end.clean(), "{} did not shut down cleanly: {end}", node.name);
    }
    Ok(())
}
