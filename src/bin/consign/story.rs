//! The story of `consign demo`: a made-up firm hands code to a made-up vendor, and everything that should be stopped
//! is stopped. Each step checks what it saw; a step that is not as it should be makes the demo fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use consign::bundle::default_workers;
use consign::class::{Class, Fault};
use consign::crypto::{self, Error as CryptoError, Identities, PassphraseSource, Secret};
use consign::exchange::cardlife::{self, Ends};
use consign::exchange::held::Held;
use consign::exchange::locks::Locks;
use consign::exchange::partners::{self, Change, Checked};
use consign::exchange::receive::{self, Reader};
use consign::exchange::screen::Screen;
use consign::exchange::send::{self, Output, Send, To};
use consign::exchange::trust::Trust;
use consign::exchange::{Error, Home, Ledger, copies, keys, restore};
use consign::files::{Silent, Source};
use consign::format::paper::Paper;
use consign::format::time::Time;
use consign::format::typed;
use consign::policy::Acceptance;

use crate::sample::PROJECT;

mod rules;

/// One step, as it went.
pub(crate) struct Step {
    /// Its name.
    pub(crate) name: &'static str,
    /// What was seen: as it should be, or not.
    pub(crate) seen: Result<String, String>,
}

/// A step, by its name, and what it does.
type Telling = (&'static str, fn(&mut Story) -> Result<String, String>);

/// The steps, in order.
const STEPS: [Telling; 17] = [
    ("keys", Story::keys),
    ("scope", Story::scope),
    ("secrets", Story::secrets),
    ("NDA", Story::nda),
    ("pack", Story::pack),
    ("verify", Story::verify),
    ("stranger", Story::stranger),
    ("wrong key", Story::wrong_key),
    ("tamper", Story::tamper),
    ("one file", Story::one_file),
    ("terms", Story::terms),
    ("unpack", Story::unpack),
    ("two parts", Story::two_parts),
    ("expired", Story::expired),
    ("new keys", Story::new_keys),
    ("paper", Story::paper),
    ("ledger", Story::ledger),
];

/// The names of the steps.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|(name, _)| *name)
}

struct Firm {
    home: Home,
}

/// The passphrase of the made-up firms.
struct Known;

impl PassphraseSource for Known {
    fn passphrase(&self, _: &str) -> Result<Secret, CryptoError> {
        Ok(Secret::new(PASSPHRASE.to_vec()))
    }
}

const PASSPHRASE: &[u8] = b"correct horse";

/// Keys that live for seconds need no slow lock.
const WORK: u8 = 10;

pub(crate) struct Story {
    folder: PathBuf,
    now: Time,
    /// The step to spoil, for the tests: it gets a sound file where a bad one belongs, and the like.
    spoil: Option<String>,
    firms: Vec<Firm>,
    bundle: PathBuf,
}

/// Anything that went wrong where nothing should, in words.
fn oops(e: impl std::fmt::Display) -> String {
    format!("failed: {e}")
}

/// A refusal that should have come.
fn expect_refusal<T>(result: Result<T, Error>, class: Class, said: &str) -> Result<String, String> {
    match result {
        Err(e) if e.class() == class => Ok(said.to_owned()),
        Err(e) => Err(format!("stopped, but for another reason: {e}")),
        Ok(_) => Err("was NOT stopped".to_owned()),
    }
}

impl Story {
    /// Tells the whole story in `folder`, which is empty.
    pub(crate) fn tell(
        folder: &Path,
        now: Time,
        spoil: Option<String>,
        mut each: impl FnMut(usize, &Step),
    ) -> Vec<Step> {
        let mut story = Story { folder: folder.to_owned(), now, spoil, firms: Vec::new(), bundle: PathBuf::new() };
        let mut steps = Vec::new();
        for (i, (name, act)) in STEPS.iter().enumerate() {
            let step = Step { name, seen: act(&mut story) };
            each(i + 1, &step);
            steps.push(step);
        }
        steps
    }

    fn spoiled(&self, step: &str) -> bool {
        self.spoil.as_deref() == Some(step)
    }

    fn firm(&self, i: usize) -> Result<&Firm, String> {
        self.firms.get(i).ok_or_else(|| "an earlier step failed".to_owned())
    }

    fn project(&self) -> PathBuf {
        self.folder.join("project")
    }

