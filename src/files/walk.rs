//! Lists a folder on a few threads. Folders are opened from their parent's handle and links are never followed, so
//! nothing outside the folder is listed whatever happens meanwhile. What would be sent and can't be is an error that
//! names it, never a silent skip (PROMISES, faults of inputs); what is left out anyway may be unreadable.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, DirEntry, FileType, Metadata};

use super::allowlist::{Ruling, Stand, Within};
use super::attached::has_more;
use super::faults::{Faults, lossy};
use super::leftout::{LeftOut, Note, NoteKind, Reason, Tallies};
use super::listing::{Listing, What};
use super::notebook::{Notebook, sorted};
use super::reading::{Folder, clamp, mark_of, nanos_of, seconds_of};
use super::retry::retry;
use super::rules::{Ignored, RULES_FILE, Rules, Verdict};
use super::{Error, Progress, Result, io_at};

/// How deep a tree may be (FORMAT §6.3).
const DEPTH_MAX: u32 = 256;
/// The most threads that list.
const THREADS: usize = 4;

/// What to list, and how.
pub struct Walk<'a> {
    /// The folder.
    pub root: &'a Folder,
    /// What is in and out.
    pub rules: &'a Rules,
    /// Rule 0: what git ignores.
    pub ignored: &'a Ignored,
    /// What may be let out at all.
    pub scope: Option<Within<'a>>,
    /// Whether no rules apply, so that a file of rules is a file like others.
    pub plain: bool,
    /// What this very run writes, relative to the root with `/` between components.
    pub keep_out: &'a HashSet<OsString>,
    /// No time is later than this.
    pub latest: Option<u64>,
    /// Whether to look into what is left out, in order to count it.
    pub survey: bool,
    /// Told of every folder.
    pub progress: &'a dyn Progress,
}

/// What was found.
pub struct Walked {
    listing: Listing,
    left_out: Tallies<Reason>,
    notes: Tallies<NoteKind>,
}

/// A folder to list.
struct Job {
    /// Its number; `None` if it is only counted.
    folder: Option<u32>,
    above: Arc<Dir>,
    /// Its path; empty for the root.
    path: OsString,
    name: OsString,
    verdict: Verdict,
    /// What the scope says of it.
    stand: Stand,
    depth: u32,
}

/// An entry, judged.
struct Judged {
    path: OsString,
    kind: FileType,
    verdict: Verdict,
    stand: Stand,
}

impl Judged {
    /// The path for messages, a folder's with a final `/`.
    fn shown(&self) -> String {
        lossy(&self.path) + if self.kind.is_dir() { "/" } else { "" }
    }

    fn out(&self) -> Option<Reason> {
        self.verdict.out.or(self.stand.reason())
    }
}

impl Job {
    fn out(&self) -> Option<Reason> {
        self.verdict.out.or(self.stand.reason())
    }
}

/// What the threads share.
struct Shared<'a> {
    walk: &'a Walk<'a>,
    queue: Mutex<Queue>,
    wake: Condvar,
    next_folder: AtomicU32,
    stop: AtomicBool,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Job>,
    busy: usize,
}

/// One thread's part.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    book: Notebook,
    left_out: Tallies<Reason>,
    notes: Tallies<NoteKind>,
    faults: Faults,
    /// Folders found in the folder at hand.
    found: Vec<Job>,
}

impl Walked {
    /// The entries, what is left out, what travels differently.
    #[must_use]
    pub fn into_parts(self) -> (Listing, Vec<LeftOut>, Vec<Note>) {
        (self.listing, self.left_out.left_out(), self.notes.notes())
    }
}

impl Walk<'_> {
    /// Lists the folder.
    ///
    /// # Errors
    /// What can't be read, or can't be sent, by name.
    pub fn run(&self) -> Result<Walked> {
        let above = Arc::new(self.root.dir.try_clone().map_err(io_at("open", &self.root.at))?);
        let job = Job {
            folder: Some(0),
            above,
            path: OsString::new(),
            name: OsString::new(),
            verdict: Verdict::default(),
            stand: self.scope.map_or_else(Stand::everything, Within::start),
            depth: 0,
        };
        let shared = Shared {
            walk: self,
            queue: Mutex::new(Queue { jobs: vec![job], busy: 0 }),
            wake: Condvar::new(),
            next_folder: AtomicU32::new(1),
            stop: AtomicBool::new(false),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let parts = std::thread::scope(|scope| {
            // This thread works as well; those that can't be made are not missed.
            let make = |_| std::thread::Builder::new().spawn_scoped(scope, || Worker::new(&shared).run()).ok();
            let others: Vec<_> = (1..cores.min(THREADS)).filter_map(make).collect();
            let mine = Worker::new(&shared).run();
            let others = others.into_iter().map(|thread| thread.join().map_err(|_| Error::Stopped));
            std::iter::once(Ok(mine)).chain(others).collect::<Result<Vec<_>>>()
        })?;
        if shared.stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        gather(parts)
    }

    fn io(&self, verb: &'static str, path: &OsStr, error: io::Error) -> Error {
        io_at(verb, &self.root.at.join(path))(error)
    }
}

