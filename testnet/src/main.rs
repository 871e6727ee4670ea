//! `hnchain-testnet`: local networks of real nodes, and the demo.

mod commands;

use clap::{Parser, Subcommand};
use hnchain_testnet::chaos::{Kind, Wiring};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Local networks of 河南链 nodes on this machine, and the demo.
#[derive(Debug, Parser)]
#[command(name = "hnchain-testnet", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples 示例:
  hnchain-testnet demo                              anchor the samples on four nodes and verify them offline
  hnchain-testnet up --nodes 4 --dir net            four nodes that go on running
  hnchain-testnet status --dir net                  who runs, at which height
  hnchain-testnet down --dir net                    stop them; `up` starts them again
  hnchain-testnet sample --certificates 1000 --units 1000 --batches 1000 --dir net
                                                    histories of three registries onto that network
  hnchain-testnet chaos --minutes 5                 faults under load, then a check of all that clients saw
  hnchain-testnet chaos --kill-rounds 200           kill -9 of one, f or all nodes, 200 times
  hnchain-testnet soak --hours 24                   one fault a minute, memory and latency watched

Exit codes 退出码: 0 done, 1 failed, 2 usage, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Anchor all sample records on a new network, stop it, and verify every proof offline 演示
    Demo(Demo),
    /// Make a network in a directory, or start the one in it, and leave it running 启动
    Up(Up),
    /// Stop the network of a directory 停止
    Down(Directory),
    /// Show the nodes of a directory 状态
    Status(Directory),
    /// Make a world of certificates, units and batches with consistent histories, into a file or onto a network 样例数据
    Sample(Sample),
    /// Disturb a network under load and check that nothing acknowledged is lost and nothing false is shown 故障测试
    Chaos(Chaos),
    /// The same for hours, with one fault a minute, watching memory and latency 长时间测试
    Soak(Soak),
}

/// What `chaos` and `soak` have in common.
#[derive(Debug, clap::Args)]
struct Trial {
    /// Nodes of the network
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=31))]
    nodes: u16,
    /// Repeats a schedule [default: chosen and printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Calls of clients a second
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How nodes are connected
    #[arg(long, value_enum, default_value_t = Wiring::Relays)]
    wires: Wiring,
    /// New or empty directory that is kept; without it a temporary one is used, and kept if something fails
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print one JSON report instead of lines
    #[arg(long)]
    json: bool,
}

/// Arguments of `chaos`.
#[derive(Debug, clap::Args)]
struct Chaos {
    #[command(flatten)]
    trial: Trial,
    /// How long faults go on
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Kinds of faults, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Instead: kill one, f or all nodes with -9 so many times
    #[arg(long, conflicts_with_all = ["minutes", "kinds"])]
    kill_rounds: Option<u32>,
}

/// Arguments of `soak`.
#[derive(Debug, clap::Args)]
struct Soak {
    #[command(flatten)]
    trial: Trial,
    /// How long
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Seconds between faults
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(10..))]
    every: u32,
    /// Kinds of faults, separated by commas [default: those that leave processes, and so their memory, alone]
    #[arg(long, value_enum, value_delimiter = ',')]
    kinds: Vec<Kind>,
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
struct Demo {
    /// Nodes of the network
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=31))]
    nodes: u16,
    /// New or empty directory that is kept; without it a temporary one is used and removed
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Keep the temporary directory: logs, genesis and proof bundles
    #[arg(long)]
    keep: bool,
    /// Records in flight at a time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// At most this many records of each of the three kinds
    #[arg(long, default_value_t = u16::MAX, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..))]
    records: u16,
    /// Print one JSON report instead of lines
    #[arg(long)]
    json: bool,
}

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
struct Up {
    /// Nodes of a new network; for an existing one it has to match [default: 4]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=31))]
    nodes: Option<u16>,
    /// Directory of the network
    #[arg(long)]
    dir: PathBuf,
    /// RPC ports are BASE+1, BASE+2, … and peer ports BASE+101, …; without it free ports are chosen
    #[arg(long)]
    base_port: Option<u16>,
    /// Chain name of a new network
    #[arg(long, default_value = "henan-testnet")]
    chain_id: String,
    /// Log filter of a new network's nodes
    #[arg(long, default_value = "info")]
    log: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `sample`.
#[derive(Debug, clap::Args)]
struct Sample {
    /// 电子证照
    #[arg(long, default_value_t = 0)]
    certificates: u64,
    /// 不动产单元
    #[arg(long, default_value_t = 0)]
    units: u64,
    /// 农产品批次
    #[arg(long, default_value_t = 0)]
    batches: u64,
    /// Decides the histories; another seed gives other identifiers too
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=9_999))]
    seed: u64,
    /// New file for the operations, one JSON object a line
    #[arg(long, conflicts_with = "dir")]
    out: Option<PathBuf>,
    /// Directory of a running network that is to have them
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Operations in one transaction
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    operations: u16,
    /// Transactions in flight at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `down` and `status`.
#[derive(Debug, clap::Args)]
struct Directory {
    /// Directory of the network
    #[arg(long)]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before anything starts: a signal that comes early must not end us without cleaning up.
    let interruption = match Interruption::new() {
        Ok(interruption) => interruption,
        Err(e) => {
            commands::print_error(&e.into());
            return ExitCode::FAILURE;
        }
    };
    let outcome = tokio::select! {
        outcome = dispatch(arguments.command) => outcome,
        () = interruption.wait() => {
            // Leaving `dispatch` dropped its network, and with it the nodes that it started.
            eprintln!("interrupted; the nodes that this command started are stopped  已中断，本命令启动的节点已停止");
            return ExitCode::from(130);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(arguments) => commands::demo(arguments).await,
        Command::Up(arguments) => commands::up(arguments).await,
        Command::Down(arguments) => commands::down(arguments).await,
        Command::Status(arguments) => commands::status(arguments).await,
        Command::Sample(arguments) => commands::sample(arguments).await,
        Command::Chaos(arguments) => commands::chaos(arguments).await,
        Command::Soak(arguments) => commands::soak(arguments).await,
    }
}

/// SIGINT or SIGTERM.
struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_network_needs_a_directory_and_a_sensible_number_of_nodes() {
        assert!(Arguments::try_parse_from(["x", "up", "--nodes", "4"]).is_err());
        assert!(Arguments::try_parse_from(["x", "up", "--nodes", "0", "--dir", "d"]).is_err());
        assert!(Arguments::try_parse_from(["x", "up", "--nodes", "4", "--dir", "d"]).is_ok());
        assert!(Arguments::try_parse_from(["x", "demo", "--json", "--keep"]).is_ok());
        assert!(Arguments::try_parse_from(["x", "chaos", "--kinds", "kill,pause", "--seed", "7"]).is_ok());
        assert!(Arguments::try_parse_from(["x", "chaos", "--kinds", "kill", "--kill-rounds", "7"]).is_err());
    }
}
