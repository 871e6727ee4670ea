//! Bugs that other Simplex implementations shipped: restarts, splits, and votes that are said again.
//! Each test names its origin; docs/bugs-of-others.md is the table.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::Cluster;
use harness::bench::{Bench, certificates_to, evidence, finalize, notarize, root_at, votes};
use harness::build::{at, block, block_with, finalization, notarization, nullification, proposal, vote};
use hnchain_consensus::{Effect, Evidence, Input, Message, NullifyReason, Record, Report, Timer, To, Want};
use hnchain_types::View;
use hnchain_types::certificate::{Certificate, Statement};

const NULLIFY: Statement = Statement::Nullify;

fn is_finalize(statement: &Statement) -> bool {
    matches!(statement, Statement::Finalize { .. })
}

fn view(c: &Cluster, i: usize) -> View {
    c.nodes[i].machine.as_ref().unwrap().view()
}

/// commonware #4275: the journaled nullify vote was not offered to the tally again, and the view never ended.
#[test]
fn own_nullify_votes_count_again_after_a_restart() {
    let mut b = Bench::new();
    b.step(Input::Work(true));
    assert_eq!(votes(&b.step(Input::Timer(Timer::Leader(at(1))))), [(View(1), NULLIFY)]);
    let mut again = b.restart();
    assert_eq!(votes(&again.step(Input::Start)), [(View(1), NULLIFY)], "it is said again");
    for signer in [2, 3u32] {
        again.message(signer, Message::Vote(vote(signer as usize, 1, NULLIFY)));
    }
    assert_eq!(again.machine.view(), View(2), "own and two others are a quorum");
}

/// The same for a whole cluster: all gave up the view, nobody heard of it, all lost power.
#[test]
fn a_view_that_all_gave_up_before_they_crashed_ends_after_the_restart() {
    let mut c = Cluster::new(4, 4275);
    c.passes = |_, _, m| !matches!(m, Message::Vote(v) if v.statement == NULLIFY);
    c.crash(1);
    c.submit(b"a");
    c.run(2_000);
    for i in [0, 2, 3] {
        assert_eq!((view(&c, i), c.nodes[i].votes.len()), (View(1), 1), "gave up view 1, alone");
        c.crash(i);
    }
    c.passes = |_, _, _| true;
    [0, 2, 3].into_iter().for_each(|i| c.start(i));
    c.run_while(10_000, "a without validator 1", |c| !c.all_hold(b"a"));
}

/// commonware #2050: after a restart votes were cast anew instead of being said again.
#[test]
fn a_restart_says_the_same_votes_and_casts_none_anew() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    b.step(Input::Timer(Timer::View(at(1))));
    let mut again = b.restart();
    let mut effects = again.step(Input::Start);
    assert_eq!(votes(&effects), [notarize(&first), (View(1), NULLIFY)]);
    effects.extend(again.step(Input::Work(true)));
    effects.extend(again.propose(&first, None));
    for timer in [Timer::Leader(at(1)), Timer::View(at(1)), Timer::Resend] {
        effects.extend(again.step(Input::Timer(timer)));
    }
    for effect in &effects {
        assert!(!matches!(effect, Effect::Persist(Record::Vote(_))), "cast anew: {effect:?}");
        if let Effect::Send { message: Message::Vote(v), .. } = effect {
            assert!(b.journal.contains(&Record::Vote(*v)), "not the vote of before the crash: {v:?}");
        }
    }
}

/// A history of validator 0: it notarizes and finalizes in view 1, gives up 2, notarizes and gives up 3, leads 4.
fn history() -> Bench {
    let first = block(1, None);
    let third = block(3, Some(&first));
    let mut b = Bench::new();
    b.step(Input::Start);
    b.propose(&first, None);
    b.certificate(notarization(&first));
    b.executed(&first);
    b.step(Input::Work(true));
    b.step(Input::Timer(Timer::Leader(at(2))));
    b.certificate(nullification(2));
    b.propose(&third, Some(notarization(&first)));
    b.step(Input::Timer(Timer::View(at(3))));
    let effects = b.certificate(notarization(&third));
    b.settle(effects, &[vec![4]]);
    let own: Vec<_> = b.journal.iter().filter(|r| matches!(r, Record::Vote(_))).collect();
    assert_eq!(own.len(), 6, "{own:?}");
    b
}

