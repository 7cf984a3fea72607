//! Something that is called a password, a secret or a token and gets a value: `password = "…"`, `"token": "…"`,
//! `API_KEY=…`, `<password>…</password>`. Whether the value can be a secret is decided by what it is made of.

use std::ops::Range;

use super::plausible::{Makeup, entropy, is_placeholder, unexplained};
use super::stretch::{Stretch, is_word};

/// A name and its value.
struct Assigned<'a> {
    /// The name up to the keyword, and what follows it in the name, in lower case.
    head: Vec<u8>,
    tail: Vec<u8>,
    at: Range<usize>,
    value: &'a [u8],
    quoted: bool,
}

/// The longest part of a name on either side of the keyword, and the longest value.
const NAME_MAX: usize = 48;
const VALUE_MAX: usize = 400;

/// What follows the keyword in the name of something that is about a secret and isn't one.
const ABOUT: [&str; 62] = [
    "file",
    "path",
    "url",
    "uri",
    "name",
    "type",
    "field",
    "label",
    "hash",
    "hint",
    "policy",
    "len",
    "min",
    "max",
    "regex",
    "pattern",
    "ref",
    "reset",
    "form",
    "input",
    "title",
    "text",
    "msg",
    "message",
    "error",
    "prompt",
    "help",
    "desc",
    "class",
    "expir",
    "ttl",
    "endpoint",
    "header",
    "param",
    "prefix",
    "suffix",
    "format",
    "algo",
    "provider",
    "generat",
    "valid",
    "count",
    "limit",
    "index",
    "kind",
    "size",
    "manager",
    "service",
    "stor",
    "callback",
    "action",
    "page",
    "view",
    "route",
    "placeholder",
    "status",
    "digest",
    "ize",
    "iz",
    "attr",
    "column",
    "env",
];

/// A password: eight characters that no word explains away.
pub(super) fn password(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let it = assigned(stretch, keyword)?;
    let make = Makeup::of(it.value);
    let odd = unexplained(it.value);
    let ok = (8..=128).contains(&it.value.len())
        && make.sorts() >= 2
        && it.value.iter().any(|b| !b.is_ascii_alphabetic() && b.is_ascii() && !b"-_.".contains(b))
        && odd >= 5
        && odd * 3 >= it.value.len()
        && entropy(it.value) >= 2.8
        && (it.quoted || make.digits > 0 && make.sorts() >= 3 && odd * 2 >= it.value.len());
    (ok && is_literal(it.value)).then_some(it.at)
}

/// A secret or a key.
pub(super) fn secret(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    key(assigned(stretch, keyword)?)
}

/// A token. `broken` is none.
pub(super) fn token(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    if !matches!(stretch.before(keyword.start), Some(b't' | b'T')) {
        return None;
    }
    key(assigned(stretch, keyword)?)
}

/// The secret half of an AWS key: 40 characters of base64.
pub(super) fn aws_secret(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let it = assigned(stretch, keyword)?;
    let named = [&it.head[..], &it.tail].iter().any(|part| part.windows(3).any(|w| w == b"aws"));
    let form = it.value.len() == 40 && it.value.iter().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(b));
    (named && form && entropy(it.value) >= 4.0 && !is_placeholder(it.value)).then_some(it.at)
}

/// A client secret of Azure: 37 to 40 characters with `Q~` after the first four.
pub(super) fn azure_secret(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let it = assigned(stretch, keyword)?;
    let form = (37..=40).contains(&it.value.len())
        && it.value[3].is_ascii_digit()
        && &it.value[4..6] == b"Q~"
        && it.value.iter().all(|b| b.is_ascii_alphanumeric() || b"_~.-".contains(b));
    (form && entropy(it.value) >= 3.5).then_some(it.at)
}

fn key(it: Assigned<'_>) -> Option<Range<usize>> {
    let make = Makeup::of(it.value);
    let odd = unexplained(it.value);
    let plain = it.value.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=_-.~!@#$%^&*:".contains(b));
    let letters = make.digits == 0
        && (it.value.len() < 20 || make.upper == 0 || make.lower == 0 || odd * 10 < it.value.len() * 7);
    let ok = (16..=256).contains(&it.value.len())
        && plain
        && !letters
        && odd * 2 >= it.value.len()
        && entropy(it.value) >= 3.2
        && (it.quoted || make.digits > 1 && odd * 3 >= it.value.len() * 2);
    (ok && is_literal(it.value)).then_some(it.at)
}

/// True if the value isn't put together from something else, and is no placeholder.
fn is_literal(value: &[u8]) -> bool {
    let has = |text: &[u8]| value.windows(text.len()).any(|w| w == text);
    !is_placeholder(value)
        && !value.iter().any(|b| b" \t<>()\\".contains(b))
        && !["{}", "{0}", "%s", "%d", "%v", "://", "//", "[]", "test", "Test"].iter().any(|t| has(t.as_bytes()))
        && (value.first() != Some(&b'{') || value.last() != Some(&b'}'))
}

