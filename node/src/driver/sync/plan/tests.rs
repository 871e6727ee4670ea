//! The plan against peers of every kind, in virtual time.
#![allow(clippy::unwrap_used)]

use super::*;
use hnchain_crypto::sm3;
use proptest::prelude::*;
use std::collections::BinaryHeap;

const LIMITS: Limits = Limits {
    questions: 8,
    per_peer: 3,
    range_blocks: 16,
    range_bytes: 1_600,
    answer_bytes: 3_200,
    window_bytes: 40_000,
    held_bytes: 160_000,
    run_bytes: 1_000,
    run_blocks: 8,
    second_ms: 500,
};
/// Every block of the tests.
const BYTES: usize = 100;
/// How long a peer is waited for.
const TIMEOUT_MS: u64 = 2_500;

/// A block of the true chain (branch 0), or of somebody's invention.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fake {
    height: u64,
    branch: u64,
    parent: BlockHash,
    certified: bool,
    epoch: u64,
}

fn hash(branch: u64, height: u64) -> BlockHash {
    BlockHash(sm3(&[branch.to_be_bytes(), height.to_be_bytes()].concat()))
}

impl Link for Fake {
    fn height(&self) -> Height {
        Height(self.height)
    }
    fn hash(&self) -> BlockHash {
        hash(self.branch, self.height)
    }
    fn parent(&self) -> BlockHash {
        self.parent
    }
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }
    fn is_certified(&self) -> bool {
        self.certified
    }
    fn bytes(&self) -> usize {
        BYTES
    }
}

/// The true chain: which heights have a certificate of their own, and where epochs end.
#[derive(Clone, Debug)]
struct Chain {
    height: u64,
    certified_every: u64,
    epoch_blocks: u64,
}

impl Chain {
    const fn of(height: u64) -> Self {
        Self { height, certified_every: 1, epoch_blocks: u64::MAX }
    }

    const fn epoch(&self, height: u64) -> u64 {
        (height - 1) / self.epoch_blocks
    }

    const fn is_certified(&self, height: u64) -> bool {
        height.is_multiple_of(self.certified_every)
            || height == self.height
            || self.epoch(height) != self.epoch(height + 1)
    }

    fn block(&self, height: u64) -> Fake {
        let (certified, epoch) = (self.is_certified(height), self.epoch(height));
        Fake { height, branch: 0, parent: hash(0, height - 1), certified, epoch }
    }

    /// What check would say of these blocks in this epoch.
    fn judge(blocks: Vec<Fake>, epoch: u64) -> Result<Stretch<Fake>, Option<Fault>> {
        let judged = blocks.iter().take_while(|b| b.epoch == epoch).count();
        let own = &blocks[..judged];
        if own.iter().any(|b| b.certified && b.branch != 0) {
            return Err(Some(Fault::Certificate));
        }
        let proven = own.iter().rposition(|b| b.certified).map_or(0, |i| i + 1);
        Ok(Stretch { blocks, proven, judged })
    }
}

/// How a peer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Honest,
    /// Correct, and never in time.
    Mute,
    /// Correct, just before the time is over.
    Dawdler,
    /// One block in each answer.
    Miser,
    /// Nothing of what it claims.
    Hollow,
    /// Blocks of its own, without certificates.
    Inventor,
    /// Blocks of its own with certificates that do not verify.
    Forger,
    /// True blocks, the last one replaced by its own.
    Splicer,
    /// True blocks without their certificates.
    Stripper,
    /// Claims a great height, and invents what it does not have.
    Boaster,
    /// Lowers its height each time that it is asked.
    Shrinker,
    /// More blocks than it is asked for.
    Flooder,
    /// Bytes that are no answer.
    Babbler,
}

const KINDS: [Kind; 13] = [
    Kind::Honest,
    Kind::Mute,
    Kind::Dawdler,
    Kind::Miser,
    Kind::Hollow,
    Kind::Inventor,
    Kind::Forger,
    Kind::Splicer,
    Kind::Stripper,
    Kind::Boaster,
    Kind::Shrinker,
    Kind::Flooder,
    Kind::Babbler,
];

impl Kind {
    fn claim(self, chain: &Chain, now: u64) -> u64 {
        match self {
            Self::Boaster => chain.height + 1_000_000,
            Self::Shrinker => chain.height.saturating_sub(now / 1_000 % 7 * chain.height / 7),
            _ => chain.height,
        }
    }

    fn delay(self) -> u64 {
        match self {
            Self::Mute => TIMEOUT_MS,
            Self::Dawdler => TIMEOUT_MS - 10,
            _ => 20,
        }
    }

