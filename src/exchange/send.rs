//! Sending: order → clearance → selection → payload, synced → private part and ledger line, synced → tail, sync,
//! rename (FORMAT §1.3, P9). Nothing that anybody could open exists before its ledger line is safe.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::ledger::Claimed;
use super::locks::{Locks, classical_because};
use super::note::Note;
use super::{Config, Error, Home, Ledger, Result, keys, partners, words};
use crate::bundle::select::{self, Selection};
use crate::bundle::{self, Lens, Parcel, Sealed, TermsText};
use crate::crypto::{self, Digest, Plugins, Signer, digest, encrypt_to};
use crate::files::{self, Glob, Pending, Progress, folder_of};
use crate::format::card::SignedCard;
use crate::format::envelope::{BundleRef, Kind, valid_name};
use crate::format::manifest::NamedRecipient;
use crate::format::record::{Event, Sent};
use crate::format::time::Time;
use crate::policy::{self, Assurance, Candidate, Clearance};

/// What should be sent to whom.
pub struct Send<'a> {
    /// A folder, or where the git repository is.
    pub path: &'a Path,
    /// A revision instead of the folder's files.
    pub rev: Option<&'a str>,
    /// `--include` and `--exclude`, in their order.
    pub globs: &'a [Glob],
    /// Send names that some platform can't hold.
    pub allow_unportable: bool,
    /// The latest time of a file (`SOURCE_DATE_EPOCH`).
    pub latest: Option<u64>,
    /// Partners.
    pub to: &'a [String],
    /// Recipients without a partner.
    pub recipients: &'a [String],
    /// The sender's own keys, to which the private part is locked, and the bundle unless `no_self`.
    pub own: &'a Locks,
    /// Don't lock the bundle to the sender.
    pub no_self: bool,
    /// What runs the plugins that it takes to lock to somebody; none is run without it.
    pub plugins: Option<&'a Arc<dyn Plugins>>,
    /// The bundle's name, instead of the next number.
    pub name: Option<&'a str>,
    /// Where the bundle goes.
    pub out: Output<'a>,
    /// Replace an existing output.
    pub force: bool,
    /// The text of the terms.
    pub terms: &'a str,
    /// When it ends.
    pub expires: Option<Time>,
    /// What it is for.
    pub purpose: &'a str,
    /// The zstd level.
    pub level: i32,
    /// Look into what is left out, and write nothing.
    pub dry_run: bool,
    /// Now.
    pub now: Time,
    /// This program.
    pub tool: &'a str,
    /// How many threads may work.
    pub workers: usize,
}

/// Where a bundle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// `NAME.consign` in this folder.
    Folder(&'a Path),
    /// This file.
    File(&'a Path),
    /// A stream that the caller holds.
    Stream,
}

/// Checked and listed: everything but reading the files.
pub struct Draft<'a> {
    pub(super) order: &'a Send<'a>,
    pub(super) home: &'a Home,
    /// What goes in, and what stays out.
    pub selection: Selection,
    /// Who may open it.
    pub clearance: Clearance,
    /// Whoever has no post-quantum key, so that the bundle has none.
    pub classical_because: Vec<String>,
    /// When the cards end that it is locked by, one's own among them.
    pub cards_end: Vec<(String, Time)>,
    assurance: Assurance,
    card: Option<SignedCard>,
    pub(super) name: String,
    _claim: Option<Claimed>,
    pub(super) target: Option<PathBuf>,
}

/// What was sent.
#[derive(Debug)]
pub struct Shipment {
    /// The name of the bundle.
    pub name: String,
    /// Its file; none for a stream.
    pub file: Option<PathBuf>,
    /// Its cover note.
    pub note: Option<PathBuf>,
    /// H(envelope.json).
    pub reference: BundleRef,
    /// Its length in bytes.
    pub size: u64,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The content id.
    pub content: Digest,
    /// The number of the ledger entry, from 1.
    pub entry: u64,
    /// Who signed first.
    pub signer: crypto::Fingerprint,
    /// All who signed, in order.
    pub signers: Vec<crypto::Fingerprint>,
}

