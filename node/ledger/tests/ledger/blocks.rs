//! Invariants L1 to L5: determinism, atomicity, receipts, once, no guess.

use crate::scene::{CHAIN, World, code, codes, commitment, genesis, outcome, sign, time_of};
use hnchain_ledger::{MemoryState, StateError, StateView, admit, execute};
use hnchain_types::transaction::BodyBuilder;
use hnchain_types::{Height, TxId};

#[test]
fn l1_equal_input_gives_equal_output() {
    let mut w = World::new();
    let txs: Vec<_> = (0..20u64)
        .map(|i| {
            let body = w.body().anchor("certificate", &format!("r{}", i % 7), 1 + i / 7, commitment(i));
            sign(&w.keys.zhengzhou, &body)
        })
        .collect();
    let first = w.execute(&txs);
    assert_eq!(first, w.execute(&txs));
    assert_eq!((first.next_validators, &first.next), (genesis().validators().hash(), &None));
    assert!(first.receipts.iter().all(hnchain_types::transaction::Receipt::accepted));
}

#[test]
fn l2_a_refused_operation_undoes_the_operations_before_it() {
    let mut w = World::new();
    let key = w.keys.zhengzhou.clone();
    let body = w
        .body()
        .anchor("certificate", "a", 1, commitment(1))
        .anchor("certificate", "a", 2, commitment(2))
        .revoke("certificate", "b", 2, "there is none")
        .anchor("certificate", "c", 1, commitment(3));
    let rejection = w.one(&key, &body).unwrap_err();
    assert_eq!((rejection.code.as_str(), rejection.operation), ("ANCHOR_NOT_FOUND", 2));
    assert!(w.state.rows().keys().all(|k| !k.starts_with("anchor/") && !k.starts_with("history/")));
}

#[test]
fn l2_a_refused_transaction_leaves_those_around_it_alone() {
    let mut w = World::new();
    let good = w.body().anchor("certificate", "a", 1, commitment(1));
    let bad = w.body().anchor("certificate", "a", 2, commitment(2)).anchor("certificate", "a", 2, commitment(3));
    let next = w.body().anchor("certificate", "a", 2, commitment(4));
    let txs = [&good, &bad, &next].map(|b| sign(&w.keys.zhengzhou, b));
    assert_eq!(codes(&w.block(&txs)), ["", "ANCHOR_VERSION", ""]);
    let record = w.record("certificate", "a").unwrap();
    assert_eq!((record.version, record.commitment), (2, commitment(4).0.to_vec()));
}

#[test]
fn l2_operations_see_earlier_ones_of_the_same_transaction() {
    let mut w = World::new();
    let key = w.keys.zhengzhou.clone();
    let body = w
        .body()
        .anchor("certificate", "a", 1, commitment(1))
        .anchor("certificate", "a", 2, commitment(2))
        .revoke("certificate", "a", 3, "reason");
    assert_eq!(w.one(&key, &body).unwrap().len(), 3);
    assert_eq!(w.record("certificate", "a").unwrap().version, 3);
    assert!(w.state.row("history/certificate/a/1").unwrap().is_some());
    assert!(w.state.row("history/certificate/a/2").unwrap().is_some());
}

#[test]
fn the_order_of_transactions_decides() {
    let mut w = World::new();
    let first = w.body().anchor("certificate", "a", 1, commitment(1));
    let second = w.body().anchor("certificate", "a", 2, commitment(2));
    let (first, second) = (sign(&w.keys.zhengzhou, &first), sign(&w.keys.zhengzhou, &second));
    assert_eq!(codes(&w.execute(&[first.clone(), second.clone()]).receipts), ["", ""]);
    assert_eq!(codes(&w.execute(&[second, first]).receipts), ["ANCHOR_NOT_FOUND", ""]);
}

#[test]
fn l3_every_transaction_has_a_receipt_in_order() {
    let mut w = World::new();
    w.wait_until(4);
    let bodies: Vec<_> =
        (0..5).map(|i| w.body().anchor("certificate", &format!("r{}", i % 2), 1, commitment(i))).collect();
    let txs: Vec<_> = bodies.iter().map(|b| sign(&w.keys.zhengzhou, b)).collect();
    let receipts = w.block(&txs);
    assert_eq!(codes(&receipts), ["", "", "ANCHOR_EXISTS", "ANCHOR_EXISTS", "ANCHOR_EXISTS"]);
    for (i, (receipt, tx)) in receipts.iter().zip(&txs).enumerate() {
        assert_eq!((receipt.height, receipt.index as usize, receipt.transaction), (Height(5), i, tx.id()));
        assert_eq!(&hnchain_types::transaction::Receipt::decode(receipt.raw()).unwrap(), receipt);
    }
}

#[test]
fn l4_a_transaction_earlier_in_the_block_is_not_repeated() {
    let mut w = World::new();
    let good = w.body().anchor("certificate", "a", 1, commitment(1));
    let bad = w.body().anchor("certificate", "b", 2, commitment(1));
    let (good, bad) = (sign(&w.keys.zhengzhou, &good), sign(&w.keys.zhengzhou, &bad));
    let receipts = w.block(&[good.clone(), good, bad.clone(), bad]);
    assert_eq!(codes(&receipts), ["", "TX_REPLAYED", "ANCHOR_NOT_FOUND", "TX_REPLAYED"]);
}

