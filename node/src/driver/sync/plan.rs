//! Which blocks to ask whom for, and in which order what came is executed. Pure: no clock, no network, no disk.
//!
//! The heights above the newest executed block are cut into parts. A part is wanted, or its blocks are here. Several
//! parts are asked for at once, of different peers; what comes is put back into sequence.
//!
//! # Rules
//! - **S1 Truth.** Blocks are executed only if they follow what is final and a verified certificate covers them: that of a
//!   block itself or of a later one, which may be in another peer's part.
//! - **S2 Blame.** A certificate that verifies makes every block before it true by its hash. So where two parts do not fit,
//!   the one that is not true is its peer's lie, and it is known which. A lie costs the peer all that is not proven of it.
//! - **S3 Front.** What is lowest comes first. A lowest part that is late, and what nothing proves, is asked of another
//!   peer as well: nobody can hold this node by dawdling, by lowering its height, or by blocks without certificates.
//! - **S4 Bounds.** Questions under way, and bytes that are here or expected, are bounded. Where nothing proves what
//!   fills the window, it grows up to a second bound; beyond that everything is dropped and asked anew.

use super::peers::{Claim, Fault, Peers};
use hnchain_types::{BlockHash, Epoch, Height};
use std::collections::{BTreeMap, BTreeSet};

/// What the plan needs to know of a block.
pub(super) trait Link {
    fn height(&self) -> Height;
    fn hash(&self) -> BlockHash;
    fn parent(&self) -> BlockHash;
    fn epoch(&self) -> Epoch;
    fn is_certified(&self) -> bool;
    fn bytes(&self) -> usize;
}

/// A part that stays without proof is asked for again ever more rarely, up to a minute apart.
const MOST_DOUBLINGS: u32 = 5;

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Questions under way.
    pub(super) questions: usize,
    /// Of them, to one peer.
    pub(super) per_peer: usize,
    /// Most blocks of a question.
    pub(super) range_blocks: u64,
    /// Bytes that a question aims at.
    pub(super) range_bytes: usize,
    /// Bytes that an answer may have, unless it is one block.
    pub(super) answer_bytes: usize,
    /// Bytes that are here or expected.
    pub(super) window_bytes: usize,
    /// The same where no certificate covers what fills the window.
    pub(super) held_bytes: usize,
    /// Bytes that are executed at once, unless the next certificate is further away.
    pub(super) run_bytes: usize,
    /// The same in blocks.
    pub(super) run_blocks: usize,
    /// After this long the lowest part is asked of another peer as well.
    pub(super) second_ms: u64,
}

/// A question to put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask<P> {
    pub(super) ticket: u64,
    pub(super) peer: P,
    pub(super) first: Height,
    pub(super) count: u64,
}

/// Consecutive blocks of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch<B> {
    pub(super) blocks: Vec<B>,
    /// How many of them, from the first on, a verified certificate among them covers.
    pub(super) proven: usize,
    /// How many, from the first on, were held against the validators of their epoch. The rest is of later epochs.
    pub(super) judged: usize,
}

impl<B: Link> Stretch<B> {
    fn bytes(&self) -> usize {
        self.blocks.iter().map(Link::bytes).sum()
    }

    fn last(&self) -> Option<&B> {
        self.blocks.last()
    }

    fn cut_front(&mut self, count: usize) -> Vec<B> {
        self.proven = self.proven.saturating_sub(count);
        self.judged = self.judged.saturating_sub(count);
        let rest = self.blocks.split_off(count.min(self.blocks.len()));
        std::mem::replace(&mut self.blocks, rest)
    }

    fn truncate(&mut self, count: usize) {
        self.blocks.truncate(count);
        self.proven = self.proven.min(count);
        self.judged = self.judged.min(count);
    }
}

