//! A user's file of rules in the format of gitleaks (TOML): the door to `toml` on this floor. It is data from
//! anywhere: nothing it names is read or run, and every pattern is bounded. docs/GATE.md says what is understood.

use std::ops::Range;

use serde::Deserialize;

use super::allowed::{Allowed, Match, Target};
use super::error::{Error, Result};
use super::pattern::Go;
use super::place::place;
use super::wide::Wide;

/// A file with more rules is no file of rules.
const RULES_MAX: usize = 500;
/// So many exceptions, patterns in them included.
const ALLOW_MAX: usize = 2000;

/// Rules of a user's, ready.
#[derive(Debug, Default)]
pub struct Gitleaks {
    pub(super) rules: Vec<UserRule>,
    pub(super) allowed: Vec<Allowed>,
    /// Words of our own rules that the file turns off.
    pub(super) without: Vec<String>,
    notes: Vec<String>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct UserRule {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) regex: Option<Go>,
    pub(super) path: Option<Go>,
    pub(super) group: usize,
    pub(super) entropy: f32,
    pub(super) keywords: Vec<String>,
    pub(super) allowed: Vec<Allowed>,
}

#[derive(Deserialize)]
struct FileText {
    extend: Option<ExtendText>,
    #[serde(default)]
    rules: Vec<RuleText>,
    allowlist: Option<AllowText>,
    #[serde(default)]
    allowlists: Vec<AllowText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtendText {
    #[serde(default)]
    use_default: bool,
    path: Option<String>,
    url: Option<String>,
    #[serde(default)]
    disabled_rules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleText {
    id: String,
    description: Option<String>,
    regex: Option<String>,
    path: Option<String>,
    #[serde(default)]
    secret_group: usize,
    #[serde(default)]
    entropy: f32,
    #[serde(default)]
    keywords: Vec<String>,
    allowlist: Option<AllowText>,
    #[serde(default)]
    allowlists: Vec<AllowText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllowText {
    condition: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    regexes: Vec<String>,
    regex_target: Option<String>,
    #[serde(default)]
    stopwords: Vec<String>,
    #[serde(default)]
    target_rules: Vec<String>,
}

impl Gitleaks {
    /// Reads a file that is called `name` in errors.
    ///
    /// # Errors
    /// It is no TOML of this shape, it names another file, or a pattern in it can't be used.
    pub fn read(text: &str, name: &str) -> Result<Self> {
        let file: FileText = toml::from_str(text).map_err(|e| shape(text, name, e.span(), e.message()))?;
        let count = file.rules.iter().map(|r| r.allowlists.len()).sum::<usize>() + file.allowlists.len();
        if file.rules.len() > RULES_MAX || count > ALLOW_MAX {
            let message = format!("at most {RULES_MAX} rules and {ALLOW_MAX} allow lists are taken");
            return Err(shape(text, name, None, &message));
        }
        let mut out = Gitleaks::default();
        if let Some(extend) = file.extend {
            out.extend(extend, name)?;
        }
        let reader = Reader { name };
        out.allowed = reader.all_allowed("allowlist", file.allowlist.into_iter().chain(file.allowlists))?;
        for rule in file.rules {
            if out.without.contains(&rule.id) {
                continue;
            }
            if out.rules.iter().any(|other| other.id == rule.id) {
                return Err(reader.wrong(&rule.id, "there are two rules of that id"));
            }
            out.rules.push(reader.rule(rule)?);
        }
        Ok(out)
    }

    /// What the reader of the file should be told.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The id and description of each rule.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.iter().map(|rule| (rule.id.as_str(), rule.title.as_str()))
    }

    fn extend(&mut self, extend: ExtendText, name: &str) -> Result<()> {
        if extend.path.or(extend.url).is_some_and(|other| !other.is_empty()) {
            return Err(Error::Extends { name: name.to_owned() });
        }
        if extend.use_default {
            self.notes.push(format!("{name}: `useDefault` means consign's own rules here, not those of gitleaks"));
        }
        self.without = extend.disabled_rules;
        Ok(())
    }
}

fn shape(text: &str, name: &str, span: Option<Range<usize>>, message: &str) -> Error {
    let at = span.map_or(0, |span| span.start).min(text.len());
    let at = place(&text.as_bytes()[..at], Wide::No);
    Error::Shape { name: name.to_owned(), line: at.line, column: at.column, message: message.trim().to_owned() }
}

/// Makes rules ready; knows whose file it is.
struct Reader<'a> {
    name: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, rule: &str, message: &str) -> Error {
        Error::Rule { name: self.name.to_owned(), rule: rule.to_owned(), message: message.to_owned() }
    }