/// What may go wrong after a restart: other proposals for the same views, and all timers.
fn tempt(b: &mut Bench) -> Vec<Effect> {
    let first = block(1, None);
    let other = block_with(1, None, |f| f.time_ms += 1);
    let mut all = b.step(Input::Start);
    all = b.settle(all, &[vec![5]]);
    all.extend(b.step(Input::Work(true)));
    let proposals = [
        (1, proposal(&other, None)),
        (1, proposal(&first, None)),
        (2, proposal(&block_with(2, Some(&first), |f| f.time_ms += 1), Some(notarization(&first)))),
        (3, proposal(&block_with(3, Some(&first), |f| f.time_ms += 1), Some(notarization(&first)))),
    ];
    for (leader, proposal) in proposals {
        let effects = b.message(leader, proposal);
        all.extend(b.settle(effects, &[vec![5]]));
    }
    for v in 1..=5 {
        for timer in [Timer::Leader(at(v)), Timer::View(at(v)), Timer::Idle(at(v)), Timer::Resend] {
            let effects = b.step(Input::Timer(timer));
            all.extend(b.settle(effects, &[vec![5]]));
        }
    }
    all
}

/// commonware #4328 and Jepsen on Tendermint 0.10.2: replaying the journal of an honest validator, cut off wherever the
/// crash came, neither fails nor makes it contradict what it may have said before.
#[test]
fn no_prefix_of_an_honest_journal_turns_a_restart_into_equivocation() {
    let whole = history().journal;
    for cut in 0..=whole.len() {
        let mut b = Bench::recover(harness::genesis_root(), None, whole[..cut].to_vec());
        let effects = tempt(&mut b);
        let accused = evidence(&effects).iter().any(|e| e.votes().0.signer.0 != 1);
        assert!(!accused, "cut at {cut}: only the leader that proposed twice did wrong");
        let own: Vec<_> =
            b.journal.iter().filter_map(|r| if let Record::Vote(v) = r { Some(*v) } else { None }).collect();
        for (i, later) in own.iter().enumerate() {
            for earlier in own[..i].iter().filter(|v| v.view == later.view) {
                assert!(Evidence::new(*earlier, *later).is_none(), "cut at {cut}: {earlier:?} against {later:?}");
                assert_ne!(earlier.statement, later.statement, "cut at {cut}: signed twice");
                let late = matches!(later.statement, Statement::Notarize { .. }) && earlier.statement == NULLIFY;
                assert!(!late, "cut at {cut}: notarized after it was given up");
            }
        }
        // A second crash replays the first one's journal, too.
        tempt(&mut b.restart());
    }
}

/// commonware #2695, #2697, #4332: execution that ends after the own nullify made the block useless to this validator.
#[test]
fn a_block_that_is_executed_after_the_own_nullify_is_a_parent_like_any_other() {
    let first = block(1, None);
    let second = block(2, Some(&first));
    let mut b = Bench::new();
    b.propose(&first, None);
    b.step(Input::Timer(Timer::View(at(1))));
    b.certificate(notarization(&first));
    assert!(votes(&b.executed(&first)).is_empty(), "no finalize after nullify");
    assert_eq!(votes(&b.propose(&second, Some(notarization(&first)))), [notarize(&second)]);
    b.certificate(notarization(&second));
    assert_eq!(votes(&b.executed(&second)), [finalize(&second)]);
    let effects = b.certificate(finalization(&second));
    assert!(effects.iter().any(|e| matches!(e, Effect::Finalized { height, .. } if height.0 == 2)));
}

