//! SM2 keys and signatures (GB/T 32918.2-2016) on the recommended curve (GB/T 32918.5-2017).

mod comb;

use crate::{Digest, sm3_parts};
use ::sm2::dsa::signature::{Signer, Verifier};
use ::sm2::elliptic_curve::Group as _;
use ::sm2::elliptic_curve::ops::Reduce;
use ::sm2::elliptic_curve::point::AffineCoordinates;
use ::sm2::elliptic_curve::sec1::ToSec1Point;
use ::sm2::{AffinePoint, ProjectivePoint, Scalar, dsa};
use comb::KeyComb;
use der::asn1::{AnyRef, UintRef};
use der::{Encode as _, Reader as _, SliceReader, Tag};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use zeroize::Zeroizing;

/// The user ID of every signature on the chain, the standard's default.
pub(crate) const USER_ID: &str = "1234567812345678";

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 33 bytes that begin with 02 or 03.
    #[error("a public key is 33 bytes of compressed SEC1, beginning with 02 or 03")]
    Encoding,
    /// No point of the curve has this x coordinate.
    #[error("the public key is not a point of the SM2 curve")]
    NotOnCurve,
    /// A secret outside `[1, n−2]`.
    #[error("the secret key is not in [1, n-2]")]
    SecretRange,
    /// The operating system's generator failed.
    #[error("the operating system's random generator failed")]
    Entropy,
}

impl KeyError {
    /// Message in Chinese.
    #[must_use]
    pub const fn message_zh(self) -> &'static str {
        match self {
            Self::Encoding => "公钥须为 33 字节的 SEC1 压缩格式，以 02 或 03 开头",
            Self::NotOnCurve => "公钥不是 SM2 曲线上的点",
            Self::SecretRange => "私钥不在 [1, n-2] 范围内",
            Self::Entropy => "操作系统随机数发生器失败",
        }
    }
}

/// A signature that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SM2 signature does not verify")]
pub struct SignatureError;

/// Public key: the 33 bytes of the compressed point. Whether it is on the curve is known after decoding it with
/// [`PublicKey::to_verifying_key`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub(crate) [u8; 33]);

crate::fixed::fixed_bytes!(PublicKey, 33);

impl PublicKey {
    /// Checks length and prefix.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        match <[u8; 33]>::try_from(bytes) {
            Ok(key) if matches!(key[0], 2 | 3) => Ok(Self(key)),
            _ => Err(KeyError::Encoding),
        }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    /// Decodes the point and computes Z_A.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] or [`KeyError::NotOnCurve`].
    pub fn to_verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        Self::from_bytes(&self.0)?;
        let key = dsa::VerifyingKey::from_sec1_bytes(USER_ID, &self.0).map_err(|_| KeyError::NotOnCurve)?;
        Ok(VerifyingKey(Arc::new(Known::new(*self, key))))
    }

    /// SM3 of the bytes: a short name of the key in state keys.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        crate::sm3(&self.0)
    }
}

/// Signatures of one key after which its table of multiples is built: the table costs as much as three verifications.
const TABLE_AFTER: u32 = 8;

/// A decoded public key with its Z_A. A key that verifies often gets a table of its multiples, which makes verification
/// several times faster; clones share it.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Known>);

struct Known {
    bytes: PublicKey,
    key: dsa::VerifyingKey,
    /// Z_A of GB/T 32918.2 section 5.5.
    identity: Digest,
    verified: AtomicU32,
    comb: OnceLock<Option<KeyComb>>,
}

impl Known {
    fn new(bytes: PublicKey, key: dsa::VerifyingKey) -> Self {
        let point = key.as_affine().to_sec1_point(false);
        let identity = identity(&point.as_bytes()[1..]);
        Self { bytes, key, identity, verified: AtomicU32::new(0), comb: OnceLock::new() }
    }

    fn comb(&self) -> Option<&KeyComb> {
        if self.comb.get().is_none() && self.verified.fetch_add(1, Ordering::Relaxed) < TABLE_AFTER {
            return None;
        }
        self.comb.get_or_init(|| KeyComb::new(self.key.as_affine())).as_ref()
    }

