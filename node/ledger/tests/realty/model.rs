//! Random histories against the model. `HNCHAIN_OPERATIONS` says how many operations, `HNCHAIN_SEED` from which seed on.

use crate::dice::{Dice, UNITS};
use crate::office::{DAY, Office, Who};
use crate::rules::Model;
use crate::scene::{code, sign};
use hnchain_ledger::StateView;
use hnchain_types::realty::{BurdenKind, CoOwnership, Operation, Unit, UnitStatus, holder_key, unit_key};
use std::collections::{BTreeMap, BTreeSet};

/// Operations in one history, on one chain.
const HISTORY: u64 = 400;

/// Transactions of one block: who signs, what they ask for, what the model says.
type Block = Vec<(Who, Vec<Operation>, &'static str)>;

fn next_block(dice: &mut Dice, model: &mut Model, now: u64) -> Block {
    (0..=dice.below(3))
        .map(|_| {
            let first = dice.operation(model, now);
            let by = dice.signer(&first);
            let mut ops = vec![first];
            if dice.below(12) == 0 {
                ops.push(dice.operation(model, now));
            }
            let verdict = model.judge(by, &ops, now);
            (by, ops, verdict)
        })
        .collect()
}

/// Runs one history and gives how often each verdict was met.
fn history(seed: u64, verdicts: &mut BTreeMap<&'static str, u64>) -> u64 {
    let (mut o, mut model, mut dice) = (Office::new(), Model::default(), Dice::new(seed));
    let mut done = 0;
    while done < HISTORY {
        if dice.below(4) == 0 {
            o.w.sleep(dice.below(12) * DAY);
        }
        let block = next_block(&mut dice, &mut model, o.w.next_time());
        let sign_all = |(by, ops, _): &(Who, Vec<Operation>, _)| {
            let body = ops.iter().fold(o.w.body(), |body, op| body.operation(op.to_kind()));
            sign(&by.key(), &body)
        };
        let txs: Vec<_> = block.iter().map(sign_all).collect();
        let receipts = o.w.block(&txs);
        for ((by, ops, expected), receipt) in block.iter().zip(&receipts) {
            assert_eq!(code(receipt), *expected, "seed {seed}, after {done}, {by:?}: {ops:#?}");
            done += ops.len() as u64;
            *verdicts.entry(expected).or_default() += 1;
        }
    }
    compare(&o, &model, seed);
    done
}

/// Rows and model say the same, and rows keep the invariants by themselves.
fn compare(o: &Office, model: &Model, seed: u64) {
    let now = o.w.next_time();
    let mut index = BTreeSet::new();
    for name in UNITS {
        let code = crate::office::unit(name);
        let row = o.w.state.row(&unit_key(&code)).unwrap();
        let Some(known) = model.units.get(&code) else {
            assert_eq!(row, None, "seed {seed}");
            continue;
        };
        let row = Unit::decode(&row.unwrap()).unwrap();
        assert_eq!(row.status == UnitStatus::Cancelled, known.cancelled, "seed {seed} {name}");
        assert!(row.title.commitments().eq(known.held.keys().copied()), "seed {seed} {name}");
        assert_eq!((row.title.co_ownership, row.title.all_must_agree), (known.kind, known.all_must));
        assert_eq!((&row.usage, row.document), (&known.usage, known.document));
        if known.kind == CoOwnership::Shares {
            assert!(row.title.is_whole() && known.held.values().sum::<u64>() == 12);
        }
        assert_eq!(row.entries as usize, known.log.len());
        o.check_chain(name);
        let view = o.view(name, now);
        for kind in BurdenKind::ALL {
            let seen: Vec<_> = view.of(*kind).map(|b| b.burden.number).collect();
            assert_eq!(seen, known.open(*kind, now).map(|l| l.n).collect::<Vec<_>>(), "seed {seed} {name} {kind}");
        }
        assert_eq!(view.sealed().map(|s| s.burden.number), known.sealed(now), "seed {seed} {name}");
        if !known.cancelled {
            index.extend(known.held.keys().map(|h| holder_key(h, &code)));
        }
    }
    let rows = |prefix: &'static str| o.w.state.rows().keys().filter(move |k| k.starts_with(prefix));
    assert!(rows("realty/holder/").eq(&index), "seed {seed}");
    assert_eq!(rows("realty/number/").count(), model.numbers.len());
}

/// A number from the environment of the test; the ledger itself sees none.
#[allow(clippy::disallowed_methods)]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|s| s.parse().unwrap())
}

fn run(operations: u64) {
    let given = variable("HNCHAIN_SEED");
    let first = given.unwrap_or(1);
    let (mut done, mut seed, mut verdicts) = (0, first, BTreeMap::new());
    while done < operations {
        done += history(seed, &mut verdicts);
        seed += 1;
    }
    println!("{done} operations, seeds {first} to {}: {verdicts:#?}", seed - 1);
    // A model that never meets a rule says nothing about it.
    let met: BTreeSet<_> = verdicts.keys().copied().collect();
    let known = hnchain_ledger::rejection::Code::ALL.iter().map(|c| c.as_str()).filter(|c| c.starts_with("REALTY_"));
    let never: Vec<_> = known.filter(|c| !met.contains(c) && *c != "REALTY_ENTRIES_FULL").collect();
    assert!(operations < 20_000 || given.is_some() || never.is_empty(), "never met: {never:?}");
    assert!(verdicts[""] * 5 > verdicts.values().sum::<u64>(), "too few are accepted");
}

#[test]
fn the_ledger_does_what_the_model_does() {
    run(variable("HNCHAIN_OPERATIONS").unwrap_or(20_000));
}

#[test]
#[ignore = "minutes: make soak"]
fn the_ledger_does_what_the_model_does_a_million_times() {
    run(1_000_000);
}
