//! Samples of 不动产登记: every operation, row and event.

use super::{CHAIN, Sample, hash, key};
use hnchain_types::codes::{RealtyCertificateNumber, UnitCode};
use hnchain_types::realty::{
    Burden, BurdenKind, BurdenRef, Cancel, Change, Correct, DAY_MS, Entry, Fact, Holding, Interest, Mortgage, Notice,
    NumberRow, Objection, Operation, Progress, Register, Registration, Release, Replacement, Right, Seal, Share, Terms,
    Title, Transfer, Unit, UnitStatus, Unseal,
};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, Transaction};
use hnchain_types::{Height, proto};

pub(crate) fn unit_code() -> UnitCode {
    "410202001001GB00001F00010001".parse().unwrap()
}

pub(crate) fn title_number(n: u32) -> RealtyCertificateNumber {
    format!("豫(2023)开封市不动产权第{n:07}号").parse().unwrap()
}

pub(crate) fn proof_number(n: u32) -> RealtyCertificateNumber {
    format!("豫(2023)开封市不动产证明第{n:07}号").parse().unwrap()
}

pub(crate) fn by_shares() -> Title {
    let mut title = Title::shares([(hash("person 1"), Share::new(2, 3)), (hash("person 2"), Share::new(1, 3))]);
    title.all_must_agree = true;
    title
}

/// One operation of each kind.
pub(crate) fn operations() -> Vec<Operation> {
    let (unit, document) = (unit_code(), hash("document"));
    let consents = vec![hash("person 1")];
    let (certificate, proof) = (title_number(1), proof_number(1));
    let right = hash("person 3");
    vec![
        Register {
            unit,
            right: Right::Building,
            title: by_shares(),
            usage: "住宅".into(),
            document,
            certificate: certificate.clone(),
        }
        .into(),
        Transfer {
            unit,
            from: by_shares().commitments().collect(),
            title: Title::sole(right),
            consents: consents.clone(),
            document,
            certificate: certificate.clone(),
        }
        .into(),
        Change { unit, usage: "商业".into(), consents: consents.clone(), document, certificate: certificate.clone() }
            .into(),
        Cancel { unit, consents: consents.clone(), document, reason: "房屋灭失".into() }.into(),
        Correct {
            unit,
            entry: 1,
            holders: vec![Replacement { wrong: hash("person 1"), right }],
            document,
            reason: "姓名登记有误".into(),
            certificate: Some(certificate),
        }
        .into(),
        Mortgage {
            unit,
            mortgagee: hash("bank"),
            transfer_forbidden: true,
            consents: consents.clone(),
            document,
            certificate: proof.clone(),
        }
        .into(),
        Seal { unit, term_ms: 365 * DAY_MS, document }.into(),
        Unseal { unit, burden: 7, document }.into(),
        Notice {
            unit,
            holder: hash("buyer"),
            possible_from_ms: 1_700_000_000_000,
            consents: consents.clone(),
            document,
            certificate: proof.clone(),
        }
        .into(),
        Objection { unit, objector: hash("objector"), document, certificate: proof.clone() }.into(),
        Interest {
            unit,
            right: Right::Habitation,
            holder: hash("dweller"),
            until_ms: 1_900_000_000_000,
            consents: consents.clone(),
            document,
            certificate: proof,
        }
        .into(),
        Release { unit, kind: BurdenKind::Mortgage, burden: 6, by_court: true, consents, document }.into(),
        Progress { unit, burden: 9, fact: Fact::SuitFiled, document }.into(),
        Progress { unit, burden: 8, fact: Fact::PossibleFromMs(1_700_000_000_000), document }.into(),
    ]
}

pub(crate) fn body() -> Vec<u8> {
    let empty = BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [11; 16]);
    operations().iter().fold(empty, |body, op| body.operation(op.to_kind())).encode()
}

pub(crate) fn transaction() -> Transaction {
    Transaction::sign(body(), &key(10)).unwrap()
}

fn receipt() -> Receipt {
    let event = |entry, registration: Registration, certificate: String, burden: Option<BurdenKind>| proto::Event {
        kind: Some(proto::event::Kind::Realty(proto::RealtyChanged {
            unit: unit_code().to_string(),
            entry,
            registration: registration.number(),
            certificate,
            burden_kind: burden.map_or(0, BurdenKind::number),
            burden: burden.map_or(0, |_| entry),
        })),
    };
    let events = vec![
        event(1, Registration::First, title_number(1).to_string(), None),
        event(2, Registration::Seal, String::new(), Some(BurdenKind::Seal)),
    ];
    Receipt::new(transaction().id(), Height(5), 2, Outcome::Accepted(events))
}

