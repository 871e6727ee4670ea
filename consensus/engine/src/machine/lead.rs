//! R2, R3: making a proposal, and judging one.

use super::{EXECUTION_BACKLOG, EXECUTION_LIMIT, LOOKAHEAD, Machine};
use crate::bug::{Bug, planted};
use crate::tree::Entry;
use crate::{Effect, Message, NullifyReason, Proposal, Record, To, Vote, Want};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Height, ValidatorIndex, View, limits};
use std::sync::Arc;

/// Nullifications of one view by different signers that are remembered as verified.
const VERIFIED_SKIPS: usize = 8;

/// Where a new block goes.
struct Place {
    parent: BlockHash,
    parent_view: View,
    parent_height: Height,
    parent_time_ms: u64,
    skips: Vec<Certificate>,
}

/// Verdict on a proposal's place in the chain.
enum Check {
    Ready,
    Wait,
    Invalid,
}

impl Machine {
    /// R2: the leader asks for a payload once it knows where its block goes.
    pub(super) fn try_lead(&mut self) {
        let view = self.view;
        let fresh = self.rounds.get(&view).is_none_or(|r| !r.asked && r.proposal.is_none());
        let may = self.me() == Some(self.leader(view)) && fresh && self.wants_block();
        if !may || !self.safety.permits(view, Statement::Nullify) {
            return;
        }
        let Some(place) = self.place() else { return };
        let Some(ancestors) = self.tree.branch(place.parent, &self.root) else { return };
        let backlog = ancestors.iter().take_while(|h| !self.executed(h)).count();
        // Where nothing waits, more blocks would only keep execution busy.
        let idle = !self.pace.work && self.pace.failures == 0;
        // Void blocks beyond this could not be stored with the block that they close.
        let closed = ancestors.len() + 1 >= limits::CLOSING && self.is_void_above(&place.parent);
        if backlog > EXECUTION_LIMIT || (backlog > EXECUTION_BACKLOG && idle) || closed {
            return;
        }
        self.round(view).asked = true;
        self.effects.push(Effect::Propose {
            view,
            parent_time_ms: place.parent_time_ms,
            ancestors,
            empty: backlog > EXECUTION_BACKLOG || self.is_void_above(&place.parent),
        });
    }

    fn executed(&self, hash: &BlockHash) -> bool {
        self.tree.get(hash).is_some_and(|e| e.executed().is_some())
    }

    /// R14: whether the epoch has ended below a child of this block.
    fn is_void_above(&self, hash: &BlockHash) -> bool {
        self.tree.get(hash).and_then(Entry::executed).is_some_and(|e| e.last.is_some())
    }

    /// R14: whether the epoch has ended on the branch that the next block would extend.
    pub(super) fn has_ended(&self) -> bool {
        let tip = self.rounds.range(..self.view).rev().find_map(|(view, _)| self.notarized(*view));
        tip.is_some_and(|tip| self.is_void_above(&tip))
    }

    /// The newest notarized block below the current view with the nullifications above it. Asks for what is missing.
    fn place(&mut self) -> Option<Place> {
        let mut skips = Vec::new();
        let mut at = self.view.previous()?;
        loop {
            if at == self.root.view {
                let root = self.root;
                return Some(Place {
                    parent: root.block,
                    parent_view: root.view,
                    parent_height: root.height,
                    parent_time_ms: root.time_ms,
                    skips: reversed(skips),
                });
            }
            if let Some(parent) = self.notarized(at) {
                let Some(entry) = self.tree.get(&parent) else {
                    self.fetch(at, parent);
                    return None;
                };
                let header = &entry.block.header;
                return Some(Place {
                    parent,
                    parent_view: at,
                    parent_height: header.height,
                    parent_time_ms: header.time_ms,
                    skips: reversed(skips),
                });
            }
            let skip = self.rounds.get(&at).and_then(|r| r.certificates.nullification.clone());
            match skip {
                // Very old ones are held by everyone and carried by nobody.
                Some(skip) if skips.len() < limits::SKIPS => skips.push(skip),
                Some(_) => {}
                None => {
                    self.search(at);
                    return None;
                }
            }
            at = at.previous()?;
        }
    }

    /// Asks everyone, once a view, for certificates that were jumped over.
    pub(super) fn search(&mut self, upto: View) {
        let from = self.root.view.next();
        let round = self.round(self.view);
        if !round.searched {
            round.searched = true;
            self.send(To::All, Message::Want(Want::Certificates { from, before: upto.next() }));
        }
    }

