//! What the demo found, for people and as JSON.

use super::anchor::Anchored;
use super::offline::Verified;
use super::stories::{EndingLine, StoryLine};
use crate::Network;
use serde::Serialize;
use std::time::Duration;

/// Everything that the demo did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Chain name.
    pub chain_id: String,
    /// Identity of the chain.
    pub genesis: String,
    /// Nodes of the network.
    pub nodes: usize,
    /// Every record.
    pub records: Vec<RecordLine>,
    /// Every attempt that had to be refused.
    pub refusals: Vec<RefusalLine>,
    /// Every step of the stories.
    pub stories: Vec<StoryLine>,
    /// What was proven of their endings.
    pub endings: Vec<EndingLine>,
    /// The result.
    pub summary: Summary,
}

/// One record.
#[derive(Clone, Debug, Serialize)]
pub struct RecordLine {
    /// Namespace.
    pub kind: &'static str,
    /// Record id.
    pub id: String,
    /// Sample file.
    pub file: &'static str,
    /// Transaction id.
    pub transaction: String,
    /// Block that holds it.
    pub height: u64,
    /// From signing to finality, milliseconds.
    pub latency_ms: u64,
    /// Proof bundle.
    pub bundle: String,
    /// Block whose state the bundle proves.
    pub proven_height: u64,
    /// Certified time of that block, milliseconds since the Unix epoch.
    pub proven_time_ms: u64,
    /// Validators whose signatures were checked.
    pub signers: usize,
}

/// One attempt that had to be refused.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalLine {
    /// What was tried.
    pub what: &'static str,
    /// Code that had to come, if one certain code had to.
    pub expected: Option<&'static str>,
    /// Code that came, if it was refused.
    pub code: Option<String>,
    /// The message that came with it.
    pub message: Option<String>,
    /// Whether the refusal is the right one.
    pub ok: bool,
}

impl RefusalLine {
    pub(super) fn new(what: &'static str, expected: &'static str, refusal: Option<(String, String)>) -> Self {
        let ok = refusal.as_ref().is_some_and(|(code, _)| code == expected);
        Self { expected: Some(expected), ok, ..Self::any(what, refusal) }
    }

    pub(super) fn any(what: &'static str, refusal: Option<(String, String)>) -> Self {
        let ok = refusal.is_some();
        let (code, message) = refusal.unzip();
        Self { what, expected: None, code, message, ok }
    }
}

/// The result in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Records anchored.
    pub records: usize,
    /// Records verified offline.
    pub verified: usize,
    /// Attempts refused as they had to be, and all of them.
    pub refused: usize,
    /// Attempts that had to be refused.
    pub refusals: usize,
    /// Lowest and highest block with one of the records.
    pub heights: (u64, u64),
    /// From signing to finality.
    pub latency_ms: Latency,
    /// Seconds of anchoring.
    pub anchoring_seconds: f64,
    /// Seconds of everything.
    pub seconds: f64,
    /// Whether every promise was kept.
    pub ok: bool,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Longest.
    pub max: u64,
}

impl Latency {
    /// Nearest-rank percentiles.
    #[must_use]
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut all: Vec<u64> = durations.into_iter().map(milliseconds).collect();
        all.sort_unstable();
        let rank = |percent: usize| all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Self { p50: rank(50).unwrap_or(0), p99: rank(99).unwrap_or(0), max: all.last().copied().unwrap_or(0) }
    }
}

fn milliseconds(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    pub(super) fn new(
        network: &Network,
        anchored: &[Anchored],
        verified: &[Verified],
        refusals: Vec<RefusalLine>,
        anchoring: Duration,
        total: Duration,
    ) -> Self {
        let heights = anchored.iter().map(|a| a.receipt.height.0);
        let refused = refusals.iter().filter(|r| r.ok).count();
        let summary = Summary {
            records: anchored.len(),
            verified: verified.len(),
            refused,
            refusals: refusals.len(),
            heights: (heights.clone().min().unwrap_or(0), heights.max().unwrap_or(0)),
            latency_ms: Latency::of(anchored.iter().map(|a| a.latency)),
            anchoring_seconds: anchoring.as_secs_f64(),
            seconds: total.as_secs_f64(),
            ok: !anchored.is_empty() && verified.len() == anchored.len() && refused == refusals.len(),
        };
        Self {
            chain_id: network.manifest().chain_id.clone(),
            genesis: network.genesis().digest().to_string(),
            nodes: network.len(),
            records: anchored.iter().zip(verified).map(|(a, v)| RecordLine::new(a, v)).collect(),
            refusals,
            stories: Vec::new(),
            endings: Vec::new(),
            summary,
        }
    }

    /// With the stories; their steps and endings count.
    pub(super) fn with(mut self, stories: Vec<StoryLine>, endings: Vec<EndingLine>) -> Self {
        self.summary.ok &= stories.iter().all(|l| l.ok) && endings.iter().all(|l| l.ok) && !endings.is_empty();
        Self { stories, endings, ..self }
    }
}

impl RecordLine {
    fn new(anchored: &Anchored, verified: &Verified) -> Self {
        Self {
            kind: anchored.sample.kind.namespace(),
            id: anchored.sample.id.clone(),
            file: anchored.sample.file,
            transaction: anchored.receipt.transaction.to_string(),
            height: anchored.receipt.height.0,
            latency_ms: milliseconds(anchored.latency),
            bundle: verified.file.display().to_string(),
            proven_height: verified.verdict.certified.height.0,
            proven_time_ms: verified.verdict.certified.time_ms,
            signers: verified.verdict.certified.signers.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let l = Latency::of((1..=200).rev().map(Duration::from_millis));
        assert_eq!(l, Latency { p50: 100, p99: 198, max: 200 });
        assert_eq!(Latency::of([Duration::from_millis(7)]), Latency { p50: 7, p99: 7, max: 7 });
        assert_eq!(Latency::of([]), Latency::default());
    }

    #[test]
    fn a_refusal_with_another_code_is_not_the_right_one() {
        let refusal = |code: &str| Some((code.to_owned(), String::new()));
        assert!(RefusalLine::new("x", "ANCHOR_EXISTS", refusal("ANCHOR_EXISTS")).ok);
        assert!(!RefusalLine::new("x", "ANCHOR_EXISTS", refusal("TX_CHAIN")).ok);
        assert!(!RefusalLine::new("x", "ANCHOR_EXISTS", None).ok);
        assert!(!RefusalLine::any("x", None).ok);
    }
}
