//! Identifiers of the domain: published values are read, every rule has its refusal, check characters do what they promise.
#![allow(clippy::unwrap_used)]

use hnchain_types::codes::{
    CertificateId, CodeError, CreditCode, Division, Fixture, IdentityNumber, Ownership, RealtyCertificateNumber,
    RealtyDocument, Rule, UnitCode, Use,
};
use proptest::prelude::*;

const CREDIT: [&str; 8] = [
    "914403001922038216",
    "9144030071526726XG",
    "91410000170001401D",
    "91110108551385082Q",
    "11100000000013338W",
    "11430000006122244L",
    "11330105002500287C",
    "91350100M000100Y43",
];
const CERTIFICATES: [&str; 2] = [
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
];
const UNIT: &str = "410102001001GB00001F00010001";
const NUMBER: &str = "豫(2023)郑州市不动产权第0000001号";

/// The refusal of a text. It speaks both languages.
fn refused<T: std::str::FromStr<Err = CodeError> + std::fmt::Debug>(s: &str) -> CodeError {
    let error = s.parse::<T>().expect_err(s);
    assert!(!error.message_zh().is_ascii() && error.to_string().contains(": "));
    error
}

fn position(error: CodeError) -> usize {
    match error.rule() {
        Rule::Character { position } => position,
        other => panic!("{other:?}"),
    }
}

mod division {
    use super::*;

    #[test]
    fn the_scope_of_a_code_is_its_prefix() {
        let d = |s: &str| s.parse::<Division>().unwrap();
        assert!(Division::HENAN.contains(d("410100")) && d("410100").contains(d("410102")));
        assert!(Division::HENAN.contains(Division::HENAN) && d("410102").contains(d("410102")));
        assert!(Division::HENAN.contains(d("419001")) && d("419001").contains(d("419001")));
        assert!(!d("410200").contains(d("410102")) && !d("410100").contains(Division::HENAN));
        assert!(!d("410102").contains(d("410103")) && !Division::HENAN.contains(d("420100")));
    }

    #[test]
    fn henan_has_one_province_and_eighteen_cities() {
        let all: Vec<_> = Division::henan().collect();
        assert_eq!(all.len(), 19);
        assert!(all.iter().all(|(d, zh, _)| Division::HENAN.contains(*d) && d.name_zh() == Some(zh)));
        assert_eq!("410400".parse::<Division>().unwrap().name_zh(), Some("平顶山市"));
        assert_eq!("410102".parse::<Division>().unwrap().name_zh(), None);
    }

    #[test]
    fn codes_that_do_not_exist_are_refused() {
        assert_eq!(refused::<Division>("41010").rule(), Rule::Length { got: 5, needed: 6 });
        assert_eq!(position(refused::<Division>("4101O2")), 5);
        assert_eq!(position(refused::<Division>("４10102")), 1);
        assert_eq!(refused::<Division>("990000").message_zh(), "行政区划代码：没有该省级代码");
        assert_eq!(refused::<Division>("411800").message_zh(), "行政区划代码：河南省没有该市级代码");
        assert_eq!(refused::<Division>("410001").to_string(), "division code: a county needs a city");
    }
}

mod credit {
    use super::*;

    #[test]
    fn published_codes_are_read_and_displayed() {
        for code in CREDIT {
            assert_eq!(code.parse::<CreditCode>().unwrap().to_string(), code);
        }
        let code: CreditCode = "91410000170001401D".parse().unwrap();
        assert_eq!(code.division(), Some(Division::HENAN));
        assert_eq!(code.organization_code(), "170001401");
    }

