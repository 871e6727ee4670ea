//! `hnchain-bench`: offers load to a running network and prints what became of it as JSON.

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use hnchain_benches::load::{self, Options};
use hnchain_benches::plan::Schedule;
use hnchain_benches::state;
use hnchain_benches::sweep::{self, Search};
use hnchain_benches::target::{self, Node, Signer, Target};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use zeroize::Zeroizing;

const EXAMPLES: &str = "\
Examples:
  hnchain-bench load --network DIR/network.json --rate 500 --duration 20
  hnchain-testnet sample --certificates 400000 --units 300000 --batches 100000 --out world.jsonl
  hnchain-bench state --world world.jsonl --dir state
  hnchain-bench sweep --network DIR/network.json --from 500 --duration 15
  hnchain-bench load --endpoints http://127.0.0.1:9101 --genesis genesis.json \\
      --key client.pem --password-file client.password --namespace certificate --rate 100 --duration 10

Exit codes: 0 everything offered became final, 1 not so or an error, 2 wrong arguments.";

/// 河南链 load generator: pre-signed transactions at a fixed rate, results as JSON on standard output.
#[derive(Parser)]
#[command(name = "hnchain-bench", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Offer a fixed rate for a fixed time.
    Load {
        #[command(flatten)]
        target: TargetArguments,
        #[command(flatten)]
        run: RunArguments,
        /// Transactions a second.
        #[arg(long)]
        rate: u32,
    },
    /// Execute and store a world that `hnchain-testnet sample --out` wrote, without a network.
    State {
        /// File of the world.
        #[arg(long)]
        world: PathBuf,
        /// New directory of the store; it is left there.
        #[arg(long)]
        dir: PathBuf,
        /// Operations after which to measure, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
        at: Vec<u64>,
    },
    /// Find the largest rate that the network keeps up with, then measure at half of it.
    Sweep {
        #[command(flatten)]
        target: TargetArguments,
        #[command(flatten)]
        run: RunArguments,
        /// First rate; doubled while the network keeps up.
        #[arg(long, default_value_t = 250)]
        from: u32,
        /// 99th percentile of latency beyond which the network does not keep up, milliseconds.
        #[arg(long, default_value_t = 1000.0)]
        p99: f64,
    },
}

#[derive(Args)]
struct TargetArguments {
    /// network.json of `hnchain-testnet up`: endpoints, genesis, keys and processes.
    #[arg(long, required_unless_present = "endpoints", conflicts_with = "endpoints")]
    network: Option<PathBuf>,
    /// Endpoints, separated by commas.
    #[arg(long, value_delimiter = ',', requires_all = ["genesis", "key"])]
    endpoints: Vec<String>,
    /// Genesis file of the chain.
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// Encrypted key of a client that may write to the namespace.
    #[arg(long)]
    key: Option<PathBuf>,
    /// File with the key's password; otherwise HNCHAIN_KEY_PASSWORD is read.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Namespace of the records.
    #[arg(long, default_value = "certificate")]
    namespace: String,
}

#[derive(Args)]
struct RunArguments {
    /// Length of a run, seconds.
    #[arg(long)]
    duration: f64,
    /// Connections to each node.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// How long to wait for the last finalizations, seconds.
    #[arg(long, default_value_t = 30.0)]
    drain: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match execute(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hnchain-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> anyhow::Result<bool> {
    match arguments.command {
        Command::Load { target, run, rate } => {
            let schedule = Schedule::new(rate, seconds(run.duration)?)?;
            let options = Options { schedule, connections: run.connections, drain: seconds(run.drain)? };
            let report = load::run(&target.open()?, options).await?;
            print(&report)?;
            Ok(report.complete())
        }
        Command::State { world, dir, at } => {
            print(&state::run(&world, &dir, &at)?)?;
            Ok(true)
        }
        Command::Sweep { target, run, from, p99 } => {
            let (duration, drain) = (seconds(run.duration)?, seconds(run.drain)?);
            let search = Search { from, duration, connections: run.connections, drain, p99_ms: p99 };
            let found = sweep::sweep(&target.open()?, search).await?;
            print(&found)?;
            Ok(found.peak_rate > 0)
        }
    }
}

fn seconds(value: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(value).with_context(|| format!("{value} is no number of seconds"))
}

fn print(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

impl TargetArguments {
    fn open(self) -> anyhow::Result<Target> {
        if let Some(file) = &self.network {
            return Target::from_file(file);
        }
        let genesis = target::read_genesis(&self.genesis.context("--genesis is missing")?)?;
        let password = match &self.password_file {
            Some(file) => target::read_password(file)?,
            None => Zeroizing::new(
                std::env::var("HNCHAIN_KEY_PASSWORD").context("--password-file or HNCHAIN_KEY_PASSWORD is needed")?,
            ),
        };
        let key = target::read_key(&self.key.context("--key is missing")?, &password)?;
        let nodes = self.endpoints.into_iter().map(|e| Node { name: e.clone(), endpoint: e, pid: None }).collect();
        Target::new(genesis, nodes, vec![Signer { key, namespace: self.namespace }])
    }
}
