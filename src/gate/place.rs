//! Lines and columns, both from 1. A column counts characters: bytes that begin one in UTF-8, units in UTF-16.

use super::wide::Wide;

/// A place for a person to go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
}

/// Counts lines over slices that are passed in order. A line ends with LF; the CR before it is its last character.
#[derive(Debug, Clone)]
pub struct Lines {
    wide: Wide,
    at: Place,
    /// The first half of a unit of UTF-16, and whether there is one.
    half: Option<u8>,
    passed: u64,
}

impl Lines {
    /// At the beginning of a file whose hit says `wide`.
    #[must_use]
    pub fn new(wide: Wide) -> Self {
        Lines { wide, at: Place { line: 1, column: 1 }, half: None, passed: 0 }
    }

    /// Goes over the next bytes.
    pub fn pass(&mut self, bytes: &[u8]) {
        match self.wide {
            Wide::No => self.pass_narrow(bytes),
            Wide::Little | Wide::Big => bytes.iter().for_each(|byte| self.pass_half(*byte)),
        }
    }

    /// The place of the byte that comes next.
    #[must_use]
    pub fn place(&self) -> Place {
        self.at
    }

    fn pass_narrow(&mut self, bytes: &[u8]) {
        let rest = match bytes.iter().rposition(|b| *b == b'\n') {
            Some(last) => {
                self.at.line += bytes[..=last].iter().filter(|b| **b == b'\n').count() as u64;
                self.at.column = 1;
                self.passed = 1;
                &bytes[last + 1..]
            }
            None => bytes,
        };
        // A byte order mark is no character.
        let rest = if self.passed == 0 { rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest) } else { rest };
        self.passed = 1;
        self.at.column += rest.iter().filter(|b| **b & 0xc0 != 0x80).count() as u64;
    }

    fn pass_half(&mut self, byte: u8) {
        let Some(first) = self.half.take() else {
            self.half = Some(byte);
            return;
        };
        let unit = match self.wide {
            Wide::Big => u16::from_be_bytes([first, byte]),
            Wide::Little | Wide::No => u16::from_le_bytes([first, byte]),
        };
        self.passed += 1;
        match unit {
            0x000a => self.at = Place { line: self.at.line + 1, column: 1 },
            0xfeff if self.passed == 1 => {}
            // The second half of a character that takes two units.
            0xdc00..=0xdfff => {}
            _ => self.at.column += 1,
        }
    }
}

/// The place of the byte right after `before`, which are all bytes of the file up to it.
#[must_use]
pub fn place(before: &[u8], wide: Wide) -> Place {
    let mut lines = Lines::new(wide);
    lines.pass(before);
    lines.place()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let at = |text: &str| {
            let Place { line, column } = place(text.as_bytes(), Wide::No);
            (line, column)
        };
        assert_eq!(
            [at(""), at("ab"), at("ab\n"), at("a\r\nü€x"), at("\u{feff}a")],
            [(1, 1), (1, 3), (2, 1), (2, 4), (1, 2)]
        );
    }

    #[test]
    fn utf16_is_counted_in_units_and_surrogates_count_once() {
        for (wide, flip) in [(Wide::Little, false), (Wide::Big, true)] {
            let bytes: Vec<u8> = "\u{feff}a\nb\u{1f600}c"
                .encode_utf16()
                .flat_map(|u| if flip { u.to_be_bytes() } else { u.to_le_bytes() })
                .collect();
            assert_eq!(place(&bytes, wide), Place { line: 2, column: 4 });
            let mut lines = Lines::new(wide);
            bytes.chunks(3).for_each(|part| lines.pass(part));
            assert_eq!(lines.place(), Place { line: 2, column: 4 });
        }
    }
}
