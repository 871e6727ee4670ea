//! Changes that know nothing of the format.

use super::number;
use crate::random::Random;

/// One change.
pub(super) fn change(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = input.to_vec();
    let range = random.range(out.len());
    match random.below(11) {
        0 => flip(&mut out, random),
        1 => set(&mut out, random),
        2 => out.truncate(range.start),
        3 => drop(out.drain(range)),
        4 => {
            let again = out[range.clone()].to_vec();
            insert(&mut out, range.end, &again);
        }
        5 => {
            let part = other[random.range(other.len())].to_vec();
            insert(&mut out, range.start, &part);
        }
        6 => {
            // The beginning of this and the end of the other.
            out.truncate(range.start);
            out.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        7 => {
            let from = out[range.clone()].to_vec();
            let at = random.below(out.len());
            let end = (at + from.len()).min(out.len());
            out[at..end].copy_from_slice(&from[..end - at]);
        }
        8 => {
            let byte = *random.pick(&[0, 1, 0x7f, 0x80, 0xff]);
            out[range].fill(byte);
        }
        9 => integer(&mut out, random),
        _ => {
            let byte = random.byte();
            let most = if random.once_in(8) { 4_096 } else { 16 };
            let run = vec![byte; random.below(most)];
            insert(&mut out, range.start, &run);
        }
    }
    out
}

fn flip(out: &mut [u8], random: &mut Random) {
    let at = random.below(out.len());
    if let Some(byte) = out.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn set(out: &mut [u8], random: &mut Random) {
    let at = random.below(out.len());
    if let Some(byte) = out.get_mut(at) {
        *byte = random.byte();
    }
}

/// Writes a number of one to eight bytes, in either order, over what is there.
fn integer(out: &mut [u8], random: &mut Random) {
    let width = *random.pick(&[1, 2, 4, 8]);
    let mut bytes = number(random).to_le_bytes()[..width].to_vec();
    if random.once_in(2) {
        bytes.reverse();
    }
    let at = random.below(out.len().saturating_sub(width) + 1);
    for (to, from) in out.iter_mut().skip(at).zip(bytes) {
        *to = from;
    }
}

fn insert(out: &mut Vec<u8>, at: usize, part: &[u8]) {
    drop(out.splice(at..at, part.iter().copied()));
}
