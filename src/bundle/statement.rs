//! Recovering the signed statement from copies of which any may be damaged anywhere: an envelope, the signatures of
//! exactly its signers, and the B3SUMS that it binds, each from whichever copy has it.

use std::sync::Arc;

use super::open::Opened;
use super::survey::Copy;
use super::verify::{Pins, Signed, Trusted};
use super::{Error, Result};
use crate::crypto::{Digest, Fingerprint, PublicKey, digest};
use crate::files::{Progress, Source};
use crate::format::container::{End, Member};
use crate::format::envelope::{Envelope, NAMESPACE};
use crate::format::tar::padded;
use crate::format::version::SUMS_MAX;

/// Copies of one bundle whose signed statement is whole, by somebody the reader knows.
pub struct Recovered {
    pub(super) trusted: Trusted,
    pub(super) copies: Vec<Copy>,
    /// B3SUMS.
    pub(super) sums: Vec<u8>,
}

/// An envelope with the armours that bind it.
struct Statement {
    bytes: Vec<u8>,
    envelope: Envelope,
    armours: Vec<Vec<u8>>,
}

impl Recovered {
    /// Surveys the copies and checks the statement as a reader of a whole bundle does; its first signer must be known.
    ///
    /// # Errors
    /// [`Error::NoStatement`]; [`Error::OtherBundle`] for a copy with another statement; [`Error::Untrusted`].
    pub fn of(sources: Vec<Source>, pins: &dyn Pins, progress: &dyn Progress) -> Result<Recovered> {
        progress.begin("survey", sources.iter().map(Source::len).fold(0, u64::saturating_add));
        let mut copies = Vec::new();
        for source in sources {
            let len = source.len();
            copies.push(Copy::survey(source, progress)?);
            progress.advance(len);
        }
        let statement = statement(&copies)?;
        let none = || Error::NoStatement { what: "the list of hashes in it" };
        let sums = copies.iter().flat_map(|c| c.sums(SUMS_MAX)).find(|sums| statement.envelope.fits(sums));
        let sums = sums.ok_or_else(none)?;
        let opened = Opened {
            source: Arc::new(copies.first().ok_or(Error::Bug)?.source.clone()),
            // What is said of places is worked out when all members are found.
            end: End { tail: 0, sums: 0, envelope: 0 },
            keys: Vec::new(),
            sums: sums.clone(),
            envelope: statement.bytes,
            armours: statement.armours,
            card: None,
            layout: None,
        };
        Ok(Recovered { trusted: Signed::stated(opened, pins)?.trust()?, copies, sums })
    }

    /// What the statement is, and who signed it.
    #[must_use]
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }
}

/// The statement that the first copy with one has. No copy may have another.
fn statement(copies: &[Copy]) -> Result<Statement> {
    let armours: Vec<Vec<u8>> = copies.iter().flat_map(Copy::armours).collect();
    let mut chosen: Option<(Digest, Statement)> = None;
    for copy in copies {
        let mut others = Vec::new();
        let mut same = false;
        for bytes in copy.envelopes() {
            let reference = digest(&bytes);
            if chosen.as_ref().is_some_and(|(first, _)| *first == reference) {
                same = true;
                continue;
            }
            match signed(bytes, &armours) {
                Some(found) if chosen.is_none() => {
                    chosen = Some((reference, found));
                    same = true;
                }
                Some(found) => others.push(found),
                // Another member that looks like one, or what was damaged.
                None => {}
            }
        }
        if let Some(other) = others.into_iter().next().filter(|_| !same) {
            let name = other.envelope.predicate.name;
            return Err(Error::OtherBundle { copy: copy.source.name().to_owned(), name });
        }
    }
    let none = Error::NoStatement { what: "its signed statement, which stands at the end," };
    chosen.map(|(_, statement)| statement).ok_or(none)
}

/// The statement in these bytes, if armours by exactly its signers are there.
fn signed(bytes: Vec<u8>, armours: &[Vec<u8>]) -> Option<Statement> {
    let by = |armour: &Vec<u8>| {
        let key = PublicKey::verify(armour, NAMESPACE, &bytes, &Member::Signature(0).name()).ok()?;
        Some((key.fingerprint(), armour.clone()))
    };
    let found: Vec<(Fingerprint, Vec<u8>)> = armours.iter().filter_map(by).collect();
    if found.is_empty() {
        return None;
    }
    let envelope = Envelope::parse(&bytes).ok()?;
    let of = |signer: &Fingerprint| found.iter().find(|(by, _)| by == signer).map(|(_, armour)| armour.clone());
    let armours = envelope.predicate.signers.iter().map(of).collect::<Option<Vec<_>>>()?;
    Some(Statement { bytes, envelope, armours })
}

/// The bytes of a member with header and padding.
pub(super) fn span(size: u64) -> u64 {
    padded(size).saturating_add(512)
}
