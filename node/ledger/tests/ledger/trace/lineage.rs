//! A lineage of many batches: a recall of its root, and pages of its descendants.

use super::Who::Plant;
use super::*;
use hnchain_ledger::MemoryState;
use hnchain_types::trace::lineage::{Broken, Descent, Found, Need};
use hnchain_types::trace::{Child, Conversion};
use std::collections::BTreeSet;
use std::ops::Bound;

/// At most this many rows under a prefix after a key, as a node lists them.
fn rows(state: &MemoryState, prefix: &str, after: &str, limit: usize) -> Vec<Vec<u8>> {
    let begin = Bound::Excluded(after.to_owned().max(prefix.to_owned()));
    let all = state.rows().range((begin, Bound::Unbounded)).take_while(|(k, _)| k.starts_with(prefix));
    all.take(limit).map(|(_, v)| v.clone()).collect()
}

/// Descendants of a batch, with pages of this size; also the most children that were held at once.
struct Search<'a> {
    state: &'a MemoryState,
    descent: Descent,
    page: usize,
    asked: usize,
    held: usize,
}

impl<'a> Search<'a> {
    fn new(state: &'a MemoryState, root: &BatchId, page: usize) -> Self {
        Self { state, descent: Descent::new(root.clone()), page, asked: 0, held: 0 }
    }

    fn step(&mut self) -> Result<Option<Found>, Broken> {
        loop {
            self.held = self.held.max(self.descent.held());
            match self.descent.poll() {
                Need::Batch(id) => {
                    let raw = self.state.row(&id.key()).unwrap().unwrap();
                    self.descent.batch(Batch::decode(&raw).unwrap())?;
                }
                Need::Children { of, after, .. } => {
                    self.asked += 1;
                    let prefix = format!("trace/child/{of}/");
                    let found = rows(self.state, &prefix, &of.child_key(after), self.page);
                    let found: Vec<_> = found.iter().map(|raw| Child::decode(raw).unwrap()).collect();
                    self.descent.children(&found)?;
                }
                Need::Found(found) => return Ok(Some(*found)),
                Need::Done => return Ok(None),
            }
        }
    }
}

impl Iterator for Search<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        self.step().unwrap()
    }
}

/// A root of `fan` to the power `levels` grams, split into equal parts until each is one gram; how many were made.
fn tree(s: &mut Scene, fan: usize, levels: u32) -> (BatchId, usize) {
    let mut grams = fan.pow(levels);
    let root = s.batch(Plant, "r", &format!("{grams} g"));
    let (mut last, mut total) = (vec!["r".to_owned()], 0);
    for _ in 0..levels {
        let (taken, each) = (format!("{grams} g"), format!("{} g", grams / fan));
        let children = |parent: &String| (0..fan).map(|i| format!("{parent}.{i}")).collect::<Vec<_>>();
        let op = |parent: &String| {
            let parts = children(parent).iter().map(|c| part(Plant, c, &each)).collect();
            split(&id(Plant, parent), &taken, "0 g", parts)
        };
        for some in last.chunks(8) {
            s.all(Plant, &some.iter().map(op).collect::<Vec<_>>()).unwrap();
        }
        last = last.iter().flat_map(children).collect();
        total += last.len();
        grams /= fan;
    }
    (root, total)
}

/// Every descendant, found once, parents first.
fn check(s: &Scene, root: &BatchId, total: usize, page: usize) {
    let mut seen = BTreeSet::from([root.clone()]);
    let mut search = Search::new(&s.w.state, root, page);
    let mut depth = 0;
    for found in search.by_ref() {
        assert!(found.batch.parents.contains(&found.parent) && seen.contains(&found.parent));
        depth = depth.max(found.depth);
        assert!(seen.insert(found.batch.id.clone()), "{} was found twice", found.batch.id);
    }
    assert_eq!(seen.len(), total + 1);
    assert!(depth >= 1);
}

#[test]
fn every_descendant_is_found_once_in_pages_of_any_size() {
    let mut s = Scene::new();
    let (root, total) = tree(&mut s, 5, 3);
    for page in [1, 2, 5, 256] {
        check(&s, &root, total, page);
    }
    let inner = id(Plant, "r.3");
    check(&s, &inner, 5 + 25, 2);
}

