//! Whose directory it is, who holds it, and what is kept in it.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::*;
use hnchain_storage::{Changes, Options, Overlays, Store};
use hnchain_types::{Height, View, wire};
use jmt::storage::Node;
use rocksdb::{DB, IteratorMode};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn a_new_directory_stands_at_genesis_and_an_old_one_where_it_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("some/where");
    let store = open(&nested, Options::default()).unwrap();
    let genesis = genesis("henan");
    let tip = store.tip();
    assert_eq!((tip.height, tip.block, tip.result, tip.time_ms), (Height(0), genesis.block_hash(), None, 1_000));
    assert_eq!(store.row("org/o7").unwrap(), Some(b"organization 7".to_vec()));
    assert_eq!(store.block(Height(0)).unwrap(), None);
    let mut overlays = Overlays::new(store);
    extend(&mut overlays, 0, 1, changes_at(1));
    let tip = overlays.store().tip();
    drop(overlays);
    assert_eq!(open(&nested, Options::default()).unwrap().tip(), tip);
}

#[test]
fn another_chain_is_refused_and_both_are_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Options::default()).unwrap());
    let other = genesis("kaifeng");
    let e = Store::open(directory.path(), &other, &initial_rows()).unwrap_err();
    assert_eq!(e.code(), "STORE_OTHER_CHAIN");
    for text in [e.to_string(), e.message_zh()] {
        assert!(text.contains(&other.digest().to_string()) && text.contains(&genesis("henan").digest().to_string()));
    }
    open(directory.path(), Options::default()).expect("nothing was changed");
}

#[test]
fn other_initial_rows_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Options::default()).unwrap());
    let mut rows = initial_rows();
    rows.insert("params".into(), vec![1]);
    let e = Store::open(directory.path(), &genesis("henan"), &rows).unwrap_err();
    assert_eq!(e.code(), "STORE_OTHER_RULES");
}

#[test]
fn a_directory_in_use_is_refused_until_the_last_handle_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default()).unwrap();
    let handle = store.clone();
    drop(store);
    let e = open(directory.path(), Options::default()).unwrap_err();
    assert_eq!(e.code(), "STORE_LOCKED");
    assert!(e.to_string().contains(directory.path().to_str().unwrap()));
    drop(handle);
    open(directory.path(), Options::default()).unwrap();
}

#[test]
fn rocksdbs_own_lock_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Options::default()).unwrap());
    let other = raw(directory.path());
    assert_eq!(open(directory.path(), Options::default()).unwrap_err().code(), "STORE_LOCKED");
    drop(other);
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Options::default()).unwrap());
    let db = raw(directory.path());
    db.put_cf(db.cf_handle("meta").unwrap(), "format", 3u32.to_be_bytes()).unwrap();
    drop(db);
    let e = open(directory.path(), Options::default()).unwrap_err();
    assert_eq!(e.code(), "STORE_FORMAT");
    assert!(e.to_string().contains("format 3"), "{e}");
}

/// Where the damage is, as the message names it, and how it is done.
type Damage = (&'static str, fn(&DB));

#[test]
fn families_that_disagree_are_noticed_at_start() {
    let damage: [Damage; 6] = [
        ("rows", |db| db.put_cf(db.cf_handle("rows").unwrap(), b"\xfftip", 1u64.to_be_bytes()).unwrap()),
        ("transactions", |db| db.delete_cf(db.cf_handle("transactions").unwrap(), b"\xfftip").unwrap()),
        ("root node", |db| {
            db.delete_cf(db.cf_handle("nodes").unwrap(), [&2u64.to_be_bytes()[..], &[0]].concat()).unwrap();
        }),
        ("block at height 2", |db| db.delete_cf(db.cf_handle("blocks").unwrap(), 2u64.to_be_bytes()).unwrap()),
        ("the block", |db| {
            let blocks = db.cf_handle("blocks").unwrap();
            let first = db.get_cf(blocks, 1u64.to_be_bytes()).unwrap().unwrap();
            db.put_cf(blocks, 2u64.to_be_bytes(), first).unwrap();
        }),
        ("tip", |db| db.put_cf(db.cf_handle("meta").unwrap(), "tip", b"?").unwrap()),
    ];
    for (named, change) in damage {
        let directory = tempfile::tempdir().unwrap();
        let mut overlays = Overlays::new(open(directory.path(), Options::default()).unwrap());
        (1..3).for_each(|h| drop(extend(&mut overlays, h, 1, changes_at(h))));
        drop(overlays);
        change(&raw(directory.path()));
        let e = open(directory.path(), Options::default()).unwrap_err();
        assert_eq!(e.code(), "STORE_DAMAGED", "{e}");
        assert!(e.to_string().to_lowercase().contains(named), "{named}: {e}");
    }
}

#[test]
fn a_row_that_disagrees_with_the_tree_is_never_proven() {
    let directory = tempfile::tempdir().unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options::default()).unwrap());
    extend(&mut overlays, 0, 1, changes_at(1));
    drop(overlays);
    let db = raw(directory.path());
    let rows = db.cf_handle("rows").unwrap();
    db.put_cf(rows, "org/o1", b"somebody else").unwrap();
    db.put_cf(rows, "org/invented", b"invented").unwrap();
    db.delete_cf(rows, "org/o2").unwrap();
    drop(db);
    let store = open(directory.path(), Options::default()).unwrap();
    for key in ["org/o1", "org/invented", "org/o2"] {
        let e = store.prove(key).unwrap_err();
        assert_eq!(e.code(), "STORE_DAMAGED", "{e}");
    }
    assert!(store.prove("org/o3").unwrap().is_some());
}

