//! Consent: the terms that a bundle states, and the proof that somebody who may open it accepted them. How they were
//! accepted comes in as an argument; only what is made here is an acceptance. FORMAT §4.4.

use std::collections::BTreeSet;

use crate::class::{Class, Fault};
use crate::format::terms::{Terms, TermsId};

/// Terms that one or more compartments state, word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Their id.
    pub id: TermsId,
    /// Which compartments state them.
    pub compartments: Vec<u64>,
    /// One of their lines.
    pub terms: Terms,
}

/// What is asked of whoever opens a bundle: all terms that the open compartments state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    stated: Vec<Stated>,
}

/// How terms were accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Whatever this bundle says, by the reader's word for it.
    Word,
    /// By their ids, which the reader knew.
    Ids,
    /// By a person who was asked.
    Asked,
    /// They were accepted before.
    Before,
}

impl How {
    /// Its word in the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            How::Word => "flag",
            How::Ids => "id",
            How::Asked => "asked",
            How::Before => "before",
        }
    }
}

/// Proof that the terms of a bundle were accepted, or that it states none. Only [`Offer`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    ids: Vec<TermsId>,
    how: Option<How>,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// Other terms than those accepted beforehand.
    #[error("{}", if have.is_empty() { "it states no terms, and some were expected" } else { "its terms are not those that you accepted" })]
    Differ {
        /// What it states.
        have: Vec<TermsId>,
        /// What was accepted.
        want: Vec<TermsId>,
    },
    /// A person said no.
    #[error("the terms were not accepted")]
    Refused,
    /// Nobody was asked.
    #[error("its sender states terms, which have to be accepted")]
    Needed {
        /// What it states.
        have: Vec<TermsId>,
    },
}

impl Fault for NotAccepted {
    fn word(&self) -> &'static str {
        match self {
            NotAccepted::Differ { .. } => "terms-differ",
            NotAccepted::Refused => "terms-refused",
            NotAccepted::Needed { .. } => "needs-acceptance",
        }
    }

    fn class(&self) -> Class {
        match self {
            NotAccepted::Differ { .. } | NotAccepted::Refused => Class::Refused,
            NotAccepted::Needed { .. } => Class::NeedsAPerson,
        }
    }
}

impl Offer {
    /// The terms of the compartments of a bundle whose envelope calls its sender so. Equal ones are one.
    #[must_use]
    pub fn of<'a>(sender: &str, terms: impl Iterator<Item = &'a Terms>) -> Offer {
        let mut offer = Offer::default();
        for terms in terms.filter(|terms| !terms.state_nothing(sender)) {
            let id = terms.id();
            match offer.stated.iter_mut().find(|stated| stated.id == id) {
                Some(stated) => stated.compartments.push(terms.compartment),
                None => {
                    offer.stated.push(Stated { id, compartments: vec![terms.compartment], terms: terms.clone() });
                }
            }
        }
        offer
    }

    /// What is stated, in the order of the compartments.
    #[must_use]
    pub fn stated(&self) -> &[Stated] {
        &self.stated
    }

    /// The ids.
    #[must_use]
    pub fn ids(&self) -> Vec<TermsId> {
        self.stated.iter().map(|stated| stated.id).collect()
    }

    /// Where nothing is stated, there is nothing to accept.
    #[must_use]
    pub fn nothing(&self) -> Option<Acceptance> {
        self.stated.is_empty().then(|| Acceptance { ids: Vec::new(), how: None })
    }

    /// By the reader's word for whatever the bundle says.
    #[must_use]
    pub fn by_word(&self) -> Acceptance {
        self.nothing().unwrap_or_else(|| self.accepted(How::Word))
    }

    /// By ids that the reader knew. They are whole, or they are none.
    ///
    /// # Errors
    /// [`NotAccepted::Differ`] when the bundle states anything else, or nothing.
    pub fn by_ids(&self, want: &[TermsId]) -> Result<Acceptance, NotAccepted> {
        let fits = !self.stated.is_empty() && self.stated.iter().all(|stated| want.contains(&stated.id));
        let differ = || NotAccepted::Differ { have: self.ids(), want: want.to_vec() };
        if fits { Ok(self.accepted(How::Ids)) } else { Err(differ()) }
    }

    /// By a person, who was shown them and answered.
    ///
    /// # Errors
    /// [`NotAccepted::Refused`].
    pub fn by_person(&self, yes: bool) -> Result<Acceptance, NotAccepted> {
        if yes { Ok(self.accepted(How::Asked)) } else { Err(NotAccepted::Refused) }
    }

    /// By what is on record: all of them were accepted from the same signer before.
    #[must_use]
    pub fn by_record(&self, accepted: &BTreeSet<TermsId>) -> Option<Acceptance> {
        let all = !self.stated.is_empty() && self.stated.iter().all(|stated| accepted.contains(&stated.id));
        all.then(|| self.accepted(How::Before))
    }

    /// That nobody could be asked.
    #[must_use]
    pub fn needed(&self) -> NotAccepted {
        NotAccepted::Needed { have: self.ids() }
    }

    fn accepted(&self, how: How) -> Acceptance {
        Acceptance { ids: self.ids(), how: Some(how) }
    }
}

