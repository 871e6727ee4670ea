//! 不动产登记 (不动产登记暂行条例; 民法典 物权编): operations, rows and events, checked.
//!
//! - [`Operation`]: what a registry or a court writes, one kind for each registration.
//! - [`Title`]: who holds a unit, with exact shares.
//! - [`Unit`], [`Entry`], [`Burden`]: the rows; [`unit_key`] and its siblings are their keys.
//! - [`UnitView`]: who holds which right under which burdens at a time, from the rows alone.
//!
//! People and documents are 32-byte salted commitments. All times are block times.

use crate::codes::{RealtyCertificateNumber, RealtyDocument, UnitCode};
use crate::decode::count;
use crate::{DecodeError, limits, proto};
use hnchain_crypto::Digest;
use serde_json::json;

mod burden;
mod operations;
mod proto_form;
mod rows;
mod title;
mod view;
mod words;

pub use burden::{Burden, BurdenRef, Terms};
pub use operations::{
    Cancel, Change, Correct, Fact, Interest, Mortgage, Notice, Objection, Operation, Progress, Register, Release,
    Replacement, Seal, Transfer, Unseal,
};
pub use rows::{
    Entry, Holding, NumberRow, Unit, burden_key, burden_prefix, entry_key, entry_prefix, holder_key, holder_prefix,
    number_key, unit_key,
};
pub use title::{Holder, Share, Title};
pub use view::{BurdenState, UnitView, ViewedBurden, seal_queue};
pub use words::{BurdenKind, CoOwnership, Registration, Right, UnitStatus};

/// One day, milliseconds.
pub const DAY_MS: u64 = 86_400_000;
/// A notice lapses this long after its registration became possible (民法典 第二百二十一条: 九十日).
pub const NOTICE_MS: u64 = 90 * DAY_MS;
/// An objection lapses this long after it was registered unless a suit is filed (民法典 第二百二十条: 十五日).
pub const OBJECTION_MS: u64 = 15 * DAY_MS;
/// Longest term of a seal on real estate: three years (最高人民法院关于适用民事诉讼法的解释 第四百八十五条). (?) That the
/// term of a waiting seal runs from when it takes effect is practice (轮候查封自转为正式查封之日起计算), not its text.
pub const SEAL_MS: u64 = 3 * 366 * DAY_MS;

/// An event as JSON, for programs.
#[must_use]
pub fn event_json(m: &proto::RealtyChanged) -> serde_json::Value {
    let burden = BurdenKind::read(m.burden_kind).ok().map(|kind| json!({"kind": kind, "number": m.burden}));
    json!({
        "unit": m.unit,
        "entry": m.entry,
        "registration": Registration::read(m.registration).ok(),
        "certificate": (!m.certificate.is_empty()).then_some(&m.certificate),
        "burden": burden,
    })
}

/// Checks an event.
pub(crate) fn check_event(m: &proto::RealtyChanged) -> Result<(), DecodeError> {
    unit_code(&m.unit)?;
    entry_number("entry", m.entry)?;
    Registration::read(m.registration)?;
    certificate(&m.certificate)?;
    BurdenRef::read(m.burden_kind, m.burden)?;
    Ok(())
}

pub(crate) fn unit_code(s: &str) -> Result<UnitCode, DecodeError> {
    s.parse().map_err(|e| DecodeError::code_in("unit", &e))
}

/// Number of an entry or of the burden that it made.
pub(crate) fn entry_number(field: &'static str, n: u32) -> Result<u32, DecodeError> {
    if (1..=limits::REALTY_ENTRIES).contains(&n) {
        return Ok(n);
    }
    let most = limits::REALTY_ENTRIES;
    Err(DecodeError::field(field, format!("{n}; 1 to {most} are allowed"), format!("{n}；须为 1 至 {most}")))
}

/// A certificate number in its stored form, or none.
pub(crate) fn certificate(s: &str) -> Result<Option<RealtyCertificateNumber>, DecodeError> {
    if s.is_empty() {
        return Ok(None);
    }
    let number: RealtyCertificateNumber = s.parse().map_err(|e| DecodeError::code_in("certificate", &e))?;
    if number.as_str() == s {
        Ok(Some(number))
    } else {
        Err(DecodeError::field("certificate", "half-width brackets are stored", "须使用半角括号"))
    }
}

/// A number of the kind that the registration hands out.
pub(crate) fn certificate_of(s: &str, document: RealtyDocument) -> Result<RealtyCertificateNumber, DecodeError> {
    match certificate(s)? {
        Some(number) if number.document() == document => Ok(number),
        _ => Err(match document {
            RealtyDocument::Title => {
                DecodeError::field("certificate", "the number of a 不动产权证书 is needed", "须为不动产权证书号")
            }
            RealtyDocument::Proof => {
                DecodeError::field("certificate", "the number of a 不动产登记证明 is needed", "须为不动产登记证明号")
            }
        }),
    }
}

/// A time within the calendar; 0 where it is open.
pub(crate) fn time(field: &'static str, ms: u64) -> Result<u64, DecodeError> {
    if ms <= limits::TIME_MS {
        Ok(ms)
    } else {
        Err(DecodeError::field(field, "beyond the year 9999", "超出 9999 年"))
    }
}

/// Commitments in ascending order, none twice.
pub(crate) fn commitments(field: &'static str, list: &[Vec<u8>], most: usize) -> Result<Vec<Digest>, DecodeError> {
    count(field, list.len(), 0, most)?;
    let list = list.iter().map(|c| digest(field, c)).collect::<Result<Vec<_>, _>>()?;
    ascending(field, &list)?;
    Ok(list)
}

pub(crate) fn ascending<T: Ord>(field: &'static str, list: &[T]) -> Result<(), DecodeError> {
    if list.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(DecodeError::field(field, "in ascending order, none twice", "须按升序排列且不重复"))
}

pub(crate) fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, DecodeError> {
    crate::decode::fixed(field, bytes).map(Digest)
}
