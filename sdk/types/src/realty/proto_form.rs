//! Operations from and to their messages.

use super::{
    BurdenKind, Cancel, Change, Correct, DAY_MS, Fact, Interest, Mortgage, Notice, Objection, Operation, Progress,
    Register, Release, Replacement, Right, SEAL_MS, Seal, Title, Transfer, Unseal, ascending, certificate_of,
    commitments, digest, entry_number, time, unit_code,
};
use crate::codes::RealtyDocument;
use crate::decode::{count, text};
use crate::{DecodeError, limits, proto};
use hnchain_crypto::Digest;
use proto::realty_operation::Kind;

impl Operation {
    pub(crate) fn from_proto(m: proto::RealtyOperation) -> Result<Self, DecodeError> {
        match m.kind {
            Some(Kind::Register(m)) => register(m),
            Some(Kind::Transfer(m)) => transfer(m),
            Some(Kind::Change(m)) => change(m),
            Some(Kind::Cancel(m)) => cancel(m),
            Some(Kind::Correct(m)) => correct(m),
            Some(Kind::Mortgage(m)) => mortgage(&m),
            Some(Kind::Seal(m)) => seal(&m),
            Some(Kind::Unseal(m)) => unseal(&m),
            Some(Kind::Notice(m)) => notice(&m),
            Some(Kind::Objection(m)) => objection(&m),
            Some(Kind::Interest(m)) => interest(&m),
            Some(Kind::Release(m)) => release(&m),
            Some(Kind::Progress(m)) => progress(&m),
            None => Err(DecodeError::field("realty", "unknown or missing kind", "未知或缺失的操作类别")),
        }
    }

    /// Its message. Holders, consents and replacements are put in order; nothing else is checked before it is decoded.
    #[must_use]
    pub fn to_proto(&self) -> proto::RealtyOperation {
        let kind = match self {
            Self::Register(op) => Kind::Register(op.to_proto()),
            Self::Transfer(op) => Kind::Transfer(op.to_proto()),
            Self::Change(op) => Kind::Change(op.to_proto()),
            Self::Cancel(op) => Kind::Cancel(op.to_proto()),
            Self::Correct(op) => Kind::Correct(op.to_proto()),
            Self::Mortgage(op) => Kind::Mortgage(op.to_proto()),
            Self::Seal(op) => Kind::Seal(proto::RealtySeal {
                unit: op.unit.to_string(),
                term_ms: op.term_ms,
                document: op.document.0.to_vec(),
            }),
            Self::Unseal(op) => Kind::Unseal(proto::RealtyUnseal {
                unit: op.unit.to_string(),
                burden: op.burden,
                document: op.document.0.to_vec(),
            }),
            Self::Notice(op) => Kind::Notice(op.to_proto()),
            Self::Objection(op) => Kind::Objection(op.to_proto()),
            Self::Interest(op) => Kind::Interest(op.to_proto()),
            Self::Release(op) => Kind::Release(op.to_proto()),
            Self::Progress(op) => Kind::Progress(op.to_proto()),
        };
        proto::RealtyOperation { kind: Some(kind) }
    }

    /// As an operation of a transaction.
    #[must_use]
    pub fn to_kind(&self) -> proto::operation::Kind {
        proto::operation::Kind::Realty(self.to_proto())
    }
}

/// 用途.
pub(super) fn usage(s: String) -> Result<String, DecodeError> {
    text("use", &s, limits::REALTY_USE_BYTES)?;
    Ok(s)
}

pub(super) fn reason(s: String) -> Result<String, DecodeError> {
    text("reason", &s, limits::REASON_BYTES)?;
    Ok(s)
}

pub(super) fn replacements(list: &[proto::RealtyReplacement]) -> Result<Vec<Replacement>, DecodeError> {
    count("holders", list.len(), 0, limits::REALTY_HOLDERS)?;
    let read = |r: &proto::RealtyReplacement| {
        let (wrong, right) = (digest("wrong", &r.wrong)?, digest("right", &r.right)?);
        if wrong == right {
            return Err(DecodeError::field("holders", "nothing is corrected", "更正前后相同"));
        }
        Ok(Replacement { wrong, right })
    };
    let list = list.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    ascending("holders", &list.iter().map(|r| r.wrong).collect::<Vec<_>>())?;
    Ok(list)
}

pub(super) fn replacements_proto(list: &[Replacement]) -> Vec<proto::RealtyReplacement> {
    let mut list = list.to_vec();
    list.sort_unstable();
    let message = |r: &Replacement| proto::RealtyReplacement { wrong: r.wrong.0.to_vec(), right: r.right.0.to_vec() };
    list.iter().map(message).collect()
}

