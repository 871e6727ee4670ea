//! The fields of a certificate: salted commitments to each, one root over all, and openings of some (选择性披露).
//!
//! ```text
//! commitment = SM3(15 ‖ "hnchain/field/1" ‖ len(name) ‖ name ‖ len(value) ‖ value ‖ salt 16)
//! root       = RFC 6962 root (SM3) over the commitments, 32 bytes each, in ascending order
//! ```
//!
//! Lengths are four bytes, big-endian: without them `证照编号` = `1` and `证照` = `编号1` would have one commitment. The
//! chain holds the root and the number of fields; values and salts stay with the issuer and the holder. A salt is drawn
//! for each field of each certificate from the operating system's generator, so that nobody can try out values against a
//! disclosed path, and the order of the commitments tells nothing of the order of the names.
//!
//! # Example
//! ```
//! use hnchain_proof::fields::{Disclosure, Field, Fields};
//!
//! let fields = Fields::new(vec![
//!     Field::new("名称", "示例食品店", [1; 16])?,
//!     Field::new("经营者", "某某", [2; 16])?,
//!     Field::new("经营范围", "食品销售", [3; 16])?,
//! ])?;
//! let shown = fields.disclose(&["名称"])?.to_json();
//!
//! let read = Disclosure::from_json(&shown)?;
//! read.verify(&fields.root(), fields.count())?;
//! assert_eq!(read.fields().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(), ["名称=示例食品店"]);
//! # Ok::<(), hnchain_proof::fields::FieldsError>(())
//! ```

use crate::commitment::SALT_BYTES;
use hnchain_crypto::merkle::{InclusionProof, MerkleTree};
use hnchain_crypto::{Digest, Tag};
use hnchain_types::limits;
use hnchain_types::text::hidden;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest name, in bytes.
pub const NAME_BYTES: usize = 128;
/// Longest value, in bytes: 经营范围 is a few hundred characters.
pub const VALUE_BYTES: usize = 8 * 1024;
/// What a disclosure says of itself.
pub const FORMAT: &str = "hndisclosure/1";
/// Largest disclosure as JSON.
pub const JSON_BYTES: usize = 4 * 1024 * 1024;

/// Why fields or a disclosure of them are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// A name or a value that is empty, too long or has invisible characters. It names the field, not the value.
    #[error("field {0:?}: names and values are texts of bounded length without control or invisible characters")]
    Text(String),
    /// None, or more than a certificate may have.
    #[error("{0} fields; 1 to {max} are allowed", max = limits::CREDENTIAL_FIELDS)]
    Count(usize),
    /// A name that occurs twice, or a place.
    #[error("field {0:?} occurs twice")]
    Twice(String),
    /// A name that the certificate does not have.
    #[error("there is no field {0:?}")]
    Unknown(String),
    /// Not a disclosure.
    #[error("not a disclosure: {0}")]
    Malformed(String),
    /// A field that is not in the certificate with this root.
    #[error("field {0:?} does not open the certificate's commitment")]
    NotIncluded(String),
}

impl FieldsError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(_) => "FIELD_TEXT",
            Self::Count(_) => "FIELD_COUNT",
            Self::Twice(_) => "FIELD_TWICE",
            Self::Unknown(_) => "FIELD_UNKNOWN",
            Self::Malformed(_) => "DISCLOSURE_MALFORMED",
            Self::NotIncluded(_) => "DISCLOSURE_NOT_INCLUDED",
        }
    }

    /// Message in Chinese; the English one is its `Display`.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Text(name) => format!("字段 {name:?}：名称和值须为长度有限且不含控制或不可见字符的文本"),
            Self::Count(n) => format!("{n} 个字段；须为 1 至 {} 个", limits::CREDENTIAL_FIELDS),
            Self::Twice(name) => format!("字段 {name:?} 重复"),
            Self::Unknown(name) => format!("没有字段 {name:?}"),
            Self::Malformed(why) => format!("不是字段披露文件：{why}"),
            Self::NotIncluded(name) => format!("字段 {name:?} 与证照的承诺不符"),
        }
    }
}

/// A field: its name, its value and the salt that hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    name: String,
    value: String,
    salt: [u8; SALT_BYTES],
}

