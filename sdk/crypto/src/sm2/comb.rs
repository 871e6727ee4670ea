//! Multiples of a known point, so that multiplying it costs additions only. Variable time: for public data.

use ::sm2::elliptic_curve::{BatchNormalize, Group as _};
use ::sm2::{AffinePoint, ProjectivePoint, Scalar};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Window of the generator's table: 33 rows of 128 points, 300 KiB, once in a process.
const GENERATOR_WINDOW: usize = 8;
/// Window of a key's table: 52 rows of 16 points, 60 KiB. Building it costs about as much as three plain verifications.
const KEY_WINDOW: usize = 5;
/// Most keys' tables alive in a process, 60 MiB: all validators and the busiest signers. Other keys verify without one.
const KEY_TABLES: usize = 1_024;

/// Rows of multiples: entry d of row i is (d + 1)·2^(window·i)·P.
#[derive(Debug)]
pub(super) struct Comb {
    window: usize,
    rows: Vec<AffinePoint>,
}

static GENERATOR: LazyLock<Comb> = LazyLock::new(|| Comb::new(&ProjectivePoint::generator(), GENERATOR_WINDOW));

impl Comb {
    fn new(point: &ProjectivePoint, window: usize) -> Self {
        let per_row = 1 << (window - 1);
        let mut points = Vec::with_capacity(row_count(window) * per_row);
        let mut base = *point;
        for _ in 0..row_count(window) {
            let mut multiple = base;
            for _ in 0..per_row {
                points.push(multiple);
                multiple += base;
            }
            // base·2^(window−1) is the row's last entry.
            base = points[points.len() - 1].double();
        }
        let rows = ProjectivePoint::batch_normalize(points.as_slice());
        Self { window, rows }
    }

    /// Adds scalar·P.
    fn add_multiple(&self, sum: &mut ProjectivePoint, scalar: &Scalar) {
        let per_row = 1 << (self.window - 1);
        for (row, digit) in self.rows.chunks_exact(per_row).zip(Digits::new(scalar, self.window)) {
            match digit {
                0 => {}
                1.. => *sum += row[digit.unsigned_abs() - 1],
                _ => *sum -= row[digit.unsigned_abs() - 1],
            }
        }
    }
}

/// One row for each digit: 256 bits, and a carry where the window divides 256.
const fn row_count(window: usize) -> usize {
    256 / window + 1
}

/// Signed digits of a scalar, lowest first, each in `[−2^(window−1), 2^(window−1)]`.
struct Digits {
    bytes: [u8; 32],
    window: usize,
    at: usize,
    carry: isize,
}

impl Digits {
    fn new(scalar: &Scalar, window: usize) -> Self {
        let mut bytes: [u8; 32] = scalar.to_bytes().into();
        bytes.reverse();
        Self { bytes, window, at: 0, carry: 0 }
    }
}

impl Iterator for Digits {
    type Item = isize;

    fn next(&mut self) -> Option<isize> {
        if self.at == row_count(self.window) {
            return None;
        }
        let first = self.at * self.window;
        let bit = |i: usize| self.bytes.get(i / 8).map_or(0, |b| isize::from(b >> (i % 8) & 1));
        let value = (0..self.window).map(|i| bit(first + i) << i).sum::<isize>() + self.carry;
        let over = value > 1 << (self.window - 1);
        self.carry = isize::from(over);
        self.at += 1;
        Some(if over { value - (1 << self.window) } else { value })
    }
}

/// A key's table, counted against [`KEY_TABLES`] while it lives.
#[derive(Debug)]
pub(super) struct KeyComb(Comb);

static ALIVE: AtomicUsize = AtomicUsize::new(0);

impl KeyComb {
    /// Builds the table of a public key, which is never the identity; `None` where as many as may be are alive.
    pub(super) fn new(point: &AffinePoint) -> Option<Self> {
        if ALIVE.fetch_add(1, Ordering::Relaxed) >= KEY_TABLES {
            ALIVE.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(Comb::new(&ProjectivePoint::from(point), KEY_WINDOW)))
    }

    /// s·G + t·P.
    pub(super) fn verify_point(&self, s: &Scalar, t: &Scalar) -> ProjectivePoint {
        let mut sum = ProjectivePoint::IDENTITY;
        GENERATOR.add_multiple(&mut sum, s);
        self.0.add_multiple(&mut sum, t);
        sum
    }
}

impl Drop for KeyComb {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::sm2::elliptic_curve::ff::PrimeField;
    use proptest::prelude::*;

    fn check(comb: &Comb, point: &ProjectivePoint, scalar: &Scalar) {
        let mut sum = ProjectivePoint::IDENTITY;
        comb.add_multiple(&mut sum, scalar);
        assert_eq!(sum, *point * scalar, "window {}", comb.window);
    }

    fn combs() -> Vec<(Comb, ProjectivePoint)> {
        let points = [ProjectivePoint::generator(), ProjectivePoint::generator() * Scalar::from(7u32)];
        points.into_iter().flat_map(|p| [1, 4, KEY_WINDOW, GENERATOR_WINDOW].map(|w| (Comb::new(&p, w), p))).collect()
    }

    #[test]
    fn edge_scalars() {
        let one = Scalar::ONE;
        let edges = [Scalar::ZERO, one, one + one, -one, -(one + one), Scalar::from(16u32), -Scalar::from(16u32)];
        for (comb, point) in combs() {
            edges.iter().for_each(|s| check(&comb, &point, s));
            // Every carry: all bits of one window, and powers of two around each border.
            let mut power = one;
            for _ in 0..256 {
                check(&comb, &point, &power);
                check(&comb, &point, &(power - one));
                power = power + power;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_comb_multiplies_as_the_library_does(bytes in any::<[u8; 32]>()) {
            let scalar = Option::<Scalar>::from(Scalar::from_repr(bytes.into()));
            if let Some(scalar) = scalar {
                for (comb, point) in combs() {
                    check(&comb, &point, &scalar);
                }
            }
        }
    }
}