    #[test]
    fn published_codes_are_built_from_their_parts() {
        for code in CREDIT {
            let (mut head, body) = (code.chars(), &code[8..16]);
            let division = code[2..8].parse().unwrap();
            let built = CreditCode::from_parts(head.next().unwrap(), head.next().unwrap(), division, body).unwrap();
            assert_eq!(built.as_str(), code);
        }
        let henan = Division::HENAN;
        assert_eq!(position(CreditCode::from_parts('9', '1', henan, "MA4I0000").unwrap_err()), 12);
        assert_eq!(CreditCode::from_parts('9', '1', henan, "MA4").unwrap_err().code(), "CODE_PART");
        assert!(CreditCode::from_parts('省', '1', henan, "MA400000").is_err());
    }

    #[test]
    fn each_rule_refuses() {
        assert_eq!(refused::<CreditCode>("").rule(), Rule::Length { got: 0, needed: 18 });
        assert_eq!(refused::<CreditCode>("91410000170001401DD").rule(), Rule::Length { got: 19, needed: 18 });
        for letter in ["I", "O", "S", "V", "Z", "a", " ", "Ａ"] {
            assert_eq!(position(refused::<CreditCode>(&format!("914100001700{letter}1401D"))), 13, "{letter}");
        }
        assert_eq!(position(refused::<CreditCode>("91A10000170001401D")), 3);
        assert_eq!(refused::<CreditCode>("914403001922038217").rule(), Rule::Check);
    }

    proptest! {
        #[test]
        fn every_single_changed_character_is_refused(which in 0..CREDIT.len(), at in 0usize..18, to in "[0-9A-HJ-NPQRTUWXY]") {
            let mut code = CREDIT[which].to_owned();
            prop_assume!(code[at..=at] != to);
            code.replace_range(at..=at, &to);
            prop_assert!(code.parse::<CreditCode>().is_err());
        }

        #[test]
        fn every_exchange_of_neighbours_is_refused(which in 0..CREDIT.len(), at in 0usize..17) {
            let mut code = CREDIT[which].as_bytes().to_vec();
            prop_assume!(code[at] != code[at + 1]);
            code.swap(at, at + 1);
            prop_assert!(String::from_utf8(code).unwrap().parse::<CreditCode>().is_err());
        }

        #[test]
        fn built_codes_are_valid(department in "[159Y]", category in "[1-9]", body in "[0-9A-HJ-NPQRTUWXY]{8}") {
            let first = |s: &str| s.chars().next().unwrap();
            let code = CreditCode::from_parts(first(&department), first(&category), Division::HENAN, &body).unwrap();
            prop_assert_eq!(code.to_string().parse(), Ok(code));
        }
    }
}

mod identity {
    use super::*;

    /// Invented; 11010519491231002X is the example of the standard itself.
    const NUMBERS: [&str; 2] = ["11010519491231002X", "440524188001010014"];

    #[test]
    fn examples_of_the_standard_are_read() {
        for number in NUMBERS {
            assert_eq!(number.parse::<IdentityNumber>().unwrap().expose(), number);
        }
        assert_eq!("11010519491231002x".parse::<IdentityNumber>().unwrap().expose(), NUMBERS[0]);
    }

    #[test]
    fn numbers_are_built_from_their_parts() {
        let built = IdentityNumber::from_parts("110105".parse().unwrap(), (1949, 12, 31), 2).unwrap();
        assert_eq!(built.expose(), NUMBERS[0]);
        for date in [(2023, 2, 29), (1900, 2, 29), (2023, 13, 1), (2023, 4, 31), (2023, 1, 0), (1700, 1, 1)] {
            assert_eq!(
                IdentityNumber::from_parts(Division::HENAN, date, 1).unwrap_err().code(),
                "CODE_PART",
                "{date:?}"
            );
        }
        assert!(IdentityNumber::from_parts(Division::HENAN, (2000, 2, 29), 999).is_ok());
        assert!(IdentityNumber::from_parts(Division::HENAN, (2000, 2, 29), 1_000).is_err());
    }

    #[test]
    fn a_number_is_never_printed() {
        let number: IdentityNumber = NUMBERS[0].parse().unwrap();
        assert_eq!(format!("{number:?}"), "IdentityNumber(…)");
        assert_eq!(format!("{:?}", Some(&number)), "Some(IdentityNumber(…))");
        let error = refused::<IdentityNumber>("110105194912310021");
        assert!(!format!("{error:?} {error} {}", error.message_zh()).contains("1101"));
    }

