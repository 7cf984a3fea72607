//! Surveying a copy that may be damaged anywhere: where members may begin in it, and the texts that may be its signed
//! statement. Nothing found here is believed; members are known by their signed hashes alone.

use super::Result;
use crate::files::{self, Progress, Source};
use crate::format::tar::{BLOCK, padded, read_outer};
use crate::format::version::{ENVELOPE_MAX, README_MAX, SUMS_MAX};

/// How members begin: `.age`, signatures, and the envelope and the card as this program spells them.
const BEGIN: [&[u8]; 4] =
    [b"age-encryption.org/v1\n", ARMOUR, b"{\"_type\":\"https://in-toto.io/", b"{\"consign\":\"card/"];
/// What stands in every member's header, and where.
const USTAR: &[u8] = b"ustar\x0000";
const USTAR_AT: usize = 257;
/// How an armour begins.
const ARMOUR: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
const ARMOUR_END: &[u8] = b"-----END SSH SIGNATURE-----\n";
/// How B3SUMS goes on after its first hash.
const SUMS: &[u8] = b"  README.txt\n";
const SUMS_AT: usize = 64;
/// The most members that a copy is searched for: B3SUMS can't list more.
const STARTS_MAX: usize = 1_700_000;
/// The most texts of one kind that are looked at in a copy.
const TEXTS_MAX: usize = 32;
/// How much is searched at a time.
const WINDOW: usize = 1 << 20;

/// A place where the data of a member may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) data: u64,
    /// What its header says, if that is sound.
    pub(super) size: Option<u64>,
    kind: Text,
}

/// What the data looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Envelope,
    Armour,
    Sums,
    Age,
    Other,
}

impl Start {
    /// Whether an age file begins here whose header before it is not sound.
    pub(super) fn is_loose_age(&self) -> bool {
        self.size.is_none() && self.kind == Text::Age
    }
}

impl Text {
    fn of(bytes: &[u8]) -> Text {
        if bytes.starts_with(ARMOUR) {
            Text::Armour
        } else if bytes.get(SUMS_AT..).is_some_and(|rest| rest.starts_with(SUMS)) {
            Text::Sums
        } else if bytes.starts_with(b"{") {
            Text::Envelope
        } else if BEGIN.first().is_some_and(|age| bytes.starts_with(age)) {
            Text::Age
        } else {
            Text::Other
        }
    }
}

/// One copy, and where members may begin in it.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) source: Source,
    /// In order of place, each place once.
    pub(super) starts: Vec<Start>,
}

/// A sign of a member: its header, or how its data begins.
enum Sign {
    Header(u64),
    Data(u64),
}

impl Copy {
    /// Follows the headers, and searches where one is not as it must be.
    pub(super) fn survey(source: Source, progress: &dyn Progress) -> Result<Copy> {
        let mut copy = Copy { source, starts: Vec::new() };
        // Where a header should be, if what stands before tells; and from where on to search if it is not there.
        let (mut expected, mut from) = (Some(0), 0);
        let (mut window, mut text_left) = (vec![0; WINDOW], 2 * SUMS_MAX);
        while copy.starts.len() < STARTS_MAX {
            if progress.stopped() {
                return Err(files::Error::Stopped.into());
            }
            if let Some(at) = expected.take().filter(|at| *at < copy.source.len()) {
                let start = copy.start_at(at);
                copy.starts.push(start);
                if let Some(size) = start.size {
                    (expected, from) = (Some(start.data + padded(size)), start.data + 1);
                    continue;
                }
                expected = copy.text_end(&start, &mut text_left);
                if expected.is_some() {
                    continue;
                }
            }
            match copy.next_sign(from, &mut window, progress)? {
                Some(Sign::Header(at)) => (expected, from) = (Some(at), at + 1),
                // Its header is not sound, or it would have been found first.
                Some(Sign::Data(data)) => (expected, from) = (data.checked_sub(BLOCK), data + 1),
                None => break,
            }
        }
        copy.starts.sort_by_key(|start| (start.data, start.size.is_none()));
        copy.starts.dedup_by_key(|start| start.data);
        Ok(copy)
    }

