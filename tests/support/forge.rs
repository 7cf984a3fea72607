//! A second, plain writer of bundles, made of the format's types alone: one thread, everything in memory. It makes
//! what the packer does not make yet (held compartments, deltas, key files, odd cuts), and it can lie.

use base64::Engine;
use consign::crypto::{CompartmentKey, Hex, Recipient, digest, encrypt_to, is_post_quantum, random};
use consign::format::container::{End, Member, Sums, push_member};
use consign::format::document::Document;
use consign::format::entries::Tally;
use consign::format::entry::{Entry, Kind};
use consign::format::envelope::{self, Compartment, Envelope, ManifestPlace, Predicate, Sender};
use consign::format::frame::Squeezer;
use consign::format::keyfile::{self, KeyFile};
use consign::format::manifest::{FrameWriter, Front, Head, NamedRecipient, Parent, VolumeSize};
use consign::format::relpath::RelPath;
use consign::format::terms::Terms;

use super::{Firm, now};

/// One compartment to forge.
pub struct Forged<'a> {
    pub entries: Vec<(Entry, Vec<u8>)>,
    pub to: Vec<&'a Firm>,
    pub held: bool,
    pub parent: Option<Parent>,
    /// Give the compartment a key of the other kind than its recipients'.
    pub other_kind: bool,
    /// Where volumes are cut: multiples of 512.
    pub cut: usize,
}

/// What came out.
pub struct Cast {
    pub bundle: Vec<u8>,
    pub reference: Hex<32>,
    pub keys: Vec<CompartmentKey>,
    pub contents: Vec<Hex<32>>,
    pub id: Hex<16>,
}

pub type LieFn = fn(&mut Head, &mut Vec<VolumeSize>);
type Lie<'a> = &'a dyn Fn(&mut Head, &mut Vec<VolumeSize>);

pub fn file(path: &str, text: &str) -> (Entry, Vec<u8>) {
    let kind = Kind::File { size: text.len() as u64, b3: digest(text.as_bytes()), exec: false, unchanged: false };
    (Entry { path: RelPath::new(path).unwrap(), kind, mtime: 1_700_000_000 }, text.as_bytes().to_vec())
}

/// A file that is taken from the parent.
pub fn unchanged(path: &str, text: &str) -> (Entry, Vec<u8>) {
    let (mut entry, _) = file(path, text);
    if let Kind::File { unchanged, .. } = &mut entry.kind {
        *unchanged = true;
    }
    (entry, Vec::new())
}

pub fn folder(path: &str) -> (Entry, Vec<u8>) {
    (Entry { path: RelPath::new(path).unwrap(), kind: Kind::Dir, mtime: 1_700_000_000 }, Vec::new())
}

pub fn plain<'a>(entries: Vec<(Entry, Vec<u8>)>, to: &[&'a Firm]) -> Forged<'a> {
    Forged { entries, to: to.to_vec(), held: false, parent: None, other_kind: false, cut: 4096 }
}

/// Whoever makes keys and locks: consign, or another implementation of age.
pub trait Locksmith {
    /// The key of a compartment.
    fn key(&self, post_quantum: bool) -> CompartmentKey;
    /// Locks to a compartment's key.
    fn seal(&self, key: &CompartmentKey, plain: &[u8]) -> Vec<u8>;
    /// Locks to people.
    fn lock(&self, to: &[Recipient], plain: &[u8]) -> Vec<u8>;
}

/// consign's own.
pub struct Ours;

impl Locksmith for Ours {
    fn key(&self, post_quantum: bool) -> CompartmentKey {
        CompartmentKey::generate(post_quantum).unwrap()
    }

    fn seal(&self, key: &CompartmentKey, plain: &[u8]) -> Vec<u8> {
        let mut age = Vec::new();
        key.encrypt_into(plain, &mut age).unwrap();
        age
    }

