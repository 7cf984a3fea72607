//! One file of a bundle: found by the bytes of its line, and read from its own volumes only (FORMAT §4.6, §6.2).

use std::io::Write;
use std::sync::Mutex;

use super::reveal::{Part, Revealed};
use super::run::{Rest, Run, Sink, VolumeAt};
use super::{Error, Result};
use crate::files::Progress;
use crate::format::changed;
use crate::format::container::Member;
use crate::format::entry::Kind;
use crate::format::tar::padded;

impl Revealed {
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
        self.check_union()?;
        for part in &self.open {
            let Some((entry, offset)) = part.entries(false)?.find(path)? else { continue };
            let Kind::File { size, unchanged, .. } = entry.kind else { return Err(not_there()) };
            if unchanged {
                return Err(Error::NeedsBase);
            }
            let volumes = self.volumes_by_manifest(part)?;
            let out: Mutex<&mut (dyn Write + Send)> = Mutex::new(out);
            let source = &self.trusted.signed.opened.source;
            let sink = Sink::Pipe(&out);
            let run = Run { source, part, volumes: &volumes, sink, rest: Rest::Skip, workers, progress };
            run.one(entry, offset)?;
            return Ok(size);
        }
        Err(not_there())
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
            volumes.push(VolumeAt { data: at + 512, size: size.member, hash, lost: false });
            at += span(size.member);
        }
        Ok(volumes)
    }
}
