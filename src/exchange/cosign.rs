//! The second pair of eyes: a request is opened and checked, shown, and signed (FORMAT §2.6). What was signed is on
//! record before the signature is anywhere.

use std::path::Path;

use super::trust::Trust;
use super::{Error, Home, Ledger, Result};
use crate::bundle::{self, Requested};
use crate::class::{Class, Fault};
use crate::crypto::{Fingerprint, Identities, Signer, check_words};
use crate::files;
use crate::format::envelope::NAMESPACE;
use crate::format::record::Event;
use crate::format::signrequest::SignRequest;
use crate::format::time::Time;
use crate::policy::admit;

/// The largest request that is read, in bytes: it is in memory as a whole.
pub const REQUEST_MAX: u64 = 1 << 30;

/// Opens a request and checks all of it; it must come from somebody who is known.
///
/// # Errors
/// No key; whatever is not as it was signed; a stranger; a bundle that has ended.
pub fn open(bytes: &[u8], identities: &Identities, trust: &Trust, now: Time) -> Result<Requested> {
    let limit = usize::try_from(REQUEST_MAX).unwrap_or(usize::MAX);
    let opened = identities.open(bytes, "the request", limit).map_err(|e| match e.class() {
        Class::WrongKey if identities.is_empty() => Error::from(bundle::Error::NoIdentity),
        _ => e.into(),
    })?;
    let requested = Requested::check(SignRequest::parse(opened.plain.expose())?, trust)?;
    let first = requested.signers.first().ok_or(bundle::Error::Bug)?;
    if first.known_as.is_none() {
        let words = check_words(&first.key)?.join(" ");
        let claims = requested.says().sender.name.clone();
        return Err(bundle::Error::Untrusted { by: first.fingerprint.clone(), claims, words, card: false }.into());
    }
    admit(requested.says().expires, now)?;
    Ok(requested)
}

/// Whether a signature by this key is what is asked for.
///
/// # Errors
/// [`Error::NotAsked`].
pub fn ensure_asked(requested: &Requested, by: &Fingerprint) -> Result<()> {
    if requested.awaited().contains(by) {
        return Ok(());
    }
    let asked = requested.awaited().iter().map(ToString::to_string).collect();
    Err(Error::NotAsked { by: by.to_string(), asked })
}

/// Signs, records, and writes the signature.
///
/// # Errors
/// A key that isn't asked or won't sign; a home that can't record; an output that is there.
pub fn sign(
    home: &Home,
    requested: &Requested,
    signer: &dyn Signer,
    out: &Path,
    force: bool,
    now: Time,
) -> Result<u64> {
    let by = signer.public().fingerprint();
    ensure_asked(requested, &by)?;
    home.ensure_writable()?;
    let mut pending = files::Pending::create(out, force)?;
    let armour = signer.sign(NAMESPACE, requested.statement())?;
    std::io::Write::write_all(&mut pending, armour.as_bytes()).map_err(files::io_at("write", out))?;
    let mut partners = Vec::new();
    for front in &requested.fronts {
        partners.extend(front.head.recipients.iter().map(|r| r.name.clone()));
    }
    partners.dedup();
    let event = Event::Signed {
        reference: requested.reference,
        name: requested.says().name.clone(),
        partner: requested.signers.first().and_then(|s| s.known_as.clone()).unwrap_or_default(),
        partners,
        by: by.clone(),
        contents: requested.fronts.iter().map(|front| front.head.content).collect(),
    };
    let entry = Ledger::open(home).append(&event, now, Some(&by))?;
    pending.publish()?;
    Ok(entry)
}
