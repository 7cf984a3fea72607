//! The patterns of rules: the door to `regex`. Bytes, no Unicode tables, bounded in size, linear in time.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

use super::gosyntax::translated;
use super::rule::{Rule, Test};

/// A pattern that was made ready, and the group of it that is the secret.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    group: usize,
}

/// What a pattern may take of memory when it is made ready.
const SIZE_MAX: usize = 4 << 20;

impl Pattern {
    /// The pattern of a rule of our own; `None` for one that has none.
    pub(super) fn of(rule: &Rule) -> Option<Pattern> {
        let text = match rule.test {
            Test::At { pattern, .. } => format!(r"\A(?:{pattern})"),
            Test::Near { pattern, .. } => pattern.to_owned(),
            Test::Code(_) => return None,
        };
        let regex = built(&text, false).ok()?;
        let group = regex.captures_len().min(2) - 1;
        Some(Pattern { regex, group })
    }

    /// The secret of the first match.
    pub(super) fn first(&self, text: &[u8]) -> Option<Range<usize>> {
        if self.group == 0 {
            return self.regex.find(text).map(|m| m.range());
        }
        self.regex.captures(text)?.get(self.group).map(|m| m.range())
    }

    /// The secret of every match.
    pub(super) fn each(&self, text: &[u8], mut tell: impl FnMut(Range<usize>)) {
        if self.group == 0 {
            self.regex.find_iter(text).for_each(|m| tell(m.range()));
        } else {
            let all = self.regex.captures_iter(text).filter_map(|all| all.get(self.group).map(|m| m.range()));
            all.for_each(tell);
        }
    }
}

/// A pattern of a user's, in the syntax of Go.
#[derive(Debug)]
pub(super) struct Go(Regex);

/// A longer pattern of a user's is refused.
const TEXT_MAX: usize = 64 << 10;
/// So many matches of one are taken from a chunk.
const MATCHES_MAX: usize = 1000;

impl Go {
    /// Makes a pattern ready.
    pub(super) fn new(text: &str) -> Result<Go, String> {
        if text.len() > TEXT_MAX {
            return Err(format!("it is longer than {TEXT_MAX} bytes"));
        }
        let text = translated(text);
        // A class with characters beyond ASCII can only be made with the tables of Unicode.
        let regex = built(&text, false).or_else(|why| if text.is_ascii() { Err(why) } else { built(&text, true) });
        regex.map(Go).map_err(|why| match why {
            regex::Error::CompiledTooBig(_) => format!("it would take more than {} MiB", SIZE_MAX >> 20),
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        })
    }

    /// The number of groups, the whole match included.
    pub(super) fn groups(&self) -> usize {
        self.0.captures_len()
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// Every match and its secret: the group, or without one the first group that matched, or all of it.
    pub(super) fn each(&self, text: &[u8], group: usize, mut tell: impl FnMut(Range<usize>, Range<usize>)) {
        if self.groups() == 1 {
            return self.0.find_iter(text).take(MATCHES_MAX).for_each(|m| tell(m.range(), m.range()));
        }
        for all in self.0.captures_iter(text).take(MATCHES_MAX) {
            let Some(whole) = all.get(0).map(|m| m.range()) else { continue };
            let first = || all.iter().skip(1).flatten().find(|m| !m.is_empty());
            let secret = if group > 0 { all.get(group) } else { first() };
            tell(whole.clone(), secret.map_or(whole, |m| m.range()));
        }
    }
}

fn built(text: &str, unicode: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(unicode).size_limit(SIZE_MAX).dfa_size_limit(SIZE_MAX).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::rules;

    #[test]
    fn every_pattern_of_ours_can_be_made() {
        for rule in rules::all() {
            assert!(Pattern::of(&rule).is_some() != matches!(rule.test, Test::Code(_)), "{}", rule.word);
        }
    }
}
