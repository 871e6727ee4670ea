//! A simulated computer: a disk that outlives crashes, and a process that does what the node's driver does.

mod driver;
mod effects;
mod executor;
mod follow;
pub(crate) mod journal;
pub(crate) mod mempool;
pub(crate) mod store;

use crate::adversary::Adversary;
use crate::env::{Decoded, Env, Event};
use crate::trace::note;
use crate::world::World;
use driver::Known;
use executor::Command;
pub(crate) use executor::execute;
pub(crate) use follow::{Answer, STATUS_EVERY};
use follow::{Follower, Question};
use hnchain_consensus::{Effect, Input, Machine, Message, Position, Record, Recovered, Signer, Timer};
use hnchain_types::block::Block;
use hnchain_types::transaction::Transaction;
use hnchain_types::{BlockHash, Height, TxId, ValidatorIndex, View};
use journal::{File, Journal, Tail};
use mempool::Mempool;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use store::{Overlays, Store};

/// What travels between nodes.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    /// Of the engine.
    Consensus(Rc<Message>),
    /// A transaction that was admitted elsewhere.
    Transaction(Arc<Transaction>),
    /// Block sync.
    Question(u64, Question),
    /// Block sync.
    Answer(u64, Rc<Answer>),
    /// The link was made anew.
    Linked,
}

/// What a process has asked for.
#[derive(Debug)]
pub(crate) enum Own {
    /// Look at the inbox and the timers.
    Turn,
    /// The journal is synced.
    Synced,
    /// A payload was judged.
    Judged(Arc<Block>, Option<Rc<Decoded>>),
    /// The executor is done with a command.
    Executor,
    /// The follower asks peers where they are.
    Tick,
    /// It asks them again, soon, for a block that is known to be final.
    AskAgain,
    /// The follower waits no longer for this question's answer.
    Late(u64),
}

/// What waits for the consensus thread.
#[derive(Debug)]
pub(crate) enum Happened {
    Engine(Input),
    Message(usize, Rc<Message>),
    Judged(Arc<Block>, Option<Rc<Decoded>>),
    Durable(Position),
    Status(usize, follow::PeerStatus),
    Linked,
}

/// Where a transaction is: height, index, accepted.
pub(crate) type Place = (Height, u32, bool);

/// Events that wait at most; later ones are lost.
const INBOX: usize = 4_096;

/// What a computer is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    /// For each event, microseconds.
    pub(crate) turn_us: u64,
    /// For a journal sync, microseconds at most.
    pub(crate) disk_us: u64,
    /// How wrong its wall clock is, milliseconds.
    pub(crate) skew_ms: i64,
    /// Until when its disk is full, microseconds.
    pub(crate) full_until: u64,
}

/// What a crash leaves.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) journal: File,
    pub(crate) store: Store,
}

impl Disk {
    pub(crate) fn new(world: &World) -> Self {
        Self { journal: File::default(), store: Store::new(world) }
    }
}

/// A computer.
pub(crate) struct Node {
    pub(crate) id: usize,
    /// Which validator key it holds.
    pub(crate) key: usize,
    pub(crate) nature: Nature,
    pub(crate) adversary: Option<Box<dyn Adversary>>,
    pub(crate) process: Option<Box<Process>>,
    /// While no process runs.
    pub(crate) disk: Option<Disk>,
    pub(crate) incarnation: u32,
    /// A restart is under way, or the node is kept down.
    pub(crate) boots: bool,
    pub(crate) kept_down: bool,
    /// Its disk lied: what it signs is no longer its own fault.
    pub(crate) damaged: bool,
    /// Its journal was refused, or it halted.
    pub(crate) refused: bool,
}

/// A running node.
pub(crate) struct Process {
    pub(crate) id: usize,
    pub(crate) incarnation: u32,
    pub(crate) nature: Nature,
    pub(crate) adversary: Option<Box<dyn Adversary>>,
    signer: Arc<dyn Signer>,
    pub(crate) disk: Disk,
    journal: Journal,
    pub(crate) machine: Machine,
    pub(crate) halted: bool,
    /// The disk failed: the process ends.
    pub(crate) failed: bool,
    /// When it was started, microseconds.
    started: u64,
    inbox: VecDeque<Happened>,
    busy_until: u64,
    turn_at: Option<u64>,
    /// Effects that wait for the journal's sync.
    writing: Option<Vec<Effect>>,
    effects: Vec<Effect>,
    timers: [Option<(u64, Timer)>; Timer::SLOTS],
    known: BTreeMap<BlockHash, Known>,
    /// How many live blocks hold a transaction.
    taken: BTreeMap<TxId, u32>,
    wanted: Option<driver::Wanted>,
    proposed_at: Option<u64>,
    repeated_at: Option<u64>,
    /// When waiting transactions were told again.
    told_at: u64,
    given_up: u32,
    dirty: bool,
    work: bool,
    /// While it is not known which votes may have been forgotten, the machine has no key.
    waking: Option<driver::Waking>,
    /// The last view of such votes.
    silent_until: Option<View>,
    pub(crate) mempool: Mempool,
    overlays: Overlays,
    commands: VecDeque<Command>,
    executing: bool,
    follower: Follower,
    /// Clients that wait for a transaction.
    waiting: BTreeMap<TxId, Vec<usize>>,
}

