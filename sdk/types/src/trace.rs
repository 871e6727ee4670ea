//! 农产品溯源 (GS1 EPCIS 2.0, NY/T 1761, GB/T 29373): operations, rows and events, checked.
//!
//! | row | key | type |
//! |---|---|---|
//! | a batch as it stands | `trace/batch/<producer>/<code>` | [`Batch`] |
//! | an event, for ever | `trace/event/<producer>/<code>/<n>` | [`Event`] |
//! | a child, for ever | `trace/child/<producer>/<code>/<n>` | [`Child`] |
//! | how many recalls there were | `trace/recalls` | [`recalls`] |
//!
//! `<n>` counts from 1 with eight digits, and the batch's row holds how many there are: who has a proof of that row knows
//! when a list is complete. It also holds the hash of the newest event, and each event that of the one before, so that a
//! proof of the row covers all events. [`lineage`] finds ancestors, descendants and recalls.

use crate::decode::count;
use crate::{DecodeError, limits, proto};
use proto::trace_operation::Kind as Wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod batch;
mod event;
pub mod lineage;
mod names;
mod step;

pub use batch::{Batch, Inspection, Recalled, State};
pub use event::{Child, Event, EventKind, Made, RECALLS_KEY, Used, event_hash, recalls, recalls_row};
pub use names::{BatchId, Place, Quantity};
pub use step::{
    Act, Aggregate, Certify, Commission, Destroy, Disaggregate, Harvest, Input, InputKind, Inspect, Recall, Receive,
    Return, Sell, Ship, Step,
};

/// An operation of this registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Something happens to one batch.
    Step(Step),
    /// One batch becomes several of the same goods.
    Split(Split),
    /// Batches become other batches; with one output of the same product they merge.
    Transform(Transform),
}

/// One batch becomes several of the same goods: `taken` is the sum of the parts and the loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Which.
    pub batch: BatchId,
    /// What is taken from it.
    pub taken: Quantity,
    /// What of that is lost.
    pub loss: Quantity,
    /// 1 to 32 new batches.
    pub parts: Vec<Part>,
}

/// A batch and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which.
    pub batch: BatchId,
    /// How much.
    pub quantity: Quantity,
}

/// Batches become other batches: the outputs are at most inputs × conversion × yield.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// 1 to 32 batches, in one unit.
    pub inputs: Vec<Part>,
    /// 1 to 32 new batches, in one unit; inputs × outputs are at most [`limits::TRACE_EDGES`].
    pub outputs: Vec<Output>,
    /// Where it happens, and where the outputs are.
    pub place: Place,
    /// 1 to 1000.
    pub yield_permille: u32,
    /// Exactly where the units of inputs and outputs differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
}

/// A new batch of a transformation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its name.
    pub batch: BatchId,
    /// Its product code.
    pub product: String,
    /// How much.
    pub quantity: Quantity,
}

/// One unit of input is `numerator / denominator` units of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// 1 to 1 000 000.
    pub numerator: u32,
    /// 1 to 1 000 000.
    pub denominator: u32,
}

impl From<Step> for Operation {
    fn from(step: Step) -> Self {
        Self::Step(step)
    }
}

impl From<Split> for Operation {
    fn from(split: Split) -> Self {
        Self::Split(split)
    }
}

impl From<Transform> for Operation {
    fn from(transform: Transform) -> Self {
        Self::Transform(transform)
    }
}

impl Operation {
    /// One line for people, in Chinese or in English.
    #[must_use]
    pub fn summary(&self, chinese: bool) -> String {
        let (zh, en) = action_names(self.action());
        let verb = if chinese { zh } else { en };
        match self {
            Self::Step(s) => format!("{verb} {}", s.batch),
            Self::Split(s) => format!("{verb} {} → {}", s.batch, s.parts.len()),
            Self::Transform(t) => format!("{verb} {} → {}", t.inputs.len(), t.outputs.len()),
        }
    }

    /// What it does.
    #[must_use]
    pub const fn action(&self) -> proto::TraceAction {
        match self {
            Self::Step(s) => s.act.action(),
            Self::Split(_) => proto::TraceAction::Split,
            Self::Transform(_) => proto::TraceAction::Transform,
        }
    }

