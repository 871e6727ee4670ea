//! A validator whose journal is new may have voted and forgotten it: before it votes, it asks how far the chain is.
//!
//! Nobody votes more than one view above a certificate, and of a quorum's answers at most f are lies. So the largest
//! position but the f largest, plus a margin, bounds what this key can have signed before. Until that is known, the node
//! follows the chain without its key. The same holds for a node that is no validator yet: asked at its start, the answer
//! also covers the epoch in which its key enters the set later.

use hnchain_consensus::Position;
use hnchain_crypto::PublicKey;
use hnchain_types::View;
use hnchain_types::genesis::ValidatorSet;
use std::collections::BTreeMap;

/// Views beyond those of its peers in which a validator with a new journal does not vote: a vote may be one view above a
/// certificate, and peers may be one behind.
const MARGIN: u64 = 2;

/// What was heard since the start.
#[derive(Debug, Default)]
pub(super) struct Waking {
    heard: BTreeMap<PublicKey, Position>,
}

/// When this node may use its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awake {
    /// The chain is as new as the journal.
    AtOnce,
    /// After this view of the present epoch.
    After(View),
}

impl Waking {
    /// Whether there is anybody to ask.
    pub(super) fn is_alone(me: &PublicKey, validators: &ValidatorSet) -> bool {
        needed(me, validators) == 0
    }

    /// A peer says where it is. A peer never goes back.
    pub(super) fn hear(&mut self, peer: PublicKey, position: Position) {
        let heard = self.heard.entry(peer).or_default();
        *heard = position.max(*heard);
    }

    /// Decides once enough of the validators have been heard and this node is in the epoch in which they are. Where it is
    /// behind, it catches up first: it cannot know yet who is asked.
    pub(super) fn decide(&self, me: &PublicKey, here: Position, validators: &ValidatorSet) -> Option<Awake> {
        let others = validators.public_keys().filter(|key| key != me);
        let mut positions: Vec<Position> = others.filter_map(|key| self.heard.get(&key).copied()).collect();
        if positions.len() < needed(me, validators) {
            return None;
        }
        positions.sort_unstable_by(|a, b| b.cmp(a));
        // The f largest may be lies.
        let newest = positions.get(validators.faults()).copied().unwrap_or_default().max(here);
        if newest.epoch > here.epoch {
            return None;
        }
        let begun = newest > Position { view: View(1), ..Position::default() };
        Some(if begun { Awake::After(View(newest.view.0.saturating_add(MARGIN))) } else { Awake::AtOnce })
    }
}

/// Answers that make a quorum, together with this node if it is a validator.
fn needed(me: &PublicKey, validators: &ValidatorSet) -> usize {
    validators.quorum() - usize::from(validators.index_of(me).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_crypto::SecretKey;
    use hnchain_types::Epoch;

    fn key(n: u8) -> PublicKey {
        SecretKey::from_bytes(&[n; 32]).unwrap().public_key()
    }

    fn set() -> ValidatorSet {
        ValidatorSet::new(&[1, 2, 3, 4].map(key)).unwrap()
    }

    fn at(epoch: u64, view: u64) -> Position {
        Position { epoch: Epoch(epoch), view: View(view) }
    }

    fn decide(me: u8, here: Position, heard: &[(u8, Position)]) -> Option<Awake> {
        let mut waking = Waking::default();
        for (peer, position) in heard {
            waking.hear(key(*peer), *position);
        }
        waking.decide(&key(me), here, &set())
    }

    #[test]
    fn a_chain_that_begins_with_this_journal_is_voted_on_at_once() {
        assert_eq!(decide(1, at(0, 1), &[(2, at(0, 1)), (3, at(0, 1))]), Some(Awake::AtOnce));
        assert_eq!(decide(1, at(0, 1), &[(2, at(0, 1))]), None, "not a quorum yet");
        assert!(Waking::is_alone(&key(1), &ValidatorSet::new(&[key(1)]).unwrap()));
        assert!(!Waking::is_alone(&key(2), &ValidatorSet::new(&[key(1)]).unwrap()));
    }

    #[test]
    fn on_an_old_chain_it_stays_silent_beyond_what_it_may_have_signed_and_a_liar_cannot_silence_it() {
        let heard = [(2, at(0, 1_000_000)), (3, at(0, 40)), (4, at(0, 38))];
        assert_eq!(decide(1, at(0, 30), &heard), Some(Awake::After(View(42))));
        assert_eq!(decide(1, at(0, 50), &heard), Some(Awake::After(View(52))), "never below what it has seen itself");
    }

    #[test]
    fn one_that_is_no_validator_yet_asks_a_whole_quorum() {
        let two = [(2, at(3, 40)), (3, at(3, 40))];
        assert_eq!(decide(9, at(3, 40), &two), None);
        assert_eq!(decide(9, at(3, 40), &[two[0], two[1], (1, at(3, 41))]), Some(Awake::After(View(42))));
        assert_eq!(decide(9, at(3, 40), &[two[0], two[1], (8, at(3, 41))]), None, "only validators count");
    }

    #[test]
    fn one_that_is_epochs_behind_catches_up_first() {
        let heard = [(2, at(5, 90)), (3, at(5, 91))];
        assert_eq!(decide(1, at(0, 30), &heard), None);
        assert_eq!(decide(1, at(5, 88), &heard), Some(Awake::After(View(92))));
    }

    #[test]
    fn a_later_answer_counts_and_an_older_one_does_not_undo_it() {
        let heard = [(2, at(0, 40)), (2, at(0, 12)), (3, at(0, 40))];
        assert_eq!(decide(1, at(0, 1), &heard), Some(Awake::After(View(42))));
    }
}
