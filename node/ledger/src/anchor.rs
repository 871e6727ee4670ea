//! The anchor registry: records known by namespace and id, each a chain of versions that ends with a revocation.
//!
//! | label | rule | code |
//! |---|---|---|
//! | A1 | version 1 makes a record that does not exist | `ANCHOR_EXISTS` |
//! | A2 | later versions and revocations are of a record that exists | `ANCHOR_NOT_FOUND` |
//! | A3 | only the organization that wrote a record changes it | `ANCHOR_OWNER` |
//! | A4 | a revoked record accepts nothing more | `ANCHOR_REVOKED` |
//! | A5 | a version is the recorded one + 1 | `ANCHOR_VERSION` |
//!
//! The current version is the row `anchor/<namespace>/<id>`. Each version that it supersedes stays readable under
//! `history/<namespace>/<id>/<version>`, and the current row holds the hash of the one before it, so that a proof of the
//! current row covers the whole chain of versions.

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::{Code, Failure};
use crate::state::State;
use hnchain_crypto::Tag;
use hnchain_types::proto;
use hnchain_types::transaction::{Anchor, RecordKey, Revoke};
use prost::Message;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Anchors;

/// Key of the row of a superseded version.
#[must_use]
pub fn history_key(record: &RecordKey, version: u64) -> String {
    format!("history/{}/{}/{version}", record.namespace(), record.id())
}

impl Registry<Anchor> for Anchors {
    fn needs<'a>(&self, op: &'a Anchor) -> Permission<'a> {
        Permission::WriteRecords { namespace: op.record.namespace() }
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Anchor) -> Result<proto::Event, Failure> {
        let mut next =
            if op.version == 1 { first(state, &op.record)? } else { next(context, state, &op.record, op.version)? };
        next.commitment = op.commitment.0.to_vec();
        next.batch_size = op.batch_size;
        Ok(write(context, state, &op.record, next))
    }
}

impl Registry<Revoke> for Anchors {
    fn needs<'a>(&self, op: &'a Revoke) -> Permission<'a> {
        Permission::WriteRecords { namespace: op.record.namespace() }
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Revoke) -> Result<proto::Event, Failure> {
        let mut last = next(context, state, &op.record, op.version)?;
        last.set_status(proto::RecordStatus::Revoked);
        last.reason = op.reason.clone();
        Ok(write(context, state, &op.record, last))
    }
}

/// Version 1 of a new record.
fn first(state: &State<'_>, key: &RecordKey) -> Result<proto::Record, Failure> {
    if let Some((record, _)) = state.message::<proto::Record>(&key.state_key())? {
        let detail = format!("record={} version={}", named(key), record.version);
        return Err(Code::AnchorExists.reject(&detail).into()); // A1
    }
    Ok(proto::Record {
        namespace: key.namespace().to_owned(),
        id: key.id().to_owned(),
        version: 1,
        status: proto::RecordStatus::Active.into(),
        ..proto::Record::default()
    })
}

/// The next version of a record that may be changed, with the content of the current one, which moves to history.
fn next(context: &Context<'_>, state: &mut State<'_>, key: &RecordKey, given: u64) -> Result<proto::Record, Failure> {
    let name = named(key);
    let Some((mut record, raw)) = state.message::<proto::Record>(&key.state_key())? else {
        return Err(Code::AnchorNotFound.reject(&format_args!("record={name} given={given}")).into()); // A2
    };
    if record.organization != context.organization {
        let detail = format!("record={name} owner={} signer={}", record.organization, context.organization);
        return Err(Code::AnchorOwner.reject(&detail).into()); // A3
    }
    if record.status() != proto::RecordStatus::Active {
        let detail = format!("record={name} version={}", record.version);
        return Err(Code::AnchorRevoked.reject(&detail).into()); // A4
    }
    if record.version.checked_add(1) != Some(given) {
        let detail = format!("record={name} recorded={} given={given}", record.version);
        return Err(Code::AnchorVersion.reject(&detail).into()); // A5
    }
    record.previous = Tag::Anchor.hash(&[&raw]).0.to_vec();
    state.put(history_key(key, record.version), raw);
    record.version = given;
    Ok(record)
}

/// Stamps a version with who wrote it and when, and makes it the current one.
fn write(context: &Context<'_>, state: &mut State<'_>, key: &RecordKey, mut record: proto::Record) -> proto::Event {
    record.organization = context.organization.to_owned();
    record.height = context.height.0;
    record.time_ms = context.time_ms;
    record.transaction_id = context.transaction.0.0.to_vec();
    state.put(key.state_key(), record.encode_to_vec());
    let changed = proto::RecordChanged {
        namespace: record.namespace,
        id: record.id,
        version: record.version,
        status: record.status,
    };
    proto::Event { kind: Some(proto::event::Kind::Record(changed)) }
}

fn named(key: &RecordKey) -> String {
    format!("{}/{}", key.namespace(), key.id())
}
