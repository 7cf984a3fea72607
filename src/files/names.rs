//! The names in a folder. The standard library panics when a folder can't be closed, which network file systems may
//! report; here that says nothing, as with files.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::retry::retry;

/// The names in a folder, in no order.
pub struct Names(Inner);

#[cfg(unix)]
type Inner = rustix::fs::Dir;
#[cfg(not(unix))]
type Inner = std::fs::ReadDir;

impl Names {
    /// Opens a folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(folder: &Path) -> io::Result<Names> {
        #[cfg(unix)]
        {
            use rustix::fs::{Dir, Mode, OFlags, open};
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let opened = retry(|| Ok(open(folder, flags, Mode::empty())?))?;
            Ok(Names(Dir::new(opened)?))
        }
        #[cfg(not(unix))]
        Ok(Names(retry(|| std::fs::read_dir(folder))?))
    }

    /// Those in a folder that is open.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(unix)]
    pub(super) fn within(folder: impl std::os::fd::AsFd) -> io::Result<Names> {
        use rustix::fs::{Dir, Mode, OFlags, openat};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Names(Dir::new(retry(|| Ok(openat(&folder, ".", flags, Mode::empty())?))?)?))
    }
}

impl Iterator for Names {
    type Item = io::Result<OsString>;

    #[cfg(unix)]
    fn next(&mut self) -> Option<Self::Item> {
        use std::os::unix::ffi::OsStringExt;
        loop {
            let entry = match self.0.read()? {
                Ok(entry) => entry,
                Err(e) => return Some(Err(e.into())),
            };
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                return Some(Ok(OsString::from_vec(name.to_vec())));
            }
        }
    }

    #[cfg(not(unix))]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|entry| entry.file_name()))
    }
}
