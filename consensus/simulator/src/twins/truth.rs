//! What really happened: every signature ever made, every block, every finalization, and the invariants over them.
//!
//! Machines know what they were told. The truth knows what was signed, whether or not anybody heard it, so a quorum that
//! exists only in parts, in the hands of nobody, counts here as well.

use hnchain_consensus::Vote;
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Height, ValidatorIndex, View};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its label on the protocol page.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// Makes a violation.
pub fn broken<T>(invariant: &'static str, what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation { invariant, what: what.into() })
}

/// Validators as bits.
type Signers = u128;

/// All signatures and blocks of a run.
#[derive(Clone, Debug)]
pub struct Truth {
    quorum: usize,
    honest: Signers,
    /// With more than f liars agreement may break; what each honest validator signs may not.
    agreement: bool,
    votes: BTreeMap<View, BTreeMap<Statement, Signers>>,
    blocks: BTreeMap<BlockHash, Arc<Block>>,
    /// Blocks with a quorum of finalize votes, by view.
    finals: BTreeMap<View, BlockHash>,
    heights: BTreeMap<Height, BlockHash>,
    root: BlockHash,
}

impl Truth {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(root: BlockHash, quorum: usize, honest: &[ValidatorIndex], agreement: bool) -> Self {
        Self {
            quorum,
            honest: honest.iter().fold(0, |bits, v| bits | bit(*v)),
            agreement,
            votes: BTreeMap::new(),
            blocks: BTreeMap::new(),
            finals: BTreeMap::new(),
            heights: BTreeMap::new(),
            root,
        }
    }

    /// Whether a validator keeps to the rules.
    #[must_use]
    pub const fn is_honest(&self, who: ValidatorIndex) -> bool {
        self.honest & bit(who) != 0
    }

    /// Whether agreement is demanded: there are no more liars than the protocol bears.
    #[must_use]
    pub const fn agreement(&self) -> bool {
        self.agreement
    }

    /// A block that somebody made.
    pub fn saw(&mut self, block: &Arc<Block>) {
        self.blocks.entry(block.header.hash()).or_insert_with(|| block.clone());
    }

    /// A block by its hash.
    #[must_use]
    pub fn block(&self, hash: &BlockHash) -> Option<&Arc<Block>> {
        self.blocks.get(hash)
    }

