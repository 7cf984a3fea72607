//! A tree as it is made: folders and files as their entries come; links, and the times of folders, in a pass of their
//! own at the end, since a link must not be followed and whatever is made in a folder changes its time.

use super::base::Base;
use super::choice::{Choice, Chooser, Folder};
use super::reveal::Part;
use super::{Error, Result};
use crate::files::{self, Hand, Root};
use crate::format::entries::is_past;
use crate::format::entry::{Entry, Kind};

/// What was unpacked, or checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files whose every byte was compared.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links made.
    pub links: u64,
    /// Links left out.
    pub links_left_out: u64,
    /// Files that are only named, since the base is not here.
    pub refs: u64,
    /// Files that salvage left out, since a volume that they are in is damaged.
    pub missing: u64,
}

/// What was made so far, or counted when nothing is made.
pub(super) struct Making<'a> {
    pub(super) root: Option<&'a Root>,
    hand: Option<Hand<'a>>,
    pub(super) counts: Counts,
    /// Files in lost volumes are left out instead of being an error.
    pub(super) salvage: bool,
}

impl<'a> Making<'a> {
    /// In `root`, or nowhere.
    pub(super) fn of(root: Option<&'a Root>) -> Making<'a> {
        Making { root, hand: root.map(Root::hand), counts: Counts::default(), salvage: false }
    }

    /// The same, but files in lost volumes are left out.
    pub(super) fn salvaging(self) -> Making<'a> {
        Making { salvage: true, ..self }
    }

    /// Makes the folders that an entry needs.
    pub(super) fn folders(&mut self, needed: &[Folder]) -> Result<()> {
        let Some(hand) = &mut self.hand else { return Ok(()) };
        for folder in needed {
            match hand.folder(&folder.path) {
                Err(files::Error::Collision { .. }) if folder.shared => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Counts an entry, and makes it if it is a folder. Files are made by the workers.
    pub(super) fn entry(&mut self, entry: &Entry, no_links: bool) -> Result<()> {
        match &entry.kind {
            Kind::File { size, .. } => {
                self.counts.files += 1;
                self.counts.bytes += size;
            }
            Kind::Dir => {
                if let Some(hand) = &mut self.hand {
                    hand.folder(entry.path.as_str())?;
                }
            }
            Kind::Link { .. } if no_links => self.counts.links_left_out += 1,
            Kind::Link { .. } => self.counts.links += 1,
        }
        Ok(())
    }

    /// A file that is taken from the base, or only counted without one.
    pub(super) fn reference(&mut self, entry: &Entry, base: Option<&Base>) -> Result<()> {
        let Kind::File { size, b3, exec, .. } = &entry.kind else { return Err(Error::Bug) };
        let Some(base) = base else {
            self.counts.refs += 1;
            return Ok(());
        };
        self.counts.files += 1;
        self.counts.bytes += size;
        let path = entry.path.as_str();
        match &mut self.hand {
            Some(hand) => {
                let mut file = hand.file(path, *exec)?;
                base.copy(path, b3, &mut file)?;
                hand.finish(path, &file, entry.mtime)?;
            }
            None => base.copy(path, b3, &mut std::io::sink())?,
        }
        Ok(())
    }

    /// Makes the links of a part and sets the times of its folders, when all its files are there.
    pub(super) fn finish(&mut self, part: &Part, mut chooser: Chooser<'_>, no_links: bool) -> Result<()> {
        let Some(hand) = &mut self.hand else { return Ok(()) };
        let mut open: Vec<(String, u64)> = Vec::new();
        let mut entries = part.entries(false)?;
        while let Some(entry) = entries.next()? {
            let path = entry.path.as_str();
            while let Some((dir, mtime)) = open.pop_if(|(dir, _)| is_past(path, dir)) {
                hand.folder_time(&dir, mtime)?;
            }
            let choice = chooser.choose(&entry)?;
            open.extend(chooser.needed.drain(..).map(|folder| (folder.path, folder.mtime)));
            match (&entry.kind, choice) {
                (Kind::Dir, Choice::Yes) => open.push((path.to_owned(), entry.mtime)),
                (Kind::Dir, Choice::Provided(mtime)) => open.push((path.to_owned(), mtime)),
                (Kind::Link { to }, Choice::Yes) if !no_links => hand.link(path, to, entry.mtime)?,
                _ => {}
            }
        }
        while let Some((dir, mtime)) = open.pop() {
            hand.folder_time(&dir, mtime)?;
        }
        Ok(())
    }
}
