//! The ledger's rules: one test for each, a model, and frozen bytes.
#![allow(clippy::unwrap_used)]

mod anchors;
mod authorization;
mod blocks;
mod border;
mod council;
mod credential_model;
mod credentials;
mod evidence;
mod golden;
mod governance;
mod history;
mod members;
mod membership;
mod model;
mod rejections;
mod scene;
mod trace;
mod validators;
