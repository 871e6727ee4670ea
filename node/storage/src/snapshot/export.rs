//! Writing a snapshot.

use super::format::{Frames, Kind};
use super::{Lasting, Manifest, Progress, Reason, SnapshotError, Summary};
use crate::codec::{self, MARK, META_TIP, StoredTip};
use crate::database::{Database, Family};
use crate::store::Store;
use crate::{StorageError, directory, epochs};
use hnchain_types::block::Header;
use hnchain_types::{Height, proto, wire};
use jmt::storage::Node;
use prost::Message;
use rocksdb::{DB, DBIteratorWithThreadMode, IteratorMode, ReadOptions, Snapshot};
use serde::Serialize;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Bytes of rows, and number of lasting transactions, that make a frame.
const CHUNK_BYTES: usize = 1024 * 1024;
const CHUNK_LASTING: usize = 10_000;

/// Writes a snapshot of the store at its tip to a file, while the store may be in use: everything is read from one
/// moment. `file` must not exist; it appears when it is whole and durable.
///
/// # Errors
/// Nothing to export; a file that exists; I/O and damage.
pub fn export(store: &Store, file: &Path, progress: Progress<'_>) -> Result<Summary, SnapshotError> {
    if file.try_exists().map_err(|e| StorageError::io(format!("look for {}", file.display()), &e))? {
        return Err(SnapshotError::new(file, Reason::Exists, ""));
    }
    let (folder, name) = place(file)?;
    let part = format!("{name}.part");
    let path = folder.join(&part);
    let io = |e: std::io::Error| StorageError::io(format!("write {}", path.display()), &e);
    let out = File::create(&path).map_err(io)?;
    let written = Export::begin(store, file).and_then(|export| {
        let frames = Frames::begin(BufWriter::with_capacity(CHUNK_BYTES, out)).map_err(io)?;
        export.write(frames, &path, progress)
    });
    match written {
        Ok(summary) => {
            directory::replace(folder, &part, name)?;
            Ok(summary)
        }
        Err(e) => {
            // A part that cannot be removed is in nobody's way: the next export begins it anew.
            drop(std::fs::remove_file(&path));
            Err(e)
        }
    }
}

/// The folder and the name of a file.
fn place(file: &Path) -> Result<(&Path, &str), SnapshotError> {
    let name = file.file_name().and_then(std::ffi::OsStr::to_str);
    let name = name.ok_or_else(|| StorageError::Misuse(format!("{} is not the name of a file", file.display())))?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    Ok((folder, name))
}

/// One moment of a store.
struct Export<'a> {
    store: &'a Store,
    snapshot: Snapshot<'a>,
    tip: StoredTip,
    first: Height,
}

impl<'a> Export<'a> {
    fn begin(store: &'a Store, file: &Path) -> Result<Self, SnapshotError> {
        let database = &store.inner.database;
        let snapshot = database.rocks().snapshot();
        let tip = get(database, &snapshot, Family::Meta, META_TIP)?;
        let tip = tip.ok_or_else(|| database.damaged("meta row `tip` is missing"))?;
        let tip: StoredTip = wire::decode("tip", &tip).map_err(|e| database.damaged(e.to_string()))?;
        if tip.tip.certificate.is_none() {
            return Err(SnapshotError::new(file, Reason::Nothing, ""));
        }
        let mut export = Self { store, snapshot, tip, first: store.first_height() };
        export.first = export.window_begin(file)?;
        Ok(export)
    }

