//! Commitments to people and documents: made here, so that their bytes never leave.
//!
//! Wherever a registration has a commitment, its file may say `{"commit": "FILE"}` instead of 64 hexadecimal digits. The
//! salt and digest that open the commitment are kept beside FILE, in FILE.hncommitment.json; where that exists already its
//! commitment is used, so that the same person is the same holder everywhere.

use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use crate::records;
use hnchain_crypto::Digest;
use hnchain_proof::Opening;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What the file says of itself.
const FORMAT: &str = "hncommitment/1";
/// Ending of its name.
const ENDING: &str = ".hncommitment.json";
/// Largest such file, and largest registration.
const FILE_BYTES: usize = 256 * 1024;
/// Deepest nesting of a registration.
const DEPTH: usize = 8;

/// What opens a commitment: `*.hncommitment.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitmentFile {
    format: String,
    commitment: Digest,
    opening: Opening,
}

/// Reads a registration from a file of JSON, `-` for standard input, with its commitments made; gives the names of the
/// files with openings that were used or written.
///
/// # Errors
/// Unreadable, no JSON, or a file that cannot be committed to.
pub(crate) fn read_document(path: &Path) -> Result<(Value, Vec<PathBuf>), Failure> {
    let text = files::read_text(path, FILE_BYTES)?;
    let mut value: Value = serde_json::from_str(&text).map_err(|e| {
        Failure::usage("REGISTRATION_FILE", format!("not JSON: {e}"), format!("不是 JSON：{e}")).named(path)
    })?;
    let mut openings = Vec::new();
    resolve(&mut value, path, DEPTH, &mut openings)?;
    Ok((value, openings))
}

/// Puts commitments in the place of `{"commit": "FILE"}`.
fn resolve(value: &mut Value, beside: &Path, depth: usize, openings: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth == 0 {
        return Err(Failure::usage("REGISTRATION_FILE", "nested too deeply", "嵌套过深").named(beside));
    }
    if let Some(file) = named_file(value) {
        let (commitment, opening) = commit(&files::beside(beside, Path::new(&file)))?;
        *value = commitment.to_string().into();
        if !openings.contains(&opening) {
            openings.push(opening);
        }
        return Ok(());
    }
    match value {
        Value::Array(list) => list.iter_mut().try_for_each(|v| resolve(v, beside, depth - 1, openings)),
        Value::Object(map) => map.values_mut().try_for_each(|v| resolve(v, beside, depth - 1, openings)),
        _ => Ok(()),
    }
}

fn named_file(value: &Value) -> Option<String> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get("commit")?.as_str().map(str::to_owned)
}

/// The commitment to a file, and where its opening is.
fn commit(path: &Path) -> Result<(Digest, PathBuf), Failure> {
    let document = records::document(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ENDING);
    let kept = path.with_file_name(name);
    if kept.symlink_metadata().is_ok() {
        return Ok((reuse(&kept, &document)?, kept));
    }
    let opening = hnchain_sdk::commit_to(&document)?;
    let commitment = opening.commitment();
    let file = CommitmentFile { format: FORMAT.to_owned(), commitment, opening };
    let text = format!("{:#}\n", serde_json::json!(file));
    files::write(&kept, text.as_bytes(), Access::Owner, Existing::Refuse)?;
    Ok((commitment, kept))
}

/// The commitment of an opening that was kept, if it is of this document.
fn reuse(path: &Path, document: &[u8]) -> Result<Digest, Failure> {
    let damaged = |en: String, zh: String| Failure::usage("COMMITMENT_FILE", en, zh).named(path);
    let text = files::read_text(path, FILE_BYTES)?;
    let file: CommitmentFile = serde_json::from_str(&text)
        .map_err(|e| damaged(format!("not an opening of a commitment: {e}"), format!("不是承诺的开示文件：{e}")))?;
    if file.format != FORMAT || !file.opening.opens(&file.commitment) {
        return Err(damaged("does not open its own commitment".to_owned(), "与其承诺不符".to_owned()));
    }
    if !file.opening.is_of(document) {
        return Err(damaged(
            "is of another document: it was changed since".to_owned(),
            "属于另一份文件：原件在此之后被改动".to_owned(),
        ));
    }
    Ok(file.commitment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("writable");
        }
        dir
    }

    #[test]
    fn files_become_commitments_and_the_same_file_the_same_one() {
        let dir = folder(&[
            ("person.json", "{}"),
            (
                "a.json",
                r#"{"from": [{"commit": "person.json"}], "title": {"holders": [{"commitment": {"commit": "person.json"}}]}}"#,
            ),
        ]);
        let (value, openings) = read_document(&dir.path().join("a.json")).expect("readable");
        let commitment = value["from"][0].as_str().expect("text").to_owned();
        assert_eq!(value["title"]["holders"][0]["commitment"], commitment);
        assert_eq!(openings, [dir.path().join("person.json.hncommitment.json")]);
        assert_eq!(commitment.len(), 64);
        let (again, _) = read_document(&dir.path().join("a.json")).expect("readable");
        assert_eq!(again, value);
    }

    #[test]
    fn a_document_that_changed_since_is_refused() {
        let dir = folder(&[("p", "one"), ("a.json", r#"[{"commit": "p"}]"#)]);
        read_document(&dir.path().join("a.json")).expect("readable");
        std::fs::write(dir.path().join("p"), "two").expect("writable");
        let e = read_document(&dir.path().join("a.json")).expect_err("changed");
        assert_eq!(e.code(), "COMMITMENT_FILE");
    }

    #[test]
    fn deep_nesting_and_what_is_no_json_are_refused() {
        let dir = folder(&[("deep", &format!("{}{}", "[".repeat(20), "]".repeat(20))), ("text", "a")]);
        for name in ["deep", "text"] {
            assert_eq!(read_document(&dir.path().join(name)).expect_err(name).code(), "REGISTRATION_FILE");
        }
    }
}
