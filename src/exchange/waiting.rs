//! Bundles that wait for signatures given elsewhere (FORMAT §2.6). The payload lies where the bundle will be; what makes
//! it a bundle stays in the home, in `waiting/`, until everybody has signed. Then comes what always comes: the ledger
//! line, the tail, the name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::home::read_if_there;
use super::locks::Locks;
use super::output::{is_note_of, note_of};
use super::partners::Partner;
use super::{Error, Home, Ledger, Result, partners, still};
use crate::bundle::{self, Opened, Pins, Sealed, Signed, Unfinished};
use crate::crypto::{self, Digest, Fingerprint, Hasher, PublicKey, Signature, Signer, encrypt_to};
use crate::files::{self, Lock, Names, Pending, Progress, Source, io_at};
use crate::format::card::SignedCard;
use crate::format::container::End;
use crate::format::envelope::{BundleRef, Envelope, NAMESPACE};
use crate::format::json;
use crate::format::record::{Event, Sent};
use crate::format::signrequest::SignRequest;
use crate::format::time::Time;
use crate::format::version::{DOCUMENT_MAX, SUMS_MAX};
use crate::policy::{Refusal, admit};

/// How the file of a payload that waits is called, behind the bundle's name.
const SUFFIX: &str = ".waiting";
/// The largest record that is read, in bytes: an envelope, escaped, and a little.
const RECORD_MAX: u64 = 8 << 20;
/// The largest unfinished tail, in bytes.
const TAIL_MAX: u64 = 2 * SUMS_MAX;

/// Somebody whose signature is awaited.
pub struct Awaited {
    /// Who it is here.
    pub name: String,
    /// The key that has to sign.
    pub key: PublicKey,
    /// What the request is locked to.
    locks: Vec<crypto::Recipient>,
}

impl Awaited {
    /// A partner or colleague on record, else a file: a card, or an SSH public key that age can lock to as well.
    ///
    /// # Errors
    /// What is neither; a key that nothing can be locked to.
    pub fn find(home: &Home, text: &str) -> Result<Awaited> {
        let on_record = partners::list(home)?.into_iter().find(|partner| partner.name == text);
        if let Some(partner) = on_record {
            return match partner.card() {
                Some(card) => Awaited::of_card(card, &partner.name),
                None => Awaited::of_keys(&partner),
            };
        }
        let bytes = files::read_small(Path::new(text), DOCUMENT_MAX)?;
        if bytes.starts_with(b"{") {
            let card = SignedCard::read(&bytes)?;
            let name = card.card.name.clone();
            return Awaited::of_card(&card, &name);
        }
        let line = String::from_utf8_lossy(&bytes).trim().to_owned();
        let key: PublicKey = line.parse()?;
        let lock = line.parse::<crypto::Recipient>();
        let lock = lock.map_err(|_| Error::NothingToLockTo { name: text.to_owned() })?;
        Ok(Awaited { name: text.to_owned(), key, locks: vec![lock] })
    }

    /// Somebody without a card: the first of the keys on record signs.
    fn of_keys(partner: &Partner) -> Result<Awaited> {
        let none = || Error::NothingToLockTo { name: partner.name.clone() };
        let key = partner.known.signers().first().map(|key| (*key).clone()).ok_or_else(none)?;
        let locks = partners::locks_of(partner)?;
        let locks = locks.strongest().iter().map(|key| key.parse()).collect::<crypto::Result<_>>()?;
        Ok(Awaited { name: partner.name.clone(), key, locks })
    }

    fn of_card(card: &SignedCard, name: &str) -> Result<Awaited> {
        let key = card.signers.first().cloned().ok_or(bundle::Error::Bug)?;
        let locks = Locks::of_card(card).strongest().iter().map(|key| key.parse()).collect::<crypto::Result<_>>()?;
        Ok(Awaited { name: name.to_owned(), key, locks })
    }
}

/// A bundle that waits.
#[derive(Debug)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// H(envelope.json).
    pub reference: BundleRef,
    /// The file of its payload.
    pub file: PathBuf,
    /// The requests, each with who should sign.
    pub requests: Vec<(String, PathBuf)>,
    /// Bytes of the payload.
    pub size: u64,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The number of the ledger entry, from 1.
    pub entry: u64,
    /// All signers, those who are awaited last.
    pub signers: Vec<Fingerprint>,
}

