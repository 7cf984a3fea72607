//! A run over the volumes of a compartment: one feeder, several workers, one reader for every sink.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use super::feeder::Feeder;
use super::run::{Job, Run, Sink, Want, lock};
use super::tide::Tide;
use super::worker::Worker;
use super::{Error, Result};
use crate::files;
use crate::format::entry::Entry;

/// The most bytes that buffers may take in all.
const MEMORY: u64 = 64 << 20;
/// The plain length up to which volumes wait for a worker.
const WAITING_MAX: u64 = 16 << 20;

impl Run<'_> {
    /// Reads all volumes. `visit` sees every entry in order, before its contents, and says whether it is wanted.
    pub(super) fn run(&self, visit: &mut dyn FnMut(&Entry) -> Result<Want>) -> Result<()> {
        self.with_workers(&mut |give, failed| self.feed(visit, give, failed))
    }

    /// Reads the volumes of one file, whose header is at `offset` of the stream.
    pub(super) fn one(&self, entry: Entry, offset: u64) -> Result<()> {
        let mut entry = Some(entry);
        self.with_workers(&mut |give, failed| {
            let feeder = Feeder::new(self, give, failed);
            feeder.alone(entry.take().ok_or(Error::Bug)?, offset)
        })
    }

    /// Runs `feed` beside workers that take what it gives.
    fn with_workers(&self, feed: &mut dyn FnMut(&SyncSender<Job>, &AtomicBool) -> Result<()>) -> Result<()> {
        let longest = self.part.front.volumes.iter().map(|v| u64::from(v.plain)).max().unwrap_or(0);
        let most = usize::try_from(MEMORY / (longest * 2 + (128 << 10))).unwrap_or(1).max(1);
        let workers = self.workers.clamp(1, most);
        // A large volume may hold very many entries: then none waits while others are worked on.
        let waiting = if longest > WAITING_MAX { 0 } else { workers };
        let (give, jobs) = sync_channel::<Job>(waiting);
        // The workers alone own the receiver: if all of them are gone, giving fails instead of waiting.
        let jobs = Arc::new(Mutex::new(jobs));
        let failed = &AtomicBool::new(false);
        let (tide, due) = Tide::new();
        std::thread::scope(|scope| {
            let start = |jobs: Arc<Mutex<Receiver<Job>>>, tide: Tide| {
                std::thread::Builder::new().spawn_scoped(scope, move || self.work(&jobs, tide, failed))
            };
            let first = start(Arc::clone(&jobs), tide.clone()).map_err(Error::NoThread)?;
            // Those that can't be made are not missed; without the last one all is synced at the end.
            let others = (1..workers).map_while(|_| start(Arc::clone(&jobs), tide.clone()).ok());
            let hands: Vec<_> = std::iter::once(first).chain(others).collect();
            drop((jobs, tide));
            let syncing = std::thread::Builder::new().spawn_scoped(scope, move || self.sync_each_time(&due, failed));
            let fed = feed(&give, failed);
            if fed.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            drop(give);
            // All are joined, then told from: one that stopped because another failed says less.
            let worked: Vec<_> =
                hands.into_iter().map(|hand| hand.join().map_err(|_| Error::Bug).and_then(|r| r)).collect();
            let synced = syncing.map_or(Ok(()), |hand| hand.join().map_err(|_| Error::Bug).and_then(|r| r));
            first_cause(worked.into_iter().chain([fed, synced]))
        })
    }

    fn feed(
        &self,
        visit: &mut dyn FnMut(&Entry) -> Result<Want>,
        give: &SyncSender<Job>,
        failed: &AtomicBool,
    ) -> Result<()> {
        let mut entries = self.part.entries(false)?;
        let mut feeder = Feeder::new(self, give, failed);
        feeder.next_volume()?;
        while let Some(entry) = entries.next()? {
            let want = visit(&entry)?;
            if !entry.is_ref() {
                feeder.entry(entry, want)?;
            }
        }
        feeder.end()
    }

    /// Has the disk begin early with what was written, so that the sync at the end is short.
    fn sync_each_time(&self, due: &Receiver<()>, failed: &AtomicBool) -> Result<()> {
        let Sink::Tree(root) = self.sink else { return Ok(()) };
        let synced = due.iter().try_for_each(|()| root.sync());
        failed.fetch_or(synced.is_err(), Ordering::Relaxed);
        Ok(synced?)
    }

    fn work(&self, jobs: &Mutex<Receiver<Job>>, tide: Tide, failed: &AtomicBool) -> Result<()> {
        let mut worker = Worker::new(self, tide, failed);
        let alarm = Alarm(failed);
        loop {
            let job = lock(jobs).recv();
            let Ok(job) = job else { break };
            if failed.load(Ordering::Relaxed) {
                continue;
            }
            if let Err(e) = worker.job(&job) {
                failed.store(true, Ordering::Relaxed);
                // Jobs that are still given are taken and dropped, so that the feeder does not wait.
                while lock(jobs).recv().is_ok() {}
                return Err(e);
            }
        }
        drop(alarm);
        Ok(())
    }
}

/// The first error that is more than "another one failed".
fn first_cause(results: impl Iterator<Item = Result<()>>) -> Result<()> {
    let mut stopped = Ok(());
    for result in results {
        match result {
            Ok(()) => {}
            Err(Error::Files(files::Error::Stopped)) => stopped = result,
            Err(cause) => return Err(cause),
        }
    }
    stopped
}

/// Wakes those who wait for a turn when a worker ends by a panic.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
