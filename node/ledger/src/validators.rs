//! The validator set of each epoch: its rows, and how much of it may change at once.
//!
//! | label | rule | code |
//! |---|---|---|
//! | V1 | who leaves or changes key is in the set | `VALIDATOR_UNKNOWN` |
//! | V2 | who joins, and every new key, is not | `VALIDATOR_EXISTS` |
//! | V3 | the organization exists, and the key acts for no other | `VALIDATOR_ORGANIZATION` |
//! | V4 | a convicted or revoked key does not join | `VALIDATOR_BARRED` |
//! | V5 | at most f keys of the epoch are not in the next set | `VALIDATORS_LEAVING` |
//! | V6 | at most f keys, or 1 where f is 0, are new in it | `VALIDATORS_JOINING` |
//! | V7 | 1 to 128 validators; not below 4 for a set of 4 or more | `VALIDATORS_SIZE` |
//! | V8 | the next set is another one | `VALIDATORS_UNCHANGED` |
//! | V9 | every new key signs for itself and its organization | `VALIDATOR_POSSESSION` |
//! | V10 | an auditor's or administrator's key does not join (等保三级) | `MEMBER_DUTIES_MIXED` |
//! | V11 | enough of the organizations keep an administrator, see `members` | `MEMBER_LAST_ADMINISTRATOR` |
//!
//! A changed key counts as one that leaves and one that joins. V5 to V8 compare the set of the block's epoch with what the
//! whole block makes of it, so that several changes in one block add up. By V5 and V6 those who stay in a set of 4 or more
//! make a quorum of the next one by themselves: newcomers may still be catching up. V7 keeps a set of 4 from shrinking to 3,
//! which needs the same quorum of 3 and tolerates no fault.
//!
//! The row `validators` is the epoch of the next block. Within a block, what the view shows is the block's own epoch, and
//! what the working set shows is what comes after it. `validators/<epoch>` keeps every epoch.

use crate::members;
use crate::membership::{self, organization_key};
use crate::registry::Context;
use crate::rejection::{Code, Failure, Rejection};
use crate::state::{State, StateError, StateView};
use hnchain_crypto::PublicKey;
use hnchain_types::genesis::Genesis;
use hnchain_types::governance::{EpochRow, VALIDATORS_KEY, ValidatorsChange, epoch_key};
use hnchain_types::proto::RoleKind;
use hnchain_types::validators::{ValidatorList, ValidatorSet, faults};
use hnchain_types::{Epoch, Height, ValidatorsHash, limits};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Fewest validators that tolerate a fault.
const TOLERANT: usize = 4;

/// An epoch that begins with the next block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextSet {
    /// Which epoch.
    pub epoch: Epoch,
    /// Its validators.
    pub validators: Arc<ValidatorSet>,
}

/// The epoch of the next block after a state, the height of its first block, and its validators.
///
/// # Errors
/// The row could not be read.
pub fn current_set(view: &dyn StateView) -> Result<(Epoch, Height, ValidatorSet), StateError> {
    let row = now(view)?;
    Ok((row.epoch, row.first_height, decoded(VALIDATORS_KEY, row.validators)?))
}

/// The height of an epoch's first block and its validators; `None` where the epoch has not begun.
///
/// # Errors
/// The row could not be read.
pub fn set_of(view: &dyn StateView, epoch: Epoch) -> Result<Option<(Height, ValidatorSet)>, StateError> {
    let Some(row) = epoch_of(view, epoch)? else { return Ok(None) };
    Ok(Some((row.first_height, decoded(&epoch_key(epoch), row.validators)?)))
}

/// The epoch of the block that is executed on a view.
pub(crate) fn now(view: &dyn StateView) -> Result<EpochRow, StateError> {
    let raw = view.row(VALIDATORS_KEY)?.ok_or_else(|| StateError(format!("row {VALIDATORS_KEY} is missing")))?;
    epoch_row(VALIDATORS_KEY, &raw)
}

