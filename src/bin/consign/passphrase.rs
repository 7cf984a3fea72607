//! Passphrases: from a file, a descriptor or a command; else from the keyring of this system; else from the person at
//! the terminal. Each is fetched once per run, kept in memory that is wiped, and never stands in an argument or a
//! variable.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use consign::class::Class;
use consign::crypto::{self, PassphraseSource, Secret};
use consign::exchange::keys::OWN_KEY;
use consign::exchange::{Home, unlock};
use consign::files;

use crate::fault::Failure;
use crate::keyring::{Keyring, NAME, Silence};
use crate::output::{whisper, wrapped};
use crate::prompt;
use crate::world::Voice;

/// The longest passphrase that is read, in bytes.
pub(crate) const MAX: u64 = 64 << 10;
/// How often a person may mistype.
const TRIES: usize = 3;

/// All the ways to a passphrase.
pub(crate) struct Passphrases {
    given: Option<Given>,
    ask: bool,
    voice: Voice,
    home: Home,
    keyring: Keyring,
    found: Mutex<Found>,
}

/// What this run found so far.
#[derive(Default)]
struct Found {
    /// Passphrases, by what they open.
    kept: HashMap<String, (Secret, Link)>,
    /// How often a person was asked again.
    again: HashMap<String, usize>,
    /// What is locked and stays so, since nobody could be asked.
    lacked: Option<String>,
    /// The keyring was asked.
    keyring_was_asked: bool,
    /// Why it did not help.
    keyring_said: Option<String>,
}

/// Where a passphrase came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Given,
    Keyring,
    Person,
}

/// A passphrase that the caller gives.
pub(crate) struct Given {
    /// The variable or option that says where it is.
    said_by: &'static str,
    from: From,
}

/// Where a given passphrase is.
pub(crate) enum From {
    /// In a file.
    File(PathBuf),
    /// Behind a descriptor.
    Descriptor(OsString),
    /// A command prints it.
    Command(OsString),
}

impl Passphrases {
    /// `given` answers for everything; without it the keyring answers for the home's own keys, and a person, with `ask`,
    /// for all.
    pub(crate) fn new(given: Option<Given>, ask: bool, voice: Voice, home: Home, keyring: Keyring) -> Passphrases {
        Passphrases { given, ask, voice, home, keyring, found: Mutex::default() }
    }

    /// Whether a person can be asked something.
    pub(crate) fn can_ask(&self) -> bool {
        self.ask && prompt::has_terminal()
    }

    /// Whether the caller gave the passphrase.
    pub(crate) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// The keyring.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What is locked, if its passphrase was needed and nobody could be asked for it; and why the keyring did not help.
    pub(crate) fn lacked(&self) -> Option<(String, Option<String>)> {
        let found = self.found();
        found.lacked.clone().map(|what| (what, found.keyring_said.clone()))
    }

    /// The passphrase for a key that is about to be made; a person types it twice.
    ///
    /// # Errors
    /// When there is none to be had, or it can't be one.
    pub(crate) fn for_a_new_key(&self) -> Result<Secret, Failure> {
        match &self.given {
            Some(given) => given.for_a_key(),
            None => self.typed_twice("your new key"),
        }
    }

    /// The passphrase for a copy of the keys; a person types it twice.
    ///
    /// # Errors
    /// As [`Passphrases::for_a_new_key`].
    pub(crate) fn for_a_copy(&self) -> Result<Secret, Failure> {
        match &self.given {
            Some(given) => given.for_a_key(),
            None => self.typed_twice("the copy"),
        }
    }

