//! A record's row, checked.

use hnchain_crypto::Digest;
use hnchain_types::transaction::RecordKey;
use hnchain_types::{Height, TxId, proto};
use prost::Message;
use serde::Serialize;

/// Prefix of a record's key in the state.
const PREFIX: &str = "anchor/";
/// Largest row of a record: a namespace, an id and a reason of full length leave room.
pub const ROW_BYTES: usize = 1024;

/// Whether a record is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In force.
    Active,
    /// Ended by its organization.
    Revoked,
}

/// A version of a record as the state holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// Its namespace, for example `certificate`.
    pub namespace: String,
    /// Its id within the namespace.
    pub id: String,
    /// Its version, from 1.
    pub version: u64,
    /// Salted commitment to the document, or the root of a batch.
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
    /// Hash of the previous version's row, under tag `hnchain/anchor/1`; none for version 1.
    pub previous: Option<Digest>,
    /// Why it was revoked; empty while it is in force.
    pub reason: String,
}

/// A row that is not a record's, or not of the record asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not the canonical encoding of a record.
    #[error("the row is not the canonical encoding of a record: {0}")]
    Malformed(String),
    /// A field breaks its rule.
    #[error("the row's {0} breaks its rule")]
    Field(&'static str),
    /// Another record.
    #[error("the row is of {found}, not of {wanted}")]
    Other {
        /// The record of the row.
        found: String,
        /// The record asked for.
        wanted: String,
    },
}

/// Reads a record's key from a readable state key.
#[must_use]
pub fn key_of(state_key: &str) -> Option<RecordKey> {
    let (namespace, id) = state_key.strip_prefix(PREFIX)?.split_once('/')?;
    RecordKey::new(namespace, id).ok()
}

impl RecordView {
    /// Reads a row and checks that it is the record's.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn decode(row: &[u8], key: &RecordKey) -> Result<Self, RecordError> {
        if row.len() > ROW_BYTES {
            return Err(RecordError::Malformed(format!("{} bytes, at most {ROW_BYTES}", row.len())));
        }
        let m = proto::Record::decode(row).map_err(|e| RecordError::Malformed(e.to_string()))?;
        if m.encode_to_vec() != row {
            return Err(RecordError::Malformed("unknown fields, or defaults written out".to_owned()));
        }
        if m.namespace != key.namespace() || m.id != key.id() {
            let wanted = format!("{}/{}", key.namespace(), key.id());
            return Err(RecordError::Other { found: format!("{}/{}", m.namespace, m.id), wanted });
        }
        let status = match m.status() {
            proto::RecordStatus::Active if m.reason.is_empty() => Status::Active,
            proto::RecordStatus::Revoked if !m.reason.is_empty() && m.version > 1 => Status::Revoked,
            _ => return Err(RecordError::Field("status")),
        };
        let previous =
            if m.version == 1 && m.previous.is_empty() { None } else { Some(digest("previous", &m.previous)?) };
        // Field numbers are kept, so a version 1 with a previous row, or height 0, is caught here.
        if m.version == 0 || (m.version == 1) != previous.is_none() || m.height == 0 {
            return Err(RecordError::Field("version or height"));
        }
        Ok(Self {
            commitment: digest("commitment", &m.commitment)?,
            transaction: TxId(digest("transaction_id", &m.transaction_id)?),
            namespace: m.namespace,
            id: m.id,
            version: m.version,
            batch_size: m.batch_size,
            status,
            organization: m.organization,
            height: Height(m.height),
            time_ms: m.time_ms,
            previous,
            reason: m.reason,
        })
    }
}

fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, RecordError> {
    Digest::try_from(bytes).map_err(|_| RecordError::Field(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> RecordKey {
        RecordKey::new("certificate", "a/b").expect("valid")
    }

    fn row() -> proto::Record {
        proto::Record {
            namespace: "certificate".to_owned(),
            id: "a/b".to_owned(),
            version: 2,
            commitment: vec![1; 32],
            status: proto::RecordStatus::Active.into(),
            organization: "henan".to_owned(),
            height: 3,
            time_ms: 4,
            transaction_id: vec![2; 32],
            previous: vec![3; 32],
            ..proto::Record::default()
        }
    }

    #[test]
    fn keys_round_trip_and_ids_may_hold_slashes() {
        assert_eq!(key_of("anchor/certificate/a/b"), Some(key()));
        assert_eq!(key_of(&key().state_key()), Some(key()));
        for other in ["anchor/certificate", "anchor/certificate/", "anchor//a", "history/certificate/a/1", "org/henan"]
        {
            assert_eq!(key_of(other), None, "{other}");
        }
    }

    #[test]
    fn each_field_keeps_its_rule() {
        assert!(RecordView::decode(&row().encode_to_vec(), &key()).is_ok());
        let broken: [fn(&mut proto::Record); 11] = [
            |r| r.id = "a".to_owned(),
            |r| r.namespace = "realty".to_owned(),
            |r| r.version = 0,
            |r| r.version = 1,
            |r| r.commitment.truncate(31),
            |r| r.status = 0,
            |r| r.status = 3,
            |r| r.reason = "why".to_owned(),
            |r| r.status = proto::RecordStatus::Revoked.into(),
            |r| r.height = 0,
            |r| r.previous.clear(),
        ];
        for (i, change) in broken.iter().enumerate() {
            let mut r = row();
            change(&mut r);
            assert!(RecordView::decode(&r.encode_to_vec(), &key()).is_err(), "change {i}");
        }
    }

    #[test]
    fn a_row_with_an_unknown_field_is_refused() {
        let mut bytes = row().encode_to_vec();
        bytes.extend([0xa0, 0x06, 1]);
        assert!(matches!(RecordView::decode(&bytes, &key()), Err(RecordError::Malformed(_))));
    }
}
