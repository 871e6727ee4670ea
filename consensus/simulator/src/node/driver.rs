//! The consensus thread: turns events into steps of the machine, as `node/src/driver/consensus.rs` does.

use super::follow::PeerStatus;
use super::{Happened, Own, Process};
use crate::checks::Label;
use crate::env::{Decoded, Env};
use crate::trace::note;
use hnchain_consensus::{Effect, Input, Machine, Position, Record, Recovered, Timer};
use hnchain_types::block::Block;
use hnchain_types::certificate::Statement;
use hnchain_types::transaction::Transaction;
use hnchain_types::{BlockHash, TxId, View};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Least time between two proposals while fewer transactions wait than fill a block, microseconds.
const BLOCK_INTERVAL: u64 = 20_000;
/// Least time between two repetitions for peers that are back, microseconds.
const REPEAT: u64 = 100_000;
/// Events taken in one turn.
const TURN: usize = 128;
/// Views behind the store whose transactions are still not proposed.
const REMEMBERED_VIEWS: u64 = 16;
/// How often a payload is halved, at most, while views fail.
const SMALLER_BLOCKS: u32 = 5;
/// Views beyond those of its peers in which a validator with a new journal does not vote.
const FORGOTTEN_MARGIN: u64 = 2;

/// A block above the tip whose transactions are known.
#[derive(Debug)]
pub(super) struct Known {
    position: Position,
    decoded: Rc<Decoded>,
    /// Its view was skipped: its transactions wait again.
    skipped: bool,
    /// It is final and in the store.
    stored: bool,
}

/// A payload that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) view: View,
    pub(super) parent_time_ms: u64,
    pub(super) ancestors: Vec<BlockHash>,
    pub(super) empty: bool,
}

/// A validator whose journal is new asks its peers how far the chain is before it votes.
#[derive(Debug, Default)]
pub(super) struct Waking {
    /// Positions that are proven, or no further than this node's own was, and whether the peer was asking, by peer.
    pub(super) heard: BTreeMap<usize, (Position, bool)>,
}

impl Process {
    /// Takes a turn now, or as soon as the thread is free.
    pub(super) fn wake(&mut self, env: &mut Env) {
        if self.halted || self.writing.is_some() {
            return;
        }
        if env.now < self.busy_until {
            return self.turn_no_later_than(self.busy_until, env);
        }
        self.turn(env);
    }

    fn turn_no_later_than(&mut self, at: u64, env: &mut Env) {
        if self.turn_at.is_none_or(|t| at < t || t < env.now) {
            self.turn_at = Some(at);
            self.later(at, Own::Turn, env);
        }
    }

    fn turn(&mut self, env: &mut Env) {
        let mut taken = 0;
        while taken < TURN
            && let Some(happened) = self.inbox.pop_front()
        {
            self.take(happened, env);
            taken += 1;
        }
        self.fire_timers(env);
        self.update_work(env);
        self.propose_if_due(env);
        self.busy_until = env.now + self.nature.turn_us * taken as u64;
        self.perform(env);
        if !self.inbox.is_empty() && self.writing.is_none() {
            self.turn_no_later_than(self.busy_until, env);
        }
    }

    /// One step of the machine, watched.
    pub(super) fn feed(&mut self, input: Input, env: &mut Env) {
        if self.halted {
            return;
        }
        let clock = self.clock(env);
        if env.trace.wordy {
            note!(env, "node {} < {}", self.id, crate::trace::brief_input(&input));
        }
        let before = env.checks.before(&self.machine, &input);
        let effects = self.machine.step(clock, input);
        let honest = self.adversary.is_none();
        if env.trace.wordy {
            for effect in &effects {
                note!(env, "node {} > {}", self.id, crate::trace::brief_effect(effect));
            }
        }
        env.checks.step(self.id, honest, env.now, &before, &self.machine, &effects);
        self.effects.extend(effects);
    }

