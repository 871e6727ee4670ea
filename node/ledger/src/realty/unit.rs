//! A unit in work: its row, its entries, its indices.

use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use hnchain_crypto::Digest;
use hnchain_types::codes::{RealtyCertificateNumber, UnitCode};
use hnchain_types::realty::{
    Burden, BurdenKind, BurdenRef, Entry, Holding, NumberRow, Registration, Replacement, Right, Title, Unit,
    UnitStatus, burden_key, entry_key, holder_key, number_key, unit_key,
};
use hnchain_types::{DecodeError, limits, proto};

/// What an entry says besides who wrote it, when, and where it stands in the chain.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) registration: Registration,
    pub(super) document: Digest,
    pub(super) right: Option<Right>,
    pub(super) certificate: Option<RealtyCertificateNumber>,
    pub(super) title: Option<Title>,
    pub(super) usage: Option<String>,
    pub(super) burden: Made,
    pub(super) corrects: Option<u32>,
    pub(super) replaced: Vec<Replacement>,
    pub(super) reason: Option<String>,
}

/// The burden that an entry is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// None.
    Nothing,
    /// One that it makes: the number is the entry's.
    New(BurdenKind),
    /// One that there is.
    Of(BurdenRef),
}

impl Draft {
    pub(super) fn of(op: Registration, document: Digest) -> Self {
        Self {
            registration: op,
            document,
            right: None,
            certificate: None,
            title: None,
            usage: None,
            burden: Made::Nothing,
            corrects: None,
            replaced: Vec::new(),
            reason: None,
        }
    }
}

/// The row of a unit, if it was ever registered.
pub(super) fn find(state: &State<'_>, code: &UnitCode) -> Result<Option<Unit>, StateError> {
    read(state, &unit_key(code), Unit::decode)
}

/// A registered unit that was not cancelled.
pub(super) fn open(state: &State<'_>, code: &UnitCode) -> Result<Unit, Failure> {
    match find(state, code)? {
        None => Err(Code::RealtyUnitNotFound.reject(&format_args!("unit={code}")).into()),
        Some(unit) if unit.status == UnitStatus::Cancelled => {
            Err(Code::RealtyUnitCancelled.reject(&format_args!("unit={code} entry={}", unit.entries)).into())
        }
        Some(unit) => Ok(unit),
    }
}

/// An entry, if there is one of this number.
pub(super) fn entry(state: &State<'_>, code: &UnitCode, number: u32) -> Result<Option<Entry>, StateError> {
    read(state, &entry_key(code, number), Entry::decode)
}

/// A burden that a unit's row names.
pub(super) fn burden(state: &State<'_>, code: &UnitCode, kind: BurdenKind, number: u32) -> Result<Burden, StateError> {
    let key = burden_key(code, kind, number);
    read(state, &key, Burden::decode)?.ok_or_else(|| StateError(format!("row {key} is missing")))
}

/// Burdens of a kind that were not released, lapsed ones among them.
pub(super) fn burdens(state: &State<'_>, unit: &Unit, kind: BurdenKind) -> Result<Vec<Burden>, StateError> {
    unit.open(kind).iter().map(|n| burden(state, &unit.code, kind, *n)).collect()
}

/// Burdens of a kind that are in force; not for seals, whose queue decides.
pub(super) fn in_force(
    context: &Context<'_>,
    state: &State<'_>,
    unit: &Unit,
    kind: BurdenKind,
) -> Result<Vec<Burden>, StateError> {
    let mut burdens = burdens(state, unit, kind)?;
    burdens.retain(|b| b.state_at(context.time_ms).is_open());
    Ok(burdens)
}

fn read<T>(
    state: &State<'_>,
    key: &str,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<Option<T>, StateError> {
    let Some(raw) = state.row(key)? else { return Ok(None) };
    decode(&raw).map(Some).map_err(|e| StateError(format!("row {key} is damaged: {e}")))
}

/// Writes the next entry, whose number is then `unit.entries`, and says what it did. [`finish`] writes the unit's row.
pub(super) fn record(
    context: &Context<'_>,
    state: &mut State<'_>,
    unit: &mut Unit,
    draft: Draft,
) -> Result<proto::RealtyChanged, Failure> {
    if unit.entries >= limits::REALTY_ENTRIES {
        return Err(Code::RealtyEntriesFull.reject(&format_args!("unit={}", unit.code)).into()); // R10
    }
    let number = unit.entries + 1;
    if let Some(certificate) = &draft.certificate {
        give(state, certificate, NumberRow { unit: unit.code, entry: number })?;
    }
    let burden = match draft.burden {
        Made::Nothing => None,
        Made::New(kind) => Some(BurdenRef { kind, number }),
        Made::Of(burden) => Some(burden),
    };
    let changed = proto::RealtyChanged {
        unit: unit.code.to_string(),
        entry: number,
        registration: draft.registration.number(),
        certificate: draft.certificate.as_ref().map(ToString::to_string).unwrap_or_default(),
        burden_kind: burden.map_or(0, |b| b.kind.number()),
        burden: burden.map_or(0, |b| b.number),
    };
    let entry = Entry {
        unit: unit.code,
        number,
        registration: draft.registration,
        right: draft.right,
        certificate: draft.certificate,
        document: draft.document,
        title: draft.title,
        usage: draft.usage,
        burden,
        corrects: draft.corrects,
        replaced: draft.replaced,
        reason: draft.reason,
        organization: context.organization.to_owned(),
        height: context.height,
        time_ms: context.time_ms,
        transaction: context.transaction,
        previous: (number > 1).then_some(unit.entry_hash),
        corrected_by: None,
    };
    (unit.entries, unit.entry_hash) = (number, entry.hash());
    (unit.height, unit.time_ms) = (context.height, context.time_ms);
    state.put(entry_key(&unit.code, number), entry.encode());
    Ok(changed)
}

/// Takes a certificate number, R9.
fn give(state: &mut State<'_>, number: &RealtyCertificateNumber, row: NumberRow) -> Result<(), Failure> {
    let key = number_key(number);
    if let Some(taken) = read(state, &key, NumberRow::decode)? {
        let detail = format!("certificate={number} unit={} entry={}", taken.unit, taken.entry);
        return Err(Code::RealtyNumberTaken.reject(&detail).into());
    }
    state.put(key, row.encode());
    Ok(())
}

/// Writes the unit's row and gives the event.
pub(super) fn finish(state: &mut State<'_>, unit: &Unit, changed: proto::RealtyChanged) -> proto::Event {
    state.put(unit_key(&unit.code), unit.encode());
    proto::Event { kind: Some(proto::event::Kind::Realty(changed)) }
}

/// Puts the index of holders right: those who hold no more leave, new ones come.
pub(super) fn index(state: &mut State<'_>, code: &UnitCode, before: &[Digest], after: &[Digest], entry: u32) {
    for gone in before.iter().filter(|c| !after.contains(c)) {
        state.delete(holder_key(gone, code));
    }
    for new in after.iter().filter(|c| !before.contains(c)) {
        state.put(holder_key(new, code), Holding { entry }.encode());
    }
}
