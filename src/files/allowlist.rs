//! An allow-list: nothing is let out unless a line lets it out, and a line that keeps something in wins over that. It
//! is followed from the top, folder by folder, so that nobody looks into a folder in which nothing can be let out, and
//! each answer names the line that decided. It knows paths and sizes, not who gets them.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::leftout::Reason;
use super::pathglob::PathGlob;

/// A line of the list, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its text.
    pub text: String,
    /// Where it stands, from 1.
    pub line: usize,
}

/// What files must be like, beside their place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The only endings that are let out; all of them if there are none here.
    pub types: Vec<Entry>,
    /// Endings that are not let out.
    pub not_types: Vec<Entry>,
    /// The most bytes of a file, and where that stands.
    pub max_file_size: Option<(u64, usize)>,
}

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// Where it stands.
    pub line: usize,
    /// It.
    pub text: String,
    /// Why.
    pub why: String,
}

/// An allow-list.
#[derive(Debug)]
pub struct AllowList {
    rules: Vec<Rule>,
    limits: Limits,
}

#[derive(Debug)]
struct Rule {
    glob: PathGlob,
    entry: Entry,
    lets_out: bool,
    /// Whether it ever decided about anything.
    used: AtomicBool,
}

/// What the list says about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It is let out.
    In {
        /// By this line.
        line: usize,
    },
    /// A folder that is not let out itself; something in it could be.
    OnTheWay,
    /// No line lets it out.
    Outside,
    /// A line keeps it in.
    Excluded {
        /// This one.
        line: usize,
    },
    /// It has no ending that is let out, or one that is not.
    OfType {
        /// By this line.
        line: usize,
    },
    /// It has more bytes than are let out.
    TooLarge {
        /// By this line.
        line: usize,
    },
}

/// Where the list stands at a folder or a file.
#[derive(Debug, Clone)]
pub(super) struct Stand {
    says: Ruling,
    /// The rule that decided.
    rule: Option<u16>,
    /// Rules that may still match below, and how far each has come.
    threads: Vec<(u16, u8)>,
}

/// An allow-list for a folder of the project that it is about.
#[derive(Debug, Clone, Copy)]
pub struct Within<'a> {
    /// The list.
    pub list: &'a AllowList,
    /// Where the folder is in the project, with `/` between names; empty for all of it.
    pub place: &'a str,
}

impl Ruling {
    /// Why it is left out; `None` for what is let out, or may hold something that is.
    pub(super) fn reason(self) -> Option<Reason> {
        match self {
            Ruling::In { .. } | Ruling::OnTheWay => None,
            Ruling::Outside => Some(Reason::OutsideScope),
            Ruling::Excluded { .. } => Some(Reason::ScopeExcludes),
            Ruling::OfType { .. } => Some(Reason::ScopeType),
            Ruling::TooLarge { .. } => Some(Reason::ScopeSize),
        }
    }

    /// The line that decided.
    #[must_use]
    pub fn line(self) -> Option<usize> {
        match self {
            Ruling::OnTheWay | Ruling::Outside => None,
            Ruling::In { line } | Ruling::Excluded { line } | Ruling::OfType { line } | Ruling::TooLarge { line } => {
                Some(line)
            }
        }
    }
}

impl Stand {
    /// For what is packed without a list.
    pub(super) fn everything() -> Stand {
        Stand { says: Ruling::In { line: 0 }, rule: None, threads: Vec::new() }
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        self.says.reason()
    }

    /// Whether it is let out itself, not only on the way to something.
    pub(super) fn is_in(&self) -> bool {
        matches!(self.says, Ruling::In { .. })
    }
}

