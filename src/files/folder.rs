//! A folder that is sent: its handle, which stays the same whatever happens to its name, and the few things that are
//! looked at before it is listed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::rules::{RULES_FILE, RULES_MAX};
use super::{Result, io_at};

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    pub(super) at: PathBuf,
    pub(super) dir: Dir,
}

/// Opens for reading, follows no link, waits for nobody.
pub(super) fn careful() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    options
}

impl Folder {
    /// Opens the folder that the user named, by a link or not.
    ///
    /// # Errors
    /// What the system says; a file is refused.
    pub fn open(path: &Path) -> Result<Folder> {
        if path.metadata().map_err(io_at("open", path))?.is_file() {
            let e = io::Error::new(io::ErrorKind::NotADirectory, "it is a file; give the folder it is in");
            return Err(io_at("open", path)(e));
        }
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(io_at("open", path))?;
        Ok(Folder { at: path.to_owned(), dir })
    }

    /// Where it is.
    #[must_use]
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// The bytes of its `.consignignore`; none if there is none.
    ///
    /// # Errors
    /// If it is too large, or no file; what the system says.
    pub fn rules(&self) -> Result<Vec<u8>> {
        let failed = |e: io::Error| io_at("read", &self.at.join(RULES_FILE))(e);
        let file = match self.dir.open_with(RULES_FILE, &careful()) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
        }
        let mut bytes = Vec::new();
        file.take(RULES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > RULES_MAX {
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB")));
        }
        Ok(bytes)
    }

    /// Those of `paths` that lie in it, there or not, relative to it with `/` between components.
    #[must_use]
    pub fn inside(&self, paths: &[PathBuf]) -> HashSet<OsString> {
        let Ok(root) = self.at.canonicalize() else { return HashSet::new() };
        paths.iter().filter_map(|path| relative(path, &root)).collect()
    }
}

fn relative(path: &Path, root: &Path) -> Option<OsString> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().ok()?;
    let mut out = OsString::new();
    let below = folder.strip_prefix(root).ok()?.components();
    for component in below.chain(path.file_name().map(Component::Normal)) {
        if !out.is_empty() {
            out.push("/");
        }
        out.push(component);
    }
    Some(out)
}
