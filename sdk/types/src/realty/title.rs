//! Who holds a unit: co-ownership and exact shares.

use super::{CoOwnership, ascending, digest};
use crate::decode::count;
use crate::{DecodeError, limits, proto};
use hnchain_crypto::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A fraction of a unit: at least 1/denominator, at most the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 1 to the denominator.
    pub numerator: u32,
    /// From 1.
    pub denominator: u32,
}

/// A right-holder: the salted commitment to who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Who.
    pub commitment: Digest,
    /// How much; exactly in co-ownership by shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// The holders of a unit. A decoded one has its holders in ascending order, none twice, as many as the co-ownership
/// allows; that shares sum to one is [`Title::is_whole`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// How they hold.
    pub co_ownership: CoOwnership,
    /// Who.
    pub holders: Vec<Holder>,
    /// The co-owners agreed that two thirds of the shares do not suffice (民法典 第三百零一条: 共有人之间另有约定).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_must_agree: bool,
}

impl Share {
    /// A fraction.
    #[must_use]
    pub const fn new(numerator: u32, denominator: u32) -> Self {
        Self { numerator, denominator }
    }

    /// Whether it is less than another, exactly.
    #[must_use]
    pub fn is_less_than(self, other: Self) -> bool {
        u64::from(self.numerator) * u64::from(other.denominator)
            < u64::from(other.numerator) * u64::from(self.denominator)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (n, d) = s.split_once('/')?;
            Some(Self { numerator: n.parse().ok()?, denominator: d.parse().ok()? })
        };
        parse().ok_or("a share is written 1/3")
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Title {
    /// One holder.
    #[must_use]
    pub fn sole(commitment: Digest) -> Self {
        let holders = vec![Holder { commitment, share: None }];
        Self { co_ownership: CoOwnership::Sole, holders, all_must_agree: false }
    }

    /// Two or more without shares.
    #[must_use]
    pub fn joint(commitments: impl IntoIterator<Item = Digest>) -> Self {
        let holders = commitments.into_iter().map(|commitment| Holder { commitment, share: None }).collect();
        Self { co_ownership: CoOwnership::Joint, holders, all_must_agree: false }.sorted()
    }

    /// Two or more by shares.
    #[must_use]
    pub fn shares(holders: impl IntoIterator<Item = (Digest, Share)>) -> Self {
        let holders =
            holders.into_iter().map(|(commitment, share)| Holder { commitment, share: Some(share) }).collect();
        Self { co_ownership: CoOwnership::Shares, holders, all_must_agree: false }.sorted()
    }

    /// The same with the holders in the order of their commitments, as it is encoded.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.holders.sort_by_key(|h| h.commitment);
        self
    }

    /// Commitments of the holders.
    pub fn commitments(&self) -> impl Iterator<Item = Digest> {
        self.holders.iter().map(|h| h.commitment)
    }

    /// Whether a commitment is a holder.
    #[must_use]
    pub fn holds(&self, commitment: &Digest) -> bool {
        self.commitments().any(|c| c == *commitment)
    }

    /// What a commitment holds for itself: the whole where it is alone, its share, or nothing (0/1) where it is not a
    /// holder or holds jointly.
    #[must_use]
    pub fn share_of(&self, commitment: &Digest) -> Share {
        let holder = self.holders.iter().find(|h| h.commitment == *commitment);
        match (self.co_ownership, holder) {
            (CoOwnership::Sole, Some(_)) => Share::new(1, 1),
            (CoOwnership::Shares, Some(h)) => h.share.unwrap_or(Share::new(0, 1)),
            _ => Share::new(0, 1),
        }
    }

    /// Whether the same holders hold the same, however their shares are written.
    #[must_use]
    pub fn holds_as(&self, other: &Self) -> bool {
        let equal = |c: &Digest| {
            let (a, b) = (self.share_of(c), other.share_of(c));
            !a.is_less_than(b) && !b.is_less_than(a)
        };
        self.co_ownership == other.co_ownership
            && self.commitments().eq(other.commitments())
            && self.commitments().all(|c| equal(&c))
    }

