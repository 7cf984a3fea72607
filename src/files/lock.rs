//! Advisory locks that die with their owner (P10): nothing stale is ever left to mend.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::{Result, io_at};

/// A held lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private(&mut options);
    options.open(path).map_err(io_at("open", path))
}

/// New files of this program's own are for their owner only, and no link is followed to make them.
pub(crate) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = options;
}

impl Lock {
    /// Waits until the lock is free.
    ///
    /// # Errors
    /// When the file can't be made or locked.
    pub fn wait(path: &Path) -> Result<Lock> {
        let file = open(path)?;
        file.lock().map_err(io_at("lock", path))?;
        Ok(Lock { _file: file })
    }

    /// Takes the lock if it is free; `None` if somebody holds it.
    ///
    /// # Errors
    /// When the file can't be made or locked.
    pub fn take(path: &Path) -> Result<Option<Lock>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(io_at("lock", path)(e)),
        }
    }
}
