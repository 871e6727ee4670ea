//! Text, serde and length checks shared by the fixed-length byte types.

/// Text that is not the hexadecimal form of a fixed-length value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected} hexadecimal digits are needed")]
pub struct HexError {
    /// Digits needed.
    pub expected: usize,
}

pub(crate) fn write_hex(bytes: &[u8], f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // In chunks: to format byte by byte is ten times slower.
    bytes.chunks(32).try_for_each(|chunk| {
        let mut text = [0u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(chunk) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        f.write_str(std::str::from_utf8(&text[..2 * chunk.len()]).map_err(|_| std::fmt::Error)?)
    })
}

pub(crate) fn read_hex<const N: usize>(s: &str) -> Result<[u8; N], HexError> {
    let error = HexError { expected: 2 * N };
    let digits = s.as_bytes();
    if digits.len() != 2 * N {
        return Err(error);
    }
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |b: u8| char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok()).ok_or(error);
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(out)
}

/// Hex text for people, exactly N bytes without a length for machines.
macro_rules! fixed_bytes {
    ($name:ident, $len:expr) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::fixed::write_hex(&self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::fixed::write_hex(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::fixed::HexError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                crate::fixed::read_hex(s).map(Self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                let mut tuple = serializer.serialize_tuple($len)?;
                for byte in &self.0 {
                    serde::ser::SerializeTuple::serialize_element(&mut tuple, byte)?;
                }
                serde::ser::SerializeTuple::end(tuple)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Bytes;
                impl<'de> serde::de::Visitor<'de> for Bytes {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "{} bytes", $len)
                    }
                    fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<$name, E> {
                        s.parse().map_err(E::custom)
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        let mut out = [0u8; $len];
                        for (i, byte) in out.iter_mut().enumerate() {
                            *byte = seq
                                .next_element()?
                                .ok_or_else(|| <A::Error as serde::de::Error>::invalid_length(i, &self))?;
                        }
                        Ok($name(out))
                    }
                }
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(Bytes)
                } else {
                    deserializer.deserialize_tuple($len, Bytes)
                }
            }
        }
    };
}
pub(crate) use fixed_bytes;