    #[test]
    fn each_rule_refuses() {
        assert_eq!(refused::<IdentityNumber>("110105491231002").rule(), Rule::Length { got: 15, needed: 18 });
        assert_eq!(position(refused::<IdentityNumber>("1101051949X231002X")), 11);
        assert_eq!(position(refused::<IdentityNumber>("11010519491231002Y")), 18);
        assert_eq!(refused::<IdentityNumber>("11010519491331002X").message_zh(), "居民身份证号码：出生日期不存在");
        assert_eq!(refused::<IdentityNumber>("99010519491231002X").message_zh(), "居民身份证号码：没有该省级代码");
        assert_eq!(refused::<IdentityNumber>("110105194912310021").rule(), Rule::Check);
    }

    proptest! {
        #[test]
        fn every_single_changed_character_is_refused(at in 0usize..18, to in "[0-9X]") {
            let mut number = NUMBERS[0].to_owned();
            prop_assume!(number[at..=at] != to);
            number.replace_range(at..=at, &to);
            prop_assert!(number.parse::<IdentityNumber>().is_err());
        }

        #[test]
        fn built_numbers_are_valid(year in 1900u16..2030, month in 1u8..=12, day in 1u8..=28, sequence in 0u16..=999) {
            let number = IdentityNumber::from_parts(Division::HENAN, (year, month, day), sequence).unwrap();
            prop_assert!(number.expose().parse::<IdentityNumber>().is_ok());
        }
    }
}

mod certificate {
    use super::*;

    #[test]
    fn identifiers_in_public_use_are_read_and_displayed() {
        for id in CERTIFICATES {
            assert_eq!(id.parse::<CertificateId>().unwrap().to_string(), id);
        }
        let id: CertificateId = CERTIFICATES[0].parse().unwrap();
        assert_eq!(id.type_code(), "11100000000013338W011");
        assert_eq!((id.issuer(), id.serial(), id.version()), ("11430000006122244L", "20230000403", 1));
        assert!(id.issuer().parse::<CreditCode>().is_ok());
    }

    #[test]
    fn identifiers_are_built_from_their_parts() {
        for id in CERTIFICATES {
            let read: CertificateId = id.parse().unwrap();
            let built = CertificateId::from_parts(read.type_code(), read.issuer(), read.serial(), read.version());
            assert_eq!(built, Ok(read));
        }
        let (type_code, issuer) = ("11100000000013338W011", "11430000006122244L");
        assert!(CertificateId::from_parts(type_code, issuer, "123456789", 999).is_ok());
        for (serial, version) in [("12345678", 1), ("123456789", 0), ("123456789", 1_000), ("12345678.", 1), ("", 1)] {
            assert!(CertificateId::from_parts(type_code, issuer, serial, version).is_err(), "{serial} {version}");
        }
        assert!(CertificateId::from_parts(type_code, issuer, &"A".repeat(32), 1).is_ok());
        assert!(CertificateId::from_parts(type_code, issuer, &"A".repeat(33), 1).is_err());
    }

