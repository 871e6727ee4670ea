//! Who is guilty of a fork, from signatures alone.
//!
//! With more than f liars two conflicting blocks may both be final. Whoever holds both finalizations and the blocks under
//! them, with the skips that they carry, can name at least f + 1 of the liars, and nobody else can be named:
//!
//! Let a be final by a certificate of view v and b, which is not on one chain with a, by one of view w ≥ v.
//! - w = v: the two quorums share f + 1 validators that finalized twice in one view.
//! - w > v, and b's chain has a block of view v: its notarization and a's finalization share f + 1 that notarized one block
//!   and finalized another.
//! - w > v, and b's chain has no block of view v: then some block of it skips v and carries v's nullification, and that
//!   shares with a's finalization f + 1 that nullified and finalized one view.
//!
//! A correct validator signs none of these pairs. So it is enough to look for pairs, signer by signer.

use hnchain_consensus::{Evidence, Verifier, Vote};
use hnchain_crypto::Signature;
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{Epoch, GenesisDigest, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet};

/// Something signed. It may come from anyone: what does not verify accuses nobody.
#[derive(Clone, Copy, Debug)]
pub enum Testimony<'a> {
    /// One vote.
    Vote(&'a Vote),
    /// A finalization, notarization or nullification; a quorum is not needed.
    Certificate(&'a Certificate),
    /// A block, for the nullifications that it carries.
    Block(&'a Block),
}

/// Whose signatures are judged: those of one epoch.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The chain.
    pub genesis: GenesisDigest,
    /// The epoch.
    pub epoch: Epoch,
    /// Its validators.
    pub validators: &'a ValidatorSet,
    /// What checks signatures; `hnchain_consensus::Sm2` for real ones.
    pub verifier: &'a dyn Verifier,
}

/// Statements of a signer in a view with the signatures given for them, good and bad.
type Statements = BTreeMap<Statement, BTreeSet<Signature>>;

impl Bench<'_> {
    /// Validators that signed two statements of which a correct validator signs one at most, each with a proof that
    /// anyone can check.
    #[must_use]
    pub fn culprits(&self, testimony: &[Testimony<'_>]) -> BTreeMap<ValidatorIndex, Evidence> {
        let mut heard: BTreeMap<(View, ValidatorIndex), Statements> = BTreeMap::new();
        for one in testimony {
            self.hear(*one, &mut heard);
        }
        let mut guilty = BTreeMap::new();
        for ((view, signer), statements) in &heard {
            // Nobody contradicts itself with one statement, so most signatures need no verification.
            if statements.len() > 1
                && !guilty.contains_key(signer)
                && let Some(evidence) = self.contradiction(*view, *signer, statements)
            {
                guilty.insert(*signer, evidence);
            }
        }
        guilty
    }

    fn hear(&self, one: Testimony<'_>, heard: &mut BTreeMap<(View, ValidatorIndex), Statements>) {
        match one {
            Testimony::Vote(vote) if vote.epoch == self.epoch => {
                let statements = heard.entry((vote.view, vote.signer)).or_default();
                statements.entry(vote.statement).or_default().insert(vote.signature);
            }
            Testimony::Certificate(c) if c.epoch == self.epoch => {
                for (signer, signature) in &c.votes {
                    let statements = heard.entry((c.view, *signer)).or_default();
                    statements.entry(c.statement).or_default().insert(*signature);
                }
            }
            Testimony::Block(block) => {
                block.skips.iter().for_each(|skip| self.hear(Testimony::Certificate(skip), heard));
            }
            Testimony::Vote(_) | Testimony::Certificate(_) => {}
        }
    }

    fn contradiction(&self, view: View, signer: ValidatorIndex, statements: &Statements) -> Option<Evidence> {
        let key = self.validators.key(signer)?;
        let signed = statements.iter().filter_map(|(statement, signatures)| {
            let digest = statement.digest(self.genesis, self.epoch, view);
            let good = signatures.iter().find(|s| self.verifier.verify(key, &digest, s))?;
            Some(Vote { epoch: self.epoch, view, statement: *statement, signer, signature: *good })
        });
        let signed: Vec<Vote> = signed.collect();
        let mut pairs = signed.iter().enumerate().flat_map(|(i, a)| signed[i + 1..].iter().map(move |b| (a, b)));
        pairs.find_map(|(a, b)| Evidence::new(*a, *b))
    }
}

/// As [`Bench::culprits`], without the proofs.
#[must_use]
pub fn culprits(testimony: &[Testimony<'_>], bench: &Bench<'_>) -> BTreeSet<ValidatorIndex> {
    bench.culprits(testimony).into_keys().collect()
}
