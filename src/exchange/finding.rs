//! What the gate found: where, what kind, how grave; never what it says. Findings are bounded: of very many the first
//! are kept, and all are counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::Digest;
use crate::gate::{Kind, Place, Wide};

/// How many findings are kept.
pub const KEPT: usize = 1000;

/// The kinds of finding, the gravest first. Each has a fixed word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// A private key, or a store of them.
    PrivateKey,
    /// A password, token or other secret.
    Secret,
    /// A word that the project forbids.
    ForbiddenWord,
    /// A host that the project forbids.
    ForbiddenHost,
    /// A Git LFS pointer in place of the file it stands for.
    LfsPointer,
    /// A header with a licence that the project doesn't take.
    LicenceForeign,
    /// No licence in the header.
    LicenceMissing,
    /// A name that some system can't hold, or can't tell from another.
    UnportableName,
    /// A file that is too large.
    HugeFile,
    /// A file that a program made.
    GeneratedFile,
}

impl Word {
    /// All of them, the gravest first.
    pub const ALL: [Word; 10] = [
        Word::PrivateKey,
        Word::Secret,
        Word::ForbiddenWord,
        Word::ForbiddenHost,
        Word::LfsPointer,
        Word::LicenceForeign,
        Word::LicenceMissing,
        Word::UnportableName,
        Word::HugeFile,
        Word::GeneratedFile,
    ];

    /// The fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Word::PrivateKey => "private-key",
            Word::Secret => "secret",
            Word::ForbiddenWord => "forbidden-word",
            Word::ForbiddenHost => "forbidden-host",
            Word::LfsPointer => "lfs-pointer",
            Word::LicenceForeign => "licence-foreign",
            Word::LicenceMissing => "licence-missing",
            Word::UnportableName => "unportable-name",
            Word::HugeFile => "huge-file",
            Word::GeneratedFile => "generated-file",
        }
    }

    /// What one of them is called.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Word::PrivateKey => "private key",
            Word::Secret => "secret",
            Word::ForbiddenWord => "forbidden word",
            Word::ForbiddenHost => "forbidden host",
            Word::LfsPointer => "Git LFS pointer",
            Word::LicenceForeign => "foreign licence",
            Word::LicenceMissing => "missing licence",
            Word::UnportableName => "unportable name",
            Word::HugeFile => "huge file",
            Word::GeneratedFile => "generated file",
        }
    }

    pub(super) fn of(kind: Kind) -> Word {
        match kind {
            Kind::PrivateKey => Word::PrivateKey,
            Kind::Secret => Word::Secret,
            Kind::Word => Word::ForbiddenWord,
            Kind::Host => Word::ForbiddenHost,
        }
    }
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing leaves.
    Error,
    /// It is told.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file's path in the tree.
    pub path: String,
    /// Its place in the file; none for what is about all of it, or its name.
    pub place: Option<Place>,
    /// The kind.
    pub word: Word,
    /// The word of the rule, such as `aws-access-key`.
    pub rule: String,
    /// What it is, for a person.
    pub title: String,
    /// What may be shown of it.
    pub shown: String,
    /// How grave it is.
    pub severity: Severity,
    /// What an entry of the allow list is pinned to.
    pub pin: Digest,
    /// Where it begins, in bytes; none for what has no place.
    pub(super) at: Option<u64>,
    /// How its characters stand in the file.
    pub(super) wide: Spelled,
}

/// How the characters of a file stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spelled {
    Narrow,
    Little,
    Big,
}

impl Spelled {
    pub(super) fn of(wide: Wide) -> Spelled {
        match wide {
            Wide::No => Spelled::Narrow,
            Wide::Little => Spelled::Little,
            Wide::Big => Spelled::Big,
        }
    }

    pub(super) fn wide(self) -> Wide {
        match self {
            Spelled::Narrow => Wide::No,
            Spelled::Little => Wide::Little,
            Spelled::Big => Wide::Big,
        }
    }
}

/// What is known of a finding once a rule said it: not yet where its line is.
pub(super) struct Raw<'a> {
    pub(super) word: Word,
    pub(super) rule: &'a str,
    pub(super) title: &'a str,
    pub(super) shown: String,
    pub(super) at: Option<u64>,
    pub(super) wide: Wide,
    /// H of what was found.
    pub(super) content: Digest,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Findings {
    kept: BTreeSet<Finding>,
    counts: BTreeMap<(Severity, Word), u64>,
    /// How many were looked at and are allowed.
    pub allowed: u64,
    /// The pins of the entries that allowed them.
    pub pins: BTreeSet<Digest>,
    /// How many files were looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        *self.counts.entry((finding.severity, finding.word)).or_default() += 1;
        self.kept.insert(finding);
        self.keep_in_bounds();
    }

    /// Lets go of warnings first, and then of the last in order, so that what is kept does not depend on who was first.
    fn keep_in_bounds(&mut self) {
        while self.kept.len() > KEPT {
            let last = self.kept.iter().rev().find(|finding| finding.severity == Severity::Warning).cloned();
            match last {
                Some(warning) => drop(self.kept.remove(&warning)),
                None => drop(self.kept.pop_last()),
            }
        }
    }

    /// Counts some that are not told one by one.
    pub(super) fn beyond(&mut self, word: Word, severity: Severity, count: u64) {
        if count > 0 {
            *self.counts.entry((severity, word)).or_default() += count;
        }
    }

    pub(super) fn merge(&mut self, other: Findings) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.kept.extend(other.kept);
        self.keep_in_bounds();
        self.allowed += other.allowed;
        self.pins.extend(other.pins);
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Those that are kept, sorted by path and place.
    pub fn list(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter()
    }

    /// How many there are that are so grave, kept or not.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts.iter().filter(|((s, _), _)| *s == severity).map(|(_, count)| count).sum()
    }

    /// How many errors of each kind there are, the gravest kind first.
    pub fn errors(&self) -> impl Iterator<Item = (Word, u64)> {
        self.counts.iter().filter(|((s, _), _)| *s == Severity::Error).map(|((_, word), count)| (*word, *count))
    }

    /// How many are not kept.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.counts.values().sum::<u64>().saturating_sub(self.kept.len() as u64)
    }

    /// How many errors of which kinds: `2 secrets, 1 forbidden word`.
    #[must_use]
    pub fn summary(&self) -> String {
        let one = |(word, count): (Word, u64)| match (word, count) {
            (_, 1) => format!("1 {}", word.noun()),
            _ => format!("{count} {}s", word.noun()),
        };
        self.errors().map(one).collect::<Vec<_>>().join(", ")
    }

    /// The gravest kind of which there is an error.
    #[must_use]
    pub fn worst(&self) -> Option<Word> {
        self.errors().map(|(word, _)| word).next()
    }
}
