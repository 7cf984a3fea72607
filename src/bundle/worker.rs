//! A worker of a run: a volume is hashed before it is decrypted, and every header, pad and end byte is predicted from the
//! manifest and compared; no tar is ever parsed (FORMAT §3).

use std::fs::File;
use std::io::Write;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::open::member_at;
use super::run::{Job, Piece, Rest, Run, Shared, Sink, Turn, VolumeAt, Want, lock};
use super::tide::Tide;
use super::verify::check_padding;
use super::{Error, Result};
use crate::crypto::{Digest, digest};
use crate::files::{self, Hand, Source};
use crate::format::changed;
use crate::format::container::Member;
use crate::format::entry::{Entry, Kind};
use crate::format::frame::Unsqueezer;
use crate::format::tar::{pad, padded};

/// One worker, with its buffers.
pub(super) struct Worker<'a> {
    run: &'a Run<'a>,
    hand: Option<Hand<'a>>,
    a: Vec<u8>,
    b: Vec<u8>,
    unsqueezer: Unsqueezer,
    head: Vec<u8>,
    tide: Tide,
    failed: &'a AtomicBool,
}

impl<'a> Worker<'a> {
    /// With empty buffers.
    pub(super) fn new(run: &'a Run<'a>, tide: Tide, failed: &'a AtomicBool) -> Worker<'a> {
        let hand = match run.sink {
            Sink::Tree(root) => Some(root.hand()),
            _ => None,
        };
        let (a, b, head) = (Vec::new(), Vec::new(), Vec::new());
        Worker { run, hand, a, b, unsqueezer: Unsqueezer::default(), head, tide, failed }
    }

    /// Reads a volume and does with its pieces what is wanted.
    pub(super) fn job(&mut self, job: &Job) -> Result<()> {
        let name = Member::Volume(self.run.part.n, job.number).name();
        if self.run.rest == Rest::Skip {
            check_outer(self.run.source, &name, &job.volume)?;
        }
        let size = usize::try_from(job.volume.size).map_err(|_| Error::Bug)?;
        self.a.resize(size, 0);
        self.run.source.read_at(job.volume.data, &mut self.a)?;
        if digest(&self.a) != job.volume.hash {
            return Err(changed(name, "it differs from what was signed").into());
        }
        if !job.is_wanted(self.run.rest) {
            self.run.progress.advance(job.volume.size);
            return Ok(());
        }
        let plain = self.open(&name, job.plain)?;
        let before = usize::try_from(job.before).map_err(|_| Error::Bug)?;
        let mut rest = plain.get(before..).ok_or(Error::Bug)?;
        for piece in &job.pieces {
            let len = usize::try_from(piece.to - piece.from).map_err(|_| Error::Bug)?;
            let (bytes, more) = rest.split_at_checked(len).ok_or(Error::Bug)?;
            self.piece(piece, bytes)?;
            rest = more;
        }
        if job.zeros.is_some_and(|zeros| rest.len() as u64 != zeros || rest.iter().any(|b| *b != 0)) {
            return Err(changed(name, "the end of its stream is not as it must be").into());
        }
        self.a = plain;
        self.run.progress.advance(job.volume.size);
        Ok(())
    }

    /// Decrypts and inflates what is in `a`, and takes `a` out as the plain bytes.
    fn open(&mut self, name: &str, plain: u32) -> Result<Vec<u8>> {
        let key = self.run.part.lines.key();
        self.b.clear();
        key.decrypt_into(&self.a, name, &mut self.b)?;
        let plain = usize::try_from(plain).map_err(|_| Error::Bug)?;
        self.unsqueezer.unsqueeze(&self.b, plain, name, &mut self.a)?;
        if self.a.len() != plain {
            return Err(changed(name, "it is shorter than the manifest says").into());
        }
        Ok(std::mem::take(&mut self.a))
    }

    fn piece(&mut self, piece: &Piece, bytes: &[u8]) -> Result<()> {
        let shared = &*piece.shared;
        let head = shared.entry.head();
        self.head.clear();
        head.push(&mut self.head);
        let (head_len, size) = match shared.entry.kind {
            Kind::File { size, .. } => (head.len(), size),
            _ => (head.len(), 0),
        };
        // The header blocks, the contents and the padding that lie in this piece.
        let cut = |start: u64, end: u64| {
            let at = |x: u64| usize::try_from(x.clamp(piece.from, piece.to) - piece.from).unwrap_or(0);
            bytes.get(at(start)..at(end)).unwrap_or_default()
        };
        let predicted = {
            let at = |x: u64| usize::try_from(x.min(head_len)).unwrap_or(0);
            self.head.get(at(piece.from)..at(piece.to)).unwrap_or_default()
        };
        let contents = cut(head_len, head_len + size);
        let padding = cut(head_len + size, head_len + padded(size));
        if cut(0, head_len) != predicted || padding.iter().any(|b| *b != 0) {
            return Err(altered(&shared.entry));
        }
        // Of a file that nobody wants, other slices may not even have been read.
        if shared.want == Want::Skip {
            return Ok(());
        }
        match (&shared.entry.kind, &shared.turn) {
            (Kind::File { b3, exec, .. }, None) => self.whole(shared, b3, *exec, contents),
            (Kind::File { b3, exec, .. }, Some(turn)) => self.slice(piece, turn, b3, *exec, contents),
            _ => Ok(()),
        }
    }

    fn whole(&mut self, shared: &Shared, b3: &Digest, exec: bool, contents: &[u8]) -> Result<()> {
        if digest(contents) != *b3 {
            return Err(altered(&shared.entry));
        }
        if shared.want != Want::Write {
            return Ok(());
        }
        let mut file = self.create(&shared.entry, exec)?;
        self.write(&shared.entry, file.as_mut(), contents)?;
        self.finish(&shared.entry, file)
    }

    fn slice(&mut self, piece: &Piece, turn: &Turn, b3: &Digest, exec: bool, contents: &[u8]) -> Result<()> {
        let entry = &piece.shared.entry;
        let mut state = lock(&turn.state);
        // The one whose turn it is has an earlier volume, which was given out before ours: no deadlock.
        while state.at != piece.from {
            if self.failed.load(Ordering::Relaxed) {
                return Err(files::Error::Stopped.into());
            }
            let wait = turn.moved.wait_timeout(state, Duration::from_millis(50));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.hasher.update(contents);
        let write = piece.shared.want == Want::Write;
        if write {
            if piece.from == 0 {
                state.file = self.create(entry, exec)?;
            }
            self.write(entry, state.file.as_mut(), contents)?;
        }
        state.at = piece.to;
        if piece.to == entry.span() {
            if state.hasher.finish() != *b3 {
                return Err(altered(entry));
            }
            let file = state.file.take();
            if write {
                self.finish(entry, file)?;
            }
        }
        drop(state);
        turn.moved.notify_all();
        Ok(())
    }

    fn create(&mut self, entry: &Entry, exec: bool) -> Result<Option<File>> {
        match &mut self.hand {
            Some(hand) => Ok(Some(hand.file(entry.path.as_str(), exec)?)),
            None => Ok(None),
        }
    }

    fn write(&self, entry: &Entry, file: Option<&mut File>, contents: &[u8]) -> Result<()> {
        if let Sink::Pipe(out) = self.run.sink {
            return out.put(contents).map_err(Error::Output);
        }
        let Some(file) = file else { return Ok(()) };
        let path = std::path::Path::new(entry.path.as_str());
        file.write_all(contents).map_err(files::io_at("write", path))?;
        self.tide.wrote(contents.len() as u64);
        Ok(())
    }

    fn finish(&self, entry: &Entry, file: Option<File>) -> Result<()> {
        match (&self.hand, file) {
            (Some(hand), Some(file)) => Ok(hand.finish(entry.path.as_str(), &file, entry.mtime)?),
            _ => Ok(()),
        }
    }
}

/// The header and the padding around a volume, where the file was not walked from its beginning.
fn check_outer(source: &Source, name: &str, volume: &VolumeAt) -> Result<()> {
    let found = member_at(source, volume.data - 512)?;
    if found.name != name.as_bytes() || found.size != volume.size {
        return Err(changed(name, "it is not where the manifest says it is").into());
    }
    check_padding(source, name, volume.data + volume.size, pad(volume.size))
}

fn altered(entry: &Entry) -> Error {
    changed(format!("`{}`", entry.path), "it does not match the manifest").into()
}
