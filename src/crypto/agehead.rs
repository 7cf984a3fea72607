//! The head of an age file, scanned before the `age` crate sees it: that parser is quadratic in time, so
//! sizes are bounded here first; and a keyless `verify` checks the head's shape (FORMAT §1.5, §6.3).

use super::{Error, Result};

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Bytes of the whole head.
    pub bytes: usize,
    /// Stanzas.
    pub stanzas: usize,
    /// Lines.
    pub lines: usize,
}

impl HeadLimits {
    /// For `key.age` and `terms.age`.
    pub const KEY: HeadLimits = HeadLimits { bytes: 256 << 10, stanzas: 128, lines: 2048 };
    /// For volumes and manifests.
    pub const VOLUME: HeadLimits = HeadLimits { bytes: 8 << 10, stanzas: 3, lines: 2048 };
}

/// One stanza: its type and arguments. The body is checked for shape only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The first argument, such as `X25519`.
    pub kind: String,
    /// The other arguments.
    pub args: Vec<String>,
}

impl Stanza {
    /// Whether this is one of the meaningless stanzas that keep readers honest.
    #[must_use]
    pub fn is_grease(&self) -> bool {
        self.kind.ends_with("-grease")
    }
}

/// A head that is well-formed and within its limits. The MAC is checked by the `age` crate, with the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeHead {
    /// The stanzas, in order.
    pub stanzas: Vec<Stanza>,
    /// Bytes up to and including the MAC line's LF.
    pub len: usize,
}

/// The greatest work factor of scrypt that is tried, as a base-2 logarithm.
pub(super) const WORK_MAX: u8 = 20;
const VERSION: &[u8] = b"age-encryption.org/v1";

impl AgeHead {
    /// Scans the head at the start of `bytes`. `what` is the member's name, for messages.
    ///
    /// # Errors
    /// [`Error::BadHead`] for a breach of the age format, [`Error::HeadTooLarge`] for one of the limits.
    pub fn scan(bytes: &[u8], limits: HeadLimits, what: &str) -> Result<AgeHead> {
        Scan { bytes, pos: 0, lines: 0, limits, what }.head()
    }

    /// Scans the head of a volume or a manifest: one stanza, to the compartment, besides at most one of grease.
    ///
    /// # Errors
    /// [`Error::BadHead`] otherwise, [`Error::HeadTooLarge`] for a limit.
    pub fn of_compartment(bytes: &[u8], what: &str) -> Result<AgeHead> {
        let head = AgeHead::scan(bytes, HeadLimits::VOLUME, what)?;
        if head.stanzas.iter().filter(|s| s.is_grease()).count() > 1 {
            return Err(Error::HeadTooLarge { what: what.to_owned(), why: "more than one grease stanza" });
        }
        let known = head.real().all(|s| s.kind == "X25519" || s.kind == "mlkem768x25519");
        if head.real().count() == 1 && known {
            return Ok(head);
        }
        Err(Error::BadHead { what: what.to_owned(), why: "not locked to one compartment key" })
    }

    /// Scans the head of a `key.age`, a `terms.age` or the key of a key file: a passphrase stands alone, and its work
    /// factor is at most 20.
    ///
    /// # Errors
    /// [`Error::BadHead`] otherwise, [`Error::HeadTooLarge`] for a limit.
    pub fn of_key(bytes: &[u8], what: &str) -> Result<AgeHead> {
        let head = AgeHead::scan(bytes, HeadLimits::KEY, what)?;
        let Some(stanza) = head.stanzas.iter().find(|s| s.kind == "scrypt") else { return Ok(head) };
        let bad = |why| Err(Error::BadHead { what: what.to_owned(), why });
        if head.stanzas.len() > 1 {
            return bad("something stands beside a passphrase");
        }
        let [_, work] = stanza.args.as_slice() else { return bad("a malformed passphrase line") };
        if work.starts_with('0') || !work.bytes().all(|b| b.is_ascii_digit()) {
            return bad("a malformed work factor");
        }
        if work.parse::<u8>().is_ok_and(|work| work <= WORK_MAX) {
            return Ok(head);
        }
        Err(Error::HeadTooLarge { what: what.to_owned(), why: "its work factor is too high" })
    }

