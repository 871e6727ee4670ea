//! Reading what a snapshot says of itself.

use super::format::{Kind, Reader};
use super::{Manifest, SnapshotError, Summary, refusal};
use crate::StorageError;
use hnchain_types::wire;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// What may follow the manifest; only an import holds order and content against it.
const PARTS: [Kind; 5] = [Kind::Step, Kind::Block, Kind::Lasting, Kind::Rows, Kind::End];

/// Reads a whole file and gives its manifest and digest: the file is complete and undamaged. Whether it is true, only an
/// [`super::import`] finds out.
///
/// # Errors
/// A file that is no snapshot, or not all of one; I/O.
pub fn show(file: &Path) -> Result<Summary, SnapshotError> {
    let input = File::open(file).map_err(|e| StorageError::io(format!("open {}", file.display()), &e))?;
    let unreadable = |e| refusal::unreadable(file, e);
    let mut reader = Reader::begin(BufReader::with_capacity(1024 * 1024, input)).map_err(unreadable)?;
    let manifest = reader.expect(Kind::Manifest).map_err(unreadable)?;
    let manifest: Manifest = wire::decode("manifest of a snapshot", &manifest)
        .map_err(|e| SnapshotError::new(file, super::Reason::Damaged, e))?;
    loop {
        let (kind, body) = reader.next(&PARTS).map_err(unreadable)?;
        if kind == Kind::End {
            let digest = reader.ended(&body).map_err(unreadable)?;
            return Ok(Summary { manifest, digest });
        }
    }
}