    /// A new passphrase, which a person types twice.
    ///
    /// # Errors
    /// When nobody can be asked, or the two differ.
    pub(crate) fn typed_twice(&self, what: &str) -> Result<Secret, Failure> {
        if !self.can_ask() {
            let message = format!("a new passphrase for {what} is needed, and there is no terminal to ask for one");
            return Err(Failure::new("needs-passphrase", Class::NeedsAPerson, message));
        }
        for _ in 0..TRIES {
            let first = hidden(&format!("new passphrase for {what}: "))?;
            fit_for_a_key(&first, "the passphrase")?;
            if first.expose() == hidden("the same again: ")?.expose() {
                return Ok(first);
            }
            whisper("they differ; once more\n");
        }
        Err(Failure::usage("the two passphrases differ"))
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, what: &str, found: &mut Found) -> crypto::Result<(Secret, Link)> {
        if let Some(given) = &self.given {
            return given.read().map(|secret| (secret, Link::Given));
        }
        if what == OWN_KEY && !std::mem::replace(&mut found.keyring_was_asked, true) {
            match self.unlocked_by_keyring() {
                Ok(Some(secret)) => return Ok((secret, Link::Keyring)),
                Ok(None) => {}
                Err(why) => self.without_keyring(found, why),
            }
        }
        if !self.can_ask() {
            found.lacked = Some(what.to_owned());
            return Err(crypto::Error::NeedsPassphrase { what: "key" });
        }
        hidden(&format!("passphrase for {}: ", files::printable(what))).map(|secret| (secret, Link::Person))
    }

    /// What the keyring unlocks, if this home has something for it to unlock; else it is not even asked.
    fn unlocked_by_keyring(&self) -> Result<Option<Secret>, String> {
        let damaged = |e: &dyn std::fmt::Display| format!("{} is of no use: {e}", unlock::UNLOCK);
        if !unlock::is_there(&self.home).map_err(|e| damaged(&e))? {
            return Ok(None);
        }
        let Some(name) = unlock::name(&self.home).map_err(|e| damaged(&e))? else { return Ok(None) };
        let secret = match self.keyring.get(&name) {
            Ok(secret) => secret,
            Err(Silence::Off | Silence::NotBuilt) => return Ok(None),
            Err(silence) => {
                let cause = silence.cause().filter(|_| self.voice.verbose);
                return Err(cause.map_or_else(|| silence.to_string(), |cause| format!("{silence} ({cause})")));
            }
        };
        unlock::open(&self.home, &secret).map_err(|e| match e {
            consign::exchange::Error::Crypto(crypto::Error::WrongPassphrase { .. }) => {
                format!("what the keyring holds does not open {}", unlock::UNLOCK)
            }
            other => damaged(&other),
        })
    }

    /// Goes on to the next link, and says why.
    fn without_keyring(&self, found: &mut Found, why: String) {
        if !self.voice.quiet {
            whisper(&wrapped("note: ", &files::printable(&why).to_string(), 6));
        }
        found.keyring_said = Some(why);
    }

    fn slot<'a>(&self, what: &'a str) -> &'a str {
        // One given passphrase answers for everything; a person is asked once for each key.
        if self.given.is_some() { OWN_KEY } else { what }
    }
}

impl PassphraseSource for Passphrases {
    fn passphrase(&self, what: &str) -> crypto::Result<Secret> {
        let slot = self.slot(what);
        let mut found = self.found();
        let (secret, link) = match found.kept.remove(slot) {
            Some(kept) => kept,
            None => self.fetch(what, &mut found)?,
        };
        let copy = Secret::new(secret.expose().to_vec());
        found.kept.insert(slot.to_owned(), (secret, link));
        Ok(copy)
    }

    fn refused(&self, what: &str) -> bool {
        let mut found = self.found();
        let link = found.kept.remove(self.slot(what)).map(|(_, link)| link);
        match link {
            Some(Link::Keyring) => {
                self.without_keyring(&mut found, format!("the passphrase that {NAME} unlocks does not open {what}"));
                true
            }
            Some(Link::Person) => {
                let again = found.again.entry(what.to_owned()).or_default();
                *again += 1;
                let once_more = *again < TRIES;
                if once_more {
                    whisper("that is not the passphrase; once more\n");
                }
                once_more
            }
            _ => false,
        }
    }
}

