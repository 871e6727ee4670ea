//! A store begins from a snapshot of another, and goes on as that one does.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::chain::{Chain, VALIDITY_MS, genesis, rows, transaction};
use hnchain_proof::follow;
use hnchain_storage::snapshot::{self, Checkpoint, Reason, SnapshotError, Summary};
use hnchain_storage::{Changes, Options, Store};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::transaction::{Outcome, Receipt, Transaction};
use hnchain_types::{Epoch, Height};
use std::path::{Path, PathBuf};

fn export(chain: &Chain, folder: &Path) -> (PathBuf, Summary) {
    let file = folder.join("a.hnsnapshot");
    let summary = snapshot::export(chain.store(), &file, &mut |_, _| ()).unwrap();
    (file, summary)
}

fn import(directory: &Path, file: &Path) -> Result<Summary, SnapshotError> {
    snapshot::import(directory, &genesis(), &rows(), file, None, &mut |_, _| ())
}

fn open(directory: &Path) -> Store {
    Store::open(directory, &genesis(), &rows()).unwrap()
}

/// Thirty blocks, three of which end an epoch, and a transaction of the fifth that is valid until after the last.
fn long(directory: &Path) -> (Chain, Transaction) {
    let mut chain = Chain::begin(directory);
    chain.run(4);
    let lasting = transaction(200, chain.next_ms() + 30 * VALIDITY_MS);
    chain.extend(std::slice::from_ref(&lasting), Changes::new());
    chain.run(5);
    for (joining, void) in [(10, 0), (11, 2), (12, 1)] {
        chain.end_epoch(joining, void);
        chain.run(5);
    }
    // A replay within the window of a transaction from before it.
    let replay = transaction(201, chain.next_ms() + VALIDITY_MS);
    chain.extend(&[lasting.clone(), replay.clone()], Changes::new());
    chain.extend(&[replay], Changes::new());
    (chain, lasting)
}

fn outcomes(block: &FinalizedBlock) -> Vec<bool> {
    block.receipts.iter().map(|r| Receipt::decode(r).unwrap().accepted()).collect()
}

#[test]
fn an_imported_store_is_the_exported_one_from_its_first_block_on() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, lasting) = long(home.path());
    let (file, exported) = export(&chain, files.path());
    assert_eq!(import(away.path(), &file).unwrap(), exported);
    let (old, new) = (chain.store(), open(away.path()));
    let (first, tip) = (new.first_height(), new.tip());
    assert_eq!((tip.clone(), first), (old.tip(), exported.manifest.first_height));
    assert_eq!(old.first_height(), Height(1));
    assert!(first > Height(10) && first < tip.height);

    let time = |height| FinalizedBlock::decode(&old.block(height).unwrap().unwrap()).unwrap().block.header.time_ms;
    assert!(time(first) + VALIDITY_MS <= tip.time_ms && time(first.next()) + VALIDITY_MS > tip.time_ms);
    for height in (1..=tip.height.0).map(Height) {
        let block = FinalizedBlock::decode(&old.block(height).unwrap().unwrap()).unwrap();
        let here = height >= first;
        assert_eq!(new.block(height).unwrap(), here.then(|| block.encode()), "{height}");
        assert_eq!(new.height_of(&block.block.header.hash()).unwrap(), here.then_some(height));
        for raw in &block.block.transactions {
            let id = Transaction::decode(raw).unwrap().id();
            let place = old.transaction(&id).unwrap();
            let known = here || id == lasting.id();
            assert_eq!(new.transaction(&id).unwrap(), place.filter(|(height, _)| *height >= first), "{height}");
            assert_eq!(new.included(&id).unwrap(), place.filter(|_| known), "{height}");
        }
    }
    for key in (0..=tip.height.0).map(|h| format!("block/{h}")).chain(rows().into_keys()).chain(["params".into()]) {
        let proven = new.prove(&key).unwrap().unwrap();
        assert_eq!(Some(&proven), old.prove(&key).unwrap().as_ref());
        assert_eq!(proven.path.len(), 3);
    }
    for epoch in (0..=3).map(Epoch) {
        assert_eq!(new.epoch_steps(epoch).unwrap(), old.epoch_steps(epoch).unwrap());
    }
    follow(&chain.genesis, &new.epoch_steps(tip.next_epoch).unwrap()).unwrap();
}

/// The same blocks on both stores; gives the outcomes of the last one's transactions.
fn extend_both(old: &mut Chain, new: &mut Chain, transactions: &[Transaction]) -> Vec<bool> {
    let height = old.store().tip().height.0 + 1;
    let (a, b) =
        (old.extend(transactions, fixture::changes_at(height)), new.extend(transactions, fixture::changes_at(height)));
    assert_eq!(a, b);
    outcomes(&a)
}

