//! The only place that sees the environment, the clock and whether there is a terminal. Commands and the library get
//! what they need from here as values.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use consign::class::Class;
use consign::crypto::{self, Fingerprint, Identities, PassphraseSource, Plugins, Secret, Signer, SigningKey};
use consign::exchange::plugins::Runner;
use consign::exchange::signers::{Signers, Which};
use consign::exchange::{self, Config, Home, keys};
use consign::files::{self, Source};
use consign::format::time::Time;
use etcetera::BaseStrategy;

use crate::attendant::{Person, Ran};
use crate::cli::Cli;
use crate::fault::Failure;
use crate::keyring::Keyring;
use crate::passphrase::{From, Given, Passphrases};
use crate::progress::{Bar, Stop};
use crate::waiting::Patience;

/// The largest identity file that is read, in bytes.
const KEY_MAX: u64 = 64 << 10;

/// How many may sign a bundle (FORMAT §2.1).
const SIGNERS_MAX: usize = 8;

/// How a command speaks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Voice {
    /// One JSON object instead of text.
    pub(crate) json: bool,
    /// No progress, notes or hints.
    pub(crate) quiet: bool,
    /// Causes of errors, too.
    pub(crate) verbose: bool,
    /// Standard output is a terminal.
    pub(crate) stdout_is_terminal: bool,
    /// Standard error is a terminal.
    pub(crate) stderr_is_terminal: bool,
    /// Standard output carries data, so reports go to standard error.
    pub(crate) stdout_is_data: bool,
}

/// The world as one run sees it.
pub(crate) struct World {
    /// The folder of keys, partners and ledger.
    pub(crate) home: Home,
    /// Now.
    pub(crate) now: Time,
    /// `SOURCE_DATE_EPOCH`: the latest time that a packed file is given, in seconds since 1970.
    pub(crate) latest: Option<u64>,
    /// How to speak.
    pub(crate) voice: Voice,
    /// Where work says how far it is, and learns that it should stop.
    pub(crate) progress: Bar,
    /// Where passphrases come from.
    passphrases: Arc<Passphrases>,
    /// Which age plugins were run.
    pub(crate) ran: Arc<Ran>,
    keys: Keys,
    /// Remarks that belong to no report of their own.
    notes: Mutex<Vec<String>>,
    /// The socket of the ssh-agent.
    agent: Option<PathBuf>,
}

/// Which keys open bundles in this run.
enum Keys {
    /// `-i`.
    Files(Vec<PathBuf>),
    /// `CONSIGN_IDENTITY_DATA`.
    Data(OsString),
    /// The home's own.
    Own,
}

/// The arguments of the process.
pub(crate) fn arguments() -> Vec<OsString> {
    env::args_os().collect()
}

