//! The step `bundle::select` of the line to a bundle: from an order to the sorted, checked list of what is sent (FORMAT
//! §3). Every name is checked before a file is read. It never decides who may get it, and reads no contents.

use std::path::{Path, PathBuf};

pub use super::contents::ContentReader;
use super::contents::{LFS_SIZE, Source};
use super::names::{self, Names};
use crate::files::{
    Folder, Glob, Ignored, LeftOut, Listed, Listing, Note, Progress, Result, Revision, Rules, Walk, What, Within,
    ignored, named,
};
use crate::format::names::unportable;
use crate::format::tar::HeadKind;

/// Where it comes from.
#[derive(Debug, Clone, Copy)]
pub enum From<'a> {
    /// A folder on disk.
    Folder(&'a Path),
    /// A folder on disk as it is: no rules apply but that `.git` and `.consign` are left out.
    Plain(&'a Path),
    /// These files, relative to a folder, whatever the rules say of them.
    Named {
        /// The folder.
        root: &'a Path,
        /// They.
        files: &'a [&'a Path],
    },
    /// A revision of a git repository; of a folder in one, that part of it.
    Revision {
        /// The repository, or a folder in it.
        repo: &'a Path,
        /// What `git rev-parse` understands.
        rev: &'a str,
    },
}

/// What the user asked for.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Where it comes from.
    pub from: From<'a>,
    /// `--include` and `--exclude`, in the order of the command line.
    pub globs: &'a [Glob],
    /// What may be let out at all, whatever else lets it in.
    pub scope: Option<Within<'a>>,
    /// Whether names that some platform can't hold are sent all the same.
    pub allow_unportable: bool,
    /// No time is later than this (`SOURCE_DATE_EPOCH`).
    pub latest: Option<u64>,
    /// What this very run writes: never sent, wherever it is.
    pub keep_out: &'a [PathBuf],
    /// Whether to look into what is left out, in order to count it (a dry run).
    pub survey: bool,
}

/// What is sent: sorted by the bytes of its paths, parents first, every path safe.
#[derive(Debug)]
pub struct Selection {
    listing: Listing,
    source: Source,
    left_out: Vec<LeftOut>,
    notes: Vec<Note>,
    files: u64,
    bytes: u64,
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// What it is.
    pub kind: HeadKind<'a>,
    /// Seconds since 1970.
    pub mtime: u64,
}

impl Selection {
    /// Lists and checks what is to be sent.
    ///
    /// # Errors
    /// What can't be read, and what can't be sent, by name.
    pub fn of(order: &Order<'_>, progress: &dyn Progress) -> Result<Selection> {
        progress.begin("listing", 0);
        let selection = match order.from {
            From::Folder(path) => of_folder(path, order, progress)?,
            From::Plain(path) => of_plain(path, order, progress)?,
            From::Named { root, files } => of_named(root, files)?,
            From::Revision { repo, rev } => of_revision(repo, rev, order, progress)?,
        };
        names::check(&selection.listing, Names { allow_unportable: order.allow_unportable })?;
        Ok(selection)
    }

    fn new(listing: Listing, source: Source, left_out: Vec<LeftOut>, notes: Vec<Note>) -> Selection {
        let (mut files, mut bytes) = (0_u64, 0_u64);
        for i in 0..listing.len() {
            if let What::File { size, .. } = listing.what(i) {
                files += 1;
                bytes = bytes.saturating_add(size);
            }
        }
        Selection { listing, source, left_out, notes, files, bytes }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listing.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listing.is_empty()
    }

    /// Puts the path of entry `i` into `out`, in place of what it holds.
    pub fn path_into(&self, i: usize, out: &mut String) {
        self.listing.path_into(i, out);
    }

