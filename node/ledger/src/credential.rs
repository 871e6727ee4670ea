//! The registry of 电子证照 (GB/T 36901 to 36905-2018).
//!
//! ```text
//! issue ──► valid ── suspend ──► suspended ── resume ──► valid
//!             │                      │
//!             ├── change ────────────│──► superseded, and the next version is valid
//!             └── revoke, cancel ────┴──► revoked (吊销), cancelled (注销)
//! ```
//!
//! Superseded, revoked and cancelled are final. A certificate expires by block time, without an operation: then it can
//! still be changed (延续), revoked, and cancelled, which 行政许可法 art. 70 (1) demands; a suspension of it would say
//! nothing, nor would the end of one. A suspended certificate is not changed, because the next version would be valid.
//!
//! | label | rule | code |
//! |---|---|---|
//! | C1 | suspension, revocation and cancellation say why | `CREDENTIAL_REASON` |
//! | C2 | what is changed exists | `CREDENTIAL_NOT_FOUND` |
//! | C3 | the signer is a registrar of the certificate's type and division | `ROLE_MISSING` |
//! | C4 | … of the organization that issued it, or of one above that | `CREDENTIAL_OWNER` |
//! | C5 | a final state stays | `CREDENTIAL_FINAL` |
//! | C6 | an expired certificate is neither suspended nor resumed | `CREDENTIAL_EXPIRED` |
//! | C7 | a suspended one is neither suspended again nor changed | `CREDENTIAL_SUSPENDED` |
//! | C8 | only a suspended one is resumed | `CREDENTIAL_NOT_SUSPENDED` |
//! | C9 | the next version has the type, issuer and serial of the one before | `CREDENTIAL_SERIES` |
//! | C10 | … and its version number + 1 | `CREDENTIAL_VERSION` |
//! | C11 | the type is one of the chain's | `CREDENTIAL_TYPE_UNKNOWN` |
//! | C12 | … that is still issued | `CREDENTIAL_TYPE_RETIRED` |
//! | C13 | the identifier's 颁发机构代码 is the signer's organization's 统一社会信用代码 | `CREDENTIAL_ISSUER` |
//! | C14 | what is issued first has version 001 | `CREDENTIAL_FIRST_VERSION` |
//! | C15 | the period does not end before it begins | `CREDENTIAL_PERIOD` |
//! | C16 | an identifier is issued once | `CREDENTIAL_EXISTS` |
//!
//! Checked in this order, as far as they concern the operation: an issue is checked by C3 and from C11 on, a change by C2
//! to C5, C7, C9 to C12, C15 and C16. A change keeps the division and the issuer, so an organization above the issuer
//! can make one too.
//!
//! The current row of each version is `certificate/<id>`, the rows that it replaced are
//! `certificate-history/<id>/<sequence>`, and each row holds the hash of the one that it follows; the first row of a
//! later version that of the last row of the version before. So a proof of the newest row covers everything back to the
//! first issue. `certificate-holder/<holder>/<id>` lists a holder's certificates, whatever became of them.

use crate::membership::{Permission, organization_key};
use crate::registry::{Context, Registry};
use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use hnchain_types::codes::{CertificateId, Division};
use hnchain_types::credential::{
    CertificateTypeRow, Change, Content, Credential, HOLDER_MARK, Issue, Operation, State as Stand, Step,
    certificate_type_key, credential_key, history_key, holder_key, row_hash,
};
use hnchain_types::genesis::Registry as Kind;
use hnchain_types::{DecodeError, proto};

/// Organizations looked at on the way up from an issuer, itself included: province, city, county and their offices need
/// five.
pub const GENERATIONS: usize = 16;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Credentials;

impl Registry<Operation> for Credentials {
    fn needs<'a>(&self, op: &'a Operation) -> Permission<'a> {
        match op {
            Operation::Issue(op) => registrar(&op.id, op.division),
            // The division stands in the row.
            _ => Permission::Enter { registry: Kind::Certificate },
        }
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
        match op {
            Operation::Issue(op) => issue(context, state, op),
            Operation::Change(op) => change(context, state, op),
            Operation::Suspend(op) => end(context, state, op, Stand::Suspended),
            Operation::Revoke(op) => end(context, state, op, Stand::Revoked),
            Operation::Cancel(op) => end(context, state, op, Stand::Cancelled),
            Operation::Resume(op) => resume(context, state, &op.id),
        }
    }
}

