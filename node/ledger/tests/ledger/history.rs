//! Random governance: whatever organizations and offenders do, the invariants of the validator set hold after each block.

use crate::council::{Council, joins, leaves, validator};
use crate::scene::CHAIN;
use hnchain_ledger::{Execution, set_of};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::governance::{
    EpochRow, Proposal, Rotation, VALIDATORS_KEY, ValidatorsChange, epoch_key, proposal_key,
};
use hnchain_types::transaction::Transaction;
use hnchain_types::{Epoch, Height, TxId};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Keys that may be validators.
const KEYS: usize = 14;

/// What somebody does. Places are taken modulo what there is, so that most acts have a chance.
#[derive(Clone, Debug)]
enum Act {
    /// A change of so many newcomers, leavers and rotations.
    Propose { by: usize, join: usize, leave: usize, rotate: usize, place: usize },
    /// Of the proposals so far, counted from the newest.
    Approve { by: usize, back: usize },
    /// Everybody approves.
    Carry { back: usize },
    /// The validator at a place of the present epoch or of an earlier one.
    Accuse { place: usize, ago: u64, view: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    let (by, place, few) = (0..4usize, 0..KEYS, 0..3usize);
    let propose = (by.clone(), few.clone(), few, 0..2usize, place.clone());
    prop_oneof![
        3 => propose.prop_map(|(by, join, leave, rotate, place)| Act::Propose { by, join, leave, rotate, place }),
        2 => (by, 0..3usize).prop_map(|(by, back)| Act::Approve { by, back }),
        3 => (0..3usize).prop_map(|back| Act::Carry { back }),
        2 => (place, 0..3u64, 0..3u64).prop_map(|(place, ago, view)| Act::Accuse { place, ago, view }),
    ]
}

/// Keys from a place on, going around.
fn from(keys: &[usize], place: usize, many: usize) -> Vec<usize> {
    keys.iter().cycle().skip(place).take(many.min(keys.len())).copied().collect()
}

/// By the organization that runs the old validator.
fn rotation(c: &Council, old: usize, new: usize) -> Option<Rotation> {
    let set = c.set();
    let organization = set.list().organization(&validator(old).public_key())?;
    Some(Rotation::new(CHAIN, organization, validator(old).public_key(), &validator(new)))
}

fn change(c: &Council, join: usize, leave: usize, rotate: usize, place: usize) -> ValidatorsChange {
    let members = c.members();
    let others: Vec<_> = (0..KEYS).filter(|i| !members.contains(i)).collect();
    let (gone, new) = (from(&members, place, leave + rotate), from(&others, place, join + rotate));
    let pairs: Vec<_> = gone.iter().skip(leave).copied().zip(new.iter().skip(join).copied()).collect();
    ValidatorsChange {
        join: new.iter().take(join).flat_map(|i| joins(&[*i], i % 4).join).collect(),
        leave: leaves(&gone[..leave.min(gone.len())]).leave,
        rotate: pairs.iter().flat_map(|(old, new)| rotation(c, *old, *new)).collect(),
    }
}

fn transactions(c: &mut Council, act: &Act, proposals: &mut Vec<TxId>) -> Vec<Transaction> {
    match act {
        Act::Propose { by, join, leave, rotate, place } => {
            let change = change(c, *join, *leave, *rotate, *place);
            // A change of nothing is no transaction.
            let body = c.body().propose(hnchain_types::governance::Change::Validators(change), "why");
            let tx = Transaction::sign(body.encode(), &crate::council::administrator(*by)).ok();
            proposals.extend(tx.as_ref().map(Transaction::id));
            tx.into_iter().collect()
        }
        Act::Approve { by, back } => {
            proposals.iter().rev().nth(*back).map(|proposal| c.approve(*by, *proposal)).into_iter().collect()
        }
        Act::Carry { back } => {
            let Some(proposal) = proposals.iter().rev().nth(*back) else { return vec![] };
            (0..4).map(|by| c.approve(by, *proposal)).collect()
        }
        Act::Accuse { place, ago, view } => {
            let epoch = c.epoch().0.saturating_sub(*ago);
            let (_, set) = set_of(&c.w.state, Epoch(epoch)).unwrap().unwrap();
            let index = place % set.len();
            let key = set.public_keys().nth(index).unwrap();
            let who = (0..KEYS).find(|i| validator(*i).public_key() == key).unwrap();
            let evidence = c.evidence(who, u32::try_from(index).unwrap(), epoch, *view);
            let by = c.members()[place % c.members().len()];
            vec![c.accuse(by, &evidence)]
        }
    }
}

fn keys(set: &ValidatorSet) -> BTreeSet<hnchain_crypto::PublicKey> {
    set.public_keys().collect()
}

/// L6 to L8 over one block, and that rows agree with each other.
fn check(c: &Council, before: &ValidatorSet, epoch: u64, done: &Execution) {
    let after = c.set();
    let (old, new) = (keys(before), keys(&after));
    let f = before.faults();
    assert!(old.difference(&new).count() <= f && new.difference(&old).count() <= f.max(1));
    assert!(after.len() >= before.len().min(4));
    assert_eq!(done.next_validators, after.hash());
    assert_eq!(done.next.is_some(), after != *before);
    let begins = done.next.as_ref().map(|next| (next.epoch, next.validators.hash()));
    let expected = (after != *before).then_some((Epoch(epoch + 1), after.hash()));
    assert_eq!(begins, expected);
    let now = epoch + u64::from(done.next.is_some());
    assert_eq!(c.epoch().0, now);
    let rows = c.w.state.rows();
    assert_eq!(rows[VALIDATORS_KEY], rows[&epoch_key(Epoch(now))]);
    assert!(!rows.contains_key(&epoch_key(Epoch(now + 1))));
    if done.next.is_some() {
        assert_eq!(EpochRow::decode(&rows[VALIDATORS_KEY]).unwrap().first_height, Height(c.w.height + 1));
    }
    for i in 0..KEYS {
        let key = validator(i).public_key();
        assert_eq!(c.is_validator(i), new.contains(&key), "role of {i}");
        if let Some(index) = after.index_of(&key) {
            assert_eq!(c.signer(&validator(i)).unwrap().organization, after.organization(index));
        }
        let barred = c.signer(&validator(i)).is_some_and(|s| s.barred_ms != 0);
        assert!(!barred || !new.contains(&key) || old.contains(&key) || done.next.is_some());
    }
}

/// A proposal that took effect was approved by enough, and what is not on the chain's record took no effect.
fn check_proposals(c: &Council) {
    for (_, raw) in c.w.state.rows().iter().filter(|(key, _)| key.starts_with("governance/")) {
        let proposal = Proposal::decode(raw).unwrap();
        let names: BTreeSet<_> = proposal.approvals.iter().map(|a| &a.organization).collect();
        assert_eq!(names.len(), proposal.approvals.len(), "each organization once");
        let Some(enacted) = proposal.enacted else { continue };
        let (_, set) = set_of(&c.w.state, Epoch(enacted.epoch.0 - 1)).unwrap().unwrap();
        let running = set.list().organizations();
        let counted = names.iter().filter(|n| running.contains(n.as_str())).count();
        assert!(3 * counted > 2 * running.len(), "{counted} of {}", running.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_invariants_hold_after_every_block(
        n in 1..8usize,
        suspend in any::<bool>(),
        blocks in proptest::collection::vec(proptest::collection::vec(act(), 1..6), 1..16),
    ) {
        let runs: Vec<_> = (0..n).map(|i| i % 4).collect();
        let mut c = Council::new(&runs, suspend);
        let mut proposals = vec![];
        for acts in blocks {
            let txs: Vec<_> = acts.iter().flat_map(|act| transactions(&mut c, act, &mut proposals)).collect();
            let (before, epoch) = (c.set(), c.epoch().0);
            let again = c.w.execute(&txs);
            let done = c.w.append(&txs);
            prop_assert_eq!(&done, &again);
            proposals.retain(|id| c.w.state.rows().contains_key(&proposal_key(id)));
            check(&c, &before, epoch, &done);
        }
        check_proposals(&c);
    }
}
