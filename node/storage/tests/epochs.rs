//! The end of an epoch: what finalizes its last block, and what shows outsiders who follows.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::chain::{Chain, genesis, key, rows, transaction, void_blocks};
use hnchain_proof::{follow, tree::verify_state};
use hnchain_storage::{Changes, StorageError, Store};
use hnchain_types::block::{FinalizedBlock, Header, HeaderFields};
use hnchain_types::certificate::Certificate;
use hnchain_types::governance::{EpochRow, epoch_key};
use hnchain_types::{Epoch, Height};

fn begin() -> (tempfile::TempDir, Chain) {
    let directory = tempfile::tempdir().unwrap();
    let chain = Chain::begin(directory.path());
    (directory, chain)
}

fn misuse<T: std::fmt::Debug>(result: Result<T, StorageError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), "STORE_MISUSE", "{error}");
    error.to_string()
}

#[test]
fn the_last_block_of_an_epoch_is_final_by_its_own_certificate_or_by_a_void_blocks() {
    let (directory, mut chain) = begin();
    chain.run(3);
    for (void, joining) in [(0, 10), (3, 11)] {
        let before = chain.store().tip();
        assert_eq!((before.next_epoch, before.next_validators), (before.epoch, chain.validators.hash()));
        let done = chain.end_epoch(joining, void);
        let tip = chain.store().tip();
        assert_eq!((tip.height, tip.block), (before.height.next(), done.block.header.hash()));
        assert_eq!((tip.epoch, tip.next_epoch), (before.epoch, before.epoch.next()));
        assert_eq!(tip.next_validators, chain.validators.hash());
        assert_eq!((tip.closing.len(), &tip.certificate), (void, &done.certificate));
        assert_eq!(FinalizedBlock::decode(&chain.store().block(tip.height).unwrap().unwrap()).unwrap(), *done);
        // The next epoch builds on the last block, never on a void one.
        let next = chain.extend(&[], Changes::new());
        assert_eq!((next.block.header.parent, next.block.header.epoch), (tip.block, tip.next_epoch));
    }
    chain.end_epoch(12, 2);
    let tip = chain.store().tip();
    drop(chain);
    let store = Store::open(directory.path(), &genesis(), &rows()).unwrap();
    assert_eq!(store.tip(), tip, "with its certificate and its closing");
}

#[test]
fn rows_are_proven_under_the_header_of_a_void_block() {
    let (_d, mut chain) = begin();
    chain.run(2);
    let done = chain.end_epoch(10, 2);
    let proven = chain.store().prove("org/o7").unwrap().unwrap();
    let header = Header::decode(&proven.header).unwrap();
    assert_eq!((proven.height, header.height), (Height(3), Height(5)));
    assert_eq!((header.hash(), proven.result.as_slice()), (done.closing[1].hash(), done.result.raw()));
    assert!(proven.path.is_empty(), "it is of the first epoch still");
    assert_eq!(verify_state(&proven.state, &done.result.state_root).unwrap(), Some(&b"organization 7"[..]));
    let certificate = Certificate::decode(&proven.certificate).unwrap();
    certificate.verify(chain.genesis.digest(), chain.genesis.validators()).unwrap();
    assert_eq!(certificate.statement.block(), Some(header.hash()));
    // One block later the path is needed, and there.
    chain.extend(&[], Changes::new());
    assert_eq!(chain.store().prove("org/o7").unwrap().unwrap().path.len(), 1);
}

#[test]
fn the_steps_lead_from_the_genesis_to_every_epoch() {
    let (_d, mut chain) = begin();
    let mut sets = vec![chain.validators.clone()];
    for (void, joining) in [(0, 10), (1, 11), (4, 12)] {
        chain.run(2);
        chain.end_epoch(joining, void);
        sets.push(chain.validators.clone());
    }
    for (epoch, set) in (0..).zip(&sets) {
        let steps = chain.store().epoch_steps(Epoch(epoch)).unwrap();
        assert_eq!(steps.len() as u64, epoch);
        assert_eq!(*follow(&chain.genesis, &steps).unwrap(), *set);
    }
    assert_eq!(chain.store().epoch_steps(Epoch(9)).unwrap().len(), 3, "those that there are");
}

