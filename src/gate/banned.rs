//! Words and hosts that a project forbids. A word is found in any case of ASCII letters where no letter or digit
//! touches it, so also in `falcon_init`; a host is found with all that is below it.

use std::ops::Range;

use super::found::{Found, Source, Strength};
use super::pass::Pass;
use super::stretch::Stretch;

/// The lists, and the pass that finds them.
#[derive(Debug)]
pub(super) struct Banned {
    words: Vec<String>,
    hosts: Vec<String>,
    pass: Pass,
}

impl Banned {
    pub(super) fn new(words: Vec<String>, hosts: Vec<String>) -> Self {
        let filled = |all: Vec<String>| -> Vec<String> {
            all.iter().map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect()
        };
        let words = filled(words);
        let hosts = filled(hosts.iter().map(|h| h.trim().trim_matches(['.', '*']).to_owned()).collect());
        let all: Vec<&str> = words.iter().chain(&hosts).map(String::as_str).collect();
        let pass = Pass::any_case(&all);
        Banned { words, hosts, pass }
    }

    /// The word or host of a source.
    pub(super) fn spelling(&self, source: Source) -> &str {
        match source {
            Source::Word(n) => self.words.get(n).map_or("", String::as_str),
            Source::Host(n) => self.hosts.get(n).map_or("", String::as_str),
            Source::Own(_) | Source::User(_) => "",
        }
    }

    pub(super) fn look(&self, stretch: &Stretch<'_>, span: Range<usize>, out: &mut Vec<Found>) {
        self.pass.each(stretch.bytes, span, |n, at| {
            let found = match n.checked_sub(self.words.len()) {
                None => word(stretch, &at).then(|| (at.clone(), Source::Word(n))),
                Some(n) => host(stretch, &at).map(|at| (at, Source::Host(n))),
            };
            out.extend(found.map(|(at, source)| Found { at, strength: Strength::Listed, source }));
        });
    }
}

fn word(stretch: &Stretch<'_>, at: &Range<usize>) -> bool {
    let is_letter = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || !b.is_ascii() && b != 0xff);
    !is_letter(stretch.before(at.start)) && !is_letter(stretch.bytes.get(at.end).copied())
}

/// The place of the name with the labels before it.
fn host(stretch: &Stretch<'_>, at: &Range<usize>) -> Option<Range<usize>> {
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    let next = stretch.cut(at.end, at.end + 2);
    let goes_on = match next {
        [b'.', after] => is_label(after),
        [first, ..] => is_label(first),
        [] => false,
    };
    match stretch.before(at.start) {
        _ if goes_on => None,
        Some(b'.') => {
            let before = stretch.cut(at.start.saturating_sub(250), at.start);
            let labels = before.iter().rev().take_while(|b| is_label(b) || **b == b'.').count();
            Some(at.start - labels..at.end)
        }
        Some(byte) if is_label(&byte) => None,
        _ => Some(at.clone()),
    }
}
