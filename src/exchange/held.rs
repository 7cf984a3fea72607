//! Everything secret that a home holds, unlocked: what a copy of the keys is made of (FORMAT §8.6).

use super::roster::Roster;
use super::{Error, Home, Result, keys, rekey, ssh};
use crate::crypto::{PassphraseSource, Secret, SshKey, unlock_file};
use crate::format::card::SignedCard;

/// The largest key file that is read, in bytes.
const KEY_MAX: u64 = 64 << 10;

/// The keys of a home, unlocked.
pub struct Held {
    /// The identity file.
    pub identities: Secret,
    /// The key that signs.
    pub signing: SshKey,
    /// Imported SSH keys, by name.
    pub ssh: Vec<(String, SshKey)>,
    /// The firm's card.
    pub card: SignedCard,
    /// What is told about the keys.
    pub roster: Roster,
}

impl Held {
    /// Unlocks the keys of a home.
    ///
    /// # Errors
    /// [`Error::NoKeyHere`]; the errors of unlocking them.
    pub fn unlock(home: &Home, source: &dyn PassphraseSource) -> Result<Held> {
        let none = || Error::NoKeyHere { path: home.path().to_owned() };
        let card = keys::own_card_needed(home)?;
        let identities = rekey::read(home, rekey::IDENTITY, KEY_MAX)?.ok_or_else(none)?;
        let identities =
            unlock_file(&identities, keys::OWN_KEY, source, usize::try_from(KEY_MAX).unwrap_or(usize::MAX))?;
        let signing = Secret::new(rekey::read(home, keys::SIGNING, KEY_MAX)?.ok_or_else(none)?);
        let (signing, _) = SshKey::read(&signing, keys::OWN_KEY, source)?;
        let mut more = Vec::new();
        for name in ssh::names(home)? {
            let Some(file) = ssh::file(home, &name)? else { continue };
            let (key, _) = SshKey::read(&file, keys::OWN_KEY, source)?;
            more.push((name, key));
        }
        let roster = Roster::of(home, Some(&card))?;
        Ok(Held { identities, signing, ssh: more, card, roster })
    }
}
