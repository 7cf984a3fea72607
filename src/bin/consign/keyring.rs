//! The keyring of the operating system: the only door to `keyring`. It holds one random secret for each home (FORMAT
//! §8.3), never a key or a passphrase. A keyring may be absent, locked, or silent for ever; each call has three seconds,
//! and after one that had no answer there is no other in this run.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use consign::crypto::Secret;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the keyring of this system is called.
pub(crate) const NAME: &str = if cfg!(windows) {
    "the Credential Manager"
} else if cfg!(target_os = "macos") {
    "the Keychain"
} else {
    "the keyring of this desktop"
};

/// The keyring, there or not.
#[derive(Debug)]
pub(crate) struct Keyring {
    on: bool,
    silent: AtomicBool,
}

/// Why a keyring gave nothing.
#[cfg_attr(not(feature = "keyring"), expect(dead_code, reason = "then there is one reason only"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It is not to be asked.
    Off,
    /// This program was built without.
    NotBuilt,
    /// There is none; what the system said.
    Absent(String),
    /// It is locked, and nobody unlocked it; what it said.
    Locked(String),
    /// It did not answer in time.
    TimedOut,
    /// It holds nothing under that name.
    NoEntry,
    /// Anything else.
    Failed(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Off => f.write_str("the keyring is not to be asked"),
            Silence::NotBuilt => f.write_str("this consign was built without the keyring"),
            Silence::Absent(_) => f.write_str("there is no keyring here"),
            Silence::Locked(_) => f.write_str("the keyring is locked"),
            Silence::TimedOut => write!(f, "the keyring did not answer within {} s", PATIENCE.as_secs()),
            Silence::NoEntry => f.write_str("the keyring holds nothing for these keys"),
            Silence::Failed(why) => write!(f, "the keyring failed: {why}"),
        }
    }
}

impl Silence {
    /// What the system said, for `-v`.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Silence::Absent(why) | Silence::Locked(why) if !why.is_empty() => Some(why),
            _ => None,
        }
    }

    /// In one word, for JSON.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Silence::Off => "off",
            Silence::NotBuilt => "not-built",
            Silence::Absent(_) => "absent",
            Silence::Locked(_) => "locked",
            Silence::TimedOut => "timed-out",
            Silence::NoEntry => "no-entry",
            Silence::Failed(_) => "failed",
        }
    }
}

impl Keyring {
    /// The keyring of this system; with `on` false it is never asked.
    pub(crate) fn new(on: bool) -> Keyring {
        Keyring { on, silent: AtomicBool::new(false) }
    }

    /// The secret under `name`.
    ///
    /// # Errors
    /// Why there is none to be had.
    pub(crate) fn get(&self, name: &str) -> Result<Secret, Silence> {
        let name = name.to_owned();
        self.ask(move || service::get(&name))
    }

    /// Keeps a secret under `name`, replacing the one that is there, and reads it back: some services take a secret and
    /// have none later.
    ///
    /// # Errors
    /// Why it is not kept.
    pub(crate) fn put(&self, name: &str, secret: &Secret) -> Result<(), Silence> {
        let (name, secret) = (name.to_owned(), Secret::new(secret.expose().to_vec()));
        self.ask(move || {
            service::put(&name, &secret)?;
            match service::get(&name) {
                Ok(kept) if kept.expose() == secret.expose() => Ok(()),
                _ => Err(Silence::Failed("it did not keep what it was given".to_owned())),
            }
        })
    }

    /// Removes what is under `name`.
    ///
    /// # Errors
    /// Why it may still be there.
    pub(crate) fn forget(&self, name: &str) -> Result<(), Silence> {
        let name = name.to_owned();
        self.ask(move || service::forget(&name))
    }

