//! What the fuzzer tries: one module for each target, with a `run` that takes the fuzzer's bytes and panics when a law
//! is broken. `tests/replay.rs` runs the same functions over the seeds and over every input that once broke one.

#[path = "../../support/mod.rs"]
mod support;

mod cast;
mod edits;
mod firm;
mod input;
mod opening;
mod plan;

pub mod agehead;
pub mod bundle;
pub mod container;
pub mod documents;
pub mod envelope;
pub mod ignore;
pub mod keys;
pub mod ledger;
pub mod manifest;
pub mod resigned;
pub mod sshsig;

pub mod seeds;

/// A target: its name, and what it does with the fuzzer's bytes.
type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 11] = [
    ("container", container::run),
    ("envelope", envelope::run),
    ("manifest", manifest::run),
    ("documents", documents::run),
    ("keys", keys::run),
    ("ignore", ignore::run),
    ("agehead", agehead::run),
    ("sshsig", sshsig::run),
    ("ledger", ledger::run),
    ("bundle", bundle::run),
    ("resigned", resigned::run),
];
