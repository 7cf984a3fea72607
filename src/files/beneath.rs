//! Writes that cannot leave a root (P3): every file, folder and link is made relative to a handle, in a fresh folder
//! that only its owner can enter, and nothing is opened that was there before.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt, SystemTimeSpec};
use cap_std::fs::{Dir, DirBuilder, OpenOptions};

use super::parent::Parent;
use super::retry::retry;
use super::{Error, Result, io_at};

/// The root of a tree that is being made.
#[derive(Debug)]
pub struct Root {
    folder: Parent,
}

/// One worker's hand in it: remembers the folder it used last, since entries come sorted.
pub struct Hand<'a> {
    root: &'a Root,
    last: Option<(String, Dir)>,
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl Root {
    /// Over an empty folder of our own.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> Result<Root> {
        Parent::open(path).map(Root::over)
    }

    /// Over an empty folder of our own that is open.
    pub(super) fn over(folder: Parent) -> Root {
        Root { folder }
    }

    /// A worker's hand.
    #[must_use]
    pub fn hand(&self) -> Hand<'_> {
        Hand { root: self, last: None }
    }

    /// Makes everything written survive a power cut.
    ///
    /// # Errors
    /// What the system says; the tree must not be published then.
    pub fn sync(&self) -> Result<()> {
        self.folder.sync_all_below().map_err(io_at("sync", self.folder.at()))
    }
}

impl Hand<'_> {
    fn at(&self, path: &str) -> PathBuf {
        self.root.folder.at().join(path)
    }

    /// The handle of the folder that `path` is in, and its last component.
    fn place<'p>(&mut self, path: &'p str) -> Result<(&Dir, &'p str)> {
        let Some((parent, name)) = path.rsplit_once('/') else { return Ok((self.root.folder.dir(), path)) };
        if self.last.as_ref().is_none_or(|(at, _)| at != parent) {
            let dir = retry(|| self.root.folder.dir().open_dir(parent)).map_err(io_at("open", &self.at(parent)))?;
            self.last = Some((parent.to_owned(), dir));
        }
        let dir = self.last.as_ref().map_or(self.root.folder.dir(), |(_, dir)| dir);
        Ok((dir, name))
    }

    fn failed(&self, path: &str, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            // The tree was empty and its paths are distinct, so this file system takes two names for one.
            return Error::Collision { first: path.to_owned(), second: "another entry".to_owned() };
        }
        io_at("write", &self.at(path))(error)
    }

    /// Makes a folder whose parent is there.
    ///
    /// # Errors
    /// [`Error::Collision`] when it is there under another spelling; what the system says.
    pub fn folder(&mut self, path: &str) -> Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o755);
        let (dir, name) = self.place(path)?;
        let made = retry(|| dir.create_dir_with(name, &builder));
        made.map_err(|e| self.failed(path, e))
    }

    /// Makes a file that was not there.
    ///
    /// # Errors
    /// [`Error::Collision`] when it is there under another spelling; what the system says.
    pub fn file(&mut self, path: &str, exec: bool) -> Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, if exec { 0o755 } else { 0o644 });
        #[cfg(not(unix))]
        let _ = exec;
        let (dir, name) = self.place(path)?;
        let made = retry(|| dir.open_with(name, &options));
        made.map(cap_std::fs::File::into_std).map_err(|e| self.failed(path, e))
    }

    /// Sets a file's time through its handle; with `durable`, its bytes survive a power cut where one call for the
    /// whole tree ([`Root::sync`]) can't do that.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(&self, path: &str, file: &File, mtime: u64) -> Result<()> {
        let times = FileTimes::new().set_modified(time(mtime));
        file.set_times(times).map_err(io_at("set the time of", &self.at(path)))?;
        #[cfg(not(target_os = "linux"))]
        file.sync_all().map_err(io_at("sync", &self.at(path)))?;
        Ok(())
    }

    /// Sets a folder's time.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder_time(&mut self, path: &str, mtime: u64) -> Result<()> {
        let at = self.at(path);
        let (dir, name) = self.place(path)?;
        let spec = SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time(mtime)));
        dir.set_symlink_times(name, None, Some(spec)).map_err(io_at("set the time of", &at))
    }

    /// Makes a link. Its target was checked to stay in the tree; links are made last, so none is ever followed.
    ///
    /// # Errors
    /// [`Error::Collision`] when it is there under another spelling; what the system says.
    pub fn link(&mut self, path: &str, target: &str, mtime: u64) -> Result<()> {
        #[cfg(unix)]
        {
            let (dir, name) = self.place(path)?;
            let made = retry(|| dir.symlink(target, name));
            made.map_err(|e| self.failed(path, e))?;
            self.folder_time(path, mtime)
        }
        #[cfg(not(unix))]
        {
            let _ = (target, mtime);
            Err(self.failed(path, std::io::ErrorKind::Unsupported.into()))
        }
    }
}