    /// R2: header, journal, proposal.
    pub(super) fn on_proposed(&mut self, view: View, time_ms: u64, transactions: Vec<Vec<u8>>) {
        // An answer to what was asked before the epoch changed is nobody's.
        let asked = self.rounds.get(&view).is_some_and(|r| r.asked && r.proposal.is_none());
        if view != self.view || !asked {
            return;
        }
        let Some(place) = self.place() else {
            self.round(view).asked = false;
            return;
        };
        let encoded: Vec<_> = place.skips.iter().map(Certificate::encode).collect();
        let header = Header::new(HeaderFields {
            genesis: self.parameters.genesis,
            epoch: self.parameters.epoch,
            view,
            height: place.parent_height.next(),
            parent: place.parent,
            parent_view: place.parent_view,
            time_ms: time_ms.max(place.parent_time_ms + 1),
            payload_root: payload_root(&transactions),
            skips_root: skips_root(&encoded),
            validators: self.parameters.validators.hash(),
        });
        // A payload beyond the limits would be the driver's mistake; the view is then given up by its timer.
        let Ok(block) = Block::new(header, transactions, place.skips) else { return };
        let block = Arc::new(block);
        let hash = block.header.hash();
        if !self.safety.permits(view, Statement::Notarize { block: hash }) {
            return;
        }
        self.tree.insert(block);
        self.journal_block(hash);
        let Some(vote) = self.cast(view, Statement::Notarize { block: hash }) else { return };
        self.round(view).proposal = Some(hash);
        self.heartbeat_done();
        self.send_proposal(hash, vote);
        self.count(vote);
        self.accept(hash);
    }

    /// R13: the block of a vote is durable with the vote.
    pub(super) fn journal_block(&mut self, hash: BlockHash) {
        if let Some(entry) = self.tree.get_mut(&hash)
            && !entry.journaled
        {
            entry.journaled = true;
            self.effects.push(Effect::Persist(Record::Block(entry.block.clone())));
        }
    }

    pub(super) fn send_proposal(&mut self, hash: BlockHash, vote: Vote) {
        let Some(block) = self.tree.get(&hash).map(|e| e.block.clone()) else { return };
        let parent = self.certificate_of(block.header.parent, block.header.parent_view);
        self.send(To::All, Message::Proposal(Box::new(Proposal { block, vote, parent })));
    }

    pub(super) fn certificate_of(&self, block: BlockHash, view: View) -> Option<Certificate> {
        if block == self.root.block {
            // A certificate of an earlier epoch proves nothing to those who are in this one: they hold the block.
            return self.finalization.clone().filter(|f| f.epoch == self.parameters.epoch);
        }
        let certificates = &self.rounds.get(&view)?.certificates;
        certificates.notarization.clone().or_else(|| certificates.finalization.clone())
    }

    /// R3: a proposal comes in. It is kept where its leader signed it and it is neither final nor far ahead.
    pub(super) fn on_proposal(&mut self, from: Option<ValidatorIndex>, proposal: Proposal) {
        let header = &proposal.block.header;
        let (view, hash) = (header.view, header.hash());
        if header.genesis != self.parameters.genesis || !proposal.coherent(&self.parameters.validators) {
            return self.misbehaviour(from, "incoherent proposal");
        }
        if view <= self.root.view {
            return self.help_straggler(from, &proposal.vote);
        }
        if from.is_some_and(|f| f != proposal.vote.signer) {
            return self.misbehaviour(from, "proposal of another validator: proposals are not passed on");
        }
        if self.rounds.get(&view).is_some_and(|r| r.proposal == Some(hash)) && self.tree.get(&hash).is_some() {
            return;
        }
        if let Some(parent) = proposal.parent.clone()
            && !self.admit(parent)
        {
            return self.misbehaviour(from, "proposal with a parent certificate that does not verify");
        }
        if self.is_over(header) || view.0 > self.view.0 + LOOKAHEAD {
            return;
        }
        let vote = &proposal.vote;
        let known =
            self.rounds.get(&view).is_some_and(|r| r.tally.verified(vote.signer, &vote.statement, &vote.signature));
        if !known && !self.parameters.verifies(vote) {
            return self.misbehaviour(from, "proposal whose signature does not verify");
        }
        self.heard(proposal.vote.signer);
        self.count(proposal.vote);
        let second = self.rounds.get(&view).is_some_and(|r| r.proposal.is_some_and(|p| p != hash));
        if second || self.is_over(&proposal.block.header) {
            return; // the tally has already reported the leader of a second proposal
        }
        let sound_skips = planted(Bug::SkipsUnchecked) || proposal.block.skips.iter().all(|s| self.verify_skip(s));
        if !sound_skips {
            self.misbehaviour(from, "proposal with skips that do not verify");
            return self.nullify(view, NullifyReason::Invalid);
        }
        for skip in proposal.block.skips.clone() {
            self.apply(skip);
        }
        self.tree.insert(proposal.block);
        self.round(view).proposal = Some(hash);
        if self.notarized(view) == Some(hash) {
            self.fetching.remove(&hash);
            self.try_execute(hash);
        }
        self.try_finalize(view);
        self.consider(view);
    }

