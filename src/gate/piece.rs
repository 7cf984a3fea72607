//! A piece: what the gate is shown at a time. Pieces of one file may come in any order, from several threads.

/// How much of the file before a piece the gate wants to see with it.
pub const OVERLAP: usize = 64 << 10;

/// The longest stretch around a keyword that is looked at, and the longest secret.
pub(super) const WINDOW: usize = 4 << 10;

/// How far from the borders of what is seen a secret must begin to be this piece's own. Three windows (the secret, the
/// keyword near it, what is around that) in UTF-16, and some room.
pub(super) const MARGIN: usize = OVERLAP / 2;

/// At most so many hits are given for a piece; the others are counted.
pub const HITS_MAX: usize = 1000;

/// One slice of a file.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The path in the tree, with `/`.
    pub path: &'a str,
    /// Where `bytes` begin in the file.
    pub offset: u64,
    /// What stands right before `bytes`: exactly the last `min(offset, OVERLAP)` bytes.
    pub before: &'a [u8],
    /// The slice.
    pub bytes: &'a [u8],
    /// True if the file ends with this slice. A secret in the last bytes of a slice that isn't the last one is left to
    /// the next slice, which sees all of it.
    pub last: bool,
}

impl<'a> Piece<'a> {
    /// A whole file.
    #[must_use]
    pub fn whole(path: &'a str, bytes: &'a [u8]) -> Self {
        Piece { path, offset: 0, before: &[], bytes, last: true }
    }
}
