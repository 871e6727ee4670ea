//! A validator whose journal is new may have voted and forgotten it: before it votes, it asks how far the chain is.
//!
//! Nobody votes in a view before it holds a certificate of the one before, and of a quorum that signed that one, at least
//! f + 1 besides this validator and the liars had come as far; a quorum of answers holds one of those. Each answer carries
//! the certificate that proves its position, so a liar can only claim too little, and the largest position, plus a margin,
//! bounds what this key can have signed before. Until that is known, the node follows the chain without its key. The same
//! holds for a node that is no validator yet: asked at its start, the answer also covers the epoch in which its key enters
//! the set later.

use crate::status::Standing;
use hnchain_consensus::Position;
use hnchain_crypto::PublicKey;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{GenesisDigest, View};
use std::collections::BTreeMap;

/// Views beyond those of its peers in which a validator with a new journal does not vote: a vote may be one view above a
/// certificate, and peers may be one behind.
const MARGIN: u64 = 2;

/// What was heard since the start.
#[derive(Debug)]
pub(super) struct Waking {
    genesis: GenesisDigest,
    /// Positions that are proven, or no further than this node's own was; and whether the peer itself was asking.
    heard: BTreeMap<PublicKey, (Position, bool)>,
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
    pub(super) const fn new(genesis: GenesisDigest) -> Self {
        Self { genesis, heard: BTreeMap::new() }
    }

    /// Whether there is anybody to ask.
    pub(super) fn is_alone(me: &PublicKey, validators: &ValidatorSet) -> bool {
        needed(me, validators) == 0
    }

    /// A peer says where it is. One that claims to be further than it can show counts as silent, and so does one whose
    /// epoch this node does not know yet: it is asked again when sync has got there.
    pub(super) fn hear(&mut self, peer: PublicKey, claim: &Standing, here: Position, validators: &ValidatorSet) {
        let newest = self.newest().max(here);
        if validators.index_of(&peer).is_none() {
            return; // nobody counts it, and its certificates are not worth verifying
        }
        let Some(position) = self.proven(claim, newest, here, validators) else { return };
        let heard = self.heard.entry(peer).or_default();
        *heard = (position.max(heard.0), claim.waking);
    }

    fn newest(&self) -> Position {
        self.heard.values().map(|(position, _)| *position).max().unwrap_or_default()
    }

    /// The claimed position where it proves nothing new; otherwise the one that its certificate proves.
    fn proven(
        &self,
        claim: &Standing,
        newest: Position,
        here: Position,
        validators: &ValidatorSet,
    ) -> Option<Position> {
        if claim.position <= newest {
            return Some(claim.position);
        }
        let entry = claim.entry.as_ref()?;
        let ours = claim.position.epoch == here.epoch && entry.epoch == here.epoch;
        (ours && entry.verify(self.genesis, validators).is_ok())
            .then(|| Position { epoch: entry.epoch, view: entry.view.next() })
    }

