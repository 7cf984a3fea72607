//! Staging: a private folder beside the target in which everything is made, checked and synced, before one rename
//! publishes it. It vanishes when it is dropped; what a killed run left is removed by the next (P7).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::{folder_of, sync_folder};
use super::litter;
use super::lock::Lock;
use super::{Error, Result, io_at};

/// A staging folder.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    target: PathBuf,
    _lock: Lock,
}

impl Staging {
    /// Makes one beside `target`, which must be absent or an empty folder, unless `force` says that what is there
    /// will be moved aside first.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Busy`], or what the system says.
    pub fn beside(target: &Path, force: bool) -> Result<Staging> {
        if !is_free(target)? && !force {
            return Err(Error::Exists { path: target.to_owned() });
        }
        let name = target.file_name().and_then(|n| n.to_str());
        let bad = io::Error::new(io::ErrorKind::InvalidInput, "not a folder name");
        let name = name.ok_or_else(|| io_at("write", target)(bad))?;
        let folder = folder_of(target).join(format!(".{name}.consign-staging"));
        if fs::symlink_metadata(&folder).is_ok_and(|m| m.is_dir()) {
            match Lock::take(&folder.join("lock"))? {
                Some(_lock) => fs::remove_dir_all(&folder).map_err(io_at("remove", &folder))?,
                None => return Err(Error::Busy { path: target.to_owned() }),
            }
        }
        let busy = || Error::Busy { path: target.to_owned() };
        make_folder(&folder, 0o700).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => busy(),
            _ => io_at("write", &folder)(e),
        })?;
        // Until the lock is held the folder is not ours: another run may have taken it for a leftover.
        let lock = Lock::take(&folder.join("lock")).ok().flatten().ok_or_else(busy)?;
        litter::made(&folder);
        let staging = Staging { folder, target: target.to_owned(), _lock: lock };
        make_folder(&staging.tree(), 0o755).map_err(io_at("write", &staging.folder))?;
        Ok(staging)
    }

    /// The private folder itself, for spools.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that will be published.
    #[must_use]
    pub fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Whether links can be made here.
    #[must_use]
    pub fn links_work(&self) -> bool {
        #[cfg(unix)]
        {
            let probe = self.folder.join("link");
            std::os::unix::fs::symlink("tree", &probe).is_ok() && fs::remove_file(probe).is_ok()
        }
        #[cfg(not(unix))]
        false
    }

    /// Refuses when fewer than `needed` bytes and a reserve are free.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub fn ensure_room(&self, needed: u64) -> Result<()> {
        const RESERVE: u64 = 1 << 20;
        let needed = needed.saturating_add(RESERVE);
        match free_bytes(&self.folder) {
            Some(free) if free < needed => Err(Error::NoRoom { path: self.target.clone(), needed, free }),
            _ => Ok(()),
        }
    }

    /// One rename to the target, which must still be absent or empty; then the folder is synced.
    ///
    /// # Errors
    /// [`Error::Exists`] when something came to be there; what the system says.
    pub fn publish(self) -> Result<()> {
        // A rename of a folder replaces an empty folder and nothing else.
        #[cfg(not(unix))]
        let _unused = fs::remove_dir(&self.target);
        fs::rename(self.tree(), &self.target).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                Error::Exists { path: self.target.clone() }
            }
            _ => io_at("write", &self.target)(e),
        })?;
        sync_folder(folder_of(&self.target))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing more can be done if this fails; the next run removes it.
        let _unused = fs::remove_dir_all(&self.folder);
        litter::gone(&self.folder);
    }
}

fn is_free(target: &Path) -> Result<bool> {
    match fs::symlink_metadata(target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(io_at("write", target)(e)),
        Ok(meta) if meta.is_dir() => Ok(fs::read_dir(target).map_err(io_at("read", target))?.next().is_none()),
        Ok(_) => Ok(false),
    }
}

fn make_folder(folder: &Path, mode: u32) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(folder)
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Moves what is at `path` aside to a name with a date in it, and says where it went. Nothing is deleted.
///
/// # Errors
/// What the system says.
pub fn move_aside(path: &Path, stamp: &str) -> Result<Option<PathBuf>> {
    if is_free(path)? {
        return Ok(None);
    }
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("old").to_owned();
    for n in 1..1000 {
        let suffix = if n == 1 { String::new() } else { format!("-{n}") };
        let aside = path.with_file_name(format!("{name}.{stamp}{suffix}"));
        match fs::symlink_metadata(&aside) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::rename(path, &aside).map_err(io_at("move", path))?;
                sync_folder(folder_of(path))?;
                return Ok(Some(aside));
            }
            _ => {}
        }
    }
    Err(Error::Exists { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_publishes_by_one_rename_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let staging = Staging::beside(&target, false).unwrap();
        fs::write(staging.tree().join("a"), "x").unwrap();
        assert!(matches!(Staging::beside(&target, false), Err(Error::Busy { .. })));
        staging.publish().unwrap();
        assert_eq!(fs::read(target.join("a")).unwrap(), b"x");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(matches!(Staging::beside(&target, false), Err(Error::Exists { .. })));
        drop(Staging::beside(&dir.path().join("other"), false).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_target_that_fills_meanwhile_is_not_merged_into() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let staging = Staging::beside(&target, false).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("theirs"), "t").unwrap();
        assert!(matches!(staging.publish(), Err(Error::Exists { .. })));
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    }
}
