//! Key files, keys and signatures.

use super::said;
use hnchain_crypto::{PublicKey, Signature, keyfile};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Password of the key files in the corpus.
const PASSWORD: &[u8] = b"a password of the corpus";
/// Key files of 16 iterations and of one: ours have so many that little else would be tried. Made by another program.
pub(crate) const FEW: &[u8] = include_bytes!("few.pem");
/// See [`FEW`].
pub(crate) const FEWER: &[u8] = include_bytes!("fewer.pem");

/// A file that opens holds a key that was put into it.
pub(super) fn key_file(input: &[u8]) -> Result<(), String> {
    static KEYS: LazyLock<BTreeSet<PublicKey>> = LazyLock::new(|| {
        let open = |raw| keyfile::decrypt(std::str::from_utf8(raw).expect("PEM"), PASSWORD).expect("it opens");
        [FEW, FEWER].map(open).map(|k| k.public_key()).into()
    });
    let pem = std::str::from_utf8(input).map_err(said)?;
    let key = keyfile::decrypt(pem, PASSWORD).map_err(|e| {
        assert!(e.code().starts_with("KEY_FILE_") && !e.message_zh().is_empty(), "{e:?}");
        said(e)
    })?;
    assert!(KEYS.contains(&key.public_key()), "a changed file opens and holds another key");
    Ok(())
}

pub(super) fn public_key(input: &[u8]) -> Result<(), String> {
    let key = PublicKey::from_bytes(input).map_err(said)?;
    assert_eq!(key.as_bytes().as_slice(), input);
    let verifying = key.to_verifying_key().map_err(said)?;
    assert_eq!(verifying.public_key(), key, "one point, one key");
    assert_eq!(key.to_string().parse(), Ok(key));
    Ok(())
}

pub(super) fn signature_der(input: &[u8]) -> Result<(), String> {
    let signature = Signature::from_der(input).map_err(said)?;
    assert_eq!(signature.to_der().as_deref(), Ok(input), "one signature, one encoding");
    assert_eq!(signature.to_string().parse(), Ok(signature));
    Ok(())
}
