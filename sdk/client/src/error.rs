//! What can go wrong, with stable codes.

use hnchain_proof::ProofError;
use hnchain_types::transaction::{Outcome, Receipt};
use hnchain_types::{DecodeError, Height, TxId};
use std::path::PathBuf;

/// Why a call failed. [`Error::code`] is stable; the English text is `Display`, the Chinese one [`Error::message_zh`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list of endpoints is empty or one of them is not `http://host:port`.
    #[error("endpoint: {0}")]
    Endpoint(String),
    /// No node answered. A transaction that was being submitted may still have arrived: submitting the same bytes again is
    /// safe.
    #[error("{what}: no node answered: {}", list(.tried))]
    Unreachable {
        /// The request.
        what: &'static str,
        /// Each node and why it did not answer.
        tried: Vec<Attempt>,
    },
    /// Nodes were reachable, but none answered in time. As for [`Error::Unreachable`], submitting again is safe.
    #[error("{what}: no answer in time: {}", list(.tried))]
    Deadline {
        /// The request.
        what: &'static str,
        /// Each node and what became of the attempt.
        tried: Vec<Attempt>,
    },
    /// A node refused the request.
    #[error("{} refused: {} ({})", .0.endpoint, .0.message, .0.code)]
    Refused(Box<Refusal>),
    /// The chain refused the transaction by a rule of its ledger. This is final and on record in the receipt.
    #[error("the chain refused transaction {}: {}", .0.transaction, rejection(.0).1)]
    Rejected(Box<Receipt>),
    /// A node took the transaction, but it was not known to be final in time. It may still become final.
    #[error("transaction {id} was handed in but is not known to be final yet{}", because(.last))]
    Unsettled {
        /// The transaction.
        id: TxId,
        /// The last trouble on the way, if any.
        last: Option<Box<Self>>,
    },
    /// A node gave an answer that is malformed or does not belong to the question.
    #[error("{endpoint} gave a false answer to {what}: {why}")]
    BadResponse {
        /// The node.
        endpoint: String,
        /// The request.
        what: &'static str,
        /// What is wrong with the answer.
        why: String,
    },
    /// The node has not come as far as the caller needs.
    #[error("{endpoint} is at height {height}, {wanted} is needed")]
    Behind {
        /// The node.
        endpoint: String,
        /// Where it is.
        height: Height,
        /// Where it has to be.
        wanted: Height,
    },
    /// The node has no such entry.
    #[error("{what}: there is no {key}")]
    Missing {
        /// The request.
        what: &'static str,
        /// Key of the entry.
        key: String,
    },
    /// What the caller wants to send is not well formed.
    #[error("{0}")]
    Invalid(#[from] DecodeError),
    /// A proof does not hold.
    #[error("{0}")]
    Proof(Box<ProofError>),
    /// An opening that does not open the record's commitment: of another document, another version, or damaged.
    #[error("the opening does not open the commitment of version {version} of the record")]
    Opening {
        /// Version of the record that was proven; 0 when there is no such record.
        version: u64,
    },
    /// A file could not be read.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's message.
        why: String,
    },
    /// The operating system's random generator or clock failed.
    #[error("the operating system failed to give {0}")]
    System(&'static str),
}

/// One node and what became of a request to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The node.
    pub endpoint: String,
    /// What happened.
    pub why: String,
    /// Whether the request may have reached it.
    pub sent: bool,
}

/// A node's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The node.
    pub endpoint: String,
    /// Stable code: the node's own (metadata `hnchain-code`), else `RPC_` and the gRPC status.
    pub code: String,
    /// English message.
    pub message: String,
    /// Chinese message (metadata `hnchain-message-zh-bin`), where the node gives one.
    pub message_zh: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Another node was asked before and did not answer: it may have taken the request.
    pub uncertain: bool,
}

impl Error {
    /// Stable code. For refusals it is the code of the node or of the ledger.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Endpoint(_) => "CLIENT_ENDPOINT",
            Self::Unreachable { .. } => "CLIENT_UNREACHABLE",
            Self::Deadline { .. } => "CLIENT_DEADLINE",
            Self::Refused(r) => &r.code,
            Self::Rejected(r) => rejection(r).0,
            Self::Unsettled { .. } => "CLIENT_UNSETTLED",
            Self::BadResponse { .. } => "CLIENT_BAD_RESPONSE",
            Self::Behind { .. } => "CLIENT_BEHIND",
            Self::Missing { .. } => "CLIENT_MISSING",
            Self::Invalid(e) => e.code(),
            Self::Proof(e) => e.code(),
            Self::Opening { .. } => "CLIENT_OPENING",
            Self::File { .. } => "CLIENT_FILE",
            Self::System(_) => "CLIENT_SYSTEM",
        }
    }

    /// Whether the same call may succeed later without a change. Submitting the same bytes again is always safe.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Deadline { .. }
            | Self::Unsettled { .. }
            | Self::BadResponse { .. }
            | Self::Behind { .. } => true,
            Self::Refused(r) => r.retryable,
            _ => false,
        }
    }

    /// Whether no node could be reached or none answered in time.
    #[must_use]
    pub const fn unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Deadline { .. } | Self::Unsettled { .. })
    }

    /// Chinese message.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Endpoint(why) => format!("节点地址有误：{why}"),
            Self::Unreachable { tried, .. } => format!("没有节点应答：{}", list(tried)),
            Self::Deadline { tried, .. } => format!("节点未在时限内应答：{}", list(tried)),
            Self::Refused(r) => {
                format!("节点 {} 拒绝请求：{}（{}）", r.endpoint, r.message_zh.as_ref().unwrap_or(&r.message), r.code)
            }
            Self::Rejected(r) => format!("链上规则拒绝交易 {}：{}", r.transaction, rejection(r).2),
            Self::Unsettled { id, last } => {
                let why = last.as_ref().map(|e| format!("；最近一次问题：{}", e.message_zh())).unwrap_or_default();
                format!("交易 {id} 已提交，但在时限内未确认最终性{why}")
            }
            Self::BadResponse { endpoint, why, .. } => format!("节点 {endpoint} 的应答有误：{why}"),
            Self::Behind { endpoint, height, wanted } => format!("节点 {endpoint} 在高度 {height}，尚未到 {wanted}"),
            Self::Missing { key, .. } => format!("节点没有 {key}"),
            Self::Invalid(e) => format!("内容不合规则：{}", e.message_zh()),
            Self::Proof(e) => e.message_zh(),
            Self::Opening { version } => format!("开示内容与该记录第 {version} 版的承诺不符"),
            Self::File { path, why } => format!("{}：{why}", path.display()),
            Self::System(what) => format!("操作系统未能提供：{what}"),
        }
    }
}

impl From<ProofError> for Error {
    fn from(e: ProofError) -> Self {
        Self::Proof(Box::new(e))
    }
}

/// Code, English and Chinese message of a rejected receipt.
fn rejection(receipt: &Receipt) -> (&str, &str, &str) {
    match &receipt.outcome {
        Outcome::Rejected(r) => (&r.code, &r.message, &r.message_zh),
        Outcome::Accepted(_) => ("ACCEPTED", "accepted", "已接受"),
    }
}

fn list(tried: &[Attempt]) -> String {
    if tried.is_empty() {
        return "no attempt fitted in the time given".to_owned();
    }
    tried.iter().map(|a| format!("{}: {}", a.endpoint, a.why)).collect::<Vec<_>>().join("; ")
}

fn because(last: &Option<Box<Error>>) -> String {
    last.as_ref().map(|e| format!("; last trouble: {e}")).unwrap_or_default()
}
