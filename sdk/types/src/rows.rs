//! Any row of the state that has a meaning for people, checked: what proofs of rows open.

use crate::codes::{CertificateId, RealtyCertificateNumber, UnitCode};
use crate::credential::{self, CertificateTypeRow, Credential};
use crate::governance::{EpochRow, EvidenceRow, Proposal, epoch_key, evidence_key, proposal_key};
use crate::member::{self, OrganizationRow, SignerRow};
use crate::realty::{self, BurdenKind};
use crate::record::Record;
use crate::{DecodeError, trace};
use serde::Serialize;

/// A row, by the registry that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// A record of the anchor registry.
    Record(Box<Record>),
    /// An organization.
    Organization(Box<OrganizationRow>),
    /// A signer.
    Signer(Box<SignerRow>),
    /// The validators of an epoch.
    Epoch(Box<EpochRow>),
    /// A proposal of governance.
    Proposal(Box<Proposal>),
    /// A conviction.
    Evidence(Box<EvidenceRow>),
    /// 电子证照, its present row or an older one.
    Credential(Box<Credential>),
    /// A type of 电子证照.
    CertificateType(Box<CertificateTypeRow>),
    /// 不动产单元.
    Unit(Box<realty::Unit>),
    /// A registration of a unit.
    Entry(Box<realty::Entry>),
    /// A burden on a unit.
    Burden(Box<realty::Burden>),
    /// Where a certificate number of 不动产 was given.
    Number(Box<realty::NumberRow>),
    /// 农产品批次.
    Batch(Box<trace::Batch>),
    /// An event of a batch.
    Event(Box<trace::Event>),
    /// A child of a batch.
    Child(Box<trace::Child>),
}

impl Row {
    /// Reads a row and checks that it is the one of this key.
    ///
    /// # Errors
    /// A key of no registry; bytes that are not the canonical row; a row that belongs under another key.
    pub fn decode(key: &str, raw: &[u8]) -> Result<Self, DecodeError> {
        let (row, keys) = Self::read(key, raw)?;
        if keys.iter().any(|own| own == key) {
            return Ok(row);
        }
        Err(DecodeError::field("key", "the row belongs under another key", "该行属于另一个键"))
    }

    /// The row, and the keys under which it may stand.
    fn read(key: &str, raw: &[u8]) -> Result<(Self, Vec<String>), DecodeError> {
        let (registry, rest) = key.split_once('/').unwrap_or((key, ""));
        match registry {
            "anchor" => Record::decode(raw).map(|r| (vec![r.key.state_key()], r)).map(pair(Self::Record)),
            "org" => OrganizationRow::decode(raw)
                .map(|r| (vec![member::organization_key(&r.id)], r))
                .map(pair(Self::Organization)),
            "signer" => {
                SignerRow::decode(raw).map(|r| (vec![member::signer_key(&r.public_key)], r)).map(pair(Self::Signer))
            }
            "validators" => {
                let keys = |r: &EpochRow| vec![epoch_key(r.epoch), "validators".to_owned()];
                EpochRow::decode(raw).map(|r| (keys(&r), r)).map(pair(Self::Epoch))
            }
            "governance" => Proposal::decode(raw).map(|r| (vec![proposal_key(&r.id)], r)).map(pair(Self::Proposal)),
            "evidence" => {
                let keys = |r: &EvidenceRow| vec![evidence_key(r.evidence.epoch(), &r.offender)];
                EvidenceRow::decode(raw).map(|r| (keys(&r), r)).map(pair(Self::Evidence))
            }
            "certificate" | "certificate-history" => {
                let keys = |r: &Credential| {
                    vec![credential::credential_key(&r.id), credential::history_key(&r.id, r.sequence)]
                };
                Credential::decode(raw).map(|r| (keys(&r), r)).map(pair(Self::Credential))
            }
            "certificate-type" => {
                let keys = |r: &CertificateTypeRow| vec![credential::certificate_type_key(&r.code)];
                CertificateTypeRow::decode(raw).map(|r| (keys(&r), r)).map(pair(Self::CertificateType))
            }
            "realty" => Self::read_realty(rest, raw),
            "trace" => Self::read_trace(rest, raw),
            _ => Err(DecodeError::field("key", "of no registry", "不属于任何登记簿")),
        }
    }

