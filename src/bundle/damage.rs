//! What is not as it was signed in a copy of a bundle, and where.

use std::fmt;

use crate::format::container::Member;

/// A part of a bundle that is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The member.
    pub member: String,
    /// For a volume: its number in its compartment, from 1, and how many there are.
    pub volume: Option<(u64, u64)>,
    /// Where it must begin, with its header.
    pub from: u64,
    /// Where it must end, with its padding; the first byte after it.
    pub to: u64,
    /// What happened to it.
    pub what: Harm,
}

/// What happened to a part of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Its bytes are not those that were signed.
    Changed,
    /// The file ends before it.
    Missing,
    /// The file ends in it.
    CutShort,
    /// It is whole; the header before it or the padding after it is not.
    Around,
    /// It is whole, but stands elsewhere, and so does what follows.
    Moved,
    /// It does not belong to the bundle.
    Added,
}

impl Harm {
    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Harm::Changed => "changed",
            Harm::Missing => "missing",
            Harm::CutShort => "cut-short",
            Harm::Around => "header",
            Harm::Moved => "moved",
            Harm::Added => "added",
        }
    }

    /// Whether the member itself is lost.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Harm::Changed | Harm::Missing | Harm::CutShort)
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Harm::Changed => "changed",
            Harm::Missing => "missing",
            Harm::CutShort => "cut short",
            Harm::Around => "whole, but its header or padding was changed",
            Harm::Moved => "whole, but moved from its place",
            Harm::Added => "does not belong there",
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.member)?;
        if let Some((k, n)) = self.volume {
            write!(f, " (volume {k} of {n})")?;
        }
        write!(f, ", bytes {} to {}: {}", self.from, self.to.saturating_sub(1).max(self.from), self.what)
    }
}

impl Damage {
    pub(super) fn new(member: Member, volumes: impl Fn(usize) -> u64, from: u64, to: u64, what: Harm) -> Damage {
        let volume = match member {
            Member::Volume(c, v) => Some((v + 1, volumes(c))),
            _ => None,
        };
        Damage { member: member.name(), volume, from, to, what }
    }
}
