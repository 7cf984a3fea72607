//! Where a bundle is read from: a file, its parts, or a stream that is spooled first (FORMAT §1.7, §6.4). Reads are
//! at offsets, so several workers share one source. No mmap: a file cut short would kill the process. A source can
//! also be put together from pieces of others, to read a damaged bundle as it was before.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::retry::retry;
use super::{Error, Progress, Result, io_at};
use crate::format::version::DOCUMENT_MAX;

/// A bundle's bytes. A clone reads the same open files.
#[derive(Debug, Clone)]
pub struct Source {
    name: PathBuf,
    parts: Vec<Part>,
    len: u64,
}

/// How a bundle begins (FORMAT §1.1).
const START: &[u8] = b"README.txt\0";
/// The most that is read of a stream that does not begin so: more than any card.
const OTHER_MAX: u64 = DOCUMENT_MAX + 1;

/// The most parts of a bundle (FORMAT §1.7).
const PARTS_MAX: u32 = 999;

#[derive(Debug, Clone)]
struct Part {
    start: u64,
    len: u64,
    from: From,
}

/// Where the bytes of a part come from.
#[derive(Debug, Clone)]
enum From {
    File {
        file: Arc<File>,
        at: u64,
    },
    Bytes(Arc<[u8]>),
    /// They are lost, and read as zeros.
    Nothing,
}

impl Part {
    fn file(start: u64, len: u64, file: File) -> Part {
        Part { start, len, from: From::File { file: Arc::new(file), at: 0 } }
    }

    /// Fills `buffer` from `offset` of the part, which has that much.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &self.from {
            From::File { file, at } => read_exact_at(file, buffer, at + offset),
            From::Bytes(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let found = bytes.get(from..).and_then(|rest| rest.get(..buffer.len()));
                found.map(|found| buffer.copy_from_slice(found)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            From::Nothing => {
                buffer.fill(0);
                Ok(())
            }
        }
    }
}

impl Source {
    /// Opens a file; for `NAME.001` the parts that follow it as well.
    ///
    /// # Errors
    /// What the system says; a folder is refused.
    pub fn open(path: &Path, progress: &dyn Progress) -> Result<Source> {
        let mut parts = Vec::new();
        let mut start = 0;
        for number in 1..=PARTS_MAX + 1 {
            let Some(file) = open_part(path, number)? else { break };
            let meta = file.metadata().map_err(io_at("read", path))?;
            if meta.is_dir() {
                let e = io::Error::new(io::ErrorKind::IsADirectory, "is a folder, not a bundle");
                return Err(io_at("read", path)(e));
            }
            let unusable = |why| Err(io_at("read", path)(io::Error::new(io::ErrorKind::InvalidData, why)));
            if number > PARTS_MAX {
                return unusable("it has more than 999 parts");
            }
            if number > 1 && (!meta.is_file() || meta.len() == 0) {
                return unusable("one of its parts is empty, or no file");
            }
            if !meta.is_file() {
                return Source::spool(file, path, std::env::temp_dir().as_path(), progress);
            }
            parts.push(Part::file(start, meta.len(), file));
            start += meta.len();
        }
        Ok(Source { name: path.to_owned(), parts, len: start })
    }

    /// Reads a stream to its end into a temp file without a name in `folder`. Only ciphertext is spooled. What can't be
    /// a bundle is read as far as a card could go, since it may have no end.
    ///
    /// # Errors
    /// What the system says.
    pub fn spool(mut from: impl Read, name: &Path, folder: &Path, progress: &dyn Progress) -> Result<Source> {
        let mut start = Vec::new();
        from.by_ref().take(START.len() as u64).read_to_end(&mut start).map_err(io_at("read", name))?;
        let limit = if start == START { u64::MAX } else { OTHER_MAX };
        let mut from = start.as_slice().chain(from.take(limit));
        let mut file = tempfile::tempfile_in(folder).map_err(io_at("write to", folder))?;
        let mut buffer = vec![0; 1 << 20];
        let mut len = 0;
        loop {
            if progress.stopped() {
                return Err(Error::Stopped);
            }
            let n = retry(|| from.read(&mut buffer)).map_err(io_at("read", name))?;
            if n == 0 {
                return Ok(Source { name: name.to_owned(), parts: vec![Part::file(0, len, file)], len });
            }
            file.write_all(buffer.get(..n).unwrap_or_default()).map_err(io_at("write to", folder))?;
            len += n as u64;
        }
    }

    /// Over a file that is open already.
    pub(super) fn over(file: File, name: &Path) -> io::Result<Source> {
        let len = file.metadata()?.len();
        Ok(Source { name: name.to_owned(), parts: vec![Part::file(0, len, file)], len })
    }

    /// Nothing yet; pieces are put to its end.
    #[must_use]
    pub fn of_pieces(name: &Path) -> Source {
        Source { name: name.to_owned(), parts: Vec::new(), len: 0 }
    }

    /// Puts `len` bytes of another source, from `offset` on, to the end. What it does not have is lost.
    pub fn push_piece(&mut self, from: &Source, offset: u64, len: u64) {
        let (mut at, end) = (offset, offset.saturating_add(len));
        let first = from.parts.partition_point(|p| p.start + p.len <= at);
        for part in from.parts.get(first..).unwrap_or_default() {
            let some = (part.start + part.len).min(end).saturating_sub(at);
            if some == 0 {
                break;
            }
            let skipped = at - part.start;
            match &part.from {
                From::File { file, at: base } => self.push_file(file, base + skipped, some),
                From::Bytes(bytes) => {
                    let cut = |x: u64| usize::try_from(x).unwrap_or(usize::MAX);
                    self.push_bytes(bytes.get(cut(skipped)..cut(skipped + some)).unwrap_or_default());
                }
                From::Nothing => self.push_lost(some),
            }
            at += some;
        }
        self.push_lost(end - at);
    }

