//! One view of consensus: every step of every validator from the first wish for a block to its finality.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hnchain_benches::fixture::{self, Committee};

/// All validators on one core, signatures included; a node's share is 1 / n of it.
fn view(c: &mut Criterion) {
    let mut group = c.benchmark_group("one view, all validators on one core");
    group.sample_size(20);
    for validators in [4usize, 7, 13] {
        let mut committee = Committee::new(&fixture::genesis(validators));
        group.bench_with_input(BenchmarkId::new("empty block", validators), &(), |b, ()| {
            b.iter(|| committee.finalize(Vec::new()));
        });
    }
    let payload: Vec<_> = fixture::transactions(0, 1000).iter().map(|t| t.raw().to_vec()).collect();
    let mut committee = Committee::new(&fixture::genesis(4));
    group.throughput(Throughput::Elements(1000));
    group.bench_with_input(BenchmarkId::new("1000 transactions", 4), &payload, |b, payload| {
        b.iter_batched(|| payload.clone(), |payload| committee.finalize(payload), criterion::BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, view);
criterion_main!(benches);
