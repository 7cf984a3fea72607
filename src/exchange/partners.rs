//! Partners: the other firms, each pinned by a card or by SSH keys that a person checked, or chose not to check, which
//! stays on record (FORMAT §8.4). One file per partner in the home. Nothing gets in silently.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::home::read_if_there;
use super::locks::Locks;
use super::{Error, Home, Result, keys};
use crate::crypto::{Fingerprint, PublicKey};
use crate::files::{self, Lock, io_at};
use crate::format::card::SignedCard;
use crate::format::json;
use crate::format::signerlist::Listed;
use crate::format::sshkeys::SshKeys;
use crate::format::time::Time;

/// How a card, or keys, were checked before they were pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// The check words were given with the command, and matched.
    Words,
    /// The fingerprints were given with the command, and matched.
    Fingerprints,
    /// A person at the terminal said that they heard the check words.
    Asked,
    /// Nobody compared anything.
    Unchecked,
}

impl Checked {
    /// As it is kept on record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Checked::Words => "words",
            Checked::Fingerprints => "fingerprints",
            Checked::Asked => "asked",
            Checked::Unchecked => "unchecked",
        }
    }
}

/// A partner on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its name here. `you` is one's own firm, which has no record.
    pub name: String,
    /// What it is known by.
    pub known: Known,
    /// How that was checked.
    pub checked: Checked,
    /// When it was put on record.
    pub added: Time,
    /// Signing keys that an earlier card had: what they signed until then is still the partner's.
    pub past: Vec<Past>,
}

/// A signing key that another one took the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// `type base64`.
    pub key: String,
    /// When the card was made that has it no more.
    pub until: Time,
}

/// What a partner is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Its card, whose signature was checked again when it was read.
    Card(Box<SignedCard>),
    /// SSH keys that somebody here put on record; no signature stands for them.
    Keys(SshKeys),
}

impl Known {
    /// The keys whose signatures are taken as this partner's; of a card, all that it lists.
    #[must_use]
    pub fn signers(&self) -> Vec<&PublicKey> {
        match self {
            Known::Card(card) => card.signers.iter().collect(),
            Known::Keys(keys) => keys.signers.iter().filter(|line| !line.authority).map(|line| &line.key).collect(),
        }
    }

    /// The keys that are pinned: of a card, those that were shown to be its owner's.
    fn pinned(&self) -> Vec<&PublicKey> {
        match self {
            Known::Card(card) => card.proven.iter().collect(),
            Known::Keys(_) => self.signers(),
        }
    }

    fn is_followed_by(&self, new: &Known) -> bool {
        matches!((self, new), (Known::Card(old), Known::Card(card)) if card.follows(old))
    }

    fn shares_a_signer(&self, other: &Known) -> bool {
        let others = other.signers();
        self.signers().iter().any(|key| others.contains(key))
    }
}

impl Partner {
    /// The fingerprints of the signing keys that are or were pinned for it, those of today first.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let mut all: Vec<Fingerprint> = match &self.known {
            Known::Card(card) => card.proven.iter().map(PublicKey::fingerprint).collect(),
            Known::Keys(keys) => keys.keys().into_iter().map(PublicKey::fingerprint).collect(),
        };
        let past = self.past.iter().filter_map(|past| past.key.parse::<PublicKey>().ok());
        all.extend(past.map(|key| key.fingerprint()));
        all
    }

    /// Its card, if it has one.
    #[must_use]
    pub fn card(&self) -> Option<&SignedCard> {
        match &self.known {
            Known::Card(card) => Some(card),
            Known::Keys(_) => None,
        }
    }

    /// Whether the first key of a card was this partner's on an earlier card.
    fn had(&self, new: &Known) -> bool {
        let first = new.signers().into_iter().next().and_then(|key| key.line().ok());
        matches!(new, Known::Card(_)) && self.past.iter().any(|past| Some(&past.key) == first.as_ref())
    }

    /// When its card ends.
    #[must_use]
    pub fn expires(&self) -> Option<Time> {
        self.card().and_then(|card| card.card.expires)
    }
}

/// The name under which one's own firm is known.
pub const YOU: &str = "you";

/// The largest record that is read, in bytes: a document, escaped, and a little.
const RECORD_MAX: u64 = 4 << 20;

