//! `.consign/scopes/NAME.toml`: a named allow-list, and the partners who may get what it lets out. It is written by
//! people, committed with the code, and read here.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::partners::check_alias;
use super::tomlfile::{Spanned, Text};
use super::{Error, Result};
use crate::files::{AllowList, Entry, Limits};
use crate::format::time::Time;
use crate::policy::Scope;

/// The most lines of one list.
const LINES_MAX: usize = 500;
/// The most characters of a text.
const TEXT_MAX: usize = 2000;

/// A scope: which files a partner may get. Nothing leaves that no line of `include` lets out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "scope")]
struct ScopeFile {
    /// What it is about, for people.
    #[serde(default)]
    #[schemars(with = "String")]
    description: Option<Spanned<String>>,
    /// What the files are for: it travels in the bundle, to whoever may open this part of it.
    #[serde(default)]
    #[schemars(with = "String")]
    purpose: Option<Spanned<String>>,
    /// The partners who may get it, by their names here. Nobody else does.
    #[schemars(with = "Vec<String>")]
    partners: Vec<Spanned<String>>,
    /// What is let out: patterns from the top of the project. A folder is let out with everything in it; `*` stays
    /// within one name, `**` is any number of folders.
    #[schemars(with = "Vec<String>")]
    include: Vec<Spanned<String>>,
    /// What of that stays in all the same. A pattern without a slash in the middle holds at any depth.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    exclude: Vec<Spanned<String>>,
    /// The only endings of names that are let out, such as `rs` or `tar.gz`. Upper and lower case are the same.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    types: Vec<Spanned<String>>,
    /// Endings of names that stay in.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    not_types: Vec<Spanned<String>>,
    /// The most that one file may have, such as `10 MB`. A larger one is left out, and that is told.
    #[schemars(with = "Option<String>")]
    max_file_size: Option<Spanned<String>>,
    /// The most files. With more of them nothing leaves.
    #[schemars(with = "Option<u64>")]
    max_files: Option<Spanned<u64>>,
    /// The most that all files together may have, such as `1 GB`. With more nothing leaves.
    #[schemars(with = "Option<String>")]
    max_total_size: Option<Spanned<String>>,
    /// Its last day, UTC, such as `2027-03-31`. After it nothing leaves.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<String>>,
}

/// A scope as it was read.
#[derive(Debug)]
pub(super) struct Read {
    /// Whom it is for, until when, how much.
    pub rules: Scope,
    /// What it lets out.
    pub list: AllowList,
    /// What it is about.
    pub description: String,
    /// What the files are for.
    pub purpose: String,
    /// The lines that let out.
    pub include: Vec<Entry>,
    /// The lines that keep in.
    pub exclude: Vec<Entry>,
    /// Types and sizes.
    pub limits: Limits,
}

/// The JSON schema of the file.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(ScopeFile)
}

/// Reads a scope's file.
///
/// # Errors
/// [`Error::Mistake`].
pub(super) fn parse(name: &str, bytes: &[u8], path: &Path) -> Result<Read> {
    let source = Source(Text::new(bytes, path)?);
    let file: ScopeFile = source.0.parse()?;
    let lists = [
        ("partners", &file.partners),
        ("include", &file.include),
        ("exclude", &file.exclude),
        ("types", &file.types),
        ("not-types", &file.not_types),
    ];
    for (key, list) in lists {
        if let Some(one) = list.get(LINES_MAX) {
            return Err(source.wrong(one, format!("`{key}` has more than {LINES_MAX} entries")));
        }
    }
    for text in [&file.description, &file.purpose].into_iter().flatten() {
        if text.get_ref().chars().count() > TEXT_MAX {
            return Err(source.wrong(text, format!("it has more than {TEXT_MAX} characters")));
        }
    }
    for partner in &file.partners {
        check_alias(partner.get_ref()).map_err(|e| source.wrong(partner, e.to_string()))?;
    }
    let limits = source.limits(&file)?;
    let (include, exclude) = (source.entries(&file.include), source.entries(&file.exclude));
    if include.is_empty() {
        return Err(source.missing("include", "`include` is empty, so nothing is let out"));
    }
    let list = AllowList::new(&include, &exclude, limits.clone()).map_err(|bad| {
        let patterns = file.include.iter().chain(&file.exclude);
        let at = |p: &&Spanned<String>| source.line(p) == bad.line && *p.get_ref() == bad.text;
        let why = format!("this is no pattern: {}", bad.why);
        patterns.into_iter().find(at).map_or_else(|| source.missing("include", &why), |p| source.wrong(p, why.clone()))
    })?;
    let rules = source.rules(name, &file)?;
    let text = |field: Option<Spanned<String>>| field.map(Spanned::into_inner).unwrap_or_default();
    let (description, purpose) = (text(file.description), text(file.purpose));
    Ok(Read { rules, list, description, purpose, include, exclude, limits })
}

