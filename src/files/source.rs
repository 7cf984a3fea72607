//! Where a bundle is read from: a file, its parts, or a stream that is spooled first (FORMAT §1.7, §6.4). Reads are
//! at offsets, so several workers share one source. No mmap: a file cut short would kill the process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Error, Progress, Result, io_at};

/// A bundle's bytes.
#[derive(Debug)]
pub struct Source {
    name: PathBuf,
    parts: Vec<Part>,
    len: u64,
}

/// The most parts of a bundle (FORMAT §1.7).
const PARTS_MAX: u32 = 999;

#[derive(Debug)]
struct Part {
    start: u64,
    len: u64,
    file: File,
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
            parts.push(Part { start, len: meta.len(), file });
            start += meta.len();
        }
        Ok(Source { name: path.to_owned(), parts, len: start })
    }

    /// Reads a stream to its end into a temp file without a name in `folder`. Only ciphertext is spooled.
    ///
    /// # Errors
    /// What the system says.
    pub fn spool(mut from: impl Read, name: &Path, folder: &Path, progress: &dyn Progress) -> Result<Source> {
        let mut file = tempfile::tempfile_in(folder).map_err(io_at("write to", folder))?;
        let mut buffer = vec![0; 1 << 20];
        let mut len = 0;
        loop {
            if progress.stopped() {
                return Err(Error::Stopped);
            }
            let n = match from.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(io_at("read", name)(e)),
            };
            if n == 0 {
                return Ok(Source { name: name.to_owned(), parts: vec![Part { start: 0, len, file }], len });
            }
            file.write_all(buffer.get(..n).unwrap_or_default()).map_err(io_at("write to", folder))?;
            len += n as u64;
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
            read_exact_at(&part.file, now, offset - part.start).map_err(io_at("read", &self.name))?;
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

/// Reads a small file whole, as a stream, refusing more than `limit` bytes.
///
/// # Errors
/// What the system says; [`Error::TooLarge`].
pub fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(io_at("read", path))?;
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
}
