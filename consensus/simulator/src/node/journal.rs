//! The vote journal as a disk holds it, and as `node/src/driver/journal.rs` uses it.
//!
//! One sync writes one group of records with a check over its bytes and its place. A crash may leave the last group
//! torn; a group that is wrong while a whole one follows is a hole, and the node does not start.

use crate::random::Random;
use hnchain_consensus::{Position, Record};
use hnchain_types::wire::WireError;
use std::collections::VecDeque;

/// What one sync made durable.
#[derive(Clone, Debug)]
struct Group {
    bytes: Vec<u8>,
    check: u64,
}

fn check(place: u64, bytes: &[u8]) -> u64 {
    let mut hash = crate::trace::TraceHash::default();
    hash.add(place);
    hash.add_bytes(bytes);
    hash.0
}

/// The journal's file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    groups: Vec<Group>,
}

/// What a crash does to the group that was being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing of it is on the disk.
    Lost,
    /// All of it is, though nobody was told.
    Whole,
    /// The first bytes are.
    Torn,
    /// The last bytes are, the first are not: the disk wrote in another order.
    Reordered,
}

/// Why a journal is not used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A wrong group before a whole one.
    Hole,
    /// It cannot be read.
    Record,
    /// Another validator's.
    Owner,
}

impl File {
    fn push(&mut self, bytes: Vec<u8>) {
        let place = self.groups.len() as u64;
        self.groups.push(Group { check: check(place, &bytes), bytes });
    }

    /// Power is lost while a group is written. True where all of it is on the disk.
    pub(crate) fn crash(&mut self, body: &[u8], tail: Tail, random: &mut Random) -> bool {
        if body.is_empty() || tail == Tail::Lost {
            return false;
        }
        let mut bytes = body.to_vec();
        self.push(bytes.clone());
        let Some(group) = self.groups.last_mut() else { return false };
        match tail {
            Tail::Torn => bytes.truncate(random.index(body.len())),
            Tail::Reordered => {
                let upto = 1 + random.index(body.len());
                bytes[..upto].fill(0);
            }
            Tail::Lost | Tail::Whole => {}
        }
        group.bytes = bytes;
        group.bytes == body
    }

    /// Flips a bit of a synced group, or writes another group's bytes over it. False where there is no group to damage.
    pub(crate) fn damage(&mut self, random: &mut Random) -> bool {
        if self.groups.len() < 2 {
            return false;
        }
        let victim = random.index(self.groups.len());
        let other = random.index(self.groups.len());
        if random.chance(50) && other != victim {
            self.groups[victim] = self.groups[other].clone();
        } else {
            let bytes = &mut self.groups[victim].bytes;
            let at = random.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        true
    }

    fn length(&self) -> u64 {
        self.groups.iter().map(|g| g.bytes.len() as u64 + 20).sum()
    }

    /// The records of all whole groups. A torn end is cut off.
    fn read(&mut self) -> Result<Vec<Vec<u8>>, Refusal> {
        let whole = |(place, group): (usize, &Group)| check(place as u64, &group.bytes) == group.check;
        let wrong = self.groups.iter().enumerate().position(|g| !whole(g)).unwrap_or(self.groups.len());
        if self.groups.iter().enumerate().skip(wrong).any(whole) {
            return Err(Refusal::Hole);
        }
        self.groups.truncate(wrong);
        Ok(self.groups.iter().flat_map(|g| split(&g.bytes)).collect())
    }
}

fn push_record(body: &mut Vec<u8>, record: &[u8]) {
    body.extend_from_slice(&(record.len() as u64).to_be_bytes());
    body.extend_from_slice(record);
}

fn split(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk::<8>() {
        let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((record, rest)) = rest.split_at_checked(length) else { break };
        records.push(record.to_vec());
        body = rest;
    }
    records
}

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    owner: Vec<u8>,
    /// Records that a crash would still need.
    needed: VecDeque<(Position, Vec<u8>)>,
    /// Appended, not synced.
    pending: Vec<u8>,
    /// Whether a vote or its block waits for a sync.
    unsynced: bool,
    rewrite_bytes: u64,
}

