//! Votes' statements and the certificates that a quorum of them makes.
//!
//! What a validator signs is `SM3(tag "hnchain/vote/1", genesis 32 ‖ epoch 8 ‖ view 8 ‖ kind 1 ‖ block 32 ‖ result 32)`,
//! numbers big-endian, absent hashes as zeros. Kinds: 1 notarize, 2 nullify, 3 finalize.

use crate::decode::{canonical, fixed};
use crate::genesis::ValidatorSet;
use crate::{BlockHash, DecodeError, Epoch, GenesisDigest, ResultHash, ValidatorIndex, View, limits, proto};
use hnchain_crypto::{Digest, Signature, Tag, VerifyingKey};
use prost::Message;
use serde::{Deserialize, Serialize};

/// What a vote says about its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Statement {
    /// This is the view's block.
    Notarize {
        /// The block.
        block: BlockHash,
    },
    /// The view is skipped.
    Nullify,
    /// The view's block is final and gives this result.
    Finalize {
        /// The block.
        block: BlockHash,
        /// What executing it gave.
        result: ResultHash,
    },
}

impl Statement {
    /// The digest that validators sign.
    #[must_use]
    pub fn digest(&self, genesis: GenesisDigest, epoch: Epoch, view: View) -> Digest {
        let (kind, block, result) = match self {
            Self::Notarize { block } => (1u8, block.0, Digest::ZERO),
            Self::Nullify => (2, Digest::ZERO, Digest::ZERO),
            Self::Finalize { block, result } => (3, block.0, result.0),
        };
        Tag::Vote.hash(&[
            genesis.as_ref(),
            &epoch.0.to_be_bytes(),
            &view.0.to_be_bytes(),
            &[kind],
            block.as_ref(),
            result.as_ref(),
        ])
    }

    /// The block that it names.
    #[must_use]
    pub const fn block(&self) -> Option<BlockHash> {
        match self {
            Self::Notarize { block } | Self::Finalize { block, .. } => Some(*block),
            Self::Nullify => None,
        }
    }
}

/// A quorum's signatures over one statement. Decoded, not verified: see [`Certificate::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Certificate {
    /// Epoch of the view.
    pub epoch: Epoch,
    /// The view.
    pub view: View,
    /// What was signed.
    pub statement: Statement,
    /// Signers in ascending order with their signatures.
    pub votes: Vec<(ValidatorIndex, Signature)>,
}

/// A certificate as a peer sent it. Its indices decide how much memory [`Certificate::encode`] takes.
#[derive(Deserialize)]
#[serde(rename = "Certificate")]
struct Unchecked {
    epoch: Epoch,
    view: View,
    statement: Statement,
    votes: Vec<(ValidatorIndex, Signature)>,
}

impl TryFrom<Unchecked> for Certificate {
    type Error = CertificateError;
    fn try_from(u: Unchecked) -> Result<Self, CertificateError> {
        let in_set = u.votes.last().is_some_and(|(i, _)| i.index() < limits::VALIDATORS);
        if !in_set || !ascending(&u.votes) {
            return Err(CertificateError::Signers);
        }
        Ok(Self { epoch: u.epoch, view: u.view, statement: u.statement, votes: u.votes })
    }
}

fn ascending(votes: &[(ValidatorIndex, Signature)]) -> bool {
    votes.windows(2).all(|w| w[0].0 < w[1].0)
}

/// Why a certificate was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Fewer signers than a quorum.
    #[error("{got} signers, a quorum is {needed}")]
    Quorum {
        /// Signers given.
        got: usize,
        /// Signers needed.
        needed: usize,
    },
    /// Signers out of order, repeated or outside the set.
    #[error("signers are not in ascending order within the validator set")]
    Signers,
    /// A signature does not verify.
    #[error("the signature of validator {0} does not verify")]
    Signature(ValidatorIndex),
}

impl CertificateError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Quorum { .. } => "CERTIFICATE_QUORUM",
            Self::Signers => "CERTIFICATE_SIGNERS",
            Self::Signature(_) => "CERTIFICATE_SIGNATURE",
        }
    }

    /// Message in Chinese; the English one is its `Display`.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Quorum { got, needed } => format!("签名者 {got} 个，法定数为 {needed} 个"),
            Self::Signers => "签名者未按升序排列，或不在验证者集合中".to_owned(),
            Self::Signature(index) => format!("验证者 {index} 的签名验证不通过"),
        }
    }
}

impl Certificate {
    /// Checks quorum and signatures against the validator set of its epoch.
    ///
    /// # Errors
    /// Too few signers, signers outside the set, or a signature that does not verify.
    pub fn verify(&self, genesis: GenesisDigest, validators: &ValidatorSet) -> Result<(), CertificateError> {
        self.verify_by(genesis, validators, |_, key, digest, signature| key.verify(digest, signature).is_ok())
    }

