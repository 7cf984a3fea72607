//! Floor 1, the porter: bytes on disk, no meaning. Writes that cannot leave a root, reads that notice a change,
//! staging that vanishes, one rename at the end.

mod atomic;
mod attached;
mod attributes;
mod beneath;
mod blobs;
mod child;
mod dialogue;
mod error;
mod faults;
mod git;
mod globs;
mod leftout;
mod listing;
mod litter;
mod lock;
mod names;
mod notebook;
mod parent;
mod printable;
mod progress;
mod reading;
mod retry;
mod revision;
mod rules;
mod source;
mod staging;
mod standin;
#[cfg(test)]
pub(crate) mod testing;
mod walk;

pub use atomic::{Pending, folder_of, rename_new, sync_folder, write_new, write_private, write_private_over};
pub use beneath::{Hand, Root};
pub use blobs::{BlobReader, Blobs};
pub use child::child;
pub use dialogue::{Dialogue, Message, Silence, Watch, end_dialogues};
pub use error::{Error, Result};
pub(crate) use error::{io_at, plain};
pub use faults::Faults;
pub use git::ignored;
pub use globs::Globs;
pub use leftout::{LeftOut, Note, NoteKind, Reason};
pub use listing::{Listing, What};
pub use litter::remove_litter;
pub use lock::Lock;
pub use names::Names;
pub use printable::{Printable, printable, printable_lines, push_printable};
pub use progress::{Progress, Silent};
pub use reading::{Folder, TreeReader};
pub use revision::{Listed, Revision};
pub use rules::{Glob, Ignored, Rules};
pub use source::{Source, read_file, read_secret, read_small, read_stream, starts_with};
pub use staging::{Staging, free_room, move_aside};
pub use standin::is_stand_in;
pub use walk::{Walk, Walked};
