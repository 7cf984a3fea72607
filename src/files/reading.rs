//! An open folder, and reading the files in it that a walk listed. Each is opened beneath its parent's handle, without following a link and without
//! waiting, and compared before and after with what the walk saw: what changed meanwhile is refused, never padded
//! (PROMISES, faults of inputs). No mmap: a file cut short would kill the process.

use std::collections::HashSet;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions};

use super::listing::{Listing, What};
use super::retry::retry;
use super::rules::{RULES_FILE, RULES_MAX};
use super::span::Span;
use super::{Error, Result, io_at};

/// The time after the last that a tar header holds (FORMAT §3).
const TIME_END: u64 = 1 << 33;
/// How many open folders a reader keeps.
const CHAIN: usize = 16;

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    pub(super) at: PathBuf,
    pub(super) dir: Dir,
}

/// Opens for reading, follows no link, waits for nobody.
pub(super) fn careful() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    options
}

impl Folder {
    /// Opens the folder that the user named, by a link or not.
    ///
    /// # Errors
    /// What the system says; a file is refused.
    pub fn open(path: &Path) -> Result<Folder> {
        if path.metadata().map_err(io_at("open", path))?.is_file() {
            let e = io::Error::new(io::ErrorKind::NotADirectory, "it is a file; give the folder it is in");
            return Err(io_at("open", path)(e));
        }
        let dir = retry(|| Dir::open_ambient_dir(path, ambient_authority())).map_err(io_at("open", path))?;
        Ok(Folder { at: path.to_owned(), dir })
    }

    /// Where it is.
    #[must_use]
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// The bytes of its `.consignignore`; none if there is none.
    ///
    /// # Errors
    /// If it is too large, or no file; what the system says.
    pub fn rules(&self) -> Result<Vec<u8>> {
        let failed = |e: io::Error| io_at("read", &self.at.join(RULES_FILE))(e);
        let file = match retry(|| self.dir.open_with(RULES_FILE, &careful())) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
        }
        let mut bytes = Vec::new();
        file.take(RULES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > RULES_MAX {
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB")));
        }
        Ok(bytes)
    }

    /// Those of `paths` that lie in it, there or not, relative to it with `/` between components.
    #[must_use]
    pub fn inside(&self, paths: &[PathBuf]) -> HashSet<OsString> {
        let Ok(root) = self.at.canonicalize() else { return HashSet::new() };
        paths.iter().filter_map(|path| relative(path, &root)).collect()
    }
}

fn relative(path: &Path, root: &Path) -> Option<OsString> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().ok()?;
    let mut out = OsString::new();
    let below = folder.strip_prefix(root).ok()?.components();
    for component in below.chain(path.file_name().map(Component::Normal)) {
        if !out.is_empty() {
            out.push("/");
        }
        out.push(component);
    }
    Some(out)
}

/// Seconds since 1970; 0 before that.
pub(super) fn seconds_of(meta: &Metadata) -> u64 {
    since_1970(meta).map_or(0, |d| d.as_secs())
}

/// The part of its time that is not sent.
pub(super) fn nanos_of(meta: &Metadata) -> u32 {
    since_1970(meta).map_or(0, |d| d.subsec_nanos())
}

fn since_1970(meta: &Metadata) -> Option<std::time::Duration> {
    meta.modified().ok()?.into_std().duration_since(std::time::UNIX_EPOCH).ok()
}

/// A time as it is sent.
pub(super) fn clamp(seconds: u64, latest: Option<u64>) -> u64 {
    seconds.min(TIME_END - 1).min(latest.unwrap_or(u64::MAX))
}

/// What tells whether a file is still the same: its device, its inode, its times to the nanosecond. The time of its
/// last change is one of them, since a writer can set back the other.
pub(super) fn mark_of(meta: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    #[cfg(unix)]
    {
        use cap_std::fs::MetadataExt;
        (meta.dev(), meta.ino(), meta.mtime(), meta.mtime_nsec()).hash(&mut hasher);
        (meta.ctime(), meta.ctime_nsec()).hash(&mut hasher);
    }
    #[cfg(not(unix))]
    meta.modified().ok().map(cap_std::time::SystemTime::into_std).hash(&mut hasher);
    hasher.finish()
}

/// Reads the files of a folder: one for each thread.
pub struct TreeReader<'a> {
    root: &'a Folder,
    listing: &'a Listing,
    /// Folders that are open, each in the one before it: entries come sorted, so most files are in the last.
    chain: Vec<(usize, Dir)>,
}

impl<'a> TreeReader<'a> {
    /// A reader of `listing`, which is of `root`.
    #[must_use]
    pub fn new(root: &'a Folder, listing: &'a Listing) -> Self {
        TreeReader { root, listing, chain: Vec::new() }
    }

