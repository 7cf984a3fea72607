//! A bundle is verified, verified deeply, listed, and unpacked the way the program does it, in a folder of its own; what
//! must hold for any bytes at all is asserted here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use consign::bundle::{Ask, Opened, Revealed, Signed, Trusted, Unpack};
use consign::class::Fault;
use consign::crypto::{Digest, PublicKey, digest};
use consign::exchange::{Home, receive};
use consign::files::{Silent, Source};
use consign::format::entry::Kind;
use consign::policy::admit;

use super::firm;
use super::support::{Trust, now};

/// A folder for one input, in memory where that can be had.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Scratch {
        static PLACE: OnceLock<PathBuf> = OnceLock::new();
        let memory = || Some(PathBuf::from("/dev/shm")).filter(|p| p.is_dir());
        let place = PLACE.get_or_init(|| memory().unwrap_or_else(std::env::temp_dir));
        Scratch(tempfile::Builder::new().prefix("consign-fuzz-").tempdir_in(place).unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The bytes as a file.
    pub fn source(&self, bytes: &[u8]) -> Source {
        let path = self.path().join("x.consign");
        fs::write(&path, bytes).unwrap();
        Source::open(&path, &Silent).unwrap()
    }
}

/// A step's end: nothing, or the word of its error.
type Ended = Result<(), &'static str>;

/// What became of a bundle.
#[derive(Debug)]
pub struct Outcome {
    pub verify: Ended,
    pub deep: Ended,
    pub unpack: Ended,
}

fn trusted(source: Source, signer: &PublicKey) -> consign::bundle::Result<Trusted> {
    Signed::check(Opened::read(source)?, &Trust(vec![signer.clone()]))?.trust()
}

fn revealed(trusted: Trusted, key_files: &[Vec<u8>]) -> consign::bundle::Result<Revealed> {
    let admitted = admit(trusted.signed().says().expires, now())?;
    trusted.reveal(admitted, &Ask { identities: firm::vendor(), key_files, compartment: None })
}

const HOW: Unpack<'static> = Unpack { only: None, no_links: false, links_work: true, base: None, workers: 1 };

/// The word of an error, which must be one of a refusal.
fn word(e: &impl Fault) -> &'static str {
    let word = e.word();
    assert!(!matches!(word, "bug" | "failed" | "stopped"), "{e}");
    word
}

impl Outcome {
    /// Opens the file as the vendor, who trusts this signer and brings these key files.
    pub fn of(scratch: &Scratch, file: &[u8], signer: &PublicKey, key_files: &[Vec<u8>]) -> Outcome {
        match trusted(scratch.source(file), signer) {
            Ok(trusted) => Outcome::of_trusted(scratch, trusted, key_files),
            Err(e) => {
                let why = Err(word(&e));
                Outcome { verify: why, deep: why, unpack: why }
            }
        }
    }

    fn of_trusted(scratch: &Scratch, trusted: Trusted, key_files: &[Vec<u8>]) -> Outcome {
        let verify = trusted.check_all(1, &Silent).map_err(|e| word(&e));
        let revealed = match revealed(trusted, key_files) {
            Ok(revealed) => revealed,
            Err(e) => {
                let why = Err(word(&e));
                return Outcome { verify, deep: why, unpack: why };
            }
        };
        let deep = revealed.check_deep(&HOW, &Silent);
        let unpack = unpacked(scratch, &revealed);
        prints(&revealed);
        assert!(unpack.is_err() || deep.as_ref().is_ok_and(|counts| counts.refs == 0), "made without its base");
        let outcome = Outcome { verify, deep: deep.map(drop).map_err(|e| word(&e)), unpack };
        outcome.is_of_one_mind();
        outcome
    }

    /// The three ways to look at a bundle agree.
    fn is_of_one_mind(&self) {
        if self.deep.is_ok() {
            assert!(self.verify.is_ok(), "verify refuses what passes the deep one: {self:?}");
        }
        // A deep check looks at each compartment alone, and needs no base.
        let only_a_tree_needs = [Err("needs-base"), Err("compartments-differ")];
        let same = self.deep.is_ok() == self.unpack.is_ok();
        assert!(same || self.deep.is_ok() && only_a_tree_needs.contains(&self.unpack), "{self:?}");
    }
}