    fn take(&mut self, happened: Happened, env: &mut Env) {
        match happened {
            Happened::Engine(input) => self.feed(input, env),
            Happened::Message(from, message) => {
                let key = env.owners.iter().position(|nodes| nodes.contains(&from));
                let from = key.and_then(|key| self.index_of(key, env));
                if let Some(adversary) = self.adversary.as_mut() {
                    adversary.hears(&message);
                }
                self.feed(Input::Message { from, message: (*message).clone() }, env);
            }
            Happened::Judged(block, decoded) => {
                let valid = decoded.as_ref().is_some_and(|d| d.valid);
                if let Some(decoded) = decoded.filter(|d| d.valid) {
                    self.know(&block, decoded);
                }
                self.feed(Input::Validated { block: block.header.hash(), valid }, env);
            }
            Happened::Durable(position) => {
                match self.journal.durable(&mut self.disk.journal, position) {
                    Ok(true) => env.checks.synced(self.id),
                    Ok(false) => {}
                    Err(error) => note!(env, "node {}: {error}", self.id),
                }
                self.given_up = 0;
                self.forget(position);
                self.dirty = true;
                self.follow_store(env);
            }
            Happened::Status(peer, status) => self.wake_up(peer, &status, env),
            Happened::Linked => {
                let rested = self.repeated_at.is_none_or(|at| env.now >= at + REPEAT);
                if rested {
                    self.repeated_at = Some(env.now);
                    self.feed(Input::Timer(Timer::Resend), env);
                }
            }
        }
    }

    /// What a machine without a key, or sync, made final is the root of this one too.
    fn follow_store(&mut self, env: &mut Env) {
        let store = &self.disk.store;
        let (root, (epoch, validators)) = (store.tip(), store.epoch());
        if let Some(finalization) = store.certificate().cloned()
            && root.height > self.machine.root().height
        {
            let validators = validators.clone();
            self.feed(Input::Synced { root, finalization, epoch, validators }, env);
        }
    }

    /// Answers without which a node with a new journal does not use its key.
    fn needed(&self, env: &Env) -> usize {
        let validators = self.machine.validators();
        let key = env.owners.iter().position(|nodes| nodes.contains(&self.id));
        validators.quorum() - usize::from(key.and_then(|key| self.index_of(key, env)).is_some())
    }

    /// A validator whose journal is new uses its key once a quorum has shown how far the chain is.
    fn wake_up(&mut self, peer: usize, status: &PeerStatus, env: &mut Env) {
        let (here, validators) = (self.here(), self.machine.validators().clone());
        let Some(waking) = &mut self.waking else { return };
        if status.reticent {
            return;
        }
        let newest = waking.heard.values().map(|(at, _)| *at).max().unwrap_or_default().max(here);
        let proven = if status.position <= newest {
            Some(status.position)
        } else {
            let entry = status.entry.as_ref().filter(|c| c.epoch == here.epoch && status.position.epoch == here.epoch);
            let (genesis, verifier) = (env.world.genesis.digest(), env.verifier.clone());
            let verifies = |_, key: &_, digest: &_, signature: &_| verifier.verify(key, digest, signature);
            let entry = entry.filter(|c| c.verify_by(genesis, &validators, verifies).is_ok());
            entry.map(|c| Position { epoch: c.epoch, view: c.view.next() })
        };
        let Some(position) = proven else { return };
        let heard = waking.heard.entry(peer).or_default();
        *heard = (position.max(heard.0), status.waking);
        self.decide(env);
    }

    fn decide(&mut self, env: &mut Env) {
        let (here, needed) = (self.here(), self.needed(env));
        let Some(waking) = &self.waking else { return };
        let of_validators = |peer: &usize| {
            let key = env.owners.iter().position(|nodes| nodes.contains(peer));
            key.is_some_and(|key| self.index_of(key, env).is_some())
        };
        let heard = waking.heard.iter().filter(|(p, _)| of_validators(p)).map(|(_, at)| *at);
        let heard: Vec<(Position, bool)> = heard.filter(|(at, _)| at.epoch == here.epoch).collect();
        let newest = heard.iter().map(|(at, _)| *at).max().unwrap_or_default().max(here);
        let begun = newest > Position { view: View(1), ..Position::default() };
        if heard.iter().filter(|(_, waking)| !(begun && *waking)).count() < needed {
            return;
        }
        let view = if begun { View(newest.view.0.saturating_add(FORGOTTEN_MARGIN)) } else { View(0) };
        self.silent_until = begun.then_some(view);
        self.take_key(env);
        self.begin(Position { epoch: here.epoch, view }, env);
    }

