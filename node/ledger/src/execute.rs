//! Executing a block: each transaction in order, all of its operations or none.

use crate::admit::{at, authorize, envelope};
use crate::registry::{self, Context};
use crate::rejection::{Code, Failure};
use crate::state::{Changes, State, StateError, StateView};
use crate::validators::{self, NextSet};
use crate::{BlockContext, Chain};
use hnchain_types::transaction::{Outcome, Receipt, Transaction};
use hnchain_types::{BlockHash, Height, ResultHash, TxId, ValidatorsHash, proto};
use prost::Message;
use std::borrow::Borrow;
use std::collections::BTreeSet;

/// What a block did.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// Rows written and deleted.
    pub changes: Changes,
    /// One receipt for each transaction, in order.
    pub receipts: Vec<Receipt>,
    /// Hash of the validator set of the next block.
    pub next_validators: ValidatorsHash,
    /// The epoch that begins with the next block; present exactly if this block is its own epoch's last.
    pub next: Option<NextSet>,
}

/// Key of the row by which a block makes its parent provable.
#[must_use]
pub fn block_key(height: Height) -> String {
    format!("block/{height}")
}

/// Executes a block after the state that `view` shows. Signatures were verified by the caller.
///
/// A pure function: equal input gives equal output, on every machine.
///
/// # Errors
/// The state could not be read; nothing follows for the block.
pub fn execute(
    view: &dyn StateView,
    chain: &Chain,
    block: &BlockContext,
    transactions: &[impl Borrow<Transaction>],
) -> Result<Execution, StateError> {
    let mut state = State::new(view);
    if let Some((height, hash, result)) = block.parent {
        state.put(block_key(height), reference(hash, result));
        state.keep();
    }
    let mut seen = BTreeSet::new();
    let mut receipts = Vec::with_capacity(transactions.len());
    for (tx, index) in transactions.iter().map(Borrow::borrow).zip(0u32..) {
        let outcome = match transaction(&mut state, chain, block, &mut seen, tx) {
            Ok(events) => {
                state.keep();
                Outcome::Accepted(events)
            }
            Err(Failure::Rejected(rejection)) => {
                state.discard();
                Outcome::Rejected(rejection.into())
            }
            Err(Failure::State(error)) => return Err(error),
        };
        receipts.push(Receipt::new(tx.id(), block.height, index, outcome));
    }
    let (next_validators, next) = validators::next(&state)?;
    Ok(Execution { changes: state.into_changes(), receipts, next_validators, next })
}

fn reference(block: BlockHash, result: ResultHash) -> Vec<u8> {
    proto::BlockReference { block: block.0.0.to_vec(), result: result.0.0.to_vec() }.encode_to_vec()
}

fn transaction(
    state: &mut State<'_>,
    chain: &Chain,
    block: &BlockContext,
    seen: &mut BTreeSet<TxId>,
    tx: &Transaction,
) -> Result<Vec<proto::Event>, Failure> {
    // The envelope first: the index of ancestors need not know ids whose validity has ended.
    envelope(chain, block.time_ms, block.height, tx)?;
    if !seen.insert(tx.id()) {
        return Err(Code::Replayed.reject(&format_args!("height={}", block.height)).into());
    }
    if let Some((height, index)) = state.view().included(&tx.id())? {
        return Err(Code::Replayed.reject(&format_args!("height={height} index={index}")).into());
    }
    let member = authorize(state, block.time_ms, tx)?;
    let context = Context {
        chain,
        height: block.height,
        time_ms: block.time_ms,
        transaction: tx.id(),
        organization: member.organization(),
        member: &member,
    };
    let operations = tx.body().operations.iter().zip(0u32..);
    operations.map(|(op, index)| registry::apply(&context, state, op).map_err(|f| at(f, index))).collect()
}
