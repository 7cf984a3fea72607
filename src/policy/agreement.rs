//! Agreements and other evidence on a partner: which of it counts today, and what is missing. Of each kind the newest
//! counts: from its first day on it takes the place of every one that began before, also when that one would last
//! longer. So an agreement stays in force until its successor begins, and not a day longer.

use std::fmt;

use crate::class::{Class, Fault};
use crate::crypto::Digest;
use crate::format::agreement::{AUDIT, EvidenceKind, NDA};
use crate::format::date::Date;
use crate::format::time::Time;

use super::Reason;

/// How many days ahead an end is told.
pub const SOON: i64 = 30;

/// Evidence on a partner, as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// What it is called.
    pub reference: String,
    /// H(the document).
    pub document: Digest,
    /// The name of its file.
    pub file: String,
    /// Its first day.
    pub from: Date,
    /// Its last day.
    pub until: Date,
    /// Who made it, such as an auditor.
    pub by: Option<String>,
    /// When it was put on record.
    pub recorded: Time,
    /// The id of the agreement that the partner signed too.
    pub countersigned: Option<Digest>,
    /// That it counts no more.
    pub withdrawn: Option<Withdrawn>,
}

/// Why evidence counts no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// Since when.
    pub at: Time,
    /// Why.
    pub why: String,
}

/// Why a partner gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub since: Time,
    /// Why.
    pub why: String,
}

/// What must be in force before a partner gets anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Required {
    /// The kinds of evidence.
    pub kinds: Vec<EvidenceKind>,
    /// Whether an NDA counts only once the partner has signed it.
    pub countersigned: bool,
}

/// What is on record for a partner.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its name here.
    pub partner: &'a str,
    /// All evidence, in the order in which it was put on record.
    pub evidence: &'a [Evidence],
    /// That it is suspended.
    pub suspended: Option<&'a Suspension>,
}

/// Proof that a partner may get something today. Only [`Record::stand`] and [`Lapsed::overridden`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    partner: String,
    counted: Vec<Evidence>,
    warnings: Vec<Warning>,
    overridden: Option<(Vec<&'static str>, Reason)>,
}

/// Why a partner gets nothing today: one or more reasons, the first of which is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapsed(Box<Reasons>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reasons {
    lapse: Lapse,
    others: Vec<Lapse>,
    rest: InForce,
}

/// One reason why a partner gets nothing today.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lapse {
    /// The partner is suspended.
    #[error("{partner} is suspended since {}: {why}", since.date())]
    Suspended {
        /// The partner.
        partner: String,
        /// Since when.
        since: Time,
        /// Why.
        why: String,
    },
    /// Nothing of that kind is on record.
    #[error("there is no {} on record", kind.with(partner))]
    Missing {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
    },
    /// The first one begins later.
    #[error("the {} begins {from}, {}", kind.with(partner), distance(*days))]
    NotYet {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
        /// Its first day.
        from: Date,
        /// In how many days.
        days: i64,
    },
    /// It has ended.
    #[error("the {} ended {until}, {}", kind.with(partner), distance(*days))]
    Ended {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
        /// Its last day.
        until: Date,
        /// Days from today; less than 0.
        days: i64,
    },
    /// It would last, but a newer one took its place, and that one has ended.
    #[error(
        "the {} `{old}` was superseded by `{new}`, which ended {until}, {}",
        kind.with(partner), distance(*days)
    )]
    Superseded {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
        /// The one that would last.
        old: String,
        /// The one that took its place.
        new: String,
        /// The last day of that one.
        until: Date,
        /// Days from today; less than 0.
        days: i64,
    },
    /// The partner did not sign it.
    #[error("the {} `{reference}` is not countersigned", kind.with(partner))]
    NotCountersigned {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
        /// What it is called.
        reference: String,
    },
}

/// What should be told though it stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// It ends soon, and nothing follows.
    EndsSoon {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
        /// Its last day.
        until: Date,
        /// In how many days.
        days: i64,
    },
    /// It was put on record later than now.
    FromTheFuture {
        /// What.
        kind: EvidenceKind,
        /// The partner.
        partner: String,
        /// When it was put on record.
        recorded: Time,
    },
}

/// In words: `today`, `in 5 days`, `23 days ago`.
fn distance(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "in 1 day".to_owned(),
        -1 => "1 day ago".to_owned(),
        days if days > 0 => format!("in {days} days"),
        days => format!("{} days ago", days.unsigned_abs()),
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::EndsSoon { kind, partner, until, days } => {
                write!(f, "the {} ends {until}, {}", kind.with(partner), distance(*days))
            }
            Warning::FromTheFuture { kind, partner, recorded } => write!(
                f,
                "the {} was put on record {}, which is later than now: is the clock of this machine right?",
                kind.with(partner),
                recorded.for_people()
            ),
        }
    }
}

