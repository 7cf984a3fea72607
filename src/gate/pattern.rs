//! The patterns of rules: the door to `regex`. Bytes, no Unicode tables, bounded in size, linear in time.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

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
