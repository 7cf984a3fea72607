//! One pattern of an allow-list, followed name by name from the top, so that a walk knows at every folder whether
//! anything below it can still match. `*`, `?`, `[...]` and `{...}` stay within one name; `**` is any number of names.

use std::ffi::OsStr;

use super::globs::NameGlob;

/// The most bytes of a pattern.
const PATTERN_MAX: usize = 512;
/// The most names in a pattern.
const NAMES_MAX: usize = 64;
/// The most `**` in a pattern: each is one more place at which it can stand.
const DEEP_MAX: usize = 4;
/// What a backslash may stand before.
const ESCAPED: &str = "*?[]{}!#\\";

/// A pattern, cut at its slashes.
#[derive(Debug)]
pub(super) struct PathGlob {
    pieces: Vec<Piece>,
    folders_only: bool,
}

/// What one name has to be.
#[derive(Debug)]
enum Piece {
    /// `**`: any number of names, also none.
    Deep,
    /// Exactly this.
    Name(String),
    /// Anything.
    Any,
    /// A glob.
    Glob(NameGlob),
}

impl PathGlob {
    /// Reads a pattern. One that is `anywhere` and has a single name begins at any depth, as in a gitignore file.
    ///
    /// # Errors
    /// Why it can't be one.
    pub(super) fn new(text: &str, anywhere: bool) -> Result<PathGlob, String> {
        check(text)?;
        let trimmed = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text);
        let folder = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let mut folders_only = folder.len() < trimmed.len();
        let names: Vec<&str> = folder.split('/').filter(|_| !folder.is_empty()).collect();
        if names.len() > NAMES_MAX {
            return Err(format!("it has more than {NAMES_MAX} names"));
        }
        let mut pieces = Vec::with_capacity(names.len() + 1);
        if anywhere && names.len() == 1 && !text.starts_with(['/', '.']) {
            pieces.push(Piece::Deep);
        }
        for name in names {
            let piece = Piece::new(name)?;
            // Two in a row are one, and only cost time.
            if !(piece.is_deep() && pieces.last().is_some_and(Piece::is_deep)) {
                pieces.push(piece);
            }
        }
        if pieces.iter().filter(|piece| piece.is_deep()).count() > DEEP_MAX {
            return Err(format!("it has more than {DEEP_MAX} `**`"));
        }
        // `api/**` is all of the folder.
        while pieces.last().is_some_and(Piece::is_deep) {
            pieces.pop();
            folders_only = true;
        }
        Ok(PathGlob { pieces, folders_only })
    }

    /// Every place at which the pattern stands before the first name.
    pub(super) fn start(&self, to: &mut dyn FnMut(u8)) {
        self.arrive(0, to);
    }

    /// Every place to which a name leads from `place`.
    pub(super) fn step(&self, place: u8, name: &OsStr, to: &mut dyn FnMut(u8)) {
        match self.pieces.get(usize::from(place)) {
            Some(Piece::Deep) => self.arrive(place, to),
            Some(piece) if piece.fits(name) => self.arrive(place + 1, to),
            _ => {}
        }
    }

    /// Whether the pattern fits what the names led to.
    pub(super) fn fits(&self, place: u8, is_dir: bool) -> bool {
        usize::from(place) == self.pieces.len() && (is_dir || !self.folders_only)
    }

    /// Whether it could still fit something deeper.
    pub(super) fn goes_on(&self, place: u8) -> bool {
        usize::from(place) < self.pieces.len()
    }

    /// `**` may be nothing, so the place after it is reached as well.
    fn arrive(&self, place: u8, to: &mut dyn FnMut(u8)) {
        to(place);
        if self.pieces.get(usize::from(place)).is_some_and(Piece::is_deep) {
            to(place + 1);
        }
    }
}

impl Piece {
    fn new(name: &str) -> Result<Piece, String> {
        Ok(match name {
            "" => return Err("there is nothing between two `/`".to_owned()),
            "." | ".." => return Err(format!("`{name}` is no name: patterns begin at the top of the project")),
            "**" => Piece::Deep,
            "*" => Piece::Any,
            plain if !plain.contains(['*', '?', '[', ']', '{', '}', '\\']) => Piece::Name(plain.to_owned()),
            glob => Piece::Glob(NameGlob::new(glob).map_err(|why| match glob.contains('{') {
                true => format!("{why}; braces stay within one name"),
                false => why,
            })?),
        })
    }

