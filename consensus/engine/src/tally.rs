//! Counting votes of one view.

use crate::bug::{Bug, planted};
use crate::{Evidence, Vote};
use hnchain_crypto::Signature;
use hnchain_types::ValidatorIndex;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::vote::contradict;
use std::collections::BTreeMap;

/// Statements of one kind that are kept for one signer and view: the first, and one that contradicts it as evidence.
const KEPT_PER_KIND: usize = 2;

/// Votes of one view by statement. Only votes with verified signatures enter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    votes: BTreeMap<Statement, BTreeMap<ValidatorIndex, Vote>>,
    accused: Vec<ValidatorIndex>,
}

/// What a vote did.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// It completed a quorum.
    pub(crate) certificate: Option<Certificate>,
    /// It contradicts an earlier vote of its signer (once per signer and view).
    pub(crate) evidence: Option<Evidence>,
}

fn same_kind(a: &Statement, b: &Statement) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

impl Tally {
    /// Whether the vote would change nothing, so that its signature need not be verified.
    pub(crate) fn knows(&self, vote: &Vote) -> bool {
        let counted = self.votes.get(&vote.statement).is_some_and(|v| v.contains_key(&vote.signer));
        counted || self.of(vote.signer).filter(|v| same_kind(&v.statement, &vote.statement)).count() >= KEPT_PER_KIND
    }

    /// Votes of one signer.
    pub(crate) fn of(&self, signer: ValidatorIndex) -> impl Iterator<Item = &Vote> {
        self.votes.values().filter_map(move |v| v.get(&signer))
    }

    /// Whether this signature of a signer on a statement was counted, so that it is known to be good.
    pub(crate) fn verified(&self, signer: ValidatorIndex, statement: &Statement, signature: &Signature) -> bool {
        self.votes.get(statement).and_then(|v| v.get(&signer)).is_some_and(|v| v.signature == *signature)
    }

    /// Whether a signer made a statement.
    pub(crate) fn said(&self, signer: ValidatorIndex, statement: &Statement) -> bool {
        self.votes.get(statement).is_some_and(|v| v.contains_key(&signer))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// Certificates of all statements that have a quorum.
    pub(crate) fn quorums(&self, validators: &ValidatorSet) -> Vec<Certificate> {
        self.votes.values().filter(|v| v.len() >= quorum(validators)).filter_map(certificate).collect()
    }

    pub(crate) fn heard_from(&self, signer: ValidatorIndex) -> bool {
        self.of(signer).next().is_some()
    }

    /// Counts a verified vote.
    pub(crate) fn add(&mut self, vote: Vote, validators: &ValidatorSet) -> Counted {
        if self.knows(&vote) {
            return Counted::default();
        }
        let evidence = self.of(vote.signer).find_map(|earlier| Evidence::new(*earlier, vote));
        let evidence = evidence.filter(|_| !self.accused.contains(&vote.signer));
        if evidence.is_some() {
            self.accused.push(vote.signer);
        }
        let votes = self.votes.entry(vote.statement).or_default();
        votes.insert(vote.signer, vote);
        let certificate = if votes.len() == quorum(validators) { certificate(votes) } else { None };
        Counted { certificate, evidence }
    }
}

fn quorum(validators: &ValidatorSet) -> usize {
    validators.quorum() - usize::from(planted(Bug::QuorumOffByOne))
}

fn certificate(votes: &BTreeMap<ValidatorIndex, Vote>) -> Option<Certificate> {
    let first = votes.values().next()?;
    Some(Certificate {
        epoch: first.epoch,
        view: first.view,
        statement: first.statement,
        votes: votes.values().map(|v| (v.signer, v.signature)).collect(),
    })
}

/// The certificates of one view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificates {
    pub(crate) notarization: Option<Certificate>,
    pub(crate) nullification: Option<Certificate>,
    pub(crate) finalization: Option<Certificate>,
}

impl Certificates {
    fn slot(&mut self, statement: &Statement) -> &mut Option<Certificate> {
        match statement {
            Statement::Notarize { .. } => &mut self.notarization,
            Statement::Nullify => &mut self.nullification,
            Statement::Finalize { .. } => &mut self.finalization,
        }
    }

    pub(crate) fn has(&self, statement: &Statement) -> bool {
        let slot = match statement {
            Statement::Notarize { .. } => &self.notarization,
            Statement::Nullify => &self.nullification,
            Statement::Finalize { .. } => &self.finalization,
        };
        slot.as_ref().is_some_and(|c| c.statement == *statement)
    }

    /// Keeps the first certificate of each kind. `Err` gives back one that contradicts it: more than f validators lie
    /// (I1, I3).
    pub(crate) fn put(&mut self, certificate: Certificate) -> Result<bool, Box<(Certificate, Certificate)>> {
        if let Some(other) = self.iter().find(|c| contradict(&c.statement, &certificate.statement)) {
            return Err(Box::new((other.clone(), certificate)));
        }
        let slot = self.slot(&certificate.statement);
        let new = slot.is_none();
        slot.get_or_insert(certificate);
        Ok(new)
    }

    /// The certificate that lets others leave the view.
    pub(crate) fn exit(&self) -> Option<&Certificate> {
        self.finalization.as_ref().or(self.notarization.as_ref()).or(self.nullification.as_ref())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Certificate> {
        [&self.notarization, &self.nullification, &self.finalization].into_iter().flatten()
    }
}
