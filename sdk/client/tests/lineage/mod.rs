//! Rows of a small lineage, and a node that lists them.

// Two test programs share this; neither uses all of it.
#![allow(dead_code, missing_docs, unreachable_pub)]

use crate::fake::Script;
use hnchain_crypto::{Digest, sm3};
use hnchain_types::proto::{ListRowsRequest, ListRowsResponse, Row};
use hnchain_types::trace::{Act, Batch, BatchId, Child, Event, EventKind, Inspect, Made, Place, State, event_hash};
use hnchain_types::{Height, TxId};
use std::collections::BTreeMap;

pub type Rows = BTreeMap<String, Vec<u8>>;

pub fn id(code: &str) -> BatchId {
    BatchId::new("91410000170001401D", code).expect("a name")
}

pub fn place() -> Place {
    Place { division: "411282".parse().expect("a division"), commitment: sm3(b"place") }
}

/// Events of a batch: made, then inspected, each naming the one before.
pub fn events(code: &str, number: u32) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for n in 1..=number {
        let kind = match n {
            1 => EventKind::Made(Made { quantity: "10 kg".parse().expect("a quantity"), transformed: false }),
            _ => EventKind::Act(Act::Inspect(Inspect { passed: true, report: sm3(b"report") })),
        };
        all.push(Event {
            batch: id(code),
            number: n,
            previous: all.last().map(|e| event_hash(&e.encode())),
            organization: "henan".into(),
            height: Height(u64::from(n)),
            time_ms: 5,
            transaction: TxId(sm3(b"transaction")),
            kind,
        });
    }
    all
}

/// Puts a batch with its events and children into the rows.
pub fn put(rows: &mut Rows, code: &str, parents: &[&str], ancestors: u32, children: &[&str], number: u32) {
    let events = events(code, number);
    let batch = Batch {
        id: id(code),
        product: "苹果".into(),
        quantity: "10 kg".parse().expect("a quantity"),
        remaining: 10,
        place: place(),
        maker: "henan".into(),
        custodian: "henan".into(),
        to: None,
        from: None,
        state: State::Active,
        events: number,
        children: u32::try_from(children.len()).expect("few"),
        parents: parents.iter().map(|p| id(p)).collect(),
        ancestors,
        inspection: None,
        safe_from_ms: 0,
        certificate: None,
        container: None,
        recalled: None,
        clear_at: 0,
        head: events.last().map_or(Digest::ZERO, |e| event_hash(&e.encode())),
        organization: "henan".into(),
        height: Height(9),
        time_ms: 5,
        transaction: TxId(sm3(b"transaction")),
    };
    rows.insert(batch.id.key(), batch.encode());
    rows.extend(events.iter().map(|e| (id(code).event_key(e.number), e.encode())));
    for (child, number) in children.iter().zip(1..) {
        let row = Child { parent: id(code), number, child: id(child), event: 1 };
        rows.insert(id(code).child_key(number), row.encode());
    }
}

/// `r` has `a` and `b`; both make `m`; `b` makes `n` too.
pub fn rows() -> Rows {
    let mut rows = Rows::new();
    put(&mut rows, "r", &[], 0, &["a", "b"], 3);
    put(&mut rows, "a", &["r"], 1, &["m"], 1);
    put(&mut rows, "b", &["r"], 1, &["m", "n"], 1);
    put(&mut rows, "m", &["a", "b"], 3, &[], 1);
    put(&mut rows, "n", &["b"], 2, &[], 1);
    // Not asked for by the name of another.
    put(&mut rows, "rr", &[], 0, &[], 1);
    rows
}

/// A node that lists rows.
pub fn script(rows: Rows) -> Script {
    Script::default().on_rows(move |q: ListRowsRequest| {
        let mut found = rows.iter().filter(|(k, _)| k.starts_with(&q.prefix) && **k > q.after);
        let row = |(k, v): (&String, &Vec<u8>)| Row { key: k.clone(), value: v.clone() };
        let rows = found.by_ref().take(q.limit as usize).map(row).collect();
        Some(Ok(ListRowsResponse { rows, height: 9, more: found.next().is_some() }))
    })
}
