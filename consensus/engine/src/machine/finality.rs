//! R5, R6, R7: execution, the finalize vote, and finality.

use super::Machine;
use crate::bug::{Bug, planted};
use crate::tree::{Entry, Executed, Execution};
use crate::{Divergence, Effect, Position, Root};
use hnchain_types::block::HeaderFields;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, ResultHash, View};
use std::sync::Arc;

impl Machine {
    /// R5: a block that is valid or notarized is executed once its parent has been.
    pub(super) fn try_execute(&mut self, hash: BlockHash) {
        let Some(entry) = self.tree.get(&hash) else { return };
        let header = &entry.block.header;
        let vouched = entry.sound || self.notarized(header.view) == Some(hash);
        let parent = self.tree.get(&header.parent).and_then(Entry::executed);
        let after_parent = header.parent == self.root.block || parent.is_some();
        if entry.execution != Execution::Waiting || !vouched || !after_parent {
            return;
        }
        // R14: a void block gives what the epoch's last block gave.
        if let Some(void) = parent.filter(|p| p.last.is_some() && !planted(Bug::VoidExecuted)) {
            return self.executed_to(hash, void, None);
        }
        let block = entry.block.clone();
        if let Some(entry) = self.tree.get_mut(&hash) {
            entry.execution = Execution::Running;
        }
        self.effects.push(Effect::Execute(block));
    }

    pub(super) fn on_executed(&mut self, hash: BlockHash, result: ResultHash, next: Option<Arc<ValidatorSet>>) {
        let last = next.is_some().then_some(hash);
        self.executed_to(hash, Executed { result, last }, next);
    }

    fn executed_to(&mut self, hash: BlockHash, executed: Executed, next: Option<Arc<ValidatorSet>>) {
        let Some(entry) = self.tree.get_mut(&hash) else { return };
        entry.execution = Execution::Done(executed);
        entry.next = next;
        let view = entry.block.header.view;
        for child in self.tree.children(&hash) {
            self.try_execute(child);
        }
        self.try_vote_finalize(view);
        self.try_finalize(view);
    }

    /// R6: executed and notarized, however many views later.
    pub(super) fn try_vote_finalize(&mut self, view: View) {
        let notarization = self.rounds.get(&view).and_then(|r| r.certificates.notarization.as_ref());
        let Some(block) = notarization.and_then(|c| c.statement.block()) else { return };
        if let Some(Executed { result, .. }) = self.tree.get(&block).and_then(Entry::executed) {
            let statement = Statement::Finalize { block, result };
            if self.safety.permits(view, statement) {
                self.journal_block(block);
                self.cast_and_send(view, statement);
            }
        }
    }

    /// R7: a quorum of finalize votes makes the block and its ancestors final, once they are executed here.
    pub(super) fn try_finalize(&mut self, view: View) {
        let Some(certificate) = self.rounds.get(&view).and_then(|r| r.certificates.finalization.clone()) else {
            return;
        };
        let Statement::Finalize { block, result } = certificate.statement else { return };
        let Some(branch) = self.tree.branch(block, &self.root) else {
            if self.tree.get(&block).is_none() {
                self.fetch(view, block);
            }
            return self.behind(view);
        };
        if let Some(own) = self.tree.get(&block).and_then(Entry::executed) {
            return if own.result == result || planted(Bug::ResultUnchecked) {
                self.finalize(block, own.last.unwrap_or(block), certificate);
            } else {
                self.halt(block, own.result, result);
            };
        }
        // A quorum vouches for the ancestors of a final block as well.
        for hash in branch.into_iter().rev() {
            if let Some(entry) = self.tree.get_mut(&hash) {
                entry.sound = true;
            }
            self.try_execute(hash);
        }
    }

    /// Tells the driver once that blocks have to be fetched.
    fn behind(&mut self, view: View) {
        let round = self.round(view);
        if !round.behind {
            round.behind = true;
            self.effects.push(Effect::Behind { view });
        }
    }

    fn halt(&mut self, block: BlockHash, own: ResultHash, certified: ResultHash) {
        let height = self.tree.get(&block).map_or(self.root.height, |e| e.block.header.height);
        self.halted = true;
        self.effects.push(Effect::Halt(Divergence { block, height, own, certified }));
    }

    /// A block is final: the certified one, or the last of the epoch below it (R14).
    fn finalize(&mut self, certified: BlockHash, block: BlockHash, certificate: Certificate) {
        let Some(entry) = self.tree.get(&block) else { return };
        let HeaderFields { epoch, height, view, time_ms, .. } = *entry.block.header;
        let root = Root { epoch, height, view, block, time_ms };
        let closing = self.tree.closing(&block, certified);
        let next = self.after(&block);
        self.effects.push(Effect::Finalized { block, height, certificate: certificate.clone(), closing });
        match next {
            Some(validators) if planted(Bug::EpochOnVoid) => {
                let block = certificate.statement.block().unwrap_or(block);
                self.begin(epoch.next(), validators, Root { view: certificate.view, block, ..root }, certificate);
            }
            Some(validators) => self.begin(epoch.next(), validators, root, certificate),
            None => self.set_root(root, certificate),
        }
    }

    /// Moves the root up and forgets what lies below.
    pub(super) fn set_root(&mut self, root: Root, finalization: Certificate) {
        self.root = root;
        self.finalization = Some(finalization.clone());
        self.safety.raise_floor(Position { epoch: root.epoch, view: root.view });
        self.rounds = self.rounds.split_off(&root.view.next());
        self.tree.prune(&root);
        self.fetching.retain(|_, (view, _)| *view > root.view);
        self.pace.failures = 0;
        self.pace.idle_over = false;
        self.pace.finalized_at = self.now;
        self.heartbeat_done();
        if self.view <= root.view {
            self.entry = Some(finalization);
            self.enter(root.view.next());
        }
        // A block that is not the root's child can wait for the root's execution elsewhere (sync); children go on.
        for child in self.tree.children(&root.block) {
            self.try_execute(child);
        }
        self.consider(self.view);
    }
}
