//! What is refused before it costs anything: the rules that need no record, shared by the border and the block.

use crate::Chain;
use crate::membership::Member;
use crate::registry;
use crate::rejection::{Code, Failure, Rejection};
use crate::state::{State, StateError, StateView};
use hnchain_types::Height;
use hnchain_types::transaction::Transaction;

/// Cheap check at the border of a node, before a transaction is queued: chain, size, validity at a clock and a next
/// height, the signer and its roles. It does not look at records, nor for replays; what it lets pass can still be
/// refused in the block.
///
/// # Errors
/// Outer: the state could not be read. Inner: the rule that refuses the transaction.
pub fn admit(
    view: &dyn StateView,
    chain: &Chain,
    now_ms: u64,
    next_height: Height,
    tx: &Transaction,
) -> Result<Result<(), Rejection>, StateError> {
    let state = State::new(view);
    let checked =
        envelope(chain, now_ms, next_height, tx).and_then(|()| authorize(&state, now_ms, tx)).map(|_member| ());
    match checked {
        Ok(()) => Ok(Ok(())),
        Err(Failure::Rejected(r)) => Ok(Err(r)),
        Err(Failure::State(e)) => Err(e),
    }
}

/// Chain, size and validity.
pub(crate) fn envelope(chain: &Chain, time_ms: u64, height: Height, tx: &Transaction) -> Result<(), Failure> {
    let body = tx.body();
    if body.chain_id != chain.chain_id {
        return Err(Code::Chain.reject(&format_args!("chain={} given={}", chain.chain_id, body.chain_id)).into());
    }
    let (size, most) = (tx.raw().len(), chain.parameters.transaction_bytes);
    if size > most as usize {
        return Err(Code::TooLarge.reject(&format_args!("bytes={size} limit={most}")).into());
    }
    if body.valid_until_height < height {
        let detail = format!("height={height} valid_until_height={}", body.valid_until_height);
        return Err(Code::Expired.reject(&detail).into());
    }
    if body.valid_until_ms < time_ms {
        let detail = format!("time_ms={time_ms} valid_until_ms={}", body.valid_until_ms);
        return Err(Code::Expired.reject(&detail).into());
    }
    if body.valid_until_ms - time_ms > chain.parameters.validity_ms {
        let detail = format!(
            "time_ms={time_ms} valid_until_ms={} limit_ms={}",
            body.valid_until_ms, chain.parameters.validity_ms
        );
        return Err(Code::ValidityTooLong.reject(&detail).into());
    }
    Ok(())
}

/// The signer, in force and with a role for each operation.
pub(crate) fn authorize(state: &State<'_>, time_ms: u64, tx: &Transaction) -> Result<Member, Failure> {
    let member = Member::in_force(state, &tx.public_key(), time_ms)?;
    for (op, index) in tx.body().operations.iter().zip(0u32..) {
        member.require(registry::needs(op)).map_err(|failure| at(failure, index))?;
    }
    Ok(member)
}

/// Names the operation in a rejection.
pub(crate) fn at(failure: Failure, operation: u32) -> Failure {
    match failure {
        Failure::Rejected(r) => Failure::Rejected(r.at(operation)),
        Failure::State(e) => Failure::State(e),
    }
}
