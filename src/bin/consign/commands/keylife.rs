//! `consign key rotate`, `renew`, `add`, `remove` and `join`: each makes a new card, which partners take without a call.

use std::path::Path;

use consign::crypto::{Recipient, SigningKey};
use consign::exchange::cardlife::{self, Addition, Changed, Ends};
use consign::exchange::{keys, passphrase};
use consign::format::card::{CardKey, SignedCard};
use consign::format::time::Time;
use consign::format::version::DOCUMENT_MAX;

use super::key::{check_label, first_signer};
use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// Days before its end from which a card is spoken of.
const SOON: i64 = 30;
const DAY: i64 = 86_400;

/// Makes new keys in place of this machine's.
pub(crate) fn rotate(args: &cli::KeyRotate, world: &World) -> Result<Report, Failure> {
    let ends = ends(&args.ends, world)?;
    let old = signer(world)?;
    let lock = passphrase::right(&world.home, &world.passphrases())?;
    let changed = cardlife::rotate(&world.home, &old, &lock, keys::WORK, ends, world.now)?;
    let words = consign::crypto::check_words(first_signer(&changed.card)?)?.join(" ");
    let mut report = report(&changed, world)
        .set("words", &words)
        .fact("keys", "new, locked by the same passphrase; the old ones still open what was locked to them")
        .fact("check words", format!("{words}   new ones, for whoever has none of your cards"));
    for key in &changed.dropped {
        report = report.fact("no more", format!("{}: its signing key has to join again", key.label));
    }
    let dropped: Vec<&str> = changed.dropped.iter().map(|key| key.label.as_str()).collect();
    Ok(report
        .set("dropped", dropped)
        .fact("copy", "the copies of your keys are those of the old ones: consign key export -o FILE"))
}

/// Gives the card another end.
pub(crate) fn renew(args: &cli::KeyRenew, world: &World) -> Result<Report, Failure> {
    let ends = ends(&args.ends, world)?;
    Ok(report(&cardlife::renew(&world.home, &signer(world)?, ends, world.now)?, world))
}

/// Puts a key on the card.
pub(crate) fn add(args: &cli::KeyAdd, world: &World) -> Result<Report, Failure> {
    if let Some(label) = &args.label {
        check_label(label)?;
    }
    let addition = addition(args, world)?;
    let changed = cardlife::add(&world.home, &signer(world)?, &addition, args.label.as_deref(), world.now)?;
    let mut report = report(&changed, world);
    let behind = consign::exchange::locks::left_behind(&changed.card.card);
    if !behind.is_empty() {
        let behind = behind.join(", ");
        report = report.note(format!(
            "{behind} has no post-quantum key: so that it opens them, bundles for you are classical from now on"
        ));
    }
    Ok(match addition {
        Addition::Machine(_) => report.fact("other machine", "give it your new card, and there: consign key join CARD"),
        Addition::Recipient(_) => report,
    })
}

/// A recipient, or the card of another machine.
fn addition(args: &cli::KeyAdd, world: &World) -> Result<Addition, Failure> {
    let file = Path::new(&args.key);
    let looks_like_a_key = args.key.starts_with("age1") || args.key.starts_with("ssh-") || args.key.starts_with("AGE");
    if looks_like_a_key && !file.exists() {
        let key = args.key.parse::<Recipient>()?.canonical();
        return Ok(Addition::Recipient(CardKey::new(&key, "another key")));
    }
    let bytes = world.read(file, DOCUMENT_MAX)?;
    if bytes.starts_with(b"{") {
        let card = SignedCard::read(&bytes).map_err(|e| Failure::from(e).at(file))?;
        return Ok(Addition::Machine(Box::new(card)));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage("neither a card nor a public key").at(file))?;
    let key = text.trim().parse::<Recipient>().map_err(|e| Failure::from(e).at(file))?.canonical();
    Ok(Addition::Recipient(CardKey::new(&key, "another key")))
}

/// Takes a key off the card.
pub(crate) fn remove(args: &cli::KeyRemove, world: &World) -> Result<Report, Failure> {
    let before = keys::own_card_needed(&world.home)?;
    let changed = cardlife::remove(&world.home, &signer(world)?, &args.key, world.now)?;
    let all = |card: &SignedCard| -> Vec<CardKey> {
        let card = &card.card;
        card.recipients.iter().chain(&card.pq).chain(&card.signers).cloned().collect()
    };
    let left = all(&changed.card);
    let removed: Vec<CardKey> = all(&before).into_iter().filter(|key| !left.contains(key)).collect();
    let mut report = report(&changed, world).set("removed", &removed);
    for key in &removed {
        report = report.fact("removed", format!("{}   {}", super::key::shortened(&key.key), key.label));
    }
    Ok(report)
}

/// Takes over the firm's card.
pub(crate) fn join(args: &cli::KeyJoin, world: &World) -> Result<Report, Failure> {
    let file = args.card.as_path();
    let card = SignedCard::read(&world.read(file, DOCUMENT_MAX)?).map_err(|e| Failure::from(e).at(file))?;
    if keys::own_card(&world.home)?.is_some_and(|own| own.id() == card.id()) {
        return Ok(Report::new().set("card", card.id()).fact("your card", "it is this one already; nothing to change"));
    }
    let changed = cardlife::join(&world.home, card, world.now)?;
    Ok(report(&changed, world).fact("firm", super::key::title(&changed.card)))
}

fn signer(world: &World) -> Result<SigningKey, Failure> {
    world.signing_key()
}

fn ends(args: &cli::CardEnds, world: &World) -> Result<Ends, Failure> {
    Ok(match &args.expires {
        Some(text) => Ends::At(Time::parse_end(text, world.now)?),
        None if args.no_end => Ends::Never,
        None => Ends::Same,
    })
}

fn report(changed: &Changed, world: &World) -> Report {
    let card = &changed.card;
    let end = card.card.expires.map_or_else(|| "no end".to_owned(), |end| ending(end, world.now));
    let path = world.home.card();
    Report::new()
        .set("card", card.id())
        .set("number", card.card.number)
        .set("expires", card.card.expires)
        .set("path", &path)
        .set("entry", changed.entry)
        .fact("your card", format!("number {}, {end}", card.card.number))
        .fact("ledger", format!("entry {}", changed.entry))
        .next("consign card -o FILE, and send it to your partners: they take it without a call")
}

/// When a card ends, and how soon.
pub(crate) fn ending(end: Time, now: Time) -> String {
    let days = (end.unix() - now.unix()).div_euclid(DAY);
    match days {
        ..0 => format!("ended {}", end.date()),
        0..=SOON => format!("ends {}, in {}", end.date(), super::opening::count(days.unsigned_abs(), "day")),
        _ => format!("ends {}", end.date()),
    }
}

/// What to say of a card that ends within thirty days, or has ended.
pub(crate) fn soon(end: Option<Time>, now: Time) -> Option<String> {
    end.filter(|end| end.unix() - now.unix() <= SOON * DAY).map(|end| ending(end, now))
}
