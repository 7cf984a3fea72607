//! The 143 vectors of the npm package `cctv-age`, through the doors that bundles and keys go through:
//! `Identities::open` opens what is locked to people (`key.age`, `terms.age`), `CompartmentKey::decrypt_into` opens
//! volumes and manifests, `dearmour` takes the armour off an identity file. `tests/conformance/fetch` gets them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use consign::crypto::{CompartmentKey, Error, Identities, PassphraseSource, Secret, dearmour, sha256};

use crate::rows_of_page;

const COUNT: usize = 143;
/// No vector has a larger payload.
const LIMIT: usize = 32 << 20;

/// A vector that ends otherwise than it expects: the door, its name, what it expects, what we say instead.
type Deviation = (String, String, String, String);

/// All of them, from the page, where each has its reason.
fn listed() -> BTreeSet<Deviation> {
    let mut listed = BTreeSet::new();
    for row in rows_of_page("age") {
        let [door, names, expected, here, why] = row.as_slice() else { panic!("not five cells: {row:?}") };
        assert!(!why.is_empty(), "no reason: {row:?}");
        for name in names.split(", ") {
            let name = name.trim_matches('`').to_owned();
            assert!(listed.insert((door.clone(), name.clone(), expected.clone(), here.clone())), "{name} stands twice");
        }
    }
    listed
}

/// A vector: its header, and the age file.
struct Vector {
    name: String,
    head: Vec<(String, String)>,
    file: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Vector {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|w| w == b"\n\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let pair = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap();
        let known = ["expect", "payload", "identity", "passphrase", "armored", "file key", "comment", "compressed"];
        let head: Vec<(String, String)> = head.lines().map(pair).collect();
        assert!(head.iter().all(|(key, _)| known.contains(&key.as_str())), "an unknown key: {}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        Vector { name, head, file: bytes[end + 2..].to_vec() }
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.head.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    fn one(&self, key: &str) -> &str {
        self.all(key).next().unwrap_or_default()
    }
}

/// The vectors, or none where they were not fetched; `.ci/run` sets `CONSIGN_ALL_TOOLS`, and then that is a failure.
fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cctv-age-0.2.0");
    let Ok(found) = fs::read_dir(&folder) else {
        assert!(std::env::var_os("CONSIGN_ALL_TOOLS").is_none(), "no age vectors; run tests/conformance/fetch");
        let note = "SKIPPED: a test needs the age vectors of npm's `cctv-age`; get them by tests/conformance/fetch\n";
        let _unused = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        return Vec::new();
    };
    let mut all: Vec<Vector> = found.map(|entry| Vector::read(&entry.unwrap().path())).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(all.len(), COUNT);
    all
}

/// A passphrase for everything.
struct Always(String);

impl PassphraseSource for Always {
    fn passphrase(&self, _: &str) -> Result<Secret, Error> {
        Ok(Secret::new(self.0.clone().into_bytes()))
    }
}

/// What a vector came to, in the words of the vectors where they have one. HMAC, payload and what a header hides until
/// a key was found are one error to our caller, `changed`: none of it gives any plaintext away.
fn outcome(error: &Error) -> &'static str {
    match error {
        Error::NoKey | Error::WrongPassphrase { .. } => "no match",
        Error::BadHead { .. } | Error::HeadTooLarge { .. } => "header failure",
        Error::Broken { .. } => "changed",
        Error::BadKey { .. } => "armor failure",
        _ => "another error",
    }
}

/// The door of what is locked to people, behind the one of armour where the vector has one.
fn as_people(vector: &Vector) -> Result<Vec<u8>, Error> {
    let passphrase = vector.one("passphrase").to_owned();
    let mut identities = Identities::new(Arc::new(Always(passphrase)));
    for line in vector.all("identity") {
        identities.add(&Secret::new(line.as_bytes().to_vec()), "identity")?;
    }
    let file = if vector.one("armored") == "yes" { dearmour(&vector.file, "file")? } else { vector.file.clone() };
    Ok(identities.open(&file, "file", LIMIT)?.plain.expose().to_vec())
}

/// The door of volumes and manifests, for vectors with one identity of its kind and nothing else; and what it let out.
fn as_volume(vector: &Vector) -> Option<(Result<(), Error>, Vec<u8>)> {
    let lone = vector.all("identity").count() == 1 && vector.all("passphrase").count() == 0;
    if !lone || vector.one("armored") == "yes" {
        return None;
    }
    let key = CompartmentKey::parse(&Secret::new(format!("{}\n", vector.one("identity")).into_bytes()), "key").unwrap();
    let mut out = Vec::new();
    let result = key.decrypt_into(&vector.file, "file", &mut out);
    Some((result, out))
}

/// Whether an outcome is what a vector expects. The key of a compartment is given, not looked for, so a volume that it
/// doesn't open was changed.
fn fits(door: &str, expected: &str, got: &str) -> bool {
    let changed = ["HMAC failure", "payload failure", "header failure"].contains(&expected)
        || (door == "volume" && expected == "no match");
    expected == got || (got == "changed" && changed)
}

/// Both doors: which vectors deviate, and how many were tried at each door.
fn deviations(vectors: &[Vector]) -> (BTreeSet<Deviation>, [usize; 2]) {
    let (mut found, mut tried) = (BTreeSet::new(), [0, 0]);
    for vector in vectors {
        let (name, expected) = (&vector.name, vector.one("expect"));
        let right = |out: &[u8]| sha256(out).to_string() == vector.one("payload");
        let opened = |out: &[u8]| if right(out) { "success" } else { "another payload" };
        let mut meet = |door: &str, got: &str| {
            tried[usize::from(door == "volume")] += 1;
            if !fits(door, expected, got) {
                found.insert((door.to_owned(), name.clone(), expected.to_owned(), got.to_owned()));
            }
        };
        meet("people", as_people(vector).map_or_else(|e| outcome(&e), |plain| opened(&plain)));
        if let Some((result, out)) = as_volume(vector) {
            meet("volume", result.as_ref().map_or_else(outcome, |()| opened(&out)));
            assert!(out.is_empty() || right(&out), "{name} let out {} bytes that it shouldn't", out.len());
        }
    }
    (found, tried)
}

#[test]
fn every_age_vector_behaves_as_specified_or_stands_in_the_table() {
    let vectors = vectors();
    if vectors.is_empty() {
        return;
    }
    let (found, tried) = deviations(&vectors);
    assert_eq!(tried, [COUNT, 83], "people, volume");
    assert_eq!(found, listed(), "what deviates is not what the page says");
}
