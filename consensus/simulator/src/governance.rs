//! Changes of the validator set: what the ledger decides, and the organizations that ask for it.

use crate::env::Env;
use crate::world::{CHAIN, organization};
use hnchain_ledger::Execution;
use hnchain_types::Epoch;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::governance::{Change, Join, Rotation, ValidatorsChange};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Epoch and validators after a block, where it is its epoch's last.
pub(crate) fn next(execution: &Execution) -> Option<(Epoch, Arc<ValidatorSet>)> {
    execution.next.as_ref().map(|n| (n.epoch, n.validators.clone()))
}

/// A change of the newest set that leaves the faulty in their place and within what the next set tolerates.
pub(crate) fn draw(env: &mut Env, faulty: &BTreeSet<usize>, nodes: usize) -> Option<ValidatorsChange> {
    let keys = env.world.keys.clone();
    let (_, set) = env.checks.newest_set()?;
    let members: Vec<usize> = set.public_keys().filter_map(|k| keys.find(&k)).collect();
    let outside: Vec<usize> = (0..nodes).filter(|k| !members.contains(k) && !faulty.contains(k)).collect();
    let honest: Vec<usize> = members.iter().copied().filter(|k| !faulty.contains(k)).collect();
    let kind = env.random.below(3);
    let joins = env.random.pick(&outside).copied();
    let leaves = env.random.pick(&honest).copied();
    let mut change = ValidatorsChange::default();
    let mut size = members.len();
    match (kind, joins, leaves) {
        (0, Some(new), _) => {
            change.join.push(Join::new(CHAIN, &organization(new), keys.secret(new)));
            size += 1;
        }
        (1, Some(new), Some(old)) => {
            let own = set.list().organization(&keys.public(old)).unwrap_or_default();
            change.rotate.push(Rotation::new(CHAIN, own, keys.public(old), keys.secret(new)));
        }
        (_, _, Some(old)) if members.len() > 1 => {
            change.leave.push(keys.public(old));
            size -= 1;
        }
        _ => return None,
    }
    let liars = faulty.iter().filter(|k| members.contains(k)).count();
    (liars <= hnchain_types::validators::faults(size)).then_some(change)
}

/// The encoded body of a proposal.
pub(crate) fn proposal(change: ValidatorsChange, valid_until_ms: u64, salt: [u8; 16]) -> Vec<u8> {
    hnchain_types::transaction::BodyBuilder::new(CHAIN, u64::MAX / 4, valid_until_ms, salt)
        .propose(Change::Validators(change), "simulated")
        .encode()
}

/// The encoded body of an approval.
pub(crate) fn approval(proposal: hnchain_types::TxId, valid_until_ms: u64, salt: [u8; 16]) -> Vec<u8> {
    hnchain_types::transaction::BodyBuilder::new(CHAIN, u64::MAX / 4, valid_until_ms, salt).approve(proposal).encode()
}
