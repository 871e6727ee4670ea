//! Cost of a growing state: a sample world is executed and stored block by block, without a network; at checkpoints it says
//! how fast blocks are executed and stored there, and how much disk the chain takes.

use crate::fixture::{CHAIN, GENESIS_MS, key};
use anyhow::{Context as _, ensure};
use hnchain_crypto::{SecretKey, Signature};
use hnchain_ledger::{BlockContext, Chain, StateError, StateView, execute, genesis_rows};
use hnchain_storage::{Options, Overlays, Store, View};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{CertificateType, Document, Genesis, Organization, Parameters, Role, Signer, Validator};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{Height, TxId, ValidatorIndex, proto};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Operations of one transaction, and transactions of one block.
const PACK: usize = 8;
const BLOCK: usize = 250;

/// First line of a world's file.
#[derive(Deserialize)]
struct Head {
    organizations: Vec<Organization>,
    roles: BTreeMap<String, Vec<Role>>,
    certificate_types: Vec<CertificateType>,
}

/// Any other line.
#[derive(Deserialize)]
struct Line {
    office: String,
    operation: String,
}

/// What was measured between two checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// Operations since the start.
    pub operations: u64,
    /// Rows of the state that were written since the start, overwritten ones counted again.
    pub rows: u64,
    /// Executing the operations of this stretch by the rules, microseconds each.
    pub execute_us: f64,
    /// Tree, index and disk, microseconds each.
    pub store_us: f64,
    /// Bytes of the store's directory.
    pub disk_bytes: u64,
    /// Bytes on disk for each operation since the start.
    pub bytes_per_operation: f64,
}

/// Executes a world into a store in a new directory.
///
/// # Errors
/// A file that is no world, an operation that the rules refuse, or a store that fails.
pub fn run(world: &Path, directory: &Path, checkpoints: &[u64]) -> anyhow::Result<Vec<Stretch>> {
    let mut lines = BufReader::new(File::open(world).with_context(|| world.display().to_string())?).lines();
    let head: Head = serde_json::from_str(&lines.next().context("an empty file")??).context("the first line")?;
    let mut bench = Bench::new(&head, directory)?;
    let (mut packs, mut found): (BTreeMap<String, Vec<Vec<u8>>>, Vec<Stretch>) = (BTreeMap::new(), Vec::new());
    let mut marks = checkpoints.iter().copied().peekable();
    for line in lines {
        let line: Line = serde_json::from_str(&line?)?;
        let pack = packs.entry(line.office.clone()).or_default();
        pack.push(unhex(&line.operation)?);
        if pack.len() == PACK {
            let pack = std::mem::take(pack);
            bench.queue(&line.office, &pack)?;
        }
        if bench.waiting.len() == BLOCK {
            bench.block()?;
            if marks.next_if(|mark| bench.operations >= *mark).is_some() {
                found.push(bench.stretch(directory)?);
            }
        }
    }
    for (office, pack) in packs.into_iter().filter(|(_, pack)| !pack.is_empty()) {
        bench.queue(&office, &pack)?;
    }
    bench.block()?;
    found.push(bench.stretch(directory)?);
    Ok(found)
}

struct Bench {
    genesis: Genesis,
    chain: Chain,
    store: Store,
    overlays: Overlays,
    keys: BTreeMap<String, SecretKey>,
    waiting: Vec<Transaction>,
    salt: u64,
    operations: u64,
    rows: u64,
    since: (u64, Duration, Duration),
}

/// The state that a block is executed on.
struct Overlay<'a>(View<'a>);

impl StateView for Overlay<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.0.row(key).map_err(|e| StateError(e.to_string()))
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        self.0.included(id).map_err(|e| StateError(e.to_string()))
    }
}

impl Bench {
    fn new(head: &Head, directory: &Path) -> anyhow::Result<Self> {
        let keys: BTreeMap<String, SecretKey> =
            head.roles.keys().enumerate().map(|(i, office)| (office.clone(), key(100 + i))).collect();
        let province = Organization {
            id: "henan".into(),
            name: "示例省级平台".into(),
            credit_code: "91410000170001401D".into(),
            division: "410000".into(),
            parent: None,
        };
        let below = head.organizations.iter().map(|o| Organization { parent: Some("henan".into()), ..o.clone() });
        let signers = head.roles.iter().map(|(office, roles)| Signer {
            public_key: keys[office].public_key(),
            organization: office.clone(),
            roles: roles.clone(),
            valid_from_ms: 0,
            valid_until_ms: 0,
        });
        let genesis = Genesis::create(&Document {
            version: 1,
            chain_id: CHAIN.into(),
            name: "性能测试链".into(),
            time_ms: GENESIS_MS,
            parameters: Parameters::default(),
            organizations: std::iter::once(province).chain(below).collect(),
            certificate_types: head.certificate_types.clone(),
            signers: signers.collect(),
            validators: vec![Validator::new(CHAIN, "henan", &key(0))],
        })?;
        let store = Store::open_with(directory, &genesis, &genesis_rows(&genesis), Options::default())?;
        let overlays = Overlays::new(store.clone());
        let chain = Chain::new(&genesis);
        let since = (0, Duration::ZERO, Duration::ZERO);
        Ok(Self { genesis, chain, store, overlays, keys, waiting: Vec::new(), salt: 0, operations: 0, rows: 0, since })
    }