    fn answer(self, id: u64, chain: &Chain, epoch: u64, ask: &Ask<u64>) -> Result<Stretch<Fake>, Option<Fault>> {
        let (first, last) = (ask.first.0, (ask.first.0 + ask.count - 1).min(chain.height));
        let truth = || (first..=last).map(|h| chain.block(h)).collect::<Vec<_>>();
        let invented = |last: u64, certified: bool| -> Vec<Fake> {
            let epoch = if first <= chain.height { chain.epoch(first) } else { epoch };
            let block = |h| Fake {
                height: h,
                branch: id + 1,
                parent: hash(if h == first { 0 } else { id + 1 }, h - 1),
                certified,
                epoch,
            };
            (first..=last).map(block).collect()
        };
        let asked = ask.first.0 + ask.count - 1;
        let blocks = match self {
            Self::Mute => return Err(Some(Fault::Late)),
            Self::Babbler => return Err(Some(Fault::Malformed)),
            Self::Hollow => return Err(Some(Fault::Empty)),
            Self::Honest | Self::Dawdler | Self::Shrinker => truth(),
            Self::Miser => truth().into_iter().take(1).collect(),
            Self::Inventor => invented(asked, false),
            Self::Forger => invented(asked, true),
            Self::Boaster if first > chain.height => invented(asked, false),
            Self::Boaster => truth(),
            Self::Splicer => {
                let mut blocks = truth();
                if let Some(last) = blocks.last_mut() {
                    (last.branch, last.certified) = (id + 1, false);
                }
                blocks
            }
            Self::Stripper => truth().into_iter().map(|b| Fake { certified: false, ..b }).collect(),
            Self::Flooder => (first..=last + 1).map(|h| chain.block(h)).collect(),
        };
        if blocks.is_empty() { Err(Some(Fault::Empty)) } else { Chain::judge(blocks, epoch) }
    }
}

/// Peers, a plan, and an executor that takes some milliseconds for a run.
struct World {
    chain: Chain,
    kinds: Vec<Kind>,
    plan: Plan<u64, Fake>,
    now: u64,
    /// When, and a number that keeps the order; then the ticket and its answer.
    answers: BinaryHeap<std::cmp::Reverse<(u64, u64)>>,
    asks: BTreeMap<u64, Ask<u64>>,
    rechecks: BTreeMap<u64, Stretch<Fake>>,
    executed: u64,
    busy_until: u64,
    faults: Vec<(u64, Fault)>,
    widest: usize,
}

impl World {
    fn new(chain: Chain, kinds: &[Kind], limits: Limits) -> Self {
        Self {
            chain,
            kinds: kinds.to_vec(),
            plan: Plan::new(limits, Height(0), hash(0, 0)),
            now: 0,
            answers: BinaryHeap::new(),
            asks: BTreeMap::new(),
            rechecks: BTreeMap::new(),
            executed: 0,
            busy_until: 0,
            faults: Vec::new(),
            widest: 0,
        }
    }

    fn epoch(&self) -> u64 {
        self.chain.epoch(self.executed + 1)
    }

    fn statuses(&mut self) {
        let linked = (0..self.kinds.len() as u64).collect();
        self.plan.link(&linked, self.now);
        for (id, kind) in (0..).zip(&self.kinds) {
            let last = Height(kind.claim(&self.chain, self.now));
            self.plan.claim(id, Claim { first: Height(1), last }, self.now);
        }
    }

    fn act(&mut self) {
        for (ticket, stretch) in self.plan.take_unjudged(Epoch(self.epoch()), self.now) {
            self.rechecks.insert(ticket, stretch);
            self.answers.push(std::cmp::Reverse((self.now + 1, ticket)));
        }
        if self.now >= self.busy_until
            && let Some(run) = self.plan.next_run(self.now)
        {
            assert!(run.blocks.last().unwrap().certified, "a run ends with a certificate");
            for block in &run.blocks {
                let epoch = self.epoch();
                self.executed += 1;
                assert_eq!(*block, Fake { certified: block.certified, ..self.chain.block(self.executed) });
                assert_eq!(block.epoch, epoch, "no block of an epoch whose validators are not known");
                assert!(run.origin(Height(block.height)).is_some());
            }
            self.busy_until = self.now + 3;
        }
        while let Some(ask) = self.plan.next_ask(self.now) {
            assert!(ask.count <= LIMITS.range_blocks && ask.count > 0);
            let delay = self.kinds[usize::try_from(ask.peer).unwrap()].delay();
            self.answers.push(std::cmp::Reverse((self.now + delay, ask.ticket)));
            self.asks.insert(ask.ticket, ask);
        }
        self.faults.extend(self.plan.take_faults());
        self.widest = self.widest.max(self.plan.window_bytes());
    }

