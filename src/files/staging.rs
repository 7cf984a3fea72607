//! Staging: a private folder beside the target in which everything is made, checked and synced, before one rename
//! publishes it. It vanishes when it is dropped; what a killed run left is removed by the next (P7). All of it goes by
//! handles, so that nobody who swaps folders beside the target can slip in a tree of theirs (P3).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::folder_of;
use super::beneath::Root;
use super::litter;
use super::lock::Lock;
use super::names::Names;
use super::parent::Parent;
use super::retry::retry;
use super::{Error, Result, io_at};

/// What is made in a staging folder.
const TREE: &str = "tree";
/// A link that is tried in it.
const LINK: &str = "link";
/// What is locked in it.
const LOCK: &str = "lock";

/// A staging folder.
#[derive(Debug)]
pub struct Staging {
    parent: Parent,
    folder: Parent,
    name: OsString,
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
        let bad = || io_at("write", target)(io::Error::new(io::ErrorKind::InvalidInput, "not a folder name"));
        let name = target.file_name().and_then(OsStr::to_str).ok_or_else(bad)?;
        let name = OsString::from(format!(".{name}.consign-staging"));
        let busy = || Error::Busy { path: target.to_owned() };
        let parent = Parent::open(folder_of(target))?;
        let at = parent.path(&name);
        if parent.look(&name).is_ok_and(|m| m.is_dir()) {
            // Another run may remove it, or lock it again, at any moment in between.
            let failed = |e: io::Error| match e.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty => busy(),
                _ => io_at("remove", &at)(e),
            };
            let left = parent.inside(&name).map_err(failed)?;
            let _lock = take_lock(&left).map_err(failed)?.ok_or_else(busy)?;
            remove(&parent, &left, &name).map_err(failed)?;
        }
        parent.make_folder(&name, 0o700).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => busy(),
            _ => io_at("write", &at)(e),
        })?;
        Staging::begin(parent, name, target)
    }

    /// Takes a folder that was just made. Until its lock is held it is not ours: another run may have taken it for a
    /// leftover, or somebody may have put another one in its place.
    fn begin(parent: Parent, name: OsString, target: &Path) -> Result<Staging> {
        let at = parent.path(&name);
        let busy = || Error::Busy { path: target.to_owned() };
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => busy(),
            _ => io_at("write", &at)(e),
        };
        // Nothing more can be done if tidying up fails; the next run removes it.
        let folder = parent.inside(&name).map_err(failed).inspect_err(|_| {
            let _unused = parent.dir().remove_dir(&name);
        })?;
        let locked = folder.is_private().and_then(|ours| if ours { take_lock(&folder) } else { Ok(None) });
        let lock = locked.map_err(failed).inspect_err(|_| {
            let _unused = remove(&parent, &folder, &name);
        })?;
        let lock = lock.ok_or_else(busy)?;
        litter::made(&at);
        let staging = Staging { parent, folder, name, target: target.to_owned(), _lock: lock };
        staging.folder.make_folder(OsStr::new(TREE), 0o755).map_err(io_at("write", &at))?;
        Ok(staging)
    }

    /// The folder that will be published, to make things in.
    ///
    /// # Errors
    /// What the system says.
    pub fn root(&self) -> Result<Root> {
        let at = self.parent.path(&self.name).join(TREE);
        let tree = self.folder.inside(OsStr::new(TREE)).map_err(io_at("open", &at))?;
        Ok(Root::over(tree))
    }

    /// Whether links can be made here.
    #[must_use]
    pub fn links_work(&self) -> bool {
        #[cfg(unix)]
        {
            // It is removed with the folder.
            self.folder.dir().symlink(TREE, LINK).is_ok()
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
        match self.folder.free_bytes() {
            Some(free) if free < needed => Err(Error::NoRoom { path: self.target.clone(), needed, free }),
            _ => Ok(()),
        }
    }

    /// One rename to the target, which must still be absent or empty; then the folder is synced.
    ///
    /// # Errors
    /// [`Error::Exists`] when something came to be there; [`Error::Unsettled`] when it is there and the folder can't be
    /// synced; what the system says.
    pub fn publish(self) -> Result<()> {
        let name = self.target.file_name().unwrap_or_default();
        // A rename of a folder replaces an empty folder and nothing else.
        #[cfg(not(unix))]
        let _unused = self.parent.dir().remove_dir(name);
        self.parent.rename(&self.folder, OsStr::new(TREE), name).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                Error::Exists { path: self.target.clone() }
            }
            _ => io_at("write", &self.target)(e),
        })?;
        self.parent.sync().map_err(|source| Error::Unsettled { path: self.target.clone(), source })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing more can be done if this fails; the next run removes it.
        let _unused = remove(&self.parent, &self.folder, &self.name);
        litter::gone(&self.parent.path(&self.name));
    }
}