    /// Calls from a thread of its own, which is left behind if it gets no answer.
    fn ask<T: Send + 'static>(&self, call: impl FnOnce() -> Result<T, Silence> + Send + 'static) -> Result<T, Silence> {
        if !cfg!(feature = "keyring") {
            return Err(Silence::NotBuilt);
        }
        if !self.on {
            return Err(Silence::Off);
        }
        if self.silent.load(Ordering::Relaxed) {
            return Err(Silence::TimedOut);
        }
        let (tell, hear) = mpsc::channel();
        let asking = thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            // Nobody may be listening any more.
            let _unused = tell.send(call());
        });
        asking.map_err(|e| Silence::Failed(format!("no thread to ask it: {}", e.kind())))?;
        hear.recv_timeout(PATIENCE).unwrap_or_else(|e| match e {
            RecvTimeoutError::Timeout => {
                self.silent.store(true, Ordering::Relaxed);
                Err(Silence::TimedOut)
            }
            RecvTimeoutError::Disconnected => Err(Silence::Failed("its library stopped".to_owned())),
        })
    }
}

#[cfg(feature = "keyring")]
mod service {
    use consign::crypto::Secret;
    use keyring::{Entry, Error};

    use super::Silence;

    /// The program, as keyrings show it.
    const PROGRAM: &str = "consign";

    pub(super) fn get(name: &str) -> Result<Secret, Silence> {
        entry(name)?.get_secret().map(Secret::new).map_err(silence)
    }

    pub(super) fn put(name: &str, secret: &Secret) -> Result<(), Silence> {
        entry(name)?.set_secret(secret.expose()).map_err(silence)
    }

    pub(super) fn forget(name: &str) -> Result<(), Silence> {
        entry(name)?.delete_credential().map_err(silence)
    }

    fn entry(name: &str) -> Result<Entry, Silence> {
        // Only the status has the cause.
        if let Err(e) = Entry::store_status() {
            return Err(Silence::Absent(e.to_string()));
        }
        Entry::new(PROGRAM, name).map_err(silence)
    }

    fn silence(error: Error) -> Silence {
        match error {
            Error::NoEntry => Silence::NoEntry,
            Error::NoDefaultStore => Silence::Absent(String::new()),
            Error::NoStorageAccess(why) => Silence::Locked(why.to_string()),
            // Its text would hold the bytes.
            Error::BadEncoding(_) | Error::BadDataFormat(..) => Silence::Failed("it holds something else".to_owned()),
            Error::Ambiguous(_) => {
                let why = "it holds several entries for these keys; remove them, then: consign key passphrase --keep";
                Silence::Failed(why.to_owned())
            }
            other => Silence::Failed(other.to_string()),
        }
    }
}

#[cfg(not(feature = "keyring"))]
mod service {
    use consign::crypto::Secret;

    use super::Silence;

    pub(super) fn get(_: &str) -> Result<Secret, Silence> {
        Err(Silence::NotBuilt)
    }

    pub(super) fn put(_: &str, _: &Secret) -> Result<(), Silence> {
        Err(Silence::NotBuilt)
    }

    pub(super) fn forget(_: &str) -> Result<(), Silence> {
        Err(Silence::NotBuilt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_keyring_that_never_answers_costs_three_seconds_once() {
        let keyring = Keyring::new(true);
        let begun = Instant::now();
        let for_ever = || -> Result<(), Silence> {
            loop {
                thread::park()
            }
        };
        assert_eq!(keyring.ask(for_ever), Err(Silence::TimedOut));
        assert!((2900..4500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        let begun = Instant::now();
        assert_eq!(keyring.ask(|| Ok(())), Err(Silence::TimedOut));
        assert!(begun.elapsed().as_millis() < 500);
    }

    #[test]
    fn a_keyring_that_is_off_is_not_asked_and_one_that_breaks_is_told() {
        assert_eq!(Keyring::new(false).ask(|| -> Result<(), Silence> { unreachable!() }), Err(Silence::Off));
        let _quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let broken = Keyring::new(true).ask(|| -> Result<(), Silence> { unreachable!() });
        assert_eq!(broken, Err(Silence::Failed("its library stopped".to_owned())));
    }
}
