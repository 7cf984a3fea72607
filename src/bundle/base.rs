//! The base of a delta: a tree whose content id was checked, from which unchanged files are taken (FORMAT §4.9).

use std::io::Write;
use std::path::{Path, PathBuf};

use super::contents::ContentReader;
use super::select::{From, Order, Selection};
use super::{Error, Result};
use crate::crypto::{Digest, Hasher, digest};
use crate::files::{self, Progress};
use crate::format::changed;
use crate::format::entry::{Entry, Kind};
use crate::format::manifest::Parent;
use crate::format::relpath::RelPath;
use crate::format::tar::HeadKind;

/// A checked base.
pub(super) struct Base {
    selection: Selection,
    /// The hash of each entry that is a file, by its number.
    hashes: Vec<Option<Digest>>,
    path: PathBuf,
}

/// How much of a file is in memory at once.
const SLICE: u64 = 4 << 20;

impl Base {
    /// Reads a whole folder and compares its content id with the parent's.
    pub(super) fn open(path: &Path, parent: &Parent, progress: &dyn Progress) -> Result<Base> {
        let order = Order {
            from: From::Plain(path),
            globs: &[],
            scope: None,
            allow_unportable: true,
            latest: None,
            keep_out: &[],
            survey: false,
        };
        let selection = Selection::of(&order, progress)?;
        let (got, hashes) = content_of(&selection, progress)?;
        if got != parent.content {
            return Err(Error::WrongBase { want: parent.content, got });
        }
        Ok(Base { selection, hashes, path: path.to_owned() })
    }

    /// Whether it has a file of this path, size and hash.
    pub(super) fn has(&self, path: &str, size: u64, b3: &Digest) -> bool {
        self.find(path).is_some_and(|i| {
            let same_size = matches!(self.selection.item(i).kind, HeadKind::File { size: s, .. } if s == size);
            same_size && self.hashes.get(i).copied().flatten() == Some(*b3)
        })
    }

    /// Copies one file, which must still be what it was.
    pub(super) fn copy(&self, path: &str, b3: &Digest, to: &mut dyn Write) -> Result<()> {
        let missing = || changed(format!("`{path}`"), "it should be taken from the base, which does not have it");
        let i = self.find(path).ok_or_else(missing)?;
        let HeadKind::File { size, .. } = self.selection.item(i).kind else { return Err(missing().into()) };
        let mut hasher = Hasher::default();
        each_slice(&mut self.selection.reader()?, i, size, &mut |bytes| {
            hasher.update(bytes);
            to.write_all(bytes).map_err(files::io_at("write", &self.path)).map_err(Error::from)
        })?;
        if hasher.finish() == *b3 { Ok(()) } else { Err(missing().into()) }
    }

    fn find(&self, path: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.selection.len());
        let mut at = String::new();
        while low < high {
            let middle = low.midpoint(high);
            self.selection.path_into(middle, &mut at);
            match at.as_str().cmp(path) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

fn each_slice(
    reader: &mut ContentReader<'_>,
    i: usize,
    size: u64,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut buffer = Vec::new();
    let mut at = 0;
    while at < size {
        let len = usize::try_from(SLICE.min(size - at)).map_err(|_| Error::Bug)?;
        buffer.clear();
        reader.read(i, at, len, &mut buffer)?;
        each(&buffer)?;
        at += len as u64;
    }
    Ok(())
}

/// The content id of a selection (FORMAT §4.8), and the hashes of its files.
fn content_of(selection: &Selection, progress: &dyn Progress) -> Result<(Digest, Vec<Option<Digest>>)> {
    let mut hashes = Vec::with_capacity(selection.len());
    let mut content = Hasher::default();
    let mut reader = selection.reader()?;
    let mut path = String::new();
    progress.begin("base", selection.bytes());
    for i in 0..selection.len() {
        if progress.stopped() {
            return Err(files::Error::Stopped.into());
        }
        selection.path_into(i, &mut path);
        let item = selection.item(i);
        let kind = match item.kind {
            HeadKind::File { size, exec } => {
                let mut hasher = Hasher::default();
                each_slice(&mut reader, i, size, &mut |bytes| {
                    hasher.update(bytes);
                    progress.advance(bytes.len() as u64);
                    Ok(())
                })?;
                let b3 = if size == 0 { digest(&[]) } else { hasher.finish() };
                Kind::File { size, b3, exec, unchanged: false }
            }
            HeadKind::Dir => Kind::Dir,
            HeadKind::Link(to) => Kind::Link { to: to.to_owned() },
        };
        hashes.push(if let Kind::File { b3, .. } = &kind { Some(*b3) } else { None });
        Entry { path: RelPath::new(path.as_str())?, kind, mtime: item.mtime }.hash_into(&mut content);
    }
    Ok((content.finish(), hashes))
}