/// A record holds a card, or recipients and signers, each as a line of text.
#[derive(Serialize, Deserialize)]
struct Record {
    consign: String,
    name: String,
    checked: Checked,
    added: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipients: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signers: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    past: Vec<Past>,
}

/// A record with a card.
const KIND: &str = "partner/1";
/// A record with keys.
const KIND_OF_KEYS: &str = "partner/2";

/// What putting a card on record would do. Nothing is written yet, so that the ledger line can come first.
#[derive(Debug)]
#[must_use = "nothing is on record until it is written"]
pub struct Addition {
    /// The partner as it will be.
    pub partner: Partner,
    /// What is new about it.
    pub change: Change,
    /// What was on record before.
    pub was: Option<Partner>,
    path: PathBuf,
}

/// What an [`Addition`] changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A partner that was not there.
    New,
    /// The same card, and nothing to change.
    AlreadyThere,
    /// The same card, which nobody had checked; now somebody has.
    NowChecked,
    /// A newer card of the same firm, signed over by the one on record.
    NewerCard,
    /// A card of a partner that was known by keys; one of them signed it.
    CardForKeys,
    /// Other keys of a partner that is known by keys.
    OtherKeys,
}

/// Decides what putting `card` on record as `alias` (else the first word of its own name) means.
///
/// # Errors
/// A name or a key that is taken, a card that is older than or does not follow from the one on record: see
/// [`Error`].
pub fn prepare(home: &Home, card: &SignedCard, alias: Option<&str>, checked: Checked, now: Time) -> Result<Addition> {
    prepare_known(home, Known::Card(Box::new(card.clone())), alias, &card.card.name, checked, now)
}

/// As [`prepare`], for SSH keys; the first word of `called` is the name, if there is no alias.
///
/// # Errors
/// A name or a key that is taken; a partner with a card; other keys than on record, that nobody compared.
pub fn prepare_keys(
    home: &Home,
    keys: &SshKeys,
    alias: Option<&str>,
    called: &str,
    checked: Checked,
    now: Time,
) -> Result<Addition> {
    prepare_known(home, Known::Keys(keys.clone()), alias, called, checked, now)
}

fn prepare_known(
    home: &Home,
    new: Known,
    alias: Option<&str>,
    called: &str,
    checked: Checked,
    now: Time,
) -> Result<Addition> {
    let partners = list(home)?;
    if keys::own_card(home)?.is_some_and(|own| Known::Card(Box::new(own)).shares_a_signer(&new)) {
        return Err(Error::OwnCard);
    }
    let known = partners.iter().find(|p| p.known.shares_a_signer(&new) || p.known.is_followed_by(&new) || p.had(&new));
    let name = match (alias, known) {
        (Some(alias), _) => check_alias(alias)?.to_owned(),
        (None, Some(known)) => known.name.clone(),
        (None, None) => default_alias(called)?,
    };
    if let Some(other) = known.filter(|p| p.name != name) {
        return Err(Error::PartnerKnown { known: other.name.clone() });
    }
    let path = record_path(home, &name);
    let partner = Partner { name, known: new, checked, added: now, past: Vec::new() };
    let Some(old) = partners.into_iter().find(|p| p.name == partner.name) else {
        return Ok(Addition { partner, change: Change::New, was: None, path });
    };
    let change = change(&old, &partner)?;
    let was = Some(old.clone());
    let partner = match change {
        Change::AlreadyThere => old,
        _ => Partner { past: past(&old, &partner.known)?, ..partner },
    };
    Ok(Addition { partner, change, was, path })
}

/// The keys of earlier cards, with those that are on the new card no more.
fn past(old: &Partner, new: &Known) -> Result<Vec<Past>> {
    let mut past = old.past.clone();
    if let (Known::Card(_), Known::Card(card)) = (&old.known, new) {
        for key in old.known.pinned().into_iter().filter(|key| !card.proven.contains(key)) {
            past.push(Past { key: key.line()?, until: card.card.created });
        }
    }
    Ok(past)
}

