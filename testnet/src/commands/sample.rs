//! `hnchain-testnet sample`: a world of histories, into a file or onto a running network.

use super::print;
use crate::Sample;
use anyhow::{Context as _, ensure};
use hnchain_sdk::{Client, Options as ClientOptions, Signer};
use hnchain_testnet::offices::{OFFICES, Office, certificate_types};
use hnchain_testnet::worlds::{Step, World};
use hnchain_testnet::{Lifetime, Network};
use hnchain_types::proto;
use prost::Message as _;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long a transaction may take to become final under load.
const FINAL: Duration = Duration::from_secs(120);
/// Longest history, in steps.
const STEPS: usize = 16;

/// `sample`.
pub(crate) async fn sample(arguments: Sample) -> anyhow::Result<()> {
    let Sample { certificates, units, batches, seed, .. } = arguments;
    let world = World { seed, certificates, units, batches };
    ensure!(world.subjects() > 0, "ask for certificates, units or batches");
    match (&arguments.out, &arguments.dir) {
        (Some(file), _) => write(world, file),
        (None, Some(directory)) => submit(world, directory, &arguments).await,
        (None, None) => {
            anyhow::bail!("--out FILE writes the world, --dir DIR submits it to the network of a directory")
        }
    }
}

/// First a line with the offices and types that a genesis needs; then one for each step: office, row, and the operation in
/// hexadecimal.
fn write(world: World, file: &Path) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::fs::File::create_new(file).with_context(|| file.display().to_string())?);
    let head = json!({
        "organizations": OFFICES.iter().map(Office::organization).collect::<Vec<_>>(),
        "roles": OFFICES.iter().map(|o| (o.id, o.roles())).collect::<BTreeMap<_, _>>(),
        "certificate_types": certificate_types(),
    });
    writeln!(out, "{head}")?;
    let mut steps = 0u64;
    for step in (0..STEPS).flat_map(|k| world.wave(k)) {
        let operation = proto::Operation { kind: Some(step.operation) };
        let line = json!({"office": step.office, "row": step.row, "operation": hex::encode(operation.encode_to_vec())});
        writeln!(out, "{line}")?;
        steps += 1;
    }
    out.flush()?;
    print(&format!("{steps} operations of {} subjects  {}", world.subjects(), file.display()))
}

/// Submits wave after wave, each in transactions of one office, several at a time.
async fn submit(world: World, directory: &Path, arguments: &Sample) -> anyhow::Result<()> {
    let network = Network::open(directory, Lifetime::Detached)?;
    let client = Client::new(network.endpoints(), ClientOptions::default())?;
    let mut signers = BTreeMap::new();
    let (started, mut operations, mut transactions) = (Instant::now(), 0usize, 0usize);
    for k in 0..STEPS {
        let mut running = JoinSet::new();
        let mut packs: BTreeMap<&'static str, Vec<Step>> = BTreeMap::new();
        for step in world.wave(k) {
            let office = step.office;
            if !signers.contains_key(office) {
                let signer = Signer::new(network.office_key(office)?, &network.manifest().chain_id);
                signers.insert(office, Arc::new(signer));
            }
            let pack = packs.entry(office).or_default();
            pack.push(step);
            if pack.len() == usize::from(arguments.operations) {
                let pack = std::mem::take(pack);
                wait_for_room(&mut running, arguments.concurrency.into()).await?;
                (operations, transactions) = (operations + pack.len(), transactions + 1);
                running.spawn(one(client.clone(), Arc::clone(&signers[office]), pack));
            }
        }
        for (office, pack) in packs.into_iter().filter(|(_, pack)| !pack.is_empty()) {
            (operations, transactions) = (operations + pack.len(), transactions + 1);
            running.spawn(one(client.clone(), Arc::clone(&signers[office]), pack));
        }
        wait_for_room(&mut running, 1).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let report = json!({
        "subjects": world.subjects(), "operations": operations, "transactions": transactions, "seconds": seconds,
        "operations_per_second": operations as f64 / seconds,
    });
    if arguments.json {
        return print(&serde_json::to_string_pretty(&report)?);
    }
    print(&format!(
        "{} subjects, {operations} operations in {transactions} transactions, all accepted and final: {seconds:.1} s, {:.0} operations/s",
        world.subjects(),
        operations as f64 / seconds
    ))
}

/// Waits until fewer than `most` are under way.
async fn wait_for_room(running: &mut JoinSet<anyhow::Result<()>>, most: usize) -> anyhow::Result<()> {
    while running.len() >= most {
        let Some(done) = running.join_next().await else { return Ok(()) };
        done.context("a submission ended without an answer")??;
    }
    Ok(())
}

async fn one(client: Client, signer: Arc<Signer>, pack: Vec<Step>) -> anyhow::Result<()> {
    let rows = pack.first().map(|s| s.row.clone()).unwrap_or_default();
    let transaction = signer.transaction(|body| pack.into_iter().fold(body, |b, s| b.operation(s.operation)))?;
    client
        .submit_and_wait(&transaction, FINAL)
        .await
        .with_context(|| format!("a transaction that begins with {rows}"))?;
    Ok(())
}
