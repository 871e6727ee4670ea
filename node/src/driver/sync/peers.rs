//! What peers claim, and what their answers have been worth. Pure: time comes in as milliseconds.

use hnchain_types::Height;
use std::collections::{BTreeMap, BTreeSet};

/// First rest of a peer that lied; doubled by each further lie.
const LIE_REST_MS: u64 = 10_000;
/// Longest rest of a liar: a repaired node is heard again within ten minutes.
const LIE_REST_MOST_MS: u64 = 600_000;
/// First rest of a peer that was slow or busy; doubled by each further slip in a row.
const SLIP_REST_MS: u64 = 500;
/// Longest rest after slips: an honest node on a bad line stays in use.
const SLIP_REST_MOST_MS: u64 = 15_000;
/// For each span of this length without a lie, one lie is forgiven.
const FORGIVEN_AFTER_MS: u64 = 600_000;
/// Doublings after which a rest has long been at its longest.
const DOUBLINGS: u32 = 16;
/// Peers that are remembered while they are not linked. Only allowed keys get in at all; this bounds even those.
const REMEMBERED: usize = 256;

/// What was wrong with an answer, or with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Bytes that are no answer, or no blocks.
    Malformed,
    /// The answer to another question.
    OtherAnswer,
    /// More than was asked for, or more than an answer holds.
    Oversized,
    /// None of the blocks that it claims to have.
    Empty,
    /// Blocks that follow neither each other nor what is final.
    NotFollowing,
    /// A certificate that does not verify.
    Certificate,
    /// Blocks of another chain, or of other validators than those of their epoch.
    OtherChain,
    /// Blocks after the last one of their epoch, or otherwise not executable.
    Refused,
    /// The newest block that it claims, without the certificate that it must have.
    Uncertified,
    /// No answer in time.
    Late,
    /// It was too busy to answer.
    Busy,
    /// Fewer blocks than fit into an answer.
    Short,
    /// A lower height than it claimed before.
    Lowered,
    /// Blocks that no certificate covered, up to the limit of what is held.
    Unproven,
}

impl Fault {
    /// Label in logs and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::OtherAnswer => "other_answer",
            Self::Oversized => "oversized",
            Self::Empty => "empty",
            Self::NotFollowing => "not_following",
            Self::Certificate => "certificate",
            Self::OtherChain => "other_chain",
            Self::Refused => "refused",
            Self::Uncertified => "uncertified",
            Self::Late => "late",
            Self::Busy => "busy",
            Self::Short => "short",
            Self::Lowered => "lowered",
            Self::Unproven => "unproven",
        }
    }

    /// Whether no honest node does this. Everything else may happen to one that is slow, restored or restarted.
    pub(super) const fn is_lie(self) -> bool {
        !matches!(self, Self::Late | Self::Busy | Self::Short | Self::Lowered | Self::Unproven)
    }
}

/// The blocks that a peer says it has. One that began from a snapshot lacks the first ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) first: Height,
    pub(super) last: Height,
}

impl Claim {
    fn covers(&self, block: Height) -> bool {
        self.first <= block && block <= self.last
    }
}

#[derive(Clone, Debug, Default)]
struct Peer {
    linked: bool,
    claim: Claim,
    /// Questions under way.
    asked: usize,
    lies: u32,
    lied_at: u64,
    /// Slips since the last good answer.
    slips: u32,
    rests_until: u64,
    /// Smoothed time of an answer.
    pace_ms: u64,
}

impl Peer {
    fn awake(&self, now: u64) -> bool {
        self.linked && now >= self.rests_until
    }

    /// Whether forgetting it would lose nothing.
    fn is_blank(&self, now: u64) -> bool {
        !self.linked && self.asked == 0 && now >= self.rests_until && self.lies_now(now) == 0
    }

