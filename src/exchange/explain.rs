//! Why a path of a workspace is in or out, for each scope and each partner: the question of whoever wonders why a file
//! is missing, or why it left. The path need not be there.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::scopes::{self, ScopeFile};
use super::{Error, Result, Workspace};
use crate::files::{self, RuledBy, Ruling};
use crate::format::time::Time;
use crate::policy::ScopeRefusal;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A link.
    Link,
    /// Something that can't be sent.
    Special,
    /// Nothing: the answer is by the name alone.
    Nothing,
}

/// Why a path is in or out.
#[derive(Debug)]
pub struct Explanation {
    /// The path in the workspace, with `/` between names; empty for its root.
    pub path: String,
    /// What is there.
    pub there: There,
    /// Never sent, whatever a rule says.
    pub never: bool,
    /// By which line git ignores it.
    pub ignored: Option<RuledBy>,
    /// Which line of `.consignignore` decides about it.
    pub ruled: Option<RuledBy>,
    /// What each scope says.
    pub scopes: Vec<Said>,
    /// Scopes that can't be read, and why.
    pub broken: Vec<(String, Error)>,
}

/// What a scope says.
#[derive(Debug)]
pub struct Said {
    /// The scope.
    pub scope: ScopeFile,
    /// Of the path.
    pub ruling: Ruling,
    /// By which of its lines, in words.
    pub by: Option<String>,
    /// That it has ended.
    pub ended: Option<ScopeRefusal>,
}

impl Explanation {
    /// Why `path` is in or out.
    ///
    /// # Errors
    /// [`Error::OutsideWorkspace`]; rules that can't be read.
    pub fn of(workspace: &Workspace, path: &Path, now: Time) -> Result<Explanation> {
        let path = place(workspace, path)?;
        let at = workspace.root().join(&path);
        let there = there(&at, path.ends_with('/'))?;
        let path = path.trim_end_matches('/').to_owned();
        let is_dir = there == There::Folder;
        let never = path.split('/').any(|name| name == ".git" || name == ".consign") || path == ".consignignore";
        let (ignored, ruled) = match path.as_str() {
            "" => (None, None),
            path => (files::ignored_by(workspace.root(), path)?, files::ruled_by(workspace.root(), path, is_dir)?),
        };
        let (mut scopes, mut broken) = (Vec::new(), Vec::new());
        for (name, found) in scopes::all(workspace)? {
            match found {
                Ok(scope) => scopes.push(said(scope, &path, there, now)),
                Err(e) => broken.push((name, e)),
            }
        }
        Ok(Explanation { path, there, never, ignored, ruled, scopes, broken })
    }

    /// The line by which it stays out in spite of every scope, unless the command line lets it in.
    #[must_use]
    pub fn left_out(&self) -> Option<&RuledBy> {
        // The last rule wins: git's come first, `.consignignore` after them.
        self.ruled.as_ref().or(self.ignored.as_ref()).filter(|by| by.out)
    }
}

fn said(scope: ScopeFile, path: &str, there: There, now: Time) -> Said {
    let size = if let There::File(size) = there { Some(size) } else { None };
    let (ruling, entry) = scope.preview("").list.judge_by(path, there == There::Folder, size);
    let by = ruling.line().map(|line| scope.words(line, entry));
    let ended = scope.rules().ended(now);
    Said { scope, ruling, by, ended }
}

/// Where a path lies in the workspace; a final `/` stays. Links on the way to it are followed, it itself is not.
fn place(workspace: &Workspace, path: &Path) -> Result<String> {
    let outside = || Error::OutsideWorkspace { path: path.to_owned(), root: workspace.root().to_owned() };
    let mut plain = PathBuf::new();
    let full = std::path::absolute(path).map_err(|_| outside())?;
    for part in full.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    let slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    // The root itself, whatever it is called.
    if plain.canonicalize().is_ok_and(|real| real == workspace.root()) {
        return Ok(String::new());
    }
    let above = plain.ancestors().skip(1).find_map(|above| Some((above.canonicalize().ok()?, above)));
    let (real, above) = above.ok_or_else(outside)?;
    let full = real.join(plain.strip_prefix(above).unwrap_or(&plain));
    let inside = full.strip_prefix(workspace.root()).map_err(|_| outside())?;
    let names: Option<Vec<&str>> = inside.components().map(|name| name.as_os_str().to_str()).collect();
    let names = names.ok_or_else(outside)?.join("/");
    Ok(if slash { names + "/" } else { names })
}

fn there(at: &Path, called_a_folder: bool) -> Result<There> {
    Ok(match fs::symlink_metadata(at) {
        Ok(meta) if meta.is_dir() => There::Folder,
        Ok(meta) if meta.is_symlink() => There::Link,
        Ok(meta) if meta.is_file() => There::File(meta.len()),
        Ok(_) => There::Special,
        Err(_) if called_a_folder => There::Folder,
        Err(_) => There::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::exchange::Home;

    #[test]
    fn a_path_is_explained_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("p/.consign/scopes")).unwrap();
        fs::create_dir_all(at("p/src/deep")).unwrap();
        fs::write(at("p/.consign/project.toml"), "owner = 'N'\n").unwrap();
        let scope = "partners = ['acme']\ninclude = ['src/']\nexclude = ['*.pem']\nexpires = '2026-01-01'\n";
        fs::write(at("p/.consign/scopes/api.toml"), scope).unwrap();
        fs::write(at("p/.consign/scopes/bad.toml"), "x").unwrap();
        fs::write(at("p/.consignignore"), "*.o\n").unwrap();
        let workspace = Workspace::find(&at("p"), &Home::at(at("home"))).unwrap().unwrap();
        let explain = |path: &str| Explanation::of(&workspace, &at(path), "2026-02-01T00:00:00Z".parse().unwrap());
        let inside = explain("p/src/deep/../new.c").unwrap();
        assert_eq!((inside.path.as_str(), inside.there), ("src/new.c", There::Nothing));
        assert_eq!(inside.scopes[0].ruling, Ruling::In { line: 2 });
        assert!(inside.scopes[0].ended.is_some() && inside.broken.len() == 1);
        assert_eq!(explain("p/src/x.pem").unwrap().scopes[0].ruling, Ruling::Excluded { line: 3 });
        assert_eq!(explain("p/src/x.o").unwrap().left_out().unwrap().line, 1);
        assert_eq!(explain("p").unwrap().scopes[0].ruling, Ruling::OnTheWay);
        assert!(explain("p/src/.git/config").unwrap().never);
        assert_eq!(explain("p/../other").unwrap_err().word(), "outside-workspace");
        assert_eq!(explain(&("p/".to_owned() + &"d/".repeat(256) + "x")).unwrap().scopes[0].ruling, Ruling::Outside);
    }
}
