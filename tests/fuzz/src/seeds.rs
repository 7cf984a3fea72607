//! The seeds: sound inputs from `testdata`, and a few that are wrong in one place, from which a fuzzer goes on.

use consign::crypto::{AgeHead, CompartmentKey, Hex, digest};
use consign::format::card;
use consign::format::document::Document;
use consign::format::frame::{Unsqueezer, first_len};
use consign::format::record::{Event, Head, Overridden, Sent, SentPart};

use super::cast::{card_line, key_file_line, stage};
use super::edits::push_edit;
use super::input::push_chunk;
use super::plan::{CARD, HELD, PARENT, TIDY, TWO, push_item};
use super::support::{members, now};
use super::{firm, sshsig};

const ENTRIES: &str = include_str!("../../../testdata/vectors/entries.txt");
const JSON: &str = include_str!("../../../testdata/vectors/json.txt");
const ARMOURS: [&[u8]; 3] = [
    include_bytes!("../keys/ecdsa-p256.sig"),
    include_bytes!("../keys/ecdsa-p384.sig"),
    include_bytes!("../keys/rsa-2048.sig"),
];
const PUBLIC: [&[u8]; 3] = [
    include_bytes!("../keys/ecdsa-p256.pub"),
    include_bytes!("../keys/ecdsa-p384.pub"),
    include_bytes!("../keys/rsa-2048.pub"),
];

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "container" => container(),
        "envelope" => envelope(),
        "manifest" => manifest(),
        "documents" => documents(),
        "keys" => keys(),
        "ignore" => ignore(),
        "agehead" => agehead(),
        "sshsig" => sshsig(),
        "ledger" => ledger(),
        "bundle" => bundle(),
        "resigned" => resigned(),
        other => panic!("no target is called {other}"),
    }
}

fn with(first: u8, rest: impl AsRef<[u8]>) -> Vec<u8> {
    [&[first], rest.as_ref()].concat()
}

/// A member of the golden bundle.
fn golden(name: &str) -> Vec<u8> {
    let (_, at, size) = members(firm::GOLDEN).into_iter().find(|(n, ..)| n == name).unwrap();
    firm::GOLDEN[at..at + size].to_vec()
}

/// The cases of a file of vectors.
fn vectors(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|l| l.strip_prefix("expect: "))
        .filter_map(|l| l.split_once(char::is_whitespace))
        .map(|l| l.1.trim_start())
}

fn container() -> Vec<Vec<u8>> {
    let mut made = vec![1, 8];
    for (kind, text) in [
        (0, &b"consign bundle, format 1\n"[..]),
        (1, b"c"),
        (2, b"v"),
        (3, b"m"),
        (4, b"k"),
        (6, b"s"),
        (7, b"{}"),
        (8, b"-"),
    ] {
        made.push(kind);
        push_chunk(&mut made, text);
    }
    let mut bent = made.clone();
    push_edit(&mut bent, 0, 0, 124, b"77777777777");
    push_edit(&mut bent, 0, 6, 0, b"");
    let newer = with(0, [&firm::GOLDEN[..512], b"consign bundle, format 2\n"].concat());
    vec![with(0, firm::GOLDEN), with(0, &firm::GOLDEN[..9000]), newer, made, bent]
}

fn envelope() -> Vec<Vec<u8>> {
    let statement = golden("envelope.json");
    let both = [&statement, &[0xff][..], &golden("B3SUMS")].concat();
    vec![both, statement]
}

/// The age plaintext of the golden bundle's manifest.
fn golden_manifest() -> Vec<u8> {
    let key = firm::vendor().open(&golden("c0/key.age"), "key.age", 4096).unwrap();
    let key = CompartmentKey::parse(&key.plain, "key.age").unwrap();
    let mut plain = Vec::new();
    key.decrypt_into(&golden("c0/manifest.age"), "manifest.age", &mut plain).unwrap();
    plain
}

/// Its lines, with 0xff between frames.
fn golden_lines() -> Vec<u8> {
    let (plain, mut lines, mut frame) = (golden_manifest(), Vec::new(), Vec::new());
    let mut rest = plain.as_slice();
    while !rest.is_empty() {
        let (one, more) = rest.split_at(first_len(rest, "x").unwrap());
        Unsqueezer::default().unsqueeze(one, 1 << 20, "x", &mut frame).unwrap();
        lines.extend_from_slice(&frame);
        lines.push(0xff);
        rest = more;
    }
    lines
}

