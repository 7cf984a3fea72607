//! OpenSSH certificates in the place of a signing key (`PROTOCOL.certkeys`, FORMAT §8.2). Here a certificate is taken
//! apart and its authority's signature checked. Whether that authority counts, for whom and when, is for trust to say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wire::{Wire, put};
use super::{Error, PublicKey, Result};

/// A key, and what an authority says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key that is certified.
    pub key: PublicKey,
    /// Who certified it.
    pub authority: PublicKey,
    /// Whether it is for a person; else it is for a machine.
    pub is_user: bool,
    /// What the authority calls it.
    pub id: String,
    /// The authority's number for it.
    pub serial: u64,
    /// For whom it is; none means anybody.
    pub principals: Vec<String>,
    /// From which second since 1970 on it is valid.
    pub valid_after: u64,
    /// From which second on it is not any more; `u64::MAX` for never.
    pub valid_before: u64,
    /// The names of options that whoever does not know them must refuse.
    pub critical_options: Vec<String>,
    blob: Vec<u8>,
}

/// What the names of certificate types end with.
const SUFFIX: &str = "-cert-v01@openssh.com";

/// Each type of certificate: its name, the type of key that it holds, and how many strings that key is.
const TYPES: [(&str, &str, usize); 7] = [
    ("ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 1),
    ("ssh-rsa-cert-v01@openssh.com", "ssh-rsa", 2),
    ("ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", 2),
    ("ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", 2),
    ("ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", 2),
    ("sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", 2),
    ("sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", 3),
];

impl Certificate {
    /// Whether a blob begins as a certificate does.
    pub(super) fn is_one(blob: &[u8]) -> bool {
        Wire(blob).text().is_some_and(|kind| kind.ends_with(SUFFIX))
    }

    /// Whether a text is a certificate's line, as in `id_ed25519-cert.pub`.
    #[must_use]
    pub fn is_line(text: &str) -> bool {
        text.split_whitespace().next().is_some_and(|kind| kind.ends_with(SUFFIX))
    }

    /// Reads `type base64`, with or without a comment.
    ///
    /// # Errors
    /// [`Error::BadKey`] for what is no certificate, or one whose authority did not sign it.
    pub fn from_line(text: &str) -> Result<Certificate> {
        let bad = |why: &str| Error::BadKey { what: "SSH certificate", why: why.to_owned() };
        let blob = text.split_whitespace().nth(1).and_then(|base64| STANDARD.decode(base64).ok());
        Certificate::from_blob(&blob.ok_or_else(|| bad("not one line of type and base64"))?).map_err(bad)
    }

    /// Takes a certificate apart and checks its authority's signature.
    pub(super) fn from_blob(blob: &[u8]) -> std::result::Result<Certificate, &'static str> {
        let (certificate, signature) = parse(blob).ok_or("the certificate is malformed, or of an unknown type")?;
        certificate.key.check()?;
        certificate
            .authority
            .check()
            .map_err(|_| "the certificate is by an authority with a key that is not accepted")?;
        // All but the signature, which is the last string, is what was signed.
        let signed = blob.get(..blob.len() - signature.len() - 4).unwrap_or_default();
        if certificate.authority.fits(signed, signature) {
            Ok(certificate)
        } else {
            Err("the certificate is not as its authority signed it")
        }
    }

    /// Its bytes, as they stand in a signature.
    pub(super) fn blob(&self) -> &[u8] {
        &self.blob
    }
}

fn parse(blob: &[u8]) -> Option<(Certificate, &[u8])> {
    let mut wire = Wire(blob);
    let kind = wire.text()?;
    let (_, plain, strings) = TYPES.iter().find(|(name, _, _)| *name == kind)?;
    let _nonce = wire.string()?;
    let mut key = Vec::new();
    put(&mut key, plain.as_bytes());
    for _ in 0..*strings {
        put(&mut key, wire.string()?);
    }
    let serial = wire.u64()?;
    let is_user = match wire.u32()? {
        1 => true,
        2 => false,
        _ => return None,
    };
    let id = wire.text()?.to_owned();
    let principals = Wire(wire.string()?).texts()?;
    let (valid_after, valid_before) = (wire.u64()?, wire.u64()?);
    // Names and values by turns.
    let mut options = Wire(wire.string()?);
    let mut critical_options = Vec::new();
    while !options.is_empty() {
        critical_options.push(options.text()?.to_owned());
        options.string()?;
    }
    let (_extensions, _reserved) = (wire.string()?, wire.string()?);
    let authority = PublicKey::from_blob(wire.string()?)?;
    let signature = wire.string()?;
    let key = PublicKey::from_blob(&key)?;
    let blob = blob.to_vec();
    let certificate = Certificate {
        key,
        authority,
        is_user,
        id,
        serial,
        principals,
        valid_after,
        valid_before,
        critical_options,
        blob,
    };
    wire.is_empty().then_some((certificate, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `ssh-keygen -s ca -I id -n acme,birch -V 20250101Z:20300101Z -O force-command=x`.
    const LINE: &str = include_str!("../../testdata/keys/user-cert.pub");

    #[test]
    fn a_certificate_tells_what_its_authority_signed() {
        let it = Certificate::from_line(LINE).unwrap();
        assert!(it.is_user && Certificate::is_line(LINE));
        assert_eq!((it.id.as_str(), it.principals.join(",").as_str()), ("id", "acme,birch"));
        assert_eq!((it.valid_after, it.valid_before, it.serial), (1_735_689_600, 1_893_456_000, 7));
        assert_eq!(it.critical_options, ["force-command"]);
        assert_ne!(it.key, it.authority);
    }

    #[test]
    fn no_bit_and_no_byte_of_a_certificate_is_free() {
        let blob = Certificate::from_line(LINE).unwrap().blob;
        for at in 0..blob.len() {
            let mut other = blob.clone();
            other[at] ^= 1;
            assert!(Certificate::from_blob(&other).is_err(), "byte {at}");
            assert!(Certificate::from_blob(&blob[..at]).is_err(), "cut at {at}");
        }
        assert!(Certificate::from_blob(&[&blob[..], b"x"].concat()).is_err());
    }
}
