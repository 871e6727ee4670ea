//! What a genesis file must be, and what each refusal says.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_crypto::{PublicKey, Signature};
use hnchain_types::genesis::{Document, Genesis, Role, Signer, Validator, ValidatorSet};
use hnchain_types::{DecodeError, ValidatorIndex, limits};
use support::{CHAIN, document, genesis, key};

/// The refusal of a document with one change.
fn refused(change: impl FnOnce(&mut Document)) -> DecodeError {
    let mut document = document();
    change(&mut document);
    let error = Genesis::create(&document).unwrap_err();
    assert!(!error.message_zh().is_ascii(), "{error}");
    error
}

fn says(change: impl FnOnce(&mut Document), en: &str, zh: &str) {
    let error = refused(change);
    assert_eq!((error.to_string().as_str(), error.message_zh().as_str()), (en, zh));
    assert_eq!(error.code(), "DECODE_FIELD");
}

/// A key whose x is not on the curve.
fn off_curve() -> PublicKey {
    let mut bytes = *key(1).public_key().as_bytes();
    loop {
        bytes[32] = bytes[32].wrapping_add(1);
        let key = PublicKey::from_bytes(&bytes).unwrap();
        if key.to_verifying_key().is_err() {
            return key;
        }
    }
}

#[test]
fn a_genesis_comes_back_as_it_was_written() {
    let written = genesis();
    let read = Genesis::parse(written.raw()).unwrap();
    assert_eq!((read.digest(), read.document()), (written.digest(), &document()));
    assert_eq!(read.validators().len(), 4);
    assert!(written.raw().ends_with(b"}\n"));
}

#[test]
fn every_byte_of_the_file_is_part_of_the_identity() {
    let text = String::from_utf8(genesis().raw().to_vec()).unwrap();
    let spaced = Genesis::parse(text.replacen(": ", ":  ", 1).as_bytes()).unwrap();
    assert_eq!(spaced.document(), genesis().document());
    assert_ne!(spaced.digest(), genesis().digest());
    assert_ne!(spaced.block_hash(), genesis().block_hash());
}

#[test]
fn version_and_names_are_checked() {
    says(|d| d.version = 2, "version: this software reads version 1", "version：本软件只读版本 1");
    let en = "chain_id: 1 to 64 of a-z 0-9 - _ . are allowed";
    let zh = "chain_id：须为 1 至 64 个 a-z 0-9 - _ . 字符";
    for id in ["", "Henan", "河南", "a b", "a/b", &"x".repeat(65)] {
        says(|d| d.chain_id = id.into(), en, zh);
    }
    for name in ["", "a\nb", &"名".repeat(43)] {
        says(
            |d| d.name = name.into(),
            "name: 1 to 128 bytes of text without control or invisible characters",
            "name：须为 1 至 128 字节且不含控制或不可见字符的文本",
        );
    }
}

#[test]
fn every_parameter_has_bounds() {
    type Set = fn(&mut Document);
    let cases: [(&str, Set); 15] = [
        ("delta_ms", |d| d.parameters.delta_ms = 9),
        ("delta_ms", |d| d.parameters.delta_ms = 10_001),
        ("heartbeat_ms", |d| d.parameters.heartbeat_ms = 499),
        ("heartbeat_ms", |d| d.parameters.heartbeat_ms = 3_600_001),
        ("time_drift_ms", |d| d.parameters.time_drift_ms = 99),
        ("time_drift_ms", |d| d.parameters.time_drift_ms = 60_001),
        ("block_transactions", |d| d.parameters.block_transactions = 0),
        ("block_transactions", |d| d.parameters.block_transactions = 10_001),
        ("transaction_bytes", |d| d.parameters.transaction_bytes = 1_023),
        ("transaction_bytes", |d| d.parameters.transaction_bytes = 65_537),
        ("block_bytes", |d| d.parameters.block_bytes = 32 * 1024 - 1),
        ("block_bytes", |d| d.parameters.block_bytes = 8 * 1024 * 1024 + 1),
        ("validity_ms", |d| d.parameters.validity_ms = 999),
        ("validity_ms", |d| d.parameters.validity_ms = 600_001),
        ("validity_ms", |d| d.parameters.validity_ms = u64::MAX),
    ];
    for (field, change) in cases {
        says(
            change,
            &format!("{field}: out of range; see docs/genesis.md"),
            &format!("{field}：超出允许范围，参见 docs/genesis.md"),
        );
    }
}

