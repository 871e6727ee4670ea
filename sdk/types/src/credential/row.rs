//! State rows of 电子证照, and what they say at a time.

use super::{Content, certificate_id, division, type_code};
use crate::codes::{CertificateId, Division};
use crate::decode::{canonical, fixed, name, text};
use crate::{DecodeError, Height, TxId, limits, proto};
use hnchain_crypto::{Digest, Tag};
use prost::Message;
use serde::Serialize;
use std::fmt;

/// Key of the current row of a version of a certificate.
#[must_use]
pub fn credential_key(id: &CertificateId) -> String {
    format!("certificate/{id}")
}

/// Beginning of the keys of a certificate's superseded rows.
#[must_use]
pub fn history_prefix(id: &CertificateId) -> String {
    format!("certificate-history/{id}/")
}

/// Key of the row of a certificate with a sequence number, once a later one has taken its place.
#[must_use]
pub fn history_key(id: &CertificateId, sequence: u64) -> String {
    format!("certificate-history/{id}/{sequence}")
}

/// Beginning of the keys of a holder's certificates.
#[must_use]
pub fn holder_prefix(holder: &Digest) -> String {
    format!("certificate-holder/{holder}/")
}

/// Key of the row that says that a certificate is, or was, of a holder. Its value is [`HOLDER_MARK`].
#[must_use]
pub fn holder_key(holder: &Digest, id: &CertificateId) -> String {
    format!("certificate-holder/{holder}/{id}")
}

/// Value of the rows under [`holder_key`]: the key says everything.
pub const HOLDER_MARK: &[u8] = &[1];

/// Key of the row of a type.
#[must_use]
pub fn certificate_type_key(code: &str) -> String {
    format!("certificate-type/{code}")
}

/// What the row that follows names as its `previous_row`: SM3 of the encoded row under tag `hnchain/credential/1`.
#[must_use]
pub fn row_hash(raw: &[u8]) -> Digest {
    Tag::Credential.hash(&[raw])
}

/// A version of a certificate, as it stands in the state under [`credential_key`] or [`history_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// Its identifier, version included.
    pub id: CertificateId,
    /// From 1; each change of the row adds 1.
    pub sequence: u64,
    /// Its state by the operations so far; time has a say too, see [`Credential::status_at`].
    pub state: State,
    /// Division that it was issued for.
    pub division: Division,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
    /// Version that this one supersedes; absent for version 001.
    pub previous_id: Option<CertificateId>,
    /// Version that supersedes this one; present exactly in state [`State::Superseded`].
    pub next_id: Option<CertificateId>,
    /// Why it is suspended, revoked or cancelled; absent in other states.
    pub reason: Option<String>,
    /// Organization that issued it.
    pub issuer: String,
    /// Organization that wrote this row: the issuer or one above it.
    pub organization: String,
    /// Height of the block that wrote this row.
    pub height: Height,
    /// Certified time of that block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Transaction that wrote this row.
    pub transaction: TxId,
    /// [`row_hash`] of the row that this one follows, which for the first row of a later version is the last row of the
    /// version before; absent in the first row of version 001.
    pub previous_row: Option<Digest>,
}

