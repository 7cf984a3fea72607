//! A bundle held against a policy: every demand that it doesn't meet, not the first one only.

use std::collections::BTreeMap;

use super::demand::{Demand, WantedKind};
use crate::class::{Class, Fault};
use crate::crypto::{Fingerprint, Recipient, Tag};
use crate::format::envelope::{Kind, Predicate};
use crate::format::manifest::Head;
use crate::format::patterns::Patterns;
use crate::format::terms::Terms;
use crate::format::time::Time;

/// By how many seconds a sender's clock may be ahead.
const AHEAD: i64 = 3600;

/// Whom a name in a policy stands for.
#[derive(Debug, Clone, Default)]
pub struct Party {
    /// Its name as a partner here.
    pub partner: Option<String>,
    /// The keys it signs with, and when they end.
    pub signs: Vec<(Fingerprint, Option<Time>)>,
    /// Its recipient strings.
    pub locks: Vec<String>,
}

/// Everybody that a policy names, by the text in it.
pub type Parties = BTreeMap<String, Party>;

/// Who signed a bundle.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The key; none if it signed with a certificate, which counts by its authority alone.
    pub key: Option<Fingerprint>,
    /// The partner here whose key it is.
    pub partner: Option<String>,
    /// Whether it is trusted here.
    pub known: bool,
    /// Whether a list revokes it.
    pub revoked: bool,
    /// What it is called when it is shown.
    pub shown: String,
}

/// What shows of a bundle without a key.
pub struct Outside<'a> {
    /// The statement.
    pub says: &'a Predicate,
    /// The size of the file.
    pub size: u64,
    /// Whether all compartments are post-quantum.
    pub post_quantum: bool,
    /// Who signed.
    pub signers: &'a [Signer],
    /// Now.
    pub now: Time,
}

/// What shows with one.
pub struct Inside<'a> {
    /// Each open compartment: the first line of its manifest, and its terms.
    pub parts: Vec<(&'a Head, &'a Terms)>,
    /// The compartments that no key here opens.
    pub closed: &'a [usize],
}

/// A demand that is not met: its word, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The fixed word, such as `policy-age`.
    pub word: &'static str,
    /// What was demanded, and what there is.
    pub why: String,
}

/// A bundle that is not as a policy demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", said(misses))]
pub struct Unfit {
    /// All that is not; at least one.
    pub misses: Vec<Miss>,
}

fn said(misses: &[Miss]) -> String {
    let first = misses.first().map(|miss| miss.why.as_str()).unwrap_or_default();
    match misses.len() {
        0 | 1 => first.to_owned(),
        2 => format!("{first}; and one more demand is not met"),
        n => format!("{first}; and {} more demands are not met", n - 1),
    }
}

impl Fault for Unfit {
    fn word(&self) -> &'static str {
        self.misses.first().map_or("policy", |miss| miss.word)
    }

    fn class(&self) -> Class {
        Class::Refused
    }
}

/// Holds a bundle against a policy: from outside, and inside as far as something is demanded there and it is open.
///
/// # Errors
/// [`Unfit`] with all that is not met. What can't be looked at is not met.
pub fn judge(
    demand: &Demand,
    parties: &Parties,
    outside: &Outside<'_>,
    inside: Option<&Inside<'_>>,
) -> Result<(), Unfit> {
    let mut misses = Vec::new();
    statement(demand, outside.says, &mut misses);
    times(demand, outside, &mut misses);
    if demand.post_quantum == Some(true) && !outside.post_quantum {
        miss(&mut misses, "policy-post-quantum", "it is not locked to post-quantum keys only");
    }
    if let Some(max) = demand.max_size.filter(|max| outside.size > *max) {
        miss(&mut misses, "policy-size", format!("it has {} bytes, and {max} are the most", outside.size));
    }
    signers(demand, parties, outside, &mut misses);
    recipients(demand, parties, outside.says, &mut misses);
    match inside {
        _ if !demand.needs_a_key() => {}
        Some(inside) => contents(demand, inside, &mut misses),
        None => miss(&mut misses, "policy-closed", "what is demanded of its contents was not looked at"),
    }
    if misses.is_empty() { Ok(()) } else { Err(Unfit { misses }) }
}

fn miss(misses: &mut Vec<Miss>, word: &'static str, why: impl Into<String>) {
    misses.push(Miss { word, why: why.into() });
}

