//! R10, R12: helping peers that are behind, and finding what was missed.

use super::Machine;
use crate::bug::{Bug, planted};
use crate::{Message, Root, To, Vote, Want};
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, ValidatorIndex, View};
use std::sync::Arc;

/// Certificates in one answer.
const ANSWER_CERTIFICATES: usize = 64;
/// Own votes of un-finalized views that are said again, newest first.
const RESENT_VIEWS: usize = 8;
/// Bodies sent to one peer in each Δ/2: a request is forty bytes, a body up to eight megabytes.
const BODIES_AT_ONCE: u32 = 3;
/// The same body is sent to the same peer once in so many Δ; a peer asks again after four.
const SAME_BODY_DELTAS: u64 = 3;
/// A peer that repeats how it came into a final view is told once in so many Δ that it is final.
const STUCK_DELTAS: u64 = 4;
/// Signers asked at the same time for a body.
const ASKED_AT_ONCE: usize = 2;

impl Machine {
    /// R10: says again what others may have missed.
    pub(super) fn resend(&mut self) {
        if planted(Bug::NoResend) {
            return;
        }
        if let Some(entry) = self.entry.clone() {
            self.send(To::All, Message::Certificate(entry));
        }
        let views: Vec<View> = self.rounds.range(..=self.view).rev().take(RESENT_VIEWS).map(|(v, _)| *v).collect();
        for view in views {
            let votes: Vec<Vote> = self.own_votes(view).copied().collect();
            for vote in votes {
                self.resend_vote(vote);
            }
            if let Some(round) = self.rounds.get_mut(&view) {
                round.searched = false;
            }
        }
        let certified: Vec<View> =
            self.rounds.iter().filter(|(_, r)| r.certificates.finalization.is_some()).map(|(v, _)| *v).collect();
        for view in certified {
            if let Some(round) = self.rounds.get_mut(&view) {
                round.behind = false;
            }
            self.try_finalize(view);
        }
        if let Some((first, before)) = self.gap() {
            self.send(To::All, Message::Want(Want::Certificates { from: first, before }));
        }
        let missing: Vec<(BlockHash, View)> = self.fetching.iter().map(|(h, (v, _))| (*h, *v)).collect();
        for (block, view) in missing {
            self.ask_for(view, block);
        }
    }

    /// The views of parents whose blocks are not here and that no certificate names: those are asked for first.
    fn gap(&self) -> Option<(View, View)> {
        if planted(Bug::NoAncestorSearch) {
            return None;
        }
        let lost = self.tree.orphans(&self.root).filter(|(hash, _)| !self.fetching.contains_key(hash));
        let lost: Vec<View> = lost.map(|(_, view)| view).collect();
        Some((*lost.iter().min()?, lost.iter().max()?.next()))
    }

    fn resend_vote(&mut self, vote: Vote) {
        match vote.statement {
            Statement::Finalize { .. } => self.send(To::All, Message::Vote(vote)),
            _ if vote.view != self.view => {}
            Statement::Notarize { block } if self.leader(vote.view) == vote.signer => self.send_proposal(block, vote),
            Statement::Notarize { .. } | Statement::Nullify => self.send(To::All, Message::Vote(vote)),
        }
    }

    pub(super) fn own_votes(&self, view: View) -> impl Iterator<Item = &Vote> {
        let me = self.me();
        self.rounds.get(&view).into_iter().filter_map(move |r| Some(r.tally.of(me?))).flatten()
    }

    /// R10: a vote of a view that is over, from a peer that does not seem to know.
    pub(super) fn help_straggler(&mut self, from: Option<ValidatorIndex>, vote: &Vote) {
        let late = match vote.statement {
            Statement::Nullify => true,
            Statement::Notarize { .. } => vote.view.next() < self.view,
            Statement::Finalize { .. } => false,
        };
        if late || self.long_final(vote.view) {
            self.help(from, vote.view);
        }
    }

    fn long_final(&self, view: View) -> bool {
        view <= self.root.view && self.now > self.pace.finalized_at + self.parameters.delta_ms
    }

    /// R10: a peer says again how it came into a view that is over. One that may not vote says nothing else. Finalizations
    /// are answers and get none: otherwise two peers would help each other for ever.
    pub(super) fn help_stuck(&mut self, from: Option<ValidatorIndex>, entry: &Certificate) {
        if matches!(entry.statement, Statement::Finalize { .. }) || !self.long_final(entry.view) {
            return;
        }
        let Some(finalization) = self.finalization.clone().filter(|_| from != self.me()) else { return };
        let (now, wait) = (self.now, STUCK_DELTAS * self.parameters.delta_ms);
        let Some((from, peer)) = from.and_then(|f| Some((f, self.peers.get_mut(f.index())?))) else { return };
        if peer.stuck.is_some_and(|(view, at)| view == self.root.view && now < at + wait) {
            return; // it has been told, and says it again to everybody
        }
        peer.stuck = Some((self.root.view, now));
        self.send(To::One(from), Message::Certificate(finalization));
    }