    /// All blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks.values()
    }

    /// The final block of a height.
    #[must_use]
    pub fn at_height(&self, height: Height) -> Option<BlockHash> {
        self.heights.get(&height).copied()
    }

    /// Whether a validator signed a statement.
    #[must_use]
    pub fn signed(&self, vote: &Vote) -> bool {
        self.signers(vote.view, &vote.statement) & bit(vote.signer) != 0
    }

    /// Who signed a statement.
    pub fn who_signed(&self, view: View, statement: &Statement) -> impl Iterator<Item = ValidatorIndex> + use<> {
        let signers = self.signers(view, statement);
        (0..Signers::BITS).map(ValidatorIndex).filter(move |who| signers & bit(*who) != 0)
    }

    fn signers(&self, view: View, statement: &Statement) -> Signers {
        self.votes.get(&view).and_then(|v| v.get(statement)).copied().unwrap_or(0)
    }

    /// Whether a quorum signed a statement.
    #[must_use]
    pub fn certified(&self, view: View, statement: &Statement) -> bool {
        self.signers(view, statement).count_ones() as usize >= self.quorum
    }

    /// Whether a quorum signed that it is the view's block.
    #[must_use]
    pub fn notarized(&self, view: View, block: BlockHash) -> bool {
        self.certified(view, &Statement::Notarize { block }) || self.finals.get(&view) == Some(&block)
    }

    /// A validator signed something. I1 to I5 are judged here.
    ///
    /// # Errors
    /// An invariant that this breaks.
    pub fn sign(&mut self, vote: &Vote) -> Result<(), Violation> {
        let (view, statement) = (vote.view, vote.statement);
        if self.is_honest(vote.signer) {
            self.check_signature(vote)?;
        }
        let signers = self.votes.entry(view).or_default().entry(statement).or_default();
        let before = signers.count_ones() as usize;
        *signers |= bit(vote.signer);
        let after = signers.count_ones() as usize;
        if before < self.quorum && after >= self.quorum && self.agreement {
            self.quorum_on(view, statement)
        } else {
            Ok(())
        }
    }

    /// I5, and I4 for a notarize vote.
    fn check_signature(&self, vote: &Vote) -> Result<(), Violation> {
        let others = self.votes.get(&vote.view).into_iter().flatten();
        for (other, _) in others.filter(|(_, signers)| **signers & bit(vote.signer) != 0) {
            if forbidden(other, &vote.statement) {
                let (who, view) = (vote.signer, vote.view);
                return broken(
                    "I5",
                    format!("validator {who} signed {other:?} and {:?} in view {view}", vote.statement),
                );
            }
        }
        match vote.statement {
            Statement::Notarize { .. } if self.signers(vote.view, &Statement::Nullify) & bit(vote.signer) != 0 => {
                broken(
                    "R3",
                    format!("validator {} notarized in view {}, which it had nullified", vote.signer, vote.view),
                )
            }
            Statement::Notarize { block } => self.check_ancestry(vote.view, block),
            Statement::Nullify | Statement::Finalize { .. } => Ok(()),
        }
    }

    /// I4: an honest validator notarizes only on a notarized parent, with every view in between nullified.
    fn check_ancestry(&self, view: View, block: BlockHash) -> Result<(), Violation> {
        let Some(header) = self.blocks.get(&block).map(|b| &b.header) else {
            return broken("I4", format!("an honest vote for a block of view {view} that nobody made"));
        };
        let (parent, at) = (header.parent, header.parent_view);
        if parent != self.root && !self.notarized(at, parent) {
            return broken("I4", format!("the parent of the block of view {view} was not notarized in view {at}"));
        }
        let skipped = (at.next().0..view.0).map(View).find(|v| !self.certified(*v, &Statement::Nullify));
        match skipped {
            Some(v) => broken("I4", format!("the block of view {view} skips view {v}, which was not nullified")),
            None => Ok(()),
        }
    }

    fn quorum_on(&mut self, view: View, statement: Statement) -> Result<(), Violation> {
        let others: Vec<Statement> = self.votes.get(&view).into_iter().flatten().map(|(s, _)| *s).collect();
        for other in others.into_iter().filter(|s| *s != statement && self.certified(view, s)) {
            let invariant = match (statement, other) {
                (Statement::Finalize { block: a, .. }, Statement::Finalize { block: b, .. }) if a == b => "I2",
                (Statement::Nullify, Statement::Finalize { .. }) | (Statement::Finalize { .. }, Statement::Nullify) => {
                    "I3"
                }
                (Statement::Nullify, _) | (_, Statement::Nullify) => continue,
                (a, b) if a.block() == b.block() => continue,
                _ => "I1",
            };
            return broken(invariant, format!("quorums for {statement:?} and {other:?} in view {view}"));
        }
        if let Statement::Finalize { block, .. } = statement {
            self.check_agreement(view, block)?;
            self.finals.insert(view, block);
        }
        Ok(())
    }

    /// I1: of two final blocks one descends from the other.
    fn check_agreement(&self, view: View, block: BlockHash) -> Result<(), Violation> {
        let below = self.finals.range(..view).next_back().map(|(v, b)| (*v, *b));
        let above = self.finals.range(view.next()..).next().map(|(v, b)| (*v, *b));
        for (low, high) in [(below, Some((view, block))), (Some((view, block)), above)] {
            if let (Some((low_view, low)), Some((high_view, high))) = (low, high)
                && !self.descends(high, low, low_view)
            {
                return broken(
                    "I1",
                    format!("final {high} of view {high_view} is not on final {low} of view {low_view}"),
                );
            }
        }
        Ok(())
    }

    /// Whether one block is another's descendant (or itself).
    #[must_use]
    pub fn descends(&self, block: BlockHash, ancestor: BlockHash, ancestor_view: View) -> bool {
        let mut at = block;
        while at != ancestor {
            match self.blocks.get(&at) {
                Some(b) if b.header.view > ancestor_view => at = b.header.parent,
                _ => return false,
            }
        }
        true
    }

    /// A node holds a block for final: one at each height.
    ///
    /// # Errors
    /// I1.
    pub fn finalized(&mut self, height: Height, block: BlockHash) -> Result<(), Violation> {
        let first = *self.heights.entry(height).or_insert(block);
        if first != block && self.agreement {
            return broken("I1", format!("final blocks {first} and {block} at height {height}"));
        }
        Ok(())
    }

    /// I8: a certificate that an honest machine took up was signed by those that it names, and they are a quorum.
    ///
    /// # Errors
    /// I8.
    pub fn check_certificate(&self, certificate: &Certificate) -> Result<(), Violation> {
        let named = certificate.votes.iter().fold(0, |bits, (v, _)| bits | bit(*v));
        let real = self.signers(certificate.view, &certificate.statement);
        if named & !real != 0 || (named.count_ones() as usize) < self.quorum {
            return broken(
                "I8",
                format!("accepted {:?} of view {} without a quorum", certificate.statement, certificate.view),
            );
        }
        Ok(())
    }

    /// Highest view in which anything was signed.
    #[must_use]
    pub fn last_view(&self) -> View {
        self.votes.keys().next_back().copied().unwrap_or_default()
    }
}

const fn bit(who: ValidatorIndex) -> Signers {
    1 << who.0
}

/// The pairs that no honest validator signs in one view, written out once more from the protocol page.
fn forbidden(a: &Statement, b: &Statement) -> bool {
    use Statement::{Finalize, Notarize, Nullify};
    match (a, b) {
        (Notarize { block: x }, Notarize { block: y } | Finalize { block: y, .. })
        | (Finalize { block: x, .. }, Notarize { block: y }) => x != y,
        (Finalize { .. }, Finalize { .. }) => a != b,
        (Nullify, Finalize { .. }) | (Finalize { .. }, Nullify) => true,
        _ => false,
    }
}
