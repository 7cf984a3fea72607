//! Secrets: bytes that are wiped on drop, never printed, copied or serialised; where passphrases come from; randomness.

use zeroize::Zeroizing;

use super::{Error, Result};

/// Secret bytes: a passphrase, or the text of an identity. Wiped on drop; has no `Debug`, no `Clone`.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Secret(Zeroizing::new(bytes))
    }

    /// The bytes, for the one use that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text; an error for anything but UTF-8.
    ///
    /// # Errors
    /// [`Error::BadKey`] when the bytes are not UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.0).map_err(|_| Error::BadKey { what: "secret", why: "not UTF-8 text".into() })
    }
}

/// Where passphrases come from: a file, a command, a terminal. Asked only when one is really needed.
pub trait PassphraseSource: Send + Sync {
    /// The passphrase of `what`, such as "SSH key work.pem".
    ///
    /// # Errors
    /// [`Error::NeedsPassphrase`] when there is none to be had.
    fn passphrase(&self, what: &str) -> Result<Secret>;

    /// Learns that the passphrase it gave does not open `what`, and says whether there may be another one to ask for.
    fn refused(&self, what: &str) -> bool {
        let _ = what;
        false
    }
}

/// Tries passphrases on `what` until one opens it or `source` has no other.
pub(super) fn unlock<T>(
    source: &dyn PassphraseSource,
    what: &str,
    mut open: impl FnMut(&Secret) -> Result<T>,
) -> Result<T> {
    loop {
        match open(&source.passphrase(what)?) {
            Err(Error::WrongPassphrase { .. }) if source.refused(what) => {}
            opened => return opened,
        }
    }
}

/// `N` bytes from the operating system's generator.
///
/// # Errors
/// [`Error::System`] when the system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Error::System(format!("no randomness from the system: {e}")))?;
    Ok(bytes)
}