    /// The machine that followed the chain without a key gives way to one with it.
    fn take_key(&mut self, env: &mut Env) {
        let (epoch, validators) = self.disk.store.epoch();
        let parameters = env.world.parameters(epoch, validators.clone(), env.verifier.clone());
        let store = &self.disk.store;
        let recovered =
            Recovered { root: store.tip(), finalization: store.certificate().cloned(), records: Vec::new() };
        match Machine::new(parameters, Some(self.signer.clone()), recovered) {
            Ok(machine) => self.machine = machine,
            Err(error) => env.fail(Label::R13, format!("node {}: no records, and yet {error}", self.id)),
        }
        env.checks.booted(self.id, &self.machine, false);
        (self.timers, self.wanted, self.work) = ([None; Timer::SLOTS], None, false);
    }

    fn here(&self) -> Position {
        Position { epoch: self.machine.epoch(), view: self.machine.view() }
    }

    /// Starts the machine of a new journal. The mark, though it be of view 0, makes the journal one in use.
    pub(super) fn begin(&mut self, until: Position, env: &mut Env) {
        self.waking = None;
        self.dirty = true;
        note!(env, "node {} has a new journal: no vote up to {until:?}", self.id);
        self.feed(Input::Forgotten { until }, env);
        self.feed(Input::Start, env);
    }

    fn fire_timers(&mut self, env: &mut Env) {
        for slot in 0..Timer::SLOTS {
            if let Some((at, timer)) = self.timers[slot]
                && at <= env.now
            {
                self.timers[slot] = None;
                self.feed(Input::Timer(timer), env);
            }
        }
    }

    // ---- mempool ----

    pub(super) fn know(&mut self, block: &Block, decoded: Rc<Decoded>) {
        let header = &block.header;
        let position = Position { epoch: header.epoch, view: header.view };
        self.dirty = true;
        if self.known.contains_key(&header.hash()) {
            return;
        }
        decoded.ids.iter().for_each(|id| *self.taken.entry(*id).or_default() += 1);
        self.known.insert(header.hash(), Known { position, decoded, skipped: false, stored: false });
    }

