//! A small deterministic cluster: virtual time, seeded faults, real machines and signatures.
//!
//! The large simulator comes with its own crate; this one is what the engine's tests need.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs)] // shared by several test binaries

pub mod bench;
pub mod build;

use hnchain_consensus::{
    Effect, Evidence, Input, Machine, Message, NullifyReason, Parameters, Position, Record, Recovered, Report, Root,
    Sm2, Timer, To, Vote,
};
use hnchain_crypto::{SecretKey, sm3, sm3_parts};
use hnchain_types::block::{Block, Header};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, ResultHash, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most transactions that a node puts into a block.
const BLOCK_TRANSACTIONS: usize = 100;

/// splitmix64: the seed decides everything.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub fn key(i: usize) -> SecretKey {
    SecretKey::from_bytes(&[u8::try_from(i).unwrap() + 1; 32]).unwrap()
}

pub fn validators(n: usize) -> Arc<ValidatorSet> {
    let keys: Vec<_> = (0..n).map(|i| key(i).public_key()).collect();
    Arc::new(ValidatorSet::new(&keys).unwrap())
}

pub fn genesis() -> GenesisDigest {
    GenesisDigest(sm3(b"test genesis"))
}

pub fn genesis_root() -> Root {
    Root {
        epoch: Epoch(0),
        height: Height(0),
        view: View(0),
        block: BlockHash(sm3(b"test genesis block")),
        time_ms: 1_000,
    }
}

pub fn parameters(validators: &Arc<ValidatorSet>) -> Parameters {
    Parameters {
        genesis: genesis(),
        epoch: Epoch(0),
        validators: validators.clone(),
        verifier: Arc::new(Sm2),
        delta_ms: 100,
        heartbeat_ms: 5_000,
    }
}

/// A transaction that makes these nodes the validators.
pub fn change_to(nodes: &[usize]) -> Vec<u8> {
    let mut transaction = b"set:".to_vec();
    transaction.extend(nodes.iter().map(|i| u8::try_from(*i).unwrap()));
    transaction
}

/// The validators after a block, where it changes them.
pub fn next_set(block: &Block) -> Option<Arc<ValidatorSet>> {
    let nodes = block.transactions.iter().find_map(|t| t.strip_prefix(b"set:"))?;
    let keys: Vec<_> = nodes.iter().map(|i| key(usize::from(*i)).public_key()).collect();
    let set = Arc::new(ValidatorSet::new(&keys).unwrap());
    (set.hash() != block.header.validators).then_some(set)
}

/// What a message is called in tables.
pub fn kind(message: &Message) -> &'static str {
    match message {
        Message::Proposal(_) => "proposal",
        Message::Vote(Vote { statement: Statement::Notarize { .. }, .. }) => "notarize",
        Message::Vote(Vote { statement: Statement::Nullify, .. }) => "nullify",
        Message::Vote(Vote { statement: Statement::Finalize { .. }, .. }) => "finalize",
        Message::Certificate(_) => "certificate",
        Message::Want(_) => "want",
        Message::Body(_) => "body",
    }
}

pub fn result_of(block: &BlockHash) -> ResultHash {
    ResultHash(sm3_parts(&[b"result", block.as_ref()]))
}

#[derive(Clone)]
pub struct Final {
    pub root: Root,
    pub certificate: Option<Certificate>,
    pub transactions: Vec<Vec<u8>>,
    /// Epoch and validators after the block.
    pub after: (Epoch, Arc<ValidatorSet>),
}

pub struct Node {
    pub machine: Option<Machine>,
    /// The validators as this node knows them.
    pub set: Arc<ValidatorSet>,
    /// Records that survived a sync, with how many were written in all.
    pub journal: Vec<Record>,
    pub chain: Vec<Final>,
    pub blocks: BTreeMap<BlockHash, Arc<Block>>,
    pub mempool: BTreeSet<Vec<u8>>,
    timers: [Option<(u64, Timer)>; Timer::SLOTS],
    pub votes: Vec<(Position, Statement)>,
    pub nullified: Vec<(View, NullifyReason)>,
    pub evidence: Vec<Evidence>,
    pub sent: u64,
    pub restarts: u32,
}

