//! Reasons that people give for what goes against a rule, or takes something back. A reason that says nothing is none.

use crate::class::{Class, Fault};

/// The most bytes of a reason.
const MAX: usize = 1000;

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// A text that is no reason.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct NoReason {
    /// Why not.
    why: &'static str,
}

impl Fault for NoReason {
    fn word(&self) -> &'static str {
        "no-reason"
    }
    fn class(&self) -> Class {
        Class::Usage
    }
}

impl Reason {
    /// From what somebody typed.
    ///
    /// # Errors
    /// [`NoReason`] for a text without a letter or a digit, one of several lines, or one of more than 1000 bytes.
    pub fn parse(text: &str) -> Result<Reason, NoReason> {
        let text = text.trim();
        if !text.chars().any(char::is_alphanumeric) {
            return Err(NoReason { why: "a reason is needed, and this one says nothing" });
        }
        if text.len() > MAX {
            return Err(NoReason { why: "a reason has 1000 bytes at most" });
        }
        if text.chars().any(char::is_control) {
            return Err(NoReason { why: "a reason is one line of text" });
        }
        Ok(Reason(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_in_one_line() {
        assert_eq!(Reason::parse(" the CEO said so ").map(|r| r.0).ok().as_deref(), Some("the CEO said so"));
        for bad in ["", "  ", "...", "a\nb", "a\u{1b}[2J", &"a".repeat(1001)] {
            assert_eq!(Reason::parse(bad).map_err(|e| e.word()).err(), Some("no-reason"), "{bad:?}");
        }
    }
}
