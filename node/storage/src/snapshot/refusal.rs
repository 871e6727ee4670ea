//! Why a snapshot was not written or not taken in.

use super::format::Unreadable;
use crate::StorageError;
use std::fmt;
use std::path::{Path, PathBuf};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $code:literal, $en:literal, $zh:literal;)*) => {
        /// Why a snapshot was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

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
    /// The store has no block yet.
    Nothing => "SNAPSHOT_NOTHING", "no block is final yet, so there is nothing to export",
        "尚无最终确认的区块，没有可导出的内容";
    /// The target of an export is there.
    Exists => "SNAPSHOT_EXISTS", "the file exists already; choose another name", "文件已存在，请另选名称";
    /// The target of an import holds a store.
    NotEmpty => "SNAPSHOT_NOT_EMPTY",
        "the data directory holds a store already; choose an empty one, or move `store` away",
        "数据目录中已有数据库，请选用空目录，或将其中的 store 移走";
    /// Not a snapshot, or of another format.
    Format => "SNAPSHOT_FORMAT", "not a snapshot of a format that this release reads", "不是本版本能读取的快照";
    /// Bytes are missing, changed or left over.
    Damaged => "SNAPSHOT_DAMAGED", "the file is damaged or incomplete; fetch it again", "文件已损坏或不完整，请重新获取";
    /// Another chain's.
    OtherChain => "SNAPSHOT_OTHER_CHAIN", "the snapshot is of another chain than the genesis file",
        "快照属于另一条链，与创世文件不符";
    /// The steps do not lead to the tip's validators.
    Path => "SNAPSHOT_PATH", "the changes of validators do not lead from the genesis to the newest block",
        "验证者的历次更换不能从创世文件通到最新区块";
    /// A block that its validators did not certify.
    Certificate => "SNAPSHOT_CERTIFICATE", "a block is not certified by the validators of its epoch",
        "有区块未经其任期的验证者确认";
    /// Blocks that are not those of the chain.
    Blocks => "SNAPSHOT_BLOCKS", "the blocks are not one chain up to the certified one, with its results",
        "区块不能连成一条直到已确认区块的链，或执行结果不符";
    /// Too few blocks to know what would be a replay.
    Window => "SNAPSHOT_WINDOW", "the blocks do not reach back one longest validity of a transaction",
        "区块回溯的时间短于交易的最长有效期";
    /// Rows of another state.
    State => "SNAPSHOT_STATE", "the rows are not those of the certified state", "状态内容与已确认的状态不符";
    /// Not the operator's chain.
    Checkpoint => "SNAPSHOT_CHECKPOINT", "the given checkpoint is not a block of this snapshot's chain",
        "给定的检查点不是快照所属链上的区块";
}

/// A snapshot was not written or not taken in; nothing was left behind. [`SnapshotError::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The snapshot, or where it should go, breaks a rule.
    Refused {
        /// The snapshot, or the data directory.
        path: PathBuf,
        /// The rule.
        reason: Reason,
        /// Particulars; may be empty.
        detail: String,
    },
    /// The store or the system failed.
    Storage(StorageError),
}

impl SnapshotError {
    pub(super) fn new(path: &Path, reason: Reason, detail: impl fmt::Display) -> Self {
        Self::Refused { path: path.to_owned(), reason, detail: detail.to_string() }
    }

    /// Why, where a rule refused.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused { reason, .. } => Some(*reason),
            Self::Storage(_) => None,
        }
    }

    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { reason, .. } => reason.code(),
            Self::Storage(e) => e.code(),
        }
    }

    /// The message in Chinese; the English one is its `Display`.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Refused { path, reason, detail } if detail.is_empty() => {
                format!("{}：{}", path.display(), reason.zh())
            }
            Self::Refused { path, reason, detail } => format!("{}：{}（{detail}）", path.display(), reason.zh()),
            Self::Storage(e) => e.message_zh(),
        }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { path, reason, detail } if detail.is_empty() => {
                write!(f, "{}: {}", path.display(), reason.en())
            }
            Self::Refused { path, reason, detail } => write!(f, "{}: {} ({detail})", path.display(), reason.en()),
            Self::Storage(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<StorageError> for SnapshotError {
    fn from(e: StorageError) -> Self {
        Self::Storage(e)
    }
}

/// Why a file could not be read on, of this file.
pub(super) fn unreadable(file: &Path, e: Unreadable) -> SnapshotError {
    match e {
        Unreadable::Io(e) => StorageError::io(format!("read {}", file.display()), &e).into(),
        Unreadable::Format => SnapshotError::new(file, Reason::Format, ""),
        Unreadable::Damaged(why) => SnapshotError::new(file, Reason::Damaged, why),
    }
}