enum Event {
    Deliver { from: usize, to: usize, message: Message },
    Answer { to: usize, restarts: u32, input: Input },
    Submit { to: usize, transaction: Vec<u8> },
}

pub struct Faults {
    pub min_delay: u64,
    pub max_delay: u64,
    pub loss_percent: u64,
    pub duplicate_percent: u64,
}

pub struct Cluster {
    pub validators: Arc<ValidatorSet>,
    pub nodes: Vec<Node>,
    pub now: u64,
    pub random: Random,
    pub faults: Faults,
    /// Nodes of different groups do not hear each other.
    pub groups: Vec<u8>,
    /// Messages that it refuses are lost: from, to, message.
    pub passes: fn(usize, usize, &Message) -> bool,
    /// How long a block's execution takes.
    pub execution_ms: u64,
    /// How many messages of each kind were sent, and their bytes.
    pub traffic: BTreeMap<&'static str, (u64, u64)>,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    pub trace: Vec<String>,
}

impl Cluster {
    pub fn new(n: usize, seed: u64) -> Self {
        Self::with_observers(n, 0, seed)
    }

    /// The first n nodes are the validators of epoch 0.
    pub fn with_observers(n: usize, observers: usize, seed: u64) -> Self {
        let validators = validators(n);
        let n = n + observers;
        let nodes = (0..n).map(|_| Node::new(&validators)).collect();
        let mut cluster = Self {
            validators,
            nodes,
            now: 1_000,
            random: Random(seed),
            faults: Faults { min_delay: 1, max_delay: 10, loss_percent: 0, duplicate_percent: 0 },
            groups: vec![0; n],
            passes: |_, _, _| true,
            execution_ms: 2,
            traffic: BTreeMap::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            trace: Vec::new(),
        };
        (0..n).for_each(|i| cluster.start(i));
        cluster
    }

    /// Starts or restarts a node from what is durable.
    pub fn start(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        let tip = node.chain.last().unwrap().clone();
        let recovered = Recovered { root: tip.root, finalization: tip.certificate, records: node.journal.clone() };
        let (epoch, set) = tip.after;
        let parameters = Parameters { epoch, ..parameters(&set) };
        node.set = set;
        node.machine = Some(Machine::new(parameters, Some(Arc::new(key(i))), recovered).unwrap());
        node.timers = [None; Timer::SLOTS];
        node.restarts += 1;
        for record in node.journal.clone() {
            if let Record::Block(block) = record {
                node.blocks.insert(block.header.hash(), block);
            }
        }
        self.step(i, Input::Start);
    }

    /// Power is lost: memory goes, the journal and the finalized chain stay.
    pub fn crash(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        node.machine = None;
        node.blocks.clear();
        node.timers = [None; Timer::SLOTS];
    }

    pub fn alive(&self, i: usize) -> bool {
        self.nodes[i].machine.is_some()
    }

    fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    pub fn deliver(&mut self, from: usize, to: usize, message: Message) {
        let at = self.now + 1;
        self.push(at, Event::Deliver { from, to, message });
    }

    /// Hands a transaction to every node, as dissemination does.
    pub fn submit(&mut self, transaction: &[u8]) {
        for to in 0..self.nodes.len() {
            let at = self.now + self.random.below(5);
            self.push(at, Event::Submit { to, transaction: transaction.to_vec() });
        }
    }

    pub fn submit_to(&mut self, to: usize, transaction: &[u8]) {
        self.push(self.now, Event::Submit { to, transaction: transaction.to_vec() });
    }

    pub fn step(&mut self, i: usize, input: Input) {
        let now = self.now;
        let Some(machine) = self.nodes[i].machine.as_mut() else { return };
        let mut effects = machine.step(now, input);
        let work = self.work(i);
        if let Some(machine) = self.nodes[i].machine.as_mut() {
            effects.extend(machine.step(now, Input::Work(work)));
        }
        for effect in effects {
            self.effect(i, effect);
        }
        self.check();
    }

