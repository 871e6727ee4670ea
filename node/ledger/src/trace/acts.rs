//! What happens to one batch.

use super::{CARRIER, ENTER, INSPECTION, PRODUCER, SELLER, recall, require_any, rows};
use crate::membership::organization_key;
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::State;
use hnchain_types::trace::{Act, Batch, BatchId, Certify, EventKind, Inspect, Inspection, Quantity, State as Is};

const DAY_MS: u64 = 24 * 3_600_000;

/// Applies an act to a batch that exists.
pub(super) fn act(context: &Context<'_>, state: &mut State<'_>, id: &BatchId, act: &Act) -> Result<Batch, Failure> {
    let mut batch = rows::existing(state, id)?;
    if let Act::Recall(r) = act {
        return recall::recall(context, state, batch, r);
    }
    authorize(context, &batch, act)?;
    if !matches!(act, Act::Return(_) | Act::Destroy(_)) {
        recall::clear(state, &mut batch)?;
    }
    change(context, state, &mut batch, act)?;
    rows::write(context, state, &mut batch, EventKind::Act(act.clone()))?;
    Ok(batch)
}

/// The role, and the hand that has the batch.
fn authorize(context: &Context<'_>, batch: &Batch, act: &Act) -> Result<(), Failure> {
    let here = batch.place.division;
    match act {
        Act::Inspect(_) => return require_any(context, &[INSPECTION], here),
        Act::Receive(r) => return require_any(context, &[CARRIER, SELLER], r.place.division),
        Act::Ship(_) => require_any(context, &[CARRIER], here)?,
        Act::Sell(_) => require_any(context, &[SELLER], here)?,
        Act::Return(_) | Act::Destroy(_) => context.member.require(ENTER)?,
        _ => require_any(context, &[PRODUCER], here)?,
    }
    // Whom a batch is on its way to need not take it in.
    if matches!(act, Act::Return(_)) && batch.to.as_deref() == Some(context.organization) {
        return Ok(());
    }
    custodian(context, batch)
}

/// T4.
pub(super) fn custodian(context: &Context<'_>, batch: &Batch) -> Result<(), Failure> {
    if batch.custodian == context.organization {
        return Ok(());
    }
    let detail = format!("batch={} custodian={} signer={}", batch.id, batch.custodian, context.organization);
    Err(Code::TraceCustodian.reject(&detail).into())
}

fn change(context: &Context<'_>, state: &State<'_>, batch: &mut Batch, act: &Act) -> Result<(), Failure> {
    match act {
        Act::Commission(_) | Act::Recall(_) => Ok(()), // elsewhere
        Act::Input(i) => input(context, batch, i.safety_days),
        Act::Harvest(h) => harvest(context, batch, &h.quantity),
        Act::Inspect(i) => inspect(context, batch, i),
        Act::Certify(c) => certify(batch, c),
        Act::Aggregate(a) => {
            movable(batch)?;
            loose(batch)?;
            batch.container = Some(a.container.clone());
            Ok(())
        }
        Act::Disaggregate(_) => unpack(batch),
        Act::Ship(s) => ship(context, state, batch, &s.to),
        Act::Receive(r) => {
            receive(context, batch)?;
            batch.place = r.place.clone();
            Ok(())
        }
        Act::Sell(s) => sell(batch, &s.quantity),
        Act::Return(r) => {
            // On its way it has left no place and reached none.
            let arrived = batch.state != Is::Shipped;
            back(batch, &r.to)?;
            if arrived {
                batch.place = r.place.clone();
            }
            Ok(())
        }
        Act::Destroy(_) => {
            open(batch)?;
            (batch.remaining, batch.state, batch.to) = (0, Is::Destroyed, None);
            Ok(())
        }
    }
}

fn input(context: &Context<'_>, batch: &mut Batch, safety_days: u32) -> Result<(), Failure> {
    growing(batch)?;
    if safety_days > 0 {
        let safe = context.time_ms.saturating_add(u64::from(safety_days) * DAY_MS);
        batch.safe_from_ms = batch.safe_from_ms.max(safe);
    }
    Ok(())
}

fn inspect(context: &Context<'_>, batch: &mut Batch, verdict: &Inspect) -> Result<(), Failure> {
    if batch.state == Is::Destroyed {
        return Err(finished(batch));
    }
    batch.inspection = Some(Inspection {
        passed: verdict.passed,
        organization: context.organization.to_owned(),
        report: verdict.report,
        time_ms: context.time_ms,
    });
    Ok(())
}

fn certify(batch: &mut Batch, act: &Certify) -> Result<(), Failure> {
    movable(batch)?;
    if batch.certificate.is_some() {
        return Err(Code::TraceCertified.reject(&format_args!("batch={}", batch.id)).into()); // T9
    }
    batch.certificate = Some(act.certificate);
    Ok(())
}

fn unpack(batch: &mut Batch) -> Result<(), Failure> {
    here(batch)?;
    if batch.container.take().is_none() {
        return Err(Code::TraceNotAggregated.reject(&format_args!("batch={}", batch.id)).into()); // T15
    }
    Ok(())
}

fn sell(batch: &mut Batch, quantity: &Quantity) -> Result<(), Failure> {
    movable(batch)?;
    loose(batch)?;
    take(batch, quantity)?;
    if batch.remaining == 0 {
        batch.state = Is::Sold;
    }
    Ok(())
}