    #[test]
    fn each_rule_refuses() {
        let zh = |s: &str| refused::<CertificateId>(s).message_zh();
        let good = CERTIFICATES[0];
        assert_eq!(zh(&good.replacen("1.2.156", "1.2.840", 1)), "电子证照标识：须以 1.2.156.3005.2. 开头");
        assert_eq!(zh(good.strip_suffix(".U").unwrap()), "电子证照标识：根标识之后须有五个部分");
        assert_eq!(zh(&format!("{good}.U")), "电子证照标识：根标识之后须有五个部分");
        assert_eq!(zh(&good.replacen("W011", "W01", 1)), "电子证照标识：证照类型代码须为 21 个字符");
        assert_eq!(zh(&good.replacen("244L", "244", 1)), "电子证照标识：颁发机构代码须为 18 个字符");
        assert_eq!(zh(&good.replacen("20230000403", "2023", 1)), "电子证照标识：流水号须为 9 至 32 个字符");
        assert_eq!(zh(&good.replacen(".001.", ".01.", 1)), "电子证照标识：版本号须为 001 至 999");
        assert_eq!(zh(&good.replacen(".001.", ".000.", 1)), "电子证照标识：版本号须为 001 至 999");
        assert_eq!(refused::<CertificateId>(&good.replacen("W011", "w011", 1)).code(), "CODE_CHARACTER");
        assert_eq!(position(refused::<CertificateId>(&good.replacen(".111", ".11o", 1))), 18);
        assert_eq!(
            position(refused::<CertificateId>(&good.replacen(".001.", ".0A1.", 1))),
            good.find(".001.").unwrap() + 3
        );
        for check in ["V", "", "UU", "u", "Ｕ"] {
            let changed = format!("{}{check}", good.strip_suffix('U').unwrap());
            assert_eq!(refused::<CertificateId>(&changed).rule(), Rule::Check, "{check}");
        }
    }

    proptest! {
        #[test]
        fn every_single_changed_character_is_refused(which in 0..2usize, at in any::<prop::sample::Index>(), to in "[0-9A-Z.]") {
            let mut id = CERTIFICATES[which].to_owned();
            let at = at.index(id.len());
            prop_assume!(id[at..=at] != to);
            id.replace_range(at..=at, &to);
            prop_assert!(id.parse::<CertificateId>().is_err());
        }

        #[test]
        fn built_identifiers_are_valid(type_code in "[0-9A-Z]{21}", issuer in "[0-9A-Z]{18}", serial in "[0-9A-Z]{9,32}", version in 1u16..=999) {
            let id = CertificateId::from_parts(&type_code, &issuer, &serial, version).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id.clone()));
            prop_assert_eq!((id.type_code(), id.issuer(), id.serial(), id.version()), (&*type_code, &*issuer, &*serial, version));
        }
    }
}

mod unit {
    use super::*;

    #[test]
    fn the_example_is_read_and_taken_apart() {
        let unit: UnitCode = UNIT.parse().unwrap();
        assert_eq!(unit.to_string(), UNIT);
        assert_eq!(unit.division().as_str(), "410102");
        assert_eq!(
            (unit.ownership(), unit.right(), unit.fixture()),
            (Ownership::State, Use::Construction, Fixture::Building)
        );
        assert_eq!(unit.parcel(), "410102001001GB00001");
        assert_eq!(unit.parcel_unit().as_str(), "410102001001GB00001W00000000");
        assert_eq!(unit.parcel_unit().parcel_unit(), unit.parcel_unit());
        assert_eq!(unit.right().name_zh(), "建设用地使用权（地表）");
    }

    #[test]
    fn codes_are_built_from_their_parts() {
        let division = "410102".parse().unwrap();
        let right = (Ownership::State, Use::Construction);
        let built = UnitCode::from_parts(division, (1, 1), right, 1, (Fixture::Building, 10_001)).unwrap();
        assert_eq!(built.as_str(), UNIT);
        let parcel = UnitCode::from_parts(division, (1, 1), right, 1, (Fixture::None, 0)).unwrap();
        assert_eq!(parcel, built.parcel_unit());
        assert!(UnitCode::from_parts(division, (1, 1), right, 100_000, (Fixture::None, 0)).is_err());
        assert!(UnitCode::from_parts(division, (1_000, 1), right, 1, (Fixture::None, 0)).is_err());
    }

