//! What a user's rules let pass: an allow list of gitleaks.

use super::pattern::Go;

/// What the patterns of a list are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Secret,
    Match,
    Line,
}

/// One list. A match passes by any of what it says, or only by all of it.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) paths: Vec<Go>,
    pub(super) regexes: Vec<Go>,
    pub(super) stopwords: Vec<String>,
    /// The rules it is for; none means all.
    pub(super) rules: Vec<String>,
    pub(super) target: Target,
    pub(super) every: bool,
}

/// What a pattern matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match<'a> {
    pub(super) path: &'a str,
    pub(super) secret: &'a [u8],
    pub(super) matched: &'a [u8],
    pub(super) line: &'a [u8],
}

impl Allowed {
    pub(super) fn takes(&self, what: &Match<'_>) -> bool {
        let text = match self.target {
            Target::Secret => what.secret,
            Target::Match => what.matched,
            Target::Line => what.line,
        };
        let lower = what.secret.to_ascii_lowercase();
        let has = |word: &String| !word.is_empty() && lower.windows(word.len()).any(|w| w == word.as_bytes());
        // A part that says nothing is no condition.
        let parts = [
            (!self.paths.is_empty()).then(|| self.paths.iter().any(|p| p.is_match(what.path.as_bytes()))),
            (!self.regexes.is_empty()).then(|| self.regexes.iter().any(|p| p.is_match(text))),
            (!self.stopwords.is_empty()).then(|| self.stopwords.iter().any(has)),
        ];
        let mut said = parts.into_iter().flatten().peekable();
        said.peek().is_some() && if self.every { said.all(|is| is) } else { said.any(|is| is) }
    }
}
