//! SM3 (GB/T 32905-2016).

use sm3::{Digest as _, Sm3};

/// An SM3 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

crate::fixed::fixed_bytes!(Digest, 32);

impl Digest {
    /// Thirty-two zero bytes: "none" where a fixed length is needed.
    pub const ZERO: Self = Self([0; 32]);
}

impl TryFrom<&[u8]> for Digest {
    type Error = std::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// Incremental SM3.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sm3);

impl Hasher {
    /// An empty hash.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything added.
    #[must_use]
    pub fn finalize(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// SM3 of one piece.
#[must_use]
pub fn sm3(data: &[u8]) -> Digest {
    Digest(Sm3::digest(data).into())
}

/// SM3 of the concatenation of pieces.
#[must_use]
pub fn sm3_parts(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::new();
    parts.iter().for_each(|p| hasher.update(p));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_gb_t_32905_annex_a() {
        assert_eq!(sm3(b"abc").to_string(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(
            sm3("abcd".repeat(16).as_bytes()).to_string(),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
        );
    }

    #[test]
    fn pieces_hash_as_their_concatenation() {
        assert_eq!(sm3_parts(&[b"a", b"", b"bc"]), sm3(b"abc"));
    }

    #[test]
    fn hex_text_is_strict() {
        let d = sm3(b"abc");
        assert_eq!(d.to_string().parse(), Ok(d));
        assert!(d.to_string()[1..].parse::<Digest>().is_err());
        assert!("zz".repeat(32).parse::<Digest>().is_err());
        assert!("+1".repeat(32).parse::<Digest>().is_err());
    }
}
