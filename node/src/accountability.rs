//! Contradictory votes of a validator: this node keeps the proof until it is on the chain, for everyone to see.
//!
//! # Invariants
//! - **C1** A proof that this node has taken in is on its disk before it is submitted, and stays there until the chain has
//!   it: a crash loses none.
//! - **C2** Proofs that wait are bounded. One conviction of a validator in a view is enough; a second proof is not kept.
//! - **C3** Validators submit one after the other, so that mostly one transaction does it.

use crate::admission::{Admission, now_ms};
use crate::failure::Failure;
use crate::ledger_state;
use crate::shared::{Role, Shared};
use crate::telemetry::metric;
use hnchain_consensus::Evidence;
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_ledger::set_of;
use hnchain_types::governance::evidence_key;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{Epoch, ValidatorIndex, View, limits};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Proofs that wait at the same time: far more than there are validators.
pub const PENDING: usize = 256;
/// Folder in the data directory.
const FOLDER: &str = "evidence";
/// Ending of the files in it.
const ENDING: &str = "evidence";
/// Pause between two looks at what waits.
const LOOK: Duration = Duration::from_secs(1);
/// How much later than the one before a validator submits.
const TURN: Duration = Duration::from_secs(2);
/// Longest wait for a turn.
const LAST_TURN: Duration = Duration::from_secs(60);
/// Validity of the transaction.
const VALIDITY_MS: u64 = 60_000;
/// First pause before trying again: the transaction before has expired by then. Doubled each time.
const PAUSE: Duration = Duration::from_secs(65);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Which conviction: epoch, view and index of the offender.
type Id = (Epoch, View, ValidatorIndex);

#[derive(Debug)]
struct Pending {
    evidence: Evidence,
    due: Instant,
    pause: Duration,
}

/// What waits; see the module's page.
#[derive(Debug)]
pub struct Accusations {
    folder: PathBuf,
    shared: Arc<Shared>,
    admission: Arc<Admission>,
    key: SecretKey,
    pending: BTreeMap<Id, Pending>,
}

