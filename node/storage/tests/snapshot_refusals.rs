//! What is not, in every part, a snapshot of this chain is refused and leaves nothing behind.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::chain::{Chain, VALIDITY_MS, genesis, genesis_of, key, rows, transaction};
use fixture::frames::{BLOCK, Frames, LASTING, MANIFEST, ROWS, STEP};
use hnchain_crypto::{Digest, merkle};
use hnchain_storage::snapshot::{self, Manifest, Reason};
use hnchain_storage::{Changes, Store};
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, HeaderFields, payload_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::transaction::{Outcome, Receipt};
use hnchain_types::{Height, StateRoot, TxId, proto};
use prost::Message;
use std::path::Path;
use std::sync::LazyLock;

type Row = (String, Vec<u8>);
type Entry = (u64, TxId, Height, u32);

/// A snapshot of a chain with two changes of validators (one by a void block within the window), and one lasting
/// transaction from before it.
fn frames() -> Frames {
    static FRAMES: LazyLock<Frames> = LazyLock::new(|| {
        let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut chain = Chain::begin(home.path());
        chain.extend(&[transaction(200, chain.next_ms() + 9 * VALIDITY_MS)], Changes::new());
        chain.run(4);
        chain.end_epoch(10, 0);
        chain.run(10);
        chain.end_epoch(11, 2);
        chain.run(4);
        let file = files.path().join("s");
        snapshot::export(chain.store(), &file, &mut |_, _| ()).unwrap();
        Frames::read(&file)
    });
    FRAMES.clone()
}

fn import(file: &Path) -> Result<(), Reason> {
    let away = tempfile::tempdir().unwrap();
    let result = snapshot::import(away.path(), &genesis(), &rows(), file, None, &mut |_, _| ());
    match result {
        Ok(_) => drop(Store::open(away.path(), &genesis(), &rows()).unwrap()),
        Err(error) => {
            let left: Vec<_> = std::fs::read_dir(away.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["store.lock"], "{error}");
            for text in [error.to_string(), error.message_zh()] {
                assert!(text.contains(file.to_str().unwrap()), "{text}");
            }
            assert!(error.code().starts_with("SNAPSHOT_") && !error.message_zh().is_ascii());
            return Err(error.reason().unwrap());
        }
    }
    Ok(())
}

fn judge(frames: &Frames) -> Result<(), Reason> {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("s");
    frames.write(&file);
    import(&file)
}

/// The snapshot with a change, its checks true.
fn forged(change: impl FnOnce(&mut Frames)) -> Result<(), Reason> {
    let mut frames = frames();
    change(&mut frames);
    judge(&frames)
}

fn block(frames: &Frames, at: usize) -> FinalizedBlock {
    FinalizedBlock::decode(&frames.0[at].1).unwrap()
}

/// The snapshot with the nth block from the top changed.
fn forged_block(nth: usize, change: impl FnOnce(&mut FinalizedBlock)) -> Result<(), Reason> {
    forged(|f| {
        let at = f.of(BLOCK)[nth];
        let mut changed = block(f, at);
        change(&mut changed);
        f.0[at].1 = changed.encode();
    })
}

#[test]
fn taken_apart_and_put_together_it_is_taken_in() {
    assert_eq!(forged(|_| ()), Ok(()));
    let f = frames();
    assert_eq!((f.of(MANIFEST), f.of(STEP).len(), f.of(LASTING).len()), (vec![0], 2, 1));
    assert!(f.of(BLOCK).len() > 10 && !f.of(ROWS).is_empty());
}

#[test]
fn every_changed_byte_is_noticed() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("s");
    frames().write(&file);
    let good = std::fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(good.len() / 80).chain(0..10) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&file, &bad).unwrap();
        let refused = import(&file).unwrap_err();
        assert!(matches!(refused, Reason::Damaged) || (at < 8 && refused == Reason::Format), "byte {at}: {refused:?}");
    }
}

