//! A key file under another passphrase. What is in it stays as it is, byte for byte.

use super::encrypt::encrypt_with_passphrase;
use super::identity::{dearmour, open_with_passphrase};
use super::sign::relock_ssh;
use super::{Result, Secret};

/// The largest key file, in bytes.
const FILE_LIMIT: usize = 64 << 10;

/// Locks a key file by another passphrase: an age file locked by a passphrase, with scrypt's `work`, or an OpenSSH
/// private key.
///
/// # Errors
/// [`super::Error::WrongPassphrase`] when `old` does not open it; [`super::Error::BadKey`] when it is no locked key.
pub fn relock(file: &Secret, name: &str, old: &Secret, new: &Secret, work: u8) -> Result<Secret> {
    if file.expose().starts_with(b"-----BEGIN OPENSSH") {
        return relock_ssh(file, name, old, new);
    }
    let armoured = file.expose().starts_with(b"-----BEGIN AGE").then(|| dearmour(file.expose(), name)).transpose()?;
    let binary = armoured.as_deref().unwrap_or(file.expose());
    let plain = open_with_passphrase(old, binary, name, FILE_LIMIT)?;
    encrypt_with_passphrase(new, work, plain.expose()).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Error, SigningKey};

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_key_file_gets_another_lock_and_keeps_what_is_in_it() {
        let age = Secret::new(encrypt_with_passphrase(&secret("old"), 2, b"# a comment\nAGE-SECRET-KEY-1\n").unwrap());
        let again = relock(&age, "x", &secret("old"), &secret("new \u{e9}"), 2).unwrap();
        let plain = open_with_passphrase(&secret("new \u{e9}"), again.expose(), "x", 99).unwrap();
        assert_eq!(plain.expose(), b"# a comment\nAGE-SECRET-KEY-1\n");
        assert!(open_with_passphrase(&secret("old"), again.expose(), "x", 99).is_err());

        struct Fixed(&'static str);
        impl crate::crypto::PassphraseSource for Fixed {
            fn passphrase(&self, _: &str) -> Result<Secret> {
                Ok(secret(self.0))
            }
        }
        let key = SigningKey::generate().unwrap();
        let ssh = key.file(&secret("old")).unwrap();
        let again = relock(&ssh, "x", &secret("old"), &secret("new"), 2).unwrap();
        assert_eq!(SigningKey::read(&again, "x", &Fixed("new")).unwrap().public(), key.public());
        for file in [&age, &ssh] {
            let wrong = relock(file, "x", &secret("other"), &secret("new"), 2);
            assert!(matches!(wrong.err(), Some(Error::WrongPassphrase { .. })));
        }
    }
}