/// What operations made of a certificate. The words are those of 行政许可法 and GB/T 36905-2018.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// 有效.
    Valid,
    /// 暂扣.
    Suspended,
    /// 吊销: final.
    Revoked,
    /// 注销: final.
    Cancelled,
    /// 变更: another version took its place; final.
    Superseded,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Valid, Self::Suspended, Self::Revoked, Self::Cancelled, Self::Superseded];

    /// Whether nothing changes it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Revoked | Self::Cancelled | Self::Superseded)
    }

    /// Reads the enum of the proto files.
    ///
    /// # Errors
    /// An unknown or unspecified value.
    pub fn read(value: i32) -> Result<Self, DecodeError> {
        match proto::CredentialState::try_from(value) {
            Ok(proto::CredentialState::Valid) => Ok(Self::Valid),
            Ok(proto::CredentialState::Suspended) => Ok(Self::Suspended),
            Ok(proto::CredentialState::Revoked) => Ok(Self::Revoked),
            Ok(proto::CredentialState::Cancelled) => Ok(Self::Cancelled),
            Ok(proto::CredentialState::Superseded) => Ok(Self::Superseded),
            _ => Err(DecodeError::field("state", "unknown value", "未知的状态")),
        }
    }

    /// The enum of the proto files.
    #[must_use]
    pub const fn to_proto(self) -> proto::CredentialState {
        match self {
            Self::Valid => proto::CredentialState::Valid,
            Self::Suspended => proto::CredentialState::Suspended,
            Self::Revoked => proto::CredentialState::Revoked,
            Self::Cancelled => proto::CredentialState::Cancelled,
            Self::Superseded => proto::CredentialState::Superseded,
        }
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Valid => ("valid", "有效"),
            Self::Suspended => ("suspended", "暂扣"),
            Self::Revoked => ("revoked", "吊销"),
            Self::Cancelled => ("cancelled", "注销"),
            Self::Superseded => ("superseded", "已变更"),
        }
    }

    /// In Chinese; the English word is its `Display`.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        self.words().1
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words().0)
    }
}

/// What a certificate is at a time: its state, and the period that it is valid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 有效: it may be relied on.
    Valid,
    /// 未生效: its period has not begun.
    NotYet,
    /// 已过期: its period is over. A suspended certificate expires too.
    Expired,
    /// 暂扣.
    Suspended,
    /// 吊销.
    Revoked,
    /// 注销.
    Cancelled,
    /// 变更: another version took its place.
    Superseded,
}

impl Status {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Valid => ("valid", "有效"),
            Self::NotYet => ("not yet valid", "未生效"),
            Self::Expired => ("expired", "已过期"),
            Self::Suspended => State::Suspended.words(),
            Self::Revoked => State::Revoked.words(),
            Self::Cancelled => State::Cancelled.words(),
            Self::Superseded => State::Superseded.words(),
        }
    }

    /// In Chinese; the English words are its `Display`.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        self.words().1
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words().0)
    }
}

impl Credential {
    /// What it is at a certified block time (milliseconds since the Unix epoch), if this row is the current one then:
    /// what it was before [`Credential::time_ms`] says the row that stood there at that time.
    ///
    /// A final state comes first, then the end of the period, then a suspension, then its beginning. Both bounds of the
    /// period belong to it.
    #[must_use]
    pub const fn status_at(&self, time_ms: u64) -> Status {
        match self.state {
            State::Revoked => Status::Revoked,
            State::Cancelled => Status::Cancelled,
            State::Superseded => Status::Superseded,
            State::Valid | State::Suspended if self.expired_at(time_ms) => Status::Expired,
            State::Suspended => Status::Suspended,
            State::Valid if time_ms < self.content.valid_from_ms => Status::NotYet,
            State::Valid => Status::Valid,
        }
    }

