//! The outer file: which members it has, in which order, and how it ends (FORMAT §1.1 to §1.3).

use super::envelope::Envelope;
use super::error::changed;
use super::{Error, Result, tar};
use crate::crypto::{Digest, Hex};

/// A member of the outer file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Member {
    /// `README.txt`
    Readme,
    /// `sender.card`
    Card,
    /// `cN/vNNNNNN.age`
    Volume(usize, u64),
    /// `cN/manifest.age`
    Manifest(usize),
    /// `cN/key.age`
    Key(usize),
    /// `cN/terms.age`
    Terms(usize),
    /// `B3SUMS`
    Sums,
    /// `envelope.json`
    Envelope,
    /// `envelope.json.sig`, `envelope.json.1.sig`, …
    Signature(usize),
    /// `end`
    End,
}

impl Member {
    /// Its name.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Member::Readme => "README.txt".to_owned(),
            Member::Card => "sender.card".to_owned(),
            Member::Volume(c, v) => format!("c{c}/v{v:06}.age"),
            Member::Manifest(c) => format!("c{c}/manifest.age"),
            Member::Key(c) => format!("c{c}/key.age"),
            Member::Terms(c) => format!("c{c}/terms.age"),
            Member::Sums => "B3SUMS".to_owned(),
            Member::Envelope => "envelope.json".to_owned(),
            Member::Signature(0) => "envelope.json.sig".to_owned(),
            Member::Signature(i) => format!("envelope.json.{i}.sig"),
            Member::End => "end".to_owned(),
        }
    }
}

/// The members that B3SUMS lists, in order.
pub fn listed(envelope: &Envelope, card: bool) -> impl Iterator<Item = Member> + '_ {
    let compartments = &envelope.predicate.compartments;
    let front = [Member::Readme].into_iter().chain(card.then_some(Member::Card));
    let data = compartments
        .iter()
        .enumerate()
        .flat_map(|(c, it)| (0..it.volumes).map(move |v| Member::Volume(c, v)).chain([Member::Manifest(c)]));
    let keys = compartments.iter().enumerate().map(|(c, it)| if it.held { Member::Terms(c) } else { Member::Key(c) });
    front.chain(data).chain(keys)
}

/// The members that follow those that B3SUMS lists.
pub fn unlisted(envelope: &Envelope) -> impl Iterator<Item = Member> {
    let signatures = envelope.predicate.signers.len();
    [Member::Sums, Member::Envelope].into_iter().chain((0..signatures).map(Member::Signature)).chain([Member::End])
}

/// B3SUMS: the hash of every member before it, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Whether `sender.card` is there.
    pub card: bool,
    /// The hashes, in the order of [`listed`].
    pub hashes: Vec<Digest>,
}

impl Sums {
    /// Reads B3SUMS, comparing every name with the one that must stand there.
    ///
    /// # Errors
    /// [`Error::Changed`].
    pub fn parse(bytes: &[u8], envelope: &Envelope) -> Result<Sums> {
        let bad = |why: &str| changed("B3SUMS", why);
        let body = bytes.strip_suffix(b"\n").ok_or_else(|| bad("it does not end with a line"))?;
        let card = body.split(|b| *b == b'\n').nth(1).is_some_and(|l| l.ends_with(b"  sender.card"));
        let mut lines = body.split(|b| *b == b'\n');
        let mut hashes = Vec::with_capacity(bytes.len() / 80);
        for member in listed(envelope, card) {
            let line = lines.next().ok_or_else(|| bad("a member is missing"))?;
            let (hex, rest) = line.split_at_checked(64).ok_or_else(|| bad("a malformed line"))?;
            let hash = Hex::parse(hex).ok_or_else(|| bad("a malformed hash"))?;
            let name = rest.strip_prefix(b"  ").ok_or_else(|| bad("a malformed line"))?;
            if name != member.name().as_bytes() {
                return Err(bad(&format!("it does not list {} where it should", member.name())));
            }
            hashes.push(hash);
        }
        if lines.next().is_some() {
            Err(bad("it lists a member that should not be there"))
        } else {
            Ok(Sums { card, hashes })
        }
    }

    /// Appends one line.
    pub fn push_line(out: &mut Vec<u8>, member: Member, hash: &Digest) {
        hash.push_to(out);
        out.extend_from_slice(b"  ");
        out.extend_from_slice(member.name().as_bytes());
        out.push(b'\n');
    }
}

/// The `end` member: where the tail begins. A hint; what it leads to is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The header of the first key or terms member.
    pub tail: u64,
    /// The header of B3SUMS.
    pub sums: u64,
    /// The header of envelope.json.
    pub envelope: u64,
}

/// The file ends with the header of `end`, its data padded to a block, and 1,024 zero bytes.
pub const CLOSING: u64 = 2048;

impl End {
    /// Its contents, as they must be spelled.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{{\"tail\":{},\"sums\":{},\"envelope\":{}}}\n", self.tail, self.sums, self.envelope)
    }

    /// The last 2,048 bytes of a bundle.
    #[must_use]
    pub fn closing(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        push_member(&mut out, Member::End, self.text().as_bytes());
        out.extend_from_slice(&tar::END);
        out
    }

    /// Reads the last 2,048 bytes of a bundle.
    ///
    /// # Errors
    /// [`Error::CutShort`] when the file does not end as it must.
    pub fn parse(closing: &[u8]) -> Result<End> {
        let cut = || Error::CutShort { what: "the file does not end as a bundle ends".to_owned() };
        let text = closing.get(512..1024).ok_or_else(cut)?;
        let text = text.split(|b| *b == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| cut())?;
        let numbers: Vec<u64> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|n| !n.is_empty())
            .filter_map(|n| n.parse().ok())
            .collect();
        let &[tail, sums, envelope] = numbers.as_slice() else { return Err(cut()) };
        let end = End { tail, sums, envelope };
        if !closing.starts_with(&tar::outer("end", end.text().len() as u64)) && end.closing() != closing {
            return Err(cut());
        }
        if end.closing() == closing { Ok(end) } else { Err(changed("end", "it is not spelled as it must be")) }
    }
}

/// Appends a member with its header and padding.
pub fn push_member(out: &mut Vec<u8>, member: Member, data: &[u8]) {
    out.extend_from_slice(&tar::outer(&member.name(), data.len() as u64));
    out.extend_from_slice(data);
    out.resize(out.len() + usize::try_from(tar::pad(data.len() as u64)).unwrap_or(0), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_is_2048_bytes_and_has_one_spelling() {
        let end = End { tail: 1536, sums: 99_999_999_999, envelope: u64::MAX / 4 };
        let closing = end.closing();
        assert_eq!(closing.len() as u64, CLOSING);
        assert_eq!(End::parse(&closing).unwrap(), end);
        for at in 0..closing.len() {
            let mut bad = closing.clone();
            bad[at] ^= 1;
            assert!(End::parse(&bad).is_err_and(|_| true) || End::parse(&bad).unwrap() != end, "byte {at}");
        }
    }
}
