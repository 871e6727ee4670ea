//! SM2: the standard's vector, two oracles in both directions, and everything that must be refused.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_crypto::{Digest, KeyError, PublicKey, SecretKey, Signature, sm3};
use proptest::prelude::*;
use support::{OpenSsl, key, private_key_info, public_key_info, text};

/// Order of the group.
const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
/// Prime of the field.
const P: &str = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";

fn bytes32(hexadecimal: &str) -> [u8; 32] {
    hex::decode(hexadecimal).unwrap().try_into().unwrap()
}

/// Big-endian `a + delta`, for values next to a bound.
fn offset(a: &str, delta: i8) -> [u8; 32] {
    let mut out = bytes32(a);
    let mut carry = i16::from(delta);
    for byte in out.iter_mut().rev() {
        let sum = i16::from(*byte) + carry;
        *byte = u8::try_from(sum.rem_euclid(256)).unwrap();
        carry = sum.div_euclid(256);
    }
    out
}

/// `n − a`.
fn negated(a: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    let mut borrow = 0i16;
    for i in (0..32).rev() {
        let difference = i16::from(bytes32(N)[i]) - i16::from(a[i]) - borrow;
        out[i] = u8::try_from(difference.rem_euclid(256)).unwrap();
        borrow = i16::from(difference < 0);
    }
    out
}

fn signature(r: &[u8], s: &[u8]) -> Signature {
    Signature([r, s].concat().try_into().unwrap())
}

/// GB/T 32918.5-2017 annex A.2 (the same as GM/T 0003.5-2012).
mod standard {
    pub(super) const D: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    pub(super) const X: &str = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020";
    pub(super) const Y: &str = "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    pub(super) const R: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3";
    pub(super) const S: &str = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
}

#[test]
fn published_signature_of_gb_t_32918_5_verifies() {
    let secret = SecretKey::from_bytes(&bytes32(standard::D)).unwrap();
    let uncompressed = [vec![4], hex::decode(standard::X).unwrap(), hex::decode(standard::Y).unwrap()].concat();
    assert_eq!(secret.uncompressed_public_key().as_slice(), uncompressed);
    let published = signature(&bytes32(standard::R), &bytes32(standard::S));
    let verifying = secret.public_key().to_verifying_key().unwrap();
    assert!(verifying.verify_message(b"message digest", &published).is_ok());
    assert!(verifying.verify_message(b"message digesT", &published).is_err());
}

#[test]
fn signing_is_deterministic_and_golden() {
    let secret = SecretKey::from_bytes(&bytes32(standard::D)).unwrap();
    let first = secret.sign_message(b"message digest");
    assert_eq!(first, secret.sign_message(b"message digest"));
    // RFC 6979 with SM3 over e = SM3(Z_A ‖ M); pinned so that a new version of a dependency cannot change it unseen.
    assert_eq!(first.to_string(), GOLDEN_SIGNATURE);
}
const GOLDEN_SIGNATURE: &str = concat!(
    "24858ee71d63e687feefe41f5af80a59f0791eb1dabc2bbe71daf0e57f06c367",
    "3d15550de52785a435004c937256ac715c0e04176ac57062c6722fa692f7a491"
);

#[test]
fn secret_keys_are_between_one_and_n_minus_two() {
    for refused in [[0; 32], offset(N, 0), offset(N, -1), offset(N, 1), [0xff; 32]] {
        assert_eq!(SecretKey::from_bytes(&refused).unwrap_err(), KeyError::SecretRange);
    }
    let mut one = [0; 32];
    one[31] = 1;
    for accepted in [one, offset(N, -2)] {
        let secret = SecretKey::from_bytes(&accepted).unwrap();
        assert_eq!(*secret.to_bytes(), accepted);
        let digest = sm3(b"x");
        assert!(secret.public_key().to_verifying_key().unwrap().verify(&digest, &secret.sign(&digest)).is_ok());
    }
}

#[test]
fn secret_keys_are_not_printed() {
    let secret = key(1);
    let printed = format!("{secret:?}");
    assert!(!printed.contains(&hex::encode(*secret.to_bytes())));
    assert_eq!(printed, format!("SecretKey(of {})", secret.public_key()));
}