    fn release(taken: &mut BTreeMap<TxId, u32>, decoded: &Decoded) {
        for id in &decoded.ids {
            if let Some(count) = taken.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    taken.remove(id);
                }
            }
        }
    }

    /// Keeps what is above the store's tip, and for a while what has just become final.
    fn forget(&mut self, durable: Position) {
        let (store, taken) = (&self.disk.store, &mut self.taken);
        self.known.retain(|hash, known| {
            if known.position <= durable {
                known.stored = known.stored || store.holds(hash);
            }
            let old = known.position.view.0 + REMEMBERED_VIEWS <= durable.view.0 && known.position <= durable;
            let keep = (known.stored || known.position > durable) && !old;
            if !keep && !known.skipped {
                Self::release(taken, &known.decoded);
            }
            keep
        });
    }

    /// Another epoch begins: void blocks are gone, and their transactions wait again.
    pub(super) fn forget_void(&mut self, root: Position) {
        let taken = &mut self.taken;
        self.known.retain(|_, known| {
            let void = known.position > root;
            if void && !known.skipped {
                Self::release(taken, &known.decoded);
            }
            !void
        });
        self.dirty = true;
    }

    pub(super) fn note_skip(&mut self, record: &Record) {
        if let Record::Entered(certificate) = record
            && certificate.statement == Statement::Nullify
        {
            let position = record.position();
            for known in self.known.values_mut().filter(|k| k.position == position && !k.skipped) {
                known.skipped = true;
                Self::release(&mut self.taken, &known.decoded);
            }
            self.dirty = true;
        }
    }

    /// Whether transactions wait that no live block above the tip holds.
    fn update_work(&mut self, env: &mut Env) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        let work = self.mempool.has_fresh(|id| self.taken.contains_key(id));
        if work != self.work {
            self.work = work;
            self.feed(Input::Work(work), env);
        }
    }

    fn proposal_due(&self, env: &Env) -> u64 {
        let full = env.world.chain.parameters.block_transactions as usize;
        match self.proposed_at {
            Some(at) if self.mempool.len() < full => at + BLOCK_INTERVAL,
            _ => env.now,
        }
    }

    fn propose_if_due(&mut self, env: &mut Env) {
        if self.wanted.as_ref().is_none_or(|w| w.view != self.machine.view()) {
            self.wanted = None;
            return;
        }
        let due = self.proposal_due(env);
        if due > env.now {
            return self.turn_no_later_than(due, env);
        }
        let Some(wanted) = self.wanted.take() else { return };
        self.proposed_at = Some(env.now);
        for hash in &wanted.ancestors {
            if let Some(block) = self.machine.block(hash).cloned() {
                self.know_block(&block, env);
            }
        }
        self.mempool.expire(self.wall_ms(env));
        let transactions = if wanted.empty { Vec::new() } else { self.payload(&wanted.ancestors, env) };
        let raw = transactions.iter().map(|t| t.raw().to_vec()).collect();
        let time_ms = self.wall_ms(env).max(wanted.parent_time_ms + 1);
        self.feed(Input::Proposed { view: wanted.view, time_ms, transactions: raw }, env);
        let own = self.machine.proposal(wanted.view).and_then(|hash| self.machine.block(&hash).cloned());
        if let Some(block) = own {
            self.know_block(&block, env);
        }
    }

    /// Decodes a block that a quorum vouches for, where it was not judged here yet.
    pub(super) fn know_block(&mut self, block: &Block, env: &mut Env) {
        if !self.known.contains_key(&block.header.hash())
            && let Some(decoded) = env.decode(block)
        {
            self.know(block, decoded);
        }
    }

    /// What waits and is neither in an ancestor nor in a block that may be final but is not stored yet.
    fn payload(&self, ancestors: &[BlockHash], env: &Env) -> Vec<Arc<Transaction>> {
        let root = self.machine.root().view;
        let holding: Vec<_> = self
            .known
            .iter()
            .filter(|(h, k)| ancestors.contains(h) || k.position.view <= root)
            .map(|(_, k)| &k.decoded)
            .collect();
        let most = (env.world.chain.parameters.block_transactions >> self.given_up.min(SMALLER_BLOCKS)).max(1);
        let censored = |tx: &Transaction| self.adversary.as_ref().is_some_and(|a| a.censors(tx));
        self.mempool.take(most as usize, |tx| holding.iter().any(|d| d.ids.contains(&tx.id())) || censored(tx))
    }

    // ---- effects ----

    /// D1: records first and durable, then everything else in order.
    pub(super) fn perform(&mut self, env: &mut Env) {
        let effects = std::mem::take(&mut self.effects);
        for effect in &effects {
            if let Effect::Persist(record) = effect {
                // Without its key the node votes on nothing, and a journal that is new stays so.
                if self.waking.is_none()
                    && let Err(error) = self.journal.append(record)
                {
                    env.fail(Label::R13, format!("node {}: {error}", self.id));
                }
                if let Record::Vote(vote) = record {
                    env.checks.appended(self.id, vote);
                }
                self.note_skip(record);
            }
        }
        if !self.journal.wants_sync() || env.options.bug_no_sync == 1 {
            return self.perform_all(effects, env);
        }
        if env.now < self.nature.full_until {
            note!(env, "node {}: the disk is full", self.id);
            self.failed = true;
            self.writing = Some(Vec::new());
            return;
        }
        let took = self.nature.disk_us / 2 + env.random.below(self.nature.disk_us / 2 + 1);
        self.writing = Some(effects);
        if took == 0 { self.synced(env) } else { self.later(env.now + took, Own::Synced, env) }
    }

    pub(super) fn synced(&mut self, env: &mut Env) {
        let Some(effects) = self.writing.take() else { return };
        self.journal.commit(&mut self.disk.journal);
        env.checks.synced(self.id);
        self.perform_all(effects, env);
        if !self.inbox.is_empty() || self.dirty {
            self.turn_no_later_than(self.busy_until.max(env.now), env);
        }
    }

    fn perform_all(&mut self, effects: Vec<Effect>, env: &mut Env) {
        for effect in effects {
            self.effect(effect, env);
        }
        let resends = self.timers[Timer::Resend.slot()].is_some();
        env.checks.rests(self.id, self.work && !self.halted, resends);
        let (views, blocks) = self.machine.load();
        let held = [self.overlays.len(), self.known.len(), self.mempool.len()];
        env.checks.holds(self.id, held, views + blocks);
    }
}
