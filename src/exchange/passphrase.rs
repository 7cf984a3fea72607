//! The passphrase of the home's keys: found to be right before it is used for anything lasting, and changed in all files
//! at once (FORMAT §8.3).

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use super::keys;
use super::rekey::{self, Rekey};
use super::unlock::{self, UNLOCK};
use super::{Error, Home, Result};
use crate::crypto::{self, Identities, PassphraseSource, Secret, relock};
use crate::files::io_at;

/// The folder of keys that were imported.
const SSH: &str = "ssh";
/// The largest key file that is read, in bytes.
const KEY_MAX: u64 = 64 << 10;

/// What became of the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Files under the new passphrase.
    pub files: Vec<String>,
    /// Key files in `ssh/` that the old passphrase does not open; they are as they were.
    pub others: Vec<String>,
}

/// What becomes of `unlock.age`.
pub enum Unlock {
    /// It is locked by this secret of a keyring, with the passphrase in it.
    Keep(Secret),
    /// It goes away.
    Forget,
}

/// Hands on what `source` gives, and remembers it.
struct Remember {
    source: Arc<dyn PassphraseSource>,
    last: Mutex<Option<Secret>>,
}

impl PassphraseSource for Remember {
    fn passphrase(&self, what: &str) -> crypto::Result<Secret> {
        let secret = self.source.passphrase(what)?;
        let copy = Secret::new(secret.expose().to_vec());
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
        Ok(secret)
    }

    fn refused(&self, what: &str) -> bool {
        self.source.refused(what)
    }
}

/// The passphrase that opens this home's keys.
///
/// # Errors
/// [`Error::NoKeyHere`]; [`Error::KeyNotLocked`]; the errors of unlocking them.
pub fn right(home: &Home, source: &Arc<dyn PassphraseSource>) -> Result<Secret> {
    let remember = Arc::new(Remember { source: Arc::clone(source), last: Mutex::default() });
    let mut identities = Identities::new(Arc::clone(&remember) as Arc<dyn PassphraseSource>);
    if !keys::add_identities(home, &mut identities)? {
        keys::signing_key(home, &*remember)?;
    }
    let last = remember.last.lock().unwrap_or_else(PoisonError::into_inner).take();
    last.ok_or_else(|| Error::KeyNotLocked { path: home.identity() })
}

/// Locks all key files of the home by another passphrase, and all at once.
///
/// # Errors
/// [`crypto::Error::WrongPassphrase`], when nothing was changed; those of [`Rekey::commit`].
pub fn change(home: &Home, old: &Secret, new: &Secret, work: u8, unlock: &Unlock) -> Result<Changed> {
    let mut rekey = Rekey::begin(home)?;
    let mut changed = Changed::default();
    for name in [rekey::IDENTITY.to_owned(), keys::SIGNING.to_owned()].into_iter().chain(ssh_files(home)?) {
        let Some(file) = rekey::read(home, &name, KEY_MAX)?.map(Secret::new) else { continue };
        match relock(&file, &name, old, new, work) {
            Ok(locked) => {
                rekey.put(&name, locked);
                changed.files.push(name);
            }
            Err(crypto::Error::WrongPassphrase { .. } | crypto::Error::BadKey { .. }) if name.starts_with(SSH) => {
                changed.others.push(name);
            }
            Err(e) => return Err(e.into()),
        }
    }
    put_unlock(&mut rekey, unlock, new)?;
    rekey.commit()?;
    Ok(changed)
}

/// Lets a keyring's secret open this home's keys, or no longer. `passphrase` must be the right one.
///
/// # Errors
/// Those of [`Rekey::commit`].
pub fn keep(home: &Home, passphrase: &Secret, unlock: &Unlock) -> Result<()> {
    let mut rekey = Rekey::begin(home)?;
    put_unlock(&mut rekey, unlock, passphrase)?;
    rekey.commit()
}

fn put_unlock(rekey: &mut Rekey<'_>, unlock: &Unlock, passphrase: &Secret) -> Result<()> {
    match unlock {
        Unlock::Keep(secret) => rekey.put(UNLOCK, unlock::lock(secret, passphrase)?),
        Unlock::Forget => rekey.remove(UNLOCK),
    }
    Ok(())
}