#[test]
fn a_file_that_ends_early_or_late_is_refused() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("s");
    frames().write(&file);
    let good = std::fs::read(&file).unwrap();
    for length in (8..good.len()).step_by(good.len() / 30).chain([good.len() - 1]) {
        std::fs::write(&file, &good[..length]).unwrap();
        assert_eq!(import(&file), Err(Reason::Damaged), "{length}");
    }
    for length in [0, 3, 7] {
        std::fs::write(&file, &good[..length]).unwrap();
        assert_eq!(import(&file), Err(Reason::Format));
    }
    std::fs::write(&file, [&good[..], b"x"].concat()).unwrap();
    assert_eq!(import(&file), Err(Reason::Damaged));
}

#[test]
fn sections_are_in_their_order_and_whole() {
    let f = frames();
    for at in 0..f.0.len() {
        assert!(forged(|f| drop(f.0.remove(at))).is_err(), "without frame {at}");
        assert!(forged(|f| f.0.insert(at, f.0[at].clone())).is_err(), "with frame {at} twice");
        if at > 0 {
            assert!(forged(|f| f.0.swap(at - 1, at)).is_err(), "frames {} and {at} exchanged", at - 1);
        }
    }
}

#[test]
fn another_chains_snapshot_is_refused() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("s");
    frames().write(&file);
    let away = tempfile::tempdir().unwrap();
    let other = genesis_of("henan-other");
    let error = snapshot::import(away.path(), &other, &rows(), &file, None, &mut |_, _| ()).unwrap_err();
    assert_eq!(error.reason(), Some(Reason::OtherChain));
    assert!(error.to_string().contains(&other.digest().to_string()));
    // Under the other's name it is no more true.
    let renamed = forged(|f| f.manifest(|m| m.genesis = other.digest()));
    assert_eq!(renamed, Err(Reason::OtherChain));
}

#[test]
fn the_manifest_is_held_against_the_content() {
    type Change = fn(&mut Manifest);
    let changes: [(Change, Reason); 12] = [
        (|m| m.height = m.height.next(), Reason::Blocks),
        (|m| m.block.0.0[0] ^= 1, Reason::Blocks),
        (|m| m.epoch = m.epoch.next(), Reason::Blocks),
        (|m| m.time_ms += 1, Reason::Blocks),
        (|m| m.state_root = StateRoot(Digest::ZERO), Reason::Blocks),
        (|m| m.first_height = Height(0), Reason::Blocks),
        (|m| m.first_height = Height(m.height.0 + 1), Reason::Blocks),
        (|m| m.first_height = m.first_height.next(), Reason::Window),
        (|m| m.first_height = Height(m.first_height.0 - 1), Reason::Damaged),
        (|m| m.rows += 1, Reason::Damaged),
        (|m| m.rows = u64::MAX, Reason::State),
        (|m| m.lasting = u64::MAX, Reason::Damaged),
    ];
    for (i, (change, reason)) in changes.into_iter().enumerate() {
        assert_eq!(forged(|f| f.manifest(change)), Err(reason), "case {i}");
    }
    assert_eq!(forged(|f| f.manifest(|m| m.steps = 1025)), Err(Reason::Path));
    assert_eq!(forged(|f| f.manifest(|m| m.steps = 1)), Err(Reason::Damaged));
}

#[test]
fn the_steps_have_to_lead_to_the_tip() {
    let step = |f: &Frames, nth: usize| proto::EpochStep::decode(f.0[f.of(STEP)[nth]].1.as_slice()).unwrap();
    let with = |nth: usize, change: fn(&mut proto::EpochStep)| {
        forged(|f| {
            let mut changed = step(f, nth);
            change(&mut changed);
            let at = f.of(STEP)[nth];
            f.0[at].1 = changed.encode_to_vec();
        })
    };
    for nth in 0..2 {
        assert_eq!(with(nth, |_| ()), Ok(()));
        assert_eq!(with(nth, |s| s.validators.clear()), Err(Reason::Path));
        assert_eq!(with(nth, |s| s.certificate.truncate(9)), Err(Reason::Path));
        assert_eq!(with(nth, |s| s.header.push(0)), Err(Reason::Path));
    }
    // Fewer steps, honestly counted.
    let fewer = forged(|f| {
        f.manifest(|m| m.steps = 1);
        f.0.remove(f.of(STEP)[1]);
    });
    assert_eq!(fewer, Err(Reason::Path));
    // More, to validators that nobody certified for this tip.
    let garbage = forged(|f| f.0[1].1 = vec![0xff; 40]);
    assert_eq!(garbage, Err(Reason::Path));
}

