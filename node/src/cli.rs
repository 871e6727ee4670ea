//! The command line of `hnchain-node`.

use crate::config::Config;
use crate::failure::{EXIT_REFUSED, Failure};
use crate::materials::Materials;
use crate::shared::Role;
use crate::{membership, snapshot, start, telemetry};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long reads for clients that are gone may still take at the end.
const LINGER: Duration = Duration::from_secs(5);

/// A node of 河南链: orders and stores records, and serves applications.
///
/// 河南链节点：对记录排序、存储，并为应用提供服务。
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples / 示例:\n  hnchain-node check --config node.toml\n  hnchain-node run --config node.toml\n  \
                  hnchain-node snapshot show henan.hnsnapshot\n\n\
                  Exit codes / 退出码: 0 ok 正常, 1 refused or damaged 拒绝或损坏, 2 usage or configuration 用法或配置错误"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the node until SIGTERM or SIGINT / 运行节点，直至收到 SIGTERM 或 SIGINT
    Run {
        /// Configuration file / 配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Vote at once although the vote journal is new. Only where more than a third of the validators lost their
        /// journals at the same time, all are stopped, and all are started with it / 投票日志为新建时也立即投票；仅用于三分之一以上
        /// 验证节点同时丢失日志、全部停机后统一恢复的情形
        #[arg(long)]
        trust_new_journal: bool,
    },
    /// Check configuration, genesis, key and password, and start nothing / 检查配置、创世文件、密钥和口令，不启动节点
    Check {
        /// Configuration file / 配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Export, import or show a snapshot: a node's data at its newest block, without the blocks long before / 导出、导入或查看快照：节点在最新区块处的数据，不含早期区块
    Snapshot(snapshot::Arguments),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let result = match &command {
        Command::Run { config, trust_new_journal } => run(config, *trust_new_journal),
        Command::Check { config } => check(config),
        Command::Snapshot(arguments) => snapshot::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!(code = failure.code, why = %failure.en, "the node stops");
            match command {
                Command::Snapshot(arguments) if arguments.json => eprintln!("{}", failure.to_json()),
                _ => eprintln!("{failure}"),
            }
            ExitCode::from(failure.exit)
        }
    }
}

fn check(path: &Path) -> Result<(), Failure> {
    let config = Config::load(path)?;
    let Materials { genesis, key, role } = Materials::load(&config)?;
    let document = genesis.document();
    println!("ok / 配置有效");
    println!("chain      {} ({})", document.chain_id, document.name);
    println!("genesis    {}", genesis.digest());
    println!("key        {}", key.public_key());
    match role {
        Role::Validator(index) => println!("role       validator {index} of {}", genesis.validators().len()),
        Role::Observer if membership::is_observer(&key.public_key(), &genesis) => println!("role       observer"),
        Role::Observer => println!(
            "role       none: the genesis lists this key neither as validator nor as observer, so peers refuse it / \
             创世文件未登记该密钥，其他节点会拒绝与之连接"
        ),
    }
    println!("data_dir   {}", config.data_dir.display());
    println!("rpc        {}", config.rpc.listen);
    println!("network    {}, {} peers", config.network.listen, config.network.peers.len());
    Ok(())
}

fn run(path: &Path, trust_new_journal: bool) -> Result<(), Failure> {
    let config = Config::load(path)?;
    telemetry::start_logging(&config.log)?;
    telemetry::abort_on_panic();
    let metrics = telemetry::start_metrics()?;
    let materials = Materials::load(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("node").build();
    let runtime = runtime.map_err(|e| system("start threads", "启动线程", &e))?;
    let outcome = runtime.block_on(async {
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone())?;
        start::run(config, materials, trust_new_journal, metrics, stop).await
    });
    runtime.shutdown_timeout(LINGER);
    outcome
}

/// The first signal asks the node to stop; a second one ends the process at once.
fn stop_on_signal(stop: CancellationToken) -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(|e| system("listen for signals", "监听信号", &e));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if stop.is_cancelled() {
                tracing::warn!(signal = name, "second signal; ending at once");
                std::process::exit(i32::from(EXIT_REFUSED));
            }
            tracing::info!(signal = name, "stopping");
            stop.cancel();
        }
    });
    Ok(())
}

fn system(en: &str, zh: &str, e: &std::io::Error) -> Failure {
    Failure::refused("SYSTEM", format!("cannot {en}: {e}"), format!("无法{zh}：{e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