impl AllowList {
    /// Reads the patterns: of what is let out, and of what of that is not.
    ///
    /// # Errors
    /// The first that can't be read.
    pub fn new(include: &[Entry], exclude: &[Entry], limits: Limits) -> Result<AllowList, BadEntry> {
        let includes = include.iter().map(|entry| (entry, true));
        let rule = |(entry, lets_out): (&Entry, bool)| {
            // What lets out is read narrowly, and what keeps in widely.
            let glob = PathGlob::new(&entry.text, !lets_out);
            let bad = |why| BadEntry { line: entry.line, text: entry.text.clone(), why };
            Ok(Rule { glob: glob.map_err(bad)?, entry: entry.clone(), lets_out, used: AtomicBool::new(false) })
        };
        let rules = includes.chain(exclude.iter().map(|entry| (entry, false))).map(rule).collect::<Result<_, _>>()?;
        Ok(AllowList { rules, limits })
    }

    /// What it says of a path by name alone, from the top of the project, or of a file with a size.
    #[must_use]
    pub fn judge(&self, path: &str, is_dir: bool, size: Option<u64>) -> Ruling {
        self.judge_by(path, is_dir, size).0
    }

    /// As [`AllowList::judge`], with the pattern that decided, if one did.
    #[must_use]
    pub fn judge_by(&self, path: &str, is_dir: bool, size: Option<u64>) -> (Ruling, Option<&Entry>) {
        let mut stand = self.start();
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        for (i, name) in names.iter().enumerate() {
            stand = self.step(&stand, OsStr::new(name), is_dir || i + 1 < names.len());
        }
        let large = size.and_then(|size| self.too_large(size)).filter(|_| stand.is_in() && !is_dir);
        let rule = stand.rule.and_then(|number| self.rules.get(usize::from(number)));
        match large.unwrap_or(stand.says) {
            says @ (Ruling::In { .. } | Ruling::Excluded { .. }) => (says, rule.map(|rule| &rule.entry)),
            says => (says, None),
        }
    }

    /// The patterns that decided about nothing so far.
    pub fn unused(&self) -> impl Iterator<Item = &Entry> {
        self.rules.iter().filter(|rule| !rule.used.load(Ordering::Relaxed)).map(|rule| &rule.entry)
    }

    /// Before the first name.
    fn start(&self) -> Stand {
        let mut threads = Vec::new();
        let (mut says, mut by) = (Ruling::OnTheWay, None);
        for (rule, number) in self.rules.iter().zip(0_u16..) {
            let line = rule.entry.line;
            rule.glob.start(&mut |place| match rule.glob.fits(place, true) {
                true if !rule.lets_out => (says, by) = (Ruling::Excluded { line }, Some(number)),
                true if says == Ruling::OnTheWay => (says, by) = (Ruling::In { line }, Some(number)),
                _ => threads.push((number, place)),
            });
        }
        Stand { says, rule: by, threads }
    }

    /// What it says of `name`, in a folder where it stands as `above`.
    pub(super) fn step(&self, above: &Stand, name: &OsStr, is_dir: bool) -> Stand {
        if above.reason().is_some() {
            return Stand { says: above.says, rule: above.rule, threads: Vec::new() };
        }
        let mut threads = Vec::new();
        let (mut include, mut exclude) = (above.is_in().then_some((above.rule.unwrap_or(u16::MAX), above.says)), None);
        for (number, place) in &above.threads {
            let Some(rule) = self.rules.get(usize::from(*number)) else { continue };
            rule.glob.step(*place, name, &mut |to| {
                let decides = if rule.lets_out { &mut include } else { &mut exclude };
                match rule.glob.fits(to, is_dir) {
                    true if decides.is_none() => *decides = Some((*number, rule.ruling())),
                    false if is_dir && rule.glob.goes_on(to) => threads.push((*number, to)),
                    _ => {}
                }
            });
        }
        threads.sort_unstable();
        threads.dedup();
        let is_include = |number: u16| self.rules.get(usize::from(number)).is_some_and(|rule| rule.lets_out);
        if include.is_some() {
            threads.retain(|(number, _)| !is_include(*number));
        }
        let on_the_way = threads.iter().any(|(number, _)| is_include(*number));
        let decided = match (include, exclude) {
            (None, _) if !on_the_way => None,
            (_, Some(exclude)) => Some(exclude),
            (include, None) => include,
        };
        self.stand(decided, threads, (name, is_dir), on_the_way)
    }

