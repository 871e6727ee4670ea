//! What a crash at any point leaves, and what damage says.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::*;
use hnchain_proof::tree::verify_state;
use hnchain_storage::{Options, Overlays, StorageError, Store};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::{Height, StateRoot};
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEEP: Options = Options { keep_versions: 3 };

/// What a store must hold at each height; position 0 is the genesis.
struct Model {
    roots: Vec<StateRoot>,
    rows: Vec<Rows>,
    blocks: Vec<Arc<FinalizedBlock>>,
}

/// Blocks 1 to `last`, with the store closed and opened or backed up (which flushes) at some heights.
fn build(directory: &Path, last: u64, reopen_at: &[u64], flush_at: &[u64]) -> (Overlays, Model) {
    let store = open(directory, KEEP).unwrap();
    let mut model = Model { roots: vec![store.tip().state_root], rows: vec![initial_rows()], blocks: vec![] };
    let mut overlays = Overlays::new(store);
    for height in 1..=last {
        let done = extend(&mut overlays, height, 3, changes_at(height));
        model.roots.push(done.result.state_root);
        model.rows.push(after(model.rows.last().unwrap(), &changes_at(height)));
        model.blocks.push(done);
        if flush_at.contains(&height) {
            let scratch = tempfile::tempdir().unwrap();
            overlays.store().backup(&scratch.path().join("backup")).unwrap();
        }
        if reopen_at.contains(&height) {
            drop(overlays);
            overlays = Overlays::new(open(directory, KEEP).unwrap());
        }
    }
    (overlays, model)
}

/// The files as a crash leaves them: copied while the store is open and nothing is closed or flushed for it. A crash
/// stops everything at one moment, so a copy during which a compaction in the background changed a file is taken again.
fn copy(from: &Path) -> tempfile::TempDir {
    for _ in 0..1000 {
        let to = tempfile::tempdir().unwrap();
        std::fs::create_dir(to.path().join("store")).unwrap();
        let before = listing(from);
        let copied = before.as_ref().is_ok_and(|files| {
            files
                .iter()
                .all(|(path, _)| std::fs::copy(path, to.path().join("store").join(path.file_name().unwrap())).is_ok())
        });
        if copied && before.ok() == listing(from).ok() {
            return to;
        }
    }
    panic!("the store never comes to rest");
}

/// Files with their lengths, without RocksDB's own text log.
fn listing(directory: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory.join("store"))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with("LOG") {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    found.sort();
    Ok(found)
}

fn files(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(directory.join("store"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_str().unwrap().contains(suffix))
        .collect();
    found.sort();
    found
}

fn flip(file: &Path, at: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 0x10]).unwrap();
}

/// Reads everything and holds it against the model; gives the tip's height.
fn check(store: &Store, model: &Model) -> Result<usize, StorageError> {
    let tip = store.tip();
    let height = usize::try_from(tip.height.0).unwrap();
    assert_eq!(tip.state_root, model.roots[height]);
    for (done, h) in model.blocks.iter().zip(1u64..) {
        let (hash, is_final) = (done.block.header.hash(), h <= tip.height.0);
        let stored = store.block(Height(h))?;
        assert_eq!(stored.is_some(), is_final, "block {h} with the tip at {height}");
        if let Some(stored) = stored {
            assert_eq!(FinalizedBlock::decode(&stored).unwrap(), **done);
        }
        assert_eq!(store.height_of(&hash)?, is_final.then_some(Height(h)));
        for (id, index) in ids(&done.block).iter().zip(0u32..) {
            assert_eq!(store.transaction(id)?, is_final.then_some((Height(h), index)));
        }
    }
    for key in model.rows.iter().flat_map(Rows::keys) {
        let expected = model.rows[height].get(key);
        assert_eq!(store.row(key)?.as_ref(), expected);
        if height > 0 {
            let proven = store.prove(key)?.expect("certified");
            assert_eq!(verify_state(&proven.state, &tip.state_root).unwrap(), expected.map(Vec::as_slice));
        }
    }
    Ok(height)
}

