//! The faults end; the cluster must recover (I12), serve (I10) and become quiet (R11).

use crate::checks::Label;
use crate::cluster::Cluster;
use crate::node::{Node, Packet, STATUS_EVERY};
use crate::trace::note;
use hnchain_types::TxId;

/// Wait between two looks, microseconds.
const LOOK: u64 = 5_000;
/// All correct nodes have one height and a new block within this many Δ.
pub(crate) const HEALED_DELTAS: u64 = 600;
/// A new transaction is final on all correct nodes within this many Δ, and four more for each adversary that may lead.
pub(crate) const FRESH_DELTAS: u64 = 10;
pub(crate) const FRESH_DELTAS_EACH: u64 = 4;
/// Looks of sync within which a node without a seat has what is final: one finds that it stands still, one asks, and a peer
/// may not answer.
const FOLLOWED: u64 = 5;
/// Within this time nothing waits any more, microseconds.
const SETTLED: u64 = 60_000_000;
/// Messages that a node may send while the cluster is idle, for each heartbeat and peer.
const QUIET_MESSAGES: u64 = 14;

/// How long recovery took, microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Healing {
    /// From the end of the faults to the first new block.
    pub(crate) first: u64,
    /// … to one height on all correct nodes.
    pub(crate) level: u64,
    /// From the submission of a new transaction to its finality on all of them.
    pub(crate) fresh: u64,
}

impl Cluster {
    pub(crate) fn heal(&mut self) -> Healing {
        let mut healing = Healing::default();
        if self.env.checks.violation.is_some() {
            return healing;
        }
        note!(self.env, "the faults end");
        self.stop_faults();
        let begin = self.env.now;
        let height = self.env.checks.height();
        let delta_us = self.env.options.delta_ms * 1_000;
        let limit = begin + HEALED_DELTAS * delta_us;
        let ping = self.fresh();
        self.wait(limit, |c| c.env.checks.height() > height);
        healing.first = self.env.now - begin;
        self.wait(limit, |c| c.level() && c.all_have(ping));
        healing.level = self.env.now - begin;
        let state = self.describe();
        self.check(Label::I12, self.env.now < limit, || format!("not healed after {HEALED_DELTAS}Δ: {state}"));
        self.check(Label::R12, self.env.now < limit, String::new);
        if self.env.checks.violation.is_some() {
            return healing;
        }
        // Whatever still waits becomes final or expires.
        self.run(20 * delta_us);
        healing.fresh = self.time_of_a_transaction(delta_us);
        if self.env.checks.faulty.is_empty() && self.random.chance(40) {
            self.idle();
        }
        healing
    }

    fn check(&mut self, label: Label, holds: bool, what: impl FnOnce() -> String) {
        self.env.checks.check(label, holds, what);
    }

    fn stop_faults(&mut self) {
        let cut = self.env.network.join();
        self.env.network.calm();
        for (from, to) in cut {
            if self.random.chance(self.env.options.relink) {
                self.env.send_packet(from, to, &Packet::Linked);
            }
        }
        self.clients.iter_mut().for_each(|c| c.idle = true);
        for i in 0..self.nodes.len() {
            let delta_us = self.env.options.delta_ms * 1_000;
            self.change_nature(i, |nature| {
                nature.skew_ms = 0;
                nature.full_until = 0;
                nature.turn_us = nature.turn_us.min(50);
                nature.disk_us = nature.disk_us.min(delta_us / 20).min(2_000);
            });
            let node = &mut self.nodes[i];
            if let Some(process) = node.process.as_mut() {
                process.resume(self.env.now);
            }
            node.kept_down = false;
            if node.process.is_none() && !node.refused {
                node.boot_later(1_000, &mut self.env);
            }
        }
        let execution = self.env.options.delta_ms * 1_000 / 20;
        self.env.options.execution_us = self.env.options.execution_us.min(execution);
        self.env.options.judging_us = self.env.options.judging_us.min(execution);
    }

    /// Runs until something holds, or a moment.
    fn wait(&mut self, limit: u64, holds: impl Fn(&Self) -> bool) {
        while self.env.now < limit && self.env.checks.violation.is_none() && !holds(self) {
            self.run(LOOK.min(limit - self.env.now));
        }
    }

