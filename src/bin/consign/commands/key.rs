//! `consign key`: make the firm's keys, and show them without their secrets.

use std::path::Path;

use consign::class::Class;
use consign::crypto::{PublicKey, Secret, check_words};
use consign::exchange::keys::{self, KeySummary};
use consign::exchange::{Home, Ledger, unlock};
use consign::files;
use consign::format::card::SignedCard;
use consign::format::record::Event;
use consign::format::time::Time;
use consign::format::version::{DOCUMENT_MAX, LABEL_MAX};
use serde_json::{Value, json};

use super::passphrase;
use crate::cli;
use crate::fault::Failure;
use crate::keyring::{NAME, Silence};
use crate::output::Report;
use crate::prompt;
use crate::world::World;

/// Makes the keys.
pub(crate) fn new(args: &cli::KeyNew, world: &World) -> Result<Report, Failure> {
    keys::ensure_none(&world.home)?;
    world.home.ensure_writable()?;
    let firm = args.firm.as_deref().map(|file| firm_card(file, world)).transpose()?;
    let label = args.label.as_deref().unwrap_or_default();
    check_label(label)?;
    let expires = args.expires.as_deref().map(|text| Time::parse_end(text, world.now)).transpose()?;
    let (name, contact) = match &firm {
        Some(firm) => (firm.card.name.clone(), firm.card.contact.clone()),
        None => keys::split_name(&name(args.name.as_deref(), !args.ci, world)?),
    };
    let lock = lock(args, world)?;
    let new = keys::New { name: &name, contact: &contact, label, expires, firm: firm.as_ref() };
    let made = keys::make(&world.home, &new, &lock, keys::WORK, world.now);
    let made = made.inspect_err(|_| forget_file(args))?;
    let event = Event::KeyMade { card: made.card.id() };
    let signer = first_signer(&made.card)?.fingerprint();
    let unrecorded =
        |e| Failure::new("incomplete", Class::Failed, format!("your keys are made, but not recorded: {e}"));
    let entry = Ledger::open(&world.home).append(&event, world.now, Some(&signer)).map_err(unrecorded)?;
    let words = made.words.join(" ");
    let kept = kept(args, world, &lock);
    let report = Report::new()
        .set("home", world.home.path())
        .set("name", &name)
        .set("contact", &contact)
        .set("card", made.card.id())
        .set("signer", &signer)
        .set("words", &words)
        .set("entry", entry)
        .set("keyring", kept.as_ref().map_or_else(Silence::word, |()| "kept"))
        .fact("keys saved", format!("{}   {}", world.home.path().display(), unlocked_by(&kept)));
    Ok(for_a_machine(args, world, report)
        .fact("your card", format!("{}   public", world.home.card().display()))
        .fact("check words", words)
        .fact("", "read them out on a call, so that the card cannot be swapped")
        .fact("copy", "none yet: this machine may be lost; consign key export -o FILE")
        .next(match firm {
            Some(_) => "consign card -o FILE, and on the machine of your firm: consign key add FILE",
            None => "consign card -o FILE, and send that file to your partners",
        }))
}

/// The card of the firm that this machine wants to join.
fn firm_card(file: &Path, world: &World) -> Result<SignedCard, Failure> {
    SignedCard::read(&world.read(file, DOCUMENT_MAX)?).map_err(|e| Failure::from(e).at(file))
}

/// Labels are shown to partners.
pub(super) fn check_label(label: &str) -> Result<(), Failure> {
    if label.len() > LABEL_MAX || consign::files::printable(label) != label {
        return Err(Failure::usage(format!("a label has at most {LABEL_MAX} bytes, all of which can be seen")));
    }
    Ok(())
}

