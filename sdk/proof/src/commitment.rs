//! Salted commitments to documents, and their openings.
//!
//! `commitment = SM3(18 ‖ "hnchain/document/1" ‖ salt 16 ‖ SM3(document))`, that is [`Tag::Document`] over salt and
//! digest. The chain holds the commitment; salt and document stay with the subsystem and the holder. Without the salt
//! nobody can try out documents against the chain.

use hnchain_crypto::{Digest, Tag, sm3};
use serde::{Deserialize, Serialize};

/// Length of a salt.
pub const SALT_BYTES: usize = 16;

/// Commits to a document. The salt comes from the operating system's generator, fresh for each document and version.
#[must_use]
pub fn commit(document: &[u8], salt: &[u8; SALT_BYTES]) -> Digest {
    Opening::of(document, *salt).commitment()
}

/// Salt and document digest that open a commitment.
///
/// ```
/// use hnchain_proof::commitment::{Opening, commit};
/// let commitment = commit(b"licence 1", &[7; 16]);
/// let opening = Opening::of(b"licence 1", [7; 16]);
/// assert!(opening.opens(&commitment) && opening.is_of(b"licence 1"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The salt.
    #[serde(with = "hex")]
    pub salt: [u8; SALT_BYTES],
    /// SM3 of the document.
    pub document_digest: Digest,
}

impl Opening {
    /// The opening of a document's commitment.
    #[must_use]
    pub fn of(document: &[u8], salt: [u8; SALT_BYTES]) -> Self {
        Self { salt, document_digest: sm3(document) }
    }

    /// The commitment that it opens.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        Tag::Document.hash(&[&self.salt, &self.document_digest.0])
    }

    /// Whether it opens this commitment.
    #[must_use]
    pub fn opens(&self, commitment: &Digest) -> bool {
        self.commitment() == *commitment
    }

    /// Whether it is of these bytes: compare the document in hand with the proven record.
    #[must_use]
    pub fn is_of(&self, document: &[u8]) -> bool {
        self.document_digest == sm3(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commitment_is_the_documented_hash() {
        let mut bytes = b"\x12hnchain/document/1".to_vec();
        bytes.extend([7; 16]);
        bytes.extend(sm3("证照".as_bytes()).0);
        assert_eq!(commit("证照".as_bytes(), &[7; 16]), sm3(&bytes));
    }

    #[test]
    fn another_salt_or_document_does_not_open() {
        let commitment = commit(b"a", &[1; 16]);
        assert!(!Opening::of(b"a", [2; 16]).opens(&commitment));
        assert!(!Opening::of(b"b", [1; 16]).opens(&commitment));
        assert!(!Opening::of(b"a", [1; 16]).is_of(b"b"));
    }
}
