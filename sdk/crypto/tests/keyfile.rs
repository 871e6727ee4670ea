//! Key files: round trips, refusals, and OpenSSL as the oracle.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_crypto::SecretKey;
use hnchain_crypto::keyfile::{self, ITERATIONS, KeyFileError, MAX_ITERATIONS, decrypt, encrypt};
use support::{OpenSsl, key, private_key_info, text};

const PASSWORD: &[u8] = "郑州 password".as_bytes();

/// DER of one element.
fn tlv(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        n @ 0..128 => vec![u8::try_from(n).unwrap()],
        n @ 128..256 => vec![0x81, u8::try_from(n).unwrap()],
        n => vec![0x82, u8::try_from(n >> 8).unwrap(), u8::try_from(n & 255).unwrap()],
    };
    [vec![tag], length, content].concat()
}

fn hex(s: &str) -> Vec<u8> {
    hex::decode(s).unwrap()
}

/// An `EncryptedPrivateKeyInfo` put together by this test, independent of the code under test.
#[derive(Clone)]
struct Parts {
    scheme: Vec<u8>,
    kdf: Vec<u8>,
    salt: Vec<u8>,
    iterations: Vec<u8>,
    key_length: Option<u8>,
    prf: Vec<u8>,
    cipher: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Parts {
    fn sealed(plain: &[u8]) -> Self {
        let (salt, iv) = (vec![7; 16], [9; 16]);
        let mut derived = [0u8; 16];
        pbkdf2::pbkdf2_hmac::<sm3::Sm3>(PASSWORD, &salt, 2_000, &mut derived);
        use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7};
        let ciphertext =
            cbc::Encryptor::<sm4::Sm4>::new(&derived.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(plain);
        Self {
            scheme: hex("06092a864886f70d01050d"),
            kdf: hex("06092a864886f70d01050c"),
            salt,
            iterations: hex("020207d0"),
            key_length: None,
            prf: tlv(0x30, &[hex("06092a811ccf5501831102"), hex("0500")]),
            cipher: hex("06082a811ccf55016802"),
            iv: iv.to_vec(),
            ciphertext,
        }
    }

    fn der(&self) -> Vec<u8> {
        let mut parameters = vec![tlv(4, std::slice::from_ref(&self.salt)), self.iterations.clone()];
        parameters.extend(self.key_length.map(|n| vec![2, 1, n]));
        parameters.push(self.prf.clone());
        let kdf = tlv(0x30, &[self.kdf.clone(), tlv(0x30, &parameters)]);
        let cipher = tlv(0x30, &[self.cipher.clone(), tlv(4, std::slice::from_ref(&self.iv))]);
        let algorithm = tlv(0x30, &[self.scheme.clone(), tlv(0x30, &[kdf, cipher])]);
        tlv(0x30, &[algorithm, tlv(4, std::slice::from_ref(&self.ciphertext))])
    }

    fn open(&self) -> Result<SecretKey, KeyFileError> {
        decrypt(&pem(&self.der()), PASSWORD)
    }
}

fn pem(der_bytes: &[u8]) -> String {
    der::pem::encode_string("ENCRYPTED PRIVATE KEY", der::pem::LineEnding::LF, der_bytes).unwrap()
}

fn code(result: Result<SecretKey, KeyFileError>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn a_key_comes_back_as_it_went_in() {
    for n in 0..3 {
        let file = encrypt(&key(n), PASSWORD).unwrap();
        let back = decrypt(&file, PASSWORD).unwrap();
        assert_eq!(back.to_bytes(), key(n).to_bytes());
        assert_eq!(decrypt(&file.replace('\n', "\r\n"), PASSWORD).unwrap().public_key(), key(n).public_key());
    }
}

#[test]
fn two_files_of_one_key_share_no_salt() {
    assert_ne!(encrypt(&key(1), PASSWORD).unwrap(), encrypt(&key(1), PASSWORD).unwrap());
}

#[test]
fn another_password_is_called_a_wrong_password() {
    let file = encrypt(&key(1), PASSWORD).unwrap();
    // About one in 256 wrong passwords gives valid padding.
    let cheap = pem(&Parts::sealed(&private_key_info(&key(1))).der());
    for n in 0..2_000u32 {
        assert_eq!(code(decrypt(&cheap, format!("wrong {n}").as_bytes())), "KEY_FILE_PASSWORD", "password {n}");
    }
    assert_eq!(code(decrypt(&file, b"wrong")), "KEY_FILE_PASSWORD");
}

#[test]
fn passwords_that_other_tools_cut_short_are_refused() {
    for password in [&b""[..], b"a\0b", &[b'x'; 1025]] {
        assert_eq!(encrypt(&key(1), password).unwrap_err(), KeyFileError::Password);
        assert_eq!(code(decrypt("", password)), "KEY_FILE_PASSWORD_FORM");
    }
}

#[test]
fn what_is_not_an_encrypted_key_file_is_called_so() {
    let plain = der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, &private_key_info(&key(1))).unwrap();
    for file in ["", "hello", "-----BEGIN ENCRYPTED PRIVATE KEY-----", &plain, &"x".repeat(100_000)] {
        assert_eq!(code(decrypt(file, PASSWORD)), "KEY_FILE_FORMAT");
    }
    assert!(decrypt(&plain, PASSWORD).unwrap_err().to_string().contains("\"PRIVATE KEY\""));
}

#[test]
fn files_of_the_standard_form_by_others_are_read() {
    let good = Parts::sealed(&private_key_info(&key(5)));
    assert_eq!(good.open().unwrap().public_key(), key(5).public_key());
    let with_length = Parts { key_length: Some(16), ..good.clone() };
    assert_eq!(with_length.open().unwrap().public_key(), key(5).public_key());
    let no_null = Parts { prf: tlv(0x30, &[hex("06092a811ccf5501831102")]), ..good };
    assert_eq!(no_null.open().unwrap().public_key(), key(5).public_key());
}

#[test]
fn other_algorithms_are_named_and_refused() {
    let good = Parts::sealed(&private_key_info(&key(5)));
    let cases = [
        (Parts { scheme: hex("06092a864886f70d010503"), ..good.clone() }, "1.2.840.113549.1.5.3"),
        (Parts { kdf: hex("06092b06010401da470411"), ..good.clone() }, "1.3.6.1.4.1.11591.4.17"),
        (Parts { prf: tlv(0x30, &[hex("06082a864886f70d0209"), hex("0500")]), ..good.clone() }, "1.2.840.113549.2.9"),
        (Parts { prf: Vec::new(), ..good.clone() }, "HMAC-SHA-1"),
        (Parts { prf: Vec::new(), key_length: Some(16), ..good.clone() }, "HMAC-SHA-1"),
        (Parts { cipher: hex("060960864801650304012a"), ..good }, "2.16.840.1.101.3.4.1.42"),
    ];
    for (parts, name) in cases {
        let error = parts.open().unwrap_err();
        assert_eq!(error.code(), "KEY_FILE_ALGORITHM", "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_hostile_iteration_count_is_refused_at_once() {
    let good = Parts::sealed(&private_key_info(&key(5)));
    let over = MAX_ITERATIONS + 1;
    for iterations in [hex("020100"), [vec![2, 3], over.to_be_bytes()[1..].to_vec()].concat(), hex("02047fffffff")] {
        let started = std::time::Instant::now();
        assert_eq!(Parts { iterations, ..good.clone() }.open().unwrap_err(), KeyFileError::Corrupt("iteration count"));
        assert!(started.elapsed().as_millis() < 500);
    }
}

#[test]
fn structural_damage_is_called_damage() {
    let good = Parts::sealed(&private_key_info(&key(5)));
    let short = good.ciphertext[..good.ciphertext.len() - 1].to_vec();
    let cases = [
        Parts { salt: vec![1; 7], ..good.clone() },
        Parts { salt: vec![1; 65], ..good.clone() },
        Parts { iv: vec![1; 15], ..good.clone() },
        Parts { iterations: hex("02020001"), ..good.clone() },
        Parts { iterations: hex("0201ff"), ..good.clone() },
        Parts { key_length: Some(32), ..good.clone() },
        Parts { ciphertext: short, ..good.clone() },
        Parts { ciphertext: Vec::new(), ..good.clone() },
        Parts { ciphertext: vec![0; 528], ..good.clone() },
    ];
    for parts in cases {
        assert_eq!(code(parts.open()), "KEY_FILE_DAMAGED");
    }
    let mut longer = good.der();
    longer.push(0);
    assert_eq!(code(decrypt(&pem(&longer), PASSWORD)), "KEY_FILE_DAMAGED");
}

#[test]
fn the_inner_key_is_checked_like_the_outside() {
    let right = private_key_info(&key(5));
    let change = |at: usize, to: &[u8]| {
        let mut inner = right.clone();
        inner[at..at + to.len()].copy_from_slice(to);
        code(Parts::sealed(&inner).open())
    };
    assert_eq!(change(73 + 1, &key(6).uncompressed_public_key()[1..]), "KEY_FILE_MISMATCH");
    assert_eq!(change(36, key(6).to_bytes().as_ref()), "KEY_FILE_MISMATCH");
    assert_eq!(change(36, &[0; 32]), "KEY_FILE_KEY");
    assert_eq!(change(36, &[0xff; 32]), "KEY_FILE_KEY");
    assert_eq!(change(26, &[0x2e]), "KEY_FILE_ALGORITHM"); // another curve
    assert_eq!(change(14, &[0x02]), "KEY_FILE_ALGORITHM"); // another kind of key
    assert_eq!(change(33, &[2]), "KEY_FILE_DAMAGED"); // ECPrivateKey version
    assert_eq!(change(5, &[1]), "KEY_FILE_PASSWORD"); // version: not a PrivateKeyInfo
    let mut trailing = right.clone();
    trailing.push(0);
    assert_eq!(code(Parts::sealed(&trailing).open()), "KEY_FILE_PASSWORD");
    // GmSSL repeats the curve inside.
    let ec = tlv(
        0x30,
        &[
            hex("020101"),
            tlv(4, &[key(5).to_bytes().to_vec()]),
            tlv(0xa0, &[hex("06082a811ccf5501822d")]),
            tlv(0xa1, &[tlv(3, &[vec![0], key(5).uncompressed_public_key().to_vec()])]),
        ],
    );
    let algorithm = tlv(0x30, &[hex("06072a8648ce3d0201"), hex("06082a811ccf5501822d")]);
    let info = tlv(0x30, &[hex("020100"), algorithm, tlv(4, &[ec])]);
    assert_eq!(Parts::sealed(&info).open().unwrap().public_key(), key(5).public_key());
}

#[test]
fn no_single_changed_character_goes_unseen_as_another_key() {
    let file = pem(&Parts::sealed(&private_key_info(&key(5))).der());
    for at in 0..file.len() {
        let mut changed = file.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        if let Ok(read) = decrypt(&String::from_utf8(changed).unwrap(), PASSWORD) {
            assert_eq!(read.public_key(), key(5).public_key());
        }
    }
    for length in 0..file.len() - 1 {
        assert!(decrypt(&file[..length], PASSWORD).is_err(), "{length} bytes");
    }
}

#[test]
fn messages_exist_in_both_languages() {
    for error in [KeyFileError::WrongPassword, KeyFileError::KeyMismatch, KeyFileError::Corrupt("PEM")] {
        assert!(!error.to_string().is_empty() && !error.message_zh().is_ascii());
    }
}

/// What OpenSSL's parser finds at an element: `(depth, rest of the line)`.
fn parse(openssl: &OpenSsl, file: &std::path::Path) -> Vec<String> {
    let output = openssl.run(&["asn1parse", "-in", text(file)], b"");
    String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
}

fn dump(line: &str) -> &str {
    line.rsplit("[HEX DUMP]:").next().unwrap().trim()
}

/// Opens our file by OpenSSL's commands alone. OpenSSL 3.0 has no HMAC-SM3 for PBES2, so its KDF and cipher are called.
#[test]
fn openssl_opens_what_we_write() {
    let Some(openssl) = OpenSsl::find() else { return };
    let file = openssl.file("key.pem", encrypt(&key(8), b"secret").unwrap().as_bytes());
    let lines = parse(&openssl, &file);
    let find =
        |what: &str| lines.iter().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what} in {lines:#?}"));
    let kdf = find(":PBKDF2");
    let (salt, iterations) = (dump(&lines[kdf + 2]), lines[kdf + 3].rsplit(':').next().unwrap());
    assert_eq!(u32::from_str_radix(iterations, 16).unwrap(), ITERATIONS);
    assert!(
        find(":PBES2") < kdf
            && lines
                .iter()
                .any(|l| l.ends_with(":1.2.156.10197.1.401.2") || l.to_lowercase().ends_with(":hmacwithsm3"))
    );
    let (iv, data) = (dump(&lines[find(":sm4-cbc") + 1]), dump(lines.last().unwrap()));
    let (salt, rounds) = (format!("hexsalt:{salt}"), format!("iter:{ITERATIONS}"));
    let arguments =
        ["-keylen", "16", "-kdfopt", "digest:SM3", "-kdfopt", "pass:secret", "-kdfopt", &salt, "-kdfopt", &rounds];
    let derived = openssl.run(&[&["kdf"][..], &arguments, &["PBKDF2"]].concat(), b"");
    let derived = String::from_utf8(derived).unwrap().trim().replace(':', "");
    let plain = openssl.run(&["enc", "-d", "-sm4-cbc", "-K", &derived, "-iv", iv], &hex(data));
    assert_eq!(plain, private_key_info(&key(8)));
    // And OpenSSL takes the plain key for what it is.
    let public = openssl.run(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], &plain);
    assert_eq!(public, support::public_key_info(&key(8)));
}

#[test]
fn openssl_3_x_reads_the_file_itself_where_it_knows_hmac_sm3() {
    let Some(openssl) = OpenSsl::find() else { return };
    let file = openssl.file("key.pem", encrypt(&key(8), b"secret").unwrap().as_bytes());
    match openssl.try_run(&["pkey", "-in", text(&file), "-passin", "pass:secret", "-outform", "DER"], b"") {
        Ok(plain) => assert_eq!(plain, private_key_info(&key(8))),
        Err(why) => {
            // OpenSSL up to at least 3.0 has no entry for HMAC-SM3; any other reason is our fault.
            assert!(why.contains("unsupported") || why.contains("unknown"), "{why}");
            println!("this OpenSSL has no PBES2 with HMAC-SM3");
        }
    }
}

#[test]
fn we_open_a_key_that_openssl_made_and_encrypted() {
    let Some(openssl) = OpenSsl::find() else { return };
    let made = openssl.run(&["genpkey", "-algorithm", "SM2"], b"");
    let plain = openssl.run(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &made);
    let public = openssl.run(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], &plain);
    let derived = openssl.run(
        &[
            "kdf",
            "-keylen",
            "16",
            "-kdfopt",
            "digest:SM3",
            "-kdfopt",
            "pass:secret",
            "-kdfopt",
            "hexsalt:0102030405060708",
            "-kdfopt",
            "iter:2000",
            "PBKDF2",
        ],
        b"",
    );
    let derived = String::from_utf8(derived).unwrap().trim().replace(':', "");
    let iv = "000102030405060708090a0b0c0d0e0f";
    let ciphertext = openssl.run(&["enc", "-sm4-cbc", "-K", &derived, "-iv", iv], &plain);
    let parts = Parts { salt: hex("0102030405060708"), iv: hex(iv), ciphertext, ..Parts::sealed(b"") };
    let read = decrypt(&pem(&parts.der()), b"secret").unwrap();
    assert_eq!(support::public_key_info(&read), public);
}

#[test]
fn an_openssl_file_with_hmac_sha256_is_refused_by_name() {
    let Some(openssl) = OpenSsl::find() else { return };
    let plain = openssl.file("plain.der", &private_key_info(&key(8)));
    let arguments =
        ["pkcs8", "-topk8", "-inform", "DER", "-in", text(&plain), "-v2", "sm4-cbc", "-passout", "pass:secret"];
    let file = String::from_utf8(openssl.run(&arguments, b"")).unwrap();
    let error = keyfile::decrypt(&file, b"secret").unwrap_err();
    assert_eq!(error, KeyFileError::UnsupportedAlgorithm("the pseudo-random function 1.2.840.113549.2.9".to_owned()));
}