    /// What stands at the place of a header.
    fn start_at(&self, at: u64) -> Start {
        let mut block = [0; 1024];
        // Near the end of the file, or of what the disk can read, there is less.
        if self.read_some(at, &mut block) == 0 {
            self.read_some(at, block.first_chunk_mut::<512>().map_or(&mut [], |b| b.as_mut_slice()));
        }
        let size = block.first_chunk::<512>().and_then(read_outer).map(|(_, size)| size);
        Start { data: at + BLOCK, size, kind: Text::of(block.get(512..).unwrap_or_default()) }
    }

    /// Where the header after a text without a sound header must be: no text has zeros in it, and padding has.
    /// `left` bounds what is read for that in all.
    fn text_end(&self, start: &Start, left: &mut u64) -> Option<u64> {
        if matches!(start.kind, Text::Age | Text::Other) {
            return None;
        }
        let mut buffer = [0; 4096];
        let mut at = start.data;
        while *left > 0 {
            *left = left.saturating_sub(buffer.len() as u64);
            let have = self.read_some(at, &mut buffer);
            let bytes = buffer.get(..have).unwrap_or_default();
            if let Some(end) = bytes.iter().position(|b| *b == 0) {
                return Some(start.data + padded(at + end as u64 - start.data));
            }
            if have < buffer.len() {
                return None;
            }
            at += have as u64;
        }
        None
    }

