//! The journal of the consensus thread: appends, one sync a turn, and cutting off what is no longer needed.

use super::DriverError;
use hnchain_consensus::{Position, Record};
use hnchain_crypto::PublicKey;
use hnchain_storage::Journal;
use hnchain_types::GenesisDigest;
use std::collections::VecDeque;

/// Beyond this size the journal is rewritten with what is still needed: a few blocks.
const REWRITE_BYTES: u64 = 32 * 1024 * 1024;

/// The journal with the records that a crash would still need.
pub(super) struct Records {
    journal: Journal,
    owner: Record,
    needed: VecDeque<(Position, Vec<u8>)>,
    /// A vote or its block waits for a sync.
    unsynced: bool,
}

impl Records {
    /// Takes over an open journal and the bytes found in it. Gives what was decoded; empty for a new journal.
    pub(super) fn new(
        journal: Journal,
        found: Vec<Vec<u8>>,
        genesis: GenesisDigest,
        validator: PublicKey,
    ) -> Result<(Self, Vec<Record>), DriverError> {
        let owner = Record::Owner { genesis, validator };
        let mut records = Self { journal, owner: owner.clone(), needed: VecDeque::new(), unsynced: false };
        if found.is_empty() {
            records.journal.append(&owner.encode()?)?;
            records.journal.sync()?;
        }
        let mut decoded = Vec::with_capacity(found.len());
        for (i, bytes) in found.into_iter().enumerate() {
            let record = Record::decode(&bytes)?;
            match (i, &record) {
                (0, first) if *first != owner => return Err(DriverError::OtherJournal),
                (0, _) => continue,
                _ => {}
            }
            records.needed.push_back((record.position(), bytes));
            decoded.push(record);
        }
        Ok((records, decoded))
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), DriverError> {
        let bytes = record.encode()?;
        self.journal.append(&bytes)?;
        // An entered view that is forgotten is entered again; a vote that is forgotten is cast again.
        self.unsynced |= !matches!(record, Record::Entered(_));
        self.needed.push_back((record.position(), bytes));
        Ok(())
    }

    /// Makes votes durable. Nothing to do where none was appended.
    pub(super) fn sync(&mut self) -> Result<(), DriverError> {
        if self.unsynced {
            self.journal.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Blocks up to this position are in the store: their records are not needed (D3). What is cut off leaves a mark, so that a
    /// store that is lost later does not make this validator vote twice, and a journal in use is never taken for new.
    pub(super) fn durable(&mut self, upto: Position) -> Result<(), DriverError> {
        self.needed.retain(|(position, _)| *position > upto);
        let needed: u64 = self.needed.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if self.journal.len() > REWRITE_BYTES.max(2 * needed) {
            let mut records = vec![self.owner.encode()?, Record::Cut(upto).encode()?];
            records.extend(self.needed.iter().map(|(_, bytes)| bytes.clone()));
            self.journal.rewrite(&records)?;
            self.unsynced = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_crypto::{SecretKey, sm3};
    use hnchain_types::{Epoch, View};
    use std::path::Path;

    fn key(n: u8) -> PublicKey {
        SecretKey::from_bytes(&[n; 32]).unwrap().public_key()
    }

    fn at(view: u64) -> Position {
        Position { epoch: Epoch(0), view: View(view) }
    }

    fn open(directory: &Path, chain: &[u8], owner: u8) -> Result<(Records, Vec<Record>), DriverError> {
        let (journal, found) = Journal::open(directory).unwrap();
        Records::new(journal, found, GenesisDigest(sm3(chain)), key(owner))
    }

    #[test]
    fn a_new_journal_is_empty_and_stays_its_owners() {
        let directory = tempfile::tempdir().unwrap();
        assert!(open(directory.path(), b"henan", 1).unwrap().1.is_empty());
        assert!(open(directory.path(), b"henan", 1).unwrap().1.is_empty(), "opened without a vote, it is still new");
        assert!(matches!(open(directory.path(), b"henan", 2), Err(DriverError::OtherJournal)));
        assert!(matches!(open(directory.path(), b"other", 1), Err(DriverError::OtherJournal)));
    }

    #[test]
    fn what_is_cut_off_leaves_a_mark_and_the_owner() {
        let directory = tempfile::tempdir().unwrap();
        let (mut records, _) = open(directory.path(), b"henan", 1).unwrap();
        let large = usize::try_from(REWRITE_BYTES).unwrap() / 20;
        // Marks of a view each, padded on disk by what a block would weigh.
        for view in 1..=30u64 {
            records.append(&Record::Cut(at(view))).unwrap();
            records.journal.append(&vec![0; large]).unwrap();
            records.sync().unwrap();
        }
        records.durable(at(28)).unwrap();
        drop(records);
        let (_, found) = open(directory.path(), b"henan", 1).unwrap();
        assert_eq!(found, [28, 29, 30].map(|v| Record::Cut(at(v))));
        assert!(matches!(open(directory.path(), b"henan", 2), Err(DriverError::OtherJournal)));
    }
}