    /// Neighbours become one part, so that a sound bundle of any size is a single one.
    fn push_file(&mut self, file: &Arc<File>, at: u64, len: u64) {
        if let Some(Part { len: have, from: From::File { file: last, at: base }, .. }) = self.parts.last_mut()
            && Arc::ptr_eq(last, file)
            && *base + *have == at
        {
            *have += len;
        } else {
            self.parts.push(Part { start: self.len, len, from: From::File { file: Arc::clone(file), at } });
        }
        self.len += len;
    }

    /// Puts bytes to the end.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let len = bytes.len() as u64;
            self.parts.push(Part { start: self.len, len, from: From::Bytes(bytes.into()) });
            self.len += len;
        }
    }

    /// Puts bytes to the end that nobody knows any more.
    pub fn push_lost(&mut self, len: u64) {
        if len > 0 {
            self.parts.push(Part { start: self.len, len, from: From::Nothing });
            self.len = self.len.saturating_add(len);
        }
    }

    /// What it is called, for messages.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// What the system says; an end of file before the buffer is full is `UnexpectedEof`.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let at = self.parts.partition_point(|p| p.start <= offset).saturating_sub(1);
        let mut rest = buffer;
        let mut offset = offset;
        for part in self.parts.get(at..).unwrap_or_default() {
            let room = usize::try_from((part.start + part.len).saturating_sub(offset)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at_mut(room.min(rest.len()));
            part.read_at(offset - part.start, now).map_err(io_at("read", &self.name))?;
            offset += now.len() as u64;
            rest = later;
            if rest.is_empty() {
                return Ok(());
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(io_at("read", &self.name)(io::ErrorKind::UnexpectedEof.into())) }
    }
}

fn open_part(first: &Path, number: u32) -> Result<Option<File>> {
    let path = match (number, first.extension().is_some_and(|e| e == "001")) {
        (1, _) => first.to_owned(),
        (_, true) => first.with_extension(format!("{number:03}")),
        (_, false) => return Ok(None),
    };
    let mut options = OpenOptions::new();
    match options.read(true).open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if number > 1 && e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_at("read", &path)(e)),
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buffer = &mut buffer[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Reads a small file whole that must be a file: nothing is waited for that stands in its place.
///
/// # Errors
/// What the system says; anything but a file of at most `limit` bytes.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = open_file(path).map_err(io_at("read", path))?;
    read_bounded(file, path, limit)
}

/// Whether something is a file that starts with these bytes.
#[must_use]
pub fn starts_with(path: &Path, start: &[u8]) -> bool {
    let mut bytes = vec![0; start.len()];
    open_file(path).is_ok_and(|mut file| file.read_exact(&mut bytes).is_ok()) && bytes == start
}

/// Opens a file; nothing is waited for that stands in its place.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    Ok(file)
}

/// Reads a small file whole, as a stream, refusing more than `limit` bytes.
///
/// # Errors
/// What the system says; [`Error::TooLarge`].
pub fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>> {
    read_bounded(File::open(path).map_err(io_at("read", path))?, path, limit)
}

/// As [`read_small`], for secrets: no copy of a part of them is left behind in memory that was given back.
///
/// # Errors
/// What the system says; [`Error::TooLarge`].
pub fn read_secret(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(io_at("read", path))?;
    let bytes = read_stream(file, limit).map_err(io_at("read", path))?;
    bytes.ok_or_else(|| Error::TooLarge { path: path.to_owned(), limit })
}

/// Reads a stream that may hold secrets; `None` if it has more than `limit` bytes. The buffer never grows, since growing
/// leaves a copy behind.
///
/// # Errors
/// What the system says.
pub fn read_stream(from: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // `read_to_end` asks for a little more room when it is full, to see the end.
    let mut bytes = Vec::with_capacity(usize::try_from(limit + 64).unwrap_or(usize::MAX));
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        bytes.fill(0);
        return Ok(None);
    }
    Ok(Some(bytes))
}

fn read_bounded(file: File, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io_at("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Silent;

    #[test]
    fn parts_read_as_one_file() {
        let dir = tempfile::tempdir().unwrap();
        for (n, text) in [("001", "hello "), ("002", "wide "), ("003", "world")] {
            std::fs::write(dir.path().join(format!("x.consign.{n}")), text).unwrap();
        }
        let source = Source::open(&dir.path().join("x.consign.001"), &Silent).unwrap();
        assert_eq!(source.len(), 16);
        let mut all = vec![0; 16];
        source.read_at(0, &mut all).unwrap();
        assert_eq!(all, b"hello wide world");
        let mut some = vec![0; 8];
        source.read_at(4, &mut some).unwrap();
        assert_eq!(some, b"o wide w");
        assert!(source.read_at(10, &mut some).is_err());
    }

    #[test]
    fn pieces_of_others_read_as_one_and_neighbours_become_one_part() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "hello wide world").unwrap();
        let file = Source::open(&path, &Silent).unwrap();
        let mut made = Source::of_pieces(&path);
        made.push_piece(&file, 0, 5);
        made.push_piece(&file, 5, 6);
        assert_eq!(made.parts.len(), 1);
        made.push_bytes(b"big ");
        made.push_piece(&file, 14, 5);
        let mut all = vec![1; usize::try_from(made.len()).unwrap()];
        made.clone().read_at(0, &mut all).unwrap();
        assert_eq!(all, b"hello wide big ld\0\0\0");
        let mut again = Source::of_pieces(&path);
        again.push_piece(&made, 9, 8);
        let mut some = vec![0; 8];
        again.read_at(0, &mut some).unwrap();
        assert_eq!(some, b"e big ld");
    }
}
