//! Decoding, execution, state tree and proof: what happens to a transaction besides consensus.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hnchain_benches::fixture;
use hnchain_ledger::{BlockContext, Chain, MemoryState, execute};
use hnchain_types::Height;
use hnchain_types::transaction::Transaction;
use std::hint::black_box;

/// Transactions in a block.
const BLOCK: u64 = 1000;

fn decode(c: &mut Criterion) {
    let transaction = fixture::transactions(0, 1).remove(0);
    let key = fixture::writer().public_key().to_verifying_key().expect("on the curve");
    let mut group = c.benchmark_group("transaction");
    group.throughput(Throughput::Bytes(transaction.raw().len() as u64));
    group.bench_function("decode", |b| b.iter(|| Transaction::decode(black_box(transaction.raw())).expect("valid")));
    group.bench_function("decode and verify", |b| {
        b.iter(|| Transaction::decode(black_box(transaction.raw())).and_then(|t| t.verify(&key)).expect("valid"));
    });
    group.finish();
}

fn ledger(c: &mut Criterion) {
    let genesis = fixture::genesis(4);
    let chain = Chain::new(&genesis);
    let state = MemoryState::from_genesis(&genesis);
    let transactions = fixture::transactions(0, BLOCK);
    let context = BlockContext { height: Height(1), time_ms: fixture::GENESIS_MS + 1, parent: None };
    let mut group = c.benchmark_group("ledger");
    group.throughput(Throughput::Elements(BLOCK));
    group.sample_size(20);
    group.bench_function("execute 1000 anchors", |b| {
        b.iter(|| {
            let done = execute(&state, &chain, &context, black_box(&transactions)).expect("in memory");
            assert!(done.receipts.iter().all(hnchain_types::transaction::Receipt::accepted));
        });
    });
    group.finish();
}

criterion_group!(benches, decode, ledger);
criterion_main!(benches);
