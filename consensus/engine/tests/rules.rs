//! One machine at a time: each rule of the protocol page, by its label.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::bench::{Bench, finalize, notarize, votes};
use harness::build::{N, at, block, block_with, finalization, notarization, nullification, proposal, vote};
use harness::{genesis, genesis_root, key, result_of, validators};
use hnchain_consensus::{
    Effect, Input, Message, NullifyReason, Position, Proposal, Record, Report, Root, Timer, To, Want,
};
use hnchain_types::block::{Block, Header, HeaderFields, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Epoch, Height, ResultHash, ValidatorIndex, View};
use std::sync::Arc;

const GOLDEN_PROPOSAL: &str = "f38dee68ccd68c3860d95d3fdb377c31d4434c37c787c9b68f4da88f4df8a5a8";
const GOLDEN_VOTE: &str = "61ead4bdb605a9cc519d4b44a4eb3206721f6619d625cc1e0e93aa38d6f3f698";
const GOLDEN_CERTIFICATE: &str = "7566b80b4285b5ae1315cbb37958bd953d2d7f0e5857aad65127b26aca88f9ed";
const GOLDEN_WANT_BODY: &str = "abc0605910395f8f8208c4dee5fbae717576aa5c7b6bd09b6fb1d8252c052c92";
const GOLDEN_WANT_CERTIFICATES: &str = "8ff3d083b56b51d654fe99a5d6653840638bebb795177b741f63c07e39c75bc3";
const GOLDEN_BODY: &str = "4712b4ee8813fc857dd457605b98c12036f5e810cd00b754dce4b6e1d06af7c3";
const GOLDEN_RECORD_VOTE: &str = "54b3973305c6fa40d1b2808f167159628aceb4b8ae8b3d7a2432d84a630cd068";
const GOLDEN_RECORD_BLOCK: &str = "2599b9d700c79d655b2356f04d9859204f3b95f99d2c1120f5c2486bab49eebe";
const GOLDEN_RECORD_CUT: &str = "1594489a91e342d51caf86382f0895b698f67bee4c4c35eea50b08088264fa94";
const GOLDEN_RECORD_OWNER: &str = "db6203f0adc2da10e7f1f61033c3cbc5d92e69393c2dbb0173f49c2aa07efbd4";
const GOLDEN_RECORD_ENTERED: &str = "9cb3a0c6258dbcbfb261a505e9573e931a598660b763b0728392a5c4dff5ebed";

fn reasons(effects: &[Effect]) -> Vec<NullifyReason> {
    let given = effects.iter().filter_map(|e| match e {
        Effect::Report(Report::Nullified { reason, .. }) => Some(*reason),
        _ => None,
    });
    given.collect()
}

#[test]
fn r1_a_certificate_of_each_kind_moves_to_the_next_view_and_is_journaled() {
    let first = block(1, None);
    for c in [notarization(&first), nullification(1), finalization(&first)] {
        let mut b = Bench::new();
        let effects = b.certificate(c.clone());
        assert_eq!(b.machine.view(), View(2));
        assert!(effects.contains(&Effect::Persist(Record::Entered(c))));
    }
}

#[test]
fn r1_a_certificate_of_a_far_view_is_enough() {
    let mut b = Bench::new();
    b.certificate(nullification(1_000));
    assert_eq!(b.machine.view(), View(1_001));
}

#[test]
fn r1_certificates_that_do_not_verify_move_nothing() {
    let mut few = nullification(1);
    few.votes.pop();
    let mut forged = nullification(1);
    forged.votes[1].1 = forged.votes[0].1;
    let mut twice = nullification(1);
    twice.votes[1] = twice.votes[0];
    let mut stranger = nullification(1);
    stranger.votes[2].0 = ValidatorIndex(9);
    for bad in [few, forged, twice, stranger] {
        let mut b = Bench::new();
        let effects = b.certificate(bad);
        assert_eq!(b.machine.view(), View(1));
        assert!(effects.iter().any(|e| matches!(e, Effect::Report(Report::Misbehaviour { .. }))));
    }
    let mut later = nullification(1);
    later.epoch = Epoch(1);
    let mut b = Bench::new();
    let effects = b.certificate(later);
    assert_eq!(b.machine.view(), View(1));
    assert!(effects.contains(&Effect::Behind { view: View(1) }), "a claim: worth a look at the peers' blocks, no more");
}