#[derive(Debug)]
enum Part<P, B> {
    /// Up to this height.
    Wanted(Height),
    Here {
        from: P,
        stretch: Stretch<B>,
        bytes: usize,
        /// When it came, or was last compared with another answer.
        since: u64,
        /// How often it was asked for again.
        again: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Question<P> {
    peer: P,
    first: Height,
    last: Height,
    since: u64,
    /// Its peer has lied since: what comes is not used.
    void: bool,
}

/// A run of blocks to execute, and whose they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run<P, B> {
    pub(super) blocks: Vec<B>,
    /// First height and peer of each part, ascending.
    pub(super) origins: Vec<(Height, P)>,
}

impl<P: Copy, B> Run<P, B> {
    /// Who sent the block of a height.
    pub(super) fn origin(&self, height: Height) -> Option<P> {
        self.origins.iter().rev().find(|(first, _)| *first <= height).map(|(_, peer)| *peer)
    }
}

fn fits<B: Link>(stretch: &Stretch<B>, next: &Stretch<B>) -> bool {
    next.blocks.first().map(Link::parent) == stretch.last().map(Link::hash)
}

/// The plan; see the module's page.
#[derive(Debug)]
pub(super) struct Plan<P, B> {
    limits: Limits,
    /// Newest block that was given out to be executed, or that is final here.
    base: (Height, BlockHash),
    /// By first height, without gaps from just above the base on.
    parts: BTreeMap<Height, Part<P, B>>,
    questions: BTreeMap<u64, Question<P>>,
    next_ticket: u64,
    /// Smoothed size of a block.
    block_bytes: usize,
    pub(super) peers: Peers<P>,
    faults: Vec<(P, Fault)>,
}

impl<P: Ord + Copy, B: Link> Plan<P, B> {
    /// A plan from the newest final block on.
    pub(super) fn new(limits: Limits, tip: Height, hash: BlockHash) -> Self {
        Self {
            block_bytes: limits.range_bytes / usize::try_from(limits.range_blocks.min(64)).unwrap_or(64).max(1),
            limits,
            base: (tip, hash),
            parts: BTreeMap::new(),
            questions: BTreeMap::new(),
            next_ticket: 0,
            peers: Peers::new(),
            faults: Vec::new(),
        }
    }

    /// Bytes that are here or expected.
    pub(super) fn window_bytes(&self) -> usize {
        let here = self.parts.values().map(|p| match p {
            Part::Here { bytes, .. } => *bytes,
            Part::Wanted(_) => 0,
        });
        here.sum::<usize>() + self.questions.len() * self.limits.answer_bytes
    }

    /// Questions under way.
    pub(super) fn under_way(&self) -> usize {
        self.questions.len()
    }

    /// What was noticed since the last call.
    pub(super) fn take_faults(&mut self) -> Vec<(P, Fault)> {
        std::mem::take(&mut self.faults)
    }

    /// Blocks up to here are final, by whatever way.
    pub(super) fn advance(&mut self, tip: Height, hash: BlockHash) {
        if tip <= self.base.0 {
            return;
        }
        self.base = (tip, hash);
        while let Some(entry) = self.parts.first_entry() {
            let first = *entry.key();
            if first > tip {
                break;
            }
            let done = usize::try_from(tip.0 - first.0 + 1).unwrap_or(usize::MAX);
            match entry.remove() {
                Part::Wanted(last) if last > tip => {
                    self.parts.insert(tip.next(), Part::Wanted(last));
                }
                Part::Here { from, mut stretch, since, .. } if stretch.blocks.len() > done => {
                    stretch.cut_front(done);
                    self.put(tip.next(), from, stretch, since);
                }
                _ => {}
            }
        }
    }

    /// What was given out could not be executed: back to the newest final block. The peer that sent the block of
    /// `refused` is to blame.
    pub(super) fn retreat(&mut self, tip: Height, hash: BlockHash, refused: Option<P>, now: u64) {
        if let Some(peer) = refused {
            self.blame(peer, Fault::Refused, now);
        }
        if tip < self.base.0 {
            self.parts.insert(tip.next(), Part::Wanted(self.base.0));
            self.base = (tip, hash);
        }
        self.advance(tip, hash);
    }

    /// Nothing is wanted any more.
    pub(super) fn rest(&mut self) {
        self.parts.clear();
    }

    /// What a peer says that it has.
    pub(super) fn claim(&mut self, peer: P, claim: Claim, now: u64) {
        if let Some(fault) = self.peers.claim(peer, claim, now) {
            self.faults.push((peer, fault));
        }
    }

    /// Who is linked. Questions to others will not be answered.
    pub(super) fn link(&mut self, linked: &BTreeSet<P>, now: u64) {
        self.peers.link(linked, now);
    }

    // ---- asking ----