impl Evidence {
    /// Whether nobody withdrew it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.withdrawn.is_none()
    }

    fn lasts(&self, today: Date) -> bool {
        self.until >= today
    }
}

/// The one of a kind that counts on a day, whether or not it has ended: of those that have begun the one that began
/// last; of several that began that day, the one put on record last.
#[must_use]
pub fn counting<'a>(evidence: &'a [Evidence], kind: &EvidenceKind, day: Date) -> Option<&'a Evidence> {
    live(evidence, kind).filter(|e| e.from <= day).max_by_key(|e| (e.from, e.recorded))
}

fn live<'a>(evidence: &'a [Evidence], kind: &EvidenceKind) -> impl Iterator<Item = &'a Evidence> {
    evidence.iter().filter(move |e| e.is_live() && e.kind == *kind)
}

/// Whether something follows before a day is left without: another one that has begun the day after it ends.
fn is_followed(evidence: &[Evidence], one: &Evidence) -> bool {
    live(evidence, &one.kind).any(|next| {
        let begins = one.until.days_to(next.from);
        next.from > one.from && begins <= 1 && next.until > one.until
    })
}

impl Record<'_> {
    /// Whether the partner may get something now.
    ///
    /// # Errors
    /// [`Lapsed`], with everything that is missing.
    pub fn stand(&self, required: &Required, now: Time) -> Result<InForce, Lapsed> {
        let today = Date::of(now);
        let mut lapses = Vec::new();
        let partner = self.partner.to_owned();
        if let Some(Suspension { since, why }) = self.suspended {
            lapses.push(Lapse::Suspended { partner: partner.clone(), since: *since, why: why.clone() });
        }
        let (mut counted, mut warnings) = (Vec::new(), Vec::new());
        for kind in &required.kinds {
            match self.one(kind, required, today) {
                Ok(one) => counted.push(one.clone()),
                Err(lapse) => lapses.push(lapse),
            }
        }
        // An agreement that is in force is named, whether it is demanded or not.
        let nda = EvidenceKind::nda();
        if !required.kinds.contains(&nda)
            && let Some(one) = counting(self.evidence, &nda, today).filter(|one| one.lasts(today))
        {
            counted.push(one.clone());
        }
        counted.iter().for_each(|one| self.warn(one, now, &mut warnings));
        let rest = InForce { partner, counted, warnings, overridden: None };
        let mut lapses = lapses.into_iter();
        match lapses.next() {
            None => Ok(rest),
            Some(lapse) => Err(Lapsed(Box::new(Reasons { lapse, others: lapses.collect(), rest }))),
        }
    }

    /// The one of a kind that is in force.
    fn one(&self, kind: &EvidenceKind, required: &Required, today: Date) -> Result<&Evidence, Lapse> {
        let (kind, partner) = (kind.clone(), self.partner.to_owned());
        let Some(one) = counting(self.evidence, &kind, today) else {
            return Err(match live(self.evidence, &kind).map(|e| e.from).min() {
                Some(from) => Lapse::NotYet { kind, partner, from, days: today.days_to(from) },
                None => Lapse::Missing { kind, partner },
            });
        };
        if !one.lasts(today) {
            let (until, days) = (one.until, today.days_to(one.until));
            let old = live(self.evidence, &kind).find(|old| old.from <= today && old.lasts(today));
            return Err(match old.map(|old| old.reference.clone()) {
                Some(old) => Lapse::Superseded { kind, partner, old, new: one.reference.clone(), until, days },
                None => Lapse::Ended { kind, partner, until, days },
            });
        }
        if required.countersigned && kind.as_str() == NDA && one.countersigned.is_none() {
            return Err(Lapse::NotCountersigned { kind, partner, reference: one.reference.clone() });
        }
        Ok(one)
    }

    /// What is due within thirty days, or overdue, of everything on record that nothing newer took the place of.
    #[must_use]
    pub fn due(&self, now: Time) -> Vec<Warning> {
        let today = Date::of(now);
        let mut kinds: Vec<&EvidenceKind> = self.evidence.iter().map(|e| &e.kind).collect();
        kinds.sort();
        kinds.dedup();
        let mut due = Vec::new();
        for one in kinds.into_iter().filter_map(|kind| counting(self.evidence, kind, today)) {
            self.warn(one, now, &mut due);
        }
        due
    }

    fn warn(&self, one: &Evidence, now: Time, warnings: &mut Vec<Warning>) {
        let (kind, partner) = (one.kind.clone(), self.partner.to_owned());
        if one.recorded > now {
            let (kind, partner) = (kind.clone(), partner.clone());
            warnings.push(Warning::FromTheFuture { kind, partner, recorded: one.recorded });
        }
        let days = Date::of(now).days_to(one.until);
        if (0..=SOON).contains(&days) && !is_followed(self.evidence, one) {
            warnings.push(Warning::EndsSoon { kind, partner, until: one.until, days });
        }
    }
}

