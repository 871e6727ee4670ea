//! Ancestors, descendants and recalls, without I/O: the caller reads the rows that these ask for.
//!
//! A batch's parents are named when it is made and never change, and only batches that exist can be named: there are no
//! cycles by construction.
//!
//! # Bounds
//! [`Walk`] holds at most `limit` names. [`Descent`] holds one page of children for each generation on the way to where it
//! is, and while it looks at a batch with several parents one [`Walk`]; never all descendants.

use super::{Batch, BatchId, Child, Event, EventKind};
use crate::limits;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Distinct batches on the way up, each once, nearest first.
#[derive(Clone, Debug)]
pub struct Walk {
    seen: BTreeSet<BatchId>,
    queue: VecDeque<BatchId>,
    limit: usize,
}

/// More ancestors than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lineage of more than {0} batches")]
pub struct TooMany(pub usize);

impl Walk {
    /// A walk over at most `limit` distinct batches.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { seen: BTreeSet::new(), queue: VecDeque::new(), limit }
    }

    /// The next batch to look at; its parents are then [added](Self::add). `None` at the end.
    pub fn pop(&mut self) -> Option<BatchId> {
        self.queue.pop_front()
    }

    /// Adds batches that were not seen before.
    ///
    /// # Errors
    /// They would be more than the limit.
    pub fn add<'a>(&mut self, ids: impl IntoIterator<Item = &'a BatchId>) -> Result<(), TooMany> {
        for id in ids {
            if self.seen.contains(id) {
                continue;
            }
            if self.seen.len() == self.limit {
                return Err(TooMany(self.limit));
            }
            self.seen.insert(id.clone());
            self.queue.push_back(id.clone());
        }
        Ok(())
    }

    /// Distinct batches seen.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen.len()
    }
}

/// Whether a batch is recalled, as far as given rows tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecallStatus {
    /// Neither it nor an ancestor is recalled.
    Clear,
    /// This batch is recalled: the asked one, or the nearest ancestor.
    By(BatchId),
    /// The row of this ancestor is needed to tell.
    Needs(BatchId),
}

/// Whether a batch is recalled, from its row, the count of recalls (see [`super::recalls`]) and rows of ancestors. Proven
/// rows of one state give a proven answer: the batch's row and the count are enough where nothing was recalled since the
/// batch was last found clear.
#[must_use]
pub fn recall_of(batch: &Batch, recalls: Option<u64>, ancestors: &BTreeMap<BatchId, Batch>) -> RecallStatus {
    if batch.recalled.is_some() {
        return RecallStatus::By(batch.id.clone());
    }
    if recalls == Some(batch.clear_at) {
        return RecallStatus::Clear;
    }
    let mut walk = Walk::new(usize::MAX);
    let (mut current, mut needs) = (batch, None);
    loop {
        if walk.add(&current.parents).is_err() {
            return RecallStatus::Needs(current.id.clone());
        }
        current = loop {
            let Some(id) = walk.pop() else { return needs.map_or(RecallStatus::Clear, RecallStatus::Needs) };
            match ancestors.get(&id) {
                Some(row) if row.recalled.is_some() => return RecallStatus::By(id),
                Some(row) => break row,
                None => needs = needs.or(Some(id)),
            }
        };
    }
}

/// Whether events account for what is left of a batch: the events are all of them, in order.
#[must_use]
pub fn balances(batch: &Batch, events: &[Event]) -> bool {
    if !batch.covers(events) {
        return false;
    }
    let mut left = None;
    for event in events {
        let taken = match &event.kind {
            EventKind::Made(m) => {
                left = Some(m.quantity.clone());
                continue;
            }
            EventKind::Act(super::Act::Commission(c)) => {
                left = Some(c.quantity.clone());
                continue;
            }
            EventKind::Act(super::Act::Harvest(h)) => {
                left = Some(h.quantity.clone());
                continue;
            }
            EventKind::Used(u) => &u.taken,
            EventKind::Act(super::Act::Sell(s)) => &s.quantity,
            EventKind::Act(super::Act::Destroy(_)) => {
                left = left.map(|q| q.with(0));
                continue;
            }
            EventKind::Act(_) => continue,
        };
        let rest = left.as_ref().and_then(|q| Some(q.with(q.value.checked_sub(taken.in_terms_of(q)?)?)));
        if rest.is_none() {
            return false;
        }
        left = rest;
    }
    left.is_some_and(|q| q.millionths() == batch.rest().millionths() && q.unit == batch.quantity.unit)
}

/// What a [`Descent`] needs, or has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The row of a batch: answer with [`Descent::batch`].
    Batch(BatchId),
    /// Rows of children after a number: answer with [`Descent::children`].
    Children {
        /// The parent.
        of: BatchId,
        /// Number of the last one known.
        after: u32,
        /// How many its row counts.
        count: u32,
    },
    /// A descendant.
    Found(Box<Found>),
    /// All were found.
    Done,
}

/// A descendant, found by the first of its parents that descends from where the search began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Generations from where the search began, from 1.
    pub depth: usize,
    /// The parent by which it was found.
    pub parent: BatchId,
    /// The descendant.
    pub batch: Batch,
}