fn statement(demand: &Demand, says: &Predicate, misses: &mut Vec<Miss>) {
    let (kind, is) = match says.kind {
        Kind::Drop => (WantedKind::Drop, "drop"),
        Kind::Return => (WantedKind::Return, "return"),
    };
    if demand.kind.is_some_and(|wanted| wanted != kind) {
        miss(misses, "policy-kind", format!("it is a {is}"));
    }
    let fits = |pattern: &Option<String>, text: &str| {
        pattern.as_ref().is_none_or(|pattern| Patterns::new(pattern.as_str()).matches(text))
    };
    if !fits(&demand.name, &says.name) {
        miss(misses, "policy-name", format!("its name, `{}`, is not one that is demanded", says.name));
    }
    if !fits(&demand.tool, &says.tool) {
        miss(misses, "policy-tool", format!("`{}` made it, which is not demanded", says.tool));
    }
    if demand.answers.is_some_and(|wanted| wanted != says.in_reply_to.is_some()) {
        let why = if says.in_reply_to.is_some() { "it answers another bundle" } else { "it answers no other bundle" };
        miss(misses, "policy-answers", why);
    }
    if let Some(wanted) = demand.held
        && let Some(n) = says.compartments.iter().position(|compartment| compartment.held != wanted)
    {
        let is = if wanted { "is not held back" } else { "is held back" };
        miss(misses, "policy-held", format!("the key of part {n} {is}"));
    }
}

fn times(demand: &Demand, outside: &Outside<'_>, misses: &mut Vec<Miss>) {
    let (created, expires) = (outside.says.created, outside.says.expires);
    if let Some(span) = &demand.max_age {
        // A span that a calendar does not hold was refused when the policy was read.
        let over = created.later_by(span).is_none_or(|end| end < outside.now);
        let ahead = created.unix().saturating_sub(outside.now.unix()) > AHEAD;
        if over || ahead {
            let is = if ahead { "which is yet to come" } else { "which is too long ago" };
            let why = format!("it was made {}, {is}; its greatest age is {span}", created.for_people());
            miss(misses, "policy-age", why);
        }
    }
    let within = demand.expires_within.as_ref();
    match expires {
        None if demand.expires == Some(true) || within.is_some() => {
            miss(misses, "policy-expires", "it has no end");
        }
        Some(at) if demand.expires == Some(false) => {
            miss(misses, "policy-expires", format!("it has an end, {}", at.for_people()));
        }
        Some(at) => {
            if let Some(span) = within.filter(|span| created.later_by(span).is_none_or(|latest| at > latest)) {
                let why = format!("it ends {}, which is later than {span} after it was made", at.for_people());
                miss(misses, "policy-expires", why);
            }
        }
        None => {}
    }
}

fn is_signer(name: &str, parties: &Parties, signer: &Signer, at: Time) -> bool {
    let Some(party) = parties.get(name).filter(|_| !signer.revoked) else { return false };
    let by_key = |key: &Fingerprint| party.signs.iter().any(|(k, end)| k == key && end.is_none_or(|end| at < end));
    (party.partner.is_some() && party.partner == signer.partner) || signer.key.as_ref().is_some_and(by_key)
}

fn signers(demand: &Demand, parties: &Parties, outside: &Outside<'_>, misses: &mut Vec<Miss>) {
    let (wanted, at) = (&demand.signers, outside.says.created);
    let signed = |name: &String| outside.signers.iter().any(|signer| is_signer(name, parties, signer, at));
    let among = |list: &[String], signer: &Signer| list.iter().any(|name| is_signer(name, parties, signer, at));
    let lists: Vec<&Vec<String>> = [&wanted.all_of, &wanted.any_of, &wanted.only].into_iter().flatten().collect();
    if let Some(min) = wanted.min {
        let counts =
            |signer: &&Signer| !signer.revoked && (signer.known || lists.iter().any(|list| among(list, signer)));
        let n = outside.signers.iter().filter(counts).count() as u64;
        if n < min {
            miss(misses, "policy-signers", format!("{n} signed whom you know, and {min} are demanded"));
        }
    }
    let absent: Vec<&str> = wanted.all_of.iter().flatten().filter(|n| !signed(n)).map(String::as_str).collect();
    if !absent.is_empty() {
        miss(misses, "policy-signers", format!("not signed by {}", absent.join(", ")));
    }
    if let Some(list) = wanted.any_of.as_ref().filter(|list| !list.iter().any(signed)) {
        miss(misses, "policy-signers", format!("signed by none of {}", list.join(", ")));
    }
    if let Some(list) = &wanted.only
        && let Some(other) = outside.signers.iter().find(|signer| !among(list, signer))
    {
        miss(misses, "policy-signers", format!("signed by {}, who is not among {}", other.shown, list.join(", ")));
    }
}

