//! Receiving: open → verify → trust → admit → reveal → staging → ledger → one rename. Each step takes the value that
//! the step before made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::trust::Trust;
use super::{Error, Home, Ledger, Result, keys};
use crate::bundle::{Ask, Counts, Opened, Revealed, Signed, Trusted, Unpack};
use crate::crypto::{Digest, Identities, digest};
use crate::files::{self, Progress, Source, Staging, move_aside};
use crate::format::record::Event;
use crate::format::terms::TermsId;
use crate::format::time::Time;
use crate::policy::{Acceptance, How, Offer, Refusal, Stated, admit};

/// What a reader brings.
pub struct Reader<'a> {
    /// Whom it trusts.
    pub trust: &'a Trust,
    /// Its keys.
    pub identities: &'a Identities,
    /// Key files, as they came.
    pub key_files: &'a [Vec<u8>],
    /// One compartment only.
    pub compartment: Option<usize>,
    /// Now.
    pub now: Time,
}

/// Signatures, envelope, B3SUMS; whoever signed.
///
/// # Errors
/// Whatever is not as it was signed.
pub fn check(source: Source, trust: &Trust) -> Result<Signed> {
    Ok(Signed::check(Opened::read(source)?, trust)?)
}

/// Demands a signer that is known, an expiry that lies ahead, and keys as strong as the configuration wants them.
///
/// # Errors
/// A stranger's bundle; an expired one; one with weaker keys.
pub fn trusted(source: Source, trust: &Trust, now: Time) -> Result<Trusted> {
    let trusted = check(source, trust)?.trust()?;
    admit(trusted.signed().says().expires, now)?;
    trust.admit_signer(&trusted)?;
    trust.admit_locks(&trusted)?;
    Ok(trusted)
}

/// Opens what the reader's keys open.
///
/// # Errors
/// No key, or a manifest that is not as it was signed.
pub fn reveal(trusted: Trusted, reader: &Reader<'_>) -> Result<Revealed> {
    let admission = admit(trusted.signed().says().expires, reader.now)?;
    let ask = Ask { identities: reader.identities, key_files: reader.key_files, compartment: reader.compartment };
    let revealed = trusted.reveal(admission, &ask)?;
    reader.trust.admit_recipients(&revealed)?;
    Ok(revealed)
}

/// The terms that the open compartments state.
#[must_use]
pub fn offer(revealed: &Revealed) -> Offer {
    let sender = &revealed.trusted().signed().says().sender.name;
    Offer::of(sender, revealed.open.iter().map(|part| &part.front.terms))
}

/// The ids of the terms that this home accepted before from the signer of this bundle. A ledger that can't be read is
/// told of by what reads it; here it knows of nothing.
#[must_use]
pub fn accepted_before(home: &Home, revealed: &Revealed) -> BTreeSet<TermsId> {
    let by = revealed.trusted().signed().signers.first().map(|signer| signer.fingerprint.to_string());
    let Ok(lines) = Ledger::open(home).lines() else { return BTreeSet::new() };
    let mut ids = BTreeSet::new();
    for line in lines.map_while(std::result::Result::ok) {
        let text = |key: &str| line.fields.get(key).and_then(Value::as_str);
        if matches!(line.event.as_str(), "received" | "accepted") && text("by") == by.as_deref() {
            let accepted = line.fields.get("accepted").and_then(Value::as_array).into_iter().flatten();
            ids.extend(accepted.filter_map(|id| id.as_str()?.parse::<TermsId>().ok()));
        }
    }
    ids
}

/// Refuses, before anybody is asked anything, what would be refused for what stands at the target.
///
/// # Errors
/// Something that is there, without `force`.
pub fn ensure_free(revealed: &Revealed, target: &Path, force: bool) -> Result<()> {
    let terms = terms_text(revealed).map(|_| terms_path(target));
    let taken = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    match [Some(target), terms.as_deref()].into_iter().flatten().find(taken) {
        Some(path) if !force => Err(files::Error::Exists { path: path.to_owned() }.into()),
        _ => Ok(()),
    }
}

/// Where the terms land: `NAME.terms.txt` beside the folder, never inside it.
#[must_use]
pub fn terms_path(target: &Path) -> PathBuf {
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!("{name}.terms.txt"))
}

/// Where a bundle should be unpacked, and how.
pub struct Order<'a> {
    /// The folder to make.
    pub target: &'a Path,
    /// Which paths.
    pub only: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
    /// Leave links out.
    pub no_links: bool,
    /// Move what is at the target aside.
    pub force: bool,
    /// The base of a delta.
    pub base: Option<&'a Path>,
    /// Of a bundle that was mended, leave out the files that lie in lost volumes.
    pub salvage: bool,
    /// How many threads may work.
    pub workers: usize,
    /// That its terms were accepted.
    pub accepted: &'a Acceptance,
    /// Now.
    pub now: Time,
}

/// What was unpacked.
#[derive(Debug)]
pub struct Delivery {
    /// The folder.
    pub folder: PathBuf,
    /// What is in it.
    pub counts: Counts,
    /// The terms, beside it.
    pub terms: Option<PathBuf>,
    /// Where the old folder went.
    pub aside: Option<PathBuf>,
    /// The ledger entry, or why there is none.
    pub entry: std::result::Result<u64, String>,
}

