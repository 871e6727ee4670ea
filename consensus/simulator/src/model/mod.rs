//! T5: a model check of the real machine, by `stateright`.
//!
//! Three honest validators run the engine itself; the fourth, validator [`LIAR`], is not a machine but a small alphabet:
//! to each honest validator it may say, once, nullify, notarize and finalize (with the right or a wrong result) for every
//! block of a view, and in the view that it leads it may put forward two blocks on every parent that certificates allow.
//! The network loses nothing for ever and keeps no order: whatever was said may arrive next, or never. A view's timers may
//! run out at any moment, and each honest validator may lose power once.
//!
//! An action is one delivery, one timer, one restart or one lie. Views end with [`VIEWS`]: what belongs to later ones is
//! lost. All interleavings of so many actions are explored from the beginning and from the ends of seeded walks, which lie
//! deep in the protocol, where a search from the beginning alone does not come. Two states are the same if all that their
//! machines, their networks and the liar's memory show is the same.

mod state;

pub use state::{Action, Lie, State};

use crate::random::Random;
use crate::twins::cast::Cast;
use stateright::{Checker, Model, Property};
use std::sync::Arc;

/// Validators.
pub const N: usize = 4;
/// The one that lies; it leads view 2.
pub const LIAR: usize = 2;
/// Views that are explored.
pub const VIEWS: u64 = 3;

/// What is explored.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Walks from whose ends the search begins, beside the beginning itself.
    pub walks: u64,
    /// Longest walk.
    pub steps: u64,
    /// Actions from each of these states.
    pub depth: usize,
    /// States after which the search stops.
    pub states: usize,
    /// Threads.
    pub threads: usize,
}

/// The transition system.
#[derive(Clone, Debug)]
pub struct Views {
    cast: Arc<Cast>,
    bounds: Bounds,
}

/// The labels that are judged, each a property of its own.
const INVARIANTS: [&str; 8] = ["I1", "I2", "I3", "I4", "I5", "I6", "I8", "I9"];

impl Model for Views {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let begin = State::begin(&self.cast);
        let walks = (0..self.bounds.walks).map(|seed| self.walk(&begin, seed));
        walks.chain([begin.clone()]).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(&self.cast, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let next = state.next(&self.cast, &action);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let holds: [fn(&Self, &State) -> bool; INVARIANTS.len()] = [
            |_, s| s.keeps(INVARIANTS[0]),
            |_, s| s.keeps(INVARIANTS[1]),
            |_, s| s.keeps(INVARIANTS[2]),
            |_, s| s.keeps(INVARIANTS[3]),
            |_, s| s.keeps(INVARIANTS[4]),
            |_, s| s.keeps(INVARIANTS[5]),
            |_, s| s.keeps(INVARIANTS[6]),
            |_, s| s.keeps(INVARIANTS[7]),
        ];
        let always = INVARIANTS.iter().zip(holds).map(|(name, holds)| Property::always(name, holds));
        // Without these the search would prove nothing.
        let reached = [
            Property::sometimes("a block is final", |_, s: &State| s.finalized()),
            Property::sometimes("the liar's block is notarized", |m: &Self, s: &State| s.liar_notarized(&m.cast)),
            Property::sometimes("a view is skipped", |_, s: &State| s.skipped()),
        ];
        always.chain(reached).collect()
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.broken().is_none()
    }
}

impl Views {
    /// A model with bounds.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { cast: Cast::of(N), bounds }
    }

    /// Where a seed leads: mostly deliveries, now and then a timer or a lie.
    fn walk(&self, begin: &State, seed: u64) -> State {
        let mut random = Random(seed);
        let mut state = begin.clone();
        for _ in 0..random.below(self.bounds.steps) {
            let mut actions = Vec::new();
            state.actions(&self.cast, &mut actions);
            let (usual, rare): (Vec<_>, Vec<_>) = actions.into_iter().partition(Action::is_delivery);
            let from = if usual.is_empty() || random.chance(15) { &rare } else { &usual };
            let Some(action) = random.pick(from) else { break };
            state = state.next(&self.cast, action);
            if state.broken().is_some() {
                break; // the search begins with what it has found
            }
        }
        state
    }

    /// Explores. Gives the report, and whether all invariants held.
    #[must_use]
    pub fn check(self) -> Checked {
        let bounds = self.bounds.clone();
        let checker = self.checker().threads(bounds.threads.max(1)).target_max_depth(bounds.depth);
        let checker = checker.target_state_count(bounds.states).spawn_dfs().join();
        let discoveries = checker.discoveries();
        let broken = discoveries.iter().filter(|(name, _)| INVARIANTS.contains(name)).map(|(name, path)| {
            let (state, actions) = (path.last_state().clone(), path.clone().into_actions());
            let what = state.broken().map_or_else(|| (*name).to_owned(), ToString::to_string);
            format!("{what}\n{}", actions.iter().map(|a| format!("  {a:?}\n")).collect::<String>())
        });
        let broken: Vec<String> = broken.collect();
        let reached = discoveries.keys().filter(|name| !INVARIANTS.contains(name)).map(|n| (*n).to_owned()).collect();
        Checked { states: checker.unique_state_count(), generated: checker.state_count(), broken, reached }
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Distinct states.
    pub states: usize,
    /// States generated, with repetitions.
    pub generated: usize,
    /// Invariants that broke, with the actions that lead there from one of the initial states.
    pub broken: Vec<String>,
    /// Which of the three situations that must occur did.
    pub reached: Vec<String>,
}
