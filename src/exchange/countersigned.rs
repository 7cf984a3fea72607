//! Agreements that both firms sign (FORMAT §5.11): one offers, the other one accepts the very same bytes, and what comes
//! back goes on record with both signatures. The signed file is kept beside the dossier, and is looked at again whenever
//! something relies on it: a line in a dossier alone is nobody's signature.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::agreements::{Context, New, enter, find, recorded, settled, told};
use super::disagreement::Disagreement;
use super::dossier::{Dossier, Shelf, is_there};
use super::dossieredit::{Edit, make_folder};
use super::partners::{self, Partner};
use super::trust::Trust;
use super::{Error, Home, Ledger, Result, cardlife, keys};
use crate::bundle::{self, Pins};
use crate::crypto::{Fingerprint, Signer, check_words};
use crate::files::{self, Pending, io_at};
use crate::format::agreement::{Agreement, Party, SignedAgreement};
use crate::format::record::{Days, Event, Evidence as Told};
use crate::format::time::Time;
use crate::format::version::{DOCUMENT_MAX, LABEL_MAX};
use crate::policy::agreement::Evidence;

/// Signs an offer and writes it to `out`, for the partner to accept. What is on record already is offered as it stands
/// there; nothing else comes into force by an offer.
///
/// # Errors
/// No such partner, or one without a key that signs; dates and names that can't be; an output that is there.
pub fn offer(
    context: &Context<'_>,
    partner: &str,
    new: &New,
    signer: &dyn Signer,
    out: impl FnOnce(&Agreement) -> std::path::PathBuf,
    force: bool,
) -> Result<(SignedAgreement, std::path::PathBuf, u64)> {
    let partner = partners::find(context.home, partner)?;
    let dossier = Shelf::of(context.home, context.workspace).dossier(&partner)?;
    let evidence = match find(&dossier, new) {
        Some(there) => there.clone(),
        None => settled(&dossier, &partner.name, new, context.now)?,
    };
    let agreement = Agreement {
        consign: "agreement/1".to_owned(),
        kind: evidence.kind.clone(),
        reference: evidence.reference.clone(),
        document: evidence.document,
        file: evidence.file.clone(),
        from: evidence.from,
        until: evidence.until,
        parties: vec![us(context.home, signer)?, them(&partner)?],
        at: context.now,
    };
    let out = out(&agreement);
    context.home.ensure_writable()?;
    let mut pending = Pending::create(&out, force)?;
    let signed = SignedAgreement::offer(&agreement, signer)?;
    pending.write_all(&signed.document.to_bytes()).map_err(io_at("write", &out))?;
    pending.sync()?;
    let days = Days { from: evidence.from, until: evidence.until };
    let event = Event::AgreementOffered { partner: partner.name, id: signed.id(), evidence: told(&evidence), days };
    let entry = Ledger::open(context.home).append(&event, context.now, context.signer)?;
    pending.publish()?;
    Ok((signed, out, entry))
}

fn us(home: &Home, signer: &dyn Signer) -> Result<Party> {
    let key = signer.public().fingerprint();
    let name = keys::own_card(home)?.map_or_else(|| key.to_string(), |card| card.card.name);
    Ok(Party { name: label(&name), key })
}

fn them(partner: &Partner) -> Result<Party> {
    let first = partner.known.signers().first().map(|key| key.fingerprint());
    let key = first.ok_or_else(|| Disagreement::NoSigner { partner: partner.name.clone() })?;
    let name = partner.card().map_or(partner.name.as_str(), |card| card.card.name.as_str());
    Ok(Party { name: label(name), key })
}

fn label(text: &str) -> String {
    let mut text = text.to_owned();
    while text.len() > LABEL_MAX {
        text.pop();
    }
    text
}

/// An offer by somebody who is known here.
#[derive(Debug)]
pub struct Offer {
    /// What is signed.
    pub signed: SignedAgreement,
    /// Who offers it, by its name here.
    pub partner: String,
    /// The key that it asks.
    pub asked: Fingerprint,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// Whatever is not as it was signed; one that both have signed; a stranger's.
    pub fn read(home: &Home, bytes: &[u8], now: Time) -> Result<Offer> {
        let signed = SignedAgreement::read(bytes)?;
        let [first, second] = signed.agreement.parties.as_slice() else { return Err(bundle::Error::Bug.into()) };
        let trust = Trust::of(home)?;
        let Some(name) = trust.who(&signed.first, now) else {
            let words = check_words(&signed.first)?.join(" ");
            let (by, claims) = (signed.first.fingerprint(), first.name.clone());
            return Err(bundle::Error::Untrusted { by, claims, words, card: false }.into());
        };
        if signed.second.is_some() {
            return Err(Disagreement::AlreadyAccepted.into());
        }
        let asked = second.key.clone();
        Ok(Offer { partner: name, asked, signed })
    }

