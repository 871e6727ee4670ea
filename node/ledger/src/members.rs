//! What proposals make of organizations and signers.
//!
//! | label | rule | code |
//! |---|---|---|
//! | M1 | an organization that is named exists | `MEMBER_ORGANIZATION` |
//! | M2 | no two organizations have one 统一社会信用代码 | `MEMBER_CREDIT_CODE` |
//! | M3 | the tree has no circle and at most 16 levels | `MEMBER_PARENT` |
//! | M4 | a division lies in the parent's, and becomes only wider, so that those below stay in it | `MEMBER_DIVISION` |
//! | M5 | a change changes something | `MEMBER_UNCHANGED` |
//! | M6 | a signer that is rotated or revoked exists, and the key that it gets was never used | `MEMBER_UNKNOWN`, `MEMBER_KNOWN` |
//! | M7 | a key acts for one organization for ever, and a revoked one never again | `MEMBER_OTHER`, `MEMBER_REVOKED` |
//! | M8 | a validity ends in the future | `MEMBER_VALIDITY` |
//! | M9 | roles reach no further than the division of their organization; only at the root may they be unbounded | `MEMBER_REACH` |
//! | M10 | a key has one of the duties validator, auditor, administrator (等保三级), and the set is left before a key is rotated or revoked | `MEMBER_DUTIES_MIXED`, `MEMBER_IS_VALIDATOR` |
//! | M11 | every new key signs for itself and its organization | `MEMBER_POSSESSION` |
//! | M12 | governance stays alive, and an organization has at most 24 administrators | `MEMBER_LAST_ADMINISTRATOR`, `MEMBER_ADMINISTRATORS` |
//!
//! M12: of the organizations that run validators, at least as many have an administrator in force as approve a change of
//! parameters, which needs most. A change that would end this is refused; where it is so already (a genesis without
//! administrators, validities that ended), nothing is. That a validity will end later, and a suspension by evidence, are
//! not held against anybody: renew in time.
//!
//! Every row names the row before and the proposal that wrote it; older rows stay under `member-history/`.

use crate::governance::Plan;
use crate::membership::{self, administrators_row, credit_code_row, held, organization_key, revise, signer_key};
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::{Changes, State, StateError};
use crate::validators;
use hnchain_crypto::{PublicKey, Signature};
use hnchain_types::codes::Division;
use hnchain_types::genesis::{self, Organization, Role, possession_digest};
use hnchain_types::governance::{Appointment, Revocation, SignerRotation, Thresholds};
use hnchain_types::member::{Force, administrators_key, credit_code_key, role_to_proto};
use hnchain_types::proto::{self, RoleKind};
use hnchain_types::validators::ValidatorList;
use hnchain_types::{TxId, limits};
use std::collections::BTreeSet;

/// A signer's row with its encoding.
type Held = (proto::Signer, Vec<u8>);

/// Adds an organization, or gives one other properties.
pub(crate) fn organization(state: &State<'_>, o: &Organization, proposal: &TxId) -> Result<Plan, Failure> {
    let key = organization_key(&o.id);
    let before = state.message::<proto::Organization>(&key)?;
    let mut next = membership::organization_row(o);
    let mut changes = Changes::new();
    if let Some((former, _)) = &before {
        next.revision = former.revision;
        next.proposal.clone_from(&former.proposal);
        next.previous.clone_from(&former.previous);
        if next == *former {
            return Err(Code::MemberUnchanged.reject(&format_args!("organization={}", o.id)).into()); // M5
        }
        if former.credit_code != o.credit_code {
            changes.insert(credit_code_key(&former.credit_code), None);
        }
    }
    let index = credit_code_key(&o.credit_code);
    if let Some((owner, _)) = state.message::<proto::CreditCodeRow>(&index)?.filter(|(row, _)| row.organization != o.id)
    {
        let detail = format!("organization={} credit_code={} belongs_to={}", o.id, o.credit_code, owner.organization);
        return Err(Code::MemberCreditCode.reject(&detail).into()); // M2
    }
    changes.insert(index, Some(credit_code_row(&o.id)));
    placed(state, o)?;
    let former = before.as_ref().map(|(row, _)| division(&key, &row.division)).transpose()?;
    let own = division(&key, &o.division)?;
    if let Some(former) = former.filter(|former| !own.contains(*former)) {
        let detail = format!("organization={} division={own} former={former}", o.id);
        return Err(Code::MemberDivision.reject(&detail).into()); // M4
    }
    next.proposal = proposal.0.0.to_vec();
    revise(&mut changes, key.clone(), next, before.map(|(_, raw)| raw));
    Ok(Plan { what: key, changes })
}