impl Node {
    pub(crate) fn alive(&self) -> bool {
        self.process.as_ref().is_some_and(|p| !p.halted)
    }

    /// The store, whether the node is up or not.
    pub(crate) fn store(&self) -> &Store {
        match (&self.process, &self.disk) {
            (Some(p), _) => &p.disk.store,
            (None, Some(disk)) => &disk.store,
            (None, None) => unreachable!("a node has a process or a disk"),
        }
    }

    /// Starts a process on the disk.
    pub(crate) fn boot(&mut self, env: &mut Env) {
        self.boots = false;
        if self.kept_down || self.process.is_some() {
            return;
        }
        let Some(mut disk) = self.disk.take() else { return };
        self.incarnation += 1;
        let Some((journal, records)) = self.open_journal(&mut disk, env) else {
            self.refused = true;
            self.disk = Some(disk);
            return;
        };
        // Whether a validator or not: it may be one in an epoch that it does not know of yet (B9).
        let new_journal = records.is_empty();
        let silent_until = records.iter().filter(|r| matches!(r, Record::Cut(_))).map(|r| r.position().view).max();
        let (epoch, validators) = disk.store.epoch();
        let parameters = env.world.parameters(epoch, validators.clone(), env.verifier.clone());
        let recovered = Recovered { root: disk.store.tip(), finalization: disk.store.certificate().cloned(), records };
        let signer = env.world.keys.signer(self.key, env.options.real == 1);
        // In the beginning operators know that no journal was lost; and a chain that tolerates no fault cannot wait for one.
        let trusted = env.now == 0 || env.options.faults() == 0;
        let waking = new_journal && !trusted;
        let machine = match Machine::new(parameters, (!waking).then(|| signer.clone()), recovered) {
            Ok(machine) => machine,
            Err(error) => {
                if !self.damaged && self.adversary.is_none() {
                    env.fail(crate::checks::Label::I5, format!("node {}: own journal refused: {error}", self.id));
                }
                self.refused = true;
                self.disk = Some(disk);
                return;
            }
        };
        env.checks.booted(self.id, &machine, self.damaged);
        note!(env, "node {} starts at height {} in view {}", self.id, disk.store.height(), machine.view());
        let mut process = Box::new(Process {
            id: self.id,
            incarnation: self.incarnation,
            nature: self.nature,
            adversary: self.adversary.take(),
            signer,
            disk,
            journal,
            machine,
            halted: false,
            failed: false,
            started: env.now,
            inbox: VecDeque::new(),
            busy_until: env.now,
            turn_at: None,
            writing: None,
            effects: Vec::new(),
            timers: [None; Timer::SLOTS],
            known: BTreeMap::new(),
            taken: BTreeMap::new(),
            wanted: None,
            proposed_at: None,
            repeated_at: None,
            told_at: env.now,
            given_up: 0,
            dirty: true,
            work: false,
            waking: waking.then(driver::Waking::default),
            silent_until,
            mempool: Mempool::default(),
            overlays: Overlays::default(),
            commands: VecDeque::new(),
            executing: false,
            follower: Follower::default(),
            waiting: BTreeMap::new(),
        });
        process.begin_all(new_journal, env);
        self.process = Some(process);
        self.end_if_failed(env);
    }

    fn open_journal(&self, disk: &mut Disk, env: &mut Env) -> Option<(Journal, Vec<Record>)> {
        let validator = env.world.keys.public(self.key);
        let owner = Record::Owner { genesis: env.world.genesis.digest(), validator };
        Journal::open(&mut disk.journal, &owner, env.options.rewrite_bytes)
            .map_err(|refusal| note!(env, "node {} does not start: {refusal:?}", self.id))
            .ok()
    }

    /// The process ends with everything that is not on the disk.
    pub(crate) fn crash(&mut self, tail: Tail, env: &mut Env) {
        let Some(process) = self.process.take() else { return };
        note!(env, "node {} crashes ({tail:?})", self.id);
        let Process { mut disk, journal, adversary, writing, .. } = *process;
        if writing.is_some() && disk.journal.crash(journal.pending(), tail, &mut env.random) {
            env.checks.synced(self.id);
        }
        env.checks.crashed(self.id);
        self.adversary = adversary;
        self.disk = Some(disk);
    }

