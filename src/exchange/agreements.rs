//! Agreements with partners, and other evidence on them: putting it on record, and taking it back. What brings something into force is in the ledger before it takes effect; what
//! ends it takes effect first. So a crash in between leaves nothing in force that no line tells of, and the same command
//! again completes it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::disagreement::Disagreement;
use super::dossier::{Dossier, Shelf};
use super::dossieredit::{Edit, Prepared};
use super::partners;
use super::{Error, Home, Ledger, Result, Workspace};
use crate::crypto::{Digest, Fingerprint, Hasher};
use crate::files::{self, Progress, printable};
use crate::format::agreement::EvidenceKind;
use crate::format::date::Date;
use crate::format::record::{self, Days, Event};
use crate::format::time::Time;
use crate::format::version::LABEL_MAX;
use crate::policy::Reason;
use crate::policy::agreement::{Evidence, Withdrawn};

/// Where and when something is put on record, and whose ledger tells of it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The home.
    pub home: &'a Home,
    /// The workspace, if there is one.
    pub workspace: Option<&'a Workspace>,
    /// Now.
    pub now: Time,
    /// The key named in the ledger.
    pub signer: Option<&'a Fingerprint>,
}

/// Evidence that is to be put on record, or agreed to.
#[derive(Debug, Clone)]
pub struct New {
    /// What it is.
    pub kind: EvidenceKind,
    /// The document.
    pub document: Document,
    /// Its first day; today, if nobody says.
    pub from: Option<Date>,
    /// Its last day.
    pub until: Date,
    /// What it is called; its kind and first day, if nobody says.
    pub reference: Option<String>,
    /// Who made it.
    pub by: Option<String>,
}

/// A document, which is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// H(its bytes).
    pub digest: Digest,
    /// The name of its file.
    pub file: String,
}

impl Document {
    /// Reads a document once, however large it is.
    ///
    /// # Errors
    /// What the system says; a file that is empty, is none, or changed meanwhile.
    pub fn read(path: &Path, progress: &dyn Progress) -> Result<Document> {
        let mut hasher = Hasher::default();
        let len = files::read_through(path, progress, &mut |piece| {
            hasher.update(piece);
        })?;
        if len == 0 {
            return Err(Disagreement::Empty { path: path.to_owned() }.into());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut file = printable(&name);
        while file.len() > LABEL_MAX {
            file.pop();
        }
        Ok(Document { digest: hasher.finish(), file })
    }
}

/// What came of a change.
#[derive(Debug)]
pub struct Changed {
    /// The evidence as it is on record now.
    pub evidence: Evidence,
    /// The number of the ledger's entry; none if all was there already.
    pub entry: Option<u64>,
    /// The dossier.
    pub path: PathBuf,
    /// All that is on record now.
    pub dossier: Dossier,
}

/// Puts evidence on record.
///
/// # Errors
/// No such partner, or another firm; dates or names that can't be; what the system says.
pub fn record(context: &Context<'_>, partner: &str, new: &New) -> Result<Changed> {
    let partner = partners::find(context.home, partner)?;
    let shelf = Shelf::of(context.home, context.workspace);
    let mut edit = Edit::begin(context.home, &shelf, &partner)?;
    let path = shelf.file(&partner.name);
    if let Some(evidence) = find(&edit.dossier, new).cloned() {
        return Ok(Changed { evidence, entry: None, path, dossier: edit.dossier });
    }
    let evidence = settled(&edit.dossier, &partner.name, new, context.now)?;
    edit.add(evidence.clone());
    let dossier = edit.dossier.clone();
    let entry = enter(context, edit.prepare()?, &recorded(&partner.name, &evidence))?;
    Ok(Changed { evidence, entry: Some(entry), path, dossier })
}

/// Writes the ledger line, and only then puts the dossier in place.
pub(super) fn enter(context: &Context<'_>, prepared: Prepared, event: &Event) -> Result<u64> {
    let entry = Ledger::open(context.home).append(event, context.now, context.signer)?;
    prepared.publish().map_err(|e| Error::unfinished("it is in the ledger, but not in force", e))?;
    Ok(entry)
}

/// What is on record and is the very same.
pub(super) fn find<'a>(dossier: &'a Dossier, new: &New) -> Option<&'a Evidence> {
    dossier.evidence.iter().find(|one| {
        one.is_live()
            && (&one.kind, one.document, one.until) == (&new.kind, new.document.digest, new.until)
            && new.from.is_none_or(|from| from == one.from)
            && new.reference.as_ref().is_none_or(|reference| *reference == one.reference)
            && new.by == one.by
    })
}