/// M3, M4: where an organization stands in the tree.
fn placed(state: &State<'_>, o: &Organization) -> Result<(), Failure> {
    let refuse = |parent: &str, depth: usize| {
        let detail = format!("organization={} parent={parent} depth={depth}", o.id);
        Failure::from(Code::MemberParent.reject(&detail)) // M3
    };
    let mut above = o.parent.clone().unwrap_or_default();
    for depth in 1..=limits::ORGANIZATION_DEPTH {
        if above.is_empty() {
            return Ok(());
        }
        if above == o.id || depth == limits::ORGANIZATION_DEPTH {
            return Err(refuse(&above, depth));
        }
        let Some(row) = find(state, &above)? else { return Err(refuse(&above, depth)) };
        if depth == 1 && !division(&above, &row.division)?.contains(division(&o.id, &o.division)?) {
            let detail = format!("organization={} division={} parent={}", o.id, o.division, row.division);
            return Err(Code::MemberDivision.reject(&detail).into()); // M4
        }
        above = row.parent;
    }
    Ok(())
}

fn find(state: &State<'_>, organization: &str) -> Result<Option<proto::Organization>, StateError> {
    Ok(state.message(&organization_key(organization))?.map(|(row, _)| row))
}

/// A division that was checked before it was written.
fn division(of: &str, code: &str) -> Result<Division, StateError> {
    code.parse().map_err(|e| StateError(format!("the division of {of} is damaged: {e}")))
}

/// Gives a key roles, or replaces those that it has.
pub(crate) fn appoint(
    context: &Context<'_>,
    state: &State<'_>,
    a: &Appointment,
    proposal: &TxId,
) -> Result<Plan, Failure> {
    let Some(organization) = find(state, &a.organization)? else {
        return Err(Code::MemberOrganization.reject(&format_args!("organization={}", a.organization)).into()); // M1
    };
    let before = held(state, &a.public_key)?;
    let next = appointed(context, a, before.as_ref())?;
    reaches(&organization, a)?;
    if genesis::duties(&a.roles, membership::has(&next, RoleKind::Validator)) > 1 {
        return Err(Code::MemberDutiesMixed.reject(&format_args!("signer={}", a.public_key)).into()); // M10
    }
    let mut lists = Lists::default();
    lists.set(state, &a.public_key, &next)?;
    governed(context, state, &[(a.public_key, &next)])?;
    possessed(context, &a.organization, &a.public_key, &a.possession)?;
    Ok(signed(&a.public_key, next, before, proposal, lists.changes()))
}

/// M5, M7, M8: the row that an appointment makes of the one before.
fn appointed(context: &Context<'_>, a: &Appointment, before: Option<&Held>) -> Result<proto::Signer, Failure> {
    let mut next =
        before.map_or_else(|| membership::unknown_signer(&a.public_key, &a.organization), |(row, _)| row.clone());
    if next.organization != a.organization {
        let detail =
            format!("signer={} organization={} belongs_to={}", a.public_key, a.organization, next.organization);
        return Err(Code::MemberOther.reject(&detail).into()); // M7
    }
    alive(&a.public_key, &next)?;
    if a.valid_until_ms != 0 && a.valid_until_ms < context.time_ms {
        let detail = format!("signer={} time_ms={} until={}", a.public_key, context.time_ms, a.valid_until_ms);
        return Err(Code::MemberValidity.reject(&detail).into()); // M8
    }
    let validates = next.roles.iter().filter(|r| r.kind() == RoleKind::Validator).cloned();
    next.roles = a.roles.iter().map(role_to_proto).chain(validates.collect::<Vec<_>>()).collect();
    (next.valid_from_ms, next.valid_until_ms) = (a.valid_from_ms, a.valid_until_ms);
    if before.is_some_and(|(row, _)| *row == next) {
        return Err(Code::MemberUnchanged.reject(&format_args!("signer={}", a.public_key)).into()); // M5
    }
    Ok(next)
}

/// M9: roles that have a division lie in the organization's, and below the root they have one.
fn reaches(organization: &proto::Organization, a: &Appointment) -> Result<(), Failure> {
    let own = division(&organization.id, &organization.division)?;
    for role in &a.roles {
        let (Role::Registrar { division, .. } | Role::Court { division }) = role else { continue };
        if !division.map_or(organization.parent.is_empty(), |reach| own.contains(reach)) {
            let reach = division.map_or_else(|| "*".to_owned(), |d| d.to_string());
            let detail = format!("organization={} division={own} role={reach}", organization.id);
            return Err(Code::MemberReach.reject(&detail).into());
        }
    }
    Ok(())
}

