//! New batches: commissioned, split off, transformed.

use super::{PRODUCER, acts, recall, require_any, rows};
use crate::membership::organization_key;
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use hnchain_crypto::Digest;
use hnchain_types::trace::{
    Act, Batch, BatchId, Child, Commission, EventKind, Inspection, Made, Place, Quantity, Split, State as Is,
    Transform, Used,
};
use hnchain_types::{limits, proto};

/// What a new batch is.
struct New<'a> {
    id: &'a BatchId,
    product: &'a str,
    quantity: &'a Quantity,
    place: &'a Place,
    state: Is,
    parents: Vec<BatchId>,
    ancestors: u32,
    inspection: Option<Inspection>,
    certificate: Option<Digest>,
}

/// A new batch without ancestors.
pub(super) fn commission(
    context: &Context<'_>,
    state: &mut State<'_>,
    id: &BatchId,
    op: &Commission,
) -> Result<Batch, Failure> {
    let new = New {
        id,
        product: &op.product,
        quantity: &op.quantity,
        place: &op.place,
        state: if op.growing { Is::Growing } else { Is::Active },
        parents: Vec::new(),
        ancestors: 0,
        inspection: None,
        certificate: None,
    };
    make(context, state, new, EventKind::Act(Act::Commission(op.clone())))
}

/// One batch becomes several. They are the same goods: product, verdict, certificate and place are the parent's.
pub(super) fn split(context: &Context<'_>, state: &mut State<'_>, op: &Split) -> Result<Batch, Failure> {
    let mut parent = parent(context, state, &op.batch)?;
    let ancestors = recall::ancestors(state, &op.parts[0].batch, std::slice::from_mut(&mut parent))?;
    take(&mut parent, &op.taken)?;
    balance(&parent, op)?;
    for part in &op.parts {
        let quantity = parent.quantity.with(units(&parent, &part.quantity)?);
        let new = New {
            id: &part.batch,
            product: &parent.product,
            quantity: &quantity,
            place: &parent.place,
            state: Is::Active,
            parents: vec![parent.id.clone()],
            ancestors,
            inspection: parent.inspection.clone(),
            certificate: parent.certificate,
        };
        make(context, state, new, EventKind::Made(Made { quantity: quantity.clone(), transformed: false }))?;
    }
    let children: Vec<_> = op.parts.iter().map(|p| &p.batch).collect();
    used(context, state, &mut parent, &op.taken, Some(&op.loss), &children)?;
    Ok(parent)
}

/// T11, T12.
fn balance(parent: &Batch, op: &Split) -> Result<(), Failure> {
    let taken = units(parent, &op.taken)?;
    let parts = op.parts.iter().map(|p| units(parent, &p.quantity)).collect::<Result<Vec<_>, _>>()?;
    let sum = parts.into_iter().try_fold(units(parent, &op.loss)?, u64::checked_add);
    if sum == Some(taken) {
        return Ok(());
    }
    let given = sum.map_or_else(|| "-".to_owned(), |sum| parent.quantity.with(sum).to_string());
    let detail = format!("batch={} taken={} parts_and_loss={given}", parent.id, op.taken);
    Err(Code::TraceBalance.reject(&detail).into())
}

/// Batches become other batches.
pub(super) fn transform(context: &Context<'_>, state: &mut State<'_>, op: &Transform) -> Result<Batch, Failure> {
    let parents = op.inputs.iter().map(|p| parent(context, state, &p.batch));
    let mut parents = parents.collect::<Result<Vec<_>, _>>()?;
    let ancestors = recall::ancestors(state, &op.outputs[0].batch, &mut parents)?;
    for (parent, part) in parents.iter_mut().zip(&op.inputs) {
        take(parent, &part.quantity)?;
    }
    if !op.balances() {
        let detail = format!("batch={} yield_permille={}", op.outputs[0].batch, op.yield_permille);
        return Err(Code::TraceYield.reject(&detail).into()); // T13
    }
    let ids: Vec<_> = parents.iter().map(|p| p.id.clone()).collect();
    let mut first = None;
    for output in &op.outputs {
        let new = New {
            id: &output.batch,
            product: &output.product,
            quantity: &output.quantity,
            place: &op.place,
            state: Is::Active,
            parents: ids.clone(),
            ancestors,
            inspection: None,
            certificate: None,
        };
        let kind = EventKind::Made(Made { quantity: output.quantity.clone(), transformed: true });
        let made = make(context, state, new, kind)?;
        first.get_or_insert(made);
    }
    let children: Vec<_> = op.outputs.iter().map(|o| &o.batch).collect();
    for (mut parent, part) in parents.into_iter().zip(&op.inputs) {
        used(context, state, &mut parent, &part.quantity, None, &children)?;
    }
    first.ok_or_else(|| StateError("a transformation without outputs was decoded".to_owned()).into())
}

