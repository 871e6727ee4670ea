//! Making the samples from the golden vectors and from fixed keys.

use crate::targets::samples::{self, Made};
use std::collections::BTreeSet;

/// Writes every sample, and removes those that are not made any more. Gives the number of files and their bytes, those of
/// findings included.
///
/// # Errors
/// A file or folder cannot be written.
pub fn make() -> std::io::Result<(usize, usize)> {
    let made = samples::all();
    let targets: BTreeSet<&str> = made.iter().map(|m| m.target).collect();
    for target in targets {
        let folder = super::folder(target);
        std::fs::create_dir_all(&folder)?;
        for old in super::samples(target).into_iter().filter(|s| !s.is_found()) {
            std::fs::remove_file(folder.join(old.name))?;
        }
    }
    for Made { target, name, bytes } in &made {
        std::fs::write(super::folder(target).join(name), bytes)?;
    }
    let all: Vec<_> = crate::TARGETS.iter().flat_map(|t| super::samples(t.name)).collect();
    Ok((all.len(), all.iter().map(|s| s.bytes.len()).sum()))
}
