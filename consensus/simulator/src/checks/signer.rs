//! I5, I6, I9, R13: what each node has signed. The record is kept here, where no crash reaches it.

use super::{Checks, Label};
use hnchain_consensus::{Evidence, Machine, Vote};
use hnchain_types::certificate::Statement;
use hnchain_types::{BlockHash, Epoch, ResultHash, View};
use std::collections::{BTreeMap, BTreeSet};

/// What was signed in one view.
#[derive(Clone, Copy, Debug, Default)]
struct Signed {
    notarized: Option<BlockHash>,
    nullified: bool,
    finalized: Option<(BlockHash, ResultHash)>,
}

impl Signed {
    fn has(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Notarize { block } => self.notarized == Some(*block),
            Statement::Nullify => self.nullified,
            Statement::Finalize { block, result } => self.finalized == Some((*block, *result)),
        }
    }

    /// Whether a correct node may have signed this as well, in any order: the forbidden pairs, written out.
    fn admits(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Notarize { block } => {
                self.notarized.is_none_or(|b| b == *block) && self.finalized.is_none_or(|(b, _)| b == *block)
            }
            Statement::Nullify => self.finalized.is_none(),
            Statement::Finalize { block, result } => {
                !self.nullified
                    && self.notarized.is_none_or(|b| b == *block)
                    && self.finalized.is_none_or(|f| f == (*block, *result))
            }
        }
    }

    fn add(&mut self, statement: &Statement) {
        match statement {
            Statement::Notarize { block } => self.notarized = Some(*block),
            Statement::Nullify => self.nullified = true,
            Statement::Finalize { block, result } => self.finalized = Some((*block, *result)),
        }
    }
}

/// One node's signatures.
#[derive(Debug, Default)]
pub(super) struct Signer {
    sent: BTreeMap<(Epoch, View), Signed>,
    durable: BTreeMap<(Epoch, View), Signed>,
    pending: Vec<Vote>,
}

/// Who notarized and finalized a block, by what was signed.
#[derive(Debug, Default)]
pub(super) struct Tally {
    notarized: BTreeMap<BlockHash, BTreeSet<usize>>,
    finalized: BTreeMap<BlockHash, BTreeSet<usize>>,
}

impl Checks {
    fn exempt(&self, node: usize) -> bool {
        self.exempt.contains(&node)
    }

    /// A vote's record was handed to the journal.
    pub(crate) fn appended(&mut self, node: usize, vote: &Vote) {
        let signer = &self.signers[node];
        let durable = signer.durable.get(&(vote.epoch, vote.view)).is_some_and(|s| s.nullified);
        let pending = signer
            .pending
            .iter()
            .any(|v| (v.epoch, v.view, v.statement) == (vote.epoch, vote.view, Statement::Nullify));
        let late = matches!(vote.statement, Statement::Notarize { .. }) && (durable || pending);
        let holds = !late || self.exempt(node);
        self.check(Label::I5, holds, || {
            format!("node {node} notarizes in {}.{} after it nullified it", vote.epoch, vote.view)
        });
        self.signers[node].pending.push(*vote);
    }

    /// The journal was synced.
    pub(crate) fn synced(&mut self, node: usize) {
        let signer = &mut self.signers[node];
        for vote in signer.pending.drain(..) {
            signer.durable.entry((vote.epoch, vote.view)).or_default().add(&vote.statement);
        }
    }

    /// What was not synced is gone.
    pub(crate) fn crashed(&mut self, node: usize) {
        self.signers[node].pending.clear();
    }

    /// The journal is gone; what was sent is not.
    pub(crate) fn disk_lost(&mut self, node: usize) {
        self.signers[node].durable.clear();
        self.chain_lost(node);
    }

    /// A vote leaves an honest node.
    pub(super) fn vote_sent(&mut self, node: usize, vote: &Vote) {
        if self.exempt(node) {
            return;
        }
        let place = (vote.epoch, vote.view);
        let durable = self.signers[node].durable.get(&place).is_some_and(|s| s.has(&vote.statement));
        self.check(Label::R13, durable, || {
            format!("node {node} sends {:?} of {}.{} before it is durable", vote.statement, vote.epoch, vote.view)
        });
        let sent = self.signers[node].sent.entry(place).or_default();
        let (admitted, before) = (sent.admits(&vote.statement), *sent);
        sent.add(&vote.statement);
        self.check(Label::I5, admitted, || {
            format!("node {node} signs {:?} in {}.{} after {before:?}", vote.statement, vote.epoch, vote.view)
        });
    }

    /// A vote is counted by its own node as soon as it is signed.
    pub(super) fn signed(&mut self, node: usize, vote: &Vote) {
        match vote.statement {
            Statement::Notarize { block } => self.tally.notarized.entry(block).or_default().insert(node),
            Statement::Finalize { block, .. } => self.tally.finalized.entry(block).or_default().insert(node),
            Statement::Nullify => false,
        };
    }

    /// Whether honest nodes' votes make a notarization possible.
    pub(super) fn can_be_notarized(&self, block: &BlockHash, epoch: Epoch) -> bool {
        self.tally.notarized.get(block).map_or(0, BTreeSet::len) >= self.honest_quorum(epoch)
    }

    /// Whether honest nodes' votes make a finalization possible.
    pub(super) fn can_be_finalized(&self, block: &BlockHash, epoch: Epoch) -> bool {
        self.tally.finalized.get(block).map_or(0, BTreeSet::len) >= self.honest_quorum(epoch)
    }

    /// A process was started: it stands where its journal says.
    pub(crate) fn booted(&mut self, node: usize, machine: &Machine, damaged: bool) {
        self.rules[node] = super::rules::Watched::default();
        self.booted_chain(node, machine);
        if damaged {
            return;
        }
        let here = machine.epoch();
        let last = self.signers[node].durable.range(..=(here, View(u64::MAX))).next_back();
        let last = last.map(|(place, _)| *place).filter(|(epoch, _)| *epoch == here);
        if let Some((_, view)) = last {
            self.check(Label::R13, machine.view() >= view, || {
                format!("node {node} signed in view {view} and starts again in {}", machine.view())
            });
            self.check(Label::I6, machine.view() >= view, String::new);
        }
    }

    /// A node holds evidence.
    pub(crate) fn evidence(&mut self, node: usize, evidence: &Evidence, keys: &crate::world::Keys) {
        let Some(set) = self.set(evidence.epoch()).cloned() else {
            return self.fail(Label::I9, format!("node {node}: evidence of an epoch that has not begun"));
        };
        let verifier = self.verifier.clone();
        let (first, second) = evidence.votes();
        let signed = |vote: &Vote| vote.verify_by(self.genesis, &set, |key, d, s| verifier.verify(key, d, s));
        let sound = Evidence::new(*first, *second).is_some() && signed(first) && signed(second);
        self.check(Label::I9, sound, || format!("node {node}: evidence that does not convict: {evidence:?}"));
        let offender = set.key(evidence.offender()).and_then(|k| keys.find(&k.public_key()));
        let guilty = offender.is_some_and(|key| self.faulty.contains(&key));
        self.check(Label::I9, guilty, || format!("node {node}: evidence against an honest validator: {evidence:?}"));
    }
}
