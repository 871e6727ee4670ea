//! T1: every scenario of a small space, four validators of which one runs twice.
//!
//! # The space
//! Five instances: validators 0 to 3, and the twin of the liar. A scenario is: which validator lies (4), and for each of
//! three rounds a [`Setting`]: a partition of the five instances (52), times a [`Hearing`] (5) that says what gets through
//! inside the parts. Round k lets views up to k run, led by validator k mod 4, until nothing more can happen in them, all
//! timers included; what belongs to later views waits. A message is heard if its receiver is in the sender's part and the
//! hearing lets it through; otherwise it is lost. At the start of a round everyone who was left behind in an earlier view
//! says its votes again, so that old votes cross new partitions.
//! After the rounds the network heals, the twins stay.
//!
//! 4 × (52 × 5)³ = 70 304 000 scenarios; exchanging the two twins in all rounds gives the same scenario with other names,
//! so the one whose first difference has the original in the earlier part is played: about half.
//!
//! # How all are played
//! A round is played once for each state in which it begins: scenarios whose first rounds told every instance the same, in
//! the same order, with the same messages waiting go on together, because a machine is a function of what it was told.
//! Two rounds take half a minute; three take hours of a core, so a commit plays one round and a sample of three.

use super::cast::{Cast, START_MS, validator};
use super::heal::{Post, catch_up, deliver, heal, posts};
use super::truth::Violation;
use super::world::{World, digest_of};
use crate::random::Random;
use hnchain_consensus::{Message, Timer};
use hnchain_types::certificate::Statement;
use hnchain_types::{ValidatorIndex, View};
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Validators.
pub const N: usize = 4;
/// Instances: one validator runs twice.
const INSTANCES: usize = N + 1;
/// Rounds of a scenario.
pub const ROUNDS: usize = 3;
/// Honest validators must finalize something new so many Δ after healing.
pub const HEAL_DELTAS: u64 = 60;

/// What gets through inside a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hearing {
    /// Everything.
    All,
    /// No finalize vote: what is notarized stays un-finalized.
    NoFinalize,
    /// Finalize votes, to the leader of the next view only.
    FinalizeToNext,
    /// Notarize and nullify votes, to the leader of the next view only: it alone leaves the view.
    VotesToNext,
    /// Notarize votes, to the next leader only, and no finalize votes: it alone knows the parent.
    NotarizeToNext,
}

impl Hearing {
    const ALL: [Self; 5] = [Self::All, Self::NoFinalize, Self::FinalizeToNext, Self::VotesToNext, Self::NotarizeToNext];

    fn lets(self, message: &Message, to: ValidatorIndex, next: ValidatorIndex) -> bool {
        let statement = match message {
            Message::Vote(vote) => vote.statement,
            Message::Certificate(certificate) => certificate.statement,
            Message::Proposal(_) | Message::Want(_) | Message::Body(_) => return true,
        };
        match (self, statement) {
            (Self::All, _)
            | (Self::NoFinalize | Self::FinalizeToNext, Statement::Notarize { .. } | Statement::Nullify)
            | (Self::VotesToNext, Statement::Finalize { .. })
            | (Self::NotarizeToNext, Statement::Nullify) => true,
            (Self::NoFinalize | Self::NotarizeToNext, Statement::Finalize { .. }) => false,
            (Self::FinalizeToNext, Statement::Finalize { .. })
            | (Self::VotesToNext, Statement::Notarize { .. } | Statement::Nullify)
            | (Self::NotarizeToNext, Statement::Notarize { .. }) => to == next,
        }
    }
}

/// The network of one round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// The part of each instance; the twin is the last.
    pub parts: [u8; INSTANCES],
    /// What gets through.
    pub hearing: Hearing,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: String = self.parts.iter().map(|p| char::from(b'a' + p)).collect();
        write!(f, "{parts}/{:?}", self.hearing)
    }
}

/// All partitions of the instances with all hearings.
#[must_use]
pub fn settings() -> Vec<Setting> {
    let mut partitions = vec![[0; INSTANCES]];
    for i in 1..INSTANCES {
        // A restricted growth string: each instance joins an earlier part or opens the next one.
        let longer = partitions.iter().flat_map(|p| {
            let next = p[..i].iter().max().map_or(0, |m| m + 1);
            (0..=next).map(move |part| {
                let mut p = *p;
                p[i] = part;
                p
            })
        });
        partitions = longer.collect();
    }
    let with = |parts| Hearing::ALL.map(|hearing| Setting { parts, hearing });
    partitions.into_iter().flat_map(with).collect()
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Who runs twice.
    pub liar: usize,
    /// The network of each round.
    pub rounds: Vec<Setting>,
}