impl InForce {
    /// The partner's name here.
    #[must_use]
    pub fn partner(&self) -> &str {
        &self.partner
    }

    /// What is in force for it.
    #[must_use]
    pub fn counted(&self) -> &[Evidence] {
        &self.counted
    }

    /// What the agreement in force is called, for the manifest (FORMAT §4.3).
    #[must_use]
    pub fn agreement(&self) -> Option<&str> {
        self.counted.iter().find(|one| one.kind.as_str() == NDA).map(|one| one.reference.as_str())
    }

    /// What should be told though it stops nothing.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The words of the rules that were set aside, and why.
    #[must_use]
    pub fn overridden(&self) -> Option<(&[&'static str], &Reason)> {
        self.overridden.as_ref().map(|(words, why)| (words.as_slice(), why))
    }
}

impl Lapsed {
    /// All reasons, the one that is told first.
    pub fn lapses(&self) -> impl Iterator<Item = &Lapse> {
        std::iter::once(&self.0.lapse).chain(&self.0.others)
    }

    /// The partner's name here.
    #[must_use]
    pub fn partner(&self) -> &str {
        &self.0.rest.partner
    }

    /// Sets all of it aside, once, for a reason that goes on record.
    #[must_use]
    pub fn overridden(&self, why: &Reason) -> InForce {
        let words = self.lapses().map(Fault::word).collect();
        InForce { overridden: Some((words, why.clone())), ..self.0.rest.clone() }
    }
}

impl fmt::Display for Lapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lapse.fmt(f)
    }
}

impl std::error::Error for Lapsed {}

impl Fault for Lapsed {
    fn word(&self) -> &'static str {
        self.0.lapse.word()
    }
    fn class(&self) -> Class {
        self.0.lapse.class()
    }
}

