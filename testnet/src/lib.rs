//! Local networks of real nodes, the demo, and fault injection on real processes.
//!
//! # What it is for
//! - `hnchain-testnet demo` shows the whole path: four nodes are started, all sample documents of `testnet/data` are
//!   anchored through the SDK, the nodes are stopped, and every proof is verified from files alone.
//! - `hnchain-testnet up | status | down` keep a network running for experiments, load and fault tests.
//! - `hnchain-testnet chaos | soak` disturb a network under load and check everything that clients saw: [`faults`],
//!   [`history`], [`chaos`], docs/testing.md.
//! - [`Network`] is what these and the end-to-end tests stand on: it makes keys, genesis and configurations, starts
//!   `hnchain-node` processes, and kills, stops and restarts single ones.
//!
//! # What lies in a network's directory
//! | path | what |
//! |---|---|
//! | `network.json` | [`manifest::Manifest`]: chain, genesis, endpoint, key file, log and process of each node, clients |
//! | `genesis.json` | what verifiers trust |
//! | `nodeN/` | `node.toml`, `key.pem`, `key.password`, `data/`, `node.log`, `node.pid` while it runs |
//! | `clients/` | encrypted keys of the applications, one per namespace, with their passwords |
//! | `bundles/` | after the demo: `certificate|realty|trace/*.hnproof.json` |
//!
//! Keys and passwords lie side by side: such a network is for trying out, never for real records.
//!
//! # Invariants
//! 1. `network.json` is replaced atomically and written last: who can read it finds everything that it names.
//! 2. Nodes of a [`Lifetime::Bound`] network end with the process that made it, even if that is killed; those of a
//!    [`Lifetime::Detached`] one go on, and a process id is used only after checking that it is that node.
//! 3. One process at a time works on a directory (a lock on `.lock`); reading `network.json` needs no lock.
//! 4. A node that ends by itself is an error with its last log lines, never a silent gap.
//! 5. Samples hold invented people and firms only and no identity number in the clear; every code has valid check digits
//!    (`tests/samples.rs` checks each document).
//!
//! # Example
//! ```no_run
//! use hnchain_sdk::{Client, Options, Signer};
//! use hnchain_testnet::{Lifetime, Network, Plan};
//! use std::{path::Path, time::Duration};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut network = Network::create(&Plan::new(4), Path::new("net"), Lifetime::Bound)?;
//! network.start_all()?;
//! network.ready_all(Duration::from_secs(30)).await?;
//!
//! let signer = Signer::new(network.client_key("trace")?, &network.manifest().chain_id);
//! let client = Client::new(network.endpoints(), Options::default())?;
//! network.kill(2).await?;
//! let record = client.anchor_document(&signer, b"{}", "trace", "batch.1", Duration::from_secs(30)).await?;
//! println!("final at height {} with one node of four killed", record.receipt.height);
//!
//! network.start(2)?;
//! network.ready(2, Duration::from_secs(30)).await?;
//! network.stop_all().await?;
//! # Ok(()) }
//! ```

pub mod chaos;
pub mod demo;
mod dice;
mod error;
pub mod faults;
mod files;
pub mod history;
pub mod manifest;
pub mod members;
mod network;
pub mod offices;
pub mod ports;
pub mod probe;
mod process;
pub mod samples;
mod setup;
pub mod stories;
pub mod worlds;

pub use dice::Dice;
pub use error::Error;
pub use network::{Lifetime, Network};
pub use process::{BINARY_VARIABLE, Ended, Launch, find_binary};
pub use setup::{NODES, Place, Plan};
