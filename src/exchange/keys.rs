//! The firm's own keys: made once, locked by a passphrase, never overwritten (FORMAT §8.1, §8.3). They appear all at
//! once, or not at all; without `own.card` no key here is believed to be complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::roster::{self, Roster, Use};
use super::{Error, Home, Result, rekey, ssh};
use crate::crypto::{self, Identities, PassphraseSource, PublicKey, Secret, Signer, SigningKey, check_words};
use crate::files;
use crate::format::card::{Card, CardKey, SignedCard, prove};
use crate::format::time::Time;
use crate::format::version::DOCUMENT_MAX;

/// The work factor for [`make`]: 2^16 takes 64 MiB, so that unlocking a key stays within the memory that a bundle
/// may take. More would not help: the OpenSSH file under the same passphrase is the easier one to guess at.
pub const WORK: u8 = 16;

/// How both key files are called when their one passphrase is asked for.
pub const OWN_KEY: &str = "your consign key";

/// The names of the other files of a key, as [`rekey`] calls them.
pub const SIGNING: &str = "signing";
/// The public half of the signing key.
pub const SIGNING_PUB: &str = "signing.pub";
/// The firm's own card.
pub const CARD: &str = "own.card";

/// The largest key file that is read, in bytes.
pub(super) const KEY_MAX: u64 = 64 << 10;

/// How a key that was made here is called on the card, unless it is given another label.
pub const THIS_MACHINE: &str = "this machine";

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The firm's card.
    pub card: SignedCard,
    /// The check words of its signing key.
    pub words: [&'static str; 6],
}

/// Splits `Firm <mail>` into name and contact.
#[must_use]
pub fn split_name(text: &str) -> (String, String) {
    let text = text.trim();
    match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, contact)) if !name.trim().is_empty() => (name.trim().to_owned(), contact.trim().to_owned()),
        _ => (text.to_owned(), String::new()),
    }
}

/// Whose keys are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct New<'a> {
    /// The firm's name. With `firm` it is that of its card.
    pub name: &'a str,
    /// How to reach it.
    pub contact: &'a str,
    /// What this machine's keys are called on the card; [`THIS_MACHINE`] if it is empty.
    pub label: &'a str,
    /// When the card ends.
    pub expires: Option<Time>,
    /// The firm that this machine wants to join.
    pub firm: Option<&'a SignedCard>,
}

/// Makes an encryption key of each kind, a signing key and the card that names them, locked by `lock`.
///
/// # Errors
/// [`Error::KeyExists`], [`Error::KeyUnfinished`]; what the system says.
pub fn make(home: &Home, new: &New<'_>, lock: &Secret, work: u8, now: Time) -> Result<Made> {
    let mut change = rekey::Rekey::begin(home)?;
    ensure_none(home)?;
    let pair = crypto::new_identities(&now.to_string())?;
    let locked = crypto::encrypt_with_passphrase(lock, work, pair.file.expose())?;
    let signing = SigningKey::generate()?;
    let line = signing.public().line()?;
    let card = first_card(new, &pair, &line, now);
    let card = match new.firm {
        Some(firm) => asking(card, firm, &signing)?,
        None => SignedCard::sign(&card, &signing)?,
    };
    let words = check_words(&signing.public())?;
    change.put(rekey::IDENTITY, Secret::new(locked));
    change.put(SIGNING, signing.file(lock)?);
    change.put(SIGNING_PUB, Secret::new(format!("{line} consign\n").into_bytes()));
    change.put(roster::FILE, Roster::of_card(&card).file()?);
    change.put(CARD, Secret::new(card.document.to_bytes()));
    change.commit()?;
    Ok(Made { card, words })
}

/// Refuses if this home has a key, or a part of one.
///
/// # Errors
/// [`Error::KeyExists`], [`Error::KeyUnfinished`].
pub fn ensure_none(home: &Home) -> Result<()> {
    let there = |path: &PathBuf| path.symlink_metadata().is_ok();
    let files = [home.identity(), home.signing(), home.signing_pub()];
    match files.into_iter().find(there) {
        _ if there(&home.card()) => Err(Error::KeyExists { path: home.card() }),
        Some(path) => Err(Error::KeyUnfinished { path }),
        None => Ok(()),
    }
}