/// Checks everybody, then lists the files. Nothing is read and nothing written yet, but for a claim on the name.
///
/// # Errors
/// Refusals, a home that can't record, an output that is there, names and files that can't be sent.
pub fn draft<'a>(home: &'a Home, order: &'a Send<'a>, progress: &dyn Progress) -> Result<Draft<'a>> {
    let assurance = Config::of(home)?.assurance;
    let (candidates, classical_because) = candidates(home, order, &assurance)?;
    let mut cards_end: Vec<_> = candidates.iter().filter_map(|c| Some((c.name.clone(), c.card_expires?))).collect();
    let clearance = cleared(&assurance, &candidates, order)?;
    if order.own.is_empty() {
        return Err(Error::NoKeyHere { path: home.path().to_owned() });
    }
    let card = keys::own_card(home)?;
    let own_end = card.as_ref().and_then(|card| card.card.expires);
    cards_end.extend(own_end.map(|end| (partners::YOU.to_owned(), end)));
    cards_end.dedup();
    let (name, claim) = if order.dry_run { (String::new(), None) } else { name(home, order)? };
    let target = match order.out {
        Output::Folder(folder) => Some(folder.join(format!("{name}.consign"))),
        Output::File(file) => Some(file.to_owned()),
        Output::Stream => None,
    };
    if let Some(target) = target.as_deref().filter(|_| !order.dry_run) {
        check_output(order, target)?;
    }
    let keep_out = keep_out(home, order, target.as_deref())?;
    let from = match order.rev {
        Some(rev) => select::From::Revision { repo: order.path, rev },
        None => select::From::Folder(order.path),
    };
    let selection = Selection::of(
        &select::Order {
            from,
            globs: order.globs,
            allow_unportable: order.allow_unportable,
            latest: order.latest,
            keep_out: &keep_out,
            survey: order.dry_run,
        },
        progress,
    )?;
    if selection.is_empty() {
        return Err(bundle::Error::NothingToSend.into());
    }
    Ok(Draft {
        order,
        home,
        selection,
        clearance,
        classical_because,
        cards_end,
        assurance,
        card,
        name,
        _claim: claim,
        target,
    })
}

/// Everybody, checked, and each plugin that it takes: whether it may be run, and is there.
fn cleared(assurance: &Assurance, candidates: &[Candidate], order: &Send<'_>) -> Result<Clearance> {
    let clearance = policy::clear(&assurance.assure(candidates).map_err(policy::Refusal::from)?, order.now)?;
    let Some(plugins) = order.plugins else { return Ok(clearance) };
    for name in clearance.recipients().iter().filter_map(|r| r.recipient.plugin()) {
        plugins.ready(name)?;
    }
    Ok(clearance.with_plugins(plugins))
}

/// Somebody the bundle will be locked to, with all keys.
struct Party {
    name: String,
    locks: Locks,
    card_expires: Option<Time>,
    own: bool,
    on_record: bool,
}

/// The keys to lock to, of one kind for everybody if that can be; and who keeps the bundle classical.
fn candidates(home: &Home, order: &Send<'_>, assurance: &Assurance) -> Result<(Vec<Candidate>, Vec<String>)> {
    let mut parties = parties(home, order)?;
    for Party { name, locks, on_record, .. } in &mut parties {
        // Where hardware is demanded, a post-quantum key that is none does not stand in for one that is.
        let demanded = assurance.of(on_record.then_some(name.as_str())).hardware;
        let held = |keys: &[String]| keys.iter().all(|key| assurance.is_hardware(key));
        if demanded && !held(&locks.post_quantum) && !locks.classical.is_empty() && held(&locks.classical) {
            locks.post_quantum.clear();
        }
    }
    let because = classical_because(parties.iter().map(|p| (p.name.as_str(), &p.locks)));
    let mut all = Vec::new();
    for Party { name, locks, card_expires, own, on_record } in &parties {
        let candidate = |key: &String| Candidate {
            name: name.clone(),
            key: key.clone(),
            card_expires: *card_expires,
            own: *own,
            on_record: *on_record,
        };
        all.extend(locks.of_kind(because.is_empty()).iter().map(candidate));
    }
    Ok((all, because))
}