/// The same bug, seen by one of each group: whichever certificate of the view it holds, it accepts both continuations.
#[test]
fn holders_of_either_certificate_of_a_view_accept_both_continuations() {
    let first = block(1, None);
    let (on_it, around_it) = (block(2, Some(&first)), block(2, None));
    for held in [notarization(&first), nullification(1)] {
        for (next, parent) in [(&on_it, Some(notarization(&first))), (&around_it, None)] {
            let mut b = Bench::new();
            b.certificate(held.clone());
            let mut effects = b.message(2, proposal(next, parent));
            // It never saw the block of view 1, and asks for it where it needs it.
            effects.extend(b.message(2, Message::Body(first.clone())));
            let effects = b.settle(effects, &[]);
            assert!(votes(&effects).contains(&notarize(next)), "{:?} held, {next:?}: {effects:?}", held.statement);
        }
    }
}

/// View 1 is notarized to validator 0 alone; the others give it up. Nobody tells the other group of its certificate.
fn split(c: &mut Cluster) {
    c.submit(b"a");
    c.run(450);
    assert!(view(c, 0) >= View(2), "0 holds the notarization");
    let nullified = |i: usize| c.nodes[i].nullified.iter().any(|(v, _)| *v == View(1));
    assert!(!nullified(0) && (1..4).all(nullified), "the others gave up");
}

fn keeps_the_split(m: &Message, to: usize) -> bool {
    match m {
        Message::Vote(v) if v.view == View(1) => to == 0 || v.statement == NULLIFY,
        Message::Certificate(c) => c.view != View(1),
        _ => true,
    }
}

/// commonware #2695, `certified_split_heals`: the next block is made by the group that skips the view.
#[test]
fn a_split_heals_on_a_block_of_the_group_that_skips_the_view() {
    let mut c = Cluster::new(4, 1);
    c.passes = |_, to, m| keeps_the_split(m, to);
    split(&mut c);
    c.run_while(5_000, "a", |c| !c.all_hold(b"a"));
    assert!(c.nodes.iter().all(|n| n.chain[1].root.view > View(1)), "view 1 was skipped");
}

/// The next block that arrives is that of the one which holds the notarization.
#[test]
fn a_split_heals_on_a_block_of_the_holder_of_the_notarization() {
    let mut c = Cluster::new(4, 2);
    c.passes = |from, to, m| {
        keeps_the_split(m, to) && !(from != 0 && matches!(m, Message::Proposal(p) if p.vote.view > View(1)))
    };
    split(&mut c);
    c.run_while(10_000, "a", |c| !c.all_hold(b"a"));
    assert!(c.nodes.iter().all(|n| n.chain[1].root.view == View(1)), "the block of view 1 is on the chain");
}

/// commonware #2284: nullify after finalize in one view. Here even the entry into the next view was lost.
#[test]
fn no_nullify_follows_a_finalize_in_one_view_even_where_the_entry_was_lost() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    b.certificate(notarization(&first));
    assert_eq!(votes(&b.executed(&first)), [finalize(&first)]);
    let kept = b.journal.iter().filter(|r| !matches!(r, Record::Entered(_))).cloned().collect();
    let mut again = Bench::recover(harness::genesis_root(), None, kept);
    let mut effects = again.step(Input::Start);
    assert_eq!(again.machine.view(), View(1));
    effects.extend(again.step(Input::Work(true)));
    effects.extend(again.message(1, Message::Vote(vote(1, 1, NULLIFY))));
    effects.extend(again.step(Input::Timer(Timer::Leader(at(1)))));
    effects.extend(again.step(Input::Timer(Timer::View(at(1)))));
    effects.extend(again.step(Input::Validated { block: first.header.hash(), valid: false }));
    assert!(votes(&effects).iter().all(|(_, s)| *s != NULLIFY), "{effects:?}");
}

/// ava-labs/Simplex #280, #603: the path that says votes again made up a finalize vote for a view that had timed out.
#[test]
fn resending_never_finalizes_a_view_that_was_given_up() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    let mut effects = b.step(Input::Timer(Timer::View(at(1))));
    assert_eq!(votes(&effects), [(View(1), NULLIFY)]);
    effects.extend(b.certificate(notarization(&first)));
    effects.extend(b.executed(&first));
    let mut again = b.restart();
    for b in [&mut b, &mut again] {
        let started = b.step(Input::Start);
        effects.extend(b.settle(started, &[]));
        for _ in 0..12 {
            effects.extend(b.step(Input::Timer(Timer::Resend)));
            effects.extend(b.certificate(notarization(&first)));
            effects.extend(b.executed(&first));
        }
    }
    assert!(votes(&effects).iter().all(|(_, s)| !is_finalize(s)), "{:?}", votes(&effects));
}

