//! Executed blocks above the tip, and what finalizing writes.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::*;
use hnchain_storage::{Changes, Options, Overlays, StorageError, Store};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::{BlockHash, Height, View};
use std::collections::BTreeMap;

fn start() -> (tempfile::TempDir, Store, Overlays, (Height, BlockHash, View)) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default()).unwrap();
    let tip = store.tip();
    (directory, store.clone(), Overlays::new(store), (tip.height, tip.block, tip.view))
}

fn row(key: &str, value: u8) -> Changes {
    BTreeMap::from([(key.to_owned(), Some(vec![value]))])
}

#[test]
fn competing_blocks_do_not_see_each_other() {
    let (_d, store, mut overlays, root) = start();
    let (a, b) = (block(root, View(1), 1, 2), block(root, View(2), 2, 2));
    let ra = apply(&mut overlays, &a, row("k", 1));
    let rb = apply(&mut overlays, &b, row("k", 2));
    assert_ne!(ra.state_root, rb.state_root);
    let a2 = block(next_of(&a), View(3), 3, 0);
    let b2 = block(next_of(&b), View(4), 4, 0);
    apply(&mut overlays, &a2, row("l", 3));
    let rb2 = apply(&mut overlays, &b2, BTreeMap::from([("k".into(), None)]));
    let view = |h: &BlockHash, k| overlays.view(h).unwrap().row(k).unwrap();
    assert_eq!(view(&a2.header.hash(), "k"), Some(vec![1]));
    assert_eq!(view(&b2.header.hash(), "k"), None);
    assert_eq!(view(&b2.header.hash(), "l"), None);
    let of_a = ids(&a)[1];
    assert_eq!(overlays.view(&a2.header.hash()).unwrap().included(&of_a).unwrap(), Some((Height(1), 1)));
    assert_eq!(overlays.view(&b2.header.hash()).unwrap().included(&of_a).unwrap(), None);
    assert_eq!(store.transaction(&of_a).unwrap(), None);

    let done = overlays.finalize(&b2.header.hash(), &certificate(&b2, &rb2), vec![]).unwrap();
    let certified: Vec<bool> = done.iter().map(|f| f.certificate.is_some()).collect();
    assert_eq!(certified, [false, true], "only the last block has the certificate");
    assert!(overlays.is_empty() && overlays.view(&a2.header.hash()).is_none());
    assert_eq!(store.transaction(&of_a).unwrap(), None);
    assert_eq!(store.transaction(&ids(&b)[0]).unwrap(), Some((Height(1), 0)));
    assert_eq!(store.row("k").unwrap(), None);
}

#[test]
fn final_blocks_are_found_by_height_hash_and_transaction() {
    let (_d, store, mut overlays, _) = start();
    let done = extend(&mut overlays, 0, 3, changes_at(1));
    let stored = store.block(Height(1)).unwrap().unwrap();
    assert_eq!(FinalizedBlock::decode(&stored).unwrap(), *done);
    let hash = done.block.header.hash();
    assert_eq!(store.height_of(&hash).unwrap(), Some(Height(1)));
    assert_eq!(store.transaction(&ids(&done.block)[2]).unwrap(), Some((Height(1), 2)));
    assert_eq!(store.block(Height(2)).unwrap(), None);
    assert_eq!(store.tip().result, Some(done.result.hash()));
    assert_eq!(overlays.finalize(&hash, done.certificate.as_ref().unwrap(), vec![]).unwrap(), [], "final already");
}

#[test]
fn descendants_of_the_final_block_stay() {
    let (_d, store, mut overlays, root) = start();
    let a = block(root, View(1), 0, 1);
    let ra = apply(&mut overlays, &a, row("a", 1));
    let b = block(next_of(&a), View(2), 0, 1);
    let rb = apply(&mut overlays, &b, row("b", 1));
    overlays.finalize(&a.header.hash(), &certificate(&a, &ra), vec![]).unwrap();
    assert!(overlays.contains(&b.header.hash()) && !overlays.contains(&a.header.hash()));
    assert_eq!(overlays.result(&b.header.hash()), Some(rb.hash()));
    let c = block(next_of(&b), View(3), 0, 1);
    let rc = apply(&mut overlays, &c, row("c", 1));
    assert_eq!(overlays.finalize(&c.header.hash(), &certificate(&c, &rc), vec![]).unwrap().len(), 2);
    assert_eq!(store.tip().height, Height(3));
    assert_eq!(store.tip().state_root, rc.state_root);
}

