//! The vote journal. What was synced is read back, or the journal is refused: a hole would make a validator vote twice.

use super::{in_folder, said};
use hnchain_crypto::sm3_parts;
use hnchain_storage::{Journal, StorageError};
use std::path::Path;

const NAME: &str = "votes.journal";
/// The head of a file, and of a group: see the page of the journal.
const HEADER: &[u8] = b"hnvotes\x01";
const HEAD: usize = 20;

type Records = Vec<Vec<u8>>;

/// Opens a file of these bytes; its records and how many bytes are left of it.
fn open(folder: &Path, bytes: &[u8]) -> Result<(Records, usize), String> {
    std::fs::write(folder.join(NAME), bytes).expect("a file in a folder of ours");
    match Journal::open(folder) {
        Ok((journal, records)) => {
            drop(journal);
            Ok((records, std::fs::read(folder.join(NAME)).expect("a file in a folder of ours").len()))
        }
        Err(StorageError::JournalDamaged { why, .. }) => Err(why),
        Err(error) => panic!("{error}"),
    }
}

/// Any file.
pub(in crate::targets) fn file(input: &[u8]) -> Result<(), String> {
    in_folder(|folder| {
        let (records, left) = open(folder, input)?;
        assert!(left <= input.len() && left >= HEADER.len());
        let content: usize = records.iter().map(|r| r.len() + 4).sum();
        assert!(content + HEADER.len() <= left, "more was read than is in the file");
        // What was cut off stays cut off, and the rest stays.
        let (again, same) = open(folder, &input[..left])?;
        assert!(again == records && same == left, "another reading reads something else");
        // The journal goes on behind it.
        let (mut journal, _) = Journal::open(folder).map_err(said)?;
        journal.append(b"next").and_then(|()| journal.sync()).expect("an open journal can be written");
        drop(journal);
        let (_, longer) = Journal::open(folder).expect("what was written can be read");
        assert!(longer.split_last() == Some((&b"next".to_vec(), &records)), "what was written is not read back");
        Ok(())
    })
}

/// A genuine journal of the records in the input, then damaged: by a cut, or by a changed bit.
///
/// The input: what happens 1, place 4, bit 1, then records, each with its length 1 and whether it ends a group 1.
pub(in crate::targets) fn damage(input: &[u8]) -> Result<(), String> {
    let (head, mut rest) = input.split_first_chunk::<6>().ok_or("too short")?;
    let mut groups: Vec<Records> = vec![Vec::new()];
    while let [length, ends, tail @ ..] = rest {
        let (record, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        groups.last_mut().ok_or("no group")?.push(record.to_vec());
        if ends % 2 == 1 {
            groups.push(Vec::new());
        }
        rest = tail;
    }
    groups.retain(|g| !g.is_empty());
    in_folder(|folder| {
        let (bytes, ends) = write(folder, &groups);
        let place = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize % bytes.len();
        let whole = ends.iter().filter(|end| **end <= place).count();
        if head[0].is_multiple_of(2) {
            cut(folder, &bytes[..place], &groups[..whole].concat())
        } else {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1 << (head[5] % 8);
            changed(folder, &bytes, place, &groups, whole)
        }
    })
}

/// A torn tail gives what was whole before it.
fn cut(folder: &Path, bytes: &[u8], whole: &[Vec<u8>]) -> Result<(), String> {
    let read = open(folder, bytes);
    if bytes.len() < HEADER.len() {
        assert!(read.is_err(), "a file without a head was read");
        return Err("cut in the head".to_owned());
    }
    let (records, _) = read.unwrap_or_else(|e| panic!("a torn tail was refused: {e}"));
    assert_eq!(records, whole, "a torn tail changed what was before it");
    Ok(())
}

/// A changed bit is a hole, unless it is in the last group, which a crash may have left.
fn changed(folder: &Path, bytes: &[u8], place: usize, groups: &[Records], whole: usize) -> Result<(), String> {
    match open(folder, bytes) {
        Ok((records, _)) => {
            assert!(place >= HEADER.len() && whole + 1 == groups.len(), "a hole in group {whole} was read over");
            assert_eq!(records, groups[..whole].concat(), "a broken group was read");
            Ok(())
        }
        Err(why) => {
            assert!(place < HEADER.len() || whole + 1 < groups.len(), "a torn last group was refused: {why}");
            Err(why)
        }
    }
}

/// Writes a journal, a sync for each group; its bytes, and where each group ends.
fn write(folder: &Path, groups: &[Records]) -> (Vec<u8>, Vec<usize>) {
    // A file of an earlier input may be damaged.
    std::fs::write(folder.join(NAME), HEADER).expect("a file in a folder of ours");
    let (mut journal, _) = Journal::open(folder).expect("an empty journal");
    let mut ends = Vec::new();
    for group in groups {
        group.iter().for_each(|record| journal.append(record).expect("a short record"));
        journal.sync().expect("a folder of ours");
        ends.push(usize::try_from(journal.len()).expect("a short file"));
    }
    drop(journal);
    (std::fs::read(folder.join(NAME)).expect("a file in a folder of ours"), ends)
}

/// Makes the checks of every group right whose length leads to a group.
pub(in crate::targets) fn repair(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = input.to_vec();
    let mut at = HEADER.len();
    while let Some(length) = out.get(at..at + 4) {
        let length = length.to_vec();
        let size = length.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        let end = at.checked_add(HEAD)?.checked_add(size)?;
        let Some(body) = out.get(at + HEAD..end) else { break };
        let checks = [check("head", at, &length), check("body", at, body)].concat();
        out[at + 4..at + HEAD].copy_from_slice(&checks);
        at = end;
    }
    Some(out)
}

fn check(label: &str, at: usize, part: &[u8]) -> [u8; 8] {
    let digest = sm3_parts(&[label.as_bytes(), &(at as u64).to_be_bytes(), part]).0;
    std::array::from_fn(|i| digest[i])
}

/// A journal for the corpus.
pub(crate) fn sample(groups: &[Records]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    for group in groups {
        let mut body = Vec::new();
        for record in group {
            body.extend(u32::try_from(record.len()).unwrap_or(0).to_be_bytes());
            body.extend_from_slice(record);
        }
        out.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
        out.extend([0; 16]);
        out.extend(body);
    }
    repair(&out).unwrap_or(out)
}
