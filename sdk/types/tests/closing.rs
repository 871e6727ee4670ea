//! The end of an epoch: a block that is final by a void descendant.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_crypto::merkle;
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, HeaderFields, payload_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, DecodeError, Epoch, GenesisDigest, View, limits, proto};
use prost::Message;

fn closed(change: impl FnOnce(&mut FinalizedBlock)) -> Result<(), &'static str> {
    let mut block = support::closed();
    change(&mut block);
    let decoded = FinalizedBlock::decode(&block.encode());
    decoded.map(|b| assert_eq!(b, block)).map_err(|error| match error {
        DecodeError::Field { field, .. } => field,
        other => panic!("{other:?}"),
    })
}

#[test]
fn the_last_block_of_an_epoch_is_final_by_a_void_descendant() {
    assert_eq!(closed(|_| ()), Ok(()));
    let block = support::closed();
    assert!(block.ends_epoch() && !support::finalized().ends_epoch());
    assert_eq!(block.certified(), &block.closing[1]);
    assert_eq!(support::finalized().certified(), &support::header());
    // The nearer descendant may be the certified one as well.
    let nearer = |b: &mut FinalizedBlock| {
        b.closing.truncate(1);
        let statement = Statement::Finalize { block: b.closing[0].hash(), result: b.result.hash() };
        b.certificate = Some(support::certificate(statement, b.closing[0].view.0, &[0, 1, 2]));
    };
    assert_eq!(closed(nearer), Ok(()));
}

/// With this header in the place of the last of the two, certified.
fn certify(b: &mut FinalizedBlock, change: impl FnOnce(&mut HeaderFields)) {
    let mut fields = (*b.closing[1]).clone();
    change(&mut fields);
    b.closing[1] = Header::new(fields);
    let statement = Statement::Finalize { block: b.closing[1].hash(), result: b.result.hash() };
    let certificate = support::certificate(statement, b.closing[1].view.0, &[0, 1, 2]);
    b.certificate = Some(Certificate { epoch: b.closing[1].epoch, ..certificate });
}

#[test]
fn closing_headers_follow_the_block_one_by_one_within_the_epoch() {
    assert_eq!(closed(|b| certify(b, |_| ())), Ok(()));
    let changes: [fn(&mut HeaderFields); 6] = [
        |h| h.parent = BlockHash(support::hash("another parent")),
        |h| h.parent_view = View(6),
        |h| h.height = h.height.next(),
        |h| h.epoch = Epoch(1),
        |h| h.validators = support::no_validators(),
        |h| h.genesis = GenesisDigest(support::hash("another chain")),
    ];
    for change in changes {
        assert_eq!(closed(|b| certify(b, change)), Err("closing"));
    }
    assert_eq!(closed(|b| drop(b.closing.remove(0))), Err("closing"));
    assert_eq!(closed(|b| b.closing.swap(0, 1)), Err("closing"));
    // a descendant of a block that does not change the validators is no void block
    let same = ExecutionResult::new(
        support::result().state_root,
        merkle::root(&support::receipts()),
        support::header().validators,
    );
    let unchanged = |b: &mut FinalizedBlock| {
        b.result = same;
        certify(b, |_| ());
    };
    assert_eq!(closed(unchanged), Err("closing"));
}

#[test]
fn the_certificate_of_a_closing_is_of_its_last_header_and_of_the_blocks_result() {
    assert_eq!(closed(|b| b.certificate = None), Err("closing"));
    assert_eq!(closed(|b| drop(b.closing.pop())), Err("certificate"));
    assert_eq!(closed(|b| b.closing.clear()), Err("certificate"));
    let own = support::finalized().certificate;
    assert_eq!(closed(|b| b.certificate = own), Err("certificate"));
    let other = |b: &mut FinalizedBlock| {
        let statement = Statement::Finalize { block: b.closing[1].hash(), result: support::result().hash() };
        b.certificate = Some(support::certificate(statement, b.closing[1].view.0, &[0, 1, 2]));
    };
    assert_eq!(closed(other), Err("certificate"));
}

#[test]
fn too_many_closing_headers_are_refused_before_they_are_read() {
    let raw = support::closed().encode();
    let refused = |n| {
        let mut m = proto::FinalizedBlock::decode(raw.as_slice()).unwrap();
        m.closing = vec![vec![1]; n];
        FinalizedBlock::decode(&m.encode_to_vec()).unwrap_err()
    };
    assert!(matches!(refused(limits::CLOSING + 1), DecodeError::Field { field: "closing", .. }));
    assert!(matches!(refused(limits::CLOSING), DecodeError::Malformed { what: "header", .. }));
}

/// What a liar makes of the certificate of a real end: an earlier block, or one without transactions, that ends the epoch.
#[test]
fn the_result_of_a_last_block_must_be_its_own() {
    let on = |receipts: Vec<Vec<u8>>, transactions: Vec<Vec<u8>>| {
        let fields = HeaderFields { payload_root: payload_root(&transactions), ..support::header_fields() };
        let header = Header::new(fields);
        let (first, closed) = (support::void_on(&header), support::closed());
        let (root, next) = (closed.result.state_root, closed.result.next_validators);
        let result = ExecutionResult::new(root, merkle::root(&receipts), next);
        let statement = Statement::Finalize { block: first.hash(), result: result.hash() };
        let certificate = Some(support::certificate(statement, first.view.0, &[0, 1, 2]));
        let block = Block::new(header, transactions, support::skips()).unwrap();
        FinalizedBlock::decode(&FinalizedBlock { block, result, certificate, closing: vec![first], receipts }.encode())
    };
    let own = support::receipts();
    assert!(on(own.clone(), support::transactions()).is_ok());
    let mut other = proto::Receipt::decode(own[0].as_slice()).unwrap();
    other.height += 1;
    let field = |d: Result<FinalizedBlock, DecodeError>| match d.unwrap_err() {
        DecodeError::Field { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(on(vec![other.encode_to_vec(), own[1].clone()], support::transactions())), "receipts");
    assert_eq!(field(on(vec![], vec![])), "receipts");
}