/// A certificate of a block and a result by keys of ours.
fn certified(b: &FinalizedBlock, keys: &[u8]) -> Certificate {
    let header = b.certified();
    let statement = Statement::Finalize { block: header.hash(), result: b.result.hash() };
    let digest = statement.digest(genesis().digest(), header.epoch, header.view);
    let votes = keys.iter().zip(0u32..).map(|(n, i)| (hnchain_types::ValidatorIndex(i), key(*n).sign(&digest)));
    Certificate { epoch: header.epoch, view: header.view, statement, votes: votes.collect() }
}

#[test]
fn the_tip_and_every_certificate_are_of_the_validators_of_their_epoch() {
    assert_eq!(forged_block(0, |b| b.certificate = None), Err(Reason::Certificate));
    // The tip's validators are 2, 3, 10 and 11.
    assert_eq!(forged_block(0, |b| b.certificate = Some(certified(b, &[2, 3, 10]))), Ok(()));
    assert_eq!(forged_block(0, |b| b.certificate = Some(certified(b, &[2, 3]))), Err(Reason::Certificate));
    for old in [[0, 1, 2], [1, 2, 3], [2, 3, 99]] {
        for nth in [0, 2] {
            let signed = forged_block(nth, |b| b.certificate = Some(certified(b, &old)));
            assert_eq!(signed, Err(Reason::Certificate), "block {nth} by {old:?}");
        }
    }
    // One without a certificate is as good as its descendant; the last of an epoch needs one.
    assert_eq!(forged_block(2, |b| b.certificate = None), Ok(()));
    let ends = |f: &Frames| f.of(BLOCK).iter().position(|at| block(f, *at).ends_epoch()).unwrap();
    let nth = ends(&frames());
    assert_eq!(block(&frames(), frames().of(BLOCK)[nth]).closing.len(), 2);
    let bare = |b: &mut FinalizedBlock| {
        b.certificate = None;
        b.closing.clear();
    };
    assert_eq!(forged_block(nth, bare), Err(Reason::Certificate));
}

#[test]
fn a_tip_of_another_state_needs_another_quorum() {
    let forge = |keys: &'static [u8]| {
        forged(|f| {
            let at = f.of(BLOCK)[0];
            let mut tip = block(f, at);
            let r = &tip.result;
            tip.result = ExecutionResult::new(StateRoot(Digest::ZERO), r.receipts_root, r.next_validators);
            tip.certificate = Some(certified(&tip, keys));
            f.0[at].1 = tip.encode();
            f.manifest(|m| m.state_root = StateRoot(Digest::ZERO));
        })
    };
    assert_eq!(forge(&[0, 1, 2]), Err(Reason::Certificate));
    // With a quorum it would be the chain's word; but then the rows are others.
    assert_eq!(forge(&[2, 3, 10]), Err(Reason::State));
}