#[test]
fn r2_the_leader_carries_the_nullifications_of_the_views_it_skips() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None);
    b.certificate(notarization(&first));
    b.certificate(nullification(2));
    let effects = b.certificate(nullification(3)); // failed views are reason enough for a block
    assert!(effects.iter().any(|e| matches!(e, Effect::Propose { view: View(4), .. })), "{effects:?}");
    let effects = b.step(Input::Proposed { view: View(4), time_ms: 0, transactions: vec![] });
    let made = effects.iter().find_map(|e| match e {
        Effect::Send { to: To::All, message: Message::Proposal(p) } => Some(p.clone()),
        _ => None,
    });
    let made = made.expect("a proposal");
    assert_eq!(made.block.header.parent, first.header.hash());
    assert_eq!(made.block.skips, [nullification(2), nullification(3)]);
    assert_eq!(made.parent, Some(notarization(&first)));
    assert_eq!(made.block.header.time_ms, first.header.time_ms + 1, "later than the parent whatever the clock says");
}

#[test]
fn r2_a_leader_that_jumped_asks_for_the_certificates_it_lacks() {
    let mut b = Bench::new();
    let effects = b.certificate(nullification(3));
    let want = Want::Certificates { from: View(1), before: View(3) };
    assert!(effects.contains(&Effect::Send { to: To::All, message: Message::Want(want) }), "{effects:?}");
    b.certificate(nullification(1));
    let effects = b.certificate(nullification(2));
    assert!(effects.iter().any(|e| matches!(e, Effect::Propose { view: View(4), .. })));
}

#[test]
fn r3_a_valid_first_proposal_is_journaled_whole_and_notarized() {
    let mut b = Bench::new();
    let first = block(1, None);
    let effects = b.propose(&first, None);
    assert_eq!(votes(&effects), [notarize(&first)]);
    let persisted = effects.iter().position(|e| matches!(e, Effect::Persist(Record::Block(x)) if *x == first));
    let sent = effects.iter().position(|e| matches!(e, Effect::Send { message: Message::Vote(_), .. }));
    assert!(persisted.unwrap() < sent.unwrap());
}

#[test]
fn r3_a_second_proposal_gets_no_vote_and_convicts_its_leader() {
    let mut b = Bench::new();
    b.propose(&block(1, None), None);
    let other = block_with(1, None, |f| f.time_ms += 1);
    let effects = b.propose(&other, None);
    assert!(votes(&effects).is_empty());
    assert!(effects.iter().any(|e| matches!(e, Effect::Report(Report::Equivocation(_)))));
}

#[test]
fn r3_a_proposal_that_breaks_a_rule_is_nullified() {
    let wrong_height = block_with(1, None, |f| f.height = Height(2));
    let old_time = block_with(1, None, |f| f.time_ms = genesis_root().time_ms);
    for bad in [wrong_height, old_time] {
        let mut b = Bench::new();
        let effects = b.propose(&bad, None);
        assert_eq!(votes(&effects), [(View(1), Statement::Nullify)]);
        assert_eq!(reasons(&effects), [NullifyReason::Invalid]);
    }
    let mut b = Bench::new();
    let first = block(1, None);
    b.message(1, proposal(&first, None));
    let effects = b.step(Input::Validated { block: first.header.hash(), valid: false });
    assert_eq!(votes(&effects), [(View(1), Statement::Nullify)], "the driver found it invalid");
}

#[test]
fn r3_a_proposal_is_not_taken_from_another_than_the_leader() {
    let first = block(1, None);
    let statement = Statement::Notarize { block: first.header.hash() };
    let mut by_other = Proposal { block: first.clone(), vote: vote(2, 1, statement), parent: None };
    let mut b = Bench::new();
    assert!(votes(&b.message(2, Message::Proposal(Box::new(by_other.clone())))).is_empty());
    by_other.vote.signer = ValidatorIndex(1); // the leader's name under another's signature
    let effects = b.message(2, Message::Proposal(Box::new(by_other)));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Validate(_))));
}

#[test]
fn r3_skips_must_be_complete_and_verify() {
    let mut b = Bench::new();
    b.certificate(nullification(1));
    let good = block(2, None);
    let mut skips = good.skips.clone();
    skips[0].votes[0].1 = skips[0].votes[1].1;
    let encoded: Vec<_> = skips.iter().map(Certificate::encode).collect();
    let fields = HeaderFields { skips_root: skips_root(&encoded), ..HeaderFields::clone(&good.header) };
    let forged = Arc::new(Block::new(Header::new(fields), good.transactions.clone(), skips).unwrap());
    let effects = b.propose(&forged, None);
    assert_eq!(votes(&effects), [(View(2), Statement::Nullify)]);
    let mut b = Bench::new();
    b.certificate(nullification(1));
    assert_eq!(votes(&b.propose(&good, None)), [notarize(&good)]);
}

