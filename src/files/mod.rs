//! Floor 1, the porter: bytes on disk, no meaning. Writes that cannot leave a root, reads that notice a change,
//! staging that vanishes, one rename at the end.

mod atomic;
mod beneath;
mod error;
mod lock;
mod printable;
mod progress;
mod source;
mod staging;

pub use atomic::{Pending, folder_of, sync_folder, write_new, write_private};
pub use beneath::{Hand, Root};
pub(crate) use error::io_at;
pub use error::{Error, Result};
pub use lock::Lock;
pub use printable::{Printable, printable, printable_lines};
pub use progress::{Progress, Silent};
pub use source::{Source, read_small};
pub use staging::{Staging, move_aside};
