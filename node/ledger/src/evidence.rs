//! Convictions: contradictory votes of a validator, on record for everyone.
//!
//! | label | rule | code |
//! |---|---|---|
//! | E1 | the epoch of the votes has begun | `EVIDENCE_EPOCH` |
//! | E2 | their signer was a validator of it | `EVIDENCE_SIGNER` |
//! | E3 | it is not convicted in that epoch yet | `EVIDENCE_KNOWN` |
//! | E4 | both signatures are its own | `EVIDENCE_INVALID` |
//!
//! That the votes contradict each other was checked when they were decoded.
//!
//! Where the chain's parameter `suspend_equivocators` says so, the offender's key is barred from every later validator set,
//! and leaves the present one at once if it is in it and the bounds of [`validators`] allow it. Where they do not (more than
//! f offenders in one block, a set that would tolerate no fault without it), it stays in the set; the same evidence is
//! taken again once it makes the offender leave.

use crate::membership::{self, Permission};
use crate::registry::{Context, Registry};
use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use crate::validators;
use hnchain_crypto::PublicKey;
use hnchain_types::governance::{EvidenceRow, epoch_key, evidence_key};
use hnchain_types::proto;
use hnchain_types::vote::Evidence;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Convictions;

impl Registry<Evidence> for Convictions {
    fn needs<'a>(&self, _op: &'a Evidence) -> Permission<'a> {
        Permission::Accuse
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Evidence) -> Result<proto::Event, Failure> {
        let (offender, organization) = offender(state, op)?;
        let key = evidence_key(op.epoch(), &offender);
        let detail = format!("validator={offender} epoch={} view={}", op.epoch(), op.view());
        if let Some(raw) = state.row(&key)? {
            let mut row = EvidenceRow::decode(&raw).map_err(|e| StateError(format!("row {key} is damaged: {e}")))?;
            if !suspend(context, state, &row)? {
                return Err(Code::EvidenceKnown.reject(&detail).into()); // E3
            }
            row.suspended = true;
            return Ok(record(state, key, row));
        }
        let known = offender.to_verifying_key();
        let known = known.map_err(|e| StateError(format!("row {} is damaged: {e}", epoch_key(op.epoch()))))?;
        if !op.signed_by(context.chain.genesis, &known) {
            return Err(Code::EvidenceInvalid.reject(&detail).into()); // E4
        }
        let mut row = EvidenceRow {
            evidence: *op,
            offender,
            organization,
            submitter: context.organization.to_owned(),
            transaction: context.transaction,
            height: context.height,
            time_ms: context.time_ms,
            suspended: false,
        };
        row.suspended = suspend(context, state, &row)?;
        Ok(record(state, key, row))
    }
}

/// Bars the offender's key where the chain wants it, and says whether it left the validator set by this.
fn suspend(context: &Context<'_>, state: &mut State<'_>, row: &EvidenceRow) -> Result<bool, Failure> {
    if !membership::governing(state.view())?.suspend_equivocators {
        return Ok(false);
    }
    membership::bar(state, &row.offender, &row.organization, context.time_ms)?;
    validators::suspend(context, state, row.offender)
}

fn record(state: &mut State<'_>, key: String, row: EvidenceRow) -> proto::Event {
    state.put(key, row.encode());
    let recorded = proto::EvidenceRecorded {
        epoch: row.evidence.epoch().0,
        view: row.evidence.view().0,
        offender: row.offender.as_bytes().to_vec(),
        organization: row.organization,
        suspended: row.suspended,
    };
    proto::Event { kind: Some(proto::event::Kind::Evidence(recorded)) }
}

/// E1, E2: key and organization of the validator that the votes name. An epoch that this block begins has no votes yet.
fn offender(state: &State<'_>, op: &Evidence) -> Result<(PublicKey, String), Failure> {
    let Some(row) = validators::epoch_of(state.view(), op.epoch())? else {
        return Err(Code::EvidenceEpoch.reject(&format_args!("epoch={}", op.epoch())).into());
    };
    let (index, n) = (op.offender(), row.validators.len());
    row.validators.members().get(index.index()).cloned().ok_or_else(|| {
        Code::EvidenceSigner.reject(&format_args!("epoch={} signer={index} validators={n}", op.epoch())).into()
    })
}
