//! Mortgages, notices, objections and interests.

use super::title::{agreed, disposable};
use super::unit::{self, Draft, Made};
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::State;
use hnchain_crypto::Digest;
use hnchain_types::codes::RealtyCertificateNumber;
use hnchain_types::realty::{
    Burden, BurdenKind, BurdenRef, Fact, Interest, Mortgage, Notice, Objection, Progress, Registration, Release, Right,
    Terms, Unit,
};
use hnchain_types::{limits, proto};

/// The party of a burden is among those who consent.
pub(super) fn consents(burden: &Burden, consents: &[Digest], code: Code) -> Result<(), Failure> {
    if burden.party.is_some_and(|party| consents.contains(&party)) {
        return Ok(());
    }
    let detail = format!("unit={} {}={}", burden.unit, burden.kind(), burden.number);
    Err(code.reject(&detail).into())
}

/// R10: another burden of a kind finds room.
pub(super) fn room(unit: &Unit, kind: BurdenKind) -> Result<(), Failure> {
    if unit.open(kind).len() < limits::REALTY_BURDENS {
        return Ok(());
    }
    Err(Code::RealtyBurdensFull.reject(&format_args!("unit={} kind={kind}", unit.code)).into())
}

/// What a new burden says.
struct New<'a> {
    registration: Registration,
    right: Option<Right>,
    party: Digest,
    document: Digest,
    certificate: &'a RealtyCertificateNumber,
    terms: Terms,
    kind: BurdenKind,
}

/// Writes a new burden at the end of its list, from which lapsed ones leave.
fn make(context: &Context<'_>, state: &mut State<'_>, mut unit: Unit, new: &New<'_>) -> Result<proto::Event, Failure> {
    let kept = unit::in_force(context, state, &unit, new.kind)?;
    *unit.open_mut(new.kind) = kept.iter().map(|b| b.number).collect();
    room(&unit, new.kind)?;
    let draft = Draft {
        right: new.right,
        certificate: Some(new.certificate.clone()),
        burden: Made::New(new.kind),
        ..Draft::of(new.registration, new.document)
    };
    let changed = unit::record(context, state, &mut unit, draft)?;
    let burden = Burden {
        unit: unit.code,
        number: unit.entries,
        party: Some(new.party),
        document: new.document,
        certificate: Some(new.certificate.clone()),
        organization: context.organization.to_owned(),
        height: context.height,
        time_ms: context.time_ms,
        terms: new.terms,
        released: None,
    };
    unit.open_mut(new.kind).push(burden.number);
    state.put(burden.key(), burden.encode());
    Ok(unit::finish(state, &unit, changed))
}

/// 抵押权登记.
pub(super) fn mortgage(context: &Context<'_>, state: &mut State<'_>, op: &Mortgage) -> Result<proto::Event, Failure> {
    let unit = unit::open(state, &op.unit)?;
    disposable(context, state, &unit, &op.consents)?;
    agreed(&unit, &op.consents)?;
    let new = New {
        registration: Registration::First,
        right: Some(Right::Mortgage),
        party: op.mortgagee,
        document: op.document,
        certificate: &op.certificate,
        terms: Terms::Mortgage { transfer_forbidden: op.transfer_forbidden },
        kind: BurdenKind::Mortgage,
    };
    make(context, state, unit, &new)
}

/// 居住权登记, 地役权登记.
pub(super) fn interest(context: &Context<'_>, state: &mut State<'_>, op: &Interest) -> Result<proto::Event, Failure> {
    let unit = unit::open(state, &op.unit)?;
    if !op.right.fits(&op.unit) {
        return Err(Code::RealtyRight.reject(&format_args!("unit={} right={}", op.unit, op.right)).into()); // R1
    }
    disposable(context, state, &unit, &op.consents)?;
    agreed(&unit, &op.consents)?;
    let new = New {
        registration: Registration::First,
        right: Some(op.right),
        party: op.holder,
        document: op.document,
        certificate: &op.certificate,
        terms: Terms::Interest { right: op.right, until_ms: (op.until_ms > 0).then_some(op.until_ms) },
        kind: BurdenKind::Interest,
    };
    make(context, state, unit, &new)
}

/// 预告登记.
pub(super) fn notice(context: &Context<'_>, state: &mut State<'_>, op: &Notice) -> Result<proto::Event, Failure> {
    let unit = unit::open(state, &op.unit)?;
    disposable(context, state, &unit, &op.consents)?;
    agreed(&unit, &op.consents)?;
    let possible_from_ms = (op.possible_from_ms > 0).then_some(op.possible_from_ms);
    let new = New {
        registration: Registration::Notice,
        right: None,
        party: op.holder,
        document: op.document,
        certificate: &op.certificate,
        terms: Terms::Notice { possible_from_ms },
        kind: BurdenKind::Notice,
    };
    make(context, state, unit, &new)
}

