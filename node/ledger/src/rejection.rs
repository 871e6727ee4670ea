//! The one table of rejections: stable code, English, Chinese.

use crate::StateError;
use hnchain_types::proto;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $en:literal, $zh:literal;)*) => {
        /// Why a rule refused a transaction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Stable text of the code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The rule in English.
            #[must_use]
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            /// The rule in Chinese.
            #[must_use]
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }
        }
    };
}

codes! {
    /// Signed for another chain.
    Chain => "TX_CHAIN", "the transaction is for another chain", "交易属于另一条链";
    /// Beyond the chain's size limit.
    TooLarge => "TX_TOO_LARGE", "the transaction is larger than the chain allows", "交易超过本链允许的大小";
    /// Its last height or last time has passed.
    Expired => "TX_EXPIRED", "the transaction's validity has ended", "交易已过有效期";
    /// Valid for longer than the window in which ids are remembered.
    ValidityTooLong => "TX_VALIDITY_TOO_LONG",
        "the transaction is valid for longer than the chain allows", "交易有效期超过本链允许的时长";
    /// The same id is in this block or in an earlier one.
    Replayed => "TX_REPLAYED", "the transaction is already on the chain", "交易已经上链，不能重复执行";
    /// No such signer.
    SignerUnknown => "SIGNER_UNKNOWN", "the signer is not a member of this chain", "签名者不是本链成员";
    /// Before or after its validity, or revoked.
    SignerNotInForce => "SIGNER_NOT_IN_FORCE",
        "the signer is not in force at this time", "签名者此刻不在有效期内或已被吊销";
    /// No role for this operation.
    RoleMissing => "ROLE_MISSING", "the signer has no role for this operation", "签名者没有执行此操作的角色";
    /// Version 1 of a record that exists.
    AnchorExists => "ANCHOR_EXISTS", "a record with this id exists", "该标识的记录已存在";
    /// A later version, or the end, of a record that does not exist.
    AnchorNotFound => "ANCHOR_NOT_FOUND", "there is no record with this id", "该标识的记录不存在";
    /// Another organization's record.
    AnchorOwner => "ANCHOR_OWNER", "the record belongs to another organization", "该记录属于另一机构";
    /// A revoked record accepts nothing more.
    AnchorRevoked => "ANCHOR_REVOKED", "the record is revoked", "该记录已被撤销";
    /// Not the recorded version + 1.
    AnchorVersion => "ANCHOR_VERSION", "the version is not the recorded version + 1", "版本号不是当前版本加一";
    /// A transaction proposes twice.
    ProposalExists => "PROPOSAL_EXISTS", "a transaction has at most one proposal", "一笔交易最多提出一项提案";
    /// No such proposal.
    ProposalNotFound => "PROPOSAL_NOT_FOUND", "there is no such proposal", "没有该提案";
    /// It took effect before.
    ProposalEnacted => "PROPOSAL_ENACTED", "the proposal has taken effect", "该提案已经生效";
    /// Not approved in time.
    ProposalExpired => "PROPOSAL_EXPIRED", "the proposal has expired", "该提案已过期";
    /// The organization approved before, and its approval is not enough.
    ApprovalExists => "APPROVAL_EXISTS", "the organization has approved already", "该机构已经同意过";
    /// Only organizations that run validators decide.
    ApprovalNotCounted => "APPROVAL_NOT_COUNTED",
        "the organization runs no validator, so its approval does not count", "该机构没有运行验证者，其同意不计票";
    /// Not in the set.
    ValidatorUnknown => "VALIDATOR_UNKNOWN", "the key is not in the validator set", "该公钥不在验证者集合中";
    /// Already in the set.
    ValidatorExists => "VALIDATOR_EXISTS", "the key is in the validator set already", "该公钥已在验证者集合中";
    /// No such organization, or the key acts for another.
    ValidatorOrganization => "VALIDATOR_ORGANIZATION",
        "the organization does not exist, or the key belongs to another", "没有该机构，或该公钥属于另一机构";
    /// Convicted or revoked.
    ValidatorBarred => "VALIDATOR_BARRED",
        "the key is barred by evidence or revoked: take another", "该公钥因违规证据被禁用或已被吊销，请更换";
    /// The new key does not sign for itself.
    ValidatorPossession => "VALIDATOR_POSSESSION",
        "the proof that somebody holds the new key does not verify", "新公钥的持钥证明验证不通过";
    /// More than f keys would be gone.
    ValidatorsLeaving => "VALIDATORS_LEAVING",
        "more validators would leave or change key than the set tolerates faults",
        "退出或换钥的验证者多于集合可容忍的故障数";
    /// More than f new keys.
    ValidatorsJoining => "VALIDATORS_JOINING",
        "more new keys would join than the set tolerates faults (one where it tolerates none)",
        "新公钥多于集合可容忍的故障数（不容忍故障的集合一次可加入一个）";
    /// Too few or too many.
    ValidatorsSize => "VALIDATORS_SIZE",
        "the set would have too few validators to tolerate a fault as it does now, or too many",
        "验证者将过少而失去现有的容错能力，或者过多";
    /// The change gives back the set of the epoch.
    ValidatorsUnchanged => "VALIDATORS_UNCHANGED",
        "the next block would have the validators of this one", "下一区块的验证者将与本区块相同";
    /// No such epoch yet.
    EvidenceEpoch => "EVIDENCE_EPOCH", "the epoch of the votes has not begun", "投票所属的任期尚未开始";
    /// Nobody has that index.
    EvidenceSigner => "EVIDENCE_SIGNER", "no validator of that epoch has this index", "该任期没有此序号的验证者";
    /// The signatures are not the validator's.
    EvidenceInvalid => "EVIDENCE_INVALID",
        "the votes are not signed by that validator", "投票不是由该验证者签署的";
    /// On record already.
    EvidenceKnown => "EVIDENCE_KNOWN",
        "the validator is convicted in this epoch already", "该验证者在此任期的违规已经记录";
    // 农产品溯源
    /// A batch with this name exists.
    TraceExists => "TRACE_EXISTS", "the producer has a batch with this code already", "该生产者已有此批次号";
    /// No such batch.
    TraceNotFound => "TRACE_NOT_FOUND", "there is no such batch", "没有该批次";
    /// Named under another organization's code.
    TraceProducer => "TRACE_PRODUCER",
        "a new batch is named under the credit code of the signer's organization",
        "新批次须以签名者所属机构的统一社会信用代码命名";
    /// Somebody else has it.
    TraceCustodian => "TRACE_CUSTODIAN",
        "only the organization that has the batch acts on it", "只有当前持有该批次的机构可以操作";
    /// No longer in the field.
    TraceHarvested => "TRACE_HARVESTED",
        "inputs and harvest are for a growing batch", "投入品与采收仅适用于生长中的批次";
    /// Still in the field.
    TraceNotHarvested => "TRACE_NOT_HARVESTED", "the batch is not harvested", "该批次尚未采收";
    /// Inside the 安全间隔期.
    TraceSafetyInterval => "TRACE_SAFETY_INTERVAL",
        "the safety interval of an input has not passed", "投入品的安全间隔期未满，不得采收";
    /// The newest inspection failed.
    TraceInspectionFailed => "TRACE_INSPECTION_FAILED",
        "the newest inspection of the batch failed", "该批次最近一次检验不合格";
    /// A second certificate.
    TraceCertified => "TRACE_CERTIFIED",
        "the batch has a conformity certificate already", "该批次已开具承诺达标合格证";
    /// More than is left.
    TraceQuantity => "TRACE_QUANTITY", "there is not so much left of the batch", "该批次余量不足";
    /// Another unit or a finer scale.
    TraceUnit => "TRACE_UNIT",
        "the quantity is not in the batch's unit and scale", "数量的单位或小数位与批次不符";
    /// Parts and loss differ from what is taken.
    TraceBalance => "TRACE_BALANCE",
        "parts and loss are not what is taken", "各份与损耗之和不等于取用量";
    /// Outputs beyond the declared yield.
    TraceYield => "TRACE_YIELD",
        "the outputs are more than inputs, conversion and declared yield give",
        "产出超过投入按换算与声明得率所得";
    /// In a container.
    TraceAggregated => "TRACE_AGGREGATED", "the batch is in a container: unpack it first", "该批次已装箱，请先拆箱";
    /// In no container.
    TraceNotAggregated => "TRACE_NOT_AGGREGATED", "the batch is in no container", "该批次未装箱";
    /// Nobody, or the custodian itself.
    TraceReceiver => "TRACE_RECEIVER",
        "a batch is shipped to another organization of this chain", "收货方须为本链上的另一机构";
    /// Not on its way to the signer.
    TraceNotReceiver => "TRACE_NOT_RECEIVER",
        "the batch is not on its way to the signer's organization", "该批次不是发给签名者所属机构的";
    /// On its way.
    TraceInTransit => "TRACE_IN_TRANSIT", "the batch is on its way", "该批次在途";
    /// Sold out, used up or destroyed.
    TraceFinished => "TRACE_FINISHED",
        "the batch is sold out, used up or destroyed", "该批次已售完、用完或销毁";
    /// Returned to somebody whom it did not come from.
    TraceReturn => "TRACE_RETURN",
        "a batch returns to whom it came from or to its maker", "批次只能退回来货方或制造方";
    /// It or an ancestor is recalled.
    TraceRecalled => "TRACE_RECALLED",
        "the batch or one that it was made of is recalled: only return and destroy",
        "该批次或其上级批次已被召回，仅可退回或销毁";
    /// A second recall.
    TraceRecallExists => "TRACE_RECALL_EXISTS", "the batch is recalled already", "该批次已被召回";
    /// Too many ancestors.
    TraceLineageLimit => "TRACE_LINEAGE_LIMIT",
        "the batch would have more ancestors than the chain can follow", "该批次的上级批次将超过本链可追溯的上限";
    /// Too many events or children.
    TraceFull => "TRACE_FULL",
        "the batch has as many events or children as one may have", "该批次的事件或下级批次数已达上限";
}

