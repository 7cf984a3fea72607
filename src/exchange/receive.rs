//! Receiving: open → verify → trust → admit → reveal → staging → ledger → one rename. Each step takes the value that
//! the step before made.

use std::path::{Path, PathBuf};

use super::trust::Trust;
use super::{Error, Home, Ledger, Result, keys};
use crate::bundle::{Ask, Counts, Opened, Revealed, Signed, Trusted, Unpack};
use crate::crypto::Identities;
use crate::files::{self, Progress, Source, Staging, move_aside};
use crate::format::record::Event;
use crate::format::time::Time;
use crate::policy::admit;

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
    let terms = terms_text(revealed);
    let terms_path = terms.as_ref().map(|_| beside(order.target, "terms.txt"));
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
    let entry = record(home, revealed, counts.missing, order.now)?;
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

/// `NAME.terms.txt` beside the folder, never inside it.
fn beside(target: &Path, what: &str) -> PathBuf {
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!("{name}.{what}"))
}

/// The terms of all open compartments, each text once; none when no sender stated any.
fn terms_text(revealed: &Revealed) -> Option<String> {
    let mut texts: Vec<&str> = Vec::new();
    for part in &revealed.open {
        let text = part.front.terms.text.as_str();
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.is_empty() { None } else { Some(texts.join("\n\n")) }
}

/// A home that can't be written does not keep anybody from their files; it is said instead.
fn record(home: &Home, revealed: &Revealed, missing: u64, now: Time) -> Result<std::result::Result<u64, String>> {
    let signed = revealed.trusted().signed();
    let Some(first) = signed.signers.first() else { return Err(crate::bundle::Error::Bug.into()) };
    let event = Event::Received {
        reference: signed.reference,
        name: signed.says().name.clone(),
        partner: revealed.trusted().sender().to_owned(),
        by: first.fingerprint.clone(),
        contents: revealed.open.iter().map(crate::bundle::Part::content).collect(),
        terms: revealed.open.iter().map(|p| crate::crypto::digest(&p.front.terms_line)).collect(),
        missing: Some(missing).filter(|n| *n > 0),
    };
    let own = keys::own_public(home)?.map(|key| key.fingerprint());
    match home.ensure_writable().and_then(|()| Ledger::open(home).append(&event, now, own.as_ref())) {
        Ok(entry) => Ok(Ok(entry)),
        Err(e @ Error::HomeReadOnly { .. }) => Ok(Err(e.to_string())),
        Err(e) => Err(e),
    }
}
