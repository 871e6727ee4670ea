//! Small types that keep numbers and hashes of different meaning apart.

use hnchain_crypto::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The next one.
            ///
            /// # Panics
            /// At `u64::MAX`, which no chain reaches.
            #[must_use]
            pub const fn next(self) -> Self {
                match self.0.checked_add(1) {
                    Some(n) => Self(n),
                    None => panic!("number overflow"),
                }
            }

            /// The one before, if any.
            #[must_use]
            pub const fn previous(self) -> Option<Self> {
                match self.0.checked_sub(1) {
                    Some(n) => Some(Self(n)),
                    None => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Position of a block in the chain; the genesis is 0.
    Height
);
number!(
    /// Round of consensus; each view has one leader and at most one block. The genesis is view 0.
    View
);
number!(
    /// Span of views with one validator set.
    Epoch
);

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Digest);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.0.as_ref()
            }
        }

        impl std::str::FromStr for $name {
            type Err = <Digest as std::str::FromStr>::Err;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

hash!(
    /// Transaction id: `SM3(tag "hnchain/tx/1", public key ‖ body)`.
    TxId
);
hash!(
    /// Block hash: `SM3(tag "hnchain/header/1", header)`.
    BlockHash
);
hash!(
    /// Hash of an encoded execution result, tag `hnchain/result/1`.
    ResultHash
);
hash!(
    /// Root of the authenticated state.
    StateRoot
);
hash!(
    /// Hash of a validator set, tag `hnchain/validators/1`.
    ValidatorsHash
);
hash!(
    /// Digest of the exact bytes of a genesis file, tag `hnchain/genesis/1`: the identity of a chain.
    GenesisDigest
);

/// Position of a validator in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValidatorIndex(pub u32);

impl ValidatorIndex {
    /// For indexing a list of validators.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ValidatorIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
