//! The stories of [`crate::stories`], told on a running network, and their endings, proven when it is stopped.

use super::console::Console;
use super::offline::trust;
use crate::Network;
use crate::stories::{Ending, Story};
use anyhow::{Context as _, ensure};
use hnchain_sdk::proof::{Bundle, FILE_ENDING, verify_row};
use hnchain_sdk::{Client, Error, Signer};
use hnchain_types::Height;
use hnchain_types::rows::Row;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Folder of the bundles in the network's directory.
const FOLDER: &str = "bundles/stories";
/// How long a step may take to become final.
const FINAL: Duration = Duration::from_secs(60);

/// A step of a story and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoryLine {
    /// Who.
    pub office: String,
    /// What, in Chinese and English.
    pub what: String,
    /// Code of the refusal; `None` where it was accepted.
    pub code: Option<String>,
    /// Whether that is what has to come.
    pub ok: bool,
}

/// What was proven offline of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndingLine {
    /// Readable key of the row.
    pub row: String,
    /// What, in Chinese and English.
    pub what: String,
    /// What the row says.
    pub found: String,
    /// Whether that is what has to come.
    pub ok: bool,
}

/// Submits the steps one after the other.
///
/// # Errors
/// The network does not answer.
pub(super) async fn tell(
    client: &Client,
    network: &Network,
    stories: &[Story],
    console: &Console,
) -> anyhow::Result<Vec<StoryLine>> {
    let mut lines = Vec::new();
    for story in stories {
        console.title(story.title);
        for step in &story.steps {
            let signer = Signer::new(network.office_key(step.office)?, &network.manifest().chain_id);
            let transaction = signer.transaction(|body| body.operation(step.operation.clone()))?;
            let code = match client.submit_and_wait(&transaction, FINAL).await {
                Ok(_) => None,
                Err(error @ (Error::Rejected(_) | Error::Refused { .. })) => Some(error.code().to_owned()),
                Err(error) => return Err(error).with_context(|| step.what.1.to_owned()),
            };
            let line = StoryLine {
                office: step.office.to_owned(),
                what: both(step.what),
                ok: code.as_deref() == step.refusal,
                code,
            };
            console.told(&line);
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Writes a proof of each ending into a file.
///
/// # Errors
/// No node proves it.
pub(super) async fn collect(client: &Client, network: &Network, stories: &[Story]) -> anyhow::Result<()> {
    let since = client.status().await?.height;
    let folder = network.directory().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (n, ending) in endings(stories).enumerate() {
        let bundle = prove(client, &ending.row, since).await.with_context(|| ending.row.clone())?;
        let file = file(network, n);
        fs::write(&file, bundle.to_json()).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The newest certified state may still be the one before for a moment.
async fn prove(client: &Client, row: &str, since: Height) -> Result<Bundle, Error> {
    const TRIES: usize = 50;
    for _ in 1..TRIES {
        match client.prove_row(row, since).await {
            Err(Error::Behind { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return other,
        }
    }
    client.prove_row(row, since).await
}

/// Verifies the proofs as a stranger would, from files.
///
/// # Errors
/// A proof does not hold, or is of something else.
pub(super) fn verify_all(network: &Network, stories: &[Story], console: &Console) -> anyhow::Result<Vec<EndingLine>> {
    let trust = trust(network)?;
    let mut lines = Vec::new();
    for (n, ending) in endings(stories).enumerate() {
        let bundle = Bundle::from_json(&fs::read(file(network, n))?)?;
        let verdict = verify_row(&bundle, &trust).with_context(|| ending.row.clone())?;
        ensure!(verdict.key == ending.row, "the bundle proves another row");
        let raw = verdict.row.context("the bundle proves that there is no such row")?;
        let row = serde_json::to_value(Row::decode(&verdict.key, &raw)?)?;
        let found = row.pointer(ending.pointer).filter(|v| !v.is_null());
        let found = found.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        let ok = found.is_some() && (ending.value.is_none() || found == ending.value);
        let found = found.unwrap_or_default();
        let line = EndingLine { row: ending.row.clone(), what: both(ending.what), found, ok };
        console.ended(&line);
        lines.push(line);
    }
    Ok(lines)
}

fn endings(stories: &[Story]) -> impl Iterator<Item = &Ending> {
    stories.iter().flat_map(|s| &s.endings)
}

fn file(network: &Network, n: usize) -> PathBuf {
    network.directory().join(FOLDER).join(format!("{:02}{FILE_ENDING}", n + 1))
}

fn both((zh, en): (&str, &str)) -> String {
    format!("{zh}  {en}")
}