    fn work(&self, i: usize) -> bool {
        let node = &self.nodes[i];
        let taken: BTreeSet<&Vec<u8>> = node.blocks.values().flat_map(|b| b.transactions.iter()).collect();
        node.mempool.iter().any(|t| !taken.contains(t))
    }

    fn effect(&mut self, i: usize, effect: Effect) {
        match effect {
            Effect::Persist(record) => self.nodes[i].journal.push(record),
            Effect::Send { to, message } => self.send(i, to, &message),
            Effect::Arm { timer, after_ms } => self.nodes[i].timers[timer.slot()] = Some((self.now + after_ms, timer)),
            Effect::Propose { view, parent_time_ms, ancestors, empty } => {
                let node = &self.nodes[i];
                let taken: BTreeSet<&Vec<u8>> =
                    ancestors.iter().filter_map(|h| node.blocks.get(h)).flat_map(|b| b.transactions.iter()).collect();
                let fresh = node
                    .mempool
                    .iter()
                    .filter(|t| !empty && !taken.contains(t))
                    .take(BLOCK_TRANSACTIONS)
                    .cloned()
                    .collect();
                self.answer(i, 1, Input::Proposed { view, time_ms: parent_time_ms.max(self.now), transactions: fresh });
            }
            Effect::Validate(block) => {
                let valid = block.transactions.iter().all(|t| !t.starts_with(b"bad"));
                let hash = block.header.hash();
                self.nodes[i].blocks.insert(hash, block);
                self.answer(i, 1, Input::Validated { block: hash, valid });
            }
            Effect::Execute(block) => {
                let hash = block.header.hash();
                self.nodes[i].blocks.insert(hash, block);
                let next = next_set(&self.nodes[i].blocks[&hash]);
                self.answer(i, self.execution_ms, Input::Executed { block: hash, result: result_of(&hash), next });
            }
            Effect::Finalized { block, certificate, closing, .. } => self.finalized(i, block, &certificate, &closing),
            Effect::Epoch { epoch, validators } => {
                self.trace.push(format!("{} node {i} begins epoch {epoch}", self.now));
                self.nodes[i].set = validators;
            }
            Effect::Behind { .. } => self.sync(i),
            Effect::Report(report) => self.reported(i, report),
            Effect::Halt(divergence) => panic!("node {i} halted: {divergence}"),
        }
    }

    fn answer(&mut self, to: usize, after: u64, input: Input) {
        let restarts = self.nodes[to].restarts;
        self.push(self.now + after, Event::Answer { to, restarts, input });
    }

    fn send(&mut self, i: usize, to: To, message: &Message) {
        // Every message survives its encoding.
        let bytes = message.encode().unwrap();
        let message = &Message::decode(&bytes).unwrap();
        if let Message::Vote(vote) = message {
            self.note_vote(i, vote);
        } else if let Message::Proposal(p) = message {
            self.note_vote(i, &p.vote);
        }
        let targets: Vec<usize> = match to {
            To::All => (0..self.nodes.len()).filter(|t| *t != i).collect(),
            To::One(t) => {
                let to = self.nodes[i].set.key(t).unwrap().public_key();
                vec![(0..self.nodes.len()).find(|n| key(*n).public_key() == to).unwrap()]
            }
        };
        for to in targets {
            self.nodes[i].sent += 1;
            let sent = self.traffic.entry(kind(message)).or_default();
            *sent = (sent.0 + 1, sent.1 + bytes.len() as u64);
            let heard = self.groups[i] == self.groups[to] && (self.passes)(i, to, message);
            if !heard || self.random.chance(self.faults.loss_percent) {
                continue;
            }
            let copies = 1 + u64::from(self.random.chance(self.faults.duplicate_percent));
            for _ in 0..copies {
                let span = self.faults.max_delay - self.faults.min_delay + 1;
                let at = self.now + self.faults.min_delay + self.random.below(span);
                self.push(at, Event::Deliver { from: i, to, message: message.clone() });
            }
        }
    }