fn parties(home: &Home, order: &Send<'_>) -> Result<Vec<Party>> {
    let mut all = Vec::new();
    for name in order.to {
        let partner = partners::find(home, name)?;
        let card_expires = partner.card().and_then(|card| card.card.expires);
        let locks = partners::locks_of(&partner)?;
        all.push(Party { name: partner.name, locks, card_expires, own: false, on_record: true });
    }
    for key in order.recipients {
        // In any case of letters: the clearance has the one spelling.
        let kind = key.trim().to_ascii_lowercase();
        let keys = vec![key.clone()];
        let locks = match crypto::is_post_quantum(&kind) {
            true => Locks { post_quantum: keys, ..Locks::default() },
            false => Locks { classical: keys, ..Locks::default() },
        };
        all.push(Party { name: name_of(key), locks, card_expires: None, own: false, on_record: false });
    }
    if all.is_empty() {
        return Err(policy::Refusal::NoRecipient.into());
    }
    if !order.no_self {
        let locks = order.own.clone();
        all.push(Party { name: partners::YOU.into(), locks, card_expires: None, own: true, on_record: false });
    }
    Ok(all)
}

/// What a recipient without a partner is called: an SSH key's comment or fingerprint, else the recipient string.
fn name_of(key: &str) -> String {
    if crypto::is_secret(key) {
        return "a secret key".to_owned();
    }
    let mut words = key.split_whitespace();
    let (kind, comment) = (words.next().unwrap_or_default(), words.nth(1));
    let fingerprint = || key.parse::<crypto::PublicKey>().map(|k| k.fingerprint().to_string()).ok();
    let name = comment.map(str::to_owned).or_else(fingerprint).unwrap_or_else(|| kind.to_owned());
    // FORMAT §4.3: names are labels of at most 256 bytes.
    name.chars().take(64).collect()
}

fn name(home: &Home, order: &Send<'_>) -> Result<(String, Option<Claimed>)> {
    home.ensure_writable()?;
    if let Some(name) = order.name {
        if !valid_name(name) {
            return Err(Error::BadBundleName { name: name.to_owned() });
        }
        return Ok((name.to_owned(), None));
    }
    let prefix = match order.to.first() {
        Some(partner) => partner.clone(),
        None => {
            let path = order.path.canonicalize().map_err(files::io_at("read", order.path))?;
            path.file_name().map_or_else(|| "bundle".to_owned(), |n| n.to_string_lossy().into_owned())
        }
    };
    let claim = Ledger::open(home).claim_name(&prefix)?;
    Ok((claim.name.clone(), Some(claim)))
}

/// An output that is named may not lie inside the tree that is packed; the default one may, and is never sent.
fn check_output(order: &Send<'_>, target: &Path) -> Result<()> {
    let inside = matches!(order.out, Output::File(_)) && order.rev.is_none() && is_inside(target, order.path);
    if inside {
        return Err(Error::OutputInTree { path: target.to_owned() });
    }
    let note = note_of(target);
    for path in [target.to_owned(), note.clone()] {
        let there = std::fs::symlink_metadata(&path).is_ok_and(|m| !order.force || !m.is_file());
        if there || (path == note && path.exists() && !is_note_of(&note, target)) {
            return Err(files::Error::Exists { path }.into());
        }
    }
    Ok(())
}

fn is_inside(target: &Path, tree: &Path) -> bool {
    match (folder_of(target).canonicalize(), tree.canonicalize()) {
        (Ok(folder), Ok(tree)) => folder.starts_with(tree),
        _ => false,
    }
}

/// `NAME.txt` beside `NAME.consign`; for any other name, `.txt` behind it, so it is never the bundle itself.
pub(super) fn note_of(target: &Path) -> PathBuf {
    if target.extension().is_some_and(|e| e == "consign") {
        return target.with_extension("txt");
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".txt");
    target.with_file_name(name)
}

