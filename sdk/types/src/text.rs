//! Characters that texts for people may have: what a person sees must be what was signed.

/// Whether a character cannot be seen, or changes how its neighbours are shown: control characters (which drive
/// terminals), zero-width and filler characters, line separators, and those that reverse the direction of text.
///
/// ```
/// use hnchain_types::text::hidden;
/// assert!(hidden('\u{1b}') && hidden('\u{202e}') && hidden('\u{200b}'));
/// assert!(!hidden('证') && !hidden(' '));
/// ```
#[must_use]
pub fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a character may stand in a record's id: a printable ASCII character, a Chinese character, or one of `〔〕·`.
///
/// Each of these has one encoding and one look, so that an id cannot be shown absent under a second spelling (combined
/// accents, full-width letters and brackets, look-alikes of other alphabets, invisible characters) while it exists.
pub(crate) const fn in_id(c: char) -> bool {
    c.is_ascii_graphic()
        || matches!(c,
            '〔' | '〕' | '·' | '〇' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
            | '\u{20000}'..='\u{2ebef}' | '\u{30000}'..='\u{323af}')
}