/// The card by which a new machine asks to join the firm of `firm`: its own keys, and a proof for that firm.
fn asking(card: Card, firm: &SignedCard, key: &dyn Signer) -> Result<SignedCard> {
    let first = firm.signers.first().ok_or(crate::bundle::Error::Bug)?;
    let proof = Some(prove(key, first)?);
    let signers = card.signers.into_iter().map(|signer| CardKey { proof: proof.clone(), ..signer }).collect();
    let (name, contact) = (firm.card.name.clone(), firm.card.contact.clone());
    Ok(SignedCard::sign(&Card { name, contact, signers, ..card }, key)?)
}

fn first_card(new: &New<'_>, pair: &crypto::Pair, signer: &str, now: Time) -> Card {
    let key = |key: &str| CardKey::new(key, if new.label.is_empty() { THIS_MACHINE } else { new.label });
    Card {
        consign: "card/1".to_owned(),
        name: new.name.to_owned(),
        contact: new.contact.to_owned(),
        number: 1,
        created: now,
        expires: new.expires,
        recipients: vec![key(&pair.classical)],
        pq: vec![key(&pair.post_quantum)],
        signers: vec![key(signer)],
        previous: None,
    }
}

/// The firm's own card, if there is a key.
///
/// # Errors
/// [`Error::HomeBroken`] when the file is not a card.
pub fn own_card(home: &Home) -> Result<Option<SignedCard>> {
    let path = home.card();
    let Some(bytes) = rekey::read(home, CARD, DOCUMENT_MAX)? else { return Ok(None) };
    let card = SignedCard::read(&bytes);
    card.map(Some).map_err(|e| Error::HomeBroken { path, why: e.to_string() })
}

/// The firm's own card.
///
/// # Errors
/// [`Error::NoKeyHere`] when there is none; those of [`own_card`].
pub fn own_card_needed(home: &Home) -> Result<SignedCard> {
    own_card(home)?.ok_or_else(|| Error::NoKeyHere { path: home.path().to_owned() })
}

/// The public half of this machine's signing key, if there is one: on the only machine of a firm it is the first key of
/// its card.
///
/// # Errors
/// [`Error::HomeBroken`] when the file is no public key.
pub fn own_public(home: &Home) -> Result<Option<PublicKey>> {
    let Some(bytes) = rekey::read(home, SIGNING_PUB, KEY_MAX)? else {
        return Ok(own_card(home)?.and_then(|card| card.signers.into_iter().next()));
    };
    let broken = || Error::HomeBroken { path: home.signing_pub(), why: "it is no public key".to_owned() };
    let text = String::from_utf8(bytes).map_err(|_| broken())?;
    text.parse().map(Some).map_err(|_| broken())
}

/// The firm's signing key, unlocked.
///
/// # Errors
/// [`Error::NoKeyHere`]; the errors of unlocking it.
pub fn signing_key(home: &Home, source: &dyn PassphraseSource) -> Result<SigningKey> {
    let none = || Error::NoKeyHere { path: home.path().to_owned() };
    let bytes = Secret::new(rekey::read(home, SIGNING, KEY_MAX)?.ok_or_else(none)?);
    Ok(SigningKey::read(&bytes, OWN_KEY, source)?)
}

/// A signing key in an OpenSSH file of one's own. The file is read once, as a stream.
///
/// # Errors
/// What the system says; the errors of unlocking it.
pub fn signing_key_from(path: &Path, source: &dyn PassphraseSource) -> Result<SigningKey> {
    let bytes = Secret::new(files::read_small(path, KEY_MAX)?);
    Ok(SigningKey::read(&bytes, &path.display().to_string(), source)?)
}

