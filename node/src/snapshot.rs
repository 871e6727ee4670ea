//! `hnchain-node snapshot`: writing a stopped node's store into one file, and beginning a node from such a file.

use crate::config::Config;
use crate::failure::Failure;
use crate::materials;
use clap::{Args, Subcommand};
use hnchain_ledger::genesis_rows;
use hnchain_storage::Store;
use hnchain_storage::snapshot::{self, Checkpoint, Reason, SnapshotError, Summary};
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The arguments behind `snapshot`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Print the result, or the error, as JSON / 以 JSON 输出结果或错误
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the store of a stopped node into one file / 将已停止节点的数据库写入一个快照文件
    Export {
        /// Configuration file / 配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The snapshot; must not exist / 快照文件，不得已存在
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Begin a node without a store from a snapshot, which is verified from the genesis on / 由快照建立尚无数据库的节点，并从创世文件起验证
    Import {
        /// Configuration file / 配置文件
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The snapshot / 快照文件
        #[arg(long, value_name = "FILE")]
        snapshot: PathBuf,
        /// A block that must be of its chain, from a source that you trust / 必须位于该链上的区块，应取自可信来源
        #[arg(long, value_name = "HEIGHT:BLOCKHASH")]
        checkpoint: Option<Checkpoint>,
    },
    /// Say what a snapshot holds; only an import verifies that it is true / 显示快照内容；其真实性仅在导入时验证
    Show {
        /// The snapshot / 快照文件
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs one of them.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut bar = Bar::new(arguments.json);
    let (head, file, summary) = match &arguments.action {
        Action::Export { config, out } => ("exported / 已导出", out, export(config, out, &mut bar)?),
        Action::Import { config, snapshot, checkpoint } => {
            ("imported and verified / 已导入并验证", snapshot, import(config, snapshot, *checkpoint, &mut bar)?)
        }
        Action::Show { file } => {
            readable(file)?;
            ("complete; not verified / 文件完整，未验证内容", file, snapshot::show(file)?)
        }
    };
    let bytes = readable(file)?;
    let text = if arguments.json { json(&summary, bytes) } else { text(head, file, &summary, bytes) };
    println!("{text}");
    Ok(())
}

fn export(config: &Path, out: &Path, bar: &mut Bar) -> Result<Summary, Failure> {
    let config = Config::load(config)?;
    let genesis = materials::genesis(&config.genesis)?;
    // Opening would make an empty one, into which nothing could be imported any more.
    if !Store::exists(&config.data_dir)? {
        let (path, reason) = (config.data_dir, Reason::Nothing);
        return Err(SnapshotError::Refused { path, reason, detail: String::new() }.into());
    }
    let store = Store::open(&config.data_dir, &genesis, &genesis_rows(&genesis))?;
    bar.follow(|progress| snapshot::export(&store, out, progress))
}

fn import(config: &Path, file: &Path, checkpoint: Option<Checkpoint>, bar: &mut Bar) -> Result<Summary, Failure> {
    let config = Config::load(config)?;
    let genesis = materials::genesis(&config.genesis)?;
    readable(file)?;
    let rows = genesis_rows(&genesis);
    bar.follow(|progress| snapshot::import(&config.data_dir, &genesis, &rows, file, checkpoint, progress))
}

/// The size of a file that can be opened. A wrong name is wrong usage, not a failure of the store.
fn readable(file: &Path) -> Result<u64, Failure> {
    File::open(file).and_then(|_| fs::metadata(file)).map(|metadata| metadata.len()).map_err(|e| {
        let path = file.display();
        Failure::usage("FILE_UNREADABLE", format!("{path}: {e}"), format!("无法读取 {path}：{e}"))
    })
}

fn text(head: &str, file: &Path, Summary { manifest: m, digest }: &Summary, bytes: u64) -> String {
    [
        head.to_owned(),
        format!("file        {}, {bytes} bytes", file.display()),
        format!("digest      {digest}"),
        format!("genesis     {}", m.genesis),
        format!("checkpoint  {}", tip(m)),
        format!("time_ms     {}", m.time_ms),
        format!("epoch       {}", m.epoch),
        format!("state root  {}", m.state_root),
        format!("blocks      {} to {}", m.first_height, m.height),
        format!("rows        {}", m.rows),
        format!("steps       {} changes of validators", m.steps),
        format!("lasting     {} transactions from before the first block that could still be replayed", m.lasting),
    ]
    .join("\n")
}

fn json(Summary { manifest: m, digest }: &Summary, bytes: u64) -> String {
    serde_json::json!({
        "bytes": bytes, "digest": digest.to_string(), "genesis": m.genesis.to_string(),
        "height": m.height.0, "block": m.block.to_string(), "checkpoint": tip(m).to_string(),
        "epoch": m.epoch.0, "time_ms": m.time_ms, "state_root": m.state_root.to_string(),
        "first_height": m.first_height.0, "rows": m.rows, "steps": m.steps, "lasting": m.lasting,
    })
    .to_string()
}

const fn tip(manifest: &snapshot::Manifest) -> Checkpoint {
    Checkpoint { height: manifest.height, block: manifest.block }
}

/// A percentage on a terminal.
struct Bar {
    shown: bool,
    percent: Option<u64>,
}

impl Bar {
    fn new(json: bool) -> Self {
        Self { shown: !json && std::io::stderr().is_terminal(), percent: None }
    }

    /// Shows how something comes along, and leaves the line when it ends, however it does.
    fn follow(
        &mut self,
        run: impl FnOnce(snapshot::Progress<'_>) -> Result<Summary, SnapshotError>,
    ) -> Result<Summary, Failure> {
        let result = run(&mut |done, total| self.show(done, total));
        if self.percent.is_some() {
            eprintln!();
        }
        Ok(result?)
    }

    fn show(&mut self, done: u64, total: u64) {
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        if self.shown && self.percent != Some(percent) {
            self.percent = Some(percent);
            let mut terminal = std::io::stderr().lock();
            // A terminal that went away is no reason to stop.
            drop(write!(terminal, "\r{percent:>3} %  {done} / {total}").and_then(|()| terminal.flush()));
        }
    }
}
