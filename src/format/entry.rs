//! One entry of a manifest and its one spelling (FORMAT §4.2, §4.7): what is read is compared with what would be
//! written, so a byte scan and a parser can't disagree.

use super::Result;
use super::error::{changed, too_large};
use super::relpath::{self, RelPath};
use super::tar::{Head, HeadKind};
use super::version::{INTEGER_MAX, LINE_MAX, OCTAL_END};
use crate::crypto::{Digest, Hasher, Hex, digest};

/// A file, folder or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: RelPath,
    /// What it is.
    pub kind: Kind,
    /// Seconds since 1970.
    pub mtime: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Its size in bytes.
        size: u64,
        /// The BLAKE3 hash of its contents.
        b3: Digest,
        /// Whether its owner may execute it.
        exec: bool,
        /// Unchanged since the parent, so not in the stream (FORMAT §4.9).
        unchanged: bool,
    },
    /// A folder.
    Dir,
    /// A symbolic link.
    Link {
        /// Where it points.
        to: String,
    },
}

impl Entry {
    /// What its tar header is made from.
    #[must_use]
    pub fn head(&self) -> Head<'_> {
        let kind = match &self.kind {
            Kind::File { size, exec, .. } => HeadKind::File { size: *size, exec: *exec },
            Kind::Dir => HeadKind::Dir,
            Kind::Link { to } => HeadKind::Link(to),
        };
        Head { path: self.path.as_str(), kind, mtime: self.mtime }
    }

    /// How many bytes of the stream it takes.
    #[must_use]
    pub fn span(&self) -> u64 {
        if self.is_ref() { 0 } else { self.head().span() }
    }

    /// Whether it is a file that is taken from the parent.
    #[must_use]
    pub fn is_ref(&self) -> bool {
        matches!(self.kind, Kind::File { unchanged: true, .. })
    }

    /// Whether two entries with one path can stand for each other: all but the time is equal.
    #[must_use]
    pub fn same_content(&self, other: &Entry) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::File { b3: a, exec: x, size: s, .. }, Kind::File { b3: b, exec: y, size: t, .. }) => {
                a == b && x == y && s == t
            }
            (a, b) => a == b,
        }
    }

    /// Feeds the content id (FORMAT §4.8).
    pub fn hash_into(&self, content: &mut Hasher) {
        let (kind, exec, id) = match &self.kind {
            Kind::File { b3, exec, .. } => (b'f', if *exec { b'1' } else { b'0' }, *b3),
            Kind::Dir => (b'd', b'0', Hex([0; 32])),
            Kind::Link { to } => (b'l', b'0', digest(to.as_bytes())),
        };
        content.update(&[kind, exec]).update(id.bytes()).update(self.path.as_str().as_bytes()).update(&[0]);
    }

    /// Appends the line, without its LF.
    pub fn push_line(&self, out: &mut Vec<u8>) {
        push_path(out, self.path.as_str());
        match &self.kind {
            Kind::File { size, b3, exec, unchanged } => {
                out.extend_from_slice(b",\"t\":\"f\",\"s\":");
                push_number(out, *size);
                out.extend_from_slice(b",\"b3\":\"");
                b3.push_to(out);
                out.extend_from_slice(b"\",\"m\":");
                push_number(out, self.mtime);
                out.extend_from_slice(if *exec { b",\"x\":1" } else { b"" });
                out.extend_from_slice(if *unchanged { b",\"ref\":1" } else { b"" });
            }
            Kind::Dir => {
                out.extend_from_slice(b",\"t\":\"d\",\"m\":");
                push_number(out, self.mtime);
            }
            Kind::Link { to } => {
                out.extend_from_slice(b",\"t\":\"l\",\"to\":");
                push_string(out, to);
                out.extend_from_slice(b",\"m\":");
                push_number(out, self.mtime);
            }
        }
        out.push(b'}');
    }

    /// Reads a line (without its LF), which must be spelled exactly as [`Entry::push_line`] spells it.
    ///
    /// # Errors
    /// [`super::Error::Changed`] for the spelling, the path and link errors for what it says.
    pub fn parse(line: &[u8]) -> Result<Entry> {
        if line.len() > LINE_MAX {
            return Err(too_large("a manifest line", "64 KiB at most"));
        }
        let spelled = || changed("manifest", "an entry line that is not spelled as the format spells it");
        let mut cursor = Cursor { rest: line };
        let (path, kind, mtime) = cursor.entry().ok_or_else(spelled)?;
        let path = RelPath::new(path)?;
        if mtime >= OCTAL_END {
            return Err(changed("manifest", format!("`{path}`: a time beyond what a tar header holds")));
        }
        if let Kind::Link { to } = &kind {
            relpath::check_link(&path, to)?;
        }
        Ok(Entry { path, kind, mtime })
    }
}

/// Appends the beginning of the line of a path.
pub(super) fn push_path(out: &mut Vec<u8>, path: &str) {
    out.extend_from_slice(b"{\"p\":");
    push_string(out, path);
}