    /// Whether the shares, where there are any, sum to exactly one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.co_ownership != CoOwnership::Shares || self.sum(|_| true).is_some_and(|(sum, whole)| sum == whole)
    }

    /// Whether those who consent hold at least two thirds of the shares (民法典 第三百零一条).
    #[must_use]
    pub fn two_thirds(&self, consents: &[Digest]) -> bool {
        self.co_ownership == CoOwnership::Shares
            && self.sum(|c| consents.contains(c)).is_some_and(|(sum, whole)| 3 * sum >= 2 * whole)
    }

    /// Sum of some shares over the least common denominator. A decoded title has one below 2^64, so that 32 numerators
    /// stay far below 2^128.
    fn sum(&self, of: impl Fn(&Digest) -> bool) -> Option<(u128, u128)> {
        let whole = u128::from(self.denominator()?);
        let mut sum = 0u128;
        for h in self.holders.iter().filter(|h| of(&h.commitment)) {
            let share = h.share?;
            sum += whole / u128::from(share.denominator) * u128::from(share.numerator);
        }
        Some((sum, whole))
    }

    /// Least common denominator of the shares; `None` where one is missing, zero, or it is 2^64 or more.
    fn denominator(&self) -> Option<u64> {
        self.holders.iter().try_fold(1u64, |common, h| {
            let d = h.share.map(|s| u64::from(s.denominator)).filter(|d| *d > 0)?;
            common.checked_mul(d / gcd(common, d))
        })
    }

    pub(crate) fn from_proto(m: Option<proto::RealtyTitle>) -> Result<Self, DecodeError> {
        let m = m.ok_or_else(|| DecodeError::field("title", "missing", "缺失"))?;
        let co_ownership = CoOwnership::read(m.co_ownership)?;
        let (min, max) = match co_ownership {
            CoOwnership::Sole => (1, 1),
            CoOwnership::Shares | CoOwnership::Joint => (2, limits::REALTY_HOLDERS),
        };
        count("holders", m.holders.len(), min, max)?;
        let with_shares = co_ownership == CoOwnership::Shares;
        let holders = m.holders.iter().map(|h| holder(h, with_shares)).collect::<Result<Vec<_>, _>>()?;
        ascending("holders", &holders.iter().map(|h| h.commitment).collect::<Vec<_>>())?;
        let title = Self { co_ownership, holders, all_must_agree: m.all_must_agree };
        if with_shares && title.denominator().is_none() {
            return Err(DecodeError::field("share", "shares need a common denominator below 2^64", "份额分母过于零碎"));
        }
        if m.all_must_agree && !with_shares {
            return Err(DecodeError::field("all_must_agree", "in co-ownership by shares only", "仅适用于按份共有"));
        }
        Ok(title)
    }

    pub(crate) fn to_proto(&self) -> proto::RealtyTitle {
        let title = self.clone().sorted();
        let holder = |h: &Holder| proto::RealtyHolder {
            commitment: h.commitment.0.to_vec(),
            numerator: h.share.map_or(0, |s| s.numerator),
            denominator: h.share.map_or(0, |s| s.denominator),
        };
        proto::RealtyTitle {
            co_ownership: self.co_ownership.number(),
            holders: title.holders.iter().map(holder).collect(),
            all_must_agree: self.all_must_agree,
        }
    }
}

fn holder(m: &proto::RealtyHolder, with_share: bool) -> Result<Holder, DecodeError> {
    let commitment = digest("holders", &m.commitment)?;
    let share = Share::new(m.numerator, m.denominator);
    if !with_share {
        if share != Share::new(0, 0) {
            return Err(DecodeError::field("share", "in co-ownership by shares only", "仅按份共有有份额"));
        }
        return Ok(Holder { commitment, share: None });
    }
    if m.numerator == 0 || m.numerator > m.denominator {
        return Err(DecodeError::field("share", "above zero, at most one", "份额须大于零且不超过一"));
    }
    Ok(Holder { commitment, share: Some(share) })
}

/// Greatest common divisor of numbers that are not zero.
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(n: u8) -> Digest {
        Digest([n; 32])
    }

    fn of(shares: &[(u32, u32)]) -> Title {
        let number = |i: usize| who(u8::try_from(i).expect("few"));
        Title::shares(shares.iter().enumerate().map(|(i, (n, d))| (number(i), Share::new(*n, *d))))
    }

    #[test]
    fn shares_sum_to_one_exactly_or_are_not_whole() {
        for whole in [&[(1, 2), (1, 2)][..], &[(1, 3), (1, 6), (2, 4)], &[(1, u32::MAX), (u32::MAX - 1, u32::MAX)]] {
            assert!(of(whole).is_whole(), "{whole:?}");
        }
        for part in [&[(1, 2), (1, 3)][..], &[(1, 2), (2, 3)], &[(1, u32::MAX), (u32::MAX - 2, u32::MAX)]] {
            assert!(!of(part).is_whole(), "{part:?}");
        }
    }

    #[test]
    fn two_thirds_are_enough_and_a_bit_less_is_not() {
        let title = of(&[(1, 3), (1, 3), (1, 3)]);
        assert!(title.two_thirds(&[who(0), who(1)]) && !title.two_thirds(&[who(0)]));
        let title = of(&[(666_666, 1_000_000), (333_334, 1_000_000)]);
        assert!(!title.two_thirds(&[who(0)]) && title.two_thirds(&[who(0), who(1)]));
        assert!(!Title::joint([who(1), who(2)]).two_thirds(&[who(1), who(2)]));
    }

    #[test]
    fn denominators_without_a_small_common_multiple_are_refused() {
        let primes = of(&[(1, 4_294_967_291), (1, 4_294_967_279), (1, 4_294_967_231)]);
        let error = Title::from_proto(Some(primes.to_proto())).expect_err("too fine");
        assert_eq!(error.to_string(), "share: shares need a common denominator below 2^64");
    }

    #[test]
    fn co_ownership_decides_how_many_hold_and_who_has_shares() {
        let read = |t: &Title| Title::from_proto(Some(t.to_proto()));
        for good in [Title::sole(who(1)), Title::joint([who(2), who(1)]), of(&[(1, 2), (1, 2)])] {
            assert_eq!(read(&good), Ok(good));
        }
        let mut bad = [Title::joint([who(1), who(2)]), Title::joint([who(1)]), of(&[(1, 1)]), of(&[(0, 2), (1, 2)])];
        bad[0].co_ownership = CoOwnership::Sole;
        for bad in bad {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
        let twice = Title::joint([who(1), who(1)]);
        assert!(read(&twice).is_err());
        assert!(read(&Title { all_must_agree: true, ..Title::sole(who(1)) }).is_err());
    }

    #[test]
    fn shares_are_texts_in_json() {
        assert_eq!(serde_json::to_string(&Share::new(1, 3)).expect("text"), "\"1/3\"");
        assert_eq!("2/3".parse(), Ok(Share::new(2, 3)));
        assert!("2".parse::<Share>().is_err() && "a/3".parse::<Share>().is_err());
    }
}
