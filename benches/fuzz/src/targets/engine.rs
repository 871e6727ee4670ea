//! The consensus engine of one validator, against whatever its peers send.
//!
//! An input is a script of messages, timers and restarts. Validators 1 and 2 are honest: their messages can be lost, held,
//! repeated, broken, but not forged. Validator 0 is Byzantine: [`repair`] signs whatever the script makes it say. Validator
//! 3 is the engine under test. Whatever happens, it never signs two statements that contradict each other, also across
//! restarts; nothing leaves before it is durable; what it finalizes is certified and ascends; its memory stays bounded.

use super::{said, truth};
use hnchain_consensus::{
    Effect, Evidence, Input, Machine, Message, Parameters, Record, Recovered, Root, Sm2, Timer, Vote,
};
use hnchain_crypto::sm3;
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Height, ResultHash, ValidatorIndex, View, wire};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The engine under test.
const SELF: u8 = 3;
/// Whose key the adversary holds.
const BYZANTINE: u8 = 0;
/// Longest script.
const STEPS: usize = 256;
/// Most views and blocks that an engine may hold (I11): those ahead that it looks at, and the unfinalized behind.
const LOAD: usize = 256;

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// A peer sends these bytes.
    Message(u8, Vec<u8>),
    /// A timer that was armed runs out.
    Timer(u8),
    /// There are transactions, or none.
    Work(bool),
    /// The process dies and starts again from what was durable.
    Restart,
}

/// An engine and its driver.
pub(crate) struct Seat {
    index: u8,
    machine: Machine,
    now: u64,
    timers: BTreeMap<usize, Timer>,
    blocks: BTreeMap<BlockHash, Arc<Block>>,
    journal: Vec<Record>,
    root: Root,
    finalization: Option<Certificate>,
    cast: Vec<Vote>,
    /// What it sent.
    pub(crate) sent: VecDeque<Message>,
    /// What it finalized.
    pub(crate) height: Height,
}

impl Seat {
    pub(crate) fn new(index: u8) -> Self {
        let genesis = truth::genesis();
        let root = Root {
            epoch: genesis.epoch(),
            height: Height(0),
            view: View(0),
            block: genesis.block_hash(),
            time_ms: genesis.document().time_ms,
        };
        Self {
            index,
            machine: machine(index, root, None, Vec::new()),
            now: 0,
            timers: BTreeMap::new(),
            blocks: BTreeMap::new(),
            journal: Vec::new(),
            root,
            finalization: None,
            cast: Vec::new(),
            sent: VecDeque::new(),
            height: Height(0),
        }
    }

    /// One input and everything that follows from it within the node.
    pub(crate) fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.now += 1;
            for effect in self.machine.step(self.now, input) {
                inputs.extend(self.obey(effect));
            }
            let (views, blocks) = self.machine.load();
            assert!(views <= LOAD && blocks <= LOAD, "I11: {views} views and {blocks} blocks in memory");
        }
    }

    fn obey(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Persist(record) => self.journal.push(record),
            Effect::Send { message, .. } => {
                self.check(&message);
                self.sent.push_back(message);
            }
            Effect::Arm { timer, .. } => drop(self.timers.insert(timer.slot(), timer)),
            Effect::Propose { view, parent_time_ms, .. } => {
                return Some(Input::Proposed { view, time_ms: parent_time_ms + 1, transactions: Vec::new() });
            }
            Effect::Validate(block) => {
                let hash = block.header.hash();
                self.blocks.insert(hash, block);
                return Some(Input::Validated { block: hash, valid: true });
            }
            Effect::Execute(block) => {
                let hash = block.header.hash();
                self.blocks.insert(hash, block);
                return Some(Input::Executed { block: hash, result: result_of(hash), next: None });
            }
            Effect::Finalized { block, height, certificate, closing } => {
                assert!(closing.is_empty(), "no block ended the epoch");
                self.finalize(block, height, certificate);
            }
            Effect::Halt(divergence) => panic!("one liar made an engine halt: {divergence:?}"),
            Effect::Epoch { .. } => panic!("no block ended the epoch"),
            Effect::Behind { .. } | Effect::Report(_) => {}
        }
        None
    }

    /// I5 and the order of journal and network.
    fn check(&mut self, message: &Message) {
        let vote = match message {
            Message::Vote(vote) => *vote,
            Message::Proposal(proposal) => proposal.vote,
            _ => return,
        };
        if vote.signer != ValidatorIndex(self.index.into()) {
            return;
        }
        let durable = self.journal.iter().any(|r| matches!(r, Record::Vote(v) if *v == vote));
        assert!(durable, "a vote left before it was durable: {vote:?}");
        let contradiction = self.cast.iter().find(|v| Evidence::new(**v, vote).is_some());
        assert!(contradiction.is_none(), "I5: {vote:?} contradicts {contradiction:?}");
        if !self.cast.contains(&vote) {
            self.cast.push(vote);
        }
    }

    fn finalize(&mut self, block: BlockHash, height: Height, certificate: Certificate) {
        let genesis = truth::genesis();
        let verified = certificate.verify(genesis.digest(), genesis.validators());
        assert!(verified.is_ok(), "a finalization that does not verify: {certificate:?}");
        assert_eq!(certificate.statement, Statement::Finalize { block, result: result_of(block) });
        assert!(height > self.height, "I6: {height} after {}", self.height);
        let header = &self.blocks.get(&block).expect("what is final was executed").header;
        assert_eq!(header.height, height);
        let view = header.view;
        self.root = Root { epoch: header.epoch, height, view, block, time_ms: header.time_ms };
        self.finalization = Some(certificate);
        self.height = height;
    }

    fn restart(&mut self) {
        self.machine = machine(self.index, self.root, self.finalization.clone(), self.journal.clone());
        self.timers.clear();
        self.step(Input::Start);
    }

    pub(crate) fn fire(&mut self, slot: u8) {
        let Some(timer) = self.timers.remove(&usize::from(slot)) else { return };
        // Later than any time that was asked for.
        self.now += 1 << 20;
        self.step(Input::Timer(timer));
    }
}

