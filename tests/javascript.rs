//! The JavaScript implementation of age (npm `age-encryption`) as judge of post-quantum bundles: it opens what consign
//! packed, and consign opens a bundle of which it made every key and every lock. `tests/javascript/fetch` gets it.

#[path = "cli/desk.rs"]
mod desk;
mod support;

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use consign::crypto::{CompartmentKey, Recipient, Secret};
use desk::{Desk, members};
use support::forge::{Locksmith, file, forge_by, plain};
use support::{Firm, tools};

fn packages() -> Option<PathBuf> {
    let packages = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("javascript");
    if packages.join("node_modules").is_dir() && tools::have(&["node"]) {
        return Some(packages);
    }
    assert!(std::env::var_os("CONSIGN_ALL_TOOLS").is_none(), "run tests/javascript/fetch first");
    let _unused = writeln!(std::io::stderr(), "SKIPPED: run tests/javascript/fetch to judge with age in JavaScript");
    None
}

/// Runs age in JavaScript.
fn node(packages: &PathBuf, args: &[&str], input: &[u8]) -> Vec<u8> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/javascript/age.mjs");
    let mut command = Command::new("node");
    command.arg(script).args(args).env("PACKAGES", packages).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "node {args:?}");
    output.stdout
}

/// Keys and locks by JavaScript. The recipients of the keys it made are remembered: a key does not tell its own.
struct JavaScript {
    packages: PathBuf,
    made: RefCell<Vec<(Vec<u8>, String)>>,
}

impl JavaScript {
    fn keys(&self) -> (String, String) {
        let text = String::from_utf8(node(&self.packages, &["keys"], b"")).unwrap();
        let (identity, recipient) = text.trim().split_once('\n').unwrap();
        (identity.to_owned(), recipient.to_owned())
    }
}

impl Locksmith for JavaScript {
    fn key(&self, post_quantum: bool) -> CompartmentKey {
        assert!(post_quantum);
        let (identity, recipient) = self.keys();
        let key = CompartmentKey::parse(&Secret::new(format!("{identity}\n").into_bytes()), "key").unwrap();
        self.made.borrow_mut().push((key.file().expose().to_vec(), recipient));
        key
    }

    fn seal(&self, key: &CompartmentKey, plain: &[u8]) -> Vec<u8> {
        let made = self.made.borrow();
        let (_, recipient) = made.iter().find(|(file, _)| file == key.file().expose()).unwrap();
        node(&self.packages, &["encrypt", recipient], plain)
    }

    fn lock(&self, to: &[Recipient], plain: &[u8]) -> Vec<u8> {
        let to: Vec<String> = to.iter().map(Recipient::canonical).collect();
        let args: Vec<&str> = std::iter::once("encrypt").chain(to.iter().map(String::as_str)).collect();
        node(&self.packages, &args, plain)
    }
}

#[test]
fn a_post_quantum_bundle_that_was_packed_here_opens_in_javascript() {
    let (Some(packages), true) = (packages(), tools::have(&["zstd", "tar"])) else { return };
    let desk = Desk::new();
    desk.tree();
    desk.new_firm("north", "Northwind Ltd");
    let script = JavaScript { packages, made: RefCell::default() };
    let (identity, recipient) = script.keys();
    desk.args("north", &["pack", "tree", "-r", &recipient, "-o", "js.consign", "--json"])
        .ok()
        .says("\"post_quantum\":true");
    let bundle = fs::read(desk.path("js.consign")).unwrap();
    let data = |wanted: &str| {
        let (_, at, size) = members(&bundle).into_iter().find(|(name, ..)| name == wanted).unwrap();
        bundle[at..at + size].to_vec()
    };
    // By hand, as FORMAT §7 has it: the key to the person, then the volume to the key, then zstd and tar.
    let mine = desk.write("identity", &identity);
    let key = node(&script.packages, &["decrypt", mine.to_str().unwrap()], &data("c0/key.age"));
    let compartment = desk.write("compartment", key);
    let volume = node(&script.packages, &["decrypt", compartment.to_str().unwrap()], &data("c0/v000000.age"));
    desk.write("volume.zst", volume);
    fs::create_dir(desk.path("out")).unwrap();
    let shell = "zstd -dc volume.zst | tar -xf - -C out";
    assert!(desk.wrap("north", "sh").args(["-c", shell]).status().unwrap().success());
    for name in ["README.md", "src/main.c", "src/lib.c"] {
        let read = |folder: &str| fs::read(desk.path(folder).join(name)).unwrap();
        assert_eq!(read("out"), read("tree"), "{name}");
    }
    // And a wrong key does not open it.
    let (other, _) = script.keys();
    let ran =
        desk.command("north").args(["list", "js.consign", "-i"]).arg(desk.write("other", other)).output().unwrap();
    assert_eq!(ran.status.code(), Some(4));
}

#[test]
fn a_bundle_of_which_javascript_made_every_key_and_lock_opens_here() {
    let Some(packages) = packages() else { return };
    let desk = Desk::new();
    let script = JavaScript { packages, made: RefCell::default() };
    let (identity, recipient) = script.keys();
    let acme = Firm { recipient, ..Firm::new() };
    let north = Firm::new();
    let entries = vec![file("a.txt", "made in JavaScript\n"), file("b.txt", "so was this\n")];
    let cast = forge_by(&script, &[&north], &[plain(entries, &[&acme])], &|_, _| {});
    desk.write("js.consign", &cast.bundle);
    desk.write("identity", identity);
    desk.write("signers", north.signing.public().line().unwrap());
    let line = ["unpack", "js.consign", "-i", "identity", "--signer", "signers", "-o", "out"];
    desk.args("acme", &line).ok();
    assert_eq!(fs::read_to_string(desk.path("out/a.txt")).unwrap(), "made in JavaScript\n");
    assert_eq!(fs::read_to_string(desk.path("out/b.txt")).unwrap(), "so was this\n");
    desk.args("acme", &["verify", "--deep", "js.consign", "-i", "identity", "--signer", "signers"]).ok();
}