fn assigned<'a>(stretch: &Stretch<'a>, keyword: Range<usize>) -> Option<Assigned<'a>> {
    let bytes = stretch.bytes;
    let is_name = |b: &u8| is_word(*b) || *b == b'-' || *b == b'.';
    let before = stretch.cut(keyword.start.saturating_sub(NAME_MAX), keyword.start);
    let head = before.iter().rev().take_while(|b| is_name(b)).count();
    // `pwd=` has the sign in it, and nothing of the name follows.
    let signed = bytes[keyword.end - 1] == b'=';
    let tail = stretch.cut(keyword.end, keyword.end + NAME_MAX).iter().filter(|_| !signed);
    let tail = tail.take_while(|b| is_word(**b) || **b == b'-').count();
    let lower = |range: Range<usize>| bytes[range].to_ascii_lowercase();
    let (head, tail) = (lower(keyword.start - head..keyword.start), lower(keyword.end..keyword.end + tail));
    if ABOUT.iter().any(|word| tail.windows(word.len()).any(|w| w == word.as_bytes())) {
        return None;
    }
    let end = keyword.end + tail.len() - usize::from(signed);
    let (start, sign) = operator(stretch.cut(end, end + 80))?;
    let (at, quoted) = value(stretch, end + start, sign)?;
    Some(Assigned { head, tail, value: &bytes[at.clone()], at, quoted })
}

/// What stands between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `=`, `:` and the like.
    Equals,
    /// `,` or `(`: only a quoted value can follow.
    Argument,
    /// `>`: the value goes up to `<`.
    Element,
}

/// The length of all that stands between the name and the value, and what it is.
fn operator(text: &[u8]) -> Option<(usize, Sign)> {
    let blanks = |at: usize| text[at.min(text.len())..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let mut at = 0;
    while matches!(text.get(at), Some(b'"' | b'\'' | b'`' | b']' | b'\\')) && at < 4 {
        at += 1;
    }
    at += blanks(at);
    let sign = match *text.get(at)? {
        b'>' => Sign::Element,
        b',' | b'(' => Sign::Argument,
        b'=' | b':' | b'?' | b'[' | b'!' => Sign::Equals,
        _ => return None,
    };
    match text.get(at..)? {
        [b'[', b']', ..] => at += 2 + blanks(at + 2),
        [b'[' | b'!', rest @ ..] if rest.first() != Some(&b'=') => return None,
        _ => {}
    }
    if text.get(at) == Some(&b':') {
        at += annotation(&text[at..]);
    }
    while matches!(text.get(at), Some(b'=' | b':' | b'>' | b'?' | b'!' | b',' | b'(')) {
        at += 1;
    }
    Some((at + blanks(at), sign))
}

/// The length of a type between a colon and `=`: `: str =`, `: &'static str =`, `: Option<String> =`.
fn annotation(text: &[u8]) -> usize {
    let is_type = |b: &u8| is_word(*b) || b" <>&'[]?|.".contains(b);
    let len = text[1..].iter().take(40).take_while(|b| is_type(b)).count();
    if len > 1 && text.get(1 + len) == Some(&b'=') { 1 + len } else { 0 }
}

/// The value that begins here, without its quotes, and whether it has some.
fn value(stretch: &Stretch<'_>, start: usize, sign: Sign) -> Option<(Range<usize>, bool)> {
    let text = stretch.cut(start, start + VALUE_MAX);
    if sign == Sign::Element {
        let len = text.iter().position(|b| matches!(b, b'<' | b'>' | b'\n'))?;
        return (text[len] == b'<').then_some((start..start + len, true));
    }
    // `b"…"`, `@"…"`, `\"…\"`.
    let mut at = usize::from(matches!(text, [b'b' | b'r' | b'u' | b'L' | b'@', b'"' | b'\'', ..]));
    let escaped = text.get(at) == Some(&b'\\');
    at += usize::from(escaped);
    match text.get(at) {
        Some(quote @ (b'"' | b'\'' | b'`')) => {
            let len = text[at + 1..].iter().position(|b| b == quote || *b == b'\n')?;
            let closed = text[at + 1 + len] == *quote;
            let len = len - usize::from(escaped && text[at + len] == b'\\');
            closed.then_some((start + at + 1..start + at + 1 + len, true))
        }
        Some(_) if sign == Sign::Equals && !escaped && (is_settings(stretch) || is_tight(stretch, start)) => {
            let len = bare(text);
            let ends = text.get(len).is_none_or(|b| b.is_ascii_whitespace() || b";&\"'`,".contains(b));
            ((len < text.len() || len < VALUE_MAX) && ends).then_some((start..start + len, false))
        }
        _ => None,
    }
}

/// True for `name=value` without blanks, as in the connection strings and URLs that stand in code.
fn is_tight(stretch: &Stretch<'_>, start: usize) -> bool {
    stretch.before(start) == Some(b'=') && start > 1 && stretch.before(start - 1).is_some_and(is_word)
}

/// The length of a value without quotes. A sign ends it too, but for the padding of base64, so that what is looked at
/// for one name never reaches beyond the next.
fn bare(text: &[u8]) -> usize {
    let ends = |b: &u8| b.is_ascii_whitespace() || b";,\"'`&)=:".contains(b);
    let len = text.iter().position(ends).unwrap_or(text.len());
    let padding = text[len..].iter().take(2).take_while(|b| **b == b'=').count();
    let after = text.get(len + padding);
    if after.is_none_or(|b| ends(b) && *b != b'=') { len + padding } else { len }
}

/// True if values have no quotes in such a file.
fn is_settings(stretch: &Stretch<'_>) -> bool {
    const SETTINGS: [&str; 22] = [
        "env",
        "ini",
        "cfg",
        "conf",
        "config",
        "properties",
        "yml",
        "yaml",
        "toml",
        "sh",
        "bash",
        "zsh",
        "tf",
        "tfvars",
        "txt",
        "netrc",
        "npmrc",
        "pypirc",
        "credentials",
        "json",
        "log",
        "md",
    ];
    let name = stretch.name().to_ascii_lowercase();
    match name.rsplit_once('.') {
        Some((first, _)) if first.ends_with(".env") || first.is_empty() => true,
        Some((_, kind)) => SETTINGS.contains(&kind),
        None => true,
    }
}