fn recipients(demand: &Demand, parties: &Parties, says: &Predicate, misses: &mut Vec<Miss>) {
    let wanted = &demand.recipients;
    let tags = |name: &String, n: usize| -> Vec<Tag> {
        let locks = parties.get(name).map(|party| party.locks.as_slice()).unwrap_or_default();
        locks.iter().map(|key| Recipient::tag(key, says.bundle.bytes(), n as u64)).collect()
    };
    let parts = || says.compartments.iter().enumerate();
    let is_in = |name: &String| parts().any(|(n, part)| tags(name, n).iter().any(|tag| part.tags.contains(tag)));
    let absent: Vec<&str> = wanted.all_of.iter().flatten().filter(|n| !is_in(n)).map(String::as_str).collect();
    if !absent.is_empty() {
        miss(misses, "policy-recipients", format!("not locked to {}", absent.join(", ")));
    }
    if let Some(list) = wanted.any_of.as_ref().filter(|list| !list.iter().any(is_in)) {
        miss(misses, "policy-recipients", format!("locked to none of {}", list.join(", ")));
    }
    if let Some(list) = &wanted.only {
        let others = parts().map(|(n, part)| {
            let known: Vec<Tag> = list.iter().flat_map(|name| tags(name, n)).collect();
            part.tags.iter().filter(|tag| !known.contains(tag)).count()
        });
        let others: usize = others.sum();
        if others > 0 {
            let keys = if others == 1 { "1 key".to_owned() } else { format!("{others} keys") };
            miss(misses, "policy-recipients", format!("locked to {keys} of others than {}", list.join(", ")));
        }
    }
    if let Some(max) = wanted.max
        && let Some(n) = parts().map(|(_, part)| part.tags.len() as u64).max().filter(|n| *n > max)
    {
        miss(misses, "policy-recipients", format!("locked to {n} keys, and {max} are the most"));
    }
}

fn contents(demand: &Demand, inside: &Inside<'_>, misses: &mut Vec<Miss>) {
    let wanted = &demand.contents;
    if !inside.closed.is_empty() {
        let closed: Vec<String> = inside.closed.iter().map(usize::to_string).collect();
        miss(
            misses,
            "policy-closed",
            format!("part {} is closed to your keys, and could say anything", closed.join(", ")),
        );
    }
    let exact: fn(&str, &str) -> bool = |a, b| a == b;
    for (head, terms) in &inside.parts {
        let id = terms.id().to_string();
        let agreement = terms.agreement.as_deref().unwrap_or_default();
        let checks: [(_, _, &Option<Vec<String>>, &str, fn(&str, &str) -> bool); 6] = [
            ("policy-owner", "owner", &wanted.owner, &terms.owner, exact),
            ("policy-licence", "licence", &wanted.licence, &terms.licence, is_same_licence),
            ("policy-class", "class", &wanted.class, &terms.class, exact),
            ("policy-agreement", "agreement", &wanted.agreement, agreement, exact),
            ("policy-terms", "terms id", &wanted.terms, &id, exact),
            ("policy-scope", "scope", &wanted.scope, &head.scope, exact),
        ];
        for (word, what, list, is, same) in checks {
            if list.as_ref().is_some_and(|list| !list.iter().any(|wanted| same(wanted, is))) {
                let is = if is.is_empty() { "there is none".to_owned() } else { format!("it is `{is}`") };
                miss(misses, word, format!("the {what} is not one that is demanded: {is}"));
            }
        }
    }
    let sum = |of: fn(&Head) -> u64| inside.parts.iter().map(|(head, _)| of(head)).fold(0_u64, u64::saturating_add);
    let most = [
        ("policy-files", "files", wanted.max_files, sum(|head| head.files)),
        ("policy-bytes", "bytes of files", wanted.max_bytes, sum(|head| head.bytes)),
    ];
    for (word, what, max, n) in most {
        if let Some(max) = max.filter(|max| n > *max) {
            miss(misses, word, format!("it has {n} {what}, and {max} are the most"));
        }
    }
}

