//! How votes are signed and how signatures are checked.

use hnchain_crypto::{Digest, PublicKey, SecretKey, Signature, VerifyingKey};
use std::fmt::Debug;

/// A validator's key, in memory or in a hardware module.
pub trait Signer: Debug + Send + Sync {
    /// The key that others know.
    fn public_key(&self) -> PublicKey;

    /// Signs a digest.
    fn sign(&self, digest: &Digest) -> Signature;
}

impl Signer for SecretKey {
    fn public_key(&self) -> PublicKey {
        Self::public_key(self)
    }

    fn sign(&self, digest: &Digest) -> Signature {
        Self::sign(self, digest)
    }
}

/// Checks signatures. A node uses [`Sm2`]; the simulator, which runs millions of views, uses something cheaper.
pub trait Verifier: Debug + Send + Sync {
    /// Whether the signature over the digest is the key's.
    fn verify(&self, key: &VerifyingKey, digest: &Digest, signature: &Signature) -> bool;
}

/// SM2 (GB/T 32918.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sm2;

impl Verifier for Sm2 {
    fn verify(&self, key: &VerifyingKey, digest: &Digest, signature: &Signature) -> bool {
        key.verify(digest, signature).is_ok()
    }
}
