//! Firms whose keys are not locked, so that thousands of runs fit, and what must hold after each of their runs.

use std::fs;
use std::path::{Path, PathBuf};

use consign::crypto::{Secret, SigningKey, new_identity};
use consign::format::card::{Card, CardKey, SignedCard};
use consign::format::time::Time;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use crate::desk::{Desk, Ran, exists};

/// Northwind and Acme, who know each other, with keys that need no passphrase.
pub fn quick() -> Desk {
    let desk = Desk::new();
    for (firm, name) in [("north", "Northwind Ltd"), ("acme", "Acme Dev Oy")] {
        new_firm(&desk, firm, name);
    }
    desk.run("north", "partner add acme.card --unchecked").ok();
    desk.run("acme", "partner add north.card --as northwind --unchecked").ok();
    desk
}

/// A home as `key new` makes it, but for the locks, and its card beside it.
pub fn new_firm(desk: &Desk, firm: &str, name: &str) {
    let (identity, recipient) = new_identity("test");
    let private = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519).unwrap();
    let pem = private.to_openssh(LineEnding::LF).unwrap().as_bytes().to_vec();
    let signing = SigningKey::read(&Secret::new(pem.clone()), "test", &Nobody).unwrap();
    let line = signing.public().line().unwrap();
    let key = |key: &str| CardKey::new(key, "test");
    let card = Card {
        consign: "card/1".to_owned(),
        name: name.to_owned(),
        contact: String::new(),
        number: 1,
        created: Time::from_unix(1_795_000_000),
        expires: None,
        recipients: vec![key(&recipient)],
        pq: Vec::new(),
        signers: vec![key(&line)],
        previous: None,
    };
    let card = SignedCard::sign(&card, &signing).unwrap().document.to_bytes();
    let home = desk.home(firm);
    fs::create_dir(&home).unwrap();
    fs::write(home.join("identity.age"), identity.expose()).unwrap();
    fs::write(home.join("signing"), pem).unwrap();
    fs::write(home.join("signing.pub"), format!("{line} consign\n")).unwrap();
    fs::write(home.join("own.card"), &card).unwrap();
    let for_its_owner = |name: &str, mode: u32| {
        fs::set_permissions(home.join(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    for_its_owner("", 0o700);
    for_its_owner("identity.age", 0o600);
    for_its_owner("signing", 0o600);
    desk.write(&format!("{firm}.card"), card);
}

struct Nobody;

impl consign::crypto::PassphraseSource for Nobody {
    fn passphrase(&self, _: &str) -> consign::crypto::Result<Secret> {
        Err(consign::crypto::Error::NeedsPassphrase { what: "test key" })
    }
}

/// The whole lines of a firm's ledger.
pub fn ledger(desk: &Desk, firm: &str) -> String {
    let Ok(entries) = fs::read_dir(desk.home(firm).join("ledger")) else { return String::new() };
    let chain = entries.map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "jsonl"));
    let text = chain.map(|p| fs::read_to_string(p).unwrap()).unwrap_or_default();
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    text[..end].to_owned()
}

/// Hidden files and folders of this program's own, in the desk and in a firm's home.
pub fn litter(desk: &Desk, firm: &str) -> Vec<String> {
    let mut found = Vec::new();
    for folder in [desk.dir.path().to_owned()].into_iter().chain(folders(&desk.home(firm))) {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with('.') {
                found.push(format!("{}/{name}", folder.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    found
}

fn folders(home: &Path) -> Vec<PathBuf> {
    let inside = ["partners", "ledger", "private", "claims"].map(|name| home.join(name));
    std::iter::once(home.to_owned()).chain(inside).collect()
}

/// Private parts of bundles whose line was never written, as a kill leaves them.
pub fn strays(desk: &Desk, firm: &str) -> usize {
    let parts = fs::read_dir(desk.home(firm).join("private")).map_or(0, |parts| {
        parts.filter(|part| !part.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count()
    });
    let lines = ledger(desk, firm).matches("\"event\":\"drop\"").count();
    parts.saturating_sub(lines)
}

/// What a bad state is, in words; empty if there is none.
#[derive(Default)]
pub struct Verdict(pub Vec<String>);

impl Verdict {
    pub fn must(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.0.push(what.into());
        }
    }

    /// The ledger is sound and has all it had before.
    pub fn ledger(&mut self, desk: &Desk, firm: &str, before: &str) {
        let ran = desk.run(firm, "log verify");
        let empty = before.is_empty() && ran.err.contains("[empty]");
        self.must(ran.code == 0 || empty, format!("the ledger is broken: {}{}", ran.out, ran.err));
        self.must(ledger(desk, firm).starts_with(before), "the ledger lost a line");
    }

    /// No more private parts without a line than before.
    pub fn private(&mut self, desk: &Desk, firm: &str, before: usize) {
        let now = strays(desk, firm);
        self.must(now <= before, format!("{now} private parts without a line, after {before}"));
    }

    /// A run that ended by itself: a code as PROMISES has it, and nothing of a panic. Where links can't be made, that is
    /// a code of its own.
    pub fn told(&mut self, ran: &Ran, links: bool) {
        let told = format!("{}{}", ran.out, ran.err);
        let no_links = links && ran.code == 10 && told.contains("[no-links]");
        self.must(matches!(ran.code, 0 | 1) || no_links, format!("exit code {}", ran.code));
        for word in ["panicked", "[bug]", "RUST_BACKTRACE", "fatal runtime", "os error"] {
            self.must(!told.contains(word), format!("`{word}`"));
        }
    }

    /// A bundle at `name` is absent, or whole and in the ledger.
    pub fn bundle(&mut self, desk: &Desk, firm: &str, file: &str, name: &str) {
        if !exists(&desk.path(file)) {
            return;
        }
        let ran = desk.run(firm, &format!("verify {file}"));
        self.must(ran.code == 0, format!("{file} is there and not whole: {}", ran.err));
        self.must(ledger(desk, firm).contains(&format!("\"name\":\"{name}\"")), format!("{file} has no line"));
    }
}
