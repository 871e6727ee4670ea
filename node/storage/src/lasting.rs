//! Transactions whose validity ends later than that of any that the rules accepted with them.
//!
//! The ledger refuses a transaction that is valid for too long, and remembers its id; when its end has come nearer it
//! could be accepted, and is refused because it was included. So a store that begins from a snapshot needs the places of
//! these from before its first block, and of no others: whatever else was included longer ago than the longest validity
//! has expired. There are hardly any, because no correct leader proposes one.

use crate::database::{Database, Family};
use crate::{StorageError, codec};
use hnchain_types::block::Block;
use prost::Message;
use rocksdb::{IteratorMode, WriteBatch};

/// The fields of a transaction that say how long it is valid; a decoder skips all others.
#[derive(Clone, PartialEq, Eq, Message)]
struct Envelope {
    #[prost(bytes = "vec", tag = "1")]
    body: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Validity {
    #[prost(uint64, tag = "3")]
    until_ms: u64,
}

/// The end of a transaction's validity, where it is after that of all that the block may accept. Malformed transactions
/// are never valid.
pub(crate) fn outlasts(block: &Block, index: u32, validity_ms: u64) -> Option<u64> {
    let raw = block.transactions.get(usize::try_from(index).ok()?)?;
    let envelope = Envelope::decode(raw.as_slice()).ok()?;
    let until = Validity::decode(envelope.body.as_slice()).ok()?.until_ms;
    (until > block.header.time_ms.saturating_add(validity_ms)).then_some(until)
}

/// Deletes those that have expired at a time.
pub(crate) fn forget(batch: &mut WriteBatch, database: &Database, time_ms: u64) -> Result<(), StorageError> {
    let family = database.family(Family::Lasting);
    for row in database.rocks().iterator_cf(family, IteratorMode::Start) {
        let (key, _) = row.map_err(|e| database.failed(&e))?;
        match codec::read_lasting_key(&key) {
            Some((until, _)) if until < time_ms => batch.delete_cf(family, key),
            Some(_) => break,
            None => return Err(database.damaged("a key of family Lasting")),
        }
    }
    Ok(())
}
