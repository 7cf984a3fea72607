//! Passphrases: from a file, a descriptor or a command, else from the person at the terminal. Each is fetched once
//! per run, kept in memory that is wiped, and never stands in an argument or a variable.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use consign::crypto::{self, PassphraseSource, Secret};
use consign::exchange::keys::OWN_KEY;
use consign::files;

use crate::fault::Failure;
use crate::output::whisper;
use crate::prompt;

/// The longest passphrase that is read, in bytes.
const MAX: u64 = 64 << 10;
/// How often a person may mistype the second of two.
const TRIES: usize = 3;

/// All the ways to a passphrase.
pub(crate) struct Passphrases {
    given: Option<Given>,
    ask: bool,
    kept: Mutex<HashMap<String, Secret>>,
    lacked: Mutex<Option<String>>,
}

/// The one passphrase that the caller gives for this run.
enum Given {
    File(PathBuf),
    Descriptor(OsString),
    Command(OsString),
}

impl Passphrases {
    /// The first of `file`, `descriptor` and `command` that is set gives the passphrase; else, with `ask`, a person.
    pub(crate) fn new(
        file: Option<PathBuf>,
        descriptor: Option<OsString>,
        command: Option<OsString>,
        ask: bool,
    ) -> Passphrases {
        let given = file.map(Given::File).or(descriptor.map(Given::Descriptor)).or(command.map(Given::Command));
        Passphrases { given, ask, kept: Mutex::default(), lacked: Mutex::default() }
    }

    /// Whether a person can be asked something.
    pub(crate) fn can_ask(&self) -> bool {
        self.ask && prompt::has_terminal()
    }

    /// What is locked, if its passphrase was needed and nobody could be asked for it.
    pub(crate) fn lacked(&self) -> Option<String> {
        self.lacked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The passphrase for a key that is about to be made; a person types it twice.
    ///
    /// # Errors
    /// When there is none to be had, or the two differ.
    pub(crate) fn for_a_new_key(&self) -> Result<Secret, Failure> {
        if let Some(given) = &self.given {
            return Ok(given.read()?);
        }
        if !self.can_ask() {
            let message = "a new key needs a passphrase, and there is no terminal to ask for one";
            return Err(Failure::new("needs-passphrase", consign::class::Class::NeedsAPerson, message));
        }
        for _ in 0..TRIES {
            let first = hidden("passphrase for your new key: ")?;
            if first.expose().is_empty() {
                return Err(Failure::usage("the passphrase is empty"));
            }
            if first.expose() == hidden("the same again: ")?.expose() {
                return Ok(first);
            }
            whisper("they differ; once more\n");
        }
        Err(Failure::usage("the two passphrases differ"))
    }

    fn fetch(&self, what: &str) -> crypto::Result<Secret> {
        if let Some(given) = &self.given {
            return given.read();
        }
        if !self.can_ask() {
            *self.lacked.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(what.to_owned());
            return Err(crypto::Error::NeedsPassphrase { what: "key" });
        }
        hidden(&format!("passphrase for {}: ", files::printable(what)))
    }
}

impl PassphraseSource for Passphrases {
    fn passphrase(&self, what: &str) -> crypto::Result<Secret> {
        // One given passphrase answers for everything; a person is asked once for each key.
        let slot = if self.given.is_some() { OWN_KEY } else { what };
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let secret = match kept.remove(slot) {
            Some(secret) => secret,
            None => self.fetch(what)?,
        };
        let copy = Secret::new(secret.expose().to_vec());
        kept.insert(slot.to_owned(), secret);
        Ok(copy)
    }
}

impl Given {
    fn read(&self) -> crypto::Result<Secret> {
        let (from, mut bytes) = match self {
            Given::File(path) => ("CONSIGN_PASSPHRASE_FILE", file(path)),
            Given::Descriptor(number) => ("CONSIGN_PASSPHRASE_FD", descriptor(number)),
            Given::Command(line) => ("CONSIGN_PASSPHRASE_COMMAND", output(line)),
        };
        if let Ok(bytes) = &mut bytes {
            // One line end is not part of it: `echo` and editors put it there.
            bytes.pop_if(|b| *b == b'\n');
            bytes.pop_if(|b| *b == b'\r');
        }
        match bytes {
            Ok(bytes) if bytes.is_empty() => Err(crypto::Error::System(format!("{from}: the passphrase is empty"))),
            Ok(bytes) => Ok(Secret::new(bytes)),
            Err(why) => Err(crypto::Error::System(format!("{from}: {why}"))),
        }
    }
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    files::read_small(path, MAX).map_err(|e| e.to_string())
}

fn descriptor(number: &OsString) -> Result<Vec<u8>, String> {
    let number: u32 = number.to_str().and_then(|n| n.parse().ok()).ok_or("it is not a number")?;
    file(Path::new(&format!("/dev/fd/{number}")))
}

fn output(line: &OsString) -> Result<Vec<u8>, String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(flag).arg(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|e| format!("can't run it: {}", e.kind()))?;
    let mut bytes = Vec::new();
    let read = child.stdout.take().map(|out| out.take(MAX + 1).read_to_end(&mut bytes));
    if bytes.len() as u64 > MAX {
        // It would go on for ever; if it can't be killed it ends when its pipe is closed.
        let _unused = child.kill();
        let _unused = child.wait();
        drop(Secret::new(bytes));
        return Err(format!("the command printed more than {MAX} bytes"));
    }
    let status = child.wait().map_err(|e| format!("can't wait for it: {}", e.kind()))?;
    if !status.success() || !matches!(read, Some(Ok(_))) {
        drop(Secret::new(bytes));
        return Err(format!("the command failed ({status})"));
    }
    Ok(bytes)
}

fn hidden(question: &str) -> crypto::Result<Secret> {
    prompt::hidden(question).map_err(|e| crypto::Error::System(format!("no passphrase was given: {}", e.kind())))
}