    /// I5: across restarts no node ever sends two votes that contradict each other, and every one was journaled first.
    fn note_vote(&mut self, i: usize, vote: &Vote) {
        let node = &mut self.nodes[i];
        let (position, statement) = (Position { epoch: vote.epoch, view: vote.view }, vote.statement);
        let journaled = |r: &Record| matches!(r, Record::Vote(v) if v == vote);
        assert!(node.journal.iter().any(journaled), "node {i} sent a vote of {position:?} before it was journaled");
        if node.votes.contains(&(position, statement)) {
            return;
        }
        for (_, other) in node.votes.iter().filter(|(p, _)| *p == position) {
            let clash = match (other, &statement) {
                (Statement::Nullify, Statement::Finalize { .. }) | (Statement::Finalize { .. }, Statement::Nullify) => {
                    true
                }
                (Statement::Notarize { block: a }, Statement::Finalize { block: b, .. })
                | (Statement::Finalize { block: a, .. }, Statement::Notarize { block: b }) => a != b,
                (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
            };
            assert!(!clash, "I5: node {i} signed {other:?} and {statement:?} at {position:?}");
        }
        node.votes.push((position, statement));
    }

    fn finalized(&mut self, i: usize, block: BlockHash, certificate: &Certificate, closing: &[Header]) {
        let certified = closing.last().map_or(block, Header::hash);
        assert_eq!(certificate.statement.block(), Some(certified), "R14: the certificate is of the block or closes it");
        let node = &mut self.nodes[i];
        if node.chain.iter().any(|f| f.root.block == block) {
            return; // sync was faster
        }
        let Final { root: tip, after: (epoch, set), .. } = node.chain.last().unwrap().clone();
        certificate.verify(genesis(), &set).expect("I8: a certificate that verifies");
        assert_eq!(certificate.epoch, epoch, "R14: no block of another epoch");
        let mut branch = Vec::new();
        let mut at = block;
        while at != tip.block {
            let b = node.blocks.get(&at).expect("a finalized block was executed here").clone();
            at = b.header.parent;
            branch.push(b);
        }
        for b in branch.into_iter().rev() {
            let h = &b.header;
            let hash = h.hash();
            b.transactions.iter().for_each(|t| {
                node.mempool.remove(t);
            });
            assert_eq!(h.epoch, epoch, "R14: an epoch's last block has no descendant of its epoch");
            let after = next_set(&b).map_or((epoch, set.clone()), |next| (epoch.next(), next));
            assert!(hash == block || after.0 == epoch, "R14: void blocks are not final");
            node.chain.push(Final {
                root: Root { epoch, height: h.height, view: h.view, block: hash, time_ms: h.time_ms },
                certificate: (hash == block).then(|| certificate.clone()),
                transactions: b.transactions.clone(),
                after,
            });
        }
    }

    /// Block sync: takes the finalized chain of the reachable peer that has the longest.
    fn sync(&mut self, i: usize) {
        let have = self.nodes[i].chain.len();
        let reachable = self.nodes.iter().zip(&self.groups).filter(|(_, group)| **group == self.groups[i]);
        let chain = reachable.map(|(n, _)| &n.chain).max_by_key(|c| c.len()).unwrap();
        let certified = chain.iter().rposition(|f| f.certificate.is_some()).map_or(0, |last| last + 1);
        if certified <= have {
            return;
        }
        let missed = chain[have..certified].to_vec();
        let node = &mut self.nodes[i];
        for f in &missed {
            f.transactions.iter().for_each(|t| {
                node.mempool.remove(t);
            });
        }
        let Final { root, certificate, after: (epoch, validators), .. } = missed.last().unwrap().clone();
        node.chain.extend(missed);
        self.answer(i, 5, Input::Synced { root, finalization: certificate.unwrap(), epoch, validators });
    }

    fn reported(&mut self, i: usize, report: Report) {
        let now = self.now;
        match report {
            Report::Nullified { view, reason, .. } => {
                self.trace.push(format!("{now} node {i} nullifies {view}: {reason:?}"));
                self.nodes[i].nullified.push((view, reason));
            }
            Report::Equivocation(evidence) => {
                assert!(evidence.verify(genesis(), &self.nodes[i].set), "I9: evidence that convicts");
                self.nodes[i].evidence.push(*evidence);
            }
            Report::Fork(pair) => panic!("fork: {pair:?}"),
            Report::Misbehaviour { from, what } => self.trace.push(format!("{now} node {i}: {from:?} {what}")),
            Report::Entered(view) => self.trace.push(format!("{now} node {i} enters {view}")),
        }
    }

    /// Runs until a time.
    pub fn run_until(&mut self, end: u64) {
        loop {
            let event_at = self.queue.keys().next().map_or(u64::MAX, |(t, _)| *t);
            let timer = self.next_timer();
            let at = event_at.min(timer.map_or(u64::MAX, |(t, ..)| t));
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            if event_at == at {
                let ((_, _), event) = self.queue.pop_first().unwrap();
                self.happen(event);
            } else if let Some((_, i, slot)) = timer {
                let (_, timer) = self.nodes[i].timers[slot].take().unwrap();
                self.step(i, Input::Timer(timer));
            }
        }
        self.now = end;
    }

    pub fn run(&mut self, ms: u64) {
        self.run_until(self.now + ms);
    }

    /// Runs until a condition holds; panics with the trace at the deadline.
    pub fn run_while(&mut self, limit_ms: u64, what: &str, mut pending: impl FnMut(&Self) -> bool) {
        let deadline = self.now + limit_ms;
        while pending(self) {
            if self.now >= deadline {
                let tail = self.trace.len().saturating_sub(60);
                panic!("{what} took more than {limit_ms} ms\n{}", self.trace[tail..].join("\n"));
            }
            self.run(5);
        }
    }

    fn next_timer(&self) -> Option<(u64, usize, usize)> {
        let timers = self.nodes.iter().enumerate().filter(|(_, n)| n.machine.is_some());
        timers
            .flat_map(|(i, n)| n.timers.iter().enumerate().filter_map(move |(s, t)| t.map(|(at, _)| (at, i, s))))
            .min()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => {
                let from = self.nodes[to].set.index_of(&key(from).public_key());
                self.step(to, Input::Message { from, message });
            }
            Event::Answer { to, restarts, input } => {
                if self.nodes[to].restarts == restarts {
                    self.step(to, input);
                }
            }
            Event::Submit { to, transaction } => {
                if !self.nodes[to].chain.iter().any(|f| f.transactions.contains(&transaction)) {
                    self.nodes[to].mempool.insert(transaction);
                }
                let work = self.work(to);
                self.step(to, Input::Work(work));
            }
        }
    }

