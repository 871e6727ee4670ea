//! Beginning a store from a snapshot.

use super::format::{Kind, Reader, Unreadable};
use super::planting::{Planting, write};
use super::{Checkpoint, Lasting, Manifest, Progress, Reason, SnapshotError, Summary, refusal};
use crate::codec::{self, META_PRUNED, StoredTip};
use crate::database::{Database, Family};
use crate::store::{self, STORE, STORE_LOCK, STORE_NEW};
use crate::{StorageError, Tip, directory, epochs, lasting, tree};
use hnchain_types::block::{FinalizedBlock, HeaderFields};
use hnchain_types::certificate::Certificate;
use hnchain_types::genesis::{Genesis, ValidatorSet};
use hnchain_types::transaction::{Outcome, Receipt, Transaction};
use hnchain_types::{BlockHash, Epoch, Height, ResultHash, proto, wire};
use prost::Message;
use rocksdb::WriteBatch;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The ledger's code for a transaction that an earlier block includes.
const REPLAYED: &str = "TX_REPLAYED";

/// Makes the store of a data directory from a snapshot. `genesis_rows` are as in [`crate::Store::open`]; `checkpoint` is
/// a block that the operator knows to be of the chain. The store is built beside its place and moved there when it is
/// whole, verified and durable.
///
/// # Errors
/// A directory that has a store; a file that is not, in every part, a snapshot of this chain; I/O.
pub fn import(
    directory: &Path,
    genesis: &Genesis,
    genesis_rows: &BTreeMap<String, Vec<u8>>,
    file: &Path,
    checkpoint: Option<Checkpoint>,
    progress: Progress<'_>,
) -> Result<Summary, SnapshotError> {
    let input = File::open(file).map_err(|e| StorageError::io(format!("open {}", file.display()), &e))?;
    let input = BufReader::with_capacity(1024 * 1024, input);
    read(directory, genesis, genesis_rows, (file, input), checkpoint, progress)
}

/// As [`import`], from what is called `file` in messages.
pub(super) fn read(
    directory: &Path,
    genesis: &Genesis,
    genesis_rows: &BTreeMap<String, Vec<u8>>,
    (file, input): (&Path, impl Read),
    checkpoint: Option<Checkpoint>,
    progress: Progress<'_>,
) -> Result<Summary, SnapshotError> {
    let _lock = directory::lock(directory, STORE_LOCK)?;
    if !store::is_absent(&directory.join(STORE))? {
        return Err(SnapshotError::new(directory, Reason::NotEmpty, ""));
    }
    let path = directory.join(STORE_NEW);
    store::clear(&path)?;
    let built = Database::create(&path, directory).map_err(SnapshotError::from).and_then(|database| {
        let import = Import { database: &database, genesis, file, checkpoint, progress };
        let summary = import.run(genesis_rows, input)?;
        database.flush()?;
        Ok(summary)
    });
    match built {
        Ok(summary) => {
            directory::replace(directory, STORE_NEW, STORE)?;
            Ok(summary)
        }
        Err(e) => {
            // Should this fail, the half-made store counts for nothing all the same: it is not in its place.
            drop(store::clear(&path));
            Err(e)
        }
    }
}

struct Import<'a> {
    database: &'a Database,
    genesis: &'a Genesis,
    file: &'a Path,
    checkpoint: Option<Checkpoint>,
    progress: Progress<'a>,
}

/// A block whose child is known: what the child says of it, and by which row its result will be checked.
type Known = (Height, BlockHash, ResultHash);

