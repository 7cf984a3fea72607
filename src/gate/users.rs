//! The rules of a user at work. A rule with keywords is tried around them, up to a window away; one without is tried
//! everywhere. Stretches are cut into chunks, so that no pattern can make the time grow with the square of a file.

use std::ops::Range;

use super::allowed::Match;
use super::found::{Found, Source, Strength};
use super::gitleaks::{Gitleaks, UserRule};
use super::hit::{Hit, Kind};
use super::pass::Pass;
use super::piece::WINDOW;
use super::plausible::entropy;
use super::stretch::Stretch;
use super::wide::Wide;
use crate::crypto::digest;

/// A pattern sees so much at a time, and a window more.
const CHUNK: usize = 16 << 10;

/// Rules, and the pass that finds their keywords.
#[derive(Debug)]
pub(super) struct Users {
    file: Gitleaks,
    pass: Pass,
    /// The rule of each keyword.
    of_keyword: Vec<usize>,
}

impl Users {
    pub(super) fn new(file: Gitleaks) -> Self {
        let pairs: Vec<(usize, &str)> = (0..)
            .zip(&file.rules)
            .filter(|(_, rule)| rule.regex.is_some())
            .flat_map(|(n, rule)| rule.keywords.iter().map(move |word| (n, word.as_str())))
            .collect();
        let words: Vec<&str> = pairs.iter().map(|(_, word)| *word).collect();
        let (pass, of_keyword) = (Pass::any_case(&words), pairs.iter().map(|(n, _)| *n).collect());
        Users { file, pass, of_keyword }
    }

    /// The id and description of a rule.
    pub(super) fn told(&self, source: Source) -> Option<(&str, &str)> {
        let Source::User(n) = source else { return None };
        self.file.rules.get(n).map(|rule| (rule.id.as_str(), rule.title.as_str()))
    }

    /// Rules about the path alone.
    pub(super) fn name(&self, path: &str) -> Option<Hit> {
        let bytes = path.as_bytes();
        let what = Match { path, secret: bytes, matched: bytes, line: bytes };
        let breaks =
            |rule: &&UserRule| rule.regex.is_none() && is_for(rule, path) && !rule.lets_pass(&self.file.allowed, &what);
        self.file.rules.iter().find(breaks).map(|rule| Hit {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            kind: Kind::Secret,
            offset: 0,
            len: bytes.len(),
            shown: String::new(),
            digest: digest(bytes),
            wide: Wide::No,
        })
    }

    pub(super) fn look(&self, stretch: &Stretch<'_>, span: Range<usize>, out: &mut Vec<Found>) {
        let mut places: Vec<Vec<Range<usize>>> = vec![Vec::new(); self.file.rules.len()];
        self.pass.each(stretch.bytes, span.clone(), |keyword, at| {
            let around = at.start.saturating_sub(WINDOW).max(span.start)..(at.end + WINDOW).min(span.end);
            let places = &mut places[self.of_keyword[keyword]];
            match places.last_mut() {
                Some(last) if last.end >= around.start => last.end = around.end.max(last.end),
                _ => places.push(around),
            }
        });
        for (n, (rule, mut places)) in self.file.rules.iter().zip(places).enumerate() {
            if rule.keywords.is_empty() {
                places.push(span.clone());
            }
            if places.is_empty() || !is_for(rule, stretch.path) {
                continue;
            }
            places.into_iter().for_each(|place| self.around(n, stretch, place, out));
        }
    }

    fn around(&self, n: usize, stretch: &Stretch<'_>, place: Range<usize>, out: &mut Vec<Found>) {
        let rule = &self.file.rules[n];
        let Some(regex) = &rule.regex else { return };
        for start in place.clone().step_by(CHUNK) {
            let text = stretch.cut(start, (start + CHUNK + WINDOW).min(place.end));
            regex.each(text, rule.group, |matched, secret| {
                // What begins later is the next chunk's.
                if matched.start < CHUNK && self.counts(rule, stretch, text, &matched, &secret) {
                    let at = start + secret.start..start + secret.end.min(secret.start + WINDOW);
                    out.push(Found { at, strength: Strength::Users, source: Source::User(n) });
                }
            });
        }
    }

    fn counts(
        &self,
        rule: &UserRule,
        stretch: &Stretch<'_>,
        text: &[u8],
        all: &Range<usize>,
        secret: &Range<usize>,
    ) -> bool {
        let begins = text[..all.start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let ends = text[all.end..].iter().position(|b| *b == b'\n').map_or(text.len(), |at| all.end + at);
        let (secret, matched) = (&text[secret.clone()], &text[all.clone()]);
        let what = Match { path: stretch.path, secret, matched, line: &text[begins..ends] };
        !secret.is_empty()
            && (rule.entropy <= 0.0 || entropy(secret) > rule.entropy)
            && !rule.lets_pass(&self.file.allowed, &what)
    }
}

fn is_for(rule: &UserRule, path: &str) -> bool {
    rule.path.as_ref().is_none_or(|pattern| pattern.is_match(path.as_bytes()))
}