    /// Decides once enough of the validators have been heard in this node's epoch: one that stands in an earlier one says
    /// nothing of this one. On a chain that has begun, one that asks itself knows no more than this node does.
    pub(super) fn decide(&self, me: &PublicKey, here: Position, validators: &ValidatorSet) -> Option<Awake> {
        let others = validators.public_keys().filter(|key| key != me);
        let heard = others.filter_map(|key| self.heard.get(&key).copied());
        let heard: Vec<(Position, bool)> = heard.filter(|(position, _)| position.epoch == here.epoch).collect();
        let newest = heard.iter().map(|(position, _)| *position).max().unwrap_or_default().max(here);
        let begun = newest > Position { view: View(1), ..Position::default() };
        let count = heard.iter().filter(|(_, waking)| !(begun && *waking)).count();
        if count < needed(me, validators) {
            return None;
        }
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
    use hnchain_types::certificate::{Certificate, Statement};

    fn key(n: u8) -> PublicKey {
        SecretKey::from_bytes(&[n; 32]).unwrap().public_key()
    }

    fn set() -> ValidatorSet {
        ValidatorSet::new(&[1, 2, 3, 4].map(key)).unwrap()
    }

    fn at(epoch: u64, view: u64) -> Position {
        Position { epoch: Epoch(epoch), view: View(view) }
    }

    fn genesis() -> GenesisDigest {
        GenesisDigest(hnchain_crypto::sm3(b"a chain"))
    }

    /// Signed by three of the four.
    fn certificate(epoch: u64, view: u64) -> Certificate {
        let (epoch, view, statement) = (Epoch(epoch), View(view), Statement::Nullify);
        let digest = statement.digest(genesis(), epoch, view);
        let mut votes: Vec<_> = (1..=3)
            .map(|n| {
                let secret = SecretKey::from_bytes(&[n; 32]).unwrap();
                (set().index_of(&secret.public_key()).unwrap(), secret.sign(&digest))
            })
            .collect();
        votes.sort_by_key(|(index, _)| *index);
        Certificate { epoch, view, statement, votes }
    }

    /// An honest claim.
    fn shown(position: Position) -> Standing {
        let before = position.view.0 - 1;
        Standing { position, entry: (before > 0).then(|| certificate(position.epoch.0, before)), waking: false }
    }

    fn decide_on(me: u8, here: Position, heard: &[(u8, Standing)]) -> Option<Awake> {
        let mut waking = Waking::new(genesis());
        for (peer, claim) in heard {
            waking.hear(key(*peer), claim, here, &set());
        }
        waking.decide(&key(me), here, &set())
    }

    fn decide(me: u8, here: Position, heard: &[(u8, Position)]) -> Option<Awake> {
        let heard: Vec<_> = heard.iter().map(|(peer, position)| (*peer, shown(*position))).collect();
        decide_on(me, here, &heard)
    }

    #[test]
    fn a_chain_that_begins_with_this_journal_is_voted_on_at_once() {
        assert_eq!(decide(1, at(0, 1), &[(2, at(0, 1)), (3, at(0, 1))]), Some(Awake::AtOnce));
        assert_eq!(decide(1, at(0, 1), &[(2, at(0, 1))]), None, "not a quorum yet");
        assert!(Waking::is_alone(&key(1), &ValidatorSet::new(&[key(1)]).unwrap()));
        assert!(!Waking::is_alone(&key(2), &ValidatorSet::new(&[key(1)]).unwrap()));
    }

    #[test]
    fn the_furthest_proven_position_counts_however_few_have_got_there() {
        assert_eq!(decide(1, at(0, 30), &[(2, at(0, 40)), (3, at(0, 12))]), Some(Awake::After(View(42))));
        assert_eq!(decide(1, at(0, 50), &[(2, at(0, 40)), (3, at(0, 12))]), Some(Awake::After(View(52))));
    }

    #[test]
    fn one_that_cannot_show_its_position_counts_as_silent() {
        let far = at(0, 1_000_000);
        let bare = Standing { position: far, ..Standing::default() };
        let older = Standing { position: far, entry: Some(certificate(0, 20)), waking: false };
        let mut forged = certificate(0, 999_999);
        forged.votes[0].1 = certificate(0, 20).votes[0].1;
        let of_no_quorum =
            Certificate { votes: certificate(0, 999_999).votes[..2].to_vec(), ..certificate(0, 999_999) };
        let lies = [
            (bare.clone(), false),
            (older, true),
            (Standing { position: far, entry: Some(forged), waking: false }, false),
            (Standing { position: far, entry: Some(of_no_quorum), waking: false }, false),
        ];
        for (lie, shows_less) in lies {
            let two = [(2, lie.clone()), (3, shown(at(0, 38)))];
            assert_eq!(decide_on(1, at(0, 30), &two).is_some(), shows_less);
            let all = [(2, lie), (3, shown(at(0, 38))), (4, shown(at(0, 40)))];
            assert_eq!(
                decide_on(1, at(0, 30), &all),
                Some(Awake::After(View(42))),
                "a liar neither silences nor prevents"
            );
        }
        let launch = [(2, bare), (3, shown(at(0, 1))), (4, shown(at(0, 1)))];
        assert_eq!(decide_on(1, at(0, 1), &launch), Some(Awake::AtOnce));
    }

    #[test]
    fn one_that_is_no_validator_yet_asks_a_whole_quorum() {
        let two = [(2, at(3, 40)), (3, at(3, 40))];
        assert_eq!(decide(9, at(3, 40), &two), None);
        assert_eq!(decide(9, at(3, 40), &[two[0], two[1], (1, at(3, 41))]), Some(Awake::After(View(43))));
        assert_eq!(decide(9, at(3, 40), &[two[0], two[1], (8, at(3, 41))]), None, "only validators count");
    }

    #[test]
    fn one_that_is_epochs_behind_catches_up_first() {
        let heard = [(2, at(5, 90)), (3, at(5, 91))];
        assert_eq!(decide(1, at(0, 30), &heard), None);
        assert_eq!(decide(1, at(5, 88), &heard), Some(Awake::After(View(93))));
    }

    #[test]
    fn the_first_view_of_an_epoch_needs_no_proof_once_this_node_is_there() {
        let entered_by_the_last = Standing { position: at(5, 90), entry: Some(certificate(4, 89)), waking: false };
        let heard = [(2, entered_by_the_last.clone()), (3, entered_by_the_last)];
        assert_eq!(decide_on(1, at(4, 89), &heard), None);
        assert_eq!(decide_on(1, at(5, 90), &heard), Some(Awake::After(View(92))));
    }

    /// Journals of later epochs wait until the store is there; until then such a node says nothing. What it said before, in an
    /// earlier epoch, is no answer for this one.
    #[test]
    fn an_answer_from_an_earlier_epoch_is_none_for_this_one() {
        let heard = [(2, at(0, 1)), (3, at(5, 40))];
        assert_eq!(decide(1, at(5, 38), &heard), None);
        assert_eq!(decide(1, at(5, 38), &[heard[1], (4, at(5, 41))]), Some(Awake::After(View(43))));
    }

    /// Two that lost their journals must not take each other's word.
    #[test]
    fn one_that_asks_itself_counts_only_at_a_launch() {
        let asking = |position| Standing { waking: true, ..shown(position) };
        let launch = [(2, asking(at(0, 1))), (3, asking(at(0, 1)))];
        assert_eq!(decide_on(1, at(0, 1), &launch), Some(Awake::AtOnce));
        let old = [(2, asking(at(0, 30))), (3, shown(at(0, 30)))];
        assert_eq!(decide_on(1, at(0, 30), &old), None);
        assert_eq!(
            decide_on(1, at(0, 30), &[old[0].clone(), old[1].clone(), (4, shown(at(0, 41)))]),
            Some(Awake::After(View(43)))
        );
    }

    #[test]
    fn a_later_answer_counts_and_an_older_one_does_not_undo_it() {
        let heard = [(2, at(0, 40)), (2, at(0, 12)), (3, at(0, 40))];
        assert_eq!(decide(1, at(0, 1), &heard), Some(Awake::After(View(42))));
    }
}
