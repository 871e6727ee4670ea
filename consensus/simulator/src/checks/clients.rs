//! I10: what clients were told.

use super::{Checks, Label};
use crate::node::Place;
use hnchain_types::TxId;
use std::collections::BTreeMap;

/// Every acknowledgement that was ever given.
#[derive(Debug, Default)]
pub(super) struct Told {
    places: BTreeMap<TxId, Place>,
}

impl Checks {
    /// A node told a client where its transaction is.
    pub(crate) fn acknowledged(&mut self, id: TxId, place: Place) {
        let before = self.told.places.insert(id, place);
        self.check(Label::I10, before.is_none_or(|b| b == place), || {
            format!("transaction {id} was acknowledged at {before:?} and at {place:?}")
        });
        let there = self.place(&id);
        self.check(Label::I10, there == Some(place), || {
            format!("transaction {id} was acknowledged at {place:?}; the final chain has it at {there:?}")
        });
    }

    /// Acknowledged transactions.
    pub(crate) fn acknowledged_count(&self) -> usize {
        self.told.places.len()
    }

    /// In the end: nothing that was acknowledged is missing or elsewhere.
    pub(crate) fn nothing_lost(&mut self) {
        let places: Vec<_> = self.told.places.iter().map(|(id, place)| (*id, *place)).collect();
        for (id, place) in places {
            let there = self.place(&id);
            self.check(Label::I10, there == Some(place), || {
                format!("transaction {id}, acknowledged at {place:?}, is at {there:?} in the end")
            });
        }
    }
}