/// Locks a staging folder; `None` when another run has it.
fn take_lock(folder: &Parent) -> io::Result<Option<Lock>> {
    let lock: File = match folder.create(OsStr::new(LOCK), 0o600) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => folder.read(OsStr::new(LOCK))?,
        made => made?,
    };
    // One that was removed after it was opened, by a run that tidied up, locks nothing.
    let Some(lock) = Lock::of(lock)? else { return Ok(None) };
    Ok(folder.holds(OsStr::new(LOCK), lock.file())?.then_some(lock))
}

/// Empties a staging folder through its handle, and removes it: never what somebody put in its place.
fn remove(parent: &Parent, folder: &Parent, name: &OsStr) -> io::Result<()> {
    let absent = |e: io::Error| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) };
    folder.remove_all(OsStr::new(TREE)).or_else(absent)?;
    for file in [LINK, LOCK] {
        folder.remove(OsStr::new(file)).or_else(absent)?;
    }
    retry(|| parent.dir().remove_dir(name))
}

fn is_free(target: &Path) -> Result<bool> {
    match std::fs::symlink_metadata(target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(io_at("write", target)(e)),
        Ok(meta) if meta.is_dir() => Ok(Names::of(target).map_err(io_at("read", target))?.next().is_none()),
        Ok(_) => Ok(false),
    }
}

/// Moves what is at `path` aside to a name with a date in it, and says where it went. Nothing is deleted.
///
/// # Errors
/// What the system says.
pub fn move_aside(path: &Path, stamp: &str) -> Result<Option<PathBuf>> {
    if is_free(path)? {
        return Ok(None);
    }
    let parent = Parent::open(folder_of(path))?;
    let old = path.file_name().unwrap_or_default();
    let name = old.to_str().unwrap_or("old").to_owned();
    for n in 1..1000 {
        let suffix = if n == 1 { String::new() } else { format!("-{n}") };
        let aside = OsString::from(format!("{name}.{stamp}{suffix}"));
        match parent.rename_new(old, &aside) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            moved => {
                moved.map_err(io_at("move", path))?;
                parent.sync().map_err(|e| {
                    // If this fails as well, it lies under the name with the date; nothing is lost.
                    let _unused = parent.rename_new(&aside, old);
                    io_at("move", path)(e)
                })?;
                return Ok(Some(path.with_file_name(aside)));
            }
        }
    }
    Err(Error::Exists { path: path.to_owned() })
}

/// How many bytes are free where a folder lies, if that can be told.
#[must_use]
pub fn free_room(folder: &Path) -> Option<u64> {
    Parent::open(folder).ok()?.free_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn staging_publishes_by_one_rename_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let staging = Staging::beside(&target, false).unwrap();
        fs::write(dir.path().join(".out.consign-staging/tree/a"), "x").unwrap();
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

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_swapped_for_the_staging_folder_is_never_published() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let staging = Staging::beside(&target, false).unwrap();
        let hidden = dir.path().join(".out.consign-staging");
        let root = staging.root().unwrap();
        fs::rename(&hidden, dir.path().join("gone")).unwrap();
        fs::create_dir_all(hidden.join("tree")).unwrap();
        fs::write(hidden.join("tree/theirs"), "t").unwrap();
        drop(root.hand().file("ours", false).unwrap());
        staging.publish().unwrap();
        let names: Vec<_> = Names::of(&target).unwrap().flatten().collect();
        assert_eq!(names, ["ours"]);
    }
}
