//! What happens to one batch.

use super::names::{BatchId, Place, Quantity, missing};
use crate::decode::{fixed, name, text};
use crate::{DecodeError, limits, proto};
use hnchain_crypto::Digest;
use proto::trace_step::Act as Wire;
use serde::{Deserialize, Serialize};

/// Something happens to one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The batch.
    pub batch: BatchId,
    /// What happens.
    pub act: Act,
}

/// What happens (the business steps of EPCIS 2.0, and the acts of NY/T 1761).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A new batch without ancestors.
    Commission(Commission),
    /// 投入品.
    Input(Input),
    /// 采收.
    Harvest(Harvest),
    /// 检验检测.
    Inspect(Inspect),
    /// 承诺达标合格证.
    Certify(Certify),
    /// Into a container.
    Aggregate(Aggregate),
    /// Out of its container.
    Disaggregate(Disaggregate),
    /// On its way to another organization.
    Ship(Ship),
    /// Arrived.
    Receive(Receive),
    /// To consumers.
    Sell(Sell),
    /// 召回.
    Recall(Recall),
    /// 退回.
    Return(Return),
    /// 销毁.
    Destroy(Destroy),
}

/// A new batch without ancestors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commission {
    /// Product code, 1 to 64 bytes.
    pub product: String,
    /// What there is; an estimate while it grows.
    pub quantity: Quantity,
    /// Where.
    pub place: Place,
    /// Still in the field: it has to be harvested before it moves.
    #[serde(default)]
    pub growing: bool,
}

/// What is used on a growing batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// 农药.
    Pesticide,
    /// 肥料.
    Fertilizer,
}

/// 投入品, used on a growing batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Which kind.
    pub kind: InputKind,
    /// Registration number or name, 1 to 64 bytes.
    pub product: String,
    /// 安全间隔期 in days from the block's time, at most [`limits::TRACE_SAFETY_DAYS`].
    #[serde(default)]
    pub safety_days: u32,
}

/// The harvest of a growing batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Harvest {
    /// What was harvested, in place of the estimate.
    pub quantity: Quantity,
}

/// The verdict of an inspection agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// Whether it passed.
    pub passed: bool,
    /// Digest of the report.
    pub report: Digest,
}

/// A 承诺达标合格证.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certify {
    /// Digest of the certificate.
    pub certificate: Digest,
}

/// Packing into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// Its label, 1 to 64 bytes.
    pub container: String,
}

/// Unpacking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disaggregate {}

/// Shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ship {
    /// Organization that is to receive it.
    pub to: String,
}

/// Receiving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// Where it now is.
    pub place: Place,
}

/// A sale to consumers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sell {
    /// How much.
    pub quantity: Quantity,
}

/// A recall of the batch and of all its descendants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// Why; no personal data.
    pub reason: String,
}

/// A return to whom it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Return {
    /// The organization that shipped it here, or that made it; while it is on its way, the custodian.
    pub to: String,
    /// Why; no personal data.
    pub reason: String,
    /// Where it goes.
    pub place: Place,
}

/// The end of what is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destroy {
    /// Why; no personal data.
    pub reason: String,
}

impl Step {
    pub(crate) fn to_proto(&self) -> proto::TraceStep {
        proto::TraceStep { batch: Some(self.batch.to_proto()), act: Some(self.act.to_wire()) }
    }

    pub(crate) fn from_proto(m: proto::TraceStep) -> Result<Self, DecodeError> {
        Ok(Self { batch: BatchId::from_proto(m.batch)?, act: Act::from_wire(m.act)? })
    }
}

impl Act {
    /// The act's place in events and receipts.
    #[must_use]
    pub const fn action(&self) -> proto::TraceAction {
        use proto::TraceAction as A;
        match self {
            Self::Commission(_) => A::Commission,
            Self::Input(_) => A::Input,
            Self::Harvest(_) => A::Harvest,
            Self::Inspect(_) => A::Inspect,
            Self::Certify(_) => A::Certify,
            Self::Aggregate(_) => A::Aggregate,
            Self::Disaggregate(_) => A::Disaggregate,
            Self::Ship(_) => A::Ship,
            Self::Receive(_) => A::Receive,
            Self::Sell(_) => A::Sell,
            Self::Recall(_) => A::Recall,
            Self::Return(_) => A::Return,
            Self::Destroy(_) => A::Destroy,
        }
    }

