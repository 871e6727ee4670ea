//! Commitments to fields, and disclosures that open some of them.

use hnchain_crypto::Digest;
use hnchain_proof::fields::{Disclosure, Field, Fields, FieldsError, NAME_BYTES, VALUE_BYTES};
use proptest::prelude::*;

/// Name, value, byte of the salt, commitment: computed by another program (Python's `hashlib` over OpenSSL).
const GOLDEN: [(&str, &str, u8, &str); 5] = [
    ("名称", "示例食品店", 1, "8726a141a0599afbe123a4ccb098b6f767498918688fd8492f0c8b7fb5ccb16a"),
    ("经营者", "某某", 2, "d21d5dd3992c97f50c2de53e5306caed6ac9a877b55c77b81b00aba8fbf8625b"),
    ("经营范围", "食品销售（仅销售预包装食品）", 3, "40e35388c57fe6f64aa911924efbedf4142e3e432e02402b53453396b3520bb6"),
    ("证照编号", "豫食营000001", 4, "0444d06040a0825f80d36bd063695b9d37f6c43a84aa0202a888afd1891af20f"),
    ("住所", "开封市示例路1号", 5, "98f43ed3330486e916d90af987bab55e5d827eb372b93d1259f4710a311a7b65"),
];
const ROOT: &str = "112615606c4d433d05cdc77021bf1233c0f3a9837b133089f36e72b7fc93836b";

fn field(name: &str, value: &str, salt: u8) -> Field {
    Field::new(name, value, [salt; 16]).unwrap()
}

fn licence() -> Fields {
    Fields::new(GOLDEN.iter().map(|(name, value, salt, _)| field(name, value, *salt)).collect()).unwrap()
}

#[test]
fn commitments_and_root_are_those_of_another_program() {
    for (name, value, salt, commitment) in GOLDEN {
        assert_eq!(field(name, value, salt).commitment().to_string(), commitment, "{name}");
    }
    assert_eq!((licence().root().to_string().as_str(), licence().count()), (ROOT, 5));
    let backwards = GOLDEN.iter().rev().map(|(name, value, salt, _)| field(name, value, *salt)).collect();
    assert_eq!(
        Fields::new(backwards).unwrap().root(),
        licence().root(),
        "the order in which they are given is no matter"
    );
}

#[test]
fn what_is_shown_verifies_and_nothing_else_is_in_the_file() {
    let shown = licence().disclose(&["名称", "住所"]).unwrap();
    assert_eq!(shown.verify(&licence().root(), 5), Ok(()));
    let json = String::from_utf8(shown.to_json()).unwrap();
    assert!(json.contains("示例食品店") && json.contains("开封市示例路1号"));
    assert!(!json.contains("某某") && !json.contains("经营者"));
    let read = Disclosure::from_json(json.as_bytes()).unwrap();
    assert_eq!((&read, read.to_json()), (&shown, json.into_bytes()));
    assert_eq!(read.fields().collect::<Vec<_>>(), [("名称", "示例食品店"), ("住所", "开封市示例路1号")]);
}

/// A form changed in one place, read again.
fn changed(from: &str, to: &str) -> Disclosure {
    let json = String::from_utf8(licence().disclose(&["名称"]).unwrap().to_json()).unwrap();
    assert!(json.contains(from), "{json}");
    Disclosure::from_json(json.replacen(from, to, 1).as_bytes()).unwrap()
}

#[test]
fn another_name_value_salt_place_path_root_or_count_is_refused() {
    let root = licence().root();
    let refused = Err(FieldsError::NotIncluded("名称".to_owned()));
    assert_eq!(changed("示例食品店", "示例食品城").verify(&root, 5), refused);
    assert_eq!(changed("\"名称\"", "\"字号\"").verify(&root, 5), Err(FieldsError::NotIncluded("字号".to_owned())));
    assert_eq!(changed(&"01".repeat(16), &"02".repeat(16)).verify(&root, 5), refused);
    assert_eq!(changed("\"index\": 2", "\"index\": 3").verify(&root, 5), refused);
    assert_eq!(changed("\"index\": 2", "\"index\": 7").verify(&root, 5), refused);
    let sound = licence().disclose(&["名称"]).unwrap();
    assert_eq!(sound.verify(&Digest::ZERO, 5), refused);
    for count in [0, 1, 3, 9, u32::MAX] {
        assert_eq!(sound.verify(&root, count), refused, "{count}");
    }
}

