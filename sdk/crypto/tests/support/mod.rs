//! The `openssl` command line as an oracle.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// OpenSSL with a directory of its own for files.
pub(crate) struct OpenSsl {
    directory: tempfile::TempDir,
}

impl OpenSsl {
    /// `None`, with a printed line, only where the machine has no `openssl`.
    pub(crate) fn find() -> Option<Self> {
        match Command::new("openssl").arg("version").output() {
            Ok(output) => {
                println!("oracle: {}", String::from_utf8_lossy(&output.stdout).trim());
                Some(Self { directory: tempfile::tempdir().unwrap() })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("SKIPPED: no openssl on this machine");
                None
            }
            Err(error) => panic!("openssl does not start: {error}"),
        }
    }

    /// Writes a file and says where it is.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command; `Err` is what it printed when it failed.
    pub(crate) fn try_run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let mut child = Command::new("openssl")
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input closes the pipe, which is no failure.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        self.try_run(arguments, input).unwrap_or_else(|e| panic!("openssl {arguments:?}: {e}"))
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `PrivateKeyInfo` of a secret key, not encrypted.
pub(crate) fn private_key_info(key: &hnchain_crypto::SecretKey) -> Vec<u8> {
    let head = hex::decode("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420").unwrap();
    let middle = hex::decode("a144034200").unwrap();
    [head, key.to_bytes().to_vec(), middle, key.uncompressed_public_key().to_vec()].concat()
}

/// `SubjectPublicKeyInfo` of a key.
pub(crate) fn public_key_info(key: &hnchain_crypto::SecretKey) -> Vec<u8> {
    let head = hex::decode("3059301306072a8648ce3d020106082a811ccf5501822d034200").unwrap();
    [head, key.uncompressed_public_key().to_vec()].concat()
}

/// A key from a small number: tests are the same on every run.
pub(crate) fn key(n: u64) -> hnchain_crypto::SecretKey {
    let seed = hnchain_crypto::sm3(&n.to_be_bytes());
    hnchain_crypto::SecretKey::from_bytes(&seed.0).unwrap()
}
