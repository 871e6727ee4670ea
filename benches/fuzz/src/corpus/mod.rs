//! The committed samples: small inputs that each target accepts, made from the golden vectors.
//!
//! `hnchain-fuzz corpus` makes them anew when a format changed. Files whose names begin with `refused-` are refused, and
//! must be. Those that begin with `found-` once broke something; they stay, whatever becomes of them.

mod make;

pub use make::make;

use std::path::PathBuf;

/// A file of the corpus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Name of the file.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Sample {
    /// Whether the target must accept it, or must refuse it; `None` where either is right.
    #[must_use]
    pub fn accepted(&self) -> Option<bool> {
        if self.is_found() { None } else { Some(!self.name.starts_with("refused-")) }
    }

    /// Whether it once broke something.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.name.starts_with("found-")
    }
}

/// Folder of a target's samples.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The samples of a target in the order of their names; none where it has no folder.
///
/// # Panics
/// A file cannot be read.
#[must_use]
pub fn samples(target: &str) -> Vec<Sample> {
    let Ok(folder) = folder(target).read_dir() else { return Vec::new() };
    let mut found: Vec<_> = folder
        .map(|entry| {
            let path = entry.expect("the corpus is readable").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Sample { name, bytes: std::fs::read(&path).expect("the corpus is readable") }
        })
        .collect();
    found.sort();
    found
}