fn manifest() -> Vec<Vec<u8>> {
    let lines = golden_lines();
    let entries = lines.split(|b| *b == 0xff).nth(1).unwrap().to_vec();
    let all: String = vectors(ENTRIES).map(|l| format!("{l}\n")).collect();
    vec![with(0, golden_manifest()), with(1, &lines), with(1, entries), with(1, format!("{{\"o\":0}}\n{all}"))]
}

fn documents() -> Vec<Vec<u8>> {
    let line = card_line();
    let armour = firm::sender().sign(card::NAMESPACE, &line).unwrap();
    let card = Document { line: line.clone(), armours: vec![armour] }.to_bytes();
    let terms = golden_lines().split(|b| *b == b'\n').nth(1).unwrap().to_vec();
    let public = firm::sender().public().line().unwrap();
    let signers = format!("# a firm\n{public}\nops@x namespaces=\"consign-bundle-v1\" {public} a comment\n");
    let key_file = key_file_line(0, Hex([1; 32]));
    let mut all =
        vec![with(0, &card), with(2, terms), with(3, signers), with(4, line), with(5, &key_file), with(6, card)];
    all.extend(vectors(JSON).map(|case| with(1, case)));
    all
}

fn keys() -> Vec<Vec<u8>> {
    let public = firm::sender().public().line().unwrap();
    let mut all = vec![
        with(0, firm::VENDOR),
        with(0, firm::SENDER),
        with(1, firm::SENDER),
        with(2, firm::recipient()),
        with(2, &public),
        with(3, &public),
        with(4, firm::COMPARTMENT),
        with(5, firm::VENDOR),
        with(5, firm::SENDER),
        with(6, "# consign copy 1\nAGE-SECRET-KEY-1X\n#signing| a\n#own.card| {}\n#ssh/x| b\n"),
        with(6, paper()),
        with(7, consign::format::typed::spell(&[7; 60]).unwrap_or_default().join("\n")),
    ];
    all.extend(PUBLIC.iter().flat_map(|key| [with(2, key), with(3, key)]));
    all
}

/// A paper copy of seeds that are nobody's.
fn paper() -> Vec<u8> {
    let item = |kind: u8, bytes: &[u8]| [&[kind, bytes.len() as u8], bytes].concat();
    let head = [&[1, 0, 0, 0, 1][..], &[0; 8], &[9; 32]].concat();
    [head, item(1, &[1; 32]), item(2, &[2; 32]), item(3, &[3; 32]), item(4, b"Northwind")].concat()
}

fn ignore() -> Vec<Vec<u8>> {
    let rules = "# ours\n*.local\n/notes/private/\n!notes/private/keep.md\n**/target/\n[a-z]?.tmp\nb{c,d}\\ \n";
    let globs = "\0\u{0}notes/**\0\u{1}*.pdf\0\u{1}./web\0\0notes/private/keep.md\0a/b/target/x\0web/ui/x.pdf";
    let globs = globs.replacen("\0\u{0}", "\0\u{2}", 1);
    vec![rules.into(), format!("{rules}{globs}").into_bytes(), b"*\n!*/\n!*.rs\n\0\0src/a.rs\0src/b.c".to_vec()]
}

fn agehead() -> Vec<Vec<u8>> {
    let key = golden("c0/key.age");
    let head = AgeHead::of_key(&key, "x").unwrap();
    let volume = golden("c0/v000000.age");
    let scrypt =
        "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 18\nZV/AhotwSGqaPCU43cepl4WYUouAa17a3xpu4G2yi5k\n--- ";
    let scrypt = format!("{scrypt}{}\n", "A".repeat(43)).into_bytes();
    vec![key[..head.len].to_vec(), key, volume[..400].to_vec(), golden("c0/manifest.age"), scrypt]
}

fn sshsig() -> Vec<Vec<u8>> {
    let armour = firm::sender().sign(sshsig::NAMESPACE, sshsig::MESSAGE).unwrap();
    let mut armours = vec![armour.into_bytes()];
    armours.extend(ARMOURS.iter().map(|a| a.to_vec()));
    let blob = |armour: &Vec<u8>| {
        let text: String = String::from_utf8_lossy(armour).lines().filter(|l| !l.starts_with('-')).collect();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
    };
    armours.iter().flat_map(|a| [with(0, a), with(1, blob(a))]).collect()
}

