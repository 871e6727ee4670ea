//! Writes everything that a local network starts from: keys, genesis, configurations, `network.json`.

use crate::files::{write_atomic, write_secret};
use crate::manifest::{ClientEntry, Manifest, NodeEntry};
use crate::ports::{self, Ports};
use crate::{Error, members, offices};
use hnchain_crypto::{PublicKey, SecretKey, keyfile};
use hnchain_types::genesis::Parameters;
use serde::Serialize;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Most nodes of a local network; more do not fit one machine.
pub const NODES: usize = 31;

/// What network to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Nodes, 1 to [`NODES`].
    pub nodes: usize,
    /// So many of them, the last ones, do not vote yet: the genesis knows them as observers.
    pub observers: usize,
    /// Chain name.
    pub chain_id: String,
    /// Chain parameters.
    pub parameters: Parameters,
    /// First port, see [`ports::choose`].
    pub base_port: Option<u16>,
    /// Where the nodes are, one entry each; without it on 127.0.0.1, each reaching the others directly.
    pub places: Option<Vec<Place>>,
    /// Log filter of the nodes, for example `info`.
    pub log: String,
}

/// Where a node listens and how it reaches the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// gRPC and HTTP.
    pub rpc: SocketAddr,
    /// Peer-to-peer.
    pub peer: SocketAddr,
    /// Where this node dials each node, by index; its own entry is not used.
    pub reaches: Vec<SocketAddr>,
}

impl Place {
    /// Places on 127.0.0.1 whose nodes reach each other directly.
    #[must_use]
    pub fn direct(ports: &[Ports]) -> Vec<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let reaches: Vec<_> = ports.iter().map(|p| local(p.peer)).collect();
        ports.iter().map(|p| Self { rpc: local(p.rpc), peer: local(p.peer), reaches: reaches.clone() }).collect()
    }
}

impl Plan {
    /// A network of `nodes` validators with default parameters on free ports.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Self {
            nodes,
            observers: 0,
            chain_id: "henan-testnet".to_owned(),
            parameters: Parameters::default(),
            base_port: None,
            places: None,
            log: "info".to_owned(),
        }
    }

    /// Writes the network into an empty or new directory. Ports are checked before anything is written;
    /// `network.json` is written last, so a directory without it holds nothing that ran.
    ///
    /// # Errors
    /// A directory with other content, a port in use, too many nodes, I/O.
    pub(crate) fn write(&self, directory: &Path) -> Result<Manifest, Error> {
        if self.nodes == 0 || self.nodes > NODES {
            return Err(Error::Plan(format!("1 to {NODES} nodes are possible, {} were asked for", self.nodes)));
        }
        if self.observers >= self.nodes {
            return Err(Error::Plan("at least one node has to vote".to_owned()));
        }
        let places = match &self.places {
            Some(places) if places.len() == self.nodes => places.clone(),
            Some(places) => return Err(Error::Plan(format!("{} places for {} nodes", places.len(), self.nodes))),
            None => Place::direct(&ports::choose(self.nodes, self.base_port)?),
        };
        let keys = (0..self.nodes).map(|_| SecretKey::generate()).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|e| Error::Key(e.to_string()))?;
        let (clients, client_keys) = write_clients(directory)?;
        let genesis =
            members::genesis(&self.chain_id, now_ms()?, self.parameters.clone(), &keys, self.observers, &client_keys)?;
        write_atomic(&directory.join("genesis.json"), genesis.raw())?;
        let nodes: Vec<NodeEntry> = keys.iter().zip(&places).enumerate().map(|(i, (k, p))| entry(i, k, p)).collect();
        for ((node, key), place) in nodes.iter().zip(&keys).zip(&places) {
            fs::create_dir(directory.join(&node.directory)).map_err(Error::io(&directory.join(&node.directory)))?;
            write_key(directory, &node.key_file, &format!("{}/key.password", node.directory), key)?;
            write_atomic(&directory.join(&node.config), self.config(node, place, &nodes)?.as_bytes())?;
        }
        let manifest = Manifest { chain_id: self.chain_id.clone(), genesis: "genesis.json".to_owned(), nodes, clients };
        manifest.write(directory)?;
        Ok(manifest)
    }

    fn config(&self, node: &NodeEntry, place: &Place, all: &[NodeEntry]) -> Result<String, Error> {
        let others = all.iter().zip(&place.reaches).filter(|(n, _)| n.name != node.name);
        toml::to_string(&Config {
            genesis: "../genesis.json",
            data_dir: "data",
            key: KeyConfig { file: "key.pem", password_file: "key.password" },
            rpc: RpcConfig { listen: node.endpoint.trim_start_matches("http://") },
            network: NetworkConfig {
                listen: &node.address,
                peers: others.map(|(n, a)| Peer { public_key: n.public_key, address: a.to_string() }).collect(),
            },
            log: LogConfig { format: "text", filter: &self.log },
        })
        .map_err(|e| Error::Plan(e.to_string()))
    }
}

