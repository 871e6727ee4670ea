//! What the verifier accepts, and everything that it refuses.
#![allow(clippy::unwrap_used)]

mod every_byte;
mod fields;
mod path;
mod refusals;
mod scene;
mod tree;
mod vectors;
mod verdicts;
