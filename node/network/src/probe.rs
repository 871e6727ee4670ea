//! What a stranger's first bytes come to, without a socket: for fuzz targets.

use crate::hello::{Expect, Hello, HelloError, Refusal, receive};
use crate::transport::identity;
use futures::executor::block_on;
use futures::io::Cursor;
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_types::GenesisDigest;
use libp2p::PeerId;
use std::collections::BTreeSet;

/// The two ends of the channel.
fn peer(seed: u8) -> PeerId {
    identity([seed; 32]).expect("any seed").public().to_peer_id()
}

fn own_key() -> PublicKey {
    SecretKey::from_bytes(&[2; 32]).expect("in range").public_key()
}

/// Reads a hello from the beginning of a stream and checks it: whose it is, or the code of the refusal.
///
/// # Errors
/// As on a link.
pub fn judge(stream: &[u8], genesis: GenesisDigest, allowed: &BTreeSet<PublicKey>) -> Result<PublicKey, &'static str> {
    let (own_peer, remote_peer) = (peer(2), peer(1));
    let expect = Expect { genesis, own_key: own_key(), own_peer, remote_peer, dialled: None, allowed };
    let hello: Result<Hello, HelloError> = block_on(receive(&mut Cursor::new(stream)));
    let hello = hello.map_err(|e| e.refusal().code())?;
    expect.check(&hello).map_err(Refusal::code)?;
    Ok(hello.key)
}

/// The stream of a hello that [`judge`] accepts where its key is allowed.
#[must_use]
pub fn sample(genesis: GenesisDigest, key: &SecretKey) -> Vec<u8> {
    let hello = Hello::sign(genesis, key, [9; 16], &peer(1), &peer(2));
    let mut stream = Cursor::new(Vec::new());
    // Memory is always written.
    let _written = block_on(crate::hello::send(&mut stream, &hello));
    stream.into_inner()
}