#[test]
fn organizations_are_checked() {
    says(
        |d| d.organizations.clear(),
        "organizations: 0; 1 to 4096 are allowed",
        "organizations：0 个；须为 1 至 4096 个",
    );
    says(
        |d| d.organizations[1].id = "henan".into(),
        "organizations.id: henan appears twice",
        "organizations.id：henan 重复",
    );
    says(
        |d| d.organizations[1].parent = Some("kaifeng".into()),
        "organizations.parent: kaifeng is not an organization listed before",
        "organizations.parent：kaifeng 不是在此之前列出的机构",
    );
    // Neither itself nor a later one: the tree has no cycle.
    for parent in ["henan", "zhengzhou"] {
        let error = refused(|d| d.organizations[0].parent = Some(parent.into()));
        assert!(error.to_string().starts_with("organizations.parent:"), "{error}");
    }
    assert!(refused(|d| d.organizations[0].id = "A".into()).to_string().starts_with("organizations.id:"));
    assert!(refused(|d| d.organizations[0].name = String::new()).to_string().starts_with("organizations.name:"));
}

#[test]
fn credit_codes_and_divisions_are_checked() {
    says(
        |d| d.organizations[1].credit_code = "91410000170001401E".into(),
        "organizations.credit_code: unified social credit code: the check character does not fit",
        "organizations.credit_code：统一社会信用代码：校验码不符",
    );
    says(
        |d| d.organizations[1].credit_code = "9141".into(),
        "organizations.credit_code: unified social credit code: 18 characters are needed, 4 are given",
        "organizations.credit_code：统一社会信用代码：应为 18 个字符，实为 4 个",
    );
    says(
        |d| d.organizations[1].division = "412900".into(),
        "organizations.division: division code: Henan has no such city",
        "organizations.division：行政区划代码：河南省没有该市级代码",
    );
}

#[test]
fn signers_are_checked() {
    says(
        |d| d.signers[0].organization = "kaifeng".into(),
        "signers.organization: kaifeng is not an organization listed before",
        "signers.organization：kaifeng 不是在此之前列出的机构",
    );
    let twice = key(10).public_key();
    says(
        |d| d.signers[1].public_key = twice,
        &format!("signers.public_key: {twice} appears twice"),
        &format!("signers.public_key：{twice} 重复"),
    );
    says(
        |d| d.signers[0].public_key = off_curve(),
        "signers.public_key: the public key is not a point of the SM2 curve",
        "signers.public_key：公钥不是 SM2 曲线上的点",
    );
    for namespace in ["", "Cert", "**", "a/b"] {
        let roles = vec![Role::RegistryWriter { namespace: namespace.into() }];
        let error = refused(|d| d.signers[0].roles = roles);
        assert!(error.to_string().starts_with("signers.roles.namespace:"), "{error}");
    }
    says(
        |d| (d.signers[0].valid_from_ms, d.signers[0].valid_until_ms) = (2, 1),
        "signers.valid_until_ms: before valid_from_ms",
        "signers.valid_until_ms：早于 valid_from_ms",
    );
    says(
        |d| d.signers[0].roles = vec![Role::Auditor {}; 65],
        "signers.roles: 65; 0 to 64 are allowed",
        "signers.roles：65 个；须为 0 至 64 个",
    );
}

#[test]
fn validators_are_checked() {
    says(|d| d.validators.clear(), "validators: 0; 1 to 128 are allowed", "validators：0 个；须为 1 至 128 个");
    says(|d| d.validators[3] = d.validators[0].clone(), "validators: a key appears twice", "validators：公钥重复");
    says(
        |d| d.validators[3].public_key = off_curve(),
        "validators: the public key is not a point of the SM2 curve",
        "validators：公钥不是 SM2 曲线上的点",
    );
    says(
        |d| d.validators[3].organization = "kaifeng".into(),
        "validators.organization: kaifeng is not an organization listed before",
        "validators.organization：kaifeng 不是在此之前列出的机构",
    );
}

#[test]
fn validators_prove_that_they_hold_their_keys() {
    let en = "validators.possession: validator 3 does not prove its key";
    let zh = "validators.possession：验证者 3 未能证明持有其私钥";
    says(|d| d.validators[3].possession = d.validators[2].possession, en, zh);
    says(|d| d.validators[3].possession = Signature([0; 64]), en, zh);
    // A proof made for another chain.
    says(|d| d.validators[3] = Validator::new("another", "zhengzhou", &key(3)), en, zh);
    // A proof made for another organization.
    says(|d| d.validators[3].possession = Validator::new(CHAIN, "henan", &key(3)).possession, en, zh);
    // The whole set's proofs are for the chain id in the file.
    let error = refused(|d| d.chain_id = "another".into());
    assert_eq!(error.to_string(), "validators.possession: validator 0 does not prove its key");
    assert!(
        Genesis::create(&Document { validators: vec![Validator::new(CHAIN, "henan", &key(9))], ..document() }).is_ok()
    );
}

