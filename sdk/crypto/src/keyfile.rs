//! Encrypted key files: PKCS#8 `EncryptedPrivateKeyInfo` (RFC 5958) in PEM.
//!
//! The key is encrypted with PBES2 (RFC 8018): PBKDF2 with HMAC-SM3 and SM4-CBC, as GM/T 0091-2020 defines it and
//! GmSSL and Tongsuo read it. Inside is a `PrivateKeyInfo` with the algorithm `ecPublicKey` on the curve `sm2p256v1`
//! and an `ECPrivateKey` (RFC 5915) that carries its public key, so that a damaged file is told from a wrong password.
//!
//! # Example
//! ```
//! use hnchain_crypto::{SecretKey, keyfile};
//! let key = SecretKey::generate()?;
//! let pem = keyfile::encrypt(&key, b"a long password")?;
//! assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
//! assert_eq!(keyfile::decrypt(&pem, b"a long password")?.public_key(), key.public_key());
//! assert_eq!(keyfile::decrypt(&pem, b"another").unwrap_err().code(), "KEY_FILE_PASSWORD");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pbes2;
mod pkcs8;

use crate::{KeyError, SecretKey};
use zeroize::Zeroizing;

/// PBKDF2 iterations of files that we write: the number GmSSL uses, about 40 ms on one core.
pub const ITERATIONS: u32 = 65_536;
/// Most iterations that we read: a hostile file can keep us busy for about a second, not longer.
pub const MAX_ITERATIONS: u32 = 1_048_576;
/// Longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// Largest file that we read; ours are about 400 bytes.
pub const MAX_FILE_BYTES: usize = 8 * 1024;

const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// Why a key file could not be written or read. [`KeyFileError::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not PEM with the label `ENCRYPTED PRIVATE KEY`.
    #[error("not an encrypted key file: {0}")]
    NotAKeyFile(String),
    /// An encrypted key file with an algorithm that is not allowed on this chain.
    #[error("the key file uses {0}; PBKDF2 with HMAC-SM3, SM4-CBC and an SM2 key are needed")]
    UnsupportedAlgorithm(String),
    /// The password is wrong, or the encrypted part was changed.
    #[error("the password does not open this key file")]
    WrongPassword,
    /// The structure is damaged.
    #[error("the key file is damaged: {0}")]
    Corrupt(&'static str),
    /// The public key in the file is not that of the secret key.
    #[error("the public key in the file does not belong to the secret key")]
    KeyMismatch,
    /// Empty, too long or with a zero byte, at which other tools would stop reading.
    #[error("a password has 1 to {MAX_PASSWORD_BYTES} bytes, none of them zero")]
    Password,
    /// The secret key cannot be used, or the generator for salts failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl KeyFileError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAKeyFile(_) => "KEY_FILE_FORMAT",
            Self::UnsupportedAlgorithm(_) => "KEY_FILE_ALGORITHM",
            Self::WrongPassword => "KEY_FILE_PASSWORD",
            Self::Corrupt(_) => "KEY_FILE_DAMAGED",
            Self::KeyMismatch => "KEY_FILE_MISMATCH",
            Self::Password => "KEY_FILE_PASSWORD_FORM",
            Self::Key(_) => "KEY_FILE_KEY",
        }
    }

    /// Message in Chinese.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::NotAKeyFile(why) => format!("不是加密的密钥文件：{why}"),
            Self::UnsupportedAlgorithm(what) => {
                format!("密钥文件使用了{what}；须为 PBKDF2（HMAC-SM3）、SM4-CBC 和 SM2 密钥")
            }
            Self::WrongPassword => "口令不正确，无法打开该密钥文件".to_owned(),
            Self::Corrupt(what) => format!("密钥文件已损坏：{what}"),
            Self::KeyMismatch => "文件中的公钥与私钥不匹配".to_owned(),
            Self::Password => format!("口令须为 1 至 {MAX_PASSWORD_BYTES} 字节，且不含零字节"),
            Self::Key(e) => e.message_zh().to_owned(),
        }
    }
}

/// Encrypts a key under a password, with a fresh salt and initialization vector.
///
/// # Errors
/// [`KeyFileError::Password`], or [`KeyError::Entropy`] when the operating system's generator fails.
pub fn encrypt(key: &SecretKey, password: &[u8]) -> Result<String, KeyFileError> {
    check_password(password)?;
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|_| KeyError::Entropy)?;
    let (salt, iv) = random.split_at(16);
    let plain = pkcs8::write(key);
    let file = pbes2::seal(plain.as_ref(), password, salt, iv).map_err(|_| KeyFileError::Corrupt("encoding"))?;
    der::pem::encode_string(LABEL, der::pem::LineEnding::LF, &file).map_err(|_| KeyFileError::Corrupt("encoding"))
}

/// Opens an encrypted key file.
///
/// # Errors
/// See [`KeyFileError`]. Nothing larger than [`MAX_FILE_BYTES`] or slower than [`MAX_ITERATIONS`] is tried.
pub fn decrypt(pem: &str, password: &[u8]) -> Result<SecretKey, KeyFileError> {
    check_password(password)?;
    if pem.len() > MAX_FILE_BYTES {
        return Err(KeyFileError::NotAKeyFile(format!("{} bytes, at most {MAX_FILE_BYTES}", pem.len())));
    }
    let not_pem = |_| KeyFileError::NotAKeyFile(format!("PEM with the label {LABEL} is needed"));
    // The label first, so that a key that is not encrypted is called by its name.
    let label = der::pem::decode_label(pem.as_bytes()).map_err(not_pem)?;
    if label != LABEL {
        return Err(KeyFileError::NotAKeyFile(format!("its PEM label is {label:?}, {LABEL:?} is needed")));
    }
    let (_, file) = der::pem::decode_vec(pem.as_bytes()).map_err(|_| KeyFileError::Corrupt("PEM"))?;
    let sealed = pbes2::Sealed::read(&file)?;
    let plain: Zeroizing<Vec<u8>> = sealed.open(password)?;
    pkcs8::read(&plain)
}

fn check_password(password: &[u8]) -> Result<(), KeyFileError> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES || password.contains(&0) {
        return Err(KeyFileError::Password);
    }
    Ok(())
}
