//! The firm's own keys: made once, locked by a passphrase, never overwritten (FORMAT §8.1, §8.3). `own.card` is
//! written last and stands for the whole: without it no key here is believed to be complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, Home, Result, rekey};
use crate::crypto::{self, Identities, PassphraseSource, Secret, SigningKey, check_words};
use crate::files;
use crate::format::card::{Card, CardKey, SignedCard};
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
const KEY_MAX: u64 = 64 << 10;

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

/// Makes an encryption key, a signing key and the card that names them, locked by `lock`.
///
/// # Errors
/// [`Error::KeyExists`], [`Error::KeyUnfinished`]; what the system says.
pub fn make(home: &Home, name: &str, contact: &str, lock: &Secret, work: u8, now: Time) -> Result<Made> {
    // What a killed change left would be taken for a part of this one.
    rekey::settle(home)?;
    ensure_none(home)?;
    home.ensure_writable()?;
    let pair = crypto::new_identities(&now.to_string())?;
    let locked = crypto::encrypt_with_passphrase(lock, work, pair.file.expose())?;
    let signing = SigningKey::generate()?;
    let line = signing.public().line()?;
    let card = SignedCard::sign(&first_card(name, contact, &pair, &line, now), &signing)?;
    let words = check_words(&signing.public())?;
    files::write_private(&home.identity(), &locked)?;
    files::write_private(&home.signing(), signing.file(lock)?.expose())?;
    let public = format!("{line} consign\n");
    files::write_new(&home.signing_pub(), public.as_bytes(), false).map_err(files::Error::or_not_synced)?;
    files::write_new(&home.card(), &card.document.to_bytes(), false)?;
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

fn first_card(name: &str, contact: &str, pair: &crypto::Pair, signer: &str, now: Time) -> Card {
    let key = |key: &str| CardKey::new(key, "this machine");
    Card {
        consign: "card/1".to_owned(),
        name: name.to_owned(),
        contact: contact.to_owned(),
        number: 1,
        created: now,
        expires: None,
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
    /// What the card calls it.
    pub label: String,
    /// When the card was made.
    pub created: Time,
    /// Whether its file is locked by a passphrase; none if the file is not on this machine.
    pub locked: Option<bool>,
    /// The secret file.
    pub file: PathBuf,
}

/// The keys of this home, without their secrets.
///
/// # Errors
/// Those of [`own_card`], and what the system says.
pub fn summary(home: &Home) -> Result<Vec<KeySummary>> {
    let Some(SignedCard { card, signers, .. }) = own_card(home)? else { return Ok(Vec::new()) };
    let mut keys = Vec::new();
    let (file, locked) = (home.identity(), identity_is_locked(home)?);
    for CardKey { key, label, .. } in card.recipients.iter().chain(&card.pq).cloned() {
        let (file, created) = (file.clone(), card.created);
        keys.push(KeySummary { kind: "encryption", public: key, fingerprint: None, label, created, locked, file });
    }
    let (file, locked) = (home.signing(), signing_is_locked(home)?);
    for (CardKey { key, label, .. }, signer) in card.signers.iter().cloned().zip(&signers) {
        let (file, created) = (file.clone(), card.created);
        let fingerprint = Some(signer.fingerprint().to_string());
        keys.push(KeySummary { kind: "signing", public: key, fingerprint, label, created, locked, file });
    }
    Ok(keys)
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
        make(home, "Acme Dev Oy", "ops@acme.example", &Secret::new(b"pw".to_vec()), 2, at()).unwrap()
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
        let again = || make(&home, "x", "", &Secret::new(b"pw".to_vec()), 2, at()).unwrap_err();
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
