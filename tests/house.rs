//! The house: floors, doors, cycles, and the size of functions. Whoever breaks a rule reads here which one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A floor and what it may import from the crate, besides itself and `class`.
const FLOORS: &[(&str, &[&str])] = &[
    ("crypto", &[]),
    ("files", &["format"]),
    ("format", &["crypto"]),
    ("policy", &["crypto", "format"]),
    ("gate", &["crypto", "format"]),
    ("bundle", &["crypto", "files", "format", "policy"]),
    ("exchange", &["crypto", "files", "format", "policy", "gate", "bundle"]),
];

/// Outside crates and the only files that may name them.
const DOORS: &[(&str, &[&str])] = &[
    ("age", &["crypto/encrypt.rs", "crypto/hybrid.rs", "crypto/identity.rs", "crypto/plugin.rs"]),
    ("age_core", &["crypto/hybrid.rs", "crypto/plugin.rs", "crypto/seeds.rs"]),
    ("ml_kem", &["crypto/hybrid.rs"]),
    ("x25519_dalek", &["crypto/hybrid.rs"]),
    ("hpke", &["crypto/hybrid.rs"]),
    ("sha3", &["crypto/hybrid.rs"]),
    (
        "ssh_key",
        &[
            "crypto/sign.rs",
            "crypto/publickey.rs",
            "crypto/sshfile.rs",
            "crypto/privatekey.rs",
            "crypto/agent.rs",
            "crypto/rsakey.rs",
        ],
    ),
    ("rsa", &["crypto/rsakey.rs"]),
    ("ssh_agent_client_rs", &["crypto/agent.rs"]),
    ("bech32", &["crypto/hybrid.rs", "crypto/seeds.rs"]),
    ("qrcode", &["bin/consign/page.rs"]),
    ("blake3", &["crypto/digest.rs"]),
    ("sha2", &["crypto/digest.rs"]),
    ("const_hex", &["crypto/digest.rs"]),
    ("memchr", &["format/entries.rs"]),
    ("scrypt", &["crypto/checkwords.rs"]),
    ("bip39", &["crypto/checkwords.rs"]),
    ("getrandom", &["crypto/secret.rs"]),
    ("zeroize", &["crypto/hybrid.rs", "crypto/secret.rs", "crypto/seeds.rs", "crypto/sign.rs", "crypto/privatekey.rs"]),
    ("tar", &["format/tar.rs"]),
    ("zstd_safe", &["format/frame.rs"]),
    ("jiff", &["format/time.rs"]),
    ("caseless", &["format/names.rs"]),
    ("unicode_normalization", &["format/names.rs"]),
    (
        "base64",
        &[
            "crypto/hybrid.rs",
            "crypto/plugin.rs",
            "crypto/sshsig.rs",
            "crypto/certificate.rs",
            "crypto/privatekey.rs",
            "format/keyfile.rs",
            "format/revoked.rs",
        ],
    ),
    ("cap_std", &["files/beneath.rs", "files/walk.rs", "files/reading.rs", "files/parent.rs"]),
    ("cap_fs_ext", &["files/beneath.rs", "files/walk.rs", "files/reading.rs", "files/parent.rs"]),
    ("ignore", &["files/rules.rs"]),
    ("spdx", &["exchange/project.rs"]),
    ("toml", &["exchange/config.rs", "exchange/tomlfile.rs", "exchange/dossier.rs", "gate/gitleaks.rs"]),
    ("toml_edit", &["exchange/dossieredit.rs"]),
    ("aho_corasick", &["gate/pass.rs"]),
    ("regex", &["gate/pattern.rs"]),
    ("clap_mangen", &["bin/consign/commands/man.rs"]),
    ("indicatif", &["bin/consign/progress.rs"]),
    ("keyring", &["bin/consign/keyring.rs"]),
    ("rpassword", &["bin/consign/prompt.rs", "bin/consign/world.rs"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, out) } else { out.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.retain(|f| f.extension().is_some_and(|e| e == "rs"));
    files.sort();
    let name = |f: &Path| f.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    files.iter().map(|f| (name(f), fs::read_to_string(f).unwrap())).collect()
}

/// Everything that is written in Rust here, as one text.
fn everything() -> String {
    fn walk(dir: &Path, out: &mut String) {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension().and_then(|e| e.to_str()) {
                _ if path.is_dir() && !path.ends_with("target") => walk(&path, out),
                Some("rs") => out.push_str(&fs::read_to_string(&path).unwrap()),
                _ => {}
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    ["src", "tests"].iter().for_each(|folder| walk(&root.join(folder), &mut all));
    all
}

#[test]
fn the_threat_model_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (page, all) = (fs::read_to_string(root.join("docs/THREAT-MODEL.md")).unwrap(), everything());
    let is_name = |name: &str| {
        name.matches('_').count() > 2 && name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let named: BTreeSet<&str> = page.split('`').skip(1).step_by(2).filter(|name| is_name(name)).collect();
    assert!(named.len() > 50, "{}", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !all.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/THREAT-MODEL.md names {missing:?}");
    let files: BTreeSet<&str> =
        page.split('`').skip(1).step_by(2).filter(|t| t.ends_with(".rs") && t.contains('/')).collect();
    let missing: Vec<_> =
        files.iter().filter(|file| !root.join(file).exists() && !root.join("src").join(file).exists()).collect();
    assert!(missing.is_empty(), "docs/THREAT-MODEL.md names {missing:?}");
}

/// The code without its tests, comments and string contents.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    text.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l }).collect::<Vec<_>>().join("\n")
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b':')
}

/// Places where `name::` is used as a path's beginning.
fn begins_path(text: &str, name: &str) -> bool {
    let needle = format!("{name}::");
    text.match_indices(&needle).any(|(at, _)| !is_word(text.as_bytes().get(at.wrapping_sub(1))))
}

#[test]
fn a_floor_imports_only_floors_below_it() {
    let all: BTreeSet<&str> = FLOORS.iter().map(|(f, _)| *f).collect();
    for (file, text) in sources() {
        let Some((floor, allowed)) = FLOORS.iter().find(|(f, _)| file.starts_with(&format!("{f}/"))) else { continue };
        let text = code(&text);
        for other in &all {
            let named = text.contains(&format!("crate::{other}")) || text.contains(&format!("crate::{{{other}"));
            // `use crate::{a, b}` as well.
            let grouped = text.split("use crate::{").skip(1).filter_map(|g| g.split("};").next()).any(|g| {
                g.split([',', '{', ' ', '\n'])
                    .map(str::trim)
                    .any(|w| w == *other || w.starts_with(&format!("{other}::")))
            });
            if other != floor && (named || grouped) {
                assert!(allowed.contains(other), "{file} may not import {other}: floor {floor} allows {allowed:?}");
            }
        }
    }
}

#[test]
fn each_outside_crate_has_its_door() {
    for (file, text) in sources() {
        let text = code(&text);
        for (name, doors) in DOORS {
            // Our own format::tar is not the crate of that name.
            let used = match *name {
                "tar" => {
                    ["tar::Header", "tar::EntryType", "tar::Archive", "tar::Builder"].iter().any(|w| text.contains(w))
                }
                _ => begins_path(&text, name) || text.contains(&format!("use {name};")),
            };
            assert!(!used || doors.contains(&file.as_str()), "{file} names `{name}`; its door is {doors:?}");
        }
    }
}

#[test]
fn children_are_started_through_one_door() {
    for (file, text) in sources() {
        // The last two are tests.
        let allowed = ["files/child.rs", "files/testing.rs", "bundle/select/revisions.rs"].contains(&file.as_str());
        let text = code(&text);
        let starts = text.contains("process::Command::new")
            || text.contains("use std::process::") && text.contains(" Command::new(");
        assert!(allowed || !starts, "{file} starts a child; its door is files::child");
    }
}

#[test]
fn the_library_has_no_clock_environment_or_output() {
    for (file, text) in sources() {
        if file.starts_with("bin/") || file == "files/testing.rs" {
            continue;
        }
        let text = code(&text);
        for word in [
            "SystemTime::now",
            "Instant::now",
            "env::var",
            "process::exit",
            "println!",
            "eprintln!",
            "io::stdin",
            "io::stdout",
        ] {
            assert!(!text.contains(word), "{file} uses {word}; only the binary may");
        }
    }
}

#[test]
fn doorplates_hold_no_logic() {
    for (file, text) in sources() {
        if file.ends_with("mod.rs") && !file.starts_with("bin/") {
            assert!(!code(&text).contains("fn "), "{file} is a doorplate: docs, mod, pub use");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (file, text) in sources() {
        assert!(text.starts_with("//!"), "{file} does not begin with //!");
    }
}

#[test]
fn no_function_is_longer_than_60_lines() {
    for (file, text) in sources() {
        let mut open: Option<(usize, usize, String)> = None;
        for (n, line) in code(&text).lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start();
            let is_fn = head.starts_with("fn ")
                || (head.starts_with("pub") || head.starts_with("const ")) && head.contains(" fn ");
            if open.is_none() && is_fn && !head.ends_with(';') && !head.ends_with('}') {
                open = Some((n, indent, head.to_owned()));
            } else if let Some((start, at, name)) = &open
                && indent == *at
                && head.starts_with('}')
            {
                assert!(n - start <= 60, "{file}:{}: {} lines: {name}", start + 1, n - start);
                open = None;
            }
        }
    }
}

/// Which file of a floor provides each name that its doorplate re-exports.
fn exports(plate: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for statement in code(plate).split(';') {
        let statement = statement.trim();
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let Some((file, list)) = path.split_once("::") else { continue };
        for name in list.split([',', '{', '}', '\n', ' ']).map(str::trim).filter(|n| !n.is_empty()) {
            names.insert(name.to_owned(), file.to_owned());
        }
    }
    names
}

/// The files of a floor that a file imports.
fn imports(text: &str, floor: &str, files: &BTreeSet<String>, exports: &BTreeMap<String, String>) -> BTreeSet<String> {
    let text = code(text);
    let mut found = BTreeSet::new();
    for start in ["use super::".to_owned(), format!("use crate::{floor}::")] {
        for statement in text.split(&start).skip(1).filter_map(|s| s.split(';').next()) {
            let flat = statement.replace('\n', " ");
            let (first, _) = flat.split_once("::").unwrap_or((&flat, ""));
            if files.contains(first.trim()) {
                found.insert(first.trim().to_owned());
                continue;
            }
            for word in flat.split([',', '{', '}', ' ']).map(str::trim) {
                let name = word.split("::").next().unwrap();
                match exports.get(name) {
                    Some(file) => drop(found.insert(file.clone())),
                    None if files.contains(name) => drop(found.insert(name.to_owned())),
                    None => {}
                }
            }
        }
    }
    for file in files {
        if begins_path(&text, &format!("super::{file}")) {
            found.insert(file.clone());
        }
    }
    found
}

#[test]
fn no_files_of_a_floor_import_each_other_in_a_circle() {
    let all = sources();
    for (floor, _) in FLOORS {
        let mine: BTreeMap<String, &String> = all
            .iter()
            .filter_map(|(f, text)| {
                let name = f.strip_prefix(&format!("{floor}/"))?.strip_suffix(".rs")?;
                (name != "mod").then(|| (name.to_owned(), text))
            })
            .collect();
        let plate =
            all.iter().find(|(f, _)| *f == format!("{floor}/mod.rs")).map(|(_, t)| exports(t)).unwrap_or_default();
        let names: BTreeSet<String> = mine.keys().cloned().collect();
        let graph: BTreeMap<&String, BTreeSet<String>> =
            mine.iter().map(|(name, text)| (name, imports(text, floor, &names, &plate))).collect();
        for start in graph.keys() {
            let (mut seen, mut stack) = (BTreeSet::new(), vec![*start]);
            while let Some(at) = stack.pop() {
                for next in &graph[at] {
                    assert!(
                        next != *start || at == *start,
                        "{floor}: {start} is imported, through {at}, by what it imports"
                    );
                    if next != at && seen.insert(next) {
                        stack.push(graph.get_key_value(next).unwrap().0);
                    }
                }
            }
        }
    }
}
