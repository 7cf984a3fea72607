//! Reads the contents of what was selected, and refuses what can't be what the user means: a file that changed since it
//! was listed, a Git LFS pointer in place of the file it stands for.

use crate::files::{BlobReader, Blobs, Error, Folder, Listing, Result, Span, TreeReader, What};

/// How a Git LFS pointer begins.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// How many bytes a pointer has: fewer than 1024 by the specification of Git LFS, and no fewer than its fields take.
pub(super) const LFS_SIZE: std::ops::Range<u64> = 100..1024;

/// Where contents are read from.
#[derive(Debug)]
pub(super) enum Source {
    /// A folder on disk.
    Folder(Folder),
    /// A revision.
    Revision {
        /// The full id of its commit.
        commit: String,
        /// Its contents.
        blobs: Blobs,
    },
}

/// Reads contents; one for each thread.
pub struct ContentReader<'a> {
    listing: &'a Listing,
    from: Reader<'a>,
}

enum Reader<'a> {
    Tree(TreeReader<'a>),
    Blobs(BlobReader<'a>),
}

impl<'a> ContentReader<'a> {
    pub(super) fn new(source: &'a Source, listing: &'a Listing) -> Self {
        let from = match source {
            Source::Folder(folder) => Reader::Tree(TreeReader::new(folder, listing)),
            Source::Revision { blobs, .. } => Reader::Blobs(BlobReader::new(blobs, listing)),
        };
        ContentReader { listing, from }
    }

    /// Appends bytes `offset..offset + len` of file `i` to `out`, or leaves `out` as it was.
    ///
    /// # Errors
    /// [`Error::ChangedWhileRead`] if the file is not what was listed, [`Error::LfsPointer`]; what the system says.
    pub fn read(&mut self, i: usize, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<()> {
        self.read_on(i, offset, len, 0, &mut Vec::new(), out)
    }

    /// As [`Self::read`], and puts the last `overlap` bytes before `offset`, or as many as there are, into `before`.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_on(
        &mut self,
        i: usize,
        offset: u64,
        len: usize,
        overlap: usize,
        before: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let start = out.len();
        let span = Span { offset, len, overlap };
        match &mut self.from {
            Reader::Tree(tree) => tree.read(i, span, before, out)?,
            Reader::Blobs(blobs) => blobs.read(i, span, before, out)?,
        }
        if let What::File { size, .. } = self.listing.what(i)
            && LFS_SIZE.contains(&size)
            && offset == 0
            && out.get(start..).is_some_and(|bytes| bytes.starts_with(LFS))
        {
            out.truncate(start);
            return Err(Error::LfsPointer { path: self.listing.path(i) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
