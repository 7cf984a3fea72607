//! What can go wrong on disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::class::{Class, Fault};

/// An error of the files floor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("can't {verb} {}: {}", path.display(), plain(source))]
    Io {
        /// What was tried, such as "read".
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something is where something new should come.
    #[error("{} is already there", path.display())]
    Exists {
        /// It.
        path: PathBuf,
    },
    /// Another run is writing the same thing.
    #[error("another run is writing {} right now", path.display())]
    Busy {
        /// It.
        path: PathBuf,
    },
    /// A file that is not what it was when the tree was listed.
    #[error("`{path}` changed while it was read ({how})")]
    ChangedWhileRead {
        /// The file, relative to the tree.
        path: String,
        /// What differs.
        how: &'static str,
    },
    /// A device, FIFO or socket.
    #[error("`{path}` is a {kind}, which can't be sent")]
    SpecialFile {
        /// It, relative to the tree.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A name that can't be sent.
    #[error("the name `{path}` can't be sent: {why}")]
    BadName {
        /// It, relative to the tree.
        path: String,
        /// Why.
        why: String,
    },
    /// Two names that are one on some system.
    #[error("`{first}` and `{second}` are one name on some systems")]
    Collision {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// A Git LFS pointer in place of the file it stands for.
    #[error("`{path}` is a Git LFS pointer, not the file itself")]
    LfsPointer {
        /// It, relative to the tree.
        path: String,
    },
    /// git is missing, or refused.
    #[error("{}{why}", if why.starts_with("git") { "" } else { "git: " })]
    Git {
        /// What it said.
        why: String,
    },
    /// A pattern that can't be read.
    #[error("the pattern `{pattern}` can't be read: {why}")]
    Pattern {
        /// It.
        pattern: String,
        /// Why.
        why: String,
    },
    /// There is not enough room on the disk.
    #[error("{} needs {needed} bytes and has room for {free}", path.display())]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// It is there, but the system would not promise that it stays.
    #[error("{} is there, but may not survive a power cut: {}", path.display(), plain(source))]
    Unsettled {
        /// It.
        path: PathBuf,
        /// What the system said when its folder was synced.
        source: io::Error,
    },
    /// A file that must be small and is not.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// It.
        path: PathBuf,
        /// How many it may have.
        limit: u64,
    },
    /// The program was told to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// For a file that is only a step: one that may not survive a power cut is not there.
    #[must_use]
    pub fn or_not_synced(self) -> Error {
        match self {
            Error::Unsettled { path, source } => Error::Io { verb: "sync", path, source },
            other => other,
        }
    }
}

/// A result of the files floor.
pub type Result<T> = std::result::Result<T, Error>;

/// What the system said, without the error number that Rust appends.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error") {
        Some(end) => text.chars().take(end).collect::<String>().to_lowercase(),
        None => text,
    }
}

/// For `map_err`: what was tried, with which file.
pub(crate) fn io_at<'a>(verb: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::Io { verb, path: path.to_owned(), source }
}

impl Fault for Error {
    fn word(&self) -> &'static str {
        match self {
            Error::Io { .. } => "io",
            Error::Exists { .. } => "exists",
            Error::Busy { .. } => "busy",
            Error::ChangedWhileRead { .. } => "changed-while-read",
            Error::SpecialFile { .. } => "special-file",
            Error::BadName { .. } => "unsafe-name",
            Error::Collision { .. } => "name-collision",
            Error::LfsPointer { .. } => "lfs-pointer",
            Error::Git { .. } => "git",
            Error::Pattern { .. } => "bad-pattern",
            Error::NoRoom { .. } => "no-room",
            Error::Unsettled { .. } => "not-synced",
            Error::TooLarge { .. } => "too-large",
            Error::Stopped => "stopped",
        }
    }

    fn class(&self) -> Class {
        match self {
            Error::Io { .. }
            | Error::Exists { .. }
            | Error::Busy { .. }
            | Error::ChangedWhileRead { .. }
            | Error::Git { .. }
            | Error::NoRoom { .. }
            | Error::Unsettled { .. } => Class::Failed,
            Error::SpecialFile { .. } | Error::BadName { .. } | Error::Collision { .. } | Error::TooLarge { .. } => {
                Class::Unsafe
            }
            Error::LfsPointer { .. } => Class::Refused,
            Error::Pattern { .. } => Class::Usage,
            Error::Stopped => Class::Stopped(2),
        }
    }
}