/// Adds the home's identities, unlocking them. Says whether there were any.
///
/// # Errors
/// The errors of unlocking them.
pub fn add_identities(home: &Home, identities: &mut Identities) -> Result<bool> {
    let Some(bytes) = rekey::read(home, rekey::IDENTITY, KEY_MAX)? else { return Ok(false) };
    identities.add(&Secret::new(bytes), OWN_KEY)?;
    for name in ssh::names(home)? {
        let file = ssh::file(home, &name)?.filter(|file| ssh::opens_bundles(file, &name));
        file.map(|file| identities.add(&file, OWN_KEY)).transpose()?;
    }
    Ok(true)
}

/// What can be told about a key without unlocking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    /// What it is for: `encryption` or `signing`.
    pub kind: &'static str,
    /// Its public half: a recipient string, or `type base64`.
    pub public: String,
    /// For a signing key, as `ssh-keygen -l` prints it.
    pub fingerprint: Option<String>,
    /// What it is called.
    pub label: String,
    /// Where it came from; none for a key of another machine.
    pub from: Option<String>,
    /// When it came here, or when the card was made that lists it.
    pub created: Time,
    /// When another key took its place.
    pub retired: Option<Time>,
    /// Whether it is on the firm's card, so that partners lock to it or trust what it signs.
    pub on_card: bool,
    /// Whether its file is locked by a passphrase; none if the file is not on this machine.
    pub locked: Option<bool>,
    /// The secret file; none if it is not on this machine, or not any more.
    pub file: Option<PathBuf>,
}

/// The keys of this home, and those of the firm's other machines, without their secrets.
///
/// # Errors
/// Those of [`own_card`], and what the system says.
pub fn summary(home: &Home) -> Result<Vec<KeySummary>> {
    let Some(signed) = own_card(home)? else { return Ok(Vec::new()) };
    let card = &signed.card;
    let mut keys = Vec::new();
    for held in Roster::of(home, Some(&signed))?.keys {
        keys.push(summary_of(home, &signed, held)?);
    }
    let listed = card.recipients.iter().chain(&card.pq).map(|key| ("encryption", key));
    for (kind, key) in listed.chain(card.signers.iter().map(|key| ("signing", key))) {
        if keys.iter().any(|known| known.kind == kind && known.public == key.key) {
            continue;
        }
        keys.push(KeySummary {
            kind,
            fingerprint: fingerprint_of(&key.key),
            public: key.key.clone(),
            label: key.label.clone(),
            from: None,
            created: card.created,
            retired: None,
            on_card: true,
            locked: None,
            file: None,
        });
    }
    Ok(keys)
}

fn summary_of(home: &Home, card: &SignedCard, held: roster::Held) -> Result<KeySummary> {
    let list = |keys: &[CardKey]| keys.iter().any(|key| key.key == held.key);
    let on_card = match held.usage {
        Use::Encryption => list(&card.card.recipients) || list(&card.card.pq),
        Use::Signing => list(&card.card.signers),
    };
    let (kind, file, locked) = match (held.usage, ssh::of_public(home, &held.key)?) {
        (Use::Encryption, Some(imported)) => ("encryption", Some(imported), Some(true)),
        (Use::Signing, Some(imported)) => ("signing", Some(imported), Some(true)),
        (Use::Encryption, None) => ("encryption", Some(home.identity()), identity_is_locked(home)?),
        // A signing key that was replaced is gone: nothing should be signed by it again.
        (Use::Signing, None) if held.retired.is_some() => ("signing", None, None),
        (Use::Signing, None) => ("signing", Some(home.signing()), signing_is_locked(home)?),
    };
    let file = file.filter(|_| locked.is_some());
    let fingerprint = fingerprint_of(&held.key);
    let roster::Held { key: public, label, from, since: created, retired, .. } = held;
    Ok(KeySummary { kind, public, fingerprint, label, from: Some(from), created, retired, on_card, locked, file })
}

fn fingerprint_of(key: &str) -> Option<String> {
    key.parse::<PublicKey>().ok().map(|key| key.fingerprint().to_string()).filter(|_| !key.starts_with("age1"))
}

/// Gives no passphrase, so that a locked key shows itself.
struct Nobody;