    /// As [`Certificate::verify`], with the caller's way of checking one signature: it may know some already.
    ///
    /// # Errors
    /// As [`Certificate::verify`].
    pub fn verify_by(
        &self,
        genesis: GenesisDigest,
        validators: &ValidatorSet,
        mut good: impl FnMut(ValidatorIndex, &VerifyingKey, &Digest, &Signature) -> bool,
    ) -> Result<(), CertificateError> {
        if self.votes.len() < validators.quorum() {
            return Err(CertificateError::Quorum { got: self.votes.len(), needed: validators.quorum() });
        }
        if !ascending(&self.votes) {
            return Err(CertificateError::Signers);
        }
        let digest = self.statement.digest(genesis, self.epoch, self.view);
        for (index, signature) in &self.votes {
            let key = validators.key(*index).ok_or(CertificateError::Signers)?;
            if !good(*index, key, &digest, signature) {
                return Err(CertificateError::Signature(*index));
            }
        }
        Ok(())
    }

    /// Encodes the public form. Indices are below [`limits::VALIDATORS`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let top = self.votes.iter().map(|(i, _)| i.index()).max().unwrap_or(0);
        let mut signers = vec![0u8; top / 8 + 1];
        for (i, _) in &self.votes {
            signers[i.index() / 8] |= 1 << (i.index() % 8);
        }
        let (kind, block, result) = statement_to_proto(&self.statement);
        proto::Certificate {
            kind: kind.into(),
            epoch: self.epoch.0,
            view: self.view.0,
            block,
            result,
            signers,
            signatures: self.votes.iter().map(|(_, s)| s.0.to_vec()).collect(),
        }
        .encode_to_vec()
    }

    /// Reads the public form.
    ///
    /// # Errors
    /// Anything that is not the canonical encoding of a certificate.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Certificate = canonical("certificate", raw, limits::CERTIFICATE_BYTES)?;
        let statement = statement_from_proto(m.kind, &m.block, &m.result)?;
        let certificate =
            Self { epoch: Epoch(m.epoch), view: View(m.view), statement, votes: votes(&m.signers, &m.signatures)? };
        // One meaning, one encoding: the bitmap has no empty bytes at its end.
        if certificate.encode() != raw {
            return Err(DecodeError::NotCanonical("certificate"));
        }
        Ok(certificate)
    }
}

/// Kind, block and result of a statement, absent hashes empty.
pub(crate) fn statement_to_proto(statement: &Statement) -> (proto::VoteKind, Vec<u8>, Vec<u8>) {
    match statement {
        Statement::Notarize { block } => (proto::VoteKind::Notarize, block.0.0.to_vec(), Vec::new()),
        Statement::Nullify => (proto::VoteKind::Nullify, Vec::new(), Vec::new()),
        Statement::Finalize { block, result } => (proto::VoteKind::Finalize, block.0.0.to_vec(), result.0.0.to_vec()),
    }
}

pub(crate) fn statement_from_proto(kind: i32, block: &[u8], result: &[u8]) -> Result<Statement, DecodeError> {
    let hash = |field, bytes| fixed(field, bytes).map(Digest);
    match proto::VoteKind::try_from(kind) {
        Ok(proto::VoteKind::Notarize) if result.is_empty() => {
            Ok(Statement::Notarize { block: BlockHash(hash("block", block)?) })
        }
        Ok(proto::VoteKind::Nullify) if result.is_empty() && block.is_empty() => Ok(Statement::Nullify),
        Ok(proto::VoteKind::Finalize) => Ok(Statement::Finalize {
            block: BlockHash(hash("block", block)?),
            result: ResultHash(hash("result", result)?),
        }),
        _ => Err(DecodeError::field(
            "kind",
            "unknown kind, or fields that it does not have",
            "未知的类别，或带有该类别没有的字段",
        )),
    }
}

fn votes(signers: &[u8], signatures: &[Vec<u8>]) -> Result<Vec<(ValidatorIndex, Signature)>, DecodeError> {
    if signers.len() * 8 > limits::VALIDATORS + 7 || signatures.len() > limits::VALIDATORS {
        let max = limits::VALIDATORS;
        return Err(DecodeError::field("signers", format!("at most {max} validators"), format!("最多 {max} 个验证者")));
    }
    let set = (0u32..).zip(signers.iter().flat_map(|b| (0..8).map(move |bit| b >> bit & 1 == 1)));
    let indices: Vec<_> = set.filter(|(_, on)| *on).map(|(i, _)| ValidatorIndex(i)).collect();
    if indices.is_empty() || indices.len() != signatures.len() {
        return Err(DecodeError::field(
            "signatures",
            "one signature for each signer is needed",
            "每个签名者须有一个签名",
        ));
    }
    indices.into_iter().zip(signatures).map(|(i, s)| Ok((i, Signature(fixed("signature", s)?)))).collect()
}
