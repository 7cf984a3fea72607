//! `consign partner`: the other firms on record. A card gets there after its check words were compared, or with the
//! remark that nobody did.

use std::path::Path;

use consign::class::{Class, Fault};
use consign::crypto::check_words;
use consign::exchange::partners::{self, Change, Checked, Partner};
use consign::exchange::trust::Trust;
use consign::exchange::{self, Ledger, receive};
use consign::files::Source;
use consign::format::card::SignedCard;
use consign::format::record::Event;
use consign::format::version::DOCUMENT_MAX;
use serde_json::{Value, json};

use super::key::{first_signer, title};
use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::prompt;
use crate::world::World;

/// Puts a card on record.
pub(crate) fn add(args: &cli::PartnerAdd, world: &World) -> Result<Report, Failure> {
    let card = card_from(&args.file, world)?;
    let words = check_words(first_signer(&card)?)?.join(" ");
    let alias = args.alias.as_deref();
    // What can't be put on record anyway is refused before anybody is asked anything.
    let first_look = partners::prepare(&world.home, &card, alias, Checked::Unchecked, world.now)?;
    let known = (first_look.change == Change::AlreadyThere).then_some(first_look.partner.checked);
    world.home.ensure_writable()?;
    let checked = match (first_look.change, &first_look.was) {
        // The card on record speaks for the new one, so it is as good as that one, and no better.
        (Change::NewerCard, Some(was)) if args.words.is_none() => was.checked,
        _ => how_checked(args, world, &card, &words, known)?,
    };
    let addition = partners::prepare(&world.home, &card, alias, checked, world.now)?;
    let partner = &addition.partner;
    let mut report = described(partner)
        .set("words", &words)
        .set("change", word_of(addition.change))
        .fact(verb_of(addition.change), format!("{}   {}", partner.name, title(&partner.card)))
        .fact("checked", sentence_of(partner.checked));
    if let (Change::NewerCard, Some(was)) = (addition.change, &addition.was) {
        let number = was.card.card.number;
        report = report.fact("", format!("card {number}, which was on record, speaks for this one; no call is needed"));
    }
    if let Some(ending) = super::keylife::soon(partner.card.card.expires, world.now) {
        report = report.note(format!("the card of {} {ending}", partner.name));
    }
    if addition.change != Change::AlreadyThere {
        let event = Event::PartnerAdded {
            partner: partner.name.clone(),
            card: card.id(),
            checked: partner.checked.word().to_owned(),
        };
        let entry = Ledger::open(&world.home).append(&event, world.now, world.signer()?.as_ref())?;
        addition.write(&world.home)?;
        report = report.set("entry", entry).fact("ledger", format!("entry {entry}"));
    }
    Ok(report.next(format!("consign pack FOLDER --to {}", partner.name)))
}

/// Whether, and how, the check words were compared.
fn how_checked(
    args: &cli::PartnerAdd,
    world: &World,
    card: &SignedCard,
    words: &str,
    known: Option<Checked>,
) -> Result<Checked, Failure> {
    if let Some(heard) = &args.words {
        return if same_words(heard, words) { Ok(Checked::Words) } else { Err(differ(card)) };
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

fn differ(card: &SignedCard) -> Failure {
    let name = &card.card.name;
    let message = format!("the check words given are not those of this card, which says it is {name}");
    Failure::new("words-differ", Class::Untrusted, message)
}

fn same_words(heard: &str, words: &str) -> bool {
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
        report = report.fact(&partner.name, title(&partner.card));
        report = report.fact("", format!("{}; on record since {added}", sentence_of(partner.checked)));
        if let Some(ending) = super::keylife::soon(partner.card.card.expires, world.now) {
            report = report.fact("", format!("its card {ending}"));
        }
    }
    Ok(report)
}

/// Shows one partner.
pub(crate) fn show(args: &cli::PartnerShow, world: &World) -> Result<Report, Failure> {
    let partner = partners::find(&world.home, &args.name)?;
    let card = &partner.card;
    let words = check_words(first_signer(card)?)?.join(" ");
    let mut report = described(&partner)
        .set("words", &words)
        .line(title(card))
        .fact("name here", &partner.name)
        .fact("check words", words)
        .fact("checked", format!("{}, {}", sentence_of(partner.checked), partner.added.for_people()));
    for key in card.card.recipients.iter().chain(&card.card.pq) {
        report = report.fact("encryption", &key.key).fact("", &key.label);
    }
    for (key, signer) in card.card.signers.iter().zip(&card.signers) {
        let proven = if card.proven.contains(signer) { "" } else { "   (without a proof: what it signs is not taken)" };
        report = report.fact("signing", signer.fingerprint().to_string()).fact("", format!("{}{proven}", key.label));
    }
    let ends = card.card.expires.map_or_else(|| "no end".to_owned(), |end| super::keylife::ending(end, world.now));
    let made = card.card.created.for_people();
    Ok(report.fact("card", format!("number {}, made {made}, {ends}", card.card.number)))
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
        .fact("removed", format!("{}   {}", partner.name, title(&partner.card)))
        .fact("ledger", format!("entry {entry}; what was exchanged stays in it")))
}

fn described(partner: &Partner) -> Report {
    Report::new().set("partner", json(partner))
}

fn json(partner: &Partner) -> Value {
    let card = &partner.card;
    let keys = |keys: &[consign::format::card::CardKey]| json!(keys);
    json!({ "alias": partner.name, "name": card.card.name, "contact": card.card.contact, "card": card.id(),
        "number": card.card.number, "expires": card.card.expires, "checked": partner.checked.word(),
        "added": partner.added, "recipients": keys(&card.card.recipients), "pq": keys(&card.card.pq),
        "signers": card.signers.iter().map(|s| s.fingerprint().to_string()).collect::<Vec<_>>() })
}

/// What somebody sees who is asked about a card.
fn described_for_a_person(card: &SignedCard, words: &str) -> String {
    let mut report = Report::new().line(title(card));
    for signer in &card.signers {
        report = report.fact("signs with", signer.fingerprint().to_string());
    }
    for key in card.card.recipients.iter().chain(&card.card.pq) {
        report = report.fact("opens with", &key.key);
    }
    report.fact("check words", words).text()
}

fn verb_of(change: Change) -> &'static str {
    match change {
        Change::New => "added",
        Change::AlreadyThere => "on record",
        Change::NowChecked => "now checked",
        Change::NewerCard => "new card",
    }
}

fn word_of(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::AlreadyThere => "none",
        Change::NowChecked => "checked",
        Change::NewerCard => "newer-card",
    }
}

fn sentence_of(checked: Checked) -> &'static str {
    match checked {
        Checked::Words => "check words given, and they match",
        Checked::Asked => "check words heard on a call",
        Checked::Unchecked => "UNCHECKED: nobody compared its check words",
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
