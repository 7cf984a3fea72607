//! Which files lie in volumes that nobody has any more. A file counts as lost with any volume that its header, contents
//! or padding touches; folders and links are whole in the manifest.

use super::Result;
use super::choice::{Choice, Chooser, Only};
use super::reveal::{Part, Revealed};
use crate::format::container::Member;
use crate::format::entry::{Entry, Kind};

/// The lost ranges of a compartment's stream. Entries are asked for in order.
pub(super) struct Losses {
    /// From, to, and the number of the volume.
    ranges: Vec<(u64, u64, u64)>,
    next: usize,
    offset: u64,
}

impl Losses {
    /// None.
    pub(super) fn none() -> Losses {
        Losses { ranges: Vec::new(), next: 0, offset: 0 }
    }

    /// Those of the volumes for which `lost` says so.
    pub(super) fn of(part: &Part, lost: impl Iterator<Item = bool>) -> Losses {
        let (mut losses, mut at) = (Losses::none(), 0);
        for (n, (volume, lost)) in part.front.volumes.iter().zip(lost).enumerate() {
            let to = at + u64::from(volume.plain);
            if lost {
                losses.ranges.push((at, to, n as u64));
            }
            at = to;
        }
        losses
    }

    /// The first lost volume that a file lies in; moves on behind the entry.
    pub(super) fn pass(&mut self, entry: &Entry) -> Option<u64> {
        if entry.is_ref() {
            return None;
        }
        let from = self.offset;
        self.offset = from.saturating_add(entry.span());
        while self.ranges.get(self.next).is_some_and(|(_, to, _)| *to <= from) {
            self.next += 1;
        }
        let hit = self.ranges.get(self.next).filter(|(start, ..)| *start < self.offset);
        hit.filter(|_| matches!(entry.kind, Kind::File { .. })).map(|(.., volume)| *volume)
    }
}

/// A file that lies in a lost volume.
pub struct Missing<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its bytes.
    pub size: u64,
    /// The first lost volume that it is in.
    pub volume: String,
}

impl Revealed {
    /// Shows the files that lie in lost volumes, in order; without `only`, all of them. Only a bundle that was mended
    /// has lost volumes.
    ///
    /// # Errors
    /// A manifest that is not as it must be, or what `show` returns.
    pub fn missing(&self, only: Option<Only<'_>>, show: &mut dyn FnMut(&Missing<'_>) -> Result<()>) -> Result<()> {
        let Some(layout) = &self.trusted.signed.opened.layout else { return Ok(()) };
        for part in &self.open {
            let mine = layout.places.iter().filter(|p| matches!(p.member, Member::Volume(c, _) if c == part.n));
            let mut losses = Losses::of(part, mine.map(|p| p.lost));
            let mut chooser = Chooser::of(part, self, only)?;
            let mut entries = part.entries(false)?;
            while let Some(entry) = entries.next()? {
                let lost = losses.pass(&entry);
                let choice = chooser.choose(&entry)?;
                if let (Some(volume), Choice::Yes, Kind::File { size, .. }) = (lost, choice, &entry.kind) {
                    let volume = Member::Volume(part.n, volume).name();
                    show(&Missing { path: entry.path.as_str(), size: *size, volume })?;
                }
            }
        }
        Ok(())
    }
}