/// The payload of a bundle that awaits a signature, if it is there, and the request beside it.
fn waiting_files_of(bundle: &Path) -> Vec<PathBuf> {
    let [waiting, request] = ["consign.waiting", "sign-request"].map(|end| bundle.with_extension(end));
    if is_bundle(&waiting) { vec![waiting, request] } else { Vec::new() }
}

/// Whether a file begins as a bundle begins.
fn is_bundle(path: &Path) -> bool {
    files::starts_with(path, b"README.txt\0")
}

/// Whether a file may be replaced by this run's cover note: only an earlier note of the same bundle may.
pub(super) fn is_note_of(note: &Path, target: &Path) -> bool {
    let begins = target.file_name().map(|n| format!("{}: ", n.to_string_lossy())).unwrap_or_default();
    files::read_file(note, 1 << 20).is_ok_and(|text| text.starts_with(begins.as_bytes()))
}

/// What this run writes, and what earlier runs wrote beside it, is not part of the project.
fn keep_out(home: &Home, order: &Send<'_>, target: Option<&Path>) -> Result<Vec<PathBuf>> {
    // The home holds keys and records: it never leaves, wherever it is.
    let mut paths = vec![home.path().to_owned()];
    if let Some(target) = target {
        paths.extend([target.to_owned(), note_of(target)]);
    }
    if let Output::Folder(folder) = order.out
        && order.rev.is_none()
        && is_inside(&folder.join("x"), order.path)
    {
        for name in Ledger::open(home).sent_names()? {
            let bundle = folder.join(format!("{name}.consign"));
            let note = note_of(&bundle);
            // Only what really is one: a file of the user's may have such a name.
            paths.extend(is_note_of(&note, &bundle).then_some(note));
            paths.extend(waiting_files_of(&bundle));
            paths.extend(is_bundle(&bundle).then_some(bundle));
        }
    }
    Ok(paths)
}