    /// Algorithm B of GB/T 32918.2 section 7.1 with the key's table. r and s are in `[1, n−1]`.
    fn verify_with(&self, comb: &KeyComb, message: &[u8], signature: &dsa::Signature) -> bool {
        let (r, s) = signature.split_scalars();
        let t = *r + *s;
        let point = comb.verify_point(&s, &t);
        if bool::from(t.is_zero()) || bool::from(point.is_identity()) {
            return false;
        }
        let hash = sm3_parts(&[&self.identity.0, message]);
        let e = <Scalar as Reduce<::sm2::FieldBytes>>::reduce(&hash.0.into());
        *r == e + <Scalar as Reduce<::sm2::FieldBytes>>::reduce(&point.to_affine().x())
    }
}

/// Z_A = SM3(ENTL ‖ ID ‖ a ‖ b ‖ x_G ‖ y_G ‖ x_A ‖ y_A); `point` is x_A ‖ y_A.
fn identity(point: &[u8]) -> Digest {
    /// a ‖ b ‖ x_G ‖ y_G of GB/T 32918.5.
    const CURVE: [&str; 4] = [
        "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc",
        "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93",
        "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7",
        "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
    ];
    static PARAMETERS: LazyLock<[Digest; 4]> =
        LazyLock::new(|| CURVE.map(|hex| hex.parse().expect("32 bytes of hexadecimal digits")));
    let bits = u16::try_from(USER_ID.len() * 8).expect("a short ID");
    let [a, b, x, y] = &*PARAMETERS;
    sm3_parts(&[&bits.to_be_bytes(), USER_ID.as_bytes(), &a.0, &b.0, &x.0, &y.0, point])
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({})", self.0.bytes)
    }
}

impl VerifyingKey {
    /// The key's bytes.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.bytes
    }

    /// Verifies a signature over the 32 bytes of a digest, e = SM3(Z_A ‖ digest).
    ///
    /// # Errors
    /// [`SignatureError`] for every signature that the standard's algorithm B refuses.
    pub fn verify(&self, digest: &Digest, signature: &Signature) -> Result<(), SignatureError> {
        self.verify_message(&digest.0, signature)
    }

    /// Verifies a signature over a message.
    ///
    /// # Errors
    /// As [`VerifyingKey::verify`].
    pub fn verify_message(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let parsed = dsa::Signature::from_slice(&signature.0).map_err(|_| SignatureError)?;
        match self.0.comb() {
            Some(comb) if self.0.verify_with(comb, message, &parsed) => Ok(()),
            Some(_) => Err(SignatureError),
            None => self.0.key.verify(message, &parsed).map_err(|_| SignatureError),
        }
    }
}

/// Raw signature, r‖s. Ranges are checked when it is verified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

crate::fixed::fixed_bytes!(Signature, 64);

impl Signature {
    /// Reads the DER form `SEQUENCE { r INTEGER, s INTEGER }` used at X.509 and TLS borders.
    ///
    /// # Errors
    /// Anything but the strict encoding of r, s in `[1, n−1]`.
    pub fn from_der(bytes: &[u8]) -> Result<Self, SignatureError> {
        let signature = read_der(bytes).map_err(|_| SignatureError)?;
        // One signature, one encoding: re-encoding also checks both ranges.
        if signature.to_der()? == bytes { Ok(signature) } else { Err(SignatureError) }
    }

    /// The DER form.
    ///
    /// # Errors
    /// r or s outside `[1, n−1]`.
    pub fn to_der(&self) -> Result<Vec<u8>, SignatureError> {
        dsa::Signature::from_slice(&self.0).map_err(|_| SignatureError)?;
        write_der(self).map_err(|_| SignatureError)
    }
}

