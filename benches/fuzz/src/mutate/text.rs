//! Changes of short texts: identifiers, PEM, configuration.

use super::number;
use crate::random::Random;

const WORDS: &[&str] = &[
    "0",
    "X",
    "x",
    "O",
    "I",
    "-",
    ".",
    " ",
    "\n",
    "\u{0}",
    "０",
    "Ａ",
    "（",
    "〔2024〕",
    "号",
    "豫",
    "不动产权",
    "证",
];

/// One change.
pub(super) fn change(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text: Vec<char> = String::from_utf8_lossy(input).chars().collect();
    let at = random.below(text.len());
    let Some(&old) = text.get(at) else { return random.pick(WORDS).as_bytes().to_vec() };
    match random.below(9) {
        // Another character of the same kind: as a slip of the pen.
        0..=2 => text[at] = like(old, random),
        3 => {
            let other = random.below(text.len());
            text.swap(at, other);
        }
        4 => {
            text.remove(at);
        }
        5 => text.insert(at, old),
        6 => text.insert(at, random.pick(WORDS).chars().next().unwrap_or('0')),
        7 => {
            text[at] = if old.is_lowercase() { old.to_ascii_uppercase() } else { old.to_ascii_lowercase() };
        }
        _ => {
            let new: Vec<char> =
                if random.once_in(3) { number(random).to_string() } else { (*random.pick(WORDS)).to_owned() }
                    .chars()
                    .collect();
            let end = (at + random.below(4)).min(text.len());
            drop(text.splice(at..end, new));
        }
    }
    text.into_iter().collect::<String>().into_bytes()
}

fn like(c: char, random: &mut Random) -> char {
    let from: &[u8] = match c {
        '0'..='9' => b"0123456789",
        'A'..='Z' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        'a'..='z' => b"abcdefghijklmnopqrstuvwxyz",
        c if !c.is_ascii() => return *random.pick(&['豫', '郑', '〔', '（', '）', '第', '号', '，', '\u{200b}']),
        _ => b"+-./=_:;()[]{}'\"",
    };
    char::from(*random.pick(from))
}
