//! The unit's right itself: first registration, transfer, change, cancellation, correction.

use super::unit::{self, Draft};
use super::{burdens, seals};
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::State;
use hnchain_crypto::Digest;
use hnchain_types::Height;
use hnchain_types::codes::{Fixture, UnitCode};
use hnchain_types::proto;
use hnchain_types::realty::{
    BurdenKind, Cancel, Change, CoOwnership, Correct, Entry, Holder, Register, Registration, Terms, Title, Transfer,
    Unit, UnitStatus, entry_key, unit_key,
};

/// 首次登记.
pub(super) fn register(context: &Context<'_>, state: &mut State<'_>, op: &Register) -> Result<proto::Event, Failure> {
    if let Some(unit) = unit::find(state, &op.unit)? {
        let detail = format!("unit={} entries={}", unit.code, unit.entries);
        return Err(Code::RealtyUnitExists.reject(&detail).into()); // R1
    }
    if !op.right.fits(&op.unit) {
        return Err(Code::RealtyRight.reject(&format_args!("unit={} right={}", op.unit, op.right)).into()); // R1
    }
    whole(&op.title)?;
    if op.unit.fixture() != Fixture::None {
        count_fixture(state, &op.unit, |n| n.saturating_add(1))?;
    }
    let mut unit = Unit {
        code: op.unit,
        status: UnitStatus::Registered,
        right: op.right,
        title: op.title.clone(),
        usage: op.usage.clone(),
        document: op.document,
        certificate: op.certificate.clone(),
        entries: 0,
        entry_hash: Digest::ZERO,
        mortgages: vec![],
        seals: vec![],
        notices: vec![],
        objections: vec![],
        interests: vec![],
        fixtures: 0,
        height: Height(0),
        time_ms: 0,
    };
    let draft = Draft {
        right: Some(op.right),
        certificate: Some(op.certificate.clone()),
        title: Some(op.title.clone()),
        usage: Some(op.usage.clone()),
        ..Draft::of(Registration::First, op.document)
    };
    let changed = unit::record(context, state, &mut unit, draft)?;
    unit::index(state, &op.unit, &[], &commitments(&op.title), unit.entries);
    Ok(unit::finish(state, &unit, changed))
}

/// 转移登记.
pub(super) fn transfer(context: &Context<'_>, state: &mut State<'_>, op: &Transfer) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    let before = commitments(&unit.title);
    if before != op.from {
        let detail = format!("unit={} holders={} given={}", op.unit, before.len(), op.from.len());
        return Err(Code::RealtyHoldersDiffer.reject(&detail).into()); // R2
    }
    whole(&op.title)?;
    if unit.title.holds_as(&op.title) {
        return Err(Code::RealtyUnchanged.reject(&format_args!("unit={}", op.unit)).into()); // R2
    }
    disposable(context, state, &unit, &op.consents)?;
    for b in unit::in_force(context, state, &unit, BurdenKind::Mortgage)? {
        if matches!(b.terms, Terms::Mortgage { transfer_forbidden: true }) {
            burdens::consents(&b, &op.consents, Code::RealtyMortgaged)?; // R7
        }
    }
    if !agree_to_transfer(&unit.title, &op.title, &op.consents) {
        return Err(Code::RealtyConsent.reject(&format_args!("unit={}", op.unit)).into()); // R3
    }
    let after = commitments(&op.title);
    let draft = Draft {
        certificate: Some(op.certificate.clone()),
        title: Some(op.title.clone()),
        ..Draft::of(Registration::Transfer, op.document)
    };
    let changed = unit::record(context, state, &mut unit, draft)?;
    burdens::fulfil(context, state, &mut unit, &after)?;
    unit::index(state, &op.unit, &before, &after, unit.entries);
    (unit.title, unit.certificate) = (op.title.clone(), op.certificate.clone());
    Ok(unit::finish(state, &unit, changed))
}

/// 变更登记.
pub(super) fn change(context: &Context<'_>, state: &mut State<'_>, op: &Change) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    if (&unit.usage, unit.document) == (&op.usage, op.document) {
        return Err(Code::RealtyUnchanged.reject(&format_args!("unit={}", op.unit)).into()); // R2
    }
    seals::none(context, state, &unit)?;
    agreed(&unit, &op.consents)?;
    let draft = Draft {
        certificate: Some(op.certificate.clone()),
        usage: Some(op.usage.clone()),
        ..Draft::of(Registration::Change, op.document)
    };
    let changed = unit::record(context, state, &mut unit, draft)?;
    (unit.usage, unit.document) = (op.usage.clone(), op.document);
    unit.certificate = op.certificate.clone();
    Ok(unit::finish(state, &unit, changed))
}

/// 注销登记.
pub(super) fn cancel(context: &Context<'_>, state: &mut State<'_>, op: &Cancel) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    if unit.fixtures > 0 {
        let detail = format!("unit={} fixtures={}", op.unit, unit.fixtures);
        return Err(Code::RealtyFixtures.reject(&detail).into()); // R1
    }
    disposable(context, state, &unit, &op.consents)?;
    for (kind, code) in [(BurdenKind::Mortgage, Code::RealtyMortgaged), (BurdenKind::Interest, Code::RealtyInterested)]
    {
        for b in unit::in_force(context, state, &unit, kind)? {
            burdens::consents(&b, &op.consents, code)?; // R7
        }
    }
    agreed(&unit, &op.consents)?;
    if op.unit.fixture() != Fixture::None {
        count_fixture(state, &op.unit, |n| n.saturating_sub(1))?;
    }
    let draft = Draft {
        right: Some(unit.right),
        reason: Some(op.reason.clone()),
        ..Draft::of(Registration::Cancel, op.document)
    };
    let changed = unit::record(context, state, &mut unit, draft)?;
    unit::index(state, &op.unit, &commitments(&unit.title), &[], unit.entries);
    unit.status = UnitStatus::Cancelled;
    Ok(unit::finish(state, &unit, changed))
}

