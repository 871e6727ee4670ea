//! The corpus holds what it should, and every target stands a bounded number of broken inputs.
//!
//! `HNCHAIN_FUZZ_RUNS` inputs of each target are read (costly targets fewer), from seed `HNCHAIN_FUZZ_SEED`.

use hnchain_fuzz::{Options, TARGETS, corpus, examine, run};
use std::collections::BTreeSet;

/// Largest corpus: it lies in the repository.
const CORPUS_BYTES: usize = 300 * 1024;
/// Inputs of a cheap target: all together take less than a minute on one core.
const RUNS: u64 = 4_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |v| v.parse().expect("a number"))
}

#[test]
fn every_target_has_samples_and_accepts_them() {
    for target in TARGETS {
        let samples = corpus::samples(target.name);
        assert!(
            samples.iter().any(|s| s.accepted() == Some(true)),
            "{} has no samples: `hnchain-fuzz corpus`",
            target.name
        );
        for sample in samples {
            let seen =
                examine(target, &sample.bytes).unwrap_or_else(|f| panic!("{}/{}: {f}", target.name, sample.name));
            let right = sample.accepted().is_none_or(|a| a == seen.outcome.is_ok());
            assert!(right, "{}/{}: {:?}", target.name, sample.name, seen.outcome);
        }
    }
}

#[test]
fn the_corpus_is_small_and_belongs_to_targets() {
    let bytes: usize = TARGETS.iter().flat_map(|t| corpus::samples(t.name)).map(|s| s.bytes.len()).sum();
    assert!(bytes <= CORPUS_BYTES, "{bytes} bytes");
    let names: BTreeSet<_> = TARGETS.iter().map(|t| t.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "two targets of one name");
    let folders = corpus::folder("").read_dir().expect("a corpus");
    for folder in folders.map(|f| f.expect("readable").file_name().to_string_lossy().into_owned()) {
        assert!(names.contains(&folder), "corpus/{folder} is of no target");
    }
}

#[test]
fn broken_inputs_break_nothing() {
    let (runs, seed) = (number("HNCHAIN_FUZZ_RUNS", RUNS), number("HNCHAIN_FUZZ_SEED", 1));
    for target in TARGETS {
        let runs = Some((runs / u64::from(target.cost)).max(1));
        let started = std::time::Instant::now();
        match run(target, &Options { seed, runs, ..Options::default() }) {
            Ok(done) => println!("{:<18} {:>7} inputs in {:.1?}: {done:?}", target.name, done.runs, started.elapsed()),
            Err(finding) => panic!(
                "{}: {}\n  after {} inputs of seed {seed}: {}",
                target.name,
                finding.failure,
                finding.after,
                hex::encode(&finding.input)
            ),
        }
    }
}
