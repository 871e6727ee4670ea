//! Changes that organizations make together, checked; and the [rows](EpochRow) that governance leaves in the state.

use crate::decode::{count, fixed, name, text};
use crate::genesis::{Organization, possession};
use crate::{DecodeError, TxId, limits, proto};
use hnchain_crypto::{Digest, PublicKey, SecretKey, Signature};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod members;
mod rows;
mod thresholds;
pub use members::{Appointment, CertificateTypeChange, ParametersChange, Revocation, SignerRotation};
pub use rows::{
    Approval, Enactment, EpochRow, EvidenceRow, Proposal, VALIDATORS_KEY, epoch_key, evidence_key, proposal_key,
};
pub use thresholds::{ChangeKind, Threshold, Thresholds, ThresholdsChange};

/// Puts a change to the vote of the organizations that run validators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposeChange {
    /// What is to change.
    pub change: Change,
    /// Why.
    pub reason: String,
}

/// What governance can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The validator set.
    Validators(ValidatorsChange),
    /// Adds an organization, or gives one that exists other properties.
    Organization(Organization),
    /// Gives a key roles in an organization, or replaces those that it has.
    Appoint(Appointment),
    /// Moves a signer's roles to another key.
    RotateSigner(SignerRotation),
    /// Revokes a key for good; the proposal's reason says why.
    RevokeSigner(Revocation),
    /// Chain parameters.
    Parameters(ParametersChange),
    /// A type of 电子证照.
    CertificateType(CertificateTypeChange),
}

impl From<ValidatorsChange> for Change {
    fn from(change: ValidatorsChange) -> Self {
        Self::Validators(change)
    }
}

impl Change {
    /// What decides how many organizations have to approve.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Validators(_) => ChangeKind::Validators,
            Self::Organization(_) => ChangeKind::Organizations,
            // Whoever makes administrators makes approvals: that must not need fewer than what they approve.
            Self::Appoint(a) if a.makes_administrator() => ChangeKind::Parameters,
            Self::RotateSigner(_) | Self::Parameters(_) => ChangeKind::Parameters,
            Self::Appoint(_) | Self::RevokeSigner(_) => ChangeKind::Signers,
            Self::CertificateType(_) => ChangeKind::CertificateTypes,
        }
    }

    fn from_proto(m: proto::propose_change::Change) -> Result<Self, DecodeError> {
        use proto::propose_change::Change as M;
        Ok(match m {
            M::Validators(m) => Self::Validators(ValidatorsChange::from_proto(m)?),
            M::Organization(m) => Self::Organization(members::organization(m)?),
            M::Appoint(m) => Self::Appoint(Appointment::from_proto(m)?),
            M::Rotate(m) => Self::RotateSigner(SignerRotation::from_proto(&m)?),
            M::Revoke(m) => Self::RevokeSigner(Revocation::from_proto(&m)?),
            M::Parameters(m) => Self::Parameters(ParametersChange::from_proto(m)?),
            M::CertificateType(m) => Self::CertificateType(CertificateTypeChange::from_proto(m)?),
        })
    }

    fn to_proto(&self) -> proto::propose_change::Change {
        use proto::propose_change::Change as M;
        match self {
            Self::Validators(change) => M::Validators(change.to_proto()),
            Self::Organization(o) => M::Organization(members::organization_to_proto(o)),
            Self::Appoint(change) => M::Appoint(change.to_proto()),
            Self::RotateSigner(change) => M::Rotate(change.to_proto()),
            Self::RevokeSigner(change) => M::Revoke(change.to_proto()),
            Self::Parameters(change) => M::Parameters(change.to_proto()),
            Self::CertificateType(change) => M::CertificateType(change.to_proto()),
        }
    }
}

/// Approves a proposal for the signer's organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ApproveChange {
    /// The transaction that proposed it.
    pub proposal: TxId,
}

/// A change of the validator set. At least one key is named, and each only once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidatorsChange {
    /// They follow the present validators, in this order.
    pub join: Vec<Join>,
    /// They leave.
    pub leave: Vec<PublicKey>,
    /// They get another key and keep their place.
    pub rotate: Vec<Rotation>,
}

/// A validator that joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Its key.
    pub public_key: PublicKey,
    /// Organization that runs it.
    pub organization: String,
    /// Signature over [`possession_digest`](crate::genesis::possession_digest).
    pub possession: Signature,
}

/// Another key for a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The key until now.
    pub old: PublicKey,
    /// The key from the next epoch on.
    pub new: PublicKey,
    /// Signature by the new key over [`possession_digest`](crate::genesis::possession_digest).
    pub possession: Signature,
}

