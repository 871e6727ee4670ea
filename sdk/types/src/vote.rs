//! Votes, and the evidence that two of them make.

use crate::certificate::{Statement, statement_from_proto, statement_to_proto};
use crate::decode::{canonical, fixed};
use crate::validators::ValidatorSet;
use crate::{DecodeError, Epoch, GenesisDigest, ValidatorIndex, View, limits, proto};
use hnchain_crypto::{Digest, Signature, VerifyingKey};
use prost::Message;
use serde::{Deserialize, Serialize};

/// One validator's signed statement about one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Epoch of the view.
    pub epoch: Epoch,
    /// The view.
    pub view: View,
    /// What is said.
    pub statement: Statement,
    /// Who says it.
    pub signer: ValidatorIndex,
    /// Signature over [`Statement::digest`].
    pub signature: Signature,
}

impl Vote {
    /// What the signer signed.
    #[must_use]
    pub fn digest(&self, genesis: GenesisDigest) -> Digest {
        self.statement.digest(genesis, self.epoch, self.view)
    }

    /// Whether the signature is the signer's.
    #[must_use]
    pub fn verify(&self, genesis: GenesisDigest, validators: &ValidatorSet) -> bool {
        validators.key(self.signer).is_some_and(|key| self.signed_by(genesis, key))
    }

    /// As [`Vote::verify`], with the caller's way of checking a signature.
    #[must_use]
    pub fn verify_by(
        &self,
        genesis: GenesisDigest,
        validators: &ValidatorSet,
        good: impl FnOnce(&VerifyingKey, &Digest, &Signature) -> bool,
    ) -> bool {
        validators.key(self.signer).is_some_and(|key| good(key, &self.digest(genesis), &self.signature))
    }

    /// Whether the signature is one of this key.
    #[must_use]
    pub fn signed_by(&self, genesis: GenesisDigest, key: &VerifyingKey) -> bool {
        key.verify(&self.digest(genesis), &self.signature).is_ok()
    }

    fn to_proto(self) -> proto::Vote {
        let (kind, block, result) = statement_to_proto(&self.statement);
        proto::Vote {
            kind: kind.into(),
            epoch: self.epoch.0,
            view: self.view.0,
            block,
            result,
            signer: self.signer.0,
            signature: self.signature.0.to_vec(),
        }
    }

    fn from_proto(m: &proto::Vote) -> Result<Self, DecodeError> {
        let signer = ValidatorIndex(m.signer);
        if signer.index() >= limits::VALIDATORS {
            let max = limits::VALIDATORS;
            return Err(DecodeError::field("signer", format!("below {max} is needed"), format!("须小于 {max}")));
        }
        Ok(Self {
            epoch: Epoch(m.epoch),
            view: View(m.view),
            statement: statement_from_proto(m.kind, &m.block, &m.result)?,
            signer,
            signature: Signature(fixed("signature", &m.signature)?),
        })
    }
}

/// Two votes of one validator in one view that the safety rule never lets a correct validator sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    first: Vote,
    second: Vote,
}

impl Evidence {
    /// Puts two votes together; `None` where a correct validator could have signed both.
    #[must_use]
    pub fn new(first: Vote, second: Vote) -> Option<Self> {
        let same_place = first.signer == second.signer && first.view == second.view && first.epoch == second.epoch;
        (same_place && contradict(&first.statement, &second.statement)).then_some(Self { first, second })
    }

    /// Whether it convicts: contradiction and both signatures, for anyone who knows the validator set of its epoch.
    #[must_use]
    pub fn verify(&self, genesis: GenesisDigest, validators: &ValidatorSet) -> bool {
        validators.key(self.offender()).is_some_and(|key| self.signed_by(genesis, key))
    }

    /// Whether it convicts the owner of this key.
    #[must_use]
    pub fn signed_by(&self, genesis: GenesisDigest, key: &VerifyingKey) -> bool {
        // Made by `new`, it contradicts itself; read from the wire, it may not.
        Self::new(self.first, self.second).is_some()
            && self.first.signed_by(genesis, key)
            && self.second.signed_by(genesis, key)
    }

    /// The two votes.
    #[must_use]
    pub const fn votes(&self) -> (&Vote, &Vote) {
        (&self.first, &self.second)
    }

    /// Who signed both.
    #[must_use]
    pub const fn offender(&self) -> ValidatorIndex {
        self.first.signer
    }

    /// Epoch of both.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.first.epoch
    }

    /// View of both.
    #[must_use]
    pub const fn view(&self) -> View {
        self.first.view
    }

    /// Encodes the public form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::Evidence { first: Some(self.first.to_proto()), second: Some(self.second.to_proto()) }.encode_to_vec()
    }

    /// Reads the public form. The signatures are not checked: see [`Evidence::verify`].
    ///
    /// # Errors
    /// Anything that is not the canonical encoding of two votes that contradict each other.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Evidence = canonical("evidence", raw, limits::EVIDENCE_BYTES)?;
        let (Some(first), Some(second)) = (m.first, m.second) else {
            return Err(DecodeError::field("evidence", "two votes are needed", "须有两份投票"));
        };
        Self::new(Vote::from_proto(&first)?, Vote::from_proto(&second)?).ok_or_else(|| {
            DecodeError::field(
                "evidence",
                "not two contradictory votes of one validator in one view",
                "不是同一验证者在同一视图中相互矛盾的两份投票",
            )
        })
    }
}

/// Whether no correct validator signs both in one view.
#[must_use]
pub fn contradict(a: &Statement, b: &Statement) -> bool {
    match (a, b) {
        (Statement::Notarize { block: x }, Statement::Notarize { block: y } | Statement::Finalize { block: y, .. })
        | (Statement::Finalize { block: x, .. }, Statement::Notarize { block: y }) => x != y,
        (Statement::Finalize { .. }, Statement::Finalize { .. }) => a != b,
        (Statement::Nullify, Statement::Finalize { .. }) | (Statement::Finalize { .. }, Statement::Nullify) => true,
        (Statement::Nullify, Statement::Nullify | Statement::Notarize { .. })
        | (Statement::Notarize { .. }, Statement::Nullify) => false,
    }
}
