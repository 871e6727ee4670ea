//! Embeds `data/**/*.json`, so that the demo runs from anywhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Kinds of samples, one folder each.
const KINDS: [&str; 3] = ["certificate", "realty", "trace"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    println!("cargo::rerun-if-changed=data");
    let mut table = String::from("&[\n");
    for kind in KINDS {
        println!("cargo::rerun-if-changed=data/{kind}");
        for name in names(&root.join("data").join(kind))? {
            let path = root.join("data").join(kind).join(&name);
            writeln!(table, "({kind:?}, {name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
        }
    }
    table.push(']');
    fs::write(out.join("samples.rs"), table)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(folder)?
        .map(|e| e.map(|e| e.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.retain(|n| n.ends_with(".json"));
    names.sort();
    Ok(names)
}
