//! What each subcommand does.

mod sample;
mod trial;

pub(crate) use sample::sample;
pub(crate) use trial::{chaos, soak};

use crate::{Demo, Directory, Up};
use comfy_table::Table;
use hnchain_sdk::{Client, NodeStatus, Options as ClientOptions};
use hnchain_testnet::demo::{self, Console};
use hnchain_testnet::manifest::Manifest;
use hnchain_testnet::{Error, Lifetime, Network, Plan};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How long the nodes of a new network may take to become ready.
const READY: Duration = Duration::from_secs(60);
/// Nodes of a new network unless the user says otherwise: the fewest that tolerate one fault.
const NODES: u16 = 4;

/// English and Chinese message, and the code where there is one.
pub(crate) fn print_error(error: &anyhow::Error) {
    let found = error.chain().find_map(|e| e.downcast_ref::<Error>());
    let client = error.chain().find_map(|e| e.downcast_ref::<hnchain_sdk::Error>());
    match (found, client) {
        (Some(e), _) => eprintln!("error[{}]: {error:#}\n错误：{}", e.code(), e.message_zh()),
        (None, Some(e)) => eprintln!("error[{}]: {error:#}\n错误：{}", e.code(), e.message_zh()),
        (None, None) => eprintln!("error: {error:#}"),
    }
}

/// A failure to print, for example into a closed pipe, is the caller's to know.
fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// `hnchain-testnet demo`.
pub(crate) async fn demo(arguments: Demo) -> anyhow::Result<()> {
    let temporary = arguments.dir.is_none();
    let directory = arguments.dir.map_or_else(|| temporary_directory("demo"), Ok)?;
    let console = Console::new(!arguments.json);
    let options = demo::Options {
        nodes: arguments.nodes.into(),
        directory: directory.clone(),
        concurrency: arguments.concurrency.into(),
        records: arguments.records.into(),
    };
    let removal = Removal { directory: directory.clone(), armed: temporary && !arguments.keep };
    let outcome = demo::run(&options, &console).await;
    match outcome {
        Ok(report) => {
            if arguments.json {
                print(&serde_json::to_string_pretty(&report)?)?;
            }
            if !removal.armed {
                eprintln!("kept 已保留: {}", directory.display());
            }
            Ok(())
        }
        Err(error) => {
            removal.keep();
            eprintln!("the nodes' logs are kept in 日志已保留: {}", directory.display());
            Err(error)
        }
    }
}

fn temporary_directory(purpose: &str) -> anyhow::Result<PathBuf> {
    let mut random = [0u8; 6];
    getrandom::fill(&mut random)?;
    Ok(std::env::temp_dir().join(format!("hnchain-{purpose}-{}", hex::encode(random))))
}

/// Removes a temporary directory when it goes out of scope, also on Ctrl-C.
struct Removal {
    directory: PathBuf,
    armed: bool,
}

impl Removal {
    fn keep(mut self) {
        self.armed = false;
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        if self.armed
            && let Err(e) = std::fs::remove_dir_all(&self.directory)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            eprintln!("{} was not removed: {e}", self.directory.display());
        }
    }
}

/// `hnchain-testnet up`.
pub(crate) async fn up(arguments: Up) -> anyhow::Result<()> {
    let exists = arguments.dir.join(hnchain_testnet::manifest::FILE).exists();
    let mut network = if exists { reopen(&arguments)? } else { create(&arguments)? };
    network.start_all()?;
    if let Err(error) = network.ready_all(READY).await {
        // A half-started network would keep ports and locks: dropping it ends the nodes that were started just now.
        drop(network);
        return Err(error.into());
    }
    let (manifest, directory) = (network.manifest().clone(), network.directory().to_owned());
    network.detach();
    if arguments.json {
        return print(&serde_json::to_string_pretty(&manifest)?);
    }
    print(&format!("{0} nodes are ready  {0} 个节点已就绪", manifest.nodes.len()))?;
    for node in &manifest.nodes {
        print(&format!("  {}  {}  pid {}", node.name, node.endpoint, node.pid.unwrap_or_default()))?;
    }
    print(&format!("stop them with 停止命令: hnchain-testnet down --dir {}", directory.display()))
}

fn create(arguments: &Up) -> Result<Network, Error> {
    let plan = Plan {
        chain_id: arguments.chain_id.clone(),
        base_port: arguments.base_port,
        log: arguments.log.clone(),
        ..Plan::new(arguments.nodes.unwrap_or(NODES).into())
    };
    Network::create(&plan, &arguments.dir, Lifetime::Detached)
}

