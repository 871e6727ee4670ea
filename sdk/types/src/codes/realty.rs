//! 不动产单元代码 (GB/T 37346-2019) and the numbers of 不动产权证书 and 不动产登记证明.

use super::{CodeError, Division, Kind, Rule, ascii, number, text_form};
use std::str::FromStr;

/// A real estate unit code: 28 characters.
///
/// | position | part |
/// |---|---|
/// | 1–6 | 县级行政区划 |
/// | 7–9, 10–12 | 地籍区, 地籍子区: 001–999; 000 for units at sea |
/// | 13 | ownership of the land, [`Ownership`] |
/// | 14 | kind of right or use, [`Use`] |
/// | 15–19 | 宗地（宗海）顺序号 00001–99999 |
/// | 20 | fixture, [`Fixture`] |
/// | 21–28 | 定着物单元号: for buildings 幢 4 and 户 4; `00000000` exactly where there is no fixture |
///
/// (?) Two rules are our reading of public descriptions and not confirmed against the standard's text: that the unit
/// number is zero *exactly* where there is no fixture (the standard gives zeros for `W`; that no other fixture has them is
/// the inference), and that 地籍区 and 地籍子区 may be 000 only at sea and on uninhabited islands ([`Use::Sea`],
/// [`Use::Island`]). Each stands in one place, `check_unit_number` and `check_cadastral`, and is easy to change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitCode([u8; 28]);

text_form!(UnitCode);

/// A one-letter part of the unit code.
macro_rules! letters {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $letter:literal, $zh:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its letter in the code.
            #[must_use]
            pub const fn letter(self) -> char {
                match self { $(Self::$variant => $letter,)* }
            }

            /// Its name in Chinese.
            #[must_use]
            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            fn read(letter: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.letter() == char::from(letter))
            }
        }
    };
}

letters! {
    /// 土地（海域）所有权.
    Ownership {
        /// Owned by the state.
        State = 'G', "国家所有";
        /// Owned by a collective.
        Collective = 'J', "集体所有";
        /// Not determined.
        Undetermined = 'Z', "所有权未确定";
    }
}

letters! {
    /// 宗地（宗海）特征码, second letter.
    Use {
        /// The ownership itself; collective land only.
        CollectiveOwnership = 'A', "集体土地所有权";
        /// Construction land, surface.
        Construction = 'B', "建设用地使用权（地表）";
        /// Construction land, above ground.
        ConstructionAbove = 'S', "建设用地使用权（地上）";
        /// Construction land, below ground.
        ConstructionBelow = 'X', "建设用地使用权（地下）";
        /// Homestead; collective land only.
        Homestead = 'C', "宅基地使用权";
        /// Farmland contract.
        Farmland = 'D', "土地承包经营权（耕地）";
        /// Forest land contract.
        Forest = 'E', "林地使用权";
        /// Grassland contract.
        Grassland = 'F', "草原使用权";
        /// Sea area.
        Sea = 'H', "海域使用权";
        /// Uninhabited island.
        Island = 'G', "无居民海岛使用权";
        /// Not determined.
        Undetermined = 'W', "使用权未确定或有争议";
        /// Another right.
        Other = 'Y', "其他使用权";
    }
}

letters! {
    /// 定着物特征码.
    Fixture {
        /// Building or structure.
        Building = 'F', "房屋等建筑物、构筑物";
        /// Trees.
        Trees = 'L', "森林、林木";
        /// Another fixture.
        Other = 'Q', "其他定着物";
        /// None: the unit is the parcel.
        None = 'W', "无定着物";
    }
}

