//! Liars without a machine: they overhear everything, hold every liar's key, and say what they like to whom they like.

use super::cast::{Cast, Place, result_of, validator, wrong_result_of};
use super::heal::{Post, vote_of};
use super::truth::Violation;
use super::world::{BAD, Sent, World};
use crate::random::Random;
use hnchain_consensus::{Message, Proposal, Vote, Want};
use hnchain_crypto::Signature;
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Epoch, Height, ResultHash, ValidatorIndex, View};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Views below the highest one whose votes are remembered.
const MEMORY: u64 = 24;
/// Messages that are remembered for replays.
const REPLAYED: usize = 64;

/// What a liar does that no correct machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Proposes to a few, lets all notarize, and hands the body to nobody.
    Withhold,
    /// Two blocks in one view, each to a part of the others.
    Equivocate,
    /// A block on an old parent, where certificates allow it or not.
    Fork,
    /// Votes for whatever was proposed, to a few.
    SelectiveSend,
    /// Certificates of long ago, to a few.
    StaleCertificates,
    /// Certificates with signers twice, out of the set, out of order, too few, or with foreign signatures.
    Bitmap,
    /// Gives up the view that it leads, after it proposed, or that it does not lead.
    SelfNullify,
    /// Votes for views to come, near and far.
    Flood,
    /// Finalizes with another result, or another block.
    DoubleFinalize,
    /// Says again what was said before, by itself or by others.
    Replay,
    /// Asks for everything, all the time.
    Beg,
    /// A proposal that breaks a rule: payload, height, time, skips, parent.
    Malform,
    /// A block on a parent that was not notarized, or over views that were not nullified, with forged nullifications.
    Overreach,
    /// Votes whose signatures are none.
    Garble,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Withhold,
        Self::Equivocate,
        Self::Fork,
        Self::SelectiveSend,
        Self::StaleCertificates,
        Self::Bitmap,
        Self::SelfNullify,
        Self::Flood,
        Self::DoubleFinalize,
        Self::Replay,
        Self::Beg,
        Self::Malform,
        Self::Overreach,
        Self::Garble,
    ];
}

/// All liars of a scenario.
#[derive(Clone, Debug)]
pub struct Adversary {
    liars: Vec<ValidatorIndex>,
    deeds: Vec<Deed>,
    random: Random,
    /// Signatures that were overheard.
    votes: BTreeMap<View, BTreeMap<Statement, BTreeMap<ValidatorIndex, Signature>>>,
    said: VecDeque<(ValidatorIndex, Arc<Message>)>,
}

impl Adversary {
    /// Liars who do these deeds.
    #[must_use]
    pub const fn new(liars: Vec<ValidatorIndex>, deeds: Vec<Deed>, random: Random) -> Self {
        Self { liars, deeds, random, votes: BTreeMap::new(), said: VecDeque::new() }
    }

    /// From now on does these deeds, and hands back those it did before.
    pub const fn turn_to(&mut self, deeds: Vec<Deed>) -> Vec<Deed> {
        std::mem::replace(&mut self.deeds, deeds)
    }

    /// Listens to everything that is said.
    pub fn overhear(&mut self, world: &World, sent: &Sent) {
        if let Some(vote) = vote_of(&sent.message) {
            self.note(vote);
        }
        if self.said.len() == REPLAYED {
            self.said.pop_front();
        }
        self.said.push_back((world.instances[sent.from].who, sent.message.clone()));
    }

    fn note(&mut self, vote: &Vote) {
        let of_view = self.votes.entry(vote.view).or_default();
        of_view.entry(vote.statement).or_default().insert(vote.signer, vote.signature);
        while self.votes.first_key_value().is_some_and(|(v, _)| v.0 + MEMORY < vote.view.0 && self.votes.len() > 1) {
            self.votes.pop_first();
        }
    }

    /// One deed.
    ///
    /// # Errors
    /// An invariant that follows from what the liars sign.
    pub fn act(&mut self, world: &mut World) -> Result<Vec<Post>, Violation> {
        let honest: Vec<usize> = world.honest().collect();
        let (Some(deed), Some(near)) = (self.random.pick(&self.deeds).copied(), self.random.pick(&honest).copied())
        else {
            return Ok(Vec::new());
        };
        let view = world.instances[near].machine.view();
        let mut stage = Speech { world, posts: Vec::new() };
        match deed {
            Deed::Withhold => self.withhold(&mut stage, view)?,
            Deed::Equivocate => self.equivocate(&mut stage, view)?,
            Deed::Fork => self.fork(&mut stage, view)?,
            Deed::SelectiveSend => self.selective(&mut stage)?,
            Deed::StaleCertificates => self.stale(&mut stage),
            Deed::Bitmap => self.bitmap(&mut stage, view),
            Deed::SelfNullify => self.vote(&mut stage, view, Statement::Nullify, 70)?,
            Deed::Flood => self.flood(&mut stage, view)?,
            Deed::DoubleFinalize => self.double_finalize(&mut stage)?,
            Deed::Replay => self.replay(&mut stage),
            Deed::Beg => self.beg(&mut stage, view),
            Deed::Malform => self.malform(&mut stage, view)?,
            Deed::Overreach => self.overreach(&mut stage, view)?,
            Deed::Garble => self.garble(&mut stage),
        }
        Ok(stage.posts)
    }

