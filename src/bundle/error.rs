//! What can go wrong with one parcel.

use super::damage::Damage;
use crate::class::{Class, Fault};
use crate::crypto::{self, Fingerprint};
use crate::files;
use crate::format::{self, card::CardError};
use crate::policy::Refusal;

/// An error of the bundle floor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that are not in the format.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// Keys, envelopes, signatures.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
    /// The disk.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// A rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A card or a key file.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Signed by nobody who is known here.
    #[error("signed, but not by anyone you trust yet")]
    Untrusted {
        /// The key.
        by: Fingerprint,
        /// What the bundle says its sender is called.
        claims: String,
        /// The check words of the key.
        words: String,
        /// Whether its card is in the bundle.
        card: bool,
    },
    /// Signed by a key that is revoked.
    #[error("signed with a key that is revoked, {by}")]
    Revoked {
        /// The key.
        by: Fingerprint,
    },
    /// Neither the file nor a copy has a statement whose signatures fit.
    #[error("{what} is damaged or missing, so nothing in it can be trusted")]
    NoStatement {
        /// The part that is missed.
        what: &'static str,
    },
    /// A copy of another bundle.
    #[error("`{}` is a copy of another bundle, {name}", copy.display())]
    OtherBundle {
        /// The copy.
        copy: std::path::PathBuf,
        /// What that bundle is called.
        name: String,
    },
    /// Members that no copy has.
    #[error("no copy has {} of its {members} members whole", lost.len())]
    Beyond {
        /// They.
        lost: Vec<Damage>,
        /// How many the bundle has.
        members: u64,
    },
    /// Salvage found no whole file.
    #[error("none of its {files} files is whole")]
    NothingSalvaged {
        /// How many there are.
        files: u64,
    },
    /// No key here opens it.
    #[error("no key here opens this bundle")]
    NoKey {
        /// The recipient strings that were tried.
        tried: Vec<String>,
    },
    /// There is no key here at all.
    #[error("there is no key here to open it with")]
    NoIdentity,
    /// The key of the bundle is held back.
    #[error("the key of this bundle is held back by its sender")]
    Held,
    /// Several compartments are open and they disagree.
    #[error("two compartments that your keys open disagree about `{path}`")]
    CompartmentsDiffer {
        /// The path.
        path: String,
        /// The compartments that are open.
        open: Vec<usize>,
    },
    /// A compartment that is not there, or closed to these keys.
    #[error("compartment {n} is not open to your keys")]
    NoCompartment {
        /// Its number.
        n: usize,
    },
    /// A delta without what it is made against.
    #[error("this bundle holds only what changed since another one")]
    NeedsBase,
    /// A delta and something else than what it is made against.
    #[error("the base is not what this bundle was made against")]
    WrongBase {
        /// What it must be.
        want: crypto::Digest,
        /// What it is.
        got: crypto::Digest,
    },
    /// A path that the bundle does not have.
    #[error("there is no file `{path}` in the bundle")]
    NotThere {
        /// The path.
        path: String,
    },
    /// Patterns that match nothing.
    #[error("nothing in the bundle matches {patterns}")]
    NothingMatched {
        /// They.
        patterns: String,
    },
    /// The lens found something that must not leave.
    #[error("something in it must not leave")]
    Screened,
    /// There is nothing to send.
    #[error("there is nothing to send: every file is left out")]
    NothingToSend,
    /// Links can't be made where the tree should go.
    #[error("there are {count} links in it, and none can be made here")]
    NoLinks {
        /// How many.
        count: u64,
    },
    /// A name that this system can't hold.
    #[error("`{path}` {why}")]
    Unportable {
        /// The path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// The reader of a pipe, or the disk behind a stream.
    #[error("can't write the output: {}", files::plain(.0))]
    Output(#[source] std::io::Error),
    /// The system makes no thread.
    #[error("can't start a thread: {}", files::plain(.0))]
    NoThread(#[source] std::io::Error),
    /// A worker ended without a word.
    #[error("a worker thread ended early; this is a bug")]
    Bug,
}

/// A result of the bundle floor.
pub type Result<T> = std::result::Result<T, Error>;

impl Fault for Error {
    fn word(&self) -> &'static str {
        match self {
            Error::Format(e) => e.word(),
            Error::Crypto(e) => e.word(),
            Error::Files(e) => e.word(),
            Error::Refused(e) => e.word(),
            Error::Card(e) => e.word(),
            Error::Untrusted { .. } => "untrusted",
            Error::Revoked { .. } => "revoked",
            Error::NoStatement { .. } => "no-statement",
            Error::OtherBundle { .. } => "other-bundle",
            Error::Beyond { .. } => "beyond-repair",
            Error::NothingSalvaged { .. } => "nothing-salvaged",
            Error::NoKey { .. } | Error::NoIdentity => "wrong-key",
            Error::Held => "held",
            Error::CompartmentsDiffer { .. } => "compartments-differ",
            Error::NoCompartment { .. } => "no-compartment",
            Error::NeedsBase => "needs-base",
            Error::WrongBase { .. } => "wrong-base",
            Error::NotThere { .. } => "not-there",
            Error::NothingMatched { .. } => "nothing-matched",
            Error::NothingToSend => "nothing-to-send",
            Error::Screened => "findings",
            Error::NoLinks { .. } => "no-links",
            Error::Unportable { .. } => "unsafe-name",
            Error::Output(e) if e.kind() == std::io::ErrorKind::BrokenPipe => "stopped",
            Error::Output(_) | Error::NoThread(_) => "io",
            Error::Bug => "bug",
        }
    }

    fn class(&self) -> Class {
        match self {
            Error::Format(e) => e.class(),
            Error::Crypto(e) => e.class(),
            Error::Files(e) => e.class(),
            Error::Refused(e) => e.class(),
            Error::Card(e) => e.class(),
            Error::Untrusted { .. } | Error::Revoked { .. } => Class::Untrusted,
            Error::NoStatement { .. } | Error::Beyond { .. } | Error::NothingSalvaged { .. } => Class::Changed,
            Error::OtherBundle { .. } => Class::Usage,
            Error::NoKey { .. } | Error::NoIdentity | Error::Held | Error::NoCompartment { .. } => Class::WrongKey,
            Error::CompartmentsDiffer { .. } | Error::NeedsBase | Error::NotThere { .. } => Class::Usage,
            Error::NothingMatched { .. } | Error::NothingToSend => Class::Usage,
            Error::WrongBase { .. } => Class::Refused,
            Error::Screened => Class::Findings,
            Error::NoLinks { .. } | Error::Unportable { .. } => Class::Unsafe,
            // The reader of a pipe left: SIGPIPE's number.
            Error::Output(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Class::Stopped(13),
            Error::Output(_) | Error::NoThread(_) | Error::Bug => Class::Failed,
        }
    }
}
