//! `hnchain-fuzz`: runs fuzz targets.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use hnchain_fuzz::{Finding, Options, TARGETS, Target, corpus, examine, minimize, run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  hnchain-fuzz list
  hnchain-fuzz run --target transaction --seconds 60 --seed 7
  hnchain-fuzz run --all --seconds 20
  hnchain-fuzz replay --target transaction target/fuzz/transaction-0123456789abcdef
  hnchain-fuzz minimize --target transaction target/fuzz/transaction-0123456789abcdef

Exit codes: 0 nothing found, 1 something broke or an error, 2 wrong arguments.";

/// 河南链 fuzzing: breaks inputs of decoders and verifiers until something breaks.
#[derive(Parser)]
#[command(name = "hnchain-fuzz", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Targets, their formats and their samples.
    List,
    /// Break samples from a seed.
    Run {
        /// The target; several may be named.
        #[arg(long, required_unless_present = "all")]
        target: Vec<String>,
        /// Every target, one after the other.
        #[arg(long, conflicts_with = "target")]
        all: bool,
        /// How long each target runs.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Where the random numbers begin; the same seed breaks in the same way.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Most inputs of each target.
        #[arg(long)]
        runs: Option<u64>,
        /// Folder for what is found.
        #[arg(long, default_value = "target/fuzz")]
        findings: PathBuf,
    },
    /// Read one file and say what the target does with it.
    Replay {
        /// The target.
        #[arg(long)]
        target: String,
        /// The file.
        file: PathBuf,
    },
    /// Make a finding small: written beside it with the ending `.min`.
    Minimize {
        /// The target.
        #[arg(long)]
        target: String,
        /// The file.
        file: PathBuf,
    },
    /// Make the committed samples anew from the golden vectors.
    Corpus,
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("FUZZ_ERROR: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::List => {
            for target in TARGETS {
                println!("{:<18} {:<9} {:>2} samples", target.name, format!("{:?}", target.format), count(target));
            }
            Ok(true)
        }
        Command::Run { target, all, seconds, seed, runs, findings } => {
            let targets: Vec<&Target> = if all {
                TARGETS.iter().collect()
            } else {
                target.iter().map(|t| named(t)).collect::<Result<_, _>>()?
            };
            let options = Options { seed, seconds: Some(seconds), runs, folder: Some(findings) };
            // Every target runs, also where an earlier one has found something.
            let clean = targets.into_iter().map(|t| one(t, &options)).collect::<anyhow::Result<Vec<bool>>>()?;
            Ok(clean.into_iter().all(|c| c))
        }
        Command::Replay { target, file } => {
            match examine(named(&target)?, &read(&file)?) {
                Ok(seen) => {
                    let said = seen.outcome.map_or_else(|why| format!("refused: {why}"), |()| "accepted".to_owned());
                    println!("{said} ({:.1?}, {} bytes of memory)", seen.time, seen.memory);
                    return Ok(true);
                }
                Err(failure) => println!("FUZZ_FINDING {target}: {failure}"),
            }
            Ok(false)
        }
        Command::Minimize { target, file } => {
            let (target, input) = (named(&target)?, read(&file)?);
            let Err(failure) = examine(target, &input) else { bail!("nothing breaks on {}", file.display()) };
            let small = minimize(target, &input, &failure);
            let path = PathBuf::from(format!("{}.min", file.display()));
            std::fs::write(&path, &small).with_context(|| format!("write {}", path.display()))?;
            println!("{} bytes of {}: {}", small.len(), input.len(), path.display());
            Ok(true)
        }
        Command::Corpus => {
            let (files, bytes) = corpus::make()?;
            println!("{files} samples, {bytes} bytes");
            Ok(true)
        }
    }
}

fn one(target: &Target, options: &Options) -> anyhow::Result<bool> {
    match run(target, options) {
        Ok(s) => {
            println!(
                "{:<18} {:>9} inputs, {:>4} % accepted, {:>4} kinds of refusal, slowest {:.1?}, {} KiB",
                target.name,
                s.runs,
                s.accepted * 100 / s.runs.max(1),
                s.refusals,
                s.slowest,
                s.memory / 1024
            );
            Ok(true)
        }
        Err(finding) => {
            let folder = options.folder.clone().unwrap_or_default();
            report(target, options.seed, &finding, &folder)?;
            Ok(false)
        }
    }
}

fn report(target: &Target, seed: u64, finding: &Finding, folder: &Path) -> anyhow::Result<()> {
    let digest = hnchain_crypto::sm3(&finding.input).to_string();
    let path = folder.join(format!("{}-{}", target.name, &digest[..16]));
    std::fs::write(&path, &finding.input).with_context(|| format!("write {}", path.display()))?;
    println!("FUZZ_FINDING {}: {}", target.name, finding.failure);
    println!("  after {} inputs of seed {seed}; {} bytes", finding.after, finding.input.len());
    println!("  replay: cargo run -p hnchain-fuzz -- replay --target {} {}", target.name, path.display());
    Ok(())
}

fn named(name: &str) -> anyhow::Result<&'static Target> {
    Target::named(name).with_context(|| format!("no target {name:?}; see `hnchain-fuzz list`"))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("read {}", file.display()))
}

fn count(target: &Target) -> usize {
    corpus::samples(target.name).len()
}
