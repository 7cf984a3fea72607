//! What a run over the volumes of a compartment is made of: where contents go, what is wanted, and the jobs that workers
//! get. The run itself is in `stream.rs`.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::reveal::Part;
use crate::crypto::{Digest, Hasher};
use crate::files::{Progress, Root, Source};
use crate::format::entry::Entry;

/// Where the contents go.
#[derive(Clone, Copy)]
pub(super) enum Sink<'a> {
    /// Nowhere: they are checked.
    Check,
    /// Into a tree.
    Tree(&'a Root),
    /// Into a pipe, one file only.
    Pipe(&'a dyn Pipe),
}

/// A place where bytes go one after the other.
pub(super) trait Pipe: Sync {
    fn put(&self, bytes: &[u8]) -> std::io::Result<()>;
}

impl Pipe for Mutex<&mut (dyn Write + Send)> {
    fn put(&self, bytes: &[u8]) -> std::io::Result<()> {
        lock(self).write_all(bytes)
    }
}

/// What should become of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing: nobody asked for it.
    Skip,
    /// Its contents are checked.
    Check,
    /// Its contents are checked and go where the sink says.
    Write,
}

/// What happens to volumes that hold nothing wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They are hashed.
    Hash,
    /// They are not read.
    Skip,
}

/// A volume's member.
#[derive(Clone, Copy)]
pub(super) struct VolumeAt {
    pub(super) data: u64,
    pub(super) size: u64,
    pub(super) hash: Digest,
    /// It is passed over: nobody has its data any more, and nothing in it is wanted.
    pub(super) lost: bool,
}

/// An entry, and for one that lies in several volumes, whose turn it is.
pub(super) struct Shared {
    pub(super) entry: Entry,
    pub(super) want: Want,
    /// Boxed, as a hasher takes 2 KiB and a volume can hold 130,000 entries.
    pub(super) turn: Option<Box<Turn>>,
}

#[derive(Default)]
pub(super) struct Turn {
    pub(super) state: Mutex<TurnState>,
    pub(super) moved: Condvar,
}

#[derive(Default)]
pub(super) struct TurnState {
    pub(super) at: u64,
    pub(super) hasher: Hasher,
    pub(super) file: Option<File>,
}

/// The part of an entry that lies in one volume.
pub(super) struct Piece {
    pub(super) shared: Arc<Shared>,
    pub(super) from: u64,
    pub(super) to: u64,
}

pub(super) struct Job {
    pub(super) number: u64,
    pub(super) volume: VolumeAt,
    pub(super) plain: u32,
    /// Bytes before the pieces that nobody asked for.
    pub(super) before: u64,
    pub(super) pieces: Vec<Piece>,
    /// Zero bytes of the end of the stream, which follow the pieces; unknown if one file alone is read.
    pub(super) zeros: Option<u64>,
}

impl Job {
    /// Whether anything in it is wanted. A volume that holds only the end of the stream is, unless one file alone is
    /// read.
    pub(super) fn is_wanted(&self, rest: Rest) -> bool {
        let only_end = self.pieces.is_empty() && rest == Rest::Hash;
        only_end || self.pieces.iter().any(|p| p.shared.want != Want::Skip)
    }
}

/// What a run needs.
pub(super) struct Run<'a> {
    pub(super) source: &'a Source,
    pub(super) part: &'a Part,
    pub(super) volumes: &'a [VolumeAt],
    pub(super) sink: Sink<'a>,
    pub(super) rest: Rest,
    pub(super) workers: usize,
    pub(super) progress: &'a dyn Progress,
}

/// A lock that a panic elsewhere does not spoil.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
