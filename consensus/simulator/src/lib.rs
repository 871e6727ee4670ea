//! Deterministic simulation of whole clusters.
//!
//! A simulation is one seed: real [`Machine`](hnchain_consensus::Machine)s and the real ledger, with models of the disk,
//! the network, the mempool, block sync and clients around them, in virtual time and in one thread. The driver's rules
//! (D1 to D3 of `node/src/driver`) are kept to the letter. Everything that may go wrong is an option ([`Options`]),
//! drawn from the seed; then the faults end and the cluster must recover. The [`checks`] run after every step.
//!
//! ```text
//! hnchain-simulator run --seeds 0..2000        many seeds, in parallel
//! hnchain-simulator run --seed 7 --trace       one, with everything that happens
//! hnchain-simulator run --calm --seed 7 --loss 30 --twins 1
//! ```
//!
//! # Invariants
//! - The same options give the same trace, bit by bit (I13). No clock, no thread, no hash map is reachable from a
//!   simulation.
//! - A failing seed prints all of its options, a transcript and one command that replays it, and is made smaller first.
//! - At most f validators of an epoch are under an adversary's control or have disks that lie; every other one may crash
//!   at any time, and all of them at once.

mod adversary;
pub mod checks;
pub mod cli;
mod client;
mod cluster;
mod env;
pub mod forensics;
mod governance;
mod heal;
mod minimize;
pub mod model;
pub mod modes;
mod network;
mod node;
pub mod options;
pub mod random;
pub mod run;
pub mod signing;
mod trace;
pub mod twins;
mod world;

pub use cluster::{Outcome, simulate};
pub use options::Options;
pub use trace::{TraceHash, Violation};
