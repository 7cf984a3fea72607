//! `consign partner`: the other firms on record. A card gets there after its check words were compared, or with the
//! remark that nobody did. What is particular to SSH keys is in `sshkeys.rs`.

use std::path::Path;

use consign::class::{Class, Fault};
use consign::crypto::{PublicKey, check_words};
use consign::exchange::partners::{self, Addition, Change, Checked, Known, Partner};
use consign::exchange::trust::Trust;
use consign::exchange::{self, Ledger, receive};
use consign::files::Source;
use consign::format::card::SignedCard;
use consign::format::record::Event;
use consign::format::sshkeys::SshKeys;
use consign::format::version::DOCUMENT_MAX;
use serde_json::{Value, json};

use super::key::{first_signer, title};
use super::opening::count;
use super::sshkeys;
use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::prompt;
use crate::world::World;

/// Puts a card, or SSH keys, on record.
pub(crate) fn add(args: &cli::PartnerAdd, world: &World) -> Result<Report, Failure> {
    match (&args.file, &args.ssh_keys, &args.signers) {
        (Some(file), ..) => add_card(args, file, world),
        (None, Some(file), _) => sshkeys::add(args, &sshkeys::From::Keys(file), world),
        (None, None, Some(file)) => sshkeys::add(args, &sshkeys::From::List(file), world),
        (None, None, None) => Err(Failure::usage("which card? a file, or --ssh-keys or --signers")),
    }
}

fn add_card(args: &cli::PartnerAdd, file: &Path, world: &World) -> Result<Report, Failure> {
    let card = card_from(file, world)?;
    let words = check_words(first_signer(&card)?)?.join(" ");
    let alias = args.alias.as_deref();
    // What can't be put on record anyway is refused before anybody is asked anything.
    let first_look = partners::prepare(&world.home, &card, alias, Checked::Unchecked, world.now)?;
    let known = (first_look.change == Change::AlreadyThere).then_some(first_look.partner.checked);
    world.home.ensure_writable()?;
    let checked = match (first_look.change, &first_look.was) {
        // The card on record speaks for the new one, so it is as good as that one, and no better.
        (Change::NewerCard, Some(was)) if args.words.is_empty() && args.fingerprints.is_empty() => was.checked,
        _ => how_checked(args, world, &card, &words, known)?,
    };
    let addition = partners::prepare(&world.home, &card, alias, checked, world.now)?;
    let name = addition.partner.name.clone();
    Ok(put(addition, world)?.set("words", &words).next(format!("consign pack FOLDER --to {name}")))
}

/// Writes the ledger line, then the record.
pub(super) fn put(addition: Addition, world: &World) -> Result<Report, Failure> {
    let partner = &addition.partner;
    let mut report = described(partner)
        .set("change", word_of(addition.change))
        .fact(verb_of(addition.change), format!("{}   {}", partner.name, called(partner)))
        .fact("checked", sentence_of(partner));
    if let (Change::NewerCard, Some(was)) = (addition.change, addition.was.as_ref().and_then(Partner::card)) {
        let number = was.card.number;
        report = report.fact("", format!("card {number}, which was on record, speaks for this one; no call is needed"));
    }
    if let Some(ending) = super::keylife::soon(partner.expires(), world.now) {
        report = report.note(format!("the card of {} {ending}", partner.name));
    }
    if let Known::Keys(keys) = &partner.known {
        report = report.fact("signs with", count(keys.signers.len() as u64, "key")).fact("locked to", locked_to(keys));
    }
    if addition.change != Change::AlreadyThere {
        let event = Event::PartnerAdded {
            partner: partner.name.clone(),
            card: partner.card().map(SignedCard::id),
            keys: match &partner.known {
                Known::Card(_) => Vec::new(),
                Known::Keys(keys) => keys.keys().into_iter().map(PublicKey::fingerprint).collect(),
            },
            checked: partner.checked.word().to_owned(),
        };
        let entry = Ledger::open(&world.home).append(&event, world.now, world.signer()?.as_ref())?;
        addition.write(&world.home)?;
        report = report.set("entry", entry).fact("ledger", format!("entry {entry}"));
    }
    Ok(report)
}

fn locked_to(keys: &SshKeys) -> String {
    match keys.recipients.len() as u64 {
        0 => "no key: nothing can be sent to it until it has a card".to_owned(),
        n => count(n, "key"),
    }
}

