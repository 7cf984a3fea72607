//! The workspace: a folder with `.consign` in it, which holds the rules of a project: whose it is, which part of it
//! which partner may get, under which agreement. It is committed with the code, so nothing in it is secret, and nothing
//! in it decides whom to trust: keys and pins are the home's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::mistake::Mistake;
use super::{Error, Home, Project, Result};
use crate::files::{self, io_at};

/// The folder of rules.
pub const FOLDER: &str = ".consign";

/// A workspace that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
    /// What its `project.toml` says.
    pub project: Project,
}

impl Workspace {
    /// The workspace that `from` lies in: the nearest folder upwards that has `.consign`. A home is none, whatever it is
    /// called.
    ///
    /// # Errors
    /// [`Error::Mistake`] for rules that can't be read: they are never passed over. [`Error::WorkspaceForeign`] when
    /// somebody else put them there.
    pub fn find(from: &Path, home: &Home) -> Result<Option<Workspace>> {
        let from = if from.as_os_str().is_empty() { Path::new(".") } else { from };
        let start = from.canonicalize().map_err(io_at("read", from))?;
        let home = home.path().canonicalize().ok();
        for root in start.ancestors() {
            let folder = root.join(FOLDER);
            match fs::symlink_metadata(&folder) {
                Ok(_) if home.as_ref().is_some_and(|home| folder.canonicalize().ok().as_ref() == Some(home)) => {}
                Ok(found) => {
                    check_owner(&found, &start, &folder)?;
                    return Workspace::at(root, &found).map(Some);
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(e) => return Err(io_at("read", &folder)(e).into()),
            }
        }
        Ok(None)
    }

    fn at(root: &Path, found: &fs::Metadata) -> Result<Workspace> {
        let folder = root.join(FOLDER);
        if !found.is_dir() {
            return Err(Mistake::whole(&folder, "it is not a folder").into());
        }
        match Project::read(&folder)? {
            Some(project) => Ok(Workspace { root: root.to_owned(), project }),
            None => Err(Error::WorkspaceBroken { path: folder }),
        }
    }

    /// The folder that holds `.consign`, as an absolute path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `.consign`.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    /// Where `path` lies in the workspace, with `/` between components; empty for its root.
    #[must_use]
    pub fn within(&self, path: &Path) -> Option<String> {
        let path = path.canonicalize().ok()?;
        let inside = path.strip_prefix(&self.root).ok()?;
        let names: Option<Vec<&str>> = inside.components().map(|c| c.as_os_str().to_str()).collect();
        Some(names?.join("/"))
    }
}

/// Rules are followed when they are of whoever runs this, or of whoever owns what they are about: somebody else's, in
/// a folder above that everybody can write to, would go out as one's own terms.
#[cfg(unix)]
fn check_owner(found: &fs::Metadata, start: &Path, folder: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let theirs = fs::metadata(start).map_err(io_at("read", start))?.uid();
    if theirs == found.uid() || files::is_own(found) {
        return Ok(());
    }
    Err(Error::WorkspaceForeign { path: folder.to_owned() })
}

#[cfg(not(unix))]
fn check_owner(_: &fs::Metadata, _: &Path, _: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    #[test]
    fn it_is_found_from_below_and_never_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let home = Home::at(root.join("home"));
        let deep = root.join("p/a/b");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(Workspace::find(&deep, &home).unwrap(), None);
        let folder = root.join("p").join(FOLDER);
        fs::create_dir(&folder).unwrap();
        assert_eq!(Workspace::find(&deep, &home).unwrap_err().word(), "workspace-broken");
        fs::write(folder.join("project.toml"), "owner = 'N'\n").unwrap();
        let found = Workspace::find(&deep, &home).unwrap().unwrap();
        assert_eq!((found.root(), found.project.owner.as_str()), (root.join("p").as_path(), "N"));
        assert_eq!(found.within(&deep).as_deref(), Some("a/b"));
        assert_eq!(found.within(&root.join("p")).as_deref(), Some(""));
        assert_eq!(found.within(&root), None);
        fs::write(folder.join("project.toml"), "owner = \n").unwrap();
        assert_eq!(Workspace::find(&deep, &home).unwrap_err().word(), "config-broken");
        // A home of that name is none.
        assert_eq!(Workspace::find(&deep, &Home::at(&folder)).unwrap(), None);
    }
}
