//! What can go wrong with keys, envelopes and signatures.

use super::PluginFault;
use crate::class::{Class, Fault};

/// An error of the crypto floor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A string that should be a recipient is none that we take.
    #[error("`{text}` is not a recipient: {why}")]
    NotARecipient {
        /// The text as given, cut to a readable length.
        text: String,
        /// Why it is not taken.
        why: &'static str,
    },
    /// A key file that can't be read as one.
    #[error("{what}: {why}")]
    BadKey {
        /// Which kind of key.
        what: &'static str,
        /// Why it can't be used.
        why: String,
    },
    /// A key file that only leads to a device, which this program does not speak to itself.
    #[error("{name} is a security key: only ssh-keygen or an agent can sign with it")]
    SecurityKey {
        /// The key's file.
        name: String,
    },
    /// There is no ssh-agent to ask.
    #[error("no ssh-agent can be reached: {why}")]
    NoAgent {
        /// Why not.
        why: String,
    },
    /// The agent doesn't hold the key.
    #[error("the ssh-agent doesn't hold the key {key}")]
    NotInAgent {
        /// The key's fingerprint.
        key: String,
        /// Those that it holds.
        has: Vec<String>,
    },
    /// The agent said no: it is locked, somebody said no to its question, or the key was not touched.
    #[error("the ssh-agent refused to sign: it is locked, it was told no, or the key was not touched")]
    AgentRefused,
    /// The agent took the question and didn't answer.
    #[error("the ssh-agent gave no answer")]
    AgentSilent,
    /// The agent went away, or talks nonsense.
    #[error("the ssh-agent failed: {why}")]
    AgentBroken {
        /// Which of it.
        why: &'static str,
    },
    /// There is no `ssh-keygen`.
    #[error("ssh-keygen, which signs with this key, can't be run: {why}")]
    NoKeygen {
        /// What the system said.
        why: String,
    },
    /// `ssh-keygen` made no signature.
    #[error("ssh-keygen made no signature: {why}")]
    KeygenRefused {
        /// What it said.
        why: String,
    },
    /// Whoever was asked for a signature gave one that doesn't fit.
    #[error("{what} made a signature that can't be used: {why}")]
    BadDevice {
        /// Who.
        what: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A passphrase that does not open a key.
    #[error("the passphrase does not open the {what}")]
    WrongPassphrase {
        /// Which key.
        what: &'static str,
    },
    /// A passphrase is needed and nobody can be asked.
    #[error("the {what} is locked, and there is no terminal to ask for the passphrase")]
    NeedsPassphrase {
        /// Which key.
        what: &'static str,
    },
    /// An age file whose head breaks a rule of FORMAT §1.5.
    #[error("{what}: the age header is malformed ({why})")]
    BadHead {
        /// The member's name.
        what: String,
        /// The rule.
        why: &'static str,
    },
    /// An age file that is beyond one of the limits of FORMAT §6.3, mostly in its head.
    #[error("{what}: an age file beyond the limits ({why})")]
    HeadTooLarge {
        /// The member's name.
        what: String,
        /// The limit.
        why: &'static str,
    },
    /// None of the identities opens it.
    #[error("no key here opens it")]
    NoKey,
    /// The envelope's authentication fails.
    #[error("{what} does not decrypt: its bytes were changed")]
    Broken {
        /// The member's name.
        what: String,
    },
    /// A signature that does not verify or is not exactly what `ssh-keygen` writes.
    #[error("{what}: {why}")]
    BadSignature {
        /// What was signed.
        what: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// An age plugin that did not do its part.
    #[error(transparent)]
    Plugin(#[from] PluginFault),
    /// Keys of two kinds that age does not lock one file to.
    #[error("these keys can't open one and the same file: some are post-quantum, or demand their own kind only")]
    Incompatible,
    /// The system gave no randomness, or a library refused to encrypt.
    #[error("{0}")]
    System(String),
}

/// A result of the crypto floor.
pub type Result<T> = std::result::Result<T, Error>;

impl Fault for Error {
    fn word(&self) -> &'static str {
        match self {
            Error::NotARecipient { .. } => "bad-recipient",
            Error::BadKey { .. } => "bad-key",
            Error::SecurityKey { .. } => "security-key",
            Error::NoAgent { .. } => "no-agent",
            Error::NotInAgent { .. } => "not-in-agent",
            Error::AgentRefused => "agent-refused",
            Error::AgentSilent => "agent-silent",
            Error::AgentBroken { .. } => "agent-broken",
            Error::NoKeygen { .. } => "no-ssh-keygen",
            Error::KeygenRefused { .. } => "not-signed",
            Error::BadDevice { .. } => "bad-device",
            Error::WrongPassphrase { .. } => "wrong-passphrase",
            Error::NeedsPassphrase { .. } => "needs-passphrase",
            Error::BadHead { .. } | Error::Broken { .. } => "changed",
            Error::HeadTooLarge { .. } => "too-large",
            Error::NoKey => "wrong-key",
            Error::BadSignature { .. } => "bad-signature",
            Error::Plugin(e) => e.word(),
            Error::Incompatible => "incompatible-keys",
            Error::System(_) => "failed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Error::NotARecipient { .. } => Class::Usage,
            Error::WrongPassphrase { .. } | Error::NoKey => Class::WrongKey,
            Error::BadKey { .. } | Error::SecurityKey { .. } | Error::NotInAgent { .. } | Error::Incompatible => {
                Class::Usage
            }
            Error::Plugin(e) => e.class(),
            Error::NeedsPassphrase { .. } | Error::AgentRefused | Error::AgentSilent | Error::KeygenRefused { .. } => {
                Class::NeedsAPerson
            }
            Error::BadHead { .. } | Error::Broken { .. } | Error::BadSignature { .. } => Class::Changed,
            Error::HeadTooLarge { .. } => Class::Unsafe,
            Error::System(_)
            | Error::NoAgent { .. }
            | Error::AgentBroken { .. }
            | Error::NoKeygen { .. }
            | Error::BadDevice { .. } => Class::Failed,
        }
    }
}