impl Scenario {
    /// A scenario of the space by chance.
    #[must_use]
    pub fn sample(random: &mut Random, settings: &[Setting]) -> Self {
        let liar = random.index(N);
        Self { liar, rounds: (0..ROUNDS).map(|_| settings[random.index(settings.len())]).collect() }
    }

    /// Plays it; gives the milliseconds that healing took.
    ///
    /// # Errors
    /// The first invariant that breaks.
    pub fn play(&self, cast: &std::sync::Arc<Cast>) -> Result<u64, Violation> {
        let mut stage = Stage::open(cast, self.liar)?;
        for (k, setting) in (1..).zip(&self.rounds) {
            stage.round(View(k), *setting)?;
        }
        stage.heal()
    }
}

/// A scenario that is being played.
#[derive(Clone)]
struct Stage {
    world: World,
    held: Vec<Post>,
}

impl Stage {
    fn open(cast: &std::sync::Arc<Cast>, liar: usize) -> Result<Self, Violation> {
        let who: Vec<_> = (0..N).chain([liar]).map(validator).collect();
        let world = World::start(cast, &who, &[validator(liar)], START_MS)?;
        Ok(Self { world, held: Vec::new() })
    }

    /// Lets everything happen that belongs to views up to this one.
    fn round(&mut self, view: View, setting: Setting) -> Result<(), Violation> {
        self.world.now += 1;
        let now = self.world.now;
        for i in 0..INSTANCES {
            // Timers of views that waited start with the round.
            for alarm in self.world.instances[i].alarms.iter_mut().flatten() {
                if !matches!(alarm.timer, Timer::Resend | Timer::Heartbeat) {
                    alarm.at = alarm.at.max(now + alarm.after);
                }
            }
            if self.world.instances[i].machine.view() < view {
                self.world.ring(i, Timer::Resend.slot())?;
            }
        }
        let mut queue = std::mem::take(&mut self.held);
        loop {
            self.calm(view, setting, queue)?;
            queue = Vec::new();
            let due = |_: usize, alarm: &super::world::Alarm| match alarm.timer {
                Timer::Leader(at) | Timer::View(at) | Timer::Idle(at) => at.view <= view,
                Timer::Resend | Timer::Heartbeat => false,
            };
            let Some((at, i, slot)) = self.world.next_alarm(due) else { return Ok(()) };
            let resend = self.world.next_alarm(|_, alarm| alarm.timer == Timer::Resend && alarm.at < at);
            let (at, i, slot) = resend.unwrap_or((at, i, slot));
            self.world.now = self.world.now.max(at);
            self.world.ring(i, slot)?;
        }
    }

    /// Delivers until nobody of these views has anything to say.
    fn calm(&mut self, view: View, setting: Setting, mut wave: Vec<Post>) -> Result<(), Violation> {
        loop {
            for sent in self.world.take_sent() {
                wave.extend(posts(&self.world, sent));
            }
            if wave.is_empty() {
                return Ok(());
            }
            self.world.now += 1;
            for post in std::mem::take(&mut wave) {
                let from = post.from.unwrap_or(post.to);
                if view_of(&self.world, &post) > view {
                    self.held.push(post);
                } else if setting.parts[from] == setting.parts[post.to] {
                    let next = self.world.cast.leader(view.next());
                    if setting.hearing.lets(&post.message, self.world.instances[post.to].who, next) {
                        deliver(&mut self.world, &post)?;
                    }
                }
            }
            catch_up(&mut self.world, |a, b| setting.parts[a] == setting.parts[b])?;
        }
    }

    fn heal(mut self) -> Result<u64, Violation> {
        heal(&mut self.world, self.held, HEAL_DELTAS, |_, _| Ok(Vec::new()))
    }

