//! End-to-end tests on real `hnchain-node` processes. They run one after the other (two cores), print their seed, and
//! repeat it with `HNCHAIN_SEED=<number>`.
#![allow(clippy::unwrap_used)]

mod chaos;
mod checkpoint;
mod commands;
mod faults;
mod governance;
mod harness;
mod proofs;
mod refusals;
mod startup;
mod sync;
