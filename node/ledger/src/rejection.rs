//! The one table of rejections: stable code, the rule and what to do about it, in English and Chinese.

use crate::StateError;
use hnchain_types::proto;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $en:literal, $zh:literal
        , $do_en:literal, $do_zh:literal;)*) => {
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
                match self { $(Self::$name => ($do_en, $do_zh),)* }
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

    // 电子证照
    /// No reason for a suspension, revocation or cancellation.
    CredentialReason => "CREDENTIAL_REASON",
        "suspending, revoking and cancelling need a reason", "暂扣、吊销、注销证照须说明原因",
        "give a reason of 1 to 256 bytes, without personal data",
        "填写原因（1 至 256 字节，不含个人信息）";
    /// No such certificate.
    CredentialNotFound => "CREDENTIAL_NOT_FOUND", "there is no certificate with this identifier", "没有该标识的证照",
        "check type, issuer, serial and version of the identifier",
        "核对标识中的类型、颁发机构、流水号与版本号";
    /// Another organization's certificate.
    CredentialOwner => "CREDENTIAL_OWNER",
        "the certificate was issued by an organization that is not below the signer's",
        "该证照由其他机构颁发，签名者所属机构不是颁发机构或其上级",
        "let the organization that issued it, or one above it, sign",
        "由颁发机构或其上级机构签名提交";
    /// Revoked, cancelled or superseded.
    CredentialFinal => "CREDENTIAL_FINAL",
        "the certificate is revoked, cancelled or superseded, which is final", "该证照已吊销、注销或变更，不能再改",
        "nothing changes it any more; a superseded one names the version after it",
        "该证照不再变化；已变更的可查其后续版本";
    /// Its period is over.
    CredentialExpired => "CREDENTIAL_EXPIRED",
        "the certificate has expired, so it is neither suspended nor resumed", "该证照已过有效期，不能暂扣或恢复",
        "change it (renewal), or revoke or cancel it",
        "办理延续（变更），或吊销、注销";
    /// Suspended.
    CredentialSuspended => "CREDENTIAL_SUSPENDED",
        "the certificate is suspended: resume it before it is suspended again or changed",
        "该证照处于暂扣状态，恢复后才能再次暂扣或变更",
        "resume it first",
        "先恢复该证照";
    /// Not suspended.
    CredentialNotSuspended => "CREDENTIAL_NOT_SUSPENDED",
        "the certificate is not suspended", "该证照未被暂扣，无须恢复",
        "nothing, it is not suspended",
        "无须处理，证照未被暂扣";
    /// The next version of something else.
    CredentialSeries => "CREDENTIAL_SERIES",
        "the next version has another type, issuer or serial than the one before",
        "新版本的类型代码、颁发机构代码或流水号与原版本不同",
        "keep type, issuer and serial; only the version number grows",
        "类型、颁发机构、流水号保持不变，仅版本号递增";
    /// Not the version + 1.
    CredentialVersion => "CREDENTIAL_VERSION",
        "the version of the new identifier is not the one before + 1", "新标识的版本号不是原版本号加一",
        "take the present version number + 1",
        "新版本号取当前版本号加一";
    /// No such type.
    CredentialTypeUnknown => "CREDENTIAL_TYPE_UNKNOWN",
        "this chain issues no certificates of this type", "本链不颁发此类型的证照",
        "check the type code, or propose the type",
        "核对类型代码，或提案增加该类型";
    /// No more of this type.
    CredentialTypeRetired => "CREDENTIAL_TYPE_RETIRED",
        "certificates of this type are not issued any more", "此类型的证照已停止颁发",
        "issue a certificate of the type that took its place",
        "改用替代它的证照类型";
    /// Another organization's code.
    CredentialIssuer => "CREDENTIAL_ISSUER",
        "the identifier's issuer code is not the credit code of the signer's organization",
        "标识中的颁发机构代码不是签名者所属机构的统一社会信用代码",
        "put the unified social credit code of your own organization into the identifier",
        "标识中填写本机构的统一社会信用代码";
    /// Begins with another version than 001.
    CredentialFirstVersion => "CREDENTIAL_FIRST_VERSION",
        "the first version of a certificate is 001", "首次颁发的证照版本号须为 001",
        "issue version 001; later versions are changes",
        "首次颁发 001 版；其后版本以变更办理";
    /// Ends before it begins.
    CredentialPeriod => "CREDENTIAL_PERIOD",
        "the period of validity ends before it begins", "有效期止早于有效期起",
        "correct the period of validity",
        "更正有效期起止";
    /// Issued before.
    CredentialExists => "CREDENTIAL_EXISTS",
        "a certificate with this identifier was issued before", "该标识的证照已经颁发",
        "take another serial, or change the certificate that exists",
        "换用其他流水号，或变更已有证照";
    // 不动产登记
    /// 首次登记 of a unit that has a row.
    RealtyUnitExists => "REALTY_UNIT_EXISTS",
        "a unit is first-registered once", "不动产单元只能首次登记一次",
        "transfer or change the unit",
        "改办转移登记或变更登记";
    /// A fixture on a parcel that is not registered.
    RealtyParcelMissing => "REALTY_PARCEL_MISSING",
        "the unit's parcel is not registered", "不动产单元所在宗地尚未登记",
        "register the parcel first: the code that ends with W00000000",
        "先登记宗地（代码以 W00000000 结尾）";
    /// No such unit.
    RealtyUnitNotFound => "REALTY_UNIT_NOT_FOUND", "the unit is not registered", "该不动产单元尚未登记",
        "check the unit code",
        "核对不动产单元代码";
    /// Its right was cancelled.
    RealtyUnitCancelled => "REALTY_UNIT_CANCELLED",
        "the unit's right was cancelled", "该不动产单元的权利已注销",
        "nothing, the unit's right is gone for good",
        "无法办理，该单元的权利已注销";
    /// The right cannot exist on the unit.
    RealtyRight => "REALTY_RIGHT", "the right does not fit the unit's code", "权利类型与不动产单元代码不符",
        "check the right and the unit code",
        "核对权利类型与不动产单元代码";
    /// Not exactly the present holders.
    RealtyHoldersDiffer => "REALTY_HOLDERS_DIFFER",
        "the holders named are not exactly the present ones", "所列权利人与登记簿现有权利人不完全一致",
        "look at the unit and name exactly its present holders",
        "查询该单元，完整列出现有权利人";
    /// Fractions that do not sum to one.
    RealtyShares => "REALTY_SHARES", "the shares do not sum to exactly one", "各共有人份额之和不等于一",
        "make the shares sum to exactly one",
        "使各份额之和恰为一";
    /// Nothing would be different.
    RealtyUnchanged => "REALTY_UNCHANGED", "nothing would change", "登记内容没有变化",
        "nothing, what is registered is so already",
        "无须处理，登记内容已是如此";
    /// Too few of the co-owners.
    RealtyConsent => "REALTY_CONSENT",
        "the holders whose consent is needed do not all consent", "须经同意的权利人未全部同意",
        "add the consent of all holders, or of two thirds of the shares where that suffices",
        "补充全体权利人同意；按份共有且未另行约定的，补足三分之二以上份额";
    /// 查封.
    RealtySealed => "REALTY_SEALED", "the unit is sealed by a court", "该不动产单元已被查封",
        "wait until the court lifts the seal or it ends",
        "待法院解除查封或查封期满";
    /// 预告登记.
    RealtyNoticed => "REALTY_NOTICED",
        "a notice-holder does not consent", "预告登记权利人未同意",
        "add the consent of the holder of the notice",
        "补充预告登记权利人的同意";
    /// 抵押权.
    RealtyMortgaged => "REALTY_MORTGAGED",
        "a mortgagee whose consent is needed does not consent", "须经同意的抵押权人未同意",
        "add the consent of the mortgagee",
        "补充抵押权人的同意";
    /// 居住权, 地役权.
    RealtyInterested => "REALTY_INTERESTED",
        "the holder of an interest does not consent", "居住权人或地役权人未同意",
        "add the consent of the holder of the interest",
        "补充居住权人或地役权人的同意";
    /// Registered fixtures on the parcel.
    RealtyFixtures => "REALTY_FIXTURES",
        "fixtures on the parcel are registered", "宗地上尚有已登记的定着物",
        "cancel the fixtures on the parcel first",
        "先注销宗地上的定着物单元";
    /// The certificate number was given before.
    RealtyNumberTaken => "REALTY_NUMBER_TAKEN",
        "the certificate number was given before", "该证书或证明号已被使用",
        "take the next certificate number",
        "使用下一个证号";
    /// 16 open burdens of the kind.
    RealtyBurdensFull => "REALTY_BURDENS_FULL",
        "the unit has as many burdens of this kind as it may", "该不动产单元此类负担已达上限",
        "release one of the sixteen that are open",
        "先解除十六项中的一项";
    /// 999 999 entries.
    RealtyEntriesFull => "REALTY_ENTRIES_FULL",
        "the unit has as many registrations as it may", "该不动产单元的登记次数已达上限",
        "nothing, 999 999 registrations are the most",
        "无法办理，登记次数上限为 999 999";
    /// No such burden, or released.
    RealtyBurdenNotFound => "REALTY_BURDEN_NOT_FOUND",
        "the unit has no such open burden", "该不动产单元没有此项未解除的负担",
        "look at the unit for the numbers of its open burdens",
        "查询该单元未解除负担的编号";
    /// Ended by time.
    RealtyBurdenLapsed => "REALTY_BURDEN_LAPSED", "the burden has lapsed", "该项负担已因期限届满失效",
        "register a new one",
        "重新登记";
    /// Neither its party nor a court.
    RealtyRelease => "REALTY_RELEASE",
        "only its party's consent or a court ends it", "须经该项权利人同意或由法院裁定方可注销",
        "add its party's consent, or let a court order it",
        "补充该项权利人的同意，或由法院裁定";
    /// Another court's seal.
    RealtySealCourt => "REALTY_SEAL_COURT", "another court sealed", "该查封由其他法院作出",
        "let the court that sealed lift the seal",
        "由作出查封的法院解除";
    /// A correction of nothing.
    RealtyEntryNotFound => "REALTY_ENTRY_NOT_FOUND", "the unit has no such entry", "该不动产单元没有此条登记",
        "look at the unit's chain of title and name one of its entries",
        "查询登记沿革，指明其中一条";
    /// A holder that the entry does not name.
    RealtyCorrectionHolder => "REALTY_CORRECTION_HOLDER",
        "the entry does not name the holder that is corrected", "所更正的登记中没有该权利人",
        "name the entry that has this holder",
        "指明载有该权利人的登记";
    /// Two holders would be one.
    RealtyHolderTwice => "REALTY_HOLDER_TWICE",
        "a holder would be named twice", "更正后权利人将重复",
        "name a holder who is not one already",
        "更正为尚未列入的权利人";
    // 农产品溯源
    /// A batch with this name exists.
    TraceExists => "TRACE_EXISTS", "the producer has a batch with this code already", "该生产者已有此批次号",
        "take another batch code",
        "换用其他批次号";
    /// No such batch.
    TraceNotFound => "TRACE_NOT_FOUND", "there is no such batch", "没有该批次",
        "check the batch: credit code, slash, code",
        "核对批次：信用代码、斜线、批次号";
    /// Named under another organization's code.
    TraceProducer => "TRACE_PRODUCER",
        "a new batch is named under the credit code of the signer's organization",
        "新批次须以签名者所属机构的统一社会信用代码命名",
        "name new batches under your own organization's credit code",
        "新批次以本机构信用代码命名";
    /// Somebody else has it.
    TraceCustodian => "TRACE_CUSTODIAN",
        "only the organization that has the batch acts on it", "只有当前持有该批次的机构可以操作",
        "let the organization that has the batch act, or have it shipped here",
        "由持有机构操作，或先将批次发来";
    /// No longer in the field.
    TraceHarvested => "TRACE_HARVESTED",
        "inputs and harvest are for a growing batch", "投入品与采收仅适用于生长中的批次",
        "nothing, the batch is harvested already",
        "无须处理，该批次已采收";
    /// Still in the field.
    TraceNotHarvested => "TRACE_NOT_HARVESTED", "the batch is not harvested", "该批次尚未采收",
        "harvest it first",
        "先登记采收";
    /// Inside the 安全间隔期.
    TraceSafetyInterval => "TRACE_SAFETY_INTERVAL",
        "the safety interval of an input has not passed", "投入品的安全间隔期未满，不得采收",
        "harvest after the time in the message",
        "在提示的时间之后采收";
    /// The newest inspection failed.
    TraceInspectionFailed => "TRACE_INSPECTION_FAILED",
        "the newest inspection of the batch failed", "该批次最近一次检验不合格",
        "have it inspected again, return it or destroy it",
        "重新检验，或退回、销毁";
    /// A second certificate.
    TraceCertified => "TRACE_CERTIFIED",
        "the batch has a conformity certificate already", "该批次已开具承诺达标合格证",
        "nothing, the batch has its certificate",
        "无须处理，已有合格证";
    /// More than is left.
    TraceQuantity => "TRACE_QUANTITY", "there is not so much left of the batch", "该批次余量不足",
        "take at most what is left; the message says how much",
        "取用量不超过余量，见提示";
    /// Another unit or a finer scale.
    TraceUnit => "TRACE_UNIT",
        "the quantity is not in the batch's unit and scale", "数量的单位或小数位与批次不符",
        "give the quantity in the batch's unit and decimal places",
        "按批次的单位与小数位填写数量";
    /// Parts and loss differ from what is taken.
    TraceBalance => "TRACE_BALANCE",
        "parts and loss are not what is taken", "各份与损耗之和不等于取用量",
        "make parts and loss sum to exactly what is taken",
        "使各份与损耗之和恰为取用量";
    /// Outputs beyond the declared yield.
    TraceYield => "TRACE_YIELD",
        "the outputs are more than inputs, conversion and declared yield give",
        "产出超过投入按换算与声明得率所得",
        "correct the outputs, or declare the true yield",
        "更正产出，或如实声明得率";
    /// In a container.
    TraceAggregated => "TRACE_AGGREGATED", "the batch is in a container: unpack it first", "该批次已装箱，请先拆箱",
        "unpack the container first",
        "先拆箱";
    /// In no container.
    TraceNotAggregated => "TRACE_NOT_AGGREGATED", "the batch is in no container", "该批次未装箱",
        "nothing, the batch is in no container",
        "无须处理，该批次未装箱";
    /// Nobody, or the custodian itself.
    TraceReceiver => "TRACE_RECEIVER",
        "a batch is shipped to another organization of this chain", "收货方须为本链上的另一机构",
        "ship to the id of another organization of this chain",
        "收货方填写本链另一机构的标识";
    /// Not on its way to the signer.
    TraceNotReceiver => "TRACE_NOT_RECEIVER",
        "the batch is not on its way to the signer's organization", "该批次不是发给签名者所属机构的",
        "ask the shipper to ship it to you; or it has arrived already",
        "请发货方发来；或已收货";
    /// On its way.
    TraceInTransit => "TRACE_IN_TRANSIT", "the batch is on its way", "该批次在途",
        "receive it first, or return it to its shipper",
        "先收货，或退回发货方";
    /// Sold out, used up or destroyed.
    TraceFinished => "TRACE_FINISHED",
        "the batch is sold out, used up or destroyed", "该批次已售完、用完或销毁",
        "nothing, nothing is left of the batch",
        "无法办理，该批次已无余量";
    /// Returned to somebody whom it did not come from.
    TraceReturn => "TRACE_RETURN",
        "a batch returns to whom it came from or to its maker", "批次只能退回来货方或制造方",
        "return it to whom it came from or to its maker",
        "退回来货方或制造方";
    /// It or an ancestor is recalled.
    TraceRecalled => "TRACE_RECALLED",
        "the batch or one that it was made of is recalled: only return and destroy",
        "该批次或其上级批次已被召回，仅可退回或销毁",
        "return it or destroy it",
        "退回或销毁";
    /// A second recall.
    TraceRecallExists => "TRACE_RECALL_EXISTS", "the batch is recalled already", "该批次已被召回",
        "nothing, the recall is on record",
        "无须处理，召回已登记";
    /// Too many ancestors.
    TraceLineageLimit => "TRACE_LINEAGE_LIMIT",
        "the batch would have more ancestors than the chain can follow", "该批次的上级批次将超过本链可追溯的上限",
        "make it of fewer batches: at most 1024 ancestors",
        "减少投入批次：上级批次最多 1024 个";
    /// Too many ancestors were followed in this transaction, or in this block.
    TraceBusy => "TRACE_BUSY",
        "this transaction, or this block, follows as many ancestors as one may",
        "本交易或本区块追溯的上级批次已达上限",
        "submit it again, with fewer operations in the transaction",
        "减少交易中的操作后重新提交";
    /// Too many events or children.
    TraceFull => "TRACE_FULL",
        "the batch has as many events or children as one may have", "该批次的事件或下级批次数已达上限",
        "go on with a part of the batch",
        "拆分后以新批次继续";
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
