//! The store: what is final, on disk.

use crate::codec::{
    self, FORMAT, Identity, MARK, META_FIRST, META_FORMAT, META_IDENTITY, META_PRUNED, META_TIP, StoredTip,
};
use crate::database::{Database, Family};
use crate::{StorageError, directory, tree};
use hnchain_crypto::{Digest, Hasher};
use hnchain_types::block::{FinalizedBlock, Header};
use hnchain_types::certificate::Certificate;
use hnchain_types::genesis::Genesis;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, ResultHash, StateRoot, TxId, ValidatorsHash, View, wire};
use jmt::storage::Node;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{WriteBatch, WriteOptions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// RocksDB's directory inside the data directory.
pub(crate) const STORE: &str = "store";
/// Where a new one is made, so that a crash leaves either none or a whole one.
pub(crate) const STORE_NEW: &str = "store.new";
pub(crate) const STORE_LOCK: &str = "store.lock";

/// What an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many versions of the state tree behind the tip stay complete. Older nodes that no kept version needs are
    /// deleted. At least 1; `u64::MAX` keeps all (an archive).
    pub keep_versions: u64,
}

impl Default for Options {
    /// 256 versions: at two blocks a second the last two minutes, long enough for whoever reads an older state.
    fn default() -> Self {
        Self { keep_versions: 256 }
    }
}

/// The newest final block, or the genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Height; 0 at genesis.
    pub height: Height,
    /// View in which it was proposed; 0 at genesis.
    pub view: View,
    /// Epoch of that view.
    pub epoch: Epoch,
    /// Its time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Its hash; at genesis the hash that the first block names as its parent.
    pub block: BlockHash,
    /// Hash of its execution result; `None` at genesis.
    pub result: Option<ResultHash>,
    /// Root of the state after it.
    pub state_root: StateRoot,
    /// Its finalization, or that of the last header of `closing`; `None` only at genesis.
    pub certificate: Option<Certificate>,
    /// Void blocks of its epoch from its child to the one that the certificate finalizes; mostly empty.
    pub closing: Vec<Header>,
    /// Epoch of the next block: another than `epoch` where this block was its epoch's last.
    pub next_epoch: Epoch,
    /// Validators of the next block.
    pub next_validators: ValidatorsHash,
}

/// The durable state of one chain. Cloning gives another handle to the same store; all handles may be used from any
/// thread at once. The directory is released when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) genesis: GenesisDigest,
    genesis_root: StateRoot,
    pub(crate) keep_versions: u64,
    /// Longest validity of a transaction, a parameter of the chain.
    pub(crate) validity_ms: u64,
    first: Height,
    pub(crate) tip: RwLock<Tip>,
    /// Lowest version whose stale nodes are not yet deleted. Held by the one writer while it writes.
    pub(crate) pruned: Mutex<u64>,
    // Last, so that the database is closed before the directory is released.
    _lock: File,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("directory", &self.inner.database.directory()).field("tip", &self.tip()).finish()
    }
}

