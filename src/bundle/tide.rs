//! When the disk should begin with what was written, so that the sync at the end is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Counts what all workers wrote, and tells when the next stretch of it is due for a sync.
#[derive(Clone)]
pub(super) struct Tide {
    written: Arc<AtomicU64>,
    due: SyncSender<()>,
}

/// How much is written between two syncs.
const STRETCH: u64 = 128 << 20;

impl Tide {
    pub(super) fn new() -> (Tide, Receiver<()>) {
        let (due, when) = sync_channel(1);
        (Tide { written: Arc::default(), due }, when)
    }

    pub(super) fn wrote(&self, bytes: u64) {
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        if before / STRETCH != (before + bytes) / STRETCH {
            // One that is due already is enough, and without a tree nobody listens.
            let _unused = self.due.try_send(());
        }
    }
}