impl Join {
    /// Proves possession of a key for an organization of a chain.
    #[must_use]
    pub fn new(chain_id: &str, organization: &str, key: &SecretKey) -> Self {
        Self {
            public_key: key.public_key(),
            organization: organization.to_owned(),
            possession: possession(chain_id, organization, key),
        }
    }
}

impl Rotation {
    /// Proves possession of the new key for the organization of the old one.
    #[must_use]
    pub fn new(chain_id: &str, organization: &str, old: PublicKey, new: &SecretKey) -> Self {
        Self { old, new: new.public_key(), possession: possession(chain_id, organization, new) }
    }
}

impl ValidatorsChange {
    /// Keys that the set would have and lacks now, with the proofs that somebody holds them.
    pub fn newcomers(&self) -> impl Iterator<Item = (&PublicKey, &Signature)> {
        let join = self.join.iter().map(|j| (&j.public_key, &j.possession));
        join.chain(self.rotate.iter().map(|r| (&r.new, &r.possession)))
    }

    fn check(self) -> Result<Self, DecodeError> {
        let named = self.join.len() + self.leave.len() + 2 * self.rotate.len();
        count("validators", named, 1, 2 * limits::VALIDATORS)?;
        let newcomers = self.newcomers().map(|(key, _)| key);
        let keys: BTreeSet<_> = newcomers.chain(&self.leave).chain(self.rotate.iter().map(|r| &r.old)).collect();
        if keys.len() != named {
            return Err(DecodeError::field("validators", "a key is named twice", "公钥重复"));
        }
        self.join.iter().try_for_each(|j| name("organization", &j.organization))?;
        Ok(self)
    }

    fn from_proto(m: proto::ValidatorsChange) -> Result<Self, DecodeError> {
        let join = |j: proto::JoinValidator| {
            Ok(Join {
                public_key: key("public_key", &j.public_key)?,
                organization: j.organization,
                possession: Signature(fixed("possession", &j.possession)?),
            })
        };
        let rotation = |r: &proto::RotateValidator| {
            Ok(Rotation {
                old: key("old", &r.old)?,
                new: key("new", &r.new)?,
                possession: Signature(fixed("possession", &r.possession)?),
            })
        };
        Self {
            join: m.join.into_iter().map(join).collect::<Result<_, DecodeError>>()?,
            leave: m.leave.iter().map(|k| key("leave", k)).collect::<Result<_, _>>()?,
            rotate: m.rotate.iter().map(rotation).collect::<Result<_, DecodeError>>()?,
        }
        .check()
    }

    fn to_proto(&self) -> proto::ValidatorsChange {
        let join = |j: &Join| proto::JoinValidator {
            public_key: j.public_key.as_bytes().to_vec(),
            organization: j.organization.clone(),
            possession: j.possession.0.to_vec(),
        };
        let rotation = |r: &Rotation| proto::RotateValidator {
            old: r.old.as_bytes().to_vec(),
            new: r.new.as_bytes().to_vec(),
            possession: r.possession.0.to_vec(),
        };
        proto::ValidatorsChange {
            join: self.join.iter().map(join).collect(),
            leave: self.leave.iter().map(|k| k.as_bytes().to_vec()).collect(),
            rotate: self.rotate.iter().map(rotation).collect(),
        }
    }
}

impl ProposeChange {
    pub(crate) fn from_proto(m: proto::ProposeChange) -> Result<Self, DecodeError> {
        text("reason", &m.reason, limits::REASON_BYTES)?;
        let Some(change) = m.change else {
            return Err(DecodeError::field("change", "unknown or missing kind", "未知或缺失的变更类别"));
        };
        Ok(Self { change: Change::from_proto(change)?, reason: m.reason })
    }

    pub(crate) fn to_proto(&self) -> proto::ProposeChange {
        proto::ProposeChange { reason: self.reason.clone(), change: Some(self.change.to_proto()) }
    }
}

impl ApproveChange {
    pub(crate) fn from_proto(m: &proto::ApproveChange) -> Result<Self, DecodeError> {
        Ok(Self { proposal: transaction("proposal", &m.proposal)? })
    }
}

fn key(field: &'static str, bytes: &[u8]) -> Result<PublicKey, DecodeError> {
    PublicKey::from_bytes(bytes).map_err(|e| DecodeError::key_in(field, e))
}

fn transaction(field: &'static str, bytes: &[u8]) -> Result<TxId, DecodeError> {
    Ok(TxId(Digest(fixed(field, bytes)?)))
}