    /// Nodes that follow the rules and whose disks were never damaged.
    fn correct(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|n| !self.env.checks.exempt.contains(&n.id))
    }

    /// Whether all correct nodes are up and have the highest final chain.
    fn level(&self) -> bool {
        let height = self.env.checks.height();
        self.correct().all(|n| n.alive() && n.store().height() == height)
    }

    fn validators_have(&self, tx: Option<TxId>) -> bool {
        let Some((_, set)) = self.env.checks.newest_set() else { return false };
        let seated = |n: &&Node| set.index_of(&self.env.world.keys.public(n.key)).is_some();
        tx.is_none_or(|tx| self.correct().filter(seated).all(|n| n.store().receipt(&tx).is_some()))
    }

    fn nothing_waits(&self) -> bool {
        self.correct().all(|n| n.process.as_ref().is_none_or(|p| p.mempool.len() == 0))
    }

    fn all_have(&self, tx: Option<TxId>) -> bool {
        tx.is_none_or(|tx| self.correct().all(|n| n.store().receipt(&tx).is_some()))
    }

    /// Submits something new.
    fn fresh(&mut self) -> Option<TxId> {
        let world = self.env.world.clone();
        let wall = self.env.wall_ms();
        let tx = self.clients[0].fresh(&world, wall)?;
        let id = tx.id();
        self.clients[0].submit(&tx, &mut self.nodes, &mut self.env);
        Some(id)
    }

    fn time_of_a_transaction(&mut self, delta_us: u64) -> u64 {
        let begin = self.env.now;
        let liars = self.env.checks.faulty.len() as u64;
        let deltas = FRESH_DELTAS + FRESH_DELTAS_EACH * liars;
        // A client whose node is an adversary's asks another one after its patience.
        let tx = self.fresh_to_a_correct_node();
        self.wait(begin + deltas * delta_us, |c| c.validators_have(tx));
        let took = self.env.now - begin;
        let state = self.describe();
        let done = self.validators_have(tx);
        self.check(Label::I12, done || self.env.checks.violation.is_some(), || {
            format!("a new transaction is not final after {deltas}Δ: {state}")
        });
        // Nobody owes one without a seat an answer: what it misses it gets by sync.
        self.wait(self.env.now + FOLLOWED * STATUS_EVERY, |c| c.all_have(tx));
        let (done, state) = (self.all_have(tx), self.describe());
        self.check(Label::I12, done || self.env.checks.violation.is_some(), || {
            format!("a node without a seat does not follow: {state}")
        });
        took
    }

    fn fresh_to_a_correct_node(&mut self) -> Option<TxId> {
        let world = self.env.world.clone();
        let wall = self.env.wall_ms();
        let tx = self.clients[0].fresh(&world, wall)?;
        let at = self.correct().next()?.id;
        self.nodes[at].submit(0, &tx, &mut self.env);
        Some(tx.id())
    }

    /// R11: heartbeats and nothing else.
    fn idle(&mut self) {
        let heartbeat_us = self.env.options.heartbeat_ms * 1_000;
        self.clients.iter_mut().for_each(crate::client::Client::give_up);
        // What only some have heard of is told again, and becomes final.
        self.wait(self.env.now + SETTLED, Self::nothing_waits);
        self.run(heartbeat_us);
        let (height, sent) = (self.env.checks.height(), self.env.sent);
        let beats = 3;
        self.run(beats * heartbeat_us);
        let made = self.env.checks.height().0 - height.0;
        let said = self.env.sent - sent;
        let peers = (self.nodes.len() * self.nodes.len()) as u64;
        let most = (beats + 1) * QUIET_MESSAGES * peers;
        self.check(Label::R11, (1..=2 * beats + 2).contains(&made) && said <= most, || {
            format!("an idle cluster made {made} blocks and {said} messages in {beats} heartbeats")
        });
    }

    fn describe(&self) -> String {
        let of = |n: &Node| match &n.process {
            Some(p) => format!(
                "{}: height {} view {}.{} root {}{}",
                n.id,
                n.store().height(),
                p.machine.epoch(),
                p.machine.view(),
                p.machine.root().view,
                if p.halted { " halted" } else { "" }
            ),
            None => format!("{}: down{}", n.id, if n.refused { " (refused)" } else { "" }),
        };
        self.nodes.iter().map(of).collect::<Vec<_>>().join("; ")
    }
}
