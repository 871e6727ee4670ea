//! 不动产登记: what its decoders refuse, its JSON, its bounds.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_crypto::Digest;
use hnchain_types::codes::{RealtyCertificateNumber, RealtyDocument};
use hnchain_types::realty::{
    Burden, BurdenKind, CoOwnership, Entry, Operation, Registration, Replacement, Right, Share, Terms, Title, Unit,
    UnitStatus, UnitView, event_json,
};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, Transaction};
use hnchain_types::{Height, limits, proto};
use proto::realty_operation::Kind;
use support::realty::{burden, entry, operations, proof_number, title_number, unit};
use support::{hash, key};

/// The field that a transaction with this operation is refused for; empty where it is not.
fn refused(m: proto::RealtyOperation) -> String {
    let kind = proto::operation::Kind::Realty(m);
    let body = BodyBuilder::new(support::CHAIN, 1, 1, [0; 16]).operation(kind).encode();
    let error = Transaction::sign(body, &key(1)).err();
    error.map(|e| e.to_string().split(':').next().unwrap().to_owned()).unwrap_or_default()
}

/// The sample of a kind, changed.
macro_rules! changed {
    ($kind:ident, $change:expr) => {{
        let change: fn(&mut _) = $change;
        let mut found = String::new();
        for op in operations() {
            if let Some(Kind::$kind(mut m)) = op.to_proto().kind {
                change(&mut m);
                found = refused(proto::RealtyOperation { kind: Some(Kind::$kind(m)) });
                break;
            }
        }
        found
    }};
}

#[test]
fn every_operation_comes_back_from_its_message_and_from_its_json() {
    for op in operations() {
        assert_eq!(refused(op.to_proto()), "", "{op:?}");
        let json = serde_json::to_string(&op).unwrap();
        assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), op, "{json}");
        assert!(op.summary(true).contains("不动产单元") && op.summary(false).is_ascii(), "{op:?}");
    }
    assert_eq!(refused(proto::RealtyOperation { kind: None }), "realty");
}

#[test]
fn operations_are_encoded_in_order_whatever_order_they_were_built_in() {
    let mut op = operations().swap_remove(1);
    let Operation::Transfer(t) = &mut op else { panic!("transfer") };
    t.consents = vec![hash("z"), hash("a"), hash("m")];
    t.from.reverse();
    assert_eq!(refused(op.to_proto()), "");
}

#[test]
fn unknown_values_and_missing_parts_are_refused() {
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.right = 99), "right");
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.right = Right::Mortgage.number()), "right");
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.title = None), "title");
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.unit.push('0')), "unit");
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.r#use.clear()), "use");
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.r#use = "\u{202e}住".into()), "use");
    assert_eq!(changed!(Register, |m: &mut proto::RealtyRegister| m.document.truncate(31)), "document");
    assert_eq!(changed!(Interest, |m: &mut proto::RealtyInterest| m.right = Right::Building.number()), "right");
    assert_eq!(changed!(Release, |m: &mut proto::RealtyRelease| m.kind = BurdenKind::Seal.number()), "kind");
    assert_eq!(changed!(Release, |m: &mut proto::RealtyRelease| m.kind = 0), "kind");
    assert_eq!(changed!(Release, |m: &mut proto::RealtyRelease| m.burden = 0), "burden");
    assert_eq!(changed!(Unseal, |m: &mut proto::RealtyUnseal| m.burden = 1_000_000), "burden");
    assert_eq!(changed!(Progress, |m: &mut proto::RealtyProgress| m.fact = None), "fact");
    assert_eq!(changed!(Cancel, |m: &mut proto::RealtyCancel| m.reason.clear()), "reason");
}

#[test]
fn certificates_are_of_the_kind_that_the_registration_hands_out() {
    assert_eq!(
        changed!(Register, |m: &mut proto::RealtyRegister| m.certificate = proof_number(1).to_string()),
        "certificate"
    );
    assert_eq!(
        changed!(Mortgage, |m: &mut proto::RealtyMortgage| m.certificate = title_number(1).to_string()),
        "certificate"
    );
    assert_eq!(changed!(Mortgage, |m: &mut proto::RealtyMortgage| m.certificate.clear()), "certificate");
    assert_eq!(changed!(Correct, |m: &mut proto::RealtyCorrect| m.certificate.clear()), "");
    let full_width =
        |m: &mut proto::RealtyRegister| m.certificate = m.certificate.replace('(', "（").replace(')', "）");
    assert_eq!(changed!(Register, full_width), "certificate");
}

