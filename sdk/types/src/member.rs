//! State rows of membership, checked: organizations, signers and parameters.

use crate::codes::{CreditCode, Division};
use crate::credential::type_code;
use crate::decode::{canonical, count, fixed, name, text};
use crate::genesis::{Registry, Role};
use crate::governance::Thresholds;
use crate::{DecodeError, TxId, limits, proto};
use hnchain_crypto::{Digest, PublicKey, Tag};
use serde::Serialize;
use std::fmt;

/// Key of the row of the chain's parameters.
pub const PARAMETERS_KEY: &str = "params";
/// Beginning of the keys of organizations' rows.
pub const ORGANIZATIONS: &str = "org/";
/// Beginning of the keys of signers' rows.
pub const SIGNERS: &str = "signer/";
/// Beginning of the keys of older rows of both.
pub const HISTORY: &str = "member-history/";

/// Key of an organization's row.
#[must_use]
pub fn organization_key(id: &str) -> String {
    format!("{ORGANIZATIONS}{id}")
}

/// Key of a signer's row.
#[must_use]
pub fn signer_key(key: &PublicKey) -> String {
    format!("{SIGNERS}{}", key.fingerprint())
}

/// Key of an older row of an organization or a signer, whose present one has `key`.
#[must_use]
pub fn history_key(key: &str, revision: u64) -> String {
    format!("{HISTORY}{key}/{revision}")
}

/// Key of the row that says which organization has a 统一社会信用代码.
#[must_use]
pub fn credit_code_key(code: &str) -> String {
    format!("credit-code/{code}")
}

/// Key of the row that lists an organization's administrators.
#[must_use]
pub fn administrators_key(organization: &str) -> String {
    format!("administrators/{organization}")
}

/// What a registrar is bound to: of 电子证照 a type code, of the other registries a word of theirs.
pub(crate) fn check_subject(registry: Registry, field: &'static str, subject: &str) -> Result<(), DecodeError> {
    match registry {
        Registry::Certificate => type_code(field, subject),
        Registry::Realty | Registry::Trace => name(field, subject),
    }
}

/// What a row names as its `previous`: SM3 of the encoded row before under tag `hnchain/member/1`.
#[must_use]
pub fn row_hash(raw: &[u8]) -> Digest {
    Tag::Member.hash(&[raw])
}

/// A role as rows and changes have it.
#[must_use]
pub fn role_to_proto(role: &Role) -> proto::Role {
    use proto::RoleKind as Kind;
    let of = |kind: Kind| proto::Role { kind: kind.into(), ..proto::Role::default() };
    let scope = |division: Option<Division>| division.map(|d| d.to_string()).unwrap_or_default();
    match role {
        Role::RegistryWriter { namespace } => proto::Role { namespace: namespace.clone(), ..of(Kind::RegistryWriter) },
        Role::Registrar { registry, subject, division } => proto::Role {
            namespace: registry.as_str().to_owned(),
            subject: subject.clone().unwrap_or_default(),
            division: scope(*division),
            ..of(Kind::Registrar)
        },
        Role::Court { division } => proto::Role { division: scope(*division), ..of(Kind::Court) },
        Role::Provider {} => of(Kind::Provider),
        Role::Gateway {} => of(Kind::Gateway),
        Role::Observer {} => of(Kind::Observer),
        Role::Auditor {} => of(Kind::Auditor),
        Role::Administrator {} => of(Kind::Administrator),
    }
}

