//! Administrative divisions (GB/T 2260).

use super::{CodeError, Kind, ascii, text_form};
use std::str::FromStr;

/// First two digits of the province-level divisions, and 10, which codes of national bodies carry.
const PROVINCES: &[u8] = &[
    10, 11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
    63, 64, 65, 71, 81, 82,
];

/// Henan and its cities, with the names that chains use.
const HENAN: [(&str, &str, &str); 19] = [
    ("410000", "河南省", "henan"),
    ("410100", "郑州市", "zhengzhou"),
    ("410200", "开封市", "kaifeng"),
    ("410300", "洛阳市", "luoyang"),
    ("410400", "平顶山市", "pingdingshan"),
    ("410500", "安阳市", "anyang"),
    ("410600", "鹤壁市", "hebi"),
    ("410700", "新乡市", "xinxiang"),
    ("410800", "焦作市", "jiaozuo"),
    ("410900", "濮阳市", "puyang"),
    ("411000", "许昌市", "xuchang"),
    ("411100", "漯河市", "luohe"),
    ("411200", "三门峡市", "sanmenxia"),
    ("411300", "南阳市", "nanyang"),
    ("411400", "商丘市", "shangqiu"),
    ("411500", "信阳市", "xinyang"),
    ("411600", "周口市", "zhoukou"),
    ("411700", "驻马店市", "zhumadian"),
    ("419001", "济源市", "jiyuan"),
];

/// A division code of six digits: province, city, county. Its scope is its prefix: 410102 lies in 410100 lies in 410000.
///
/// Codes outside Henan are accepted where their province exists: members and units of other provinces occur. Inside
/// Henan the city must exist; counties change too often to be listed here. 郑州航空港区 has no code of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Division([u8; 6]);

text_form!(Division);

impl Division {
    /// 河南省.
    pub const HENAN: Self = Self(*b"410000");

    /// Henan and its eighteen cities: code, Chinese name, name of its chain.
    pub fn henan() -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        HENAN.iter().filter_map(|(code, zh, en)| Some((code.parse().ok()?, *zh, *en)))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// Whether another division is this one or lies in it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        let prefix = match &self.0 {
            [_, _, b'0', b'0', b'0', b'0'] => 2,
            [_, _, _, _, b'0', b'0'] => 4,
            _ => 6,
        };
        self.0[..prefix] == other.0[..prefix]
    }

    /// Chinese name, known for Henan and its cities.
    #[must_use]
    pub fn name_zh(self) -> Option<&'static str> {
        HENAN.iter().find(|(code, ..)| *code == self.as_str()).map(|(_, zh, _)| *zh)
    }
}

impl FromStr for Division {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let kind = Kind::Division;
        let code: [u8; 6] = kind.exact(s)?;
        kind.digits(&code, 1)?;
        province(kind, &code)?;
        let pair = |at: usize| (code[at] - b'0') * 10 + (code[at + 1] - b'0');
        let (city, county) = (pair(2), pair(4));
        if city == 0 && county != 0 {
            return Err(kind.part("a county needs a city", "县级代码须有市级代码"));
        }
        if pair(0) == 41 && !matches!(city, 0..=17 | 90) {
            return Err(kind.part("Henan has no such city", "河南省没有该市级代码"));
        }
        Ok(Self(code))
    }
}

/// That the first two of some digits are those of a province.
pub(super) fn province(kind: Kind, digits: &[u8]) -> Result<(), CodeError> {
    let code = (digits[0] - b'0') * 10 + (digits[1] - b'0');
    if PROVINCES.contains(&code) {
        Ok(())
    } else {
        Err(kind.part("no province has this code", "没有该省级代码"))
    }
}
