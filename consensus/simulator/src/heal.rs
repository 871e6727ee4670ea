//! The faults end; the cluster must recover (I12), serve (I10) and become quiet (R11).

use crate::checks::Label;
use crate::cluster::Cluster;
use crate::node::{Node, Packet};
use crate::trace::note;
use hnchain_types::TxId;

/// Wait between two looks, microseconds.
const LOOK: u64 = 5_000;
/// All correct nodes have one height and a new block within this many Δ.
pub(crate) const HEALED_DELTAS: u64 = 600;
/// A new transaction is final on all correct nodes within this many Δ, and four more for each adversary that may lead.
pub(crate) const FRESH_DELTAS: u64 = 10;
pub(crate) const FRESH_DELTAS_EACH: u64 = 4;
/// Messages that a node may send while the cluster is idle, for each heartbeat and peer.
const QUIET_MESSAGES: u64 = 14;

impl Cluster {
    /// Gives how long healing and a new transaction took, microseconds.
    pub(crate) fn heal(&mut self) -> (u64, u64) {
        if self.env.checks.violation.is_some() {
            return (0, 0);
        }
        note!(self.env, "the faults end");
        self.stop_faults();
        let begin = self.env.now;
        let height = self.env.checks.height();
        let delta_us = self.env.options.delta_ms * 1_000;
        let limit = begin + HEALED_DELTAS * delta_us;
        let ping = self.fresh();
        self.wait(limit, |c| c.level() && c.env.checks.height() > height && c.all_have(ping));
        let healed = self.env.now - begin;
        let state = self.describe();
        self.check(Label::I12, self.env.now < limit, || format!("not healed after {HEALED_DELTAS}Δ: {state}"));
        self.check(Label::R12, self.env.now < limit, String::new);
        if self.env.checks.violation.is_some() {
            return (healed, 0);
        }
        // Whatever still waits becomes final or expires.
        self.run(20 * delta_us);
        let fresh = self.time_of_a_transaction(delta_us);
        if self.env.checks.faulty.is_empty() && self.random.chance(40) {
            self.idle();
        }
        (healed, fresh)
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
        let limit = begin + deltas * delta_us;
        self.wait(limit, |c| c.all_have(tx));
        let took = self.env.now - begin;
        let state = self.describe();
        let done = self.all_have(tx);
        self.check(Label::I12, done || self.env.checks.violation.is_some(), || {
            format!("a new transaction is not final after {deltas}Δ: {state}")
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
