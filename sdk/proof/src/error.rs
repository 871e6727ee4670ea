//! The steps of a verification, and the one table of reasons for refusing a bundle.

use serde::Serialize;
use std::fmt;

/// A step of the verification, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The bundle is bounded, canonical and of a known version.
    Format,
    /// It is of the trusted chain.
    Genesis,
    /// The changes of validators lead from the genesis to the header's epoch.
    Path,
    /// Its header is well-formed and names the validators of its epoch.
    Header,
    /// Its execution result is well-formed.
    Result,
    /// A quorum of those validators finalized that header with that result.
    Certificate,
    /// The state root in that result holds, or does not hold, the row.
    State,
    /// The row is a record, and the one that the key names.
    Record,
    /// The enclosed opening opens the record's commitment.
    Opening,
    /// The whole is what was written: nothing was cut off, added or exchanged for something else that is true.
    Digest,
}

impl Step {
    /// Every step, in order.
    pub const ALL: &'static [Self] = &[
        Self::Format,
        Self::Genesis,
        Self::Path,
        Self::Header,
        Self::Result,
        Self::Certificate,
        Self::State,
        Self::Record,
        Self::Opening,
        Self::Digest,
    ];

    /// Stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Genesis => "genesis",
            Self::Path => "path",
            Self::Header => "header",
            Self::Result => "result",
            Self::Certificate => "certificate",
            Self::State => "state",
            Self::Record => "record",
            Self::Opening => "opening",
            Self::Digest => "digest",
        }
    }

    /// Chinese name.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Format => "格式",
            Self::Genesis => "创世文件",
            Self::Path => "任期路径",
            Self::Header => "区块头",
            Self::Result => "执行结果",
            Self::Certificate => "最终性证书",
            Self::State => "状态路径",
            Self::Record => "记录",
            Self::Opening => "原文开示",
            Self::Digest => "整体摘要",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $step:ident, $code:literal, $en:literal, $zh:literal;)*) => {
        /// Why a bundle was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Step that failed.
            #[must_use]
            pub const fn step(self) -> Step {
                match self { $(Self::$name => Step::$step,)* }
            }

            /// Stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }
        }
    };
}