    fn is_deep(&self) -> bool {
        matches!(self, Piece::Deep)
    }

    fn fits(&self, name: &OsStr) -> bool {
        match self {
            Piece::Deep | Piece::Any => true,
            Piece::Name(own) => name == own.as_str(),
            Piece::Glob(glob) => glob.fits(name),
        }
    }
}

/// What no pattern may have.
fn check(text: &str) -> Result<(), String> {
    let why = match text {
        _ if text.trim().is_empty() => "it is empty",
        _ if text.len() > PATTERN_MAX => return Err(format!("it has more than {PATTERN_MAX} bytes")),
        _ if text.starts_with('!') => "a list takes no `!`: what stays out belongs into `exclude`",
        _ if text.contains(char::is_control) => "it has a control character",
        _ if text.trim() != text => "it begins or ends with a space",
        _ if !escapes_are_meant(text) => "a backslash only stands before one of *?[]{}!#\\; folders are parted by `/`",
        _ => return Ok(()),
    };
    Err(why.to_owned())
}

fn escapes_are_meant(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && !chars.next().is_some_and(|next| ESCAPED.contains(next)) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a pattern fits a path itself; or could fit something in it.
    fn fit(text: &str, anywhere: bool, path: &str) -> (bool, bool) {
        let glob = PathGlob::new(text, anywhere).unwrap();
        let mut places = Vec::new();
        glob.start(&mut |place| places.push(place));
        for name in path.trim_end_matches('/').split('/') {
            let mut next = Vec::new();
            places.iter().for_each(|place| glob.step(*place, OsStr::new(name), &mut |to| next.push(to)));
            places = next;
        }
        let is_dir = path.ends_with('/');
        (places.iter().any(|p| glob.fits(*p, is_dir)), places.iter().any(|p| glob.goes_on(*p)))
    }

    #[test]
    fn a_pattern_begins_at_the_top_and_stars_stay_within_a_name() {
        for folder in ["services/api", "services/api/", "services/api/**", "/services/api", "./services/api/"] {
            assert_eq!(fit(folder, false, "services/"), (false, true), "{folder}");
            assert!(fit(folder, false, "services/api/").0, "{folder}");
            assert_eq!(fit(folder, false, "x/services/api/"), (false, false), "{folder}");
            assert_eq!(fit(folder, false, "services/apiary/"), (false, false), "{folder}");
        }
        assert!(fit("*.rs", false, "a.rs").0 && !fit("*.rs", false, "src/a.rs").0);
        assert!(fit("**/*.rs", false, "a.rs").0 && fit("**/*.rs", false, "x/y/a.rs").0);
        assert!(fit("a/**/z", false, "a/z").0 && fit("a/**/z", false, "a/b/c/z").0 && !fit("a/**/z", false, "b/z").0);
        assert!(fit("a/{b,c}/?.[ch]", false, "a/c/x.h").0 && !fit("a/*", false, "a/b/c").0);
        assert!(fit("a/", false, "a/").0 && !fit("a/", false, "a").0);
        assert!(!fit("API/", false, "api/").0);
        assert!(fit("\\{a\\}", false, "{a}").0);
    }

    #[test]
    fn a_single_name_that_may_be_anywhere_is() {
        assert!(fit("secrets/", true, "a/b/secrets/").0 && fit("*.pem", true, "x.pem").0);
        assert!(!fit("/secrets/", true, "a/secrets/").0 && !fit("a/secrets/", true, "b/a/secrets/").0);
    }

    #[test]
    fn patterns_that_are_none_or_cost_too_much_are_refused() {
        let deep = "**/a/".repeat(5);
        let long = "a".repeat(513);
        let many = "a/".repeat(65);
        for bad in
            ["", " ", "!x", "a//b", "../x", "a/../b", "a\\b", "{a", "{a/b,c}", "[a", "a\u{1b}", &deep, &long, &many]
        {
            assert!(PathGlob::new(bad, false).is_err(), "{bad}");
        }
        assert!(PathGlob::new(&"{a,b}".repeat(100), false).is_ok());
        assert!(PathGlob::new(&"**/".repeat(100), false).is_err_and(|why| why.contains("64 names")));
    }
}
