//! The registry of 农产品溯源 (GS1 EPCIS 2.0, NY/T 1761, GB/T 29373): batches, what happens to them, and what becomes of
//! them.
//!
//! | label | rule | code |
//! |---|---|---|
//! | T1 | a new batch has a code that its producer has not used | `TRACE_EXISTS` |
//! | T2 | events are of a batch that exists | `TRACE_NOT_FOUND` |
//! | T3 | a new batch is named under the 统一社会信用代码 of the signer's organization | `TRACE_PRODUCER` |
//! | T4 | only the current custodian acts | `TRACE_CUSTODIAN` |
//! | T5 | inputs and harvest are of a growing batch | `TRACE_HARVESTED` |
//! | T6 | … and everything that moves, sells, certifies or changes it is of a harvested one | `TRACE_NOT_HARVESTED` |
//! | T7 | no harvest inside the 安全间隔期 | `TRACE_SAFETY_INTERVAL` |
//! | T8 | a batch whose newest inspection failed is not shipped, sold, certified, split, transformed or packed | `TRACE_INSPECTION_FAILED` |
//! | T9 | a batch has one 承诺达标合格证 | `TRACE_CERTIFIED` |
//! | T10 | nobody takes more than is left | `TRACE_QUANTITY` |
//! | T11 | quantities are in the batch's unit, at its scale | `TRACE_UNIT` |
//! | T12 | a split's parts and loss are exactly what it takes | `TRACE_BALANCE` |
//! | T13 | a transformation's outputs are within inputs × conversion × declared yield | `TRACE_YIELD` |
//! | T14 | a packed batch is unpacked before it is split, transformed, sold or packed again | `TRACE_AGGREGATED` |
//! | T15 | only a packed batch is unpacked | `TRACE_NOT_AGGREGATED` |
//! | T16 | a batch is shipped to another organization of the chain | `TRACE_RECEIVER` |
//! | T17 | only a batch on its way is received, by the organization that it is on its way to | `TRACE_NOT_RECEIVER` |
//! | T18 | a batch on its way is only received, inspected, recalled, returned or destroyed | `TRACE_IN_TRANSIT` |
//! | T19 | a batch that is sold out, used up or destroyed is only inspected (unless destroyed) or recalled | `TRACE_FINISHED` |
//! | T20 | a batch returns to whom it came from, or to its maker | `TRACE_RETURN` |
//! | T21 | a recalled batch, and every descendant of one, is only recalled itself, returned or destroyed | `TRACE_RECALLED` |
//! | T22 | a batch is recalled once | `TRACE_RECALL_EXISTS` |
//! | T23 | a batch has at most 1024 distinct ancestors | `TRACE_LINEAGE_LIMIT` |
//! | T24 | a batch has at most 99 999 999 events and as many children | `TRACE_FULL` |
//! | T25 | a transaction follows at most 8 192 ancestors, a block 65 536 | `TRACE_BUSY` |
//!
//! # Who
//! Roles are `Permission::Register { registry: Trace, subject, division }` with the division of the batch's place (for a
//! receipt and a transformation: the place that they name) and one of these subjects; a role without subject covers all.
//!
//! | subject | operations |
//! |---|---|
//! | `producer` | commission, input, harvest, certify, split, transform, aggregate, disaggregate |
//! | `carrier` | ship, receive |
//! | `seller` | sell, receive |
//! | `inspection` | inspect |
//! | `recall` | recall of any batch |
//! | any | return and destroy by the custodian, recall by the maker: goods must come back from wherever they are |
//!
//! # Recall with bounded cost
//! A recall writes the batch's row, one event, and the count of recalls on the chain (`trace/recalls`): three rows, however
//! many descendants there are. A batch's row says at which count it was last found clear (`clear_at`). An event whose batch
//! has the present count reads nothing more; otherwise its ancestors are read, at most 1024 rows and each once, and either
//! one is recalled (T21) or the batch is written with the present count. So only the first event of a batch after some
//! recall pays, and no event can be accepted below a recalled batch. New batches inherit the count that their parents were
//! just checked at. A verifier decides the same from proven rows: [`hnchain_types::trace::lineage::recall_of`].
//!
//! There are no cycles: children are new batches only, and parents are written when a batch is made.

mod acts;
mod make;
mod recall;
mod rows;

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::Failure;
use crate::state::State;
use hnchain_types::codes::Division;
use hnchain_types::genesis;
use hnchain_types::proto;
use hnchain_types::trace::{Act, Batch, Operation};

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Traceability;

/// May make and change batches.
pub const PRODUCER: &str = "producer";
/// May move batches.
pub const CARRIER: &str = "carrier";
/// May sell batches.
pub const SELLER: &str = "seller";
/// May give verdicts.
pub const INSPECTION: &str = "inspection";
/// May recall what others made.
pub const RECALL: &str = "recall";

/// Any role in this registry.
const ENTER: Permission<'static> = Permission::Enter { registry: genesis::Registry::Trace };

impl Registry<Operation> for Traceability {
    fn needs<'a>(&self, op: &'a Operation) -> Permission<'a> {
        match op {
            Operation::Step(step) => match &step.act {
                Act::Commission(c) => register(PRODUCER, c.place.division),
                _ => ENTER,
            },
            Operation::Split(_) => ENTER,
            Operation::Transform(t) => register(PRODUCER, t.place.division),
        }
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
        let batch = match op {
            Operation::Step(step) => match &step.act {
                Act::Commission(c) => make::commission(context, state, &step.batch, c)?,
                act => acts::act(context, state, &step.batch, act)?,
            },
            Operation::Split(split) => make::split(context, state, split)?,
            Operation::Transform(transform) => make::transform(context, state, transform)?,
        };
        Ok(changed(&batch, op.action()))
    }
}

fn register(subject: &str, division: Division) -> Permission<'_> {
    Permission::Register { registry: genesis::Registry::Trace, subject, division }
}

/// That the signer has one of some roles in a division.
fn require_any(context: &Context<'_>, subjects: &[&str], division: Division) -> Result<(), Failure> {
    let mut refused = Ok(());
    for subject in subjects {
        refused = context.member.require(register(subject, division));
        if refused.is_ok() {
            break;
        }
    }
    refused
}

fn changed(batch: &Batch, action: proto::TraceAction) -> proto::Event {
    let changed = proto::TraceChanged {
        batch: Some(batch.id.to_proto()),
        event: batch.events,
        state: batch.state.to_proto().into(),
        action: action.into(),
    };
    proto::Event { kind: Some(proto::event::Kind::Trace(changed)) }
}
