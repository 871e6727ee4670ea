//! Attacks: what up to f Byzantine validators, or bad luck, may try against correct machines.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::{Cluster, genesis, genesis_root, key, parameters, validators};
use hnchain_consensus::{Effect, Input, Machine, Message, Record, Recovered, Timer, To, Vote, Want};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Epoch, ValidatorIndex, View};
use std::sync::Arc;

const N: usize = 4;

fn index(i: usize) -> ValidatorIndex {
    ValidatorIndex(u32::try_from(i).unwrap())
}

fn vote(signer: usize, view: u64, statement: Statement) -> Vote {
    let digest = statement.digest(genesis(), Epoch(0), View(view));
    Vote { epoch: Epoch(0), view: View(view), statement, signer: index(signer), signature: key(signer).sign(&digest) }
}

fn nullification(view: u64) -> Certificate {
    let votes = [1, 2, 3].map(|i| vote(i, view, Statement::Nullify)).map(|v| (v.signer, v.signature)).to_vec();
    Certificate { epoch: Epoch(0), view: View(view), statement: Statement::Nullify, votes }
}

/// Validator 0 of four, alone on the bench.
struct Bench {
    machine: Machine,
    journal: Vec<Record>,
    now: u64,
}

impl Bench {
    fn recover(records: Vec<Record>) -> Self {
        let recovered = Recovered { root: genesis_root(), finalization: None, records };
        let machine = Machine::new(parameters(&validators(N)), Some(key(0)), recovered).unwrap();
        Self { machine, journal: Vec::new(), now: 0 }
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        self.now += 1;
        let effects = self.machine.step(self.now, input);
        self.journal.extend(effects.iter().filter_map(|e| match e {
            Effect::Persist(r) => Some(r.clone()),
            _ => None,
        }));
        effects
    }

    fn message(&mut self, from: usize, message: Message) -> Vec<Effect> {
        self.step(Input::Message { from: Some(index(from)), message })
    }
}

fn own_votes(effects: &[Effect]) -> Vec<(View, Statement)> {
    let sent = effects.iter().filter_map(|e| match e {
        Effect::Send { message: Message::Vote(v), .. } => Some((v.view, v.statement)),
        Effect::Send { message: Message::Proposal(p), .. } => Some((p.vote.view, p.vote.statement)),
        _ => None,
    });
    sent.collect()
}

fn first_block(view: u64, transactions: Vec<Vec<u8>>) -> Arc<Block> {
    let root = genesis_root();
    let skips: Vec<_> = (1..view).map(nullification).collect();
    let encoded: Vec<_> = skips.iter().map(Certificate::encode).collect();
    let header = Header::new(HeaderFields {
        genesis: genesis(),
        epoch: Epoch(0),
        view: View(view),
        height: root.height.next(),
        parent: root.block,
        parent_view: root.view,
        time_ms: root.time_ms + 10,
        payload_root: payload_root(&transactions),
        skips_root: skips_root(&encoded),
        validators: validators(N).hash(),
    });
    Arc::new(Block::new(header, transactions, skips).unwrap())
}

fn proposal(block: &Arc<Block>) -> Message {
    let view = block.header.view.0;
    let leader = usize::try_from(view).unwrap() % N;
    let vote = vote(leader, view, Statement::Notarize { block: block.header.hash() });
    Message::Proposal(Box::new(hnchain_consensus::Proposal { block: block.clone(), vote, parent: None }))
}

/// Validator 0 misses two blocks; validator 3 dies before any of the two is final. 0 hears of the second only by its
/// certificate, so nobody tells it the certificate of the first, and it cannot execute; without it there is no quorum.
#[test]
fn r12_a_lost_ancestor_is_found_with_one_validator_down() {
    let mut c = Cluster::new(4, 1);
    c.submit(b"a");
    c.run_while(3_000, "a", |c| !c.all_hold(b"a"));
    c.run(1_000);
    c.passes = |_, _, m| !matches!(m, Message::Vote(v) if matches!(v.statement, Statement::Finalize { .. }));
    c.groups = vec![1, 0, 0, 0];
    let view = c.nodes[1].machine.as_ref().unwrap().view();
    c.submit(b"b");
    c.run_while(3_000, "two notarized blocks", |c| c.nodes[1].machine.as_ref().unwrap().view().0 < view.0 + 2);
    c.run(30);
    c.crash(3);
    c.passes = |_, _, _| true;
    c.groups = vec![0; 4];
    c.run_while(30_000, "b on all that are alive", |c| !c.all_hold(b"b"));
}

