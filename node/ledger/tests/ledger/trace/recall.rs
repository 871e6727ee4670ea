//! Rules T21 to T23: recalls reach every descendant, at a bounded cost.

use super::Who::{Agency, Bureau, Farm, Plant, Shop};
use super::*;
use hnchain_ledger::{StateError, execute};
use hnchain_types::trace::lineage::{RecallStatus, recall_of};
use hnchain_types::trace::{RECALLS_KEY, State, recalls};
use hnchain_types::{Height, TxId, limits};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Counts how often rows of batches are read.
struct Counting<'a> {
    state: &'a hnchain_ledger::MemoryState,
    batches: Cell<usize>,
}

impl StateView for Counting<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.batches.set(self.batches.get() + usize::from(key.starts_with("trace/batch/")));
        self.state.row(key)
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        self.state.included(id)
    }
}

/// Rows of batches that an operation would read.
fn reads(s: &mut Scene, who: Who, op: &Operation) -> usize {
    let body = s.w.body().operation(proto::operation::Kind::Trace(op.to_proto()));
    let tx = crate::scene::sign(&who.key(), &body);
    let view = Counting { state: &s.w.state, batches: Cell::new(0) };
    execute(&view, &s.w.chain, &s.w.context(), &[tx]).unwrap();
    view.batches.get()
}

/// A batch `0`, and below each batch `n` one `n + 1`.
fn line(s: &mut Scene, length: usize) {
    s.batch(Plant, "0", "5 kg");
    for n in 0..length {
        let next = (n + 1).to_string();
        s.one(Plant, split(&id(Plant, &n.to_string()), "5 kg", "0 kg", vec![part(Plant, &next, "5 kg")])).unwrap();
    }
}

#[test]
fn t21_a_recall_reaches_every_descendant_and_leaves_return_and_destroy() {
    let mut s = Scene::new();
    let root = s.batch(Farm, "A", "100 kg");
    let parts = vec![part(Farm, "B", "50 kg"), part(Farm, "C", "40 kg")];
    s.one(Farm, split(&root, "90 kg", "0 kg", parts)).unwrap();
    let (b, c) = (id(Farm, "B"), id(Farm, "C"));
    s.hand_over(&b, Farm, Plant);
    let other = s.batch(Plant, "D", "10 kg");
    s.one(Plant, transform(Plant, vec![part(Farm, "B", "50 kg"), part(Plant, "D", "5 kg")], &[("J", "20 kg")], 900))
        .unwrap();
    let juice = id(Plant, "J");
    s.hand_over(&juice, Plant, Shop);
    s.act(Bureau, &root, recall()).unwrap();
    for batch in [&root, &c] {
        for act in [certify(), ship(Shop), sell("1 kg"), aggregate(), disaggregate()] {
            assert_eq!(s.act(Farm, batch, act), refused("TRACE_RECALLED"));
        }
        assert_eq!(s.act(Agency, batch, inspect(true)), refused("TRACE_RECALLED"));
    }
    assert_eq!(s.one(Farm, split(&c, "1 kg", "0 kg", vec![part(Farm, "x", "1 kg")])), refused("TRACE_RECALLED"));
    let op = transform(Farm, vec![part(Farm, "C", "1 kg")], &[("x", "1 kg")], 1000);
    assert_eq!(s.one(Farm, op), refused("TRACE_RECALLED"));
    assert_eq!(s.act(Shop, &juice, sell("1 kg")), refused("TRACE_RECALLED"));
    // What is not a descendant goes on.
    s.act(Plant, &other, sell("1 kg")).unwrap();
    // And what is goes back, hand by hand, and ends.
    s.act(Shop, &juice, give_back(Plant)).unwrap();
    s.act(Plant, &juice, destroy()).unwrap();
    assert_eq!(s.row(&juice).state, State::Destroyed);
}

#[test]
fn t21_a_shipment_that_is_recalled_on_its_way_is_not_received_but_comes_back() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    s.act(Farm, &batch, ship(Shop)).unwrap();
    s.act(Farm, &batch, recall()).unwrap();
    assert_eq!(s.act(Shop, &batch, receive("410200")), refused("TRACE_RECALLED"));
    s.act(Shop, &batch, give_back(Farm)).unwrap();
    s.act(Farm, &batch, destroy()).unwrap();
}

#[test]
fn t22_a_batch_is_recalled_once_and_a_descendant_also_itself() {
    let mut s = Scene::new();
    let root = s.batch(Farm, "A", "10 kg");
    s.one(Farm, split(&root, "10 kg", "0 kg", vec![part(Farm, "B", "10 kg")])).unwrap();
    s.act(Farm, &root, recall()).unwrap();
    assert_eq!(s.act(Bureau, &root, recall()), refused("TRACE_RECALL_EXISTS"));
    s.act(Farm, &id(Farm, "B"), recall()).unwrap();
    let count = s.w.state.row(RECALLS_KEY).unwrap();
    assert_eq!(recalls(count.as_deref()), Ok(2));
    assert_eq!(s.row(&root).recalled.unwrap().reason, "农残超标");
}