    /// Signs operations of one office as a transaction.
    fn queue(&mut self, office: &str, pack: &[Vec<u8>]) -> anyhow::Result<()> {
        let key = self.keys.get(office).with_context(|| format!("the head names no {office}"))?;
        self.salt += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.salt.to_be_bytes());
        let mut body = BodyBuilder::new(CHAIN, u64::MAX, self.time_ms() + 500_000, salt);
        for raw in pack {
            let kind = proto::Operation::decode(raw.as_slice())?.kind.context("an operation without a kind")?;
            body = body.operation(kind);
        }
        self.waiting.push(Transaction::sign(body.encode(), key)?);
        self.operations += pack.len() as u64;
        Ok(())
    }

    /// Time of the next block.
    fn time_ms(&self) -> u64 {
        self.store.tip().time_ms + 100
    }

    fn block(&mut self) -> anyhow::Result<()> {
        let transactions = std::mem::take(&mut self.waiting);
        let (tip, time_ms) = (self.store.tip(), self.time_ms());
        let raw: Vec<Vec<u8>> = transactions.iter().map(|t| t.raw().to_vec()).collect();
        let header = Header::new(HeaderFields {
            genesis: self.genesis.digest(),
            epoch: tip.epoch,
            view: tip.view.next(),
            height: tip.height.next(),
            parent: tip.block,
            parent_view: tip.view,
            time_ms,
            payload_root: payload_root(&raw),
            skips_root: skips_root::<&[u8]>(&[]),
            validators: self.genesis.validators().hash(),
        });
        let parent = tip.height.previous().zip(tip.result).map(|(height, result)| (height, tip.block, result));
        let context = BlockContext { height: header.height, time_ms, parent };
        let begun = Instant::now();
        let view = self.overlays.view(&tip.block).context("the tip has a state")?;
        let done = execute(&Overlay(view), &self.chain, &context, &transactions)?;
        let executed = begun.elapsed();
        if let Some(refused) = done.receipts.iter().find(|r| !r.accepted()) {
            anyhow::bail!("the rules refuse a transaction of the world: {:?}", refused.outcome);
        }
        self.rows += done.changes.len() as u64;
        let receipts = done.receipts.iter().map(|r| r.raw().to_vec()).collect();
        let ids = transactions.iter().map(Transaction::id).collect();
        let block = Arc::new(Block::new(header, raw, Vec::new())?);
        let begun = Instant::now();
        let result = self.overlays.apply(Arc::clone(&block), done.changes, receipts, ids, done.next_validators)?;
        let hash = block.header.hash();
        let certificate = Certificate {
            epoch: tip.epoch,
            view: block.header.view,
            statement: Statement::Finalize { block: hash, result: result.hash() },
            // The engine checks signatures, not the store.
            votes: vec![(ValidatorIndex(0), Signature([1; 64]))],
        };
        self.overlays.finalize(&hash, &certificate, Vec::new())?;
        self.since.1 += executed;
        self.since.2 += begun.elapsed();
        Ok(())
    }

    fn stretch(&mut self, directory: &Path) -> anyhow::Result<Stretch> {
        let (before, execute, store) =
            std::mem::replace(&mut self.since, (self.operations, Duration::ZERO, Duration::ZERO));
        let (operations, disk_bytes) = (self.operations, size(directory)?);
        ensure!(operations > before, "no operations since the last checkpoint");
        let each = |d: Duration| d.as_secs_f64() * 1e6 / (operations - before) as f64;
        Ok(Stretch {
            operations,
            rows: self.rows,
            execute_us: each(execute),
            store_us: each(store),
            disk_bytes,
            bytes_per_operation: disk_bytes as f64 / operations as f64,
        })
    }
}

fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap_or("?"), 16);
    Ok((0..text.len()).step_by(2).map(digit).collect::<Result<_, _>>()?)
}

/// Bytes of all files in a directory.
fn size(directory: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let data = entry.metadata()?;
        sum += if data.is_dir() { size(&entry.path())? } else { data.len() };
    }
    Ok(sum)
}
