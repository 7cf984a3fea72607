//! The gate: all rules together, made once and shared by all threads. A piece is looked at in blocks; in each, the
//! first pass names places, the rules test them, and of what is found at one place one thing is told.

use std::ops::Range;
use std::sync::OnceLock;

use super::banned::Banned;
use super::found::{Found, Source, Strength, settle};
use super::gitleaks::Gitleaks;
use super::hit::{Hit, Kind};
use super::keys::{self, MAGIC};
use super::names;
use super::pass::Pass;
use super::pattern::Pattern;
use super::piece::{HITS_MAX, MARGIN, OVERLAP, Piece, WINDOW};
use super::plausible::{checksum_is_right, entropy, is_sample};
use super::redact::{Shown, shown};
use super::rule::{Listed, Proof, Rule, Test};
use super::rules;
use super::stretch::Stretch;
use super::users::Users;
use super::wide::{self, Wide};
use crate::crypto::digest;

/// What a gate is made of.
#[derive(Debug)]
pub struct Rules {
    /// The rules of our own.
    pub own: bool,
    /// Words of those that are left out.
    pub without: Vec<String>,
    /// Rules of a user's.
    pub gitleaks: Option<Gitleaks>,
    /// Words that must not leave.
    pub words: Vec<String>,
    /// Hosts that must not leave, with all below them.
    pub hosts: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { own: true, without: Vec::new(), gitleaks: None, words: Vec::new(), hosts: Vec::new() }
    }
}

/// All rules, ready.
#[derive(Debug)]
pub struct Gate {
    off: Vec<String>,
    rules: Vec<Rule>,
    /// The pattern of each rule, made when it is needed first.
    patterns: Vec<OnceLock<Option<Pattern>>>,
    pass: Pass,
    /// The rules of each keyword.
    of_keyword: Vec<Vec<usize>>,
    banned: Banned,
    users: Option<Users>,
}

/// So much is looked at in one go: what it holds is bounded, and stays in a cache.
const BLOCK: usize = 512 << 10;

