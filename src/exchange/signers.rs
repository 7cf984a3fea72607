//! From what a person names to whatever signs: one's own key, a key file, a key in the ssh-agent, a security key, and
//! certificates of these. Which road a key takes follows from the key alone.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::keygen::Keygen;
use super::keys::{self, KEY_MAX};
use super::patience::{PATIENCE, TICK, Waiting};
use super::{Home, Result};
use crate::crypto::{
    self, Agent, Certificate, Channel, Fingerprint, PassphraseSource, PublicKey, Secret, Signer, SigningKey,
};
use crate::files;

/// Which key should sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The home's own.
    Own,
    /// A private key, or a public key or certificate whose private half the agent holds.
    File(PathBuf),
    /// A key in the agent.
    InAgent(Fingerprint),
}

impl Which {
    /// `own`, a fingerprint, or a file.
    #[must_use]
    pub fn parse(text: &OsStr) -> Which {
        match text.to_str() {
            Some("own") => Which::Own,
            Some(text) => match Fingerprint::try_from(text.to_owned()) {
                Ok(fingerprint) => Which::InAgent(fingerprint),
                Err(_) => Which::File(text.into()),
            },
            None => Which::File(text.into()),
        }
    }
}

/// All that is needed to find a signer.
pub struct Signers<'a> {
    /// Where one's own key is.
    pub home: &'a Home,
    /// Where passphrases come from.
    pub passphrases: &'a dyn PassphraseSource,
    /// The socket of the ssh-agent.
    pub agent: Option<&'a Path>,
    /// Whether another program may ask on the terminal.
    pub can_ask: bool,
    /// Who waits.
    pub waiting: Arc<dyn Waiting>,
}