/// The passphrase that locks the new keys.
fn lock(args: &cli::KeyNew, world: &World) -> Result<Secret, Failure> {
    let Some(file) = &args.passphrase_file else {
        if args.ci && !world.ways().is_given() {
            let message = "--ci asks nobody, so the passphrase must come from somewhere";
            return Err(Failure::new("needs-passphrase", Class::NeedsAPerson, message)
                .fix("--passphrase-file FILE makes a random one and writes it there")
                .fix("or give one: CONSIGN_PASSPHRASE_FILE, _FD or _COMMAND"));
        }
        return world.ways().for_a_new_key();
    };
    if world.ways().is_given() {
        return Err(Failure::usage("--passphrase-file makes a passphrase, but CONSIGN_PASSPHRASE_* gives one as well"));
    }
    let secret = unlock::secret()?;
    files::write_private(file, Secret::new([secret.expose(), b"\n"].concat()).expose())?;
    Ok(secret)
}

/// Keys that could not be made need no passphrase.
fn forget_file(args: &cli::KeyNew) {
    if let Some(file) = &args.passphrase_file {
        // If it can't be removed, it is a passphrase of nothing.
        let _unused = std::fs::remove_file(file);
    }
}

/// Has the keyring unlock the new keys, unless a machine is to unlock them.
fn kept(args: &cli::KeyNew, world: &World, lock: &Secret) -> Result<(), Silence> {
    if args.ci || world.ways().is_given() { Err(Silence::Off) } else { passphrase::keep(world, lock) }
}

fn unlocked_by(kept: &Result<(), Silence>) -> String {
    match kept {
        Ok(()) => format!("locked; {NAME} unlocks them"),
        Err(Silence::Off) => "locked by your passphrase".to_owned(),
        Err(silence) => format!("locked by your passphrase; {silence}"),
    }
}

/// What a machine needs to be given.
fn for_a_machine(args: &cli::KeyNew, world: &World, report: Report) -> Report {
    let Some(file) = &args.passphrase_file else { return report };
    let home = world.home.path().display();
    report
        .set("passphrase_file", file)
        .fact("passphrase", format!("{}   for the secret store of your CI; then delete it", file.display()))
        .fact("", "in the CI: CONSIGN_PASSPHRASE_FILE names the file it comes back as")
        .fact("", format!("{home} goes there too; in the CI: CONSIGN_HOME names it"))
}

/// The name of the firm, given or asked for.
pub(crate) fn name(given: Option<&str>, may_ask: bool, world: &World) -> Result<String, Failure> {
    let name = match given {
        Some(name) => name.to_owned(),
        None if may_ask && world.can_ask() => {
            prompt::line(world, "", "name of your firm, such as Acme Dev Oy <ops@acme.example>: ")?
        }
        None => {
            return Err(Failure::usage("a new key needs the name of your firm")
                .fix("--name \"Acme Dev Oy <ops@acme.example>\""));
        }
    };
    if consign::files::printable(&name) != name {
        return Err(Failure::usage("the name of your firm has characters that nobody can see"));
    }
    let (firm, contact) = keys::split_name(&name);
    if firm.is_empty() || firm.len() > 256 || contact.len() > 256 {
        return Err(Failure::usage("the name of your firm needs 1 to 256 characters"));
    }
    Ok(name)
}

/// Lists the keys.
pub(crate) fn list(_: &cli::KeyList, world: &World) -> Result<Report, Failure> {
    let keys = keys::summary(&world.home)?;
    let mut report =
        Report::new().set("home", world.home.path()).set("keys", keys.iter().map(json).collect::<Vec<_>>());
    if keys.is_empty() {
        return Ok(report.line(format!("no keys in {}", world.home.path().display())).next("consign key new"));
    }
    for key in &keys {
        report = report.fact(key.kind, format!("{}   {}", short(key), key.label)).fact("", state(key));
        report = report.fact("", use_of(key));
    }
    let (copied, last) = super::copy::last(world)?;
    report = report.set("copy", last).fact("copy", copied);
    Ok(match keys::own_card(&world.home)?.and_then(|card| card.card.expires) {
        Some(end) => report.fact("card", super::keylife::ending(end, world.now)),
        None => report,
    })
}

/// A key as it fits on a line: a post-quantum one has two thousand characters.
fn short(key: &KeySummary) -> String {
    key.fingerprint.clone().unwrap_or_else(|| shortened(&key.public))
}