/// The file, to point at what is wrong in it.
struct Source<'a>(Text<'a>);

impl Source<'_> {
    fn wrong<T>(&self, at: &Spanned<T>, why: impl Into<String>) -> Error {
        self.0.mistake(&at.span(), why)
    }

    fn missing(&self, key: &str, why: &str) -> Error {
        let at = self.0.text().find(key).unwrap_or_default();
        self.0.mistake(&(at..at + key.len()), why)
    }

    fn line<T>(&self, of: &Spanned<T>) -> usize {
        1 + self.0.text().get(..of.span().start).unwrap_or_default().matches('\n').count()
    }

    fn entries(&self, list: &[Spanned<String>]) -> Vec<Entry> {
        list.iter().map(|entry| Entry { text: entry.get_ref().clone(), line: self.line(entry) }).collect()
    }

    fn limits(&self, file: &ScopeFile) -> Result<Limits> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-');
        let sound = |text: &str| {
            (1..=32).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('.') && !text.ends_with('.')
        };
        if let Some(bad) = file.types.iter().chain(&file.not_types).find(|ending| !sound(ending.get_ref())) {
            return Err(self.wrong(bad, "an ending is written like `rs` or `tar.gz`, with no dot or star before it"));
        }
        let max_file_size = match &file.max_file_size {
            Some(text) => Some((self.size(text)?, self.line(text))),
            None => None,
        };
        Ok(Limits { types: self.entries(&file.types), not_types: self.entries(&file.not_types), max_file_size })
    }

    fn rules(&self, name: &str, file: &ScopeFile) -> Result<Scope> {
        let expires =
            match &file.expires {
                Some(date) => Some(last_second(date.get_ref()).ok_or_else(|| {
                    self.wrong(date, "this is no day of the calendar; it is written like `2027-03-31`")
                })?),
                None => None,
            };
        if let Some(none) = file.max_files.as_ref().filter(|most| *most.get_ref() == 0) {
            return Err(self.wrong(none, "with no file at all nothing could ever leave"));
        }
        Ok(Scope {
            name: name.to_owned(),
            partners: file.partners.iter().map(|partner| partner.get_ref().clone()).collect(),
            expires,
            max_files: file.max_files.as_ref().map(|most| *most.get_ref()),
            max_total_size: file.max_total_size.as_ref().map(|size| self.size(size)).transpose()?,
        })
    }

    fn size(&self, text: &Spanned<String>) -> Result<u64> {
        let why = "this is no size; it is written like `500 kB`, `10 MB` or `2 GiB`";
        size(text.get_ref()).ok_or_else(|| self.wrong(text, why))
    }
}

/// The last second of a day, UTC.
fn last_second(day: &str) -> Option<Time> {
    if day.len() == 10 { format!("{day}T23:59:59Z").parse().ok() } else { None }
}

