//! What is sent and what is left out, by rules of which the last that matches wins: what git ignores, then the lines of
//! `.consignignore`, then `--include` and `--exclude`. Whatever no rule matches is in. The user's global ignore file
//! and nested `.consignignore` files are never read. The only door to `ignore`.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::leftout::{Note, NoteKind, Reason};
use super::{Error, Result};

/// The file of rules at the root of what is packed.
pub(super) const RULES_FILE: &str = ".consignignore";
/// The most bytes it may have.
pub(super) const RULES_MAX: u64 = 1 << 20;

/// A rule from the command line, in the syntax of a gitignore line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Glob {
    /// What matches is in.
    Include(String),
    /// What matches is out.
    Exclude(String),
}

/// Paths that git ignores, relative to the root, without a final `/`.
#[derive(Debug, Default)]
pub struct Ignored {
    pub(super) files: HashSet<Box<[u8]>>,
    pub(super) folders: HashSet<Box<[u8]>>,
}

impl Ignored {
    /// Rule 0 for a path of a folder.
    pub(super) fn reason(&self, path: &OsStr, is_dir: bool) -> Option<Reason> {
        let set = if is_dir { &self.folders } else { &self.files };
        (!set.is_empty() && set.contains(path.as_encoded_bytes())).then_some(Reason::IgnoredByGit)
    }
}

/// All rules, in order.
#[derive(Debug)]
pub struct Rules {
    lines: Gitignore,
    /// The number of the first rule that comes from the command line.
    globs: u32,
    /// The number of the last rule that lets something in.
    last_include: u32,
    /// Whether each rule of the command line ever decided about a path.
    used: Vec<AtomicBool>,
}

/// What the rules say so far about a path: the number of the rule that decides, and the reason if it is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    rule: u32,
    /// Why it is out; `None` if it is in.
    pub out: Option<Reason>,
}

fn bad(pattern: &str, place: &str, why: &str) -> Error {
    Error::Pattern { pattern: pattern.to_owned(), why: format!("{place}{why}") }
}

/// Collects rules; each has its number as the file it is "from", since a matcher gives back nothing else.
struct Collector {
    lines: GitignoreBuilder,
    count: u32,
    last_include: u32,
}

impl Collector {
    fn add(&mut self, line: &str, place: &str) -> Result<()> {
        self.count += 1;
        let number = PathBuf::from(self.count.to_string());
        if let Err(e) = self.lines.add_line(Some(number), line) {
            let why = match e {
                ignore::Error::Glob { err, .. } => err,
                other => other.to_string(),
            };
            return Err(bad(line, place, &why));
        }
        if line.starts_with('!') {
            self.last_include = self.count;
        }
        Ok(())
    }
}

/// A glob as a line of a gitignore file.
fn line_of(glob: &Glob) -> String {
    // `./x` is how shells complete a path; a gitignore line would never match it.
    let plain = |text: &str| text.strip_prefix("./").map_or_else(|| text.to_owned(), |rest| format!("/{rest}"));
    match glob {
        Glob::Include(text) => format!("!{}", plain(text)),
        Glob::Exclude(text) if text.starts_with(['!', '#']) => format!("\\{text}"),
        Glob::Exclude(text) => plain(text),
    }
}

impl Verdict {
    /// The line of `.consignignore` that decided, where there are no rules of a command line.
    pub(super) fn line(self) -> Option<usize> {
        (self.rule > 0).then_some(self.rule as usize)
    }

    /// Out, whatever the rules say.
    pub(super) fn never(reason: Reason) -> Verdict {
        Verdict { rule: u32::MAX, out: Some(reason) }
    }
}

impl Rules {
    /// Reads the rules: the bytes of `.consignignore`, then the command line's globs.
    ///
    /// # Errors
    /// [`Error::Pattern`] for one that can't be read.
    pub fn new(file: &[u8], globs: &[Glob]) -> Result<Rules> {
        let mut all = Collector { lines: GitignoreBuilder::new(""), count: 0, last_include: 0 };
        let text = std::str::from_utf8(file).map_err(|_| bad(RULES_FILE, "", "the file is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, number) in text.lines().zip(1..) {
            all.add(line, &format!("{RULES_FILE} line {number}: "))?;
        }
        let first_glob = all.count + 1;
        for glob in globs {
            let (Glob::Include(text) | Glob::Exclude(text)) = glob;
            if text.trim().is_empty() {
                return Err(bad(text, "", "it is empty"));
            }
            if text.rfind('[') > text.rfind(']') {
                return Err(bad(text, "", "a `[` that is never closed"));
            }
            if text.starts_with("../") || text == ".." {
                return Err(bad(text, "", "it lies outside the folder that is packed"));
            }
            all.add(&line_of(glob), "")?;
        }
        let lines = all.lines.build().map_err(|e| bad(RULES_FILE, "", &e.to_string()))?;
        let used = globs.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Rules { lines, globs: first_glob, last_include: all.last_include, used })
    }

    /// What the rules say about `path`, relative to the root with `/` between components, when they say `above` about
    /// its folder. The matching rule with the highest number decides, on whichever of the two it matches. Rule 0 comes
    /// from git: `zero` is its reason if it leaves the path out.
    #[must_use]
    pub fn judge(&self, path: &OsStr, is_dir: bool, above: Verdict, zero: Option<Reason>) -> Verdict {
        let matched = self.lines.matched(path, is_dir);
        if let Match::Ignore(glob) | Match::Whitelist(glob) = matched
            && let Some(used) = number_of(glob).checked_sub(self.globs).and_then(|i| self.used.get(i as usize))
        {
            used.store(true, Ordering::Relaxed);
        }
        let own = match matched {
            Match::None => Verdict { rule: 0, out: zero },
            Match::Ignore(glob) => {
                let rule = number_of(glob);
                let reason = if rule < self.globs { Reason::ConsignIgnore } else { Reason::Excluded };
                Verdict { rule, out: Some(reason) }
            }
            Match::Whitelist(glob) => Verdict { rule: number_of(glob), out: None },
        };
        if own.rule > above.rule || above == Verdict::default() { own } else { above }
    }

