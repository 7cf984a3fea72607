//! A bundle is cast from a plan. Between any two stages the fuzzer may edit; everything after an edit is computed from
//! what is there then and signed correctly. So an edit reaches the code behind the signature and the hashes.

use base64::Engine;
use consign::crypto::{Digest, Hex, Recipient, digest, encrypt_to};
use consign::format::card::{self, Card, CardKey};
use consign::format::container::{End, Member, Sums, push_member};
use consign::format::document::Document;
use consign::format::entries::Tally;
use consign::format::entry::Entry;
use consign::format::envelope::{self, Compartment, Envelope, ManifestPlace, Predicate};
use consign::format::frame::Squeezer;
use consign::format::keyfile::{self, KeyFile};
use consign::format::manifest::{Head, NamedRecipient, Parent};
use consign::format::tar;
use consign::format::terms::Terms;

use super::firm;
use super::plan::{CARD, HELD, Item, PARENT, Plan};
use super::support::now;

/// The stages that edits name.
pub mod stage {
    pub const LINES: u8 = 0;
    pub const HEAD: u8 = 1;
    pub const TERMS: u8 = 2;
    pub const VOLUMES: u8 = 3;
    pub const TEXT: u8 = 4;
    pub const FRAMES: u8 = 5;
    pub const MANIFEST: u8 = 6;
    pub const STREAM: u8 = 7;
    pub const FRAME: u8 = 8;
    pub const VOLUME: u8 = 9;
    pub const KEY: u8 = 10;
    pub const KEY_AGE: u8 = 11;
    pub const ENVELOPE: u8 = 12;
    pub const SUMS: u8 = 13;
    pub const README: u8 = 14;
    pub const CARD_LINE: u8 = 15;
    pub const KEY_FILE: u8 = 16;
    pub const FILE: u8 = 17;
}

const BUNDLE: Hex<16> = Hex([3; 16]);
const NONCE: [u8; 32] = [5; 32];

/// The file and the key files that belong to it.
pub struct Cast {
    pub file: Vec<u8>,
    pub key_files: Vec<Vec<u8>>,
}

/// The file so far.
#[derive(Default)]
struct Written {
    out: Vec<u8>,
    sums: Vec<u8>,
}

impl Written {
    fn member(&mut self, member: Member, data: &[u8]) {
        push_member(&mut self.out, member, data);
        Sums::push_line(&mut self.sums, member, &digest(data));
    }
}

/// The manifest's lines with the sums over them, and the stream that they describe.
struct Layout {
    tally: Tally,
    /// The text of each frame.
    frames: Vec<Vec<u8>>,
    stream: Vec<u8>,
}

pub fn cast(plan: &Plan<'_>) -> Cast {
    let mut written = Written::default();
    let mut readme = b"consign bundle, format 1\n".to_vec();
    plan.edits.apply(stage::README, &mut readme);
    written.member(Member::Readme, &readme);
    if plan.has(CARD) {
        written.member(Member::Card, &own_card(plan));
    }
    let (mut compartments, mut tails) = (Vec::new(), Vec::new());
    for (n, tree) in plan.trees.iter().enumerate() {
        let (compartment, locked) = compartment(plan, n, tree, &mut written);
        compartments.push(compartment);
        tails.push(locked);
    }
    let tail = written.out.len() as u64;
    let held: Vec<bool> = compartments.iter().map(|c| c.held).collect();
    tails.into_iter().for_each(|(member, data)| written.member(member, &data));
    let Written { mut out, mut sums } = written;
    plan.edits.apply(stage::SUMS, &mut sums);
    let mut statement = Envelope::new(&sums, predicate(plan, compartments)).to_bytes().unwrap();
    plan.edits.apply(stage::ENVELOPE, &mut statement);
    let sums_at = out.len() as u64;
    push_member(&mut out, Member::Sums, &sums);
    let envelope_at = out.len() as u64;
    push_member(&mut out, Member::Envelope, &statement);
    let armour = firm::sender().sign(envelope::NAMESPACE, &statement).unwrap();
    push_member(&mut out, Member::Signature(0), armour.as_bytes());
    out.extend_from_slice(&End { tail, sums: sums_at, envelope: envelope_at }.closing());
    plan.edits.apply(stage::FILE, &mut out);
    let held = held.iter().enumerate().filter(|(_, held)| **held);
    let key_files = held.map(|(n, _)| key_file(plan, n, digest(&statement))).collect();
    Cast { file: out, key_files }
}

