//! What can go wrong with a local network, with stable codes.

use std::path::{Path, PathBuf};

/// Why a local network could not be made, started or stopped. [`Error::code`] is stable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory holds something else.
    #[error("{} is not empty and holds no network; choose an empty directory", .0.display())]
    Directory(PathBuf),
    /// Another process works on this directory.
    #[error("another hnchain-testnet is working on {}; wait for it or stop it", .0.display())]
    Locked(PathBuf),
    /// Nodes of this directory are running.
    #[error("the network in {} is running; stop it with: hnchain-testnet down --dir {}", .0.display(), .0.display())]
    Running(PathBuf),
    /// The network of this directory has another number of nodes.
    #[error("{} holds a network of {nodes} nodes, not {asked}; choose another directory", .path.display())]
    OtherSize {
        /// The directory.
        path: PathBuf,
        /// Nodes that it has.
        nodes: usize,
        /// Nodes that were asked for.
        asked: u16,
    },
    /// No `network.json`.
    #[error("{} holds no network (network.json is missing); make one with: hnchain-testnet up --dir {}", .0.display(), .0.display())]
    NoNetwork(PathBuf),
    /// A file that belongs to the network is damaged.
    #[error("{} is damaged: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A port is taken, or no free one was found.
    #[error("port {0} is in use; choose another --base-port or leave it out to have free ports chosen")]
    Port(u16),
    /// Too many or too few nodes, or a name that does not exist.
    #[error("{0}")]
    Plan(String),
    /// The node's program was not found.
    #[error(
        "the program hnchain-node was not found beside {}; build it with `cargo build -p hnchain-node` or name it in HNCHAIN_NODE",
        .0.display()
    )]
    Binary(PathBuf),
    /// A node ended by itself.
    #[error("{name} ended ({status}); its last log lines:\n{log}")]
    Died {
        /// The node.
        name: String,
        /// How it ended.
        status: String,
        /// Last lines of its log.
        log: String,
    },
    /// A node did not become ready, or did not end, in time.
    #[error("{name} did not {what} within {seconds} s; its last log lines:\n{log}")]
    Late {
        /// The node.
        name: String,
        /// What was awaited.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// Last lines of its log.
        log: String,
    },
    /// A fault could not be caused or lifted: a missing program or right, or one that refused.
    #[error("fault: {0}")]
    Fault(String),
    /// Reading or writing failed.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's message.
        source: std::io::Error,
    },
    /// A key could not be made, stored or read.
    #[error("key: {0}")]
    Key(String),
    /// The genesis breaks a rule.
    #[error("genesis: {0}")]
    Genesis(#[from] hnchain_types::DecodeError),
}

impl Error {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Directory(_) => "TESTNET_DIRECTORY",
            Self::Locked(_) => "TESTNET_LOCKED",
            Self::Running(_) => "TESTNET_RUNNING",
            Self::OtherSize { .. } => "TESTNET_SIZE",
            Self::NoNetwork(_) => "TESTNET_NONE",
            Self::Damaged { .. } => "TESTNET_DAMAGED",
            Self::Port(_) => "TESTNET_PORT",
            Self::Plan(_) => "TESTNET_PLAN",
            Self::Binary(_) => "TESTNET_BINARY",
            Self::Died { .. } => "TESTNET_NODE_DIED",
            Self::Late { .. } => "TESTNET_NODE_LATE",
            Self::Fault(_) => "TESTNET_FAULT",
            Self::Io { .. } => "TESTNET_IO",
            Self::Key(_) => "TESTNET_KEY",
            Self::Genesis(_) => "TESTNET_GENESIS",
        }
    }

    /// Chinese message.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Directory(d) => format!("{} 非空且不是测试网络目录，请换一个空目录", d.display()),
            Self::Locked(d) => format!("另一个 hnchain-testnet 正在使用 {}，请等待或停止它", d.display()),
            Self::Running(d) => {
                format!("{0} 中的网络正在运行，请先执行 hnchain-testnet down --dir {0}", d.display())
            }
            Self::OtherSize { path, nodes, asked } => {
                format!("{} 中的网络有 {nodes} 个节点，而非 {asked} 个，请换一个目录", path.display())
            }
            Self::NoNetwork(d) => {
                format!("{0} 中没有网络（缺少 network.json），可执行 hnchain-testnet up --dir {0} 创建", d.display())
            }
            Self::Damaged { path, why } => format!("文件 {} 已损坏：{why}", path.display()),
            Self::Port(p) => format!("端口 {p} 已被占用，请更换 --base-port，或不指定以自动选择"),
            Self::Plan(why) => format!("参数有误：{why}"),
            Self::Binary(d) => format!(
                "在 {} 旁未找到程序 hnchain-node，请执行 cargo build -p hnchain-node 或用 HNCHAIN_NODE 指定",
                d.display()
            ),
            Self::Died { name, status, log } => format!("节点 {name} 意外退出（{status}），日志末尾：\n{log}"),
            Self::Late { name, seconds, log, .. } => {
                format!("节点 {name} 在 {seconds} 秒内未就绪或未退出，日志末尾：\n{log}")
            }
            Self::Fault(why) => format!("无法制造或解除故障：{why}"),
            Self::Io { path, source } => format!("读写 {} 失败：{source}", path.display()),
            Self::Key(why) => format!("密钥错误：{why}"),
            Self::Genesis(e) => format!("创世文件有误：{e}"),
        }
    }

    /// Names the file in an I/O error; for `map_err`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
