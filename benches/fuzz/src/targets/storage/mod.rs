//! Files that a node reads again: its vote journal, and snapshots, which come from others.

mod chain;
pub(super) mod journal;
pub(super) mod snapshot;

use super::samples::Put;
use super::{in_folder, said};

/// Samples of these targets.
pub(super) fn samples(put: Put<'_>) {
    let records = |n: u8| (0..n).map(|i| vec![i; usize::from(i)]).collect::<Vec<_>>();
    put("journal-file", "empty", journal::sample(&[]));
    put("journal-file", "one-group", journal::sample(&[records(4)]));
    put("journal-file", "three-groups", journal::sample(&[records(2), records(5), vec![vec![7; 300]]]));
    // What happens, where, which bit; then records with their lengths and whether they end a group.
    put("journal-damage", "cut", b"\x00\x00\x00\x00\x30\x00\x04\x00vote\x03\x01two\x05\x01three".to_vec());
    put("journal-damage", "changed-tail", b"\x01\x00\x00\x00\x38\x02\x04\x01vote\x03\x01two".to_vec());
    put("snapshot", "three-blocks", snapshot::genuine_frames());
    put("snapshot-file", "three-blocks", snapshot::genuine());
}
