//! A hit: where something was found and what it is, never what it says.

use super::wide::Wide;
use crate::crypto::Digest;

/// What kind of thing a rule finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A password, token or other secret.
    Secret,
    /// A private key, or a store of them.
    PrivateKey,
    /// A word that the project forbids.
    Word,
    /// A host that the project forbids.
    Host,
}

/// One thing that should not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The fixed word of the rule, such as `aws-access-key`.
    pub rule: String,
    /// What it is, for a person, such as `AWS access key`.
    pub title: String,
    /// The kind of rule.
    pub kind: Kind,
    /// Where it begins in the file, in bytes. 0 if it is the name of the file.
    pub offset: u64,
    /// Its length in the file, in bytes.
    pub len: usize,
    /// What may be shown of it: `AKIA..7QF2`, `18 characters`. Printable ASCII, but for words of the project's own.
    pub shown: String,
    /// H of the secret, for allow entries. That of a short password can be guessed from it: show it to nobody else.
    pub digest: Digest,
    /// How its characters stand in the file.
    pub wide: Wide,
}
