//! 查封 and its queue (轮候查封).

use super::unit::{self, Draft, Made};
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::State;
use hnchain_types::proto;
use hnchain_types::realty::{
    Burden, BurdenKind, BurdenRef, BurdenState, Registration, Seal, Terms, Unit, Unseal, seal_queue,
};

/// R4: no seal is in force.
pub(super) fn none(context: &Context<'_>, state: &State<'_>, unit: &Unit) -> Result<(), Failure> {
    let seals = unit::burdens(state, unit, BurdenKind::Seal)?;
    let queue = seal_queue(&seals, context.time_ms);
    match queue.iter().find(|(_, now)| matches!(now, BurdenState::Effective { .. })) {
        Some((number, _)) => Err(Code::RealtySealed.reject(&format_args!("unit={} seal={number}", unit.code)).into()),
        None => Ok(()),
    }
}

/// 查封登记.
pub(super) fn seal(context: &Context<'_>, state: &mut State<'_>, op: &Seal) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    settle(context, state, &mut unit)?;
    super::burdens::room(&unit, BurdenKind::Seal)?;
    let first = unit.seals.is_empty();
    let draft = Draft { burden: Made::New(BurdenKind::Seal), ..Draft::of(Registration::Seal, op.document) };
    let changed = unit::record(context, state, &mut unit, draft)?;
    let seal = Burden {
        unit: op.unit,
        number: unit.entries,
        party: None,
        document: op.document,
        certificate: None,
        organization: context.organization.to_owned(),
        height: context.height,
        time_ms: context.time_ms,
        terms: Terms::Seal { term_ms: op.term_ms, effective_from_ms: first.then_some(context.time_ms) },
        released: None,
    };
    unit.seals.push(seal.number);
    state.put(seal.key(), seal.encode());
    Ok(unit::finish(state, &unit, changed))
}

/// 解除查封: the next one takes effect at once.
pub(super) fn unseal(context: &Context<'_>, state: &mut State<'_>, op: &Unseal) -> Result<proto::Event, Failure> {
    let mut unit = unit::open(state, &op.unit)?;
    let detail = format!("unit={} seal={}", op.unit, op.burden);
    if !unit.seals.contains(&op.burden) {
        return Err(Code::RealtyBurdenNotFound.reject(&detail).into()); // R11
    }
    settle(context, state, &mut unit)?;
    let Some(at) = unit.seals.iter().position(|n| *n == op.burden) else {
        return Err(Code::RealtyBurdenLapsed.reject(&detail).into()); // R6
    };
    let mut seal = unit::burden(state, &op.unit, BurdenKind::Seal, op.burden)?;
    if seal.organization != context.organization {
        let detail = format!("{detail} court={} signer={}", seal.organization, context.organization);
        return Err(Code::RealtySealCourt.reject(&detail).into()); // R4
    }
    let made = BurdenRef { kind: BurdenKind::Seal, number: op.burden };
    let draft = Draft { burden: Made::Of(made), ..Draft::of(Registration::Seal, op.document) };
    let changed = unit::record(context, state, &mut unit, draft)?;
    seal.released = Some((context.time_ms, unit.entries));
    state.put(seal.key(), seal.encode());
    unit.seals.remove(at);
    if at == 0 {
        begin(state, &unit, context.time_ms)?;
    }
    Ok(unit::finish(state, &unit, changed))
}

/// Takes expired seals out of the queue and writes down since when the first of the others is in force.
fn settle(context: &Context<'_>, state: &mut State<'_>, unit: &mut Unit) -> Result<(), Failure> {
    let mut seals = unit::burdens(state, unit, BurdenKind::Seal)?;
    let queue = seal_queue(&seals, context.time_ms);
    for (number, now) in queue {
        let until = match now {
            BurdenState::Lapsed { at_ms } => at_ms,
            BurdenState::Effective { until_ms: Some(until) } => until,
            _ => break,
        };
        let Some(seal) = seals.iter_mut().find(|s| s.number == number) else { continue };
        if let Terms::Seal { term_ms, effective_from_ms: from @ None } = &mut seal.terms {
            *from = Some(until.saturating_sub(*term_ms));
            state.put(seal.key(), seal.encode());
        }
        if matches!(now, BurdenState::Lapsed { .. }) {
            unit.seals.retain(|n| *n != number);
        }
    }
    Ok(())
}

/// The first seal of the queue takes effect.
fn begin(state: &mut State<'_>, unit: &Unit, time_ms: u64) -> Result<(), Failure> {
    let Some(first) = unit.seals.first() else { return Ok(()) };
    let mut seal = unit::burden(state, &unit.code, BurdenKind::Seal, *first)?;
    if let Terms::Seal { effective_from_ms: from @ None, .. } = &mut seal.terms {
        *from = Some(time_ms);
        state.put(seal.key(), seal.encode());
    }
    Ok(())
}
