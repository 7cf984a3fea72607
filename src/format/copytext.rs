//! The text inside a copy of the keys: an age identity file in which other files of the home stand as comments, so that
//! stock age opens with it (FORMAT §8.6.1).

use std::collections::BTreeMap;

use super::error::{changed, too_large};
use super::{Error, Result};
use crate::crypto::Secret;

/// The largest plaintext of a copy.
pub const COPY_MAX: usize = 1 << 20;
/// The file that the signing key is, in the home.
pub const SIGNING: &str = "signing";
/// The file that the card is, in the home.
pub const CARD: &str = "own.card";
/// What is told about the keys, in the home.
pub const ROSTER: &str = "keys.json";

const PART: &str = "copy of keys";
const FIRST: &str = "# consign copy ";
const VERSION: &str = "1";

/// A copy, taken apart.
pub struct CopyText {
    /// All of it: an age identity file.
    pub identities: Secret,
    /// The other files, by their names in the home; [`SIGNING`] and [`CARD`] are among them.
    pub files: BTreeMap<String, Secret>,
}

/// Whether a plaintext begins as a copy does.
#[must_use]
pub fn is_copy(plain: &Secret) -> bool {
    plain.expose().starts_with(FIRST.as_bytes())
}

/// Spells a copy: `remarks` for people, the identity file, the other files.
///
/// # Errors
/// [`Error::TooLarge`] beyond 1 MiB; [`Error::Changed`] for a file that is not a text.
pub fn spell(remarks: &str, identities: &Secret, files: &[(&str, &[u8])]) -> Result<Secret> {
    let mut out = Vec::with_capacity(COPY_MAX);
    out.extend_from_slice(format!("{FIRST}{VERSION}\n").as_bytes());
    remarks.lines().for_each(|line| out.extend_from_slice(format!("# {line}\n").as_bytes()));
    out.extend_from_slice(identities.expose().trim_ascii_end());
    out.push(b'\n');
    for (name, bytes) in files {
        let text = std::str::from_utf8(bytes).map_err(|_| changed(PART, format!("{name} is not a text")))?;
        for line in text.lines() {
            out.extend_from_slice(b"#");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"| ");
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    }
    let out = Secret::new(out);
    if out.expose().len() > COPY_MAX { Err(too_large(PART, "1 MiB at most")) } else { Ok(out) }
}

impl CopyText {
    /// Takes a plaintext apart.
    ///
    /// # Errors
    /// [`Error::Newer`] for another version; [`Error::Changed`] for anything but a copy; [`Error::TooLarge`].
    pub fn read(plain: &Secret) -> Result<CopyText> {
        if plain.expose().len() > COPY_MAX {
            return Err(too_large(PART, "1 MiB at most"));
        }
        let text = plain.text().map_err(|_| changed(PART, "it is not a text"))?;
        let version = text.lines().next().and_then(|line| line.strip_prefix(FIRST)).unwrap_or_default().trim_end();
        match version {
            VERSION => {}
            "" => return Err(changed(PART, "it does not begin as one")),
            other => return Err(Error::Newer { what: format!("copy of keys {}", first(other)) }),
        }
        let lines: Vec<(&str, &str)> = text.lines().filter_map(file_line).collect();
        let mut files: BTreeMap<String, Secret> = BTreeMap::new();
        for file in lines.chunk_by(|a, b| a.0 == b.0) {
            let name = file.first().map_or("", |(name, _)| name);
            // The room is made first, so that no copy of a secret is left behind by growing.
            let mut bytes = Vec::with_capacity(file.iter().map(|(_, line)| line.len() + 1).sum());
            for (_, line) in file {
                bytes.extend_from_slice(line.as_bytes());
                bytes.push(b'\n');
            }
            if !is_name(name) || files.insert(name.to_owned(), Secret::new(bytes)).is_some() {
                return Err(changed(PART, "its files are out of order"));
            }
        }
        if !files.contains_key(SIGNING) || !files.contains_key(CARD) {
            return Err(changed(PART, "the signing key or the card is missing"));
        }
        Ok(CopyText { identities: Secret::new(plain.expose().to_vec()), files })
    }
}

fn first(text: &str) -> String {
    text.chars().take(20).collect()
}

fn file_line(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix('#')?.split_once("| ")?;
    let plain = !name.is_empty() && !name.contains([' ', '\t']);
    plain.then(|| (name, rest.trim_end_matches('\r')))
}

/// Whether a name is one that a copy may hold.
#[must_use]
pub fn is_name(name: &str) -> bool {
    [SIGNING, CARD, ROSTER].contains(&name) || name.strip_prefix("ssh/").is_some_and(is_key_name)
}

/// Whether a file of this name may hold an SSH key of the home.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    fn text(secret: &Secret) -> String {
        secret.text().unwrap().to_owned()
    }

    #[test]
    fn a_copy_is_an_identity_file_whose_comments_give_the_other_files_back() {
        let identities = Secret::new(b"# created: now\nAGE-SECRET-KEY-1X\n".to_vec());
        let files: [(&str, &[u8]); 3] =
            [(SIGNING, b"-----BEGIN\nx| y\n\n"), (CARD, b"{}\n"), ("ssh/id_rsa.pem", b"z\n")];
        let copy = spell("Keys of Northwind\nand more", &identities, &files).unwrap();
        let lines: Vec<String> = text(&copy).lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
        assert_eq!(lines, ["AGE-SECRET-KEY-1X"]);
        for plain in [text(&copy), text(&copy).replace('\n', "\r\n")] {
            let back = CopyText::read(&Secret::new(plain.into_bytes())).unwrap();
            let got: Vec<(&str, &[u8])> = back.files.iter().map(|(n, b)| (n.as_str(), b.expose())).collect();
            assert_eq!(got, [(CARD, &b"{}\n"[..]), (SIGNING, b"-----BEGIN\nx| y\n\n"), ("ssh/id_rsa.pem", b"z\n")]);
        }
    }

    #[test]
    fn a_copy_that_lacks_or_doubles_a_file_or_names_another_is_refused() {
        let word = |t: &str| CopyText::read(&Secret::new(t.as_bytes().to_vec())).err().map(|e| e.word());
        let both = "#signing| a\n#own.card| b\n";
        assert_eq!(word(&format!("# consign copy 1\n{both}")), None);
        assert_eq!(word(&format!("# consign copy 2\n{both}")), Some("newer-format"));
        assert_eq!(word(both), Some("changed"));
        assert_eq!(word("# consign copy 1\n#signing| a\n"), Some("changed"));
        for name in ["signing", "../x", "ssh/", "ssh/.x", "ssh/a/b", "identity.age", "ssh/x y"] {
            let told = word(&format!("# consign copy 1\n{both}#{name}| c\n"));
            let is_comment = name.contains(' ');
            assert_eq!(told, (!is_comment).then_some("changed"), "{name}");
        }
        let large = format!("# consign copy 1\n{both}{}", "#\n".repeat(600_000));
        assert_eq!(word(&large), Some("too-large"));
    }
}
