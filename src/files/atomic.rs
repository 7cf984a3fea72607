//! A file that appears whole or not at all: written under a hidden name, synced, published by one rename that
//! replaces nothing (P7, P9). The hidden file is locked while somebody writes it, so leftovers are known.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::litter;
use super::lock::try_lock;
use super::names::Names;
use super::parent::Parent;
use super::source::Source;
use super::{Error, Result, io_at};

/// How hidden names end.
const SUFFIX: &str = ".consign-part";

/// A file being written.
#[derive(Debug)]
pub struct Pending {
    file: File,
    parent: Parent,
    temp: OsString,
    name: OsString,
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
        let bad = || io_at("write", target)(io::Error::new(io::ErrorKind::InvalidInput, "not a file name"));
        let name = target.file_name().and_then(OsStr::to_str).ok_or_else(bad)?;
        let parent = Parent::open(folder_of(target))?;
        match parent.look(OsStr::new(name)) {
            Ok(found) if !replace || found.is_dir() => return Err(Error::Exists { path: target.to_owned() }),
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_at("write", target)(e)),
            _ => {}
        }
        sweep(&parent, folder_of(target));
        let temp = OsString::from(format!(".{name}{SUFFIX}"));
        let claimed = claim(&parent, &temp, mode).map_err(io_at("write", &parent.path(&temp)))?;
        let file = claimed.ok_or_else(|| Error::Busy { path: target.to_owned() })?;
        litter::made(&parent.path(&temp));
        let (name, target) = (OsString::from(name), target.to_owned());
        let pending = Pending { file, parent, temp, name, target, replace, published: false };
        // Whoever held the hidden name before may have published between our look and our claim.
        if !replace && pending.parent.look(&pending.name).is_ok() {
            return Err(Error::Exists { path: pending.target.clone() });
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
    /// [`Error::Exists`] when something came to be at the target meanwhile; [`Error::Unsettled`] when it is there and
    /// the folder can't be synced; what the system says.
    pub fn publish(mut self) -> Result<()> {
        self.file.sync_all().map_err(io_at("write", &self.target))?;
        if self.replace {
            let renamed = self.parent.rename(&self.parent, &self.temp, &self.name);
            renamed.map_err(io_at("write", &self.target))?;
        } else {
            self.parent.rename_new(&self.temp, &self.name).map_err(|e| match e.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: self.target.clone() },
                _ => io_at("write", &self.target)(e),
            })?;
        }
        self.published = true;
        litter::gone(&self.parent.path(&self.temp));
        self.parent.sync().map_err(|source| Error::Unsettled { path: self.target.clone(), source })
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
            let _unused = self.parent.remove(&self.temp);
            litter::gone(&self.parent.path(&self.temp));
        }
    }
}

/// How often and how long a hidden file is waited for: a sweep of another run may look at it for a moment.
const TRIES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(25);

/// Makes and locks a hidden file; `None` when somebody else holds it. Nothing that was there is ever written into.
fn claim(parent: &Parent, temp: &OsStr, mode: u32) -> io::Result<Option<File>> {
    for _ in 0..TRIES {
        match parent.create(temp, mode) {
            Ok(file) if try_lock(&file).unwrap_or(false) && parent.holds(temp, &file).unwrap_or(false) => {
                return Ok(Some(file));
            }
            Ok(_) => std::thread::sleep(PAUSE),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                if !remove_leftover(parent, temp) {
                    std::thread::sleep(PAUSE);
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// Removes a hidden file whose lock nobody holds.
fn remove_leftover(parent: &Parent, name: &OsStr) -> bool {
    let Ok(file) = parent.read(name) else { return false };
    try_lock(&file).unwrap_or(false) && parent.holds(name, &file).unwrap_or(false) && parent.remove(name).is_ok()
}

/// Removes hidden files of runs that were killed: those whose lock nobody holds.
fn sweep(parent: &Parent, folder: &Path) {
    let Ok(names) = Names::of(folder) else { return };
    for name in names.flatten() {
        let ours = name.to_str().is_some_and(|n| n.starts_with('.') && n.ends_with(SUFFIX));
        if ours && parent.look(&name).is_ok_and(|found| found.is_file()) {
            remove_leftover(parent, &name);
        }
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

/// Gives a file that is whole another name in its folder, replacing nothing, and syncs the folder.
///
/// # Errors
/// [`Error::Exists`]; [`Error::Unsettled`] when it has the name and the folder can't be synced; what the system says.
pub fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let bad = || io_at("write", to)(io::Error::new(io::ErrorKind::InvalidInput, "not a file name"));
    let (old, new) = (from.file_name().ok_or_else(bad)?, to.file_name().ok_or_else(bad)?);
    let parent = Parent::open(folder_of(to))?;
    parent.rename_new(old, new).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { path: to.to_owned() },
        _ => io_at("write", to)(e),
    })?;
    parent.sync().map_err(|source| Error::Unsettled { path: to.to_owned(), source })
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

/// Writes a small file for its owner only, whole or not at all, replacing nothing. It is a step of something larger,
/// so one that may not survive a power cut is not written.
///
/// # Errors
/// Those of [`Pending`].
pub fn write_private(target: &Path, bytes: &[u8]) -> Result<()> {
    private(target, bytes, false)
}

/// As [`write_private`], and what is there is replaced.
///
/// # Errors
/// Those of [`Pending`].
pub fn write_private_over(target: &Path, bytes: &[u8]) -> Result<()> {
    private(target, bytes, true)
}

fn private(target: &Path, bytes: &[u8], replace: bool) -> Result<()> {
    let mut pending = Pending::with_mode(target, replace, 0o600)?;
    pending.write_all(bytes).map_err(io_at("write", target))?;
    pending.publish().map_err(|e| {
        if matches!(e, Error::Unsettled { .. }) {
            // If this fails as well, a file stays that only its owner can open.
            let _unused = std::fs::remove_file(target);
        }
        e.or_not_synced()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
