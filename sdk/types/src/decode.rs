//! Strict, bounded decoding of public messages.

use prost::Message;

/// Why bytes were refused. [`DecodeError::code`] is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than the type may have.
    #[error("{what}: {got} bytes, at most {max} are allowed")]
    TooLarge {
        /// The type.
        what: &'static str,
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not protobuf of this type.
    #[error("{what}: malformed: {why}")]
    Malformed {
        /// The type.
        what: &'static str,
        /// What the decoder met.
        why: String,
    },
    /// Protobuf, but not the one canonical encoding (unknown field, trailing byte, default written out …).
    #[error("{0}: not the canonical encoding; encode known fields once, in order, without defaults")]
    NotCanonical(&'static str),
    /// A field breaks its rule.
    #[error("{field}: {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// The rule.
        why: String,
    },
}

impl DecodeError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "DECODE_TOO_LARGE",
            Self::Malformed { .. } => "DECODE_MALFORMED",
            Self::NotCanonical(_) => "DECODE_NOT_CANONICAL",
            Self::Field { .. } => "DECODE_FIELD",
        }
    }

    pub(crate) fn field(field: &'static str, why: impl Into<String>) -> Self {
        Self::Field { field, why: why.into() }
    }
}

/// Reads one message and refuses every encoding but the canonical one.
pub(crate) fn canonical<M: Message + Default>(what: &'static str, bytes: &[u8], max: usize) -> Result<M, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLarge { what, got: bytes.len(), max });
    }
    let message = M::decode(bytes).map_err(|e| DecodeError::Malformed { what, why: e.to_string() })?;
    if message.encoded_len() != bytes.len() || message.encode_to_vec() != bytes {
        return Err(DecodeError::NotCanonical(what));
    }
    Ok(message)
}

/// A fixed-length byte field.
pub(crate) fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError::field(field, format!("{} bytes, {N} are needed", bytes.len())))
}

/// A short name: lower-case letters, digits, `-`, `_` and `.`.
pub(crate) fn name(field: &'static str, s: &str) -> Result<(), DecodeError> {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if s.is_empty() || s.len() > crate::limits::NAME_BYTES || !s.bytes().all(ok) {
        return Err(DecodeError::field(
            field,
            format!("1 to {} of a-z 0-9 - _ . are allowed", crate::limits::NAME_BYTES),
        ));
    }
    Ok(())
}

/// A text of bounded length without control characters.
pub(crate) fn text(field: &'static str, s: &str, max: usize) -> Result<(), DecodeError> {
    if s.is_empty() || s.len() > max || s.chars().any(char::is_control) {
        return Err(DecodeError::field(field, format!("1 to {max} bytes of text without control characters")));
    }
    Ok(())
}
