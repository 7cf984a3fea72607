//! The scopes of a workspace: named allow-lists in `.consign/scopes`, each for the partners that it names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::home::read_if_there;
use super::mistake::Mistake;
pub use super::scopefile::schema;
use super::{Error, Home, Result, Workspace, scopefile};
use crate::bundle::select::{self, Selection};
use crate::files::{Entry, Limits, Progress, Within, io_at};
use crate::policy::{Permit, Scope};

/// The largest file that is read, in bytes.
const SCOPE_MAX: u64 = 128 << 10;
/// The most scopes of a workspace.
const SCOPES_MAX: usize = 10_000;

/// A scope of a workspace.
#[derive(Debug)]
pub struct ScopeFile {
    /// Its file.
    pub path: PathBuf,
    read: scopefile::Read,
}

/// The folder of scopes.
#[must_use]
pub fn folder(workspace: &Workspace) -> PathBuf {
    workspace.folder().join("scopes")
}

/// Whether a text can name a scope: `[a-z0-9][a-z0-9._-]{0,39}`.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    (1..=40).contains(&name.len()) && name.bytes().all(fits) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The names of all scopes, in order, whatever is in their files.
///
/// # Errors
/// What the system says; a name that can't be one, since a scope that is passed over would be a rule that nobody
/// follows.
pub fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = folder(workspace);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io_at("read", &folder)(e).into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(io_at("read", &folder))?.file_name();
        let Some(name) = Path::new(&file).file_stem().filter(|_| Path::new(&file).extension().is_some_and(is_toml))
        else {
            continue;
        };
        match name.to_str().filter(|name| valid_name(name)) {
            Some(name) => names.push(name.to_owned()),
            None => {
                let why = "its name can't name a scope: lower-case letters, digits, `.`, `_` and `-`, 40 at most";
                return Err(Mistake::whole(&folder.join(&file), why).into());
            }
        }
        if names.len() > SCOPES_MAX {
            return Err(Mistake::whole(&folder, format!("it holds more than {SCOPES_MAX} scopes")).into());
        }
    }
    names.sort();
    Ok(names)
}

fn is_toml(extension: &std::ffi::OsStr) -> bool {
    extension == "toml"
}

/// The scope of this name.
///
/// # Errors
/// [`Error::NoScope`]; [`Error::Mistake`].
pub fn find(workspace: &Workspace, name: &str) -> Result<ScopeFile> {
    let missing = || Ok(Error::NoScope { name: name.chars().take(80).collect(), known: names(workspace)? });
    if !valid_name(name) {
        return missing().and_then(Err);
    }
    let path = folder(workspace).join(format!("{name}.toml"));
    match fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err(Mistake::whole(&path, "it is not a file: a link, a folder, or something special").into()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return missing().and_then(Err),
        Err(e) => return Err(io_at("read", &path)(e).into()),
    }
    let Some(bytes) = read_if_there(&path, SCOPE_MAX)? else { return missing().and_then(Err) };
    let read = scopefile::parse(name, &bytes, &path)?;
    Ok(ScopeFile { path, read })
}

/// All scopes, in order; in place of one that can't be read, why.
///
/// # Errors
/// As [`names`].
pub fn all(workspace: &Workspace) -> Result<Vec<(String, Result<ScopeFile>)>> {
    let named = |name: String| {
        let found = find(workspace, &name);
        (name, found)
    };
    Ok(names(workspace)?.into_iter().map(named).collect())
}

