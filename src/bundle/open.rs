//! Opening: finds out whether a file is a bundle, and reads its tail. Nothing is trusted yet (FORMAT §1.3, §6.1).

use std::sync::Arc;

use super::Result;
use crate::files::Source;
use crate::format::container::{CLOSING, End, Member};
use crate::format::tar::{BLOCK, outer_name, pad, padded, read_outer};
use crate::format::version::{
    DOCUMENT_MAX, ENVELOPE_MAX, FIRST_LINE, FIRST_WORDS, KEY_MEMBER_MAX, README_MAX, SUMS_MAX,
};
use crate::format::{self, Error, changed, too_large};

/// A file that ends as a bundle ends, with its tail in memory.
pub struct Opened {
    pub(super) source: Arc<Source>,
    pub(super) end: End,
    /// The key and terms members: the offset of each one's header, and its data.
    pub(super) keys: Vec<(u64, Vec<u8>)>,
    pub(super) sums: Vec<u8>,
    pub(super) envelope: Vec<u8>,
    pub(super) armours: Vec<Vec<u8>>,
    /// `sender.card`, if there is one.
    pub(super) card: Option<Vec<u8>>,
    /// For a bundle that was mended: where its members are, and which are lost.
    pub(super) layout: Option<Layout>,
}

/// A member's place in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) member: Member,
    pub(super) data: u64,
    pub(super) size: u64,
    /// Nobody has its data any more.
    pub(super) lost: bool,
}

/// The places of all members, where they were not found by walking a file.
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
}

/// A member found in the file.
pub(super) struct Found {
    pub(super) name: Vec<u8>,
    pub(super) data: u64,
    pub(super) size: u64,
    /// The offset of the next header.
    pub(super) next: u64,
}

/// Reads the header at `offset`, which must be spelled as the format spells it.
pub(super) fn member_at(source: &Source, offset: u64) -> Result<Found> {
    let mut header = [0; 512];
    if offset.saturating_add(BLOCK) > source.len() {
        return Err(Error::CutShort { what: format!("it ends at byte {}", source.len()) }.into());
    }
    source.read_at(offset, &mut header)?;
    let bad = || changed(format!("the header at byte {offset}"), "it is not one of a bundle");
    let (text, size) = read_outer(&header).ok_or_else(bad)?;
    let data = offset + BLOCK;
    let next = data.saturating_add(padded(size));
    if next > source.len() {
        return Err(Error::CutShort { what: format!("{text} ends beyond the end of the file") }.into());
    }
    Ok(Found { name: text.as_bytes().to_vec(), data, size, next })
}

/// Reads a member's data, its padding checked.
pub(super) fn data_of(source: &Source, found: &Found, most: u64) -> Result<Vec<u8>> {
    let name = String::from_utf8_lossy(&found.name);
    if found.size > most {
        return Err(too_large(name, format!("{} bytes, {most} at most", found.size)).into());
    }
    let whole = usize::try_from(found.size + pad(found.size)).map_err(|_| too_large(name.clone(), "too large"))?;
    let mut data = vec![0; whole];
    source.read_at(found.data, &mut data)?;
    let padding = data.split_off(usize::try_from(found.size).unwrap_or(whole));
    if padding.iter().any(|b| *b != 0) {
        return Err(changed(name, "its padding is not zero").into());
    }
    Ok(data)
}

/// Reads the member that must be at `offset`, and moves on to the next.
fn expect(source: &Source, offset: &mut u64, member: Member, most: u64) -> Result<Vec<u8>> {
    let found = member_at(source, *offset)?;
    if found.name != member.name().as_bytes() {
        return Err(changed(member.name(), "it is not where it should be").into());
    }
    *offset = found.next;
    data_of(source, &found, most)
}

impl Opened {
    /// Reads the beginning and the tail.
    ///
    /// # Errors
    /// Not a bundle, a newer format, cut short, or a tail that is not built as it must be.
    pub fn read(source: Source) -> Result<Opened> {
        let readme = check_front(&source)?;
        let end = match closing(&source) {
            Ok(end) => end,
            Err(why) => return Err(diagnose(&source, why)),
        };
        let last = source.len() - CLOSING;
        let mut at = end.tail;
        let mut keys = Vec::new();
        while at < end.sums {
            let (offset, member) = (at, member_at(&source, at)?);
            let n = keys.len();
            let expected = [Member::Key(n), Member::Terms(n)].map(Member::name);
            if n == 64 || !expected.iter().any(|e| e.as_bytes() == member.name) {
                return Err(changed("the tail", "a member that does not belong there").into());
            }
            keys.push((offset, data_of(&source, &member, KEY_MEMBER_MAX)?));
            at = member.next;
        }
        if keys.is_empty() || at != end.sums {
            return Err(changed("end", "it does not lead to the tail").into());
        }
        let sums = expect(&source, &mut at, Member::Sums, SUMS_MAX)?;
        if at != end.envelope {
            return Err(changed("end", "it does not lead to the envelope").into());
        }
        let envelope = expect(&source, &mut at, Member::Envelope, ENVELOPE_MAX)?;
        let mut armours = Vec::new();
        while at < last {
            if armours.len() == 8 {
                return Err(too_large("the tail", "more than 8 signatures").into());
            }
            armours.push(expect(&source, &mut at, Member::Signature(armours.len()), README_MAX)?);
        }
        if at != last || armours.is_empty() {
            return Err(changed("the tail", "it has no signature, or more than signatures").into());
        }
        let card = read_card(&source, readme, &end)?;
        Ok(Opened { source: Arc::new(source), end, keys, sums, envelope, armours, card, layout: None })
    }

