//! Gathering: finds each member, by its signed hash, in whichever copy has it. Where a member may lie is only a guess
//! of headers, neighbours and other copies; the hash alone decides.

use std::collections::{HashMap, HashSet};

use super::Result;
use super::survey::{Copy, Start};
use crate::crypto::{Digest, Hasher};
use crate::files::{self, Progress};
use crate::format::container::Member;
use crate::format::tar::BLOCK;

/// A member's data in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) copy: usize,
    pub(super) data: u64,
    pub(super) size: u64,
}

/// What headers say of a member, in whichever copy; not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hint {
    data: u64,
    pub(super) size: u64,
}

/// What was found of a list of members.
pub(super) struct Gathered {
    /// Where each is, if a copy has it.
    pub(super) spots: Vec<Option<Spot>>,
    /// What headers say of those that were not where they stand.
    pub(super) hints: Hints,
}

/// What headers say of members.
pub(super) type Hints = HashMap<Member, Vec<Hint>>;

/// The most sizes that are tried for a member whose headers disagree, and places for one without any.
const HINTS_MAX: usize = 4;
const PLACES_MAX: usize = 64;
/// How many lengths are looked at in all where nothing tells how long a member is: some seconds of work.
const LENGTHS_MAX: u64 = 8 << 20;

pub(super) struct Gatherer<'a> {
    copies: &'a [Copy],
    progress: &'a dyn Progress,
    wanted: HashSet<Digest>,
    found: HashMap<Digest, Spot>,
    /// How many bytes may still be hashed in each copy, so that overlapping headers can't make work without end.
    budget: Vec<u64>,
    buffer: Vec<u8>,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(copies: &'a [Copy], progress: &'a dyn Progress) -> Gatherer<'a> {
        let (budget, buffer) = (Gatherer::budgets(copies), vec![0; 256 << 10]);
        Gatherer { copies, progress, wanted: HashSet::new(), found: HashMap::new(), budget, buffer }
    }

    /// Looks for every member. `anchors` are the places of headers that are signed.
    pub(super) fn run(mut self, members: &[(Member, Digest)], anchors: &[u64]) -> Result<Gathered> {
        self.wanted = members.iter().map(|(_, hash)| *hash).collect();
        self.progress.begin("look through", self.copies.first().map_or(0, |c| c.source.len()));
        // Those whose header tells how long they are come first, so that guesses never use up their budget.
        self.try_starts(members, anchors, false)?;
        self.budget = Gatherer::budgets(self.copies);
        self.try_starts(members, anchors, true)?;
        let hints = self.hints(members);
        self.try_hints(members, &hints)?;
        self.try_lengths()?;
        let spots = members.iter().map(|(_, hash)| self.found.get(hash).copied()).collect();
        Ok(Gathered { spots, hints })
    }

    /// Tries the starts with a sound header, or those that are `loose`.
    fn try_starts(&mut self, members: &[(Member, Digest)], anchors: &[u64], loose: bool) -> Result<()> {
        for (n, copy) in self.copies.iter().enumerate() {
            let lost: Option<HashSet<String>> = (n > 0).then(|| self.lost(members).map(|m| m.name()).collect());
            for start in copy.starts.iter().filter(|start| start.size.is_none() == loose) {
                if self.wanted.is_empty() {
                    break;
                }
                let passes = lost.as_ref().is_none_or(|lost| copy.name(start).is_none_or(|name| lost.contains(&name)));
                if passes {
                    self.try_start(n, start, anchors)?;
                }
            }
        }
        Ok(())
    }

    fn budgets(copies: &[Copy]) -> Vec<u64> {
        copies.iter().map(|c| c.source.len().saturating_mul(4).saturating_add(64 << 20)).collect()
    }

    fn lost<'m>(&'m self, members: &'m [(Member, Digest)]) -> impl Iterator<Item = Member> + 'm {
        members.iter().filter(|(_, hash)| self.wanted.contains(hash)).map(|(member, _)| *member)
    }

    fn try_start(&mut self, copy: usize, start: &Start, anchors: &[u64]) -> Result<()> {
        if let Some(size) = start.size {
            return self.try_range(copy, start.data, size, size).map(drop);
        }
        for end in self.ends(copy, start.data, anchors) {
            let padded = end - start.data;
            if self.try_range(copy, start.data, padded.saturating_sub(BLOCK - 1), padded)? {
                break;
            }
        }
        Ok(())
    }

    /// Where a member without a sound header may end: before the next one, here or in another copy.
    fn ends(&self, copy: usize, data: u64, anchors: &[u64]) -> Vec<u64> {
        let mut ends = Vec::new();
        for (n, other) in self.copies.iter().enumerate() {
            let after = other.starts.partition_point(|s| s.data <= data);
            let many = if n == copy { 3 } else { 2 };
            ends.extend(other.starts.iter().skip(after).take(many).filter_map(|s| s.data.checked_sub(BLOCK)));
        }
        ends.extend(anchors.iter().copied().find(|at| *at > data));
        let len = self.copies.get(copy).map_or(0, |c| c.source.len());
        ends.push(len);
        ends.retain(|end| *end > data && *end <= len);
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Hashes from `data` on, and looks at every size from `least` to `most`.
    fn try_range(&mut self, copy: usize, data: u64, least: u64, most: u64) -> Result<bool> {
        let (Some(from), Some(budget)) = (self.copies.get(copy), self.budget.get_mut(copy)) else { return Ok(false) };
        if data.saturating_add(most) > from.source.len() || *budget < most {
            return Ok(false);
        }
        *budget -= most;
        let (mut hasher, mut at) = (Hasher::default(), 0);
        while at < least {
            if self.progress.stopped() {
                return Err(files::Error::Stopped.into());
            }
            let len = usize::try_from(least - at).unwrap_or(usize::MAX).min(self.buffer.len());
            let some = self.buffer.get_mut(..len).unwrap_or_default();
            // What the disk can't read is lost here, and may be in another copy.
            if from.source.read_at(data + at, some).is_err() {
                return Ok(false);
            }
            hasher.update(some);
            at += len as u64;
            if copy == 0 {
                self.progress.advance(len as u64);
            }
        }
        let mut rest = vec![0; usize::try_from(most - least).unwrap_or(0)];
        if from.source.read_at(data + least, &mut rest).is_err() {
            return Ok(false);
        }
        // What should be padding may be damaged, too.
        for size in 0..=rest.len() {
            let hash = hasher.clone().finish();
            if self.wanted.remove(&hash) {
                self.found.insert(hash, Spot { copy, data, size: least + size as u64 });
                return Ok(true);
            }
            if let Some(byte) = rest.get(size..=size) {
                hasher.update(byte);
            }
        }
        Ok(false)
    }

    /// The last resort for an age file whose own header and whose neighbour's are gone: every length is looked at.
    fn try_lengths(&mut self) -> Result<()> {
        let mut left = LENGTHS_MAX;
        for (copy, from) in self.copies.iter().enumerate() {
            for (n, start) in from.starts.iter().enumerate().filter(|(_, start)| start.is_loose_age()) {
                let end = from.starts.get(n + 1).map_or(from.source.len(), |next| next.data).min(from.source.len());
                let is_found = self.found.values().any(|spot| (spot.copy, spot.data) == (copy, start.data));
                let most = end.saturating_sub(start.data).min(left);
                if !is_found && !self.wanted.is_empty() {
                    left -= most;
                    self.try_range(copy, start.data, 0, most)?;
                }
            }
        }
        Ok(())
    }

    /// What sound headers say of the members that were not found where they stand.
    fn hints(&self, members: &[(Member, Digest)]) -> Hints {
        let names: HashMap<String, Member> = self.lost(members).map(|m| (m.name(), m)).collect();
        let mut hints = Hints::new();
        if names.is_empty() {
            return hints;
        }
        for (copy, start) in self.copies.iter().flat_map(|c| c.starts.iter().map(move |s| (c, s))) {
            let Some(size) = start.size else { continue };
            let Some(member) = copy.name(start).and_then(|name| names.get(&name)) else { continue };
            let hint = Hint { data: start.data, size };
            let known = hints.entry(*member).or_default();
            if known.len() < HINTS_MAX && !known.contains(&hint) {
                known.push(hint);
            }
        }
        hints
    }

    /// A size that one copy's header states may fit to data of another copy whose header is gone.
    fn try_hints(&mut self, members: &[(Member, Digest)], hints: &Hints) -> Result<()> {
        let loose: Vec<Vec<u64>> = self
            .copies
            .iter()
            .map(|c| c.starts.iter().filter(|s| s.size.is_none()).map(|s| s.data).take(PLACES_MAX).collect())
            .collect();
        for (member, hash) in members {
            for hint in hints.get(member).into_iter().flatten() {
                for (copy, places) in loose.iter().enumerate() {
                    for data in [hint.data].iter().chain(places) {
                        if self.wanted.contains(hash) {
                            self.try_range(copy, *data, hint.size, hint.size)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