    /// The next question to put, if any (S3, S4).
    pub(super) fn next_ask(&mut self, now: u64) -> Option<Ask<P>> {
        if self.questions.len() >= self.limits.questions {
            // What holds up everything else is asked even so: those who dawdle may have taken every place.
            let spare = self.questions.len() < self.limits.questions + self.limits.per_peer;
            return if spare { self.ask_again(now) } else { None };
        }
        self.ask_for_gap(now).or_else(|| self.ask_again(now)).or_else(|| self.ask_further(now))
    }

    /// Whether one more answer fits.
    fn has_room(&self) -> bool {
        let room = if self.front_is_proven() { self.limits.window_bytes } else { self.limits.held_bytes };
        self.window_bytes() + self.limits.answer_bytes <= room
    }

    fn asked_for(&self, first: Height) -> impl Iterator<Item = &Question<P>> {
        self.questions.values().filter(move |q| !q.void && q.first <= first && first <= q.last)
    }

    /// What is wanted and not asked for. For the lowest there is always room: without it nothing leaves the window.
    fn ask_for_gap(&mut self, now: u64) -> Option<Ask<P>> {
        let room = self.has_room();
        let wanted = self.parts.iter().filter_map(|(first, part)| match part {
            Part::Wanted(last) => Some((*first, *last)),
            Part::Here { .. } => None,
        });
        let able = |(i, (first, last))| {
            let open = (i == 0 || room) && self.asked_for(first).next().is_none();
            let peer = self.peers.choose(first, self.limits.per_peer, &[], now).filter(|_| open)?;
            Some((first, last, peer))
        };
        let (first, last, peer) = wanted.enumerate().filter_map(able).next()?;
        while !self.has_room() && self.parts.last_key_value().is_some_and(|(highest, _)| *highest > first) {
            self.parts.pop_last();
        }
        let end = self.range_end(first, peer, now).min(last);
        self.parts.insert(first, Part::Wanted(end));
        if end < last {
            self.parts.entry(end.next()).or_insert(Part::Wanted(last));
        }
        Some(self.ask(peer, first, end, now))
    }

    /// What holds up the rest (S3): the lowest part that is wanted, where it is late, and those before it that nothing
    /// proves.
    fn ask_again(&mut self, now: u64) -> Option<Ask<P>> {
        let proven = self.front_is_proven();
        let front = self.front().count();
        let doubtful = |part: &Part<P, B>| !proven || matches!(part, Part::Wanted(_));
        let late = self.parts.iter().take(front + 1).filter(|(_, part)| doubtful(part));
        let (first, last, peer) = late.filter_map(|(first, part)| self.second_peer(*first, part, now)).next()?;
        if let Some(Part::Here { again, .. }) = self.parts.get_mut(&first) {
            *again += 1;
        }
        let end = self.range_end(first, peer, now).min(last);
        Some(self.ask(peer, first, end, now))
    }

    /// The end of a part and who may be asked for it as well, if it is time for that.
    fn second_peer(&self, first: Height, part: &Part<P, B>, now: u64) -> Option<(Height, Height, P)> {
        let asked: Vec<&Question<P>> = self.asked_for(first).collect();
        let newest = asked.iter().map(|q| q.since).max();
        let mut except: Vec<P> = asked.iter().map(|q| q.peer).collect();
        let (last, since, wait) = match part {
            Part::Wanted(last) => (*last, newest?, self.limits.second_ms),
            Part::Here { from, stretch, since, again, .. } => {
                except.push(*from);
                let wait = self.limits.second_ms << (*again).min(MOST_DOUBLINGS);
                (stretch.last()?.height(), newest.unwrap_or(0).max(*since), wait)
            }
        };
        if now < since.saturating_add(wait) {
            return None;
        }
        Some((first, last, self.peers.choose(first, self.limits.per_peer, &except, now)?))
    }

    fn ask_further(&mut self, now: u64) -> Option<Ask<P>> {
        let first = self.end().next();
        if !self.has_room() {
            return None;
        }
        let peer = self.peers.choose(first, self.limits.per_peer, &[], now)?;
        let end = self.range_end(first, peer, now);
        self.parts.insert(first, Part::Wanted(end));
        Some(self.ask(peer, first, end, now))
    }

    fn end(&self) -> Height {
        match self.parts.last_key_value() {
            Some((_, Part::Wanted(last))) => *last,
            Some((first, Part::Here { stretch, .. })) => stretch.last().map_or(*first, Link::height),
            None => self.base.0,
        }
    }

