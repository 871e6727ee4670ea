//! State rows of governance: epochs, proposals and convictions.

use super::{ProposeChange, key, transaction};
use crate::decode::{canonical, count, name, text};
use crate::validators::ValidatorList;
use crate::vote::Evidence;
use crate::{DecodeError, Epoch, Height, TxId, limits, proto};
use hnchain_crypto::PublicKey;
use prost::Message;
use serde::Serialize;

/// Key of the row of the epoch that the next block belongs to.
pub const VALIDATORS_KEY: &str = "validators";

/// Key of the row of an epoch, which stays for ever.
#[must_use]
pub fn epoch_key(epoch: Epoch) -> String {
    format!("{VALIDATORS_KEY}/{epoch}")
}

/// Key of the row of a proposal.
#[must_use]
pub fn proposal_key(id: &TxId) -> String {
    format!("governance/{id}")
}

/// Key of the row of a conviction: one for an offender and epoch, so that an offender cannot fill the state.
#[must_use]
pub fn evidence_key(epoch: Epoch, offender: &PublicKey) -> String {
    format!("evidence/{epoch}/{}", offender.fingerprint())
}

/// An epoch: its validators, and the height from which they count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpochRow {
    /// Which epoch.
    pub epoch: Epoch,
    /// Height of its first block.
    pub first_height: Height,
    /// Its validators.
    pub validators: ValidatorList,
}

impl EpochRow {
    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::EpochRow {
            epoch: self.epoch.0,
            first_height: self.first_height.0,
            set: Some(self.validators.to_proto()),
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of an epoch.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::EpochRow = canonical("epoch", raw, limits::VALIDATOR_SET_BYTES + 64)?;
        if m.epoch > limits::NUMBER {
            return Err(DecodeError::field("epoch", "out of range", "数值超出范围"));
        }
        Ok(Self {
            epoch: Epoch(m.epoch),
            first_height: height("first_height", m.first_height)?,
            validators: ValidatorList::from_proto(m.set.ok_or_else(|| missing("set"))?)?,
        })
    }
}

/// A proposal and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The transaction that proposed it.
    pub id: TxId,
    /// What is proposed.
    pub content: ProposeChange,
    /// Organization that proposed it.
    pub organization: String,
    /// Height of the block that proposed it.
    pub height: Height,
    /// Certified time of that block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Last block time at which it may be approved.
    pub expires_ms: u64,
    /// One for each organization, the proposer's first. Those of organizations that run no validator do not count.
    pub approvals: Vec<Approval>,
    /// What it brought about; absent while it is open.
    pub enacted: Option<Enactment>,
}

/// An organization's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Which organization.
    pub organization: String,
    /// The transaction that said so.
    pub transaction: TxId,
    /// Height of its block.
    pub height: Height,
    /// Certified time of its block, milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// A proposal takes effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enactment {
    /// The transaction whose approval was the last that was needed.
    pub transaction: TxId,
    /// Height of its block.
    pub height: Height,
    /// Certified time of its block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Epoch that begins with the next block; 0 for other changes than of the validators.
    pub epoch: Epoch,
    /// Key of the state row that it wrote.
    pub what: String,
}

impl Proposal {
    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let approval = |a: &Approval| proto::Approval {
            organization: a.organization.clone(),
            transaction_id: a.transaction.0.0.to_vec(),
            height: a.height.0,
            time_ms: a.time_ms,
        };
        let enactment = |e: &Enactment| proto::Enactment {
            transaction_id: e.transaction.0.0.to_vec(),
            height: e.height.0,
            time_ms: e.time_ms,
            epoch: e.epoch.0,
            what: e.what.clone(),
        };
        proto::Proposal {
            id: self.id.0.0.to_vec(),
            content: Some(self.content.to_proto()),
            organization: self.organization.clone(),
            height: self.height.0,
            time_ms: self.time_ms,
            expires_ms: self.expires_ms,
            approvals: self.approvals.iter().map(approval).collect(),
            enacted: self.enacted.as_ref().map(enactment),
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a proposal.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Proposal = canonical("proposal", raw, limits::PROPOSAL_BYTES)?;
        name("organization", &m.organization)?;
        count("approvals", m.approvals.len(), 1, limits::ORGANIZATIONS)?;
        Ok(Self {
            id: transaction("id", &m.id)?,
            content: ProposeChange::from_proto(m.content.ok_or_else(|| missing("content"))?)?,
            organization: m.organization,
            height: height("height", m.height)?,
            time_ms: m.time_ms,
            expires_ms: m.expires_ms,
            approvals: m.approvals.into_iter().map(Approval::from_proto).collect::<Result<_, _>>()?,
            enacted: m.enacted.map(Enactment::from_proto).transpose()?,
        })
    }
}

impl Approval {
    fn from_proto(m: proto::Approval) -> Result<Self, DecodeError> {
        name("approvals.organization", &m.organization)?;
        Ok(Self {
            organization: m.organization,
            transaction: transaction("approvals.transaction_id", &m.transaction_id)?,
            height: height("approvals.height", m.height)?,
            time_ms: m.time_ms,
        })
    }
}

impl Enactment {
    fn from_proto(m: proto::Enactment) -> Result<Self, DecodeError> {
        text("enacted.what", &m.what, limits::ENACTED_KEY_BYTES)?;
        Ok(Self {
            transaction: transaction("enacted.transaction_id", &m.transaction_id)?,
            height: height("enacted.height", m.height)?,
            time_ms: m.time_ms,
            epoch: Epoch(m.epoch),
            what: m.what,
        })
    }
}

/// A validator that signed contradictory votes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceRow {
    /// The votes.
    pub evidence: Evidence,
    /// The offender's key.
    pub offender: PublicKey,
    /// Organization that ran it.
    pub organization: String,
    /// Organization that submitted the votes.
    pub submitter: String,
    /// The transaction that did.
    pub transaction: TxId,
    /// Height of its block.
    pub height: Height,
    /// Certified time of its block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Whether the offender left the validator set by this.
    pub suspended: bool,
}

impl EvidenceRow {
    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::EvidenceRow {
            evidence: self.evidence.encode(),
            offender: self.offender.as_bytes().to_vec(),
            organization: self.organization.clone(),
            submitter: self.submitter.clone(),
            transaction_id: self.transaction.0.0.to_vec(),
            height: self.height.0,
            time_ms: self.time_ms,
            suspended: self.suspended,
        }
        .encode_to_vec()
    }

    /// Reads an encoded row. The signatures of the votes are not checked: see [`Evidence::verify`].
    ///
    /// # Errors
    /// Anything that is not the canonical row of a conviction.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::EvidenceRow = canonical("conviction", raw, limits::EVIDENCE_ROW_BYTES)?;
        name("organization", &m.organization)?;
        name("submitter", &m.submitter)?;
        Ok(Self {
            evidence: Evidence::decode(&m.evidence)?,
            offender: key("offender", &m.offender)?,
            organization: m.organization,
            submitter: m.submitter,
            transaction: transaction("transaction_id", &m.transaction_id)?,
            height: height("height", m.height)?,
            time_ms: m.time_ms,
            suspended: m.suspended,
        })
    }
}

fn height(field: &'static str, value: u64) -> Result<Height, DecodeError> {
    if value == 0 {
        return Err(DecodeError::field(field, "blocks start at height 1", "区块高度从 1 开始"));
    }
    Ok(Height(value))
}

fn missing(field: &'static str) -> DecodeError {
    DecodeError::field(field, "missing", "缺失")
}