impl Code {
    /// A rejection with details that read alike in every language, such as `record=certificate/1 next=3 given=5`.
    #[must_use]
    pub fn reject(self, detail: &dyn fmt::Display) -> Rejection {
        Rejection {
            code: self.as_str(),
            message: format!("{} ({detail})", self.en()),
            message_zh: format!("{}（{detail}）", self.zh()),
            operation: 0,
        }
    }
}

/// A rule refused the transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// Stable code, see [`Code`].
    pub code: &'static str,
    /// English message.
    pub message: String,
    /// Chinese message.
    pub message_zh: String,
    /// Index of the refused operation; 0 where the transaction as a whole was refused.
    pub operation: u32,
}

impl Rejection {
    /// The same rejection, of an operation.
    #[must_use]
    pub fn at(mut self, operation: u32) -> Self {
        self.operation = operation;
        self
    }
}

impl From<Rejection> for proto::Rejection {
    fn from(r: Rejection) -> Self {
        Self { code: r.code.to_owned(), message: r.message, message_zh: r.message_zh, operation: r.operation }
    }
}

/// Why an operation was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A rule refused it: goes into the receipt.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The state could not be read: the block was not executed.
    #[error(transparent)]
    State(#[from] StateError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_speak_both_languages() {
        let all: BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(all.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
            assert!(code.en().is_ascii() && !code.zh().is_ascii());
        }
    }

    #[test]
    fn rejection_carries_code_both_messages_and_operation() {
        let r = Code::AnchorVersion.reject(&"next=3 given=5").at(2);
        assert_eq!(r.to_string(), "ANCHOR_VERSION: the version is not the recorded version + 1 (next=3 given=5)");
        let wire = proto::Rejection::from(r);
        assert_eq!(wire.message_zh, "版本号不是当前版本加一（next=3 given=5）");
        assert_eq!((wire.code.as_str(), wire.operation), ("ANCHOR_VERSION", 2));
    }
}
