//! Why a node did not start or had to stop, as its operator reads it.

use crate::config::ConfigError;
use crate::telemetry::TelemetryError;
use hnchain_crypto::keyfile::KeyFileError;
use hnchain_ledger::StateError;
use hnchain_network::NetworkError;
use hnchain_storage::StorageError;
use hnchain_storage::snapshot::SnapshotError;
use hnchain_types::DecodeError;
use std::fmt;
use std::path::Path;

/// Exit code after a refusal or damage.
pub const EXIT_REFUSED: u8 = 1;
/// Exit code after wrong usage: command line, configuration, key or password.
pub const EXIT_USAGE: u8 = 2;

/// A failure with its stable code, both languages, and the exit code of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable code.
    pub code: &'static str,
    /// What happened and what to do, English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
    /// Exit code.
    pub exit: u8,
}

impl Failure {
    /// The operator's input is wrong.
    pub fn usage(code: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { code, en: en.into(), zh: zh.into(), exit: EXIT_USAGE }
    }

    /// The node refuses, or something is damaged.
    pub fn refused(code: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { code, en: en.into(), zh: zh.into(), exit: EXIT_REFUSED }
    }

    /// The genesis file is no genesis.
    #[must_use]
    pub fn genesis(path: &Path, e: &DecodeError) -> Self {
        Self::usage(
            "GENESIS_INVALID",
            format!("{}: {e}; get the file again from the operator of the chain", path.display()),
            format!("{}：创世文件无效：{}；请向链的运营方重新获取", path.display(), e.message_zh()),
        )
    }

    /// The key file does not open.
    #[must_use]
    pub fn key(path: &Path, e: &KeyFileError) -> Self {
        let (en, zh) = match e {
            KeyFileError::WrongPassword => (
                "; check key.password_file, or HNCHAIN_KEY_PASSWORD where that is not configured",
                "；请检查 key.password_file，未配置该项时检查环境变量 HNCHAIN_KEY_PASSWORD",
            ),
            _ => ("; check key.file", "；请检查 key.file"),
        };
        Self::usage(
            e.code(),
            format!("{}: {e}{en}", path.display()),
            format!("{}：{}{zh}", path.display(), e.message_zh()),
        )
    }

    /// For programs; the form is that of `hnchain --json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { code, en, zh, exit } = self;
        serde_json::json!({"error": {"code": code, "message": en, "message_zh": zh, "exit": exit}}).to_string()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}\n错误[{}]：{}", self.code, self.en, self.code, self.zh)
    }
}

impl std::error::Error for Failure {}

impl From<ConfigError> for Failure {
    fn from(e: ConfigError) -> Self {
        Self::usage(e.code(), e.to_string(), e.zh())
    }
}

impl From<TelemetryError> for Failure {
    fn from(e: TelemetryError) -> Self {
        Self::refused("TELEMETRY", e.to_string(), format!("日志或监控指标无法启动：{e}"))
    }
}

impl From<StorageError> for Failure {
    fn from(e: StorageError) -> Self {
        Self::refused(e.code(), e.to_string(), e.message_zh())
    }
}

impl From<SnapshotError> for Failure {
    fn from(e: SnapshotError) -> Self {
        Self::refused(e.code(), e.to_string(), e.message_zh())
    }
}

impl From<StateError> for Failure {
    fn from(e: StateError) -> Self {
        Self::refused("STORAGE", e.to_string(), format!("无法读取状态：{e}"))
    }
}

impl From<NetworkError> for Failure {
    fn from(e: NetworkError) -> Self {
        Self::refused(e.code(), e.to_string(), e.zh())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_password_says_where_to_look_in_both_languages() {
        let failure = Failure::key(Path::new("key.pem"), &KeyFileError::WrongPassword);
        let text = failure.to_string();
        assert!(text.starts_with("error[KEY_FILE_PASSWORD]: key.pem: "), "{text}");
        assert!(text.contains("key.password_file") && text.contains("错误[KEY_FILE_PASSWORD]：key.pem：口令不正确"));
        assert_eq!(failure.exit, EXIT_USAGE);
    }
}
