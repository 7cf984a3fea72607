//! A stretch: bytes that are looked at in one go, and the zone of them in which a secret must begin to be told now.

use std::ops::Range;

/// Bytes with their surroundings.
#[derive(Clone)]
pub(super) struct Stretch<'a> {
    /// The path of the file.
    pub(super) path: &'a str,
    /// All that is seen.
    pub(super) bytes: &'a [u8],
    /// Where a secret begins that is told from this stretch.
    pub(super) zone: Range<usize>,
    /// Where `bytes` begin in the file.
    pub(super) base: u64,
}

impl<'a> Stretch<'a> {
    /// From `from` up to `to`, as far as there is something.
    pub(super) fn cut(&self, from: usize, to: usize) -> &'a [u8] {
        let to = to.min(self.bytes.len());
        &self.bytes[from.min(to)..to]
    }

    /// The byte before a place.
    pub(super) fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|n| self.bytes.get(n)).copied()
    }

    /// True if a word begins at this place, also right after an escape such as `\n` in a string.
    pub(super) fn begins_word(&self, at: usize) -> bool {
        match self.before(at) {
            Some(b'n' | b't' | b'r') => at >= 2 && self.bytes[at - 2] == b'\\',
            Some(byte) => !is_word(byte),
            None => true,
        }
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// A letter, digit or `_` of ASCII.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
