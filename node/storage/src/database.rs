//! RocksDB as this node uses it: families, tuning and the meaning of its errors.
//!
//! # Numbers
//! Four nodes must fit on a machine with two cores beside everything else. One node's RocksDB takes at most about
//! 110 MiB: [`CACHE_BYTES`] of block cache (which also holds filters and indices), [`MEMTABLE_BYTES`] of memtables over
//! all families with as much again while they are flushed. The write-ahead log is at most [`WAL_BYTES`], read once at
//! start. Two background threads compact.
//!
//! # Recovery mode
//! `TolerateCorruptedTailRecords`: a record that ends early at the end of the log is what a crash leaves and is dropped;
//! anything else that is wrong refuses to open. RocksDB's default (`PointInTime`) would silently go back to before the
//! damage and so forget blocks that were acknowledged. Closed logs are also listed with their sizes in the manifest, so
//! that a missing or shortened one is noticed. Log files are not recycled, because old records after the end would hide
//! a torn tail. Two kinds of damage look like a torn tail and cannot be told from one: bytes cut off the end of the newest
//! log, and a changed length field in its last 32 KiB. The store then opens at an earlier block, whole, and the node
//! fetches the rest again.

use crate::StorageError;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Direction,
    Error, ErrorKind, IteratorMode, LogLevel, Options,
};
use std::path::{Path, PathBuf};

/// Blocks, filters and indices of table files, shared by all families.
const CACHE_BYTES: usize = 48 * 1024 * 1024;
/// Memtables of all families together.
const MEMTABLE_BYTES: usize = 32 * 1024 * 1024;
/// Write-ahead log before the oldest memtables are flushed.
const WAL_BYTES: u64 = 96 * 1024 * 1024;
/// Open table files.
const OPEN_FILES: i32 = 256;
/// Bloom filter: ten bits a key answer 99 of 100 lookups of absent keys without reading.
const BLOOM_BITS: f64 = 10.0;

/// Column families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Blocks,
    BlockHeights,
    Transactions,
    Rows,
    Nodes,
    Stale,
    Epochs,
    Lasting,
    Meta,
}

impl Family {
    const ALL: [Self; 9] = [
        Self::Blocks,
        Self::BlockHeights,
        Self::Transactions,
        Self::Rows,
        Self::Nodes,
        Self::Stale,
        Self::Epochs,
        Self::Lasting,
        Self::Meta,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::BlockHeights => "block_heights",
            Self::Transactions => "transactions",
            Self::Rows => "rows",
            Self::Nodes => "nodes",
            Self::Stale => "stale",
            Self::Epochs => "epochs",
            Self::Lasting => "lasting",
            Self::Meta => "meta",
        }
    }

    fn options(self, cache: &Cache) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        let mut options = Options::default();
        if matches!(self, Self::BlockHeights | Self::Transactions | Self::Rows | Self::Nodes) {
            table.set_bloom_filter(BLOOM_BITS, false);
            options.set_memtable_whole_key_filtering(true);
            options.set_memtable_prefix_bloom_ratio(0.02);
        }
        options.set_block_based_table_factory(&table);
        let (buffer, compression) = match self {
            Self::Blocks => (16, DBCompressionType::Lz4),
            // Node values are hashes, which do not compress.
            Self::Nodes => (16, DBCompressionType::None),
            Self::Rows => (8, DBCompressionType::Lz4),
            Self::Transactions | Self::BlockHeights | Self::Stale | Self::Epochs | Self::Lasting | Self::Meta => {
                (4, DBCompressionType::Lz4)
            }
        };
        options.set_write_buffer_size(buffer * 1024 * 1024);
        options.set_max_write_buffer_number(2);
        options.set_target_file_size_base(16 * 1024 * 1024);
        options.set_max_bytes_for_level_base(64 * 1024 * 1024);
        options.set_compression_type(compression);
        options
    }
}

fn options(create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.set_error_if_exists(create);
    options.create_missing_column_families(create);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_recycle_log_file_num(0);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_db_write_buffer_size(MEMTABLE_BYTES);
    options.set_max_open_files(OPEN_FILES);
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(1024 * 1024);
    options.set_keep_log_file_num(3);
    options.set_max_log_file_size(1024 * 1024);
    options.set_log_level(LogLevel::Warn);
    options
}

/// Key and value.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// An open RocksDB whose errors name the data directory.
pub(crate) struct Database {
    rocks: DB,
    directory: PathBuf,
}