impl ScopeFile {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.read.rules.name
    }

    /// Whom it is for, until when, how much.
    #[must_use]
    pub fn rules(&self) -> &Scope {
        &self.read.rules
    }

    /// What it is about; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.read.description
    }

    /// What the files are for; may be empty.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.read.purpose
    }

    /// The lines that let out.
    #[must_use]
    pub fn include(&self) -> &[Entry] {
        &self.read.include
    }

    /// The lines that keep in.
    #[must_use]
    pub fn exclude(&self) -> &[Entry] {
        &self.read.exclude
    }

    /// Types and sizes.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.read.limits
    }

    /// Its list for a look at what it lets out of the folder at `place` in the workspace; nothing is sent by that.
    #[must_use]
    pub fn preview<'a>(&'a self, place: &'a str) -> Within<'a> {
        Within { list: &self.read.list, place }
    }

    /// What it lets out of the whole workspace now, as packing would choose it; nothing is sent by that. With `survey`
    /// what it keeps in is counted, too.
    ///
    /// # Errors
    /// What can't be read, and what can't be sent, by name.
    pub fn look(&self, workspace: &Workspace, home: &Home, survey: bool, progress: &dyn Progress) -> Result<Selection> {
        let order = select::Order {
            from: select::From::Folder(workspace.root()),
            globs: &[],
            scope: Some(self.preview("")),
            allow_unportable: true,
            latest: None,
            keep_out: &[home.path().to_owned()],
            survey,
        };
        Ok(Selection::of(&order, progress)?)
    }

    /// Its list for the folder at `place`, for partners who may get what it lets out. None without anybody, or for
    /// permits of another scope.
    #[must_use]
    pub fn within<'a>(&'a self, permits: &[Permit], place: &'a str) -> Option<Within<'a>> {
        let mine = !permits.is_empty() && permits.iter().all(|permit| permit.scope() == self.name());
        mine.then(|| self.preview(place))
    }

    /// The lines that decided about nothing in what was listed so far.
    pub fn unused(&self) -> impl Iterator<Item = &Entry> {
        self.read.list.unused()
    }

    /// Where a line stands, as people find it: `scopes/api.toml:7`.
    #[must_use]
    pub fn place(&self, line: usize) -> String {
        format!("scopes/{}.toml:{line}", self.name())
    }

    /// What stands at a line, in words: `exclude "secrets/"`; of several on one line only this one, if it is known.
    #[must_use]
    pub fn words(&self, line: usize, only: Option<&Entry>) -> String {
        let limits = &self.read.limits;
        let lists = [
            ("include", &self.read.include),
            ("exclude", &self.read.exclude),
            ("types", &limits.types),
            ("not-types", &limits.not_types),
        ];
        for (key, list) in lists {
            let meant = |entry: &&Entry| entry.line == line && only.is_none_or(|only| only == *entry);
            let mut here = list.iter().filter(meant).map(|entry| format!("\"{}\"", entry.text));
            if let Some(first) = here.next() {
                return here.fold(format!("{key} {first}"), |all, next| format!("{all}, {next}"));
            }
        }
        limits.max_file_size.map_or_else(String::new, |(bytes, _)| format!("max-file-size of {bytes} bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::exchange::Home;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(".consign/scopes");
        fs::create_dir_all(&folder).unwrap();
        fs::write(dir.path().join(".consign/project.toml"), "owner = 'N'\n").unwrap();
        let found = Workspace::find(dir.path(), &Home::at(dir.path().join("home"))).unwrap().unwrap();
        (dir, found)
    }

    fn write(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = dir.path().join(".consign/scopes").join(name);
        fs::write(&path, text).unwrap();
        path
    }

    const SOUND: &str = "partners = ['acme']\ninclude = ['a', 'b']\n";

    #[test]
    fn scopes_are_found_by_name_and_others_are_told() {
        let (dir, workspace) = workspace();
        assert!(names(&workspace).unwrap().is_empty());
        write(&dir, "web.toml", SOUND);
        write(&dir, "api.toml", SOUND);
        write(&dir, "README.md", "x");
        assert_eq!(names(&workspace).unwrap(), ["api", "web"]);
        assert_eq!(find(&workspace, "api").unwrap().words(2, None), "include \"a\", \"b\"");
        for bad in ["ui", "../project", "API", "", "\u{1b}[2J", "a/b"] {
            let e = find(&workspace, bad).unwrap_err();
            assert_eq!(e.word(), "no-scope", "{bad}");
            assert!(matches!(e, Error::NoScope { known, .. } if known == ["api", "web"]));
        }
        write(&dir, "broken.toml", "x = 1\n");
        let all = all(&workspace).unwrap();
        assert_eq!(all.iter().map(|(_, found)| found.is_ok()).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_permit_of_one_scope_opens_no_other() {
        let (dir, workspace) = workspace();
        write(&dir, "api.toml", SOUND);
        write(&dir, "web.toml", SOUND);
        let (api, web) = (find(&workspace, "api").unwrap(), find(&workspace, "web").unwrap());
        let permit = api.rules().permit("acme", crate::format::time::Time::from_unix(0), &mut Default::default());
        let permit = [permit.unwrap()];
        assert!(api.within(&permit, "").is_some() && web.within(&permit, "").is_none());
        assert!(api.within(&[], "").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_scope_that_is_no_plain_file_or_too_large_is_refused() {
        let (dir, workspace) = workspace();
        let target = write(&dir, "real", SOUND);
        let at = |name: &str| target.with_file_name(name);
        std::os::unix::fs::symlink(&target, at("link.toml")).unwrap();
        fs::create_dir(at("folder.toml")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo.toml"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        fs::File::create(at("huge.toml")).unwrap().set_len(1 << 30).unwrap();
        for name in ["link", "folder", "fifo"] {
            assert_eq!(find(&workspace, name).unwrap_err().word(), "config-broken", "{name}");
        }
        assert_eq!(find(&workspace, "huge").unwrap_err().word(), "too-large");
        write(&dir, "Bad\u{1b}.toml", SOUND);
        assert_eq!(names(&workspace).unwrap_err().word(), "config-broken");
    }

    #[test]
    fn two_thousand_scopes_are_listed() {
        let (dir, workspace) = workspace();
        (0..2000).for_each(|n| drop(write(&dir, &format!("s{n}.toml"), SOUND)));
        assert_eq!(all(&workspace).unwrap().iter().filter(|(_, found)| found.is_ok()).count(), 2000);
    }
}
