//! What can go wrong with the data directory, and what its operator does about it.

use hnchain_types::GenesisDigest;
use std::path::PathBuf;

/// Why the store or the journal refused. [`StorageError::code`] is stable; `Display` is English.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The directory holds another chain.
    #[error(
        "{} holds the chain with genesis {found}, this node was started with genesis {expected}. \
         Choose another data directory, or start with the genesis file that belongs to this one",
        .directory.display()
    )]
    OtherChain {
        /// The data directory.
        directory: PathBuf,
        /// Genesis that the directory was made for.
        found: GenesisDigest,
        /// Genesis that the node was started with.
        expected: GenesisDigest,
    },
    /// Another process, or another part of this one, has the directory open.
    #[error("{} is in use by another process. Stop it first, or choose another data directory", .directory.display())]
    Locked {
        /// The data directory.
        directory: PathBuf,
    },
    /// Files are missing, changed or do not agree with each other.
    #[error(
        "the store in {0} is damaged: {why}. Move {1} away and start again: the node fetches every block from its \
         peers; or put a backup in its place. Keep votes.journal: without it this validator could vote twice",
        .directory.display(),
        .directory.join("store").display()
    )]
    Damaged {
        /// The data directory.
        directory: PathBuf,
        /// The damage, with the file where it is known.
        why: String,
    },
    /// Written in a format that this software does not read.
    #[error("the store in {} is of another format: {why}. Start the release that wrote it, or a newer one", .directory.display())]
    Format {
        /// The data directory.
        directory: PathBuf,
        /// Format found and format known.
        why: String,
    },
    /// The rules of this software give other initial rows for the same genesis.
    #[error(
        "the store in {} was begun under other rules: this release derives other initial rows from the same genesis. \
         Start the release that wrote it",
        .directory.display()
    )]
    OtherRules {
        /// The data directory.
        directory: PathBuf,
    },
    /// The operating system refused.
    #[error("{what}: {why}. Check free space, permissions and the disk, then start the node again")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's answer.
        why: String,
    },
    /// The vote journal has a hole or is no journal.
    #[error(
        "the vote journal {} is damaged at byte {at}: {why}. Do not delete it while this validator's key is in use: \
         it could vote twice. Restore the file, or give the validator a new key",
        .file.display()
    )]
    JournalDamaged {
        /// The journal file.
        file: PathBuf,
        /// Position of the damage in bytes.
        at: u64,
        /// The damage.
        why: String,
    },
    /// The caller broke the interface: an error of the program, not of the data.
    #[error("the storage was used against its rules: {0}")]
    Misuse(String),
}

impl StorageError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherChain { .. } => "STORE_OTHER_CHAIN",
            Self::Locked { .. } => "STORE_LOCKED",
            Self::Damaged { .. } => "STORE_DAMAGED",
            Self::Format { .. } => "STORE_FORMAT",
            Self::OtherRules { .. } => "STORE_OTHER_RULES",
            Self::Io { .. } => "STORE_IO",
            Self::JournalDamaged { .. } => "JOURNAL_DAMAGED",
            Self::Misuse(_) => "STORE_MISUSE",
        }
    }

    /// The message in Chinese.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::OtherChain { directory, found, expected } => format!(
                "数据目录 {} 属于创世摘要为 {found} 的链,而本节点以创世摘要 {expected} 启动。请改用其他数据目录,或使用与该目录对应的创世文件",
                directory.display()
            ),
            Self::Locked { directory } => {
                format!("数据目录 {} 正被其他进程使用。请先停止该进程,或改用其他数据目录", directory.display())
            }
            Self::Damaged { directory, why } => format!(
                "数据目录 {} 中的数据库已损坏:{why}。请将 {} 移走后重新启动,节点会从其他节点重新同步全部区块;也可用备份替换。请保留 votes.journal,否则本验证节点可能重复投票",
                directory.display(),
                directory.join("store").display()
            ),
            Self::Format { directory, why } => format!(
                "数据目录 {} 的存储格式与本软件不符:{why}。请使用写入该目录的版本或更新的版本",
                directory.display()
            ),
            Self::OtherRules { directory } => format!(
                "数据目录 {} 按其他规则建立:本版本由同一创世文件得出的初始数据不同。请使用写入该目录的版本",
                directory.display()
            ),
            Self::Io { what, why } => format!("{what}:{why}。请检查磁盘空间、权限和磁盘状态后重新启动节点"),
            Self::JournalDamaged { file, at, why } => format!(
                "投票日志 {} 在第 {at} 字节处损坏:{why}。该验证节点的密钥仍在使用时请勿删除日志,否则可能重复投票。请恢复该文件,或为验证节点更换密钥",
                file.display()
            ),
            Self::Misuse(why) => format!("存储接口使用错误:{why}"),
        }
    }

    pub(crate) fn io(what: impl Into<String>, why: &std::io::Error) -> Self {
        Self::Io { what: what.into(), why: why.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_says_what_and_what_to_do_in_both_languages() {
        let e = StorageError::Damaged { directory: "data".into(), why: "000007.sst is missing".into() };
        assert_eq!(e.code(), "STORE_DAMAGED");
        for text in [e.to_string(), e.message_zh()] {
            assert!(text.contains("000007.sst") && text.contains("data/store") && text.contains("votes.journal"));
        }
    }
}