    fn database(&self) -> &'a Database {
        &self.store.inner.database
    }

    fn all(&self, family: Family) -> DBIteratorWithThreadMode<'_, DB> {
        // What is read once should not push out what the node reads all the time.
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        self.snapshot.iterator_cf_opt(self.database().family(family), options, IteratorMode::Start)
    }

    fn block(&self, height: Height) -> Result<Vec<u8>, SnapshotError> {
        let block = get(self.database(), &self.snapshot, Family::Blocks, &codec::height_key(height))?;
        Ok(block.ok_or_else(|| self.database().damaged(format!("the block at height {height} is missing")))?)
    }

    /// The newest block that is at least one longest validity older than the tip; times ascend with heights.
    fn window_begin(&self, file: &Path) -> Result<Height, SnapshotError> {
        let (validity_ms, tip) = (self.store.inner.validity_ms, &self.tip.tip);
        let old = |height| Ok::<_, SnapshotError>(self.time_of(Height(height))? + validity_ms <= tip.time_ms);
        let (mut low, mut high) = (self.first.0, tip.height.0);
        if !old(low)? {
            let all = low == 1;
            return if all { Ok(self.first) } else { Err(SnapshotError::new(file, Reason::Window, "")) };
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if old(middle)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(Height(low))
    }

    fn time_of(&self, height: Height) -> Result<u64, SnapshotError> {
        let damaged = |why: String| self.database().damaged(format!("the block at height {height}: {why}"));
        let block =
            proto::FinalizedBlock::decode(self.block(height)?.as_slice()).map_err(|e| damaged(e.to_string()))?;
        let header = Header::decode(&block.block.unwrap_or_default().header).map_err(|e| damaged(e.to_string()))?;
        Ok(header.time_ms)
    }

    fn manifest(&self) -> Result<Manifest, SnapshotError> {
        let lasting = self.lasting().try_fold(0, |n, entry| entry.map(|_| n + 1))?;
        Ok(Manifest {
            first_height: self.first,
            steps: self.tip.tip.next_epoch.0,
            lasting,
            rows: self.count_rows()?,
            ..Manifest::of(self.store.genesis(), &self.tip.tip)
        })
    }

    /// The root of the state tree knows how many leaves there are.
    fn count_rows(&self) -> Result<u64, SnapshotError> {
        let (database, height) = (self.database(), self.tip.tip.height);
        let root = get(database, &self.snapshot, Family::Nodes, &codec::path_key(height.0, &[]))?;
        let root =
            root.ok_or_else(|| database.damaged(format!("the state root node at height {height} is missing")))?;
        Ok(match codec::read_node(&root).map_err(|e| database.damaged(e.to_string()))? {
            Node::Null => 0,
            Node::Leaf(_) => 1,
            Node::Internal(inner) => inner.leaf_count() as u64,
        })
    }

    /// Transactions from before the first block that could still be replayed.
    fn lasting(&self) -> impl Iterator<Item = Result<Lasting, SnapshotError>> + '_ {
        let database = self.database();
        let entries = self.all(Family::Lasting).map(move |row| {
            let (key, place) = row.map_err(|e| database.failed(&e))?;
            let entry = codec::read_lasting_key(&key).zip(codec::read_place(&place));
            let ((until, id), (height, index)) = entry.ok_or_else(|| database.damaged("a row of family Lasting"))?;
            Ok((until, id, height, index))
        });
        entries.filter(|entry| entry.as_ref().map_or(true, |(_, _, height, _)| *height < self.first))
    }

    fn write(
        &self,
        mut frames: Frames<BufWriter<File>>,
        path: &Path,
        progress: Progress<'_>,
    ) -> Result<Summary, SnapshotError> {
        let io = |e: std::io::Error| StorageError::io(format!("write {}", path.display()), &e);
        let manifest = self.manifest()?;
        let (mut done, total) = (0, manifest.items());
        frames.put(Kind::Manifest, &encode("manifest", &manifest)?).map_err(io)?;
        for step in epochs::steps(self.database(), self.all(Family::Epochs), self.tip.tip.next_epoch)? {
            frames.put(Kind::Step, &step.encode_to_vec()).map_err(io)?;
        }
        for height in (self.first.0..=manifest.height.0).rev() {
            frames.put(Kind::Block, &self.block(Height(height))?).map_err(io)?;
            done += 1;
            progress(done, total);
        }
        let lasting = self.lasting().collect::<Result<Vec<_>, _>>()?;
        for chunk in lasting.chunks(CHUNK_LASTING) {
            frames.put(Kind::Lasting, &encode("lasting transactions", &chunk)?).map_err(io)?;
            done += chunk.len() as u64;
        }
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for row in self.all(Family::Rows) {
            let (key, row) = row.map_err(|e| self.database().failed(&e))?;
            if *key == *MARK {
                continue;
            }
            let key = String::from_utf8(key.into_vec()).map_err(|e| self.database().damaged(e.to_string()))?;
            bytes += key.len() + row.len();
            chunk.push((key, row.into_vec()));
            if bytes >= CHUNK_BYTES {
                frames.put(Kind::Rows, &encode("rows", &chunk)?).map_err(io)?;
                done += chunk.len() as u64;
                progress(done, total);
                (chunk, bytes) = (Vec::new(), 0);
            }
        }
        if !chunk.is_empty() {
            frames.put(Kind::Rows, &encode("rows", &chunk)?).map_err(io)?;
            done += chunk.len() as u64;
        }
        if done != total {
            return Err(self.database().damaged("rows and state tree are not of one state").into());
        }
        progress(done, total);
        let (out, digest) = frames.end().map_err(io)?;
        out.get_ref().sync_all().map_err(io)?;
        Ok(Summary { manifest, digest })
    }
}

fn get(
    database: &Database,
    snapshot: &Snapshot<'_>,
    family: Family,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StorageError> {
    snapshot.get_cf(database.family(family), key).map_err(|e| database.failed(&e))
}

fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, StorageError> {
    wire::encode(what, value).map_err(|e| StorageError::Misuse(e.to_string()))
}
