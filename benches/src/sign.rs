//! Signs the transactions of a run before its clock starts.

use crate::target::Target;
use anyhow::{Context, bail};
use hnchain_types::TxId;
use hnchain_types::limits::SALT_BYTES;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a block's time may lag behind the clock at which the validity was chosen.
const CLOCK_MARGIN_MS: u64 = 5_000;
/// Heights that a run can hardly use up.
const HEIGHTS: u64 = 10_000_000;

/// A transaction ready to be sent.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its id.
    pub id: TxId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Signs `count` anchors of one record each, on all processors, with a progress bar.
///
/// # Errors
/// The system's clock or generator fails, or a namespace is not a valid one.
pub fn sign(target: &Target, count: u32, height: u64) -> anyhow::Result<Vec<Signed>> {
    let mut run = [0u8; 4];
    getrandom::fill(&mut run).context("the system's random generator failed")?;
    let run = u32::from_be_bytes(run);
    let threads = u32::try_from(std::thread::available_parallelism().map_or(1, usize::from))?.max(1);
    let share = count.div_ceil(threads);
    let bar = ProgressBar::new(u64::from(count)).with_message("signing");
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec} {eta}")?);
    bar.enable_steady_tick(Duration::from_secs(1));
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|t| {
                let bar = &bar;
                let range = (t * share).min(count)..((t + 1) * share).min(count);
                scope.spawn(move || {
                    range
                        .map(|i| {
                            let signed = sign_one(target, run, i, height);
                            bar.inc(1);
                            signed
                        })
                        .collect::<anyhow::Result<Vec<_>>>()
                })
            })
            .collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    bar.finish_and_clear();
    let mut signed = Vec::with_capacity(count as usize);
    for part in parts {
        match part {
            Ok(part) => signed.extend(part?),
            Err(_) => bail!("a signing thread panicked"),
        }
    }
    Ok(signed)
}

fn sign_one(target: &Target, run: u32, index: u32, height: u64) -> anyhow::Result<Signed> {
    let signer = &target.signers[index as usize % target.signers.len()];
    let document = target.genesis.document();
    let valid_until_ms = (now_ms()? + document.parameters.validity_ms).saturating_sub(CLOCK_MARGIN_MS);
    let mut salt = [0u8; SALT_BYTES];
    getrandom::fill(&mut salt).context("the system's random generator failed")?;
    let id = format!("load-{run:08x}-{index}");
    let commitment = hnchain_crypto::sm3(&salt);
    let body = BodyBuilder::new(&document.chain_id, height + HEIGHTS, valid_until_ms, salt)
        .anchor(&signer.namespace, &id, 1, commitment)
        .encode();
    let transaction = Transaction::sign(body, &signer.key)?;
    Ok(Signed { id: transaction.id(), bytes: transaction.raw().to_vec() })
}

/// The system's clock, milliseconds since the Unix epoch.
///
/// # Errors
/// A clock before 1970.
pub fn now_ms() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the system's clock is before 1970")?;
    Ok(u64::try_from(since.as_millis())?)
}
