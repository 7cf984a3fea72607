//! The scratch folder: a fresh folder for each run, and what becomes of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, because};

/// Where runs write to.
pub(crate) struct Yard {
    root: PathBuf,
    /// The kind of file system, as df(1) names it.
    pub(crate) kind: String,
    number: u32,
}

impl Yard {
    /// Makes one inside `parent`, named after this process.
    pub(crate) fn new(parent: &Path) -> Result<Yard> {
        let root = parent.join(format!("side_by_side.{}", std::process::id()));
        fs::create_dir_all(&root).map_err(because(root.display()))?;
        let root = root.canonicalize().map_err(because(root.display()))?;
        // stat(1) has one name for ext2, ext3 and ext4; df(1) doesn't.
        let said = crate::machine::ask("df", &["--output=fstype", &root.to_string_lossy()]);
        let kind = said.and_then(|s| s.lines().last().map(|l| l.trim().to_owned()));
        Ok(Yard { root, kind: kind.unwrap_or_else(|| "unknown".into()), number: 0 })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder that was not there before.
    pub(crate) fn fresh(&mut self) -> Result<PathBuf> {
        self.number += 1;
        let path = self.root.join(format!("run{:05}", self.number));
        fs::create_dir(&path).map_err(because(path.display()))?;
        Ok(path)
    }

    /// Bytes that are free.
    pub(crate) fn room(&self) -> u64 {
        rustix::fs::statvfs(&self.root).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize))
    }

    /// Puts a run's folder away: at once in memory and when room gets short, else at the end of the operation. ext4
    /// searches past inodes that were just freed, and the next run would pay for it.
    pub(crate) fn put_away(&self, folder: &Path, kept: &mut Vec<PathBuf>, needed: u64) {
        kept.push(folder.to_owned());
        if self.kind == "tmpfs" || self.room() < needed.saturating_mul(4) {
            self.clear(kept);
        }
    }

    pub(crate) fn clear(&self, kept: &mut Vec<PathBuf>) {
        for folder in kept.drain(..) {
            let _best_effort = fs::remove_dir_all(folder);
        }
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.root);
    }
}

/// The bytes of a file.
pub(crate) fn size_of(path: &Path) -> Result<u64> {
    fs::metadata(path).map(|m| m.len()).map_err(because(path.display()))
}
