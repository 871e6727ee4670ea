//! Files and calls of a node.

pub(super) mod journal;
pub(super) mod rpc;

use super::said;
use hnchain_node::admission::{FRAME_TRANSACTIONS, decode_frame};
use hnchain_node::config::Config;
use hnchain_types::{limits, wire};
use std::cell::OnceCell;
use std::path::Path;
use tempfile::TempDir;

/// A folder of this thread, which is removed with it.
fn in_folder<T>(run: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
    }
    FOLDER.with(|folder| run(folder.get_or_init(|| tempfile::tempdir().expect("a folder for files")).path()))
}

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
