//! consign
#![forbid(unsafe_code)]
pub mod class;
pub mod crypto;
pub mod files;
pub mod format;
