//! Samples of changes of members and parameters, and of their rows.

use super::{CHAIN, Sample, genesis, hash, key};
use hnchain_types::genesis::{Organization, Registry, Role};
use hnchain_types::governance::{
    Appointment, CertificateTypeChange, Change, ParametersChange, Revocation, SignerRotation, Threshold,
    ThresholdsChange,
};
use hnchain_types::member::{Governing, OrganizationRow, SignerRow, role_to_proto};
use hnchain_types::proto;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use prost::Message;

/// One change of each kind but of the validators.
pub(crate) fn changes() -> Vec<Change> {
    let registrar = Role::Registrar {
        registry: Registry::Certificate,
        subject: Some("11100000000013338W011".into()),
        division: Some("410100".parse().unwrap()),
    };
    let mut appointment = Appointment::new(CHAIN, "zhengzhou", &key(30), vec![registrar, Role::Provider {}]);
    (appointment.valid_from_ms, appointment.valid_until_ms) = (1_700_000_000_000, 1_800_000_000_000);
    vec![
        Change::Organization(Organization {
            id: "kaifeng".into(),
            name: "开封市示例登记中心".into(),
            credit_code: "12410000MB7H900323".into(),
            division: "410200".into(),
            parent: Some("henan".into()),
        }),
        Change::Appoint(appointment),
        Change::RotateSigner(SignerRotation::new(CHAIN, "zhengzhou", key(10).public_key(), &key(31))),
        Change::RevokeSigner(Revocation { public_key: key(13).public_key() }),
        Change::Parameters(ParametersChange {
            suspend_equivocators: Some(false),
            proposal_open_ms: Some(86_400_000),
            thresholds: ThresholdsChange { signers: Some(Threshold::TWO_THIRDS), ..ThresholdsChange::default() },
        }),
        Change::CertificateType(CertificateTypeChange {
            code: "11100000000013338W011".into(),
            name: "营业执照".into(),
            retired: true,
        }),
    ]
}

pub(crate) fn members_body() -> Vec<u8> {
    let body = BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [11; 16]);
    changes().into_iter().fold(body, |body, change| body.propose(change, "机构调整")).encode()
}

pub(crate) fn members_transaction() -> Transaction {
    Transaction::sign(members_body(), &key(11)).unwrap()
}

pub(crate) fn organization_row() -> proto::Organization {
    proto::Organization {
        id: "kaifeng".into(),
        name: "开封市示例登记中心".into(),
        credit_code: "12410000MB7H900323".into(),
        division: "410200".into(),
        parent: "henan".into(),
        revision: 2,
        proposal: hash("proposal").0.to_vec(),
        previous: hash("row").0.to_vec(),
    }
}

pub(crate) fn signer_row() -> proto::Signer {
    let role = Role::Court { division: Some("410200".parse().unwrap()) };
    let validator = proto::Role { kind: proto::RoleKind::Validator.into(), ..proto::Role::default() };
    proto::Signer {
        public_key: key(30).public_key().as_bytes().to_vec(),
        organization: "kaifeng".into(),
        roles: vec![role_to_proto(&role), role_to_proto(&Role::Gateway {}), validator],
        valid_from_ms: 1,
        valid_until_ms: 9,
        revoked_ms: 7,
        barred_ms: 5,
        revision: 1,
        proposal: hash("proposal").0.to_vec(),
        previous: hash("row").0.to_vec(),
        successor: key(31).public_key().as_bytes().to_vec(),
    }
}

pub(crate) fn parameters_row() -> proto::Parameters {
    let p = &genesis().document().parameters;
    proto::Parameters {
        delta_ms: p.delta_ms,
        suspend_equivocators: true,
        proposal_open_ms: p.proposal_open_ms,
        thresholds: Some(p.thresholds.to_proto()),
        ..proto::Parameters::default()
    }
}

/// Everything of members that is protobuf.
pub(crate) fn samples() -> Vec<Sample> {
    vec![
        Sample {
            name: "transaction-members",
            bytes: members_transaction().raw().to_vec(),
            again: super::again_transaction,
        },
        Sample {
            name: "organization-row",
            bytes: organization_row().encode_to_vec(),
            again: |raw| OrganizationRow::decode(raw).map(|_| raw.to_vec()),
        },
        Sample {
            name: "signer-row",
            bytes: signer_row().encode_to_vec(),
            again: |raw| SignerRow::decode(raw).map(|_| raw.to_vec()),
        },
        Sample {
            name: "parameters-row",
            bytes: parameters_row().encode_to_vec(),
            again: |raw| Governing::decode(raw).map(|_| raw.to_vec()),
        },
    ]
}
