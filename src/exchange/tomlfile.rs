//! Files of rules that people write, in TOML: `config.toml` of a home, everything in a workspace's `.consign`, policies.
//! A mistake in one names its file and line and points at the place; a key that nobody knows is a mistake, since it
//! would be a rule that nobody follows. What such a file says is data: nothing in it is ever run.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
/// A value that knows where it stands.
pub use toml::Spanned;

use super::home::read_if_there;
use super::mistake::Mistake;
use super::{Error, Result};

/// The text of a file, which knows where it came from.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    path: &'a Path,
    text: &'a str,
}

/// The most characters of a line that are shown with a mistake.
const SHOWN_MAX: usize = 60;

impl<'a> Text<'a> {
    /// The text of `bytes`, which were read from `path`.
    ///
    /// # Errors
    /// [`Error::Mistake`] for what is not UTF-8, or holds a merge conflict.
    pub fn new(bytes: &'a [u8], path: &'a Path) -> Result<Text<'a>> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(e) => {
                let sound = bytes.get(..e.valid_up_to()).and_then(|sound| std::str::from_utf8(sound).ok());
                let mut mistake = Mistake::whole(path, "it is not UTF-8 text");
                mistake.line = 1 + sound.unwrap_or_default().matches('\n').count();
                return Err(mistake.into());
            }
        };
        let text = Text { path, text };
        let mut from = 0;
        for line in text.text.split_inclusive('\n') {
            let begins = |mark: &str| line.strip_prefix(mark).is_some_and(|rest| rest.starts_with([' ', '\r', '\n']));
            if begins("<<<<<<<") || begins(">>>>>>>") {
                let why = "an unresolved merge conflict: choose one side, and remove the marks";
                return Err(text.mistake(&(from..from + 7), why));
            }
            from += line.len();
        }
        Ok(text)
    }

    /// What it says, as `T`.
    ///
    /// # Errors
    /// [`Error::Mistake`] for the first mistake in it.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T> {
        toml::from_str(self.text).map_err(|e| {
            let span = e.span().unwrap_or_default();
            let why = self.named(&span, e.message());
            self.mistake(&span, why)
        })
    }

    /// The text.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.text
    }

    /// That what stands at `span` (bytes of the text) is wrong.
    #[must_use]
    pub fn mistake(self, span: &Range<usize>, why: impl Into<String>) -> Error {
        let start = span.start.min(self.text.len());
        let start = (0..=start).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
        let (before, rest) = self.text.split_at(start);
        let (line, line_start) = (1 + before.matches('\n').count(), before.rfind('\n').map_or(0, |n| n + 1));
        let full = self.text.get(line_start..).and_then(|text| text.lines().next()).unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let meant = rest.char_indices().take_while(|(at, c)| start + at < span.end && !matches!(c, '\r' | '\n'));
        let meant = meant.count().max(1);
        // A long line is shown from a little before what is meant.
        let skip = if column + meant.min(20) <= SHOWN_MAX { 0 } else { column.saturating_sub(10) };
        let shown: String = full.chars().skip(skip).take(SHOWN_MAX).collect();
        let carets = " ".repeat(column - skip) + &"^".repeat(meant.min(SHOWN_MAX.saturating_sub(column - skip)).max(1));
        Mistake {
            path: self.path.to_owned(),
            line,
            column: column + 1,
            why: why.into(),
            shown: (!shown.trim().is_empty()).then_some((shown, carets)),
        }
        .into()
    }

    /// What the parser says, with the field that it is about.
    fn named(self, at: &Range<usize>, message: &str) -> String {
        let message = message.lines().collect::<Vec<_>>().join(", ");
        let start = self.text.get(..at.start).and_then(|before| before.rfind('\n')).map_or(0, |n| n + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        match line.split_once('=') {
            Some((field, _)) if !message.contains(&format!("`{}`", field.trim())) => {
                format!("`{}`: {message}", field.trim())
            }
            _ => message,
        }
    }
}

/// What `bytes` say, which were read from `path`.
///
/// # Errors
/// [`Error::Mistake`].
pub fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T> {
    Text::new(bytes, path)?.parse()
}

/// A text as it stands in such a file, with quotes around it.
#[must_use]
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What a file of at most `limit` bytes says; `None` if it is not there.
///
/// # Errors
/// [`Error::Mistake`]; what the system says.
pub fn read<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<Option<T>> {
    read_if_there(path, limit)?.map(|bytes| parse(&bytes, path)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rules {
        name: String,
    }

    #[track_caller]
    fn wrong(text: &[u8]) -> Mistake {
        let e = parse::<Rules>(text, Path::new("x.toml")).unwrap_err();
        assert_eq!(e.word(), "config-broken");
        match e {
            Error::Mistake(mistake) => *mistake,
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let Mistake { line, column, why, shown, .. } = wrong(b"# x\nname = \"a\"\nnaem = 1\n");
        assert_eq!((line, column), (3, 1));
        assert!(why.contains("unknown field `naem`"), "{why}");
        assert_eq!(shown, Some(("naem = 1".to_owned(), "^^^^".to_owned())));
        let Mistake { line, column, shown, .. } = wrong(b"name = 17\r\n");
        assert_eq!((line, column), (1, 8));
        assert_eq!(shown, Some(("name = 17".to_owned(), "       ^^".to_owned())));
    }

    #[test]
    fn a_long_line_is_shown_where_the_mistake_is() {
        let text = format!("name = '{}'; x", "y".repeat(500));
        let (shown, carets) = wrong(text.as_bytes()).shown.unwrap();
        assert!(shown.len() <= SHOWN_MAX && carets.len() <= SHOWN_MAX, "{shown} {carets}");
        assert_eq!(shown.chars().nth(carets.find('^').unwrap()), Some(';'));
    }

    #[test]
    fn a_merge_conflict_is_called_one() {
        let mistake = wrong(b"name = 'x'\n<<<<<<< HEAD\nname = 'y'\n=======\nname = 'z'\n>>>>>>> other\n");
        assert_eq!(mistake.line, 2);
        assert!(mistake.why.contains("merge conflict"), "{}", mistake.why);
    }

    #[test]
    fn what_is_no_text_is_no_rule() {
        assert_eq!(wrong(b"name = 'x'\n\xff").line, 2);
        assert_eq!(parse::<Rules>(b"\xef\xbb\xbfname = 'x'", Path::new("x")).unwrap().name, "x");
        assert_eq!(wrong(b"").line, 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_and_no_place_in_it_makes_it_fail(text in "\\PC{0,80}", start in 0_usize..200, length in 0_usize..200) {
            let read = parse::<Rules>(text.as_bytes(), Path::new("x"));
            if let Err(e) = read { proptest::prop_assert!(!e.to_string().is_empty()); }
            if let Ok(text) = Text::new(text.as_bytes(), Path::new("x")) {
                let e = text.mistake(&(start..start.saturating_add(length)), "why");
                proptest::prop_assert!(!e.to_string().is_empty());
            }
        }
    }
}
