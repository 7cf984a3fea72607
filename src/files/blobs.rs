//! Reads the contents of a revision: blobs as git stores them, before any filter. Small ones come from one git of the
//! reader's own; a large one, of which several threads want slices, from one git that they pass on in order.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::git::{Git, Running, broken};
use super::listing::{Listing, What};
use super::span::Span;
use super::{Error, Result};

/// Larger blobs are read in slices, by one git for all threads.
const LARGE: u64 = 4 << 20;
/// How long a thread waits for those with the slices before its own, before it reads alone.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest line with which git answers.
const ANSWER_MAX: u64 = 256;

/// Object ids, as bytes, by number.
#[derive(Debug, Default)]
pub(super) struct Ids {
    bytes: Vec<u8>,
    width: usize,
}

impl Ids {
    /// Keeps an id that is spelled in hex; `None` if it is not.
    pub(super) fn add(&mut self, hex: &[u8]) -> Option<u64> {
        let id: Vec<u8> = hex.chunks(2).map(byte_of).collect::<Option<_>>()?;
        if self.width == 0 {
            self.width = id.len();
        }
        if id.len() != self.width || id.is_empty() {
            return None;
        }
        let number = self.bytes.len() / self.width;
        self.bytes.extend_from_slice(&id);
        Some(number as u64)
    }

