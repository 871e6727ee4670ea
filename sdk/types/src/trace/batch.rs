//! The row of a batch.

use super::event::{Event, event_hash};
use super::names::{BatchId, Place, Quantity, missing};
use super::step::{label, reason};
use crate::decode::{canonical, count, fixed, name};
use crate::{DecodeError, Height, TxId, limits, proto};
use hnchain_crypto::Digest;
use prost::Message;
use serde::Serialize;
use std::fmt;

/// A batch as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Its name.
    pub id: BatchId,
    /// Product code.
    pub product: String,
    /// What there was when it was made or harvested.
    pub quantity: Quantity,
    /// What is left of it, in the same unit and scale.
    pub remaining: u64,
    /// Where it is, or was last received.
    pub place: Place,
    /// Organization that made it.
    pub maker: String,
    /// Organization that has it; the shipper's until it is received.
    pub custodian: String,
    /// Organization that it is on its way to; exactly while [`State::Shipped`].
    pub to: Option<String>,
    /// Organization that shipped it to the custodian; none where it was made, or came back to.
    pub from: Option<String>,
    /// What may happen to it.
    pub state: State,
    /// Number of its events, at least 1.
    pub events: u32,
    /// Number of its children.
    pub children: u32,
    /// What it was made of, at most 32.
    pub parents: Vec<BatchId>,
    /// Distinct ancestors, at most [`limits::TRACE_ANCESTORS`].
    pub ancestors: u32,
    /// The newest inspection.
    pub inspection: Option<Inspection>,
    /// Block time before which it may not be harvested (安全间隔期), milliseconds; 0 for none.
    pub safe_from_ms: u64,
    /// Digest of the 承诺达标合格证.
    pub certificate: Option<Digest>,
    /// Label of the container that it is in.
    pub container: Option<String>,
    /// Its own recall; it is recalled too when an ancestor is.
    pub recalled: Option<Recalled>,
    /// Number of recalls on the chain when it and all of its ancestors were last found without one.
    pub clear_at: u64,
    /// Hash of the newest event's row: see [`super::event_hash`].
    pub head: Digest,
    /// Organization that wrote this row.
    pub organization: String,
    /// Height of the block that wrote this row.
    pub height: Height,
    /// Certified time of that block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Transaction that wrote this row.
    pub transaction: TxId,
}

/// What may happen to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In the field: inputs, inspection and harvest.
    Growing,
    /// With its custodian.
    Active,
    /// On its way.
    Shipped,
    /// All sold.
    Sold,
    /// All became other batches.
    Exhausted,
    /// Destroyed.
    Destroyed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Growing, Self::Active, Self::Shipped, Self::Sold, Self::Exhausted, Self::Destroyed];

    /// The value of the proto files.
    #[must_use]
    pub const fn to_proto(self) -> proto::TraceState {
        match self {
            Self::Growing => proto::TraceState::Growing,
            Self::Active => proto::TraceState::Active,
            Self::Shipped => proto::TraceState::Shipped,
            Self::Sold => proto::TraceState::Sold,
            Self::Exhausted => proto::TraceState::Exhausted,
            Self::Destroyed => proto::TraceState::Destroyed,
        }
    }

    /// Reads the enum of the proto files.
    ///
    /// # Errors
    /// An unknown or unspecified value.
    pub fn read(value: i32) -> Result<Self, DecodeError> {
        let found = Self::ALL.into_iter().find(|s| i32::from(s.to_proto()) == value);
        found.ok_or_else(|| DecodeError::field("state", "unknown value", "未知的状态"))
    }

    /// In Chinese; the English word is its `Display`.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::Growing => "生长中",
            Self::Active => "在库",
            Self::Shipped => "在途",
            Self::Sold => "已售完",
            Self::Exhausted => "已用完",
            Self::Destroyed => "已销毁",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Growing => "growing",
            Self::Active => "active",
            Self::Shipped => "shipped",
            Self::Sold => "sold",
            Self::Exhausted => "exhausted",
            Self::Destroyed => "destroyed",
        })
    }
}

/// A verdict of an inspection agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Whether it passed.
    pub passed: bool,
    /// The agency.
    pub organization: String,
    /// Digest of the report.
    pub report: Digest,
    /// Block time, milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// A recall of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// Who recalled it.
    pub organization: String,
    /// Why.
    pub reason: String,
    /// Height of the block.
    pub height: Height,
    /// Block time, milliseconds since the Unix epoch.
    pub time_ms: u64,
}

impl Batch {
    /// What is left.
    #[must_use]
    pub fn rest(&self) -> Quantity {
        self.quantity.with(self.remaining)
    }