    /// Whether a file ends as a bundle ends, whatever it begins with.
    #[must_use]
    pub fn ends_well(source: &Source) -> bool {
        closing(source).is_ok()
    }

    /// The name of the file, for messages.
    #[must_use]
    pub fn name(&self) -> &std::path::Path {
        self.source.name()
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.source.len()
    }
}

fn read_card(source: &Source, readme: u64, end: &End) -> Result<Option<Vec<u8>>> {
    if readme >= end.tail {
        return Err(changed("README.txt", "nothing follows it").into());
    }
    let found = member_at(source, readme)?;
    let is_card = found.name == Member::Card.name().as_bytes();
    if is_card { data_of(source, &found, DOCUMENT_MAX).map(Some) } else { Ok(None) }
}

fn closing(source: &Source) -> Result<End> {
    let short = || Error::CutShort { what: format!("it ends at byte {}", source.len()) };
    let at = source.len().checked_sub(CLOSING).ok_or_else(short)?;
    let mut bytes = vec![0; 2048];
    source.read_at(at, &mut bytes)?;
    let end = End::parse(&bytes)?;
    if end.tail < end.sums && end.sums < end.envelope && end.envelope < at && end.tail >= 1024 {
        Ok(end)
    } else {
        Err(changed("end", "it does not lead to the tail").into())
    }
}

/// Why a file does not end as it must: it was cut, or something was changed or added.
fn diagnose(source: &Source, why: super::Error) -> super::Error {
    let mut at = 0;
    loop {
        match member_at(source, at) {
            Err(e) => return e,
            Ok(found) if found.name == b"end" => break,
            Ok(found) => at = found.next,
        }
    }
    let after = at + CLOSING;
    if source.len() < after {
        Error::CutShort { what: format!("it ends at byte {}", source.len()) }.into()
    } else if source.len() > after {
        changed("the file", "something was added after its end").into()
    } else {
        why
    }
}

/// Checks that the file begins as a bundle begins, and returns the offset of the second member.
fn check_front(source: &Source) -> Result<u64> {
    let mut front = [0; 1024];
    let have = usize::try_from(source.len()).unwrap_or(usize::MAX).min(1024);
    let front = front.get_mut(..have).unwrap_or_default();
    source.read_at(0, front)?;
    if have == 0 {
        return Err(Error::NotABundle { hint: "the file is empty" }.into());
    }
    let text = front.get(512..).unwrap_or_default();
    let is_tar = outer_name(front) == Member::Readme.name().as_bytes();
    if is_tar && have < 1024 {
        return Err(Error::CutShort { what: format!("it ends at byte {have}") }.into());
    }
    if !is_tar || !text.starts_with(FIRST_WORDS.as_bytes()) {
        return Err(Error::NotABundle { hint: looks_like(front) }.into());
    }
    if !text.starts_with(FIRST_LINE.as_bytes()) {
        return Err(newer(text).into());
    }
    Ok(member_at(source, 0)?.next)
}

fn newer(text: &[u8]) -> format::Error {
    let rest = text.strip_prefix(FIRST_WORDS.as_bytes()).unwrap_or_default();
    let number: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).take(9).collect();
    match String::from_utf8(number) {
        Ok(n) if !n.is_empty() && n != "1" => Error::Newer { what: format!("bundle format {n}") },
        _ => changed("README.txt", "its first line was changed"),
    }
}

/// What a file that is no bundle seems to be.
fn looks_like(front: &[u8]) -> &'static str {
    let begins = |with: &[u8]| front.starts_with(with);
    if begins(b"\xff\xfe") || begins(b"\xfe\xff") {
        "UTF-16 text: PowerShell's > mangles files; copy it as a file instead"
    } else if begins(b"age-encryption.org/") || begins(b"-----BEGIN AGE") {
        "an age file, perhaps a part of a bundle"
    } else if begins(b"PK\x03\x04") {
        "a zip file; unzip it first"
    } else if begins(b"\x1f\x8b") || begins(b"\x28\xb5\x2f\xfd") {
        "a compressed file"
    } else if begins(b"{\"consign\":") {
        "a consign document, such as a card, a receipt or a key file"
    } else if begins(b"consign bundle ") {
        "the cover note; the bundle is the .consign file beside it"
    } else if begins(b"README.txt") {
        "its line ends were changed, as if it had been saved as text"
    } else if front.get(257..262) == Some(b"ustar") {
        "another tar file"
    } else {
        "it begins differently"
    }
}