/// Votes for the sixteen views to come, which anybody may send, must not keep a validator from saying its own again.
#[test]
fn r10_votes_for_future_views_do_not_stop_the_resending() {
    let mut c = Cluster::new(4, 2);
    c.crash(3);
    c.groups = vec![0, 1, 2, 3];
    c.submit(b"a");
    c.run(2_000);
    c.groups = vec![0; 4];
    for _ in 0..200 {
        if c.all_hold(b"a") {
            return;
        }
        for to in 0..3 {
            let view = c.nodes[to].machine.as_ref().unwrap().view().0;
            (view + 1..=view + 16).for_each(|v| c.deliver(3, to, Message::Vote(vote(3, v, Statement::Nullify))));
        }
        c.run(100);
    }
    panic!("no block in 20 s after healing\n{}", c.trace.join("\n"));
}

/// A leader that lacks one certificate far above its root gets it.
#[test]
fn r12_a_certificate_more_than_sixty_four_views_above_the_root_can_be_fetched() {
    let mut holder = Bench::recover(Vec::new());
    (1..=90).for_each(|v| drop(holder.message(1, Message::Certificate(nullification(v)))));
    let want = Want::Certificates { from: View(1), before: View(91) };
    let effects = holder.message(2, Message::Want(want));
    let sent = Effect::Send { to: To::One(index(2)), message: Message::Certificate(nullification(90)) };
    assert!(effects.contains(&sent), "the newest are what a leader needs first");
}

/// A validator that forgot its votes still knows after the next restart that it forgot.
#[test]
fn r13_what_was_forgotten_stays_forgotten_across_a_restart() {
    let mut b = Bench::recover(Vec::new());
    b.step(Input::Forgotten { until: View(9) });
    b.step(Input::Start);
    b.message(1, Message::Certificate(nullification(1)));
    b.message(1, Message::Certificate(nullification(2)));
    assert!(!b.journal.is_empty(), "the driver takes this journal for one in use");
    let mut again = Bench::recover(b.journal);
    again.step(Input::Start);
    again.step(Input::Work(true));
    let view = again.machine.view();
    let effects = again.step(Input::Timer(Timer::Leader(view)));
    assert!(own_votes(&effects).is_empty(), "a vote in view {view}, below 9: {effects:?}");
}

/// A long run of failed views is a bad day, not the end of the chain.
#[test]
fn r2_a_chain_goes_on_after_any_number_of_failed_views() {
    let mut b = Bench::recover(Vec::new());
    let mut proposes = false;
    for view in 1..=519 {
        let effects = b.message(1, Message::Certificate(nullification(view)));
        proposes = effects.iter().any(|e| matches!(e, Effect::Propose { .. }));
    }
    assert!(proposes, "the leader of view 520 has nothing to propose on");
}

/// Every proposal is refused for a while (clocks were set back, say); then all is well again.
#[test]
fn r8_a_chain_survives_a_minute_in_which_every_proposal_is_invalid() {
    let mut c = Cluster::new(4, 5);
    c.submit(b"bad");
    c.run(60_000);
    let views = c.nodes[0].machine.as_ref().unwrap().view();
    (0..4).for_each(|i| c.nodes[i].mempool.clear());
    c.submit(b"good");
    c.run_while(60_000, &format!("a block after {views} views"), |c| !c.all_hold(b"good"));
}

/// Forty bytes that ask for a block must not buy a block each time.
#[test]
fn r12_the_same_body_is_not_sent_to_the_same_peer_again_and_again() {
    let mut b = Bench::recover(Vec::new());
    let block = first_block(1, vec![vec![7; 60_000]; 30]);
    b.message(1, proposal(&block));
    let want = Message::Want(Want::Body(block.header.hash()));
    let mut bodies = 0;
    for _ in 0..100 {
        let effects = b.message(3, want.clone());
        bodies += effects.iter().filter(|e| matches!(e, Effect::Send { message: Message::Body(_), .. })).count();
    }
    assert!((1..=8).contains(&bodies), "{bodies} bodies in 100 ms for one peer");
}

/// One validator that votes in every view to come does not make an idle chain produce blocks without end.
#[test]
fn r11_one_validator_cannot_keep_an_idle_chain_busy() {
    let mut c = Cluster::new(4, 6);
    c.crash(3);
    c.submit(b"a");
    c.run_while(5_000, "a", |c| !c.all_hold(b"a"));
    c.run(1_000);
    let height = c.height(0);
    for _ in 0..400 {
        for to in 0..3 {
            let view = c.nodes[to].machine.as_ref().unwrap().view().0;
            let block = BlockHash(hnchain_crypto::sm3(b"nothing"));
            (view..=view + 3).for_each(|v| c.deliver(3, to, Message::Vote(vote(3, v, Statement::Notarize { block }))));
        }
        c.run(10);
    }
    let made = c.height(0) - height;
    assert!(made <= 40, "{made} empty blocks in 4 s of an idle chain");
}
