//! Reading the volumes of a compartment: each is hashed before it is decrypted, and every header, pad and end byte is
//! predicted from the manifest and compared; no tar is ever parsed (FORMAT §3). One reader, several sinks.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::open::member_at;
use super::reveal::Part;
use super::verify::check_padding;
use super::{Error, Result};
use crate::crypto::{self, Digest, Hasher, digest};
use crate::files::{self, Hand, Progress, Root, Source};
use crate::format::changed;
use crate::format::container::Member;
use crate::format::entry::{Entry, Kind};
use crate::format::frame::Unsqueezer;
use crate::format::tar::{pad, padded};

/// Where the contents go.
#[derive(Clone, Copy)]
pub(super) enum Sink<'a> {
    /// Nowhere: they are checked.
    Check,
    /// Into a tree.
    Tree(&'a Root),
    /// Into a pipe, one file only.
    Pipe(&'a dyn Pipe),
}

/// A place where bytes go one after the other.
pub(super) trait Pipe: Sync {
    fn put(&self, bytes: &[u8]) -> std::io::Result<()>;
}

impl Pipe for Mutex<&mut (dyn Write + Send)> {
    fn put(&self, bytes: &[u8]) -> std::io::Result<()> {
        lock(self).write_all(bytes)
    }
}

/// What should become of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing: nobody asked for it.
    Skip,
    /// Its contents are checked.
    Check,
    /// Its contents are checked and go where the sink says.
    Write,
}

/// What happens to volumes that hold nothing wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They are hashed.
    Hash,
    /// They are not read.
    Skip,
}

/// A volume's member.
#[derive(Clone, Copy)]
pub(super) struct VolumeAt {
    pub(super) data: u64,
    pub(super) size: u64,
    pub(super) hash: Digest,
    /// It is passed over: nobody has its data any more, and nothing in it is wanted.
    pub(super) lost: bool,
}

/// An entry, and for one that lies in several volumes, whose turn it is.
struct Shared {
    entry: Entry,
    want: Want,
    /// Boxed, as a hasher takes 2 KiB and a volume can hold 130,000 entries.
    turn: Option<Box<Turn>>,
}

#[derive(Default)]
struct Turn {
    state: Mutex<TurnState>,
    moved: Condvar,
}

#[derive(Default)]
struct TurnState {
    at: u64,
    hasher: Hasher,
    file: Option<File>,
}

/// The part of an entry that lies in one volume.
struct Piece {
    shared: Arc<Shared>,
    from: u64,
    to: u64,
}

struct Job {
    number: u64,
    volume: VolumeAt,
    plain: u32,
    /// Bytes before the pieces that nobody asked for.
    before: u64,
    pieces: Vec<Piece>,
    /// Zero bytes of the end of the stream, which follow the pieces; unknown if one file alone is read.
    zeros: Option<u64>,
}

impl Job {
    /// Whether anything in it is wanted. A volume that holds only the end of the stream is, unless one file alone is
    /// read.
    fn is_wanted(&self, rest: Rest) -> bool {
        let only_end = self.pieces.is_empty() && rest == Rest::Hash;
        only_end || self.pieces.iter().any(|p| p.shared.want != Want::Skip)
    }
}

/// What a run needs.
pub(super) struct Run<'a> {
    pub(super) source: &'a Source,
    pub(super) part: &'a Part,
    pub(super) volumes: &'a [VolumeAt],
    pub(super) sink: Sink<'a>,
    pub(super) rest: Rest,
    pub(super) workers: usize,
    pub(super) progress: &'a dyn Progress,
}

/// The most bytes that buffers may take in all.
const MEMORY: u64 = 64 << 20;
/// The plain length up to which volumes wait for a worker.
const WAITING_MAX: u64 = 16 << 20;

