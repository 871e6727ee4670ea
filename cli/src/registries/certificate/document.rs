//! The JSON document of a certificate, and the file that keeps its salts and values.

use crate::args::certificate::CertificateDocument;
use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use crate::moment;
use hnchain_crypto::Digest;
use hnchain_proof::Opening;
use hnchain_proof::commitment::SALT_BYTES;
use hnchain_proof::fields::{Field, Fields, FieldsError};
use hnchain_sdk::{CertificateRequest, Certificates, salt};
use hnchain_types::TxId;
use hnchain_types::codes::{CertificateId, Division};
use hnchain_types::credential::Content;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest document and largest opening file: 256 fields with their longest values.
const JSON_BYTES: usize = 8 * 1024 * 1024;
/// What an opening file says of itself.
const FORMAT: &str = "hnfields/1";

/// The document as it is written by people and programs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    id: CertificateId,
    #[serde(default)]
    division: Option<Division>,
    valid_from: Moment,
    #[serde(default)]
    valid_until: Option<Moment>,
    #[serde(default)]
    holder: Option<Texts>,
    fields: Texts,
}

/// A date, or milliseconds since the Unix epoch.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Ms(u64),
    Date(String),
}

/// Names and texts of a JSON object, each name once.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct Texts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Texts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object whose values are texts")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if texts.contains_key(&name) {
                        return Err(de::Error::custom(format!("{name:?} occurs twice")));
                    }
                    texts.insert(name, text);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// The holder, as it is committed to: SM3 tag `hnchain/document/1` over the salt and the digest of the values, which are
/// written as JSON without spaces, in the order of their names.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    commitment: Digest,
    #[serde(with = "hex::serde")]
    salt: [u8; SALT_BYTES],
    value: Texts,
}

impl Holder {
    fn new(value: Texts, salt: [u8; SALT_BYTES]) -> Self {
        let text = serde_json::json!(value).to_string();
        Self { commitment: Opening::of(text.as_bytes(), salt).commitment(), salt, value }
    }
}

/// What is kept: `*.hnfields.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: String,
    chain_id: String,
    transaction: TxId,
    id: CertificateId,
    holder: Holder,
    fields_root: Digest,
    fields_count: u32,
    fields: Vec<KeptField>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptField {
    name: String,
    value: String,
    #[serde(with = "hex::serde")]
    salt: [u8; SALT_BYTES],
}

/// A certificate to be issued: committed to, not sent yet.
pub(super) struct Document {
    /// Its identifier.
    pub(super) id: CertificateId,
    kind: Kind,
    period: (u64, u64),
    holder: Holder,
    fields: Fields,
}

enum Kind {
    Issue(Division),
    Change(CertificateId),
}

impl Document {
    /// Reads the document of a first version.
    ///
    /// # Errors
    /// Unreadable, or against a rule of its form.
    pub(super) fn issue(args: &CertificateDocument) -> Result<Self, Failure> {
        let form = read_form(&args.file)?;
        let division = form.division.ok_or_else(|| wrong(&args.file, "division is missing", "缺少 division"))?;
        Self::of(args, form, Kind::Issue(division))
    }

    /// Reads the document of a later version.
    ///
    /// # Errors
    /// Unreadable, or against a rule of its form.
    pub(super) fn change(args: &CertificateDocument) -> Result<Self, Failure> {
        let form = read_form(&args.file)?;
        if form.division.is_some() {
            return Err(wrong(
                &args.file,
                "a change keeps the division: leave it out",
                "变更不改行政区划：请去掉 division",
            ));
        }
        let previous = form.id.with_version(form.id.version().saturating_sub(1)).map_err(|_first| {
            wrong(&args.file, "version 001 is issued, not changed to", "001 版须用 certificate issue 颁发")
        })?;
        Self::of(args, form, Kind::Change(previous))
    }

    fn of(args: &CertificateDocument, form: Form, kind: Kind) -> Result<Self, Failure> {
        let file = &args.file;
        let from = instant(&form.valid_from, false).ok_or_else(|| {
            wrong(file, "valid_from is no date such as 2026-01-01", "valid_from 须为 2026-01-01 形式的日期")
        })?;
        let until = match &form.valid_until {
            None => 0,
            Some(Moment::Date(s)) if s == "长期" => 0,
            Some(moment) => instant(moment, true).filter(|ms| *ms != 0).ok_or_else(|| {
                wrong(
                    file,
                    "valid_until is no date such as 2036-12-31",
                    "valid_until 须为 2036-12-31 形式的日期或“长期”",
                )
            })?,
        };
        let refused = |e: FieldsError| wrong(file, &e.to_string(), &e.message_zh());
        let mut fields = Vec::with_capacity(form.fields.0.len());
        for (name, value) in &form.fields.0 {
            fields.push(Field::new(name, value, salt()?).map_err(refused)?);
        }
        let fields = Fields::new(fields).map_err(refused)?;
        let holder = holder(file, form.holder, args.holder_of.as_deref())?;
        Ok(Self { id: form.id, kind, period: (from, until), holder, fields })
    }

    /// What goes on the chain.
    pub(super) fn content(&self) -> Content {
        Content {
            valid_from_ms: self.period.0,
            valid_until_ms: self.period.1,
            holder: self.holder.commitment,
            fields_root: self.fields.root(),
            fields_count: self.fields.count(),
        }
    }

