//! Attacks on the hand-over between epochs and on what a single liar can do to a node.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod harness;

use harness::bench::Bench;
use harness::{Cluster, Faults, key};
use hnchain_consensus::{Effect, Message, Vote};
use hnchain_types::certificate::Statement;
use hnchain_types::{Epoch, ValidatorIndex, View};

/// R9: a network that is slower than it was said to be. Blocks are notarized just after everyone has given their view up,
/// so that no view fails by its certificate and none is finalized either.
#[test]
fn r9_a_network_that_is_slower_than_delta_finalizes_all_the_same() {
    for delay in [160, 240, 290, 400, 600] {
        let mut c = Cluster::new(4, 1);
        c.faults = Faults { min_delay: delay, max_delay: delay, loss_percent: 0, duplicate_percent: 0 };
        c.submit(b"slow");
        c.run_while(60_000, &format!("delay {delay}"), |c| !c.all_hold(b"slow"));
    }
}

/// R14: the view that an unverified message claims must not become the one that this node believes to be missing.
#[test]
fn r14_a_claimed_view_is_not_passed_on_as_one_that_is_missing() {
    let mut b = Bench::new();
    let vote = Vote {
        epoch: Epoch(1),
        view: View(u64::MAX),
        statement: Statement::Nullify,
        signer: ValidatorIndex(2),
        signature: key(2).sign(&hnchain_crypto::sm3(b"anything")),
    };
    let effects = b.message(2, Message::Vote(vote));
    let behind = effects.iter().find_map(|e| match e {
        Effect::Behind { view } => Some(*view),
        _ => None,
    });
    assert!(behind.is_some_and(|view| view <= b.machine.view()), "{behind:?}");
}
