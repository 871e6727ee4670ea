//! R1, R8, R11: views, timers, and when to be quiet.

use super::{Armed, Machine};
use crate::bug::{Bug, planted};
use crate::{Effect, Message, NullifyReason, Report, Timer, To};
use hnchain_types::View;
use hnchain_types::certificate::Statement;

/// Nullifications since the last finalization from which an invalid proposal is left to the view timer: while views fail
/// for a reason that no leader can help, clocks that were set back, say, they must not fail at the speed of the network.
const HASTE: u32 = 3;
/// Nullifications after which timeouts grow no further: 1.5^6 is about 11.
const BACKOFF_STEPS: u32 = 6;

impl Machine {
    pub(super) fn on_start(&mut self) {
        self.take_up();
        self.resend();
    }

    /// R13: an own block that was proposed before the crash counts as validated; with n = 1 the own votes are quorums.
    pub(super) fn offer_again(&mut self, view: View) {
        let Some(round) = self.rounds.get_mut(&view) else { return };
        for certificate in round.tally.quorums(&self.parameters.validators) {
            self.apply(certificate);
        }
        let own: Vec<_> = self.own_votes(view).filter_map(|v| v.statement.block()).collect();
        for block in own {
            if let Some(entry) = self.tree.get_mut(&block) {
                entry.sound = true;
            }
            self.try_execute(block);
        }
        if let Some(block) = self.notarized(view) {
            if self.tree.get(&block).is_none() {
                self.fetch(view, block);
            }
            self.try_execute(block);
        }
    }

    /// R1.
    pub(super) fn enter(&mut self, view: View) {
        self.view = view;
        self.pace.armed = Armed::No;
        self.pace.idle_over = false;
        self.pace.idle_armed = false;
        self.report(Report::Entered(view));
        let leader = self.leader(view);
        if self.rounds.get(&view).is_some_and(|r| r.tally.said(leader, &Statement::Nullify)) {
            return self.nullify(view, NullifyReason::LeaderGaveUp);
        }
        self.consider(view);
    }

    /// Δ after the local back-off.
    fn delta(&self) -> u64 {
        let steps = if planted(Bug::BackOffMissing) { 0 } else { self.pace.failures.min(BACKOFF_STEPS) };
        self.parameters.delta_ms * 3u64.pow(steps) / 2u64.pow(steps)
    }

    /// Whether a leader should make a block now. After an epoch's last block only that block's finality is worth one.
    pub(super) fn wants_block(&self) -> bool {
        let something_to_order = self.pace.work || self.pace.heartbeat_due;
        let noisy = planted(Bug::NeverQuiet);
        noisy || self.pace.idle_over || self.pace.failures > 0 || (something_to_order && !self.has_ended())
    }

    /// Whether anyone votes in this view. By itself this makes the leader wait first: one validator that votes in every
    /// view must not keep an idle chain busy.
    fn stirred(&self) -> bool {
        self.rounds.get(&self.view).is_some_and(|r| !r.tally.is_empty())
    }

    fn busy(&self) -> Armed {
        if self.wants_block() || self.rounds.get(&self.view).is_some_and(|r| r.proposal.is_some()) {
            Armed::Yes
        } else if self.stirred() {
            Armed::Patient
        } else {
            Armed::No
        }
    }

    /// Whether a notarized block waits for its finalization.
    pub(super) fn unfinalized(&self) -> bool {
        self.rounds.values().any(|r| r.certificates.notarization.is_some())
    }

    /// R11: after each step, timers run if and only if there is something to order or finalize.
    pub(super) fn refresh(&mut self) {
        while !self.halted {
            let view = self.view;
            self.run_view_timers();
            if self.view == view {
                break; // otherwise a silent leader was skipped
            }
        }
        let (busy, unfinalized) = (self.busy(), self.unfinalized());
        let waiting = unfinalized || busy == Armed::Patient;
        if waiting && !self.pace.idle_armed && !self.pace.idle_over {
            self.pace.idle_armed = true;
            self.arm_timer(Timer::Idle(self.here()), 2 * self.delta());
        }
        if (busy != Armed::No || unfinalized) && !self.pace.resend_armed {
            self.pace.resend_armed = true;
            let period = (4 * self.delta()).min(8 * self.parameters.delta_ms);
            self.arm_timer(Timer::Resend, period);
        }
        self.try_lead();
    }

    fn run_view_timers(&mut self) {
        let busy = self.busy();
        if busy > self.pace.armed {
            let (view, delta, leader) = (self.view, self.delta(), self.leader(self.view));
            let patience = if busy == Armed::Patient { 2 * delta } else { 0 };
            self.arm_timer(Timer::Leader(self.here()), patience + 2 * delta);
            self.arm_timer(Timer::View(self.here()), patience + 3 * delta);
            self.pace.armed = busy;
            let spoke = self.rounds.get(&view).is_some_and(|r| r.proposal.is_some());
            if busy == Armed::Yes && !spoke && self.peers[leader.index()].silent && self.me() != Some(leader) {
                self.nullify(view, NullifyReason::LeaderSilent);
            }
        } else if busy == Armed::No {
            self.pace.armed = Armed::No;
        }
    }

    fn arm_timer(&mut self, timer: Timer, after_ms: u64) {
        self.effects.push(Effect::Arm { timer, after_ms });
    }

    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Leader(at) if at == self.here() && self.pace.armed != Armed::No => {
                let view = at.view;
                if self.rounds.get(&view).is_none_or(|r| r.proposal.is_none()) {
                    self.nullify(view, NullifyReason::LeaderLate);
                }
            }
            Timer::View(at) if at == self.here() && self.pace.armed != Armed::No => {
                self.nullify(at.view, NullifyReason::ViewLate);
            }
            Timer::Idle(at) if at == self.here() => {
                self.pace.idle_armed = false;
                self.pace.idle_over = self.unfinalized() || self.stirred();
            }
            Timer::Resend => {
                self.pace.resend_armed = false;
                let settled = self.now < self.pace.finalized_at + 2 * self.delta();
                if !settled && (self.busy() != Armed::No || self.unfinalized()) {
                    self.resend();
                }
            }
            Timer::Heartbeat => {
                self.pace.heartbeat_due = true;
                self.arm_heartbeat();
            }
            Timer::Leader(_) | Timer::View(_) | Timer::Idle(_) => {}
        }
    }

    /// Called where a block was made or accepted and where one became final.
    pub(super) fn heartbeat_done(&mut self) {
        self.pace.heartbeat_due = false;
        self.arm_heartbeat();
    }

    pub(super) fn arm_heartbeat(&mut self) {
        self.arm_timer(Timer::Heartbeat, self.parameters.heartbeat_ms);
    }

    /// R8.
    pub(super) fn nullify(&mut self, view: View, reason: NullifyReason) {
        let hasty = reason == NullifyReason::Invalid && self.pace.failures >= HASTE;
        if view != self.view || hasty || !self.safety.permits(view, Statement::Nullify) {
            return;
        }
        self.report(Report::Nullified { view, leader: self.leader(view), reason });
        if matches!(reason, NullifyReason::LeaderLate | NullifyReason::ViewLate)
            && let Some(entry) = self.entry.clone()
        {
            self.send(To::All, Message::Certificate(entry));
        }
        self.cast_and_send(view, Statement::Nullify);
    }
}
