//! What a rule found, before it is decided which of several findings at one place is told.

use std::ops::Range;

/// How much a rule knows of what it finds. Of two at one place the stronger is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Something is called a password.
    Generic,
    /// A rule of the user's.
    Users,
    /// The form alone says what it is.
    Form,
    /// Never dropped for another.
    Listed,
}

/// Whose rule it was, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Own(usize),
    Word(usize),
    Host(usize),
    User(usize),
}

/// One finding in a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The place in the stretch.
    pub(super) at: Range<usize>,
    pub(super) strength: Strength,
    pub(super) source: Source,
}

/// Leaves of findings at one place the strongest, and of equally strong ones the one around the others.
pub(super) fn settle(mut all: Vec<Found>) -> Vec<Found> {
    all.sort_by_key(|f| (f.at.start, std::cmp::Reverse(f.at.end), std::cmp::Reverse(f.strength), f.source));
    all.dedup_by(|later, earlier| {
        later.at == earlier.at && later.strength == earlier.strength && earlier.strength != Strength::Listed
    });
    let kept: Vec<bool> = (0..all.len()).map(|n| !is_hidden(&all, n)).collect();
    let mut kept = kept.into_iter();
    all.retain(|_| kept.next().unwrap_or(true));
    all
}

/// True if another finding makes this one needless. It is looked up among all, whether they stay or not, so that the
/// answer depends on the neighbourhood only.
fn is_hidden(all: &[Found], n: usize) -> bool {
    let one = &all[n];
    let hides = |other: &Found| match other.strength.cmp(&one.strength) {
        std::cmp::Ordering::Greater => other.at.start < one.at.end && one.at.start < other.at.end,
        std::cmp::Ordering::Equal => other.at.start <= one.at.start && one.at.end <= other.at.end && other.at != one.at,
        std::cmp::Ordering::Less => false,
    };
    let near = |other: &&Found| other.at.start + super::piece::WINDOW >= one.at.start;
    one.strength != Strength::Listed
        && (all[..n].iter().rev().take_while(near).any(hides)
            || all[n + 1..].iter().take_while(|other| other.at.start < one.at.end).any(hides))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(at: Range<usize>, strength: Strength, number: usize) -> Found {
        Found { at, strength, source: Source::Own(number) }
    }

    #[test]
    fn the_stronger_of_two_at_one_place_is_told_and_neighbours_stay() {
        let all = vec![
            found(10..40, Strength::Form, 1),
            found(8..20, Strength::Generic, 2),
            found(12..30, Strength::Form, 3),
            found(40..50, Strength::Generic, 4),
            found(10..40, Strength::Users, 5),
        ];
        let left: Vec<_> = settle(all).iter().map(|f| f.source).collect();
        assert_eq!(left, [Source::Own(1), Source::Own(4)]);
    }
}
