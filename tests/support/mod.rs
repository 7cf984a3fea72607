//! A sender and a receiver in memory, for tests of the library.
#![allow(dead_code, reason = "each test crate uses its own part of it")]

pub mod forge;
pub mod judge;
pub mod tools;

use std::path::Path;
use std::sync::Arc;

pub use tools::members;

use consign::bundle::select::{From, Order as SelectOrder, Selection};
use consign::bundle::{Clear, Lens, Opened, Order, Parcel, Pins, Revealed, Sealed, Signed, TermsText, Unpack, pack};
use consign::crypto::{
    Error, Identities, PassphraseSource, PublicKey, Secret, SigningKey, new_identities, new_identity,
};
use consign::files::{Root, Silent, Source};
use consign::format::envelope::Kind;
use consign::format::time::Time;
use consign::policy::{Assurance, Candidate, admit, clear};

pub struct NoPassphrase;

impl PassphraseSource for NoPassphrase {
    fn passphrase(&self, _: &str) -> Result<Secret, Error> {
        Err(Error::NeedsPassphrase { what: "test key" })
    }
}

/// A firm with its keys unlocked.
pub struct Firm {
    pub identity: Secret,
    pub recipient: String,
    pub signing: SigningKey,
}

impl Firm {
    pub fn new() -> Firm {
        let (identity, recipient) = new_identity("test");
        Firm { identity, recipient, signing: SigningKey::generate().unwrap() }
    }

    /// A firm whose one encryption key is post-quantum.
    pub fn post_quantum() -> Firm {
        let pair = new_identities("test").unwrap();
        let only: Vec<&str> =
            pair.file.text().unwrap().lines().filter(|l| l.starts_with("AGE-SECRET-KEY-PQ-")).collect();
        let identity = Secret::new(only.concat().into_bytes());
        Firm { identity, recipient: pair.post_quantum, signing: SigningKey::generate().unwrap() }
    }

    pub fn identities(&self) -> Identities {
        let mut ids = Identities::new(Arc::new(NoPassphrase));
        ids.add(&self.identity, "test identity").unwrap();
        ids
    }

    pub fn trusts(&self) -> Trust {
        Trust(vec![self.signing.public()])
    }
}

pub struct Trust(pub Vec<PublicKey>);

impl Pins for Trust {
    fn who(&self, key: &PublicKey, _: Time) -> Option<String> {
        self.0.iter().position(|k| k == key).map(|i| format!("partner {i}"))
    }
}

pub fn now() -> Time {
    Time::from_unix(1_795_000_000)
}

pub fn select(folder: &Path) -> Selection {
    let order = SelectOrder {
        from: From::Folder(folder),
        globs: &[],
        scope: None,
        allow_unportable: true,
        latest: None,
        keep_out: &[],
        survey: false,
    };
    Selection::of(&order, &Silent).unwrap()
}

pub fn candidates(to: &[&Firm]) -> Vec<Candidate> {
    to.iter()
        .map(|f| Candidate {
            name: "acme".into(),
            key: f.recipient.clone(),
            card_expires: None,
            own: false,
            on_record: true,
            agreement: None,
        })
        .collect()
}

/// Packs a folder into memory.
pub fn bundle_of(folder: &Path, from: &Firm, to: &[&Firm], workers: usize) -> (Vec<u8>, Sealed) {
    match bundle_through(folder, from, to, workers, &Clear) {
        Ok(bundle) => bundle,
        Err(stopped) => panic!("{}", stopped.1),
    }
}

/// What was written until an error, and the error.
pub type Stopped = (Vec<u8>, consign::bundle::Error);

/// Packs a folder into memory, through a lens; what was written until an error comes with it.
pub fn bundle_through(
    folder: &Path,
    from: &Firm,
    to: &[&Firm],
    workers: usize,
    lens: &dyn Lens,
) -> Result<(Vec<u8>, Sealed), Box<Stopped>> {
    let selection = select(folder);
    let clearance = clear(&Assurance::default().assure(&candidates(to)).unwrap(), now()).unwrap();
    let terms = TermsText { owner: "Northwind".into(), ..TermsText::default() };
    let parcel = Parcel { selection: &selection, clearance: &clearance, terms: &terms, scope: "all", purpose: "" };
    let order = Order {
        name: "acme-0001",
        kind: Kind::Drop,
        in_reply_to: None,
        created: now(),
        expires: None,
        sender: "Northwind",
        tool: "consign test",
        readme: "for people\n",
        card: None,
        signers: &[&from.signing],
        parcels: &[parcel],
        ledger: None,
        level: 3,
        workers,
    };
    let mut out = Vec::new();
    match pack(&order, &mut out, lens, &Silent) {
        Ok(sealed) => {
            out.extend_from_slice(&sealed.tail);
            Ok((out, sealed))
        }
        Err(e) => Err(Box::new((out, e))),
    }
}

pub fn source_of(bytes: &[u8]) -> Source {
    Source::spool(bytes, Path::new("test.consign"), &std::env::temp_dir(), &Silent).unwrap()
}

pub fn reveal(bytes: &[u8], as_whom: &Firm, trust: &Trust) -> consign::bundle::Result<Revealed> {
    reveal_from(source_of(bytes), as_whom, trust)
}

pub fn reveal_from(source: Source, as_whom: &Firm, trust: &Trust) -> consign::bundle::Result<Revealed> {
    let trusted = Signed::check(Opened::read(source)?, trust)?.trust()?;
    let admission = admit(trusted.signed().says().expires, now())?;
    let identities = as_whom.identities();
    let ask = consign::bundle::Ask { identities: &identities, key_files: &[], compartment: None };
    trusted.reveal(admission, &ask)
}

pub fn plainly() -> Unpack<'static> {
    Unpack { only: None, no_links: false, links_work: true, base: None, workers: 2 }
}

pub fn unpack(bytes: &[u8], as_whom: &Firm, trust: &Trust, to: &Path) -> consign::bundle::Result<()> {
    let revealed = reveal(bytes, as_whom, trust)?;
    std::fs::create_dir_all(to).unwrap();
    revealed.unpack_into(&Root::open(to)?, &plainly(), &Silent)?;
    Ok(())
}

/// Path, kind and contents, times and exec bits of a tree.
pub fn tree_of(folder: &Path) -> Vec<(String, String)> {
    fn walk(root: &Path, at: &Path, out: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let time = meta.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            if meta.is_symlink() {
                out.push((name, format!("link {:?} {time}", std::fs::read_link(&path).unwrap())));
            } else if meta.is_dir() {
                out.push((name, format!("dir {time}")));
                walk(root, &path, out);
            } else {
                let exec = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0;
                let hash = consign::crypto::digest(&std::fs::read(&path).unwrap());
                out.push((name, format!("file {} {hash} {exec} {time}", meta.len())));
            }
        }
    }
    let mut out = Vec::new();
    walk(folder, folder, &mut out);
    out.sort();
    out
}

/// For each member of a bundle: its name and the offset of a byte in the middle of its data.
pub fn data_of_members(bundle: &[u8]) -> Vec<(String, usize)> {
    members(bundle).into_iter().map(|(name, data, size)| (name, data + size / 2)).collect()
}