    fn deliver(&mut self) {
        while let Some(std::cmp::Reverse((at, ticket))) = self.answers.peek().copied() {
            if at > self.now {
                break;
            }
            self.answers.pop();
            let epoch = self.epoch();
            let answer = if let Some(stretch) = self.rechecks.remove(&ticket) {
                Chain::judge(stretch.blocks, epoch)
            } else {
                let ask = self.asks.remove(&ticket).unwrap();
                self.kinds[usize::try_from(ask.peer).unwrap()].answer(ask.peer, &self.chain, epoch, &ask)
            };
            self.plan.answered(ticket, answer, self.now);
        }
    }

    /// Until the chain is executed; virtual milliseconds that it took.
    fn run(&mut self, most_ms: u64) -> u64 {
        while self.executed < self.chain.height {
            if self.now.is_multiple_of(1_000) {
                self.statuses();
            }
            self.deliver();
            self.act();
            self.now += 5;
            assert!(
                self.now < most_ms,
                "stuck at {} of {:?} with {:?}: {}",
                self.executed,
                self.chain,
                self.kinds,
                self.picture()
            );
        }
        self.now
    }

    fn picture(&self) -> String {
        let part = |(first, part): (&Height, &Part<u64, Fake>)| match part {
            Part::Wanted(last) => format!("{first}..{last} wanted"),
            Part::Here { from, stretch, .. } => {
                format!("{first}+{} from {from}, {} proven", stretch.blocks.len(), stretch.proven)
            }
        };
        let parts: Vec<String> = self.plan.parts.iter().map(part).collect();
        format!("{parts:#?} {:?} {:?}", self.plan.questions, self.plan.peers)
    }

    fn accused(&self, id: u64) -> BTreeSet<Fault> {
        self.faults.iter().filter(|(peer, fault)| *peer == id && fault.is_lie()).map(|(_, fault)| *fault).collect()
    }
}

fn synced(chain: Chain, kinds: &[Kind]) -> World {
    let mut world = World::new(chain, kinds, LIMITS);
    world.run(600_000);
    world
}

#[test]
fn several_peers_are_asked_at_once_and_the_blocks_come_in_sequence() {
    let mut one = World::new(Chain::of(2_000), &[Kind::Honest], LIMITS);
    let mut three = World::new(Chain::of(2_000), &[Kind::Honest; 3], LIMITS);
    one.statuses();
    one.act();
    three.statuses();
    three.act();
    assert_eq!(one.asks.len(), LIMITS.per_peer);
    assert_eq!(three.asks.len(), LIMITS.questions);
    assert_eq!(three.asks.values().map(|a| a.peer).collect::<BTreeSet<_>>().len(), 3);
    three.run(600_000);
    assert!(three.faults.is_empty());
}

#[test]
fn a_slow_executor_stops_the_asking() {
    let mut world = World::new(Chain::of(5_000), &[Kind::Honest; 3], LIMITS);
    world.busy_until = 10_000;
    while world.now < 10_000 {
        world.statuses();
        world.deliver();
        world.act();
        world.now += 5;
    }
    assert!(world.asks.is_empty(), "the window is full");
    assert!(world.widest <= LIMITS.window_bytes);
    world.run(600_000);
}

#[test]
fn each_liar_is_found_and_only_it() {
    let lies: [(Kind, &[Fault]); 8] = [
        (Kind::Hollow, &[Fault::Empty]),
        (Kind::Forger, &[Fault::Certificate]),
        (Kind::Inventor, &[Fault::NotFollowing]),
        (Kind::Splicer, &[Fault::NotFollowing, Fault::Uncertified]),
        (Kind::Flooder, &[Fault::Oversized]),
        (Kind::Babbler, &[Fault::Malformed]),
        (Kind::Boaster, &[]),
        (Kind::Stripper, &[Fault::Uncertified]),
    ];
    for (kind, faults) in lies {
        let world = synced(Chain::of(3_000), &[Kind::Honest, kind, Kind::Honest]);
        let accused = world.accused(1);
        assert!(accused.is_subset(&faults.iter().copied().collect()), "{kind:?}: {accused:?}");
        let may_go_unnoticed = matches!(kind, Kind::Boaster | Kind::Stripper);
        assert!(may_go_unnoticed || !accused.is_empty(), "{kind:?} was not found");
        assert!(world.accused(0).is_empty() && world.accused(2).is_empty(), "{kind:?}: {:?}", world.faults);
    }
}

