//! A cluster in bad weather: seeded delay, loss, duplicates, partitions, deafness and crashes, with liars who meddle.

use super::adversary::Adversary;
use super::heal::{Post, catch_up, deliver, heal, posts};
use super::truth::Violation;
use super::world::{World, digest_of};
use crate::random::Random;
use hnchain_consensus::Message;
use hnchain_types::certificate::Statement;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Kinds of messages that a round may lose altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaf {
    /// None.
    Nobody,
    /// Nobody hears finalize votes.
    Finalize,
    /// No bodies arrive.
    Bodies,
    /// Instances with even numbers hear no proposals.
    EvenToProposals,
    /// Certificates and questions go only from higher instances to lower ones.
    Upward,
    /// Only one instance hears votes.
    AllButOneToVotes(usize),
    /// Parts hear everything from each other but what finalizes.
    PartsToFinalize,
}

impl Deaf {
    /// Whether a message gets through to a receiver in the sender's part, or in another.
    fn lets(self, post: &Post, near: bool) -> bool {
        match (self, &*post.message) {
            (Self::PartsToFinalize, Message::Vote(vote)) => near || !finalizes(vote.statement),
            (Self::PartsToFinalize, Message::Certificate(c)) => near || !finalizes(c.statement),
            (Self::PartsToFinalize, _) => true,
            _ if !near => false,
            (Self::Finalize, Message::Vote(vote)) => !finalizes(vote.statement),
            (Self::Bodies, Message::Body(_)) => false,
            (Self::EvenToProposals, Message::Proposal(_)) => !post.to.is_multiple_of(2),
            (Self::Upward, Message::Certificate(_) | Message::Want(_)) => post.from.is_none_or(|from| from > post.to),
            (Self::AllButOneToVotes(one), Message::Vote(_)) => post.to == one,
            _ => true,
        }
    }
}

const fn finalizes(statement: Statement) -> bool {
    matches!(statement, Statement::Finalize { .. })
}

/// The network of one round.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The part of each instance. Puppets are in all of them.
    pub parts: Vec<u8>,
    /// Longest delay, milliseconds.
    pub slowest: u64,
    /// Messages lost, of a hundred.
    pub loss: u64,
    /// Messages that arrive twice, of a hundred.
    pub duplicates: u64,
    /// What is not heard.
    pub deaf: Deaf,
    /// Honest instances that may lose power.
    pub crashes: u64,
    /// Length, milliseconds.
    pub lasts: u64,
}

impl Weather {
    /// Everyone hears everything.
    #[must_use]
    pub fn fair(parts: Vec<u8>, lasts: u64) -> Self {
        Self { parts, slowest: 2, loss: 0, duplicates: 0, deaf: Deaf::Nobody, crashes: 0, lasts }
    }

    /// Anything, by chance.
    #[must_use]
    pub fn draw(random: &mut Random, instances: usize) -> Self {
        let parts = match random.below(4) {
            0 => vec![0; instances],
            1 => (0..instances).map(|_| u8::from(random.chance(25))).collect(),
            2 => (0..instances).map(|_| u8::from(random.chance(50))).collect(),
            _ => (0..instances).map(|_| u8::try_from(random.below(3)).unwrap_or(0)).collect(),
        };
        let deaf = match random.below(9) {
            0 => Deaf::Finalize,
            1 => Deaf::Bodies,
            2 => Deaf::EvenToProposals,
            3 => Deaf::Upward,
            4 => Deaf::AllButOneToVotes(random.index(instances)),
            _ => Deaf::Nobody,
        };
        Self {
            parts,
            slowest: [2, 5, 30, 150][random.index(4)],
            loss: [0, 0, 10, 30][random.index(4)],
            duplicates: [0, 0, 20][random.index(3)],
            deaf,
            crashes: [0, 0, 1][random.index(3)],
            lasts: [5, 15, 40, 120, 350][random.index(5)],
        }
    }
}

/// A cluster that is being played.
#[derive(Debug)]
pub struct Storm {
    /// The cluster.
    pub world: World,
    /// The puppets.
    pub adversary: Adversary,
    /// Chance.
    pub random: Random,
    /// What honest instances were told, where somebody wants to know.
    pub heard: Option<BTreeMap<u64, Arc<Message>>>,
    queue: BTreeMap<(u64, u64), Post>,
    sequence: u64,
}

