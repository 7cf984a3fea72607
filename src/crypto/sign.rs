//! Signatures: the only door to `ssh-key`. SSHSIG version 1 over SHA-512, armoured exactly as `ssh-keygen`
//! writes it; anything `ssh-keygen` would merely tolerate is refused. FORMAT §8.2.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, SshSig};

use super::agehead::is_base64;
use super::secret::unlock;
use super::{Error, PassphraseSource, Result, Secret};

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

    fn check(&self) -> std::result::Result<(), &'static str> {
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

    /// Checks one armoured signature over `message` and returns the key that made it.
    ///
    /// The armour must be, byte for byte, what `ssh-keygen` writes.
    ///
    /// # Errors
    /// [`Error::BadSignature`]; `what` names the thing that was signed.
    pub fn verify(armour: &[u8], namespace: &str, message: &[u8], what: &str) -> Result<PublicKey> {
        let bad = |why| Error::BadSignature { what: what.to_owned(), why };
        let sig = SshSig::from_pem(armour).map_err(|_| bad("the signature is not a well-formed SSHSIG"))?;
        if sig.version() != 1 || !sig.reserved().is_empty() || sig.hash_alg() != HashAlg::Sha512 {
            return Err(bad("the signature is not SSHSIG version 1 over SHA-512 with an empty reserved field"));
        }
        if sig.namespace() != namespace {
            return Err(bad("the signature was made for another purpose (its namespace differs)"));
        }
        // ssh-key 0.6.7 misplaces the flags when it encodes a signature of this one kind again.
        let again = match sig.algorithm() {
            Algorithm::SkEcdsaSha2NistP256 => is_spelled_well(armour),
            _ => sig.to_pem(LineEnding::LF).is_ok_and(|again| again.as_bytes() == armour),
        };
        if !again {
            return Err(bad("the signature is not spelled as ssh-keygen spells it"));
        }
        let key = PublicKey(sig.public_key().clone());
        key.check().map_err(bad)?;
        if key.is_hardware() && sig.signature_bytes().iter().rev().nth(4).is_none_or(|flags| flags & 1 == 0) {
            return Err(bad("the security key was not touched for this signature"));
        }
        ssh_key::PublicKey::from(key.0.clone())
            .verify(namespace, message, &sig)
            .map_err(|_| bad("the signature does not fit: it was changed after signing"))?;
        Ok(key)
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
    /// [`Error::System`] when the key can't sign.
    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String>;
}

impl Signer for SigningKey {
    fn public(&self) -> PublicKey {
        SigningKey::public(self)
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String> {
        SigningKey::sign(self, namespace, message)
    }
}

/// A secret signing key, unlocked.
pub struct SigningKey(PrivateKey);

impl SigningKey {
    /// Makes a fresh Ed25519 key.
    ///
    /// # Errors
    /// [`Error::System`] when the system gives no randomness.
    pub fn generate() -> Result<Self> {
        let seed = zeroize::Zeroizing::new(super::random::<32>()?);
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
        PrivateKey::new(ssh_key::private::KeypairData::Ed25519(pair), "consign")
            .map(SigningKey)
            .map_err(|e| Error::System(format!("making a signing key: {e}")))
    }

    /// Reads an OpenSSH private key, asking for its passphrase if it is locked.
    ///
    /// # Errors
    /// [`Error::BadKey`], [`Error::WrongPassphrase`], [`Error::NeedsPassphrase`].
    pub fn read(file: &Secret, name: &str, source: &dyn PassphraseSource) -> Result<Self> {
        let bad = |why: &str| Error::BadKey { what: "signing key", why: format!("{name}: {why}") };
        let key = PrivateKey::from_openssh(file.expose()).map_err(|_| {
            bad(if file.expose().starts_with(b"ssh-") {
                "that is the public half; the private key is needed"
            } else {
                "not an OpenSSH private key"
            })
        })?;
        let key = if key.is_encrypted() {
            let wrong = |_| Error::WrongPassphrase { what: "signing key" };
            unlock(source, name, |secret| key.decrypt(secret.expose()).map_err(wrong))?
        } else {
            key
        };
        let key = SigningKey(key);
        key.public().check().map_err(bad)?;
        match key.public().0.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
            Algorithm::Rsa { .. } => Err(bad("RSA keys can't sign here yet; an ssh-ed25519 key can")),
            _ => Err(bad("security keys can't sign here yet; an ssh-ed25519 key can")),
        }
    }

