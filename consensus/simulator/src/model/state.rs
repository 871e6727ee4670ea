//! States and actions of the model. Machines that an action does not touch are shared with the state before.

use super::{LIAR, N, VIEWS};
use crate::twins::cast::{Cast, Place, START_MS, result_of, validator, wrong_result_of};
use crate::twins::truth::{Truth, Violation};
use crate::twins::world::{Instance, World, digest_of};
use hnchain_consensus::{Input, Message, Proposal, Timer, To};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Height, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Most blocks of the liar in its view.
const LIES: u8 = 2;

/// What the liar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lie {
    /// Skip this view.
    Nullify(View),
    /// This is the view's block.
    Notarize(View, BlockHash),
    /// It is final.
    Finalize(View, BlockHash),
    /// It is final with a result that it does not give.
    Miscompute(View, BlockHash),
    /// A block of its own in its own view, on the newest parent that certificates allow or the oldest.
    Propose {
        /// Which of its blocks.
        which: u8,
    },
}

/// What happens next.
#[derive(Clone, PartialEq)]
pub enum Action {
    /// A message arrives.
    Deliver {
        /// At which honest validator.
        to: usize,
        /// From whom.
        from: ValidatorIndex,
        /// What.
        message: Arc<Message>,
    },
    /// A validator's timer of its view runs out.
    Timeout {
        /// Whose.
        node: usize,
        /// Which.
        slot: usize,
    },
    /// A validator loses power and comes back.
    Restart {
        /// Which.
        node: usize,
    },
    /// The liar says something to one validator.
    Say {
        /// To whom.
        to: usize,
        /// What.
        lie: Lie,
    },
}

impl Action {
    pub(super) const fn is_delivery(&self) -> bool {
        matches!(self, Self::Deliver { .. })
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver { to, from, message } => write!(f, "node {to} hears from {from}: {message:?}"),
            Self::Timeout { node, slot } => write!(f, "node {node}: timer {slot} runs out"),
            Self::Restart { node } => write!(f, "node {node} restarts"),
            Self::Say { to, lie } => write!(f, "the liar says to node {to}: {lie:?}"),
        }
    }
}

/// A machine with its surroundings and a hash of all that they show.
#[derive(Debug)]
struct Node {
    instance: Instance,
    shows: u64,
}

impl Node {
    fn new(instance: Instance) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        let shown = format!("{:?}{:?}{}", instance.machine, instance.alarms, instance.starts);
        shown.hash(&mut hasher);
        Arc::new(Self { instance, shows: hasher.finish() })
    }
}

/// A message that waits: for whom, and its name.
type Waiting = BTreeMap<(usize, u64), (ValidatorIndex, Arc<Message>)>;

/// A state of the whole.
#[derive(Clone)]
pub struct State {
    nodes: Vec<Arc<Node>>,
    waiting: Waiting,
    said: BTreeSet<(usize, Lie)>,
    truth: Arc<Truth>,
    broken: Option<Violation>,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let shown = |s: &Self| s.nodes.iter().map(|n| n.shows).collect::<Vec<_>>();
        shown(self) == shown(other) && self.said == other.said && self.waiting.keys().eq(other.waiting.keys())
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.nodes.iter().for_each(|n| n.shows.hash(hasher));
        self.waiting.keys().for_each(|key| key.hash(hasher));
        self.said.hash(hasher);
        self.broken.is_some().hash(hasher);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let views: Vec<u64> = self.nodes.iter().map(|n| n.instance.machine.view().0).collect();
        write!(f, "views {views:?}, {} messages wait, {} lies, {:?}", self.waiting.len(), self.said.len(), self.broken)
    }
}

impl State {
    pub(super) fn begin(cast: &Arc<Cast>) -> Self {
        let honest: Vec<ValidatorIndex> = (0..N).filter(|i| *i != LIAR).map(validator).collect();
        let quorum = cast.validators().quorum();
        let empty = Truth::new(cast.root().block, quorum, &honest, true);
        let mut state = Self {
            nodes: Vec::new(),
            waiting: BTreeMap::new(),
            said: BTreeSet::new(),
            truth: Arc::new(empty),
            broken: None,
        };
        match World::start(cast, &honest, &[validator(LIAR)], START_MS) {
            Ok(mut world) => {
                let sent: Vec<_> = world.take_sent().into_iter().map(|s| (s.from, s.to, s.message)).collect();
                state.nodes = world.instances.into_iter().map(Node::new).collect();
                state.truth = Arc::new(world.truth);
                for (from, to, message) in sent {
                    state.send(from, to, &message);
                }
            }
            Err(violation) => state.broken = Some(violation),
        }
        state
    }