fn registrar(id: &CertificateId, division: Division) -> Permission<'_> {
    Permission::Register { registry: Kind::Certificate, subject: id.type_code(), division }
}

fn issue(context: &Context<'_>, state: &mut State<'_>, op: &Issue) -> Result<proto::Event, Failure> {
    issued_type(context, state, &op.id)?;
    let registered = organization(state, context.organization)?.map(|o| o.credit_code).unwrap_or_default();
    if registered != op.id.issuer() {
        let detail = format!("organization={} code={registered} given={}", context.organization, op.id.issuer());
        return Err(Code::CredentialIssuer.reject(&detail).into()); // C13
    }
    if op.id.version() != 1 {
        return Err(Code::CredentialFirstVersion.reject(&format_args!("certificate={}", op.id)).into()); // C14
    }
    let row = Credential {
        id: op.id.clone(),
        sequence: 1,
        state: Stand::Valid,
        division: op.division,
        content: op.content,
        previous_id: None,
        next_id: None,
        reason: None,
        issuer: context.organization.to_owned(),
        organization: context.organization.to_owned(),
        height: context.height,
        time_ms: context.time_ms,
        transaction: context.transaction,
        previous_row: None,
    };
    enter(state, &row)?;
    Ok(changed(&row, None))
}

fn change(context: &Context<'_>, state: &mut State<'_>, op: &Change) -> Result<proto::Event, Failure> {
    let (mut old, raw) = open(context, state, &op.previous)?;
    if old.state == Stand::Suspended {
        return Err(Code::CredentialSuspended.reject(&named(&old)).into()); // C7
    }
    if !op.id.same_series(&old.id) {
        let detail = format!("certificate={} given={}", old.id, op.id);
        return Err(Code::CredentialSeries.reject(&detail).into()); // C9
    }
    if op.id.version() != old.id.version().saturating_add(1) {
        let detail = format!("certificate={} given={:03}", old.id, op.id.version());
        return Err(Code::CredentialVersion.reject(&detail).into()); // C10
    }
    issued_type(context, state, &op.id)?;
    old.state = Stand::Superseded;
    old.next_id = Some(op.id.clone());
    let last = replace(context, state, &mut old, raw);
    let row = Credential {
        id: op.id.clone(),
        sequence: 1,
        state: Stand::Valid,
        content: op.content,
        previous_id: Some(op.previous.clone()),
        next_id: None,
        previous_row: Some(row_hash(&last)),
        ..old
    };
    enter(state, &row)?;
    Ok(changed(&row, Some(&op.previous)))
}

/// Suspends or ends a certificate.
fn end(context: &Context<'_>, state: &mut State<'_>, op: &Step, to: Stand) -> Result<proto::Event, Failure> {
    if op.reason.is_empty() {
        return Err(Code::CredentialReason.reject(&format_args!("certificate={}", op.id)).into()); // C1
    }
    let (mut row, raw) = open(context, state, &op.id)?;
    if to == Stand::Suspended {
        in_time(context, &row)?;
        if row.state == Stand::Suspended {
            return Err(Code::CredentialSuspended.reject(&named(&row)).into()); // C7
        }
    }
    row.state = to;
    row.reason = Some(op.reason.clone());
    replace(context, state, &mut row, raw);
    Ok(changed(&row, None))
}

fn resume(context: &Context<'_>, state: &mut State<'_>, id: &CertificateId) -> Result<proto::Event, Failure> {
    let (mut row, raw) = open(context, state, id)?;
    in_time(context, &row)?;
    if row.state != Stand::Suspended {
        return Err(Code::CredentialNotSuspended.reject(&named(&row)).into()); // C8
    }
    row.state = Stand::Valid;
    row.reason = None;
    replace(context, state, &mut row, raw);
    Ok(changed(&row, None))
}

/// The row of a certificate that is not at its end and that the signer may change, with its encoding.
fn open(context: &Context<'_>, state: &State<'_>, id: &CertificateId) -> Result<(Credential, Vec<u8>), Failure> {
    let Some((row, raw)) = credential(state, id)? else {
        return Err(Code::CredentialNotFound.reject(&format_args!("certificate={id}")).into()); // C2
    };
    context.member.require(registrar(id, row.division))?; // C3
    if !governs(state, context.organization, &row.issuer)? {
        let detail = format!("certificate={id} issuer={} signer={}", row.issuer, context.organization);
        return Err(Code::CredentialOwner.reject(&detail).into()); // C4
    }
    if row.state.is_final() {
        return Err(Code::CredentialFinal.reject(&named(&row)).into()); // C5
    }
    Ok((row, raw))
}

