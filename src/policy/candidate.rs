//! Candidates: whoever should be able to open a bundle, before anybody was checked.

use crate::format::time::Time;

/// Somebody who should be able to open the bundle.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The partner's name here; the recipient string for somebody without one.
    pub name: String,
    /// A recipient string, as written.
    pub key: String,
    /// When the card it is from ends.
    pub card_expires: Option<Time>,
    /// Whether this is the sender itself.
    pub own: bool,
    /// Whether the name is that of a partner on record; else it is whatever came with the key.
    pub on_record: bool,
    /// The agreement that it gets the files under.
    pub agreement: Option<String>,
}

impl Candidate {
    /// The partner, if this is one.
    pub(super) fn partner(&self) -> Option<&str> {
        self.on_record.then_some(self.name.as_str())
    }
}