    fn some(&mut self, world: &World, percent: u64) -> Vec<usize> {
        world.honest().filter(|_| self.random.chance(percent)).collect()
    }

    fn liar(&mut self) -> ValidatorIndex {
        self.random.pick(&self.liars).copied().unwrap_or(ValidatorIndex(0))
    }

    /// All liars vote, to so many in a hundred.
    fn vote(&mut self, s: &mut Speech<'_>, view: View, statement: Statement, percent: u64) -> Result<(), Violation> {
        let to = self.some(s.world, percent);
        for liar in self.liars.clone() {
            let vote = s.world.cast.vote(liar, view, statement);
            s.world.truth.sign(&vote)?;
            self.note(&vote);
            s.say(liar, &to, &Message::Vote(vote));
        }
        Ok(())
    }

    /// A certificate from what was overheard and what the liars add.
    fn assemble(&self, cast: &Cast, view: View, statement: Statement) -> Option<Certificate> {
        let signatures = self.votes.get(&view)?.get(&statement)?;
        let votes: Vec<_> = signatures.iter().map(|(who, s)| (*who, *s)).collect();
        (votes.len() >= cast.validators().quorum()).then_some(Certificate { epoch: Epoch(0), view, statement, votes })
    }

    /// The certificate of the view's block, if one can be put together.
    fn ordered(&self, cast: &Cast, view: View) -> Option<Certificate> {
        let statements = self.votes.get(&view)?.keys().filter(|s| s.block().is_some());
        statements.rev().find_map(|s| self.assemble(cast, view, *s))
    }

    /// A place for a block of this view: on the newest parent, or, with some chance, an older one that the certificates
    /// allow.
    fn place(&mut self, world: &World, view: View, older: u64) -> Option<(Place, Option<Certificate>)> {
        let (mut skips, mut at) = (Vec::new(), view.previous()?);
        loop {
            if at.0 == 0 {
                let root = world.cast.root();
                skips.reverse();
                let place = Place {
                    view,
                    height: Height(1),
                    parent: root.block,
                    parent_view: at,
                    time_ms: root.time_ms + 1 + self.random.below(3),
                    skips,
                };
                return Some((place, None));
            }
            let skip = self.assemble(&world.cast, at, Statement::Nullify);
            let ordered = self.ordered(&world.cast, at);
            match (skip, ordered) {
                (Some(skip), ordered) if ordered.is_none() || self.random.chance(older) => skips.push(skip),
                (_, Some(ordered)) => {
                    let parent = world.truth.block(&ordered.statement.block()?)?;
                    skips.reverse();
                    let place = Place {
                        view,
                        height: parent.header.height.next(),
                        parent: parent.header.hash(),
                        parent_view: at,
                        time_ms: parent.header.time_ms + 1 + self.random.below(3),
                        skips,
                    };
                    return Some((place, Some(ordered)));
                }
                _ => return None,
            }
            at = at.previous()?;
        }
    }

    fn junk(&mut self) -> Vec<u8> {
        self.random.next().to_be_bytes().to_vec()
    }

    /// A block to so many in a hundred, with the leader's and all other liars' votes for it.
    fn propose(
        &mut self,
        s: &mut Speech<'_>,
        block: &Arc<Block>,
        parent: Option<Certificate>,
        percent: u64,
    ) -> Result<(), Violation> {
        let (view, statement) = (block.header.view, Statement::Notarize { block: block.header.hash() });
        let leader = s.world.cast.leader(view);
        if !self.liars.contains(&leader) {
            return Ok(());
        }
        s.world.truth.saw(block);
        let vote = s.world.cast.vote(leader, view, statement);
        s.world.truth.sign(&vote)?;
        self.note(&vote);
        let to = self.some(s.world, percent);
        let parent = parent.filter(|_| self.random.chance(85));
        s.say(leader, &to, &Message::Proposal(Box::new(Proposal { block: block.clone(), vote, parent })));
        self.vote(s, view, statement, percent.max(50))
    }

    fn good_block(&mut self, world: &World, view: View, older: u64) -> Option<(Arc<Block>, Option<Certificate>)> {
        let (place, parent) = self.place(world, view, older)?;
        Some((world.cast.block(&place, self.junk())?, parent))
    }