#[test]
fn r3_no_notarize_after_own_nullify() {
    let mut b = Bench::new();
    b.step(Input::Work(true));
    assert_eq!(votes(&b.step(Input::Timer(Timer::Leader(at(1))))), [(View(1), Statement::Nullify)]);
    assert!(votes(&b.propose(&block(1, None), None)).is_empty());
}

#[test]
fn r3_a_block_below_the_root_is_refused() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None);
    b.executed(&first);
    b.certificate(finalization(&first));
    assert_eq!(b.machine.root().block, first.header.hash());
    let undoing = block_with(2, None, |_| {});
    let effects = b.propose(&undoing, None);
    assert_eq!(votes(&effects), [(View(2), Statement::Nullify)]);
}

#[test]
fn r4_a_notarization_without_the_body_moves_on_and_asks_signers_for_it() {
    let mut b = Bench::new();
    let first = block(1, None);
    let effects = b.certificate(notarization(&first));
    assert_eq!(b.machine.view(), View(2));
    let want = Message::Want(Want::Body(first.header.hash()));
    let asked = effects.iter().filter(|e| matches!(e, Effect::Send { to: To::One(_), message } if *message == want));
    assert_eq!(asked.count(), 2);
    let effects = b.message(1, Message::Body(first.clone()));
    assert!(effects.contains(&Effect::Execute(first.clone())));
    assert_eq!(votes(&b.executed(&first)), [finalize(&first)], "R6 without an own notarize vote");
    assert!(b.journal.contains(&Record::Block(first)), "R13: the block of a finalize vote is kept");
}

#[test]
fn r5_a_child_waits_for_its_parents_execution() {
    let mut b = Bench::new();
    let first = block(1, None);
    let second = block(2, Some(&first));
    b.propose(&first, None);
    let effects = b.propose(&second, Some(notarization(&first)));
    assert!(!effects.contains(&Effect::Execute(second.clone())));
    assert!(b.executed(&first).contains(&Effect::Execute(second)));
}

#[test]
fn r6_no_finalize_in_a_view_that_was_nullified() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None);
    b.step(Input::Timer(Timer::View(at(1))));
    b.certificate(notarization(&first));
    assert!(votes(&b.executed(&first)).is_empty());
}

#[test]
fn r6_no_finalize_of_another_block_than_was_notarized_there() {
    let mut b = Bench::new();
    b.propose(&block(1, None), None);
    let other = block_with(1, None, |f| f.time_ms += 1);
    b.certificate(notarization(&other));
    b.message(2, Message::Body(other.clone()));
    assert!(votes(&b.executed(&other)).is_empty());
}

#[test]
fn r6_the_finalize_vote_comes_however_many_views_later() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None);
    b.certificate(notarization(&first));
    (2..9).for_each(|v| drop(b.certificate(nullification(v))));
    assert_eq!(votes(&b.executed(&first)), [finalize(&first)]);
}

#[test]
fn r7_a_finalization_makes_the_ancestors_final_too() {
    let mut b = Bench::new();
    let first = block(1, None);
    let second = block(2, Some(&first));
    b.propose(&first, None);
    b.executed(&first);
    b.propose(&second, Some(notarization(&first)));
    b.executed(&second);
    let effects = b.certificate(finalization(&second));
    assert!(effects.iter().any(|e| matches!(e, Effect::Finalized { height: Height(2), .. })));
    assert_eq!(b.machine.load().1, 0, "nothing below the root is kept");
}

#[test]
fn r7_another_result_than_the_certified_one_halts() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None);
    let hash = first.header.hash();
    b.step(Input::Executed { block: hash, result: ResultHash(hash.0), next: None });
    let effects = b.certificate(finalization(&first));
    assert!(effects.iter().any(|e| matches!(e, Effect::Halt(_))));
    assert!(b.machine.halted());
    assert!(b.certificate(nullification(2)).is_empty(), "a halted machine says nothing");
}

#[test]
fn r7_the_finalization_of_an_unknown_block_asks_for_sync() {
    let mut b = Bench::new();
    let far = block_with(40, None, |f| f.height = Height(30));
    let effects = b.certificate(finalization(&far));
    assert!(effects.contains(&Effect::Behind { view: View(40) }));
    let (block, time_ms) = (far.header.hash(), far.header.time_ms);
    let root = Root { epoch: Epoch(0), height: Height(30), view: View(40), block, time_ms };
    b.step(Input::Synced { root, finalization: finalization(&far), epoch: Epoch(0), validators: validators(N) });
    assert_eq!((b.machine.root(), b.machine.view()), (&root, View(41)));
}

