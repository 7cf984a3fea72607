//! Signing by a running ssh-agent: the only door to `ssh-agent-client-rs`. Where the agent is and how long it is waited
//! for is its caller's affair: here it is a channel, opened anew for each question.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use ssh_agent_client_rs::{Client, Error as Said, Identity};

use super::publickey::{inner_of, to_ssh_key};
use super::sign::checked;
use super::sshsig::signed_data;
use super::{Certificate, Error, PublicKey, Result, Signer};

/// A connection to an agent.
pub trait Channel: Read + Write {}

impl<T: Read + Write> Channel for T {}

/// Opens a connection to an agent.
pub type Connect = Box<dyn Fn() -> io::Result<Box<dyn Channel>> + Send + Sync>;

/// A running ssh-agent.
pub struct Agent {
    connect: Connect,
}

/// A key that an agent holds.
pub struct AgentKey {
    agent: Agent,
    key: PublicKey,
    certificate: Option<Certificate>,
}

impl Agent {
    /// The agent behind a connection.
    #[must_use]
    pub fn new(connect: Connect) -> Agent {
        Agent { connect }
    }

    /// The keys that it holds; certificates are left out.
    ///
    /// # Errors
    /// [`Error::NoAgent`], [`Error::AgentBroken`], [`Error::AgentSilent`].
    pub fn keys(&self) -> Result<Vec<PublicKey>> {
        let identities = self.ask(|client| client.list_all_identities())?;
        let key = |identity: Identity<'static>| match identity {
            Identity::PublicKey(key) => Some(PublicKey::of(key.key_data())),
            Identity::Certificate(_) => None,
        };
        Ok(identities.into_iter().filter_map(key).collect())
    }

    /// A key of it, with a certificate in its place in signatures if there is one.
    #[must_use]
    pub fn into_key(self, key: PublicKey, certificate: Option<Certificate>) -> AgentKey {
        AgentKey { agent: self, key, certificate }
    }

    /// One question on a connection of its own, so that an agent that was started again is no trouble.
    fn ask<T>(&self, question: impl FnOnce(&mut Client) -> ssh_agent_client_rs::Result<T>) -> Result<T> {
        let channel = (self.connect)().map_err(|e| Error::NoAgent { why: plain(&e) })?;
        let trouble = Rc::default();
        let watched = Watched { channel, trouble: Rc::clone(&trouble) };
        let answer = question(&mut Client::with_read_write(Box::new(watched)));
        answer.map_err(|said| match (said, trouble.get()) {
            (Said::RemoteFailure, _) => Error::AgentRefused,
            (_, Some(io::ErrorKind::TimedOut)) => Error::AgentSilent,
            (_, Some(io::ErrorKind::UnexpectedEof)) => Error::AgentBroken { why: "it went away before it answered" },
            (_, Some(_)) => Error::AgentBroken { why: "the connection broke" },
            (_, None) => Error::AgentBroken { why: "its answer makes no sense" },
        })
    }
}

impl Signer for AgentKey {
    fn public(&self) -> PublicKey {
        self.key.clone()
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String> {
        let data = signed_data(namespace, message);
        let public = to_ssh_key(&self.key);
        // For an RSA key this asks for rsa-sha2-512; an agent that answers with SHA-1 all the same is not understood.
        let made = self.agent.ask(|client| client.sign(&public, &data))?;
        let blob = self.key.blob()?;
        let in_place = self.certificate.as_ref().map_or(&blob[..], Certificate::blob);
        match checked(&self.key, in_place, namespace, message, &inner_of(&made)) {
            Err(Error::BadSignature { why, .. }) => Err(Error::BadDevice { what: "the ssh-agent", why }),
            other => other,
        }
    }
}

/// Keeps what went wrong with a connection, which the client turns into one word for several things.
struct Watched {
    channel: Box<dyn Channel>,
    trouble: Rc<Cell<Option<io::ErrorKind>>>,
}

impl Watched {
    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(e) = &result
            && e.kind() != io::ErrorKind::Interrupted
        {
            self.trouble.set(Some(e.kind()));
        }
        result
    }
}

impl Read for Watched {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.channel.read(buf);
        if matches!(read, Ok(0)) && !buf.is_empty() {
            self.trouble.set(Some(io::ErrorKind::UnexpectedEof));
        }
        self.keep(read)
    }
}

impl Write for Watched {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.channel.write(buf);
        self.keep(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.channel.flush();
        self.keep(flushed)
    }
}

/// What the system said, without the error number that Rust appends.
fn plain(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}
