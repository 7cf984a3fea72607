//! The folder in which something appears, opened once: what is made, renamed, removed and synced in it stays in that
//! very folder, whatever somebody puts in place of its path meanwhile (P3), and a folder that can't be synced is found
//! before any work is done.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, Metadata, OpenOptions};

use super::names::Names;
use super::retry::retry;
use super::{Result, io_at};

/// An open folder, with a handle that can be synced.
#[derive(Debug)]
pub(super) struct Parent {
    at: PathBuf,
    dir: Dir,
    #[cfg(unix)]
    sync: File,
}

impl Parent {
    /// Opens a folder.
    pub(super) fn open(folder: &Path) -> Result<Parent> {
        let failed = |e| io_at("open", folder)(e);
        let dir = retry(|| Dir::open_ambient_dir(folder, ambient_authority())).map_err(failed)?;
        Parent::over(folder, dir).map_err(failed)
    }

    fn over(at: &Path, dir: Dir) -> io::Result<Parent> {
        // cap-std's own handles are O_PATH, which can't be synced.
        #[cfg(unix)]
        let sync = {
            use rustix::fs::{Mode, OFlags, openat};
            retry(|| Ok(openat(&dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))?
        };
        Ok(Parent {
            at: at.to_owned(),
            dir,
            #[cfg(unix)]
            sync: sync.into(),
        })
    }

    /// Where a name in it is, for messages.
    pub(super) fn path(&self, name: &OsStr) -> PathBuf {
        if self.at == Path::new(".") { PathBuf::from(name) } else { self.at.join(name) }
    }

    /// Where it was when it was opened, for messages.
    pub(super) fn at(&self) -> &Path {
        &self.at
    }

    /// The handle.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// A folder in it that is no link.
    pub(super) fn inside(&self, name: &OsStr) -> io::Result<Parent> {
        let dir = retry(|| self.dir.open_dir_nofollow(name))?;
        Parent::over(&self.path(name), dir)
    }

    /// What is at a name, a link itself and not what it points at.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Metadata> {
        retry(|| self.dir.symlink_metadata(name))
    }

    /// Whether a name in it is that open file.
    pub(super) fn holds(&self, name: &OsStr, file: &File) -> io::Result<bool> {
        #[cfg(unix)]
        {
            use cap_std::fs::MetadataExt as _;
            use std::os::unix::fs::MetadataExt as _;
            let open = file.metadata()?;
            match self.look(name) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
                found => found.map(|found| (found.dev(), found.ino()) == (open.dev(), open.ino())),
            }
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            Ok(self.look(name).is_ok())
        }
    }

    /// Whether it is this user's and nobody else's: one that somebody put in the place of such a folder is not.
    pub(super) fn is_private(&self) -> io::Result<bool> {
        #[cfg(unix)]
        {
            use cap_std::fs::MetadataExt;
            let me = rustix::process::geteuid().as_raw();
            let meta = retry(|| self.dir.dir_metadata())?;
            Ok(meta.uid() == me && meta.mode() & 0o077 == 0)
        }
        #[cfg(not(unix))]
        Ok(true)
    }

    /// Makes a file that was not there.
    pub(super) fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        retry(|| self.dir.open_with(name, &options)).map(cap_std::fs::File::into_std)
    }

    /// Opens what is there, without following a link or waiting for anybody.
    pub(super) fn read(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        retry(|| self.dir.open_with(name, &options)).map(cap_std::fs::File::into_std)
    }

    /// Makes a folder.
    pub(super) fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, mode);
        #[cfg(not(unix))]
        let _ = mode;
        retry(|| self.dir.create_dir_with(name, &builder))
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        retry(|| self.dir.remove_file(name))
    }

    /// Removes a folder and all that is in it, following no link. One folder is open at a time, and none for an empty
    /// one: it must work where descriptors are what ran out.
    pub(super) fn remove_all(&self, name: &OsStr) -> io::Result<()> {
        let mut stack = vec![PathBuf::from(name)];
        while let Some(path) = stack.last().cloned() {
            match retry(|| self.dir.remove_dir(&path)) {
                Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                Err(e) => return Err(e),
                Ok(()) => {
                    stack.pop();
                    continue;
                }
            }
            self.empty(&path, &mut stack)?;
        }
        Ok(())
    }

    /// Removes the files in a folder, and puts the folders in it on the stack.
    fn empty(&self, path: &Path, stack: &mut Vec<PathBuf>) -> io::Result<()> {
        let dir = retry(|| self.dir.open_dir_nofollow(path))?;
        #[cfg(unix)]
        let names = Names::within(&dir)?;
        #[cfg(not(unix))]
        let names = dir.entries()?.map(|entry| entry.map(|entry| entry.file_name()));
        for name in names {
            let name = name?;
            match retry(|| dir.remove_file(&name)) {
                Err(_) if dir.symlink_metadata(&name).is_ok_and(|found| found.is_dir()) => stack.push(path.join(name)),
                removed => removed?,
            }
        }
        Ok(())
    }

    /// Renames within it, or out of a folder `from` in it; a file or an empty folder at `to` is replaced.
    pub(super) fn rename(&self, from: &Parent, old: &OsStr, to: &OsStr) -> io::Result<()> {
        retry(|| from.dir.rename(old, &self.dir, to))
    }

    /// Renames within it and replaces nothing.
    pub(super) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(&self.dir, from, &self.dir, to, RenameFlags::NOREPLACE) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                other => return other.map_err(Into::into),
            }
        }
        if self.look(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        match self.dir.hard_link(from, &self.dir, to) {
            Ok(()) => self.remove(from),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
            // A file system without hard links and without that flag (FAT): the check above is all there is.
            Err(_) => self.dir.rename(from, &self.dir, to),
        }
    }

    /// How many bytes are free where it lies, if that can be told.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let stat = rustix::fs::fstatvfs(&self.sync).ok()?;
            stat.f_bavail.checked_mul(stat.f_frsize)
        }
        #[cfg(not(unix))]
        None
    }

    /// Makes renames in it survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        retry(|| self.sync.sync_all())?;
        Ok(())
    }

    /// Makes everything below it survive a power cut, where the system has one call for that. Its handle was opened
    /// before the first write, since `syncfs` reports write errors only to such handles.
    pub(super) fn sync_all_below(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        retry(|| Ok(rustix::fs::syncfs(&self.sync)?))?;
        #[cfg(not(target_os = "linux"))]
        self.sync()?;
        Ok(())
    }
}
