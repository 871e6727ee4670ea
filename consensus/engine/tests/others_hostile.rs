//! Bugs that other BFT implementations shipped: hostile input, forking leaders, pacemakers, time, gossip.
//! Each test names its origin; docs/bugs-of-others.md is the table.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::bench::{Bench, evidence, finalize, notarize, votes};
use harness::build::{
    N, at, block, block_with, certificate, finalization, notarization, nullification, proposal, vote,
};
use harness::{Cluster, Faults, genesis_root, key};
use hnchain_consensus::{Effect, Input, Message, NullifyReason, Proposal, Record, Report, Timer, Vote, Want};
use hnchain_crypto::sm3;
use hnchain_types::block::{Block, Header, HeaderFields, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, ResultHash, ValidatorIndex, View};
use std::sync::Arc;

const NULLIFY: Statement = Statement::Nullify;

/// Statements of every kind about a view.
fn statements(n: u64) -> [Statement; 3] {
    let digest = sm3(&n.to_be_bytes());
    let block = BlockHash(digest);
    [Statement::Notarize { block }, NULLIFY, Statement::Finalize { block, result: ResultHash(digest) }]
}

/// Whether a correct validator would ever say anything like this.
fn says_nothing(effects: &[Effect]) -> bool {
    effects.iter().all(|e| matches!(e, Effect::Report(Report::Misbehaviour { .. })))
}

/// ASA-2024-011 (CometBFT): a vote with an index outside of the set ended the process.
#[test]
fn a_vote_of_no_validator_changes_nothing_and_ends_nothing() {
    let first = block(1, None);
    for index in [4, 127, 128, u32::MAX] {
        let signer = ValidatorIndex(index);
        for from in [Some(signer), Some(ValidatorIndex(3)), None] {
            let mut b = Bench::new();
            b.certificate(notarization(&first)); // from here on surplus votes are looked at as well
            for view in [0, 1, 2, 3, u64::MAX] {
                for statement in statements(7).into_iter().chain([notarize(&first).1]) {
                    let vote = Vote { signer, view: View(view), ..vote(3, 1, statement) };
                    let effects = b.step(Input::Message { from, message: Message::Vote(vote) });
                    assert!(says_nothing(&effects), "{vote:?}: {effects:?}");
                }
            }
            let own = Vote { signer, ..vote(3, 3, notarize(&block(3, None)).1) };
            let proposal = Proposal { block: block(3, None), vote: own, parent: None };
            let effects = b.step(Input::Message { from, message: Message::Proposal(Box::new(proposal)) });
            assert!(says_nothing(&effects), "{effects:?}");
            let mut foreign = nullification(2);
            foreign.votes[2].0 = signer;
            let effects = b.step(Input::Message { from, message: Message::Certificate(foreign) });
            assert!(says_nothing(&effects), "{effects:?}");
            assert_eq!((b.machine.view(), b.machine.load()), (View(2), (1, 0)));
        }
    }
}

/// ASA-2025-003 (CometBFT): signers and signatures of different number. And: one signer counted more than once.
#[test]
fn a_quorum_is_of_distinct_signers_each_with_its_own_signature() {
    let good = nullification(1);
    let [a, b, c] = [0, 1, 2].map(|i| good.votes[i]);
    let bad = [
        vec![],
        vec![a],
        vec![a, b],
        vec![a, a, b],
        vec![a, b, b],
        vec![b, a, c],
        vec![a, b, (c.0, b.1)],
        vec![a, b, (ValidatorIndex(0), c.1)],
        vec![a, a, a, a],
    ];
    for votes in bad {
        let certificate = Certificate { votes, ..good.clone() };
        let signers: Vec<_> = certificate.votes.iter().map(|(i, _)| *i).collect();
        let message = Message::Certificate(certificate);
        // Where the wire does not already refuse it …
        let ascending = !signers.is_empty() && signers.windows(2).all(|w| w[0] < w[1]);
        assert_eq!(Message::decode(&message.encode().unwrap()).is_ok(), ascending, "{signers:?}");
        let mut machine = Bench::new();
        let effects = machine.message(2, message); // … the machine does.
        assert!(says_nothing(&effects) && machine.machine.view() == View(1), "{signers:?}: {effects:?}");
    }
}

