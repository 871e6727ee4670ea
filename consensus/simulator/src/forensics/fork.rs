//! The attack: f + 1 to 2f liars finalize different blocks with groups of honest validators that do not hear each other.
//!
//! Before the split all run together, in bad weather. Then each liar's machine is copied, once for each group, and every
//! copy plays along in its group: it votes for what its group proposes, gives up views that others lead elsewhere, and
//! knows nothing of what the other copies sign. Once the chain has forked, puppets with the same keys do their deeds in all
//! groups, and the groups may hear each other again. Liars also put forged votes of honest validators on the table.

use super::{Bench, Testimony};
use crate::random::Random;
use crate::twins::adversary::{Adversary, Deed};
use crate::twins::cast::{Cast, START_MS, validator, wrong_result_of};
use crate::twins::heal::Post;
use crate::twins::random::{Casts, HEAL_DELTAS};
use crate::twins::storm::{Deaf, Storm, Weather};
use crate::twins::truth::{Violation, broken};
use crate::twins::world::World;
use hnchain_consensus::{Evidence, Message, Record, Vote};
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Epoch, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Milliseconds after the split by which the groups must have forked.
const FORK_MS: u64 = 30_000;

/// Finalizations of each honest validator among which conflicts are looked for, newest first.
const LATEST: usize = 16;

/// How the chain is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Groups hear nothing of each other.
    Apart,
    /// Groups hear everything of each other but what finalizes; every group but the first computes wrong results, and the
    /// liars finalize both.
    Results,
}

/// What a seed stands for.
#[derive(Clone, Debug)]
pub struct Attack {
    /// The seed.
    pub seed: u64,
    /// Validators.
    pub n: usize,
    /// Who lies.
    pub liars: BTreeSet<ValidatorIndex>,
    /// The group of each honest validator, by index; liars are in all of them.
    pub groups: Vec<u8>,
    /// How many groups.
    pub parts: u8,
    /// How.
    pub split: Split,
    /// Rounds of bad weather before.
    pub rounds: u64,
    /// What puppets do after the fork.
    pub deeds: Vec<Deed>,
    /// Whether the groups hear each other in the end.
    pub reunion: bool,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Named from two finalizations, the blocks under them and their notarizations.
    pub from_chains: BTreeSet<ValidatorIndex>,
    /// Named from everything that honest validators heard.
    pub from_all: BTreeSet<ValidatorIndex>,
    /// View of each of the two finalizations.
    pub views: (View, View),
}

/// Two finalizations of honest instances that contradict each other.
#[derive(Clone)]
struct Conflict(Certificate, Certificate);

