//! Hidden files and folders that exist right now, so that a program which can't wait for its threads can still leave
//! nothing behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers a hidden file or folder.
pub(super) fn made(path: &Path) {
    live().push(path.to_owned());
}

/// Forgets it: it is published or removed.
pub(super) fn gone(path: &Path) {
    live().retain(|p| p != path);
}

/// Removes all that are left, right before the process ends without unwinding. Threads may still write into them, so
/// a folder is tried a few times.
pub fn remove_litter() {
    for path in live().drain(..) {
        for _ in 0..20 {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if removed.is_ok() || fs::symlink_metadata(&path).is_err() {
                break;
            }
        }
    }
}
