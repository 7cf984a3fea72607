//! Packing: the payload of a bundle is written volume by volume while workers read, hash, compress and encrypt;
//! the tail, which alone makes it a bundle, is made in memory, signed, and handed back (FORMAT §1.3).

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::build::{Builder, Built, FileHash, Site};
use super::lens::Lens;
use super::order::{Order, Parcel};
use super::plan::Plan;
use super::seal::{Sealed, SealedCompartment, seal};
use super::{Error, Result};
use crate::crypto::{CompartmentKey, Fingerprint, Hasher, Hex, SliceHash, digest, keyed_hasher, merge_slices, random};
use crate::files::{self, Progress};
use crate::format::container::{Member, Sums};
use crate::format::entries::Tally;
use crate::format::entry::{Entry, Kind};
use crate::format::envelope::{self, ManifestPlace};
use crate::format::manifest::{FrameWriter, Front, Head, NamedRecipient, VolumeSize};
use crate::format::relpath::RelPath;
use crate::format::tar::{HeadKind, outer, pad};
use crate::format::terms::Terms;

/// The most bytes that volume buffers may take in all.
const MEMORY: u64 = 96 << 20;

/// How long the writer waits for a volume before it looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// Counts what has been written, so that offsets are known.
pub(super) struct Out<'a> {
    to: &'a mut dyn Write,
    pub(super) offset: u64,
    pub(super) sums: Vec<u8>,
}

impl Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes).map_err(Error::Output)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn member(&mut self, member: Member, data: &[u8]) -> Result<()> {
        let size = data.len() as u64;
        Sums::push_line(&mut self.sums, member, &digest(data));
        self.write(&outer(&member.name(), size))?;
        self.write(data)?;
        self.write([0; 512].get(..usize::try_from(pad(size)).unwrap_or(0)).unwrap_or_default())
    }
}

/// Writes everything but the tail to `out`, and returns the tail with what the ledger must know.
///
/// # Errors
/// What the selection meets on disk, findings of the lens, a failing output, a key that can't sign. Nothing that
/// was written then can be opened by anybody.
pub fn pack(order: &Order<'_>, to: &mut dyn Write, lens: &dyn Lens, progress: &dyn Progress) -> Result<Sealed> {
    pack_awaiting(order, &[], to, lens, progress)
}

/// As [`pack`], for a bundle that others sign later, after those of the order: its tail stays unfinished.
///
/// # Errors
/// Those of [`pack`].
pub fn pack_awaiting(
    order: &Order<'_>,
    awaited: &[Fingerprint],
    to: &mut dyn Write,
    lens: &dyn Lens,
    progress: &dyn Progress,
) -> Result<Sealed> {
    let signer = order.signers.first().ok_or(Error::Bug)?.public().fingerprint();
    let bundle = Hex(random::<16>()?);
    let mut out = Out { to, offset: 0, sums: Vec::new() };
    let readme = format!("{}{}", crate::format::version::FIRST_LINE, order.readme);
    out.member(Member::Readme, readme.as_bytes())?;
    if let Some(card) = order.card {
        out.member(Member::Card, card)?;
    }
    let plans: Vec<Plan> = order.parcels.iter().map(|p| Plan::of(p.selection)).collect::<Result<_>>()?;
    progress.begin("pack", plans.iter().map(|p| p.stream).sum());
    let mut sealed = Vec::new();
    for (n, (parcel, plan)) in order.parcels.iter().zip(&plans).enumerate() {
        let keep = !awaited.is_empty();
        let work = Work { order, parcel, plan, n, bundle, signer: &signer, keep, lens, progress };
        sealed.push(work.run(&mut out)?);
    }
    seal(order, awaited, bundle, out.offset, out.sums, sealed)
}