    /// Whether its period is over at a certified block time.
    #[must_use]
    pub const fn expired_at(&self, time_ms: u64) -> bool {
        self.content.valid_until_ms != 0 && time_ms > self.content.valid_until_ms
    }

    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let id = |id: &Option<CertificateId>| id.as_ref().map(ToString::to_string).unwrap_or_default();
        proto::Credential {
            id: self.id.to_string(),
            sequence: self.sequence,
            state: self.state.to_proto().into(),
            division: self.division.to_string(),
            content: Some(self.content.to_proto()),
            previous_id: id(&self.previous_id),
            next_id: id(&self.next_id),
            reason: self.reason.clone().unwrap_or_default(),
            issuer: self.issuer.clone(),
            organization: self.organization.clone(),
            height: self.height.0,
            time_ms: self.time_ms,
            transaction_id: self.transaction.0.0.to_vec(),
            previous_row: self.previous_row.map(|h| h.0.to_vec()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a certificate: exactly version 001 has no predecessor, exactly a
    /// superseded row has a successor, exactly a suspended, revoked or cancelled one has a reason, and exactly the first
    /// row of version 001 follows no row.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Credential = canonical("credential", raw, limits::CREDENTIAL_BYTES)?;
        let (id, state) = (certificate_id("id", &m.id)?, State::read(m.state)?);
        name("issuer", &m.issuer)?;
        name("organization", &m.organization)?;
        if m.height == 0 {
            return Err(DecodeError::field("height", "blocks start at height 1", "区块高度从 1 开始"));
        }
        let sequence = sequence(m.sequence)?;
        let follows = sequence > 1 || id.version() > 1;
        Ok(Self {
            sequence,
            state,
            division: division(&m.division)?,
            content: Content::from_proto(m.content.as_ref())?,
            previous_id: neighbour("previous_id", &m.previous_id, id.version() > 1, &id, -1)?,
            next_id: neighbour("next_id", &m.next_id, state == State::Superseded, &id, 1)?,
            reason: reason(state, m.reason)?,
            issuer: m.issuer,
            organization: m.organization,
            height: Height(m.height),
            time_ms: m.time_ms,
            transaction: TxId(Digest(fixed("transaction_id", &m.transaction_id)?)),
            previous_row: match (follows, m.previous_row.as_slice()) {
                (false, []) => None,
                (false, _) => {
                    return Err(DecodeError::field("previous_row", "the first row has none", "首行没有前一行"));
                }
                (true, hash) => Some(Digest(fixed("previous_row", hash)?)),
            },
            id,
        })
    }
}

/// A version beside another: of the same type, issuer and serial.
fn neighbour(
    field: &'static str,
    given: &str,
    expected: bool,
    of: &CertificateId,
    step: i32,
) -> Result<Option<CertificateId>, DecodeError> {
    if !expected && given.is_empty() {
        return Ok(None);
    }
    let id = certificate_id(field, given)?;
    if expected && id.same_series(of) && i32::from(id.version()) == i32::from(of.version()) + step {
        return Ok(Some(id));
    }
    Err(DecodeError::field(field, "not the neighbouring version", "不是相邻的版本"))
}

pub(super) fn sequence(n: u64) -> Result<u64, DecodeError> {
    if n == 0 { Err(DecodeError::field("sequence", "rows are counted from 1", "序号从 1 开始")) } else { Ok(n) }
}

fn reason(state: State, reason: String) -> Result<Option<String>, DecodeError> {
    match state {
        State::Suspended | State::Revoked | State::Cancelled => {
            text("reason", &reason, limits::REASON_BYTES)?;
            Ok(Some(reason))
        }
        State::Valid | State::Superseded if reason.is_empty() => Ok(None),
        State::Valid | State::Superseded => Err(DecodeError::field("reason", "this state has none", "此状态没有原因")),
    }
}

/// A type of 电子证照 that may be issued on this chain (GB/T 36902-2018), under [`certificate_type_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateTypeRow {
    /// 证照类型代码, 21 characters.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Block time from which no more are issued, milliseconds since the Unix epoch; 0 while they are.
    pub retired_ms: u64,
}

impl CertificateTypeRow {
    /// Whether none is issued any more at a block time.
    #[must_use]
    pub const fn retired_at(&self, time_ms: u64) -> bool {
        self.retired_ms != 0 && time_ms >= self.retired_ms
    }

    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::CertificateType { code: self.code.clone(), name: self.name.clone(), retired_ms: self.retired_ms }
            .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a type.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::CertificateType = canonical("certificate type", raw, limits::CREDENTIAL_BYTES)?;
        type_code("code", &m.code)?;
        text("name", &m.name, limits::CERTIFICATE_TYPE_NAME_BYTES)?;
        Ok(Self { code: m.code, name: m.name, retired_ms: m.retired_ms })
    }
}
