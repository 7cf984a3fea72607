//! Verifying signatures: SSHSIG version 1 over SHA-512, armoured exactly as `ssh-keygen` writes it. Anything that
//! `ssh-keygen` would merely tolerate is refused (FORMAT §8.2).

use super::sshsig::{Blob, dearmour, signed_data};
use super::{Certificate, Error, PublicKey, Result};

/// What a security key says of the moment when it signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// It was touched.
    pub touched: bool,
    /// It knew who touched it: by PIN or by fingerprint.
    pub verified: bool,
    /// Its count of signatures.
    pub counter: u32,
}

/// A signature that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that made it.
    pub key: PublicKey,
    /// For a security key: the touch that it shows.
    pub presence: Option<Presence>,
    /// The certificate that stands in the place of the key, signed by its authority. Whether that counts is not said.
    pub certificate: Option<Certificate>,
}

impl Signature {
    /// Checks one armoured signature over `message`. The armour must be, byte for byte, what `ssh-keygen` writes.
    ///
    /// # Errors
    /// [`Error::BadSignature`]; `what` names the thing that was signed.
    pub fn verify(armour: &[u8], namespace: &str, message: &[u8], what: &str) -> Result<Signature> {
        let bad = |why| Error::BadSignature { what: what.to_owned(), why };
        let bytes = dearmour(armour).ok_or_else(|| bad("the signature is not spelled as ssh-keygen spells it"))?;
        let blob = Blob::parse(&bytes).ok_or_else(|| bad("the signature is not a well-formed SSHSIG"))?;
        if !blob.is_of_our_kind() {
            return Err(bad("the signature is not SSHSIG version 1 over SHA-512 with an empty reserved field"));
        }
        if namespace.is_empty() || blob.namespace != namespace.as_bytes() {
            return Err(bad("the signature was made for another purpose (its namespace differs)"));
        }
        let certificate =
            if Certificate::is_one(blob.key) { Some(Certificate::from_blob(blob.key).map_err(bad)?) } else { None };
        let malformed = || bad("the key in the signature is malformed");
        let key = match &certificate {
            Some(certificate) => certificate.key.clone(),
            None => PublicKey::from_blob(blob.key).ok_or_else(malformed)?,
        };
        key.check().map_err(bad)?;
        if !key.fits(&signed_data(namespace, message), blob.signature) {
            return Err(bad("the signature does not fit: it was changed after signing"));
        }
        let presence = if key.is_hardware() { Presence::of(blob.signature) } else { None };
        if key.is_hardware() && presence.is_none_or(|presence| !presence.touched) {
            return Err(bad("the security key was not touched for this signature"));
        }
        Ok(Signature { key, presence, certificate })
    }
}

impl PublicKey {
    /// Checks one armoured signature over `message` and returns the key that made it, or whose certificate is in it.
    ///
    /// # Errors
    /// Those of [`Signature::verify`].
    pub fn verify(armour: &[u8], namespace: &str, message: &[u8], what: &str) -> Result<PublicKey> {
        Signature::verify(armour, namespace, message, what).map(|signature| signature.key)
    }
}

impl Presence {
    /// From the last five bytes of a security key's signature: the flags, and a counter.
    fn of(signature: &[u8]) -> Option<Presence> {
        let [flags, counter @ ..] = signature.last_chunk::<5>()?;
        Some(Presence { touched: flags & 1 != 0, verified: flags & 4 != 0, counter: u32::from_be_bytes(*counter) })
    }
}