impl Draft<'_> {
    /// Who may open it besides the sender, by name, each once.
    #[must_use]
    pub fn partners(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.clearance.recipients().iter().filter(|r| !r.own).map(|r| r.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What the receiver will see in a folder.
    pub(super) fn file_name(&self) -> String {
        let name = self.target.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        name.unwrap_or_else(|| format!("{}.consign", self.name))
    }

    fn sender(&self, signer: &dyn Signer) -> String {
        match &self.card {
            Some(card) => card.card.name.clone(),
            None => signer.public().fingerprint().to_string(),
        }
    }

    /// Packs, records and publishes. The first of `signers` is the sender. `stream` is where a bundle without a file goes.
    ///
    /// # Errors
    /// Anything that fails before the tail leaves nothing that can be opened; after it, the ledger has a line.
    pub fn ship(
        self,
        signers: &[&dyn Signer],
        stream: Option<&mut dyn Write>,
        lens: &dyn Lens,
        progress: &dyn Progress,
    ) -> Result<Shipment> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        self.check_signers(signers.iter().map(|signer| signer.public()))?;
        match (&self.target, stream) {
            (Some(target), None) => {
                let mut pending = Pending::create(target, self.order.force)?;
                let sealed = self.payload(signers, &[], &mut pending, lens, progress)?;
                pending.sync()?;
                let entry = self.record(&sealed, signer)?;
                let mut note = Pending::create(&note_of(target), self.order.force)?;
                let text = self.note_text(&sealed, signer)?;
                note.write_all(text.as_bytes()).map_err(files::io_at("write", note.target()))?;
                pending.write_all(&sealed.tail).map_err(files::io_at("write", target))?;
                pending.publish()?;
                note.publish().map_err(|e| Error::after(target, e))?;
                self.shipment(&sealed, signers, entry, Some(note_of(target)))
            }
            (None, Some(stream)) => {
                let sealed = self.payload(signers, &[], stream, lens, progress)?;
                stream.flush().map_err(bundle::Error::Output)?;
                let entry = self.record(&sealed, signer)?;
                stream.write_all(&sealed.tail).and_then(|()| stream.flush()).map_err(bundle::Error::Output)?;
                self.shipment(&sealed, signers, entry, None)
            }
            _ => Err(bundle::Error::Bug.into()),
        }
    }

    /// Every signature of a bundle is by a key that is demanded of it.
    pub(super) fn check_signers(&self, signers: impl Iterator<Item = crypto::PublicKey>) -> Result<()> {
        for signer in signers {
            let checked =
                self.assurance.ensure_signer(&signer, partners::YOU, self.order.to.iter().map(String::as_str));
            checked.map_err(policy::Refusal::from)?;
        }
        Ok(())
    }

    pub(super) fn payload(
        &self,
        signers: &[&dyn Signer],
        awaited: &[crypto::Fingerprint],
        out: &mut dyn Write,
        lens: &dyn Lens,
        progress: &dyn Progress,
    ) -> Result<Sealed> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        let sender = self.sender(signer);
        let owner = self.card.as_ref().map_or_else(String::new, |c| c.card.name.clone());
        let terms = TermsText { owner, text: self.order.terms.to_owned(), ..TermsText::default() };
        let parcel = Parcel {
            selection: &self.selection,
            clearance: &self.clearance,
            terms: &terms,
            scope: "",
            purpose: self.order.purpose,
        };
        let card = self.card_bytes(signer);
        let public = signer.public();
        let (file, files) = (self.file_name(), self.selection.files());
        let note = Note { file: &file, sender: &sender, signer: &public, files, card: card.is_some() };
        let head = Ledger::open(self.home).head()?;
        let order = bundle::Order {
            name: &self.name,
            kind: Kind::Drop,
            in_reply_to: None,
            created: self.order.now,
            expires: self.order.expires,
            sender: &sender,
            tool: self.order.tool,
            readme: &note.readme()?,
            card: card.as_deref(),
            signers,
            parcels: &[parcel],
            ledger: (head.entries > 0).then_some(head.head),
            level: self.order.level,
            workers: self.order.workers,
        };
        Ok(bundle::pack_awaiting(&order, awaited, out, lens, progress)?)
    }

    /// The own card, if its first key is the one that signs.
    fn card_bytes(&self, signer: &dyn Signer) -> Option<Vec<u8>> {
        let card = self.card.as_ref()?;
        let fits = card.signers.first() == Some(&signer.public());
        fits.then(|| card.document.to_bytes())
    }

    /// The text of the cover note.
    pub(super) fn note_text(&self, sealed: &Sealed, signer: &dyn Signer) -> Result<String> {
        self.note(sealed, signer).cover(&words::of(self.home, signer)?)
    }

    fn note<'n>(&'n self, sealed: &Sealed, signer: &'n dyn Signer) -> OwnedNote {
        let files = sealed.compartments.iter().map(|c| c.head.files).sum();
        let card = self.card_bytes(signer).is_some();
        OwnedNote { file: self.file_name(), sender: self.sender(signer), signer: signer.public(), files, card }
    }

    /// The private part and the line, both synced.
    fn record(&self, sealed: &Sealed, signer: &dyn Signer) -> Result<u64> {
        let ledger = Ledger::open(self.home);
        let sent = self.sent(sealed)?;
        let signer = signer.public().fingerprint();
        let entry = ledger.append(&Event::Drop(sent), self.order.now, Some(&signer));
        entry.inspect_err(|_| ledger.remove_private(&sealed.reference.to_string()))
    }

    /// Writes the private part, and says what the line will say.
    pub(super) fn sent(&self, sealed: &Sealed) -> Result<Sent> {
        let private = self.private(sealed)?;
        let private = Ledger::open(self.home).write_private(&sealed.reference.to_string(), &private)?;
        Ok(Sent {
            reference: sealed.reference,
            name: self.name.clone(),
            partners: self.partners(),
            scope: String::new(),
            revision: self.selection.revision().map(str::to_owned),
            contents: sealed.compartments.iter().map(|c| c.head.content).collect(),
            terms: sealed.compartments.iter().map(|c| digest(&c.terms_line)).collect(),
            private,
            agreements: Vec::new(),
            overridden: Vec::new(),
        })
    }

    /// What only the sender may know: FORMAT §5.10.
    fn private(&self, sealed: &Sealed) -> Result<Vec<u8>> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let compartments = sealed.compartments.iter().enumerate().map(|(n, c)| PrivateCompartment {
            n: n as u64,
            identity: &c.identity,
            x: c.possession,
            recipients: c.head.recipients.clone(),
            agreement: None,
            scope: c.head.scope.clone(),
            revision: self.selection.revision().map(str::to_owned),
            terms: text(&c.terms_line),
        });
        let part = PrivatePart { bundle: sealed.reference, compartments: compartments.collect() };
        let plain = secret_json(&part).map_err(|_| bundle::Error::Bug)?;
        let mut own: Vec<crypto::Recipient> =
            self.order.own.strongest().iter().map(|r| r.parse()).collect::<crypto::Result<_>>()?;
        if let Some(plugins) = self.order.plugins {
            own = own.into_iter().map(|r| r.with_plugins(plugins)).collect();
        }
        Ok(encrypt_to(&own, plain.expose())?)
    }

    fn shipment(
        &self,
        sealed: &Sealed,
        signers: &[&dyn Signer],
        entry: u64,
        note: Option<PathBuf>,
    ) -> Result<Shipment> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        let head = &sealed.compartments.first().ok_or(bundle::Error::Bug)?.head;
        Ok(Shipment {
            name: self.name.clone(),
            file: self.target.clone(),
            note,
            reference: sealed.reference,
            size: sealed.size,
            files: head.files,
            bytes: head.bytes,
            content: head.content,
            entry,
            signer: signer.public().fingerprint(),
            signers: signers.iter().map(|signer| signer.public().fingerprint()).collect(),
        })
    }
}

