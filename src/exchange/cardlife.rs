//! The life of the firm's card: each change of its keys is a new card with a higher number, signed by the card before,
//! so that partners take it without another call (FORMAT §5.4). The cards before are kept in `cards/`.

use super::rekey::{self, Rekey};
use super::roster::{self, Roster, Use};
use super::{Error, Home, Ledger, Result, keys};
use crate::crypto::{self, PublicKey, Secret, Signer, SigningKey};
use crate::files;
use crate::format::card::{Card, CardKey, SignedCard, check_proof};
use crate::format::record::Event;
use crate::format::time::Time;

/// When a new card ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// After the same span as the card before, which begins anew; never, if that one had no end.
    Same,
    /// At this time.
    At(Time),
    /// Never.
    Never,
}

/// What became of the card.
#[derive(Debug)]
pub struct Changed {
    /// The new card.
    pub card: SignedCard,
    /// Keys of other machines that are on it no more, and have to join again.
    pub dropped: Vec<CardKey>,
    /// The ledger entry.
    pub entry: u64,
}

/// A new key for the card.
#[derive(Debug, Clone)]
pub enum Addition {
    /// A recipient string.
    Recipient(CardKey),
    /// The card of another machine of this firm.
    Machine(Box<SignedCard>),
}

/// The card with other words for its end, and the same keys.
///
/// # Errors
/// [`Error::NotFirstKey`]; what the system says.
pub fn renew(home: &Home, signer: &dyn Signer, ends: Ends, now: Time) -> Result<Changed> {
    let change = Rekey::begin(home)?;
    let old = held(home, signer)?;
    let card = Card { created: now, expires: expires(&old.card, ends, now), ..old.card.clone() };
    let (next, roster) = (old.succeeded_by(card, signer, signer)?, Roster::of(home, Some(&old))?);
    commit(home, change, "renewed", next, &roster, now)
}

/// The card with one key more.
///
/// # Errors
/// [`Error::NotFirstKey`]; [`Error::KeyListed`]; a machine's card that does not say that it joins this firm.
pub fn add(home: &Home, signer: &dyn Signer, addition: &Addition, label: Option<&str>, now: Time) -> Result<Changed> {
    let change = Rekey::begin(home)?;
    let old = held(home, signer)?;
    let mut card = Card { created: now, ..old.card.clone() };
    let named = |key: &CardKey| match label {
        Some(label) => CardKey { label: label.to_owned(), ..key.clone() },
        None => key.clone(),
    };
    let wanted = match addition {
        Addition::Recipient(key) => named(key).label,
        Addition::Machine(machine) => named(joining(machine, &signer.public())?).label,
    };
    // Labels tell machines apart: for people, and when kinds of keys are chosen.
    let taken = |key: &&CardKey| key.label == wanted;
    let keys = || card.recipients.iter().chain(&card.pq).chain(&card.signers);
    if let Some(there) = keys().find(|there| added_keys(addition).contains(&there.key.as_str())) {
        return Err(Error::KeyListed { label: there.label.clone() });
    }
    // A key of the other kind may join its machine's.
    let kind = |key: &&CardKey| match addition {
        Addition::Recipient(new) => crypto::is_post_quantum(&new.key) == crypto::is_post_quantum(&key.key),
        Addition::Machine(_) => true,
    };
    if keys().filter(kind).any(|key| taken(&key)) {
        return Err(Error::LabelTaken { label: wanted });
    }
    match addition {
        Addition::Recipient(key) => {
            let quantum = crypto::is_post_quantum(&key.key);
            push(if quantum { &mut card.pq } else { &mut card.recipients }, named(key))?;
        }
        Addition::Machine(machine) => {
            let first = joining(machine, &signer.public())?;
            push(&mut card.signers, named(first))?;
            machine.card.recipients.iter().try_for_each(|key| push(&mut card.recipients, named(key)))?;
            machine.card.pq.iter().try_for_each(|key| push(&mut card.pq, named(key)))?;
        }
    }
    let (next, roster) = (old.succeeded_by(card, signer, signer)?, Roster::of(home, Some(&old))?);
    commit(home, change, "key-added", next, &roster, now)
}

/// The card without the keys that have this label, or are this key.
///
/// # Errors
/// [`Error::NotFirstKey`]; [`Error::NoSuchKey`] when nothing fits, or when it is the first signing key.
pub fn remove(home: &Home, signer: &dyn Signer, what: &str, now: Time) -> Result<Changed> {
    let change = Rekey::begin(home)?;
    let old = held(home, signer)?;
    let mut card = Card { created: now, ..old.card.clone() };
    let is = |key: &CardKey| {
        let fingerprint = || key.key.parse::<PublicKey>().is_ok_and(|k| k.fingerprint().as_str() == what);
        key.key == what || key.label == what || fingerprint()
    };
    let none = |why| Error::NoSuchKey { what: what.chars().take(80).collect(), why };
    if card.signers.first().is_some_and(is) {
        return Err(none("that names the key that signs the card; consign key rotate replaces it"));
    }
    let before = card.recipients.len() + card.pq.len() + card.signers.len();
    for list in [&mut card.recipients, &mut card.pq, &mut card.signers] {
        list.retain(|key| !is(key));
    }
    if before == card.recipients.len() + card.pq.len() + card.signers.len() {
        return Err(none("no key on the card has that label, recipient string or fingerprint"));
    }
    if card.recipients.is_empty() && card.pq.is_empty() {
        return Err(none("nothing could be locked to the card then"));
    }
    let (next, roster) = (old.succeeded_by(card, signer, signer)?, Roster::of(home, Some(&old))?);
    commit(home, change, "key-removed", next, &roster, now)
}