/// Moves roles and validity of a signer to a key that was never used, and revokes the old one.
pub(crate) fn rotate(
    context: &Context<'_>,
    state: &State<'_>,
    r: &SignerRotation,
    proposal: &TxId,
) -> Result<Plan, Failure> {
    let (mut old, raw) = known(state, &r.old)?;
    if held(state, &r.new)?.is_some() {
        return Err(Code::MemberKnown.reject(&format_args!("signer={}", r.new)).into()); // M6
    }
    possessed(context, &old.organization, &r.new, &r.possession)?;
    let new = proto::Signer {
        roles: old.roles.clone(),
        valid_from_ms: old.valid_from_ms,
        valid_until_ms: old.valid_until_ms,
        barred_ms: old.barred_ms,
        ..membership::unknown_signer(&r.new, &old.organization)
    };
    old.revoked_ms = context.time_ms;
    old.successor = r.new.as_bytes().to_vec();
    let mut lists = Lists::default();
    lists.set(state, &r.old, &old)?;
    lists.set(state, &r.new, &new)?;
    let mut plan = signed(&r.old, old, Some((proto::Signer::default(), raw)), proposal, lists.changes());
    let new = signed(&r.new, new, None, proposal, plan.changes);
    plan.changes = new.changes;
    Ok(Plan { what: new.what, changes: plan.changes })
}

/// Revokes a key from this block's time on.
pub(crate) fn revoke(
    context: &Context<'_>,
    state: &State<'_>,
    r: &Revocation,
    proposal: &TxId,
) -> Result<Plan, Failure> {
    let (mut row, raw) = known(state, &r.public_key)?;
    row.revoked_ms = context.time_ms;
    let mut lists = Lists::default();
    lists.set(state, &r.public_key, &row)?;
    governed(context, state, &[(r.public_key, &row)])?;
    Ok(signed(&r.public_key, row, Some((proto::Signer::default(), raw)), proposal, lists.changes()))
}

/// M6, M7, M10: a signer that may be rotated or revoked.
fn known(state: &State<'_>, key: &PublicKey) -> Result<Held, Failure> {
    let Some((row, raw)) = held(state, key)? else {
        return Err(Code::MemberUnknown.reject(&format_args!("signer={key}")).into()); // M6
    };
    alive(key, &row)?;
    if membership::has(&row, RoleKind::Validator) {
        let detail = format!("signer={key} organization={}", row.organization);
        return Err(Code::MemberIsValidator.reject(&detail).into()); // M10
    }
    Ok((row, raw))
}

fn alive(key: &PublicKey, row: &proto::Signer) -> Result<(), Failure> {
    if row.revoked_ms == 0 {
        return Ok(());
    }
    Err(Code::MemberRevoked.reject(&format_args!("signer={key} revoked={}", row.revoked_ms)).into()) // M7
}

/// The rows of a signer that a proposal changes, besides others.
fn signed(
    key: &PublicKey,
    mut row: proto::Signer,
    before: Option<Held>,
    proposal: &TxId,
    mut changes: Changes,
) -> Plan {
    row.proposal = proposal.0.0.to_vec();
    let what = signer_key(key);
    revise(&mut changes, what.clone(), row, before.map(|(_, raw)| raw));
    Plan { what, changes }
}

/// M11.
fn possessed(
    context: &Context<'_>,
    organization: &str,
    key: &PublicKey,
    possession: &Signature,
) -> Result<(), Failure> {
    if possesses(&context.chain.chain_id, organization, key, possession) {
        return Ok(());
    }
    Err(Code::MemberPossession.reject(&format_args!("signer={key} organization={organization}")).into())
}

/// Whether a key signed for itself and an organization.
pub(crate) fn possesses(chain_id: &str, organization: &str, key: &PublicKey, possession: &Signature) -> bool {
    let digest = possession_digest(chain_id, organization, key);
    key.to_verifying_key().is_ok_and(|k| k.verify(&digest, possession).is_ok())
}

/// Keys in an organization's list of administrators.
fn administrators(state: &State<'_>, organization: &str) -> Result<BTreeSet<PublicKey>, StateError> {
    let key = administrators_key(organization);
    let Some((row, _)) = state.message::<proto::Administrators>(&key)? else { return Ok(BTreeSet::new()) };
    let read = |raw: &Vec<u8>| PublicKey::from_bytes(raw).map_err(|e| StateError(format!("row {key} is damaged: {e}")));
    row.public_keys.iter().map(read).collect()
}

