//! T2: seeded scenarios of four, seven or ten validators: twins and puppets, up to twelve rounds of bad weather, crashes.

use super::adversary::{Adversary, Deed};
use super::cast::{Cast, START_MS, validator};
use super::storm::{Storm, Weather};
use super::truth::Violation;
use super::world::World;
use crate::random::Random;
use hnchain_types::ValidatorIndex;
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

impl Casts {
    /// The cluster of so many.
    #[must_use]
    pub fn of(&self, n: usize) -> &Arc<Cast> {
        let [four, seven, ten] = &self.0;
        [four, seven].into_iter().find(|cast| cast.n() == n).unwrap_or(ten)
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
    pub fn play_with(&self, casts: &Casts, transcript: bool) -> (Result<Played, Violation>, Vec<String>) {
        match self.open(casts, transcript) {
            Ok(mut storm) => {
                let played = self.rounds_of(&mut storm);
                (played, storm.world.transcript.take().unwrap_or_default())
            }
            Err(violation) => (Err(violation), Vec::new()),
        }
    }

    fn open(&self, casts: &Casts, transcript: bool) -> Result<Storm, Violation> {
        let cast = casts.of(self.n);
        let liars: Vec<ValidatorIndex> = self.liars.iter().map(|(who, _)| *who).collect();
        let puppet = |who: &ValidatorIndex| self.liars.contains(&(*who, Lie::Puppet));
        let mut who: Vec<ValidatorIndex> = (0..cast.n()).map(validator).filter(|v| !puppet(v)).collect();
        who.extend(self.liars.iter().filter(|(_, lie)| *lie != Lie::Puppet).map(|(v, _)| *v));
        let mut random = Random(self.seed ^ 0x7717_5EED);
        let strings: Vec<_> = self.liars.iter().filter(|(_, lie)| *lie != Lie::Twin).map(|(v, _)| *v).collect();
        let deeds = if strings.is_empty() { Vec::new() } else { self.deeds.clone() };
        let adversary = Adversary::new(strings, deeds, Random(random.next()));
        let mut world = World::start(cast, &who, &liars, START_MS)?;
        world.transcript = transcript.then(Vec::new);
        Ok(Storm::new(world, adversary, random))
    }

    fn rounds_of(&self, storm: &mut Storm) -> Result<Played, Violation> {
        for _ in 0..self.rounds {
            let weather = Weather::draw(&mut storm.random, storm.world.instances.len());
            storm.round(&weather)?;
        }
        let heal_ms = storm.heal(HEAL_DELTAS)?;
        let world = &storm.world;
        let trace = world.instances.iter().fold(0u64, |all, one| all.rotate_left(7) ^ one.history);
        let views = world.honest().map(|i| world.instances[i].machine.view().0).max().unwrap_or(0);
        Ok(Played { heal_ms, views, evidence: world.evidence.len(), trace })
    }
}