impl UnitCode {
    /// Builds a code. `cadastral` is 地籍区 and 地籍子区, `parcel` the number of the parcel, `unit` that of the fixture
    /// (for a building, 幢 · 10 000 + 户; 0 exactly where there is no fixture).
    ///
    /// # Errors
    /// The rule that the parts break.
    pub fn from_parts(
        division: Division,
        cadastral: (u16, u16),
        (ownership, right): (Ownership, Use),
        parcel: u32,
        (fixture, unit): (Fixture, u32),
    ) -> Result<Self, CodeError> {
        let (area, sub) = cadastral;
        let (o, r, f) = (ownership.letter(), right.letter(), fixture.letter());
        format!("{division}{area:03}{sub:03}{o}{r}{parcel:05}{f}{unit:08}").parse()
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }

    /// The division of the unit's registry.
    #[must_use]
    pub fn division(&self) -> Division {
        ascii(&self.0[..6]).parse().expect("checked when the unit code was read")
    }

    /// 宗地（宗海）代码: the first 19 characters.
    #[must_use]
    pub fn parcel(&self) -> &str {
        ascii(&self.0[..19])
    }

    /// The unit of the parcel itself, without fixture: it must exist before a fixture's unit.
    #[must_use]
    pub fn parcel_unit(&self) -> Self {
        let mut code = self.0;
        code[19..].copy_from_slice(b"W00000000");
        Self(code)
    }

    /// Who owns the land.
    #[must_use]
    pub fn ownership(&self) -> Ownership {
        Ownership::read(self.0[12]).expect("checked when the unit code was read")
    }

    /// What it may be used for.
    #[must_use]
    pub fn right(&self) -> Use {
        Use::read(self.0[13]).expect("checked when the unit code was read")
    }

    /// What stands on it.
    #[must_use]
    pub fn fixture(&self) -> Fixture {
        Fixture::read(self.0[19]).expect("checked when the unit code was read")
    }
}

impl FromStr for UnitCode {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let kind = Kind::Unit;
        let code: [u8; 28] = kind.exact(s)?;
        kind.digits(&code[..12], 1)?;
        let ownership = Ownership::read(code[12]).ok_or(kind.fail(Rule::Character { position: 13 }))?;
        let right = Use::read(code[13]).ok_or(kind.fail(Rule::Character { position: 14 }))?;
        kind.digits(&code[14..19], 15)?;
        let fixture = Fixture::read(code[19]).ok_or(kind.fail(Rule::Character { position: 20 }))?;
        kind.digits(&code[20..], 21)?;
        ascii(&code[..6])
            .parse::<Division>()
            .map_err(|_| kind.part("the division does not exist", "行政区划代码不存在"))?;
        check_cadastral(&code, right)?;
        if matches!(right, Use::CollectiveOwnership | Use::Homestead) && ownership != Ownership::Collective {
            return Err(kind.part("this right exists on collective land only", "该权利只存在于集体土地"));
        }
        if number(&code[14..19]) == 0 {
            return Err(kind.part("parcel numbers start at 00001", "宗地顺序号从 00001 开始"));
        }
        check_unit_number(&code, fixture)?;
        Ok(Self(code))
    }
}

/// The unit number is zero exactly where there is no fixture. (?) `00000000` for `W` is given; that other fixtures never
/// have it is our reading.
fn check_unit_number(code: &[u8; 28], fixture: Fixture) -> Result<(), CodeError> {
    if (fixture == Fixture::None) == (number(&code[20..]) == 0) {
        Ok(())
    } else {
        Err(Kind::Unit.part("the unit number is zero exactly without a fixture", "无定着物时单元号为零，否则不为零"))
    }
}

/// 地籍区 and 地籍子区 are 000 at sea, where there are none, and 001 to 999 on land. (?) That 000 is for [`Use::Sea`] and
/// [`Use::Island`] alone, and for both parts at once, is our reading.
fn check_cadastral(code: &[u8; 28], right: Use) -> Result<(), CodeError> {
    let (area, sub) = (number(&code[6..9]), number(&code[9..12]));
    let at_sea = matches!(right, Use::Sea | Use::Island);
    if at_sea && area == 0 && sub == 0 || area != 0 && sub != 0 {
        Ok(())
    } else {
        Err(Kind::Unit
            .part("cadastral areas are 001 to 999, both 000 at sea", "地籍区、地籍子区为 001 至 999，海域均为 000"))
    }
}

