//! Changes that organizations make together: one proposes, others approve, and with enough of them it takes effect.
//!
//! | label | rule | code |
//! |---|---|---|
//! | G1 | a transaction has at most one proposal: its id names it | `PROPOSAL_EXISTS` |
//! | G2 | approvals are of a proposal that exists | `PROPOSAL_NOT_FOUND` |
//! | G3 | … that has not taken effect | `PROPOSAL_ENACTED` |
//! | G4 | … and is at most [`OPEN_MS`] old | `PROPOSAL_EXPIRED` |
//! | G5 | only organizations that run validators approve | `APPROVAL_NOT_COUNTED` |
//! | G6 | each once | `APPROVAL_EXISTS` |
//!
//! A proposal takes effect with the approval that makes them more than two thirds of the organizations that run validators
//! in the block's epoch; the proposer's organization, if it is one of them, approves by proposing. It is first checked
//! whether the change could be made alone. If the change does not fit when it would take effect, that last approval is
//! refused with the reason, and the proposal stays open: the approval can be given again later. Where the validators
//! changed meanwhile so that the approvals given are enough, any organization that gave one gives it again.

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use crate::validators;
use hnchain_types::governance::{Approval, ApproveChange, Change, Enactment, Proposal, ProposeChange, proposal_key};
use hnchain_types::validators::ValidatorList;
use hnchain_types::{TxId, proto};

/// How long a proposal can be approved, in block time: 30 days, within which every operator has a working week.
pub const OPEN_MS: u64 = 30 * 24 * 3_600_000;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Governance;

impl Registry<ProposeChange> for Governance {
    fn needs<'a>(&self, _op: &'a ProposeChange) -> Permission<'a> {
        Permission::Govern
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &ProposeChange) -> Result<proto::Event, Failure> {
        if proposal(state, &context.transaction)?.is_some() {
            return Err(Code::ProposalExists.reject(&format_args!("proposal={}", context.transaction)).into()); // G1
        }
        let Change::Validators(change) = &op.change;
        validators::check(context, state, change)?;
        let proposal = Proposal {
            id: context.transaction,
            content: op.clone(),
            organization: context.organization.to_owned(),
            height: context.height,
            time_ms: context.time_ms,
            expires_ms: context.time_ms.saturating_add(OPEN_MS),
            approvals: vec![approval(context)],
            enacted: None,
        };
        let set = validators::now(state.view())?.validators;
        decide(context, state, &set, proposal)
    }
}

impl Registry<ApproveChange> for Governance {
    fn needs<'a>(&self, _op: &'a ApproveChange) -> Permission<'a> {
        Permission::Govern
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &ApproveChange) -> Result<proto::Event, Failure> {
        let id = op.proposal;
        let Some(mut proposal) = proposal(state, &id)? else {
            return Err(Code::ProposalNotFound.reject(&format_args!("proposal={id}")).into()); // G2
        };
        if let Some(enacted) = &proposal.enacted {
            let detail = format!("proposal={id} height={} epoch={}", enacted.height, enacted.epoch);
            return Err(Code::ProposalEnacted.reject(&detail).into()); // G3
        }
        if context.time_ms > proposal.expires_ms {
            let detail = format!("proposal={id} time_ms={} expires_ms={}", context.time_ms, proposal.expires_ms);
            return Err(Code::ProposalExpired.reject(&detail).into()); // G4
        }
        let (set, organization) = (validators::now(state.view())?.validators, context.organization);
        if !set.organizations().contains(organization) {
            return Err(Code::ApprovalNotCounted.reject(&format_args!("organization={organization}")).into()); // G5
        }
        if let Some(given) = proposal.approvals.iter().find(|a| a.organization == organization) {
            let (approvals, needed) = count(&set, &proposal);
            if approvals < needed {
                let height = given.height;
                let detail = format!("organization={organization} height={height} have={approvals} needed={needed}");
                return Err(Code::ApprovalExists.reject(&detail).into()); // G6
            }
        } else {
            proposal.approvals.push(approval(context));
        }
        decide(context, state, &set, proposal)
    }
}

/// Organizations that have to approve, of those that run validators: more than two thirds.
#[must_use]
pub const fn needed(organizations: usize) -> usize {
    organizations * 2 / 3 + 1
}

/// The row of a proposal.
fn proposal(state: &State<'_>, id: &TxId) -> Result<Option<Proposal>, StateError> {
    let key = proposal_key(id);
    let decode = |raw: Vec<u8>| Proposal::decode(&raw).map_err(|e| StateError(format!("row {key} is damaged: {e}")));
    state.row(&key)?.map(decode).transpose()
}

fn approval(context: &Context<'_>) -> Approval {
    Approval {
        organization: context.organization.to_owned(),
        transaction: context.transaction,
        height: context.height,
        time_ms: context.time_ms,
    }
}

/// Approvals that count, and how many are needed.
fn count(set: &ValidatorList, proposal: &Proposal) -> (usize, usize) {
    let organizations = set.organizations();
    let counted = proposal.approvals.iter().filter(|a| organizations.contains(a.organization.as_str())).count();
    (counted, needed(organizations.len()))
}

/// Makes the change if enough organizations approve, and writes the proposal.
fn decide(
    context: &Context<'_>,
    state: &mut State<'_>,
    set: &ValidatorList,
    mut proposal: Proposal,
) -> Result<proto::Event, Failure> {
    let (approvals, needed) = count(set, &proposal);
    if approvals >= needed {
        let Change::Validators(change) = &proposal.content.change;
        proposal.enacted = Some(Enactment {
            transaction: context.transaction,
            height: context.height,
            time_ms: context.time_ms,
            epoch: validators::change(context, state, change)?,
        });
    }
    state.put(proposal_key(&proposal.id), proposal.encode());
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let changed = proto::ProposalChanged {
        proposal: proposal.id.0.0.to_vec(),
        approvals: small(approvals),
        needed: small(needed),
        epoch: proposal.enacted.map_or(0, |enacted| enacted.epoch.0),
    };
    Ok(proto::Event { kind: Some(proto::event::Kind::Proposal(changed)) })
}
