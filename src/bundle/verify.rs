//! Verifying: signatures first, then the statement they bind, then every bit of the file against it. No key is needed
//! (FORMAT §6.1). Each step takes the value that the step before made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::open::{Opened, Place, member_at};
use super::{Error, Result};
use crate::crypto::{
    AgeHead, Certificate, Digest, Fingerprint, Hasher, Presence, PublicKey, Signature, check_words, digest,
};
use crate::files::{self, Progress, Source};
use crate::format::card::SignedCard;
use crate::format::container::{Member, Sums, listed, unlisted};
use crate::format::envelope::{BundleRef, Compartment, Envelope, NAMESPACE, Predicate};
use crate::format::tar::pad;
use crate::format::time::Time;
use crate::format::version::{DOCUMENT_MAX, KEY_MEMBER_MAX, MANIFEST_MAX, README_MAX};
use crate::format::{changed, too_large};

/// Whom the reader trusts to sign.
pub trait Pins {
    /// The name under which a key is pinned here for signatures made at that time; `None` for a stranger's.
    fn who(&self, key: &PublicKey, at: Time) -> Option<String>;

    /// Whether a key is revoked: then it is a stranger's, and that is said.
    fn is_revoked(&self, key: &PublicKey) -> bool {
        let _any = key;
        false
    }

    /// The name under which the authority of a certificate is pinned here for such certificates and signatures made at
    /// that time. That the certified key itself is pinned doesn't count, as with `ssh-keygen`.
    fn who_certified(&self, certificate: &Certificate, at: Time) -> Option<String> {
        let _nobody = (certificate, at);
        None
    }

    /// As [`Pins::is_revoked`], for a certificate: by its number, its name, its key or its authority.
    fn is_revoked_certificate(&self, certificate: &Certificate) -> bool {
        self.is_revoked(&certificate.key)
    }
}

/// A signer of a bundle.
#[derive(Debug, Clone)]
pub struct SignedBy {
    /// The key.
    pub key: PublicKey,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Who it is here.
    pub known_as: Option<String>,
    /// Whether a list given here revokes the key.
    pub revoked: bool,
    /// For a security key: the touch that the signature shows.
    pub presence: Option<Presence>,
    /// The certificate that it signed with, in the place of the key.
    pub certificate: Option<Certificate>,
}

impl SignedBy {
    pub(super) fn of(signature: Signature, pins: &dyn Pins, at: Time) -> SignedBy {
        let Signature { key, presence, certificate } = signature;
        let known_as = match &certificate {
            Some(certificate) => pins.who_certified(certificate, at),
            None => pins.who(&key, at),
        };
        let revoked = match &certificate {
            Some(certificate) => pins.is_revoked_certificate(certificate),
            None => pins.is_revoked(&key),
        };
        SignedBy { fingerprint: key.fingerprint(), key, known_as, revoked, presence, certificate }
    }
}

/// A bundle whose signatures fit and whose envelope and B3SUMS are what was signed. Whether the first signer is
/// known is in `signers`; [`Signed::trust`] demands it.
pub struct Signed {
    pub(super) opened: Opened,
    pub(super) envelope: Envelope,
    pub(super) sums: Sums,
    /// Who signed, in order.
    pub signers: Vec<SignedBy>,
    /// H(envelope.json).
    pub reference: BundleRef,
}

/// A bundle signed by somebody the reader knows.
pub struct Trusted {
    pub(super) signed: Signed,
}

impl Signed {
    /// Checks signatures, envelope, B3SUMS and the members of the tail.
    ///
    /// # Errors
    /// A signature that does not fit, is missing or too many; anything that differs from what was signed.
    pub fn check(opened: Opened, pins: &dyn Pins) -> Result<Signed> {
        let signed = Signed::stated(opened, pins)?;
        signed.check_tail()?;
        Ok(signed)
    }