#[test]
fn public_keys_of_wrong_form_are_refused() {
    let good = *key(1).public_key().as_bytes();
    let full = key(1).uncompressed_public_key();
    let identity = [0u8];
    for bytes in [&good[..32], &[good.as_slice(), &[0]].concat(), &full, &identity, &[], &[0; 33]] {
        assert_eq!(PublicKey::from_bytes(bytes), Err(KeyError::Encoding));
    }
    for prefix in [0, 1, 4, 5, 6, 7, 0x82, 0xff] {
        let mut changed = good;
        changed[0] = prefix;
        assert_eq!(PublicKey::from_bytes(&changed), Err(KeyError::Encoding));
        // Text and serde do not check the prefix; decoding the point does.
        let read: PublicKey = hex::encode(changed).parse().unwrap();
        assert_eq!(read.to_verifying_key().unwrap_err(), KeyError::Encoding);
    }
    assert!(PublicKey::from_bytes(&good).unwrap().to_verifying_key().is_ok());
}

fn compressed(prefix: u8, x: &[u8; 32]) -> PublicKey {
    PublicKey::from_bytes(&[&[prefix][..], x].concat()).unwrap()
}

#[test]
fn public_keys_off_the_curve_are_refused() {
    // About half of all x have no point.
    let misses = (0..200u64).filter(|n| compressed(2, &sm3(&n.to_le_bytes()).0).to_verifying_key().is_err()).count();
    assert!((60..140).contains(&misses), "{misses} of 200");
    let off = (0..200u64).map(|n| sm3(&n.to_le_bytes()).0).find(|x| compressed(2, x).to_verifying_key().is_err());
    let off = off.unwrap();
    assert_eq!(compressed(2, &off).to_verifying_key().unwrap_err(), KeyError::NotOnCurve);
    assert_eq!(compressed(3, &off).to_verifying_key().unwrap_err(), KeyError::NotOnCurve);
}

#[test]
fn x_coordinates_of_p_and_above_are_refused() {
    // x = 0 is on the curve (b is a square or not): x = p would alias it, and so on upwards.
    for delta in 0..20 {
        let x = offset(P, delta);
        assert_eq!(compressed(2, &x).to_verifying_key().unwrap_err(), KeyError::NotOnCurve, "p + {delta}");
        assert_eq!(compressed(3, &x).to_verifying_key().unwrap_err(), KeyError::NotOnCurve, "p + {delta}");
    }
    assert_eq!(compressed(2, &[0xff; 32]).to_verifying_key().unwrap_err(), KeyError::NotOnCurve);
}

#[test]
fn signatures_out_of_range_are_refused() {
    let (secret, digest) = (key(1), sm3(b"x"));
    let verifying = secret.public_key().to_verifying_key().unwrap();
    let good = secret.sign(&digest);
    let (r, s) = good.0.split_at(32);
    let zero = [0u8; 32];
    let above = [offset(N, 0), offset(N, 1), [0xff; 32]];
    let mut bad = vec![signature(&zero, s), signature(r, &zero), signature(&zero, &zero)];
    bad.extend(above.iter().flat_map(|n| [signature(n, s), signature(r, n), signature(n, n)]));
    // r + s ≡ 0 makes t zero, which takes the public key out of the equation.
    bad.extend([signature(r, &negated(r)), signature(&negated(s), s)]);
    // The mirror of ECDSA's malleability, and halves exchanged.
    bad.extend([signature(r, &negated(s)), signature(&negated(r), s), signature(s, r)]);
    for one in bad {
        assert!(verifying.verify(&digest, &one).is_err(), "{one}");
    }
    assert!(verifying.verify(&digest, &good).is_ok());
}

#[test]
fn a_forged_signature_with_t_zero_is_refused_for_the_message_it_would_fit() {
    // With t = r + s = 0 the check becomes r = e + x(sG), which anyone can solve for e without a key.
    let (r, s) = (negated(&sm3(b"any s").0), sm3(b"any s").0);
    for n in 0..50u64 {
        let verifying = key(n).public_key().to_verifying_key().unwrap();
        assert!(verifying.verify(&sm3(&n.to_be_bytes()), &signature(&r, &s)).is_err());
    }
}

