//! State rows of 不动产登记 and their keys.

use super::proto_form::{reason, replacements, replacements_proto, usage};
use super::{
    BurdenKind, BurdenRef, Registration, Replacement, Right, Title, UnitStatus, ascending, certificate, digest,
    entry_number, unit_code,
};
use crate::codes::{RealtyCertificateNumber, UnitCode};
use crate::decode::{canonical, count, name};
use crate::{DecodeError, Height, TxId, limits, proto};
use hnchain_crypto::{Digest, Tag};
use prost::Message;
use serde::Serialize;

/// Key of a unit's row.
#[must_use]
pub fn unit_key(unit: &UnitCode) -> String {
    format!("realty/unit/{unit}")
}

/// Beginning of the keys of a unit's entries, which are in order.
#[must_use]
pub fn entry_prefix(unit: &UnitCode) -> String {
    format!("realty/entry/{unit}/")
}

/// Key of an entry's row.
#[must_use]
pub fn entry_key(unit: &UnitCode, number: u32) -> String {
    format!("realty/entry/{unit}/{number:06}")
}

/// Beginning of the keys of a unit's burdens of a kind, which are in order.
#[must_use]
pub fn burden_prefix(unit: &UnitCode, kind: BurdenKind) -> String {
    format!("realty/{kind}/{unit}/")
}

/// Key of a burden's row.
#[must_use]
pub fn burden_key(unit: &UnitCode, kind: BurdenKind, number: u32) -> String {
    format!("realty/{kind}/{unit}/{number:06}")
}

/// Key of the row that says where a certificate number was given.
#[must_use]
pub fn number_key(number: &RealtyCertificateNumber) -> String {
    format!("realty/number/{number}")
}

/// Beginning of the keys of the units that a commitment holds.
#[must_use]
pub fn holder_prefix(commitment: &Digest) -> String {
    format!("realty/holder/{commitment}/")
}

/// Key of the row that says that a commitment holds a unit.
#[must_use]
pub fn holder_key(commitment: &Digest, unit: &UnitCode) -> String {
    format!("realty/holder/{commitment}/{unit}")
}

/// A unit as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// 不动产单元代码.
    pub code: UnitCode,
    /// Whether its right exists.
    pub status: UnitStatus,
    /// Which right.
    pub right: Right,
    /// Who holds it, or held it last.
    pub title: Title,
    /// 用途.
    #[serde(rename = "use")]
    pub usage: String,
    /// Commitment to the registered particulars.
    pub document: Digest,
    /// Number of the 不动产权证书 in force.
    pub certificate: RealtyCertificateNumber,
    /// Registrations so far.
    pub entries: u32,
    /// [`Entry::hash`] of the last one.
    pub entry_hash: Digest,
    /// Numbers of the mortgages that were not released, in the order of their rank.
    pub mortgages: Vec<u32>,
    /// Numbers of the seals that were not lifted, in the order of their queue.
    pub seals: Vec<u32>,
    /// Numbers of the notices that were not released.
    pub notices: Vec<u32>,
    /// Numbers of the objections that were not released.
    pub objections: Vec<u32>,
    /// Numbers of the interests that were not released.
    pub interests: Vec<u32>,
    /// Registered fixtures of a parcel.
    pub fixtures: u32,
    /// Height of the block of the last entry.
    pub height: Height,
    /// Certified time of that block, milliseconds since the Unix epoch.
    pub time_ms: u64,
}

impl Unit {
    /// Numbers of the burdens of a kind that were not released. Some of them may have lapsed: see [`super::UnitView`].
    #[must_use]
    pub fn open(&self, kind: BurdenKind) -> &[u32] {
        match kind {
            BurdenKind::Mortgage => &self.mortgages,
            BurdenKind::Seal => &self.seals,
            BurdenKind::Notice => &self.notices,
            BurdenKind::Objection => &self.objections,
            BurdenKind::Interest => &self.interests,
        }
    }