fn reopen(arguments: &Up) -> Result<Network, Error> {
    let mut network = Network::open(&arguments.dir, Lifetime::Detached)?;
    if let Some(asked) = arguments.nodes
        && usize::from(asked) != network.len()
    {
        return Err(Error::OtherSize { path: network.directory().to_owned(), nodes: network.len(), asked });
    }
    // Nodes that died alone are started again beside the others.
    for index in 0..network.len() {
        if !network.is_running(index)? {
            return Ok(network);
        }
    }
    Err(Error::Running(network.directory().to_owned()))
}

/// `hnchain-testnet down`.
pub(crate) async fn down(arguments: Directory) -> anyhow::Result<()> {
    let mut network = Network::open(&arguments.dir, Lifetime::Detached)?;
    let ends = network.stop_all().await?;
    let stopped = ends.iter().filter(|e| e.is_some()).count();
    if arguments.json {
        return print(&json!({ "nodes": network.len(), "stopped": stopped }).to_string());
    }
    print(&format!("{stopped} of {} nodes stopped  已停止 {stopped} 个节点", network.len()))
}

/// `hnchain-testnet status`: reads only, so it works while another command holds the directory.
pub(crate) async fn status(arguments: Directory) -> anyhow::Result<()> {
    let manifest = Manifest::read(&arguments.dir)?;
    let endpoints = manifest.nodes.iter().map(|n| n.endpoint.clone()).collect();
    let statuses = Client::new(endpoints, ClientOptions::default())?.statuses().await;
    let statuses: Vec<_> = statuses.into_iter().map(|(_, status)| status).collect();
    if arguments.json {
        let nodes: Vec<Value> = manifest.nodes.iter().zip(&statuses).map(|(n, s)| node_json(n, s)).collect();
        print(&serde_json::to_string_pretty(&json!({ "chain_id": manifest.chain_id, "nodes": nodes }))?)?;
    } else {
        print(&table(&manifest, &statuses).to_string())?;
    }
    let silent = statuses.iter().filter(|s| s.is_err()).count();
    anyhow::ensure!(silent == 0, "{silent} of {} nodes do not answer  {silent} 个节点无应答", manifest.nodes.len());
    Ok(())
}

type Answer = Result<NodeStatus, hnchain_sdk::Error>;

fn table(manifest: &Manifest, statuses: &[Answer]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "node 节点",
        "endpoint 地址",
        "pid",
        "height 高度",
        "view 视图",
        "peers 邻居",
        "queue 队列",
        "state 状态",
    ]);
    for (node, status) in manifest.nodes.iter().zip(statuses) {
        let pid = node.pid.map_or_else(|| "-".to_owned(), |p| p.to_string());
        let mut row = vec![node.name.clone(), node.endpoint.clone(), pid];
        match status {
            Ok(s) => {
                let connected = s.peers.iter().filter(|p| p.connected).count();
                let behind = s.network_height.0.saturating_sub(s.height.0);
                let state = if behind == 0 { "ok 正常".to_owned() } else { format!("{behind} behind 落后") };
                row.extend([s.height.to_string(), s.view.to_string(), format!("{connected}/{}", s.peers.len())]);
                row.extend([s.mempool_transactions.to_string(), state]);
            }
            Err(e) => {
                row.extend(["-", "-", "-", "-"].map(str::to_owned));
                row.push(e.code().to_owned());
            }
        }
        table.add_row(row);
    }
    table
}

fn node_json(node: &hnchain_testnet::manifest::NodeEntry, status: &Answer) -> Value {
    let mut value = json!({ "name": node.name, "endpoint": node.endpoint, "pid": node.pid, "log": node.log });
    value["status"] = match status {
        Ok(s) => json!({
            "height": s.height, "view": s.view, "epoch": s.epoch, "block": s.block.to_string(),
            "time_ms": s.time_ms, "network_height": s.network_height, "validator": s.validator,
            "peers": s.peers.len(), "connected": s.peers.iter().filter(|p| p.connected).count(),
            "mempool_transactions": s.mempool_transactions, "mempool_bytes": s.mempool_bytes,
            "state_root": s.state_root.to_string(), "nullified_views": s.nullified_views, "version": s.version,
        }),
        Err(e) => json!({ "error": { "code": e.code(), "message": e.to_string(), "message_zh": e.message_zh() } }),
    };
    value
}
