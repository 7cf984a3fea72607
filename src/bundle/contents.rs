//! Reads the contents of what was selected, and refuses what can't be what the user means: a file that changed since it
//! was listed, a Git LFS pointer in place of the file it stands for.

use super::select::{Selection, Source};
use crate::files::{BlobReader, Error, Result, TreeReader, What};

/// How a Git LFS pointer begins.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// How many bytes a pointer has: fewer than 1024 by the specification of Git LFS, and no fewer than its fields take.
const LFS_SIZE: std::ops::Range<u64> = 100..1024;

/// Reads contents; one for each thread.
pub struct ContentReader<'a> {
    selection: &'a Selection,
    from: Reader<'a>,
}

enum Reader<'a> {
    Tree(TreeReader<'a>),
    Blobs(BlobReader<'a>),
}

impl Selection {
    /// Looks for what only contents tell, in as few files as can be: a dry run does it, which reads nothing else.
    ///
    /// # Errors
    /// [`Error::LfsPointer`]; what reading meets.
    pub fn precheck(&self) -> Result<()> {
        let mut reader = self.reader()?;
        let mut bytes = Vec::new();
        for i in 0..self.len() {
            if let What::File { size, .. } = self.listing.what(i)
                && LFS_SIZE.contains(&size)
            {
                bytes.clear();
                reader.read(i, 0, usize::try_from(size).unwrap_or(0), &mut bytes)?;
            }
        }
        Ok(())
    }
}

impl<'a> ContentReader<'a> {
    pub(super) fn new(selection: &'a Selection) -> Result<Self> {
        let from = match &selection.source {
            Source::Folder(folder) => Reader::Tree(TreeReader::new(folder, &selection.listing)),
            Source::Revision { blobs, .. } => Reader::Blobs(BlobReader::new(blobs, &selection.listing)),
        };
        Ok(ContentReader { selection, from })
    }

    /// Appends bytes `offset..offset + len` of file `i` to `out`, or leaves `out` as it was.
    ///
    /// # Errors
    /// [`Error::ChangedWhileRead`] if the file is not what was listed, [`Error::LfsPointer`]; what the system says.
    pub fn read(&mut self, i: usize, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        match &mut self.from {
            Reader::Tree(tree) => tree.read(i, offset, len, out)?,
            Reader::Blobs(blobs) => blobs.read(i, offset, len, out)?,
        }
        let listing = &self.selection.listing;
        if let What::File { size, .. } = listing.what(i)
            && LFS_SIZE.contains(&size)
            && offset == 0
            && out.get(start..).is_some_and(|bytes| bytes.starts_with(LFS))
        {
            out.truncate(start);
            return Err(Error::LfsPointer { path: listing.path(i) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