/// Continues from wherever the store stands and must come to the same roots.
fn catch_up(store: Store, model: &Model) {
    let mut overlays = Overlays::new(store);
    for height in usize::try_from(overlays.store().tip().height.0).unwrap() + 1..model.roots.len() {
        let done = extend(&mut overlays, height as u64, 3, changes_at(height as u64));
        assert_eq!(done.result.state_root, model.roots[height]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_after_any_block_leaves_that_block_and_a_torn_log_an_earlier_one(
        last in 1u64..14,
        reopen_at in proptest::collection::vec(1u64..14, 0..3),
        flush_at in proptest::collection::vec(1u64..14, 0..3),
        cuts in proptest::collection::vec(0f64..1.0, 6),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (overlays, model) = build(directory.path(), last, &reopen_at, &flush_at);
        let killed = copy(directory.path());
        prop_assert_eq!(check(&open(killed.path(), KEEP).unwrap(), &model).unwrap() as u64, last);
        for cut in cuts {
            let torn = copy(directory.path());
            let log = files(torn.path(), ".log").pop().unwrap();
            let length = std::fs::metadata(&log).unwrap().len();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let keep = (length as f64 * cut) as u64;
            OpenOptions::new().write(true).open(&log).unwrap().set_len(keep).unwrap();
            let store = open(torn.path(), KEEP).unwrap();
            prop_assert!(check(&store, &model).unwrap() as u64 <= last);
            catch_up(store, &model);
        }
        drop(overlays);
    }
}

#[test]
fn a_changed_byte_of_the_log_is_refused_or_leaves_an_earlier_whole_block() {
    let directory = tempfile::tempdir().unwrap();
    let (_overlays, model) = build(directory.path(), 8, &[3], &[]);
    let log = files(directory.path(), ".log").pop().unwrap();
    let length = std::fs::metadata(log).unwrap().len();
    let (mut refused, mut opened) = (0, 0);
    for at in (0..length).step_by(usize::try_from(length / 60).unwrap()) {
        let copy = copy(directory.path());
        flip(&files(copy.path(), ".log").pop().unwrap(), at);
        match open(copy.path(), KEEP) {
            Err(e) => {
                assert_eq!(e.code(), "STORE_DAMAGED", "{e}");
                refused += 1;
            }
            Ok(store) => {
                check(&store, &model).unwrap();
                opened += 1;
            }
        }
    }
    assert!(refused > opened * 4, "{refused} refused, {opened} opened");
}

#[test]
fn a_missing_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (overlays, _) = build(directory.path(), 6, &[2, 4], &[]);
    drop(overlays);
    for kind in ["CURRENT", "MANIFEST", ".sst"] {
        for file in files(directory.path(), kind) {
            let copy = copy(directory.path());
            let name = file.file_name().unwrap();
            std::fs::remove_file(copy.path().join("store").join(name)).unwrap();
            let named = name.to_str().unwrap();
            let e = open(copy.path(), KEEP).expect_err(named);
            assert_eq!(e.code(), "STORE_DAMAGED", "{e}");
            assert!(e.to_string().contains(named), "{named}: {e}");
            assert!(e.message_zh().contains(named) && e.message_zh().contains("votes.journal"));
        }
    }
}

#[test]
fn a_shortened_or_changed_file_is_refused_or_read_right_never_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let (overlays, model) = build(directory.path(), 6, &[2, 4], &[]);
    drop(overlays);
    let mut refused = 0;
    for kind in ["CURRENT", "MANIFEST", ".sst"] {
        for file in files(directory.path(), kind) {
            let length = std::fs::metadata(&file).unwrap().len();
            let name = file.file_name().unwrap();
            let short = copy(directory.path());
            let target = short.path().join("store").join(name);
            OpenOptions::new().write(true).open(&target).unwrap().set_len(length / 2).unwrap();
            let e = open(short.path(), KEEP).and_then(|store| check(&store, &model).map(|_| ()));
            assert_eq!(e.expect_err(target.to_str().unwrap()).code(), "STORE_DAMAGED");
            for at in (0..length).step_by(usize::try_from(length.div_ceil(5)).unwrap()) {
                let changed = copy(directory.path());
                flip(&changed.path().join("store").join(name), at);
                match open(changed.path(), KEEP).and_then(|store| check(&store, &model)) {
                    Ok(_) => {}
                    Err(e) => {
                        assert_eq!(e.code(), "STORE_DAMAGED", "{e}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_crash_while_the_store_is_made_leaves_none() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("store.new")).unwrap();
    std::fs::write(directory.path().join("store.new/MANIFEST-000001"), b"half").unwrap();
    let store = open(directory.path(), KEEP).unwrap();
    assert_eq!(store.tip().height, Height(0));
    assert!(!directory.path().join("store.new").exists());
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (mut overlays, model) = build(directory.path(), 5, &[2], &[]);
    let target = directory.path().join("backup");
    overlays.store().backup(&target).unwrap();
    extend(&mut overlays, 6, 3, changes_at(6));
    assert_eq!(check(&open(&target, KEEP).unwrap(), &model).unwrap(), 5);
    assert_eq!(overlays.store().backup(&target).unwrap_err().code(), "STORE_IO");
}
