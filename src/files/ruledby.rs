//! Which line of which file of rules leaves a path out, for those who ask. What is sent is decided in the same order
//! by a walk; this looks at one path, which need not be there.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use super::git::{Git, broken, in_work_tree, next_item};
use super::reading::Folder;
use super::rules::{RULES_FILE, Rules, Verdict};
use super::{Error, Result};

/// A line of a file of rules that decides about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuledBy {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
    /// Whether it leaves the path out; else it lets it in.
    pub out: bool,
}

/// The line of `.consignignore` in `folder` that decides about `path`, relative to it.
///
/// # Errors
/// A file of rules that can't be read.
pub fn ruled_by(folder: &Path, path: &str, is_dir: bool) -> Result<Option<RuledBy>> {
    let bytes = Folder::open(folder)?.rules()?;
    let rules = Rules::new(&bytes, &[])?;
    let mut verdict = Verdict::default();
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        let name = path.get(..end).unwrap_or(path);
        verdict = rules.judge(OsStr::new(name), end < path.len() || is_dir, verdict, None);
    }
    let Some(line) = verdict.line() else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.lines().nth(line - 1).unwrap_or_default().trim_start_matches('\u{feff}').to_owned();
    Ok(Some(RuledBy { file: RULES_FILE.to_owned(), line, text, out: verdict.out.is_some() }))
}

/// The line by which git ignores `path`, relative to `folder`; none if it doesn't, tracks the path, or is not there.
///
/// # Errors
/// [`Error::Git`].
pub fn ignored_by(folder: &Path, path: &str) -> Result<Option<RuledBy>> {
    if !in_work_tree(folder) {
        return Ok(None);
    }
    let args = ["check-ignore", "--verbose", "-z", "--stdin"];
    let (running, mut input, mut output) = Git::in_folder(folder).converse(&args)?;
    input.write_all(path.as_bytes()).and_then(|()| input.write_all(b"\0")).map_err(broken)?;
    drop(input);
    let mut fields = Vec::new();
    let mut field = Vec::new();
    while next_item(&mut output, &mut field)? {
        fields.push(String::from_utf8_lossy(&field).into_owned());
    }
    let ignored = running.succeeded()?;
    match fields.as_slice() {
        // A last line that begins with `!` takes it out again, and is named all the same.
        [file, line, text, _] if ignored && !text.starts_with('!') => {
            let bad = || Error::Git { why: "can't read what check-ignore says".to_owned() };
            let line = line.parse().map_err(|_| bad())?;
            Ok(Some(RuledBy { file: file.clone(), line, text: text.clone(), out: true }))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::files::testing::{git, has_git};

    #[test]
    fn the_line_that_decides_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RULES_FILE), "# none\nbuild/\n!build/keep\n").unwrap();
        let by = |path, is_dir| ruled_by(dir.path(), path, is_dir).unwrap().map(|by| (by.line, by.out));
        assert_eq!(by("build", true), Some((2, true)));
        assert_eq!(by("build/x", false), Some((2, true)));
        assert_eq!(by("build/keep", false), Some((3, false)));
        assert_eq!(by("src/x", false), None);
        assert_eq!(ignored_by(dir.path(), "x.o").unwrap(), None);
        if has_git() {
            git(dir.path(), &["init", "-q"]);
            fs::write(dir.path().join(".gitignore"), "\n*.o\n!b.o\n").unwrap();
            let by = ignored_by(dir.path(), "src/x.o").unwrap().unwrap();
            assert_eq!((by.file.as_str(), by.line, by.text.as_str()), (".gitignore", 2, "*.o"));
            assert_eq!(ignored_by(dir.path(), "b.o").unwrap(), None);
            assert_eq!(ignored_by(dir.path(), "x.c").unwrap(), None);
        }
    }
}
