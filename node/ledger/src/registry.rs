//! What every registry offers, and which registry takes which operation.

use crate::Chain;
use crate::anchor::Anchors;
use crate::credential::Credentials;
use crate::evidence::Convictions;
use crate::governance::Governance;
use crate::membership::{Member, Permission};
use crate::realty::Realty;
use crate::rejection::Failure;
use crate::state::State;
use crate::trace::Traceability;
use hnchain_types::transaction::Operation;
use hnchain_types::{Height, TxId, proto};

/// What an operation may know about its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// Height of the block.
    pub height: Height,
    /// Certified time of the block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The transaction.
    pub transaction: TxId,
    /// Organization of the signer.
    pub organization: &'a str,
    /// The signer, for what it may do.
    pub member: &'a Member,
}

/// A registry: the rules of one kind of rows, for one kind of operation.
pub trait Registry<Op> {
    /// What the signer must be allowed. Checked before [`Registry::apply`], in `membership` alone.
    fn needs<'a>(&self, op: &'a Op) -> Permission<'a>;

    /// Applies an operation to the working set. Writes of a refused operation are discarded by the caller together with
    /// the whole transaction.
    ///
    /// # Errors
    /// The rule that refuses it, or a state that cannot be read.
    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Op) -> Result<proto::Event, Failure>;
}

/// What the signer of an operation must be allowed.
#[must_use]
pub fn needs(op: &Operation) -> Permission<'_> {
    match op {
        Operation::Anchor(op) => Anchors.needs(op),
        Operation::Revoke(op) => Anchors.needs(op),
        Operation::Propose(op) => Governance.needs(op),
        Operation::Approve(op) => Governance.needs(op),
        Operation::Evidence(op) => Convictions.needs(op.as_ref()),
        Operation::Credential(op) => Credentials.needs(op.as_ref()),
        Operation::Realty(op) => Realty.needs(op.as_ref()),
        Operation::Trace(op) => Traceability.needs(op.as_ref()),
    }
}

/// Applies an operation by its registry.
///
/// # Errors
/// See [`Registry::apply`].
pub fn apply(context: &Context<'_>, state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
    match op {
        Operation::Anchor(op) => Anchors.apply(context, state, op),
        Operation::Revoke(op) => Anchors.apply(context, state, op),
        Operation::Propose(op) => Governance.apply(context, state, op),
        Operation::Approve(op) => Governance.apply(context, state, op),
        Operation::Evidence(op) => Convictions.apply(context, state, op.as_ref()),
        Operation::Credential(op) => Credentials.apply(context, state, op.as_ref()),
        Operation::Realty(op) => Realty.apply(context, state, op.as_ref()),
        Operation::Trace(op) => Traceability.apply(context, state, op.as_ref()),
    }
}
