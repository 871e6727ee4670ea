//! Taste as a check: lengths, names, left-overs, the root folder.

use crate::source::{code_only, functions, words};
use crate::{assert_none, files, has_extension, text};
use std::path::Path;

/// A longer file is asking to become a folder.
const FILE_LINES: usize = 700;
/// A longer function does not fit on a screen.
const FUNCTION_LINES: usize = 80;

/// Everything that may lie in the root folder.
const ROOT: &[&str] = &[
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "README.zh.md",
    "benches",
    "cli",
    "clippy.toml",
    "consensus",
    "contracts",
    "deny.toml",
    "docs",
    "node",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "sdk",
    "testnet",
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "stuff"];

/// Left-overs that do not land.
const LEFT_OVERS: &[&str] = &["todo!", "unimplemented!", "dbg!"];

fn rust_files() -> impl Iterator<Item = (std::path::PathBuf, String)> {
    files().into_iter().filter(|f| has_extension(f, "rs")).map(|f| {
        let source = text(&f).expect("Rust is UTF-8");
        (f, source)
    })
}

#[test]
fn no_file_is_longer_than_a_room_should_be() {
    let offences: Vec<_> = files()
        .iter()
        .filter(|f| ["rs", "proto", "sh"].iter().any(|e| has_extension(f, e)))
        .filter_map(|f| Some((f, text(f)?.lines().count())))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(f, lines)| format!("{}: {lines} lines", f.display()))
        .collect();
    assert_none(&format!("a file has at most {FILE_LINES} lines:"), &offences);
}

#[test]
fn every_function_fits_on_a_screen() {
    let mut offences = Vec::new();
    for (file, source) in rust_files() {
        for (name, line, lines) in functions(&code_only(&source)) {
            if lines > FUNCTION_LINES {
                offences.push(format!("{}:{line}: {name} has {lines} lines", file.display()));
            }
        }
    }
    assert_none(&format!("a function has at most {FUNCTION_LINES} lines:"), &offences);
}

#[test]
fn no_module_has_an_empty_name() {
    let mut offences = Vec::new();
    for file in files() {
        for part in file.components().map(|c| Path::new(c.as_os_str()).file_stem().unwrap_or_default()) {
            if EMPTY_NAMES.iter().any(|n| part == *n) {
                offences.push(file.display().to_string());
            }
        }
    }
    for (file, source) in rust_files() {
        let code = code_only(&source);
        for (at, line) in words(&code, "mod") {
            let name: String = code[at + 3..].trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
            if EMPTY_NAMES.contains(&name.as_str()) {
                offences.push(format!("{}:{line}: mod {name}", file.display()));
            }
        }
    }
    assert_none("a module is named for what it does:", &offences);
}

#[test]
fn nothing_unfinished_lands() {
    let mut offences = Vec::new();
    for (file, source) in rust_files() {
        let code = code_only(&source);
        for left_over in LEFT_OVERS {
            for (line, _) in code.lines().enumerate().filter(|(_, l)| l.contains(left_over)) {
                offences.push(format!("{}:{}: {left_over}", file.display(), line + 1));
            }
        }
    }
    assert_none("finish it, or file it:", &offences);
}

#[test]
fn the_root_folder_stays_short() {
    let offences: Vec<_> = files()
        .iter()
        .filter_map(|f| f.components().next().map(|c| c.as_os_str().to_string_lossy().into_owned()))
        .filter(|top| !ROOT.contains(&top.as_str()))
        .collect();
    assert_none("this does not belong into the root folder:", &offences);
}

#[test]
fn every_room_says_at_its_door_what_it_is_for() {
    let mut offences = Vec::new();
    for manifest in files().iter().filter(|f| f.ends_with("Cargo.toml") && f.components().count() > 1) {
        let door = manifest.with_file_name("src").join("lib.rs");
        let opening = if crate::root().join(&door).is_file() { text(&door).expect("UTF-8") } else { continue };
        let page = opening.lines().take_while(|l| l.starts_with("//!")).count();
        if page < 5 {
            offences.push(format!("{}: {page} lines of //! docs", door.display()));
        }
    }
    assert_none("every lib.rs opens with a page of docs:", &offences);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // Put together here, so that this file does not offend.
    let folders = ["root", "home", "work", "Users"].map(|f| format!("/{f}/"));
    let hosts =
        [["index", "crates", "io"], ["static", "crates", "io"], ["proxy", "golang", "org"]].map(|h| h.join("."));
    let mut offences = Vec::new();
    for file in files().iter().filter(|f| !f.ends_with("Cargo.lock")) {
        let Some(content) = text(file) else { continue };
        for (number, line) in content.lines().enumerate() {
            let path = folders.iter().any(|f| {
                line.match_indices(f.as_str())
                    .any(|(i, _)| !line[..i].ends_with(|c: char| c.is_alphanumeric() || "./_-".contains(c)))
            });
            if path || hosts.iter().any(|h| line.contains(h)) {
                offences.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert_none("no paths of a machine, no hosts of a registry:", &offences);
}
