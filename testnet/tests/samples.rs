//! Every committed sample is what it claims to be: `hnchain_types::codes` reads its codes, and the check digits are
//! computed here once more, independently, from the standards' definitions.
#![allow(clippy::unwrap_used)]

use hnchain_testnet::members;
use hnchain_testnet::samples::{self, Kind, Sample};
use hnchain_types::codes::{CertificateId, CreditCode, Division, RealtyCertificateNumber, UnitCode};
use hnchain_types::transaction::RecordKey;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const CREDIT: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// 十八位统一社会信用代码 GB 32100-2015, and the organization code within it, GB 11714-1997.
fn is_credit_code(code: &str) -> bool {
    let values: Option<Vec<usize>> = code.chars().map(|c| CREDIT.find(c)).collect();
    let Some(values) = values.filter(|v| v.len() == 18) else { return false };
    let mut weight = 1;
    let mut sum = 0;
    for v in &values[..17] {
        sum += v * weight;
        weight = weight * 3 % 31;
    }
    let check = (31 - sum % 31) % 31;
    let organization: u32 =
        code[8..16].chars().zip([3, 7, 9, 10, 5, 8, 4, 2]).map(|(c, w)| c.to_digit(36).unwrap() * w).sum();
    let last = match 11 - organization % 11 {
        10 => 'X',
        11 => '0',
        n => char::from_digit(n, 10).unwrap(),
    };
    check == values[17] && code[16..17].starts_with(last)
}

/// ISO/IEC 7064 MOD 37,36.
fn mod_37_36(text: &str) -> Option<char> {
    let mut p = 36;
    for c in text.chars() {
        let s = (p + c.to_digit(36).filter(|_| !c.is_ascii_lowercase())?) % 36;
        p = (if s == 0 { 36 } else { s }) * 2 % 37;
    }
    char::from_digit((37 - p) % 36, 36).map(|c| c.to_ascii_uppercase())
}

/// 公民身份号码 GB 11643-1999.
fn is_identity_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = bytes[..17].iter().zip(weights).map(|(b, w)| usize::from(b - b'0') * w).sum();
    b"10X98765432"[sum % 11] == bytes[17]
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is missing in {value}"))
}

fn of(kind: Kind) -> Vec<Sample> {
    samples::all().unwrap().into_iter().filter(|s| s.kind == kind).collect()
}

fn walk<'a>(value: &'a Value, path: &str, visit: &mut impl FnMut(&str, &'a str)) {
    match value {
        Value::String(s) => visit(path, s),
        Value::Array(a) => a.iter().for_each(|v| walk(v, path, visit)),
        Value::Object(o) => o.iter().for_each(|(k, v)| walk(v, k, visit)),
        _ => {}
    }
}

/// A decimal string: digits with at most one point.
fn is_decimal(s: &str) -> bool {
    let (whole, fraction) = s.split_once('.').unwrap_or((s, "0"));
    !whole.is_empty() && !fraction.is_empty() && (whole.to_owned() + fraction).bytes().all(|b| b.is_ascii_digit())
}

#[test]
fn the_oracles_know_published_codes() {
    for code in ["914403001922038216", "9144030071526726XG", "91410000170001401D", "91110108551385082Q"] {
        assert!(is_credit_code(code), "{code}");
    }
    assert!(!is_credit_code("914403001922038217"));
    assert_eq!(mod_37_36("A12425GABC1234002"), Some('M'));
    assert_eq!(mod_37_36("11100000000013338W01111430000006122244L20230000403001"), Some('U'));
}

#[test]
fn there_are_at_least_120_samples_of_all_kinds_with_distinct_record_ids() {
    let all = samples::all().unwrap();
    assert!(all.len() >= 120, "{}", all.len());
    let mut keys = BTreeSet::new();
    for s in &all {
        let key = RecordKey::new(s.kind.namespace(), &s.id).unwrap();
        assert!(keys.insert(key), "{} appears twice", s.id);
        assert!(s.bytes.ends_with(b"}\n") && std::str::from_utf8(s.bytes).is_ok(), "{}", s.file);
    }
    for kind in Kind::ALL {
        let files: Vec<_> = all.iter().filter(|s| s.kind == kind).map(|s| s.file).collect();
        assert!(files.len() >= 30, "{kind}: {}", files.len());
        for (i, file) in files.iter().enumerate() {
            assert!(file.starts_with(&format!("{:03}-", i + 1)), "{file}");
        }
    }
}

#[test]
fn no_identity_number_is_in_the_clear() {
    for s in samples::all().unwrap() {
        walk(&s.document, "", &mut |field, value| {
            for run in value.split(|c: char| !c.is_ascii_digit() && c != 'X') {
                assert!(!is_identity_number(run), "{} {field}: {value}", s.file);
            }
            if matches!(field, "公民身份号码" | "证件号码") {
                assert!(is_credit_code(value), "{} {field}: {value}", s.file);
            }
        });
    }
}