    /// The same, to change.
    pub fn open_mut(&mut self, kind: BurdenKind) -> &mut Vec<u32> {
        match kind {
            BurdenKind::Mortgage => &mut self.mortgages,
            BurdenKind::Seal => &mut self.seals,
            BurdenKind::Notice => &mut self.notices,
            BurdenKind::Objection => &mut self.objections,
            BurdenKind::Interest => &mut self.interests,
        }
    }

    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::RealtyUnit {
            code: self.code.to_string(),
            status: self.status.number(),
            right: self.right.number(),
            title: Some(self.title.to_proto()),
            r#use: self.usage.clone(),
            document: self.document.0.to_vec(),
            certificate: self.certificate.to_string(),
            entries: self.entries,
            entry_hash: self.entry_hash.0.to_vec(),
            mortgages: self.mortgages.clone(),
            seals: self.seals.clone(),
            notices: self.notices.clone(),
            objections: self.objections.clone(),
            interests: self.interests.clone(),
            fixtures: self.fixtures,
            height: self.height.0,
            time_ms: self.time_ms,
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a unit: its shares sum to one, its open burdens are in order and bounded.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::RealtyUnit = canonical("real estate unit", raw, limits::REALTY_ROW_BYTES)?;
        let title = Title::from_proto(m.title)?;
        if !title.is_whole() {
            return Err(DecodeError::field("share", "shares do not sum to one", "份额之和不为一"));
        }
        let entries = entry_number("entries", m.entries)?;
        let open = |field: &'static str, list: Vec<u32>| {
            count(field, list.len(), 0, limits::REALTY_BURDENS)?;
            list.iter().try_for_each(|n| entry_number(field, *n).map(|_| ()))?;
            ascending(field, &list)?;
            Ok::<_, DecodeError>(list)
        };
        Ok(Self {
            code: unit_code(&m.code)?,
            status: UnitStatus::read(m.status)?,
            right: Right::read(m.right)?,
            title,
            usage: usage(m.r#use)?,
            document: digest("document", &m.document)?,
            certificate: certificate(&m.certificate)?.ok_or_else(|| missing("certificate"))?,
            entries,
            entry_hash: digest("entry_hash", &m.entry_hash)?,
            mortgages: open("mortgages", m.mortgages)?,
            seals: open("seals", m.seals)?,
            notices: open("notices", m.notices)?,
            objections: open("objections", m.objections)?,
            interests: open("interests", m.interests)?,
            fixtures: m.fixtures,
            height: height(m.height)?,
            time_ms: m.time_ms,
        })
    }
}

/// One registration of a unit. Entries make the chain of title: each names the hash of the one before, the unit's row
/// that of the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Which unit.
    pub unit: UnitCode,
    /// From 1.
    pub number: u32,
    /// 登记类型.
    pub registration: Registration,
    /// The right that it makes or ends.
    pub right: Option<Right>,
    /// Number of the certificate that was handed out.
    pub certificate: Option<RealtyCertificateNumber>,
    /// Commitment to what it rests on.
    pub document: Digest,
    /// Who holds the unit after it, where it says so.
    pub title: Option<Title>,
    /// 用途 after it, where it says so.
    #[serde(rename = "use")]
    pub usage: Option<String>,
    /// The burden that it makes (then its number is this entry's), ends or moves.
    pub burden: Option<BurdenRef>,
    /// The entry that it corrects.
    pub corrects: Option<u32>,
    /// The holders that it corrects.
    pub replaced: Vec<Replacement>,
    /// Why, where one is given.
    pub reason: Option<String>,
    /// Organization that wrote it.
    pub organization: String,
    /// Height of its block.
    pub height: Height,
    /// Certified time of its block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Its transaction.
    pub transaction: TxId,
    /// [`Entry::hash`] of the entry before; absent in the first.
    pub previous: Option<Digest>,
    /// The last entry that corrects this one. Not covered by the hash: everything else stays as it was written.
    pub corrected_by: Option<u32>,
}