/// ava-labs/Simplex #290: a finalize vote for a block of a view that a final block has skipped.
#[test]
fn nothing_is_finalized_in_a_view_below_a_final_block() {
    let skipped = block(1, None);
    let third = block(3, None);
    let mut b = Bench::new();
    b.propose(&skipped, None);
    b.certificate(nullification(1));
    b.certificate(nullification(2));
    b.propose(&third, None);
    b.executed(&third);
    b.certificate(finalization(&third));
    assert_eq!(b.machine.root().view, View(3));
    let mut effects = b.certificate(notarization(&skipped));
    effects.extend(b.executed(&skipped));
    effects.extend(b.step(Input::Timer(Timer::Resend)));
    let mut again = Bench::recover(root_at(&third), Some(finalization(&third)), b.journal.clone());
    effects.extend(again.step(Input::Start));
    effects.extend(again.certificate(notarization(&skipped)));
    effects.extend(again.message(1, Message::Body(skipped.clone())));
    effects.extend(again.executed(&skipped));
    assert!(votes(&effects).iter().all(|(v, _)| *v > View(3)), "{:?}", votes(&effects));
}

/// ava-labs/Simplex #306, #599: one whose finalize vote nobody answers, because all others have long finalized the view,
/// says it forever and never learns that it is behind.
#[test]
fn a_finalize_vote_for_a_long_final_view_is_answered_with_the_finalization() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    b.executed(&first);
    b.certificate(finalization(&first));
    b.now += 1_000;
    let effects = b.message(3, Message::Vote(vote(3, 1, finalize(&first).1)));
    assert_eq!(certificates_to(&effects, 3), [finalization(&first)]);
}

/// A nullification that nobody serves any more: the block that skips the views brings it.
#[test]
fn skips_that_nobody_serves_any_more_come_with_the_block() {
    let third = block(3, None);
    let mut b = Bench::new();
    let effects = b.propose(&third, None);
    assert_eq!(votes(&effects), [notarize(&third)]);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Send { message: Message::Want(_), .. })), "{effects:?}");
}

/// Who asks for certificates of views below a peer's root is told that they are history.
#[test]
fn certificates_below_a_peers_root_are_answered_with_finality() {
    let third = block(3, None);
    let mut b = Bench::new();
    b.propose(&third, None);
    b.executed(&third);
    b.certificate(finalization(&third));
    let effects = b.message(2, Message::Want(Want::Certificates { from: View(1), before: View(3) }));
    assert_eq!(certificates_to(&effects, 2), [finalization(&third)]);
}

/// The only one that has seen the nullification of a view dies with it.
#[test]
fn a_nullification_that_died_with_its_only_holder_is_formed_again() {
    let mut c = Cluster::new(4, 3);
    c.passes = |_, to, m| match m {
        Message::Vote(v) => to == 3 || v.view != View(1),
        Message::Proposal(p) => p.vote.view != View(1),
        Message::Certificate(c) => c.view != View(1),
        _ => true,
    };
    c.submit(b"a");
    c.run_while(5_000, "the nullification", |c| view(c, 3) == View(1));
    c.crash(3);
    assert!((0..3).all(|i| view(&c, i) == View(1)), "nobody else has it");
    c.passes = |_, _, _| true;
    c.run_while(10_000, "a", |c| !c.all_hold(b"a"));
}

/// commonware #3727: the application had stored more than the consensus journal knew, and consensus stood still.
#[test]
fn stores_that_are_newer_than_their_journals_do_not_stall() {
    let mut c = Cluster::new(4, 3727);
    for i in 0..6u8 {
        c.submit(&[i]);
        c.run(200);
    }
    c.run(1_000);
    for i in 0..4 {
        assert!(c.height(i) >= 5);
        c.crash(i);
        c.nodes[i].journal.truncate(3);
    }
    (0..4).for_each(|i| c.start(i));
    assert!((0..4).all(|i| view(&c, i) > c.nodes[i].chain.last().unwrap().root.view));
    c.submit(b"after");
    c.run_while(5_000, "after", |c| !c.all_hold(b"after"));
}

