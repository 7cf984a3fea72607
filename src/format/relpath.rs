//! Paths inside a bundle (FORMAT §3.7), and where links may point (FORMAT §3.8).

use std::fmt;

use super::{Error, Result};

/// A path that stays inside its tree: UTF-8, `/` between components, none of them dangerous.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

/// The longest path, in bytes.
pub const PATH_MAX: usize = 4096;
/// The longest component, in bytes.
pub const COMPONENT_MAX: usize = 255;
/// The most components.
pub const DEPTH_MAX: usize = 256;

impl RelPath {
    /// Checks a path.
    ///
    /// # Errors
    /// [`Error::UnsafePath`] with the rule it breaks.
    pub fn new(path: impl Into<String>) -> Result<Self> {
        let path = path.into();
        match fault_of(&path) {
            None => Ok(RelPath(path)),
            Some(why) => Err(Error::UnsafePath { path, why }),
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it is in; `None` at the root.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// Its last component.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn fault_of(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > PATH_MAX {
        return Some("it is longer than 4,096 bytes");
    }
    if path.bytes().any(|b| b == 0) {
        return Some("it holds a NUL");
    }
    let (mut depth, mut start) = (0, 0);
    // Every entry of every listing comes by here: bytes are looked at, not characters.
    for component in path.as_bytes().split(|b| *b == b'/') {
        depth += 1;
        let end = start + component.len();
        if let Some(why) = path.get(start..end).and_then(component_fault) {
            return Some(why);
        }
        start = end + 1;
    }
    (depth > DEPTH_MAX).then_some("it is more than 256 folders deep")
}

fn component_fault(component: &str) -> Option<&'static str> {
    match component {
        "" => Some("it has an empty component"),
        "." | ".." => Some("it has a `.` or `..` component"),
        _ if component.len() > COMPONENT_MAX => Some("a component is longer than 255 bytes"),
        _ => disguise(component).then_some("it is .git or .consign, or looks like it to some system"),
    }
}

/// Whether a component is `.git` or `.consign` to some file system: by case, short name, stream, trailing dots
/// and spaces, or code points that some systems ignore.
#[must_use]
pub fn disguise(component: &str) -> bool {
    let may_be = |b: &u8| matches!(b, b'.' | b'g' | b'G' | b'c' | b'C') || *b >= 0x80;
    if !component.as_bytes().first().is_some_and(may_be) {
        return false;
    }
    let plain: String = component.chars().filter(|c| !ignorable(*c)).collect();
    let before = plain.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    matches!(super::names::fold(before).as_str(), ".git" | ".consign" | "git~1" | "consig~1")
}

/// Code points that some file system leaves out when it compares names.
fn ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Checks a link's target: relative, and it stays in the tree whatever other links there are.
///
/// # Errors
/// [`Error::UnsafeLink`] with the rule it breaks.
pub fn check_link(path: &RelPath, target: &str) -> Result<()> {
    match link_fault(path, target) {
        None => Ok(()),
        Some(why) => Err(Error::UnsafeLink { path: path.to_string(), target: target.to_owned(), why }),
    }
}

fn link_fault(path: &RelPath, target: &str) -> Option<&'static str> {
    if target.is_empty() || target.len() > 4095 {
        return Some("its target is empty or longer than 4,095 bytes");
    }
    if target.contains(['\0', '\\']) {
        return Some("its target holds a NUL or a backslash");
    }
    let drive = matches!(target.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if target.starts_with('/') || drive {
        return Some("its target is absolute");
    }
    // A `..` after a name would follow whatever that name is, so it may stand in front only.
    let mut ups = 0;
    let mut down = false;
    for part in target.split('/').filter(|p| !p.is_empty() && *p != ".") {
        if part == ".." && down {
            return Some("its target has `..` after a name");
        }
        if part == ".." { ups += 1 } else { down = true }
    }
    let depth = path.as_str().matches('/').count();
    (ups > depth).then_some("its target lies outside the tree")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_run_code_or_name_nothing_are_refused() {
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/.",
            "a\0b",
            ".git",
            "a/.git/hooks",
            ".GIT",
            ".Git ",
            ".git.",
            ".git::$INDEX_ALLOCATION",
            "git~1",
            "GIT~1",
            ".g\u{200c}it",
            ".consign",
            ".CONSIGN/x",
            "consig~1",
            "\u{feff}.git",
            ".git . .",
            "x/.gi\u{200d}t/config",
        ] {
            assert!(matches!(RelPath::new(bad), Err(Error::UnsafePath { .. })), "{bad:?}");
        }
        assert!(RelPath::new("a".repeat(256)).is_err());
        assert!(RelPath::new(vec!["a"; 257].join("/")).is_err());
        for good in
            ["a", "a/b", ".gitignore", "git", ".github/x", "a b", "-", "...", "é", "a\nb", "consign", ".consignignore"]
        {
            assert!(RelPath::new(good).is_ok(), "{good:?}");
        }
        assert!(RelPath::new(vec!["a"; 256].join("/")).is_ok());
    }

    #[test]
    fn links_stay_in_the_tree_whatever_other_links_there_are() {
        let at = |p: &str| RelPath::new(p).unwrap();
        for (path, target) in [("s", "."), ("a/l", "../b"), ("a/b/l", "../../c"), ("l", "x/y"), ("l", "./x//y/")] {
            assert!(check_link(&at(path), target).is_ok(), "{path} {target}");
        }
        for (path, target) in [
            ("l", ".."),
            ("a/l", "../../b"),
            ("t", "s/s/../../out"),
            ("l", "/etc"),
            ("l", ""),
            ("l", "a\\b"),
            ("l", "a/.."),
            ("l", "C:x"),
        ] {
            assert!(check_link(&at(path), target).is_err(), "{path} {target}");
        }
    }
}
