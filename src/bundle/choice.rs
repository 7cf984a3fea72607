//! Which entries of a compartment become part of a tree: those asked for, the folders they are in, and none that a
//! lower compartment provides. Entries are seen in their order; only the folders that are open are remembered.

use super::Result;
use super::reveal::{Part, Revealed};
use super::union::Lower;
use crate::format::entries::is_past;
use crate::format::entry::{Entry, Kind};

/// Whether a path is asked for.
pub type Only<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// What an entry is to the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Nobody asked for it.
    No,
    /// A lower compartment provides it, with this time.
    Provided(u64),
    /// It is made.
    Yes,
}

/// A folder that nobody asked for, but something in it.
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) mtime: u64,
    /// A lower compartment has it too, so it may be there already.
    pub(super) shared: bool,
}

/// Chooses among the entries of one compartment.
pub(super) struct Chooser<'a> {
    only: Option<Only<'a>>,
    lower: Lower<'a>,
    waiting: Vec<Folder>,
    /// The folders that the entry chosen last needs and that were not asked for, outermost first.
    pub(super) needed: Vec<Folder>,
}

impl<'a> Chooser<'a> {
    /// For the entries of `part` as a part of the union; without `only`, all are asked for.
    pub(super) fn of(part: &Part, revealed: &'a Revealed, only: Option<Only<'a>>) -> Result<Chooser<'a>> {
        Ok(Chooser { lower: Lower::than(part, revealed)?, ..Chooser::alone(only) })
    }

    /// For the entries of a part that is looked at alone.
    pub(super) fn alone(only: Option<Only<'a>>) -> Chooser<'a> {
        Chooser { only, lower: Lower::none(), waiting: Vec::new(), needed: Vec::new() }
    }

    /// Decides on the next entry.
    pub(super) fn choose(&mut self, entry: &Entry) -> Result<Choice> {
        let path = entry.path.as_str();
        self.needed.clear();
        while self.waiting.last().is_some_and(|folder| is_past(path, &folder.path)) {
            self.waiting.pop();
        }
        let first = self.lower.find(path)?.map(|first| first.mtime);
        if self.only.is_none_or(|only| only(path)) {
            self.take_needed(path);
            return Ok(first.map_or(Choice::Yes, Choice::Provided));
        }
        if entry.kind == Kind::Dir {
            let mtime = first.unwrap_or(entry.mtime);
            self.waiting.push(Folder { path: path.to_owned(), mtime, shared: first.is_some() });
        }
        Ok(Choice::No)
    }

    fn take_needed(&mut self, path: &str) {
        if !self.waiting.is_empty() {
            let holds = |folder: &Folder| path.strip_prefix(&*folder.path).is_some_and(|rest| rest.starts_with('/'));
            (self.needed, self.waiting) = std::mem::take(&mut self.waiting).into_iter().partition(holds);
        }
    }
}
