//! The tail: keys, B3SUMS, envelope, signatures, end. Made whole in memory; only with it is there a bundle.

use super::order::Order;
use super::{Error, Result};
use crate::crypto::{Digest, Fingerprint, Hex, Secret, Signer, digest};
use crate::format::container::{End, Member, Sums, push_member};
use crate::format::envelope::{BundleRef, Compartment, Envelope, NAMESPACE, Predicate, Sender};
use crate::format::manifest::Head;
use crate::format::version::FORMAT;

/// A bundle whose payload is written and whose tail is still here.
pub struct Sealed {
    /// The tail. Until it is written nobody can open the bundle. It is empty while signatures are awaited.
    pub tail: Vec<u8>,
    /// What there is of a tail that awaits signatures.
    pub unfinished: Option<Unfinished>,
    /// What the bundle is called everywhere: H(envelope.json).
    pub reference: BundleRef,
    /// The length of the whole bundle, in bytes.
    pub size: u64,
    /// The compartments, with what the ledger's private part keeps.
    pub compartments: Vec<SealedCompartment>,
}

/// A tail that awaits signatures (FORMAT §2.6).
pub struct Unfinished {
    /// Keys, B3SUMS and the envelope, as members.
    pub before: Vec<u8>,
    /// The envelope.
    pub envelope: Vec<u8>,
    /// The signatures that are there, of the first signers.
    pub armours: Vec<String>,
    /// What `end` says.
    pub end: End,
}

impl Unfinished {
    /// The tail, once every signature is there.
    #[must_use]
    pub fn into_tail(self) -> Vec<u8> {
        let mut tail = self.before;
        for (i, armour) in self.armours.iter().enumerate() {
            push_member(&mut tail, Member::Signature(i), armour.as_bytes());
        }
        tail.extend_from_slice(&self.end.closing());
        tail
    }
}

/// One compartment of it.
pub struct SealedCompartment {
    /// What the envelope says about it.
    pub public: Compartment,
    pub(super) key_age: Vec<u8>,
    /// The compartment identity, for the ledger's private part.
    pub identity: Secret,
    /// X of FORMAT §5.2, for the ledger's private part.
    pub possession: Digest,
    /// The manifest's first line.
    pub head: Head,
    /// The terms line.
    pub terms_line: Vec<u8>,
    /// The plaintext of its manifest, if signatures are awaited: who signs must see what goes out.
    pub manifest: Option<Vec<u8>>,
}

pub(super) fn seal(
    order: &Order<'_>,
    awaited: &[Fingerprint],
    bundle: Hex<16>,
    offset: u64,
    mut sums: Vec<u8>,
    compartments: Vec<SealedCompartment>,
) -> Result<Sealed> {
    let mut tail = Vec::new();
    for (n, compartment) in compartments.iter().enumerate() {
        push_member(&mut tail, Member::Key(n), &compartment.key_age);
        Sums::push_line(&mut sums, Member::Key(n), &digest(&compartment.key_age));
    }
    let sums_at = offset + tail.len() as u64;
    push_member(&mut tail, Member::Sums, &sums);
    let envelope = Envelope::new(&sums, predicate(order, awaited, bundle, &compartments)).to_bytes()?;
    let envelope_at = offset + tail.len() as u64;
    push_member(&mut tail, Member::Envelope, &envelope);
    // What readers would refuse is not signed.
    Envelope::parse(&envelope).map_err(|_| Error::Bug)?;
    let sign = |signer: &&dyn Signer| signer.sign(NAMESPACE, &envelope);
    let armours = order.signers.iter().map(sign).collect::<crate::crypto::Result<Vec<_>>>()?;
    let reference = digest(&envelope);
    let end = End { tail: offset, sums: sums_at, envelope: envelope_at };
    let unfinished = Unfinished { before: tail, envelope, armours, end };
    if !awaited.is_empty() {
        return Ok(Sealed { size: offset, tail: Vec::new(), unfinished: Some(unfinished), reference, compartments });
    }
    let tail = unfinished.into_tail();
    Ok(Sealed { size: offset + tail.len() as u64, tail, unfinished: None, reference, compartments })
}

fn predicate(
    order: &Order<'_>,
    awaited: &[Fingerprint],
    bundle: Hex<16>,
    compartments: &[SealedCompartment],
) -> Predicate {
    Predicate {
        format: FORMAT,
        crit: Vec::new(),
        bundle,
        name: order.name.to_owned(),
        kind: order.kind,
        created: order.created,
        expires: order.expires,
        sender: Sender { name: order.sender.to_owned() },
        signers: order.signers.iter().map(|s| s.public().fingerprint()).chain(awaited.iter().cloned()).collect(),
        tool: order.tool.to_owned(),
        in_reply_to: order.in_reply_to,
        parent: None,
        supersedes: Vec::new(),
        compartments: compartments.iter().map(|c| c.public.clone()).collect(),
    }
}