    /// The stanzas that mean something.
    pub fn real(&self) -> impl Iterator<Item = &Stanza> {
        self.stanzas.iter().filter(|s| !s.is_grease())
    }

    /// Whether the file is locked by a passphrase alone.
    #[must_use]
    pub fn is_passphrase(&self) -> bool {
        self.stanzas.iter().any(|s| s.kind == "scrypt")
    }

    /// Whether a post-quantum identity is among those that open the file.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.stanzas.iter().any(|s| s.kind == "mlkem768x25519")
    }

    /// Whether only post-quantum identities open the file.
    #[must_use]
    pub fn is_all_post_quantum(&self) -> bool {
        self.is_post_quantum() && self.real().all(|s| s.kind == "mlkem768x25519")
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    pos: usize,
    lines: usize,
    limits: HeadLimits,
    what: &'a str,
}

impl<'a> Scan<'a> {
    fn bad<T>(&self, why: &'static str) -> Result<T> {
        Err(Error::BadHead { what: self.what.to_owned(), why })
    }

    fn large<T>(&self, why: &'static str) -> Result<T> {
        Err(Error::HeadTooLarge { what: self.what.to_owned(), why })
    }

    fn line(&mut self) -> Result<&'a [u8]> {
        self.lines += 1;
        if self.lines > self.limits.lines {
            return self.large("too many lines");
        }
        let rest = &self.bytes[self.pos..];
        let room = self.limits.bytes.saturating_sub(self.pos);
        let seen = &rest[..rest.len().min(room)];
        match seen.iter().position(|b| *b == b'\n') {
            Some(end) => {
                self.pos += end + 1;
                Ok(&seen[..end])
            }
            None if rest.len() > room => self.large("too many bytes"),
            None => self.bad("it ends within the header"),
        }
    }

    fn head(mut self) -> Result<AgeHead> {
        if self.line()? != VERSION {
            return self.bad("not an age v1 file");
        }
        let mut stanzas = Vec::new();
        loop {
            let line = self.line()?;
            if let Some(args) = line.strip_prefix(b"-> ") {
                if stanzas.len() == self.limits.stanzas {
                    return self.large("too many recipients");
                }
                stanzas.push(self.stanza(args)?);
            } else if let Some(mac) = line.strip_prefix(b"--- ") {
                if mac.len() != 43 || !is_base64(mac) {
                    return self.bad("a malformed MAC line");
                }
                if stanzas.is_empty() {
                    return self.bad("no recipient");
                }
                return Ok(AgeHead { stanzas, len: self.pos });
            } else {
                return self.bad("an unexpected line");
            }
        }
    }

    fn stanza(&mut self, args: &[u8]) -> Result<Stanza> {
        let mut words = Vec::new();
        for word in args.split(|b| *b == b' ') {
            if word.is_empty() || !word.iter().all(u8::is_ascii_graphic) {
                return self.bad("a malformed recipient line");
            }
            words.push(String::from_utf8_lossy(word).into_owned());
        }
        loop {
            let line = self.line()?;
            if line.len() > 64 || !is_base64(line) {
                return self.bad("a malformed recipient body");
            }
            if line.len() < 64 {
                break;
            }
        }
        let kind = words.remove(0);
        Ok(Stanza { kind, args: words })
    }
}