/// The row of an epoch that has begun.
pub(crate) fn epoch_of(view: &dyn StateView, epoch: Epoch) -> Result<Option<EpochRow>, StateError> {
    let key = epoch_key(epoch);
    view.row(&key)?.map(|raw| epoch_row(&key, &raw)).transpose()
}

fn epoch_row(key: &str, raw: &[u8]) -> Result<EpochRow, StateError> {
    EpochRow::decode(raw).map_err(|e| damaged(key, &e))
}

fn decoded(key: &str, list: ValidatorList) -> Result<ValidatorSet, StateError> {
    ValidatorSet::try_from(list).map_err(|e| damaged(key, &e))
}

fn damaged(key: &str, why: &hnchain_types::DecodeError) -> StateError {
    StateError(format!("row {key} is damaged: {why}"))
}

/// The set of the next block, as the transactions so far leave it.
pub(crate) fn coming(state: &State<'_>) -> Result<ValidatorList, StateError> {
    let raw = state.row(VALIDATORS_KEY)?.ok_or_else(|| StateError(format!("row {VALIDATORS_KEY} is missing")))?;
    Ok(epoch_row(VALIDATORS_KEY, &raw)?.validators)
}

/// What a block that did all of its work makes of the set.
pub(crate) fn next(state: &State<'_>) -> Result<(ValidatorsHash, Option<NextSet>), StateError> {
    let (now, coming) = (now(state.view())?, coming(state)?);
    let hash = coming.hash();
    if coming == now.validators {
        return Ok((hash, None));
    }
    let validators = Arc::new(decoded(VALIDATORS_KEY, coming)?);
    Ok((hash, Some(NextSet { epoch: now.epoch.next(), validators })))
}

/// Rows of the first epoch.
pub(crate) fn genesis_rows(genesis: &Genesis) -> [(String, Vec<u8>); 2] {
    let validators = genesis.validators().list().clone();
    rows(&EpochRow { epoch: genesis.epoch(), first_height: Height(1), validators })
}

fn rows(row: &EpochRow) -> [(String, Vec<u8>); 2] {
    [(VALIDATORS_KEY.to_owned(), row.encode()), (epoch_key(row.epoch), row.encode())]
}

/// Whether a change could be made as the only one of this block.
pub(crate) fn check(context: &Context<'_>, state: &State<'_>, change: &ValidatorsChange) -> Result<(), Failure> {
    let now = now(state.view())?.validators;
    let next = changed(&now, change)?;
    within(&now, &next)?;
    eligible(state, &now, change)?;
    members::still_governed(context, state, (&now, &next))?;
    // Last, because it costs most.
    Ok(possessed(&context.chain.chain_id, &now, change)?)
}

/// Makes a change that was [checked](check) when it was proposed, and gives the epoch that begins with the next block.
pub(crate) fn change(
    context: &Context<'_>,
    state: &mut State<'_>,
    change: &ValidatorsChange,
) -> Result<Epoch, Failure> {
    let (now, coming) = (now(state.view())?, coming(state)?);
    let next = changed(&coming, change)?;
    within(&now.validators, &next)?;
    eligible(state, &coming, change)?;
    members::still_governed(context, state, (&coming, &next))?;
    Ok(write(context, state, &now, &coming, next)?)
}

/// Takes a key out of the next set, if it is in it and the bounds allow it. Says whether it did.
pub(crate) fn suspend(context: &Context<'_>, state: &mut State<'_>, key: PublicKey) -> Result<bool, Failure> {
    let (now, coming) = (now(state.view())?, coming(state)?);
    let leave = ValidatorsChange { leave: vec![key], ..ValidatorsChange::default() };
    let Ok(next) = changed(&coming, &leave) else { return Ok(false) };
    if within(&now.validators, &next).is_err() {
        return Ok(false);
    }
    write(context, state, &now, &coming, next)?;
    Ok(true)
}

