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