/// New keys in place of this machine's, locked by the same passphrase. The old ones still open what was locked to them;
/// the old signing key signs the new card, and nothing ever again.
///
/// # Errors
/// [`Error::NotFirstKey`]; the errors of unlocking the keys.
pub fn rotate(
    home: &Home,
    old_signer: &dyn Signer,
    passphrase: &Secret,
    work: u8,
    ends: Ends,
    now: Time,
) -> Result<Changed> {
    let mut change = Rekey::begin(home)?;
    let old = held(home, old_signer)?;
    let mut roster = Roster::of(home, Some(&old))?;
    let pair = crypto::new_identities(&now.to_string())?;
    let locked = rekey::read(home, rekey::IDENTITY, keys::KEY_MAX)?;
    let gone = || Error::HomeBroken { path: home.identity(), why: "it is missing".to_owned() };
    let locked = locked.ok_or_else(gone)?;
    let before = crypto::open_locked(passphrase, &locked, keys::OWN_KEY, 64 << 10)?;
    let identities = Secret::new([pair.file.expose(), before.expose()].concat());
    let signing = SigningKey::generate()?;
    let line = signing.public().line()?;
    let (card, dropped) = rotated(&old.card, &mut roster, &pair, &line, ends, now);
    let card = old.succeeded_by(card, &signing, old_signer)?;
    let locked = crypto::encrypt_with_passphrase(passphrase, work, identities.expose())?;
    change.put(rekey::IDENTITY, Secret::new(locked));
    change.put(keys::SIGNING, signing.file(passphrase)?);
    change.put(keys::SIGNING_PUB, Secret::new(format!("{line} consign\n").into_bytes()));
    let changed = commit(home, change, "rotated", card, &roster, now)?;
    Ok(Changed { dropped, ..changed })
}

/// The card after a rotation: this machine's keys are new, those of other machines stay, but for their signing keys,
/// whose proofs were for the old key.
fn rotated(
    old: &Card,
    roster: &mut Roster,
    pair: &crypto::Pair,
    line: &str,
    ends: Ends,
    now: Time,
) -> (Card, Vec<CardKey>) {
    let label = old.signers.first().map_or_else(|| keys::THIS_MACHINE.to_owned(), |key| key.label.clone());
    let mine = |usage: Use, key: &CardKey| roster.keys.iter().any(|held| held.usage == usage && held.key == key.key);
    let others = |list: &[CardKey]| list.iter().filter(|k| !mine(Use::Encryption, k)).cloned().collect::<Vec<_>>();
    let (recipients, pq) = (others(&old.recipients), others(&old.pq));
    let dropped: Vec<CardKey> = old.signers.iter().skip(1).cloned().collect();
    let retired: Vec<(Use, String)> = roster.keys.iter().map(|held| (held.usage, held.key.clone())).collect();
    retired.iter().for_each(|(usage, key)| roster.retire(*usage, key, now));
    roster.add(Use::Encryption, &pair.classical, &label, roster::MADE_HERE, now);
    roster.add(Use::Encryption, &pair.post_quantum, &label, roster::MADE_HERE, now);
    roster.add(Use::Signing, line, &label, roster::MADE_HERE, now);
    let first = |key: &str, rest: Vec<CardKey>| [vec![CardKey::new(key, &label)], rest].concat();
    let card = Card {
        created: now,
        expires: expires(old, ends, now),
        recipients: first(&pair.classical, recipients),
        pq: first(&pair.post_quantum, pq),
        signers: first(line, Vec::new()),
        ..old.clone()
    };
    (card, dropped)
}

/// Takes the firm's card, which lists this machine's signing key with its proof, as this home's own.
///
/// # Errors
/// [`Error::NotListed`] for a card that does not list it; [`Error::CardDowngrade`]; a card of another firm.
pub fn join(home: &Home, firm: SignedCard, now: Time) -> Result<Changed> {
    let change = Rekey::begin(home)?;
    let own = keys::own_card_needed(home)?;
    let mine = keys::own_public(home)?.ok_or_else(|| Error::NoKeyHere { path: home.path().to_owned() })?;
    if !firm.proven.contains(&mine) {
        return Err(Error::NotListed { firm: firm.card.name.clone() });
    }
    let first_join = own.signers.first() == Some(&mine) && own.card.signers.iter().any(|key| key.proof.is_some());
    let joins = |key: &CardKey| {
        let first = firm.signers.first();
        key.proof.as_deref().zip(first).is_some_and(|(proof, first)| check_proof(proof, &mine, first).is_ok())
    };
    let welcome = if first_join { own.card.signers.iter().any(joins) } else { firm.follows(&own) };
    if !welcome {
        return Err(Error::PartnerExists { name: own.card.name.clone() });
    }
    if !first_join && firm.card.number <= own.card.number {
        let (name, number, have) = (own.card.name.clone(), firm.card.number, own.card.number);
        return Err(Error::CardDowngrade { name, number, have });
    }
    let roster = Roster::of(home, Some(&own))?;
    commit(home, change, "joined", firm, &roster, now)
}