/// What a registry hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RealtyDocument {
    /// 不动产权证书: a right.
    Title,
    /// 不动产登记证明: a mortgage, notice or objection.
    Proof,
}

impl RealtyDocument {
    const fn text(self) -> &'static str {
        match self {
            Self::Title => "不动产权",
            Self::Proof => "不动产证明",
        }
    }
}

/// Short names of the province-level divisions, as they open a certificate number.
const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新";
/// Unified registration began on 2015-03-01.
const YEARS: std::ops::RangeInclusive<u16> = 2015..=2199;
/// Longest name of a place: 双江拉祜族佤族布朗族傣族自治县 has 15 characters.
const PLACE: usize = 20;

/// A number such as `豫(2023)郑州市不动产权第0000001号`. Full-width brackets are read and stored as half-width ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealtyCertificateNumber {
    text: String,
    year: u16,
    document: RealtyDocument,
    sequence: u32,
}

text_form!(RealtyCertificateNumber);

impl RealtyCertificateNumber {
    /// Builds a number: short name of the province, year, place of the registry, and a sequence of seven digits.
    ///
    /// # Errors
    /// The rule that the parts break.
    pub fn from_parts(
        province: char,
        year: u16,
        place: &str,
        document: RealtyDocument,
        sequence: u32,
    ) -> Result<Self, CodeError> {
        format!("{province}({year}){place}{}第{sequence:07}号", document.text()).parse()
    }

    /// The one stored form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Year of registration.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// Certificate of a right, or proof of registration.
    #[must_use]
    pub const fn document(&self) -> RealtyDocument {
        self.document
    }

    /// Number within registry and year.
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }
}

impl FromStr for RealtyCertificateNumber {
    type Err = CodeError;

    fn from_str(s: &str) -> Result<Self, CodeError> {
        let kind = Kind::RealtyCertificate;
        let text = s.replace('（', "(").replace('）', ")");
        let form = kind.part(
            "the form is 豫(2023)郑州市不动产权第0000001号 or …不动产证明第…号",
            "格式应为 豫(2023)郑州市不动产权第0000001号 或 …不动产证明第…号",
        );
        let (province, rest) = text.split_once('(').ok_or(form)?;
        let (year, rest) = rest.split_once(')').ok_or(form)?;
        let (head, tail) = rest.split_once('第').ok_or(form)?;
        let (document, place) = [RealtyDocument::Title, RealtyDocument::Proof]
            .into_iter()
            .find_map(|d| Some((d, head.strip_suffix(d.text())?)))
            .ok_or(form)?;
        let sequence = tail.strip_suffix('号').ok_or(form)?;
        if province.chars().count() != 1 || !PROVINCES.contains(province) {
            return Err(kind.part("no province has this short name", "没有该省级简称"));
        }
        let year = decimal(year, 4)
            .and_then(|y| u16::try_from(y).ok())
            .filter(|y| YEARS.contains(y))
            .ok_or(kind.part("the year has four digits, from 2015", "年份须为四位，自 2015 年起"))?;
        let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        if !(2..=PLACE).contains(&place.chars().count()) || !place.chars().all(han) {
            return Err(kind.part("the place is a name in Chinese characters", "登记地须为汉字名称"));
        }
        let sequence = decimal(sequence, 7)
            .filter(|n| *n > 0)
            .ok_or(kind.part("the sequence has seven digits, from 0000001", "顺序号须为七位数字，从 0000001 开始"))?;
        Ok(Self { year, document, sequence, text })
    }
}

/// Exactly `length` ASCII digits.
fn decimal(s: &str, length: usize) -> Option<u32> {
    (s.len() == length && s.bytes().all(|b| b.is_ascii_digit())).then(|| number(s.as_bytes()))
}
