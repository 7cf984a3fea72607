//! Where the stream of a compartment is cut into volumes (FORMAT §1.6; where to cut is the writer's choice).

use super::Result;
use super::select::Selection;
use crate::format::tar::{BLOCK, Head, HeadKind, padded};
use crate::format::too_large;
use crate::format::version::{ENTRIES_MAX, VOLUMES_MAX};

/// The aim for a volume, in bytes: a power of two, so that slices of large files are whole subtrees of BLAKE3.
const TARGET: u64 = 4 << 20;
/// The largest aim.
const TARGET_MAX: u64 = 16 << 20;
/// How many volumes make the aim grow.
const MANY: u64 = 65_536;

/// One volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Volume {
    /// The entry it begins in; the number of entries for one that holds only the end.
    pub(super) first: usize,
    /// How far into that entry's blocks it begins.
    pub(super) skip: u64,
    /// Its plain length in bytes.
    pub(super) len: u64,
}

/// All volumes of a compartment.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) volumes: Vec<Volume>,
    /// The length of the stream.
    pub(super) stream: u64,
    /// The length of the slices of large files.
    pub(super) slice: u64,
}

impl Plan {
    /// Cuts a selection.
    ///
    /// # Errors
    /// [`crate::format::Error::TooLarge`] for more than a bundle can hold.
    pub(super) fn of(selection: &Selection) -> Result<Plan> {
        let mut path = String::new();
        let spans = (0..selection.len()).map(|i| span(selection, i, &mut path));
        let stream = spans.fold(1024_u64, |sum, (_, span)| sum.saturating_add(span));
        let mut slice = TARGET;
        while slice < TARGET_MAX && stream / slice > MANY {
            slice *= 2;
        }
        if selection.len() as u64 > ENTRIES_MAX || stream / slice >= VOLUMES_MAX / 2 {
            let why = "10 million entries, and about 8 TB, are the most a bundle can hold";
            return Err(too_large("what should be sent", why).into());
        }
        let mut cutter = Cutter { volumes: Vec::new(), open: Volume { first: 0, skip: 0, len: 0 }, slice };
        for i in 0..selection.len() {
            let (head, span) = span(selection, i, &mut path);
            cutter.entry(i, head, span - head);
        }
        let mut volumes = cutter.volumes;
        volumes.push(Volume { len: cutter.open.len + 1024, ..cutter.open });
        Ok(Plan { volumes, stream, slice })
    }

    /// The longest volume.
    pub(super) fn longest(&self) -> u64 {
        self.volumes.iter().map(|v| v.len).max().unwrap_or(BLOCK)
    }
}

/// The lengths of an entry's headers and of the whole entry.
fn span(selection: &Selection, i: usize, path: &mut String) -> (u64, u64) {
    selection.path_into(i, path);
    let item = selection.item(i);
    let head = Head { path, kind: item.kind, mtime: item.mtime };
    (head.len(), head.span())
}

struct Cutter {
    volumes: Vec<Volume>,
    open: Volume,
    slice: u64,
}

impl Cutter {
    fn close(&mut self, next: usize, skip: u64) {
        if self.open.len > 0 {
            self.volumes.push(self.open);
        }
        self.open = Volume { first: next, skip, len: 0 };
    }

    fn entry(&mut self, i: usize, head: u64, contents: u64) {
        if contents <= self.slice {
            if self.open.len > 0 && self.open.len + head + contents > self.slice {
                self.close(i, 0);
            }
            self.open.len += head + contents;
            return;
        }
        // A large file begins a volume; each full slice is a volume, and its rest opens the next.
        self.close(i, 0);
        self.open.len = head;
        let mut at = 0;
        while contents - at > self.slice {
            self.open.len += self.slice;
            at += self.slice;
            self.close(i, head + at);
        }
        self.open.len += contents - at;
    }
}

/// Which part of a file's contents a volume holds that begins `skip` bytes into the entry and has `room` bytes left:
/// the offset and the length in the contents.
pub(super) fn slice_of(kind: HeadKind<'_>, head: u64, skip: u64, room: u64) -> (u64, u64) {
    let HeadKind::File { size, .. } = kind else { return (0, 0) };
    let from = skip.saturating_sub(head);
    let most = room.saturating_sub(head.saturating_sub(skip));
    (from, size.saturating_sub(from).min(most))
}

/// The zero bytes that follow a slice that ends at `end` of `size` bytes.
pub(super) fn padding_after(size: u64, end: u64) -> u64 {
    if end == size { padded(size) - size } else { 0 }
}
