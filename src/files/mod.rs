//! Floor 1, the porter: bytes on disk, no meaning. Writes that cannot leave a root, reads that notice a change,
//! staging that vanishes, one rename at the end.

mod error;

pub(crate) use error::io_at;
pub use error::{Error, Result};