/// Whether, and how, the check words were compared.
fn how_checked(
    args: &cli::PartnerAdd,
    world: &World,
    card: &SignedCard,
    words: &str,
    known: Option<Checked>,
) -> Result<Checked, Failure> {
    if !args.words.is_empty() || !args.fingerprints.is_empty() {
        let fingerprint = first_signer(card)?.fingerprint();
        let fits = args.words.iter().all(|heard| same_words(heard, words))
            && args.fingerprints.iter().all(|given| given.trim() == fingerprint.as_str());
        let differ = || differ(&format!("not those of this card, which says it is {}", card.card.name));
        let how = if args.words.is_empty() { Checked::Fingerprints } else { Checked::Words };
        return if fits { Ok(how) } else { Err(differ()) };
    }
    match known {
        _ if args.unchecked => return Ok(Checked::Unchecked),
        Some(checked) if checked != Checked::Unchecked => return Ok(checked),
        _ => {}
    }
    let name = &card.card.name;
    if !world.can_ask() {
        return Err(Failure::needs_a_person(format!("the check words of {name} have to be compared on a call"))
            .fix("call the firm, then: --words \"SIX WORDS\", those that you heard")
            .fix("or, kept on record as such: --unchecked"));
    }
    let context = described_for_a_person(card, words);
    let name = consign::files::printable(name);
    if prompt::yes(world, &context, &format!("did you hear these six words from {name}, on a call?"))? {
        Ok(Checked::Asked)
    } else {
        Err(Failure::new("not-compared", Class::Untrusted, format!("the check words of {name} were not compared"))
            .fix("call the firm on a number that you already have, and let them read their words to you"))
    }
}

pub(super) fn differ(whose: &str) -> Failure {
    let message = format!("the check words or fingerprints given are {whose}");
    Failure::new("words-differ", Class::Untrusted, message)
}

pub(super) fn same_words(heard: &str, words: &str) -> bool {
    let plain = |text: &str| -> Vec<String> {
        let split = text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty());
        split.map(str::to_lowercase).collect()
    };
    plain(heard) == plain(words)
}

/// The card in a file: a card, or a bundle that has its sender's card inside.
fn card_from(path: &Path, world: &World) -> Result<SignedCard, Failure> {
    let source = world.open(path)?;
    let mut start = [0; 11];
    let peek = usize::try_from(source.len()).unwrap_or(start.len()).min(start.len());
    source.read_at(0, &mut start[..peek])?;
    if &start == b"README.txt\0" {
        return card_in_bundle(source, world).map_err(|e| e.at(path));
    }
    let is_document = start.starts_with(b"{");
    if is_document && source.len() > DOCUMENT_MAX {
        let message = format!("{} has {} bytes; a card has {DOCUMENT_MAX} at most", path.display(), source.len());
        return Err(Failure::new("too-large", Class::Unsafe, message).at(path));
    }
    if !is_document {
        let message = format!("{} is neither a card nor a bundle", path.display());
        return Err(Failure::new("not-a-card", Class::Changed, message).at(path));
    }
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap_or(0)];
    source.read_at(0, &mut bytes)?;
    SignedCard::read(&bytes).map_err(|e| Failure::from(e).at(path))
}

/// The card inside a bundle, which is whole as far as it can be told without a key, and signed by that card's key.
fn card_in_bundle(source: Source, world: &World) -> Result<SignedCard, Failure> {
    let signed = receive::check(source, &Trust::of(&world.home)?)?;
    let none = || {
        Failure::new("no-card", Class::Usage, "this bundle has no card of its sender inside")
            .fix("ask the sender for its card: consign card -o FILE")
    };
    signed.card()?.ok_or_else(none)
}

/// Lists the partners.
pub(crate) fn list(_: &cli::PartnerList, world: &World) -> Result<Report, Failure> {
    let all = partners::list(&world.home)?;
    let mut report = Report::new().set("partners", all.iter().map(json).collect::<Vec<_>>());
    if all.is_empty() {
        return Ok(report.line("no partners on record").next("consign partner add CARD"));
    }
    for partner in &all {
        let added = partner.added.date();
        report = report.fact(&partner.name, called(partner));
        report = report.fact("", format!("{}; on record since {added}", sentence_of(partner)));
        if let Some(ending) = super::keylife::soon(partner.expires(), world.now) {
            report = report.fact("", format!("its card {ending}"));
        }
        report = super::agreements::evidence(report, partner, false, world)?;
    }
    Ok(report)
}

/// Shows one partner.
pub(crate) fn show(args: &cli::PartnerShow, world: &World) -> Result<Report, Failure> {
    let partner = partners::find(&world.home, &args.name)?;
    let checked = format!("{}, {}", sentence_of(&partner), partner.added.for_people());
    let report = described(&partner).line(called(&partner)).fact("name here", &partner.name);
    let card = match &partner.known {
        Known::Card(card) => card,
        Known::Keys(keys) => {
            let report = sshkeys::shown(report.fact("checked", checked), keys)?;
            return super::agreements::evidence(report, &partner, true, world);
        }
    };
    let words = check_words(first_signer(card)?)?.join(" ");
    let mut report = report.set("words", &words).fact("check words", words).fact("checked", checked);
    for key in card.card.recipients.iter().chain(&card.card.pq) {
        report = report.fact("encryption", super::key::shortened(&key.key)).fact("", &key.label);
    }
    for (key, signer) in card.card.signers.iter().zip(&card.signers) {
        let proven = if card.proven.contains(signer) { "" } else { "   (without a proof: what it signs is not taken)" };
        report = report.fact("signing", signer.fingerprint().to_string()).fact("", format!("{}{proven}", key.label));
    }
    let ends = card.card.expires.map_or_else(|| "no end".to_owned(), |end| super::keylife::ending(end, world.now));
    let made = card.card.created.for_people();
    let report = report.fact("card", format!("number {}, made {made}, {ends}", card.card.number));
    super::agreements::evidence(report, &partner, true, world)
}