fn in_time(context: &Context<'_>, row: &Credential) -> Result<(), Failure> {
    if row.expired_at(context.time_ms) {
        let (until, now) = (row.content.valid_until_ms, context.time_ms);
        let detail = format!("certificate={} valid_until_ms={until} time_ms={now}", row.id);
        return Err(Code::CredentialExpired.reject(&detail).into()); // C6
    }
    Ok(())
}

/// That certificates of a type are issued now.
fn issued_type(context: &Context<'_>, state: &State<'_>, id: &CertificateId) -> Result<(), Failure> {
    let code = id.type_code();
    let key = certificate_type_key(code);
    let Some(raw) = state.row(&key)? else {
        return Err(Code::CredentialTypeUnknown.reject(&format_args!("type={code}")).into()); // C11
    };
    let row = CertificateTypeRow::decode(&raw).map_err(|e| damaged(&key, &e))?;
    if row.retired_at(context.time_ms) {
        let detail = format!("type={code} retired_ms={} time_ms={}", row.retired_ms, context.time_ms);
        return Err(Code::CredentialTypeRetired.reject(&detail).into()); // C12
    }
    Ok(())
}

/// Puts the first row of a version into the state, and the version on its holder's list.
fn enter(state: &mut State<'_>, row: &Credential) -> Result<(), Failure> {
    let Content { valid_from_ms: from, valid_until_ms: until, holder, .. } = row.content;
    if until != 0 && until < from {
        let detail = format!("certificate={} valid_from_ms={from} valid_until_ms={until}", row.id);
        return Err(Code::CredentialPeriod.reject(&detail).into()); // C15
    }
    let key = credential_key(&row.id);
    if state.row(&key)?.is_some() {
        return Err(Code::CredentialExists.reject(&format_args!("certificate={}", row.id)).into()); // C16
    }
    state.put(key, row.encode());
    state.put(holder_key(&holder, &row.id), HOLDER_MARK.to_vec());
    Ok(())
}

/// Puts a changed row in the place of the one that it follows, which moves to history. Gives its encoding.
fn replace(context: &Context<'_>, state: &mut State<'_>, row: &mut Credential, before: Vec<u8>) -> Vec<u8> {
    row.previous_row = Some(row_hash(&before));
    state.put(history_key(&row.id, row.sequence), before);
    row.sequence = row.sequence.saturating_add(1);
    context.organization.clone_into(&mut row.organization);
    row.height = context.height;
    row.time_ms = context.time_ms;
    row.transaction = context.transaction;
    let raw = row.encode();
    state.put(credential_key(&row.id), raw.clone());
    raw
}

/// The current row of a certificate, with its encoding.
fn credential(state: &State<'_>, id: &CertificateId) -> Result<Option<(Credential, Vec<u8>)>, StateError> {
    let key = credential_key(id);
    let Some(raw) = state.row(&key)? else { return Ok(None) };
    let row = Credential::decode(&raw).map_err(|e| damaged(&key, &e))?;
    Ok(Some((row, raw)))
}

fn organization(state: &State<'_>, id: &str) -> Result<Option<proto::Organization>, StateError> {
    Ok(state.message::<proto::Organization>(&organization_key(id))?.map(|(row, _)| row))
}

/// Whether an organization issued a certificate, or is above the one that did.
fn governs(state: &State<'_>, id: &str, issuer: &str) -> Result<bool, StateError> {
    let mut at = issuer.to_owned();
    for _ in 0..GENERATIONS {
        if at == id {
            return Ok(true);
        }
        match organization(state, &at)? {
            Some(row) if !row.parent.is_empty() => at = row.parent,
            _ => return Ok(false),
        }
    }
    Ok(false)
}

fn damaged(key: &str, error: &DecodeError) -> StateError {
    StateError(format!("row {key} is damaged: {error}"))
}

fn named(row: &Credential) -> String {
    format!("certificate={} state={} sequence={}", row.id, row.state, row.sequence)
}

fn changed(row: &Credential, superseded: Option<&CertificateId>) -> proto::Event {
    let changed = proto::CredentialChanged {
        id: row.id.to_string(),
        sequence: row.sequence,
        state: row.state.to_proto().into(),
        superseded: superseded.map(ToString::to_string).unwrap_or_default(),
    };
    proto::Event { kind: Some(proto::event::Kind::Credential(changed)) }
}
