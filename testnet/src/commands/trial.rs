//! `chaos` and `soak`.

use super::{Removal, print, temporary_directory};
use crate::{Chaos, Soak, Trial};
use clap::ValueEnum as _;
use hnchain_testnet::Error;
use hnchain_testnet::chaos::{self, Kind, LASTING, Options, Report};
use std::path::PathBuf;
use std::time::Duration;

/// `hnchain-testnet chaos`.
pub(crate) async fn chaos(arguments: Chaos) -> anyhow::Result<()> {
    let kinds = if arguments.kinds.is_empty() { Kind::value_variants().to_vec() } else { arguments.kinds };
    let time = seconds(arguments.minutes * 60.0)?;
    let (options, removal) = prepare(&arguments.trial, kinds)?;
    let tell = &mut teller(arguments.trial.json);
    let outcome = match arguments.kill_rounds {
        Some(rounds) => chaos::kill_rounds(&options, rounds, tell).await,
        None => chaos::run(&options, time, tell).await,
    };
    conclude(outcome, removal, &options, arguments.trial.json)
}

/// `hnchain-testnet soak`.
pub(crate) async fn soak(arguments: Soak) -> anyhow::Result<()> {
    let kinds = if arguments.kinds.is_empty() { LASTING.to_vec() } else { arguments.kinds };
    let time = seconds(arguments.hours * 3600.0)?;
    let (options, removal) = prepare(&arguments.trial, kinds)?;
    let period = Duration::from_secs(arguments.every.into());
    let outcome = chaos::soak(&options, time, period, &mut teller(arguments.trial.json)).await;
    conclude(outcome, removal, &options, arguments.trial.json)
}

fn seconds(seconds: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| anyhow::anyhow!("{seconds} seconds are no length of time"))
}

fn prepare(trial: &Trial, kinds: Vec<Kind>) -> anyhow::Result<(Options, Removal)> {
    let directory: PathBuf = trial.dir.clone().map_or_else(|| temporary_directory("chaos"), Ok)?;
    let seed = trial.seed.map_or_else(random_seed, Ok)?;
    let removal = Removal { directory: directory.clone(), armed: trial.dir.is_none() };
    let (nodes, rate, wiring) = (trial.nodes.into(), trial.rate, trial.wires);
    Ok((Options { nodes, seed, kinds, rate, wiring, directory }, removal))
}

/// Short enough to be typed.
fn random_seed() -> anyhow::Result<u64> {
    let mut random = [0u8; 4];
    getrandom::fill(&mut random)?;
    Ok(u32::from_le_bytes(random).into())
}

/// Lines go to standard output, or beside a JSON report to standard error.
fn teller(json: bool) -> impl FnMut(&str) {
    move |line| {
        if json {
            eprintln!("{line}");
        } else {
            // A closed pipe ends the display, not the run.
            let _shown = print(line);
        }
    }
}

fn conclude(outcome: Result<Report, Error>, removal: Removal, options: &Options, json: bool) -> anyhow::Result<()> {
    let failed = match outcome {
        Ok(report) => {
            print(&if json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
            if report.ok {
                return Ok(());
            }
            anyhow::anyhow!("the run broke a rule  违反规则")
        }
        Err(error) => error.into(),
    };
    removal.keep();
    eprintln!("kept 已保留: {}  (--seed {})", options.directory.display(), options.seed);
    Err(failed)
}
