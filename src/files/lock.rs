//! Advisory locks that die with their owner (P10): nothing stale is ever left to mend.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::retry::retry;
use super::{Result, io_at};

/// A held lock.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private(&mut options);
    options.open(path).map_err(io_at("open", path))
}

/// New files of this program's own are for their owner only; no link is followed to make them, and a FIFO in their
/// place is not waited for.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// Locks a file if it is free, and says whether it was.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    retry(|| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(e),
    })
}

impl Lock {
    /// Takes the lock on an open file; `None` if somebody holds it.
    pub(super) fn of(file: File) -> io::Result<Option<Lock>> {
        Ok(try_lock(&file)?.then_some(Lock { file }))
    }

    /// The file that is locked.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Waits until the lock is free.
    ///
    /// # Errors
    /// When the file can't be made or locked.
    pub fn wait(path: &Path) -> Result<Lock> {
        let file = open(path)?;
        retry(|| file.lock()).map_err(io_at("lock", path))?;
        Ok(Lock { file })
    }

    /// Waits until nobody else holds a folder, which gets no lock file: it may be committed with what is in it.
    ///
    /// # Errors
    /// When the folder can't be opened or locked.
    pub fn of_folder(folder: &Path) -> Result<Lock> {
        #[cfg(unix)]
        {
            let file = retry(|| File::open(folder)).map_err(io_at("open", folder))?;
            retry(|| file.lock()).map_err(io_at("lock", folder))?;
            Ok(Lock { file })
        }
        #[cfg(not(unix))]
        Lock::wait(&folder.join("lock"))
    }

    /// Takes the lock if it is free; `None` if somebody holds it.
    ///
    /// # Errors
    /// When the file can't be made or locked.
    pub fn take(path: &Path) -> Result<Option<Lock>> {
        let file = open(path)?;
        Lock::of(file).map_err(io_at("lock", path))
    }
}
