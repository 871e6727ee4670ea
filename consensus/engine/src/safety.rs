//! The safety rule. This type holds the flags that a validator must never forget, and is the only caller of the signer.

use crate::bug::{Bug, planted};
use crate::{Position, Record, Signer, Vote};
use hnchain_types::certificate::Statement;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, ResultHash, ValidatorIndex, View};
use std::collections::BTreeMap;
use std::sync::Arc;

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
                (self.notarized.is_none() || planted(Bug::NotarizeTwice))
                    && (!self.nullified || planted(Bug::NotarizeAfterNullify))
                    && self.finalized.is_none_or(|(b, _)| b == block)
            }
            Statement::Nullify => !self.nullified && (self.finalized.is_none() || planted(Bug::NullifyAfterFinalize)),
            Statement::Finalize { block, .. } => {
                self.finalized.is_none()
                    && (!self.nullified || planted(Bug::FinalizeAfterNullify))
                    && (self.notarized.is_none_or(|b| b == block) || planted(Bug::FinalizeOther))
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

/// The flags and the key, across all epochs.
#[derive(Clone, Debug)]
pub(crate) struct Safety {
    key: Option<Arc<dyn Signer>>,
    /// Index in the set of the epoch; `None` for one that does not belong to it.
    me: Option<ValidatorIndex>,
    genesis: GenesisDigest,
    epoch: Epoch,
    /// Nothing is signed at this position or below: there the flags may be gone.
    floor: Position,
    signed: BTreeMap<Position, Signed>,
}

impl Safety {
    pub(crate) fn new(key: Option<Arc<dyn Signer>>, genesis: GenesisDigest, floor: Position) -> Self {
        Self { key, me: None, genesis, epoch: floor.epoch, floor, signed: BTreeMap::new() }
    }

    /// From now on signs in this epoch and in no earlier one. One that does not belong to the set signs nothing.
    pub(crate) fn enter(&mut self, epoch: Epoch, validators: &ValidatorSet) {
        self.epoch = epoch;
        let me = self.key.as_ref().and_then(|key| validators.index_of(&key.public_key()));
        self.me = if planted(Bug::OldSetVotes) { me.or(self.me) } else { me };
        if let Some(before) = epoch.previous() {
            self.raise_floor(Position::end_of(before));
        }
    }

    /// Takes up a vote from the journal. Votes at or below the floor no longer matter.
    pub(crate) fn restore(&mut self, vote: &Vote) -> Result<(), JournalContradiction> {
        let position = Position { epoch: vote.epoch, view: vote.view };
        if position <= self.floor || planted(Bug::FlagsForgotten) {
            return Ok(());
        }
        let signed = self.signed.entry(position).or_default();
        if !signed.permits(vote.statement) {
            return Err(JournalContradiction { view: vote.view });
        }
        signed.note(vote.statement);
        Ok(())
    }

    pub(crate) const fn me(&self) -> Option<ValidatorIndex> {
        self.me
    }

    const fn at(&self, view: View) -> Position {
        Position { epoch: self.epoch, view }
    }

    pub(crate) fn permits(&self, view: View, statement: Statement) -> bool {
        let position = self.at(view);
        self.me.is_some()
            && position > self.floor
            && self.signed.get(&position).copied().unwrap_or_default().permits(statement)
    }

    /// Signs, if the rule permits, and gives the record that must be durable before the vote is sent.
    pub(crate) fn sign(&mut self, view: View, statement: Statement) -> Option<(Record, Vote)> {
        if !self.permits(view, statement) {
            return None;
        }
        let (signer, key) = (self.me?, self.key.as_ref()?);
        let signature = key.sign(&statement.digest(self.genesis, self.epoch, view));
        self.signed.entry(self.at(view)).or_default().note(statement);
        let vote = Vote { epoch: self.epoch, view, statement, signer, signature };
        Some((Record::Vote(vote), vote))
    }

    /// Forgets the flags up to a final position and signs nothing there any more. The floor never sinks.
    pub(crate) fn raise_floor(&mut self, position: Position) {
        if position > self.floor {
            self.floor = position;
            self.signed.retain(|p, _| *p > position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hnchain_crypto::{SecretKey, sm3};
    use proptest::prelude::*;

    fn key() -> SecretKey {
        SecretKey::from_bytes(&[7; 32]).expect("in range")
    }

    fn set() -> ValidatorSet {
        ValidatorSet::new(&[key().public_key()]).expect("one key")
    }

    fn at(view: u64) -> Position {
        Position { epoch: Epoch(0), view: View(view) }
    }

    fn safety() -> Safety {
        let mut safety = Safety::new(Some(Arc::new(key())), GenesisDigest(sm3(b"g")), at(0));
        safety.enter(Epoch(0), &set());
        safety
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
                    again.raise_floor(at(floor));
                    for vote in &signed {
                        again.restore(vote).expect("own journal");
                    }
                    safety = again;
                }
                if raise == 2 && floor < view {
                    floor = view - 1;
                    safety.raise_floor(at(floor));
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
        let mut observer = Safety::new(None, GenesisDigest(sm3(b"g")), at(0));
        observer.enter(Epoch(0), &set());
        assert!(observer.sign(View(1), Statement::Nullify).is_none());
    }

    #[test]
    fn one_that_left_the_set_signs_nothing_and_an_epoch_that_ended_is_closed() {
        let mut safety = safety();
        let other = SecretKey::from_bytes(&[8; 32]).expect("in range").public_key();
        safety.enter(Epoch(1), &ValidatorSet::new(&[other]).expect("one key"));
        assert!(safety.sign(View(5), Statement::Nullify).is_none());
        safety.enter(Epoch(2), &set());
        let (record, vote) = safety.sign(View(5), Statement::Nullify).expect("back again");
        assert_eq!(record.position(), Position { epoch: Epoch(2), view: View(5) });
        assert!(vote.epoch == Epoch(2) && vote.view == View(5));
    }

    #[test]
    fn flags_of_a_later_epoch_are_kept_until_it_is_entered() {
        let mut later = safety();
        later.enter(Epoch(1), &set());
        let (_, nullify) = later.sign(View(3), Statement::Nullify).expect("first");
        let mut restored = safety();
        restored.restore(&nullify).expect("first");
        assert!(restored.permits(View(3), Statement::Nullify), "another epoch's view");
        restored.enter(Epoch(1), &set());
        assert!(!restored.permits(View(3), Statement::Nullify));
    }

    #[test]
    fn what_was_cut_off_in_a_later_epoch_closes_the_earlier_ones() {
        let mut safety = safety();
        safety.raise_floor(Position { epoch: Epoch(1), view: View(2) });
        assert!(!safety.permits(View(90), Statement::Nullify));
        safety.enter(Epoch(1), &set());
        assert!(!safety.permits(View(2), Statement::Nullify) && safety.permits(View(3), Statement::Nullify));
    }
}