    fn range_end(&self, first: Height, peer: P, now: u64) -> Height {
        let most = self.limits.range_bytes / self.block_bytes.max(1);
        let blocks = u64::try_from(most).unwrap_or(u64::MAX).clamp(1, self.limits.range_blocks);
        let claim = self.peers.claim_of(&peer, now).unwrap_or(first);
        Height(first.0.saturating_add(blocks - 1)).min(claim).max(first)
    }

    fn ask(&mut self, peer: P, first: Height, last: Height, now: u64) -> Ask<P> {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.questions.insert(ticket, Question { peer, first, last, since: now, void: false });
        self.peers.asked(peer);
        Ask { ticket, peer, first, count: last.0 - first.0 + 1 }
    }

    // ---- answers ----

    /// An answer, checked, or why there is none. `None` is a link that broke, which is nobody's fault.
    pub(super) fn answered(&mut self, ticket: u64, answer: Result<Stretch<B>, Option<Fault>>, now: u64) {
        let Some(question) = self.questions.remove(&ticket) else { return };
        self.peers.done(question.peer);
        if question.void {
            return;
        }
        match answer {
            Ok(stretch) => self.take(question, stretch, now),
            Err(Some(fault)) => self.blame(question.peer, fault, now),
            Err(None) => {}
        }
    }

    fn take(&mut self, question: Question<P>, mut stretch: Stretch<B>, now: u64) {
        let peer = question.peer;
        if !self.is_fitting(&question, &stretch) {
            return self.blame(peer, Fault::Oversized, now);
        }
        let bytes = stretch.bytes();
        self.block_bytes = (self.block_bytes * 3 + bytes / stretch.blocks.len()) / 4;
        let claimed = self.peers.claim_of(&peer, now);
        let newest = stretch.last().filter(|b| Some(b.height()) == claimed && question.last == b.height());
        if newest.is_some_and(|b| !b.is_certified()) {
            return self.blame(peer, Fault::Uncertified, now);
        }
        let took = now.saturating_sub(question.since);
        let overtaken = !matches!(self.parts.get(&question.first), Some(Part::Wanted(_)));
        if overtaken && took > self.limits.second_ms {
            return self.blame(peer, Fault::Late, now);
        }
        let all = question.last.0 - question.first.0 + 1;
        if (stretch.blocks.len() as u64) < all && bytes < self.limits.answer_bytes / 2 {
            // What came is used all the same.
            self.blame(peer, Fault::Short, now);
        } else {
            self.peers.good(peer, took);
        }
        let passed = usize::try_from(self.base.0.next().0.saturating_sub(question.first.0)).unwrap_or(usize::MAX);
        stretch.cut_front(passed);
        if let Some(first) = stretch.blocks.first().map(Link::height) {
            self.place(first, peer, stretch, now);
        }
    }

    fn is_fitting(&self, question: &Question<P>, stretch: &Stretch<B>) -> bool {
        let all = question.last.0 - question.first.0 + 1;
        stretch.blocks.first().is_some_and(|b| b.height() == question.first)
            && stretch.blocks.len() as u64 <= all
            && stretch.proven <= stretch.judged
            && stretch.judged <= stretch.blocks.len()
    }

    fn place(&mut self, first: Height, peer: P, mut stretch: Stretch<B>, now: u64) {
        match self.parts.get(&first) {
            Some(Part::Wanted(last)) => {
                let last = *last;
                stretch.truncate(usize::try_from(last.0 - first.0 + 1).unwrap_or(usize::MAX));
                let end = Height(first.0 + stretch.blocks.len() as u64 - 1);
                self.put(first, peer, stretch, now);
                if end < last {
                    self.parts.insert(end.next(), Part::Wanted(last));
                }
            }
            Some(Part::Here { .. }) => self.compare(first, peer, stretch, now),
            None => {} // what it would belong to is asked for in other pieces meanwhile
        }
    }

    fn put(&mut self, first: Height, from: P, stretch: Stretch<B>, since: u64) {
        let bytes = stretch.bytes();
        self.parts.insert(first, Part::Here { from, stretch, bytes, since, again: 0 });
    }

