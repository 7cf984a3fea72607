//! The second pair of eyes: a request is opened and checked, shown, and signed (FORMAT §2.6). What was signed is on
//! record before the signature is anywhere.

use std::path::Path;

use super::locks::Locks;
use super::partners::YOU;
use super::trust::Trust;
use super::{Config, Error, Home, Ledger, Result, keys, partners};
use crate::bundle::{self, Requested};
use crate::class::{Class, Fault};
use crate::crypto::{Fingerprint, Identities, Signer, check_words};
use crate::files;
use crate::format::envelope::NAMESPACE;
use crate::format::record::Event;
use crate::format::signrequest::SignRequest;
use crate::format::time::Time;
use crate::policy::{Refusal, admit};

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

/// The keys that are on a card or record here, and whose they are. What a packer calls the keys that it locked to is
/// its word only.
#[derive(Debug)]
pub struct Holders(Vec<(String, String)>);

impl Holders {
    /// Those of one's own card and of all partners.
    ///
    /// # Errors
    /// A record that can't be read.
    pub fn of(home: &Home) -> Result<Holders> {
        let mut all = Vec::new();
        let mut add = |name: &str, locks: Locks| {
            all.extend(locks.classical.into_iter().chain(locks.post_quantum).map(|key| (key, name.to_owned())));
        };
        if let Some(card) = keys::own_card(home)? {
            add(YOU, Locks::of_card(&card));
        }
        for partner in partners::list(home)? {
            match partners::locks_of(&partner) {
                Ok(locks) => add(&partner.name, locks),
                Err(Error::SignsOnly { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Holders(all))
    }

    /// Who has this key.
    #[must_use]
    pub fn name(&self, key: &str) -> Option<&str> {
        // Behind an SSH key there may be a comment.
        let same = |other: &str| other.split_whitespace().take(2).eq(key.split_whitespace().take(2));
        self.0.iter().find(|(other, _)| same(other)).map(|(_, name)| name.as_str())
    }
}

/// What the configuration here demands of the keys that a request's bundle is locked to, and of the key that would sign.
/// Whoever sent it and whoever gets it count, as far as they are on record.
#[derive(Debug)]
pub struct Rules {
    config: Config,
    partners: Vec<String>,
}

impl Rules {
    /// Those for a request.
    ///
    /// # Errors
    /// A configuration or a record that can't be read.
    pub fn of(home: &Home, requested: &Requested, trust: &Trust) -> Result<Rules> {
        let holders = Holders::of(home)?;
        let first = requested.signers.first().ok_or(bundle::Error::Bug)?;
        let sender = first.known_as.as_deref().and_then(|name| trust.partner_of(name, &first.key));
        let recipients = requested.fronts.iter().flat_map(|front| &front.head.recipients);
        let holding = recipients.filter_map(|r| holders.name(&r.key));
        let partners = sender.into_iter().chain(holding.filter(|name| *name != YOU)).map(str::to_owned).collect();
        Ok(Rules { config: Config::of(home)?, partners })
    }

    /// Checks the keys that it is locked to.
    ///
    /// # Errors
    /// [`Refusal::Assurance`].
    pub fn admit_recipients(&self, requested: &Requested) -> Result<()> {
        let mut all: Vec<Option<&str>> = self.partners.iter().map(|name| Some(name.as_str())).collect();
        if all.is_empty() {
            all.push(None);
        }
        for (front, partner) in requested.fronts.iter().flat_map(|front| all.iter().map(move |who| (front, *who))) {
            let recipients = front.head.recipients.iter().map(|r| (r.name.as_str(), r.key.as_str()));
            self.config.assurance.admit_recipients(recipients, partner).map_err(Refusal::from)?;
        }
        Ok(())
    }

    /// Checks a key that would sign.
    fn ensure_signer(&self, signer: &dyn Signer) -> Result<()> {
        let partners = self.partners.iter().map(String::as_str);
        Ok(self.config.assurance.ensure_signer(&signer.public(), YOU, partners).map_err(Refusal::from)?)
    }
}

/// Signs, records, and writes the signature.
///
/// # Errors
/// A key that isn't asked or won't sign; keys that are less than what is demanded; a home that can't record; an output that is there.
pub fn sign(
    home: &Home,
    requested: &Requested,
    rules: &Rules,
    signer: &dyn Signer,
    out: &Path,
    force: bool,
    now: Time,
) -> Result<u64> {
    let by = signer.public().fingerprint();
    ensure_asked(requested, &by)?;
    rules.admit_recipients(requested)?;
    rules.ensure_signer(signer)?;
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