/// One compartment's work.
struct Work<'a> {
    order: &'a Order<'a>,
    parcel: &'a Parcel<'a>,
    plan: &'a Plan,
    n: usize,
    bundle: Hex<16>,
    signer: &'a Fingerprint,
    /// Whether the manifest's plaintext is kept.
    keep: bool,
    lens: &'a dyn Lens,
    progress: &'a dyn Progress,
}

/// What the volumes of a compartment came to.
struct Tallied {
    tally: Tally,
    frames: FrameWriter,
    volumes: Vec<VolumeSize>,
    possession: Hasher,
}

impl Work<'_> {
    fn run(&self, out: &mut Out<'_>) -> Result<SealedCompartment> {
        let (nonce, challenge) = (Hex(random::<32>()?), Hex(random::<32>()?));
        let plan = self.plan;
        let key = CompartmentKey::generate(self.parcel.clearance.is_post_quantum())?;
        // First of all: a plugin that fails here fails before the files are read.
        let key_age = crate::crypto::encrypt_to(&self.recipients(), key.file().expose())?;
        let site = Site {
            selection: self.parcel.selection,
            plan,
            key: &key,
            challenge: challenge.bytes(),
            compartment: self.n,
            level: self.order.level,
            lens: self.lens,
        };
        let terms_line = self.terms()?;
        let tallied = self.volumes(&site, nonce.bytes(), out)?;
        let head = self.head(&tallied.tally, nonce, challenge);
        let (manifest, plain) = self.manifest(&head, &terms_line, &tallied, &key, out)?;
        let tags = self.parcel.clearance.recipients();
        let mut tags: Vec<_> = tags.iter().map(|r| tag(&r.key, &self.bundle, self.n)).collect();
        tags.sort();
        Ok(SealedCompartment {
            public: envelope::Compartment {
                tags,
                held: false,
                volumes: plan.volumes.len() as u64,
                volume: plan.longest(),
                stream: plan.stream,
                manifest,
                terms: digest(&terms_line),
                entries_root: tallied.tally.root(),
            },
            key_age,
            identity: key.file(),
            possession: tallied.possession.finish(),
            head,
            terms_line,
            manifest: plain,
        })
    }

    fn recipients(&self) -> Vec<crate::crypto::Recipient> {
        self.parcel.clearance.recipients().iter().map(|r| r.recipient.clone()).collect()
    }

    fn terms(&self) -> Result<Vec<u8>> {
        let text = self.parcel.terms;
        let terms = Terms {
            consign: "terms/1".to_owned(),
            bundle: self.bundle,
            compartment: self.n as u64,
            sender: self.signer.clone(),
            nonce: Hex(random::<32>()?),
            title: text.title.clone(),
            owner: text.owner.clone(),
            licence: text.licence.clone(),
            class: text.class.clone(),
            agreement: text.agreement.clone(),
            text: text.text.clone(),
        };
        Ok(terms.line()?)
    }

    fn head(&self, tally: &Tally, nonce: Hex<32>, challenge: Hex<32>) -> Head {
        let named = |r: &crate::policy::Cleared| NamedRecipient {
            name: r.name.clone(),
            key: r.key.clone(),
            agreement: r.agreement.clone(),
        };
        Head {
            consign: "manifest/1".to_owned(),
            bundle: self.bundle,
            compartment: self.n as u64,
            nonce,
            challenge,
            sender: self.signer.clone(),
            recipients: self.parcel.clearance.recipients().iter().map(named).collect(),
            content: tally.content(),
            parent: None,
            ledger: self.order.ledger,
            scope: self.parcel.scope.to_owned(),
            purpose: self.parcel.purpose.to_owned(),
            files: tally.files,
            bytes: tally.bytes,
        }
    }

    fn manifest(
        &self,
        head: &Head,
        terms_line: &[u8],
        tallied: &Tallied,
        key: &CompartmentKey,
        out: &mut Out<'_>,
    ) -> Result<(ManifestPlace, Option<Vec<u8>>)> {
        let front = Front::write(head, terms_line, &tallied.volumes)?;
        // It may take 45 bytes an entry, so it is never put together in the clear.
        let plain = [front.frames.as_slice(), tallied.frames.frames.as_slice()];
        let bytes = plain[0].len() + plain[1].len();
        let mut data = Vec::with_capacity(bytes + bytes / 64 + 1024);
        key.encrypt_parts_into(&plain, &mut data)?;
        let offset = out.offset;
        out.member(Member::Manifest(self.n), &data)?;
        let place = ManifestPlace {
            offset,
            size: data.len() as u64,
            bytes: bytes as u64,
            lines: front.total + tallied.frames.total,
            blake3: plain.iter().fold(&mut Hasher::default(), |hasher, part| hasher.update(part)).finish(),
        };
        Ok((place, self.keep.then(|| plain.concat())))
    }

    /// Builds all volumes with several workers and writes them in order.
    fn volumes(&self, site: &Site<'_>, nonce: &[u8; 32], out: &mut Out<'_>) -> Result<Tallied> {
        let each = site.plan.longest() + site.plan.longest() / 128 + 4096;
        let most = usize::try_from(MEMORY / (each * 3)).unwrap_or(1).max(1);
        let workers = self.order.workers.clamp(1, most).min(site.plan.volumes.len());
        let (give, pool) = channel::<Vec<u8>>();
        for _ in 0..workers + (workers / 2).max(2) {
            give.send(Vec::new()).map_err(|_| Error::Bug)?;
        }
        let (done, results) = channel();
        let next = Mutex::new((pool, 0));
        std::thread::scope(|scope| {
            let start = || {
                let (done, next) = (done.clone(), &next);
                std::thread::Builder::new().spawn_scoped(scope, move || work(site, next, &done)).map(drop)
            };
            start().map_err(Error::NoThread)?;
            // Those that can't be made are not missed.
            let _unused = (1..workers).try_for_each(|_| start());
            drop(done);
            let tallied = Ordered::new(self, site, nonce).run(&results, &give, out);
            // Workers that wait for a buffer end when nobody can give one any more.
            drop(give);
            tallied
        })
    }
}

