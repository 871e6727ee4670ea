//! The ledger's rules: one test for each, a model, and frozen bytes.
#![allow(clippy::unwrap_used)]

mod anchors;
mod blocks;
mod border;
mod council;
mod credential_model;
mod credentials;
mod evidence;
mod golden;
mod governance;
mod history;
mod membership;
mod model;
mod scene;
mod trace;
mod validators;
