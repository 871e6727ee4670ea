//! Reading and writing the rows of batches.

use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use hnchain_types::limits;
use hnchain_types::trace::{Batch, BatchId, Event, EventKind, RECALLS_KEY, event_hash, recalls};
use std::fmt;

/// The row of a batch, if there is one.
pub(super) fn find(state: &State<'_>, id: &BatchId) -> Result<Option<Batch>, StateError> {
    let key = id.key();
    state.row(&key)?.map(|raw| Batch::decode(&raw).map_err(|e| damaged(&key, &e))).transpose()
}

/// The row of a batch that must exist because another row names it.
pub(super) fn named(state: &State<'_>, id: &BatchId) -> Result<Batch, StateError> {
    find(state, id)?.ok_or_else(|| StateError(format!("row {} is missing", id.key())))
}

/// The row of a batch that an operation names.
pub(super) fn existing(state: &State<'_>, id: &BatchId) -> Result<Batch, Failure> {
    find(state, id)?.ok_or_else(|| Code::TraceNotFound.reject(&format_args!("batch={id}")).into()) // T2
}

/// How many recalls there were.
pub(super) fn recall_count(state: &State<'_>) -> Result<u64, StateError> {
    recalls(state.row(RECALLS_KEY)?.as_deref()).map_err(|e| damaged(RECALLS_KEY, &e))
}

pub(super) fn damaged(key: &str, why: &dyn fmt::Display) -> StateError {
    StateError(format!("row {key} is damaged: {why}"))
}

/// Appends an event to a batch and writes its row.
pub(super) fn write(
    context: &Context<'_>,
    state: &mut State<'_>,
    batch: &mut Batch,
    kind: EventKind,
) -> Result<(), Failure> {
    let number = batch.events + 1;
    if number > limits::TRACE_ROWS {
        return Err(full(batch)); // T24
    }
    let event = Event {
        batch: batch.id.clone(),
        number,
        previous: (batch.events > 0).then_some(batch.head),
        organization: context.organization.to_owned(),
        height: context.height,
        time_ms: context.time_ms,
        transaction: context.transaction,
        kind,
    };
    let raw = event.encode();
    batch.head = event_hash(&raw);
    batch.events = number;
    batch.organization = event.organization;
    batch.height = context.height;
    batch.time_ms = context.time_ms;
    batch.transaction = context.transaction;
    state.put(batch.id.event_key(number), raw);
    state.put(batch.id.key(), batch.encode());
    Ok(())
}

pub(super) fn full(batch: &Batch) -> Failure {
    let detail = format!("batch={} events={} children={}", batch.id, batch.events, batch.children);
    Code::TraceFull.reject(&detail).into()
}