    /// Entry `i`.
    #[must_use]
    pub fn item(&self, i: usize) -> Item<'_> {
        let kind = match self.listing.what(i) {
            What::File { size, exec, .. } => HeadKind::File { size, exec },
            What::Dir { .. } => HeadKind::Dir,
            What::Link { .. } => HeadKind::Link(self.listing.target(i)),
        };
        Item { kind, mtime: self.listing.mtime(i) }
    }

    /// How many files there are.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files
    }

    /// How many bytes they have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The full id of the commit, for a revision.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        match &self.source {
            Source::Folder(_) => None,
            Source::Revision { commit, .. } => Some(commit),
        }
    }

    /// What is left out, by reason.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// What travels differently than it is.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Files and bytes of each folder at the top, `.` for files that are in none, for a dry run.
    #[must_use]
    pub fn included_by_folder(&self) -> Vec<(String, u64, u64)> {
        let mut tops: Vec<usize> = Vec::with_capacity(self.len());
        let mut groups = std::collections::BTreeMap::<&str, (u64, u64)>::new();
        for i in 0..self.len() {
            let parent = self.listing.parent(i);
            let top = parent.and_then(|p| tops.get(p).copied()).unwrap_or(i);
            tops.push(top);
            if let What::File { size, .. } = self.listing.what(i) {
                let name = if parent.is_none() { "." } else { self.listing.name(top) };
                let group = groups.entry(name).or_default();
                *group = (group.0 + 1, group.1.saturating_add(size));
            }
        }
        groups.into_iter().map(|(name, (files, bytes))| (name.to_owned(), files, bytes)).collect()
    }

    /// A reader of contents; each thread makes one of its own.
    ///
    /// # Errors
    /// None now; a source may need something of the system.
    pub fn reader(&self) -> Result<ContentReader<'_>> {
        Ok(ContentReader::new(&self.source, &self.listing))
    }

    /// Names that some system can't hold, with why. They are there only if the order allows them.
    #[must_use]
    pub fn unportable(&self) -> Vec<(usize, &'static str)> {
        (0..self.len()).filter_map(|i| Some((i, unportable(self.listing.name(i))?))).collect()
    }

    /// Pairs of names that some system can't keep apart. They are there only if the order allows them.
    #[must_use]
    pub fn collisions(&self) -> Vec<(usize, usize)> {
        names::pairs(&self.listing)
    }

    /// Looks for what only contents tell, in as few files as can be: a dry run does it, which reads nothing else.
    ///
    /// # Errors
    /// [`Error::LfsPointer`]; what reading meets.
    pub fn precheck(&self) -> Result<()> {
        let mut reader = self.reader()?;
        let mut bytes = Vec::new();
        for i in 0..self.len() {
            if let What::File { size, .. } = self.listing.what(i)
                && LFS_SIZE.contains(&size)
            {
                bytes.clear();
                reader.read(i, 0, usize::try_from(size).unwrap_or(0), &mut bytes)?;
            }
        }
        Ok(())
    }
}

fn of_folder(path: &Path, order: &Order<'_>, progress: &dyn Progress) -> Result<Selection> {
    let folder = Folder::open(path)?;
    let rules = Rules::new(&folder.rules()?, order.globs)?;
    let ignored = ignored(path, progress)?;
    list(folder, &rules, Some(&ignored), order, progress)
}

fn of_plain(path: &Path, order: &Order<'_>, progress: &dyn Progress) -> Result<Selection> {
    list(Folder::open(path)?, &Rules::new(b"", &[])?, None, order, progress)
}

fn of_named(root: &Path, files: &[&Path]) -> Result<Selection> {
    let root = Folder::open(root)?;
    let listing = named(&root, files)?;
    Ok(Selection::new(listing, Source::Folder(root), Vec::new(), Vec::new()))
}

fn of_revision(repo: &Path, rev: &str, order: &Order<'_>, progress: &dyn Progress) -> Result<Selection> {
    let revision = Revision::resolve(repo, rev)?;
    let rules = Rules::new(&revision.rules()?, order.globs)?;
    let commit = revision.commit().to_owned();
    let Listed { listing, blobs, left_out, mut notes } = revision.list(&rules, order.scope, order.latest, progress)?;
    notes.extend(rules.unused(order.globs));
    Ok(Selection::new(listing, Source::Revision { commit, blobs }, left_out, notes))
}

/// Lists a folder, with rules unless it is taken as it is.
fn list(
    root: Folder,
    rules: &Rules,
    ignored: Option<&Ignored>,
    order: &Order<'_>,
    progress: &dyn Progress,
) -> Result<Selection> {
    let keep_out = root.inside(order.keep_out);
    let (latest, survey, plain) = (order.latest, order.survey, ignored.is_none());
    let none = Ignored::default();
    let ignored = ignored.unwrap_or(&none);
    let scope = order.scope;
    let walk = Walk { root: &root, rules, ignored, scope, plain, keep_out: &keep_out, latest, survey, progress };
    let (listing, left_out, mut notes) = walk.run()?.into_parts();
    notes.extend(rules.unused(order.globs));
    Ok(Selection::new(listing, Source::Folder(root), left_out, notes))
}

#[cfg(test)]
mod revisions;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod tests;
