//! The row of what lies on a unit.

use super::proto_form::{interest_right, term};
use super::rows::{burden_key, height, missing};
use super::{BurdenKind, Right, certificate, digest, entry_number, time, unit_code};
use crate::codes::{RealtyCertificateNumber, UnitCode};
use crate::decode::{canonical, name};
use crate::{DecodeError, Height, limits, proto};
use hnchain_crypto::Digest;
use prost::Message as _;
use serde::Serialize;

/// A burden by kind and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BurdenRef {
    /// Its kind.
    pub kind: BurdenKind,
    /// Number of the entry that made it.
    pub number: u32,
}

impl BurdenRef {
    pub(crate) fn read(kind: i32, number: u32) -> Result<Option<Self>, DecodeError> {
        if kind == 0 && number == 0 {
            return Ok(None);
        }
        Ok(Some(Self { kind: BurdenKind::read(kind)?, number: entry_number("burden", number)? }))
    }
}

/// A mortgage, seal, notice, objection or interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Burden {
    /// Which unit.
    pub unit: UnitCode,
    /// Number of the entry that made it; mortgages rank, and seals queue, in this order.
    pub number: u32,
    /// Mortgagee, notice-holder, objector or holder of the interest; absent for a seal.
    pub party: Option<Digest>,
    /// Commitment to what it rests on.
    pub document: Digest,
    /// Number of the 不动产登记证明; absent for a seal.
    pub certificate: Option<RealtyCertificateNumber>,
    /// Organization that registered it; the court of a seal.
    pub organization: String,
    /// Height of its block.
    pub height: Height,
    /// Certified time of its block, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// What is particular to its kind.
    pub terms: Terms,
    /// Time of its release, and the entry that released it.
    pub released: Option<(u64, u32)>,
}

/// What is particular to a kind of burden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    /// 抵押权.
    Mortgage {
        /// 约定禁止或者限制转让.
        transfer_forbidden: bool,
    },
    /// 查封.
    Seal {
        /// Term from when it takes effect, milliseconds.
        term_ms: u64,
        /// When it took effect, as far as that is recorded; absent while it waits.
        effective_from_ms: Option<u64>,
    },
    /// 预告登记.
    Notice {
        /// From when the registration is possible; absent while that is open.
        possible_from_ms: Option<u64>,
    },
    /// 异议登记.
    Objection {
        /// When it became known that the suit was filed.
        suit_filed_ms: Option<u64>,
    },
    /// 居住权, 地役权.
    Interest {
        /// Which.
        right: Right,
        /// End of its term; absent for none.
        until_ms: Option<u64>,
    },
}

impl Burden {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> BurdenKind {
        match self.terms {
            Terms::Mortgage { .. } => BurdenKind::Mortgage,
            Terms::Seal { .. } => BurdenKind::Seal,
            Terms::Notice { .. } => BurdenKind::Notice,
            Terms::Objection { .. } => BurdenKind::Objection,
            Terms::Interest { .. } => BurdenKind::Interest,
        }
    }

    /// Key of its row.
    #[must_use]
    pub fn key(&self) -> String {
        burden_key(&self.unit, self.kind(), self.number)
    }

    /// Encodes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        use proto::realty_burden::Terms as Message;
        let terms = match self.terms {
            Terms::Mortgage { transfer_forbidden } => {
                Message::Mortgage(proto::RealtyMortgageTerms { transfer_forbidden })
            }
            Terms::Seal { term_ms, effective_from_ms } => {
                let effective_from_ms = effective_from_ms.unwrap_or_default();
                Message::Seal(proto::RealtySealTerms { term_ms, effective_from_ms })
            }
            Terms::Notice { possible_from_ms } => {
                Message::Notice(proto::RealtyNoticeTerms { possible_from_ms: possible_from_ms.unwrap_or_default() })
            }
            Terms::Objection { suit_filed_ms } => {
                Message::Objection(proto::RealtyObjectionTerms { suit_filed_ms: suit_filed_ms.unwrap_or_default() })
            }
            Terms::Interest { right, until_ms } => Message::Interest(proto::RealtyInterestTerms {
                right: right.number(),
                until_ms: until_ms.unwrap_or_default(),
            }),
        };
        proto::RealtyBurden {
            unit: self.unit.to_string(),
            number: self.number,
            party: self.party.map(|p| p.0.to_vec()).unwrap_or_default(),
            document: self.document.0.to_vec(),
            certificate: self.certificate.as_ref().map(ToString::to_string).unwrap_or_default(),
            organization: self.organization.clone(),
            height: self.height.0,
            time_ms: self.time_ms,
            terms: Some(terms),
            released_ms: self.released.map_or(0, |r| r.0),
            released_by: self.released.map_or(0, |r| r.1),
        }
        .encode_to_vec()
    }

    /// Reads an encoded row.
    ///
    /// # Errors
    /// Anything that is not the canonical row of a burden: exactly a seal has neither party nor certificate, and what
    /// releases it comes later.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::RealtyBurden = canonical("real estate burden", raw, limits::RECORD_BYTES)?;
        let number = entry_number("number", m.number)?;
        name("organization", &m.organization)?;
        let terms = read_terms(m.terms)?;
        let certificate = certificate(&m.certificate)?;
        let seal = matches!(terms, Terms::Seal { .. });
        if seal != m.party.is_empty() || seal == certificate.is_some() {
            return Err(DecodeError::field(
                "party",
                "every burden but a seal has a party and a certificate",
                "除查封外均须有权利人与证明号",
            ));
        }
        let released = match (m.released_ms, m.released_by) {
            (0, 0) => None,
            (ms, by) if ms >= m.time_ms && ms > 0 && by > number => {
                Some((time("released_ms", ms)?, entry_number("released_by", by)?))
            }
            _ => return Err(DecodeError::field("released_by", "a time and a later entry", "须有时间与其后的登记")),
        };
        Ok(Self {
            unit: unit_code(&m.unit)?,
            number,
            party: if seal { None } else { Some(digest("party", &m.party)?) },
            document: digest("document", &m.document)?,
            certificate,
            organization: m.organization,
            height: height(m.height)?,
            time_ms: m.time_ms,
            terms,
            released,
        })
    }
}

fn read_terms(terms: Option<proto::realty_burden::Terms>) -> Result<Terms, DecodeError> {
    use proto::realty_burden::Terms as Message;
    let some = |field, ms: u64| Ok::<_, DecodeError>(Some(time(field, ms)?).filter(|ms| *ms > 0));
    Ok(match terms.ok_or_else(|| missing("terms"))? {
        Message::Mortgage(t) => Terms::Mortgage { transfer_forbidden: t.transfer_forbidden },
        Message::Seal(t) => Terms::Seal {
            term_ms: term(t.term_ms)?,
            effective_from_ms: some("effective_from_ms", t.effective_from_ms)?,
        },
        Message::Notice(t) => Terms::Notice { possible_from_ms: some("possible_from_ms", t.possible_from_ms)? },
        Message::Objection(t) => Terms::Objection { suit_filed_ms: some("suit_filed_ms", t.suit_filed_ms)? },
        Message::Interest(t) => {
            Terms::Interest { right: interest_right(t.right)?, until_ms: some("until_ms", t.until_ms)? }
        }
    })
}