#[test]
fn der_is_strict() {
    let good = key(1).sign(&sm3(b"x"));
    let der = good.to_der().unwrap();
    assert_eq!(Signature::from_der(&der), Ok(good));
    for length in 0..der.len() {
        assert!(Signature::from_der(&der[..length]).is_err(), "{length} bytes");
    }
    assert!(Signature::from_der(&[der.as_slice(), &[0]].concat()).is_err(), "trailing byte");
    let integer = |content: &[u8]| [&[2, u8::try_from(content.len()).unwrap()][..], content].concat();
    let sequence = |parts: &[Vec<u8>]| {
        let content = parts.concat();
        [&[0x30, u8::try_from(content.len()).unwrap()][..], &content].concat()
    };
    let one = || integer(&[1]);
    assert!(Signature::from_der(&sequence(&[one(), one()])).is_ok());
    let refused = [
        ("long form of a short length", [&[0x30, 0x81, 6][..], &one(), &one()].concat()),
        ("indefinite length", [&[0x30, 0x80][..], &one(), &one(), &[0, 0]].concat()),
        ("leading zero", sequence(&[integer(&[0, 1]), one()])),
        ("negative", sequence(&[integer(&[0x80]), one()])),
        ("negative r of full length", sequence(&[integer(&[0x80; 32]), one()])),
        ("empty integer", sequence(&[integer(&[]), one()])),
        ("zero r", sequence(&[integer(&[0]), one()])),
        ("zero s", sequence(&[one(), integer(&[0])])),
        ("n", sequence(&[integer(&[&[0][..], &bytes32(N)].concat()), one()])),
        ("33 bytes", sequence(&[integer(&[&[1][..], &[0; 32]].concat()), one()])),
        ("one number", sequence(&[one()])),
        ("three numbers", sequence(&[one(), one(), one()])),
        ("a set", [&[0x31, 6][..], &one(), &one()].concat()),
    ];
    for (what, bytes) in refused {
        assert!(Signature::from_der(&bytes).is_err(), "{what}");
    }
    assert!(signature(&[0; 32], &[1; 32]).to_der().is_err());
    assert!(signature(&[0xff; 32], &[1; 32]).to_der().is_err());
}

