//! What the machine asks for, done.

use super::executor::Command;
use super::{Own, Process};
use crate::adversary::Scene;
use crate::checks::Label;
use crate::env::Env;
use crate::node::driver::Wanted;
use crate::trace::note;
use hnchain_consensus::{Effect, Input, Message, Position, Record, Report, Timer, To};
use hnchain_types::block::Block;
use hnchain_types::transaction::Transaction;
use std::sync::Arc;

/// A proposal whose time is further ahead than this, beyond the allowed drift, is not waited for, milliseconds.
const FUTURE_MS: u64 = 10_000;
/// How often waiting transactions are told again, microseconds.
const RESEND: u64 = 5_000_000;
/// Most of them at once.
const RESEND_MOST: usize = 64;

impl Process {
    pub(super) fn effect(&mut self, effect: Effect, env: &mut Env) {
        match effect {
            Effect::Persist(Record::Entered(certificate)) if self.adversary.is_none() => {
                env.checks.certificate(self.id, &certificate);
            }
            Effect::Persist(_) => {}
            Effect::Send { to, message } => self.send(to, message, env),
            Effect::Arm { timer, after_ms } => self.arm(timer, after_ms, env),
            Effect::Propose { view, parent_time_ms, ancestors, empty } => {
                self.wanted = Some(Wanted { view, parent_time_ms, ancestors, empty });
                self.later(env.now, Own::Turn, env);
            }
            Effect::Validate(block) => {
                self.proposed_at = Some(env.now);
                self.validate(block, env);
            }
            Effect::Execute(block) => {
                self.know_block(&block, env);
                self.command(Command::Execute(block), env);
            }
            Effect::Finalized { block, certificate, closing, .. } => {
                if self.adversary.is_none() {
                    env.checks.certificate(self.id, &certificate);
                }
                self.command(Command::Finalize { block, certificate, closing }, env);
            }
            Effect::Epoch { epoch, .. } => {
                note!(env, "node {} begins epoch {epoch} with {:?}", self.id, self.machine.me());
                let root = self.machine.root();
                self.forget_void(Position { epoch: root.epoch, view: root.view });
                if let Some(view) = self.silent_until.filter(|until| self.machine.view() <= *until) {
                    self.feed(Input::Forgotten { until: Position { epoch, view } }, env);
                }
            }
            Effect::Behind { view } => self.behind(view, env),
            Effect::Report(report) => self.report(report, env),
            Effect::Halt(divergence) => {
                self.halted = true;
                env.fail(Label::R7, format!("node {} halts: {divergence}", self.id));
            }
        }
    }

    fn arm(&mut self, timer: Timer, after_ms: u64, env: &mut Env) {
        let at = env.now + after_ms * 1_000;
        self.timers[timer.slot()] = Some((at, timer));
        self.later(at, Own::Turn, env);
    }

    /// Sends as the machine says, or as the adversary that holds this node says.
    fn send(&mut self, to: To, message: Message, env: &mut Env) {
        if let Some(mut adversary) = self.adversary.take() {
            let mut scene = Scene {
                machine: &self.machine,
                signer: self.signer.as_ref(),
                genesis: env.world.genesis.digest(),
                random: &mut env.random,
                delta_us: env.world.chain.parameters.delta_ms * 1_000,
            };
            let said = adversary.says(&mut scene, to, message);
            self.adversary = Some(adversary);
            for s in said {
                let targets = self.targets(s.to, env);
                let targets: Vec<usize> =
                    targets.into_iter().filter(|t| s.half.is_none_or(|half| (t + half) % 2 == 0)).collect();
                env.send_message(self.id, &targets, &s.message, s.after_us);
            }
            return;
        }
        env.checks.sends(self.id, env.now, &message, &self.machine, to);
        let targets = self.targets(to, env);
        env.send_message(self.id, &targets, &message, 0);
    }