impl Database {
    /// Makes a new one in `path`, which belongs to the data directory `directory`.
    pub(crate) fn create(path: &Path, directory: &Path) -> Result<Self, StorageError> {
        Self::start(path, directory, true)
    }

    /// Opens an existing one. A missing file is damage, never a reason to begin anew.
    pub(crate) fn open(path: &Path, directory: &Path) -> Result<Self, StorageError> {
        let database = Self::start(path, directory, false)?;
        // A compaction that ends meanwhile must not delete what was just listed.
        database.rocks.disable_file_deletions().map_err(|e| database.failed(&e))?;
        let checked = database.check_files(path);
        database.rocks.enable_file_deletions().map_err(|e| database.failed(&e))?;
        checked.map(|()| database)
    }

    /// RocksDB opens only some table files at start; each one that is in use must be there in its full length.
    fn check_files(&self, path: &Path) -> Result<(), StorageError> {
        for live in self.rocks.live_files().map_err(|e| self.failed(&e))? {
            let file = path.join(live.name.trim_start_matches('/'));
            let length = match std::fs::metadata(&file) {
                Ok(metadata) => metadata.len(),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    return Err(self.damaged(format!("{} is missing", file.display())));
                }
                Err(e) => return Err(StorageError::io(format!("look at {}", file.display()), &e)),
            };
            if length != live.size as u64 {
                return Err(self.damaged(format!("{} has {length} bytes, not {}", file.display(), live.size)));
            }
        }
        Ok(())
    }

    fn start(path: &Path, directory: &Path, create: bool) -> Result<Self, StorageError> {
        let cache = Cache::new_lru_cache(CACHE_BYTES);
        let families = Family::ALL.map(|f| ColumnFamilyDescriptor::new(f.name(), f.options(&cache)));
        let rocks = DB::open_cf_descriptors(&options(create), path, families).map_err(|e| on_open(directory, &e))?;
        Ok(Self { rocks, directory: directory.to_owned() })
    }

    /// Writes every memtable to its table file: what follows does not depend on the log.
    pub(crate) fn flush(&self) -> Result<(), StorageError> {
        for family in Family::ALL {
            self.rocks.flush_cf(self.family(family)).map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    pub(crate) fn rocks(&self) -> &DB {
        &self.rocks
    }

    pub(crate) fn family(&self, family: Family) -> &ColumnFamily {
        self.rocks.cf_handle(family.name()).expect("every family was opened with the database")
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.rocks.get_cf(self.family(family), key).map_err(|e| self.failed(&e))
    }

    /// Entries from a key on, in order.
    pub(crate) fn from(&self, family: Family, key: &[u8]) -> impl Iterator<Item = Result<Entry, StorageError>> {
        let entries = self.rocks.iterator_cf(self.family(family), IteratorMode::From(key, Direction::Forward));
        entries.map(|entry| entry.map(|(k, v)| (k.into_vec(), v.into_vec())).map_err(|e| self.failed(&e)))
    }

    /// Meaning of an error while reading or writing.
    pub(crate) fn failed(&self, e: &Error) -> StorageError {
        let io = || StorageError::Io { what: self.directory.display().to_string(), why: e.to_string() };
        match e.kind() {
            ErrorKind::Corruption | ErrorKind::NotFound => self.damaged(e.to_string()),
            ErrorKind::IOError if is_missing_file(e) => self.damaged(e.to_string()),
            _ => io(),
        }
    }

    pub(crate) fn damaged(&self, why: impl Into<String>) -> StorageError {
        StorageError::Damaged { directory: self.directory.clone(), why: why.into() }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

fn is_missing_file(e: &Error) -> bool {
    e.as_ref().contains("No such file")
}

fn on_open(directory: &Path, e: &Error) -> StorageError {
    let (directory, why) = (directory.to_owned(), e.to_string());
    match e.kind() {
        ErrorKind::IOError if why.contains("lock") => StorageError::Locked { directory },
        ErrorKind::NotSupported => StorageError::Format { directory, why },
        ErrorKind::InvalidArgument if why.contains("olumn famil") => StorageError::Format { directory, why },
        ErrorKind::Corruption | ErrorKind::NotFound | ErrorKind::InvalidArgument => {
            StorageError::Damaged { directory, why }
        }
        ErrorKind::IOError if is_missing_file(e) => StorageError::Damaged { directory, why },
        _ => StorageError::Io { what: format!("open {}", directory.display()), why },
    }
}