fn consents(list: &[Vec<u8>]) -> Result<Vec<Digest>, DecodeError> {
    commitments("consents", list, limits::REALTY_CONSENTS)
}

fn sorted(list: &[Digest]) -> Vec<Vec<u8>> {
    let mut list: Vec<_> = list.iter().map(|c| c.0.to_vec()).collect();
    list.sort_unstable();
    list
}

fn register(m: proto::RealtyRegister) -> Result<Operation, DecodeError> {
    let right = Right::read(m.right)?;
    if !right.is_title() {
        return Err(DecodeError::field("right", "a right to a unit is needed", "须为不动产单元的权利"));
    }
    Ok(Operation::Register(Register {
        unit: unit_code(&m.unit)?,
        right,
        title: Title::from_proto(m.title)?,
        usage: usage(m.r#use)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Title)?,
    }))
}

fn transfer(m: proto::RealtyTransfer) -> Result<Operation, DecodeError> {
    count("from", m.from.len(), 1, limits::REALTY_HOLDERS)?;
    Ok(Operation::Transfer(Transfer {
        unit: unit_code(&m.unit)?,
        from: commitments("from", &m.from, limits::REALTY_HOLDERS)?,
        title: Title::from_proto(m.title)?,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Title)?,
    }))
}

fn change(m: proto::RealtyChange) -> Result<Operation, DecodeError> {
    Ok(Operation::Change(Change {
        unit: unit_code(&m.unit)?,
        usage: usage(m.r#use)?,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Title)?,
    }))
}

fn cancel(m: proto::RealtyCancel) -> Result<Operation, DecodeError> {
    Ok(Operation::Cancel(Cancel {
        unit: unit_code(&m.unit)?,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
        reason: reason(m.reason)?,
    }))
}

fn correct(m: proto::RealtyCorrect) -> Result<Operation, DecodeError> {
    let certificate = match m.certificate.as_str() {
        "" => None,
        number => Some(certificate_of(number, RealtyDocument::Title)?),
    };
    Ok(Operation::Correct(Correct {
        unit: unit_code(&m.unit)?,
        entry: entry_number("entry", m.entry)?,
        holders: replacements(&m.holders)?,
        document: digest("document", &m.document)?,
        reason: reason(m.reason)?,
        certificate,
    }))
}

fn mortgage(m: &proto::RealtyMortgage) -> Result<Operation, DecodeError> {
    Ok(Operation::Mortgage(Mortgage {
        unit: unit_code(&m.unit)?,
        mortgagee: digest("mortgagee", &m.mortgagee)?,
        transfer_forbidden: m.transfer_forbidden,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Proof)?,
    }))
}

/// A term of one day to [`SEAL_MS`].
pub(super) fn term(ms: u64) -> Result<u64, DecodeError> {
    if (DAY_MS..=SEAL_MS).contains(&ms) {
        return Ok(ms);
    }
    Err(DecodeError::field("term_ms", "one day to three years", "须为一日至三年"))
}

fn seal(m: &proto::RealtySeal) -> Result<Operation, DecodeError> {
    Ok(Operation::Seal(Seal {
        unit: unit_code(&m.unit)?,
        term_ms: term(m.term_ms)?,
        document: digest("document", &m.document)?,
    }))
}

fn unseal(m: &proto::RealtyUnseal) -> Result<Operation, DecodeError> {
    Ok(Operation::Unseal(Unseal {
        unit: unit_code(&m.unit)?,
        burden: entry_number("burden", m.burden)?,
        document: digest("document", &m.document)?,
    }))
}

fn notice(m: &proto::RealtyNotice) -> Result<Operation, DecodeError> {
    Ok(Operation::Notice(Notice {
        unit: unit_code(&m.unit)?,
        holder: digest("holder", &m.holder)?,
        possible_from_ms: time("possible_from_ms", m.possible_from_ms)?,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Proof)?,
    }))
}

fn objection(m: &proto::RealtyObjection) -> Result<Operation, DecodeError> {
    Ok(Operation::Objection(Objection {
        unit: unit_code(&m.unit)?,
        objector: digest("objector", &m.objector)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Proof)?,
    }))
}

/// 居住权 or 地役权.
pub(super) fn interest_right(value: i32) -> Result<Right, DecodeError> {
    match Right::read(value)? {
        right @ (Right::Habitation | Right::Easement) => Ok(right),
        _ => Err(DecodeError::field("right", "habitation or easement", "须为居住权或地役权")),
    }
}