impl Entry {
    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }

    /// What the next entry names as its `previous`: SM3 of the row without `corrected_by`, tag `hnchain/realty/1`.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let written = proto::RealtyEntry { corrected_by: 0, ..self.to_proto() };
        Tag::Realty.hash(&[&written.encode_to_vec()])
    }

    /// Whether entries follow each other without a gap, each naming the hash of the one before it.
    #[must_use]
    pub fn are_linked(entries: &[Self]) -> bool {
        let follows = |pair: &[Self]| match pair {
            [a, b] => a.unit == b.unit && b.number == a.number + 1 && b.previous == Some(a.hash()),
            _ => true,
        };
        entries.windows(2).all(follows)
    }

    fn to_proto(&self) -> proto::RealtyEntry {
        proto::RealtyEntry {
            unit: self.unit.to_string(),
            number: self.number,
            registration: self.registration.number(),
            right: self.right.map_or(0, Right::number),
            certificate: self.certificate.as_ref().map(ToString::to_string).unwrap_or_default(),
            document: self.document.0.to_vec(),
            title: self.title.as_ref().map(Title::to_proto),
            r#use: self.usage.clone().unwrap_or_default(),
            burden_kind: self.burden.map_or(0, |b| b.kind.number()),
            burden: self.burden.map_or(0, |b| b.number),
            corrects: self.corrects.unwrap_or_default(),
            replaced: replacements_proto(&self.replaced),
            reason: self.reason.clone().unwrap_or_default(),
            organization: self.organization.clone(),
            height: self.height.0,
            time_ms: self.time_ms,
            transaction_id: self.transaction.0.0.to_vec(),
            previous: self.previous.map(|p| p.0.to_vec()).unwrap_or_default(),
            corrected_by: self.corrected_by.unwrap_or_default(),
        }
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of an entry: only the first has no predecessor, what it corrects is before
    /// it and what corrects it after.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::RealtyEntry = canonical("real estate entry", raw, limits::REALTY_ROW_BYTES)?;
        let number = entry_number("number", m.number)?;
        name("organization", &m.organization)?;
        let read = |field, n: u32, before: bool| match n {
            0 => Ok(None),
            n if (n < number) == before && n != number => entry_number(field, n).map(Some),
            _ => Err(DecodeError::field(field, "in the wrong order", "顺序有误")),
        };
        let burden = BurdenRef::read(m.burden_kind, m.burden)?;
        if burden.is_some_and(|b| b.number > number) {
            return Err(DecodeError::field("burden", "in the wrong order", "顺序有误"));
        }
        if (number == 1) != m.previous.is_empty() {
            return Err(DecodeError::field("previous", "in every entry but the first", "除首条外均须有"));
        }
        Ok(Self {
            unit: unit_code(&m.unit)?,
            number,
            registration: Registration::read(m.registration)?,
            right: if m.right == 0 { None } else { Some(Right::read(m.right)?) },
            certificate: certificate(&m.certificate)?,
            document: digest("document", &m.document)?,
            title: if m.title.is_some() { Some(Title::from_proto(m.title)?) } else { None },
            usage: optional(m.r#use, usage)?,
            burden,
            corrects: read("corrects", m.corrects, true)?,
            replaced: replacements(&m.replaced)?,
            reason: optional(m.reason, reason)?,
            organization: m.organization,
            height: height(m.height)?,
            time_ms: m.time_ms,
            transaction: TxId(digest("transaction_id", &m.transaction_id)?),
            previous: if m.previous.is_empty() { None } else { Some(digest("previous", &m.previous)?) },
            corrected_by: read("corrected_by", m.corrected_by, false)?,
        })
    }
}

/// Where a certificate number was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NumberRow {
    /// Which unit.
    pub unit: UnitCode,
    /// Which entry.
    pub entry: u32,
}

impl NumberRow {
    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::RealtyNumber { unit: self.unit.to_string(), entry: self.entry }.encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not canonical.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::RealtyNumber = canonical("real estate number", raw, limits::RECORD_BYTES)?;
        Ok(Self { unit: unit_code(&m.unit)?, entry: entry_number("entry", m.entry)? })
    }
}

/// That a commitment holds a unit; unit and commitment are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Since which entry.
    pub entry: u32,
}

impl Holding {
    /// Encodes the row.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        proto::RealtyHolding { entry: self.entry }.encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not canonical.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::RealtyHolding = canonical("real estate holding", raw, limits::RECORD_BYTES)?;
        Ok(Self { entry: entry_number("entry", m.entry)? })
    }
}

fn optional(s: String, read: impl Fn(String) -> Result<String, DecodeError>) -> Result<Option<String>, DecodeError> {
    if s.is_empty() { Ok(None) } else { read(s).map(Some) }
}

pub(super) fn height(value: u64) -> Result<Height, DecodeError> {
    if value == 0 {
        return Err(DecodeError::field("height", "blocks start at height 1", "区块高度从 1 开始"));
    }
    Ok(Height(value))
}

pub(super) fn missing(field: &'static str) -> DecodeError {
    DecodeError::field(field, "missing", "缺失")
}
