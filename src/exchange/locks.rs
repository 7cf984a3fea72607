//! Locks: the recipient strings of one party, classical and post-quantum apart, since no bundle mixes them; and which
//! of the two kinds a bundle for several parties can have (FORMAT §1.4, §8.1).

use crate::crypto::is_post_quantum;
use crate::format::card::{Card, CardKey, SignedCard};

/// What can be locked to for one party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// X25519 keys, SSH keys, keys of plugins.
    pub classical: Vec<String>,
    /// Keys that a quantum computer does not open.
    pub post_quantum: Vec<String>,
}

impl Locks {
    /// Those of a card. A machine's keys share a label: if one has no post-quantum key, such as a backup, the firm has
    /// none to give, since that machine could not open what is locked to the others (FORMAT §8.1).
    #[must_use]
    pub fn of_card(card: &SignedCard) -> Locks {
        let keys = |list: &[CardKey]| list.iter().map(|k| k.key.clone()).collect::<Vec<_>>();
        let card = &card.card;
        let classical = keys(&card.recipients);
        let complete = left_behind(card).is_empty() || classical.is_empty();
        Locks { classical, post_quantum: if complete { keys(&card.pq) } else { Vec::new() } }
    }

    /// Sorts recipient strings into the two kinds.
    pub fn sort(keys: impl Iterator<Item = String>) -> Locks {
        let (post_quantum, classical) = keys.partition(|key| is_post_quantum(key));
        Locks { classical, post_quantum }
    }

    /// Whether there is none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classical.is_empty() && self.post_quantum.is_empty()
    }

    /// The keys of one kind; if there are none, those of the other.
    #[must_use]
    pub fn of_kind(&self, post_quantum: bool) -> &[String] {
        match (post_quantum, self.classical.is_empty(), self.post_quantum.is_empty()) {
            (true, _, false) | (false, true, _) => &self.post_quantum,
            _ => &self.classical,
        }
    }

    /// The strongest kind that there is.
    #[must_use]
    pub fn strongest(&self) -> &[String] {
        self.of_kind(true)
    }
}

/// The labels of a card under which there are fewer post-quantum keys than classical ones.
#[must_use]
pub fn left_behind(card: &Card) -> Vec<&str> {
    let count = |list: &[CardKey], label: &str| list.iter().filter(|key| key.label == label).count();
    let mut labels: Vec<&str> = card.recipients.iter().map(|key| key.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    labels.retain(|label| count(&card.pq, label) < count(&card.recipients, label));
    labels
}

/// Who keeps a bundle classical: the names of all parties without a post-quantum key. None means that it will be
/// post-quantum.
pub fn classical_because<'a>(parties: impl Iterator<Item = (&'a str, &'a Locks)>) -> Vec<String> {
    let mut names: Vec<String> =
        parties.filter(|(_, locks)| locks.post_quantum.is_empty()).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_gives_the_kind_that_is_asked_for_if_it_has_it() {
        let both = Locks::sort(["age1x".to_owned(), "age1pq1y".to_owned()].into_iter());
        assert_eq!(
            (both.of_kind(true), both.of_kind(false)),
            (&["age1pq1y".to_owned()][..], &["age1x".to_owned()][..])
        );
        let old = Locks::sort(["age1x".to_owned()].into_iter());
        assert_eq!(old.of_kind(true), ["age1x"]);
        let new = Locks::sort(["age1pq1y".to_owned()].into_iter());
        assert_eq!(new.of_kind(false), ["age1pq1y"]);
        let parties = [("you", &both), ("birch", &old), ("birch", &old), ("acme", &new)];
        assert_eq!(classical_because(parties.into_iter()), ["birch"]);
        assert!(classical_because(parties.into_iter().filter(|(name, _)| *name != "birch")).is_empty());
    }
}