/// V1, V2: the set after a change. Rotated keys keep their place, newcomers follow.
fn changed(set: &ValidatorList, change: &ValidatorsChange) -> Result<ValidatorList, Rejection> {
    let mut gone = change.leave.iter().chain(change.rotate.iter().map(|r| &r.old));
    if let Some(key) = gone.find(|key| set.position(key).is_none()) {
        return Err(Code::ValidatorUnknown.reject(&format_args!("validator={key}"))); // V1
    }
    if let Some((key, _)) = change.newcomers().find(|(key, _)| set.position(key).is_some()) {
        return Err(Code::ValidatorExists.reject(&format_args!("validator={key}"))); // V2
    }
    let stay = set.members().iter().filter(|(key, _)| !change.leave.contains(key)).map(|(key, organization)| {
        let rotation = change.rotate.iter().find(|r| r.old == *key);
        (rotation.map_or(*key, |r| r.new), organization.clone())
    });
    let join = change.join.iter().map(|j| (j.public_key, j.organization.clone()));
    let members: Vec<_> = stay.chain(join).collect();
    let size = members.len();
    // The keys of a change are distinct and its names checked: only the size can be wrong.
    ValidatorList::new(members).map_err(|_| too_few_or_many(set.len(), size))
}

/// V5 to V8: how far the set of the next block may be from that of this one.
fn within(now: &ValidatorList, next: &ValidatorList) -> Result<(), Rejection> {
    let keys = |list: &ValidatorList| list.members().iter().map(|(key, _)| *key).collect::<BTreeSet<_>>();
    let (old, new) = (keys(now), keys(next));
    let (leaving, joining) = (old.difference(&new).count(), new.difference(&old).count());
    let most = faults(now.len());
    if leaving > most {
        return Err(Code::ValidatorsLeaving.reject(&format_args!("leaving={leaving} limit={most}"))); // V5
    }
    if joining > most.max(1) {
        return Err(Code::ValidatorsJoining.reject(&format_args!("joining={joining} limit={}", most.max(1)))); // V6
    }
    if now.len() >= TOLERANT && next.len() < TOLERANT {
        return Err(too_few_or_many(now.len(), next.len())); // V7
    }
    if now == next {
        return Err(Code::ValidatorsUnchanged.reject(&format_args!("validators={}", now.hash()))); // V8
    }
    Ok(())
}

fn too_few_or_many(now: usize, next: usize) -> Rejection {
    let least = if now >= TOLERANT { TOLERANT } else { 1 };
    Code::ValidatorsSize.reject(&format_args!("now={now} next={next} from={least} to={}", limits::VALIDATORS))
}

/// V3, V4, V10: who may join a set.
fn eligible(state: &State<'_>, set: &ValidatorList, change: &ValidatorsChange) -> Result<(), Failure> {
    for join in &change.join {
        if state.row(&organization_key(&join.organization))?.is_none() {
            let detail = format!("validator={} organization={}", join.public_key, join.organization);
            return Err(Code::ValidatorOrganization.reject(&detail).into());
        }
        free(state, &join.public_key, &join.organization)?;
    }
    for (key, organization) in set.members() {
        if let Some(rotation) = change.rotate.iter().find(|r| r.old == *key) {
            free(state, &rotation.new, organization)?;
        }
    }
    Ok(())
}

/// Nothing that is known of a key keeps it from becoming a validator of an organization.
fn free(state: &State<'_>, key: &PublicKey, organization: &str) -> Result<(), Failure> {
    let Some(row) = membership::signer(state, key)? else { return Ok(()) };
    if row.organization != organization {
        let detail = format!("validator={key} organization={organization} belongs_to={}", row.organization);
        return Err(Code::ValidatorOrganization.reject(&detail).into()); // V3
    }
    if row.barred_ms != 0 || row.revoked_ms != 0 {
        let detail = format!("validator={key} barred_ms={} revoked_ms={}", row.barred_ms, row.revoked_ms);
        return Err(Code::ValidatorBarred.reject(&detail).into()); // V4
    }
    if membership::has(&row, RoleKind::Auditor) || membership::has(&row, RoleKind::Administrator) {
        let detail = format!("validator={key} organization={organization}");
        return Err(Code::MemberDutiesMixed.reject(&detail).into()); // V10
    }
    Ok(())
}