fn tag(key: &str, bundle: &Hex<16>, n: usize) -> crate::crypto::Tag {
    crate::crypto::Recipient::tag(key, bundle.bytes(), n as u64)
}

/// Tells the writer when a worker ends by a panic, which would otherwise leave it waiting.
struct Alarm<'a>(&'a Sender<(usize, Result<Built>)>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _unused = self.0.send((usize::MAX, Err(Error::Bug)));
        }
    }
}

type Next = Mutex<(Receiver<Vec<u8>>, usize)>;

/// A worker takes a free buffer and then the next number, so the lowest unfinished volume always owns a buffer.
fn work(site: &Site<'_>, next: &Next, done: &Sender<(usize, Result<Built>)>) {
    let _alarm = Alarm(done);
    let mut builder = match Builder::new(site) {
        Ok(builder) => builder,
        Err(e) => {
            // The writer may have ended already, with an error of its own.
            let _unused = done.send((usize::MAX, Err(e)));
            return;
        }
    };
    loop {
        let (buffer, number) = {
            let mut guard = next.lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(buffer) = guard.0.recv() else { return };
            let number = guard.1;
            guard.1 += 1;
            (buffer, number)
        };
        let Some(volume) = site.plan.volumes.get(number) else { return };
        let built = builder.build(number as u64, volume, buffer);
        let failed = built.is_err();
        if done.send((number, built)).is_err() || failed {
            return;
        }
    }
}

/// Writes volumes in order and emits the entries that they complete.
struct Ordered<'a> {
    work: &'a Work<'a>,
    site: &'a Site<'a>,
    tallied: Tallied,
    entry: usize,
    slices: Vec<SliceHash>,
    path: String,
    line: Vec<u8>,
}

