//! What registries and courts write, checked. The JSON form of each is what the command line takes.

use super::{BurdenKind, Registration, Right, Title};
use crate::codes::{RealtyCertificateNumber, UnitCode};
use hnchain_crypto::Digest;
use serde::{Deserialize, Serialize};

/// An operation of this registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// 首次登记.
    Register(Register),
    /// 转移登记.
    Transfer(Transfer),
    /// 变更登记.
    Change(Change),
    /// 注销登记 of a unit.
    Cancel(Cancel),
    /// 更正登记.
    Correct(Correct),
    /// 抵押权登记.
    Mortgage(Mortgage),
    /// 查封登记.
    Seal(Seal),
    /// 解除查封.
    Unseal(Unseal),
    /// 预告登记.
    Notice(Notice),
    /// 异议登记.
    Objection(Objection),
    /// 居住权登记, 地役权登记.
    Interest(Interest),
    /// The end of a mortgage, notice, objection or interest.
    Release(Release),
    /// What moves the end of a notice or objection.
    Progress(Progress),
}

/// 首次登记 of a parcel, or of a fixture whose parcel is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Which unit.
    pub unit: UnitCode,
    /// Which right to it.
    pub right: Right,
    /// Who holds it.
    pub title: Title,
    /// 用途, 1 to 96 bytes.
    #[serde(rename = "use")]
    pub usage: String,
    /// Commitment to the registered particulars and what they rest on.
    pub document: Digest,
    /// Number of the 不动产权证书.
    pub certificate: RealtyCertificateNumber,
}

/// 转移登记 of a unit, or of shares of it. Mortgages and interests follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Which unit.
    pub unit: UnitCode,
    /// All present holders.
    pub from: Vec<Digest>,
    /// Who holds it afterwards.
    pub title: Title,
    /// Holders, mortgagees and notice-holders who consent; the registry vouches for them.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to the contract, inheritance, judgment …
    pub document: Digest,
    /// Number of the new 不动产权证书.
    pub certificate: RealtyCertificateNumber,
}

/// 变更登记 of use or particulars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which unit.
    pub unit: UnitCode,
    /// 用途 afterwards.
    #[serde(rename = "use")]
    pub usage: String,
    /// Holders who consent.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to the particulars afterwards.
    pub document: Digest,
    /// Number of the new 不动产权证书.
    pub certificate: RealtyCertificateNumber,
}

/// 注销登记 of a unit's right, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Which unit.
    pub unit: UnitCode,
    /// Holders, and parties of every burden, who consent.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to what it rests on.
    pub document: Digest,
    /// Why; public, no personal data.
    pub reason: String,
}

/// 更正登记: names the entry that was wrong, which stays readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correct {
    /// Which unit.
    pub unit: UnitCode,
    /// Number of the entry.
    pub entry: u32,
    /// Which of its holders were wrong; in the order of the wrong ones.
    #[serde(default)]
    pub holders: Vec<Replacement>,
    /// Commitment to what the entry should rest on.
    pub document: Digest,
    /// Why; public, no personal data.
    pub reason: String,
    /// Number of the 不动产权证书 that replaces the wrong one, if one does.
    #[serde(default)]
    pub certificate: Option<RealtyCertificateNumber>,
}

/// A commitment to put in the place of a wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// As recorded.
    pub wrong: Digest,
    /// As it should be.
    pub right: Digest,
}

/// 抵押权登记; its rank is the order of registration (民法典 第四百一十四条).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mortgage {
    /// Which unit.
    pub unit: UnitCode,
    /// Who gets it.
    pub mortgagee: Digest,
    /// 约定禁止或者限制转让 (民法典 第四百零六条).
    #[serde(default)]
    pub transfer_forbidden: bool,
    /// Holders and notice-holders who consent.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to the contract: debt, sum and term are in it.
    pub document: Digest,
    /// Number of the 不动产登记证明.
    pub certificate: RealtyCertificateNumber,
}

/// 查封登记, by a court; where another seal is effective it waits (轮候查封).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Which unit.
    pub unit: UnitCode,
    /// Term from when it takes effect, milliseconds; one day to [`super::SEAL_MS`].
    pub term_ms: u64,
    /// Commitment to the 协助执行通知书.
    pub document: Digest,
}

/// 解除查封, by the court that sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unseal {
    /// Which unit.
    pub unit: UnitCode,
    /// Number of the seal.
    pub burden: u32,
    /// Commitment to the court's notice.
    pub document: Digest,
}

/// 预告登记 (民法典 第二百二十一条).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Which unit.
    pub unit: UnitCode,
    /// Whose claim it secures.
    pub holder: Digest,
    /// From when the registration is possible, milliseconds; absent or 0 while that is open.
    #[serde(default)]
    pub possible_from_ms: u64,
    /// Holders and earlier notice-holders who consent.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to the contract.
    pub document: Digest,
    /// Number of the 不动产登记证明.
    pub certificate: RealtyCertificateNumber,
}

/// 异议登记 (民法典 第二百二十条).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    /// Which unit.
    pub unit: UnitCode,
    /// Who objects.
    pub objector: Digest,
    /// Commitment to the application.
    pub document: Digest,
    /// Number of the 不动产登记证明.
    pub certificate: RealtyCertificateNumber,
}

/// 居住权登记 or 地役权登记 (民法典 第三百六十八条, 第三百七十四条).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interest {
    /// Which unit.
    pub unit: UnitCode,
    /// [`Right::Habitation`] or [`Right::Easement`].
    pub right: Right,
    /// Who gets it.
    pub holder: Digest,
    /// End of its term, milliseconds since the Unix epoch; absent or 0 for none.
    #[serde(default)]
    pub until_ms: u64,
    /// Holders and notice-holders who consent.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to the contract or will.
    pub document: Digest,
    /// Number of the 不动产登记证明.
    pub certificate: RealtyCertificateNumber,
}

