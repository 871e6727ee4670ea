//! Samples of 农产品溯源.

use super::{CHAIN, Sample, hash, key};
use hnchain_types::trace::{
    Act, Aggregate, Batch, BatchId, Certify, Child, Commission, Conversion, Destroy, Disaggregate, Event, EventKind,
    Harvest, Input, InputKind, Inspect, Inspection, Made, Operation, Output, Part, Place, Quantity, Recall, Recalled,
    Receive, Return, Sell, Ship, Split, State, Step, Transform, Used,
};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, Transaction};
use hnchain_types::{Height, proto};

pub(crate) fn batch_id(code: &str) -> BatchId {
    BatchId::new("91410000170001401D", code).unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(crate) fn place() -> Place {
    Place { division: "411282".parse().unwrap(), commitment: hash("place") }
}

/// One act of each kind.
pub(crate) fn acts() -> Vec<Act> {
    let reason = || "农残超标".to_owned();
    vec![
        Act::Commission(Commission {
            product: "06901234567892".into(),
            quantity: quantity("1000.0 kg"),
            place: place(),
            growing: true,
        }),
        Act::Input(Input { kind: InputKind::Pesticide, product: "PD20240001".into(), safety_days: 14 }),
        Act::Harvest(Harvest { quantity: quantity("812.5 kg") }),
        Act::Inspect(Inspect { passed: true, report: hash("report") }),
        Act::Certify(Certify { certificate: hash("certificate") }),
        Act::Aggregate(Aggregate { container: "托盘-7".into() }),
        Act::Disaggregate(Disaggregate {}),
        Act::Ship(Ship { to: "zhengzhou".into() }),
        Act::Receive(Receive { place: place() }),
        Act::Sell(Sell { quantity: quantity("2.5 kg") }),
        Act::Recall(Recall { reason: reason() }),
        Act::Return(Return { to: "henan".into(), reason: reason(), place: place() }),
        Act::Destroy(Destroy { reason: reason() }),
    ]
}

pub(crate) fn split() -> Split {
    let part = |code: &str, q: &str| Part { batch: batch_id(code), quantity: quantity(q) };
    Split {
        batch: batch_id("苹果-2024-001"),
        taken: quantity("100.0 kg"),
        loss: quantity("0.5 kg"),
        parts: vec![part("B-1", "50.0 kg"), part("B-2", "49.5 kg")],
    }
}

pub(crate) fn transform() -> Transform {
    Transform {
        inputs: vec![Part { batch: batch_id("B-1"), quantity: quantity("50.0 kg") }],
        outputs: vec![Output {
            batch: batch_id("urn:epc:class:lgtin:690123.1234567.L2024%2F01"),
            product: "苹果汁".into(),
            quantity: quantity("30 {box}"),
        }],
        place: place(),
        yield_permille: 900,
        conversion: Some(Conversion { numerator: 2, denominator: 3 }),
    }
}

pub(crate) fn operations() -> Vec<Operation> {
    let step = |act| Step { batch: batch_id("苹果-2024-001"), act }.into();
    let mut all: Vec<Operation> = acts().into_iter().map(step).collect();
    all.extend([split().into(), transform().into()]);
    all
}

pub(crate) fn trace_body() -> Vec<u8> {
    let body = BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [10; 16]);
    let add = |body: BodyBuilder, op: Operation| body.operation(proto::operation::Kind::Trace(op.to_proto()));
    operations().into_iter().fold(body, add).encode()
}

fn trace_transaction() -> Transaction {
    Transaction::sign(trace_body(), &key(11)).unwrap()
}

fn trace_receipt() -> Receipt {
    let changed = |action: proto::TraceAction, event| proto::Event {
        kind: Some(proto::event::Kind::Trace(proto::TraceChanged {
            batch: Some(batch_id("苹果-2024-001").to_proto()),
            event,
            state: proto::TraceState::Active.into(),
            action: action.into(),
        })),
    };
    let events = vec![changed(proto::TraceAction::Commission, 1), changed(proto::TraceAction::Split, 2)];
    Receipt::new(trace_transaction().id(), Height(5), 0, Outcome::Accepted(events))
}

