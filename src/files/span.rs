//! A part of a file that is to be read, and how much is wanted of what lies before it.

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it has.
    pub len: usize,
    /// How many bytes before it are wanted as well.
    pub overlap: usize,
}

impl Span {
    /// How many bytes before it are read: at the beginning of a file there are not that many.
    pub(super) fn before(self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX).min(self.overlap)
    }

    /// Where reading begins.
    pub(super) fn start(self) -> u64 {
        self.offset - self.before() as u64
    }

    /// Its end; `None` beyond all measure.
    pub(super) fn end(self) -> Option<u64> {
        self.offset.checked_add(self.len as u64)
    }
}