/// What the home keeps of it, besides the unfinished tail.
#[derive(Serialize, Deserialize)]
struct Record {
    consign: String,
    /// The name of the finished file.
    file: String,
    /// The payload.
    size: u64,
    blake3: Digest,
    /// Partners as they were named, and every key of theirs that it is locked to.
    to: Vec<Lock1>,
    sent: Sent,
    /// The workspace whose rules it was packed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workspace: Option<PathBuf>,
    envelope: String,
    armours: Vec<String>,
    end: [u64; 3],
    note: String,
}

/// A partner's key.
#[derive(Serialize, Deserialize)]
struct Lock1 {
    name: String,
    key: String,
}

/// Counts and hashes what goes through.
struct Hashing<'a> {
    to: &'a mut Pending,
    hasher: Hasher,
    size: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.to.write(bytes)?;
        self.hasher.update(bytes.get(..n).unwrap_or_default());
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Draft<'_> {
    /// Packs what nobody can open before those who are awaited have signed too.
    ///
    /// # Errors
    /// Those of packing; whatever fails leaves nothing that can be opened.
    pub fn hold(self, signers: &[&dyn Signer], awaited: &[Awaited], progress: &dyn Progress) -> Result<Held> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        let keys = signers.iter().map(|signer| signer.public());
        self.check_signers(keys.chain(awaited.iter().map(|who| who.key.clone())))?;
        let target = self.target.clone().ok_or(bundle::Error::Bug)?;
        let mut pending = Pending::create(&with_suffix(&target, SUFFIX), self.order.force)?;
        let fingerprints: Vec<Fingerprint> = awaited.iter().map(|who| who.key.fingerprint()).collect();
        let mut out = Hashing { to: &mut pending, hasher: Hasher::default(), size: 0 };
        let mut sealed = self.payload(signers, &fingerprints, &mut out, progress)?;
        let (size, blake3) = (out.size, out.hasher.finish());
        pending.sync()?;
        let unfinished = sealed.unfinished.take().ok_or(bundle::Error::Bug)?;
        let requests = self.requests(awaited, &sealed, &unfinished, &target)?;
        let sent = self.sent(&sealed)?;
        let ledger = Ledger::open(self.home);
        let reference = sealed.reference.to_string();
        let (name, partners) = (self.name.clone(), self.partners());
        let record = self.record_of(size, blake3, sent, &unfinished, self.note_text(signer)?)?;
        keep(self.home, &reference, &record, &unfinished.before)?;
        let waiting = Event::Waiting { reference: sealed.reference, name, partners, awaited: fingerprints.clone() };
        let entry = ledger.append(&waiting, self.order.now, Some(&signer.public().fingerprint()));
        let entry = entry.inspect_err(|_| {
            ledger.remove_private(&reference);
            forget(self.home, &reference);
        })?;
        pending.publish()?;
        let file = with_suffix(&target, SUFFIX);
        let mut written = Vec::new();
        for (who, request) in requests {
            let path = request.target().to_owned();
            request.publish().map_err(|e| Error::after(&file, e))?;
            written.push((who, path));
        }
        let (files, bytes) = (self.files(), self.bytes());
        let signers = signers.iter().map(|s| s.public().fingerprint()).chain(fingerprints).collect();
        let (name, reference) = (self.name, sealed.reference);
        Ok(Held { name, reference, file, requests: written, size, files, bytes, entry, signers })
    }

    /// The requests, written but not there yet.
    fn requests(
        &self,
        awaited: &[Awaited],
        sealed: &Sealed,
        unfinished: &Unfinished,
        target: &Path,
    ) -> Result<Vec<(String, Pending)>> {
        let manifests = sealed.compartments.iter().map(|c| c.manifest.clone());
        let manifests = manifests.collect::<Option<Vec<_>>>().ok_or(bundle::Error::Bug)?;
        let (envelope, armours) = (unfinished.envelope.clone(), unfinished.armours.clone());
        let plain = SignRequest { envelope, armours, manifests }.to_bytes()?;
        let mut requests = Vec::new();
        for (i, who) in awaited.iter().enumerate() {
            let end = if i == 0 { "sign-request".to_owned() } else { format!("{}.sign-request", i + 1) };
            let mut request = Pending::create(&target.with_extension(end), self.order.force)?;
            let locked = encrypt_to(&who.locks, &plain)?;
            request.write_all(&locked).map_err(io_at("write", request.target()))?;
            requests.push((who.name.clone(), request));
        }
        Ok(requests)
    }

    fn record_of(
        &self,
        size: u64,
        blake3: Digest,
        sent: Sent,
        unfinished: &Unfinished,
        note: String,
    ) -> Result<Record> {
        let named = |name: &String| self.order.to.iter().any(|to| to.partner == *name);
        let theirs = self.parts.iter().flat_map(|p| p.clearance.recipients()).filter(|r| named(&r.name));
        let End { tail, sums, envelope } = unfinished.end;
        Ok(Record {
            consign: "waiting/1".to_owned(),
            file: self.file_name(),
            size,
            blake3,
            to: theirs.map(|r| Lock1 { name: r.name.clone(), key: r.key.clone() }).collect(),
            sent,
            workspace: self.order.workspace.map(|workspace| workspace.root().to_owned()),
            envelope: String::from_utf8(unfinished.envelope.clone()).map_err(|_| bundle::Error::Bug)?,
            armours: unfinished.armours.clone(),
            end: [tail, sums, envelope],
            note,
        })
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn place(home: &Home, reference: &str, end: &str) -> PathBuf {
    home.folder("waiting").join(format!("{reference}.{end}"))
}

/// The record comes last: without it there is nothing that waits.
fn keep(home: &Home, reference: &str, record: &Record, before: &[u8]) -> Result<()> {
    home.make_folder("waiting")?;
    files::write_private(&place(home, reference, "tail"), before)?;
    let record = serde_json::to_vec(record).map_err(|_| bundle::Error::Bug)?;
    files::write_private(&place(home, reference, "json"), &record)?;
    Ok(())
}

fn forget(home: &Home, reference: &str) {
    // The record goes after the tail, so that a run that is stopped here is found again by the next.
    for end in ["tail", "json", "lock"] {
        // What stays is for its owner only, and what went out already is known from the ledger.
        let _unused = std::fs::remove_file(place(home, reference, end));
    }
}

/// What finishing takes.
pub struct Finish<'a> {
    /// The payload's file.
    pub file: &'a Path,
    /// The signatures, as they came.
    pub signatures: &'a [Vec<u8>],
    /// Now.
    pub now: Time,
}

