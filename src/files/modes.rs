//! Whether others on this machine can get at a file that is for its owner only.

use std::path::Path;

/// Whether a file or folder of this user's own can be read or written by others. Pipes and what belongs to somebody
/// else are not judged: their owner answers for them.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let me = rustix::process::geteuid().as_raw();
        path.metadata()
            .is_ok_and(|found| (found.is_file() || found.is_dir()) && found.uid() == me && found.mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whether a file belongs to whoever runs this program.
#[must_use]
#[cfg(unix)]
pub fn is_own(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(found) == rustix::process::geteuid().as_raw()
}

/// Whether a file belongs to whoever runs this program; always, where that can't be told.
#[must_use]
#[cfg(not(unix))]
pub fn is_own(_: &std::fs::Metadata) -> bool {
    true
}
