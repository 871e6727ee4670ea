//! Rows of events and children, and the count of recalls.

use super::batch::height;
use super::names::{BatchId, Quantity, missing};
use super::step::Act;
use crate::decode::{canonical, count, fixed, name};
use crate::{DecodeError, Height, TxId, limits, proto};
use hnchain_crypto::{Digest, Tag};
use prost::Message;
use proto::trace_event::Kind as Wire;
use serde::Serialize;

/// Key of the row that counts recalls.
pub const RECALLS_KEY: &str = "trace/recalls";

/// An event of a batch. Its row never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The batch.
    pub batch: BatchId,
    /// From 1.
    pub number: u32,
    /// [`event_hash`] of the event before; absent in the first.
    pub previous: Option<Digest>,
    /// Organization of the signer.
    pub organization: String,
    /// Height of the block.
    pub height: Height,
    /// Certified time of the block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The transaction.
    pub transaction: TxId,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An act on this batch alone.
    Act(Act),
    /// A split or a transformation took from it.
    Used(Used),
    /// A split or a transformation made it.
    Made(Made),
}

/// A split or a transformation took from a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Used {
    /// How much.
    pub taken: Quantity,
    /// What of it was lost; of a split.
    pub loss: Option<Quantity>,
    /// Number of the first child that it made.
    pub first_child: u32,
    /// How many it made.
    pub children: u32,
}

/// A split or a transformation made a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// How much.
    pub quantity: Quantity,
    /// By a transformation.
    pub transformed: bool,
}

/// What the next event names as its `previous`: SM3 of the encoded row under tag `hnchain/trace-event/1`.
#[must_use]
pub fn event_hash(raw: &[u8]) -> Digest {
    Tag::TraceEvent.hash(&[raw])
}

impl Event {
    /// What it is called.
    #[must_use]
    pub const fn action(&self) -> proto::TraceAction {
        match &self.kind {
            EventKind::Act(act) => act.action(),
            EventKind::Used(Used { loss: None, .. }) | EventKind::Made(Made { transformed: true, .. }) => {
                proto::TraceAction::Transform
            }
            EventKind::Used(_) | EventKind::Made(_) => proto::TraceAction::Split,
        }
    }

    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let kind = match &self.kind {
            EventKind::Act(act) => Wire::Step(proto::TraceStep { batch: None, act: Some(act.to_wire()) }),
            EventKind::Used(u) => Wire::Used(proto::TraceUsed {
                taken: Some(u.taken.to_proto()),
                loss: u.loss.as_ref().map(Quantity::to_proto),
                first_child: u.first_child,
                children: u.children,
                transformed: u.loss.is_none(),
            }),
            EventKind::Made(m) => {
                Wire::Made(proto::TraceMade { quantity: Some(m.quantity.to_proto()), transformed: m.transformed })
            }
        };
        proto::TraceEvent {
            batch: Some(self.batch.to_proto()),
            number: self.number,
            previous: self.previous.map(|d| d.0.to_vec()).unwrap_or_default(),
            organization: self.organization.clone(),
            height: self.height.0,
            time_ms: self.time_ms,
            transaction_id: self.transaction.0.0.to_vec(),
            kind: Some(kind),
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of an event: the first has no predecessor and every later one has.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::TraceEvent = canonical("event", raw, limits::TRACE_EVENT_BYTES)?;
        name("organization", &m.organization)?;
        let number = number("number", m.number)?;
        let previous = if number == 1 && m.previous.is_empty() {
            None
        } else if number == 1 {
            return Err(DecodeError::field("previous", "the first event has none", "首个事件没有前一事件"));
        } else {
            Some(Digest(fixed("previous", &m.previous)?))
        };
        let kind = match m.kind {
            Some(Wire::Step(s)) if s.batch.is_none() => EventKind::Act(Act::from_wire(s.act)?),
            Some(Wire::Step(_)) => {
                return Err(DecodeError::field("step.batch", "it is the event's", "与事件的批次重复"));
            }
            Some(Wire::Used(u)) => EventKind::Used(Used::from_proto(u)?),
            Some(Wire::Made(m)) => EventKind::Made(Made {
                quantity: Quantity::from_proto(m.quantity)?.some()?,
                transformed: m.transformed,
            }),
            None => return Err(missing("kind")),
        };
        Ok(Self {
            batch: BatchId::from_proto(m.batch)?,
            number,
            previous,
            organization: m.organization,
            height: height(m.height)?,
            time_ms: m.time_ms,
            transaction: TxId(Digest(fixed("transaction_id", &m.transaction_id)?)),
            kind,
        })
    }
}

impl Used {
    fn from_proto(m: proto::TraceUsed) -> Result<Self, DecodeError> {
        if m.transformed == m.loss.is_some() {
            return Err(DecodeError::field("loss", "exactly a split has one", "仅分批有损耗一项"));
        }
        count("children", m.children as usize, 1, limits::TRACE_PARTS)?;
        Ok(Self {
            taken: Quantity::from_proto(m.taken)?.some()?,
            loss: m.loss.map(|q| Quantity::from_proto(Some(q))).transpose()?,
            first_child: number("first_child", m.first_child)?,
            children: m.children,
        })
    }
}

/// A child of a batch. Its row never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Child {
    /// The parent.
    pub parent: BatchId,
    /// From 1.
    pub number: u32,
    /// The child.
    pub child: BatchId,
    /// The parent's event that made it.
    pub event: u32,
}

impl Child {
    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::TraceChild {
            parent: Some(self.parent.to_proto()),
            number: self.number,
            child: Some(self.child.to_proto()),
            event: self.event,
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a child.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::TraceChild = canonical("child", raw, limits::TRACE_EVENT_BYTES)?;
        Ok(Self {
            parent: BatchId::from_proto(m.parent)?,
            number: number("number", m.number)?,
            child: BatchId::from_proto(m.child)?,
            event: number("event", m.event)?,
        })
    }
}

/// Reads the row that counts recalls; there is none before the first.
///
/// # Errors
/// Anything that is not its canonical row.
pub fn recalls(raw: Option<&[u8]>) -> Result<u64, DecodeError> {
    let Some(raw) = raw else { return Ok(0) };
    let m: proto::TraceRecalls = canonical("recalls", raw, limits::TRACE_EVENT_BYTES)?;
    if m.count == 0 { Err(missing("count")) } else { Ok(m.count) }
}

/// Encodes the row that counts recalls.
#[must_use]
pub fn recalls_row(count: u64) -> Vec<u8> {
    proto::TraceRecalls { count }.encode_to_vec()
}

fn number(field: &'static str, n: u32) -> Result<u32, DecodeError> {
    count(field, n as usize, 1, limits::TRACE_ROWS as usize)?;
    Ok(n)
}
