//! What the parts of a node share.

use crate::finality::FinalityHub;
use crate::ledger_state;
use crate::mempool::Mempool;
use crate::status::StatusBoard;
use crate::verify::Verifier;
use hnchain_crypto::PublicKey;
use hnchain_ledger::{Chain, StateError, current_set};
use hnchain_storage::{Store, Tip};
use hnchain_types::genesis::{Genesis, ValidatorSet};
use hnchain_types::{Epoch, ValidatorIndex};
use std::sync::Arc;
use tokio::sync::watch;

/// Shared by the driver, admission and RPC. Every field is safe to use from any thread.
#[derive(Debug)]
pub struct Shared {
    /// The chain's genesis.
    pub genesis: Genesis,
    /// What the ledger needs of it.
    pub chain: Chain,
    /// This node's key.
    pub key: PublicKey,
    /// Final blocks and state.
    pub store: Store,
    /// Who validates after the newest final block. The executor writes it, right after the store.
    pub committee: watch::Sender<Arc<Committee>>,
    /// Transactions that wait for a block.
    pub mempool: Arc<Mempool>,
    /// Signature verification.
    pub verifier: Arc<Verifier>,
    /// Who waits for finality.
    pub finality: FinalityHub,
    /// Progress and peers.
    pub status: Arc<StatusBoard>,
}

impl Shared {
    /// Who validates now.
    #[must_use]
    pub fn committee(&self) -> Arc<Committee> {
        self.committee.borrow().clone()
    }

    /// What this node is now.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::of(&self.key, &self.committee().validators)
    }
}

/// The validators of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    /// The epoch.
    pub epoch: Epoch,
    /// Its validators.
    pub validators: Arc<ValidatorSet>,
}

impl Committee {
    /// The newest final block of a store, and who validates after it.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn after_tip(store: &Store) -> Result<(Tip, Self), StateError> {
        loop {
            let tip = store.tip();
            let (epoch, _, validators) = current_set(&ledger_state::Tip(store))?;
            // A block may have become final in between.
            if store.tip().block == tip.block {
                return Ok((tip, Self { epoch, validators: Arc::new(validators) }));
            }
        }
    }
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
    /// The role of a key while a set validates.
    #[must_use]
    pub fn of(key: &PublicKey, validators: &ValidatorSet) -> Self {
        validators.index_of(key).map_or(Self::Observer, Self::Validator)
    }
}
