//! OpenSSH private keys as files: read, unlocked, locked again by another passphrase. What such a key can do here is
//! told by its type: Ed25519 and RSA keys open and sign, ECDSA keys sign (FORMAT §8.1, §8.2).

use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::secret::unlock;
use super::{Error, PassphraseSource, PublicKey, Result, Secret, canonical_recipient};

/// A private key, unlocked.
pub struct SshKey(PrivateKey);

impl SshKey {
    /// Reads an OpenSSH private key, asking for its passphrase if it is locked. Says whether it was.
    ///
    /// # Errors
    /// [`Error::BadKey`], [`Error::WrongPassphrase`], [`Error::NeedsPassphrase`].
    pub fn read(file: &Secret, name: &str, source: &dyn PassphraseSource) -> Result<(SshKey, bool)> {
        let key = parse(file, name)?;
        let locked = key.is_encrypted();
        if !locked {
            return Ok((SshKey(key), false));
        }
        let wrong = |_| Error::WrongPassphrase { what: "SSH key" };
        let open = unlock(source, name, |secret| key.decrypt(secret.expose()).map_err(wrong))?;
        Ok((SshKey(open), true))
    }

    /// `type base64` of the public half, which is readable without the passphrase.
    ///
    /// # Errors
    /// [`Error::BadKey`].
    pub fn public_line(file: &Secret, name: &str) -> Result<String> {
        line(&parse(file, name)?)
    }

    /// `type base64` of the public half.
    ///
    /// # Errors
    /// [`Error::System`] when it can't be encoded.
    pub fn line(&self) -> Result<String> {
        line(&self.0)
    }

    /// The public half.
    ///
    /// # Errors
    /// [`Error::BadKey`].
    pub fn public(&self) -> Result<PublicKey> {
        self.line()?.parse()
    }

    /// Its comment, which people write to know it by.
    #[must_use]
    pub fn comment(&self) -> &str {
        self.0.comment()
    }

    /// The OpenSSH file, not locked: for the inside of something that is.
    ///
    /// # Errors
    /// [`Error::System`] when it can't be encoded.
    pub fn open_file(&self) -> Result<Secret> {
        let pem = self.0.to_openssh(LineEnding::LF).map_err(|e| system(&e))?;
        Ok(Secret::new(pem.as_bytes().to_vec()))
    }

    /// The OpenSSH file, locked by a passphrase.
    ///
    /// # Errors
    /// [`Error::System`] when it can't be encoded.
    pub fn file(&self, passphrase: &Secret) -> Result<Secret> {
        let mut rng = ssh_key::rand_core::OsRng;
        let locked = self.0.encrypt(&mut rng, passphrase.expose()).map_err(|e| system(&e))?;
        let pem = locked.to_openssh(LineEnding::LF).map_err(|e| system(&e))?;
        Ok(Secret::new(pem.as_bytes().to_vec()))
    }

    /// The seed of an Ed25519 key; other keys have none.
    #[must_use]
    pub fn seed(&self) -> Option<Secret> {
        self.0.key_data().ed25519().map(|pair| Secret::new(pair.private.as_ref().to_vec()))
    }

    /// The Ed25519 key of a seed.
    ///
    /// # Errors
    /// [`Error::BadKey`] unless there are 32 bytes.
    pub fn from_seed(seed: &Secret) -> Result<SshKey> {
        let bad = |why: &str| Error::BadKey { what: "signing key", why: why.to_owned() };
        let bytes = seed.expose().try_into().map_err(|_| bad("its seed does not have 32 bytes"))?;
        let pair = ssh_key::private::Ed25519Keypair::from_seed(bytes);
        let data = ssh_key::private::KeypairData::Ed25519(pair);
        PrivateKey::new(data, "consign").map(SshKey).map_err(|e| system(&e))
    }
}

/// Whether what is locked to this public key (`type base64`) can be opened with its private half.
#[must_use]
pub fn opens(public_line: &str) -> bool {
    canonical_recipient(public_line).is_ok()
}

fn parse(file: &Secret, name: &str) -> Result<PrivateKey> {
    let bad = |why: &str| Error::BadKey { what: "SSH key", why: format!("{name}: {why}") };
    let bytes = file.expose();
    let key = PrivateKey::from_openssh(bytes).map_err(|_| {
        bad(if bytes.starts_with(b"-----BEGIN OPENSSH") {
            "not a whole OpenSSH private key"
        } else {
            "a key in an older form; `ssh-keygen -p -f FILE` writes it as an OpenSSH private key"
        })
    })?;
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Rsa { .. } | Algorithm::Ecdsa { .. } => Ok(key),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
            Err(bad("a security key stays in its hardware; name the file where it is used"))
        }
        _ => Err(bad("a key type that is neither ssh-ed25519, ssh-rsa nor ecdsa")),
    }
}

fn line(key: &PrivateKey) -> Result<String> {
    let public = ssh_key::PublicKey::from(key.public_key().key_data().clone());
    let line = public.to_openssh().map_err(|e| system(&e))?;
    // It refuses types and sizes that nobody accepts.
    line.trim().parse::<PublicKey>()?.line()
}

fn system(e: &ssh_key::Error) -> Error {
    Error::System(format!("an SSH key: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    struct Fixed(&'static str);

    impl PassphraseSource for Fixed {
        fn passphrase(&self, _: &str) -> Result<Secret> {
            Ok(Secret::new(self.0.into()))
        }
    }

    #[test]
    fn a_key_keeps_its_public_half_through_locks_and_its_seed() {
        let signing = SigningKey::generate().unwrap();
        let locked = signing.file(&Secret::new(b"one".to_vec())).unwrap();
        let line = signing.public().line().unwrap();
        assert_eq!(SshKey::public_line(&locked, "x").unwrap(), line);
        assert!(matches!(SshKey::read(&locked, "x", &Fixed("two")), Err(Error::WrongPassphrase { .. })));
        let (key, was_locked) = SshKey::read(&locked, "x", &Fixed("one")).unwrap();
        assert!(was_locked && opens(&line));
        let again = key.file(&Secret::new(b"two".to_vec())).unwrap();
        assert_eq!(SshKey::read(&again, "x", &Fixed("two")).unwrap().0.line().unwrap(), line);
        let open = key.open_file().unwrap();
        assert!(!SshKey::read(&open, "x", &Fixed("")).unwrap().1);
        let back = SshKey::from_seed(&key.seed().unwrap()).unwrap();
        assert_eq!(back.line().unwrap(), line);
        assert!(SshKey::from_seed(&Secret::new(vec![1; 31])).is_err());
    }
}
