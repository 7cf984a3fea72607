//! JSON as the format has it: one UTF-8 object, no BOM, no duplicate keys, whole numbers from 0 to 2^53-1,
//! nested at most 32 deep, nothing after it. `serde_json` accepts more, so the bytes are checked here first.
//! FORMAT "Notation".

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Result;
use super::error::{changed, too_large};
use super::version::INTEGER_MAX;

const DEPTH_MAX: usize = 32;

/// Checks the bytes, then reads a `T` from them. `part` names the bytes in errors.
///
/// # Errors
/// [`super::Error::Changed`] for anything that is not such JSON or lacks a field.
pub fn parse<T: DeserializeOwned + Serialize>(bytes: &[u8], part: &str) -> Result<T> {
    check(bytes, part)?;
    checked(bytes, part)
}

/// As [`parse`], for what says its kind in a field `consign`, such as `card/1`. That field is read before the others,
/// so that a later number is told from damage whatever its other fields are (FORMAT §0.4).
///
/// # Errors
/// [`super::Error::Newer`] for another number, [`super::Error::Changed`] for another word; those of [`parse`].
pub fn parse_kind<T: DeserializeOwned + Serialize>(bytes: &[u8], part: &str, word: &str) -> Result<T> {
    #[derive(Serialize, Deserialize)]
    struct Peek {
        consign: String,
    }
    check(bytes, part)?;
    let peek: Peek = checked(bytes, part)?;
    check_kind(&peek.consign, word, part)?;
    checked(bytes, part)
}

fn checked<T: DeserializeOwned + Serialize>(bytes: &[u8], part: &str) -> Result<T> {
    let read: T = serde_json::from_slice(bytes).map_err(|e| changed(part, e.to_string()))?;
    let (given, kept) = (serde_json::from_slice(bytes), serde_json::to_value(&read));
    match (given, kept) {
        (Ok(given), Ok(kept)) if is_shaped(&given, &kept) => Ok(read),
        _ => Err(changed(part, "a list where an object belongs")),
    }
}

/// Whether all that was read stood in objects: `serde` fills a struct from a list as well, in the order of its fields.
fn is_shaped(given: &Value, kept: &Value) -> bool {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            kept.iter().all(|(key, kept)| given.get(key).is_none_or(|given| is_shaped(given, kept)))
        }
        (Value::Array(given), Value::Array(kept)) => given.iter().zip(kept).all(|(g, k)| is_shaped(g, k)),
        (given, kept) => !given.is_array() && !kept.is_array(),
    }
}

fn check_kind(found: &str, word: &str, part: &str) -> Result<()> {
    let digits = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    match found.split_once('/') {
        Some((w, "1")) if w == word => Ok(()),
        Some((w, n)) if w == word && digits(n) => Err(super::Error::Newer { what: found.to_owned() }),
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
const HALF: &str = "half of a surrogate pair in a JSON string";

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

    /// The raw span between the quotes. Escapes are checked here, as `serde_json` skips the fields that nobody reads.
    fn string(&mut self) -> Check<(usize, usize)> {
        self.pos += 1;
        let start = self.pos;
        loop {
            match self.peek().ok_or("the JSON is cut short")? {
                b'"' => {
                    self.pos += 1;
                    return Ok((start, self.pos - 1));
                }
                b'\\' => self.escape()?,
                0..=0x1f => return Err("a control character in a JSON string"),
                _ => self.pos += 1,
            }
        }
    }

    /// One escape, or the two that spell a surrogate pair.
    fn escape(&mut self) -> Check<()> {
        match self.unit()? {
            Some(0xd800..=0xdbff) if self.peek() == Some(b'\\') => match self.unit()? {
                Some(0xdc00..=0xdfff) => Ok(()),
                _ => Err(HALF),
            },
            Some(0xd800..=0xdfff) => Err(HALF),
            _ => Ok(()),
        }
    }

    /// Steps over a backslash and what belongs to it, and returns the number of a `\u`.
    fn unit(&mut self) -> Check<Option<u32>> {
        self.pos += 2;
        match self.bytes.get(self.pos - 1).ok_or("the JSON is cut short")? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(None),
            b'u' => {
                let digits = self.bytes.get(self.pos..self.pos + 4).ok_or("the JSON is cut short")?;
                self.pos += 4;
                let digit = |n, b: &u8| Some((n << 4) | char::from(*b).to_digit(16)?);
                digits.iter().try_fold(0, digit).map(Some).ok_or("a malformed JSON string")
            }
            _ => Err("a malformed JSON string"),
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
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"a":"\ud800x"}"#,
            r#"{"a":"\ud800\n"}"#,
            r#"{"a":"\ud800\ud800"}"#,
            r#"{"a":"\udc00\ud800"}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12"}"#,
            r#"{"a":"\u12g4"}"#,
            r#"{"a":"\u+123"}"#,
            r#"{"a":"\U0061"}"#,
            r#"{"a":"\u00"#,
        ] {
            assert!(scan(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(scan(br#"{"a":9007199254740991}"#), Ok(()));
        assert_eq!(scan(br#"{"a":"\ud83D\uDE00\uffff\"\\\/\b\f\n\r\t","\ud83d\ude00":1}"#), Ok(()));
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert_eq!(scan(deep(31).as_bytes()), Ok(()));
        assert!(scan(deep(32).as_bytes()).is_err());
        assert!(scan(deep(1_000_000).as_bytes()).is_err());
        assert!(scan(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_later_number_is_newer_whatever_else_is_there() {
        #[derive(Debug, Serialize, Deserialize)]
        struct Card {
            consign: String,
            name: String,
        }
        let word = |text: &str| {
            use crate::class::Fault;
            parse_kind::<Card>(text.as_bytes(), "x", "card").map_or_else(|e| e.word(), |_| "ok")
        };
        let card: Card = parse_kind(br#"{"name":"n","consign":"card/1"}"#, "x", "card").unwrap();
        assert_eq!((card.consign.as_str(), card.name.as_str()), ("card/1", "n"));
        assert_eq!(word(r#"{"consign":"card/2"}"#), "newer-format");
        assert_eq!(word(r#"{"consign":"card/99999999999","name":null}"#), "newer-format");
        for bad in ["card/1", "card/", "card/+2", "card/x", "cards/2", "key/2", "card"] {
            assert_eq!(word(&format!("{{\"consign\":\"{bad}\"}}")), "changed", "{bad}");
        }
        assert_eq!(word(r#"{"name":"n"}"#), "changed");
        assert_eq!(word(r#"{"consign":"card/2","x":"\ud800"}"#), "changed");
    }
    #[test]
    fn a_list_does_not_stand_for_an_object() {
        #[derive(Serialize, Deserialize)]
        struct Outer {
            one: Inner,
            more: Vec<Inner>,
            none: Option<Inner>,
        }
        #[derive(Serialize, Deserialize)]
        struct Inner {
            n: u64,
        }
        let is_read = |text: &str| parse::<Outer>(text.as_bytes(), "x").is_ok();
        assert!(is_read(r#"{"one":{"n":1,"later":[1]},"more":[{"n":2}],"none":{"n":3}}"#));
        assert!(is_read(r#"{"one":{"n":1},"more":[],"none":null}"#));
        assert!(!is_read(r#"{"one":[1],"more":[{"n":2}],"none":{"n":3}}"#));
        assert!(!is_read(r#"{"one":{"n":1},"more":[{"n":2},[2]],"none":{"n":3}}"#));
        assert!(!is_read(r#"{"one":{"n":1},"more":[{"n":2}],"none":[3]}"#));
    }
}
