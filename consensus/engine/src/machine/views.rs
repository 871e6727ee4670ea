//! R1, R8, R11: views, timers, and when to be quiet.

use super::Machine;
use crate::{Effect, Message, NullifyReason, Report, Timer, To};
use hnchain_types::View;
use hnchain_types::certificate::Statement;

/// Nullifications after which timeouts grow no further: 1.5^6 is about 11.
const BACKOFF_STEPS: u32 = 6;

impl Machine {
    pub(super) fn on_start(&mut self) {
        let views: Vec<View> = self.rounds.keys().copied().collect();
        self.arm_timer(Timer::Heartbeat, self.parameters.heartbeat_ms);
        self.report(Report::Entered(self.view));
        for view in views {
            self.offer_again(view);
        }
        self.resend();
    }

    /// R13: an own block that was proposed before the crash counts as validated; with n = 1 the own votes are quorums.
    fn offer_again(&mut self, view: View) {
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
        self.pace.armed = false;
        self.pace.idle_over = false;
        self.pace.idle_armed = false;
        self.report(Report::Entered(view));
        self.consider(view);
    }

    /// Δ after the local back-off.
    fn delta(&self) -> u64 {
        let steps = self.pace.failures.min(BACKOFF_STEPS);
        self.parameters.delta_ms * 3u64.pow(steps) / 2u64.pow(steps)
    }

    /// Whether a leader should make a block now.
    pub(super) fn wants_block(&self) -> bool {
        let stirred = self.rounds.get(&self.view).is_some_and(|r| !r.tally.is_empty());
        self.pace.work || self.pace.heartbeat_due || self.pace.idle_over || self.pace.failures > 0 || stirred
    }

    fn busy(&self) -> bool {
        self.wants_block() || self.rounds.get(&self.view).is_some_and(|r| r.proposal.is_some())
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
        if unfinalized && !self.pace.idle_armed && !self.pace.idle_over {
            self.pace.idle_armed = true;
            self.arm_timer(Timer::Idle(self.view), 2 * self.delta());
        }
        if (busy || unfinalized) && !self.pace.resend_armed {
            self.pace.resend_armed = true;
            let period = (4 * self.delta()).min(8 * self.parameters.delta_ms);
            self.arm_timer(Timer::Resend, period);
        }
        self.try_lead();
    }

    fn run_view_timers(&mut self) {
        let busy = self.busy();
        if busy && !self.pace.armed {
            self.pace.armed = true;
            let (view, delta, leader) = (self.view, self.delta(), self.leader(self.view));
            self.arm_timer(Timer::Leader(view), 2 * delta);
            self.arm_timer(Timer::View(view), 3 * delta);
            if self.peers[leader.index()].silent && self.me() != Some(leader) {
                self.nullify(view, NullifyReason::LeaderSilent);
            }
        } else if !busy {
            self.pace.armed = false;
        }
    }

    fn arm_timer(&mut self, timer: Timer, after_ms: u64) {
        self.effects.push(Effect::Arm { timer, after_ms });
    }

    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Leader(view) if view == self.view && self.pace.armed => {
                if self.rounds.get(&view).is_none_or(|r| r.proposal.is_none()) {
                    self.nullify(view, NullifyReason::LeaderLate);
                }
            }
            Timer::View(view) if view == self.view && self.pace.armed => self.nullify(view, NullifyReason::ViewLate),
            Timer::Idle(view) if view == self.view => {
                self.pace.idle_armed = false;
                self.pace.idle_over = self.unfinalized();
            }
            Timer::Resend => {
                self.pace.resend_armed = false;
                if self.busy() || self.unfinalized() {
                    self.resend();
                }
            }
            Timer::Heartbeat => {
                self.pace.heartbeat_due = true;
                self.arm_timer(Timer::Heartbeat, self.parameters.heartbeat_ms);
            }
            Timer::Leader(_) | Timer::View(_) | Timer::Idle(_) => {}
        }
    }

    /// Called where a block was made or accepted and where one became final.
    pub(super) fn heartbeat_done(&mut self) {
        self.pace.heartbeat_due = false;
        self.arm_timer(Timer::Heartbeat, self.parameters.heartbeat_ms);
    }

    /// R8.
    pub(super) fn nullify(&mut self, view: View, reason: NullifyReason) {
        if view != self.view || !self.safety.permits(view, Statement::Nullify) {
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