/// The other way about, and Jepsen on Tendermint 0.10.2: a journal newer than the store. What was final comes again.
#[test]
fn a_journal_that_is_newer_than_the_store_makes_the_same_blocks_final_again() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    b.certificate(notarization(&first));
    b.executed(&first);
    b.certificate(finalization(&first));
    let mut again = b.restart();
    let started = again.step(Input::Start);
    let mut effects = again.settle(started, &[]);
    effects.extend(again.certificate(finalization(&first)));
    assert!(effects.iter().any(|e| matches!(e, Effect::Finalized { block, .. } if *block == first.header.hash())));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Persist(Record::Vote(_)))), "nothing is signed for that");
}

/// Sui, 14 January 2026: validators agreed on the order and computed different results. Here neither becomes final.
#[test]
fn two_results_of_one_block_certify_neither() {
    let first = block(1, None);
    let mut b = Bench::new();
    b.propose(&first, None);
    b.certificate(notarization(&first));
    b.executed(&first);
    let hash = first.header.hash();
    let other = Statement::Finalize { block: hash, result: hnchain_types::ResultHash(hash.0) };
    let mut effects = b.message(1, Message::Vote(vote(1, 1, finalize(&first).1)));
    effects.extend(b.message(2, Message::Vote(vote(2, 1, other))));
    effects.extend(b.message(3, Message::Vote(vote(3, 1, other))));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Finalized { .. } | Effect::Halt(_))), "{effects:?}");
    assert_eq!((b.machine.root().height.0, b.machine.view()), (0, View(2)));
    assert!(evidence(&effects).is_empty(), "a wrong result is no contradiction");
}

/// Tendermint: amnesia, a validator that forgets what it said, could not be proven from the votes. Here the block that
/// contradicts a finalization must skip its view, and carries the forgetful validators' nullify votes.
#[test]
fn amnesia_is_proven_by_the_skips_that_a_block_carries() {
    let (first, instead) = (block(1, None), block(2, None));
    let certificate = |view, statement, signers: [usize; 3]| Certificate {
        votes: signers.map(|i| vote(i, view, statement)).map(|v| (v.signer, v.signature)).to_vec(),
        ..nullification(view)
    };
    let final_here = Certificate { statement: finalize(&first).1, ..certificate(1, finalize(&first).1, [0, 1, 2]) };
    let skip = instead.skips.first().expect("it skips view 1");
    assert!(skip.votes.iter().map(|(i, _)| i.0).eq([1, 2, 3]));
    let mut culprits = Vec::new();
    for (signer, signature) in &final_here.votes {
        let of_skip = skip.votes.iter().find(|(i, _)| i == signer);
        let Some((_, other)) = of_skip else { continue };
        let first = hnchain_consensus::Vote { signature: *signature, ..vote(signer.index(), 1, final_here.statement) };
        let second = hnchain_consensus::Vote { signature: *other, ..vote(signer.index(), 1, NULLIFY) };
        let evidence = Evidence::new(first, second).expect("finalize against nullify");
        assert!(evidence.verify(harness::genesis(), &harness::validators(4)));
        culprits.push(signer.0);
    }
    assert_eq!(culprits, [1, 2], "f + 1 of four");
}

/// A machine that holds the finalization gives no help to such a block, and keeps what is final.
#[test]
fn a_block_that_skips_a_final_view_gets_no_vote() {
    let (first, instead) = (block(1, None), block(2, None));
    let mut b = Bench::new();
    b.propose(&first, None);
    b.executed(&first);
    b.certificate(finalization(&first));
    let effects = b.propose(&instead, None);
    assert!(!votes(&effects).contains(&notarize(&instead)), "{effects:?}");
    let gave_up = |e: &Effect| matches!(e, Effect::Report(Report::Nullified { reason: NullifyReason::Invalid, .. }));
    assert!(effects.iter().any(gave_up) && !effects.iter().any(|e| matches!(e, Effect::Send { to: To::One(_), .. })));
    assert_eq!(b.machine.root().block, first.header.hash());
}