impl Accusations {
    /// Takes up what is in the data directory. The key signs the transactions.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(
        data_dir: &Path,
        shared: Arc<Shared>,
        admission: Arc<Admission>,
        key: SecretKey,
    ) -> Result<Self, Failure> {
        let folder = data_dir.join(FOLDER);
        let unreadable = |e: io::Error| {
            let place = folder.display();
            Failure::refused(
                "EVIDENCE_FOLDER",
                format!("cannot read {place}: {e}; check its permissions"),
                format!("无法读取 {place}：{e}；请检查权限"),
            )
        };
        let found = read(&folder).map_err(unreadable)?;
        let mut accusations = Self { folder, shared, admission, key, pending: BTreeMap::new() };
        for evidence in found.into_iter().take(PENDING) {
            accusations.wait(evidence);
        }
        Ok(accusations)
    }

    /// Number of proofs that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Keeps and submits what comes, until `stop`.
    pub async fn run(mut self, mut evidence: mpsc::Receiver<Evidence>, stop: CancellationToken) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(evidence) = evidence.recv() => self.take(evidence),
                _ = look.tick() => self.submit_due().await,
            }
            metric::set(metric::ACCUSATIONS, self.pending.len() as u64);
        }
    }

    /// Writes a file of a few hundred bytes, once for each offence: no work that needs another thread.
    fn take(&mut self, evidence: Evidence) {
        let id = id(&evidence);
        if self.pending.contains_key(&id) || self.is_settled(&evidence) {
            return;
        }
        if self.pending.len() >= PENDING {
            tracing::warn!(?id, "too many proofs of contradictory votes wait already; this one is not kept");
            return;
        }
        if let Err(error) = write(&self.folder, &evidence) {
            tracing::error!(?id, %error, "a proof of contradictory votes cannot be stored; it is submitted all the same");
        }
        self.wait(evidence);
    }

    fn wait(&mut self, evidence: Evidence) {
        let due = Instant::now() + self.turn(&evidence);
        self.pending.insert(id(&evidence), Pending { evidence, due, pause: PAUSE });
    }

    /// Another validator is the first for each view.
    fn turn(&self, evidence: &Evidence) -> Duration {
        let committee = self.shared.committee();
        let Role::Validator(index) = Role::of(&self.shared.key, &committee.validators) else { return LAST_TURN };
        let n = committee.validators.len() as u64;
        let rank = (u64::from(index.0) + n - evidence.view().0 % n) % n;
        (TURN * u32::try_from(rank).unwrap_or(u32::MAX)).min(LAST_TURN)
    }

    async fn submit_due(&mut self) {
        let now = Instant::now();
        let due: Vec<Id> = self.pending.iter().filter(|(_, p)| p.due <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some(pending) = self.pending.get_mut(&id) else { continue };
            let evidence = pending.evidence;
            pending.due = now + pending.pause;
            pending.pause = (pending.pause * 2).min(LONGEST_PAUSE);
            if self.is_settled(&evidence) {
                self.forget(id);
            } else {
                self.submit(&evidence).await;
            }
        }
        self.forget_settled();
    }

    /// What others have brought on the chain need not wait for its turn.
    fn forget_settled(&mut self) {
        let settled = self.pending.iter().filter(|(_, p)| self.is_settled(&p.evidence)).map(|(id, _)| *id);
        for id in settled.collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: Id) {
        let (epoch, view, signer) = id;
        tracing::info!(%epoch, %view, %signer, "contradictory votes are on the chain's record");
        self.pending.remove(&id);
        if let Err(error) = fs::remove_file(self.folder.join(name(id)))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a settled proof stays in the folder");
        }
    }

    fn offender(&self, evidence: &Evidence) -> Option<PublicKey> {
        match set_of(&ledger_state::Tip(&self.shared.store), evidence.epoch()) {
            Ok(set) => Some(set?.1.key(evidence.offender())?.public_key()),
            Err(error) => {
                tracing::error!(%error, "the validators of an epoch cannot be read");
                None
            }
        }
    }

    /// Whether the chain has it.
    fn is_settled(&self, evidence: &Evidence) -> bool {
        let Some(offender) = self.offender(evidence) else { return false };
        match self.shared.store.row(&evidence_key(evidence.epoch(), &offender)) {
            Ok(row) => row.is_some(),
            Err(error) => {
                tracing::error!(%error, "a row of evidence cannot be read");
                false
            }
        }
    }

    async fn submit(&self, evidence: &Evidence) {
        let id = id(evidence);
        if self.shared.role() == Role::Observer {
            tracing::debug!(?id, "only validators submit proofs; this node keeps it");
            return;
        }
        let Some(transaction) = self.transaction(evidence) else { return };
        match self.admission.submit(transaction.raw()).await {
            Ok(_) => {
                tracing::warn!(?id, transaction = %transaction.id(), "contradictory votes: the proof is submitted");
            }
            Err(refusal) => {
                tracing::warn!(?id, code = refusal.code, "the proof is not taken yet; it is submitted again");
            }
        }
    }

    fn transaction(&self, evidence: &Evidence) -> Option<Transaction> {
        let mut salt = [0; limits::SALT_BYTES];
        if let Err(error) = getrandom::fill(&mut salt) {
            tracing::error!(%error, "no random numbers");
            return None;
        }
        let (chain, tip) = (&self.shared.chain, self.shared.store.tip());
        let until = now_ms().max(tip.time_ms) + VALIDITY_MS.min(chain.parameters.validity_ms / 2);
        let body = BodyBuilder::new(&chain.chain_id, limits::NUMBER, until, salt).submit_evidence(evidence).encode();
        match Transaction::sign(body, &self.key) {
            Ok(transaction) => Some(transaction),
            Err(error) => {
                tracing::error!(%error, "a proof makes no transaction");
                None
            }
        }
    }
}

fn id(evidence: &Evidence) -> Id {
    (evidence.epoch(), evidence.view(), evidence.offender())
}

fn name((epoch, view, offender): Id) -> String {
    format!("{}-{}-{}.{ENDING}", epoch.0, view.0, offender.0)
}

/// What is in the folder. A file that is no evidence is left where it is: a crash leaves at most an unfinished one.
fn read(folder: &Path) -> io::Result<Vec<Evidence>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != ENDING) {
            continue;
        }
        match Evidence::decode(&fs::read(&path)?) {
            Ok(evidence) => found.push(evidence),
            Err(error) => tracing::warn!(file = %path.display(), %error, "no evidence; left where it is"),
        }
    }
    found.sort_by_key(id);
    Ok(found)
}

/// Beside its place first, so that what carries the name is whole (C1).
fn write(folder: &Path, evidence: &Evidence) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = name(id(evidence));
    let unfinished = folder.join(format!("{name}.new"));
    let mut file = File::create(&unfinished)?;
    file.write_all(&evidence.encode())?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}