    fn withhold(&mut self, s: &mut Speech<'_>, view: View) -> Result<(), Violation> {
        let Some((block, parent)) = self.good_block(s.world, view, 10) else { return Ok(()) };
        self.propose(s, &block, parent, 60)
    }

    fn equivocate(&mut self, s: &mut Speech<'_>, view: View) -> Result<(), Violation> {
        for _ in 0..2 {
            let Some((block, parent)) = self.good_block(s.world, view, 20) else { return Ok(()) };
            self.propose(s, &block, parent, 50)?;
        }
        Ok(())
    }

    fn fork(&mut self, s: &mut Speech<'_>, view: View) -> Result<(), Violation> {
        let Some((block, parent)) = self.good_block(s.world, view, 90) else { return Ok(()) };
        self.propose(s, &block, parent, 90)
    }

    /// A block that somebody made lately.
    fn recent(&mut self, world: &World) -> Option<(View, BlockHash)> {
        let from = View(world.truth.last_view().0.saturating_sub(4));
        let blocks: Vec<_> =
            world.truth.blocks().map(|b| (b.header.view, b.header.hash())).filter(|(v, _)| *v >= from).collect();
        self.random.pick(&blocks).copied()
    }

    fn selective(&mut self, s: &mut Speech<'_>) -> Result<(), Violation> {
        let Some((view, block)) = self.recent(s.world) else { return Ok(()) };
        let statement = match self.random.below(3) {
            0 => Statement::Notarize { block },
            1 => Statement::Finalize { block, result: result_of(&block) },
            _ => Statement::Nullify,
        };
        self.vote(s, view, statement, 40)
    }

    fn double_finalize(&mut self, s: &mut Speech<'_>) -> Result<(), Violation> {
        let Some((view, block)) = self.recent(s.world) else { return Ok(()) };
        let results: [ResultHash; 2] = [result_of(&block), wrong_result_of(&block)];
        for result in results {
            self.vote(s, view, Statement::Finalize { block, result }, 60)?;
        }
        Ok(())
    }

    fn any_certificate(&mut self, cast: &Cast) -> Option<Certificate> {
        let views: Vec<View> = self.votes.keys().copied().collect();
        let view = *self.random.pick(&views)?;
        let statements: Vec<Statement> = self.votes.get(&view)?.keys().copied().collect();
        let statement = *self.random.pick(&statements)?;
        self.assemble(cast, view, statement)
    }

    fn stale(&mut self, s: &mut Speech<'_>) {
        let Some(old) = self.any_certificate(&s.world.cast) else { return };
        let (liar, to) = (self.liar(), self.some(s.world, 50));
        s.say(liar, &to, &Message::Certificate(old));
    }

    fn bitmap(&mut self, s: &mut Speech<'_>, view: View) {
        let cast = s.world.cast.clone();
        let Some(mut forged) = self.any_certificate(&cast) else { return };
        match self.random.below(6) {
            0 => forged.votes.truncate(cast.validators().quorum() - 1),
            1 => {
                forged.votes.truncate(1);
                let first = forged.votes[0];
                forged.votes = vec![first; cast.validators().quorum()];
            }
            2 => forged.votes.reverse(),
            3 => {
                let last = forged.votes.len() - 1;
                forged.votes[last].0 =
                    ValidatorIndex(u32::try_from(cast.n() + self.random.index(3)).unwrap_or(u32::MAX));
            }
            4 => forged.view = View(view.0 + self.random.below(4)),
            _ => {
                // The liars' own signature under an honest validator's name.
                forged.statement = Statement::Nullify;
                forged.view = View(view.0 + self.random.below(3));
                let own = cast.vote(self.liar(), forged.view, Statement::Nullify).signature;
                forged.votes.iter_mut().for_each(|(_, signature)| *signature = own);
            }
        }
        let (liar, to) = (self.liar(), self.some(s.world, 80));
        s.say(liar, &to, &Message::Certificate(forged));
    }

    fn flood(&mut self, s: &mut Speech<'_>, view: View) -> Result<(), Violation> {
        for ahead in [1, 2, 3, 5, 8, 15, 16, 17, 1_000_000] {
            let at = View(view.0 + ahead);
            let statement = match self.random.below(3) {
                0 => Statement::Notarize { block: BlockHash(hnchain_crypto::sm3(&self.junk())) },
                1 => Statement::Finalize {
                    block: s.world.cast.root().block,
                    result: ResultHash(s.world.cast.genesis().0),
                },
                _ => Statement::Nullify,
            };
            self.vote(s, at, statement, 70)?;
        }
        Ok(())
    }