    #[test]
    fn each_rule_refuses() {
        let zh = |s: &str| refused::<UnitCode>(s).message_zh();
        assert_eq!(refused::<UnitCode>(&UNIT[1..]).rule(), Rule::Length { got: 27, needed: 28 });
        for (at, letter) in [(0, "A"), (8, "A"), (12, "A"), (13, "I"), (14, "A"), (19, "X"), (27, "A")] {
            let mut code = UNIT.to_owned();
            code.replace_range(at..=at, letter);
            assert_eq!(position(refused::<UnitCode>(&code)), at + 1);
        }
        assert_eq!(zh("419902001001GB00001F00010001"), "不动产单元代码：行政区划代码不存在");
        for code in [
            "410102000001GB00001F00010001",
            "410102001000GB00001F00010001",
            "410102000000GB00001F00010001",
            "410102000001GH00001W00000000",
        ] {
            assert_eq!(zh(code), "不动产单元代码：地籍区、地籍子区为 001 至 999，海域均为 000", "{code}");
        }
        for code in ["410102001001GA00001W00000000", "410102001001GC00001F00010001", "410102001001ZC00001F00010001"] {
            assert_eq!(zh(code), "不动产单元代码：该权利只存在于集体土地", "{code}");
        }
        assert_eq!(zh("410102001001GB00000F00010001"), "不动产单元代码：宗地顺序号从 00001 开始");
        for code in ["410102001001GB00001W00010001", "410102001001GB00001F00000000"] {
            assert_eq!(zh(code), "不动产单元代码：无定着物时单元号为零，否则不为零", "{code}");
        }
    }

    #[test]
    fn units_at_sea_have_no_cadastral_area() {
        assert!("210200000000GH00001W00000000".parse::<UnitCode>().is_ok());
        assert!("410102001001JC00001F00010001".parse::<UnitCode>().is_ok());
    }

    #[test]
    fn every_letter_of_the_standard_is_known() {
        let letters = |all: Vec<char>| all.into_iter().collect::<String>();
        assert_eq!(letters(Ownership::ALL.iter().map(|v| v.letter()).collect()), "GJZ");
        assert_eq!(letters(Use::ALL.iter().map(|v| v.letter()).collect()), "ABSXCDEFHGWY");
        assert_eq!(letters(Fixture::ALL.iter().map(|v| v.letter()).collect()), "FLQW");
    }

    proptest! {
        #[test]
        fn built_codes_come_apart_as_they_were(area in 1u16..1000, sub in 1u16..1000, parcel in 1u32..100_000, unit in 1u32..100_000_000) {
            let division = "410102".parse().unwrap();
            let code = UnitCode::from_parts(division, (area, sub), (Ownership::Collective, Use::Homestead), parcel, (Fixture::Building, unit)).unwrap();
            prop_assert_eq!(code.to_string().parse(), Ok(code));
            prop_assert_eq!(code.division(), division);
            prop_assert_eq!(code.fixture(), Fixture::Building);
        }
    }
}

mod number {
    use super::*;

    #[test]
    fn both_kinds_and_both_brackets_are_read_and_one_form_is_stored() {
        let number: RealtyCertificateNumber = NUMBER.parse().unwrap();
        assert_eq!(number.to_string(), NUMBER);
        assert_eq!((number.year(), number.sequence(), number.document()), (2023, 1, RealtyDocument::Title));
        assert_eq!("豫（2023）郑州市不动产权第0000001号".parse(), Ok(number.clone()));
        assert_eq!("豫（2023)郑州市不动产权第0000001号".parse(), Ok(number));
        let proof: RealtyCertificateNumber = "豫(2024)兰考县不动产证明第0012345号".parse().unwrap();
        assert_eq!((proof.document(), proof.sequence()), (RealtyDocument::Proof, 12_345));
    }

    #[test]
    fn numbers_are_built_from_their_parts() {
        let built = RealtyCertificateNumber::from_parts('豫', 2023, "郑州市", RealtyDocument::Title, 1).unwrap();
        assert_eq!(built.as_str(), NUMBER);
        assert!(RealtyCertificateNumber::from_parts('豫', 2023, "郑州市", RealtyDocument::Title, 10_000_000).is_err());
        assert!(RealtyCertificateNumber::from_parts('X', 2023, "郑州市", RealtyDocument::Title, 1).is_err());
    }

