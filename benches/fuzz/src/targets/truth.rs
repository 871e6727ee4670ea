//! What was really signed: the golden vectors. Whatever else verifies is a forgery.

use hnchain_crypto::{Digest, SecretKey, Signature, sm3};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::Genesis;
use hnchain_types::transaction::Transaction;
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{Epoch, TxId, ValidatorIndex, View};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A vector of the types, as it lies in the tree.
macro_rules! vector {
    ($name:literal) => {
        hex::decode(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/types/vectors/", $name, ".hex")).trim(),
        )
        .expect("a vector is hexadecimal")
    };
}
pub(crate) use vector;

/// Key of a number in the vectors.
pub(crate) fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&sm3(&[n]).0).expect("in range")
}

/// The genesis of the vectors: four validators with keys 0 to 3.
pub(crate) fn genesis() -> &'static Genesis {
    static GENESIS: LazyLock<Genesis> = LazyLock::new(|| {
        Genesis::parse(include_bytes!("../../../../sdk/types/vectors/genesis.json")).expect("a vector")
    });
    &GENESIS
}

/// A vote as a tuple that can be ordered.
type Signed = (Epoch, View, Statement, ValidatorIndex, Signature);

fn of_certificate(c: &Certificate) -> impl Iterator<Item = Signed> {
    c.votes.iter().map(|(signer, signature)| (c.epoch, c.view, c.statement, *signer, *signature))
}

fn of_vote(v: &Vote) -> Signed {
    (v.epoch, v.view, v.statement, v.signer, v.signature)
}

fn votes() -> &'static BTreeSet<Signed> {
    static VOTES: LazyLock<BTreeSet<Signed>> = LazyLock::new(|| {
        let certificates = [
            vector!("certificate-notarization"),
            vector!("certificate-nullification"),
            vector!("certificate-finalization"),
        ];
        let certificates = certificates.map(|raw| Certificate::decode(&raw).expect("a vector"));
        let evidence = Evidence::decode(&vector!("evidence")).expect("a vector");
        let (first, second) = evidence.votes();
        certificates.iter().flat_map(of_certificate).chain([of_vote(first), of_vote(second)]).collect()
    });
    &VOTES
}

/// A certificate that verifies holds only votes that were cast.
pub(crate) fn check_certificate(certificate: &Certificate) -> Result<(), String> {
    certificate.verify(genesis().digest(), genesis().validators()).map_err(super::said)?;
    assert!(
        of_certificate(certificate).all(|v| votes().contains(&v)),
        "a forged certificate verifies: {certificate:?}"
    );
    Ok(())
}

/// Evidence that verifies holds only votes that were cast.
pub(crate) fn check_evidence(evidence: &Evidence) -> Result<(), String> {
    if !evidence.verify(genesis().digest(), genesis().validators()) {
        return Err("evidence does not verify".to_owned());
    }
    let (first, second) = evidence.votes();
    let both = [first, second].into_iter().all(|v| votes().contains(&of_vote(v)));
    assert!(both, "forged evidence verifies: {evidence:?}");
    Ok(())
}

/// A transaction that verifies is one that was signed, with the signature that was made. Its hint is a hint.
pub(crate) fn check_transaction(transaction: &Transaction) -> Result<(), String> {
    static SIGNED: LazyLock<BTreeSet<(TxId, Signature)>> = LazyLock::new(|| {
        let known = [vector!("transaction"), vector!("transaction-governance")];
        known.map(|raw| Transaction::decode(&raw).expect("a vector")).map(|t| (t.id(), t.signature())).into()
    });
    let key = transaction.public_key().to_verifying_key().map_err(super::said)?;
    transaction.verify(&key).map_err(super::said)?;
    let known = SIGNED.contains(&(transaction.id(), transaction.signature()));
    assert!(known, "a forged transaction verifies: {transaction:?}");
    Ok(())
}

/// Votes by validators of the genesis, for samples.
pub(crate) fn certificate(statement: Statement, view: u64, signers: &[u8]) -> Certificate {
    let digest: Digest = statement.digest(genesis().digest(), Epoch(0), View(view));
    let votes = signers.iter().map(|n| (ValidatorIndex(u32::from(*n)), key(*n).sign(&digest))).collect();
    Certificate { epoch: Epoch(0), view: View(view), statement, votes }
}
