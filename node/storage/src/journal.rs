//! The vote journal: what this validator signed, in a plain file that outlives every crash.
//!
//! # File
//! `votes.journal` = 8 bytes `hnvotes` ‖ format 1, then *groups*. A group is what one [`Journal::sync`] made durable:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the body, big-endian |
//! | 8 | head check: SM3("head" ‖ position 8 ‖ length 4), first 8 bytes |
//! | 8 | body check: SM3("body" ‖ position 8 ‖ body), first 8 bytes |
//! | length | the body: each record as length 4 ‖ bytes |
//!
//! # Rules
//! - A vote leaves this node only after `sync` returned, and one `sync` writes one group. So at most one group, the last,
//!   can be incomplete after a crash, and nothing in it was ever sent: it is dropped, wholly, and cut off the file.
//! - A group that is wrong while a whole one follows is a hole: votes that were sent are gone, and the node refuses to
//!   start rather than vote twice. The head's own check lets the reader tell a hole from a tail when a length is wrong,
//!   and positions in the checks keep bytes of other places from passing as groups.
//! - The file is made and rewritten beside its place and moved there, so a file without a whole header is not a crash.
//! - After a failed write or sync the journal refuses everything: what is on the disk is unknown until it is read again.

use crate::{StorageError, directory};
use hnchain_crypto::sm3_parts;
use hnchain_types::wire;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "votes.journal";
const NAME_NEW: &str = "votes.journal.new";
const LOCK: &str = "votes.lock";
const HEADER: &[u8; 8] = b"hnvotes\x01";
/// Length and two checks.
const HEAD: usize = 20;
/// Largest record: a message of the cluster.
const RECORD_BYTES: usize = wire::WIRE_BYTES;
/// Records waiting for `sync` before they are written without being asked; bounds memory.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Largest body: a full group and the record that fills it.
const BODY_BYTES: usize = GROUP_BYTES + RECORD_BYTES + 4;

/// An open vote journal. One process at a time.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    file: File,
    /// End of the last whole group.
    end: u64,
    /// Records that wait for `sync`, as they will be in the body.
    pending: Vec<u8>,
    failed: bool,
    _lock: File,
}

impl Journal {
    /// Opens the journal of a data directory, and makes it where there is none. Gives its records, oldest first.
    ///
    /// # Errors
    /// A hole or a foreign file ([`StorageError::JournalDamaged`]); a journal in use; I/O.
    pub fn open(directory: &Path) -> Result<(Self, Vec<Vec<u8>>), StorageError> {
        let lock = directory::lock(directory, LOCK)?;
        let path = directory.join(NAME);
        if !path.try_exists().map_err(|e| StorageError::io(format!("look for {}", path.display()), &e))? {
            write_new(directory, &[])?;
        }
        let describe = |verb: &str| format!("{verb} {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| StorageError::io(describe("open"), &e))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| StorageError::io(describe("read"), &e))?;
        let (records, end) =
            parse(&bytes).map_err(|Hole { at, why }| StorageError::JournalDamaged { file: path.clone(), at, why })?;
        if end < bytes.len() as u64 {
            file.set_len(end)
                .and_then(|()| file.sync_all())
                .map_err(|e| StorageError::io(describe("cut the torn end off"), &e))?;
        }
        file.seek(SeekFrom::Start(end)).map_err(|e| StorageError::io(describe("seek in"), &e))?;
        let directory = directory.to_owned();
        Ok((Self { directory, file, end, pending: Vec::new(), failed: false, _lock: lock }, records))
    }

    /// Adds a record. It is durable after the next [`Journal::sync`].
    ///
    /// # Errors
    /// A record larger than 16 MiB; I/O, where many records wait and have to be written.
    pub fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        self.check_usable()?;
        push(&mut self.pending, record)?;
        if self.pending.len() >= GROUP_BYTES { self.sync() } else { Ok(()) }
    }

    /// Returns when every appended record is on the disk.
    ///
    /// # Errors
    /// I/O; afterwards the journal refuses everything until it is opened again.
    pub fn sync(&mut self) -> Result<(), StorageError> {
        self.check_usable()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let group = group(self.end, &self.pending);
        if let Err(e) = self.file.write_all(&group).and_then(|()| self.file.sync_data()) {
            self.failed = true;
            return Err(StorageError::io(format!("write {}", self.directory.join(NAME).display()), &e));
        }
        self.end += group.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Bytes of the journal with the records that wait: tells when a rewrite is worth it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end + self.pending.len() as u64
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == HEADER.len() as u64
    }

    /// Puts these records in the place of all others, atomically and durably. Records that waited are dropped.
    ///
    /// # Errors
    /// A record larger than 16 MiB; I/O, after which the journal refuses everything until it is opened again.
    pub fn rewrite(&mut self, records: &[Vec<u8>]) -> Result<(), StorageError> {
        self.check_usable()?;
        match write_new(&self.directory, records) {
            Ok((file, end)) => {
                (self.file, self.end) = (file, end);
                self.pending.clear();
                Ok(())
            }
            Err(e) => {
                self.failed = !matches!(e, StorageError::Misuse(_));
                Err(e)
            }
        }
    }

