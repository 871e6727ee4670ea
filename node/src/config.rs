//! The node's configuration file.
//!
//! TOML; paths are relative to the file; unknown keys are refused; every number is bounded, and the error says which key,
//! what it holds and what is allowed. Only the key's password may come from the environment instead
//! ([`PASSWORD_ENV`]): a file is the single place to look for everything else.

use hnchain_crypto::PublicKey;
use hnchain_network::PeerAddress;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Environment variable with the password of the key file; used when no `key.password_file` is configured.
pub const PASSWORD_ENV: &str = "HNCHAIN_KEY_PASSWORD";
/// Largest configuration file: a hundred peers need about ten kilobytes.
const FILE_BYTES: u64 = 1 << 20;
/// Most configured peers: every validator of the largest chain and as many observers.
const PEERS: usize = 256;

/// A configuration that was read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Genesis file of the chain.
    pub genesis: PathBuf,
    /// Directory of everything that the node stores; one process each.
    pub data_dir: PathBuf,
    /// Where the node's key is.
    pub key: Key,
    /// Service for applications.
    pub rpc: Rpc,
    /// Network of nodes.
    pub network: Network,
    /// Bounds of the waiting transactions.
    pub mempool: crate::mempool::Limits,
    /// Threads that verify signatures.
    pub verify_threads: NonZeroUsize,
    /// Logging.
    pub log: Log,
}

/// Where the node's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Encrypted PKCS#8 file.
    pub file: PathBuf,
    /// File with its password; without one the environment is asked.
    pub password_file: Option<PathBuf>,
}

/// Service for applications: gRPC and HTTP on one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Most client connections.
    pub connections: usize,
    /// Most requests that run at the same time, `Wait` not counted.
    pub requests: usize,
    /// Most calls of `Wait` that wait.
    pub waiters: usize,
    /// Most subscriptions.
    pub subscribers: usize,
}

/// Network of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whom to dial.
    pub peers: Vec<PeerAddress>,
}

/// Logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Form of a line.
    pub format: LogFormat,
    /// Filter in the syntax of `tracing_subscriber::EnvFilter`, for example `info,hnchain_network=debug`.
    pub filter: String,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {why}", path = .0.display(), why = .1)]
    Unreadable(PathBuf, String),
    /// Not TOML of the known keys.
    #[error("{path}: {why}", path = .0.display(), why = .1)]
    Syntax(PathBuf, String),
    /// A value breaks its rule.
    #[error("{key} = {value}: {en}")]
    Value {
        /// The key, for example `rpc.listen`.
        key: &'static str,
        /// What it holds.
        value: String,
        /// What is allowed, English.
        en: String,
        /// What is allowed, Chinese.
        zh: String,
    },
}

impl ConfigError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(..) => "CONFIG_UNREADABLE",
            Self::Syntax(..) => "CONFIG_SYNTAX",
            Self::Value { .. } => "CONFIG_VALUE",
        }
    }

    /// The message in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Unreadable(path, why) => format!("{}：无法读取配置文件：{why}", path.display()),
            Self::Syntax(path, why) => format!("{}：配置文件有误：{why}", path.display()),
            Self::Value { key, value, zh, .. } => format!("{key} = {value}：{zh}"),
        }
    }

    fn value(key: &'static str, value: impl std::fmt::Display, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Value { key, value: value.to_string(), en: en.into(), zh: zh.into() }
    }
}

