//! The safety rule. This type holds the flags that a validator must never forget, and is the only caller of the signer.

use crate::{Record, Vote};
use hnchain_crypto::SecretKey;
use hnchain_types::certificate::Statement;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, ResultHash, ValidatorIndex, View};
use std::collections::BTreeMap;

/// What this validator has signed in one view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signed {
    notarized: Option<BlockHash>,
    nullified: bool,
    finalized: Option<(BlockHash, ResultHash)>,
}

impl Signed {
    /// **S** — in one view never two notarize votes, never two finalize votes, never both nullify and finalize, never
    /// finalize of another block than was notarized; and no notarize after nullify.
    fn permits(&self, statement: Statement) -> bool {
        match statement {
            Statement::Notarize { block } => {
                self.notarized.is_none() && !self.nullified && self.finalized.is_none_or(|(b, _)| b == block)
            }
            Statement::Nullify => !self.nullified && self.finalized.is_none(),
            Statement::Finalize { block, .. } => {
                self.finalized.is_none() && !self.nullified && self.notarized.is_none_or(|b| b == block)
            }
        }
    }

    fn note(&mut self, statement: Statement) {
        match statement {
            Statement::Notarize { block } => self.notarized = Some(block),
            Statement::Nullify => self.nullified = true,
            Statement::Finalize { block, result } => self.finalized = Some((block, result)),
        }
    }
}

/// A journal whose votes contradict each other: two validators used it, or it was put together from two.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the vote journal contradicts itself in view {view}; restore the journal of this validator or give it a new key"
)]
pub struct JournalContradiction {
    /// The view.
    pub view: View,
}

/// The flags and the key.
#[derive(Debug)]
pub(crate) struct Safety {
    identity: Option<(ValidatorIndex, SecretKey)>,
    genesis: GenesisDigest,
    epoch: Epoch,
    /// Nothing is signed in this view or below: there the flags may be gone.
    floor: View,
    signed: BTreeMap<View, Signed>,
}

impl Safety {
    pub(crate) const fn new(
        identity: Option<(ValidatorIndex, SecretKey)>,
        genesis: GenesisDigest,
        epoch: Epoch,
        floor: View,
    ) -> Self {
        Self { identity, genesis, epoch, floor, signed: BTreeMap::new() }
    }

    /// Takes up a vote from the journal. Votes at or below the floor no longer matter.
    pub(crate) fn restore(&mut self, vote: &Vote) -> Result<(), JournalContradiction> {
        if vote.view <= self.floor {
            return Ok(());
        }
        let signed = self.signed.entry(vote.view).or_default();
        if !signed.permits(vote.statement) {
            return Err(JournalContradiction { view: vote.view });
        }
        signed.note(vote.statement);
        Ok(())
    }

    pub(crate) fn me(&self) -> Option<ValidatorIndex> {
        self.identity.as_ref().map(|(index, _)| *index)
    }

    pub(crate) fn permits(&self, view: View, statement: Statement) -> bool {
        self.identity.is_some()
            && view > self.floor
            && self.signed.get(&view).copied().unwrap_or_default().permits(statement)
    }

    /// Signs, if the rule permits, and gives the record that must be durable before the vote is sent.
    pub(crate) fn sign(&mut self, view: View, statement: Statement) -> Option<(Record, Vote)> {
        if !self.permits(view, statement) {
            return None;
        }
        let (index, key) = self.identity.as_ref()?;
        self.signed.entry(view).or_default().note(statement);
        let vote = Vote::sign(key, *index, self.genesis, self.epoch, view, statement);
        Some((Record::Vote(vote), vote))
    }

    /// Forgets the flags up to a finalized view and signs nothing there any more. The floor never sinks.
    pub(crate) fn raise_floor(&mut self, view: View) {
        if view > self.floor {
            self.floor = view;
            self.signed = self.signed.split_off(&view.next());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hnchain_crypto::sm3;
    use proptest::prelude::*;

    fn safety() -> Safety {
        let key = SecretKey::from_bytes(&[7; 32]).expect("in range");
        Safety::new(Some((ValidatorIndex(0), key)), GenesisDigest(sm3(b"g")), Epoch(0), View(0))
    }

    fn statements() -> impl Strategy<Value = (u64, Statement)> {
        let block = |b: bool| BlockHash(sm3(&[u8::from(b)]));
        let result = |r: bool| ResultHash(sm3(&[u8::from(r)]));
        (1u64..4, 0u8..3, any::<bool>(), any::<bool>()).prop_map(move |(view, kind, b, r)| {
            let statement = match kind {
                0 => Statement::Notarize { block: block(b) },
                1 => Statement::Nullify,
                _ => Statement::Finalize { block: block(b), result: result(r) },
            };
            (view, statement)
        })
    }

    /// The forbidden pairs, written out once more from the design.
    fn contradicts(a: Statement, b: Statement) -> bool {
        use Statement::{Finalize, Notarize, Nullify};
        match (a, b) {
            (Notarize { block: x }, Notarize { block: y }) => x != y,
            (Finalize { block: x, result: r }, Finalize { block: y, result: s }) => x != y || r != s,
            (Nullify, Finalize { .. }) | (Finalize { .. }, Nullify) => true,
            (Notarize { block: x }, Finalize { block: y, .. }) | (Finalize { block: x, .. }, Notarize { block: y }) => {
                x != y
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_requests_makes_it_sign_a_forbidden_pair(
            requests in prop::collection::vec((statements(), any::<bool>(), 0u64..3), 1..40),
        ) {
            let mut safety = safety();
            let mut signed: Vec<Vote> = Vec::new();
            let mut floor = 0;
            for ((view, statement), restart, raise) in requests {
                if restart {
                    let mut again = self::safety();
                    again.raise_floor(View(floor));
                    for vote in &signed {
                        again.restore(vote).expect("own journal");
                    }
                    safety = again;
                }
                if raise == 2 && floor < view {
                    floor = view - 1;
                    safety.raise_floor(View(floor));
                }
                if let Some((_, vote)) = safety.sign(View(view), statement) {
                    prop_assert!(view > floor);
                    for earlier in signed.iter().filter(|v| v.view == vote.view) {
                        prop_assert!(!contradicts(earlier.statement, vote.statement));
                        prop_assert!(earlier.statement != vote.statement, "signed twice");
                    }
                    signed.push(vote);
                }
            }
        }
    }

    #[test]
    fn a_contradictory_journal_is_refused() {
        let mut one = safety();
        let (_, nullify) = one.sign(View(1), Statement::Nullify).expect("first");
        let finalize = Statement::Finalize { block: BlockHash(sm3(b"b")), result: ResultHash(sm3(b"r")) };
        let (_, finalize) = safety().sign(View(1), finalize).expect("first");
        let mut restored = safety();
        restored.restore(&nullify).expect("first");
        assert_eq!(restored.restore(&finalize), Err(JournalContradiction { view: View(1) }));
    }

    #[test]
    fn an_observer_signs_nothing() {
        let mut observer = Safety::new(None, GenesisDigest(sm3(b"g")), Epoch(0), View(0));
        assert!(observer.sign(View(1), Statement::Nullify).is_none());
    }
}
