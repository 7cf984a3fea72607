//! Secret signing keys: a door to `ssh-key`. What they sign is an SSHSIG, armoured exactly as `ssh-keygen` writes it
//! (FORMAT §8.2), and verified before anybody gets it.

use ssh_key::private::KeypairData;
use ssh_key::{LineEnding, PrivateKey};

use super::publickey::inner_of;
use super::rsakey::{Numbers, Signer as _, sign_rsa};
use super::secret::unlock;
use super::sshsig::{armour, signed_data};
use super::{Certificate, Error, PassphraseSource, PublicKey, Result, Secret, Signature, privatekey};

/// Whatever signs for one public key: an unlocked key, an agent, a security key.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> PublicKey;

    /// Signs `message` and returns the armour, byte for byte as `ssh-keygen -Y sign` would write it.
    ///
    /// # Errors
    /// Why the key can't or won't sign.
    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String>;

    /// Whether a signature costs nobody anything: no touch, no question, no other program. Only such a key is asked for
    /// signatures that could be done without.
    fn is_at_hand(&self) -> bool {
        false
    }
}

impl Signer for SigningKey {
    fn public(&self) -> PublicKey {
        SigningKey::public(self)
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String> {
        SigningKey::sign(self, namespace, message)
    }

    fn is_at_hand(&self) -> bool {
        true
    }
}

/// The armour of an inner signature, checked by the reader that everybody else will check it with.
pub(super) fn checked(
    key: &PublicKey,
    in_place: &[u8],
    namespace: &str,
    message: &[u8],
    inner: &[u8],
) -> Result<String> {
    let armour = armour(in_place, namespace, inner);
    let signature = Signature::verify(armour.as_bytes(), namespace, message, "the new signature")?;
    if signature.key == *key { Ok(armour) } else { Err(Error::System("the signature is by another key".to_owned())) }
}

/// The armour that another program made for a key, if it is the signature that was asked for.
///
/// # Errors
/// [`Error::BadDevice`].
pub fn checked_armour(
    armour: &[u8],
    key: &PublicKey,
    certificate: Option<&Certificate>,
    namespace: &str,
    message: &[u8],
    by: &'static str,
) -> Result<String> {
    let bad = |why| Error::BadDevice { what: by, why };
    let signature = Signature::verify(armour, namespace, message, by).map_err(|e| match e {
        Error::BadSignature { why, .. } => bad(why),
        other => other,
    })?;
    if signature.key != *key || signature.certificate.as_ref() != certificate {
        return Err(bad("it is by another key, or with another certificate"));
    }
    String::from_utf8(armour.to_vec()).map_err(|_| bad("it is no text"))
}

impl PublicKey {
    /// The public half of a private key's file, locked or not.
    #[must_use]
    pub fn in_private(file: &Secret) -> Option<PublicKey> {
        privatekey::read(file).map(|key| PublicKey(key.public_key().key_data().clone()))
    }
}

/// Whether a text is an OpenSSH private key of any type, which `age` can be given to read.
pub(super) fn is_ssh_private(pem: &[u8]) -> bool {
    PrivateKey::from_openssh(pem).is_ok()
}

/// A secret signing key, unlocked. It is boxed, since every move of the key itself would leave a copy behind.
pub struct SigningKey {
    key: Box<PrivateKey>,
    certificate: Option<Box<Certificate>>,
}

impl SigningKey {
    /// Makes a fresh Ed25519 key.
    ///
    /// # Errors
    /// [`Error::System`] when the system gives no randomness.
    pub fn generate() -> Result<Self> {
        let seed = zeroize::Zeroizing::new(super::random::<32>()?);
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
        PrivateKey::new(KeypairData::Ed25519(pair), "consign")
            .map(|key| SigningKey { key: Box::new(key), certificate: None })
            .map_err(|e| Error::System(format!("making a signing key: {e}")))
    }

    /// Reads an OpenSSH private key, asking for its passphrase if it is locked.
    ///
    /// # Errors
    /// [`Error::BadKey`], [`Error::WrongPassphrase`], [`Error::NeedsPassphrase`]; [`Error::SecurityKey`] for a file that
    /// only leads to a device.
    pub fn read(file: &Secret, name: &str, source: &dyn PassphraseSource) -> Result<Self> {
        let bad = |why: &str| Error::BadKey { what: "signing key", why: format!("{name}: {why}") };
        let locked = privatekey::read(file).map(Box::new).ok_or_else(|| {
            let begins = |with: &[u8]| file.expose().starts_with(with);
            bad(if begins(b"ssh-") || begins(b"ecdsa-") || begins(b"sk-") {
                "that is the public half; the private key is needed"
            } else if begins(b"-----BEGIN RSA") || begins(b"-----BEGIN EC ") || begins(b"-----BEGIN PRIVATE") {
                "a key in an older form; ssh-keygen -p -f FILE turns it into an OpenSSH private key"
            } else {
                "not an OpenSSH private key"
            })
        })?;
        let public = PublicKey(locked.public_key().key_data().clone());
        public.check().map_err(bad)?;
        if public.is_hardware() {
            return Err(Error::SecurityKey { name: name.to_owned() });
        }
        let key = if locked.is_encrypted() {
            let wrong = || Error::WrongPassphrase { what: "signing key" };
            unlock(source, name, |secret| privatekey::unlocked(&locked, secret).map(Box::new).ok_or_else(wrong))?
        } else {
            locked
        };
        Ok(SigningKey { key, certificate: None })
    }

