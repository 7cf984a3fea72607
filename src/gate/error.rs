//! What can be wrong with the rules that a user brings. Looking at bytes can't fail.

use crate::class::{Class, Fault};

/// The result of this floor.
pub type Result<T> = std::result::Result<T, Error>;

/// A file of rules that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no TOML, or not of the shape of a gitleaks configuration.
    #[error("{name}:{line}:{column}: {message}")]
    Shape {
        /// The file, as the caller named it.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What the reader of TOML says.
        message: String,
    },
    /// A pattern that can't be used.
    #[error("{name}: rule `{rule}`: {what} can't be used: {message}")]
    Pattern {
        /// The file.
        name: String,
        /// The rule, or `allowlist`.
        rule: String,
        /// Which pattern: `regex`, `path`, ….
        what: &'static str,
        /// Why not.
        message: String,
    },
    /// A rule that lacks something, or says something that has no meaning.
    #[error("{name}: rule `{rule}`: {message}")]
    Rule {
        /// The file.
        name: String,
        /// The rule.
        rule: String,
        /// What is wrong.
        message: String,
    },
    /// Something that would have another file read.
    #[error("{name}: `extend.path` names another file, and only this one is read")]
    Extends {
        /// The file.
        name: String,
    },
}

impl Fault for Error {
    fn word(&self) -> &'static str {
        "rules-broken"
    }

    fn class(&self) -> Class {
        Class::Usage
    }
}