/// What takes the place of what, if it may.
fn change(old: &Partner, new: &Partner) -> Result<Change> {
    let name = || old.name.clone();
    if let (Known::Card(have), Known::Card(card), true) = (&old.known, &new.known, old.had(&new.known)) {
        return Err(Error::CardDowngrade { name: name(), number: card.card.number, have: have.card.number });
    }
    let compared = new.checked != Checked::Unchecked;
    let same = match (&old.known, &new.known) {
        (Known::Card(a), Known::Card(b)) => a.id() == b.id(),
        (a, b) => a == b,
    };
    if same {
        let better = old.checked == Checked::Unchecked && compared;
        return Ok(if better { Change::NowChecked } else { Change::AlreadyThere });
    }
    match (&old.known, &new.known) {
        (Known::Card(have), Known::Card(card)) => follows(&old.name, have, card).map(|()| Change::NewerCard),
        (Known::Card(_), Known::Keys(_)) => Err(Error::HasCard { name: name() }),
        (Known::Keys(keys), Known::Card(card)) => {
            let listed = |key: &PublicKey| keys.signers.iter().any(|line| !line.authority && line.key == *key);
            let signed = card.signers.first().is_some_and(listed);
            if signed { Ok(Change::CardForKeys) } else { Err(Error::PartnerExists { name: name() }) }
        }
        (a, b) if !a.shares_a_signer(b) => Err(Error::PartnerExists { name: name() }),
        _ if compared || old.checked == Checked::Unchecked => Ok(Change::OtherKeys),
        _ => Err(Error::KeysDiffer { name: name() }),
    }
}

impl Addition {
    /// Writes the record, if there is anything to write.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, home: &Home) -> Result<()> {
        if self.change == Change::AlreadyThere {
            return Ok(());
        }
        let folder = home.make_folder("partners")?;
        let _lock = Lock::wait(&folder.join("lock"))?;
        let record = Record::of(&self.partner)?;
        let broken = |e: serde_json::Error| Error::PartnerBroken { path: self.path.clone(), why: e.to_string() };
        let mut bytes = serde_json::to_vec_pretty(&record).map_err(broken)?;
        bytes.push(b'\n');
        Ok(files::write_new(&self.path, &bytes, self.change != Change::New)?)
    }
}

/// Puts a card on record: [`prepare`] and [`Addition::write`] in one.
///
/// # Errors
/// Those of both.
pub fn add(home: &Home, card: &SignedCard, alias: Option<&str>, checked: Checked, now: Time) -> Result<Addition> {
    let addition = prepare(home, card, alias, checked, now)?;
    addition.write(home)?;
    Ok(addition)
}

/// Checks that `card` may take the place of the one on record under the same name.
fn follows(name: &str, old: &SignedCard, card: &SignedCard) -> Result<()> {
    let (name, number, have) = (name.to_owned(), card.card.number, old.card.number);
    // Either a card in between is missing, or it is somebody who says so: only the one in between can tell.
    let later = card.card.previous.is_some() && number > have.saturating_add(1) && card.card.name == old.card.name;
    if later && !card.follows(old) {
        return Err(Error::CardUnlinked { name, number });
    }
    if !card.follows(old) && !shares_a_signer(old, card) {
        return Err(Error::PartnerExists { name });
    }
    match number.cmp(&have) {
        std::cmp::Ordering::Less => Err(Error::CardDowngrade { name, number, have }),
        std::cmp::Ordering::Equal => Err(Error::CardConflict { name, number }),
        std::cmp::Ordering::Greater if card.follows(old) => Ok(()),
        std::cmp::Ordering::Greater => Err(Error::CardUnlinked { name, number }),
    }
}

fn shares_a_signer(a: &SignedCard, b: &SignedCard) -> bool {
    a.signers.iter().any(|key| b.signers.contains(key))
}

/// All partners, by name.
///
/// # Errors
/// [`Error::PartnerBroken`] naming the record that can't be read.
pub fn list(home: &Home) -> Result<Vec<Partner>> {
    let folder = home.folder("partners");
    let entries = match files::Names::of(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io_at("read", &folder)(e).into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(io_at("read", &folder))?;
        let stem = name.to_str().and_then(|n| n.strip_suffix(".json")).filter(|n| check_alias(n).is_ok());
        names.extend(stem.map(str::to_owned));
    }
    names.sort();
    names.iter().filter_map(|name| read(home, name).transpose()).collect()
}

