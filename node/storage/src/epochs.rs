//! What shows outsiders who the validators of each epoch are: one certified step for each change.

use crate::codec;
use crate::database::{Database, Family};
use crate::{Changes, StorageError, Store};
use hnchain_types::block::{FinalizedBlock, Header};
use hnchain_types::certificate::Certificate;
use hnchain_types::governance::{EpochRow, epoch_key};
use hnchain_types::validators::ValidatorSet;
use hnchain_types::{Epoch, proto};
use prost::Message;
use rocksdb::{IteratorMode, WriteBatch};

/// The step that an epoch's last block makes. The set is in the row that the ledger wrote with the block.
pub(crate) fn step(last: &FinalizedBlock, changes: &Changes) -> Result<proto::EpochStep, StorageError> {
    let next = last.block.header.epoch.next();
    let misuse = |why: String| StorageError::Misuse(format!("the last block before epoch {next}: {why}"));
    let row = changes.get(&epoch_key(next)).and_then(Option::as_deref);
    let row = row.ok_or_else(|| misuse("it writes no row of the next validators".into()))?;
    let row = EpochRow::decode(row).map_err(|e| misuse(e.to_string()))?;
    if (row.epoch, row.validators.hash()) != (next, last.result.next_validators) {
        return Err(misuse("its row is of other validators than its result".into()));
    }
    let validators = ValidatorSet::try_from(row.validators).map_err(|e| misuse(e.to_string()))?;
    let certificate = last.certificate.as_ref().ok_or_else(|| misuse("it has no certificate".into()))?;
    Ok(proto::EpochStep {
        header: last.certified().raw().to_vec(),
        result: last.result.raw().to_vec(),
        certificate: Certificate::encode(certificate),
        validators: validators.encode(),
    })
}

/// Writes a step under the epoch that it ends.
pub(crate) fn put(batch: &mut WriteBatch, database: &Database, step: &proto::EpochStep) -> Result<(), StorageError> {
    let header = Header::decode(&step.header).map_err(|e| StorageError::Misuse(e.to_string()))?;
    batch.put_cf(database.family(Family::Epochs), codec::epoch_key(header.epoch), step.encode_to_vec());
    Ok(())
}

impl Store {
    /// The changes of validators before an epoch, in order: what leads from the genesis to its validators, see
    /// [`hnchain_proof::follow`]. Fewer where the epoch has not begun.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn epoch_steps(&self, upto: Epoch) -> Result<Vec<proto::EpochStep>, StorageError> {
        let database = &self.inner.database;
        let family = database.family(Family::Epochs);
        steps(database, database.rocks().iterator_cf(family, IteratorMode::Start), upto)
    }
}

/// The steps before an epoch that an iterator over the family gives.
pub(crate) fn steps(
    database: &Database,
    rows: impl Iterator<Item = Result<(Box<[u8]>, Box<[u8]>), rocksdb::Error>>,
    upto: Epoch,
) -> Result<Vec<proto::EpochStep>, StorageError> {
    let mut found = Vec::new();
    for (epoch, row) in (0..upto.0).zip(rows) {
        let (key, bytes) = row.map_err(|e| database.failed(&e))?;
        let damaged = |why: &str| database.damaged(format!("the step of epoch {epoch}: {why}"));
        if *key != codec::epoch_key(Epoch(epoch)) {
            return Err(damaged("missing"));
        }
        found.push(proto::EpochStep::decode(&*bytes).map_err(|e| damaged(&e.to_string()))?);
    }
    Ok(found)
}