    /// Whether the newest inspection failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.inspection.as_ref().is_some_and(|i| !i.passed)
    }

    /// Whether these are all of its events: numbered from 1 without a hole, each naming the hash of the one before, and
    /// the row the hash of the last. The row's proof then covers them.
    #[must_use]
    pub fn covers(&self, events: &[Event]) -> bool {
        let mut last = None;
        for (event, number) in events.iter().zip(1u32..) {
            if event.batch != self.id || event.number != number || event.previous != last {
                return false;
            }
            last = Some(event_hash(&event.encode()));
        }
        last == Some(self.head) && u32::try_from(events.len()) == Ok(self.events)
    }

    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let inspection = |i: &Inspection| proto::TraceInspection {
            passed: i.passed,
            organization: i.organization.clone(),
            report: i.report.0.to_vec(),
            time_ms: i.time_ms,
        };
        let recalled = |r: &Recalled| proto::TraceRecalled {
            organization: r.organization.clone(),
            reason: r.reason.clone(),
            height: r.height.0,
            time_ms: r.time_ms,
        };
        proto::TraceBatch {
            id: Some(self.id.to_proto()),
            product: self.product.clone(),
            quantity: Some(self.quantity.to_proto()),
            remaining: self.remaining,
            place: Some(self.place.to_proto()),
            maker: self.maker.clone(),
            custodian: self.custodian.clone(),
            to: self.to.clone().unwrap_or_default(),
            from: self.from.clone().unwrap_or_default(),
            state: self.state.to_proto().into(),
            events: self.events,
            children: self.children,
            parents: self.parents.iter().map(BatchId::to_proto).collect(),
            ancestors: self.ancestors,
            inspection: self.inspection.as_ref().map(inspection),
            safe_from_ms: self.safe_from_ms,
            certificate: self.certificate.map(|d| d.0.to_vec()).unwrap_or_default(),
            container: self.container.clone().unwrap_or_default(),
            recalled: self.recalled.as_ref().map(recalled),
            clear_at: self.clear_at,
            head: self.head.0.to_vec(),
            organization: self.organization.clone(),
            height: self.height.0,
            time_ms: self.time_ms,
            transaction_id: self.transaction.0.0.to_vec(),
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a batch.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::TraceBatch = canonical("batch", raw, limits::TRACE_BATCH_BYTES)?;
        let (state, quantity) = (State::read(m.state)?, Quantity::from_proto(m.quantity)?.some()?);
        for organization in [&m.maker, &m.custodian, &m.organization] {
            name("organization", organization)?;
        }
        if (state == State::Shipped) == m.to.is_empty() || m.remaining > quantity.value {
            return Err(DecodeError::field("state", "does not fit the other fields", "与其他字段不符"));
        }
        counts(&m.parents, m.ancestors, m.events, m.children)?;
        let parents = m.parents.into_iter().map(|p| BatchId::from_proto(Some(p))).collect::<Result<_, _>>()?;
        let certificate = (!m.certificate.is_empty()).then(|| fixed("certificate", &m.certificate)).transpose()?;
        Ok(Self {
            id: BatchId::from_proto(m.id)?,
            product: label("product", m.product)?,
            quantity,
            remaining: m.remaining,
            place: Place::from_proto(m.place.as_ref())?,
            maker: m.maker,
            custodian: m.custodian,
            to: optional("to", m.to)?,
            from: optional("from", m.from)?,
            state,
            events: m.events,
            children: m.children,
            parents,
            ancestors: m.ancestors,
            inspection: m.inspection.map(Inspection::from_proto).transpose()?,
            safe_from_ms: m.safe_from_ms,
            certificate: certificate.map(Digest),
            container: if m.container.is_empty() { None } else { Some(label("container", m.container)?) },
            recalled: m.recalled.map(Recalled::from_proto).transpose()?,
            clear_at: m.clear_at,
            head: Digest(fixed("head", &m.head)?),
            organization: m.organization,
            height: height(m.height)?,
            time_ms: m.time_ms,
            transaction: TxId(Digest(fixed("transaction_id", &m.transaction_id)?)),
        })
    }
}

/// Numbers that depend on each other.
fn counts(parents: &[proto::TraceBatchId], ancestors: u32, events: u32, children: u32) -> Result<(), DecodeError> {
    let rows = limits::TRACE_ROWS as usize;
    count("parents", parents.len(), 0, limits::TRACE_PARTS)?;
    count("ancestors", ancestors as usize, parents.len(), limits::TRACE_ANCESTORS)?;
    count("events", events as usize, 1, rows)?;
    count("children", children as usize, 0, rows)?;
    if parents.is_empty() && ancestors != 0 {
        return Err(DecodeError::field("ancestors", "none without parents", "没有上级批次时须为 0"));
    }
    Ok(())
}

impl Inspection {
    fn from_proto(m: proto::TraceInspection) -> Result<Self, DecodeError> {
        name("inspection.organization", &m.organization)?;
        let report = Digest(fixed("inspection.report", &m.report)?);
        Ok(Self { passed: m.passed, organization: m.organization, report, time_ms: m.time_ms })
    }
}

impl Recalled {
    fn from_proto(m: proto::TraceRecalled) -> Result<Self, DecodeError> {
        name("recalled.organization", &m.organization)?;
        let (reason, height) = (reason(m.reason)?, height(m.height)?);
        Ok(Self { organization: m.organization, reason, height, time_ms: m.time_ms })
    }
}

fn optional(field: &'static str, s: String) -> Result<Option<String>, DecodeError> {
    if s.is_empty() {
        return Ok(None);
    }
    name(field, &s)?;
    Ok(Some(s))
}

pub(super) fn height(value: u64) -> Result<Height, DecodeError> {
    if value == 0 { Err(missing("height")) } else { Ok(Height(value)) }
}
