//! From a revealed bundle to a tree, a listing or one file. Everything is checked in both directions; missing, extra
//! and altered are all fatal (FORMAT §6.1, §6.2).

use std::collections::HashSet;
use std::path::Path;

use super::base::Base;
use super::choice::{Choice, Chooser, Only};
use super::losses::Losses;
use super::making::{Counts, Making};
use super::open::Place;
use super::reveal::{Part, Revealed};
use super::run::{Rest, Run, Sink, VolumeAt, Want};
use super::{Error, Result};
use crate::crypto::Digest;
use crate::files::{Progress, Root};
use crate::format::changed;
use crate::format::container::Member;
use crate::format::entry::{Entry, Kind};
use crate::format::envelope::Compartment;

/// How to unpack.
pub struct Unpack<'a> {
    /// Which paths; all without it.
    pub only: Option<Only<'a>>,
    /// Leave links out.
    pub no_links: bool,
    /// Whether links can be made where the tree goes.
    pub links_work: bool,
    /// The tree that a delta is made against.
    pub base: Option<&'a Path>,
    /// How many threads may work.
    pub workers: usize,
}

impl Revealed {
    /// The volumes of a part, located by walking the file, which checks its layout.
    fn volumes(&self, part: &Part, places: &[Place], salvage: bool) -> Result<Vec<VolumeAt>> {
        let sizes = part.front.volumes.iter();
        let mine = places.iter().zip(&self.trusted.signed.sums.hashes);
        let mine = mine.filter(|(p, _)| matches!(p.member, Member::Volume(c, _) if c == part.n));
        let volume = |p: &Place, hash: Digest| VolumeAt { data: p.data, size: p.size, hash, lost: p.lost && salvage };
        let volumes: Vec<_> = mine.map(|(place, hash)| volume(place, *hash)).collect();
        // What is lost may have taken its size with it.
        let fits = |v: &VolumeAt, size: u64| v.lost || v.size == size;
        if volumes.len() != sizes.len() || !volumes.iter().zip(sizes).all(|(v, s)| fits(v, s.member)) {
            return Err(changed(Member::Manifest(part.n).name(), "it lists other volumes than there are").into());
        }
        Ok(volumes)
    }

    /// Checks everything that `unpack` would check, and writes nothing.
    ///
    /// # Errors
    /// Those of unpacking.
    pub fn check_deep(&self, order: &Unpack<'_>, progress: &dyn Progress) -> Result<Counts> {
        self.each_part(order, Making::of(None), progress)
    }

    /// Makes the tree in `root`, an empty folder of our own.
    ///
    /// # Errors
    /// Whatever is not as the sender signed it; what the system says. The folder must be thrown away then.
    pub fn unpack_into(&self, root: &Root, order: &Unpack<'_>, progress: &dyn Progress) -> Result<Counts> {
        self.each_part(order, Making::of(Some(root)), progress)
    }

    /// Like [`Revealed::unpack_into`], but of a bundle that was mended the files that lie in lost volumes are left out,
    /// and counted. Nothing else is let pass.
    ///
    /// # Errors
    /// Those of unpacking; [`Error::NothingSalvaged`] when no file is whole.
    pub fn salvage_into(&self, root: &Root, order: &Unpack<'_>, progress: &dyn Progress) -> Result<Counts> {
        let counts = self.each_part(order, Making::of(Some(root)).salvaging(), progress)?;
        if counts.files == 0 && counts.missing > 0 {
            return Err(Error::NothingSalvaged { files: counts.missing });
        }
        Ok(counts)
    }

    fn each_part(&self, order: &Unpack<'_>, mut making: Making<'_>, progress: &dyn Progress) -> Result<Counts> {
        let (makes, salvage) = (making.root.is_some(), making.salvage);
        let signed = &self.trusted.signed;
        signed.card()?;
        let places = self.trusted.places()?;
        // A check looks at each compartment alone; only a tree needs them to agree.
        if makes {
            self.check_union()?;
        }
        self.check_wanted(order, makes)?;
        progress.begin(if makes { "unpack" } else { "verify" }, signed.size());
        let open: HashSet<usize> = self.open.iter().map(|p| p.n).collect();
        let others: Vec<(Place, Digest)> = places
            .iter()
            .copied()
            .zip(signed.sums.hashes.iter().copied())
            .filter(|(p, _)| !matches!(p.member, Member::Volume(c, _) if open.contains(&c)))
            .filter(|(p, _)| !(p.lost && salvage))
            .collect();
        self.trusted.check_places(&others, order.workers, progress)?;
        for part in &self.open {
            let volumes = self.volumes(part, &places, salvage)?;
            self.one_part(part, &volumes, order, &mut making, progress)?;
        }
        for part in self.open.iter().filter(|_| makes) {
            making.finish(part, Chooser::of(part, self, order.only)?, order.no_links)?;
        }
        Ok(making.counts)
    }

