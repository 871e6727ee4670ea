//! Samples of 电子证照: operations, events and rows.

use super::{CHAIN, Sample, hash, key};
use hnchain_types::codes::CertificateId;
use hnchain_types::credential::{
    CertificateTypeRow, Change, Content, Credential, Issue, Operation, Resume, State, Step, row_hash,
};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, Transaction};
use hnchain_types::{Height, proto};

pub(crate) const TYPE: &str = "11100000000013338W011";

pub(crate) fn id(version: u16) -> CertificateId {
    CertificateId::from_parts(TYPE, "11410000MB7X00011A", "20240000001", version).unwrap()
}

pub(crate) fn content() -> Content {
    Content {
        valid_from_ms: 1_700_000_000_000,
        valid_until_ms: 1_857_000_000_000,
        holder: hash("holder"),
        fields_root: hash("fields"),
        fields_count: 9,
    }
}

fn step(version: u16, reason: &str) -> Step {
    Step { id: id(version), reason: reason.into() }
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::Issue(Issue { id: id(1), division: "410100".parse().unwrap(), content: content() }),
        Operation::Suspend(step(1, "逾期未报送年度报告")),
        Operation::Resume(Resume { id: id(1) }),
        Operation::Change(Change {
            previous: id(1),
            id: id(2),
            content: Content { valid_until_ms: 0, fields_count: 256, ..content() },
        }),
        Operation::Revoke(step(2, "提交虚假材料取得登记")),
        Operation::Cancel(step(2, "")),
    ]
}

pub(crate) fn body() -> Vec<u8> {
    let body = BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [5; 16]);
    operations().iter().fold(body, |body, op| body.operation(op.to_proto())).encode()
}

pub(crate) fn transaction() -> Transaction {
    Transaction::sign(body(), &key(10)).unwrap()
}

fn receipt() -> Receipt {
    let event = |version, sequence, state: State, superseded: Option<CertificateId>| proto::Event {
        kind: Some(proto::event::Kind::Credential(proto::CredentialChanged {
            id: id(version).to_string(),
            sequence,
            state: state.to_proto().into(),
            superseded: superseded.map(|id| id.to_string()).unwrap_or_default(),
        })),
    };
    let events = vec![
        event(1, 1, State::Valid, None),
        event(1, 2, State::Suspended, None),
        event(2, 1, State::Valid, Some(id(1))),
        event(2, 2, State::Revoked, None),
    ];
    Receipt::new(transaction().id(), Height(5), 0, Outcome::Accepted(events))
}

/// The row of a version in a state.
pub(crate) fn row(version: u16, state: State) -> Credential {
    let sequence = if state == State::Valid { 1 } else { 2 };
    let reason =
        matches!(state, State::Suspended | State::Revoked | State::Cancelled).then(|| "逾期未报送年度报告".into());
    Credential {
        id: id(version),
        sequence,
        state,
        division: "410100".parse().unwrap(),
        content: content(),
        previous_id: (version > 1).then(|| id(version - 1)),
        next_id: (state == State::Superseded).then(|| id(version + 1)),
        reason,
        issuer: "zhengzhou".into(),
        organization: "henan".into(),
        height: Height(5),
        time_ms: 1_700_000_001_234,
        transaction: transaction().id(),
        previous_row: (version > 1 || sequence > 1).then(|| row_hash(b"the row before")),
    }
}

pub(crate) fn certificate_type() -> CertificateTypeRow {
    CertificateTypeRow { code: TYPE.into(), name: "营业执照".into(), retired_ms: 1_800_000_000_000 }
}

pub(crate) fn samples() -> Vec<Sample> {
    let again: fn(&[u8]) -> _ = |raw| Credential::decode(raw).map(|r| r.encode());
    let row = |name, version, state| Sample { name, bytes: row(version, state).encode(), again };
    vec![
        Sample { name: "transaction-credential", bytes: transaction().raw().to_vec(), again: super::again_transaction },
        Sample { name: "receipt-credential", bytes: receipt().raw().to_vec(), again: super::again_receipt },
        row("credential-valid", 1, State::Valid),
        row("credential-suspended", 2, State::Suspended),
        row("credential-superseded", 1, State::Superseded),
        Sample {
            name: "certificate-type",
            bytes: certificate_type().encode(),
            again: |raw| CertificateTypeRow::decode(raw).map(|r| r.encode()),
        },
    ]
}
