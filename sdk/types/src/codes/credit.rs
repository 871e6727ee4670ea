//! 统一社会信用代码 (GB 32100-2015) with the organization code inside it (GB 11714-1997).

use super::{CodeError, Division, Kind, Rule, ascii, text_form};
use std::str::FromStr;

/// The digits and letters of the standard, in the order of their values 0 to 30: I, O, S, V and Z are left out.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of the organization code, GB 11714.
const ORGANIZATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// A unified social credit code: 18 characters.
///
/// | position | part |
/// |---|---|
/// | 1 | 登记管理部门代码: 1 机构编制, 5 民政, 9 市场监管, … |
/// | 2 | 机构类别代码 |
/// | 3–8 | 登记管理机关行政区划码 |
/// | 9–17 | 主体标识码 (组织机构代码) |
/// | 18 | 校验码: (31 − Σ value · 3^i mod 31) mod 31 |
///
/// The check detects every single changed character and every exchange of two neighbours. The inner check character of
/// the organization code is computed by [`CreditCode::from_parts`] and not demanded when parsing, because codes that
/// break it have been issued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditCode([u8; 18]);

text_form!(CreditCode);

impl CreditCode {
    /// Builds a code from the registering department, the category, the registering authority's division and the first
    /// eight characters of the organization code; both check characters are computed.
    ///
    /// # Errors
    /// A character that the alphabet does not have.
    pub fn from_parts(department: char, category: char, division: Division, body: &str) -> Result<Self, CodeError> {
        let kind = Kind::Credit;
        if body.len() != 8 {
            return Err(kind.part("the organization code has eight characters", "主体标识码前部须为 8 个字符"));
        }
        let text = format!("{department}{category}{division}{body}00");
        let mut code: [u8; 18] = kind.exact(&text)?;
        values(&code)?;
        code[16] = organization_check(&code[8..16]);
        code[17] = check(&values(&code)?);
        Ok(Self(code))
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Division of the registering authority; `None` where it is not, or no longer, a code of GB/T 2260.
    #[must_use]
    pub fn division(&self) -> Option<Division> {
        ascii(&self.0[2..8]).parse().ok()
    }

    /// 主体标识码, the nine characters of the organization code.
    #[must_use]
    pub fn organization_code(&self) -> &str {
        ascii(&self.0[8..17])
    }
}

impl FromStr for CreditCode {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let code: [u8; 18] = Kind::Credit.exact(s)?;
        let values = values(&code)?;
        Kind::Credit.digits(&code[2..8], 3)?;
        if check(&values) == code[17] { Ok(Self(code)) } else { Err(Kind::Credit.fail(Rule::Check)) }
    }
}

fn values(code: &[u8; 18]) -> Result<[u32; 18], CodeError> {
    let mut out = [0u32; 18];
    for (position, (value, character)) in out.iter_mut().zip(code).enumerate() {
        let found = (0u32..).zip(ALPHABET).find(|(_, a)| *a == character);
        *value = found.ok_or(Kind::Credit.fail(Rule::Character { position: position + 1 }))?.0;
    }
    Ok(out)
}

fn check(values: &[u32; 18]) -> u8 {
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    ALPHABET[((31 - sum % 31) % 31) as usize]
}

/// GB 11714: letters count as 10 to 35, 10 is written X, 11 is written 0.
fn organization_check(body: &[u8]) -> u8 {
    let value = |b: &u8| char::from(*b).to_digit(36).unwrap_or(0);
    let sum: u32 = body.iter().map(value).zip(ORGANIZATION_WEIGHTS).map(|(v, w)| v * w).sum();
    match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b"0123456789"[digit as usize],
    }
}
