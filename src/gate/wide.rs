//! Text in UTF-16, with a mark or without, alone in its file or between other bytes: where every second byte is zero,
//! the others are looked at as if they stood alone.

use std::ops::Range;

/// How characters stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wide {
    /// One byte for each of ASCII.
    No,
    /// UTF-16, least byte first.
    Little,
    /// UTF-16, greatest byte first.
    Big,
}

/// A run of UTF-16, made narrow.
pub(super) struct Narrow {
    /// Where its first unit begins.
    pub(super) start: usize,
    /// One byte a unit; 0xff for what isn't ASCII.
    pub(super) bytes: Vec<u8>,
    pub(super) wide: Wide,
}

/// So many bytes of other things may stand within a run.
const GAP: usize = 256;
/// A shorter run holds no secret.
const SHORT: usize = 16;

/// The runs in a span. `even` says whether the first byte of `bytes` stands at an even place of its file.
pub(super) fn runs(bytes: &[u8], span: Range<usize>, even: bool) -> Vec<Narrow> {
    let span = span.start..span.end.min(bytes.len());
    if span.len() < SHORT || !bytes[span.clone()].contains(&0) {
        return Vec::new();
    }
    // Words are laid on even places of the file, so that slices agree on them.
    let start = span.start + usize::from((span.start % 2 == 0) != even);
    [Wide::Little, Wide::Big].into_iter().flat_map(|wide| of(bytes, start..span.end, wide)).collect()
}

fn of(bytes: &[u8], span: Range<usize>, wide: Wide) -> Vec<Narrow> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for (n, word) in bytes[span.clone()].chunks_exact(8).enumerate() {
        if !is_text(word, wide) {
            continue;
        }
        let at = span.start + 8 * n;
        match all.last_mut() {
            Some(run) if run.end + GAP >= at => run.end = at + 8,
            _ => all.push(at..at + 8),
        }
    }
    let wide_enough = |run: &Range<usize>| run.len() >= SHORT;
    all.into_iter().filter(wide_enough).map(|run| narrow(bytes, grown(run, &span), wide)).collect()
}

/// Four units of ASCII.
fn is_text(word: &[u8], wide: Wide) -> bool {
    let Ok(word) = word.try_into().map(u64::from_le_bytes) else { return false };
    let text = match wide {
        Wide::Big => word >> 8,
        Wide::Little | Wide::No => word,
    };
    let zeros = match wide {
        Wide::Big => word << 8,
        Wide::Little | Wide::No => word,
    };
    zeros & 0xff00_ff00_ff00_ff00 == 0
        && text & 0x0080_0080_0080_0080 == 0
        && (text & 0x00ff_00ff_00ff_00ff).wrapping_sub(0x0001_0001_0001_0001) & 0x0080_0080_0080_0080 == 0
}

/// A run with the units at its ends that don't fill a word.
fn grown(run: Range<usize>, span: &Range<usize>) -> Range<usize> {
    run.start.saturating_sub(8).max(span.start)..(run.end + 8).min(span.end)
}

fn narrow(bytes: &[u8], run: Range<usize>, wide: Wide) -> Narrow {
    // A byte without its second half: the greatest first, from an odd place up to the end.
    let unit = |pair: &[u8]| match (pair, wide) {
        ([0, low], Wide::Big) | ([low, 0] | [low], Wide::Little | Wide::No) if low.is_ascii() => *low,
        _ => 0xff,
    };
    Narrow { start: run.start, bytes: bytes[run].chunks(2).map(unit).collect(), wide }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_in_both_orders_at_even_and_odd_places() {
        let text = "key = ünïcode and a value";
        for lead in 0..9 {
            for big in [false, true] {
                let units = text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() });
                let bytes: Vec<u8> = std::iter::repeat_n(0xaa, lead).chain(units).collect();
                let runs = runs(&bytes, 0..bytes.len(), true);
                let found = runs.iter().any(|run| run.bytes.windows(11).any(|w| w == b"and a value"));
                assert!(found, "{lead} {big}");
            }
        }
        assert!(runs(&[0; 4096], 0..4096, true).is_empty());
    }
}