#[test]
fn a_batch_with_several_parents_is_found_once_by_the_first_that_descends_from_the_root() {
    let mut s = Scene::new();
    let root = s.batch(Plant, "r", "10 kg");
    s.batch(Plant, "other", "10 kg");
    let parts = ["a", "b", "c"].map(|c| part(Plant, c, "3 kg")).to_vec();
    s.one(Plant, split(&root, "10 kg", "1 kg", parts)).unwrap();
    let inputs = ["other", "b", "a"].map(|c| part(Plant, c, "1 kg")).to_vec();
    s.one(Plant, transform(Plant, inputs, &[("m", "1 kg"), ("n", "1 kg")], 1000)).unwrap();
    let inputs = ["m", "c", "r2"].map(|c| part(Plant, c, "1 kg")).to_vec();
    s.batch(Plant, "r2", "1 kg");
    s.one(Plant, transform(Plant, inputs, &[("z", "1 kg")], 1000)).unwrap();
    check(&s, &root, 6, 2);
    let found: Vec<_> =
        Search::new(&s.w.state, &root, 9).map(|f| (f.batch.id.code.to_string(), f.parent.code.to_string())).collect();
    let expected = [("a", "r"), ("b", "r"), ("m", "b"), ("z", "m"), ("n", "b"), ("c", "r")];
    assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    check(&s, &id(Plant, "other"), 3, 1);
    check(&s, &id(Plant, "c"), 1, 1);
}

#[test]
fn a_child_that_is_left_out_is_noticed() {
    let mut s = Scene::new();
    let (root, _) = tree(&mut s, 4, 1);
    for hidden in 1..=4 {
        let mut state = s.w.state.clone();
        let changes = [(root.child_key(hidden), None)].into();
        state.apply(hnchain_types::Height(s.w.height), &changes, []);
        let mut search = Search::new(&state, &root, 2);
        let end = loop {
            match search.step() {
                Ok(Some(_)) => {}
                other => break other,
            }
        };
        assert_eq!(end, Err(Broken::Missing { of: root.clone(), number: hidden }), "{hidden}");
    }
}

#[test]
fn recall_over_a_lineage_of_100_000_batches_writes_three_rows_and_reaches_all_of_them() {
    let mut s = Scene::new();
    let (root, total) = tree(&mut s, 10, 5);
    assert_eq!(total, 111_110);
    let body = s.w.body().operation(proto::operation::Kind::Trace(step(&root, recall()).to_proto()));
    let tx = crate::scene::sign(&Plant.key(), &body);
    let changes = s.w.append(&[tx]).changes;
    assert_eq!(changes.keys().filter(|k| k.starts_with("trace/")).count(), 3);
    for code in ["r.0.0.0.0.0", "r.9.9.9.9.9", "r.3.1.4.1.5", "r.7"] {
        assert_eq!(s.act(Plant, &id(Plant, code), sell("1 g")), refused("TRACE_RECALLED"), "{code}");
    }
    let (mut found, mut search) = (0, Search::new(&s.w.state, &root, 64));
    for _ in search.by_ref() {
        found += 1;
    }
    assert_eq!(found, total);
    // A page in each generation is all that was held, and nothing was asked for twice.
    assert!(search.held <= 5 * 64, "{}", search.held);
    assert_eq!(search.asked, 1 + 10 + 100 + 1000 + 10_000);
}

#[test]
fn units_that_differ_need_a_conversion() {
    let Operation::Transform(mut op) = transform(Plant, vec![part(Plant, "a", "1 kg")], &[("b", "1 {box}")], 1000)
    else {
        unreachable!()
    };
    let mut s = Scene::new();
    let signed = |s: &mut Scene, op: &Transform| {
        let body = s.w.body().operation(proto::operation::Kind::Trace(Operation::Transform(op.clone()).to_proto()));
        hnchain_types::transaction::Transaction::sign(body.encode(), &Plant.key()).map(|_| ())
    };
    assert!(signed(&mut s, &op).is_err());
    op.conversion = Some(Conversion { numerator: 1, denominator: 1 });
    assert!(signed(&mut s, &op).is_ok());
    op.outputs[0].quantity = kg("1");
    assert!(signed(&mut s, &op).is_err());
}
