//! Admission, finality and RPC over a real store, with a single validator whose blocks the test makes itself.
#![allow(clippy::unwrap_used)]

mod accountability;
mod admission;
mod fixture;
mod pages;
mod peers;
mod rpc;
mod subscribe;
