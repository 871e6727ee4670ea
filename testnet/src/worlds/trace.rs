//! Batches of apples from 灵宝: made, inspected, certified, most of them split into boxes and shipped.

use super::{Step, chance, commitment};
use crate::offices::OFFICES;
use hnchain_types::proto::{self, trace_operation, trace_step::Act};

const PRODUCER: usize = 3;
const AGENCY: usize = 4;
const SHOP: usize = 7;

pub(super) fn history(seed: u64, i: u64) -> Vec<Step> {
    let batch = id(&format!("W{seed:04}-{i:08}"));
    let kilograms = 100 + chance(seed, "weight", i, 900);
    let commission = proto::TraceCommission {
        product: "苹果".to_owned(),
        quantity: Some(kg(kilograms)),
        place: Some(place(seed, "411282", i)),
        growing: false,
    };
    let inspect = proto::TraceInspect { passed: true, report: commitment(seed, "report", i) };
    let certify = proto::TraceCertify { certificate: commitment(seed, "conformity", i) };
    let mut steps = vec![
        step(PRODUCER, &batch, Act::Commission(commission)),
        step(AGENCY, &batch, Act::Inspect(inspect)),
        step(PRODUCER, &batch, Act::Certify(certify)),
    ];
    if chance(seed, "fate", i, 4) > 0 {
        let ship = proto::TraceShip { to: OFFICES[SHOP].id.to_owned() };
        steps.push(step(PRODUCER, &batch, Act::Ship(ship)));
        steps.push(step(SHOP, &batch, Act::Receive(proto::TraceReceive { place: Some(place(seed, "410102", i)) })));
        steps.push(step(SHOP, &batch, Act::Sell(proto::TraceSell { quantity: Some(kg(kilograms / 2)) })));
    }
    steps
}

pub(crate) fn id(code: &str) -> proto::TraceBatchId {
    proto::TraceBatchId { producer: OFFICES[PRODUCER].credit_code.to_owned(), code: code.to_owned() }
}

/// Kilograms.
pub(crate) fn kg(value: u64) -> proto::TraceQuantity {
    proto::TraceQuantity { value, scale: 0, unit: "kg".to_owned() }
}

pub(crate) fn place(seed: u64, division: &str, i: u64) -> proto::TracePlace {
    proto::TracePlace { division: division.to_owned(), commitment: commitment(seed, "address", i) }
}

/// The operation that one act is.
pub(crate) fn act(batch: &proto::TraceBatchId, act: Act) -> proto::operation::Kind {
    let step = proto::TraceStep { batch: Some(batch.clone()), act: Some(act) };
    proto::operation::Kind::Trace(proto::TraceOperation { kind: Some(trace_operation::Kind::Step(step)) })
}

/// Readable key of a batch.
pub(crate) fn key(batch: &proto::TraceBatchId) -> String {
    format!("trace/batch/{}/{}", batch.producer, batch.code)
}

fn step(office: usize, batch: &proto::TraceBatchId, what: Act) -> Step {
    Step { office: OFFICES[office].id, operation: act(batch, what), row: key(batch) }
}
