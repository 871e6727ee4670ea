//! The bytes of every encoded type, frozen in `vectors/`.
//!
//! A difference means that the format changed: nodes of two versions would not agree, and old proofs would not verify.
//! Where that is meant, `HNCHAIN_REGENERATE_VECTORS=1 cargo test -p hnchain-types --test golden` writes them anew.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::certificate::Statement;
use hnchain_types::genesis::{Genesis, ValidatorSet, possession_digest};
use hnchain_types::transaction::Transaction;
use hnchain_types::{Epoch, View};
use std::path::PathBuf;
use support::{finalization, genesis, header, notarization, record_row, result, samples, transaction, wire_samples};

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}

fn regenerate() -> bool {
    std::env::var_os("HNCHAIN_REGENERATE_VECTORS").is_some_and(|v| v == "1")
}

/// Compares with the frozen file, or writes it.
fn frozen(file: &str, content: &[u8]) {
    let path = path(file);
    if regenerate() {
        std::fs::write(&path, content).unwrap();
        println!("wrote {}", path.display());
        return;
    }
    let expected = std::fs::read(&path).unwrap_or_else(|e| panic!("{file}: {e}; see the head of this test"));
    assert!(
        expected == content,
        "{file} changed: the format is frozen, see the head of this test\nfrozen: {}\nnow:    {}",
        String::from_utf8_lossy(&expected).trim(),
        String::from_utf8_lossy(content).trim(),
    );
}

fn frozen_hex(name: &str, bytes: &[u8]) {
    frozen(&format!("{name}.hex"), format!("{}\n", hex::encode(bytes)).as_bytes());
}

#[test]
fn every_public_type_has_its_frozen_bytes() {
    for sample in samples() {
        frozen_hex(sample.name, &sample.bytes);
        assert_eq!((sample.again)(&sample.bytes).as_ref(), Ok(&sample.bytes), "{}", sample.name);
    }
    frozen_hex("body", &support::body());
    frozen_hex("body-governance", &support::governance::governance_body());
    frozen_hex("body-realty", &support::realty::body());
    frozen_hex("body-trace", &support::trace::trace_body());
    frozen_hex("body-members", &support::members::members_body());
}

#[test]
fn every_inner_type_has_its_frozen_bytes() {
    for (name, bytes) in wire_samples() {
        frozen_hex(name, &bytes);
    }
}

#[test]
fn the_genesis_file_is_frozen() {
    frozen("genesis.json", genesis().raw());
    let read = Genesis::parse(&std::fs::read(path("genesis.json")).unwrap()).unwrap();
    assert_eq!(read.digest(), genesis().digest());
}

#[test]
fn every_hash_and_every_signed_digest_is_frozen() {
    let vote = |s: Statement| s.digest(genesis().digest(), Epoch(1), View(6)).to_string();
    let keys: Vec<_> = genesis().validators().public_keys().collect();
    let keys_only = ValidatorSet::new(&keys).unwrap();
    let lines = [
        ("genesis digest", genesis().digest().to_string()),
        ("genesis block hash", genesis().block_hash().to_string()),
        ("validators hash", genesis().validators().hash().to_string()),
        ("validators hash without organizations", keys_only.hash().to_string()),
        ("transaction id", transaction().id().to_string()),
        ("block hash", header().hash().to_string()),
        ("result hash", result().hash().to_string()),
        ("payload root", header().payload_root.to_string()),
        ("skips root", header().skips_root.to_string()),
        (
            "record row hash",
            hnchain_types::record::row_hash(&prost::Message::encode_to_vec(&record_row(1))).to_string(),
        ),
        ("realty entry hash", support::realty::entry(true).hash().to_string()),
        ("possession", possession_digest("henan-test", "henan", &keys[0]).to_string()),
        ("vote notarize", vote(notarization().statement)),
        ("vote nullify", vote(Statement::Nullify)),
        ("vote finalize", vote(finalization().statement)),
    ];
    let text: String = lines.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    frozen("hashes.txt", text.as_bytes());
}

#[test]
fn signatures_of_the_samples_verify() {
    let transaction = transaction();
    assert!(transaction.verify(&transaction.public_key().to_verifying_key().unwrap()).is_ok());
    for certificate in [notarization(), finalization(), support::skips()[1].clone()] {
        assert_eq!(certificate.verify(genesis().digest(), genesis().validators()), Ok(()));
    }
    assert_eq!(Transaction::decode(transaction.raw()), Ok(transaction));
}
