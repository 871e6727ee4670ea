//! The files that a node needs before it starts: genesis, key, password, transport seed.

use crate::config::{self, Config};
use crate::failure::Failure;
use crate::shared::Role;
use hnchain_crypto::{SecretKey, keyfile};
use hnchain_types::genesis::Genesis;
use hnchain_types::limits;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Name of the transport seed in the data directory.
const SEED_FILE: &str = "transport.seed";

/// Genesis and key of a node.
#[derive(Debug)]
pub struct Materials {
    /// The chain.
    pub genesis: Genesis,
    /// This node's key.
    pub key: SecretKey,
    /// What the key is in the genesis.
    pub role: Role,
}

impl Materials {
    /// Reads and checks what the configuration names. Writes nothing.
    ///
    /// # Errors
    /// A file that is missing, unreadable, invalid, or a password that does not open the key.
    pub fn load(config: &Config) -> Result<Self, Failure> {
        let genesis = genesis(&config.genesis)?;
        let key = key(&config.key)?;
        let role = Role::of(&key.public_key(), genesis.validators());
        Ok(Self { genesis, key, role })
    }
}

pub(crate) fn genesis(path: &Path) -> Result<Genesis, Failure> {
    let raw = read(path, limits::GENESIS_BYTES, "genesis")?;
    Genesis::parse(&raw).map_err(|e| Failure::genesis(path, &e))
}

fn key(key: &config::Key) -> Result<SecretKey, Failure> {
    let raw = read(&key.file, keyfile::MAX_FILE_BYTES, "key.file")?;
    let pem = std::str::from_utf8(&raw)
        .map_err(|_| Failure::key(&key.file, &keyfile::KeyFileError::NotAKeyFile("not a text file".to_owned())))?;
    warn_if_public(&key.file);
    let password = password(key)?;
    keyfile::decrypt(pem, &password).map_err(|e| Failure::key(&key.file, &e))
}

/// The configured file's first line, or the environment.
fn password(key: &config::Key) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(path) = &key.password_file {
        warn_if_public(path);
        let mut raw = read(path, keyfile::MAX_PASSWORD_BYTES + 2, "key.password_file")?;
        // As `hnchain` reads it: what follows the first line is no part of the password.
        let line = raw.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(raw.len());
        raw.truncate(line);
        return Ok(raw);
    }
    match std::env::var_os(config::PASSWORD_ENV) {
        Some(value) => Ok(Zeroizing::new(value.into_encoded_bytes())),
        None => Err(Failure::usage(
            "KEY_PASSWORD_MISSING",
            format!("no password for the key file: configure key.password_file or set {}", config::PASSWORD_ENV),
            format!("没有密钥文件的口令：请配置 key.password_file，或设置环境变量 {}", config::PASSWORD_ENV),
        )),
    }
}

/// Reads a small file whole.
fn read(path: &Path, most: usize, key: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let refuse = |why: &dyn std::fmt::Display| {
        Failure::usage(
            "FILE_UNREADABLE",
            format!("{key}: {}: {why}", path.display()),
            format!("{key}：无法读取 {}：{why}", path.display()),
        )
    };
    let mut raw = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(|e| refuse(&e))?;
    file.take(most as u64 + 1).read_to_end(&mut raw).map_err(|e| refuse(&e))?;
    if raw.len() > most {
        return Err(refuse(&format!("larger than {most} bytes")));
    }
    Ok(raw)
}

#[cfg(unix)]
fn warn_if_public(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if let Ok(metadata) = fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
    {
        tracing::warn!(file = %path.display(), "others can read this secret file; chmod 600 it / 其他用户可读取该机密文件，请执行 chmod 600");
    }
}

#[cfg(not(unix))]
fn warn_if_public(_path: &Path) {}

/// Seed of the identity of the encrypted channel: read from the data directory, or made there for the first start. It
/// proves nothing to anyone; keeping it lets peers recognise a restarted node by the same name in their logs.
///
/// # Errors
/// The directory cannot be written, or the file has another length.
pub fn transport_seed(data_dir: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let path = data_dir.join(SEED_FILE);
    let fail = |why: &dyn std::fmt::Display| {
        Failure::refused(
            "TRANSPORT_SEED",
            format!("{}: {why}; where the file is damaged, remove it and start again", path.display()),
            format!("{}：{why}；文件损坏时可删除后重新启动", path.display()),
        )
    };
    match fs::read(&path) {
        Ok(raw) => {
            let raw = Zeroizing::new(raw);
            let seed = <[u8; 32]>::try_from(raw.as_slice())
                .map_err(|_| fail(&format!("has {} bytes, 32 are needed", raw.len())))?;
            Ok(Zeroizing::new(seed))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = Zeroizing::new([0u8; 32]);
            getrandom::fill(seed.as_mut()).map_err(|e| fail(&e))?;
            write_secret(&path, seed.as_ref()).map_err(|e| fail(&e))?;
            Ok(seed)
        }
        Err(e) => Err(fail(&e)),
    }
}

/// Complete or absent: written beside, then renamed.
fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::path::PathBuf;

    struct Files {
        dir: tempfile::TempDir,
        key: SecretKey,
    }

    impl Files {
        fn new(password: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let key = SecretKey::generate().unwrap();
            fs::write(dir.path().join("key.pem"), keyfile::encrypt(&key, b"open sesame").unwrap()).unwrap();
            fs::write(dir.path().join("key.password"), password).unwrap();
            Self { dir, key }
        }

        fn config(&self) -> config::Key {
            let at = |name: &str| -> PathBuf { self.dir.path().join(name) };
            config::Key { file: at("key.pem"), password_file: Some(at("key.password")) }
        }
    }

    #[test]
    fn the_first_line_of_the_password_file_opens_the_key() {
        for password in ["open sesame", "open sesame\n", "open sesame\r\n", "open sesame\n# kept by the office\n"] {
            let files = Files::new(password);
            assert_eq!(key(&files.config()).unwrap().public_key(), files.key.public_key());
        }
    }

    #[test]
    fn a_wrong_password_is_told_from_a_damaged_file() {
        assert_eq!(key(&Files::new("wrong\n").config()).unwrap_err().code, "KEY_FILE_PASSWORD");
        let files = Files::new("open sesame\n");
        fs::write(files.config().file, "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n").unwrap();
        assert_eq!(key(&files.config()).unwrap_err().code, "KEY_FILE_FORMAT");
        fs::remove_file(files.config().file).unwrap();
        let missing = key(&files.config()).unwrap_err();
        assert_eq!((missing.code, missing.exit), ("FILE_UNREADABLE", crate::failure::EXIT_USAGE));
        assert!(missing.en.starts_with("key.file: "), "{}", missing.en);
    }

    #[test]
    fn the_transport_seed_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = transport_seed(dir.path()).unwrap();
        assert_eq!(first, transport_seed(dir.path()).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(SEED_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(dir.path().join(SEED_FILE), b"short").unwrap();
        assert_eq!(transport_seed(dir.path()).unwrap_err().code, "TRANSPORT_SEED");
    }
}
