//! The one table of rejections: stable code, English, Chinese.

use crate::StateError;
use hnchain_types::proto;
use std::fmt;

/// A line without advice compiles, and a test names it.
macro_rules! advice {
    () => {
        ("", "")
    };
    ($en:literal, $zh:literal) => {
        ($en, $zh)
    };
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $en:literal, $zh:literal
        $(, $do_en:literal, $do_zh:literal)?;)*) => {
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

            /// What to do about it, in English and in Chinese.
            #[must_use]
            pub const fn advice(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => advice!($($do_en, $do_zh)?),)* }
            }
        }
    };
}

codes! {
    /// Signed for another chain.
    Chain => "TX_CHAIN", "the transaction is for another chain", "交易属于另一条链",
        "name this chain's id in the transaction, or send it to the other chain",
        "交易中填写本链的标识，或发往对应的链";
    /// Beyond the chain's size limit.
    TooLarge => "TX_TOO_LARGE", "the transaction is larger than the chain allows", "交易超过本链允许的大小",
        "split the operations over several transactions",
        "把操作拆分到多笔交易";
    /// Its last height or last time has passed.
    Expired => "TX_EXPIRED", "the transaction's validity has ended", "交易已过有效期",
        "sign it anew with a later end of validity; check the clock of the signing machine",
        "以更晚的有效期重新签名，并检查签名机器的时钟";
    /// Valid for longer than the window in which ids are remembered.
    ValidityTooLong => "TX_VALIDITY_TOO_LONG",
        "the transaction is valid for longer than the chain allows", "交易有效期超过本链允许的时长",
        "sign it anew with a shorter validity; check the clock of the signing machine",
        "以更短的有效期重新签名，并检查签名机器的时钟";
    /// The same id is in this block or in an earlier one.
    Replayed => "TX_REPLAYED", "the transaction is already on the chain", "交易已经上链，不能重复执行",
        "nothing, its receipt says what it did; to repeat the request, sign it anew",
        "无须处理，回执说明其结果；如需再次办理，请重新签名";
    /// No such signer.
    SignerUnknown => "SIGNER_UNKNOWN", "the signer is not a member of this chain", "签名者不是本链成员",
        "have an administrator propose the key's appointment; check that the right key was used",
        "请管理员提案任命该公钥，并核对所用密钥";
    /// Before or after its validity, or revoked.
    SignerNotInForce => "SIGNER_NOT_IN_FORCE",
        "the signer is not in force at this time", "签名者此刻不在有效期内或已被吊销",
        "use the key that took its place, or have an administrator propose a new appointment",
        "改用接替的密钥，或请管理员提案重新任命";
    /// No role for this operation.
    RoleMissing => "ROLE_MISSING", "the signer has no role for this operation", "签名者没有执行此操作的角色",
        "use a key with the role and division that the message names, or have an administrator propose it",
        "使用具有消息所示角色和区划的密钥，或请管理员提案授予";
    /// Version 1 of a record that exists.
    AnchorExists => "ANCHOR_EXISTS", "a record with this id exists", "该标识的记录已存在",
        "anchor the next version, or take another id",
        "提交下一版本，或使用其他标识";
    /// A later version, or the end, of a record that does not exist.
    AnchorNotFound => "ANCHOR_NOT_FOUND", "there is no record with this id", "该标识的记录不存在",
        "check namespace and id; anchor version 1 first",
        "核对命名空间和标识；先提交第 1 版";
    /// Another organization's record.
    AnchorOwner => "ANCHOR_OWNER", "the record belongs to another organization", "该记录属于另一机构",
        "let the organization that owns the record change it",
        "由拥有该记录的机构变更";
    /// A revoked record accepts nothing more.
    AnchorRevoked => "ANCHOR_REVOKED", "the record is revoked", "该记录已被撤销",
        "anchor a new record with another id",
        "以其他标识另立记录";
    /// Not the recorded version + 1.
    AnchorVersion => "ANCHOR_VERSION", "the version is not the recorded version + 1", "版本号不是当前版本加一",
        "read the record and take its version + 1; somebody may have changed it meanwhile",
        "查询记录后使用其版本号加一；期间可能已被变更";
    /// A transaction proposes twice.
    ProposalExists => "PROPOSAL_EXISTS", "a transaction has at most one proposal", "一笔交易最多提出一项提案",
        "put each proposal into a transaction of its own",
        "每项提案单独一笔交易";
    /// No such proposal.
    ProposalNotFound => "PROPOSAL_NOT_FOUND", "there is no such proposal", "没有该提案",
        "check the id: it is that of the transaction that proposed",
        "核对标识：应为提出提案的交易标识";
    /// It took effect before.
    ProposalEnacted => "PROPOSAL_ENACTED", "the proposal has taken effect", "该提案已经生效",
        "nothing, the change is in force",
        "无须处理，变更已生效";
    /// Not approved in time.
    ProposalExpired => "PROPOSAL_EXPIRED", "the proposal has expired", "该提案已过期",
        "propose the change again",
        "重新提出该变更";
    /// The organization approved before, and its approval is not enough.
    ApprovalExists => "APPROVAL_EXISTS", "the organization has approved already", "该机构已经同意过",
        "nothing; wait for the other organizations",
        "无须处理，等待其他机构同意";
    /// Only organizations that run validators decide.
    ApprovalNotCounted => "APPROVAL_NOT_COUNTED",
        "the organization runs no validator, so its approval does not count", "该机构没有运行验证者，其同意不计票",
        "let organizations that run validators approve",
        "由运行验证者的机构同意";
    /// Not in the set.
    ValidatorUnknown => "VALIDATOR_UNKNOWN", "the key is not in the validator set", "该公钥不在验证者集合中",
        "check the key against the validators of the present epoch",
        "与当前任期的验证者名单核对公钥";
    /// Already in the set.
    ValidatorExists => "VALIDATOR_EXISTS", "the key is in the validator set already", "该公钥已在验证者集合中",
        "leave the key out of the change",
        "从变更中去掉该公钥";
    /// No such organization, or the key acts for another.
    ValidatorOrganization => "VALIDATOR_ORGANIZATION",
        "the organization does not exist, or the key belongs to another", "没有该机构，或该公钥属于另一机构",
        "propose the organization first, or take a key that acts for no other",
        "先提案增加机构，或改用不属于其他机构的公钥";
    /// Convicted or revoked.
    ValidatorBarred => "VALIDATOR_BARRED",
        "the key is barred by evidence or revoked: take another", "该公钥因违规证据被禁用或已被吊销，请更换",
        "make a new key and prove its possession",
        "生成新密钥并出具持钥证明";
    /// The new key does not sign for itself.
    ValidatorPossession => "VALIDATOR_POSSESSION",
        "the proof that somebody holds the new key does not verify", "新公钥的持钥证明验证不通过",
        "let the operator make the proof again, for this chain and this organization",
        "由运营方为本链和本机构重新出具持钥证明";
    /// More than f keys would be gone.
    ValidatorsLeaving => "VALIDATORS_LEAVING",
        "more validators would leave or change key than the set tolerates faults",
        "退出或换钥的验证者多于集合可容忍的故障数",
        "split the change over several epochs",
        "分多个任期变更";
    /// More than f new keys.
    ValidatorsJoining => "VALIDATORS_JOINING",
        "more new keys would join than the set tolerates faults (one where it tolerates none)",
        "新公钥多于集合可容忍的故障数（不容忍故障的集合一次可加入一个）",
        "split the change over several epochs",
        "分多个任期变更";
    /// Too few or too many.
    ValidatorsSize => "VALIDATORS_SIZE",
        "the set would have too few validators to tolerate a fault as it does now, or too many",
        "验证者将过少而失去现有的容错能力，或者过多",
        "let others join first, or remove fewer",
        "先增加验证者，或减少退出的数量";
    /// The change gives back the set of the epoch.
    ValidatorsUnchanged => "VALIDATORS_UNCHANGED",
        "the next block would have the validators of this one", "下一区块的验证者将与本区块相同",
        "nothing, or wait for the next block",
        "无须处理，或等待下一区块";
    /// No such epoch yet.
    EvidenceEpoch => "EVIDENCE_EPOCH", "the epoch of the votes has not begun", "投票所属的任期尚未开始",
        "check the epoch; submit the evidence to the chain that it is from",
        "核对任期，并提交到证据所属的链";
    /// Nobody has that index.
    EvidenceSigner => "EVIDENCE_SIGNER", "no validator of that epoch has this index", "该任期没有此序号的验证者",
        "check the evidence; it names nobody",
        "核对证据，其未指向任何验证者";
    /// The signatures are not the validator's.
    EvidenceInvalid => "EVIDENCE_INVALID",
        "the votes are not signed by that validator", "投票不是由该验证者签署的",
        "do not submit it: the evidence is forged or damaged",
        "不要提交：证据系伪造或已损坏";
    /// On record already.
    EvidenceKnown => "EVIDENCE_KNOWN",
        "the validator is convicted in this epoch already", "该验证者在此任期的违规已经记录",
        "nothing, the offence is on record",
        "无须处理，违规已记录";
    // 成员与治理
    /// No such organization.
    MemberOrganization => "MEMBER_ORGANIZATION", "there is no such organization", "没有该机构",
        "propose the organization first; check its id", "先提案增加机构，并核对其标识";
    /// Its code belongs to another organization.
    MemberCreditCode => "MEMBER_CREDIT_CODE",
        "another organization has this unified social credit code", "该统一社会信用代码已属于另一机构",
        "check the code; change the organization that has it", "核对代码；变更已有该代码的机构";
    /// No such parent, one below the organization itself, or a tree that is too high.
    MemberParent => "MEMBER_PARENT",
        "the parent does not exist, is the organization itself or below it, or is too far from the root",
        "上级机构不存在、是该机构自身或其下级，或层级过深",
        "take another parent, or propose the parent first", "改用其他上级机构，或先提案增加上级机构";
    /// Outside the parent's, or narrower than before.
    MemberDivision => "MEMBER_DIVISION",
        "the division does not lie in the parent's, or does not contain the former one",
        "区划不在上级机构的区划内，或不包含原区划",
        "take a division inside the parent's; a division may only become wider",
        "使用上级机构区划内的区划；区划只能扩大";
    /// Nothing would change.
    MemberUnchanged => "MEMBER_UNCHANGED", "everything is already as proposed", "现状已与提案一致",
        "nothing", "无须处理";
    /// No such signer.
    MemberUnknown => "MEMBER_UNKNOWN", "no signer has this key", "没有使用该公钥的签名者",
        "check the key in the list of members", "在成员列表中核对公钥";
    /// The new key of a rotation has a row.
    MemberKnown => "MEMBER_KNOWN", "the new key is known to the chain already", "新公钥已为本链所知",
        "make a key that was never used here", "使用从未在本链使用过的密钥";
    /// The key acts for another organization.
    MemberOther => "MEMBER_OTHER", "the key belongs to another organization", "该公钥属于另一机构",
        "make a key of its own for each organization", "每个机构使用各自的密钥";
    /// Revocation is final.
    MemberRevoked => "MEMBER_REVOKED", "the key is revoked for good", "该公钥已被永久吊销",
        "make a new key and propose its appointment", "生成新密钥并提案任命";
    /// Its last time has passed.
    MemberValidity => "MEMBER_VALIDITY", "the validity would have ended already", "有效期已经结束",
        "propose a later end", "提案更晚的截止时间";
    /// A role that reaches beyond its organization.
    MemberReach => "MEMBER_REACH",
        "a role would reach beyond the organization's division", "角色的区划超出机构的区划",
        "bind the role to a division of the organization", "把角色限定在机构的区划内";
    /// Operator, auditor and administrator are separate (等保三级).
    MemberDutiesMixed => "MEMBER_DUTIES_MIXED",
        "a key has at most one of the duties validator, auditor and administrator",
        "一个公钥至多承担验证者、审计员、管理员中的一项职责",
        "give each duty a key of its own", "每项职责分设密钥";
    /// The proof of possession does not verify.
    MemberPossession => "MEMBER_POSSESSION",
        "the proof that somebody of the organization holds the key does not verify", "该机构对公钥的持钥证明验证不通过",
        "let the holder make the proof again, for this chain and this organization",
        "由持有人为本链和本机构重新出具持钥证明";
    /// A key in the validator set.
    MemberIsValidator => "MEMBER_IS_VALIDATOR",
        "the key is in the validator set", "该公钥在验证者集合中",
        "propose first that the validator leaves or changes its key", "先提案使该验证者退出或换钥";
    /// Too few organizations could approve anything.
    MemberLastAdministrator => "MEMBER_LAST_ADMINISTRATOR",
        "too few organizations that run validators would keep an administrator in force to approve changes",
        "运行验证者且有在任管理员的机构将不足以通过任何变更",
        "appoint other administrators first", "先任命其他管理员";
    /// More than fit the row that lists them.
    MemberAdministrators => "MEMBER_ADMINISTRATORS",
        "the organization would have too many administrators", "该机构的管理员过多",
        "revoke administrators that are not needed", "吊销不再需要的管理员";
    /// A threshold above that by which thresholds change.
    MemberThresholds => "MEMBER_THRESHOLDS",
        "no threshold may exceed that of parameters", "任何阈值不得高于参数变更的阈值",
        "raise the threshold of parameters as well", "同时提高参数变更的阈值";
    /// No such type of certificate.
    MemberTypeUnknown => "MEMBER_TYPE_UNKNOWN",
        "there is no such type of certificate to be retired", "没有可停用的该证照类型",
        "check the code", "核对类型代码";
    /// Retired types stay retired.
    MemberTypeRetired => "MEMBER_TYPE_RETIRED", "the type of certificate is retired for good", "该证照类型已永久停用",
        "propose a type with another code", "以其他代码提案新类型";
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
            let (en, zh) = code.advice();
            assert!(!en.is_empty() && en.is_ascii() && !zh.is_ascii(), "{}: what to do?", code.as_str());
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
