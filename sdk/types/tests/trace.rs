//! 农产品溯源: what operations and rows may be, and what is refused.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::codes::BatchCode;
use hnchain_types::trace::{
    Act, Aggregate, Batch, BatchId, Child, Conversion, Event, EventKind, Harvest, Input, InputKind, Operation,
    Quantity, State, Step, Used, recalls, recalls_row,
};
use hnchain_types::transaction::{BodyBuilder, Operation as Any, Transaction};
use hnchain_types::{DecodeError, limits, proto};
use prost::Message;
use support::trace::{acts, batch, batch_id, child, event, operations, quantity, split, transform, used};

/// Signs one operation, which decodes it.
fn signed(op: &Operation) -> Result<Operation, DecodeError> {
    sent(op.to_proto())
}

fn sent(op: proto::TraceOperation) -> Result<Operation, DecodeError> {
    let body = BodyBuilder::new(support::CHAIN, 1, 1, [0; 16]).operation(proto::operation::Kind::Trace(op));
    let tx = Transaction::sign(body.encode(), &support::key(1))?;
    let [Any::Trace(op)] = tx.body().operations.as_slice() else { panic!("another operation") };
    Ok(op.as_ref().clone())
}

fn act(act: Act) -> Operation {
    Step { batch: batch_id("A"), act }.into()
}

#[test]
fn every_operation_survives_its_encoding_and_its_json() {
    for op in operations() {
        assert_eq!(signed(&op).as_ref(), Ok(&op));
        let json = serde_json::to_string(&op).unwrap();
        assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), op, "{json}");
        assert!(!op.summary(true).is_ascii() && op.summary(false) != op.summary(true));
    }
}

#[test]
fn unknown_fields_of_a_document_are_refused() {
    let json = serde_json::to_string(&operations()[7]).unwrap();
    let wrong = json.replace("\"to\"", "\"too\"");
    assert!(serde_json::from_str::<Operation>(&wrong).is_err());
}

#[test]
fn codes_are_gs1_or_plain_and_have_no_slash() {
    let ok = [
        "urn:epc:id:sgtin:690123.1234567.SN-001",
        "urn:epc:id:sgtin:690123456789.1.400",
        "urn:epc:class:lgtin:690123.1234567.L%2F2024",
        "苹果-2024-001",
        "B",
    ];
    for code in ok {
        let read: BatchCode = code.parse().unwrap();
        assert_eq!((read.as_str(), read.is_gs1()), (code, code.starts_with("urn:")));
    }
    let long = "x".repeat(65);
    let wide = "苹".repeat(33);
    let refused = [
        "",
        "a/b",
        "a b",
        "a\u{200b}",
        "ａ",
        &long,
        &wide,
        "urn:epc:id:sscc:690123.1234567890",
        "URN:epc:id:sgtin:690123.1234567.1",
        "urn:epc:id:sgtin:690123.123456.1",
        "urn:epc:id:sgtin:69012.12345678.1",
        "urn:epc:id:sgtin:690123.1234567.",
        "urn:epc:id:sgtin:690123.1234567",
        "urn:epc:id:sgtin:690123.1234567.123456789012345678901",
        "urn:epc:id:sgtin:690123.1234567.a%2f",
        "urn:epc:id:sgtin:690123.1234567.a%41",
        "urn:epc:id:sgtin:690123.123456x.1",
    ];
    for code in refused {
        let error = code.parse::<BatchCode>().expect_err(code);
        assert!(!error.message_zh().is_ascii());
    }
    let full = format!("urn:epc:class:lgtin:690123.1234567.{}", "%2F".repeat(20));
    assert_eq!(full.parse::<BatchCode>().unwrap().as_str().len(), 95);
}

#[test]
fn names_are_read_as_they_are_shown_and_keys_do_not_meet() {
    let id = batch_id("苹果-2024-001");
    assert_eq!(id.to_string().parse::<BatchId>(), Ok(id.clone()));
    assert_eq!(id.event_key(7), "trace/event/91410000170001401D/苹果-2024-001/00000007");
    assert!(
        ["91410000170001401D", "x/y", "91410000170001401E/A", "91410000170001401D/a/b"]
            .iter()
            .all(|s| s.parse::<BatchId>().is_err())
    );
}

#[test]
fn quantities_are_decimals_with_a_unit_and_have_one_text() {
    for text in ["0 kg", "1 kg", "1250.5 kg", "0.000001 t", "18446744073709551615 {box}", "10.50 kg"] {
        assert_eq!(quantity(text).to_string(), text);
    }
    for text in [
        "1",
        "kg",
        "1kg",
        "-1 kg",
        "+1 kg",
        "1. kg",
        ".5 kg",
        "1e3 kg",
        "1.0000001 kg",
        "1 k g",
        "18446744073709551616 kg",
        "1 千克",
        "1 ",
        " kg",
        "1 12345678901234567",
    ] {
        assert!(text.parse::<Quantity>().is_err(), "{text}");
    }
    let (a, b) = (quantity("10.50 kg"), quantity("1.0 kg"));
    assert_eq!((a.in_terms_of(&b), b.in_terms_of(&a)), (Some(105), Some(100)));
    assert_eq!(quantity("10.55 kg").in_terms_of(&b), None);
    assert_eq!(quantity("1 t").in_terms_of(&b), None);
    assert_eq!(quantity("18446744073709551615 kg").in_terms_of(&b), None);
}