/// Reads a role of any kind but a validator's.
///
/// # Errors
/// An unknown kind, a bound that the kind does not have, or one that is malformed.
pub fn role_from_proto(m: &proto::Role) -> Result<Role, DecodeError> {
    use proto::RoleKind as Kind;
    let division = || match m.division.as_str() {
        "" => Ok(None),
        code => code.parse().map(Some).map_err(|e| DecodeError::code_in("roles.division", &e)),
    };
    let role = match m.kind() {
        Kind::RegistryWriter => {
            if m.namespace != "*" {
                name("roles.namespace", &m.namespace)?;
            }
            Role::RegistryWriter { namespace: m.namespace.clone() }
        }
        Kind::Registrar => {
            let registry = Registry::ALL.into_iter().find(|r| r.as_str() == m.namespace);
            let registry =
                registry.ok_or_else(|| DecodeError::field("roles.namespace", "no such registry", "没有该登记簿"))?;
            let subject = if m.subject.is_empty() { None } else { Some(m.subject.clone()) };
            subject.iter().try_for_each(|s| check_subject(registry, "roles.subject", s))?;
            Role::Registrar { registry, subject, division: division()? }
        }
        Kind::Court => Role::Court { division: division()? },
        Kind::Provider => Role::Provider {},
        Kind::Gateway => Role::Gateway {},
        Kind::Observer => Role::Observer {},
        Kind::Auditor => Role::Auditor {},
        Kind::Administrator => Role::Administrator {},
        Kind::Unspecified | Kind::Validator => {
            return Err(DecodeError::field("roles.kind", "unknown or not given by a proposal", "未知或不能由提案授予"));
        }
    };
    if role_to_proto(&role) == *m {
        return Ok(role);
    }
    Err(DecodeError::field("roles", "a bound that this role does not have", "该角色没有此限定"))
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrganizationRow {
    /// Short id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// 统一社会信用代码.
    pub credit_code: String,
    /// GB/T 2260 division code.
    pub division: Division,
    /// Parent organization, absent at the root.
    pub parent: Option<String>,
    /// What changed it.
    #[serde(flatten)]
    pub origin: Origin,
}

/// How a row came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// How often it has changed; the row before is under [`history_key`] with this less one.
    pub revision: u64,
    /// The proposal that wrote it, or the last one that did where validators changed since; absent from the genesis.
    pub proposal: Option<TxId>,
    /// [`row_hash`] of the row before; absent in revision 0.
    pub previous: Option<Digest>,
}

impl Origin {
    fn read(revision: u64, proposal: &[u8], previous: &[u8]) -> Result<Self, DecodeError> {
        if (revision == 0) != previous.is_empty() {
            let en = "every revision but 0 names the row before";
            return Err(DecodeError::field("previous", en, "除第 0 版外，每一版须指明前一版"));
        }
        let digest = |field, bytes: &[u8]| match bytes {
            [] => Ok(None),
            bytes => fixed(field, bytes).map(|raw| Some(Digest(raw))),
        };
        Ok(Self {
            revision,
            proposal: digest("proposal", proposal)?.map(TxId),
            previous: digest("previous", previous)?,
        })
    }
}

impl OrganizationRow {
    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of an organization.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Organization = canonical("organization", raw, limits::MEMBER_ROW_BYTES)?;
        name("id", &m.id)?;
        text("name", &m.name, limits::ORGANIZATION_NAME_BYTES)?;
        m.credit_code.parse::<CreditCode>().map_err(|e| DecodeError::code_in("credit_code", &e))?;
        let parent = if m.parent.is_empty() { None } else { Some(m.parent) };
        parent.iter().try_for_each(|p| name("parent", p))?;
        Ok(Self {
            id: m.id,
            name: m.name,
            credit_code: m.credit_code,
            division: m.division.parse().map_err(|e| DecodeError::code_in("division", &e))?,
            parent,
            origin: Origin::read(m.revision, &m.proposal, &m.previous)?,
        })
    }
}

