//! Key files: they release a held compartment or let one more recipient in (FORMAT §5.6).

use base64::Engine;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::envelope::BundleRef;
use super::error::{changed, too_large};
use super::time::Time;
use super::version::{KEY_MEMBER_MAX, TAGS_MAX};
use super::{Result, json};
use crate::crypto::{AgeHead, PublicKey, Tag};

/// The namespace of key file signatures.
pub const NAMESPACE: &str = "consign-key-v1";

/// The signed line of a key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    /// `key/1`.
    pub consign: String,
    /// The bundle.
    pub bundle: BundleRef,
    /// The compartment.
    pub compartment: u64,
    /// The recipients of the key in it.
    pub tags: Vec<Tag>,
    /// When it was made.
    pub at: Time,
    /// base64 of a `key.age`.
    pub key: String,
}

impl KeyFile {
    /// Reads a key file and returns it with the key that signed it; the caller compares that with the bundle's.
    ///
    /// # Errors
    /// [`super::card::CardError`] for its bytes or its signature.
    pub fn read(bytes: &[u8]) -> std::result::Result<(KeyFile, PublicKey), super::card::CardError> {
        let document = Document::split(bytes, "key file")?;
        let file: KeyFile = json::parse_kind(&document.line, "key file", "key")?;
        let ascending = file.tags.iter().zip(file.tags.iter().skip(1)).all(|(a, b)| a < b);
        if !(1..=TAGS_MAX).contains(&file.tags.len()) || !ascending {
            return Err(changed("key file", "it lacks 1 to 128 recipient tags in order").into());
        }
        AgeHead::of_key(&file.key_age()?, "key file")?;
        match document.verify(NAMESPACE, "key file")?.as_slice() {
            [one] => Ok((file, one.clone())),
            _ => Err(changed("key file", "it has more than one signature").into()),
        }
    }

    /// The `key.age` in it.
    ///
    /// # Errors
    /// [`super::Error::Changed`] unless it is base64, [`super::Error::TooLarge`] beyond 256 KiB.
    pub fn key_age(&self) -> Result<Vec<u8>> {
        let key = base64::engine::general_purpose::STANDARD
            .decode(&self.key)
            .map_err(|_| changed("key file", "its key is not base64"))?;
        if key.len() as u64 > KEY_MEMBER_MAX {
            return Err(too_large("key file", "a key of 256 KiB at most"));
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::crypto::{Hex, SigningKey, digest};

    fn word(tags: u8, key: &[u8]) -> &'static str {
        let signing = SigningKey::generate().unwrap();
        let file = KeyFile {
            consign: "key/1".to_owned(),
            bundle: digest(b"x"),
            compartment: 0,
            tags: (0..tags).map(|n| Hex([n; 16])).collect(),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            key: base64::engine::general_purpose::STANDARD.encode(key),
        };
        let line = serde_json::to_vec(&file).unwrap();
        let armours = vec![signing.sign(NAMESPACE, &line).unwrap()];
        KeyFile::read(&Document { line, armours }.to_bytes()).map_or_else(|e| e.word(), |_| "ok")
    }

    #[test]
    fn tags_are_a_range_and_the_key_has_a_limit() {
        let key = format!("age-encryption.org/v1\n-> X25519 a\n\n--- {}\n", "A".repeat(43)).into_bytes();
        assert_eq!((word(0, &key), word(128, &key), word(129, &key)), ("changed", "ok", "changed"));
        let sized = |len: usize| [key.clone(), vec![0; len - key.len()]].concat();
        assert_eq!(word(1, &sized(256 << 10)), "ok");
        assert_eq!(word(1, &sized((256 << 10) + 1)), "too-large");
        assert_eq!(word(1, b"not an age file\n"), "changed");
    }
}