/// The list of administrators of one organization, as a change leaves it.
#[derive(Default)]
struct Lists(Option<(String, BTreeSet<PublicKey>, bool)>);

impl Lists {
    /// Puts a key in or takes it out, as its row says. All rows of a change are of one organization.
    fn set(&mut self, state: &State<'_>, key: &PublicKey, row: &proto::Signer) -> Result<(), Failure> {
        let organization = &row.organization;
        let (_, keys, changed) = match &mut self.0 {
            Some(list) => list,
            none => none.insert((organization.clone(), administrators(state, organization)?, false)),
        };
        let administers = membership::has(row, RoleKind::Administrator) && row.revoked_ms == 0;
        *changed |= if administers { keys.insert(*key) } else { keys.remove(key) };
        if keys.len() > limits::ADMINISTRATORS {
            let detail = format!("organization={organization} limit={}", limits::ADMINISTRATORS);
            return Err(Code::MemberAdministrators.reject(&detail).into()); // M12
        }
        Ok(())
    }

    fn changes(self) -> Changes {
        let list = self.0.filter(|(_, _, changed)| *changed);
        list.map(|(organization, keys, _)| {
            // A row without keys would be empty, which is no row.
            let row = (!keys.is_empty()).then(|| administrators_row(&keys));
            (administrators_key(&organization), row)
        })
        .into_iter()
        .collect()
    }
}

/// Organizations of a set that have an administrator in force, with rows that a change puts in the place of others.
fn governing(
    context: &Context<'_>,
    state: &State<'_>,
    set: &ValidatorList,
    instead: &[(PublicKey, &proto::Signer)],
) -> Result<usize, StateError> {
    let acts = |row: &proto::Signer| {
        membership::has(row, RoleKind::Administrator) && membership::force(row, context.time_ms) == Force::InForce
    };
    let mut count = 0;
    for organization in set.organizations() {
        let mut found = instead.iter().any(|(_, row)| row.organization == organization && acts(row));
        for key in administrators(state, organization)? {
            if found {
                break;
            }
            let replaced = instead.iter().any(|(other, _)| *other == key);
            found = !replaced && membership::signer(state, &key)?.is_some_and(|row| acts(&row));
        }
        count += usize::from(found);
    }
    Ok(count)
}

/// M12 for a change of signers.
fn governed(context: &Context<'_>, state: &State<'_>, instead: &[(PublicKey, &proto::Signer)]) -> Result<(), Failure> {
    let set = validators::coming(state)?;
    let (before, after) = (governing(context, state, &set, &[])?, governing(context, state, &set, instead)?);
    let need = most_of_both(state, set.organizations().len())?;
    kept((before, need), (after, need))
}

/// M12 for a change of the validator set.
pub(crate) fn still_governed(
    context: &Context<'_>,
    state: &State<'_>,
    (now, next): (&ValidatorList, &ValidatorList),
) -> Result<(), Failure> {
    if now.organizations() == next.organizations() {
        return Ok(());
    }
    let of = |set: &ValidatorList| -> Result<_, StateError> {
        Ok((governing(context, state, set, &[])?, most_of_both(state, set.organizations().len())?))
    };
    kept(of(now)?, of(next)?)
}

/// M12 for a change of thresholds.
pub(crate) fn governed_by(
    context: &Context<'_>,
    state: &State<'_>,
    (now, next): (&Thresholds, &Thresholds),
) -> Result<(), Failure> {
    let set = validators::coming(state)?;
    let (have, n) = (governing(context, state, &set, &[])?, set.organizations().len());
    kept((have, most(now, n)), (have, most(next, n)))
}

/// … by the thresholds of this block and by those that it has made for the next.
fn most_of_both(state: &State<'_>, organizations: usize) -> Result<usize, StateError> {
    let (now, coming) = (membership::governing(state.view())?, membership::coming(state)?);
    Ok(most(&now.thresholds, organizations).max(most(&coming.thresholds, organizations)))
}

/// Approvals that the change needs that needs most.
const fn most(thresholds: &Thresholds, organizations: usize) -> usize {
    thresholds.parameters.needed(organizations)
}

/// Organizations that have an administrator, and how many are needed, before and after.
fn kept((before, then): (usize, usize), (after, needed): (usize, usize)) -> Result<(), Failure> {
    if before >= then && after < needed {
        return Err(Code::MemberLastAdministrator.reject(&format_args!("have={after} needed={needed}")).into());
    }
    Ok(())
}
