//! T2: seeded scenarios of four, seven or ten validators: twins and puppets, up to twelve rounds of bad weather, crashes.

use super::adversary::{Adversary, Deed};
use super::cast::{Cast, START_MS, validator};
use super::heal::{Post, catch_up, deliver, heal, posts};
use super::truth::Violation;
use super::world::World;
use crate::random::Random;
use hnchain_consensus::Message;
use hnchain_types::ValidatorIndex;
use hnchain_types::certificate::Statement;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Honest validators must finalize something new so many Δ after healing, whatever the liars still do.
pub const HEAL_DELTAS: u64 = 400;
/// Most rounds of a scenario.
const ROUNDS: u64 = 12;

/// The clusters, made once: keys take longer than a scenario.
#[derive(Clone, Debug)]
pub struct Casts([Arc<Cast>; 3]);

impl Default for Casts {
    fn default() -> Self {
        Self([4, 7, 10].map(Cast::of))
    }
}

/// How a liar lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A correct machine that runs twice.
    Twin,
    /// No machine.
    Puppet,
    /// Twins, and somebody else with the same key.
    Both,
}

/// What a seed stands for.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Validators.
    pub n: usize,
    /// Who lies, and how.
    pub liars: Vec<(ValidatorIndex, Lie)>,
    /// What puppets do.
    pub deeds: Vec<Deed>,
    /// Rounds of bad weather.
    pub rounds: u64,
}

/// Kinds of messages that a round may lose altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deaf {
    Nobody,
    Finalize,
    Bodies,
    /// Instances with even numbers hear no proposals.
    EvenToProposals,
    /// Certificates and questions go only from higher instances to lower ones.
    Upward,
    /// Only one instance hears votes.
    AllButOneToVotes(usize),
}

impl Deaf {
    fn lets(self, post: &Post) -> bool {
        match (self, &*post.message) {
            (Self::Finalize, Message::Vote(vote)) => !matches!(vote.statement, Statement::Finalize { .. }),
            (Self::Bodies, Message::Body(_)) => false,
            (Self::EvenToProposals, Message::Proposal(_)) => !post.to.is_multiple_of(2),
            (Self::Upward, Message::Certificate(_) | Message::Want(_)) => post.from.is_none_or(|from| from > post.to),
            (Self::AllButOneToVotes(one), Message::Vote(_)) => post.to == one,
            _ => true,
        }
    }
}

/// The network of one round.
#[derive(Clone, Debug)]
struct Weather {
    parts: Vec<u8>,
    slowest: u64,
    loss: u64,
    duplicates: u64,
    deaf: Deaf,
    crashes: u64,
    lasts: u64,
}

impl Weather {
    fn draw(random: &mut Random, instances: usize) -> Self {
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

/// How a scenario went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// Milliseconds from healing to agreement on something new.
    pub heal_ms: u64,
    /// Highest view.
    pub views: u64,
    /// Equivocations that honest machines reported.
    pub evidence: usize,
    /// Hash over everything that happened (I13).
    pub trace: u64,
}

impl Scenario {
    /// What a seed stands for.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut random = Random(seed);
        let n = [4, 4, 4, 4, 4, 4, 7, 7, 7, 10][random.index(10)];
        let f = (n - 1) / 3;
        let (count, first) = (1 + random.index(f), random.index(n));
        let liars = (0..count).map(|k| {
            let lie = [Lie::Twin, Lie::Puppet, Lie::Both][random.index(3)];
            (validator((first + k * 2) % n), lie)
        });
        let liars = liars.collect();
        let deeds = (0..=random.below(3)).map(|_| Deed::ALL[random.index(Deed::ALL.len())]).collect();
        Self { seed, n, liars, deeds, rounds: 1 + random.below(ROUNDS) }
    }

    /// Plays it.
    ///
    /// # Errors
    /// The first invariant that breaks.
    pub fn play(&self, casts: &Casts) -> Result<Played, Violation> {
        let (result, _) = self.play_with(casts, false);
        result
    }

    /// Plays it and keeps a transcript if asked to.
    #[must_use]
    pub fn play_with(&self, casts: &Casts, transcript: bool) -> (Result<Played, Violation>, Vec<String>) {
        match Storm::open(self, casts, transcript) {
            Ok(mut storm) => {
                let played = storm.play(self.rounds);
                (played, storm.world.transcript.take().unwrap_or_default())
            }
            Err(violation) => (Err(violation), Vec::new()),
        }
    }
}

/// A scenario that is being played.
struct Storm {
    world: World,
    adversary: Adversary,
    random: Random,
    queue: BTreeMap<(u64, u64), Post>,
    sequence: u64,
}

impl Storm {
    fn open(scenario: &Scenario, casts: &Casts, transcript: bool) -> Result<Self, Violation> {
        let [four, seven, ten] = &casts.0;
        let cast = [four, seven, ten].into_iter().find(|c| c.n() == scenario.n).unwrap_or(four);
        let liars: Vec<ValidatorIndex> = scenario.liars.iter().map(|(who, _)| *who).collect();
        let puppets = |who: &ValidatorIndex| scenario.liars.contains(&(*who, Lie::Puppet));
        let mut who: Vec<ValidatorIndex> = (0..cast.n()).map(validator).filter(|v| !puppets(v)).collect();
        who.extend(scenario.liars.iter().filter(|(_, lie)| *lie != Lie::Puppet).map(|(v, _)| *v));
        let mut random = Random(scenario.seed ^ 0x7717_5EED);
        let strings: Vec<_> = scenario.liars.iter().filter(|(_, lie)| *lie != Lie::Twin).map(|(v, _)| *v).collect();
        let deeds = if strings.is_empty() { Vec::new() } else { scenario.deeds.clone() };
        let adversary = Adversary::new(strings, deeds, Random(random.next()));
        let mut world = World::start(cast, &who, &liars, START_MS)?;
        world.transcript = transcript.then(Vec::new);
        Ok(Self { world, adversary, random, queue: BTreeMap::new(), sequence: 0 })
    }

    fn play(&mut self, rounds: u64) -> Result<Played, Violation> {
        for _ in 0..rounds {
            let weather = Weather::draw(&mut self.random, self.world.instances.len());
            self.world.note(|| format!("weather {weather:?}"));
            self.round(&weather)?;
        }
        self.world.note(|| "healing".to_owned());
        let late = std::mem::take(&mut self.queue).into_values().collect();
        let Self { world, adversary, random, .. } = self;
        let heal_ms = heal(world, late, HEAL_DELTAS, |world, sent| {
            sent.iter().for_each(|s| adversary.overhear(world, s));
            if random.chance(30) { adversary.act(world) } else { Ok(Vec::new()) }
        })?;
        let trace = self.world.instances.iter().fold(0u64, |all, one| all.rotate_left(7) ^ one.history);
        let views = self.world.honest().map(|i| self.world.instances[i].machine.view().0).max().unwrap_or(0);
        Ok(Played { heal_ms, views, evidence: self.world.evidence.len(), trace })
    }

    fn round(&mut self, weather: &Weather) -> Result<(), Violation> {
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

    /// Power is lost after the records of a step are durable and before anything of it is sent.
    fn crash(&mut self, i: usize) -> Result<(), Violation> {
        let lost = self.world.take_sent();
        drop(lost);
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

    fn send(&mut self, weather: &Weather, posts: Vec<Post>) {
        for post in posts {
            let near = post.from.is_none_or(|from| weather.parts[from] == weather.parts[post.to]);
            if !near || !weather.deaf.lets(&post) || self.random.chance(weather.loss) {
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
}