impl Given {
    /// A passphrase that `said_by`, a variable or an option, points at.
    pub(crate) fn new(said_by: &'static str, from: From) -> Given {
        Given { said_by, from }
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it can't be read, is empty, or is no text in UTF-8 by the look of it.
    pub(crate) fn read(&self) -> crypto::Result<Secret> {
        let bytes = match &self.from {
            From::File(path) => file(path),
            From::Descriptor(number) => descriptor(number),
            From::Command(line) => output(line),
        };
        let failed = |why: &str| crypto::Error::System(format!("{}: {why}", self.said_by));
        let text = trimmed(bytes.map_err(|why| failed(&why))?);
        if text.expose().starts_with(&[0xff, 0xfe]) || text.expose().starts_with(&[0xfe, 0xff]) {
            return Err(failed("it is UTF-16, as `>` of PowerShell writes it; UTF-8 is needed"));
        }
        if text.expose().is_empty() { Err(failed("the passphrase is empty")) } else { Ok(text) }
    }

    /// Reads one that should lock a key.
    ///
    /// # Errors
    /// Those of [`Given::read`]; when it could not be typed again.
    pub(crate) fn for_a_key(&self) -> Result<Secret, Failure> {
        let secret = self.read()?;
        fit_for_a_key(&secret, self.said_by)?;
        Ok(secret)
    }
}

/// Refuses what could not be given again, on a terminal or to the tools that read the same files. Everything else is
/// taken as it is: spaces, any script, and no form of Unicode is made into another.
fn fit_for_a_key(secret: &Secret, what: &str) -> Result<(), Failure> {
    let no = |why: &str| Err(Failure::usage(format!("{what}: {why}")));
    match secret.text() {
        Err(_) => no("it is not UTF-8 text, which age wants"),
        Ok("") => no("the passphrase is empty"),
        Ok(text) if text.contains(['\0', '\n', '\r']) => {
            no("it has a NUL or a line break in it, which nobody can type")
        }
        Ok(_) => Ok(()),
    }
}

/// A passphrase without the byte-order mark that Windows puts before a text, and without the one line end that `echo`
/// and editors put after it.
fn trimmed(bytes: Secret) -> Secret {
    let text = bytes.expose();
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let text = text.strip_suffix(b"\n").map_or(text, |line| line.strip_suffix(b"\r").unwrap_or(line));
    Secret::new(text.to_vec())
}

fn file(path: &Path) -> Result<Secret, String> {
    files::read_secret(path, MAX).map(Secret::new).map_err(|e| e.to_string())
}

fn descriptor(number: &OsString) -> Result<Secret, String> {
    let number: u32 = number.to_str().and_then(|n| n.parse().ok()).ok_or("it is not a number")?;
    file(Path::new(&format!("/dev/fd/{number}")))
}

fn output(line: &OsString) -> Result<Secret, String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = files::child(shell);
    command.arg(flag).arg(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|e| format!("can't run it: {}", e.kind()))?;
    let out = child.stdout.take().ok_or("it has no output")?;
    let read = files::read_stream(out, MAX).map(|bytes| bytes.map(Secret::new));
    if matches!(read, Ok(None)) {
        // It would go on for ever; if it can't be killed it ends when its pipe is closed.
        let _unused = child.kill();
        let _unused = child.wait();
        return Err(format!("the command printed more than {MAX} bytes"));
    }
    let status = child.wait().map_err(|e| format!("can't wait for it: {}", e.kind()))?;
    match read {
        Ok(Some(secret)) if status.success() => Ok(secret),
        _ => Err(format!("the command failed ({status})")),
    }
}

fn hidden(question: &str) -> crypto::Result<Secret> {
    prompt::hidden(question).map_err(|e| crypto::Error::System(format!("no passphrase was given: {}", e.kind())))
}