impl Attack {
    /// What a seed stands for.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut random = Random(seed ^ 0xF0_12);
        let n = [4, 4, 4, 7, 7, 10][random.index(6)];
        let f = (n - 1) / 3;
        let count = f + 1 + random.index(f);
        let mut all: Vec<usize> = (0..n).collect();
        (1..n).rev().for_each(|i| all.swap(i, random.index(i + 1)));
        let honest = n - count;
        let needed = n - f - count;
        let parts = (2 + random.index(honest / needed.max(1) - 1)).min(honest / needed.max(1));
        let mut groups = vec![0; n];
        for (k, who) in all[count..].iter().enumerate() {
            // The first fill the groups, the others join any.
            let part = if k < parts * needed { k % parts } else { random.index(parts) };
            groups[*who] = u8::try_from(part).unwrap_or(0);
        }
        let liars = all[..count].iter().map(|i| validator(*i)).collect();
        let split = if random.chance(25) { Split::Results } else { Split::Apart };
        let deeds = (0..random.below(3)).map(|_| Deed::ALL[random.index(Deed::ALL.len())]).collect();
        let (rounds, reunion) = (random.below(6), random.chance(50));
        Self { seed, n, liars, groups, parts: u8::try_from(parts).unwrap_or(2), split, rounds, deeds, reunion }
    }

    /// Forks and convicts.
    ///
    /// # Errors
    /// I5 and the like of an honest validator; "T4" where the attack does not fork, an honest validator is accused, or
    /// fewer than f + 1 are named.
    pub fn play(&self, casts: &Casts) -> Result<Verdict, Violation> {
        self.play_with(casts, false).0
    }

    /// Plays it and keeps a transcript if asked to.
    pub fn play_with(&self, casts: &Casts, transcript: bool) -> (Result<Verdict, Violation>, Vec<String>) {
        let mut storm = match self.open(casts) {
            Ok(storm) => storm,
            Err(violation) => return (Err(violation), Vec::new()),
        };
        storm.world.transcript = transcript.then(Vec::new);
        match self.verdict(casts.of(self.n), &mut storm) {
            // A proposal told one group of the other's finalization before it had its own: the group halted in time.
            Ok(None) if self.split == Split::Results => {
                Self { split: Split::Apart, ..self.clone() }.play_with(casts, transcript)
            }
            verdict => {
                let forked = verdict.and_then(|v| v.map_or_else(|| broken("T4", "the attack does not fork"), Ok));
                (forked, storm.world.transcript.take().unwrap_or_default())
            }
        }
    }

    fn open(&self, casts: &Casts) -> Result<Storm, Violation> {
        let cast = casts.of(self.n);
        let mut random = Random(self.seed ^ 0x5711_7000);
        let liars: Vec<ValidatorIndex> = self.liars.iter().copied().collect();
        let who: Vec<ValidatorIndex> = (0..self.n).map(validator).collect();
        let world = World::start(cast, &who, &liars, START_MS)?;
        // What puppets tell one group of the other gives the attack away: they wait until it has succeeded.
        let adversary = Adversary::new(liars, Vec::new(), Random(random.next()));
        let mut storm = Storm::new(world, adversary, random);
        storm.heard = Some(BTreeMap::new());
        Ok(storm)
    }

    fn verdict(&self, cast: &Cast, storm: &mut Storm) -> Result<Option<Verdict>, Violation> {
        for _ in 0..self.rounds {
            let weather = Weather::draw(&mut storm.random, self.n);
            storm.round(&weather)?;
        }
        let conflict = self.split(storm)?;
        conflict.map(|conflict| self.judge(cast, storm, &conflict)).transpose()
    }

    /// Forks, or gives nothing where the chain has not forked in time.
    fn split(&self, storm: &mut Storm) -> Result<Option<Conflict>, Violation> {
        let mut parts = self.groups.clone();
        let weather = if self.split == Split::Results {
            // Who lacks a final block cannot execute what comes after it.
            storm.heal(HEAL_DELTAS)?;
            for i in storm.world.honest().filter(|i| parts[*i] > 0).collect::<Vec<_>>() {
                storm.world.instances[i].miscomputes = true;
            }
            Weather { deaf: Deaf::PartsToFinalize, ..Weather::fair(parts, 5) }
        } else {
            storm.clear();
            for liar in &self.liars {
                for part in 1..self.parts {
                    let copy = storm.world.instances[liar.index()].clone();
                    storm.world.instances.push(copy);
                    parts.push(part);
                }
            }
            Weather::fair(parts, 20)
        };
        let end = storm.world.now + FORK_MS;
        let mut found = loop {
            storm.round(&weather)?;
            if self.split == Split::Results {
                self.miscount(storm, &weather)?;
            }
            let found = conflicts(&storm.world);
            if !found.is_empty() {
                break found;
            }
            if storm.world.now > end {
                return Ok(None);
            }
        };
        storm.adversary.turn_to(self.deeds.clone());
        let lasts = storm.random.below(40);
        storm.round(&Weather { lasts, ..weather.clone() })?;
        if self.reunion {
            storm.round(&Weather::fair(vec![0; weather.parts.len()], 150))?;
        }
        found.extend(conflicts(&storm.world));
        let at = storm.random.index(found.len());
        Ok(Some(found.swap_remove(at)))
    }

    /// Liars finalize what was notarized with the wrong result as well, for those who computed it.
    fn miscount(&self, storm: &mut Storm, weather: &Weather) -> Result<(), Violation> {
        let world = &mut storm.world;
        let to: Vec<usize> = world.honest().filter(|i| weather.parts[*i] > 0).collect();
        let blocks: Vec<(View, BlockHash)> = world.truth.blocks().map(|b| (b.header.view, b.header.hash())).collect();
        let mut said = Vec::new();
        for (view, block) in blocks {
            if !world.truth.notarized(view, block) {
                continue;
            }
            let statement = Statement::Finalize { block, result: wrong_result_of(&block) };
            for liar in &self.liars {
                let vote = world.cast.vote(*liar, view, statement);
                world.truth.sign(&vote)?;
                let message = Arc::new(Message::Vote(vote));
                said.extend(to.iter().map(|to| Post { from: None, sender: *liar, to: *to, message: message.clone() }));
            }
        }
        storm.send(weather, said);
        Ok(())
    }

    fn judge(&self, cast: &Cast, storm: &Storm, conflict: &Conflict) -> Result<Verdict, Violation> {
        let world = &storm.world;
        let bench = Bench {
            genesis: cast.genesis(),
            epoch: Epoch(0),
            validators: cast.validators(),
            verifier: &**cast.verifier(),
        };
        let messages: Vec<&Message> = storm.heard.iter().flatten().map(|(_, m)| &**m).collect();
        let records: Vec<&Record> = world.honest().flat_map(|i| &world.instances[i].journal).collect();
        let forged = self.forgeries(cast, world);
        let mut all: Vec<Testimony<'_>> = forged.iter().map(Testimony::Vote).collect();
        all.extend(messages.iter().flat_map(|m| in_message(m)));
        all.extend(records.iter().flat_map(|r| in_record(r)));
        let finalizations = world.honest().flat_map(|i| &world.instances[i].finalizations);
        all.extend(finalizations.map(Testimony::Certificate));

        let Conflict(a, b) = conflict;
        let chains: Vec<Arc<Block>> = [a, b].into_iter().flat_map(|c| chain(world, c)).collect();
        let blocks: BTreeSet<BlockHash> = chains.iter().map(|b| b.header.hash()).collect();
        let mut few = vec![Testimony::Certificate(a), Testimony::Certificate(b)];
        few.extend(chains.iter().map(|b| Testimony::Block(b)));
        let notarizes = |t: &Testimony<'_>| {
            matches!(t, Testimony::Certificate(c)
                if matches!(c.statement, Statement::Notarize { block } if blocks.contains(&block)))
        };
        few.extend(all.iter().copied().filter(notarizes));

        let views = (a.view, b.view);
        let from_chains = self.convicted(&bench, &few, cast, "the chains", views)?;
        let from_all = self.convicted(&bench, &all, cast, "all that was heard", views)?;
        Ok(Verdict { from_chains, from_all, views })
    }

    fn convicted(
        &self,
        bench: &Bench<'_>,
        testimony: &[Testimony<'_>],
        cast: &Cast,
        from: &str,
        views: (View, View),
    ) -> Result<BTreeSet<ValidatorIndex>, Violation> {
        let culprits: BTreeMap<ValidatorIndex, Evidence> = bench.culprits(testimony);
        let named: BTreeSet<ValidatorIndex> = culprits.keys().copied().collect();
        if let Some(honest) = named.difference(&self.liars).next() {
            return broken("T4", format!("{from} accuse the honest validator {honest}: {:?}", culprits[honest]));
        }
        let needed = cast.validators().faults() + 1;
        if named.len() < needed {
            return broken(
                "T4",
                format!("{from} name {named:?} only, {needed} of {:?} are due; views {views:?}", self.liars),
            );
        }
        Ok(named)
    }

    /// Votes in the name of honest validators that the liars made up.
    fn forgeries(&self, cast: &Cast, world: &World) -> Vec<Vote> {
        let liar = self.liars.iter().next().copied().unwrap_or(ValidatorIndex(0));
        let honest = (0..self.n).map(validator).filter(|v| !self.liars.contains(v));
        let tip = world.honest().next().map_or_else(|| cast.root(), |i| world.instances[i].tip);
        let statements = [Statement::Nullify, Statement::Notarize { block: cast.root().block }];
        honest.flat_map(|who| statements.map(|s| Vote { signer: who, ..cast.vote(liar, tip.view, s) })).collect()
    }
}