/// V9: every new key signs for itself, and for the organization that it is to act for.
fn possessed(chain_id: &str, set: &ValidatorList, change: &ValidatorsChange) -> Result<(), Rejection> {
    let join = change.join.iter().map(|j| (&j.public_key, j.organization.as_str(), &j.possession));
    let rotate = change.rotate.iter().map(|r| (&r.new, set.organization(&r.old).unwrap_or_default(), &r.possession));
    for (key, organization, possession) in join.chain(rotate) {
        if !members::possesses(chain_id, organization, key, possession) {
            let detail = format!("validator={key} organization={organization}");
            return Err(Code::ValidatorPossession.reject(&detail));
        }
    }
    Ok(())
}

/// Writes the next epoch, and the role of a validator for those who gain or lose it.
fn write(
    context: &Context<'_>,
    state: &mut State<'_>,
    now: &EpochRow,
    coming: &ValidatorList,
    next: ValidatorList,
) -> Result<Epoch, StateError> {
    for (key, _) in coming.members().iter().filter(|(key, _)| next.position(key).is_none()) {
        membership::dismiss(state, key)?;
    }
    for (key, organization) in next.members().iter().filter(|(key, _)| coming.position(key).is_none()) {
        membership::appoint(state, key, organization)?;
    }
    let row = EpochRow { epoch: now.epoch.next(), first_height: context.height.next(), validators: next };
    for (key, raw) in rows(&row) {
        state.put(key, raw);
    }
    Ok(row.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that nobody holds; `within` does not decode them.
    fn list(numbers: impl Iterator<Item = usize>) -> ValidatorList {
        let key = |i: usize| {
            let mut bytes = [2; 33];
            bytes[25..].copy_from_slice(&(i as u64).to_be_bytes());
            PublicKey::from_bytes(&bytes).expect("the prefix is 2")
        };
        ValidatorList::new(numbers.map(|i| (key(i), "henan".to_owned())).collect()).expect("a list")
    }

    /// Rules V5 to V8 in the words of the table, for every set up to 31 and every number of leavers and newcomers.
    #[test]
    fn the_bounds_hold_for_every_size_and_every_change() {
        for n in 1..=31 {
            let (f, now) = ((n - 1) / 3, list(0..n));
            for leaving in 0..=n {
                for joining in 0..=f + 2 {
                    let size = n - leaving + joining;
                    if size == 0 {
                        continue;
                    }
                    let expected = if leaving > f {
                        "VALIDATORS_LEAVING"
                    } else if joining > f.max(1) {
                        "VALIDATORS_JOINING"
                    } else if n >= 4 && size < 4 {
                        "VALIDATORS_SIZE"
                    } else if leaving + joining == 0 {
                        "VALIDATORS_UNCHANGED"
                    } else {
                        ""
                    };
                    let next = list((leaving..n).chain(100..100 + joining));
                    let code = within(&now, &next).err().map_or("", |r| r.code);
                    assert_eq!(code, expected, "n={n} leaving={leaving} joining={joining}");
                    if code.is_empty() {
                        // Who stays is a quorum of the old set, and if nobody of it fails also one of the next.
                        assert!(n - leaving >= n - f);
                        assert!(n < 4 || n - leaving >= size - faults(size), "n={n} size={size}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_alone_makes_another_set() {
        assert_eq!(within(&list(0..4), &list([1, 0, 2, 3].into_iter())), Ok(()));
    }
}
