//! Batch codes of 农产品溯源: GS1 URNs and the plain numbers of the national platform.

use super::{CodeError, Kind, Rule, text_form};
use crate::text::in_id;
use std::str::FromStr;

/// Longest plain code, in characters.
const PLAIN_CHARACTERS: usize = 64;
/// Longest code of any form, in bytes: an LGTIN with twenty escaped characters.
const BYTES: usize = 96;
/// Beginning of a serialized item (SGTIN), EPC Tag Data Standard 2.0.
const SGTIN: &str = "urn:epc:id:sgtin:";
/// Beginning of a lot (LGTIN), EPC Tag Data Standard 2.0.
const LGTIN: &str = "urn:epc:class:lgtin:";

/// A batch code: `urn:epc:id:sgtin:<company>.<item>.<serial>`, `urn:epc:class:lgtin:<company>.<item>.<lot>` (GS1 EPC Tag
/// Data Standard), or a plain number of at most 64 printable characters and 96 bytes. It is unique for a producer.
///
/// Company prefix (6 to 12 digits) and item reference have 13 digits together; serial or lot is 1 to 20 characters, of
/// which each may be written as `%` and two upper-case hexadecimal digits. A plain code has the characters of a record id
/// but no `/`: keys join codes by slashes, so a code can neither look like two nor reach into another's rows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchCode(String);

text_form!(BatchCode);

impl BatchCode {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a URN of GS1.
    #[must_use]
    pub fn is_gs1(&self) -> bool {
        self.0.starts_with("urn:")
    }
}

impl FromStr for BatchCode {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let kind = Kind::Batch;
        if s.is_empty() || s.len() > BYTES {
            return Err(kind.part("1 to 96 bytes are needed", "须为 1 至 96 字节"));
        }
        if let Some(at) = s.chars().position(|c| !in_id(c) || c == '/') {
            return Err(kind.fail(Rule::Character { position: at + 1 }));
        }
        if let Some(rest) = s.strip_prefix(SGTIN).or_else(|| s.strip_prefix(LGTIN)) {
            gs1(rest)?;
        } else if s.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:")) {
            return Err(kind.part("a URN is an sgtin or an lgtin", "URN 须为 sgtin 或 lgtin"));
        } else if s.chars().count() > PLAIN_CHARACTERS {
            return Err(kind.part("a plain code has at most 64 characters", "普通批次号最多 64 个字符"));
        }
        Ok(Self(s.to_owned()))
    }
}

/// `<company>.<item>.<serial or lot>`.
fn gs1(rest: &str) -> Result<(), CodeError> {
    let kind = Kind::Batch;
    let mut parts = rest.splitn(3, '.');
    let (Some(company), Some(item), Some(serial)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(kind.part("company, item and serial or lot are needed", "须有厂商、项目和序列号或批号三部分"));
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !(6..=12).contains(&company.len()) || company.len() + item.len() != 13 || !digits(company) || !digits(item) {
        return Err(kind.part(
            "company prefix (6 to 12) and item reference have 13 digits together",
            "厂商识别代码（6 至 12 位）与项目代码合计须为 13 位数字",
        ));
    }
    match characters(serial) {
        Some(1..=20) => Ok(()),
        _ => Err(kind.part(
            "serial or lot is 1 to 20 characters, others than letters, digits and !'()*+,-.:;=_ as %XX",
            "序列号或批号须为 1 至 20 个字符，字母、数字和 !'()*+,-.:;=_ 以外的写作 %XX",
        )),
    }
}

/// Characters of a serial or lot, an escape being one; `None` where one is not allowed.
fn characters(serial: &str) -> Option<usize> {
    let (mut bytes, mut count) = (serial.bytes(), 0);
    while let Some(b) = bytes.next() {
        let upper_hex = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        let ok = match b {
            // The only characters of the GS1 set that a URN escapes: one spelling for each code.
            b'%' => {
                let pair = [bytes.next()?, bytes.next()?];
                pair.iter().all(|b| upper_hex(*b))
                    && [*b"22", *b"25", *b"26", *b"2F", *b"3C", *b"3E", *b"3F"].contains(&pair)
            }
            _ => b.is_ascii_alphanumeric() || b"!'()*+,-.:;=_".contains(&b),
        };
        if !ok {
            return None;
        }
        count += 1;
    }
    Some(count)
}