/// Takes a partner off the record.
pub(crate) fn remove(args: &cli::PartnerRemove, world: &World) -> Result<Report, Failure> {
    let partner = partners::find(&world.home, &args.name)?;
    world.home.ensure_writable()?;
    let event = Event::PartnerRemoved { partner: partner.name.clone() };
    let entry = Ledger::open(&world.home).append(&event, world.now, world.signer()?.as_ref())?;
    let half_done = |e: exchange::Error| {
        Failure::new("incomplete", e.class(), format!("the removal is on record, but not done for good: {e}"))
    };
    partners::remove(&world.home, &partner.name).map_err(half_done)?;
    Ok(described(&partner)
        .set("entry", entry)
        .fact("removed", format!("{}   {}", partner.name, called(&partner)))
        .fact("ledger", format!("entry {entry}; what was exchanged stays in it")))
}

fn described(partner: &Partner) -> Report {
    Report::new().set("partner", json(partner))
}

fn json(partner: &Partner) -> Value {
    let (checked, added) = (partner.checked.word(), partner.added);
    let card = match &partner.known {
        Known::Card(card) => card,
        Known::Keys(keys) => {
            let prints: Vec<String> = keys.keys().into_iter().map(|key| key.fingerprint().to_string()).collect();
            let lines: Vec<Value> = keys.signers.iter().map(sshkeys::json).collect();
            let recipients: Vec<Value> = keys.recipients.iter().map(|key| json!({ "key": key, "label": "" })).collect();
            return json!({ "alias": partner.name, "name": null, "contact": null, "card": null, "number": null,
                "expires": null, "checked": checked, "added": added, "recipients": recipients, "pq": [],
                "signers": prints, "lines": lines });
        }
    };
    let keys = |keys: &[consign::format::card::CardKey]| json!(keys);
    json!({ "alias": partner.name, "name": card.card.name, "contact": card.card.contact, "card": card.id(),
        "number": card.card.number, "expires": card.card.expires, "checked": checked,
        "added": added, "recipients": keys(&card.card.recipients), "pq": keys(&card.card.pq),
        "signers": card.signers.iter().map(|s| s.fingerprint().to_string()).collect::<Vec<_>>() })
}

/// What a partner calls itself; without a card, what it is known by.
fn called(partner: &Partner) -> String {
    match &partner.known {
        Known::Card(card) => title(card),
        Known::Keys(keys) => format!("{}, no card", count(keys.keys().len() as u64, "SSH key")),
    }
}

/// What somebody sees who is asked about a card.
fn described_for_a_person(card: &SignedCard, words: &str) -> String {
    let mut report = Report::new().line(title(card));
    for signer in &card.signers {
        report = report.fact("signs with", signer.fingerprint().to_string());
    }
    for key in card.card.recipients.iter().chain(&card.card.pq) {
        report = report.fact("opens with", super::key::shortened(&key.key));
    }
    report.fact("check words", words).text()
}

fn verb_of(change: Change) -> &'static str {
    match change {
        Change::New => "added",
        Change::AlreadyThere => "on record",
        Change::NowChecked => "now checked",
        Change::NewerCard | Change::CardForKeys => "new card",
        Change::OtherKeys => "other keys",
    }
}

fn word_of(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::AlreadyThere => "none",
        Change::NowChecked => "checked",
        Change::NewerCard => "newer-card",
        Change::CardForKeys => "card-for-keys",
        Change::OtherKeys => "other-keys",
    }
}

fn sentence_of(partner: &Partner) -> &'static str {
    match (partner.checked, &partner.known) {
        (Checked::Words, _) => "check words given, and they match",
        (Checked::Fingerprints, _) => "fingerprints given, and they match",
        (Checked::Asked, Known::Card(_)) => "check words heard on a call",
        (Checked::Asked, Known::Keys(_)) => "fingerprints or check words confirmed on a call",
        (Checked::Unchecked, Known::Card(_)) => "UNCHECKED: nobody compared its check words",
        (Checked::Unchecked, Known::Keys(_)) => "UNCHECKED: nobody compared its fingerprints",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heard_words_are_compared_without_case_and_punctuation() {
        assert!(same_words(" River, tulip\tANVIL. seven mango-drift", "river tulip anvil seven mango drift"));
        assert!(!same_words("river tulip anvil seven mango", "river tulip anvil seven mango drift"));
        assert!(!same_words("", "river tulip anvil seven mango drift"));
    }
}
