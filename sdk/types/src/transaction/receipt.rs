//! Receipts: what became of a transaction.

use super::{RecordKey, version};
use crate::decode::{canonical, count, fixed, name, text};
use crate::{DecodeError, Height, TxId, limits, proto};
use hnchain_crypto::{Digest, PublicKey};
use prost::Message;

/// A receipt, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    raw: Vec<u8>,
    /// Which transaction.
    pub transaction: TxId,
    /// Block height.
    pub height: Height,
    /// Position in the block.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Applied; one event per operation.
    Accepted(Vec<proto::Event>),
    /// Refused by a rule; nothing was applied.
    Rejected(proto::Rejection),
}

impl Receipt {
    /// Encodes a receipt.
    #[must_use]
    pub fn new(transaction: TxId, height: Height, index: u32, outcome: Outcome) -> Self {
        let message = proto::Receipt {
            transaction_id: transaction.0.0.to_vec(),
            height: height.0,
            index,
            outcome: Some(match outcome.clone() {
                Outcome::Accepted(events) => proto::receipt::Outcome::Accepted(proto::Accepted { events }),
                Outcome::Rejected(r) => proto::receipt::Outcome::Rejected(r),
            }),
        };
        Self { raw: message.encode_to_vec(), transaction, height, index, outcome }
    }

    /// Reads an encoded receipt.
    ///
    /// # Errors
    /// Anything that is not a canonical receipt with bounded, known events or a well-formed rejection.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Receipt = canonical("receipt", raw, limits::RECEIPT_BYTES)?;
        if m.height == 0 {
            return Err(DecodeError::field("height", "blocks start at height 1", "区块高度从 1 开始"));
        }
        count("index", m.index as usize, 0, limits::BLOCK_TRANSACTIONS - 1)?;
        let outcome = match m.outcome {
            Some(proto::receipt::Outcome::Accepted(a)) => Outcome::Accepted(check_events(a.events)?),
            Some(proto::receipt::Outcome::Rejected(r)) => Outcome::Rejected(check_rejection(r)?),
            None => return Err(DecodeError::field("outcome", "missing", "缺失")),
        };
        Ok(Self {
            raw: raw.to_vec(),
            transaction: TxId(Digest(fixed("transaction_id", &m.transaction_id)?)),
            height: Height(m.height),
            index: m.index,
            outcome,
        })
    }

    /// The exact bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether the transaction was applied.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted(_))
    }
}

fn check_events(events: Vec<proto::Event>) -> Result<Vec<proto::Event>, DecodeError> {
    count("events", events.len(), 0, limits::OPERATIONS)?;
    for event in &events {
        match &event.kind {
            Some(proto::event::Kind::Record(r)) => {
                RecordKey::new(&r.namespace, &r.id)?;
                version(r.version)?;
                crate::record::Status::read(r.status)?;
            }
            Some(proto::event::Kind::Proposal(p)) => {
                fixed::<32>("proposal", &p.proposal)?;
            }
            Some(proto::event::Kind::Evidence(e)) => {
                PublicKey::from_bytes(&e.offender).map_err(|e| DecodeError::key_in("offender", e))?;
                name("organization", &e.organization)?;
            }
            Some(proto::event::Kind::Credential(m)) => crate::credential::check_event(m)?,
            Some(proto::event::Kind::Realty(m)) => crate::realty::check_event(m)?,
            Some(proto::event::Kind::Trace(m)) => crate::trace::check_event(m)?,
            None => return Err(DecodeError::field("event", "unknown or missing kind", "未知或缺失的事件类别")),
        }
    }
    Ok(events)
}

fn check_rejection(rejection: proto::Rejection) -> Result<proto::Rejection, DecodeError> {
    let ok = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    if rejection.code.is_empty() || rejection.code.len() > limits::NAME_BYTES || !rejection.code.bytes().all(ok) {
        let max = limits::NAME_BYTES;
        let en = format!("1 to {max} of A-Z 0-9 _ are allowed");
        return Err(DecodeError::field("code", en, format!("须为 1 至 {max} 个 A-Z 0-9 _ 字符")));
    }
    text("message", &rejection.message, limits::MESSAGE_BYTES)?;
    text("message_zh", &rejection.message_zh, limits::MESSAGE_BYTES)?;
    count("operation", rejection.operation as usize, 0, limits::OPERATIONS - 1)?;
    Ok(rejection)
}