impl Gate {
    /// Makes ready what the rules need.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let all = if rules.own { rules::all() } else { Vec::new() };
        let off = rules.gitleaks.as_ref().map_or(&[][..], |file| &file.without);
        let is_off = |rule: &Rule| rules.without.iter().chain(off).any(|word| word == rule.word);
        let all: Vec<Rule> = all.into_iter().filter(|rule| !is_off(rule)).collect();
        let mut keywords: Vec<&str> = all.iter().flat_map(|rule| rule.keywords).copied().collect();
        // Neighbours share what they begin with, so the pass tells them from others more easily.
        keywords.sort_unstable();
        keywords.dedup();
        let uses = |keyword: &str| (0..all.len()).filter(|n| all[*n].keywords.contains(&keyword)).collect();
        Gate {
            off: off.to_vec(),
            of_keyword: keywords.iter().map(|keyword| uses(keyword)).collect(),
            pass: Pass::exact(&keywords),
            patterns: all.iter().map(|_| OnceLock::new()).collect(),
            rules: all,
            banned: Banned::new(rules.words, rules.hosts),
            users: rules.gitleaks.map(Users::new),
        }
    }

    /// The rules of our own that a user's file turned off.
    #[must_use]
    pub fn off(&self) -> &[String] {
        &self.off
    }

    /// Looks at a piece, appends what it finds, and gives the number of hits beyond [`HITS_MAX`] that it left out.
    pub fn screen(&self, piece: &Piece<'_>, hits: &mut Vec<Hit>) -> u64 {
        let before = &piece.before[piece.before.len().saturating_sub(OVERLAP)..];
        let mut told = Told { hits, room: HITS_MAX, beyond: 0 };
        let len = piece.bytes.len();
        let end = if piece.last { len } else { len.saturating_sub(MARGIN) };
        let path = piece.path;
        if before.is_empty() {
            let stretch = Stretch { path, bytes: piece.bytes, base: piece.offset, zone: 0..end };
            self.magic(&stretch, &mut told);
            self.blocks(&stretch, &mut told);
            return told.beyond;
        }
        // The border is looked at in a copy that has both sides of it.
        let seam = [before, &piece.bytes[..len.min(OVERLAP)]].concat();
        let base = piece.offset.saturating_sub(before.len() as u64);
        let begin = before.len().saturating_sub(MARGIN);
        let seam_end = match (len > OVERLAP, piece.last) {
            (true, _) => before.len() + MARGIN,
            (false, true) => seam.len(),
            (false, false) => seam.len().saturating_sub(MARGIN),
        };
        let stretch = Stretch { path, bytes: &seam, base, zone: begin..seam_end };
        self.magic(&stretch, &mut told);
        self.blocks(&stretch, &mut told);
        if len > OVERLAP {
            self.blocks(&Stretch { path, bytes: piece.bytes, base: piece.offset, zone: MARGIN..end }, &mut told);
        }
        told.beyond
    }

    /// Looks at the path of a file, or of a link: what it says, and what such a file is. Offsets count from its
    /// beginning; a file that is named as a store of keys is told at 0.
    pub fn screen_name(&self, path: &str, hits: &mut Vec<Hit>) {
        let rule = names::rule(path).filter(|_| !self.rules.is_empty());
        hits.extend(rule.map(|rule| Hit { len: path.len(), ..whole(rule, path.as_bytes()) }));
        hits.extend(self.users.as_ref().and_then(|users| users.name(path)));
        let mut told = Told { hits, room: HITS_MAX, beyond: 0 };
        self.blocks(&Stretch { path: "", bytes: path.as_bytes(), base: 0, zone: 0..path.len() }, &mut told);
    }

    fn blocks(&self, stretch: &Stretch<'_>, told: &mut Told<'_>) {
        let mut start = stretch.zone.start;
        while start < stretch.zone.end {
            let end = (start + BLOCK).min(stretch.zone.end);
            let block = Stretch { zone: start..end, ..stretch.clone() };
            self.narrow(&block, told);
            self.wide(&block, told);
            start = end;
        }
    }

    /// Stores of keys that their first bytes tell, in the stretch that has these bytes in its zone.
    fn magic(&self, stretch: &Stretch<'_>, told: &mut Told<'_>) {
        if stretch.base > 0 || stretch.zone.start > 0 || stretch.zone.is_empty() {
            return;
        }
        let head = stretch.cut(0, MAGIC);
        let rule = keys::binary(head).and_then(names::listed);
        if let Some(rule) = rule.filter(|_| !self.rules.is_empty()) {
            told.take(|| whole(rule, head));
        }
    }

    fn narrow(&self, stretch: &Stretch<'_>, told: &mut Told<'_>) {
        let zone = &stretch.zone;
        let span = zone.start.saturating_sub(3 * WINDOW)..(zone.end + 3 * WINDOW).min(stretch.bytes.len());
        for found in settle(self.look(stretch, span)).iter().filter(|found| zone.contains(&found.at.start)) {
            told.take(|| self.hit(found, stretch.bytes, stretch.base, 1, Wide::No));
        }
    }

    fn wide(&self, stretch: &Stretch<'_>, told: &mut Told<'_>) {
        let zone = &stretch.zone;
        let span = zone.start.saturating_sub(6 * WINDOW)..(zone.end + 6 * WINDOW).min(stretch.bytes.len());
        for run in wide::runs(stretch.bytes, span, stretch.base.is_multiple_of(2)) {
            let bytes = &run.bytes[..];
            let inner = Stretch { path: stretch.path, bytes, base: 1, zone: 0..bytes.len() };
            let all = settle(self.look(&inner, 0..bytes.len()));
            for found in all.iter().filter(|found| zone.contains(&(run.start + 2 * found.at.start))) {
                told.take(|| self.hit(found, bytes, stretch.base + run.start as u64, 2, run.wide));
            }
        }
    }

    fn look(&self, stretch: &Stretch<'_>, span: Range<usize>) -> Vec<Found> {
        let mut out = Vec::new();
        self.pass.each(stretch.bytes, span.clone(), |keyword, at| {
            for rule in &self.of_keyword[keyword] {
                self.test(*rule, stretch, at.clone(), &mut out);
            }
        });
        self.banned.look(stretch, span.clone(), &mut out);
        self.users.iter().for_each(|users| users.look(stretch, span.clone(), &mut out));
        out
    }

    /// Tests one rule at one of its keywords.
    fn test(&self, number: usize, stretch: &Stretch<'_>, keyword: Range<usize>, out: &mut Vec<Found>) {
        let rule = &self.rules[number];
        let pattern = || self.patterns[number].get_or_init(|| Pattern::of(rule)).as_ref();
        let mut take = |at: Range<usize>| {
            if proves(rule.proof, &stretch.bytes[at.clone()]) {
                out.push(Found { at, strength: rule.strength, source: Source::Own(number) });
            }
        };
        match rule.test {
            Test::At { back, limit, .. } => {
                let Some(start) = keyword.start.checked_sub(back).filter(|at| stretch.begins_word(*at)) else { return };
                let at = pattern().and_then(|pattern| pattern.first(stretch.cut(start, start + limit)));
                at.into_iter().for_each(|at| take(start + at.start..start + at.end));
            }
            Test::Near { before, after, .. } => {
                let start = keyword.start.saturating_sub(before);
                let Some(pattern) = pattern() else { return };
                pattern.each(stretch.cut(start, keyword.end + after), |at| take(start + at.start..start + at.end));
            }
            Test::Code(code) => code(stretch, keyword).into_iter().for_each(take),
        }
    }

    fn hit(&self, found: &Found, bytes: &[u8], base: u64, unit: usize, wide: Wide) -> Hit {
        let secret = &bytes[found.at.clone()];
        let (word, title, kind, how) = match found.source {
            Source::Own(n) => {
                let Rule { word, title, kind, shown, .. } = self.rules[n];
                (word, title, kind, shown)
            }
            Source::Host(_) => ("forbidden-host", "forbidden host", Kind::Host, Shown::All),
            Source::Word(_) => ("forbidden-word", "forbidden word", Kind::Word, Shown::All),
            Source::User(_) => {
                let (id, title) = self.users.as_ref().and_then(|users| users.told(found.source)).unwrap_or_default();
                (id, title, Kind::Secret, Shown::Length)
            }
        };
        let listed = found.strength == Strength::Listed;
        Hit {
            rule: word.to_owned(),
            title: title.to_owned(),
            kind,
            offset: base.wrapping_add((unit * found.at.start) as u64),
            len: unit * secret.len(),
            // A host is shown as it is forbidden: what is below it may have any bytes.
            shown: if listed { self.banned.spelling(found.source).to_owned() } else { shown(secret, how) },
            digest: digest(secret),
            wide,
        }
    }
}