#[test]
fn those_who_are_slow_cost_time_but_are_not_called_liars() {
    for kind in [Kind::Mute, Kind::Dawdler, Kind::Miser, Kind::Shrinker] {
        let world = synced(Chain::of(12_000), &[Kind::Honest, kind, kind]);
        assert!(world.accused(1).is_empty(), "{kind:?}");
        assert!(world.faults.iter().any(|(peer, _)| *peer == 1), "{kind:?} was not noticed");
    }
}

#[test]
fn a_single_honest_peer_among_liars_is_enough() {
    for kind in KINDS {
        let kinds = [kind, kind, kind, Kind::Honest, kind, kind];
        let world = synced(Chain::of(1_000), &kinds);
        assert!(world.accused(3).is_empty(), "{kind:?}");
    }
}

#[test]
fn a_run_without_certificates_longer_than_the_window_is_covered_by_a_later_one() {
    let chain = Chain { height: 1_300, certified_every: 1_200, epoch_blocks: u64::MAX };
    const { assert!(1_200 * BYTES > LIMITS.window_bytes && 1_200 * BYTES < LIMITS.held_bytes) };
    let world = synced(chain, &[Kind::Honest; 2]);
    assert!(world.accused(0).is_empty() && world.accused(1).is_empty());
}

#[test]
fn what_nothing_proves_is_dropped_at_the_limit() {
    // The certificate is beyond what may be held: this chain cannot be followed, but memory stays bounded.
    let chain = Chain { height: 3_000, certified_every: 2_999, epoch_blocks: u64::MAX };
    let mut world = World::new(chain, &[Kind::Honest], LIMITS);
    while world.now < 20_000 {
        world.statuses();
        world.deliver();
        world.act();
        world.now += 5;
    }
    assert_eq!(world.executed, 0);
    assert!(world.widest <= LIMITS.held_bytes + LIMITS.answer_bytes);
    assert!(world.faults.contains(&(0, Fault::Unproven)) && world.accused(0).is_empty());
}

#[test]
fn blocks_of_a_later_epoch_wait_until_its_validators_are_known() {
    let chain = Chain { height: 1_000, certified_every: 1, epoch_blocks: 37 };
    let world = synced(chain, &[Kind::Honest, Kind::Honest, Kind::Forger]);
    assert!(world.accused(0).is_empty() && world.accused(1).is_empty());
    assert_eq!(world.accused(2), BTreeSet::from([Fault::Certificate]));
}

#[test]
fn what_consensus_finalizes_meanwhile_is_not_executed_again() {
    let mut world = World::new(Chain::of(500), &[Kind::Honest; 2], LIMITS);
    world.statuses();
    world.act();
    world.executed = 123;
    world.plan.advance(Height(123), hash(0, 123));
    world.run(600_000);
    assert!(world.faults.is_empty());
}

#[test]
fn a_refused_run_is_fetched_again_from_others() {
    let mut world = World::new(Chain::of(500), &[Kind::Honest; 2], LIMITS);
    world.statuses();
    world.act();
    world.now = 50;
    world.deliver();
    let run = world.plan.next_run(50).unwrap();
    let liar = run.origin(Height(1)).unwrap();
    world.plan.retreat(Height(0), hash(0, 0), Some(liar), 50);
    world.now = 55;
    world.run(600_000);
    assert_eq!(world.faults.first(), Some(&(liar, Fault::Refused)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whoever the others are: with one honest peer the chain is executed, in sequence, within bounds, and no peer that
    /// tells the truth is accused of a lie.
    #[test]
    fn any_company_with_one_honest_peer_gets_there(
        kinds in prop::collection::vec(0..KINDS.len(), 1..6),
        honest in 0usize..6,
        height in 1u64..700,
        certified_every in 1u64..60,
        epoch_blocks in prop_oneof![Just(u64::MAX), 20u64..300],
    ) {
        let mut kinds: Vec<Kind> = kinds.into_iter().map(|k| KINDS[k]).collect();
        kinds.insert(honest.min(kinds.len()), Kind::Honest);
        let chain = Chain { height, certified_every, epoch_blocks };
        let mut world = World::new(chain, &kinds, LIMITS);
        world.run(3_000_000);
        let truthful = [Kind::Honest, Kind::Mute, Kind::Dawdler, Kind::Miser];
        for (id, kind) in (0..).zip(&kinds) {
            prop_assert!(!truthful.contains(kind) || world.accused(id).is_empty(), "{kinds:?}: {:?}", world.faults);
        }
        prop_assert!(world.widest <= LIMITS.held_bytes + (LIMITS.questions + LIMITS.per_peer) * LIMITS.answer_bytes);
    }
}
