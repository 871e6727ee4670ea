//! The vote journal under crashes and damage.
#![allow(clippy::unwrap_used)]

use hnchain_storage::{Journal, StorageError};
use proptest::prelude::*;
use std::path::Path;

const HEADER: usize = 8;

fn file(directory: &Path) -> std::path::PathBuf {
    directory.join("votes.journal")
}

/// Writes groups of records, each group by one `sync`. Gives the file's bytes and where each group ends.
fn write(directory: &Path, groups: &[Vec<Vec<u8>>]) -> (Vec<u8>, Vec<usize>) {
    let (mut journal, old) = Journal::open(directory).unwrap();
    assert!(old.is_empty());
    let mut ends = Vec::new();
    for group in groups {
        group.iter().for_each(|record| journal.append(record).unwrap());
        journal.sync().unwrap();
        ends.push(usize::try_from(journal.len()).unwrap());
    }
    drop(journal);
    (std::fs::read(file(directory)).unwrap(), ends)
}

fn groups() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let record = proptest::collection::vec(any::<u8>(), 0..20);
    proptest::collection::vec(proptest::collection::vec(record, 1..4), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn truncation_at_every_byte_gives_the_whole_groups_before_it(groups in groups()) {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, ends) = write(directory.path(), &groups);
        for cut in HEADER..=bytes.len() {
            std::fs::write(file(directory.path()), &bytes[..cut]).unwrap();
            let (mut journal, records) = Journal::open(directory.path()).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(&records, &groups[..whole].concat());
            // The torn end is gone: what is written next is read back behind the whole groups.
            journal.append(b"next").unwrap();
            journal.sync().unwrap();
            drop(journal);
            let (_, again) = Journal::open(directory.path()).unwrap();
            prop_assert_eq!(again.len(), records.len() + 1);
        }
        for cut in 0..HEADER {
            std::fs::write(file(directory.path()), &bytes[..cut]).unwrap();
            prop_assert_eq!(Journal::open(directory.path()).unwrap_err().code(), "JOURNAL_DAMAGED");
        }
    }

    #[test]
    fn a_changed_byte_is_fatal_before_the_last_group_and_a_torn_tail_in_it(groups in groups(), bit in 0u8..8) {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, ends) = write(directory.path(), &groups);
        let last = if ends.len() == 1 { HEADER } else { ends[ends.len() - 2] };
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            std::fs::write(file(directory.path()), &changed).unwrap();
            match Journal::open(directory.path()) {
                Ok((_, records)) => {
                    prop_assert!(at >= last, "byte {} went unnoticed", at);
                    prop_assert_eq!(records, groups[..groups.len() - 1].concat());
                }
                Err(StorageError::JournalDamaged { at: found, .. }) => {
                    prop_assert!(at < last);
                    prop_assert!(usize::try_from(found).unwrap() <= at);
                    prop_assert_eq!(std::fs::read(file(directory.path())).unwrap(), changed, "evidence is kept");
                }
                Err(e) => panic!("{e}"),
            }
        }
    }

    #[test]
    fn rewriting_replaces_all_records(groups in groups(), kept in groups()) {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &groups);
        let (mut journal, _) = Journal::open(directory.path()).unwrap();
        journal.append(b"waiting, dropped").unwrap();
        let kept = kept.concat();
        journal.rewrite(&kept).unwrap();
        journal.append(b"after").unwrap();
        journal.sync().unwrap();
        drop(journal);
        // A crash while the next rewrite was under way leaves its beginnings beside the journal.
        std::fs::write(directory.path().join("votes.journal.new"), b"hnvo").unwrap();
        let (mut journal, records) = Journal::open(directory.path()).unwrap();
        prop_assert_eq!(records, [kept, vec![b"after".to_vec()]].concat());
        journal.rewrite(&[]).unwrap();
        prop_assert!(journal.is_empty());
    }
}

#[test]
fn records_that_were_not_synced_are_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(directory.path()).unwrap();
    journal.append(b"synced").unwrap();
    journal.sync().unwrap();
    journal.append(b"not synced").unwrap();
    drop(journal);
    assert_eq!(Journal::open(directory.path()).unwrap().1, [b"synced"]);
}

#[test]
fn many_waiting_records_are_written_in_bounded_groups() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(directory.path()).unwrap();
    let record = vec![7; 1024 * 1024];
    for _ in 0..20 {
        journal.append(&record).unwrap();
    }
    journal.sync().unwrap();
    journal.rewrite(&vec![record.clone(); 20]).unwrap();
    drop(journal);
    assert_eq!(Journal::open(directory.path()).unwrap().1, vec![record; 20]);
}

#[test]
fn oversized_records_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(directory.path()).unwrap();
    let large = vec![0; 16 * 1024 * 1024 + 1];
    assert_eq!(journal.append(&large).unwrap_err().code(), "STORE_MISUSE");
    assert_eq!(journal.rewrite(&[large]).unwrap_err().code(), "STORE_MISUSE");
    journal.append(b"still usable").unwrap();
    journal.sync().unwrap();
}

#[test]
fn a_journal_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (_journal, _) = Journal::open(directory.path()).unwrap();
    assert_eq!(Journal::open(directory.path()).unwrap_err().code(), "STORE_LOCKED");
}

#[test]
fn another_file_is_not_taken_for_a_journal() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(file(directory.path()), b"hnvotes\x02 of a later format").unwrap();
    let e = Journal::open(directory.path()).unwrap_err();
    assert_eq!(e.code(), "JOURNAL_DAMAGED");
    assert!(e.to_string().contains("votes.journal") && e.message_zh().contains("votes.journal"));
}
