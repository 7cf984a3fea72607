//! The tail: keys, B3SUMS, envelope, signatures, end. Made whole in memory; only with it is there a bundle.

use super::order::Order;
use super::{Error, Result};
use crate::crypto::{Digest, Hex, Secret, digest};
use crate::format::container::{End, Member, Sums, push_member};
use crate::format::envelope::{BundleRef, Compartment, Envelope, NAMESPACE, Predicate, Sender};
use crate::format::manifest::Head;
use crate::format::version::FORMAT;

/// A bundle whose payload is written and whose tail is still here.
pub struct Sealed {
    /// The tail. Until it is written nobody can open the bundle.
    pub tail: Vec<u8>,
    /// What the bundle is called everywhere: H(envelope.json).
    pub reference: BundleRef,
    /// The length of the whole bundle, in bytes.
    pub size: u64,
    /// The compartments, with what the ledger's private part keeps.
    pub compartments: Vec<SealedCompartment>,
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
}

pub(super) fn seal(
    order: &Order<'_>,
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
    let envelope = Envelope::new(&sums, predicate(order, bundle, &compartments)).to_bytes()?;
    let envelope_at = offset + tail.len() as u64;
    push_member(&mut tail, Member::Envelope, &envelope);
    for (i, signer) in order.signers.iter().enumerate() {
        push_member(&mut tail, Member::Signature(i), signer.sign(NAMESPACE, &envelope)?.as_bytes());
    }
    tail.extend_from_slice(&End { tail: offset, sums: sums_at, envelope: envelope_at }.closing());
    // What readers would refuse is not sent.
    Envelope::parse(&envelope).map_err(|_| Error::Bug)?;
    Ok(Sealed { size: offset + tail.len() as u64, tail, reference: digest(&envelope), compartments })
}

fn predicate(order: &Order<'_>, bundle: Hex<16>, compartments: &[SealedCompartment]) -> Predicate {
    Predicate {
        format: FORMAT,
        crit: Vec::new(),
        bundle,
        name: order.name.to_owned(),
        kind: order.kind,
        created: order.created,
        expires: order.expires,
        sender: Sender { name: order.sender.to_owned() },
        signers: order.signers.iter().map(|s| s.public().fingerprint()).collect(),
        tool: order.tool.to_owned(),
        in_reply_to: order.in_reply_to,
        parent: None,
        supersedes: Vec::new(),
        compartments: compartments.iter().map(|c| c.public.clone()).collect(),
    }
}
