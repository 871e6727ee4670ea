//! What a verifier reads from the rows of a unit at a time: who holds which right under which burdens.

use super::{Burden, BurdenKind, NOTICE_MS, OBJECTION_MS, Terms, Unit, UnitStatus};
use serde::Serialize;

/// What a burden is at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BurdenState {
    /// In force.
    Effective {
        /// Until when, where its end is known, milliseconds since the Unix epoch; that moment is not in it.
        until_ms: Option<u64>,
    },
    /// A seal behind another one (轮候查封).
    Waiting {
        /// Seals before it.
        before: usize,
    },
    /// Ended by time.
    Lapsed {
        /// When.
        at_ms: u64,
    },
    /// Ended by a registration.
    Released {
        /// When.
        at_ms: u64,
        /// Which entry.
        by: u32,
    },
}

impl BurdenState {
    /// Whether it is in force, or waits to be.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Effective { .. } | Self::Waiting { .. })
    }
}

impl Burden {
    /// When it ends by time alone, as far as its own row tells; a waiting seal depends on those before it.
    #[must_use]
    pub fn lapses_ms(&self) -> Option<u64> {
        match self.terms {
            Terms::Mortgage { .. } => None,
            Terms::Seal { term_ms, effective_from_ms } => effective_from_ms.map(|from| from.saturating_add(term_ms)),
            Terms::Notice { possible_from_ms } => possible_from_ms.map(|from| from.saturating_add(NOTICE_MS)),
            Terms::Objection { suit_filed_ms } => {
                suit_filed_ms.is_none().then(|| self.time_ms.saturating_add(OBJECTION_MS))
            }
            Terms::Interest { until_ms, .. } => until_ms,
        }
    }

    /// What it is at a time. Of a seal only as far as its own row tells: see [`seal_queue`].
    #[must_use]
    pub fn state_at(&self, time_ms: u64) -> BurdenState {
        if let Some((at_ms, by)) = self.released {
            return BurdenState::Released { at_ms, by };
        }
        match self.lapses_ms() {
            Some(at_ms) if at_ms <= time_ms => BurdenState::Lapsed { at_ms },
            until_ms => BurdenState::Effective { until_ms },
        }
    }
}

/// What the seals of a unit that were not lifted are at a time, in the order of the queue: each takes effect when the one
/// before it has expired, and its term runs from then. The first one's row says when it took effect.
#[must_use]
pub fn seal_queue<'a>(seals: impl IntoIterator<Item = &'a Burden>, time_ms: u64) -> Vec<(u32, BurdenState)> {
    // When the next one in the queue takes effect; `None` once one is found to be in force.
    let mut free_from = Some(0u64);
    let mut before = 0;
    let mut queue = Vec::new();
    for seal in seals {
        let Terms::Seal { term_ms, effective_from_ms } = seal.terms else { continue };
        let state = match free_from {
            None => BurdenState::Waiting { before },
            Some(free) => {
                let from = effective_from_ms.unwrap_or(free.max(seal.time_ms));
                let until = from.saturating_add(term_ms);
                free_from = (until <= time_ms).then_some(until);
                match free_from {
                    Some(at_ms) => BurdenState::Lapsed { at_ms },
                    None => BurdenState::Effective { until_ms: Some(until) },
                }
            }
        };
        before += usize::from(state.is_open());
        queue.push((seal.number, state));
    }
    queue
}

/// A unit at a time, with everything that lies on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitView {
    /// As of when, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The unit; nobody holds it where its status is cancelled.
    pub unit: Unit,
    /// Burdens in force and waiting seals, by kind and number: of mortgages the first is the first in rank.
    pub burdens: Vec<ViewedBurden>,
}

/// A burden and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewedBurden {
    /// The row.
    #[serde(flatten)]
    pub burden: Burden,
    /// Its state.
    pub now: BurdenState,
}

impl UnitView {
    /// Puts a unit's row and the rows of its open burdens together, as of a time at or after the last entry.
    ///
    /// # Errors
    /// Rows of another unit, or not exactly those that the unit's row names as open: then something would be hidden.
    pub fn at(unit: Unit, burdens: Vec<Burden>, time_ms: u64) -> Result<Self, String> {
        let mut burdens = burdens;
        burdens.sort_by_key(|b| (b.kind(), b.number));
        let named = BurdenKind::ALL.iter().flat_map(|kind| unit.open(*kind).iter().map(move |n| (*kind, *n)));
        if !named.eq(burdens.iter().map(|b| (b.kind(), b.number))) {
            return Err("the burdens are not those that the unit names".to_owned());
        }
        if let Some(other) = burdens.iter().find(|b| b.unit != unit.code || b.released.is_some()) {
            return Err(format!("row {} is of another unit or released", other.key()));
        }
        let queue = seal_queue(burdens.iter().filter(|b| b.kind() == BurdenKind::Seal), time_ms);
        let viewed = burdens.into_iter().map(|burden| {
            let queued = queue.iter().find(|(n, _)| burden.kind() == BurdenKind::Seal && *n == burden.number);
            let now = queued.map_or_else(|| burden.state_at(time_ms), |(_, state)| *state);
            ViewedBurden { burden, now }
        });
        let burdens = viewed.filter(|b| b.now.is_open()).collect();
        Ok(Self { time_ms, unit, burdens })
    }

    /// Whether the unit's right exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.unit.status == UnitStatus::Registered
    }

    /// The seal in force, if any.
    #[must_use]
    pub fn sealed(&self) -> Option<&ViewedBurden> {
        self.of(BurdenKind::Seal).find(|b| matches!(b.now, BurdenState::Effective { .. }))
    }

    /// Burdens of a kind.
    pub fn of(&self, kind: BurdenKind) -> impl Iterator<Item = &ViewedBurden> {
        self.burdens.iter().filter(move |b| b.burden.kind() == kind)
    }
}
