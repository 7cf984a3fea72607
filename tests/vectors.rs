//! Vectors: bytes that are pinned. Those of `docs/FORMAT.md` were computed by another program than this one.

use consign::class::Fault;
use consign::crypto::{Hex, PublicKey, Recipient, check_words, digest, entry_salt, keyed};
use consign::format::entries::Tally;
use consign::format::entry::{Entry, Kind};
use consign::format::json;
use consign::format::relpath::RelPath;
use consign::format::tar::{END, Head, HeadKind};

const PAGE: &str = include_str!("../docs/FORMAT.md");

/// The value in the row of a table on the page.
fn row(label: &str) -> &'static str {
    let start = format!("| {label} | ");
    let rows = PAGE.lines().filter_map(|l| l.strip_prefix(&start)?.split('`').nth(1));
    rows.into_iter().find(|v| v.len() == 64).unwrap_or_else(|| panic!("FORMAT.md has no row `{label}`"))
}

fn entries() -> Vec<(Entry, &'static str)> {
    let file = |path: &str, text: &'static str, exec| {
        let kind = Kind::File { size: text.len() as u64, b3: digest(text.as_bytes()), exec, unchanged: false };
        (Entry { path: RelPath::new(path).unwrap(), kind, mtime: 1_767_225_600 }, text)
    };
    let other = |path: &str, kind| (Entry { path: RelPath::new(path).unwrap(), kind, mtime: 1_767_225_600 }, "");
    vec![
        file("a.txt", "hello\n", false),
        other("bin", Kind::Dir),
        file("bin/é.sh", "#!/bin/sh\n", true),
        other("latest", Kind::Link { to: "bin/é.sh".into() }),
    ]
}

fn count_to(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| n + i as u8)
}

#[test]
fn the_worked_tree_of_the_format_page() {
    let (mut stream, mut lines) = (Vec::new(), Vec::new());
    let mut tally = Tally::new(&count_to(0));
    for (i, (entry, text)) in entries().iter().enumerate() {
        let mut line = Vec::new();
        entry.push_line(&mut line);
        assert_eq!(Entry::parse(&line).unwrap(), *entry);
        tally.add(entry, &line).unwrap();
        if i == 2 {
            assert_eq!(tally.root().to_string(), row("entriesRoot of the first three"));
        }
        entry.head().push(&mut stream);
        stream.extend_from_slice(text.as_bytes());
        stream.resize(stream.len().next_multiple_of(512), 0);
        assert_eq!(tally.offset, stream.len() as u64);
        lines.push(String::from_utf8(line).unwrap());
    }
    stream.extend_from_slice(&END);
    assert!(PAGE.contains(&lines.join("\n")), "the entry lines differ from the page");
    assert_eq!(stream.len(), 6144);
    assert_eq!(digest(&stream).to_string(), row("stream"));
    assert_eq!(tally.content().to_string(), row("content id"));
    assert_eq!(tally.root().to_string(), row("entriesRoot of all four"));
    assert_eq!(Tally::new(&count_to(0)).root().to_string(), row("entriesRoot of no entry"));
    assert_eq!(Hex(entry_salt(&count_to(0))).to_string(), row("key of the salts"));
}

#[test]
fn the_worked_header_of_the_format_page() {
    let mut header = Vec::new();
    Head { path: "a.txt", kind: HeadKind::File { size: 6, exec: false }, mtime: 1_767_225_600 }.push(&mut header);
    assert!(PAGE.contains(&digest(&header).to_string()), "the header differs from the page");
}

#[test]
fn the_worked_tags_of_the_format_page() {
    let id: [u8; 16] = std::array::from_fn(|i| i as u8);
    let key = "age155fvreeezgmxlzxjzndnpx6dgy5ne46p93cf06c2wefl8tq6n5yq05v5z3";
    for (n, string, tag) in [
        (0, "passphrase", "bca3e5138101af982b1fec8e7d469777"),
        (0, key, "4330095f9a1bb282faf45b44dcdce65f"),
        (1, key, "f5498641888038053cd905a050027004"),
    ] {
        assert_eq!(Recipient::tag(string, &id, n).to_string(), tag);
        assert!(PAGE.contains(tag));
    }
}

#[test]
fn the_worked_possession_of_the_format_page() {
    let challenge = count_to(0x20);
    let (zero, one) = (keyed(&challenge, b"frame zero"), keyed(&challenge, b"frame one"));
    assert_eq!(zero.to_string(), row("h_0"));
    assert_eq!(one.to_string(), row("h_1"));
    let x = keyed(&challenge, &[*zero.bytes(), *one.bytes()].concat());
    assert_eq!(x.to_string(), row("X"));
}

#[test]
fn the_worked_check_words_of_the_format_page() {
    let key: PublicKey =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f".parse().unwrap();
    assert!(PAGE.contains(key.fingerprint().as_str()));
    let words = check_words(&key).unwrap().join(" ");
    assert!(PAGE.contains(&format!("| words | {words} |")), "{words}");
}

/// Lines of a vector file: the expected word, and what it is expected of.
fn vectors(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|l| l.strip_prefix("expect: ")).map(|l| {
        let (word, rest) = l.split_once(' ').unwrap_or((l, ""));
        (word, rest.trim_start_matches(' '))
    })
}

#[test]
fn entry_lines_are_told_apart() {
    let mut seen = 0;
    for (expect, line) in vectors(include_str!("../testdata/vectors/entries.txt")) {
        let got = Entry::parse(line.as_bytes()).map_or_else(|e| e.word(), |_| "ok");
        assert_eq!(got, expect, "{line}");
        if let Ok(entry) = Entry::parse(line.as_bytes()) {
            let mut again = Vec::new();
            entry.push_line(&mut again);
            assert_eq!(again, line.as_bytes());
        }
        seen += 1;
    }
    assert!(seen > 40);
}

#[test]
fn json_documents_are_told_apart() {
    let mut seen = 0;
    for (expect, text) in vectors(include_str!("../testdata/vectors/json.txt")) {
        let got = json::parse::<serde_json::Value>(text.as_bytes(), "x").map_or_else(|e| e.word(), |_| "ok");
        assert_eq!(got, expect, "{text}");
        seen += 1;
    }
    assert!(seen > 25);
}

#[test]
fn the_recipe_in_the_readme_is_the_one_of_the_format_page() {
    let recipe = |page: &'static str| page.split("set -euo pipefail").nth(1).and_then(|r| r.split("```").next());
    assert_eq!(recipe(include_str!("../README.md")), recipe(PAGE));
}

#[test]
fn the_worked_lines_of_the_format_page_are_typed_back() {
    use consign::format::typed::{read_lines, spell};
    let bytes: Vec<u8> = (0..40).collect();
    let lines: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("01  ") || line.starts_with("02  ")).collect();
    assert_eq!(spell(&bytes).unwrap(), lines);
    assert_eq!(read_lines(&lines.join("\n")).unwrap(), bytes);
}