/// Unpacks into staging, checks everything, records, and publishes by one rename.
///
/// # Errors
/// Whatever is not as it was signed, and what the system says; nothing appears at the target then.
pub fn unpack(home: &Home, revealed: &Revealed, order: &Order<'_>, progress: &dyn Progress) -> Result<Delivery> {
    order.accepted.ensure_covers(&offer(revealed)).map_err(Refusal::from)?;
    let terms = terms_text(revealed);
    let terms_path = terms.as_ref().map(|_| terms_path(order.target));
    if let Some(path) = terms_path.as_deref().filter(|p| !order.force && std::fs::symlink_metadata(p).is_ok()) {
        return Err(files::Error::Exists { path: path.to_owned() }.into());
    }
    let staging = Staging::beside(order.target, order.force)?;
    let bytes = revealed.open.iter().map(|p| p.front.head.bytes).fold(0_u64, u64::saturating_add);
    if order.only.is_none() {
        staging.ensure_room(bytes)?;
    }
    let root = staging.root()?;
    let how = Unpack {
        only: order.only,
        no_links: order.no_links,
        links_work: staging.links_work(),
        base: order.base,
        workers: order.workers,
    };
    let counts = match order.salvage {
        true => revealed.salvage_into(&root, &how, progress)?,
        false => revealed.unpack_into(&root, &how, progress)?,
    };
    progress.begin("sync", 0);
    root.sync()?;
    drop(root);
    if progress.stopped() {
        return Err(files::Error::Stopped.into());
    }
    let stamp = order.now.to_string().replace(':', "");
    let entry = record(home, revealed, order.accepted, counts.missing, order.now)?;
    let aside = if order.force { move_aside(order.target, &stamp)? } else { None };
    match staging.publish() {
        // The new folder is there, so the old one stays where it was moved.
        Err(e @ files::Error::Unsettled { .. }) => return Err(e.into()),
        published => published.inspect_err(|_| put_back(aside.as_deref(), order.target))?,
    }
    if let (Some(path), Some(text)) = (&terms_path, terms) {
        let written = move_aside(path, &stamp).and_then(|_| files::write_new(path, text.as_bytes(), false));
        written.map_err(|e| Error::after(order.target, e))?;
    }
    Ok(Delivery { folder: order.target.to_owned(), counts, terms: terms_path, aside, entry })
}

/// The old folder, back where it was, when the new one could not be published.
fn put_back(aside: Option<&Path>, target: &Path) {
    if let Some(aside) = aside {
        // If this fails as well, it lies under the name with the date; nothing is lost.
        let _unused = std::fs::rename(aside, target);
    }
}

/// The terms of all open compartments: as it was written, if there is one text; else each once, under a heading.
fn terms_text(revealed: &Revealed) -> Option<String> {
    let offer = offer(revealed);
    let texts: Vec<_> = offer.stated().iter().filter(|stated| !stated.terms.text.is_empty()).collect();
    let (first, more) = texts.split_first()?;
    if more.is_empty() {
        return Some(first.terms.text.clone());
    }
    let headed = |stated: &&Stated| {
        let parts: Vec<String> = stated.compartments.iter().map(u64::to_string).collect();
        format!("--- compartment {}, terms {} ---\n\n{}", parts.join(", "), stated.id, stated.terms.text)
    };
    Some(texts.iter().map(headed).collect::<Vec<_>>().join("\n\n"))
}

/// Records that terms were accepted before contents are shown. What was accepted before needs no second line.
///
/// # Errors
/// As of every line; `Ok(Err)` says why a home that can't be written has none.
pub fn record_acceptance(
    home: &Home,
    revealed: &Revealed,
    accepted: &Acceptance,
    now: Time,
) -> Result<std::result::Result<Option<u64>, String>> {
    let Some(how) = accepted.how().filter(|how| *how != How::Before) else { return Ok(Ok(None)) };
    let signed = revealed.trusted().signed();
    let Some(first) = signed.signers.first() else { return Err(crate::bundle::Error::Bug.into()) };
    let event = Event::Accepted {
        reference: signed.reference,
        name: signed.says().name.clone(),
        partner: revealed.trusted().sender().to_owned(),
        by: first.fingerprint.clone(),
        terms: terms_lines(revealed),
        accepted: accepted.ids().to_vec(),
        how: how.word().to_owned(),
    };
    Ok(append(home, &event, now)?.map(Some))
}

fn terms_lines(revealed: &Revealed) -> Vec<Digest> {
    revealed.open.iter().map(|part| digest(&part.front.terms_line)).collect()
}

fn record(
    home: &Home,
    revealed: &Revealed,
    accepted: &Acceptance,
    missing: u64,
    now: Time,
) -> Result<std::result::Result<u64, String>> {
    let signed = revealed.trusted().signed();
    let Some(first) = signed.signers.first() else { return Err(crate::bundle::Error::Bug.into()) };
    let event = Event::Received {
        reference: signed.reference,
        name: signed.says().name.clone(),
        partner: revealed.trusted().sender().to_owned(),
        by: first.fingerprint.clone(),
        contents: revealed.open.iter().map(crate::bundle::Part::content).collect(),
        terms: terms_lines(revealed),
        accepted: accepted.ids().to_vec(),
        how: accepted.how().map(|how| how.word().to_owned()),
        missing: Some(missing).filter(|n| *n > 0),
    };
    append(home, &event, now)
}

/// A home that can't be written does not keep anybody from their files; it is said instead.
fn append(home: &Home, event: &Event, now: Time) -> Result<std::result::Result<u64, String>> {
    let own = keys::own_public(home)?.map(|key| key.fingerprint());
    match home.ensure_writable().and_then(|()| Ledger::open(home).append(event, now, own.as_ref())) {
        Ok(entry) => Ok(Ok(entry)),
        Err(e @ Error::HomeReadOnly { .. }) => Ok(Err(e.to_string())),
        Err(e) => Err(e),
    }
}