#[test]
fn r8_a_late_leader_a_late_view_and_a_leader_that_gives_up() {
    let mut late = Bench::new();
    late.step(Input::Work(true));
    assert_eq!(reasons(&late.step(Input::Timer(Timer::Leader(at(1))))), [NullifyReason::LeaderLate]);
    let mut slow = Bench::new();
    slow.propose(&block(1, None), None);
    assert!(reasons(&slow.step(Input::Timer(Timer::Leader(at(1))))).is_empty(), "the proposal is here");
    assert_eq!(reasons(&slow.step(Input::Timer(Timer::View(at(1))))), [NullifyReason::ViewLate]);
    let mut given_up = Bench::new();
    let effects = given_up.message(1, Message::Vote(vote(1, 1, Statement::Nullify)));
    assert_eq!(reasons(&effects), [NullifyReason::LeaderGaveUp]);
}

#[test]
fn r9_timeouts_grow_by_half_and_a_finalization_resets_them() {
    let mut b = Bench::new();
    let armed = |effects: &[Effect]| {
        effects.iter().find_map(|e| match e {
            Effect::Arm { timer: Timer::Leader(_), after_ms } => Some(*after_ms),
            _ => None,
        })
    };
    assert_eq!(armed(&b.step(Input::Work(true))), Some(200));
    assert_eq!(armed(&b.certificate(nullification(1))), Some(300));
    assert_eq!(armed(&b.certificate(nullification(2))), Some(450));
    (3..20).for_each(|v| drop(b.certificate(nullification(v))));
    assert_eq!(armed(&b.certificate(nullification(20))), Some(2 * (100 * 729 / 64)), "bounded");
    let far = block_with(21, None, |_| {});
    b.propose(&far, None);
    b.executed(&far);
    assert_eq!(armed(&b.certificate(finalization(&far))), Some(200));
}

#[test]
fn r10_a_vote_for_a_view_that_is_over_is_answered_once_in_a_while() {
    let mut b = Bench::new();
    b.certificate(nullification(1));
    b.certificate(nullification(2));
    let straggler = Message::Vote(vote(3, 1, Statement::Nullify));
    let answer = |c: Certificate| Effect::Send { to: To::One(ValidatorIndex(3)), message: Message::Certificate(c) };
    let effects = b.message(3, straggler.clone());
    assert!(effects.contains(&answer(nullification(1))) && effects.contains(&answer(nullification(2))));
    assert!(b.message(3, straggler.clone()).is_empty(), "not at once again");
    b.now += 1_000;
    assert!(!b.message(3, straggler).is_empty());
}

#[test]
fn r11_an_idle_machine_arms_no_view_timer_and_ignores_stale_ones() {
    let mut b = Bench::new();
    let effects = b.step(Input::Start);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Arm { timer: Timer::Leader(_) | Timer::View(_), .. })));
    assert!(b.step(Input::Timer(Timer::Leader(at(1)))).is_empty());
    let effects = b.step(Input::Timer(Timer::Heartbeat));
    assert!(effects.iter().any(|e| matches!(
        e,
        Effect::Arm { timer: Timer::Leader(p), .. } if *p == at(1)
    )));
}

#[test]
fn r13_after_a_crash_no_vote_contradicts_the_journal() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None);
    let mut again = Bench::recover(genesis_root(), None, b.journal.clone());
    let effects = again.step(Input::Start);
    assert_eq!(votes(&effects), [notarize(&first)], "the own vote is said again");
    let other = block_with(1, None, |f| f.time_ms += 1);
    assert!(votes(&again.propose(&other, None)).is_empty());
    again.certificate(notarization(&first));
    assert_eq!(votes(&again.executed(&first)), [finalize(&first)], "the journaled block is at hand");
}

#[test]
fn r13_after_a_crash_own_votes_count_for_certificates() {
    let mut b = Bench::new();
    let first = block(1, None);
    b.propose(&first, None); // own vote and the leader's
    let mut again = Bench::recover(genesis_root(), None, b.journal.clone());
    again.step(Input::Start);
    for signer in [1, 2u32] {
        again.message(signer, Message::Vote(vote(signer as usize, 1, notarize(&first).1)));
    }
    assert_eq!(again.machine.view(), View(2), "own + two others are a quorum");
}