/// Without the value, which may be personal.
impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Field {
    /// Checks name and value.
    ///
    /// # Errors
    /// [`FieldsError::Text`].
    pub fn new(name: &str, value: &str, salt: [u8; SALT_BYTES]) -> Result<Self, FieldsError> {
        let text = |s: &str, max: usize| !s.is_empty() && s.len() <= max && !s.chars().any(hidden);
        if text(name, NAME_BYTES) && text(value, VALUE_BYTES) {
            return Ok(Self { name: name.to_owned(), value: value.to_owned(), salt });
        }
        Err(FieldsError::Text(name.chars().take(NAME_BYTES).map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The salt.
    #[must_use]
    pub const fn salt(&self) -> &[u8; SALT_BYTES] {
        &self.salt
    }

    /// Its commitment.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        // Both are below 2^32 bytes: checked above.
        let length = |s: &str| u32::try_from(s.len()).unwrap_or(u32::MAX).to_be_bytes();
        let (name, value) = (length(&self.name), length(&self.value));
        Tag::Field.hash(&[&name, self.name.as_bytes(), &value, self.value.as_bytes(), &self.salt])
    }
}

/// All fields of a certificate, in the order of their commitments.
#[derive(Clone, Debug)]
pub struct Fields {
    fields: Vec<Field>,
    tree: MerkleTree,
}

impl Fields {
    /// Sorts fields and commits to them.
    ///
    /// # Errors
    /// [`FieldsError::Count`], [`FieldsError::Twice`].
    pub fn new(mut fields: Vec<Field>) -> Result<Self, FieldsError> {
        counted(fields.len())?;
        let mut names = BTreeSet::new();
        if let Some(twice) = fields.iter().find(|f| !names.insert(f.name.as_str())) {
            return Err(FieldsError::Twice(twice.name.clone()));
        }
        fields.sort_by_cached_key(Field::commitment);
        let leaves: Vec<_> = fields.iter().map(Field::commitment).collect();
        Ok(Self { tree: MerkleTree::new(&leaves), fields })
    }

    /// What the chain holds.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// How many there are, which the chain holds too.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.fields.len()).unwrap_or(u32::MAX)
    }

    /// The fields, in the order of their commitments.
    #[must_use]
    pub fn as_slice(&self) -> &[Field] {
        &self.fields
    }

    /// Opens fields by their names; the others stay closed.
    ///
    /// # Errors
    /// [`FieldsError::Unknown`], [`FieldsError::Twice`], [`FieldsError::Count`] where no name is given.
    pub fn disclose(&self, names: &[&str]) -> Result<Disclosure, FieldsError> {
        let open = |name: &&str| {
            let unknown = || FieldsError::Unknown((*name).to_owned());
            let index = self.fields.iter().position(|f| f.name == *name).ok_or_else(unknown)?;
            let proof = self.tree.prove(index).ok_or_else(unknown)?;
            Ok(Opened { field: self.fields[index].clone(), index: proof.index, path: proof.path })
        };
        Disclosure::of(names.iter().map(open).collect::<Result<_, _>>()?)
    }
}

fn counted(n: usize) -> Result<(), FieldsError> {
    if (1..=limits::CREDENTIAL_FIELDS).contains(&n) { Ok(()) } else { Err(FieldsError::Count(n)) }
}

/// Some fields of a certificate with the paths from their commitments to its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    opened: Vec<Opened>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Opened {
    field: Field,
    index: u64,
    path: Vec<Digest>,
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    fields: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    value: String,
    #[serde(with = "hex")]
    salt: [u8; SALT_BYTES],
    /// Place among the commitments, from 0.
    index: u64,
    /// Siblings from the leaf up.
    path: Vec<Digest>,
}

impl Disclosure {
    /// Names and places are distinct: one field is not shown twice with two values.
    fn of(opened: Vec<Opened>) -> Result<Self, FieldsError> {
        counted(opened.len())?;
        let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
        let fresh = |o: &&Opened| !(names.insert(o.field.name.clone()) && places.insert(o.index));
        match opened.iter().find(fresh) {
            Some(twice) => Err(FieldsError::Twice(twice.field.name.clone())),
            None => Ok(Self { opened }),
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// Anything else, or beyond the bounds.
    pub fn from_json(json: &[u8]) -> Result<Self, FieldsError> {
        if json.len() > JSON_BYTES {
            return Err(FieldsError::Malformed(format!("more than {JSON_BYTES} bytes")));
        }
        let file: File = serde_json::from_slice(json).map_err(|e| FieldsError::Malformed(e.to_string()))?;
        if file.format != FORMAT {
            return Err(FieldsError::Malformed(format!("the format is not {FORMAT}")));
        }
        let opened = |e: Entry| {
            let field = Field::new(&e.name, &e.value, e.salt)?;
            Ok(Opened { field, index: e.index, path: e.path })
        };
        Self::of(file.fields.into_iter().map(opened).collect::<Result<_, _>>()?)
    }

    /// The JSON form: pretty, with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let entry = |o: &Opened| Entry {
            name: o.field.name.clone(),
            value: o.field.value.clone(),
            salt: o.field.salt,
            index: o.index,
            path: o.path.clone(),
        };
        let file = File { format: FORMAT.to_owned(), fields: self.opened.iter().map(entry).collect() };
        format!("{:#}\n", serde_json::json!(file)).into_bytes()
    }

    /// Checks every field against the root and the number of fields of a proven certificate: neither comes from the
    /// disclosure.
    ///
    /// # Errors
    /// [`FieldsError::NotIncluded`], with the first field that is not in it.
    pub fn verify(&self, root: &Digest, count: u32) -> Result<(), FieldsError> {
        let size = u64::from(count);
        for o in &self.opened {
            let proof = InclusionProof { index: o.index, size, path: o.path.clone() };
            proof
                .verify(&o.field.commitment().0, root, size)
                .map_err(|_other_root| FieldsError::NotIncluded(o.field.name.clone()))?;
        }
        Ok(())
    }

    /// Names and values that are disclosed. They mean nothing before [`Disclosure::verify`].
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.opened.iter().map(|o| (o.field.name(), o.field.value()))
    }
}