    /// The same key, with a certificate in its place in signatures.
    ///
    /// # Errors
    /// [`Error::BadKey`] for a certificate of another key.
    pub fn certified(self, certificate: Certificate) -> Result<Self> {
        if certificate.key != self.public() {
            let why = "it is of another key".to_owned();
            return Err(Error::BadKey { what: "SSH certificate", why });
        }
        Ok(SigningKey { certificate: Some(Box::new(certificate)), ..self })
    }

    /// The OpenSSH file of this key, locked by a passphrase.
    ///
    /// # Errors
    /// [`Error::System`] when it can't be encoded.
    pub fn file(&self, passphrase: &Secret) -> Result<Secret> {
        let system = |e: ssh_key::Error| Error::System(format!("locking the signing key: {e}"));
        let mut rng = ssh_key::rand_core::OsRng;
        let locked = self.key.encrypt(&mut rng, passphrase.expose()).map_err(system)?;
        let pem = locked.to_openssh(LineEnding::LF).map_err(system)?;
        Ok(Secret::new(pem.as_bytes().to_vec()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.public_key().key_data().clone())
    }

    /// Signs `message` and returns the armour, byte for byte as `ssh-keygen -Y sign` would write it.
    ///
    /// # Errors
    /// [`Error::System`] when the key can't sign.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String> {
        let data = signed_data(namespace, message);
        let inner = self.inner(&data).ok_or_else(|| Error::System("signing: the key is not usable".to_owned()))?;
        let public = self.public();
        let blob = public.blob()?;
        let in_place = self.certificate.as_deref().map_or(&blob[..], Certificate::blob);
        checked(&public, in_place, namespace, message, &inner)
    }

    fn inner(&self, data: &[u8]) -> Option<Vec<u8>> {
        let KeypairData::Rsa(pair) = self.key.key_data() else {
            return self.key.key_data().try_sign(data).ok().as_ref().map(inner_of);
        };
        let (public, private) = (&pair.public, &pair.private);
        let [n, e, d] = [&public.n, &public.e, &private.d].map(|m| m.as_positive_bytes());
        let [p, q] = [&private.p, &private.q].map(|m| m.as_positive_bytes());
        sign_rsa(&Numbers { n: n?, e: e?, d: d?, p: p?, q: q? }, data)
    }
}

/// An OpenSSH private key of any type, locked by another passphrase.
///
/// # Errors
/// [`Error::WrongPassphrase`]; [`Error::BadKey`] when it is no such key, or is not locked.
pub(super) fn relock_ssh(file: &Secret, name: &str, old: &Secret, new: &Secret) -> Result<Secret> {
    let bad = |why: &str| Error::BadKey { what: "SSH key", why: format!("{name}: {why}") };
    let system = |e: ssh_key::Error| Error::System(format!("locking {name}: {e}"));
    let key = privatekey::read(file).ok_or_else(|| bad("not an OpenSSH private key"))?;
    if !key.is_encrypted() {
        return Err(bad("it is not locked"));
    }
    let open = privatekey::unlocked(&key, old).ok_or(Error::WrongPassphrase { what: "SSH key" })?;
    let locked = open.encrypt(&mut ssh_key::rand_core::OsRng, new.expose()).map_err(system)?;
    let pem = locked.to_openssh(LineEnding::LF).map_err(system)?;
    Ok(Secret::new(pem.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_its_message_namespace_and_spelling_only() {
        let key = SigningKey::generate().unwrap();
        let armour = key.sign("consign-bundle-v1", b"hello").unwrap();
        let by = PublicKey::verify(armour.as_bytes(), "consign-bundle-v1", b"hello", "x").unwrap();
        assert_eq!(by.fingerprint(), key.public().fingerprint());
        assert!(PublicKey::verify(armour.as_bytes(), "consign-bundle-v1", b"hellp", "x").is_err());
        assert!(PublicKey::verify(armour.as_bytes(), "consign-card-v1", b"hello", "x").is_err());
        for spelling in
            [format!("{armour}\n"), armour.replace('\n', "\r\n"), armour.trim_end().to_owned(), format!(" {armour}")]
        {
            assert!(PublicKey::verify(spelling.as_bytes(), "consign-bundle-v1", b"hello", "x").is_err());
        }
    }
}