impl Import<'_> {
    fn run(mut self, genesis_rows: &BTreeMap<String, Vec<u8>>, input: impl Read) -> Result<Summary, SnapshotError> {
        let mut reader = Reader::begin(input).map_err(|e| self.unreadable(e))?;
        let manifest: Manifest = self.part(&mut reader, Kind::Manifest)?;
        if manifest.genesis != self.genesis.digest() {
            let detail = format!("snapshot={} genesis={}", manifest.genesis, self.genesis.digest());
            return Err(self.refuse(Reason::OtherChain, detail));
        }
        let steps = self.take_steps(&mut reader, manifest.steps)?;
        let (tip, known) = self.take_blocks(&mut reader, &manifest, &steps)?;
        self.take_lasting(&mut reader, &manifest)?;
        self.take_rows(&mut reader, &manifest)?;
        let digest = reader.end().map_err(|e| self.unreadable(e))?;
        self.check_results(&known)?;
        self.check_checkpoint(&tip.tip)?;

        let genesis_root = tree::genesis(genesis_rows).map_err(|e| tree::failed(self.database, e))?.root;
        let mut batch = WriteBatch::default();
        for step in &steps {
            epochs::put(&mut batch, self.database, step)?;
        }
        batch.put_cf(self.database.family(Family::Meta), META_PRUNED, codec::height_key(tip.tip.height.next()));
        let first = manifest.first_height;
        store::put_identity(&mut batch, self.database, self.genesis, genesis_rows, genesis_root, first)?;
        store::put_tip(&mut batch, self.database, &tip)?;
        store::write(self.database, batch)?;
        Ok(Summary { manifest, digest })
    }

    fn refuse(&self, reason: Reason, detail: impl std::fmt::Display) -> SnapshotError {
        SnapshotError::new(self.file, reason, detail)
    }

    fn unreadable(&self, e: Unreadable) -> SnapshotError {
        refusal::unreadable(self.file, e)
    }

    fn frame<R: Read>(&self, reader: &mut Reader<R>, kind: Kind) -> Result<Vec<u8>, SnapshotError> {
        reader.expect(kind).map_err(|e| self.unreadable(e))
    }

    /// A part that is bincode.
    fn part<T: DeserializeOwned>(&self, reader: &mut Reader<impl Read>, kind: Kind) -> Result<T, SnapshotError> {
        let body = self.frame(reader, kind)?;
        wire::decode("part of a snapshot", &body).map_err(|e| self.refuse(Reason::Damaged, e))
    }

    fn told(&mut self, manifest: &Manifest, left: &[u64]) {
        let total = manifest.items();
        (self.progress)(left.iter().fold(total, |done, left| done.saturating_sub(*left)), total);
    }

    /// The changes of validators, each certified by those before it.
    fn take_steps(&self, reader: &mut Reader<impl Read>, count: u64) -> Result<Vec<proto::EpochStep>, SnapshotError> {
        if count > hnchain_proof::STEPS as u64 {
            return Err(self.refuse(Reason::Path, format_args!("{count} steps")));
        }
        let mut steps = Vec::new();
        for _ in 0..count {
            let body = self.frame(reader, Kind::Step)?;
            steps.push(proto::EpochStep::decode(body.as_slice()).map_err(|e| self.refuse(Reason::Path, e))?);
        }
        hnchain_proof::follow(self.genesis, &steps).map_err(|e| self.refuse(Reason::Path, e))?;
        Ok(steps)
    }

    /// The blocks from the tip downwards: certified at the top, linked by hashes below. Gives the tip, and what the rows
    /// have to say of the blocks below it.
    fn take_blocks(
        &mut self,
        reader: &mut Reader<impl Read>,
        manifest: &Manifest,
        steps: &[proto::EpochStep],
    ) -> Result<(StoredTip, Vec<Known>), SnapshotError> {
        let validity_ms = self.genesis.document().parameters.validity_ms;
        let tip = self.block(reader)?;
        let told = Tip::of(&tip);
        let Manifest { first_height, steps: count, lasting, rows, .. } = *manifest;
        let expected = Manifest { first_height, lasting, rows, ..Manifest::of(manifest.genesis, &told) };
        if *manifest != (Manifest { steps: count, ..expected }) || !(1..=told.height.0).contains(&first_height.0) {
            return Err(self.refuse(Reason::Blocks, "the manifest is of another tip"));
        }
        if count != told.next_epoch.0 {
            return Err(self.refuse(Reason::Path, format_args!("{count} steps before epoch {}", told.next_epoch)));
        }
        if tip.certificate.is_none() {
            return Err(self.refuse(Reason::Certificate, "the tip has none"));
        }
        // Soon, where it can be soon.
        if self.checkpoint.is_some_and(|c| c.height >= told.height) {
            self.check_checkpoint(&told)?;
        }
        let mut sets = Sets::new(self.genesis, steps);
        let (mut child, mut known) = (None::<HeaderFields>, Vec::new());
        let (stored, mut block) = (StoredTip::of(&tip), tip);
        loop {
            self.check_block(&block, child.as_ref(), &mut sets)?;
            self.keep(&block)?;
            let header = &block.block.header;
            if child.is_some() {
                known.push((header.height, header.hash(), block.result.hash()));
            }
            self.told(manifest, &[lasting, rows, header.height.0.saturating_sub(first_height.0)]);
            if header.height == first_height {
                self.check_first(header, validity_ms, told.time_ms)?;
                return Ok((stored, known));
            }
            child = Some((**header).clone());
            block = self.block(reader)?;
        }
    }

    fn block(&self, reader: &mut Reader<impl Read>) -> Result<FinalizedBlock, SnapshotError> {
        let body = self.frame(reader, Kind::Block)?;
        FinalizedBlock::decode(&body).map_err(|e| self.refuse(Reason::Blocks, e))
    }

    /// The block is the parent of the one above it, and of the epoch and validators to which the steps lead.
    fn check_block(
        &self,
        block: &FinalizedBlock,
        child: Option<&HeaderFields>,
        sets: &mut Sets<'_>,
    ) -> Result<(), SnapshotError> {
        let header = &block.block.header;
        let bad = |what: &str| self.refuse(Reason::Blocks, format_args!("block {}: {what}", header.height));
        let next_epoch = if block.ends_epoch() { header.epoch.next() } else { header.epoch };
        let linked = child.is_none_or(|c| {
            (c.parent, c.parent_view, c.height) == (header.hash(), header.view, header.height.next())
                && (c.epoch, c.validators, c.genesis) == (next_epoch, block.result.next_validators, header.genesis)
                && c.time_ms > header.time_ms
        });
        if !linked || header.genesis != self.genesis.digest() {
            return Err(bad("it is not the parent of the block above it"));
        }
        let step = sets.step(header.epoch);
        let validators = sets.at(header.epoch).map_err(|e| self.refuse(Reason::Path, e))?;
        if header.validators != validators.hash() {
            return Err(bad("it is of other validators"));
        }
        let uncertified = |why: &dyn std::fmt::Display| {
            self.refuse(Reason::Certificate, format_args!("block {}: {why}", header.height))
        };
        let ended = block.certificate.is_some() && step.is_some_and(|s| s.result == block.result.raw());
        if block.ends_epoch() && !ended {
            return Err(uncertified(&"the end of an epoch is certified by another step, or not at all"));
        }
        let verify = |c: &Certificate| c.verify(self.genesis.digest(), validators);
        block.certificate.as_ref().map_or(Ok(()), verify).map_err(|e| uncertified(&e))
    }

    /// Everything that could be replayed is in the blocks.
    fn check_first(&self, first: &HeaderFields, validity_ms: u64, tip_ms: u64) -> Result<(), SnapshotError> {
        if first.height == Height(1) {
            return if first.parent == self.genesis.block_hash() {
                Ok(())
            } else {
                Err(self.refuse(Reason::Blocks, "the first block is not on the genesis"))
            };
        }
        if first.time_ms.saturating_add(validity_ms) > tip_ms {
            let detail = format!("first={} tip={tip_ms} validity_ms={validity_ms}", first.time_ms);
            return Err(self.refuse(Reason::Window, detail));
        }
        Ok(())
    }

    /// Writes a block with its indices. Blocks come newest first, so that the first inclusion of a transaction is written
    /// last; one that was refused as a replay has its place in an earlier block.
    fn keep(&self, block: &FinalizedBlock) -> Result<(), SnapshotError> {
        let family = |f| self.database.family(f);
        let (header, mut batch) = (&block.block.header, WriteBatch::default());
        let bad =
            |e: hnchain_types::DecodeError| self.refuse(Reason::Blocks, format_args!("block {}: {e}", header.height));
        let height = codec::height_key(header.height);
        batch.put_cf(family(Family::Blocks), height, block.encode());
        batch.put_cf(family(Family::BlockHeights), header.hash(), height);
        let numbered: Vec<_> = (0u32..).zip(block.block.transactions.iter().zip(&block.receipts)).collect();
        for (index, (raw, receipt)) in numbered.into_iter().rev() {
            let id = Transaction::decode(raw).map_err(bad)?.id();
            let receipt = Receipt::decode(receipt).map_err(bad)?;
            if matches!(&receipt.outcome, Outcome::Rejected(r) if r.code == REPLAYED) {
                continue;
            }
            let place = codec::place(header.height, index);
            batch.put_cf(family(Family::Transactions), id, place);
            let validity_ms = self.genesis.document().parameters.validity_ms;
            if let Some(until) = lasting::outlasts(&block.block, index, validity_ms) {
                batch.put_cf(family(Family::Lasting), codec::lasting_key(until, &id), place);
            }
        }
        Ok(write(self.database, batch)?)
    }

    /// Transactions from before the first block. Their places are earlier than any in the blocks.
    fn take_lasting(&mut self, reader: &mut Reader<impl Read>, manifest: &Manifest) -> Result<(), SnapshotError> {
        let (mut left, mut last) = (manifest.lasting, None);
        while left > 0 {
            let chunk: Vec<Lasting> = self.part(reader, Kind::Lasting)?;
            let mut batch = WriteBatch::default();
            for (until, id, height, index) in &chunk {
                let key = codec::lasting_key(*until, id);
                let before = (1..manifest.first_height.0).contains(&height.0);
                if !before || *until < manifest.time_ms || last.is_some_and(|last| last >= key) {
                    return Err(self.refuse(Reason::Blocks, format_args!("transaction {id} is not a lasting one")));
                }
                last = Some(key);
                let place = codec::place(*height, *index);
                batch.put_cf(self.database.family(Family::Lasting), key, place);
                batch.put_cf(self.database.family(Family::Transactions), id, place);
            }
            left = self.less(left, chunk.len())?;
            write(self.database, batch)?;
            self.told(manifest, &[left, manifest.rows]);
        }
        Ok(())
    }

    /// The rows, from which the certified root must grow.
    fn take_rows(&mut self, reader: &mut Reader<impl Read>, manifest: &Manifest) -> Result<(), SnapshotError> {
        let planting = Planting::begin(self.database, manifest.height, manifest.rows)?;
        let mut planting =
            planting.ok_or_else(|| self.refuse(Reason::State, format_args!("{} rows", manifest.rows)))?;
        let (mut left, mut last) = (manifest.rows, None::<String>);
        while left > 0 {
            let chunk: Vec<(String, Vec<u8>)> = self.part(reader, Kind::Rows)?;
            left = self.less(left, chunk.len())?;
            for (key, row) in chunk {
                if last.as_ref().is_some_and(|last| *last >= key) {
                    return Err(self.refuse(Reason::State, format_args!("row {key} is out of order")));
                }
                last = Some(key.clone());
                planting.add(key, row)?;
            }
            self.told(manifest, &[left]);
        }
        let root = planting.finish()?;
        if root == manifest.state_root {
            Ok(())
        } else {
            Err(self.refuse(Reason::State, format_args!("rows={root} certified={}", manifest.state_root)))
        }
    }

    /// What is left after a chunk, which is neither empty nor more than was announced.
    fn less(&self, left: u64, chunk: usize) -> Result<u64, SnapshotError> {
        let rest = (chunk > 0).then(|| left.checked_sub(chunk as u64)).flatten();
        rest.ok_or_else(|| self.refuse(Reason::Damaged, "another number of parts than the manifest says"))
    }

    /// The row that each block writes of its parent names the parent's result, and so the receipts.
    fn check_results(&self, known: &[Known]) -> Result<(), SnapshotError> {
        for (height, block, result) in known {
            if self.reference(*height)? != Some((*block, *result)) {
                let detail = format!("block {height} has another result than the state says");
                return Err(self.refuse(Reason::Blocks, detail));
            }
        }
        Ok(())
    }

    fn check_checkpoint(&self, tip: &Tip) -> Result<(), SnapshotError> {
        let Some(checkpoint) = self.checkpoint else { return Ok(()) };
        let found = if checkpoint.height == tip.height {
            Some(tip.block)
        } else {
            self.reference(checkpoint.height)?.map(|(block, _)| block)
        };
        if found == Some(checkpoint.block) {
            return Ok(());
        }
        let found = found.map_or_else(|| "none".to_owned(), |block| block.to_string());
        Err(self.refuse(Reason::Checkpoint, format_args!("height={} found={found}", checkpoint.height)))
    }

    /// Block and result at a height below the tip, as the state has them.
    fn reference(&self, height: Height) -> Result<Option<(BlockHash, ResultHash)>, SnapshotError> {
        let Some(row) = self.database.get(Family::Rows, format!("block/{height}").as_bytes())? else { return Ok(None) };
        let row = proto::BlockReference::decode(row.as_slice()).map_err(|e| self.refuse(Reason::State, e))?;
        let digest = |bytes: &[u8]| bytes.try_into().map(hnchain_crypto::Digest).ok();
        Ok(digest(&row.block).map(BlockHash).zip(digest(&row.result).map(ResultHash)))
    }
}

/// Validators of the epochs, whose steps were followed. Blocks ask from the newest downwards, so one set is kept.
struct Sets<'a> {
    steps: &'a [proto::EpochStep],
    genesis: &'a ValidatorSet,
    kept: (Epoch, ValidatorSet),
}

impl<'a> Sets<'a> {
    fn new(genesis: &'a Genesis, steps: &'a [proto::EpochStep]) -> Self {
        Self { steps, genesis: genesis.validators(), kept: (genesis.epoch(), genesis.validators().clone()) }
    }

    /// The step that ends an epoch.
    fn step(&self, epoch: Epoch) -> Option<&'a proto::EpochStep> {
        self.steps.get(usize::try_from(epoch.0).ok()?)
    }

    fn at(&mut self, epoch: Epoch) -> Result<&ValidatorSet, String> {
        if self.kept.0 != epoch {
            let set = match epoch.previous() {
                None => self.genesis.clone(),
                Some(before) => {
                    let step = self.step(before).ok_or_else(|| format!("no step to epoch {epoch}"))?;
                    ValidatorSet::decode(&step.validators).map_err(|e| e.to_string())?
                }
            };
            self.kept = (epoch, set);
        }
        Ok(&self.kept.1)
    }
}
