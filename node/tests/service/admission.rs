//! The border: what comes in, what does not, and what is said.

use crate::fixture::{CHAIN, Fixture, roomy};
use hnchain_crypto::SecretKey;
use hnchain_node::admission::{Admitted, now_ms};
use hnchain_node::mempool::Limits;
use hnchain_types::proto;
use hnchain_types::transaction::{Receipt, Transaction};
use prost::Message;

async fn refused(fixture: &Fixture, raw: &[u8]) -> &'static str {
    let refusal = fixture.admission.submit(raw).await.unwrap_err();
    assert!(!refusal.message_zh.is_ascii(), "{refusal}");
    refusal.code
}

#[tokio::test]
async fn a_valid_transaction_waits_and_is_forwarded_once() {
    let fixture = Fixture::new();
    let tx = fixture.anchor("C-1");
    assert_eq!(fixture.admission.submit(tx.raw()).await, Ok(Admitted::New(tx.id())));
    assert_eq!(fixture.admission.submit(tx.raw()).await, Ok(Admitted::Pending(tx.id())));
    let forwarded = fixture.forwarded();
    assert_eq!(forwarded.iter().map(|t| t.id()).collect::<Vec<_>>(), [tx.id()]);
    assert_eq!(fixture.admission.client_bytes(), 0);
}

#[tokio::test]
async fn resubmission_after_finality_gives_the_first_receipt() {
    let fixture = Fixture::new();
    let tx = fixture.anchor("C-1");
    fixture.admission.submit(tx.raw()).await.unwrap();
    let block = fixture.finalize(std::slice::from_ref(&tx));
    assert!(fixture.shared.mempool.is_empty());
    let Ok(Admitted::Final(id, receipt)) = fixture.admission.submit(tx.raw()).await else { panic!("final") };
    assert_eq!((id, &receipt), (tx.id(), &block.receipts[0]));
    assert!(Receipt::decode(&receipt).unwrap().accepted());
    assert!(fixture.shared.mempool.is_empty());
}

#[tokio::test]
async fn bad_input_is_refused_with_its_code_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let stranger = SecretKey::generate().unwrap();
    let good = fixture.anchor("C-1");
    let sign = |body: Vec<u8>| Transaction::sign(body, &fixture.writer).unwrap();
    let mut forged = proto::Transaction::decode(good.raw()).unwrap();
    forged.signature[10] ^= 1;
    let cut = &good.raw()[..good.raw().len() - 1];
    let trailing = [good.raw(), &[0]].concat();
    let expired = sign(fixture.body(CHAIN, "C-2", now_ms() - 1));
    let long = sign(fixture.body(CHAIN, "C-2", now_ms() + 3_600_000));
    let other = sign(fixture.body("kaifeng", "C-2", now_ms() + 60_000));
    let unknown = fixture.signed_by(&stranger, "C-2");
    for (raw, want) in [
        (cut, "DECODE_MALFORMED"),
        (&trailing, "DECODE_MALFORMED"),
        (&[], "DECODE_FIELD"),
        (&vec![0; 65 * 1024], "DECODE_TOO_LARGE"),
        (&forged.encode_to_vec(), "SIGNATURE_INVALID"),
        (expired.raw(), "TX_EXPIRED"),
        (long.raw(), "TX_VALIDITY_TOO_LONG"),
        (other.raw(), "TX_CHAIN"),
        (unknown.raw(), "SIGNER_UNKNOWN"),
    ] {
        assert_eq!(refused(&fixture, raw).await, want);
    }
    let realty = hnchain_types::transaction::BodyBuilder::new(CHAIN, 100, now_ms() + 60_000, [9; 16])
        .anchor("realty", "410102001001GB00001F00010001", 1, hnchain_crypto::sm3(b"x"))
        .encode();
    assert_eq!(refused(&fixture, sign(realty).raw()).await, "ROLE_MISSING");
    assert!(fixture.shared.mempool.is_empty() && fixture.forwarded().is_empty());
    assert_eq!(fixture.admission.client_bytes(), 0);
}

#[tokio::test]
async fn another_signers_copy_of_a_body_does_not_pass_for_it() {
    let fixture = Fixture::new();
    let body = fixture.body(CHAIN, "C-1", now_ms() + 60_000);
    let own = Transaction::sign(body.clone(), &fixture.writer).unwrap();
    let copy = Transaction::sign(body, &SecretKey::generate().unwrap()).unwrap();
    assert_ne!(own.id(), copy.id());
    fixture.admission.submit(own.raw()).await.unwrap();
    assert_eq!(refused(&fixture, copy.raw()).await, "SIGNER_UNKNOWN");
    fixture.finalize(std::slice::from_ref(&own));
    assert_eq!(refused(&fixture, copy.raw()).await, "SIGNER_UNKNOWN");
}

#[tokio::test]
async fn a_full_mempool_refuses_before_it_verifies() {
    let fixture = Fixture::with(Limits { transactions: 1, ..roomy() }, 10);
    fixture.admission.submit(fixture.anchor("C-1").raw()).await.unwrap();
    assert_eq!(refused(&fixture, fixture.anchor("C-2").raw()).await, "MEMPOOL_FULL");
}

#[tokio::test]
async fn what_is_stored_while_it_is_verified_does_not_stay_in_the_mempool() {
    let fixture = Fixture::new();
    let tx = fixture.anchor("C-1");
    // The other nodes ordered it: it is stored, and told, between the first look into the store and the insertion. The
    // interleaving is left to the scheduler; whatever it is, the end is the same.
    for n in 0..20 {
        let tx = if n == 0 { tx.clone() } else { fixture.anchor(&format!("C-{n}x")) };
        let admission = std::sync::Arc::clone(&fixture.admission);
        let raw = tx.raw().to_vec();
        let submit = tokio::spawn(async move { admission.submit(&raw).await });
        tokio::task::yield_now().await;
        fixture.finalize(std::slice::from_ref(&tx));
        submit.await.unwrap().unwrap();
        assert!(fixture.shared.mempool.is_empty(), "round {n}");
    }
}