    /// The invariant that broke, if any.
    #[must_use]
    pub const fn broken(&self) -> Option<&Violation> {
        self.broken.as_ref()
    }

    pub(super) fn keeps(&self, invariant: &str) -> bool {
        self.broken.as_ref().is_none_or(|violation| violation.invariant != invariant)
    }

    pub(super) fn finalized(&self) -> bool {
        self.nodes.iter().any(|n| n.instance.tip.height > Height(0))
    }

    pub(super) fn liar_notarized(&self, cast: &Cast) -> bool {
        let of_liar = self.truth.blocks().filter(|b| cast.leader(b.header.view) == validator(LIAR));
        of_liar.into_iter().any(|b| self.truth.notarized(b.header.view, b.header.hash()))
    }

    pub(super) fn skipped(&self) -> bool {
        self.truth.blocks().any(|b| !b.skips.is_empty() && self.truth.notarized(b.header.view, b.header.hash()))
    }

    pub(super) fn actions(&self, cast: &Cast, actions: &mut Vec<Action>) {
        for ((to, _), (from, message)) in &self.waiting {
            actions.push(Action::Deliver { to: *to, from: *from, message: message.clone() });
        }
        for (node, n) in self.nodes.iter().enumerate() {
            let one = &n.instance;
            for (slot, alarm) in one.alarms.iter().enumerate() {
                let of_view = alarm.is_some_and(|alarm| match alarm.timer {
                    Timer::Leader(at) | Timer::View(at) => at.view == one.machine.view() && at.view.0 <= VIEWS,
                    Timer::Idle(_) | Timer::Resend | Timer::Heartbeat => false,
                });
                if of_view {
                    actions.push(Action::Timeout { node, slot });
                }
            }
            if one.starts == 1 {
                actions.push(Action::Restart { node });
            }
            let lies = self.lies(cast, one.machine.view()).into_iter().filter(|lie| !self.said.contains(&(node, *lie)));
            actions.extend(lies.map(|lie| Action::Say { to: node, lie }));
        }
    }

    /// What the liar may say to one that is in this view: about this view and the one before.
    fn lies(&self, cast: &Cast, view: View) -> Vec<Lie> {
        let views = view.0.saturating_sub(1).max(1)..=view.0.min(VIEWS);
        let mut lies = Vec::new();
        for view in views.map(View) {
            lies.push(Lie::Nullify(view));
            for block in self.truth.blocks().filter(|b| b.header.view == view).map(|b| b.header.hash()) {
                lies.extend([Lie::Notarize(view, block), Lie::Finalize(view, block), Lie::Miscompute(view, block)]);
            }
            if cast.leader(view) == validator(LIAR) {
                lies.extend((0..LIES).map(|which| Lie::Propose { which }));
            }
        }
        lies
    }

    /// What an action leads to.
    pub(super) fn next(&self, cast: &Arc<Cast>, action: &Action) -> Self {
        let mut next = self.clone();
        let done = match action {
            Action::Deliver { to, from, message } => {
                next.waiting.remove(&(*to, digest_of(message)));
                next.deliver(cast, *to, *from, message)
            }
            Action::Timeout { node, slot } => next.touch(cast, *node, |world| world.ring(0, *slot)),
            Action::Restart { node } => next.touch(cast, *node, |world| world.restart(0)),
            Action::Say { to, lie } => {
                next.said.insert((*to, *lie));
                next.lie(cast, *to, *lie)
            }
        };
        if let Err(violation) = done {
            next.broken = Some(violation);
        }
        next
    }

    fn deliver(
        &mut self,
        cast: &Arc<Cast>,
        to: usize,
        from: ValidatorIndex,
        message: &Arc<Message>,
    ) -> Result<(), Violation> {
        let message = Message::clone(message);
        self.touch(cast, to, |world| world.step(0, Input::Message { from: Some(from), message }))
    }

