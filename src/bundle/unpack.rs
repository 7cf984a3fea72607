//! From a revealed bundle to a tree, a listing or one file. Everything is checked in both directions; missing, extra
//! and altered are all fatal (FORMAT §6.1, §6.2).

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use super::reveal::{Part, Revealed};
use super::stream::{Rest, Run, Sink, VolumeAt, Want};
use super::verify::Place;
use super::{Error, Result, base};
use crate::crypto::Digest;
use crate::files::{Hand, Progress, Root};
use crate::format::changed;
use crate::format::container::Member;
use crate::format::entry::{Entry, Kind};
use crate::format::tar::padded;

/// How to unpack.
pub struct Unpack<'a> {
    /// Which paths; all without it.
    pub only: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
    /// Leave links out.
    pub no_links: bool,
    /// Whether links can be made where the tree goes.
    pub links_work: bool,
    /// The tree that a delta is made against.
    pub base: Option<&'a Path>,
    /// How many threads may work.
    pub workers: usize,
}

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
}

impl Revealed {
    /// The volumes of a part, located by walking the file, which checks its layout.
    fn volumes(&self, part: &Part, places: &[Place]) -> Result<Vec<VolumeAt>> {
        let sizes = part.front.volumes.iter();
        let mine = places.iter().zip(&self.trusted.signed.sums.hashes);
        let mine = mine.filter(|(p, _)| matches!(p.member, Member::Volume(c, _) if c == part.n));
        let volumes: Vec<_> =
            mine.map(|(place, hash)| VolumeAt { data: place.data, size: place.size, hash: *hash }).collect();
        if volumes.len() != sizes.len() || !volumes.iter().zip(sizes).all(|(v, s)| v.size == s.member) {
            return Err(changed(Member::Manifest(part.n).name(), "it lists other volumes than there are").into());
        }
        Ok(volumes)
    }

    /// The volumes of a part as its manifest places them, without walking the file.
    fn volumes_by_manifest(&self, part: &Part) -> Result<Vec<VolumeAt>> {
        let bad = || changed(Member::Manifest(part.n).name(), "it lists other volumes than there are");
        let span = |size: u64| 512 + padded(size);
        let total: u64 = part.front.volumes.iter().map(|v| span(v.member)).sum();
        let mut at = self.public(part)?.manifest.offset.checked_sub(total).ok_or_else(bad)?;
        let hashes = self.trusted.signed.listed().filter(|(m, _)| matches!(m, Member::Volume(c, _) if *c == part.n));
        let mut volumes = Vec::with_capacity(part.front.volumes.len());
        for ((_, hash), size) in hashes.zip(&part.front.volumes) {
            volumes.push(VolumeAt { data: at + 512, size: size.member, hash });
            at += span(size.member);
        }
        Ok(volumes)
    }

    /// Checks everything that `unpack` would check, and writes nothing.
    ///
    /// # Errors
    /// Those of unpacking.
    pub fn check_deep(&self, order: &Unpack<'_>, progress: &dyn Progress) -> Result<Counts> {
        self.each_part(order, None, progress)
    }

    /// Makes the tree in `root`, an empty folder of our own.
    ///
    /// # Errors
    /// Whatever is not as the sender signed it; what the system says. The folder must be thrown away then.
    pub fn unpack_into(&self, root: &Root, order: &Unpack<'_>, progress: &dyn Progress) -> Result<Counts> {
        self.each_part(order, Some(root), progress)
    }

