//! Puts transactions together and signs them.

use crate::error::Error;
use hnchain_crypto::{Digest, PublicKey, SecretKey};
use hnchain_proof::Opening;
use hnchain_types::governance::Change;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::vote::Evidence;
use hnchain_types::{TxId, limits, realty};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a transaction may wait to be included unless the caller says otherwise: long enough for a network that
/// restarts, and well below the chain's limit ([`limits::VALIDITY_MS`]) so that clocks may differ.
const VALIDITY: Duration = Duration::from_secs(300);

/// A key and the chain it signs for.
#[derive(Clone, Debug)]
pub struct Signer {
    key: SecretKey,
    chain_id: String,
    validity: Duration,
}

/// A signed anchor of one document, not handed in yet, and what its holder must keep.
///
/// Keep the opening before submitting: once the record is on the chain nobody can find the salt again.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The signed transaction.
    pub transaction: Transaction,
    /// Salt and document digest: open the commitment.
    pub opening: Opening,
    /// What goes on the chain.
    pub commitment: Digest,
}

impl Signer {
    /// Signs with `key` for the chain named `chain_id`.
    #[must_use]
    pub fn new(key: SecretKey, chain_id: &str) -> Self {
        Self { key, chain_id: chain_id.to_owned(), validity: VALIDITY }
    }

    /// Changes how long transactions may wait to be included; capped by [`limits::VALIDITY_MS`].
    #[must_use]
    pub fn with_validity(mut self, validity: Duration) -> Self {
        self.validity = validity.min(Duration::from_millis(limits::VALIDITY_MS));
        self
    }

    /// The signer's public key.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The chain that is signed for.
    #[must_use]
    pub fn chain_id(&self) -> &str {
        &self.chain_id
    }

    /// Signs any operations, all or none: `signer.transaction(|body| body.anchor(…).revoke(…))`.
    ///
    /// # Errors
    /// Operations that break a format rule; no entropy or clock.
    pub fn transaction(&self, operations: impl FnOnce(BodyBuilder) -> BodyBuilder) -> Result<Transaction, Error> {
        let until = now_ms()?.saturating_add(u64::try_from(self.validity.as_millis()).unwrap_or(limits::VALIDITY_MS));
        // The wall clock bounds the validity; heights advance at an unknown rate.
        let body = BodyBuilder::new(&self.chain_id, u64::MAX, until, salt()?);
        Ok(Transaction::sign(operations(body).encode(), &self.key)?)
    }

    /// Anchors a commitment as version `version` of a record: 1 for a new one, else the recorded version + 1.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn anchor(&self, namespace: &str, id: &str, version: u64, commitment: Digest) -> Result<Transaction, Error> {
        self.transaction(|body| body.anchor(namespace, id, version, commitment))
    }

    /// Revokes a record; `version` is the recorded version + 1. The reason is public: no personal data.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn revoke(&self, namespace: &str, id: &str, version: u64, reason: &str) -> Result<Transaction, Error> {
        self.transaction(|body| body.revoke(namespace, id, version, reason))
    }

    /// Proposes a change to the organizations that run validators. The reason is public.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn propose(&self, change: Change, reason: &str) -> Result<Transaction, Error> {
        self.transaction(|body| body.propose(change, reason))
    }

    /// Approves a proposal for the signer's organization.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn approve(&self, proposal: TxId) -> Result<Transaction, Error> {
        self.transaction(|body| body.approve(proposal))
    }

    /// Submits evidence against a validator.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn submit_evidence(&self, evidence: &Evidence) -> Result<Transaction, Error> {
        self.transaction(|body| body.submit_evidence(evidence))
    }

    /// A registration of real estate, or several that take effect together.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn realty(&self, operations: &[realty::Operation]) -> Result<Transaction, Error> {
        self.transaction(|body| operations.iter().fold(body, |body, op| body.operation(op.to_kind())))
    }

    /// Salts a document, commits to it and signs the anchor. Nothing is sent.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn draft(&self, namespace: &str, id: &str, version: u64, document: &[u8]) -> Result<Draft, Error> {
        let opening = Opening::of(document, salt()?);
        let commitment = opening.commitment();
        let transaction = self.anchor(namespace, id, version, commitment)?;
        Ok(Draft { transaction, opening, commitment })
    }
}

/// Commits to a document or person with a fresh salt. Keep the opening: without it nobody can show what the commitment is
/// of.
///
/// # Errors
/// No entropy.
pub fn commit_to(document: &[u8]) -> Result<Opening, Error> {
    Ok(Opening::of(document, salt()?))
}

/// Fresh random bytes from the operating system, to hide a value behind its commitment.
///
/// # Errors
/// The system has none.
pub fn salt() -> Result<[u8; limits::SALT_BYTES], Error> {
    let mut salt = [0u8; limits::SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| Error::System("random bytes"))?;
    Ok(salt)
}

fn now_ms() -> Result<u64, Error> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::System("the time of day"))?;
    u64::try_from(since.as_millis()).map_err(|_| Error::System("the time of day"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(SecretKey::generate().expect("entropy"), "henan-test")
    }

    #[test]
    fn equal_requests_are_distinct_transactions() {
        let s = signer();
        let commitment = hnchain_crypto::sm3(b"document");
        let a = s.anchor("certificate", "a", 1, commitment).expect("valid");
        let b = s.anchor("certificate", "a", 1, commitment).expect("valid");
        assert_ne!(a.id(), b.id());
    }

    #[test]
    fn validity_never_exceeds_the_chains_limit() {
        let s = signer().with_validity(Duration::from_secs(86_400));
        let before = now_ms().expect("clock");
        let t = s.revoke("certificate", "a", 2, "issued in error").expect("valid");
        let after = now_ms().expect("clock");
        assert!((before + limits::VALIDITY_MS..=after + limits::VALIDITY_MS).contains(&t.body().valid_until_ms));
    }

    #[test]
    fn draft_keeps_the_opening_of_its_commitment() {
        let d = signer().draft("certificate", "a", 1, b"document").expect("valid");
        assert_eq!(d.opening.commitment(), d.commitment);
        let again = signer().draft("certificate", "a", 1, b"document").expect("valid");
        assert_ne!(d.commitment, again.commitment, "the salt hides equal documents");
    }

    #[test]
    fn ill_formed_records_are_refused_before_anything_is_sent() {
        let e = signer().anchor("Certificate", "a", 1, Digest::ZERO).expect_err("upper case");
        assert_eq!(e.code(), "DECODE_FIELD");
    }
}
