//! Changes of protobuf messages. Without the schema: what reads as a message within a message is taken for one.

use super::{bytes, number};
use crate::random::Random;

/// Deepest nesting that is looked into; ours is six.
const DEPTH: usize = 12;

#[derive(Clone)]
struct Field {
    number: u64,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Varint(u64),
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
    Message(Vec<Field>),
}

/// One change; `None` where the bytes are no message.
pub(super) fn change(input: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut fields = read(input, 0)?;
    let count = count(&fields);
    let donor = (count > 0).then(|| copy(&fields, &mut random.below(count))).flatten();
    let mut chosen = random.below(count);
    if count == 0 || random.once_in(12) {
        fields.push(Field { number: number(random) % 40, value: Value::Varint(number(random)) });
    } else {
        at(&mut fields, &mut chosen, &mut |list, index| alter(list, index, donor.as_ref(), random));
    }
    let mut out = Vec::new();
    write(&fields, &mut out);
    if random.once_in(16) {
        overlong(&mut out, random);
    }
    Some(out)
}

/// Fields with all those inside.
fn count(fields: &[Field]) -> usize {
    fields.iter().map(|f| 1 + if let Value::Message(inner) = &f.value { count(inner) } else { 0 }).sum()
}

/// The n-th field.
fn copy(fields: &[Field], n: &mut usize) -> Option<Field> {
    for field in fields {
        if *n == 0 {
            return Some(field.clone());
        }
        *n -= 1;
        if let Value::Message(inner) = &field.value
            && let Some(found) = copy(inner, n)
        {
            return Some(found);
        }
    }
    None
}

/// Goes to the n-th field and changes its list there.
fn at(fields: &mut Vec<Field>, n: &mut usize, change: &mut dyn FnMut(&mut Vec<Field>, usize)) -> bool {
    for index in 0..fields.len() {
        if *n == 0 {
            change(fields, index);
            return true;
        }
        *n -= 1;
        if let Value::Message(inner) = &mut fields[index].value
            && at(inner, n, change)
        {
            return true;
        }
    }
    false
}

fn alter(list: &mut Vec<Field>, index: usize, donor: Option<&Field>, random: &mut Random) {
    match random.below(10) {
        0 => drop(list.remove(index)),
        1 => {
            for _ in 0..if random.once_in(6) { 1 + random.below(200) } else { 1 } {
                list.insert(index, list[index].clone());
            }
        }
        2 => {
            let other = random.below(list.len());
            list.swap(index, other);
        }
        3 => list[index].number = number(random) % 40,
        4 => list.extend(donor.cloned()),
        5 => {
            if let Some(donor) = donor {
                list[index].value = donor.value.clone();
            }
        }
        6 => {
            list[index].value = match random.below(4) {
                0 => Value::Varint(number(random)),
                1 => Value::Fixed(number(random).to_le_bytes()[..if random.once_in(2) { 4 } else { 8 }].to_vec()),
                2 => Value::Bytes(Vec::new()),
                _ => Value::Bytes(vec![random.byte(); random.below(64)]),
            }
        }
        _ => refill(&mut list[index].value, random),
    }
}

/// Another value of the same kind.
fn refill(value: &mut Value, random: &mut Random) {
    match value {
        Value::Varint(n) if random.once_in(2) => *n = n.wrapping_add(if random.once_in(2) { 1 } else { u64::MAX }),
        Value::Varint(n) => *n = number(random),
        Value::Fixed(content) | Value::Bytes(content) if !content.is_empty() && random.once_in(2) => {
            let at = random.below(content.len());
            content[at] ^= 1 << random.below(8);
        }
        Value::Fixed(_) => {}
        Value::Bytes(content) => *content = bytes::change(content, &[0; 8], random),
        Value::Message(inner) => {
            let mut raw = Vec::new();
            write(inner, &mut raw);
            *value = Value::Bytes(bytes::change(&raw, &[0; 8], random));
        }
    }
}

/// Writes one byte below 128 in two: the same number, another encoding.
fn overlong(out: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(out.len());
    if let Some(byte) = out.get_mut(at).filter(|b| **b < 0x80) {
        *byte |= 0x80;
        out.insert(at + 1, 0);
    }
}

fn read(mut input: &[u8], depth: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !input.is_empty() {
        let tag = varint(&mut input)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut input)?),
            1 => Value::Fixed(take(&mut input, 8)?.to_vec()),
            5 => Value::Fixed(take(&mut input, 4)?.to_vec()),
            2 => {
                let length = usize::try_from(varint(&mut input)?).ok()?;
                let content = take(&mut input, length)?;
                let inner = if content.is_empty() || depth >= DEPTH { None } else { read(content, depth + 1) };
                // Only what is written back as it was: everything else may be a hash that happens to read.
                inner.filter(|i| is_encoding(i, content)).map_or_else(|| Value::Bytes(content.to_vec()), Value::Message)
            }
            _ => return None,
        };
        fields.push(Field { number: tag >> 3, value });
    }
    Some(fields)
}

fn is_encoding(fields: &[Field], bytes: &[u8]) -> bool {
    let mut out = Vec::new();
    write(fields, &mut out);
    out == bytes
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(head)
}

fn varint(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = take(input, 1)?[0];
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn write(fields: &[Field], out: &mut Vec<u8>) {
    for Field { number, value } in fields {
        let tagged = |kind: u64, out: &mut Vec<u8>| put(number << 3 | kind, out);
        match value {
            Value::Varint(n) => {
                tagged(0, out);
                put(*n, out);
            }
            Value::Fixed(bytes) => {
                tagged(if bytes.len() == 8 { 1 } else { 5 }, out);
                out.extend_from_slice(bytes);
            }
            Value::Bytes(bytes) => {
                tagged(2, out);
                put(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Value::Message(inner) => {
                let mut raw = Vec::new();
                write(inner, &mut raw);
                tagged(2, out);
                put(raw.len() as u64, out);
                out.extend_from_slice(&raw);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_messages_are_found_and_written_back() {
        // 1: 300, 2: { 1: 1, 3: { 1: 2 } }, 4: "ab" whose bytes are no message
        let raw = [8, 0xac, 2, 18, 6, 8, 1, 26, 2, 8, 2, 34, 2, b'a', b'b'];
        let fields = read(&raw, 0).expect("a message");
        assert_eq!(count(&fields), 6);
        assert!(is_encoding(&fields, &raw));
        assert!(read(&raw[..4], 0).is_none());
    }
}