/// New evidence, with what nobody said.
pub(super) fn settled(dossier: &Dossier, partner: &str, new: &New, now: Time) -> Result<Evidence> {
    let today = Date::of(now);
    let from = match new.from {
        Some(from) if from > new.until => return Err(Disagreement::Dates { from, until: new.until }.into()),
        Some(from) => from,
        None if new.until < today => return Err(Disagreement::Past { until: new.until }.into()),
        None => today,
    };
    if let Some(by) = &new.by {
        check_text("--by", by)?;
    }
    let reference = match &new.reference {
        Some(reference) => check_text("--ref", reference)?.to_owned(),
        None => free_reference(dossier, &format!("{}-{from}", new.kind.as_str())),
    };
    if dossier.live(&reference).is_some() {
        return Err(Disagreement::Taken { partner: partner.to_owned(), reference }.into());
    }
    Ok(Evidence {
        kind: new.kind.clone(),
        reference,
        document: new.document.digest,
        file: new.document.file.clone(),
        from,
        until: new.until,
        by: new.by.clone(),
        recorded: now,
        countersigned: None,
        withdrawn: None,
    })
}

/// A name is kept as it is, so it must be one that everybody sees as it is.
fn check_text<'a>(what: &'static str, text: &'a str) -> Result<&'a str> {
    let bad = |why| Err(Disagreement::Text { what, why }.into());
    match () {
        () if text.trim().is_empty() => bad("it is empty"),
        () if text.trim() != text => bad("spaces stand before or after it"),
        () if text.len() > LABEL_MAX => bad("it has more than 256 bytes"),
        () if printable(text) != text => bad("it holds characters that nobody can see"),
        () => Ok(text),
    }
}

fn free_reference(dossier: &Dossier, wanted: &str) -> String {
    let numbered = (2..).map(|n| format!("{wanted}-{n}"));
    let mut all = std::iter::once(wanted.to_owned()).chain(numbered);
    all.find(|name| dossier.live(name).is_none()).unwrap_or_default()
}

/// Takes evidence back: it counts no more, and what it had superseded counts again.
///
/// # Errors
/// [`Disagreement::NotOnRecord`]; what the system says.
pub fn withdraw(context: &Context<'_>, partner: &str, reference: &str, why: &Reason) -> Result<Changed> {
    let partner = partners::find(context.home, partner)?;
    let shelf = Shelf::of(context.home, context.workspace);
    let mut edit = Edit::begin(context.home, &shelf, &partner)?;
    let path = shelf.file(&partner.name);
    let Some((n, _)) = edit.dossier.live(reference) else {
        let dossier = edit.dossier;
        let gone = dossier.evidence.iter().rev().find(|one| one.reference == reference).cloned();
        let Some(evidence) = gone else { return Err(not_on_record(&dossier, &partner.name, reference)) };
        let entry = complete(context, &withdrawn(&partner.name, &evidence), &["reference", "document"])?;
        return Ok(Changed { evidence, entry, path, dossier });
    };
    edit.withdraw(n, Withdrawn { at: context.now, why: why.as_str().to_owned() });
    let dossier = edit.dossier.clone();
    let evidence = dossier.evidence.get(n).cloned().ok_or(crate::bundle::Error::Bug)?;
    edit.prepare()?.publish()?;
    let entry = record_end(context, &withdrawn(&partner.name, &evidence))?;
    Ok(Changed { evidence, entry: Some(entry), path, dossier })
}

/// Records what has taken effect already.
pub(super) fn record_end(context: &Context<'_>, event: &Event) -> Result<u64> {
    let entry = Ledger::open(context.home).append(event, context.now, context.signer);
    entry.map_err(|e| Error::unfinished("it is done, but the ledger doesn't tell of it", e))
}

/// Records what has taken effect already, unless a line here tells of it: one of the same event and partner in which
/// these fields are the same.
pub(super) fn complete(context: &Context<'_>, event: &Event, same: &[&str]) -> Result<Option<u64>> {
    let wanted = serde_json::to_value(event).map_err(|_| crate::bundle::Error::Bug)?;
    let word = wanted.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
    for line in Ledger::open(context.home).lines()? {
        let line = line?;
        let fits = |key: &&str| line.fields.get(*key) == wanted.get(*key);
        if line.event == word && ["partner"].iter().chain(same).all(fits) {
            return Ok(None);
        }
    }
    record_end(context, event).map(Some)
}

fn not_on_record(dossier: &Dossier, partner: &str, reference: &str) -> Error {
    let known = dossier.evidence.iter().filter(|one| one.is_live()).map(|one| one.reference.clone()).collect();
    Disagreement::NotOnRecord { partner: partner.to_owned(), reference: reference.to_owned(), known }.into()
}

/// Evidence as the ledger names it.
pub(super) fn told(one: &Evidence) -> record::Evidence {
    record::Evidence { kind: one.kind.clone(), reference: one.reference.clone(), document: one.document }
}

/// That evidence is put on record.
pub(super) fn recorded(partner: &str, one: &Evidence) -> Event {
    Event::AgreementRecorded {
        partner: partner.to_owned(),
        evidence: told(one),
        days: Days { from: one.from, until: one.until },
        by: one.by.clone(),
        countersigned: one.countersigned,
    }
}

fn withdrawn(partner: &str, one: &Evidence) -> Event {
    let why = one.withdrawn.as_ref().map(|withdrawn| withdrawn.why.clone()).unwrap_or_default();
    Event::AgreementWithdrawn { partner: partner.to_owned(), evidence: told(one), why }
}

#[cfg(test)]
mod tests;