    /// Checks signatures, envelope and B3SUMS: what may be believed of a bundle whose members are damaged.
    pub(super) fn stated(mut opened: Opened, pins: &dyn Pins) -> Result<Signed> {
        let mut made = Vec::new();
        for (i, armour) in opened.armours.iter().enumerate() {
            made.push(Signature::verify(armour, NAMESPACE, &opened.envelope, &Member::Signature(i).name())?);
        }
        let envelope = Envelope::parse(&opened.envelope)?;
        let at = envelope.predicate.created;
        let signers: Vec<SignedBy> = made.into_iter().map(|signature| SignedBy::of(signature, pins, at)).collect();
        if !signers.iter().map(|s| &s.fingerprint).eq(&envelope.predicate.signers) {
            return Err(changed("the signatures", "they are not by exactly the signers that are listed").into());
        }
        if !envelope.fits(&opened.sums) {
            return Err(changed("B3SUMS", "it differs from what was signed").into());
        }
        let sums = Sums::parse(&opened.sums, &envelope)?;
        // Only the hashes are needed from here on.
        opened.sums = Vec::new();
        let reference = digest(&opened.envelope);
        Ok(Signed { opened, envelope, sums, signers, reference })
    }

    /// What the envelope says.
    #[must_use]
    pub fn says(&self) -> &Predicate {
        &self.envelope.predicate
    }

    /// Whether the key of a compartment is locked to post-quantum recipients only, as the head of its age file says.
    ///
    /// # Errors
    /// A head that breaks the rules of FORMAT §1.5.
    pub fn is_post_quantum(&self, compartment: usize) -> Result<bool> {
        let (_, data) = self.opened.keys.get(compartment).ok_or(Error::NoCompartment { n: compartment })?;
        Ok(AgeHead::of_key(data, &Member::Key(compartment).name())?.is_all_post_quantum())
    }

    /// The length of the file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.opened.size()
    }

    pub(super) fn compartments(&self) -> &[Compartment] {
        &self.envelope.predicate.compartments
    }

    /// The hashes that B3SUMS lists, with their members.
    pub(super) fn listed(&self) -> impl Iterator<Item = (Member, Digest)> {
        listed(&self.envelope, self.sums.card).zip(self.sums.hashes.iter().copied())
    }

    fn check_tail(&self) -> Result<()> {
        let keys = self.compartments().len();
        let bad = |member: Member| changed(member.name(), "it differs from what was signed");
        let wanted: Vec<_> = self.listed().filter(|(m, _)| matches!(m, Member::Key(_) | Member::Terms(_))).collect();
        if self.opened.keys.len() != keys || wanted.len() != keys {
            return Err(changed("the tail", "it does not hold one key for each compartment").into());
        }
        for ((member, hash), (offset, data)) in wanted.into_iter().zip(&self.opened.keys) {
            let name = member_at(&self.opened.source, *offset)?.name;
            if name != member.name().as_bytes() || digest(data) != hash {
                return Err(bad(member).into());
            }
        }
        let card = self.listed().find(|(m, _)| *m == Member::Card).map(|(_, hash)| hash);
        if self.opened.card.as_deref().map(digest) != card {
            return Err(bad(Member::Card).into());
        }
        Ok(())
    }

    /// The sender's card in the bundle, if there is one: signed by the bundle's first signer, but believed by nobody
    /// before a person compared check words.
    ///
    /// # Errors
    /// A card that is damaged or of somebody else.
    pub fn card(&self) -> Result<Option<SignedCard>> {
        let Some(bytes) = &self.opened.card else { return Ok(None) };
        let card = SignedCard::read(bytes)?;
        let same =
            card.signers.first().map(PublicKey::fingerprint) == self.signers.first().map(|s| s.fingerprint.clone());
        if same { Ok(Some(card)) } else { Err(changed("sender.card", "it is not the card of who signed").into()) }
    }

    /// Demands that the first signer is known, and that none is revoked.
    ///
    /// # Errors
    /// [`Error::Untrusted`], [`Error::Revoked`].
    pub fn trust(self) -> Result<Trusted> {
        let Some(first) = self.signers.first() else { return Err(Error::Bug) };
        // Four eyes of which two are struck out are no four eyes.
        if let Some(revoked) = self.signers.iter().find(|signer| signer.revoked) {
            return Err(Error::Revoked { by: revoked.fingerprint.clone() });
        }
        if first.known_as.is_some() {
            return Ok(Trusted { signed: self });
        }
        let words = check_words(&first.key)?.join(" ");
        let claims = self.says().sender.name.clone();
        let card = self.opened.card.is_some();
        Err(Error::Untrusted { by: first.fingerprint.clone(), claims, words, card })
    }
}

