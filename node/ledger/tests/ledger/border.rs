//! What is refused at the border, and refused alike in a block.

use crate::scene::{CHAIN, World, codes, commitment, sign, time_of};
use hnchain_crypto::SecretKey;
use hnchain_types::transaction::{BodyBuilder, Transaction};

/// The border and a block give the same code; empty where both accept.
fn both(w: &World, tx: &Transaction) -> String {
    let border = w.admit(tx).err().map(|r| r.code.to_owned()).unwrap_or_default();
    let block = codes(&w.execute(std::slice::from_ref(tx)).receipts).remove(0);
    assert_eq!(border, block);
    block
}

fn anchor(chain: &str, height: u64, time_ms: u64) -> BodyBuilder {
    BodyBuilder::new(chain, height, time_ms, [3; 16]).anchor("certificate", "a", 1, commitment(1))
}

fn judged(w: &World, key: &SecretKey, body: &BodyBuilder) -> String {
    both(w, &sign(key, body))
}

#[test]
fn another_chains_transaction_is_refused() {
    let w = World::new();
    assert_eq!(judged(&w, &w.keys.zhengzhou, &anchor("henan-other", 100, time_of(1))), "TX_CHAIN");
}

#[test]
fn validity_ends_after_its_last_height_and_its_last_millisecond() {
    let mut w = World::new();
    w.wait_until(7);
    let key = &w.keys.zhengzhou;
    assert_eq!(judged(&w, key, &anchor(CHAIN, 8, time_of(8))), "");
    assert_eq!(judged(&w, key, &anchor(CHAIN, 7, time_of(8))), "TX_EXPIRED");
    assert_eq!(judged(&w, key, &anchor(CHAIN, 8, time_of(8) - 1)), "TX_EXPIRED");
    assert_eq!(judged(&w, key, &anchor(CHAIN, 0, 0)), "TX_EXPIRED");
}

#[test]
fn validity_longer_than_the_window_is_refused() {
    let w = World::new();
    let window = w.chain.parameters.validity_ms;
    let key = &w.keys.zhengzhou;
    assert_eq!(judged(&w, key, &anchor(CHAIN, u64::MAX, time_of(1) + window)), "");
    assert_eq!(judged(&w, key, &anchor(CHAIN, 9, time_of(1) + window + 1)), "TX_VALIDITY_TOO_LONG");
    assert_eq!(judged(&w, key, &anchor(CHAIN, 9, u64::MAX)), "TX_VALIDITY_TOO_LONG");
}

#[test]
fn a_transaction_beyond_the_chains_size_is_refused() {
    let mut w = World::new();
    let limit = w.chain.parameters.transaction_bytes as usize;
    let mut sized = |operations: u64| {
        let mut body = w.body();
        for i in 0..operations {
            body = body.anchor("certificate", &format!("record-{i:0>60}"), 1, commitment(i));
        }
        sign(&w.keys.zhengzhou, &body)
    };
    let (small, large) = (sized(10), sized(30));
    assert!(small.raw().len() <= limit && large.raw().len() > limit);
    assert_eq!(both(&w, &small), "");
    assert_eq!(both(&w, &large), "TX_TOO_LARGE");
}

#[test]
fn an_unknown_signer_is_refused() {
    let w = World::new();
    assert_eq!(judged(&w, &w.keys.stranger, &anchor(CHAIN, 9, time_of(1))), "SIGNER_UNKNOWN");
}

#[test]
fn a_signer_acts_only_between_its_first_and_its_last_time() {
    let mut w = World::new();
    for (height, expected) in [(9, "SIGNER_NOT_IN_FORCE"), (10, ""), (20, ""), (21, "SIGNER_NOT_IN_FORCE")] {
        w.wait_until(height - 1);
        let body = anchor(CHAIN, 100, time_of(height));
        assert_eq!(judged(&w, &w.keys.temporary, &body), expected, "block {height}");
    }
}

#[test]
fn a_signer_without_a_role_for_every_operation_is_refused_and_the_operation_named() {
    let mut w = World::new();
    let one = |w: &mut World, namespace: &str| w.body().anchor(namespace, "a", 1, commitment(1));
    for (key, namespace, expected) in [
        (w.keys.zhengzhou.clone(), "certificate", ""),
        (w.keys.zhengzhou.clone(), "realty", ""),
        (w.keys.zhengzhou.clone(), "trace", "ROLE_MISSING"),
        (w.keys.zhengzhou.clone(), "certificates", "ROLE_MISSING"),
        (w.keys.kaifeng.clone(), "trace", ""),
        (w.keys.auditor.clone(), "certificate", "ROLE_MISSING"),
        (w.keys.validator.clone(), "certificate", "ROLE_MISSING"),
    ] {
        let body = one(&mut w, namespace);
        assert_eq!(judged(&w, &key, &body), expected, "{namespace}");
    }
    let body = one(&mut w, "certificate").revoke("trace", "b", 2, "reason");
    let tx = sign(&w.keys.zhengzhou, &body);
    assert_eq!(both(&w, &tx), "ROLE_MISSING");
    assert_eq!(w.admit(&tx).unwrap_err().operation, 1);
}

#[test]
fn the_border_does_not_look_at_records_or_replays() {
    let mut w = World::new();
    let body = w.body().anchor("certificate", "a", 1, commitment(1));
    let tx = sign(&w.keys.zhengzhou, &body);
    w.block(std::slice::from_ref(&tx));
    assert!(w.admit(&tx).is_ok());
    let again = w.body().anchor("certificate", "a", 1, commitment(1));
    assert!(w.admit(&sign(&w.keys.zhengzhou, &again)).is_ok());
}

#[test]
fn the_first_rule_that_refuses_gives_the_code() {
    let w = World::new();
    let stranger = &w.keys.stranger;
    assert_eq!(judged(&w, stranger, &anchor("henan-other", 0, 0)), "TX_CHAIN");
    assert_eq!(judged(&w, stranger, &anchor(CHAIN, 0, time_of(1))), "TX_EXPIRED");
}
