//! Anchors samples, several at a time.

use super::console::Console;
use crate::samples::{Kind, Sample};
use anyhow::Context as _;
use hnchain_sdk::proof::Opening;
use hnchain_sdk::{Client, Signer};
use hnchain_types::transaction::Receipt;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long one record may take to become final.
const FINAL: Duration = Duration::from_secs(60);

/// A sample that the chain has accepted.
#[derive(Clone, Debug)]
pub struct Anchored {
    /// The sample.
    pub sample: Sample,
    /// Salt and digest that open its commitment: what the holder keeps.
    pub opening: Opening,
    /// The chain's answer.
    pub receipt: Receipt,
    /// From before signing until the answer that it is final.
    pub latency: Duration,
}

/// Anchors every sample with the key of its kind. The result is in the order of the samples.
pub(super) async fn all(
    client: &Client,
    signers: &BTreeMap<Kind, Signer>,
    samples: Vec<Sample>,
    concurrency: usize,
    console: &Console,
) -> anyhow::Result<Vec<Anchored>> {
    let mut waiting = samples.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut done = BTreeMap::new();
    loop {
        while running.len() < concurrency.max(1) {
            let Some((place, sample)) = waiting.next() else { break };
            let signer = signers.get(&sample.kind).context("a signer for each kind")?.clone();
            let client = client.clone();
            running.spawn(async move { (place, one(&client, &signer, sample).await) });
        }
        let Some(joined) = running.join_next().await else { break };
        let (place, anchored) = joined.context("anchoring a record")?;
        let anchored = anchored?;
        console.anchored(&anchored);
        done.insert(place, anchored);
    }
    Ok(done.into_values().collect())
}

async fn one(client: &Client, signer: &Signer, sample: Sample) -> anyhow::Result<Anchored> {
    let started = Instant::now();
    let anchored = client
        .anchor_document(signer, sample.bytes, sample.kind.namespace(), &sample.id, FINAL)
        .await
        .with_context(|| format!("anchoring {} {}", sample.kind, sample.id))?;
    let latency = started.elapsed();
    Ok(Anchored { sample, opening: anchored.draft.opening, receipt: anchored.receipt, latency })
}
