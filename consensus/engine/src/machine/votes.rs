//! R4, R7, R9: votes become certificates, certificates move views and finality.

use super::{LOOKAHEAD, Machine, Parameters};
use crate::bug::{Bug, planted};
use crate::{Effect, Message, NullifyReason, Record, Report, To, Vote};
use hnchain_types::certificate::{Certificate, CertificateError, Statement};
use hnchain_types::{BlockHash, ValidatorIndex, View};

impl Machine {
    pub(super) fn on_vote(&mut self, from: Option<ValidatorIndex>, vote: Vote) {
        if self.parameters.validators.key(vote.signer).is_none() {
            return self.misbehaviour(from, "vote of no validator");
        }
        if from.is_some_and(|f| f != vote.signer) {
            return self.misbehaviour(from, "vote of another validator: votes are not passed on");
        }
        if vote.view < self.view {
            self.help_straggler(from, &vote);
        }
        if vote.view <= self.root.view || (vote.view.0 > self.view.0 + LOOKAHEAD && !planted(Bug::FarViewsKept)) {
            return;
        }
        if !self.verify_and_count(vote) {
            self.misbehaviour(from, "vote whose signature does not verify");
        }
    }

    /// Counts a vote unless it changes nothing. False where the signature does not verify.
    pub(super) fn verify_and_count(&mut self, vote: Vote) -> bool {
        // A round is made only for a vote that verifies.
        if let Some(round) = self.rounds.get(&vote.view) {
            if round.tally.knows(&vote) {
                return true;
            }
            // Votes beyond a quorum are not worth a verification, unless they may convict their signer or bring it back.
            let surplus = round.certificates.has(&vote.statement) && !round.tally.heard_from(vote.signer);
            if surplus && !self.peers[vote.signer.index()].silent {
                return true;
            }
        }
        if !self.parameters.verifies(&vote) && !planted(Bug::VotesUnchecked) {
            return false;
        }
        self.heard(vote.signer);
        self.count(vote);
        true
    }

    pub(super) fn heard(&mut self, signer: ValidatorIndex) {
        if let Some(peer) = self.peers.get_mut(signer.index()) {
            peer.silent = false;
        }
    }

    pub(super) fn count(&mut self, vote: Vote) {
        let validators = self.parameters.validators.clone();
        let counted = self.round(vote.view).tally.add(vote, &validators);
        if let Some(evidence) = counted.evidence {
            self.report(Report::Equivocation(Box::new(evidence)));
        }
        if let Some(certificate) = counted.certificate {
            self.apply(certificate);
        }
        // R8: a leader that gives up its own view is not waited for.
        let here = vote.epoch == self.parameters.epoch && vote.view == self.view;
        if here && vote.statement == Statement::Nullify && vote.signer == self.leader(vote.view) {
            self.nullify(vote.view, NullifyReason::LeaderGaveUp);
        }
    }

    /// Signs, persists, sends and counts an own vote. The record always goes before the message.
    pub(super) fn cast(&mut self, view: View, statement: Statement) -> Option<Vote> {
        let (record, vote) = self.safety.sign(view, statement)?;
        if !planted(Bug::VoteNotJournaled) {
            self.effects.push(Effect::Persist(record));
        }
        Some(vote)
    }

    /// Casts a vote and tells everyone.
    pub(super) fn cast_and_send(&mut self, view: View, statement: Statement) -> bool {
        let Some(vote) = self.cast(view, statement) else { return false };
        self.send(To::All, Message::Vote(vote));
        self.count(vote);
        true
    }

    pub(super) fn on_certificate(&mut self, from: Option<ValidatorIndex>, certificate: Certificate) {
        self.help_stuck(from, &certificate);
        if !self.admit(certificate) {
            self.misbehaviour(from, "certificate that does not verify");
        }
    }

    /// Verifies a certificate unless it says nothing new, and applies it. False where it does not verify.
    pub(super) fn admit(&mut self, certificate: Certificate) -> bool {
        if certificate.view <= self.root.view || certificate.epoch < self.parameters.epoch {
            return true;
        }
        if self.rounds.get(&certificate.view).is_some_and(|r| r.certificates.has(&certificate.statement)) {
            return true;
        }
        if !self.verify_certificate(&certificate) {
            return false;
        }
        self.apply(certificate);
        true
    }

    /// Signatures that were verified as votes are not verified again.
    pub(super) fn verify_certificate(&self, certificate: &Certificate) -> bool {
        let Parameters { genesis, epoch, validators, verifier, .. } = &self.parameters;
        let tally = self.rounds.get(&certificate.view).map(|r| &r.tally);
        let known = |index, signature: &_| tally.is_some_and(|t| t.verified(index, &certificate.statement, signature));
        let verified = certificate.verify_by(*genesis, validators, |index, key, digest, signature| {
            known(index, signature) || verifier.verify(key, digest, signature)
        });
        let short = matches!(verified, Err(CertificateError::Quorum { got, needed }) if got + 1 == needed);
        (certificate.epoch == *epoch || planted(Bug::EpochsMixed)) && verified.is_ok()
            || (short && planted(Bug::QuorumOffByOne))
            || planted(Bug::CertificatesUnchecked)
    }

    /// Takes up a certificate that is known to be sound.
    pub(super) fn apply(&mut self, certificate: Certificate) {
        let view = certificate.view;
        if view <= self.root.view {
            return;
        }
        if planted(Bug::SplitAfterNullify) && self.refuses(&certificate) {
            return;
        }
        match self.round(view).certificates.put(certificate.clone()) {
            Ok(false) => return,
            Err(fork) => return self.report(Report::Fork(fork)),
            Ok(true) => {}
        }
        match certificate.statement {
            Statement::Notarize { block } => {
                self.leave(certificate);
                self.on_notarized(view, block);
            }
            Statement::Nullify => {
                let leader = self.leader(view);
                if !self.rounds.get(&view).is_some_and(|r| r.tally.heard_from(leader)) {
                    self.peers[leader.index()].silent = true;
                }
                self.leave(certificate);
            }
            Statement::Finalize { .. } => {
                self.leave(certificate);
                self.try_finalize(view);
            }
        }
    }

    /// The mistake of those who take their own nullify for the last word.
    fn refuses(&self, certificate: &Certificate) -> bool {
        let nullified = self.own_votes(certificate.view).any(|v| v.statement == Statement::Nullify);
        nullified && matches!(certificate.statement, Statement::Notarize { .. })
    }

    /// R4: the body may be missing; the view is left all the same.
    fn on_notarized(&mut self, view: View, block: BlockHash) {
        if self.tree.get(&block).is_none() {
            self.fetch(view, block);
        }
        self.try_execute(block);
        self.try_vote_finalize(view);
    }

    /// R1: leaves the certificate's view and every one before it.
    fn leave(&mut self, certificate: Certificate) {
        if certificate.view < self.view {
            return;
        }
        // R9: a view that was notarized only after this validator had given it up gets no finalize vote from it.
        let given_up = self.own_votes(certificate.view).any(|v| v.statement == Statement::Nullify);
        if certificate.statement == Statement::Nullify || given_up {
            self.pace.failures = self.pace.failures.saturating_add(1);
        }
        if self.safety.me().is_some() {
            self.effects.push(Effect::Persist(Record::Entered(certificate.clone())));
        }
        let next = certificate.view.next();
        self.entry = Some(certificate);
        self.enter(next);
    }
}