fn result_of(block: BlockHash) -> ResultHash {
    ResultHash(sm3(block.as_ref()))
}

fn machine(index: u8, root: Root, finalization: Option<Certificate>, records: Vec<Record>) -> Machine {
    let genesis = truth::genesis();
    let parameters = Parameters {
        genesis: genesis.digest(),
        epoch: genesis.epoch(),
        validators: Arc::new(genesis.validators().clone()),
        verifier: Arc::new(Sm2),
        delta_ms: 100,
        heartbeat_ms: 10_000,
    };
    let recovered = Recovered { root, finalization, records };
    Machine::new(parameters, Some(Arc::new(truth::key(index))), recovered).expect("its own journal holds")
}

pub(super) fn script(input: &[u8]) -> Result<(), String> {
    let script: Vec<Step> = wire::decode("script", input).map_err(said)?;
    if script.len() > STEPS {
        return Err("too long a script".to_owned());
    }
    let mut seat = Seat::new(SELF);
    seat.step(Input::Start);
    let mut last = Err("nothing was final".to_owned());
    for step in script {
        match step {
            Step::Message(from, bytes) => match Message::decode(&bytes) {
                Ok(message) => {
                    // The transport has proven who sends: nobody speaks in this engine's own name.
                    let from = Some(u32::from(from)).filter(|f| *f < 4 && *f != u32::from(SELF)).map(ValidatorIndex);
                    seat.step(Input::Message { from, message });
                }
                Err(error) => last = Err(said(error)),
            },
            Step::Timer(slot) => seat.fire(slot),
            Step::Work(work) => seat.step(Input::Work(work)),
            Step::Restart => seat.restart(),
        }
    }
    if seat.height > Height(0) { Ok(()) } else { last }
}

/// Signs what the script puts into the mouth of the Byzantine validator.
pub(super) fn repair(input: &[u8]) -> Option<Vec<u8>> {
    let mut script: Vec<Step> = wire::decode("script", input).ok()?;
    for step in &mut script {
        let Step::Message(_, bytes) = step else { continue };
        let Ok(mut message) = Message::decode(bytes) else { continue };
        match &mut message {
            Message::Vote(vote) => sign(vote),
            Message::Proposal(proposal) => {
                proposal.vote.statement = Statement::Notarize { block: proposal.block.header.hash() };
                sign(&mut proposal.vote);
            }
            Message::Certificate(_) | Message::Want(_) | Message::Body(_) => {}
        }
        *bytes = message.encode().ok()?;
    }
    wire::encode("script", &script).ok()
}

fn sign(vote: &mut Vote) {
    if vote.signer == ValidatorIndex(BYZANTINE.into()) {
        let digest = vote.statement.digest(truth::genesis().digest(), vote.epoch, vote.view);
        vote.signature = truth::key(BYZANTINE).sign(&digest);
    }
}

/// Scripts for the corpus: what engine 3 met while four engines worked, some of whose messages were lost.
pub(crate) fn recorded(lost: impl Fn(u8, &Message) -> bool) -> Vec<Step> {
    let mut seats: Vec<Seat> = (0..4).map(Seat::new).collect();
    let mut script = vec![Step::Work(true)];
    for seat in &mut seats {
        seat.step(Input::Start);
        seat.step(Input::Work(true));
    }
    // Twelve rounds are some four views, or a view that is lost and two more.
    for round in 0..12 {
        let quiet = seats.iter().all(|s| s.sent.is_empty());
        if quiet {
            for slot in [0, 1, 3] {
                seats.iter_mut().for_each(|s| s.fire(slot));
                script.push(Step::Timer(slot));
            }
        }
        let sent: Vec<(u8, Message)> =
            seats.iter_mut().flat_map(|s| std::mem::take(&mut s.sent).into_iter().map(|m| (s.index, m))).collect();
        for (from, message) in sent {
            if lost(round, &message) {
                continue;
            }
            for to in (0..4).filter(|to| *to != from) {
                seats[usize::from(to)]
                    .step(Input::Message { from: Some(ValidatorIndex(from.into())), message: message.clone() });
            }
            if from != SELF {
                script.push(Step::Message(from, message.encode().expect("a message can be sent")));
            }
        }
    }
    script
}