    fn hex(&self, number: u64) -> String {
        let start = usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(self.width);
        let id = self.bytes.get(start..start.saturating_add(self.width)).unwrap_or_default();
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn byte_of(hex: &[u8]) -> Option<u8> {
    // `from_str_radix` would take a sign as well.
    let digits = hex.len() == 2 && hex.iter().all(u8::is_ascii_hexdigit);
    u8::from_str_radix(std::str::from_utf8(hex).ok().filter(|_| digits)?, 16).ok()
}

/// A git that gives objects on demand.
#[derive(Debug)]
pub(super) struct CatFile {
    running: Running,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl CatFile {
    /// Starts it.
    pub(super) fn start(git: &Git) -> Result<CatFile> {
        let (running, input, output) = git.converse(&["cat-file", "--batch"])?;
        Ok(CatFile { running, input, output })
    }

    /// Asks for a blob of `size` bytes; they and one LF follow in the output.
    fn ask(&mut self, id: &str, size: u64) -> Result<()> {
        let mut answer = Vec::new();
        let asked = writeln!(self.input, "{id}").and_then(|()| self.input.flush());
        let read = asked.and_then(|()| self.output.by_ref().take(ANSWER_MAX).read_until(b'\n', &mut answer));
        if read.is_err() || answer.is_empty() {
            return Err(self.running.complaint());
        }
        if answer != format!("{id} blob {size}\n").as_bytes() {
            return Err(Error::Git { why: format!("object {id} is missing or damaged") });
        }
        Ok(())
    }

    /// Appends the next `len` bytes.
    fn bytes(&mut self, len: u64, out: &mut Vec<u8>) -> Result<()> {
        out.reserve(usize::try_from(len).unwrap_or(0));
        let got = self.output.by_ref().take(len).read_to_end(out).map_err(broken)?;
        if got as u64 == len { Ok(()) } else { Err(self.running.complaint()) }
    }

    fn skip(&mut self, len: u64) -> Result<()> {
        let got = std::io::copy(&mut self.output.by_ref().take(len), &mut std::io::sink()).map_err(broken)?;
        if got == len { Ok(()) } else { Err(self.running.complaint()) }
    }

    /// Appends a whole blob.
    pub(super) fn blob(&mut self, id: &str, size: u64, out: &mut Vec<u8>) -> Result<()> {
        self.ask(id, size)?;
        self.bytes(size, out)?;
        self.skip(1)
    }
}

/// A large blob that is being read: its git, unless a thread is reading from it, and where it is.
#[derive(Debug)]
struct Stream {
    git: Option<CatFile>,
    next: u64,
    /// The last bytes that were read, for whoever wants to see what lies before the next slice.
    last: Vec<u8>,
}

/// The large blobs that are being read.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Mutex<HashMap<usize, Stream>>,
    moved: Condvar,
}

impl Streams {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, Stream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until blob `i` is at `offset`, and takes its git, which `start` makes for the first slice. `None` if the
    /// slices before are long in coming: then the thread reads alone, so that nothing can wait for ever.
    fn take(&self, i: usize, offset: u64, start: impl Fn() -> Result<CatFile>) -> Result<Option<(CatFile, Vec<u8>)>> {
        let mut open = self.open();
        let mut seen = None;
        loop {
            let next = match open.get_mut(&i) {
                Some(stream) if stream.next == offset && stream.git.is_some() => {
                    let last = std::mem::take(&mut stream.last);
                    return Ok(stream.git.take().map(|git| (git, last)));
                }
                Some(stream) if stream.next > offset && offset > 0 => return Ok(None),
                Some(stream) if stream.next == 0 || offset > 0 => stream.next,
                None if offset > 0 => 0,
                // The first slice: nobody reads it yet, or somebody left it half read.
                _ => {
                    open.insert(i, Stream { git: None, next: 0, last: Vec::new() });
                    drop(open);
                    return start().inspect_err(|_| self.close(i)).map(|git| Some((git, Vec::new())));
                }
            };
            let (guard, waited) = self.moved.wait_timeout(open, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            open = guard;
            if waited.timed_out() && seen == Some(next) {
                return Ok(None);
            }
            seen = Some(next);
        }
    }

    fn give_back(&self, i: usize, git: CatFile, next: u64, last: Vec<u8>) {
        self.open().insert(i, Stream { git: Some(git), next, last });
        self.moved.notify_all();
    }

    fn close(&self, i: usize) {
        self.open().remove(&i);
        self.moved.notify_all();
    }
}

/// What readers of one revision share.
#[derive(Debug)]
pub struct Blobs {
    pub(super) git: Git,
    pub(super) ids: Ids,
    pub(super) streams: Streams,
}

/// Reads the blobs of a revision: one for each thread.
pub struct BlobReader<'a> {
    blobs: &'a Blobs,
    listing: &'a Listing,
    git: Option<CatFile>,
}

impl<'a> BlobReader<'a> {
    /// A reader of `listing`, whose ids are in `blobs`.
    #[must_use]
    pub fn new(blobs: &'a Blobs, listing: &'a Listing) -> Self {
        BlobReader { blobs, listing, git: None }
    }

    /// Appends a part of file `i` to `out`, and what is wanted of the bytes before it to `before`; or leaves both as
    /// they were.
    ///
    /// # Errors
    /// [`Error::Git`] if git fails or the object is missing.
    pub fn read(&mut self, i: usize, span: Span, before: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        let What::File { size, mark, .. } = self.listing.what(i) else {
            return Err(Error::Git { why: format!("`{}` is not a file", self.listing.path(i)) });
        };
        let id = self.blobs.ids.hex(mark);
        if span.end().is_none_or(|end| end > size) {
            return Err(Error::Git { why: format!("`{}` has only {size} bytes", self.listing.path(i)) });
        }
        let part = Part { id: &id, size, span };
        let (start, above) = (out.len(), before.len());
        let read = if size > LARGE { self.large(i, part, before, out) } else { self.small(part, before, out) };
        read.inspect_err(|_| {
            out.truncate(start);
            before.truncate(above);
        })
    }

    fn small(&mut self, part: Part<'_>, before: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        let mut git = match self.git.take() {
            Some(git) => git,
            None => CatFile::start(&self.blobs.git)?,
        };
        git.ask(part.id, part.size)?;
        part.read_from(&mut git, before, out)?;
        git.skip(part.size - part.end() + 1)?;
        // After a failure its output is not where the next answer begins.
        self.git = Some(git);
        Ok(())
    }

    fn large(&mut self, i: usize, part: Part<'_>, before: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        let streams = &self.blobs.streams;
        let start = || {
            let mut git = CatFile::start(&self.blobs.git)?;
            git.ask(part.id, part.size)?;
            Ok(git)
        };
        let alone = |before: &mut Vec<u8>, out: &mut Vec<u8>| part.read_from(&mut start()?, before, out);
        let Span { offset, len, overlap } = part.span;
        let Some((mut git, last)) = streams.take(i, offset, start)? else { return alone(before, out) };
        let Some(from) = last.len().checked_sub(part.span.before()) else {
            // The slice before was shorter than what is wanted of it.
            streams.give_back(i, git, offset, last);
            return alone(before, out);
        };
        before.extend_from_slice(last.get(from..).unwrap_or_default());
        let at = out.len();
        git.bytes(len as u64, out).inspect_err(|_| streams.close(i))?;
        if part.end() == part.size {
            streams.close(i);
        } else {
            let kept = out.len().saturating_sub(overlap).max(at);
            streams.give_back(i, git, part.end(), out.get(kept..).unwrap_or_default().to_vec());
        }
        Ok(())
    }
}

/// Part of a blob.
#[derive(Clone, Copy)]
struct Part<'a> {
    id: &'a str,
    size: u64,
    span: Span,
}

impl Part<'_> {
    /// Its end, which lies in the blob.
    fn end(&self) -> u64 {
        self.span.end().unwrap_or(self.size)
    }

    /// Reads it from a git that was asked for the blob just now.
    fn read_from(&self, git: &mut CatFile, before: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        git.skip(self.span.start())?;
        git.bytes(self.span.before() as u64, before)?;
        git.bytes(self.span.len as u64, out)
    }
}