/// Jepsen on Tendermint 0.10.2: a key that is twice in a set weighs twice, and near two thirds splits the chain.
#[test]
fn a_set_with_a_key_twice_is_no_set() {
    let keys = [0, 1, 2, 1].map(|i| key(i).public_key());
    assert!(ValidatorSet::new(&keys).is_err());
}

/// Pipelined HotStuff's forking attack: a leader drops its predecessor's notarized block. Here it needs a nullification of
/// the view, and no forgery or other place makes up for it.
#[test]
fn a_leader_cannot_drop_its_predecessors_notarized_block() {
    let first = block(1, None);
    let root = genesis_root();
    let unskipped =
        HeaderFields { skips_root: skips_root::<Vec<u8>>(&[]), ..HeaderFields::clone(&block(2, None).header) };
    assert!(Block::new(Header::new(unskipped), vec![vec![2]], vec![]).is_err(), "no block without its skips");
    let votes_of_two = Certificate { votes: nullification(1).votes[..2].to_vec(), ..nullification(1) };
    let of_another_view = Certificate { view: View(1), ..nullification(7) };
    let forged = [votes_of_two, of_another_view, Certificate { epoch: Epoch(0), ..certificate(1, notarize(&first).1) }];
    let as_nullification = |c: &Certificate| Certificate { statement: NULLIFY, ..c.clone() };
    for skip in forged.iter().map(as_nullification) {
        let skips = vec![skip];
        let encoded: Vec<_> = skips.iter().map(Certificate::encode).collect();
        let fields = HeaderFields { skips_root: skips_root(&encoded), ..HeaderFields::clone(&block(2, None).header) };
        let fork = Arc::new(Block::new(Header::new(fields), vec![vec![2]], skips).unwrap());
        refused(&first, &fork, None);
    }
    // The root under the view of the block that is to be dropped.
    let misplaced = block_with(2, Some(&first), |f| (f.parent, f.height) = (root.block, root.height.next()));
    refused(&first, &misplaced, None);
    // A parent that nobody notarized, under a true certificate for another.
    let invented = block_with(2, Some(&first), |f| f.parent = BlockHash(sm3(b"invented")));
    refused(&first, &invented, Some(notarization(&first)));
    // A parent that was proposed and given up, not notarized.
    let mut b = Bench::new();
    b.propose(&first, None);
    b.certificate(nullification(1));
    assert!(votes(&b.propose(&block(2, Some(&first)), None)).is_empty());
}

fn refused(first: &Arc<Block>, fork: &Arc<Block>, parent: Option<Certificate>) {
    let mut b = Bench::new();
    b.propose(first, None);
    b.certificate(notarization(first));
    let effects = b.propose(fork, parent);
    assert!(!votes(&effects).contains(&notarize(fork)), "{fork:?}");
    assert!(!effects.iter().any(|e| matches!(e, Effect::Validate(_) | Effect::Execute(_))), "{effects:?}");
}