impl Run<'_> {
    /// Reads all volumes. `visit` sees every entry in order, before its contents, and says whether it is wanted.
    pub(super) fn run(&self, visit: &mut dyn FnMut(&Entry) -> Result<Want>) -> Result<()> {
        self.with_workers(&mut |give, failed| self.feed(visit, give, failed))
    }

    /// Reads the volumes of one file, whose header is at `offset` of the stream.
    pub(super) fn one(&self, entry: Entry, offset: u64) -> Result<()> {
        let mut entry = Some(entry);
        self.with_workers(&mut |give, failed| {
            let feeder = Feeder { run: self, give, failed, number: 0, job: None, room: 0 };
            feeder.alone(entry.take().ok_or(Error::Bug)?, offset)
        })
    }

    /// Runs `feed` beside workers that take what it gives.
    fn with_workers(&self, feed: &mut dyn FnMut(&SyncSender<Job>, &AtomicBool) -> Result<()>) -> Result<()> {
        let longest = self.part.front.volumes.iter().map(|v| u64::from(v.plain)).max().unwrap_or(0);
        let most = usize::try_from(MEMORY / (longest * 2 + (128 << 10))).unwrap_or(1).max(1);
        let workers = self.workers.clamp(1, most);
        // A large volume may hold very many entries: then none waits while others are worked on.
        let waiting = if longest > WAITING_MAX { 0 } else { workers };
        let (give, jobs) = sync_channel::<Job>(waiting);
        // The workers alone own the receiver: if all of them are gone, giving fails instead of waiting.
        let jobs = Arc::new(Mutex::new(jobs));
        let failed = &AtomicBool::new(false);
        let (tide, due) = Tide::new();
        std::thread::scope(|scope| {
            let start = |jobs: Arc<Mutex<Receiver<Job>>>, tide: Tide| {
                std::thread::Builder::new().spawn_scoped(scope, move || self.work(&jobs, tide, failed))
            };
            let first = start(Arc::clone(&jobs), tide.clone()).map_err(Error::NoThread)?;
            // Those that can't be made are not missed; without the last one all is synced at the end.
            let others = (1..workers).map_while(|_| start(Arc::clone(&jobs), tide.clone()).ok());
            let hands: Vec<_> = std::iter::once(first).chain(others).collect();
            drop((jobs, tide));
            let syncing = std::thread::Builder::new().spawn_scoped(scope, move || self.sync_each_time(&due, failed));
            let fed = feed(&give, failed);
            if fed.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            drop(give);
            // All are joined, then told from: one that stopped because another failed says less.
            let worked: Vec<_> =
                hands.into_iter().map(|hand| hand.join().map_err(|_| Error::Bug).and_then(|r| r)).collect();
            let synced = syncing.map_or(Ok(()), |hand| hand.join().map_err(|_| Error::Bug).and_then(|r| r));
            first_cause(worked.into_iter().chain([fed, synced]))
        })
    }

    fn feed(
        &self,
        visit: &mut dyn FnMut(&Entry) -> Result<Want>,
        give: &SyncSender<Job>,
        failed: &AtomicBool,
    ) -> Result<()> {
        let mut entries = self.part.entries(false)?;
        let mut feeder = Feeder { run: self, give, failed, number: 0, job: None, room: 0 };
        feeder.next_volume()?;
        while let Some(entry) = entries.next()? {
            let want = visit(&entry)?;
            if !entry.is_ref() {
                feeder.entry(entry, want)?;
            }
        }
        feeder.end()
    }

    /// Has the disk begin early with what was written, so that the sync at the end is short.
    fn sync_each_time(&self, due: &Receiver<()>, failed: &AtomicBool) -> Result<()> {
        let Sink::Tree(root) = self.sink else { return Ok(()) };
        let synced = due.iter().try_for_each(|()| root.sync());
        failed.fetch_or(synced.is_err(), Ordering::Relaxed);
        Ok(synced?)
    }

    fn work(&self, jobs: &Mutex<Receiver<Job>>, tide: Tide, failed: &AtomicBool) -> Result<()> {
        let hand = match self.sink {
            Sink::Tree(root) => Some(root.hand()),
            _ => None,
        };
        let mut worker = Worker {
            run: self,
            hand,
            a: Vec::new(),
            b: Vec::new(),
            unsqueezer: Unsqueezer::default(),
            head: Vec::new(),
            tide,
            failed,
        };
        let alarm = Alarm(failed);
        loop {
            let job = lock(jobs).recv();
            let Ok(job) = job else { break };
            if failed.load(Ordering::Relaxed) {
                continue;
            }
            if let Err(e) = worker.job(&job) {
                failed.store(true, Ordering::Relaxed);
                // Jobs that are still given are taken and dropped, so that the feeder does not wait.
                while lock(jobs).recv().is_ok() {}
                return Err(e);
            }
        }
        drop(alarm);
        Ok(())
    }
}

/// The first error that is more than "another one failed".
fn first_cause(results: impl Iterator<Item = Result<()>>) -> Result<()> {
    let mut stopped = Ok(());
    for result in results {
        match result {
            Ok(()) => {}
            Err(Error::Files(files::Error::Stopped)) => stopped = result,
            Err(cause) => return Err(cause),
        }
    }
    stopped
}

/// Wakes those who wait for a turn when a worker ends by a panic.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts what all workers wrote, and tells when the next stretch of it is due for a sync.
#[derive(Clone)]
struct Tide {
    written: Arc<AtomicU64>,
    due: SyncSender<()>,
}

/// How much is written between two syncs.
const STRETCH: u64 = 128 << 20;

impl Tide {
    fn new() -> (Tide, Receiver<()>) {
        let (due, when) = sync_channel(1);
        (Tide { written: Arc::default(), due }, when)
    }