fn interest(m: &proto::RealtyInterest) -> Result<Operation, DecodeError> {
    Ok(Operation::Interest(Interest {
        unit: unit_code(&m.unit)?,
        right: interest_right(m.right)?,
        holder: digest("holder", &m.holder)?,
        until_ms: time("until_ms", m.until_ms)?,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
        certificate: certificate_of(&m.certificate, RealtyDocument::Proof)?,
    }))
}

fn release(m: &proto::RealtyRelease) -> Result<Operation, DecodeError> {
    let kind = BurdenKind::read(m.kind)?;
    if kind == BurdenKind::Seal {
        return Err(DecodeError::field("kind", "a seal is lifted by unseal", "查封须用解除查封"));
    }
    Ok(Operation::Release(Release {
        unit: unit_code(&m.unit)?,
        kind,
        burden: entry_number("burden", m.burden)?,
        by_court: m.by_court,
        consents: consents(&m.consents)?,
        document: digest("document", &m.document)?,
    }))
}

fn progress(m: &proto::RealtyProgress) -> Result<Operation, DecodeError> {
    let fact = match m.fact {
        Some(proto::realty_progress::Fact::SuitFiled(proto::RealtySuit {})) => Fact::SuitFiled,
        Some(proto::realty_progress::Fact::PossibleFromMs(ms)) if ms > 0 => {
            Fact::PossibleFromMs(time("possible_from_ms", ms)?)
        }
        _ => return Err(DecodeError::field("fact", "unknown or missing", "未知或缺失")),
    };
    Ok(Operation::Progress(Progress {
        unit: unit_code(&m.unit)?,
        burden: entry_number("burden", m.burden)?,
        fact,
        document: digest("document", &m.document)?,
    }))
}

impl Register {
    fn to_proto(&self) -> proto::RealtyRegister {
        proto::RealtyRegister {
            unit: self.unit.to_string(),
            right: self.right.number(),
            title: Some(self.title.to_proto()),
            r#use: self.usage.clone(),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Transfer {
    fn to_proto(&self) -> proto::RealtyTransfer {
        proto::RealtyTransfer {
            unit: self.unit.to_string(),
            from: sorted(&self.from),
            title: Some(self.title.to_proto()),
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Change {
    fn to_proto(&self) -> proto::RealtyChange {
        proto::RealtyChange {
            unit: self.unit.to_string(),
            r#use: self.usage.clone(),
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Cancel {
    fn to_proto(&self) -> proto::RealtyCancel {
        proto::RealtyCancel {
            unit: self.unit.to_string(),
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
            reason: self.reason.clone(),
        }
    }
}

impl Correct {
    fn to_proto(&self) -> proto::RealtyCorrect {
        proto::RealtyCorrect {
            unit: self.unit.to_string(),
            entry: self.entry,
            holders: replacements_proto(&self.holders),
            document: self.document.0.to_vec(),
            reason: self.reason.clone(),
            certificate: self.certificate.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl Mortgage {
    fn to_proto(&self) -> proto::RealtyMortgage {
        proto::RealtyMortgage {
            unit: self.unit.to_string(),
            mortgagee: self.mortgagee.0.to_vec(),
            transfer_forbidden: self.transfer_forbidden,
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Notice {
    fn to_proto(&self) -> proto::RealtyNotice {
        proto::RealtyNotice {
            unit: self.unit.to_string(),
            holder: self.holder.0.to_vec(),
            possible_from_ms: self.possible_from_ms,
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Objection {
    fn to_proto(&self) -> proto::RealtyObjection {
        proto::RealtyObjection {
            unit: self.unit.to_string(),
            objector: self.objector.0.to_vec(),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Interest {
    fn to_proto(&self) -> proto::RealtyInterest {
        proto::RealtyInterest {
            unit: self.unit.to_string(),
            right: self.right.number(),
            holder: self.holder.0.to_vec(),
            until_ms: self.until_ms,
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
        }
    }
}

impl Release {
    fn to_proto(&self) -> proto::RealtyRelease {
        proto::RealtyRelease {
            unit: self.unit.to_string(),
            kind: self.kind.number(),
            burden: self.burden,
            by_court: self.by_court,
            consents: sorted(&self.consents),
            document: self.document.0.to_vec(),
        }
    }
}

impl Progress {
    fn to_proto(&self) -> proto::RealtyProgress {
        let fact = match self.fact {
            Fact::SuitFiled => proto::realty_progress::Fact::SuitFiled(proto::RealtySuit {}),
            Fact::PossibleFromMs(ms) => proto::realty_progress::Fact::PossibleFromMs(ms),
        };
        proto::RealtyProgress {
            unit: self.unit.to_string(),
            burden: self.burden,
            fact: Some(fact),
            document: self.document.0.to_vec(),
        }
    }
}
