//! Changes of bincode: a number below 251 is a byte, larger ones have a marker for two, four, eight or sixteen bytes, and
//! lengths, tags of enums and options are such numbers.

use super::number;
use crate::random::Random;

/// One change.
pub(super) fn change(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = input.to_vec();
    let at = random.below(out.len());
    let old = out.get(at).copied().unwrap_or(0);
    let new = match random.below(6) {
        // A length or tag beside the one that was there.
        0 => vec![old.wrapping_add(1)],
        1 => vec![old.wrapping_sub(1)],
        2 => vec![random.number().to_be_bytes()[0] % 6],
        3 => marked(number(random), random),
        // The same number, written longer than needed.
        4 => marked(u64::from(old), random),
        _ => vec![*random.pick(&[250, 251, 252, 253, 254, 255])],
    };
    let end = (at + usize::from(!random.once_in(8))).min(out.len());
    drop(out.splice(at..end, new));
    out
}

fn marked(value: u64, random: &mut Random) -> Vec<u8> {
    let (marker, width) = *random.pick(&[(251, 2), (252, 4), (253, 8), (254, 16)]);
    let mut out = vec![marker];
    out.extend_from_slice(&u128::from(value).to_le_bytes()[..width]);
    out
}