/// Bytes that are written with a unit.
fn size(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.strip_prefix(' ').unwrap_or(unit) {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::files::Ruling;

    fn read(text: &str) -> Result<Read> {
        parse("api", text.as_bytes(), Path::new("api.toml"))
    }

    /// The line and column of the mistake, and what it says.
    fn mistake(text: &str) -> (usize, usize, String) {
        match read(text).unwrap_err() {
            Error::Mistake(mistake) => (mistake.line, mistake.column, mistake.why),
            other => unreachable!("{other}"),
        }
    }

    const WHOLE: &str = "\u{feff}# the API\r\ndescription = 'What Acme builds'\r\npartners = ['acme']\r\n\
        include = [\r\n  'services/api/',\r\n  'proto/',\r\n]\r\nexclude = ['secrets/', '*.pem']\r\n\
        types = ['rs']\r\nmax-file-size = '10 MB'\r\nmax-files = 500\r\nmax-total-size = '1 GiB'\r\n\
        expires = '2028-02-29'\r\npurpose = 'maintenance'\r\n";

    #[test]
    fn everything_that_can_stand_in_it_is_read_and_keeps_its_line() {
        let scope = read(WHOLE).unwrap();
        let ruling = |path: &str| scope.list.judge(path, false, Some(10_000_001));
        assert_eq!(ruling("proto/x.rs"), Ruling::TooLarge { line: 10 });
        assert_eq!(scope.list.judge("proto/x.rs", false, None), Ruling::In { line: 6 });
        assert_eq!(ruling("proto/x.pem"), Ruling::Excluded { line: 8 });
        assert_eq!(ruling("proto/x.c"), Ruling::OfType { line: 9 });
        assert_eq!(scope.rules.max_total_size, Some(1 << 30));
        assert_eq!(scope.rules.expires.unwrap().to_string(), "2028-02-29T23:59:59Z");
        assert_eq!((scope.purpose.as_str(), scope.rules.max_files), ("maintenance", Some(500)));
    }

    #[test]
    fn mistakes_are_pointed_at() {
        let with = |more: &str| format!("partners = ['acme']\ninclude = ['a']\n{more}\n");
        for (text, place, says) in [
            ("partners = ['acme']\n".to_owned(), (1, 1), "include"),
            ("include = ['a']\n".to_owned(), (1, 1), "partners"),
            ("partners = ['acme']\ninclude = []\n".to_owned(), (2, 1), "nothing is let out"),
            (with("include = ['b']"), (3, 1), "duplicate"),
            (with("inclued = ['b']"), (3, 1), "unknown field"),
            (with("exclude = ['a/', '{a/b}']"), (3, 18), "within one name"),
            (with("exclude = ['!a']"), (3, 12), "no `!`"),
            (with("expires = '2027-02-29'"), (3, 11), "no day of the calendar"),
            (with("expires = '2027-2-9'"), (3, 11), "no day of the calendar"),
            (with("max-file-size = '10'"), (3, 17), "no size"),
            (with("max-total-size = '99999999 TB'"), (3, 18), "no size"),
            (with("max-files = 0"), (3, 13), "no file at all"),
            (with("types = ['*.rs']"), (3, 10), "no dot or star"),
            ("partners = ['Acme Ltd']\ninclude = ['a']\n".to_owned(), (1, 13), "can't name a partner"),
            (with("<<<<<<< HEAD\nmax-files = 1\n=======\n>>>>>>> x"), (3, 1), "merge conflict"),
        ] {
            let (line, column, why) = mistake(&text);
            assert_eq!((line, column), place, "{text}: {why}");
            assert!(why.contains(says), "{text}: {why}");
        }
        assert_eq!(read("x").unwrap_err().word(), "config-broken");
        let bomb = format!("partners = []\ninclude = [{}]\n", "'a',".repeat(501));
        assert!(mistake(&bomb).2.contains("more than 500"));
    }

    #[test]
    fn the_schema_has_every_field_and_its_text() {
        let schema = serde_json::to_value(schema()).unwrap();
        assert_eq!(schema["properties"].as_object().unwrap().len(), 11);
        assert!(schema["properties"]["max-file-size"]["description"].as_str().unwrap().contains("left out"));
        assert_eq!(schema["additionalProperties"], false);
    }
}
