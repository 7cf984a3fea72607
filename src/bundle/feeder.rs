//! The feeder of a run: reads entries and cuts them at the borders of volumes into jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use super::run::{Job, Piece, Rest, Run, Shared, Want};
use super::{Error, Result};
use crate::files;
use crate::format::changed;
use crate::format::entry::Entry;

/// Cuts entries at the borders of volumes and hands volumes to workers.
pub(super) struct Feeder<'a> {
    run: &'a Run<'a>,
    give: &'a SyncSender<Job>,
    failed: &'a AtomicBool,
    number: usize,
    job: Option<Job>,
    room: u64,
}

impl<'a> Feeder<'a> {
    /// Before the first volume.
    pub(super) fn new(run: &'a Run<'a>, give: &'a SyncSender<Job>, failed: &'a AtomicBool) -> Feeder<'a> {
        Feeder { run, give, failed, number: 0, job: None, room: 0 }
    }

    fn overfull() -> Error {
        changed("manifest", "its entries don't fit into the volumes").into()
    }

    /// Hands on the volume that is open, and opens the next.
    pub(super) fn next_volume(&mut self) -> Result<()> {
        if let Some(job) = self.job.take() {
            self.send(job)?;
        }
        let (Some(volume), Some(size)) =
            (self.run.volumes.get(self.number), self.run.part.front.volumes.get(self.number))
        else {
            return Err(Feeder::overfull());
        };
        self.job = Some(Job {
            number: self.number as u64,
            volume: *volume,
            plain: size.plain,
            before: 0,
            pieces: Vec::new(),
            zeros: Some(0),
        });
        self.room = u64::from(size.plain);
        self.number += 1;
        Ok(())
    }

    fn send(&self, job: Job) -> Result<()> {
        if self.run.progress.stopped() || self.failed.load(Ordering::Relaxed) {
            return Err(files::Error::Stopped.into());
        }
        if !job.volume.lost && (job.is_wanted(self.run.rest) || self.run.rest == Rest::Hash) {
            self.give.send(job).map_err(|_| Error::Bug)?;
        }
        Ok(())
    }

    /// Adds an entry of the stream.
    pub(super) fn entry(&mut self, entry: Entry, want: Want) -> Result<()> {
        let span = entry.span();
        // A volume that is full exactly is left only now, since nothing may follow it.
        if self.room == 0 {
            self.next_volume()?;
        }
        let turn = (span > self.room).then(Box::default);
        let shared = Arc::new(Shared { entry, want, turn });
        let mut from = 0;
        while from < span {
            if self.room == 0 {
                self.next_volume()?;
            }
            let to = span.min(from + self.room);
            self.room -= to - from;
            let job = self.job.as_mut().ok_or(Error::Bug)?;
            job.pieces.push(Piece { shared: Arc::clone(&shared), from, to });
            from = to;
        }
        Ok(())
    }

    /// One entry without those around it.
    pub(super) fn alone(&self, entry: Entry, offset: u64) -> Result<()> {
        let span = entry.span();
        let end = offset.checked_add(span).ok_or_else(Feeder::overfull)?;
        let sizes = || self.run.part.front.volumes.iter().map(|v| v.plain);
        let bounds = sizes().scan(0, |at, plain| {
            let from = *at;
            *at += u64::from(plain);
            Some((from, *at))
        });
        if sizes().map(u64::from).sum::<u64>() < end {
            return Err(Feeder::overfull());
        }
        let several = bounds.clone().filter(|(from, to)| *to > offset && *from < end).count() > 1;
        let shared = Arc::new(Shared { entry, want: Want::Write, turn: several.then(Box::default) });
        for (number, ((from, to), (plain, volume))) in bounds.zip(sizes().zip(self.run.volumes)).enumerate() {
            if to <= offset || from >= end {
                continue;
            }
            let (first, last) = (from.max(offset), to.min(end));
            let piece = Piece { shared: Arc::clone(&shared), from: first - offset, to: last - offset };
            let number = number as u64;
            self.send(Job { number, volume: *volume, plain, before: first - from, pieces: vec![piece], zeros: None })?;
        }
        Ok(())
    }

    /// Adds the end of the stream, which must fill the last volume.
    pub(super) fn end(mut self) -> Result<()> {
        let mut left = 1024;
        while left > 0 {
            if self.room == 0 {
                self.next_volume()?;
            }
            let some = self.room.min(left);
            self.room -= some;
            left -= some;
            *self.job.as_mut().and_then(|job| job.zeros.as_mut()).ok_or(Error::Bug)? += some;
        }
        if self.room > 0 || self.number != self.run.volumes.len() {
            return Err(changed("manifest", "its entries don't fill the volumes").into());
        }
        match self.job.take() {
            Some(job) => self.send(job),
            None => Err(Error::Bug),
        }
    }
}