/// A whole file that is a store of keys.
fn whole(rule: Listed, bytes: &[u8]) -> Hit {
    let (rule, title, kind) = (rule.word.to_owned(), rule.title.to_owned(), rule.kind);
    Hit { rule, title, kind, offset: 0, len: 0, shown: String::new(), digest: digest(bytes), wide: Wide::No }
}

fn proves(proof: Proof, secret: &[u8]) -> bool {
    match proof {
        Proof::Done => true,
        Proof::Checksum(_) if checksum_is_right(secret) => true,
        Proof::Entropy(bits) | Proof::Checksum(bits) => entropy(secret) >= bits && !is_sample(secret),
    }
}

/// Where hits go, up to a number.
struct Told<'a> {
    hits: &'a mut Vec<Hit>,
    room: usize,
    beyond: u64,
}

impl Told<'_> {
    fn take(&mut self, hit: impl FnOnce() -> Hit) {
        if let Some(room) = self.room.checked_sub(1) {
            self.room = room;
            self.hits.push(hit());
        } else {
            self.beyond += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up for tests; nothing opens with it. Put together here, so that this file holds none.
    fn aws() -> String {
        ["AKIA", "QYLPMN5HHHFPZAM7"].concat()
    }

    fn screened(gate: &Gate, pieces: &[Piece<'_>]) -> Vec<Hit> {
        let mut hits = Vec::new();
        pieces.iter().for_each(|piece| assert_eq!(gate.screen(piece, &mut hits), 0));
        hits.sort_by_key(|hit| hit.offset);
        hits
    }

    #[test]
    fn a_secret_is_told_with_its_place_and_never_shown() {
        let gate = Gate::new(Rules::default());
        let text = format!("let key = \"{}\";\r\nmore\r\n", aws());
        let hits = screened(&gate, &[Piece::whole("a.rs", text.as_bytes())]);
        assert_eq!(hits.len(), 1);
        assert_eq!((hits[0].rule.as_str(), hits[0].offset, hits[0].len), ("aws-access-key", 11, 20));
        assert_eq!((hits[0].shown.as_str(), hits[0].digest), ("AKIA..ZAM7", digest(aws().as_bytes())));
    }

    #[test]
    fn forms_that_begin_within_a_word_and_keys_with_headers_are_found() {
        let gate = Gate::new(Rules::default());
        let body = "MIIEpAIBAAKCAQEAq3VrF8yT0nZk5xWb1uJcLh7dRs9eGm2oPaKtXvBiQwNfYzHj\n".repeat(4);
        let crypt = "root:$6$Xq7Lm2Zp$k9Tg4Rw8Vn1Yb6Hs3Jd5Fc0Pa7Qe2Ui9Ox4Mz8Nv1Bl6Ck3Dj5Gh0Sf7At:1:0:";
        for (text, rule) in [
            (format!("Authorization: Bearer {}", "7f8Qz1LmN4xRw7pZk8vTqabcd09XyZ41"), "authorization-header"),
            (crypt.to_owned(), "password-hash"),
            (
                format!(
                    "-----BEGIN {0}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B2C\n\n{body}-----END {0}-----\n",
                    "RSA PRIVATE KEY"
                ),
                "private-key",
            ),
        ] {
            let hits = screened(&gate, &[Piece::whole("a", text.as_bytes())]);
            assert!(hits.iter().any(|hit| hit.rule == rule), "{rule}: {hits:?}");
        }
    }

    #[test]
    fn a_secret_is_told_once_wherever_a_file_is_cut_in_two() {
        let gate = Gate::new(Rules::default());
        for wide in [false, true] {
            let text = format!("{}{}\n{}", "some text\n".repeat(6), aws(), "more text\n".repeat(3));
            let bytes: Vec<u8> =
                if wide { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { text.into_bytes() };
            let want = screened(&gate, &[Piece::whole("a", &bytes)]);
            assert_eq!(want.len(), 1);
            for at in 0..=bytes.len() {
                let (first, second) = bytes.split_at(at);
                let one = Piece { path: "a", offset: 0, before: &[], bytes: first, last: false };
                let two = Piece { path: "a", offset: at as u64, before: first, bytes: second, last: true };
                assert_eq!(screened(&gate, &[two, one]), want, "cut at {at}");
            }
        }
    }

    #[test]
    fn words_and_hosts_of_a_project_are_told() {
        let rules = Rules { words: vec!["Falcon".into()], hosts: vec!["corp.example".into()], ..Rules::default() };
        let gate = Gate::new(rules);
        let text = b"FALCON_init falcons http://git.corp.example/ notcorp.example corp.example.com corp.example.";
        let told: Vec<_> = screened(&gate, &[Piece::whole("a", text)])
            .iter()
            .map(|hit| (hit.kind, String::from_utf8_lossy(&text[hit.offset as usize..][..hit.len]).into_owned()))
            .collect();
        let host = |text: &str| (Kind::Host, text.to_owned());
        assert_eq!(told, [(Kind::Word, "FALCON".to_owned()), host("git.corp.example"), host("corp.example")]);
    }
}
