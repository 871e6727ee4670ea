//! Strict, bounded decoding of public messages.

use crate::codes::CodeError;
use crate::limits;
use crate::text::hidden;
use hnchain_crypto::KeyError;
use prost::Message;

/// Why bytes were refused. [`DecodeError::code`] is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than the type may have.
    #[error("{what}: {got} bytes, at most {max} are allowed")]
    TooLarge {
        /// The type.
        what: &'static str,
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not protobuf of this type.
    #[error("{what}: malformed: {why}")]
    Malformed {
        /// The type.
        what: &'static str,
        /// What the decoder met.
        why: String,
    },
    /// Protobuf, but not the one canonical encoding (unknown field, trailing byte, default written out …).
    #[error("{0}: not the canonical encoding; encode known fields once, in order, without defaults")]
    NotCanonical(&'static str),
    /// A field breaks its rule.
    #[error("{field}: {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// The rule.
        why: Why,
    },
}

/// A rule in English, as `Display`, and in Chinese.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    en: String,
    zh: String,
}

impl Why {
    /// The rule in Chinese.
    #[must_use]
    pub fn zh(&self) -> &str {
        &self.zh
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en)
    }
}

impl DecodeError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "DECODE_TOO_LARGE",
            Self::Malformed { .. } => "DECODE_MALFORMED",
            Self::NotCanonical(_) => "DECODE_NOT_CANONICAL",
            Self::Field { .. } => "DECODE_FIELD",
        }
    }

    /// Message in Chinese; the English one is its `Display`.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::TooLarge { what, got, max } => format!("{}：{got} 字节，最多允许 {max} 字节", name_zh(what)),
            Self::Malformed { what, why } => format!("{}：格式错误：{why}", name_zh(what)),
            Self::NotCanonical(what) => {
                format!("{}：不是规范编码；已知字段须按顺序各编码一次，不写默认值", name_zh(what))
            }
            Self::Field { field, why } => format!("{field}：{}", why.zh),
        }
    }

    pub(crate) fn field(field: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Field { field, why: Why { en: en.into(), zh: zh.into() } }
    }

    pub(crate) fn code_in(field: &'static str, error: &CodeError) -> Self {
        Self::field(field, error.to_string(), error.message_zh())
    }

    pub(crate) fn key_in(field: &'static str, error: KeyError) -> Self {
        Self::field(field, error.to_string(), error.message_zh())
    }
}

/// Chinese name of an encoded type.
fn name_zh(what: &str) -> &str {
    match what {
        "transaction" => "交易",
        "body" => "交易体",
        "receipt" => "回执",
        "header" => "区块头",
        "result" => "执行结果",
        "block" => "区块",
        "finalized block" => "最终区块",
        "certificate" => "终局证书",
        "validator set" => "验证者集合",
        "evidence" => "证据",
        "epoch" => "任期",
        "proposal" => "提案",
        "conviction" => "违规记录",
        "record" => "记录",
        "credential" => "证照",
        "certificate type" => "证照类型",
        "genesis" => "创世文件",
        "real estate unit" => "不动产单元",
        "real estate entry" => "不动产登记条目",
        "real estate burden" => "不动产负担",
        "real estate number" => "不动产证号索引",
        "real estate holding" => "不动产权利人索引",
        "organization" => "机构",
        "signer" => "签名者",
        "parameters" => "链参数",
        other => other,
    }
}

/// Reads one message and refuses every encoding but the canonical one.
pub(crate) fn canonical<M: Message + Default>(what: &'static str, bytes: &[u8], max: usize) -> Result<M, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLarge { what, got: bytes.len(), max });
    }
    let message = M::decode(bytes).map_err(|e| DecodeError::Malformed { what, why: e.to_string() })?;
    if message.encoded_len() != bytes.len() || message.encode_to_vec() != bytes {
        return Err(DecodeError::NotCanonical(what));
    }
    Ok(message)
}

/// A fixed-length byte field.
pub(crate) fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    let got = bytes.len();
    bytes.try_into().map_err(|_| {
        DecodeError::field(field, format!("{got} bytes, {N} are needed"), format!("须为 {N} 字节，实为 {got} 字节"))
    })
}

/// A short name: lower-case letters, digits, `-`, `_` and `.`.
pub(crate) fn name(field: &'static str, s: &str) -> Result<(), DecodeError> {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if s.is_empty() || s.len() > limits::NAME_BYTES || !s.bytes().all(ok) {
        let max = limits::NAME_BYTES;
        return Err(DecodeError::field(
            field,
            format!("1 to {max} of a-z 0-9 - _ . are allowed"),
            format!("须为 1 至 {max} 个 a-z 0-9 - _ . 字符"),
        ));
    }
    Ok(())
}

/// A text of bounded length without control characters and others that are [`hidden`].
pub(crate) fn text(field: &'static str, s: &str, max: usize) -> Result<(), DecodeError> {
    if s.is_empty() || s.len() > max || s.chars().any(hidden) {
        return Err(DecodeError::field(
            field,
            format!("1 to {max} bytes of text without control or invisible characters"),
            format!("须为 1 至 {max} 字节且不含控制或不可见字符的文本"),
        ));
    }
    Ok(())
}

/// A number of things within bounds.
pub(crate) fn count(field: &'static str, got: usize, min: usize, max: usize) -> Result<(), DecodeError> {
    if (min..=max).contains(&got) {
        return Ok(());
    }
    Err(DecodeError::field(
        field,
        format!("{got}; {min} to {max} are allowed"),
        format!("{got} 个；须为 {min} 至 {max} 个"),
    ))
}