impl Store {
    /// Whether a data directory holds a store.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn exists(directory: &Path) -> Result<bool, StorageError> {
        is_absent(&directory.join(STORE)).map(|absent| !absent)
    }

    /// Opens the store of a chain in a data directory, and makes it where there is none. `genesis_rows` are the rows of
    /// the state at height 0 by their readable keys.
    ///
    /// # Errors
    /// A directory of another chain, of other initial rows or of another format; one that is in use; damaged files.
    pub fn open(
        directory: &Path,
        genesis: &Genesis,
        genesis_rows: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, StorageError> {
        Self::open_with(directory, genesis, genesis_rows, Options::default())
    }

    /// As [`Store::open`], with the operator's choices.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        directory: &Path,
        genesis: &Genesis,
        genesis_rows: &BTreeMap<String, Vec<u8>>,
        options: Options,
    ) -> Result<Self, StorageError> {
        let lock = directory::lock(directory, STORE_LOCK)?;
        if is_absent(&directory.join(STORE))? {
            create(directory, genesis, genesis_rows)?;
        }
        let database = Database::open(&directory.join(STORE), directory)?;
        let identity = check_identity(&database, genesis, genesis_rows)?;
        let tip = check_tip(&database)?;
        let height = |what: &str, key| {
            let row = database.get(Family::Meta, key)?.and_then(|b| codec::read_height(&b));
            row.ok_or_else(|| database.damaged(format!("meta row `{what}` is missing or malformed")))
        };
        let (pruned, first) = (height("pruned", META_PRUNED)?, height("first", META_FIRST)?);
        let inner = Inner {
            database,
            genesis: identity.genesis,
            genesis_root: identity.genesis_root,
            keep_versions: options.keep_versions.max(1),
            validity_ms: genesis.document().parameters.validity_ms,
            first,
            tip: RwLock::new(tip),
            pruned: Mutex::new(pruned.0),
            _lock: lock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The newest final block, or the genesis.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.inner.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Identity of the chain.
    #[must_use]
    pub fn genesis(&self) -> GenesisDigest {
        self.inner.genesis
    }

    /// Root of the state at height 0.
    #[must_use]
    pub fn genesis_root(&self) -> StateRoot {
        self.inner.genesis_root
    }

    /// Height of the first block that is here: 1, or higher where the store began from a snapshot.
    #[must_use]
    pub fn first_height(&self) -> Height {
        self.inner.first
    }

    /// The encoded `FinalizedBlock` at a height from [`Store::first_height`] up to the tip's.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn block(&self, height: Height) -> Result<Option<Vec<u8>>, StorageError> {
        self.inner.database.get(Family::Blocks, &codec::height_key(height))
    }

    /// Height of a final block.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn height_of(&self, block: &BlockHash) -> Result<Option<Height>, StorageError> {
        let database = &self.inner.database;
        let Some(bytes) = database.get(Family::BlockHeights, block.as_ref())? else { return Ok(None) };
        codec::read_height(&bytes).map(Some).ok_or_else(|| database.damaged(format!("height row of block {block}")))
    }

    /// Where a transaction was first included in a final block that is here: height and index.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn transaction(&self, id: &TxId) -> Result<Option<(Height, u32)>, StorageError> {
        Ok(self.included(id)?.filter(|(height, _)| *height >= self.inner.first))
    }

    /// Where a transaction was first included, for the rule against replays. Of those included below
    /// [`Store::first_height`] the ones are known that a later block could still include.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StorageError> {
        let database = &self.inner.database;
        let Some(bytes) = database.get(Family::Transactions, id.as_ref())? else { return Ok(None) };
        codec::read_place(&bytes).map(Some).ok_or_else(|| database.damaged(format!("index row of transaction {id}")))
    }

    /// A row of the state after the tip.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.inner.database.get(Family::Rows, key.as_bytes())
    }

    /// Rows of the state after the tip whose keys begin with a prefix, in the order of their keys: those after a key, at
    /// most so many and, beyond the first, at most so many bytes. One consistent state.
    ///
    /// # Errors
    /// I/O and damage.
    pub fn rows(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
        bytes: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        let database = &self.inner.database;
        let from = after.filter(|a| *a >= prefix).map_or_else(|| prefix.to_owned(), |a| format!("{a}\0"));
        let (mut found, mut size) = (Vec::new(), 0);
        for entry in database.from(Family::Rows, from.as_bytes()) {
            let (key, row) = entry?;
            if found.len() >= most || !key.starts_with(prefix.as_bytes()) {
                break;
            }
            size += key.len() + row.len();
            if size > bytes && !found.is_empty() {
                break;
            }
            let key = String::from_utf8(key).map_err(|_| database.damaged("a row's key is not text".to_owned()))?;
            found.push((key, row));
        }
        Ok(found)
    }

    /// Makes a backup while the store is in use: a data directory whose `store` holds the newest final block. Table files
    /// are linked where the file system allows it. `target` must not exist; the vote journal is not part of a backup,
    /// because an old one is worse than none.
    ///
    /// # Errors
    /// A target that exists; I/O and damage.
    pub fn backup(&self, target: &Path) -> Result<(), StorageError> {
        let database = &self.inner.database;
        std::fs::create_dir(target).map_err(|e| StorageError::io(format!("create {}", target.display()), &e))?;
        Checkpoint::new(database.rocks())
            .and_then(|c| c.create_checkpoint(target.join(STORE)))
            .map_err(|e| database.failed(&e))?;
        directory::sync(target)
    }

    pub(crate) fn node(&self, key: &[u8]) -> Result<Option<Node>, StorageError> {
        let database = &self.inner.database;
        let Some(bytes) = database.get(Family::Nodes, key)? else { return Ok(None) };
        codec::read_node(&bytes).map(Some).map_err(|e| database.damaged(e.to_string()))
    }
}