fn ledger() -> Vec<Vec<u8>> {
    let zero = Hex([0; 32]);
    let sent = Sent {
        reference: digest(b"x"),
        name: "acme-0001".into(),
        partners: vec!["acme".into()],
        scope: "all".into(),
        revision: None,
        contents: vec![zero],
        terms: vec![zero],
        private: zero,
        parts: vec![SentPart { scope: "api".into(), partners: vec!["acme".into()], files: 1, bytes: 2 }],
        agreements: Vec::new(),
        overridden: vec![Overridden { partner: "acme".into(), rules: vec!["nda-ended".into()], why: "a test".into() }],
        allowed: 2,
    };
    let key = Event::KeyMade { card: zero };
    let added =
        Event::PartnerAdded { partner: "acme".into(), card: Some(zero), keys: Vec::new(), checked: "words".into() };
    let (mut head, mut lines) = (Head::default(), Vec::new());
    let by = firm::sender().public().fingerprint();
    for event in [key, added, Event::Drop(sent), Event::PartnerRemoved { partner: "acme".into() }] {
        let line =
            head.next_line(Hex([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xaa]), now(), Some(&by), &event).unwrap();
        head.follow(&line).unwrap();
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }
    vec![with(0, &lines), with(1, &lines), with(0, &lines[..lines.len() - 9]), with(1, &lines[..lines.len() - 9])]
}

fn bundle() -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for (name, at, size) in members(firm::GOLDEN) {
        let at = u16::try_from(at + size / 2).unwrap();
        let mut one = Vec::new();
        push_edit(&mut one, 0, 5, at, b"\x01");
        all.push(one);
        let (mut header, at) = (Vec::new(), at - u16::try_from(size / 2).unwrap() - 512);
        push_edit(&mut header, 0, 0, at, format!("{name}x").as_bytes());
        push_edit(&mut header, 0, 6, at, b"");
        all.push(header);
    }
    all
}

/// A small tree with everything in it, before edits.
fn tree(flags: u8) -> Vec<u8> {
    let mut out = vec![flags, 1, 3];
    for n in 0..=u8::from(flags & TWO != 0) {
        out.push(if flags & PARENT != 0 { 7 } else { 6 });
        push_item(
            &mut out,
            0,
            "README.md",
            if flags & HELD != 0 { format!("hello {n}\n") } else { "hello\n".into() }.as_bytes(),
        );
        push_item(&mut out, 1 | 3 << 5, "bin/run", &[b'x'; 200]);
        push_item(&mut out, 3 | 8, "bin/link", b"../README.md");
        push_item(&mut out, 4 | 16, "empty", b"");
        push_item(&mut out, 0, &format!("long/{}", "é".repeat(80)), b"");
        push_item(&mut out, 3, "a\"\\\n", b"empty");
        if flags & PARENT != 0 {
            push_item(&mut out, 2, "same.txt", b"as before");
        }
    }
    out
}

fn resigned() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        [0, TIDY, TIDY | TWO, TIDY | TWO | HELD, TIDY | PARENT, TIDY | CARD].into_iter().map(tree).collect();
    // One edit at each stage.
    for stage in stage::LINES..=stage::FILE {
        for (kind, at, bytes) in [(5, 40, &b"\x01"[..]), (1, 30, b"7"), (0, 100, b"\xff\xff\xff\xff"), (2, 60, b"")] {
            let mut one = tree(TIDY | CARD | TWO | HELD);
            push_edit(&mut one, stage, kind, at, bytes);
            all.push(one);
        }
    }
    for path in ["../x", "/x", ".git/config", "a//b", "C:\\x", "con", "a\0b", ""] {
        let mut one = vec![0, 1, 3, 1];
        push_item(&mut one, 0, path, b"x");
        all.push(one);
    }
    for target in ["..", "/etc", "a/../..", "", "C:x", "a\\b"] {
        let mut one = vec![TIDY, 1, 3, 1];
        push_item(&mut one, 3, "d/l", target.as_bytes());
        all.push(one);
    }
    all
}
