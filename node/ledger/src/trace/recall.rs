//! Recalls: found by walking up, so that a recall itself costs three rows.

use super::rows;
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::State;
use hnchain_types::limits;
use hnchain_types::trace::lineage::Walk;
use hnchain_types::trace::{Act, Batch, BatchId, EventKind, RECALLS_KEY, Recall, Recalled, recalls_row};

/// T21: refuses a batch that is recalled, itself or by an ancestor; otherwise notes that it is clear now. The caller writes
/// the row.
pub(super) fn clear(state: &State<'_>, batch: &mut Batch) -> Result<(), Failure> {
    if batch.recalled.is_some() {
        return Err(refused(batch, &batch.id));
    }
    let count = rows::recall_count(state)?;
    if batch.clear_at == count {
        return Ok(());
    }
    let mut walk = Walk::new(limits::TRACE_ANCESTORS);
    add(&mut walk, batch, &batch.parents)?;
    while let Some(id) = walk.pop() {
        step(state, &batch.id)?;
        let ancestor = rows::named(state, &id)?;
        if ancestor.recalled.is_some() {
            return Err(refused(batch, &id));
        }
        add(&mut walk, batch, &ancestor.parents)?;
    }
    batch.clear_at = count;
    Ok(())
}

/// T21, T23: as [`clear`] for batches that a new one is to be made of; how many distinct ancestors it has. One walk for all
/// of them, and none for parents that are known to be clear and have no ancestors.
pub(super) fn ancestors(state: &State<'_>, id: &BatchId, parents: &mut [Batch]) -> Result<u32, Failure> {
    let limit = limits::TRACE_ANCESTORS;
    let too_many = |of: usize| -> Failure {
        Code::TraceLineageLimit.reject(&format_args!("batch={id} parents={of} limit={limit}")).into()
    };
    // A batch is not its own ancestor, so one parent needs no union.
    if let [only] = parents {
        clear(state, only)?;
        return Some(only.ancestors + 1).filter(|n| *n as usize <= limit).ok_or_else(|| too_many(1));
    }
    let (count, of) = (rows::recall_count(state)?, parents.len());
    let stale = parents.iter().any(|p| p.clear_at != count);
    let mut walk = Walk::new(limit);
    for parent in parents.iter() {
        if parent.recalled.is_some() {
            return Err(refused(parent, &parent.id));
        }
        walk.add([&parent.id]).map_err(|_| too_many(of))?;
    }
    if stale || parents.iter().any(|p| p.ancestors > 0) {
        while let Some(next) = walk.pop() {
            step(state, id)?;
            let row = rows::named(state, &next)?;
            if row.recalled.is_some() {
                return Err(Code::TraceRecalled.reject(&format_args!("batch={id} recalled={next}")).into());
            }
            walk.add(&row.parents).map_err(|_| too_many(of))?;
        }
    }
    parents.iter_mut().for_each(|p| p.clear_at = count);
    u32::try_from(walk.seen()).map_err(|_| too_many(of))
}

/// T25: one more ancestor is read.
fn step(state: &State<'_>, id: &BatchId) -> Result<(), Failure> {
    if state.walk() {
        return Ok(());
    }
    Err(Code::TraceBusy.reject(&format_args!("batch={id}")).into())
}

/// Recalls a batch. Its descendants' rows are not touched.
pub(super) fn recall(
    context: &Context<'_>,
    state: &mut State<'_>,
    mut batch: Batch,
    recall: &Recall,
) -> Result<Batch, Failure> {
    if batch.maker == context.organization {
        context.member.require(super::ENTER)?; // wherever it is by now
    } else {
        super::require_any(context, &[super::RECALL], batch.place.division)?;
    }
    if let Some(before) = &batch.recalled {
        let detail = format!("batch={} by={} height={}", batch.id, before.organization, before.height);
        return Err(Code::TraceRecallExists.reject(&detail).into()); // T22
    }
    batch.recalled = Some(Recalled {
        organization: context.organization.to_owned(),
        reason: recall.reason.clone(),
        height: context.height,
        time_ms: context.time_ms,
    });
    let count = rows::recall_count(state)?;
    state.put(RECALLS_KEY.to_owned(), recalls_row(count + 1));
    rows::write(context, state, &mut batch, EventKind::Act(Act::Recall(recall.clone())))?;
    Ok(batch)
}

fn refused(batch: &Batch, recalled: &BatchId) -> Failure {
    Code::TraceRecalled.reject(&format_args!("batch={} recalled={recalled}", batch.id)).into()
}

fn add(walk: &mut Walk, batch: &Batch, parents: &[BatchId]) -> Result<(), Failure> {
    // A batch with more ancestors was never made (T23): the rows are not what this registry wrote.
    walk.add(parents).map_err(|e| rows::damaged(&batch.id.key(), &e).into())
}
