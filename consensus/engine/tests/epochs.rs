//! R14: validator sets change while the chain runs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod harness;

use harness::{Cluster, Faults, Random, change_to, key};
use hnchain_consensus::Message;
use hnchain_types::Epoch;
use hnchain_types::certificate::Statement;

fn epoch(c: &Cluster, i: usize) -> Epoch {
    c.nodes[i].machine.as_ref().unwrap().epoch()
}

fn tip_epoch(c: &Cluster, i: usize) -> Epoch {
    c.nodes[i].chain.last().unwrap().root.epoch
}

/// Every live node is in an epoch and holds a block of it.
fn all_in(c: &Cluster, epoch: u64) -> bool {
    (0..c.nodes.len()).filter(|i| c.alive(*i)).all(|i| tip_epoch(c, i) == Epoch(epoch))
}

#[test]
fn r14_a_newcomer_joins_and_one_leaves() {
    let mut c = Cluster::with_observers(4, 1, 1);
    c.submit(b"before");
    c.run_while(3_000, "before", |c| !c.all_hold(b"before"));
    c.submit(&change_to(&[0, 1, 2, 4]));
    c.run_while(3_000, "the change", |c| !all_in(c, 1));
    assert!(c.nodes[3].machine.as_ref().unwrap().me().is_none(), "node 3 left");
    let votes = c.nodes[3].votes.len();
    for i in 0..8u8 {
        c.submit(&[b'a', i]);
        c.run_while(3_000, "after", |c| !c.all_hold(&[b'a', i]));
    }
    assert_eq!(c.nodes[3].votes.len(), votes, "one that left votes no more");
    assert!(c.nodes[4].votes.iter().any(|(p, _)| p.epoch == Epoch(1)), "the newcomer votes");
}

#[test]
fn r14_the_new_set_goes_on_without_those_who_left() {
    let mut c = Cluster::with_observers(4, 1, 2);
    c.submit(&change_to(&[0, 1, 2, 4]));
    c.run_while(3_000, "the change", |c| !all_in(c, 1));
    c.crash(3);
    c.submit(b"after");
    c.run_while(3_000, "after", |c| !c.all_hold(b"after"));
}

/// The last block is notarized, but some gave up its view, so that it becomes final by a void descendant alone.
#[test]
fn r14_the_last_block_becomes_final_by_a_void_descendant() {
    let mut c = Cluster::with_observers(4, 1, 3);
    c.submit(b"before");
    c.run_while(3_000, "before", |c| !c.all_hold(b"before"));
    // No finalize vote for the next view's block arrives; later ones do.
    fn passes(_: usize, _: usize, m: &Message) -> bool {
        let lost = |s: &Statement, view: u64| matches!(s, Statement::Finalize { .. }) && view == VIEW;
        !matches!(m, Message::Vote(v) if lost(&v.statement, v.view.0))
            && !matches!(m, Message::Certificate(v) if lost(&v.statement, v.view.0))
    }
    const VIEW: u64 = 2;
    assert_eq!(c.nodes[0].machine.as_ref().unwrap().view().0, VIEW);
    c.passes = passes;
    c.submit(&change_to(&[0, 1, 2, 4]));
    c.run_while(5_000, "the change", |c| !all_in(c, 1));
    let closed = c.nodes[0].chain.iter().rfind(|f| f.root.epoch == Epoch(0)).unwrap();
    let certificate = closed.certificate.as_ref().unwrap();
    assert!(certificate.view > closed.root.view, "certified by a later view");
    let first = c.nodes[0].chain.iter().find(|f| f.root.epoch == Epoch(1)).unwrap();
    assert_eq!(first.root.height, closed.root.height.next());
    assert!(first.root.view <= certificate.view, "views of void blocks come again");
    // The same after a restart of everyone.
    for i in 0..5 {
        c.crash(i);
        c.start(i);
    }
    c.submit(b"after");
    c.run_while(5_000, "after", |c| !c.all_hold(b"after"));
}

#[test]
fn r14_one_that_slept_through_epochs_comes_back() {
    let mut c = Cluster::with_observers(4, 2, 4);
    c.crash(2);
    for (i, set) in [[0, 1, 2, 4], [0, 1, 2, 5], [4, 1, 2, 5]].iter().enumerate() {
        c.submit(&change_to(set));
        c.run_while(20_000, "a change", |c| !all_in(c, i as u64 + 1));
    }
    c.start(2);
    c.submit(b"after");
    c.run_while(20_000, "after", |c| !c.all_hold(b"after"));
    assert_eq!(epoch(&c, 2), Epoch(3));
}

/// Changes with loss, crashes of all kinds and slow execution, many seeds: the harness checks I1, I5, I8 and R14.
#[test]
fn r14_changes_survive_faults() {
    let seeds = std::env::var("HNCHAIN_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        let mut random = Random(seed);
        let mut c = Cluster::with_observers(4, 3, seed);
        c.execution_ms = 1 + random.below(60);
        c.faults = Faults {
            min_delay: 1,
            max_delay: 5 + random.below(60),
            loss_percent: random.below(15),
            duplicate_percent: random.below(20),
        };
        let mut set: Vec<usize> = (0..4).collect();
        for round in 0..6u8 {
            let fresh: Vec<usize> = (0..7).filter(|i| !set.contains(i)).collect();
            let place = usize::try_from(random.below(4)).unwrap();
            set[place] = fresh[usize::try_from(random.below(fresh.len() as u64)).unwrap()];
            c.submit(&change_to(&set));
            c.submit(&[b'a', round]);
            c.run(random.below(600));
            if random.chance(50) {
                let i = usize::try_from(random.below(7)).unwrap();
                if c.alive(i) {
                    c.crash(i);
                } else {
                    c.start(i);
                }
            }
        }
        (0..7).filter(|i| !c.alive(*i)).collect::<Vec<_>>().into_iter().for_each(|i| c.start(i));
        c.faults = Faults { min_delay: 1, max_delay: 10, loss_percent: 0, duplicate_percent: 0 };
        c.submit(b"end");
        c.run_while(120_000, &format!("seed {seed}: the end"), |c| !c.all_hold(b"end"));
        let tip = tip_epoch(&c, 0);
        assert!(tip >= Epoch(1), "seed {seed}: no epoch has changed");
        for (i, node) in c.nodes.iter().enumerate() {
            let me = node.machine.as_ref().unwrap().me();
            assert_eq!(me, node.set.index_of(&key(i).public_key()), "seed {seed} node {i}");
        }
    }
}
