//! The first pass: all keywords at once, over every byte. The door to `aho-corasick`. It decides how fast the gate is:
//! few keywords of three bytes and more, found by vectors (Teddy) a group at a time, with a table for processors that have none.

use std::ops::Range;

use aho_corasick::packed::{self, MatchKind};
use aho_corasick::{AhoCorasick, Input};

/// Finds every place of every keyword.
#[derive(Debug)]
pub(super) enum Pass {
    /// No keyword, no place.
    Nothing,
    /// Vectors.
    Packed(Vec<(packed::Searcher, Vec<usize>)>),
    /// A table. It also takes keywords that are found in any case.
    Table(Box<AhoCorasick>),
}

/// So many keywords share a search: with more of them the vectors let too many places through (docs/GATE.md).
const GROUP: usize = 24;
/// The vectors look at so many bytes of a keyword. Shorter ones are searched apart, or the others suffer.
const LOOKED_AT: usize = 4;

impl Pass {
    /// Keywords exactly as they are spelled.
    pub(super) fn exact(keywords: &[&str]) -> Pass {
        if keywords.is_empty() {
            return Pass::Nothing;
        }
        let (short, long): (Vec<usize>, Vec<usize>) = (0..keywords.len()).partition(|n| keywords[*n].len() < LOOKED_AT);
        let groups = short.chunks(GROUP).chain(long.chunks(GROUP));
        let groups: Option<Vec<_>> = groups.map(|group| Some((packed(keywords, group)?, group.to_vec()))).collect();
        match groups {
            Some(groups) => Pass::Packed(groups),
            None => Pass::table(keywords, false),
        }
    }

    /// Keywords whose ASCII letters may be of any case.
    pub(super) fn any_case(keywords: &[&str]) -> Pass {
        if keywords.is_empty() { Pass::Nothing } else { Pass::table(keywords, true) }
    }

    fn table(keywords: &[&str], any_case: bool) -> Pass {
        let built = AhoCorasick::builder().ascii_case_insensitive(any_case).build(keywords);
        // It can only fail beyond some two thousand million bytes of keywords.
        built.map_or(Pass::Nothing, |table| Pass::Table(Box::new(table)))
    }

    /// Tells the number of each keyword and its place, overlapping ones too. Places of one keyword come in order.
    pub(super) fn each(&self, bytes: &[u8], span: Range<usize>, mut tell: impl FnMut(usize, Range<usize>)) {
        let end = span.end.min(bytes.len());
        match self {
            Pass::Nothing => {}
            Pass::Packed(groups) => {
                for (searcher, numbers) in groups {
                    let mut at = span.start;
                    while at < end {
                        let Some(m) = searcher.find_in(bytes, (at..end).into()) else { break };
                        tell(numbers[m.pattern().as_usize()], m.start()..m.end());
                        at = m.start() + 1;
                    }
                }
            }
            Pass::Table(table) if span.start < end => {
                let input = Input::new(bytes).span(span.start..end);
                if let Ok(all) = table.try_find_overlapping_iter(input) {
                    all.for_each(|m| tell(m.pattern().as_usize(), m.start()..m.end()));
                }
            }
            Pass::Table(_) => {}
        }
    }
}

fn packed(keywords: &[&str], group: &[usize]) -> Option<packed::Searcher> {
    packed::Config::new()
        .match_kind(MatchKind::LeftmostFirst)
        .builder()
        .extend(group.iter().map(|n| keywords[*n].as_bytes()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_every_keyword_is_told_by_vectors_and_by_the_table() {
        let keywords = ["abcd", "cdef", "://"];
        let text = b"xx abcdef http://abcd".repeat(5);
        let places = |pass: Pass| {
            let mut all = Vec::new();
            pass.each(&text, 0..text.len(), |n, at| all.push((at.start, n)));
            all.sort_unstable();
            all
        };
        let exact = places(Pass::exact(&keywords));
        assert_eq!(exact.len(), 5 * 4);
        assert_eq!(exact, places(Pass::table(&keywords, false)));
        assert_eq!(exact, places(Pass::any_case(&["ABcd", "CDEF", "://"])));
    }
}