struct OwnedNote {
    file: String,
    sender: String,
    signer: crypto::PublicKey,
    files: u64,
    card: bool,
}

impl OwnedNote {
    fn cover(&self, words: &str) -> Result<String> {
        let (file, sender, signer) = (self.file.as_str(), self.sender.as_str(), &self.signer);
        Note { file, sender, signer, files: self.files, card: self.card }.cover(words)
    }
}

/// A document that holds secrets. Its size is found first: a buffer that grows leaves copies behind.
fn secret_json(document: &impl Serialize) -> serde_json::Result<crypto::Secret> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut size = Count(0);
    serde_json::to_writer(&mut size, document)?;
    let mut plain = Vec::with_capacity(size.0);
    let written = serde_json::to_writer(&mut plain, document);
    let plain = crypto::Secret::new(plain);
    written.map(|()| plain)
}

fn exposed<S: serde::Serializer>(secret: &&crypto::Secret, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let text = secret.text().map_err(|_| serde::ser::Error::custom("a secret that is no text"))?;
    serializer.serialize_str(text.trim_end())
}

#[derive(Serialize)]
struct PrivatePart<'a> {
    bundle: BundleRef,
    compartments: Vec<PrivateCompartment<'a>>,
}

#[derive(Serialize)]
struct PrivateCompartment<'a> {
    n: u64,
    #[serde(serialize_with = "exposed")]
    identity: &'a crypto::Secret,
    x: Digest,
    recipients: Vec<NamedRecipient>,
    agreement: Option<String>,
    scope: String,
    revision: Option<String>,
    terms: String,
}

/// The keys of the sender: its card's, else those of the identities it opens with.
///
/// # Errors
/// A card that can't be read.
pub fn own_locks(home: &Home, identities: &crypto::Identities) -> Result<Locks> {
    match keys::own_card(home)? {
        Some(card) => Ok(Locks::of_card(&card)),
        None => Ok(Locks::sort(identities.recipients().map(str::to_owned))),
    }
}