    /// The rules of the command line that matched nothing that was looked at, as a note.
    pub(crate) fn unused(&self, globs: &[Glob]) -> Option<Note> {
        let never = globs.iter().zip(&self.used).filter(|(_, used)| !used.load(Ordering::Relaxed));
        let examples: Vec<String> = never.map(|(Glob::Include(text) | Glob::Exclude(text), _)| text.clone()).collect();
        let count = examples.len() as u64;
        (count > 0).then_some(Note { kind: NoteKind::UnusedPattern, count, examples })
    }

    /// Whether a later rule may let something in that lies in a folder with this verdict.
    #[must_use]
    pub fn may_let_in(&self, verdict: Verdict) -> bool {
        self.last_include > verdict.rule
    }
}

fn number_of(glob: &ignore::gitignore::Glob) -> u32 {
    glob.from().and_then(|from| from.to_str()).and_then(|from| from.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn include(text: &str) -> Glob {
        Glob::Include(text.to_owned())
    }

    fn exclude(text: &str) -> Glob {
        Glob::Exclude(text.to_owned())
    }

    fn ignored(paths: &[&str]) -> Ignored {
        let mut all = Ignored::default();
        for path in paths {
            match path.strip_suffix('/') {
                Some(folder) => all.folders.insert(folder.as_bytes().into()),
                None => all.files.insert(path.as_bytes().into()),
            };
        }
        all
    }

    /// Judges as a walk does: every folder on the way first.
    fn judge(rules: &Rules, path: &str) -> Option<Reason> {
        let ignored = ignored(&["build/", "x.log"]);
        let judge = |path: &str, is_dir, above| {
            let path = OsStr::new(path);
            rules.judge(path, is_dir, above, ignored.reason(path, is_dir))
        };
        let mut verdict = Verdict::default();
        for (at, _) in path.match_indices('/') {
            verdict = judge(&path[..at], true, verdict);
        }
        judge(path, false, verdict).out
    }

    #[test]
    fn the_last_rule_that_matches_the_path_or_a_folder_above_it_decides() {
        let file = b"\xef\xbb\xbf# secrets\r\nsecret/\r\n!secret/ok.txt\n*.o\n/top.txt\n";
        let rules = Rules::new(file, &[]).unwrap();
        assert_eq!(judge(&rules, "src/main.c"), None);
        assert_eq!(judge(&rules, "src/main.o"), Some(Reason::ConsignIgnore));
        assert_eq!(judge(&rules, "secret/key"), Some(Reason::ConsignIgnore));
        assert_eq!(judge(&rules, "secret/ok.txt"), None);
        assert_eq!(judge(&rules, "a/secret/deep/key"), Some(Reason::ConsignIgnore));
        assert_eq!(judge(&rules, "top.txt"), Some(Reason::ConsignIgnore));
        assert_eq!(judge(&rules, "a/top.txt"), None);
        assert_eq!(judge(&rules, "build/out"), Some(Reason::IgnoredByGit));
        assert_eq!(judge(&rules, "x.log"), Some(Reason::IgnoredByGit));
        assert_eq!(judge(&rules, "x.log/y"), None);

        let globs = [exclude("secret/"), include("build/out"), exclude("*.c"), include("src/main.*")];
        let rules = Rules::new(file, &globs).unwrap();
        assert_eq!(judge(&rules, "secret/ok.txt"), Some(Reason::Excluded));
        assert_eq!(judge(&rules, "build/out"), None);
        assert_eq!(judge(&rules, "build/other"), Some(Reason::IgnoredByGit));
        assert_eq!(judge(&rules, "src/main.c"), None);
        assert_eq!(judge(&rules, "src/main.o"), None);
        assert_eq!(judge(&rules, "src/x.c"), Some(Reason::Excluded));
    }

    #[test]
    fn an_allow_list_is_everything_out_and_some_in() {
        let rules = Rules::new(b"", &[exclude("*"), include("src/**"), exclude("*.pem")]).unwrap();
        assert_eq!(judge(&rules, "README"), Some(Reason::Excluded));
        assert_eq!(judge(&rules, "src/a/b.c"), None);
        assert_eq!(judge(&rules, "src/a/b.pem"), Some(Reason::Excluded));
        let out = rules.judge(OsStr::new("src"), true, Verdict::default(), None);
        assert!(out.out.is_some() && rules.may_let_in(out));
        let pem = rules.judge(OsStr::new("x.pem"), true, out, None);
        assert!(!rules.may_let_in(pem));
    }

    #[test]
    fn globs_that_begin_like_a_comment_are_names() {
        let rules = Rules::new(b"", &[exclude("#a"), exclude("!b"), include("#a/x")]).unwrap();
        assert!(judge(&rules, "#a").is_some() && judge(&rules, "!b").is_some());
        assert_eq!(judge(&rules, "#a/x"), None);
    }

    #[test]
    fn patterns_that_cannot_be_read_are_named() {
        let error = Rules::new(b"ok\na{b\n", &[]).unwrap_err();
        assert!(error.to_string().contains("a{b") && error.to_string().contains("line 2"), "{error}");
        assert!(Rules::new(b"\xff", &[]).is_err());
        assert!(Rules::new(b"", &[exclude(" ")]).is_err());
    }
}