    fn replay(&mut self, s: &mut Speech<'_>) {
        let at = self.random.index(self.said.len());
        let Some((who, message)) = self.said.get(at).cloned() else { return };
        let as_itself = self.liars.contains(&who) && self.random.chance(70);
        let (liar, to) = (if as_itself { who } else { self.liar() }, self.some(s.world, 50));
        s.say(liar, &to, &message);
    }

    fn beg(&mut self, s: &mut Speech<'_>, view: View) {
        let (liar, to) = (self.liar(), self.some(s.world, 80));
        let from = View(view.0.saturating_sub(self.random.below(20)));
        s.say(liar, &to, &Message::Want(Want::Certificates { from, before: view.next() }));
        if let Some((_, block)) = self.recent(s.world) {
            s.say(liar, &to, &Message::Want(Want::Body(block)));
            if let Some(body) = s.world.truth.block(&block).filter(|_| self.random.chance(30)).cloned() {
                s.say(liar, &to, &Message::Body(body));
            }
        }
    }

    /// Any late block as the parent, with skips of which at least the signatures are there.
    fn overreach(&mut self, s: &mut Speech<'_>, view: View) -> Result<(), Violation> {
        let from = View(view.0.saturating_sub(4));
        let late = |v: View| v >= from && v < view;
        let parents: Vec<_> = s.world.truth.blocks().filter(|b| late(b.header.view)).cloned().collect();
        let Some(parent) = self.random.pick(&parents).cloned() else { return Ok(()) };
        let header = &parent.header;
        let skips = (header.view.next().0..view.0).map(View);
        let skips = skips.map(|at| {
            self.assemble(&s.world.cast, at, Statement::Nullify).unwrap_or_else(|| self.forged_skip(&s.world.cast, at))
        });
        let place = Place {
            view,
            height: header.height.next(),
            parent: header.hash(),
            parent_view: header.view,
            time_ms: header.time_ms + 1,
            skips: skips.collect(),
        };
        let certificate =
            self.ordered(&s.world.cast, header.view).filter(|c| c.statement.block() == Some(place.parent));
        match s.world.cast.block(&place, self.junk()) {
            Some(block) => self.propose(s, &block, certificate, 80),
            None => Ok(()),
        }
    }

    /// A nullification by a quorum, signed by liars alone.
    fn forged_skip(&self, cast: &Cast, view: View) -> Certificate {
        let liar = self.liars.first().copied().unwrap_or(ValidatorIndex(0));
        let signature = cast.vote(liar, view, Statement::Nullify).signature;
        let votes = (0..cast.validators().quorum()).map(|i| (validator(i), signature)).collect();
        Certificate { epoch: Epoch(0), view, statement: Statement::Nullify, votes }
    }

    fn garble(&mut self, s: &mut Speech<'_>) {
        let Some((view, block)) = self.recent(s.world) else { return };
        let statement = match self.random.below(3) {
            0 => Statement::Notarize { block },
            1 => Statement::Finalize { block, result: result_of(&block) },
            _ => Statement::Nullify,
        };
        let (liar, to) = (self.liar(), self.some(s.world, 80));
        let other = s.world.cast.vote(liar, view.next(), statement).signature;
        let vote = Vote { signature: other, ..s.world.cast.vote(liar, view, statement) };
        s.say(liar, &to, &Message::Vote(vote));
    }

    fn malform(&mut self, s: &mut Speech<'_>, view: View) -> Result<(), Violation> {
        let Some((mut place, parent)) = self.place(s.world, view, 10) else { return Ok(()) };
        let mut payload = self.junk();
        match self.random.below(5) {
            0 => payload = [BAD, &payload].concat(),
            1 => place.height = Height(place.height.0 + 1),
            2 => place.time_ms = place.time_ms.saturating_sub(10),
            3 => place.parent = BlockHash(hnchain_crypto::sm3(&payload)),
            _ => {
                let own = s.world.cast.vote(self.liar(), view, Statement::Nullify).signature;
                place.skips.iter_mut().flat_map(|skip| &mut skip.votes).for_each(|(_, signature)| *signature = own);
            }
        }
        match s.world.cast.block(&place, payload) {
            Some(block) => self.propose(s, &block, parent, 80),
            None => Ok(()),
        }
    }
}

/// What is being said.
struct Speech<'a> {
    world: &'a mut World,
    posts: Vec<Post>,
}

impl Speech<'_> {
    /// Messages go through their encoding: what does not decode reaches nobody.
    fn say(&mut self, sender: ValidatorIndex, to: &[usize], message: &Message) {
        let Some(message) = message.encode().ok().and_then(|bytes| Message::decode(&bytes).ok()) else { return };
        let message = Arc::new(message);
        self.posts.extend(to.iter().map(|to| Post { from: None, sender, to: *to, message: message.clone() }));
    }
}