/// Puts together what the threads found.
fn gather(parts: Vec<Worker<'_>>) -> Result<Walked> {
    let (mut books, mut left_out, mut notes) = (Vec::new(), Tallies::default(), Tallies::default());
    let mut faults = Faults::default();
    for part in parts {
        books.push(part.book);
        left_out.merge(part.left_out);
        notes.merge(part.notes);
        faults.merge(part.faults);
    }
    faults.check()?;
    Ok(Walked { listing: sorted(books), left_out, notes })
}

impl Shared<'_> {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next folder; `None` when all are done.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(job) = queue.jobs.pop() {
                queue.busy += 1;
                return Some(job);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A folder being listed; the others are woken when it is done, even by a panic.
struct Busy<'a>(&'a Shared<'a>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.queue().busy -= 1;
        self.0.wake.notify_all();
    }
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        let (left_out, notes) = (Tallies::default(), Tallies::default());
        Worker { shared, book: Notebook::default(), left_out, notes, faults: Faults::default(), found: Vec::new() }
    }

    fn run(mut self) -> Self {
        while let Some(job) = self.shared.next() {
            let _busy = Busy(self.shared);
            self.folder(&job);
            if self.shared.walk.progress.stopped() {
                self.shared.stop.store(true, Ordering::Relaxed);
            }
            self.shared.queue().jobs.append(&mut self.found);
        }
        self
    }

    fn folder(&mut self, job: &Job) {
        if let Some(id) = job.folder {
            self.book.begin(id, job.out().is_none() && job.stand.is_in());
        }
        let open = || if job.depth == 0 { job.above.try_clone() } else { job.above.open_dir_nofollow(&job.name) };
        let listed = retry(open).and_then(|dir| Ok((retry(|| dir.entries())?, Arc::new(dir))));
        let (entries, dir) = match listed {
            Ok(both) => both,
            Err(e) => return self.unreadable(job, e),
        };
        let mut count = 0;
        for entry in entries {
            count += 1;
            match entry {
                Ok(entry) => self.entry(job, &dir, &entry),
                Err(e) => return self.unreadable(job, e),
            }
        }
        self.shared.walk.progress.advance(count);
    }

    fn unreadable(&mut self, job: &Job, error: io::Error) {
        match job.out() {
            Some(reason) => self.left_out.folder(reason),
            None => self.faults.add(lossy(&job.path), self.shared.walk.io("read", &job.path, error)),
        }
    }

    fn entry(&mut self, job: &Job, dir: &Arc<Dir>, entry: &DirEntry) {
        let name = entry.file_name();
        let mut path = job.path.clone();
        if job.depth > 0 {
            path.push("/");
        }
        path.push(&name);
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_file() || kind.is_dir() || kind.is_symlink() => kind,
            // The folder doesn't tell, or it is something special.
            _ => entry.metadata().map_or(FileType::unknown(), |meta| meta.file_type()),
        };
        if let Some(reason) = self.always_out(job, &name, &path) {
            return self.leave_out(reason, &path, kind.is_dir(), entry);
        }
        let walk = self.shared.walk;
        let zero = walk.ignored.reason(&path, kind.is_dir());
        let verdict = walk.rules.judge(&path, kind.is_dir(), job.verdict, zero);
        let stand = walk.scope.map_or_else(Stand::everything, |s| s.list.step(&job.stand, &name, kind.is_dir()));
        let judged = Judged { path, kind, verdict, stand };
        match judged.out() {
            None if judged.stand.is_in() => self.take(job, dir, entry, judged),
            None => self.pass(job, dir, entry, judged),
            Some(reason) => self.out(job, dir, entry, judged, reason),
        }
    }

    /// A folder that is not let out itself, on the way to something that may be.
    fn pass(&mut self, job: &Job, dir: &Arc<Dir>, entry: &DirEntry, judged: Judged) {
        if job.depth + 1 >= DEPTH_MAX {
            return self.left_out.folder(Reason::OutsideScope);
        }
        let mtime = entry.metadata().map_or(0, |meta| clamp(seconds_of(&meta), self.shared.walk.latest));
        let Some(parent) = job.folder else { return };
        if let Some(folder) = self.add_folder(parent, entry, &judged.path, mtime) {
            self.descend(job, dir, entry, judged, Some(folder));
        }
    }

    /// What no rule lets in.
    fn always_out(&mut self, job: &Job, name: &OsStr, path: &OsStr) -> Option<Reason> {
        if name == ".git" {
            if job.depth > 0 && job.out().is_none() && job.stand.is_in() {
                self.notes.file(NoteKind::NestedRepository, None);
                self.notes.example(NoteKind::NestedRepository, lossy(&job.path));
            }
            return Some(Reason::Git);
        }
        if name == ".consign" {
            return Some(Reason::Consign);
        }
        if job.depth == 0 && name == RULES_FILE && !self.shared.walk.plain {
            return Some(Reason::RulesFile);
        }
        self.shared.walk.keep_out.contains(path).then_some(Reason::OwnOutput)
    }

    /// Counts something that nobody looks into.
    fn leave_out(&mut self, reason: Reason, path: &OsStr, is_dir: bool, entry: &DirEntry) {
        if is_dir {
            self.left_out.folder(reason);
        } else {
            self.left_out.file(reason, self.shared.walk.survey.then(|| entry.metadata().map_or(0, |m| m.len())));
        }
        self.left_out.example(reason, lossy(path) + if is_dir { "/" } else { "" });
    }

    /// Something that is left out; a folder may hold something that the rules let in.
    fn out(&mut self, job: &Job, dir: &Arc<Dir>, entry: &DirEntry, judged: Judged, reason: Reason) {
        // A folder that holds only what is left out would tell its name and nothing else.
        self.book.only_if_needed();
        let (walk, is_dir) = (self.shared.walk, judged.kind.is_dir());
        let may_hold = is_dir && judged.stand.reason().is_none() && walk.rules.may_let_in(judged.verdict);
        let needed = job.folder.filter(|_| may_hold);
        if job.out().is_none() {
            self.left_out.example(reason, judged.shown());
        }
        if !is_dir {
            let size = walk.survey.then(|| entry.metadata().map_or(0, |m| m.len()));
            return self.left_out.file(reason, size);
        }
        if (needed.is_none() && !walk.survey) || job.depth + 1 >= DEPTH_MAX {
            return self.left_out.folder(reason);
        }
        let mtime = entry.metadata().map_or(0, |meta| clamp(seconds_of(&meta), walk.latest));
        let folder = needed.and_then(|parent| self.add_folder(parent, entry, &judged.path, mtime));
        self.descend(job, dir, entry, judged, folder);
    }

    /// Leaves out a file for what it is, beside its place.
    fn limited(&mut self, reason: Reason, path: &OsStr, size: u64) {
        self.book.only_if_needed();
        self.left_out.example(reason, lossy(path));
        self.left_out.file(reason, Some(size));
    }

    fn descend(&mut self, job: &Job, dir: &Arc<Dir>, entry: &DirEntry, judged: Judged, folder: Option<u32>) {
        let (above, name) = (Arc::clone(dir), entry.file_name());
        let Judged { path, verdict, stand, .. } = judged;
        self.found.push(Job { folder, above, path, name, verdict, stand, depth: job.depth + 1 });
    }

    /// A new folder's number. A name that is not UTF-8 is written down as it can be: something in it that is sent is
    /// an error, and else it is not kept.
    fn add_folder(&mut self, parent: u32, entry: &DirEntry, path: &OsStr, mtime: u64) -> Option<u32> {
        let folder = self.shared.next_folder.fetch_add(1, Ordering::Relaxed);
        let name = lossy(&entry.file_name());
        if self.book.add(parent, &name, What::Dir { folder }, mtime) {
            return Some(folder);
        }
        self.no_room(path);
        None
    }

    fn no_room(&mut self, path: &OsStr) {
        self.bad_name(path, "there are more names than a bundle can hold");
    }

    fn bad_name(&mut self, path: &OsStr, why: &str) {
        let path = lossy(path);
        self.faults.add(path.clone(), Error::BadName { path, why: why.to_owned() });
    }

    /// Something that is sent.
    fn take(&mut self, job: &Job, dir: &Arc<Dir>, entry: &DirEntry, judged: Judged) {
        let (walk, path, kind) = (self.shared.walk, judged.path.as_os_str(), judged.kind);
        // A folder that is only counted can't hold anything that is let in.
        let Some(parent) = job.folder else { return };
        if path.to_str().is_none() {
            return self.bad_name(path, "it is not UTF-8");
        }
        if job.depth >= DEPTH_MAX {
            return self.bad_name(path, "it is more than 256 folders deep");
        }
        let meta = match entry.metadata() {
            Ok(meta) if meta.is_dir() == kind.is_dir() => meta,
            Ok(_) => {
                let path = lossy(path);
                return self
                    .faults
                    .add(path.clone(), Error::ChangedWhileRead { path, how: "it became something else" });
            }
            Err(e) => return self.faults.add(lossy(path), walk.io("read", path, e)),
        };
        let mtime = clamp(seconds_of(&meta), walk.latest);
        if nanos_of(&meta) != 0 {
            self.notes.file(NoteKind::SubSecond, None);
        }
        if meta.is_dir() {
            if let Some(folder) = self.add_folder(parent, entry, path, mtime) {
                self.descend(job, dir, entry, judged, Some(folder));
            }
        } else if meta.is_symlink() {
            self.link(parent, dir, entry, path, mtime);
        } else if let Some(large) = walk.scope.and_then(|s| s.list.too_large(meta.len())).and_then(Ruling::reason) {
            self.limited(large, path, meta.len());
        } else if meta.is_file() {
            self.file(parent, entry, path, &meta, mtime);
        } else {
            let (path, kind) = (lossy(path), special(&meta));
            self.faults.add(path.clone(), Error::SpecialFile { path, kind });
        }
    }

    fn link(&mut self, parent: u32, dir: &Dir, entry: &DirEntry, path: &OsStr, mtime: u64) {
        let name = entry.file_name();
        match dir.read_link_contents(&name) {
            Err(e) => self.faults.add(lossy(path), self.shared.walk.io("read", path, e)),
            Ok(target) => match target.to_str() {
                None => self.bad_name(path, "it is a link whose target is not UTF-8"),
                Some(target) if !self.lets_out_link(path, target) => self.limited(Reason::ScopeLink, path, 0),
                Some(target) => {
                    if !self.book.add_link(parent, &lossy(&name), target, mtime) {
                        self.no_room(path);
                    }
                }
            },
        }
    }

    fn lets_out_link(&self, path: &OsStr, target: &str) -> bool {
        let path = path.to_str().unwrap_or_default();
        self.shared.walk.scope.is_none_or(|scope| scope.lets_out_link(path, target))
    }

    fn file(&mut self, parent: u32, entry: &DirEntry, path: &OsStr, meta: &Metadata, mtime: u64) {
        let name = lossy(&entry.file_name());
        let walk = self.shared.walk;
        let (exec, notes) = bits(meta);
        let bundle = name.ends_with(".bundle").then_some(NoteKind::GitBundle);
        let attached = (walk.survey && has_more(&walk.root.at.join(path))).then_some(NoteKind::Attached);
        for kind in notes.into_iter().chain([bundle, attached]).flatten() {
            self.notes.file(kind, None);
            self.notes.example(kind, lossy(path));
        }
        let what = What::File { size: meta.len(), exec, mark: mark_of(meta) };
        if !self.book.add(parent, &name, what, mtime) {
            self.no_room(path);
        }
    }
}

/// Whether the owner may execute it, and what of its other bits and names is not sent.
#[cfg(unix)]
fn bits(meta: &Metadata) -> (bool, [Option<NoteKind>; 2]) {
    use cap_std::fs::MetadataExt;
    let setuid = (meta.mode() & 0o6000 != 0).then_some(NoteKind::Setuid);
    let linked = (meta.nlink() > 1).then_some(NoteKind::HardLink);
    (meta.mode() & 0o100 != 0, [setuid, linked])
}

#[cfg(not(unix))]
fn bits(_: &Metadata) -> (bool, [Option<NoteKind>; 2]) {
    (false, [None, None])
}

#[cfg(unix)]
pub(super) fn special(meta: &Metadata) -> &'static str {
    use cap_std::fs::FileTypeExt;
    let kind = meta.file_type();
    match () {
        () if kind.is_fifo() => "FIFO",
        () if kind.is_socket() => "socket",
        () => "device",
    }
}

#[cfg(not(unix))]
pub(super) fn special(_: &Metadata) -> &'static str {
    "special file"
}