    /// A second answer for a part that is here.
    fn compare(&mut self, first: Height, peer: P, other: Stretch<B>, now: u64) {
        let Some(Part::Here { from, stretch, since, .. }) = self.parts.get_mut(&first) else { return };
        *since = now;
        let same = stretch.blocks.iter().zip(&other.blocks).take_while(|(a, b)| a.hash() == b.hash()).count();
        let differ = same < stretch.blocks.len().min(other.blocks.len());
        let known = stretch.proven;
        let from = *from;
        if known > same && differ {
            return self.blame(peer, Fault::NotFollowing, now);
        }
        // The other one is true where it differs, proves more, or is at least another try.
        if other.proven > known || differ {
            self.replace(first, peer, other, now);
        }
        if differ && from != peer && self.proven_at(first) > same {
            self.blame(from, Fault::NotFollowing, now);
        }
    }

    fn proven_at(&self, first: Height) -> usize {
        match self.parts.get(&first) {
            Some(Part::Here { stretch, .. }) => stretch.proven,
            _ => 0,
        }
    }

    /// Puts another stretch where one is, and wants what the new one lacks.
    fn replace(&mut self, first: Height, peer: P, mut other: Stretch<B>, now: u64) {
        let Some(Part::Here { stretch, .. }) = self.parts.get(&first) else { return };
        let last = Height(first.0 + stretch.blocks.len() as u64 - 1);
        other.truncate(stretch.blocks.len());
        let end = Height(first.0 + other.blocks.len() as u64 - 1);
        self.put(first, peer, other, now);
        if end < last {
            self.parts.insert(end.next(), Part::Wanted(last));
        }
    }

    // ---- blame ----

    /// Notes a fault. A lie costs the peer what nobody has proven and what it was asked for.
    fn blame(&mut self, peer: P, fault: Fault, now: u64) {
        self.faults.push((peer, fault));
        self.peers.fault(peer, fault, now);
        if !fault.is_lie() {
            return;
        }
        self.questions.values_mut().filter(|q| q.peer == peer).for_each(|q| q.void = true);
        let doubtful: Vec<(Height, usize)> = self
            .parts
            .iter()
            .filter_map(|(first, part)| match part {
                Part::Here { from, stretch, .. } if *from == peer && stretch.proven < stretch.blocks.len() => {
                    Some((*first, stretch.proven))
                }
                _ => None,
            })
            .collect();
        for (first, proven) in doubtful {
            self.want_again(first, proven);
        }
    }

    /// Drops the blocks of a part after the first `keep` and wants them anew.
    fn want_again(&mut self, first: Height, keep: usize) {
        let Some(Part::Here { from, mut stretch, since, .. }) = self.parts.remove(&first) else { return };
        let last = Height(first.0 + stretch.blocks.len() as u64 - 1);
        stretch.truncate(keep);
        let next = Height(first.0 + keep as u64);
        if keep > 0 {
            self.put(first, from, stretch, since);
        }
        self.parts.insert(next, Part::Wanted(last));
    }

    /// The parts from the base on whose blocks are here.
    fn front(&self) -> impl Iterator<Item = (&P, &Stretch<B>)> {
        self.parts.values().map_while(|part| match part {
            Part::Here { from, stretch, .. } => Some((from, stretch)),
            Part::Wanted(_) => None,
        })
    }

    /// Whether the first block of each part is here and true: by a certificate in its part, or in a later one that it
    /// fits.
    fn truth(&self) -> Vec<bool> {
        let mut truth: Vec<bool> = Vec::with_capacity(self.parts.len());
        let mut next: Option<&Stretch<B>> = None;
        for part in self.parts.values().rev() {
            let Part::Here { stretch, .. } = part else {
                truth.push(false);
                next = None;
                continue;
            };
            let vouched = truth.last().is_some_and(|next| *next) && next.is_some_and(|next| fits(stretch, next));
            truth.push(stretch.proven > 0 || vouched);
            next = Some(stretch);
        }
        truth.reverse();
        truth
    }

    /// Whether the lowest blocks are proven, or simply not here yet.
    fn front_is_proven(&self) -> bool {
        self.front().next().is_none() || self.truth().first().is_none_or(|first| *first)
    }

