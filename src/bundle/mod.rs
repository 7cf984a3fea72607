//! Floor 4, one parcel: from a tree to a bundle and back. It knows no partners, no marks and no secret rules; what it
//! must know of them comes in as a clearance, a lens, or pins.

mod base;
mod build;
mod cat;
mod choice;
mod contents;
mod damage;
mod error;
mod gather;
mod lens;
mod lines;
mod losses;
mod making;
mod mend;
mod names;
mod open;
mod order;
mod pack;
mod plan;
mod reveal;
mod seal;
pub mod select;
mod statement;
mod stream;
mod survey;
mod union;
mod unpack;
mod verify;

pub use choice::Only;
pub use damage::{Damage, Harm};
pub use error::{Error, Result};
pub use lens::{Clear, Lens};
pub use losses::Missing;
pub use making::Counts;
pub use mend::Mended;
pub use open::Opened;
pub use order::{Order, Parcel, TermsText};
pub use pack::{default_workers, pack};
pub use reveal::{Ask, Part, Revealed};
pub use seal::{Sealed, SealedCompartment};
pub use statement::Recovered;
pub use unpack::Unpack;
pub use verify::{Pins, Signed, SignedBy, Trusted};