impl Signers<'_> {
    /// Finds a signer, and unlocks it if it is a key file.
    ///
    /// # Errors
    /// A file that can't be read or is no key; a key that is nowhere; no agent; those of unlocking.
    pub fn find(&self, which: &Which) -> Result<Box<dyn Signer>> {
        match which {
            Which::Own => Ok(Box::new(keys::signing_key(self.home, self.passphrases)?)),
            Which::InAgent(fingerprint) => {
                let agent = self.agent()?;
                let held = agent.keys()?;
                match held.iter().find(|key| key.fingerprint() == *fingerprint) {
                    Some(key) => Ok(Box::new(agent.into_key(key.clone(), None))),
                    None => Err(not_in_agent(fingerprint, &held).into()),
                }
            }
            Which::File(path) => self.in_file(path),
        }
    }

    /// The file is read once, as a stream.
    fn in_file(&self, path: &Path) -> Result<Box<dyn Signer>> {
        let bytes = Secret::new(files::read_small(path, KEY_MAX)?);
        let public = bytes.text().ok().filter(|text| ["ssh-", "ecdsa-", "sk-"].iter().any(|is| text.starts_with(is)));
        match public {
            Some(text) if Certificate::is_line(text) => self.by_certificate(path, Certificate::from_line(text)?),
            Some(text) => {
                let key: PublicKey = text.parse()?;
                Ok(Box::new(self.holding(&key)?.into_key(key, None)))
            }
            None => self.private(path, &bytes, None),
        }
    }

    /// A private key in a file, or a device that the file leads to. `ssh-keygen` reads that file itself.
    fn private(&self, path: &Path, bytes: &Secret, certified: Option<(&Path, Certificate)>) -> Result<Box<dyn Signer>> {
        let name = path.display().to_string();
        match SigningKey::read(bytes, &name, self.passphrases) {
            Ok(key) => Ok(match certified {
                Some((_, certificate)) => Box::new(key.certified(certificate)?),
                None => Box::new(key),
            }),
            Err(e @ crypto::Error::SecurityKey { .. }) => {
                let key = PublicKey::in_private(bytes).ok_or(e)?;
                let (file, certificate) = match certified {
                    Some((file, certificate)) => (file, Some(certificate)),
                    None => (path, None),
                };
                let (file, can_ask, waiting) = (file.to_owned(), self.can_ask, Arc::clone(&self.waiting));
                Ok(Box::new(Keygen { file, key, certificate, can_ask, waiting }))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// The agent if it holds the key; else the private key beside the certificate, as `ssh-keygen` looks for it.
    fn by_certificate(&self, path: &Path, certificate: Certificate) -> Result<Box<dyn Signer>> {
        let held = match self.holding(&certificate.key) {
            Ok(agent) => return Ok(Box::new(agent.into_key(certificate.key.clone(), Some(certificate)))),
            Err(e) => e,
        };
        let name = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_suffix("-cert.pub"));
        let beside = name.map(|name| path.with_file_name(name)).filter(|beside| beside.is_file());
        let Some(beside) = beside else { return Err(held.into()) };
        let bytes = Secret::new(files::read_small(&beside, KEY_MAX)?);
        self.private(&beside, &bytes, Some((path, certificate)))
    }

    /// The agent, if it holds this key. One that lists what can't be read may hold it all the same.
    fn holding(&self, key: &PublicKey) -> crypto::Result<Agent> {
        let agent = self.agent()?;
        match agent.keys() {
            Ok(held) if held.contains(key) => Ok(agent),
            Ok(held) => Err(not_in_agent(&key.fingerprint(), &held)),
            Err(crypto::Error::AgentBroken { .. }) => Ok(agent),
            Err(e) => Err(e),
        }
    }

    fn agent(&self) -> crypto::Result<Agent> {
        let none = || crypto::Error::NoAgent { why: "SSH_AUTH_SOCK is not set".to_owned() };
        let socket = self.agent.ok_or_else(none)?.to_owned();
        let waiting = Arc::clone(&self.waiting);
        Ok(Agent::new(Box::new(move || connect(&socket, &waiting))))
    }
}

fn not_in_agent(key: &Fingerprint, held: &[PublicKey]) -> crypto::Error {
    let has = held.iter().map(|key| key.fingerprint().to_string()).collect();
    crypto::Error::NotInAgent { key: key.to_string(), has }
}

#[cfg(unix)]
fn connect(socket: &Path, waiting: &Arc<dyn Waiting>) -> io::Result<Box<dyn Channel>> {
    let stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(Box::new(Patient { stream, waiting: Arc::clone(waiting), waited: Duration::ZERO }))
}

#[cfg(not(unix))]
fn connect(_: &Path, _: &Arc<dyn Waiting>) -> io::Result<Box<dyn Channel>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "agents are not asked on this system"))
}

/// A connection whose silence is waited through, up to a limit.
#[cfg(unix)]
struct Patient {
    stream: std::os::unix::net::UnixStream,
    waiting: Arc<dyn Waiting>,
    waited: Duration,
}

#[cfg(unix)]
impl io::Read for Patient {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buf) {
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    self.waited += TICK;
                    if self.waited > PATIENCE || !self.waiting.go_on("ssh-agent", self.waited) {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                // Whoever waits learns of a signal at once.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                    if !self.waiting.go_on("ssh-agent", self.waited) {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                other => return other,
            }
        }
    }
}

#[cfg(unix)]
impl io::Write for Patient {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(unix)]
impl Drop for Patient {
    fn drop(&mut self) {
        self.waiting.over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_own_by_fingerprint_or_by_file() {
        let which = |text: &str| Which::parse(OsStr::new(text));
        assert_eq!(which("own"), Which::Own);
        assert_eq!(which("./own"), Which::File("./own".into()));
        let fingerprint = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";
        assert_eq!(which(fingerprint), Which::InAgent(fingerprint.to_owned().try_into().unwrap()));
        assert_eq!(which("SHA256:short"), Which::File("SHA256:short".into()));
        assert_eq!(which("id.pub"), Which::File("id.pub".into()));
    }
}
