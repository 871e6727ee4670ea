//! Random operations against a reference model: custody, balance and the reach of recalls.
//!
//! `HNCHAIN_OPERATIONS` says how many; a million are run by the test that is ignored otherwise.

mod draw;

use super::Who::{Agency, Farm, Plant, Shop};
use super::*;
use crate::scene::code as code_of;
use draw::{Dice, draw};
use hnchain_types::trace::lineage::{RecallStatus, balances, recall_of};
use hnchain_types::trace::{RECALLS_KEY, State, recalls};
use std::collections::{BTreeMap, BTreeSet};

const PEOPLE: [Who; 4] = [Farm, Plant, Shop, Agency];
/// Operations of one world, and of one of its blocks.
const WORLD: u64 = 200;
const BLOCK: u64 = 8;

/// A batch as the model knows it. Quantities are tenths of a kilogram.
#[derive(Clone, Debug)]
struct Known {
    maker: Who,
    custodian: Who,
    to: Option<Who>,
    from: Option<Who>,
    state: State,
    quantity: u64,
    left: u64,
    safe_from: u64,
    failed: bool,
    certified: bool,
    packed: bool,
    recalled: bool,
    events: u32,
    children: u32,
    parents: Vec<String>,
}

/// The model: batches by code (the codes of this test are unique over all makers), and where goods went.
#[derive(Clone, Debug, Default)]
struct Model {
    batches: BTreeMap<String, Known>,
    sold: u64,
    destroyed: u64,
    lost: u64,
}

type Verdict = Result<(), &'static str>;

impl Model {
    /// A batch and everything that it is made of.
    fn lineage(&self, code: &str) -> BTreeSet<String> {
        let (mut all, mut left) = (BTreeSet::new(), vec![code.to_owned()]);
        while let Some(next) = left.pop() {
            left.extend(self.batches[&next].parents.iter().filter(|p| !all.contains(*p)).cloned());
            all.insert(next);
        }
        all
    }

    fn doomed(&self, code: &str) -> bool {
        self.lineage(code).iter().any(|c| self.batches[c].recalled)
    }

    fn new_batch(&mut self, who: Who, code: &str, quantity: u64, parents: Vec<String>, like: Option<Known>) -> Verdict {
        if self.batches.contains_key(code) {
            return Err("TRACE_EXISTS");
        }
        let (failed, certified) = like.map_or((false, false), |k| (k.failed, k.certified));
        let known = Known {
            maker: who,
            custodian: who,
            to: None,
            from: None,
            state: State::Active,
            quantity,
            left: quantity,
            safe_from: 0,
            failed,
            certified,
            packed: false,
            recalled: false,
            events: 1,
            children: 0,
            parents,
        };
        self.batches.insert(code.to_owned(), known);
        Ok(())
    }

    /// May goods of these be used up by others, so much of each?
    fn usable(&self, who: Who, inputs: &[(String, u64)]) -> Verdict {
        for (code, _) in inputs {
            let Some(known) = self.batches.get(code) else { return Err("TRACE_NOT_FOUND") };
            if known.custodian != who {
                return Err("TRACE_CUSTODIAN");
            }
        }
        if inputs.iter().any(|(code, _)| self.doomed(code)) {
            return Err("TRACE_RECALLED");
        }
        inputs.iter().try_for_each(|(code, tenths)| loose(&self.batches[code], Some(*tenths)))
    }

    fn use_up(&mut self, code: &str, tenths: u64, children: u32) {
        if let Some(known) = self.batches.get_mut(code) {
            known.left -= tenths;
            known.events += 1;
            known.children += children;
            if known.left == 0 {
                known.state = State::Exhausted;
            }
        }
    }
}

fn finished(known: &Known) -> Verdict {
    match known.state {
        State::Sold | State::Exhausted | State::Destroyed => Err("TRACE_FINISHED"),
        _ => Ok(()),
    }
}

fn at_hand(known: &Known) -> Verdict {
    finished(known)?;
    match known.state {
        State::Growing => Err("TRACE_NOT_HARVESTED"),
        State::Shipped => Err("TRACE_IN_TRANSIT"),
        _ => Ok(()),
    }
}

fn movable(known: &Known) -> Verdict {
    at_hand(known)?;
    if known.failed { Err("TRACE_INSPECTION_FAILED") } else { Ok(()) }
}

/// An operation of the test: simpler than the chain's.
#[derive(Clone, Debug)]
enum Op {
    Commission { code: String, tenths: u64, growing: bool },
    Act { code: String, act: Do },
    Split { code: String, taken: u64, loss: u64, parts: Vec<(String, u64)> },
    Transform { inputs: Vec<(String, u64)>, outputs: Vec<(String, u64)>, permille: u32 },
}

