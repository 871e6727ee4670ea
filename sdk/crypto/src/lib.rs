//! SM2, SM3, Merkle hashing and key files: the only place that touches elliptic-curve code.
//!
//! # Invariants
//! 1. Every hash and signature of the chain is domain-separated by one [`Tag`]: `SM3(tag_len ‖ tag ‖ data)`.
//! 2. Signatures are raw r‖s with the user ID `1234567812345678` of GB/T 32918.2; verification refuses r or s outside
//!    `[1, n−1]`, r + s ≡ 0 and points that are not on the curve.
//! 3. Secret keys are wiped when dropped and never printed. Signing is deterministic (RFC 6979 with SM3), so a broken
//!    generator cannot leak a key.
//!
//! # Example
//! ```
//! use hnchain_crypto::{SecretKey, Tag};
//! let key = SecretKey::generate()?;
//! let digest = Tag::Transaction.hash(&[b"body"]);
//! let signature = key.sign(&digest);
//! key.public_key().to_verifying_key()?.verify(&digest, &signature)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fixed;
mod hash;
pub mod keyfile;
pub mod merkle;
mod sm2;
mod tag;

pub use hash::{Digest, Hasher, sm3, sm3_parts};
pub use sm2::{KeyError, PublicKey, SecretKey, Signature, SignatureError, VerifyingKey};
pub use tag::Tag;