/// The same with a whole cluster: every block that was notarized in a view that nobody gave up is on the chain.
#[test]
fn every_notarized_block_of_a_loss_free_run_is_on_the_chain() {
    let mut c = Cluster::new(4, 14);
    for i in 0..20u8 {
        c.submit(&[i]);
        c.run(23);
    }
    c.run(1_000);
    for node in &c.nodes {
        let notarized = node.journal.iter().filter_map(|r| match r {
            Record::Entered(Certificate { statement: Statement::Notarize { block }, .. }) => Some(*block),
            _ => None,
        });
        let lost: Vec<_> = notarized.filter(|b| !node.chain.iter().any(|f| f.root.block == *b)).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}

/// Naive pacemakers: each replica goes on by its own clock, and they are never in one view for long enough.
#[test]
fn without_a_quorum_nobody_runs_ahead() {
    let mut c = Cluster::new(4, 15);
    c.groups = vec![0, 1, 2, 3];
    c.submit(b"a");
    for _ in 0..20 {
        c.run(3_000);
        assert!(c.nodes.iter().all(|n| n.machine.as_ref().unwrap().view() == View(1)));
    }
    c.groups = vec![0; 4];
    c.run_while(2_000, "a after a minute apart", |c| !c.all_hold(b"a"));
}

/// Pacemaker livelock: timeouts that never grow to what the network needs. Messages take four times the assumed bound.
#[test]
fn timeouts_grow_until_a_network_four_times_slower_than_assumed_makes_progress() {
    for seed in 0..4 {
        let mut c = Cluster::new(4, seed);
        c.faults = Faults { min_delay: 300, max_delay: 400, loss_percent: 0, duplicate_percent: 0 };
        c.submit(b"a");
        c.run_while(30_000, &format!("seed {seed}: the first block"), |c| !c.all_hold(b"a"));
    }
}

/// Clock-based proposer time: a leader's clock neither moves time backwards nor touches anybody's timers.
#[test]
fn a_leaders_clock_moves_neither_time_backwards_nor_timers() {
    let distant = block_with(1, None, |f| f.time_ms = hnchain_types::limits::TIME_MS - 10);
    let mut far = Bench::new();
    let mut effects = far.propose(&distant, None);
    effects.extend(far.certificate(notarization(&distant)));
    effects.extend(far.executed(&distant));
    effects.extend(far.certificate(finalization(&distant)));
    let armed =
        effects.iter().filter_map(|e| if let Effect::Arm { after_ms, .. } = e { Some(*after_ms) } else { None });
    assert!(armed.max().unwrap() <= 5_000, "the driver found it valid; timers run by the own clock");
    // The own clock stands still, or was set back by years: the block's time still follows its parent's.
    let mut b = Bench::new();
    let third = block(3, None);
    b.propose(&third, None);
    b.certificate(notarization(&third));
    b.step(Input::Work(true));
    let effects = b.step(Input::Proposed { view: View(4), time_ms: 0, transactions: vec![] });
    let made = effects.iter().find_map(|e| match e {
        Effect::Send { message: Message::Proposal(p), .. } => Some(p.block.header.time_ms),
        _ => None,
    });
    assert_eq!(made, Some(third.header.time_ms + 1));
}

/// Quadratic certificate gossip: without faults no certificate travels alone, no body is sent twice, and no vote is said
/// again, so that a block costs n − 1 proposals and less than 2n² votes.
#[test]
fn certificates_are_not_gossiped() {
    for n in [4, 7] {
        let mut c = Cluster::new(n, 16);
        for i in 0..5u8 {
            c.submit(&[i]);
            c.run_while(2_000, "a block", |c| !c.all_hold(&[i]));
            c.run(500);
        }
        let (blocks, peers) = (c.height(0) as u64, n as u64 - 1);
        let sent = |kind| c.traffic.get(kind).map_or(0, |(messages, _)| *messages);
        for kind in ["certificate", "want", "body", "nullify"] {
            assert_eq!(sent(kind), 0, "{kind}: {:?}", c.traffic);
        }
        assert_eq!(sent("proposal"), blocks * peers, "{:?}", c.traffic);
        assert!(sent("notarize") <= blocks * peers * peers, "the leader's is in its proposal: {:?}", c.traffic);
        assert!(sent("finalize") <= blocks * peers * (peers + 1), "{:?}", c.traffic);
    }
}

/// ASA-2025-002 (CometBFT): a part was taken under another part's proof. A body is taken by its hash alone, where it was
/// asked for.
#[test]
fn a_body_other_than_the_one_asked_for_is_not_taken() {
    let first = block(1, None);
    let other = block_with(1, None, |f| f.time_ms += 1);
    let mut b = Bench::new();
    let effects = b.certificate(notarization(&first));
    let asked = |e: &Effect| matches!(e, Effect::Send { message: Message::Want(Want::Body(_)), .. });
    assert!(effects.iter().any(asked));
    let effects = b.message(1, Message::Body(other.clone()));
    assert!(says_nothing(&effects) && b.machine.block(&other.header.hash()).is_none());
    assert!(b.message(1, Message::Body(first.clone())).contains(&Effect::Execute(first)));
}

/// What a liar can send: everything, of every view, again and again.
fn flood(b: &mut Bench, rounds: std::ops::Range<u64>) {
    for n in rounds {
        for view in 1..=24 {
            for statement in statements(n) {
                b.message(3, Message::Vote(vote(3, view, statement)));
            }
        }
        // Blocks of the views that it leads, on parents that do not exist.
        for view in (3..=24).step_by(N) {
            let parent = Some(&block(view - 1, None)).filter(|_| view > 3).cloned();
            let made = block_with(view, parent.as_ref().or(Some(&block(2, None))), |f| {
                f.parent = BlockHash(sm3(&[n.to_be_bytes(), view.to_be_bytes()].concat()));
            });
            b.message(3, proposal(&made, None));
            b.message(3, Message::Body(made.clone()));
        }
        let forged = Certificate { votes: nullification(1).votes[..2].to_vec(), ..nullification(n) };
        b.message(3, Message::Certificate(forged));
        b.message(3, Message::Want(Want::Body(BlockHash(sm3(&n.to_be_bytes())))));
        b.message(3, Message::Want(Want::Certificates { from: View(n), before: View(u64::MAX) }));
        // The next epoch, which this validator cannot verify yet.
        let later = Vote { epoch: Epoch(1), ..vote(3, n, NULLIFY) };
        b.message(3, Message::Vote(later));
        b.message(3, Message::Vote(Vote { epoch: Epoch(n + 2), ..later }));
    }
}

/// A flood of future views, and of everything else, grows memory up to a bound and no further.
#[test]
fn a_flood_of_one_liar_fills_no_memory() {
    let mut b = Bench::new();
    flood(&mut b, 0..9);
    let printed = |b: &Bench| format!("{:?}", b.machine).len();
    let (before, load) = (printed(&b), b.machine.load());
    assert!(load.0 <= 17 && load.1 <= 17 / N + 1, "{load:?}");
    flood(&mut b, 9..20);
    assert_eq!(b.machine.load(), load);
    let grown = printed(&b).saturating_sub(before);
    assert!(grown < 1_000, "the machine's whole state grew by {grown} printed characters from {before}");
    assert_eq!(b.machine.view(), View(1));
}

/// A leader that proposes twice is convicted, gets one vote at most, and stops nobody.
#[test]
fn an_equivocating_leader_is_convicted_and_gets_one_vote() {
    let (first, other) = (block(1, None), block_with(1, None, |f| f.time_ms += 1));
    let mut b = Bench::new();
    let mut effects = b.propose(&first, None);
    effects.extend(b.propose(&other, None));
    assert_eq!(votes(&effects), [notarize(&first)]);
    assert_eq!(evidence(&effects).len(), 1);
    // The others notarized the other one: this validator goes on with it, and does not finalize in that view.
    b.certificate(notarization(&other));
    let mut effects = b.message(2, Message::Body(other.clone()));
    assert!(effects.contains(&Effect::Execute(other.clone())));
    effects.extend(b.executed(&other));
    assert!(!votes(&effects).contains(&finalize(&other)));
    assert_eq!(b.machine.view(), View(2));
    let second = block(2, Some(&other));
    assert!(votes(&b.propose(&second, Some(notarization(&other)))).contains(&notarize(&second)));
}

/// An invalid proposal while all views fail does not make them fail at the speed of the network.
#[test]
fn views_that_fail_for_an_invalid_payload_fail_by_the_clock() {
    let mut b = Bench::new();
    b.message(2, Message::Vote(vote(2, 2, statements(0)[0]))); // a leader that is not silent
    (1..=5).for_each(|v| drop(b.certificate(nullification(v))));
    let sixth = block(6, None);
    b.message(2, proposal(&sixth, None));
    let effects = b.step(Input::Validated { block: sixth.header.hash(), valid: false });
    assert!(votes(&effects).is_empty(), "{effects:?}");
    let effects = b.step(Input::Timer(Timer::View(at(6))));
    let late = |e: &Effect| matches!(e, Effect::Report(Report::Nullified { reason: NullifyReason::ViewLate, .. }));
    assert!(effects.iter().any(late));
}
