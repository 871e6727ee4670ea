//! Changes that organizations make together: one proposes, others approve, and with enough of them it takes effect.
//!
//! | label | rule | code |
//! |---|---|---|
//! | G1 | a transaction has at most one proposal: its id names it | `PROPOSAL_EXISTS` |
//! | G2 | approvals are of a proposal that exists | `PROPOSAL_NOT_FOUND` |
//! | G3 | … that has not taken effect | `PROPOSAL_ENACTED` |
//! | G4 | … and is at most the parameter `proposal_open_ms` old | `PROPOSAL_EXPIRED` |
//! | G5 | only organizations that run validators approve | `APPROVAL_NOT_COUNTED` |
//! | G6 | each once | `APPROVAL_EXISTS` |
//!
//! What a change must keep to is said where it is made: [`validators`] (V1 to V11), [`members`] (M1 to M12) and
//! [`parameters`] (P1 to P4).
//!
//! A proposal takes effect with the approval that makes them more of the organizations that run validators in the block's
//! epoch than the [threshold](hnchain_types::governance::Thresholds) of its kind of change, as the parameters of the state
//! before the block have it; the proposer's organization, if it is one of them, approves by proposing. It is first checked
//! whether the change could be made alone. If the change does not fit when it would take effect, that last approval is
//! refused with the reason, and the proposal stays open: the approval can be given again later. Where the validators or
//! the threshold changed meanwhile so that the approvals given are enough, any organization that gave one gives it again.
//!
//! Who proposed what, who approved it and when, and what it brought about, stays in the proposal's row for ever.

use crate::membership::{self, Permission};
use crate::registry::{Context, Registry};
use crate::rejection::{Code, Failure};
use crate::state::{Changes, State, StateError};
use crate::{members, parameters, validators};
use hnchain_types::governance::{
    Approval, ApproveChange, Change, Enactment, Proposal, ProposeChange, VALIDATORS_KEY, epoch_key, proposal_key,
};
use hnchain_types::validators::ValidatorList;
use hnchain_types::{Epoch, TxId, proto};

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
        plan(context, state, &op.change, &context.transaction)?;
        let proposal = Proposal {
            id: context.transaction,
            content: op.clone(),
            organization: context.organization.to_owned(),
            height: context.height,
            time_ms: context.time_ms,
            expires_ms: context.time_ms.saturating_add(membership::governing(state.view())?.proposal_open_ms),
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
            let detail = format!("proposal={id} height={} what={}", enacted.height, enacted.what);
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
            let (approvals, needed) = count(state, &set, &proposal)?;
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
fn count(state: &State<'_>, set: &ValidatorList, proposal: &Proposal) -> Result<(usize, usize), StateError> {
    let organizations = set.organizations();
    let counted = proposal.approvals.iter().filter(|a| organizations.contains(a.organization.as_str())).count();
    let threshold = membership::governing(state.view())?.thresholds.of(proposal.content.change.kind());
    Ok((counted, threshold.needed(organizations.len())))
}

/// What a change writes.
pub(crate) struct Plan {
    /// Key of the row that says what is in force now.
    pub(crate) what: String,
    /// All rows.
    pub(crate) changes: Changes,
}

/// Checks a change as the only one, and says what it writes. Nothing for the validators, whose next set depends on what
/// the block did before.
fn plan(context: &Context<'_>, state: &State<'_>, change: &Change, proposal: &TxId) -> Result<Plan, Failure> {
    match change {
        Change::Validators(v) => {
            validators::check(context, state, v)?;
            Ok(Plan { what: VALIDATORS_KEY.to_owned(), changes: Changes::new() })
        }
        Change::Organization(o) => members::organization(state, o, proposal),
        Change::Appoint(a) => members::appoint(context, state, a, proposal),
        Change::RotateSigner(r) => members::rotate(context, state, r, proposal),
        Change::RevokeSigner(r) => members::revoke(context, state, r, proposal),
        Change::Parameters(p) => parameters::parameters(context, state, p),
        Change::CertificateType(t) => parameters::certificate_type(context, state, t),
    }
}

/// Makes the change, and gives the epoch that begins with it (0 for none) and the key of the row that it wrote.
fn enact(context: &Context<'_>, state: &mut State<'_>, proposal: &Proposal) -> Result<(Epoch, String), Failure> {
    if let Change::Validators(change) = &proposal.content.change {
        let epoch = validators::change(context, state, change)?;
        return Ok((epoch, epoch_key(epoch)));
    }
    let plan = plan(context, state, &proposal.content.change, &proposal.id)?;
    state.apply(plan.changes);
    Ok((Epoch(0), plan.what))
}

/// Makes the change if enough organizations approve, and writes the proposal.
fn decide(
    context: &Context<'_>,
    state: &mut State<'_>,
    set: &ValidatorList,
    mut proposal: Proposal,
) -> Result<proto::Event, Failure> {
    let (approvals, needed) = count(state, set, &proposal)?;
    if approvals >= needed {
        let (epoch, what) = enact(context, state, &proposal)?;
        let (transaction, height, time_ms) = (context.transaction, context.height, context.time_ms);
        proposal.enacted = Some(Enactment { transaction, height, time_ms, epoch, what });
    }
    state.put(proposal_key(&proposal.id), proposal.encode());
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let changed = proto::ProposalChanged {
        proposal: proposal.id.0.0.to_vec(),
        approvals: small(approvals),
        needed: small(needed),
        epoch: proposal.enacted.as_ref().map_or(0, |enacted| enacted.epoch.0),
        enacted: proposal.enacted.is_some(),
    };
    Ok(proto::Event { kind: Some(proto::event::Kind::Proposal(changed)) })
}
