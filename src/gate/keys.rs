//! Private keys: the forms in text that take more than a pattern, and stores that are known by their first bytes.

use std::ops::Range;

use super::piece::WINDOW;
use super::stretch::Stretch;

/// A PEM block whose label is that of a private key.
struct Block<'a> {
    label: &'a [u8],
    at: Range<usize>,
}

/// RSA, EC, DSA, PKCS#8 with and without a passphrase, and whatever else is called a private key.
pub(super) fn pem(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let block = block(stretch, keyword)?;
    let other =
        block.label.starts_with(b"OPENSSH") || block.label.starts_with(b"PGP") || is_service_account(stretch, &block);
    (!other).then_some(block.at)
}

/// The key of a service account: the same, in the JSON file that Google gives out.
pub(super) fn service_account(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let block = block(stretch, keyword)?;
    is_service_account(stretch, &block).then_some(block.at)
}

/// The form of ssh-keygen.
pub(super) fn openssh(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let block = block(stretch, keyword)?;
    block.label.starts_with(b"OPENSSH").then_some(block.at)
}

/// An armoured secret key of OpenPGP.
pub(super) fn pgp(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let block = block(stretch, keyword)?;
    block.label.starts_with(b"PGP").then_some(block.at)
}

fn is_service_account(stretch: &Stretch<'_>, block: &Block<'_>) -> bool {
    let before = stretch.cut(block.at.start.saturating_sub(60), block.at.start);
    before.windows(13).any(|w| w == b"\"private_key\"")
}

/// The block that begins here. Its lines may end in LF, CR LF, or the `\n` of a string.
fn block<'a>(stretch: &Stretch<'a>, keyword: Range<usize>) -> Option<Block<'a>> {
    let text = stretch.cut(keyword.end, keyword.start + WINDOW);
    let label_len = text.iter().take(40).position(|b| *b == b'-')?;
    let label = &text[..label_len];
    let rest = text[label_len..].strip_prefix(b"-----")?;
    let private = label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK";
    if !private || !has_body(rest) {
        return None;
    }
    let body = rest.windows(9).position(|w| w == b"-----END ");
    let end = body.map_or(WINDOW, |at| keyword.end - keyword.start + label_len + 5 + at + 9 + label_len + 5);
    let end = (keyword.start + end.min(WINDOW)).min(stretch.bytes.len());
    Some(Block { label, at: keyword.start..end })
}

/// A body has 64 characters of base64 within the first lines; prose and code that look for the label have not.
fn has_body(text: &[u8]) -> bool {
    let text = &text[..text.len().min(600)];
    // The headers of a key with a passphrase (RFC 1421) come first.
    let headers = text.windows(8).take(120).position(|w| w == b"DEK-Info");
    let skip = headers.map_or(0, |at| at + text[at..].iter().position(|b| *b == b'\n' || *b == b'\\').unwrap_or(0));
    let text = &text[skip..];
    let (mut run, mut longest, mut at) = (0, 0, 0);
    while let Some(byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'\\', Some(b'n' | b'r')) => at += 1,
            (b'\\' | b'"' | b'\'' | b'+' | b'\r' | b'\n' | b' ' | b'\t' | b',', _) if run < 16 || *byte != b'+' => {}
            (b'+' | b'/' | b'=', _) => run += 1,
            (b, _) if b.is_ascii_alphanumeric() => run += 1,
            (b'-', _) => break,
            _ => run = 0,
        }
        longest = longest.max(run);
        at += 1;
    }
    longest >= 64
}

/// The form of SSH2 with its headers, as Tectia and PuTTY export it.
pub(super) fn ssh2(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let text = stretch.cut(keyword.end, keyword.start + WINDOW);
    let rest = text.strip_prefix(b"ENCRYPTED PRIVATE KEY ----")?;
    let len = rest.windows(8).position(|w| w == b"---- END")?;
    has_body(&rest[..len]).then(|| keyword.start..keyword.end + 26 + len)
}

