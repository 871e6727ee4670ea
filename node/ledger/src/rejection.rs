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

    // 电子证照
    /// No reason for a suspension, revocation or cancellation.
    CredentialReason => "CREDENTIAL_REASON",
        "suspending, revoking and cancelling need a reason", "暂扣、吊销、注销证照须说明原因";
    /// No such certificate.
    CredentialNotFound => "CREDENTIAL_NOT_FOUND", "there is no certificate with this identifier", "没有该标识的证照";
    /// Another organization's certificate.
    CredentialOwner => "CREDENTIAL_OWNER",
        "the certificate was issued by an organization that is not below the signer's",
        "该证照由其他机构颁发，签名者所属机构不是颁发机构或其上级";
    /// Revoked, cancelled or superseded.
    CredentialFinal => "CREDENTIAL_FINAL",
        "the certificate is revoked, cancelled or superseded, which is final", "该证照已吊销、注销或变更，不能再改";
    /// Its period is over.
    CredentialExpired => "CREDENTIAL_EXPIRED",
        "the certificate has expired, so it is neither suspended nor resumed", "该证照已过有效期，不能暂扣或恢复";
    /// Suspended.
    CredentialSuspended => "CREDENTIAL_SUSPENDED",
        "the certificate is suspended: resume it before it is suspended again or changed",
        "该证照处于暂扣状态，恢复后才能再次暂扣或变更";
    /// Not suspended.
    CredentialNotSuspended => "CREDENTIAL_NOT_SUSPENDED",
        "the certificate is not suspended", "该证照未被暂扣，无须恢复";
    /// The next version of something else.
    CredentialSeries => "CREDENTIAL_SERIES",
        "the next version has another type, issuer or serial than the one before",
        "新版本的类型代码、颁发机构代码或流水号与原版本不同";
    /// Not the version + 1.
    CredentialVersion => "CREDENTIAL_VERSION",
        "the version of the new identifier is not the one before + 1", "新标识的版本号不是原版本号加一";
    /// No such type.
    CredentialTypeUnknown => "CREDENTIAL_TYPE_UNKNOWN",
        "this chain issues no certificates of this type", "本链不颁发此类型的证照";
    /// No more of this type.
    CredentialTypeRetired => "CREDENTIAL_TYPE_RETIRED",
        "certificates of this type are not issued any more", "此类型的证照已停止颁发";
    /// Another organization's code.
    CredentialIssuer => "CREDENTIAL_ISSUER",
        "the identifier's issuer code is not the credit code of the signer's organization",
        "标识中的颁发机构代码不是签名者所属机构的统一社会信用代码";
    /// Begins with another version than 001.
    CredentialFirstVersion => "CREDENTIAL_FIRST_VERSION",
        "the first version of a certificate is 001", "首次颁发的证照版本号须为 001";
    /// Ends before it begins.
    CredentialPeriod => "CREDENTIAL_PERIOD",
        "the period of validity ends before it begins", "有效期止早于有效期起";
    /// Issued before.
    CredentialExists => "CREDENTIAL_EXISTS",
        "a certificate with this identifier was issued before", "该标识的证照已经颁发";
    // 不动产登记
    /// 首次登记 of a unit that has a row.
    RealtyUnitExists => "REALTY_UNIT_EXISTS",
        "a unit is first-registered once", "不动产单元只能首次登记一次";
    /// A fixture on a parcel that is not registered.
    RealtyParcelMissing => "REALTY_PARCEL_MISSING",
        "the unit's parcel is not registered", "不动产单元所在宗地尚未登记";
    /// No such unit.
    RealtyUnitNotFound => "REALTY_UNIT_NOT_FOUND", "the unit is not registered", "该不动产单元尚未登记";
    /// Its right was cancelled.
    RealtyUnitCancelled => "REALTY_UNIT_CANCELLED",
        "the unit's right was cancelled", "该不动产单元的权利已注销";
    /// The right cannot exist on the unit.
    RealtyRight => "REALTY_RIGHT", "the right does not fit the unit's code", "权利类型与不动产单元代码不符";
    /// Not exactly the present holders.
    RealtyHoldersDiffer => "REALTY_HOLDERS_DIFFER",
        "the holders named are not exactly the present ones", "所列权利人与登记簿现有权利人不完全一致";
    /// Fractions that do not sum to one.
    RealtyShares => "REALTY_SHARES", "the shares do not sum to exactly one", "各共有人份额之和不等于一";
    /// Nothing would be different.
    RealtyUnchanged => "REALTY_UNCHANGED", "nothing would change", "登记内容没有变化";
    /// Too few of the co-owners.
    RealtyConsent => "REALTY_CONSENT",
        "the holders whose consent is needed do not all consent", "须经同意的权利人未全部同意";
    /// 查封.
    RealtySealed => "REALTY_SEALED", "the unit is sealed by a court", "该不动产单元已被查封";
    /// 预告登记.
    RealtyNoticed => "REALTY_NOTICED",
        "a notice-holder does not consent", "预告登记权利人未同意";
    /// 抵押权.
    RealtyMortgaged => "REALTY_MORTGAGED",
        "a mortgagee whose consent is needed does not consent", "须经同意的抵押权人未同意";
    /// 居住权, 地役权.
    RealtyInterested => "REALTY_INTERESTED",
        "the holder of an interest does not consent", "居住权人或地役权人未同意";
    /// Registered fixtures on the parcel.
    RealtyFixtures => "REALTY_FIXTURES",
        "fixtures on the parcel are registered", "宗地上尚有已登记的定着物";
    /// The certificate number was given before.
    RealtyNumberTaken => "REALTY_NUMBER_TAKEN",
        "the certificate number was given before", "该证书或证明号已被使用";
    /// 16 open burdens of the kind.
    RealtyBurdensFull => "REALTY_BURDENS_FULL",
        "the unit has as many burdens of this kind as it may", "该不动产单元此类负担已达上限";
    /// 999 999 entries.
    RealtyEntriesFull => "REALTY_ENTRIES_FULL",
        "the unit has as many registrations as it may", "该不动产单元的登记次数已达上限";
    /// No such burden, or released.
    RealtyBurdenNotFound => "REALTY_BURDEN_NOT_FOUND",
        "the unit has no such open burden", "该不动产单元没有此项未解除的负担";
    /// Ended by time.
    RealtyBurdenLapsed => "REALTY_BURDEN_LAPSED", "the burden has lapsed", "该项负担已因期限届满失效";
    /// Neither its party nor a court.
    RealtyRelease => "REALTY_RELEASE",
        "only its party's consent or a court ends it", "须经该项权利人同意或由法院裁定方可注销";
    /// Another court's seal.
    RealtySealCourt => "REALTY_SEAL_COURT", "another court sealed", "该查封由其他法院作出";
    /// A correction of nothing.
    RealtyEntryNotFound => "REALTY_ENTRY_NOT_FOUND", "the unit has no such entry", "该不动产单元没有此条登记";
    /// A holder that the entry does not name.
    RealtyCorrectionHolder => "REALTY_CORRECTION_HOLDER",
        "the entry does not name the holder that is corrected", "所更正的登记中没有该权利人";
    /// Two holders would be one.
    RealtyHolderTwice => "REALTY_HOLDER_TWICE",
        "a holder would be named twice", "更正后权利人将重复";
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
