#![allow(clippy::unwrap_used)]

use super::*;
use hnchain_crypto::{SecretKey, sm3};
use hnchain_types::transaction::BodyBuilder;

const ROOMY: Limits = Limits { transactions: 100_000, bytes: 64 << 20, signer_percent: 100 };

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).unwrap()
}

fn tx(key: &SecretKey, n: u64) -> Arc<Transaction> {
    tx_until(key, n, 1_000_000, 1_000)
}

fn tx_until(key: &SecretKey, n: u64, until_ms: u64, until_height: u64) -> Arc<Transaction> {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&n.to_be_bytes());
    let body = BodyBuilder::new("henan-test", until_height, until_ms, salt)
        .anchor("certificate", &format!("C{n}"), 1, sm3(&n.to_be_bytes()))
        .encode();
    // Signatures are not looked at here; unsigned envelopes make thousands of them cheap.
    let envelope = hnchain_types::proto::Transaction {
        body,
        public_key: key.public_key().as_bytes().to_vec(),
        signature: vec![1; 64],
        hint: 0,
    };
    Arc::new(Transaction::decode(&prost::Message::encode_to_vec(&envelope)).unwrap())
}

fn ids(list: &[Arc<Transaction>]) -> Vec<TxId> {
    list.iter().map(|t| t.id()).collect()
}

#[test]
fn take_gives_the_oldest_first_and_removes_nothing() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    let all: Vec<_> = (0..10).map(|n| tx(&k, n)).collect();
    for t in &all {
        assert!(pool.insert(Arc::clone(t)).unwrap());
    }
    for _ in 0..2 {
        assert_eq!(ids(&pool.take(4, usize::MAX, &BTreeSet::new())), ids(&all[..4]));
    }
    assert_eq!(pool.len(), 10);
}

#[test]
fn take_passes_over_the_excluded() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    let all: Vec<_> = (0..10).map(|n| tx(&k, n)).collect();
    for t in &all {
        pool.insert(Arc::clone(t)).unwrap();
    }
    let mut excluded: BTreeSet<_> = [0, 1, 4].iter().map(|i| all[*i].id()).collect();
    excluded.insert(tx(&k, 99).id()); // of another node's block, not inside
    let want: Vec<_> = [2, 3, 5, 6].iter().map(|i| all[*i].id()).collect();
    assert_eq!(ids(&pool.take(4, usize::MAX, &excluded)), want);
}

#[test]
fn take_stops_at_the_byte_limit() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    let all: Vec<_> = (0..5).map(|n| tx(&k, n)).collect();
    for t in &all {
        pool.insert(Arc::clone(t)).unwrap();
    }
    let two = all[0].raw().len() + all[1].raw().len();
    assert_eq!(pool.take(100, two, &BTreeSet::new()).len(), 2);
    assert_eq!(pool.take(100, two - 1, &BTreeSet::new()).len(), 1);
    assert!(pool.take(100, 10, &BTreeSet::new()).is_empty());
}

#[test]
fn take_is_fast_when_thousands_at_the_head_are_excluded() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    let all: Vec<_> = (0..12_000).map(|n| tx(&k, n)).collect();
    for t in &all {
        pool.insert(Arc::clone(t)).unwrap();
    }
    let excluded: BTreeSet<_> = all[..10_000].iter().map(|t| t.id()).collect();
    let start = Instant::now();
    let taken = pool.take(2_000, usize::MAX, &excluded);
    let spent = start.elapsed();
    assert_eq!(ids(&taken), ids(&all[10_000..]));
    // About two milliseconds here; the bound only catches quadratic behaviour on a loaded machine.
    assert!(spent < Duration::from_millis(250), "{spent:?}");
}

#[test]
fn a_known_id_is_not_inserted_twice() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    assert!(pool.insert(tx(&k, 1)).unwrap());
    assert!(!pool.insert(tx(&k, 1)).unwrap());
    assert_eq!((pool.len(), pool.bytes()), (1, tx(&k, 1).raw().len()));
}

#[test]
fn a_full_pool_refuses_and_keeps_what_it_has() {
    let pool = Mempool::new(Limits { transactions: 2, ..ROOMY });
    let k = key(1);
    pool.insert(tx(&k, 1)).unwrap();
    pool.insert(tx(&k, 2)).unwrap();
    let refusal = pool.insert(tx(&k, 3)).unwrap_err();
    assert_eq!(refusal.code, "MEMPOOL_FULL");
    assert!(refusal.retryable());
    assert!(!pool.insert(tx(&k, 2)).unwrap(), "resubmission of a held one stays idempotent");

    let bytes = Mempool::new(Limits { bytes: tx(&k, 1).raw().len() + 10, ..ROOMY });
    bytes.insert(tx(&k, 1)).unwrap();
    assert_eq!(bytes.insert(tx(&k, 2)).unwrap_err().code, "MEMPOOL_FULL");
}

#[test]
fn one_signer_holds_no_more_than_its_share() {
    let pool = Mempool::new(Limits { transactions: 8, signer_percent: 25, ..ROOMY });
    let (a, b) = (key(1), key(2));
    pool.insert(tx(&a, 1)).unwrap();
    pool.insert(tx(&a, 2)).unwrap();
    assert_eq!(pool.insert(tx(&a, 3)).unwrap_err().code, "MEMPOOL_SIGNER_LIMIT");
    pool.insert(tx(&b, 4)).unwrap();
    pool.remove([&tx(&a, 1).id()]);
    pool.insert(tx(&a, 3)).unwrap();
}

#[test]
fn removal_frees_every_index() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    for n in 0..5 {
        pool.insert(tx(&k, n)).unwrap();
    }
    let gone: Vec<_> = (0..5).map(|n| tx(&k, n).id()).collect();
    assert_eq!(pool.remove(&gone).len(), 5);
    assert_eq!(pool.remove(&gone).len(), 0);
    let inner = pool.lock();
    assert_eq!(inner.bytes, 0);
    assert!(inner.by_id.is_empty() && inner.order.is_empty() && inner.signers.is_empty());
    assert!(inner.until_ms.is_empty() && inner.until_height.is_empty());
}

#[test]
fn what_no_later_block_may_include_expires() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    let (by_time, by_height) = (tx_until(&k, 1, 500, 100), tx_until(&k, 2, 900, 7));
    let stays = tx_until(&k, 3, 501, 8);
    for t in [&by_time, &by_height, &stays] {
        pool.insert(Arc::clone(t)).unwrap();
    }
    assert!(pool.expire(499, Height(6)).is_empty());
    let expired: BTreeSet<_> = pool.expire(500, Height(7)).into_iter().collect();
    assert_eq!(expired, [by_time.id(), by_height.id()].into());
    assert!(pool.contains(&stays.id()) && pool.len() == 1);
}

#[test]
fn fresh_means_something_outside_the_excluded() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    assert!(!pool.has_fresh(&BTreeSet::new()));
    pool.insert(tx(&k, 1)).unwrap();
    assert!(pool.has_fresh(&BTreeSet::new()));
    assert!(!pool.has_fresh(&[tx(&k, 1).id(), tx(&k, 50).id()].into()));
    pool.insert(tx(&k, 2)).unwrap();
    assert!(pool.has_fresh(&[tx(&k, 1).id(), tx(&k, 50).id(), tx(&k, 51).id()].into()));
}

#[tokio::test]
async fn an_arrival_before_the_wait_is_not_missed() {
    let (pool, k) = (Mempool::new(ROOMY), key(1));
    pool.insert(tx(&k, 1)).unwrap();
    tokio::time::timeout(Duration::from_secs(5), pool.arrived()).await.expect("the arrival is remembered");
}
