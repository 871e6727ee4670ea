//! Fork forensics (tier T4): liars beyond f split the chain on purpose, and their own signatures convict them.
//!
//! [`culprits()`] is for auditors and knows nothing of the simulator. [`mod@fork`] builds the attacks.

pub mod culprits;
pub mod fork;

pub use culprits::{Bench, Testimony, culprits};
