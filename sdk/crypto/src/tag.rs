//! The one table of domain tags.

use crate::{Digest, Hasher};

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident => $text:literal),* $(,)?) => {
        /// What a hash or signature is about. Two uses never share a tag.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Tag {
            $($(#[$doc])* $name,)*
        }

        impl Tag {
            /// Every tag.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The text that is hashed.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

tags! {
    /// Transaction id over public key and body.
    Transaction => "hnchain/tx/1",
    /// Block hash over the header.
    Header => "hnchain/header/1",
    /// What a validator signs.
    Vote => "hnchain/vote/1",
    /// Execution result.
    Result => "hnchain/result/1",
    /// Genesis file.
    Genesis => "hnchain/genesis/1",
    /// Hash that the first block names as its parent.
    GenesisBlock => "hnchain/genesis-block/1",
    /// Validator set.
    Validators => "hnchain/validators/1",
    /// Place of a readable key in the state tree.
    StateKey => "hnchain/state-key/1",
    /// Commitment to one field of a document.
    Field => "hnchain/field/1",
    /// Proof that somebody of an organization holds a key.
    Possession => "hnchain/possession/1",
    /// Binding of a chain key to a transport session.
    Peer => "hnchain/peer/1",
    /// Salted commitment to a whole document.
    Document => "hnchain/document/1",
    /// Row of a record's previous version.
    Anchor => "hnchain/anchor/1",
    /// Row that a certificate's row follows.
    Credential => "hnchain/credential/1",
    /// Row of an organization or a signer before it changed.
    Member => "hnchain/member/1",
    /// Proof bundle as it is kept in a file.
    Bundle => "hnchain/bundle/1",
    /// Entry of a real estate unit.
    Realty => "hnchain/realty/1",
    /// Row of an event of a batch.
    TraceEvent => "hnchain/trace-event/1",
}

impl Tag {
    /// `SM3(tag_len ‖ tag ‖ parts…)`, the length in one byte.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> Digest {
        let text = self.as_str().as_bytes();
        let mut hasher = Hasher::new();
        #[allow(clippy::cast_possible_truncation)] // a test keeps tags below 256 bytes
        hasher.update(&[text.len() as u8]);
        hasher.update(text);
        parts.iter().for_each(|p| hasher.update(p));
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn tags_are_distinct_short_and_versioned() {
        let all: BTreeSet<_> = Tag::ALL.iter().map(|t| t.as_str()).collect();
        assert_eq!(all.len(), Tag::ALL.len());
        assert!(all.iter().all(|t| t.len() < 64 && t.starts_with("hnchain/") && t.ends_with("/1")));
    }

    #[test]
    fn hash_covers_length_tag_and_data() {
        assert_eq!(Tag::Transaction.hash(&[b"ab", b"c"]), crate::sm3(b"\x0chnchain/tx/1abc"));
    }
}