#[test]
fn r13_a_validator_that_forgot_does_not_vote_where_it_may_have() {
    let mut b = Bench::new();
    b.step(Input::Forgotten { until: at(1) });
    assert!(votes(&b.propose(&block(1, None), None)).is_empty());
    b.certificate(nullification(1));
    let second = block(2, None);
    assert_eq!(votes(&b.propose(&second, None)), [notarize(&second)]);
}

/// What travels and what rests is pinned: another encoding would neither understand its peers nor its own journal.
#[test]
fn encodings_are_those_of_the_golden_digests() {
    let first = block(3, None);
    let hash = first.header.hash();
    let whole = vote(3, 3, Statement::Finalize { block: hash, result: result_of(&hash) });
    let messages = [
        (proposal(&first, Some(nullification(2))), GOLDEN_PROPOSAL),
        (Message::Vote(whole), GOLDEN_VOTE),
        (Message::Certificate(finalization(&first)), GOLDEN_CERTIFICATE),
        (Message::Want(Want::Body(hash)), GOLDEN_WANT_BODY),
        (Message::Want(Want::Certificates { from: View(1), before: View(300) }), GOLDEN_WANT_CERTIFICATES),
        (Message::Body(first.clone()), GOLDEN_BODY),
    ];
    for (message, golden) in messages {
        let bytes = message.encode().unwrap();
        assert_eq!(hnchain_crypto::sm3(&bytes).to_string(), golden, "{message:?}");
        assert_eq!(Message::decode(&bytes).unwrap(), message);
        assert!(Message::decode(&[&bytes[..], &[0]].concat()).is_err(), "trailing byte");
        assert!(Message::decode(&bytes[..bytes.len() - 1]).is_err(), "missing byte");
    }
    let records = [
        (Record::Vote(whole), GOLDEN_RECORD_VOTE),
        (Record::Block(first.clone()), GOLDEN_RECORD_BLOCK),
        (Record::Entered(nullification(2)), GOLDEN_RECORD_ENTERED),
        (Record::Cut(Position { epoch: Epoch(2), view: View(300) }), GOLDEN_RECORD_CUT),
        (Record::Owner { genesis: genesis(), validator: key(1).public_key() }, GOLDEN_RECORD_OWNER),
    ];
    for (record, golden) in records {
        let bytes = record.encode().unwrap();
        assert_eq!(hnchain_crypto::sm3(&bytes).to_string(), golden, "{record:?}");
        assert_eq!(Record::decode(&bytes).unwrap(), record);
    }
}

#[test]
fn hostile_bytes_are_refused_without_a_panic() {
    let mut random = harness::Random(7);
    let good = proposal(&block(3, None), None).encode().unwrap();
    for _ in 0..3_000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(3) {
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        if let Ok(message) = Message::decode(&bytes) {
            let mut b = Bench::new();
            assert!(votes(&b.message(1, message)).iter().all(|(_, s)| *s == Statement::Nullify) || bytes == good);
        }
    }
}

#[test]
fn r13_votes_that_were_cut_off_the_journal_are_not_cast_again_when_the_store_is_lost() {
    let mut b = Bench::recover(genesis_root(), None, vec![Record::Cut(at(1))]);
    assert!(votes(&b.propose(&block(1, None), None)).is_empty());
    b.certificate(nullification(1));
    let second = block(2, None);
    assert_eq!(votes(&b.propose(&second, None)), [notarize(&second)]);
}

#[test]
fn i11_votes_for_far_views_are_not_kept() {
    let mut b = Bench::new();
    for view in 1..2_000 {
        b.message(3, Message::Vote(vote(3, view, Statement::Nullify)));
    }
    assert!(b.machine.load().0 <= 18, "{:?}", b.machine.load());
}

#[test]
fn i9_both_votes_of_an_equivocator_make_evidence() {
    let mut b = Bench::new();
    let hash = |n| BlockHash(hnchain_crypto::sm3(&[n]));
    b.message(3, Message::Vote(vote(3, 1, Statement::Notarize { block: hash(1) })));
    let effects = b.message(3, Message::Vote(vote(3, 1, Statement::Notarize { block: hash(2) })));
    let evidence = effects.iter().find_map(|e| match e {
        Effect::Report(Report::Equivocation(e)) => Some(**e),
        _ => None,
    });
    assert!(evidence.expect("evidence").verify(genesis(), &validators(N)));
    let effects = b.message(3, Message::Vote(vote(3, 1, Statement::Notarize { block: hash(3) })));
    assert!(effects.is_empty(), "reported once");
}
