//! Text from outside, made safe to show: no control, bidi or invisible character reaches a terminal (P13).

use std::fmt;

/// Shows a text with everything that could fool a terminal or a reader escaped as `\u{…}`.
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if self.0.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|c| match c {
            '\n' => f.write_str("\\n"),
            '\t' => f.write_str("\\t"),
            '\r' => f.write_str("\\r"),
            c if is_odd(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
            c => f.write_char(c),
        })
    }
}

/// The text, safe to show.
#[must_use]
pub fn printable(text: &str) -> String {
    Printable(text).to_string()
}

/// Like [`printable`], for text of several lines: LF stays.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Control, format, private-use, unassigned-plane and invisible code points.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}'
            | '\u{a0}' | '\u{1680}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_reaches_a_terminal() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\u{200b}\n\u{9b}"), "a\\u{1b}[31m\\u{202e}b\\u{200b}\\n\\u{9b}");
        assert_eq!(printable("Ärger, 東京 ok"), "Ärger, 東京 ok");
        assert_eq!(printable_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