impl Trusted {
    /// What was checked.
    #[must_use]
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// Who the first signer is here.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.signed.signers.first().and_then(|s| s.known_as.as_deref()).unwrap_or_default()
    }

    /// Walks the file: every member in its place, every header and pad byte as it must be.
    ///
    /// # Errors
    /// What is missing, extra or different.
    pub(super) fn places(&self) -> Result<Vec<Place>> {
        if let Some(layout) = &self.signed.opened.layout {
            return Ok(layout.places.clone());
        }
        let source = &self.signed.opened.source;
        let end = self.signed.opened.end;
        let mut places = Vec::with_capacity(self.signed.sums.hashes.len());
        let mut at = 0;
        let members = listed(&self.signed.envelope, self.signed.sums.card).chain(unlisted(&self.signed.envelope));
        for member in members {
            let name = member.name();
            let found = member_at(source, at)?;
            if found.name != name.as_bytes() {
                return Err(changed(name, "it is missing, or something stands in its place").into());
            }
            let misplaced = match member {
                Member::Key(0) | Member::Terms(0) => at != end.tail,
                Member::Sums => at != end.sums,
                Member::Envelope => at != end.envelope,
                Member::Manifest(c) => self
                    .signed
                    .compartments()
                    .get(c)
                    .is_none_or(|it| it.manifest.offset != at || it.manifest.size != found.size),
                _ => false,
            };
            if misplaced {
                return Err(changed(name, "it is not where the bundle says it is").into());
            }
            self.check_size(member, found.size)?;
            check_padding(source, &name, found.data + found.size, pad(found.size))?;
            places.push(Place { member, data: found.data, size: found.size, lost: false });
            at = found.next;
        }
        if at + 1024 != source.len() {
            return Err(changed("the file", "something was added after its end").into());
        }
        Ok(places)
    }

    /// The limits of FORMAT §6.3, before anything is read into memory.
    fn check_size(&self, member: Member, size: u64) -> Result<()> {
        let most = match member {
            Member::Volume(c, _) => self.signed.compartments().get(c).map_or(0, |it| volume_member_max(it.volume)),
            Member::Manifest(_) => MANIFEST_MAX,
            Member::Card => DOCUMENT_MAX,
            Member::Readme | Member::Signature(_) => README_MAX,
            Member::Key(_) | Member::Terms(_) => KEY_MEMBER_MAX,
            Member::Sums | Member::Envelope | Member::End => return Ok(()),
        };
        if size > most { Err(too_large(member.name(), format!("{size} bytes, {most} at most")).into()) } else { Ok(()) }
    }

    /// Hashes every member and compares it with what was signed; checks the heads of the age files.
    ///
    /// # Errors
    /// The first member that differs.
    pub fn check_all(&self, workers: usize, progress: &dyn Progress) -> Result<()> {
        self.signed.card()?;
        let places = self.places()?;
        progress.begin("verify", self.signed.size());
        let listed: Vec<(Place, Digest)> = places.into_iter().zip(self.signed.sums.hashes.iter().copied()).collect();
        self.check_places(&listed, workers, progress)
    }

    /// Hashes some members and compares them with what was signed.
    pub(super) fn check_places(
        &self,
        listed: &[(Place, Digest)],
        workers: usize,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (next, kinds) = (AtomicUsize::new(0), Kinds::default());
        std::thread::scope(|scope| {
            // This thread works as well; those that can't be made are not missed.
            let work = || self.check_some(listed, &next, &kinds, progress);
            let start = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
            let hands: Vec<_> = (1..workers).map_while(start).collect();
            let mine = work();
            let theirs = hands.into_iter().map(|hand| hand.join().map_err(|_| Error::Bug).and_then(|r| r));
            std::iter::once(mine).chain(theirs.collect::<Vec<_>>()).collect()
        })
    }

    fn check_some(
        &self,
        listed: &[(Place, Digest)],
        next: &AtomicUsize,
        kinds: &Kinds,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut buffer = vec![0; 256 << 10];
        while let Some((place, hash)) = listed.get(next.fetch_add(1, Ordering::Relaxed)) {
            let checked = self.check_member(*place, hash, kinds, &mut buffer, progress);
            if checked.is_err() {
                // The others need not go on.
                next.store(listed.len(), Ordering::Relaxed);
                return checked;
            }
        }
        Ok(())
    }

    fn check_member(
        &self,
        place: Place,
        hash: &Digest,
        kinds: &Kinds,
        buffer: &mut [u8],
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut hasher = Hasher::default();
        let mut head = if place.size == 0 { kinds.check_head(place.member, &[]) } else { Ok(()) };
        let mut at = 0;
        while at < place.size {
            if progress.stopped() {
                return Err(files::Error::Stopped.into());
            }
            let len = usize::try_from(place.size - at).unwrap_or(usize::MAX).min(buffer.len());
            let some = buffer.get_mut(..len).unwrap_or_default();
            self.signed.opened.source.read_at(place.data + at, some)?;
            if at == 0 {
                head = kinds.check_head(place.member, some);
            }
            hasher.update(some);
            at += len as u64;
            progress.advance(len as u64);
        }
        if hasher.finish() == *hash {
            head
        } else {
            Err(changed(place.member.name(), "it differs from what was signed").into())
        }
    }
}