/// 更正登记.
pub(super) fn correct(context: &Context<'_>, state: &mut State<'_>, op: &Correct) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    let Some(mut wrong) = unit::entry(state, &op.unit, op.entry)? else {
        let detail = format!("unit={} entries={} given={}", op.unit, unit.entries, op.entry);
        return Err(Code::RealtyEntryNotFound.reject(&detail).into()); // R8
    };
    let title = corrected(&unit, &wrong, op)?;
    if title != unit.title {
        seals::none(context, state, &unit)?;
    }
    let draft = Draft {
        certificate: op.certificate.clone(),
        title: Some(title.clone()).filter(|t| *t != unit.title),
        corrects: Some(op.entry),
        replaced: op.holders.clone(),
        reason: Some(op.reason.clone()),
        ..Draft::of(Registration::Correct, op.document)
    };
    let changed = unit::record(context, state, &mut unit, draft)?;
    // Particulars in force are those of an entry: where that one is corrected, they are.
    if unit.document == wrong.document {
        unit.document = op.document;
    }
    wrong.corrected_by = Some(unit.entries);
    state.put(entry_key(&op.unit, op.entry), wrong.encode());
    unit::index(state, &op.unit, &commitments(&unit.title), &commitments(&title), unit.entries);
    unit.title = title;
    if let Some(certificate) = &op.certificate {
        unit.certificate = certificate.clone();
    }
    Ok(unit::finish(state, &unit, changed))
}

/// The present title with the wrong holders replaced where they still hold.
fn corrected(unit: &Unit, entry: &Entry, op: &Correct) -> Result<Title, Failure> {
    let named = |c: &Digest| entry.title.as_ref().is_some_and(|t| t.holds(c));
    if let Some(r) = op.holders.iter().find(|r| !named(&r.wrong)) {
        let detail = format!("unit={} entry={} holder={}", op.unit, op.entry, r.wrong);
        return Err(Code::RealtyCorrectionHolder.reject(&detail).into()); // R8
    }
    let right = |h: &Holder| {
        let found = op.holders.iter().find(|r| r.wrong == h.commitment);
        Holder { commitment: found.map_or(h.commitment, |r| r.right), share: h.share }
    };
    let title = Title { holders: unit.title.holders.iter().map(right).collect(), ..unit.title.clone() }.sorted();
    let twice = title.holders.windows(2).find(|pair| matches!(pair, [a, b] if a.commitment == b.commitment));
    if let Some([holder, ..]) = twice {
        let detail = format!("unit={} holder={}", op.unit, holder.commitment);
        return Err(Code::RealtyHolderTwice.reject(&detail).into()); // R8
    }
    Ok(title)
}

/// R1: a fixture counts on its parcel, which must be registered.
fn count_fixture(state: &mut State<'_>, code: &UnitCode, next: impl Fn(u32) -> u32) -> Result<(), Failure> {
    let parcel = code.parcel_unit();
    match unit::find(state, &parcel)? {
        Some(mut unit) if unit.status == UnitStatus::Registered => {
            unit.fixtures = next(unit.fixtures);
            state.put(unit_key(&parcel), unit.encode());
            Ok(())
        }
        _ => Err(Code::RealtyParcelMissing.reject(&format_args!("unit={code} parcel={parcel}")).into()),
    }
}

/// R3.
fn whole(title: &Title) -> Result<(), Failure> {
    if title.is_whole() {
        return Ok(());
    }
    let shares: Vec<_> = title.holders.iter().take(8).filter_map(|h| h.share).map(|s| s.to_string()).collect();
    Err(Code::RealtyShares.reject(&format_args!("holders={} shares={}", title.holders.len(), shares.join("+"))).into())
}

/// R4 and R5: no seal in force, and every notice-holder consents.
pub(super) fn disposable(
    context: &Context<'_>,
    state: &State<'_>,
    unit: &Unit,
    consents: &[Digest],
) -> Result<(), Failure> {
    seals::none(context, state, unit)?;
    for b in unit::in_force(context, state, unit, BurdenKind::Notice)? {
        burdens::consents(&b, consents, Code::RealtyNoticed)?;
    }
    Ok(())
}

/// R3: all holders, or two thirds of the shares unless they agreed otherwise.
pub(super) fn agreed(unit: &Unit, consents: &[Digest]) -> Result<(), Failure> {
    let title = &unit.title;
    if all(title, consents) || !title.all_must_agree && title.two_thirds(consents) {
        return Ok(());
    }
    Err(Code::RealtyConsent.reject(&format_args!("unit={}", unit.code)).into())
}

/// R3 for a transfer: the same, and co-owners by shares dispose of their own alone.
fn agree_to_transfer(before: &Title, after: &Title, consents: &[Digest]) -> bool {
    if all(before, consents) {
        return true;
    }
    if before.co_ownership != CoOwnership::Shares {
        return false;
    }
    let stays = before.commitments().any(|c| after.holds(&c));
    if stays && before.all_must_agree != after.all_must_agree {
        return false;
    }
    let loses = |c: &Digest| after.share_of(c).is_less_than(before.share_of(c));
    if before.commitments().all(|c| consents.contains(&c) || !loses(&c)) {
        return true;
    }
    !stays && !before.all_must_agree && before.two_thirds(consents)
}

fn all(title: &Title, consents: &[Digest]) -> bool {
    title.commitments().all(|c| consents.contains(&c))
}

fn commitments(title: &Title) -> Vec<Digest> {
    title.commitments().collect()
}
