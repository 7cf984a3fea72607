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
//! | 3 | [`gate`] | the screen: secrets and forbidden words in slices of bytes |
//! | 4 | [`bundle`] | one parcel: pack, verify, reveal, unpack |
//! | 5 | [`exchange`] | the story between partners: home, keys, cards, partners, ledger, sending and receiving |
//!
//! [`class`] stands beside them: the class of every error, which is the exit code of the program.
//!
//! From a folder to a bundle and back, in memory:
//!
//! ```
//! use consign::bundle::select::{From, Order as Choose, Selection};
//! use consign::bundle::{Ask, Clear, Opened, Order, Parcel, Pins, Signed, TermsText, pack};
//! use consign::crypto::{Error, Identities, PassphraseSource, PublicKey, Secret, SigningKey, new_identity};
//! use consign::files::{Silent, Source};
//! use consign::format::{envelope::Kind, time::Time};
//! use consign::policy::{Assurance, Candidate, admit, clear};
//!
//! struct Nobody;
//! impl PassphraseSource for Nobody {
//!     fn passphrase(&self, _: &str) -> Result<Secret, Error> {
//!         Err(Error::NeedsPassphrase { what: "key" })
//!     }
//! }
//! struct Only(PublicKey);
//! impl Pins for Only {
//!     fn who(&self, key: &PublicKey, _: Time) -> Option<String> {
//!         (*key == self.0).then(|| "northwind".to_owned())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("a.txt"), "hello")?;
//! let (now, signer) = (Time::from_unix(1_795_000_000), SigningKey::generate()?);
//! let (identity, recipient) = new_identity("now");
//!
//! // The sender: clearance, selection, payload, tail.
//! let to = Candidate { name: "acme".into(), key: recipient, card_expires: None, own: false, on_record: true, agreement: None };
//! let everybody = [to];
//! let clearance = clear(&Assurance::default().assure(&everybody)?, now)?;
//! let choose = Choose {
//!     from: From::Folder(folder.path()), globs: &[], scope: None, allow_unportable: false, latest: None, keep_out: &[], survey: false,
//! };
//! let selection = Selection::of(&choose, &Silent)?;
//! let terms = TermsText::default();
//! let parcel = Parcel { selection: &selection, clearance: &clearance, terms: &terms, scope: "", purpose: "" };
//! let order = Order {
//!     name: "acme-0001", kind: Kind::Drop, in_reply_to: None, created: now, expires: None, sender: "Northwind",
//!     tool: "an example", readme: "", card: None, signers: &[&signer], parcels: &[parcel], ledger: None, level: 3,
//!     workers: 1,
//! };
//! let mut bundle = Vec::new();
//! let sealed = pack(&order, &mut bundle, &Clear, &Silent)?;
//! bundle.extend_from_slice(&sealed.tail); // only now can anybody open it
//!
//! // The receiver: opened, signed, trusted, admitted, revealed.
//! let source = Source::spool(&bundle[..], "a bundle".as_ref(), &std::env::temp_dir(), &Silent)?;
//! let trusted = Signed::check(Opened::read(source)?, &Only(signer.public()))?.trust()?;
//! let admission = admit(trusted.signed().says().expires, now)?;
//! let mut identities = Identities::new(std::sync::Arc::new(Nobody));
//! identities.add(&identity, "acme's key")?;
//! let ask = Ask { identities: &identities, key_files: &[], compartment: None };
//! let mut text = Vec::new();
//! trusted.reveal(admission, &ask)?.cat("a.txt", &mut text, 1, &Silent)?;
//! assert_eq!(text, b"hello");
//! # Ok(())
//! # }
//! ```
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
pub mod gate;
pub mod policy;