    /// Everything that the future depends on: what each instance was told so far, and what waits.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for one in &self.world.instances {
            (one.who, one.history).hash(&mut hasher);
        }
        for post in &self.held {
            (post.from, post.to, digest_of(&post.message)).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The view that a message belongs to: for a question the one that its sender is in.
fn view_of(world: &World, post: &Post) -> View {
    match &*post.message {
        Message::Proposal(proposal) => proposal.block.header.view,
        Message::Vote(vote) => vote.view,
        Message::Certificate(certificate) => certificate.view,
        Message::Body(block) => block.header.view,
        Message::Want(_) => post.from.map_or(View(0), |from| world.instances[from].machine.view()),
    }
}

/// What was played.
#[derive(Debug, Default)]
pub struct Tally {
    /// Scenarios covered.
    pub scenarios: u64,
    /// Rounds played.
    pub rounds: u64,
    /// Distinct states at the end of a round, by round.
    pub states: [u64; ROUNDS],
    /// Longest healing, milliseconds.
    pub longest_heal_ms: u64,
}

/// Plays the whole space up to a number of rounds.
#[derive(Debug)]
pub struct Exhaustive {
    settings: Vec<Setting>,
    rounds: usize,
    seen: [Mutex<BTreeSet<u64>>; ROUNDS],
    played: AtomicU64,
    longest: AtomicU64,
}

/// A scenario that breaks an invariant.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The scenario.
    pub scenario: Scenario,
    /// The invariant.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.violation, self.scenario)
    }
}

impl Exhaustive {
    /// All scenarios of so many rounds, at most [`ROUNDS`].
    #[must_use]
    pub fn new(rounds: usize) -> Self {
        Self {
            settings: settings(),
            rounds: rounds.min(ROUNDS),
            seen: Default::default(),
            played: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        }
    }

    /// Plays them on so many threads.
    ///
    /// # Errors
    /// Scenarios that break an invariant, at most one for each thread.
    ///
    /// # Panics
    /// Where a thread panics.
    pub fn play(&self, threads: usize) -> Result<Tally, Vec<Failure>> {
        let first: Vec<(usize, Setting)> =
            (0..N).flat_map(|liar| self.settings.iter().map(move |s| (liar, *s))).collect();
        let next = AtomicU64::new(0);
        let work = || {
            let cast = Cast::of(N);
            loop {
                let k = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                let Some((liar, setting)) = first.get(k) else { return Ok(()) };
                let stage = Stage::open(&cast, *liar);
                let mut path = Vec::new();
                stage.and_then(|s| self.extend(&s, *setting, &mut path)).map_err(|violation| Failure {
                    scenario: Scenario { liar: *liar, rounds: path.clone() },
                    violation,
                })?;
            }
        };
        let results: Vec<Result<(), Failure>> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            handles.into_iter().map(|h| h.join().expect("a player's panic is a failure of its own")).collect()
        });
        let failures: Vec<Failure> = results.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() { Ok(self.tally()) } else { Err(failures) }
    }

    fn tally(&self) -> Tally {
        let power = |n: usize| (0..self.rounds).fold(1, |product, _| product * n as u64);
        Tally {
            scenarios: N as u64 * power(self.settings.len()),
            rounds: self.played.load(Ordering::Relaxed),
            states: std::array::from_fn(|k| self.seen[k].lock().map_or(0, |s| s.len() as u64)),
            longest_heal_ms: self.longest.load(Ordering::Relaxed),
        }
    }

    /// One more round, and, where its end was not seen before, everything that may follow.
    fn extend(&self, before: &Stage, setting: Setting, path: &mut Vec<Setting>) -> Result<(), Violation> {
        path.push(setting);
        if mirrored(before.world.instances[INSTANCES - 1].who.index(), path) {
            path.pop();
            return Ok(());
        }
        let mut stage = before.clone();
        let round = path.len();
        stage.round(View(round as u64), setting)?;
        self.played.fetch_add(1, Ordering::Relaxed);
        let fresh = self.seen[round - 1].lock().is_ok_and(|mut seen| seen.insert(stage.fingerprint()));
        if fresh && round == self.rounds {
            self.longest.fetch_max(stage.heal()?, Ordering::Relaxed);
        } else if fresh {
            for setting in &self.settings {
                self.extend(&stage, *setting, path)?;
            }
        }
        path.pop();
        Ok(())
    }
}

/// Whether the scenario with the twins exchanged comes first and is the one that is played.
fn mirrored(liar: usize, path: &[Setting]) -> bool {
    let exchanged = path.iter().map(|setting| {
        let mut parts = setting.parts;
        parts.swap(liar, INSTANCES - 1);
        Setting { parts: renamed(parts), ..*setting }
    });
    exchanged.lt(path.iter().copied())
}

/// The same partition as a restricted growth string.
fn renamed(parts: [u8; INSTANCES]) -> [u8; INSTANCES] {
    let mut order: Vec<u8> = Vec::with_capacity(INSTANCES);
    parts.map(|part| {
        let at = order.iter().position(|p| *p == part).unwrap_or_else(|| {
            order.push(part);
            order.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    })
}
