//! What can be wrong with bytes that should be in the format.

use crate::class::{Class, Fault};

/// An error of the format floor: whoever made the bytes is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not begin as a bundle does.
    #[error("not a consign bundle ({hint})")]
    NotABundle {
        /// What it looks like instead.
        hint: &'static str,
    },
    /// A format or an extension that is newer than this program.
    #[error("made by a newer program: {what}")]
    Newer {
        /// The number or extension.
        what: String,
    },
    /// The file ends too early.
    #[error("cut short: {what}")]
    CutShort {
        /// Where it ends.
        what: String,
    },
    /// Bytes that differ from what was signed, or break a statement of the format.
    #[error("{part}: {why}")]
    Changed {
        /// The member, document or line.
        part: String,
        /// The statement that does not hold.
        why: String,
    },
    /// A number beyond the limits of FORMAT §6.3.
    #[error("{part} is larger than the limits of the format: {why}")]
    TooLarge {
        /// The member, document or line.
        part: String,
        /// The limit.
        why: String,
    },
    /// A line that was typed from paper, with a mistake in it.
    #[error("line {line} is mistyped: {why}")]
    Mistyped {
        /// Its number.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// What the system says while a stream is read.
    #[error("reading the {part} failed")]
    Read {
        /// What was read.
        part: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A path that could leave its folder, run code, or name nothing.
    #[error("unsafe path `{path}`: {why}")]
    UnsafePath {
        /// The path, as it came.
        path: String,
        /// The rule of FORMAT §3.7.
        why: &'static str,
    },
    /// A link whose target could leave the tree.
    #[error("unsafe link `{path}` to `{target}`: {why}")]
    UnsafeLink {
        /// The link.
        path: String,
        /// Where it points.
        target: String,
        /// The rule of FORMAT §3.8.
        why: &'static str,
    },
    /// A text that should be a value, such as a time.
    #[error("`{text}` is not {what}")]
    NotA {
        /// The text.
        text: String,
        /// What it should be.
        what: &'static str,
    },
}

/// A result of the format floor.
pub type Result<T> = std::result::Result<T, Error>;

/// A breach of a statement of the format.
pub(crate) fn changed(part: impl Into<String>, why: impl Into<String>) -> Error {
    Error::Changed { part: part.into(), why: why.into() }
}

/// A breach of a limit.
pub(crate) fn too_large(part: impl Into<String>, why: impl Into<String>) -> Error {
    Error::TooLarge { part: part.into(), why: why.into() }
}

impl Fault for Error {
    fn word(&self) -> &'static str {
        match self {
            Error::NotABundle { .. } => "not-a-bundle",
            Error::Newer { .. } => "newer-format",
            Error::CutShort { .. } => "cut-short",
            Error::Changed { .. } => "changed",
            Error::TooLarge { .. } => "too-large",
            Error::Mistyped { .. } => "mistyped",
            Error::UnsafePath { .. } => "unsafe-path",
            Error::UnsafeLink { .. } => "unsafe-link",
            Error::NotA { .. } => "bad-value",
            Error::Read { .. } => "io",
        }
    }

    fn class(&self) -> Class {
        match self {
            Error::NotABundle { .. } | Error::CutShort { .. } | Error::Changed { .. } | Error::Mistyped { .. } => {
                Class::Changed
            }
            Error::Newer { .. } | Error::TooLarge { .. } | Error::UnsafePath { .. } | Error::UnsafeLink { .. } => {
                Class::Unsafe
            }
            Error::NotA { .. } => Class::Usage,
            Error::Read { .. } => Class::Failed,
        }
    }
}
