//! A state in memory: what tests, benches and the simulator execute against.

use crate::{Changes, StateError, StateView, genesis_rows};
use hnchain_types::genesis::Genesis;
use hnchain_types::{Height, TxId};
use std::collections::BTreeMap;

/// Rows and transaction index of one chain, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    rows: BTreeMap<String, Vec<u8>>,
    included: BTreeMap<TxId, (Height, u32)>,
}

impl MemoryState {
    /// A state with these rows and no transactions.
    #[must_use]
    pub const fn new(rows: BTreeMap<String, Vec<u8>>) -> Self {
        Self { rows, included: BTreeMap::new() }
    }

    /// The state of a genesis.
    #[must_use]
    pub fn from_genesis(genesis: &Genesis) -> Self {
        Self::new(genesis_rows(genesis))
    }

    /// Takes over what a block changed, and the ids of its transactions in order. An id keeps its first place.
    pub fn apply(&mut self, height: Height, changes: &Changes, ids: impl IntoIterator<Item = TxId>) {
        for (key, row) in changes {
            match row {
                Some(row) => self.rows.insert(key.clone(), row.clone()),
                None => self.rows.remove(key),
            };
        }
        for (id, index) in ids.into_iter().zip(0u32..) {
            self.included.entry(id).or_insert((height, index));
        }
    }

    /// All rows.
    #[must_use]
    pub const fn rows(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.rows
    }
}

impl StateView for MemoryState {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.rows.get(key).cloned())
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        Ok(self.included.get(id).copied())
    }
}