/// The partner of this name.
///
/// # Errors
/// [`Error::NoPartner`], [`Error::PartnerBroken`].
pub fn find(home: &Home, name: &str) -> Result<Partner> {
    let found = if check_alias(name).is_ok() { read(home, name)? } else { None };
    let known = || -> Result<Vec<String>> { Ok(list(home)?.into_iter().map(|p| p.name).collect()) };
    match found {
        Some(partner) => Ok(partner),
        None => Err(Error::NoPartner { name: name.to_owned(), known: known()? }),
    }
}

/// Takes a partner off the record. What was exchanged stays in the ledger.
///
/// # Errors
/// What the system says.
pub fn remove(home: &Home, name: &str) -> Result<()> {
    let folder = home.make_folder("partners")?;
    let _lock = Lock::wait(&folder.join("lock"))?;
    let path = record_path(home, check_alias(name)?);
    fs::remove_file(&path).map_err(io_at("remove", &path))?;
    Ok(files::sync_folder(&folder)?)
}

/// The partner with this signing key on its card; one's own firm is [`YOU`]. `None` for a stranger. Whether the
/// card has expired is for the caller to judge.
///
/// # Errors
/// [`Error::PartnerBroken`], [`Error::HomeBroken`].
pub fn by_signer(home: &Home, signer: &Fingerprint) -> Result<Option<Partner>> {
    let has = |partner: &Partner| partner.known.pinned().iter().any(|key| key.fingerprint() == *signer);
    let own = keys::own_card(home)?.map(|card| {
        let (added, known) = (card.card.created, Known::Card(Box::new(card)));
        Partner { name: YOU.to_owned(), known, checked: Checked::Asked, added, past: Vec::new() }
    });
    Ok(own.into_iter().chain(list(home)?).find(has))
}

/// What a bundle for this partner can be locked to.
///
/// # Errors
/// When only keys that sign are on record.
pub fn locks_of(partner: &Partner) -> Result<Locks> {
    match &partner.known {
        Known::Card(card) => Ok(Locks::of_card(card)),
        Known::Keys(keys) if keys.recipients.is_empty() => Err(Error::SignsOnly { name: partner.name.clone() }),
        Known::Keys(keys) => Ok(Locks::sort(keys.recipients.iter().cloned())),
    }
}

fn record_path(home: &Home, name: &str) -> PathBuf {
    home.folder("partners").join(format!("{name}.json"))
}

fn read(home: &Home, name: &str) -> Result<Option<Partner>> {
    let path = record_path(home, name);
    let broken = |why: String| Error::PartnerBroken { path: path.clone(), why };
    let Some(bytes) = read_if_there(&path, RECORD_MAX)? else { return Ok(None) };
    let record: Record = json::parse(&bytes, "record").map_err(|e| broken(e.to_string()))?;
    if record.name != name {
        return Err(broken("it is not the record of this partner".to_owned()));
    }
    let (checked, added, past) = (record.checked, record.added, record.past.clone());
    let known = record.known().map_err(broken)?;
    Ok(Some(Partner { name: name.to_owned(), known, checked, added, past }))
}

impl Record {
    fn of(partner: &Partner) -> Result<Record> {
        let Partner { name, known, checked, added, past } = partner;
        let mut record = Record {
            consign: KIND.to_owned(),
            name: name.clone(),
            checked: *checked,
            added: *added,
            card: None,
            recipients: None,
            signers: None,
            past: past.clone(),
        };
        match known {
            Known::Card(card) => record.card = Some(String::from_utf8_lossy(&card.document.to_bytes()).into_owned()),
            Known::Keys(keys) => {
                KIND_OF_KEYS.clone_into(&mut record.consign);
                record.recipients = Some(keys.recipients.clone());
                let lines = keys.signers.iter().map(Listed::to_line).collect::<crate::crypto::Result<_>>()?;
                record.signers = Some(lines);
            }
        }
        Ok(record)
    }

    fn known(self) -> std::result::Result<Known, String> {
        match (self.consign.as_str(), self.card, self.recipients, self.signers) {
            (KIND, Some(card), None, None) => {
                SignedCard::read(card.as_bytes()).map(|card| Known::Card(Box::new(card))).map_err(|e| e.to_string())
            }
            (KIND_OF_KEYS, None, Some(recipients), Some(lines)) => {
                let signers = lines.iter().map(|line| line.parse()).collect::<std::result::Result<_, String>>()?;
                Ok(Known::Keys(SshKeys { recipients, signers }))
            }
            _ => Err("it is not the record of this partner".to_owned()),
        }
    }
}

