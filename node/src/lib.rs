//! The node: wires consensus, ledger, storage and network, and serves applications.
//!
//! # Rooms
//! | module | what it is for |
//! |---|---|
//! | [`config`], [`materials`], [`cli`] | what an operator hands in: file, genesis, key, command line |
//! | [`start`], [`failure`] | putting a node together, and saying why it stopped |
//! | [`shared`], [`status`] | what the parts share: store, mempool, progress |
//! | [`admission`], [`verify`], [`mempool`] | the way of a transaction from bytes to waiting for a block |
//! | [`driver`] | consensus, execution and sync: the way from waiting to final |
//! | [`membership`] | who may link, and what this node is |
//! | [`accountability`] | proofs of contradictory votes, on their way to the chain |
//! | [`finality`] | waking everyone who waits for that |
//! | [`rpc`], [`refusal`] | gRPC and HTTP, and how they say no |
//! | [`telemetry`] | logs and metrics |
//! | [`ledger_state`] | the ledger's eyes on the store |
//!
//! # Invariants
//! 1. Nothing enters a block through this node unverified, and nothing final waits again ([`admission`]).
//! 2. Whoever waits for finality is woken after the block is on disk, never before ([`finality`]).
//! 3. Every queue, cache, message and wait is bounded, and says so with a code when it is full.
//! 4. A panic anywhere ends the process: there is no half-alive node ([`telemetry::abort_on_panic`]).
//!
//! # Example
//! What waits is offered in the order of its arrival, and only once:
//! ```
//! use hnchain_crypto::{SecretKey, sm3};
//! use hnchain_node::mempool::{Limits, Mempool};
//! use hnchain_types::transaction::{BodyBuilder, Transaction};
//! use std::collections::BTreeSet;
//! use std::sync::Arc;
//!
//! let mempool = Mempool::new(Limits { transactions: 100, bytes: 1 << 20, signer_percent: 25 });
//! let key = SecretKey::generate()?;
//! let body = BodyBuilder::new("henan-demo", 100, 60_000, [7; 16]).anchor("trace", "B-1", 1, sm3(b"salted")).encode();
//! let tx = Arc::new(Transaction::sign(body, &key)?);
//! assert!(mempool.insert(Arc::clone(&tx))?);
//! assert!(!mempool.insert(Arc::clone(&tx))?);
//!
//! let proposal = mempool.take(2_000, 1 << 20, &BTreeSet::new());
//! assert_eq!(proposal[0].id(), tx.id());
//! let in_flight = BTreeSet::from([tx.id()]);
//! assert!(!mempool.has_fresh(&in_flight));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod accountability;
pub mod admission;
pub mod cli;
pub mod config;
pub mod driver;
pub mod failure;
pub mod finality;
pub mod ledger_state;
pub mod materials;
pub mod membership;
pub mod mempool;
pub mod refusal;
pub mod rpc;
pub mod shared;
pub mod snapshot;
pub mod start;
pub mod status;
pub mod telemetry;
pub mod verify;
