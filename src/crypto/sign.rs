//! Signing keys, public and secret: the door to `ssh-key`. What they sign is an SSHSIG, armoured exactly as `ssh-keygen`
//! writes it (FORMAT §8.2). `signature.rs` verifies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssh_key::private::KeypairData;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use super::rsa::{self, Numbers, Signer as _, Verifier as _};
use super::secret::unlock;
use super::sshsig::{armour, signed_data};
use super::wire::{Wire, put};
use super::{Certificate, Error, PassphraseSource, Result, Secret, Signature, privatekey};

/// The fingerprint of a signing key, as `ssh-keygen -l` prints it: `SHA256:` and 43 base64 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, &'static str> {
        match text.parse::<ssh_key::Fingerprint>() {
            Ok(parsed) if parsed.is_sha256() && parsed.to_string() == text => Ok(Fingerprint(text)),
            _ => Err("not a SHA256 key fingerprint"),
        }
    }
}

impl From<Fingerprint> for String {
    fn from(fp: Fingerprint) -> String {
        fp.0
    }
}

impl Fingerprint {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(KeyData);

impl FromStr for PublicKey {
    type Err = Error;

    /// Reads `type base64`, with or without a comment.
    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: &str| Error::BadKey { what: "SSH public key", why: why.to_owned() };
        let key = ssh_key::PublicKey::from_openssh(text.trim()).map_err(|_| bad("not an SSH public key"))?;
        let key = PublicKey(key.key_data().clone());
        key.check().map_err(bad)?;
        Ok(key)
    }
}

impl PublicKey {
    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.0.fingerprint(HashAlg::Sha256).to_string())
    }

    /// `type base64`, without a comment.
    ///
    /// # Errors
    /// [`Error::System`] when the key can't be encoded.
    pub fn line(&self) -> Result<String> {
        let line = ssh_key::PublicKey::from(self.0.clone()).to_openssh();
        line.map(|l| l.trim().to_owned()).map_err(|e| Error::System(format!("encoding a public key: {e}")))
    }

    /// The SSH wire encoding of the key.
    ///
    /// # Errors
    /// [`Error::System`] when the key can't be encoded.
    pub fn blob(&self) -> Result<Vec<u8>> {
        ssh_key::PublicKey::from(self.0.clone())
            .to_bytes()
            .map_err(|e| Error::System(format!("encoding a public key: {e}")))
    }

    /// Whether signatures by this key show a touch of hardware.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.0.is_sk_ed25519() || self.0.is_sk_ecdsa_p256()
    }

    /// Whether it is a key that may sign.
    pub(super) fn check(&self) -> std::result::Result<(), &'static str> {
        match self.0.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
                Ok(())
            }
            Algorithm::Rsa { .. } => {
                let bytes = self.0.rsa().and_then(|k| k.n.as_positive_bytes()).unwrap_or_default();
                let bits = bytes.len() * 8 - bytes.first().map_or(0, |b| b.leading_zeros() as usize);
                if bits >= 2048 { Ok(()) } else { Err("an RSA key of less than 2048 bits") }
            }
            _ => Err("a key type that is not accepted for signing"),
        }
    }

    pub(super) fn of(key: &KeyData) -> PublicKey {
        PublicKey(key.clone())
    }

    /// The public half of a private key's file, locked or not.
    #[must_use]
    pub fn in_private(file: &Secret) -> Option<PublicKey> {
        privatekey::read(file).map(|key| PublicKey(key.public_key().key_data().clone()))
    }

    /// The key that a blob spells, if that is its one spelling.
    pub(super) fn from_blob(blob: &[u8]) -> Option<PublicKey> {
        let key = PublicKey(ssh_key::PublicKey::from_bytes(blob).ok()?.key_data().clone());
        (key.blob().ok()? == blob).then_some(key)
    }

    /// Whether an inner signature over `data` is this key's.
    pub(super) fn fits(&self, data: &[u8], signature: &[u8]) -> bool {
        let Some(signature) = read_inner(signature) else { return false };
        let of_this_kind = match (signature.algorithm(), self.0.algorithm()) {
            (Algorithm::Rsa { hash: Some(_) }, Algorithm::Rsa { .. }) => true,
            (made, key) => made == key,
        };
        of_this_kind && self.0.verify(data, &signature).is_ok()
    }

    /// Checks one armoured signature over `message` and returns the key that made it, or whose certificate is in it.
    ///
    /// # Errors
    /// Those of [`Signature::verify`].
    pub fn verify(armour: &[u8], namespace: &str, message: &[u8], what: &str) -> Result<PublicKey> {
        Signature::verify(armour, namespace, message, what).map(|signature| signature.key)
    }
}

/// Whether a text is an SSH public key of any type. The `age` crate panics at a number that is all zeros, so keys for
/// encryption are read here first.
pub(super) fn is_ssh_public(text: &str) -> bool {
    ssh_key::PublicKey::from_openssh(text).is_ok()
}

/// As [`is_ssh_public`], for an OpenSSH private key.
pub(super) fn is_ssh_private(pem: &[u8]) -> bool {
    PrivateKey::from_openssh(pem).is_ok()
}

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

/// A public key for the client of an agent.
pub(super) fn to_ssh_key(key: &PublicKey) -> ssh_key::PublicKey {
    ssh_key::PublicKey::from(key.0.clone())
}

/// An inner signature as it stands in a blob. (`ssh-key` 0.6.7 misplaces the flags of one kind when it does this.)
pub(super) fn inner_of(signature: &ssh_key::Signature) -> Vec<u8> {
    let algorithm = signature.algorithm();
    let hardware = matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256);
    let (bytes, state) = match signature.as_bytes().split_last_chunk::<5>() {
        Some((bytes, state)) if hardware => (bytes, &state[..]),
        _ => (signature.as_bytes(), &[][..]),
    };
    let mut inner = Vec::new();
    put(&mut inner, algorithm.as_str().as_bytes());
    put(&mut inner, bytes);
    inner.extend_from_slice(state);
    inner
}

/// An inner signature as it stands in a blob: its type, the bytes, and for security keys flags and a counter.
fn read_inner(bytes: &[u8]) -> Option<ssh_key::Signature> {
    let mut wire = Wire(bytes);
    let algorithm = Algorithm::new(wire.text()?).ok()?;
    let mut data = wire.string()?.to_vec();
    if matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
        data.extend_from_slice(wire.take(5)?);
    }
    if wire.is_empty() { ssh_key::Signature::new(algorithm, data).ok() } else { None }
}

/// A secret signing key, unlocked.
pub struct SigningKey {
    key: PrivateKey,
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
            .map(|key| SigningKey { key, certificate: None })
            .map_err(|e| Error::System(format!("making a signing key: {e}")))
    }

    /// Reads an OpenSSH private key, asking for its passphrase if it is locked.
    ///
    /// # Errors
    /// [`Error::BadKey`], [`Error::WrongPassphrase`], [`Error::NeedsPassphrase`]; [`Error::SecurityKey`] for a file that
    /// only leads to a device.
    pub fn read(file: &Secret, name: &str, source: &dyn PassphraseSource) -> Result<Self> {
        let bad = |why: &str| Error::BadKey { what: "signing key", why: format!("{name}: {why}") };
        let locked = privatekey::read(file).ok_or_else(|| {
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
            unlock(source, name, |secret| privatekey::unlocked(&locked, secret).ok_or_else(wrong))?
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
        rsa::sign(&Numbers { n: n?, e: e?, d: d?, p: p?, q: q? }, data)
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
