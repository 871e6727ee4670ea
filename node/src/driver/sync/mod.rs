//! Catching up: finalized blocks that this node missed come from its peers.
//!
//! ```text
//!   statuses ──► plan ──► questions to several peers at once ──► check ──► plan ──► executor, run by run
//!               (what, whom)                          (decode, links, certificates)  (in sequence, proven)
//! ```
//!
//! [`plan`] decides, [`peers`] remembers whom to trust, [`check`] verifies, [`follow`] carries out. The pace is that of
//! execution: while the executor is busy the window fills, and with the window full nothing more is asked for.

mod check;
mod follow;
mod peers;
mod plan;
mod progress;
mod serve;
mod wire;

pub(super) use follow::{Follower, follow};
pub(super) use serve::serve;

#[cfg(test)]
mod tests;