impl Journal {
    /// Opens a file. Gives what it holds; nothing for a new one.
    pub(crate) fn open(file: &mut File, owner: &Record, rewrite_bytes: u64) -> Result<(Self, Vec<Record>), Refusal> {
        let found = file.read()?;
        let encoded = owner.encode().map_err(|_| Refusal::Record)?;
        let mut journal =
            Self { owner: encoded, needed: VecDeque::new(), pending: Vec::new(), unsynced: false, rewrite_bytes };
        if found.is_empty() {
            push_record(&mut journal.pending, &journal.owner);
            journal.commit(file);
        }
        let mut records = Vec::with_capacity(found.len());
        for (i, bytes) in found.into_iter().enumerate() {
            let record = Record::decode(&bytes).map_err(|_| Refusal::Record)?;
            match (i, &record) {
                (0, first) if first != owner => return Err(Refusal::Owner),
                (0, _) => continue,
                _ => {}
            }
            journal.needed.push_back((record.position(), bytes));
            records.push(record);
        }
        Ok((journal, records))
    }

    /// Adds a record. An entered view alone does not call for a sync.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), WireError> {
        let bytes = record.encode()?;
        push_record(&mut self.pending, &bytes);
        self.unsynced |= !matches!(record, Record::Entered(_));
        self.needed.push_back((record.position(), bytes));
        Ok(())
    }

    /// Whether the next send has to wait for a sync.
    pub(crate) const fn wants_sync(&self) -> bool {
        self.unsynced
    }

    /// What a crash may leave a part of.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// The sync is done.
    pub(crate) fn commit(&mut self, file: &mut File) {
        if !self.pending.is_empty() {
            file.push(std::mem::take(&mut self.pending));
        }
        self.unsynced = false;
    }

    /// D3: a block of this position is in the store. Beyond a size the journal is rewritten with what is still needed.
    /// True where it was.
    pub(crate) fn durable(&mut self, file: &mut File, position: Position) -> Result<bool, WireError> {
        self.needed.retain(|(p, _)| *p > position);
        let needed: u64 = self.needed.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if file.length() + self.pending.len() as u64 <= self.rewrite_bytes.max(2 * needed) {
            return Ok(false);
        }
        let mut body = Vec::new();
        push_record(&mut body, &self.owner);
        push_record(&mut body, &Record::Cut(position).encode()?);
        self.needed.iter().for_each(|(_, bytes)| push_record(&mut body, bytes));
        file.groups.clear();
        file.push(body);
        self.pending.clear();
        self.unsynced = false;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_types::{Epoch, View};

    fn cut(view: u64) -> Record {
        Record::Cut(Position { epoch: Epoch(0), view: View(view) })
    }

    fn written(views: u64) -> (File, Journal) {
        let mut file = File::default();
        let (mut journal, found) = Journal::open(&mut file, &cut(0), 1 << 20).unwrap();
        assert!(found.is_empty());
        for view in 1..=views {
            journal.append(&cut(view)).unwrap();
            journal.commit(&mut file);
        }
        (file, journal)
    }

    fn found(file: &mut File) -> Result<Vec<Record>, Refusal> {
        Journal::open(file, &cut(0), 1 << 20).map(|(_, records)| records)
    }

    #[test]
    fn what_was_synced_is_found_again_and_a_torn_end_is_not() {
        let (mut file, mut journal) = written(3);
        journal.append(&cut(4)).unwrap();
        for tail in [Tail::Lost, Tail::Torn, Tail::Reordered, Tail::Whole] {
            let mut after = file.clone();
            // Zeros over zeros change nothing: such a group is whole.
            let whole = after.crash(journal.pending(), tail, &mut Random(7));
            let views = 3 + u64::from(whole);
            assert!(whole || tail != Tail::Whole);
            assert_eq!(found(&mut after).unwrap(), (1..=views).map(cut).collect::<Vec<_>>(), "{tail:?}");
        }
        assert_eq!(found(&mut file).unwrap().len(), 3);
    }

    #[test]
    fn a_wrong_group_before_a_whole_one_is_refused() {
        let (file, _) = written(5);
        let refused = (0..100).filter(|seed| {
            let mut after = file.clone();
            after.damage(&mut Random(*seed)) && matches!(found(&mut after), Err(Refusal::Hole))
        });
        assert!(refused.count() > 50);
    }
}
