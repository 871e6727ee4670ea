//! Decoding, execution, state tree and proof: what happens to a transaction besides consensus.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hnchain_benches::fixture;
use hnchain_ledger::{BlockContext, Chain, MemoryState, execute, genesis_rows};
use hnchain_proof::{Bundle, verify};
use hnchain_storage::{Changes, Overlays, Store};
use hnchain_types::block::{Block, ExecutionResult, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::Statement;
use hnchain_types::genesis::Genesis;
use hnchain_types::transaction::{Receipt, Transaction};
use hnchain_types::{Height, TxId, View, proto};
use std::hint::black_box;
use std::sync::Arc;

/// Transactions in a block, rows that a block changes.
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
            assert!(done.receipts.iter().all(Receipt::accepted));
        });
    });
    group.finish();
}

/// A store on disk with the means to grow it.
struct Disk {
    genesis: Genesis,
    store: Store,
    overlays: Overlays,
    _directory: tempfile::TempDir,
}

impl Disk {
    /// A store whose state has this many rows besides those of the genesis.
    fn with_rows(rows: u64) -> Self {
        let genesis = fixture::genesis(4);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(directory.path(), &genesis, &genesis_rows(&genesis)).expect("a new store");
        let mut disk = Self { genesis, overlays: Overlays::new(store.clone()), store, _directory: directory };
        for from in (0..rows).step_by(10_000) {
            let changes = changes(from, 10_000.min(rows - from));
            let block = disk.block(&[], 1);
            disk.commit(block, changes, Vec::new(), Vec::new());
        }
        disk
    }

    /// A block on the tip; `later` milliseconds after it, so that blocks of one height differ.
    fn block(&self, transactions: &[Transaction], later: u64) -> Arc<Block> {
        let (tip, raw) = (self.store.tip(), transactions.iter().map(|t| t.raw().to_vec()).collect::<Vec<_>>());
        let header = Header::new(HeaderFields {
            genesis: self.genesis.digest(),
            epoch: self.genesis.epoch(),
            view: View(tip.view.0 + 1),
            height: tip.height.next(),
            parent: tip.block,
            parent_view: tip.view,
            time_ms: tip.time_ms + later,
            payload_root: payload_root(&raw),
            skips_root: skips_root::<&[u8]>(&[]),
            validators: self.genesis.validators().hash(),
        });
        Arc::new(Block::new(header, raw, Vec::new()).expect("the header commits to it"))
    }

    fn apply(
        &mut self,
        block: Arc<Block>,
        changes: Changes,
        receipts: Vec<Vec<u8>>,
        ids: Vec<TxId>,
    ) -> ExecutionResult {
        let validators = self.genesis.validators().hash();
        self.overlays.apply(block, changes, receipts, ids, validators).expect("the parent is the tip")
    }

    fn commit(&mut self, block: Arc<Block>, changes: Changes, receipts: Vec<Vec<u8>>, ids: Vec<TxId>) {
        let (hash, view) = (block.header.hash(), block.header.view);
        let result = self.apply(block, changes, receipts, ids).hash();
        let certificate = fixture::certificate(&self.genesis, view, Statement::Finalize { block: hash, result });
        self.overlays.finalize(&hash, &certificate, Vec::new()).expect("a disk");
    }

    /// Executes and finalizes a block of transactions.
    fn run(&mut self, transactions: &[Transaction]) {
        let block = self.block(transactions, 1);
        let (chain, state) = (Chain::new(&self.genesis), MemoryState::from_genesis(&self.genesis));
        let context = BlockContext { height: block.header.height, time_ms: block.header.time_ms, parent: None };
        let done = execute(&state, &chain, &context, transactions).expect("in memory");
        let receipts = done.receipts.iter().map(|r| r.raw().to_vec()).collect();
        self.commit(block, done.changes, receipts, transactions.iter().map(Transaction::id).collect());
    }
}

/// New rows of the size of a record.
fn changes(from: u64, count: u64) -> Changes {
    (from..from + count).map(|i| (format!("anchor/{}/row.{i}", fixture::NAMESPACE), Some(vec![0x5a; 160]))).collect()
}

fn tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("state");
    group.throughput(Throughput::Elements(BLOCK));
    group.sample_size(10);
    for rows in [10_000u64, 100_000] {
        let mut disk = Disk::with_rows(rows);
        let mut fresh = rows;
        group.bench_with_input(BenchmarkId::new("apply 1000 new rows on", rows), &(), |b, ()| {
            b.iter_batched(
                || {
                    fresh += BLOCK;
                    (Overlays::new(disk.store.clone()), disk.block(&[], fresh), changes(fresh, BLOCK))
                },
                |(mut overlays, block, changes)| {
                    let validators = block.header.validators;
                    overlays.apply(block, changes, Vec::new(), Vec::new(), validators).expect("the parent is the tip")
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_with_input(BenchmarkId::new("apply and finalize 1000 new rows on", rows), &(), |b, ()| {
            b.iter(|| {
                fresh += BLOCK;
                let block = disk.block(&[], 1);
                disk.commit(block, changes(fresh, BLOCK), Vec::new(), Vec::new());
            });
        });
    }
    group.finish();
}

fn proof(c: &mut Criterion) {
    let mut disk = Disk::with_rows(10_000);
    let transactions = fixture::transactions(0, BLOCK);
    disk.run(&transactions);
    let hnchain_types::transaction::Operation::Anchor(anchor) = &transactions[617].body().operations[0] else {
        unreachable!("the fixture anchors")
    };
    let key = anchor.record.state_key();
    let bundle = |disk: &Disk| {
        let proven = disk.store.prove(&key).expect("a disk").expect("a final block");
        Bundle::from_message(proto::ProofBundle {
            version: hnchain_proof::VERSION,
            header: proven.header,
            result: proven.result,
            certificate: proven.certificate,
            state: Some(proven.state),
            opening: None,
            path: proven.path,
        })
        .expect("a whole bundle")
    };
    let (file, genesis) = (bundle(&disk).to_json(), disk.genesis.clone());
    let mut group = c.benchmark_group("proof, 10 000 rows, 3 of 4 signatures");
    group.bench_function("make", |b| b.iter(|| bundle(&disk)));
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("read and verify", |b| {
        b.iter(|| verify(&Bundle::from_json(black_box(&file)).expect("canonical"), &genesis).expect("true"));
    });
    group.finish();
}

criterion_group!(benches, decode, ledger, tree, proof);
criterion_main!(benches);