#[test]
fn operations_out_of_bounds_are_refused() {
    let long = || "x".repeat(limits::TRACE_LABEL_BYTES + 1);
    let zero = Act::Harvest(Harvest { quantity: quantity("0 kg") });
    let days = limits::TRACE_SAFETY_DAYS + 1;
    let input = Act::Input(Input { kind: InputKind::Fertilizer, product: "x".into(), safety_days: days });
    for wrong in [
        zero,
        input,
        Act::Aggregate(Aggregate { container: long() }),
        Act::Aggregate(Aggregate { container: String::new() }),
    ] {
        assert!(signed(&act(wrong.clone())).is_err(), "{wrong:?}");
    }
    let mut s = split();
    s.parts = (0..=limits::TRACE_PARTS)
        .map(|n| {
            let mut p = s.parts[0].clone();
            p.batch = batch_id(&n.to_string());
            p
        })
        .collect();
    assert!(signed(&s.clone().into()).is_err());
    s.parts.pop();
    assert!(signed(&s.clone().into()).is_ok());
    s.parts[0].batch = s.parts[1].batch.clone();
    assert!(signed(&s.clone().into()).is_err(), "named twice");
    s.parts.clear();
    assert!(signed(&s.into()).is_err());
}

#[test]
fn transformations_out_of_bounds_are_refused() {
    let good = transform();
    let mut wrong = vec![good.clone(); 7];
    wrong[0].yield_permille = 0;
    wrong[1].yield_permille = 1001;
    wrong[2].conversion = None;
    wrong[3].conversion = Some(Conversion { numerator: 0, denominator: 1 });
    wrong[4].outputs[0].quantity = quantity("30 kg");
    wrong[5].inputs.push(good.inputs[0].clone());
    wrong[6].inputs = (0..32)
        .map(|n| {
            let mut p = good.inputs[0].clone();
            p.batch = batch_id(&n.to_string());
            p
        })
        .collect();
    wrong[6].outputs = (0..3)
        .map(|n| {
            let mut o = good.outputs[0].clone();
            o.batch = batch_id(&format!("o{n}"));
            o
        })
        .collect();
    for op in wrong {
        assert!(signed(&op.clone().into()).is_err(), "{op:?}");
    }
    let mut mixed = good;
    mixed.inputs.push(mixed.inputs[0].clone());
    (mixed.inputs[1].batch, mixed.inputs[1].quantity) = (batch_id("B-2"), quantity("1 t"));
    assert!(signed(&mixed.into()).is_err());
}

#[test]
fn messages_without_their_parts_are_refused() {
    use proto::{trace_operation::Kind, trace_step::Act as Wire};
    let of = |act| proto::TraceOperation {
        kind: Some(Kind::Step(proto::TraceStep { batch: Some(batch_id("A").to_proto()), act })),
    };
    let kind = |kind| Wire::Input(proto::TraceInput { kind, product: "x".into(), safety_days: 1 });
    let wrong = [
        None,
        Some(kind(0)),
        Some(kind(3)),
        Some(Wire::Commission(proto::TraceCommission::default())),
        Some(Wire::Receive(proto::TraceReceive::default())),
        Some(Wire::Ship(proto::TraceShip::default())),
        Some(Wire::Recall(proto::TraceRecall::default())),
        Some(Wire::Inspect(proto::TraceInspect { passed: true, report: vec![1; 31] })),
    ];
    for act in wrong {
        assert!(sent(of(act.clone())).is_err(), "{act:?}");
    }
    assert!(sent(proto::TraceOperation { kind: None }).is_err());
    let step = proto::TraceStep { batch: None, act: Some(Wire::Disaggregate(proto::TraceDisaggregate {})) };
    assert!(sent(proto::TraceOperation { kind: Some(Kind::Step(step)) }).is_err());
}

#[test]
fn a_row_of_a_batch_whose_fields_do_not_fit_is_refused() {
    let change = |f: fn(&mut Batch)| {
        let mut b = batch(true);
        f(&mut b);
        Batch::decode(&b.encode())
    };
    assert!(change(|_| ()).is_ok());
    let wrong: [fn(&mut Batch); 9] = [
        |b| b.to = None,
        |b| b.state = State::Active,
        |b| b.remaining = 8126,
        |b| b.events = 0,
        |b| b.ancestors = 1,
        |b| b.ancestors = 1025,
        |b| b.parents.clear(),
        |b| b.custodian = "Henan".into(),
        |b| b.parents = (0..33).map(|n| batch_id(&n.to_string())).collect(),
    ];
    for (n, f) in wrong.into_iter().enumerate() {
        assert!(change(f).is_err(), "{n}");
    }
}

#[test]
fn rows_of_events_and_children_that_do_not_fit_are_refused() {
    let first = EventKind::Act(acts().remove(0));
    let mut wrong = event(1, first.clone());
    wrong.previous = Some(support::hash("x"));
    assert!(Event::decode(&wrong.encode()).is_err());
    let mut wrong = event(2, first);
    wrong.previous = None;
    assert!(Event::decode(&wrong.encode()).is_err());
    let EventKind::Used(none) = used(true) else { unreachable!() };
    assert!(Event::decode(&event(2, EventKind::Used(Used { children: 0, ..none })).encode()).is_err());
    let mut m = proto::TraceEvent::decode(event(8, used(false)).encode().as_slice()).unwrap();
    if let Some(proto::trace_event::Kind::Used(u)) = &mut m.kind {
        u.transformed = false;
    }
    assert!(Event::decode(&m.encode_to_vec()).is_err());
    assert!(Child::decode(&Child { number: 0, ..child() }.encode()).is_err());
    assert!(Child::decode(&Child { event: 0, ..child() }.encode()).is_err());
}

#[test]
fn the_count_of_recalls_begins_without_a_row() {
    assert_eq!(recalls(None), Ok(0));
    assert_eq!(recalls(Some(&recalls_row(3))), Ok(3));
    assert!(recalls(Some(&recalls_row(0))).is_err());
}
