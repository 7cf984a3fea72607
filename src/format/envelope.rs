//! `envelope.json`: what the signature binds, an in-toto Statement v1 (FORMAT §2).

use serde::{Deserialize, Serialize};

use super::error::{changed, too_large};
use super::time::Time;
use super::version::{
    COMPARTMENTS_MAX, ENVELOPE_MAX, FORMAT, MANIFEST_MAX, SIGNERS_MAX, TAGS_MAX, VOLUME_MAX, VOLUMES_MAX,
};
use super::{Error, Result, json};
use crate::crypto::{Digest, Fingerprint, Hex, Tag, digest, sha256};

/// Names a bundle everywhere: H(envelope.json).
pub type BundleRef = Digest;

/// The namespace of bundle signatures.
pub const NAMESPACE: &str = "consign-bundle-v1";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "urn:consign:bundle:1";

/// The whole statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<Subject>,
    /// The statement proper.
    pub predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: SumsDigest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SumsDigest {
    blake3: Digest,
    sha256: Digest,
}

/// What is said about the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// 1.
    pub format: u64,
    /// Extensions that a reader must know.
    pub crit: Vec<String>,
    /// A random id.
    pub bundle: Hex<16>,
    /// Its name, such as `acme-0007`.
    pub name: String,
    /// Drop or return.
    pub kind: Kind,
    /// When it was made, by the sender's clock.
    pub created: Time,
    /// When honest readers stop opening it.
    #[serde(deserialize_with = "json::nullable")]
    pub expires: Option<Time>,
    /// The sender, as it calls itself.
    pub sender: Sender,
    /// Who signs, in this order.
    pub signers: Vec<Fingerprint>,
    /// The program that made it.
    pub tool: String,
    /// What a return answers.
    #[serde(rename = "inReplyTo", deserialize_with = "json::nullable")]
    pub in_reply_to: Option<BundleRef>,
    /// What a delta is made against.
    #[serde(deserialize_with = "json::nullable")]
    pub parent: Option<BundleRef>,
    /// Bundles this one replaces.
    pub supersedes: Vec<BundleRef>,
    /// The compartments.
    pub compartments: Vec<Compartment>,
}

/// The kind of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Goes out.
    Drop,
    /// Answers a drop.
    Return,
}

/// A self-given name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The name.
    pub name: String,
}

/// What is public about a compartment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compartment {
    /// One per recipient, ascending.
    pub tags: Vec<Tag>,
    /// Whether its key is held back.
    pub held: bool,
    /// How many volumes.
    pub volumes: u64,
    /// The greatest plain length of a volume, in bytes.
    pub volume: u64,
    /// The length of the tar stream, in bytes.
    pub stream: u64,
    /// Where its manifest is.
    pub manifest: ManifestPlace,
    /// The hash of the terms line.
    pub terms: Digest,
    /// The root over the entry lines.
    #[serde(rename = "entriesRoot")]
    pub entries_root: Digest,
}

/// Where a manifest is and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPlace {
    /// The offset of its outer header.
    pub offset: u64,
    /// The size of the member.
    pub size: u64,
    /// The length of its age plaintext.
    pub bytes: u64,
    /// The length of the JSON Lines in it.
    pub lines: u64,
    /// The hash of its age plaintext.
    pub blake3: Digest,
}

impl Envelope {
    /// The statement about these B3SUMS.
    #[must_use]
    pub fn new(sums: &[u8], predicate: Predicate) -> Self {
        let digest = SumsDigest { blake3: digest(sums), sha256: sha256(sums) };
        let subject = vec![Subject { name: "B3SUMS".to_owned(), digest }];
        Envelope { kind: STATEMENT.to_owned(), predicate_type: PREDICATE.to_owned(), subject, predicate }
    }

    /// The bytes to sign and store.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 1 MiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(self).map_err(|e| changed("envelope.json", e.to_string()))?;
        if bytes.len() as u64 > ENVELOPE_MAX {
            return Err(too_large("envelope.json", "1 MiB at most"));
        }
        Ok(bytes)
    }

    /// Reads and checks every field that can be checked alone. The caller has verified the signatures.
    ///
    /// # Errors
    /// [`Error::Newer`] for another format or an extension, else [`Error::Changed`] or [`Error::TooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Envelope> {
        json::check(bytes, "envelope.json")?;
        check_version(bytes)?;
        let envelope: Envelope = json::parse(bytes, "envelope.json")?;
        envelope.check().map_err(|why| changed("envelope.json", why))?;
        envelope.check_limits()?;
        Ok(envelope)
    }

    /// Whether both stated hashes fit these B3SUMS.
    #[must_use]
    pub fn fits(&self, sums: &[u8]) -> bool {
        self.subject.first().is_some_and(|s| s.digest.blake3 == digest(sums) && s.digest.sha256 == sha256(sums))
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        let p = &self.predicate;
        let ensure = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
        ensure(self.kind == STATEMENT && self.predicate_type == PREDICATE, "not a consign statement")?;
        ensure(self.subject.len() == 1 && self.subject.iter().all(|s| s.name == "B3SUMS"), "not about B3SUMS alone")?;
        ensure(valid_name(&p.name), "its name has a form that names can't have")?;
        ensure((p.kind == Kind::Return) == p.in_reply_to.is_some(), "a return answers a drop, and only a return does")?;
        ensure((1..=SIGNERS_MAX).contains(&p.signers.len()), "not 1 to 8 signers")?;
        let mut signers: Vec<_> = p.signers.iter().collect();
        signers.sort();
        signers.dedup();
        ensure(signers.len() == p.signers.len(), "a signer is listed twice")?;
        ensure((1..=COMPARTMENTS_MAX).contains(&p.compartments.len()), "not 1 to 64 compartments")?;
        p.compartments.iter().try_for_each(Compartment::check)
    }

    fn check_limits(&self) -> Result<()> {
        let p = &self.predicate;
        let most = |ok: bool, why: &str| if ok { Ok(()) } else { Err(too_large("envelope.json", why)) };
        most(p.compartments.iter().all(|c| c.volume <= VOLUME_MAX), "a volume of more than 64 MiB")?;
        most(p.compartments.iter().all(|c| c.volumes <= VOLUMES_MAX), "more than 999,999 volumes")?;
        let within = |m: &ManifestPlace| m.size.max(m.bytes).max(m.lines) <= MANIFEST_MAX;
        most(p.compartments.iter().all(|c| within(&c.manifest)), "a manifest of more than 4 GiB")
    }
}