impl Fault for Lapse {
    fn word(&self) -> &'static str {
        let of = |kind: &EvidenceKind, words: [&'static str; 3]| match kind.as_str() {
            NDA => words[0],
            AUDIT => words[1],
            _ => words[2],
        };
        match self {
            Lapse::Suspended { .. } => "partner-suspended",
            Lapse::Missing { kind, .. } => of(kind, ["nda-missing", "audit-missing", "evidence-missing"]),
            Lapse::NotYet { kind, .. } => of(kind, ["nda-not-yet", "audit-not-yet", "evidence-not-yet"]),
            Lapse::Ended { kind, .. } => of(kind, ["nda-ended", "audit-ended", "evidence-ended"]),
            Lapse::Superseded { kind, .. } => of(kind, ["nda-superseded", "audit-superseded", "evidence-superseded"]),
            Lapse::NotCountersigned { .. } => "nda-not-countersigned",
        }
    }

    fn class(&self) -> Class {
        Class::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest;

    fn at(day: &str) -> Time {
        format!("{day}T12:00:00Z").parse().unwrap()
    }

    fn evidence(kind: &str, reference: &str, from: &str, until: &str) -> Evidence {
        Evidence {
            kind: kind.parse().unwrap(),
            reference: reference.into(),
            document: digest(reference.as_bytes()),
            file: "x.pdf".into(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            by: None,
            recorded: at("2020-01-01"),
            countersigned: None,
            withdrawn: None,
        }
    }

    fn nda(reference: &str, from: &str, until: &str) -> Evidence {
        evidence("nda", reference, from, until)
    }

    fn required(kinds: &[&str]) -> Required {
        Required { kinds: kinds.iter().map(|k| k.parse().unwrap()).collect(), countersigned: false }
    }

    fn stand(evidence: &[Evidence], now: Time) -> Result<InForce, Lapsed> {
        Record { partner: "acme", evidence, suspended: None }.stand(&required(&["nda"]), now)
    }

    #[track_caller]
    fn lapses(evidence: &[Evidence], day: &str, word: &str, told: &str) {
        let lapsed = stand(evidence, at(day)).unwrap_err();
        assert_eq!((lapsed.word(), lapsed.class()), (word, Class::Refused));
        assert_eq!(lapsed.to_string(), told);
    }

    #[test]
    fn an_agreement_is_in_force_from_its_first_second_to_its_last_in_utc() {
        let one = [nda("A", "2026-02-28", "2026-10-31")];
        for (time, word) in [
            ("2026-02-27T23:59:59Z", "nda-not-yet"),
            ("2026-02-28T00:00:00Z", "ok"),
            ("2026-10-31T23:59:59Z", "ok"),
            ("2026-11-01T00:00:00Z", "nda-ended"),
        ] {
            let word_is = stand(&one, time.parse().unwrap()).map_or_else(|e| e.word(), |_| "ok");
            assert_eq!(word_is, word, "{time}");
        }
        assert_eq!(stand(&one, at("2026-10-31")).unwrap().agreement(), Some("A"));
    }

    #[test]
    fn each_refusal_says_what_and_when() {
        let one = [nda("A", "2026-01-01", "2026-10-31")];
        lapses(&one, "2026-11-23", "nda-ended", "the NDA with acme ended 2026-10-31, 23 days ago");
        lapses(&one, "2026-11-01", "nda-ended", "the NDA with acme ended 2026-10-31, 1 day ago");
        lapses(&one, "2025-12-31", "nda-not-yet", "the NDA with acme begins 2026-01-01, in 1 day");
        lapses(&[], "2026-11-23", "nda-missing", "there is no NDA with acme on record");
        let leap = [nda("A", "2028-01-01", "2028-02-29")];
        assert!(stand(&leap, at("2028-02-29")).is_ok());
        lapses(&leap, "2028-03-01", "nda-ended", "the NDA with acme ended 2028-02-29, 1 day ago");
        let edges = [nda("A", "0000-01-01", "9999-12-31")];
        assert!(stand(&edges, "9999-12-31T23:59:59Z".parse().unwrap()).is_ok());
    }

    #[test]
    fn the_old_one_counts_until_the_new_one_begins_and_never_after() {
        let both = [nda("old", "2026-01-01", "2027-12-31"), nda("new", "2026-06-01", "2026-10-31")];
        assert_eq!(stand(&both, at("2026-05-31")).unwrap().agreement(), Some("old"));
        assert_eq!(stand(&both, at("2026-06-01")).unwrap().agreement(), Some("new"));
        lapses(
            &both,
            "2026-11-23",
            "nda-superseded",
            "the NDA with acme `old` was superseded by `new`, which ended 2026-10-31, 23 days ago",
        );
        // Whatever the order on record.
        let turned = [both[1].clone(), both[0].clone()];
        assert_eq!(stand(&turned, at("2026-07-01")).unwrap().agreement(), Some("new"));
        // A gap between two is a gap.
        let gap = [nda("a", "2026-01-01", "2026-03-31"), nda("b", "2026-06-01", "2026-12-31")];
        lapses(&gap, "2026-05-01", "nda-ended", "the NDA with acme ended 2026-03-31, 31 days ago");
        assert_eq!(stand(&gap, at("2026-06-01")).unwrap().agreement(), Some("b"));
    }

    #[test]
    fn of_two_that_begin_on_one_day_the_one_recorded_last_counts() {
        let later = Evidence { recorded: at("2021-01-01"), ..nda("late", "2026-01-01", "2026-12-31") };
        let first = nda("early", "2026-01-01", "2026-12-31");
        let second = nda("second", "2026-01-01", "2026-12-31");
        assert_eq!(stand(&[later, first.clone()], at("2026-05-01")).unwrap().agreement(), Some("late"));
        assert_eq!(stand(&[first, second], at("2026-05-01")).unwrap().agreement(), Some("second"));
    }

    #[test]
    fn what_is_withdrawn_counts_no_more_and_gives_way_to_what_it_superseded() {
        let gone = Some(Withdrawn { at: at("2026-06-02"), why: "a mistake".into() });
        let new = Evidence { withdrawn: gone.clone(), ..nda("new", "2026-06-01", "2026-10-31") };
        let old = nda("old", "2026-01-01", "2027-12-31");
        assert_eq!(stand(&[old, new.clone()], at("2026-11-23")).unwrap().agreement(), Some("old"));
        lapses(&[new], "2026-07-01", "nda-missing", "there is no NDA with acme on record");
    }

    #[test]
    fn an_end_is_told_thirty_days_ahead_unless_something_follows() {
        let one = nda("a", "2026-01-01", "2026-12-31");
        let told = |evidence: &[Evidence], day: &str| {
            let proof = stand(evidence, at(day)).unwrap();
            proof.warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(told(std::slice::from_ref(&one), "2026-11-30").is_empty());
        assert_eq!(told(std::slice::from_ref(&one), "2026-12-01"), ["the NDA with acme ends 2026-12-31, in 30 days"]);
        assert_eq!(told(std::slice::from_ref(&one), "2026-12-31"), ["the NDA with acme ends 2026-12-31, today"]);
        let next = |from: &str| nda("b", from, "2027-12-31");
        assert!(told(&[one.clone(), next("2027-01-01")], "2026-12-20").is_empty());
        assert_eq!(told(&[one.clone(), next("2027-01-02")], "2026-12-20").len(), 1);
        // One that is superseded soon by a shorter one is not followed by it.
        assert_eq!(told(&[one, nda("b", "2026-12-25", "2026-12-26")], "2026-12-20").len(), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_is_noticed() {
        let one = [Evidence { recorded: at("2026-11-24"), ..nda("a", "2026-01-01", "2027-12-31") }];
        let proof = stand(&one, at("2026-11-23")).unwrap();
        assert!(matches!(proof.warnings(), [Warning::FromTheFuture { .. }]), "{proof:?}");
        assert!(stand(&one, at("2026-11-24")).unwrap().warnings().is_empty());
    }

    #[test]
    fn a_suspension_wins_and_everything_that_lapsed_is_named() {
        let suspended = Suspension { since: at("2026-11-20"), why: "late payment".into() };
        let one = [nda("a", "2026-01-01", "2026-10-31")];
        let record = Record { partner: "acme", evidence: &one, suspended: Some(&suspended) };
        let lapsed = record.stand(&required(&["nda", "audit", "insurance"]), at("2026-11-23")).unwrap_err();
        assert_eq!(lapsed.to_string(), "acme is suspended since 2026-11-20: late payment");
        let words: Vec<_> = lapsed.lapses().map(Fault::word).collect();
        assert_eq!(words, ["partner-suspended", "nda-ended", "audit-missing", "evidence-missing"]);
        let why = Reason::parse("the CEO said so").unwrap();
        let proof = lapsed.overridden(&why);
        assert_eq!(proof.overridden(), Some((words.as_slice(), &why)));
        assert_eq!(proof.agreement(), None);
    }

    #[test]
    fn each_kind_that_is_required_is_looked_for_alone() {
        let audit = evidence("audit", "SOC2", "2026-01-01", "2026-10-31");
        let record = |evidence: &[Evidence], kinds: &[&str]| {
            let record = Record { partner: "acme", evidence, suspended: None };
            record.stand(&required(kinds), at("2026-11-23")).map_err(|e| (e.word(), e.to_string()))
        };
        let both = [nda("N", "2026-01-01", "2027-01-31"), audit];
        let ended = ("audit-ended", "the audit of acme ended 2026-10-31, 23 days ago".to_owned());
        assert_eq!(record(&both, &["nda", "audit"]).unwrap_err(), ended);
        assert_eq!(record(&both, &["nda"]).unwrap().counted().len(), 1);
        // What is in force is named all the same; what is not, is not missed.
        assert_eq!(record(&both, &[]).unwrap().agreement(), Some("N"));
        assert_eq!(record(&both[1..], &[]).unwrap().agreement(), None);
    }

    #[test]
    fn an_nda_without_the_partners_signature_does_not_count_where_it_is_demanded() {
        let mut one = [nda("N", "2026-01-01", "2027-01-31"), evidence("audit", "S", "2026-01-01", "2027-01-31")];
        let demand = Required { countersigned: true, ..required(&["nda", "audit"]) };
        let word = |evidence: &[Evidence]| {
            let record = Record { partner: "acme", evidence, suspended: None };
            record.stand(&demand, at("2026-11-23")).map_or_else(|e| e.word(), |_| "ok")
        };
        assert_eq!(word(&one), "nda-not-countersigned");
        one[0].countersigned = Some(digest(b"id"));
        assert_eq!(word(&one), "ok");
    }

    #[test]
    fn what_is_due_is_listed_without_being_demanded() {
        let all = [nda("N", "2026-01-01", "2026-12-01"), evidence("audit", "S", "2026-01-01", "2028-01-31")];
        let record = Record { partner: "acme", evidence: &all, suspended: None };
        let due: Vec<String> = record.due(at("2026-11-23")).iter().map(ToString::to_string).collect();
        assert_eq!(due, ["the NDA with acme ends 2026-12-01, in 8 days"]);
    }
}
