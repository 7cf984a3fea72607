//! What people hand to `key import`: copies, age identity files, SSH keys, typed lines; told apart by their first bytes
//! and unlocked. Nothing is believed of a file that can't be read to its end.

use std::sync::Arc;

use super::{Error, Result};
use crate::crypto::{self, Identities, PassphraseSource, Secret, SshKey, dearmour, unlock_file};
use crate::format::copytext::{COPY_MAX, CopyText, is_copy};
use crate::format::paper::{Paper, is_paper};
use crate::format::typed;

/// The largest file that is read: a copy, armoured, and a page around it.
pub const FILE_MAX: u64 = 4 << 20;

/// An identity, by itself.
pub struct IdentityLine {
    /// The line of an identity file.
    pub line: Secret,
    /// Its recipient string; for a key of a plugin that nobody told it of, what it is instead.
    pub recipient: String,
    /// Whether the recipient string is known.
    pub known: bool,
}

impl IdentityLine {
    /// Whether it is the same key.
    #[must_use]
    pub fn is(&self, other: &IdentityLine) -> bool {
        self.line.expose() == other.line.expose() || self.known && other.known && self.recipient == other.recipient
    }
}

/// What a file turned out to be.
pub enum Material {
    /// A copy of a home.
    Copy(CopyText),
    /// A paper copy.
    Paper(Box<Paper>),
    /// Identities of age.
    Identities(Vec<IdentityLine>),
    /// An SSH key.
    Ssh(Box<SshKey>),
}

/// What a file turned out to be, and whether anybody could read it.
pub struct Found {
    /// It.
    pub material: Material,
    /// Whether a passphrase was needed.
    pub was_locked: bool,
}

struct Nobody;

impl PassphraseSource for Nobody {
    fn passphrase(&self, _: &str) -> crypto::Result<Secret> {
        Err(crypto::Error::NeedsPassphrase { what: "key" })
    }
}

/// Reads a file that should be keys. `name` says where it came from; `source` unlocks it.
///
/// # Errors
/// [`crypto::Error::BadKey`] for anything but keys, with what it is instead; [`crate::format::Error::Mistyped`];
/// the errors of unlocking it.
pub fn read(file: &Secret, name: &str, source: &dyn PassphraseSource) -> Result<Found> {
    let bytes = file.expose();
    let start = bytes.trim_ascii_start();
    let found = |material, was_locked| Ok(Found { material, was_locked });
    if bytes.starts_with(b"age-encryption.org/") {
        return locked(bytes, name, source);
    }
    if start.starts_with(b"-----BEGIN AGE") {
        return locked(&whole_armour(start, name)?, name, source);
    }
    if start.starts_with(b"-----BEGIN ") {
        let (key, was_locked) = SshKey::read(&Secret::new(start.to_vec()), name, source)?;
        return found(Material::Ssh(Box::new(key)), was_locked);
    }
    let text = text_of(bytes, name)?;
    let text = text.text().unwrap_or_default();
    if has_identities(text) {
        return found(Material::Identities(lines(text, name)?), false);
    }
    if typed::has_lines(text) {
        return locked(&typed::read_lines(text)?, name, source);
    }
    Err(not_a_key(text, name))
}

/// Whether a text has lines that should be identities. No copy of it is made to find out.
fn has_identities(text: &str) -> bool {
    let begins = |line: &str, with: &str| line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    text.lines().map(str::trim).any(|line| begins(line, "AGE-SECRET-KEY-") || begins(line, "AGE-PLUGIN-"))
}

fn bad(name: &str, why: &str) -> Error {
    crypto::Error::BadKey { what: "key file", why: format!("{name}: {why}") }.into()
}

fn whole_armour(text: &[u8], name: &str) -> Result<Vec<u8>> {
    Ok(dearmour(text, name).map_err(|_| crypto::Error::Broken { what: name.to_owned() })?)
}

/// The text of a file, without what editors put before it.
fn text_of(bytes: &[u8], name: &str) -> Result<Secret> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(bad(name, "a text in UTF-16, as `>` of PowerShell makes it; save it as UTF-8"));
    }
    if bytes.starts_with(b"README.txt\0") {
        return Err(bad(name, "that is a bundle, not a key; to open it: consign unpack"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = Secret::new(bytes.to_vec());
    match text.text() {
        Ok(text) if !text.contains('\0') => Ok(Secret::new(text.as_bytes().to_vec())),
        _ => Err(bad(name, "not a key file")),
    }
}

fn not_a_key(text: &str, name: &str) -> Error {
    let first = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#')).unwrap_or_default();
    let kinds = ["age1", "ssh-", "ecdsa-", "sk-"];
    bad(
        name,
        if first.is_empty() {
            "there is no key in it"
        } else if kinds.iter().any(|kind| first.starts_with(kind)) {
            "that is a public key; a secret one is needed here"
        } else if first.starts_with("{\"consign\":\"card/") {
            "that is a card, which is public; to put a firm on record: consign partner add"
        } else {
            "not a key file"
        },
    )
}

/// What an age file holds that a passphrase locks.
fn locked(file: &[u8], name: &str, source: &dyn PassphraseSource) -> Result<Found> {
    let plain = unlock_file(file, name, source, COPY_MAX)?;
    let material = if is_paper(&plain) {
        Material::Paper(Box::new(Paper::read(&plain)?))
    } else if is_copy(&plain) {
        Material::Copy(CopyText::read(&plain)?)
    } else {
        let text = text_of(plain.expose(), name)?;
        Material::Identities(lines(text.text()?, name)?)
    };
    Ok(Found { material, was_locked: true })
}

/// The identities of an identity file, each checked. The recipient of a plugin's key stands in a comment before it.
///
/// # Errors
/// [`crypto::Error::BadKey`] for a line that is none.
pub fn lines(text: &str, name: &str) -> Result<Vec<IdentityLine>> {
    let mut found: Vec<IdentityLine> = Vec::new();
    let mut comments = String::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if line.starts_with('#') {
            comments.push_str(line);
            comments.push('\n');
            continue;
        }
        let with_comments = Secret::new([std::mem::take(&mut comments).as_bytes(), line.as_bytes()].concat());
        let mut one = Identities::new(Arc::new(Nobody));
        one.add(&with_comments, name)?;
        let known = one.recipients().next().is_some();
        let recipient = one.described().next().unwrap_or_default();
        let line = IdentityLine { line: Secret::new(line.as_bytes().to_vec()), recipient, known };
        if !found.iter().any(|there| there.is(&line)) {
            found.push(line);
        }
    }
    if found.is_empty() { Err(bad(name, "there is no key in it")) } else { Ok(found) }
}