#[derive(Clone, Copy, Debug)]
enum Do {
    Input(u32),
    Harvest(u64),
    Inspect(bool),
    Certify,
    Pack,
    Unpack,
    Ship(Who),
    Receive,
    Sell(u64, bool),
    Recall,
    Return(Who),
    Destroy,
}

impl Model {
    fn judge(&mut self, who: Who, time_ms: u64, op: &Op) -> Verdict {
        match op {
            Op::Commission { code, tenths, growing } => {
                self.new_batch(who, code, *tenths, vec![], None)?;
                if let Some(known) = self.batches.get_mut(code).filter(|_| *growing) {
                    known.state = State::Growing;
                }
                Ok(())
            }
            Op::Act { code, act } => self.act(who, time_ms, code, *act),
            Op::Split { code, taken, loss, parts } => {
                self.usable(who, &[(code.clone(), *taken)])?;
                if parts.iter().map(|p| p.1).sum::<u64>() + loss != *taken {
                    return Err("TRACE_BALANCE");
                }
                let like = self.batches[code].clone();
                for (part, tenths) in parts {
                    self.new_batch(who, part, *tenths, vec![code.clone()], Some(like.clone()))?;
                }
                self.use_up(code, *taken, u32::try_from(parts.len()).unwrap());
                self.lost += loss;
                Ok(())
            }
            Op::Transform { inputs, outputs, permille } => {
                self.usable(who, inputs)?;
                let (used, made): (u64, u64) = (inputs.iter().map(|p| p.1).sum(), outputs.iter().map(|p| p.1).sum());
                if made * 1000 > used * u64::from(*permille) {
                    return Err("TRACE_YIELD");
                }
                let parents: Vec<_> = inputs.iter().map(|p| p.0.clone()).collect();
                for (code, tenths) in outputs {
                    self.new_batch(who, code, *tenths, parents.clone(), None)?;
                }
                for (code, tenths) in inputs {
                    self.use_up(code, *tenths, u32::try_from(outputs.len()).unwrap());
                }
                self.lost += used - made;
                Ok(())
            }
        }
    }

    /// Whether somebody may act on a batch at all.
    fn may(&self, who: Who, code: &str, act: Do) -> Verdict {
        let Some(known) = self.batches.get(code) else { return Err("TRACE_NOT_FOUND") };
        match act {
            Do::Recall if known.recalled => return Err("TRACE_RECALL_EXISTS"),
            Do::Recall | Do::Inspect(_) | Do::Receive => {}
            Do::Return(_) if known.to == Some(who) => {}
            _ if known.custodian != who => return Err("TRACE_CUSTODIAN"),
            _ => {}
        }
        let always = matches!(act, Do::Recall | Do::Return(_) | Do::Destroy);
        if !always && self.doomed(code) { Err("TRACE_RECALLED") } else { Ok(()) }
    }

    fn act(&mut self, who: Who, time_ms: u64, code: &str, act: Do) -> Verdict {
        self.may(who, code, act)?;
        let known = &self.batches[code];
        let mut next = known.clone();
        match act {
            Do::Recall => next.recalled = true,
            Do::Input(days) => {
                if known.state != State::Growing {
                    return Err("TRACE_HARVESTED");
                }
                if days > 0 {
                    next.safe_from = known.safe_from.max(time_ms + u64::from(days) * 86_400_000);
                }
            }
            Do::Harvest(_) if known.state != State::Growing => return Err("TRACE_HARVESTED"),
            Do::Harvest(_) if time_ms < known.safe_from => return Err("TRACE_SAFETY_INTERVAL"),
            Do::Harvest(tenths) => (next.quantity, next.left, next.state) = (tenths, tenths, State::Active),
            Do::Inspect(passed) => {
                if known.state == State::Destroyed {
                    return Err("TRACE_FINISHED");
                }
                next.failed = !passed;
            }
            Do::Certify => {
                movable(known)?;
                if known.certified {
                    return Err("TRACE_CERTIFIED");
                }
                next.certified = true;
            }
            Do::Pack => {
                movable(known)?;
                if known.packed {
                    return Err("TRACE_AGGREGATED");
                }
                next.packed = true;
            }
            Do::Unpack => {
                at_hand(known)?;
                if !known.packed {
                    return Err("TRACE_NOT_AGGREGATED");
                }
                next.packed = false;
            }
            Do::Ship(to) => {
                movable(known)?;
                if to == who {
                    return Err("TRACE_RECEIVER");
                }
                (next.to, next.state) = (Some(to), State::Shipped);
            }
            Do::Receive => {
                if known.to != Some(who) {
                    return Err("TRACE_NOT_RECEIVER");
                }
                (next.from, next.custodian) = (Some(known.custodian), who);
                (next.to, next.state) = (None, State::Active);
            }
            Do::Sell(tenths, good_unit) => {
                loose(known, good_unit.then_some(tenths))?;
                next.left -= tenths;
                self.sold += tenths;
                if next.left == 0 {
                    next.state = State::Sold;
                }
            }
            Do::Return(to) => give_back(known, &mut next, to)?,
            Do::Destroy => {
                finished(known)?;
                self.destroyed += if known.state == State::Growing { 0 } else { known.left };
                (next.left, next.state, next.to) = (0, State::Destroyed, None);
            }
        }
        next.events += 1;
        self.batches.insert(code.to_owned(), next);
        Ok(())
    }
}

