//! Breaking inputs: by bytes, and by what the bytes mean.
//!
//! Bytes alone do not get far: a decoder refuses a changed length at once and nothing behind it is reached. So each format
//! has changes of its own that keep the rest readable: fields are dropped, doubled, renumbered and refilled with all
//! lengths around them corrected; numbers become those at which code goes wrong; texts become look-alikes of themselves.

mod bincode;
mod bytes;
mod json;
mod protobuf;
mod text;

use crate::Format;
use crate::random::Random;
use hnchain_types::limits;

/// Largest input that is made: what is larger is refused by its size alone, and costs time.
pub const INPUT_BYTES: usize = 256 * 1024;

/// Breaks an input a few times. `other` is another input of the same target, to take parts from.
#[must_use]
pub fn mutate(format: Format, input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..1 + random.below(4) {
        let by_meaning = !random.once_in(4);
        let changed = match format {
            Format::Protobuf if by_meaning => protobuf::change(&out, random),
            Format::Bincode if by_meaning => Some(bincode::change(&out, random)),
            Format::Json if by_meaning => json::change(&out, random),
            Format::Text if by_meaning => Some(text::change(&out, random)),
            _ => None,
        };
        out = changed.unwrap_or_else(|| bytes::change(&out, other, random));
        out.truncate(INPUT_BYTES);
    }
    out
}

/// Numbers at which code goes wrong: ends of types, powers of two, bounds of the protocol, each with its neighbours.
fn number(random: &mut Random) -> u64 {
    let bounds = [
        limits::TRANSACTION_BYTES as u64,
        limits::OPERATIONS as u64,
        limits::BLOCK_TRANSACTIONS as u64,
        limits::BATCH_RECORDS,
        limits::VALIDATORS as u64,
        limits::SKIPS as u64,
        limits::CLOSING as u64,
        limits::TIME_MS,
        limits::NUMBER,
        u64::from(u8::MAX),
        u64::from(u16::MAX),
        u64::from(u32::MAX),
        i32::MAX.unsigned_abs().into(),
        i64::MAX.unsigned_abs(),
        u64::MAX,
    ];
    let base = match random.below(4) {
        0 => *random.pick(&bounds),
        1 => 1 << random.below(64),
        2 => random.number() >> random.below(64),
        _ => random.below(8) as u64,
    };
    match random.below(3) {
        0 => base.wrapping_add(1),
        1 => base.wrapping_sub(1),
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_breaks_in_the_same_way_and_nothing_grows_without_bound() {
        for format in [Format::Protobuf, Format::Bincode, Format::Json, Format::Text, Format::Bytes] {
            let run = || {
                let mut random = Random::new(7);
                let mut input = br#"{"a":[1,"x",{"b":null}]}"#.to_vec();
                for _ in 0..2_000 {
                    input = mutate(format, &input, b"other", &mut random);
                    assert!(input.len() <= INPUT_BYTES);
                }
                input
            };
            assert_eq!(run(), run(), "{format:?}");
        }
    }
}
