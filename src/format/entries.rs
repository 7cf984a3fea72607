//! The entries of a manifest, read one after the other with every statement about their order and sums checked
//! (FORMAT §3.5, §4.6 to §4.8). Memory is one frame and the folders that are open.

use std::io::Read;

use memchr::{memchr, memmem};

use super::Result;
use super::entry::{self, Entry, Kind};
use super::error::{Error, changed, too_large};
use super::frames::Frames;
use super::manifest::{is_offset, parse_offset};
use super::merkle::Tree;
use super::version::ENTRIES_MAX;
use crate::crypto::{Digest, Hasher};

const SUM: &str = "sums beyond what a number holds";

/// Sums and hashes over the entries of a compartment, for the packer and the reader alike.
pub struct Tally {
    /// Entries.
    pub entries: u64,
    /// Files.
    pub files: u64,
    /// The sum of their sizes in bytes.
    pub bytes: u64,
    /// Bytes of the stream so far: where the next entry's header begins.
    pub offset: u64,
    /// Files that are taken from the parent.
    pub refs: u64,
    content: Hasher,
    tree: Tree,
}

impl Tally {
    /// For the compartment with this nonce.
    #[must_use]
    pub fn new(nonce: &[u8; 32]) -> Self {
        Tally { entries: 0, files: 0, bytes: 0, offset: 0, refs: 0, content: Hasher::default(), tree: Tree::new(nonce) }
    }

    fn count(&mut self, entry: &Entry) -> Result<()> {
        let sum = || too_large("manifest", SUM);
        self.entries += 1;
        if let Kind::File { size, .. } = entry.kind {
            self.files += 1;
            self.bytes = self.bytes.checked_add(size).ok_or_else(sum)?;
        }
        self.refs += u64::from(entry.is_ref());
        self.offset = self.offset.checked_add(entry.span()).ok_or_else(sum)?;
        if self.entries > ENTRIES_MAX { Err(too_large("manifest", "more than 10 million entries")) } else { Ok(()) }
    }

    /// Adds the next entry and its line.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are too many.
    pub fn add(&mut self, entry: &Entry, line: &[u8]) -> Result<()> {
        self.count(entry)?;
        entry.hash_into(&mut self.content);
        self.tree.add(line);
        Ok(())
    }

    /// The content id.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.content.finish()
    }

    /// `entriesRoot`.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.tree.root()
    }
}

/// Whether, in the order of entries, nothing below the folder `dir` can follow `path`: everything below a folder sorts
/// before its name followed by the byte after `/`.
#[must_use]
pub fn is_past(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_none_or(|rest| rest.as_bytes().first().is_none_or(|b| *b > b'/'))
}

/// Reads entries. With `full`, hashes are computed as well.
pub struct Entries<'a> {
    frames: Frames<'a>,
    at: usize,
    full: bool,
    /// What was counted so far.
    pub tally: Tally,
    last: Option<String>,
    open: Vec<String>,
}

impl<'a> Entries<'a> {
    /// Over the age plaintext of a manifest from its first entry frame on.
    #[must_use]
    pub fn new(rest: impl Read + 'a, nonce: &[u8; 32], full: bool) -> Self {
        Entries { frames: Frames::new(rest), at: 0, full, tally: Tally::new(nonce), last: None, open: Vec::new() }
    }

    /// Sets how many bytes of lines are still to come: more are an error at once, fewer at the end.
    #[must_use]
    pub fn bounded(mut self, most: u64) -> Self {
        self.frames.most = Some(most);
        self
    }

    /// Sets how many bytes of lines one frame may hold, when many manifests are read at once.
    #[must_use]
    pub fn capped(mut self, largest: usize) -> Self {
        self.frames.largest = self.frames.largest.min(largest);
        self
    }