    fn stand(&self, by: Option<(u16, Ruling)>, threads: Vec<(u16, u8)>, of: (&OsStr, bool), on_the_way: bool) -> Stand {
        if let Some(rule) = by.and_then(|(number, _)| self.rules.get(usize::from(number))) {
            rule.used.store(true, Ordering::Relaxed);
        }
        let says = by.map_or(if on_the_way { Ruling::OnTheWay } else { Ruling::Outside }, |(_, ruling)| ruling);
        let says = match says {
            Ruling::In { .. } if !of.1 => self.of_type(of.0).unwrap_or(says),
            says => says,
        };
        Stand { says, rule: by.map(|(number, _)| number), threads }
    }

    /// What the ending of a file's name decides.
    fn of_type(&self, name: &OsStr) -> Option<Ruling> {
        let name = name.as_encoded_bytes();
        let ends = |entry: &&Entry| {
            let tail = name.len().checked_sub(entry.text.len()).and_then(|at| name.split_at_checked(at));
            tail.is_some_and(|(head, tail)| head.ends_with(b".") && tail.eq_ignore_ascii_case(entry.text.as_bytes()))
        };
        if let Some(not) = self.limits.not_types.iter().find(ends) {
            return Some(Ruling::OfType { line: not.line });
        }
        let first = self.limits.types.first()?;
        self.limits.types.iter().find(ends).is_none().then_some(Ruling::OfType { line: first.line })
    }

    pub(super) fn too_large(&self, size: u64) -> Option<Ruling> {
        self.limits.max_file_size.filter(|(most, _)| size > *most).map(|(_, line)| Ruling::TooLarge { line })
    }
}

impl Rule {
    fn ruling(&self) -> Ruling {
        let line = self.entry.line;
        if self.lets_out { Ruling::In { line } } else { Ruling::Excluded { line } }
    }
}