#[test]
fn l4_a_transaction_of_an_ancestor_is_not_repeated() {
    let mut w = World::new();
    let good = w.body().anchor("certificate", "a", 1, commitment(1));
    let bad = w.body().anchor("certificate", "b", 2, commitment(1));
    let (good, bad) = (sign(&w.keys.zhengzhou, &good), sign(&w.keys.zhengzhou, &bad));
    w.block(&[bad.clone(), good.clone()]);
    // The reason of the first refusal is gone: the transaction is spent all the same.
    let cure = w.body().anchor("certificate", "b", 1, commitment(1));
    let cure = sign(&w.keys.zhengzhou, &cure);
    let receipts = w.block(&[cure, bad, good]);
    assert_eq!(codes(&receipts), ["", "TX_REPLAYED", "TX_REPLAYED"]);
    assert!(outcome(&receipts[2]).unwrap_err().message.contains("height=1 index=1"));
    assert_eq!(w.record("certificate", "b").unwrap().version, 1);
}

#[test]
fn l4_a_transaction_that_was_valid_for_too_long_is_spent_when_its_time_comes() {
    let mut w = World::new();
    let far = time_of(1) + w.chain.parameters.validity_ms + 5_000;
    let body = BodyBuilder::new(CHAIN, 1_000, far, [1; 16]).anchor("certificate", "a", 1, commitment(1));
    let tx = sign(&w.keys.zhengzhou, &body);
    assert_eq!(codes(&w.block(std::slice::from_ref(&tx))), ["TX_VALIDITY_TOO_LONG"]);
    w.wait_until(10);
    assert_eq!(codes(&w.block(&[tx])), ["TX_REPLAYED"]);
}

#[test]
fn the_same_request_with_another_salt_is_another_transaction() {
    let mut w = World::new();
    let (a, b) = (w.body(), w.body());
    let a = sign(&w.keys.zhengzhou, &a.anchor("certificate", "a", 1, commitment(1)));
    let b = sign(&w.keys.zhengzhou, &b.anchor("certificate", "a", 1, commitment(1)));
    assert_ne!(a.id(), b.id());
    assert_eq!(codes(&w.block(&[a, b])), ["", "ANCHOR_EXISTS"]);
}

/// A disk that fails at one key.
struct Failing<'a> {
    state: &'a MemoryState,
    at: &'a str,
}

impl StateView for Failing<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        if key.starts_with(self.at) { Err(StateError(format!("cannot read {key}"))) } else { self.state.row(key) }
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        if self.at == "included" {
            Err(StateError("cannot read the index".to_owned()))
        } else {
            self.state.included(id)
        }
    }
}

#[test]
fn l5_a_state_that_cannot_be_read_is_no_rejection() {
    let mut w = World::new();
    let body = w.body().anchor("certificate", "a", 1, commitment(1));
    let tx = [sign(&w.keys.zhengzhou, &body)];
    for at in ["signer/", "anchor/", "included", "validators"] {
        let failing = Failing { state: &w.state, at };
        assert!(execute(&failing, &w.chain, &w.context(), &tx).is_err(), "{at}");
    }
    let failing = Failing { state: &w.state, at: "signer/" };
    assert!(admit(&failing, &w.chain, time_of(1), Height(1), &tx[0]).is_err());
}

#[test]
fn l5_a_damaged_row_is_no_rejection() {
    let mut w = World::new();
    let body = w.body().anchor("certificate", "a", 1, commitment(1));
    let tx = [sign(&w.keys.zhengzhou, &body)];
    for prefix in ["signer/", "anchor/"] {
        let mut rows = w.state.rows().clone();
        rows.insert("anchor/certificate/a".to_owned(), vec![]);
        for (_, row) in rows.iter_mut().filter(|(k, _)| k.starts_with(prefix)) {
            *row = vec![0xff];
        }
        let error = execute(&MemoryState::new(rows), &w.chain, &w.context(), &tx).unwrap_err();
        assert!(error.0.contains(prefix), "{error}");
    }
}

#[test]
fn l5_a_signer_row_of_another_key_is_no_rejection() {
    let mut w = World::new();
    let body = w.body().anchor("certificate", "a", 1, commitment(1));
    let tx = [sign(&w.keys.zhengzhou, &body)];
    let key = |k: &hnchain_crypto::SecretKey| hnchain_ledger::membership::signer_key(&k.public_key());
    let mut rows = w.state.rows().clone();
    let other = rows[&key(&w.keys.kaifeng)].clone();
    rows.insert(key(&w.keys.zhengzhou), other);
    assert!(execute(&MemoryState::new(rows), &w.chain, &w.context(), &tx).is_err());
}

#[test]
fn an_empty_block_writes_only_its_parents_reference() {
    let mut w = World::new();
    assert!(w.execute(&[]).changes.is_empty());
    w.block(&[]);
    let execution = w.execute(&[]);
    assert_eq!(execution.changes.keys().collect::<Vec<_>>(), ["block/1"]);
    assert!(execution.receipts.iter().map(code).next().is_none());
}
