//! Rows of one flat: registered, mortgaged, sealed; as a node lists them.

use hnchain_crypto::{Digest, sm3};
use hnchain_types::codes::UnitCode;
use hnchain_types::proto::{ListRowsRequest, ListRowsResponse, Row};
use hnchain_types::realty::*;
use hnchain_types::{Height, TxId};
use std::collections::BTreeMap;

pub const FLAT: &str = "410202001001GB00001F00010001";
/// Time of the last entry.
pub const TIME_MS: u64 = 1_700_000_000_000;

pub fn flat() -> UnitCode {
    FLAT.parse().expect("a code")
}

pub fn who(n: u8) -> Digest {
    sm3(&[n])
}

pub fn paper() -> Digest {
    sm3(b"paper")
}

fn entry(number: u32, registration: Registration, previous: Option<&Entry>) -> Entry {
    Entry {
        unit: flat(),
        number,
        registration,
        right: None,
        certificate: None,
        document: paper(),
        title: None,
        usage: None,
        burden: None,
        corrects: None,
        replaced: vec![],
        reason: None,
        organization: "kaifeng".into(),
        height: Height(u64::from(number)),
        time_ms: TIME_MS,
        transaction: TxId(paper()),
        previous: previous.map(Entry::hash),
        corrected_by: None,
    }
}

fn burden(number: u32, terms: Terms) -> Burden {
    let seal = matches!(terms, Terms::Seal { .. });
    Burden {
        unit: flat(),
        number,
        party: (!seal).then(|| who(5)),
        document: paper(),
        certificate: (!seal).then(|| "豫(2023)开封市不动产证明第0000001号".parse().expect("a number")),
        organization: if seal { "kaifeng-court" } else { "kaifeng" }.into(),
        height: Height(u64::from(number)),
        time_ms: TIME_MS,
        terms,
        released: None,
    }
}

pub fn rows() -> BTreeMap<String, Vec<u8>> {
    let title = Title::shares([(who(1), Share::new(2, 3)), (who(2), Share::new(1, 3))]);
    let certificate: hnchain_types::codes::RealtyCertificateNumber =
        "豫(2023)开封市不动产权第0000001号".parse().expect("a number");
    let first = Entry {
        right: Some(Right::Building),
        title: Some(title.clone()),
        usage: Some("住宅".into()),
        certificate: Some(certificate.clone()),
        ..entry(1, Registration::First, None)
    };
    let of = |kind, number| Some(BurdenRef { kind, number });
    let second = Entry { burden: of(BurdenKind::Mortgage, 2), ..entry(2, Registration::First, Some(&first)) };
    let third = Entry { burden: of(BurdenKind::Seal, 3), ..entry(3, Registration::Seal, Some(&second)) };
    let unit = Unit {
        code: flat(),
        status: UnitStatus::Registered,
        right: Right::Building,
        title,
        usage: "住宅".into(),
        document: paper(),
        certificate,
        entries: 3,
        entry_hash: third.hash(),
        mortgages: vec![2],
        seals: vec![3],
        notices: vec![],
        objections: vec![],
        interests: vec![],
        fixtures: 0,
        height: Height(3),
        time_ms: TIME_MS,
    };
    let mortgage = burden(2, Terms::Mortgage { transfer_forbidden: false });
    let seal = burden(3, Terms::Seal { term_ms: 30 * DAY_MS, effective_from_ms: Some(TIME_MS) });
    let mut rows = BTreeMap::from([(unit_key(&flat()), unit.encode())]);
    rows.extend([first, second, third].map(|e| (entry_key(&flat(), e.number), e.encode())));
    rows.extend([mortgage, seal].map(|b| (b.key(), b.encode())));
    rows.extend([who(1), who(2)].map(|h| (holder_key(&h, &flat()), Holding { entry: 1 }.encode())));
    rows
}

/// What an honest node answers.
pub fn listed(rows: &BTreeMap<String, Vec<u8>>, q: &ListRowsRequest) -> ListRowsResponse {
    let limit = if q.limit == 0 { 256 } else { q.limit as usize };
    let mut found: Vec<_> = rows
        .iter()
        .filter(|(k, _)| k.starts_with(&q.prefix) && **k > q.after)
        .map(|(k, v)| Row { key: k.clone(), value: v.clone() })
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    ListRowsResponse { rows: found, height: 9, more }
}