    /// Another computer takes its place: same key, nothing on the disk.
    pub(crate) fn lose_disk(&mut self, env: &mut Env) {
        note!(env, "node {} lost its disk", self.id);
        self.refused = false;
        self.disk = Some(Disk::new(&env.world));
        env.checks.disk_lost(self.id);
    }

    /// Starts a process some microseconds later.
    pub(crate) fn boot_later(&mut self, after_us: u64, env: &mut Env) {
        if !self.boots && !self.kept_down {
            self.boots = true;
            env.at(env.now + after_us, Event::Boot { node: self.id });
        }
    }

    /// Something arrives from another node.
    pub(crate) fn packet(&mut self, from: usize, packet: Packet, env: &mut Env) {
        if let Some(process) = self.process.as_mut() {
            process.packet(from, packet, env);
            self.end_if_failed(env);
        }
    }

    /// Something that the process asked for is here.
    pub(crate) fn own(&mut self, incarnation: u32, own: Own, env: &mut Env) {
        if let Some(process) = self.process.as_mut().filter(|p| p.incarnation == incarnation) {
            process.own(own, env);
            self.end_if_failed(env);
        }
    }

    /// D4: a failure of the disk ends the process. Somebody starts it again.
    fn end_if_failed(&mut self, env: &mut Env) {
        if self.process.as_ref().is_some_and(|p| p.failed) {
            self.crash(Tail::Torn, env);
            self.boot_later(200_000, env);
        }
    }

    /// A client asks for a transaction to be put on the chain. False where the node does not take it.
    pub(crate) fn submit(&mut self, client: usize, tx: &Arc<Transaction>, env: &mut Env) -> bool {
        self.process.as_mut().is_some_and(|p| !p.halted && p.submit(client, tx, env))
    }
}

impl Process {
    /// Peers that a broadcast reaches.
    fn others(&self, env: &Env) -> Vec<usize> {
        env.owners.iter().flatten().copied().filter(|n| *n != self.id).collect()
    }

    /// Who a node is in the current set.
    fn index_of(&self, key: usize, env: &Env) -> Option<ValidatorIndex> {
        self.machine.validators().index_of(&env.world.keys.public(key))
    }

    /// Milliseconds on the machine's clock.
    fn clock(&self, env: &Env) -> u64 {
        (env.now - self.started) / 1_000
    }

    /// Milliseconds on this node's wall clock.
    fn wall_ms(&self, env: &Env) -> u64 {
        env.wall_ms().saturating_add_signed(self.nature.skew_ms)
    }

    fn later(&self, at: u64, own: Own, env: &mut Env) {
        env.at(at, Event::Own { node: self.id, incarnation: self.incarnation, own });
    }

    fn begin_all(&mut self, new_journal: bool, env: &mut Env) {
        self.later(env.now, Own::Tick, env);
        self.show_standing();
        if new_journal && self.waking.is_none() {
            self.begin(Position::default(), env);
        } else {
            self.feed(Input::Start, env);
        }
        self.perform(env);
    }

    fn packet(&mut self, from: usize, packet: Packet, env: &mut Env) {
        match packet {
            Packet::Consensus(message) => self.happened(Happened::Message(from, message), env),
            Packet::Transaction(tx) => {
                if self.admit(&tx, env) {
                    self.dirty = true;
                    self.wake(env);
                }
            }
            Packet::Question(id, question) => self.serve(from, id, question, env),
            Packet::Answer(id, answer) => self.answered(from, id, &answer, env),
            Packet::Linked => self.happened(Happened::Linked, env),
        }
    }

    fn own(&mut self, own: Own, env: &mut Env) {
        match own {
            Own::Turn => {
                self.turn_at = None;
                self.wake(env);
            }
            Own::Synced => self.synced(env),
            Own::Judged(block, decoded) => self.happened(Happened::Judged(block, decoded), env),
            Own::Executor => self.executor_done(env),
            Own::Tick => self.tick(env),
            Own::AskAgain => self.ask_if_idle(env),
            Own::Late(id) => self.late(id, env),
        }
    }

    /// Puts something before the consensus thread.
    fn happened(&mut self, happened: Happened, env: &mut Env) {
        let message = matches!(happened, Happened::Message(..));
        if message && self.inbox.len() >= INBOX {
            return; // the network's queue is full
        }
        self.inbox.push_back(happened);
        self.wake(env);
    }

    /// The process stands still until then.
    pub(crate) fn pause(&mut self, until: u64) {
        self.busy_until = self.busy_until.max(until);
    }

    /// A pause ends now at the latest.
    pub(crate) fn resume(&mut self, now: u64) {
        self.busy_until = self.busy_until.min(now);
    }
}
