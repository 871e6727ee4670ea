//! Parsers of identifiers and names.

use super::{said, types};
use hnchain_types::codes::{
    CertificateId, CodeError, CreditCode, Division, IdentityNumber, RealtyCertificateNumber, UnitCode,
};
use hnchain_types::transaction::RecordKey;
use std::str::FromStr;

/// Longest text of any code: a certificate number with the longest names, in bytes.
const TEXT_BYTES: usize = 256;

/// All parsers of identifiers on one text; what one accepts has one stored form.
pub(super) fn all(input: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(input).map_err(said)?;
    let answers = [
        read(text, |d: &Division| d.as_str().to_owned()),
        read(text, |c: &CreditCode| c.as_str().to_owned()),
        read(text, |n: &IdentityNumber| n.expose().to_owned()),
        read(text, |c: &CertificateId| c.as_str().to_owned()),
        read(text, |u: &UnitCode| u.as_str().to_owned()),
        read(text, |n: &RealtyCertificateNumber| n.as_str().to_owned()),
    ];
    one_slip::<CreditCode>(text);
    one_slip::<IdentityNumber>(text);
    one_slip::<CertificateId>(text);
    if answers.iter().any(Result::is_ok) {
        return Ok(());
    }
    Err(answers.into_iter().filter_map(Result::err).collect::<Vec<_>>().join("; "))
}

fn read<T: FromStr<Err = CodeError>>(text: &str, show: impl Fn(&T) -> String) -> Result<(), String> {
    let code: T = text.parse().map_err(|e: CodeError| {
        assert!(!e.message_zh().is_empty() && e.code().starts_with("CODE_"), "{e:?}");
        said(e)
    })?;
    let shown = show(&code);
    assert!(shown.len() <= TEXT_BYTES, "{shown:?}");
    assert!(!shown.chars().any(hnchain_types::text::hidden), "{shown:?}");
    assert!(shown.parse::<T>().is_ok_and(|again| show(&again) == shown), "{text:?} gives {shown:?}");
    Ok(())
}

/// The check character finds every slip of one digit or letter.
fn one_slip<T: FromStr>(text: &str) {
    if text.parse::<T>().is_err() {
        return;
    }
    for (at, c) in text.char_indices() {
        let other = match c {
            '0'..='8' | 'A'..='Y' => char::from_u32(u32::from(c) + 1),
            '9' => Some('0'),
            'Z' => Some('A'),
            _ => None,
        };
        let Some(other) = other else { continue };
        let slip = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        assert!(slip.parse::<T>().is_err(), "{text:?} and {slip:?} are both accepted");
    }
}

pub(super) fn record_key(input: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(input).map_err(said)?;
    let (namespace, id) = text.split_once('/').ok_or("no slash")?;
    let key = RecordKey::new(namespace, id).map_err(said)?;
    types::check_key(&key);
    let read = RecordKey::of_state_key(&format!("anchor/{text}"));
    assert_eq!(read.as_ref(), Some(&key), "two keys of one row");
    Ok(())
}
