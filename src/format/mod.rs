//! Floor 2, the words: bytes to types and back, as `docs/FORMAT.md` has them. No clock, no disk, no randomness:
//! ids, nonces and times come in as arguments.

pub mod agreement;
pub mod card;
pub mod container;
pub mod copytext;
pub mod date;
pub mod document;
pub mod entries;
pub mod entry;
pub mod envelope;
mod error;
pub mod frame;
mod frames;
pub mod json;
pub mod keyfile;
pub mod manifest;
pub mod merkle;
pub mod names;
pub mod paper;
pub mod patterns;
pub mod record;
pub mod relpath;
pub mod revoked;
pub mod signerlist;
pub mod signrequest;
pub mod sshkeys;
pub mod sshline;
pub mod tar;
pub mod terms;
pub mod time;
pub mod typed;
pub mod version;

pub use error::{Error, Result};
pub(crate) use error::{changed, too_large};