#[test]
fn a_recall_in_a_transaction_reaches_its_later_operations() {
    let mut s = Scene::new();
    let root = s.batch(Farm, "A", "10 kg");
    s.one(Farm, split(&root, "9 kg", "0 kg", vec![part(Farm, "B", "9 kg")])).unwrap();
    let ops = [step(&root, recall()), step(&id(Farm, "B"), sell("1 kg"))];
    assert_eq!(s.all(Farm, &ops).map(|_| ()), refused("TRACE_RECALLED"));
    s.act(Farm, &id(Farm, "B"), sell("1 kg")).unwrap();
}

#[test]
fn t23_a_lineage_has_at_most_1024_ancestors() {
    let mut s = Scene::new();
    line(&mut s, limits::TRACE_ANCESTORS);
    let last = id(Plant, &limits::TRACE_ANCESTORS.to_string());
    assert_eq!(s.row(&last).ancestors as usize, limits::TRACE_ANCESTORS);
    let op = split(&last, "1 kg", "0 kg", vec![part(Plant, "x", "1 kg")]);
    assert_eq!(s.one(Plant, op), refused("TRACE_LINEAGE_LIMIT"));
    s.batch(Plant, "y", "1 kg");
    let before = (limits::TRACE_ANCESTORS - 1).to_string();
    s.force(&Batch { remaining: 1, state: State::Active, ..s.row(&id(Plant, &before)) });
    let op = transform(Plant, vec![part(Plant, "y", "1 kg"), part(Plant, &before, "1 kg")], &[("z", "1 kg")], 1000);
    assert_eq!(s.one(Plant, op), refused("TRACE_LINEAGE_LIMIT"));
    s.act(Plant, &last, sell("1 kg")).unwrap();
}

/// What one producer makes everybody read is bounded, accepted or not.
#[test]
fn t25_a_transaction_follows_so_many_ancestors_and_no_more() {
    let mut s = Scene::new();
    line(&mut s, 1_000);
    let last = id(Plant, "1000");
    s.force(&Batch { quantity: kg("1000"), remaining: 1_000, state: State::Active, ..s.row(&last) });
    for n in 0..10 {
        s.batch(Plant, &format!("y{n}"), "1 kg");
    }
    let mix = |n: usize| {
        let inputs = vec![part(Plant, &format!("y{n}"), "1 kg"), part(Plant, "1000", "1 kg")];
        transform(Plant, inputs, &[(&format!("z{n}"), "1 kg")], 1000)
    };
    let many: Vec<_> = (0..10).map(mix).collect();
    assert_eq!(s.all(Plant, &many).map(|_| ()), refused("TRACE_BUSY"));
    s.all(Plant, &many[..5]).unwrap();
}

#[test]
fn ancestors_are_counted_once_however_many_ways_lead_to_them() {
    let mut s = Scene::new();
    let root = s.batch(Plant, "A", "10 kg");
    let parts = vec![part(Plant, "B", "5 kg"), part(Plant, "C", "5 kg")];
    s.one(Plant, split(&root, "10 kg", "0 kg", parts)).unwrap();
    let inputs = vec![part(Plant, "B", "5 kg"), part(Plant, "C", "5 kg")];
    s.one(Plant, transform(Plant, inputs, &[("D", "10 kg")], 1000)).unwrap();
    assert_eq!(s.row(&id(Plant, "D")).ancestors, 3);
}

#[test]
fn a_recall_writes_three_rows_and_only_the_first_event_after_one_walks() {
    let mut s = Scene::new();
    line(&mut s, 50);
    let last = id(Plant, "50");
    let sale = step(&last, sell("1 kg"));
    assert_eq!(reads(&mut s, Plant, &sale), 1);
    let elsewhere = s.batch(Farm, "A", "1 kg");
    let body = s.w.body().operation(proto::operation::Kind::Trace(step(&elsewhere, recall()).to_proto()));
    let tx = crate::scene::sign(&Farm.key(), &body);
    let changes = s.w.append(&[tx]).changes;
    let written: Vec<_> = changes.keys().filter(|k| k.starts_with("trace/")).collect();
    assert_eq!(written.len(), 3, "{written:?}");
    assert_eq!(reads(&mut s, Plant, &sale), 51);
    s.one(Plant, sale.clone()).unwrap();
    assert_eq!(reads(&mut s, Plant, &sale), 1);
}

#[test]
fn a_verifier_decides_from_rows_as_the_ledger_does() {
    let mut s = Scene::new();
    line(&mut s, 4);
    let (batch, count) = (s.row(&id(Plant, "4")), |s: &Scene| recalls(s.w.state.row(RECALLS_KEY).unwrap().as_deref()));
    assert_eq!(recall_of(&batch, count(&s).ok(), &BTreeMap::new()), RecallStatus::Clear);
    s.act(Plant, &id(Plant, "1"), recall()).unwrap();
    let mut rows = BTreeMap::new();
    for n in [3, 2, 1, 0] {
        let given = recall_of(&batch, count(&s).ok(), &rows);
        let row = s.row(&id(Plant, &n.to_string()));
        let expected = if n == 0 { RecallStatus::By(id(Plant, "1")) } else { RecallStatus::Needs(row.id.clone()) };
        assert_eq!(given, expected);
        rows.insert(row.id.clone(), row);
    }
    let root = s.row(&id(Plant, "0"));
    assert_eq!(recall_of(&root, None, &BTreeMap::new()), RecallStatus::Clear);
}
