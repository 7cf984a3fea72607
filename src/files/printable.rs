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

/// Appends the text, safe to show.
pub fn push_printable(out: &mut String, text: &str) {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return out.push_str(text);
    }
    // A String can always be written to.
    let _unused = fmt::Write::write_fmt(out, format_args!("{}", Printable(text)));
}

/// Like [`printable`], for text of several lines: LF and tabs stay, CRLF becomes LF.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let line = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    text.replace("\r\n", "\n").split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Control, format, blank, private-use and invisible code points, and those that are no characters. Spaces other than
/// the one of ASCII are among them, since they look like it or like nothing.
fn is_odd(c: char) -> bool {
    c.is_control() || is_blank(c) || is_format(c) || is_private(c) || u32::from(c) & 0xfffe == 0xfffe
}

/// Spaces, and letters that show nothing.
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{a0}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{fffc}' | '\u{fffd}')
}

/// What moves, joins, turns or tags other characters.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}')
}

/// What has no meaning that we share: private use, code points that never stand for a character, and the last planes,
/// where tags and variation selectors are.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_reaches_a_terminal() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\u{200b}\n\u{9b}"), "a\\u{1b}[31m\\u{202e}b\\u{200b}\\n\\u{9b}");
        assert_eq!(printable("Ärger, 東京 ok"), "Ärger, 東京 ok");
        assert_eq!(printable_lines("a\r\n\tb\u{7}\r\r\n\r"), "a\n\tb\\u{7}\\r\n\\r");
    }

    #[test]
    fn every_control_format_blank_and_private_code_point_is_escaped() {
        // General categories Cc, Cf, Co, Zl, Zp, Zs but the space, no characters, and what is ignorable by default.
        let odd = "0-1f 7f-a0 ad-ad 34f-34f 600-605 61c-61c 6dd-6dd 70f-70f 890-891 8e2-8e2 115f-1160 1680-1680 17b4-17b5 \
            180b-180f 2000-200f 2028-202f 205f-206f 2800-2800 3000-3000 3164-3164 e000-f8ff fdd0-fdef fe00-fe0f \
            feff-feff ffa0-ffa0 fff0-ffff 110bd-110bd 110cd-110cd 13430-1343f 1bca0-1bca3 1d173-1d17a e0000-10ffff";
        let number = |hex: &str| u32::from_str_radix(hex, 16).unwrap();
        let range = |text: &str| text.split_once('-').map(|(from, to)| number(from)..=number(to)).unwrap();
        let odd: Vec<_> = odd.split_whitespace().map(range).collect();
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let code = u32::from(c);
            let wanted = code & 0xfffe == 0xfffe || odd.iter().any(|range| range.contains(&code));
            assert_eq!(!printable(c.encode_utf8(&mut [0; 4])).starts_with(c), wanted, "U+{code:04X}");
        }
    }
}