/// Whether a panic should print its backtrace.
pub(crate) fn wants_backtrace() -> bool {
    variable("RUST_BACKTRACE").is_some_and(|v| v != "0")
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether help may be coloured.
pub(crate) fn colour() -> bool {
    let off = variable("NO_COLOR").is_some() || variable("CLICOLOR").is_some_and(|v| v == "0");
    let on = variable("CLICOLOR_FORCE").is_some_and(|v| v != "0");
    let able = io::stdout().is_terminal() && variable("TERM").is_some_and(|v| v != "dumb");
    !off && (on || able)
}

/// Where ssh-agent should listen.
pub(crate) fn agent_socket() -> Option<PathBuf> {
    variable("SSH_AUTH_SOCK").map(PathBuf::from)
}

/// How to speak before the arguments are understood.
pub(crate) fn voice(arguments: &[OsString]) -> Voice {
    let flags = arguments.iter().skip(1).take_while(|a| *a != "--");
    Voice {
        json: flags.clone().any(|a| a == "--json"),
        stdout_is_terminal: io::stdout().is_terminal(),
        stderr_is_terminal: io::stderr().is_terminal(),
        ..Voice::default()
    }
}

impl World {
    /// Looks around once.
    ///
    /// # Errors
    /// When there is no folder for the home, or a variable that can't be read.
    pub(crate) fn new(cli: &Cli, stop: Stop) -> Result<World, Failure> {
        let global = &cli.global;
        let voice = Voice {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            stdout_is_data: cli.verb.stdout_is_data(),
        };
        let draws = voice.stderr_is_terminal && !voice.quiet && !voice.json;
        let ask = !global.no_input && variable("CONSIGN_NO_INPUT").is_none();
        let home = Home::at(home()?);
        let keyring = Keyring::new(variable("CONSIGN_NO_KEYRING").is_none() && cli.verb.may_use_keyring());
        Ok(World {
            home: home.clone(),
            now: now(),
            latest: latest()?,
            voice,
            progress: Bar::new(draws, stop),
            passphrases: Arc::new(Passphrases::new(given(), ask, voice, home, keyring)),
            ran: Arc::default(),
            keys: keys_of(cli)?,
            notes: Mutex::default(),
            agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
        })
    }

    /// Remarks on something, beside whatever the command reports.
    pub(crate) fn note(&self, text: String) {
        if let Ok(mut notes) = self.notes.lock() {
            notes.push(text);
        }
    }

    /// What was remarked so far.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().map(|mut notes| std::mem::take(&mut *notes)).unwrap_or_default()
    }

    /// Whether a person can be asked something.
    pub(crate) fn can_ask(&self) -> bool {
        self.passphrases.can_ask()
    }

    /// Where passphrases come from.
    pub(crate) fn passphrases(&self) -> Arc<dyn PassphraseSource> {
        Arc::clone(&self.passphrases) as Arc<dyn PassphraseSource>
    }

    /// What is locked, if its passphrase was needed and nobody could be asked for it; and why the keyring did not help.
    pub(crate) fn locked(&self) -> Option<(String, Option<String>)> {
        self.passphrases.lacked()
    }

    /// All the ways to a passphrase.
    pub(crate) fn ways(&self) -> &Passphrases {
        &self.passphrases
    }

    /// Where the passphrase of a copy of the keys comes from: `file`, else where all come from.
    pub(crate) fn copy_passphrases(&self, file: Option<&Path>) -> Arc<Passphrases> {
        let Some(file) = file else { return Arc::clone(&self.passphrases) };
        let given = Given::new("--copy-passphrase-file", From::File(file.to_owned()));
        Arc::new(Passphrases::new(Some(given), false, self.voice, self.home.clone(), Keyring::new(false)))
    }

    /// The keys that open bundles: `-i`, else `CONSIGN_IDENTITY`, else `CONSIGN_IDENTITY_DATA`, else the home's own.
    /// Files are read once, as streams, so call this once.
    ///
    /// # Errors
    /// A file that can't be read, or is no key.
    pub(crate) fn identities(&self) -> Result<Identities, Failure> {
        let mut identities = Identities::new(self.passphrases()).with_plugins(self.plugins()?);
        match &self.keys {
            Keys::Files(files) => {
                for file in files {
                    self.note_if_open(file, "600");
                    let bytes = self.read_secret(file, KEY_MAX)?;
                    identities.add(&bytes, &file.display().to_string()).map_err(|e| Failure::from(e).at(file))?;
                }
            }
            Keys::Data(text) => {
                identities.add(&Secret::new(text.as_encoded_bytes().to_vec()), "CONSIGN_IDENTITY_DATA")?;
            }
            Keys::Own => {
                self.note_if_open(&self.home.identity(), "600");
                self.note_if_open(self.home.path(), "700");
                keys::add_identities(&self.home, &mut identities)?;
            }
        }
        Ok(identities)
    }

    /// What runs age plugins: those that the home's configuration names.
    ///
    /// # Errors
    /// A configuration with a mistake in it.
    pub(crate) fn plugins(&self) -> Result<Arc<dyn Plugins>, Failure> {
        let person = Person {
            passphrases: Arc::clone(&self.passphrases),
            stop: self.progress.stop(),
            ran: Arc::clone(&self.ran),
            voice: self.voice,
        };
        Ok(Arc::new(Runner::new(Config::of(&self.home)?, self.folders(), Arc::new(person))))
    }

    /// The folders in which programs are looked for.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        variable("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
    }

    /// The home's own key, which signs its cards.
    ///
    /// # Errors
    /// A key that is not there, or can't be unlocked.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, Failure> {
        self.note_if_open(&self.home.signing(), "600");
        self.note_if_open(self.home.path(), "700");
        Ok(keys::signing_key(&self.home, &*self.passphrases)?)
    }

    /// What signs: the keys named, in their order, else the home's own.
    ///
    /// # Errors
    /// A key that is not there, or can't be unlocked; one that is named twice; more than eight.
    pub(crate) fn signers(&self, named: &[OsString]) -> Result<Vec<Box<dyn Signer>>, Failure> {
        let signers = Signers {
            home: &self.home,
            passphrases: &*self.passphrases,
            agent: self.agent.as_deref(),
            can_ask: self.can_ask(),
            waiting: Arc::new(Patience::new(self.progress.stop(), self.voice.quiet)),
        };
        if named.is_empty() {
            self.note_if_open(&self.home.signing(), "600");
            self.note_if_open(self.home.path(), "700");
            return Ok(vec![signers.find(&Which::Own)?]);
        }
        if named.len() > SIGNERS_MAX {
            return Err(Failure::usage("a bundle has at most 8 signers"));
        }
        let mut found: Vec<Box<dyn Signer>> = Vec::new();
        for text in named {
            let which = Which::parse(text);
            if let Which::File(file) = &which
                && file.extension().is_none_or(|ending| ending != "pub")
            {
                self.note_if_open(file, "600");
            }
            let signer = signers.find(&which).map_err(|e| not_found(e, which))?;
            if found.iter().any(|other| other.public() == signer.public()) {
                let text = text.display();
                return Err(Failure::usage(format!("{text} is the same key as another --sign-with")));
            }
            found.push(signer);
        }
        Ok(found)
    }

    /// Notes that others can get at what is for its owner only. It is used all the same: whoever wanted to has read it by
    /// now, and where keys are mounted, as in containers, their modes can't be changed.
    fn note_if_open(&self, path: &Path, mode: &str) {
        if !files::is_open_to_others(path) {
            return;
        }
        let text = format!("{0} is open to others on this machine: chmod {mode} {0}", path.display());
        if self.notes.lock().is_ok_and(|notes| !notes.contains(&text)) {
            self.note(text);
        }
    }

    /// The fingerprint of the home's signing key, for its ledger.
    ///
    /// # Errors
    /// A card that can't be read.
    pub(crate) fn signer(&self) -> Result<Option<Fingerprint>, Failure> {
        Ok(keys::own_public(&self.home)?.map(|key| key.fingerprint()))
    }

    /// How many threads may work.
    pub(crate) fn workers(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Reads a small file whole, once; `-` is standard input.
    ///
    /// # Errors
    /// What the system says; a file larger than `limit` bytes.
    pub(crate) fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
        if path.as_os_str() != "-" {
            return Ok(files::read_small(path, limit)?);
        }
        let mut bytes = Vec::new();
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(|e| stdin_failed(&e))?;
        if bytes.len() as u64 > limit {
            return Err(Failure::new("io", Class::Failed, format!("standard input has more than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// As [`World::read`], for secrets.
    ///
    /// # Errors
    /// What the system says; a file larger than `limit` bytes.
    pub(crate) fn read_secret(&self, path: &Path, limit: u64) -> Result<Secret, Failure> {
        if path.as_os_str() != "-" {
            return Ok(Secret::new(files::read_secret(path, limit)?));
        }
        let large = || Failure::new("io", Class::Failed, format!("standard input has more than {limit} bytes"));
        let bytes = files::read_stream(io::stdin().lock(), limit).map_err(|e| stdin_failed(&e))?;
        bytes.map(Secret::new).ok_or_else(large)
    }

    /// Opens a bundle; `-` is standard input, which is kept in a nameless temporary file.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(&self, path: &Path) -> Result<Source, Failure> {
        self.open_in(path, &env::temp_dir())
    }

    /// Opens a bundle; standard input is kept in a nameless file in `folder`.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open_in(&self, path: &Path, folder: &Path) -> Result<Source, Failure> {
        if path.as_os_str() != "-" {
            return Ok(Source::open(path, &self.progress)?);
        }
        if io::stdin().is_terminal() {
            return Err(Failure::usage("a bundle should come on standard input, but that is a terminal"));
        }
        Ok(Source::spool(io::stdin().lock(), Path::new("standard input"), folder, &self.progress)?)
    }
}

/// Why a key that was named can't sign.
fn not_found(error: exchange::Error, which: Which) -> Failure {
    let held = match &error {
        exchange::Error::Crypto(crypto::Error::NotInAgent { has, .. }) => has.clone(),
        _ => Vec::new(),
    };
    let failure = held.iter().fold(Failure::from(error), |failure, key| failure.fact("it holds", key));
    match which {
        Which::File(path) => failure.at(path),
        _ => failure,
    }
}

fn stdin_failed(error: &io::Error) -> Failure {
    Failure::new("io", Class::Failed, format!("can't read standard input: {error}"))
}

fn keys_of(cli: &Cli) -> Result<Keys, Failure> {
    let files = cli.verb.identities();
    let dashes = files.iter().filter(|f| f.as_os_str() == "-").count();
    if dashes > 1 || (dashes == 1 && cli.verb.stdin_is_data()) {
        return Err(Failure::usage("standard input can be read for one thing only; `-` was given for two"));
    }
    Ok(if !files.is_empty() {
        Keys::Files(files.to_vec())
    } else if let Some(file) = variable("CONSIGN_IDENTITY") {
        Keys::Files(vec![file.into()])
    } else if let Some(text) = variable("CONSIGN_IDENTITY_DATA") {
        Keys::Data(text)
    } else {
        Keys::Own
    })
}

/// The passphrase that the caller gives for this run: the first that is set.
fn given() -> Option<Given> {
    let file = variable("CONSIGN_PASSPHRASE_FILE").map(|v| ("CONSIGN_PASSPHRASE_FILE", From::File(v.into())));
    let fd = || variable("CONSIGN_PASSPHRASE_FD").map(|v| ("CONSIGN_PASSPHRASE_FD", From::Descriptor(v)));
    let command = || variable("CONSIGN_PASSPHRASE_COMMAND").map(|v| ("CONSIGN_PASSPHRASE_COMMAND", From::Command(v)));
    file.or_else(fd).or_else(command).map(|(said_by, from)| Given::new(said_by, from))
}

fn home() -> Result<PathBuf, Failure> {
    if let Some(home) = variable("CONSIGN_HOME") {
        return Ok(home.into());
    }
    let none = |_| Failure::new("no-home", Class::Failed, "this user has no home folder");
    Ok(etcetera::base_strategy::Xdg::new().map_err(none)?.config_dir().join("consign"))
}

fn latest() -> Result<Option<u64>, Failure> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.to_str().and_then(|t| t.parse().ok());
    seconds.map(Some).ok_or_else(|| Failure::usage("SOURCE_DATE_EPOCH is not a number of seconds since 1970"))
}

fn now() -> Time {
    let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    };
    Time::from_unix(seconds)
}