    fn wrote(&self, bytes: u64) {
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        if before / STRETCH != (before + bytes) / STRETCH {
            // One that is due already is enough, and without a tree nobody listens.
            let _unused = self.due.try_send(());
        }
    }
}

/// Cuts entries at the borders of volumes and hands volumes to workers.
struct Feeder<'a> {
    run: &'a Run<'a>,
    give: &'a SyncSender<Job>,
    failed: &'a AtomicBool,
    number: usize,
    job: Option<Job>,
    room: u64,
}

impl Feeder<'_> {
    fn overfull() -> Error {
        changed("manifest", "its entries don't fit into the volumes").into()
    }

    fn next_volume(&mut self) -> Result<()> {
        if let Some(job) = self.job.take() {
            self.send(job)?;
        }
        let (Some(volume), Some(size)) =
            (self.run.volumes.get(self.number), self.run.part.front.volumes.get(self.number))
        else {
            return Err(Feeder::overfull());
        };
        self.job = Some(Job {
            number: self.number as u64,
            volume: *volume,
            plain: size.plain,
            before: 0,
            pieces: Vec::new(),
            zeros: Some(0),
        });
        self.room = u64::from(size.plain);
        self.number += 1;
        Ok(())
    }

    fn send(&self, job: Job) -> Result<()> {
        if self.run.progress.stopped() || self.failed.load(Ordering::Relaxed) {
            return Err(files::Error::Stopped.into());
        }
        if !job.volume.lost && (job.is_wanted(self.run.rest) || self.run.rest == Rest::Hash) {
            self.give.send(job).map_err(|_| Error::Bug)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: Entry, want: Want) -> Result<()> {
        let span = entry.span();
        // A volume that is full exactly is left only now, since nothing may follow it.
        if self.room == 0 {
            self.next_volume()?;
        }
        let turn = (span > self.room).then(Box::default);
        let shared = Arc::new(Shared { entry, want, turn });
        let mut from = 0;
        while from < span {
            if self.room == 0 {
                self.next_volume()?;
            }
            let to = span.min(from + self.room);
            self.room -= to - from;
            let job = self.job.as_mut().ok_or(Error::Bug)?;
            job.pieces.push(Piece { shared: Arc::clone(&shared), from, to });
            from = to;
        }
        Ok(())
    }

    /// One entry without those around it.
    fn alone(&self, entry: Entry, offset: u64) -> Result<()> {
        let span = entry.span();
        let end = offset.checked_add(span).ok_or_else(Feeder::overfull)?;
        let sizes = || self.run.part.front.volumes.iter().map(|v| v.plain);
        let bounds = sizes().scan(0, |at, plain| {
            let from = *at;
            *at += u64::from(plain);
            Some((from, *at))
        });
        if sizes().map(u64::from).sum::<u64>() < end {
            return Err(Feeder::overfull());
        }
        let several = bounds.clone().filter(|(from, to)| *to > offset && *from < end).count() > 1;
        let shared = Arc::new(Shared { entry, want: Want::Write, turn: several.then(Box::default) });
        for (number, ((from, to), (plain, volume))) in bounds.zip(sizes().zip(self.run.volumes)).enumerate() {
            if to <= offset || from >= end {
                continue;
            }
            let (first, last) = (from.max(offset), to.min(end));
            let piece = Piece { shared: Arc::clone(&shared), from: first - offset, to: last - offset };
            let number = number as u64;
            self.send(Job { number, volume: *volume, plain, before: first - from, pieces: vec![piece], zeros: None })?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let mut left = 1024;
        while left > 0 {
            if self.room == 0 {
                self.next_volume()?;
            }
            let some = self.room.min(left);
            self.room -= some;
            left -= some;
            *self.job.as_mut().and_then(|job| job.zeros.as_mut()).ok_or(Error::Bug)? += some;
        }
        if self.room > 0 || self.number != self.run.volumes.len() {
            return Err(changed("manifest", "its entries don't fill the volumes").into());
        }
        match self.job.take() {
            Some(job) => self.send(job),
            None => Err(Error::Bug),
        }
    }
}

struct Worker<'a> {
    run: &'a Run<'a>,
    hand: Option<Hand<'a>>,
    a: Vec<u8>,
    b: Vec<u8>,
    unsqueezer: Unsqueezer,
    head: Vec<u8>,
    tide: Tide,
    failed: &'a AtomicBool,
}

impl Worker<'_> {
    fn job(&mut self, job: &Job) -> Result<()> {
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
        key.decrypt_into(&self.a, name, &mut self.b).map_err(|e| match e {
            // Its manifest was opened by an ordinary key, so the volume is not as FORMAT §1.5 has it.
            crypto::Error::PostQuantum { .. } => changed(name, "it is locked in another way than its manifest").into(),
            e => Error::from(e),
        })?;
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
