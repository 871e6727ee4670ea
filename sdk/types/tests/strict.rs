//! Every decoder takes exactly the canonical bytes, and no bytes make it panic.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::Genesis;
use hnchain_types::governance::{EpochRow, EvidenceRow, Proposal};
use hnchain_types::record::Record;
use hnchain_types::transaction::{Receipt, Transaction};
use hnchain_types::validators::ValidatorSet;
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{DecodeError, limits, wire};
use proptest::prelude::*;
use support::{samples, wire_samples};

#[test]
fn every_truncation_is_refused_or_is_another_value() {
    for sample in samples() {
        for length in 0..sample.bytes.len() {
            let cut = &sample.bytes[..length];
            if let Ok(again) = (sample.again)(cut) {
                assert_eq!(again, cut, "{} cut to {length}", sample.name);
            }
        }
    }
}

#[test]
fn every_changed_byte_is_refused_or_is_another_value() {
    for sample in samples() {
        for at in 0..sample.bytes.len() {
            for change in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut changed = sample.bytes.clone();
                changed[at] ^= change;
                if let Ok(again) = (sample.again)(&changed) {
                    assert_eq!(again, changed, "{} byte {at} ^ {change:#x}", sample.name);
                }
            }
        }
    }
}

#[test]
fn every_removed_or_doubled_byte_is_refused_or_is_another_value() {
    for sample in samples() {
        for at in 0..sample.bytes.len() {
            let mut removed = sample.bytes.clone();
            let byte = removed.remove(at);
            let mut doubled = sample.bytes.clone();
            doubled.insert(at, byte);
            for changed in [removed, doubled] {
                if let Ok(again) = (sample.again)(&changed) {
                    assert_eq!(again, changed, "{} byte {at}", sample.name);
                }
            }
        }
    }
}

fn code(sample: &support::Sample, bytes: &[u8]) -> &'static str {
    (sample.again)(bytes).expect_err(sample.name).code()
}

#[test]
fn unknown_fields_are_refused() {
    for sample in samples() {
        // Field 500 as a number, as bytes, as 32 and as 64 bits; field 1000.
        for field in [
            &[0xa0, 0x1f, 1][..],
            &[0xa2, 0x1f, 1, 7],
            &[0xa5, 0x1f, 0, 0, 0, 0],
            &[0xa1, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0xc0, 0x3e, 1],
        ] {
            let longer = [&sample.bytes, field].concat();
            assert_eq!(code(sample, &longer), "DECODE_NOT_CANONICAL", "{} {field:?}", sample.name);
        }
    }
}

#[test]
fn trailing_bytes_are_refused() {
    for sample in samples() {
        for byte in [0, 1, 0xff] {
            let longer = [sample.bytes.as_slice(), &[byte]].concat();
            assert_eq!(code(sample, &longer), "DECODE_MALFORMED", "{} {byte}", sample.name);
        }
    }
}

#[test]
fn a_value_written_twice_is_refused() {
    for sample in samples() {
        let twice = [sample.bytes.as_slice(), &sample.bytes].concat();
        (sample.again)(&twice).expect_err(sample.name);
    }
}

#[test]
fn nothing_at_all_is_refused() {
    for sample in samples() {
        (sample.again)(&[]).expect_err(sample.name);
    }
}

#[test]
fn defaults_written_out_and_long_numbers_are_refused() {
    let transaction = support::transaction();
    let without_hint = {
        let mut raw = transaction.raw().to_vec();
        // The hint is the last field; absent when 0.
        if raw.ends_with(&[0x20, 1]) {
            raw.truncate(raw.len() - 2);
        }
        raw
    };
    assert!(Transaction::decode(&without_hint).is_ok());
    for hint in [&[0x20, 0][..], &[0x20, 0x81, 0], &[0xa0, 0, 1], &[0x20, 0, 0x20, 1]] {
        let raw = [&without_hint, hint].concat();
        assert_eq!(Transaction::decode(&raw).unwrap_err().code(), "DECODE_NOT_CANONICAL", "{hint:?}");
    }
    let raw = [without_hint.as_slice(), &[0x20, 2]].concat();
    assert_eq!(Transaction::decode(&raw).unwrap_err().to_string(), "hint: 0 or 1 is needed");
}

#[test]
fn fields_out_of_order_are_refused() {
    let raw = support::result().raw().to_vec();
    let (first, rest) = raw.split_at(34);
    let swapped = [rest, first].concat();
    assert_eq!(ExecutionResult::decode(&swapped).unwrap_err(), DecodeError::NotCanonical("result"));
}

#[test]
fn oversized_input_is_refused_before_it_is_read() {
    let big = vec![0u8; 64 * 1024 * 1024];
    for sample in samples() {
        assert_eq!(code(sample, &big), "DECODE_TOO_LARGE", "{}", sample.name);
    }
    assert_eq!(Genesis::parse(&big).unwrap_err().code(), "DECODE_TOO_LARGE");
    let edge = vec![0u8; limits::TRANSACTION_BYTES + 1];
    assert_eq!(
        Transaction::decode(&edge).unwrap_err(),
        DecodeError::TooLarge { what: "transaction", got: 65_537, max: 65_536 }
    );
    assert_ne!(Transaction::decode(&edge[1..]).unwrap_err().code(), "DECODE_TOO_LARGE");
}