#[test]
fn every_credit_code_has_its_check_digits_and_one_owner() {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut own = |code: &str, owner: &str, place: &str| {
        assert!(is_credit_code(code), "{place}: {code}");
        code.parse::<CreditCode>().unwrap_or_else(|e| panic!("{place}: {code}: {e}"));
        let known = owners.entry(code.to_owned()).or_insert_with(|| owner.to_owned());
        assert_eq!(known, owner, "{place}: {code} has two owners");
    };
    for s in samples::all().unwrap() {
        let d = &s.document;
        let pairs = [("颁发机构代码", "颁发机构"), ("登记机构代码", "登记机构"), ("生产主体代码", "生产主体")];
        for (code, owner) in pairs {
            if d.get(code).is_some() {
                own(text(d, code), text(d, owner), s.file);
            }
        }
        if d["持证主体代码类型"] == "统一社会信用代码" {
            own(text(d, "持证主体代码"), text(d, "持证主体"), s.file);
        }
        walk(d, "", &mut |field, value| {
            if matches!(field, "统一社会信用代码" | "检验机构代码") {
                assert!(is_credit_code(value) && value.parse::<CreditCode>().is_ok(), "{}: {value}", s.file);
            }
        });
    }
    for (id, name, code, division) in members::OPERATORS {
        own(code, name, id);
        assert_eq!(&code[2..8], division, "{id}");
    }
    for a in members::APPLICATIONS {
        own(a.credit_code, a.name, a.id);
    }
}

#[test]
fn every_certificate_identifier_has_its_parts_and_check_character() {
    let certificates = of(Kind::Certificate);
    let ids: BTreeSet<_> = certificates.iter().map(|s| s.id.as_str()).collect();
    let mut names = BTreeSet::new();
    for s in &certificates {
        let d = &s.document;
        let read: CertificateId = s.id.parse().unwrap_or_else(|e| panic!("{}: {}: {e}", s.file, s.id));
        assert_eq!(read.as_str(), s.id, "{}: the stored form", s.file);
        let division: Division = text(d, "所属区划代码").parse().unwrap_or_else(|e| panic!("{}: {e}", s.file));
        assert!(Division::HENAN.contains(division), "{}", s.file);
        let parts: Vec<&str> = s.id.strip_prefix("1.2.156.3005.2.").unwrap().split('.').collect();
        let [kind, issuer, serial, version, check] = parts[..] else { panic!("{}: {}", s.file, s.id) };
        assert_eq!(kind, text(d, "证照类型代码"), "{}", s.file);
        assert!(kind.len() == 21 && is_credit_code(&kind[..18]), "{}", s.file);
        assert_eq!(issuer, text(d, "颁发机构代码"), "{}", s.file);
        assert!((9..=32).contains(&serial.len()), "{}", s.file);
        assert_eq!(version.parse::<u64>().unwrap(), d["证照版本"].as_u64().unwrap(), "{}", s.file);
        let body = [kind, issuer, serial, version].concat();
        assert_eq!(mod_37_36(&body).map(String::from).as_deref(), Some(check), "{}", s.file);
        let (from, to) = (text(d, "有效期起始日期"), text(d, "有效期截止日期"));
        assert!(to == "长期" || from < to, "{}", s.file);
        assert!(!text(d, "证照编号").is_empty() && d["照面信息"].is_object(), "{}", s.file);
        if version != "001" {
            assert!(ids.contains(text(d, "关联证照标识")), "{}: the version before is a sample too", s.file);
        }
        names.insert(text(d, "证照名称"));
    }
    for name in ["营业执照", "食品经营许可证", "居民户口簿", "不动产权证书", "承诺达标合格证"]
    {
        assert!(names.contains(name), "{name}");
    }
}

fn assert_unit_code(unit: &str, division: &str) {
    let b = unit.as_bytes();
    assert_eq!(b.len(), 28, "{unit}");
    assert_eq!(&unit[..6], division, "{unit}");
    assert!(["4101", "4102", "4104"].contains(&&unit[..4]), "{unit} lies in a pilot city");
    let digits = |from: usize, to: usize| unit[from..to].parse::<u32>().unwrap_or_else(|_| panic!("{unit}"));
    assert!(digits(6, 9) > 0 && digits(9, 12) > 0 && digits(14, 19) > 0, "{unit}");
    assert!(matches!(b[12], b'G' | b'J' | b'Z') && b"ABSXCDEFHGWY".contains(&b[13]), "{unit}");
    assert!(!matches!(b[13], b'A' | b'C') || b[12] == b'J', "{unit}: collective land only");
    match b[19] {
        b'W' => assert_eq!(&unit[20..], "00000000"),
        b'F' | b'L' | b'Q' => assert!(digits(20, 28) > 0, "{unit}"),
        other => panic!("{unit}: {}", char::from(other)),
    }
}