/// The private key files in `ssh/`.
fn ssh_files(home: &Home) -> Result<Vec<String>> {
    let folder = home.folder(SSH);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io_at("read", &folder))? {
        let entry = entry.map_err(io_at("read", &folder))?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let is_key = !name.is_empty() && !name.starts_with('.') && !name.ends_with(".pub");
        if is_key && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            names.push(format!("{SSH}/{name}"));
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::crypto::SigningKey;
    use crate::exchange::keys::OWN_KEY;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    /// Gives these, one after the other.
    struct Several(Mutex<Vec<&'static str>>);

    impl PassphraseSource for Several {
        fn passphrase(&self, what: &str) -> crypto::Result<Secret> {
            assert_eq!(what, OWN_KEY);
            Ok(secret(self.0.lock().unwrap()[0]))
        }

        fn refused(&self, _: &str) -> bool {
            let mut all = self.0.lock().unwrap();
            all.remove(0);
            !all.is_empty()
        }
    }

    fn source(all: &[&'static str]) -> Arc<dyn PassphraseSource> {
        Arc::new(Several(Mutex::new(all.to_vec())))
    }

    fn made() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let now = "2026-11-23T13:40:00Z".parse().unwrap();
        keys::make(&home, &keys::New { name: "Acme", ..keys::New::default() }, &secret("old"), 2, now).unwrap();
        (dir, home)
    }

    #[test]
    fn another_passphrase_locks_every_key_file_and_the_old_one_none() {
        let (_dir, home) = made();
        home.make_folder(SSH).unwrap();
        let (mine, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        fs::write(home.folder(SSH).join("mine"), mine.file(&secret("old")).unwrap().expose()).unwrap();
        fs::write(home.folder(SSH).join("other"), other.file(&secret("its own")).unwrap().expose()).unwrap();
        fs::write(home.folder(SSH).join("mine.pub"), "ssh-ed25519 x").unwrap();
        let before = fs::read(home.card()).unwrap();

        let changed = change(&home, &secret("old"), &secret("new"), 2, &Unlock::Forget).unwrap();
        assert_eq!(changed.files, ["identity.age", "signing", "ssh/mine"]);
        assert_eq!(changed.others, ["ssh/other"]);
        assert_eq!(right(&home, &source(&["new"])).unwrap().expose(), b"new");
        assert!(keys::signing_key(&home, &*source(&["new"])).is_ok());
        for word in ["old", ""] {
            assert!(keys::signing_key(&home, &*source(&[word])).is_err());
            assert_eq!(right(&home, &source(&[word])).err().unwrap().word(), "wrong-passphrase");
        }
        assert_eq!(fs::read(home.card()).unwrap(), before);
    }

    #[test]
    fn a_wrong_passphrase_changes_nothing() {
        let (_dir, home) = made();
        let before = [home.identity(), home.signing()].map(|file| fs::read(file).unwrap());
        assert!(change(&home, &secret("wrong"), &secret("new"), 2, &Unlock::Forget).is_err());
        assert_eq!([home.identity(), home.signing()].map(|file| fs::read(file).unwrap()), before);
    }

    #[test]
    fn a_passphrase_that_does_not_open_the_keys_is_followed_by_the_next() {
        let (_dir, home) = made();
        assert_eq!(right(&home, &source(&["stale", "mistyped", "old"])).unwrap().expose(), b"old");
    }

    #[test]
    fn a_keyrings_secret_opens_the_passphrase_of_its_own_home_only() {
        let ((_a, home), (_b, other)) = (made(), made());
        let (r, r2) = (unlock::secret().unwrap(), unlock::secret().unwrap());
        assert_eq!(r.expose().len(), 64);
        assert!(r.expose() != r2.expose());
        assert!(unlock::open(&home, &r).unwrap().is_none());
        keep(&home, &secret("old"), &Unlock::Keep(Secret::new(r.expose().to_vec()))).unwrap();
        keep(&other, &secret("old"), &Unlock::Keep(r2)).unwrap();
        assert_eq!(unlock::open(&home, &r).unwrap().unwrap().expose(), b"old");
        assert_eq!(unlock::open(&other, &r).err().unwrap().word(), "wrong-passphrase");

        let again = Unlock::Keep(Secret::new(r.expose().to_vec()));
        change(&home, &secret("old"), &secret("new"), 2, &again).unwrap();
        assert_eq!(unlock::open(&home, &r).unwrap().unwrap().expose(), b"new");
        let mut bytes = fs::read(home.path().join(UNLOCK)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(home.path().join(UNLOCK), bytes).unwrap();
        assert_eq!(unlock::open(&home, &r).err().unwrap().word(), "changed");
        keep(&home, &secret("new"), &Unlock::Forget).unwrap();
        assert!(!unlock::is_there(&home).unwrap());
    }
}
