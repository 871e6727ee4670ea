//! Changes of JSON by its tokens.

use super::number;
use crate::random::Random;
use std::ops::Range;

const NUMBERS: &[&str] =
    &["0", "-0", "-1", "1.0", "1e1", "1e309", "-1e-309", "0.1", "00", "01", "+1", "18446744073709551616", "NaN"];
const STRINGS: &[&str] = &[
    r#""""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""\u202e证""#,
    r#""*""#,
    r#""0X00""#,
    r#""９１""#,
    r#"" henan""#,
    r#""Henan""#,
    r#""henan ""#,
];
const OTHERS: &[&str] = &["null", "true", "false", "{}", "[]", "[[]]", "True", "\u{feff}", "\u{a0}", "//", ","];

/// One change; `None` where there are no tokens.
pub(super) fn change(input: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let tokens = tokens(input);
    if tokens.is_empty() {
        return None;
    }
    let chosen = random.pick(&tokens).clone();
    let text = &input[chosen.clone()];
    let mut out = input.to_vec();
    match random.below(9) {
        0 => drop(out.drain(chosen)),
        1 => {
            let part = random.pick(&tokens).clone();
            drop(out.splice(chosen, input[part].to_vec()));
        }
        2 => {
            // A run of tokens twice: an entry of a list or a key that is there already.
            let from = random.below(tokens.len());
            let to = (from + 1 + random.below(12)).min(tokens.len()) - 1;
            let run = input[tokens[from].start..tokens[to].end].to_vec();
            drop(out.splice(chosen.start..chosen.start, run));
        }
        3 => {
            let most = if random.once_in(16) { 20_000 } else { 4 };
            let deep = 1 + random.below(most);
            let open = if random.once_in(2) { "[" } else { r#"{"a":"# };
            drop(out.splice(chosen, open.repeat(deep).into_bytes()));
        }
        4 => {
            let space = *random.pick(&[" ", "\n", "\t", "\u{b}", "\r"]);
            drop(out.splice(chosen.start..chosen.start, space.bytes()));
        }
        _ => {
            let new = if text.starts_with(b"\"") { string(text, random) } else { other(text, random) };
            drop(out.splice(chosen, new));
        }
    }
    Some(out)
}

fn string(text: &[u8], random: &mut Random) -> Vec<u8> {
    let inside = 1..text.len().saturating_sub(1).max(1);
    let mut out = text.to_vec();
    match random.below(6) {
        0 => random.pick(STRINGS).as_bytes().to_vec(),
        1 => {
            // Another digit or letter in its place.
            let at = inside.start + random.below(inside.len());
            if let Some(byte) = out.get_mut(at).filter(|b| b.is_ascii_alphanumeric()) {
                *byte = *random.pick(b"0123456789abcdefABCDEF_-.");
            }
            out
        }
        2 => {
            // The same character, escaped.
            let at = inside.start + random.below(inside.len());
            if let Some(byte) = text.get(at).filter(|b| b.is_ascii_alphanumeric()) {
                drop(out.splice(at..=at, format!("\\u{byte:04x}").into_bytes()));
            }
            out
        }
        3 => {
            let at = inside.start + random.below(inside.len());
            if text.get(at).is_some_and(u8::is_ascii) {
                out.remove(at);
            }
            out
        }
        4 => {
            let long = ["a", "证", "0"][random.below(3)].repeat(1 + random.below(5_000));
            format!("\"{long}\"").into_bytes()
        }
        _ => out.iter().map(u8::to_ascii_uppercase).collect(),
    }
}

fn other(text: &[u8], random: &mut Random) -> Vec<u8> {
    let is_number = text.first().is_some_and(u8::is_ascii_digit);
    match random.below(4) {
        0 => random.pick(OTHERS).as_bytes().to_vec(),
        1 => random.pick(NUMBERS).as_bytes().to_vec(),
        2 if is_number => number(random).to_string().into_bytes(),
        2 => random.pick(STRINGS).as_bytes().to_vec(),
        _ if is_number => [text, b"0"].concat(),
        _ => format!("\"{}\"", String::from_utf8_lossy(text)).into_bytes(),
    }
}

/// Strings, words with numbers, and single marks; what is no JSON gives some tokens too.
fn tokens(input: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < input.len() {
        let length = match input[at] {
            b'"' => string_length(&input[at..]),
            b if b.is_ascii_whitespace() => 0,
            b if word(b) => input[at..].iter().take_while(|b| word(**b)).count(),
            _ => 1,
        };
        if length > 0 {
            found.push(at..at + length);
        }
        at += length.max(1);
    }
    found
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')
}

fn string_length(from: &[u8]) -> usize {
    let mut at = 1;
    while at < from.len() && from[at] != b'"' {
        at += if from[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(from.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_are_strings_words_and_marks() {
        let input = br#"{ "a\"b": [-1.5e3, true] }"#;
        let found: Vec<_> = super::tokens(input).into_iter().map(|r| &input[r]).collect();
        let want: [&[u8]; 9] = [b"{", br#""a\"b""#, b":", b"[", b"-1.5e3", b",", b"true", b"]", b"}"];
        assert_eq!(found, want);
    }
}
