//! Signatures for millions of views: a keyed hash instead of an elliptic curve.
//!
//! A signature is SM3(secret ‖ digest), twice, to fill its 64 bytes. Whoever checks it holds all secrets, so this is no
//! signature for anyone outside of a simulation; inside, nobody can forge one without the secret, which is all that the
//! engine relies on. Public keys are real points of the curve, so validator sets and wire formats are the node's own.

use hnchain_consensus::{Signer, Verifier};
use hnchain_crypto::{Digest, PublicKey, SecretKey, Signature, VerifyingKey, sm3_parts};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A validator's key in the simulation.
#[derive(Clone)]
pub struct CheapKey {
    public: PublicKey,
    secret: [u8; 32],
}

impl CheapKey {
    /// The key of the `number`th validator that the simulation knows.
    ///
    /// # Panics
    /// Never: a small number is a secret scalar in range.
    #[must_use]
    pub fn new(number: u32) -> Self {
        let mut secret = [0x5a; 32];
        secret[28..].copy_from_slice(&number.to_be_bytes());
        let public = SecretKey::from_bytes(&secret).expect("below the order of the curve").public_key();
        Self { public, secret }
    }

    /// The same key for the elliptic curve.
    ///
    /// # Panics
    /// Never: it was one when this key was made.
    #[must_use]
    pub fn secret_key(&self) -> SecretKey {
        SecretKey::from_bytes(&self.secret).expect("it has a public key")
    }
}

impl std::fmt::Debug for CheapKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheapKey(of {})", self.public)
    }
}

fn signature(secret: &[u8; 32], digest: &Digest) -> Signature {
    let half = sm3_parts(&[secret, digest.as_ref()]);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(half.as_ref());
    bytes[32..].copy_from_slice(half.as_ref());
    Signature(bytes)
}

impl Signer for CheapKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, digest: &Digest) -> Signature {
        signature(&self.secret, digest)
    }
}

/// Checks what [`CheapKey`]s signed.
#[derive(Default)]
pub struct CheapVerifier {
    secrets: BTreeMap<PublicKey, [u8; 32]>,
}

impl CheapVerifier {
    /// Knows the secrets of these keys.
    #[must_use]
    pub fn of(keys: &[Arc<CheapKey>]) -> Self {
        Self { secrets: keys.iter().map(|k| (k.public, k.secret)).collect() }
    }

    /// Whether the signature over the digest is the key's.
    #[must_use]
    pub fn signed(&self, key: &PublicKey, digest: &Digest, given: &Signature) -> bool {
        self.secrets.get(key).is_some_and(|secret| signature(secret, digest) == *given)
    }
}

impl std::fmt::Debug for CheapVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheapVerifier")
    }
}

impl Verifier for CheapVerifier {
    fn verify(&self, key: &VerifyingKey, digest: &Digest, given: &Signature) -> bool {
        self.signed(&key.public_key(), digest, given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hnchain_crypto::sm3;

    #[test]
    fn only_the_own_signature_on_the_same_digest_verifies() {
        let keys = [Arc::new(CheapKey::new(0)), Arc::new(CheapKey::new(1))];
        let verifier = CheapVerifier::of(&keys);
        let digest = sm3(b"a");
        let good = keys[0].sign(&digest);
        let verifying = |k: &CheapKey| k.public_key().to_verifying_key().expect("on the curve");
        assert!(verifier.verify(&verifying(&keys[0]), &digest, &good));
        assert!(!verifier.verify(&verifying(&keys[1]), &digest, &good));
        assert!(!verifier.verify(&verifying(&keys[0]), &sm3(b"b"), &good));
    }
}
