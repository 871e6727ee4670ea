//! `network.json`: where the parts of a network are. Paths are relative to its directory.

use crate::Error;
use crate::files::write_atomic;
use hnchain_crypto::PublicKey;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// File name of the manifest.
pub const FILE: &str = "network.json";

/// Content of `network.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Chain name.
    pub chain_id: String,
    /// Genesis file.
    pub genesis: String,
    /// Nodes in the order of their validator indices.
    pub nodes: Vec<NodeEntry>,
    /// Keys that may write records.
    pub clients: Vec<ClientEntry>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// For example `node0`.
    pub name: String,
    /// gRPC and HTTP, for example `http://127.0.0.1:9101`.
    pub endpoint: String,
    /// Peer-to-peer, for example `127.0.0.1:9201`.
    pub address: String,
    /// Everything of this node.
    pub directory: String,
    /// Its `node.toml`.
    pub config: String,
    /// Its encrypted key.
    pub key_file: String,
    /// Its public key.
    pub public_key: PublicKey,
    /// Its process while it runs.
    pub pid: Option<u32>,
    /// Standard output and error of its process, appended.
    pub log: String,
}

/// A key of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientEntry {
    /// Short name.
    pub name: String,
    /// Its organization.
    pub organization: String,
    /// Namespaces that it may write.
    pub namespaces: Vec<String>,
    /// Encrypted key.
    pub key_file: String,
    /// Password of the key.
    pub password_file: String,
}

impl Manifest {
    /// Reads `DIR/network.json`.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoNetwork(directory.to_owned())),
            Err(e) => return Err(Error::io(&path)(e)),
        };
        serde_json::from_slice(&bytes).map_err(|e| Error::Damaged { path, why: e.to_string() })
    }

    /// Writes `DIR/network.json` so that readers see the old or the new one, never a part.
    ///
    /// # Errors
    /// I/O.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        let path = directory.join(FILE);
        let mut json =
            serde_json::to_vec_pretty(self).map_err(|e| Error::Damaged { path: path.clone(), why: e.to_string() })?;
        json.push(b'\n');
        write_atomic(&path, &json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_manifest_is_named_as_such() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert_eq!(Manifest::read(dir.path()).expect_err("nothing there").code(), "TESTNET_NONE");
        std::fs::write(dir.path().join(FILE), "{").expect("writable");
        assert_eq!(Manifest::read(dir.path()).expect_err("half a file").code(), "TESTNET_DAMAGED");
    }

    #[test]
    fn manifest_is_read_as_written_and_keeps_the_agreed_names() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let key = hnchain_crypto::SecretKey::generate().expect("entropy").public_key();
        let manifest = Manifest {
            chain_id: "henan-demo".into(),
            genesis: "genesis.json".into(),
            nodes: vec![NodeEntry {
                name: "node0".into(),
                endpoint: "http://127.0.0.1:9101".into(),
                address: "127.0.0.1:9201".into(),
                directory: "node0".into(),
                config: "node0/node.toml".into(),
                key_file: "node0/key.pem".into(),
                public_key: key,
                pid: Some(7),
                log: "node0/node.log".into(),
            }],
            clients: vec![],
        };
        manifest.write(dir.path()).expect("writable");
        assert_eq!(Manifest::read(dir.path()).expect("just written"), manifest);
        let text = std::fs::read_to_string(dir.path().join(FILE)).expect("readable");
        for name in
            ["chain_id", "genesis", "nodes", "endpoint", "address", "directory", "config", "key_file", "pid", "log"]
        {
            assert!(text.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
