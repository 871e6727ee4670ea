//! Changes of organizations, signers, parameters and certificate types, checked.

use super::{ThresholdsChange, key};
use crate::codes::{CreditCode, Division};
use crate::decode::{count, fixed, name, text};
use crate::genesis::{Organization, Role, possession};
use crate::member::{role_from_proto, role_to_proto};
use crate::{DecodeError, limits, proto};
use hnchain_crypto::{PublicKey, SecretKey, Signature};
use serde::{Deserialize, Serialize};

/// Gives a key roles in an organization, or replaces those that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appointment {
    /// The key.
    pub public_key: PublicKey,
    /// Its organization.
    pub organization: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// First block time at which it may act, 0 = no bound.
    #[serde(default)]
    pub valid_from_ms: u64,
    /// Last block time at which it may act, 0 = no bound.
    #[serde(default)]
    pub valid_until_ms: u64,
    /// Signature over [`possession_digest`](crate::genesis::possession_digest).
    pub possession: Signature,
}

/// Moves a signer's roles and validity to another key and revokes the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerRotation {
    /// The key until now.
    pub old: PublicKey,
    /// The key from now on.
    pub new: PublicKey,
    /// Signature by the new key over [`possession_digest`](crate::genesis::possession_digest).
    pub possession: Signature,
}

/// Revokes a key for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The key.
    pub public_key: PublicKey,
}

/// Changes the chain parameters that are named, from the next block on.
///
/// Only these can change: the others (Δ, heartbeat, sizes, validity of transactions) are read from the genesis by every
/// node and stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParametersChange {
    /// Whether a validator that is convicted of contradictory votes leaves the validator set at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend_equivocators: Option<bool>,
    /// How long a proposal can be approved, milliseconds. Those that are open keep their time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_open_ms: Option<u64>,
    /// Thresholds.
    #[serde(skip_serializing_if = "ThresholdsChange::is_empty")]
    pub thresholds: ThresholdsChange,
}

/// Adds a type of 电子证照, renames it, or ends its issue for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateTypeChange {
    /// 证照类型代码 (GB/T 36902-2018), 21 characters.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Whether no more are issued.
    #[serde(default)]
    pub retired: bool,
}

impl Appointment {
    /// Whether the signer may then propose and approve.
    #[must_use]
    pub fn makes_administrator(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, Role::Administrator {}))
    }

    /// Proves possession of a key for an organization of a chain. Without bounds of its validity.
    #[must_use]
    pub fn new(chain_id: &str, organization: &str, key: &SecretKey, roles: Vec<Role>) -> Self {
        Self {
            public_key: key.public_key(),
            organization: organization.to_owned(),
            roles,
            valid_from_ms: 0,
            valid_until_ms: 0,
            possession: possession(chain_id, organization, key),
        }
    }

    pub(super) fn from_proto(m: proto::AppointSigner) -> Result<Self, DecodeError> {
        name("organization", &m.organization)?;
        count("roles", m.roles.len(), 1, limits::ROLES)?;
        if m.valid_until_ms != 0 && m.valid_until_ms < m.valid_from_ms {
            return Err(DecodeError::field("valid_until_ms", "before valid_from_ms", "早于 valid_from_ms"));
        }
        let roles: Vec<Role> = m.roles.iter().map(role_from_proto).collect::<Result<_, _>>()?;
        if (1..roles.len()).any(|i| roles[..i].contains(&roles[i])) {
            return Err(DecodeError::field("roles", "a role is given twice", "角色重复"));
        }
        Ok(Self {
            public_key: key("public_key", &m.public_key)?,
            organization: m.organization,
            roles,
            valid_from_ms: m.valid_from_ms,
            valid_until_ms: m.valid_until_ms,
            possession: Signature(fixed("possession", &m.possession)?),
        })
    }

    pub(super) fn to_proto(&self) -> proto::AppointSigner {
        proto::AppointSigner {
            public_key: self.public_key.as_bytes().to_vec(),
            organization: self.organization.clone(),
            roles: self.roles.iter().map(role_to_proto).collect(),
            valid_from_ms: self.valid_from_ms,
            valid_until_ms: self.valid_until_ms,
            possession: self.possession.0.to_vec(),
        }
    }
}

