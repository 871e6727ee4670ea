//! Random operations over few records, against a model that fits on a screen.

use crate::scene::{World, code, commitment, sign};
use hnchain_crypto::Tag;
use hnchain_ledger::StateView;
use hnchain_types::proto;
use hnchain_types::transaction::BodyBuilder;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An operation on record `id`.
#[derive(Clone, Debug)]
enum Op {
    Anchor { id: u8, version: u64 },
    Revoke { id: u8, version: u64 },
}

/// A transaction of organization `who`.
#[derive(Clone, Debug)]
struct Tx {
    who: usize,
    ops: Vec<Op>,
}

fn op() -> impl Strategy<Value = Op> {
    let (id, version) = (0..3u8, 1..5u64);
    prop_oneof![
        3 => (id.clone(), version.clone()).prop_map(|(id, version)| Op::Anchor { id, version }),
        1 => (id, version).prop_map(|(id, version)| Op::Revoke { id, version }),
    ]
}

/// A short history: mostly one organization, mostly one operation.
fn history() -> impl Strategy<Value = Vec<Tx>> {
    let who = prop_oneof![4 => Just(0usize), 1 => Just(1usize)];
    let tx = (who, proptest::collection::vec(op(), 1..4)).prop_map(|(who, ops)| Tx { who, ops });
    proptest::collection::vec(tx, 1..30)
}

/// What the model knows of a record.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    version: u64,
    active: bool,
    owner: usize,
    commitment: u64,
}

type Model = BTreeMap<u8, Known>;

/// Applies one operation, or says which rule refuses it.
fn step(model: &mut Model, who: usize, op: &Op, commitment: u64) -> Result<(), &'static str> {
    let (Op::Anchor { id, version } | Op::Revoke { id, version }) = op;
    let anchor = matches!(op, Op::Anchor { .. });
    match model.get_mut(id) {
        None if anchor && *version == 1 => {
            model.insert(*id, Known { version: 1, active: true, owner: who, commitment });
            Ok(())
        }
        None => Err("ANCHOR_NOT_FOUND"),
        Some(_) if anchor && *version == 1 => Err("ANCHOR_EXISTS"),
        Some(known) if known.owner != who => Err("ANCHOR_OWNER"),
        Some(known) if !known.active => Err("ANCHOR_REVOKED"),
        Some(known) if known.version + 1 != *version => Err("ANCHOR_VERSION"),
        Some(known) => {
            known.version += 1;
            if anchor {
                known.commitment = commitment;
            } else {
                known.active = false;
            }
            Ok(())
        }
    }
}

/// Applies a transaction as a whole.
fn judge(model: &mut Model, tx: &Tx, number: u64) -> &'static str {
    let mut next = model.clone();
    for (i, op) in (0u64..).zip(&tx.ops) {
        if let Err(code) = step(&mut next, tx.who, op, number * 10 + i) {
            return code;
        }
    }
    *model = next;
    ""
}

fn build(body: BodyBuilder, tx: &Tx, number: u64) -> BodyBuilder {
    (0u64..).zip(&tx.ops).fold(body, |body, (i, op)| match op {
        Op::Anchor { id, version } => {
            body.anchor("certificate", &id.to_string(), *version, commitment(number * 10 + i))
        }
        Op::Revoke { id, version } => body.revoke("certificate", &id.to_string(), *version, "reason"),
    })
}

/// The chain of versions down to the first: each row holds the hash of the one before.
fn check_chain(w: &World, id: &str, current: &proto::Record) {
    let mut record = current.clone();
    while record.version > 1 {
        let row = w.state.row(&format!("history/certificate/{id}/{}", record.version - 1)).unwrap().unwrap();
        assert_eq!(record.previous, Tag::Anchor.hash(&[&row]).0);
        let before = <proto::Record as prost::Message>::decode(row.as_slice()).unwrap();
        assert_eq!(before.version, record.version - 1);
        assert!((before.height, before.time_ms) <= (record.height, record.time_ms));
        record = before;
    }
    assert!(record.previous.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_ledger_does_what_the_model_does(history in history(), cuts in proptest::collection::vec(1..6usize, 30)) {
        let (mut w, mut model, mut number) = (World::new(), Model::new(), 0);
        let mut rest = history.as_slice();
        for cut in cuts {
            let (block, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            let (mut txs, mut expected) = (vec![], vec![]);
            for tx in block {
                number += 1;
                let body = build(w.body(), tx, number);
                txs.push(sign([&w.keys.zhengzhou, &w.keys.kaifeng][tx.who], &body));
                expected.push(judge(&mut model, tx, number));
            }
            let given: Vec<_> = w.block(&txs).iter().map(code).collect();
            prop_assert_eq!(given, expected);
        }
        for id in 0..3u8 {
            let record = w.record("certificate", &id.to_string());
            let seen = record.as_ref().map(|r| Known {
                version: r.version,
                active: r.status() == proto::RecordStatus::Active,
                owner: usize::from(r.organization == "kaifeng"),
                commitment: model.get(&id).map_or(0, |k| k.commitment),
            });
            prop_assert_eq!(seen.as_ref(), model.get(&id));
            if let (Some(record), Some(known)) = (record, model.get(&id)) {
                prop_assert_eq!(&record.commitment, &commitment(known.commitment).0.to_vec());
                check_chain(&w, &id.to_string(), &record);
            }
        }
        let histories = w.state.rows().keys().filter(|k| k.starts_with("history/")).count() as u64;
        prop_assert_eq!(histories, model.values().map(|k| k.version - 1).sum::<u64>());
    }
}