#[test]
fn lists_are_bounded_in_order_and_without_doubles() {
    assert_eq!(changed!(Transfer, |m: &mut proto::RealtyTransfer| m.from.reverse()), "from");
    assert_eq!(changed!(Transfer, |m: &mut proto::RealtyTransfer| m.from.clear()), "from");
    assert_eq!(changed!(Transfer, |m: &mut proto::RealtyTransfer| m.consents = vec![vec![1; 32]; 2]), "consents");
    assert_eq!(
        changed!(Transfer, |m: &mut proto::RealtyTransfer| {
            m.consents = (0..97).map(|i| vec![u8::try_from(i).unwrap(); 32]).collect();
        }),
        "consents"
    );
    assert_eq!(changed!(Correct, |m: &mut proto::RealtyCorrect| m.holders.push(m.holders[0].clone())), "holders");
    assert_eq!(
        changed!(Correct, |m: &mut proto::RealtyCorrect| m.holders[0].right = m.holders[0].wrong.clone()),
        "holders"
    );
}

#[test]
fn titles_are_well_formed() {
    let title = |change: fn(&mut proto::RealtyTitle)| {
        let op = operations().swap_remove(0);
        let Some(Kind::Register(mut m)) = op.to_proto().kind else { panic!("register") };
        change(m.title.as_mut().unwrap());
        refused(proto::RealtyOperation { kind: Some(Kind::Register(m)) })
    };
    assert_eq!(title(|_| ()), "");
    assert_eq!(title(|t| t.co_ownership = 0), "co_ownership");
    assert_eq!(title(|t| t.co_ownership = CoOwnership::Joint.number()), "share");
    assert_eq!(title(|t| t.co_ownership = CoOwnership::Sole.number()), "holders");
    assert_eq!(title(|t| t.holders.reverse()), "holders");
    assert_eq!(title(|t| t.holders.truncate(1)), "holders");
    assert_eq!(title(|t| t.holders[0].numerator = 0), "share");
    assert_eq!(title(|t| t.holders[0].numerator = 4), "share");
    assert_eq!(title(|t| t.holders[0].denominator = 0), "share");
    assert_eq!(title(|t| t.holders = vec![t.holders[0].clone(); 33]), "holders");
}

#[test]
fn times_are_bounded() {
    assert_eq!(changed!(Seal, |m: &mut proto::RealtySeal| m.term_ms = 86_399_999), "term_ms");
    assert_eq!(changed!(Seal, |m: &mut proto::RealtySeal| m.term_ms = 3 * 366 * 86_400_000 + 1), "term_ms");
    assert_eq!(changed!(Seal, |m: &mut proto::RealtySeal| m.term_ms = 3 * 366 * 86_400_000), "");
    assert_eq!(
        changed!(Notice, |m: &mut proto::RealtyNotice| m.possible_from_ms = limits::TIME_MS + 1),
        "possible_from_ms"
    );
    assert_eq!(changed!(Interest, |m: &mut proto::RealtyInterest| m.until_ms = u64::MAX), "until_ms");
    assert_eq!(changed!(Notice, |m: &mut proto::RealtyNotice| m.possible_from_ms = 0), "");
}

#[test]
fn an_event_with_wrong_parts_is_refused() {
    let good = proto::RealtyChanged {
        unit: unit().code.to_string(),
        entry: 1,
        registration: 100,
        certificate: String::new(),
        burden_kind: 0,
        burden: 0,
    };
    let receipt = |m: &proto::RealtyChanged| {
        let event = proto::Event { kind: Some(proto::event::Kind::Realty(m.clone())) };
        let raw = Receipt::new(support::zero_id(), Height(1), 0, Outcome::Accepted(vec![event])).raw().to_vec();
        Receipt::decode(&raw).is_ok()
    };
    assert!(receipt(&good));
    let changes: [fn(&mut proto::RealtyChanged); 6] = [
        |m| m.unit.clear(),
        |m| m.entry = 0,
        |m| m.registration = 101,
        |m| m.certificate = "1".into(),
        |m| m.burden = 1,
        |m| m.burden_kind = 6,
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!receipt(&bad), "{bad:?}");
    }
    assert_eq!(event_json(&good)["registration"], "first");
    assert_eq!(event_json(&good)["burden"], serde_json::Value::Null);
}

/// Holders that take the most bytes.
fn largest_title() -> Title {
    let share = |i: u8| Share::new(if i == 0 { 4_294_967_295 - 31 } else { 1 }, u32::MAX);
    Title::shares((0..32).map(|i| (Digest([i; 32]), share(i))))
}

fn longest(document: RealtyDocument) -> RealtyCertificateNumber {
    RealtyCertificateNumber::from_parts('豫', 2199, &"双".repeat(20), document, 9_999_999).unwrap()
}

