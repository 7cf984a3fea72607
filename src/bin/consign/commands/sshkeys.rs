//! `consign partner add --ssh-keys|--signers`: partners who have no card. What can't be used is listed; what nobody
//! compared is left out, or kept on record as such.

use std::path::Path;

use consign::class::Class;
use consign::crypto::{PublicKey, check_words};
use consign::exchange::partners::{self, Change, Checked};
use consign::files::printable;
use consign::format::signerlist::Listed;
use consign::format::sshkeys::SshKeys;
use consign::format::sshline::Unusable;
use serde_json::{Value, json};

use super::opening::{LIST_MAX, count, noted};
use super::partner::{differ, put, same_words};
use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::prompt;
use crate::world::World;

/// The most keys whose check words are shown: each takes a tenth of a second, and nobody reads out more.
const WORDS_MAX: usize = 8;

/// Which file, and how it is read.
pub(crate) enum From<'a> {
    /// A `.keys` file.
    Keys(&'a Path),
    /// A list of signers.
    List(&'a Path),
}

/// Puts SSH keys on record.
pub(crate) fn add(args: &cli::PartnerAdd, from: &From<'_>, world: &World) -> Result<Report, Failure> {
    let (From::Keys(file) | From::List(file)) = from;
    let bytes = world.read(file, LIST_MAX)?;
    let (all, unusable) = match from {
        From::Keys(_) => SshKeys::of_keys(&bytes)?,
        From::List(_) => SshKeys::of_list(&bytes, &args.principals)?,
    };
    if all.signers.is_empty() {
        return Err(nothing(file, &unusable));
    }
    noted(world, file, &unusable);
    let keys = compared(args, all, world)?;
    let alias = args.alias.as_deref();
    let called = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    // What can't be put on record anyway is refused before anybody is asked anything.
    let prepare = |checked| partners::prepare_keys(&world.home, &keys, alias, &called, checked, world.now);
    let look = prepare(if args.unchecked { Checked::Unchecked } else { Checked::Words })?;
    let known = (look.change == Change::AlreadyThere).then_some(look.partner.checked);
    world.home.ensure_writable()?;
    let checked = how_checked(args, world, &keys, &look.partner.name, known)?;
    let report = put(prepare(checked)?, world)?.set("unusable", &unusable);
    Ok(if keys.recipients.is_empty() {
        report.next("its card lets you send to it: consign partner add CARD --as NAME")
    } else {
        report.next(format!("consign pack FOLDER --to {}", look.partner.name))
    })
}

fn nothing(file: &Path, unusable: &[Unusable]) -> Failure {
    let message = format!("no key in {} can be put on record", file.display());
    let failure = Failure::new("no-usable-key", Class::Usage, message).at(file).set("unusable", json!(unusable));
    unusable.iter().take(WORDS_MAX).fold(failure, |failure, one| failure.fact("not used", one.to_string()))
}

/// The keys whose fingerprints or check words were given; all, if none were.
fn compared(args: &cli::PartnerAdd, all: SshKeys, world: &World) -> Result<SshKeys, Failure> {
    if args.words.is_empty() && args.fingerprints.is_empty() {
        return Ok(all);
    }
    let mut named: Vec<PublicKey> = Vec::new();
    for key in all.keys() {
        let words = if args.words.is_empty() { String::new() } else { check_words(key)?.join(" ") };
        let fingerprint = key.fingerprint();
        let heard = args.words.iter().any(|heard| same_words(heard, &words));
        if heard || args.fingerprints.iter().any(|given| given.trim() == fingerprint.as_str()) {
            named.push(key.clone());
        }
    }
    // Each that was given must be that of a key, or there was a slip, or somebody changed the file.
    if named.len() < args.words.len() + args.fingerprints.len() {
        return Err(differ("none of the keys in this file"));
    }
    let left: Vec<String> =
        all.keys().into_iter().filter(|key| !named.contains(key)).map(|key| key.fingerprint().to_string()).collect();
    if !left.is_empty() {
        world.note(format!("left out, since nobody compared it: {}", left.join(", ")));
    }
    Ok(all.only(|key| named.contains(key)))
}

/// Whether, and how, the keys were compared.
fn how_checked(
    args: &cli::PartnerAdd,
    world: &World,
    keys: &SshKeys,
    name: &str,
    known: Option<Checked>,
) -> Result<Checked, Failure> {
    match known {
        _ if !args.fingerprints.is_empty() => return Ok(Checked::Fingerprints),
        _ if !args.words.is_empty() => return Ok(Checked::Words),
        _ if args.unchecked => return Ok(Checked::Unchecked),
        Some(checked) if checked != Checked::Unchecked => return Ok(checked),
        _ => {}
    }
    let distinct = keys.keys();
    let all = count(distinct.len() as u64, "key");
    if !world.can_ask() {
        let why = format!("the fingerprints of {name} have to be compared: {all}, and anybody can publish a key");
        let failure = distinct
            .iter()
            .take(WORDS_MAX)
            .fold(Failure::needs_a_person(why), |failure, key| failure.fact("key", key.fingerprint().to_string()));
        return Err(failure
            .fix("get them from the person by another way, then for each: --fingerprint SHA256:…")
            .fix("or, kept on record as such: --unchecked"));
    }
    let mut report = Report::new().line(format!("{name}, by SSH keys and without a card"));
    for key in &distinct {
        report = report.fact(kind(key), key.fingerprint().to_string());
        if distinct.len() <= WORDS_MAX {
            report = report.fact("", check_words(key)?.join(" "));
        }
    }
    let question = format!(
        "did {name} confirm {}, by fingerprint or words, on a call?",
        if distinct.len() == 1 { "it" } else { "every one of them" }
    );
    if prompt::yes(world, &report.text(), &question)? {
        Ok(Checked::Asked)
    } else {
        Err(Failure::new(
            "not-compared",
            Class::Untrusted,
            format!("the keys of {} were not compared", printable(name)),
        )
        .fix("only those that were confirmed: --fingerprint SHA256:… for each"))
    }
}

/// The type of a key.
pub(crate) fn kind(key: &PublicKey) -> String {
    key.line().unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}

/// What a partner without a card has, as facts.
pub(crate) fn shown(mut report: Report, keys: &SshKeys) -> Result<Report, Failure> {
    for key in &keys.recipients {
        report = report.fact("encryption", key);
    }
    for line in &keys.signers {
        report = report.fact("signing", format!("{} {}", kind(&line.key), line.key.fingerprint()));
        if keys.signers.len() <= WORDS_MAX {
            report = report.fact("", check_words(&line.key)?.join(" "));
        }
        for limit in limits(line) {
            report = report.fact("", limit);
        }
    }
    Ok(report)
}

fn limits(line: &Listed) -> Vec<String> {
    let mut all = Vec::new();
    if line.authority {
        all.push("an authority: it signs certificates, not bundles".to_owned());
    }
    all.extend(line.principals.as_ref().map(|list| format!("as {}", list.as_str())));
    all.extend(line.namespaces.as_ref().map(|list| format!("for namespaces {}", list.as_str())));
    all.extend(line.from.map(|from| format!("from {}", from.for_people())));
    all.extend(line.until.map(|until| format!("until {}", until.for_people())));
    all
}

/// A line as JSON.
pub(crate) fn json(line: &Listed) -> Value {
    let text = |list: Option<&consign::format::patterns::Patterns>| list.map(|list| list.as_str().to_owned());
    json!({ "fingerprint": line.key.fingerprint(), "type": kind(&line.key), "authority": line.authority,
        "principals": text(line.principals.as_ref()), "namespaces": text(line.namespaces.as_ref()),
        "valid_from": line.from, "valid_until": line.until })
}