reasons! {
    /// Larger than any bundle.
    TooLarge => Format, "PROOF_TOO_LARGE", "larger than any bundle", "文件大于任何证明包";
    /// Neither the JSON nor the protobuf of a bundle.
    Malformed => Format, "PROOF_MALFORMED", "not a proof bundle", "不是证明包";
    /// A bundle, but not written the one canonical way.
    NotCanonical => Format, "PROOF_NOT_CANONICAL",
        "not written in the canonical form, so a byte of it was changed", "不是规范写法，内容被改动过";
    /// A format that this software does not know.
    Version => Format, "PROOF_VERSION", "a format version that this software does not know", "本软件不认识的格式版本";
    /// A field of the wrong length.
    Field => Format, "PROOF_FIELD", "a field has the wrong length", "字段长度不对";
    /// Another chain's bundle.
    OtherChain => Genesis, "PROOF_OTHER_CHAIN",
        "the bundle is of another chain than the trusted genesis file", "证明包属于另一条链，与所信任的创世文件不符";
    /// An epoch to which the path does not lead exactly: steps are missing, or there are more than needed.
    Epoch => Path, "PROOF_EPOCH",
        "the path has not exactly one step for each epoch before the header's", "任期路径与区块头所属任期不符，步骤缺少或多余";
    /// A step whose parts do not decode.
    StepMalformed => Path, "PROOF_STEP_MALFORMED",
        "a step of the path is malformed", "任期路径中有一步格式错误";
    /// A step of another chain.
    StepOtherChain => Path, "PROOF_STEP_OTHER_CHAIN",
        "a step of the path is of another chain", "任期路径中有一步属于另一条链";
    /// A step out of its place.
    StepEpoch => Path, "PROOF_STEP_EPOCH",
        "a step of the path is of another epoch than its place", "任期路径中有一步的任期与其位置不符";
    /// A step whose header names other validators than those to whom the path led.
    StepValidators => Path, "PROOF_STEP_VALIDATORS",
        "a step of the path names another validator set than the step before it certified",
        "任期路径中有一步指向的验证者集合与前一步所确认的不同";
    /// A step that the epoch's validators did not certify.
    StepCertificate => Path, "PROOF_STEP_CERTIFICATE",
        "a step of the path is not certified by the validators of its epoch", "任期路径中有一步未经该任期的验证者确认";
    /// A step that ends no epoch.
    StepUnchanged => Path, "PROOF_STEP_UNCHANGED",
        "a step of the path does not change the validators", "任期路径中有一步没有更换验证者";
    /// A step with another set than it certified.
    StepSet => Path, "PROOF_STEP_SET",
        "a step of the path encloses another validator set than it certifies", "任期路径中有一步附带的验证者集合与其确认的不同";
    /// A header that does not decode.
    Header => Header, "PROOF_HEADER", "the block header is malformed", "区块头格式错误";
    /// Another validator set.
    Validators => Header, "PROOF_VALIDATORS",
        "the header names another validator set than the trusted one", "区块头指向的验证者集合与所信任的不同";
    /// A result that does not decode.
    Result => Result, "PROOF_RESULT", "the execution result is malformed", "执行结果格式错误";
    /// A certificate that does not decode.
    Certificate => Certificate, "PROOF_CERTIFICATE", "the certificate is malformed", "证书格式错误";
    /// A notarization or nullification.
    NotFinal => Certificate, "PROOF_NOT_FINAL", "the certificate does not finalize a block", "证书不是最终性证书";
    /// A finalization of something else.
    Statement => Certificate, "PROOF_STATEMENT",
        "the certificate finalizes another block or another result", "证书确认的是另一个区块或另一个结果";
    /// A finalization of another view or epoch.
    View => Certificate, "PROOF_VIEW",
        "the certificate is of another view or epoch than the header", "证书与区块头的视图或任期不同";
    /// Too few signers.
    Quorum => Certificate, "PROOF_QUORUM", "fewer signers than a quorum", "签名的验证者不足法定数";
    /// Signers that are not in the set, or not in order.
    Signers => Certificate, "PROOF_SIGNERS",
        "the signers are not distinct members of the validator set", "签名者不是验证者集合中互不相同的成员";
    /// A signature that does not verify.
    Signature => Certificate, "PROOF_SIGNATURE", "a validator's signature does not verify", "验证者签名验证不通过";
    /// The path does not lead from key and row to the root.
    State => State, "PROOF_STATE",
        "the path does not lead from the record to the certified state root", "路径不能从该记录到达已确认的状态根";
    /// A key that is not a record's.
    Key => Record, "PROOF_KEY", "the proven key is not that of a record", "所证明的键不是记录的键";
    /// A row that is not a record.
    Row => Record, "PROOF_ROW", "the proven row is not a well-formed record", "所证明的内容不是格式正确的记录";
    /// A row of another record.
    OtherRecord => Record, "PROOF_OTHER_RECORD",
        "the row is of another record than the key", "记录内容与键所指的记录不同";
    /// A row that is newer than the block.
    Future => Record, "PROOF_FUTURE", "the record is newer than the certified block", "记录晚于已确认的区块";
    /// An opening of an absent record.
    OpeningOfNone => Opening, "PROOF_OPENING_OF_NONE",
        "there is an opening but no record to open", "有原文开示，却没有对应的记录";
    /// An opening of a batch root.
    OpeningOfBatch => Opening, "PROOF_OPENING_OF_BATCH",
        "the record commits to a batch, which a single document cannot open", "该记录是一批记录的承诺，单个原文无法开示";
    /// An opening of something else.
    Opening => Opening, "PROOF_OPENING",
        "the opening does not open the record's commitment", "原文开示与记录的承诺不符";
    /// Another content than was written.
    Digest => Digest, "PROOF_DIGEST",
        "the digest of the whole is another: the file was changed after it was written", "整体摘要不符，文件写出后被改动过";
}

/// A bundle was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofError {
    reason: Reason,
    detail: String,
}

impl ProofError {
    pub(crate) fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string() }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The step that failed. Steps before it passed; those after it were not taken.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.reason.step()
    }

    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// Particulars: numbers, names, the decoder's words. May be empty.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// English message.
    #[must_use]
    pub fn message(&self) -> String {
        let detail = if self.detail.is_empty() { String::new() } else { format!(" ({})", self.detail) };
        format!("step {}: {}{detail}", self.step(), self.reason.en())
    }

    /// Chinese message.
    #[must_use]
    pub fn message_zh(&self) -> String {
        let detail = if self.detail.is_empty() { String::new() } else { format!("（{}）", self.detail) };
        format!("步骤“{}”：{}{detail}", self.step().zh(), self.reason.zh())
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for ProofError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_speak_both_languages() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let error = ProofError::new(*reason, "7");
            assert!(error.message().contains(reason.step().as_str()) && error.message().is_ascii());
            assert!(error.message_zh().contains(reason.step().zh()) && error.message_zh().ends_with("（7）"));
        }
    }

    #[test]
    fn every_step_can_fail() {
        let failing: BTreeSet<_> = Reason::ALL.iter().map(|r| r.step()).collect();
        assert_eq!(failing.into_iter().collect::<Vec<_>>(), Step::ALL);
    }
}