#[test]
fn blocks_below_the_tip_are_its_ancestors_with_their_results() {
    let nth = 3;
    let header = |b: &FinalizedBlock, change: &dyn Fn(&mut HeaderFields)| {
        let mut fields = (*b.block.header).clone();
        change(&mut fields);
        Header::new(fields)
    };
    // Another transaction, honestly committed to.
    let other = |b: &mut FinalizedBlock| {
        let raw = vec![transaction(250, 9_000_000).raw().to_vec()];
        let header = header(b, &|h| h.payload_root = payload_root(&raw));
        b.block = Block::new(header, raw, vec![]).unwrap();
        b.certificate = None;
    };
    assert_eq!(forged_block(nth, other), Err(Reason::Blocks));
    let later = |b: &mut FinalizedBlock| {
        b.block.header = header(b, &|h| h.time_ms += 1);
        b.certificate = None;
    };
    assert_eq!(forged_block(nth, later), Err(Reason::Blocks));
    // Another receipt, which the block's result commits to; the state says what the result was.
    let receipt = |b: &mut FinalizedBlock| {
        let rejection = proto::Rejection {
            code: "ANCHOR_VERSION".into(),
            message: "refused".into(),
            message_zh: "拒绝".into(),
            operation: 0,
        };
        let id = Receipt::decode(&b.receipts[0]).unwrap().transaction;
        b.receipts = vec![Receipt::new(id, b.block.header.height, 0, Outcome::Rejected(rejection)).raw().to_vec()];
        let r = &b.result;
        b.result = ExecutionResult::new(r.state_root, merkle::root(&b.receipts), r.next_validators);
        b.certificate = None;
    };
    assert_eq!(forged_block(nth, receipt), Err(Reason::Blocks));
    let state = |b: &mut FinalizedBlock| {
        let r = &b.result;
        b.result = ExecutionResult::new(StateRoot(Digest::ZERO), r.receipts_root, r.next_validators);
        b.certificate = None;
    };
    assert_eq!(forged_block(nth, state), Err(Reason::Blocks));
    assert_eq!(forged(|f| f.0[4].1.push(0)), Err(Reason::Blocks));
}

#[test]
fn the_window_has_to_be_whole() {
    let cut = |count: usize| {
        forged(|f| {
            for _ in 0..count {
                let last = *f.of(BLOCK).last().unwrap();
                f.0.remove(last);
            }
            f.manifest(|m| m.first_height = Height(m.first_height.0 + count as u64));
        })
    };
    assert_eq!(cut(0), Ok(()));
    assert_eq!((cut(1), cut(5)), (Err(Reason::Window), Err(Reason::Window)));
}

#[test]
fn lasting_transactions_are_from_before_the_first_block_and_in_order() {
    let with = |change: fn(&mut Vec<Entry>)| {
        forged(|f| {
            let at = f.of(LASTING)[0];
            f.change(at, change);
        })
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|l| l[0].2 = Height(0)), Err(Reason::Blocks));
    assert_eq!(with(|l| l[0].2 = Height(20)), Err(Reason::Blocks));
    assert_eq!(with(|l| l[0].0 = 1), Err(Reason::Blocks), "expired");
    assert_eq!(with(|l| l.push(l[0])), Err(Reason::Blocks), "the same again");
    assert_eq!(with(Vec::clear), Err(Reason::Damaged));
    let more = |l: &mut Vec<Entry>| l.push((l[0].0 + 1, l[0].1, l[0].2, 0));
    assert_eq!(with(more), Err(Reason::Damaged), "more than the manifest says");
}

#[test]
fn the_rows_are_those_of_the_certified_state() {
    let with = |change: fn(&mut Vec<Row>)| {
        forged(|f| {
            let at = f.of(ROWS)[0];
            let before = hnchain_types::wire::decode::<Vec<Row>>("rows", &f.0[at].1).unwrap().len() as u64;
            f.change(at, change);
            let after = hnchain_types::wire::decode::<Vec<Row>>("rows", &f.0[at].1).unwrap().len() as u64;
            f.manifest(|m| m.rows = m.rows + after - before);
        })
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|r| r[7].1.push(0)), Err(Reason::State));
    assert_eq!(with(|r| r[7].0.push('x')), Err(Reason::State));
    assert_eq!(with(|r| drop(r.remove(7))), Err(Reason::State));
    assert_eq!(with(|r| r.push(("z".into(), vec![1]))), Err(Reason::State));
    assert_eq!(with(|r| r.swap(3, 4)), Err(Reason::State));
    assert_eq!(with(|r| r.insert(3, r[3].clone())), Err(Reason::State));
    // One row for another of the same number.
    let exchange = |r: &mut Vec<Row>| {
        r.pop();
        r.push(("z".into(), vec![1]));
    };
    assert_eq!(with(exchange), Err(Reason::State));
}

#[test]
fn reasons_have_distinct_codes_in_two_languages() {
    let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
    assert!(codes.iter().all(|c| c.starts_with("SNAPSHOT_")));
}
