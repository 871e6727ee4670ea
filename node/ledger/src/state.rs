//! The working set of a block: reads fall through to the state after the parent, writes stay here until they are kept.

use hnchain_types::{Height, TxId};
use prost::Message;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Rows that are followed in one block, and in one transaction, at most: about a second of work.
const BLOCK_STEPS: usize = 65_536;
const TRANSACTION_STEPS: usize = 8_192;

/// Rows that a block writes; `None` deletes. The order of the keys is part of the block's meaning.
pub type Changes = BTreeMap<String, Option<Vec<u8>>>;

/// State that could not be read, or that does not decode. Fatal to the caller, never a rejection: another node may be
/// able to read it, and a rejection would be certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state could not be read: {0}")]
pub struct StateError(pub String);

/// The state after the parent block, and the transactions of the parent and its ancestors.
pub trait StateView {
    /// Encoded row of a readable key.
    ///
    /// # Errors
    /// The row could not be read.
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError>;

    /// Where an ancestor block (the parent included) holds a transaction, accepted or rejected.
    ///
    /// The ledger asks only for transactions that are valid at the block's time and height. An index may therefore
    /// forget an id once its transaction's own `valid_until` has passed in a finalized block, and no earlier: a
    /// transaction that was refused as valid for too long can become valid later, so its inclusion time decides nothing.
    ///
    /// # Errors
    /// The index could not be read.
    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError>;
}

/// Working set over a view, in two layers: what the block keeps, and what the current transaction wrote.
pub struct State<'a> {
    view: &'a dyn StateView,
    kept: Changes,
    pending: Changes,
    /// Steps of [`State::walk`] in this block, and in the current transaction. Neither is undone.
    walked: (Cell<usize>, Cell<usize>),
}

impl<'a> State<'a> {
    /// A working set without changes.
    #[must_use]
    pub fn new(view: &'a dyn StateView) -> Self {
        Self { view, kept: Changes::new(), pending: Changes::new(), walked: (Cell::new(0), Cell::new(0)) }
    }

    /// The state that the block started from.
    #[must_use]
    pub fn view(&self) -> &'a dyn StateView {
        self.view
    }

    /// Encoded row, as the transactions and operations before left it.
    ///
    /// # Errors
    /// See [`StateView::row`].
    pub fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        match self.pending.get(key).or_else(|| self.kept.get(key)) {
            Some(change) => Ok(change.clone()),
            None => self.view.row(key),
        }
    }

    /// Decoded row, with its encoding.
    ///
    /// # Errors
    /// The row could not be read, or does not decode: the state is damaged.
    pub fn message<M: Message + Default>(&self, key: &str) -> Result<Option<(M, Vec<u8>)>, StateError> {
        let Some(raw) = self.row(key)? else { return Ok(None) };
        let message = M::decode(raw.as_slice()).map_err(|e| StateError(format!("row {key} is damaged: {e}")))?;
        Ok(Some((message, raw)))
    }

    /// Counts a row that is read only to follow others, such as a batch's ancestors. False where this block, or this
    /// transaction, has followed as many as one may: what a block costs stays bounded, whether it is accepted or not.
    #[must_use]
    pub fn walk(&self) -> bool {
        let (block, transaction) = &self.walked;
        block.set(block.get() + 1);
        transaction.set(transaction.get() + 1);
        block.get() <= BLOCK_STEPS && transaction.get() <= TRANSACTION_STEPS
    }

    /// Writes a row within the current transaction.
    pub fn put(&mut self, key: String, row: Vec<u8>) {
        self.pending.insert(key, Some(row));
    }

    /// Deletes a row within the current transaction.
    pub fn delete(&mut self, key: String) {
        self.pending.insert(key, None);
    }

    /// Writes and deletes rows within the current transaction.
    pub fn apply(&mut self, changes: Changes) {
        self.pending.extend(changes);
    }

    /// Ends the current transaction and keeps what it wrote.
    pub fn keep(&mut self) {
        self.walked.1.set(0);
        // Not `append`, which rebuilds the whole map: a block keeps once for each transaction.
        self.kept.extend(std::mem::take(&mut self.pending));
    }

    /// Ends the current transaction and forgets what it wrote.
    pub fn discard(&mut self) {
        self.walked.1.set(0);
        self.pending.clear();
    }

    /// What the block keeps. Changes of a transaction that was not ended are forgotten.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryState;

    fn view() -> MemoryState {
        MemoryState::new([("a".to_owned(), vec![1])].into())
    }

    #[test]
    fn reads_see_the_transaction_then_the_block_then_the_parent() {
        let view = view();
        let mut state = State::new(&view);
        assert_eq!(state.row("a"), Ok(Some(vec![1])));
        state.put("a".to_owned(), vec![2]);
        state.keep();
        assert_eq!(state.row("a"), Ok(Some(vec![2])));
        state.delete("a".to_owned());
        assert_eq!(state.row("a"), Ok(None));
        state.discard();
        assert_eq!(state.row("a"), Ok(Some(vec![2])));
    }

    #[test]
    fn discarded_and_unfinished_writes_are_not_in_the_changes() {
        let view = view();
        let mut state = State::new(&view);
        state.put("b".to_owned(), vec![2]);
        state.discard();
        state.delete("a".to_owned());
        state.keep();
        state.put("c".to_owned(), vec![3]);
        assert_eq!(state.into_changes(), Changes::from([("a".to_owned(), None)]));
    }

    #[test]
    fn a_row_that_does_not_decode_is_an_error_and_names_the_key() {
        let view = MemoryState::new([("signer/x".to_owned(), vec![0xff])].into());
        let read = State::new(&view).message::<hnchain_types::proto::Signer>("signer/x");
        assert!(read.expect_err("damaged").0.contains("signer/x"));
    }
}