impl<'a> Ordered<'a> {
    fn new(work: &'a Work<'a>, site: &'a Site<'a>, nonce: &[u8; 32]) -> Self {
        let tallied = Tallied {
            tally: Tally::new(nonce),
            frames: FrameWriter::default(),
            volumes: Vec::with_capacity(site.plan.volumes.len()),
            possession: keyed_hasher(site.challenge),
        };
        Ordered { work, site, tallied, entry: 0, slices: Vec::new(), path: String::new(), line: Vec::new() }
    }

    fn run(
        &mut self,
        results: &Receiver<(usize, Result<Built>)>,
        give: &Sender<Vec<u8>>,
        out: &mut Out<'_>,
    ) -> Result<Tallied> {
        let mut early = BTreeMap::new();
        let count = self.site.plan.volumes.len();
        for number in 0..count {
            let built = loop {
                if let Some(built) = early.remove(&number) {
                    break built;
                }
                if self.work.progress.stopped() {
                    return Err(files::Error::Stopped.into());
                }
                match results.recv_timeout(PATIENCE) {
                    Ok((n, built)) => drop(early.insert(n, built?)),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Err(Error::Bug),
                }
            };
            let buffer = self.volume(number, built, out)?;
            // No worker waits for it once all volumes are given out.
            let _unused = give.send(buffer);
        }
        self.tallied.frames.flush()?;
        if self.tallied.tally.offset + 1024 != self.site.plan.stream {
            return Err(Error::Bug);
        }
        let nothing = Tallied {
            tally: Tally::new(&[0; 32]),
            frames: FrameWriter::default(),
            volumes: Vec::new(),
            possession: Hasher::default(),
        };
        Ok(std::mem::replace(&mut self.tallied, nothing))
    }

    fn volume(&mut self, number: usize, built: Built, out: &mut Out<'_>) -> Result<Vec<u8>> {
        out.write(&built.member)?;
        let member = Member::Volume(self.work.n, number as u64);
        Sums::push_line(&mut out.sums, member, &built.hash);
        let plain = self.site.plan.volumes.get(number).map_or(0, |v| v.len);
        let plain = u32::try_from(plain).map_err(|_| Error::Bug)?;
        self.work.progress.advance(u64::from(plain));
        self.tallied.volumes.push(VolumeSize { member: built.size, plain });
        self.tallied.possession.update(built.possession.bytes());
        self.entries(built.files, built.done)?;
        Ok(built.member)
    }

    fn entries(&mut self, files: Vec<FileHash>, done: usize) -> Result<()> {
        let mut hashes = files.into_iter();
        while self.entry < done {
            self.site.selection.path_into(self.entry, &mut self.path);
            let item = self.site.selection.item(self.entry);
            let kind = match item.kind {
                HeadKind::File { size, exec } => {
                    let b3 = match hashes.next().ok_or(Error::Bug)? {
                        FileHash::Whole(hash) => hash,
                        FileHash::Slice(last) => {
                            self.slices.push(last);
                            let whole = merge_slices(&self.slices).ok_or(Error::Bug)?;
                            self.slices.clear();
                            whole
                        }
                    };
                    Kind::File { size, b3, exec, unchanged: false }
                }
                HeadKind::Dir => Kind::Dir,
                HeadKind::Link(to) => Kind::Link { to: to.to_owned() },
            };
            let entry = Entry { path: RelPath::new(self.path.as_str())?, kind, mtime: item.mtime };
            self.tallied.frames.add_entry(&entry, self.tallied.tally.offset, &mut self.line)?;
            self.tallied.tally.add(&entry, &self.line)?;
            self.entry += 1;
        }
        for hash in hashes {
            match hash {
                FileHash::Slice(slice) => self.slices.push(slice),
                FileHash::Whole(_) => return Err(Error::Bug),
            }
        }
        Ok(())
    }
}

/// How many workers to use where nothing is said: the cores, at most 8.
#[must_use]
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}
