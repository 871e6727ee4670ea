//! The one codec of what stays inside the cluster: bincode 2 with a size limit and no trailing bytes.

use serde::{Serialize, de::DeserializeOwned};

/// Why bytes from a peer or a file were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}: {why}")]
pub struct WireError {
    /// The type.
    pub what: &'static str,
    /// What the decoder met.
    pub why: String,
}

/// Largest value that this codec reads or writes: a proposal with a full block and its certificates.
pub const WIRE_BYTES: usize = 16 * 1024 * 1024;

/// Encodes a value.
///
/// # Errors
/// Values beyond [`WIRE_BYTES`].
pub fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, WireError> {
    let config = bincode::config::standard().with_limit::<WIRE_BYTES>();
    let bytes = bincode::serde::encode_to_vec(value, config).map_err(|e| WireError { what, why: e.to_string() })?;
    // The limit of the configuration is one of decoding only.
    if bytes.len() > WIRE_BYTES { Err(too_large(what, bytes.len())) } else { Ok(bytes) }
}

/// Reads a value and refuses trailing bytes.
///
/// # Errors
/// Anything but one whole value within [`WIRE_BYTES`].
pub fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > WIRE_BYTES {
        return Err(too_large(what, bytes.len()));
    }
    let config = bincode::config::standard().with_limit::<WIRE_BYTES>();
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, config).map_err(|e| WireError { what, why: e.to_string() })?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(WireError { what, why: format!("{} bytes after the value", bytes.len() - used) })
    }
}

fn too_large(what: &'static str, got: usize) -> WireError {
    WireError { what, why: format!("{got} bytes, at most {WIRE_BYTES} are allowed") }
}