    /// That this key is the one that is asked.
    ///
    /// # Errors
    /// [`Error::NotAsked`].
    pub fn ensure_asked(&self, by: &Fingerprint) -> Result<()> {
        if *by == self.asked {
            return Ok(());
        }
        Err(Error::NotAsked { by: by.to_string(), asked: vec![self.asked.to_string()] })
    }

    /// Signs, records, and writes the agreement with both signatures.
    ///
    /// # Errors
    /// Another key than the one that is asked; a home that can't record; an output that is there.
    pub fn accept(&self, home: &Home, signer: &dyn Signer, out: &Path, force: bool, now: Time) -> Result<u64> {
        let by = signer.public().fingerprint();
        self.ensure_asked(&by)?;
        home.ensure_writable()?;
        let mut pending = Pending::create(out, force)?;
        let both = self.signed.accept(signer)?;
        pending.write_all(&both.document.to_bytes()).map_err(io_at("write", out))?;
        pending.sync()?;
        let Agreement { kind, reference, document, from, until, .. } = self.signed.agreement.clone();
        let evidence = Told { kind, reference, document };
        let days = Days { from, until };
        let event =
            Event::AgreementAccepted { partner: self.partner.clone(), id: both.id(), evidence, days, by: by.clone() };
        let entry = Ledger::open(home).append(&event, now, Some(&by))?;
        pending.publish()?;
        Ok(entry)
    }
}

/// What came of putting an accepted agreement on record.
#[derive(Debug)]
pub struct Taken {
    /// The evidence as it is on record now.
    pub evidence: Evidence,
    /// The number of the ledger's entry; none if all was there already.
    pub entry: Option<u64>,
    /// All that is on record now.
    pub dossier: Dossier,
}

/// Puts an agreement on record that both have signed.
///
/// # Errors
/// Whatever is not as it was signed; one without the second signature, between others, or that differs from what is on
/// record under its name; what the system says.
pub fn take(context: &Context<'_>, partner: &str, bytes: &[u8]) -> Result<Taken> {
    let partner = partners::find(context.home, partner)?;
    let signed = SignedAgreement::read(bytes)?;
    ensure_between(&own_keys(context.home)?, &partner, &signed)?;
    let shelf = Shelf::of(context.home, context.workspace);
    let mut edit = Edit::begin(context.home, &shelf, &partner)?;
    let (id, says) = (signed.id(), &signed.agreement);
    if let Some(there) = edit.dossier.evidence.iter().find(|one| one.countersigned == Some(id)).cloned() {
        keep(&shelf, &partner.name, &signed)?;
        return match &there.withdrawn {
            None => Ok(Taken { evidence: there, entry: None, dossier: edit.dossier }),
            Some(gone) => {
                let (reference, why) = (there.reference.clone(), gone.why.clone());
                Err(Disagreement::WasWithdrawn { reference, why }.into())
            }
        };
    }
    let there = edit.dossier.live(&says.reference).map(|(n, there)| (n, there.clone()));
    let (evidence, event) = match there {
        Some((n, there)) => {
            ensure_as_recorded(&there, says)?;
            edit.countersign(n, id);
            let event = Event::AgreementCountersigned { partner: partner.name.clone(), id, evidence: told(&there) };
            (Evidence { countersigned: Some(id), ..there }, event)
        }
        None => {
            let evidence = Evidence { countersigned: Some(id), ..evidence_of(says, context.now) };
            edit.add(evidence.clone());
            let event = recorded(&partner.name, &evidence);
            (evidence, event)
        }
    };
    let dossier = edit.dossier.clone();
    keep(&shelf, &partner.name, &signed)?;
    let entry = enter(context, edit.prepare()?, &event)?;
    Ok(Taken { evidence, entry: Some(entry), dossier })
}