/// Numerator and denominator.
fn share(s: &str) -> (u64, u64) {
    let (n, d) = s.split_once('/').unwrap();
    (n.parse().unwrap(), d.parse().unwrap())
}

#[test]
fn every_realty_extract_has_a_unit_code_a_certificate_number_and_whole_shares() {
    let extracts = of(Kind::Realty);
    let mut units = BTreeSet::new();
    for s in &extracts {
        let d = &s.document;
        let unit = text(d, "不动产单元号");
        assert_unit_code(unit, text(d, "所属区划代码"));
        unit.parse::<UnitCode>().unwrap_or_else(|e| panic!("{}: {unit}: {e}", s.file));
        let number: RealtyCertificateNumber = s.id.parse().unwrap_or_else(|e| panic!("{}: {}: {e}", s.file, s.id));
        assert_eq!(number.as_str(), s.id, "{}: the stored form", s.file);
        assert!(units.insert(unit), "{unit} appears twice");
        let year = &text(d, "登记时间")[..4];
        assert!(s.id.starts_with(&format!("豫({year})")) && s.id.ends_with('号'), "{}", s.id);
        assert!(s.id.contains("不动产权第") || s.id.contains("不动产证明第"), "{}", s.id);
        let number = &s.id[s.id.find('第').unwrap() + '第'.len_utf8()..s.id.len() - '号'.len_utf8()];
        assert!(number.len() == 7 && number.bytes().all(|b| b.is_ascii_digit()), "{}", s.id);

        let holders = d["权利人"].as_array().unwrap();
        let shares: Vec<_> = holders.iter().filter_map(|h| h["份额"].as_str()).map(share).collect();
        match text(d, "共有情况") {
            "单独所有" => assert_eq!((holders.len(), shares.as_slice()), (1, &[(1, 1)][..]), "{}", s.file),
            "共同共有" => assert!(holders.len() > 1 && shares.is_empty(), "{}", s.file),
            "按份共有" => {
                assert_eq!(holders.len(), shares.len(), "{}", s.file);
                let denominator: u64 = shares.iter().map(|(_, d)| d).product();
                let sum: u64 = shares.iter().map(|(n, d)| n * (denominator / d)).sum();
                assert_eq!(sum, denominator, "{}: shares make one", s.file);
            }
            other => panic!("{}: {other}", s.file),
        }
    }
    let cities: BTreeSet<_> = units.iter().map(|u| &u[..4]).collect();
    assert_eq!(cities.len(), 3, "all three pilot cities");
}

#[test]
fn every_batch_has_a_code_a_quantity_an_inspection_and_a_promise() {
    let batches = of(Kind::Trace);
    let mut products = BTreeSet::new();
    for s in &batches {
        let d = &s.document;
        if let Some(code) = s.id.strip_prefix("urn:epc:class:lgtin:") {
            let parts: Vec<_> = code.split('.').collect();
            let [company, item, lot] = parts[..] else { panic!("{}", s.id) };
            assert_eq!(company.len() + item.len(), 13, "{}", s.id);
            assert!(company.starts_with("952"), "{}: the demonstration prefix", s.id);
            assert!(!lot.is_empty() && lot.len() <= 20, "{}", s.id);
        } else {
            assert!(s.id.starts_with(text(d, "生产主体代码")), "{}: the producer's own number", s.id);
        }
        let quantity = text(&d["数量"], "数值");
        assert!(is_decimal(quantity) && quantity != "0", "{}", s.file);
        assert!(["kg", "t"].contains(&text(&d["数量"], "单位")), "{}: a UCUM unit", s.file);
        let harvest = d.get("采收日期").or(d.get("出栏日期")).and_then(Value::as_str).unwrap();
        for used in d["投入品使用"].as_array().unwrap() {
            assert!(is_decimal(text(&used["用量"], "数值")) && text(used, "使用日期") < harvest, "{}", s.file);
        }
        let inspections = d["检验"].as_array().unwrap();
        assert!(inspections.iter().all(|i| i["结论"] == "合格" && text(i, "检验日期") > harvest), "{}", s.file);
        let promise = &d["承诺达标合格证"];
        assert!(!inspections.is_empty() && promise["承诺"].as_array().unwrap().len() == 3, "{}", s.file);
        assert!(text(promise, "编号").starts_with("HGZ"), "{}", s.file);
        products.insert(text(d, "产品名称"));
    }
    for product in ["灵宝苹果", "信阳毛尖", "原阳大米", "杞县大蒜", "西峡香菇", "焦作铁棍山药", "开封西瓜", "新郑大枣"]
    {
        assert!(products.contains(product), "{product}");
    }
}
