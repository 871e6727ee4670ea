//! Local networks of real nodes, the demo, and fault injection.
pub mod error;
mod files;
pub mod manifest;
pub mod members;
pub mod network;
pub mod ports;
pub mod probe;
mod process;
pub mod samples;
mod setup;

pub use error::Error;
pub use network::{Lifetime, Network};
pub use process::{BINARY_VARIABLE, Ended, find_binary};
pub use setup::{NODES, Plan};