fn evidence_of(says: &Agreement, now: Time) -> Evidence {
    Evidence {
        kind: says.kind.clone(),
        reference: says.reference.clone(),
        document: says.document,
        file: says.file.clone(),
        from: says.from,
        until: says.until,
        by: None,
        recorded: now,
        countersigned: None,
        withdrawn: None,
    }
}

/// One's own signing keys, of today and before.
fn own_keys(home: &Home) -> Result<BTreeSet<Fingerprint>> {
    let mut own: BTreeSet<Fingerprint> = keys::own_public(home)?.iter().map(|key| key.fingerprint()).collect();
    own.extend(keys::own_card(home)?.iter().flat_map(|card| &card.proven).map(|key| key.fingerprint()));
    own.extend(cardlife::past_keys(home)?.iter().map(|(key, _)| key.fingerprint()));
    Ok(own)
}

/// Both have signed it, one's own firm and this partner.
fn ensure_between(own: &BTreeSet<Fingerprint>, partner: &Partner, signed: &SignedAgreement) -> Result<()> {
    let (Some(second), [a, b]) = (&signed.second, signed.agreement.parties.as_slice()) else {
        return Err(Disagreement::NotAccepted.into());
    };
    let (first, second, theirs) = (signed.first.fingerprint(), second.fingerprint(), partner.fingerprints());
    let between = |ours: &Fingerprint, other: &Fingerprint| own.contains(ours) && theirs.contains(other);
    if between(&first, &second) || between(&second, &first) {
        return Ok(());
    }
    let (partner, first, second) = (partner.name.clone(), a.name.clone(), b.name.clone());
    Err(Disagreement::OtherParties { partner, first, second }.into())
}

/// What was signed is what is on record.
fn ensure_as_recorded(there: &Evidence, says: &Agreement) -> Result<()> {
    let what = match () {
        () if there.document != says.document => "document",
        () if there.kind != says.kind => "kind",
        () if there.from != says.from => "first day",
        () if there.until != says.until => "last day",
        () if there.reference != says.reference => "name",
        () => return Ok(()),
    };
    Err(Disagreement::Differs { reference: there.reference.clone(), what }.into())
}

/// Keeps the signed file. It is public, so one that nothing refers to does no harm.
fn keep(shelf: &Shelf, partner: &str, signed: &SignedAgreement) -> Result<()> {
    let path = shelf.agreement(partner, &signed.id());
    make_folder(files::folder_of(&path))?;
    Ok(files::write_new(&path, &signed.document.to_bytes(), true)?)
}

/// Looks at each agreement that is said to be countersigned. One whose signed file is not there, or does not say the
/// same, is not; why is returned.
pub(super) fn review(shelf: &Shelf, partner: &Partner, dossier: &mut Dossier) -> Vec<String> {
    let mut doubts = Vec::new();
    for one in dossier.evidence.iter_mut().filter(|one| one.is_live()) {
        if let Some(why) = doubt(shelf, partner, one) {
            let what = one.kind.with(&partner.name);
            doubts.push(format!("the signatures of the {what} `{}` can't be relied on: {why}", one.reference));
            one.countersigned = None;
        }
    }
    doubts
}

fn doubt(shelf: &Shelf, partner: &Partner, one: &Evidence) -> Option<String> {
    let id = one.countersigned?;
    let path = shelf.agreement(&partner.name, &id);
    let signed = || -> Result<SignedAgreement> {
        is_there(files::folder_of(&path), std::fs::Metadata::is_dir, "it is not a folder")?;
        is_there(&path, std::fs::Metadata::is_file, "it is not a file")?;
        Ok(SignedAgreement::read(&files::read_file(&path, DOCUMENT_MAX)?)?)
    };
    let signed = match signed() {
        Ok(signed) => signed,
        Err(e) => return Some(e.to_string()),
    };
    if signed.id() != id {
        return Some(format!("{} is another agreement", path.display()));
    }
    if let Err(e) = ensure_as_recorded(one, &signed.agreement) {
        return Some(e.to_string());
    }
    let theirs = partner.fingerprints();
    let by = [Some(&signed.first), signed.second.as_ref()];
    let signs = by.iter().all(Option::is_some) && by.iter().flatten().any(|key| theirs.contains(&key.fingerprint()));
    (!signs).then(|| format!("{} did not sign it", partner.name))
}
