//! Locks and durable renames in the data directory.

use crate::StorageError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Takes an exclusive lock on a file of the directory for as long as the returned handle lives. The operating system
/// releases it when the process ends, however it ends.
pub(crate) fn lock(directory: &Path, name: &str) -> Result<File, StorageError> {
    std::fs::create_dir_all(directory).map_err(|e| StorageError::io(format!("create {}", directory.display()), &e))?;
    let path = directory.join(name);
    let describe = || format!("lock {}", path.display());
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| StorageError::io(describe(), &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked { directory: directory.to_owned() }),
        Err(TryLockError::Error(e)) => Err(StorageError::io(describe(), &e)),
    }
}

/// Makes creations and renames in a directory durable.
pub(crate) fn sync(directory: &Path) -> Result<(), StorageError> {
    File::open(directory)
        .and_then(|d| d.sync_all())
        .map_err(|e| StorageError::io(format!("sync {}", directory.display()), &e))
}

/// Puts a file or directory, whose content is durable, in the place of another, durably.
pub(crate) fn replace(directory: &Path, from: &str, to: &str) -> Result<(), StorageError> {
    let (from, to) = (directory.join(from), directory.join(to));
    std::fs::rename(&from, &to)
        .map_err(|e| StorageError::io(format!("rename {} to {}", from.display(), to.display()), &e))?;
    sync(directory)
}