/// 异议登记: against the holders' will too.
pub(super) fn objection(context: &Context<'_>, state: &mut State<'_>, op: &Objection) -> Result<proto::Event, Failure> {
    let unit = unit::open(state, &op.unit)?;
    let new = New {
        registration: Registration::Objection,
        right: None,
        party: op.objector,
        document: op.document,
        certificate: &op.certificate,
        terms: Terms::Objection { suit_filed_ms: None },
        kind: BurdenKind::Objection,
    };
    make(context, state, unit, &new)
}

/// A burden that is open and in force, R11 and R6.
fn standing(context: &Context<'_>, state: &State<'_>, unit: &Unit, made: BurdenRef) -> Result<Burden, Failure> {
    let BurdenRef { kind, number } = made;
    let detail = format!("unit={} {kind}={number}", unit.code);
    if !unit.open(kind).contains(&number) {
        return Err(Code::RealtyBurdenNotFound.reject(&detail).into());
    }
    let burden = unit::burden(state, &unit.code, kind, number)?;
    if burden.state_at(context.time_ms).is_open() {
        Ok(burden)
    } else {
        Err(Code::RealtyBurdenLapsed.reject(&detail).into())
    }
}

/// The end of a mortgage, notice, objection or interest.
pub(super) fn release(context: &Context<'_>, state: &mut State<'_>, op: &Release) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    let made = BurdenRef { kind: op.kind, number: op.burden };
    let mut burden = standing(context, state, &unit, made)?;
    if !op.by_court {
        consents(&burden, &op.consents, Code::RealtyRelease)?; // R7
    }
    let draft = Draft { right: right(&burden), burden: Made::Of(made), ..Draft::of(Registration::Cancel, op.document) };
    let changed = unit::record(context, state, &mut unit, draft)?;
    end(context, state, &mut unit, &mut burden);
    Ok(unit::finish(state, &unit, changed))
}

/// A fact that moves the end of a notice or objection.
pub(super) fn progress(context: &Context<'_>, state: &mut State<'_>, op: &Progress) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    let made = BurdenRef { kind: op.fact.kind(), number: op.burden };
    let mut burden = standing(context, state, &unit, made)?;
    let registration = match op.fact {
        Fact::SuitFiled => {
            burden.terms = Terms::Objection { suit_filed_ms: Some(context.time_ms) };
            Registration::Objection
        }
        Fact::PossibleFromMs(ms) => {
            // Set once and not backdated: otherwise a notice would end, or never end, without its holder. R5
            let set = matches!(burden.terms, Terms::Notice { possible_from_ms: Some(_) });
            if set || ms < context.time_ms {
                let detail = format!("unit={} notice={} time={} given={ms}", op.unit, op.burden, context.time_ms);
                return Err(Code::RealtyNoticed.reject(&detail).into());
            }
            burden.terms = Terms::Notice { possible_from_ms: Some(ms) };
            Registration::Notice
        }
    };
    let draft = Draft { burden: Made::Of(made), ..Draft::of(registration, op.document) };
    let changed = unit::record(context, state, &mut unit, draft)?;
    state.put(burden.key(), burden.encode());
    Ok(unit::finish(state, &unit, changed))
}

/// Notices whose holders got the unit have served: the last entry releases them.
pub(super) fn fulfil(
    context: &Context<'_>,
    state: &mut State<'_>,
    unit: &mut Unit,
    holders: &[Digest],
) -> Result<(), Failure> {
    for mut notice in unit::in_force(context, state, unit, BurdenKind::Notice)? {
        if notice.party.is_some_and(|party| holders.contains(&party)) {
            end(context, state, unit, &mut notice);
        }
    }
    Ok(())
}

/// The last entry releases a burden.
fn end(context: &Context<'_>, state: &mut State<'_>, unit: &mut Unit, burden: &mut Burden) {
    burden.released = Some((context.time_ms, unit.entries));
    unit.open_mut(burden.kind()).retain(|n| *n != burden.number);
    state.put(burden.key(), burden.encode());
}

/// The right that a burden is.
const fn right(burden: &Burden) -> Option<Right> {
    match burden.terms {
        Terms::Mortgage { .. } => Some(Right::Mortgage),
        Terms::Interest { right, .. } => Some(right),
        _ => None,
    }
}