/// Unpacks the way `consign unpack` does. Afterwards there is the whole tree, or nothing.
fn unpacked(scratch: &Scratch, revealed: &Revealed) -> Ended {
    let desk = scratch.path().join("desk");
    fs::create_dir(&desk).unwrap();
    fs::write(desk.join("a file beside it"), "untouched").unwrap();
    let (home, target) = (Home::at(scratch.path().join("home")), desk.join("out"));
    let accepted = receive::offer(revealed).by_word();
    let order = receive::Order {
        accepted: &accepted,
        target: &target,
        only: None,
        no_links: false,
        force: false,
        base: None,
        salvage: false,
        workers: 1,
        now: now(),
    };
    let delivered = receive::unpack(&home, revealed, &order, &Silent);
    let there = names(&desk);
    assert_eq!(fs::read(desk.join("a file beside it")).unwrap(), b"untouched");
    match delivered {
        Ok(_) => {
            let stated = revealed.open.iter().any(|part| !part.front.terms.text.is_empty());
            let terms = stated.then_some("out.terms.txt");
            let wanted: Vec<&str> = ["a file beside it", "out"].into_iter().chain(terms).collect();
            assert_eq!(there, wanted);
            is_what_the_manifest_says(&target, revealed);
            Ok(())
        }
        Err(e) => {
            assert_eq!(there, ["a file beside it"], "something stays behind a refusal");
            Err(word(&e))
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[derive(Debug, PartialEq, Eq)]
enum Thing {
    File(Digest, bool),
    Folder,
    Link(String),
}

fn is_what_the_manifest_says(tree: &Path, revealed: &Revealed) {
    let mut said = BTreeMap::new();
    let mut note = |_: usize, entry: &consign::format::entry::Entry| {
        let thing = match &entry.kind {
            Kind::File { b3, exec, .. } => Thing::File(*b3, *exec),
            Kind::Dir => Thing::Folder,
            Kind::Link { to } => Thing::Link(to.clone()),
        };
        said.insert(entry.path.as_str().to_owned(), thing);
        Ok(())
    };
    revealed.list(&mut note).unwrap();
    let mut found = BTreeMap::new();
    walk(tree, "", &mut found);
    assert_eq!(found, said);
}

/// What `cat` prints is what the manifest says, whatever else is wrong with the bundle.
fn prints(revealed: &Revealed) {
    let mut said = Vec::new();
    let _ended = revealed.list(&mut |_, entry| {
        said.push(entry.clone());
        Ok(())
    });
    let last = said.len().saturating_sub(1);
    for (_, entry) in said.into_iter().enumerate().filter(|(n, _)| *n < 3 || *n == last) {
        let mut out = Vec::new();
        match (revealed.cat(entry.path.as_str(), &mut out, 1, &Silent), entry.kind) {
            (Ok(size), Kind::File { b3, .. }) => assert!(size == out.len() as u64 && digest(&out) == b3),
            (Ok(_), _) => panic!("{} is no file, and was printed", entry.path),
            (Err(e), _) => drop(word(&e)),
        }
    }
}

fn walk(root: &Path, at: &str, found: &mut BTreeMap<String, Thing>) {
    for name in names(&root.join(at)) {
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        let meta = fs::symlink_metadata(root.join(&path)).unwrap();
        let thing = if meta.is_symlink() {
            stays(root, &root.join(&path));
            Thing::Link(fs::read_link(root.join(&path)).unwrap().into_os_string().into_string().unwrap())
        } else if meta.is_dir() {
            walk(root, &path, found);
            Thing::Folder
        } else {
            let exec = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0;
            Thing::File(digest(&fs::read(root.join(&path)).unwrap()), exec)
        };
        found.insert(path, thing);
    }
}

/// Whatever other links there are, the system too finds the end of this one in the tree, or none.
fn stays(root: &Path, link: &Path) {
    if let Ok(end) = fs::canonicalize(link) {
        assert!(end.starts_with(fs::canonicalize(root).unwrap()), "{} leads to {}", link.display(), end.display());
    }
}