/// The signing key of a machine's card, if it says that it joins the firm of `first`.
fn joining<'c>(machine: &'c SignedCard, first: &PublicKey) -> Result<&'c CardKey> {
    let not = || Error::NotJoining { name: machine.card.name.clone() };
    let (Some(key), Some(public)) = (machine.card.signers.first(), machine.signers.first()) else { return Err(not()) };
    let proof = key.proof.as_deref().ok_or_else(not)?;
    check_proof(proof, public, first).map_err(|_| not())?;
    Ok(key)
}

fn added_keys(addition: &Addition) -> Vec<&str> {
    match addition {
        Addition::Recipient(key) => vec![key.key.as_str()],
        Addition::Machine(machine) => machine.card.signers.iter().map(|key| key.key.as_str()).collect(),
    }
}

fn push(list: &mut Vec<CardKey>, key: CardKey) -> Result<()> {
    if list.iter().any(|there| there.key == key.key) {
        return Err(Error::KeyListed { label: key.label });
    }
    list.push(key);
    Ok(())
}

/// The card of this home, which `signer` may change: it is the card's first key.
fn held(home: &Home, signer: &dyn Signer) -> Result<SignedCard> {
    let card = keys::own_card_needed(home)?;
    match card.signers.first() == Some(&signer.public()) {
        true => Ok(card),
        false => Err(Error::NotFirstKey { name: card.card.name }),
    }
}

/// When a card with new words for its end ends: without any, its span begins anew.
fn expires(old: &Card, ends: Ends, now: Time) -> Option<Time> {
    match ends {
        Ends::At(at) => Some(at),
        Ends::Never => None,
        Ends::Same => old.expires.map(|end| Time::from_unix(now.unix() + (end.unix() - old.created.unix()).max(0))),
    }
}

/// The ledger line, then the files, all at once.
fn commit(
    home: &Home,
    mut change: Rekey<'_>,
    why: &str,
    card: SignedCard,
    roster: &Roster,
    now: Time,
) -> Result<Changed> {
    change.put(roster::FILE, roster.file()?);
    change.put(keys::CARD, Secret::new(card.document.to_bytes()));
    keep_old(home)?;
    let event = Event::CardChanged { card: card.id(), number: card.card.number, why: why.to_owned() };
    let signer = keys::own_public(home)?.map(|key| key.fingerprint());
    let entry = Ledger::open(home).append(&event, now, signer.as_ref())?;
    change.commit()?;
    Ok(Changed { card, dropped: Vec::new(), entry })
}

/// Keeps the card that is about to be replaced: a partner who missed some needs those in between.
fn keep_old(home: &Home) -> Result<()> {
    let Some(card) = keys::own_card(home)? else { return Ok(()) };
    let path = home.make_folder("cards")?.join(format!("{}.card", card.card.number));
    Ok(files::write_new(&path, &card.document.to_bytes(), true)?)
}

/// An earlier card of this home.
///
/// # Errors
/// [`Error::NoSuchKey`] if it was not kept.
pub fn earlier(home: &Home, number: u64) -> Result<SignedCard> {
    let path = home.folder("cards").join(format!("{number}.card"));
    let none = || Error::NoSuchKey { what: format!("card {number}"), why: "this home has kept no such card" };
    let bytes = super::home::read_if_there(&path, crate::format::version::DOCUMENT_MAX)?.ok_or_else(none)?;
    SignedCard::read(&bytes).map_err(|e| Error::HomeBroken { path, why: e.to_string() })
}

/// The signing keys of this home's earlier cards, each with the time when the card was made that has it no more.
///
/// # Errors
/// [`Error::HomeBroken`].
pub fn past_keys(home: &Home) -> Result<Vec<(PublicKey, Time)>> {
    let Some(newest) = keys::own_card(home)? else { return Ok(Vec::new()) };
    let (mut past, mut next) = (Vec::new(), newest);
    while let Some(number) = next.card.number.checked_sub(1).filter(|number| *number > 0) {
        // Of a card that was not kept nothing is known, nor of those before.
        let Some(card) = earlier(home, number).ok().filter(|card| next.follows(card)) else { break };
        let gone = card.proven.iter().filter(|key| !next.proven.contains(key)).cloned();
        past.extend(gone.map(|key| (key, next.card.created)));
        next = card;
    }
    Ok(past)
}