    #[test]
    fn each_rule_refuses() {
        let zh = |s: &str| refused::<RealtyCertificateNumber>(s).message_zh();
        let form = "不动产权证号：格式应为 豫(2023)郑州市不动产权第0000001号 或 …不动产证明第…号";
        for text in [
            "",
            "豫2023郑州市不动产权第0000001号",
            "豫(2023郑州市不动产权第0000001号",
            "豫(2023)郑州市房产权第0000001号",
            "豫(2023)郑州市不动产权第0000001",
            "豫(2023)郑州市不动产权0000001号",
        ] {
            assert_eq!(zh(text), form, "{text}");
        }
        for text in [
            "(2023)郑州市不动产权第0000001号",
            "豫豫(2023)郑州市不动产权第0000001号",
            "中(2023)郑州市不动产权第0000001号",
        ] {
            assert_eq!(zh(text), "不动产权证号：没有该省级简称", "{text}");
        }
        for year in ["23", "2014", "20233", "２０２３", "+202"] {
            assert_eq!(zh(&NUMBER.replace("2023", year)), "不动产权证号：年份须为四位，自 2015 年起", "{year}");
        }
        for place in ["", "郑", "Zhengzhou", "郑州 市"] {
            assert_eq!(zh(&NUMBER.replace("郑州市", place)), "不动产权证号：登记地须为汉字名称", "{place}");
        }
        for sequence in ["0000000", "1", "00000001", "000000A", ""] {
            assert_eq!(zh(&NUMBER.replace("0000001", sequence)), "不动产权证号：顺序号须为七位数字，从 0000001 开始");
        }
    }
}

#[test]
fn serde_reads_and_writes_the_text_and_checks_it() {
    let code: CreditCode = CREDIT[0].parse().unwrap();
    assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", CREDIT[0]));
    assert_eq!(serde_json::from_str::<CreditCode>("\"914403001922038216\"").unwrap(), code);
    assert!(
        serde_json::from_str::<CreditCode>("\"914403001922038217\"")
            .unwrap_err()
            .to_string()
            .contains("check character")
    );
    assert!(serde_json::from_str::<UnitCode>("\"x\"").is_err());
    assert!(serde_json::from_str::<Division>("410000").is_err());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics_and_what_is_read_is_displayed_alike(text in "\\PC{0,80}") {
        let _ = text.parse::<RealtyCertificateNumber>();
        let _ = text.parse::<IdentityNumber>();
        if let Ok(code) = text.parse::<CreditCode>() { prop_assert_eq!(code.to_string(), text.clone()); }
        if let Ok(code) = text.parse::<CertificateId>() { prop_assert_eq!(code.to_string(), text.clone()); }
        if let Ok(code) = text.parse::<UnitCode>() { prop_assert_eq!(code.to_string(), text.clone()); }
        if let Ok(code) = text.parse::<Division>() { prop_assert_eq!(code.to_string(), text); }
    }

    /// A character of any script put into a valid text.
    #[test]
    fn foreign_characters_never_panic(at in any::<prop::sample::Index>(), c in any::<char>()) {
        for text in [CREDIT[0], CERTIFICATES[0], UNIT, NUMBER, "11010519491231002X", "410100"] {
            let places: Vec<_> = text.char_indices().map(|(i, _)| i).collect();
            let at = *at.get(&places);
            let end = text[at..].chars().next().map_or(at, |old| at + old.len_utf8());
            let mut changed = text.to_owned();
            changed.replace_range(at..end, &c.to_string());
            let _ = changed.parse::<CreditCode>();
            let _ = changed.parse::<CertificateId>();
            let _ = changed.parse::<UnitCode>();
            let _ = changed.parse::<RealtyCertificateNumber>();
            let _ = changed.parse::<IdentityNumber>();
            let _ = changed.parse::<Division>();
        }
    }
}
