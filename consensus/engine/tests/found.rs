//! Bugs that were found in this engine while others' bugs were looked for (docs/bugs-of-others.md).
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::Cluster;
use harness::bench::{Bench, certificates_to, notarize, root_at, votes};
use harness::build::{at, block, finalization, notarization, nullification};
use hnchain_consensus::{Effect, Input, Message, Position, Report, Timer, Want};
use hnchain_types::block::Block;
use hnchain_types::{Epoch, View};

/// The leader missed an earlier view, so that it is thought silent; but here it speaks.
#[test]
fn a_proposal_that_brings_the_skips_is_not_given_up_because_its_leader_was_silent_before() {
    let fifth = block(5, None);
    let mut b = Bench::new();
    let effects = b.propose(&fifth, None);
    assert_eq!(votes(&effects), [notarize(&fifth)]);
}

/// R10 under load: where every block becomes final in time there is nothing to say again.
#[test]
fn a_chain_that_makes_progress_says_nothing_again() {
    let mut c = Cluster::new(4, 17);
    (c.faults.min_delay, c.faults.max_delay) = (5, 5);
    for i in 0..120u8 {
        c.submit(&[i]);
        c.run(25);
    }
    let sent = |kind| c.traffic.get(kind).map_or(0, |(messages, _)| *messages);
    assert_eq!(sent("certificate"), 0, "{:?} in {} blocks", c.traffic, c.height(0));
}

/// Decision 006 across epochs: the peers are in view 9 of epoch 1, the store that was lost begins in epoch 0.
#[test]
fn what_was_forgotten_in_a_later_epoch_stays_forgotten_when_that_epoch_is_reached() {
    let mut b = Bench::new();
    b.step(Input::Forgotten { until: Position { epoch: Epoch(1), view: View(9) } });
    b.step(Input::Start);
    let last = block(3, None);
    let root = root_at(&last);
    b.step(Input::Synced {
        root,
        finalization: finalization(&last),
        epoch: Epoch(1),
        validators: harness::validators(4),
    });
    assert_eq!((b.machine.epoch(), b.machine.view()), (Epoch(1), View(4)));
    b.step(Input::Work(true));
    let effects = b.step(Input::Timer(Timer::View(at(4))));
    assert!(votes(&effects).is_empty(), "it may have voted in view 4 of epoch 1: {effects:?}");
}

/// I3: a finalization and a nullification of one view are a fork, too.
#[test]
fn a_finalized_view_that_is_nullified_is_reported_as_a_fork() {
    let first = block(1, None);
    for order in [[finalization(&first), nullification(1)], [nullification(1), finalization(&first)]] {
        let mut b = Bench::new();
        let mut effects = Vec::new();
        order.into_iter().for_each(|c| effects.extend(b.certificate(c)));
        let fork = |e: &Effect| matches!(e, Effect::Report(Report::Fork(_)));
        assert!(effects.iter().any(fork), "{effects:?}");
    }
}

/// R12: forty bytes must not buy megabytes again and again.
#[test]
fn a_body_is_not_sent_twice_to_a_peer_that_keeps_asking() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    let hash = first.header.hash();
    let bodies = |effects: &[Effect]| {
        effects.iter().filter(|e| matches!(e, Effect::Send { message: Message::Body(_), .. })).count()
    };
    let asked: Vec<usize> = (0..20).map(|_| bodies(&b.message(2, Message::Want(Want::Body(hash))))).collect();
    assert_eq!(asked.iter().sum::<usize>(), 1, "{asked:?}");
    assert_eq!(bodies(&b.message(3, Message::Want(Want::Body(hash)))), 1, "another peer");
}

/// R12: a peer that missed the body of a block that is final here gets it from the engine; it need not wait for sync.
#[test]
fn the_body_of_the_newest_final_block_is_served() {
    let first = block(1, None);
    let second = block(2, Some(&first));
    let mut b = Bench::new();
    let bodies = |effects: &[Effect]| {
        effects.iter().filter(|e| matches!(e, Effect::Send { message: Message::Body(_), .. })).count()
    };
    let want = |b: &Block| Message::Want(Want::Body(b.header.hash()));
    b.propose(&first, None);
    b.executed(&first);
    b.certificate(notarization(&first));
    b.certificate(finalization(&first));
    assert_eq!(b.machine.root().block, first.header.hash());
    let asked: Vec<usize> = (0..20).map(|_| bodies(&b.message(2, want(&first)))).collect();
    assert_eq!(asked.iter().sum::<usize>(), 1, "{asked:?}");
    b.propose(&second, Some(notarization(&first)));
    b.executed(&second);
    b.certificate(notarization(&second));
    b.certificate(finalization(&second));
    b.now += 10_000;
    assert_eq!((bodies(&b.message(2, want(&first))), bodies(&b.message(2, want(&second)))), (0, 1));
}

/// R12: a leader that told only some; who hears of the block by its finalization asks for the body, like for a notarized one.
#[test]
fn the_body_of_a_block_that_is_known_by_its_finalization_alone_is_asked_for() {
    let first = block(1, None);
    let mut b = Bench::new();
    let effects = b.certificate(finalization(&first));
    let wants = |e: &Effect| matches!(e, Effect::Send { message: Message::Want(Want::Body(h)), .. } if *h == first.header.hash());
    assert_eq!(effects.iter().filter(|e| wants(e)).count(), 2, "{effects:?}");
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Behind { view } if *view == View(1))),
        "it may be long gone: {effects:?}"
    );
    let effects = b.message(1, Message::Body(first.clone()));
    b.settle(effects, &[]);
    assert_eq!(b.machine.root().block, first.header.hash());
}

/// R10: one that may not vote (its journal is new) and misses a finalization says only how it came into its view.
#[test]
fn a_peer_that_repeats_its_entry_into_a_final_view_is_helped() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    b.executed(&first);
    b.certificate(notarization(&first));
    b.certificate(finalization(&first));
    let told = |b: &mut Bench, c| certificates_to(&b.message(2, Message::Certificate(c)), 2);
    assert_eq!(told(&mut b, notarization(&first)), [], "a moment after: it is on its way");
    b.now += 10_000;
    assert_eq!(told(&mut b, notarization(&first)), [finalization(&first)], "and no entry that says less");
    b.now += 10_000;
    assert_eq!(told(&mut b, finalization(&first)), [], "answers get no answer");
}

/// R11 × R14: a block that would have been its epoch's last lost its view. It must not silence the chain.
#[test]
fn a_last_block_whose_view_was_skipped_does_not_silence_the_chain() {
    let first = block(1, None);
    let last = block(2, Some(&first));
    let mut b = Bench::new();
    b.propose(&first, None);
    b.certificate(notarization(&first));
    b.executed(&first);
    b.propose(&last, Some(notarization(&first)));
    let hash = last.header.hash();
    b.step(Input::Validated { block: hash, valid: true });
    let next = Some(harness::validators(5));
    b.step(Input::Executed { block: hash, result: harness::result_of(&hash), next });
    b.certificate(nullification(2));
    b.certificate(finalization(&first));
    assert_eq!((b.machine.root().view, b.machine.view()), (View(1), View(3)));
    let effects = b.step(Input::Work(true));
    let armed = |e: &Effect| matches!(e, Effect::Arm { timer: Timer::View(_), .. } | Effect::Propose { .. });
    assert!(effects.iter().any(armed), "{effects:?}");
}
