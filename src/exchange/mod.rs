//! Floor 5, the story between partners: the only floor with state. Keys, partners and the ledger live in one
//! folder, the home. Still no clock, no environment and no terminal: `now`, paths and passphrases are arguments.

mod error;
pub mod home;
pub mod keys;
pub mod ledger;
pub mod partners;

pub use error::{Error, Result};
pub use home::Home;
pub use ledger::Ledger;
