//! Several open compartments as one tree (FORMAT §4.10): the lowest that has a path provides it, and all must agree on
//! what it is. Manifests are sorted, so they are read side by side; nothing is collected.

use super::reveal::{Part, Revealed};
use super::{Error, Result};
use crate::format::entries::Entries;
use crate::format::entry::Entry;

/// The most bytes of lines that are in memory for all manifests read side by side.
const SIDE_BY_SIDE: usize = 96 << 20;

/// The open compartments below one, read as far as the paths that were asked for.
pub(super) struct Lower<'a> {
    cursors: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    entries: Entries<'a>,
    now: Option<Entry>,
}

impl<'a> Lower<'a> {
    /// None, for those who look at each compartment alone.
    pub(super) fn none() -> Lower<'a> {
        Lower { cursors: Vec::new() }
    }

    /// Those below the compartment of `part`.
    pub(super) fn than(part: &Part, revealed: &'a Revealed) -> Result<Lower<'a>> {
        let lower = revealed.open.iter().filter(|other| other.n < part.n);
        let cursors = lower.map(|other| Cursor::over(other, SIDE_BY_SIDE / revealed.open.len().max(1)));
        Ok(Lower { cursors: cursors.collect::<Result<_>>()? })
    }

    /// The entry that the lowest of them has at `path`. Paths must be asked for in the order of entries.
    pub(super) fn find(&mut self, path: &str) -> Result<Option<&Entry>> {
        self.cursors.iter_mut().try_for_each(|cursor| cursor.seek(path))?;
        Ok(self.cursors.iter().filter_map(|c| c.now.as_ref()).find(|e| e.path.as_str() == path))
    }
}

impl<'a> Cursor<'a> {
    fn over(part: &'a Part, largest: usize) -> Result<Cursor<'a>> {
        let mut entries = part.entries(false)?.capped(largest);
        let now = entries.next()?;
        Ok(Cursor { entries, now })
    }

    fn seek(&mut self, path: &str) -> Result<()> {
        while self.now.as_ref().is_some_and(|e| e.path.as_str() < path) {
            self.now = self.entries.next()?;
        }
        Ok(())
    }
}

impl Revealed {
    /// Demands that open compartments which share a path agree on what it is.
    ///
    /// # Errors
    /// [`Error::CompartmentsDiffer`].
    pub(super) fn check_union(&self) -> Result<()> {
        for part in self.open.iter().skip(1) {
            let mut lower = Lower::than(part, self)?;
            let mut entries = part.entries(false)?;
            while let Some(entry) = entries.next()? {
                if lower.find(entry.path.as_str())?.is_some_and(|first| !first.same_content(&entry)) {
                    let open = self.open.iter().map(|p| p.n).collect();
                    return Err(Error::CompartmentsDiffer { path: entry.path.to_string(), open });
                }
            }
        }
        Ok(())
    }
}
