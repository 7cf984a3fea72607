//! Floor 3, the screen of the outbound gate: slices of bytes in, hits out. It finds secrets, private keys and words
//! that a project forbids. It has no disk and no clock, and it never keeps or shows what it found. docs/GATE.md.

mod allowed;
mod assignment;
mod banned;
mod error;
mod found;
mod gitleaks;
mod gosyntax;
mod hit;
mod keys;
mod names;
mod pass;
mod pattern;
mod piece;
mod place;
mod plausible;
mod pointer;
mod redact;
mod rule;
mod rules;
mod screen;
mod stretch;
mod urls;
mod users;
mod wide;

pub use error::{Error, Result};
pub use gitleaks::Gitleaks;
pub use hit::{Hit, Kind};
pub use piece::{HITS_MAX, OVERLAP, Piece};
pub use place::{Lines, Place, place};
pub use pointer::is_lfs_pointer;
pub use rule::Listed;
pub use rules::listed;
pub use screen::{Gate, Rules};
pub use wide::Wide;