/// Pairs of late finalizations that contradict each other: of one view with different statements, or of blocks of which
/// neither descends from the other.
fn conflicts(world: &World) -> Vec<Conflict> {
    let mut all: BTreeMap<(View, Statement), &Certificate> = BTreeMap::new();
    let latest = |i: usize| world.instances[i].finalizations.iter().rev().take(LATEST);
    for certificate in world.honest().flat_map(latest) {
        all.entry((certificate.view, certificate.statement)).or_insert(certificate);
    }
    let all: Vec<&Certificate> = all.into_values().collect();
    let pairs = all.iter().enumerate().flat_map(|(k, low)| all[k + 1..].iter().map(move |high| (*low, *high)));
    let forked = pairs.filter(|(low, high)| match (low.statement.block(), high.statement.block()) {
        (Some(a), Some(b)) => low.view == high.view || !world.truth.descends(b, a, low.view),
        _ => false,
    });
    forked.map(|(low, high)| Conflict(low.clone(), high.clone())).collect()
}

/// The block of a finalization and all below it, newest first.
fn chain(world: &World, finalization: &Certificate) -> Vec<Arc<Block>> {
    let mut blocks = Vec::new();
    let mut at = finalization.statement.block();
    while let Some(block) = at.and_then(|hash| world.truth.block(&hash)) {
        blocks.push(block.clone());
        at = Some(block.header.parent);
    }
    blocks
}

fn in_message(message: &Message) -> Vec<Testimony<'_>> {
    match message {
        Message::Proposal(p) => {
            let own = [Testimony::Vote(&p.vote), Testimony::Block(&p.block)];
            own.into_iter().chain(p.parent.as_ref().map(Testimony::Certificate)).collect()
        }
        Message::Vote(vote) => vec![Testimony::Vote(vote)],
        Message::Certificate(c) => vec![Testimony::Certificate(c)],
        Message::Body(block) => vec![Testimony::Block(block)],
        Message::Want(_) => Vec::new(),
    }
}

fn in_record(record: &Record) -> Option<Testimony<'_>> {
    match record {
        Record::Vote(vote) => Some(Testimony::Vote(vote)),
        Record::Block(block) => Some(Testimony::Block(block)),
        Record::Entered(c) => Some(Testimony::Certificate(c)),
        Record::Cut(_) | Record::Owner { .. } => None,
    }
}
