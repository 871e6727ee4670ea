//! What a stranger says first on a link: the one thing that is read of somebody who has proven nothing.

use super::truth;
use hnchain_crypto::PublicKey;
use hnchain_network::probe;
use std::collections::BTreeSet;

/// Who may come: every validator of the vectors.
fn allowed() -> BTreeSet<PublicKey> {
    truth::genesis().validators().public_keys().collect()
}

/// A stream that begins with a frame of a hello. Only the hello of the corpus was signed for this channel.
pub(super) fn hello(input: &[u8]) -> Result<(), String> {
    let key = probe::judge(input, truth::genesis().digest(), &allowed()).map_err(ToOwned::to_owned)?;
    assert_eq!(key, truth::key(1).public_key(), "a forged hello is accepted");
    Ok(())
}

/// The hello of the corpus.
pub(crate) fn genuine() -> Vec<u8> {
    probe::sample(truth::genesis().digest(), &truth::key(1))
}