impl Config {
    /// Reads and checks a file. The files that it names are not opened.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |e: &dyn std::fmt::Display| ConfigError::Unreadable(path.to_owned(), e.to_string());
        let size = std::fs::metadata(path).map_err(|e| unreadable(&e))?.len();
        if size > FILE_BYTES {
            return Err(unreadable(&format!("{size} bytes, at most {FILE_BYTES} are allowed")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(&e))?;
        let file: File = toml::from_str(&text)
            .map_err(|e| ConfigError::Syntax(path.to_owned(), e.to_string().trim_end().to_owned()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        file.check(base)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    genesis: PathBuf,
    data_dir: PathBuf,
    key: KeySection,
    rpc: RpcSection,
    network: NetworkSection,
    #[serde(default)]
    mempool: MempoolSection,
    #[serde(default)]
    verify: VerifySection,
    #[serde(default)]
    log: LogSection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySection {
    file: PathBuf,
    password_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RpcSection {
    listen: String,
    #[serde(default = "RpcSection::connections")]
    connections: i64,
    #[serde(default = "RpcSection::requests")]
    requests: i64,
    #[serde(default = "RpcSection::waiters")]
    waiters: i64,
    #[serde(default = "RpcSection::subscribers")]
    subscribers: i64,
}

impl RpcSection {
    const fn connections() -> i64 {
        1_024
    }
    const fn requests() -> i64 {
        4_096
    }
    const fn waiters() -> i64 {
        50_000
    }
    const fn subscribers() -> i64 {
        64
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkSection {
    listen: String,
    #[serde(default)]
    peers: Vec<PeerSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeerSection {
    public_key: String,
    address: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MempoolSection {
    transactions: i64,
    bytes: i64,
    signer_percent: i64,
}

impl Default for MempoolSection {
    fn default() -> Self {
        Self { transactions: 50_000, bytes: 64 << 20, signer_percent: 25 }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VerifySection {
    threads: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LogSection {
    format: LogFormat,
    filter: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}

impl File {
    fn check(self, base: &Path) -> Result<Config, ConfigError> {
        Ok(Config {
            genesis: path("genesis", base, &self.genesis)?,
            data_dir: path("data_dir", base, &self.data_dir)?,
            key: Key {
                file: path("key.file", base, &self.key.file)?,
                password_file: self.key.password_file.map(|p| path("key.password_file", base, &p)).transpose()?,
            },
            rpc: self.rpc.check()?,
            network: self.network.check()?,
            mempool: self.mempool.check()?,
            verify_threads: self.verify.check()?,
            log: Log { format: self.log.format, filter: filter(self.log.filter)? },
        })
    }
}

impl RpcSection {
    fn check(self) -> Result<Rpc, ConfigError> {
        Ok(Rpc {
            listen: socket("rpc.listen", &self.listen)?,
            connections: number("rpc.connections", self.connections, 1..=65_536)?,
            requests: number("rpc.requests", self.requests, 1..=65_536)?,
            waiters: number("rpc.waiters", self.waiters, 1..=1_000_000)?,
            subscribers: number("rpc.subscribers", self.subscribers, 1..=4_096)?,
        })
    }
}

impl NetworkSection {
    fn check(self) -> Result<Network, ConfigError> {
        if self.peers.len() > PEERS {
            return Err(ConfigError::value(
                "network.peers",
                format!("{} peers", self.peers.len()),
                format!("at most {PEERS} are allowed"),
                format!("最多允许 {PEERS} 个"),
            ));
        }
        let peers = self.peers.into_iter().map(PeerSection::check).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = peers.iter().find(|p| !seen.insert(p.public_key)) {
            return Err(ConfigError::value(
                "network.peers",
                twice.public_key,
                "appears twice; one address for each key",
                "重复出现；每个公钥只能有一个地址",
            ));
        }
        Ok(Network { listen: socket("network.listen", &self.listen)?, peers })
    }
}

impl PeerSection {
    fn check(self) -> Result<PeerAddress, ConfigError> {
        let public_key: Option<PublicKey> = self.public_key.parse().ok();
        let on_curve = public_key.filter(|k| k.to_verifying_key().is_ok());
        let Some(public_key) = on_curve else {
            return Err(ConfigError::value(
                "network.peers.public_key",
                format!("{:?}", self.public_key),
                "66 hexadecimal digits of a compressed SM2 public key are needed, beginning with 02 or 03",
                "应为压缩形式 SM2 公钥的 66 位十六进制数，以 02 或 03 开头",
            ));
        };
        let well_formed = self.address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && host.len() <= 253 && port.parse().is_ok_and(|p: u16| p > 0)
        });
        if !well_formed {
            return Err(ConfigError::value(
                "network.peers.address",
                format!("{:?}", self.address),
                "host:port is needed, for example 10.0.0.2:9201",
                "应为 主机:端口，例如 10.0.0.2:9201",
            ));
        }
        Ok(PeerAddress { public_key, address: self.address })
    }
}

impl MempoolSection {
    fn check(self) -> Result<crate::mempool::Limits, ConfigError> {
        let percent = number("mempool.signer_percent", self.signer_percent, 1..=100)?;
        Ok(crate::mempool::Limits {
            transactions: number("mempool.transactions", self.transactions, 1..=10_000_000)?,
            // Below this the largest transaction might not fit into a signer's share.
            bytes: number("mempool.bytes", self.bytes, 8 << 20..=64 << 30)?,
            signer_percent: u8::try_from(percent).expect("at most 100"),
        })
    }
}

impl VerifySection {
    fn check(self) -> Result<NonZeroUsize, ConfigError> {
        match self.threads {
            None => Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
            Some(n) => {
                let n = number("verify.threads", n, 1..=1_024)?;
                Ok(NonZeroUsize::new(n).expect("at least 1"))
            }
        }
    }
}

fn number(key: &'static str, value: i64, allowed: RangeInclusive<i64>) -> Result<usize, ConfigError> {
    let (low, high) = (*allowed.start(), *allowed.end());
    match usize::try_from(value) {
        Ok(n) if allowed.contains(&value) => Ok(n),
        _ => Err(ConfigError::value(
            key,
            value,
            format!("{low} to {high} are allowed"),
            format!("允许的范围是 {low} 到 {high}"),
        )),
    }
}

fn socket(key: &'static str, value: &str) -> Result<SocketAddr, ConfigError> {
    value.parse().map_err(|_| {
        ConfigError::value(
            key,
            format!("{value:?}"),
            "an IP address with a port is needed, for example 127.0.0.1:9101",
            "应为 IP 地址加端口，例如 127.0.0.1:9101",
        )
    })
}

fn path(key: &'static str, base: &Path, value: &Path) -> Result<PathBuf, ConfigError> {
    if value.as_os_str().is_empty() {
        return Err(ConfigError::value(key, "\"\"", "a path is needed", "应为路径"));
    }
    Ok(base.join(value))
}

fn filter(value: String) -> Result<String, ConfigError> {
    match tracing_subscriber::EnvFilter::try_new(&value) {
        Ok(_) => Ok(value),
        Err(e) => Err(ConfigError::value(
            "log.filter",
            format!("{value:?}"),
            format!("a filter such as \"info,hnchain_network=debug\" is needed: {e}"),
            format!("应为形如 \"info,hnchain_network=debug\" 的过滤规则：{e}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const PEER: &str = "0232c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"; // the curve's base point

    fn minimal() -> String {
        format!(
            r#"
genesis = "genesis.json"
data_dir = "data"
[key]
file = "key.pem"
password_file = "key.password"
[rpc]
listen = "127.0.0.1:9101"
[network]
listen = "127.0.0.1:9201"
peers = [ {{ public_key = "{PEER}", address = "127.0.0.1:9202" }} ]
"#
        )
    }

    fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("node.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = Config::load(&file);
        if let Ok(config) = &loaded {
            assert_eq!(config.genesis, dir.path().join("genesis.json"));
        }
        loaded
    }

    fn refused(text: &str) -> (&'static str, String) {
        let e = load(text).unwrap_err();
        assert!(!e.zh().is_ascii(), "{e}");
        (e.code(), e.to_string())
    }

    #[test]
    fn the_documented_file_is_read_with_its_defaults() {
        let full = minimal()
            + "[mempool]\ntransactions = 50000\nbytes = 67108864\n[log]\nformat = \"json\"\nfilter = \"info\"\n";
        let config = load(&full).unwrap();
        assert_eq!(config.log.format, LogFormat::Json);
        let Config { mempool, rpc, .. } = load(&minimal()).unwrap();
        assert_eq!(mempool, config.mempool);
        assert_eq!((mempool.transactions, mempool.bytes, mempool.signer_percent), (50_000, 67_108_864, 25));
        assert_eq!((rpc.connections, rpc.requests, rpc.waiters, rpc.subscribers), (1_024, 4_096, 50_000, 64));
    }

    #[test]
    fn absolute_paths_stay_and_others_start_at_the_file() {
        let config = load(&minimal().replace("data_dir = \"data\"", "data_dir = \"/var/lib/hnchain\"")).unwrap();
        assert_eq!(config.data_dir, Path::new("/var/lib/hnchain"));
        assert!(config.key.file.is_absolute() && config.key.file.ends_with("key.pem"));
    }

    #[test]
    fn an_unknown_key_is_refused_and_named() {
        for unknown in ["[rpc]\nport = 1", "[storage]\nx = 1"] {
            let text = minimal().replace("[rpc]", unknown);
            let (code, message) = refused(&text);
            assert_eq!(code, "CONFIG_SYNTAX");
            assert!(message.contains("unknown field") && message.contains("line"), "{message}");
        }
    }

    #[test]
    fn every_number_is_bounded_and_the_error_says_key_value_and_range() {
        for (section, key, bad, allowed) in [
            ("mempool", "transactions", "0", "1 to 10000000"),
            ("mempool", "transactions", "-5", "1 to 10000000"),
            ("mempool", "bytes", "100", "8388608 to 68719476736"),
            ("mempool", "signer_percent", "101", "1 to 100"),
            ("verify", "threads", "0", "1 to 1024"),
        ] {
            let (code, message) = refused(&format!("{}\n[{section}]\n{key} = {bad}\n", minimal()));
            assert_eq!(code, "CONFIG_VALUE");
            assert_eq!(message, format!("{section}.{key} = {bad}: {allowed} are allowed"));
        }
        for key in ["connections", "requests", "waiters", "subscribers"] {
            let (code, message) = refused(&minimal().replace("[rpc]", &format!("[rpc]\n{key} = 0")));
            assert_eq!(code, "CONFIG_VALUE");
            assert!(message.starts_with(&format!("rpc.{key} = 0: 1 to ")), "{message}");
        }
    }

    #[test]
    fn addresses_and_keys_are_checked() {
        for (good, bad, key) in [
            ("127.0.0.1:9101", "localhost", "rpc.listen"),
            ("127.0.0.1:9201", "127.0.0.1:99999", "network.listen"),
            ("127.0.0.1:9202", "127.0.0.1", "network.peers.address"),
            ("127.0.0.1:9202", "127.0.0.1:0", "network.peers.address"),
            (PEER, "02ab", "network.peers.public_key"),
            (PEER, &PEER.replace("c7", "zz"), "network.peers.public_key"),
        ] {
            let (code, message) = refused(&minimal().replace(good, bad));
            assert_eq!(code, "CONFIG_VALUE");
            assert!(message.starts_with(key), "{message}");
        }
        let twice = format!(
            "peers = [ {{ public_key = \"{PEER}\", address = \"a:1\" }}, {{ public_key = \"{PEER}\", address = \"b:1\" }} ]"
        );
        let one = format!("peers = [ {{ public_key = \"{PEER}\", address = \"127.0.0.1:9202\" }} ]");
        assert!(refused(&minimal().replace(&one, &twice)).1.contains("twice"));
    }

    #[test]
    fn a_bad_filter_and_a_missing_file_are_refused() {
        let (code, message) = refused(&(minimal() + "[log]\nfilter = \"a=b=c\"\n"));
        assert_eq!(code, "CONFIG_VALUE");
        assert!(message.starts_with("log.filter"), "{message}");
        assert_eq!(Config::load(Path::new("/nonexistent/node.toml")).unwrap_err().code(), "CONFIG_UNREADABLE");
    }
}