#[test]
fn operator_auditor_and_administrator_have_keys_of_their_own() {
    let mixed = |change: fn(&mut Document)| {
        let error = refused(change);
        let text = error.to_string();
        assert!(text.contains("has more than one of validator, auditor, administrator"), "{text}");
        assert!(error.message_zh().contains("须分设密钥"));
    };
    mixed(|d| d.signers[1].roles.push(Role::Auditor {}));
    mixed(|d| d.signers[2].roles.push(Role::Administrator {}));
    mixed(|d| d.validators[0] = Validator::new(CHAIN, "henan", &key(11)));
    mixed(|d| d.validators[3] = Validator::new(CHAIN, "zhengzhou", &key(13)));
    // A validator may write records as well.
    let mut document = document();
    document.validators[3] = Validator::new(CHAIN, "zhengzhou", &key(10));
    assert!(Genesis::create(&document).is_ok());
}

#[test]
fn organizations_have_codes_of_their_own_and_divisions_inside_their_parents() {
    says(
        |d| d.organizations[1].credit_code = d.organizations[0].credit_code.clone(),
        "organizations.credit_code: 11410000MB7X00011A appears twice",
        "organizations.credit_code：11410000MB7X00011A 重复",
    );
    says(
        |d| d.organizations[1].division = "420100".into(),
        "organizations.division: zhengzhou does not lie in 410000, its parent's",
        "organizations.division：zhengzhou 的区划不在上级机构的区划 410000 内",
    );
}

#[test]
fn an_organization_has_a_bounded_number_of_administrators() {
    let administrator = |n: usize| Signer {
        public_key: key(u8::try_from(n).unwrap()).public_key(),
        organization: "henan".into(),
        roles: vec![Role::Administrator {}],
        valid_from_ms: 0,
        valid_until_ms: 0,
    };
    // One is there.
    let mut document = document();
    document.signers.extend((100..99 + limits::ADMINISTRATORS).map(administrator));
    assert!(Genesis::create(&document).is_ok());
    document.signers.push(administrator(99));
    let error = Genesis::create(&document).unwrap_err();
    assert_eq!(error.to_string(), "signers.administrators: 25; 0 to 24 are allowed");
}

#[test]
fn a_genesis_without_thresholds_has_those_of_the_default() {
    let mut json: serde_json::Value = serde_json::from_slice(genesis().raw()).unwrap();
    let parameters = json["parameters"].as_object_mut().unwrap();
    assert_eq!(parameters.remove("thresholds").unwrap()["validators"], "2/3");
    parameters.remove("proposal_open_ms").unwrap();
    let old = Genesis::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(old.document(), genesis().document());
    assert_eq!(old.document().parameters.proposal_open_ms, 30 * 24 * 3_600_000);
    let partial = json.to_string().replace("\"delta_ms\"", "\"thresholds\":{\"signers\":\"2/3\"},\"delta_ms\"");
    let read = Genesis::parse(partial.as_bytes()).unwrap();
    let thresholds = read.document().parameters.thresholds;
    assert_eq!(
        (thresholds.signers.to_string(), thresholds.certificate_types.to_string()),
        ("2/3".into(), "1/2".into())
    );
}

#[test]
fn parameters_of_governance_are_checked() {
    for (change, field) in [
        ((|d| d.parameters.proposal_open_ms = 3_599_999) as fn(&mut Document), "proposal_open_ms"),
        (|d| d.parameters.thresholds.parameters = "1/2".parse().unwrap(), "thresholds"),
    ] {
        assert!(refused(change).to_string().starts_with(field));
    }
}

fn text() -> String {
    String::from_utf8(genesis().raw().to_vec()).unwrap()
}

fn malformed(text: &str, why: &str) {
    let error = Genesis::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.code(), "DECODE_MALFORMED");
    assert!(error.to_string().contains(why), "{error}");
    assert!(error.message_zh().starts_with("创世文件：格式错误："));
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    for place in [
        "\"version\": 1,",
        "\"delta_ms\": 150,",
        "\"id\": \"henan\",",
        "\"role\": \"registry_writer\",",
        "\"role\": \"observer\"",
    ] {
        assert!(text().contains(place), "{place}");
        let comma = if place.ends_with(',') { "" } else { "," };
        let extra = format!("{place}{comma} \"extra\": 1{}", if comma.is_empty() { "," } else { "" });
        malformed(&text().replacen(place, &extra, 1), "unknown field `extra`");
    }
    for place in ["\"public_key\"", "\"possession\""] {
        malformed(&text().replacen(place, &format!("\"extra\": 1, {place}"), 1), "unknown field `extra`");
    }
}