    fn lies_now(&self, now: u64) -> u32 {
        let forgiven = now.saturating_sub(self.lied_at) / FORGIVEN_AFTER_MS;
        self.lies.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

/// The peers, by key.
#[derive(Clone, Debug)]
pub(super) struct Peers<P> {
    by_key: BTreeMap<P, Peer>,
}

impl<P: Ord + Copy> Peers<P> {
    pub(super) const fn new() -> Self {
        Self { by_key: BTreeMap::new() }
    }

    /// Who is linked now. A peer that is gone keeps its lies for as long as they count.
    pub(super) fn link(&mut self, linked: &BTreeSet<P>, now: u64) {
        for (key, peer) in &mut self.by_key {
            if peer.linked && !linked.contains(key) {
                peer.linked = false;
                peer.claim = Claim::default();
            }
        }
        for key in linked {
            self.by_key.entry(*key).or_default().linked = true;
        }
        self.by_key.retain(|_, p| !p.is_blank(now));
        while self.by_key.values().filter(|p| !p.linked).count() > REMEMBERED {
            let oldest = self.by_key.iter().filter(|(_, p)| !p.linked).min_by_key(|(_, p)| p.rests_until);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            self.by_key.remove(&oldest);
        }
    }

    /// What a linked peer says that it has.
    pub(super) fn claim(&mut self, key: P, claim: Claim, now: u64) -> Option<Fault> {
        let peer = self.by_key.get_mut(&key).filter(|p| p.linked)?;
        let before = std::mem::replace(&mut peer.claim, claim);
        (claim.last < before.last).then(|| {
            self.fault(key, Fault::Lowered, now);
            Fault::Lowered
        })
    }

    /// The height that a peer claims which is linked and does not rest.
    pub(super) fn claim_of(&self, key: &P, now: u64) -> Option<Height> {
        self.by_key.get(key).filter(|p| p.awake(now)).map(|p| p.claim.last)
    }

    /// Heights that the linked peers claim, those that rest left out.
    pub(super) fn heights(&self, now: u64) -> impl Iterator<Item = (P, Height)> {
        self.by_key.iter().filter(move |(_, p)| p.awake(now)).map(|(key, p)| (*key, p.claim.last))
    }

    /// The highest height up to which one of them claims the blocks from `next` on.
    pub(super) fn best(&self, next: Height, now: u64) -> Height {
        let able = self.by_key.values().filter(|p| p.awake(now) && p.claim.covers(next));
        able.map(|p| p.claim.last).max().unwrap_or_default()
    }

    /// Whom to ask for a block: of those who claim it, the one with the least to do for its speed.
    pub(super) fn choose(&self, block: Height, most: usize, except: &[P], now: u64) -> Option<P> {
        let able = self
            .by_key
            .iter()
            .filter(|(key, p)| p.awake(now) && p.claim.covers(block) && p.asked < most && !except.contains(key));
        able.min_by_key(|(_, p)| (p.asked as u64 + 1).saturating_mul(p.pace_ms.max(1))).map(|(key, _)| *key)
    }

    /// A question is under way.
    pub(super) fn asked(&mut self, key: P) {
        self.by_key.entry(key).or_default().asked += 1;
    }

    /// A question is answered or given up.
    pub(super) fn done(&mut self, key: P) {
        if let Some(peer) = self.by_key.get_mut(&key) {
            peer.asked = peer.asked.saturating_sub(1);
        }
    }

    /// An answer was of use.
    pub(super) fn good(&mut self, key: P, took_ms: u64) {
        if let Some(peer) = self.by_key.get_mut(&key) {
            peer.slips = 0;
            peer.pace_ms = if peer.pace_ms == 0 { took_ms } else { (peer.pace_ms * 3 + took_ms) / 4 };
        }
    }

    /// The peer rests: the longer, the more often.
    pub(super) fn fault(&mut self, key: P, fault: Fault, now: u64) {
        let Some(peer) = self.by_key.get_mut(&key) else { return };
        let rest = if fault.is_lie() {
            peer.lies = peer.lies_now(now).saturating_add(1);
            peer.lied_at = now;
            (LIE_REST_MS << (peer.lies - 1).min(DOUBLINGS)).min(LIE_REST_MOST_MS)
        } else {
            peer.slips = peer.slips.saturating_add(1);
            (SLIP_REST_MS << (peer.slips - 1).min(DOUBLINGS)).min(SLIP_REST_MOST_MS)
        };
        peer.rests_until = peer.rests_until.max(now.saturating_add(rest));
    }

    /// Number of peers that rest.
    pub(super) fn resting(&self, now: u64) -> usize {
        self.by_key.values().filter(|p| p.linked && now < p.rests_until).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(keys: impl IntoIterator<Item = u8>) -> Peers<u8> {
        let mut peers = Peers::new();
        peers.link(&keys.into_iter().collect(), 0);
        peers
    }

    fn upto(last: u64) -> Claim {
        Claim { first: Height(1), last: Height(last) }
    }

    fn rest(peers: &Peers<u8>, from: u64) -> u64 {
        (from..).step_by(100).find(|now| peers.claim_of(&1, *now).is_some()).expect("nobody is banned for ever") - from
    }

    #[test]
    fn a_liar_rests_longer_each_time_but_never_for_ever() {
        let mut peers = linked([1]);
        let (mut now, mut last) = (0, 0);
        for _ in 0..30 {
            peers.fault(1, Fault::Certificate, now);
            let rested = rest(&peers, now);
            assert!(rested >= last && rested <= LIE_REST_MOST_MS);
            (last, now) = (rested, now + rested);
        }
        assert_eq!(last, LIE_REST_MOST_MS);
    }

    #[test]
    fn lies_are_forgiven_one_by_one() {
        let mut peers = linked([1]);
        for _ in 0..3 {
            peers.fault(1, Fault::Empty, 0);
        }
        let later = 2 * FORGIVEN_AFTER_MS;
        peers.fault(1, Fault::Empty, later);
        assert_eq!(rest(&peers, later), 2 * LIE_REST_MS, "the fourth counts as the second");
    }

    #[test]
    fn one_slow_answer_costs_half_a_second_and_a_good_one_wipes_it_out() {
        let mut peers = linked([1]);
        peers.fault(1, Fault::Late, 0);
        assert_eq!(rest(&peers, 0), SLIP_REST_MS);
        peers.fault(1, Fault::Late, 1_000);
        assert_eq!(rest(&peers, 1_000), 2 * SLIP_REST_MS);
        peers.good(1, 20);
        peers.fault(1, Fault::Late, 10_000);
        assert_eq!(rest(&peers, 10_000), SLIP_REST_MS);
        for _ in 0..100 {
            peers.fault(1, Fault::Busy, 20_000);
        }
        assert_eq!(rest(&peers, 20_000), SLIP_REST_MOST_MS);
    }

    #[test]
    fn a_peer_that_leaves_keeps_its_lies_and_loses_its_claim() {
        let mut peers = linked([1, 2]);
        assert_eq!(peers.claim(1, upto(7), 0), None);
        peers.fault(1, Fault::Oversized, 0);
        peers.link(&BTreeSet::from([2]), 1);
        peers.link(&BTreeSet::from([1, 2]), 2);
        assert_eq!(peers.claim_of(&1, 2), None, "a new link does not end the rest");
        assert_eq!(peers.claim_of(&1, LIE_REST_MS), Some(Height(0)));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut peers: Peers<u32> = Peers::new();
        for key in 0..2_000 {
            peers.link(&BTreeSet::from([key]), 0);
            peers.fault(key, Fault::Malformed, 0);
        }
        assert!(peers.by_key.len() <= REMEMBERED + 1);
        peers.link(&BTreeSet::new(), LIE_REST_MS + FORGIVEN_AFTER_MS);
        assert!(peers.by_key.is_empty(), "what is forgiven is forgotten");
    }

    #[test]
    fn the_quick_and_idle_are_asked_first() {
        let mut peers = linked([1, 2, 3]);
        for (key, pace) in [(1, 400), (2, 100), (3, 90)] {
            assert_eq!(peers.claim(key, upto(if key == 3 { 5 } else { 50 }), 0), None);
            peers.good(key, pace);
        }
        assert_eq!(peers.choose(Height(4), 4, &[], 0), Some(3));
        assert_eq!(peers.choose(Height(40), 4, &[], 0), Some(2), "the third does not have it");
        assert_eq!(peers.choose(Height(40), 4, &[2], 0), Some(1));
        for _ in 0..4 {
            peers.asked(2);
        }
        assert_eq!(peers.choose(Height(40), 4, &[], 0), Some(1), "the second has enough to do");
        assert_eq!(peers.choose(Height(51), 4, &[], 0), None);
    }

    #[test]
    fn a_lowered_claim_is_noticed_and_counts() {
        let mut peers = linked([1]);
        assert_eq!(peers.claim(1, upto(9), 0), None);
        assert_eq!(peers.claim(1, upto(3), 0), Some(Fault::Lowered));
        assert_eq!(peers.best(Height(1), SLIP_REST_MS), Height(3));
        assert_eq!(peers.best(Height(1), 0), Height(0), "it rests a moment");
    }

    #[test]
    fn one_that_began_from_a_snapshot_is_asked_for_what_it_has() {
        let mut peers = linked([1]);
        assert_eq!(peers.claim(1, Claim { first: Height(100), last: Height(200) }, 0), None);
        assert_eq!((peers.best(Height(1), 0), peers.best(Height(150), 0)), (Height(0), Height(200)));
        assert_eq!((peers.choose(Height(99), 4, &[], 0), peers.choose(Height(100), 4, &[], 0)), (None, Some(1)));
    }
}