/// Whether a text is unpadded base64 whose unused bits are zero.
pub(super) fn is_base64(text: &[u8]) -> bool {
    let sound = text.iter().all(|b| sextet(*b).is_some());
    let last = text.last().and_then(|b| sextet(*b)).unwrap_or(0);
    let unused = match text.len() % 4 {
        0 => 0,
        2 => 0b1111,
        3 => 0b11,
        _ => return false,
    };
    sound && last & unused == 0
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "age-encryption.org/v1\n-> X25519 abc\nAAAA\n-> x-grease q\n\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nrest";

    #[test]
    fn a_sound_head_is_read_to_its_end() {
        let head = AgeHead::scan(GOOD.as_bytes(), HeadLimits::VOLUME, "v").unwrap();
        assert_eq!(&GOOD[head.len..], "rest");
        assert_eq!(head.real().count(), 1);
        assert_eq!(head.stanzas[0].args, ["abc"]);
    }

    #[test]
    fn every_cut_of_a_head_is_refused() {
        for cut in 0..GOOD.len() - 4 {
            assert!(AgeHead::scan(&GOOD.as_bytes()[..cut], HeadLimits::VOLUME, "v").is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_head_beyond_its_limits_is_too_large_not_malformed() {
        let many = format!("age-encryption.org/v1\n{}", "-> a b\n\n".repeat(200));
        let e = AgeHead::scan(many.as_bytes(), HeadLimits::KEY, "key.age").unwrap_err();
        assert!(matches!(e, Error::HeadTooLarge { .. }));
        let long = vec![b'a'; 300 << 10];
        let e = AgeHead::scan(&long, HeadLimits::KEY, "key.age").unwrap_err();
        assert!(matches!(e, Error::HeadTooLarge { .. }));
    }

    #[test]
    fn base64_has_one_spelling() {
        for good in ["", "AA", "AQ", "/w", "AAA", "AAE", "AA8", "AAAA", "+/9z"] {
            assert!(is_base64(good.as_bytes()), "{good}");
        }
        for bad in ["A", "AAAAA", "AB", "AH", "A/", "AAB", "AAD", "AA9", "AA=", "AA==", "A-", "AA A"] {
            assert!(!is_base64(bad.as_bytes()), "{bad}");
        }
        let scan = |text: &str| AgeHead::scan(text.as_bytes(), HeadLimits::VOLUME, "v");
        assert!(scan(GOOD).is_ok());
        assert!(scan(&GOOD.replace("A\nrest", "B\nrest")).is_err(), "the MAC");
        assert!(scan(&GOOD.replace("\nAAAA\n", "\nAAB\n")).is_err(), "a body");
        let long = "A".repeat(64);
        assert!(scan(&GOOD.replace("\nAAAA\n", &format!("\n{long}\n\n"))).is_ok());
        assert!(scan(&GOOD.replace("\nAAAA\n", &format!("\n{long}\nA\n"))).is_err());
    }

    #[test]
    fn a_passphrase_stands_alone_with_a_bearable_work_factor() {
        let of_key = |stanzas: &str| {
            let head = format!("age-encryption.org/v1\n{stanzas}--- {}\n", "A".repeat(43));
            AgeHead::of_key(head.as_bytes(), "key.age").map_err(|e| matches!(e, Error::HeadTooLarge { .. })).err()
        };
        assert_eq!(of_key("-> X25519 a\n\n-> x-grease\n\n"), None);
        assert_eq!(of_key("-> scrypt salt 18\n\n"), None);
        assert_eq!(of_key("-> scrypt salt 20\n\n"), None);
        for large in ["21", "300", "99999999999999999999"] {
            assert_eq!(of_key(&format!("-> scrypt salt {large}\n\n")), Some(true), "{large}");
        }
        for bad in ["scrypt salt", "scrypt salt 18 x", "scrypt salt 018", "scrypt salt 0", "scrypt salt +9"] {
            assert_eq!(of_key(&format!("-> {bad}\n\n")), Some(false), "{bad}");
        }
        for beside in ["X25519 a", "x-grease", "scrypt salt 18"] {
            assert_eq!(of_key(&format!("-> scrypt salt 18\n\n-> {beside}\n\n")), Some(false), "{beside}");
        }
    }
}
