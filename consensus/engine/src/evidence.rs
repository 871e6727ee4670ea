//! Proof that a validator signed two contradictory statements.

use crate::Vote;
use crate::bug::{Bug, planted};
use hnchain_types::GenesisDigest;
use hnchain_types::certificate::Statement;
use hnchain_types::genesis::ValidatorSet;
use serde::{Deserialize, Serialize};

/// Two votes of one validator in one view that the safety rule never lets a correct validator sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    first: Vote,
    second: Vote,
}

impl Evidence {
    /// Puts two votes together; `None` where a correct validator could have signed both.
    #[must_use]
    pub fn new(first: Vote, second: Vote) -> Option<Self> {
        let same_place = first.signer == second.signer && first.view == second.view && first.epoch == second.epoch;
        (same_place && contradict(&first.statement, &second.statement)).then_some(Self { first, second })
    }

    /// Whether it convicts: contradiction and both signatures, for anyone who knows the validator set.
    #[must_use]
    pub fn verify(&self, genesis: GenesisDigest, validators: &ValidatorSet) -> bool {
        Self::new(self.first, self.second).is_some()
            && self.first.verify(genesis, validators)
            && self.second.verify(genesis, validators)
    }

    /// The two votes.
    #[must_use]
    pub const fn votes(&self) -> (&Vote, &Vote) {
        (&self.first, &self.second)
    }
}

fn contradict(a: &Statement, b: &Statement) -> bool {
    match (a, b) {
        (Statement::Notarize { block: x }, Statement::Notarize { block: y } | Statement::Finalize { block: y, .. })
        | (Statement::Finalize { block: x, .. }, Statement::Notarize { block: y }) => x != y,
        (Statement::Finalize { .. }, Statement::Finalize { .. }) => a != b,
        (Statement::Nullify, Statement::Finalize { .. }) | (Statement::Finalize { .. }, Statement::Nullify) => true,
        (Statement::Nullify, Statement::Notarize { .. }) | (Statement::Notarize { .. }, Statement::Nullify) => {
            planted(Bug::HonestAccused)
        }
        (Statement::Nullify, Statement::Nullify) => false,
    }
}
