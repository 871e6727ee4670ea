//! Snapshots: a new node takes one from whoever has it, and trusts nothing but its genesis file.

use super::chain;
use crate::targets::{ledger, said};
use hnchain_crypto::{sm3, sm3_parts};
use hnchain_storage::snapshot::{self, Manifest, SnapshotError};
use hnchain_storage::{Store, Tip};
use hnchain_types::wire;
use std::path::Path;
use std::sync::LazyLock;

const MAGIC: &[u8] = b"hnsnap\0\x01";
/// Kind, length and check around a body.
const AROUND: usize = 1 + 4 + 32;

/// The only chain that was certified.
struct Truth {
    file: Vec<u8>,
    manifest: Manifest,
    tip: Tip,
}

fn truth() -> &'static Truth {
    static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let store = chain::grow(folder.path());
        let path = folder.path().join("snapshot");
        let summary = snapshot::export(&store, &path, &mut |_, _| {}).expect("a store of ours");
        Truth { file: std::fs::read(path).expect("a file of ours"), manifest: summary.manifest, tip: store.tip() }
    });
    &TRUTH
}

/// The file that a node of the chain exports.
pub(super) fn genuine() -> Vec<u8> {
    truth().file.clone()
}

/// Its frames, as the input of [`frames`].
pub(super) fn genuine_frames() -> Vec<u8> {
    let (mut rest, mut found) = (&truth().file[MAGIC.len()..], Vec::new());
    while let [kind, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.push((*kind, tail[..length].to_vec()));
        rest = &rest[length + AROUND..];
    }
    wire::encode("frames", &found).expect("a short file")
}

/// Any file.
pub(in crate::targets) fn file(input: &[u8]) -> Result<(), String> {
    super::in_folder(|folder| import(&folder.join("snapshot"), input))
}

/// Any frames, with the checks of a whole file.
pub(in crate::targets) fn frames(input: &[u8]) -> Result<(), String> {
    let frames: Vec<(u8, Vec<u8>)> = wire::decode("frames", input).map_err(said)?;
    let (mut bytes, mut check) = (MAGIC.to_vec(), sm3(MAGIC));
    for (kind, body) in frames {
        let length = u32::try_from(body.len()).map_err(said)?.to_be_bytes();
        check = sm3_parts(&[check.as_ref(), &[kind], &length, &body]);
        bytes.extend([&[kind][..], &length, &body, check.as_ref()].concat());
    }
    file(&bytes)
}

/// What is taken in is the certified tip and its state, whatever else the file says.
fn import(folder: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::create_dir_all(folder).expect("a folder of ours");
    let path = folder.join("file");
    std::fs::write(&path, bytes).expect("a file in a folder of ours");
    let (genesis, rows) = (ledger::genesis(), hnchain_ledger::genesis_rows(ledger::genesis()));
    let taken = snapshot::import(folder, genesis, &rows, &path, None, &mut |_, _| {});
    let summary = taken.map_err(|e| {
        assert!(matches!(e, SnapshotError::Refused { .. }), "a bad file is not the system's fault: {e}");
        assert!(!e.message_zh().is_empty());
        // Without the path, which has another name each time.
        format!("{}: {}", e.code(), e.to_string().rsplit_once(": ").map_or("", |(_, why)| why))
    })?;
    let manifest = Manifest { lasting: summary.manifest.lasting, ..truth().manifest.clone() };
    assert_eq!(summary.manifest, manifest, "another history was taken in");
    let store = Store::open(folder, genesis, &rows).expect("what was taken in can be opened");
    assert_eq!(store.tip(), truth().tip, "another tip was taken in");
    drop(store);
    std::fs::remove_dir_all(folder).expect("a folder of ours");
    Ok(())
}
