//! What a rule of our own is: keywords that the first pass looks for, and a test of the place where one stands.

use std::ops::Range;

use super::found::Strength;
use super::hit::Kind;
use super::redact::Shown;
use super::stretch::Stretch;

/// How a place is tested.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    /// A pattern that must match from `back` bytes before the keyword on, where a word must begin, and is at most
    /// `limit` bytes long. The secret is its group 1, or all of it.
    At { back: usize, limit: usize, pattern: &'static str },
    /// A pattern that is searched from `before` bytes before the keyword to `after` bytes behind it.
    Near { before: usize, after: usize, pattern: &'static str },
    /// Something that no pattern says well. It gives the place of the secret.
    Code(fn(&Stretch<'_>, Range<usize>) -> Option<Range<usize>>),
}

/// What a secret must have besides its form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Proof {
    /// The test has decided.
    Done,
    /// No placeholder, and at least so many bits of entropy a character.
    Entropy(f32),
    /// The same, unless the checksum in its last six characters is right.
    Checksum(f32),
}

/// One rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    pub(super) keywords: &'static [&'static str],
    pub(super) test: Test,
    pub(super) proof: Proof,
    pub(super) strength: Strength,
    pub(super) shown: Shown,
}

impl Rule {
    /// A token whose form says what it is; it begins with the keyword.
    pub(super) const fn token(
        word: &'static str,
        title: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Rule {
        let test = Test::At { back: 0, limit: 512, pattern };
        Rule {
            word,
            title,
            kind: Kind::Secret,
            keywords,
            test,
            proof: Proof::Entropy(2.5),
            strength: Strength::Form,
            shown: Shown::Ends,
        }
    }

    /// Something found by code.
    pub(super) const fn code(
        word: &'static str,
        title: &'static str,
        keywords: &'static [&'static str],
        code: fn(&Stretch<'_>, Range<usize>) -> Option<Range<usize>>,
    ) -> Rule {
        let rule = Rule::token(word, title, keywords, "");
        Rule { test: Test::Code(code), proof: Proof::Done, shown: Shown::Length, ..rule }
    }

    /// The same rule, with its secret searched near the keyword.
    pub(super) const fn near(self, before: usize, after: usize) -> Rule {
        let pattern = match self.test {
            Test::At { pattern, .. } | Test::Near { pattern, .. } => pattern,
            Test::Code(_) => "",
        };
        Rule { test: Test::Near { before, after, pattern }, ..self }
    }

    /// The same rule, whose pattern begins before the keyword.
    pub(super) const fn back(self, bytes: usize) -> Rule {
        match self.test {
            Test::At { limit, pattern, .. } => Rule { test: Test::At { back: bytes, limit, pattern }, ..self },
            _ => self,
        }
    }

    /// The same rule for longer secrets.
    pub(super) const fn limit(self, bytes: usize) -> Rule {
        match self.test {
            Test::At { back, pattern, .. } => Rule { test: Test::At { back, limit: bytes, pattern }, ..self },
            _ => self,
        }
    }

    pub(super) const fn proof(self, proof: Proof) -> Rule {
        Rule { proof, ..self }
    }

    pub(super) const fn shown(self, shown: Shown) -> Rule {
        Rule { shown, ..self }
    }

    pub(super) const fn generic(self) -> Rule {
        Rule { strength: Strength::Generic, ..self }
    }

    pub(super) const fn key(self) -> Rule {
        Rule { kind: Kind::PrivateKey, shown: Shown::Length, ..self }
    }
}

/// What may be told of a rule: for help pages and SARIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The fixed word.
    pub word: &'static str,
    /// The title.
    pub title: &'static str,
    /// The kind.
    pub kind: Kind,
}