/// A recipient string as it fits on a line; in JSON it is whole.
pub(super) fn shortened(key: &str) -> String {
    match (key.get(..24), key.len().checked_sub(8).and_then(|at| key.get(at..))) {
        (Some(start), Some(end)) if key.len() > 70 && key.starts_with("age1") => format!("{start}..{end}"),
        _ => key.to_owned(),
    }
}

/// What a key opens, or signs.
fn use_of(key: &KeySummary) -> String {
    let quantum = if consign::crypto::is_post_quantum(&key.public) { ", post-quantum" } else { "" };
    match (key.kind, key.retired, key.on_card, &key.from) {
        ("signing", Some(at), ..) => format!("signs nothing any more, since {}", at.date()),
        ("signing", None, true, Some(_)) => "signs for your firm".to_owned(),
        ("signing", None, true, None) => "signs for your firm, on another machine".to_owned(),
        ("signing", None, false, _) => {
            "signs, but is not on your card: partners don't take it for your firm".to_owned()
        }
        (_, Some(at), ..) => format!("opens what was locked to it until {}{quantum}", at.date()),
        (_, None, true, Some(_)) => format!("opens what partners send you{quantum}"),
        (_, None, true, None) => format!("opens what partners send you, on another machine{quantum}"),
        (_, None, false, _) => format!("opens what is locked to it; it is not on your card{quantum}"),
    }
}

/// Shows keys, card and check words.
pub(crate) fn show(_: &cli::KeyShow, world: &World) -> Result<Report, Failure> {
    let card = keys::own_card_needed(&world.home)?;
    let words = check_words(first_signer(&card)?)?.join(" ");
    let keys = keys::summary(&world.home)?;
    let mut report = Report::new()
        .set("home", world.home.path())
        .set("name", &card.card.name)
        .set("contact", &card.card.contact)
        .set("card", card.id())
        .set("words", &words)
        .set("keys", keys.iter().map(json).collect::<Vec<_>>())
        .line(title(&card))
        .fact("check words", words);
    for key in &keys {
        report = report.fact(key.kind, shortened(&key.public));
        if let Some(fingerprint) = &key.fingerprint {
            report = report.fact("", fingerprint);
        }
        report = report.fact("", &key.label).fact("", state(key)).fact("", use_of(key));
    }
    Ok(report
        .fact("card", format!("number {}, made {}", card.card.number, card.card.created.for_people()))
        .fact("home", here(&world.home)))
}

fn here(home: &Home) -> String {
    home.path().display().to_string()
}

fn state(key: &KeySummary) -> String {
    let from = key.from.as_ref().map(|from| format!("{from} {}", key.created.date()));
    let Some(file) = &key.file else {
        return from.unwrap_or_else(|| format!("on the card since {}", key.created.date()));
    };
    let locked = match key.locked {
        Some(false) => "NOT locked: anybody who copies the file has the key",
        _ => "locked by a passphrase",
    };
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    format!("{file}, {locked}, {}", from.unwrap_or_default())
}

fn json(key: &KeySummary) -> Value {
    let path = key.file.as_ref().map(|file| file.to_string_lossy());
    json!({ "kind": key.kind, "public": key.public, "fingerprint": key.fingerprint, "label": key.label,
        "from": key.from, "created": key.created, "retired": key.retired, "on_card": key.on_card,
        "post_quantum": consign::crypto::is_post_quantum(&key.public), "locked": key.locked, "path": path,
        "opens": use_of(key) })
}

/// A firm's name and contact, as people write them.
pub(crate) fn title(card: &SignedCard) -> String {
    let (name, contact) = (&card.card.name, &card.card.contact);
    if contact.is_empty() { name.clone() } else { format!("{name} <{contact}>") }
}

/// The key that signed the card, of which the check words are.
pub(crate) fn first_signer(card: &SignedCard) -> Result<&PublicKey, Failure> {
    card.signers.first().ok_or_else(|| Failure::new("bug", Class::Failed, "a card without a signer"))
}