#[test]
fn a_replayed_transaction_keeps_its_first_place() {
    let (_d, store, mut overlays, root) = start();
    let a = block(root, View(1), 0, 2);
    apply(&mut overlays, &a, row("a", 1));
    let b = block(next_of(&a), View(2), 0, 2);
    // The second block includes the first one's transaction again, and one of its own twice.
    let ids = vec![fixture::ids(&a)[1], fixture::ids(&a)[1]];
    let validators = genesis("henan").validators().hash();
    let rb = overlays.apply(b.clone(), Changes::new(), receipts(&b), ids.clone(), validators).unwrap();
    overlays.finalize(&b.header.hash(), &certificate(&b, &rb), vec![]).unwrap();
    assert_eq!(store.transaction(&ids[0]).unwrap(), Some((Height(1), 1)));
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let (_d, store, mut overlays, root) = start();
    let a = block(root, View(1), 0, 1);
    let stranger = block(next_of(&a), View(2), 0, 1);
    let validators = genesis("henan").validators().hash();
    let misuse = |r: Result<_, StorageError>| assert_eq!(r.map(|_: ()| ()).unwrap_err().code(), "STORE_MISUSE");
    misuse(
        overlays.apply(stranger.clone(), Changes::new(), receipts(&stranger), ids(&stranger), validators).map(|_| ()),
    );
    misuse(overlays.apply(a.clone(), Changes::new(), vec![], ids(&a), validators).map(|_| ()));
    let large = vec![vec![0; 8 * 1024 * 1024 + 1]];
    misuse(overlays.apply(a.clone(), Changes::new(), large, ids(&a), validators).map(|_| ()));
    let ra = apply(&mut overlays, &a, row("a", 1));
    assert_eq!(apply(&mut overlays, &a, row("a", 2)), ra, "a block is applied once");
    let mut other = certificate(&a, &ra);
    other.view = View(9);
    misuse(overlays.finalize(&a.header.hash(), &other, vec![]).map(|_| ()));
    misuse(overlays.finalize(&stranger.header.hash(), &certificate(&stranger, &ra), vec![]).map(|_| ()));
    assert_eq!(store.tip().height, Height(0));
    let mut second = Overlays::new(store.clone());
    overlays.finalize(&a.header.hash(), &certificate(&a, &ra), vec![]).unwrap();
    let b = block(root, View(2), 1, 0);
    let rb = apply(&mut second, &b, row("a", 3));
    misuse(second.finalize(&b.header.hash(), &certificate(&b, &rb), vec![]).map(|_| ()));
    assert_eq!(store.tip().block, a.header.hash());
}

#[test]
fn readers_see_whole_blocks_while_the_executor_writes() {
    let (_d, store, mut overlays, _) = start();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut last, mut proofs) = (0, 0u32);
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let tip = store.tip();
                        assert!(tip.height.0 >= last);
                        last = tip.height.0;
                        assert!(last == 0 || store.block(tip.height).unwrap().is_some());
                        // `prove` verifies the row against the root of the same snapshot.
                        if let Some(proven) = store.prove("params").unwrap() {
                            assert_eq!(proven.state.value, proven.height.0.to_be_bytes());
                            proofs += 1;
                        }
                    }
                    proofs
                })
            })
            .collect();
        for height in 1..60 {
            extend(&mut overlays, height, 2, changes_at(height));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(readers.into_iter().map(|r| r.join().unwrap()).sum::<u32>() > 0);
    });
}

#[test]
fn handles_cross_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Store>();
    shared::<Overlays>();
    shared::<hnchain_storage::Journal>();
    shared::<StorageError>();
}
