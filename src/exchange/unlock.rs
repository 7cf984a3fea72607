//! What a keyring may hold for a home: not a key and not its passphrase, but a random secret that opens `unlock.age`,
//! in which the passphrase is (FORMAT §8.3). So a keyring alone opens nothing, and neither does the folder alone.

use super::{Home, Ledger, Result, rekey};
use crate::crypto::{self, Secret};

/// The file, as [`rekey`] calls it.
pub const UNLOCK: &str = "unlock.age";
/// The work factor for it, the least there is. The secret has 256 random bits: nobody tries them all, however little
/// each try costs, so slowness would cost the owner only.
const WORK: u8 = 1;
/// The largest file that is read, in bytes: any passphrase that a key may have, and age's own bytes.
const MAX: u64 = 128 << 10;

/// A fresh secret: 32 random bytes, as 64 hex digits.
///
/// # Errors
/// When the system gives no randomness.
pub fn secret() -> Result<Secret> {
    let bytes = Secret::new(crypto::random::<32>()?.to_vec());
    let mut text = Vec::with_capacity(64);
    for byte in bytes.expose() {
        text.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef".get(usize::from(digit)).unwrap_or(&b'0')));
    }
    Ok(Secret::new(text))
}

/// Whether this home has a passphrase for a keyring's secret to open.
///
/// # Errors
/// What the system says.
pub fn is_there(home: &Home) -> Result<bool> {
    Ok(rekey::read(home, UNLOCK, MAX)?.is_some())
}

/// The name under which a keyring holds the secret of this home; `None` for a home without a ledger yet. A copy of a
/// home has the same one, and the same secret opens it.
///
/// # Errors
/// [`super::Error::HomeBroken`].
pub fn name(home: &Home) -> Result<Option<String>> {
    Ok(home.writer()?.map(|writer| format!("unlock {writer}")))
}

/// As [`name`]; the home gets a name if it has none.
///
/// # Errors
/// What the system says.
pub fn name_or_new(home: &Home) -> Result<String> {
    Ok(format!("unlock {}", Ledger::open(home).writer()?))
}

/// The contents of `unlock.age`: the passphrase, locked by the secret.
///
/// # Errors
/// When the library refuses.
pub fn lock(secret: &Secret, passphrase: &Secret) -> Result<Secret> {
    Ok(Secret::new(crypto::encrypt_with_passphrase(secret, WORK, passphrase.expose())?))
}

/// The passphrase of this home's keys, if there is one for a keyring's secret to open.
///
/// # Errors
/// [`crypto::Error::WrongPassphrase`] when the secret is another home's; that of a damaged file.
pub fn open(home: &Home, secret: &Secret) -> Result<Option<Secret>> {
    let Some(file) = rekey::read(home, UNLOCK, MAX)? else { return Ok(None) };
    Ok(Some(crypto::open_locked(secret, &file, UNLOCK, 64 << 10)?))
}