    fn pattern(&self, rule: &str, what: &'static str, text: &str) -> Result<Go> {
        let (name, rule) = (self.name.to_owned(), rule.to_owned());
        Go::new(text).map_err(|message| Error::Pattern { name, rule, what, message })
    }

    fn rule(&self, text: RuleText) -> Result<UserRule> {
        let id = text.id;
        let one = |what, text: Option<String>| text.map(|text| self.pattern(&id, what, &text)).transpose();
        let (regex, path) = (one("regex", text.regex)?, one("path", text.path)?);
        if regex.is_none() && path.is_none() {
            return Err(self.wrong(&id, "it has neither `regex` nor `path`"));
        }
        if regex.as_ref().is_some_and(|regex| regex.groups() <= text.secret_group && text.secret_group > 0) {
            return Err(
                self.wrong(&id, &format!("`secretGroup` is {}, and the pattern has no such group", text.secret_group))
            );
        }
        let allowed = self.all_allowed(&id, text.allowlist.into_iter().chain(text.allowlists))?;
        let keywords = text.keywords.into_iter().filter(|word| !word.is_empty()).collect();
        let title = text.description.unwrap_or_else(|| id.clone());
        Ok(UserRule { id, title, regex, path, group: text.secret_group, entropy: text.entropy, keywords, allowed })
    }

    fn all_allowed(&self, rule: &str, all: impl Iterator<Item = AllowText>) -> Result<Vec<Allowed>> {
        all.map(|text| self.allowed(rule, text)).collect()
    }

    fn allowed(&self, rule: &str, text: AllowText) -> Result<Allowed> {
        let all =
            |what, list: &[String]| list.iter().map(|text| self.pattern(rule, what, text)).collect::<Result<Vec<_>>>();
        let target = match text.regex_target.as_deref() {
            None | Some("" | "secret") => Target::Secret,
            Some("match") => Target::Match,
            Some("line") => Target::Line,
            Some(_) => return Err(self.wrong(rule, "`regexTarget` is `secret`, `match` or `line`")),
        };
        let every = match text.condition.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("" | "OR" | "||") => false,
            Some("AND" | "&&") => true,
            Some(_) => return Err(self.wrong(rule, "`condition` is `OR` or `AND`")),
        };
        Ok(Allowed {
            paths: all("allowlist path", &text.paths)?,
            regexes: all("allowlist regex", &text.regexes)?,
            stopwords: text.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
            rules: text.target_rules,
            target,
            every,
        })
    }
}

impl UserRule {
    /// True if the lists of this rule, or those of all rules, let a match pass.
    pub(super) fn lets_pass(&self, all: &[Allowed], what: &Match<'_>) -> bool {
        let mine = self.allowed.iter();
        let others = all.iter().filter(|a| a.rules.is_empty() || a.rules.contains(&self.id));
        mine.chain(others).any(|allowed| allowed.takes(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    fn fails(text: &str) -> String {
        let error = Gitleaks::read(text, "rules.toml").unwrap_err();
        assert_eq!(error.word(), "rules-broken");
        error.to_string()
    }

    #[test]
    fn what_is_wrong_with_a_file_of_rules_is_said_with_its_place_or_rule() {
        assert!(fails("[[rules]]\nid = 'a'\nregex = 3\n").starts_with("rules.toml:3:9: "));
        assert!(fails("[[rules]]\nid = 'a'\nregex = '(?=x)'\n").contains("rule `a`: regex can't be used"));
        assert!(fails("[[rules]]\nid = 'a'\n").contains("neither `regex` nor `path`"));
        assert!(fails("[[rules]]\nid = 'a'\nregex = 'x'\nsecretGroup = 1\n").contains("no such group"));
        assert!(fails("[extend]\npath = '/etc/passwd'\n").contains("names another file"));
        assert!(fails("[allowlist]\nregexes = ['(']\n").contains("rule `allowlist`: allowlist regex"));
    }

    #[test]
    fn a_giant_pattern_is_refused_at_once() {
        assert!(fails("[[rules]]\nid = 'big'\nregex = '((a{1000}){1000}){1000}'\n").contains("rule `big`"));
    }

    #[test]
    fn use_default_is_said_to_mean_our_own_rules() {
        let read = Gitleaks::read("[extend]\nuseDefault = true\ndisabledRules = ['jwt']\n", "rules.toml").unwrap();
        assert_eq!((read.notes().len(), read.without.len()), (1, 1));
    }
}
