//! `PrivateKeyInfo` (RFC 5958) of an SM2 key with an `ECPrivateKey` (RFC 5915) inside.

use super::KeyFileError;
use super::pbes2::expect;
use crate::SecretKey;
use der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Reader, SliceReader, TagMode, TagNumber};
use zeroize::Zeroizing;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SM2P256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// `SEQUENCE { 0, { ecPublicKey, sm2p256v1 }, OCTET STRING { SEQUENCE { 1, OCTET STRING` of 32 bytes.
const HEAD: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
/// `[1] { BIT STRING` of 65 bytes.
const MIDDLE: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// Every length is fixed, so the encoding is a template: no copies of the secret in growing buffers.
pub(super) fn write(key: &SecretKey) -> Zeroizing<[u8; 138]> {
    let mut out = Zeroizing::new([0u8; 138]);
    out[..36].copy_from_slice(&HEAD);
    out[36..68].copy_from_slice(key.to_bytes().as_ref());
    out[68..73].copy_from_slice(&MIDDLE);
    out[73..].copy_from_slice(&key.uncompressed_public_key());
    out
}

/// Reads the decrypted bytes. Garbage is a wrong password; a `PrivateKeyInfo` with a fault is not. Attributes, which no
/// tool writes for SM2 keys, are refused.
pub(super) fn read(plain: &[u8]) -> Result<SecretKey, KeyFileError> {
    let inner = outline(plain).map_err(|_| KeyFileError::WrongPassword)?;
    let mut reader = SliceReader::new(inner)?;
    reader.sequence(|algorithm| {
        expect(algorithm, EC_PUBLIC_KEY, "key algorithm")?;
        expect(algorithm, SM2P256V1, "curve")
    })?;
    let private = reader.decode::<&OctetStringRef>()?.as_bytes();
    reader.finish()?;
    read_ec(private)
}

/// One `SEQUENCE` to the last byte that begins with version 0: what a wrong password gives once in 2^40 tries.
fn outline(plain: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(plain)?;
    let rest = reader.sequence(|r| {
        if r.decode::<u8>()? != 0 {
            return Err(der::Tag::Integer.value_error().to_error());
        }
        r.read_slice(r.remaining_len())
    })?;
    reader.finish()?;
    Ok(rest)
}

fn read_ec(private: &[u8]) -> Result<SecretKey, KeyFileError> {
    let mut reader = SliceReader::new(private)?;
    let (secret, public) = reader.sequence(|ec| {
        if ec.decode::<u8>()? != 1 {
            return Err(KeyFileError::Corrupt("version of the EC private key"));
        }
        let secret = ec.decode::<&OctetStringRef>()?.as_bytes();
        if let Some(curve) = ec.context_specific::<ObjectIdentifier>(TagNumber(0), TagMode::Explicit)?
            && curve != SM2P256V1
        {
            return Err(KeyFileError::UnsupportedAlgorithm(format!("the curve {curve}")));
        }
        let public = ec.context_specific::<BitStringRef<'_>>(TagNumber(1), TagMode::Explicit)?;
        Ok((secret, public))
    })?;
    reader.finish()?;
    let secret: Zeroizing<[u8; 32]> =
        Zeroizing::new(secret.try_into().map_err(|_| KeyFileError::Corrupt("length of the secret key"))?);
    let key = SecretKey::from_bytes(&secret)?;
    let public = public.ok_or(KeyFileError::Corrupt("the public key is missing"))?;
    let same =
        public.as_bytes().is_some_and(|p| p == key.uncompressed_public_key() || p == key.public_key().as_bytes());
    if same { Ok(key) } else { Err(KeyFileError::KeyMismatch) }
}