/// `node.toml`, paths relative to the file.
#[derive(Serialize)]
struct Config<'a> {
    genesis: &'a str,
    data_dir: &'a str,
    key: KeyConfig<'a>,
    rpc: RpcConfig<'a>,
    network: NetworkConfig<'a>,
    log: LogConfig<'a>,
}

#[derive(Serialize)]
struct KeyConfig<'a> {
    file: &'a str,
    password_file: &'a str,
}

#[derive(Serialize)]
struct RpcConfig<'a> {
    listen: &'a str,
}

#[derive(Serialize)]
struct NetworkConfig<'a> {
    listen: &'a str,
    peers: Vec<Peer>,
}

#[derive(Serialize)]
struct Peer {
    public_key: PublicKey,
    address: String,
}

#[derive(Serialize)]
struct LogConfig<'a> {
    format: &'a str,
    filter: &'a str,
}

fn entry(index: usize, key: &SecretKey, place: &Place) -> NodeEntry {
    let name = format!("node{index}");
    NodeEntry {
        endpoint: format!("http://{}", place.rpc),
        address: place.peer.to_string(),
        directory: name.clone(),
        config: format!("{name}/node.toml"),
        key_file: format!("{name}/key.pem"),
        public_key: key.public_key(),
        pid: None,
        log: format!("{name}/node.log"),
        name,
    }
}

fn write_clients(directory: &Path) -> Result<(Vec<ClientEntry>, Vec<PublicKey>), Error> {
    let folder = directory.join("clients");
    fs::create_dir(&folder).map_err(Error::io(&folder))?;
    let mut entries = Vec::new();
    let mut keys = Vec::new();
    let applications = members::APPLICATIONS.iter().map(|a| (a.id, vec![a.kind.namespace().to_owned()]));
    let offices = offices::OFFICES.iter().map(|o| (o.id, Vec::new()));
    for (id, namespaces) in applications.chain(offices) {
        let key = SecretKey::generate().map_err(|e| Error::Key(e.to_string()))?;
        let entry = ClientEntry {
            name: id.to_owned(),
            organization: id.to_owned(),
            namespaces,
            key_file: format!("clients/{id}.pem"),
            password_file: format!("clients/{id}.password"),
        };
        write_key(directory, &entry.key_file, &entry.password_file, &key)?;
        keys.push(key.public_key());
        entries.push(entry);
    }
    Ok((entries, keys))
}

fn write_key(directory: &Path, key_file: &str, password_file: &str, key: &SecretKey) -> Result<(), Error> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random).map_err(|e| Error::Key(e.to_string()))?;
    let password = hex::encode(random);
    let pem = keyfile::encrypt(key, password.as_bytes()).map_err(|e| Error::Key(e.to_string()))?;
    write_secret(&directory.join(key_file), pem.as_bytes())?;
    write_secret(&directory.join(password_file), password.as_bytes())
}

/// Reads an encrypted key and its password file.
pub(crate) fn read_key(key_file: &Path, password_file: &Path) -> Result<SecretKey, Error> {
    let pem = fs::read_to_string(key_file).map_err(Error::io(key_file))?;
    let password = fs::read_to_string(password_file).map_err(Error::io(password_file))?;
    keyfile::decrypt(&pem, password.trim_end().as_bytes())
        .map_err(|e| Error::Key(format!("{}: {e}", key_file.display())))
}

fn now_ms() -> Result<u64, Error> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| Error::Plan(e.to_string()))?;
    u64::try_from(since.as_millis()).map_err(|e| Error::Plan(e.to_string()))
}