    fn check_usable(&self) -> Result<(), StorageError> {
        if self.failed {
            return Err(StorageError::Io {
                what: format!("write {}", self.directory.join(NAME).display()),
                why: "an earlier write failed and the content is unknown until the node starts again".into(),
            });
        }
        Ok(())
    }
}

fn push(body: &mut Vec<u8>, record: &[u8]) -> Result<(), StorageError> {
    let length = u32::try_from(record.len()).ok().filter(|_| record.len() <= RECORD_BYTES).ok_or_else(|| {
        StorageError::Misuse(format!("a journal record of {} bytes, at most {RECORD_BYTES} are allowed", record.len()))
    })?;
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(record);
    Ok(())
}

/// Writes a whole journal beside the old one and moves it into place.
fn write_new(directory: &Path, records: &[Vec<u8>]) -> Result<(File, u64), StorageError> {
    let (mut bytes, mut body) = (HEADER.to_vec(), Vec::new());
    for record in records {
        push(&mut body, record)?;
        if body.len() >= GROUP_BYTES {
            bytes.extend(group(bytes.len() as u64, &std::mem::take(&mut body)));
        }
    }
    if !body.is_empty() {
        bytes.extend(group(bytes.len() as u64, &body));
    }
    let path = directory.join(NAME_NEW);
    let write = || {
        let mut file = File::create(&path)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        Ok(file)
    };
    let file = write().map_err(|e| StorageError::io(format!("write {}", path.display()), &e))?;
    directory::replace(directory, NAME_NEW, NAME)?;
    Ok((file, bytes.len() as u64))
}

fn check(label: &str, at: u64, part: &[u8]) -> [u8; 8] {
    let digest = sm3_parts(&[label.as_bytes(), &at.to_be_bytes(), part]).0;
    std::array::from_fn(|i| digest[i])
}

/// The bytes of a group at a position. The body is at most [`BODY_BYTES`] long.
fn group(at: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("append bounds a group").to_be_bytes();
    [&length[..], &check("head", at, &length), &check("body", at, body), body].concat()
}

struct Hole {
    at: u64,
    why: String,
}

/// What stands at a position.
enum At<'a> {
    /// The body of a whole group, and where it ends.
    Group(&'a [u8], usize),
    /// A true head whose body is wrong or ends early, and where the body should end.
    Body(usize),
    /// No head.
    Nothing,
}

fn read_at(bytes: &[u8], at: usize) -> At<'_> {
    let Some(head) = bytes.get(at..at + HEAD) else { return At::Nothing };
    let (length, checks) = head.split_at(4);
    if checks[..8] != check("head", at as u64, length) {
        return At::Nothing;
    }
    let length = length.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
    let end = at + HEAD + length;
    match bytes.get(at + HEAD..end) {
        Some(body) if length <= BODY_BYTES && checks[8..] == check("body", at as u64, body) => At::Group(body, end),
        _ => At::Body(end),
    }
}

/// The records and the end of the last whole group.
fn parse(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, u64), Hole> {
    if bytes.get(..HEADER.len()) != Some(HEADER) {
        return Err(Hole { at: 0, why: "it does not begin as a vote journal of format 1".into() });
    }
    let (mut records, mut at) = (Vec::new(), HEADER.len());
    while at < bytes.len() {
        let (body, end) = match read_at(bytes, at) {
            At::Group(body, end) => (body, end),
            // A tail that a crash left has nothing whole behind it.
            At::Body(after) => {
                no_group_from(bytes, at, after)?;
                break;
            }
            At::Nothing => {
                no_group_from(bytes, at, at + 1)?;
                break;
            }
        };
        split(body, &mut records)
            .ok_or_else(|| Hole { at: at as u64, why: "a group does not divide into records".into() })?;
        at = end;
    }
    Ok((records, at as u64))
}

/// Refuses a hole: something wrong at `at` although a whole group begins at `from` or later.
fn no_group_from(bytes: &[u8], at: usize, from: usize) -> Result<(), Hole> {
    match (from..bytes.len()).find(|later| matches!(read_at(bytes, *later), At::Group(..))) {
        Some(next) => Err(Hole { at: at as u64, why: format!("votes up to byte {next} are lost") }),
        None => Ok(()),
    }
}

fn split(mut body: &[u8], records: &mut Vec<Vec<u8>>) -> Option<()> {
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let (record, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        records.push(record.to_vec());
        body = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_a_group() {
        let mut body = Vec::new();
        push(&mut body, b"vote").expect("short");
        assert_eq!(body, b"\0\0\0\x04vote");
        let bytes = group(8, &body);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "00000008da998ccd31b6e2fb74121764fc631ea600000004766f7465");
        assert!(matches!(read_at(&[&HEADER[..], &bytes].concat(), 8), At::Group(b, 36) if b == body));
    }

    #[test]
    fn groups_do_not_pass_at_other_places() {
        let bytes = [&[0; 9][..], &group(8, b"\0\0\0\x01x")].concat();
        assert!(matches!(read_at(&bytes, 9), At::Nothing));
    }
}
