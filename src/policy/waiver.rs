//! Waivers: a rule that says no may be set aside once, by somebody who says why. What was set aside goes on record.

use crate::class::Fault;

/// Why rules may be set aside in one run, and which were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiver {
    why: Option<String>,
    used: Vec<Waived>,
}

/// A refusal that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// Its word.
    pub word: &'static str,
    /// What it said.
    pub said: String,
}

impl Waiver {
    /// A waiver for this reason; none sets nothing aside.
    #[must_use]
    pub fn new(why: Option<&str>) -> Waiver {
        Waiver { why: why.map(str::to_owned), used: Vec::new() }
    }

    /// Sets `refusal` aside, and keeps what it said.
    ///
    /// # Errors
    /// The refusal itself, when nobody gave a reason.
    pub fn set_aside<R: Fault>(&mut self, refusal: R) -> Result<(), R> {
        if self.why.is_none() {
            return Err(refusal);
        }
        let waived = Waived { word: refusal.word(), said: refusal.to_string() };
        if !self.used.contains(&waived) {
            self.used.push(waived);
        }
        Ok(())
    }

    /// The reason, if anything was set aside.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.why.as_deref().filter(|_| !self.used.is_empty())
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
        assert!(none.set_aside(Refusal::NoRecipient).is_err());
        assert_eq!((none.reason(), none.was_needless()), (None, false));
        let mut given = Waiver::new(Some("an emergency"));
        assert!(given.was_needless());
        for _ in 0..2 {
            given.set_aside(Refusal::NoRecipient).unwrap();
        }
        assert_eq!((given.reason(), given.used().len()), (Some("an emergency"), 1));
        assert_eq!(given.used()[0].word, "no-recipient");
    }
}
