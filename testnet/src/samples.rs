//! The sample documents of `testnet/data`: 电子证照, 不动产 registration extracts and produce batches.
//!
//! People, firms and their codes are invented; check digits, unit codes and identifiers follow the standards. GS1 codes
//! use the prefix 952, which GS1 keeps for demonstrations.

use serde_json::Value;
use std::fmt;

/// What a sample is about; its text is the registry namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 电子证照 (GB/T 36903-2018 fields).
    Certificate,
    /// 不动产 registration extract.
    Realty,
    /// 农产品 batch.
    Trace,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Certificate, Self::Realty, Self::Trace];

    /// Registry namespace.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Realty => "realty",
            Self::Trace => "trace",
        }
    }

    /// Name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Certificate => "电子证照",
            Self::Realty => "不动产登记",
            Self::Trace => "农产品溯源",
        }
    }

    /// Field of the document that holds the record id.
    const fn id_field(self) -> &'static str {
        match self {
            Self::Certificate => "证照标识",
            Self::Realty => "登记证号",
            Self::Trace => "批次代码",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.namespace())
    }
}

/// One sample document.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its kind.
    pub kind: Kind,
    /// File name, for example `001-business-licence.json`.
    pub file: &'static str,
    /// Record id: 证照标识, 登记证号 or 批次代码.
    pub id: String,
    /// The exact bytes that are committed to.
    pub bytes: &'static [u8],
    /// The same, read.
    pub document: Value,
}

/// A sample that is not what a sample has to be.
#[derive(Debug, thiserror::Error)]
#[error("sample {file}: {why}")]
pub struct SampleError {
    file: String,
    why: String,
}

static FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// Every sample, by kind and file name.
///
/// # Errors
/// A file that is not JSON or lacks its identifier; a test keeps the committed ones sound.
pub fn all() -> Result<Vec<Sample>, SampleError> {
    FILES.iter().map(|(folder, file, bytes)| read(folder, file, bytes)).collect()
}

fn read(folder: &str, file: &'static str, bytes: &'static [u8]) -> Result<Sample, SampleError> {
    let error = |why: String| SampleError { file: format!("{folder}/{file}"), why };
    let kind = Kind::ALL.into_iter().find(|k| k.namespace() == folder).ok_or_else(|| error("unknown kind".into()))?;
    let document: Value = serde_json::from_slice(bytes).map_err(|e| error(e.to_string()))?;
    let id = document
        .get(kind.id_field())
        .and_then(Value::as_str)
        .ok_or_else(|| error(format!("{} is missing", kind.id_field())))?
        .to_owned();
    Ok(Sample { kind, file, id, bytes, document })
}