#[test]
fn the_largest_rows_fit_their_limits_and_64_of_the_largest_events_a_receipt() {
    let most = limits::REALTY_ENTRIES;
    let open: Vec<u32> = (most - 16..most).collect();
    let row = Unit {
        title: largest_title(),
        usage: "u".repeat(limits::REALTY_USE_BYTES),
        certificate: longest(RealtyDocument::Title),
        entries: most,
        mortgages: open.clone(),
        seals: open.clone(),
        notices: open.clone(),
        objections: open.clone(),
        interests: open,
        fixtures: u32::MAX,
        height: Height(u64::MAX),
        time_ms: u64::MAX,
        ..unit()
    };
    assert!(row.title.is_whole());
    assert!(row.encode().len() < 3 * 1024, "{}", row.encode().len());
    assert_eq!(Unit::decode(&row.encode()), Ok(row));
    let entry = Entry {
        number: most - 1,
        title: Some(largest_title()),
        replaced: (0..32).map(|i| Replacement { wrong: Digest([i; 32]), right: Digest([i + 1; 32]) }).collect(),
        reason: Some("r".repeat(limits::REASON_BYTES)),
        usage: Some("u".repeat(limits::REALTY_USE_BYTES)),
        organization: "o".repeat(limits::NAME_BYTES),
        certificate: Some(longest(RealtyDocument::Title)),
        corrected_by: Some(most),
        ..entry(true)
    };
    assert!(entry.encode().len() < limits::REALTY_ROW_BYTES, "{}", entry.encode().len());
    assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    let event = proto::Event {
        kind: Some(proto::event::Kind::Realty(proto::RealtyChanged {
            unit: unit().code.to_string(),
            entry: most,
            registration: 900,
            certificate: longest(RealtyDocument::Proof).to_string(),
            burden_kind: 5,
            burden: most,
        })),
    };
    let receipt = Receipt::new(support::zero_id(), Height(1), 0, Outcome::Accepted(vec![event; limits::OPERATIONS]));
    assert!(Receipt::decode(receipt.raw()).is_ok());
}

#[test]
fn rows_that_contradict_themselves_are_refused() {
    let mut halves = unit();
    halves.title = Title::shares([(hash("a"), Share::new(1, 2)), (hash("b"), Share::new(1, 3))]);
    assert!(Unit::decode(&halves.encode()).is_err());
    assert!(Unit::decode(&Unit { mortgages: vec![3, 2], ..unit() }.encode()).is_err());
    assert!(Unit::decode(&Unit { seals: (1..=17).collect(), ..unit() }.encode()).is_err());
    assert!(Entry::decode(&Entry { previous: None, ..entry(true) }.encode()).is_err());
    assert!(Entry::decode(&Entry { corrects: Some(10), ..entry(true) }.encode()).is_err());
    assert!(Entry::decode(&Entry { corrected_by: Some(9), ..entry(true) }.encode()).is_err());
    let seal = burden(Terms::Seal { term_ms: 86_400_000, effective_from_ms: None });
    assert!(Burden::decode(&Burden { party: Some(hash("a")), ..seal.clone() }.encode()).is_err());
    assert!(Burden::decode(&Burden { released: Some((1, 9)), ..seal.clone() }.encode()).is_err());
    assert!(Burden::decode(&Burden { released: Some((1_800_000_000_000, 4)), ..seal }.encode()).is_err());
}

#[test]
fn the_hash_of_an_entry_covers_everything_but_what_corrects_it() {
    let one = entry(true);
    assert_eq!(Entry { corrected_by: None, ..one.clone() }.hash(), one.hash());
    assert_ne!(Entry { corrects: Some(2), ..one.clone() }.hash(), one.hash());
    assert_ne!(Entry { previous: Some(hash("x")), ..one.clone() }.hash(), one.hash());
}

#[test]
fn a_view_says_who_holds_what_in_json() {
    let mortgage = Burden { number: 2, released: None, ..burden(Terms::Mortgage { transfer_forbidden: false }) };
    let unit =
        Unit { mortgages: vec![2], seals: vec![], notices: vec![], objections: vec![], interests: vec![], ..unit() };
    let view = UnitView::at(unit, vec![mortgage], 1_700_000_001_000).unwrap();
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["unit"]["status"], UnitStatus::Registered.as_str());
    assert_eq!(json["unit"]["title"]["co_ownership"], "shares");
    assert_eq!(json["unit"]["use"], "住宅");
    assert_eq!(json["burdens"][0]["terms"]["mortgage"]["transfer_forbidden"], false);
    assert_eq!(json["burdens"][0]["now"]["state"], "effective");
}

#[test]
fn registrations_have_their_three_digits() {
    let codes: Vec<_> = Registration::ALL.iter().map(|r| r.code()).collect();
    assert_eq!(codes, ["100", "200", "300", "400", "500", "600", "700", "800", "900"]);
    assert!(Registration::ALL.iter().all(|r| r.number().to_string() == r.code()));
}
