//! Proof bundles: collected from the nodes, then verified with nothing but the genesis file.

use super::anchor::Anchored;
use super::console::Console;
use crate::Network;
use anyhow::{Context as _, ensure};
use hnchain_sdk::Client;
use hnchain_sdk::proof::{Bundle, FILE_ENDING, Status, Verdict, verify};
use hnchain_types::genesis::Genesis;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder of the bundles in the network's directory.
const FOLDER: &str = "bundles";

/// A bundle that was verified offline.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The bundle's file.
    pub file: PathBuf,
    /// What it proves.
    pub verdict: Verdict,
}

/// Where the bundle of a record is.
pub(super) fn bundle_file(directory: &Path, anchored: &Anchored) -> PathBuf {
    let stem = anchored.sample.file.trim_end_matches(".json");
    directory.join(FOLDER).join(anchored.sample.kind.namespace()).join(format!("{stem}{FILE_ENDING}"))
}

/// Asks for the proof of every record and writes it with the opening enclosed.
pub(super) async fn collect(
    client: &Client,
    network: &Network,
    all: &[Anchored],
    console: &Console,
) -> anyhow::Result<()> {
    for anchored in all {
        let (namespace, id) = (anchored.sample.kind.namespace(), &anchored.sample.id);
        let bundle = client
            .prove_with_opening(namespace, id, &anchored.opening)
            .await
            .with_context(|| format!("proof of {namespace} {id}"))?;
        let file = bundle_file(network.directory(), anchored);
        let folder = file.parent().context("the bundle lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        fs::write(&file, bundle.to_json()).with_context(|| file.display().to_string())?;
        console.step();
    }
    Ok(())
}

/// Verifies every bundle as a stranger would: from files.
pub(super) fn verify_all(network: &Network, all: &[Anchored], console: &Console) -> anyhow::Result<Vec<Verified>> {
    let trust = trust(network)?;
    all.iter()
        .map(|anchored| {
            let file = bundle_file(network.directory(), anchored);
            let verdict = verify_one(&file, anchored, &trust).with_context(|| file.display().to_string())?;
            console.verified(anchored, &verdict);
            Ok(Verified { file, verdict })
        })
        .collect()
}

/// The genesis as a verifier has it: read from its file.
pub(super) fn trust(network: &Network) -> anyhow::Result<Genesis> {
    let path = network.directory().join(&network.manifest().genesis);
    Ok(Genesis::parse(&fs::read(&path).with_context(|| path.display().to_string())?)?)
}

fn verify_one(file: &Path, anchored: &Anchored, trust: &Genesis) -> anyhow::Result<Verdict> {
    let bundle = Bundle::from_json(&fs::read(file)?)?;
    let verdict = verify(&bundle, trust)?;
    let record = verdict.record.as_ref().context("the bundle proves that there is no such record")?;
    ensure!(record.key.id() == anchored.sample.id, "the bundle proves another record");
    ensure!(record.status == Status::Active, "the record is revoked");
    let opening = verdict.opening.as_ref().context("the bundle does not enclose the opening")?;
    ensure!(opening.is_of(anchored.sample.bytes), "the record is about another document");
    Ok(verdict)
}