    fn failed(&self, i: usize, error: io::Error) -> Error {
        match became(&error) {
            Some(how) => self.changed(i, how),
            None => io_at("read", &self.root.at.join(self.listing.path(i)))(error),
        }
    }

    fn changed(&self, i: usize, how: &'static str) -> Error {
        Error::ChangedWhileRead { path: self.listing.path(i), how }
    }

    /// Opens the folder that entry `i` is in.
    fn folder(&mut self, i: usize) -> Result<&Dir> {
        let mut missing = Vec::new();
        let mut next = self.listing.parent(i);
        let mut keep = 0;
        while let Some(folder) = next {
            if let Some(place) = self.chain.iter().rposition(|(at, _)| *at == folder) {
                keep = place + 1;
                break;
            }
            missing.push(folder);
            next = self.listing.parent(folder);
        }
        self.chain.truncate(keep);
        for folder in missing.into_iter().rev() {
            let above = self.chain.last().map_or(&self.root.dir, |(_, dir)| dir);
            let opened = retry(|| above.open_dir_nofollow(self.listing.name(folder)));
            let dir = opened.map_err(|e| self.failed(i, e))?;
            if self.chain.len() == CHAIN {
                self.chain.remove(0);
            }
            self.chain.push((folder, dir));
        }
        Ok(self.chain.last().map_or(&self.root.dir, |(_, dir)| dir))
    }

    fn open(&mut self, i: usize) -> Result<File> {
        let name = self.listing.name(i);
        let folder = self.folder(i)?;
        let opened = retry(|| folder.open_with(name, &careful()));
        opened.map_err(|e| self.failed(i, e))
    }

    /// Appends a part of file `i` to `out`, and what is wanted of the bytes before it to `before`.
    ///
    /// # Errors
    /// [`Error::ChangedWhileRead`] if it is not what was listed, before or after; what the system says.
    pub fn read(&mut self, i: usize, span: Span, before: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        let Span { offset, len, .. } = span;
        let What::File { size, .. } = self.listing.what(i) else { return Err(self.changed(i, "it is not a file")) };
        let mut file = self.open(i)?;
        self.compare(i, &file)?;
        let start = out.len();
        let whole = offset == 0 && len as u64 == size;
        let read = match whole {
            true => read_whole(&mut file, len, out),
            false => read_slice(&mut file, span.start(), span.before(), before)
                .and_then(|()| read_slice(&mut file, offset, len, out)),
        };
        if let Err(e) = read {
            out.truncate(start);
            return Err(self.failed(i, e));
        }
        let got = out.len() - start;
        if got != len {
            out.truncate(start);
            return Err(self.changed(i, if got < len { "it shrank" } else { "it grew" }));
        }
        self.compare(i, &file).inspect_err(|_| out.truncate(start))
    }

    fn compare(&self, i: usize, file: &File) -> Result<()> {
        let What::File { size, mark, .. } = self.listing.what(i) else { return Ok(()) };
        let meta = file.metadata().map_err(|e| self.failed(i, e))?;
        let how = match () {
            () if !meta.is_file() => "it is no longer a file",
            () if meta.len() < size => "it shrank",
            () if meta.len() > size => "it grew",
            () if mark_of(&meta) != mark => "it was written or replaced",
            () => return Ok(()),
        };
        Err(self.changed(i, how))
    }
}

/// What a failure to open says about the file; `None` if it says nothing about a change.
fn became(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound => return Some("it is gone"),
        io::ErrorKind::NotADirectory => return Some("its folder became something else"),
        _ => {}
    }
    #[cfg(unix)]
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::LOOP) => return Some("it became a link"),
        // What opening a socket, or a device that is not there, ends with.
        Some(rustix::io::Errno::NXIO | rustix::io::Errno::NODEV) => return Some("it became a special file"),
        _ => {}
    }
    None
}

/// Reads exactly a part, or up to the end of the file.
fn read_slice(file: &mut File, offset: u64, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
    out.reserve(len);
    file.seek(SeekFrom::Start(offset))?;
    file.take(len as u64).read_to_end(out).map(drop)
}

/// Reads a file of `len` bytes. All spare room is offered, so one that grew shows without another call, and a read
/// that leaves room is the end of a regular file.
#[cfg(unix)]
fn read_whole(file: &mut File, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
    use rustix::buffer::spare_capacity;
    use std::os::fd::AsFd;
    out.reserve(len + 1);
    let end = out.len() + len;
    loop {
        match rustix::io::read(file.as_fd(), spare_capacity(out)) {
            Ok(0) => return Ok(()),
            Ok(_) if out.len() >= end => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

#[cfg(not(unix))]
fn read_whole(file: &mut File, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
    out.reserve(len + 1);
    file.take(len as u64 + 1).read_to_end(out).map(drop)
}
