//! The table of targets.

mod codes;
mod engine;
mod ledger;
mod network;
#[cfg(feature = "node")]
mod node;
mod proof;
pub(crate) mod samples;
mod secrets;
#[cfg(feature = "storage")]
mod storage;
mod truth;
mod types;
mod wire;

use crate::Format::{Bincode, Bytes, Json, Protobuf, Text};
use crate::{Format, Repair, Run, Target};

const fn target(name: &'static str, format: Format, run: Run) -> Target {
    Target { name, format, cost: 1, run, repair: None }
}

const fn costly(cost: u32, target: Target) -> Target {
    Target { cost, ..target }
}

const fn repaired(repair: Repair, target: Target) -> Target {
    Target { repair: Some(repair), ..target }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    // What is public and hashed: protobuf.
    target("transaction", Protobuf, types::transaction),
    costly(4, target("body", Protobuf, types::body)),
    target("receipt", Protobuf, types::receipt),
    target("header", Protobuf, types::header),
    target("result", Protobuf, types::result),
    repaired(types::repair_block, target("block", Protobuf, types::block)),
    repaired(types::repair_finalized, target("finalized-block", Protobuf, types::finalized)),
    target("certificate", Protobuf, types::certificate),
    target("evidence", Protobuf, types::evidence),
    target("record", Protobuf, types::record),
    target("validator-set", Protobuf, types::validator_set),
    target("epoch-row", Protobuf, types::epoch_row),
    target("proposal-row", Protobuf, types::proposal_row),
    target("evidence-row", Protobuf, types::evidence_row),
    costly(4, target("genesis", Json, types::genesis)),
    target("codes", Text, codes::all),
    target("record-key", Text, codes::record_key),
    // What stays inside the cluster: bincode.
    target("message", Bincode, wire::message),
    target("journal-record", Bincode, wire::journal_record),
    target("wire-certificate", Bincode, wire::certificate),
    target("wire-evidence", Bincode, wire::evidence),
    costly(4, target("hello", Bincode, network::hello)),
    costly(20, repaired(engine::repair, target("engine", Bincode, engine::script))),
    costly(2, repaired(ledger::repair, target("ledger", Protobuf, ledger::block))),
    // What a verifier trusts nobody for.
    costly(2, repaired(proof::repair_json, target("proof-json", Json, proof::json))),
    costly(2, repaired(proof::repair_protobuf, target("proof-protobuf", Protobuf, proof::protobuf))),
    target("state-proof", Protobuf, proof::state),
    target("inclusion-proof", Bincode, proof::inclusion),
    // Keys.
    costly(40, target("key-file", Text, secrets::key_file)),
    target("public-key", Bytes, secrets::public_key),
    target("signature-der", Bytes, secrets::signature_der),
    // Files and calls of a node.
    #[cfg(feature = "storage")]
    costly(20, repaired(storage::journal::repair, target("journal-file", Bytes, storage::journal::file))),
    #[cfg(feature = "storage")]
    costly(100, target("journal-damage", Bytes, storage::journal::damage)),
    #[cfg(feature = "node")]
    target("frame", Bincode, node::frame),
    #[cfg(feature = "node")]
    costly(4, target("config", Text, node::config)),
    #[cfg(feature = "node")]
    costly(20, target("rpc", Protobuf, node::rpc::call)),
    #[cfg(feature = "storage")]
    costly(400, target("snapshot", Bincode, storage::snapshot::frames)),
    #[cfg(feature = "storage")]
    costly(400, target("snapshot-file", Bytes, storage::snapshot::file)),
];

/// Refused, in words.
fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A folder of this thread, which is removed with it.
#[cfg(any(feature = "storage", feature = "node"))]
fn in_folder<T>(run: impl FnOnce(&std::path::Path) -> T) -> T {
    thread_local! {
        static FOLDER: std::cell::OnceCell<tempfile::TempDir> = const { std::cell::OnceCell::new() };
    }
    FOLDER.with(|folder| run(folder.get_or_init(|| tempfile::tempdir().expect("a folder for files")).path()))
}
