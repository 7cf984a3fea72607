//! consign hands code and design files to an outside firm and gets work back: a part of a project goes into one
//! compressed, recipient-encrypted, signed **bundle**; the receiver verifies and unpacks it with its own keys.
//!
//! The library is built in floors; each may use those below it and none above (`tests/house.rs` checks that):
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 1 | [`crypto`] | the locksmith: keys, envelopes, signatures, hashes; the doors to `age`, `ssh-key`, `blake3` |
//! | 1 | [`files`] | the porter: sources, staging, atomic files, walks, locks |
//! | 2 | [`format`] | the words: bytes to types and back, as `docs/FORMAT.md` has them |
//! | 3 | [`policy`] | the rules: pure decisions before packing and before unpacking |
//! | 4 | [`bundle`] | one parcel: pack, verify, reveal, unpack |
//! | 5 | [`exchange`] | the story between partners: home, keys, cards, partners, ledger, sending and receiving |
//!
//! [`class`] stands beside them: the class of every error, which is the exit code of the program.
#![forbid(unsafe_code)]
#![warn(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::dbg_macro,
    clippy::exit,
    clippy::todo,
    clippy::unimplemented,
    clippy::mem_forget,
    clippy::allow_attributes
)]
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that fails panics"))]

pub mod bundle;
pub mod class;
pub mod crypto;
pub mod exchange;
pub mod files;
pub mod format;
pub mod policy;