    /// Bytes of lines read so far.
    #[must_use]
    pub fn lines_read(&self) -> u64 {
        self.frames.total
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Changed`] for order and spelling, [`Error::UnsafePath`] for a missing parent, and the limits.
    #[expect(clippy::should_implement_trait, reason = "an iterator can't return Result<Option<_>>")]
    pub fn next(&mut self) -> Result<Option<Entry>> {
        if self.at == self.frames.lines.len() {
            let more = self.frames.advance()?;
            self.at = 0;
            if !more {
                let whole = self.frames.most.is_none_or(|most| most == self.frames.total);
                let fewer = || changed("manifest", "it holds fewer lines than the envelope says");
                return if whole { Ok(None) } else { Err(fewer()) };
            }
            let offset = parse_offset(self.line()?)?;
            if offset != self.tally.offset {
                return Err(changed("manifest", "an `o` line that states a wrong offset"));
            }
            if self.at == self.frames.lines.len() {
                return Err(changed("manifest", "a frame without an entry"));
            }
        }
        let start = self.at;
        let line = self.line()?;
        if is_offset(line) {
            return Err(changed("manifest", "an `o` line within a frame"));
        }
        let entry = Entry::parse(line)?;
        self.check_place(&entry)?;
        if self.full {
            let line = self.frames.lines.get(start..self.at - 1).unwrap_or_default();
            self.tally.add(&entry, line)?;
        } else {
            self.tally.count(&entry)?;
        }
        Ok(Some(entry))
    }

    /// Finds the entry of a path by the bytes of its line, and where its first header is in the stream. Only its own
    /// frame is parsed, so order and sums are not checked. The offset before a `ref` is the next one's.
    ///
    /// # Errors
    /// Those of the lines that are parsed.
    pub fn find(mut self, path: &str) -> Result<Option<(Entry, u64)>> {
        let mut start = b"\n".to_vec();
        entry::push_path(&mut start, path);
        let finder = memmem::Finder::new(&start);
        while self.frames.advance()? {
            let Some(at) = finder.find(&self.frames.lines) else { continue };
            self.at = 0;
            let mut offset = parse_offset(self.line()?)?;
            while self.at <= at {
                let span = Entry::parse(self.line()?)?.span();
                offset = offset.checked_add(span).ok_or_else(|| too_large("manifest", SUM))?;
            }
            return Ok(Some((Entry::parse(self.line()?)?, offset)));
        }
        Ok(None)
    }

    fn line(&mut self) -> Result<&[u8]> {
        let rest = self.frames.lines.get(self.at..).unwrap_or_default();
        let len = memchr(b'\n', rest).ok_or_else(|| changed("manifest", "a line without its end"))?;
        self.at += len + 1;
        Ok(rest.get(..len).unwrap_or_default())
    }

    fn check_place(&mut self, entry: &Entry) -> Result<()> {
        let path = entry.path.as_str();
        if self.last.as_deref().is_some_and(|last| last >= path) {
            return Err(changed("manifest", format!("`{path}` is out of order or listed twice")));
        }
        while self.open.last().is_some_and(|dir| is_past(path, dir)) {
            self.open.pop();
        }
        if let Some(parent) = entry.path.parent()
            && !self.open.iter().rev().any(|dir| dir == parent)
        {
            return Err(Error::UnsafePath { path: path.to_owned(), why: "its folder is not listed before it" });
        }
        if entry.kind == Kind::Dir {
            self.open.push(path.to_owned());
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(path);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::crypto::Hex;
    use crate::format::manifest::FrameWriter;
    use crate::format::relpath::RelPath;
    use crate::format::version::INTEGER_MAX;

    #[test]
    fn sums_beyond_a_number_are_too_large_in_every_way_to_read() {
        let (mut frames, mut line) = (FrameWriter::default(), Vec::new());
        for n in 0..2100 {
            let kind = Kind::File { size: INTEGER_MAX, b3: Hex([0; 32]), exec: false, unchanged: false };
            let entry = Entry { path: RelPath::new(format!("{n:04}")).unwrap(), kind, mtime: 0 };
            frames.add_entry(&entry, 0, &mut line).unwrap();
        }
        frames.flush().unwrap();
        let entries = || Entries::new(frames.frames.as_slice(), &[0; 32], false);
        assert_eq!(entries().find("2099").unwrap_err().word(), "too-large");
        assert_eq!(entries().find("0001").unwrap().unwrap().1, Entry::span(&entries().next().unwrap().unwrap()));
        let mut all = entries();
        let end = std::iter::from_fn(|| all.next().transpose()).find_map(Result::err);
        assert_eq!(end.unwrap().word(), "too-large");
    }
}
