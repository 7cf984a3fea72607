//! Lines with SSH public keys: what lists of signers, `.keys` files, recipients' files and revocation lists share. What
//! can't be used is said in one way: the line, what stands there, and why.

use std::fmt;

use serde::Serialize;

use super::version::LINE_MAX;
use crate::crypto::{Error, PublicKey, is_secret};

/// A line that can't be used, or not in every way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unusable {
    /// Its number, from 1.
    pub line: usize,
    /// What stands there: the type of the key, or how the line begins. Never a secret.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Unusable {
    /// A line with the reason.
    pub(super) fn new(line: usize, text: &str, why: impl Into<String>) -> Unusable {
        Unusable { line, what: what(text), why: why.into() }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unusable { line, what, why } = self;
        if what.is_empty() { write!(f, "line {line}: {why}") } else { write!(f, "line {line}, {what}: {why}") }
    }
}

/// What people recognise a line by.
fn what(text: &str) -> String {
    let words = || text.split([' ', '\t']);
    let kind = words().find(|word| is_kind(word) || word.ends_with(CERTIFICATE)).or_else(|| words().next());
    if is_secret(text) { String::new() } else { kind.unwrap_or_default().chars().take(40).collect() }
}

/// How the types of certificates end.
const CERTIFICATE: &str = "-cert-v01@openssh.com";
/// Types of keys that can be told from other words.
const KINDS: [&str; 8] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Whether a word is the type of a key that is not a certificate.
pub(super) fn is_kind(word: &str) -> bool {
    KINDS.contains(&word)
}

/// Whether a line has an SSH key or certificate in it, of whatever use, and no secret.
pub(super) fn is_about_ssh(text: &str) -> bool {
    let kind = |word: &str| is_kind(word) || word.ends_with(CERTIFICATE);
    !is_secret(text) && text.split([' ', '\t', ',']).any(kind)
}

/// The lines of a file that say something, with their numbers: not blank, and no remark.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Result<&str, Unusable>)> {
    // Editors of Windows begin a text with a mark that nobody sees.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let numbered = bytes.split(|b| *b == b'\n').enumerate().map(|(n, line)| (n + 1, line.trim_ascii()));
    let said = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"));
    said.map(|(n, line)| (n, text(line).map_err(|why| Unusable::new(n, &String::from_utf8_lossy(head(line)), why))))
}

fn head(line: &[u8]) -> &[u8] {
    line.get(..200).unwrap_or(line)
}

fn text(line: &[u8]) -> Result<&str, &'static str> {
    let ensure = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
    ensure(line.len() <= LINE_MAX, "longer than 64 KiB")?;
    ensure(!line.contains(&0), "it has a NUL byte")?;
    ensure(!line.contains(&b'\r'), "it has a carriage return that ends no line")?;
    std::str::from_utf8(line).map_err(|_| "not text in UTF-8")
}

/// The first two words, if the first is the type of a key, and what follows.
pub(super) fn split_key(text: &str) -> Option<(String, &str)> {
    let (kind, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let (data, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    is_kind(kind).then(|| (format!("{kind} {data}"), rest))
}

/// The key that a line begins with, or why it can't sign.
pub(super) fn key(text: &str) -> Result<PublicKey, String> {
    let kind = text.split([' ', '\t']).next().unwrap_or_default();
    match split_key(text) {
        _ if is_secret(text) => Err("that is a secret key, not a public one; keep it to yourself".into()),
        _ if kind == "ssh-dss" => Err("DSA keys are too weak".into()),
        _ if kind.ends_with(CERTIFICATE) => Err("a certificate, not a key; list its authority instead".into()),
        Some((key, _)) => key.parse().map_err(|e| match e {
            Error::BadKey { why, .. } if why.starts_with("not an") => "damaged, or mistyped".to_owned(),
            Error::BadKey { why, .. } => why,
            other => other.to_string(),
        }),
        None if is_kind(kind) => Err("there is no key after its type".into()),
        None if text.split([' ', '\t', ',']).any(is_kind) => {
            Err("options stand before the key; a key that is limited by them is not taken as one that is not".into())
        }
        None => Err("not an SSH public key".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn why(text: &str) -> String {
        key(text).map(|_| "a key".to_owned()).unwrap_or_else(|why| why)
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let tabs = KEY.replace(' ', "\t  ");
        for good in [KEY, &format!("{KEY} me"), &tabs] {
            assert_eq!(why(good), "a key", "{good}");
        }
        for (bad, part) in [
            ("ssh-dss AAAA", "too weak"),
            ("ssh-ed25519-cert-v01@openssh.com AAAA", "a certificate"),
            ("ssh-ed25519 AAAA", "damaged"),
            (&KEY[..KEY.len() - 4], "damaged"),
            ("ssh-ed25519", "no key after"),
            ("ecdsa-sha2-nistp256 !", "damaged"),
            (&format!("no-pty,command=\"x y\" {KEY}"), "options stand before"),
            ("AGE-SECRET-KEY-1XYZ", "secret key"),
            ("<html>", "not an SSH public key"),
            ("age1qqqq", "not an SSH public key"),
        ] {
            assert!(why(bad).contains(part), "{bad}: {}", why(bad));
        }
    }

    #[test]
    fn lines_are_text_of_a_bounded_length_and_a_secret_is_not_repeated() {
        let long = "x".repeat(LINE_MAX + 1);
        let file = format!("\u{feff}# a remark\r\n\r\n{KEY}\r\na\0b\na\rb\n{long}\nAGE-SECRET-KEY-1X\n");
        let bytes = [file.as_bytes(), b"\xff\xff x\n  y"].concat();
        let found: Vec<_> = lines(&bytes).collect();
        let numbers: Vec<usize> = found.iter().map(|(n, _)| *n).collect();
        assert_eq!(numbers, [3, 4, 5, 6, 7, 8, 9]);
        let usable: Vec<&str> = found.iter().filter_map(|(_, line)| line.as_ref().ok().copied()).collect();
        assert_eq!(usable, [KEY, "AGE-SECRET-KEY-1X", "y"]);
        let told: Vec<String> = found.into_iter().filter_map(|(_, line)| line.err()).map(|u| u.to_string()).collect();
        assert!(told.iter().all(|t| t.len() < 120), "{told:?}");
        assert!(!Unusable::new(1, "AGE-SECRET-KEY-1X", "x").to_string().contains("KEY"));
    }
}
