//! The rules of the house, as tests: which room may lean on which, what the deterministic rooms may not see, how long
//! things may get, and that the documents speak of what exists.

mod borders;
mod documents;
mod source;
mod taste;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("benches lies in the root").to_path_buf()
}

/// Files that belong to the project, relative to the root: what git tracks or would track.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let listed = match output {
        Ok(o) if o.status.success() => String::from_utf8(o.stdout).expect("paths are UTF-8"),
        // An unpacked archive: everything but what a build leaves.
        _ => walk(&root()).join("\0"),
    };
    let mut files: Vec<_> =
        listed.split('\0').filter(|p| !p.is_empty()).map(PathBuf::from).filter(|p| root().join(p).is_file()).collect();
    files.sort();
    assert!(files.len() > 50, "the list of files looks wrong: {files:?}");
    files
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in folder.read_dir().expect("readable").map(|e| e.expect("readable").path()) {
        let name = entry.file_name().expect("named").to_string_lossy().into_owned();
        if entry.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | ".hnchain-demo") {
                found.extend(walk(&entry));
            }
        } else {
            found.push(entry.strip_prefix(root()).expect("below the root").display().to_string());
        }
    }
    found
}

/// Text of a file; `None` where it is not text.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(path)).expect("readable")).ok()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

/// Fails with one line for each offence.
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}\n  {}", offences.join("\n  "));
}