#[test]
fn repeated_fields_are_refused_everywhere() {
    for (field, value) in [
        ("version", "1"),
        ("chain_id", "\"x\""),
        ("delta_ms", "150"),
        ("id", "\"x\""),
        ("public_key", "\"x\""),
        ("namespace", "\"x\""),
        ("role", "\"auditor\""),
        ("organization", "\"x\""),
    ] {
        let place = format!("\"{field}\":");
        malformed(&text().replacen(&place, &format!("{place} {value}, {place}"), 1), "");
    }
    malformed(&text().replacen("\"version\":", "\"version\": 1, \"version\":", 1), "duplicate field `version`");
    malformed(
        &text().replacen("\"namespace\":", "\"namespace\": \"a\", \"namespace\":", 1),
        "duplicate field `namespace`",
    );
}

#[test]
fn trailing_data_is_refused() {
    for tail in ["{}", "x", "\u{0}", ","] {
        malformed(&format!("{}{tail}", text()), "trailing characters");
    }
    assert!(Genesis::parse(format!("{}\n ", text()).as_bytes()).is_ok(), "white space is no data");
}

#[test]
fn missing_fields_unknown_roles_and_wrong_types_are_refused() {
    malformed(&text().replacen("\"version\": 1,", "", 1), "missing field `version`");
    malformed(&text().replacen("\"observer\"", "\"validator\"", 1), "unknown variant");
    malformed(&text().replacen("\"version\": 1,", "\"version\": \"1\",", 1), "invalid type");
    malformed(&text().replacen("\"version\": 1,", "\"version\": -1,", 1), "invalid value");
    malformed(&text().replacen("\"delta_ms\": 150,", "\"delta_ms\": 1.5,", 1), "invalid type");
    let key = key(10).public_key().to_string();
    malformed(&text().replacen(&key, &key[2..], 1), "66 hexadecimal digits are needed");
    malformed("", "EOF");
    malformed("[]", "");
    malformed(&"[".repeat(10_000), "");
}

#[test]
fn a_public_key_with_another_prefix_is_refused() {
    let key = key(10).public_key().to_string();
    let error = Genesis::parse(text().replacen(&key, &format!("05{}", &key[2..]), 1).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "signers.public_key: a public key is 33 bytes of compressed SEC1, beginning with 02 or 03"
    );
}

#[test]
fn a_quorum_of_n_validators_is_n_minus_f() {
    for (n, f, q) in
        [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 3), (5, 1, 4), (6, 1, 5), (7, 2, 5), (10, 3, 7), (100, 33, 67)]
    {
        let keys: Vec<_> = (0..n).map(|i| key(i).public_key()).collect();
        let set = ValidatorSet::new(&keys).unwrap();
        assert_eq!((set.len(), set.faults(), set.quorum()), (usize::from(n), f, q));
        // Two quorums share an honest validator.
        assert!(2 * q > usize::from(n) + f);
    }
}

#[test]
fn a_validator_set_knows_its_keys_by_place_and_commits_to_their_order() {
    let keys: Vec<_> = (0..4).map(|i| key(i).public_key()).collect();
    let set = ValidatorSet::new(&keys).unwrap();
    assert_eq!(set.index_of(&keys[2]), Some(ValidatorIndex(2)));
    assert_eq!(set.index_of(&key(9).public_key()), None);
    assert_eq!(set.key(ValidatorIndex(3)).unwrap().public_key(), keys[3]);
    assert!(set.key(ValidatorIndex(4)).is_none() && set.key(ValidatorIndex(u32::MAX)).is_none());
    let swapped = [keys[1], keys[0], keys[2], keys[3]];
    assert_ne!(ValidatorSet::new(&swapped).unwrap().hash(), set.hash());
    let many: Vec<_> = (0..=limits::VALIDATORS).map(|i| key(u8::try_from(i).unwrap()).public_key()).collect();
    assert!(ValidatorSet::new(&many).is_err());
}

#[test]
fn the_time_leaves_room_for_blocks() {
    says(|d| d.time_ms = u64::MAX, "time_ms: after the year 9999", "time_ms：晚于公元 9999 年");
}

/// The state has one row for a key: which organization a validator that also signs acts for must not depend on order.
#[test]
fn a_validator_that_signs_belongs_to_one_organization() {
    let en = "signers.organization: a validator's key belongs to another organization";
    let zh = "signers.organization：该公钥作为验证者属于另一机构";
    says(
        |d| {
            d.signers[0].public_key = d.validators[0].public_key;
            let other = d.organizations.iter().find(|o| o.id != d.validators[0].organization).unwrap();
            d.signers[0].organization = other.id.clone();
        },
        en,
        zh,
    );
}

#[test]
fn numbers_beyond_their_type_are_refused() {
    let text = String::from_utf8(genesis().raw().to_vec()).unwrap();
    for number in ["-1", "1.0", "1e3", "18446744073709551616", "1e400", "\"150\""] {
        let changed = text.replacen("\"delta_ms\": 150", &format!("\"delta_ms\": {number}"), 1);
        assert_ne!(changed, text);
        assert_eq!(Genesis::parse(changed.as_bytes()).expect_err(number).code(), "DECODE_MALFORMED");
    }
}