impl Storm {
    /// Before the first round.
    #[must_use]
    pub const fn new(world: World, adversary: Adversary, random: Random) -> Self {
        Self { world, adversary, random, heard: None, queue: BTreeMap::new(), sequence: 0 }
    }

    /// One round.
    ///
    /// # Errors
    /// The first invariant that breaks.
    pub fn round(&mut self, weather: &Weather) -> Result<(), Violation> {
        self.world.note(|| format!("{weather:?}"));
        let end = self.world.now + weather.lasts;
        let mut crashes = weather.crashes;
        let mut acts_at = self.world.now + self.random.below(20);
        loop {
            self.carry(weather);
            let post_at = self.queue.keys().next().map_or(u64::MAX, |(at, _)| *at);
            let alarm = self.world.next_alarm(|_, _| true);
            let alarm_at = alarm.map_or(u64::MAX, |(at, ..)| at);
            let at = post_at.min(alarm_at).min(acts_at);
            if at > end {
                self.world.now = end;
                return Ok(());
            }
            self.world.now = self.world.now.max(at);
            if at == acts_at {
                acts_at += 1 + self.random.below(20);
                let posts = self.adversary.act(&mut self.world)?;
                self.send(weather, posts);
            } else if at == post_at {
                if let Some((_, post)) = self.queue.pop_first() {
                    self.listen(&post);
                    deliver(&mut self.world, &post)?;
                    if crashes > 0 && self.random.chance(2) && self.world.is_honest(post.to) {
                        crashes -= 1;
                        self.crash(post.to)?;
                    }
                }
            } else if let Some((_, i, slot)) = alarm {
                self.world.ring(i, slot)?;
            }
            catch_up(&mut self.world, |a, b| weather.parts[a] == weather.parts[b])?;
        }
    }

    fn listen(&mut self, post: &Post) {
        if let Some(heard) = self.heard.as_mut().filter(|_| self.world.is_honest(post.to)) {
            heard.entry(digest_of(&post.message)).or_insert_with(|| post.message.clone());
        }
    }

    /// Power is lost after the records of a step are durable and before anything of it is sent.
    fn crash(&mut self, i: usize) -> Result<(), Violation> {
        drop(self.world.take_sent());
        self.world.note(|| format!("instance {i} loses power"));
        self.world.restart(i)
    }

    /// What was said goes on its way.
    fn carry(&mut self, weather: &Weather) {
        for sent in self.world.take_sent() {
            self.adversary.overhear(&self.world, &sent);
            let all: Vec<Post> = posts(&self.world, sent).collect();
            self.send(weather, all);
        }
    }

    /// Messages go on their way, unless the weather swallows them.
    pub fn send(&mut self, weather: &Weather, posts: Vec<Post>) {
        for post in posts {
            let near = post.from.is_none_or(|from| weather.parts[from] == weather.parts[post.to]);
            if !weather.deaf.lets(&post, near) || self.random.chance(weather.loss) {
                continue;
            }
            let copies = 1 + u64::from(self.random.chance(weather.duplicates));
            for _ in 0..copies {
                self.sequence += 1;
                let at = self.world.now + 1 + self.random.below(weather.slowest);
                self.queue.insert((at, self.sequence), post.clone());
            }
        }
    }

    /// What is on its way is lost.
    pub fn clear(&mut self) {
        self.queue.clear();
    }

    /// The network heals, the liars do not. Gives the milliseconds until all honest validators finalized something new.
    ///
    /// # Errors
    /// I12, or any other invariant on the way.
    pub fn heal(&mut self, deltas: u64) -> Result<u64, Violation> {
        self.world.note(|| "healing".to_owned());
        let late = std::mem::take(&mut self.queue).into_values().collect();
        let Self { world, adversary, random, .. } = self;
        heal(world, late, deltas, |world, sent| {
            sent.iter().for_each(|s| adversary.overhear(world, s));
            if random.chance(30) { adversary.act(world) } else { Ok(Vec::new()) }
        })
    }
}
