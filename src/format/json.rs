//! JSON as the format has it: one UTF-8 object, no BOM, no duplicate keys, whole numbers from 0 to 2^53-1,
//! nested at most 32 deep, nothing after it. `serde_json` accepts more, so the bytes are checked here first.
//! FORMAT "Notation".

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::Result;
use super::error::{changed, too_large};
use super::version::INTEGER_MAX;

const DEPTH_MAX: usize = 32;

/// Checks the bytes, then reads a `T` from them. `part` names the bytes in errors.
///
/// # Errors
/// [`super::Error::Changed`] for anything that is not such JSON or lacks a field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], part: &str) -> Result<T> {
    check(bytes, part)?;
    serde_json::from_slice(bytes).map_err(|e| changed(part, e.to_string()))
}

/// Checks a document's `consign` field, such as `card/1`.
///
/// # Errors
/// [`super::Error::Newer`] for another number, [`super::Error::Changed`] for another word.
pub fn check_kind(found: &str, word: &str, part: &str) -> Result<()> {
    match found.split_once('/') {
        Some((w, "1")) if w == word => Ok(()),
        Some((w, n)) if w == word && n.parse::<u32>().is_ok() => Err(super::Error::Newer { what: found.to_owned() }),
        _ => Err(changed(part, format!("not a {word}/1"))),
    }
}

/// For fields that must be present but may be null: `#[serde(deserialize_with = "json::nullable")]`.
///
/// # Errors
/// Those of `T`.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> std::result::Result<Option<T>, D::Error> {
    Option::deserialize(d)
}

const DEEP: &str = "JSON nested more than 32 deep";

/// Checks that the bytes are one object within the rules.
///
/// # Errors
/// [`super::Error::Changed`] with the rule that is broken, [`super::Error::TooLarge`] for the depth.
pub fn check(bytes: &[u8], part: &str) -> Result<()> {
    scan(bytes).map_err(|why| if why == DEEP { too_large(part, why) } else { changed(part, why) })
}

fn scan(bytes: &[u8]) -> Check<()> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("it begins with a byte order mark");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
    let mut scan = Scan { bytes: text.as_bytes(), pos: 0 };
    scan.space();
    if scan.peek() != Some(b'{') {
        return Err("not a JSON object");
    }
    scan.value(0)?;
    scan.space();
    if scan.pos == bytes.len() { Ok(()) } else { Err("something stands after the JSON object") }
}

struct Scan<'a> {
    bytes: &'a [u8],
    pos: usize,
}

type Check<T> = std::result::Result<T, &'static str>;

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.pos += usize::from(hit);
        hit
    }

    fn value(&mut self, depth: usize) -> Check<()> {
        match self.peek().ok_or("the JSON is cut short")? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string().map(drop),
            b'0'..=b'9' => self.number(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' => Err("a negative number"),
            _ => Err("malformed JSON"),
        }
    }

    fn word(&mut self, word: &str) -> Check<()> {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err("malformed JSON");
        }
        self.pos += word.len();
        Ok(())
    }

    fn number(&mut self) -> Check<()> {
        let start = self.pos;
        let mut value: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.pos += 1;
        }
        if self.bytes.get(start) == Some(&b'0') && self.pos - start > 1 {
            return Err("a number with a leading zero");
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err("a number that is not whole");
        }
        if value > INTEGER_MAX { Err("a number beyond 2^53-1") } else { Ok(()) }
    }

    /// The raw span between the quotes; escapes are checked, `serde_json` checks surrogates.
    fn string(&mut self) -> Check<(usize, usize)> {
        self.pos += 1;
        let start = self.pos;
        loop {
            match self.peek().ok_or("the JSON is cut short")? {
                b'"' => {
                    self.pos += 1;
                    return Ok((start, self.pos - 1));
                }
                b'\\' => {
                    self.pos += 2;
                    if self.pos > self.bytes.len() {
                        return Err("the JSON is cut short");
                    }
                }
                0..=0x1f => return Err("a control character in a JSON string"),
                _ => self.pos += 1,
            }
        }
    }

    fn key(&mut self) -> Check<String> {
        if self.peek() != Some(b'"') {
            return Err("malformed JSON");
        }
        let (start, end) = self.string()?;
        // Two spellings of one key are duplicates, so keys are compared unescaped.
        let quoted = self.bytes.get(start - 1..=end).unwrap_or_default();
        serde_json::from_slice(quoted).map_err(|_| "a malformed JSON string")
    }

    fn object(&mut self, depth: usize) -> Check<()> {
        if depth > DEPTH_MAX {
            return Err(DEEP);
        }
        self.pos += 1;
        self.space();
        let mut keys = std::collections::HashSet::new();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            if !keys.insert(self.key()?) {
                return Err("a duplicate key");
            }
            self.space();
            if !self.eat(b':') {
                return Err("malformed JSON");
            }
            self.space();
            self.value(depth)?;
            self.space();
            if self.eat(b'}') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err("malformed JSON");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Check<()> {
        if depth > DEPTH_MAX {
            return Err(DEEP);
        }
        self.pos += 1;
        self.space();
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            self.space();
            self.value(depth)?;
            self.space();
            if self.eat(b']') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err("malformed JSON");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_format_forbids_is_refused() {
        assert_eq!(scan(br#"{"a":1,"b":[true,null,{"c":"\u00e9\"x"}]}"#), Ok(()));
        for bad in [
            "",
            "[]",
            "1",
            "{",
            "{}x",
            "{} {}",
            "\u{feff}{}",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":-1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":01}"#,
            r#"{"a":9007199254740992}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":tru}"#,
            r#"{"a" 1}"#,
            r#"{"a":1,}"#,
            r#"{"a":[1,]}"#,
            r#"{a:1}"#,
            r#"{"a":"\"#,
            r#"{"x":{"b":1,"b":2}}"#,
        ] {
            assert!(scan(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(scan(br#"{"a":9007199254740991}"#), Ok(()));
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert_eq!(scan(deep(31).as_bytes()), Ok(()));
        assert!(scan(deep(32).as_bytes()).is_err());
        assert!(scan(deep(1_000_000).as_bytes()).is_err());
        assert!(scan(b"{\"a\":\"\xff\"}").is_err());
    }
}
