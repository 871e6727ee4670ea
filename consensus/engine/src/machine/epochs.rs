//! R14: the hand-over from one validator set to the next.

use super::{Machine, Peer};
use crate::bug::{Bug, planted};
use crate::{Effect, Message, Position, Report, Root};
use hnchain_types::certificate::Certificate;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, ValidatorIndex, View};
use std::sync::Arc;

/// Messages of the next epoch that are kept, in all and of one peer. Of proposals, which may be large, one of each peer.
const EARLY: usize = 256;
const EARLY_OF_ONE: usize = 8;

/// Epoch that a message speaks of; requests speak of none.
fn epoch_of(message: &Message) -> Option<Epoch> {
    match message {
        Message::Proposal(p) => Some(p.block.header.epoch),
        Message::Vote(v) => Some(v.epoch),
        Message::Certificate(c) => Some(c.epoch),
        Message::Body(b) => Some(b.header.epoch),
        Message::Want(_) => None,
    }
}

impl Machine {
    /// Lets messages of the current epoch pass. One who is in an earlier epoch gets the certificate that ended it; what
    /// belongs to the next epoch waits.
    pub(super) fn of_this_epoch(&mut self, from: Option<ValidatorIndex>, message: Message) -> Option<Message> {
        let Some(epoch) = epoch_of(&message) else { return Some(message) };
        if epoch == self.parameters.epoch {
            return Some(message);
        }
        let vote = matches!(message, Message::Vote(_) | Message::Proposal(_));
        if epoch < self.parameters.epoch {
            if vote {
                self.help(from, self.root.view);
            }
        } else {
            if vote && epoch == self.parameters.epoch.next() {
                self.keep_early(from, message);
            }
            self.later_epoch();
        }
        None
    }

    fn keep_early(&mut self, from: Option<ValidatorIndex>, message: Message) {
        let is_proposal = |m: &Message| matches!(m, Message::Proposal(_));
        let of_one = || self.later.messages.iter().filter(|(f, _)| *f == from);
        let second_proposal = is_proposal(&message) && of_one().any(|(_, m)| is_proposal(m));
        let room = self.later.messages.len() < EARLY && of_one().count() < EARLY_OF_ONE && !second_proposal;
        if room || planted(Bug::EarlyUnbounded) {
            self.later.messages.push((from, message));
        }
    }

    /// Somebody claims to be in a later epoch: blocks are fetched, at most once in each Δ for claims alone. The claim's own
    /// view is not passed on: nobody has verified it, and a great one would make this node look for blocks for ever.
    fn later_epoch(&mut self) {
        let rested = self.later.told_at.is_none_or(|at| self.now >= at + self.parameters.delta_ms);
        if rested {
            self.later.told_at = Some(self.now);
            self.effects.push(Effect::Behind { view: self.view });
        }
    }

    /// The validators after a last block. `None` for a block that is not.
    pub(super) fn after(&self, last: &BlockHash) -> Option<Arc<ValidatorSet>> {
        self.tree.get(last)?.next.clone()
    }

    /// The root is the last block of its epoch: nothing of that epoch is voted on any more, and the next one begins with
    /// the view after the root's.
    pub(super) fn begin(&mut self, epoch: Epoch, validators: Arc<ValidatorSet>, root: Root, finalization: Certificate) {
        self.parameters.epoch = epoch;
        self.parameters.validators = validators.clone();
        self.safety.enter(epoch, &validators);
        self.safety.raise_floor(Position { epoch: root.epoch, view: root.view });
        self.root = root;
        self.finalization = Some(finalization.clone());
        self.entry = Some(finalization);
        self.view = root.view.next();
        self.rounds.clear();
        self.tree.restart(&self.root);
        self.fetching.clear();
        self.peers = vec![Peer::default(); validators.len()];
        self.pace.begin(self.now);
        self.effects.push(Effect::Epoch { epoch, validators });
        for record in std::mem::take(&mut self.later.records) {
            self.recall(record);
        }
        self.take_up();
        // The first block certifies that the new validators have taken over.
        self.pace.heartbeat_due = true;
        // Who sent them had another index; their signatures say who they are.
        for (_, message) in std::mem::take(&mut self.later.messages) {
            self.on_message(None, message);
        }
    }

    /// Starts from what the journal gave.
    pub(super) fn take_up(&mut self) {
        let views: Vec<View> = self.rounds.keys().copied().collect();
        self.arm_heartbeat();
        self.report(Report::Entered(self.view));
        for view in views {
            self.offer_again(view);
        }
    }
}