/// Checks that a text can name a partner: `[a-z0-9][a-z0-9._-]{0,39}`, and not one's own firm.
pub(super) fn check_alias(name: &str) -> Result<&str> {
    let bad = |why| Err(Error::BadAlias { name: name.chars().take(80).collect(), why });
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > 40 {
        return bad("1 to 40 characters");
    }
    if !name.bytes().all(fits) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return bad("lower-case letters, digits, `.`, `_` and `-`, a letter or a digit first");
    }
    if name == YOU { bad("that is your own firm") } else { Ok(name) }
}

/// The first word of a firm's name as an alias.
fn default_alias(firm: &str) -> Result<String> {
    let word = firm.split_whitespace().next().unwrap_or_default().to_lowercase();
    let plain: String = word.chars().map(unaccented).collect::<String>();
    let slug: String = plain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')).collect();
    let slug: String = slug.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(40).collect();
    let bad = Error::BadAlias { name: firm.chars().take(80).collect(), why: "no short name can be made of it" };
    if check_alias(&slug).is_ok() { Ok(slug) } else { Err(bad) }
}

fn unaccented(c: char) -> char {
    const PLAIN: [(&str, char); 15] = [
        ("àáâãäåāăąæ", 'a'),
        ("çćč", 'c'),
        ("ďđð", 'd'),
        ("èéêëēęě", 'e'),
        ("ğ", 'g'),
        ("ìíîïīı", 'i'),
        ("łľ", 'l'),
        ("ñńň", 'n'),
        ("òóôõöōőøœ", 'o'),
        ("ř", 'r'),
        ("śšșşß", 's'),
        ("ťțţþ", 't'),
        ("ùúûüūůű", 'u'),
        ("ýÿ", 'y'),
        ("źżž", 'z'),
    ];
    PLAIN.iter().find(|(from, _)| from.contains(c)).map_or(c, |(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::crypto::{Secret, SigningKey, new_identity};
    use crate::format::card::Card;

    fn at() -> Time {
        "2026-11-23T13:40:00Z".parse().unwrap()
    }

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        (dir, home)
    }

    fn card(name: &str, key: &SigningKey, number: u64) -> Card {
        let entry = |key: String| crate::format::card::CardKey::new(&key, "x");
        Card {
            consign: "card/1".into(),
            name: name.into(),
            contact: String::new(),
            number,
            created: at(),
            expires: None,
            recipients: vec![entry(new_identity("now").1)],
            pq: Vec::new(),
            signers: vec![entry(key.public().line().unwrap())],
            previous: None,
        }
    }

    /// A card that `old`'s key signs over to `key`.
    fn successor(old: &SignedCard, old_key: &SigningKey, key: &SigningKey) -> SignedCard {
        let next = Card { previous: Some(old.id()), ..card("Acme", key, old.card.number + 1) };
        let line = serde_json::to_vec(&next).unwrap();
        let sign = |key: &SigningKey| key.sign(crate::format::card::NAMESPACE, &line).unwrap();
        let armours = vec![sign(key), sign(old_key)];
        SignedCard::read(&crate::format::document::Document { line: line.clone(), armours }.to_bytes()).unwrap()
    }

    #[test]
    fn a_partner_is_found_by_name_and_by_signer_with_how_it_was_checked() {
        let (_dir, home) = home();
        assert!(list(&home).unwrap().is_empty());
        let key = SigningKey::generate().unwrap();
        let acme = SignedCard::sign(&card("Acme Dev Oy", &key, 1), &key).unwrap();
        let added = add(&home, &acme, None, Checked::Unchecked, at()).unwrap();
        assert_eq!((added.partner.name.as_str(), added.change), ("acme", Change::New));
        assert_eq!(by_signer(&home, &key.public().fingerprint()).unwrap().unwrap().name, "acme");
        assert_eq!(find(&home, "acme").unwrap().checked, Checked::Unchecked);
        assert_eq!(locks_of(&find(&home, "acme").unwrap()).unwrap().classical.len(), 1);
        let again = |checked| add(&home, &acme, None, checked, at()).unwrap().change;
        assert_eq!(again(Checked::Unchecked), Change::AlreadyThere);
        assert_eq!(again(Checked::Words), Change::NowChecked);
        assert_eq!(again(Checked::Unchecked), Change::AlreadyThere);
        assert_eq!(find(&home, "acme").unwrap().checked, Checked::Words);
        remove(&home, "acme").unwrap();
        assert_eq!(find(&home, "acme").unwrap_err().word(), "no-partner");
        assert_eq!(by_signer(&home, &key.public().fingerprint()).unwrap(), None);
    }

    #[test]
    fn a_card_never_goes_back_and_never_slips_under_a_taken_name() {
        let (_dir, home) = home();
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let old = SignedCard::sign(&card("Acme", &key, 2), &key).unwrap();
        let _unused = add(&home, &old, None, Checked::Words, at()).unwrap();
        let word = |card: &SignedCard, alias| add(&home, card, alias, Checked::Words, at()).unwrap_err().word();
        let sign = |c: Card, k: &SigningKey| SignedCard::sign(&c, k).unwrap();
        assert_eq!(word(&sign(card("Acme", &key, 1), &key), None), "card-downgrade");
        assert_eq!(word(&sign(card("Acme", &key, 2), &key), None), "card-conflict");
        // Somebody who lists the key of another firm is not that firm.
        let mut listing = card("Acme", &other, 3);
        listing.signers.push(crate::format::card::CardKey::new(&key.public().line().unwrap(), "theirs"));
        assert_eq!(word(&sign(listing, &other), None), "card-unlinked");
        assert_eq!(word(&sign(card("Acme", &other, 3), &other), None), "partner-exists");
        assert_eq!(word(&old, Some("bob")), "partner-known");
        assert_eq!(word(&old, Some("You")), "bad-alias");
        assert_eq!(word(&sign(card("Bob", &other, 1), &other), Some(YOU)), "bad-alias");
        // A card in between was lost, but the very key that was pinned speaks.
        let later = sign(card("Acme", &key, 5), &key);
        assert_eq!(add(&home, &later, None, Checked::Words, at()).unwrap().change, Change::NewerCard);
        let new = successor(&later, &key, &other);
        let added = add(&home, &new, Some("acme"), Checked::Words, at()).unwrap();
        assert_eq!(added.change, Change::NewerCard);
        assert_eq!(find(&home, "acme").unwrap().card().unwrap().id(), new.id());
    }

    #[test]
    fn ones_own_card_is_no_partner_and_is_known_as_you() {
        let (_dir, home) = home();
        let made =
            keys::make(&home, &keys::New { name: "Me", ..keys::New::default() }, &Secret::new(b"pw".to_vec()), 2, at())
                .unwrap();
        let e = add(&home, &made.card, None, Checked::Words, at()).unwrap_err();
        assert_eq!(e.word(), "own-card");
        let signer = made.card.signers[0].fingerprint();
        assert_eq!(by_signer(&home, &signer).unwrap().unwrap().name, YOU);
    }

    #[test]
    fn a_damaged_record_names_its_file_and_is_never_skipped() {
        let (_dir, home) = home();
        let key = SigningKey::generate().unwrap();
        let acme = SignedCard::sign(&card("Acme", &key, 1), &key).unwrap();
        let _unused = add(&home, &acme, None, Checked::Words, at()).unwrap();
        let path = record_path(&home, "acme");
        let sound = fs::read_to_string(&path).unwrap();
        for broken in [sound.replace("Acme", "Acne"), sound.replace("\"acme\"", "\"acne\""), "{".into()] {
            fs::write(&path, broken).unwrap();
            let e = list(&home).unwrap_err();
            assert_eq!(e.word(), "partner-broken");
            assert!(e.to_string().contains("acme.json"), "{e}");
        }
    }

    #[test]
    fn an_alias_is_made_of_the_first_word() {
        let alias = |t| default_alias(t).ok();
        assert_eq!(alias("Ärzte & Söhne GmbH").as_deref(), Some("arzte"));
        assert_eq!(alias("ACME, Inc.").as_deref(), Some("acme"));
        assert_eq!(alias("../../x").as_deref(), Some("x"));
        assert_eq!(alias("東京"), None);
        assert_eq!(alias("You Ltd"), None);
    }
}
