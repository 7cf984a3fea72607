//! What can be wrong with agreements and other evidence, beside that none is in force.

use std::path::PathBuf;

use crate::class::{Class, Fault};
use crate::format::date::Date;

/// Why something is not put on record, or not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disagreement {
    /// The name belongs to something else.
    #[error("something else is on record as `{reference}` for {partner}")]
    Taken {
        /// The partner.
        partner: String,
        /// The name.
        reference: String,
    },
    /// Nothing of that name is on record.
    #[error("nothing is on record as `{reference}` for {partner}")]
    NotOnRecord {
        /// The partner.
        partner: String,
        /// The name that was asked for.
        reference: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// It would end before it begins.
    #[error("it would end {until}, before it begins {from}")]
    Dates {
        /// The first day.
        from: Date,
        /// The last day.
        until: Date,
    },
    /// It has ended, and nobody said when it began.
    #[error("{until} is in the past")]
    Past {
        /// The last day.
        until: Date,
    },
    /// A name that can't be kept.
    #[error("{what}: {why}")]
    Text {
        /// What it is for.
        what: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// A document without a byte.
    #[error("{} is empty", path.display())]
    Empty {
        /// It.
        path: PathBuf,
    },
    /// There is nothing to resume.
    #[error("{partner} is not suspended")]
    NotSuspended {
        /// The partner.
        partner: String,
    },
    /// A partner without a key that could sign.
    #[error("no key of {partner} is on record that could sign an agreement")]
    NoSigner {
        /// The partner.
        partner: String,
    },
    /// An agreement that only one firm has signed.
    #[error("this agreement lacks the second signature")]
    NotAccepted,
    /// An agreement that both have signed.
    #[error("both firms have signed this agreement already")]
    AlreadyAccepted,
    /// An agreement between others.
    #[error("this agreement is between {first} and {second}, not between you and {partner}")]
    OtherParties {
        /// The partner.
        partner: String,
        /// Who offers it, by its own word.
        first: String,
        /// Who accepted it, by its own word.
        second: String,
    },
    /// Something else is on record under its name.
    #[error("on record, `{reference}` has another {what}")]
    Differs {
        /// Its name.
        reference: String,
        /// What differs.
        what: &'static str,
    },
    /// It was on record and has been withdrawn.
    #[error("`{reference}` was withdrawn: {why}")]
    WasWithdrawn {
        /// Its name.
        reference: String,
        /// The reason that was given.
        why: String,
    },
    /// Another document than the one that the agreement names.
    #[error("{} is not the document that is agreed to", path.display())]
    OtherDocument {
        /// It.
        path: PathBuf,
    },
}

impl Fault for Disagreement {
    fn word(&self) -> &'static str {
        match self {
            Disagreement::Taken { .. } => "reference-taken",
            Disagreement::NotOnRecord { .. } => "not-on-record",
            Disagreement::Dates { .. } | Disagreement::Past { .. } => "bad-dates",
            Disagreement::Text { .. } => "bad-text",
            Disagreement::Empty { .. } => "empty-document",
            Disagreement::NotSuspended { .. } => "not-suspended",
            Disagreement::NoSigner { .. } => "no-signer",
            Disagreement::NotAccepted => "not-accepted",
            Disagreement::AlreadyAccepted => "already-accepted",
            Disagreement::OtherParties { .. } => "other-parties",
            Disagreement::Differs { .. } => "agreement-differs",
            Disagreement::WasWithdrawn { .. } => "agreement-withdrawn",
            Disagreement::OtherDocument { .. } => "other-document",
        }
    }

    fn class(&self) -> Class {
        match self {
            Disagreement::NotAccepted
            | Disagreement::OtherParties { .. }
            | Disagreement::Differs { .. }
            | Disagreement::WasWithdrawn { .. } => Class::Refused,
            Disagreement::OtherDocument { .. } => Class::Changed,
            _ => Class::Usage,
        }
    }
}