    fn targets(&self, to: To, env: &Env) -> Vec<usize> {
        match to {
            To::All => self.others(env),
            To::One(index) => {
                let key = self.machine.validators().key(index).and_then(|k| env.world.keys.find(&k.public_key()));
                key.and_then(|key| env.owners.get(key)).cloned().unwrap_or_default()
            }
        }
    }

    /// Judges a block beside the thread. One whose time is ahead of this node's clock waits until the clock gets there.
    fn validate(&mut self, block: Arc<Block>, env: &mut Env) {
        let limit = self.wall_ms(env).saturating_add(env.world.chain.parameters.time_drift_ms);
        let early_ms = block.header.time_ms.saturating_sub(limit);
        if early_ms > FUTURE_MS {
            return note!(env, "node {}: a proposal of a distant time", self.id);
        }
        let took = env.random.below(env.options.judging_us + 1);
        let decoded = env.decode(&block);
        self.later(env.now + early_ms * 1_000 + took, Own::Judged(block, decoded), env);
    }

    fn report(&mut self, report: Report, env: &mut Env) {
        match report {
            Report::Entered(view) => {
                self.show_standing();
                note!(env, "node {} enters {}.{view}", self.id, self.machine.epoch());
            }
            Report::Nullified { view, leader, reason } => {
                self.given_up += 1;
                note!(env, "node {} gives up {view} of leader {leader}: {reason:?}", self.id);
            }
            Report::Equivocation(evidence) => {
                note!(env, "node {} holds evidence against {}", self.id, evidence.offender());
                env.checks.evidence(self.id, &evidence, &env.world.keys);
            }
            Report::Fork(pair) => {
                env.fail(Label::I3, format!("node {}: contradictory certificates {pair:?}", self.id));
            }
            Report::Misbehaviour { from, what } => {
                note!(env, "node {}: {from:?} misbehaves: {what}", self.id);
            }
        }
    }

    /// For peers that ask. What the machine holds is durable whenever effects are performed.
    pub(super) fn show_standing(&mut self) {
        let position = Position { epoch: self.machine.epoch(), view: self.machine.view() };
        self.follower.standing = (position, self.machine.entry().cloned());
        self.follower.reticent = self.machine.awaits_epoch();
    }

    // ---- clients and transactions ----

    /// Takes a transaction in unless the border refuses it.
    pub(super) fn admit(&mut self, tx: &Arc<Transaction>, env: &Env) -> bool {
        if self.disk.store.receipt(&tx.id()).is_some() {
            return false;
        }
        let next = self.disk.store.height().next();
        let verdict = hnchain_ledger::admit(self.disk.store.state(), &env.world.chain, self.wall_ms(env), next, tx);
        // Clients sign what they submit; a payload's signatures are checked where it is judged.
        matches!(verdict, Ok(Ok(()))) && self.mempool.insert(tx.clone())
    }

    /// What has waited long is told again: its first frame may have been lost with a link.
    pub(super) fn disseminate_again(&mut self, env: &mut Env) {
        if env.now < self.told_at + RESEND || self.mempool.len() == 0 {
            return;
        }
        self.told_at = env.now;
        for tx in self.mempool.take(RESEND_MOST, |_| false) {
            for peer in self.others(env) {
                env.send_packet(self.id, peer, &super::Packet::Transaction(tx.clone()));
            }
        }
    }

    pub(super) fn submit(&mut self, client: usize, tx: &Arc<Transaction>, env: &mut Env) -> bool {
        let id = tx.id();
        if let Some(place) = self.disk.store.receipt(&id) {
            env.published.push((client, id, place));
            return true;
        }
        self.waiting.entry(id).or_default().push(client);
        if self.admit(tx, env) {
            for peer in self.others(env) {
                env.send_packet(self.id, peer, &super::Packet::Transaction(tx.clone()));
            }
            self.dirty = true;
            self.wake(env);
        }
        true
    }
}