fn read_der(bytes: &[u8]) -> der::Result<Signature> {
    let mut reader = SliceReader::new(bytes)?;
    let (r, s) = reader.sequence(|inner| Ok::<_, der::Error>((inner.decode()?, inner.decode()?)))?;
    reader.finish()?;
    let mut raw = [0u8; 64];
    for (half, number) in raw.chunks_exact_mut(32).zip([r, s]) {
        let digits = UintRef::as_bytes(&number);
        let start = half.len().checked_sub(digits.len()).ok_or_else(|| Tag::Integer.length_error().to_error())?;
        half[start..].copy_from_slice(digits);
    }
    Ok(Signature(raw))
}

fn write_der(signature: &Signature) -> der::Result<Vec<u8>> {
    let (r, s) = signature.0.split_at(32);
    let content = [UintRef::new(r)?.to_der()?, UintRef::new(s)?.to_der()?].concat();
    AnyRef::new(Tag::Sequence, &content)?.to_der()
}

/// Secret key; wiped when dropped. It stays where it was made, so that moving it leaves no copies.
#[derive(Clone)]
pub struct SecretKey {
    key: Box<dsa::SigningKey>,
    public: PublicKey,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(of {})", self.public)
    }
}

impl Drop for SecretKey {
    /// The library's key has no wiping of its own: the key 1, of no value, takes its place.
    fn drop(&mut self) {
        static BLANK: LazyLock<Option<dsa::SigningKey>> = LazyLock::new(|| {
            let mut one = [0u8; 32];
            one[31] = 1;
            dsa::SigningKey::from_slice(USER_ID, &one).ok()
        });
        if let Some(blank) = &*BLANK {
            *self.key = blank.clone();
        }
        // Keeps the compiler from leaving the last write out.
        std::hint::black_box(&self.key);
    }
}

impl SecretKey {
    /// A new key from the operating system's generator.
    ///
    /// # Errors
    /// [`KeyError::Entropy`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        // A candidate is out of range with probability below 2^-32; a generator that fails this often is broken.
        for _ in 0..16 {
            getrandom::fill(bytes.as_mut()).map_err(|_| KeyError::Entropy)?;
            if let Ok(key) = Self::from_bytes(&bytes) {
                return Ok(key);
            }
        }
        Err(KeyError::Entropy)
    }

    /// Reads a big-endian scalar.
    ///
    /// # Errors
    /// [`KeyError::SecretRange`] outside `[1, n−2]` (GB/T 32918.1 section 6.1).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = dsa::SigningKey::from_slice(USER_ID, bytes).map_err(|_| KeyError::SecretRange)?;
        // d = n − 1 has no inverse of d + 1 and cannot sign.
        if *key.as_nonzero_scalar().as_ref() == -::sm2::Scalar::ONE {
            return Err(KeyError::SecretRange);
        }
        let public = PublicKey::from_bytes(&compressed(key.verifying_key().as_affine()))?;
        Ok(Self { key: Box::new(key), public })
    }

    /// The scalar, wiped when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes().into())
    }

    /// The public key.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The public key as 65 bytes of uncompressed SEC1, the form of PKCS#8 and X.509.
    #[must_use]
    pub fn uncompressed_public_key(&self) -> [u8; 65] {
        let point = self.key.verifying_key().as_affine();
        let mut bytes = [4u8; 65];
        bytes[1..33].copy_from_slice(&point.x());
        bytes[33..].copy_from_slice(&point.y());
        bytes
    }

    /// Signs the 32 bytes of a digest.
    ///
    /// # Panics
    /// With probability below 2^-250, when the derived nonce gives r = 0 or s = 0.
    #[must_use]
    pub fn sign(&self, digest: &Digest) -> Signature {
        self.sign_message(&digest.0)
    }

    /// Signs a message.
    ///
    /// # Panics
    /// As [`SecretKey::sign`].
    #[must_use]
    pub fn sign_message(&self, message: &[u8]) -> Signature {
        let signature: dsa::Signature =
            self.key.try_sign(message).expect("a 256-bit nonce gives r = 0 or s = 0 with probability 2^-250");
        Signature(signature.to_bytes().into())
    }

    /// Signs a digest and says the parity of the nonce point R, which lets others verify in batches.
    ///
    /// The nonce is recovered as k = s + (r + s)·d, so R = kG costs one multiplication of the base point.
    ///
    /// # Panics
    /// As [`SecretKey::sign`].
    #[must_use]
    pub fn sign_with_hint(&self, digest: &Digest) -> (Signature, u8) {
        let signature = self.sign(digest);
        let parsed = dsa::Signature::from_slice(&signature.0).expect("own signature is in range");
        let point = ProjectivePoint::mul_by_generator(&self.nonce(&parsed)).to_affine();
        (signature, u8::from(bool::from(point.y_is_odd())))
    }
}