/// Harvested, at hand, sound, unpacked, and enough of it; `None` for another unit.
fn loose(known: &Known, tenths: Option<u64>) -> Verdict {
    movable(known)?;
    if known.packed {
        return Err("TRACE_AGGREGATED");
    }
    match tenths {
        None => Err("TRACE_UNIT"),
        Some(n) if n > known.left => Err("TRACE_QUANTITY"),
        Some(_) => Ok(()),
    }
}

fn give_back(known: &Known, next: &mut Known, to: Who) -> Verdict {
    finished(known)?;
    if known.state == State::Shipped {
        if to != known.custodian {
            return Err("TRACE_RETURN");
        }
        (next.to, next.state) = (None, State::Active);
        return Ok(());
    }
    at_hand(known)?;
    if to == known.custodian || (known.from != Some(to) && known.maker != to) {
        return Err("TRACE_RETURN");
    }
    (next.custodian, next.from) = (to, None);
    Ok(())
}

fn tenths(n: u64) -> String {
    format!("{}.{} kg", n / 10, n % 10)
}

/// The chain's form of an operation; `makers` knows who made what exists.
fn build(model: &Model, who: Who, op: &Op) -> Operation {
    let named = |code: &str| model.batches.get(code).map_or(who, |k| k.maker);
    match op {
        Op::Commission { code, tenths: n, growing } => {
            let Operation::Step(mut op) = commission(who, code, &tenths(*n), *growing) else { unreachable!() };
            op.batch = id(named(code), code);
            op.into()
        }
        Op::Split { code, taken, loss, parts } => {
            let parts = parts.iter().map(|(c, n)| part(who, c, &tenths(*n))).collect();
            split(&id(named(code), code), &tenths(*taken), &tenths(*loss), parts)
        }
        Op::Transform { inputs, outputs, permille } => {
            let inputs = inputs.iter().map(|(c, n)| part(named(c), c, &tenths(*n))).collect();
            let outputs: Vec<_> = outputs.iter().map(|(c, n)| (c.clone(), tenths(*n))).collect();
            let outputs: Vec<_> = outputs.iter().map(|(c, n)| (c.as_str(), n.as_str())).collect();
            transform(who, inputs, &outputs, *permille)
        }
        Op::Act { code, act } => step(&id(named(code), code), chain_act(who, *act)),
    }
}

fn chain_act(who: Who, act: Do) -> Act {
    match act {
        Do::Input(days) => input(days),
        Do::Harvest(n) => harvest(&tenths(n)),
        Do::Inspect(passed) => inspect(passed),
        Do::Certify => certify(),
        Do::Pack => aggregate(),
        Do::Unpack => disaggregate(),
        Do::Ship(to) => ship(to),
        Do::Receive => receive(who.division()),
        Do::Sell(n, good) => sell(&if good { tenths(n) } else { format!("{n} t") }),
        Do::Recall => recall(),
        Do::Return(to) => super::give_back(to),
        Do::Destroy => destroy(),
    }
}

/// A world in which everybody has every role, so that only the rules of batches decide.
fn world() -> Scene {
    let mut document = genesis().document().clone();
    for signer in &mut document.signers {
        signer.roles = vec![Role::Registrar { registry: Registry::Trace, subject: None, division: None }];
    }
    Scene { w: World::of(&Genesis::create(&document).unwrap()) }
}

/// Runs one world and compares everything; counts codes.
fn run(seed: u64, operations: u64, seen: &mut BTreeMap<String, u64>) {
    let (mut s, mut model, mut dice, mut number) = (world(), Model::default(), Dice(seed), 0);
    let mut left = operations;
    while left > 0 {
        let (mut txs, mut expected, mut ops) = (vec![], vec![], vec![]);
        let time_ms = s.w.next_time();
        for _ in 0..BLOCK.min(left) {
            let (who, op) = draw(&mut dice, &model, &mut number);
            let body = s.w.body().operation(proto::operation::Kind::Trace(build(&model, who, &op).to_proto()));
            txs.push(unsigned(who, &body));
            let mut next = model.clone();
            let verdict = next.judge(who, time_ms, &op);
            if verdict.is_ok() {
                model = next;
            }
            expected.push(verdict.err().unwrap_or_default());
            ops.push((who, op));
        }
        left -= txs.len() as u64;
        let receipts = s.w.block(&txs);
        for ((receipt, expected), op) in receipts.iter().zip(expected).zip(ops) {
            let given = code_of(receipt);
            assert_eq!(given, expected, "seed {seed}: {op:?}");
            *seen.entry(given).or_default() += 1;
        }
        if dice.one_in(10) {
            s.w.sleep(86_400_000);
        }
    }
    compare(&s, &model);
}

