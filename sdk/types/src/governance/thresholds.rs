//! How many organizations have to approve, by kind of change.

use crate::{DecodeError, proto};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Greatest denominator.
const PARTS: u32 = 1_000;

/// A share of the organizations that run validators, more than which have to approve; written `2/3`.
///
/// It is at least a half, so that two changes that contradict each other have an organization in common, and less than
/// all, so that there can be more than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    numerator: u32,
    denominator: u32,
}

impl Threshold {
    /// More than half.
    pub const HALF: Self = Self { numerator: 1, denominator: 2 };
    /// More than two thirds.
    pub const TWO_THIRDS: Self = Self { numerator: 2, denominator: 3 };

    /// A share.
    ///
    /// # Errors
    /// Less than a half, not less than one, or a denominator above 1000.
    pub fn new(numerator: u32, denominator: u32) -> Result<Self, DecodeError> {
        let half = numerator.checked_mul(2).is_some_and(|twice| twice >= denominator);
        if denominator == 0 || denominator > PARTS || numerator >= denominator || !half {
            let en = format!("at least 1/2 and less than 1, with a denominator of at most {PARTS}");
            return Err(DecodeError::field("threshold", en, format!("须不小于 1/2 且小于 1，分母至多 {PARTS}")));
        }
        Ok(Self { numerator, denominator })
    }

    /// Organizations that have to approve, of those that run validators.
    #[must_use]
    pub const fn needed(self, organizations: usize) -> usize {
        organizations * self.numerator as usize / self.denominator as usize + 1
    }

    /// Whether this share is greater than another.
    #[must_use]
    pub const fn exceeds(self, other: Self) -> bool {
        self.numerator * other.denominator > other.numerator * self.denominator
    }

    fn from_proto(m: proto::Threshold) -> Result<Self, DecodeError> {
        Self::new(m.numerator, m.denominator)
    }

    const fn to_proto(self) -> proto::Threshold {
        proto::Threshold { numerator: self.numerator, denominator: self.denominator }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Threshold {
    type Err = DecodeError;

    fn from_str(s: &str) -> Result<Self, DecodeError> {
        let parts = s.split_once('/').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
        let Some((numerator, denominator)) = parts else {
            return Err(DecodeError::field("threshold", "a fraction such as 2/3 is needed", "须为 2/3 这样的分数"));
        };
        Self::new(numerator, denominator)
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a change is about, as thresholds tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// The validator set.
    Validators,
    /// An organization.
    Organizations,
    /// Chain parameters.
    Parameters,
    /// A signer.
    Signers,
    /// A type of 电子证照.
    CertificateTypes,
}

/// The threshold of each kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Of the validator set.
    pub validators: Threshold,
    /// Of organizations.
    pub organizations: Threshold,
    /// Of chain parameters, these thresholds among them: none of the others may exceed it.
    pub parameters: Threshold,
    /// Of signers.
    pub signers: Threshold,
    /// Of types of 电子证照.
    pub certificate_types: Threshold,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            validators: Threshold::TWO_THIRDS,
            organizations: Threshold::TWO_THIRDS,
            parameters: Threshold::TWO_THIRDS,
            signers: Threshold::HALF,
            certificate_types: Threshold::HALF,
        }
    }
}

impl Thresholds {
    /// That of a kind of change.
    #[must_use]
    pub const fn of(&self, kind: ChangeKind) -> Threshold {
        match kind {
            ChangeKind::Validators => self.validators,
            ChangeKind::Organizations => self.organizations,
            ChangeKind::Parameters => self.parameters,
            ChangeKind::Signers => self.signers,
            ChangeKind::CertificateTypes => self.certificate_types,
        }
    }

    /// Whether no other kind needs more approvals than the change of a threshold, by which it could be had with fewer.
    #[must_use]
    pub fn sound(&self) -> bool {
        let others = [self.validators, self.organizations, self.signers, self.certificate_types];
        !others.iter().any(|other| other.exceeds(self.parameters))
    }