/// A bundle that is whole now.
#[derive(Debug)]
pub struct Finished {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// Its cover note.
    pub note: PathBuf,
    /// H(envelope.json).
    pub reference: BundleRef,
    /// Its length in bytes.
    pub size: u64,
    /// To whom.
    pub partners: Vec<String>,
    /// The number of the ledger entry, from 1; none if an earlier run recorded it and was stopped then.
    pub entry: Option<u64>,
    /// All who signed, in order.
    pub signers: Vec<Fingerprint>,
}

/// Puts the signatures that were awaited to a bundle, records it, and gives it its name.
///
/// # Errors
/// A file that is no such payload; signatures that are missing or don't fit; what changed since it was packed. From the
/// tail on, [`Error::HalfFinished`].
pub fn finish(home: &Home, order: &Finish<'_>, progress: &dyn Progress) -> Result<Finished> {
    let target = target_of(order.file)?;
    let mut file = match OpenOptions::new().read(true).write(true).open(order.file) {
        Ok(file) => file,
        Err(e) => {
            let gone = e.kind() == io::ErrorKind::NotFound;
            let failed = io_at("open", order.file)(e);
            return if gone { resume(home, &target, failed, progress) } else { Err(failed.into()) };
        }
    };
    let record = find(home, order.file, &mut file, progress)?;
    let _lock = lock(home, &record, order.file)?;
    let envelope = Envelope::parse(record.envelope.as_bytes())?;
    admit(envelope.predicate.expires, order.now)?;
    ensure_unchanged(home, &record, order.now)?;
    still::allowed(home, record.workspace.as_deref(), &record.sent, order.now)?;
    let armours = gather(&record, &envelope.predicate.signers, order.signatures)?;
    let note = note_of(&target);
    let taken = |path: &Path| std::fs::symlink_metadata(path).is_ok();
    if let Some(path) = [&target, &note].into_iter().find(|p| taken(p) && !(**p == note && is_note_of(&note, &target)))
    {
        return Err(files::Error::Exists { path: path.clone() }.into());
    }
    let before = files::read_file(&place(home, &record.sent.reference.to_string(), "tail"), TAIL_MAX)?;
    let [tail, sums, at] = record.end;
    let end = End { tail, sums, envelope: at };
    let tail = Unfinished { before, envelope: Vec::new(), armours, end }.into_tail();
    // Once the tail is there the bundle can be opened, so a folder that refuses the name has to say so before.
    drop(Pending::create(&target, false)?);
    let signer = envelope.predicate.signers.first();
    let entry = match is_recorded(home, record.sent.reference)? {
        true => None,
        false => Some(Ledger::open(home).append(&Event::Drop(record.sent.clone()), order.now, signer)?),
    };
    let mut named = || {
        append(&mut file, order.file, record.size, &tail)?;
        // What readers would refuse gets no name.
        Signed::check(Opened::read(Source::open(order.file, progress)?)?, &Anybody)?;
        Ok(files::rename_new(order.file, &target)?)
    };
    named().map_err(|e| half(order.file, e))?;
    settle(home, record, target, entry)
}