    /// Reads what is there and can be read, and says how much that is.
    fn read_some(&self, at: u64, buffer: &mut [u8]) -> usize {
        let len = usize::try_from(self.source.len().saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        let some = buffer.get_mut(..len).unwrap_or_default();
        if self.source.read_at(at, some).is_ok() { len } else { 0 }
    }

    /// Like [`Copy::read_some`], but a spot that the disk can't read is passed over as zeros.
    fn read_around(&self, at: u64, buffer: &mut [u8]) -> usize {
        let all = self.read_some(at, buffer);
        if all > 0 {
            return all;
        }
        let len = usize::try_from(self.source.len().saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        for (n, piece) in buffer.get_mut(..len).unwrap_or_default().chunks_mut(4096).enumerate() {
            if self.source.read_at(at + n as u64 * 4096, piece).is_err() {
                piece.fill(0);
            }
        }
        len
    }

    /// The next sign of a member whose own bytes begin at `from` or later.
    fn next_sign(&self, from: u64, window: &mut [u8], progress: &dyn Progress) -> Result<Option<Sign>> {
        // A little at first: the next sign may be near, and there may be very many.
        let (mut at, mut size) = (from, 4096);
        while at < self.source.len() {
            if progress.stopped() {
                return Err(files::Error::Stopped.into());
            }
            let window = window.get_mut(..size).unwrap_or_default();
            let have = self.read_around(at, window);
            let bytes = window.get(..have).unwrap_or_default();
            for (i, first) in bytes.iter().enumerate() {
                let rest = || bytes.get(i..).unwrap_or_default();
                if *first == b'u' && i >= USTAR_AT && rest().starts_with(USTAR) {
                    let header = bytes.get(i - USTAR_AT..).and_then(|b| b.first_chunk::<512>());
                    if header.is_some_and(|h| read_outer(h).is_some()) {
                        return Ok(Some(Sign::Header(at + (i - USTAR_AT) as u64)));
                    }
                }
                if matches!(first, b'a' | b'-' | b'{') && BEGIN.iter().any(|begin| rest().starts_with(begin)) {
                    return Ok(Some(Sign::Data(at + i as u64)));
                }
                if *first == b' ' && i >= SUMS_AT && rest().starts_with(SUMS) {
                    return Ok(Some(Sign::Data(at + (i - SUMS_AT) as u64)));
                }
            }
            if have < size {
                break;
            }
            // A sign that the end of the window cuts is whole in the next.
            at += (size - 1024) as u64;
            size = (size * 4).min(WINDOW);
        }
        Ok(None)
    }

    /// The name in the header before a start.
    pub(super) fn name(&self, start: &Start) -> Option<String> {
        let mut header = [0; 512];
        start.size?;
        self.source.read_at(start.data.checked_sub(BLOCK)?, &mut header).ok()?;
        read_outer(&header).map(|(name, _)| name.to_owned())
    }

    /// The texts that could be the envelope.
    pub(super) fn envelopes(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.texts(Text::Envelope, ENVELOPE_MAX)
    }

    /// The texts that could be a signature.
    pub(super) fn armours(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.texts(Text::Armour, README_MAX)
    }

    /// The texts that could be B3SUMS, which are large: `most` says how large it can be.
    pub(super) fn sums(&self, most: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.texts(Text::Sums, most)
    }

    fn texts(&self, kind: Text, most: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
        let starts = self.starts.iter().filter(move |s| s.kind == kind && s.size.is_none_or(|size| size <= most));
        starts.take(TEXTS_MAX).filter_map(move |start| {
            let rest = self.source.len().saturating_sub(start.data);
            let len = usize::try_from(start.size.unwrap_or(most).min(rest)).ok()?;
            let mut text = vec![0; len];
            self.source.read_at(start.data, &mut text).ok()?;
            if start.size.is_none() {
                // The padding behind a text tells where it ends, or if that is damaged, its own form.
                let end = text.iter().position(|b| *b == 0).unwrap_or(len);
                text.truncate(end);
                text.truncate(end_of(kind, &text));
            }
            Some(text)
        })
    }

    /// Where one of the texts stands.
    pub(super) fn place_of(&self, text: &[u8]) -> Option<u64> {
        let kind = Text::of(text);
        let starts = self.starts.iter().filter(|s| s.kind == kind && s.size.is_none_or(|n| n == text.len() as u64));
        let stands = |start: &&Start| {
            let mut there = vec![0; text.len()];
            start.data.saturating_add(text.len() as u64) <= self.source.len()
                && self.source.read_at(start.data, &mut there).is_ok()
                && there == text
        };
        starts.take(TEXTS_MAX).find(stands).map(|start| start.data)
    }
}

/// Where a text ends by its form, if what follows it is no padding.
fn end_of(kind: Text, text: &[u8]) -> usize {
    let last = match kind {
        Text::Envelope => text.iter().rposition(|b| *b == b'}').map(|at| at + 1),
        Text::Armour => text.windows(ARMOUR_END.len()).position(|w| w == ARMOUR_END).map(|at| at + ARMOUR_END.len()),
        Text::Sums => {
            let lines = text.split_inclusive(|b| *b == b'\n');
            let whole = lines.take_while(|l| l.get(SUMS_AT..SUMS_AT + 2) == Some(b"  ") && l.ends_with(b"\n"));
            Some(whole.map(<[u8]>::len).sum())
        }
        Text::Age | Text::Other => None,
    };
    last.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Silent;
    use crate::format::container::{Member, push_member};

    fn starts(bytes: &[u8]) -> Vec<(u64, Option<u64>)> {
        let source = Source::spool(bytes, std::path::Path::new("x"), &std::env::temp_dir(), &Silent).unwrap();
        Copy::survey(source, &Silent).unwrap().starts.iter().map(|s| (s.data, s.size)).collect()
    }

    #[test]
    fn members_are_found_behind_broken_headers_and_lost_or_added_bytes() {
        let age = [BEGIN[0], &[7; 3000]].concat();
        let mut whole = Vec::new();
        push_member(&mut whole, Member::Readme, b"text");
        for n in 0..3 {
            push_member(&mut whole, Member::Volume(0, n), &age);
        }
        let len = age.len() as u64;
        assert_eq!(starts(&whole), [(512, Some(4)), (1536, Some(len)), (5120, Some(len)), (8704, Some(len))]);
        let mut broken = whole.clone();
        broken[4700] ^= 1;
        assert_eq!(starts(&broken), [(512, Some(4)), (1536, Some(len)), (5120, None), (8704, Some(len))]);
        let mut added = whole.clone();
        added.splice(2000..2000, [9; 7]);
        assert!(starts(&added).contains(&(5127, Some(len))) && starts(&added).contains(&(8711, Some(len))));
        let mut lost = whole.clone();
        lost.drain(2000..2999);
        assert!(starts(&lost).contains(&(5120 - 999, Some(len))) && starts(&lost).contains(&(8704 - 999, Some(len))));
        assert_eq!(starts(&whole[..6000]), [(512, Some(4)), (1536, Some(len)), (5120, Some(len))]);
    }
}