    pub(crate) fn to_wire(&self) -> Wire {
        match self {
            Self::Commission(a) => Wire::Commission(proto::TraceCommission {
                product: a.product.clone(),
                quantity: Some(a.quantity.to_proto()),
                place: Some(a.place.to_proto()),
                growing: a.growing,
            }),
            Self::Input(a) => Wire::Input(proto::TraceInput {
                kind: match a.kind {
                    InputKind::Pesticide => proto::TraceInputKind::Pesticide,
                    InputKind::Fertilizer => proto::TraceInputKind::Fertilizer,
                }
                .into(),
                product: a.product.clone(),
                safety_days: a.safety_days,
            }),
            Self::Harvest(a) => Wire::Harvest(proto::TraceHarvest { quantity: Some(a.quantity.to_proto()) }),
            Self::Inspect(a) => Wire::Inspect(proto::TraceInspect { passed: a.passed, report: a.report.0.to_vec() }),
            Self::Certify(a) => Wire::Certify(proto::TraceCertify { certificate: a.certificate.0.to_vec() }),
            Self::Aggregate(a) => Wire::Aggregate(proto::TraceAggregate { container: a.container.clone() }),
            Self::Disaggregate(_) => Wire::Disaggregate(proto::TraceDisaggregate {}),
            Self::Ship(a) => Wire::Ship(proto::TraceShip { to: a.to.clone() }),
            Self::Receive(a) => Wire::Receive(proto::TraceReceive { place: Some(a.place.to_proto()) }),
            Self::Sell(a) => Wire::Sell(proto::TraceSell { quantity: Some(a.quantity.to_proto()) }),
            Self::Recall(a) => Wire::Recall(proto::TraceRecall { reason: a.reason.clone() }),
            Self::Return(a) => Wire::Return(proto::TraceReturn {
                to: a.to.clone(),
                reason: a.reason.clone(),
                place: Some(a.place.to_proto()),
            }),
            Self::Destroy(a) => Wire::Destroy(proto::TraceDestroy { reason: a.reason.clone() }),
        }
    }

    pub(crate) fn from_wire(m: Option<Wire>) -> Result<Self, DecodeError> {
        let m = m.ok_or_else(|| DecodeError::field("act", "unknown or missing kind", "未知或缺失的操作类别"))?;
        Ok(match m {
            Wire::Commission(a) => Self::Commission(Commission {
                product: label("product", a.product)?,
                quantity: Quantity::from_proto(a.quantity)?.some()?,
                place: Place::from_proto(a.place.as_ref())?,
                growing: a.growing,
            }),
            Wire::Input(a) => Self::Input(Input::from_proto(a)?),
            Wire::Harvest(a) => Self::Harvest(Harvest { quantity: Quantity::from_proto(a.quantity)?.some()? }),
            Wire::Inspect(a) => {
                Self::Inspect(Inspect { passed: a.passed, report: Digest(fixed("report", &a.report)?) })
            }
            Wire::Certify(a) => Self::Certify(Certify { certificate: Digest(fixed("certificate", &a.certificate)?) }),
            Wire::Aggregate(a) => Self::Aggregate(Aggregate { container: label("container", a.container)? }),
            Wire::Disaggregate(_) => Self::Disaggregate(Disaggregate {}),
            Wire::Ship(a) => Self::Ship(Ship { to: organization(a.to)? }),
            Wire::Receive(a) => Self::Receive(Receive { place: Place::from_proto(a.place.as_ref())? }),
            Wire::Sell(a) => Self::Sell(Sell { quantity: Quantity::from_proto(a.quantity)?.some()? }),
            Wire::Recall(a) => Self::Recall(Recall { reason: reason(a.reason)? }),
            Wire::Return(a) => {
                let place = Place::from_proto(a.place.as_ref())?;
                Self::Return(Return { to: organization(a.to)?, reason: reason(a.reason)?, place })
            }
            Wire::Destroy(a) => Self::Destroy(Destroy { reason: reason(a.reason)? }),
        })
    }
}

impl Input {
    fn from_proto(m: proto::TraceInput) -> Result<Self, DecodeError> {
        let kind = match proto::TraceInputKind::try_from(m.kind) {
            Ok(proto::TraceInputKind::Pesticide) => InputKind::Pesticide,
            Ok(proto::TraceInputKind::Fertilizer) => InputKind::Fertilizer,
            _ => return Err(DecodeError::field("kind", "unknown value", "未知的投入品类别")),
        };
        if m.safety_days > limits::TRACE_SAFETY_DAYS {
            let max = limits::TRACE_SAFETY_DAYS;
            return Err(DecodeError::field("safety_days", format!("at most {max}"), format!("最多 {max}")));
        }
        Ok(Self { kind, product: label("product", m.product)?, safety_days: m.safety_days })
    }
}

pub(super) fn label(field: &'static str, s: String) -> Result<String, DecodeError> {
    text(field, &s, limits::TRACE_LABEL_BYTES)?;
    Ok(s)
}

pub(super) fn reason(s: String) -> Result<String, DecodeError> {
    text("reason", &s, limits::REASON_BYTES)?;
    Ok(s)
}

fn organization(s: String) -> Result<String, DecodeError> {
    if s.is_empty() {
        return Err(missing("to"));
    }
    name("to", &s)?;
    Ok(s)
}