/// Goes on where a run was stopped after it had given the bundle its name: the note, and the home. The bundle is known
/// by its statement; `gone` is the error if there is none that waits under this name.
fn resume(home: &Home, target: &Path, gone: files::Error, progress: &dyn Progress) -> Result<Finished> {
    let Ok(mut file) = File::open(target) else { return Err(gone.into()) };
    let Ok(record) = find(home, target, &mut file, progress) else { return Err(gone.into()) };
    let _lock = lock(home, &record, target)?;
    let reference = record.sent.reference;
    // Another run may have ended between the look and the lock.
    if !place(home, &reference.to_string(), "json").exists() {
        forget(home, &reference.to_string());
        return Err(gone.into());
    }
    let signed = Signed::check(Opened::read(Source::open(target, progress)?)?, &Anybody)?;
    if signed.reference != reference || !is_recorded(home, reference)? {
        return Err(gone.into());
    }
    settle(home, record, target.to_owned(), None)
}

/// What comes after the name.
fn settle(home: &Home, record: Record, target: PathBuf, entry: Option<u64>) -> Result<Finished> {
    let note = note_of(&target);
    let size = std::fs::metadata(&target).map_err(io_at("read", &target)).map_err(|e| half(&target, e.into()))?.len();
    if std::fs::symlink_metadata(&note).is_ok() && !is_note_of(&note, &target) {
        return Err(half(&target, files::Error::Exists { path: note }.into()));
    }
    files::write_new(&note, record.note.as_bytes(), true).map_err(|e| half(&target, e.into()))?;
    let signers = Envelope::parse(record.envelope.as_bytes())?.predicate.signers;
    forget(home, &record.sent.reference.to_string());
    let Sent { name, reference, partners, .. } = record.sent;
    Ok(Finished { name, file: target, note, reference, size, partners, entry, signers })
}

/// One run at a time finishes a bundle.
fn lock(home: &Home, record: &Record, path: &Path) -> Result<Lock> {
    let lock = Lock::take(&place(home, &record.sent.reference.to_string(), "lock"))?;
    Ok(lock.ok_or_else(|| files::Error::Busy { path: path.to_owned() })?)
}

fn half(path: &Path, source: Error) -> Error {
    Error::HalfFinished { path: path.to_owned(), source: Box::new(source) }
}

/// Trust is not asked here: these are one's own and those who were asked.
struct Anybody;

impl Pins for Anybody {
    fn who(&self, _: &PublicKey, _: Time) -> Option<String> {
        None
    }
}

fn target_of(file: &Path) -> Result<PathBuf> {
    let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
    match name {
        Some(name) if !name.is_empty() => Ok(file.with_file_name(name)),
        _ => Err(Error::NotWaiting { path: file.to_owned() }),
    }
}