/// Whether there is no store yet. An empty directory counts as none: operators prepare mount points.
pub(crate) fn is_absent(path: &Path) -> Result<bool, StorageError> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(StorageError::io(format!("read {}", path.display()), &e)),
    }
}

/// Removes what a crash left of a store that was being made.
pub(crate) fn clear(path: &Path) -> Result<(), StorageError> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageError::io(format!("remove {}", path.display()), &e))
        }
        _ => Ok(()),
    }
}

/// Makes the store beside its place, then moves it there: a crash before the move leaves nothing that counts.
fn create(directory: &Path, genesis: &Genesis, rows: &BTreeMap<String, Vec<u8>>) -> Result<(), StorageError> {
    let path = directory.join(STORE_NEW);
    clear(&path)?;
    let database = Database::create(&path, directory)?;
    let family = |f| database.family(f);
    let update = tree::genesis(rows).map_err(|e| tree::failed(&database, e))?;
    let mut batch = WriteBatch::default();
    batch.put_cf(family(Family::Meta), META_PRUNED, codec::height_key(Height(1)));
    for (key, row) in rows {
        batch.put_cf(family(Family::Rows), key, row);
    }
    for (key, node) in update.nodes.nodes() {
        let bytes = codec::node(node).map_err(|e| StorageError::Misuse(e.to_string()))?;
        batch.put_cf(family(Family::Nodes), codec::node_key(key), bytes);
    }
    let tip = Tip {
        height: Height(0),
        view: View(0),
        epoch: genesis.epoch(),
        time_ms: genesis.document().time_ms,
        block: genesis.block_hash(),
        result: None,
        state_root: update.root,
        certificate: None,
        closing: Vec::new(),
        next_epoch: genesis.epoch(),
        next_validators: genesis.validators().hash(),
    };
    put_identity(&mut batch, &database, genesis, rows, update.root, Height(1))?;
    put_tip(&mut batch, &database, &StoredTip { tip, header: Vec::new(), result: Vec::new() })?;
    write(&database, batch)?;
    drop(database);
    directory::replace(directory, STORE_NEW, STORE)
}

/// Puts what a new store is told once. `first` is the height of the first block that it will hold.
pub(crate) fn put_identity(
    batch: &mut WriteBatch,
    database: &Database,
    genesis: &Genesis,
    rows: &BTreeMap<String, Vec<u8>>,
    genesis_root: StateRoot,
    first: Height,
) -> Result<(), StorageError> {
    let identity = Identity { genesis: genesis.digest(), genesis_rows: digest_of(rows), genesis_root };
    let meta = database.family(Family::Meta);
    batch.put_cf(meta, META_FORMAT, FORMAT.to_be_bytes());
    batch.put_cf(meta, META_IDENTITY, encode("identity", &identity)?);
    batch.put_cf(meta, META_FIRST, codec::height_key(first));
    Ok(())
}

/// Puts the tip and the marks of the families that have no row for each block.
pub(crate) fn put_tip(batch: &mut WriteBatch, database: &Database, tip: &StoredTip) -> Result<(), StorageError> {
    let height = codec::height_key(tip.tip.height);
    batch.put_cf(database.family(Family::Meta), META_TIP, encode("tip", tip)?);
    batch.put_cf(database.family(Family::Rows), MARK, height);
    batch.put_cf(database.family(Family::Transactions), MARK, height);
    Ok(())
}

/// Writes a batch and waits until it is on the disk.
pub(crate) fn write(database: &Database, batch: WriteBatch) -> Result<(), StorageError> {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    database.rocks().write_opt(batch, &options).map_err(|e| database.failed(&e))
}

fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, StorageError> {
    wire::encode(what, value).map_err(|e| StorageError::Misuse(e.to_string()))
}

/// Commitment to the initial rows: lengths make the concatenation unambiguous.
fn digest_of(rows: &BTreeMap<String, Vec<u8>>) -> Digest {
    let mut hasher = Hasher::new();
    for part in rows.iter().flat_map(|(key, row)| [key.as_bytes(), row.as_slice()]) {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

fn check_identity(
    database: &Database,
    genesis: &Genesis,
    rows: &BTreeMap<String, Vec<u8>>,
) -> Result<Identity, StorageError> {
    let directory = database.directory().to_owned();
    let format = database
        .get(Family::Meta, META_FORMAT)?
        .and_then(|b| b.try_into().ok().map(u32::from_be_bytes))
        .ok_or_else(|| database.damaged("meta row `format` is missing or malformed"))?;
    if format != FORMAT {
        let why = format!("it has format {format}, this release reads format {FORMAT}");
        return Err(StorageError::Format { directory, why });
    }
    let identity: Identity = read_meta(database, "identity", META_IDENTITY)?;
    if identity.genesis != genesis.digest() {
        return Err(StorageError::OtherChain { directory, found: identity.genesis, expected: genesis.digest() });
    }
    if identity.genesis_rows != digest_of(rows) {
        return Err(StorageError::OtherRules { directory });
    }
    Ok(identity)
}

fn read_meta<T: serde::de::DeserializeOwned>(
    database: &Database,
    what: &'static str,
    key: &[u8],
) -> Result<T, StorageError> {
    let bytes =
        database.get(Family::Meta, key)?.ok_or_else(|| database.damaged(format!("meta row `{what}` is missing")))?;
    wire::decode(what, &bytes).map_err(|e| database.damaged(e.to_string()))
}

/// The self-check at start: tip, its block, its indices, the marks and the root of the tree name the same block.
fn check_tip(database: &Database) -> Result<Tip, StorageError> {
    let stored: StoredTip = read_meta(database, "tip", META_TIP)?;
    let tip = &stored.tip;
    let height = codec::height_key(tip.height);
    let ensure = |holds: bool, what: &str| {
        if holds {
            Ok(())
        } else {
            Err(database.damaged(format!("{what} at height {} disagrees with the tip", tip.height)))
        }
    };
    for family in [Family::Rows, Family::Transactions] {
        let mark = database.get(family, MARK)?;
        ensure(mark.as_deref() == Some(&height[..]), &format!("the mark of family {family:?}"))?;
    }
    let root = database
        .get(Family::Nodes, &codec::path_key(tip.height.0, &[]))?
        .ok_or_else(|| database.damaged(format!("the state root node at height {} is missing", tip.height)))?;
    let root = codec::read_node(&root).map_err(|e| database.damaged(e.to_string()))?;
    ensure(tree::root_of(&root) == tip.state_root, "the state root node")?;
    if tip.height == Height(0) {
        ensure(tip.result.is_none() && tip.certificate.is_none(), "the genesis")?;
        return Ok(stored.tip);
    }
    let index = database.get(Family::BlockHeights, tip.block.as_ref())?;
    ensure(index.as_deref() == Some(&height[..]), "the index of blocks")?;
    let block = database
        .get(Family::Blocks, &height)?
        .ok_or_else(|| database.damaged(format!("the block at height {} is missing", tip.height)))?;
    let block = FinalizedBlock::decode(&block)
        .map_err(|e| database.damaged(format!("the block at height {}: {e}", tip.height)))?;
    ensure(block.block.header.hash() == tip.block && block.certified().raw() == stored.header, "the block")?;
    ensure(Some(block.result.hash()) == tip.result && block.result.raw() == stored.result, "the result")?;
    ensure(block.result.state_root == tip.state_root, "the certified state root")?;
    let certified = tip.certificate.is_some() && block.certificate == tip.certificate && block.closing == tip.closing;
    ensure(certified, "the certificate")?;
    Ok(stored.tip)
}
