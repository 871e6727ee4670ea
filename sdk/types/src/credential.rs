//! 电子证照 (GB/T 36901 to 36905-2018): operations, rows and events, checked.

use crate::codes::{CertificateId, Division};
use crate::decode::{count, fixed, text};
use crate::{DecodeError, limits, proto};
use hnchain_crypto::Digest;
use proto::credential_operation::Kind;
use serde::Serialize;

mod row;
pub use row::{
    CertificateTypeRow, Credential, HOLDER_MARK, State, Status, certificate_type_key, credential_key, history_key,
    history_prefix, holder_key, holder_prefix, row_hash,
};

/// An operation of this registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Operation {
    /// Issues version 001.
    Issue(Issue),
    /// 变更: issues the next version, which supersedes the one before.
    Change(Change),
    /// 暂扣: it is not valid until it is resumed.
    Suspend(Step),
    /// 恢复: ends a suspension.
    Resume(Resume),
    /// 吊销: ends it for good, as a sanction or because it should not have been issued.
    Revoke(Step),
    /// 注销: ends it for good, because it is not needed any more or its time is over.
    Cancel(Step),
}

/// Issues the first version of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// Its identifier (GB/T 36904-2018).
    pub id: CertificateId,
    /// Division that it is issued for; every later version keeps it.
    pub division: Division,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

/// Issues the next version of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The version until now.
    pub previous: CertificateId,
    /// The next version's identifier.
    pub id: CertificateId,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

/// The end of a suspension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resume {
    /// Of which certificate.
    pub id: CertificateId,
}

/// A change of state that has a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Of which certificate.
    pub id: CertificateId,
    /// Why. The registry refuses an empty one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a certificate says, as times and commitments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// 有效期起: first block time at which it is valid, milliseconds since the Unix epoch.
    pub valid_from_ms: u64,
    /// 有效期止: last block time at which it is valid; 0 for 长期.
    pub valid_until_ms: u64,
    /// Salted commitment to the holder (持证主体).
    pub holder: Digest,
    /// RFC 6962 root (SM3) over the sorted field commitments.
    pub fields_root: Digest,
    /// Number of fields, 1 to [`limits::CREDENTIAL_FIELDS`].
    pub fields_count: u32,
}

impl Content {
    fn from_proto(m: Option<&proto::CredentialContent>) -> Result<Self, DecodeError> {
        let m = m.ok_or_else(|| DecodeError::field("content", "missing", "缺失"))?;
        count("fields_count", m.fields_count as usize, 1, limits::CREDENTIAL_FIELDS)?;
        if m.valid_from_ms.max(m.valid_until_ms) > limits::TIME_MS {
            return Err(DecodeError::field("valid_until_ms", "after the year 9999", "晚于公元 9999 年"));
        }
        Ok(Self {
            valid_from_ms: m.valid_from_ms,
            valid_until_ms: m.valid_until_ms,
            holder: Digest(fixed("holder", &m.holder)?),
            fields_root: Digest(fixed("fields_root", &m.fields_root)?),
            fields_count: m.fields_count,
        })
    }

    fn to_proto(self) -> proto::CredentialContent {
        proto::CredentialContent {
            valid_from_ms: self.valid_from_ms,
            valid_until_ms: self.valid_until_ms,
            holder: self.holder.0.to_vec(),
            fields_root: self.fields_root.0.to_vec(),
            fields_count: self.fields_count,
        }
    }
}

impl Operation {
    /// The certificate that it is about; for a change, the one that it issues.
    #[must_use]
    pub const fn id(&self) -> &CertificateId {
        match self {
            Self::Issue(op) => &op.id,
            Self::Change(op) => &op.id,
            Self::Resume(op) => &op.id,
            Self::Suspend(op) | Self::Revoke(op) | Self::Cancel(op) => &op.id,
        }
    }

    /// One line for people, in Chinese or in English.
    #[must_use]
    pub fn summary(&self, chinese: bool) -> String {
        let (zh, en, step) = match self {
            Self::Issue(op) => return format!("{} {}", if chinese { "颁发证照" } else { "issue certificate" }, op.id),
            Self::Change(op) => {
                let verb = if chinese { "变更证照" } else { "change certificate" };
                return format!("{verb} {} → {}", op.previous, op.id);
            }
            Self::Resume(op) => {
                return format!("{} {}", if chinese { "恢复证照" } else { "resume certificate" }, op.id);
            }
            Self::Suspend(op) => ("暂扣证照", "suspend certificate", op),
            Self::Revoke(op) => ("吊销证照", "revoke certificate", op),
            Self::Cancel(op) => ("注销证照", "cancel certificate", op),
        };
        let verb = if chinese { zh } else { en };
        match (step.reason.as_str(), chinese) {
            ("", _) => format!("{verb} {}", step.id),
            (reason, true) => format!("{verb} {}：{reason}", step.id),
            (reason, false) => format!("{verb} {}: {reason}", step.id),
        }
    }

