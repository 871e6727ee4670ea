//! Rules T1 to T20 and T24.

use super::Who::{Agency, Farm, Plant, Shop};
use super::*;
use hnchain_types::trace::lineage::balances;
use hnchain_types::trace::{Child, Conversion, EventKind, State};
use hnchain_types::{limits, trace};

const DAY: u64 = 24 * 3_600_000;

#[test]
fn a_commissioned_batch_is_with_its_maker_and_has_one_event() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "urn:epc:class:lgtin:690123.1234567.L2024-01", "1000.0 kg");
    let row = s.row(&batch);
    assert_eq!((row.state, row.remaining, row.custodian.as_str()), (State::Active, 10_000, "farm"));
    assert_eq!((row.maker.as_str(), row.events, row.children, row.ancestors), ("farm", 1, 0, 0));
    let raw = s.w.state.row(&batch.event_key(1)).unwrap().unwrap();
    assert_eq!(row.head, digest_of(&raw));
    assert_eq!(s.event(&batch, 1).previous, None);
}

#[test]
fn every_event_names_the_one_before_and_the_row_names_the_last() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "100 kg");
    s.act(Agency, &batch, inspect(true)).unwrap();
    s.act(Farm, &batch, certify()).unwrap();
    s.hand_over(&batch, Farm, Plant);
    let events = s.events(&batch);
    assert_eq!(events.len(), 5);
    let mut before = None;
    for event in &events {
        assert_eq!(event.previous, before);
        before = Some(digest_of(&event.encode()));
    }
    assert_eq!(before, Some(s.row(&batch).head));
    assert!(balances(&s.row(&batch), &events));
    assert!(!balances(&s.row(&batch), &events[..4]), "an event is left out");
}

#[test]
fn a_receipt_says_what_the_batch_became() {
    let mut s = Scene::new();
    let events = s.all(Farm, &[commission(Farm, "A", "5 kg", false), step(&id(Farm, "A"), ship(Shop))]).unwrap();
    let Some(proto::event::Kind::Trace(changed)) = &events[1].kind else { panic!("another event") };
    let json = trace::event_json(changed);
    assert_eq!(json["state"], "shipped");
    assert_eq!((json["event"].as_u64(), json["action"].as_str()), (Some(2), Some("ship")));
}

#[test]
fn t1_a_code_is_used_once_by_a_producer() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    assert_eq!(s.one(Farm, commission(Farm, "A", "1 kg", true)), refused("TRACE_EXISTS"));
    let again = split(&batch, "10 kg", "0 kg", vec![part(Farm, "A", "10 kg")]);
    assert_eq!(s.one(Farm, again), refused("TRACE_EXISTS"));
    let again = transform(Farm, vec![part(Farm, "A", "10 kg")], &[("A", "10 kg")], 1000);
    // A transformation of the farm happens in its own division.
    assert_eq!(s.one(Farm, again), refused("TRACE_EXISTS"));
    s.batch(Plant, "A", "10 kg");
}

