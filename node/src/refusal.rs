//! What is said to a caller whose request is refused: a stable code, English, Chinese, and what kind of refusal it is.

use hnchain_ledger::{Rejection, StateError};
use hnchain_storage::StorageError;
use hnchain_types::DecodeError;

/// Sort of a refusal. Decides the gRPC status and whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong; the same bytes are refused everywhere.
    Invalid,
    /// The signer may not do this.
    Denied,
    /// It contradicts what is recorded or queued.
    Conflict,
    /// What was asked for is not here.
    NotFound,
    /// A limit of this node is reached; try again or on another node.
    Busy,
    /// This node cannot serve it at the moment; try again or on another node.
    Unavailable,
    /// The deadline of the request passed.
    Deadline,
    /// This node failed; its operator has to look.
    Internal,
}

/// A refusal as it leaves the process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Stable code, for example `MEMPOOL_FULL`.
    pub code: &'static str,
    /// Sort.
    pub kind: Kind,
    /// English.
    pub message: String,
    /// Chinese.
    pub message_zh: String,
}

impl Refusal {
    /// Puts a refusal together.
    pub fn new(code: &'static str, kind: Kind, message: impl Into<String>, message_zh: impl Into<String>) -> Self {
        Self { code, kind, message: message.into(), message_zh: message_zh.into() }
    }

    /// Whether the same request can succeed later or on another node.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(self.kind, Kind::Busy | Kind::Unavailable)
    }

    /// The gRPC status code of its kind.
    #[must_use]
    pub const fn grpc(&self) -> tonic::Code {
        match self.kind {
            Kind::Invalid => tonic::Code::InvalidArgument,
            Kind::Denied => tonic::Code::PermissionDenied,
            Kind::Conflict => tonic::Code::FailedPrecondition,
            Kind::NotFound => tonic::Code::NotFound,
            Kind::Busy => tonic::Code::ResourceExhausted,
            Kind::Unavailable => tonic::Code::Unavailable,
            Kind::Deadline => tonic::Code::DeadlineExceeded,
            Kind::Internal => tonic::Code::Internal,
        }
    }

    /// A reading or writing of the data directory failed.
    #[must_use]
    pub fn storage(why: &dyn std::fmt::Display) -> Self {
        Self::new(
            "STORAGE",
            Kind::Internal,
            format!("this node cannot read its data: {why}; ask its operator"),
            format!("本节点无法读取数据：{why}；请联系节点运维人员"),
        )
    }

    /// The node is going down.
    #[must_use]
    pub fn stopping() -> Self {
        Self::new(
            "NODE_STOPPING",
            Kind::Unavailable,
            "this node is shutting down; use another node",
            "本节点正在关闭，请改用其他节点",
        )
    }

    /// What was read changed while it was read, again and again.
    #[must_use]
    pub fn contended() -> Self {
        Self::new(
            "READ_CONTENDED",
            Kind::Unavailable,
            "blocks became final faster than the state was read; try again",
            "读取期间不断有新区块产生，请重试",
        )
    }

    /// A signature does not verify.
    #[must_use]
    pub fn signature() -> Self {
        Self::new(
            "SIGNATURE_INVALID",
            Kind::Invalid,
            "the SM2 signature does not verify under the public key of the transaction",
            "交易的 SM2 签名与其公钥不符",
        )
    }
}

impl From<DecodeError> for Refusal {
    fn from(e: DecodeError) -> Self {
        let zh = match &e {
            DecodeError::TooLarge { got, max, .. } => format!("数据共 {got} 字节，最多允许 {max} 字节"),
            DecodeError::Malformed { .. } => format!("数据格式错误：{e}"),
            DecodeError::NotCanonical(what) => format!("{what} 不是规范编码：字段须按顺序各编码一次，不写默认值"),
            DecodeError::Field { field, why } => format!("字段 {field} 不合规则：{why}"),
        };
        Self::new(e.code(), Kind::Invalid, e.to_string(), zh)
    }
}

impl From<Rejection> for Refusal {
    fn from(r: Rejection) -> Self {
        let kind = if r.code.starts_with("SIGNER_") || r.code.starts_with("ROLE_") {
            Kind::Denied
        } else if r.code == "TX_REPLAYED" {
            Kind::Conflict
        } else {
            Kind::Invalid
        };
        Self::new(r.code, kind, r.message, r.message_zh)
    }
}

impl From<StateError> for Refusal {
    fn from(e: StateError) -> Self {
        tracing::error!(error = %e.0, "reading the state failed");
        Self::storage(&e.0)
    }
}

impl From<StorageError> for Refusal {
    fn from(e: StorageError) -> Self {
        tracing::error!(error = %e, "reading the store failed");
        Self::storage(&e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_and_absence_are_worth_another_try() {
        let refusal = |kind| Refusal::new("X", kind, "", "");
        assert!(refusal(Kind::Busy).retryable() && refusal(Kind::Unavailable).retryable());
        for kind in [Kind::Invalid, Kind::Denied, Kind::Conflict, Kind::NotFound, Kind::Deadline, Kind::Internal] {
            assert!(!refusal(kind).retryable());
        }
    }

    #[test]
    fn a_missing_role_is_permission_denied() {
        let rejection = Rejection {
            code: "ROLE_MISSING",
            message: "no role".to_owned(),
            message_zh: "没有权限".to_owned(),
            operation: 0,
        };
        assert_eq!(Refusal::from(rejection).grpc(), tonic::Code::PermissionDenied);
    }
}