/// A batch with everything, or with as little as there can be.
pub(crate) fn batch(full: bool) -> Batch {
    let inspection =
        Inspection { passed: false, organization: "henan".into(), report: hash("report"), time_ms: 1_700_000_000_001 };
    let recalled = Recalled {
        organization: "henan".into(),
        reason: "农残超标".into(),
        height: Height(9),
        time_ms: 1_700_000_000_009,
    };
    Batch {
        id: batch_id("苹果-2024-001"),
        product: "06901234567892".into(),
        quantity: quantity("812.5 kg"),
        remaining: 7125,
        place: place(),
        maker: "henan".into(),
        custodian: "zhengzhou".into(),
        to: full.then(|| "henan".into()),
        from: full.then(|| "henan".into()),
        state: if full { State::Shipped } else { State::Active },
        events: 7,
        children: u32::from(full) * 2,
        parents: if full { vec![batch_id("B-1"), batch_id("B-2")] } else { vec![] },
        ancestors: u32::from(full) * 3,
        inspection: full.then_some(inspection),
        safe_from_ms: u64::from(full) * 1_700_000_000_000,
        certificate: full.then(|| hash("certificate")),
        container: full.then(|| "托盘-7".into()),
        recalled: full.then_some(recalled),
        clear_at: u64::from(full) * 3,
        head: hash("event"),
        organization: "zhengzhou".into(),
        height: Height(9),
        time_ms: 1_700_000_000_009,
        transaction: super::transaction().id(),
    }
}

pub(crate) fn event(number: u32, kind: EventKind) -> Event {
    Event {
        batch: batch_id("苹果-2024-001"),
        number,
        previous: (number > 1).then(|| hash("event before")),
        organization: "zhengzhou".into(),
        height: Height(9),
        time_ms: 1_700_000_000_009,
        transaction: super::transaction().id(),
        kind,
    }
}

pub(crate) fn used(loss: bool) -> EventKind {
    let (taken, loss) = (quantity("100.0 kg"), loss.then(|| quantity("0.5 kg")));
    EventKind::Used(Used { taken, loss, first_child: 3, children: 2 })
}

pub(crate) fn child() -> Child {
    Child { parent: batch_id("苹果-2024-001"), number: 3, child: batch_id("B-1"), event: 8 }
}

/// Everything of it that is protobuf.
pub(crate) fn samples() -> Vec<Sample> {
    let again_batch: fn(&[u8]) -> _ = |raw| Batch::decode(raw).map(|b| b.encode());
    let again_event: fn(&[u8]) -> _ = |raw| Event::decode(raw).map(|e| e.encode());
    let made = EventKind::Made(Made { quantity: quantity("30 {box}"), transformed: true });
    vec![
        Sample {
            name: "transaction-trace",
            bytes: trace_transaction().raw().to_vec(),
            again: super::again_transaction,
        },
        Sample { name: "receipt-trace", bytes: trace_receipt().raw().to_vec(), again: super::again_receipt },
        Sample { name: "trace-batch", bytes: batch(true).encode(), again: again_batch },
        Sample { name: "trace-batch-small", bytes: batch(false).encode(), again: again_batch },
        Sample {
            name: "trace-event-first",
            bytes: event(1, EventKind::Act(acts().remove(0))).encode(),
            again: again_event,
        },
        Sample { name: "trace-event-split", bytes: event(8, used(true)).encode(), again: again_event },
        Sample { name: "trace-event-used", bytes: event(9, used(false)).encode(), again: again_event },
        Sample { name: "trace-event-made", bytes: event(1, made).encode(), again: again_event },
        Sample { name: "trace-child", bytes: child().encode(), again: |raw| Child::decode(raw).map(|c| c.encode()) },
    ]
}