/// The most that an age file around one frame of `plain` bytes may take (FORMAT §6.3).
pub(super) fn volume_member_max(plain: u64) -> u64 {
    plain + plain / 64 + (64 << 10)
}

/// What volumes and manifest of each compartment are locked with: the first that was met, which all others must share
/// (FORMAT §1.5). The key tells whether it is a post-quantum one.
#[derive(Default)]
struct Kinds(Mutex<BTreeMap<usize, bool>>);

impl Kinds {
    /// Checks the head of an age file.
    fn check_head(&self, member: Member, first: &[u8]) -> Result<()> {
        let name = member.name();
        match member {
            Member::Volume(n, _) | Member::Manifest(n) => {
                let quantum = AgeHead::of_compartment(first, &name)?.is_post_quantum();
                let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if *met.entry(n).or_insert(quantum) != quantum {
                    return Err(changed(name, "it is locked in another way than the rest of its compartment").into());
                }
            }
            Member::Key(_) | Member::Terms(_) => AgeHead::of_key(first, &name).map(drop)?,
            _ => {}
        }
        Ok(())
    }
}

/// Checks that the bytes after a member's data are zero.
pub(super) fn check_padding(source: &Source, name: &str, at: u64, len: u64) -> Result<()> {
    let mut bytes = [0; 512];
    let bytes = bytes.get_mut(..usize::try_from(len).unwrap_or(0)).unwrap_or_default();
    source.read_at(at, bytes)?;
    if bytes.iter().all(|b| *b == 0) { Ok(()) } else { Err(changed(name, "its padding is not zero").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{Class, Fault};

    /// The scan looks at the form of a head only, so any argument of letters does.
    fn head(stanza: &str) -> Vec<u8> {
        let body = "A".repeat(43);
        format!("age-encryption.org/v1\n-> {stanza} {body}\n{body}\n--- {body}\n").into_bytes()
    }

    #[test]
    fn all_of_a_compartment_is_locked_in_one_way() {
        let (plain, quantum) = (head("X25519"), head("mlkem768x25519"));
        let kinds = Kinds::default();
        kinds.check_head(Member::Volume(0, 0), &plain).unwrap();
        kinds.check_head(Member::Manifest(0), &plain).unwrap();
        kinds.check_head(Member::Volume(1, 0), &quantum).unwrap();
        kinds.check_head(Member::Manifest(1), &quantum).unwrap();
        for (member, other) in [(Member::Volume(0, 1), &quantum), (Member::Manifest(1), &plain)] {
            assert_eq!(kinds.check_head(member, other).unwrap_err().class(), Class::Changed);
        }
    }
}
