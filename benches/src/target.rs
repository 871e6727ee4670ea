//! The network under load: from the `network.json` that `hnchain-testnet up` writes, or put together by hand.

use anyhow::{Context, ensure};
use hnchain_crypto::{SecretKey, keyfile};
use hnchain_types::genesis::Genesis;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A network and the keys that may write to it.
#[derive(Debug)]
pub struct Target {
    /// The chain.
    pub genesis: Genesis,
    /// At least one node.
    pub nodes: Vec<Node>,
    /// At least one signer.
    pub signers: Vec<Signer>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// For the report.
    pub name: String,
    /// `http://host:port` of its gRPC service.
    pub endpoint: String,
    /// Its process, where it runs on this machine.
    pub pid: Option<u32>,
}

/// A key and the namespace it may write.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The key.
    pub key: SecretKey,
    /// The namespace.
    pub namespace: String,
}

#[derive(Deserialize)]
struct File {
    genesis: PathBuf,
    nodes: Vec<FileNode>,
    clients: Vec<FileClient>,
}

#[derive(Deserialize)]
struct FileNode {
    name: String,
    endpoint: String,
    #[serde(default)]
    pid: Option<u32>,
}

#[derive(Deserialize)]
struct FileClient {
    namespaces: Vec<String>,
    key_file: PathBuf,
    password_file: PathBuf,
}

impl Target {
    /// Reads a `network.json`; its paths are relative to its folder.
    ///
    /// # Errors
    /// Names the file that cannot be read and why.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: File =
            serde_json::from_slice(&text).with_context(|| format!("{} is no network.json", path.display()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut signers = Vec::new();
        for client in file.clients {
            let password = read_password(&folder.join(&client.password_file))?;
            let key = read_key(&folder.join(&client.key_file), &password)?;
            let Some(namespace) = client.namespaces.into_iter().find(|n| n != "*") else { continue };
            signers.push(Signer { key, namespace });
        }
        let node = |n: FileNode| Node { name: n.name, endpoint: n.endpoint, pid: n.pid };
        let nodes = file.nodes.into_iter().map(node).collect();
        Self::new(read_genesis(&folder.join(file.genesis))?, nodes, signers)
    }

    /// Puts a target together.
    ///
    /// # Errors
    /// No node or no signer.
    pub fn new(genesis: Genesis, nodes: Vec<Node>, signers: Vec<Signer>) -> anyhow::Result<Self> {
        ensure!(!nodes.is_empty(), "there is no node to send to");
        ensure!(!signers.is_empty(), "there is no client key that may write to a namespace");
        Ok(Self { genesis, nodes, signers })
    }
}

/// Reads a genesis file.
///
/// # Errors
/// The file cannot be read or is no genesis.
pub fn read_genesis(path: &Path) -> anyhow::Result<Genesis> {
    let raw = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Genesis::parse(&raw).with_context(|| format!("{} is no genesis", path.display()))
}

/// Reads a password file; a line end at its end does not belong to the password.
///
/// # Errors
/// The file cannot be read.
pub fn read_password(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads an encrypted key file.
///
/// # Errors
/// The file cannot be read, is no key file, or has another password.
pub fn read_key(path: &Path, password: &str) -> anyhow::Result<SecretKey> {
    let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    keyfile::decrypt(&pem, password.as_bytes()).with_context(|| format!("cannot open the key {}", path.display()))
}
