//! What a node reads besides: frames of transactions, its configuration, calls of applications.

pub(super) mod rpc;

use super::samples::Put;
use super::truth::{self, vector};
use super::{in_folder, said};
use hnchain_node::admission::{FRAME_TRANSACTIONS, decode_frame};
use hnchain_node::config::Config;
use hnchain_types::{limits, wire};

/// A frame of transactions from a peer.
pub(super) fn frame(input: &[u8]) -> Result<(), String> {
    let transactions = decode_frame(input).map_err(said)?;
    assert!(transactions.len() <= FRAME_TRANSACTIONS);
    assert!(transactions.iter().all(|t| t.len() <= limits::TRANSACTION_BYTES));
    let again = wire::encode("transactions", &transactions).expect("what was read can be written");
    assert_eq!(decode_frame(&again).as_ref(), Ok(&transactions));
    Ok(())
}

/// The configuration file: an operator's, so it is trusted, and yet every slip in it must be told in words.
pub(super) fn config(input: &[u8]) -> Result<(), String> {
    let read = in_folder(|folder| {
        let path = folder.join("node.toml");
        std::fs::write(&path, input).expect("a file in a folder of ours");
        Config::load(&path)
    });
    let config = read.map_err(|e| {
        assert!(e.code().starts_with("CONFIG_") && !e.zh().is_ascii(), "{e:?}");
        // The folder has another name each time.
        format!("{}: {}", e.code(), e.to_string().rsplit_once(": ").map_or("", |(_, why)| why))
    })?;
    assert!(config.network.peers.len() <= 256 && config.verify_threads.get() <= 1_024);
    assert!((1..=100).contains(&config.mempool.signer_percent));
    Ok(())
}

/// Samples of these targets.
pub(super) fn samples(put: Put<'_>) {
    let transactions = vec![vector!("transaction"), vector!("transaction-governance")];
    put("frame", "two", wire::encode("transactions", &transactions).expect("a sample is small"));
    put("frame", "none", wire::encode("transactions", &Vec::<Vec<u8>>::new()).expect("a sample is small"));
    let peer = truth::key(1).public_key();
    put("config", "minimal", configuration(&peer, "").into_bytes());
    let whole = "[mempool]\ntransactions = 50000\nbytes = 67108864\nsigner_percent = 25\n[verify]\nthreads = 2\n\
                 [log]\nformat = \"json\"\nfilter = \"info,hnchain_network=debug\"\n";
    put("config", "whole", configuration(&peer, whole).into_bytes());
    rpc::samples(put);
}

fn configuration(peer: &hnchain_crypto::PublicKey, rest: &str) -> String {
    format!(
        "genesis = \"genesis.json\"\ndata_dir = \"data\"\n[key]\nfile = \"key.pem\"\n[rpc]\nlisten = \"127.0.0.1:9101\"\n\
         [network]\nlisten = \"127.0.0.1:9201\"\npeers = [{{ public_key = \"{peer}\", address = \"127.0.0.1:9202\" }}]\n\
         {rest}"
    )
}
