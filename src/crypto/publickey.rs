//! Public signing keys, their fingerprints, and the inner signatures that fit them: a door to `ssh-key` (FORMAT §8.2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg};

use super::rsakey::Verifier as _;
use super::wire::{Wire, put};
use super::{Error, Result};

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
pub struct PublicKey(pub(super) KeyData);

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
}

/// Whether a text is an SSH public key of any type. The `age` crate panics at a number that is all zeros, so keys for
/// encryption are read here first.
pub(super) fn is_ssh_public(text: &str) -> bool {
    ssh_key::PublicKey::from_openssh(text).is_ok()
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
