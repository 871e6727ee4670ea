//! A command that did not succeed: exit code, stable code, what happened, what to do next.

use crate::context::{escaped, lines};
use crate::lang::Lang;
use hnchain_crypto::keyfile::KeyFileError;
use hnchain_types::DecodeError;
use std::path::Path;
use std::process::ExitCode;

/// Exit codes. 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A rule, a node or a check said no.
    Invalid = 1,
    /// The command was called wrongly or a file cannot be read or written.
    Usage = 2,
    /// No node answered in time.
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What the user is told.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    code: String,
    en: String,
    zh: String,
    hint: Option<Box<(String, String)>>,
    /// The command printed its result already; only the exit code is left to give.
    silent: bool,
}

impl Failure {
    /// A failure with both texts.
    pub(crate) fn new(exit: Exit, code: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), en: en.into(), zh: zh.into(), hint: None, silent: false }
    }

    /// Called wrongly, or a file cannot be used.
    pub(crate) fn usage(code: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, en, zh)
    }

    /// Refused or invalid.
    pub(crate) fn invalid(code: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, code, en, zh)
    }

    /// A negative result that is on standard output already.
    pub(crate) fn printed() -> Self {
        Self { silent: true, ..Self::invalid("RESULT", "", "") }
    }

    /// What to do next.
    #[must_use]
    pub(crate) fn hint(mut self, en: impl Into<String>, zh: impl Into<String>) -> Self {
        self.hint = Some(Box::new((en.into(), zh.into())));
        self
    }

    /// One more thing to do, after what was advised already.
    #[must_use]
    pub(crate) fn also(mut self, en: impl AsRef<str>, zh: impl AsRef<str>) -> Self {
        let hint = match self.hint.take() {
            Some(h) => (format!("{}; {}", h.0, en.as_ref()), format!("{}；{}", h.1, zh.as_ref())),
            None => (en.as_ref().to_owned(), zh.as_ref().to_owned()),
        };
        self.hint = Some(Box::new(hint));
        self
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display();
        Self::usage("FILE", format!("{path}: {error}"), format!("文件 {path}：{error}"))
    }

    /// Stable code.
    #[must_use]
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Writes it to standard error.
    pub(crate) fn report(&self, lang: Lang, json: bool) {
        if self.silent {
            return;
        }
        if json {
            let hint = self.hint.as_ref();
            let error = serde_json::json!({"error": {
                "code": self.code, "message": self.en, "message_zh": self.zh, "exit": self.exit as u8,
                "hint": hint.map(|h| &h.0), "hint_zh": hint.map(|h| &h.1),
            }});
            eprintln!("{}", escaped(&error.to_string()));
            return;
        }
        let text = lang.pick(&self.zh, &self.en);
        // Refusals of nodes name their code already.
        let code = if text.contains(&self.code) { String::new() } else { format!(" [{}]", self.code) };
        // Further lines are indented, so that none of them passes for a line of ours.
        let say = |text: String| eprintln!("{}", lines(&text.replace('\n', "\n  ")));
        say(format!("{}{text}{code}", lang.pick("错误：", "error: ")));
        if let Some((en, zh)) = self.hint.as_deref() {
            say(format!("{}{}", lang.pick("建议：", "hint: "), lang.pick(zh, en)));
        }
    }
}

impl From<hnchain_sdk::Error> for Failure {
    fn from(e: hnchain_sdk::Error) -> Self {
        use hnchain_sdk::Error;
        let exit = match &e {
            Error::Endpoint(_) | Error::File { .. } | Error::Invalid(_) | Error::System(_) => Exit::Usage,
            _ if e.unreachable() => Exit::Unreachable,
            _ => Exit::Invalid,
        };
        let failure = Self::new(exit, e.code(), e.to_string(), e.message_zh());
        match (&e, advice(e.code())) {
            (Error::Unsettled { id, .. }, _) => failure.hint(
                format!("it may still become final: hnchain receipt {id} --wait"),
                format!("该交易仍可能成为最终：hnchain receipt {id} --wait"),
            ),
            (Error::Unreachable { .. } | Error::Deadline { .. }, _) => failure.hint(
                "check --endpoint or HNCHAIN_ENDPOINT, and that a node runs there; or allow more --timeout",
                "请检查 --endpoint 或环境变量 HNCHAIN_ENDPOINT，确认节点在运行；或用 --timeout 放宽时限",
            ),
            (_, Some((en, zh))) => failure.hint(en, zh),
            _ => failure,
        }
    }
}

/// What to do about the chain's refusals.
fn advice(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "ANCHOR_EXISTS" | "ANCHOR_VERSION" => (
            "look at the current version with `hnchain get` and pass --version with the next one",
            "请用 hnchain get 查看当前版本，并以 --version 指定下一版本号",
        ),
        "ANCHOR_NOT_FOUND" => ("check --namespace and --id", "请检查 --namespace 与 --id"),
        "SIGNER_UNKNOWN" | "SIGNER_NOT_IN_FORCE" | "ROLE_MISSING" => (
            "the key must be a signer of the chain that is in force and has the role that the message names",
            "该密钥须为本链有效的签名者，并具有消息中所述的角色",
        ),
        "TX_CHAIN" => ("pass the chain's own name with --chain-id", "请用 --chain-id 指定该链的标识"),
        "TX_EXPIRED" | "TX_VALIDITY_TOO_LONG" => ("check this machine's clock", "请校准本机时钟"),
        "CLIENT_BAD_RESPONSE" => ("ask another node with --endpoint", "请用 --endpoint 换一个节点"),
        _ => return None,
    })
}

impl From<KeyFileError> for Failure {
    fn from(e: KeyFileError) -> Self {
        let exit = match e {
            KeyFileError::WrongPassword => Exit::Invalid,
            _ => Exit::Usage,
        };
        Self::new(exit, e.code(), e.to_string(), e.message_zh())
    }
}

impl From<DecodeError> for Failure {
    fn from(e: DecodeError) -> Self {
        Self::invalid(e.code(), e.to_string(), format!("内容不合规则：{}", e.message_zh()))
    }
}

impl Failure {
    /// Names the file that it is about.
    #[must_use]
    pub(crate) fn named(mut self, path: &Path) -> Self {
        self.en = format!("{}: {}", path.display(), self.en);
        self.zh = format!("{}：{}", path.display(), self.zh);
        self
    }

    /// The same with exit code 2: a file that the command was given and cannot use.
    #[must_use]
    pub(crate) const fn into_usage(mut self) -> Self {
        self.exit = Exit::Usage;
        self
    }
}
