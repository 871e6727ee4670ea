//! PBES2 (RFC 8018 section 6.2) with PBKDF2-HMAC-SM3 and SM4-CBC.

use super::{ITERATIONS, KeyFileError, MAX_ITERATIONS};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Encode as _, Reader, SliceReader, Tag};
use zeroize::Zeroizing;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401.2");
const SM4_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.104.2");

/// Bytes of an SM4 key, block and initialization vector.
const BLOCK: usize = 16;
/// Salts shorter than this are not salts (RFC 8018 section 4.1); longer ones than 64 bytes nobody writes.
const SALT: std::ops::RangeInclusive<usize> = 8..=64;
/// A `PrivateKeyInfo` of an SM2 key has 138 to about 150 bytes.
const CIPHERTEXT: std::ops::RangeInclusive<usize> = BLOCK..=512;

/// The parts of an `EncryptedPrivateKeyInfo`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sealed<'a> {
    salt: &'a [u8],
    iterations: u32,
    iv: [u8; BLOCK],
    ciphertext: &'a [u8],
}

/// Encrypts and encodes.
pub(super) fn seal(plain: &[u8], password: &[u8], salt: &[u8], iv: &[u8]) -> der::Result<Vec<u8>> {
    let key = derive(password, salt, ITERATIONS);
    let cipher = cbc::Encryptor::<sm4::Sm4>::new_from_slices(key.as_ref(), iv)
        .map_err(|_| der::ErrorKind::Value { tag: Tag::OctetString })?;
    let ciphertext = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    // GmSSL refuses a NULL after the PRF's identifier, everybody reads its absence.
    let kdf_parameters = sequence(&[octets(salt)?, ITERATIONS.to_der()?, sequence(&[HMAC_SM3.to_der()?])?])?;
    let kdf = sequence(&[PBKDF2.to_der()?, kdf_parameters])?;
    let scheme = sequence(&[SM4_CBC.to_der()?, octets(iv)?])?;
    let algorithm = sequence(&[PBES2.to_der()?, sequence(&[kdf, scheme])?])?;
    sequence(&[algorithm, octets(&ciphertext)?])
}

impl<'a> Sealed<'a> {
    /// Reads the structure, checks algorithms and bounds. Nothing is decrypted.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, KeyFileError> {
        let mut reader = SliceReader::new(file)?;
        let sealed = reader.sequence(|outer| {
            let (salt, iterations, iv) = outer.sequence(|algorithm| {
                expect(algorithm, PBES2, "encryption scheme")?;
                algorithm.sequence(|parameters| {
                    let (salt, iterations) = parameters.sequence(read_kdf)?;
                    let iv = parameters.sequence(read_scheme)?;
                    Ok::<_, KeyFileError>((salt, iterations, iv))
                })
            })?;
            let ciphertext = outer.decode::<&OctetStringRef>()?.as_bytes();
            Ok::<_, KeyFileError>(Self { salt, iterations, iv, ciphertext })
        })?;
        reader.finish()?;
        if !CIPHERTEXT.contains(&sealed.ciphertext.len()) || !sealed.ciphertext.len().is_multiple_of(BLOCK) {
            return Err(KeyFileError::Corrupt("length of the encrypted part"));
        }
        Ok(sealed)
    }

    /// Decrypts. What comes out may still be the garbage of a wrong password whose padding happens to fit.
    pub(super) fn open(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let key = derive(password, self.salt, self.iterations);
        let cipher = cbc::Decryptor::<sm4::Sm4>::new_from_slices(key.as_ref(), &self.iv)
            .map_err(|_| KeyFileError::Corrupt("initialization vector"))?;
        let mut plain = Zeroizing::new(self.ciphertext.to_vec());
        let length = cipher.decrypt_padded::<Pkcs7>(&mut plain).map_err(|_| KeyFileError::WrongPassword)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

fn read_kdf<'a>(reader: &mut SliceReader<'a>) -> Result<(&'a [u8], u32), KeyFileError> {
    expect(reader, PBKDF2, "key derivation")?;
    reader.sequence(|parameters| {
        let salt = parameters.decode::<&OctetStringRef>()?.as_bytes();
        let iterations: u32 = parameters.decode()?;
        // The default PRF of RFC 8018 is HMAC-SHA-1, so absence is not SM3.
        let absent = || KeyFileError::UnsupportedAlgorithm("HMAC-SHA-1".to_owned());
        if parameters.is_finished() {
            return Err(absent());
        }
        let length = if Tag::peek(parameters)? == Tag::Integer { Some(parameters.decode::<u32>()?) } else { None };
        if parameters.is_finished() {
            return Err(absent());
        }
        parameters.sequence(|prf| {
            expect(prf, HMAC_SM3, "pseudo-random function")?;
            if !prf.is_finished() {
                prf.decode::<der::asn1::Null>()?;
            }
            Ok::<_, KeyFileError>(())
        })?;
        if !SALT.contains(&salt.len()) {
            return Err(KeyFileError::Corrupt("length of the salt"));
        }
        if length.is_some_and(|n| n != 16) {
            return Err(KeyFileError::Corrupt("length of the derived key"));
        }
        if iterations == 0 || iterations > MAX_ITERATIONS {
            return Err(KeyFileError::Corrupt("iteration count"));
        }
        Ok((salt, iterations))
    })
}

fn read_scheme(reader: &mut SliceReader<'_>) -> Result<[u8; BLOCK], KeyFileError> {
    expect(reader, SM4_CBC, "cipher")?;
    let iv = reader.decode::<&OctetStringRef>()?.as_bytes();
    iv.try_into().map_err(|_| KeyFileError::Corrupt("initialization vector"))
}

/// Reads an algorithm identifier's OID and refuses every other than the one needed.
pub(super) fn expect(
    reader: &mut SliceReader<'_>,
    oid: ObjectIdentifier,
    what: &'static str,
) -> Result<(), KeyFileError> {
    let found: ObjectIdentifier = reader.decode()?;
    if found == oid { Ok(()) } else { Err(KeyFileError::UnsupportedAlgorithm(format!("the {what} {found}"))) }
}

fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<[u8; BLOCK]> {
    let mut key = Zeroizing::new([0u8; BLOCK]);
    pbkdf2::pbkdf2_hmac::<sm3::Sm3>(password, salt, iterations, key.as_mut());
    key
}

fn sequence(parts: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::Sequence, &parts.concat())?.to_der()
}

fn octets(bytes: &[u8]) -> der::Result<Vec<u8>> {
    OctetStringRef::new(bytes)?.to_der()
}

impl From<der::Error> for KeyFileError {
    fn from(_: der::Error) -> Self {
        Self::Corrupt("ASN.1 structure")
    }
}