    /// I1: one block at each height.
    fn check(&self) {
        let longest = self.nodes.iter().map(|n| &n.chain).max_by_key(|c| c.len()).unwrap();
        for node in &self.nodes {
            let tip = node.chain.len() - 1;
            assert_eq!(node.chain[tip].root.block, longest[tip].root.block, "I1: two final blocks at height {tip}");
        }
    }

    pub fn height(&self, i: usize) -> usize {
        self.nodes[i].chain.len() - 1
    }

    pub fn holds(&self, i: usize, transaction: &[u8]) -> usize {
        self.nodes[i].chain.iter().flat_map(|f| &f.transactions).filter(|t| *t == transaction).count()
    }

    pub fn all_hold(&self, transaction: &[u8]) -> bool {
        (0..self.nodes.len()).filter(|i| self.alive(*i)).all(|i| self.holds(i, transaction) > 0)
    }
}

impl Node {
    fn new(validators: &Arc<ValidatorSet>) -> Self {
        let after = (Epoch(0), validators.clone());
        Self {
            machine: None,
            set: validators.clone(),
            journal: Vec::new(),
            chain: vec![Final { root: genesis_root(), certificate: None, transactions: Vec::new(), after }],
            blocks: BTreeMap::new(),
            mempool: BTreeSet::new(),
            timers: [None; Timer::SLOTS],
            votes: Vec::new(),
            nullified: Vec::new(),
            evidence: Vec::new(),
            sent: 0,
            restarts: 0,
        }
    }
}
