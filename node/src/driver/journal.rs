//! The journal of the consensus thread: appends, one sync a turn, and cutting off what is no longer needed.

use super::DriverError;
use hnchain_consensus::Record;
use hnchain_storage::Journal;
use hnchain_types::View;
use std::collections::VecDeque;

/// Beyond this size the journal is rewritten with what is still needed: a few blocks.
const REWRITE_BYTES: u64 = 32 * 1024 * 1024;

/// The journal with the records that a crash would still need.
pub(super) struct Records {
    journal: Journal,
    needed: VecDeque<(View, Vec<u8>)>,
    /// A vote or its block waits for a sync.
    unsynced: bool,
}

impl Records {
    /// Takes over an open journal and the records found in it.
    pub(super) fn new(journal: Journal, found: &[(View, Vec<u8>)]) -> Self {
        Self { journal, needed: found.iter().cloned().collect(), unsynced: false }
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), DriverError> {
        let bytes = record.encode()?;
        self.journal.append(&bytes)?;
        // An entered view that is forgotten is entered again; a vote that is forgotten is cast again.
        self.unsynced |= !matches!(record, Record::Entered(_));
        self.needed.push_back((record.view(), bytes));
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

    /// Blocks up to this view are in the store: their records are not needed (D3). What is cut off leaves a mark, so that a
    /// store that is lost later does not make this validator vote twice, and a journal in use is never taken for new.
    pub(super) fn durable(&mut self, view: View) -> Result<(), DriverError> {
        self.needed.retain(|(v, _)| *v > view);
        if self.journal.len() > REWRITE_BYTES {
            let mut records = vec![Record::Cut(view).encode()?];
            records.extend(self.needed.iter().map(|(_, bytes)| bytes.clone()));
            self.journal.rewrite(&records)?;
            self.unsynced = false;
        }
        Ok(())
    }
}