impl Acceptance {
    /// The ids of the terms that were accepted.
    #[must_use]
    pub fn ids(&self) -> &[TermsId] {
        &self.ids
    }

    /// How; none where nothing was stated.
    #[must_use]
    pub fn how(&self) -> Option<How> {
        self.how
    }

    /// Holds it against what a bundle states: an acceptance of other terms opens nothing.
    ///
    /// # Errors
    /// [`NotAccepted::Needed`].
    pub fn ensure_covers(&self, offer: &Offer) -> Result<(), NotAccepted> {
        let all = offer.stated.iter().all(|stated| self.ids.contains(&stated.id));
        if all { Ok(()) } else { Err(offer.needed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Hex;

    fn terms(compartment: u64, text: &str) -> Terms {
        Terms {
            consign: "terms/1".to_owned(),
            bundle: Hex([1; 16]),
            compartment,
            sender: serde_json::from_str("\"SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA\"").unwrap(),
            nonce: Hex([compartment as u8; 32]),
            title: String::new(),
            owner: "Northwind".to_owned(),
            licence: String::new(),
            class: String::new(),
            agreement: None,
            text: text.to_owned(),
        }
    }

    fn offer(all: &[Terms]) -> Offer {
        Offer::of("Northwind", all.iter())
    }

    #[test]
    fn a_bundle_that_states_nothing_asks_nothing() {
        let none = offer(&[terms(0, ""), terms(1, "")]);
        assert_eq!(none.by_word().how(), None);
        assert!(none.nothing().is_some());
        // But whoever expects terms does not take their absence for them.
        assert_eq!(none.by_ids(&[terms(0, "a").id()]).unwrap_err().word(), "terms-differ");
        assert_eq!(none.by_record(&BTreeSet::new()), None);
    }

    #[test]
    fn equal_terms_are_one_and_every_one_must_be_accepted() {
        let (a, b) = (terms(0, "a").id(), terms(1, "b").id());
        let both = offer(&[terms(0, "a"), terms(1, "b"), terms(2, "a")]);
        assert_eq!(both.ids(), [a, b]);
        assert_eq!(both.stated()[0].compartments, [0, 2]);
        assert!(both.by_ids(&[b, a]).is_ok());
        assert_eq!(both.by_ids(&[a]).unwrap_err().word(), "terms-differ");
        assert_eq!(both.by_record(&BTreeSet::from([a])), None);
        assert_eq!(both.by_record(&BTreeSet::from([a, b])).unwrap().how(), Some(How::Before));
        assert_eq!(both.by_person(false).unwrap_err().word(), "terms-refused");
    }

    #[test]
    fn an_acceptance_of_other_terms_opens_nothing() {
        let (one, other) = (offer(&[terms(0, "a")]), offer(&[terms(0, "b")]));
        assert!(one.by_word().ensure_covers(&one).is_ok());
        assert!(one.by_word().ensure_covers(&other).is_err());
        assert!(offer(&[]).by_word().ensure_covers(&one).is_err());
    }
}
