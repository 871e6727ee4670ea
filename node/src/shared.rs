//! What the parts of a node share.

use crate::finality::FinalityHub;
use crate::mempool::Mempool;
use crate::status::StatusBoard;
use crate::verify::Verifier;
use hnchain_crypto::PublicKey;
use hnchain_ledger::Chain;
use hnchain_storage::Store;
use hnchain_types::ValidatorIndex;
use hnchain_types::genesis::Genesis;
use std::sync::Arc;

/// Shared by the driver, admission and RPC. Every field is safe to use from any thread.
#[derive(Debug)]
pub struct Shared {
    /// The chain's genesis.
    pub genesis: Genesis,
    /// What the ledger needs of it.
    pub chain: Chain,
    /// Final blocks and state.
    pub store: Store,
    /// Transactions that wait for a block.
    pub mempool: Arc<Mempool>,
    /// Signature verification.
    pub verifier: Arc<Verifier>,
    /// Who waits for finality.
    pub finality: FinalityHub,
    /// Progress and peers.
    pub status: Arc<StatusBoard>,
}

/// What a node is in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Votes.
    Validator(ValidatorIndex),
    /// Follows.
    Observer,
}

impl Role {
    /// The role of a key under a genesis.
    #[must_use]
    pub fn of(key: &PublicKey, genesis: &Genesis) -> Self {
        genesis.validators().index_of(key).map_or(Self::Observer, Self::Validator)
    }
}
