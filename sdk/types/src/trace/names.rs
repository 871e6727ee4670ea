//! What operations and rows speak of: batches, quantities, places.

use crate::codes::{BatchCode, CreditCode, Division};
use crate::decode::fixed;
use crate::{DecodeError, limits, proto};
use hnchain_crypto::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Name of a batch: who made it, and its code there. Its text is `<统一社会信用代码>/<code>`; a code has no slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// 统一社会信用代码 of the organization that made it.
    pub producer: CreditCode,
    /// Its code.
    pub code: BatchCode,
}

impl BatchId {
    /// Reads both parts.
    ///
    /// # Errors
    /// A part that is not what it should be.
    pub fn new(producer: &str, code: &str) -> Result<Self, DecodeError> {
        Ok(Self {
            producer: producer.parse().map_err(|e| DecodeError::code_in("batch.producer", &e))?,
            code: code.parse().map_err(|e| DecodeError::code_in("batch.code", &e))?,
        })
    }

    /// Key of the batch's row.
    #[must_use]
    pub fn key(&self) -> String {
        format!("trace/batch/{self}")
    }

    /// Key of the row of an event, numbered from 1.
    #[must_use]
    pub fn event_key(&self, number: u32) -> String {
        format!("trace/event/{self}/{number:08}")
    }

    /// Key of the row of a child, numbered from 1.
    #[must_use]
    pub fn child_key(&self, number: u32) -> String {
        format!("trace/child/{self}/{number:08}")
    }

    /// The message.
    #[must_use]
    pub fn to_proto(&self) -> proto::TraceBatchId {
        proto::TraceBatchId { producer: self.producer.as_str().to_owned(), code: self.code.as_str().to_owned() }
    }

    pub(crate) fn from_proto(m: Option<proto::TraceBatchId>) -> Result<Self, DecodeError> {
        let m = m.ok_or_else(|| missing("batch"))?;
        Self::new(&m.producer, &m.code)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.producer, self.code)
    }
}

impl FromStr for BatchId {
    type Err = DecodeError;

    fn from_str(s: &str) -> Result<Self, DecodeError> {
        let (producer, code) = s
            .split_once('/')
            .ok_or_else(|| DecodeError::field("batch", "PRODUCER/CODE is needed", "须为“统一社会信用代码/批次号”"))?;
        Self::new(producer, code)
    }
}

/// An amount of goods: a decimal of at most six places, and a unit (UCUM). Its text is `1250.5 kg`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// The amount times 10^scale.
    pub value: u64,
    /// Decimal places, at most [`limits::TRACE_SCALE`].
    pub scale: u32,
    /// Unit, for example `kg` or `{box}`.
    pub unit: String,
}

impl Quantity {
    /// Checks scale and unit.
    ///
    /// # Errors
    /// Too many decimal places; a unit that is not 1 to 16 printable ASCII characters.
    pub fn new(value: u64, scale: u32, unit: &str) -> Result<Self, DecodeError> {
        if scale > limits::TRACE_SCALE {
            let max = limits::TRACE_SCALE;
            return Err(DecodeError::field("scale", format!("at most {max}"), format!("最多 {max}")));
        }
        let max = limits::TRACE_UNIT_BYTES;
        if unit.is_empty() || unit.len() > max || !unit.bytes().all(|b| b.is_ascii_graphic()) {
            let en = format!("a UCUM code of 1 to {max} printable ASCII characters");
            return Err(DecodeError::field("unit", en, format!("须为 1 至 {max} 个可见 ASCII 字符的 UCUM 代码")));
        }
        Ok(Self { value, scale, unit: unit.to_owned() })
    }

    /// The same unit and scale, another value.
    #[must_use]
    pub fn with(&self, value: u64) -> Self {
        Self { value, scale: self.scale, unit: self.unit.clone() }
    }

    /// The value in unit and scale of another; `None` where the unit differs or the value has no such form.
    #[must_use]
    pub fn in_terms_of(&self, other: &Self) -> Option<u64> {
        if self.unit != other.unit {
            return None;
        }
        if self.scale <= other.scale {
            return self.value.checked_mul(10u64.checked_pow(other.scale - self.scale)?);
        }
        let by = 10u64.checked_pow(self.scale - other.scale)?;
        self.value.is_multiple_of(by).then(|| self.value / by)
    }

    /// The value in millionths of the unit, which every scale has: what sums are compared in.
    #[must_use]
    pub fn millionths(&self) -> u128 {
        let places = limits::TRACE_SCALE.saturating_sub(self.scale);
        u128::from(self.value) * 10u128.pow(places)
    }

    /// The message.
    #[must_use]
    pub fn to_proto(&self) -> proto::TraceQuantity {
        proto::TraceQuantity { value: self.value, scale: self.scale, unit: self.unit.clone() }
    }

    pub(crate) fn from_proto(m: Option<proto::TraceQuantity>) -> Result<Self, DecodeError> {
        let m = m.ok_or_else(|| missing("quantity"))?;
        Self::new(m.value, m.scale, &m.unit)
    }

    /// More than nothing.
    pub(crate) fn some(self) -> Result<Self, DecodeError> {
        if self.value == 0 {
            return Err(DecodeError::field("quantity", "more than 0 is needed", "须大于 0"));
        }
        Ok(self)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{} {}", self.value, self.unit);
        }
        let places = self.scale as usize;
        let digits = format!("{:0width$}", self.value, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        write!(f, "{whole}.{fraction} {}", self.unit)
    }
}

impl FromStr for Quantity {
    type Err = DecodeError;

    fn from_str(s: &str) -> Result<Self, DecodeError> {
        let rule = || {
            DecodeError::field(
                "quantity",
                "a decimal and a unit are needed: 1250.5 kg",
                "须为数量和单位，例如 1250.5 kg",
            )
        };
        let (amount, unit) = s.split_once(' ').ok_or_else(rule)?;
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || (fraction.is_empty() && amount.contains('.')) {
            return Err(rule());
        }
        let value = format!("{whole}{fraction}").parse().map_err(|_| rule())?;
        Self::new(value, u32::try_from(fraction.len()).map_err(|_| rule())?, unit)
    }
}

/// Serde as the text form.
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(BatchId);
as_text!(Quantity);

/// Where a batch is: its division, and a salted commitment to the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// GB/T 2260 division.
    pub division: Division,
    /// Salted commitment to the address.
    pub commitment: Digest,
}

impl Place {
    pub(crate) fn to_proto(&self) -> proto::TracePlace {
        proto::TracePlace { division: self.division.as_str().to_owned(), commitment: self.commitment.0.to_vec() }
    }

    pub(crate) fn from_proto(m: Option<&proto::TracePlace>) -> Result<Self, DecodeError> {
        let m = m.ok_or_else(|| missing("place"))?;
        Ok(Self {
            division: m.division.parse().map_err(|e| DecodeError::code_in("place.division", &e))?,
            commitment: Digest(fixed("place.commitment", &m.commitment)?),
        })
    }
}

pub(crate) fn missing(field: &'static str) -> DecodeError {
    DecodeError::field(field, "missing", "缺失")
}