impl SecretKey {
    /// The nonce of an own signature: s = (k − r·d) / (1 + d), so k = s + (r + s)·d.
    fn nonce(&self, signature: &dsa::Signature) -> Zeroizing<::sm2::Scalar> {
        let (r, s) = signature.split_scalars();
        Zeroizing::new(*s + (*r + *s) * *self.key.as_nonzero_scalar().as_ref())
    }
}

fn compressed(point: &AffinePoint) -> [u8; 33] {
    let mut bytes = [0u8; 33];
    bytes[0] = if bool::from(point.y_is_odd()) { 3 } else { 2 };
    bytes[1..].copy_from_slice(&point.x());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(secret: u8) -> (SecretKey, Known, KeyComb) {
        let key = SecretKey::from_bytes(&[secret; 32]).expect("in range");
        let VerifyingKey(known) = key.public_key().to_verifying_key().expect("on the curve");
        let known = Arc::into_inner(known).expect("one handle");
        let comb = KeyComb::new(known.key.as_affine()).expect("few tables");
        (key, known, comb)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// With and without the table the verdict is the same, on good, changed and random signatures.
        #[test]
        fn the_table_gives_the_verdicts_of_the_library(
            secret in 1u8..250, message in any::<[u8; 20]>(), at in 0usize..64, bit in 0u8..8, random in any::<[u8; 32]>(),
        ) {
            let (key, known, comb) = known(secret);
            let good = key.sign_message(&message);
            let mut changed = good;
            changed.0[at] ^= 1 << bit;
            let mut r_random = good;
            r_random.0[..32].copy_from_slice(&random);
            // r + s = n, so t = 0.
            let (r, _) = dsa::Signature::from_slice(&good.0).expect("own").split_scalars();
            let mut opposite = good;
            opposite.0[32..].copy_from_slice(&(-*r).to_bytes());
            for (signature, want) in [(good, Some(true)), (changed, None), (r_random, None), (opposite, Some(false))] {
                let Ok(parsed) = dsa::Signature::from_slice(&signature.0) else { continue };
                let plain = known.key.verify(&message, &parsed).is_ok();
                prop_assert_eq!(known.verify_with(&comb, &message, &parsed), plain);
                prop_assert!(want.is_none_or(|w| w == plain));
            }
        }
    }

    #[test]
    fn a_busy_key_gets_a_table_and_still_tells_good_from_bad() {
        let key = SecretKey::from_bytes(&[9; 32]).expect("in range");
        let verifying = key.public_key().to_verifying_key().expect("on the curve");
        for n in 0..2 * TABLE_AFTER {
            let message = n.to_be_bytes();
            let good = key.sign_message(&message);
            assert_eq!(verifying.verify_message(&message, &good), Ok(()), "use {n}");
            assert_eq!(verifying.verify_message(b"other", &good), Err(SignatureError), "use {n}");
        }
        assert!(matches!(verifying.0.comb.get(), Some(Some(_))));
    }

    /// GB/T 32918.5-2017 annex A.2 publishes k beside r and s.
    #[test]
    fn nonce_is_recovered_from_the_published_signature() {
        let scalar = |s: &str| crate::fixed::read_hex::<32>(s).expect("hex");
        let key = SecretKey::from_bytes(&scalar("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"));
        let signature = dsa::Signature::from_scalars(
            scalar("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"),
            scalar("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"),
        );
        let nonce = key.expect("in range").nonce(&signature.expect("in range"));
        let published = scalar("59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21");
        assert_eq!(<[u8; 32]>::from(::sm2::FieldBytes::from(*nonce)), published);
    }
}
