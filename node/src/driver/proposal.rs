//! Judging a proposed block's payload: form, limits, chain, time, signatures (R3, the driver's part).

use crate::shared::Shared;
use hnchain_types::TxId;
use hnchain_types::block::Block;
use hnchain_types::transaction::Transaction;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A block's transactions, decoded once.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) transactions: Vec<Arc<Transaction>>,
    pub(super) ids: BTreeSet<TxId>,
}

impl Decoded {
    pub(super) fn new(transactions: Vec<Arc<Transaction>>) -> Self {
        Self { ids: transactions.iter().map(|t| t.id()).collect(), transactions }
    }

    /// Decodes the transactions of a block that a quorum vouches for. `None` where one is malformed.
    pub(super) fn of(block: &Block) -> Option<Self> {
        let transactions: Result<Vec<_>, _> =
            block.transactions.iter().map(|raw| Transaction::decode(raw).map(Arc::new)).collect();
        transactions.ok().map(Self::new)
    }
}

/// Why a block was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("it is beyond the chain's limits")]
    Limits,
    #[error("transaction {0} is malformed")]
    Malformed(usize),
    #[error("transaction {0} is meant for another chain")]
    OtherChain(usize),
    #[error("the signature of transaction {0} does not verify")]
    Signature(usize),
}

/// Judges a block's payload; its time is the caller's matter. Blocks the thread: decoding and verification are work for the processor.
pub(super) fn judge(shared: &Shared, block: &Block) -> Result<Decoded, Invalid> {
    let parameters = &shared.chain.parameters;
    let bytes: usize = block.transactions.iter().map(Vec::len).sum();
    let largest = block.transactions.iter().map(Vec::len).max().unwrap_or(0);
    if block.transactions.len() > parameters.block_transactions as usize
        || bytes > parameters.block_bytes as usize
        || largest > parameters.transaction_bytes as usize
    {
        return Err(Invalid::Limits);
    }
    let mut transactions = Vec::with_capacity(block.transactions.len());
    for (i, raw) in block.transactions.iter().enumerate() {
        let tx = Transaction::decode(raw).map_err(|_| Invalid::Malformed(i))?;
        if tx.body().chain_id != shared.chain.chain_id {
            return Err(Invalid::OtherChain(i));
        }
        transactions.push(Arc::new(tx));
    }
    let decoded = Decoded::new(transactions);
    check_signatures(shared, &decoded)?;
    Ok(decoded)
}

/// Transactions that are in the mempool to the byte were verified when they came in.
fn check_signatures(shared: &Shared, decoded: &Decoded) -> Result<(), Invalid> {
    let ids: Vec<TxId> = decoded.transactions.iter().map(|t| t.id()).collect();
    let known = shared.mempool.get_many(&ids);
    let unverified: Vec<usize> = decoded
        .transactions
        .iter()
        .zip(&known)
        .enumerate()
        .filter(|(_, (tx, known))| known.as_ref().is_none_or(|k| k.raw() != tx.raw()))
        .map(|(i, _)| i)
        .collect();
    let batch = unverified.iter().map(|i| decoded.transactions[*i].clone()).collect();
    let verdicts = shared.verifier.verify_all_blocking(batch);
    match unverified.iter().zip(verdicts).find(|(_, good)| !good) {
        Some((i, _)) => Err(Invalid::Signature(*i)),
        None => Ok(()),
    }
}
