//! Criterion benches and the load generator `hnchain-bench`.
//!
//! # What is here
//! - `benches/`: criterion benches of single parts (signatures beside the alternative, hashing, state tree, execution,
//!   decoding, proof verification, one view of the engine with four validators).
//! - [`load`]: offers pre-signed transactions to a running network at a fixed rate and says what became of them.
//! - [`sweep`]: raises the rate until the network no longer keeps up, then measures at half of the peak.
//! - [`state`]: executes and stores a sample world, and says what an operation costs as the state grows.
//! - [`fixture`]: a small chain in memory that the benches share.
//!
//! # What the load generator promises
//! 1. *Open loop.* Transaction i is due at `start + i / rate`, whatever the network does ([`plan::Schedule`]). Its latency
//!    counts from then on, not from the moment at which the generator got round to sending it: a network that stalls
//!    cannot hide its stall by slowing the generator down (no coordinated omission).
//! 2. *Finality as a client sees it.* A transaction counts as final when the node to which it was sent streams the block
//!    that holds it. One subscription per node serves for all transactions, so observing costs the nodes next to nothing.
//! 3. *Nothing is left out.* Every offered transaction ends in exactly one count: finalized, rejected by a rule,
//!    refused at submission, unanswered, or lost. A transaction that shows up in two blocks is reported.
//! 4. Signing is done before the clock starts.
//!
//! # Example
//! ```
//! use hnchain_benches::{latency::Recorder, plan::Schedule};
//! use std::time::Duration;
//!
//! let schedule = Schedule::new(500, Duration::from_secs(2)).expect("a positive rate");
//! assert_eq!(schedule.count(), 1000);
//! assert_eq!(schedule.due(250), Duration::from_millis(500));
//!
//! let mut latencies = Recorder::default();
//! (1..=100).for_each(|ms| latencies.record(Duration::from_millis(ms)));
//! assert!((latencies.summary().p99_ms - 99.0).abs() < 0.1);
//! ```

pub mod fixture;
pub mod latency;
pub mod load;
pub mod outcome;
pub mod plan;
pub mod process;
pub mod sign;
pub mod state;
pub mod sweep;
pub mod target;