impl Within<'_> {
    /// Where the list stands at the folder.
    pub(super) fn start(self) -> Stand {
        let names = self.place.split('/').filter(|name| !name.is_empty());
        names.fold(self.list.start(), |stand, name| self.list.step(&stand, OsStr::new(name), true))
    }

    /// Whether a link tells nothing that the list keeps in: it points to something that is let out by name, or up to a
    /// folder that it is in. Its target has the names of files that it goes by.
    pub(super) fn lets_out_link(self, path: &str, target: &str) -> bool {
        let mut names: Vec<&str> = self.place.split('/').chain(path.split('/')).filter(|n| !n.is_empty()).collect();
        names.pop();
        let mut down = false;
        for name in target.split('/').filter(|name| !name.is_empty() && *name != ".") {
            match name {
                // Whatever is named on the way could be told as well.
                ".." if down => return false,
                ".." if names.pop().is_none() => return true,
                ".." => {}
                name => {
                    down = true;
                    names.push(name);
                }
            }
        }
        let to = names.join("/");
        let is_in = |is_dir| matches!(self.list.judge(&to, is_dir, None), Ruling::In { .. });
        !down || is_in(false) || is_in(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn entries(lines: &[&str], from: usize) -> Vec<Entry> {
        lines.iter().zip(from..).map(|(text, line)| Entry { text: (*text).to_owned(), line }).collect()
    }

    fn list(include: &[&str], exclude: &[&str]) -> AllowList {
        AllowList::new(&entries(include, 1), &entries(exclude, 10), Limits::default()).unwrap()
    }

    fn says(list: &AllowList, path: &str) -> Ruling {
        list.judge(path, path.ends_with('/'), None)
    }

    #[test]
    fn nothing_is_let_out_that_no_line_lets_out_and_excludes_win() {
        let list = list(&["services/api/", "**/*.proto", "services/"], &["secrets/", "/services/api/dev.pem", "*.key"]);
        for (path, want) in [
            ("README", Ruling::Outside),
            ("services/", Ruling::In { line: 3 }),
            ("services/web/x", Ruling::In { line: 3 }),
            ("x/y/", Ruling::OnTheWay),
            ("x/y/a.proto", Ruling::In { line: 2 }),
            ("services/api/secrets/", Ruling::Excluded { line: 10 }),
            ("services/api/secrets/a/b.proto", Ruling::Excluded { line: 10 }),
            ("secrets/a.proto", Ruling::Excluded { line: 10 }),
            ("services/api/dev.pem", Ruling::Excluded { line: 11 }),
            ("services/api/x/dev.pem", Ruling::In { line: 3 }),
            ("services/a.key", Ruling::Excluded { line: 12 }),
            ("a.key", Ruling::Outside),
            ("Services/api/x", Ruling::Outside),
        ] {
            assert_eq!(says(&list, path), want, "{path}");
        }
    }

    #[test]
    fn a_folder_below_which_nothing_can_match_is_outside_and_not_on_the_way() {
        let list = list(&["services/*/src/", "docs/api.md"], &[]);
        assert_eq!(says(&list, "services/a/"), Ruling::OnTheWay);
        assert_eq!(says(&list, "services/a/test/"), Ruling::Outside);
        assert_eq!(says(&list, "docs/"), Ruling::OnTheWay);
        assert_eq!(says(&list, "docs/more/"), Ruling::Outside);
        assert_eq!(says(&list, "target/"), Ruling::Outside);
    }

    #[test]
    fn types_and_sizes_are_looked_at_in_files_that_are_let_out() {
        let limits = Limits {
            types: entries(&["rs", "tar.gz", "env"], 20),
            not_types: entries(&["gen.rs"], 30),
            max_file_size: Some((10, 40)),
        };
        let list = AllowList::new(&entries(&["src/"], 1), &[], limits).unwrap();
        assert_eq!(says(&list, "src/"), Ruling::In { line: 1 });
        assert_eq!(says(&list, "src/a.RS"), Ruling::In { line: 1 });
        assert_eq!(says(&list, "src/a.tar.gz"), Ruling::In { line: 1 });
        assert_eq!(says(&list, "src/.env"), Ruling::In { line: 1 });
        assert_eq!(says(&list, "src/rs"), Ruling::OfType { line: 20 });
        assert_eq!(says(&list, "src/a.gen.rs"), Ruling::OfType { line: 30 });
        assert_eq!(says(&list, "a.c"), Ruling::Outside);
        assert_eq!(list.judge("src/a.rs", false, Some(10)), Ruling::In { line: 1 });
        assert_eq!(list.judge("src/a.rs", false, Some(11)), Ruling::TooLarge { line: 40 });
        assert_eq!(list.judge("x/a.rs", false, Some(11)), Ruling::Outside);
    }

    #[test]
    fn a_list_of_everything_is_everything_but_what_is_excluded() {
        for all in ["**", "*", "/", "**/*", "./"] {
            let list = list(&[all], &["x"]);
            assert!(matches!(says(&list, "a/b/c"), Ruling::In { .. }), "{all}");
            assert!(matches!(says(&list, "a/b/x"), Ruling::Excluded { .. }), "{all}");
        }
    }

    #[test]
    fn patterns_that_decided_nothing_are_known() {
        let list = list(&["a/", "b/"], &["*.pem", "*.key"]);
        says(&list, "a/x.pem");
        let unused: Vec<usize> = list.unused().map(|entry| entry.line).collect();
        assert_eq!(unused, [2, 11]);
    }

    #[test]
    fn a_link_that_names_what_is_kept_in_is_not_let_out() {
        let list = list(&["api/", "lib/a.c"], &["secret"]);
        let lets = |path: &str, target: &str| Within { list: &list, place: "" }.lets_out_link(path, target);
        assert!(lets("api/l", "x") && lets("api/l", "../lib/a.c") && lets("api/d/l", "..") && lets("api/l", "./x/y"));
        assert!(!lets("api/l", "../lib/b.c") && !lets("api/l", "secret") && !lets("api/l", "../other/../api/x"));
        assert!(!lets("api/l", "../lib"));
        let within = Within { list: &list, place: "api" };
        assert!(within.lets_out_link("l", "x") && !within.lets_out_link("l", "secret"));
    }
}