#[test]
fn a_missing_tree_node_is_damage_and_not_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options::default()).unwrap());
    extend(&mut overlays, 0, 1, changes_at(1));
    drop(overlays);
    let db = raw(directory.path());
    let nodes = db.cf_handle("nodes").unwrap();
    for key in kept(&db).into_iter().filter(|key| key[8] > 0) {
        db.delete_cf(nodes, key).unwrap();
    }
    drop(db);
    let store = open(directory.path(), Options::default()).unwrap();
    assert_eq!(store.prove("org/o1").unwrap_err().code(), "STORE_DAMAGED");
    let tip = store.tip();
    let b = block((tip.height, tip.block, tip.view), View(tip.view.0 + 1), 0, 0);
    let changes = Changes::from([("org/o1".into(), Some(vec![1]))]);
    let validators = genesis("henan").validators().hash();
    let e = Overlays::new(store).apply(b, changes, vec![], vec![], validators).unwrap_err();
    assert_eq!(e.code(), "STORE_DAMAGED", "{e}");
}

fn raw(directory: &Path) -> DB {
    let path = directory.join("store");
    let options = rocksdb::Options::default();
    let names = DB::list_cf(&options, &path).unwrap();
    DB::open_cf(&options, &path, names).unwrap()
}

/// Nodes that the versions from `first` to `last` contain, by their keys on disk.
fn reachable(db: &DB, first: u64, last: u64) -> BTreeSet<Vec<u8>> {
    let nodes = db.cf_handle("nodes").unwrap();
    let mut found = BTreeSet::new();
    let mut left: Vec<(u64, Vec<u8>)> = (first..=last).map(|v| (v, vec![])).collect();
    while let Some((version, path)) = left.pop() {
        let packed = path.chunks(2).map(|p| p[0] << 4 | p.get(1).unwrap_or(&0));
        let key = version.to_be_bytes().into_iter().chain([u8::try_from(path.len()).unwrap()]).chain(packed).collect();
        if found.contains(&key) {
            continue;
        }
        let bytes = db.get_cf(nodes, &key).unwrap().unwrap_or_else(|| panic!("version {version}, path {path:?}"));
        if let Node::Internal(inner) = wire::decode("node", &bytes).unwrap() {
            let children = inner.children_sorted();
            left.extend(children.map(|(n, c)| (c.version, [&path[..], &[u8::from(n)]].concat())));
        }
        found.insert(key);
    }
    found
}

fn kept(db: &DB) -> BTreeSet<Vec<u8>> {
    let nodes = db.cf_handle("nodes").unwrap();
    db.iterator_cf(nodes, IteratorMode::Start).map(|row| row.unwrap().0.to_vec()).collect()
}

/// Blocks with changes, without any, and with deletions.
fn run(directory: &Path, options: Options, heights: std::ops::RangeInclusive<u64>) {
    let mut overlays = Overlays::new(open(directory, options).unwrap());
    for height in heights {
        let changes = if height % 4 == 3 { Changes::new() } else { changes_at(height) };
        extend(&mut overlays, height, 0, changes);
    }
}

#[test]
fn exactly_the_nodes_of_the_kept_versions_are_on_disk() {
    for keep in [1, 3, 10] {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), Options { keep_versions: keep }, 1..=30);
        let db = raw(directory.path());
        assert_eq!(kept(&db), reachable(&db, 30 - keep, 30), "keep {keep}");
        let stale = db.cf_handle("stale").unwrap();
        assert_eq!(db.iterator_cf(stale, IteratorMode::Start).count() as u64, keep);
    }
}

#[test]
fn an_archive_keeps_every_version_and_a_smaller_window_catches_up() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), Options { keep_versions: u64::MAX }, 1..=30);
    let db = raw(directory.path());
    assert_eq!(kept(&db), reachable(&db, 0, 30));
    drop(db);
    // A few versions a block, so that no block is slow.
    run(directory.path(), Options { keep_versions: 2 }, 31..=36);
    let db = raw(directory.path());
    assert_eq!(kept(&db), reachable(&db, 34, 36));
}

#[test]
fn blocks_that_become_final_together_are_pruned_together() {
    let directory = tempfile::tempdir().unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options { keep_versions: 1 }).unwrap());
    for round in 0..4u64 {
        let tip = overlays.store().tip();
        let mut at = (tip.height, tip.block, tip.view);
        for step in 1..=4 {
            let b = block(at, View(at.2.0 + 1), 0, 1);
            let result = apply(&mut overlays, &b, changes_at(round * 4 + step));
            at = next_of(&b);
            if step == 4 {
                assert_eq!(overlays.finalize(&at.1, &certificate(&b, &result), vec![]).unwrap().len(), 4);
            }
        }
    }
    extend(&mut overlays, 17, 0, changes_at(17));
    drop(overlays);
    let db = raw(directory.path());
    assert_eq!(kept(&db), reachable(&db, 16, 17));
}