fn harvest(context: &Context<'_>, batch: &mut Batch, quantity: &Quantity) -> Result<(), Failure> {
    growing(batch)?;
    if context.time_ms < batch.safe_from_ms {
        let detail = format!("batch={} time_ms={} safe_from_ms={}", batch.id, context.time_ms, batch.safe_from_ms);
        return Err(Code::TraceSafetyInterval.reject(&detail).into()); // T7
    }
    if quantity.unit != batch.quantity.unit {
        return Err(unit(batch, quantity)); // T11
    }
    (batch.quantity, batch.remaining, batch.state) = (quantity.clone(), quantity.value, Is::Active);
    Ok(())
}

fn ship(context: &Context<'_>, state: &State<'_>, batch: &mut Batch, to: &str) -> Result<(), Failure> {
    movable(batch)?;
    if to == context.organization || state.row(&organization_key(to))?.is_none() {
        return Err(Code::TraceReceiver.reject(&format_args!("batch={} to={to}", batch.id)).into()); // T16
    }
    (batch.to, batch.state) = (Some(to.to_owned()), Is::Shipped);
    Ok(())
}

fn receive(context: &Context<'_>, batch: &mut Batch) -> Result<(), Failure> {
    if batch.to.as_deref() != Some(context.organization) {
        let to = batch.to.as_deref().unwrap_or("-");
        let detail = format!("batch={} to={to} signer={}", batch.id, context.organization);
        return Err(Code::TraceNotReceiver.reject(&detail).into()); // T17
    }
    batch.from = Some(std::mem::replace(&mut batch.custodian, context.organization.to_owned()));
    (batch.to, batch.state) = (None, Is::Active);
    Ok(())
}

/// Custody goes back in one step, so that a recalled batch, which nobody can receive, can come back too.
fn back(batch: &mut Batch, to: &str) -> Result<(), Failure> {
    open(batch)?;
    let refused = |batch: &Batch| -> Failure {
        let from = batch.from.as_deref().unwrap_or("-");
        let detail =
            format!("batch={} to={to} from={from} maker={} custodian={}", batch.id, batch.maker, batch.custodian);
        Code::TraceReturn.reject(&detail).into() // T20
    };
    if batch.state == Is::Shipped {
        if to != batch.custodian {
            return Err(refused(batch));
        }
        (batch.to, batch.state) = (None, Is::Active);
        return Ok(());
    }
    here(batch)?;
    if to == batch.custodian || (batch.from.as_deref() != Some(to) && batch.maker != to) {
        return Err(refused(batch));
    }
    (batch.custodian, batch.from) = (to.to_owned(), None);
    Ok(())
}

/// T5.
fn growing(batch: &Batch) -> Result<(), Failure> {
    if batch.state == Is::Growing {
        return Ok(());
    }
    Err(Code::TraceHarvested.reject(&format_args!("batch={} state={}", batch.id, batch.state)).into())
}

/// T19.
pub(super) fn open(batch: &Batch) -> Result<(), Failure> {
    if matches!(batch.state, Is::Sold | Is::Exhausted | Is::Destroyed) { Err(finished(batch)) } else { Ok(()) }
}

fn finished(batch: &Batch) -> Failure {
    Code::TraceFinished.reject(&format_args!("batch={} state={}", batch.id, batch.state)).into()
}

/// T6, T18, T19: harvested, not on its way, not at its end.
fn here(batch: &Batch) -> Result<(), Failure> {
    open(batch)?;
    match batch.state {
        Is::Growing => Err(Code::TraceNotHarvested.reject(&format_args!("batch={}", batch.id)).into()),
        Is::Shipped => {
            let to = batch.to.as_deref().unwrap_or("-");
            Err(Code::TraceInTransit.reject(&format_args!("batch={} to={to}", batch.id)).into())
        }
        _ => Ok(()),
    }
}

/// … and its newest inspection did not fail (T8).
pub(super) fn movable(batch: &Batch) -> Result<(), Failure> {
    here(batch)?;
    match &batch.inspection {
        Some(i) if !i.passed => {
            let detail = format!("batch={} agency={} report={}", batch.id, i.organization, i.report);
            Err(Code::TraceInspectionFailed.reject(&detail).into())
        }
        _ => Ok(()),
    }
}

/// T14.
pub(super) fn loose(batch: &Batch) -> Result<(), Failure> {
    match &batch.container {
        None => Ok(()),
        Some(c) => Err(Code::TraceAggregated.reject(&format_args!("batch={} container={c}", batch.id)).into()),
    }
}

/// T10, T11: takes some of what is left.
pub(super) fn take(batch: &mut Batch, quantity: &Quantity) -> Result<(), Failure> {
    let value = quantity.in_terms_of(&batch.quantity).ok_or_else(|| unit(batch, quantity))?;
    let Some(rest) = batch.remaining.checked_sub(value) else {
        let detail = format!("batch={} remaining={} given={quantity}", batch.id, batch.rest());
        return Err(Code::TraceQuantity.reject(&detail).into());
    };
    batch.remaining = rest;
    Ok(())
}

pub(super) fn unit(batch: &Batch, quantity: &Quantity) -> Failure {
    let q = &batch.quantity;
    let detail = format!("batch={} unit={} scale={} given={quantity}", batch.id, q.unit, q.scale);
    Code::TraceUnit.reject(&detail).into()
}