    /// Whether finality has passed a block by: its vote or its parent's certificate may just have completed it.
    fn is_over(&self, header: &Header) -> bool {
        header.epoch != self.parameters.epoch || header.view <= self.root.view
    }

    fn verify_skip(&mut self, skip: &Certificate) -> bool {
        let digest = hnchain_crypto::sm3(&skip.encode());
        if let Some(round) = self.rounds.get(&skip.view)
            && (round.certificates.nullification.as_ref() == Some(skip) || round.verified_skips.contains(&digest))
        {
            return true;
        }
        let good = self.verify_certificate(skip);
        if good && skip.view > self.root.view {
            let round = self.round(skip.view);
            if round.verified_skips.len() < VERIFIED_SKIPS {
                round.verified_skips.insert(digest);
            }
        }
        good
    }

    /// R3: judges the proposal of the current view.
    pub(super) fn consider(&mut self, view: View) {
        let Some(round) = self.rounds.get(&view) else { return };
        let Some(hash) = round.proposal else { return };
        if view != self.view || round.validating || !self.safety.permits(view, Statement::Notarize { block: hash }) {
            return;
        }
        let Some(block) = self.tree.get(&hash).map(|e| e.block.clone()) else { return };
        match self.check(&block) {
            Check::Ready => {
                self.round(view).validating = true;
                self.effects.push(Effect::Validate(block));
            }
            Check::Wait => {}
            Check::Invalid => self.nullify(view, NullifyReason::Invalid),
        }
    }

    fn check(&mut self, block: &Block) -> Check {
        let header = &block.header;
        let (height, time_ms) = if header.parent == self.root.block {
            if header.parent_view != self.root.view {
                return Check::Invalid;
            }
            (self.root.height, self.root.time_ms)
        } else if header.parent_view <= self.root.view && !planted(Bug::FinalUndone) {
            return Check::Invalid; // it would undo a final block
        } else if self.notarized(header.parent_view) != Some(header.parent) && !planted(Bug::ParentUnchecked) {
            return Check::Wait;
        } else if let Some(parent) = self.tree.get(&header.parent) {
            (parent.block.header.height, parent.block.header.time_ms)
        } else {
            self.fetch(header.parent_view, header.parent);
            return Check::Wait;
        };
        let follows = header.height == height.next() && header.time_ms > time_ms;
        if !follows && !planted(Bug::HeightUnchecked) {
            return Check::Invalid;
        }
        if self.holds_older_skips(block) { Check::Ready } else { Check::Wait }
    }

    /// A block carries the newest nullifications; older ones, where there are any, are held here or asked for.
    fn holds_older_skips(&mut self, block: &Block) -> bool {
        let header = &block.header;
        let first_carried = View(header.view.0 - block.skips.len() as u64);
        let older = header.parent_view.next()..first_carried;
        let wanted = older.end.0.saturating_sub(older.start.0);
        let range = self.rounds.range(older.clone()).rev();
        let held = range.filter(|(_, r)| r.certificates.nullification.is_some()).count() as u64;
        if held < wanted
            && let Some(last) = older.end.previous()
        {
            self.search(last);
        }
        held == wanted
    }

    pub(super) fn on_validated(&mut self, hash: BlockHash, valid: bool) {
        let Some(view) = self.tree.get(&hash).map(|e| e.block.header.view) else { return };
        if !valid {
            return self.nullify(view, NullifyReason::Invalid);
        }
        let statement = Statement::Notarize { block: hash };
        if view == self.view && self.safety.permits(view, statement) {
            self.journal_block(hash);
            self.heartbeat_done();
            self.cast_and_send(view, statement);
        }
        self.accept(hash);
    }

    /// A block that was found valid: it is executed while the votes travel.
    fn accept(&mut self, hash: BlockHash) {
        if let Some(entry) = self.tree.get_mut(&hash) {
            entry.sound = true;
            self.try_execute(hash);
        }
    }
}

fn reversed(mut skips: Vec<Certificate>) -> Vec<Certificate> {
    skips.reverse();
    skips
}