/// The end of a burden that is no seal: by its party's consent, or by a court.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which unit.
    pub unit: UnitCode,
    /// Any kind but [`BurdenKind::Seal`].
    pub kind: BurdenKind,
    /// Its number.
    pub burden: u32,
    /// A court orders it and signs.
    #[serde(default)]
    pub by_court: bool,
    /// Its party, unless a court orders it.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Commitment to what it rests on.
    pub document: Digest,
}

/// A fact that moves the end of a notice or objection that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Which unit.
    pub unit: UnitCode,
    /// Number of the notice or objection.
    pub burden: u32,
    /// What happened.
    pub fact: Fact,
    /// Commitment to the evidence of it.
    pub document: Digest,
}

/// What moves an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    /// The objector filed the suit: the objection stays until it is released.
    SuitFiled,
    /// The registration that is noticed is possible from this time on, milliseconds: the notice lapses 90 days later.
    PossibleFromMs(u64),
}

impl Fact {
    /// The kind of burden that it is about.
    #[must_use]
    pub const fn kind(self) -> BurdenKind {
        match self {
            Self::SuitFiled => BurdenKind::Objection,
            Self::PossibleFromMs(_) => BurdenKind::Notice,
        }
    }
}

impl Operation {
    /// The unit.
    #[must_use]
    pub const fn unit(&self) -> &UnitCode {
        match self {
            Self::Register(op) => &op.unit,
            Self::Transfer(op) => &op.unit,
            Self::Change(op) => &op.unit,
            Self::Cancel(op) => &op.unit,
            Self::Correct(op) => &op.unit,
            Self::Mortgage(op) => &op.unit,
            Self::Seal(op) => &op.unit,
            Self::Unseal(op) => &op.unit,
            Self::Notice(op) => &op.unit,
            Self::Objection(op) => &op.unit,
            Self::Interest(op) => &op.unit,
            Self::Release(op) => &op.unit,
            Self::Progress(op) => &op.unit,
        }
    }

    /// 登记类型. A mortgage or interest is the 首次登记 of that right, its release the 注销登记.
    #[must_use]
    pub const fn registration(&self) -> Registration {
        match self {
            Self::Register(_) | Self::Mortgage(_) | Self::Interest(_) => Registration::First,
            Self::Transfer(_) => Registration::Transfer,
            Self::Change(_) => Registration::Change,
            Self::Cancel(_) | Self::Release(_) => Registration::Cancel,
            Self::Correct(_) => Registration::Correct,
            Self::Seal(_) | Self::Unseal(_) => Registration::Seal,
            Self::Notice(_) => Registration::Notice,
            Self::Objection(_) => Registration::Objection,
            Self::Progress(op) => match op.fact {
                Fact::SuitFiled => Registration::Objection,
                Fact::PossibleFromMs(_) => Registration::Notice,
            },
        }
    }

    /// Whether a court signs it, not the registry.
    #[must_use]
    pub const fn is_judicial(&self) -> bool {
        matches!(self, Self::Seal(_) | Self::Unseal(_) | Self::Release(Release { by_court: true, .. }))
    }

    /// One line for people, in Chinese or in English.
    #[must_use]
    pub fn summary(&self, chinese: bool) -> String {
        let (zh, en) = match self {
            Self::Register(op) => (format!("{}首次登记", op.right.name_zh()), "first registration".to_owned()),
            Self::Transfer(_) => ("转移登记".to_owned(), "transfer".to_owned()),
            Self::Change(_) => ("变更登记".to_owned(), "change".to_owned()),
            Self::Cancel(_) => ("注销登记".to_owned(), "cancellation".to_owned()),
            Self::Correct(op) => {
                (format!("更正登记（第 {} 条）", op.entry), format!("correction of entry {}", op.entry))
            }
            Self::Mortgage(_) => ("抵押权登记".to_owned(), "mortgage".to_owned()),
            Self::Seal(_) => ("查封登记".to_owned(), "seal".to_owned()),
            Self::Unseal(op) => (format!("解除查封（第 {} 条）", op.burden), format!("lifting of seal {}", op.burden)),
            Self::Notice(_) => ("预告登记".to_owned(), "notice".to_owned()),
            Self::Objection(_) => ("异议登记".to_owned(), "objection".to_owned()),
            Self::Interest(op) => (format!("{}登记", op.right.name_zh()), op.right.to_string()),
            Self::Release(op) => (
                format!("注销{}（第 {} 条）", op.kind.name_zh(), op.burden),
                format!("end of {} {}", op.kind, op.burden),
            ),
            Self::Progress(op) => match op.fact {
                Fact::SuitFiled => {
                    (format!("异议已起诉（第 {} 条）", op.burden), format!("suit on objection {}", op.burden))
                }
                Fact::PossibleFromMs(_) => {
                    (format!("预告可登记（第 {} 条）", op.burden), format!("notice {} became possible", op.burden))
                }
            },
        };
        let unit = self.unit();
        if chinese { format!("不动产单元 {unit}：{zh}") } else { format!("real estate unit {unit}: {en}") }
    }
}

macro_rules! into_operation {
    ($($name:ident),*) => {
        $(impl From<$name> for Operation {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        })*
    };
}

into_operation!(
    Register, Transfer, Change, Cancel, Correct, Mortgage, Seal, Unseal, Notice, Objection, Interest, Release, Progress
);
