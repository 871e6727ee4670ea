//! SM2, SM3 and Merkle trees, beside the `sm-crypto` crate in the same run.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hnchain_benches::fixture;
use hnchain_crypto::{Signature, VerifyingKey, merkle, sm3};
use std::hint::black_box;

fn verifying_key() -> VerifyingKey {
    fixture::writer().public_key().to_verifying_key().expect("on the curve")
}

/// Secret and public key in the hexadecimal forms that the alternative takes.
fn alternative_keys() -> (String, String) {
    let secret: String = fixture::writer().to_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let public = sm_crypto::sm2::pk_from_sk(&secret);
    (secret, public)
}

fn sign(c: &mut Criterion) {
    let (key, digest) = (fixture::writer(), sm3(b"transaction"));
    let (secret, _) = alternative_keys();
    let mut group = c.benchmark_group("sm2 sign");
    group.bench_function("hnchain", |b| b.iter(|| key.sign(black_box(&digest))));
    group.bench_function("hnchain with hint", |b| b.iter(|| key.sign_with_hint(black_box(&digest))));
    group.sample_size(20);
    group.bench_function("sm-crypto", |b| {
        b.iter(|| sm_crypto::sm2::Sign::new(&secret).sign_der(black_box(&digest.0), true));
    });
    group.finish();
}

fn verify(c: &mut Criterion) {
    let (key, digest) = (fixture::writer(), sm3(b"transaction"));
    let (secret, public) = alternative_keys();
    let signature = key.sign(&digest);
    let verifying = verifying_key();
    let der = sm_crypto::sm2::Sign::new(&secret).sign_der(&digest.0, true);
    // Each accepts what the other signs: the two measure the same work.
    verifying.verify(&digest, &Signature::from_der(&der).expect("strict DER")).expect("the alternative's signature");
    let ours = signature.to_der().expect("in range");
    assert!(sm_crypto::sm2::Verify::new(&public).verify_der(&digest.0, &ours, true));

    let mut group = c.benchmark_group("sm2 verify");
    group.bench_function("hnchain, decoded key", |b| {
        b.iter(|| verifying.verify(black_box(&digest), black_box(&signature)).expect("valid"));
    });
    group.bench_function("hnchain, key from bytes", |b| {
        let bytes = key.public_key();
        b.iter(|| {
            let key = black_box(&bytes).to_verifying_key().expect("on the curve");
            key.verify(&digest, &signature).expect("valid");
        });
    });
    group.sample_size(20);
    group.bench_function("sm-crypto", |b| {
        b.iter(|| assert!(sm_crypto::sm2::Verify::new(&public).verify_der(black_box(&digest.0), &der, true)));
    });
    group.finish();
}

fn hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("sm3");
    for size in [64usize, 1024, 65_536] {
        let data = vec![0x5a; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("hnchain", size), &data, |b, data| b.iter(|| sm3(black_box(data))));
        group.bench_with_input(BenchmarkId::new("sm-crypto", size), &data, |b, data| {
            b.iter(|| sm_crypto::sm3::sm3_hash_raw(black_box(data)));
        });
    }
    group.finish();
}

fn merkle_tree(c: &mut Criterion) {
    let leaves: Vec<_> = (0..1000u64).map(|i| [i.to_be_bytes().as_slice(), &[7; 292]].concat()).collect();
    let tree = merkle::MerkleTree::new(&leaves);
    let (root, proof) = (tree.root(), tree.prove(617).expect("within"));
    let mut group = c.benchmark_group("merkle, 1000 leaves of 300 bytes");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("root", |b| b.iter(|| merkle::root(black_box(&leaves))));
    group.throughput(Throughput::Elements(1));
    group.bench_function("prove", |b| b.iter(|| tree.prove(black_box(617))));
    group.bench_function("verify", |b| {
        b.iter(|| proof.verify(black_box(&leaves[617]), &root, leaves.len() as u64).expect("valid"));
    });
    group.finish();
}

criterion_group!(benches, sign, verify, hash, merkle_tree);
criterion_main!(benches);
