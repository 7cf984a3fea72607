//! What a scope demands beside its list of files: that the partner is one it names, that it has not ended, that it lets
//! out something, not too much, and not suddenly much more than last time.

use super::Waiver;
use crate::class::{Class, Fault};
use crate::format::time::Time;

/// From how many files more than last time on somebody is asked.
const GROWN_BY: u64 = 20;

/// The rules of a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// The partners who may get it.
    pub partners: Vec<String>,
    /// The last second at which it lets anything out.
    pub expires: Option<Time>,
    /// The most files.
    pub max_files: Option<u64>,
    /// The most bytes of all files.
    pub max_total_size: Option<u64>,
}

/// Proof that a partner may get what a scope lets out now. Only [`Scope::permit`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    scope: String,
    partner: String,
}

/// Why a scope says no.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeRefusal {
    /// The partner is not one of those that it names.
    #[error("scope `{scope}` is not for {partner}; it is for {}", many(bound))]
    NotBound {
        /// The scope.
        scope: String,
        /// The partner.
        partner: String,
        /// Those it is for.
        bound: Vec<String>,
    },
    /// Its last day is over.
    #[error("scope `{scope}` ended {}, {} ago", at.date(), ago(*days))]
    Ended {
        /// The scope.
        scope: String,
        /// The last second of its last day.
        at: Time,
        /// For how many days it is over.
        days: u64,
    },
    /// Nothing matches.
    #[error("scope `{scope}` lets out nothing of what is packed")]
    Empty {
        /// The scope.
        scope: String,
    },
    /// It would let out more than it says it may.
    #[error("scope `{scope}` would let out {have} {unit}, and its {limit} is {most}")]
    TooMuch {
        /// The scope.
        scope: String,
        /// What there is.
        have: u64,
        /// Of what.
        unit: &'static str,
        /// Which line of it.
        limit: &'static str,
        /// What there may be.
        most: u64,
    },
    /// It lets out far more than last time.
    #[error("scope `{scope}` lets out {now} files, and last time {partner} got {last}")]
    Grown {
        /// The scope.
        scope: String,
        /// The partner.
        partner: String,
        /// Files last time.
        last: u64,
        /// Files now.
        now: u64,
    },
}

fn many(names: &[String]) -> String {
    if names.is_empty() { "nobody yet".to_owned() } else { names.join(", ") }
}

fn ago(count: u64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

impl Fault for ScopeRefusal {
    fn word(&self) -> &'static str {
        match self {
            ScopeRefusal::NotBound { .. } => "scope-not-bound",
            ScopeRefusal::Ended { .. } => "scope-ended",
            ScopeRefusal::Empty { .. } => "scope-empty",
            ScopeRefusal::TooMuch { .. } => "scope-too-large",
            ScopeRefusal::Grown { .. } => "scope-grown",
        }
    }

    fn class(&self) -> Class {
        match self {
            ScopeRefusal::Empty { .. } => Class::Usage,
            _ => Class::Refused,
        }
    }
}

impl Scope {
    /// Whether `partner` may get it at this time.
    ///
    /// # Errors
    /// [`ScopeRefusal`], unless the waiver sets it aside.
    pub fn permit(&self, partner: &str, now: Time, waiver: &mut Waiver) -> Result<Permit, ScopeRefusal> {
        let (scope, partner) = (self.name.clone(), partner.to_owned());
        if !self.partners.contains(&partner) {
            let bound = self.partners.clone();
            let refusal = ScopeRefusal::NotBound { scope: scope.clone(), partner: partner.clone(), bound };
            waiver.set_aside(&partner, refusal)?;
        }
        if let Some(ended) = self.ended(now) {
            waiver.set_aside(&partner, ended)?;
        }
        Ok(Permit { scope, partner })
    }

    /// That it has ended, if it has.
    #[must_use]
    pub fn ended(&self, now: Time) -> Option<ScopeRefusal> {
        let at = self.expires.filter(|at| *at < now)?;
        // The last day counts, so the first second after it is the first of a day that is over.
        let days = u64::try_from((now.unix() - at.unix() - 1) / 86_400).unwrap_or(0) + 1;
        Some(ScopeRefusal::Ended { scope: self.name.clone(), at, days })
    }

