//! The state row of an anchored record, checked: what proofs open.

use crate::decode::{canonical, fixed, name, text};
use crate::transaction::{RecordKey, batch_rule, version};
use crate::{DecodeError, Height, TxId, limits, proto};
use hnchain_crypto::{Digest, Tag};
use serde::Serialize;
use std::fmt;

/// One version of a record, as it stands in the state under [`RecordKey::state_key`].
///
/// Its serialized form is one flat object, for programs that read verdicts; the chain knows only the encoded row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Namespace and identifier.
    #[serde(flatten)]
    pub key: RecordKey,
    /// From 1.
    pub version: u64,
    /// Salted commitment to the plain record, or the root of a batch.
    pub commitment: Digest,
    /// Records under a batch root; 0 for a single record.
    pub batch_size: u64,
    /// Whether it is in force.
    pub status: Status,
    /// Organization that wrote this version.
    pub organization: String,
    /// Height of the block that wrote this version.
    pub height: Height,
    /// Certified time of that block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Transaction that wrote this version.
    pub transaction: TxId,
    /// [`row_hash`] of the previous version; absent in version 1.
    pub previous: Option<Digest>,
    /// Why it was revoked; absent while active.
    pub reason: Option<String>,
}

/// Whether a record is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In force.
    Active,
    /// Ended for good.
    Revoked,
}

impl Status {
    /// Reads the enum of the proto files.
    ///
    /// # Errors
    /// An unknown or unspecified value.
    pub fn read(value: i32) -> Result<Self, DecodeError> {
        match proto::RecordStatus::try_from(value) {
            Ok(proto::RecordStatus::Active) => Ok(Self::Active),
            Ok(proto::RecordStatus::Revoked) => Ok(Self::Revoked),
            _ => Err(DecodeError::field("status", "unknown value", "未知的状态")),
        }
    }

    /// In Chinese; the English word is its `Display`.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::Active => "有效",
            Self::Revoked => "已撤销",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
        })
    }
}

/// What the next version of a record names as its `previous`: SM3 of the encoded row under tag `hnchain/anchor/1`.
#[must_use]
pub fn row_hash(raw: &[u8]) -> Digest {
    Tag::Anchor.hash(&[raw])
}

impl Record {
    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a record: version 1 has no predecessor and every later one has, exactly
    /// a revoked record has a reason, and version 1 is not revoked.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Record = canonical("record", raw, limits::RECORD_BYTES)?;
        let status = Status::read(m.status)?;
        if m.batch_size > limits::BATCH_RECORDS {
            return Err(batch_rule());
        }
        name("organization", &m.organization)?;
        if m.height == 0 {
            return Err(DecodeError::field("height", "blocks start at height 1", "区块高度从 1 开始"));
        }
        if (m.version == 1) != m.previous.is_empty() {
            return Err(DecodeError::field(
                "previous",
                "every version but the first names the one before",
                "除首版外，每一版须指明前一版",
            ));
        }
        let previous = if m.version == 1 { None } else { Some(Digest(fixed("previous", &m.previous)?)) };
        Ok(Self {
            key: RecordKey::new(&m.namespace, &m.id)?,
            version: version(m.version)?,
            commitment: Digest(fixed("commitment", &m.commitment)?),
            batch_size: m.batch_size,
            status,
            organization: m.organization,
            height: Height(m.height),
            time_ms: m.time_ms,
            transaction: TxId(Digest(fixed("transaction_id", &m.transaction_id)?)),
            previous,
            reason: reason(status, m.version, m.reason)?,
        })
    }
}

fn reason(status: Status, version: u64, reason: String) -> Result<Option<String>, DecodeError> {
    match status {
        Status::Active if reason.is_empty() => Ok(None),
        Status::Active => Err(DecodeError::field("reason", "an active record has none", "有效的记录没有撤销原因")),
        Status::Revoked if version == 1 => {
            Err(DecodeError::field("status", "version 1 is not a revocation", "首版不能是撤销"))
        }
        Status::Revoked => {
            text("reason", &reason, limits::REASON_BYTES)?;
            Ok(Some(reason))
        }
    }
}