/// T2, T4: a batch that others are to be made of, by who has it.
fn parent(context: &Context<'_>, state: &State<'_>, id: &BatchId) -> Result<Batch, Failure> {
    let parent = rows::existing(state, id)?;
    require_any(context, &[PRODUCER], parent.place.division)?;
    acts::custodian(context, &parent)?;
    Ok(parent)
}

/// Takes from a batch what others are made of.
fn take(parent: &mut Batch, taken: &Quantity) -> Result<(), Failure> {
    acts::movable(parent)?;
    acts::loose(parent)?;
    acts::take(parent, taken)?;
    if parent.remaining == 0 {
        parent.state = Is::Exhausted;
    }
    Ok(())
}

/// Writes what a parent has lost, and its children in order.
fn used(
    context: &Context<'_>,
    state: &mut State<'_>,
    parent: &mut Batch,
    taken: &Quantity,
    loss: Option<&Quantity>,
    children: &[&BatchId],
) -> Result<(), Failure> {
    let added = u32::try_from(children.len()).unwrap_or(u32::MAX);
    let first_child = parent.children.saturating_add(1);
    let last = parent.children.saturating_add(added);
    if last > limits::TRACE_ROWS {
        return Err(rows::full(parent)); // T24
    }
    parent.children = last;
    let kind = Used { taken: taken.clone(), loss: loss.cloned(), first_child, children: added };
    rows::write(context, state, parent, EventKind::Used(kind))?;
    for (child, number) in children.iter().zip(first_child..) {
        let row = Child { parent: parent.id.clone(), number, child: (*child).clone(), event: parent.events };
        state.put(parent.id.child_key(number), row.encode());
    }
    Ok(())
}

/// T1, T3: writes a new batch.
fn make(context: &Context<'_>, state: &mut State<'_>, new: New<'_>, kind: EventKind) -> Result<Batch, Failure> {
    let (id, key) = (new.id, organization_key(context.organization));
    let Some((own, _)) = state.message::<proto::Organization>(&key)? else {
        return Err(StateError(format!("row {key} is missing")).into());
    };
    if own.credit_code != id.producer.as_str() {
        return Err(Code::TraceProducer.reject(&format_args!("batch={id} signer={}", own.credit_code)).into());
    }
    if rows::find(state, id)?.is_some() {
        return Err(Code::TraceExists.reject(&format_args!("batch={id}")).into());
    }
    let mut batch = Batch {
        id: id.clone(),
        product: new.product.to_owned(),
        quantity: new.quantity.clone(),
        remaining: new.quantity.value,
        place: new.place.clone(),
        maker: context.organization.to_owned(),
        custodian: context.organization.to_owned(),
        to: None,
        from: None,
        state: new.state,
        events: 0,
        children: 0,
        parents: new.parents,
        ancestors: new.ancestors,
        inspection: new.inspection,
        safe_from_ms: 0,
        certificate: new.certificate,
        container: None,
        recalled: None,
        clear_at: rows::recall_count(state)?,
        head: Digest::ZERO,
        organization: context.organization.to_owned(),
        height: context.height,
        time_ms: context.time_ms,
        transaction: context.transaction,
    };
    rows::write(context, state, &mut batch, kind)?;
    Ok(batch)
}

fn units(batch: &Batch, quantity: &Quantity) -> Result<u64, Failure> {
    quantity.in_terms_of(&batch.quantity).ok_or_else(|| acts::unit(batch, quantity))
}
