//! Rules about what stays out. NUL parts the input: `.consignignore`, then rules of the command line (an even first
//! byte includes, an odd one excludes), then, after an empty one, paths to judge.

use std::ffi::OsStr;

use consign::class::Fault;
use consign::files::{Glob, Globs, Rules};

/// Longer rules only take longer: each is compiled to a regular expression.
const MOST: usize = 4096;

pub fn run(data: &[u8]) {
    let mut parts = data[..data.len().min(MOST)].split(|b| *b == 0);
    let file = parts.next().unwrap_or_default();
    let globs: Vec<Glob> = parts.by_ref().take_while(|p| !p.is_empty()).map(glob).collect();
    let paths: Vec<String> = parts.map(|p| String::from_utf8_lossy(p).into_owned()).filter(|p| is_path(p)).collect();
    let rules = match Rules::new(file, &globs) {
        Ok(rules) => rules,
        Err(e) => return assert_eq!(e.word(), "bad-pattern", "{e}"),
    };
    paths.iter().for_each(|path| judge(&rules, path));
    picks(&globs, &paths);
}

fn glob(bytes: &[u8]) -> Glob {
    let text = String::from_utf8_lossy(bytes.get(1..).unwrap_or_default()).into_owned();
    if bytes.first().is_some_and(|b| b % 2 == 0) { Glob::Include(text) } else { Glob::Exclude(text) }
}

fn is_path(path: &str) -> bool {
    path.split('/').all(|c| !matches!(c, "" | "." | ".."))
}

/// A folder that is left out, and into which no rule may let anything, holds nothing that is in: the walk skips it.
fn judge(rules: &Rules, path: &str) {
    let mut above = Default::default();
    let mut closed = false;
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        let is_dir = end < path.len();
        let verdict = rules.judge(OsStr::new(&path[..end]), is_dir, above, None);
        assert_eq!(rules.judge(OsStr::new(&path[..end]), is_dir, above, None), verdict);
        assert!(!closed || verdict.out.is_some(), "{path} is in, but the walk would not have come there");
        closed |= is_dir && verdict.out.is_some() && !rules.may_let_in(verdict);
        above = verdict;
    }
}

/// What fits a folder fits everything in it.
fn picks(globs: &[Glob], paths: &[String]) {
    let texts: Vec<String> = globs.iter().map(|(Glob::Include(t) | Glob::Exclude(t))| t.clone()).collect();
    let Ok(globs) = Globs::new(&texts) else { return };
    for path in paths {
        assert!(!globs.fit(path) || globs.fit(&format!("{path}/below")), "{path}");
    }
}