impl PassphraseSource for Nobody {
    fn passphrase(&self, _: &str) -> crypto::Result<Secret> {
        Err(crypto::Error::NeedsPassphrase { what: "key" })
    }
}

fn identity_is_locked(home: &Home) -> Result<Option<bool>> {
    let Some(bytes) = rekey::read(home, rekey::IDENTITY, KEY_MAX)? else { return Ok(None) };
    let opened = Identities::new(Arc::new(Nobody)).add(&Secret::new(bytes), OWN_KEY);
    Ok(Some(matches!(opened, Err(crypto::Error::NeedsPassphrase { .. }))))
}

fn signing_is_locked(home: &Home) -> Result<Option<bool>> {
    let Some(bytes) = rekey::read(home, SIGNING, KEY_MAX)? else { return Ok(None) };
    let opened = SigningKey::read(&Secret::new(bytes), OWN_KEY, &Nobody);
    Ok(Some(matches!(opened, Err(crypto::Error::NeedsPassphrase { .. }))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use std::fs;

    struct Fixed(&'static str);

    impl PassphraseSource for Fixed {
        fn passphrase(&self, what: &str) -> crypto::Result<Secret> {
            assert_eq!(what, OWN_KEY);
            Ok(Secret::new(self.0.into()))
        }
    }

    fn at() -> Time {
        "2026-11-23T13:40:00Z".parse().unwrap()
    }

    fn made(home: &Home) -> Made {
        make(
            home,
            &New { name: "Acme Dev Oy", contact: "ops@acme.example", ..New::default() },
            &Secret::new(b"pw".to_vec()),
            2,
            at(),
        )
        .unwrap()
    }

    #[test]
    fn a_key_that_was_made_opens_signs_and_is_described_without_its_secret() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let made = made(&home);
        assert_eq!(own_card(&home).unwrap(), Some(made.card.clone()));
        let signing = signing_key(&home, &Fixed("pw")).unwrap();
        assert_eq!(Some(&signing.public()), made.card.signers.first());
        let mut ids = Identities::new(Arc::new(Fixed("pw")));
        assert!(add_identities(&home, &mut ids).unwrap());
        let card = &made.card.card;
        assert_eq!(ids.recipients().collect::<Vec<_>>(), [&card.recipients[0].key, &card.pq[0].key]);
        let keys = summary(&home).unwrap();
        assert_eq!(
            keys.iter().map(|k| (k.kind, k.locked)).collect::<Vec<_>>(),
            [("encryption", Some(true)), ("encryption", Some(true)), ("signing", Some(true))]
        );
        let wrong = signing_key(&home, &Fixed("no")).err().unwrap();
        assert_eq!(wrong.word(), "wrong-passphrase");
    }

    #[test]
    fn keys_are_never_overwritten_and_half_a_key_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        made(&home);
        let before = fs::read(home.signing()).unwrap();
        let again =
            || make(&home, &New { name: "x", ..New::default() }, &Secret::new(b"pw".to_vec()), 2, at()).unwrap_err();
        assert_eq!(again().word(), "key-exists");
        fs::remove_file(home.card()).unwrap();
        assert_eq!(own_card(&home).unwrap(), None);
        assert_eq!(again().word(), "key-unfinished");
        assert_eq!(fs::read(home.signing()).unwrap(), before);
    }

    #[cfg(unix)]
    #[test]
    fn secret_files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        made(&home);
        for path in [home.identity(), home.signing()] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_empty_home_has_no_key_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("none"));
        assert_eq!(signing_key(&home, &Fixed("pw")).err().unwrap().word(), "no-key");
        assert!(!add_identities(&home, &mut Identities::default()).unwrap());
        assert!(summary(&home).unwrap().is_empty());
    }

    #[test]
    fn a_name_may_hold_a_mail_address() {
        let split = |t| split_name(t);
        assert_eq!(split("Acme Oy <ops@acme.example>"), ("Acme Oy".into(), "ops@acme.example".into()));
        assert_eq!(split(" Acme Oy "), ("Acme Oy".into(), String::new()));
        assert_eq!(split("<x>"), ("<x>".into(), String::new()));
    }
}
