//! Fuzz targets for everything that reads bytes from outside, and a seeded runner for them.
//!
//! # What is here
//! - [`TARGETS`]: one for each decoder and verifier that meets untrusted bytes. A target does not only not panic: what
//!   decodes is encoded again to the same bytes, what verifies was really signed, a damaged journal is refused or gives a
//!   prefix. A broken property is a panic.
//! - [`examine`]: one input, with its time, its memory and its panic caught.
//! - [`run`]: breaks samples until something breaks, from a seed; [`minimize`] makes what was found small.
//! - [`corpus`]: the committed samples, made from the golden vectors.
//!
//! The runner is blind for coverage, but not deaf: an input that is refused in words not heard before, or that is
//! accepted, is kept and broken further. `benches/fuzz/libfuzzer` runs the same targets with coverage.
//!
//! # Example
//! ```
//! use hnchain_fuzz::{Options, TARGETS, run};
//! let header = TARGETS.iter().find(|t| t.name == "header").expect("there is one");
//! let summary = run(header, &Options { runs: Some(100), ..Options::default() }).expect("nothing is found");
//! assert_eq!(summary.runs, 100);
//! ```

pub mod corpus;
mod examine;
pub mod memory;
mod minimize;
pub mod mutate;
mod random;
mod run;
mod targets;

pub use examine::{Failure, MEMORY_BYTES, TIME, examine};
pub use minimize::minimize;
pub use random::Random;
pub use run::{Finding, Options, Summary, run};
pub use targets::TARGETS;

/// What an input is made of: decides how it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Protobuf.
    Protobuf,
    /// The codec of the cluster.
    Bincode,
    /// JSON.
    Json,
    /// A short text.
    Text,
    /// Anything else.
    Bytes,
}

/// Reads an input and checks every property: accepted, or refused and why. Panics where a property does not hold.
pub type Run = fn(&[u8]) -> Result<(), String>;
/// Makes hashes, roots and check sums right again, so that what lies behind them is reached.
pub type Repair = fn(&[u8]) -> Option<Vec<u8>>;

/// Something that reads bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder of samples.
    pub name: &'static str,
    /// What its inputs are made of.
    pub format: Format,
    /// How many inputs of a cheap target cost as much as one of this.
    pub cost: u32,
    /// What reads an input.
    pub run: Run,
    /// What an input goes through, most of the time, before it is read.
    pub repair: Option<Repair>,
}

impl Target {
    /// The target of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|t| t.name == name)
    }
}
