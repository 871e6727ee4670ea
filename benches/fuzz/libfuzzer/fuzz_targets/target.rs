//! One binary for all targets: `HNCHAIN_FUZZ_TARGET` names the one that runs.
#![no_main]

use hnchain_fuzz::{Random, Target, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("HNCHAIN_FUZZ_TARGET").expect("HNCHAIN_FUZZ_TARGET names a target, see hnchain-fuzz list");
    Target::named(&name).expect("a target of hnchain-fuzz list")
});

fuzz_target!(|input: &[u8]| {
    // A refusal is no finding; a panic is one.
    let _refused = (TARGET.run)(input);
});

// Half of the time libFuzzer breaks the bytes, half of the time we break what they mean, and make sums right again.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed.into());
    if random.once_in(2) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let broken = mutate::mutate(TARGET.format, &data[..size], &data[..size], &mut random);
    let broken = TARGET.repair.and_then(|repair| repair(&broken)).unwrap_or(broken);
    let length = broken.len().min(max_size);
    data[..length].copy_from_slice(&broken[..length]);
    length
});