    /// The message, to be put into a body.
    #[must_use]
    pub fn to_proto(&self) -> proto::TraceOperation {
        let kind = match self {
            Self::Step(s) => Wire::Step(s.to_proto()),
            Self::Split(s) => Wire::Split(s.to_proto()),
            Self::Transform(t) => Wire::Transform(t.to_proto()),
        };
        proto::TraceOperation { kind: Some(kind) }
    }

    pub(crate) fn from_proto(m: proto::TraceOperation) -> Result<Self, DecodeError> {
        match m.kind {
            Some(Wire::Step(s)) => Step::from_proto(s).map(Self::Step),
            Some(Wire::Split(s)) => Split::from_proto(s).map(Self::Split),
            Some(Wire::Transform(t)) => Transform::from_proto(t).map(Self::Transform),
            None => Err(DecodeError::field("trace", "unknown or missing kind", "未知或缺失的操作类别")),
        }
    }
}

impl Split {
    fn to_proto(&self) -> proto::TraceSplit {
        proto::TraceSplit {
            batch: Some(self.batch.to_proto()),
            taken: Some(self.taken.to_proto()),
            loss: Some(self.loss.to_proto()),
            parts: self.parts.iter().map(Part::to_proto).collect(),
        }
    }

    fn from_proto(m: proto::TraceSplit) -> Result<Self, DecodeError> {
        count("parts", m.parts.len(), 1, limits::TRACE_PARTS)?;
        let parts: Vec<_> = m.parts.into_iter().map(Part::from_proto).collect::<Result<_, _>>()?;
        once("parts", parts.iter().map(|p| &p.batch))?;
        Ok(Self {
            batch: BatchId::from_proto(m.batch)?,
            taken: Quantity::from_proto(m.taken)?.some()?,
            loss: Quantity::from_proto(m.loss)?,
            parts,
        })
    }
}

impl Part {
    fn to_proto(&self) -> proto::TracePart {
        proto::TracePart { batch: Some(self.batch.to_proto()), quantity: Some(self.quantity.to_proto()) }
    }

    fn from_proto(m: proto::TracePart) -> Result<Self, DecodeError> {
        Ok(Self { batch: BatchId::from_proto(m.batch)?, quantity: Quantity::from_proto(m.quantity)?.some()? })
    }
}

impl Transform {
    fn to_proto(&self) -> proto::TraceTransform {
        let output = |o: &Output| proto::TraceOutput {
            batch: Some(o.batch.to_proto()),
            product: o.product.clone(),
            quantity: Some(o.quantity.to_proto()),
        };
        let conversion = |c: Conversion| proto::TraceConversion { numerator: c.numerator, denominator: c.denominator };
        proto::TraceTransform {
            inputs: self.inputs.iter().map(Part::to_proto).collect(),
            outputs: self.outputs.iter().map(output).collect(),
            place: Some(self.place.to_proto()),
            yield_permille: self.yield_permille,
            conversion: self.conversion.map(conversion),
        }
    }

    fn from_proto(m: proto::TraceTransform) -> Result<Self, DecodeError> {
        count("inputs", m.inputs.len(), 1, limits::TRACE_PARTS)?;
        count("outputs", m.outputs.len(), 1, limits::TRACE_PARTS)?;
        count("inputs x outputs", m.inputs.len() * m.outputs.len(), 1, limits::TRACE_EDGES)?;
        let inputs: Vec<_> = m.inputs.into_iter().map(Part::from_proto).collect::<Result<_, _>>()?;
        once("inputs", inputs.iter().map(|p| &p.batch))?;
        let outputs: Vec<_> = m.outputs.into_iter().map(Output::from_proto).collect::<Result<_, _>>()?;
        once("outputs", outputs.iter().map(|o| &o.batch))?;
        let unit = &inputs[0].quantity.unit;
        let made = &outputs[0].quantity.unit;
        if inputs.iter().any(|p| p.quantity.unit != *unit) || outputs.iter().any(|o| o.quantity.unit != *made) {
            return Err(DecodeError::field("unit", "inputs share a unit, outputs too", "各投入须同一单位，各产出亦然"));
        }
        if m.conversion.is_some() != (unit != made) {
            let zh = "投入与产出单位不同时，且仅在此时，须有换算";
            return Err(DecodeError::field("conversion", "exactly where the units differ", zh));
        }
        if !(1..=1000).contains(&m.yield_permille) {
            return Err(DecodeError::field("yield_permille", "1 to 1000", "须为 1 至 1000"));
        }
        let conversion = m.conversion.map(Conversion::from_proto).transpose()?;
        let place = Place::from_proto(m.place.as_ref())?;
        Ok(Self { inputs, outputs, place, yield_permille: m.yield_permille, conversion })
    }