    fn one_part(
        &self,
        part: &Part,
        volumes: &[VolumeAt],
        order: &Unpack<'_>,
        making: &mut Making<'_>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let sink = making.root.map_or(Sink::Check, Sink::Tree);
        let source = &self.trusted.signed.opened.source;
        let run = Run { source, part, volumes, sink, rest: Rest::Hash, workers: order.workers, progress };
        let base = match (order.base, part.front.head.parent) {
            (Some(path), Some(parent)) => Some(Base::open(path, &parent, progress)?),
            _ => None,
        };
        let mut chooser = match making.root {
            Some(_) => Chooser::of(part, self, order.only)?,
            None => Chooser::alone(order.only),
        };
        let mut losses = Losses::of(part, volumes.iter().map(|v| v.lost));
        run.run(&mut |entry| {
            check_against(base.as_ref(), entry)?;
            let choice = chooser.choose(entry)?;
            making.folders(&chooser.needed)?;
            if losses.pass(entry).is_some() {
                making.counts.missing += u64::from(choice == Choice::Yes);
                return Ok(Want::Skip);
            }
            match choice {
                Choice::No => return Ok(Want::Skip),
                // With several compartments, the lowest that has a path provides it; a check looks at all.
                Choice::Provided(_) if making.root.is_some() => return Ok(Want::Check),
                Choice::Provided(_) | Choice::Yes if entry.is_ref() => making.reference(entry, base.as_ref())?,
                Choice::Provided(_) | Choice::Yes => making.entry(entry, order.no_links)?,
            }
            Ok(Want::Write)
        })
    }

    /// Shows every entry of every open compartment, in order.
    ///
    /// # Errors
    /// A manifest that is not as it must be, or what `show` returns.
    pub fn list(&self, show: &mut dyn FnMut(usize, &Entry) -> Result<()>) -> Result<()> {
        for part in &self.open {
            let mut entries = part.entries(false)?;
            while let Some(entry) = entries.next()? {
                show(part.n, &entry)?;
            }
        }
        Ok(())
    }

    /// One pass over the entries, before anything is written: all sums over them are what was signed, something is
    /// wanted, and what it needs is there.
    fn check_wanted(&self, order: &Unpack<'_>, making: bool) -> Result<()> {
        let (mut matched, mut links, mut refs) = (0_u64, 0_u64, false);
        for part in &self.open {
            let found = Wanted::of(part, self.public(part)?, order, making)?;
            matched += found.matched;
            links += found.links;
            refs |= found.refs;
        }
        if order.only.is_some() && matched == 0 {
            return Err(Error::NothingMatched { patterns: "the patterns given".to_owned() });
        }
        if making && links > 0 && !order.no_links && !order.links_work {
            return Err(Error::NoLinks { count: links });
        }
        if making && refs && order.base.is_none() {
            return Err(Error::NeedsBase);
        }
        Ok(())
    }
}

/// What is wanted of one part.
#[derive(Default)]
struct Wanted {
    matched: u64,
    links: u64,
    refs: bool,
}

impl Wanted {
    fn of(part: &Part, public: &Compartment, order: &Unpack<'_>, making: bool) -> Result<Wanted> {
        let mut found = Wanted::default();
        let mut entries = part.entries(true)?;
        while let Some(entry) = entries.next()? {
            let path = entry.path.as_str();
            if order.only.is_some_and(|only| !only(path)) {
                continue;
            }
            found.matched += 1;
            found.links += u64::from(matches!(entry.kind, Kind::Link { .. }));
            found.refs |= entry.is_ref();
            if making && cfg!(windows) {
                check_portable(path)?;
            }
        }
        // No more is ever written than was stated, and room was made for.
        part.check_sums(&entries, public)?;
        Ok(found)
    }
}

/// A file is taken from the base if, and only if, the base has the very same (FORMAT §4.9).
fn check_against(base: Option<&Base>, entry: &Entry) -> Result<()> {
    let (Some(base), Kind::File { size, b3, unchanged, .. }) = (base, &entry.kind) else { return Ok(()) };
    if base.has(entry.path.as_str(), *size, b3) == *unchanged {
        return Ok(());
    }
    Err(changed(format!("`{}`", entry.path), "what it says of the base is not so").into())
}

fn check_portable(path: &str) -> Result<()> {
    match path.split('/').find_map(crate::format::names::unportable) {
        Some(why) => Err(Error::Unportable { path: path.to_owned(), why }),
        None => Ok(()),
    }
}