#[test]
fn void_blocks_and_blocks_of_other_validators_are_none_of_the_chain() {
    let (_d, mut chain) = begin();
    chain.run(1);
    let (last, result, ..) = chain.last_block(10);
    let void = chain.next_block(&[]);
    let on_last = |change: fn(&mut HeaderFields)| {
        let mut fields = HeaderFields {
            height: last.header.height.next(),
            parent: last.header.hash(),
            view: last.header.view.next(),
            parent_view: last.header.view,
            ..(*void.header).clone()
        };
        change(&mut fields);
        let block = hnchain_types::block::Block::new(Header::new(fields), vec![], vec![]).unwrap();
        std::sync::Arc::new(block)
    };
    let validators = chain.validators.hash();
    for block in [on_last(|_| ()), on_last(|h| h.epoch = Epoch(1))] {
        let why = misuse(chain.overlays.apply(block, Changes::new(), vec![], vec![], validators));
        assert!(why.contains("epoch 1"), "{why}");
    }
    // Nor is the block that ends the epoch final with another that follows it.
    let (keys, next) = (chain.keys[1..].to_vec(), result.next_validators);
    drop(keys);
    let mut fields = (*on_last(|h| h.epoch = Epoch(1)).header).clone();
    fields.validators = next;
    let block = std::sync::Arc::new(hnchain_types::block::Block::new(Header::new(fields), vec![], vec![]).unwrap());
    let after = chain.overlays.apply(block.clone(), Changes::new(), vec![], vec![], next).unwrap();
    let certificate = chain.certificate(&block.header, &after);
    let why = misuse(chain.overlays.finalize(&block.header.hash(), &certificate, vec![]));
    assert!(why.contains("ends its epoch"), "{why}");
}

#[test]
fn a_closing_that_does_not_lead_to_the_certificate_changes_nothing() {
    let (_d, mut chain) = begin();
    chain.run(1);
    let (last, result, ..) = chain.last_block(10);
    let hash = last.header.hash();
    let closing = void_blocks(&last.header, 2);
    let certificate = chain.certificate(&closing[1], &result);
    for wrong in [vec![], closing[..1].to_vec(), closing[1..].to_vec()] {
        misuse(chain.overlays.finalize(&hash, &certificate, wrong));
    }
    assert_eq!(chain.store().tip().height, Height(1));
    assert_eq!(chain.overlays.finalize(&hash, &certificate, closing).unwrap().len(), 1);
}

#[test]
fn the_row_of_the_next_validators_has_to_be_that_of_the_result() {
    let other = |epoch| {
        let set = hnchain_types::genesis::ValidatorSet::of(&[(key(77).public_key(), "province")]).unwrap();
        let row = EpochRow { epoch, first_height: Height(2), validators: set.list().clone() };
        Changes::from([(epoch_key(epoch), Some(row.encode()))])
    };
    for (changes, why) in
        [(Changes::new(), "no row"), (other(Epoch(1)), "other validators"), (other(Epoch(2)), "no row")]
    {
        let (_d, mut chain) = begin();
        let members: Vec<_> = (5..9).map(|n| (key(n).public_key(), "province")).collect();
        let next = hnchain_types::genesis::ValidatorSet::of(&members).unwrap();
        let block = chain.next_block(&[transaction(1, 2_000_000)]);
        let result = chain.execute(&block, changes, &next);
        let certificate = chain.certificate(&block.header, &result);
        let said = misuse(chain.overlays.finalize(&block.header.hash(), &certificate, vec![]));
        assert!(said.contains(why), "{said}");
    }
}