/// Decodes as everything; the value does not matter, only that there is an answer.
fn decode_as_everything(bytes: &[u8]) {
    for sample in [
        |b: &[u8]| Transaction::decode(b).map(|v| v.raw().to_vec()),
        |b: &[u8]| Receipt::decode(b).map(|v| v.raw().to_vec()),
        |b: &[u8]| Header::decode(b).map(|v| v.raw().to_vec()),
        |b: &[u8]| Block::decode(b).map(|v| v.encode()),
        |b: &[u8]| FinalizedBlock::decode(b).map(|v| v.encode()),
        |b: &[u8]| ExecutionResult::decode(b).map(|v| v.raw().to_vec()),
        |b: &[u8]| Certificate::decode(b).map(|v| v.encode()),
        |b: &[u8]| Evidence::decode(b).map(|v| v.encode()),
        |b: &[u8]| ValidatorSet::decode(b).map(|v| v.encode()),
        |b: &[u8]| EpochRow::decode(b).map(|v| v.encode()),
        |b: &[u8]| Proposal::decode(b).map(|v| v.encode()),
        |b: &[u8]| EvidenceRow::decode(b).map(|v| v.encode()),
    ] {
        if let Ok(again) = sample(bytes) {
            assert_eq!(again, bytes);
        }
    }
    let _ = Record::decode(bytes);
    let _ = Genesis::parse(bytes);
    let _ = wire::decode::<Certificate>("certificate", bytes);
    let _ = wire::decode::<Statement>("statement", bytes);
}

#[test]
fn a_value_of_one_type_is_not_one_of_another() {
    let samples = samples();
    for sample in samples {
        for other in samples {
            let kind = |name: &str| name.split('-').next().unwrap().to_owned();
            if kind(sample.name) != kind(other.name) {
                assert!((sample.again)(&other.bytes).is_err(), "{} as {}", other.name, sample.name);
            }
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode_as_everything(&bytes);
    }

    /// Bytes that look like protobuf get further than noise.
    #[test]
    fn arbitrary_fields_never_panic(fields in prop::collection::vec((1u8..16, 0u8..6, prop::collection::vec(any::<u8>(), 0..70)), 0..12)) {
        let mut bytes = Vec::new();
        for (number, wire_type, content) in fields {
            bytes.push(number << 3 | wire_type);
            if wire_type == 2 {
                bytes.push(u8::try_from(content.len()).unwrap());
            }
            bytes.extend(content);
        }
        decode_as_everything(&bytes);
    }

    /// A valid value with a stretch of it overwritten, cut out or moved.
    #[test]
    fn damaged_values_are_refused_or_are_other_values(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        cut in 0usize..40, insert in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let samples = samples();
        let sample = which.get(samples);
        let mut bytes = sample.bytes.clone();
        let start = at.index(bytes.len());
        let end = (start + cut).min(bytes.len());
        bytes.splice(start..end, insert);
        if let Ok(again) = (sample.again)(&bytes) {
            prop_assert_eq!(again, bytes);
        }
    }
}

#[test]
fn wire_values_come_back_and_nothing_else_is_one() {
    for (name, bytes) in wire_samples() {
        for length in 0..bytes.len() {
            assert!(again(name, &bytes[..length]).is_none(), "{name} cut to {length}");
        }
        assert_eq!(again(name, &bytes).as_ref(), Some(&bytes), "{name}");
        assert!(again(name, &[bytes.as_slice(), &[0]].concat()).is_none(), "{name} with a trailing byte");
    }
}

/// Decodes and encodes; `None` where it is refused.
fn again(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    fn of<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<Vec<u8>> {
        let value: T = wire::decode("value", bytes).ok()?;
        Some(wire::encode("value", &value).unwrap())
    }
    match name.split('-').nth(1) {
        Some("statement") => of::<Statement>(bytes),
        Some("certificate") => of::<Certificate>(bytes),
        Some("header") => of::<Header>(bytes),
        Some("vote") => of::<Vote>(bytes),
        Some("evidence") => of::<Evidence>(bytes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_peer_cannot_send_a_certificate_with_hostile_signers() {
    let good = support::notarization();
    let mut cases = Vec::new();
    for index in [128, 1 << 20, u32::MAX] {
        let mut bad = good.clone();
        bad.votes.last_mut().unwrap().0 = hnchain_types::ValidatorIndex(index);
        cases.push(bad);
    }
    let mut unordered = good.clone();
    unordered.votes.swap(0, 1);
    let mut doubled = good.clone();
    doubled.votes[1].0 = doubled.votes[0].0;
    let mut empty = good.clone();
    empty.votes.clear();
    cases.extend([unordered, doubled, empty]);
    for bad in cases {
        let bytes = wire::encode("certificate", &bad).unwrap();
        let error = wire::decode::<Certificate>("certificate", &bytes).unwrap_err();
        assert!(error.to_string().contains("ascending order"), "{error}");
    }
}

#[test]
fn wire_lengths_that_promise_too_much_are_refused_without_memory() {
    // A vector of 2^60 elements.
    let bytes = [0, 0, 1, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0x10];
    assert!(wire::decode::<Certificate>("certificate", &bytes).is_err());
    assert!(wire::decode::<Vec<u8>>("bytes", &bytes[3..]).is_err());
    assert!(wire::encode("bytes", &vec![0u8; wire::WIRE_BYTES]).is_err());
    assert!(wire::decode::<Vec<u8>>("bytes", &vec![0u8; wire::WIRE_BYTES + 1]).is_err());
}
