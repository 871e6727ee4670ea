//! Identifiers, proto files and the encoded forms of everything that others verify.
//!
//! # What is here
//! - [`proto`]: the messages generated from `proto/hnchain/v1/*.proto`.
//! - [`id`]: the small types ([`Height`], [`View`], [`TxId`], [`BlockHash`] …) that keep numbers and hashes apart.
//! - [`transaction`], [`block`], [`certificate`], [`vote`], [`record`], [`genesis`], [`validators`], [`governance`], [`member`]: the
//!   *checked* forms. Each is built from untrusted bytes by one `decode` that bounds and validates everything, and keeps the
//!   raw bytes that were hashed or signed.
//! - [`text`]: which characters people may be shown.
//! - [`codes`]: the identifiers of the domain (统一社会信用代码, 不动产单元代码, 电子证照标识 …).
//!
//! # Invariants
//! 1. A checked value cannot be built invalid: lengths, counts, enum values and character sets were tested.
//! 2. A decoder accepts exactly the canonical encoding: unknown fields, trailing bytes, repeated fields and non-minimal
//!    numbers are refused ([`DecodeError::NotCanonical`]), so one meaning has one hash.
//! 3. Nothing is re-encoded to check a hash or a signature.
//!
//! # Example
//! ```
//! use hnchain_crypto::SecretKey;
//! use hnchain_types::{transaction::{BodyBuilder, Transaction}, limits};
//!
//! let key = SecretKey::generate().expect("operating system generator");
//! let body = BodyBuilder::new("henan-demo", 100, 1_700_000_600_000, [7; 16])
//!     .anchor("certificate", "1.2.156.3005.2.1", 1, hnchain_crypto::sm3(b"salted document"))
//!     .encode();
//! let signed = Transaction::sign(body, &key).expect("a valid body");
//! let read = Transaction::decode(signed.raw()).expect("canonical bytes");
//! assert_eq!(read.id(), signed.id());
//! assert!(read.raw().len() <= limits::TRANSACTION_BYTES);
//! ```

pub mod block;
pub mod certificate;
pub mod codes;
pub mod credential;
mod decode;
pub mod genesis;
pub mod governance;
pub mod id;
pub mod limits;
pub mod member;
pub mod realty;
pub mod record;
pub mod rows;
pub mod text;
pub mod trace;
pub mod transaction;
pub mod validators;
pub mod vote;
pub mod wire;

pub use decode::{DecodeError, Why};
pub use id::{
    BlockHash, Epoch, GenesisDigest, Height, ResultHash, StateRoot, TxId, ValidatorIndex, ValidatorsHash, View,
};

/// Messages generated from the proto files. Untrusted until a checked type has read them.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, rustdoc::invalid_html_tags)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/hnchain.v1.rs"));
}
