//! The ledger's view of stored state.

use hnchain_ledger::{StateError, StateView};
use hnchain_storage::{Store, View};
use hnchain_types::{Height, TxId};

/// State after the newest final block, for admission. Reads are not one snapshot: a block may become final in between,
/// which admission tolerates.
#[derive(Clone, Copy, Debug)]
pub struct Tip<'a>(pub &'a Store);

impl StateView for Tip<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.0.row(key).map_err(|e| StateError(e.to_string()))
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        self.0.included(id).map_err(|e| StateError(e.to_string()))
    }
}

/// State after any executed block, for executing its children.
pub struct Overlay<'a>(pub View<'a>);

impl StateView for Overlay<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.0.row(key).map_err(|e| StateError(e.to_string()))
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        self.0.included(id).map_err(|e| StateError(e.to_string()))
    }
}