    fn read_realty(rest: &str, raw: &[u8]) -> Result<(Self, Vec<String>), DecodeError> {
        let (what, name) = rest.split_once('/').unwrap_or((rest, ""));
        match what {
            "unit" => realty::Unit::decode(raw).map(|r| (vec![realty::unit_key(&r.code)], r)).map(pair(Self::Unit)),
            "entry" => {
                let keys = |r: &realty::Entry| vec![realty::entry_key(&r.unit, r.number)];
                realty::Entry::decode(raw).map(|r| (keys(&r), r)).map(pair(Self::Entry))
            }
            "number" => {
                // The row does not repeat the number; the entry that it names does.
                let number = name.parse::<RealtyCertificateNumber>().map_err(|e| DecodeError::code_in("key", &e))?;
                let keys = vec![realty::number_key(&number)];
                realty::NumberRow::decode(raw).map(|r| (keys, r)).map(pair(Self::Number))
            }
            _ if BurdenKind::ALL.iter().any(|kind| kind.to_string() == what) => {
                let keys = |r: &realty::Burden| vec![realty::burden_key(&r.unit, r.kind(), r.number)];
                realty::Burden::decode(raw).map(|r| (keys(&r), r)).map(pair(Self::Burden))
            }
            _ => Err(DecodeError::field("key", "of no registry", "不属于任何登记簿")),
        }
    }

    fn read_trace(rest: &str, raw: &[u8]) -> Result<(Self, Vec<String>), DecodeError> {
        match rest.split_once('/').map_or(rest, |(what, _)| what) {
            "batch" => trace::Batch::decode(raw).map(|r| (vec![r.id.key()], r)).map(pair(Self::Batch)),
            "event" => trace::Event::decode(raw).map(|r| (vec![r.batch.event_key(r.number)], r)).map(pair(Self::Event)),
            "child" => {
                trace::Child::decode(raw).map(|r| (vec![r.parent.child_key(r.number)], r)).map(pair(Self::Child))
            }
            _ => Err(DecodeError::field("key", "of no registry", "不属于任何登记簿")),
        }
    }

    /// What it is, in Chinese and in English.
    #[must_use]
    pub const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Record(_) => ("存证记录", "record"),
            Self::Organization(_) => ("机构", "organization"),
            Self::Signer(_) => ("签名者", "signer"),
            Self::Epoch(_) => ("验证者任期", "validators of an epoch"),
            Self::Proposal(_) => ("治理提案", "proposal"),
            Self::Evidence(_) => ("违规记录", "conviction"),
            Self::Credential(_) => ("电子证照", "electronic certificate"),
            Self::CertificateType(_) => ("证照类型", "type of certificates"),
            Self::Unit(_) => ("不动产单元", "real estate unit"),
            Self::Entry(_) => ("不动产登记", "registration of a unit"),
            Self::Burden(_) => ("不动产负担", "burden on a unit"),
            Self::Number(_) => ("不动产证号", "certificate number of a unit"),
            Self::Batch(_) => ("农产品批次", "batch of produce"),
            Self::Event(_) => ("批次事件", "event of a batch"),
            Self::Child(_) => ("下级批次", "child of a batch"),
        }
    }
}

/// Puts a row that was read into its variant.
fn pair<R>(make: impl Fn(Box<R>) -> Row) -> impl Fn((Vec<String>, R)) -> (Row, Vec<String>) {
    move |(keys, row)| (make(Box::new(row)), keys)
}

/// Key of a certificate's present row, by its identifier's text.
///
/// # Errors
/// The text is no identifier.
pub fn certificate_key(id: &str) -> Result<String, DecodeError> {
    let id = id.parse::<CertificateId>().map_err(|e| DecodeError::code_in("id", &e))?;
    Ok(credential::credential_key(&id))
}

/// Key of a unit's row, by its code's text.
///
/// # Errors
/// The text is no unit code.
pub fn unit_key(code: &str) -> Result<String, DecodeError> {
    let code = code.parse::<UnitCode>().map_err(|e| DecodeError::code_in("unit", &e))?;
    Ok(realty::unit_key(&code))
}