/// Rows that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Another row than the one that was needed.
    #[error("{0} was not asked for")]
    Unasked(String),
    /// A list of children has a hole or an end before its end.
    #[error("child {number} of {of} is missing")]
    Missing {
        /// The parent.
        of: BatchId,
        /// Its number.
        number: u32,
    },
    /// More ancestors than a batch can have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

/// All descendants of a batch, each once, parents before children, with memory for one page in each generation.
///
/// A batch with several parents is reported by the first of them that descends from the root; the others pass it over, and
/// whether an earlier one does is found by walking up from it.
#[derive(Clone, Debug)]
pub struct Descent {
    root: BatchId,
    levels: Vec<Level>,
    doing: Doing,
}

#[derive(Clone, Debug)]
struct Level {
    of: BatchId,
    count: u32,
    /// Number of the last child that was taken in.
    after: u32,
    page: VecDeque<BatchId>,
}

#[derive(Clone, Debug)]
enum Doing {
    Root,
    Next,
    /// The row of a child is needed.
    Child(BatchId),
    /// Whether an earlier parent descends from the root.
    Check {
        child: Box<Batch>,
        walk: Walk,
        at: BatchId,
    },
    Found(Box<Batch>),
}

impl Descent {
    /// A search below a batch.
    #[must_use]
    pub const fn new(root: BatchId) -> Self {
        Self { root, levels: Vec::new(), doing: Doing::Root }
    }

    /// Names that are held: pages of children, and of a walk what it saw.
    #[must_use]
    pub fn held(&self) -> usize {
        let walked = if let Doing::Check { walk, .. } = &self.doing { walk.seen() } else { 0 };
        walked + self.levels.iter().map(|l| l.page.len()).sum::<usize>()
    }

    /// What comes next.
    pub fn poll(&mut self) -> Need {
        match &self.doing {
            Doing::Root => return Need::Batch(self.root.clone()),
            Doing::Child(id) | Doing::Check { at: id, .. } => return Need::Batch(id.clone()),
            Doing::Found(_) => return self.found(),
            Doing::Next => {}
        }
        while let Some(level) = self.levels.last_mut() {
            if let Some(child) = level.page.pop_front() {
                self.doing = Doing::Child(child.clone());
                return Need::Batch(child);
            }
            if level.after < level.count {
                return Need::Children { of: level.of.clone(), after: level.after, count: level.count };
            }
            self.levels.pop();
        }
        Need::Done
    }

    fn found(&mut self) -> Need {
        let Doing::Found(batch) = std::mem::replace(&mut self.doing, Doing::Next) else { return Need::Done };
        let parent = self.levels.last().map_or_else(|| self.root.clone(), |l| l.of.clone());
        let depth = self.levels.len();
        self.descend(&batch);
        Need::Found(Box::new(Found { depth, parent, batch: *batch }))
    }

    fn descend(&mut self, batch: &Batch) {
        let (of, count) = (batch.id.clone(), batch.children);
        self.levels.push(Level { of, count, after: 0, page: VecDeque::new() });
    }

    /// Children that were needed: at least one, in order.
    ///
    /// # Errors
    /// They are others, or one is left out.
    pub fn children(&mut self, rows: &[Child]) -> Result<(), Broken> {
        let Some(level) = self.levels.last_mut() else { return Err(Broken::Unasked("a list of children".into())) };
        let missing = |number| Broken::Missing { of: level.of.clone(), number };
        if rows.is_empty() {
            return Err(missing(level.after + 1));
        }
        for (row, number) in rows.iter().zip(level.after + 1..) {
            if row.parent != level.of || row.number > level.count {
                return Err(Broken::Unasked(row.parent.child_key(row.number)));
            }
            if row.number != number {
                return Err(missing(number));
            }
            level.page.push_back(row.child.clone());
        }
        level.after += u32::try_from(rows.len()).map_err(|_| missing(u32::MAX))?;
        Ok(())
    }

    /// The row that was needed.
    ///
    /// # Errors
    /// It is another.
    pub fn batch(&mut self, row: Batch) -> Result<(), Broken> {
        match std::mem::replace(&mut self.doing, Doing::Next) {
            Doing::Root if row.id == self.root => self.descend(&row),
            Doing::Child(id) if row.id == id => {
                let of = self.levels.last().map_or(&self.root, |l| &l.of);
                let earlier: Vec<_> = row.parents.iter().take_while(|p| *p != of).cloned().collect();
                if earlier.len() == row.parents.len() {
                    return Err(Broken::Unasked(row.id.key()));
                }
                let mut walk = Walk::new(limits::TRACE_ANCESTORS);
                walk.add(&earlier)?;
                self.check(Box::new(row), walk);
            }
            Doing::Check { child, mut walk, at } if row.id == at => {
                walk.add(&row.parents)?;
                self.check(child, walk);
            }
            _ => return Err(Broken::Unasked(row.id.key())),
        }
        Ok(())
    }

    /// Goes on with a walk up from a child's earlier parents: where it meets the root, the child is another's.
    fn check(&mut self, child: Box<Batch>, mut walk: Walk) {
        if walk.seen.contains(&self.root) {
            return;
        }
        self.doing = match walk.pop() {
            Some(at) => Doing::Check { child, walk, at },
            None => Doing::Found(child),
        };
    }
}
