//! Certified times for people: Beijing time, the legal time, with UTC beside it.

use time::{OffsetDateTime, UtcOffset};

/// `2026-11-24 20:01:16 +08:00 (2026-11-24 12:01:16 UTC)`.
#[must_use]
pub(crate) fn both(ms: u64) -> String {
    match (at(ms, 8), at(ms, 0)) {
        (Some(beijing), Some(utc)) => format!("{} +08:00 ({} UTC)", text(beijing, ' '), text(utc, ' ')),
        _ => format!("{ms} ms"),
    }
}

/// RFC 3339 in UTC with milliseconds, for JSON.
#[must_use]
pub(crate) fn rfc3339(ms: u64) -> String {
    at(ms, 0).map_or_else(|| format!("{ms} ms"), |t| format!("{}.{:03}Z", text(t, 'T'), ms % 1000))
}

/// `3 d 04:05:06` without the parts that are zero at its head.
#[must_use]
pub(crate) fn span(ms: u64) -> String {
    let s = ms / 1000;
    let (days, hours, minutes, seconds) = (s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {seconds} s"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// First or last millisecond of a day in Beijing time, written `2026-01-01`; `None` for another text or before 1970.
#[must_use]
pub(crate) fn day(s: &str, end: bool) -> Option<u64> {
    const DAY_MS: u64 = 86_400_000;
    let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = s.split('-');
    let (y, m, d) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(digits(y, 4) && digits(m, 2) && digits(d, 2)) {
        return None;
    }
    let month = time::Month::try_from(m.parse::<u8>().ok()?).ok()?;
    let date = time::Date::from_calendar_date(y.parse().ok()?, month, d.parse().ok()?).ok()?;
    let start = date.midnight().assume_offset(UtcOffset::from_hms(8, 0, 0).ok()?).unix_timestamp();
    let ms = u64::try_from(start).ok()?.checked_mul(1000)?;
    Some(if end { ms + (DAY_MS - 1) } else { ms })
}

fn at(ms: u64, hours: i8) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(ms / 1000).ok()?;
    let offset = UtcOffset::from_hms(hours, 0, 0).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.checked_to_offset(offset)
}

fn text(t: OffsetDateTime, between: char) -> String {
    let (h, m, s) = t.to_hms();
    format!("{:04}-{:02}-{:02}{between}{h:02}:{m:02}:{s:02}", t.year(), u8::from(t.month()), t.day())
}

/// Reads `90s`, `10m`, `24h`, `7d` or a number of seconds.
///
/// # Errors
/// Anything else, zero, or more than a hundred years.
pub(crate) fn duration(s: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("{s:?} is not a duration; write for example 90s, 10m, 24h or 7d");
    let (digits, unit) = match s.trim_end_matches(|c: char| c.is_ascii_alphabetic()) {
        digits if digits.len() == s.len() => (digits, 1),
        digits => (digits, unit_seconds(&s[digits.len()..]).ok_or_else(wrong)?),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)?;
    if (1..=100 * 366 * 86_400).contains(&seconds) { Ok(std::time::Duration::from_secs(seconds)) } else { Err(wrong()) }
}

fn unit_seconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    })
}

/// Milliseconds since the Unix epoch on this machine's clock.
///
/// # Errors
/// A clock before 1970.
pub(crate) fn now_ms() -> Result<u64, crate::failure::Failure> {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|d| u64::try_from(d.as_millis()).ok())
        .ok_or_else(|| crate::failure::Failure::usage("CLOCK", "this machine's clock is wrong", "本机时钟有误"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_show_beijing_and_utc_also_across_midnight() {
        assert_eq!(both(1_795_546_876_123), "2026-11-25 03:01:16 +08:00 (2026-11-24 19:01:16 UTC)");
        assert_eq!(rfc3339(1_795_546_876_123), "2026-11-24T19:01:16.123Z");
        assert_eq!(both(u64::MAX), format!("{} ms", u64::MAX));
    }

    #[test]
    fn days_are_those_of_beijing() {
        assert_eq!(day("2026-11-25", false).map(rfc3339).as_deref(), Some("2026-11-24T16:00:00.000Z"));
        assert_eq!(day("2024-02-29", true).map(rfc3339).as_deref(), Some("2024-02-29T15:59:59.999Z"));
        for wrong in ["", "2026-1-1", "2026-02-30", "2026-13-01", "1960-01-01", "+026-01-01", "2026-01-01-01", "长期"]
        {
            assert_eq!(day(wrong, false), None, "{wrong}");
        }
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("45"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "m", "0", "-1s", "10 parsecs", "99999999999999999999", "1.5h", "分"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_drop_leading_zeros() {
        assert_eq!(span(59_999), "59 s");
        assert_eq!(span(61_000), "1 min 1 s");
        assert_eq!(span(3_600_000), "1 h 0 min");
        assert_eq!(span(90_000_000), "1 d 1 h");
    }
}
