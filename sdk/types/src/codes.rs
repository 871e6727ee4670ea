//! Identifiers of the domain, parsed once at the border: inside, an invalid one cannot be built.
//!
//! | type | identifier | standard |
//! |---|---|---|
//! | [`Division`] | 行政区划代码 | GB/T 2260 |
//! | [`CreditCode`] | 统一社会信用代码 | GB 32100-2015 |
//! | [`IdentityNumber`] | 居民身份证号码 | GB 11643-1999 |
//! | [`CertificateId`] | 电子证照标识 | GB/T 36904-2018 |
//! | [`UnitCode`] | 不动产单元代码 | GB/T 37346-2019 |
//! | [`BatchCode`] | 农产品批次号 | GS1 EPC Tag Data Standard 2.0, or the producer's own |
//! | [`RealtyCertificateNumber`] | 不动产权证书号、不动产登记证明号 | 不动产权证书和登记证明监制 (自然资源部) |
//!
//! Each parses from text with [`str::parse`], displays its one stored form, and is built from its parts by `from_parts`,
//! which computes the check character. A refusal, [`CodeError`], says which rule failed in English and Chinese.
//!
//! # Example
//! ```
//! use hnchain_types::codes::{CreditCode, Division, UnitCode};
//!
//! let code: CreditCode = "91410000170001401D".parse()?;
//! assert!(code.division().is_some_and(|d| Division::HENAN.contains(d)));
//!
//! let error = "91410000170001401E".parse::<CreditCode>().unwrap_err();
//! assert_eq!(error.code(), "CODE_CHECK");
//! assert_eq!(error.message_zh(), "统一社会信用代码：校验码不符");
//!
//! let unit: UnitCode = "410102001001GB00001F00010001".parse()?;
//! assert_eq!(unit.parcel(), "410102001001GB00001");
//! # Ok::<(), hnchain_types::codes::CodeError>(())
//! ```

mod batch;
mod certificate;
mod credit;
mod division;
mod identity;
mod realty;

pub use batch::BatchCode;
pub use certificate::CertificateId;
pub use credit::CreditCode;
pub use division::Division;
pub use identity::IdentityNumber;
pub use realty::{Fixture, Ownership, RealtyCertificateNumber, RealtyDocument, UnitCode, Use};

/// A text that is not the identifier it should be. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeError {
    kind: Kind,
    rule: Rule,
}

/// Which identifier was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GB/T 2260 division code.
    Division,
    /// 统一社会信用代码.
    Credit,
    /// 居民身份证号码.
    Identity,
    /// 电子证照标识.
    Certificate,
    /// 不动产单元代码.
    Unit,
    /// 不动产权证书号 or 不动产登记证明号.
    RealtyCertificate,
    /// 农产品批次号.
    Batch,
}

impl Kind {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Division => ("division code", "行政区划代码"),
            Self::Credit => ("unified social credit code", "统一社会信用代码"),
            Self::Identity => ("resident identity number", "居民身份证号码"),
            Self::Certificate => ("electronic certificate identifier", "电子证照标识"),
            Self::Unit => ("real estate unit code", "不动产单元代码"),
            Self::RealtyCertificate => ("real estate certificate number", "不动产权证号"),
            Self::Batch => ("batch code", "批次号"),
        }
    }
}

/// The rule that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Another number of characters.
    Length {
        /// Characters given.
        got: usize,
        /// Characters needed.
        needed: usize,
    },
    /// A character that cannot stand there, counted from 1.
    Character {
        /// Where.
        position: usize,
    },
    /// The check character does not fit the others.
    Check,
    /// A part breaks its own rule.
    Part {
        /// The rule in English.
        en: &'static str,
        /// The rule in Chinese.
        zh: &'static str,
    },
}

impl CodeError {
    /// Which identifier.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Which rule.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.rule {
            Rule::Length { .. } => "CODE_LENGTH",
            Rule::Character { .. } => "CODE_CHARACTER",
            Rule::Check => "CODE_CHECK",
            Rule::Part { .. } => "CODE_PART",
        }
    }

    /// Message in Chinese; the English one is its `Display`.
    #[must_use]
    pub fn message_zh(&self) -> String {
        let name = self.kind.names().1;
        match self.rule {
            Rule::Length { got, needed } => format!("{name}：应为 {needed} 个字符，实为 {got} 个"),
            Rule::Character { position } => format!("{name}：第 {position} 位字符不允许"),
            Rule::Check => format!("{name}：校验码不符"),
            Rule::Part { zh, .. } => format!("{name}：{zh}"),
        }
    }
}

impl std::fmt::Display for CodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.kind.names().0;
        match self.rule {
            Rule::Length { got, needed } => write!(f, "{name}: {needed} characters are needed, {got} are given"),
            Rule::Character { position } => write!(f, "{name}: character {position} is not allowed there"),
            Rule::Check => write!(f, "{name}: the check character does not fit"),
            Rule::Part { en, .. } => write!(f, "{name}: {en}"),
        }
    }
}

impl std::error::Error for CodeError {}

impl Kind {
    const fn fail(self, rule: Rule) -> CodeError {
        CodeError { kind: self, rule }
    }

    const fn part(self, en: &'static str, zh: &'static str) -> CodeError {
        self.fail(Rule::Part { en, zh })
    }

    /// Exactly N ASCII characters.
    fn exact<const N: usize>(self, s: &str) -> Result<[u8; N], CodeError> {
        let got = s.chars().count();
        if got != N {
            return Err(self.fail(Rule::Length { got, needed: N }));
        }
        match s.chars().position(|c| !c.is_ascii()) {
            Some(at) => Err(self.fail(Rule::Character { position: at + 1 })),
            None => s.as_bytes().try_into().map_err(|_| self.fail(Rule::Length { got, needed: N })),
        }
    }

    /// Refuses the first character that is not allowed; `first` is the position of `part` in the whole, from 1.
    fn all(self, part: &[u8], first: usize, allowed: impl Fn(u8) -> bool) -> Result<(), CodeError> {
        match part.iter().position(|b| !allowed(*b)) {
            Some(at) => Err(self.fail(Rule::Character { position: first + at })),
            None => Ok(()),
        }
    }

    fn digits(self, part: &[u8], first: usize) -> Result<(), CodeError> {
        self.all(part, first, |b| b.is_ascii_digit())
    }
}

/// `0`–`9` and `A`–`Z`, the alphabet of ISO/IEC 7064 MOD 37,36.
fn alphanumeric(b: u8) -> bool {
    b.is_ascii_digit() || b.is_ascii_uppercase()
}

/// The text of bytes that were checked to be ASCII.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("every character was checked to be ASCII")
}

/// Value of a run of at most nine digits.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'))
}

/// Display, Debug and serde as the one stored text form.
macro_rules! text_form {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
use text_form;