/// Appends a number.
pub(super) fn push_number(out: &mut Vec<u8>, n: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut n = n;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| is_escaped(*b)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        match tail {
            [byte @ (b'"' | b'\\'), more @ ..] => {
                out.extend_from_slice(&[b'\\', *byte]);
                rest = more;
            }
            [byte, more @ ..] => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                rest = more;
            }
            [] => rest = tail,
        }
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// Reads the one spelling; `None` is any other.
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl Cursor<'_> {
    pub(super) fn eat(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let len = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(len)?;
        if len == 0 || len > 16 || (len > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        self.rest = rest;
        let n = digits.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        (n <= INTEGER_MAX).then_some(n)
    }

    fn string(&mut self) -> Option<String> {
        self.eat(b"\"")?;
        let mut out = Vec::new();
        loop {
            let plain = self.rest.iter().position(|b| is_escaped(*b))?;
            let (head, tail) = self.rest.split_at_checked(plain)?;
            out.extend_from_slice(head);
            self.rest = tail;
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return String::from_utf8(out).ok();
                }
                [b'\\', byte @ (b'"' | b'\\'), rest @ ..] => {
                    out.push(*byte);
                    self.rest = rest;
                }
                [b'\\', b'u', b'0', b'0', high, low, rest @ ..] => {
                    let code = hex_digit(*high)? * 16 + hex_digit(*low)?;
                    if code >= 0x20 {
                        return None;
                    }
                    out.push(code);
                    self.rest = rest;
                }
                _ => return None,
            }
        }
    }

    fn entry(&mut self) -> Option<(String, Kind, u64)> {
        self.eat(b"{\"p\":")?;
        let path = self.string()?;
        self.eat(b",\"t\":\"")?;
        let kind = match self.rest {
            [b'f', b'"', ..] => self.file_start()?,
            [b'd', b'"', ..] => {
                self.eat(b"d\"")?;
                Kind::Dir
            }
            _ => {
                self.eat(b"l\",\"to\":")?;
                Kind::Link { to: self.string()? }
            }
        };
        self.eat(b",\"m\":")?;
        let mtime = self.number()?;
        let kind = match kind {
            Kind::File { size, b3, .. } => {
                let exec = self.eat(b",\"x\":1").is_some();
                let unchanged = self.eat(b",\"ref\":1").is_some();
                Kind::File { size, b3, exec, unchanged }
            }
            other => other,
        };
        (self.rest == b"}").then_some((path, kind, mtime))
    }

    fn file_start(&mut self) -> Option<Kind> {
        self.eat(b"f\",\"s\":")?;
        let size = self.number()?;
        self.eat(b",\"b3\":\"")?;
        let (hex, rest) = self.rest.split_at_checked(64)?;
        let b3 = Hex::parse(hex)?;
        self.rest = rest;
        self.eat(b"\"")?;
        Some(Kind::File { size, b3, exec: false, unchanged: false })
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entry: &Entry) -> Vec<u8> {
        let mut out = Vec::new();
        entry.push_line(&mut out);
        out
    }

    fn file(path: &str) -> Entry {
        let kind = Kind::File { size: 5, b3: digest(b"hello"), exec: true, unchanged: false };
        Entry { path: RelPath::new(path).unwrap(), kind, mtime: 1_700_000_000 }
    }

    #[test]
    fn every_entry_comes_back_from_its_line() {
        let link =
            Entry { path: RelPath::new("l\u{1}\"\\é\n").unwrap(), kind: Kind::Link { to: "a\"b".into() }, mtime: 0 };
        let dir = Entry { path: RelPath::new("d").unwrap(), kind: Kind::Dir, mtime: OCTAL_END - 1 };
        for entry in [file("a"), link, dir] {
            assert_eq!(Entry::parse(&line(&entry)).unwrap(), entry);
        }
        let want = r#"{"p":"a","t":"f","s":5,"b3":"ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f","m":1700000000,"x":1}"#;
        assert_eq!(String::from_utf8(line(&file("a"))).unwrap(), want);
    }

    #[test]
    fn any_other_spelling_is_refused() {
        let good = String::from_utf8(line(&file("a"))).unwrap();
        for (from, to) in [
            ("{\"p\"", "{ \"p\""),
            ("\"s\":5", "\"s\":05"),
            ("\"s\":5", "\"s\": 5"),
            ("\"p\":\"a\"", "\"p\":\"\\u0061\""),
            ("ea8f", "EA8f"),
            (",\"x\":1", ",\"x\":0"),
            (",\"x\":1", ",\"y\":1"),
            ("}", "} "),
            ("\"t\":\"f\"", "\"t\":\"g\""),
            ("\"p\":\"a\"", "\"p\":\"\\u000A\""),
            (",\"x\":1", ",\"ref\":1,\"x\":1"),
            ("1700000000", "17000000000000000000"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert!(Entry::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