#[test]
fn it_continues_as_the_others_do_and_refuses_the_same_replays() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut old, lasting) = long(home.path());
    let recent = transaction(202, old.next_ms() + VALIDITY_MS);
    old.extend(std::slice::from_ref(&recent), Changes::new());
    let (file, _) = export(&old, files.path());
    import(away.path(), &file).unwrap();
    let mut new = Chain::on(open(away.path()));
    (new.keys, new.validators) = (old.keys.clone(), old.validators.clone());

    let fresh = transaction(203, old.next_ms() + VALIDITY_MS);
    // `lasting` is only in a block that the new store does not have.
    assert_eq!(extend_both(&mut old, &mut new, &[fresh, lasting, recent]), [true, false, false]);
    for _ in 0..30 {
        extend_both(&mut old, &mut new, &[]);
    }
    // Over the end of an epoch, and of a process.
    let (a, b) = (old.end_epoch(20, 1), new.end_epoch(20, 1));
    assert_eq!(a, b);
    let (keys, validators) = (new.keys, new.validators);
    drop(new.overlays);
    let mut new = Chain::on(open(away.path()));
    (new.keys, new.validators) = (keys, validators);
    extend_both(&mut old, &mut new, &[]);
    assert_eq!(new.store().prove("params").unwrap(), old.store().prove("params").unwrap());
}

#[test]
fn a_snapshot_of_an_imported_store_is_the_same_file() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, _) = long(home.path());
    let (file, exported) = export(&chain, files.path());
    import(away.path(), &file).unwrap();
    let again = files.path().join("again");
    let second = snapshot::export(&open(away.path()), &again, &mut |_, _| ()).unwrap();
    assert_eq!((second, exported.manifest.lasting), (exported, 1));
    assert!(std::fs::read(&file).unwrap() == std::fs::read(&again).unwrap());
}

#[test]
fn a_snapshot_at_the_end_of_an_epoch_tells_who_follows() {
    for void in [0, 2] {
        let (home, away, files) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut old = Chain::begin(home.path());
        old.run(15);
        old.end_epoch(10, void);
        let (file, exported) = export(&old, files.path());
        assert_eq!((exported.manifest.epoch, exported.manifest.steps), (Epoch(0), 1));
        import(away.path(), &file).unwrap();
        let mut new = Chain::on(open(away.path()));
        (new.keys, new.validators) = (old.keys.clone(), old.validators.clone());
        assert_eq!(new.store().tip(), old.store().tip());
        extend_both(&mut old, &mut new, &[]);
        assert_eq!(new.store().epoch_steps(Epoch(1)).unwrap(), old.store().epoch_steps(Epoch(1)).unwrap());
    }
}

#[test]
fn a_young_chain_is_exported_wholly() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut chain = Chain::begin(home.path());
    let empty = snapshot::export(chain.store(), &files.path().join("empty"), &mut |_, _| ()).unwrap_err();
    assert_eq!(empty.reason(), Some(Reason::Nothing));
    chain.run(3);
    let (file, exported) = export(&chain, files.path());
    assert_eq!(exported.manifest.first_height, Height(1));
    import(away.path(), &file).unwrap();
    let new = open(away.path());
    assert_eq!(new.block(Height(1)).unwrap(), chain.store().block(Height(1)).unwrap());
    assert_eq!((new.first_height(), new.tip()), (Height(1), chain.store().tip()));
}

#[test]
fn a_lasting_transaction_is_forgotten_when_it_has_expired() {
    let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut chain = Chain::begin(home.path());
    let lasting = transaction(200, chain.next_ms() + 2 * VALIDITY_MS);
    chain.extend(&[lasting], Changes::new());
    chain.run(15);
    let manifest = export(&chain, files.path()).1.manifest;
    assert_eq!(manifest.lasting, 1);
    chain.run(10);
    let later = snapshot::export(chain.store(), &files.path().join("later"), &mut |_, _| ()).unwrap();
    assert_eq!(later.manifest.lasting, 0);
}

#[test]
fn an_export_and_an_import_tell_how_far_they_have_come() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, _) = long(home.path());
    let (mut out, mut inn) = (Vec::new(), Vec::new());
    let file = files.path().join("s");
    let summary = snapshot::export(chain.store(), &file, &mut |done, all| out.push((done, all))).unwrap();
    snapshot::import(away.path(), &genesis(), &rows(), &file, None, &mut |done, all| inn.push((done, all))).unwrap();
    let total = summary.manifest.items();
    for told in [out, inn] {
        assert!(told.windows(2).all(|w| w[0].0 <= w[1].0), "{told:?}");
        assert!(told.len() > 5 && told.last() == Some(&(total, total)), "{told:?}");
    }
}

