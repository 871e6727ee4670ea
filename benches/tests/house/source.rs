//! Just enough reading of Rust to judge code without its comments, texts and tests.

/// Source with comments, texts and characters blanked out; lines and columns stay where they were.
pub(crate) fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(bytes, at);
        if end > at {
            out.extend(bytes[at..end].iter().map(|b| if *b == b'\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(if bytes[at].is_ascii() { char::from(bytes[at]) } else { '_' });
            at += 1;
        }
    }
    out
}

/// End of the comment, text or character that begins here, or `at` itself.
fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let inside_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return at + block_comment(rest);
    }
    if !inside_word && let Some(length) = raw_text(rest) {
        return at + length;
    }
    match rest[0] {
        b'"' => at + quoted(rest, b'"'),
        // A lifetime has no quote after its first character.
        b'\'' if rest.get(1) == Some(&b'\\') => at + quoted(rest, b'\''),
        b'\'' => match rest[1..].iter().take(6).position(|b| *b == b'\'') {
            Some(close) if std::str::from_utf8(&rest[1..=close]).is_ok_and(|s| s.chars().count() == 1) => {
                at + close + 2
            }
            _ => at,
        },
        _ => at,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut i) = (0usize, 0);
    while i < rest.len() {
        if rest[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    rest.len()
}

fn raw_text(rest: &[u8]) -> Option<usize> {
    let prefix = [&b"br"[..], b"cr", b"r"].into_iter().find(|p| rest.starts_with(p))?.len();
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = prefix + hashes + 1;
    let end = rest[body..].windows(close.len()).position(|w| w == close)?;
    Some(body + end + close.len())
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut i = 1;
    while i < rest.len() && rest[i] != quote {
        i += if rest[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(rest.len())
}

/// Code without the modules and functions that only tests see.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let open = out[start..].find('{').map(|i| start + i);
        let semicolon = out[start..].find(';').map(|i| start + i);
        let end = match (open, semicolon) {
            (Some(o), Some(s)) if s < o => s + 1,
            (Some(o), _) => block_end(&out, o),
            (None, Some(s)) => s + 1,
            (None, None) => out.len(),
        };
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Position after the brace that closes the one at `open`.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (i, b) in code.bytes().enumerate().skip(open) {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    code.len()
}

/// Name, first line and length in lines of every function that has a body.
pub(crate) fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in words(code, "fn") {
        let rest = &code[at + 2..];
        let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            continue; // a function pointer type
        }
        let Some(open) = body(code, at) else { continue };
        let lines = code[at..block_end(code, open)].lines().count();
        found.push((name, line_of(code, at), lines));
    }
    found
}

/// Where the body of the function at `at` opens; `None` for a declaration.
fn body(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, b) in code.bytes().enumerate().skip(at) {
        match b {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'{' if depth == 0 => return Some(i),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Places of a word, with their lines.
pub(crate) fn words(code: &str, word: &str) -> Vec<(usize, usize)> {
    let part = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = code.as_bytes();
    code.match_indices(word)
        .filter(|(i, _)| *i == 0 || !part(bytes[i - 1]))
        .filter(|(i, _)| bytes.get(i + word.len()).is_none_or(|b| !part(*b)))
        .map(|(i, _)| (i, line_of(code, i)))
        .collect()
}

pub(crate) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[test]
fn comments_and_texts_are_not_code() {
    let source = r###"let a = "fn \" b"; // fn c
/* fn /* d */ e */ let f = 'x'; let g: &'static str = r#"fn "h" "#; fn i<'a>() { '\'' }"###;
    let code = code_only(source);
    assert_eq!(code.len(), source.len());
    let names: Vec<_> = functions(&code).into_iter().map(|f| f.0).collect();
    assert_eq!(names, ["i"]);
    assert!(code.contains("&'static str"));
}

#[test]
fn tests_are_cut_out_and_lines_stay() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n#[cfg(test)]\nmod c;\nfn d(x: [u8; 2]) {\n}\n";
    let cut = without_tests(code);
    assert_eq!(functions(&cut), [("a".to_owned(), 1, 1), ("d".to_owned(), 8, 2)]);
}