/// The record of a payload: the one with its hash, whatever the file is called.
fn find(home: &Home, path: &Path, file: &mut File, progress: &dyn Progress) -> Result<Record> {
    let folder = home.folder("waiting");
    let length = file.metadata().map_err(io_at("read", path))?.len();
    let mut named = false;
    for name in Names::of(&folder).into_iter().flatten().flatten() {
        let record = folder.join(&name);
        if record.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let Some(bytes) = read_if_there(&record, RECORD_MAX)? else { continue };
        let broken = |e: crate::format::Error| Error::HomeBroken { path: record.clone(), why: e.to_string() };
        let record: Record = json::parse_kind(&bytes, "waiting", "waiting").map_err(broken)?;
        named |= path.file_name().and_then(|n| n.to_str()) == Some(&format!("{}{SUFFIX}", record.file));
        if record.size <= length && hash_of(file, path, record.size, progress)? == record.blake3 {
            return Ok(record);
        }
    }
    Err(if named {
        Error::WaitingChanged { path: path.to_owned() }
    } else {
        Error::NotWaiting { path: path.to_owned() }
    })
}

fn hash_of(file: &mut File, path: &Path, size: u64, progress: &dyn Progress) -> Result<Digest> {
    progress.begin("check", size);
    file.seek(SeekFrom::Start(0)).map_err(io_at("read", path))?;
    let (mut hasher, mut buffer, mut left) = (Hasher::default(), vec![0; 1 << 20], size);
    while left > 0 {
        if progress.stopped() {
            return Err(files::Error::Stopped.into());
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let some = buffer.get_mut(..most).unwrap_or_default();
        file.read_exact(some).map_err(io_at("read", path))?;
        hasher.update(some);
        left -= most as u64;
        progress.advance(most as u64);
    }
    Ok(hasher.finish())
}

/// Whoever it goes to must still be on record with the keys that it is locked to.
fn ensure_unchanged(home: &Home, record: &Record, now: Time) -> Result<()> {
    for Lock1 { name, key } in &record.to {
        let partner = partners::find(home, name)?;
        if let Some(at) = partner.card().and_then(|card| card.card.expires).filter(|end| *end <= now) {
            return Err(Refusal::CardEnded { name: name.clone(), at }.into());
        }
        let locks = partners::locks_of(&partner)?;
        if !locks.classical.contains(key) && !locks.post_quantum.contains(key) {
            return Err(Error::WaitingStale { name: name.clone() });
        }
    }
    Ok(())
}

/// All armours in the order of the signers: those on record, then those that came.
fn gather(record: &Record, signers: &[Fingerprint], came: &[Vec<u8>]) -> Result<Vec<String>> {
    let mut armours = record.armours.clone();
    let mut given = Vec::new();
    for bytes in came {
        // Mail may have changed the line ends.
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let made = Signature::verify(text.as_bytes(), NAMESPACE, record.envelope.as_bytes(), "the signature")?;
        let by = made.key.fingerprint();
        if !signers.contains(&by) {
            return Err(Error::NotAwaited { by: by.to_string() });
        }
        given.push((by, text));
    }
    let mut missing = Vec::new();
    for who in signers.iter().skip(armours.len()) {
        match given.iter().find(|(by, _)| by == who) {
            Some((_, text)) => armours.push(text.clone()),
            None => missing.push(who.to_string()),
        }
    }
    if missing.is_empty() { Ok(armours) } else { Err(Error::StillWaiting { missing }) }
}

fn is_recorded(home: &Home, reference: BundleRef) -> Result<bool> {
    let reference = reference.to_string();
    for line in Ledger::open(home).lines()? {
        let line = line?;
        if line.event == "drop" && line.fields.get("ref").and_then(serde_json::Value::as_str) == Some(&reference) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes the tail behind the payload, in place of what an earlier run may have left there.
fn append(file: &mut File, path: &Path, size: u64, tail: &[u8]) -> Result<()> {
    let write = || {
        file.set_len(size)?;
        file.seek(SeekFrom::Start(size))?;
        file.write_all(tail)?;
        file.sync_all()
    };
    let mut write = write;
    Ok(write().map_err(io_at("write", path))?)
}