    pub(super) fn help(&mut self, from: Option<ValidatorIndex>, view: View) {
        let Some(to) = self.may_help(from).filter(|_| !planted(Bug::NoHelp)) else { return };
        let mut certificates: Vec<Certificate> = Vec::new();
        if view <= self.root.view {
            certificates.extend(self.finalization.clone());
        } else if let Some(exit) = self.rounds.get(&view).and_then(|r| r.certificates.exit()) {
            certificates.push(exit.clone());
        }
        let told = |entry: &Certificate| certificates.contains(entry) || entry.view <= self.root.view;
        if let Some(entry) = self.entry.clone().filter(|e| !told(e)) {
            certificates.push(entry);
        }
        for certificate in certificates {
            self.send(to, Message::Certificate(certificate));
        }
    }

    /// At most one answer to a peer in each Δ/2: asking is cheap, answering is not.
    fn may_help(&mut self, from: Option<ValidatorIndex>) -> Option<To> {
        let from = from.filter(|f| Some(*f) != self.me())?;
        let (now, wait) = (self.now, self.parameters.delta_ms / 2);
        let peer = self.peers.get_mut(from.index())?;
        if peer.helped_at.is_some_and(|at| now < at + wait) {
            return None;
        }
        peer.helped_at = Some(now);
        Some(To::One(from))
    }

    /// A few bodies in each Δ/2 and peer, and none of them again before an honest peer asks again.
    fn may_send_body(&mut self, to: ValidatorIndex, hash: &BlockHash) -> bool {
        let (now, wait) = (self.now, self.parameters.delta_ms / 2);
        let Some(entry) = self.tree.servable(hash) else { return false };
        if entry.sent.get(&to).is_some_and(|at| now < at + SAME_BODY_DELTAS * self.parameters.delta_ms) {
            return false;
        }
        entry.sent.insert(to, now);
        let Some(peer) = self.peers.get_mut(to.index()) else { return false };
        if now >= peer.bodies.0 + wait {
            peer.bodies = (now, 0);
        }
        peer.bodies.1 += 1;
        peer.bodies.1 <= BODIES_AT_ONCE
    }

    pub(super) fn on_want(&mut self, from: Option<ValidatorIndex>, want: Want) {
        match want {
            Want::Body(hash) => {
                let Some(block) = self.tree.servable(&hash).map(|e| e.block.clone()) else {
                    return self.help(from, self.root.view);
                };
                if let Some(from) = from.filter(|f| self.may_send_body(*f, &hash)) {
                    if let Some(c) = self.certificate_of(block.header.parent, block.header.parent_view) {
                        self.send(To::One(from), Message::Certificate(c));
                    }
                    self.send(To::One(from), Message::Body(block));
                }
            }
            Want::Certificates { from: first, before } => {
                let Some(to) = self.may_help(from) else { return };
                let range = self.rounds.iter().rev().filter(|(v, _)| **v >= first && **v < before);
                let mut found: Vec<Certificate> = range.filter_map(|(_, r)| r.certificates.exit().cloned()).collect();
                found.truncate(ANSWER_CERTIFICATES);
                if first <= self.root.view {
                    found.extend(self.finalization.clone());
                }
                for certificate in found {
                    self.send(to, Message::Certificate(certificate));
                }
            }
        }
    }

    /// R12: asks signers of a certificate for the body that it names.
    pub(super) fn fetch(&mut self, view: View, block: BlockHash) {
        if !self.fetching.contains_key(&block) {
            self.ask_for(view, block);
        }
    }

    fn ask_for(&mut self, view: View, block: BlockHash) {
        let Some(round) = self.rounds.get(&view).filter(|_| !planted(Bug::NoFetch)) else { return };
        let me = self.me();
        let signers: Vec<ValidatorIndex> = round
            .certificates
            .iter()
            .filter(|c| c.statement.block() == Some(block))
            .flat_map(|c| c.votes.iter().map(|(i, _)| *i))
            .filter(|i| Some(*i) != me)
            .collect();
        let asked = self.fetching.entry(block).or_insert((view, 0));
        let turn = asked.1;
        asked.1 += ASKED_AT_ONCE;
        for i in 0..ASKED_AT_ONCE.min(signers.len()) {
            self.send(To::One(signers[(turn + i) % signers.len()]), Message::Want(Want::Body(block)));
        }
    }

    /// A body that was asked for. A certificate vouches for its hash.
    pub(super) fn on_body(&mut self, from: Option<ValidatorIndex>, block: Arc<Block>) {
        let hash = block.header.hash();
        // One that was not asked for is no offence: two signers are asked, and a restart forgets what it asked.
        let Some((view, _)) = self.fetching.remove(&hash) else { return };
        if block.header.view != view {
            return self.misbehaviour(from, "a body of another view");
        }
        self.tree.insert(block);
        self.try_execute(hash);
        self.try_finalize(view);
        let above: Vec<View> = self.rounds.range(view..).map(|(v, _)| *v).collect();
        for view in above {
            self.try_finalize(view);
        }
        self.consider(self.view);
    }

    pub(super) fn on_synced(
        &mut self,
        root: Root,
        finalization: Certificate,
        epoch: Epoch,
        validators: Arc<ValidatorSet>,
    ) {
        if root.height <= self.root.height {
            return;
        }
        if epoch > self.parameters.epoch {
            return self.begin(epoch, validators, root, finalization);
        }
        self.set_root(root, finalization);
        let views: Vec<View> = self.rounds.keys().copied().collect();
        for view in views {
            self.try_finalize(view);
        }
    }
}