impl SignerRotation {
    /// Proves possession of the new key for the organization of the old one.
    #[must_use]
    pub fn new(chain_id: &str, organization: &str, old: PublicKey, new: &SecretKey) -> Self {
        Self { old, new: new.public_key(), possession: possession(chain_id, organization, new) }
    }

    pub(super) fn from_proto(m: &proto::RotateSigner) -> Result<Self, DecodeError> {
        let (old, new) = (key("old", &m.old)?, key("new", &m.new)?);
        if old == new {
            return Err(DecodeError::field("new", "the old key again", "与原公钥相同"));
        }
        Ok(Self { old, new, possession: Signature(fixed("possession", &m.possession)?) })
    }

    pub(super) fn to_proto(self) -> proto::RotateSigner {
        proto::RotateSigner {
            old: self.old.as_bytes().to_vec(),
            new: self.new.as_bytes().to_vec(),
            possession: self.possession.0.to_vec(),
        }
    }
}

impl Revocation {
    pub(super) fn from_proto(m: &proto::RevokeSigner) -> Result<Self, DecodeError> {
        Ok(Self { public_key: key("public_key", &m.public_key)? })
    }

    pub(super) fn to_proto(self) -> proto::RevokeSigner {
        proto::RevokeSigner { public_key: self.public_key.as_bytes().to_vec() }
    }
}

impl ParametersChange {
    pub(super) fn from_proto(m: proto::ParametersChange) -> Result<Self, DecodeError> {
        let named = m.thresholds.is_some();
        let change = Self {
            suspend_equivocators: m.suspend_equivocators,
            proposal_open_ms: m.proposal_open_ms,
            thresholds: m.thresholds.map(ThresholdsChange::from_proto).transpose()?.unwrap_or_default(),
        };
        if change == Self::default() || (named && change.thresholds.is_empty()) {
            return Err(DecodeError::field("parameters", "none is named", "未指明任何参数"));
        }
        if change.proposal_open_ms.is_some_and(|ms| !limits::PROPOSAL_OPEN_MS.contains(&ms)) {
            return Err(DecodeError::field("proposal_open_ms", "an hour to a year", "须为一小时至一年"));
        }
        Ok(change)
    }

    pub(super) fn to_proto(self) -> proto::ParametersChange {
        proto::ParametersChange {
            suspend_equivocators: self.suspend_equivocators,
            proposal_open_ms: self.proposal_open_ms,
            thresholds: (!self.thresholds.is_empty()).then(|| self.thresholds.to_proto()),
        }
    }
}

impl CertificateTypeChange {
    pub(super) fn from_proto(m: proto::CertificateTypeChange) -> Result<Self, DecodeError> {
        let character = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
        if m.code.len() != limits::CERTIFICATE_TYPE_BYTES || !m.code.bytes().all(character) {
            return Err(DecodeError::field("code", "21 of 0-9 A-Z are needed", "须为 21 个 0-9、A-Z 字符"));
        }
        text("name", &m.name, limits::ORGANIZATION_NAME_BYTES)?;
        Ok(Self { code: m.code, name: m.name, retired: m.retired })
    }

    pub(super) fn to_proto(&self) -> proto::CertificateTypeChange {
        proto::CertificateTypeChange { code: self.code.clone(), name: self.name.clone(), retired: self.retired }
    }
}

/// Checks the properties of an organization as a change has them.
pub(super) fn organization(m: proto::OrganizationChange) -> Result<Organization, DecodeError> {
    name("id", &m.id)?;
    text("name", &m.name, limits::ORGANIZATION_NAME_BYTES)?;
    m.credit_code.parse::<CreditCode>().map_err(|e| DecodeError::code_in("credit_code", &e))?;
    m.division.parse::<Division>().map_err(|e| DecodeError::code_in("division", &e))?;
    let parent = if m.parent.is_empty() { None } else { Some(m.parent) };
    parent.iter().try_for_each(|p| name("parent", p))?;
    Ok(Organization { id: m.id, name: m.name, credit_code: m.credit_code, division: m.division, parent })
}

pub(super) fn organization_to_proto(o: &Organization) -> proto::OrganizationChange {
    proto::OrganizationChange {
        id: o.id.clone(),
        name: o.name.clone(),
        credit_code: o.credit_code.clone(),
        division: o.division.clone(),
        parent: o.parent.clone().unwrap_or_default(),
    }
}