    /// Finds a lie where parts do not fit (S2). Where neither part is proven, time will tell.
    fn find_lie(&self) -> Option<P> {
        // The hash before a part, whether it is that of a true block, and who sent it.
        let mut before = Some((self.base.1, true, None));
        for (part, is_true) in self.parts.values().zip(self.truth()) {
            let Part::Here { from, stretch, .. } = part else {
                before = None;
                continue;
            };
            if before.is_some_and(|(hash, _, _)| hash != stretch.blocks.first().map_or(hash, Link::parent)) {
                match before {
                    Some((_, true, _)) => return Some(*from),
                    Some((_, false, Some(liar))) if is_true => return Some(liar),
                    _ => {}
                }
            }
            before = Some((stretch.last()?.hash(), stretch.proven == stretch.blocks.len(), Some(*from)));
        }
        None
    }

    fn settle(&mut self, now: u64) {
        // Each turn drops at least a part.
        while let Some(liar) = self.find_lie() {
            self.blame(liar, Fault::NotFollowing, now);
            self.drop_misfits(liar);
        }
        if self.questions.is_empty() && !self.front_is_proven() && !self.has_room() {
            let senders: BTreeSet<P> = self.front().map(|(peer, _)| *peer).collect();
            self.parts.clear();
            for peer in senders {
                self.blame(peer, Fault::Unproven, now);
            }
        }
    }

    /// A part may be wholly proven and yet not follow what is final here: more validators lie than may. Dropped, so that
    /// others are asked.
    fn drop_misfits(&mut self, liar: P) {
        let own = |part: &Part<P, B>| matches!(part, Part::Here { from, .. } if *from == liar);
        let firsts: Vec<Height> = self.parts.iter().filter(|(_, p)| own(p)).map(|(first, _)| *first).collect();
        for first in firsts {
            self.want_again(first, 0);
        }
    }

    // ---- execution ----

    /// The next blocks to execute (S1): from the base on, up to a certified one.
    pub(super) fn next_run(&mut self, now: u64) -> Option<Run<P, B>> {
        self.settle(now);
        let count = self.runnable()?;
        let mut run = Run { blocks: Vec::with_capacity(count), origins: Vec::new() };
        while run.blocks.len() < count {
            let (first, part) = self.parts.pop_first()?;
            let Part::Here { from, mut stretch, since, .. } = part else { return None };
            let taken = stretch.cut_front(count - run.blocks.len());
            run.origins.push((first, from));
            let next = Height(first.0 + taken.len() as u64);
            run.blocks.extend(taken);
            if !stretch.blocks.is_empty() {
                self.put(next, from, stretch, since);
            }
        }
        let last = run.blocks.last()?;
        self.base = (last.height(), last.hash());
        Some(run)
    }

    /// How many blocks from the base on are true and end with a certificate, up to the size of a run.
    fn runnable(&self) -> Option<usize> {
        let (mut parent, mut count, mut bytes, mut cut) = (self.base.1, 0, 0, None);
        for (_, stretch) in self.front() {
            if stretch.blocks.first().map(Link::parent) != Some(parent) {
                break;
            }
            for (i, block) in stretch.blocks.iter().enumerate() {
                count += 1;
                bytes += block.bytes();
                if i < stretch.proven && block.is_certified() {
                    let full = bytes > self.limits.run_bytes || count > self.limits.run_blocks;
                    if cut.is_some() && full {
                        return cut;
                    }
                    cut = Some(count);
                }
            }
            parent = stretch.last()?.hash();
        }
        cut
    }

    /// Takes out the parts that have blocks of this epoch which nobody could judge when they came. They count as asked
    /// for until they come back by [`Plan::answered`].
    pub(super) fn take_unjudged(&mut self, epoch: Epoch, now: u64) -> Vec<(u64, Stretch<B>)> {
        let waiting: Vec<Height> = self
            .parts
            .iter()
            .filter_map(|(first, part)| match part {
                Part::Here { stretch, .. } => {
                    stretch.blocks.get(stretch.judged).filter(|b| b.epoch() == epoch).map(|_| *first)
                }
                Part::Wanted(_) => None,
            })
            .collect();
        let mut taken = Vec::new();
        for first in waiting {
            if let Some(Part::Here { from, stretch, .. }) = self.parts.remove(&first) {
                let last = Height(first.0 + stretch.blocks.len() as u64 - 1);
                self.parts.insert(first, Part::Wanted(last));
                taken.push((self.ask(from, first, last, now).ticket, stretch));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests;