    /// Does something to one machine.
    fn touch(
        &mut self,
        cast: &Arc<Cast>,
        node: usize,
        action: impl FnOnce(&mut World) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let instance = self.nodes[node].instance.clone();
        let mut world = World::of_one(cast, instance, Truth::clone(&self.truth), START_MS);
        action(&mut world)?;
        let sent = world.take_sent();
        if let Some(instance) = world.instances.pop() {
            self.nodes[node] = Node::new(instance);
        }
        self.truth = Arc::new(world.truth);
        for one in sent {
            self.send(node, one.to, &one.message);
        }
        Ok(())
    }

    fn send(&mut self, node: usize, to: To, message: &Arc<Message>) {
        let late = match &**message {
            Message::Proposal(proposal) => proposal.block.header.view.0 > VIEWS,
            Message::Vote(vote) => vote.view.0 > VIEWS,
            _ => false,
        };
        let from = self.nodes[node].instance.who;
        for other in (0..self.nodes.len()).filter(|other| *other != node && !late) {
            if to == To::All || to == To::One(self.nodes[other].instance.who) {
                self.waiting.insert((other, digest_of(message)), (from, message.clone()));
            }
        }
    }

    fn lie(&mut self, cast: &Arc<Cast>, to: usize, lie: Lie) -> Result<(), Violation> {
        let (view, statement) = match lie {
            Lie::Nullify(view) => (view, Statement::Nullify),
            Lie::Notarize(view, block) => (view, Statement::Notarize { block }),
            Lie::Finalize(view, block) => (view, Statement::Finalize { block, result: result_of(&block) }),
            Lie::Miscompute(view, block) => (view, Statement::Finalize { block, result: wrong_result_of(&block) }),
            Lie::Propose { which } => return self.propose(cast, to, which),
        };
        let vote = cast.vote(validator(LIAR), view, statement);
        self.sign(&vote)?;
        self.deliver(cast, to, validator(LIAR), &Arc::new(Message::Vote(vote)))
    }

    fn sign(&mut self, vote: &hnchain_consensus::Vote) -> Result<(), Violation> {
        let mut truth = Truth::clone(&self.truth);
        truth.sign(vote)?;
        self.truth = Arc::new(truth);
        Ok(())
    }

    /// The liar's first block is on the newest parent, the second on the oldest.
    fn propose(&mut self, cast: &Arc<Cast>, to: usize, which: u8) -> Result<(), Violation> {
        let view = View(LIAR as u64);
        let places = self.places(cast, view);
        let Some((place, parent)) = (if which == 0 { places.first() } else { places.last() }) else { return Ok(()) };
        let Some(block) = cast.block(place, vec![u8::MAX, which]) else { return Ok(()) };
        let mut truth = Truth::clone(&self.truth);
        truth.saw(&block);
        self.truth = Arc::new(truth);
        let vote = cast.vote(validator(LIAR), view, Statement::Notarize { block: block.header.hash() });
        self.sign(&vote)?;
        let proposal = Proposal { block, vote, parent: parent.clone() };
        self.deliver(cast, to, validator(LIAR), &Arc::new(Message::Proposal(Box::new(proposal))))
    }

    /// All places that certificates allow for a block of this view, newest parent first.
    fn places(&self, cast: &Cast, view: View) -> Vec<(Place, Option<Certificate>)> {
        let (mut places, mut skips, mut at) = (Vec::new(), Vec::new(), view);
        while let Some(below) = at.previous() {
            at = below;
            let root = cast.root();
            let parents: Vec<_> = if at == root.view {
                vec![(root.block, root.height, root.time_ms, None)]
            } else {
                let of_view = self.truth.blocks().filter(|b| b.header.view == at);
                let certified = of_view.filter_map(|b| {
                    let h = &b.header;
                    let c = cast.certificate(&self.truth, at, Statement::Notarize { block: h.hash() })?;
                    Some((h.hash(), h.height, h.time_ms, Some(c)))
                });
                certified.collect()
            };
            for (parent, height, time_ms, certificate) in parents {
                let skips: Vec<Certificate> = skips.iter().rev().cloned().collect();
                let (height, time_ms) = (height.next(), time_ms + 1);
                places.push((Place { view, height, parent, parent_view: at, time_ms, skips }, certificate));
            }
            match cast.certificate(&self.truth, at, Statement::Nullify) {
                Some(skip) => skips.push(skip),
                None => break,
            }
        }
        places
    }
}
