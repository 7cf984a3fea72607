//! One writer's chain: a file of lines, each bound to the line before (FORMAT §5.9). Its end is found without reading
//! the rest; its whole is read as a stream that checks every line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Error, Result};
use crate::crypto::digest;
use crate::files::io_at;
use crate::format::json;
use crate::format::record::{Head, Line, Writer};
use crate::format::version::LINE_MAX;

pub(super) fn chain_path(folder: &Path, writer: Writer) -> PathBuf {
    folder.join(format!("{writer}.jsonl"))
}

pub(super) fn open_chain(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path).map_err(io_at("write", path))?)
}

pub(super) fn write_line(file: &mut File, tail: &Tail, line: &[u8]) -> std::io::Result<()> {
    if tail.torn {
        file.set_len(tail.end)?;
    }
    file.seek(SeekFrom::Start(tail.end))?;
    file.write_all(line)?;
    file.sync_data()
}

/// The end of a chain's file.
pub(super) struct Tail {
    /// Where the last whole line ends, its LF counted.
    pub(super) end: u64,
    /// Whether something stands after it.
    torn: bool,
    /// The last whole line, without its LF.
    last: Option<Vec<u8>>,
}

impl Tail {
    /// Reads back from the end: never more than a torn line and a whole one, however long the file is.
    pub(super) fn read(file: &mut File, path: &Path) -> Result<Tail> {
        const WINDOW: u64 = 2 * (LINE_MAX as u64 + 1) + 1;
        let len = file.metadata().map_err(io_at("read", path))?.len();
        let start = len.saturating_sub(WINDOW);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start)).map_err(io_at("read", path))?;
        file.take(len - start).read_to_end(&mut bytes).map_err(io_at("read", path))?;
        let too_long = || broken(path, 0, "it is longer than 64 KiB");
        let Some(lf) = bytes.iter().rposition(|b| *b == b'\n') else {
            let nothing = Tail { end: 0, torn: !bytes.is_empty(), last: None };
            return if start == 0 && bytes.len() <= LINE_MAX { Ok(nothing) } else { Err(too_long()) };
        };
        let (whole, rest) = bytes.split_at(lf);
        let torn = rest.len() - 1;
        let from = whole.iter().rposition(|b| *b == b'\n').map(|at| at + 1);
        let from = if start == 0 { from.or(Some(0)) } else { from }.ok_or_else(too_long)?;
        let last = whole.get(from..).unwrap_or_default().to_vec();
        if torn > LINE_MAX || last.len() > LINE_MAX {
            return Err(too_long());
        }
        Ok(Tail { end: len - torn as u64, torn: torn > 0, last: Some(last) })
    }

    /// The head after the last whole line. It is checked to be this writer's, not to follow the one before.
    pub(super) fn head(&self, path: &Path, writer: Writer) -> Result<Head> {
        let Some(last) = &self.last else { return Ok(Head::default()) };
        let line: Line = json::parse(last, "line").map_err(|e| broken(path, 0, &reason(&e)))?;
        if line.writer != writer {
            return Err(broken(path, line.n + 1, "it is another writer's"));
        }
        Ok(Head { entries: line.n + 1, head: digest(last) })
    }
}

fn broken(path: &Path, line: u64, why: &str) -> Error {
    Error::LedgerBroken { path: path.to_owned(), line, why: why.to_owned() }
}

fn reason(error: &crate::format::Error) -> String {
    match error {
        crate::format::Error::Changed { why, .. } | crate::format::Error::TooLarge { why, .. } => why.clone(),
        other => other.to_string(),
    }
}

/// Reads one line with its LF, at most one byte more than a line may have. False at the end of the file.
pub(super) fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let limit = LINE_MAX as u64 + 2;
    Ok(reader.by_ref().take(limit).read_until(b'\n', line)? > 0)
}

/// The entries of a chain, in order, each checked to follow the one before. It ends after the first error.
#[derive(Debug)]
pub struct Lines {
    reader: Option<BufReader<File>>,
    path: PathBuf,
    own: Option<Writer>,
    head: Head,
    last: Vec<u8>,
    at: u64,
    torn: bool,
}

impl Lines {
    pub(super) fn open(path: PathBuf, own: Option<Writer>) -> Result<Lines> {
        let file = File::open(&path).map_err(io_at("read", &path))?;
        let reader = Some(BufReader::with_capacity(1 << 18, file));
        Ok(Lines { reader, path, own, head: Head::default(), last: Vec::new(), at: 0, torn: false })
    }

    pub(super) fn none() -> Lines {
        let (path, last) = (PathBuf::new(), Vec::new());
        Lines { reader: None, path, own: None, head: Head::default(), last, at: 0, torn: false }
    }

    /// Whether a torn last line, left by a crash, was met at the end.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// Where the chain stands after the entries seen so far.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    fn step(&mut self) -> Result<Option<Line>> {
        let mut line = Vec::new();
        loop {
            let Some(reader) = &mut self.reader else { return Ok(None) };
            if !read_line(reader, &mut line).map_err(io_at("read", &self.path))? {
                return Ok(None);
            }
            self.at += 1;
            if line.pop_if(|b| *b == b'\n').is_none() {
                return self.unended(&line);
            }
            // Equal neighbours, as a merge can leave them, are one.
            if self.at == 1 || line != self.last {
                break;
            }
        }
        let before = self.head;
        let parsed = self.head.follow(&line).map_err(|e| self.explain(before, &line, &e))?;
        self.ensure_writer(&parsed)?;
        self.last = line;
        Ok(Some(parsed))
    }

    /// A last line without its LF: left by a crash in one's own copy, damage anywhere else.
    fn unended(&mut self, line: &[u8]) -> Result<Option<Line>> {
        if line.len() > LINE_MAX {
            return Err(broken(&self.path, self.at, "it is longer than 64 KiB"));
        }
        if self.own.is_none() {
            return Err(broken(&self.path, self.at, "its last line is torn"));
        }
        self.torn = true;
        Ok(None)
    }

    fn ensure_writer(&self, line: &Line) -> Result<()> {
        let stem = self.path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if line.writer.to_string() == stem {
            Ok(())
        } else {
            Err(broken(&self.path, self.at, "it is another writer's"))
        }
    }

    /// Tells a fork from other damage: a fork's line follows a line that another one follows already.
    fn explain(&self, before: Head, line: &[u8], why: &crate::format::Error) -> Error {
        let plain = || broken(&self.path, self.at, &reason(why));
        let Ok(parsed) = json::parse::<Line>(line, "line") else { return plain() };
        if parsed.prev == before.head {
            return plain();
        }
        let earlier = Lines::open(self.path.clone(), None);
        let follows_too = |earlier: Lines| {
            // Only the entries before this line: the line itself would ask the same question for ever.
            let before = earlier.take(usize::try_from(before.entries).unwrap_or(usize::MAX)).flatten();
            before.into_iter().find(|l| l.prev == parsed.prev && *l != parsed).map(|l| l.n)
        };
        match earlier.ok().and_then(follows_too) {
            Some(n) => Error::LedgerForked { path: self.path.clone(), first: n + 1, line: self.at },
            None => plain(),
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Line>;

    fn next(&mut self) -> Option<Result<Line>> {
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.reader = None;
        }
        step
    }
}
