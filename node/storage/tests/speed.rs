//! Updates a second, measured on demand:
//! `cargo test -p hnchain-storage --test speed -- --ignored --nocapture`
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::*;
use hnchain_storage::{Changes, Options, Overlays};
use hnchain_types::View;
use std::time::{Duration, Instant};

/// Rows like those of the ledger: about 250 bytes under a certificate's identifier.
fn fresh(block: u64, count: u64) -> Changes {
    let key = |i| format!("anchor/certificate/1.2.156.3005.2.{block:08}.{i:08}");
    (0..count).map(|i| (key(i), Some(vec![u8::try_from(i % 251).unwrap(); 250]))).collect()
}

/// One block on the tip; how long applying and finalizing took.
fn measure(overlays: &mut Overlays, number: u64, changes: Changes) -> (Duration, Duration) {
    let tip = overlays.store().tip();
    let transactions = u32::try_from(changes.len()).unwrap();
    let b = block((tip.height, tip.block, tip.view), View(tip.view.0 + 1), number, transactions);
    let (receipts, ids) = (receipts(&b), ids(&b));
    let start = Instant::now();
    let validators = genesis_validators();
    let result = overlays.apply(b.clone(), changes, receipts, ids, validators).unwrap();
    let applied = start.elapsed();
    let certificate = certificate(&b, &result);
    let start = Instant::now();
    overlays.finalize(&b.header.hash(), &certificate, vec![]).unwrap();
    (applied, start.elapsed())
}

fn genesis_validators() -> hnchain_types::ValidatorsHash {
    use std::sync::OnceLock;
    static HASH: OnceLock<hnchain_types::ValidatorsHash> = OnceLock::new();
    *HASH.get_or_init(|| genesis("henan").validators().hash())
}

#[test]
#[ignore = "a measurement"]
fn blocks_of_fresh_keys_on_a_tree_of_100k() {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options::default()).unwrap());
    let mut number = 0;
    let start = Instant::now();
    for _ in 0..50 {
        measure(&mut overlays, number, fresh(number, 2000));
        number += 1;
    }
    println!("100 000 keys in 50 blocks: {:?}", start.elapsed());
    for (count, blocks) in [(1u64, 200), (200, 200), (2000, 20)] {
        for deletions in [false, true] {
            let mut times = Vec::new();
            for _ in 0..blocks {
                let mut changes = fresh(number, count);
                if deletions {
                    changes.insert("nobody".into(), None);
                }
                times.push(measure(&mut overlays, number, changes));
                number += 1;
            }
            let total = |f: fn(&(Duration, Duration)) -> Duration| times.iter().map(f).sum::<Duration>() / blocks;
            let (apply, finalize) = (total(|t| t.0), total(|t| t.1));
            let rate = f64::from(u32::try_from(count).unwrap()) / (apply + finalize).as_secs_f64();
            let form = if deletions { "one by one" } else { "batch" };
            println!("{count} keys a block, {form}: apply {apply:?}, finalize {finalize:?}, {rate:.0} updates/s");
        }
    }
    let start = Instant::now();
    let store = overlays.store();
    for i in 0..2000 {
        store.prove(&format!("anchor/certificate/1.2.156.3005.2.{:08}.{i:08}", i % 50)).unwrap().unwrap();
    }
    println!("proof: {:?}", start.elapsed() / 2000);
    let start = Instant::now();
    drop(overlays);
    println!("close: {:?}", start.elapsed());
    let start = Instant::now();
    let store = open(directory.path(), Options::default()).unwrap();
    println!("open: {:?} at height {}", start.elapsed(), store.tip().height);
    drop(store);
    let bytes: u64 =
        std::fs::read_dir(directory.path().join("store")).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    println!("on disk: {bytes} bytes");
}