/// A JSON web key with its private member `d` (or `k`, if it is symmetric).
pub(super) fn jwk(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let name = &stretch.bytes[keyword.clone()];
    // Neither way beyond the object, nor beyond another one's member of that name.
    let from = keyword.start.saturating_sub(WINDOW / 2);
    let is_border = |at: &usize| matches!(stretch.bytes[*at], b'{' | b'}') || stretch.bytes[*at..].starts_with(name);
    let open = (from..keyword.start).rev().find(is_border).filter(|at| stretch.bytes[*at] == b'{')?;
    let until = (open + WINDOW).min(stretch.bytes.len());
    let close = (keyword.end..until).find(is_border).filter(|at| stretch.bytes[*at] == b'}')?;
    let text = stretch.cut(open, close);
    let symmetric = member(text, b"\"kty\"").is_some_and(|at| text[at].starts_with(b"oct"));
    let secret = member(text, if symmetric { b"\"k\"" } else { b"\"d\"" })?;
    let plain = text[secret.clone()].iter().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(b));
    (plain && secret.len() >= 20).then(|| open + secret.start..open + secret.end)
}

/// The place of a string member's value.
fn member(text: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let at = text.windows(name.len()).position(|w| w == name)? + name.len();
    let start = at + text[at..].iter().take(12).position(|b| *b == b'"')? + 1;
    let between = &text[at..start - 1];
    let len = text[start..].iter().position(|b| *b == b'"')?;
    between.iter().all(|b| b.is_ascii_whitespace() || *b == b':').then(|| start..start + len)
}

/// A keystore of Ethereum: JSON with a ciphertext, a MAC and how the key is made of a passphrase.
pub(super) fn keystore(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let from = keyword.start.saturating_sub(600);
    let text = stretch.cut(from, keyword.end + 600);
    let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
    if !has(b"\"kdfparams\"") || !has(b"\"mac\"") {
        return None;
    }
    let rest = stretch.cut(keyword.start, keyword.end + 600);
    let secret = member(rest, b"\"ciphertext\"")?;
    (secret.len() >= 64 && rest[secret.clone()].iter().all(u8::is_ascii_hexdigit))
        .then(|| keyword.start + secret.start..keyword.start + secret.end)
}

/// So many bytes of a file tell what it is.
pub(super) const MAGIC: usize = 64;

/// What binary store of private keys a file with these first bytes is.
pub(super) fn binary(head: &[u8]) -> Option<&'static str> {
    let has = |what: &[u8]| head.windows(what.len()).any(|w| w == what);
    match head {
        [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 1 | 2, ..] | [0xce, 0xce, 0xce, 0xce, 0, 0, 0, 1 | 2, ..] => {
            Some("java-keystore")
        }
        [0x30, ..] if der_holds(head, &[2, 1, 3]) && has(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07") => {
            Some("pkcs12-keystore")
        }
        [0x30, ..] if der_holds(head, &[2, 1, 0, 0x30]) && has_key_algorithm(head) => Some("der-private-key"),
        [0x30, ..] if der_holds(head, &[2, 1, 0, 2, 0x82]) || der_holds(head, &[2, 1, 0, 2, 0x81]) => {
            Some("der-private-key")
        }
        [0x30, ..] if der_holds(head, &[2, 1, 1, 4]) && has(&[0xa0]) || der_holds(head, &[2, 1, 1, 4, 0x20]) => {
            Some("der-private-key")
        }
        // A secret key packet with a length of two bytes or of the new form, version 4 to 6, and a time since 1998.
        [0x95, _, _, 4..=6, 0x35..=0x7f, ..] => Some("pgp-private-key"),
        [0xc5, 0..=191, 4..=6, 0x35..=0x7f, ..] | [0xc5, 192..=223, _, 4..=6, 0x35..=0x7f, ..] => {
            Some("pgp-private-key")
        }
        _ => None,
    }
}

/// True if a DER sequence that begins here begins with this.
fn der_holds(head: &[u8], inner: &[u8]) -> bool {
    let skip = match head.get(1) {
        Some(0x82) => 4,
        Some(0x81) => 3,
        Some(0..=0x7f) => 2,
        _ => return false,
    };
    head.get(skip..).is_some_and(|rest| rest.starts_with(inner))
}

/// RSA, EC, DSA or one of the Edwards and Montgomery curves.
fn has_key_algorithm(head: &[u8]) -> bool {
    let known: [&[u8]; 4] = [
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01",
        b"\x06\x07\x2a\x86\x48\xce\x3d\x02",
        b"\x06\x07\x2a\x86\x48\xce\x38\x04",
        b"\x06\x03\x2b\x65",
    ];
    known.iter().any(|oid| head.windows(oid.len()).any(|w| w == *oid))
}
