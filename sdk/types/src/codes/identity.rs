//! 居民身份证号码 (GB 11643-1999).

use super::division::province;
use super::{CodeError, Division, Kind, Rule, ascii, number};
use std::str::FromStr;
use zeroize::{Zeroize, Zeroizing};

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

/// A resident identity number. It is personal data: it is never stored, printed or logged, only committed to with a salt.
/// Therefore it has no `Display`, no serde, a `Debug` without digits, and is wiped when dropped.
///
/// 17 digits (division of the first registration, which may no longer exist; date of birth; sequence) and the check
/// character of ISO/IEC 7064 MOD 11-2, which detects every single changed character.
#[derive(Clone)]
pub struct IdentityNumber([u8; 18]);

impl IdentityNumber {
    /// Builds a number from division, date of birth and sequence (0 to 999; even for women). For invented people.
    ///
    /// # Errors
    /// A date that does not exist, or a sequence beyond 999.
    pub fn from_parts(division: Division, (year, month, day): (u16, u8, u8), sequence: u16) -> Result<Self, CodeError> {
        let text = Zeroizing::new(format!("{division}{year:04}{month:02}{day:02}{sequence:03}0"));
        let mut number = read(&text)?;
        number[17] = check(&number);
        Ok(Self(number))
    }

    /// The number itself, to commit to or to show its holder. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        ascii(&self.0)
    }
}

impl FromStr for IdentityNumber {
    type Err = CodeError;

    /// A lower-case x is read as X.
    fn from_str(s: &str) -> Result<Self, CodeError> {
        let number = read(s)?;
        if check(&number) == number[17] { Ok(Self(number)) } else { Err(Kind::Identity.fail(Rule::Check)) }
    }
}

impl std::fmt::Debug for IdentityNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityNumber(…)")
    }
}

impl Drop for IdentityNumber {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Everything but the check character.
fn read(s: &str) -> Result<[u8; 18], CodeError> {
    let kind = Kind::Identity;
    let mut code: [u8; 18] = kind.exact(s)?;
    code[17].make_ascii_uppercase();
    kind.digits(&code[..17], 1)?;
    kind.all(&code[17..], 18, |b| CHECK.contains(&b))?;
    province(kind, &code)?;
    if !date_exists(number(&code[6..10]), number(&code[10..12]), number(&code[12..14])) {
        return Err(kind.part("the date of birth does not exist", "出生日期不存在"));
    }
    Ok(code)
}

fn check(code: &[u8; 18]) -> u8 {
    let sum: u32 = code.iter().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
    CHECK[(sum % 11) as usize]
}

fn date_exists(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1800..2200).contains(&year) && (1..=days).contains(&day)
}