    /// The message that a transaction carries.
    #[must_use]
    pub fn to_proto(&self) -> proto::operation::Kind {
        let id = |id: &CertificateId| id.as_str().to_owned();
        let kind = match self {
            Self::Issue(op) => Kind::Issue(proto::IssueCredential {
                id: id(&op.id),
                division: op.division.to_string(),
                content: Some(op.content.to_proto()),
            }),
            Self::Change(op) => Kind::Change(proto::ChangeCredential {
                previous: id(&op.previous),
                id: id(&op.id),
                content: Some(op.content.to_proto()),
            }),
            Self::Suspend(op) => Kind::Suspend(proto::SuspendCredential { id: id(&op.id), reason: op.reason.clone() }),
            Self::Resume(op) => Kind::Resume(proto::ResumeCredential { id: id(&op.id) }),
            Self::Revoke(op) => Kind::Revoke(proto::RevokeCredential { id: id(&op.id), reason: op.reason.clone() }),
            Self::Cancel(op) => Kind::Cancel(proto::CancelCredential { id: id(&op.id), reason: op.reason.clone() }),
        };
        proto::operation::Kind::Credential(proto::CredentialOperation { kind: Some(kind) })
    }

    pub(crate) fn from_proto(m: proto::CredentialOperation) -> Result<Self, DecodeError> {
        match m.kind {
            Some(Kind::Issue(m)) => Ok(Self::Issue(Issue {
                id: certificate_id("id", &m.id)?,
                division: division(&m.division)?,
                content: Content::from_proto(m.content.as_ref())?,
            })),
            Some(Kind::Change(m)) => Ok(Self::Change(Change {
                previous: certificate_id("previous", &m.previous)?,
                id: certificate_id("id", &m.id)?,
                content: Content::from_proto(m.content.as_ref())?,
            })),
            Some(Kind::Suspend(m)) => step(&m.id, m.reason).map(Self::Suspend),
            Some(Kind::Resume(m)) => Ok(Self::Resume(Resume { id: certificate_id("id", &m.id)? })),
            Some(Kind::Revoke(m)) => step(&m.id, m.reason).map(Self::Revoke),
            Some(Kind::Cancel(m)) => step(&m.id, m.reason).map(Self::Cancel),
            None => Err(DecodeError::field("credential", "unknown or missing kind", "未知或缺失的操作类别")),
        }
    }
}

fn step(id: &str, reason: String) -> Result<Step, DecodeError> {
    if !reason.is_empty() {
        text("reason", &reason, limits::REASON_BYTES)?;
    }
    Ok(Step { id: certificate_id("id", id)?, reason })
}

fn certificate_id(field: &'static str, s: &str) -> Result<CertificateId, DecodeError> {
    s.parse().map_err(|e| DecodeError::code_in(field, &e))
}

fn division(s: &str) -> Result<Division, DecodeError> {
    s.parse().map_err(|e| DecodeError::code_in("division", &e))
}

/// 证照类型代码 (GB/T 36902-2018): 21 characters of 0–9 A–Z.
pub(crate) fn type_code(field: &'static str, s: &str) -> Result<(), DecodeError> {
    if s.len() == 21 && s.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(DecodeError::field(field, "21 characters of 0-9 A-Z are needed", "须为 21 个 0-9 A-Z 字符"))
}

/// An event as JSON, for programs.
#[must_use]
pub fn event_json(m: &proto::CredentialChanged) -> serde_json::Value {
    let superseded = (!m.superseded.is_empty()).then_some(&m.superseded);
    serde_json::json!({
        "id": m.id, "sequence": m.sequence, "state": State::read(m.state).ok(), "superseded": superseded,
    })
}

/// Checks an event.
pub(crate) fn check_event(m: &proto::CredentialChanged) -> Result<(), DecodeError> {
    certificate_id("id", &m.id)?;
    row::sequence(m.sequence)?;
    State::read(m.state)?;
    if !m.superseded.is_empty() {
        certificate_id("superseded", &m.superseded)?;
    }
    Ok(())
}
