//! Proofs of contradictory votes: kept on disk, submitted, and forgotten once the chain has them.

use crate::fixture::{Fixture, eventually};
use hnchain_crypto::sm3;
use hnchain_node::accountability::Accusations;
use hnchain_types::certificate::Statement;
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{BlockHash, ValidatorIndex, View};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The fixture's validator notarizes two blocks in a view.
fn evidence(fixture: &Fixture, view: u64) -> Evidence {
    let (genesis, view) = (&fixture.shared.genesis, View(view));
    let vote = |name: &[u8]| {
        let statement = Statement::Notarize { block: BlockHash(sm3(name)) };
        let signature = fixture.validator.sign(&statement.digest(genesis.digest(), genesis.epoch(), view));
        Vote { epoch: genesis.epoch(), view, statement, signer: ValidatorIndex(0), signature }
    };
    Evidence::new(vote(b"one"), vote(b"another")).unwrap()
}

fn open(fixture: &Fixture, directory: &Path) -> Accusations {
    let (shared, admission) = (Arc::clone(&fixture.shared), Arc::clone(&fixture.admission));
    Accusations::open(directory, shared, admission, fixture.validator.clone()).unwrap()
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory.join("evidence")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_proof_survives_a_restart_is_submitted_once_and_ends_on_the_chain() {
    let (fixture, directory) = (Fixture::new(), tempfile::tempdir().unwrap());
    let (accuse, receiver) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let first = tokio::spawn(open(&fixture, directory.path()).run(receiver, stop.clone()));
    // The same offence is told twice.
    for _ in 0..2 {
        accuse.send(evidence(&fixture, 7)).await.unwrap();
    }
    eventually("the proof is on disk", || files(directory.path()) == 1).await;
    eventually("it is submitted", || fixture.shared.mempool.len() == 1).await;
    stop.cancel();
    first.await.unwrap();

    let again = open(&fixture, directory.path());
    assert_eq!(again.len(), 1, "found after the restart");
    let waiting = fixture.shared.mempool.take(10, usize::MAX, &BTreeSet::new());
    let block = fixture.finalize(&waiting.iter().map(|t| (**t).clone()).collect::<Vec<_>>());
    assert_eq!(block.receipts.len(), 1);
    let (_accuse, receiver) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let second = tokio::spawn(again.run(receiver, stop.clone()));
    eventually("the chain has it", || files(directory.path()) == 0).await;
    assert!(fixture.shared.mempool.is_empty(), "not submitted again");
    stop.cancel();
    second.await.unwrap();
}