/// A compartment's volumes and manifest; what the statement says of it; its member of the tail.
fn compartment(plan: &Plan<'_>, n: usize, tree: &[Item], written: &mut Written) -> (Compartment, (Member, Vec<u8>)) {
    let Layout { tally, frames, mut stream } = layout(plan, tree);
    plan.edits.apply(stage::STREAM, &mut stream);
    let sizes = volumes(plan, n, &stream, written);
    let mut terms = terms(n).line().unwrap();
    plan.edits.apply(stage::TERMS, &mut terms);
    let (plain, lines) = manifest(plan, &[&head(plan, n, &tally), &terms, &size_line(plan, &sizes)], &frames);
    let mut age = Vec::new();
    firm::compartment().encrypt_into(&plain, &mut age).unwrap();
    plan.edits.apply(stage::MANIFEST, &mut age);
    let offset = written.out.len() as u64;
    let manifest =
        ManifestPlace { offset, size: age.len() as u64, bytes: plain.len() as u64, lines, blake3: digest(&plain) };
    written.member(Member::Manifest(n), &age);
    let held = n == 1 && plan.has(HELD);
    let compartment = Compartment {
        tags: vec![Recipient::tag(&firm::recipient(), BUNDLE.bytes(), n as u64)],
        held,
        volumes: sizes.len() as u64,
        volume: sizes.iter().map(|(_, plain)| *plain).max().unwrap_or(0),
        stream: stream.len() as u64,
        manifest,
        terms: digest(&terms),
        entries_root: tally.root(),
    };
    let tail = if held { (Member::Terms(n), lock(&terms)) } else { (Member::Key(n), key_age(plan)) };
    (compartment, tail)
}

fn lock(plain: &[u8]) -> Vec<u8> {
    encrypt_to(&[firm::recipient().parse().unwrap()], plain).unwrap()
}

fn key_age(plan: &Plan<'_>) -> Vec<u8> {
    let mut key = firm::COMPARTMENT.to_vec();
    plan.edits.apply(stage::KEY, &mut key);
    let mut age = lock(&key);
    plan.edits.apply(stage::KEY_AGE, &mut age);
    age
}

/// Spells the entries, lets the fuzzer edit the lines, and makes the stream of what they then say.
fn layout(plan: &Plan<'_>, tree: &[Item]) -> Layout {
    let mut lines: Vec<u8> = tree.iter().flat_map(|item| [item.line(), b"\n".to_vec()].concat()).collect();
    plan.edits.apply(stage::LINES, &mut lines);
    let (mut tally, mut stream) = (Tally::new(&NONCE), Vec::new());
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let all: Vec<&[u8]> = lines.split_inclusive(|b| *b == b'\n').collect();
    for (n, line) in all.iter().enumerate() {
        if n % plan.per_frame == 0 {
            frames.push(format!("{{\"o\":{}}}\n", tally.offset).into_bytes());
        }
        frames.last_mut().unwrap().extend_from_slice(line);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let Ok(entry) = Entry::parse(line) else { continue };
        if tally.add(&entry, line).is_err() {
            break;
        }
        if !entry.is_ref() {
            entry.head().push(&mut stream);
            stream.extend_from_slice(tree.get(n).filter(|i| i.kind % 8 < 2).map_or(&[], |i| &i.body));
            stream.resize(stream.len().next_multiple_of(512), 0);
        }
    }
    stream.extend_from_slice(&tar::END);
    Layout { tally, frames, stream }
}

/// A text as the format spells it (FORMAT §4.2).
fn text(text: &str) -> String {
    let spelled = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        '\0'..='\x1f' => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    });
    format!("\"{}\"", spelled.collect::<String>())
}

impl Item {
    /// Its line, whatever its path is.
    fn line(&self) -> Vec<u8> {
        let (path, m) = (text(&self.path), self.mtime);
        let more = ["", ",\"x\":1", ",\"ref\":1"];
        let line = match self.kind % 8 {
            3 => {
                format!("{{\"p\":{path},\"t\":\"l\",\"to\":{},\"m\":{m}}}", text(&String::from_utf8_lossy(&self.body)))
            }
            4 => format!("{{\"p\":{path},\"t\":\"d\",\"m\":{m}}}"),
            kind => {
                let (size, b3) = (self.body.len(), digest(&self.body));
                let more = more.get(usize::from(kind)).copied().unwrap_or_default();
                format!("{{\"p\":{path},\"t\":\"f\",\"s\":{size},\"b3\":\"{b3}\",\"m\":{m}{more}}}")
            }
        };
        line.into_bytes()
    }
}

/// Writes the volumes; the size of each member and of what is in it.
fn volumes(plan: &Plan<'_>, n: usize, stream: &[u8], written: &mut Written) -> Vec<(u64, u64)> {
    let mut sizes = Vec::new();
    // Many volumes only take longer.
    let cut = plan.cut.max((stream.len() / 16).next_multiple_of(512));
    for (v, slice) in stream.chunks(cut).enumerate() {
        let (mut frame, mut age) = (Vec::new(), Vec::new());
        Squeezer::default().squeeze(slice, 3, &mut frame).unwrap();
        if v == 0 {
            plan.edits.apply(stage::FRAME, &mut frame);
        }
        firm::compartment().encrypt_into(&frame, &mut age).unwrap();
        if v == 0 {
            plan.edits.apply(stage::VOLUME, &mut age);
        }
        written.member(Member::Volume(n, v as u64), &age);
        sizes.push((age.len() as u64, slice.len() as u64));
    }
    sizes
}