    /// Whether what it lets out is something, and no more than it may be.
    ///
    /// # Errors
    /// [`ScopeRefusal`]. That it is nothing can't be set aside.
    pub fn holds(&self, files: u64, bytes: u64, waiver: &mut Waiver) -> Result<(), ScopeRefusal> {
        if files == 0 {
            return Err(ScopeRefusal::Empty { scope: self.name.clone() });
        }
        let limits =
            [("max-files", self.max_files, files, "files"), ("max-total-size", self.max_total_size, bytes, "bytes")];
        for (limit, most, have, unit) in limits {
            if let Some(most) = most.filter(|most| have > *most) {
                let refusal = ScopeRefusal::TooMuch { scope: self.name.clone(), have, unit, limit, most };
                waiver.set_aside("", refusal)?;
            }
        }
        Ok(())
    }

    /// Whether the partner of a permit is not suddenly given far more than last time.
    ///
    /// # Errors
    /// [`ScopeRefusal::Grown`], unless the waiver sets it aside.
    pub fn not_grown(permit: &Permit, last: u64, now: u64, waiver: &mut Waiver) -> Result<(), ScopeRefusal> {
        if !grown(last, now) {
            return Ok(());
        }
        let Permit { scope, partner } = permit.clone();
        waiver.set_aside(&partner.clone(), ScopeRefusal::Grown { scope, partner, last, now }).map(drop)
    }
}

impl Permit {
    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Who may get it.
    #[must_use]
    pub fn partner(&self) -> &str {
        &self.partner
    }
}

/// Whether so many files are far more than last time: half as many again, and at least 20 more.
#[must_use]
pub fn grown(last: u64, now: u64) -> bool {
    let more = now.saturating_sub(last);
    more >= GROWN_BY && more > last / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Reason;

    fn scope() -> Scope {
        let expires = Some("2028-02-29T23:59:59Z".parse().unwrap());
        Scope { name: "api".into(), partners: vec!["acme".into()], expires, ..Scope::default() }
    }

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn a_scope_is_for_the_partners_it_names_and_nobody_else() {
        let mut none = Waiver::default();
        let now = at("2026-11-23T00:00:00Z");
        assert_eq!(scope().permit("acme", now, &mut none).unwrap().partner(), "acme");
        let refused = scope().permit("birch", now, &mut none).unwrap_err();
        assert_eq!((refused.word(), refused.class()), ("scope-not-bound", Class::Refused));
        let mut given = Waiver::new(Reason::parse("they stand in").ok());
        assert_eq!(scope().permit("birch", now, &mut given).unwrap().partner(), "birch");
        assert_eq!(given.used()[0].word, "scope-not-bound");
    }

    #[test]
    fn the_last_day_of_a_scope_counts_to_its_last_second() {
        let permit = |now| scope().permit("acme", at(now), &mut Waiver::default());
        assert!(permit("2028-02-29T23:59:59Z").is_ok());
        let ended = permit("2028-03-01T00:00:00Z").unwrap_err();
        assert_eq!(ended.to_string(), "scope `api` ended 2028-02-29, 1 day ago");
        assert!(permit("2028-03-24T12:00:00Z").unwrap_err().to_string().ends_with("24 days ago"));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let scope = Scope { max_files: Some(10), max_total_size: Some(100), ..scope() };
        let word = |files, bytes| scope.holds(files, bytes, &mut Waiver::default()).map_err(|e| e.word());
        assert_eq!(word(10, 100), Ok(()));
        assert_eq!(word(0, 0), Err("scope-empty"));
        assert_eq!(word(11, 100), Err("scope-too-large"));
        assert_eq!(word(10, 101), Err("scope-too-large"));
        let mut given = Waiver::new(Reason::parse("once").ok());
        assert!(scope.holds(0, 0, &mut given).is_err());
        assert!(scope.holds(11, 101, &mut given).is_ok());
        assert_eq!(given.used().len(), 2);
    }

    #[test]
    fn far_more_than_last_time_is_half_as_many_again_and_twenty() {
        assert!(grown(1, 21) && grown(100, 151) && grown(0, 20));
        assert!(!grown(1, 20) && !grown(100, 150) && !grown(100, 3) && !grown(u64::MAX, u64::MAX));
    }
}
