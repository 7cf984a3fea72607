//! The frames of a manifest, read one after the other from a stream (FORMAT §4.1). Memory is one frame, compressed and
//! inflated.

use std::io::{self, Read};

use super::Result;
use super::error::{Error, changed, too_large};
use super::frame::{Unsqueezer, first_len, plain_len};
use super::version::MANIFEST_FRAME_MAX;

/// How much is read at once.
const STEP: usize = 256 << 10;

/// Frames of whole lines.
pub(super) struct Frames<'a> {
    from: Box<dyn Read + 'a>,
    /// Bytes read, of which those from `start` on are not yet inflated.
    raw: Vec<u8>,
    start: usize,
    ended: bool,
    unsqueezer: Unsqueezer,
    /// The lines of the frame read last.
    pub(super) lines: Vec<u8>,
    /// Bytes of lines in all frames read.
    pub(super) total: u64,
    /// Compressed bytes of all frames read.
    pub(super) taken: u64,
    /// How many bytes of lines there may be, if that is known.
    pub(super) most: Option<u64>,
    /// How many bytes of lines one frame may hold.
    pub(super) largest: usize,
}

impl<'a> Frames<'a> {
    pub(super) fn new(from: impl Read + 'a) -> Self {
        Frames {
            from: Box::new(from),
            raw: Vec::new(),
            start: 0,
            ended: false,
            unsqueezer: Unsqueezer::default(),
            lines: Vec::new(),
            total: 0,
            taken: 0,
            most: None,
            largest: MANIFEST_FRAME_MAX,
        }
    }

    /// Inflates the next frame; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        self.lines.clear();
        let Some(len) = self.whole_frame()? else { return Ok(false) };
        let frame = self.raw.get(self.start..self.start + len).unwrap_or_default();
        let size = plain_len(frame, "manifest")?;
        if self.most.is_some_and(|most| size > most.saturating_sub(self.total)) {
            return Err(changed("manifest", "it holds more lines than the envelope says"));
        }
        self.unsqueezer.unsqueeze(frame, self.largest, "manifest", &mut self.lines)?;
        if self.lines.last() != Some(&b'\n') {
            return Err(changed("manifest", "a frame that ends within a line"));
        }
        self.total += self.lines.len() as u64;
        self.taken += len as u64;
        self.start += len;
        Ok(true)
    }

    /// Reads until a whole frame is at hand, and returns its length; `None` at the end.
    fn whole_frame(&mut self) -> Result<Option<usize>> {
        loop {
            let rest = self.raw.get(self.start..).unwrap_or_default();
            let found = if rest.is_empty() { None } else { first_len(rest, "manifest").ok() };
            if found.is_some() {
                return Ok(found);
            }
            if self.ended {
                if rest.is_empty() {
                    return Ok(None);
                }
                // What its header breaks comes first: zstd calls a frame damaged if its window is beyond zstd's own.
                plain_len(rest, "manifest")?;
                return first_len(rest, "manifest").map(Some);
            }
            if rest.len() > self.largest + self.largest / 64 + (64 << 10) {
                return Err(too_large("manifest", "a compressed frame far larger than its contents may be"));
            }
            self.fill()?;
        }
    }

    /// Reads on. Inflated bytes are dropped here, not frame by frame, since a frame can be far smaller than a step.
    fn fill(&mut self) -> Result<()> {
        self.raw.drain(..self.start);
        self.start = 0;
        let before = self.raw.len();
        self.raw.resize(before + STEP, 0);
        let read = fill(&mut self.from, self.raw.get_mut(before..).unwrap_or_default());
        self.raw.truncate(before + *read.as_ref().unwrap_or(&0));
        self.ended = read.map_err(failed)? < STEP;
        Ok(())
    }
}

/// Fills the buffer as far as the stream reaches.
fn fill(from: &mut dyn Read, mut buffer: &mut [u8]) -> io::Result<usize> {
    let whole = buffer.len();
    while !buffer.is_empty() {
        match from.read(buffer) {
            Ok(0) => break,
            Ok(n) => buffer = buffer.get_mut(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(whole - buffer.len())
}

/// Damage is told as damage, what the system says as itself.
fn failed(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            changed("manifest", "its contents differ from what was signed")
        }
        _ => Error::Read { part: "manifest", source: error },
    }
}