#[test]
fn the_border_between_name_and_value_cannot_be_moved() {
    assert_ne!(field("证照编号", "1", 0).commitment(), field("证照", "编号1", 0).commitment());
}

#[test]
fn a_field_is_shown_once() {
    let twice = Err(FieldsError::Twice("名称".to_owned()));
    assert_eq!(licence().disclose(&["名称", "名称"]), twice);
    let json = String::from_utf8(licence().disclose(&["名称", "住所"]).unwrap().to_json()).unwrap();
    assert_eq!(Disclosure::from_json(json.replace("住所", "名称").as_bytes()), twice);
    let same_name = vec![field("名称", "a", 1), field("名称", "b", 2)];
    assert_eq!(Fields::new(same_name).err(), Some(FieldsError::Twice("名称".to_owned())));
}

#[test]
fn what_is_not_there_or_not_well_formed_is_refused() {
    assert_eq!(licence().disclose(&["电话"]).err(), Some(FieldsError::Unknown("电话".to_owned())));
    assert_eq!(licence().disclose(&[]).err(), Some(FieldsError::Count(0)));
    assert_eq!(Fields::new(vec![]).err(), Some(FieldsError::Count(0)));
    let many = |n: u32| Fields::new((0..n).map(|i| field(&i.to_string(), "x", 0)).collect());
    assert_eq!(many(257).err(), Some(FieldsError::Count(257)));
    assert_eq!(many(256).unwrap().count(), 256);
    for (name, value) in [("", "a"), ("a", ""), ("a\n", "b"), ("a", "b\u{202e}")] {
        assert!(matches!(Field::new(name, value, [0; 16]), Err(FieldsError::Text(_))), "{name:?} {value:?}");
    }
    assert!(Field::new(&"n".repeat(NAME_BYTES), &"v".repeat(VALUE_BYTES), [0; 16]).is_ok());
    assert!(Field::new(&"n".repeat(NAME_BYTES + 1), "v", [0; 16]).is_err());
    assert!(Field::new("n", &"v".repeat(VALUE_BYTES + 1), [0; 16]).is_err());
    for json in [
        "",
        "{}",
        r#"{"format":"hndisclosure/2","fields":[]}"#,
        r#"{"format":"hndisclosure/1","fields":[{"name":"a"}]}"#,
        r#"{"format":"hndisclosure/1","fields":[],"more":1}"#,
    ] {
        assert_eq!(Disclosure::from_json(json.as_bytes()).unwrap_err().code(), "DISCLOSURE_MALFORMED", "{json}");
    }
    let empty = r#"{"format":"hndisclosure/1","fields":[]}"#;
    assert_eq!(Disclosure::from_json(empty.as_bytes()).err(), Some(FieldsError::Count(0)));
}

#[test]
fn refusals_speak_both_languages_and_never_tell_a_value() {
    let error = Field::new("a\u{1b}[2J", "secret\u{1b}", [0; 16]).unwrap_err();
    assert!(!error.to_string().contains("secret") && !error.message_zh().contains('\u{1b}'));
    assert!(!format!("{:?}", field("经营者", "某某", 1)).contains("某某"));
    for e in [FieldsError::Count(0), FieldsError::Unknown("a".into()), FieldsError::NotIncluded("a".into())] {
        assert!(!e.message_zh().is_ascii() && e.to_string().is_ascii() && e.code().contains('_'));
    }
}

proptest! {
    #[test]
    fn any_part_of_any_fields_opens_and_of_others_does_not(n in 1u8..40, mask in any::<u64>(), salt in any::<[u8; 16]>()) {
        let fields = |salt: [u8; 16]| {
            Fields::new((0..n).map(|i| Field::new(&format!("f{i}"), &format!("v{i}"), salt).unwrap()).collect()).unwrap()
        };
        let (all, mut other) = (fields(salt), salt);
        other[0] ^= 1;
        let names: Vec<_> = (0..n).filter(|i| mask >> i & 1 == 1).map(|i| format!("f{i}")).collect();
        prop_assume!(!names.is_empty());
        let shown = all.disclose(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(shown.verify(&all.root(), u32::from(n)), Ok(()));
        prop_assert!(shown.verify(&fields(other).root(), u32::from(n)).is_err());
        prop_assert_eq!(Disclosure::from_json(&shown.to_json()), Ok(shown));
    }
}
