//! A request for a signature, checked: what would be signed is shown from the very bytes that the statement binds, held
//! to the rules that a reader of the bundle holds it to (FORMAT §2.6).

use super::reveal::{check_front, check_sums};
use super::verify::{Pins, SignedBy};
use super::{Error, Result};
use crate::crypto::{Digest, Fingerprint, Signature, digest};
use crate::format::changed;
use crate::format::container::Member;
use crate::format::entries::Entries;
use crate::format::entry::Entry;
use crate::format::envelope::{Envelope, NAMESPACE, Predicate};
use crate::format::manifest::{Extent, Front};
use crate::format::signrequest::SignRequest;

/// A request whose signatures fit and whose manifests are what the statement binds.
pub struct Requested {
    envelope: Envelope,
    request: SignRequest,
    /// Who signed already, the sender first.
    pub signers: Vec<SignedBy>,
    /// H(envelope.json).
    pub reference: Digest,
    /// What each manifest begins with.
    pub fronts: Vec<Front>,
    extents: Vec<Extent>,
}

impl Requested {
    /// Checks all of a request.
    ///
    /// # Errors
    /// A signature that does not fit; a manifest that differs from what the statement binds; a stranger's request.
    pub fn check(request: SignRequest, pins: &dyn Pins) -> Result<Requested> {
        let mut made = Vec::new();
        for (i, armour) in request.armours.iter().enumerate() {
            let name = Member::Signature(i).name();
            made.push(Signature::verify(armour.as_bytes(), NAMESPACE, &request.envelope, &name)?);
        }
        let envelope = Envelope::parse(&request.envelope)?;
        let at = envelope.predicate.created;
        let signers: Vec<SignedBy> = made.into_iter().map(|signature| SignedBy::of(signature, pins, at)).collect();
        if !envelope.predicate.signers.iter().zip(&signers).all(|(stated, made)| *stated == made.fingerprint)
            || signers.len() >= envelope.predicate.signers.len()
        {
            return Err(changed("the signatures", "they are not by the first of the signers that are listed").into());
        }
        let reference = digest(&request.envelope);
        let (fronts, extents) = (Vec::new(), Vec::new());
        let mut requested = Requested { envelope, request, signers, reference, fronts, extents };
        requested.read_manifests()?;
        requested.list(&mut |_, _| Ok(()))?;
        Ok(requested)
    }

    fn read_manifests(&mut self) -> Result<()> {
        let says = &self.envelope.predicate;
        if says.compartments.len() != self.request.manifests.len() {
            return Err(changed("sign request", "it has not one manifest for each compartment").into());
        }
        let first = self.signers.first().map(|s| &s.fingerprint);
        for (n, (public, plain)) in says.compartments.iter().zip(&self.request.manifests).enumerate() {
            let place = &public.manifest;
            if place.bytes != plain.len() as u64 || place.blake3 != digest(plain) {
                return Err(changed(Member::Manifest(n).name(), "it differs from what was signed").into());
            }
            let (front, extent) = Front::read(plain.as_slice(), place.lines)?;
            check_front(says, first, n, &front)?;
            self.fronts.push(front);
            self.extents.push(extent);
        }
        Ok(())
    }

    /// What the statement says.
    #[must_use]
    pub fn says(&self) -> &Predicate {
        &self.envelope.predicate
    }

    /// The bytes to sign.
    #[must_use]
    pub fn statement(&self) -> &[u8] {
        &self.request.envelope
    }

    /// Whose signatures are awaited.
    #[must_use]
    pub fn awaited(&self) -> &[Fingerprint] {
        self.envelope.predicate.signers.get(self.signers.len()..).unwrap_or_default()
    }

    /// Tells every entry, by compartment, and checks their sums.
    ///
    /// # Errors
    /// What differs from what was signed; what `tell` says.
    pub fn list(&self, tell: &mut dyn FnMut(usize, &Entry) -> Result<()>) -> Result<()> {
        let plains = self.request.manifests.iter();
        let parts = plains.zip(&self.extents).zip(self.fronts.iter().zip(&self.envelope.predicate.compartments));
        for (n, ((plain, extent), (front, public))) in parts.enumerate() {
            let skip = usize::try_from(extent.plain).map_err(|_| Error::Bug)?;
            let most = public.manifest.lines.saturating_sub(extent.lines);
            let rest = plain.get(skip..).unwrap_or_default();
            let mut entries = Entries::new(rest, front.head.nonce.bytes(), true).bounded(most);
            while let Some(entry) = entries.next()? {
                tell(n, &entry)?;
            }
            check_sums(n, &front.head, &entries, public)?;
        }
        Ok(())
    }
}