/// The `v` line.
fn size_line(plan: &Plan<'_>, sizes: &[(u64, u64)]) -> Vec<u8> {
    let pairs: Vec<String> = sizes.iter().map(|(member, plain)| format!("[{member},{plain}]")).collect();
    let mut line = format!("{{\"v\":[{}]}}", pairs.join(",")).into_bytes();
    plan.edits.apply(stage::VOLUMES, &mut line);
    line
}

/// The age plaintext of the manifest and the number of bytes of lines in it.
fn manifest(plan: &Plan<'_>, front: &[&Vec<u8>; 3], frames: &[Vec<u8>]) -> (Vec<u8>, u64) {
    let front: Vec<u8> = front.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
    let (mut plain, mut frame, mut total, mut squeezer) = (Vec::new(), Vec::new(), 0, Squeezer::default());
    for (n, text) in std::iter::once(&front).chain(frames).enumerate() {
        let mut text = text.clone();
        if n > 0 {
            plan.edits.apply(stage::TEXT, &mut text);
        }
        if !text.is_empty() {
            squeezer.squeeze(&text, 1, &mut frame).unwrap();
            plain.extend_from_slice(&frame);
            total += text.len() as u64;
        }
    }
    plan.edits.apply(stage::FRAMES, &mut plain);
    (plain, total)
}

fn head(plan: &Plan<'_>, n: usize, tally: &Tally) -> Vec<u8> {
    let parent = Parent { bundle: Hex([9; 32]), compartment: 0, content: Hex([8; 32]) };
    let head = Head {
        consign: "manifest/1".into(),
        bundle: BUNDLE,
        compartment: n as u64,
        nonce: Hex(NONCE),
        challenge: Hex([6; 32]),
        sender: firm::sender().public().fingerprint(),
        recipients: vec![NamedRecipient { name: "acme".into(), key: firm::recipient(), agreement: None }],
        content: tally.content(),
        parent: plan.has(PARENT).then_some(parent),
        ledger: None,
        scope: String::new(),
        purpose: String::new(),
        files: tally.files,
        bytes: tally.bytes,
    };
    let mut line = serde_json::to_vec(&head).unwrap();
    plan.edits.apply(stage::HEAD, &mut line);
    line
}

fn terms(n: usize) -> Terms {
    Terms {
        consign: "terms/1".into(),
        bundle: BUNDLE,
        compartment: n as u64,
        sender: firm::sender().public().fingerprint(),
        nonce: Hex([4; 32]),
        title: String::new(),
        owner: "Northwind".into(),
        licence: String::new(),
        class: String::new(),
        agreement: None,
        text: "Not yours to share.\n".into(),
    }
}

fn predicate(plan: &Plan<'_>, compartments: Vec<Compartment>) -> Predicate {
    Predicate {
        format: 1,
        crit: vec![],
        bundle: BUNDLE,
        name: "acme-0001".into(),
        kind: envelope::Kind::Drop,
        created: now(),
        expires: None,
        sender: envelope::Sender { name: "Northwind".into() },
        signers: vec![firm::sender().public().fingerprint()],
        tool: "fuzz".into(),
        in_reply_to: None,
        parent: plan.has(PARENT).then_some(Hex([9; 32])),
        supersedes: vec![],
        compartments,
    }
}

/// The sender's card, as it should be before edits.
pub fn card_line() -> Vec<u8> {
    let key = |key: String| CardKey::new(&key, "this machine");
    let card = Card {
        consign: "card/1".into(),
        name: "Northwind".into(),
        contact: "ops@northwind.example".into(),
        number: 1,
        created: now(),
        expires: None,
        recipients: vec![key(firm::recipient())],
        pq: vec![],
        signers: vec![key(firm::sender().public().line().unwrap())],
        previous: None,
    };
    serde_json::to_vec(&card).unwrap()
}

fn own_card(plan: &Plan<'_>) -> Vec<u8> {
    let mut line = card_line();
    plan.edits.apply(stage::CARD_LINE, &mut line);
    signed(line, card::NAMESPACE)
}

/// The line of a key file for a compartment, as it should be before edits.
pub fn key_file_line(n: usize, bundle: Digest) -> Vec<u8> {
    let file = KeyFile {
        consign: "key/1".into(),
        bundle,
        compartment: n as u64,
        tags: vec![Recipient::tag(&firm::recipient(), BUNDLE.bytes(), n as u64)],
        at: now(),
        key: base64::engine::general_purpose::STANDARD.encode(lock(firm::COMPARTMENT)),
    };
    serde_json::to_vec(&file).unwrap()
}

fn key_file(plan: &Plan<'_>, n: usize, bundle: Digest) -> Vec<u8> {
    let mut line = key_file_line(n, bundle);
    plan.edits.apply(stage::KEY_FILE, &mut line);
    signed(line, keyfile::NAMESPACE)
}

fn signed(line: Vec<u8>, namespace: &str) -> Vec<u8> {
    let armour = firm::sender().sign(namespace, &line).unwrap();
    Document { line, armours: vec![armour] }.to_bytes()
}