/// A signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerRow {
    /// Its key.
    pub public_key: PublicKey,
    /// Its organization.
    pub organization: String,
    /// What it may do, besides being a validator.
    pub roles: Vec<Role>,
    /// Whether it is in the validator set.
    pub validator: bool,
    /// First block time at which it may act, 0 = no bound.
    pub valid_from_ms: u64,
    /// Last block time at which it may act, 0 = no bound.
    pub valid_until_ms: u64,
    /// Block time of its revocation, 0 = none.
    pub revoked_ms: u64,
    /// Block time from which it may join no validator set, 0 = no bar.
    pub barred_ms: u64,
    /// The key that took its place.
    pub successor: Option<PublicKey>,
    /// What changed it.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Whether a signer may act at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// It may.
    InForce,
    /// Its validity has not begun.
    NotYet,
    /// Its validity has ended.
    Expired,
    /// It was revoked.
    Revoked,
}

impl Force {
    /// Of a validity and a revocation (0 = no bound, none), at a block time.
    #[must_use]
    pub const fn at(time_ms: u64, valid_from_ms: u64, valid_until_ms: u64, revoked_ms: u64) -> Self {
        if revoked_ms != 0 && time_ms >= revoked_ms {
            Self::Revoked
        } else if time_ms < valid_from_ms {
            Self::NotYet
        } else if valid_until_ms != 0 && time_ms > valid_until_ms {
            Self::Expired
        } else {
            Self::InForce
        }
    }

    /// In Chinese; the English words are its `Display`.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::InForce => "有效",
            Self::NotYet => "未生效",
            Self::Expired => "已过期",
            Self::Revoked => "已吊销",
        }
    }
}

impl fmt::Display for Force {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InForce => "in force",
            Self::NotYet => "not yet",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

impl SignerRow {
    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a signer.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Signer = canonical("signer", raw, limits::MEMBER_ROW_BYTES)?;
        name("organization", &m.organization)?;
        count("roles", m.roles.len(), 0, limits::ROLES + 1)?;
        let key = |field, bytes: &[u8]| PublicKey::from_bytes(bytes).map_err(|e| DecodeError::key_in(field, e));
        let is_validator = |r: &&proto::Role| r.kind() == proto::RoleKind::Validator;
        let others = m.roles.iter().filter(|r| !is_validator(r));
        Ok(Self {
            public_key: key("public_key", &m.public_key)?,
            roles: others.map(role_from_proto).collect::<Result<_, _>>()?,
            validator: m.roles.iter().any(|r| is_validator(&r)),
            organization: m.organization,
            valid_from_ms: m.valid_from_ms,
            valid_until_ms: m.valid_until_ms,
            revoked_ms: m.revoked_ms,
            barred_ms: m.barred_ms,
            successor: if m.successor.is_empty() { None } else { Some(key("successor", &m.successor)?) },
            origin: Origin::read(m.revision, &m.proposal, &m.previous)?,
        })
    }

    /// Whether it may act at a block time.
    #[must_use]
    pub const fn force(&self, time_ms: u64) -> Force {
        Force::at(time_ms, self.valid_from_ms, self.valid_until_ms, self.revoked_ms)
    }
}

/// The chain parameters that proposals change, as the row says them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Governing {
    /// Whether a validator that is convicted of contradictory votes leaves the validator set at once.
    pub suspend_equivocators: bool,
    /// How long a proposal can be approved, milliseconds.
    pub proposal_open_ms: u64,
    /// How many organizations have to approve.
    pub thresholds: Thresholds,
}

impl Governing {
    /// Reads an encoded row of parameters.
    ///
    /// # Errors
    /// Anything that is not a canonical row of parameters.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        Self::read(canonical("parameters", raw, limits::MEMBER_ROW_BYTES)?)
    }

    /// Reads a row of parameters.
    ///
    /// # Errors
    /// No thresholds, or such as cannot be.
    pub fn read(m: proto::Parameters) -> Result<Self, DecodeError> {
        let thresholds = m.thresholds.ok_or_else(|| DecodeError::field("thresholds", "missing", "缺失"))?;
        Ok(Self {
            suspend_equivocators: m.suspend_equivocators,
            proposal_open_ms: m.proposal_open_ms,
            thresholds: Thresholds::from_proto(thresholds)?,
        })
    }
}