    fn each_part(&self, order: &Unpack<'_>, root: Option<&Root>, progress: &dyn Progress) -> Result<Counts> {
        let signed = &self.trusted.signed;
        signed.card()?;
        let places = self.trusted.places()?;
        // A check looks at each compartment alone; only a tree needs them to agree.
        let union = if root.is_some() { self.union()? } else { HashMap::new() };
        let plan = Wanted::of(self, order, root.is_some())?;
        progress.begin(if root.is_some() { "unpack" } else { "verify" }, signed.size());
        let open: HashSet<usize> = self.open.iter().map(|p| p.n).collect();
        let others: Vec<(Place, Digest)> = places
            .iter()
            .copied()
            .zip(signed.sums.hashes.iter().copied())
            .filter(|(p, _)| !matches!(p.member, Member::Volume(c, _) if open.contains(&c)))
            .collect();
        self.trusted.check_places(&others, order.workers, progress)?;
        let mut making =
            Making { root, hand: root.map(Root::hand), counts: Counts::default(), dirs: Vec::new(), links: Vec::new() };
        for part in &self.open {
            let volumes = self.volumes(part, &places)?;
            self.one_part(part, &volumes, order, &plan, &union, &mut making, progress)?;
        }
        making.finish()
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and each is a noun of its own")]
    fn one_part(
        &self,
        part: &Part,
        volumes: &[VolumeAt],
        order: &Unpack<'_>,
        plan: &Wanted,
        union: &HashMap<String, (usize, Entry)>,
        making: &mut Making<'_>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let sink = making.root.map_or(Sink::Check, Sink::Tree);
        let source = &self.trusted.signed.opened.source;
        let run = Run { source, part, volumes, sink, rest: Rest::Hash, workers: order.workers, progress };
        let base = match (order.base, part.front.head.parent) {
            (Some(path), Some(parent)) => Some(base::Base::open(path, &parent, progress)?),
            _ => None,
        };
        run.run(Some(self.public(part)?), &mut |entry| {
            // With several compartments, the lowest that has a path provides it.
            let mine = union.get(entry.path.as_str()).is_none_or(|(n, _)| *n == part.n);
            check_against(base.as_ref(), entry)?;
            if !plan.wants(order, entry) {
                return Ok(Want::Skip);
            }
            if !mine {
                return Ok(Want::Check);
            }
            if entry.is_ref() {
                making.reference(entry, base.as_ref())?
            } else {
                making.entry(entry, order)?
            }
            Ok(Want::Write)
        })
    }

    /// With several open compartments: who provides each path. They must agree on what it is.
    fn union(&self) -> Result<HashMap<String, (usize, Entry)>> {
        let mut all: HashMap<String, (usize, Entry)> = HashMap::new();
        if self.open.len() < 2 {
            return Ok(all);
        }
        for part in &self.open {
            let mut entries = part.entries(false);
            while let Some(entry) = entries.next()? {
                match all.get(entry.path.as_str()) {
                    Some((_, first)) if !first.same_content(&entry) => {
                        let open = self.open.iter().map(|p| p.n).collect();
                        return Err(Error::CompartmentsDiffer { path: entry.path.to_string(), open });
                    }
                    Some(_) => {}
                    None => {
                        all.insert(entry.path.to_string(), (part.n, entry));
                    }
                }
            }
        }
        Ok(all)
    }

    /// Shows every entry of every open compartment, in order.
    ///
    /// # Errors
    /// A manifest that is not as it must be, or what `show` returns.
    pub fn list(&self, show: &mut dyn FnMut(usize, &Entry) -> Result<()>) -> Result<()> {
        for part in &self.open {
            let mut entries = part.entries(false);
            while let Some(entry) = entries.next()? {
                show(part.n, &entry)?;
            }
        }
        Ok(())
    }

    /// Writes one file to `out`, reading only the volumes that it is in.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::NeedsBase`], or what is not as the sender signed it.
    pub fn cat(
        &self,
        path: &str,
        out: &mut (dyn Write + Send),
        workers: usize,
        progress: &dyn Progress,
    ) -> Result<u64> {
        let not_there = || Error::NotThere { path: path.to_owned() };
        self.union()?;
        for part in &self.open {
            let mut entries = part.entries(false);
            while let Some(entry) = entries.next()? {
                if entry.path.as_str() != path {
                    continue;
                }
                let Kind::File { size, unchanged, .. } = entry.kind else { return Err(not_there()) };
                if unchanged {
                    return Err(Error::NeedsBase);
                }
                let volumes = self.volumes_by_manifest(part)?;
                let out: Mutex<&mut (dyn Write + Send)> = Mutex::new(out);
                let source = &self.trusted.signed.opened.source;
                let sink = Sink::Pipe(&out);
                let run = Run { source, part, volumes: &volumes, sink, rest: Rest::Skip, workers, progress };
                run.run(None, &mut |e| Ok(if e.path.as_str() == path { Want::Write } else { Want::Skip }))?;
                return Ok(size);
            }
        }
        Err(not_there())
    }
}

/// Which entries are wanted, and what the whole needs before anything is made.
struct Wanted {
    folders: Option<HashSet<String>>,
}

impl Wanted {
    /// One pass over the entries, before anything is written.
    fn of(revealed: &Revealed, order: &Unpack<'_>, making: bool) -> Result<Wanted> {
        let mut folders = order.only.map(|_| HashSet::new());
        let (mut links, mut matched, mut refs) = (0_u64, 0_u64, false);
        let mut sums = vec![(0_u64, 0_u64); revealed.open.iter().map(|p| p.n + 1).max().unwrap_or(0)];
        revealed.list(&mut |n, entry| {
            let path = entry.path.as_str();
            if let (Kind::File { size, .. }, Some(sum)) = (&entry.kind, sums.get_mut(n)) {
                *sum = (sum.0 + 1, sum.1.saturating_add(*size));
            }
            if order.only.is_some_and(|only| !only(path)) {
                return Ok(());
            }
            matched += 1;
            links += u64::from(matches!(entry.kind, Kind::Link { .. }));
            refs |= entry.is_ref();
            if let Some(folders) = &mut folders {
                let ancestors = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
                folders.extend(ancestors.map(str::to_owned));
            }
            if making && cfg!(windows) {
                check_portable(path)?;
            }
            Ok(())
        })?;
        // No more is ever written than was stated, and room was made for.
        for part in &revealed.open {
            if sums.get(part.n) != Some(&(part.front.head.files, part.front.head.bytes)) {
                let why = "its counts differ from its entries";
                return Err(changed(Member::Manifest(part.n).name(), why).into());
            }
            if refs && part.front.head.parent.is_none() {
                let why = "it takes files from a parent that it does not name";
                return Err(changed(Member::Manifest(part.n).name(), why).into());
            }
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
        Ok(Wanted { folders })
    }

    fn wants(&self, order: &Unpack<'_>, entry: &Entry) -> bool {
        let path = entry.path.as_str();
        order.only.is_none_or(|only| only(path)) || self.folders.as_ref().is_some_and(|f| f.contains(path))
    }
}

/// A file is taken from the base if, and only if, the base has the very same (FORMAT §4.9).
fn check_against(base: Option<&base::Base>, entry: &Entry) -> Result<()> {
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

/// The tree as it is made: folders at once, links and the times of folders last.
struct Making<'a> {
    root: Option<&'a Root>,
    hand: Option<Hand<'a>>,
    counts: Counts,
    dirs: Vec<(String, u64)>,
    links: Vec<(String, String, u64)>,
}

impl Making<'_> {
    fn entry(&mut self, entry: &Entry, order: &Unpack<'_>) -> Result<()> {
        let path = entry.path.as_str();
        match &entry.kind {
            Kind::File { size, .. } => {
                self.counts.files += 1;
                self.counts.bytes += size;
            }
            Kind::Dir => {
                if let Some(hand) = &mut self.hand {
                    hand.folder(path)?;
                    self.dirs.push((path.to_owned(), entry.mtime));
                }
            }
            Kind::Link { .. } if order.no_links => self.counts.links_left_out += 1,
            Kind::Link { to } => {
                self.counts.links += 1;
                if self.hand.is_some() {
                    self.links.push((path.to_owned(), to.clone(), entry.mtime));
                }
            }
        }
        Ok(())
    }

    /// A file that is taken from the base, or only counted without one.
    fn reference(&mut self, entry: &Entry, base: Option<&base::Base>) -> Result<()> {
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

    fn finish(mut self) -> Result<Counts> {
        if let Some(hand) = &mut self.hand {
            for (path, to, mtime) in &self.links {
                hand.link(path, to, *mtime)?;
            }
            for (path, mtime) in &self.dirs {
                hand.folder_time(path, *mtime)?;
            }
        }
        Ok(self.counts)
    }
}
