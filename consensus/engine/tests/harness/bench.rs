//! One machine on the bench; the test plays everybody else.

use super::build::{N, proposal};
use super::{genesis_root, key, parameters, result_of, validators};
use hnchain_consensus::{Effect, Evidence, Input, Machine, Message, Record, Recovered, Report, Root, To};
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{ValidatorIndex, View};
use std::sync::Arc;

/// Validator 0 of four.
pub struct Bench {
    pub machine: Machine,
    /// All that it has made durable.
    pub journal: Vec<Record>,
    pub now: u64,
    root: Root,
    finalization: Option<Certificate>,
}

impl Bench {
    pub fn new() -> Self {
        Self::recover(genesis_root(), None, Vec::new())
    }

    /// Starts from a store and a journal.
    pub fn recover(root: Root, finalization: Option<Certificate>, records: Vec<Record>) -> Self {
        let recovered = Recovered { root, finalization: finalization.clone(), records: records.clone() };
        let machine = Machine::new(parameters(&validators(N)), Some(Arc::new(key(0))), recovered).unwrap();
        Self { machine, journal: records, now: 0, root, finalization }
    }

    /// The same validator after a crash: it has its journal, and the store with which it began.
    pub fn restart(&self) -> Self {
        Self::recover(self.root, self.finalization.clone(), self.journal.clone())
    }

    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        self.now += 1;
        let effects = self.machine.step(self.now, input);
        let records = effects.iter().filter_map(|e| match e {
            Effect::Persist(r) => Some(r.clone()),
            _ => None,
        });
        self.journal.extend(records);
        effects
    }

    pub fn message(&mut self, from: u32, message: Message) -> Vec<Effect> {
        self.step(Input::Message { from: Some(ValidatorIndex(from)), message })
    }

    pub fn certificate(&mut self, certificate: Certificate) -> Vec<Effect> {
        self.message(1, Message::Certificate(certificate))
    }

    pub fn executed(&mut self, block: &Arc<Block>) -> Vec<Effect> {
        let hash = block.header.hash();
        self.step(Input::Executed { block: hash, result: result_of(&hash), next: None })
    }

    /// Takes a proposal of its view's leader and finds it valid; gives all effects. Execution is left to the test.
    pub fn propose(&mut self, block: &Arc<Block>, parent: Option<Certificate>) -> Vec<Effect> {
        let leader = u32::try_from(block.header.view.0).unwrap() % 4;
        let mut effects = self.message(leader, proposal(block, parent));
        if effects.iter().any(|e| matches!(e, Effect::Validate(_))) {
            effects.extend(self.step(Input::Validated { block: block.header.hash(), valid: true }));
        }
        effects
    }

    /// Answers whatever the machine asks until it asks no more; gives all effects.
    pub fn settle(&mut self, mut effects: Vec<Effect>, transactions: &[Vec<u8>]) -> Vec<Effect> {
        let mut at = 0;
        while at < effects.len() {
            let more = match &effects[at] {
                Effect::Validate(b) => self.step(Input::Validated { block: b.header.hash(), valid: true }),
                Effect::Execute(b) => self.executed(&b.clone()),
                Effect::Propose { view, parent_time_ms, .. } => self.step(Input::Proposed {
                    view: *view,
                    time_ms: parent_time_ms + 7,
                    transactions: transactions.to_vec(),
                }),
                _ => Vec::new(),
            };
            effects.extend(more);
            at += 1;
        }
        effects
    }
}

/// What was said to all.
pub fn votes(effects: &[Effect]) -> Vec<(View, Statement)> {
    let sent = effects.iter().filter_map(|e| match e {
        Effect::Send { to: To::All, message: Message::Vote(v) } => Some((v.view, v.statement)),
        Effect::Send { to: To::All, message: Message::Proposal(p) } => Some((p.vote.view, p.vote.statement)),
        _ => None,
    });
    sent.collect()
}

/// The certificates that were sent to one.
pub fn certificates_to(effects: &[Effect], to: u32) -> Vec<Certificate> {
    let to = To::One(ValidatorIndex(to));
    let sent = effects.iter().filter_map(|e| match e {
        Effect::Send { to: t, message: Message::Certificate(c) } if *t == to => Some(c.clone()),
        _ => None,
    });
    sent.collect()
}

pub fn evidence(effects: &[Effect]) -> Vec<Evidence> {
    let reported = effects.iter().filter_map(|e| match e {
        Effect::Report(Report::Equivocation(e)) => Some(**e),
        _ => None,
    });
    reported.collect()
}

pub fn notarize(block: &Arc<Block>) -> (View, Statement) {
    (block.header.view, Statement::Notarize { block: block.header.hash() })
}

pub fn finalize(block: &Arc<Block>) -> (View, Statement) {
    let hash = block.header.hash();
    (block.header.view, Statement::Finalize { block: hash, result: result_of(&hash) })
}

/// The root that a final block makes.
pub fn root_at(block: &Arc<Block>) -> Root {
    let h = &block.header;
    Root { height: h.height, view: h.view, block: h.hash(), time_ms: h.time_ms, ..genesis_root() }
}