/// Identifiers and operators of SPDX are the same in capitals; spaces between them are free.
fn is_same_licence(a: &str, b: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    words(a).eq_ignore_ascii_case(&words(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";
    const MADE: &str = "2026-02-28T12:00:00Z";

    fn says() -> Predicate {
        let hash = "00".repeat(32);
        let text = serde_json::json!({ "format": 1, "crit": [], "bundle": &hash[..32], "name": "acme-0001", "kind": "drop",
            "created": MADE, "expires": null, "sender": { "name": "N" }, "signers": [KEY], "tool": "t", "inReplyTo": null,
            "parent": null, "supersedes": [], "compartments": [] });
        serde_json::from_value(text).unwrap()
    }

    fn signer(key: bool, known: bool) -> Signer {
        let key = key.then(|| Fingerprint::try_from(KEY.to_owned()).unwrap());
        Signer { key, partner: known.then(|| "acme".to_owned()), known, revoked: false, shown: "x".to_owned() }
    }

    fn parties(until: Option<&str>) -> Parties {
        let until = until.map(|text| text.parse().unwrap());
        let card = Party { signs: vec![(Fingerprint::try_from(KEY.to_owned()).unwrap(), until)], ..Party::default() };
        let acme = Party { partner: Some("acme".to_owned()), ..Party::default() };
        Parties::from([("a.card".to_owned(), card), ("acme".to_owned(), acme)])
    }

    fn words(demand: &str, parties: &Parties, signers: &[Signer], now: &str) -> Vec<&'static str> {
        let says = says();
        let outside = Outside { says: &says, size: 1, post_quantum: false, signers, now: now.parse().unwrap() };
        let judged = judge(&toml::from_str(demand).unwrap(), parties, &outside, None);
        judged.map_or_else(|unfit| unfit.misses.iter().map(|miss| miss.word).collect(), |()| Vec::new())
    }

    #[test]
    fn an_age_ends_with_its_last_second_and_the_future_is_no_age() {
        let at = |now: &str| words("max-age = '1y'", &Parties::new(), &[], now).is_empty();
        assert!(at(MADE) && at("2027-02-28T12:00:00Z") && !at("2027-02-28T12:00:01Z"));
        // A clock that was set back.
        assert!(at("2026-02-28T11:00:00Z") && !at("2026-02-28T10:59:59Z"));
        // Nothing is older than what a calendar holds, and nothing passes for it.
        assert!(!words("max-age = '9999y'", &Parties::new(), &[], MADE).is_empty());
    }

    #[test]
    fn who_signed_counts_by_a_key_that_is_good_and_named_or_known() {
        let (by_key, by_certificate) = (signer(true, false), signer(false, false));
        let all = |demand: &str, signer: &Signer, until: Option<&str>| {
            words(demand, &parties(until), std::slice::from_ref(signer), MADE).is_empty()
        };
        let (named, one) = ("[signers]\nall-of = ['a.card']", "[signers]\nmin = 1");
        assert!(all(named, &by_key, None) && !all(one, &by_key, None));
        assert!(all("[signers]\nmin = 1\nany-of = ['a.card']", &by_key, None));
        // The card ended before; the key was revoked; a certificate of that key is its authority's word, not the key's.
        assert!(!all(named, &by_key, Some(MADE)) && all(named, &by_key, Some("2026-02-28T12:00:01Z")));
        let revoked = Signer { revoked: true, known: true, ..by_key };
        assert!(!all(named, &revoked, None) && !all(one, &revoked, None));
        assert!(!all(named, &by_certificate, None));
        // A stranger who is called as a partner is none.
        let partner = "[signers]\nonly = ['acme']";
        assert!(all(partner, &signer(false, true), None) && all(one, &signer(false, true), None));
        assert!(!all(partner, &signer(true, false), None));
    }

    #[test]
    fn contents_that_were_not_looked_at_are_not_as_demanded() {
        assert_eq!(words("[contents]\nmax-files = 1", &Parties::new(), &[], MADE), ["policy-closed"]);
        let closed = Inside { parts: Vec::new(), closed: &[1] };
        let (says, demand) = (says(), toml::from_str("[contents]\nmax-files = 1").unwrap());
        let now = MADE.parse().unwrap();
        let outside = Outside { says: &says, size: 1, post_quantum: false, signers: &[], now };
        let unfit = judge(&demand, &Parties::new(), &outside, Some(&closed)).unwrap_err();
        assert_eq!((unfit.word(), unfit.class()), ("policy-closed", Class::Refused));
    }

    #[test]
    fn licences_are_compared_as_spdx_spells_them() {
        assert!(is_same_licence("mit or  apache-2.0", "MIT OR Apache-2.0"));
        assert!(!is_same_licence("MIT", "MIT OR Apache-2.0") && !is_same_licence("", "MIT"));
    }
}