pub(crate) fn unit() -> Unit {
    Unit {
        code: unit_code(),
        status: UnitStatus::Registered,
        right: Right::Building,
        title: by_shares(),
        usage: "住宅".into(),
        document: hash("document"),
        certificate: title_number(1),
        entries: 9,
        entry_hash: hash("entry 9"),
        mortgages: vec![2, 3],
        seals: vec![4, 5],
        notices: vec![6],
        objections: vec![7],
        interests: vec![8],
        fixtures: 1,
        height: Height(9),
        time_ms: 1_700_000_000_009,
    }
}

/// A correction, or the mortgage that it might correct.
pub(crate) fn entry(correction: bool) -> Entry {
    Entry {
        unit: unit_code(),
        number: if correction { 10 } else { 2 },
        registration: if correction { Registration::Correct } else { Registration::First },
        right: (!correction).then_some(Right::Mortgage),
        certificate: Some(if correction { title_number(2) } else { proof_number(1) }),
        document: hash("document"),
        title: correction.then(by_shares),
        usage: correction.then(|| "住宅".to_owned()),
        burden: (!correction).then_some(BurdenRef { kind: BurdenKind::Mortgage, number: 2 }),
        corrects: correction.then_some(1),
        replaced: if correction {
            vec![Replacement { wrong: hash("person 3"), right: hash("person 1") }]
        } else {
            vec![]
        },
        reason: correction.then(|| "姓名登记有误".to_owned()),
        organization: "zhengzhou".into(),
        height: Height(9),
        time_ms: 1_700_000_000_009,
        transaction: transaction().id(),
        previous: Some(hash("entry before")),
        corrected_by: Some(12),
    }
}

pub(crate) fn burden(terms: Terms) -> Burden {
    let seal = matches!(terms, Terms::Seal { .. });
    Burden {
        unit: unit_code(),
        number: 4,
        party: (!seal).then(|| hash("party")),
        document: hash("document"),
        certificate: (!seal).then(|| proof_number(1)),
        organization: "zhengzhou".into(),
        height: Height(6),
        time_ms: 1_700_000_000_006,
        terms,
        released: seal.then_some((1_700_000_000_009, 9)),
    }
}

/// Everything of this registry.
pub(crate) fn samples() -> Vec<Sample> {
    let row = |name, terms| Sample {
        name,
        bytes: burden(terms).encode(),
        again: |raw| Burden::decode(raw).map(|b| b.encode()),
    };
    let right = Right::Easement;
    vec![
        Sample { name: "transaction-realty", bytes: transaction().raw().to_vec(), again: super::again_transaction },
        Sample { name: "receipt-realty", bytes: receipt().raw().to_vec(), again: super::again_receipt },
        Sample { name: "realtyunit", bytes: unit().encode(), again: |raw| Unit::decode(raw).map(|u| u.encode()) },
        Sample {
            name: "realtyentry-mortgage",
            bytes: entry(false).encode(),
            again: |raw| Entry::decode(raw).map(|e| e.encode()),
        },
        Sample {
            name: "realtyentry-correction",
            bytes: entry(true).encode(),
            again: |raw| Entry::decode(raw).map(|e| e.encode()),
        },
        row("realtyburden-mortgage", Terms::Mortgage { transfer_forbidden: true }),
        row("realtyburden-seal", Terms::Seal { term_ms: 365 * DAY_MS, effective_from_ms: Some(1_700_000_000_006) }),
        row("realtyburden-notice", Terms::Notice { possible_from_ms: Some(1_700_000_000_000) }),
        row("realtyburden-objection", Terms::Objection { suit_filed_ms: None }),
        row("realtyburden-interest", Terms::Interest { right, until_ms: Some(1_900_000_000_000) }),
        Sample {
            name: "realtynumber",
            bytes: NumberRow { unit: unit_code(), entry: 3 }.encode(),
            again: |raw| NumberRow::decode(raw).map(|r| r.encode()),
        },
        Sample {
            name: "realtyholding",
            bytes: Holding { entry: 3 }.encode(),
            again: |raw| Holding::decode(raw).map(Holding::encode),
        },
    ]
}
