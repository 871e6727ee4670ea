//! Reading what users name and writing what they must not lose.

use crate::failure::Failure;
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only its owner: keys and openings.
    Owner,
    /// Everybody, as far as the umask allows.
    Everybody,
}

/// What to do with a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Replace it.
    Replace,
}

/// Writes a whole file or nothing: a temporary file beside it, synced, then renamed, then the folder synced.
///
/// # Errors
/// The file exists ([`Existing::Refuse`]), or the system refuses.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access, existing: Existing) -> Result<(), Failure> {
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let failed = |e: &std::io::Error| Failure::file(path, e);
    let mode = if access == Access::Owner { 0o600 } else { 0o644 };
    let mut file = tempfile::Builder::new()
        .prefix(".hnchain-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(|e| failed(&e))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
    let kept = match existing {
        Existing::Refuse => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    };
    kept.map_err(|e| match e.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => failed(&e.error),
    })?;
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| failed(&e))
}

/// A file that is there and stays.
pub(crate) fn exists(path: &Path) -> Failure {
    let shown = path.display();
    Failure::usage("FILE_EXISTS", format!("{shown} exists and is not replaced"), format!("{shown} 已存在，不会覆盖"))
        .hint("choose another name, or move the old file away", "请另选文件名，或先移走原文件")
}

/// Reads a file of bounded size; `-` is standard input.
///
/// # Errors
/// The system refuses, or the file is larger than `max` bytes.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|f| f.take(limit).read_to_end(&mut bytes))
    };
    outcome.map_err(|e| Failure::file(path, &e))?;
    if bytes.len() > max {
        let shown = path.display();
        return Err(Failure::usage(
            "FILE_TOO_LARGE",
            format!("{shown}: more than {max} bytes"),
            format!("{shown}：超过 {max} 字节"),
        ));
    }
    Ok(bytes)
}

/// As [`read`], for text.
///
/// # Errors
/// As [`read`], or bytes that are not UTF-8.
pub(crate) fn read_text(path: &Path, max: usize) -> Result<String, Failure> {
    String::from_utf8(read(path, max)?).map_err(|_| {
        let shown = path.display();
        Failure::usage("FILE_TEXT", format!("{shown}: not UTF-8 text"), format!("{shown}：不是 UTF-8 文本"))
    })
}

/// A path beside the file that names it: paths inside a file are relative to that file.
#[must_use]
pub(crate) fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusing_leaves_the_old_file_and_no_litter() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a");
        write(&path, b"old", Access::Owner, Existing::Refuse).expect("new file");
        let e = write(&path, b"new", Access::Owner, Existing::Refuse).expect_err("exists");
        assert_eq!(e.code(), "FILE_EXISTS");
        assert_eq!(read(&path, 10).expect("readable"), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 1);
    }

    #[test]
    fn secrets_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a");
        write(&path, b"x", Access::Owner, Existing::Replace).expect("new file");
        write(&path, b"y", Access::Owner, Existing::Replace).expect("replaced");
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn large_files_are_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a");
        write(&path, &[0; 11], Access::Everybody, Existing::Refuse).expect("new file");
        assert_eq!(read(&path, 10).expect_err("11 bytes").code(), "FILE_TOO_LARGE");
        assert_eq!(read(&path, 11).expect("fits").len(), 11);
    }
}