#[test]
fn t2_events_are_of_a_batch_that_exists() {
    let mut s = Scene::new();
    let none = id(Farm, "none");
    for act in [inspect(true), ship(Shop), recall(), destroy(), receive("411200")] {
        assert_eq!(s.act(Farm, &none, act), refused("TRACE_NOT_FOUND"));
    }
    assert_eq!(s.one(Farm, split(&none, "1 kg", "0 kg", vec![part(Farm, "x", "1 kg")])), refused("TRACE_NOT_FOUND"));
    let op = transform(Farm, vec![part(Farm, "none", "1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Farm, op), refused("TRACE_NOT_FOUND"));
}

#[test]
fn t3_a_batch_is_named_under_the_signers_own_code() {
    let mut s = Scene::new();
    let mut op = commission(Farm, "A", "1 kg", false);
    let Operation::Step(inner) = &mut op else { unreachable!() };
    inner.batch = id(Plant, "A");
    assert_eq!(s.one(Farm, op), refused("TRACE_PRODUCER"));
    let batch = s.batch(Farm, "A", "1 kg");
    let op = split(&batch, "1 kg", "0 kg", vec![part(Plant, "B", "1 kg")]);
    assert_eq!(s.one(Farm, op), refused("TRACE_PRODUCER"));
}

#[test]
fn t4_only_the_custodian_acts() {
    let mut s = Scene::new();
    let batch = s.batch(Plant, "A", "10 kg");
    s.hand_over(&batch, Plant, Shop);
    s.act(Shop, &batch, ship(Plant)).unwrap();
    s.act(Plant, &batch, receive("410100")).unwrap();
    let other = s.batch(Farm, "B", "10 kg");
    s.hand_over(&other, Farm, Plant);
    // Back in the farm's division by its place, but the plant has it.
    let mut row = s.row(&other);
    row.place = place("411200");
    s.force(&row);
    for act in [certify(), ship(Shop), sell("1 kg"), destroy(), aggregate(), give_back(Farm)] {
        assert_eq!(s.act(Farm, &other, act), refused("TRACE_CUSTODIAN"));
    }
    assert_eq!(s.one(Farm, split(&other, "1 kg", "0 kg", vec![part(Farm, "x", "1 kg")])), refused("TRACE_CUSTODIAN"));
    let op = transform(Farm, vec![part(Farm, "B", "1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Farm, op), refused("TRACE_CUSTODIAN"));
}

#[test]
fn t5_t6_inputs_and_harvest_are_of_growing_batches_and_the_rest_of_harvested_ones() {
    let mut s = Scene::new();
    s.one(Farm, commission(Farm, "A", "900 kg", true)).unwrap();
    let batch = id(Farm, "A");
    for act in [certify(), ship(Shop), sell("1 kg"), aggregate(), disaggregate(), give_back(Farm)] {
        assert_eq!(s.act(Farm, &batch, act), refused("TRACE_NOT_HARVESTED"));
    }
    let op = split(&batch, "1 kg", "0 kg", vec![part(Farm, "x", "1 kg")]);
    assert_eq!(s.one(Farm, op), refused("TRACE_NOT_HARVESTED"));
    let op = transform(Farm, vec![part(Farm, "A", "1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Farm, op), refused("TRACE_NOT_HARVESTED"));
    s.act(Farm, &batch, harvest("812.5 kg")).unwrap();
    let row = s.row(&batch);
    assert_eq!((row.quantity.to_string().as_str(), row.remaining, row.state), ("812.5 kg", 8125, State::Active));
    assert_eq!(s.act(Farm, &batch, harvest("812.5 kg")), refused("TRACE_HARVESTED"));
    assert_eq!(s.act(Farm, &batch, input(0)), refused("TRACE_HARVESTED"));
    s.act(Farm, &batch, ship(Shop)).unwrap();
}

#[test]
fn t7_no_harvest_inside_the_safety_interval_and_the_latest_one_counts() {
    let mut s = Scene::new();
    s.one(Farm, commission(Farm, "A", "900 kg", true)).unwrap();
    let batch = id(Farm, "A");
    let used = s.w.next_time();
    s.act(Farm, &batch, input(14)).unwrap();
    s.act(Farm, &batch, input(3)).unwrap();
    s.act(Farm, &batch, input(0)).unwrap();
    assert_eq!(s.row(&batch).safe_from_ms, used + 14 * DAY);
    assert_eq!(s.act(Farm, &batch, harvest("1 kg")), refused("TRACE_SAFETY_INTERVAL"));
    s.w.sleep(used + 14 * DAY - 1 - s.w.next_time());
    assert_eq!(s.act(Farm, &batch, harvest("1 kg")), refused("TRACE_SAFETY_INTERVAL"));
    s.act(Farm, &batch, harvest("1 kg")).unwrap();
}

#[test]
fn t8_a_failed_inspection_blocks_what_moves_goods_on_until_the_next_one_passes() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    s.act(Agency, &batch, inspect(false)).unwrap();
    for act in [certify(), ship(Shop), sell("1 kg"), aggregate()] {
        assert_eq!(s.act(Farm, &batch, act), refused("TRACE_INSPECTION_FAILED"));
    }
    let op = split(&batch, "1 kg", "0 kg", vec![part(Farm, "x", "1 kg")]);
    assert_eq!(s.one(Farm, op), refused("TRACE_INSPECTION_FAILED"));
    let op = transform(Farm, vec![part(Farm, "A", "1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Farm, op), refused("TRACE_INSPECTION_FAILED"));
    s.act(Agency, &batch, inspect(true)).unwrap();
    s.act(Farm, &batch, certify()).unwrap();
    s.act(Farm, &batch, ship(Shop)).unwrap();
    s.act(Agency, &batch, inspect(false)).unwrap();
    s.act(Shop, &batch, receive("410200")).unwrap();
    assert_eq!(s.act(Shop, &batch, sell("1 kg")), refused("TRACE_INSPECTION_FAILED"));
    s.act(Shop, &batch, give_back(Farm)).unwrap();
    s.act(Farm, &batch, destroy()).unwrap();
}

#[test]
fn t9_a_batch_is_certified_once() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    s.act(Farm, &batch, certify()).unwrap();
    assert_eq!(s.act(Farm, &batch, certify()), refused("TRACE_CERTIFIED"));
}

#[test]
fn t10_nobody_takes_more_than_is_left() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10.0 kg");
    s.act(Farm, &batch, sell("4 kg")).unwrap();
    assert_eq!(s.act(Farm, &batch, sell("6.1 kg")), refused("TRACE_QUANTITY"));
    let op = split(&batch, "7 kg", "0 kg", vec![part(Farm, "x", "7 kg")]);
    assert_eq!(s.one(Farm, op), refused("TRACE_QUANTITY"));
    let op = transform(Farm, vec![part(Farm, "A", "6.1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Farm, op), refused("TRACE_QUANTITY"));
    s.act(Farm, &batch, sell("6.0 kg")).unwrap();
    assert_eq!((s.row(&batch).remaining, s.row(&batch).state), (0, State::Sold));
    assert!(balances(&s.row(&batch), &s.events(&batch)));
}

#[test]
fn t11_quantities_are_in_the_batchs_unit_and_scale() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10.0 kg");
    for wrong in ["1 t", "0.25 kg", "1 KG"] {
        assert_eq!(s.act(Farm, &batch, sell(wrong)), refused("TRACE_UNIT"), "{wrong}");
    }
    s.act(Farm, &batch, sell("0.500 kg")).unwrap();
    assert_eq!(s.row(&batch).remaining, 95);
    let op = split(&batch, "2 kg", "0 kg", vec![part(Farm, "x", "2000 g")]);
    assert_eq!(s.one(Farm, op), refused("TRACE_UNIT"));
    let op = split(&batch, "2 kg", "0 g", vec![part(Farm, "x", "2 kg")]);
    assert_eq!(s.one(Farm, op), refused("TRACE_UNIT"));
    s.one(Farm, commission(Farm, "B", "1 t", true)).unwrap();
    assert_eq!(s.act(Farm, &id(Farm, "B"), harvest("900 kg")), refused("TRACE_UNIT"));
}

#[test]
fn t12_parts_and_loss_are_exactly_what_a_split_takes() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "100.0 kg");
    s.act(Agency, &batch, inspect(true)).unwrap();
    s.act(Farm, &batch, certify()).unwrap();
    for (taken, loss, each) in [("90 kg", "1 kg", "45 kg"), ("90 kg", "0 kg", "44.9 kg"), ("9 kg", "0 kg", "45 kg")] {
        let parts = vec![part(Farm, "B", each), part(Farm, "C", each)];
        assert_eq!(s.one(Farm, split(&batch, taken, loss, parts)), refused("TRACE_BALANCE"));
    }
    let huge = format!("{} kg", u64::MAX / 10);
    let parts = vec![part(Farm, "B", &huge), part(Farm, "C", &huge)];
    assert_eq!(s.one(Farm, split(&batch, "90 kg", "0 kg", parts)), refused("TRACE_BALANCE"));
    let parts = vec![part(Farm, "B", "45 kg"), part(Farm, "C", "44.5 kg")];
    s.one(Farm, split(&batch, "90 kg", "0.5 kg", parts)).unwrap();
    let (row, child) = (s.row(&batch), s.row(&id(Farm, "C")));
    assert_eq!((row.remaining, row.children, row.state), (100, 2, State::Active));
    assert_eq!((child.remaining, child.parents, child.ancestors), (445, vec![batch.clone()], 1));
    assert_eq!((child.certificate, child.inspection), (row.certificate, row.inspection.clone()));
    let raw = s.w.state.row(&batch.child_key(2)).unwrap().unwrap();
    let link = Child { parent: batch.clone(), number: 2, child: id(Farm, "C"), event: 4 };
    assert_eq!(Child::decode(&raw), Ok(link));
    let EventKind::Used(used) = s.event(&batch, 4).kind else { panic!("another event") };
    assert_eq!((used.first_child, used.children, used.loss), (1, 2, Some(kg("0.5"))));
    assert!(balances(&row, &s.events(&batch)));
}

#[test]
fn t13_outputs_are_within_conversion_and_yield() {
    let mut s = Scene::new();
    s.batch(Plant, "A", "100 kg");
    s.batch(Plant, "B", "50.5 kg");
    let inputs = || vec![part(Plant, "A", "100 kg"), part(Plant, "B", "50.5 kg")];
    let juice = |amount: &str, permille| transform(Plant, inputs(), &[("J", amount), ("K", "10 kg")], permille);
    assert_eq!(s.one(Plant, juice("140.6 kg", 1000)), refused("TRACE_YIELD"));
    assert_eq!(s.one(Plant, juice("65.251 kg", 500)), refused("TRACE_YIELD"));
    let Operation::Transform(mut boxes) = juice("7 {box}", 1000) else { unreachable!() };
    boxes.outputs.pop();
    // A box holds 21.5 kg: 150.5 kg are exactly seven.
    boxes.conversion = Some(Conversion { numerator: 2, denominator: 43 });
    let mut eight = boxes.clone();
    eight.outputs[0].quantity = "8 {box}".parse().unwrap();
    assert_eq!(s.one(Plant, eight.into()), refused("TRACE_YIELD"));
    s.one(Plant, boxes.into()).unwrap();
    let (a, made) = (s.row(&id(Plant, "A")), s.row(&id(Plant, "J")));
    assert_eq!((a.state, a.remaining, a.children), (State::Exhausted, 0, 1));
    assert_eq!((made.parents.len(), made.ancestors, made.remaining), (2, 2, 7));
    assert_eq!(s.act(Plant, &id(Plant, "A"), sell("1 kg")), refused("TRACE_FINISHED"));
    assert!(balances(&a, &s.events(&id(Plant, "A"))) && balances(&made, &s.events(&id(Plant, "J"))));
}

#[test]
fn the_largest_sums_of_a_transformation_do_not_overflow() {
    let (most, all) = (Quantity::new(u64::MAX, 0, "kg").unwrap(), limits::TRACE_PARTS);
    let mut op = Transform {
        inputs: (0..all).map(|i| Part { batch: id(Farm, &i.to_string()), quantity: most.clone() }).collect(),
        outputs: vec![Output { batch: id(Farm, "x"), product: "x".to_owned(), quantity: most.clone() }],
        place: place("411200"),
        yield_permille: 1000,
        conversion: Some(Conversion { numerator: 1_000_000, denominator: 1_000_000 }),
    };
    assert!(op.balances());
    op.inputs.truncate(1);
    op.outputs = vec![op.outputs[0].clone(); all];
    assert!(!op.balances());
}

#[test]
fn t14_t15_a_packed_batch_is_unpacked_first_and_only_a_packed_one() {
    let mut s = Scene::new();
    let batch = s.batch(Plant, "A", "10 kg");
    assert_eq!(s.act(Plant, &batch, disaggregate()), refused("TRACE_NOT_AGGREGATED"));
    s.act(Plant, &batch, aggregate()).unwrap();
    for act in [aggregate(), sell("1 kg")] {
        assert_eq!(s.act(Plant, &batch, act), refused("TRACE_AGGREGATED"));
    }
    let op = split(&batch, "1 kg", "0 kg", vec![part(Plant, "x", "1 kg")]);
    assert_eq!(s.one(Plant, op), refused("TRACE_AGGREGATED"));
    let op = transform(Plant, vec![part(Plant, "A", "1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Plant, op), refused("TRACE_AGGREGATED"));
    s.act(Plant, &batch, ship(Farm)).unwrap();
    s.act(Farm, &batch, receive("411200")).unwrap();
    assert_eq!(s.row(&batch).container.as_deref(), Some("托盘-7"));
    s.act(Farm, &batch, disaggregate()).unwrap();
    s.act(Farm, &batch, sell("1 kg")).unwrap();
}

#[test]
fn t16_t17_t18_a_batch_goes_to_another_member_who_receives_it() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    assert_eq!(s.act(Farm, &batch, ship(Farm)), refused("TRACE_RECEIVER"));
    let nowhere = Act::Ship(Ship { to: "nobody".to_owned() });
    assert_eq!(s.act(Farm, &batch, nowhere), refused("TRACE_RECEIVER"));
    assert_eq!(s.act(Plant, &batch, receive("410100")), refused("TRACE_NOT_RECEIVER"));
    s.act(Farm, &batch, ship(Plant)).unwrap();
    assert_eq!(s.act(Shop, &batch, receive("410200")), refused("TRACE_NOT_RECEIVER"));
    assert_eq!(s.act(Farm, &batch, receive("411200")), refused("TRACE_NOT_RECEIVER"));
    for act in [ship(Shop), sell("1 kg"), certify(), aggregate(), disaggregate()] {
        assert_eq!(s.act(Farm, &batch, act), refused("TRACE_IN_TRANSIT"));
    }
    s.act(Agency, &batch, inspect(true)).unwrap();
    s.act(Plant, &batch, receive("410100")).unwrap();
    let row = s.row(&batch);
    assert_eq!((row.custodian.as_str(), row.from.as_deref(), row.to), ("plant", Some("farm"), None));
    assert_eq!(row.place.division.as_str(), "410100");
}

#[test]
fn t19_the_end_is_the_end() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    s.act(Farm, &batch, destroy()).unwrap();
    assert_eq!((s.row(&batch).remaining, s.row(&batch).state), (0, State::Destroyed));
    assert!(balances(&s.row(&batch), &s.events(&batch)));
    for act in [certify(), ship(Shop), sell("1 kg"), aggregate(), disaggregate(), destroy(), give_back(Plant)] {
        assert_eq!(s.act(Farm, &batch, act), refused("TRACE_FINISHED"));
    }
    assert_eq!(s.act(Agency, &batch, inspect(true)), refused("TRACE_FINISHED"));
    let sold = s.batch(Farm, "B", "10 kg");
    s.act(Farm, &sold, sell("10 kg")).unwrap();
    assert_eq!(s.act(Farm, &sold, destroy()), refused("TRACE_FINISHED"));
    s.act(Agency, &sold, inspect(false)).unwrap();
}

#[test]
fn t20_a_batch_returns_to_whom_it_came_from_or_to_its_maker() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    for to in [Farm, Plant] {
        assert_eq!(s.act(Farm, &batch, give_back(to)), refused("TRACE_RETURN"));
    }
    s.hand_over(&batch, Farm, Plant);
    s.hand_over(&batch, Plant, Shop);
    assert_eq!(s.act(Shop, &batch, give_back(Agency)), refused("TRACE_RETURN"));
    assert_eq!(s.act(Shop, &batch, give_back(Shop)), refused("TRACE_RETURN"));
    s.act(Shop, &batch, give_back(Farm)).unwrap();
    assert_eq!((s.row(&batch).custodian.as_str(), s.row(&batch).from), ("farm", None));
}

#[test]
fn a_shipment_is_taken_back_by_its_sender_or_refused_by_its_receiver() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    for who in [Farm, Shop] {
        s.act(Farm, &batch, ship(Shop)).unwrap();
        assert_eq!(s.act(who, &batch, give_back(Shop)), refused("TRACE_RETURN"));
        s.act(who, &batch, give_back(Farm)).unwrap();
        assert_eq!((s.row(&batch).state, s.row(&batch).custodian.as_str()), (State::Active, "farm"));
    }
    s.act(Farm, &batch, ship(Shop)).unwrap();
    s.act(Farm, &batch, destroy()).unwrap();
    assert_eq!(s.row(&batch).to, None);
}

#[test]
fn t24_events_and_children_have_eight_digits() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    let mut row = s.row(&batch);
    row.children = limits::TRACE_ROWS - 1;
    s.force(&row);
    let parts = vec![part(Farm, "x", "1 kg"), part(Farm, "y", "1 kg")];
    assert_eq!(s.one(Farm, split(&batch, "2 kg", "0 kg", parts)), refused("TRACE_FULL"));
    s.one(Farm, split(&batch, "1 kg", "0 kg", vec![part(Farm, "x", "1 kg")])).unwrap();
    let mut row = s.row(&batch);
    row.events = limits::TRACE_ROWS;
    s.force(&row);
    assert_eq!(s.act(Agency, &batch, inspect(true)), refused("TRACE_FULL"));
}

#[test]
fn a_refused_operation_takes_the_whole_transaction_with_it() {
    let mut s = Scene::new();
    let ops = [commission(Farm, "A", "1 kg", false), step(&id(Farm, "A"), sell("2 kg"))];
    assert_eq!(s.all(Farm, &ops).map(|_| ()), refused("TRACE_QUANTITY"));
    assert!(s.w.state.rows().keys().all(|k| !k.starts_with("trace/")));
}

#[test]
fn the_largest_rows_stay_within_their_limits() {
    let mut s = Scene::new();
    let code = |n: usize| format!("{n:02}{}", "x".repeat(62));
    let ops: Vec<_> = (0..32).map(|n| commission(Farm, &code(n), "1.000000 kg", false)).collect();
    s.all(Farm, &ops).unwrap();
    let inputs = (0..32).map(|n| part(Farm, &code(n), "0.5 kg")).collect();
    let mut op = transform(Farm, inputs, &[("out", "1 kg"), ("out2", "1 kg")], 1000);
    let Operation::Transform(t) = &mut op else { unreachable!() };
    t.outputs[0].product = "p".repeat(limits::TRACE_LABEL_BYTES);
    s.one(Farm, op).unwrap();
    let size = |key: String| s.w.state.row(&key).unwrap().unwrap().len();
    let row = size(id(Farm, "out").key());
    assert!(row < 4096, "{row}");
    assert!(size(id(Farm, &code(0)).key()) < 512);
}
