//! Lists files that are named one by one, as a hook that runs before a commit names them. No rule applies: whoever
//! names a file means it. What a walk refuses is refused here too, and nothing is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::faults::lossy;
use super::listing::{Listing, What};
use super::notebook::{Notebook, sorted};
use super::reading::{Folder, mark_of, seconds_of};
use super::walk::special;
use super::{Error, Result, io_at};

/// The folders that are never sent, whoever names what is in them.
const NEVER: [&str; 2] = [".git", ".consign"];

/// The files at `paths`, which are relative to `root`; each once. What lies in `.git` or `.consign` is passed over.
///
/// # Errors
/// What is no file and no link; a name that can't be sent; what the system says.
pub fn named(root: &Folder, paths: &[&Path]) -> Result<Listing> {
    let mut list = Named { root, book: Notebook::default(), folders: BTreeMap::new() };
    list.book.begin(0, true);
    let plain = |path: &&Path| -> PathBuf { path.components().filter(|c| *c != Component::CurDir).collect() };
    let each: BTreeSet<PathBuf> = paths.iter().map(plain).collect();
    each.iter().try_for_each(|path| list.add(path))?;
    list.book.group();
    Ok(sorted(vec![list.book]))
}

struct Named<'a> {
    root: &'a Folder,
    book: Notebook,
    /// The number of each folder, by its path with `/` behind every component.
    folders: BTreeMap<String, u32>,
}

impl Named<'_> {
    fn add(&mut self, path: &Path) -> Result<()> {
        let bad = |why: &str| Error::BadName { path: lossy(path.as_os_str()), why: why.to_owned() };
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => names.push(name.to_str().ok_or_else(|| bad("it is not UTF-8"))?),
                _ => return Err(bad("it leaves its folder")),
            }
        }
        if names.iter().any(|name| NEVER.contains(name)) {
            return Ok(());
        }
        let Some((name, above)) = names.split_last() else { return Err(bad("it is a folder")) };
        let parent = self.folder(above, path)?;
        let failed = |e| io_at("read", &self.root.at.join(path))(e);
        let meta = self.root.dir.symlink_metadata(path).map_err(failed)?;
        let mtime = seconds_of(&meta);
        let written = if meta.is_symlink() {
            let target = self.root.dir.read_link_contents(path).map_err(failed)?;
            self.book.add_link(parent, name, &lossy(target.as_os_str()), mtime)
        } else if meta.is_file() {
            self.book.add(parent, name, What::File { size: meta.len(), exec: false, mark: mark_of(&meta) }, mtime)
        } else if meta.is_dir() {
            return Err(bad("it is a folder"));
        } else {
            return Err(Error::SpecialFile { path: lossy(path.as_os_str()), kind: special(&meta) });
        };
        if written { Ok(()) } else { Err(bad("there are more names than a bundle can hold")) }
    }

    /// The number of a folder, which is written down when it is first met.
    fn folder(&mut self, names: &[&str], path: &Path) -> Result<u32> {
        let (mut at, mut parent) = (String::new(), 0);
        for name in names {
            at.push_str(name);
            at.push('/');
            if let Some(known) = self.folders.get(&at) {
                parent = *known;
                continue;
            }
            let folder = u32::try_from(self.folders.len() + 1).unwrap_or(u32::MAX);
            self.book.begin(folder, false);
            if !self.book.add(parent, name, What::Dir { folder }, 0) {
                let why = "there are more names than a bundle can hold".to_owned();
                return Err(Error::BadName { path: lossy(OsStr::new(path)), why });
            }
            self.folders.insert(at.clone(), folder);
            parent = folder;
        }
        Ok(parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_files_become_a_sorted_tree_and_nothing_else_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/c/x", "b/y", "a", "z/.git/q", "other"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let root = Folder::open(dir.path()).unwrap();
        let list = |names: &[&str]| named(&root, &names.iter().map(Path::new).collect::<Vec<_>>());
        let listing = list(&["b/y", "./a", "b/c/x", "a", "b/y", "z/.git/q"]).unwrap();
        let paths: Vec<String> = (0..listing.len()).map(|i| listing.path(i)).collect();
        assert_eq!(paths, ["a", "b", "b/c", "b/c/x", "b/y"]);
        assert!(list(&["b"]).is_err() && list(&["../x"]).is_err() && list(&["none"]).is_err() && list(&[""]).is_err());
        assert!(list(&[]).unwrap().is_empty());
    }
}