    /// Those of a row of parameters.
    ///
    /// # Errors
    /// One is missing or out of range.
    pub fn from_proto(m: proto::Thresholds) -> Result<Self, DecodeError> {
        let read = |threshold: Option<proto::Threshold>| {
            threshold.map_or_else(|| Err(DecodeError::field("thresholds", "missing", "缺失")), Threshold::from_proto)
        };
        Ok(Self {
            validators: read(m.validators)?,
            organizations: read(m.organizations)?,
            parameters: read(m.parameters)?,
            signers: read(m.signers)?,
            certificate_types: read(m.certificate_types)?,
        })
    }

    /// As a row of parameters has them.
    #[must_use]
    pub fn to_proto(&self) -> proto::Thresholds {
        proto::Thresholds {
            validators: Some(self.validators.to_proto()),
            organizations: Some(self.organizations.to_proto()),
            parameters: Some(self.parameters.to_proto()),
            signers: Some(self.signers.to_proto()),
            certificate_types: Some(self.certificate_types.to_proto()),
        }
    }
}

/// Thresholds that a change names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThresholdsChange {
    /// Of the validator set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validators: Option<Threshold>,
    /// Of organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizations: Option<Threshold>,
    /// Of chain parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Threshold>,
    /// Of signers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signers: Option<Threshold>,
    /// Of types of 电子证照.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_types: Option<Threshold>,
}

impl ThresholdsChange {
    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it makes of thresholds.
    #[must_use]
    pub fn applied(&self, to: &Thresholds) -> Thresholds {
        Thresholds {
            validators: self.validators.unwrap_or(to.validators),
            organizations: self.organizations.unwrap_or(to.organizations),
            parameters: self.parameters.unwrap_or(to.parameters),
            signers: self.signers.unwrap_or(to.signers),
            certificate_types: self.certificate_types.unwrap_or(to.certificate_types),
        }
    }

    pub(super) fn from_proto(m: proto::Thresholds) -> Result<Self, DecodeError> {
        let read = |threshold: Option<proto::Threshold>| threshold.map(Threshold::from_proto).transpose();
        Ok(Self {
            validators: read(m.validators)?,
            organizations: read(m.organizations)?,
            parameters: read(m.parameters)?,
            signers: read(m.signers)?,
            certificate_types: read(m.certificate_types)?,
        })
    }

    pub(super) fn to_proto(self) -> proto::Thresholds {
        proto::Thresholds {
            validators: self.validators.map(Threshold::to_proto),
            organizations: self.organizations.map(Threshold::to_proto),
            parameters: self.parameters.map(Threshold::to_proto),
            signers: self.signers.map(Threshold::to_proto),
            certificate_types: self.certificate_types.map(Threshold::to_proto),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_share_is_needed_and_never_more_than_all() {
        for (numerator, denominator) in [(1, 2), (2, 3), (3, 4), (999, 1000)] {
            let threshold = Threshold::new(numerator, denominator).expect("in range");
            for n in 1..=128 {
                let (needed, n) = (threshold.needed(n), n as u64);
                let more = |k: u64| k * u64::from(denominator) > n * u64::from(numerator);
                assert!(more(needed as u64) && !more(needed as u64 - 1) && needed as u64 <= n, "{threshold} of {n}");
            }
        }
    }

    #[test]
    fn shares_below_a_half_or_of_all_are_refused() {
        for bad in ["1/3", "1/1", "3/2", "0/0", "501/1001", "2", "a/b", "-1/2", "4294967295/4294967295"] {
            assert!(bad.parse::<Threshold>().is_err(), "{bad}");
        }
        assert_eq!("2/3".parse(), Ok(Threshold::TWO_THIRDS));
        assert!(Threshold::TWO_THIRDS.exceeds(Threshold::HALF) && !Threshold::HALF.exceeds(Threshold::HALF));
    }

    #[test]
    fn no_kind_needs_more_than_the_change_of_its_threshold() {
        assert!(Thresholds::default().sound());
        assert!(!Thresholds { parameters: Threshold::HALF, ..Thresholds::default() }.sound());
        let higher = Threshold::new(3, 4).expect("in range");
        assert!(!Thresholds { signers: higher, ..Thresholds::default() }.sound());
    }
}
