//! A file that appears whole or not at all: written under a hidden name, synced, published by one rename that
//! replaces nothing (P7, P9). The hidden file is locked while somebody writes it, so leftovers are known.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::litter;
use super::lock::private;
use super::source::Source;
use super::{Error, Result, io_at};

/// How hidden names end.
const SUFFIX: &str = ".consign-part";

/// A file being written.
#[derive(Debug)]
pub struct Pending {
    file: File,
    temp: PathBuf,
    target: PathBuf,
    replace: bool,
    published: bool,
}

/// The folder a path is in; `.` for a bare name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl Pending {
    /// Begins a file that should become `target`. What is there already is refused, unless `replace`.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::Busy`] when another run is writing it; what the system says.
    pub fn create(target: &Path, replace: bool) -> Result<Pending> {
        Pending::with_mode(target, replace, 0o644)
    }

    fn with_mode(target: &Path, replace: bool, mode: u32) -> Result<Pending> {
        let name = target.file_name().and_then(|n| n.to_str());
        let bad = io::Error::new(io::ErrorKind::InvalidInput, "not a file name");
        let name = name.ok_or_else(|| io_at("write", target)(bad))?;
        match fs::symlink_metadata(target) {
            Ok(found) if !replace || found.is_dir() => return Err(Error::Exists { path: target.to_owned() }),
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_at("write", target)(e)),
            _ => {}
        }
        sweep(folder_of(target));
        let temp = folder_of(target).join(format!(".{name}{SUFFIX}"));
        let file = claim(&temp, mode)?.ok_or_else(|| Error::Busy { path: target.to_owned() })?;
        litter::made(&temp);
        let pending = Pending { file, temp, target: target.to_owned(), replace, published: false };
        // Whoever held the hidden name before may have published between our look and our claim.
        if !replace && fs::symlink_metadata(target).is_ok() {
            return Err(Error::Exists { path: target.to_owned() });
        }
        Ok(pending)
    }

    /// Where it will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes what was written so far survive a power cut.
    ///
    /// # Errors
    /// What the system says; the file must not be published then.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(io_at("write", &self.target))
    }

    /// What was written so far, to be read back and checked before it is published.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_back(&self) -> Result<Source> {
        let read = self.file.try_clone().and_then(|file| Source::over(file, &self.target));
        read.map_err(io_at("read", &self.target))
    }

    /// Syncs, renames, syncs the folder.
    ///
    /// # Errors
    /// [`Error::Exists`] when something came to be at the target meanwhile; what the system says.
    pub fn publish(mut self) -> Result<()> {
        self.file.sync_all().map_err(io_at("write", &self.target))?;
        if self.replace {
            fs::rename(&self.temp, &self.target).map_err(io_at("write", &self.target))?;
        } else {
            rename_new(&self.temp, &self.target).map_err(|e| match e.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: self.target.clone() },
                _ => io_at("write", &self.target)(e),
            })?;
        }
        self.published = true;
        litter::gone(&self.temp);
        sync_folder(folder_of(&self.target))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done if this fails; the next run sweeps it.
            let _unused = fs::remove_file(&self.temp);
            litter::gone(&self.temp);
        }
    }
}

/// How often and how long a hidden file is waited for: a sweep of another run may look at it for a moment.
const TRIES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(25);

/// Makes and locks a hidden file; `None` when somebody else holds it. Nothing that was there is ever written into.
fn claim(temp: &Path, mode: u32) -> Result<Option<File>> {
    for _ in 0..TRIES {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        private(&mut options);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        match options.open(temp) {
            Ok(file) if file.try_lock().is_ok() && is_same(&file, temp) => return Ok(Some(file)),
            Ok(_) => std::thread::sleep(PAUSE),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                if !remove_leftover(temp) {
                    std::thread::sleep(PAUSE);
                }
            }
            Err(e) => return Err(io_at("write", temp)(e)),
        }
    }
    Ok(None)
}

/// Removes a hidden file whose lock nobody holds.
fn remove_leftover(path: &Path) -> bool {
    let mut options = OpenOptions::new();
    options.read(true);
    private(&mut options);
    let Ok(file) = options.open(path) else { return false };
    file.try_lock().is_ok() && is_same(&file, path) && fs::remove_file(path).is_ok()
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Removes hidden files of runs that were killed: those whose lock nobody holds.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let ours = name.starts_with('.') && name.ends_with(SUFFIX);
        if !ours || !entry.file_type().is_ok_and(|t| t.is_file()) {
            continue;
        }
        remove_leftover(&entry.path());
    }
}

/// Renames without replacing anything.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return other.map_err(Into::into),
        }
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        // A file system without hard links and without that flag (FAT): the check above is all there is.
        Err(_) => fs::rename(from, to),
    }
}

/// Makes a rename in `folder` survive a power cut.
///
/// # Errors
/// What the system says.
pub fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(folder).and_then(|f| f.sync_all()).map_err(io_at("sync", folder))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Writes a small file whole or not at all.
///
/// # Errors
/// Those of [`Pending`].
pub fn write_new(target: &Path, bytes: &[u8], replace: bool) -> Result<()> {
    let mut pending = Pending::create(target, replace)?;
    pending.write_all(bytes).map_err(io_at("write", target))?;
    pending.publish()
}

/// Writes a small file for its owner only, whole or not at all, replacing nothing.
///
/// # Errors
/// Those of [`Pending`].
pub fn write_private(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut pending = Pending::with_mode(target, false, 0o600)?;
    pending.write_all(bytes).map_err(io_at("write", target))?;
    pending.publish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_file_leaves_nothing_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a");
        let mut pending = Pending::create(&target, false).unwrap();
        pending.write_all(b"x").unwrap();
        assert!(matches!(Pending::create(&target, false), Err(Error::Busy { .. })));
        drop(pending);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        let pending = Pending::create(&target, false).unwrap();
        fs::write(&target, "theirs").unwrap();
        assert!(matches!(pending.publish(), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert!(matches!(Pending::create(&target, false), Err(Error::Exists { .. })));
    }

    #[test]
    fn what_a_killed_run_left_is_swept_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".old.consign.consign-part"), "half").unwrap();
        write_new(&dir.path().join("new"), b"x", false).unwrap();
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["new"]);
    }
}