    /// The version that this one supersedes.
    pub(super) const fn previous(&self) -> Option<&CertificateId> {
        match &self.kind {
            Kind::Issue(_) => None,
            Kind::Change(previous) => Some(previous),
        }
    }

    /// The operation.
    pub(super) fn request<'a>(&self, certificates: Certificates<'a>) -> CertificateRequest<'a> {
        match &self.kind {
            Kind::Issue(division) => certificates.issue(&self.id, *division, self.content()),
            Kind::Change(previous) => certificates.change(previous, &self.id, self.content()),
        }
    }

    /// Writes salts and values to a new file for its owner alone.
    ///
    /// # Errors
    /// The file exists, or the system refuses.
    pub(super) fn write(&self, args: &CertificateDocument, chain: &str, tx: TxId) -> Result<PathBuf, Failure> {
        let field = |f: &Field| KeptField { name: f.name().to_owned(), value: f.value().to_owned(), salt: *f.salt() };
        let kept = Kept {
            format: FORMAT.to_owned(),
            chain_id: chain.to_owned(),
            transaction: tx,
            id: self.id.clone(),
            holder: self.holder.clone(),
            fields_root: self.fields.root(),
            fields_count: self.fields.count(),
            fields: self.fields.as_slice().iter().map(field).collect(),
        };
        let path = args.opening_out.clone().unwrap_or_else(|| default_opening(&args.file, self.id.version()));
        let text = format!("{:#}\n", serde_json::json!(kept));
        files::write(&path, text.as_bytes(), Access::Owner, Existing::Refuse).map_err(|e| {
            if e.code() == "FILE_EXISTS" {
                e.hint(
                    "it may open another certificate: name another file with --opening-out",
                    "它可能属于另一份证照；请用 --opening-out 另选文件名",
                )
            } else {
                e
            }
        })?;
        Ok(path)
    }
}

fn read_form(file: &Path) -> Result<Form, Failure> {
    let text = files::read_text(file, JSON_BYTES)?;
    serde_json::from_str(&text).map_err(|e| wrong(file, &e.to_string(), &format!("格式有误：{e}")))
}

/// A holder of this document, or the one of another certificate, which has to be the same.
fn holder(file: &Path, given: Option<Texts>, of: Option<&Path>) -> Result<Holder, Failure> {
    let Some(of) = of else {
        let value = given.filter(|h| !h.0.is_empty());
        let value = value.ok_or_else(|| wrong(file, "holder is missing or empty", "缺少 holder 或其为空"))?;
        return Ok(Holder::new(value, salt()?));
    };
    let text = files::read_text(of, JSON_BYTES)?;
    let kept: Kept = serde_json::from_str(&text).map_err(|e| wrong(of, &e.to_string(), &format!("格式有误：{e}")))?;
    let holder = Holder::new(kept.holder.value, kept.holder.salt);
    if kept.format != FORMAT || holder.commitment != kept.holder.commitment {
        return Err(wrong(of, "not an opening file, or damaged", "不是开示文件，或已损坏"));
    }
    if given.is_some_and(|given| given != holder.value) {
        return Err(wrong(file, "holder is another than in --holder-of", "holder 与 --holder-of 中的不同"));
    }
    Ok(holder)
}

fn instant(moment: &Moment, end: bool) -> Option<u64> {
    match moment {
        Moment::Ms(ms) => Some(*ms),
        Moment::Date(s) => moment::day(s, end),
    }
}

fn wrong(file: &Path, en: &str, zh: &str) -> Failure {
    Failure::usage("CERTIFICATE_DOCUMENT", en, zh).named(file)
}

/// Beside the document, with its whole name; later versions have their number in it.
fn default_opening(file: &Path, version: u16) -> PathBuf {
    let mut name = match file.file_name() {
        Some(name) if file != Path::new("-") => name.to_owned(),
        _ => "stdin".into(),
    };
    name.push(if version == 1 { ".hnfields.json".to_owned() } else { format!(".v{version}.hnfields.json") });
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_opening_file() {
        let names = [1, 2].map(|v| default_opening(Path::new("in/a.json"), v).display().to_string());
        assert_eq!(names, ["in/a.json.hnfields.json", "in/a.json.v2.hnfields.json"]);
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused_not_dropped() {
        let read = |json: &str| serde_json::from_str::<Texts>(json).map(|t| t.0.len()).map_err(|e| e.to_string());
        assert_eq!(read(r#"{"a":"1","b":"2"}"#), Ok(2));
        assert!(read(r#"{"a":"1","a":"2"}"#).is_err_and(|e| e.contains("twice")));
        assert!(read(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn a_holder_has_one_commitment_whatever_the_order_of_its_values() {
        let of = |json: &str| Holder::new(serde_json::from_str(json).expect("texts"), [7; SALT_BYTES]).commitment;
        assert_eq!(of(r#"{"name":"甲","code":"1"}"#), of(r#"{"code":"1","name":"甲"}"#));
        assert_ne!(of(r#"{"name":"甲"}"#), of(r#"{"name":"乙"}"#));
        assert_eq!(of(r#"{"name":"甲"}"#), Opening::of(r#"{"name":"甲"}"#.as_bytes(), [7; 16]).commitment());
    }
}
