//! Sample worlds: consistent histories of certificates, units and batches, as many as are asked for, from a seed.
//!
//! A world is a function: step `k` of subject `i` is computed when it is asked for, so a world of a million subjects takes no
//! memory. Histories of different subjects are independent and can be submitted at the same time; the steps of one subject
//! are in order.

mod certificates;
pub(crate) mod realty;
pub(crate) mod trace;

use hnchain_crypto::{Digest, sm3_parts};
use hnchain_types::proto;

/// How many of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Decides everything.
    pub seed: u64,
    /// 电子证照.
    pub certificates: u64,
    /// 不动产单元.
    pub units: u64,
    /// 农产品批次.
    pub batches: u64,
}

/// One operation of an office.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Organization that signs, of [`crate::offices::OFFICES`].
    pub office: &'static str,
    /// What it submits.
    pub operation: proto::operation::Kind,
    /// Readable key of the row that it writes.
    pub row: String,
}

impl World {
    /// Step `k` of each subject that has one. Waves are submitted one after the other; within one the order does not matter.
    pub fn wave(self, k: usize) -> impl Iterator<Item = Step> {
        let of = move |count: u64, history: fn(u64, u64) -> Vec<Step>| {
            (0..count).filter_map(move |i| history(self.seed, i).into_iter().nth(k))
        };
        of(self.certificates, certificates::history)
            .chain(of(self.units, realty::history))
            .chain(of(self.batches, trace::history))
    }

    /// Subjects in all.
    #[must_use]
    pub const fn subjects(&self) -> u64 {
        self.certificates + self.units + self.batches
    }
}

/// A commitment that stands for something of a subject. Nobody can open it: there is nothing behind it.
fn commitment(seed: u64, what: &str, i: u64) -> Vec<u8> {
    digest(seed, what, i).0.to_vec()
}

fn digest(seed: u64, what: &str, i: u64) -> Digest {
    sm3_parts(&[b"sample world", &seed.to_be_bytes(), what.as_bytes(), &i.to_be_bytes()])
}

/// A number below `bound` that the seed decides.
fn chance(seed: u64, what: &str, i: u64, bound: u64) -> u64 {
    let bytes: [u8; 8] = std::array::from_fn(|at| digest(seed, what, i).0[at]);
    u64::from_be_bytes(bytes) % bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offices::OFFICES;
    use hnchain_crypto::SecretKey;
    use hnchain_types::transaction::{BodyBuilder, Transaction};
    use std::collections::BTreeSet;

    #[test]
    fn every_step_of_a_world_is_a_sound_operation_of_an_office() {
        let world = World { seed: 7, certificates: 200, units: 200, batches: 200 };
        let key = SecretKey::from_bytes(&[1; 32]).expect("in range");
        let offices: BTreeSet<_> = OFFICES.iter().map(|o| o.id).collect();
        let mut steps = 0;
        for step in (0..16).flat_map(|k| world.wave(k)) {
            assert!(offices.contains(step.office), "{}", step.office);
            let body = BodyBuilder::new("sample", 1, 1, [0; 16]).operation(step.operation);
            let signed = Transaction::sign(body.encode(), &key);
            assert!(signed.is_ok(), "{}: {:?}", step.row, signed.err());
            steps += 1;
        }
        assert!(steps > 1_000 && world.wave(16).next().is_none());
    }

    #[test]
    fn a_world_is_a_function_of_its_seed() {
        let of = |seed| World { seed, certificates: 20, units: 20, batches: 20 }.wave(0).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert!(of(1).iter().zip(of(2)).all(|(a, b)| a.operation != b.operation));
    }
}
