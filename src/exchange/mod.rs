//! Floor 5, the story between partners: the only floor with state. Keys, partners and the ledger live in one
//! folder, the home. Still no clock, no environment and no terminal: `now`, paths and passphrases are arguments.

pub mod allowed;
pub mod cardlife;
mod chain;
pub mod config;
pub mod copies;
pub mod cosign;
mod draft;
mod error;
pub mod founding;
pub mod held;
pub mod home;
mod keygen;
pub mod keys;
pub mod ledger;
pub mod locks;
pub mod material;
pub mod mirror;
mod mistake;
pub mod note;
mod order;
mod output;
mod parties;
pub mod partners;
pub mod passphrase;
pub mod patience;
pub mod plugins;
pub mod policyfile;
mod privatepart;
pub mod project;
pub mod receive;
pub mod rekey;
pub mod repair;
pub mod restore;
pub mod roster;

pub mod schemas;
pub mod send;
mod ship;
pub mod signers;
pub mod ssh;
pub mod tomlfile;
pub mod trust;
pub mod unlock;
pub mod waiting;
mod words;
pub mod workspace;

pub use chain::Lines;
pub use config::Config;
pub use error::{Error, Result};
pub use home::Home;
pub use ledger::{Claimed, Ledger, Verified};
pub use mistake::Mistake;
pub use project::Project;
pub use workspace::Workspace;
