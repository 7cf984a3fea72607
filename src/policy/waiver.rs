//! Waivers: a rule that says no may be set aside once, by somebody who says why. What was set aside goes on record.

use super::Reason;
use crate::class::Fault;

/// Why rules may be set aside in one run, and which were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiver {
    why: Option<Reason>,
    used: Vec<Waived>,
}

/// A refusal that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// The partner that it is about; empty for all of the bundle.
    pub partner: String,
    /// Its word.
    pub word: &'static str,
    /// What it said.
    pub said: String,
}

impl Waiver {
    /// A waiver for this reason; none sets nothing aside.
    #[must_use]
    pub fn new(why: Option<Reason>) -> Waiver {
        Waiver { why, used: Vec::new() }
    }

    /// Sets a refusal aside that is about `partner`, and keeps what it said.
    ///
    /// # Errors
    /// The refusal itself, when nobody gave a reason.
    pub fn set_aside<R: Fault>(&mut self, partner: &str, refusal: R) -> Result<&Reason, R> {
        let Some(why) = &self.why else { return Err(refusal) };
        let waived = Waived { partner: partner.to_owned(), word: refusal.word(), said: refusal.to_string() };
        if !self.used.contains(&waived) {
            self.used.push(waived);
        }
        Ok(why)
    }

    /// The reason, if anything was set aside.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.why.as_ref().filter(|_| !self.used.is_empty())
    }

    /// Whether a reason was given, and nothing said no.
    #[must_use]
    pub fn was_needless(&self) -> bool {
        self.why.is_some() && self.used.is_empty()
    }

    /// What was set aside.
    #[must_use]
    pub fn used(&self) -> &[Waived] {
        &self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Refusal;

    #[test]
    fn nothing_is_set_aside_without_a_reason() {
        let mut none = Waiver::default();
        assert!(none.set_aside("", Refusal::NoRecipient).is_err());
        assert_eq!((none.reason(), none.was_needless()), (None, false));
        let why = Reason::parse("an emergency").unwrap();
        let mut given = Waiver::new(Some(why.clone()));
        assert!(given.was_needless());
        for _ in 0..2 {
            given.set_aside("acme", Refusal::NoRecipient).unwrap();
        }
        assert_eq!((given.reason(), given.used().len()), (Some(&why), 1));
        assert_eq!((given.used()[0].word, given.used()[0].partner.as_str()), ("no-recipient", "acme"));
    }
}