    /// The OpenSSH file of this key, locked by a passphrase.
    ///
    /// # Errors
    /// [`Error::System`] when it can't be encoded.
    pub fn file(&self, passphrase: &Secret) -> Result<Secret> {
        let system = |e: ssh_key::Error| Error::System(format!("locking the signing key: {e}"));
        let mut rng = ssh_key::rand_core::OsRng;
        let locked = self.0.encrypt(&mut rng, passphrase.expose()).map_err(system)?;
        let pem = locked.to_openssh(LineEnding::LF).map_err(system)?;
        Ok(Secret::new(pem.as_bytes().to_vec()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().key_data().clone())
    }

    /// Signs `message` and returns the armour, byte for byte as `ssh-keygen -Y sign` would write it.
    ///
    /// # Errors
    /// [`Error::System`] when the key can't sign.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String> {
        let system = |e: ssh_key::Error| Error::System(format!("signing: {e}"));
        let sig = self.0.sign(namespace, HashAlg::Sha512, message).map_err(system)?;
        sig.to_pem(LineEnding::LF).map_err(system)
    }
}

/// An OpenSSH private key of any type, locked by another passphrase.
///
/// # Errors
/// [`Error::WrongPassphrase`]; [`Error::BadKey`] when it is no such key, or is not locked.
pub(super) fn relock_ssh(file: &Secret, name: &str, old: &Secret, new: &Secret) -> Result<Secret> {
    let bad = |why: &str| Error::BadKey { what: "SSH key", why: format!("{name}: {why}") };
    let system = |e: ssh_key::Error| Error::System(format!("locking {name}: {e}"));
    let key = PrivateKey::from_openssh(file.expose()).map_err(|_| bad("not an OpenSSH private key"))?;
    if !key.is_encrypted() {
        return Err(bad("it is not locked"));
    }
    let open = key.decrypt(old.expose()).map_err(|_| Error::WrongPassphrase { what: "SSH key" })?;
    let locked = open.encrypt(&mut ssh_key::rand_core::OsRng, new.expose()).map_err(system)?;
    let pem = locked.to_openssh(LineEnding::LF).map_err(system)?;
    Ok(Secret::new(pem.as_bytes().to_vec()))
}

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";

/// Whether an armour is the one spelling of its blob: padded base64 in lines of 70.
fn is_spelled_well(armour: &[u8]) -> bool {
    let body = armour.strip_prefix(BEGIN.as_bytes()).and_then(|rest| rest.strip_suffix(END.as_bytes()));
    let Some(body) = body.and_then(|b| b.strip_suffix(b"\n")) else { return false };
    let lines: Vec<&[u8]> = body.split(|b| *b == b'\n').collect();
    let Some((last, full)) = lines.split_last() else { return false };
    let text = lines.concat();
    let bare = text.strip_suffix(b"=").map_or(&text[..], |t| t.strip_suffix(b"=").unwrap_or(t));
    full.iter().all(|line| line.len() == 70)
        && (1..=70).contains(&last.len())
        && text.len().is_multiple_of(4)
        && is_base64(bare)
        && text.len() == bare.len().next_multiple_of(4)
}

/// Splits the armours that follow each other in a document; `None` if there is anything else in between.
#[must_use]
pub fn split_armours(text: &str) -> Option<Vec<&str>> {
    let mut rest = text;
    let mut armours = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(END)? + END.len();
        let (one, more) = rest.split_at_checked(end)?;
        if !one.starts_with(BEGIN) || armours.len() == 8 {
            return None;
        }
        armours.push(one);
        rest = more;
    }
    Some(armours)
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

    #[test]
    fn an_armour_has_one_spelling() {
        let key = SigningKey::generate().unwrap();
        // Every length of the last line and every padding.
        for n in 1..80 {
            let armour = key.sign(&"n".repeat(n), b"hello").unwrap();
            assert!(is_spelled_well(armour.as_bytes()), "{armour}");
            let (at, last) = (armour.find(END).unwrap() - 1, armour.len());
            let moved = armour.replacen('\n', "", 2).replacen("-----U", "-----\nU", 1);
            let others = [
                moved,
                armour.replace('\n', "\r\n"),
                armour.replacen("A", " A", 1),
                format!("{armour}\n"),
                format!("{}=\n{END}", &armour[..at]),
                format!("{}\n\n{END}", &armour[..at]),
                armour[..last - 1].to_owned(),
            ];
            for other in others {
                assert!(!is_spelled_well(other.as_bytes()), "{other}");
            }
            let bare = armour.replace('=', "");
            assert_eq!(is_spelled_well(bare.as_bytes()), bare == armour, "{bare}");
        }
    }

    #[test]
    fn armours_are_split_and_nothing_may_stand_between() {
        let key = SigningKey::generate().unwrap();
        let a = key.sign("n", b"1").unwrap();
        assert_eq!(split_armours(&format!("{a}{a}")).map(|v| v.len()), Some(2));
        assert_eq!(split_armours(&format!("{a} {a}")), None);
        assert_eq!(split_armours(&format!("{a}x")), None);
    }
}