impl Compartment {
    fn check(&self) -> std::result::Result<(), &'static str> {
        let ensure = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
        ensure((1..=TAGS_MAX).contains(&self.tags.len()), "a compartment without 1 to 128 recipients")?;
        ensure(self.tags.iter().zip(self.tags.iter().skip(1)).all(|(a, b)| a < b), "recipient tags out of order")?;
        ensure(self.volumes >= 1 && self.volume >= 1, "a compartment without a volume")?;
        ensure(self.stream >= 1024 && self.stream.is_multiple_of(512), "a stream of an impossible length")?;
        let most = self.volumes.saturating_mul(self.volume);
        ensure(self.volume <= self.stream && self.stream <= most, "volumes that can't hold the stream")?;
        ensure(self.manifest.bytes >= 1 && self.manifest.lines >= 1, "an empty manifest")
    }
}

fn check_version(bytes: &[u8]) -> Result<()> {
    #[derive(Serialize, Deserialize)]
    struct Peek {
        predicate: PeekIn,
    }
    #[derive(Serialize, Deserialize)]
    struct PeekIn {
        format: u64,
        #[serde(default)]
        crit: Vec<String>,
    }
    let peek: Peek = json::parse(bytes, "envelope.json")?;
    if peek.predicate.format != FORMAT {
        return Err(Error::Newer { what: format!("bundle format {}", peek.predicate.format) });
    }
    // No extension exists yet.
    match peek.predicate.crit.first() {
        Some(name) => Err(Error::Newer { what: format!("extension `{name}`") }),
        None => Ok(()),
    }
}

/// Whether a text can be the name of a bundle: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use serde_json::{Value, json};

    fn sound() -> Value {
        let tag = "00".repeat(16);
        let hash = "00".repeat(32);
        json!({
            "_type": STATEMENT, "predicateType": PREDICATE,
            "subject": [{"name": "B3SUMS", "digest": {"blake3": hash, "sha256": hash}}],
            "predicate": {
                "format": 1, "crit": [], "bundle": tag, "name": "a", "kind": "drop",
                "created": "2026-01-01T00:00:00Z", "expires": null, "sender": {"name": ""},
                "signers": [signer(0)], "tool": "", "inReplyTo": null, "parent": null, "supersedes": [],
                "compartments": [{
                    "tags": [tag], "held": false, "volumes": 1, "volume": 1024, "stream": 1024,
                    "manifest": {"offset": 0, "size": 1, "bytes": 1, "lines": 1, "blake3": hash},
                    "terms": hash, "entriesRoot": hash,
                }],
            },
        })
    }

    fn signer(n: u8) -> String {
        // 32 bytes are 43 characters of base64; the first one is free.
        format!("SHA256:{}{}", char::from(b'A' + n), "A".repeat(42))
    }

    fn word(change: impl FnOnce(&mut Value)) -> &'static str {
        let mut envelope = sound();
        change(&mut envelope["predicate"]);
        Envelope::parse(&serde_json::to_vec(&envelope).unwrap()).map_or_else(|e| e.word(), |_| "ok")
    }

    #[test]
    fn each_number_of_a_manifest_has_its_limit() {
        assert_eq!(word(|_| ()), "ok");
        for field in ["size", "bytes", "lines"] {
            let set = |n: u64| word(|p| p["compartments"][0]["manifest"][field] = n.into());
            assert_eq!(set(MANIFEST_MAX), "ok", "{field}");
            assert_eq!(set(MANIFEST_MAX + 1), "too-large", "{field}");
        }
        assert_eq!(word(|p| p["format"] = 2.into()), "newer-format");
    }

    #[test]
    fn to_leave_a_range_is_a_change_not_a_limit() {
        let signers = |n: u8| word(|p| p["signers"] = (0..n).map(signer).collect());
        assert_eq!((signers(0), signers(8), signers(9)), ("changed", "ok", "changed"));
        let tags = |n: u32| {
            word(|p| p["compartments"][0]["tags"] = (0..n).map(|i| Value::from(format!("{i:032x}"))).collect())
        };
        assert_eq!((tags(0), tags(128), tags(129)), ("changed", "ok", "changed"));
        let parts = |n: usize| word(|p| p["compartments"] = vec![p["compartments"][0].clone(); n].into());
        assert_eq!((parts(0), parts(64), parts(65)), ("changed", "ok", "changed"));
    }
}