    fn lock(&self, to: &[Recipient], plain: &[u8]) -> Vec<u8> {
        encrypt_to(to, plain).unwrap()
    }
}

pub fn forge(signers: &[&Firm], compartments: &[Forged<'_>], lie: Lie<'_>) -> Cast {
    forge_by(&Ours, signers, compartments, lie)
}

pub fn forge_by(smith: &dyn Locksmith, signers: &[&Firm], compartments: &[Forged<'_>], lie: Lie<'_>) -> Cast {
    let id = Hex(random::<16>().unwrap());
    let first = signers[0].signing.public().fingerprint();
    let (mut out, mut sums) = (Vec::new(), Vec::new());
    let member = |out: &mut Vec<u8>, sums: &mut Vec<u8>, member: Member, data: &[u8]| {
        push_member(out, member, data);
        Sums::push_line(sums, member, &digest(data));
    };
    member(&mut out, &mut sums, Member::Readme, b"consign bundle, format 1\n");
    let (mut public, mut keys, mut contents, mut tails) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (n, forged) in compartments.iter().enumerate() {
        let all_quantum = forged.to.iter().all(|f| is_post_quantum(&f.recipient));
        let key = smith.key(all_quantum != forged.other_kind);
        let (nonce, challenge) = (Hex(random::<32>().unwrap()), Hex(random::<32>().unwrap()));
        let (stream, tally, frames) = layout(forged, nonce.bytes());
        let mut volumes = Vec::new();
        for (v, slice) in stream.chunks(forged.cut).enumerate() {
            let mut frame = Vec::new();
            Squeezer::default().squeeze(slice, 3, &mut frame).unwrap();
            let age = smith.seal(&key, &frame);
            member(&mut out, &mut sums, Member::Volume(n, v as u64), &age);
            volumes.push(VolumeSize { member: age.len() as u64, plain: slice.len() as u32 });
        }
        let recipients: Vec<NamedRecipient> = forged
            .to
            .iter()
            .map(|f| {
                let key = f.recipient.parse::<Recipient>().unwrap().canonical();
                NamedRecipient { name: "acme".into(), key, agreement: None }
            })
            .collect();
        let terms_line = terms(id, n, &first);
        let mut tags: Vec<_> = recipients.iter().map(|r| Recipient::tag(&r.key, id.bytes(), n as u64)).collect();
        tags.sort();
        let (longest, count) = (stream.len().min(forged.cut) as u64, volumes.len() as u64);
        let mut head = Head {
            consign: "manifest/1".into(),
            bundle: id,
            compartment: n as u64,
            nonce,
            challenge,
            sender: first.clone(),
            recipients,
            content: tally.content(),
            parent: forged.parent,
            ledger: None,
            scope: String::new(),
            purpose: String::new(),
            files: tally.files,
            bytes: tally.bytes,
        };
        lie(&mut head, &mut volumes);
        let front = Front::write(&head, &terms_line, &volumes).unwrap();
        let manifest = [front.frames, frames.frames].concat();
        let age = smith.seal(&key, &manifest);
        let place = ManifestPlace {
            offset: out.len() as u64,
            size: age.len() as u64,
            bytes: manifest.len() as u64,
            lines: front.total + frames.total,
            blake3: digest(&manifest),
        };
        member(&mut out, &mut sums, Member::Manifest(n), &age);
        public.push(Compartment {
            tags,
            held: forged.held,
            volumes: count,
            volume: longest,
            stream: stream.len() as u64,
            manifest: place,
            terms: digest(&terms_line),
            entries_root: tally.root(),
        });
        let to: Vec<Recipient> = forged.to.iter().map(|f| f.recipient.parse().unwrap()).collect();
        let what = if forged.held { terms_line } else { key.file().expose().to_vec() };
        let name = if forged.held { Member::Terms(n) } else { Member::Key(n) };
        let locked = smith.lock(&to, &what);
        tails.push((name, locked));
        contents.push(tally.content());
        keys.push(key);
    }
    let tail = out.len() as u64;
    for (name, data) in tails {
        member(&mut out, &mut sums, name, &data);
    }
    let parent = compartments.iter().find_map(|c| c.parent).map(|p| p.bundle);
    let predicate = predicate(id, signers, public, parent);
    let envelope = Envelope::new(&sums, predicate).to_bytes().unwrap();
    let sums_at = out.len() as u64;
    push_member(&mut out, Member::Sums, &sums);
    let envelope_at = out.len() as u64;
    push_member(&mut out, Member::Envelope, &envelope);
    for (i, signer) in signers.iter().enumerate() {
        let armour = signer.signing.sign(envelope::NAMESPACE, &envelope).unwrap();
        push_member(&mut out, Member::Signature(i), armour.as_bytes());
    }
    out.extend_from_slice(&End { tail, sums: sums_at, envelope: envelope_at }.closing());
    Cast { bundle: out, reference: digest(&envelope), keys, contents, id }
}

fn layout(forged: &Forged<'_>, nonce: &[u8; 32]) -> (Vec<u8>, Tally, FrameWriter) {
    let (mut stream, mut tally, mut frames) = (Vec::new(), Tally::new(nonce), FrameWriter::default());
    let mut line = Vec::new();
    for (entry, contents) in &forged.entries {
        frames.add_entry(entry, tally.offset, &mut line).unwrap();
        tally.add(entry, &line).unwrap();
        if !entry.is_ref() {
            entry.head().push(&mut stream);
            stream.extend_from_slice(contents);
            stream.resize(stream.len().next_multiple_of(512), 0);
        }
    }
    frames.flush().unwrap();
    stream.extend_from_slice(&[0; 1024]);
    (stream, tally, frames)
}

fn terms(id: Hex<16>, n: usize, first: &consign::crypto::Fingerprint) -> Vec<u8> {
    let terms = Terms {
        consign: "terms/1".into(),
        bundle: id,
        compartment: n as u64,
        sender: first.clone(),
        nonce: Hex(random::<32>().unwrap()),
        title: String::new(),
        owner: "Northwind".into(),
        licence: String::new(),
        class: String::new(),
        agreement: None,
        text: String::new(),
    };
    terms.line().unwrap()
}

fn predicate(id: Hex<16>, signers: &[&Firm], compartments: Vec<Compartment>, parent: Option<Hex<32>>) -> Predicate {
    Predicate {
        format: 1,
        crit: vec![],
        bundle: id,
        name: "acme-0001".into(),
        kind: envelope::Kind::Drop,
        created: now(),
        expires: None,
        sender: Sender { name: "Northwind".into() },
        signers: signers.iter().map(|s| s.signing.public().fingerprint()).collect(),
        tool: "forge".into(),
        in_reply_to: None,
        parent,
        supersedes: vec![],
        compartments,
    }
}

/// A key file for compartment `n`, to these people, signed by `by`.
pub fn key_file(cast: &Cast, n: usize, to: &[&Firm], by: &Firm) -> Vec<u8> {
    let recipients: Vec<Recipient> = to.iter().map(|f| f.recipient.parse().unwrap()).collect();
    let mut tags: Vec<_> =
        recipients.iter().map(|r| Recipient::tag(&r.canonical(), cast.id.bytes(), n as u64)).collect();
    tags.sort();
    let age = encrypt_to(&recipients, cast.keys[n].file().expose()).unwrap();
    let file = KeyFile {
        consign: "key/1".into(),
        bundle: cast.reference,
        compartment: n as u64,
        tags,
        at: now(),
        key: base64::engine::general_purpose::STANDARD.encode(age),
    };
    let line = serde_json::to_vec(&file).unwrap();
    let armour = by.signing.sign(keyfile::NAMESPACE, &line).unwrap();
    Document { line, armours: vec![armour] }.to_bytes()
}
