//! Builds one volume: headers and files straight into the buffer, each file hashed while it is hot, then zstd, age,
//! and the hash of the ciphertext (FORMAT §1.6, §3, §5.2). One per worker; contexts and buffers are kept.

use super::contents::ContentReader;
use super::lens::{Lens, Slice};
use super::plan::{Plan, Volume, padding_after, slice_of};
use super::select::Selection;
use super::{Error, Result};
use crate::crypto::{CompartmentKey, Digest, SliceHash, digest, keyed, slice_hash};
use crate::format::container::Member;
use crate::format::frame::Squeezer;
use crate::format::tar::{self, Head, HeadKind};
use crate::format::version::MEMBER_MAX;

/// What is common to all volumes of a compartment.
pub(super) struct Site<'a> {
    pub(super) selection: &'a Selection,
    pub(super) plan: &'a Plan,
    pub(super) key: &'a CompartmentKey,
    pub(super) challenge: &'a [u8; 32],
    pub(super) compartment: usize,
    pub(super) level: i32,
    pub(super) lens: &'a dyn Lens,
}

/// The hash of a file that is whole in a volume, or of the slice of it that is.
pub(super) enum FileHash {
    Whole(Digest),
    Slice(SliceHash),
}

/// A finished volume.
pub(super) struct Built {
    /// The member with its header and padding.
    pub(super) member: Vec<u8>,
    /// The size of its data.
    pub(super) size: u64,
    /// H of its data, for B3SUMS.
    pub(super) hash: Digest,
    /// h_j of FORMAT §5.2.
    pub(super) possession: Digest,
    /// The hashes of its files and slices, in order.
    pub(super) files: Vec<FileHash>,
    /// The first entry that does not end in it.
    pub(super) done: usize,
}

pub(super) struct Builder<'a> {
    site: &'a Site<'a>,
    reader: ContentReader<'a>,
    squeezer: Squeezer,
    frame: Vec<u8>,
    path: String,
    /// The bytes before a slice of a large file.
    before: Vec<u8>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(site: &'a Site<'a>) -> Result<Self> {
        let reader = site.selection.reader()?;
        let (squeezer, frame, path, before) = (Squeezer::default(), Vec::new(), String::new(), Vec::new());
        Ok(Builder { site, reader, squeezer, frame, path, before })
    }

    /// Builds volume `number` in `buffer`.
    pub(super) fn build(&mut self, number: u64, volume: &Volume, mut buffer: Vec<u8>) -> Result<Built> {
        buffer.clear();
        let mut files = Vec::new();
        let done = self.fill(volume, &mut buffer, &mut files)?;
        if buffer.len() as u64 != volume.len {
            return Err(Error::Bug);
        }
        let level = self.level_for(&buffer)?;
        self.squeezer.squeeze(&buffer, level, &mut self.frame)?;
        let possession = keyed(self.site.challenge, &self.frame);
        buffer.clear();
        buffer.resize(512, 0);
        self.site.key.encrypt_into(&self.frame, &mut buffer)?;
        let size = buffer.len() as u64 - 512;
        if size >= MEMBER_MAX {
            return Err(Error::Bug);
        }
        let hash = digest(&buffer[512..]);
        let name = Member::Volume(self.site.compartment, number).name();
        buffer[..512].copy_from_slice(&tar::outer(&name, size));
        zeros(&mut buffer, tar::pad(size));
        Ok(Built { member: buffer, size, hash, possession, files, done })
    }

    fn fill(&mut self, volume: &Volume, out: &mut Vec<u8>, files: &mut Vec<FileHash>) -> Result<usize> {
        let (mut i, mut skip) = (volume.first, volume.skip);
        loop {
            let room = volume.len - out.len() as u64;
            if i == self.site.selection.len() {
                zeros(out, room);
                return Ok(i);
            }
            if room == 0 {
                return Ok(i);
            }
            if !self.entry(i, skip, room, out, files)? {
                return Ok(i);
            }
            i += 1;
            skip = 0;
        }
    }

    /// Adds what fits of entry `i` from `skip` on; true when it ends here.
    fn entry(&mut self, i: usize, skip: u64, room: u64, out: &mut Vec<u8>, files: &mut Vec<FileHash>) -> Result<bool> {
        self.site.selection.path_into(i, &mut self.path);
        let item = self.site.selection.item(i);
        let head = Head { path: &self.path, kind: item.kind, mtime: item.mtime };
        if skip == 0 {
            let target = if let HeadKind::Link(to) = item.kind { Some(to) } else { None };
            self.site.lens.name(&self.path, target)?;
            head.push(out);
        }
        let HeadKind::File { size, .. } = item.kind else { return Ok(true) };
        let (from, len) = slice_of(item.kind, head.len(), skip, room);
        let start = out.len();
        let len = usize::try_from(len).map_err(|_| Error::Bug)?;
        self.before.clear();
        self.reader.read_on(i, from, len, self.site.lens.overlap(), &mut self.before, out)?;
        let bytes = &out[start..];
        self.site.lens.look(&Slice { path: &self.path, size, offset: from, before: &self.before, bytes })?;
        if size <= self.site.plan.slice {
            files.push(FileHash::Whole(digest(bytes)));
        } else {
            files.push(FileHash::Slice(slice_hash(from, bytes)));
        }
        let end = from + len as u64;
        zeros(out, padding_after(size, end));
        Ok(end == size)
    }

    /// Level 1 for what does not compress anyway, told by samples: photos, archives, films.
    fn level_for(&mut self, plain: &[u8]) -> Result<i32> {
        const SAMPLES: usize = 16;
        const SAMPLE: usize = 4096;
        if self.site.level <= 1 || plain.len() < SAMPLES * SAMPLE * 4 {
            return Ok(self.site.level);
        }
        let step = plain.len() / SAMPLES;
        let sample: Vec<u8> =
            plain.chunks(step).take(SAMPLES).flat_map(|c| &c[..SAMPLE.min(c.len())]).copied().collect();
        self.squeezer.squeeze(&sample, 1, &mut self.frame)?;
        Ok(if self.frame.len() * 10 > sample.len() * 9 { 1 } else { self.site.level })
    }
}

fn zeros(out: &mut Vec<u8>, count: u64) {
    out.resize(out.len() + usize::try_from(count).unwrap_or(0), 0);
}