#[test]
fn a_checkpoint_has_to_be_a_block_of_the_chain() {
    let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, _) = long(home.path());
    let (file, exported) = export(&chain, files.path());
    let tip = chain.store().tip();
    let hash = |height| {
        FinalizedBlock::decode(&chain.store().block(Height(height)).unwrap().unwrap()).unwrap().block.header.hash()
    };
    let import = |checkpoint: Checkpoint| {
        let away = tempfile::tempdir().unwrap();
        let result = snapshot::import(away.path(), &genesis(), &rows(), &file, Some(checkpoint), &mut |_, _| ());
        assert_eq!(away.path().join("store").exists(), result.is_ok());
        result.map_err(|e| e.reason().unwrap())
    };
    // The tip, a block of the file, and blocks from before it.
    for height in [tip.height.0, exported.manifest.first_height.0, 7, 1] {
        let checkpoint = Checkpoint { height: Height(height), block: hash(height) };
        assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
        assert!(import(checkpoint).is_ok(), "{height}");
    }
    for (height, block) in [(tip.height.0, hash(7)), (7, hash(8)), (tip.height.0 + 1, tip.block), (0, tip.block)] {
        assert_eq!(import(Checkpoint { height: Height(height), block }), Err(Reason::Checkpoint), "{height}");
    }
    for text in ["", "7", "7:", ":ab", "x:y", "0:0000", &format!("0:{}", tip.block), &format!("-1:{}", tip.block)] {
        assert!(text.parse::<Checkpoint>().is_err(), "{text}");
    }
}

#[test]
fn the_file_and_the_directory_have_to_be_free() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, _) = long(home.path());
    let (file, _) = export(&chain, files.path());
    let exists = snapshot::export(chain.store(), &file, &mut |_, _| ()).unwrap_err();
    assert_eq!(exists.code(), "SNAPSHOT_EXISTS");
    import(away.path(), &file).unwrap();
    let again = import(away.path(), &file).unwrap_err();
    assert_eq!(again.code(), "SNAPSHOT_NOT_EMPTY");
    let used = import(home.path(), &file).unwrap_err();
    assert_eq!(used.code(), "STORE_LOCKED");
    assert_eq!(open(away.path()).tip(), chain.store().tip(), "nothing was changed");
    let missing = import(tempfile::tempdir().unwrap().path(), &files.path().join("none")).unwrap_err();
    assert_eq!(missing.code(), "STORE_IO");
    // An empty mount point is free.
    let mounted = tempfile::tempdir().unwrap();
    std::fs::create_dir(mounted.path().join("store")).unwrap();
    import(mounted.path(), &file).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_crash_in_the_middle_of_an_import_leaves_no_store() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, _) = long(home.path());
    let (file, exported) = export(&chain, files.path());
    let crashes = tempfile::tempdir().unwrap();
    let mut seen = 0;
    let mut crash = |_, _| {
        copy(away.path(), &crashes.path().join(seen.to_string()));
        seen += 1;
    };
    snapshot::import(away.path(), &genesis(), &rows(), &file, None, &mut crash).unwrap();
    assert!(seen > 5);
    for crashed in 0..seen {
        let directory = crashes.path().join(crashed.to_string());
        assert!(directory.join("store.new").exists() && !directory.join("store").exists());
        if crashed % 2 == 0 {
            assert_eq!(import(&directory, &file).unwrap(), exported);
            assert_eq!(open(&directory).tip(), chain.store().tip());
        } else {
            assert_eq!(open(&directory).tip().height, Height(0), "as new");
        }
        assert!(!directory.join("store.new").exists());
    }
}

#[test]
fn the_tree_of_an_imported_store_is_pruned_like_any_other() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, _) = long(home.path());
    let (file, _) = export(&old, files.path());
    import(away.path(), &file).unwrap();
    let store = Store::open_with(away.path(), &genesis(), &rows(), Options { keep_versions: 1 }).unwrap();
    let mut new = Chain::on(store);
    (new.keys, new.validators) = (old.keys.clone(), old.validators.clone());
    for _ in 0..12 {
        new.extend(&[], fixture::changes_at(new.store().tip().height.0 + 1));
    }
    for key in rows().into_keys().chain(["params".into(), "org/none".into()]) {
        assert!(new.store().prove(&key).unwrap().is_some());
    }
}

#[test]
fn a_rejected_replay_is_told_with_its_first_place() {
    let (home, away, files) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut old, lasting) = long(home.path());
    let (file, _) = export(&old, files.path());
    import(away.path(), &file).unwrap();
    let mut new = Chain::on(open(away.path()));
    (new.keys, new.validators) = (old.keys.clone(), old.validators.clone());
    let (a, b) = (
        old.extend(std::slice::from_ref(&lasting), Changes::new()),
        new.extend(std::slice::from_ref(&lasting), Changes::new()),
    );
    assert_eq!(a, b);
    let Outcome::Rejected(why) = Receipt::decode(&b.receipts[0]).unwrap().outcome else { panic!("a replay") };
    assert!(why.message.contains("height=5 index=0"), "{}", why.message);
}