    /// Whether the outputs are within what conversion and yield give of the inputs.
    #[must_use]
    pub fn balances(&self) -> bool {
        let sum = |all: &mut dyn Iterator<Item = &Quantity>| all.map(Quantity::millionths).sum::<u128>();
        let inputs = sum(&mut self.inputs.iter().map(|p| &p.quantity));
        let outputs = sum(&mut self.outputs.iter().map(|o| &o.quantity));
        let c = self.conversion.unwrap_or(Conversion { numerator: 1, denominator: 1 });
        // 32 × 2^64 × 10^6 × 10^6 × 10^3 is below 2^119.
        outputs * u128::from(c.denominator) * 1000 <= inputs * u128::from(c.numerator) * u128::from(self.yield_permille)
    }
}

impl Output {
    fn from_proto(m: proto::TraceOutput) -> Result<Self, DecodeError> {
        Ok(Self {
            batch: BatchId::from_proto(m.batch)?,
            product: step::label("product", m.product)?,
            quantity: Quantity::from_proto(m.quantity)?.some()?,
        })
    }
}

impl Conversion {
    fn from_proto(m: proto::TraceConversion) -> Result<Self, DecodeError> {
        if !(1..=1_000_000).contains(&m.numerator) || !(1..=1_000_000).contains(&m.denominator) {
            return Err(DecodeError::field("conversion", "1 to 1000000 each", "分子、分母须各为 1 至 1000000"));
        }
        Ok(Self { numerator: m.numerator, denominator: m.denominator })
    }
}

fn once<'a>(field: &'static str, ids: impl Iterator<Item = &'a BatchId>) -> Result<(), DecodeError> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(DecodeError::field(field, "a batch is named twice", "批次重复"));
        }
    }
    Ok(())
}

/// Chinese and English name of an action.
#[must_use]
pub const fn action_names(action: proto::TraceAction) -> (&'static str, &'static str) {
    use proto::TraceAction as A;
    match action {
        A::Unspecified => ("未知", "unknown"),
        A::Commission => ("建批", "commission"),
        A::Input => ("投入品", "input"),
        A::Harvest => ("采收", "harvest"),
        A::Inspect => ("检验", "inspect"),
        A::Certify => ("开具合格证", "certify"),
        A::Aggregate => ("装箱", "aggregate"),
        A::Disaggregate => ("拆箱", "disaggregate"),
        A::Ship => ("发货", "ship"),
        A::Receive => ("收货", "receive"),
        A::Sell => ("销售", "sell"),
        A::Recall => ("召回", "recall"),
        A::Return => ("退回", "return"),
        A::Destroy => ("销毁", "destroy"),
        A::Split => ("分批", "split"),
        A::Transform => ("加工", "transform"),
    }
}

/// An event as JSON, for programs.
#[must_use]
pub fn event_json(m: &proto::TraceChanged) -> serde_json::Value {
    let id = m.batch.as_ref().map(|b| format!("{}/{}", b.producer, b.code));
    let state = State::read(m.state).ok();
    serde_json::json!({ "batch": id, "event": m.event, "state": state, "action": action_names(m.action()).1 })
}

/// Checks an event.
pub(crate) fn check_event(m: &proto::TraceChanged) -> Result<(), DecodeError> {
    BatchId::from_proto(m.batch.clone())?;
    State::read(m.state)?;
    if m.event == 0 || m.event > limits::TRACE_ROWS {
        return Err(DecodeError::field("event", "events count from 1", "事件从 1 开始编号"));
    }
    match proto::TraceAction::try_from(m.action) {
        Ok(action) if action != proto::TraceAction::Unspecified => Ok(()),
        _ => Err(DecodeError::field("action", "unknown value", "未知的操作类别")),
    }
}
