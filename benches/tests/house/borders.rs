//! Which room may lean on which (ARCHITECTURE.md, "Rooms and borders").

use crate::source::{code_only, line_of, without_tests, words};
use crate::{assert_none, files, has_extension, root, text};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Each room and the rooms of ours that it may name in `[dependencies]`.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("hnchain-crypto", &[]),
    ("hnchain-types", &["crypto"]),
    ("hnchain-proof", &["crypto", "types"]),
    ("hnchain-sdk", &["crypto", "types", "proof"]),
    ("hnchain-consensus", &["crypto", "types"]),
    ("hnchain-simulator", &["crypto", "types", "consensus", "ledger"]),
    ("hnchain-consensus-with-bugs", &["crypto", "types"]),
    ("hnchain-bugbank", &["crypto", "types", "consensus-with-bugs", "ledger"]),
    ("hnchain-ledger", &["crypto", "types"]),
    ("hnchain-storage", &["crypto", "types", "proof"]),
    ("hnchain-network", &["crypto", "types"]),
    ("hnchain-node", &["crypto", "types", "proof", "consensus", "ledger", "storage", "network"]),
    ("hnchain", &["crypto", "types", "proof", "sdk"]),
    ("hnchain-testnet", &["crypto", "types", "proof", "sdk"]),
    ("hnchain-benches", &["crypto", "types", "proof", "sdk", "consensus", "ledger", "storage", "network", "node"]),
    ("hnchain-fuzz", &["crypto", "types", "proof", "consensus", "ledger", "storage", "network", "node"]),
];

/// Roofs: nothing of ours leans on them, not even in tests.
const ROOFS: &[&str] =
    &["hnchain", "hnchain-testnet", "hnchain-benches", "hnchain-fuzz", "hnchain-simulator", "hnchain-bugbank"];

/// Rooms that see no clock, socket, disk, thread, float or hash-map order.
const DETERMINISTIC: &[&str] = &["consensus/engine/src", "node/ledger/src", "sdk/proof/src"];

/// What the deterministic rooms may not name outside of tests.
const UNSEEN: &[&str] = &[
    "std::time",
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant",
    "HashMap",
    "HashSet",
    "f32",
    "f64",
    "getrandom",
    "tokio",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".into(), "--locked".into()])
        .exec()
        .expect("cargo metadata works offline once the workspace is built")
}

/// Names of everything that is linked into a package, with the features that it asks for itself.
fn linked(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        // Where rooms' features add up, each seems to link what another asks for.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree of {package}: {}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).expect("UTF-8");
    let names: BTreeSet<_> = listed.lines().filter_map(|l| l.split(' ').next()).map(str::to_owned).collect();
    let first = listed.split(' ').next();
    assert_eq!(first, Some(package), "cargo tree of {package} begins with another package");
    names
}

#[test]
fn every_room_leans_only_on_the_rooms_below_it() {
    let table: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    let metadata = metadata();
    let ours: BTreeSet<String> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let mut offences = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some(allowed) = table.get(name) else {
            offences.push(format!("{name} is not in the table of rooms"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| ours.contains(&d.name)) {
            let short = dependency.name.trim_start_matches("hnchain-");
            let roof = ROOFS.contains(&dependency.name.as_str());
            if roof || dependency.kind == DependencyKind::Normal && !allowed.contains(&short) {
                offences.push(format!("{name} depends on {} ({:?})", dependency.name, dependency.kind));
            }
        }
    }
    assert_none("a room may lean only on the rooms that the table allows:", &offences);
    let missing: Vec<_> = table.keys().filter(|k| !ours.contains(**k)).map(|k| format!("{k} does not exist")).collect();
    assert_none("the table lists rooms that are gone:", &missing);
}

#[test]
fn only_the_node_knows_tokio_libp2p_and_rocksdb_at_once() {
    let all_three = |names: &BTreeSet<String>| ["tokio", "libp2p", "rocksdb"].iter().all(|n| names.contains(*n));
    for (name, _) in MAY_DEPEND_ON {
        // What hands bytes to every part of the node links the node.
        let knows = ["hnchain-node", "hnchain-fuzz"].contains(name);
        assert_eq!(all_three(&linked(name)), knows, "{name}");
    }
}

#[test]
fn offline_verification_links_neither_runtime_nor_database() {
    let names = linked("hnchain-proof");
    for banned in ["tokio", "rocksdb", "tonic", "libp2p", "hyper"] {
        assert!(!names.contains(banned), "hnchain-proof links {banned}");
    }
}

#[test]
fn the_command_line_links_neither_database_nor_contract_runtime() {
    let names = linked("hnchain");
    for banned in ["rocksdb", "librocksdb-sys", "wasmtime", "libp2p"] {
        assert!(!names.contains(banned), "hnchain links {banned}");
    }
}

#[test]
fn the_engine_and_the_ledger_link_no_runtime_database_or_socket() {
    for room in ["hnchain-consensus", "hnchain-ledger"] {
        let names = linked(room);
        for banned in ["tokio", "rocksdb", "libp2p", "tonic", "mio"] {
            assert!(!names.contains(banned), "{room} links {banned}");
        }
    }
}

#[test]
fn deterministic_rooms_see_no_clock_disk_socket_thread_float_or_hash_order() {
    let mut offences = Vec::new();
    for file in files().iter().filter(|f| has_extension(f, "rs")) {
        if !DETERMINISTIC.iter().any(|room| file.starts_with(room)) || only_tests(file) {
            continue;
        }
        let code = without_tests(&code_only(&text(file).expect("Rust is UTF-8")));
        for name in UNSEEN {
            for (_, line) in words(&code, name) {
                offences.push(format!("{}:{line}: {name}", file.display()));
            }
        }
        // `use std::{fs, time}` says the same in other words.
        for (at, _) in code.match_indices("std::{") {
            let group = &code[at..code[at..].find(';').map_or(code.len(), |i| at + i)];
            for name in ["time", "fs", "net", "thread", "env", "process"] {
                if !words(group, name).is_empty() {
                    offences.push(format!("{}:{}: std::{{{name}}}", file.display(), line_of(&code, at)));
                }
            }
        }
    }
    assert_none("these arrive as inputs in a deterministic room:", &offences);
}

/// A file that its parent includes for tests only.
fn only_tests(file: &Path) -> bool {
    let name = file.file_stem().unwrap_or_default();
    name == "tests" || file.components().any(|c| c.as_os_str() == "tests")
}