    fn keys(&mut self) -> Result<String, String> {
        write_project(&self.project()).map_err(oops)?;
        let mut words = Vec::new();
        for (i, firm) in ["Northwind", "Acme", "Birch"].into_iter().enumerate() {
            let name = firm.to_lowercase();
            let home = Home::at(self.folder.join(format!("{name}-home")));
            let lock = Secret::new(PASSPHRASE.to_vec());
            let contact = format!("ops@{name}.example");
            let made = keys::make(
                &home,
                &keys::New { name: firm, contact: &contact, ..keys::New::default() },
                &lock,
                WORK,
                self.now,
            )
            .map_err(oops)?;
            words.push(made.words.join(" "));
            let spoiled = i == 2 && self.spoiled("keys");
            self.firms.push(Firm { home: if spoiled { self.firm(1)?.home.clone() } else { home } });
            if spoiled {
                words.pop();
            }
        }
        words.sort();
        words.dedup();
        if words.len() != 3 {
            return Err("two firms have the same key".to_owned());
        }
        self.know(0, 1)?;
        Ok("Northwind, Acme and Birch each made one".to_owned())
    }

    /// Puts the card of one firm on another's record, with the check words compared.
    fn know(&self, who: usize, whom: usize) -> Result<(), String> {
        let card = keys::own_card_needed(&self.firm(whom)?.home).map_err(oops)?;
        let addition = partners::prepare(&self.firm(who)?.home, &card, None, Checked::Words, self.now).map_err(oops)?;
        addition.write(&self.firm(who)?.home).map_err(oops)
    }

