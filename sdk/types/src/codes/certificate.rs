//! 电子证照标识 (GB/T 36904-2018).

use super::{CodeError, Kind, Rule, alphanumeric, text_form};
use std::str::FromStr;

/// Root of the identifiers, an arc of the national object identifier tree.
const ROOT: &str = "1.2.156.3005.2.";
/// 证照类型代码: the 18 characters of the defining authority and three of the type.
const TYPE: usize = 21;
/// 证照颁发机构代码, normally a 统一社会信用代码.
const ISSUER: usize = 18;
/// 流水号: nine characters in the standard's text, up to 32 in use.
const SERIAL: std::ops::RangeInclusive<usize> = 9..=32;
const VERSION: usize = 3;

/// An electronic certificate identifier:
/// `1.2.156.3005.2.<类型代码 21>.<颁发机构代码 18>.<流水号 9–32>.<版本号 3>.<校验位 1>`.
///
/// The check character is ISO/IEC 7064 MOD 37,36 over the four parts concatenated, without root and dots. It detects
/// every single changed character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId {
    text: String,
    /// Where the serial ends in `text`.
    serial_end: usize,
}

text_form!(CertificateId);

impl CertificateId {
    /// Builds an identifier; the check character is computed.
    ///
    /// # Errors
    /// A part of the wrong length or with a character other than 0–9 A–Z; version 0 or beyond 999.
    pub fn from_parts(type_code: &str, issuer: &str, serial: &str, version: u16) -> Result<Self, CodeError> {
        if version > 999 {
            return Err(version_rule());
        }
        let version = format!("{version:03}");
        let parts = check_parts([type_code, issuer, serial, &version])?;
        let check = char::from(mod_37_36(&parts));
        Ok(Self::assemble(&format!("{ROOT}{type_code}.{issuer}.{serial}.{version}.{check}"), serial.len()))
    }

    fn assemble(text: &str, serial: usize) -> Self {
        Self { text: text.to_owned(), serial_end: ROOT.len() + TYPE + 1 + ISSUER + 1 + serial }
    }

    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// 证照类型代码.
    #[must_use]
    pub fn type_code(&self) -> &str {
        &self.text[ROOT.len()..ROOT.len() + TYPE]
    }

    /// 证照颁发机构代码.
    #[must_use]
    pub fn issuer(&self) -> &str {
        let start = ROOT.len() + TYPE + 1;
        &self.text[start..start + ISSUER]
    }

    /// 流水号.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.text[ROOT.len() + TYPE + 1 + ISSUER + 1..self.serial_end]
    }

    /// 版本号, 1 to 999.
    #[must_use]
    pub fn version(&self) -> u16 {
        let digits = &self.text.as_bytes()[self.serial_end + 1..self.serial_end + 1 + VERSION];
        digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'))
    }

    /// Whether two are versions of one certificate: their type, issuer and serial are the same.
    #[must_use]
    pub fn same_series(&self, other: &Self) -> bool {
        self.serial_end == other.serial_end && self.text[..self.serial_end] == other.text[..other.serial_end]
    }

    /// The identifier of a neighbouring version.
    ///
    /// # Errors
    /// Version 0 or beyond 999.
    pub fn with_version(&self, version: u16) -> Result<Self, CodeError> {
        Self::from_parts(self.type_code(), self.issuer(), self.serial(), version)
    }
}

impl FromStr for CertificateId {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let kind = Kind::Certificate;
        let rest =
            s.strip_prefix(ROOT).ok_or(kind.part("it begins with 1.2.156.3005.2.", "须以 1.2.156.3005.2. 开头"))?;
        let parts: Vec<&str> = rest.split('.').collect();
        let [type_code, issuer, serial, version, check] = parts[..] else {
            return Err(kind.part("five parts are needed after the root", "根标识之后须有五个部分"));
        };
        let checked = check_parts([type_code, issuer, serial, version])?;
        if check.as_bytes() == [mod_37_36(&checked)] {
            Ok(Self::assemble(s, serial.len()))
        } else {
            Err(kind.fail(Rule::Check))
        }
    }
}

fn version_rule() -> CodeError {
    Kind::Certificate.part("the version is 001 to 999", "版本号须为 001 至 999")
}

/// The four parts concatenated, each of its length and alphabet.
fn check_parts([type_code, issuer, serial, version]: [&str; 4]) -> Result<Vec<u8>, CodeError> {
    let kind = Kind::Certificate;
    let rules = [
        (type_code.len() == TYPE, kind.part("the type code has 21 characters", "证照类型代码须为 21 个字符")),
        (issuer.len() == ISSUER, kind.part("the issuer code has 18 characters", "颁发机构代码须为 18 个字符")),
        (SERIAL.contains(&serial.len()), kind.part("the serial has 9 to 32 characters", "流水号须为 9 至 32 个字符")),
        (version.len() == VERSION, version_rule()),
    ];
    if let Some((_, error)) = rules.into_iter().find(|(ok, _)| !ok) {
        return Err(error);
    }
    let mut position = ROOT.len() + 1;
    for part in [type_code, issuer, serial] {
        kind.all(part.as_bytes(), position, alphanumeric)?;
        position += part.len() + 1;
    }
    kind.digits(version.as_bytes(), position)?;
    if version == "000" {
        return Err(version_rule());
    }
    Ok([type_code, issuer, serial, version].concat().into_bytes())
}

/// Check character of ISO/IEC 7064 MOD 37,36 over characters of 0–9 A–Z.
fn mod_37_36(text: &[u8]) -> u8 {
    let value = |b: &u8| char::from(*b).to_digit(36).unwrap_or(0);
    let product = text.iter().map(value).fold(36, |product, v| {
        let sum = (product + v) % 36;
        (if sum == 0 { 36 } else { sum }) * 2 % 37
    });
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[((37 - product) % 36) as usize]
}

#[cfg(test)]
mod tests {
    #[test]
    fn algorithm_vector_of_another_scheme() {
        assert_eq!(super::mod_37_36(b"A12425GABC1234002"), b'M');
    }
}