fn sm_crypto_key(secret: &SecretKey) -> (String, String) {
    (hex::encode(*secret.to_bytes()), hex::encode(&secret.uncompressed_public_key()[1..]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The library of another author accepts what we sign, and derives the same public key.
    #[test]
    fn sm_crypto_verifies_what_we_sign(seed in any::<u64>(), message in prop::collection::vec(any::<u8>(), 0..200)) {
        let secret = key(seed);
        let (d, public) = sm_crypto_key(&secret);
        prop_assert_eq!(sm_crypto::sm2::pk_from_sk(&d), public.clone());
        let der = secret.sign_message(&message).to_der().unwrap();
        let verifier = sm_crypto::sm2::Verify::new(&public);
        prop_assert!(verifier.verify_der(&message, &der, true));
        let mut other = message;
        other.push(0);
        prop_assert!(!verifier.verify_der(&other, &der, true));
    }

    #[test]
    fn we_verify_what_sm_crypto_signs(seed in any::<u64>(), message in prop::collection::vec(any::<u8>(), 0..200)) {
        let secret = key(seed);
        let (d, _) = sm_crypto_key(&secret);
        let der = sm_crypto::sm2::Sign::new(&d).sign_der(&message, true);
        let verifying = secret.public_key().to_verifying_key().unwrap();
        let theirs = Signature::from_der(&der).unwrap();
        prop_assert!(verifying.verify_message(&message, &theirs).is_ok());
        prop_assert!(key(seed.wrapping_add(1)).public_key().to_verifying_key().unwrap().verify_message(&message, &theirs).is_err());
    }

    #[test]
    fn sm_crypto_hashes_alike(message in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(sm_crypto::sm3::sm3_hash(&message), sm3(&message).to_string());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_changed_bit_of_a_signature_verifies(seed in any::<u64>(), bit in 0usize..512) {
        let (secret, digest) = (key(seed), sm3(&seed.to_le_bytes()));
        let verifying = secret.public_key().to_verifying_key().unwrap();
        let good = secret.sign(&digest);
        prop_assert!(verifying.verify(&digest, &good).is_ok());
        let mut changed = good;
        changed.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verifying.verify(&digest, &changed).is_err());
        let mut other = digest;
        other.0[bit / 16] ^= 1 << (bit % 8);
        prop_assert!(verifying.verify(&other, &good).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_no_signature_and_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 64), x in prop::array::uniform32(any::<u8>())) {
        let verifying = key(1).public_key().to_verifying_key().unwrap();
        prop_assert!(verifying.verify(&sm3(b"x"), &Signature(bytes.clone().try_into().unwrap())).is_err());
        let _ = Signature::from_der(&bytes);
        let _ = compressed(2, &x).to_verifying_key();
    }

    #[test]
    fn der_and_raw_are_the_same_signature(seed in any::<u64>()) {
        let raw = key(seed).sign(&sm3(b"x"));
        prop_assert_eq!(Signature::from_der(&raw.to_der().unwrap()), Ok(raw));
    }

    #[test]
    fn keys_survive_text_and_bytes(seed in any::<u64>()) {
        let public = key(seed).public_key();
        prop_assert_eq!(public.to_string().parse(), Ok(public));
        prop_assert_eq!(PublicKey::from_bytes(public.as_bytes()), Ok(public));
        prop_assert_eq!(public.to_verifying_key().unwrap().public_key(), public);
    }

    /// Parity of y of R = sG + tP, computed here by OpenSSL-independent, slow, public arithmetic.
    #[test]
    fn the_hint_is_the_parity_of_the_recomputed_nonce_point(seed in any::<u64>()) {
        use sm2::elliptic_curve::{Group as _, point::AffineCoordinates as _};
        let (secret, digest) = (key(seed), sm3(&seed.to_be_bytes()));
        let (signed, hint) = secret.sign_with_hint(&digest);
        prop_assert_eq!(signed, secret.sign(&digest));
        let (r, s) = sm2::dsa::Signature::from_slice(&signed.0).unwrap().split_scalars();
        let public = sm2::PublicKey::from_sec1_bytes(secret.public_key().as_bytes()).unwrap();
        let point = sm2::ProjectivePoint::mul_by_generator(&s) + public.to_projective() * (*r + *s);
        prop_assert_eq!(hint, u8::from(bool::from(point.to_affine().y_is_odd())));
    }
}

const DISTID: &str = "distid:1234567812345678";

#[test]
fn openssl_verifies_what_we_sign() {
    let Some(openssl) = OpenSsl::find() else { return };
    for n in 0..8u64 {
        let (secret, message) = (key(n), sm3(&n.to_le_bytes()).0[..usize::try_from(n).unwrap() * 4].to_vec());
        let public = openssl.file("public.der", &public_key_info(&secret));
        let input = openssl.file("message", &message);
        let good = secret.sign_message(&message);
        let verify = |signature: &Signature| {
            let file = openssl.file("signature", &signature.to_der().unwrap());
            let arguments = [
                "pkeyutl",
                "-verify",
                "-pubin",
                "-keyform",
                "DER",
                "-inkey",
                text(&public),
                "-rawin",
                "-digest",
                "sm3",
                "-pkeyopt",
                DISTID,
                "-in",
                text(&input),
                "-sigfile",
                text(&file),
            ];
            openssl.try_run(&arguments, b"").is_ok()
        };
        assert!(verify(&good), "key {n}");
        let mut bad = good;
        bad.0[63] ^= 1;
        assert!(!verify(&bad), "key {n}");
    }
}

#[test]
fn we_verify_what_openssl_signs() {
    let Some(openssl) = OpenSsl::find() else { return };
    for n in 0..8u64 {
        let (secret, message) = (key(n), sm3(&n.to_le_bytes()).0[..usize::try_from(n).unwrap() * 4].to_vec());
        let private = openssl.file("private.der", &private_key_info(&secret));
        let input = openssl.file("message", &message);
        let arguments = [
            "pkeyutl",
            "-sign",
            "-keyform",
            "DER",
            "-inkey",
            text(&private),
            "-rawin",
            "-digest",
            "sm3",
            "-pkeyopt",
            DISTID,
            "-in",
            text(&input),
        ];
        let theirs = Signature::from_der(&openssl.run(&arguments, b"")).unwrap();
        let verifying = secret.public_key().to_verifying_key().unwrap();
        assert!(verifying.verify_message(&message, &theirs).is_ok(), "key {n}");
        assert!(verifying.verify_message(b"another", &theirs).is_err(), "key {n}");
    }
}

#[test]
fn openssl_hashes_alike() {
    let Some(openssl) = OpenSsl::find() else { return };
    for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1_000, 100_000] {
        let message = vec![0xa5; length];
        let theirs = openssl.run(&["dgst", "-sm3", "-binary"], &message);
        assert_eq!(theirs, sm3(&message).0, "{length} bytes");
    }
}

#[test]
fn a_digest_is_signed_as_the_message_of_its_bytes() {
    let digest = Digest([7; 32]);
    assert_eq!(key(1).sign(&digest), key(1).sign_message(&digest.0));
}
