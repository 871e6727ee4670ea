//! What proposals make of chain parameters and types of 电子证照.
//!
//! | label | rule | code |
//! |---|---|---|
//! | P1 | a change changes something | `MEMBER_UNCHANGED` |
//! | P2 | no threshold exceeds that of parameters, by which it can be lowered | `MEMBER_THRESHOLDS` |
//! | P3 | enough organizations have an administrator for the new thresholds | `MEMBER_LAST_ADMINISTRATOR` |
//! | P4 | a type that is retired exists and stays so | `MEMBER_TYPE_UNKNOWN`, `MEMBER_TYPE_RETIRED` |
//!
//! Parameters change from the next block on: within a block, those of the state before it count. The others of the genesis
//! (Δ, heartbeat, drift of time, sizes, validity of transactions) do not change: every node reads them from its genesis
//! file when it starts, and the engine and the index of transaction ids rely on that.

use crate::governance::Plan;
use crate::members;
use crate::membership::PARAMETERS_KEY;
use crate::registry::Context;
use crate::rejection::{Code, Failure};
use crate::state::{Changes, State, StateError};
use hnchain_types::credential::certificate_type_key;
use hnchain_types::governance::{CertificateTypeChange, ParametersChange};
use hnchain_types::member::Governing;
use hnchain_types::proto;
use prost::Message;

/// Changes the parameters that are named.
pub(crate) fn parameters(context: &Context<'_>, state: &State<'_>, change: &ParametersChange) -> Result<Plan, Failure> {
    let Some((mut row, raw)) = state.message::<proto::Parameters>(PARAMETERS_KEY)? else {
        return Err(StateError(format!("row {PARAMETERS_KEY} is missing")).into());
    };
    let now = Governing::decode(&raw).map_err(|e| StateError(format!("row {PARAMETERS_KEY} is damaged: {e}")))?;
    let next = change.thresholds.applied(&now.thresholds);
    row.suspend_equivocators = change.suspend_equivocators.unwrap_or(now.suspend_equivocators);
    row.proposal_open_ms = change.proposal_open_ms.unwrap_or(now.proposal_open_ms);
    row.thresholds = Some(next.to_proto());
    let encoded = row.encode_to_vec();
    if encoded == raw {
        return Err(Code::MemberUnchanged.reject(&format_args!("row={PARAMETERS_KEY}")).into()); // P1
    }
    if !next.sound() {
        return Err(Code::MemberThresholds.reject(&format_args!("parameters={}", next.parameters)).into()); // P2
    }
    members::governed_by(context, state, (&now.thresholds, &next))?; // P3
    let changes = Changes::from([(PARAMETERS_KEY.to_owned(), Some(encoded))]);
    Ok(Plan { what: PARAMETERS_KEY.to_owned(), changes })
}

/// Adds a type of 电子证照, renames it, or retires it from this block's time on.
pub(crate) fn certificate_type(
    context: &Context<'_>,
    state: &State<'_>,
    change: &CertificateTypeChange,
) -> Result<Plan, Failure> {
    let key = certificate_type_key(&change.code);
    let before = state.message::<proto::CertificateType>(&key)?;
    let detail = format!("type={}", change.code);
    let mut row = match before {
        Some((row, _)) if row.retired_ms != 0 => return Err(Code::MemberTypeRetired.reject(&detail).into()), // P4
        Some((row, _)) if row.name == change.name && !change.retired => {
            return Err(Code::MemberUnchanged.reject(&detail).into()); // P1
        }
        Some((row, _)) => row,
        None if change.retired => return Err(Code::MemberTypeUnknown.reject(&detail).into()), // P4
        None => proto::CertificateType { code: change.code.clone(), ..proto::CertificateType::default() },
    };
    row.name.clone_from(&change.name);
    row.retired_ms = if change.retired { context.time_ms } else { 0 };
    let changes = Changes::from([(key.clone(), Some(row.encode_to_vec()))]);
    Ok(Plan { what: key, changes })
}