    fn order<'a>(&self, path: &'a Path, to: &'a [To], own: &'a Locks, out: &'a Path, screen: &'a Screen) -> Send<'a> {
        Send {
            screen,
            plugins: None,
            path,
            rev: None,
            globs: &[],
            allow_unportable: false,
            latest: None,
            workspace: None,
            to,
            scope: None,
            all: false,
            grown_is_meant: false,
            override_why: None,
            recipients: &[],
            own,
            no_self: false,
            name: None,
            out: Output::Folder(out),
            force: false,
            terms: None,
            expires: None,
            purpose: "demo",
            level: 3,
            dry_run: false,
            now: self.now,
            tool: "consign demo",
            workers: default_workers(),
        }
    }

    fn screen(&self) -> Result<Screen, String> {
        Screen::of(&self.firm(0)?.home, Some(&self.workspace()?), &self.project()).map_err(oops)
    }

    fn own(&self) -> Result<Locks, String> {
        send::own_locks(&self.firm(0)?.home, &Identities::default()).map_err(oops)
    }

    fn pack(&mut self) -> Result<String, String> {
        let (path, own, to, workspace) = (self.project(), self.own()?, [To::from("acme:api")], self.workspace()?);
        let home = self.firm(0)?.home.clone();
        let screen = self.screen()?;
        let order = self.order(&path, &to, &own, &self.folder, &screen);
        let order = Send { workspace: Some(&workspace), ..order };
        let signer = keys::signing_key(&home, &Known).map_err(oops)?;
        let draft = send::draft(&home, &order, &Silent).map_err(oops)?;
        let quantum = draft.is_post_quantum();
        let sent = draft.ship(&[&signer], None, &Silent).map_err(oops)?;
        let file = sent.file.ok_or("there is no bundle")?;
        if self.spoiled("pack") {
            fs::write(&file, "").map_err(oops)?;
        }
        let size = fs::metadata(&file).map_err(oops)?.len();
        if !quantum || size != sent.size || sent.entry == 0 {
            return Err("the bundle or its ledger entry is not there".to_owned());
        }
        self.bundle = file;
        Ok(format!(
            "{}.consign  {} KB, {} files, locked to Acme, post-quantum, signed",
            sent.name,
            size.div_ceil(1024),
            sent.files
        ))
    }

    fn source(&self, path: &Path) -> Result<Source, Error> {
        Ok(Source::open(path, &Silent)?)
    }

    fn trust(&self, i: usize) -> Result<Trust, String> {
        Trust::of(&self.firm(i)?.home).map_err(oops)
    }

    fn check(&self, path: &Path, trust: &Trust, now: Time) -> Result<String, Error> {
        let trusted = receive::trusted(self.source(path)?, trust, now)?;
        trusted.check_all(default_workers(), &Silent)?;
        Ok(trusted.sender().to_owned())
    }

    fn verify(&mut self) -> Result<String, String> {
        // A machine without any key, which knows Northwind's card.
        let mut trust = Trust::default();
        let card = keys::own_card_needed(&self.firm(0)?.home).map_err(oops)?;
        trust.add_file(&card.document.to_bytes(), "northwind.card").map_err(oops)?;
        let path = if self.spoiled("verify") { self.tampered()? } else { self.bundle.clone() };
        let by = self.check(&path, &trust, self.now).map_err(oops)?;
        if by != "Northwind" {
            return Err(format!("signed by {by}"));
        }
        Ok("no key needed: whole, and signed by Northwind".to_owned())
    }

    fn stranger(&mut self) -> Result<String, String> {
        if self.spoiled("stranger") {
            self.know(1, 0)?;
        }
        let seen = self.check(&self.bundle, &self.trust(1)?, self.now);
        let said = expect_refusal(seen, Class::Untrusted, "Acme does not know Northwind yet: stopped, as it should be");
        self.know(1, 0)?;
        self.know(2, 0)?;
        said
    }

    fn reveal(&self, path: &Path, firm: usize, key_of: usize) -> Result<consign::bundle::Revealed, Error> {
        let mut identities = Identities::new(Arc::new(Known));
        let (firm, owner) = (self.firms.get(firm), self.firms.get(key_of));
        let (Some(firm), Some(owner)) = (firm, owner) else { return Err(consign::bundle::Error::Bug.into()) };
        keys::add_identities(&owner.home, &mut identities)?;
        let trust = Trust::of(&firm.home)?;
        let reader =
            Reader { trust: &trust, identities: &identities, key_files: &[], compartment: None, now: self.now };
        receive::reveal(receive::trusted(self.source(path)?, &trust, self.now)?, &reader)
    }

    fn wrong_key(&mut self) -> Result<String, String> {
        let key_of = if self.spoiled("wrong key") { 1 } else { 2 };
        let opened = self.reveal(&self.bundle, 2, key_of);
        expect_refusal(opened, Class::WrongKey, "Birch tries to open it: stopped, as it should be")
    }

    /// A copy with one byte changed in its middle.
    fn tampered(&self) -> Result<PathBuf, String> {
        let mut bytes = fs::read(&self.bundle).map_err(oops)?;
        let middle = bytes.len() / 2;
        *bytes.get_mut(middle).ok_or("there is no bundle")? ^= 1;
        let path = self.folder.join("tampered.consign");
        fs::write(&path, bytes).map_err(oops)?;
        Ok(path)
    }

    fn tamper(&mut self) -> Result<String, String> {
        let path = if self.spoiled("tamper") { self.bundle.clone() } else { self.tampered()? };
        let seen = self.check(&path, &self.trust(1)?, self.now);
        expect_refusal(seen, Class::Changed, "one byte changed: caught, as it should be")
    }

    fn one_file(&mut self) -> Result<String, String> {
        let path = "proto/order.proto";
        let want = PROJECT.iter().find(|(p, ..)| *p == path).map(|(.., bytes)| *bytes);
        let asked = if self.spoiled("one file") { "proto/parcel.proto" } else { path };
        let revealed = self.reveal(&self.bundle, 1, 1).map_err(oops)?;
        let mut out = Vec::new();
        revealed.cat(asked, &mut out, 1, &Silent).map_err(oops)?;
        if want != Some(out.as_slice()) {
            return Err(format!("{path} came out different"));
        }
        Ok(format!("Acme reads {path} alone, without unpacking"))
    }

    fn unpack(&mut self) -> Result<String, String> {
        let revealed = self.reveal(&self.bundle, 1, 1).map_err(oops)?;
        let target = self.folder.join("acme-0001");
        let accepted = receive::offer(&revealed).by_word();
        let order = self.unpacking(&target, &accepted);
        let got = receive::unpack(&self.firm(1)?.home, &revealed, &order, &Silent).map_err(oops)?;
        if self.spoiled("unpack") {
            fs::write(target.join("services/api/README.md"), "changed afterwards").map_err(oops)?;
        }
        let (mut same, total) = (0, got.counts.files);
        for (path, _, bytes) in PROJECT {
            same += u64::from(fs::read(target.join(path)).is_ok_and(|found| found == *bytes));
        }
        if same != total || total != Story::in_scope("api").count() as u64 {
            return Err(format!("{same} of {total} files match"));
        }
        Ok(format!("Acme opens it: {same} of {total} files match what Northwind signed"))
    }

    /// How Acme unpacks.
    fn unpacking<'a>(&self, target: &'a Path, accepted: &'a Acceptance) -> receive::Order<'a> {
        receive::Order {
            salvage: false,
            accepted,
            target,
            only: None,
            no_links: false,
            force: false,
            base: None,
            workers: default_workers(),
            now: self.now,
        }
    }

    fn expired(&mut self) -> Result<String, String> {
        let later = Time::from_unix(self.now.unix() + 7200);
        let (path, own, to, workspace) = (self.project(), self.own()?, [To::from("acme:api")], self.workspace()?);
        let home = self.firm(0)?.home.clone();
        let ends = Time::from_unix(self.now.unix() + if self.spoiled("expired") { 86_400 } else { 3600 });
        let screen = self.screen()?;
        let order = self.order(&path, &to, &own, &self.folder, &screen);
        let order = Send { expires: Some(ends), workspace: Some(&workspace), ..order };
        let signer = keys::signing_key(&home, &Known).map_err(oops)?;
        let draft = send::draft(&home, &order, &Silent).map_err(oops)?;
        let sent = draft.ship(&[&signer], None, &Silent).map_err(oops)?;
        let seen = self.check(&sent.file.unwrap_or_default(), &self.trust(1)?, later);
        expect_refusal(seen, Class::Refused, "a second bundle, one hour after its end: stopped, as it should be")
    }

    fn new_keys(&mut self) -> Result<String, String> {
        let home = self.firm(1)?.home.clone();
        let (old, lock) = (keys::own_card_needed(&home).map_err(oops)?, Secret::new(PASSPHRASE.to_vec()));
        let signer = keys::signing_key(&home, &Known).map_err(oops)?;
        let changed = cardlife::rotate(&home, &signer, &lock, WORK, Ends::Same, self.now).map_err(oops)?;
        let card = if self.spoiled("new keys") { &old } else { &changed.card };
        // Northwind compares nothing: the card on record speaks for the new one.
        let north = &self.firm(0)?.home;
        let taken = partners::add(north, card, None, Checked::Unchecked, self.now).map_err(oops)?;
        if taken.change != Change::NewerCard {
            return Err("the new card was not taken as the next one".to_owned());
        }
        let said = "Acme changes its keys: Northwind takes the new card without a call; the old one is refused";
        let back = partners::add(north, &old, None, Checked::Words, self.now);
        expect_refusal(back.map(drop), Class::Refused, said)
    }

    fn paper(&mut self) -> Result<String, String> {
        let lock = Secret::new(b"another horse".to_vec());
        let held = Held::unlock(&self.firm(1)?.home, &Known).map_err(oops)?;
        let printed = copies::to_paper(&held, &lock, WORK).map_err(oops)?;
        let typed = if self.spoiled("paper") { mistyped(&printed.lines) } else { printed.lines.join("\n") };
        let bytes = typed::read_lines(&typed).map_err(oops)?;
        let plain = crypto::open_locked(&lock, &bytes, "the paper", 64 << 10).map_err(oops)?;
        let held = Held::of_paper(&Paper::read(&plain).map_err(oops)?, None, self.now).map_err(oops)?;
        let home = Home::at(self.folder.join("acme-new-laptop"));
        restore::install(&home, &held, &Secret::new(PASSPHRASE.to_vec()), WORK).map_err(oops)?;
        self.firms.push(Firm { home });
        let (Some(last), by) = (self.firms.len().checked_sub(1), self.trust(1)?) else { return Err(String::new()) };
        let mut identities = Identities::new(Arc::new(Known));
        keys::add_identities(&self.firm(last)?.home, &mut identities).map_err(oops)?;
        let reader = Reader { trust: &by, identities: &identities, key_files: &[], compartment: None, now: self.now };
        let trusted = receive::trusted(self.source(&self.bundle).map_err(oops)?, &by, self.now).map_err(oops)?;
        receive::reveal(trusted, &reader).map_err(oops)?;
        let lines = printed.lines.len();
        Ok(format!("Acme's laptop is gone: {lines} lines typed from paper, and the keys are back"))
    }

    fn ledger(&mut self) -> Result<String, String> {
        let ledger = Ledger::open(&self.firm(0)?.home);
        let whole = ledger.verify().map_err(oops)?;
        let file = ledger_file(&self.firm(0)?.home).ok_or("there is no ledger")?;
        let text = fs::read_to_string(&file).map_err(oops)?;
        let edited = if self.spoiled("ledger") { text.clone() } else { text.replacen("acme-0001", "acme-0009", 1) };
        fs::write(&file, edited).map_err(oops)?;
        let seen = ledger.verify();
        fs::write(&file, text).map_err(oops)?;
        let said = format!("{} entries in order; one edited by hand: caught, as it should be", whole.entries);
        expect_refusal(seen, Class::Record, &said)
    }
}

/// Two characters of the second line change places.
fn mistyped(lines: &[String]) -> String {
    let mut lines = lines.to_vec();
    if let Some(line) = lines.get_mut(1) {
        let mut letters: Vec<char> = line.chars().collect();
        if let Some(at) =
            (4..letters.len()).find(|i| letters[*i] != letters[i - 1] && !letters[i - 1..=*i].contains(&' '))
        {
            letters.swap(at, at - 1);
        }
        *line = letters.into_iter().collect();
    }
    lines.join("\n")
}

fn ledger_file(home: &Home) -> Option<PathBuf> {
    let entries = fs::read_dir(home.path().join("ledger")).ok()?;
    entries.flatten().map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "jsonl"))
}

fn write_project(folder: &Path) -> std::io::Result<()> {
    for (path, exec, bytes) in PROJECT {
        let at = folder.join(path);
        fs::create_dir_all(at.parent().unwrap_or(folder))?;
        fs::write(&at, bytes)?;
        #[cfg(unix)]
        if *exec {
            fs::set_permissions(&at, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        }
        #[cfg(not(unix))]
        let _ = exec;
    }
    Ok(())
}