fn compare(s: &Scene, model: &Model) {
    let count = recalls(s.w.state.row(RECALLS_KEY).unwrap().as_deref()).unwrap();
    let name = |code: &String| id(model.batches[code].maker, code);
    let rows: BTreeMap<_, _> = model.batches.keys().map(|c| (name(c), s.row(&name(c)))).collect();
    let mut there = 0;
    for (code, known) in &model.batches {
        let row = &rows[&name(code)];
        let seen = (row.state, row.remaining, row.custodian.as_str(), row.to.as_deref(), row.from.as_deref());
        let who = |w: Option<Who>| w.map(Who::id);
        assert_eq!(seen, (known.state, known.left, known.custodian.id(), who(known.to), who(known.from)), "{code}");
        assert_eq!((row.events, row.children, row.quantity.value), (known.events, known.children, known.quantity));
        assert_eq!(row.parents, known.parents.iter().map(name).collect::<Vec<_>>());
        assert_eq!(row.ancestors as usize, model.lineage(code).len() - 1, "{code}");
        assert!(balances(row, &s.events(&row.id)), "{code}");
        for claimed in [Some(count), None] {
            let status = recall_of(row, claimed, &rows);
            assert_eq!(matches!(status, RecallStatus::By(_)), model.doomed(code), "{code}: {status:?}");
        }
        there += if known.state == State::Growing { 0 } else { known.left };
    }
    let grown = |k: &&Known| k.parents.is_empty() && k.state != State::Growing;
    let came: u64 = model.batches.values().filter(grown).map(|k| k.quantity).sum();
    let never: u64 = model.batches.values().filter(grown).map(|k| destroyed_in_field(s, model, k)).sum();
    assert_eq!(came - never, there + model.sold + model.destroyed + model.lost);
}

/// What a crop that was destroyed before its harvest was estimated at: it was never goods.
fn destroyed_in_field(s: &Scene, model: &Model, known: &Known) -> u64 {
    let (code, _) = model.batches.iter().find(|(_, k)| std::ptr::eq(*k, known)).unwrap();
    let events = s.events(&id(known.maker, code));
    let harvested = events.iter().any(|e| e.action() == proto::TraceAction::Harvest);
    let grew = matches!(&events[0].kind, hnchain_types::trace::EventKind::Act(Act::Commission(c)) if c.growing);
    if grew && !harvested { known.quantity } else { 0 }
}

fn operations(default: u64) -> u64 {
    std::env::var_os("HNCHAIN_OPERATIONS").and_then(|v| v.to_str()?.parse().ok()).unwrap_or(default)
}

fn run_many(total: u64) {
    let mut seen = BTreeMap::new();
    for world in 0..total.div_ceil(WORLD) {
        run(world, WORLD.min(total - world * WORLD), &mut seen);
    }
    println!("{seen:#?}");
    // Every rule that random operations can meet was met, and so was success.
    let met = [
        "",
        "TRACE_EXISTS",
        "TRACE_NOT_FOUND",
        "TRACE_CUSTODIAN",
        "TRACE_HARVESTED",
        "TRACE_NOT_HARVESTED",
        "TRACE_SAFETY_INTERVAL",
        "TRACE_INSPECTION_FAILED",
        "TRACE_CERTIFIED",
        "TRACE_QUANTITY",
        "TRACE_UNIT",
        "TRACE_BALANCE",
        "TRACE_YIELD",
        "TRACE_AGGREGATED",
        "TRACE_NOT_AGGREGATED",
        "TRACE_RECEIVER",
        "TRACE_NOT_RECEIVER",
        "TRACE_IN_TRANSIT",
        "TRACE_FINISHED",
        "TRACE_RETURN",
        "TRACE_RECALLED",
        "TRACE_RECALL_EXISTS",
    ];
    if total >= 10_000 {
        for code in met {
            assert!(seen.contains_key(code), "{code} was never met");
        }
        assert!(seen[""] > total / 4, "{} of {total} were accepted", seen[""]);
    }
}

#[test]
fn the_registry_does_what_the_model_does() {
    run_many(operations(20_000));
}

#[test]
#[ignore = "minutes: a million operations"]
fn the_registry_does_what_the_model_does_a_million_times() {
    run_many(operations(1_000_000));
}
